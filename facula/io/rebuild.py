"""The words for tensors in a checkpoint: how each is spelled in PyTorch's names, and read back.

A tensor is a call of `_rebuild_tensor_v2` on a storage that lies outside the pickle, so that
tensors keep sharing memory. What a file says about shape, strides and offset is believed only when
every element lies inside that storage. Containers, files and places are `checkpoint.py`'s.
"""

import importlib
import sys
from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from pickle import PicklingError, UnpicklingError
from warnings import warn

import numpy as np

from facula.form import form_of
from facula.io.encoder import Call, Global, Reference
from facula.io.words import Maker, check_attributes, shown
from facula.meta.device import device
from facula.meta.dtype import (
    DTYPES,
    bool_,
    dtype,
    uint8,
)
from facula.meta.layout import layout, strided
from facula.meta.shape import Size
from facula.naming import SERIALIZED
from facula.storage import Storage
from facula.tensor import Tensor, view_of, wrap
from facula.typed_storage import OLD_NAMES, TypedStorage

# Later dtypes have no class of storages: their tensors lie in storages of bytes.
STORAGE_NAMES = {
    one: f"{OLD_NAMES[one.name]}Storage"
    for one in DTYPES
    if one.name in OLD_NAMES and one.name != "complex32"
}


@dataclass(frozen=True, slots=True)
class StorageKind:
    """A class of storages, such as torch.FloatStorage: what its elements are."""

    dtype: dtype


_UNTYPED = StorageKind(uint8)
# Beyond these, counts of bytes may leave the 64 bits that kernels compute in.
_TOO_MANY = 1 << 56
_MOST_DIMS = 64

# --- writing --------------------------------------------------------------------------------------


def tensor_call(tensor: Tensor, storage: Reference) -> Call:
    """How to make a tensor anew over its storage."""
    _warn_of_hooks(tensor)
    state = dict(vars(tensor)) or None
    if tensor.form.names is not None:
        raise RuntimeError(SERIALIZED)
    if type(tensor) is not Tensor and type(tensor) is _parameter_class():
        return _parameter_call(tensor, storage, state)
    if type(tensor) is not Tensor:
        raise PicklingError(
            f"facula.save cannot write {_name(type(tensor))}, a subclass of Tensor, "
            "which only code could rebuild"
        )
    call = _plain_call(tensor, storage, tensor.requires_grad)
    if state is None:
        return call
    args = (call.function, Global("torch", "Tensor"), call.args, state)
    return Call(Global("torch._tensor", "_rebuild_from_type_v2"), args)


def _plain_call(tensor: Tensor, storage: Reference, requires_grad: bool) -> Call:
    form = tensor.form
    offset, rest = divmod(tensor.address - tensor.block.address, form.itemsize)
    if rest or offset < 0:
        raise PicklingError("facula.save cannot write a tensor that begins between two elements")
    shape = (tuple(form.shape), tuple(form.strides))
    args: tuple[object, ...] = (storage, offset, *shape, requires_grad, OrderedDict())
    if form.dtype not in STORAGE_NAMES:
        return Call(Global("torch._utils", "_rebuild_tensor_v3"), (*args, form.dtype))
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), args)


def _parameter_call(tensor: Tensor, storage: Reference, state: dict[str, object] | None) -> Call:
    args: tuple[object, ...] = (
        _plain_call(tensor, storage, False),
        tensor.requires_grad,
        OrderedDict(),
    )
    if state is None:
        return Call(Global("torch._utils", "_rebuild_parameter"), args)
    return Call(Global("torch._utils", "_rebuild_parameter_with_state"), (*args, state))


def storage_global(kind: dtype | None) -> Global:
    """The class of a storage with elements of that type, or of bytes."""
    if kind is None or kind not in STORAGE_NAMES:
        return Global("torch.storage", "UntypedStorage")
    return Global("torch", STORAGE_NAMES[kind])


