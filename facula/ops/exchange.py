"""Tensors over the memory of others: arrays, buffers, files, capsules."""

import warnings
from typing import TYPE_CHECKING

from facula.dispatch import dtype_word
from facula.dlpack import incoming
from facula.form import form_of
from facula.late import Late
from facula.meta import dtype as dtypes
from facula.meta.device import check_cpu
from facula.op import composite, registry
from facula.storage import Storage
from facula.tensor import Tensor, empty, wrap

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

READ_ONLY = (
    "The given {} is not writable, and PyTorch does not support non-writable tensors. This means "
    "writing to this tensor will result in undefined behavior. You may want to copy the {} to "
    "protect its data or make it writable before converting it to a tensor. This type of warning "
    "will be suppressed for the rest of this program."
)
_warned: set[str] = set()


def _warn_read_only(name, short):
    if name not in _warned:
        _warned.add(name)
        warnings.warn(READ_ONLY.format(name, short), UserWarning, stacklevel=4)


def _over(array, kind):
    """A tensor over an array's memory."""
    if any(step < 0 for step in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().) "
        )
    if any(step % kind.itemsize for step in array.strides):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. Copy the numpy "
            "array to reallocate the memory."
        )
    strides = tuple(step // kind.itemsize for step in array.strides)
    form = form_of(kind, array.shape, strides)
    address = array.__array_interface__["data"][0]
    last = form.geometry.bounds()[1] if array.size else -1
    storage = Storage.foreign(address, (last + 1) * kind.itemsize, array)
    return wrap(storage, address, form)


def _wanting(y, requires_grad):
    if requires_grad and not (y.form.dtype.is_floating_point or y.form.dtype.is_complex):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return y.requires_grad_() if requires_grad else y


def from_numpy(array):
    """A tensor that shares the memory of a NumPy array.

    >>> import facula as torch, numpy as np
    >>> array = np.zeros(3)
    >>> torch.from_numpy(array)[0] = 1
    >>> array
    array([1., 0., 0.])
    """
    if not isinstance(array, np.ndarray):
        given = type(array).__name__
        name = f"numpy.{given}" if isinstance(array, np.generic) else given
        raise TypeError(f"expected np.ndarray (got {name})")
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion "
            "between byte orders is currently not supported."
        )
    kind = dtypes.of_numpy(array.dtype)
    if not array.flags.writeable:
        _warn_read_only("NumPy array", "array")
    return _over(array, kind)


composite("from_numpy(Any ndarray) -> Tensor")(from_numpy)


@composite("frombuffer(Any buffer, *, ScalarType dtype, int count=-1, int offset=0, "
           "bool requires_grad=False) -> Tensor")
def frombuffer(buffer, *, dtype=None, count=-1, offset=0, requires_grad=False):
    """A tensor over the memory of an object with the buffer protocol: `count` elements of a dtype
    from byte `offset` on, all that are left if -1."""
    if dtype is None:
        raise TypeError('frombuffer() missing 1 required positional arguments: "dtype"')
    try:
        raw = np.frombuffer(buffer, np.uint8) if len(memoryview(buffer)) else np.empty(0, np.uint8)
    except (TypeError, BufferError):
        raise ValueError("object does not implement Python buffer protocol.") from None
    length, size = raw.nbytes, dtype.itemsize
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count < 0:
        if (length - offset) % size:
            raise ValueError(
                f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a "
                f"multiple of element size ({size})"
            )
        count = (length - offset) // size
    if offset + count * size > length:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({length} bytes)"
        )
    if not raw.flags.writeable:
        _warn_read_only("buffer", "buffer")
    address = raw.__array_interface__["data"][0] + offset
    storage = Storage.foreign(address, count * size, raw)
    return _wanting(wrap(storage, address, form_of(dtype, (count,))), requires_grad)


