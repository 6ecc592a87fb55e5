"""Bessel functions of orders 0 and 1: power series near 0, asymptotic amplitudes beyond.

Abramowitz & Stegun 9.1 to 9.8 (DLMF 10.8, 10.17, 10.25, 10.31); in tables.py the polynomials.
"""

import math
from typing import Any

from facula.kernel.scalar import abs_, cos, eq, exp, gt, isinf, log, lt, sin, sqrt, where
from facula.kernel.special.tables import (
    I0_FAR,
    I1_FAR,
    J0_NEAR,
    J0_P,
    J0_Q,
    J0_ZEROS,
    J1_NEAR,
    J1_P,
    J1_Q,
    J1_ZEROS,
    K0_FAR,
    K1_FAR,
    Y0_NEAR,
    Y1_NEAR,
)
from facula.kernel.word import polynomial, word

NEAR = 8.0
EULER = 0.5772156649015329
INF, NAN = math.inf, math.nan

# --- of the first and second kind ----------------------------------------------------------------


def _without_zeros(x: Any, zeros: Any) -> Any:
    """(x^2 - a^2) (x^2 - b^2) for x >= 0, exact where it vanishes."""
    (a, a_low), (b, b_low) = zeros
    return (((x - a) - a_low) * (x + a)) * (((x - b) - b_low) * (x + b))


def _amplitudes(x: Any, p: tuple[float, ...], q: tuple[float, ...]) -> tuple[Any, Any]:
    """P and Q of A&S 9.2.5 over sqrt(pi x), for x >= 8."""
    inverse = 1 / x
    place = inverse * inverse * 128 - 1
    scale = 1 / sqrt(x * math.pi)
    return polynomial(place, p) * scale, polynomial(place, q) * inverse * scale


def _j0_near(x: Any) -> Any:
    return _without_zeros(x, J0_ZEROS) * polynomial(x * x / 32 - 1, J0_NEAR)


def _j1_near(x: Any) -> Any:
    return x * _without_zeros(x, J1_ZEROS) * polynomial(x * x / 32 - 1, J1_NEAR)


@word
def bessel_j0(x: Any) -> Any:
    """J0: within 8 a polynomial times its zeros, beyond cosine and sine of x - pi / 4."""
    size = abs_(x)
    p, q = _amplitudes(size, J0_P, J0_Q)
    s, c = sin(size), cos(size)
    result = where(lt(size, NEAR), _j0_near(size), p * (c + s) - q * (s - c))
    return where(isinf(x), 0, result)


@word
def bessel_j1(x: Any) -> Any:
    """J1, odd; beyond 8 cosine and sine of x - 3 pi / 4."""
    size = abs_(x)
    p, q = _amplitudes(size, J1_P, J1_Q)
    s, c = sin(size), cos(size)
    result = where(lt(size, NEAR), _j1_near(size), p * (s - c) + q * (s + c))
    result = where(isinf(x), 0, result)
    return where(lt(x, 0), -result, result)


@word
def bessel_y0(x: Any) -> Any:
    """Y0: within 8 its logarithm and a polynomial."""
    p, q = _amplitudes(x, J0_P, J0_Q)
    s, c = sin(x), cos(x)
    near = log(x) * _j0_near(x) * (2 / math.pi) + polynomial(x * x / 32 - 1, Y0_NEAR)
    result = where(lt(x, NEAR), near, p * (s - c) + q * (s + c))
    result = where(isinf(x), 0, result)
    return where(gt(x, 0), result, where(lt(x, 0), NAN, where(eq(x, x), -INF, x)))


@word
def bessel_y1(x: Any) -> Any:
    """Y1: within 8 its pole, logarithm and a polynomial."""
    p, q = _amplitudes(x, J1_P, J1_Q)
    s, c = sin(x), cos(x)
    near = (log(x) * _j1_near(x) - 1 / x) * (2 / math.pi)
    near = near + x * polynomial(x * x / 32 - 1, Y1_NEAR)
    result = where(lt(x, NEAR), near, q * (s - c) - p * (s + c))
    result = where(isinf(x), 0, result)
    return where(gt(x, 0), result, where(lt(x, 0), NAN, where(eq(x, x), -INF, x)))


# --- modified ------------------------------------------------------------------------------------

