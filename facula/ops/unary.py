"""Unary math. In formulas x is the input, y the result, g the gradient arriving at y."""

import math

from facula.kernel.scalar import (
    abs_,
    acos,
    acosh,
    and_,
    asin,
    asinh,
    atan,
    atanh,
    ceil,
    copysign,
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
    gt,
    imag,
    isinf,
    isnan,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    lt,
    maximum,
    minimum,
    ne,
    not_,
    or_,
    real,
    round_,
    sgn,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    trigamma,
    trunc,
    where,
)
from facula.kernel.special.gamma import zeta
from facula.meta import names
from facula.meta.dtype import finfo
from facula.op import (
    BOOL,
    FLOAT,
    SAME,
    Alias,
    choice,
    composite,
    pointwise,
    pointwise_of,
    registry,
)

LN2, LN10 = math.log(2), math.log(10)
DEGREE = math.pi / 180
SLOPE_OF_ERF = 2 / math.sqrt(math.pi)


def unary(name, rule, doc, value, gradient=None, refuses="", kernel=""):
    """A record of one tensor argument."""
    return pointwise(f"{name}(Tensor self) -> Tensor", rule, doc, value, gradient, refuses, kernel)


# --- circular and hyperbolic ---------------------------------------------------------------------

unary("acos", FLOAT, "Inverse cosine, in radians from 0 to pi.",
      lambda x: acos(x), lambda g, y, x: -g / sqrt(1 - x * x))
unary("acosh", FLOAT, "Inverse hyperbolic cosine.",
      lambda x: acosh(x), lambda g, y, x: g / sqrt(x * x - 1))
unary("asin", FLOAT, "Inverse sine, in radians from -pi/2 to pi/2.",
      lambda x: asin(x), lambda g, y, x: g / sqrt(1 - x * x))
unary("asinh", FLOAT, "Inverse hyperbolic sine.",
      lambda x: asinh(x), lambda g, y, x: g / sqrt(x * x + 1))
unary("atan", FLOAT, "Inverse tangent, in radians.",
      lambda x: atan(x), lambda g, y, x: g / (x * x + 1))
unary("atanh", FLOAT, "Inverse hyperbolic tangent.",
      lambda x: atanh(x), lambda g, y, x: g / (1 - x * x))
unary("cos", FLOAT, "Cosine of radians.", lambda x: cos(x), lambda g, y, x: -g * sin(x))
unary("cosh", FLOAT, "Hyperbolic cosine.", lambda x: cosh(x), lambda g, y, x: g * sinh(x))
unary("deg2rad", FLOAT, "Degrees as radians.", lambda x: x * DEGREE, lambda g, y, x: g * DEGREE)
unary("rad2deg", FLOAT, "Radians as degrees.",
      lambda x: x * (1 / DEGREE), lambda g, y, x: g * (1 / DEGREE))
unary("sin", FLOAT, "Sine of radians.", lambda x: sin(x), lambda g, y, x: g * cos(x))
unary("sinc", FLOAT, "sin(pi x) / (pi x), 1 at 0.",
      lambda x: where(eq(x, 0), 1, sin(x * math.pi) / (x * math.pi)),
      lambda g, y, x: where(eq(x, 0), 0,
                            g * ((cos(x * math.pi) - sin(x * math.pi) / (x * math.pi)) / x)))
unary("sinh", FLOAT, "Hyperbolic sine.", lambda x: sinh(x), lambda g, y, x: g * cosh(x))
unary("tan", FLOAT, "Tangent of radians.", lambda x: tan(x), lambda g, y, x: g * (1 + y * y))
unary("tanh", FLOAT, "Hyperbolic tangent.", lambda x: tanh(x), lambda g, y, x: g * (1 - y * y))

# --- exponentials and logarithms -----------------------------------------------------------------

unary("exp", FLOAT, "e to the power of each element.", lambda x: exp(x), lambda g, y, x: g * y)
unary("exp2", FLOAT, "2 to the power of each element.",
      lambda x: exp2(x), lambda g, y, x: g * y * LN2)
