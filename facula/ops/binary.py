"""Arithmetic of two tensors. In formulas a and b are the inputs, y the result, g the gradient arriving at y."""

import math

from facula.kernel.scalar import (
    and_,
    atan2,
    copysign,
    eq,
    exp,
    floor,
    fmod,
    gt,
    isnan,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    ne,
    not_,
    or_,
    shl,
    shr,
    sqrt,
    trunc,
    where,
    xor,
)
from facula.meta.dtype import float64
from facula.op import BOOL, FLOAT, SAME, composite, pointwise, registry
from facula.tensor import Tensor

# --- one-line formulas ---------------------------------------------------------------------------

pointwise("add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", SAME, "self + alpha * other.",
          lambda a, b, alpha: a + b * alpha, lambda g, y, a, b, alpha: (g, g * alpha))

pointwise("sub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", SAME, "self - alpha * other.",
          lambda a, b, alpha: a - b * alpha, lambda g, y, a, b, alpha: (g, -g * alpha))

pointwise("mul(Tensor self, Tensor other) -> Tensor", SAME, "self * other.",
          lambda a, b: a * b, lambda g, y, a, b: (g * b, g * a))

pointwise("true_divide(Tensor self, Tensor other) -> Tensor", FLOAT, "self / other.",
          lambda a, b: a / b, lambda g, y, a, b: (g / b, -g * y / b))

