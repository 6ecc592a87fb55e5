"""Complex numbers as pairs of reals: what every step of a formula on c64 and c128 comes to.

Formulas and the plans' authors know one kind more; machines and the interpreter do not. Before a
graph becomes part of a plan, `for_parts` rewrites its complex steps, and what is left of them are
inputs ("real" and "imag" of what was loaded) and results ("pair"). Note [complex numbers].
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from facula.kernel import expr
from facula.kernel.expr import PART, Expr, Graph, call, linearise
from facula.kernel.scalar import (
    abs_,
    and_,
    asinh,
    atan2,
    copysign,
    cos,
    cosh,
    eq,
    exp,
    expm1,
    ge,
    gt,
    isinf,
    isnan,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    ne,
    not_,
    or_,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    where,
)
from facula.kernel.scalar import real as real_of

Real: TypeAlias = Expr
INF, NAN, PI = math.inf, math.nan, math.pi


class Complex(NamedTuple):
    """A complex expression as two real ones."""

    re: Real
    im: Real


Definition = Callable[..., Complex | Real]
DEFINITIONS: dict[str, Definition] = {}


def define(function: Definition) -> Definition:
    """Registers what an operation is on pairs, under its name (a trailing underscore dropped)."""
    DEFINITIONS[function.__name__.rstrip("_")] = function
    return function


def in_f64(function: Definition) -> Definition:
    """Computes in f64 what is wanted in f32: no overflow in between, and no cancellation to mind.

    Elementary functions of c64 cost two of f64 and more; formulas that would be as good in f32
    alone would cost as much.
    """

    def widened(*args: Complex) -> Complex | Real:
        if args[0].re.kind != "f32":
            return function(*args)
        wide = [Complex(expr.cast(z.re, "f64"), expr.cast(z.im, "f64")) for z in args]
        made = function(*wide)
        if isinstance(made, Complex):
            return Complex(expr.cast(made.re, "f32"), expr.cast(made.im, "f32"))
        return expr.cast(made, "f32")

    widened.__name__ = function.__name__
    return widened


def finite(x: Real) -> Real:
    """True for numbers that are neither infinite nor nan."""
    return lt(abs_(x), INF)


def like(x: Real, literal: float) -> Real:
    """A constant of the kind of x."""
    return expr.const(literal, x.kind)


def choose(condition: Real, a: Complex, b: Complex) -> Complex:
    return Complex(where(condition, a.re, b.re), where(condition, a.im, b.im))


def times_i(z: Complex) -> Complex:
    return Complex(-z.im, z.re)


def over_i(z: Complex) -> Complex:
    return Complex(z.im, -z.re)


# --- arithmetic ----------------------------------------------------------------------------------


@define
def add(a: Complex, b: Complex) -> Complex:
    return Complex(a.re + b.re, a.im + b.im)


@define
def sub(a: Complex, b: Complex) -> Complex:
    return Complex(a.re - b.re, a.im - b.im)


@define
def neg(a: Complex) -> Complex:
    return Complex(-a.re, -a.im)


@define
def mul(a: Complex, b: Complex) -> Complex:
    """As torch has it: infinities are not rescued from inf - inf."""
    return Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)


@define
def div(a: Complex, b: Complex) -> Complex:
    """Smith's division (Algorithm 116, 1962): the larger part of the divisor is divided out."""
    steep = lt(abs_(b.re), abs_(b.im))
    large, small = where(steep, b.im, b.re), where(steep, b.re, b.im)
    zero = and_(eq(b.re, 0), eq(b.im, 0))
    ratio = small / large
    scale = 1 / (large + small * ratio)
    re = where(steep, a.re * ratio + a.im, a.re + a.im * ratio) * scale
    im = where(steep, a.im * ratio - a.re, a.im - a.re * ratio) * scale
    # Division by zero: infinite or nan, part by part.
    return Complex(where(zero, a.re / abs_(b.re), re), where(zero, a.im / abs_(b.im), im))


@define
def conj(a: Complex) -> Complex:
    return Complex(a.re, -a.im)


@define
def real(a: Complex) -> Real:
    return a.re


@define
def imag(a: Complex) -> Real:
    return a.im


# --- comparison and choice -----------------------------------------------------------------------


