"""Order along a dimension: extremes with positions, sorting, running sums, flips."""

from typing import TYPE_CHECKING

from facula.autograd.mode import mode as recording
from facula.dispatch import copy_reversed
from facula.dispatch.parts import refuse_complex
from facula.form import form_of
from facula.late import Late
from facula.launch.ordering import extreme, position, scan, sort
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.geometry import restride_like
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry
from facula.returns import named
from facula.tensor import Tensor, allocate

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")


class _Results(dict):
    """The classes of named results, made when first used."""

    def __missing__(self, name):
        fields = ("min", "max") if name == "aminmax" else ("values", "indices")
        made = self[name] = named(name, *fields)
        return made


RESULTS = _Results()

# --- extremes ------------------------------------------------------------------------------------


def _check_elements(name, self, dim):
    if self.form.ndim and self.form.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


def _extremes(name, largest):
    @operation(f"{name}_along(Tensor self, int dim, bool keepdim=False) -> (Tensor, Tensor)",
               f"{name} along a dim, with positions.")
    def along(self, dim, keepdim=False):
        dim = wrap_dim(dim, self.form.ndim)
        refuse_complex(self, f"{name}(): does not support complex input", RuntimeError)
        _check_elements(name, self, dim)
        if self.form.ndim == 0:
            return self.clone(), registry["zeros"].function((), dtype=dtypes.int64)
        values, indices = extreme(self, dim, largest)
        return (values.unsqueeze(dim), indices.unsqueeze(dim)) if keepdim else (values, indices)

    along.differentiable_outputs, along.kept_outputs = (0,), (1,)
    along.node_name = f"{name.title()}Backward0"

    @along.gradient
    def _(g, ys, self_form, dim, keepdim):
        if self_form.ndim == 0:
            return g[0]
        gradient, indices = g[0], ys[1]
        if not keepdim:
            gradient, indices = gradient.unsqueeze(dim), indices.unsqueeze(dim)
        return gradient.new_zeros(self_form.shape).scatter_add(dim, indices, gradient)

    def check_order(self):
        if self.form.kind == "bool":
            raise RuntimeError(f"arg{name}(): does not support bool input")
        refuse_complex(self, f"arg{name}(): does not support complex input", RuntimeError)

    @composite(f"arg{name}(Tensor self, int? dim=None, bool keepdim=False, *, "
               "Tensor(a!)? out=None) -> Tensor",
               f"The position of the {name}; of the flattened tensor without dim.")
    def arg(self, dim=None, keepdim=False):
        check_order(self)
        if dim is None:
            if self.form.numel == 0:
                raise IndexError(
                    f"arg{name}(): Expected reduction dim to be specified for input.numel() == 0."
                )
            found = position(self.detach().reshape(-1), 0, largest)
            return found.reshape((1,) * self.form.ndim) if keepdim else found
        if self.form.ndim:
            _check_elements(f"arg{name}", self, wrap_dim(dim, self.form.ndim))
        dim = wrap_dim(dim, self.form.ndim)
        if self.form.ndim == 0:
            return registry["zeros"].function((), dtype=dtypes.int64)
        found = position(self.detach(), dim, largest)
        return found.unsqueeze(dim) if keepdim else found

    @composite((f"{name}(Tensor self, *, Tensor(a!)? out=None) -> Tensor",
                f"{name}.dim(Tensor self, int dim, bool keepdim=False, *, Tensor(a!)? out=None) "
                "-> (Tensor, Tensor)",
                f"{name}.other(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor"),
               f"The {name} of all elements; with a dim also positions; with another tensor "
               "element by element.")
    def whole(self, dim=None, keepdim=False, *, other=None):
        if isinstance(dim, Tensor):
            dim, other = None, dim
        if other is not None:
            return registry[f"{name}imum"].function(self, other)
        if dim is None:
            if self.form.numel == 0:
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            refuse_complex(self, f"\"{name}_all\" not implemented for '{{}}'")
            return registry[f"a{name}"].function(self)
        return RESULTS[name](*registry[f"{name}_along"].function(self, dim, keepdim))


