"""Activation functions. In formulas x is the input, y the result, g the gradient arriving at y."""

import math

from facula.kernel.scalar import (
    and_,
    erf,
    exp,
    expm1,
    ge,
    gt,
    le,
    log1p,
    lt,
    maximum,
    minimum,
    or_,
    sigmoid,
    tanh,
    where,
)
from facula.op import SAME, composite, pointwise, registry

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
ROOT_2, ROOT_2_OVER_PI = math.sqrt(2), math.sqrt(2 / math.pi)
KEPT = 0.044715


def activation(schema, doc, value, gradient):
    """A record of torch.nn.functional."""
    record = pointwise(schema, SAME, doc, value, gradient)
    record.namespace, record.method = "nn", False
    return record


# --- rectifiers ----------------------------------------------------------------------------------

pointwise("relu(Tensor self) -> Tensor", SAME, "max(x, 0).",
          lambda x: maximum(x, 0), lambda g, y, x: where(gt(y, 0), g, 0))

activation("relu6(Tensor self) -> Tensor", "min(max(x, 0), 6).",
           lambda x: minimum(maximum(x, 0), 6), lambda g, y, x: where(and_(gt(x, 0), lt(x, 6)), g, 0))

activation("leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor", "x above 0, a fraction of it below.",
           lambda x, slope: where(gt(x, 0), x, x * slope),
           lambda g, y, x, slope: where(gt(x, 0), g, g * slope))

activation("threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor", "x above a threshold, else a number.",
           lambda x, threshold, value: where(le(x, threshold), value, x),
           lambda g, y, x, threshold, value: where(le(x, threshold), 0, g))

activation("hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor", "x kept within bounds.",
           lambda x, low, high: minimum(maximum(x, low), high),
           lambda g, y, x, low, high: where(and_(gt(x, low), lt(x, high)), g, 0))

# --- exponential units ---------------------------------------------------------------------------

activation("elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
           "x above 0, alpha (exp(x) - 1) below.",
           lambda x, a, s, i: where(gt(x, 0), x * s, expm1(x * i) * (a * s)),
           lambda g, y, x, a, s, i: where(gt(x, 0), g * s, g * (y + a * s) * i))

pointwise("selu(Tensor self) -> Tensor", SAME, "Self-normalising elu (Klambauer et al., arXiv 1706.02515).",
          lambda x: where(gt(x, 0), x * SELU_SCALE, expm1(x) * (SELU_ALPHA * SELU_SCALE)),
          lambda g, y, x: where(gt(x, 0), g * SELU_SCALE, g * (y + SELU_ALPHA * SELU_SCALE)))

pointwise("celu(Tensor self, Scalar alpha=1.0) -> Tensor", SAME, "x above 0, alpha (exp(x / alpha) - 1) below.",
          lambda x, a: where(gt(x, 0), x, expm1(x / a) * a),
          lambda g, y, x, a: where(gt(x, 0), g, g * exp(x / a)))

activation("softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
           "Smooth relu: log(1 + exp(beta x)) / beta, and x itself once beta x exceeds threshold.",
           lambda x, beta, limit: where(gt(x * beta, limit), x, log1p(exp(minimum(x * beta, limit))) / beta),
           lambda g, y, x, beta, limit: where(gt(x * beta, limit), g, g * sigmoid(x * beta)))

# --- sigmoid's relatives -------------------------------------------------------------------------

activation("silu(Tensor self) -> Tensor", "x sigmoid(x).",
           lambda x: x * sigmoid(x), lambda g, y, x: g * sigmoid(x) * (1 + x * (1 - sigmoid(x))))

activation("log_sigmoid(Tensor self) -> Tensor", "log(sigmoid(x)).",
           lambda x: minimum(x, 0) - log1p(exp(-maximum(x, -x))),
           lambda g, y, x: g * sigmoid(-x))

activation("softsign(Tensor self) -> Tensor", "x / (1 + |x|).",
           lambda x: x / (1 + maximum(x, -x)),
           lambda g, y, x: g / ((1 + maximum(x, -x)) * (1 + maximum(x, -x))))

activation("tanhshrink(Tensor self) -> Tensor", "x - tanh(x).",
           lambda x: x - tanh(x), lambda g, y, x: g * tanh(x) * tanh(x))

