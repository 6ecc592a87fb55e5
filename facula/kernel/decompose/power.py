"""x to the power of y, for floats and integers."""

from facula.kernel.decompose.exponential import EXP_LIMITS, exp, reduced_exp
from facula.kernel.decompose.logarithm import log, log_pair
from facula.kernel.decompose.parts import INF, NAN, clamp, decomposition, is_negative, scale_by
from facula.kernel.program import Builder, Value


def _power_cases(b: Builder, x: Value, y: Value, power: Value) -> Value:
    """C's pow from |x| to the power y: signs, and what is 1 or undefined."""
    whole = b.compare("eq", b.op("trunc", y), y)
    half = y * 0.5
    odd = whole & b.compare("ne", b.op("trunc", half), half)
    result = b.select(is_negative(b, x) & odd, -power, power)
    undefined = (x < 0) & (x > -INF) & ~whole
    result = b.select(undefined, b.like(x, NAN), result)
    unit = b.compare("eq", b.op("abs", x), 1) & b.compare("eq", b.op("abs", y), INF)
    unit = unit | b.compare("eq", y, 0) | b.compare("eq", x, 1)
    return b.select(unit, b.like(x, 1), result)


def _float_power(b: Builder, x: Value, y: Value) -> Value:
    """exp(y log |x|), the logarithm and its product with y in two parts."""
    size = b.op("abs", x)
    zero, infinite = b.compare("eq", size, 0), b.compare("eq", size, INF)
    high, low = log_pair(b, b.select(zero | infinite, b.like(x, 1), size))
    high = b.select(b.compare("ne", x, x), x, high)
    high = b.select(zero, b.like(x, -INF), b.select(infinite, size, high))
    exponent = y * high
    error = b.op("fma", y, high, -exponent) + y * low
    error = b.select(b.op("abs", exponent) < 1000, error, b.like(x, 0))
    less_one, n = reduced_exp(b, clamp(b, exponent, *EXP_LIMITS["f64"]))
    e = less_one + 1
    return _power_cases(b, x, y, scale_by(b, b.op("muladd", e, error, e), n))


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