@define
def eq_(a: Complex, b: Complex) -> Real:
    return and_(eq(a.re, b.re), eq(a.im, b.im))


@define
def ne_(a: Complex, b: Complex) -> Real:
    return or_(ne(a.re, b.re), ne(a.im, b.im))


@define
def isnan_(a: Complex) -> Real:
    return or_(isnan(a.re), isnan(a.im))


@define
def isinf_(a: Complex) -> Real:
    return or_(isinf(a.re), isinf(a.im))


# --- size and angle ------------------------------------------------------------------------------

# Numbers beyond these are brought nearer to 1 before they are squared (f64).
HUGE, TINY, STEP = 2.0**500, 2.0**-450, 600


def scale_of(z: Complex) -> Real:
    """A power of two that makes squares of both parts safe; 1 for all but extreme numbers."""
    size = maximum(abs_(z.re), abs_(z.im))
    return where(gt(size, HUGE), 2.0**-STEP, where(lt(size, TINY), like(size, 2.0**STEP), 1.0))


def hypot(z: Complex) -> Real:
    """sqrt(re^2 + im^2) in f64, without overflow in between."""
    s = scale_of(z)
    x, y = z.re * s, z.im * s
    infinite = or_(isinf(z.re), isinf(z.im))
    return where(infinite, INF, sqrt(x * x + y * y) / s)


def narrow_hypot(z: Complex) -> Real:
    """The same for numbers that were f32: their squares fit f64."""
    infinite = or_(isinf(z.re), isinf(z.im))
    return where(infinite, INF, sqrt(z.re * z.re + z.im * z.im))


@define
def abs_of(a: Complex) -> Real:
    if a.re.kind == "f32":
        wide = Complex(expr.cast(a.re, "f64"), expr.cast(a.im, "f64"))
        return expr.cast(narrow_hypot(wide), "f32")
    return hypot(a)


DEFINITIONS["abs"] = DEFINITIONS.pop("abs_of")


@define
def angle(a: Complex) -> Real:
    return atan2(a.im, a.re)


@define
def sgn(a: Complex) -> Complex:
    """z / |z|, and 0 for 0."""
    size = DEFINITIONS["abs"](a)
    assert isinstance(size, Expr)
    zero = eq(size, 0)
    return Complex(where(zero, 0, a.re / size), where(zero, 0, a.im / size))


# --- exponentials and logarithms -----------------------------------------------------------------

# exp of more than this is infinite, its product with a small cosine need not be.
EXP_TOP, EXP_STEP = 709.0, 500.0


@define
@in_f64
def exp_(z: Complex) -> Complex:
    """C99's special values: exp(-inf + iy) = 0, and real numbers stay real."""
    beyond = gt(z.re, EXP_TOP)
    size = exp(where(beyond, z.re - EXP_STEP, z.re))
    again = where(beyond, like(z.re, math.exp(EXP_STEP)), 1)
    vanishes = and_(eq(z.re, -INF), not_(finite(z.im)))
    re = where(eq(z.im, 0), exp(z.re), size * cos(z.im) * again)
    im = where(eq(z.im, 0), z.im, size * sin(z.im) * again)
    lost = and_(eq(z.re, INF), not_(finite(z.im)))
    re = where(vanishes, 0, where(lost, INF, re))
    return Complex(re, where(vanishes, 0, im))


@define
@in_f64
def exp2(z: Complex) -> Complex:
    made = DEFINITIONS["exp"](Complex(z.re * math.log(2), z.im * math.log(2)))
    assert isinstance(made, Complex)
    return made


@define
@in_f64
def expm1_(z: Complex) -> Complex:
    half = sin(z.im * 0.5)
    e = exp(z.re)
    re = expm1(z.re) * cos(z.im) - 2 * half * half
    im = e * sin(z.im)
    return Complex(where(eq(z.im, 0), expm1(z.re), re), where(eq(z.im, 0), z.im, im))


def log_of_size(z: Complex) -> Real:
    """log |z|, exact to the last digits also where |z| is near 1."""
    large = maximum(abs_(z.re), abs_(z.im))
    small = minimum(abs_(z.re), abs_(z.im))
    size = hypot(z)
    near = 0.5 * log1p((large - 1) * (large + 1) + small * small)
    return where(and_(gt(size, 0.5), lt(size, 2)), near, log(size))