_extremes("max", True)
_extremes("min", False)


@composite("aminmax(Tensor self, *, int? dim=None, bool keepdim=False, Tensor(a!)? out=None) "
           "-> (Tensor, Tensor)")
def aminmax(self, *, dim=None, keepdim=False):
    """The smallest and the largest element.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises RuntimeError
    or IndexError for no elements.
    """
    if dim is None and self.form.numel == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    if dim is not None:
        _check_elements("aminmax", self, wrap_dim(dim, self.form.ndim))
    refuse_complex(self, "\"aminmax_cpu\" not implemented for '{}'")
    dims = () if dim is None else dim
    return RESULTS["aminmax"]( self.amin(dims, keepdim), self.amax(dims, keepdim))


# --- sorting -------------------------------------------------------------------------------------


@operation("sort_along(Tensor self, int dim, bool descending) -> (Tensor, Tensor)")
def sort_along(self, dim, descending):
    """Sorted along a dim, stable, with the old positions."""
    refuse_complex(self, " Sort does not support complex dtypes on CPU", RuntimeError)
    dim = wrap_dim(dim, self.form.ndim)
    if self.form.ndim == 0:
        return self.clone(), registry["zeros"].function((), dtype=dtypes.int64)
    if dim == self.form.ndim - 1:
        return sort(self, descending)
    values, indices = sort(self.transpose(dim, -1), descending)
    return values.transpose(dim, -1).contiguous(), indices.transpose(dim, -1).contiguous()


sort_along.differentiable_outputs, sort_along.kept_outputs = (0,), (1,)
sort_along.node_name = "SortBackward0"


@sort_along.gradient
def _(g, ys, self_form, dim):
    if self_form.ndim == 0:
        return g[0]
    return g[0].new_zeros(self_form.shape).scatter_add(dim, ys[1], g[0])


@composite((
    "sort(Tensor self, int dim=-1, bool descending=False, *, Tensor(a!)? out=None) "
    "-> (Tensor values, Tensor indices)",
    "sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False, "
    "Tensor(a!)? out=None) "
    "-> (Tensor values, Tensor indices)",
))
def sort_(self, dim=-1, descending=False, stable=False):
    """Sorted along a dim, and the old positions; always stable."""
    return RESULTS["sort"](*registry["sort_along"].function(self, dim, bool(descending)))


@composite("msort(Tensor self, *, Tensor(a!)? out=None) -> Tensor")
def msort(self):
    """Sorted along the first dim.

    Results have the shape of self; indices are int64. Raises IndexError for a dim that is not
    there.
    """
    return registry["sort_along"].function(self, 0, False)[0]


@composite((
    "argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
    "argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
))
def argsort(self, dim=-1, descending=False, stable=False):
    """The positions that would sort a dim.

    Results have the shape of self; indices are int64. Raises IndexError for a dim that is not
    there.
    """
    return registry["sort"].function(self.detach(), dim=dim, descending=bool(descending))[1]


@composite("topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True, *, "
           "Tensor(a!)? out=None) -> (Tensor, Tensor)")
