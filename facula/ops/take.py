"""Elements by mask and by their number, places that are not 0, copies with a part replaced."""

from typing import TYPE_CHECKING

from facula.dispatch import check_base_of_view, check_inplace, copy_of, dtype_word
from facula.late import Late
from facula.launch.indirect import nonzero as nonzero_coordinates
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.shape import broadcast_shapes, wrap_dim
from facula.op import composite, operation, registry
from facula.tensor import Tensor

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")


@composite("nonzero(Tensor self, *, Tensor(a!)? out=None, bool as_tuple=False) -> Tensor")
def nonzero(self, *, as_tuple=False):
    """Coordinates of the elements that are not 0: one row each, or one tensor a dimension.

    self with d dims and k elements that are not 0, result (k, d), int64.
    """
    if as_tuple:
        places = _by_column(nonzero_coordinates(self if self.form.ndim else self.reshape(1)))
        return tuple([places.select(1, k) for k in range(places.form.shape[1])])
    return _by_column(nonzero_coordinates(self))


def _by_column(places):
    """torch's layout of coordinates: those of a dimension lie together."""
    return copy_of(places.t()).as_strided(places.form.shape, (1, places.form.shape[0]))


@composite("argwhere(Tensor self) -> Tensor")
def argwhere(self):
    """Coordinates of the elements that are not 0, one row each.

    self with d dims and k elements that are not 0, result (k, d), int64.
    """
    return _by_column(nonzero_coordinates(self))


@composite("masked_select(Tensor self, Tensor mask, *, Tensor(a!)? out=None) -> Tensor")
def masked_select(self, mask):
    """The elements where the mask is true, in one dimension.

    Both broadcast; the result is (k), k the number of elements kept. Raises RuntimeError for a mask
    that is not of bools.
    """
    if mask.form.kind != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(self.form.shape, mask.form.shape)
    spread, chosen = self.expand(shape), mask.expand(shape)
    if not shape:
        spread, chosen = spread.reshape(1), chosen.reshape(1)
    return registry["index"].function(spread, (chosen,))


@composite("take(Tensor self, Tensor index, *, Tensor(a!)? out=None) -> Tensor")
def take(self, index):
    """Elements by their number in row-major order.

    index counts the elements of self as one row. Raises IndexError for one that is not there,
    RuntimeError for dtypes that do not fit.
    """
    if index.form.kind != "i64":
        word = dtype_word(index.form.dtype)
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {word}")
    if index.form.numel and not self.form.numel:
        raise IndexError("take(): tried to take from an empty tensor")
    try:
        return registry["index"].function(self.reshape(-1), (index,))
    except IndexError as error:
        number = str(error).split()[1]
        raise IndexError(
            f"out of range: tried to access index {number} on a tensor of {self.form.numel} "
            "elements."
        ) from None


@composite("one_hot(Tensor self, int num_classes=-1) -> Tensor")
def one_hot(self, num_classes=-1):
    """1 at the class of each element, 0 elsewhere, in a new last dimension.

    self (*) of int64, result (*, num_classes). Raises RuntimeError for numbers below 0 or too
    large.
    """
    if self.form.kind != "i64":
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if self.form.numel == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return registry["zeros"].function((*self.form.shape, num_classes), dtype=dtypes.int64)
    if bool((self < 0).any()):
        raise RuntimeError("Class values must be non-negative.")
    largest = int(self.amax().item())
    if num_classes == -1:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    classes = registry["arange"].function(num_classes)
    return (self.unsqueeze(-1) == classes).to(dtypes.int64)


@composite("take_along_dim(Tensor self, Tensor indices, int? dim=None, *, Tensor(a!)? out=None) "
           "-> Tensor")