@define
@in_f64
def log_(z: Complex) -> Complex:
    return Complex(log_of_size(z), atan2(z.im, z.re))


@define
@in_f64
def log2(z: Complex) -> Complex:
    return Complex(log_of_size(z) * (1 / math.log(2)), atan2(z.im, z.re) * (1 / math.log(2)))


@define
@in_f64
def log10(z: Complex) -> Complex:
    return Complex(log_of_size(z) * (1 / math.log(10)), atan2(z.im, z.re) * (1 / math.log(10)))


@define
@in_f64
def log1p_(z: Complex) -> Complex:
    x, y = z.re, z.im
    shifted = Complex(x + 1, y)
    near = 0.5 * log1p(x * (2 + x) + y * y)
    small = lt(abs_(x), 0.5)
    small = and_(small, lt(abs_(y), 0.5))
    return Complex(where(small, near, log_of_size(shifted)), atan2(y, x + 1))


# --- powers --------------------------------------------------------------------------------------


@define
@in_f64
def sqrt_(z: Complex) -> Complex:
    """Kahan, "Branch cuts for complex elementary functions" (1987)."""
    s = scale_of(z)
    back = where(gt(s, 1), 2.0 ** -(STEP // 2), where(lt(s, 1), like(s, 2.0 ** (STEP // 2)), 1.0))
    x, y = z.re * s, z.im * s
    size = sqrt(x * x + y * y)
    t = sqrt((abs_(x) + size) * 0.5)
    other = where(eq(t, 0), 0, abs_(y) / (2 * t))
    right = ge(x, 0)
    re = where(right, t, other) * back
    im = copysign(where(right, other, t) * back, z.im)
    # Infinities: an infinite imaginary part wins; a real one decides by its sign.
    re = where(isinf(z.im), INF, where(isinf(z.re), where(gt(z.re, 0), like(s, INF), 0), re))
    im_of_inf = where(gt(z.re, 0), copysign(like(s, 0), z.im), copysign(like(s, INF), z.im))
    im = where(isinf(z.im), z.im, where(isinf(z.re), im_of_inf, im))
    lost = and_(or_(isnan(z.re), isnan(z.im)), not_(isinf(z.im)))
    re = where(lost, where(eq(z.re, INF), like(s, INF), NAN), re)
    return Complex(re, where(lost, where(eq(z.re, -INF), like(s, INF), NAN), im))


@define
@in_f64
def pow_(z: Complex, w: Complex) -> Complex:
    """exp(w log z); 0 to the power 0 is 1, to other powers 0 (nan with a negative real part)."""
    size, turn = log_of_size(z), atan2(z.im, z.re)
    power = Complex(w.re * size - w.im * turn, w.re * turn + w.im * size)
    made = DEFINITIONS["exp"](power)
    assert isinstance(made, Complex)
    zero = and_(eq(z.re, 0), eq(z.im, 0))
    nothing = and_(eq(w.re, 0), eq(w.im, 0))
    at_zero = where(gt(w.re, 0), like(size, 0), NAN)
    re = where(nothing, 1, where(zero, at_zero, made.re))
    return Complex(re, where(nothing, 0, where(zero, at_zero, made.im)))


@define
def sigmoid(z: Complex) -> Complex:
    """1 / (1 + exp(-z))."""
    e = DEFINITIONS["exp"](neg(z))
    assert isinstance(e, Complex)
    one = Complex(like(z.re, 1), like(z.re, 0))
    made = div(one, Complex(e.re + 1, e.im))
    assert isinstance(made, Complex)
    return made


def logaddexp(a: Any, b: Any) -> Any:
    """A formula: log(exp(a) + exp(b)), from the one with the larger real part."""
    first = ge(real_of(a), real_of(b))
    large, small = where(first, a, b), where(first, b, a)
    infinite = and_(eq(real_of(a), real_of(b)), eq(abs_(real_of(a)), INF))
    both = where(lt(real_of(a), 0), a, log(exp(a) + exp(b)))
    return where(infinite, both, large + log1p(exp(small - large)))


# --- circular and hyperbolic ---------------------------------------------------------------------


def sinh_parts(z: Complex) -> Complex:
    lost = and_(isinf(z.re), not_(finite(z.im)))
    re = where(eq(z.re, 0), z.re, where(lost, INF, sinh(z.re) * cos(z.im)))
    re = where(eq(z.im, 0), sinh(z.re), re)
    im = where(eq(z.im, 0), z.im, cosh(z.re) * sin(z.im))
    return Complex(re, im)


def cosh_parts(z: Complex) -> Complex:
    lost = and_(isinf(z.re), not_(finite(z.im)))
    re = where(eq(z.im, 0), cosh(z.re), where(lost, INF, cosh(z.re) * cos(z.im)))
    nothing = or_(eq(z.im, 0), eq(z.re, 0))
    zero = copysign(like(z.re, 0), z.re) * copysign(like(z.re, 1), z.im)
    return Complex(re, where(nothing, zero, sinh(z.re) * sin(z.im)))


def tanh_parts(z: Complex) -> Complex:
    """Kahan (1987): far out the real part is 1, and the imaginary one dies away."""
    x, y = z.re, z.im
    far = and_(gt(abs_(x), 20), or_(finite(y), isinf(x)))
    t, s = tan(y), sinh(where(far, 1, x))
    rho, beta = sqrt(1 + s * s), 1 + t * t
    below = 1 + beta * s * s
    re = where(far, copysign(like(x, 1), x), beta * rho * s / below)
    tail = where(finite(y), 4 * sin(y) * cos(y), copysign(like(x, 0), y)) * exp(-2 * abs_(x))
    im = where(far, tail, t / below)
    re = where(eq(y, 0), tanh(x), re)
    return Complex(where(and_(eq(x, 0), not_(finite(y))), x, re), where(eq(y, 0), y, im))


@define
@in_f64
def sinh_(z: Complex) -> Complex:
    return sinh_parts(z)


@define
@in_f64
def cosh_(z: Complex) -> Complex:
    return cosh_parts(z)


@define
@in_f64
def tanh_(z: Complex) -> Complex:
    return tanh_parts(z)


@define
@in_f64
def sin_(z: Complex) -> Complex:
    return over_i(sinh_parts(times_i(z)))


@define
@in_f64
def cos_(z: Complex) -> Complex:
    return cosh_parts(times_i(z))


@define
@in_f64
def tan_(z: Complex) -> Complex:
    return over_i(tanh_parts(times_i(z)))


def root(re: Real, im: Real) -> Complex:
    made = DEFINITIONS["sqrt"](Complex(re, im))
    assert isinstance(made, Complex)
    return made


def asin_parts(z: Complex) -> Complex:
    a, b = root(1 - z.re, -z.im), root(1 + z.re, z.im)
    infinite = or_(isinf(z.re), isinf(z.im))
    re = atan2(z.re, a.re * b.re - a.im * b.im)
    im = asinh(a.re * b.im - a.im * b.re)
    far = atan2(z.re, abs_(z.im))
    return Complex(where(infinite, far, re), where(infinite, copysign(like(re, INF), z.im), im))


def atanh_parts(z: Complex) -> Complex:
    x, y = abs_(z.re), z.im
    down = 1 - x
    infinite = or_(isinf(x), isinf(y))
    re = copysign(0.25 * log1p(4 * x / (down * down + y * y)), z.re)
    im = 0.5 * atan2(2 * y, down * (1 + x) - y * y)
    quarter = copysign(like(x, PI / 2), y)
    return Complex(where(infinite, copysign(like(x, 0), z.re), re), where(infinite, quarter, im))


@define
@in_f64
def asin_(z: Complex) -> Complex:
    return asin_parts(z)


@define
@in_f64
def asinh_(z: Complex) -> Complex:
    return over_i(asin_parts(times_i(z)))


@define
@in_f64
def atanh_(z: Complex) -> Complex:
    return atanh_parts(z)


@define
@in_f64
def atan_(z: Complex) -> Complex:
    return over_i(atanh_parts(times_i(z)))


@define
@in_f64
def acos_(z: Complex) -> Complex:
    a, b = root(1 - z.re, -z.im), root(1 + z.re, z.im)
    infinite = or_(isinf(z.re), isinf(z.im))
    re, im = 2 * atan2(a.re, b.re), asinh(b.re * a.im - b.im * a.re)
    far = atan2(abs_(z.im), z.re)
    return Complex(where(infinite, far, re), where(infinite, copysign(like(re, INF), -z.im), im))


@define
@in_f64
def acosh_(z: Complex) -> Complex:
    a, b = root(z.re - 1, z.im), root(z.re + 1, z.im)
    infinite = or_(isinf(z.re), isinf(z.im))
    re, im = asinh(a.re * b.re + a.im * b.im), 2 * atan2(a.im, b.re)
    return Complex(where(infinite, INF, re), where(infinite, atan2(z.im, z.re), im))


# --- graphs --------------------------------------------------------------------------------------


class Undefined(NotImplementedError):
    """An operation has no meaning for complex numbers."""

    def __init__(self, op: str) -> None:
        super().__init__(f"{op!r} is not implemented for complex numbers")


Part: TypeAlias = "Expr | Complex"


def parts_of(raw: Expr) -> Complex:
    """A loaded complex number taken apart."""
    part = PART[raw.kind]
    return Complex(Expr("real", (raw,), part), Expr("imag", (raw,), part))


def joined(z: Part, kind: str) -> Expr:
    """What is stored as a complex kind."""
    return Expr("pair", tuple(z), kind) if isinstance(z, Complex) else z


def _cast(value: Part, kind: str) -> Part:
    if kind in PART:
        part = PART[kind]
        if isinstance(value, Complex):
            return Complex(expr.cast(value.re, part), expr.cast(value.im, part))
        return Complex(expr.cast(value, part), expr.const(0, part))
    assert isinstance(value, Expr)
    return expr.cast(value, kind)


def step(op: str, kind: str, args: list[Part]) -> Part:
    """One step of a graph, complex operands and results as pairs."""
    if op == "cast":
        return _cast(args[0], kind)
    if op == "pair":
        re, im = args
        assert isinstance(re, Expr) and isinstance(im, Expr)
        return Complex(re, im)
    if op == "where" and any(isinstance(a, Complex) for a in args[1:]):
        condition, a, b = args
        assert isinstance(condition, Expr) and isinstance(a, Complex) and isinstance(b, Complex)
        return choose(condition, a, b)
    if any(isinstance(a, Complex) for a in args):
        definition = DEFINITIONS.get(op)
        if definition is None:
            raise Undefined(op)
        return definition(*args)
    return call(op, *args)


def is_complex(graph: Graph) -> bool:
    return any(kind in PART for _, kind, _, _ in graph.steps)


def for_parts(
    graph: Graph,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    join: bool = True,
) -> Graph:
    """The graph with its complex steps written for real numbers.

    `inputs` and `outputs` say which are looked at through a lazy view: "conj" or "neg". Results
    that are complex become pairs, or, without `join`, two results each.
    """
    if not is_complex(graph) and not any(inputs) and not any(outputs):
        return graph
    values: list[Part] = []
    for op, kind, args, extra in graph.steps:
        if op in ("input", "param", "const"):
            if op == "const" and kind in PART:
                part = PART[kind]
                value: Part = Complex(expr.const(extra.real, part), expr.const(extra.imag, part))
            else:
                raw = Expr(op, (), kind, extra)
                value = parts_of(raw) if kind in PART else raw
                if op == "input" and extra < len(inputs) and inputs[extra]:
                    value = unveiled(value)
        else:
            value = step(op, kind, [values[a] for a in args])
        values.append(value)
    results: list[Expr] = []
    for place, number in enumerate(graph.outputs):
        value = values[number]
        if place < len(outputs) and outputs[place]:
            value = unveiled(value)
        if join or isinstance(value, Expr):
            results.append(joined(value, graph.steps[number][1]))
        else:
            results += value
    return linearise(results)


def unveiled(value: Part) -> Part:
    """The value behind a lazy view (or in front of it): conjugated, or if it is real negated."""
    return Complex(value.re, -value.im) if isinstance(value, Complex) else -value


__all__ = ["Complex", "Undefined", "for_parts", "is_complex", "joined", "logaddexp", "parts_of"]