# 1 / (k!)^2 and 1 / (k! (k + 1)!): the power series of I0(x) and 2 I1(x) / x in x^2 / 4.
SERIES_0 = tuple([1 / math.factorial(k) ** 2 for k in range(28)])
SERIES_1 = tuple([1 / (math.factorial(k) * math.factorial(k + 1)) for k in range(28)])
HARMONIC = tuple([sum(1 / j for j in range(1, k + 1)) for k in range(13)])
# The same with factors H(k), and psi(k + 1) + psi(k + 2): what K0 and K1 add to the logarithm.
LOGARITHMIC_0 = tuple([HARMONIC[k] * SERIES_0[k] for k in range(12)])
LOGARITHMIC_1 = tuple(
    [(HARMONIC[k] + HARMONIC[k + 1] - 2 * EULER) * SERIES_1[k] for k in range(12)]
)


def _i0_series(x: Any) -> Any:
    return polynomial(x * x / 4, SERIES_0)


def _i1_series(x: Any) -> Any:
    return x / 2 * polynomial(x * x / 4, SERIES_1)


def _far(x: Any, table: tuple[float, ...], reach: float) -> Any:
    """What exp(x) or exp(-x) belongs to, for x >= reach / 2."""
    return polynomial(reach / x - 1, table) / sqrt(x)


def _grown(size: Any, far: Any) -> Any:
    """exp(size) far, finite while it can be."""
    half = exp(size / 2)
    return half * far * half


@word
def i0(x: Any) -> Any:
    """I0: its power series within 8."""
    size = abs_(x)
    far = _grown(size, _far(size, I0_FAR, 16))
    return where(isinf(x), INF, where(lt(size, NEAR), _i0_series(size), far))


@word
def i0e(x: Any) -> Any:
    """exp(-|x|) I0(x)."""
    size = abs_(x)
    return where(lt(size, NEAR), _i0_series(size) * exp(-size), _far(size, I0_FAR, 16))


@word
def i1(x: Any) -> Any:
    """I1, odd."""
    size = abs_(x)
    result = where(lt(size, NEAR), _i1_series(size), _grown(size, _far(size, I1_FAR, 16)))
    return _signed(x, where(isinf(x), INF, result))


@word
def i1e(x: Any) -> Any:
    """exp(-|x|) I1(x)."""
    size = abs_(x)
    near = _i1_series(size) * exp(-size)
    return _signed(x, where(lt(size, NEAR), near, _far(size, I1_FAR, 16)))


def _signed(x: Any, result: Any) -> Any:
    return where(lt(x, 0), -result, result)


def _outside(x: Any, result: Any) -> Any:
    """K0 and K1 at 0 and below."""
    return where(gt(x, 0), result, where(lt(x, 0), NAN, where(eq(x, x), INF, x)))


def _k0_near(x: Any) -> Any:
    logarithm = log(x / 2) + EULER
    return polynomial(x * x / 4, LOGARITHMIC_0) - logarithm * _i0_series(x)


def _k1_near(x: Any) -> Any:
    return 1 / x + (log(x / 2) * _i1_series(x) - x / 4 * polynomial(x * x / 4, LOGARITHMIC_1))


@word
def modified_bessel_k0(x: Any) -> Any:
    """K0: within 1 its logarithm and power series (A&S 9.6.13)."""
    return _outside(x, where(lt(x, 1), _k0_near(x), exp(-x) * _far(x, K0_FAR, 2)))


@word
def modified_bessel_k1(x: Any) -> Any:
    """K1: within 1 its pole, logarithm and power series (A&S 9.6.11)."""
    return _outside(x, where(lt(x, 1), _k1_near(x), exp(-x) * _far(x, K1_FAR, 2)))


@word
def scaled_modified_bessel_k0(x: Any) -> Any:
    """exp(x) K0(x)."""
    return _outside(x, where(lt(x, 1), exp(x) * _k0_near(x), _far(x, K0_FAR, 2)))


@word
def scaled_modified_bessel_k1(x: Any) -> Any:
    """exp(x) K1(x)."""
    return _outside(x, where(lt(x, 1), exp(x) * _k1_near(x), _far(x, K1_FAR, 2)))


@word
def spherical_bessel_j0(x: Any) -> Any:
    """sin(x) / x, its series below 1/2."""
    s = x * x
    terms = tuple([(-1) ** k / math.factorial(2 * k + 1) for k in range(9)])
    return where(isinf(x), 0, where(lt(abs_(x), 0.5), polynomial(s, terms), sin(x) / x))