def topk(self, k, dim=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements of a dim in order, and their positions.

    self (*, n, *), both results (*, k, *), indices int64. Raises RuntimeError for k outside [0, n].
    """
    dim = wrap_dim(dim, self.form.ndim)
    size = self.form.shape[dim] if self.form.ndim else 1
    if self.form.kind == "bool":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    refuse_complex(self, " topk does not support complex dtypes on CPU", RuntimeError)
    if not 0 <= k <= size:
        raise RuntimeError("selected index k out of range")
    values, indices = registry["sort_along"].function(self, dim, largest)
    if self.form.ndim == 0:
        return RESULTS["topk"](values, indices)
    return RESULTS["topk"](
        values.narrow(dim, 0, k)._clone_contiguous(), indices.narrow(dim, 0, k)._clone_contiguous()
    )


# --- running combinations ------------------------------------------------------------------------


def _add(a, b):
    return a + b


def _mul(a, b):
    return a * b


def _scan_dtype(self, dtype):
    if dtype is not None:
        return dtype
    return self.form.dtype if self.form.tracked else dtypes.int64


@operation("cumsum(Tensor self, int dim, *, ScalarType? dtype=None, Tensor(a!)? out=None) "
           "-> Tensor")
def cumsum(self, dim, *, dtype=None):
    """Sums of the elements up to each position."""
    dim = wrap_dim(dim, self.form.ndim)
    wanted = _scan_dtype(self, dtype)
    x = self if self.form.tracked and self.form.dtype.kind == wanted.kind else self.to(wanted)
    return scan(x, dim, wanted, _add, 0) if x.form.ndim else x.to(wanted).clone()


@cumsum.gradient
def _(g, self_form, dim):
    if self_form.ndim == 0:
        return g.to(self_form.dtype)
    return g.flip(dim).cumsum(dim).flip(dim).to(self_form.dtype)


@operation("cumprod(Tensor self, int dim, *, ScalarType? dtype=None, Tensor(a!)? out=None) "
           "-> Tensor")
def cumprod(self, dim, *, dtype=None):
    """Products of the elements up to each position."""
    dim = wrap_dim(dim, self.form.ndim)
    wanted = _scan_dtype(self, dtype)
    x = self if self.form.tracked and self.form.dtype.kind == wanted.kind else self.to(wanted)
    return scan(x, dim, wanted, _mul, 1) if x.form.ndim else x.to(wanted).clone()


@cumprod.gradient
def _(g, y, self, dim):
    if self.form.ndim == 0:
        return g.to(self.form.dtype)
    if not bool((self == 0).any()):
        return ((g * y).flip(dim).cumsum(dim).flip(dim) / self).to(self.form.dtype)
    # With zeros: dy_j/dx_i is the product of all others up to j, for every i without dividing.
    size = self.form.shape[dim]
    parts = []
    for i in range(size):
        x = self.narrow(dim, i, 1)
        before = y.narrow(dim, i - 1, 1) if i else x.new_ones(x.shape)
        pieces = [before]
        if i + 1 < size:
            pieces.append(before * self.narrow(dim, i + 1, size - i - 1).cumprod(dim))
        others = registry["cat"].function(pieces, dim)
        parts.append((g.narrow(dim, i, size - i) * others).sum(dim, keepdim=True))
    return registry["cat"].function(parts, dim).to(self.form.dtype)


# --- flips and rolls -----------------------------------------------------------------------------


@operation("flip_along(Tensor self, int[] dims) -> Tensor")
def flip_along(self, dims):
    """A copy, some dims in reverse order; dense tensors keep their strides."""
    form = self.form
    strides = form.strides if form.dense else restride_like(form.shape, [form.strides])
    y = allocate(form_of(form.dtype, form.shape, strides))
    if form.numel:
        copy_reversed(y, self, dims)
    return y


flip_along.node_name = "FlipBackward0"


@flip_along.gradient
def _(g, dims):
    return g.flip(dims)


@composite("flip(Tensor self, int[] dims) -> Tensor")
def flip(self, *many, dims=()):
    """The order of some dims reversed.

    The result has the shape of self. Raises IndexError for a dim that is not there, RuntimeError
    for one that comes twice or too few dims.
    """
    dims = many or dims
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(dims) == 1 and not isinstance(dims[0], int):
        dims = tuple(dims[0])
    wrapped = [wrap_dim(d, self.form.ndim) for d in dims]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {wrapped[0]} appears multiple times in the list of dims")
    dims = tuple(wrapped) if self.form.ndim else ()
    return registry["flip_along"].function(self, dims)


@composite("fliplr(Tensor self) -> Tensor")
def fliplr(self):
    """Columns in reverse order.

    The result has the shape of self. Raises IndexError for a dim that is not there, RuntimeError
    for one that comes twice or too few dims.
    """
    if self.form.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return self.flip(1)


@composite("flipud(Tensor self) -> Tensor")
def flipud(self):
    """Rows in reverse order.

    The result has the shape of self. Raises IndexError for a dim that is not there, RuntimeError
    for one that comes twice or too few dims.
    """
    if self.form.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return self.flip(0)


@composite("roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor")
def roll(self, shifts, dims=()):
    """Elements moved along dims, coming in again at the other end.

    The result has the shape of self. Raises IndexError for a dim that is not there, RuntimeError
    for one that comes twice or too few dims.
    """
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if dims and not self.form.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    if not dims:
        if len(shifts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return self.reshape(-1).roll(shifts[0], 0).reshape(self.form.shape)
    if not self.form.numel:
        return self.clone()
    if len(shifts) != len(dims):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    y = self
    for shift, dim in zip(shifts, dims, strict=True):
        size = y.form.shape[dim]
        at = (-shift) % size if size else 0
        y = (
            registry["cat"].function([y.narrow(dim, at, size - at), y.narrow(dim, 0, at)], dim)
            if size
            else y
        )
    return y.clone() if y is self else y


def _triangle(name, keep):
    def triangle(self, diagonal=0):
        if self.form.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        rows = registry["arange"].function(self.form.shape[-2]).unsqueeze(1)
        columns = registry["arange"].function(self.form.shape[-1])
        zero = self.new_zeros(())
        return registry["where"].function(keep(columns - rows, diagonal), self, zero).contiguous()

    composite(
        f"{name}(Tensor self, int diagonal=0, *, Tensor(a!)? out=None) -> Tensor",
        f"The {'lower' if name == 'tril' else 'upper'} triangle; 0 elsewhere.",
    )(triangle)


_triangle("tril", lambda distance, diagonal: distance <= diagonal)
_triangle("triu", lambda distance, diagonal: distance >= diagonal)


@operation("turned_over(Tensor self, int dim0, int dim1) -> Tensor",
           "Two dims of a fresh tensor exchanged, in place.")
def turned_over(self, dim0, dim1):
    return self.transpose(dim0, dim1)


turned_over.tensor_names, turned_over.node_name = ("self",), "TransposeBackward0"
turned_over.namespace, turned_over.method = "internal", False


@turned_over.gradient
def _(g, dim0, dim1):
    return g.transpose(dim0, dim1)


@composite("rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor")
def rot90(self, k=1, dims=(0, 1)):
    """Turned by k quarter turns in the plane of two dims.

    The two sizes change places where k is odd. Raises RuntimeError for dims that are not two.
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if self.form.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {self.form.ndim}")
    if (dims[0] - dims[1]) % self.form.ndim == 0:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    first, second = (wrap_dim(d, self.form.ndim) for d in dims)
    k = k % 4
    if k == 0:
        return self.clone()
    if k == 2:
        return self.flip((first, second))
    turned = self.flip(second) if k == 1 else self.flip(first)
    # The layout of the flipped tensor, turned: nobody's view.
    return registry["turned_over"].function(turned, first, second)


# --- ranks ---------------------------------------------------------------------------------------


def _pick(name, self, places, dim, keepdim):
    """Elements of the sorted dim at given places, and their old positions."""
    values, indices = registry["sort_along"].function(self, dim, False)
    if self.form.ndim:
        values, indices = values.gather(dim, places), indices.gather(dim, places)
        if not keepdim:
            values, indices = values.squeeze(dim), indices.squeeze(dim)
    return RESULTS[name](values, indices)


@composite("kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False, *, "
           "Tensor(a!)? out=None) -> (Tensor, Tensor)")
def kthvalue(self, k, dim=-1, keepdim=False):
    """The k-th smallest element of a dim, counting from 1, and its position.

    self (*, n, *), both results without dim, or with size 1 with `keepdim`. Raises RuntimeError for
    k outside [1, n].
    """
    dim = wrap_dim(dim, self.form.ndim)
    size = self.form.shape[dim] if self.form.ndim else 1
    _check_elements("kthvalue", self, dim)
    if not 1 <= k <= size:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(dim))
    refuse_complex(self, "\"kthvalue_cpu\" not implemented for '{}'")
    return _pick("kthvalue", self, _place(self, dim, k - 1), dim, keepdim)


