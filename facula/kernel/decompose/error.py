"""The error function, its complement and its inverse."""

from facula.kernel import coefficients
from facula.kernel.decompose.exponential import exactly_reduced_exp, reduced_exp2
from facula.kernel.decompose.logarithm import log, log_pair
from facula.kernel.decompose.parts import (
    INF,
    NAN,
    clamp,
    decomposition,
    horner,
    product,
    product_with,
    scale_by,
    times_power,
)
from facula.kernel.program import Builder, Value


@decomposition
def erf(b: Builder, x: Value) -> Value:
    """A polynomial near 0; beyond, 1 - 2^polynomial, which is 1 from the last limit on."""
    kind = x.type.kind
    limit, centre, last = {"f32": (0.9, 0.0, 3.95), "f64": (1.3, 3.0, 5.95)}[kind]
    size = b.op("abs", x)
    square = size * size
    near = b.op("muladd", size, horner(b, square, coefficients.ERF_NEAR[kind]), size)
    place = clamp(b, size, None, last)
    power = horner(b, place - centre if centre else place, coefficients.ERF_FAR[kind])
    less_one, n = reduced_exp2(b, -power)
    far = 1 - scale_by(b, less_one + 1, n)
    return b.op("copysign", b.select(size < limit, near, far), x)


@decomposition
def erfc(b: Builder, x: Value) -> Value:
    """1 - erf(x) near 0; beyond, exp(-x^2) / (1 + 2 x) times a slowly varying function; 2 less that
    for x < 0. What rounding takes from square, exponential and quotient is carried along."""
    kind = x.type.kind
    size = clamp(b, b.op("abs", x), None, {"f32": 10.3, "f64": 27.5}[kind])
    table = coefficients.ERFC[kind]
    t = (size - 4) / (size + 4)
    slope = t * horner(b, t, table[1:])
    curve = slope + table[0]
    curve_lost = (table[0] - curve) + slope
    double = size * 2
    d = double + 1
    reciprocal = 1 / d
    quotient = curve * reciprocal
    residue = b.op("fma", -quotient, d, curve) - quotient * ((1 - d) + double)
    quotient_lost = (residue + curve_lost) * reciprocal
    square, square_lost = product(b, size, size)
    r, rest, n, r_lost = exactly_reduced_exp(b, -square)
    above_one = r + rest
    e = above_one + 1
    e_lost = ((1 - e) + above_one) + ((r - above_one) + rest) + e * (r_lost - square_lost)
    result = b.op("muladd", e, quotient, b.op("muladd", e, quotient_lost, quotient * e_lost))
    one_less = 1 - size
    bulge = size * horner(b, size * size, coefficients.ERF_NEAR[kind])
    near = one_less - (bulge - ((1 - one_less) - size))
    result = b.select(size < 0.75, near, times_power(b, result, n))
    return b.select(x < 0, 2 - result, result)


@decomposition
def erfinv(b: Builder, x: Value) -> Value:
    """x times a polynomial in w = -log(1 - x^2), or in its root where w is large."""
    kind = x.type.kind
    d = b.op("fma", -x, x, 1)
    if kind == "f64":
        # What rounding takes from the logarithm and the root comes back through the derivative.
        high, low = log_pair(b, d)
        w = -high
        root = b.op("sqrt", w)
        lost = (b.op("fma", -root, root, w) - low) * (0.5 / root)
    else:
        w = -log(b, d)
        root = b.op("sqrt", w)
        lost = b.like(x, 0)
    near = product_with(b, x, w - 2.5, coefficients.ERFINV_NEAR[kind])
    far = product_with(b, x, (root - 4) + lost, coefficients.ERFINV_FAR[kind])
    result = b.select(w < 5, near, far)
    size = b.op("abs", x)
    outside = b.select(b.compare("eq", size, 1), b.like(x, INF), b.like(x, NAN))
    return b.op("copysign", b.select(size < 1, result, outside), x)