def meta_call(value: object) -> Call | Global | None:
    """How to spell a shape, dtype, device or layout; None for anything else."""
    if type(value) is Size:
        return Call(Global("torch", "Size"), (tuple(value),))
    if isinstance(value, dtype):
        return Global("torch", value.name)
    if type(value) is device:
        args = (value.type,) if value.index is None else (value.type, value.index)
        return Call(Global("torch", "device"), args)
    if type(value) is layout:
        return Call(Global("torch.serialization", "_get_layout"), (repr(value),))
    return None


def _warn_of_hooks(tensor: Tensor) -> None:
    if tensor.extra is not None and tensor.extra.hooks:
        for hook in tensor.extra.hooks.values():
            warn(f"backward hook {hook!r} on tensor will not be serialized.", stacklevel=2)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


# --- reading --------------------------------------------------------------------------------------


def identified(identifier: object) -> tuple[dtype, str, str, int]:
    """Element type, key, location and length that a pickle gives for a storage outside it."""
    words = identifier if type(identifier) is tuple and len(identifier) > 4 else (None,) * 5
    word, kind, key, location, numel = words[:5]
    if type(word) is not str or word != "storage":
        raise UnpicklingError(f"Only persistent_load of storage is allowed: {shown(identifier)}")
    if not isinstance(kind, StorageKind) or type(key) is not str or type(location) is not str:
        raise UnpicklingError(f"a malformed reference to a storage: {shown(identifier)}")
    if type(numel) is not int or not 0 <= numel < _TOO_MANY:
        raise UnpicklingError(f"storage {shown(key)} of {shown(numel)} elements")
    return kind.dtype, key, location, numel


def tidy(storage: Storage, kind: dtype, order: str) -> None:
    """Brings bytes as they were in a file into the form that kernels count on."""
    if not storage.length:
        return
    if order != sys.byteorder:
        storage.byteswap(kind)
    if kind is bool_:
        flags = np.frombuffer(memoryview(storage.buffer()), np.uint8)
        if flags.max() > 1:
            np.minimum(flags, 1, out=flags)


def _rebuild_tensor(storage: object, offset: object, size: object, stride: object) -> Tensor:
    if not isinstance(storage, TypedStorage):
        raise UnpicklingError(f"a tensor over {type(storage).__name__}, which is no storage")
    shape, strides = _indices("size", size), _indices("stride", stride)
    (start,) = _indices("storage offset", (offset,))
    if len(shape) != len(strides) or len(shape) > _MOST_DIMS:
        raise UnpicklingError(f"a tensor with {len(shape)} sizes and {len(strides)} strides")
    if prod(size for size in shape if size) >= _TOO_MANY:
        raise UnpicklingError(f"a tensor of size {list(shape)} has too many elements")
    numel = storage.nbytes() // storage.dtype.itemsize
    if prod(shape):
        last = start + sum((s - 1) * step for s, step in zip(shape, strides))
        if last >= numel:
            raise UnpicklingError(
                f"a tensor of size {list(shape)}, stride {list(strides)} and storage offset "
                f"{start} is out of bounds for storage of {numel} elements"
            )
    else:
        start = min(start, numel)  # it has no first element; a place far outside is not kept
    return view_of(storage.untyped(), start, form_of(storage.dtype, Size(shape), strides))


