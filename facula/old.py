"""The old classes of tensors: FloatTensor, LongTensor, ..., and those that would be on a GPU.

A class stands for a dtype: calling it makes a tensor, `isinstance` asks for the dtype. The classes
of storages are `typed_storage.py`'s.
"""

from typing import Any

from facula.meta.dtype import DTYPES, set_default_dtype
from facula.meta.dtype import dtype as DType
from facula.meta.layout import strided
from facula.storage import UntypedStorage as UntypedStorage
from facula.tensor import Tensor, empty
from facula.typed_storage import OLD_NAMES, OLD_STORAGES
from facula.typed_storage import TypedStorage as TypedStorage


class tensortype(type):
    """The type of the old classes of tensors."""

    dtype: DType
    layout = strided
    is_cuda: bool = False
    is_sparse: bool = False

    def __instancecheck__(cls, instance: object) -> bool:
        return not cls.is_cuda and isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        if cls.is_cuda:
            raise TypeError(
                f"type {cls.__module__}.{cls.__name__} not available. Torch not compiled with CUDA "
                "enabled."
            )
        made: Tensor = empty(cls.dtype, (0,)).new(*data, device=device)
        return made


HERE = """The old class of {dtype} tensors: makes one of sizes or of data; `isinstance` asks for it.

    >>> import facula as torch
    >>> torch.{name}([1, 0]).dtype, torch.{name}(2, 3).shape
    (torch.{dtype}, torch.Size([2, 3]))
    >>> isinstance(torch.zeros(2, dtype=torch.{dtype}), torch.{name})
    True
    """
ON_A_GPU = """The old class of {dtype} tensors on a GPU: making one raises TypeError.

    >>> import facula as torch
    >>> isinstance(torch.zeros(2, dtype=torch.{dtype}), torch.cuda.{name})
    False
    """


def old_tensor(kind: DType, module: str) -> tensortype:
    """The old class of tensors of a dtype, such as torch.FloatTensor."""
    name = f"{OLD_NAMES[kind.name]}Tensor"
    words = (HERE if module == "torch" else ON_A_GPU).format(name=name, dtype=kind.name)
    members = {"dtype": kind, "is_cuda": module != "torch", "__module__": module, "__doc__": words}
    return tensortype(name, (), members)


_OLD = [one for one in DTYPES if one.name in OLD_NAMES and not one.is_complex]
OLD_TENSORS = {f"{OLD_NAMES[one.name]}Tensor": old_tensor(one, "torch") for one in _OLD}
GPU_TENSORS = {f"{OLD_NAMES[one.name]}Tensor": old_tensor(one, "torch.cuda") for one in _OLD}
_NAMES: dict[str, Any] = {
    **OLD_TENSORS,
    **{one.__name__: one for name, one in OLD_STORAGES.items() if name != "complex32"},
    "Storage": OLD_STORAGES["float32"],
    "TypedStorage": TypedStorage,
    "UntypedStorage": UntypedStorage,
}


def set_default_tensor_type(t: "type | str", /) -> None:
    """Sets the default dtype by an old class, such as torch.DoubleTensor or its name.

    >>> import facula as torch
    >>> torch.set_default_tensor_type(torch.DoubleTensor)
    >>> torch.tensor(0.5).dtype
    torch.float64
    >>> torch.set_default_tensor_type("torch.FloatTensor")
    """
    found: Any = t
    if isinstance(t, str):
        module, _, name = t.rpartition(".")
        table = {"torch": OLD_TENSORS, "torch.cuda": GPU_TENSORS}.get(module, {})
        if name not in table:
            raise TypeError(
                f"invalid type object: expected the name of a class of tensors such as "
                f"'torch.FloatTensor', got {t!r}"
            )
        found = table[name]
    if not isinstance(found, tensortype):
        raise TypeError(
            "invalid type object: only floating-point types are supported as the default type"
        )
    if found.is_cuda:
        raise TypeError(
            f"type {found.__module__}.{found.__name__} not available. Torch not compiled with CUDA "
            "enabled."
        )
    set_default_dtype(found.dtype)


__all__ = ["set_default_tensor_type", *_NAMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    try:
        return _NAMES[name]
    except KeyError:
        raise AttributeError(f"module 'facula.old' has no attribute {name!r}") from None