pointwise("floor_divide(Tensor self, Tensor other) -> Tensor", SAME, "self / other rounded down.",
          lambda a, b: a // b, lambda g, y, a, b: (g * 0, g * 0))

pointwise("truncated_divide(Tensor self, Tensor other) -> Tensor", SAME, "self / other rounded towards 0.",
          {"floating": lambda a, b: trunc(a / b),
           "integral": lambda a, b: a // b + where(and_(lt(xor(a, b), 0), ne(a % b, 0)), 1, 0)},
          lambda g, y, a, b: (g * 0, g * 0))

pointwise("remainder(Tensor self, Tensor other) -> Tensor", SAME, "self - other * floor(self / other).",
          lambda a, b: a % b, lambda g, y, a, b: (g, -g * floor(a / b)))

pointwise("fmod(Tensor self, Tensor other) -> Tensor", SAME, "The remainder with the sign of self.",
          lambda a, b: fmod(a, b), lambda g, y, a, b: (g, -g * trunc(a / b)))

pointwise("power(Tensor self, Tensor exponent) -> Tensor", SAME, "self to the power exponent.",
          lambda a, b: a ** b,
          lambda g, y, a, b: (where(eq(b, 0), 0, g * b * a ** (b - 1)),
                              where(eq(a, 0), where(lt(b, 0), g * -math.inf, 0), g * y * log(a))))

pointwise("atan2(Tensor self, Tensor other) -> Tensor", FLOAT, "The angle of the point (other, self).",
          lambda a, b: atan2(a, b),
          lambda g, y, a, b: (g * b / (a * a + b * b), -g * a / (a * a + b * b)))

pointwise("hypot(Tensor self, Tensor other) -> Tensor", FLOAT, "sqrt(a * a + b * b), without overflow.",
          lambda a, b: where(eq(maximum(a, -a), maximum(b, -b)), maximum(a, -a) * math.sqrt(2),
                             maximum(maximum(a, -a), maximum(b, -b))
                             * sqrt(1 + (minimum(maximum(a, -a), maximum(b, -b))
                                         / maximum(maximum(a, -a), maximum(b, -b)))
                                    * (minimum(maximum(a, -a), maximum(b, -b))
                                       / maximum(maximum(a, -a), maximum(b, -b))))),
          lambda g, y, a, b: (g * a / y, g * b / y))

pointwise("copysign(Tensor self, Tensor other) -> Tensor", FLOAT, "The size of self with the sign of other.",
          lambda a, b: copysign(a, b),
          lambda g, y, a, b: (where(eq(a, 0), 0, g * (y / where(eq(a, 0), 1, a))), g * 0))

pointwise("logaddexp(Tensor self, Tensor other) -> Tensor", FLOAT, "log(exp(a) + exp(b)).",
          lambda a, b: where(eq(a, b), a + math.log(2), maximum(a, b) + log1p(exp(minimum(a, b) - maximum(a, b)))),
          lambda g, y, a, b: (g * exp(a - y), g * exp(b - y)))

pointwise("xlogy(Tensor self, Tensor other) -> Tensor", FLOAT, "a log(b), 0 where a is 0 (nan where b is nan).",
          lambda a, b: where(isnan(b), b, where(eq(a, 0), 0, a * log(b))),
          lambda g, y, a, b: (where(and_(eq(a, 0), not_(gt(b, 0))), 0, g * log(b)), g * a / b))

# --- extremes ------------------------------------------------------------------------------------

pointwise("maximum(Tensor self, Tensor other) -> Tensor", SAME, "The larger of each pair; nan if one is nan.",
          lambda a, b: maximum(a, b),
          lambda g, y, a, b: (where(eq(a, b), g / 2, where(gt(a, b), g, 0)),
                              where(eq(a, b), g / 2, where(lt(a, b), g, 0))))

pointwise("minimum(Tensor self, Tensor other) -> Tensor", SAME, "The smaller of each pair; nan if one is nan.",
          lambda a, b: minimum(a, b),
          lambda g, y, a, b: (where(eq(a, b), g / 2, where(lt(a, b), g, 0)),
                              where(eq(a, b), g / 2, where(gt(a, b), g, 0))))

pointwise("fmax(Tensor self, Tensor other) -> Tensor", SAME, "The larger of each pair; nan only if both are.",
          {"floating": lambda a, b: where(isnan(a), b, where(isnan(b), a, maximum(a, b))),
           "integral": lambda a, b: maximum(a, b)},
          lambda g, y, a, b: (where(or_(or_(gt(a, b), eq(a, b)), isnan(b)), g, 0),
                              where(or_(or_(gt(a, b), eq(a, b)), isnan(b)), 0, g)))

pointwise("fmin(Tensor self, Tensor other) -> Tensor", SAME, "The smaller of each pair; nan only if both are.",
          {"floating": lambda a, b: where(isnan(a), b, where(isnan(b), a, minimum(a, b))),
           "integral": lambda a, b: minimum(a, b)},
          lambda g, y, a, b: (where(or_(or_(lt(a, b), eq(a, b)), isnan(b)), g, 0),
                              where(or_(or_(lt(a, b), eq(a, b)), isnan(b)), 0, g)))

pointwise("clamp_min(Tensor self, Tensor min) -> Tensor", SAME, "max(x, min).",
          lambda x, low: maximum(x, low),
          lambda g, y, x, low: (where(lt(x, low), 0, g), where(lt(x, low), g, 0)))

pointwise("clamp_max(Tensor self, Tensor max) -> Tensor", SAME, "min(x, max).",
          lambda x, high: minimum(x, high),
          lambda g, y, x, high: (where(gt(x, high), 0, g), where(gt(x, high), g, 0)))

pointwise("clamp_between(Tensor self, Tensor min, Tensor max) -> Tensor", SAME, "min(max(x, low), high).",
          lambda x, low, high: minimum(maximum(x, low), high),
          lambda g, y, x, low, high: (where(or_(lt(x, low), gt(x, high)), 0, g),
                                      where(and_(lt(x, low), lt(low, high)), g, 0),
                                      where(or_(gt(x, high), lt(high, low)), g, 0)))

# --- three tensors -------------------------------------------------------------------------------

pointwise("lerp(Tensor self, Tensor end, Tensor weight) -> Tensor", SAME, "self + weight * (end - self).",
          lambda a, b, w: where(lt(maximum(w, -w), 0.5), a + w * (b - a), b - (b - a) * (1 - w)),
          lambda g, y, a, b, w: (g * (1 - w), g * w, g * (b - a)))

pointwise("addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", SAME,
          "self + value * tensor1 * tensor2.",
          lambda a, b, c, value: a + b * c * value,
          lambda g, y, a, b, c, value: (g, g * c * value, g * b * value))

pointwise("addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", SAME,
          "self + value * tensor1 / tensor2.",
          lambda a, b, c, value: a + b / c * value,
          lambda g, y, a, b, c, value: (g, g * value / c, -g * value * b / (c * c)))

# --- logic and bits ------------------------------------------------------------------------------

pointwise("logical_and(Tensor self, Tensor other) -> Tensor", BOOL, "True where both are not 0.",
          lambda a, b: and_(ne(a, 0), ne(b, 0)))
pointwise("logical_or(Tensor self, Tensor other) -> Tensor", BOOL, "True where one is not 0.",
          lambda a, b: or_(ne(a, 0), ne(b, 0)))
pointwise("logical_xor(Tensor self, Tensor other) -> Tensor", BOOL, "True where exactly one is not 0.",
          lambda a, b: xor(ne(a, 0), ne(b, 0)))

pointwise("bitwise_and(Tensor self, Tensor other) -> Tensor", SAME, "Bits set in both.",
          {"integral": lambda a, b: and_(a, b)})
pointwise("bitwise_or(Tensor self, Tensor other) -> Tensor", SAME, "Bits set in one.",
          {"integral": lambda a, b: or_(a, b)})
pointwise("bitwise_xor(Tensor self, Tensor other) -> Tensor", SAME, "Bits set in exactly one.",
          {"integral": lambda a, b: xor(a, b)})
pointwise("bitwise_left_shift(Tensor self, Tensor other) -> Tensor", SAME, "self * 2 ** other.",
          {"integral": lambda a, b: shl(a, b)})
pointwise("bitwise_right_shift(Tensor self, Tensor other) -> Tensor", SAME, "self / 2 ** other rounded down.",
          {"integral": lambda a, b: shr(a, b)})

# --- written with the records above --------------------------------------------------------------


def _zero_division():
    return RuntimeError("ZeroDivisionError")


for _name in ("floor_divide", "remainder", "fmod", "truncated_divide"):
    registry[_name].error_codes = {1: _zero_division}
for _name in ("truncated_divide", "power", "clamp_between"):
    registry[_name].namespace = "tensor"
registry["power"].node_name = "PowBackward0"
# A number as exponent is part of the kernel: squares and roots then need no general power.
registry["power"].constant_numbers = True
registry["true_divide"].node_name = "DivBackward0"


@composite("div(Tensor self, Tensor other, *, str? rounding_mode=None, Tensor(a!)? out=None) -> Tensor")
def div(self, other, *, rounding_mode=None):
    """self / other; rounding_mode "trunc" or "floor" keeps integers."""
    return registry[_division(rounding_mode)].function(self, other)


def _division(rounding_mode):
    names = {None: "true_divide", "trunc": "truncated_divide", "floor": "floor_divide"}
    if rounding_mode not in names:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return names[rounding_mode]


@composite("div_(Tensor(a!) self, Tensor other, *, str? rounding_mode=None) -> Tensor(a!)")
def div_(self, other, *, rounding_mode=None):
    """In-place form of div."""
    return registry[_division(rounding_mode)].inplace_function(self, other)


def _check_integer_power(self, exponent):
    """torch refuses negative whole powers of integers."""
    if isinstance(exponent, int) and exponent < 0 and isinstance(self, Tensor):
        if not self.form.dtype.is_floating_point:
            raise RuntimeError("Integers to negative integer powers are not allowed.")


@composite("pow(Tensor self, Tensor exponent, *, Tensor(a!)? out=None) -> Tensor")
def pow_(self, exponent):
    """self to the power exponent; either may be a number."""
    _check_integer_power(self, exponent)
    return registry["power"].function(self, exponent)


@composite("pow_(Tensor(a!) self, Tensor exponent) -> Tensor(a!)")
def pow_inplace(self, exponent):
    """In-place form of pow."""
    _check_integer_power(self, exponent)
    return registry["power"].inplace_function(self, exponent)


@composite("float_power(Tensor self, Tensor exponent, *, Tensor(a!)? out=None) -> Tensor")
def float_power(self, exponent):
    """self to the power exponent, in float64."""
    both = [v.to(float64) if isinstance(v, Tensor) else float(v) for v in (self, exponent)]
    return registry["power"].function(*both)


@composite("rsub(Tensor self, Tensor other, Scalar alpha=1) -> Tensor")
def rsub(self, other, alpha=1):
    """other - alpha * self."""
    return registry["sub"].function(other, self, alpha=alpha)


def _bounds(self, min, max):
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return "clamp_min", (self, min)
    return ("clamp_max", (self, max)) if min is None else ("clamp_between", (self, min, max))


@composite("clamp(Tensor self, Scalar? min=None, Scalar? max=None, *, Tensor(a!)? out=None) -> Tensor")
def clamp(self, min=None, max=None):
    """Every element brought between min and max, numbers or tensors."""
    name, operands = _bounds(self, min, max)
    return registry[name].function(*operands)


@composite("clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)")
def clamp_(self, min=None, max=None):
    """In-place form of clamp."""
    name, operands = _bounds(self, min, max)
    return registry[name].inplace_function(*operands)


def _alias(name, of):
    def function(self, *args, **kwargs):
        return registry[of].function(self, *args, **kwargs)

    composite(f"{name}(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor", f"Another name of {of}.")(function)

    def inplace(self, *args, **kwargs):
        return getattr(self, f"{of}_")(*args, **kwargs)

    composite(f"{name}_(Tensor(a!) self, Tensor other) -> Tensor(a!)", f"Another name of {of}_.")(inplace)


for _name, _of in (
    ("multiply", "mul"), ("subtract", "sub"), ("divide", "div"), ("clip", "clamp"), ("arctan2", "atan2"),
):  # fmt: skip
    _alias(_name, _of)
