"""Losses that compare scores with a margin, distances, and the negative log-likelihoods of Poisson.

`reduction` is a word, as torch.nn.functional says it, or its number (0 none, 1 mean, 2 sum), as
torch's own functions do.
"""

import math

from facula.dispatch import dtype_word
from facula.kernel.scalar import exp, log1p, sigmoid
from facula.meta import names
from facula.op import SAME, composite, operation, pointwise, registry

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
# What cosine_embedding_loss adds to squared lengths.
TINY = 1e-12


def _number_of(reduction):
    number = REDUCTIONS.get(reduction) if isinstance(reduction, str) else reduction
    if number not in (0, 1, 2):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return number


def _reduced(loss, reduction):
    number = _number_of(reduction)
    return loss.mean() if number == 1 else loss.sum() if number == 2 else loss


def _refuse(name, x):
    if not x.form.dtype.is_floating_point:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtype_word(x.form.dtype)}'")


# --- one margin -----------------------------------------------------------------------------------

pointwise("soft_margin_terms(Tensor self, Tensor target) -> Tensor", SAME, "log(1 + exp(-t a)).",
          lambda a, t: log1p(exp(-a * t)))

pointwise("soft_margin_slopes(Tensor grad, Tensor self, Tensor target) -> Tensor", SAME,
          "The gradient of log(1 + exp(-t a)).",
          lambda g, a, t: -g * t * sigmoid(-a * t),
          lambda h, y, g, a, t: (
              -h * t * sigmoid(-a * t), h * g * t * t * sigmoid(-a * t) * sigmoid(a * t), None
          ))


@operation("soft_margin_elementwise(Tensor self, Tensor target) -> Tensor")
def soft_margin_elementwise(self, target):
    """log(1 + exp(-target * self))."""
    if self.form.itemsize == 2:
        # torch rounds to the half type after each step, where exp overflows soon.
        return (-self * target).exp().log1p()
    return registry["soft_margin_terms"].function(self, target)


soft_margin_elementwise.tensor_names = ("self",)


@soft_margin_elementwise.gradient
def _(g, self, target):
    if self.form.itemsize == 2:
        z = (-target * self).exp()
        return target * z * -1 / (z + 1) * g
    return registry["soft_margin_slopes"].function(g, self, target)


@composite("soft_margin_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor")
def soft_margin_loss(self, target, reduction=1):
    """log(1 + exp(-target * self)) in nats; targets are 1 or -1 and get no gradient.

    Input and target (*), result () or (*) for reduction 0 ("none"). Raises RuntimeError for shapes
    that do not fit.
    """
    _refuse("log1p", self)
    loss = soft_margin_elementwise.function(self, target.detach())
    return _reduced(loss, reduction)


@composite("margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, "
           "int reduction=Mean) -> Tensor")
def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=1):
    """max(0, margin - target (input1 - input2)): the first should rank higher where target is 1."""
    return _reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@composite("hinge_embedding_loss(Tensor self, Tensor target, float margin=1.0, int reduction=Mean) "
           "-> Tensor")
def hinge_embedding_loss(self, target, margin=1.0, reduction=1):
    """A distance where target is 1, what it lacks of the margin where target is -1.

    Input and target (*), result () or (*) for reduction 0 ("none"). Raises RuntimeError for shapes
    that do not fit.
    """
    where = registry["where"].function
    zeros = registry["zeros_like"].function(self)
    lack = registry["full_like"].function(self, margin) - self  # the margin in self's dtype
    apart = where(target != 1, lack.clamp_min(0), zeros)
    return _reduced(apart + where(target != -1, self, zeros), reduction)


@composite("cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, "
           "int reduction=Mean) -> Tensor")
def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=1):
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; rows are vectors."""
    dim = target.form.ndim
    if dim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.form.ndim != dim + 1 or input2.form.ndim != dim + 1:
        raise RuntimeError(
            f"{dim}D target tensor expects {dim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.form.shape)} and {list(input2.form.shape)}."
        )
    first, second = ((x * x).sum(dim) + TINY for x in (input1, input2))
    cos = (input1 * input2).sum(dim) / (first * second).sqrt()
    zeros = registry["zeros_like"].function(cos)
    where = registry["where"].function
    alike = where(target == 1, 1 - cos, zeros)
    return _reduced(alike + where(target == -1, (cos - margin).clamp_min(0), zeros), reduction)


# --- margins between classes ----------------------------------------------------------------------


def _rows(name, self, target, targets_of):
    """Scores as (N, C), after torch's checks; `targets_of`: the target shape for (N, C)."""
    shape = tuple(self.form.shape)
    fits = len(shape) == 2 and shape[1] != 0 or len(shape) == 1 and shape[0] != 0 or not shape
    if not fits:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)}"
        )
    rows = self.reshape(1, -1) if len(shape) < 2 else self
    n, c = rows.form.shape
    wanted = targets_of(n, c)
    given = tuple(target.form.shape)
    if len(shape) < 2:
        if target.form.numel != math.prod(wanted) or len(given) > 1:
            raise RuntimeError(f"inconsistent target size: {list(given)} for input of size: "
                               f"{list(shape)}")
    elif given != wanted:
        raise RuntimeError(
            "multi_margin_loss: The target tensor should be 1-D with size equal to the number of "
            f"samples. Expected target size {list(wanted)}, but got {list(given)}"
            if name == "multi_margin_loss"
            else f"inconsistent target size: {list(given)} for input of size: {list(shape)}"
        )
    _refuse(f"{name}_forward_out_frame" if name == "multilabel_margin_loss" else name, self)
    return rows, target.reshape(wanted)