activation("mish(Tensor self) -> Tensor", "x tanh(softplus(x)) (Misra, arXiv 1908.08681).",
           lambda x: x * tanh(where(gt(x, 20), x, log1p(exp(minimum(x, 20))))),
           lambda g, y, x: g * (tanh(where(gt(x, 20), x, log1p(exp(minimum(x, 20)))))
                                + x * sigmoid(x) * (1 - tanh(where(gt(x, 20), x, log1p(exp(minimum(x, 20)))))
                                                    * tanh(where(gt(x, 20), x, log1p(exp(minimum(x, 20))))))))

activation("hardsigmoid(Tensor self) -> Tensor", "min(max(x + 3, 0), 6) / 6.",
           lambda x: minimum(maximum(x + 3, 0), 6) / 6,
           lambda g, y, x: where(and_(gt(x, -3), lt(x, 3)), g / 6, 0))

activation("hardswish(Tensor self) -> Tensor", "x min(max(x + 3, 0), 6) / 6 (Howard et al., arXiv 1905.02244).",
           lambda x: x * minimum(maximum(x + 3, 0), 6) / 6,
           lambda g, y, x: where(le(x, -3), 0, where(ge(x, 3), g, g * (x / 3 + 0.5))))

# --- shrinkage -----------------------------------------------------------------------------------

pointwise("hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", SAME, "x, but 0 within lambd of 0.",
          lambda x, lambd: where(and_(ge(x, -lambd), le(x, lambd)), 0, x),
          lambda g, y, x, lambd: where(and_(ge(x, -lambd), le(x, lambd)), 0, g))

activation("softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", "x moved towards 0 by lambd, 0 within it.",
           lambda x, lambd: where(gt(x, lambd), x - lambd, where(lt(x, -lambd), x + lambd, x * 0)),
           lambda g, y, x, lambd: where(or_(gt(x, lambd), lt(x, -lambd)), g, 0))

# --- Gauss ---------------------------------------------------------------------------------------

activation("gelu_erf(Tensor self) -> Tensor", "x times the normal distribution function of x.",
           lambda x: x * (0.5 * (1 + erf(x / ROOT_2))),
           lambda g, y, x: g * (0.5 * (1 + erf(x / ROOT_2)) + x * exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))))

activation("gelu_tanh(Tensor self) -> Tensor", "The tanh approximation of gelu (Hendrycks, arXiv 1606.08415).",
           lambda x: 0.5 * x * (1 + tanh(ROOT_2_OVER_PI * (x + KEPT * x * x * x))),
           lambda g, y, x: g * (0.5 * (1 + tanh(ROOT_2_OVER_PI * (x + KEPT * x * x * x)))
                                + 0.5 * x * (1 - tanh(ROOT_2_OVER_PI * (x + KEPT * x * x * x))
                                             * tanh(ROOT_2_OVER_PI * (x + KEPT * x * x * x)))
                                * (ROOT_2_OVER_PI * (1 + 3 * KEPT * x * x))))

for _name in ("gelu_erf", "gelu_tanh"):
    registry[_name].node_name = "GeluBackward0"


@composite("gelu(Tensor self, *, str approximate='none') -> Tensor")
def gelu(self, *, approximate="none"):
    """x times the normal distribution function of x; "tanh" approximates it."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return registry["gelu_erf" if approximate == "none" else "gelu_tanh"].function(self)


@composite("prelu(Tensor self, Tensor weight) -> Tensor")
def prelu(self, weight):
    """x above 0, weight times x below; one weight, or one a channel."""
    if weight.form.numel != 1:
        if self.form.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = self.form.shape[1] if self.form.ndim > 1 else 1
        if channels != weight.form.numel:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.form.numel} and channel size = {channels}."
            )
        weight = weight.reshape((1, -1) + (1,) * (self.form.ndim - 2)) if self.form.ndim > 1 else weight
    return registry["prelu_elementwise"].function(self, weight)


pointwise("prelu_elementwise(Tensor self, Tensor weight) -> Tensor", SAME, "x above 0, weight times x below.",
          lambda x, w: where(gt(x, 0), x, x * w),
          lambda g, y, x, w: (where(gt(x, 0), g, g * w), where(gt(x, 0), 0, g * x)))


@composite("glu(Tensor self, int dim=-1) -> Tensor")
def glu(self, dim=-1):
    """One half of a dimension times the sigmoid of the other (Dauphin et al., arXiv 1612.08083)."""
    size = self.form.shape[dim] if self.form.ndim else 0
    if size % 2 or not self.form.ndim:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    a, b = self.chunk(2, dim)
    return a * b.sigmoid()


for _name in ("gelu", "glu", "prelu_elementwise"):
    registry[_name].namespace, registry[_name].method = "nn", False
