"""Arithmetic of two and three tensors.

In formulas a and b are the inputs, y the result, g the gradient arriving at y.
"""

import math

from facula.dispatch import dtype_word
from facula.form import Form
from facula.kernel.complex import logaddexp
from facula.kernel.scalar import (
    abs_,
    and_,
    atan2,
    copysign,
    eq,
    exp,
    exp2,
    floordiv,
    fmod,
    ge,
    gt,
    isnan,
    le,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    ne,
    or_,
    real,
    shl,
    shr,
    sigmoid,
    sqrt,
    trunc,
    where,
    xor,
)
from facula.meta import names
from facula.meta.dtype import float64
from facula.op import (
    BOOL,
    DOUBLE,
    FLOAT,
    SAME,
    Alias,
    NoDerivative,
    choice,
    composite,
    pointwise,
    pointwise_of,
    registry,
)
from facula.tensor import Tensor

LN2, LOG2_E = math.log(2), 1 / math.log(2)


NO_INTEGERS = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will "
    "perform a true division of tensor1 and tensor2. The historic addcdiv behavior can be "
    "implemented as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer "
    "inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv "
    "behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all "
    "dtypes."
)


def binary(name, rule, doc, value, gradient=None, refuses="", kernel=""):
    """A record of two tensors."""
    schema = f"{name}(Tensor self, Tensor other) -> Tensor"
    return pointwise(schema, rule, doc, value, gradient, refuses, kernel)


# --- arithmetic ----------------------------------------------------------------------------------

pointwise("add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", SAME,
          "self + alpha * other.",
          lambda a, b, alpha: a + b * alpha, lambda g, y, a, b, alpha: (g, g * alpha))

pointwise("addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", SAME,
          "self + value * tensor1 / tensor2.",
          lambda a, b, c, value: a + b / c * value,
          lambda g, y, a, b, c, value: (g, g * (value / c), -g * (value * b / (c * c))),
          dict.fromkeys("bui", NO_INTEGERS))

pointwise("addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", SAME,
          "self + value * tensor1 * tensor2.",
          lambda a, b, c, value: a + b * c * value,
          lambda g, y, a, b, c, value: (g, g * (c * value), g * (b * value)),
          "b", "addcmul_cpu_out")

binary("mul", SAME, "self * other.", lambda a, b: a * b, lambda g, y, a, b: (g * b, g * a))

pointwise("sub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", SAME,
          "self - alpha * other.",
          lambda a, b, alpha: a - b * alpha, lambda g, y, a, b, alpha: (g, -g * alpha))

pointwise("rsub(Tensor self, Tensor other, Scalar alpha=1) -> Tensor", SAME,
          "other - alpha * self.",
          lambda a, b, alpha: b - a * alpha, lambda g, y, a, b, alpha: (-g * alpha, g))

pointwise("lerp(Tensor self, Tensor end, Tensor weight) -> Tensor", SAME,
          "self + weight * (end - self).",
          lambda a, b, w: where(lt(abs_(w), 0.5), a + w * (b - a), b - (b - a) * (1 - w)),
          lambda g, y, a, b, w: (g * (1 - w), g * w, g * (b - a)))

# --- angles and logarithms -----------------------------------------------------------------------

binary("atan2", FLOAT, "The angle of the point (other, self), in radians from -pi to pi.",
       lambda a, b: atan2(a, b),
       lambda g, y, a, b: (where(eq(a * a + b * b, 0), 0, g * (b / (a * a + b * b))),
                           where(eq(a * a + b * b, 0), 0, g * (-a / (a * a + b * b)))))

binary("hypot", SAME, "sqrt(self * self + other * other), without overflow.",
       lambda a, b: where(or_(eq(abs_(a), math.inf), eq(abs_(b), math.inf)), math.inf,
                          where(eq(maximum(abs_(a), abs_(b)), 0), 0,
                                maximum(abs_(a), abs_(b)) * sqrt(
                              1 + (minimum(abs_(a), abs_(b)) / maximum(abs_(a), abs_(b))) ** 2))),
       lambda g, y, a, b: (g * (a / y), g * (b / y)), "bui")

binary("logaddexp", SAME, "log(exp(self) + exp(other)).",
       {"floating": lambda a, b: where(and_(eq(a, b), eq(abs_(a), math.inf)), a,
                                       maximum(a, b) + log1p(exp(-abs_(a - b)))),
        "complex": logaddexp},
       lambda g, y, a, b: (g * sigmoid(a - b), g * sigmoid(b - a)), "bui")

