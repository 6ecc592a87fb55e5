"""Orthogonal polynomials by their three-term recurrences (DLMF 18.9).

Between -1 and 1 Chebyshev's polynomials of higher degree go through the cosine, as torch has it;
there and at the ends its results are matched. The degree is truncated to an integer.
"""

import math
from collections.abc import Callable
from typing import Any

from facula.kernel.expr import repeat
from facula.kernel.scalar import (
    abs_,
    acos,
    and_,
    cos,
    eq,
    gt,
    le,
    lt,
    mod,
    ne,
    or_,
    sin,
    trunc,
    where,
)
from facula.kernel.word import word

# Nobody waits for as many steps; torch's loops have no limit either.
STEPS = 2**62


def _recurrence(x: Any, n: Any, second: Any, step: Callable[..., Any]) -> Any:
    """p(n) from p(0) = 1, p(1) and p(k + 1) = step(k, x, p(k), p(k - 1))."""

    def going(p: Any, q: Any, k: Any, x: Any, n: Any) -> Any:
        return and_(lt(k, n), eq(q, q))

    def following(p: Any, q: Any, k: Any, x: Any, n: Any) -> tuple[Any, ...]:
        return q, step(k, x, q, p), k + 1

    _, result, _ = repeat(STEPS, going, following, (1.0, second, 1.0), (x, n))
    return where(le(n, 0), 1, result)


def _degree(n: Any) -> Any:
    """n as C has it in 64 bits: what does not fit, nan too, is negative, and takes no steps."""
    return where(lt(abs_(n), 2.0**63), trunc(n), -1)


def _even(n: Any) -> Any:
    return eq(mod(n, 2), 0)


def _chebyshev(
    x: Any, n: Any, second: Any, ends: Callable[..., Any], waves: Any, start: int
) -> Any:
    """A Chebyshev polynomial in x: recurrence, its value at the ends, the trigonometric form from
    degree `start` on between them."""
    inside = and_(gt(n, start), lt(abs_(x), 1))
    steps = where(inside, 0, n)
    plain = _recurrence(x, steps, second, lambda k, x, q, p: (x + x) * q - p)
    result = where(inside, waves, plain)
    result = where(eq(abs_(x), 1), where(gt(x, 0), ends(n, True), ends(n, False)), result)
    return where(lt(n, 0), 0, result)


def _first(x: Any, n: Any) -> Any:
    n = _degree(n)

    def ends(n: Any, upper: bool) -> Any:
        return n * 0 + 1 if upper else where(_even(n), 1, n * 0 - 1)

    return _chebyshev(x, n, x, ends, cos(n * acos(x)), 6)


def _second(x: Any, n: Any, start: int) -> Any:
    n = _degree(n)

    def ends(n: Any, upper: bool) -> Any:
        return n + 1 if upper else where(_even(n), n + 1, -(n + 1))

    angle = acos(x)
    sine = sin(angle)
    waves = where(ne(sine, 0), sin((n + 1) * angle) / sine, (n + 1) * cos((n + 1) * angle) / x)
    return _chebyshev(x, n, x + x, ends, waves, start)


def _third(x: Any, n: Any, start: int) -> Any:
    n = _degree(n)

    def ends(n: Any, upper: bool) -> Any:
        return n * 0 + 1 if upper else where(_even(n), n + n + 1, -(n + n + 1))

    half = acos(x) / 2
    waves = where(ne(sin(half), 1), cos((n + n + 1) * half) / cos(half), ends(n, False))
    return _chebyshev(x, n, x + x - 1, ends, waves, start)


def _fourth(x: Any, n: Any, start: int) -> Any:
    n = _degree(n)

    def ends(n: Any, upper: bool) -> Any:
        return n + n + 1 if upper else where(_even(n), 1, n * 0 - 1)

    half = acos(x) / 2
    limit = where(gt(x, 0), n + n + 1, ends(n, False))
    waves = where(ne(cos(half), 1), sin((n + n + 1) * half) / sin(half), limit)
    return _chebyshev(x, n, x + x + 1, ends, waves, start)


@word
def chebyshev_polynomial_t(x: Any, n: Any) -> Any:
    """Of the first kind: cos(n t) at x = cos(t)."""
    return _first(x, n)


@word
def chebyshev_polynomial_u(x: Any, n: Any) -> Any:
    """Of the second kind: sin((n + 1) t) / sin(t)."""
    return _second(x, n, 8)


@word
def chebyshev_polynomial_v(x: Any, n: Any) -> Any:
    """Of the third kind: cos((n + 1/2) t) / cos(t / 2)."""
    return _third(x, n, 8)


@word
def chebyshev_polynomial_w(x: Any, n: Any) -> Any:
    """Of the fourth kind: sin((n + 1/2) t) / sin(t / 2)."""
    return _fourth(x, n, 8)


@word
def shifted_chebyshev_polynomial_t(x: Any, n: Any) -> Any:
    """Of the first kind, at 2 x - 1."""
    return _first(x + x - 1, n)


@word
def shifted_chebyshev_polynomial_u(x: Any, n: Any) -> Any:
    """Of the second kind, at 2 x - 1."""
    return _second(x + x - 1, n, 6)


@word
def shifted_chebyshev_polynomial_v(x: Any, n: Any) -> Any:
    """Of the third kind, at 2 x - 1."""
    return _third(x + x - 1, n, 6)


@word
def shifted_chebyshev_polynomial_w(x: Any, n: Any) -> Any:
    """Of the fourth kind, at 2 x - 1."""
    return _fourth(x + x - 1, n, 4)


# Beyond these degrees torch gives nan: hardly any x has a finite value in f64.
HERMITE_LIMIT = 512


def _hermite(x: Any, n: Any, second: Any, step: Callable[..., Any]) -> Any:
    n = _degree(n)
    far = gt(n, HERMITE_LIMIT)
    result = _recurrence(x, where(far, 0, n), second, step)
    return where(far, math.nan, where(lt(n, 0), 0, result))


@word
def hermite_polynomial_h(x: Any, n: Any) -> Any:
    """The physicists' polynomials: weight exp(-x^2)."""
    return _hermite(x, n, x + x, lambda k, x, q, p: (x + x) * q - (k + k) * p)


@word
def hermite_polynomial_he(x: Any, n: Any) -> Any:
    """The probabilists' polynomials: weight exp(-x^2 / 2)."""
    return _hermite(x, n, x, lambda k, x, q, p: x * q - k * p)


@word
def laguerre_polynomial_l(x: Any, n: Any) -> Any:
    """Weight exp(-x) from 0 to infinity."""
    n = _degree(n)

    def step(k: Any, x: Any, q: Any, p: Any) -> Any:
        return ((k + k + (1 - x)) * q - k * p) / (k + 1)

    still = or_(eq(x, 0), le(n, 0))
    result = _recurrence(x, where(still, 0, n), 1 - x, step)
    return where(lt(n, 0), 0, result)


@word
def legendre_polynomial_p(x: Any, n: Any) -> Any:
    """Weight 1 from -1 to 1."""
    n = _degree(n)

    def step(k: Any, x: Any, q: Any, p: Any) -> Any:
        return ((k + k + 1) * x * q - k * p) / (k + 1)

    end = eq(abs_(x), 1)
    result = _recurrence(x, where(end, 0, n), x, step)
    result = where(end, where(or_(gt(x, 0), _even(n)), 1, n * 0 - 1), result)
    return where(lt(n, 0), 0, result)
