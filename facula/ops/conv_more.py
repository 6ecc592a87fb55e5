"""Convolutions of rows and volumes, and transposed ones, from those of images.

A row is an image of one row. A transposed convolution is the gradient of a convolution's input with
the roles exchanged, so its own gradients are that convolution's other two operations.
"""

from facula.dispatch.layout import dtype_word, type_word
from facula.dispatch.parts import bilinear_in_parts, one_complex_dtype
from facula.kernel.library.conv_shape import Conv2d
from facula.launch import convolution_volume as volumes
from facula.launch.convolution import refuse_empty
from facula.launch.convolution_volume import Conv3d
from facula.op import composite, operation, registry

# --- volumes -----------------------------------------------------------------------------------


@operation("convolve3d(Tensor input, Tensor weight, Tensor? bias, Scalar shape) -> Tensor")
def convolve3d(input, weight, bias, shape):
    """A convolution of volumes whose numbers have been checked."""
    if input.form.kind == "i64":
        return registry["convolve_integers"].function(input, weight, bias, shape)
    return volumes.forward(input, weight, bias, shape)


convolve3d.node_name = "ConvolutionBackward0"
convolve3d.read_for = {"weight": 0, "input": 1}


@convolve3d.gradient
def _(g, input, weight, bias_form, shape, needs):
    return (
        registry["convolve3d_data"].function(g, weight, shape) if needs[0] else None,
        registry["convolve3d_weight"].function(g, input, shape) if needs[1] else None,
        g.sum((0, 2, 3, 4)) if needs[2] else None,
    )


@operation("convolve3d_data(Tensor dy, Tensor weight, Scalar shape) -> Tensor")
def convolve3d_data(dy, weight, shape):
    """The gradient of the input of a convolution of volumes."""
    if dy.form.kind == "i64":
        return registry["convolve_integers_back"].function(dy, weight, shape)
    return volumes.backward_data(dy, weight, shape)


convolve3d_data.node_name = "ConvolutionBackward0"
convolve3d_data.read_for = {"weight": 0, "dy": 1}


@convolve3d_data.gradient
def _(g, dy, weight, shape, needs):
    return (
        registry["convolve3d"].function(g, weight, None, shape) if needs[0] else None,
        registry["convolve3d_weight"].function(dy, g, shape) if needs[1] else None,
    )


@operation("convolve3d_weight(Tensor dy, Tensor input, Scalar shape) -> Tensor")
def convolve3d_weight(dy, input, shape):
    """The gradient of the weight of a convolution of volumes."""
    return volumes.backward_weight(dy, input, shape)


convolve3d_weight.read_for = {"input": 0, "dy": 1}


@convolve3d_weight.gradient
def _(g, dy, input, shape, needs):
    return (
        registry["convolve3d"].function(input, g, None, shape) if needs[0] else None,
        registry["convolve3d_data"].function(dy, g, shape) if needs[1] else None,
    )


# --- arguments ---------------------------------------------------------------------------------


def _numbers(value, rank, what):
    """A number for each dimension."""
    if isinstance(value, int):
        return (value,) * rank
    value = tuple(value)
    if len(value) == 1:
        return value * rank
    if len(value) != rank:
        raise RuntimeError(
            f"expected {what} to be a single integer value or a list of {rank} values to match the "
            f"convolution dimensions, but got {what}={list(value)}"
        )
    return value


def _check_ranks(name, rank, input, weight):
    ndim = input.form.ndim
    if ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {name}, but got "
            f"input of size: {list(input.form.shape)}"
        )
    many = weight.form.ndim
    if many < 3:
        raise RuntimeError("weight should have at least three dimensions")
    if many != rank + 2:
        raise RuntimeError(
            f"Expected {many}-dimensional input for {many}-dimensional weight "
            f"{list(weight.form.shape)}, but got {ndim}-dimensional input of size "
            f"{list(input.form.shape)} instead"
        )


def _check_numbers(stride, padding, dilation, groups, output_padding):
    if min(padding) < 0:
        raise RuntimeError("negative padding is not supported")
    if min(output_padding) < 0:
        raise RuntimeError("negative output_padding is not supported")
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")


