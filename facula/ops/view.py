"""Views: functions from a geometry to a geometry. No data moves; gradients invert the view."""

from facula.dispatch import dtype_word
from facula.form import form_of
from facula.meta import names
from facula.meta.geometry import Geometry
from facula.meta.shape import broadcast_shapes, infer_size, numel, wrap_dim
from facula.op import composite, registry, view, view_composite
from facula.tensor import Tensor, wrap

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


@view("alias(Tensor(a) self) -> Tensor(a)")
def alias(geometry):
    """The tensor itself, as a view."""
    return geometry


@alias.gradient
def _(g):
    return g


alias.names(names.same)


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


@view((
    "squeeze(Tensor(a) self) -> Tensor(a)",
    "squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)",
    "squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)",
))
def squeeze(geometry, dim=None):
    """Without dimensions of size 1: all of them, or those named."""
    return geometry.squeeze(dim)


squeeze.other_names = {"axis": "dim"}


@squeeze.gradient
def _(g, self_form):
    return g.reshape(self_form.shape)


@view((
    "view(Tensor(a) self, SymInt[] size) -> Tensor(a)",
    "view.dtype(Tensor(a) self, ScalarType dtype) -> Tensor(a)",
))
def view_(geometry, size):
    """The same elements in another shape, where strides allow it."""
    shape = infer_size(size, numel(geometry.shape))
    result = geometry.view(shape)
    if result is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return result


@view_.gradient
def _(g, self_form):
    return g.reshape(self_form.shape)


def _as_dtype(self, dtype):
    """The same bytes as elements of another dtype: no view for autograd, as in torch."""
    form = self.form
    if form.lazy:
        word = "conjugate" if form.lazy == "conj" else "negative"
        raise RuntimeError(
            f"torch.Tensor.view is not supported for {word} view tensors when converting to a "
            "different dtype."
        )
    wanted = f"to view {dtype_word(form.dtype)} as {dtype_word(dtype)}"
    geometry = Geometry(form.shape, form.strides, self.storage_offset())
    made = geometry.with_size(form.itemsize, dtype.itemsize, wanted)
    return wrap(self.block, self.address, form_of(dtype, tuple(made.shape), tuple(made.strides)))


view_.as_dtype, view_.other_names = _as_dtype, {"dtype": "size"}


# --- parts ---------------------------------------------------------------------------------------


@view("select(Tensor(a) self, int dim, int index) -> Tensor(a)")
def select(geometry, dim, index):
    """One index of a dimension; the dimension disappears."""
    return geometry.select(dim, index)


select.moves = "index"


@select.gradient
def _(g, self_form, dim, index):
    whole = g.new_zeros(self_form.shape)
    whole.select(dim, index).copy_(g)
    return whole


@view((
    "narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)",
    "narrow.Tensor(Tensor(a) self, int dim, Tensor start, SymInt length) -> Tensor(a)",
))
def narrow(geometry, dim, start, length):
    """`length` indices of a dimension from `start` on."""
    return geometry.narrow(dim, start, length)


narrow.moves = "start"


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
    """Any window on the storage: sizes, strides and an offset from the start of the storage."""
    return geometry.as_strided(size, stride, storage_offset)


as_strided.absolute = True


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
        places = numbers.as_strided(self_form.shape, self_form.strides, self_offset - low).reshape(
            -1
        )
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
    """Windows of `size` indices, `step` apart; the position in a window is a new last dimension."""
    return geometry.unfold(dimension, size, step)


@unfold.gradient
def _(g, self_form, dimension, size, step):
    if not self_form.ndim:
        return g.sum().reshape(())
    whole = g.new_zeros(self_form.shape)
    for k in range(size):
        part = g.select(-1, k)
        count = part.shape[dimension]
        window = registry["slice"].function(whole, dimension, k, k + (count - 1) * step + 1, step)
        window.add_(part)
    return whole


# --- written with the views above ----------------------------------------------------------------


