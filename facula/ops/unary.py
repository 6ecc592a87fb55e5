"""Unary math. In formulas x is the input, y the result, g the gradient arriving at y."""

import math

from facula.kernel.scalar import (
    abs_,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    ceil,
    cos,
    cosh,
    digamma,
    eq,
    erf,
    erfc,
    erfinv,
    exp,
    exp2,
    expm1,
    floor,
    isinf,
    isnan,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    lt,
    ne,
    not_,
    round_,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    trunc,
    where,
)
from facula.meta.dtype import finfo
from facula.op import BOOL, FLOAT, SAME, composite, pointwise, registry

LN2, LN10 = math.log(2), math.log(10)
DEGREES = 180 / math.pi


def unary(name, rule, doc, value, gradient=None):
    """A record of one tensor argument."""
    return pointwise(f"{name}(Tensor self) -> Tensor", rule, doc, value, gradient)


# --- sign, size, powers --------------------------------------------------------------------------

unary("neg", SAME, "-self.", lambda x: -x, lambda g, y, x: -g)
unary("abs", SAME, "The absolute value.", lambda x: abs_(x), lambda g, y, x: g * sign(x))
unary("sign", SAME, "-1, 0 or 1.", lambda x: sign(x), lambda g, y, x: g * 0)
unary("square", SAME, "x * x.", lambda x: x * x, lambda g, y, x: g * (2 * x))
unary("reciprocal", FLOAT, "1 / x.", lambda x: 1 / x, lambda g, y, x: -g * y * y)
unary("sqrt", FLOAT, "The square root.", lambda x: sqrt(x), lambda g, y, x: g / (2 * y))
unary("rsqrt", FLOAT, "1 / sqrt(x).", lambda x: 1 / sqrt(x), lambda g, y, x: g * (-0.5 * y * y * y))

# --- exponentials and logarithms -----------------------------------------------------------------

unary("exp", FLOAT, "e to the power of each element.", lambda x: exp(x), lambda g, y, x: g * y)
unary("exp2", FLOAT, "2 to the power of each element.", lambda x: exp2(x), lambda g, y, x: g * (y * LN2))
unary("expm1", FLOAT, "exp(x) - 1.", lambda x: expm1(x), lambda g, y, x: g * (y + 1))
unary("log", FLOAT, "The natural logarithm.", lambda x: log(x), lambda g, y, x: g / x)
unary("log2", FLOAT, "The logarithm to base 2.", lambda x: log2(x), lambda g, y, x: g / (x * LN2))
unary("log10", FLOAT, "The logarithm to base 10.", lambda x: log10(x), lambda g, y, x: g / (x * LN10))
unary("log1p", FLOAT, "log(1 + x).", lambda x: log1p(x), lambda g, y, x: g / (x + 1))

# --- circular and hyperbolic ---------------------------------------------------------------------

unary("sin", FLOAT, "Sine.", lambda x: sin(x), lambda g, y, x: g * cos(x))
unary("cos", FLOAT, "Cosine.", lambda x: cos(x), lambda g, y, x: -g * sin(x))
unary("tan", FLOAT, "Tangent.", lambda x: tan(x), lambda g, y, x: g * (1 + y * y))
unary("asin", FLOAT, "Inverse sine.", lambda x: asin(x), lambda g, y, x: g / sqrt(1 - x * x))
unary("acos", FLOAT, "Inverse cosine.", lambda x: acos(x), lambda g, y, x: -g / sqrt(1 - x * x))
unary("atan", FLOAT, "Inverse tangent.", lambda x: atan(x), lambda g, y, x: g / (x * x + 1))
unary("sinh", FLOAT, "Hyperbolic sine.", lambda x: sinh(x), lambda g, y, x: g * cosh(x))
unary("cosh", FLOAT, "Hyperbolic cosine.", lambda x: cosh(x), lambda g, y, x: g * sinh(x))
unary("tanh", FLOAT, "Hyperbolic tangent.", lambda x: tanh(x), lambda g, y, x: g * (1 - y * y))
unary("asinh", FLOAT, "Inverse hyperbolic sine.", lambda x: asinh(x), lambda g, y, x: g / sqrt(x * x + 1))
unary("acosh", FLOAT, "Inverse hyperbolic cosine.", lambda x: acosh(x), lambda g, y, x: g / sqrt(x * x - 1))
unary("atanh", FLOAT, "Inverse hyperbolic tangent.", lambda x: atanh(x), lambda g, y, x: g / (1 - x * x))

# --- special functions ---------------------------------------------------------------------------

unary("sigmoid", FLOAT, "1 / (1 + exp(-x)).", lambda x: sigmoid(x), lambda g, y, x: g * ((1 - y) * y))
unary("erf", FLOAT, "The error function.", lambda x: erf(x),
      lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-(x * x))))
