"""Softmax and cross entropy: compositions as the meaning, fused row kernels as the fast way."""

from facula.autograd.mode import mode
from facula.dispatch import dtype_word
from facula.dispatch.parts import refuse_complex
from facula.launch.class_loss import How, class_loss_backward
from facula.launch.class_loss import class_loss as class_loss_kernel
from facula.launch.indirect import as_index
from facula.launch.rows import softmax, softmax_backward
from facula.meta import names
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry
from facula.tensor import empty


def _floating(name, x):
    if not x.form.dtype.is_floating_point:
        if not x.form.numel:
            return
        raise NotImplementedError(
            f"\"{name}_lastdim_kernel_impl\" not implemented for '{_word(x)}'"
        )


@operation("softmax_along(Tensor self, int dim, bool log) -> Tensor")
def softmax_along(self, dim, log):
    """Softmax or log-softmax along a dimension, a row at a time."""
    dim = wrap_dim(dim, self.form.ndim)
    if not self.form.dtype.is_floating_point:
        return empty(self.form.dtype, self.form.shape)
    return softmax(self, wrap_dim(dim, self.form.ndim), log)


softmax_along.node_name = "SoftmaxBackward0"


@softmax_along.gradient
def _(g, y, dim, log):
    if mode.enabled:
        if log:
            return g - y.exp() * g.sum(dim, keepdim=True)
        return y * (g - (g * y).sum(dim, keepdim=True))
    return softmax_backward(g, y, wrap_dim(dim, y.form.ndim), log)


@composite("softmax(Tensor self, int dim, ScalarType? dtype=None, *, Tensor(a!)? out=None) "
           "-> Tensor")
def softmax_(self, dim, dtype=None):
    """exp(x) normalised to sum to one along dim."""
    x = self if dtype is None else self.to(dtype)
    wrap_dim(dim, x.form.ndim)
    _floating("softmax", x)
    return registry["softmax_along"].function(x, dim, False)


@composite("log_softmax(Tensor self, int dim, ScalarType? dtype=None, *, Tensor(a!)? out=None) "
           "-> Tensor")
def log_softmax(self, dim, dtype=None):
    """The logarithm of softmax, in nats: x - log(sum(exp(x))) along dim.

    The result has the shape of self. Raises IndexError for a dim that is not there,
    NotImplementedError for integers without `dtype`.
    """
    x = self if dtype is None else self.to(dtype)
    wrap_dim(dim, x.form.ndim)
    _floating("log_softmax", x)
    return registry["softmax_along"].function(x, dim, True)


@composite("special_softmax(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor")
def special_softmax(self, dim, *, dtype=None):
    """exp(x) normalised to sum to one along dim.

    The result has the shape of self. Raises IndexError for a dim that is not there,
    NotImplementedError for integers without `dtype`.
    """
    return softmax_.function(self, dim, dtype)


@composite("special_log_softmax(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor")
def special_log_softmax(self, dim, *, dtype=None):
    """The logarithm of softmax, in nats: x - log(sum(exp(x))) along dim.

    The result has the shape of self. Raises IndexError for a dim that is not there,
    NotImplementedError for integers without `dtype`.
    """
    return log_softmax.function(self, dim, dtype)


# --- cross entropy -------------------------------------------------------------------------------


@operation("class_loss(Tensor self, Tensor target, Tensor? weight, int ignore, float smoothing, "
           "bool logits, str reduction) -> (Tensor, Tensor)")
def class_loss(self, target, weight, ignore, smoothing, logits, reduction):
    """Loss of (N, C, ...) for class numbers (N, ...), and what the gradient reads."""
    how = How(logits, smoothing != 0.0, reduction)
    loss, kept, code = class_loss_kernel(self, target, weight, ignore, smoothing, how)
    if code:
        check_classes(target, self.form.shape[1 if self.form.ndim > 1 else 0], ignore)
    return loss, kept


class_loss.node_name = "NllLossBackward0"
class_loss.tensor_names = ("self",)
class_loss.differentiable_outputs, class_loss.kept_outputs = (0,), (1,)


@class_loss.gradient
def _(g, ys, self, target, weight, ignore, smoothing, logits, reduction):
    g, kept = g[0], ys[1]
    if not mode.enabled:
        how = How(logits, smoothing != 0.0, reduction)
        numbers = (ignore, smoothing)
        return class_loss_backward(g, self, target, weight, kept, numbers, how)
    dim = 1 if self.form.ndim > 1 else 0
    classes = self.form.shape[dim]
    counts = target != ignore
    if reduction != "none":
        g = g / kept.detach()[-1].to(g.form.dtype)
    rows = (g * counts.to(self.form.dtype)).unsqueeze(dim)
    numbers = registry["arange"].function(classes)
    beside = tuple([classes if d == dim else 1 for d in range(self.form.ndim)])
    hit = (target.unsqueeze(dim) == numbers.reshape(beside)).to(self.form.dtype)
    own = rows
    if weight is not None:
        safe = registry["where"].function(counts, target, 0)
        own = rows * weight[safe].unsqueeze(dim)
    if not logits:
        return -(hit * own)
    p = self.softmax(dim)
    if smoothing == 0.0:
        return (p - hit) * own
    weights = 1.0 if weight is None else weight.reshape(beside)
    total = classes if weight is None else weight.sum()
    even = (p * total - weights) * rows * (smoothing / classes)
    return (p - hit) * own * (1.0 - smoothing) + even


