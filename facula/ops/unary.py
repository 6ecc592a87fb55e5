"""Unary math. In formulas x is the input, y the result, g the gradient arriving at y."""

from facula.kernel.scalar import abs_, cos, exp, log, sign, sin, sqrt
from facula.op import FLOAT, SAME, pointwise

pointwise("neg(Tensor self) -> Tensor", SAME, "-self.", lambda x: -x, lambda g, y, x: -g)
pointwise("abs(Tensor self) -> Tensor", SAME, "The absolute value.",
          {"floating": lambda x: abs_(x), "integral": lambda x: abs_(x)}, lambda g, y, x: g * sign(x))
pointwise("exp(Tensor self) -> Tensor", FLOAT, "e to the power of each element.",
          lambda x: exp(x), lambda g, y, x: g * y)
pointwise("log(Tensor self) -> Tensor", FLOAT, "The natural logarithm.", lambda x: log(x), lambda g, y, x: g / x)
pointwise("sqrt(Tensor self) -> Tensor", FLOAT, "The square root.", lambda x: sqrt(x), lambda g, y, x: g / (2 * y))
pointwise("sin(Tensor self) -> Tensor", FLOAT, "Sine.", lambda x: sin(x), lambda g, y, x: g * cos(x))
pointwise("cos(Tensor self) -> Tensor", FLOAT, "Cosine.", lambda x: cos(x), lambda g, y, x: -g * sin(x))
