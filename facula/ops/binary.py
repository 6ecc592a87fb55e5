"""Arithmetic of two tensors. In formulas a and b are the inputs, y the result, g the gradient arriving at y."""

from facula.kernel.scalar import atan2, copysign, eq, floor, fmod, gt, log, lt, maximum, minimum, where
from facula.op import FLOAT, SAME, pointwise, registry

# --- one-line formulas ---------------------------------------------------------------------------

pointwise("add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", SAME, "self + alpha * other.",
          lambda a, b, alpha: a + b * alpha, lambda g, y, a, b, alpha: (g, g * alpha))

pointwise("mul(Tensor self, Tensor other) -> Tensor", SAME, "self * other.",
          lambda a, b: a * b, lambda g, y, a, b: (g * b, g * a))

pointwise("sub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", SAME, "self - alpha * other.",
          lambda a, b, alpha: a - b * alpha, lambda g, y, a, b, alpha: (g, -g * alpha))

pointwise("maximum(Tensor self, Tensor other) -> Tensor", SAME, "The larger of each pair; nan if one is nan.",
          lambda a, b: maximum(a, b),
          lambda g, y, a, b: (where(eq(a, b), g / 2, where(gt(a, b), g, 0)),
                              where(eq(a, b), g / 2, where(lt(a, b), g, 0))))

pointwise("minimum(Tensor self, Tensor other) -> Tensor", SAME, "The smaller of each pair; nan if one is nan.",
          lambda a, b: minimum(a, b),
          lambda g, y, a, b: (where(eq(a, b), g / 2, where(lt(a, b), g, 0)),
                              where(eq(a, b), g / 2, where(gt(a, b), g, 0))))

pointwise("atan2(Tensor self, Tensor other) -> Tensor", FLOAT, "The angle of the point (other, self).",
          lambda a, b: atan2(a, b),
          lambda g, y, a, b: (g * b / (a * a + b * b), -g * a / (a * a + b * b)))

pointwise("copysign(Tensor self, Tensor other) -> Tensor", FLOAT, "The size of self with the sign of other.",
          lambda a, b: copysign(a, b),
          lambda g, y, a, b: (where(eq(a, 0), 0, g * y / where(eq(a, 0), 1, a)), g * 0))

# --- longer formulas -----------------------------------------------------------------------------

pointwise("pow(Tensor self, Tensor exponent) -> Tensor", SAME, "self to the power exponent.",
          lambda a, b: a ** b,
          lambda g, y, a, b: (where(eq(b, 0), 0, g * b * a ** (b - 1)),
                              where(eq(a, 0), where(lt(b, 0), g * y, 0), g * y * log(a))))

pointwise("div(Tensor self, Tensor other) -> Tensor", FLOAT, "self / other.",
          lambda a, b: a / b, lambda g, y, a, b: (g / b, -g * y / b))

pointwise("floor_divide(Tensor self, Tensor other) -> Tensor", SAME, "self / other rounded down.",
          {"floating": lambda a, b: a // b, "integral": lambda a, b: a // b})

pointwise("remainder(Tensor self, Tensor other) -> Tensor", SAME, "self - other * floor(self / other).",
          lambda a, b: a % b, lambda g, y, a, b: (g, -g * floor(a / b)))

pointwise("fmod(Tensor self, Tensor other) -> Tensor", SAME, "The remainder with the sign of self.",
          lambda a, b: fmod(a, b))


def _zero_division() -> Exception:
    return RuntimeError("ZeroDivisionError")


for _name in ("floor_divide", "remainder", "fmod"):
    registry[_name].error_codes = {1: _zero_division}