def check_classes(target, classes, ignore):
    """Raises torch's error for a class number outside the classes."""
    wrong = ((target < 0) | (target >= classes)) & (target != ignore)
    if bool(wrong.any()):
        raise IndexError(f"Target {target[wrong][0].item()} is out of bounds.")


def _reduce(loss, reduction):
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _check_target(x, target):
    if x.form.ndim == 1:
        if target.form.ndim != 0:
            raise ValueError(
                "Expected input batch_size (1) to match target batch_size "
                f"({target.form.shape[0]})."
                if target.form.shape[0] != 1
                else f"Expected target size [], got {list(target.form.shape)}"
            )
        return
    wanted = (x.form.shape[0], *x.form.shape[2:])
    if target.form.ndim == 0 or x.form.shape[0] != target.form.shape[0]:
        got = target.form.shape[0] if target.form.ndim else 1
        raise ValueError(
            f"Expected input batch_size ({x.form.shape[0]}) to match target batch_size ({got})."
        )
    if tuple(target.form.shape) != tuple(wanted):
        raise RuntimeError(f"Expected target size {list(wanted)}, got {list(target.form.shape)}")


@composite(
    "nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, "
    "int ignore_index=-100) -> Tensor"
)
def nll_loss(self, target, weight=None, reduction="mean", ignore_index=-100):
    """Minus the log-probability (in nats) of the right class, weighted by class."""
    _check_reduction(reduction)
    if self.form.ndim == 0:
        raise RuntimeError("input tensor should be 1D or 2D")
    _check_target(self, target)
    refuse_complex(self, "\"nll_loss_out_frame\" not implemented for '{}'")
    if target.form.kind not in ("i64", "u8"):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {_word(target)}")
    _check_weight(self, weight)
    return registry["class_loss"].function(
        self, as_index(target), weight, ignore_index, 0.0, False, reduction
    )[0]


def _check_weight(x, weight):
    if weight is None:
        return
    classes = x.form.shape[1] if x.form.ndim > 1 else x.form.shape[0]
    if weight.form.ndim != 1 or weight.form.numel != classes:
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.form.shape)}"
        )
    if weight.form.dtype is not x.form.dtype:
        raise RuntimeError(f"expected scalar type {_word(x)} but found {_word(weight)}")


def _check_reduction(reduction):
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def _word(tensor):
    return dtype_word(tensor.form.dtype)


@composite(
    "cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, "
    "int ignore_index=-100, float label_smoothing=0.0) -> Tensor"
)
def cross_entropy(self, target, weight=None, reduction="mean", ignore_index=-100,
                  label_smoothing=0.0):
    """Minus the log of the softmax of the right class (or of a distribution over the classes), in
    nats."""
    _check_reduction(reduction)
    if label_smoothing < 0.0 or label_smoothing > 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    _floating("log_softmax", self)
    dim = 0 if self.form.ndim == 1 else 1
    if self.form.shape == target.form.shape:
        if ignore_index >= 0 and target.form.dtype.is_floating_point:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _distribution(self, target, weight, reduction, dim, label_smoothing)
    if self.form.ndim == 0:
        raise RuntimeError("cross_entropy: expected input of at least 1 dimension")
    _check_target(self, target)
    if target.form.kind not in ("i64", "u8"):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {_word(target)}")
    _check_weight(self, weight)
    return registry["class_loss"].function(
        self, as_index(target), weight, ignore_index, label_smoothing, True, reduction
    )[0]


def _beside(weight, logs, dim):
    """Class weights in a shape that broadcasts along the class dimension."""
    return weight.reshape(tuple([-1 if d == dim else 1 for d in range(logs.form.ndim)]))


def _distribution(x, target, weight, reduction, dim, smoothing):
    if not target.form.dtype.is_floating_point:
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {_word(target)}"
        )
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / x.form.shape[dim]
    logs = x.log_softmax(dim)
    if weight is not None:
        logs = logs * _beside(weight, logs, dim)
    losses = -(logs * target).sum(dim)
    if reduction == "mean":
        return losses.sum() / (x.form.numel // x.form.shape[dim])
    return _reduce(losses, reduction)

# Where records stand that are no functions of torch itself.
for _name in ("cross_entropy", "nll_loss"):
    registry[_name].namespace = "nn"
    registry[_name].method = False
for _name in ("class_loss", "softmax_along"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# Forms alone decide what these come to: one launch, in the common cases.
for _one in ("softmax_along", "softmax", "log_softmax"):
    registry[_one].is_launch = True

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("softmax", "log_softmax"):
    registry[_key].names(names.same)
for _key, _refused in (
    ("nll_loss", "nll_loss_forward"), ("cross_entropy", "nll_loss_forward"),
):  # fmt: skip
    registry[_key].names(_refused)
