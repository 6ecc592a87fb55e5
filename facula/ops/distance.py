"""Distances of pairs of rows: p-norms of differences that are never written to memory.

Value and both gradients are reductions over the differences of all pairs, formed on the way.
Note [losses and attention].
"""

import math

from facula.autograd.mode import mode
from facula.dispatch import (
    ReduceLaunch,
    accumulator,
    build_reduce,
    dtype_word,
    remember,
    run_reduce,
)
from facula.form import Form, form_of
from facula.kernel.scalar import abs_, eq, maximum, ne, pow_, sign, sqrt, where
from facula.meta import names
from facula.meta.dtype import promote_types
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.tensor import Tensor

INF = math.inf
MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
         "donot_use_mm_for_euclid_dist")

_launches: dict[tuple[Form | str | float, ...], ReduceLaunch] = {}


def _pairs_of(x1, x2):
    """Rows (..., P, 1, M) and (..., 1, R, M), as views."""
    return x1.detach().unsqueeze(-2), x2.detach().unsqueeze(-3)


def _terms(p):
    """map, combine and finish of a p-norm."""
    if p == 0:
        return lambda a, b: ne(a - b, 0), lambda s, t: s + t, lambda s, n: s
    if p == 1:
        return lambda a, b: abs_(a - b), lambda s, t: s + t, lambda s, n: s
    if p == 2:
        return lambda a, b: (a - b) * (a - b), lambda s, t: s + t, lambda s, n: sqrt(s)
    if p == INF:
        return lambda a, b: abs_(a - b), lambda s, t: maximum(s, t), lambda s, n: s
    return (
        lambda a, b: pow_(abs_(a - b), float(p)),
        lambda s, t: s + t,
        lambda s, n: pow_(s, 1.0 / p),
    )


def _slope(p):
    """The gradient of the distance y with respect to the difference d, times g."""
    if p == 1:
        return lambda g, y, d: g * sign(d)
    if p == 2:
        return lambda g, y, d: where(eq(y, 0), 0, g * d / y)
    if p == INF:
        return lambda g, y, d: where(eq(abs_(d), y), g * sign(d), 0)
    return lambda g, y, d: where(
        eq(d, 0), 0, g * sign(d) * pow_(abs_(d), p - 1.0) / pow_(y, p - 1.0)
    )


def _reduce(key, formulas, operands, dims, kept):
    """A reduction of broadcast operands, compiled once for their forms."""
    shape = broadcast_shapes(*[x.form.shape for x in operands])
    forms = [x.form for x in operands]
    launch = _launches.get((*key, *forms))
    if launch is None:
        map_, combine, finish = formulas
        dtype = operands[0].form.dtype
        launch = build_reduce(
            map_, combine, finish, 0, (accumulator(dtype, "wide"),), forms, shape, dims,
            [form_of(dtype, kept)],
        )
        remember(_launches, (*key, *forms), launch)
    return run_reduce(launch, operands)[0]


@operation("distances(Tensor x1, Tensor x2, float p) -> Tensor")
def distances(x1, x2, p):
    """(..., P, R) distances of rows of (..., P, M) and (..., R, M)."""
    a, b = _pairs_of(x1, x2)
    shape = broadcast_shapes(a.form.shape, b.form.shape)
    if 0 in shape:
        return registry["zeros"].function(shape[:-1], dtype=x1.form.dtype)
    return _reduce(("value", p), _terms(p), (a, b), (len(shape) - 1,), shape[:-1])


distances.node_name = "CdistBackward0"


@distances.gradient
def _(g, y, x1, x2, p, needs):
    if mode.enabled:
        return _recorded(g, y, x1, x2, p)
    return registry["distances_backward"].function(g, y, x1, x2, p, needs)


@operation("distances_backward(Tensor grad, Tensor y, Tensor x1, Tensor x2, float p, bool[] needs) "
           "-> (Tensor, Tensor)")
def distances_backward(grad, y, x1, x2, p, needs):
    """The gradients of both sets of rows, where needed."""
    a, b = _pairs_of(x1, x2)
    shape = broadcast_shapes(a.form.shape, b.form.shape)
    if p == 0 or 0 in shape:
        zeros = registry["zeros_like"].function
        return tuple([zeros(x) if need else None for need, x in zip(needs, (x1, x2), strict=True)])
    slope = _slope(p)
    found: list[Tensor | None] = []
    g, y = grad.detach().unsqueeze(-1), y.detach().unsqueeze(-1)
    add, end = (lambda s, t: s + t), (lambda s, n: s)
    turns = (
        (x1, len(shape) - 2, lambda g, y, a, b: slope(g, y, a - b)),
        (x2, len(shape) - 3, lambda g, y, a, b: slope(g, y, b - a)),
    )
    for need, (x, dim, formula) in zip(needs, turns, strict=True):
        if not need:
            found.append(None)
            continue
        kept = tuple([n for d, n in enumerate(shape) if d != dim])
        summed = _reduce(("gradient", p, dim), (formula, add, end), (g, y, a, b), (dim,), kept)
        found.append(summed.sum_to_size(x.form.shape))
    return tuple(found)


