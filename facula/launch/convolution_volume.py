"""Convolutions of volumes (N, C, D, H, W), as convolutions of images. No graph here.

Slices of a volume, one after the other with their channels, are images; the slices under a kernel's
depth are more channels of one image. With slices stored that way, "more channels" is a view that
overlaps itself: nothing is copied once a tap. Note [convolution without im2col].
"""

from math import gcd
from typing import NamedTuple

from facula.dispatch import copy_of
from facula.form import form_of
from facula.kernel.library.conv_shape import Conv2d
from facula.launch import convolution as images
from facula.op import registry
from facula.tensor import Tensor, allocate, wrap

Triple = tuple[int, int, int]


class Conv3d(NamedTuple):
    """The numbers of a convolution of volumes as torch names them; channels count all groups.

    >>> Conv3d(1, 2, (5, 6, 7), 3, (3, 3, 3)).output
    (3, 4, 5)
    """

    batch: int
    in_channels: int
    size: Triple
    out_channels: int
    kernel: Triple
    stride: Triple = (1, 1, 1)
    padding: Triple = (0, 0, 0)
    dilation: Triple = (1, 1, 1)
    groups: int = 1
    given_output: Triple | None = None

    @property
    def output(self) -> Triple:
        """Sizes of the result; `given_output` allows more padding on the far sides."""
        if self.given_output is not None:
            return self.given_output
        sizes = zip(self.size, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        depth, height, width = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes)
        return depth, height, width

    def images(self, batch: int, in_channels: int, out_channels: int) -> Conv2d:
        """The convolution of slices, for so many of them and channels."""
        plain = Conv2d(
            batch,
            in_channels,
            self.size[1],
            self.size[2],
            out_channels,
            self.kernel[1:],
            self.stride[1:],
            self.padding[1:],
            self.dilation[1:],
        )
        height, width = self.output[1:]
        if plain.output == (height, width):
            return plain
        return plain._replace(given_output=(height, width))


