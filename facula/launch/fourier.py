"""Discrete Fourier transforms on tensors: what NumPy's library (pocketfft) computes. No graph here.

Transforms are not scaled, or by 1 / sqrt(n), or by 1 / n, in either direction; NumPy names the same
three differently forwards and backwards.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from facula.dispatch import convert
from facula.form import form_of
from facula.late import Late
from facula.launch.lapack import array_of
from facula.meta.dtype import dtype
from facula.storage import Storage
from facula.tensor import Tensor, empty, wrap

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

# How a result is scaled.
UNSCALED, BY_ROOT, BY_SIZE = 0, 1, 2
_FORWARDS = {UNSCALED: "backward", BY_ROOT: "ortho", BY_SIZE: "forward"}
_BACKWARDS = {UNSCALED: "forward", BY_ROOT: "ortho", BY_SIZE: "backward"}


def _wrapped(array: "np.ndarray", wanted: dtype) -> Tensor:
    """NumPy's result as a tensor over its memory."""
    # NumPy 1 computes in double precision whatever it is given.
    if array.dtype != wanted.numpy or not array.flags.c_contiguous:
        array = np.ascontiguousarray(array, wanted.numpy).reshape(array.shape)
    address = array.ctypes.data
    storage = Storage.foreign(address, array.nbytes, array)
    return wrap(storage, address, form_of(wanted, array.shape))


def _strides(
    strides: Sequence[int], shape: Sequence[int], dims: Sequence[int], last: bool = False
) -> list[int]:
    """PyTorch's layout of a transform: the transformed dims innermost, the others around them, both
    in the order of the input's strides; `last`: the last of dims stays the innermost."""

    def outer_first(d: int) -> int:
        return -strides[d]

    if last:
        inside = [*sorted(dims[:-1], key=outer_first), dims[-1]]
    else:
        inside = sorted(dims, key=outer_first)
    outside = sorted(_apart(len(shape), set(inside)), key=outer_first)
    made, step = [0] * len(shape), 1
    for d in reversed([*outside, *inside]):
        made[d] = step
        step *= shape[d]
    return made


def _apart(count: int, chosen: set[int]) -> list[int]:
    """The dims that are not chosen as std::partition leaves them, which decides between equal
    strides: it fills gaps from the end."""
    order, low, high = list(range(count)), 0, count
    while True:
        while low < high and order[low] not in chosen:
            low += 1
        high -= 1
        while low < high and order[high] in chosen:
            high -= 1
        if low >= high:
            return order[:low]
        order[low], order[high] = order[high], order[low]
        low += 1


def _run(
    transform: Callable[..., "np.ndarray"],
    x: Tensor,
    shape: Sequence[int],
    wanted: dtype,
    strides: Sequence[int],
    **how: object,
) -> Tensor:
    if x.form.lazy:
        x = convert(x, x.form.dtype)
    if not x.form.numel:
        return empty(wanted, tuple(shape))
    y = _wrapped(transform(array_of(x), **how), wanted)
    laid = form_of(wanted, y.form.shape, tuple(strides))
    return y if laid.contiguous else convert(y, wanted, laid)


def complex_to_complex(x: Tensor, dims: Sequence[int], scaling: int, forwards: bool) -> Tensor:
    """The transform of complex numbers along some dims."""
    norm = (_FORWARDS if forwards else _BACKWARDS)[scaling]
    strides = _strides(x.form.strides, x.form.shape, dims)
    if len(dims) == 1:
        single = np.fft.fft if forwards else np.fft.ifft
        return _run(single, x, x.form.shape, x.form.dtype, strides, axis=dims[0], norm=norm)
    transform = np.fft.fftn if forwards else np.fft.ifftn
    return _run(transform, x, x.form.shape, x.form.dtype, strides, axes=tuple(dims), norm=norm)


def real_to_complex(x: Tensor, dims: Sequence[int], scaling: int, onesided: bool) -> Tensor:
    """The forward transform of real numbers: of the last of dims the first half, if so wanted."""
    shape = list(x.form.shape)
    wanted = x.form.dtype.to_complex()
    if onesided:
        shape[dims[-1]] = shape[dims[-1]] // 2 + 1
    strides = _strides(x.form.strides, shape, dims, last=True)
    if len(dims) == 1:
        single = np.fft.rfft if onesided else np.fft.fft
        return _run(single, x, shape, wanted, strides, axis=dims[0], norm=_FORWARDS[scaling])
    transform = np.fft.rfftn if onesided else np.fft.fftn
    return _run(transform, x, shape, wanted, strides, axes=tuple(dims), norm=_FORWARDS[scaling])


def complex_to_real(x: Tensor, dims: Sequence[int], scaling: int, size: int) -> Tensor:
    """The backward transform of a first half to `size` real numbers along the last of dims."""
    shape = list(x.form.shape)
    shape[dims[-1]] = size
    sizes = [shape[d] for d in dims]
    wanted = x.form.dtype.to_real()
    if len(dims) == 1:
        norm, strides = _BACKWARDS[scaling], _strides(x.form.strides, shape, dims)
        return _run(np.fft.irfft, x, shape, wanted, strides, n=size, axis=dims[0], norm=norm)
    how = {"s": sizes, "axes": tuple(dims), "norm": _BACKWARDS[scaling]}
    # PyTorch transforms all dims but the last first.
    before = _strides(x.form.strides, x.form.shape, dims[:-1])
    return _run(np.fft.irfftn, x, shape, wanted, _strides(before, shape, dims[-1:]), **how)
