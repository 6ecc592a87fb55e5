"""sin, cos, tan and their inverses."""

import math

from facula.kernel import coefficients
from facula.kernel.decompose.parts import (
    INF,
    LAYOUTS,
    NAN,
    decomposition,
    horner,
    is_negative,
    nearest,
    product,
)
from facula.kernel.program import Builder, Value

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
    r, lost = product(b, fraction, high)
    return r, lost + (fraction * low + rest * high), quadrant


def _angle(b: Builder, size: Value) -> tuple[Value, Value, Value]:
    """size = n pi / 2 + r + low with |r| <= pi / 4, for size >= 0: r, low, and n modulo 4."""
    kind = size.type.kind
    n, bits = nearest(b, size, 2 / math.pi)
    first, second, third = HALF_PI[kind]
    exact = b.op("fma", n, -first, size)
    part, error = product(b, n, second)
    r = exact - part
    low = ((exact - r) - part) - b.op("fma", n, third, error)
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


def sine_near(b: Builder, r: Value, low: Value) -> Value:
    """sin(r + low) for |r| <= pi / 4."""
    z = r * r
    return r + b.op("muladd", r * z, horner(b, z, coefficients.SIN[r.type.kind]), low)


def cosine_near(b: Builder, r: Value, low: Value) -> Value:
    """cos(r + low) for |r| <= pi / 4."""
    z = r * r
    rest = b.op("muladd", z * z, horner(b, z, coefficients.COS[r.type.kind]), -(r * low))
    return b.op("muladd", z, -0.5, 1) + rest


def _signed(b: Builder, x: Value, negative: Value) -> Value:
    return b.select(negative, -x, x)


@decomposition
def sin(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    r, low, quadrant = _angle(b, size)
    odd = b.compare("ne", quadrant & 1, 0)
    result = b.select(odd, cosine_near(b, r, low), sine_near(b, r, low))
    result = _signed(b, result, (quadrant > 1) ^ is_negative(b, x))
    return b.select(size < INF, result, b.like(x, NAN))


@decomposition
def cos(b: Builder, x: Value) -> Value:
    size = b.op("abs", x)
    r, low, quadrant = _angle(b, size)
    odd = b.compare("ne", quadrant & 1, 0)
    result = b.select(odd, sine_near(b, r, low), cosine_near(b, r, low))
    result = _signed(b, result, b.compare("ne", (quadrant + 1) & 2, 0))
    return b.select(size < INF, result, b.like(x, NAN))


@decomposition
def tan(b: Builder, x: Value) -> Value:
    kind = x.type.kind
    size = b.op("abs", x)
    r, low, quadrant = _angle(b, size)
    z = r * r
    high = b.op("muladd", r * z, horner(b, z, coefficients.TAN[kind]), b.op("muladd", low, z, low))
    t = r + high
    result = b.select(b.compare("ne", quadrant & 1, 0), -1 / t, t)
    return b.select(size < INF, _signed(b, result, is_negative(b, x)), b.like(x, NAN))


def _asin_near(b: Builder, x: Value, z: Value) -> Value:
    """asin(x) - x for |x| <= 1/2, z = x^2."""
    return x * z * horner(b, z, coefficients.ASIN[x.type.kind])


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
    return b.op("muladd", t * z, horner(b, z, coefficients.ATAN[t.type.kind]), t)


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
    left = is_negative(b, x)
    quarters = b.select(steep, b.like(x, 1), b.select(left, b.like(x, 2), b.like(x, 0)))
    angle = _signed(b, angle, steep ^ left)
    result = b.op("copysign", quarters * high + (angle + quarters * low), y)
    return b.select(b.compare("eq", x, x) & b.compare("eq", y, y), result, b.like(x, NAN))
