"""Normalisation: fused kernels for values and gradients, compositions for second gradients."""

from functools import lru_cache

from facula.autograd.mode import mode
from facula.launch.norm import (
    Rows,
    batch_norm_backward,
    check_parameters,
    row_norm,
    row_norm_backward,
)
from facula.launch.norm import batch_norm as batch_norm_kernel
from facula.meta import dtype as dtypes
from facula.meta.shape import numel
from facula.op import composite, operation, registry


def _wide(x):
    """Halves as float32, as normalisation statistics are kept."""
    return x if x.form.itemsize >= 4 else x.to(dtypes.float32)


def _targets(needs, weight, bias_form):
    """Which gradients a kernel computes: is the input's wanted, and forms of the others."""
    return (
        needs[0],
        weight.form if weight is not None and needs[1] else None,
        bias_form if bias_form is not None and needs[2] else None,
    )


# --- rows ----------------------------------------------------------------------------------------


def _row_record(name, node_name, doc):
    """A record of rows normalised by their own statistics: layer, group and rms norms differ in
    their layout only."""

    def forward(input, weight, bias, rows, eps):
        return row_norm(input, weight, bias, rows, eps)

    record = operation(
        f"{name}(Tensor input, Tensor? weight, Tensor? bias, int[] rows, float eps) "
        "-> (Tensor, Tensor)",
        doc,
    )(forward)
    record.gradient(_row_gradient)
    record.node_name = node_name
    record.differentiable_outputs, record.kept_outputs = (0,), (1,)
    record.namespace, record.method = "internal", False


def _row_gradient(g, ys, input, weight, bias_form, rows, eps, needs):
    if not mode.enabled:
        targets = _targets(needs, weight, bias_form)
        return row_norm_backward(g[0], input, weight, ys[1], rows, targets)
    # Statistics as functions of the input, so that their own gradients are followed.
    n, inner, groups, centred = rows
    shape = (-1, groups, n // inner, inner)
    x, g = _wide(input).reshape(shape), _wide(g[0]).reshape(shape)
    if centred:
        x = x - x.mean((2, 3), keepdim=True)
    inverse = ((x * x).mean((2, 3), keepdim=True) + eps).rsqrt()
    normal = x * inverse
    dx = dw = db = None
    if needs[0]:
        h = g if weight is None else g * _wide(weight).reshape(groups, n // inner, 1)
        spread = normal * (h * normal).mean((2, 3), keepdim=True)
        if centred:
            spread = spread + h.mean((2, 3), keepdim=True)
        dx = ((h - spread) * inverse).to(input.form.dtype).reshape(input.form.shape)
    if weight is not None and needs[1]:
        dw = (g * normal).sum((0, 3)).to(weight.form.dtype).reshape(weight.form.shape)
    if bias_form is not None and needs[2]:
        db = g.sum((0, 3)).to(bias_form.dtype).reshape(bias_form.shape)
    return dx, dw, db


_row_record("layer_norm_rows", "NativeLayerNormBackward0",
            "Rows normalised by mean and variance, and what the gradient reads of both.")
_row_record("group_norm_rows", "NativeGroupNormBackward0",
            "Groups of channels normalised by mean and variance, and these.")
_row_record("rms_norm_rows", "MulBackward0",
            "Rows divided by their root mean square, and the inverse of it.")


def _size_rows(centred, form, shape, parameters):
    """How rows of a normalized_shape lie in a form; torch's errors."""
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            f"element, but got normalized_shape = {list(shape)}"
        )
    for which, p in zip(("weight", "bias"), parameters, strict=False):
        if p is not None and tuple(p.shape) != shape:
            raise RuntimeError(
                f"Expected {which} to be of same shape as normalized_shape, but got {which} of "
                f"shape {list(p.shape)} and normalized_shape = {list(shape)}"
            )
    if form.ndim < len(shape) or tuple(form.shape[-len(shape) :]) != shape:
        sizes = ", ".join(map(str, shape))
        stars = f"*, {sizes}" if centred else f"*{sizes}"
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{stars}], but got "
            f"input of size{list(form.shape)}"
        )
    check_parameters(form, parameters, "LayerNormKernelImpl" if centred else "rms_norm")
    return Rows(numel(shape), 1, 1, centred)


_size_rows = lru_cache(maxsize=4096)(_size_rows)


