"""What decompositions are written with: how floats are laid out, polynomials, exact products."""

import math
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from facula.kernel.program import Builder, Number, Value

Decomposition = Callable[..., Value]
DECOMPOSITIONS: dict[str, Decomposition] = {}
INF, NAN = math.inf, math.nan


def decomposition(function: Decomposition) -> Decomposition:
    """Registers `function(builder, *values)` under its name (a trailing underscore is dropped)."""
    DECOMPOSITIONS[function.__name__.rstrip("_")] = function
    return function


def in_f64(function: Decomposition) -> Decomposition:
    """Makes a function written for f64 serve f32 as well."""

    def widened(b: Builder, *args: Value) -> Value:
        if args[0].type.kind != "f32":
            return function(b, *args)
        return b.cast(function(b, *(b.cast(a, "f64") for a in args)), "f32")

    widened.__name__ = function.__name__
    return widened


class Layout(NamedTuple):
    """A float kind: its integer twin, stored mantissa bits, exponent bias, smallest normal number,
    and the `magic` float whose last bit is worth 1: adding it rounds to an integer and leaves that
    integer in the low bits."""

    integer: str
    mantissa: int
    bias: int
    tiny: float
    magic: float
    magic_bits: int

    @property
    def negligible(self) -> float:
        """Numbers so small that their squares vanish beside them."""
        return 2.0 ** -(self.mantissa + 3)


LAYOUTS = {
    "f32": Layout("i32", 23, 127, 2.0**-126, 1.5 * 2.0**23, 0x4B400000),
    "f64": Layout("i64", 52, 1023, 2.0**-1022, 1.5 * 2.0**52, 0x4338000000000000),
}


def horner(b: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial in x with these coefficients, lowest power first."""
    result: Number = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = b.op("muladd", x, result, c)
    assert isinstance(result, Value)
    return result


def product_with(b: Builder, w: Value, x: Value, table: Sequence[float]) -> Value:
    """w times the polynomial in x, with fewer roundings than the product of the two."""
    constant = table[0]
    rest = 0.0
    if x.type.kind == "f32":
        constant = struct.unpack("f", struct.pack("f", table[0]))[0]
        rest = table[0] - constant
    first, lost = product(b, w, constant)
    if rest:
        lost = b.op("muladd", w, rest, lost)
    return first + b.op("muladd", w * x, horner(b, x, table[1:]), lost)


def clamp(b: Builder, x: Value, low: float | None, high: float | None) -> Value:
    """x kept within limits; nan stays nan. One instruction a limit where there are min and max."""
    if low is not None:
        x = b.select(x < low, b.like(x, low), x)
    if high is not None:
        x = b.select(x > high, b.like(x, high), x)
    return x


def power_of_two(b: Builder, n: Value, kind: str) -> Value:
    """2**n for integers n (of the float's twin) within the exponents of normal numbers."""
    layout = LAYOUTS[kind]
    return b.bitcast((n + layout.bias) << layout.mantissa, kind)


def scale_by(b: Builder, x: Value, n: Value) -> Value:
    """x * 2**n for integers n that are floats, overflow and subnormal results as they should be."""
    return b.op("scale", x, n)


def times_power(b: Builder, x: Value, n: Value) -> Value:
    """x * 2**n, in two steps, so that overflow and subnormal results come out right."""
    half = n >> 1
    kind = x.type.kind
    return x * power_of_two(b, half, kind) * power_of_two(b, n - half, kind)


def nearest(b: Builder, x: Value, factor: float) -> tuple[Value, Value]:
    """x * factor rounded to an integer: as a float, and as an integer of the float's twin kind."""
    layout = LAYOUTS[x.type.kind]
    shifted = x + layout.magic if factor == 1 else b.op("muladd", x, factor, layout.magic)
    return shifted - layout.magic, b.bitcast(shifted, layout.integer) - layout.magic_bits


def product(b: Builder, x: Value, y: Number) -> tuple[Value, Value]:
    """x * y as a sum of two numbers, exactly."""
    high = x * y
    return high, b.op("fma", x, y, -high)


def flag(b: Builder, x: Value, literal: bool) -> Value:
    return b.const(x.type.of("i1"), literal)


def is_negative(b: Builder, x: Value) -> Value:
    """The sign bit, so that -0 counts."""
    return b.bitcast(x, LAYOUTS[x.type.kind].integer) < 0
