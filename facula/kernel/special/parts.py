"""Neighbours among numbers of any precision, common divisors."""

from typing import Any

from facula.kernel.expr import repeat
from facula.kernel.scalar import abs_, and_, eq, exp2, exponent, fmod, gt, lt, ne, where


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
