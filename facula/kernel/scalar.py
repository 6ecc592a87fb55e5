"""The vocabulary of formulas. Each function asks its arguments how it is to be computed.

On floats it computes with `math` (readable in a debugger, and what the interpreter runs); carriers
(`Expr`, `Tensor`) offer `__scalar__(name, args)` and record or compute. Formulas need no more.
"""

import math
from collections.abc import Callable
from typing import Any

PLAIN: dict[str, Callable[..., Any]] = {}


def apply(name: str, *args: Any) -> Any:
    """Computes the operation `name` on whatever carrier the arguments bring."""
    for a in args:
        scalar = getattr(type(a), "__scalar__", None)
        if scalar is not None:
            return scalar(name, args)
    return PLAIN[name](*args)


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Registers an operation's plain-Python meaning under its name; returns the polymorphic one."""
    name = function.__name__.rstrip("_")
    PLAIN[name] = function

    def polymorphic(*args: Any) -> Any:
        return apply(name, *args)

    polymorphic.__name__ = name
    polymorphic.__doc__ = function.__doc__
    return polymorphic


# --- arithmetic with C's and IEEE's results where Python would raise -----------------------------


def _limit(function: Callable[[float], float], x: float, *, domain: float = math.nan) -> float:
    try:
        return function(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return domain


@plain
def add(a, b):
    return a + b


@plain
def sub(a, b):
    return a - b


@plain
def mul(a, b):
    return a * b


@plain
def neg(a):
    return -a


@plain
def div(a, b):
    """True division, IEEE's for zero divisors."""
    if b == 0:
        if a == 0 or a != a or b != b:
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


@plain
def floordiv(a, b):
    """Division rounded down."""
    if b == 0:
        if isinstance(b, int):
            raise ZeroDivisionError("ZeroDivisionError")
        return PLAIN["div"](a, b)
    if isinstance(a, float) and (math.isinf(a) or a != a or b != b):
        return math.nan
    return a // b


@plain
def mod(a, b):
    """Remainder with the sign of the divisor."""
    if b == 0:
        if isinstance(b, int):
            raise ZeroDivisionError("ZeroDivisionError")
        return math.nan
    if isinstance(a, float) and (math.isinf(a) or a != a or b != b):
        return math.nan
    return a % b


@plain
def fmod(a, b):
    """Remainder with the sign of the dividend."""
    if isinstance(b, int):
        if b == 0:
            raise ZeroDivisionError("ZeroDivisionError")
        exact = abs(a) < 2**53 and abs(b) < 2**53
        return int(math.fmod(a, b)) if exact else a - b * _truncated(a, b)
    if b == 0 or math.isinf(a):
        return math.nan
    return math.fmod(a, b)


def _truncated(a: int, b: int) -> int:
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


@plain
def pow_(a, b):
    """a to the power b, C's pow for floats."""
    if isinstance(a, int) and isinstance(b, int):
        if b >= 0:
            return a**b
        return a if a in (1,) else (1 if b % 2 == 0 else -1) if a == -1 else 0
    try:
        result = math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:
        if a == 0:
            return math.copysign(math.inf, a) if b % 2 == 1 else math.inf
        return math.nan
    return result


@plain
def and_(a, b):
    return a & b


@plain
def or_(a, b):
    return a | b


@plain
def xor(a, b):
    return a ^ b


@plain
def not_(a):
    return (not a) if isinstance(a, bool) else ~a


@plain
def shl(a, b):
    """Shift left; 0 for shifts the width or longer."""
    return a << b if 0 <= b < 64 else 0


@plain
def shr(a, b):
    return a >> b if 0 <= b < 64 else (-1 if a < 0 else 0)


# --- comparison and choice -----------------------------------------------------------------------


@plain
def eq(a, b):
    return a == b


@plain
def ne(a, b):
    return a != b


@plain
def lt(a, b):
    return a < b


@plain
def le(a, b):
    return a <= b


@plain
def gt(a, b):
    return a > b


@plain
def ge(a, b):
    return a >= b


@plain
def isnan(a):
    return a != a


@plain
def isinf(a):
    return abs(a) == math.inf


@plain
def where(condition, a, b):
    """a where the condition holds, else b."""
    return a if condition else b


@plain
def maximum(a, b):
    """The larger; nan if either is."""
    if a != a or b != b:
        return math.nan
    return a if a > b else b


@plain
def minimum(a, b):
    """The smaller; nan if either is."""
    if a != a or b != b:
        return math.nan
    return a if a < b else b


# --- complex numbers -----------------------------------------------------------------------------


@plain
def conj(a):
    return a.conjugate()


@plain
def real(a):
    return a.real


@plain
def imag(a):
    return a.imag


@plain
def angle(a):
    return math.atan2(a.imag, a.real)


@plain
def sgn(a):
    """a / |a|, 0 for 0."""
    return a / abs(a) if a else a


@plain
def pair(a, b):
    """The complex number with these parts."""
    return complex(a, b)


# --- rounding and parts --------------------------------------------------------------------------


def _integral(function: Callable[[float], int], x: float) -> float:
    if isinstance(x, int) or math.isinf(x) or x != x:
        return x
    return math.copysign(float(function(x)), x)


@plain
def abs_(a):
    return abs(a)


@plain
def sign(a):
    """-1, 0 or 1; 0 for nan, as torch.sign has it."""
    if isinstance(a, bool):
        return a
    return type(a)((a > 0) - (a < 0))


@plain
def floor(a):
    return _integral(math.floor, a)


@plain
def ceil(a):
    return _integral(math.ceil, a)


@plain
def trunc(a):
    return _integral(math.trunc, a)


@plain
def round_(a):
    """To the nearest integer, ties to even."""
    return _integral(round, a)


@plain
def copysign(a, b):
    return math.copysign(a, b)


@plain
def exponent(a):
    """The whole n with 2^n <= |a| < 2^(n + 1); -inf, inf, nan for 0, inf, nan."""
    if a == 0:
        return -math.inf
    return float(math.frexp(a)[1] - 1) if math.isfinite(a) else abs(a)


@plain
def scale(a, n):
    """a * 2^n for a whole n."""
    if n != n or math.isinf(n) or a == 0 or not math.isfinite(a):
        return a * PLAIN["exp2"](n)
    try:
        return math.ldexp(a, int(n))
    except OverflowError:
        return math.copysign(math.inf, a)


@plain
def nextafter(a, b):
    """The neighbour of a in the direction of b."""
    return math.nextafter(a, b)


@plain
def fma(a, b, c):
    """a * b + c; rounded once by machines, twice here."""
    return a * b + c


# --- powers and logarithms -----------------------------------------------------------------------


@plain
def sqrt(a):
    return _limit(math.sqrt, a)


@plain
def exp(a):
    return _limit(math.exp, a)


@plain
def exp2(a):
    return _limit(math.exp2, a)


@plain
def expm1(a):
    return _limit(math.expm1, a)


def _log(function: Callable[[float], float], a: float) -> float:
    return _limit(function, a, domain=-math.inf if a == 0 else math.nan)


@plain
def log(a):
    return _log(math.log, a)


@plain
def log2(a):
    return _log(math.log2, a)


@plain
def log10(a):
    return _log(math.log10, a)


@plain
def log1p(a):
    return _limit(math.log1p, a, domain=-math.inf if a == -1 else math.nan)


# --- circular and hyperbolic ---------------------------------------------------------------------


@plain
def sin(a):
    return _limit(math.sin, a)


@plain
def cos(a):
    return _limit(math.cos, a)


@plain
def tan(a):
    return _limit(math.tan, a)


@plain
def asin(a):
    return _limit(math.asin, a)


@plain
def acos(a):
    return _limit(math.acos, a)


@plain
def atan(a):
    return math.atan(a)


@plain
def atan2(a, b):
    return math.atan2(a, b)


@plain
def sinh(a):
    try:
        return math.sinh(a)
    except OverflowError:
        return math.copysign(math.inf, a)


@plain
def cosh(a):
    return _limit(math.cosh, a)


@plain
def tanh(a):
    return math.tanh(a)


@plain
def asinh(a):
    return math.asinh(a)


@plain
def acosh(a):
    return _limit(math.acosh, a)


@plain
def atanh(a):
    return _limit(math.atanh, a, domain=math.copysign(math.inf, a) if abs(a) == 1 else math.nan)


# --- special functions ---------------------------------------------------------------------------


@plain
def erf(a):
    return math.erf(a)


@plain
def erfc(a):
    return math.erfc(a)


@plain
def erfinv(a):
    """The inverse of erf: Giles' starting value, then Newton steps."""
    if abs(a) >= 1:
        return math.copysign(math.inf, a) if abs(a) == 1 else math.nan
    if a != a or a == 0:
        return a
    w = math.log1p(-a * a)
    s = 2 / (math.pi * 0.147) + w / 2
    x = math.copysign(math.sqrt(math.sqrt(s * s - w / 0.147) - s), a)
    for _ in range(4):
        error = (
            math.erf(x) - a
            if abs(x) < 1
            else math.copysign(1, a) * ((1 - abs(a)) - math.erfc(abs(x)))
        )
        x -= error * math.sqrt(math.pi) / 2 * math.exp(min(x * x, 700.0))
    return x


@plain
def lgamma(a):
    """Logarithm of the absolute value of the gamma function."""
    return _limit(math.lgamma, a, domain=math.inf)


@plain
def digamma(a):
    """Derivative of lgamma: recurrence up to 20, then the asymptotic series."""
    if a == 0:
        return math.copysign(math.inf, -a) if isinstance(a, float) else math.inf
    if a < 0:
        if a == math.floor(a):
            return math.nan
        return PLAIN["digamma"](1 - a) - math.pi / math.tan(math.pi * a)
    result = 0.0
    while a < 20:
        result -= 1 / a
        a += 1
    f = 1 / (a * a)
    series = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132)))))
    return result + math.log(a) - 0.5 / a - series


@plain
def trigamma(a):
    """Derivative of digamma: recurrence up to 20, then the asymptotic series."""
    if a <= 0 and a == math.floor(a):
        return math.inf
    if a < 0:
        return (math.pi / math.sin(math.pi * a)) ** 2 - PLAIN["trigamma"](1 - a)
    result = 0.0
    while a < 20:
        result += 1 / (a * a)
        a += 1
    f = 1 / (a * a)
    series = f * (1 / 6 - f * (1 / 30 - f * (1 / 42 - f * (1 / 30 - f * (5 / 66)))))
    return result + (1 + 0.5 / a + series) / a


@plain
def sigmoid(a):
    """1 / (1 + exp(-a))."""
    if a != a:
        return a
    if a >= 0:
        return 1 / (1 + PLAIN["exp"](-a))
    e = PLAIN["exp"](a)
    return e / (1 + e)