unary("expm1", FLOAT, "exp(x) - 1.", lambda x: expm1(x), lambda g, y, x: g * (y + 1))
unary("log", FLOAT, "The natural logarithm.", lambda x: log(x), lambda g, y, x: g / x)
unary("log10", FLOAT, "The logarithm to base 10.",
      lambda x: log10(x), lambda g, y, x: g / (x * LN10))
unary("log1p", FLOAT, "log(1 + x).", lambda x: log1p(x), lambda g, y, x: g / (x + 1))
unary("log2", FLOAT, "The logarithm to base 2.", lambda x: log2(x), lambda g, y, x: g / (x * LN2))

# --- powers --------------------------------------------------------------------------------------

unary("reciprocal", FLOAT, "1 / x.", lambda x: 1 / x, lambda g, y, x: -g * y * y)
unary("rsqrt", FLOAT, "1 / sqrt(x).", lambda x: 1 / sqrt(x), lambda g, y, x: g * (-0.5 * y * y * y))
unary("sqrt", FLOAT, "The square root.", lambda x: sqrt(x), lambda g, y, x: g / (2 * y))

# --- questions -----------------------------------------------------------------------------------

unary("isfinite", BOOL, "True where x is neither infinite nor nan.",
      {"floating": lambda x: lt(abs_(x), math.inf), "integral": lambda x: eq(x, x),
       "complex": lambda x: and_(lt(abs_(real(x)), math.inf), lt(abs_(imag(x)), math.inf))})
unary("isinf", BOOL, "True where x is infinite.", lambda x: isinf(x))
unary("isnan", BOOL, "True where x is nan.", lambda x: isnan(x))
unary("isneginf", BOOL, "True where x is -inf.",
      {"floating": lambda x: eq(x, -math.inf), "integral": lambda x: ne(x, x)})
unary("isposinf", BOOL, "True where x is inf.",
      {"floating": lambda x: eq(x, math.inf), "integral": lambda x: ne(x, x)})
unary("isreal", BOOL, "True where the imaginary part is 0.",
      {"complex": lambda x: eq(imag(x), 0), "floating": lambda x: or_(eq(x, x), ne(x, x)),
       "integral": lambda x: eq(x, x)})
unary("logical_not", BOOL, "True where x is 0.", lambda x: eq(x, 0))
unary("signbit", BOOL, "True where the sign bit is set.",
      {"floating": lambda x: lt(copysign(1, x), 0), "integral": lambda x: lt(x, 0)})

# --- rounding ------------------------------------------------------------------------------------

unary("ceil", SAME, "The smallest integer not below x.",
      lambda x: ceil(x), lambda g, y, x: 0, "b", "ceil_vml_cpu")
unary("floor", SAME, "The largest integer not above x.",
      lambda x: floor(x), lambda g, y, x: 0, "b", "floor_vml_cpu")
unary("frac", SAME, "The fraction of x, with its sign.",
      lambda x: x - trunc(x), lambda g, y, x: g, "bui")
unary("trunc", SAME, "x without its fraction.",
      lambda x: trunc(x), lambda g, y, x: 0, "b", "trunc_vml_cpu")
unary("round_whole", SAME, "The nearest integer, ties to even.",
      lambda x: round_(x), lambda g, y, x: 0, "b", "round_vml_cpu")
pointwise("round_fraction(Tensor self, Scalar scale) -> Tensor", SAME,
          "The nearest multiple of 1 / scale.",
          lambda x, scale: round_(x * scale) / scale, lambda g, y, x, scale: 0, "bui", "round_cpu")
pointwise("round_multiple(Tensor self, Scalar scale) -> Tensor", SAME,
          "The nearest multiple of scale.",
          lambda x, scale: round_(x / scale) * scale, lambda g, y, x, scale: 0, "bui", "round_cpu")


