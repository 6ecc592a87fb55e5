"""Counting and looking up: histograms, membership, places of flat indices."""

import math

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dim
from facula.op import composite, registry
from facula.returns import named
from facula.tensor import Tensor

# --- histograms ----------------------------------------------------------------------------------


def _edges(name, x, bins, low, high):
    """Edges of bins: those given, or that many bins of one size over a range."""
    if isinstance(bins, Tensor):
        if bins.form.ndim != 1:
            raise RuntimeError(
                f"torch.{name}(): bins tensor should have one dimension, but got "
                f"{bins.form.ndim} dimensions in the bins tensor for dimension 0"
            )
        if bins.form.dtype is not x.form.dtype:
            raise RuntimeError(
                f"torch.{name}(): input tensor and bins tensors should have the same dtype, but "
                f"got input with dtype {_word(x)} and bins for dimension 0 with dtype {_word(bins)}"
            )
        return bins
    if bins <= 0:
        raise RuntimeError(f"torch.{name}(): bins must be > 0, but got {bins} for dimension 0")
    if low is None:
        low, high = (x.amin().item(), x.amax().item()) if x.form.numel else (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise RuntimeError(
                f"torch.{name}(): dimension 0's input range [{low:g}, {high:g}] is not finite"
            )
    else:
        if not (math.isfinite(low) and math.isfinite(high)):
            raise RuntimeError(
                f"torch.{name}(): dimension 0's bin range [{low:g}, {high:g}] is not finite"
            )
        if low > high:
            raise RuntimeError(
                f"torch.{name}(): min should not exceed max, but got min {low:g} max {high:g} for "
                "dimension 0"
            )
    if low == high:
        low, high = low - 0.5, high + 0.5
    return registry["linspace"].function(low, high, bins + 1, dtype=x.form.dtype)


def _word(x):
    return {"f32": "float", "f64": "double"}.get(x.form.kind, x.form.dtype.name)


def _bin_of(x, edges):
    """The bin of each element, the last edge belonging to the last bin; and whether there is
    one."""
    count = edges.form.numel - 1
    places = registry["searchsorted"].function(edges.contiguous(), x.contiguous(), right=True) - 1
    places = places.where(x != edges[-1], count - 1)
    return places, (x >= edges[0]) & (x <= edges[-1])


def _counted(columns, edges, weight, density):
    """Sums of weights (or counts) of points by their bins along several dims."""
    counts = [one.form.numel - 1 for one in edges]
    flat = columns[0].new_zeros((columns[0].form.numel,), dtype=dtypes.int64)
    inside = registry["ones_like"].function(flat, dtype=dtypes.bool_)
    for x, one, count in zip(columns, edges, counts, strict=True):
        places, fits = _bin_of(x, one)
        flat = flat * count + places
        inside = inside & fits
    kept = flat[inside]
    ones = (
        columns[0].new_ones((kept.form.numel,)) if weight is None else weight.reshape(-1)[inside]
    )
    hist = columns[0].new_zeros((math.prod(counts),)).index_add(0, kept, ones).view(tuple(counts))
    if density:
        hist = hist / hist.sum()
        for d, one in enumerate(edges):
            widths = one[1:] - one[:-1]
            hist = hist / widths.view((-1,) + (1,) * (len(edges) - d - 1))
    return hist


def _check_weight(weight, x, points, shown):
    if weight is None:
        return
    if weight.form.dtype is not x.form.dtype:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor "
            f"should have the same dtype, but got input({_word(x)}), and weight({_word(weight)})"
        )
    if weight.form.shape != tuple(points):
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            "input tensor excluding its innermost dimension, but got input with shape "
            f"{list(shown)} and weight with shape {list(weight.form.shape)}"
        )


@composite(("histogram.bin_ct(Tensor self, int bins=100, *, float[]? range=None, "
            "Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
            "histogram.bins_tensor(Tensor self, Tensor bins, *, Tensor? weight=None, "
            "bool density=False) -> (Tensor hist, Tensor bin_edges)"))
