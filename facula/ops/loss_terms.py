"""The elementwise terms of losses; `loss.py` reduces them. a is the input, t the target."""

from facula.kernel.scalar import (
    abs_,
    exp,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    sgn,
    sigmoid,
    sign,
    where,
)
from facula.op import SAME, pointwise, pointwise_of


def term(schema, doc, value, gradient):
    """A record that only losses use."""
    record = pointwise(schema, SAME, doc, value, gradient)
    record.namespace, record.method, record.inplace = "nn", False, False
    return record


term("mse_elementwise(Tensor self, Tensor target) -> Tensor", "(a - t)^2.",
     lambda a, t: (a - t) * (a - t), lambda g, y, a, t: (g * (2 * (a - t)), g * (-2 * (a - t))))

term("l1_elementwise(Tensor self, Tensor target) -> Tensor", "|a - t|.",
     lambda a, t: abs_(a - t), lambda g, y, a, t: (g * sign(a - t), -g * sign(a - t)))
pointwise_of("mse_elementwise").refuses, pointwise_of("mse_elementwise").kernel = "c", "mse_cpu"
pointwise_of("l1_elementwise").real_valued = True
pointwise_of("l1_elementwise").complex_gradient = lambda g, y, a, t: (
    g * sgn(a - t), g * sgn(t - a)
)  # fmt: skip

term("smooth_l1_elementwise(Tensor self, Tensor target, Scalar beta) -> Tensor",
     "(a - t)^2 / (2 beta) within beta, |a - t| - beta / 2 beyond.",
     lambda a, t, beta: where(lt(abs_(a - t), beta), (a - t) * (a - t) * 0.5 / beta,
                              abs_(a - t) - 0.5 * beta),
     lambda g, y, a, t, beta: (where(lt(abs_(a - t), beta), g * (a - t) / beta, g * sign(a - t)),
                               where(lt(abs_(a - t), beta), g * (t - a) / beta, g * sign(t - a))))

term("huber_elementwise(Tensor self, Tensor target, Scalar delta) -> Tensor",
     "(a - t)^2 / 2 within delta, delta (|a - t| - delta / 2) beyond.",
     lambda a, t, delta: where(lt(abs_(a - t), delta), (a - t) * (a - t) * 0.5,
                               delta * (abs_(a - t) - 0.5 * delta)),
     lambda g, y, a, t, delta: (g * minimum(maximum(a - t, -delta), delta),
                                g * minimum(maximum(t - a, -delta), delta)))

term("bce_elementwise(Tensor self, Tensor target) -> Tensor",
     "-(t log(a) + (1 - t) log(1 - a)), logs above -100.",
     lambda a, t: (t - 1) * maximum(log1p(-a), -100) - t * maximum(log(a), -100),
     lambda g, y, a, t: (g * (a - t) / maximum((1 - a) * a, 1e-12),
                         g * (maximum(log1p(-a), -100) - maximum(log(a), -100))))

term("bce_logits_elementwise(Tensor self, Tensor target) -> Tensor",
     "bce of sigmoid(a), without overflow.",
     lambda a, t: (1 - t) * a + maximum(-a, 0) + log1p(exp(-abs_(a))),
     lambda g, y, a, t: (g * (sigmoid(a) - t), -g * a))

term("bce_logits_weighted_elementwise(Tensor self, Tensor target, Tensor weight) -> Tensor",
     "bce of sigmoid(a) with the positive class weighted.",
     lambda a, t, w: (1 - t) * a + (1 + (w - 1) * t) * (log1p(exp(-abs_(a))) + maximum(-a, 0)),
     lambda g, y, a, t, w: (g * ((1 - t) - (1 + (w - 1) * t) * sigmoid(-a)),
                            g * ((w - 1) * (log1p(exp(-abs_(a))) + maximum(-a, 0)) - a),
                            g * t * (log1p(exp(-abs_(a))) + maximum(-a, 0))))

