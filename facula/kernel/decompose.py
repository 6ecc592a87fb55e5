"""Operations that machines lack, in terms of those they have.

Each function emits builder instructions for one name of the formula vocabulary, for f32 and f64 (or
integers), branch-free, on scalars and vectors alike. Range reduction comes first, then a polynomial
fitted for this file (minimax in the relative error of the result); results are within 2 ulp. Note
[elementary functions].
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from facula.kernel.program import Builder, Value

Decomposition = Callable[..., Value]
DECOMPOSITIONS: dict[str, Decomposition] = {}
INF, NAN = math.inf, math.nan


def decomposition(function: Decomposition) -> Decomposition:
    """Registers `function(builder, *values)` under its name (a trailing underscore is dropped)."""
    DECOMPOSITIONS[function.__name__.rstrip("_")] = function
    return function


# --- how floats are laid out ---------------------------------------------------------------------


class Layout(NamedTuple):
    """A float kind: its integer twin, stored mantissa bits, exponent bias, and the float whose last bit
    is worth 1, so that adding it rounds to an integer and leaves that integer in the low bits."""

    integer: str
    mantissa: int
    bias: int
    magic: float
    magic_bits: int
    tiny: float  # the smallest normal number


LAYOUTS = {
    "f32": Layout("i32", 23, 127, 1.5 * 2.0**23, 0x4B400000, 2.0**-126),
    "f64": Layout("i64", 52, 1023, 1.5 * 2.0**52, 0x4338000000000000, 2.0**-1022),
}


def _horner(b: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial in x with these coefficients, lowest power first."""
    result: Value | float = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = b.op("muladd", x, result, c)
    assert isinstance(result, Value)
    return result


def _clamp(b: Builder, x: Value, low: float | None, high: float | None) -> Value:
    """x kept within limits; nan stays nan. One instruction a limit where machines have min and max."""
    if low is not None:
        x = b.select(b.compare("lt", x, low), b.like(x, low), x)
    if high is not None:
        x = b.select(b.compare("gt", x, high), b.like(x, high), x)
    return x


def _power_of_two(b: Builder, n: Value, kind: str) -> Value:
    """2**n for integers n (of the float's twin) within the exponents of normal numbers."""
    layout = LAYOUTS[kind]
    return b.bitcast((n + layout.bias) << layout.mantissa, kind)


def _scale(b: Builder, x: Value, n: Value) -> Value:
    """x * 2**n, in two steps, so that overflow and subnormal results come out right."""
    half = n >> 1
    kind = x.type.kind
    return x * _power_of_two(b, half, kind) * _power_of_two(b, n - half, kind)


def _nearest(b: Builder, x: Value, factor: float) -> tuple[Value, Value]:
    """x * factor rounded to an integer: as a float, and as an integer of the float's twin kind."""
    layout = LAYOUTS[x.type.kind]
    shifted = b.op("muladd", x, factor, layout.magic)
    bits = b.bitcast(shifted, layout.integer) - layout.magic_bits
    return shifted - layout.magic, bits


@decomposition
def isnan(b: Builder, x: Value) -> Value:
    return b.compare("ne", x, x) if x.type.is_float else b.const(x.type.of("i1"), False)


@decomposition
def isinf(b: Builder, x: Value) -> Value:
    if not x.type.is_float:
        return b.const(x.type.of("i1"), False)
    return b.compare("eq", b.op("abs", x), INF)


@decomposition
def sign(b: Builder, x: Value) -> Value:
    """-1, 0 or 1. Zeros (of either sign) give 0 and nan gives 0, as torch.sign does."""
    if x.type.kind == "i1":
        return x
    one, zero = b.like(x, 1), b.like(x, 0)
    positive = b.select(b.compare("gt", x, 0), one, zero)
    if not (x.type.is_float or x.type.is_signed):
        return positive
    return b.select(b.compare("lt", x, 0), b.like(x, -1), positive)


# --- exponentials --------------------------------------------------------------------------------

