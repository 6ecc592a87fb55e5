"""log and its kin, and the inverse hyperbolic functions made of it."""

import math

from facula.kernel import coefficients
from facula.kernel.decompose.exponential import LN2
from facula.kernel.decompose.parts import INF, LAYOUTS, NAN, decomposition, horner, product
from facula.kernel.program import Builder, Value

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


def split_float(b: Builder, x: Value, subnormals: bool = True) -> tuple[Value, Value]:
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


def log_rest(b: Builder, f: Value) -> Value:
    """log(1 + f) - f."""
    half = f * f * 0.5
    table = coefficients.LOG[f.type.kind]
    if f.type.kind == "f32":
        return f * f * f * horner(b, f, table) - half
    s = f / (f + 2)
    z = s * s
    return s * (half + z * horner(b, z, table)) - half


def _log_limits(b: Builder, x: Value, result: Value) -> Value:
    """A logarithm's values where splitting x means nothing: 0, negative numbers, inf, nan."""
    outside = b.select(b.compare("eq", x, 0), b.like(x, -INF), b.like(x, NAN))
    result = b.select(x > 0, result, outside)
    return b.select(b.compare("eq", x, INF), x, result)


@decomposition
def log(b: Builder, x: Value) -> Value:
    k, f = split_float(b, x)
    high, low = LN2[x.type.kind]
    rest = b.op("muladd", k, low, log_rest(b, f))
    return _log_limits(b, x, b.op("muladd", k, high, f + rest))


@decomposition
def log2(b: Builder, x: Value) -> Value:
    k, f = split_float(b, x)
    high, low = LOG2_E[x.type.kind]
    rest = b.op("muladd", f, low, log_rest(b, f) * high)
    return _log_limits(b, x, k + b.op("muladd", f, high, rest))


@decomposition
def log10(b: Builder, x: Value) -> Value:
    k, f = split_float(b, x)
    kind = x.type.kind
    (high, low), (high2, low2) = LOG10_E[kind], LOG10_2[kind]
    rest = b.op("muladd", f, low, b.op("muladd", k, low2, log_rest(b, f) * high))
    return _log_limits(b, x, b.op("muladd", k, high2, b.op("muladd", f, high, rest)))


def _log1p(b: Builder, x: Value, low: Value | None = None) -> Value:
    """log(1 + x + low): the rounding error of 1 + x comes back through the derivative."""
    kind = x.type.kind
    u = x + 1
    k, f = split_float(b, u, subnormals=False)
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
    rest = b.op("muladd", k, low2, log_rest(b, f)) + c
    result = _log_limits(b, u, b.op("muladd", k, high, f + rest))
    return b.select(b.op("abs", x) < LAYOUTS[kind].negligible, x, result)


@decomposition
def log1p(b: Builder, x: Value) -> Value:
    return _log1p(b, x)


def log_pair(b: Builder, x: Value) -> tuple[Value, Value]:
    """log(x) of f64 as a sum of two numbers, good to about 65 bits; x > 0 and finite."""
    k, f = split_float(b, x)
    d = f + 2
    reciprocal = 1 / d
    s = f * reciprocal
    s_low = (b.op("fma", -s, d, f) - s * ((2 - d) + f)) * reciprocal
    z, z_low = product(b, s, s)
    z_low = b.op("muladd", s * 2, s_low, z_low)
    q = z * horner(b, z, coefficients.LOG_PAIR["f64"])
    c = q + 2 / 3
    c_low = (2 / 3 - c) + q + 3.700743415417188e-17
    t, t_low = product(b, z, c)
    t_low = t_low + (z * c_low + z_low * c)
    u, u_low = product(b, s, t)
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