def histogram(self, bins=100, *, range=None, weight=None, density=False, out=None):
    """How many elements (or how much of their weight) fall into each bin, and the bins' edges.

    bins: their number, over `range` or that of the elements, or a tensor of their edges; a bin
    holds its left edge, the last one both. density: divided by the sum and the widths of bins.
    """
    x = _floats(self.detach())
    _check_weight(weight, x, x.form.shape, (x.form.numel, 1))
    low, high = (None, None) if range is None else range
    edges = _edges("histogram", x, bins, low, high)
    hist = _counted([x.reshape(-1)], [edges], weight, density)
    if out is not None:
        for target, made in zip(out, (hist, edges), strict=True):
            target.resize_(made.form.shape).copy_(made)
        return named("histogram", "hist", "bin_edges")(*out)
    return named("histogram", "hist", "bin_edges")(hist, edges)


def _floats(x):
    if x.form.kind not in ("f32", "f64"):
        raise NotImplementedError(
            f'"histogramdd" not implemented for \'{dtype_word(x.form.dtype)}\''
        )
    return x


@composite("histogramdd(Tensor self, int[] bins, float[]? range=None, Tensor? weight=None, "
           "bool density=False) -> (Tensor hist, Tensor[] bin_edges)")
def histogramdd(self, bins, *, range=None, weight=None, density=False):
    """How many points (the rows along the last dim) fall into each box of a grid, and its edges.

    bins: one number, one a coordinate, or for each a tensor of edges; range: low and high of each
    coordinate, one after the other.
    """
    x = _floats(self.detach())
    if x.form.ndim < 2:
        raise RuntimeError(
            "torch.histogramdd: input tensor should have at least 2 dimensions"
        )
    size = x.form.shape[-1]
    bins = [bins] * size if isinstance(bins, int) else list(bins)
    if len(bins) != size:
        raise RuntimeError(
            f"torch.histogramdd(): expected {size} bin counts or sequences of bins for each "
            f"dimension, but got {len(bins)}"
        )
    if range is not None and len(range) != 2 * size:
        raise RuntimeError(
            f"torch.histogramdd(): for a {size}-dimensional histogram range should have "
            f"{2 * size} elements, but got {len(range)}"
        )
    _check_weight(weight, x, x.form.shape[:-1], x.form.shape)
    points = x.reshape(-1, size)
    columns = [points.select(1, k).contiguous() for k in _counting(size)]
    edges = [
        _edges("histogramdd", columns[k], bins[k],
               *((None, None) if range is None else range[2 * k : 2 * k + 2]))
        for k in _counting(size)
    ]  # fmt: skip
    hist = _counted(columns, edges, weight, density)
    return named("histogramdd", "hist", "bin_edges")(hist, tuple(edges))


# `range` is an argument's name above.
_counting = range

# --- membership ----------------------------------------------------------------------------------


@composite("isin(Tensor elements, Tensor test_elements, *, bool assume_unique=False, "
           "bool invert=False, Tensor(a!)? out=None) -> Tensor")
def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Whether each element is among others: a bool tensor in the shape of the first.

    >>> import facula as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): one of elements and test_elements must be a Tensor")
    tensor = registry["tensor"].function
    first = elements if isinstance(elements, Tensor) else tensor(elements)
    others = test_elements if isinstance(test_elements, Tensor) else tensor(test_elements)
    for one in (first, others):
        if one.form.dtype is dtypes.bool_ or one.form.dtype.is_complex:
            raise RuntimeError(
                "Unsupported input type encountered for isin(): "
                f"{dtype_word(one.form.dtype)}"
            )
    common = dtypes.promote_types(first.form.dtype, others.form.dtype)
    first, others = first.detach().to(common), others.detach().to(common).reshape(-1)
    if not others.form.numel or not first.form.numel:
        found = registry["zeros"].function(first.form.shape, dtype=dtypes.bool_)
    elif others.form.numel <= 8:
        found = (first.unsqueeze(-1) == others).any(-1)
    else:
        ordered = others.sort()[0]
        places = registry["searchsorted"].function(ordered, first.contiguous())
        found = ordered[places.clamp(max=ordered.form.numel - 1)] == first
    return ~found if invert else found