def _recorded(g, y, x1, x2, p):
    """The gradients as tensor operations, which have gradients themselves."""
    d = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    g, y = g.unsqueeze(-1), y.unsqueeze(-1)
    choose = registry["where"].function
    if p == 0:
        each = d * 0
    elif p == 1:
        each = g * d.sign()
    elif p == 2:
        each = choose(y == 0, 0.0, d * (g / choose(y == 0, 1.0, y)))
    elif p == INF:
        each = choose(d.abs() == y, g * d.sign(), 0.0)
    else:
        safe, far = choose(d == 0, 1.0, d.abs()), choose(y == 0, 1.0, y)
        each = choose(d == 0, 0.0, g * d.sign() * safe ** (p - 1) / far ** (p - 1))
    return each.sum(-2).sum_to_size(x1.form.shape), -each.sum(-3).sum_to_size(x2.form.shape)


@composite("cdist(Tensor x1, Tensor x2, float p=2, Any compute_mode=None) -> Tensor")
def cdist(x1, x2, p=2.0, compute_mode=MODES[0]):
    """The p-norm distances of all pairs of rows of (..., P, M) and (..., R, M): (..., P, R).

    `compute_mode` is torch's choice of when Euclidean distances go by a matrix product, which is
    faster and less exact; here they never do.
    """
    if compute_mode not in MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for name, x in (("X1", x1), ("X2", x2)):
        if not x.form.dtype.is_floating_point:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: "
                f"{dtype_word(x.form.dtype)}"
            )
    for name, x in (("X1", x1), ("X2", x2)):
        if x.form.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {x.form.ndim}D"
            )
    if x1.form.shape[-1] != x2.form.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.form.shape[-1]} X2: "
            f"{x2.form.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    return registry["distances"].function(x1, x2, float(p))


@composite("pdist(Tensor self, float p=2) -> Tensor")
def pdist(self, p=2.0):
    """The p-norm distances of all pairs of rows of (N, M), the upper triangle row by row."""
    if self.form.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {self.form.ndim}D")
    if not self.form.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n = self.form.shape[0]
    all_pairs = registry["distances"].function(self, self, float(p)).reshape(-1)
    first, second = registry["triu_indices"].function(n, n, 1)
    return all_pairs.index_select(0, first * n + second)


@composite("cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor")
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between vectors along a dimension, after broadcasting.

    x1 and x2 (*, D, *) that broadcast, result without dim, from -1 to 1. Raises IndexError for a
    dim that is not there.
    """
    dtype = promote_types(x1.form.dtype, x2.form.dtype)
    if not dtype.is_floating_point:
        raise RuntimeError(
            "expected common dtype to be floating point, yet common dtype is "
            f"{dtype_word(dtype)}"
        )
    shape = broadcast_shapes(x1.form.shape, x2.form.shape)
    x1, x2 = (x.to(dtype).expand(shape) for x in (x1, x2))
    return (x1 / _length(x1, dim, eps) * (x2 / _length(x2, dim, eps))).sum(dim)


def _length(x, dim, eps):
    """The norm, at least eps; of that limit its gradient knows nothing."""
    norm = x.norm(2, dim, keepdim=True)
    known = norm.detach()
    return norm + (known.clamp_min(eps) - known)


# Where records stand that are no functions of torch itself.
for _name in ("distances", "distances_backward"):
    registry[_name].namespace = "internal"
for _name in ("distances", "distances_backward", "cdist", "cosine_similarity", "pdist"):
    registry[_name].method = False


@registry["cdist"].names
def _(x1, x2, y):
    rows = (*x2[:-2], None, x2[-2])
    if x1[-2] is not None and x1[-2] == x2[-2]:
        raise RuntimeError(
            f"cdist: Attempted to propagate dims '{x1[-2]}' (index -2 of {names.listed(x1)}) and "
            f"'{x2[-2]}' (index -2 of {names.listed(x2)}) to the output, but that would create a "
            f"tensor with duplicate names ['{x1[-2]}' '{x2[-2]}']. Please rename your inputs with "
            "Tensor.rename to prevent this."
        )
    return names.matrix_product(x1, rows)