def _check_long(target):
    if target.form.kind != "i64":
        raise RuntimeError(f"expected scalar type Long but found {dtype_word(target.form.dtype)}")


@composite("multi_margin_loss(Tensor self, Tensor target, Scalar p=1, Scalar margin=1, "
           "Tensor? weight=None, int reduction=Mean) -> Tensor")
def multi_margin_loss(self, target, p=1, margin=1, weight=None, reduction=1):
    """The mean over the classes of max(0, margin - x[y] + x[i])^p, the right class y left out."""
    _number_of(reduction)
    if p not in (1, 2):
        raise RuntimeError("only p == 1 and p == 2 supported")
    x, y = _rows("multi_margin_loss", self, target, lambda n, c: (n,))
    n, c = x.form.shape
    if weight is not None and (weight.form.ndim > 1 or weight.form.numel != c):
        raise RuntimeError(
            f"inconsistent weight size, expected {c} but got {list(weight.form.shape)}"
        )
    _check_long(target)
    if bool(((y < 0) | (y >= c)).any()):
        raise RuntimeError("target out of range")
    y = y.unsqueeze(1)
    # torch hands no gradient on where a term is just 0: relu does not, clamp would.
    terms = (x - x.gather(1, y) + margin).relu()
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * weight[y]
    others = registry["arange"].function(c) != y
    loss = registry["where"].function(others, terms, 0.0).sum(1) / c
    return _reduced(loss.squeeze(0) if self.form.ndim < 2 else loss, reduction)


@composite("multilabel_margin_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor")
def multilabel_margin_loss(self, target, reduction=1):
    """The sum of max(0, 1 - x[y] + x[i]) over the right classes y and the others i, by classes;
    a row of target names its right classes, up to the first -1.

    self (N, C) or (C), target as self, result () or (N). Raises RuntimeError for a class outside
    [-1, C).
    """
    _number_of(reduction)
    x, y = _rows("multilabel_margin_loss", self, target, lambda n, c: (n, c))
    _check_long(target)
    n, c = x.form.shape
    if y.form.numel and not (int(y.min()) >= -1 and int(y.max()) < c):
        raise RuntimeError("argument #3 target is out of range")
    named = (y >= 0).cumprod(1).bool()
    longest = int(named.sum(1).max()) if y.form.numel else 0
    # (N, T): only as many places as some row names.
    named = named.narrow(1, 0, longest)
    y = y.narrow(1, 0, longest).clamp_min(0)
    right = registry["zeros_like"].function(x, dtype=y.form.dtype)
    right = right.scatter_add(1, y, named.to(y.form.dtype)) == 0
    terms = (1 - x.gather(1, y).unsqueeze(2) + x.unsqueeze(1)).relu()  # (N, T, C)
    counted = named.unsqueeze(2) & right.unsqueeze(1)
    loss = registry["where"].function(counted, terms, 0.0).sum((1, 2)) / c
    return _reduced(loss.squeeze(0) if self.form.ndim < 2 else loss, reduction)


# --- distances ------------------------------------------------------------------------------------


@composite("pairwise_distance(Tensor x1, Tensor x2, float p=2, float eps=1e-06, "
           "bool keepdim=False) -> Tensor")
def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps along the last dimension.

    x1 and x2 (*, D) that broadcast, result (*). Raises RuntimeError where they do not.
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim)


@composite("triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, "
           "float p=2, float eps=1e-06, bool swap=False, int reduction=Mean) -> Tensor")
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False,
                        reduction=1):
    """max(0, margin + d(anchor, positive) - d(anchor, negative)); with `swap` the negative's
    distance is the smaller one of those to anchor and positive."""
    ranks = [x.form.ndim for x in (anchor, positive, negative)]
    if len(set(ranks)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {ranks[0]}D, positive {ranks[1]}D, and negative "
            f"{ranks[2]}D inputs"
        )
    distance = registry["pairwise_distance"].function
    near, far = distance(anchor, positive, p, eps), distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(distance(positive, negative, p, eps))
    return _reduced((margin + near - far).clamp_min(0), reduction)


# --- likelihoods ----------------------------------------------------------------------------------


@composite("poisson_nll_loss(Tensor input, Tensor target, bool log_input, bool full, float eps, "
           "int reduction) -> Tensor")
def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """Minus the log-likelihood of counts, in nats; input is the rate or (`log_input`) its
    logarithm.

    `full` adds Stirling's approximation of log(target!) where target exceeds 1.

    Input and target (*), result () or (*) for reduction 0 ("none"). Raises RuntimeError for shapes
    that do not fit.
    """
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return _reduced(loss, reduction)


# Where records stand that are no functions of torch itself.
for _name in ("soft_margin_elementwise", "soft_margin_terms", "soft_margin_slopes"):
    registry[_name].namespace = "internal"
    registry[_name].method = registry[_name].inplace = False
for _name in ("soft_margin_loss", "multi_margin_loss", "multilabel_margin_loss"):
    registry[_name].namespace = "nn"
for _name in (
    "soft_margin_loss", "multi_margin_loss", "multilabel_margin_loss",
    "hinge_embedding_loss", "pairwise_distance",
):
    registry[_name].method = False


# What the dimensions of results are called (Note [named tensors]).
@registry["margin_ranking_loss"].names
def _(input1, input2, target, reduction):
    both = names.unify(input1, input2)
    return names.loss(both, target, reduction)


@registry["poisson_nll_loss"].names
def _(self, target, reduction):
    return names.loss(self, target, reduction)


for _key in ("hinge_embedding_loss", "cosine_embedding_loss"):
    registry[_key].names("where.self")
