"""Activation functions. In formulas x is the input, y the result, g the gradient arriving at y."""

from facula.kernel.scalar import gt, maximum, where
from facula.op import SAME, pointwise

pointwise("relu(Tensor self) -> Tensor", SAME, "max(x, 0).",
          lambda x: maximum(x, 0), lambda g, y, x: where(gt(y, 0), g, 0))
