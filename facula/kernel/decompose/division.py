"""Division of every kind, remainders, shifts, and what looks into the bits of floats."""

from facula.kernel.decompose.parts import (
    INF,
    LAYOUTS,
    NAN,
    decomposition,
    flag,
    is_negative,
    scale_by,
    times_power,
)
from facula.kernel.program import Builder, Value


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
    return scale_by(b, scale_by(b, x, half), n - half)


@decomposition
def nextafter(b: Builder, x: Value, y: Value) -> Value:
    """Numbers of one sign are in the order of their bits."""
    layout = LAYOUTS[x.type.kind]
    bits = b.bitcast(x, layout.integer)
    outwards = (x < y) ^ is_negative(b, x)
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
        loop.next(b.select(large, _subtracted(b, rest, times_power(b, divisor, shift)), rest))
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
    return b.compare("ne", x, x) if x.type.is_float else flag(b, x, False)


@decomposition
def isinf(b: Builder, x: Value) -> Value:
    return b.compare("eq", b.op("abs", x), INF) if x.type.is_float else flag(b, x, False)
