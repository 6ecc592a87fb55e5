"""Operations that machines lack, in terms of those they have.

Each function emits builder instructions for one name of the formula vocabulary, for f32 and f64 (or
integers), on scalars and vectors alike, without branches but for rare cases that a whole vector can
skip. Results of elementary functions are within 2 ulp. Note [elementary functions].
"""

import math
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from facula.kernel import coefficients
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


# --- how floats are laid out ---------------------------------------------------------------------


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


def _horner(b: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial in x with these coefficients, lowest power first."""
    result: Number = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = b.op("muladd", x, result, c)
    assert isinstance(result, Value)
    return result


def _product_with(b: Builder, w: Value, x: Value, table: Sequence[float]) -> Value:
    """w times the polynomial in x, with fewer roundings than the product of the two."""
    constant = table[0]
    rest = 0.0
    if x.type.kind == "f32":
        constant = struct.unpack("f", struct.pack("f", table[0]))[0]
        rest = table[0] - constant
    first, lost = _product(b, w, constant)
    if rest:
        lost = b.op("muladd", w, rest, lost)
    return first + b.op("muladd", w * x, _horner(b, x, table[1:]), lost)


def _clamp(b: Builder, x: Value, low: float | None, high: float | None) -> Value:
    """x kept within limits; nan stays nan. One instruction a limit where there are min and max."""
    if low is not None:
        x = b.select(x < low, b.like(x, low), x)
    if high is not None:
        x = b.select(x > high, b.like(x, high), x)
    return x


def _power_of_two(b: Builder, n: Value, kind: str) -> Value:
    """2**n for integers n (of the float's twin) within the exponents of normal numbers."""
    layout = LAYOUTS[kind]
    return b.bitcast((n + layout.bias) << layout.mantissa, kind)


def _scale_by(b: Builder, x: Value, n: Value) -> Value:
    """x * 2**n for integers n that are floats, overflow and subnormal results as they should be."""
    return b.op("scale", x, n)


def _scale(b: Builder, x: Value, n: Value) -> Value:
    """x * 2**n, in two steps, so that overflow and subnormal results come out right."""
    half = n >> 1
    kind = x.type.kind
    return x * _power_of_two(b, half, kind) * _power_of_two(b, n - half, kind)


def _nearest(b: Builder, x: Value, factor: float) -> tuple[Value, Value]:
    """x * factor rounded to an integer: as a float, and as an integer of the float's twin kind."""
    layout = LAYOUTS[x.type.kind]
    shifted = x + layout.magic if factor == 1 else b.op("muladd", x, factor, layout.magic)
    return shifted - layout.magic, b.bitcast(shifted, layout.integer) - layout.magic_bits


def _product(b: Builder, x: Value, y: Number) -> tuple[Value, Value]:
    """x * y as a sum of two numbers, exactly."""
    high = x * y
    return high, b.op("fma", x, y, -high)


def _flag(b: Builder, x: Value, literal: bool) -> Value:
    return b.const(x.type.of("i1"), literal)


def _is_negative(b: Builder, x: Value) -> Value:
    """The sign bit, so that -0 counts."""
    return b.bitcast(x, LAYOUTS[x.type.kind].integer) < 0


# --- exponentials --------------------------------------------------------------------------------

# ln 2 in two parts: the first short, so that its product with an exponent is exact.
LN2 = {
    "f32": (0.693145751953125, 1.4286068203094173e-06),
    "f64": (0.6931471805598903, 5.497923018708371e-14),
}
# Beyond these exp is 0, or infinite; there n still fits two steps of scaling.
EXP_LIMITS = {"f32": (-104.0, 89.0), "f64": (-746.0, 710.0)}


def _reduced_exp(b: Builder, x: Value) -> tuple[Value, Value]:
    """x = n ln 2 + r: e^r - 1, and n as a float; exp(x) = 2^n (1 + (e^r - 1))."""
    kind = x.type.kind
    n, _ = _nearest(b, x, 1 / math.log(2))
    high, low = LN2[kind]
    r = b.op("muladd", n, -low, b.op("muladd", n, -high, x))
    return b.op("muladd", r * r, _horner(b, r, coefficients.EXP[kind]), r), n


def _exactly_reduced_exp(b: Builder, x: Value) -> tuple[Value, Value, Value, Value]:
    """As before, and what rounding took from r."""
    kind = x.type.kind
    n, bits = _nearest(b, x, 1 / math.log(2))
    high, low = LN2[kind]
    before = b.op("muladd", n, -high, x)
    r = b.op("muladd", n, -low, before)
    lost = b.op("muladd", n, -low, before - r)
    return r, r * r * _horner(b, r, coefficients.EXP[kind]), bits, lost


@decomposition
def exp(b: Builder, x: Value) -> Value:
    less_one, n = _reduced_exp(b, _clamp(b, x, *EXP_LIMITS[x.type.kind]))
    return _scale_by(b, less_one + 1, n)


def _reduced_exp2(b: Builder, x: Value) -> tuple[Value, Value]:
    """x = n + r: 2^r - 1, and n as a float; 2^x = 2^n (1 + (2^r - 1))."""
    n, _ = _nearest(b, x, 1.0)
    r = x - n
    return r * _horner(b, r, coefficients.EXP2[x.type.kind]), n


@decomposition
def exp2(b: Builder, x: Value) -> Value:
    kind = x.type.kind
    x = _clamp(b, x, *{"f32": (-152.0, 129.0), "f64": (-1077.0, 1025.0)}[kind])
    less_one, n = _reduced_exp2(b, x)
    return _scale_by(b, less_one + 1, n)


@decomposition
def expm1(b: Builder, x: Value) -> Value:
    """2^n (e^r - 1) + (2^n - 1), halved while it is put together, for 2^n may overflow alone."""
    kind = x.type.kind
    limits = {"f32": (-18.0, 89.0), "f64": (-38.0, 710.0)}[kind]
    r, rest, n, lost = _exactly_reduced_exp(b, _clamp(b, x, *limits))
    half = _power_of_two(b, n - 1, kind)
    result = b.op("muladd", half, rest + lost, b.op("muladd", half, r, half - 0.5)) * 2
    return b.select(b.op("abs", x) < LAYOUTS[kind].negligible, x, result)


@decomposition
def sigmoid(b: Builder, x: Value) -> Value:
    """With z = exp(-|x|), which never overflows: 1 / (1 + z), or z / (1 + z) where x < 0."""
    less_one, n = _reduced_exp(b, _clamp(b, -b.op("abs", x), EXP_LIMITS[x.type.kind][0], None))
    z = _scale_by(b, less_one + 1, n)
    return b.op("ratio", b.select(x < 0, z, b.like(x, 1)), z + 1)


@decomposition
def tanh(b: Builder, x: Value) -> Value:
    """With z = exp(2 |x|) - 1, put together as in expm1: z / (z + 2). In f64, where dividing is
    exact and dear, a polynomial near 0 keeps what the quotient would lose there."""
    kind = x.type.kind
    if kind == "f32":
        size = _clamp(b, b.op("abs", x), None, 9.02)
        less_one, n = _reduced_exp(b, size + size)
        power = _scale_by(b, b.like(x, 1), n)
        z = b.op("muladd", power, less_one, power - 1)
        return b.op("copysign", b.op("ratio", z, z + 2), x)
    limit, last = 0.56, 19.1
    size = b.op("abs", x)
    square = size * size
    near = b.op("muladd", size, square * _horner(b, square, coefficients.TANH[kind]), size)
    less_one, n = _reduced_exp(b, _clamp(b, size, None, last) * 2)
    far = 1 - 2 / (_scale_by(b, less_one + 1, n) + 1)
    return b.op("copysign", b.select(size < limit, near, far), x)


def _half_exp(b: Builder, size: Value) -> Value:
    """exp(size) / 2 for size >= 0, up to the last finite result."""
    kind = size.type.kind
    less_one, n = _reduced_exp(b, _clamp(b, size, None, {"f32": 91.0, "f64": 712.0}[kind]))
    return _scale_by(b, less_one + 1, n - 1)


@decomposition
def sinh(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    square = size * size
    kind = x.type.kind
    near = b.op("muladd", size, square * _horner(b, square, coefficients.SINH[kind]), size)
    half = _half_exp(b, size)
    return b.op("copysign", b.select(size < 1, near, half - 0.25 / half), x)


@decomposition
def cosh(b: Builder, x: Value) -> Value:
    half = _half_exp(b, b.op("abs", x))
    return half + 0.25 / half


# --- logarithms ----------------------------------------------------------------------------------

SQRT_HALF_BITS = {"f32": 0x3F3504F3, "f64": 0x3FE6A09E667F3BCD}
# 1 / ln 2, 1 / ln 10, and the binary logarithm of 2 in base 10, in two parts each.
LOG2_E = {
    "f32": (1.4426950216293335, 1.9259629911266175e-08),
    "f64": (1.4426950408889634, 2.0355273740931033e-17),
}
LOG10_E = {
    "f32": (0.4342944920063019, -1.0103050052231683e-08),
    "f64": (0.4342944819032518, 1.098319650216765e-17),
}
LOG10_2 = {
    "f32": (0.301025390625, 4.605038981195214e-06),
    "f64": (0.30102999566383914, 1.42050232272661e-13),
}


def _split(b: Builder, x: Value, subnormals: bool = True) -> tuple[Value, Value]:
    """x = 2^k (1 + f) for finite x > 0: k as a float, and f from sqrt(1/2) - 1 to sqrt(2) - 1."""
    kind = x.type.kind
    layout = LAYOUTS[kind]
    mask = (1 << layout.mantissa) - 1
    small = x < layout.tiny
    if subnormals:
        x = b.select(small, x * 2.0**layout.mantissa, x)
    above = b.bitcast(x, layout.integer) - SQRT_HALF_BITS[kind]
    f = b.bitcast((above & mask) + SQRT_HALF_BITS[kind], kind) - 1
    k = b.cast(above >> layout.mantissa, kind)
    if subnormals:
        k = k + b.select(small, b.like(x, -layout.mantissa), b.like(x, 0))
    return k, f


def _log_rest(b: Builder, f: Value) -> Value:
    """log(1 + f) - f."""
    half = f * f * 0.5
    table = coefficients.LOG[f.type.kind]
    if f.type.kind == "f32":
        return f * f * f * _horner(b, f, table) - half
    s = f / (f + 2)
    z = s * s
    return s * (half + z * _horner(b, z, table)) - half


def _log_limits(b: Builder, x: Value, result: Value) -> Value:
    """A logarithm's values where splitting x means nothing: 0, negative numbers, inf, nan."""
    outside = b.select(b.compare("eq", x, 0), b.like(x, -INF), b.like(x, NAN))
    result = b.select(x > 0, result, outside)
    return b.select(b.compare("eq", x, INF), x, result)


@decomposition
def log(b: Builder, x: Value) -> Value:
    k, f = _split(b, x)
    high, low = LN2[x.type.kind]
    rest = b.op("muladd", k, low, _log_rest(b, f))
    return _log_limits(b, x, b.op("muladd", k, high, f + rest))


@decomposition
def log2(b: Builder, x: Value) -> Value:
    k, f = _split(b, x)
    high, low = LOG2_E[x.type.kind]
    rest = b.op("muladd", f, low, _log_rest(b, f) * high)
    return _log_limits(b, x, k + b.op("muladd", f, high, rest))


@decomposition
def log10(b: Builder, x: Value) -> Value:
    k, f = _split(b, x)
    kind = x.type.kind
    (high, low), (high2, low2) = LOG10_E[kind], LOG10_2[kind]
    rest = b.op("muladd", f, low, b.op("muladd", k, low2, _log_rest(b, f) * high))
    return _log_limits(b, x, b.op("muladd", k, high2, b.op("muladd", f, high, rest)))


def _log1p(b: Builder, x: Value, low: Value | None = None) -> Value:
    """log(1 + x + low): the rounding error of 1 + x comes back through the derivative."""
    kind = x.type.kind
    u = x + 1
    k, f = _split(b, u, subnormals=False)
    lost = b.select(x < 1, x - (u - 1), 1 - (u - x))
    if low is not None:
        lost = lost + low
    c = lost / u
    near = b.compare("eq", k, 0)
    f = b.select(near, x, f)
    if low is None:
        c = b.select(near, b.like(x, 0), c)
    else:
        c = b.select(near, low / u, c)
    high, low2 = LN2[kind]
    rest = b.op("muladd", k, low2, _log_rest(b, f)) + c
    result = _log_limits(b, u, b.op("muladd", k, high, f + rest))
    return b.select(b.op("abs", x) < LAYOUTS[kind].negligible, x, result)


@decomposition
def log1p(b: Builder, x: Value) -> Value:
    return _log1p(b, x)


def _log_pair(b: Builder, x: Value) -> tuple[Value, Value]:
    """log(x) of f64 as a sum of two numbers, good to about 65 bits; x > 0 and finite."""
    k, f = _split(b, x)
    d = f + 2
    reciprocal = 1 / d
    s = f * reciprocal
    s_low = (b.op("fma", -s, d, f) - s * ((2 - d) + f)) * reciprocal
    z, z_low = _product(b, s, s)
    z_low = b.op("muladd", s * 2, s_low, z_low)
    q = z * _horner(b, z, coefficients.LOG_PAIR["f64"])
    c = q + 2 / 3
    c_low = (2 / 3 - c) + q + 3.700743415417188e-17
    t, t_low = _product(b, z, c)
    t_low = t_low + (z * c_low + z_low * c)
    u, u_low = _product(b, s, t)
    u_low = u_low + (s * t_low + s_low * t)
    s = s * 2
    high = s + u
    low = ((s - high) + u) + b.op("muladd", s_low, 2, u_low)
    whole = k * LN2["f64"][0]
    total = whole + high
    rest = ((whole - total) + high) + b.op("muladd", k, LN2["f64"][1], low)
    result = total + rest
    return result, (total - result) + rest


@decomposition
def asinh(b: Builder, x: Value) -> Value:
    """log1p(|x| + x^2 / (1 + sqrt(1 + x^2))); where the square is too large, log(2 |x|)."""
    size = b.op("abs", x)
    large = size > 2.0**28
    square = size * size
    part = b.select(large, b.like(x, -1), square / (b.op("sqrt", square + 1) + 1))
    total = size + part
    result = _log1p(b, total, (size - total) + part)
    result = result + b.select(large, b.like(x, math.log(2)), b.like(x, 0))
    return b.op("copysign", result, x)


@decomposition
def acosh(b: Builder, x: Value) -> Value:
    """log1p(t + sqrt(2 t + t^2)) with t = x - 1; where the square is too large, log(2 x)."""
    large = x > 2.0**28
    t = x - 1
    root = b.select(large, b.like(x, 0), b.op("sqrt", t * (t + 2)))
    total = t + root
    result = _log1p(b, total, b.select(t > root, (t - total) + root, (root - total) + t))
    result = result + b.select(large, b.like(x, math.log(2)), b.like(x, 0))
    return b.select(x < 1, b.like(x, NAN), result)


@decomposition
def atanh(b: Builder, x: Value) -> Value:
    """log1p(2 |x| / (1 - |x|)) / 2."""
    size = b.op("abs", x)
    d = 1 - size
    double = size * 2
    quotient = double / d
    lost = (b.op("fma", -quotient, d, double) - quotient * ((1 - d) - size)) / d
    lost = b.select(size < 1, lost, b.like(x, 0))
    return b.op("copysign", _log1p(b, quotient, lost) * 0.5, x)


# --- powers --------------------------------------------------------------------------------------


def _power_cases(b: Builder, x: Value, y: Value, power: Value) -> Value:
    """C's pow from |x| to the power y: signs, and what is 1 or undefined."""
    whole = b.compare("eq", b.op("trunc", y), y)
    half = y * 0.5
    odd = whole & b.compare("ne", b.op("trunc", half), half)
    result = b.select(_is_negative(b, x) & odd, -power, power)
    undefined = (x < 0) & (x > -INF) & ~whole
    result = b.select(undefined, b.like(x, NAN), result)
    unit = b.compare("eq", b.op("abs", x), 1) & b.compare("eq", b.op("abs", y), INF)
    unit = unit | b.compare("eq", y, 0) | b.compare("eq", x, 1)
    return b.select(unit, b.like(x, 1), result)


def _float_power(b: Builder, x: Value, y: Value) -> Value:
    """exp(y log |x|), the logarithm and its product with y in two parts."""
    size = b.op("abs", x)
    zero, infinite = b.compare("eq", size, 0), b.compare("eq", size, INF)
    high, low = _log_pair(b, b.select(zero | infinite, b.like(x, 1), size))
    high = b.select(b.compare("ne", x, x), x, high)
    high = b.select(zero, b.like(x, -INF), b.select(infinite, size, high))
    exponent = y * high
    error = b.op("fma", y, high, -exponent) + y * low
    error = b.select(b.op("abs", exponent) < 1000, error, b.like(x, 0))
    less_one, n = _reduced_exp(b, _clamp(b, exponent, *EXP_LIMITS["f64"]))
    e = less_one + 1
    return _power_cases(b, x, y, _scale_by(b, b.op("muladd", e, error, e), n))


def _integer_power(b: Builder, x: Value, y: Value) -> Value:
    """Squaring, modulo 2^bits; short exponents, short loop. Negative ones: 0, or x if |x| = 1."""
    bits = y.type.bits - y.type.is_signed
    exponent = b.op("max", y, 0) if y.type.is_signed else y
    long = b.any(exponent > 15)
    turns = b.select(long, b.int(bits), b.int(4))
    with b.loop(0, turns, carry=(b.like(x, 1), x, exponent)) as loop:
        result, base, rest = loop.carried
        result = b.select(b.compare("ne", rest & 1, 0), result * base, result)
        loop.next(result, base * base, rest >> 1)
    result = loop.results[0]
    if not y.type.is_signed:
        return result
    sign_of_minus_one = b.select(b.compare("ne", y & 1, 0), b.like(x, -1), b.like(x, 1))
    below = b.select(b.compare("eq", x, -1), sign_of_minus_one, b.like(x, 0))
    below = b.select(b.compare("eq", x, 1), x, below)
    return b.select(y < 0, below, result)


@decomposition
def pow_(b: Builder, x: Value, y: Value) -> Value:
    if x.type.kind == "i1":
        return x | ~y
    if not x.type.is_float:
        return _integer_power(b, x, y)
    if x.type.kind == "f64":
        return _float_power(b, x, y)
    x, y = b.cast(x, "f64"), b.cast(y, "f64")
    return b.cast(_power_cases(b, x, y, exp(b, y * log(b, b.op("abs", x)))), "f32")


# --- division and shifts -------------------------------------------------------------------------


def _nonzero(b: Builder, divisor: Value) -> Value:
    """The divisor with 1 for 0; a 0 that counts makes the kernel return code 1."""
    zero = b.compare("eq", divisor, 0)
    counts = zero
    if b.active is not None and b.active.type.lanes == zero.type.lanes:
        counts = zero & b.active
    with b.when(b.any(counts)):
        b.report(1)
    return b.select(zero, b.like(divisor, 1), divisor)


def _quotient(b: Builder, x: Value, y: Value) -> Value:
    """x / y rounded towards 0, for integers and y != 0; the lowest number divided by -1 is itself.

    Up to 32 bits through floats, which are exact for it and divide whole vectors.
    """
    minus = None
    divisor = y
    if y.type.is_signed:
        minus = b.compare("eq", y, -1)
        divisor = b.select(minus, b.like(y, 1), y)
    if x.type.bits <= 32:
        wide = "f32" if x.type.bits <= 16 else "f64"
        q = b.cast(b.cast(x, wide) / b.cast(divisor, wide), x.type.kind)
    else:
        q = x // divisor
    return q if minus is None else b.select(minus, -x, q)


@decomposition
def div(b: Builder, x: Value, y: Value) -> Value:
    """Division of integers, rounded towards 0."""
    return _quotient(b, x, _nonzero(b, y))


@decomposition
def floordiv(b: Builder, x: Value, y: Value) -> Value:
    """Rounded down. Floats as in C++ and Python: from an exact remainder, so q * y is near x."""
    if not x.type.is_float:
        y = _nonzero(b, y)
        q = _quotient(b, x, y)
        rest = x - q * y
        if not x.type.is_signed:
            return q
        lower = b.compare("ne", rest, 0) & ((rest ^ y) < 0)
        return b.select(lower, q - 1, q)
    rest = fmod(b, x, y)
    quotient = (x - rest) / y
    lower = b.compare("ne", rest, 0) & ((rest < 0) ^ (y < 0))
    quotient = b.select(lower, quotient - 1, quotient)
    down = b.op("floor", quotient)
    down = b.select(quotient - down > 0.5, down + 1, down)
    exact = x / y
    zero = b.op("copysign", b.like(x, 0), exact)
    result = b.select(b.compare("ne", quotient, 0), down, zero)
    return b.select(b.compare("eq", y, 0), exact, result)


@decomposition
def mod(b: Builder, x: Value, y: Value) -> Value:
    """The remainder with the sign of the divisor."""
    if x.type.is_float:
        rest = fmod(b, x, y)
        other = b.compare("ne", rest, 0) & ((rest < 0) ^ (y < 0))
    else:
        y = _nonzero(b, y)
        rest = x - _quotient(b, x, y) * y
        if not x.type.is_signed:
            return rest
        other = b.compare("ne", rest, 0) & ((rest ^ y) < 0)
    return b.select(other, rest + y, rest)


def _exponent(b: Builder, size: Value) -> Value:
    """The biased exponent of a positive number, counted on below 1 for subnormal ones."""
    layout = LAYOUTS[size.type.kind]
    small = size < layout.tiny
    size = b.select(small, size * 2.0**layout.mantissa, size)
    field = b.bitcast(size, layout.integer) >> layout.mantissa
    return field - b.select(small, b.like(field, layout.mantissa), b.like(field, 0))


@decomposition
def exponent(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    layout = LAYOUTS[x.type.kind]
    result = b.cast(_exponent(b, size) - layout.bias, x.type.kind)
    result = b.select(b.compare("eq", size, 0), b.like(x, -INF), result)
    return b.select(size < INF, result, size)


@decomposition
def scale(b: Builder, x: Value, n: Value) -> Value:
    """In two steps, so that it serves the whole range of exponents from smallest to largest."""
    half = b.op("trunc", n * 0.5)
    return _scale_by(b, _scale_by(b, x, half), n - half)


@decomposition
def nextafter(b: Builder, x: Value, y: Value) -> Value:
    """Numbers of one sign are in the order of their bits."""
    layout = LAYOUTS[x.type.kind]
    bits = b.bitcast(x, layout.integer)
    outwards = (x < y) ^ _is_negative(b, x)
    stepped = b.bitcast(bits + b.select(outwards, b.like(bits, 1), b.like(bits, -1)), x.type.kind)
    smallest = b.bitcast(b.like(bits, 1), x.type.kind)
    stepped = b.select(b.compare("eq", x, 0), b.op("copysign", smallest, y), stepped)
    stepped = b.select(b.compare("eq", x, y), y, stepped)
    known = b.compare("eq", x, x) & b.compare("eq", y, y)
    return b.select(known, stepped, x + y)


def _subtracted(b: Builder, x: Value, y: Value) -> Value:
    """x - trunc(x / y) * y for x >= 0, y > 0 and a quotient that the mantissa holds; exact."""
    rest = b.op("fma", -b.op("trunc", x / y), y, x)
    rest = b.select(rest < 0, rest + y, rest)
    return b.select(rest >= y, rest - y, rest)


@decomposition
def fmod(b: Builder, x: Value, y: Value) -> Value:
    """The exact remainder with the dividend's sign. Large quotients take a loop (long division)."""
    if not x.type.is_float:
        y = _nonzero(b, y)
        return x - _quotient(b, x, y) * y
    layout = LAYOUTS[x.type.kind]
    size, divisor = b.op("abs", x), b.op("abs", y)
    step = layout.mantissa - 1
    finite = (size < INF) & (divisor > 0)
    large = finite & ~(size / divisor < 2.0**step)
    turns = b.cast(b.any(large), "i64") * (2 * (layout.bias + layout.mantissa) // step + 1)
    with b.loop(0, turns, carry=(size,)) as loop:
        rest = loop.carried[0]
        shift = b.op("max", _exponent(b, rest) - _exponent(b, divisor) - step, 0)
        loop.next(b.select(large, _subtracted(b, rest, _scale(b, divisor, shift)), rest))
    rest = loop.results[0]
    result = b.select(divisor < INF, _subtracted(b, rest, divisor), rest)
    defined = finite & b.compare("eq", y, y)
    return b.select(defined, b.op("copysign", result, x), b.like(x, NAN))


@decomposition
def shl(b: Builder, x: Value, count: Value) -> Value:
    """0 for shifts the width or longer, and for negative ones."""
    inside = (count < x.type.bits) & (count >= 0) if x.type.is_signed else count < x.type.bits
    return b.select(inside, x << b.select(inside, count, b.like(x, 0)), b.like(x, 0))


@decomposition
def shr(b: Builder, x: Value, count: Value) -> Value:
    """Shifts the width or longer, and negative ones, leave copies of the sign."""
    last = x.type.bits - 1
    if x.type.is_signed:
        inside = (count <= last) & (count >= 0)
        return x >> b.select(inside, count, b.like(x, last))
    inside = count <= last
    return b.select(inside, x >> b.select(inside, count, b.like(x, 0)), b.like(x, 0))


@decomposition
def sign(b: Builder, x: Value) -> Value:
    """-1, 0 or 1; 0 for nan too, as torch.sign has it."""
    if x.type.kind == "i1":
        return x
    one, zero = b.like(x, 1), b.like(x, 0)
    positive = b.select(x > 0, one, zero)
    if not (x.type.is_float or x.type.is_signed):
        return positive
    return b.select(x < 0, b.like(x, -1), positive)


@decomposition
def isnan(b: Builder, x: Value) -> Value:
    return b.compare("ne", x, x) if x.type.is_float else _flag(b, x, False)


@decomposition
def isinf(b: Builder, x: Value) -> Value:
    return b.compare("eq", b.op("abs", x), INF) if x.type.is_float else _flag(b, x, False)


# --- circular functions --------------------------------------------------------------------------

# pi / 2 in three parts.
HALF_PI = {
    "f32": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    "f64": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
# Beyond this the three parts are too few.
ANGLE_LIMIT = {"f32": 2.0**16, "f64": 2.0**28}


def _mul_high(b: Builder, x: Value, y: Value) -> Value:
    """The upper half of the product of u64 x < 2^53 and u64 y, from products of 32 bits."""
    low = 0xFFFFFFFF
    x_low, x_high, y_low, y_high = x & low, x >> 32, y & low, y >> 32
    across = x_high * y_low + (x_low * y_low >> 32)
    other = x_low * y_high + (across & low)
    return x_high * y_high + (across >> 32) + (other >> 32)


def _digits(b: Builder, place: Value, largest: int) -> tuple[Value, Value, Value]:
    """192 binary digits of 2 / pi (after 64 zeros) from a place up to `largest`, as three u64."""
    text = "0" * 16 + coefficients.TWO_OVER_PI
    table = [int(text[k : k + 16], 16) for k in range(0, len(text), 16)]
    signed = [word - (word >> 63 << 64) for word in table]
    words = [b.const(place.type, word) for word in signed[: (largest >> 6) + 4]]
    zero = b.const(place.type, 0)
    number = place >> 6
    step = 16
    while step:
        if step <= largest >> 6:
            chosen = b.compare("ne", number & step, 0)
            reach = range(4 + step - 1)
            words = [
                b.select(
                    chosen,
                    words[w + step] if w + step < len(words) else zero,
                    words[w] if w < len(words) else zero,
                )
                for w in reach
            ]
        step >>= 1
    shift = place & 63
    back = 63 - shift
    one, two, three = ((words[w] << shift) | (words[w + 1] >> 1 >> back) for w in range(3))
    return one, two, three


def _huge_angle(b: Builder, size: Value, kind: str) -> tuple[Value, Value, Value]:
    """What `_angle` gives, for f64 of 1 or more (if `kind` holds it), by Payne and Hanek's method.

    With size = m 2^e, only the binary digits of 2 / pi from place e - 2 on matter: those before
    give multiples of 4 quadrants. 192 of them leave a remainder good to more than 60 bits.
    """
    bits = b.bitcast(b.bitcast(size, "i64"), "u64")
    mantissa = (bits & ((1 << 52) - 1)) | (1 << 52)
    # e - 2 = exponent field - 1075 - 2; the table begins 64 places early.
    place = (bits >> 52) - (1077 - 64)
    largest = LAYOUTS[kind].bias + 1023 - 1077 + 64
    one, two, three = _digits(b, place, largest)
    carried = _mul_high(b, mantissa, three)
    middle = mantissa * two + carried
    top = mantissa * one + _mul_high(b, mantissa, two) + b.cast(middle < carried, "u64")
    quadrant = b.bitcast((top + (1 << 61)) >> 62, "i64")
    signed = b.bitcast((top << 2) | (middle >> 62), "i64")
    upper = b.cast(signed >> 32, "f64") * 2.0**-32
    lower = b.cast(signed & 0xFFFFFFFF, "f64") * 2.0**-64
    fraction = upper + lower
    rest = (upper - fraction) + lower
    rest = rest + b.cast((middle << 2) >> 11, "f64") * 2.0**-117
    high, low, _ = HALF_PI["f64"]
    r, lost = _product(b, fraction, high)
    return r, lost + (fraction * low + rest * high), quadrant


def _angle(b: Builder, size: Value) -> tuple[Value, Value, Value]:
    """size = n pi / 2 + r + low with |r| <= pi / 4, for size >= 0: r, low, and n modulo 4."""
    kind = size.type.kind
    n, bits = _nearest(b, size, 2 / math.pi)
    first, second, third = HALF_PI[kind]
    exact = b.op("fma", n, -first, size)
    product, error = _product(b, n, second)
    r = exact - product
    low = ((exact - r) - product) - b.op("fma", n, third, error)
    huge = b.any(size > ANGLE_LIMIT[kind])
    with b.loop(0, b.cast(huge, "i64"), carry=(r, low, bits)) as loop:
        one, rest, quadrant = _huge_angle(b, b.cast(size, "f64"), kind)
        if kind == "f32":
            short = b.cast(one, "f32")
            rest = b.cast((one - b.cast(short, "f64")) + rest, "f32")
            one, quadrant = short, b.cast(quadrant, "i32")
        small = size <= ANGLE_LIMIT[kind]
        choices = ((r, one), (low, rest), (bits, quadrant))
        loop.next(*(b.select(small, near, far) for near, far in choices))
    r, low, bits = loop.results
    return r, low, bits & 3


def _sine(b: Builder, r: Value, low: Value) -> Value:
    """sin(r + low) for |r| <= pi / 4."""
    z = r * r
    return r + b.op("muladd", r * z, _horner(b, z, coefficients.SIN[r.type.kind]), low)


def _cosine(b: Builder, r: Value, low: Value) -> Value:
    """cos(r + low) for |r| <= pi / 4."""
    z = r * r
    rest = b.op("muladd", z * z, _horner(b, z, coefficients.COS[r.type.kind]), -(r * low))
    return b.op("muladd", z, -0.5, 1) + rest


def _signed(b: Builder, x: Value, negative: Value) -> Value:
    return b.select(negative, -x, x)


@decomposition
def sin(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    r, low, quadrant = _angle(b, size)
    odd = b.compare("ne", quadrant & 1, 0)
    result = b.select(odd, _cosine(b, r, low), _sine(b, r, low))
    result = _signed(b, result, (quadrant > 1) ^ _is_negative(b, x))
    return b.select(size < INF, result, b.like(x, NAN))


@decomposition
def cos(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    r, low, quadrant = _angle(b, size)
    odd = b.compare("ne", quadrant & 1, 0)
    result = b.select(odd, _sine(b, r, low), _cosine(b, r, low))
    result = _signed(b, result, b.compare("ne", (quadrant + 1) & 2, 0))
    return b.select(size < INF, result, b.like(x, NAN))


@decomposition
def tan(b: Builder, x: Value) -> Value:
    kind = x.type.kind
    size = b.op("abs", x)
    r, low, quadrant = _angle(b, size)
    z = r * r
    high = b.op("muladd", r * z, _horner(b, z, coefficients.TAN[kind]), b.op("muladd", low, z, low))
    t = r + high
    result = b.select(b.compare("ne", quadrant & 1, 0), -1 / t, t)
    return b.select(size < INF, _signed(b, result, _is_negative(b, x)), b.like(x, NAN))


def _asin_near(b: Builder, x: Value, z: Value) -> Value:
    """asin(x) - x for |x| <= 1/2, z = x^2."""
    return x * z * _horner(b, z, coefficients.ASIN[x.type.kind])


@decomposition
def asin(b: Builder, x: Value) -> Value:
    """Above 1/2 through pi / 2 - 2 asin(sqrt((1 - x) / 2))."""
    high, low, _ = HALF_PI[x.type.kind]
    size = b.op("abs", x)
    far = size > 0.5
    z = b.select(far, (1 - size) * 0.5, size * size)
    s = b.select(far, b.op("sqrt", z), size)
    rest = _asin_near(b, s, z)
    outer = (high - s * 2) - (rest * 2 - low)
    return b.op("copysign", b.select(far, outer, s + rest), x)


@decomposition
def acos(b: Builder, x: Value) -> Value:
    """Above 1/2 as 2 asin(sqrt((1 - x) / 2)), below -1/2 as pi less that."""
    high, low, _ = HALF_PI[x.type.kind]
    size = b.op("abs", x)
    far = size > 0.5
    z = b.select(far, (1 - size) * 0.5, size * size)
    s = b.select(far, b.op("sqrt", z), x)
    rest = _asin_near(b, s, z)
    outer = (s + rest) * 2
    outer = b.select(x < 0, 2 * high - (s * 2 + (rest * 2 - 2 * low)), outer)
    return b.select(far, outer, high - (s + (rest - low)))


def _atan_parts(b: Builder, t: Value) -> Value:
    """atan(t) for 0 <= t <= 1."""
    z = t * t
    return b.op("muladd", t * z, _horner(b, z, coefficients.ATAN[t.type.kind]), t)


@decomposition
def atan(b: Builder, x: Value) -> Value:
    high, low, _ = HALF_PI[x.type.kind]
    size = b.op("abs", x)
    steep = size > 1
    t = b.select(steep, 1 / size, size)
    angle = _atan_parts(b, t)
    return b.op("copysign", b.select(steep, high - (angle - low), angle), x)


@decomposition
def atan2(b: Builder, y: Value, x: Value) -> Value:
    """The angle of the smaller side over the larger, put into its octant."""
    high, low, _ = HALF_PI[x.type.kind]
    height, width = b.op("abs", y), b.op("abs", x)
    steep = height > width
    above, below = b.select(steep, width, height), b.select(steep, height, width)
    t = b.select(b.compare("eq", above, 0), above, above / below)
    t = b.select(b.compare("eq", above, INF), b.like(x, 1), t)
    angle = _atan_parts(b, t)
    left = _is_negative(b, x)
    quarters = b.select(steep, b.like(x, 1), b.select(left, b.like(x, 2), b.like(x, 0)))
    angle = _signed(b, angle, steep ^ left)
    result = b.op("copysign", quarters * high + (angle + quarters * low), y)
    return b.select(b.compare("eq", x, x) & b.compare("eq", y, y), result, b.like(x, NAN))


# --- error function ------------------------------------------------------------------------------


@decomposition
def erf(b: Builder, x: Value) -> Value:
    """A polynomial near 0; beyond, 1 - 2^polynomial, which is 1 from the last limit on."""
    kind = x.type.kind
    limit, centre, last = {"f32": (0.9, 0.0, 3.95), "f64": (1.3, 3.0, 5.95)}[kind]
    size = b.op("abs", x)
    square = size * size
    near = b.op("muladd", size, _horner(b, square, coefficients.ERF_NEAR[kind]), size)
    place = _clamp(b, size, None, last)
    power = _horner(b, place - centre if centre else place, coefficients.ERF_FAR[kind])
    less_one, n = _reduced_exp2(b, -power)
    far = 1 - _scale_by(b, less_one + 1, n)
    return b.op("copysign", b.select(size < limit, near, far), x)


@decomposition
def erfc(b: Builder, x: Value) -> Value:
    """1 - erf(x) near 0; beyond, exp(-x^2) / (1 + 2 x) times a slowly varying function; 2 less that
    for x < 0. What rounding takes from square, exponential and quotient is carried along."""
    kind = x.type.kind
    size = _clamp(b, b.op("abs", x), None, {"f32": 10.3, "f64": 27.5}[kind])
    table = coefficients.ERFC[kind]
    t = (size - 4) / (size + 4)
    slope = t * _horner(b, t, table[1:])
    curve = slope + table[0]
    curve_lost = (table[0] - curve) + slope
    double = size * 2
    d = double + 1
    reciprocal = 1 / d
    quotient = curve * reciprocal
    residue = b.op("fma", -quotient, d, curve) - quotient * ((1 - d) + double)
    quotient_lost = (residue + curve_lost) * reciprocal
    square, square_lost = _product(b, size, size)
    r, rest, n, r_lost = _exactly_reduced_exp(b, -square)
    above_one = r + rest
    e = above_one + 1
    e_lost = ((1 - e) + above_one) + ((r - above_one) + rest) + e * (r_lost - square_lost)
    result = b.op("muladd", e, quotient, b.op("muladd", e, quotient_lost, quotient * e_lost))
    one_less = 1 - size
    bulge = size * _horner(b, size * size, coefficients.ERF_NEAR[kind])
    near = one_less - (bulge - ((1 - one_less) - size))
    result = b.select(size < 0.75, near, _scale(b, result, n))
    return b.select(x < 0, 2 - result, result)


@decomposition
def erfinv(b: Builder, x: Value) -> Value:
    """x times a polynomial in w = -log(1 - x^2), or in its root where w is large."""
    kind = x.type.kind
    d = b.op("fma", -x, x, 1)
    if kind == "f64":
        # What rounding takes from the logarithm and the root comes back through the derivative.
        high, low = _log_pair(b, d)
        w = -high
        root = b.op("sqrt", w)
        lost = (b.op("fma", -root, root, w) - low) * (0.5 / root)
    else:
        w = -log(b, d)
        root = b.op("sqrt", w)
        lost = b.like(x, 0)
    near = _product_with(b, x, w - 2.5, coefficients.ERFINV_NEAR[kind])
    far = _product_with(b, x, (root - 4) + lost, coefficients.ERFINV_FAR[kind])
    result = b.select(w < 5, near, far)
    size = b.op("abs", x)
    outside = b.select(b.compare("eq", size, 1), b.like(x, INF), b.like(x, NAN))
    return b.op("copysign", b.select(size < 1, result, outside), x)


# --- gamma function ------------------------------------------------------------------------------


def _turns(b: Builder, x: Value) -> tuple[Value, Value, Value]:
    """sin(pi x) and cos(pi x) up to a common sign, and whether x is whole; for |x| < 2^51."""
    n, bits = _nearest(b, x, 2.0)
    f = x - n * 0.5
    r, low = _product(b, f, math.pi)
    low = b.op("muladd", f, 1.2246467991473532e-16, low)
    sine, cosine = _sine(b, r, low), _cosine(b, r, low)
    odd = b.compare("ne", bits & 1, 0)
    whole = b.compare("eq", b.op("floor", x), x)
    return b.select(odd, cosine, sine), b.select(odd, -sine, cosine), whole


@decomposition
@in_f64
def lgamma(b: Builder, x: Value) -> Value:
    """Stirling's series from 8 on, polynomials through the zeros 1 and 2 below, recurrences
    between; reflection for x < 0, where accuracy near the zeros is absolute."""
    reflect = x < -(2.0**-60)
    size = b.op("abs", x)
    # Down to below 3 by factors, up from below 0.7 by one.
    place, factor = size, b.like(x, 1)
    for _ in range(5):
        lower = place - 1
        more = (place >= 3) & (size < 8)
        factor = b.select(more, factor * lower, factor)
        place = b.select(more, lower, place)
    tiny = size < 0.7
    argument = b.select(tiny, size, b.select(size < 8, factor, size))
    k, f = _split(b, argument)
    high, low = LN2["f64"]
    logarithm = b.op("muladd", k, high, f + b.op("muladd", k, low, _log_rest(b, f)))
    # place - 1 and place - 2, exact, and their product rounded once.
    one = b.select(tiny, size, place - 1)
    two = one - 1
    low_product, high_product = b.op("fma", one, one, -one), b.op("fma", two, two, two)
    first = _product_with(b, low_product, one - 0.1, coefficients.LGAMMA_LOW["f64"])
    second = _product_with(b, high_product, two - 0.25, coefficients.LGAMMA_HIGH["f64"])
    near = b.select(one < 0.5, first, second) + b.select(tiny, -logarithm, logarithm)
    inverse = 1 / size
    series = inverse * _horner(b, inverse * inverse, STIRLING)
    far = (size - 0.5) * (logarithm - 1) + (series + (HALF_LOG_2PI - 0.5))
    result = b.select(size < 8, near, far)
    with b.loop(0, b.cast(b.any(reflect), "i64"), carry=(result,)) as loop:
        sine, _, whole = _turns(b, size)
        mirrored = math.log(math.pi) - log(b, b.op("abs", size * sine)) - result
        mirrored = b.select(whole, b.like(x, INF), mirrored)
        loop.next(b.select(reflect, mirrored, result))
    result = loop.results[0]
    result = b.select(size < INF, result, size)
    return b.select(b.compare("eq", x, 0), b.like(x, INF), result)


HALF_LOG_2PI = 0.9189385332046728
# B(2k) / (2k (2k - 1)), k = 1, 2, ...: log gamma's series in 1 / x.
STIRLING = (
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400,
    43867 / 244188,
)  # fmt: skip
# B(2k) / (2k): digamma's series in 1 / x^2.
BERNOULLI = (
    1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160,
    43867 / 14364, -174611 / 6600,
)  # fmt: skip
DIGAMMA_ROOT = (1.4616321449683622, 9.549995429965697e-17)


@decomposition
@in_f64
def digamma(b: Builder, x: Value) -> Value:
    """The asymptotic series from 8 on, a polynomial through the root below 3, recurrences between;
    reflection for x < 0, where accuracy near the zeros is absolute."""
    reflect = x < 0
    size = b.select(reflect, 1 - x, x)
    # The sum of 1 / (x - 1), 1 / (x - 2), ... as one fraction.
    place, above, below = size, b.like(x, 0), b.like(x, 1)
    for _ in range(5):
        lower = place - 1
        more = (place >= 3) & (size < 8)
        above = b.select(more, b.op("muladd", above, lower, below), above)
        below = b.select(more, below * lower, below)
        place = b.select(more, lower, place)
    tiny = place < 1
    above = b.select(tiny, b.like(x, -1), above)
    below = b.select(tiny, place, below)
    raised = place + 1
    lost = b.select(tiny, place - (raised - 1), b.like(x, 0))
    place = b.select(tiny, raised, place)
    root, root_low = DIGAMMA_ROOT
    distance = (place - root) + (lost - root_low)
    near = _product_with(b, distance, place - 2, coefficients.DIGAMMA["f64"])
    near = near + above / below
    inverse = 1 / size
    square = inverse * inverse
    far = log(b, size) - (inverse * 0.5 + square * _horner(b, square, BERNOULLI))
    result = b.select(size < 8, near, far)
    with b.loop(0, b.cast(b.any(reflect), "i64"), carry=(result,)) as loop:
        sine, cosine, whole = _turns(b, x)
        mirrored = b.select(whole, b.like(x, NAN), result - math.pi * cosine / sine)
        loop.next(b.select(reflect, mirrored, result))
    result = loop.results[0]
    return b.select(b.compare("eq", x, 0), b.op("copysign", b.like(x, INF), -x), result)


# B(2k), k = 1, 2, ...: trigamma's series in 1 / x^2.
BERNOULLI_NUMBERS = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
    -174611 / 330,
)  # fmt: skip


@decomposition
@in_f64
def trigamma(b: Builder, x: Value) -> Value:
    """The asymptotic series from 8 on; below, 8 terms of the sum of 1 / (x + k)^2 come first."""
    reflect = x < 0
    size = b.select(reflect, 1 - x, x)
    small = size < 8
    place = b.select(small, size + 8, size)
    inverse = 1 / place
    square = inverse * inverse
    series = square * _horner(b, square, BERNOULLI_NUMBERS)
    far = inverse * (1 + (inverse * 0.5 + series))
    total = far
    for k in range(7, -1, -1):
        term = size + k
        total = total + 1 / (term * term)
    result = b.select(small, total, far)
    sine, _, whole = _turns(b, x)
    ratio = math.pi / sine
    result = b.select(reflect, ratio * ratio - result, result)
    return b.select(whole & (x <= 0), b.like(x, INF), result)