def _place(self, dim, k):
    shape = tuple(1 if d == dim else n for d, n in enumerate(self.form.shape))
    return registry["full"].function(shape, k, dtype=dtypes.int64)


def _medians(name, skip):
    nans = "Elements that are nan do not count." if skip else "nan if one is nan."

    @composite((f"{name}(Tensor self) -> Tensor",
                f"{name}.dim(Tensor self, int dim, bool keepdim=False, *, Tensor(a!)? out=None) "
                "-> (Tensor, Tensor)"),
               f"The middle element; the lower of two. {nans}")
    def median(self, dim=None, keepdim=False):
        if dim is None:
            if self.form.numel == 0:
                return self.new_full((), float("nan"))
            return middle(self.reshape(-1), 0, False).values
        dim = wrap_dim(dim, self.form.ndim)
        _check_elements("median", self, dim)
        return middle(self, dim, keepdim)

    def middle(self, dim, keepdim):
        if self.form.kind == "bool":
            raise NotImplementedError("\"median_out\" not implemented for 'Bool'")
        refuse_complex(self, "\"median_cpu\" not implemented for '{}'")
        if self.form.ndim == 0:
            return _pick(name, self, None, dim, keepdim)
        size = self.form.shape[dim]
        counted = (self == self).sum(dim, True)
        places = registry["floor_divide"].function(counted - 1, 2)
        if skip:
            places = registry["where"].function(counted == 0, 0, places)
        else:  # nan are sorted last
            places = registry["where"].function(counted < size, counted, places)
        return _pick(name, self, places, dim, keepdim)