@choice((
    "round(Tensor self, *, Tensor(a!)? out=None) -> Tensor",
    "round.decimals(Tensor self, *, int decimals, Tensor(a!)? out=None) -> Tensor",
))
def round_decimals(self, *, decimals=0):
    """The nearest multiple of 10 ** -decimals, ties to even."""
    if decimals == 0:
        return "round_whole", (self,)
    scale = float(f"1e{abs(decimals)}")  # inf where a power would not be taken
    return ("round_fraction" if decimals > 0 else "round_multiple"), (self, scale)


# --- sign and bits -------------------------------------------------------------------------------

unary("abs", SAME, "The absolute value.", lambda x: abs_(x), lambda g, y, x: g * sign(x), "b")
pointwise_of("abs").real_valued = True
pointwise_of("abs").complex_gradient = lambda g, y, x: g * sgn(x)
unary("bitwise_not", SAME, "All bits turned; logical not for bool.", lambda x: not_(x), None, "f")
unary("neg", SAME, "-x.", lambda x: -x, lambda g, y, x: -g,
      {"b": "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, "
            "use the `~` or `logical_not()` operator instead."})
unary("sign", SAME, "-1, 0 or 1.", lambda x: sign(x), lambda g, y, x: 0)


@composite("positive(Tensor(a) self) -> Tensor(a)")
def positive(self):
    """The tensor itself."""
    if self.form.kind == "bool":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


# --- special functions ---------------------------------------------------------------------------

unary("digamma", FLOAT, "The derivative of lgamma.",
      lambda x: digamma(x), lambda g, y, x: g * trigamma(x))
unary("erf", FLOAT, "The error function.",
      lambda x: erf(x), lambda g, y, x: g * (SLOPE_OF_ERF * exp(-(x * x))))
unary("erfc", FLOAT, "1 - erf(x).",
      lambda x: erfc(x), lambda g, y, x: g * (-SLOPE_OF_ERF * exp(-(x * x))))
unary("erfinv", FLOAT, "The inverse of erf.",
      lambda x: erfinv(x), lambda g, y, x: g * (exp(y * y) / SLOPE_OF_ERF))
unary("lgamma", FLOAT, "log |gamma(x)|.", lambda x: lgamma(x), lambda g, y, x: g * digamma(x))
unary("sigmoid", FLOAT, "1 / (1 + exp(-x)).", lambda x: sigmoid(x), lambda g, y, x: g * (1 - y) * y)
unary("trigamma", FLOAT, "The derivative of digamma.",
      lambda x: trigamma(x), lambda g, y, x: g * (-2 * zeta(3, x)))
unary("logit_whole", FLOAT, "log(x / (1 - x)).", lambda x: log(x / (1 - x)),
      lambda g, y, x: where(or_(lt(x, 0), gt(x, 1)), math.nan, g / (x * (1 - x))))
pointwise("logit_within(Tensor self, Scalar eps) -> Tensor", FLOAT,
          "logit of x kept within [eps, 1 - eps].",
          lambda x, eps: log(minimum(maximum(x, eps),
                                     1 - eps) / (1 - minimum(maximum(x, eps), 1 - eps))),
          lambda g, y, x, eps: where(or_(lt(x, eps), gt(x, 1 - eps)), 0, g / (x * (1 - x))))


@choice("logit(Tensor self, float? eps=None, *, Tensor(a!)? out=None) -> Tensor")
def logit(self, eps=None):
    """log(x / (1 - x)), x first brought into [eps, 1 - eps] if eps is given."""
    return ("logit_whole", (self,)) if eps is None else ("logit_within", (self, eps))


# --- numbers in place of nan ---------------------------------------------------------------------

pointwise("replace_nan(Tensor self, Scalar nan, Scalar posinf, Scalar neginf) -> Tensor", SAME,
          "Numbers in place of nan, inf and -inf.",
          {"floating": lambda x, nan, posinf, neginf: where(isnan(x), nan,
                                                            where(eq(x, math.inf), posinf,
                                                            where(eq(x, -math.inf), neginf, x))),
           "integral": lambda x, nan, posinf, neginf: x},
          lambda g, y, x, nan, posinf, neginf: where(or_(isnan(x), isinf(x)), 0, g))


@choice("nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None, *, "
        "Tensor(a!)? out=None) -> Tensor")
