"""Normalisation: written with reductions and pointwise operations, gradients in closed form."""

from facula.autograd.mode import mode
from facula.meta import dtype as dtypes
from facula.meta.shape import numel
from facula.op import composite, operation, registry


def _beside(v, ndim):
    """A vector a channel in a shape that broadcasts over (N, C, ...)."""
    return v.reshape((1, -1) + (1,) * (ndim - 2))


def _wide(x):
    """Halves as float32, as normalisation statistics are kept."""
    return x if x.form.itemsize >= 4 else x.to(dtypes.float32)


@operation("batch_norm_train(Tensor input, Tensor? weight, Tensor? bias, float eps) "
           "-> (Tensor, Tensor, Tensor)")
def batch_norm_train(input, weight, bias, eps):
    """Normalised by the batch's own statistics: the result, mean and 1 / deviation a channel."""
    x = _wide(input)
    dims = (0, *range(2, x.form.ndim))
    mean = x.mean(dims)
    centred = x - _beside(mean, x.form.ndim)
    var = (centred * centred).mean(dims)
    inverse = (var + eps).rsqrt()
    scale = inverse if weight is None else inverse * weight
    y = centred * _beside(scale, x.form.ndim)
    if bias is not None:
        y = y + _beside(bias, x.form.ndim)
    return y.to(input.form.dtype), mean, inverse


batch_norm_train.node_name = "NativeBatchNormBackward0"
batch_norm_train.differentiable_outputs = (0,)


@batch_norm_train.gradient
def _(g, ys, input, weight, bias_form, eps, needs):
    g, ndim = g[0], input.form.ndim
    x, g = _wide(input), _wide(g)
    dims = (0, *range(2, ndim))
    count = x.form.numel // x.form.shape[1]
    if mode.enabled:
        # Statistics as functions of the input, so that their own gradients are followed.
        mean = x.mean(dims)
        centred = x - _beside(mean, ndim)
        inverse = ((centred * centred).mean(dims) + eps).rsqrt()
    else:
        mean, inverse = ys[1], ys[2]
        centred = x - _beside(mean, ndim)
    normal = centred * _beside(inverse, ndim)
    g_sum = g.sum(dims)
    g_dot = (g * normal).sum(dims)
    dx = None
    if needs[0]:
        scale = inverse if weight is None else inverse * weight
        spread = _beside(g_sum / count, ndim) + normal * _beside(g_dot / count, ndim)
        dx = ((g - spread) * _beside(scale, ndim)).to(input.form.dtype)
    dw = g_dot.to(weight.form.dtype) if weight is not None and needs[1] else None
    db = g_sum.to(bias_form.dtype) if bias_form is not None and needs[2] else None
    return dx, dw, db


@composite(
    "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
    "Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor"
)
def batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps,
               cudnn_enabled=False):
    """Each channel normalised by its mean and variance: in training the batch's, else running."""
    if input.form.ndim < 2:
        raise RuntimeError(
            f"batch_norm: expected input of at least 2 dimensions, got {list(input.form.shape)}"
        )
    channels = input.form.shape[1]
    for name, v in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if v is not None and v.form.numel != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {v.form.numel}")
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when training=False"
            )
        scale = (running_var + eps).rsqrt()
        if weight is not None:
            scale = scale * weight
        shift = -running_mean * scale if bias is None else bias - running_mean * scale
        ndim = input.form.ndim
        return (_wide(input) * _beside(scale, ndim) + _beside(shift, ndim)).to(input.form.dtype)
    y, mean, inverse = registry["batch_norm_train"].function(input, weight, bias, eps)
    if running_mean is not None or running_var is not None:
        count = input.form.numel // max(1, channels)
        _update_running(running_mean, running_var, mean, inverse, momentum, eps, count)
    return y


def _update_running(running_mean, running_var, mean, inverse, momentum, eps, count):
    """Running statistics move towards the batch's; the variance counts n - 1, as torch's does."""
    before, mode.enabled = mode.enabled, False
    try:
        if running_mean is not None:
            running_mean.mul_(1 - momentum).add_(mean.to(running_mean.form.dtype), alpha=momentum)
        if running_var is not None:
            var = (1 / (inverse * inverse) - eps) * (count / max(1, count - 1))
            running_var.mul_(1 - momentum).add_(var.to(running_var.form.dtype), alpha=momentum)
    finally:
        mode.enabled = before


@operation("layer_norm_rows(Tensor input, Tensor? weight, Tensor? bias, int n, float eps) "
           "-> (Tensor, Tensor, Tensor)")
def layer_norm_rows(input, weight, bias, n, eps):
    """Rows of n elements normalised by mean and variance; with mean and 1 / deviation a row."""
    x = _wide(input).reshape(-1, n)
    mean = x.mean(1, keepdim=True)
    centred = x - mean
    inverse = ((centred * centred).mean(1, keepdim=True) + eps).rsqrt()
    y = centred * inverse
    if weight is not None:
        y = y * weight.reshape(-1)
    if bias is not None:
        y = y + bias.reshape(-1)
    return y.to(input.form.dtype).reshape(input.form.shape), mean, inverse


layer_norm_rows.node_name = "NativeLayerNormBackward0"
layer_norm_rows.differentiable_outputs = (0,)


@layer_norm_rows.gradient
def _(g, ys, input, weight, bias_form, n, eps, needs):
    x, rows = _wide(input).reshape(-1, n), _wide(g[0]).reshape(-1, n)
    if mode.enabled:
        centred = x - x.mean(1, keepdim=True)
        inverse = ((centred * centred).mean(1, keepdim=True) + eps).rsqrt()
    else:
        centred, inverse = x - ys[1], ys[2]
    normal = centred * inverse
    dx = None
    if needs[0]:
        scaled = rows if weight is None else rows * weight.reshape(-1)
        spread = scaled.mean(1, keepdim=True) + normal * (scaled * normal).mean(1, keepdim=True)
        dx = ((scaled - spread) * inverse).to(input.form.dtype).reshape(input.form.shape)
    dw = (
        (rows * normal).sum(0).to(weight.form.dtype).reshape(weight.form.shape)
        if weight is not None and needs[1]
        else None
    )
    db = (
        rows.sum(0).to(bias_form.dtype).reshape(bias_form.shape)
        if bias_form is not None and needs[2]
        else None
    )
    return dx, dw, db


@composite("layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, "
           "Tensor? bias=None, float eps=1e-05) -> Tensor")
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """The last dimensions normalised by mean and variance (Ba et al., arXiv 1607.06450)."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            f"element, but got normalized_shape = {list(shape)}"
        )
    for name, v in (("weight", weight), ("bias", bias)):
        if v is not None and tuple(v.form.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(v.form.shape)} and normalized_shape = {list(shape)}"
            )
    if tuple(input.form.shape[-len(shape) :]) != shape or input.form.ndim < len(shape):
        stars = "".join(f", {n}" for n in shape)
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*{stars}], but got "
            f"input of size{list(input.form.shape)}"
        )
    return registry["layer_norm_rows"].function(input, weight, bias, numel(shape), eps)[0]

# Where records stand that are no functions of torch itself.
for _name in ("batch_norm_train", "layer_norm_rows"):
    registry[_name].namespace = "internal"
    registry[_name].method = False
