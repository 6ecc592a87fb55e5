"""`make_tensor`: tensors of random numbers to try functions on."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from facula.meta import dtype as dtypes
from facula.ops.calls import op
from facula.tensor import Tensor


def make_tensor(
    *shape: int | Sequence[int],
    dtype: dtypes.dtype,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random numbers in [low, high): by default -9 to 9, 0 and 1 for bool.

    `noncontiguous` takes every other element of one twice as wide; `exclude_zero` puts the smallest
    normal number, or 1, in place of zeros. The numbers are PyTorch's after the same seed. Raises
    ValueError for bounds that the dtype cannot hold or that leave nothing between them, and for
    arguments that exclude each other.

    >>> import facula as torch
    >>> x = torch.testing.make_tensor((2, 3), dtype=torch.int64, device="cpu", low=0, high=2)
    >>> x.shape, bool(((x == 0) | (x == 1)).all())
    (torch.Size([2, 3]), True)
    """
    sizes: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    sizes = tuple(sizes)
    real = dtype.is_floating_point or dtype.is_complex
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    if requires_grad and not real:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}"
        )
    stepped = noncontiguous and math.prod(sizes) > 1
    made = (*sizes[:-1], 2 * sizes[-1]) if stepped else sizes
    low, high = _bounds(dtype, low, high)
    if real:
        y = op.empty(made, dtype=dtype, device=device)
        (op.view_as_real(y) if dtype.is_complex else y).uniform_(low, high)
    else:
        y = op.randint(math.ceil(low), math.ceil(high), made, dtype=dtype, device=device)
    if stepped:
        y = y[..., 1::2]
    elif memory_format is not None:
        y = y.clone(memory_format=memory_format)
    if exclude_zero:
        y[y == 0] = dtypes.finfo(dtype).tiny if real else 1
    return y.requires_grad_() if requires_grad else y


def _bounds(dtype: dtypes.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    """The bounds, as given or usual, inside what the dtype holds."""
    real = dtype.is_floating_point or dtype.is_complex
    least: float
    most: float
    if dtype is dtypes.bool_:
        least, most, usual = 0, 2, (0, 2)
    elif real:
        limits = dtypes.finfo(dtype)
        least, most, usual = limits.min, limits.max, (-9, 9)
    else:
        whole = dtypes.iinfo(dtype)
        # The largest int64 cannot be drawn: bounds are int64 themselves.
        least, most, usual = whole.min, whole.max + (dtype is not dtypes.int64), (-9, 10)
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and real:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < least or low >= most:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} "
            f"only supports [{least}, {most})"
        )
    return min(max(low, least), most), min(max(high, least), most)
