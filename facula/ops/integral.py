"""Integrals and derivatives of sampled functions: trapezoids, differences, running log-sums."""

from facula.dispatch import dtype_word
from facula.kernel.complex import logaddexp
from facula.kernel.scalar import abs_, and_, eq, exp, log1p, maximum, minimum, where
from facula.launch.ordering import scan
from facula.meta import names
from facula.meta.shape import wrap_dim, wrap_dims
from facula.op import Alias, composite, operation, registry
from facula.tensor import Tensor

# --- trapezoids ----------------------------------------------------------------------------------


def _check_samples(name, y, x, dx):
    for label, one in (("y", y), ("x", x)):
        if isinstance(one, Tensor) and one.form.kind == "bool":
            raise RuntimeError(
                f"{name}: received a bool input for `{label}`, but bool is not supported"
            )
    if isinstance(dx, (bool, complex)):
        raise RuntimeError(f"{name}: Currently, we only support dx as a real number.")


def _widths(name, y, x, dim):
    """Distances of neighbouring places x along dim, in a shape that fits y."""
    ndim = y.form.ndim
    if x.form.ndim == 1:
        if x.form.shape[0] != y.form.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.reshape((-1,) + (1,) * (ndim - 1 - dim))
    if x.form.ndim < ndim:
        x = x.reshape((1,) * (ndim - x.form.ndim) + tuple(x.form.shape))
    size = x.form.shape[dim]
    return _late(x, dim, size) - x.narrow(dim, 0, max(0, size - 1))


def _late(x, dim, size):
    return x.narrow(dim, min(1, size), max(0, size - 1))


def _pairs(y, dim):
    """The sums of neighbours along dim."""
    size = y.form.shape[dim]
    return y.narrow(dim, 0, size - 1) + _late(y, dim, size)


@composite("trapezoid(Tensor y, Tensor? x=None, *, Scalar? dx=None, int dim=-1) -> Tensor")
def trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral along dim by the trapezoidal rule, at places x or `dx` (1) apart.

    y (*, n, *), result without dim. Raises RuntimeError for x of another size, IndexError for a dim
    that is not there.

    >>> import facula as torch
    >>> torch.trapezoid(torch.tensor([1.0, 5.0, 10.0]))
    tensor(10.5000)
    """
    _check_samples("trapezoid", y, x, dx)
    dim = wrap_dim(dim, y.form.ndim, False)
    if y.form.shape[dim] == 0:
        shape = tuple([n for d, n in enumerate(y.form.shape) if d != dim])
        return y.new_zeros(shape)
    if x is None:
        return _pairs(y, dim).sum(dim) * ((1 if dx is None else dx) / 2.0)
    return (_pairs(y, dim) * _widths("trapezoid", y, x, dim)).sum(dim) / 2.0


@composite("cumulative_trapezoid(Tensor y, Tensor? x=None, *, Scalar? dx=None, int dim=-1) "
           "-> Tensor")
def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integrals along dim up to each place but the first, by the trapezoidal rule.

    y (*, n, *), result (*, n - 1, *). Raises RuntimeError for x of another size.

    >>> import facula as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1.0, 5.0, 10.0]))
    tensor([ 3.0000, 10.5000])
    """
    _check_samples("cumulative_trapezoid", y, x, dx)
    dim = wrap_dim(dim, y.form.ndim, False)
    if y.form.shape[dim] == 0:
        return y
    if x is None:
        return (_pairs(y, dim) * ((1 if dx is None else dx) / 2.0)).cumsum(dim)
    widths = _widths("cumulative_trapezoid", y, x, dim)
    return (_pairs(y, dim) * widths).cumsum(dim) / 2.0


for _name in ("trapezoid", "cumulative_trapezoid"):
    registry[_name].method = False
Alias("trapz", "trapezoid")

# --- differences ---------------------------------------------------------------------------------


def _check_beside(self, other, dim):
    if other.form.ndim != self.form.ndim:
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    for d, (size, beside) in enumerate(zip(self.form.shape, other.form.shape, strict=True)):
        if d != dim and size != beside:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input "
                f"except along the differencing dimension; input.size({d}) = {size}, but got "
                f"tensor.size({d}) = {beside}"
            )


@composite("diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def diff(self, n=1, dim=-1, prepend=None, append=None):
    """Differences of neighbours along a dim, n times over.

    self (*, m, *), result (*, m - n, *), with `prepend` and `append` longer. Raises RuntimeError
    for no dimension or shapes that do not fit.

    >>> import facula as torch
    >>> torch.diff(torch.tensor([1, 4, 9, 16]), n=2)
    tensor([2, 2])
    """
    if self.form.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = wrap_dim(dim, self.form.ndim)
    parts = [one for one in (prepend, self, append) if one is not None]
    for one in parts:
        _check_beside(self, one, dim)
    if n == 0:
        return self.clone()
    y = registry["cat"].function(parts, dim) if len(parts) > 1 else self
    for _ in range(min(n, y.form.shape[dim])):
        size = y.form.shape[dim]
        late, early = _late(y, dim, size), y.narrow(dim, 0, max(0, size - 1))
        y = late != early if y.form.kind == "bool" else late - early
    return y


def _slope(y, dim, widths, edge_order):
    """The derivative along dim by central differences, one-sided at the ends; `widths`: the
    distance of all neighbours as a number, or each of them as a tensor of one dim."""
    size = y.form.shape[dim]

    def at(start, length):
        return y.narrow(dim, start, length)

    def weighted(places, factors):
        terms = [at(*place) * factor for place, factor in zip(places, factors, strict=True)]
        return terms[0] + terms[1] + terms[2]

    if not isinstance(widths, Tensor):
        h = widths
        middle = (at(2, size - 2) - at(0, size - 2)) / (2 * h)
        first, last = h, h
        ahead, behind = (-1.5 / h, 2 / h, -0.5 / h), (0.5 / h, -2 / h, 1.5 / h)
    else:
        beside = (-1,) + (1,) * (y.form.ndim - 1 - dim)
        a, b = (widths.narrow(0, k, size - 2).reshape(beside) for k in (0, 1))
        factors = (-b / (a * (a + b)), (b - a) / (a * b), a / (b * (a + b)))
        middle = weighted(((0, size - 2), (1, size - 2), (2, size - 2)), factors)
        first, last = widths[0], widths[-1]
        if edge_order == 2:
            a, b = widths[0], widths[1]
            ahead = (-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b)))
            a, b = widths[-2], widths[-1]
            behind = (b / (a * (a + b)), -(a + b) / (a * b), (2 * b + a) / (b * (a + b)))
    if edge_order == 1:
        start = (at(1, 1) - at(0, 1)) / first
        end = (at(size - 1, 1) - at(size - 2, 1)) / last
    else:
        start = weighted(((0, 1), (1, 1), (2, 1)), ahead)
        end = weighted(((size - 3, 1), (size - 2, 1), (size - 1, 1)), behind)
    return registry["cat"].function([start, middle, end], dim)


