"""The incomplete gamma functions and the Hurwitz zeta function.

Series, continued fraction and Temme's uniform expansion, each where it converges fast, the choice
after Gil, Segura and Temme (2012) and DiDonato and Morris (1986); zeta by Euler and Maclaurin's
formula. DLMF 8.7, 8.9, 8.12, 25.11.
"""

import math
from collections.abc import Callable
from typing import Any

from facula.kernel.expr import repeat
from facula.kernel.scalar import (
    abs_,
    and_,
    copysign,
    eq,
    erfc,
    exp,
    expm1,
    floor,
    ge,
    gt,
    isinf,
    le,
    lgamma,
    log,
    log1p,
    lt,
    ne,
    not_,
    or_,
    pow_,
    sqrt,
    where,
)
from facula.kernel.special.tables import LGAMMA_ABOVE_ONE, TEMME
from facula.kernel.word import polynomial, word

INF, NAN = math.inf, math.nan
EPSILON = 2.0**-53
# Series and continued fractions of torch stop here as well.
STEPS = 2000


def rarely(condition: Any, formula: Callable[..., Any], otherwise: Any, *args: Any) -> Any:
    """formula(*args) where the condition holds; not computed at all where no element needs it."""

    def going(present: Any, wanted: Any, *args: Any) -> Any:
        return wanted

    def once(present: Any, wanted: Any, *args: Any) -> tuple[Any]:
        return (formula(*args),)

    return repeat(1, going, once, (otherwise,), (condition, *args))[0]


# --- parts ---------------------------------------------------------------------------------------

# 2 (1/3, 1/5, 1/7, ...): the series of atanh without its first term, doubled.
ATANH = tuple([2 / (2 * k + 3) for k in range(19)])
# B(2k) / (2k (2k - 1)): log of gamma over Stirling's formula, in 1 / a.
STIRLING = (
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400,
)  # fmt: skip


def _less_log1p(x: Any) -> Any:
    """x - log(1 + x), without cancellation near 0."""
    s = x / (2 + x)
    near = s * (x - s * s * polynomial(s * s, ATANH))
    return where(lt(abs_(x), 0.5), near, x - log1p(x))


def _log_gamma_above_one(a: Any) -> Any:
    """lgamma(1 + a), its digits kept for small a."""
    return where(lt(a, 1.25), a * polynomial(a / 0.625 - 1, LGAMMA_ABOVE_ONE), lgamma(a + 1))


def _density(a: Any, x: Any) -> Any:
    """x^a exp(-x) / gamma(a + 1): from a = 10 on through Stirling's series."""
    small = exp(a * log(x) - x - _log_gamma_above_one(a))
    inverse = 1 / a
    series = inverse * polynomial(inverse * inverse, STIRLING)
    exponent = a * _less_log1p((x - a) * inverse) + series
    return where(lt(a, 10), small, exp(-exponent) / sqrt(2 * math.pi * a))


def _lower_series(a: Any, x: Any) -> Any:
    """P(a, x) over its density: the sum of x^n / ((a + 1) ... (a + n)) (DLMF 8.7.1)."""

    def going(total: Any, term: Any, place: Any, x: Any) -> Any:
        return gt(term, total * EPSILON)

    def step(total: Any, term: Any, place: Any, x: Any) -> tuple[Any, ...]:
        place = place + 1
        term = term * (x / place)
        return total + term, term, place

    total, _, _ = repeat(STEPS, going, step, (1.0, 1.0, a), (x,))
    return total


def _upper_series(a: Any, x: Any) -> Any:
    """Q(a, x) for small x: 1 - x^a / gamma(a + 1) less the rest of the series (DLMF 8.7.3)."""

    def going(total: Any, term: Any, power: Any, n: Any, a: Any, x: Any) -> Any:
        return gt(abs_(term), abs_(total) * EPSILON)

    def step(total: Any, term: Any, power: Any, n: Any, a: Any, x: Any) -> tuple[Any, ...]:
        power = power * (-x / n)
        term = power / (a + n)
        return total + term, term, power, n + 1

    total, _, _, _ = repeat(STEPS, going, step, (0.0, 1.0, 1.0, 1.0), (a, x))
    above = _log_gamma_above_one(a)
    exponent = a * log(x) - above
    return -expm1(exponent) - a * exp(exponent) * total


# Numerators and denominators of a continued fraction are scaled down from here.
LARGE = 2.0**52


def _fraction(a: Any, x: Any) -> Any:
    """Q(a, x) over x^a exp(-x) / gamma(a): its continued fraction (DLMF 8.9.2), by the recurrence
    of numerators and denominators, whose only division no next step waits for."""

    def going(value: Any, change: Any, *rest: Any) -> Any:
        return gt(abs_(change), abs_(value) * EPSILON)

    def step(
        value: Any, change: Any, p: Any, q: Any, p_last: Any, q_last: Any, n: Any, a: Any, x: Any
    ) -> tuple[Any, ...]:
        above = n * (a - n)
        below = x - a + (n + n + 1)
        p_next, q_next = below * p + above * p_last, below * q + above * q_last
        found = where(eq(q_next, 0), value, p_next / q_next)
        shrink = where(gt(abs_(p_next), LARGE), 1 / LARGE, x * 0 + 1)
        return (
            found, found - value,
            p_next * shrink, q_next * shrink, p * shrink, q * shrink,
            n + 1,
        )  # fmt: skip

    first = x - a + 1
    state = (1 / first, INF, 1.0, first, 0.0, 1.0, 1.0)
    value, *_ = repeat(STEPS, going, step, state, (a, x))
    return value