binary("logaddexp2", SAME, "log2(2 ** self + 2 ** other).",
       lambda a, b: where(and_(eq(a, b), eq(abs_(a), math.inf)), a,
                          maximum(a, b) + log1p(exp2(-abs_(a - b))) * LOG2_E),
       lambda g, y, a, b: (g * sigmoid((a - b) * LN2), g * sigmoid((b - a) * LN2)), "bui")

binary("xlogy", FLOAT, "self * log(other), 0 where self is 0 (nan where other is nan).",
       lambda a, b: where(isnan(b), math.nan, where(eq(a, 0), 0, a * log(b))),
       lambda g, y, a, b: (where(and_(eq(a, 0), le(b, 0)), 0, g * log(b)), g * (a / b)))

# --- bits and logic ------------------------------------------------------------------------------

binary("bitwise_and", SAME, "Bits set in both.", lambda a, b: and_(a, b), None, "f")
binary("bitwise_left_shift", SAME, "self * 2 ** other.",
       lambda a, b: shl(a, b), None, "bf", "lshift_cpu")
binary("bitwise_or", SAME, "Bits set in one.", lambda a, b: or_(a, b), None, "f")
binary("bitwise_right_shift", SAME, "self / 2 ** other rounded down.",
       lambda a, b: shr(a, b), None, "bf", "rshift_cpu")
binary("bitwise_xor", SAME, "Bits set in exactly one.", lambda a, b: xor(a, b), None, "f")
binary("logical_and", BOOL, "True where both are not 0.", lambda a, b: and_(ne(a, 0), ne(b, 0)))
binary("logical_or", BOOL, "True where one is not 0.", lambda a, b: or_(ne(a, 0), ne(b, 0)))
binary("logical_xor", BOOL, "True where exactly one is not 0.",
       lambda a, b: xor(ne(a, 0), ne(b, 0)))

# --- division ------------------------------------------------------------------------------------