def take_along_dim(self, indices, dim=None):
    """Like gather, with self and indices broadcast against each other.

    Both broadcast but in dim; the result has the shape of the indices. Raises RuntimeError for
    indices that are not int64.
    """
    if dim is None:
        self, indices, dim = self.reshape(-1), indices.reshape(-1), 0
    if self.form.ndim != indices.form.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {self.form.ndim} dimensions for input, and {indices.form.ndim} dimensions "
            "for indices"
        )
    dim = wrap_dim(dim, self.form.ndim)
    mine, theirs = list(self.form.shape), list(indices.form.shape)
    mine[dim] = theirs[dim] = 1
    shape = list(broadcast_shapes(tuple(mine), tuple(theirs)))
    shape[dim] = self.form.shape[dim]
    x = self.expand(tuple(shape))
    shape[dim] = indices.form.shape[dim]
    # torch takes indices here, and only here, as the rest of a division by the size.
    places = indices % max(self.form.shape[dim], 1)
    return x.gather(dim, places.expand(tuple(shape)))


@composite("masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor")
def masked_scatter(self, mask, source):
    """A copy of self with the elements of source, in order, where the mask is true.

    All broadcast to a common shape, which the result has. Raises RuntimeError where they do not, or
    for a mask that is not of bools.
    """
    if mask.form.kind != "bool":
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{dtype_word(mask.form.dtype)}"
        )
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{dtype_word(self.form.dtype)} and {dtype_word(source.form.dtype)}"
        )
    shape = broadcast_shapes(self.form.shape, mask.form.shape)
    x, chosen = self.expand(shape), mask.expand(shape)
    if not shape:
        return x.reshape(1).masked_scatter(chosen.reshape(1), source).reshape(())
    count = int(chosen.sum().item())
    if count > source.form.numel:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    return registry["index_put"].function(x, (chosen,), source.reshape(-1).narrow(0, 0, count))


@composite("masked_scatter_(Tensor(a!) self, Tensor mask, Tensor source) -> Tensor(a!)")
def masked_scatter_(self, mask, source):
    """In-place form of masked_scatter.

    The mask broadcasts to self, which keeps its shape. Raises RuntimeError where it does not, or is
    not of bools.
    """
    check_inplace(self)
    check_base_of_view(self)
    return self.copy_(self.masked_scatter(mask, source))


@composite("put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor")
def put_at(self, index, source, accumulate=False):
    """A copy of self with elements, by their number in row-major order, written or added."""
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{dtype_word(self.form.dtype)} and source.dtype = {dtype_word(source.form.dtype)}"
        )
    if index.form.numel != source.form.numel:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.form.numel}, index.numel() = {index.form.numel}"
        )
    flat = registry["index_put"].function(
        self.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate
    )
    return flat.reshape(self.form.shape)


@composite("put_(Tensor(a!) self, Tensor index, Tensor source, bool accumulate=False) "
           "-> Tensor(a!)")
def put_(self, index, source, accumulate=False):
    """In-place form of put.

    index counts the elements of self as one row. Raises IndexError for one that is not there,
    RuntimeError for dtypes that do not fit.
    """
    check_inplace(self)
    check_base_of_view(self)
    return self.copy_(self.put(index, source, accumulate))


@composite("fill_diagonal_(Tensor(a!) self, Scalar fill_value, bool wrap=False) -> Tensor(a!)")
def fill_diagonal_(self, fill_value, wrap=False):
    """The main diagonal becomes a number.

    self (n, m), or equal sizes in more dims. Raises RuntimeError for less than two dims.
    """
    if self.form.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.form.ndim > 2 and len(set(self.form.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step, start = sum(self.form.strides), self.storage_offset()
    size = min(self.form.shape)
    self.as_strided((size,), (step,), start).fill_(fill_value)
    height, width = self.form.shape[:2]
    if wrap and self.form.ndim == 2 and height > width + 1:
        # After a row without one the diagonal begins anew: every width + 1 elements of the whole.
        rest = -(-self.form.numel // (width + 1)) - size
        start += self.form.strides[0] * (width + 1)
        self.as_strided((rest,), (step,), start).fill_(fill_value)
    return self


@composite("select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor")
def select_scatter(self, src, dim, index):
    """A copy of self with src in place of one index of a dimension.

    src has the shape of that part; the result that of self. Raises RuntimeError for another shape,
    IndexError for an index that is not there.
    """
    y = clone_in_place_of.function(self)
    _put_into(y.select(dim, index), src)
    return y


@operation("clone_in_place_of(Tensor self) -> Tensor")
def clone_in_place_of(self):
    """A copy with strides and offset, as torch makes here: of the whole storage."""
    if self.form.lazy or self.form.geometry.has_overlap():
        return copy_of(self)
    x = self.detach()
    room = x.block.length // x.form.itemsize
    whole = copy_of(x.as_strided((room,), (1,), 0))
    return whole.as_strided(x.form.shape, x.form.strides, x.storage_offset())


clone_in_place_of.tensor_names, clone_in_place_of.node_name = ("self",), "CloneBackward0"
clone_in_place_of.namespace, clone_in_place_of.method = "internal", False


@clone_in_place_of.gradient
def _(g):
    return g


def _put_into(place, src):
    if place.form.shape != src.form.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.form.shape)}, slice size = {list(place.form.shape)}"
        )
    place.copy_(src)


