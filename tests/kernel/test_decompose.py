"""Elementary functions against mpmath, integers against Python, and what must never trap.

`WORST` is measured: the largest error found on the points below, in units in the last place,
rounded up. A change that needs a larger number there is worse than what it replaces.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

from facula.backend.cpu import machine
from facula.kernel import expr
from facula.kernel.decompose import DECOMPOSITIONS
from facula.kernel.expr import linearise
from facula.kernel.plan import Pointwise

DTYPES = {
    "i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "f32": np.float32, "f64": np.float64, "bool": np.bool_,
}  # fmt: skip
FLOATS = ("f32", "f64")
INTEGERS = ("i8", "u8", "i16", "i32", "i64")
# Exponents of the smallest and (nearly) the largest number, in powers of two.
RANGE = {"f32": (-149.0, 127.99), "f64": (-1074.0, 1023.99)}
NAN, INF = math.nan, math.inf


@cache
def kernel_of(name: str, kind: str, count: int) -> tuple[Any, type]:
    """The compiled kernel of one word on `count` operands, and its result's dtype."""
    result = expr.call(name, *(expr.input_(k, kind) for k in range(count)))
    out = "bool" if result.kind == "i1" else result.kind
    rows = ("1",) * (count + 1)
    plan = Pointwise((kind,) * count, (out,), (), linearise([result]), 1, rows)
    return machine.compile_plan(plan), DTYPES[out]


def compute(name: str, kind: str, *columns: Any) -> tuple[np.ndarray, int]:
    """The results on arrays, and the code that the kernel returned."""
    given = [np.ascontiguousarray(c, DTYPES[kind]) for c in columns]
    kernel, out = kernel_of(name, kind, len(given))
    result = np.empty(given[0].shape, out)
    code = kernel(result.size, *(g.ctypes.data for g in given), result.ctypes.data)
    return result, code


# --- points --------------------------------------------------------------------------------------