def _form(tensor):
    return None if tensor is None else tensor.form


def _sizes(shape):
    return (shape,) if isinstance(shape, int) else tuple(shape)


@composite("layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, "
           "Tensor? bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor")
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    """The last dimensions normalised by mean and variance (Ba et al., arXiv 1607.06450).

    Raises RuntimeError if the input does not end in normalized_shape or weights are not of it.

    >>> import facula as torch
    >>> torch.layer_norm(torch.tensor([[1.0, 3.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.]])
    """
    shape = _sizes(normalized_shape)
    forms = (_form(weight), _form(bias))
    rows = _size_rows(True, input.form, shape, forms)
    return registry["layer_norm_rows"].function(input, weight, bias, rows, eps)[0]


@composite("rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, "
           "float? eps=None) -> Tensor")
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """The last dimensions divided by their root mean square (Zhang and Sennrich, arXiv 1910.07467).

    eps counts within the root; None means the dtype's resolution.

    Input and result (*, *normalized_shape), weight of normalized_shape. Raises RuntimeError for
    others.

    >>> import facula as torch
    >>> torch.rms_norm(torch.tensor([[3.0, 3.0]]), (2,))
    tensor([[1., 1.]])
    """
    shape = _sizes(normalized_shape)
    if eps is None:
        eps = dtypes.finfo(_wide_dtype(input)).eps
    if input.form.dtype.is_complex:
        last = tuple(range(input.form.ndim - len(shape), input.form.ndim))
        y = input * ((input * input).mean(last, True) + eps).rsqrt()
        return y if weight is None else y * weight
    rows = _size_rows(False, input.form, shape, (_form(weight),))
    return registry["rms_norm_rows"].function(input, weight, None, rows, eps)[0]


def _wide_dtype(x):
    return x.form.dtype if x.form.itemsize >= 4 else dtypes.float32


