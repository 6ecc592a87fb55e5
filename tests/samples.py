"""One row a pointwise operation: what NumPy or `math` says it is, where, with which arguments.

References never are our own formulas. Tests run each row over dtypes, layouts, gradients.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray


class Sample(NamedTuple):
    """An operation, its reference on float64 (or int64, bool) arrays, and where to look at it.

    `kinds` are the dtypes it takes: f floats, i signed integers, u uint8, b bool. `order` is how
    many times it may be differentiated at points of the domain (0: no gradient). `loose` multiplies
    the tolerance of the dtype.
    """

    name: str
    reference: Callable[..., Array]
    domain: tuple[float, float] = (-3.0, 3.0)
    tensors: int = 1
    arguments: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()
    kinds: str = "f"
    order: int = 2
    loose: float = 1.0

    def function(self, module: ModuleType) -> Callable[..., Any]:
        """The operation of facula, or of anything of that shape, on the tensors alone."""
        home: Any = module
        for part in self.name.split(".")[:-1]:
            home = getattr(home, part)
        called = getattr(home, self.name.split(".")[-1])
        return lambda *tensors: called(*tensors, *self.arguments, **dict(self.named))

    def __str__(self) -> str:
        said = [repr(a) for a in self.arguments] + [f"{k}={v!r}" for k, v in self.named]
        return f"{self.name}({', '.join(said)})" if said else self.name


def each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of `math` on arrays."""
    return np.vectorize(function, otypes=[np.float64])


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def digamma(x: float) -> float:
    """The logarithmic derivative of gamma, by its recurrence and series."""
    total = 0.0
    while x < 30:
        total -= 1 / x
        x += 1
    square = 1 / (x * x)
    return total + math.log(x) - 0.5 / x - square * (1 / 12 - square * (1 / 120 - square / 252))


def inverse_erf(x: float) -> float:
    return NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)


def to_zero(a: Array, b: Array) -> Array:
    """Division rounded towards 0."""
    quotient = np.trunc(a / b)
    return quotient if a.dtype.kind == "f" else quotient.astype(a.dtype)


def row(name: str, reference: Callable[..., Array], *domain: float, **rest: Any) -> Sample:
    ends = (domain[0], domain[1]) if domain else (-3.0, 3.0)
    return Sample(name, reference, ends, **rest)


def two(name: str, reference: Callable[..., Array], *domain: float, **rest: Any) -> Sample:
    return row(name, reference, *domain, tensors=2, **rest)


def nn(name: str, reference: Callable[..., Array], *domain: float, **rest: Any) -> Sample:
    return row(f"nn.functional.{name}", reference, *domain, **rest)


ERF, ERFC, LGAMMA = each(math.erf), each(math.erfc), each(math.lgamma)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

