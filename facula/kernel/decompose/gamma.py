"""log of the gamma function and its derivatives."""

import math

from facula.kernel import coefficients
from facula.kernel.decompose.circular import cosine_near, sine_near
from facula.kernel.decompose.exponential import LN2
from facula.kernel.decompose.logarithm import log, log_rest, split_float
from facula.kernel.decompose.parts import (
    INF,
    NAN,
    decomposition,
    horner,
    in_f64,
    nearest,
    product,
    product_with,
)
from facula.kernel.program import Builder, Value


def _turns(b: Builder, x: Value) -> tuple[Value, Value, Value]:
    """sin(pi x) and cos(pi x) up to a common sign, and whether x is whole; for |x| < 2^51."""
    n, bits = nearest(b, x, 2.0)
    f = x - n * 0.5
    r, low = product(b, f, math.pi)
    low = b.op("muladd", f, 1.2246467991473532e-16, low)
    sine, cosine = sine_near(b, r, low), cosine_near(b, r, low)
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
    k, f = split_float(b, argument)
    high, low = LN2["f64"]
    logarithm = b.op("muladd", k, high, f + b.op("muladd", k, low, log_rest(b, f)))
    # place - 1 and place - 2, exact, and their product rounded once.
    one = b.select(tiny, size, place - 1)
    two = one - 1
    low_product, high_product = b.op("fma", one, one, -one), b.op("fma", two, two, two)
    first = product_with(b, low_product, one - 0.1, coefficients.LGAMMA_LOW["f64"])
    second = product_with(b, high_product, two - 0.25, coefficients.LGAMMA_HIGH["f64"])
    near = b.select(one < 0.5, first, second) + b.select(tiny, -logarithm, logarithm)
    inverse = 1 / size
    series = inverse * horner(b, inverse * inverse, STIRLING)
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
    near = product_with(b, distance, place - 2, coefficients.DIGAMMA["f64"])
    near = near + above / below
    inverse = 1 / size
    square = inverse * inverse
    far = log(b, size) - (inverse * 0.5 + square * horner(b, square, BERNOULLI))
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
    series = square * horner(b, square, BERNOULLI_NUMBERS)
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