def _check_operands(name, x, weight, bias, groups, transposed):
    """Channels, groups, bias and dtypes fit."""
    w, shape = list(weight.form.shape), list(x.form.shape)
    if w[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {w} instead"
        )
    if w[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{w}] instead"
        )
    channels = w[0] if transposed else w[1] * groups
    given = "Given transposed=1" if transposed else f"Given groups={groups}"
    if shape[1] != channels:
        raise RuntimeError(
            f"{given}, weight of size {w}, expected input{shape} to have {channels} channels, but "
            f"got {shape[1]} channels instead"
        )
    made = w[1] * groups if transposed else w[0]
    if bias is not None and (bias.form.ndim != 1 or bias.form.shape[0] != made):
        head = f"{given}, weight" if transposed else "Given weight"
        raise RuntimeError(
            f"{head} of size {w}, expected bias to be 1-dimensional with {made} elements, but got "
            f"bias of size {list(bias.form.shape)} instead"
        )
    if weight.form.dtype is not x.form.dtype:
        raise RuntimeError(
            f"expected scalar type {dtype_word(x.form.dtype)} but found "
            f"{dtype_word(weight.form.dtype)}"
        )
    if bias is not None and bias.form.dtype is not x.form.dtype:
        raise RuntimeError(
            f"Input type ({type_word(x.form.dtype)}) and bias type "
            f"({type_word(bias.form.dtype)}) should be the same"
        )
    if not x.form.dtype.is_floating_point and x.form.kind != "i64":
        kernel = f"slow_{name}_out_cpu" if transposed else name
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtype_word(x.form.dtype)}'")


def _same(padding, kernel, stride, dilation, rank):
    """Padding before, of a word or numbers, and whether it is to keep the sizes."""
    if not isinstance(padding, str):
        return _numbers(padding, rank, "padding"), False
    if padding not in ("same", "valid"):
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if padding == "valid":
        return (0,) * rank, False
    if max(stride) != 1:
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    return tuple([d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]), True


# --- from the records of images and volumes ----------------------------------------------------


def _convolve(name, rank, input, weight, bias, stride, padding, dilation, groups):
    if one_complex_dtype(input, weight, bias):
        return bilinear_in_parts(
            lambda x, w, b: _convolve(name, rank, x, w, b, stride, padding, dilation, groups),
            input, weight, bias,
        )
    _check_ranks(name, rank, input, weight)
    if input.form.ndim == rank + 1:
        alone = input.unsqueeze(0)
        made = _convolve(name, rank, alone, weight, bias, stride, padding, dilation, groups)
        return made.squeeze(0)
    stride, dilation = _numbers(stride, rank, "stride"), _numbers(dilation, rank, "dilation")
    kernel, sizes = tuple(weight.form.shape[2:]), tuple(input.form.shape[2:])
    padding, keeps = _same(padding, kernel, stride, dilation, rank)
    _check_numbers(stride, padding, dilation, groups, (0,))
    _check_operands(name, input, weight, bias, groups, False)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if not keeps:
        padded = [n + 2 * p for n, p in zip(sizes, padding, strict=True)]
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). "
                f"Kernel size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than "
                "actual input size"
            )
    refuse_empty(input.form.shape, weight.form.shape)
    batch, channels, *_ = input.form.shape
    out = weight.form.shape[0]
    given = sizes if keeps else None
    if rank == 3:
        shape = Conv3d(
            batch, channels, sizes, out, kernel, stride, padding, dilation, groups, given
        )
        return convolve3d.function(input, weight, bias, shape)
    shape = _row_shape(
        batch, channels, sizes, out, kernel, stride, padding, dilation, groups, given
    )
    row = registry["convolve"].function(input.unsqueeze(2), weight.unsqueeze(2), bias, shape)
    return row.squeeze(2)


def _row_shape(batch, channels, sizes, out, kernel, stride, padding, dilation, groups, given):
    """The image of one row that a row is."""
    return Conv2d(
        batch, channels, 1, sizes[0], out, (1, *kernel), (1, *stride), (0, *padding),
        (1, *dilation), groups, None if given is None else (1, *given),
    )