@composite((
    "gradient.scalarint(Tensor self, *, Scalar? spacing=None, int[1]? dim=None, int edge_order=1) "
    "-> Tensor[]",
    "gradient.scalararray(Tensor self, *, Scalar[] spacing, int[1]? dim=None, int edge_order=1) "
    "-> Tensor[]",
    "gradient.tensorarray(Tensor self, *, Tensor[] spacing, int[1]? dim=None, int edge_order=1) "
    "-> Tensor[]",
))
def gradient(self, *, spacing=None, dim=None, edge_order=1):
    """The derivatives along dims (all of them) by central differences, as a tuple; `spacing`: the
    distance of neighbours, or for each dim one distance or a tensor of places.

    As many results as dims, each in the shape of self. Raises RuntimeError for sizes too small for
    `edge_order`.

    >>> import facula as torch
    >>> torch.gradient(torch.tensor([1.0, 2.0, 4.0, 7.0]))
    (tensor([1.0000, 1.5000, 2.5000, 3.0000]),)
    """
    ndim = self.form.ndim
    dims = wrap_dims(dim, ndim)
    if not isinstance(spacing, (tuple, list)):
        spacing = [1.0 if spacing is None else spacing] * len(dims)
    if len(spacing) != len(dims):
        given = dim is not None
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim "
            f"arguments to have the same length, but got a spacing argument of length "
            f"{len(spacing)} and a dim argument of length {len(dims)}."
            if given
            else "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'self.dim() = {ndim}', since dim argument was not given, but got a list of "
            f"length {len(spacing)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    found = []
    for d, places in zip(dims, spacing, strict=True):
        if self.form.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least "
                               "edge_order+1")
        if isinstance(places, Tensor):
            if places.form.ndim != 1:
                raise RuntimeError(
                    "torch.gradient expected each element of spacing to have one dimension, but "
                    f"got an element with {places.form.ndim} dimensions!"
                )
            if places.form.numel != self.form.shape[d]:
                raise RuntimeError(
                    "torch.gradient expected spacing to be unspecified, a scalar, or a list of "
                    "tensors of the size of the given dimensions"
                )
            places = diff.function(places)
        found.append(_slope(self, d, places, edge_order))
    return tuple(found)


registry["gradient"].method = False

# --- running sums of exponentials ----------------------------------------------------------------


def _log_add(a, b):
    """log(exp(a) + exp(b)), infinities included."""
    low, high = minimum(a, b), maximum(a, b)
    same = and_(eq(low, high), eq(abs_(low), float("inf")))
    return where(same, high, high + log1p(exp(low - high)))


@operation("logcumsumexp(Tensor self, int dim, *, Tensor(a!)? out=None) -> Tensor")
def logcumsumexp(self, dim):
    """The logarithm of the running sums of exp(self) along a dim.

    >>> import facula as torch
    >>> torch.logcumsumexp(torch.tensor([0.0, 0.0, 0.0]), 0)
    tensor([0.0000, 0.6931, 1.0986])
    """
    dim = wrap_dim(dim, self.form.ndim)
    if not (self.form.dtype.is_floating_point or self.form.dtype.is_complex):
        word = dtype_word(self.form.dtype)
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{word}'")
    if self.form.ndim == 0:
        return self.clone()
    add = logaddexp if self.form.dtype.is_complex else _log_add
    return scan(self, dim, self.form.dtype, add, float("-inf"))


@logcumsumexp.gradient
def _(g, y, self, dim):
    if self.form.ndim == 0:
        return g
    # d y_j / d x_i = exp(x_i - y_j) for i <= j: sums from the end, of positive and negative parts
    # apart, because logarithms of sums have no sign.
    none = float("-inf")
    where_ = registry["where"].function
    if self.form.dtype.is_complex:
        logs = where_(g == 0, none, where_(g == 0, 1.0, g).log() - y)
        return (logs.flip(dim).logcumsumexp(dim).flip(dim) + self).exp()

    def part(size):
        logs = where_(size > 0, where_(size > 0, size, 1.0).log(), none) - y
        logs = where_(size > 0, logs, none)
        return (logs.flip(dim).logcumsumexp(dim).flip(dim) + self).exp()

    return part(g) - part(-g)

# What the dimensions of results are called (Note [named tensors]).
registry["trapezoid"].names(names.reduced)
for _key in ("cumulative_trapezoid", "gradient", "logcumsumexp", "diff"):
    registry[_key].names(names.same)
