"""The binary exponent, and what follows from it: fractions, neighbours. Common divisors."""

from typing import Any

from facula.kernel.expr import repeat
from facula.kernel.scalar import (
    abs_,
    and_,
    eq,
    exp2,
    floor,
    fmod,
    ge,
    gt,
    log2,
    lt,
    ne,
    trunc,
    where,
)
from facula.kernel.word import word


@word
def exponent(x: Any) -> Any:
    """The whole n with 2^n <= |x| < 2^(n + 1); -inf, inf, nan for 0, inf, nan."""
    size = abs_(x)
    n = floor(log2(size))
    # The logarithm is rounded: just below a power of two it may come out as that power.
    n = where(lt(size, exp2(n)), n - 1, n)
    finite = and_(gt(size, 0), lt(size, float("inf")))
    return where(and_(finite, ge(size, exp2(n + 1))), n + 1, n)


def scaled(x: Any, n: Any) -> Any:
    """x 2^n, in two steps: 2^n alone may be beyond all numbers."""
    half = trunc(n * 0.5)
    return x * exp2(half) * exp2(n - half)


def next_number(a: Any, b: Any, digits: Any, lowest: Any, largest: Any) -> Any:
    """The neighbour of a in the direction of b, among numbers with so many binary digits after the
    point, exponents from `lowest` on, and this largest finite one."""
    size = abs_(a)
    upwards = lt(a, b)
    outwards = where(lt(a, 0), gt(a, b), upwards)
    n = exponent(a)
    n = where(lt(n, lowest), lowest, n)
    step = exp2(n - digits)
    # Below a power of two numbers are twice as close.
    edge = and_(eq(size, exp2(n)), gt(n, lowest))
    inwards = size - where(edge, step * 0.5, step)
    moved = where(outwards, size + step, inwards)
    moved = where(eq(size, float("inf")), largest, moved)
    moved = where(lt(a, 0), -moved, moved)
    smallest = exp2(lowest - digits)
    moved = where(eq(a, 0), where(upwards, smallest, -smallest), moved)
    return where(eq(a, b), b, where(and_(eq(a, a), eq(b, b)), moved, a + b))


def greatest_divisor(a: Any, b: Any) -> Any:
    """The greatest common divisor, by Euclid."""

    def going(a: Any, b: Any) -> Any:
        return ne(b, 0)

    def step(a: Any, b: Any) -> tuple[Any, Any]:
        # Lanes that have finished must not divide by 0.
        return b, fmod(a, where(eq(b, 0), 1, b))

    return repeat(200, going, step, (abs_(a), abs_(b)))[0]
