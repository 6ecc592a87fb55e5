"""torch's native_ functions, and others it lists for their schemas: the results of normalisation
with the statistics it used, a pair of tensors contracted by a third, padding by one number."""

from facula.meta import dtype as dtypes
from facula.meta.layout import channels_last, channels_last_3d
from facula.op import composite, operation, registry

# --- normalisation with its statistics -----------------------------------------------------------


def _wide(x):
    """A tensor in the dtype that statistics are computed in."""
    return x if x is None or x.form.itemsize >= 4 else x.to(dtypes.float32)


def _mean_rstd(x, dims, eps):
    """The mean and 1 / sqrt(variance + eps) over dims, which stay with size 1."""
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    return mean, ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()


@composite("native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, "
           "Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)")
def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """layer_norm, with the mean and reciprocal standard deviation of each row.

    Input and y (*, *normalized_shape), mean and rstd (*, 1, ...). Raises RuntimeError for others.
    """
    y = registry["layer_norm"].function(input, normalized_shape, weight, bias, eps)
    count = len(normalized_shape)
    dims = tuple(range(input.form.ndim - count, input.form.ndim))
    mixed = weight is not None and weight.form.dtype is not input.form.dtype
    mean, rstd = _mean_rstd(_wide(input.detach()), dims, eps)
    return y, *[v if mixed else v.to(input.form.dtype) for v in (mean, rstd)]


@composite("native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, "
           "SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)")
def native_group_norm(input, weight, bias, N, C, HxW, group, eps):
    """group_norm of N samples of C channels of HxW elements, with (N, group) means and reciprocal
    standard deviations."""
    y = registry["group_norm"].function(input, group, weight, bias, eps)
    mixed = weight is not None and weight.form.dtype is not input.form.dtype
    mean, rstd = _mean_rstd(_wide(input).reshape(N, group, C // group * HxW), (2,), eps)
    found = [v.reshape(N, group) for v in (mean, rstd)]
    return y, *[v if mixed else v.to(input.form.dtype) for v in found]


@composite("native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
           "Tensor? running_var, bool training, float momentum, float eps, *, "
           "Tensor(a!)? out=None) -> (Tensor, Tensor, Tensor)")
def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps):
    """batch_norm, with the mean and reciprocal standard deviation of each channel in training.

    Input and y (N, C, *), all others (C). Raises RuntimeError for other sizes.
    """
    y = registry["batch_norm"].function(
        input, weight, bias, running_mean, running_var, training, momentum, eps, False
    )
    if not training:
        empty = registry["empty"].function
        return y, empty((0,), dtype=input.form.dtype), empty((0,), dtype=input.form.dtype)
    dims = (0, *range(2, input.form.ndim))
    mean, rstd = _mean_rstd(_wide(input.detach()), dims, eps)
    mixed = weight is not None and weight.form.dtype is not input.form.dtype
    return y, *[(v if mixed else v.to(input.form.dtype)).reshape(-1) for v in (mean, rstd)]


# --- others ---------------------------------------------------------------------------------------


@composite("bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor")
def bilinear(input1, input2, weight, bias=None):
    """(..., K): the sums of input1[i] weight[k, i, j] input2[j], plus bias[k]."""
    ranks = (input1.form.ndim, input2.form.ndim)
    if ranks[0] != ranks[1]:
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {ranks[0]} and {ranks[1]}"
        )
    if input1.form.shape[:-1] != input2.form.shape[:-1]:
        d = next(
            k for k, (a, b) in enumerate(
                zip(input1.form.shape, input2.form.shape, strict=True)) if a != b
        )
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match at dim {d}: got "
            f"{input1.form.shape[d]} and {input2.form.shape[d]}"
        )
    if weight.form.ndim != 3:
        raise RuntimeError(f"bilinear(): weight must be 3-D, got {weight.form.ndim}-D")
    k, i, j = weight.form.shape
    for number, x, n in ((1, input1, i), (2, input2, j)):
        if x.form.shape[-1] != n:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got "
                f"{x.form.shape[-1]} but expected {n}"
            )
    if bias is not None and bias.form.shape[0] != k:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.form.shape[0]} but "
            f"expected {k}"
        )
    lead = tuple(input1.form.shape[:-1])
    a, b = input1.reshape(-1, i), input2.reshape(-1, j)
    # (B, I) x (I, K J) -> (B, K, J), then with (B, J): two products, no (B, I, J)
    half = a.matmul(weight.permute(1, 0, 2).reshape(i, k * j)).reshape(a.form.shape[0], k, j)
    y = half.matmul(b.unsqueeze(2)).reshape(*lead, k)
    return y if bias is None else y + bias


