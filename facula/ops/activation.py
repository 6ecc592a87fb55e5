"""Activation functions. In formulas x is the input, y the result, g the gradient arriving at y."""

import math

from facula.dispatch import dtype_word
from facula.dispatch.parts import refuse_complex
from facula.kernel.scalar import (
    abs_,
    and_,
    conj,
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
    real,
    sgn,
    sigmoid,
    tanh,
    where,
)
from facula.meta.dtype import finfo
from facula.meta.shape import wrap_dim
from facula.op import FLOAT, SAME, choice, composite, pointwise, pointwise_of, registry

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
ROOT_HALF, ROOT_2_OVER_PI = math.sqrt(0.5), math.sqrt(2 / math.pi)
DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution, at 0
CUBIC = 0.044715


def activation(schema, doc, value, gradient, refuses="bui", kernel="", rule=SAME):
    """A record of torch.nn.functional."""
    record = pointwise(schema, rule, doc, value, gradient, refuses, kernel)
    record.namespace, record.method = "nn", False
    return record


# --- rectifiers ----------------------------------------------------------------------------------

activation("hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
           "x kept within bounds.",
           lambda x, low, high: minimum(maximum(x, low), high),
           lambda g, y, x, low, high: where(and_(gt(x, low), lt(x, high)), g, 0),
           {"b": "Bool inputs not supported for hardtanh"})

activation("leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor",
           "x above 0, a fraction of it below.",
           lambda x, slope: where(gt(x, 0), x, x * slope),
           lambda g, y, x, slope: where(gt(x, 0), g, g * slope))

activation("prelu_elementwise(Tensor self, Tensor weight) -> Tensor",
           "x above 0, weight times x below.",
           lambda x, w: where(gt(x, 0), x, x * w),
           lambda g, y, x, w: (where(gt(x, 0), g, g * w), where(gt(x, 0), 0, g * x)),
           "bui", "prelu_cpu")

pointwise("relu(Tensor self) -> Tensor", SAME, "max(x, 0).",
          lambda x: maximum(x, 0),
          lambda g, y, x: where(le(y, 0), 0, g), {"b": "Boolean inputs not supported for relu"})

activation("relu6(Tensor self) -> Tensor", "min(max(x, 0), 6).",
           lambda x: minimum(maximum(x, 0), 6),
           lambda g, y, x: where(and_(gt(x, 0), lt(x, 6)), g, 0),
           {"b": "Bool inputs not supported for hardtanh"})

activation("threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor",
           "x above a threshold, else a number.",
           lambda x, threshold, value: where(le(x, threshold), value, x),
           lambda g, y, x, threshold, value: where(le(x, threshold), 0, g), "b")


@composite("prelu(Tensor self, Tensor weight) -> Tensor")
def prelu(self, weight):
    """x above 0, weight times x below; one weight, or one a channel.

    self (N, C, *), weight (1) or (C), result as self. Raises RuntimeError for another number of
    weights.
    """
    if weight.form.ndim > 1:
        raise RuntimeError(
            "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = "
            f"{weight.form.ndim}"
        )
    if weight.form.dtype is not self.form.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {dtype_word(self.form.dtype)} and "
            f"{dtype_word(weight.form.dtype)}"
        )
    if weight.form.numel == 1:
        weight = weight if self.form.ndim else weight.reshape(())
    else:
        if self.form.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = self.form.shape[1] if self.form.ndim > 1 else 1
        if channels != weight.form.numel:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.form.numel} and channel size = {channels}."
            )
        weight = (
            weight.reshape((1, -1) + (1,) * (self.form.ndim - 2)) if self.form.ndim > 1 else weight
        )
    return registry["prelu_elementwise"].function(self, weight)


# --- exponential units ---------------------------------------------------------------------------

pointwise("celu(Tensor self, Scalar alpha=1.0) -> Tensor", SAME,
          "x above 0, alpha (exp(x / alpha) - 1) below.",
          lambda x, a: where(gt(x, 0), x, expm1(x / a) * a),
          lambda g, y, x, a: where(gt(x, 0), g, g * exp(x / a)), "bui", "elu_cpu")