@composite("from_file(str filename, bool? shared=None, int? size=0, *, ScalarType? dtype=None, "
           "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
def from_file(filename, shared=None, size=0, *, dtype=None, layout=None, device=None,
              pin_memory=False, requires_grad=False):
    """A tensor of `size` elements over a file's content. Shared: what is written to it is written
    to the file, which is made or made longer if need be; else the file stays as it is.

    >>> import facula as torch
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes([1, 2, 3]))
    ...     file.flush()
    ...     torch.from_file(file.name, size=3, dtype=torch.uint8)
    tensor([1, 2, 3], dtype=torch.uint8)
    """
    if device is not None:
        check_cpu(device)
    kind = dtype or dtypes.get_default_dtype()
    length = size * kind.itemsize
    if length < 0:
        raise RuntimeError(f"from_file: size must not be negative, got {size}")
    if length == 0:
        return empty(kind, (0,))
    storage = Storage.from_file(filename, bool(shared), length)
    y = wrap(storage, storage.address, form_of(kind, (size,)))
    return _wanting(y, requires_grad)


@composite("from_dlpack(Any ext_tensor, *, Device? device=None, bool? copy=None) -> Tensor")
def from_dlpack(ext_tensor, *, device=None, copy=None):
    """A tensor over the memory of an object with `__dlpack__`, or of a capsule; of any library.

    >>> import facula as torch, numpy as np
    >>> array = np.arange(3)
    >>> torch.from_dlpack(array).data_ptr() == array.ctypes.data
    True
    """
    if device is not None:
        check_cpu(device)
    if isinstance(ext_tensor, Tensor):
        ext_tensor.__dlpack__()
        y = ext_tensor.detach()
    else:
        y = _over(*incoming(ext_tensor))
    return y.clone() if copy else y


@composite("to_dlpack(Tensor tensor) -> Any")
def to_dlpack(tensor):
    """A capsule over a tensor's memory, for one library to consume; its `__dlpack__` does the
    same."""
    return tensor.__dlpack__()


# --- as NumPy's functions take tensors -----------------------------------------------------------


def _asarray_buffer(obj, dtype):
    """An object with the buffer protocol as a tensor over its memory, or None."""
    try:
        memoryview(obj)
    except TypeError:
        return None
    return frombuffer.forward(obj, dtype=dtype or dtypes.get_default_dtype())


@composite("asarray(Any obj, *, ScalarType? dtype=None, Device? device=None, "
           "bool? copy=None, bool? requires_grad=None) -> Tensor")
def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=None):
    """A tensor from a tensor, an array, an object with `__dlpack__` or the buffer protocol, numbers
    or nested lists. Shares memory where it can, unless `copy` is true; if `copy` is false, not to
    share is a ValueError. Unless said otherwise, it requires a gradient where `obj` does."""
    if requires_grad is None:
        requires_grad = isinstance(obj, Tensor) and obj.needs_grad
        if requires_grad:
            warnings.warn(
                "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad "
                "instead of False. Pass requires_grad=False explicitly to get the old behavior "
                "and silence this warning.",
                UserWarning,
                stacklevel=3,
            )
    if device is not None:
        check_cpu(device)
    y, shares = None, True
    if isinstance(obj, Tensor):
        y = obj
    elif isinstance(obj, np.ndarray):
        y = from_numpy(obj)
    elif isinstance(obj, np.generic):
        y, shares = registry["tensor"].function(obj), False
    elif hasattr(obj, "__dlpack__"):
        y = from_dlpack.forward(obj)
    elif not isinstance(obj, (str, int, float, complex, list, tuple)):
        y = _asarray_buffer(obj, dtype)
    if y is None:
        y, shares = registry["tensor"].function(obj, dtype=dtype), False
    if copy is False and not shares:
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    if dtype is not None and y.form.dtype is not dtype:
        if copy is False:
            raise ValueError(
                f"can't alias tensor with dtype '{dtype_word(y.form.dtype)}' into dtype "
                f"'{dtype_word(dtype)}'."
            )
        y, shares = y.to(dtype), False
    if copy and shares:
        y = y.clone()
    if isinstance(obj, Tensor) and requires_grad is not y.needs_grad:
        y = y.detach()
    return _wanting(y, requires_grad)


for _name in ("from_numpy", "frombuffer", "from_file", "from_dlpack", "to_dlpack", "asarray"):
    registry[_name].method = False