_medians("median", False)
_medians("nanmedian", True)


@composite("mode(Tensor self, int dim=-1, bool keepdim=False, *, Tensor(a!)? out=None) "
           "-> (Tensor, Tensor)")
def mode(self, dim=-1, keepdim=False):
    """The most frequent element of a dim (the smallest of several), and its last position.

    The dim goes, or stays with size 1 with `keepdim`; values and int64 indices. Raises IndexError
    for a dim that is not there or has no elements.
    """
    if self.form.numel:
        refuse_complex(self, "\"mode_cpu\" not implemented for '{}'")
    dim = wrap_dim(dim, self.form.ndim)
    if self.form.ndim == 0:
        return _pick("mode", self, None, dim, keepdim)
    _check_elements("mode", self, dim)
    values, indices = registry["sort_along"].function(self.detach(), dim, False)
    size = self.form.shape[dim]
    numbers = registry["arange"].function(size).reshape((-1,) + (1,) * (self.form.ndim - dim - 1))
    fresh = values.narrow(dim, 1, size - 1) != values.narrow(dim, 0, size - 1)
    starts = registry["where"].function(fresh, numbers.narrow(0, 1, size - 1), 0)
    starts = registry["cat"].function([_place(self, dim, 0), starts], dim).cummax(dim).values
    last = (numbers - starts).argmax(dim, True)
    indices = indices.gather(dim, last)
    found = self.gather(dim, indices)
    return (
        RESULTS["mode"](found, indices)
        if keepdim
        else RESULTS["mode"](found.squeeze(dim), indices.squeeze(dim))
    )


