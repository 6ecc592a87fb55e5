"""Older ways to make and share tensors: `new`, `set_`, and element-wise Python callbacks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from facula.autograd.mode import mode
from facula.dispatch import check_base_of_view, check_inplace
from facula.form import form_of
from facula.late import Late
from facula.meta.device import device as device_of
from facula.meta.shape import Size
from facula.op import composite, registry
from facula.storage import UntypedStorage
from facula.tensor import Tensor, empty, wrap
from facula.typed_storage import OLD_NAMES, TypedStorage

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

NEW_FORMS = (
    " * (*, torch.device device = None)\n      didn't match because some of the arguments have "
    "invalid types: ({})\n * (torch.Storage storage)\n * (Tensor other)\n * (tuple of ints size, "
    "*, torch.device device = None)\n * (object data, *, torch.device device = None)\n"
)


def _shown(value):
    name = type(value).__name__
    if isinstance(value, (list, tuple)):
        return f"{name} of [{', '.join(type(one).__name__ for one in value)}]"
    return name


def _is_size(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


@composite("new(Tensor self, *, Device? device=None) -> Tensor")
def new(self, *given, device=None, data=None):
    """torch's old constructor, in the dtype of this tensor: `new(2, 3)` and `new(torch.Size(...))`
    give uninitialised memory, `new(sequence)` a copy, `new(array)`, `new(tensor)` and
    `new(storage)` share memory where the dtype is the same.
    """
    kind = self.form.dtype
    if device is not None and device_of(device).type != "cpu":
        raise RuntimeError(
            "legacy constructor expects device type: cpu but device type: "
            f"{device_of(device).type} was passed"
        )
    given = given if data is None else (data, *given)
    if not given:
        return empty(kind, (0,))
    first = given[0]
    if all(map(_is_size, given)) or isinstance(first, Size):
        return self.new_empty(*given)
    if len(given) > 1:
        if _is_size(first):
            place = next(k for k, one in enumerate(given) if not _is_size(one))
            raise TypeError(
                f"new(): argument 'size' failed to unpack the object at pos {place + 1} with error "
                f'"type must be tuple of ints,but got {type(given[place]).__name__}"'
            )
        names = [_shown(one) for one in given]
        forms = NEW_FORMS.format(", ".join(f"!{name}!" for name in names))
        raise TypeError(
            f"new() received an invalid combination of arguments - got "
            f"({', '.join(type(one).__name__ for one in given)}), but expected one of:\n{forms}"
        )
    if isinstance(first, Tensor):
        if first.form.dtype is not kind:
            raise TypeError(f"expected {_options(kind)} (got {_options(first.form.dtype)})")
        return first.detach()
    if isinstance(first, (TypedStorage, UntypedStorage)):
        return _over(first, kind)
    if isinstance(first, str):
        raise TypeError(f"new(): invalid data type '{type(first).__name__}'")
    if isinstance(first, np.ndarray) and first.dtype == kind.numpy and first.flags.writeable:
        return registry["from_numpy"].function(first)
    if (
        not hasattr(first, "__len__")
        or not hasattr(first, "__getitem__")
        or isinstance(first, (dict, set))
    ):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return registry["new_tensor"].function(self, first)


WORDS = {"float32": "float", "float64": "double", "float16": "c10::Half", "int64": "long int",
         "int32": "int", "int16": "short int", "int8": "signed char", "uint8": "unsigned char",
         "bfloat16": "c10::BFloat16"}  # fmt: skip


def _word(kind):
    return WORDS.get(kind.name, kind.name)


def _options(kind):
    return (
        f"TensorOptions(dtype={_word(kind)}, device=cpu, layout=Strided, requires_grad=false "
        "(default), pinned_memory=false (default), memory_format=(nullopt))"
    )


def _over(storage, kind):
    """All of a storage as a vector."""
    if isinstance(storage, TypedStorage) and storage.dtype is not kind:
        raise RuntimeError(
            f"Expected a Storage of type {OLD_NAMES[kind.name]} or an UntypedStorage, but got type "
            f"{OLD_NAMES[storage.dtype.name]} for argument 1 'storage'"
        )
    block = storage.untyped()
    return wrap(block, block.address, form_of(kind, (block.nbytes() // kind.itemsize,)))


@composite("set_(Tensor(a!) self) -> Tensor(a!)")
def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """This tensor looks into another storage from now on: that of a tensor, or a storage itself
    (all of it as a vector unless offset, size and stride say otherwise)."""
    kind = self.form.dtype
    if mode.enabled and self.needs_grad:
        check_inplace(self)
        check_base_of_view(self)
    if isinstance(size, int):
        size = (size,)
    if source is None:
        source = UntypedStorage(0)
    if isinstance(source, Tensor):
        if source.form.dtype is not kind:
            raise RuntimeError(
                f"Could not set tensor of type {_word(source.form.dtype)} to a tensor of type "
                f"{_word(kind)}"
            )
        if size is None:
            self.block, self.address, self.form = source.block, source.address, source.form
            self.block.version += 1
            return self
        source = source.block
    if isinstance(source, TypedStorage) and source.dtype is not kind:
        raise RuntimeError(
            f"Expected a Storage of type {OLD_NAMES[kind.name]} or an UntypedStorage, but got type "
            f"{OLD_NAMES[source.dtype.name]} for argument 1 'storage'"
        )
    if not isinstance(source, (TypedStorage, UntypedStorage)):
        raise TypeError(
            f"set_(): argument 'source' (position 1) must be Storage, not {type(source).__name__}"
        )
    block = source.untyped()
    if size is None:
        size = (block.nbytes() // kind.itemsize,)
    if storage_offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {storage_offset}")
    if stride is not None and len(tuple(stride)) != len(tuple(size)):
        raise RuntimeError(
            f"unequal size length ({len(tuple(size))}) and stride length ({len(tuple(stride))})"
        )
    if stride is not None and any(n < 0 for n in stride):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and "
            f"strides={list(stride)}"
        )
    form = form_of(kind, tuple(size), tuple(stride) if stride else None)
    last = form.geometry.bounds()[1] if form.numel else -1
    needed = (storage_offset + last + 1) * kind.itemsize
    if form.numel and needed > block.nbytes():
        block.resize_(needed)
    self.block = block
    self.address = block.address + storage_offset * kind.itemsize
    self.form = form
    block.version += 1
    return self


# --- callbacks -----------------------------------------------------------------------------------


def _by_elements(self, name, others, function: Callable[..., Any]):
    """self becomes function(elements...), called from Python element by element, as in torch."""
    if self.needs_grad:
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
            "instead."
        )
    for k, one in enumerate(others):
        if one.form.dtype is not self.form.dtype:
            word = ("other", "other2")[k] if len(others) == 1 else ("x", "y")[k]
            raise TypeError(f"{name}: expected {self.type()} for '{word}' (got {one.type()})")
    columns = [self, *[one.detach().expand(self.form.shape) for one in others]]
    rows = zip(*[one.reshape(-1).tolist() for one in columns], strict=True)
    integral = not self.form.dtype.is_floating_point and not self.form.dtype.is_complex
    made = []
    for row in rows:
        value = function(*row)
        if isinstance(value, str) or not hasattr(value, "__float__"):
            raise TypeError(f"must be real number, not {type(value).__name__}")
        made.append(int(value) if integral else value)
    values = registry["tensor"].function(made, dtype=self.form.dtype)
    return self.copy_(values.reshape(self.form.shape))


@composite("apply_(Tensor(a!) self, Any callable) -> Tensor(a!)")
def apply_(self, callable):
    """Each element becomes callable(element). Slow: Python is called for every element."""
    return _by_elements(self, "apply_", (), callable)


@composite("map_(Tensor(a!) self, Tensor other, Any callable) -> Tensor(a!)")
def map_(self, other, callable):
    """Each element becomes callable(element, element of other). Slow, as apply_."""
    return _by_elements(self, "map_", (other,), callable)


@composite("map2_(Tensor(a!) self, Tensor x, Tensor y, Any callable) -> Tensor(a!)")
def map2_(self, x, y, callable):
    """Each element becomes callable(element, element of x, element of y). Slow, as apply_."""
    return _by_elements(self, "map2_", (x, y), callable)


new.checked = False  # a constructor of many forms

for _name in ("new", "set_", "apply_", "map_", "map2_"):
    registry[_name].namespace = "tensor"
