"""Counting and looking up: histograms, membership, places of flat indices."""

import math

from facula.autograd.mode import mode
from facula.dispatch import dtype_word
from facula.dispatch.parts import refuse_complex
from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dim
from facula.op import composite, registry
from facula.returns import named
from facula.tensor import Tensor

# --- histograms ----------------------------------------------------------------------------------


def _edges(name, x, bins, ends, dim):
    """The edges of the bins of one dimension: given, or evenly spaced over a range."""
    if isinstance(bins, Tensor):
        if bins.form.ndim != 1:
            raise RuntimeError(
                "torch.histogramdd: bins tensor should have one dimension, but got "
                f"{bins.form.ndim} dimensions in the bins tensor for dimension {dim}"
            )
        if bins.form.dtype is not x.form.dtype:
            names = [str(one.form.dtype).removeprefix("torch.") for one in (x, bins)]
            given, wanted = ({"float32": "float", "float64": "double"}.get(n, n) for n in names)
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but "
                f"got input with dtype {given} and bins for dimension {dim} with dtype {wanted}"
            )
        _check_bins(bins.form.numel - 1, dim)
        return bins.detach().contiguous()
    _check_bins(bins, dim)
    if ends is not None:
        low, high = ends
    elif x.form.numel:
        low, high = x.amin().item(), x.amax().item()
    else:
        low, high = 0.0, 1.0
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(
            f"torch.histogramdd: dimension {dim}'s range [{low:g}, {high:g}] is not finite"
        )
    if low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for "
            f"dimension {dim}"
        )
    if low == high:
        low, high = low - 0.5, high + 0.5
    return registry["linspace"].function(low, high, bins + 1, dtype=x.form.dtype)


def _check_bins(bins, dim):
    if bins < 1:
        raise RuntimeError(
            f"torch.histogram(): bins must be > 0, but got {bins} for dimension {dim}"
        )


def _counted(points, edges, weight, density):
    """Counts (weights, densities) of points (N, D) in a grid of bins; ends belong to the last."""
    n = points.form.shape[0]
    inside = registry["ones"].function(n, dtype=dtypes.bool_)
    flat = registry["zeros"].function(n, dtype=dtypes.int64)
    shape = tuple([e.form.numel - 1 for e in edges])
    for d, edge in enumerate(edges):
        x = points.select(1, d).contiguous()
        inside = inside & (x >= edge[0]) & (x <= edge[-1])
        place = registry["searchsorted"].function(edge, x, right=True) - 1
        flat = flat * shape[d] + place.clamp(0, shape[d] - 1)
    total = math.prod(shape)
    if weight is None:
        kept = flat[inside]
        ones = registry["ones"].function(kept.form.numel, dtype=dtypes.int64)
        counts = ones.new_zeros(total).index_add(0, kept, ones).to(points.form.dtype)
    else:
        counts = weight.new_zeros(total).index_add(0, flat[inside], weight[inside])
    counts = counts.reshape(shape)
    if density:
        counts = counts / counts.sum()
        for d, edge in enumerate(edges):
            widths = edge.narrow(0, 1, shape[d]) - edge.narrow(0, 0, shape[d])
            counts = counts / widths.reshape((-1,) + (1,) * (len(edges) - 1 - d))
    return counts


def _check_weight(points, weight):
    if weight is None:
        return
    if weight.form.dtype is not points.form.dtype:
        words = [str(one.form.dtype).removeprefix("torch.") for one in (points, weight)]
        given, wanted = ({"float32": "float", "float64": "double"}.get(w, w) for w in words)
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should"
            f" have the same dtype, but got input(dtype={given}), and weight(dtype={wanted})"
        )
    if tuple(weight.form.shape) != tuple(points.form.shape[:-1]):
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            "input tensor excluding its innermost dimension, but got input with shape "
            f"{list(points.form.shape)} and weight with shape {list(weight.form.shape)}"
        )


def _check_floats(self):
    if self.form.kind not in ("f32", "f64"):
        word = dtype_word(self.form.dtype)
        raise NotImplementedError(f"\"histogramdd\" not implemented for '{word}'")


def _ranges(given, count):
    if given is None:
        return [None] * count
    if len(given) != 2 * count:
        raise RuntimeError(
            f"torch.histogramdd: for a {count}-dimensional histogram range should have {2 * count} "
            f"elements, but got {len(given)}"
        )
    return [(given[2 * d], given[2 * d + 1]) for d in range(count)]