# --- indices -------------------------------------------------------------------------------------


@composite("unravel_index(Tensor indices, int[] shape) -> Tensor[]")
def unravel_index(indices, shape):
    """The index along each dimension of a shape that flat indices stand for: a tensor a dimension.

    >>> import facula as torch
    >>> torch.unravel_index(torch.tensor([3, 5]), (2, 3))
    (tensor([1, 1]), tensor([0, 2]))
    """
    if indices.form.dtype.is_floating_point or indices.form.dtype.is_complex or (
        indices.form.dtype is dtypes.bool_
    ):
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.form.dtype}")
    if not isinstance(shape, (int, list, tuple, Tensor)):
        raise TypeError(
            f"expected 'shape' to be int or sequence of ints, but got {type(shape)}"
        )
    sizes = [shape] if isinstance(shape, int) else list(shape)
    for n in sizes:
        if not isinstance(n, int) and not (
            isinstance(n, Tensor) and not n.form.dtype.is_floating_point
        ):
            raise TypeError(
                f"expected 'shape' sequence to only contain ints, but got {type(n)}"
            )
    sizes = [int(n) for n in sizes]
    if any(n < 0 for n in sizes):
        raise ValueError(
            f"'shape' cannot have negative values, but got {tuple(sizes)}"
        )
    parts, step = [], 1
    for n in reversed(sizes):
        parts.append(indices.floor_divide(step) % n if n else indices.clone())
        step *= n
    if not parts:
        return ()
    return registry["stack"].function(parts[::-1], -1).unbind(-1)


@composite("nonzero_static(Tensor self, *, int size, int fill_value=-1, Tensor(a!)? out=None) "
           "-> Tensor")
def nonzero_static(self, *, size, fill_value=-1):
    """The places of the first `size` elements that are not zero, a row each; rows that are left
    over hold `fill_value`."""
    if size < 0:
        raise RuntimeError(
            f"nonzero_static: 'size' must be an non-negative integer, got {size}"
        )
    found = self.nonzero()
    y = registry["full"].function((size, self.form.ndim), fill_value, dtype=dtypes.int64)
    count = min(size, found.form.shape[0])
    y.narrow(0, 0, count).copy_(found.narrow(0, 0, count))
    return y


@composite("index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, "
           "bool include_self=True, Tensor(a!)? out=None) -> Tensor")
def index_reduce(self, dim, index, source, reduce, *, include_self=True):
    """A copy of self with slices of source combined at indices of dim: by prod, mean, amax or
    amin; without include_self, slices that source reaches forget what they held."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    if index.form.ndim > 1:
        raise RuntimeError(
            "index_reduce_(): Index is supposed to be a vector, but got dim: "
            f"{index.form.ndim} with type: {index.type().removeprefix('torch.')} and size: "
            f"{list(index.form.shape)}"
        )
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            "index_reduce(): self and source expected to have the same dtype, but got "
            f"{dtype_word(self.form.dtype)} and {dtype_word(source.form.dtype)}"
        )
    if self.form.ndim == 0:
        y = index_reduce.forward(self.view(1), 0, index.view(-1), source.reshape(1), reduce,
                                 include_self=include_self)
        return y.view(())
    dim = wrap_dim(dim, self.form.ndim)
    shape = [1] * self.form.ndim
    shape[dim] = -1
    places = index.long().view(shape).expand(source.form.shape)
    return self.scatter_reduce(dim, places, source, reduce, include_self=include_self)


for _name in ("isin", "unravel_index"):
    registry[_name].method = False