def _indices(what: str, values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or not all(type(value) is int for value in values):
        raise UnpicklingError(f"the {what} of a tensor must be integers")
    for value in values:
        if not 0 <= value < _TOO_MANY:
            raise UnpicklingError(f"the {what} of a tensor is out of range: {shown(value)}")
    return tuple(values)


def _rebuild_tensor_v2(
    storage: object,
    offset: object,
    size: object,
    stride: object,
    requires_grad: object,
    backward_hooks: object,
    metadata: object = None,
) -> Tensor:
    tensor = _rebuild_tensor(storage, offset, size, stride)
    if metadata is not None and not (type(metadata) is dict and not metadata):
        tensor = _lazy_view(tensor, metadata)
    return tensor.requires_grad_(_wants_gradient(tensor, requires_grad))


def _lazy_view(tensor: Tensor, metadata: object) -> Tensor:
    """The view that torch describes: of conjugates, or of negatives."""
    for lazy, fits in (("conj", tensor.form.dtype.is_complex), ("neg", not tensor.is_complex())):
        if fits and type(metadata) is dict and metadata == {lazy: True}:
            return wrap(tensor.block, tensor.address, tensor.form.with_lazy(lazy))
    raise UnpicklingError(f"a tensor with {shown(metadata)}: facula has no such views")


def _rebuild_tensor_v3(
    storage: object,
    offset: object,
    size: object,
    stride: object,
    requires_grad: object,
    backward_hooks: object,
    kind: object,
    metadata: object = None,
) -> Tensor:
    if not isinstance(storage, TypedStorage) or not isinstance(kind, dtype) or kind.index < 0:
        raise UnpicklingError(f"a tensor of {shown(kind)} over {type(storage).__name__}")
    numbers = TypedStorage(wrap_storage=storage.untyped(), dtype=kind)
    return _rebuild_tensor_v2(
        numbers, offset, size, stride, requires_grad, backward_hooks, metadata
    )


def _wants_gradient(tensor: Tensor, requires_grad: object) -> bool:
    if type(requires_grad) is not bool:
        raise UnpicklingError(f"requires_grad must be a bool, got {type(requires_grad).__name__}")
    if requires_grad and not tensor.form.tracked:
        raise UnpicklingError(f"a tensor of {tensor.dtype} that requires gradients")
    return requires_grad


def _parameter_class() -> type[Tensor]:
    # By name, when first needed: facula.nn takes longer to import than all that is used here.
    kind: type[Tensor] = importlib.import_module("facula.nn.parameter").Parameter
    return kind


def _rebuild_parameter(data: object, requires_grad: object, backward_hooks: object) -> Tensor:
    if type(data) is not Tensor:
        raise UnpicklingError(f"a parameter made from {type(data).__name__}")
    return _parameter_class()(data, _wants_gradient(data, requires_grad))


def _rebuild_parameter_with_state(
    data: object, requires_grad: object, backward_hooks: object, state: object
) -> Tensor:
    parameter = _rebuild_parameter(data, requires_grad, backward_hooks)
    vars(parameter).update(check_attributes(type(parameter), state))
    return parameter


def _rebuild_from_type_v2(function: object, kind: object, args: object, state: object) -> Tensor:
    if function is not _rebuild_tensor_v2 or kind is not Tensor or type(args) is not tuple:
        raise UnpicklingError("a tensor of a class that only code could rebuild")
    tensor = _rebuild_tensor_v2(*args)
    vars(tensor).update(check_attributes(Tensor, state))
    return tensor


def _size(sizes: object = ()) -> Size:
    return Size(_indices("size", sizes))


def _device(*words: object) -> device:
    try:
        return device(*words)  # type: ignore[arg-type]
    except (TypeError, RuntimeError) as error:
        raise UnpicklingError(f"a device that is none: {error}") from None


def _get_layout(spelling: object) -> layout:
    if type(spelling) is not str or spelling != repr(strided):
        raise UnpicklingError(f"facula has no layout {shown(spelling)}")
    return strided


TENSOR_NAMES: dict[str, object] = {
    **{f"torch.{kind.name}": kind for kind in DTYPES},
    **{f"torch.{name}": StorageKind(kind) for kind, name in STORAGE_NAMES.items()},
    "torch.UntypedStorage": _UNTYPED,
    "torch.storage.UntypedStorage": _UNTYPED,
    "torch.Size": Size,
    "torch.Tensor": Tensor,
    "torch.device": device,
    "torch.serialization._get_layout": _get_layout,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type_v2,
}
TENSOR_MAKERS: tuple[tuple[object, Maker], ...] = (
    (Size, _size),
    (device, _device),
    (_get_layout, _get_layout),
    (_rebuild_tensor, _rebuild_tensor),
    (_rebuild_tensor_v2, _rebuild_tensor_v2),
    (_rebuild_tensor_v3, _rebuild_tensor_v3),
    (_rebuild_parameter, _rebuild_parameter),
    (_rebuild_parameter_with_state, _rebuild_parameter_with_state),
    (_rebuild_from_type_v2, _rebuild_from_type_v2),
)
