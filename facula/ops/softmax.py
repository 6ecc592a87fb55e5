"""Softmax and cross entropy: compositions as the meaning, fused row kernels as the fast way."""

from facula.autograd.mode import mode
from facula.dispatch import dtype_word
from facula.launch.indirect import as_index
from facula.launch.rows import cross_entropy as cross_entropy_kernel
from facula.launch.rows import (
    cross_entropy_backward,
    get_count,
    set_count,
    softmax,
    softmax_backward,
)
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry


def _floating(name, x):
    if not x.form.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"{name}_lastdim_kernel_impl\" not implemented for '{_word(x)}'"
        )


@operation("softmax_along(Tensor self, int dim, bool log) -> Tensor")
def softmax_along(self, dim, log):
    """Softmax or log-softmax along a dimension, a row at a time."""
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
    _floating("softmax", x)
    return registry["softmax_along"].function(x, dim, False)


@composite("log_softmax(Tensor self, int dim, ScalarType? dtype=None, *, Tensor(a!)? out=None) "
           "-> Tensor")
def log_softmax(self, dim, dtype=None):
    """The logarithm of softmax: x - log(sum(exp(x))) along dim."""
    x = self if dtype is None else self.to(dtype)
    _floating("log_softmax", x)
    return registry["softmax_along"].function(x, dim, True)


# --- cross entropy -------------------------------------------------------------------------------


@operation("cross_entropy_classes(Tensor self, Tensor target, int ignore, str reduction) "
           "-> (Tensor, Tensor)")
def cross_entropy_classes(self, target, ignore, reduction):
    """Loss of rows (N, C) for class numbers (N,); for the gradient log-sum-exps, then the count."""
    loss, lse, code = cross_entropy_kernel(self, target, ignore)
    rows = count = loss.form.numel
    if code:
        check_classes(target, self.form.shape[1], ignore)
        count = int((target != ignore).sum().item())
    set_count(lse, count)
    if reduction == "none":
        return loss, lse
    if reduction == "mean" and count == rows:
        return loss.mean(), lse
    total = loss.sum()
    return (total / count if reduction == "mean" else total), lse


cross_entropy_classes.node_name = "NllLossBackward0"
cross_entropy_classes.tensor_names = ("self",)
cross_entropy_classes.differentiable_outputs = (0,)


@cross_entropy_classes.gradient
def _(g, ys, self, target, ignore, reduction):
    g, lse = g[0], ys[1]
    count = get_count(lse)
    scale = (
        1.0 / count
        if reduction == "mean" and count
        else float("nan")
        if reduction == "mean"
        else 1.0
    )
    if not mode.enabled:
        return cross_entropy_backward(g, self, target, lse, ignore, scale)
    kept = (target != ignore).to(self.form.dtype)
    classes = registry["arange"].function(self.form.shape[1])
    hit = (target.unsqueeze(1) == classes).to(self.form.dtype)
    rows = (g * scale * kept).unsqueeze(1)
    return (self.softmax(1) - hit) * rows


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


def _rows(x):
    """(N, C, ...) as rows (N * ..., C)."""
    if x.form.ndim <= 2:
        return x if x.form.ndim == 2 else x.unsqueeze(0)
    return x.movedim(1, -1).reshape(-1, x.form.shape[1])


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
    """Minus the log-probability of the right class, weighted by class."""
    if self.form.ndim == 0:
        raise RuntimeError("input tensor should be 1D or 2D")
    _check_target(self, target)
    if target.form.kind not in ("i64", "u8"):
        raise RuntimeError(f"expected scalar type Long but found {_word(target)}")
    classes = self.form.shape[1] if self.form.ndim > 1 else self.form.shape[0]
    if weight is not None and (weight.form.ndim != 1 or weight.form.numel != classes):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.form.shape)}"
        )
    flat = as_index(target).reshape(-1)
    rows = _rows(self)
    check_classes(flat, classes, ignore_index)
    kept = flat != ignore_index
    safe = registry["where"].function(kept, flat, 0)
    picked = -rows.gather(1, safe.unsqueeze(1)).squeeze(1)
    scale = kept.to(self.form.dtype)
    if weight is not None:
        scale = scale * weight.index_select(0, safe)
    # Rows that do not count must not turn 0 * inf into nan.
    losses = registry["where"].function(kept, picked, 0.0) * scale
    if reduction == "mean":
        return losses.sum() / scale.sum()
    if reduction == "sum":
        return losses.sum()
    return _reduce(losses.reshape(target.form.shape), reduction)


def _word(tensor):
    return dtype_word(tensor.form.dtype)


@composite(
    "cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, "
    "int ignore_index=-100, float label_smoothing=0.0) -> Tensor"
)
def cross_entropy(self, target, weight=None, reduction="mean", ignore_index=-100,
                  label_smoothing=0.0):
    """Minus the log of the softmax of the right class (or of a distribution over the classes)."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if label_smoothing < 0.0 or label_smoothing > 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    _floating("log_softmax", self)
    dim = 0 if self.form.ndim == 1 else 1
    if self.form.shape == target.form.shape:
        return _distribution(self, target, weight, reduction, dim, label_smoothing)
    if self.form.ndim == 0:
        raise RuntimeError("cross_entropy: expected input of at least 1 dimension")
    _check_target(self, target)
    if target.form.kind not in ("i64", "u8"):
        raise RuntimeError(f"expected scalar type Long but found {_word(target)}")
    if weight is None and label_smoothing == 0.0:
        flat = as_index(target)
        if flat.form.ndim != 1:
            flat = flat.reshape(-1)
        loss = registry["cross_entropy_classes"].function(
            _rows(self), flat, ignore_index, reduction
        )[0]
        return (
            loss.reshape(target.form.shape)
            if reduction == "none" and target.form.ndim != 1
            else loss
        )
    logs = self.log_softmax(dim)
    loss = registry["nll_loss"].function(logs, target, weight, reduction, ignore_index)
    if label_smoothing == 0.0:
        return loss
    kept = target != ignore_index
    spread = -(logs if weight is None else logs * _beside(weight, logs, dim)).sum(dim)
    spread = registry["where"].function(kept, spread, 0.0)
    classes = self.form.shape[dim]
    if reduction == "mean":
        if weight is None:
            smooth = spread.sum() / kept.to(self.form.dtype).sum()
        else:
            safe = registry["where"].function(kept, target, 0)
            counted = weight.index_select(0, safe.reshape(-1)) * kept.reshape(-1).to(
                self.form.dtype
            )
            smooth = spread.sum() / counted.sum()
    else:
        smooth = _reduce(spread, reduction)
    return loss * (1.0 - label_smoothing) + smooth * (label_smoothing / classes)


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
for _name in ("cross_entropy_classes", "softmax_along"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# Forms alone decide what these come to: one launch, in the common cases.
for _one in ("softmax_along", "softmax", "log_softmax"):
    registry[_one].is_launch = True