activation("elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
           "x above 0, alpha (exp(x) - 1) below.",
           lambda x, a, s, i: where(gt(x, 0), x * s, expm1(x * i) * (a * s)),
           lambda g, y, x, a, s, i: where(gt(x, 0), g * s, g * (exp(x * i) * (i * (a * s)))))

pointwise("selu(Tensor self) -> Tensor", SAME,
          "Self-normalising elu (Klambauer et al., arXiv 1706.02515).",
          lambda x: where(gt(x, 0), x * SELU_SCALE, expm1(x) * (SELU_ALPHA * SELU_SCALE)),
          lambda g, y, x: where(gt(x, 0), g * SELU_SCALE, g * (exp(x) * (SELU_ALPHA * SELU_SCALE))),
          "bui", "elu_cpu")

activation("softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
           "Smooth relu: log(1 + exp(beta x)) / beta, and x itself once beta x exceeds threshold.",
           lambda x, beta, limit: where(gt(x * beta, limit), x, log1p(exp(x * beta)) / beta),
           lambda g, y, x, beta, limit: where(gt(x * beta, limit), g, g * sigmoid(x * beta)))

# --- sigmoid's relatives -------------------------------------------------------------------------

activation("hardsigmoid(Tensor self) -> Tensor", "min(max(x + 3, 0), 6) / 6.",
           lambda x: minimum(maximum(x + 3, 0), 6) / 6,
           lambda g, y, x: where(and_(gt(x, -3), lt(x, 3)), g / 6, 0))

activation("hardswish(Tensor self) -> Tensor",
           "x min(max(x + 3, 0), 6) / 6 (Howard et al., arXiv 1905.02244).",
           lambda x: x * minimum(maximum(x + 3, 0), 6) / 6,
           lambda g, y, x: where(le(x, -3), 0, where(ge(x, 3), g, g * (x / 3 + 0.5))))

activation("log_sigmoid(Tensor self) -> Tensor", "log(sigmoid(x)).",
           lambda x: minimum(x, 0) - log1p(exp(-abs_(x))), lambda g, y, x: g * sigmoid(-x))



@pointwise("mish(Tensor self) -> Tensor", SAME, refuses="bui")
def mish(x):
    """x tanh(softplus(x)) (Misra, arXiv 1908.08681), the tanh written with one exponential."""
    e = exp(minimum(x, 40))
    n = e * (e + 2)
    return x * (n / (n + 2))


@mish.gradient
def _(g, y, x):
    limited = minimum(x, 40)
    e = exp(limited)
    n = e * (e + 2)
    return g * (n / (n + 2) + limited * (4 * e * (e + 1) / (n + 2) / (n + 2)))


@pointwise("silu(Tensor self) -> Tensor", SAME, refuses="bui")
def silu(x):
    """x sigmoid(x)."""
    return x / (1 + exp(-x))


@silu.gradient
def _(g, y, x):
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


activation("softsign(Tensor self) -> Tensor", "x / (1 + |x|).",
           lambda x: x / (1 + abs_(x)),
           lambda g, y, x: g / ((1 + abs_(x)) * (1 + abs_(x))), rule=FLOAT)
pointwise_of("softsign").complex_gradient = lambda g, y, x: (
    g / (1 + abs_(x)) - sgn(x) * real(conj(g) * x) / ((1 + abs_(x)) * (1 + abs_(x)))
)

activation("tanhshrink(Tensor self) -> Tensor", "x - tanh(x).",
           lambda x: x - tanh(x), lambda g, y, x: g * (tanh(x) * tanh(x)), rule=FLOAT)


@composite("glu(Tensor self, int dim=-1) -> Tensor")
def glu(self, dim=-1):
    """One half of a dimension times the sigmoid of the other (Dauphin et al., arXiv 1612.08083)."""
    refuse_complex(self, "\"glu_cpu\" not implemented for '{}'")
    if not self.form.ndim:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    place = wrap_dim(dim, self.form.ndim)
    size = self.form.shape[place]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {place} is size {size}")
    a, b = self.chunk(2, place)
    return a * b.sigmoid()


