"""Convolutions of integers: windows as the columns of a product of integer matrices.

`numbers` are those of a checked convolution (`Conv2d`, `Conv3d`): sizes, kernel, stride, padding,
dilation, groups and the result's sizes. Rare, so plain; floating dtypes have kernels of their own.
"""

import math
from itertools import product

from facula.op import composite, registry


def _geometry(numbers):
    """Channels of both sides, and sizes along each axis, of images or volumes."""
    sizes = getattr(numbers, "size", None) or (numbers.height, numbers.width)
    return numbers.in_channels, numbers.out_channels, tuple(sizes), tuple(numbers.output)


def _windows(padded, numbers, output):
    """(N, C, *kernel, *output): each tap of each window, as a view."""
    batch, channel, *rest = padded.form.strides
    taps = [s * d for s, d in zip(rest, numbers.dilation, strict=True)]
    steps = [s * d for s, d in zip(rest, numbers.stride, strict=True)]
    shape = (*padded.form.shape[:2], *numbers.kernel, *output)
    return padded.as_strided(shape, (batch, channel, *taps, *steps))


@composite("convolve_integers(Tensor input, Tensor weight, Tensor? bias, Scalar numbers) -> Tensor")
def convolve_integers(input, weight, bias, numbers):
    """A convolution of int64 tensors; sums wrap around."""
    channels, out, sizes, output = _geometry(numbers)
    pads = []
    for k in reversed(range(len(sizes))):
        reach = (output[k] - 1) * numbers.stride[k] + numbers.dilation[k] * (numbers.kernel[k] - 1)
        before = numbers.padding[k]
        pads += [before, max(0, reach + 1 - sizes[k] - before)]
    padded = registry["constant_pad_nd"].function(input, pads).contiguous()
    n, groups = input.form.shape[0], numbers.groups
    taps = channels // groups * math.prod(numbers.kernel)
    columns = _windows(padded, numbers, output).reshape(n, groups, taps, math.prod(output))
    y = weight.reshape(groups, out // groups, taps).matmul(columns).reshape(n, out, *output)
    return y if bias is None else y + bias.reshape((-1,) + (1,) * len(sizes))


@composite("convolve_integers_back(Tensor dy, Tensor weight, Scalar numbers) -> Tensor")
def convolve_integers_back(dy, weight, numbers):
    """What a transposed convolution of int64 tensors makes of dy; sums wrap around."""
    channels, out, sizes, output = _geometry(numbers)
    n, groups = dy.form.shape[0], numbers.groups
    taps = channels // groups * math.prod(numbers.kernel)
    turned = weight.reshape(groups, out // groups, taps).transpose(1, 2)
    columns = turned.matmul(dy.reshape(n, groups, out // groups, math.prod(output)))
    columns = columns.reshape(n, channels, *numbers.kernel, *output)
    # Room for every window; what lies in the padding is cut off in the end.
    room = [
        max(size + pad, (o - 1) * s + d * (k - 1) + 1)
        for size, pad, o, s, d, k in zip(
            sizes, numbers.padding, output, numbers.stride, numbers.dilation, numbers.kernel,
            strict=True,
        )
    ]
    padded = registry["zeros"].function((n, channels, *room), dtype=dy.form.dtype)
    spread = _windows(padded, numbers, output)
    # Windows overlap, the places of one tap in all of them do not.
    for tap in product(*map(range, numbers.kernel)):
        at = (slice(None), slice(None), *tap)
        spread[at].add_(columns[at])
    for k, (size, pad) in enumerate(zip(sizes, numbers.padding, strict=True)):
        padded = padded.narrow(2 + k, pad, size)
    return padded.contiguous()


# Where records stand that are no functions of torch itself.
for _name in ("convolve_integers", "convolve_integers_back"):
    registry[_name].namespace = "internal"
    registry[_name].method = False