UNARY = (
    row("abs", np.abs, kinds="fiu", order=1),
    row("acos", np.arccos, -0.95, 0.95),
    row("acosh", np.arccosh, 1.1, 4),
    row("asin", np.arcsin, -0.95, 0.95),
    row("asinh", np.arcsinh),
    row("atan", np.arctan),
    row("atanh", np.arctanh, -0.95, 0.95),
    row("bitwise_not", np.invert, kinds="iub", order=0),
    row("ceil", np.ceil, kinds="f", order=1),
    row("cos", np.cos),
    row("cosh", np.cosh),
    row("deg2rad", np.deg2rad, -180, 180),
    row("digamma", each(digamma), 0.5, 5, order=1, loose=4),
    row("erf", ERF),
    row("erfc", ERFC, -2, 2),
    row("erfinv", each(inverse_erf), -0.9, 0.9),
    row("exp", np.exp),
    row("exp2", np.exp2),
    row("expm1", np.expm1),
    row("floor", np.floor, kinds="f", order=1),
    row("frac", lambda x: x - np.trunc(x), order=1),
    row("isfinite", np.isfinite, kinds="fiub", order=0),
    row("isinf", np.isinf, kinds="fiub", order=0),
    row("isnan", np.isnan, kinds="fiub", order=0),
    row("isneginf", lambda x: x == -np.inf, kinds="fiub", order=0),
    row("isposinf", lambda x: x == np.inf, kinds="fiub", order=0),
    row("lgamma", LGAMMA, 0.5, 5, loose=4),
    row("log", np.log, 0.1, 5),
    row("log10", np.log10, 0.1, 5),
    row("log1p", np.log1p, -0.9, 5),
    row("log2", np.log2, 0.1, 5),
    row("logical_not", np.logical_not, kinds="fiub", order=0),
    row("logit", lambda x: np.log(x / (1 - x)), 0.05, 0.95),
    row("logit", lambda x: np.log(np.clip(x, 0.2, 0.8) / (1 - np.clip(x, 0.2, 0.8))), 0, 1,
        arguments=(0.2,), order=1),
    row("nan_to_num", np.nan_to_num, kinds="fiub"),
    row("neg", np.negative, kinds="fiu"),
    row("positive", np.positive, kinds="fiu", order=1),
    row("rad2deg", np.rad2deg),
    row("reciprocal", np.reciprocal, 0.2, 3),
    row("round", np.round, kinds="f", order=1),
    row("round", lambda x: np.round(x, 2), named=(("decimals", 2),), order=1, loose=4),
    row("round", lambda x: np.round(x, -1), -99, 99, named=(("decimals", -1),), order=1),
    row("rsqrt", lambda x: 1 / np.sqrt(x), 0.2, 4),
    row("sgn", np.sign, kinds="fiu", order=1),
    row("sigmoid", logistic),
    row("sign", np.sign, kinds="fiu", order=1),
    row("signbit", np.signbit, kinds="f", order=0),
    row("sin", np.sin),
    row("sinc", np.sinc, 0.2, 3, loose=2),
    row("sinh", np.sinh),
    row("sqrt", np.sqrt, 0.1, 9),
    row("square", np.square, kinds="fiu"),
    row("tan", np.tan, -1.2, 1.2),
    row("tanh", np.tanh),
    row("trunc", np.trunc, kinds="f", order=1),
)  # fmt: skip

BINARY = (
    two("add", np.add, kinds="fiu"),
    two("add", lambda a, b: a + 2 * b, kinds="fiu", named=(("alpha", 2),)),
    two("atan2", np.arctan2, 0.3, 3),
    two("bitwise_and", np.bitwise_and, kinds="iub", order=0),
    two("bitwise_left_shift", np.left_shift, 0, 5, kinds="iu", order=0),
    two("bitwise_or", np.bitwise_or, kinds="iub", order=0),
    two("bitwise_right_shift", np.right_shift, 0, 7, kinds="iu", order=0),
    two("bitwise_xor", np.bitwise_xor, kinds="iub", order=0),
    two("copysign", np.copysign, order=1),
    two("div", np.true_divide, 0.3, 3),
    two("div", np.floor_divide, 1, 9, kinds="fiu", named=(("rounding_mode", "floor"),), order=1),
    two("div", to_zero, 1, 9, kinds="fiu", named=(("rounding_mode", "trunc"),), order=1),
    two("eq", np.equal, kinds="fiub", order=0),
    two("float_power", np.power, 0.2, 3, kinds="fiu"),
    two("floor_divide", np.floor_divide, 1, 9, kinds="fiu", order=0),
    two("fmax", np.fmax, kinds="fiu", order=1),
    two("fmin", np.fmin, kinds="fiu", order=1),
    two("fmod", np.fmod, 1, 9, kinds="fiu", order=1, loose=8),
    two("ge", np.greater_equal, kinds="fiub", order=0),
    two("gt", np.greater, kinds="fiub", order=0),
    two("heaviside", np.heaviside, kinds="f", order=0),
    two("hypot", np.hypot),
    two("ldexp", lambda a, b: a * 2.0**b),
    two("le", np.less_equal, kinds="fiub", order=0),
    two("logaddexp", np.logaddexp),
    two("logaddexp2", np.logaddexp2),
    two("logical_and", np.logical_and, kinds="fiub", order=0),
    two("logical_or", np.logical_or, kinds="fiub", order=0),
    two("logical_xor", np.logical_xor, kinds="fiub", order=0),
    two("lt", np.less, kinds="fiub", order=0),
    two("maximum", np.maximum, kinds="fiub", order=1),
    two("minimum", np.minimum, kinds="fiub", order=1),
    two("mul", np.multiply, kinds="fiub"),
    two("ne", np.not_equal, kinds="fiub", order=0),
    two("pow", np.power, 0.2, 3, loose=4),
    two("remainder", np.remainder, 1, 9, kinds="fiu", order=1, loose=8),
    two("rsub", lambda a, b: b - a, kinds="fiu"),
    two("sub", np.subtract, kinds="fiu"),
    two("sub", lambda a, b: a - 0.5 * b, named=(("alpha", 0.5),)),
    two("true_divide", np.true_divide, 0.3, 3),
    two("xlogy", lambda a, b: a * np.log(b), 0.2, 3),
)