class Points:
    """Numbers of one kind, always the same ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.random = np.random.default_rng(11)

    def between(self, *ends: tuple[float, float], count: int = 2500) -> np.ndarray:
        """Evenly spread over intervals."""
        drawn = [self.random.uniform(low, high, count) for low, high in ends]
        return np.concatenate(drawn).astype(DTYPES[self.kind])

    def sizes(
        self, low: float | None = None, high: float | None = None, signs: bool = True
    ) -> np.ndarray:
        """Evenly spread exponents, subnormal numbers included."""
        smallest, largest = RANGE[self.kind]
        low, high = smallest if low is None else low, largest if high is None else high
        drawn = np.exp2(self.random.uniform(low, high, 5000))
        if signs:
            drawn *= self.random.choice([-1.0, 1.0], drawn.size)
        return drawn.astype(DTYPES[self.kind])


def join(*parts: np.ndarray) -> tuple[np.ndarray, ...]:
    return (np.concatenate(parts),)


def near_one(p: Points) -> np.ndarray:
    """Just below 1."""
    return (1 - np.exp2(p.random.uniform(-20, -1, 1500))).astype(DTYPES[p.kind])


def angles(p: Points) -> tuple[np.ndarray, ...]:
    """Small, ordinary and huge ones, and the floats closest to multiples of pi / 2."""
    quarters = (np.arange(1, 700) * (np.pi / 2)).astype(DTYPES[p.kind])
    return join(p.sizes(), p.between((-10, 10), (-1000, 1000), (-70000, 70000)), quarters)


def powers(p: Points) -> tuple[np.ndarray, ...]:
    """Bases and exponents whose powers spread over all finite numbers."""
    bases = [p.sizes(-10, 10, False), p.sizes(signs=False), p.between((0.9, 1.1), count=5000)]
    steep = 600.0 if p.kind == "f32" else 5000.0
    exponents = [p.between((-e, e), count=5000) for e in (12.0, 1.0, steep)]
    return np.concatenate(bases), np.concatenate(exponents)


class Function(NamedTuple):
    """A word, what mpmath says, where to look, and the worst error in f32 and f64."""

    name: str
    truth: Callable[..., Any]
    points: Callable[[Points], Sequence[np.ndarray]]
    worst: tuple[float, float]


def exponents(p: Points) -> tuple[np.ndarray, ...]:
    low, high = (-104.0, 88.7) if p.kind == "f32" else (-745.0, 709.7)
    return join(p.between((low, high), (-1, 1)), p.sizes(None, 5))


def positive(p: Points) -> tuple[np.ndarray, ...]:
    return join(p.sizes(signs=False), p.between((0.5, 2), (0.9, 1.1)))


def unit(p: Points) -> tuple[np.ndarray, ...]:
    return join(p.sizes(None, 0), p.between((-1, 1)), near_one(p))


def any_size(p: Points) -> tuple[np.ndarray, ...]:
    return join(p.sizes(), p.between((-3, 3), (-1, 1)))


def bells(p: Points) -> tuple[np.ndarray, ...]:
    end = 10.0 if p.kind == "f32" else 27.2
    return join(p.sizes(None, 3), p.between((-3, 3), (0.7, 1.5), (0, end)))


def gammas(p: Points) -> tuple[np.ndarray, ...]:
    return join(p.sizes(-100, 100, False)[:1000], p.between((0, 1), (0.5, 3), (3, 20), count=1000))


def hyperbolic(p: Points) -> tuple[np.ndarray, ...]:
    end = 89.4 if p.kind == "f32" else 710.4
    return join(p.sizes(None, 4), p.between((-end, end), (-1.2, 1.2)))


WORST = (
    Function("acos", mpmath.acos, unit, (1.1, 1.1)),
    Function(
        "acosh",
        mpmath.acosh,
        lambda p: join(1 + p.sizes(-20, None, False), p.between((1, 3))),
        (1.3, 1.4),
    ),
    Function("asin", mpmath.asin, unit, (1.6, 1.2)),
    Function("asinh", mpmath.asinh, any_size, (1.0, 1.1)),
    Function("atan", mpmath.atan, any_size, (1.2, 1.4)),
    Function("atan2", mpmath.atan2, lambda p: (*any_size(p), any_size(p)[0][::-1]), (1.0, 0.9)),
    Function("atanh", mpmath.atanh, unit, (0.8, 0.8)),
    Function("cos", mpmath.cos, angles, (1.3, 1.3)),
    Function("cosh", mpmath.cosh, hyperbolic, (1.2, 1.3)),
    Function("digamma", mpmath.digamma, gammas, (0.51, 1.9)),
    Function("erf", mpmath.erf, bells, (1.2, 1.2)),
    Function("erfc", mpmath.erfc, bells, (1.1, 1.0)),
    Function("erfinv", mpmath.erfinv, lambda p: tuple(c[::3] for c in unit(p)), (1.7, 1.8)),
    Function("exp", mpmath.exp, exponents, (1.0, 1.0)),
    Function(
        "exp2",
        lambda x: mpmath.mpf(2) ** x,
        lambda p: join(*exponents(p), p.sizes(-40, 3)),
        (1.1, 1.1),
    ),
    Function("expm1", mpmath.expm1, exponents, (1.4, 1.2)),
    Function("lgamma", mpmath.loggamma, gammas, (0.51, 2.0)),
    Function("log", mpmath.log, positive, (0.8, 0.8)),
    Function("log10", mpmath.log10, positive, (0.9, 0.9)),
    Function(
        "log1p",
        mpmath.log1p,
        lambda p: join(*positive(p), p.between((-1, 1)), p.sizes(-60, -1)),
        (0.9, 0.8),
    ),
    Function("log2", lambda x: mpmath.log(x, 2), positive, (1.0, 1.0)),
    Function("pow", mpmath.power, powers, (0.51, 1.4)),
    Function("sigmoid", lambda x: 1 / (1 + mpmath.exp(-x)), exponents, (1.7, 1.5)),
    Function("sin", mpmath.sin, angles, (1.2, 1.3)),
    Function("sinh", mpmath.sinh, hyperbolic, (1.3, 1.5)),
    Function("tan", mpmath.tan, angles, (1.4, 1.5)),
    Function(
        "tanh",
        mpmath.tanh,
        lambda p: join(p.sizes(None, 5), p.between((-10, 10), (-1, 1))),
        (1.9, 1.4),
    ),
    Function(
        "trigamma",
        lambda x: mpmath.psi(1, x),
        lambda p: tuple(c[::2] for c in gammas(p)),
        (0.51, 2.0),
    ),
)


def ulps(
    result: np.ndarray, truth: Callable[..., Any], columns: Sequence[np.ndarray]
) -> np.ndarray:
    """Errors in units in the last place of the true value; infinite for a wrong inf or nan."""
    info = np.finfo(result.dtype)
    true = [mpmath.mpf(0)] * result.size
    for k, numbers in enumerate(
        zip(*(c.astype(np.float64).tolist() for c in columns), strict=True)
    ):
        true[k] = truth(*map(mpmath.mpf, numbers))
    high = np.array([float(t) for t in true])
    # What float64 cannot hold of the truth matters when the results are float64 themselves.
    low = np.array(
        [float(t - h) if math.isfinite(h) else 0.0 for t, h in zip(true, high, strict=True)]
    )
    wide = result.astype(np.float64)
    smallest = math.frexp(float(info.tiny))[1] - 1 - info.nmant
    _, exponents = np.frexp(high)
    unit = np.exp2(np.maximum(exponents - 1 - info.nmant, smallest).astype(np.float64))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs((wide - high) - low) / unit
    limit = float(info.max) * (1 + 2.0 ** -(info.nmant + 2))
    beyond = np.array([abs(t) >= limit for t in true])
    right = beyond & np.isinf(wide) & (np.signbit(wide) == np.signbit(high))
    return np.where(right, 0.0, np.where(np.isfinite(wide) & np.isfinite(high), error, np.inf))


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("function", WORST, ids=lambda f: f.name)
def test_elementary_functions_are_within_two_units(function: Function, kind: str) -> None:
    columns = function.points(Points(kind))
    result, _ = compute(function.name, kind, *columns)
    with mpmath.workdps(40):
        errors = ulps(result, function.truth, columns)
    worst = int(np.argmax(errors))
    told = f"{errors[worst]:.3g} ulp at {[c[worst] for c in columns]}: {result[worst]!r}"
    assert errors[worst] <= function.worst[FLOATS.index(kind)] <= 2.0, told


def test_every_elementary_function_is_measured() -> None:
    exact = {"div", "exponent", "floordiv", "fmod", "isinf", "isnan", "mod", "nextafter", "scale",
             "shl", "shr", "sign"}  # fmt: skip
    assert {f.name for f in WORST} == DECOMPOSITIONS.keys() - exact


# --- special values ------------------------------------------------------------------------------

# Results at 0, -0, inf, -inf and nan, as C has them.
SPECIAL = {
    "acos": (math.pi / 2, math.pi / 2, NAN, NAN, NAN), "acosh": (NAN, NAN, INF, NAN, NAN),
    "asin": (0.0, -0.0, NAN, NAN, NAN), "asinh": (0.0, -0.0, INF, -INF, NAN),
    "atan": (0.0, -0.0, math.pi / 2, -math.pi / 2, NAN), "atanh": (0.0, -0.0, NAN, NAN, NAN),
    "cos": (1.0, 1.0, NAN, NAN, NAN), "cosh": (1.0, 1.0, INF, INF, NAN),
    "digamma": (-INF, INF, INF, NAN, NAN), "erf": (0.0, -0.0, 1.0, -1.0, NAN),
    "erfc": (1.0, 1.0, 0.0, 2.0, NAN), "erfinv": (0.0, -0.0, NAN, NAN, NAN),
    "exp": (1.0, 1.0, INF, 0.0, NAN), "exp2": (1.0, 1.0, INF, 0.0, NAN),
    "expm1": (0.0, -0.0, INF, -1.0, NAN), "lgamma": (INF, INF, INF, INF, NAN),
    "log": (-INF, -INF, INF, NAN, NAN), "log10": (-INF, -INF, INF, NAN, NAN),
    "log1p": (0.0, -0.0, INF, NAN, NAN), "log2": (-INF, -INF, INF, NAN, NAN),
    "sigmoid": (0.5, 0.5, 1.0, 0.0, NAN), "sign": (0.0, 0.0, 1.0, -1.0, 0.0),
    "sin": (0.0, -0.0, NAN, NAN, NAN), "sinh": (0.0, -0.0, INF, -INF, NAN),
    "tan": (0.0, -0.0, NAN, NAN, NAN), "tanh": (0.0, -0.0, 1.0, -1.0, NAN),
    "trigamma": (INF, INF, 0.0, None, NAN),
}  # fmt: skip
# And elsewhere: (argument, result).
POINTS = {
    "acosh": ((1.0, 0.0), (0.5, NAN)),
    "asin": ((1.0, math.pi / 2), (1.5, NAN)),
    "acos": ((1.0, 0.0), (-1.0, math.pi), (-1.5, NAN)),
    "atanh": ((1.0, INF), (-1.0, -INF), (2.0, NAN)),
    "digamma": ((-2.0, NAN), (1.0, -0.5772156649015329)),
    "erfinv": ((1.0, INF), (-1.0, -INF), (1.5, NAN)),
    "exp": ((800.0, INF), (-800.0, 0.0)),
    "exp2": ((10.0, 1024.0), (-3.0, 0.125), (3000.0, INF), (-3000.0, 0.0)),
    "expm1": ((800.0, INF), (-800.0, -1.0)),
    "lgamma": ((1.0, 0.0), (2.0, 0.0), (-3.0, INF), (3.0, math.log(2))),
    "log": ((1.0, 0.0), (-1.0, NAN)),
    "log10": ((1000.0, 3.0), (-1.0, NAN)),
    "log1p": ((-1.0, -INF), (-2.0, NAN)),
    "log2": ((8.0, 3.0), (0.25, -2.0), (-1.0, NAN)),
    "sigmoid": ((1000.0, 1.0), (-1000.0, 0.0)),
    "sinh": ((1000.0, INF), (-1000.0, -INF)),
    "cosh": ((-1000.0, INF),),
    "tanh": ((50.0, 1.0), (-50.0, -1.0)),
    "erf": ((9.0, 1.0), (-9.0, -1.0)),
    "erfc": ((40.0, 0.0), (-40.0, 2.0)),
    "trigamma": ((-2.0, INF),),
}


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, kind: str) -> None:
    arguments = [0.0, -0.0, INF, -INF, NAN, *(x for x, _ in POINTS.get(name, ()))]
    expected = [*SPECIAL[name], *(y for _, y in POINTS.get(name, ()))]
    result, _ = compute(name, kind, arguments)
    for x, y, wanted in zip(arguments, result.tolist(), expected, strict=True):
        if wanted is None:
            continue
        close = math.isclose(y, wanted, rel_tol=1e-6 if kind == "f32" else 1e-15)
        assert close or y != y and wanted != wanted, f"{name}({x}) = {y}"
        assert wanted != wanted or math.copysign(1, y) == math.copysign(1, wanted), (
            f"{name}({x}) = {y}"
        )


EDGES = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    -2.0,
    3.0,
    -3.0,
    0.5,
    -0.5,
    2.5,
    -2.5,
    1e-30,
    1e30,
    INF,
    -INF,
    NAN,
)


def c_power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -INF if x < 0 and y % 2 == 1 else INF
    except ValueError:  # C has a value where Python has an error
        if x == 0:
            return math.copysign(INF, x) if y % 2 == 1 else INF
        return NAN


def test_powers_and_angles_of_special_values() -> None:
    x, y = (np.array(c) for c in zip(*((a, b) for a in EDGES for b in EDGES), strict=True))
    result, _ = compute("pow", "f64", x, y)
    wanted = np.array([c_power(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    np.testing.assert_allclose(result, wanted, rtol=1e-15)
    assert (np.signbit(result) == np.signbit(wanted))[~np.isnan(wanted)].all()
    result, _ = compute("atan2", "f64", x, y)
    wanted = np.arctan2(x, y)
    np.testing.assert_allclose(result, wanted, rtol=1e-15)
    assert (np.signbit(result) == np.signbit(wanted))[~np.isnan(wanted)].all()


# --- remainders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FLOATS)
def test_remainders_of_floats_are_exact(kind: str) -> None:
    """Also for quotients of hundreds of digits."""
    p = Points(kind)
    dtype = DTYPES[kind]
    edges = np.array([(a, b) for a in EDGES for b in EDGES], dtype)
    x = np.concatenate([p.sizes(), p.between((-100, 100)), edges[:, 0]])
    y = np.concatenate([p.sizes(), p.between((-9, 9)), edges[:, 1]])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        rest = np.fmod(x, y)
        np.testing.assert_array_equal(compute("fmod", kind, x, y)[0], rest)
        lower = (rest != 0) & ((rest < 0) != (y < 0))
        np.testing.assert_array_equal(
            compute("mod", kind, x, y)[0], np.where(lower, rest + y, rest)
        )
        quotient = (x - rest) / y - lower.astype(dtype)
        down = np.floor(quotient)
        down = np.where(quotient - down > 0.5, down + dtype(1), down)
        zero = np.copysign(dtype(0), x / y)
        wanted = np.where(y == 0, x / y, np.where(quotient != 0, down, zero))
        np.testing.assert_array_equal(compute("floordiv", kind, x, y)[0], wanted)


def integers(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of small and extreme integers; of 8 bits, all there are."""
    info = np.iinfo(DTYPES[kind])
    if info.bits == 8:
        listed = np.arange(info.min, info.max + 1)
    else:
        around = np.arange(-20, 21)
        ends = [
            info.min,
            info.min + 1,
            info.max - 1,
            info.max,
            2 ** (info.bits // 2),
            -(2 ** (info.bits - 3)) + 1,
        ]
        listed = np.concatenate([around, np.array(ends, np.int64)])
    return tuple(c.ravel().astype(DTYPES[kind]) for c in np.meshgrid(listed, listed))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", INTEGERS)
def test_integer_division_is_pythons_and_cs(kind: str) -> None:
    """The lowest number divided by -1 wraps; there is no trap."""
    x, y = integers(kind)
    x, y = x[y != 0], y[y != 0]
    wide_x, wide_y = x.astype(object), y.astype(object)
    down = wide_x // wide_y
    cut = np.where((wide_x % wide_y != 0) & ((wide_x < 0) ^ (wide_y < 0)), down + 1, down)
    for name, wanted in (
        ("floordiv", down), ("mod", wide_x - down * wide_y),
        ("div", cut), ("fmod", wide_x - cut * wide_y),
    ):  # fmt: skip
        result, code = compute(name, kind, x, y)
        assert code == 0, name
        np.testing.assert_array_equal(result, wrapped(wanted, kind), err_msg=name)


def wrapped(values: np.ndarray, kind: str) -> np.ndarray:
    """Python integers as a machine keeps them: the low bits."""
    info = np.iinfo(DTYPES[kind])
    size = 1 << info.bits
    return np.array([(int(v) - info.min) % size + info.min for v in values], DTYPES[kind])


@pytest.mark.parametrize("name", ["div", "floordiv", "mod", "fmod"])
@pytest.mark.parametrize("kind", INTEGERS)
def test_a_zero_divisor_is_reported_and_nothing_traps(name: str, kind: str) -> None:
    """The lanes beyond the end of a vector hold zeros too, which must not count."""
    for count in (1, 15, 16, 33, 100):
        divisors = np.full(count, 3)
        result, code = compute(name, kind, np.full(count, 7), divisors)
        assert code == 0
        assert (result == (2 if name in ("div", "floordiv") else 1)).all()
        divisors[count // 2] = 0
        assert compute(name, kind, np.full(count, 7), divisors)[1] == 1


@pytest.mark.parametrize("kind", INTEGERS)
def test_shifts_beyond_the_width(kind: str) -> None:
    """As torch has them: left 0, right copies of the sign."""
    x, count = integers(kind)
    bits = np.iinfo(DTYPES[kind]).bits
    wide_x, wide = x.astype(object), count.astype(object)
    inside = (wide >= 0) & (wide < bits)
    held = np.where(inside, wide, 0)
    left = wrapped(np.where(inside, wide_x << held, 0), kind)
    right = np.where(inside, wide_x >> held, np.where(wide_x < 0, -1, 0)).astype(DTYPES[kind])
    np.testing.assert_array_equal(compute("shl", kind, x, count)[0], left)
    np.testing.assert_array_equal(compute("shr", kind, x, count)[0], right)


@pytest.mark.parametrize("kind", INTEGERS)
def test_integer_powers_wrap(kind: str) -> None:
    """Negative exponents give 0, but for bases 1 and -1."""
    x, y = (c[::7] for c in integers(kind))
    info = np.iinfo(DTYPES[kind])
    size = 1 << info.bits

    def power(a: int, b: int) -> int:
        if b < 0:
            return a if a == 1 else (-1) ** (b % 2) if a == -1 else 0
        return pow(a, b, size)

    wanted = np.array([power(int(a), int(b)) for a, b in zip(x, y, strict=True)], object)
    np.testing.assert_array_equal(compute("pow", kind, x, y)[0], wrapped(wanted, kind))
