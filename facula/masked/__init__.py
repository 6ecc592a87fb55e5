"""torch.masked: reductions, scans and normalisations that leave out elements where a mask is False.

A mask is a tensor that broadcasts to the input; True keeps an element. What is left out is replaced
by the operation's identity, so the result of a slice with nothing left is that identity (for mean
and median nan). Behaviour matched: torch.masked of PyTorch 2.13 on dense tensors.
"""

from collections.abc import Sequence

from facula.meta.dtype import bool_, float32, iinfo, int64
from facula.meta.dtype import dtype as DType
from facula.ops import FUNCTIONS
from facula.tensor import Tensor

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp",
    "logsumexp", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum",
    "var",
]  # fmt: skip

Dims = int | Sequence[int] | None
Number = int | float | bool


def sum(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The sum of what the mask keeps; 0 where it keeps nothing. Integers are summed as int64.

    >>> import facula as torch
    >>> x, kept = torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([[True, False], [False, False]])
    >>> torch.masked.sum(x, 1, mask=kept)
    tensor([1., 0.])
    """
    filled = _fill(input, mask, 0)
    return filled.sum(_dims(dim, input.ndim), bool(keepdim), dtype=_wide(input, dtype))


def prod(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The product of what the mask keeps; 1 where it keeps nothing.

    Integers give int64. Shapes and errors are those of `amax`.

    >>> import facula as torch
    >>> torch.masked.prod(torch.tensor([2, 5]), 0, mask=torch.tensor([True, False]))
    tensor(2)
    """
    result, dtype = _fill(input, mask, 1), _wide(input, dtype)
    for one in reversed(_dims(dim, input.ndim)):
        result = result.prod(one, bool(keepdim), dtype=dtype)
    return result if dtype is None else result.to(dtype)


def amax(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The largest element that the mask keeps; the least of the dtype where there is none.

    Input (*), the dims given go; the mask broadcasts to it, True is kept. Raises IndexError for a
    dim that is not there or a mask of more dimensions.

    >>> import facula as torch
    >>> torch.masked.amax(torch.tensor([1.0, 5.0]), 0, mask=torch.tensor([True, False]))
    tensor(1.)
    """
    filled = _fill(input, mask, _least(input.dtype))
    return filled.amax(_dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def amin(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The smallest element that the mask keeps; the largest of the dtype where there is none.

    Shapes and errors are those of `amax`.

    >>> import facula as torch
    >>> torch.masked.amin(torch.tensor([1.0, 5.0]), 0, mask=torch.tensor([False, True]))
    tensor(5.)
    """
    filled = _fill(input, mask, _largest(input.dtype))
    return filled.amin(_dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The place of the largest element that the mask keeps, in the input's dtype as in PyTorch.

    >>> import facula as torch
    >>> torch.masked.argmax(torch.tensor([1.0, 5.0]), 0, mask=torch.tensor([True, False]))
    tensor(0.)
    """
    filled = _fill(input, mask, _least(input.dtype))
    return filled.argmax(dim, bool(keepdim)).to(dtype or input.dtype)


def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The place of the smallest element that the mask keeps, in the input's dtype as in PyTorch.

    >>> import facula as torch
    >>> torch.masked.argmin(torch.tensor([1.0, 5.0]), 0, mask=torch.tensor([False, True]))
    tensor(1.)
    """
    filled = _fill(input, mask, _largest(input.dtype))
    return filled.argmin(dim, bool(keepdim)).to(dtype or input.dtype)


def mean(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The mean of what the mask keeps; nan where it keeps nothing. ValueError for integers.

    >>> import facula as torch
    >>> torch.masked.mean(torch.tensor([1., 2., 6.]), mask=torch.tensor([True, False, True]))
    tensor(3.5000)
    """
    source = "Input" if dtype is None else "Optional"
    dtype = dtype or input.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either a floating "
            f"point or complex dtype. Got: {dtype}"
        )
    total = sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask)
    return total / _count(input, dim, keepdim, mask)


def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The lower median of what the mask keeps; nan where it keeps nothing.

    There, for integers, which have no nan, ValueError is raised.

    >>> import facula as torch
    >>> kept = torch.tensor([True, True, False])
    >>> torch.masked.median(torch.tensor([1.0, 5.0, 9.0]), 0, mask=kept)
    tensor(1.)
    """
    dtype = dtype or input.dtype
    floating = input.dtype.is_floating_point
    x = input if floating else input.float()
    values: Tensor = _fill(x, mask, float("nan")).nanmedian(dim, keepdim)[0]
    if floating:
        return values
    if values.isnan().any():
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating point"
        )
    return values.to(dtype)


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The vector norm of what the mask keeps: sum(|x|^ord)^(1/ord).

    >>> import facula as torch
    >>> kept = torch.tensor([True, True, False])
    >>> torch.masked.norm(torch.tensor([3.0, 4.0, 9.0]), 2, 0, mask=kept)
    tensor(5.)
    """
    filled = _fill(input, mask, float("inf") if ord == float("-inf") else 0)
    found: Tensor = FUNCTIONS["norm"](
        filled, 2.0 if ord is None else ord, _dims(dim, input.ndim), bool(keepdim),
        dtype=dtype or input.dtype,
    )  # fmt: skip
    return found


def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: Number | None = None,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The variance of what the mask keeps, divided by its count less `correction` (1).

    Raises AssertionError where `unbiased` and `correction` are both given.

    >>> import facula as torch
    >>> kept = torch.tensor([True, True, False])
    >>> torch.masked.var(torch.tensor([1.0, 3.0, 9.0]), 0, False, mask=kept)
    tensor(1.)
    """
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    less = 1.0 if unbiased is None else float(unbiased)
    less = less if correction is None else float(correction)
    if dtype is None:
        dtype = input.dtype if input.dtype.kind in "fc" else float32
    compute = dtype if dtype.kind in "fc" else float32
    count = _count(input, dim, True, mask)
    x = input - sum(input, dim, keepdim=True, dtype=dtype, mask=mask) / count
    total = sum(x * x.conj(), dim, keepdim=keepdim, dtype=compute, mask=mask)
    count = count if keepdim else count.reshape(total.shape)
    if less:
        count = (count.to(compute.to_real()) - less).clamp_min(0)
    return (total / count).to(dtype)


def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: Number | None = None,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The square root of `var`, with its arguments and errors.

    >>> import facula as torch
    >>> kept = torch.tensor([True, True, False])
    >>> torch.masked.std(torch.tensor([1.0, 5.0, 9.0]), 0, False, mask=kept)
    tensor(2.)
    """
    found = var(
        input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask
    )
    return found.sqrt()


def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """log(sum(exp(x))) of what the mask keeps; the identity is -inf, of integers the least one.

    >>> import facula as torch
    >>> torch.masked.logsumexp(torch.zeros(4), 0, mask=torch.tensor([True, True, False, False]))
    tensor(0.6931)
    """
    filled = _fill(input, mask, _least(input.dtype))
    return filled.logsumexp(_dims(dim, input.ndim), keepdim).to(dtype or input.dtype)


def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: DType | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """log(exp(input) + exp(other)) with what either mask leaves out as -inf.

    >>> import facula as torch
    >>> none = torch.tensor([False])
    >>> torch.masked.logaddexp(torch.zeros(1), torch.zeros(1), other_mask=none)
    tensor([0.])
    """
    dtype = dtype or input.dtype
    one, two = (
        _fill(x, mask, -float("inf")) for x, mask in ((input, input_mask), (other, other_mask))
    )
    return FUNCTIONS["logaddexp"](one, two).to(dtype)


def cumsum(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Running sums along dim; what the mask leaves out adds 0.

    >>> import facula as torch
    >>> torch.masked.cumsum(torch.tensor([1, 2, 3]), 0, mask=torch.tensor([True, False, True]))
    tensor([1, 1, 4])
    """
    return _fill(input, mask, 0).cumsum(dim, dtype=_wide(input, dtype)).to(_wide(input, dtype))


def cumprod(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Running products along dim; what the mask leaves out multiplies by 1.

    >>> import facula as torch
    >>> torch.masked.cumprod(torch.tensor([1, 2, 3]), 0, mask=torch.tensor([True, False, True]))
    tensor([1, 1, 3])
    """
    return _fill(input, mask, 1).cumprod(dim, dtype=_wide(input, dtype)).to(_wide(input, dtype))


def softmax(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Softmax along dim over what the mask keeps; the rest is 0.

    >>> import facula as torch
    >>> torch.masked.softmax(torch.zeros(3), 0, mask=torch.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    dtype = dtype or input.dtype
    return _fill(input, mask, _least(input.dtype)).softmax(dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The logarithm of `softmax`, in nats; -inf where the mask leaves out.

    >>> import facula as torch
    >>> torch.masked.log_softmax(torch.zeros(3), 0, mask=torch.tensor([True, False, True]))
    tensor([-0.6931,    -inf, -0.6931])
    """
    dtype = dtype or input.dtype
    return _fill(input, mask, _least(input.dtype)).log_softmax(dim, dtype=dtype)


def softmin(
    input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """Softmax of -input along dim over what the mask keeps; the rest is 0.

    >>> import facula as torch
    >>> torch.masked.softmin(torch.zeros(3), 0, mask=torch.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    dtype = dtype or input.dtype
    return (-_fill(input, mask, _largest(input.dtype))).softmax(dim, dtype=dtype)


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """What the mask keeps, divided by its norm along dim, which counts as eps at least.

    >>> import facula as torch
    >>> kept = torch.tensor([True, True, False])
    >>> torch.masked.normalize(torch.tensor([3.0, 4.0, 9.0]), 2.0, 0, mask=kept)
    tensor([0.6000, 0.8000, 0.0000])
    """
    size = norm(input, ord, dim, keepdim=True, dtype=dtype or input.dtype, mask=mask)
    return _fill(input, mask, 0) / size.maximum(size.new_full((), eps))


def _dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """The dims of a reduction in order; IndexError for one that is not there, RuntimeError for one
    that comes twice."""
    if dim is None or dim == () or dim == []:
        return tuple(range(ndim))
    found: list[int] = []
    for one in (dim,) if isinstance(dim, int) else dim:
        least = max(ndim, 1)
        if not -least <= one < least:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-least}, {least - 1}], but "
                f"got {one})"
            )
        if one % least in found:
            raise RuntimeError(f"dim={one % least} appears multiple times in the list of dims")
        found.append(one % least)
    return tuple(sorted(found)) if ndim else ()


def _kept(input: Tensor, mask: Tensor) -> Tensor:
    """The mask in the input's shape."""
    if mask.ndim > input.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the "
            "input)"
        )
    return mask.to(bool_).expand(input.shape)


def _fill(input: Tensor, mask: Tensor | None, value: Number) -> Tensor:
    """The input with a number where the mask is False."""
    if mask is None:
        return input
    found: Tensor = FUNCTIONS["where"](
        _kept(input, mask), input, FUNCTIONS["full"]((), value, dtype=input.dtype)
    )
    return found


def _count(input: Tensor, dim: Dims, keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements each result is made of, as int64."""
    kept = FUNCTIONS["ones"]((), dtype=bool_).expand(input.shape)
    kept = kept if mask is None else _kept(input, mask)
    return kept.sum(_dims(dim, input.ndim), bool(keepdim))


def _wide(input: Tensor, dtype: DType | None) -> DType:
    """The dtype of sums and products: int64 for integers."""
    if dtype is not None:
        return dtype
    return input.dtype if input.dtype.kind in "fc" else int64


def _least(dtype: DType) -> Number:
    return -float("inf") if dtype.kind in "fc" else iinfo(dtype).min


def _largest(dtype: DType) -> Number:
    return float("inf") if dtype.kind in "fc" else iinfo(dtype).max
