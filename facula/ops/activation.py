"""Activation functions. In formulas x is the input, y the result, g the gradient arriving at y."""

from facula.kernel.scalar import erf, exp, gt, le, log1p, maximum, sigmoid, tanh, where
from facula.op import FLOAT, SAME, composite, pointwise, registry

pointwise("relu(Tensor self) -> Tensor", SAME, "max(x, 0).",
          lambda x: maximum(x, 0), lambda g, y, x: where(gt(y, 0), g, 0))
pointwise("sigmoid(Tensor self) -> Tensor", FLOAT, "s", lambda x: sigmoid(x), lambda g, y, x: g * y * (1 - y))
pointwise("tanh(Tensor self) -> Tensor", FLOAT, "t", lambda x: tanh(x), lambda g, y, x: g * (1 - y * y))
pointwise("rsqrt(Tensor self) -> Tensor", FLOAT, "t", lambda x: 1 / (x ** 0.5), lambda g, y, x: g * -0.5 * y * y * y)
pointwise("hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", SAME, "t", lambda x, lambd: where((x >= -lambd) & (x <= lambd), 0, x), lambda g, y, x, lambd: where((x >= -lambd) & (x <= lambd), 0, g))
pointwise("softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", SAME, "t", lambda x, lambd: where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0)), lambda g, y, x, lambd: where((x >= -lambd) & (x <= lambd), 0, g))
pointwise("softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", SAME, "t", lambda x, beta, threshold: where(x * beta > threshold, x, log1p(exp(x * beta)) / beta), lambda g, y, x, beta, threshold: where(x * beta > threshold, g, g * sigmoid(x * beta)))
@composite("prelu(Tensor self, Tensor weight) -> Tensor")
def prelu(self, weight):
    w = weight if weight.form.numel == 1 else weight.reshape((1, -1) + (1,) * (self.ndim - 2))
    return registry["where"].function(self > 0, self, self * w)
@composite("gelu(Tensor self, *, str approximate='none') -> Tensor")
def gelu(self, *, approximate="none"):
    raise NotImplementedError