def _uniform(a: Any, x: Any, sign: int) -> Any:
    """Q(a, x) where x is near a large a (P with sign -1): erfc and a double series (DLMF 8.12.3,
    8.12.7)."""
    mu = (x - a) / a
    half = _less_log1p(mu)
    eta = copysign(sqrt(half * 2), mu)
    total = polynomial(1 / a, tuple([polynomial(eta, row) for row in TEMME]))
    rest = exp(-a * half) * total / sqrt(2 * math.pi * a)
    return erfc(sign * eta * sqrt(a / 2)) * 0.5 + sign * rest


def _incomplete(a: Any, x: Any, upper: bool) -> Any:
    """P or Q for positive finite a and x: the smaller of the two is computed, mostly."""
    distance = abs_(x - a)
    near = where(lt(a, 200), lt(distance, a * 0.3), lt(distance, 4.5 * sqrt(a)))
    near = and_(gt(a, 20), near)
    small = where(le(x, 0.5), lt(log(x) * a, -0.4), gt(a, x * 1.1))
    lower = where(le(x, 1.1), small, lt(x, a))
    series = and_(not_(near), lower)
    fraction = and_(and_(not_(near), gt(x, 1.1)), not_(lower))
    little = and_(and_(not_(near), le(x, 1.1)), not_(lower))
    zero = a * 0
    density = _density(a, x)
    p = rarely(series, _lower_series, zero, a, x) * density
    q = rarely(fraction, _fraction, zero, a, x) * (density * a)
    q = rarely(little, _upper_series, q, a, x)
    if upper:
        q = rarely(near, lambda a, x: _uniform(a, x, 1), q, a, x)
        return where(series, 1 - p, q)
    p = rarely(near, lambda a, x: _uniform(a, x, -1), p, a, x)
    return where(or_(fraction, little), 1 - q, p)


def _regularised(a: Any, x: Any, upper: bool) -> Any:
    """With torch's values at 0 and infinity."""
    start, end = (1, 0) if upper else (0, 1)
    inside = and_(and_(gt(a, 0), lt(a, INF)), and_(gt(x, 0), lt(x, INF)))
    one = a * 0 + 1
    result = _incomplete(where(inside, a, one), where(inside, x, one), upper)
    undefined = or_(or_(lt(a, 0), lt(x, 0)), or_(ne(a, a), ne(x, x)))
    undefined = or_(undefined, or_(and_(eq(a, 0), eq(x, 0)), and_(isinf(a), isinf(x))))
    edge = where(or_(eq(a, 0), isinf(x)), end, x * 0 + start)
    return where(inside, result, where(undefined, NAN, where(isinf(a), start, edge)))


@word
def igamma(a: Any, x: Any) -> Any:
    """The regularised lower incomplete gamma function P(a, x)."""
    return _regularised(a, x, False)


@word
def igammac(a: Any, x: Any) -> Any:
    """The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x)."""
    return _regularised(a, x, True)


# --- zeta ----------------------------------------------------------------------------------------

# B(2k) / (2k)!, k = 1, 2, ...
BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000,
    1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000,
    -174611 / 802857662698291200000, 77683 / 14101100039391805440000,
    -236364091 / 1693824136731743669452800000,
)  # fmt: skip


@word
def zeta(s: Any, q: Any) -> Any:
    """The sum of (q + k)^-s over k = 0, 1, ...: ten terms or more, then Euler and Maclaurin's
    formula, unless the terms have vanished before."""

    def going(total: Any, place: Any, term: Any, k: Any, s: Any) -> Any:
        return and_(or_(lt(k, 9), le(place, 9)), ge(abs_(term), abs_(total) * EPSILON))

    def step(total: Any, place: Any, term: Any, k: Any, s: Any) -> tuple[Any, ...]:
        place = place + 1
        term = pow_(place, -s)
        return total + term, place, term, k + 1

    defined = and_(gt(s, 1), or_(gt(q, 0), and_(eq(floor(s), s), ne(floor(q), q))))
    one = s * 0 + 1
    safe_s, safe_q = where(defined, s, one * 2), where(defined, q, one)
    first = pow_(safe_q, -safe_s)
    state = (first, safe_q, first, 0.0)
    total, place, term, _ = repeat(2**62, going, step, state, (safe_s,))
    # term (place / (s - 1) - 1/2 + the sum of B(2k) / (2k)! s (s + 1) ... (s + 2k - 2) / place^k)
    inverse = 1 / place
    factor = safe_s * inverse
    rest = place / (safe_s - 1) - 0.5
    for k, number in enumerate(BERNOULLI):
        rest = rest + factor * number
        step_up = (safe_s + (2 * k + 1)) * (safe_s + (2 * k + 2))
        factor = factor * step_up * (inverse * inverse)
    finished = lt(abs_(term), abs_(total) * EPSILON)
    result = where(finished, total, total + term * rest)
    pole = or_(eq(s, 1), and_(gt(s, 1), and_(le(q, 0), eq(floor(q), q))))
    return where(defined, result, where(pole, INF, one * NAN))