# ln 2 in two parts: the first short, so that its product with an exponent is exact.
LN2 = {"f32": (0.693145751953125, 1.428606765330187e-06), "f64": (0.6931471805598903, 5.497923018708371e-14)}
# exp(r) = 1 + r + r^2 * polynomial(r) for |r| <= ln(2) / 2.
EXP = {
    "f32": (
        0.4999999403953552, 0.16666509211063385, 0.041668009012937546, 0.008370008319616318,
        0.0013847793452441692,
    ),
    "f64": (
        0.5000000000000012, 0.16666666666666413, 0.04166666666651452, 0.008333333333486266,
        0.0013888888948207195, 0.00019841269540939052, 2.4801487960365787e-05, 2.7557541231549592e-06,
        2.7632200435464586e-07, 2.501877224764328e-08,
    ),
}  # fmt: skip
# Beyond these exp is 0, or infinite; there n still fits two steps of scaling.
EXP_LIMITS = {"f32": (-104.0, 89.0), "f64": (-746.0, 710.0)}


def _reduced_exp(b: Builder, x: Value) -> tuple[Value, Value, Value]:
    """x = n ln 2 + r: r, r^2 * polynomial(r), and n as an integer; exp(x) = 2^n (1 + r + that)."""
    kind = x.type.kind
    n, bits = _nearest(b, x, 1 / math.log(2))
    high, low = LN2[kind]
    r = b.op("muladd", n, -low, b.op("muladd", n, -high, x))
    return r, r * r * _horner(b, r, EXP[kind]), bits


@decomposition
def exp(b: Builder, x: Value) -> Value:
    r, rest, n = _reduced_exp(b, _clamp(b, x, *EXP_LIMITS[x.type.kind]))
    return _scale(b, (r + rest) + 1, n)


def _exp_of_negative(b: Builder, x: Value, correction: Value | None = None) -> Value:
    """exp(x + correction) for x <= 0 (or nan); `correction` must be tiny."""
    r, rest, n = _reduced_exp(b, _clamp(b, x, EXP_LIMITS[x.type.kind][0], None))
    if correction is not None:
        rest = rest + correction
    return _scale(b, (r + rest) + 1, n)


@decomposition
def sigmoid(b: Builder, x: Value) -> Value:
    """With z = exp(-|x|), never overflowing: 1 / (1 + z), or z / (1 + z) where x < 0."""
    z = _exp_of_negative(b, -b.op("abs", x))
    return b.select(b.compare("lt", x, 0), z, b.like(x, 1)) / (z + 1)


# tanh(x) = x + x^3 * polynomial(x^2) up to the limit that comes first.
TANH = {
    "f32": (
        0.64, (-0.33333268761634827, 0.1333107203245163, -0.05370798707008362, 0.020533427596092224,
        -0.00558507302775979),
    ),
    "f64": (
        0.56, (-0.33333333333331905, 0.1333333333311084, -0.053968253848043886, 0.02186948531270664,
        -0.00886318570192314, 0.0035916493243503054, -0.0014528714588581215, 0.0005781195833336505,
        -0.00020865084698341735, 4.98866968018778e-05),
    ),
}  # fmt: skip
# tanh rounds to 1 from here on.
TANH_LIMIT = {"f32": 9.02, "f64": 19.1}


@decomposition
def tanh(b: Builder, x: Value) -> Value:
    """A polynomial near 0, 1 - 2 / (exp(2 |x|) + 1) elsewhere."""
    kind = x.type.kind
    limit, coefficients = TANH[kind]
    size = b.op("abs", x)
    square = size * size
    near = b.op("muladd", size, square * _horner(b, square, coefficients), size)
    doubled = _clamp(b, size, None, TANH_LIMIT[kind]) * 2
    r, rest, n = _reduced_exp(b, doubled)
    e = ((r + rest) + 1) * _power_of_two(b, n, kind)
    far = 1 - 2 / (e + 1)
    return b.op("copysign", b.select(b.compare("lt", size, limit), near, far), x)


# --- logarithms ----------------------------------------------------------------------------------

# f32: log(1 + f) = f - f^2 / 2 + f^3 * polynomial(f), f from sqrt(1/2) - 1 to sqrt(2) - 1.
# f64: log(1 + f) = 2 atanh(s), s = f / (2 + f), with 2 atanh(s) = 2 s + s^3 * polynomial(s^2).
LOG = {
    "f32": (
        0.3333333134651184, -0.250008225440979, 0.20001262426376343, -0.16623330116271973,
        0.1420089155435562, -0.13159538805484772, 0.1276780664920807, -0.07644443958997726,
    ),
    "f64": (
        0.6666666666666666, 0.40000000000005, 0.28571428569374036, 0.2222222261382659,
        0.1818177773590406, 0.15387018212360618, 0.13251446651801757, 0.13241439902382954,
    ),
}  # fmt: skip
SQRT_HALF_BITS = {"f32": 0x3F3504F3, "f64": 0x3FE6A09E667F3BCD}


