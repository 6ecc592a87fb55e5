"""Counts of numbers and places in sorted sequences."""

import math
from typing import TYPE_CHECKING

from facula.dispatch import dtype_word
from facula.dispatch.parts import refuse_complex
from facula.late import Late
from facula.meta import dtype as dtypes
from facula.op import composite, registry
from facula.tensor import Tensor

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

# --- counts --------------------------------------------------------------------------------------


@composite("bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor")
def bincount(self, weights=None, minlength=0):
    """How often each number 0, 1, 2, ... occurs, or the sum of its weights.

    self (n) of integers not below 0, result (max + 1), or (minlength) if that is more; int64, or
    the weights' dtype. Raises RuntimeError for others.

    >>> import facula as torch
    >>> torch.bincount(torch.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    if self.form.dtype.is_floating_point or self.form.kind == "bool":
        word = dtype_word(self.form.dtype)
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{word}'")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if self.form.ndim != 1 or (self.form.numel and bool((self < 0).any())):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and weights.form.shape != self.form.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    places = self.to(dtypes.int64)
    size = max(minlength, int(places.amax().item()) + 1 if self.form.numel else 0)
    if weights is None or not self.form.numel:
        weights = registry["ones"].function(self.form.numel, dtype=dtypes.int64)
    elif weights.form.kind != "f32":
        weights = weights.to(dtypes.float64)
    return weights.new_zeros(size).index_add(0, places, weights)


def _ends(name, x, low, high):
    """The range of counts: as given, or that of the elements if both ends are alike."""
    if low == high and x.form.numel:
        low, high = x.amin().item(), x.amax().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name} [{low:g}, {high:g}] is not finite")
    return low, high


@composite("histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0, *, Tensor(a!)? out=None) "
           "-> Tensor")
def histc(self, bins=100, min=0, max=0):
    """How many elements fall into each of `bins` equal parts of [min, max] (or of their range).

    Result (bins), in the dtype of self. Raises RuntimeError for bins < 1 or min > max.

    >>> import facula as torch
    >>> torch.histc(torch.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    if not self.form.dtype.is_floating_point:
        word = dtype_word(self.form.dtype)
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{word}'")
    if bins < 1:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    x = self.detach().reshape(-1)
    low, high = _ends("torch.histc: range of", x, float(min), float(max))
    if low == high:
        low, high = low - 1, high + 1
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    inside = x[(x >= low) & (x <= high)]
    places = ((inside - low) * bins / (high - low)).to(dtypes.int64).clamp(max=bins - 1)
    ones = registry["ones"].function(places.form.numel, dtype=dtypes.int64)
    return ones.new_zeros(bins).index_add(0, places, ones).to(x.form.dtype)

# --- places in sorted sequences ------------------------------------------------------------------


def _check_sorter(sequence, sorter):
    if sorter.form.shape != sequence.form.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
            f"tensor {list(sequence.form.shape)}and got sorter tensor {list(sorter.form.shape)}"
        )
    if sorter.form.kind != "i64":
        raise RuntimeError(
            "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            f"{dtype_word(sorter.form.dtype)}"
        )
    if sorter.form.numel:
        low, high = sorter.amin().item(), sorter.amax().item()
        if low < 0 or high >= sorter.form.shape[-1]:
            raise RuntimeError("torch.searchsorted(): sorter index out of range")


def _check_rows(sequence, values):
    words = "torch.searchsorted(): "
    if sequence.form.ndim == 0:
        raise RuntimeError(
            f"{words}input value can be a scalar only when boundaries tensor dimension is 1, but we"
            " got boundaries tensor dim(0) and input value's dim(0) numel(1)"
        )
    if sequence.form.ndim != 1 and values.form.ndim == 0:
        raise RuntimeError(
            f"{words}input value can be a scalar only when boundaries tensor dimension is 1, but we"
            f" got boundaries tensor dim({sequence.form.ndim}) and input value's dim(0) numel(1)"
        )
    if sequence.form.ndim != 1 and sequence.form.shape[:-1] != values.form.shape[:-1]:
        raise RuntimeError(
            f"{words}boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(sequence.form.shape)} and input value tensor {list(values.form.shape)}"
        )


