"""Losses: an elementwise formula, then none, mean or sum of it."""

from facula.dispatch.parts import refuse_complex
from facula.meta import names
from facula.meta.shape import broadcast_shapes
from facula.op import composite, registry

# What torch's own functions call the reductions.
WORDS = {0: "none", 1: "mean", 2: "sum"}


def _reduce(loss, reduction):
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _elementwise(name, doc):
    def loss(self, target, reduction="mean"):
        broadcast_shapes(self.form.shape, target.form.shape)
        return _reduce(registry[f"{name}_elementwise"].function(self, target), reduction)

    loss.__name__ = f"{name}_loss"
    composite(f"{name}_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor", doc)(loss)


_elementwise("mse", "The squared difference.")
_elementwise("l1", "The absolute difference.")


@composite("smooth_l1_loss(Tensor self, Tensor target, int reduction=Mean, float beta=1.0) "
           "-> Tensor")
def smooth_l1_loss(self, target, reduction="mean", beta=1.0):
    """Squared below a difference of beta, absolute above it.

    Both broadcast; the result is (), or their shape for reduction 0 ("none"). Raises RuntimeError
    where they do not.
    """
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return registry["l1_loss"].function(self, target, reduction)
    return _reduce(registry["smooth_l1_elementwise"].function(self, target, beta), reduction)


@composite("huber_loss(Tensor self, Tensor target, int reduction=Mean, float delta=1.0) -> Tensor")
def huber_loss(self, target, reduction="mean", delta=1.0):
    """Half the squared difference below delta, linear above it.

    Both broadcast; the result is (), or their shape for reduction 0 ("none"). Raises RuntimeError
    where they do not.
    """
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return _reduce(registry["huber_elementwise"].function(self, target, delta), reduction)


@composite("binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, "
           "int reduction=Mean) -> Tensor")
def binary_cross_entropy(self, target, weight=None, reduction="mean"):
    """Cross entropy of two classes in nats; self: probability of the second. Logarithms stop at
    -100.

    Input and target (*), result () or (*) for reduction 0 ("none"). Raises RuntimeError for shapes
    that do not fit.
    """
    if bool(((self < 0) | (self > 1)).any()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = registry["bce_elementwise"].function(self, target)
    return _reduce(loss if weight is None else loss * weight, reduction)


@composite(
    "binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, "
    "Tensor? pos_weight=None, int reduction=Mean) -> Tensor"
)
def binary_cross_entropy_with_logits(self, target, weight=None, pos_weight=None, reduction="mean"):
    """Cross entropy of two classes in nats; self is the logit of the second.

    Input and target (*), result () or (*) for reduction 0 ("none"). Raises RuntimeError for shapes
    that do not fit.
    """
    if pos_weight is None:
        loss = registry["bce_logits_elementwise"].function(self, target)
    else:
        loss = registry["bce_logits_weighted_elementwise"].function(self, target, pos_weight)
    loss = loss if weight is None else loss * weight
    return _reduce(loss, WORDS.get(reduction, reduction))


@composite("kl_div(Tensor self, Tensor target, int reduction=Mean, *, bool log_target=False) "
           "-> Tensor")
def kl_div(self, target, reduction="mean", *, log_target=False):
    """Kullback-Leibler divergence, in nats, of log-probabilities and target probabilities (or their
    logs).

    Input and target (*), result () or (*) for reduction 0 ("none"). Raises RuntimeError for shapes
    that do not fit, integers and complex numbers.
    """
    for one in (self, target):
        refuse_complex(one, "kl_div: Complex inputs not supported.", RuntimeError)
        if one.form.kind[0] in "iu":
            raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        loss = target.exp() * (target - self)
    else:
        loss = registry["xlogy"].function(target, target) - target * self
    return _reduce(loss, WORDS.get(reduction, reduction))

# Where records stand that are no functions of torch itself.
for _name in ("binary_cross_entropy", "huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"):
    registry[_name].namespace = "nn"
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
registry["l1_loss"].names(names.loss)


@registry["kl_div"].names
def _(self, target, reduction, log_target):
    if not log_target:
        raise names.refused("xlogy.Tensor")
    return names.loss(self, target, reduction)

# PyTorch has these as functions only.
for _name in ("kl_div", "binary_cross_entropy_with_logits"):
    registry[_name].method = False