def _running_extreme(name, comes_before):
    @composite(f"{name}(Tensor self, int dim, *, Tensor(a!)? out=None) -> (Tensor, Tensor)",
               "The extreme of the elements up to each position, and where it was last.")
    def running(self, dim):
        dim = wrap_dim(dim, self.form.ndim)
        if self.form.ndim == 0:
            return RESULTS[name](self.clone(), registry["zeros"].function((), dtype=dtypes.int64))
        size = self.form.shape[dim]
        shape = (1,) * dim + (size,) + (1,) * (self.form.ndim - dim - 1)
        places = (
            registry["arange"].function(size).reshape(shape).expand(self.form.shape).contiguous()
        )
        values, step = self.detach(), 1
        where, cat = registry["where"].function, registry["cat"].function
        while step < size:  # after each round a position knows twice as many before it
            old, new = values.narrow(dim, 0, size - step), values.narrow(dim, step, size - step)
            old_at, new_at = (
                places.narrow(dim, 0, size - step),
                places.narrow(dim, step, size - step),
            )
            keep = comes_before(old, new) | ((old != old) & (new == new))
            values = cat([values.narrow(dim, 0, step), where(keep, old, new)], dim)
            places = cat([places.narrow(dim, 0, step), where(keep, old_at, new_at)], dim)
            step *= 2
        return RESULTS[name](self.gather(dim, places), places)


_running_extreme("cummax", lambda old, new: old > new)
_running_extreme("cummin", lambda old, new: old < new)

# --- distinct values and counts ------------------------------------------------------------------


@composite("unique(Tensor self, bool sorted=True, bool return_inverse=False, "
           "bool return_counts=False, int? dim=None) -> (Tensor, Tensor, Tensor)")