unary("erfc", FLOAT, "1 - erf(x).", lambda x: erfc(x),
      lambda g, y, x: g * (-2 / math.sqrt(math.pi) * exp(-(x * x))))
unary("erfinv", FLOAT, "The inverse of erf.", lambda x: erfinv(x),
      lambda g, y, x: g * (math.sqrt(math.pi) / 2 * exp(y * y)))
unary("lgamma", FLOAT, "log |gamma(x)|.", lambda x: lgamma(x), lambda g, y, x: g * digamma(x))
unary("digamma", FLOAT, "The derivative of lgamma.", lambda x: digamma(x))

# --- rounding ------------------------------------------------------------------------------------

unary("floor", SAME, "The largest integer not above x.", lambda x: floor(x), lambda g, y, x: g * 0)
unary("ceil", SAME, "The smallest integer not below x.", lambda x: ceil(x), lambda g, y, x: g * 0)
unary("trunc", SAME, "x without its fraction.", lambda x: trunc(x), lambda g, y, x: g * 0)
unary("frac", SAME, "The fraction of x, with its sign.", lambda x: x - trunc(x), lambda g, y, x: g)
pointwise("round_to_integer(Tensor self) -> Tensor", SAME, "The nearest integer, ties to even.",
          lambda x: round_(x), lambda g, y, x: g * 0)

# --- questions -----------------------------------------------------------------------------------

unary("isnan", BOOL, "True where x is nan.",
      {"floating": lambda x: isnan(x), "integral": lambda x: ne(x, x)})
unary("isinf", BOOL, "True where x is infinite.",
      {"floating": lambda x: isinf(x), "integral": lambda x: ne(x, x)})
unary("isfinite", BOOL, "True where x is neither infinite nor nan.",
      {"floating": lambda x: eq(x - x, 0), "integral": lambda x: eq(x, x)})
unary("logical_not", BOOL, "True where x is 0.", lambda x: eq(x, 0))
unary("bitwise_not", SAME, "All bits turned; not for bool.",
      {"integral": lambda x: not_(x), "bool": lambda x: not_(x)})
unary("signbit", BOOL, "True where the sign bit is set.",
      {"floating": lambda x: lt(1 / where(eq(x, 0), x, sign(x)), 0), "integral": lambda x: lt(x, 0)})

# --- numbers in place of nan ---------------------------------------------------------------------

pointwise("deg2rad(Tensor self) -> Tensor", FLOAT, "Degrees as radians.",
          lambda x: x * (1 / DEGREES), lambda g, y, x: g * (1 / DEGREES))
pointwise("rad2deg(Tensor self) -> Tensor", FLOAT, "Radians as degrees.",
          lambda x: x * DEGREES, lambda g, y, x: g * DEGREES)


@composite("round(Tensor self, *, int decimals=0, Tensor(a!)? out=None) -> Tensor")
def round_decimals(self, *, decimals=0):
    """To the nearest multiple of 10 ** -decimals, ties to even."""
    rounding = registry["round_to_integer"].function
    if decimals == 0:
        return rounding(self)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return rounding(self * scale) / scale
    return rounding(self / scale) * scale


@composite("nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None, *, Tensor(a!)? out=None) -> Tensor")
def nan_to_num(self, nan=None, posinf=None, neginf=None):
    """nan replaced by a number (0), infinities by the largest and smallest of the dtype."""
    if not self.form.dtype.is_floating_point:
        return self.clone()
    limits = finfo(self.form.dtype)
    where_ = registry["where"].function
    y = where_(self.isnan(), 0.0 if nan is None else nan, self)
    y = where_(self == math.inf, limits.max if posinf is None else posinf, y)
    return where_(self == -math.inf, limits.min if neginf is None else neginf, y)


@composite("logit(Tensor self, float? eps=None, *, Tensor(a!)? out=None) -> Tensor")
def logit(self, eps=None):
    """log(x / (1 - x)), x first brought into [eps, 1 - eps] if eps is given."""
    x = self if eps is None else self.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


@composite("positive(Tensor(a) self) -> Tensor(a)")
def positive(self):
    """The tensor itself."""
    return self


def _alias(name, of):
    def function(self, **kwargs):
        return registry[of].function(self, **kwargs)

    composite(f"{name}(Tensor self, *, Tensor(a!)? out=None) -> Tensor", f"Another name of {of}.")(function)


for _name, _of in (
    ("absolute", "abs"), ("negative", "neg"), ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"),
    ("arcsinh", "asinh"), ("arccosh", "acosh"), ("arctanh", "atanh"), ("fix", "trunc"), ("sgn", "sign"),
):  # fmt: skip
    _alias(_name, _of)