def _convolve_back(
    name, rank, input, weight, bias, stride, padding, output_padding, groups, dilation
):
    """A transposed convolution."""
    if one_complex_dtype(input, weight, bias):
        return bilinear_in_parts(
            lambda x, w, b: _convolve_back(
                name, rank, x, w, b, stride, padding, output_padding, groups, dilation
            ),
            input, weight, bias,
        )
    _check_ranks(name, rank, input, weight)
    if isinstance(padding, str):
        raise TypeError(f"{name}(): argument 'padding' must be tuple of ints, not str")
    if input.form.ndim == rank + 1:
        return _convolve_back(
            name, rank, input.unsqueeze(0), weight, bias, stride, padding, output_padding, groups,
            dilation,
        ).squeeze(0)
    stride, dilation = _numbers(stride, rank, "stride"), _numbers(dilation, rank, "dilation")
    padding = _numbers(padding, rank, "padding")
    output_padding = _numbers(output_padding, rank, "output_padding")
    _check_numbers(stride, padding, dilation, groups, output_padding)
    _check_operands(name, input, weight, bias, groups, True)
    kernel, sizes = tuple(weight.form.shape[2:]), tuple(input.form.shape[2:])
    _check_output_padding(rank, output_padding, stride, dilation)
    made = tuple(
        [
            (n - 1) * s - 2 * p + d * (k - 1) + more + 1
            for n, s, p, d, k, more in zip(
                sizes, stride, padding, dilation, kernel, output_padding, strict=True
            )
        ]
    )
    if min(made) <= 0:
        raise RuntimeError(
            f"Given input size per channel: ({' x '.join(map(str, sizes))}). Calculated output "
            f"size per channel: ({' x '.join(map(str, made))}). Output size is too small"
        )
    refuse_empty(input.form.shape, weight.form.shape)
    batch, channels = input.form.shape[:2]
    out = weight.form.shape[1] * groups
    if rank == 3:
        shape = Conv3d(
            batch, out, made, channels, kernel, stride, padding, dilation, groups, sizes
        )
        y = convolve3d_data.function(input, weight, shape)
    elif rank == 2:
        image = Conv2d(
            batch, out, made[0], made[1], channels, kernel, stride, padding, dilation, groups
        )
        image = image if image.output == sizes else image._replace(given_output=sizes)
        y = registry["convolve_data"].function(input, weight, image)
    else:
        line = _row_shape(
            batch, out, made, channels, kernel, stride, padding, dilation, groups, sizes
        )
        row = registry["convolve_data"].function(input.unsqueeze(2), weight.unsqueeze(2), line)
        y = row.squeeze(2)
    return y if bias is None else y + bias.reshape((-1,) + (1,) * rank)


def _check_output_padding(rank, output_padding, stride, dilation):
    if all(
        more < s or more < d for more, s, d in zip(output_padding, stride, dilation, strict=True)
    ):
        return
    # torch speaks of a row as an image of one row.
    axes = ("depth", "height", "width")[3 - max(2, rank) :]
    flat, ones = ((0,), (1,)) if rank == 1 else ((), ())
    listed = [
        f"{what}_{axis}: {n}"
        for what, values in (
            ("output_padding", flat + output_padding),
            ("stride", ones + stride),
            ("dilation", ones + dilation),
        )
        for axis, n in zip(axes, values, strict=True)
    ]
    raise RuntimeError(
        f"output padding must be smaller than either stride or dilation, but got {' '.join(listed)}"
    )


def _make_convolution(rank):
    name = f"conv{rank}d"

    @composite((
        f"{name}(Tensor input, Tensor weight, Tensor? bias=None, SymInt[{rank}] stride=1, "
        f"SymInt[{rank}] padding=0, SymInt[{rank}] dilation=1, SymInt groups=1) -> Tensor",
        f"{name}.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[{rank}] stride=1, "
        f"str padding='valid', SymInt[{rank}] dilation=1, SymInt groups=1) -> Tensor",
    ))
    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        """Cross-correlation of (N, C, ...) or (C, ...) with (O, C / groups, ...)."""
        return _convolve(name, rank, input, weight, bias, stride, padding, dilation, groups)

    convolution.method = False


def _make_transposed(rank):
    name = f"conv_transpose{rank}d"

    @composite(
        f"{name}(Tensor input, Tensor weight, Tensor? bias=None, int[{rank}] stride=1, "
        f"int[{rank}] padding=0, int[{rank}] output_padding=0, int groups=1, "
        f"int[{rank}] dilation=1) -> Tensor"
    )
    def transposed(
        input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
    ):
        """What a convolution with (C, O / groups, ...) spreads (N, C, ...) or (C, ...) to."""
        return _convolve_back(
            name, rank, input, weight, bias, stride, padding, output_padding, groups, dilation
        )

    transposed.method = False


for _rank in (1, 3):
    _make_convolution(_rank)
for _rank in (1, 2, 3):
    _make_transposed(_rank)

# Where records stand that are no functions of torch itself.
for _name in ("convolve3d", "convolve3d_data", "convolve3d_weight"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("conv1d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"):
    registry[_key].names("convolution")
