"""Convolutions. The two gradients are operations themselves; their gradients are convolutions."""

from facula.dispatch.layout import type_word
from facula.dispatch.parts import bilinear_in_parts, one_complex_dtype
from facula.kernel.library.conv_shape import Conv2d
from facula.launch.convolution import backward_data, backward_weight, forward, refuse_empty
from facula.op import composite, operation, registry


def _pair(value, name):
    if isinstance(value, int):
        return value, value
    value = tuple(value)
    if len(value) == 1:
        return value * 2
    if len(value) != 2:
        raise RuntimeError(
            f"conv2d: expected {name} to be a single integer value or a list of 2 values, got "
            f"{list(value)}"
        )
    return value


def _word(tensor):
    return type_word(tensor.form.dtype)


def shape_of(input, weight, bias, stride, padding, dilation, groups):
    """The checked numbers of a convolution of (N, C, H, W) with (O, C / groups, kh, kw)."""
    x, w = input.form.shape, weight.form.shape
    sh, sw = _pair(stride, "stride")
    dh, dw = _pair(dilation, "dilation")
    if len(w) != 4 or len(x) != 4:
        raise RuntimeError(
            "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: "
            f"{list(x)}"
            if len(x) != 4
            else f"Expected {len(w)}-dimensional input for {len(w)}-dimensional weight {list(w)}, "
            f"but got 4-dimensional input of size {list(x)} instead"
        )
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise RuntimeError(
                f"Invalid padding string: '{padding}', should be one of 'valid', 'same'"
            )
        if padding == "same" and (sh, sw) != (1, 1):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        ph, pw = (0, 0) if padding == "valid" else (dh * (w[2] - 1) // 2, dw * (w[3] - 1) // 2)
    else:
        ph, pw = _pair(padding, "padding")
    if min(sh, sw) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(ph, pw) < 0:
        raise RuntimeError("negative padding is not supported")
    if min(dh, dw) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if w[0] % groups or w[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {list(w)} instead"
            if w[0] < groups
            else f"Given groups={groups}, expected weight to be divisible by {groups} at dimension "
            f"0, but got weight of size [{', '.join(map(str, w))}] instead"
        )
    if x[1] != w[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(w)}, expected input{list(x)} to have "
            f"{w[1] * groups} channels, but got {x[1]} channels instead"
        )
    if bias is not None and (bias.form.ndim != 1 or bias.form.shape[0] != w[0]):
        raise RuntimeError(
            f"Given weight of size {list(w)}, expected bias to be 1-dimensional with {w[0]} "
            f"elements, but got bias of size {list(bias.form.shape)} instead"
        )
    for other, name in ((weight, "weight"), (bias, "bias")):
        if other is not None and other.form.dtype is not input.form.dtype:
            raise RuntimeError(
                f"Input type ({_word(input)}) and {name} type ({_word(other)}) should be the same"
            )
    if not input.form.dtype.is_floating_point and input.form.kind != "i64":
        raise NotImplementedError(f"conv2d: not implemented for {input.form.dtype}")
    # An even kernel needs one more zero row behind than before: "same" is the result's size.
    given = (x[2], x[3]) if padding == "same" else None
    shape = Conv2d(
        x[0], x[1], x[2], x[3], w[0], (w[2], w[3]), (sh, sw), (ph, pw), (dh, dw), groups, given,
        input.form.suggests_last or weight.form.suggests_last, weight.form.suggests_last,
    )
    if min(shape.output) <= 0:
        raise RuntimeError(
            f"Calculated padded input size per channel: ({x[2] + 2 * ph} x {x[3] + 2 * pw}). "
            f"Kernel size: ({dh * (w[2] - 1) + 1} x {dw * (w[3] - 1) + 1}). Kernel size can't be "
            "greater than actual input size"
        )
    refuse_empty(x, w)
    return shape


@operation("convolve(Tensor input, Tensor weight, Tensor? bias, Scalar shape) -> Tensor")
def convolve(input, weight, bias, shape):
    """A convolution whose numbers have been checked."""
    if input.form.kind == "i64":
        return registry["convolve_integers"].function(input, weight, bias, shape)
    return forward(input, weight, bias, shape)


convolve.node_name = "ConvolutionBackward0"


convolve.read_for = {"weight": 0, "input": 1}


@convolve.gradient
def _(g, input, weight, bias_form, shape, needs):
    return (
        registry["convolve_data"].function(g, weight, shape) if needs[0] else None,
        registry["convolve_weight"].function(g, input, shape) if needs[1] else None,
        g.sum((0, 2, 3)) if needs[2] else None,
    )


@operation("convolve_data(Tensor dy, Tensor weight, Scalar shape) -> Tensor")
def convolve_data(dy, weight, shape):
    """The gradient of a convolution's input."""
    if dy.form.kind == "i64":
        return registry["convolve_integers_back"].function(dy, weight, shape)
    return backward_data(dy, weight, shape)


convolve_data.read_for = {"weight": 0, "dy": 1}


@convolve_data.gradient
def _(g, dy, weight, shape, needs):
    return (
        registry["convolve"].function(g, weight, None, shape) if needs[0] else None,
        registry["convolve_weight"].function(dy, g, shape) if needs[1] else None,
    )


@operation("convolve_weight(Tensor dy, Tensor input, Scalar shape) -> Tensor")
def convolve_weight(dy, input, shape):
    """The gradient of a convolution's weight."""
    return backward_weight(dy, input, shape)


convolve_weight.read_for = {"input": 0, "dy": 1}


@convolve_weight.gradient
def _(g, dy, input, shape, needs):
    return (
        registry["convolve"].function(input, g, None, shape) if needs[0] else None,
        registry["convolve_data"].function(dy, g, shape) if needs[1] else None,
    )


@composite(
    (
    "conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] "
    "padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
    "conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], str "
    "padding='valid', SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
)
)
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of (N, C, H, W) or (C, H, W) with (O, C / groups, kh, kw)."""
    if input.form.ndim == 3 and weight.form.ndim == 4:
        return conv2d.forward(
            input.unsqueeze(0), weight, bias, stride, padding, dilation, groups
        ).squeeze(0)
    if one_complex_dtype(input, weight, bias):
        return bilinear_in_parts(
            lambda x, w, b: conv2d.forward(x, w, b, stride, padding, dilation, groups),
            input, weight, bias,
        )
    shape = shape_of(input, weight, bias, stride, padding, dilation, groups)
    return registry["convolve"].function(input, weight, bias, shape)

# Where records stand that are no functions of torch itself.
for _name in ("convolve", "convolve_data", "convolve_weight"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
registry["conv2d"].names("convolution")