@composite("slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, "
           "int step=1, *, Tensor(a!)? out=None) -> Tensor")
def slice_scatter(self, src, dim=0, start=None, end=None, step=1):
    """A copy of self with src in place of a slice of a dimension.

    src has the shape of that part; the result that of self. Raises RuntimeError for another shape,
    IndexError for an index that is not there.
    """
    y = clone_in_place_of.function(self)
    _put_into(registry["slice"].function(y, dim, start, end, step), src)
    return y


@composite("diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) "
           "-> Tensor")
def diagonal_scatter(self, src, offset=0, dim1=0, dim2=1):
    """A copy of self with src in place of a diagonal.

    src has the shape of that part; the result that of self. Raises RuntimeError for another shape,
    IndexError for an index that is not there.
    """
    y = clone_in_place_of.function(self)
    _put_into(y.diagonal(offset, dim1, dim2), src)
    return y


@composite((
    "repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, SymInt? "
    "output_size=None) -> Tensor",
    "repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> Tensor",
    "repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? "
    "output_size=None) -> Tensor",
))
def repeat_interleave(self, repeats=None, dim=None, *, output_size=None):
    """Each element of a dim several times in a row.

    self (*, n, *), result with each element of dim as often as its number says. Raises RuntimeError
    for negative numbers or another count of them.
    """
    if repeats is None:
        numbers = registry["arange"].function(self.form.numel).numpy()
        return registry["tensor"].function(np.repeat(numbers, self.detach().numpy()))
    x = self.reshape(-1) if dim is None else self
    if dim is not None and not self.form.ndim:
        wrap_dim(1, 0)  # torch looks at the next dim too
    dim = 0 if dim is None else wrap_dim(dim, self.form.ndim)
    size = x.form.shape[dim] if x.form.ndim else 1
    counts = np.asarray(repeats.detach().numpy() if isinstance(repeats, Tensor) else repeats)
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    if counts.size not in (1, size):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got "
            f"repeats.size(0) = {counts.size} and input.size({dim}) = {size}"
        )
    places = np.repeat(np.arange(size), counts.reshape(-1))
    return x.index_select(dim, registry["tensor"].function(places))


def _triangle_indices(name):
    @composite(f"{name}(int row, int col, int offset=0, *, ScalarType? dtype=long, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
               "Rows and columns of the places in a triangle of a matrix.\n\nResult (2, k), int64. "
               "Raises RuntimeError for negative sizes.")
    def places(row, col, offset=0, *, dtype=dtypes.int64, device=None, layout=None):
        for word, size in (("row", row), ("col", col)):
            if size < 0:
                raise RuntimeError(f"{word} must be non-negative, got{size}")
        offset = min(max(offset, -row - 1), col + 1)  # beyond, nothing changes but NumPy's ints
        return registry["tensor"].function(np.stack(getattr(np, name)(row, offset, col))).to(dtype)


_triangle_indices("tril_indices")
_triangle_indices("triu_indices")

registry["one_hot"].namespace, registry["one_hot"].method = "nn", False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key, _refused in (
    ("argwhere", "nonzero"), ("one_hot", "unsqueeze"), ("take_along_dim", "gather"),
    ("repeat_interleave", "view"),
):  # fmt: skip
    registry[_key].names(_refused)


@registry["masked_select"].names
def _(self, mask):
    names.unify(self, mask)
