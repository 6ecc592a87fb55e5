"""Order along a dimension: extremes with positions, sorting, running sums, flips."""

from collections import namedtuple

from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry
from facula.ordering import extreme, scan, sort
from facula.tensor import Tensor


def _result(name):
    made = namedtuple(name, ("values", "indices"))
    made.__module__ = "torch.return_types"
    made.__repr__ = lambda self: f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"
    return made


RESULTS = {name: _result(name) for name in ("max", "min", "sort", "topk", "cummax", "cummin")}

# --- extremes ------------------------------------------------------------------------------------


def _check_elements(name, self, dim):
    if self.form.ndim and self.form.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


def _extremes(name, largest):
    @operation(f"{name}_along(Tensor self, int dim, bool keepdim=False) -> (Tensor, Tensor)", f"{name} along a dim, with positions.")
    def along(self, dim, keepdim=False):
        dim = wrap_dim(dim, self.form.ndim)
        _check_elements(name, self, dim)
        if self.form.ndim == 0:
            return self.clone(), registry["zeros"].function((), dtype=dtypes.int64)
        values, indices = extreme(self, dim, largest)
        return (values.unsqueeze(dim), indices.unsqueeze(dim)) if keepdim else (values, indices)

    record = registry[f"{name}_along"]
    record.differentiable_outputs = (0,)
    record.node_name = f"{name.title()}Backward0"

    @along.gradient
    def _(g, ys, self_form, dim, keepdim):
        if self_form.ndim == 0:
            return g[0]
        gradient, indices = g[0], ys[1]
        if not keepdim:
            gradient, indices = gradient.unsqueeze(dim), indices.unsqueeze(dim)
        return gradient.new_zeros(self_form.shape).scatter_add(dim, indices, gradient)

    @composite(f"arg{name}(Tensor self, int? dim=None, bool keepdim=False, *, Tensor(a!)? out=None) -> Tensor", f"The position of the {name}; of the flattened tensor without dim.")
    def arg(self, dim=None, keepdim=False):
        if dim is None:
            if self.form.numel == 0:
                raise IndexError(f"arg{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
            found = registry[f"{name}_along"].forward(self.detach().reshape(-1), 0)[1]
            return found.reshape((1,) * self.form.ndim) if keepdim else found
        return registry[f"{name}_along"].forward(self.detach(), dim, keepdim)[1]

    @composite(f"{name}(Tensor self, Tensor? other=None) -> Tensor", f"The {name} of all elements; with a dim also positions; with another tensor element by element.")
    def whole(self, dim=None, keepdim=False, *, other=None, out=None):
        if isinstance(dim, Tensor):
            dim, other = None, dim
        if other is not None:
            return registry[f"{name}imum"].function(self, other, out=out)
        if dim is None:
            if self.form.numel == 0:
                raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
            return registry[f"a{name}"].function(self, out=out)
        found = RESULTS[name](*registry[f"{name}_along"].function(self, dim, keepdim))
        if out is not None:
            for target, value in zip(out, found, strict=True):
                target.resize_(value.shape).copy_(value)
            return RESULTS[name](*out)
        return found


_extremes("max", True)
_extremes("min", False)


@composite("aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor, Tensor)")
def aminmax(self, *, dim=None, keepdim=False):
    """The smallest and the largest element."""
    dims = () if dim is None else dim
    return self.amin(dims, keepdim), self.amax(dims, keepdim)


# --- sorting -------------------------------------------------------------------------------------


@operation("sort_along(Tensor self, int dim, bool descending) -> (Tensor, Tensor)")
def sort_along(self, dim, descending):
    """Sorted along a dim, stable, with the old positions."""
    if self.form.ndim == 0:
        return self.clone(), registry["zeros"].function((), dtype=dtypes.int64)
    dim = wrap_dim(dim, self.form.ndim)
    if dim == self.form.ndim - 1:
        return sort(self, descending)
    values, indices = sort(self.transpose(dim, -1), descending)
    return values.transpose(dim, -1).contiguous(), indices.transpose(dim, -1).contiguous()


registry["sort_along"].differentiable_outputs = (0,)
registry["sort_along"].node_name = "SortBackward0"


@sort_along.gradient
def _(g, ys, self_form, dim):
    if self_form.ndim == 0:
        return g[0]
    return g[0].new_zeros(self_form.shape).scatter_add(dim, ys[1], g[0])


@composite("sort(Tensor self, int dim=-1, bool descending=False, bool stable=False) -> (Tensor, Tensor)")
def sort_(self, dim=-1, descending=False, stable=False):
    """Sorted along a dim, and the old positions; always stable."""
    return RESULTS["sort"](*registry["sort_along"].function(self, dim, bool(descending)))


@composite("msort(Tensor self, *, Tensor(a!)? out=None) -> Tensor")
def msort(self):
    """Sorted along the first dim."""
    return registry["sort_along"].function(self, 0, False)[0]


@composite("argsort(Tensor self, int dim=-1, bool descending=False, bool stable=False) -> Tensor")
def argsort(self, dim=-1, descending=False, stable=False):
    """The positions that would sort a dim."""
    return registry["sort_along"].function(self.detach(), dim, bool(descending))[1]


@composite("topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor, Tensor)")
def topk(self, k, dim=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements of a dim in order, and their positions."""
    size = self.form.shape[wrap_dim(dim, self.form.ndim)] if self.form.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError("selected index k out of range")
    values, indices = registry["sort_along"].function(self, dim, largest)
    if self.form.ndim == 0:
        return RESULTS["topk"](values, indices)
    return RESULTS["topk"](values.narrow(dim, 0, k).contiguous(), indices.narrow(dim, 0, k).contiguous())


# --- running combinations ------------------------------------------------------------------------


def _add(a, b):
    return a + b


def _mul(a, b):
    return a * b


def _scan_dtype(self, dtype):
    if dtype is not None:
        return dtype
    return self.form.dtype if self.form.dtype.is_floating_point else dtypes.int64


@operation("cumsum(Tensor self, int dim, *, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor")
def cumsum(self, dim, *, dtype=None):
    """Sums of the elements up to each position."""
    dim = wrap_dim(dim, self.form.ndim)
    wanted = _scan_dtype(self, dtype)
    x = self if self.form.dtype.is_floating_point == wanted.is_floating_point else self.to(wanted)
    return scan(x, dim, wanted, _add, 0) if x.form.ndim else x.to(wanted).clone()


@cumsum.gradient
def _(g, self_form, dim):
    if self_form.ndim == 0:
        return g.to(self_form.dtype)
    return g.flip(dim).cumsum(dim).flip(dim).to(self_form.dtype)


@operation("cumprod(Tensor self, int dim, *, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor")
def cumprod(self, dim, *, dtype=None):
    """Products of the elements up to each position."""
    dim = wrap_dim(dim, self.form.ndim)
    wanted = _scan_dtype(self, dtype)
    x = self if self.form.dtype.is_floating_point == wanted.is_floating_point else self.to(wanted)
    return scan(x, dim, wanted, _mul, 1) if x.form.ndim else x.to(wanted).clone()


@cumprod.gradient
def _(g, y, self, dim):
    if self.form.ndim == 0:
        return g.to(self.form.dtype)
    if not bool((self == 0).any()):
        return ((g * y).flip(dim).cumsum(dim).flip(dim) / self).to(self.form.dtype)
    # With zeros: dy_j/dx_i is the product of all others up to j, formed for every i without dividing.
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


@composite("flip(Tensor self, int[] dims) -> Tensor")
def flip(self, *dims):
    """The order of some dims reversed."""
    if len(dims) == 1 and not isinstance(dims[0], int):
        dims = tuple(dims[0])
    wrapped = [wrap_dim(d, self.form.ndim) for d in dims]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {wrapped[0]} appears multiple times in the list of dims")
    y = self
    for d in wrapped:
        size = y.form.shape[d] if y.form.ndim else 1
        y = y.index_select(d, registry["arange"].function(size - 1, -1, -1)) if size else y
    return y.clone() if y is self else y


@composite("fliplr(Tensor self) -> Tensor")
def fliplr(self):
    """Columns in reverse order."""
    return self.flip(1)


@composite("flipud(Tensor self) -> Tensor")
def flipud(self):
    """Rows in reverse order."""
    return self.flip(0)


@composite("roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor")
def roll(self, shifts, dims=()):
    """Elements moved along dims, coming in again at the other end."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if not dims:
        if len(shifts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return self.reshape(-1).roll(shifts[0], 0).reshape(self.form.shape)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    y = self
    for shift, dim in zip(shifts, dims, strict=True):
        size = y.form.shape[dim]
        at = (-shift) % size if size else 0
        y = registry["cat"].function([y.narrow(dim, at, size - at), y.narrow(dim, 0, at)], dim) if size else y
    return y.clone() if y is self else y


def _triangle(name, keep):
    def triangle(self, diagonal=0):
        if self.form.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        rows = registry["arange"].function(self.form.shape[-2]).unsqueeze(1)
        columns = registry["arange"].function(self.form.shape[-1])
        zero = self.new_zeros(())
        return registry["where"].function(keep(columns - rows, diagonal), self, zero)

    composite(f"{name}(Tensor self, int diagonal=0, *, Tensor(a!)? out=None) -> Tensor", f"The {'lower' if name == 'tril' else 'upper'} triangle; 0 elsewhere.")(triangle)


_triangle("tril", lambda distance, diagonal: distance <= diagonal)
_triangle("triu", lambda distance, diagonal: distance >= diagonal)