@composite("conv_tbc(Tensor self, Tensor weight, Tensor bias, int pad=0) -> Tensor")
def conv_tbc(self, weight, bias, pad=0):
    """A convolution along time of (T, B, C) with (k, C, O): (T', B, O)."""
    for number, name, x, ndim in (
        (1, "Input", self, 3), (2, "Weight", weight, 3), (3, "Bias", bias, 1)
    ):
        if x.form.ndim != ndim:
            what = "time, batch, in_channels" if number == 1 else "kw, in_channels, out_channels"
            dims = f"{ndim} dims: {what}" if number < 3 else "1 dim"
            raise RuntimeError(f"{name} must have {dims}.")
    if self.form.shape[2] != weight.form.shape[1]:
        raise RuntimeError(
            "Input dim 2 (input channels) == Weight dim 1 (input channels) is required, got "
            f"{self.form.shape[2]} and {weight.form.shape[1]}"
        )
    if weight.form.shape[2] != bias.form.shape[0]:
        raise RuntimeError(
            "Bias size must equal dim 2 in the weight tensor (output channels), got "
            f"{bias.form.shape[0]} and {weight.form.shape[2]}"
        )
    y = registry["conv1d"].function(
        self.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad
    )
    return y.permute(2, 0, 1)


@composite("native_channel_shuffle(Tensor self, int groups) -> Tensor")
def native_channel_shuffle(self, groups):
    """Another name of channel_shuffle."""
    return registry["channel_shuffle"].function(self, groups)


@operation("constant_pad(Tensor self, SymInt[] pad, Scalar value) -> Tensor")
def constant_pad(self, pad, value):
    """The tensor with more elements of one value around it, or with some cut off."""
    form, inner, shape, places = self.form, self, list(self.form.shape), []
    for k in range(len(pad) // 2):
        d, before, after = form.ndim - 1 - k, pad[2 * k], pad[2 * k + 1]
        start = max(0, -before)
        kept = shape[d] - start - max(0, -after)
        inner = inner.narrow(d, start, kept)
        places.append((d, max(0, before), kept))
        shape[d] += before + after
    layout = None
    if form.suggests_last:
        layout = channels_last if form.ndim == 4 else channels_last_3d
    y = registry["empty"].function(tuple(shape), dtype=form.dtype, memory_format=layout)
    if y.form.numel > inner.form.numel:
        y.fill_(value)
    middle = y
    for d, before, kept in places:
        middle = middle.narrow(d, before, kept)
    middle.copy_(inner)
    return y


constant_pad.node_name = "ConstantPadNdBackward0"


@constant_pad.gradient
def _(g, pad):
    return constant_pad.function(g, tuple([-n for n in pad]), 0)


@composite("constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor")
def constant_pad_nd(self, pad, value=0):
    """The tensor with (before, after) more elements of one value along each dimension, the last
    one first; negative numbers cut elements off.

    self (*, n), result (*, before + n + after), numbers for the last dim first. Raises RuntimeError
    for an odd or too long pad or a negative size.
    """
    pad, form = tuple(pad), self.form
    if len(pad) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pad)}")
    if len(pad) > 2 * form.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. "
            f"Pad length is {len(pad)} while the input has {form.ndim} dimensions."
        )
    for k in range(len(pad) // 2):
        d, (before, after) = form.ndim - 1 - k, pad[2 * k : 2 * k + 2]
        size = form.shape[d]
        if size + before + after < 0 or size + min(before, 0) + min(after, 0) < 0:
            raise RuntimeError(
                f"The input size {size}, plus negative padding {before} and {after} resulted in a "
                f"negative output size, which is invalid. Check dimension {d} of your input."
            )
    if form.dtype.kind in "iub" and isinstance(value, float):
        value = int(value)
    return constant_pad.function(self, pad, value)


# Where records stand that are no functions of torch itself.
registry["constant_pad"].namespace = "internal"
for _name in (
    "conv_tbc", "native_channel_shuffle", "native_layer_norm", "native_group_norm",
    "native_batch_norm", "bilinear", "constant_pad", "constant_pad_nd",
):
    registry[_name].method = False
