"""Special functions against mpmath, against what they mean on numbers, and their loops.

`WORST` is measured: the largest error found on the points below, rounded up, in units in the last
place, or where a function has zeros between its points in multiples of 2^-53 of the largest value
around. In f32 every word is rounded once, from f64.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
from test_decompose import compute

from facula.backend import interpreter
from facula.backend.cpu import machine
from facula.kernel.expr import Repeat, input_, linearise, repeat
from facula.kernel.plan import Pointwise
from facula.kernel.scalar import PLAIN, lt
from facula.kernel.special import WORDS

mp = mpmath.mp.clone()
mp.dps = 40
RANDOM = np.random.default_rng(5)
NAN, INF = math.nan, math.inf


def between(*ends: tuple[float, float], count: int = 60) -> np.ndarray:
    return np.concatenate([RANDOM.uniform(low, high, count) for low, high in ends])


def sizes(low: float, high: float, count: int = 40) -> np.ndarray:
    """Evenly spread exponents of ten."""
    return 10.0 ** RANDOM.uniform(low, high, count)


def join(*parts: np.ndarray) -> tuple[np.ndarray, ...]:
    return (np.concatenate(parts),)


class Function(NamedTuple):
    """A word, what mpmath says, where to look, and the worst error in f64: relative, or absolute
    where it is zero in between."""

    name: str
    truth: Callable[..., Any]
    points: Sequence[np.ndarray]
    worst: float
    absolute: bool = False


def both_sides() -> tuple[np.ndarray, ...]:
    return join(between((-20, 20), (-700, 700)), sizes(-10, 0))


def right_side(end: float = 700.0) -> tuple[np.ndarray, ...]:
    return join(between((0, 1.5), (0, 10), (0, end)), sizes(-10, 0))


def waves() -> tuple[np.ndarray, ...]:
    return join(between((0, 9), (0, 60)), sizes(-5, 4))


def gamma_pairs() -> tuple[np.ndarray, ...]:
    """Orders and places on all roads: series, fraction, near a large order, small orders."""
    orders = np.concatenate([between((0, 3), (1, 25)), sizes(-8, 0), sizes(1.3, 4)])
    ratio = RANDOM.uniform(0.4, 1.8, orders.size)
    ratio[-40:] = 1 + RANDOM.uniform(-3, 3, 40) / np.sqrt(orders[-40:])
    return orders, orders * ratio


def degrees(low: float, high: float, most: int) -> tuple[np.ndarray, ...]:
    places = between((low, high), count=120)
    return places, RANDOM.integers(0, most, places.size).astype(np.float64)


def chebyshev(kind: str) -> Callable[..., Any]:
    def truth(x: Any, n: Any) -> Any:
        t = mp.acos(x)
        if kind == "v":
            return mp.re(mp.cos((n + 0.5) * t) / mp.cos(t / 2))
        return mp.re(mp.sin((n + 0.5) * t) / mp.sin(t / 2))

    return truth


def shifted(truth: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, n: truth(2 * x - 1, n)


WORST = (
    Function("airy_ai", mp.airyai, join(between((-4, 6), (-25, -3))), 45, True),
    Function("bessel_j0", lambda x: mp.besselj(0, x), waves(), 5, True),
    Function("bessel_j1", lambda x: mp.besselj(1, x), waves(), 5, True),
    Function("bessel_y0", lambda x: mp.bessely(0, x), waves(), 8, True),
    Function("bessel_y1", lambda x: mp.bessely(1, x), join(between((0.3, 9), (0, 60))), 9, True),
    Function(
        "erfcx",
        lambda x: mp.exp(x * x) * mp.erfc(x),
        join(between((-5, 5), (-26, 20)), sizes(-10, 20)),
        8,
    ),
    Function("i0", lambda x: mp.besseli(0, x), both_sides(), 5),
    Function("i0e", lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), both_sides(), 4),
    Function("i1", lambda x: mp.besseli(1, x), both_sides(), 5),
    Function("i1e", lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), both_sides(), 4),
    Function("igamma", lambda a, x: mp.gammainc(a, 0, x, regularized=True), gamma_pairs(), 14),
    Function(
        "igammac", lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True), gamma_pairs(), 22
    ),
    Function("log_ndtr", lambda x: mp.log(mp.ncdf(x)), join(between((-5, 5), (-30, -1))), 25),
    Function("modified_bessel_k0", lambda x: mp.besselk(0, x), right_side(), 4),
    Function("modified_bessel_k1", lambda x: mp.besselk(1, x), right_side(), 4),
    Function("ndtr", mp.ncdf, join(between((-5, 5), (-8, 8))), 70),
    Function(
        "ndtri",
        lambda p: -mp.sqrt(2) * mp.erfinv(1 - 2 * p),
        join(between((0, 1)), sizes(-7, 0)),
        4,
    ),
    Function("scaled_modified_bessel_k0", lambda x: mp.besselk(0, x) * mp.exp(x), right_side(), 4),
    Function("scaled_modified_bessel_k1", lambda x: mp.besselk(1, x) * mp.exp(x), right_side(), 4),
    Function("spherical_bessel_j0", mp.sinc, join(between((-3, 3), (-60, 60))), 3),
    Function("zeta", mp.zeta, (between((1.05, 3), (3, 60)), between((0.01, 2), (1, 40))), 5),
    Function("chebyshev_polynomial_t", lambda x, n: mp.chebyt(n, x), degrees(-1, 1, 40), 140, True),
    Function("chebyshev_polynomial_u", lambda x, n: mp.chebyu(n, x), degrees(-2, 2, 12), 130),
    Function("chebyshev_polynomial_v", chebyshev("v"), degrees(-2, 2, 12), 90),
    Function("chebyshev_polynomial_w", chebyshev("w"), degrees(-2, 2, 12), 70),
    Function(
        "shifted_chebyshev_polynomial_t",
        shifted(lambda x, n: mp.chebyt(n, x)),
        degrees(0, 1, 40),
        65,
        True,
    ),
    Function(
        "shifted_chebyshev_polynomial_u",
        shifted(lambda x, n: mp.chebyu(n, x)),
        degrees(0, 1, 12),
        45,
        True,
    ),
    Function(
        "shifted_chebyshev_polynomial_v", shifted(chebyshev("v")), degrees(0, 1, 12), 65, True
    ),
    Function(
        "shifted_chebyshev_polynomial_w", shifted(chebyshev("w")), degrees(0, 1, 12), 30, True
    ),
    Function("hermite_polynomial_h", lambda x, n: mp.hermite(n, x), degrees(-3, 3, 30), 1300),
    Function(
        "hermite_polynomial_he",
        lambda x, n: mp.power(2, -n / 2) * mp.hermite(n, x / mp.sqrt(2)),
        degrees(-3, 3, 30),
        30,
    ),
    Function(
        "laguerre_polynomial_l", lambda x, n: mp.laguerre(n, 0, x), degrees(0, 5, 30), 21, True
    ),
    Function("legendre_polynomial_p", lambda x, n: mp.legendre(n, x), degrees(-1, 1, 30), 5, True),
)


def error(got: float, truth: Any, bits: int, absolute: bool) -> float:
    """Units in the last place, or of 2^-bits times the truth or 1, whichever is larger."""
    if absolute:
        return float(abs(mp.mpf(got) - truth) / max(1, abs(truth)) * 2**bits)
    place = mp.floor(mp.log(abs(truth), 2)) if truth else -1022
    return float(abs(mp.mpf(got) - truth) / mp.mpf(2) ** (place - bits + 1))


def worst_error(function: Function, kind: str) -> tuple[float, Any]:
    dtype, bits = (np.float64, 53) if kind == "f64" else (np.float32, 24)
    columns = [p.astype(dtype) for p in function.points]
    if kind == "f32":
        columns = [c[::3] for c in columns]
    got, code = compute(function.name, kind, *columns)
    assert code == 0
    worst, place = 0.0, None
    for values in zip(got.tolist(), *(c.tolist() for c in columns), strict=True):
        truth = function.truth(*map(mp.mpf, values[1:]))
        if abs(truth) < np.finfo(dtype).tiny or abs(truth) > np.finfo(dtype).max:
            continue
        found = error(values[0], truth, bits, function.absolute)
        if not found <= worst:
            worst, place = found, values
    return worst, place


def test_every_word_is_here() -> None:
    assert {f.name for f in WORST} == set(WORDS)


@pytest.mark.parametrize("function", WORST, ids=[f.name for f in WORST])
def test_f64_is_as_exact_as_stated(function: Function) -> None:
    found, place = worst_error(function, "f64")
    assert found <= function.worst, (found, place)


@pytest.mark.parametrize("name", ["i0", "bessel_y1", "erfcx", "igammac", "zeta", "airy_ai"])
def test_f32_is_rounded_once(name: str) -> None:
    function = next(f for f in WORST if f.name == name)
    found, place = worst_error(function, "f32")
    assert found <= 0.51, (found, place)


EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 20.0, 1e10, INF, -INF, NAN)


@pytest.mark.parametrize("name", sorted(WORDS))
def test_machines_do_what_a_word_means(name: str) -> None:
    count = WORDS[name].count
    firsts = np.array(EDGES)
    if count == 2:
        seconds = np.array([0.0, 1.0, 2.0, 7.0, 30.0, 0.3, NAN, -1.0])
        columns = [a.ravel().copy() for a in np.meshgrid(firsts, seconds)]
        # Steps by the number are a matter of patience.
        columns = [c[np.abs(columns[0]) < 1e9] for c in columns]
    else:
        columns = [firsts]
    got, _ = compute(name, "f64", *columns)
    with np.errstate(all="ignore"):
        meant = [PLAIN[name](*values) for values in zip(*map(np.ndarray.tolist, columns))]
    np.testing.assert_allclose(got, meant, rtol=2e-12, atol=1e-14, equal_nan=True)


# --- loops ---------------------------------------------------------------------------------------


def halvings() -> Pointwise:
    """How often x can be halved before it is below 1, at most 20 times; and what is left."""
    x = input_(0, "f64")
    left, count = repeat(
        20, lambda x, n, least: ~lt(x, least), lambda x, n, least: (x / 2, n + 1), (x, 0.0), (1.0,)
    )
    return Pointwise(("f64",), ("f64", "f64"), (), linearise([left, count]), 1, ("1", "1", "1"))


def test_each_lane_has_its_own_loop() -> None:
    plan = halvings()
    x = np.array([0.5, 1.0, 7.0, 1e3, 1e300, NAN, 3.0, 2.0, 1.5, 64.0, 0.1])
    meant = [(0.5, 0), (0.5, 1), (0.875, 3), (1e3 / 1024, 10), (1e300 / 2**20, 20), (NAN, 20)]
    meant += [(0.75, 2), (0.5, 2), (0.75, 1), (0.5, 7), (0.1, 0)]
    for kernel in (machine.compile_plan(plan), interpreter.compile_plan(plan)):
        left, count = np.zeros_like(x), np.zeros_like(x)
        kernel(x.size, x.ctypes.data, left.ctypes.data, count.ctypes.data)
        np.testing.assert_array_equal(np.stack([left, count], 1), np.array(meant, float))


def test_a_loop_without_steps_gives_what_it_was_given() -> None:
    graph = linearise(list(repeat(5, lambda x: lt(x, x), lambda x: (x + 1,), (input_(0, "f64"),))))
    plan = Pointwise(("f64",), ("f64",), (), graph, 1, ("1", "1"))
    x, y = np.arange(9.0), np.zeros(9)
    machine.compile_plan(plan)(9, x.ctypes.data, y.ctypes.data)
    assert (x == y).all()
    assert isinstance(graph.steps[1][3], Repeat)