@composite((
    "histogram.bin_ct(Tensor self, int bins=100, *, float[]? range=None, Tensor? weight=None, "
    "bool density=False, Tensor(a!)? out=None) -> (Tensor hist, Tensor bin_edges)",
    "histogram.bins_tensor(Tensor self, Tensor bins, *, Tensor? weight=None, "
    "bool density=False, Tensor(a!)? out=None) -> (Tensor hist, Tensor bin_edges)",
))
def histogram(self, bins=100, *, range=None, weight=None, density=False):
    """Counts of elements in `bins` equal bins, or between edges given as a tensor; and the edges.

    hist (bins), bin_edges (bins + 1). Raises RuntimeError for bins or a range that cannot be.

    >>> import facula as torch
    >>> torch.histogram(torch.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    points = self.detach().reshape(-1, 1)
    if weight is not None and weight.form.shape == self.form.shape:
        weight = weight.detach().reshape(-1)
    _check_weight(points, weight)
    (ends,) = _ranges(range, 1)
    edges = _edges("histogram", points, bins, ends, 0)
    _check_floats(self)
    counts = _counted(points, [edges], weight, density)
    return named("histogram", "hist", "bin_edges")(counts, edges)


@composite((
    "histogramdd(Tensor self, int[] bins, float[]? range=None, Tensor? weight=None, bool "
    "density=False) -> (Tensor hist, Tensor[] bin_edges)",
    "histogramdd.int_bins(Tensor self, int bins, float[]? range=None, Tensor? weight=None, bool "
    "density=False) -> (Tensor hist, Tensor[] bin_edges)",
    "histogramdd.TensorList_bins(Tensor self, Tensor[] bins, float[]? range=None, Tensor? "
    "weight=None, bool density=False) -> (Tensor hist, Tensor[] bin_edges)",
))
def histogramdd(self, bins, range=None, weight=None, density=False):
    """Counts of points (..., D) in a grid of D dimensions, and the edges of its bins.

    >>> import facula as torch
    >>> torch.histogramdd(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 0.]])
    """
    if self.form.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    count = self.form.shape[-1]
    bins = [bins] * count if isinstance(bins, int) else list(bins)
    if len(bins) != count:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input."
        )
    _check_weight(self, weight)
    points = self.detach().reshape(-1, count)
    ends = _ranges(range, count)
    edges = [_edges("histogramdd", points.select(1, d), b, e, d)
             for d, (b, e) in enumerate(zip(bins, ends, strict=True))]
    _check_floats(self)
    flat = None if weight is None else weight.detach().reshape(-1)
    counts = _counted(points, edges, flat, density)
    return named("histogramdd", "hist", "bin_edges")(counts, tuple(edges))


# --- membership ----------------------------------------------------------------------------------


@composite((
    "isin.Tensor_Tensor(Tensor elements, Tensor test_elements, *, bool assume_unique=False, bool "
    "invert=False, Tensor(a!)? out=None) -> Tensor",
    "isin.Tensor_Scalar(Tensor elements, Scalar test_element, *, bool assume_unique=False, bool "
    "invert=False, Tensor(a!)? out=None) -> Tensor",
    "isin.Scalar_Tensor(Scalar element, Tensor test_elements, *, bool assume_unique=False, bool "
    "invert=False, Tensor(a!)? out=None) -> Tensor",
))
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


@composite("unravel_index(Tensor indices, Any shape) -> Tensor[]")
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
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = self.nonzero()
    y = registry["full"].function((size, self.form.ndim), fill_value, dtype=dtypes.int64)
    count = min(size, found.form.shape[0])
    y.narrow(0, 0, count).copy_(found.narrow(0, 0, count))
    return y


WAYS = ("prod", "mean", "amax", "amin")


def _check_index(self, dim, index, source, reduce):
    if reduce not in WAYS:
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    if index.form.ndim > 1:
        raise IndexError(
            f"index_reduce_(): Index is supposed to be a vector, but got dim: {index.form.ndim} "
            f"with type: {dtype_word(index.form.dtype)} and size: {list(index.form.shape)}"
        )
    if index.form.kind not in ("i32", "i64"):
        raise RuntimeError(
            "index_reduce_(): Expected dtype int32/int64 for index but got: "
            f"{dtype_word(index.form.dtype)}"
        )
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            f"index_reduce_(): self ({dtype_word(self.form.dtype)}) and source "
            f"({dtype_word(source.form.dtype)}) must have the same scalar type"
        )
    size = source.form.shape[dim] if source.form.ndim else 1
    if index.form.numel != size:
        if not source.form.ndim:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        raise RuntimeError(
            f"index_reduce_(): Number of indices ({index.form.numel}) should be equal to "
            f"source.size(dim): ({size}), for dim: {dim}"
        )
    rest = [[n for d, n in enumerate(one.form.shape) if d != dim] for one in (self, source)]
    if self.form.ndim and rest[0] != rest[1]:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(self.form.shape)} source.shape = {list(source.form.shape)}"
        )
    limit = self.form.shape[dim] if self.form.ndim else 1
    if index.form.numel and bool(((index < 0) | (index >= limit)).any()):
        raise IndexError("index out of range in self")


@composite("index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, "
           "bool include_self=True, Tensor(a!)? out=None) -> Tensor")
def index_reduce(self, dim, index, source, reduce, *, include_self=True):
    """A copy of self whose slices at index along dim are combined with those of source: by prod,
    mean, amax or amin; without include_self, slices that source reaches forget what they held.

    index (n) or () counts along dim; the result has the shape of self. Raises IndexError for an
    index or dim that is not there, RuntimeError for shapes that do not fit.

    >>> import facula as torch
    >>> torch.index_reduce(torch.ones(2), 0, torch.tensor([1, 1]), torch.tensor([2.0, 3.0]), "prod")
    tensor([1., 6.])
    """
    refuse_complex(self, "\"index_func_\" not implemented for '{}'")
    place = wrap_dim(dim, self.form.ndim)
    _check_index(self, place, index, source, reduce)
    shape = source.form.shape
    beside = tuple([-1 if d == place else 1 for d in range(len(shape))])
    places = index.to(dtypes.int64)
    places = places.reshape(beside).expand(shape) if shape else places.reshape(())
    return self.scatter_reduce(place, places, source, reduce, include_self=include_self)


@composite("index_reduce_(Tensor(a!) self, int dim, Tensor index, Tensor source, str reduce, *, "
           "bool include_self=True) -> Tensor(a!)")
def index_reduce_(self, dim, index, source, reduce, *, include_self=True):
    """In-place form of index_reduce.

    index (n) or () counts along dim; the result has the shape of self. Raises IndexError for an
    index or dim that is not there, RuntimeError for shapes that do not fit.
    """
    recorded = mode.enabled and (self.needs_grad or source.needs_grad)
    before = self.clone() if recorded else self  # gradients read what self held
    made = index_reduce.function(before, dim, index, source, reduce, include_self=include_self)
    return self.copy_(made)


for _name in ("histogramdd", "isin", "unravel_index"):
    registry[_name].method = False