def _zeros(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    made: Tensor = registry["zeros"].function(shape, dtype=like.form.dtype)
    return made


def _slices(x: Tensor, low: int, high: int) -> Tensor:
    """(N, D, C, H, W), contiguous, with so many slices of zeros before and after (or fewer)."""
    n, c, depth, h, w = x.form.shape
    cut = max(0, -low), max(0, -high)
    kept = x.narrow(2, cut[0], depth - cut[0] - cut[1]).transpose(1, 2)
    if low <= 0 and high <= 0:
        return copy_of(kept)
    low, high = max(0, low), max(0, high)
    made = _zeros(x, (n, kept.form.shape[1] + low + high, c, h, w))
    made.narrow(1, low, kept.form.shape[1]).copy_(kept)
    return made


def _stacked(slices: Tensor, first: int, count: int, step: int, taps: int, apart: int) -> Tensor:
    """(count, taps * C, h, w) of (D, C, h, w): image i has as channels those of the slices
    first + i * step, and of `taps` - 1 more, each `apart` slices further on."""
    _, c, h, w = slices.form.shape
    plane, one = h * w, c * h * w
    address = slices.address + first * one * slices.form.itemsize
    if taps == 1 or apart == 1:
        form = form_of(slices.form.dtype, (count, taps * c, h, w), (step * one, plane, w, 1))
        return wrap(slices.block, address, form)
    strides = (step * one, apart * one, plane, w, 1)
    form = form_of(slices.form.dtype, (count, taps, c, h, w), strides)
    whole: Tensor = copy_of(wrap(slices.block, address, form))
    return whole.reshape((count, taps * c, h, w))


def _groups(x: Tensor, dim: int, groups: int) -> list[Tensor]:
    """A tensor's equal parts along a dimension."""
    each = x.form.shape[dim] // groups
    return [x] if groups == 1 else [x.narrow(dim, g * each, each) for g in range(groups)]


def _one_group(shape: Conv3d) -> Conv3d:
    return shape._replace(
        in_channels=shape.in_channels // shape.groups,
        out_channels=shape.out_channels // shape.groups,
        groups=1,
        given_output=shape.output,
    )


def forward(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Conv3d) -> Tensor:
    """conv3d(x, weight, bias)."""
    y = allocate(form_of(x.form.dtype, (shape.batch, shape.out_channels, *shape.output)))
    if not y.form.numel:
        return y
    parts = zip(
        _groups(x, 1, shape.groups),
        _groups(weight, 0, shape.groups),
        [None] * shape.groups if bias is None else _groups(bias, 0, shape.groups),
        _groups(y, 1, shape.groups),
        strict=True,
    )
    for part in parts:
        _forward(*part, _one_group(shape))
    return y


def _depth(shape: Conv3d) -> tuple[int, int]:
    """Slices of zeros before and after (less than none: slices that no result needs)."""
    reach = (shape.output[0] - 1) * shape.stride[0] + (shape.kernel[0] - 1) * shape.dilation[0] + 1
    return shape.padding[0], reach - shape.size[0] - shape.padding[0]


def _forward(x: Tensor, weight: Tensor, bias: Tensor | None, y: Tensor, shape: Conv3d) -> None:
    """One group: y is written."""
    taps, depth = shape.kernel[0], shape.output[0]
    low, high = _depth(shape)
    slices = _slices(x, low, high)
    o, c = weight.form.shape[:2]
    flat = weight.transpose(1, 2).reshape((o, taps * c, *shape.kernel[1:]))
    one = shape.images(depth, taps * c, o)
    for n in range(shape.batch):
        held = _stacked(slices[n], 0, depth, shape.stride[0], taps, shape.dilation[0])
        y[n].copy_(images.forward(held, flat, bias, one).transpose(0, 1))


def backward_data(g: Tensor, weight: Tensor, shape: Conv3d) -> Tensor:
    """The gradient of x."""
    dx = allocate(form_of(g.form.dtype, (shape.batch, shape.in_channels, *shape.size)))
    if not dx.form.numel:
        return dx
    parts = zip(
        _groups(g, 1, shape.groups),
        _groups(weight, 0, shape.groups),
        _groups(dx, 1, shape.groups),
        strict=True,
    )
    for part in parts:
        _backward_data(*part, _one_group(shape))
    return dx


def _backward_data(g: Tensor, weight: Tensor, dx: Tensor, shape: Conv3d) -> None:
    """One group: dx is written, phase by phase of its slices.

    Slice m * stride + phase - padding of x meets slice m + shift of g through a tap of the kernel;
    taps in falling order have rising shifts, all equally far apart.
    """
    stride, step = shape.stride[0], shape.dilation[0]
    apart = step // gcd(step, stride)
    for phase in range(stride):
        taps = [k for k in range(shape.kernel[0]) if (phase - k * step) % stride == 0][::-1]
        first = -(-(shape.padding[0] - phase) // stride)
        start = first * stride + phase - shape.padding[0]
        written = dx[:, :, start::stride]
        count = written.form.shape[2]
        if not count:
            continue
        if not taps:
            written.zero_()
            continue
        lowest = first + (phase - taps[0] * step) // stride
        highest = lowest + count - 1 + (len(taps) - 1) * apart
        slices = _slices(g, -lowest, highest + 1 - shape.output[0])
        chosen = registry["stack"].function([weight[:, :, k] for k in taps])
        o, c = weight.form.shape[:2]
        flat = chosen.reshape((len(taps) * o, c, *shape.kernel[1:]))
        one = shape.images(count, c, len(taps) * o)
        for n in range(shape.batch):
            held = _stacked(slices[n], 0, count, 1, len(taps), apart)
            written[n].copy_(images.backward_data(held, flat, one).transpose(0, 1))


def backward_weight(g: Tensor, x: Tensor, shape: Conv3d) -> Tensor:
    """The gradient of the weight."""
    inner = shape.in_channels // shape.groups
    dw = allocate(form_of(g.form.dtype, (shape.out_channels, inner, *shape.kernel)))
    parts = zip(
        _groups(g, 1, shape.groups),
        _groups(x, 1, shape.groups),
        _groups(dw, 0, shape.groups),
        strict=True,
    )
    for part in parts:
        _backward_weight(*part, _one_group(shape))
    return dw


def _backward_weight(g: Tensor, x: Tensor, dw: Tensor, shape: Conv3d) -> None:
    """One group: dw is written."""
    taps, depth = shape.kernel[0], shape.output[0]
    o, c = dw.form.shape[:2]
    if not g.form.numel:
        dw.zero_()
        return
    low, high = _depth(shape)
    slices = _slices(x, low, high)
    one = shape.images(depth, taps * c, o)
    total = None
    for n in range(shape.batch):
        held = _stacked(slices[n], 0, depth, shape.stride[0], taps, shape.dilation[0])
        part = images.backward_weight(g[n].transpose(0, 1), held, one)
        total = part if total is None else total.add_(part)
    assert total is not None
    dw.copy_(total.reshape((o, taps, c, *shape.kernel[1:])).transpose(1, 2))