@composite((
    "searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, "
    "bool right=False, str? side=None, Tensor? sorter=None, Tensor(a!)? out=None) -> Tensor",
    "searchsorted.Scalar(Tensor sorted_sequence, Scalar self, *, bool out_int32=False, "
    "bool right=False, str? side=None, Tensor? sorter=None, Tensor(a!)? out=None) -> Tensor",
))
def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where elements would have to be inserted to keep the last dim of a sequence sorted.

    The sequence is (n), or (*, n) with values (*, m); the result has the shape of the values,
    int64. Raises RuntimeError for other shapes.

    >>> import facula as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    right = right or side == "right"
    sequence = sorted_sequence.detach()
    number = not isinstance(input, Tensor)
    if number:
        input = registry["tensor"].function(input, dtype=sequence.form.dtype)
        if sequence.form.ndim != 1:
            raise RuntimeError(
                "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
                f"dimension is 1, but we got boundaries tensor dim({sequence.form.ndim}) and input "
                "value's dim(0) numel(1)"
            )
    elif input.form.dtype is not sequence.form.dtype:
        both = [(one.form.dtype, one.form.ndim) for one in (sequence, input)]
        common = dtypes.result_type(both)
        sequence, input = sequence.to(common), input.to(common)
    refuse_complex(sequence, "\"searchsorted_out_cpu\" not implemented for '{}'")
    values = input.detach()
    _check_rows(sequence, values)
    if sorter is not None:
        _check_sorter(sequence, sorter)
        sequence = sequence.gather(-1, sorter)
    wanted = dtypes.int32 if out_int32 else dtypes.int64
    if sequence.form.ndim == 1 and sequence.form.kind not in ("f16", "bf16"):
        places = np.searchsorted(sequence.numpy(), values.numpy(), "right" if right else "left")
        return registry["tensor"].function(np.asarray(places, np.int64)).to(wanted)
    return _bisected(sequence, values, right).to(wanted)


def _bisected(sequence, values, right):
    """Bisection of all rows at once: as many rounds as a place has binary digits."""
    size = sequence.form.shape[-1]
    low = registry["zeros"].function(values.form.shape, dtype=dtypes.int64)
    high = low + size
    if not size or not values.form.numel:
        return low
    if sequence.form.ndim == 1 and values.form.ndim:
        sequence = sequence.expand((*values.form.shape[:-1], size))
    row = values.reshape(1) if not values.form.ndim else values
    low, high = low.reshape(row.form.shape), high.reshape(row.form.shape)
    where = registry["where"].function
    for _ in range(size.bit_length()):
        middle = (low + high) >> 1
        found = sequence.gather(-1, middle.clamp(max=size - 1))
        # Written so that nan goes to the end.
        after = ~(found > row) if right else ~(found >= row)
        after = after & (low < high)
        low, high = where(after, middle + 1, low), where(after, high, middle)
    return low.reshape(values.form.shape)


@composite((
    "bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, "
    "bool right=False, Tensor(a!)? out=None) -> Tensor",
    "bucketize.Scalar(Scalar self, Tensor boundaries, *, bool out_int32=False, "
    "bool right=False, Tensor(a!)? out=None) -> Tensor",
))
def bucketize(self, boundaries, *, out_int32=False, right=False):
    """The number of the interval between boundaries that each element lies in.

    boundaries (n), rising; the result has the shape of self, int64. Raises RuntimeError for
    boundaries of more dimensions.

    >>> import facula as torch
    >>> torch.bucketize(torch.tensor([3, 6]), torch.tensor([1, 3, 5]))
    tensor([1, 3])
    """
    if boundaries.form.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries.form.ndim})"
        )
    refuse_complex(boundaries, "\"searchsorted_out_cpu\" not implemented for '{}'")
    return searchsorted.function(boundaries, self, out_int32=out_int32, right=right)


# torch's names of operations without names of dimensions (Note [named tensors]).
for _key, _refused in (
    ("searchsorted", "searchsorted.Tensor"), ("bucketize", "bucketize.Tensor"),
):  # fmt: skip
    registry[_key].names(_refused)

# PyTorch has these as functions only.
for _name in ("bucketize",):
    registry[_name].method = False