WITH_NUMBERS = (
    row("add", lambda x: x + 2.5, arguments=(2.5,)),
    row("clamp", lambda x: np.clip(x, -1, 2), arguments=(-1, 2), kinds="fi", order=1),
    row("clamp", lambda x: np.maximum(x, 0), named=(("min", 0),), kinds="fiu", order=1),
    row("clamp", lambda x: np.minimum(x, 1), named=(("max", 1),), kinds="fiu", order=1),
    row("clamp_max", lambda x: np.minimum(x, 1), arguments=(1,), order=1),
    row("clamp_min", lambda x: np.maximum(x, -1), arguments=(-1,), order=1),
    row("div", lambda x: x / 4, arguments=(4,)),
    row("mul", lambda x: x * 3, arguments=(3,), kinds="fiu"),
    row("pow", lambda x: x**2, arguments=(2,), kinds="fiu"),
    row("pow", lambda x: x**3, arguments=(3,), kinds="fiu"),
    row("pow", np.sqrt, 0.1, 4, arguments=(0.5,)),
    row("pow", lambda x: 1 / x, 0.2, 4, arguments=(-1,)),
    row("pow", lambda x: x**-0.5, 0.2, 4, arguments=(-0.5,)),
    row("pow", lambda x: x**2.7, 0.2, 3, arguments=(2.7,), loose=4),
    row("remainder", lambda x: np.remainder(x, 2), arguments=(2,), kinds="fiu", order=1, loose=4),
    row("rsub", lambda x: 1 - x, arguments=(1,), kinds="fiu"),
    row("xlogy", lambda x: x * math.log(3), arguments=(3,)),
)

TERNARY = (
    row("addcdiv", lambda a, b, c: a + 2 * b / c, 0.3, 3, tensors=3, named=(("value", 2),)),
    row("addcmul", lambda a, b, c: a + 2 * b * c, tensors=3, named=(("value", 2),), kinds="fiu"),
    row("clamp", lambda x, a, b: np.minimum(np.maximum(x, a), b), tensors=3, kinds="fiu", order=1),
    row("lerp", lambda a, b, w: a + w * (b - a), 0, 1, tensors=3),
)

ACTIVATIONS = (
    nn("celu", lambda x: np.where(x > 0, x, 1.5 * np.expm1(x / 1.5)), arguments=(1.5,)),
    nn("elu", lambda x: np.where(x > 0, x, 0.7 * np.expm1(x)), arguments=(0.7,)),
    nn("gelu", lambda x: x * 0.5 * ERFC(-x / math.sqrt(2)), loose=2),
    nn(
        "gelu",
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        named=(("approximate", "tanh"),),
        loose=2,
    ),  # fmt: skip
    nn("hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), order=1),
    nn("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, -5, 5, order=1),
    nn("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, -5, 5, loose=2),
    nn("hardtanh", lambda x: np.clip(x, -1, 2), arguments=(-1.0, 2.0), order=1),
    nn("leaky_relu", lambda x: np.where(x > 0, x, 0.1 * x), arguments=(0.1,), order=1),
    nn("logsigmoid", lambda x: -np.logaddexp(0, -x)),
    nn("mish", lambda x: x * np.tanh(np.logaddexp(0, x))),
    nn("relu", lambda x: np.maximum(x, 0), kinds="fiu", order=1),
    nn("relu6", lambda x: np.clip(x, 0, 6), -3, 9, kinds="fiu", order=1),
    nn("selu", lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(x))),
    nn("silu", lambda x: x * logistic(x)),
    nn("softplus", lambda x: np.logaddexp(0, 2 * x) / 2, named=(("beta", 2),)),
    nn("softshrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), order=1),
    nn("softsign", lambda x: x / (1 + np.abs(x))),
    nn("tanhshrink", lambda x: x - np.tanh(x), loose=2),
    nn("threshold", lambda x: np.where(x > 0.1, x, 7.0), arguments=(0.1, 7.0), order=1),
)

SAMPLES = (*UNARY, *BINARY, *WITH_NUMBERS, *TERNARY, *ACTIVATIONS)
