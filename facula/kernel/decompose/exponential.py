"""exp and its kin."""

import math

from facula.kernel import coefficients
from facula.kernel.decompose.parts import (
    LAYOUTS,
    clamp,
    decomposition,
    horner,
    nearest,
    power_of_two,
    scale_by,
)
from facula.kernel.program import Builder, Value

# ln 2 in two parts: the first short, so that its product with an exponent is exact.
LN2 = {
    "f32": (0.693145751953125, 1.4286068203094173e-06),
    "f64": (0.6931471805598903, 5.497923018708371e-14),
}
# Beyond these exp is 0, or infinite; there n still fits two steps of scaling.
EXP_LIMITS = {"f32": (-104.0, 89.0), "f64": (-746.0, 710.0)}


def reduced_exp(b: Builder, x: Value) -> tuple[Value, Value]:
    """x = n ln 2 + r: e^r - 1, and n as a float; exp(x) = 2^n (1 + (e^r - 1))."""
    kind = x.type.kind
    n, _ = nearest(b, x, 1 / math.log(2))
    high, low = LN2[kind]
    r = b.op("muladd", n, -low, b.op("muladd", n, -high, x))
    return b.op("muladd", r * r, horner(b, r, coefficients.EXP[kind]), r), n


def exactly_reduced_exp(b: Builder, x: Value) -> tuple[Value, Value, Value, Value]:
    """As before, and what rounding took from r."""
    kind = x.type.kind
    n, bits = nearest(b, x, 1 / math.log(2))
    high, low = LN2[kind]
    before = b.op("muladd", n, -high, x)
    r = b.op("muladd", n, -low, before)
    lost = b.op("muladd", n, -low, before - r)
    return r, r * r * horner(b, r, coefficients.EXP[kind]), bits, lost


@decomposition
def exp(b: Builder, x: Value) -> Value:
    less_one, n = reduced_exp(b, clamp(b, x, *EXP_LIMITS[x.type.kind]))
    return scale_by(b, less_one + 1, n)


def reduced_exp2(b: Builder, x: Value) -> tuple[Value, Value]:
    """x = n + r: 2^r - 1, and n as a float; 2^x = 2^n (1 + (2^r - 1))."""
    n, _ = nearest(b, x, 1.0)
    r = x - n
    return r * horner(b, r, coefficients.EXP2[x.type.kind]), n


@decomposition
def exp2(b: Builder, x: Value) -> Value:
    kind = x.type.kind
    x = clamp(b, x, *{"f32": (-152.0, 129.0), "f64": (-1077.0, 1025.0)}[kind])
    less_one, n = reduced_exp2(b, x)
    return scale_by(b, less_one + 1, n)


@decomposition
def expm1(b: Builder, x: Value) -> Value:
    """2^n (e^r - 1) + (2^n - 1), halved while it is put together, for 2^n may overflow alone."""
    kind = x.type.kind
    limits = {"f32": (-18.0, 89.0), "f64": (-38.0, 710.0)}[kind]
    r, rest, n, lost = exactly_reduced_exp(b, clamp(b, x, *limits))
    half = power_of_two(b, n - 1, kind)
    result = b.op("muladd", half, rest + lost, b.op("muladd", half, r, half - 0.5)) * 2
    return b.select(b.op("abs", x) < LAYOUTS[kind].negligible, x, result)


@decomposition
def sigmoid(b: Builder, x: Value) -> Value:
    """With z = exp(-|x|), which never overflows: 1 / (1 + z), or z / (1 + z) where x < 0."""
    less_one, n = reduced_exp(b, clamp(b, -b.op("abs", x), EXP_LIMITS[x.type.kind][0], None))
    z = scale_by(b, less_one + 1, n)
    return b.op("ratio", b.select(x < 0, z, b.like(x, 1)), z + 1)


@decomposition
def tanh(b: Builder, x: Value) -> Value:
    """With z = exp(2 |x|) - 1, put together as in expm1: z / (z + 2). In f64, where dividing is
    exact and dear, a polynomial near 0 keeps what the quotient would lose there."""
    kind = x.type.kind
    if kind == "f32":
        size = clamp(b, b.op("abs", x), None, 9.02)
        less_one, n = reduced_exp(b, size + size)
        power = scale_by(b, b.like(x, 1), n)
        z = b.op("muladd", power, less_one, power - 1)
        return b.op("copysign", b.op("ratio", z, z + 2), x)
    limit, last = 0.56, 19.1
    size = b.op("abs", x)
    square = size * size
    near = b.op("muladd", size, square * horner(b, square, coefficients.TANH[kind]), size)
    less_one, n = reduced_exp(b, clamp(b, size, None, last) * 2)
    far = 1 - 2 / (scale_by(b, less_one + 1, n) + 1)
    return b.op("copysign", b.select(size < limit, near, far), x)


def _half_exp(b: Builder, size: Value) -> Value:
    """exp(size) / 2 for size >= 0, up to the last finite result."""
    kind = size.type.kind
    less_one, n = reduced_exp(b, clamp(b, size, None, {"f32": 91.0, "f64": 712.0}[kind]))
    return scale_by(b, less_one + 1, n - 1)


@decomposition
def sinh(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    square = size * size
    kind = x.type.kind
    near = b.op("muladd", size, square * horner(b, square, coefficients.SINH[kind]), size)
    half = _half_exp(b, size)
    return b.op("copysign", b.select(size < 1, near, half - 0.25 / half), x)


@decomposition
def cosh(b: Builder, x: Value) -> Value:
    half = _half_exp(b, b.op("abs", x))
    return half + 0.25 / half