@view_composite("t(Tensor(a) self) -> Tensor(a)")
def t(self):
    """The transpose of a matrix; vectors stay as they are.

    (n, m) becomes (m, n); less dimensions stay. Raises RuntimeError for more.
    """
    if self.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
    return self.transpose(0, 1) if self.ndim == 2 else registry["alias"].function(self)


@view_composite("swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)")
def swapaxes(self, axis0, axis1):
    """Another name of transpose.

    The two sizes change places. Raises IndexError for a dim that is not there.
    """
    return self.transpose(axis0, axis1)


@view_composite("swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)")
def swapdims(self, dim0, dim1):
    """Another name of transpose.

    The two sizes change places. Raises IndexError for a dim that is not there.
    """
    return self.transpose(dim0, dim1)


@view_composite((
    "movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)",
    "movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
))
def movedim(self, source, destination):
    """Dimensions moved to other places; the others keep their order.

    The sizes in the new order. Raises IndexError for a dim that is not there, RuntimeError for one
    that comes twice.
    """
    source = (source,) if isinstance(source, int) else tuple(source)
    destination = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should "
            f"contain the same number of dims as destination ({list(destination)} dims)"
        )
    for word, dims in (("source", source), ("destination", destination)):
        if len({wrap_dim(d, self.ndim) for d in dims}) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{word}` ({list(dims)})")
    if not self.form.ndim:
        return self.view(())
    source = tuple(wrap_dim(d, self.ndim) for d in source)
    destination = tuple(wrap_dim(d, self.ndim) for d in destination)
    rest = iter(d for d in range(self.ndim) if d not in source)
    order = [
        source[destination.index(k)] if k in destination else next(rest) for k in range(self.ndim)
    ]
    return self.permute(tuple(order))


@view_composite((
    "moveaxis.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
    "moveaxis.int(Tensor(a) self, int source, int destination) -> Tensor(a)",
))
def moveaxis(self, source, destination):
    """Another name of movedim.

    The sizes in the new order. Raises IndexError for a dim that is not there, RuntimeError for one
    that comes twice.
    """
    return self.movedim(source, destination)


@view_composite("reshape(Tensor(a) self, int[] shape) -> Tensor(a)")
def reshape(self, *sizes, shape=()):
    """The same elements in another shape: a view where strides allow it, else a copy."""
    shape = sizes or shape
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    wanted = infer_size(shape, self.form.numel)
    if wanted == self.form.shape:
        return self.view(wanted)
    if self.form.contiguous or self.form.geometry.view(wanted) is not None:
        return self.view(wanted)
    return self._clone_contiguous().view(wanted)


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


@view_composite("broadcast_to(Tensor(a) self, int[] size) -> Tensor(a)")
def broadcast_to(self, size):
    """Expanded to a shape."""
    return self.expand(size)


@view_composite("flatten(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)")
def flatten(self, start_dim=0, end_dim=-1):
    """Dimensions start_dim to end_dim joined into one.

    The sizes from start_dim to end_dim as their product. Raises RuntimeError for dims in the wrong
    order.
    """
    shape = self.form.shape
    first, last = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if not shape:
        return self.reshape(1)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return self
    joined = numel(shape[first : last + 1])
    return self.reshape((*shape[:first], joined, *shape[last + 1 :]))


@view_composite("ravel(Tensor(a) self) -> Tensor(a)")
def ravel(self):
    """All elements in one dimension.

    Result (n), n the number of elements; a view where memory allows.
    """
    return self.contiguous().view(-1)


@view_composite("unflatten(Tensor(a) self, int dim, int[] sizes) -> Tensor(a)")
def unflatten(self, dim, sizes):
    """One dimension taken apart into several.

    The size of dim as `sizes`, one of which may be -1. Raises RuntimeError for sizes that do not
    multiply to it.
    """
    if not self.form.ndim and wrap_dim(dim, 0) == 0:
        raise RuntimeError(
            "unflatten got an unexpected error:\n"
            f"Dimension specified as {dim} but tensor has no dimensions"
        )
    dim = wrap_dim(dim, self.ndim)
    shape = self.form.shape
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    if -1 not in sizes and numel(sizes) != shape[dim]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({shape[dim]}) in the input tensor"
        )
    parts = infer_size(sizes, shape[dim])
    return self.view((*shape[:dim], *parts, *shape[dim + 1 :]))


@composite("chunk(Tensor(a) self, int chunks, int dim=0) -> Tensor(a)[]")
def chunk(self, chunks, dim=0):
    """At most `chunks` pieces of equal size (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not self.form.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    length = self.form.shape[wrap_dim(dim, self.ndim)]
    return self.split(-(-length // chunks) if length else [0] * chunks, dim)


@composite((
    "tensor_split.sections(Tensor(a) self, SymInt sections, int dim=0) -> Tensor(a)[]",
    "tensor_split.indices(Tensor(a) self, SymInt[] indices, int dim=0) -> Tensor(a)[]",
    "tensor_split.tensor_indices_or_sections(Tensor(a) self, Tensor tensor_indices_or_sections, "
    "int dim=0) -> Tensor(a)[]",
))
def tensor_split(self, indices_or_sections, dim=0):
    """Pieces before each index, or that many pieces of nearly equal size."""
    if not self.form.ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    length = self.form.shape[wrap_dim(dim, self.ndim)]
    if hasattr(indices_or_sections, "tolist"):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        small, more = divmod(length, count)
        sizes = [small + 1] * more + [small] * (count - more)
        return tuple([self.narrow(dim, sum(sizes[:k]), size) for k, size in enumerate(sizes)])
    edges = [0, *indices_or_sections, length]
    return tuple(
        [
            registry["slice"].function(self, dim, a, b)
            for a, b in zip(edges, edges[1:], strict=False)
        ]
    )


def _split_along(name, fewest, dim_of):
    @composite((f"{name}.int(Tensor(a) self, int sections) -> Tensor(a)[]",
                f"{name}.array(Tensor(a) self, int[] indices) -> Tensor(a)[]"),
               "Pieces along one dimension, as tensor_split: the second of hsplit (of a vector the "
               "first),\nthe first of vsplit, the third of dsplit. Raises RuntimeError for sizes "
               "that sections do not\ndivide or too few dims.")
    def pieces(self, indices_or_sections):
        if self.form.ndim < fewest:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {fewest} dimension, but got a "
                f"tensor with {self.form.ndim} dimensions!"
            )
        dim = dim_of(self.form.ndim)
        length = self.form.shape[dim]
        if isinstance(indices_or_sections, int) and (
            indices_or_sections <= 0 or length % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                f"dimension {length} is not divisible by the split_size {indices_or_sections}!"
            )
        return self.tensor_split(indices_or_sections, dim)


_split_along("hsplit", 1, lambda ndim: 0 if ndim == 1 else 1)
_split_along("vsplit", 2, lambda ndim: 0)
_split_along("dsplit", 3, lambda ndim: 2)


def _atleast(ndim, doc, missing):
    """atleast_nd: of one tensor, or of several (also as a list) as a tuple. `missing` says for
    tensors of too few dims where dims of size 1 go."""

    def one(x):
        for dim in missing.get(x.ndim, ()):
            x = x.unsqueeze(dim)
        return x

    def atleast(*tensors):
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return one(tensors[0])
        if len(tensors) == 1:
            tensors = tensors[0]
        return tuple([one(x) for x in tensors])

    made = composite(f"atleast_{ndim}d(Tensor[] tensors) -> Tensor[]", doc)(atleast)
    made.method = False


_atleast(1, "0-d tensors as vectors of one element.", {0: (0,)})
_atleast(2, "Vectors as one row.", {0: (0, 0), 1: (0,)})
_atleast(3, "Vectors as (1, n, 1), matrices as (n, m, 1).", {0: (0, 0, 0), 1: (0, -1), 2: (-1,)})


@composite("broadcast_tensors(Tensor[] tensors) -> Tensor[]")
def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    shape = broadcast_shapes(*(one.form.shape for one in tensors))
    return tuple([one if one.form.shape == shape else one.expand(shape) for one in tensors])


@composite((
    "meshgrid(Tensor[] tensors) -> Tensor[]",
    "meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]",
))
def meshgrid(*tensors, indexing="ij"):
    """Grids of coordinates: tensor k varies along dimension k ("xy": the first two exchanged).

    (n), (m), ... give tensors (n, m, ...) each, or (m, n, ...) with "xy". Raises RuntimeError for
    more dimensions.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    indexing = "ij" if indexing is None else indexing
    if not isinstance(indexing, str):
        raise TypeError(
            f"meshgrid(): argument 'indexing' must be str, not {type(indexing).__name__}"
        )
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for one in tensors:
        if one.form.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                f"{list(one.form.shape)}"
            )
    if any(one.form.dtype is not tensors[0].form.dtype for one in tensors):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(tensors) > 1
    if swap:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    shape = tuple(one.form.numel for one in tensors)
    grids = [
        one.reshape((1,) * k + (-1,) + (1,) * (len(tensors) - k - 1)).expand(shape)
        for k, one in enumerate(tensors)
    ]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@composite("cartesian_prod(Tensor[] tensors) -> Tensor")
def cartesian_prod(*tensors):
    """All combinations of the elements of vectors, a row each.

    (n), (m), ... give (n m ..., k), k the number of vectors. Raises RuntimeError for more
    dimensions.
    """
    for one in tensors:
        if one.form.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(one.form.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    for one in tensors:
        if one.form.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(one.form.shape)}")
    grids = registry["meshgrid"].function(*tensors)
    return registry["stack"].function([grid.reshape(-1) for grid in grids], 1)


# --- diagonals -----------------------------------------------------------------------------------


@composite("diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor")
def diag_embed(self, offset=0, dim1=-2, dim2=-1):
    """The last dimension as the diagonal of two new ones.

    self (*, n), result (*, m, m) with m = n + |offset|. Raises RuntimeError for two dims that are
    the same.
    """
    ndim = self.ndim + 1
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {first}, {second}")
    size = self.form.shape[-1] + abs(offset)
    shape = list(self.form.shape[:-1])
    for dim in sorted((first, second)):
        shape.insert(dim, size)
    y = self.new_zeros(tuple(shape))
    y.diagonal(offset, first, second).copy_(self)
    return y


@composite("diag(Tensor self, int diagonal=0, *, Tensor(a!)? out=None) -> Tensor")
def diag(self, diagonal=0):
    """The matrix with a vector on its diagonal, or the diagonal of a matrix as a vector.

    (n) gives (n + |k|, n + |k|), (n, m) its diagonal. Raises RuntimeError for more dimensions.
    """
    if self.ndim == 1:
        return self.diag_embed(diagonal)
    if self.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {self.ndim}D")
    return self.diagonal(diagonal)._clone_contiguous()


@composite("diagflat(Tensor self, int offset=0) -> Tensor")
def diagflat(self, offset=0):
    """The matrix with all elements on its diagonal.

    Result (m, m) with m = numel + |offset|.
    """
    return self.reshape(-1).diag_embed(offset)


@composite("trace(Tensor self) -> Tensor")
def trace(self):
    """The sum of the diagonal of a matrix.

    self (n, m), result (). Raises RuntimeError for other numbers of dimensions.
    """
    if self.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {self.ndim}")
    return self.diagonal().sum()

# Where records stand that are no functions of torch itself.
for _name in ("expand", "expand_as", "reshape_as", "unfold", "view", "view_as"):
    registry[_name].namespace = "tensor"
for _name in ("alias", "slice"):
    registry[_name].namespace = "internal"
    registry[_name].method = False
