"""Views: functions from a geometry to a geometry. No data moves; gradients are the inverse views."""

from facula.meta.geometry import Geometry
from facula.meta.shape import infer_size, numel, wrap_dim
from facula.op import composite, registry, view

# --- reordering ----------------------------------------------------------------------------------


@view("transpose(Tensor(a) self, int dim0, int dim1) -> Tensor(a)")
def transpose(geometry, dim0, dim1):
    """Swap two dimensions."""
    return geometry.transpose(dim0, dim1)


@transpose.gradient
def _(g, dim0, dim1):
    return g.transpose(dim0, dim1)


@view("permute(Tensor(a) self, int[] dims) -> Tensor(a)")
def permute(geometry, dims):
    """Dimensions in another order."""
    return geometry.permute(dims)


@permute.gradient
def _(g, dims):
    inverse = [0] * len(dims)
    for k, d in enumerate(dims):
        inverse[d % len(dims)] = k
    return g.permute(tuple(inverse))


# --- shape ---------------------------------------------------------------------------------------


@view("expand(Tensor(a) self, int[] size) -> Tensor(a)")
def expand(geometry, size):
    """Dimensions of size 1 repeated, by strides of 0; -1 keeps a size."""
    return geometry.expand(size)


@expand.gradient
def _(g, self_form):
    return g.sum_to_size(self_form.shape)


@view("unsqueeze(Tensor(a) self, int dim) -> Tensor(a)")
def unsqueeze(geometry, dim):
    """A new dimension of size 1."""
    return geometry.unsqueeze(dim)


@unsqueeze.gradient
def _(g, self_form):
    return g.reshape(self_form.shape)


@view("squeeze(Tensor(a) self, int[1]? dim=None) -> Tensor(a)")
def squeeze(geometry, dim=None):
    """Without dimensions of size 1: all of them, or those named."""
    return geometry.squeeze(dim)


@squeeze.gradient
def _(g, self_form):
    return g.reshape(self_form.shape)


@view("view(Tensor(a) self, int[] size) -> Tensor(a)")
def view_(geometry, size):
    """The same elements in another shape, where strides allow it."""
    shape = infer_size(size, numel(geometry.shape))
    result = geometry.view(shape)
    if result is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension "
            "spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return result


@view_.gradient
def _(g, self_form):
    return g.reshape(self_form.shape)


# --- parts ---------------------------------------------------------------------------------------


@view("select(Tensor(a) self, int dim, int index) -> Tensor(a)")
def select(geometry, dim, index):
    """One index of a dimension; the dimension disappears."""
    return geometry.select(dim, index)


@select.gradient
def _(g, self_form, dim, index):
    whole = g.new_zeros(self_form.shape)
    whole.select(dim, index).copy_(g)
    return whole


@view("narrow(Tensor(a) self, int dim, int start, int length) -> Tensor(a)")
def narrow(geometry, dim, start, length):
    """`length` indices of a dimension from `start` on."""
    return geometry.narrow(dim, start, length)


@narrow.gradient
def _(g, self_form, dim, start, length):
    whole = g.new_zeros(self_form.shape)
    whole.narrow(dim, start, length).copy_(g)
    return whole


@view("slice(Tensor(a) self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor(a)")
def slice_(geometry, dim=0, start=None, end=None, step=1):
    """Every `step`-th index of a dimension from `start` to before `end`."""
    return geometry.slice(dim, start, end, step)


@slice_.gradient
def _(g, self_form, dim, start, end, step):
    whole = g.new_zeros(self_form.shape)
    registry["slice"].function(whole, dim, start, end, step).copy_(g)
    return whole


@view("as_strided(Tensor(a) self, int[] size, int[] stride, int? storage_offset=None) -> Tensor(a)")
def as_strided(geometry, size, stride, storage_offset=None):
    """Any window on the storage: sizes, strides and an offset counted from the start of the storage."""
    return geometry.as_strided(size, stride, storage_offset)


@as_strided.gradient
def _(g, self_form, self_offset, size, stride, storage_offset):
    offset = self_offset if storage_offset is None else storage_offset
    outer = Geometry(tuple(size), tuple(stride), offset)
    inner = Geometry(tuple(self_form.shape), tuple(self_form.strides), self_offset)
    low = min(outer.bounds()[0], inner.bounds()[0])
    high = max(outer.bounds()[1], inner.bounds()[1])
    span = g.new_zeros((max(0, high - low + 1),))
    numbers = registry["arange"].function(span.form.numel)
    if outer.has_overlap():
        places = numbers.as_strided(size, stride, offset - low).reshape(-1)
        span = span.index_add(0, places, g.reshape(-1))
    elif g.form.numel:
        span.as_strided(size, stride, offset - low).copy_(g)
    if inner.has_overlap():
        # As in torch: elements of the input that share memory share the gradient.
        places = numbers.as_strided(self_form.shape, self_form.strides, self_offset - low).reshape(-1)
        ones = g.new_ones((places.form.numel,))
        span = span / span.new_zeros(span.form.shape).index_add(0, places, ones).clamp(min=1)
    return span.as_strided(self_form.shape, self_form.strides, self_offset - low)


@view("diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)")
def diagonal(geometry, offset=0, dim1=0, dim2=1):
    """The diagonal of two dimensions, as the last one."""
    return geometry.diagonal(offset, dim1, dim2)


@diagonal.gradient
def _(g, self_form, offset, dim1, dim2):
    whole = g.new_zeros(self_form.shape)
    whole.diagonal(offset, dim1, dim2).copy_(g)
    return whole


@view("unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)")
def unfold(geometry, dimension, size, step):
    """Windows of `size` indices, `step` apart, the positions inside a window as a new last dimension."""
    return geometry.unfold(dimension, size, step)