def _group_rows(form, groups, parameters):
    """How groups of channels lie in a form; torch's errors."""
    if form.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {form.ndim}"
        )
    if groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {groups}")
    channels = form.shape[1]
    if channels % groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(form.shape)} and num_groups={groups}"
        )
    for which, p in zip(("weight", "bias"), parameters, strict=True):
        if p is not None and (p.ndim != 1 or p.numel != channels):
            raise RuntimeError(
                f"Expected {which} to be a vector of size equal to the number of channels in "
                f"input, but got {which} of shape {list(p.shape)} and input of shape "
                f"{list(form.shape)}"
            )
    check_parameters(form, parameters, "GroupNormKernelImpl")
    inner = numel(form.shape[2:])
    return Rows(channels // groups * inner, inner, groups, True)


_group_rows = lru_cache(maxsize=4096)(_group_rows)


@composite("group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, "
           "float eps=1e-05, bool cudnn_enabled=True) -> Tensor")
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    """Groups of channels of (N, C, ...) normalised by mean and variance, a sample at a time
    (Wu and He, arXiv 1803.08494).

    >>> import facula as torch
    >>> torch.group_norm(torch.tensor([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0)
    tensor([[-1.,  1., -1.,  1.]])
    """
    rows = _group_rows(input.form, num_groups, (_form(weight), _form(bias)))
    return registry["group_norm_rows"].function(input, weight, bias, rows, eps)[0]


# --- channels ------------------------------------------------------------------------------------


@operation("batch_norm_channels(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
           "Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor)")
def batch_norm_channels(input, weight, bias, running_mean, running_var, training, momentum, eps):
    """Channels normalised by the batch's statistics or running ones, and the statistics used."""
    return batch_norm_kernel(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )


batch_norm_channels.node_name = "NativeBatchNormBackward0"
batch_norm_channels.tensor_names = ("input", "weight", "bias")
batch_norm_channels.differentiable_outputs, batch_norm_channels.kept_outputs = (0,), (1,)
batch_norm_channels.namespace, batch_norm_channels.method = "internal", False


def _beside(v, ndim):
    """A vector a channel in a shape that broadcasts over (N, C, ...)."""
    return v.reshape((1, -1) + (1,) * (ndim - 2))


@batch_norm_channels.gradient
def _(g, ys, input, weight, bias_form, training, eps, needs):
    if not mode.enabled:
        targets = _targets(needs, weight, bias_form)
        return batch_norm_backward(g[0], input, weight, ys[1], training, targets)
    g, ndim = g[0], input.form.ndim
    x, g = _wide(input), _wide(g)
    dims = (0, *range(2, ndim))
    if training:
        centred = x - x.mean(dims, keepdim=True)
        inverse = ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()
    else:
        kept = ys[1].detach()
        centred, inverse = x - _beside(kept[0], ndim), _beside(kept[1], ndim)
    normal = centred * inverse
    dx = dw = db = None
    if needs[0]:
        scale = inverse if weight is None else inverse * _beside(_wide(weight), ndim)
        if training:
            spread = g.mean(dims, keepdim=True) + normal * (g * normal).mean(dims, keepdim=True)
            dx = ((g - spread) * scale).to(input.form.dtype)
        else:
            dx = (g * scale).to(input.form.dtype)
    if weight is not None and needs[1]:
        dw = (g * normal).sum(dims).to(weight.form.dtype)
    if bias_form is not None and needs[2]:
        db = g.sum(dims).to(bias_form.dtype)
    return dx, dw, db


def _check_channels(form, training, parameters):
    """torch's errors for operands of batch normalisation."""
    if form.ndim < 2:
        raise RuntimeError(
            f"batch_norm: expected input of at least 2 dimensions, got {list(form.shape)}"
        )
    names = ("running_mean", "running_var", "weight", "bias")
    for name, p in zip(names, parameters, strict=True):
        if p is not None and p.numel != form.shape[1]:
            raise RuntimeError(f"{name} should contain {form.shape[1]} elements not {p.numel}")
    mean, var = parameters[:2]
    for name, p in (("running_mean", mean), ("running_var", var)):
        if not training and p is None:
            raise RuntimeError(f"{name} must be defined in evaluation mode")
    if (mean is None) != (var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    check_parameters(form, parameters, "batch_norm")


_check_channels = lru_cache(maxsize=4096)(_check_channels)


@composite(
    "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
    "Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor"
)
def batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps,
               cudnn_enabled=False):
    """Each channel normalised by its mean and variance: in training the batch's, else running
    (Ioffe and Szegedy, arXiv 1502.03167).

    Input and result (N, C, *), weight, bias and statistics (C). Raises RuntimeError for others.
    """
    if not input.form.numel:
        # As torch has it: nothing is checked, and weight and bias stay in the graph.
        y = input.clone()
        one, other = (None if p is None else p[0] if p.form.numel else p.sum()
                      for p in (weight, bias))  # fmt: skip
        y = y if one is None else y * one
        return y if other is None else y + other
    parameters = (_form(running_mean), _form(running_var), _form(weight), _form(bias))
    _check_channels(input.form, training, parameters)
    return registry["batch_norm_channels"].function(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )[0]


@composite(
    "instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
    "Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) "
    "-> Tensor"
)
def instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps,
                  cudnn_enabled=False):
    """Each channel of each sample normalised by its own mean and variance, or by running ones
    (Ulyanov et al., arXiv 1607.08022).

    Input and result (N, C, *), weight, bias and statistics (C). Raises RuntimeError for others.
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return registry["batch_norm"].function(
            input, weight, bias, running_mean, running_var, False, momentum, eps, False
        )
    samples, channels = input.form.shape[:2]
    if running_mean is None and running_var is None:
        return registry["group_norm"].function(input, channels, weight, bias, eps)
    # Every channel of every sample as a channel of one sample, with statistics to be averaged.
    one = input.reshape(1, samples * channels, *input.form.shape[2:])
    each = [None if v is None else v.repeat(samples) for v in (weight, bias)]
    with_running = [v.detach().repeat(samples) for v in (running_mean, running_var)]
    y = registry["batch_norm"].function(one, *each, *with_running, True, momentum, eps, False)
    before, mode.enabled = mode.enabled, False
    try:
        for kept, moved in zip((running_mean, running_var), with_running, strict=True):
            kept.copy_(moved.reshape(samples, channels).mean(0))
    finally:
        mode.enabled = before
    return y.reshape(input.form.shape)

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key, _refused in (
    ("layer_norm", "native_layer_norm"), ("group_norm", "native_group_norm"),
    ("batch_norm", "native_batch_norm"), ("instance_norm", "view"),
):  # fmt: skip
    registry[_key].names(_refused)