binary("floor_divide", SAME, "self / other rounded down.",
       lambda a, b: a // b, NoDerivative("floor_divide"), "b", "div_floor_cpu")

binary("divide_floor", SAME, "self / other rounded down.",
       lambda a, b: a // b, lambda g, y, a, b: (0, 0), "b",
       "div_floor_cpu")

binary("divide_trunc", SAME, "self / other rounded towards 0.",
       {"floating": lambda a, b: trunc(a / b), "integral": lambda a, b: (a - fmod(a, b)) // b},
       lambda g, y, a, b: (0, 0), "b", "div_trunc_cpu")

binary("fmod", SAME, "The remainder with the sign of self.",
       lambda a, b: fmod(a, b), lambda g, y, a, b: (g, -g * trunc(a / b)), "b")

binary("remainder", SAME, "self - other * floor(self / other).",
       lambda a, b: a % b, lambda g, y, a, b: (g, -g * floordiv(a, b)), "b")

binary("true_divide", FLOAT, "self / other.",
       lambda a, b: a / b, lambda g, y, a, b: (g / b, -g * (a / b / b)))


@choice((
    "div.Tensor(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor",
    "div.Scalar(Tensor self, Scalar other, *, Tensor(a!)? out=None) -> Tensor",
    "div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode, Tensor(a!)? out=None) -> "
    "Tensor",
    "div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode, Tensor(a!)? out=None) -> "
    "Tensor",
))
def div(self, other, *, rounding_mode=None):
    """self / other; rounding_mode "trunc" or "floor" keeps integers."""
    if rounding_mode is None:
        return "true_divide", (self, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    return f"divide_{rounding_mode}", (self, other)


# --- extremes ------------------------------------------------------------------------------------

binary("fmax", SAME, "The larger of each pair; nan only if both are.",
       {"floating": lambda a, b: where(isnan(a), b, where(isnan(b), a, maximum(a, b))),
        "integral": lambda a, b: maximum(a, b)},
       lambda g, y, a, b: (where(or_(ge(a, b), isnan(b)), g, 0),
                           where(or_(ge(a, b), isnan(b)), 0, g)))

binary("fmin", SAME, "The smaller of each pair; nan only if both are.",
       {"floating": lambda a, b: where(isnan(a), b, where(isnan(b), a, minimum(a, b))),
        "integral": lambda a, b: minimum(a, b)},
       lambda g, y, a, b: (where(or_(le(a, b), isnan(b)), g, 0),
                           where(or_(le(a, b), isnan(b)), 0, g)))

binary("maximum", SAME,
       "The larger of each pair; nan if one is nan. Equal ones share the gradient.",
       lambda a, b: maximum(a, b),
       lambda g, y, a, b: (where(eq(a, b), g / 2, where(lt(a, b), 0, g)),
                           where(eq(a, b), g / 2, where(gt(a, b), 0, g))))

binary("minimum", SAME,
       "The smaller of each pair; nan if one is nan. Equal ones share the gradient.",
       lambda a, b: minimum(a, b),
       lambda g, y, a, b: (where(eq(a, b), g / 2, where(gt(a, b), 0, g)),
                           where(eq(a, b), g / 2, where(lt(a, b), 0, g))))

pointwise("clamp_max(Tensor self, Tensor max) -> Tensor", SAME, "min(x, max).",
          lambda x, high: minimum(x, high),
          lambda g, y, x, high: (where(le(x, high), g, 0), where(gt(x, high), g, 0)),
          )

pointwise("clamp_min(Tensor self, Tensor min) -> Tensor", SAME, "max(x, min).",
          lambda x, low: maximum(x, low),
          lambda g, y, x, low: (where(ge(x, low), g, 0), where(lt(x, low), g, 0)),
          )

pointwise("clamp_between(Tensor self, Tensor min, Tensor max) -> Tensor", SAME,
          "min(max(x, low), high).",
          lambda x, low, high: minimum(maximum(x, low), high),
          lambda g, y, x, low, high: (where(and_(ge(x, low), le(x, high)), g, 0),
                                      where(and_(lt(x, low), lt(low, high)), g, 0),
                                      where(or_(gt(x, high), lt(high, low)), g, 0)),
          "b", "clamp_scalar_cpu")


@choice((
    "clamp(Tensor self, Scalar? min=None, Scalar? max=None, *, Tensor(a!)? out=None) -> Tensor",
    "clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None, *, Tensor(a!)? out=None) -> "
    "Tensor",
))
def clamp(self, min=None, max=None):
    """Every element brought between min and max, numbers or tensors."""
    if self.form.dtype.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")
    if min is not None:
        return ("clamp_min", (self, min)) if max is None else ("clamp_between", (self, min, max))
    if max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return "clamp_max", (self, max)


# --- powers --------------------------------------------------------------------------------------


def power(name, rule, doc):
    """A record of self ** exponent."""
    return pointwise(
        f"{name}(Tensor self, Tensor exponent) -> Tensor",
        rule,
        doc,
        lambda a, b: a**b,
        lambda g, y, a, b: (
            where(eq(b, 0), 0, g * (b * a ** (b - 1))),
            where(and_(eq(a, 0), ge(real(b), 0)), 0, g * (y * log(a))),
        ),
        "b",
        "pow",
    )


def fixed_power(exponent, name, value, gradient):
    """A record of one exponent that needs no general power."""
    schema = f"power_{name}(Tensor self) -> Tensor"
    record = pointwise(schema, SAME, f"x ** {exponent}.", value, gradient)
    record.node_name = "PowBackward0"
    record.namespace, record.method = "private", False
    FIXED[exponent] = record.name


FIXED: dict[float, str] = {}
fixed_power(2, "two", lambda x: x * x, lambda g, y, x: g * (2 * x))
fixed_power(3, "three", lambda x: x * x * x, lambda g, y, x: g * (3 * (x * x)))
fixed_power(0.5, "half", lambda x: sqrt(x), lambda g, y, x: g * (0.5 / sqrt(x)))
fixed_power(-0.5, "minus_half", lambda x: 1 / sqrt(x), lambda g, y, x: g * (-0.5 / (x * sqrt(x))))
fixed_power(-1, "minus_one", lambda x: 1 / x, lambda g, y, x: -g / (x * x))
fixed_power(-2, "minus_two", lambda x: 1 / (x * x), lambda g, y, x: g * (-2 / (x * x * x)))

power("power", SAME, "self to the power exponent.").node_name = "PowBackward1"
power("power_of_number", SAME, "A number to the power exponent.").node_name = "PowBackward2"
power("power_by_number", SAME, "self to the power of a number.").node_name = "PowBackward0"
power("float_power", DOUBLE, "self to the power exponent, in float64.").node_name = "PowBackward1"
pointwise_of("float_power").constant_numbers = frozenset(FIXED)


@choice((
    "pow.Tensor_Tensor(Tensor self, Tensor exponent, *, Tensor(a!)? out=None) -> Tensor",
    "pow.Tensor_Scalar(Tensor self, Scalar exponent, *, Tensor(a!)? out=None) -> Tensor",
    "pow.Scalar(Scalar self, Tensor exponent, *, Tensor(a!)? out=None) -> Tensor",
))
def pow_(self, exponent):
    """self to the power exponent; either may be a number."""
    if isinstance(exponent, Tensor):
        return ("power" if isinstance(self, Tensor) else "power_of_number"), (self, exponent)
    dtype = self.form.dtype
    whole = isinstance(exponent, int)
    if whole and exponent < 0 and dtype.kind not in "fc":
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if dtype.kind == "b" and isinstance(exponent, bool):  # torch looks at 0 and 1 first
        return ("logical_or" if exponent else "eq"), (self, self)
    if exponent in FIXED and (dtype.kind in "fc" or (whole and dtype.kind != "b")):
        return FIXED[exponent], (self,)
    return "power_by_number", (self, exponent)


@choice("square(Tensor self) -> Tensor")
def square(self):
    """x * x."""
    return ("power_by_number", (self, 2)) if self.form.kind == "bool" else ("power_two", (self,))


binary("ldexp", FLOAT, "self * 2 ** other.", lambda a, b: a * exp2(b),
       lambda g, y, a, b: (g * exp2(b), g * (y * LN2)))

# --- signs and steps -----------------------------------------------------------------------------

binary("copysign", FLOAT, "The size of self with the sign of other.",
       lambda a, b: copysign(a, b), lambda g, y, a, b: (where(eq(a, 0), 0, g * (y / a)), 0))

pointwise("heaviside(Tensor self, Tensor values) -> Tensor", SAME,
          "0 below 0, 1 above it, `values` at 0.",
          lambda a, b: where(gt(a, 0), 1, where(eq(a, 0), b, 0)), NoDerivative("heaviside"))

# --- what torch refuses --------------------------------------------------------------------------

MINUS = "Subtraction, the `-` operator, with {} not supported. "
NO_BOOLS = MINUS.format("two bool tensors is") + "Use the `^` or `logical_xor()` operator instead."
NO_BOOL = (
    MINUS.format("a bool tensor is")
    + "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
)


def check_alpha(compute, key):
    """alpha of add and sub must fit the result."""
    number = key[2][1] if type(key[2]) is tuple else key[2](1)
    if isinstance(number, bool) and compute.kind != "b":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(number, complex) and not compute.is_complex:
        raise RuntimeError(
            "For non-complex input tensors, argument alpha must not be a complex number."
        )
    if isinstance(number, float) and compute.kind not in "fc":
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )


def check_difference(compute, key):
    """No bools in subtractions."""
    bools = [one is bool if type(one) is type else one.kind == "bool" for one in key[:2]]
    if any(bools):
        raise RuntimeError(NO_BOOLS if all(bools) else NO_BOOL)
    check_alpha(compute, key)


def check_alike(compute, key):
    """heaviside and lerp do not promote."""
    forms = [one for one in key if isinstance(one, Form)]
    if any(one.dtype is not forms[0].dtype for one in forms):
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")


def check_lerp(compute, key):
    """lerp does not promote, and has floats only."""
    start, *others = key
    if start.dtype.kind not in "fc":
        kind = "tensor" if isinstance(others[1], Form) else "scalar"
        raise NotImplementedError(
            f"\"lerp_kernel_{kind}\" not implemented for '{dtype_word(start.dtype)}'"
        )
    for name, one in zip(("end", "weight"), others, strict=True):
        if isinstance(one, Form) and one.dtype is not start.dtype:
            words = {"float32": "float", "float64": "double",
                     "float16": "c10::Half", "bfloat16": "c10::BFloat16",
                     "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}
            got, wanted = (words.get(d.name, d.name) for d in (one.dtype, start.dtype))
            raise RuntimeError(f"expected dtype {wanted} for `{name}` but got dtype {got}")


def _zero_division():
    return RuntimeError("ZeroDivisionError")


for _name in ("atan2", "hypot", "logaddexp", "logaddexp2", "logical_and", "logical_or",
              "logical_xor", "fmax", "fmin", "maximum", "minimum", "ldexp", "heaviside",
              "addcmul", "addcdiv"):
    pointwise_of(_name).tensors_only = True
for _name in ("clamp_max", "clamp_min", "copysign", "fmod", "rsub"):
    pointwise_of(_name).tensor_first = True

pointwise_of("add").check = check_alpha
pointwise_of("sub").check = pointwise_of("rsub").check = check_difference
pointwise_of("heaviside").check = check_alike
pointwise_of("lerp").check = check_lerp
for _name in ("floor_divide", "divide_floor", "divide_trunc", "remainder", "fmod"):
    pointwise_of(_name).error_codes = {1: _zero_division}

pointwise_of("hypot").refuses, pointwise_of("xlogy").refuses = "buic", "c"
for _name, _error, _text in (
    ("maximum", RuntimeError, "maximum not implemented for complex tensors."),
    ("minimum", RuntimeError, "minimum not implemented for complex tensors."),
    ("fmax", RuntimeError, "fmax not implemented for complex tensors."),
    ("fmin", RuntimeError, "fmin not implemented for complex tensors."),
    ("heaviside", RuntimeError, "heaviside is not yet implemented for complex tensors."),
    ("clamp_between", NotImplementedError, "clamp is not supported for complex types"),
    ("clamp_max", NotImplementedError, "clamp is not supported for complex types"),
    ("clamp_min", NotImplementedError, "clamp is not supported for complex types"),
):  # fmt: skip
    pointwise_of(_name).complex_error = _error, _text

# --- names ---------------------------------------------------------------------------------------

for _name in ("true_divide", "divide_floor", "divide_trunc"):
    registry[_name].node_name = "DivBackward0"
registry["clamp_between"].node_name = "ClampBackward0"
for _name in ("divide_floor", "divide_trunc", "clamp_between",
              "power", "power_of_number", "power_by_number"):
    registry[_name].namespace, registry[_name].method = "private", False
registry["rsub"].inplace = registry["rsub"].method = False
# PyTorch has no in-place forms of these, or other ones.
for _name in ("float_power", "fmax", "fmin", "logaddexp", "logaddexp2", "maximum", "minimum"):
    registry[_name].inplace = False


@composite((
    "float_power_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)",
    "float_power_.Scalar(Tensor(a!) self, Scalar exponent) -> Tensor(a!)",
))
def float_power_(self, exponent):
    """In-place form of float_power, for float64."""
    if self.form.dtype is not float64:
        word = dtype_word(self.form.dtype)
        raise RuntimeError(
            f"the base given to float_power_ has dtype {word} but the operation's result requires "
            "dtype Double"
        )
    inplace = registry["power"].inplace_function
    assert inplace is not None
    return inplace(self, exponent)


for _name, _of in (
    ("arctan2", "atan2"), ("clip", "clamp"), ("divide", "div"), ("multiply", "mul"),
    ("subtract", "sub"), ("special_xlogy", "xlogy"),
):  # fmt: skip
    Alias(_name, _of)

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
registry["float_power_"].names(names.same)
for _key, _refused in (
    ("xlogy", "xlogy.Tensor"), ("bitwise_and", "bitwise_and.Tensor"),
    ("bitwise_or", "bitwise_or.Tensor"), ("bitwise_xor", "bitwise_xor.Tensor"),
    ("bitwise_left_shift", "bitwise_left_shift.Tensor"),
    ("bitwise_right_shift", "bitwise_right_shift.Tensor"), ("fmod", "fmod.Tensor"),
    ("remainder", "remainder.Tensor"), ("copysign", "copysign.Tensor"), ("lerp", "lerp.Tensor"),
    ("fmax", "fmax"), ("fmin", "fmin"), ("maximum", "maximum"), ("minimum", "minimum"),
    ("heaviside", "heaviside"),
):  # fmt: skip
    registry[_key].names(_refused)


@registry["div"].names
def _(self, other, rounding_mode):
    if rounding_mode is not None:
        raise names.refused("div.Tensor_mode")
    return names.unify(self, other if isinstance(other, tuple) else ())