@unfold.gradient
def _(g, self_form, dimension, size, step):
    whole = g.new_zeros(self_form.shape)
    for k in range(size):
        part = g.select(-1, k)
        count = part.shape[dimension]
        window = registry["slice"].function(whole, dimension, k, k + (count - 1) * step + 1, step)
        window.add_(part)
    return whole


# --- written with the views above ----------------------------------------------------------------


@composite("t(Tensor(a) self) -> Tensor(a)")
def t(self):
    """The transpose of a matrix; vectors stay as they are."""
    if self.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
    return self.transpose(0, 1) if self.ndim == 2 else self


@composite("swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)")
def swapaxes(self, axis0, axis1):
    """Another name of transpose."""
    return self.transpose(axis0, axis1)


@composite("swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)")
def swapdims(self, dim0, dim1):
    """Another name of transpose."""
    return self.transpose(dim0, dim1)


@composite("movedim(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)")
def movedim(self, source, destination):
    """Dimensions moved to other places; the others keep their order."""
    source = (source,) if isinstance(source, int) else tuple(source)
    destination = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain "
            f"the same number of dims as destination ({list(destination)} dims)"
        )
    source = tuple(wrap_dim(d, self.ndim) for d in source)
    destination = tuple(wrap_dim(d, self.ndim) for d in destination)
    rest = iter(d for d in range(self.ndim) if d not in source)
    order = [source[destination.index(k)] if k in destination else next(rest) for k in range(self.ndim)]
    return self.permute(tuple(order))


@composite("moveaxis(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)")
def moveaxis(self, source, destination):
    """Another name of movedim."""
    return self.movedim(source, destination)


@composite("reshape(Tensor(a) self, int[] shape) -> Tensor(a)")
def reshape(self, *shape):
    """The same elements in another shape: a view where strides allow it, else a copy."""
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    wanted = infer_size(shape, self.form.numel)
    if wanted == self.form.shape:
        return self.view(wanted)
    if self.form.contiguous or self.form.geometry.view(wanted) is not None:
        return self.view(wanted)
    return self.clone_contiguous().view(wanted)


@composite("view_as(Tensor(a) self, Tensor other) -> Tensor(a)")
def view_as(self, other):
    """A view in the shape of another tensor."""
    return self.view(other.shape)


@composite("reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)")
def reshape_as(self, other):
    """Reshaped to the shape of another tensor."""
    return self.reshape(other.shape)


@composite("expand_as(Tensor(a) self, Tensor other) -> Tensor(a)")
def expand_as(self, other):
    """Expanded to the shape of another tensor."""
    return self.expand(other.shape)


@composite("broadcast_to(Tensor(a) self, int[] size) -> Tensor(a)")
def broadcast_to(self, size):
    """Expanded to a shape."""
    return self.expand(size)


@composite("flatten(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)")
def flatten(self, start_dim=0, end_dim=-1):
    """Dimensions start_dim to end_dim joined into one."""
    shape = self.form.shape
    if not shape:
        return self.reshape(1)
    first, last = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return self
    joined = numel(shape[first : last + 1])
    return self.reshape((*shape[:first], joined, *shape[last + 1 :]))


@composite("ravel(Tensor(a) self) -> Tensor(a)")
def ravel(self):
    """All elements in one dimension."""
    return self.reshape(-1)


@composite("unflatten(Tensor(a) self, int dim, int[] sizes) -> Tensor(a)")
def unflatten(self, dim, sizes):
    """One dimension taken apart into several."""
    dim = wrap_dim(dim, self.ndim)
    shape = self.form.shape
    parts = infer_size(sizes, shape[dim])
    return self.view((*shape[:dim], *parts, *shape[dim + 1 :]))


@composite("unbind(Tensor(a) self, int dim=0) -> Tensor(a)[]")
def unbind(self, dim=0):
    """The parts of a dimension, as a tuple."""
    dim = wrap_dim(dim, self.ndim)
    return tuple([self.select(dim, k) for k in range(self.form.shape[dim])])


@composite("split(Tensor(a) self, int[] split_size_or_sections, int dim=0) -> Tensor(a)[]")
def split(self, split_size_or_sections, dim=0):
    """Pieces of a dimension: of a size each (the last may be smaller), or of given sizes."""
    dim = wrap_dim(dim, self.ndim)
    length = self.form.shape[dim]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and length != 0):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={sizes}")
        step = sizes or 1
        sizes = [min(step, length - start) for start in range(0, length, step)] or [0]
    elif sum(sizes) != length:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at "
            f"dimension {dim}), but got split_sizes={list(sizes)}"
        )
    pieces, start = [], 0
    for size in sizes:
        pieces.append(self.narrow(dim, start, size))
        start += size
    return tuple(pieces)


@composite("chunk(Tensor(a) self, int chunks, int dim=0) -> Tensor(a)[]")
def chunk(self, chunks, dim=0):
    """At most `chunks` pieces of equal size (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = self.form.shape[wrap_dim(dim, self.ndim)]
    return self.split(-(-length // chunks) if length else 1, dim)


@composite("tensor_split(Tensor(a) self, int[] indices_or_sections, int dim=0) -> Tensor(a)[]")
def tensor_split(self, indices_or_sections, dim=0):
    """Pieces before each index, or that many pieces of nearly equal size."""
    length = self.form.shape[wrap_dim(dim, self.ndim)]
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        small, more = divmod(length, count)
        return self.split([small + 1] * more + [small] * (count - more), dim)
    edges = [0, *indices_or_sections, length]
    return tuple([registry["slice"].function(self, dim, a, b) for a, b in zip(edges, edges[1:], strict=False)])