def nan_to_num(self, nan=None, posinf=None, neginf=None):
    """nan replaced by a number (0), infinities by the largest and smallest of the dtype."""
    floating = self.form.dtype.is_floating_point
    largest = finfo(self.form.dtype).max if floating else 0.0
    numbers = (
        0.0 if nan is None else nan,
        largest if posinf is None else posinf,
        -largest if neginf is None else neginf,
    )
    return "replace_nan", (self, *[float(one) for one in numbers])


# --- names ---------------------------------------------------------------------------------------

for _name, _node in (
    ("round_whole", "Round"), ("round_fraction", "Round"), ("round_multiple", "Round"),
    ("logit_whole", "Logit"),
    ("logit_within", "Logit"), ("replace_nan", "NanToNum"), ("trigamma", "Polygamma"),
    ("deg2rad", "Deg2Rad"),
    ("rad2deg", "Rad2Deg"),
):  # fmt: skip
    registry[_name].node_name = f"{_node}Backward0"
for _name in ("round_whole", "round_fraction", "round_multiple",
              "logit_whole", "logit_within", "replace_nan", "trigamma"):
    registry[_name].namespace, registry[_name].method = "private", False

for _name, _kernel in (
    ("digamma", "digamma"), ("trigamma", "trigamma"), ("erf", "erf_vml_cpu"),
    ("erfc", "erfc_vml_cpu"), ("erfinv", "erfinv_vml_cpu"), ("lgamma", "lgamma_vml_cpu"),
    ("logit_whole", "logit_cpu"), ("logit_within", "logit_cpu"),
):  # fmt: skip
    pointwise_of(_name).kernel = _kernel
pointwise_of("logit_whole").refuses = "c"
# What torch says of complex numbers where it has words of its own.
for _name, _error, _text in (
    ("ceil", NotImplementedError, "ceil is not supported for complex inputs"),
    ("floor", NotImplementedError, "floor is not supported for complex inputs"),
    ("trunc", NotImplementedError, "trunc is not supported for complex inputs"),
    ("sign", NotImplementedError,
     "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn "
     "instead."),
    ("signbit", NotImplementedError, "signbit is not implemented for complex tensors."),
    ("deg2rad", RuntimeError, "deg2rad is not supported for complex tensors."),
    ("rad2deg", RuntimeError, "rad2deg is not supported for complex tensors."),
    ("isposinf", RuntimeError, "isposinf does not support complex inputs."),
    ("isneginf", RuntimeError, "isneginf does not support complex inputs."),
):  # fmt: skip
    pointwise_of(_name).complex_error = _error, _text

for _name, _of in (
    ("absolute", "abs"), ("arccos", "acos"), ("arccosh", "acosh"), ("arcsin", "asin"),
    ("arcsinh", "asinh"),
    ("arctan", "atan"), ("arctanh", "atanh"), ("fix", "trunc"), ("negative", "neg"),
    ("special_digamma", "digamma"), ("special_psi", "digamma"), ("special_erf", "erf"),
    ("special_erfc", "erfc"), ("special_erfinv", "erfinv"), ("special_exp2", "exp2"),
    ("special_expit", "sigmoid"), ("special_expm1", "expm1"), ("special_gammaln", "lgamma"),
    ("special_log1p", "log1p"), ("special_logit", "logit"), ("special_round", "round"),
    ("special_sinc", "sinc"),
):  # fmt: skip
    Alias(_name, _of)

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("positive", "polygamma"):
    registry[_key].names(names.same)
for _key, _refused in (
    ("exp2", "exp2"), ("sinc", "sinc"), ("isneginf", "isneginf"), ("isposinf", "isposinf"),
    ("logit", "logit"), ("nan_to_num", "nan_to_num"),
):  # fmt: skip
    registry[_key].names(_refused)


@registry["round"].names
def _(self, decimals=0):
    if decimals:
        raise names.refused("round.decimals")
    return self

# PyTorch has no in-place forms of these.
for _name in ("isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "signbit"):
    registry[_name].inplace = False