# --- shrinkage -----------------------------------------------------------------------------------

pointwise("hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", SAME,
          "x, but 0 within lambd of 0.",
          lambda x, lambd: where(and_(ge(x, -lambd), le(x, lambd)), 0, x),
          lambda g, y, x, lambd: where(or_(gt(x, lambd), lt(x, -lambd)), g, 0),
          "bui").inplace = False

activation("softshrink_elementwise(Tensor self, Scalar lambd=0.5) -> Tensor",
           "x moved towards 0 by lambd, 0 within it.",
           lambda x, lambd: where(gt(x, lambd), x - lambd, where(lt(x, -lambd), x + lambd, x * 0)),
           lambda g, y, x, lambd: where(or_(gt(x, lambd), lt(x, -lambd)), g, 0),
           "bui", "softshrink_check")


@choice("softshrink(Tensor self, Scalar lambd=0.5) -> Tensor")
def softshrink(self, lambd=0.5):
    """x moved towards 0 by lambd, 0 within it."""
    if lambd < 0 and self.form.dtype.is_floating_point:
        word, largest = dtype_word(self.form.dtype), finfo(self.form.dtype).max
        raise RuntimeError(
            f"lambda must be in range [0, {largest:g}] for input dtype {word}, but found {lambd:g}"
        )
    return "softshrink_elementwise", (self, lambd)


# --- Gauss ---------------------------------------------------------------------------------------


@pointwise("gelu_erf(Tensor self) -> Tensor", SAME, refuses="bui", kernel="GeluKernelImpl")
def gelu_erf(x):
    """x times the normal distribution function of x."""
    return x * (0.5 * (1 + erf(x * ROOT_HALF)))


@gelu_erf.gradient
def _(g, y, x):
    return g * (0.5 * (1 + erf(x * ROOT_HALF)) + x * (exp(x * x * -0.5) * DENSITY))


@pointwise("gelu_tanh(Tensor self) -> Tensor", SAME, refuses="bui", kernel="GeluKernelImpl")
def gelu_tanh(x):
    """The tanh approximation of gelu (Hendrycks, arXiv 1606.08415)."""
    return 0.5 * x * (1 + tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x)))


@gelu_tanh.gradient
def _(g, y, x):
    t = tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x))
    return g * (
        0.5 * (1 + t) + 0.5 * x * ((1 - t * t) * (ROOT_2_OVER_PI * (1 + 3 * CUBIC * x * x)))
    )


@choice("gelu(Tensor self, *, str approximate='none') -> Tensor")
def gelu(self, *, approximate="none"):
    """x times the normal distribution function of x; "tanh" approximates it."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return ("gelu_erf" if approximate == "none" else "gelu_tanh"), (self,)


# --- names ---------------------------------------------------------------------------------------

registry["prelu_elementwise"].node_name = "PreluKernelBackward0"
registry["relu6"].node_name = "HardtanhBackward0"
registry["selu"].node_name = "EluBackward0"
registry["softshrink_elementwise"].node_name = "SoftshrinkBackward0"
for _name in ("gelu_erf", "gelu_tanh"):
    registry[_name].node_name = "GeluBackward0"
for _name in ("gelu", "gelu_erf", "gelu_tanh", "glu", "mish", "silu", "softshrink"):
    registry[_name].namespace, registry[_name].method = "nn", False
for _name in ("celu", "selu"):
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key, _refused in (
    ("hardtanh", "hardtanh"), ("relu6", "hardtanh"), ("leaky_relu", "leaky_relu"),
    ("prelu_elementwise", "_prelu_kernel"), ("prelu", "_prelu_kernel"), ("celu", "celu"),
    ("elu", "elu"), ("selu", "elu"), ("softplus", "softplus"), ("hardsigmoid", "hardsigmoid"),
    ("hardswish", "hardswish"), ("log_sigmoid", "log_sigmoid_forward"), ("mish", "mish"),
    ("silu", "silu"), ("hardshrink", "hardshrink"), ("softshrink", "softshrink"), ("gelu", "gelu"),
):  # fmt: skip
    registry[_key].names(_refused)