def unique(self, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements in order; where each element went, and how often each occurs.

    Values (k), or slices along dim; inverse in the shape of self, counts (k), int64. Raises
    IndexError for a dim that is not there.
    """
    refuse_complex(self, "\"unique\" not implemented for '{}'")
    if dim is not None:
        rows = _slices("unique", self, dim)
        order = _row_order(rows)
        found, inverse, counts = _runs(rows.index_select(0, order))
        inverse = inverse.new_empty(inverse.form.shape).scatter(0, order, inverse)
        found = _unsliced(found, self, dim)
        return _chosen(UNIQUE_DIM, self, found, inverse, counts, return_inverse, return_counts)
    flat = self.detach().reshape(-1)
    values, order = registry["sort_along"].function(flat, 0, False)
    found, inverse, counts = _runs(values)
    if return_inverse:
        inverse = (
            inverse.new_empty(inverse.form.shape)
            .scatter(0, order, inverse)
            .reshape(self.form.shape)
        )
    return _chosen(UNIQUE, self, found, inverse, counts, return_inverse, return_counts)


def _runs(flat):
    """The first of each run of equal elements (or rows), the number of the run at each place, run
    lengths."""
    size = flat.form.shape[0]
    if size == 0:
        empty = registry["zeros"].function(0, dtype=dtypes.int64)
        return flat, empty, empty
    fresh = flat.narrow(0, 1, size - 1) != flat.narrow(0, 0, size - 1)
    if flat.form.ndim == 2:
        fresh = fresh.any(1)
    fresh = fresh.to(dtypes.int64)
    starts = registry["cat"].function([fresh.new_ones(1), fresh])
    numbers = starts.cumsum(0) - 1
    found = flat[starts.to(dtypes.bool_)]
    counts = fresh.new_zeros(found.form.shape[0]).index_add(0, numbers, fresh.new_ones(size))
    return found, numbers, counts


def _slices(name, self, dim):
    """The slices along dim as rows of a matrix."""
    if self.form.ndim == 0 and name == "unique":
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = wrap_dim(dim, self.form.ndim)
    if self.form.ndim == 0:
        return self.detach().reshape(1, 1)
    moved = self.detach().movedim(dim, 0)
    length = moved.form.shape[0]
    if not moved.form.numel and length:
        raise RuntimeError(f"{name}(): there are 0 elements in each slice of dim {dim}")
    return moved.reshape(length, moved.form.numel // length if length else 0)


def _unsliced(rows, self, dim):
    """Rows as slices along dim again."""
    if self.form.ndim == 0:
        return rows.reshape(-1)
    shape = list(self.form.shape)
    moved = [rows.form.shape[0], *shape[:dim % len(shape)], *shape[dim % len(shape) + 1:]]
    return rows.reshape(moved).movedim(0, dim)


def _row_order(rows):
    """The places of rows in lexicographic order: stable sorts from the last column to the first."""
    order = registry["arange"].function(rows.form.shape[0])
    for column in reversed(range(rows.form.shape[1])):
        values = rows.select(1, column).index_select(0, order)
        order = order.index_select(0, values.sort(stable=True, dim=0)[1])
    return order


def _values_of(node, written):
    """The values of a function that torch records without a derivative."""

    @operation(f"{node.lower()}_values(Tensor self, Tensor found) -> Tensor", "What was found.")
    def values(self, found):
        return found

    values.tensor_names, values.node_name = ("self",), f"{node}Backward0"

    @values.gradient
    def _(g):
        raise NotImplementedError(f"the derivative for '{written}' is not implemented.")

    values.namespace, values.method = "internal", False
    return values


UNIQUE = _values_of("Unique2", "_unique2")
UNIQUE_DIM = _values_of("UniqueDim", "unique_dim")
CONSECUTIVE = _values_of("UniqueConsecutive", "unique_consecutive")
CONSECUTIVE_DIM = _values_of("UniqueDimConsecutive", "unique_dim_consecutive")


def _chosen(node, self, found, inverse, counts, return_inverse, return_counts):
    if self.needs_grad and recording.enabled:
        found = node.function(self, found.detach())
    chosen = [found] + [inverse] * bool(return_inverse) + [counts] * bool(return_counts)
    return tuple(chosen) if len(chosen) > 1 else found


@composite("unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, "
           "int? dim=None) -> (Tensor, Tensor, Tensor)")
def unique_consecutive(self, return_inverse=False, return_counts=False, dim=None):
    """The first of each run of equal elements.

    Values (k), or slices along dim; inverse in the shape of self, counts (k), int64. Raises
    IndexError for a dim that is not there.
    """
    refuse_complex(self, "\"unique\" not implemented for '{}'")
    if dim is not None:
        found, inverse, counts = _runs(_slices("unique_consecutive", self, dim))
        found = _unsliced(found, self, dim)
        return _chosen(
            CONSECUTIVE_DIM, self, found, inverse, counts, return_inverse, return_counts
        )
    found, inverse, counts = _runs(self.detach().reshape(-1))
    inverse = inverse.reshape(self.form.shape)
    return _chosen(CONSECUTIVE, self, found, inverse, counts, return_inverse, return_counts)


# Where records stand that are no functions of torch itself.
for _name in ("flip_along", "max_along", "min_along", "sort_along"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# Forms alone decide what these come to: one launch, in the common cases.
for _one in ("argmax", "argmin", "max", "min"):
    registry[_one].is_launch = True

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in (
    "sort", "msort", "argsort", "topk", "cumsum", "cumprod", "cummax", "cummin",
):  # fmt: skip
    registry[_key].names(names.same)
for _key in ("kthvalue", "median", "nanmedian", "mode"):
    registry[_key].names(names.reduced)
for _key in ("max", "min"):

    @registry[_key].names
    def _(self, dim, keepdim, pairwise=f"{_key}imum"):
        if isinstance(dim, tuple):  # the names of another tensor: `max` is `maximum` then
            raise names.refused(pairwise)
        return names.without(self, dim, keepdim)

for _key, _refused in (
    ("fliplr", "flip"), ("flipud", "flip"), ("unique", "_unique2"),
):  # fmt: skip
    registry[_key].names(_refused)