def _split(b: Builder, x: Value) -> tuple[Value, Value]:
    """x = 2^k (1 + f) for finite x > 0, subnormals included: k as a float, and f near 0."""
    kind = x.type.kind
    layout = LAYOUTS[kind]
    small = b.compare("lt", x, layout.tiny)
    raised = b.select(small, x * 2.0**layout.mantissa, x)
    above = b.bitcast(raised, layout.integer) - SQRT_HALF_BITS[kind]
    mask = (1 << layout.mantissa) - 1
    f = b.bitcast((above & mask) + SQRT_HALF_BITS[kind], kind) - 1
    k = b.cast(above >> layout.mantissa, kind)
    return k + b.select(small, b.like(x, -layout.mantissa), b.like(x, 0)), f


def _log_rest(b: Builder, f: Value) -> Value:
    """log(1 + f) - f."""
    half = f * f * 0.5
    if f.type.kind == "f32":
        return f * f * f * _horner(b, f, LOG["f32"]) - half
    s = f / (f + 2)
    z = s * s
    return s * (half + z * _horner(b, z, LOG["f64"])) - half


def _log_limits(b: Builder, x: Value, result: Value) -> Value:
    """A logarithm's values where splitting x means nothing: 0, negative numbers, inf, nan."""
    outside = b.select(b.compare("eq", x, 0), b.like(x, -INF), b.like(x, NAN))
    result = b.select(b.compare("gt", x, 0), result, outside)
    return b.select(b.compare("eq", x, INF), x, result)


@decomposition
def log(b: Builder, x: Value) -> Value:
    k, f = _split(b, x)
    high, low = LN2[x.type.kind]
    rest = b.op("muladd", k, low, _log_rest(b, f))
    return _log_limits(b, x, b.op("muladd", k, high, f + rest))


# --- error function ------------------------------------------------------------------------------

# erf(x) = x + x * polynomial(x^2) up to the limit, 1 - exp(-polynomial(x - centre)) beyond, and 1
# from the last number on.
ERF_NEAR = {
    "f32": (
        0.9, (0.12837915122509003, -0.3761249780654907, 0.11281859129667282, -0.026768682524561882,
        0.0049972753040492535, -0.0006017410778440535),
    ),
    "f64": (
        1.0, (0.12837916709551256, -0.3761263890318331, 0.1128379167093527, -0.026866170641663627,
        0.005223977594153126, -0.0008548325355053253, 0.00012055276449127282, -1.4924385030855208e-05,
        1.6443122515585252e-06, -1.6175870463523397e-07, 1.3580530744348465e-08,
        -7.538395419068742e-10),
    ),
}  # fmt: skip
ERF_FAR = {
    "f32": (
        0.0, 3.95, (0.0001664533483562991, 1.127797245979309, 0.6369761228561401, 0.1041136234998703,
        -0.02231518179178238, 0.0030654813162982464, -0.0001982186222448945),
    ),
    "f64": (
        3.0, 5.95, (10.720363041981134, 6.303753689003968, 0.9573942188040329, 0.007411891787419111,
        -0.0013533104969593547, 0.00024569205736423456, -4.308166785579269e-05, 7.115885917360124e-06,
        -1.0690989141734308e-06, 1.358619968388919e-07, -1.209495265871215e-08,
        -9.157606633736746e-10, 7.967407309412265e-10, 7.044125446194039e-11, 1.332682597312134e-10,
        -2.89991623523014e-11, -2.5210159593767292e-11, -8.753725971222583e-12,
        -1.0525275585328119e-12),
    ),
}  # fmt: skip


@decomposition
def erf(b: Builder, x: Value) -> Value:
    kind = x.type.kind
    size = b.op("abs", x)
    limit, coefficients = ERF_NEAR[kind]
    square = size * size
    near = b.op("muladd", size, _horner(b, square, coefficients), size)
    centre, last, coefficients = ERF_FAR[kind]
    place = _clamp(b, size, None, last)
    power = _horner(b, place - centre if centre else place, coefficients)
    r, rest, n = _reduced_exp(b, -power)
    far = 1 - ((r + rest) + 1) * _power_of_two(b, n, kind)
    return b.op("copysign", b.select(b.compare("lt", size, limit), near, far), x)
