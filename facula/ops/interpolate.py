"""Resampling and rearranging of planes: interpolation, windows as columns, pixels and channels."""

from facula.dispatch.layout import dtype_word
from facula.dispatch.parts import linear_in_parts
from facula.launch.resampling import resample as launch_resample
from facula.op import composite, operation, registry

# --- interpolation -----------------------------------------------------------------------------


@operation("resample(Tensor self, Scalar axes) -> Tensor")
def resample(self, axes):
    """The last dimensions interpolated along one axis after the other, or the gradient of that."""
    return launch_resample(self, axes)


resample.node_name = "UpsampleBackward0"


@resample.gradient
def _(g, axes):
    return registry["resample"].function(g, tuple([axis.turn() for axis in axes]))


# --- windows as columns ------------------------------------------------------------------------


def _pairs(**named):
    """Two numbers of each argument."""
    made = []
    for name, value in named.items():
        pair = (value, value) if isinstance(value, int) else tuple(value)
        pair = pair * 2 if len(pair) == 1 else pair
        if len(pair) != 2:
            raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(pair)}")
        made.append(pair)
    return made


def _check_windows(kernel, dilation, padding, stride):
    for what, short, pair in (
        ("kernel size", "kernel", kernel), ("stride", "stride", stride),
        ("dilation", "dilation", dilation),
    ):
        if min(pair) <= 0:
            raise RuntimeError(
                f"{what} should be greater than zero, but got {short}_height: {pair[0]} "
                f"{short}_width: {pair[1]}"
            )
    if min(padding) < 0:
        raise RuntimeError(
            f"padding should be non-negative, but got pad_height: {padding[0]} pad_width: "
            f"{padding[1]}"
        )


def _blocks(sizes, kernel, dilation, padding, stride):
    """How many windows there are along each axis."""
    return tuple(
        [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, d, p, s in zip(sizes, kernel, dilation, padding, stride, strict=True)
        ]
    )


def _refuse(name, x, takes=()):
    dtype = x.form.dtype
    if not dtype.is_floating_point and dtype.name not in takes:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtype_word(dtype)}'")


@operation(
    "columns_of(Tensor self, int[2] kernel, int[2] dilation, int[2] padding, int[2] stride) "
    "-> Tensor"
)
def columns_of(self, kernel, dilation, padding, stride):
    """(N, C kh kw, L): each window of (N, C, H, W) as a column."""
    n, c, h, w = self.form.shape
    padded = self.contiguous()
    if any(padding):
        padded = self.new_zeros((n, c, h + 2 * padding[0], w + 2 * padding[1]))
        padded.narrow(2, padding[0], h).narrow(3, padding[1], w).copy_(self)
    blocks = _blocks((h, w), kernel, dilation, padding, stride)
    image, channel, row, column = padded.form.strides
    strides = (
        image, channel, row * dilation[0], column * dilation[1], row * stride[0],
        column * stride[1],
    )
    windows = padded.as_strided((n, c, *kernel, *blocks), strides)
    return windows.reshape((n, c * kernel[0] * kernel[1], blocks[0] * blocks[1]))


columns_of.node_name = "Im2ColBackward0"


@columns_of.gradient
def _(g, self_form, kernel, dilation, padding, stride):
    size = tuple(self_form.shape[2:])
    return registry["images_of"].function(g, size, kernel, dilation, padding, stride)


@operation(
    "images_of(Tensor self, int[2] size, int[2] kernel, int[2] dilation, int[2] padding, "
    "int[2] stride) -> Tensor"
)
def images_of(self, size, kernel, dilation, padding, stride):
    """(N, C, H, W): columns added up where their windows lie."""
    n, rows = self.form.shape[:2]
    c = rows // (kernel[0] * kernel[1])
    blocks = _blocks(size, kernel, dilation, padding, stride)
    windows = self.reshape((n, c, *kernel, *blocks))
    padded = self.new_zeros((n, c, size[0] + 2 * padding[0], size[1] + 2 * padding[1]))
    for i in range(kernel[0]):
        lines = padded[:, :, i * dilation[0] :: stride[0]].narrow(2, 0, blocks[0])
        for j in range(kernel[1]):
            places = lines[:, :, :, j * dilation[1] :: stride[1]].narrow(3, 0, blocks[1])
            places.add_(windows[:, :, i, j])
    inner = padded.narrow(2, padding[0], size[0]).narrow(3, padding[1], size[1])
    return inner.contiguous()


images_of.node_name = "Col2ImBackward0"


@images_of.gradient
def _(g, kernel, dilation, padding, stride):
    return registry["columns_of"].function(g, kernel, dilation, padding, stride)


@composite(
    "im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) "
    "-> Tensor"
)
def im2col(self, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of (N, C, H, W) or (C, H, W) as columns."""
    kernel, dilation, padding, stride = _pairs(
        kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
    )
    _check_windows(kernel, dilation, padding, stride)
    shape = self.form.shape
    if len(shape) < 3:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [-{len(shape)}, "
            f"{len(shape) - 1}], but got 2)"
        )
    if len(shape) > 4 or 0 in shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(shape)}"
        )
    if len(shape) == 3:
        return im2col.forward(self.unsqueeze(0), kernel, dilation, padding, stride).squeeze(0)
    blocks = _blocks(shape[2:], kernel, dilation, padding, stride)
    if min(blocks) < 1:
        raise RuntimeError(
            f"Given input with spatial size {tuple(shape[2:])}, kernel_size={kernel}, "
            f"dilation={dilation}, padding={padding}, calculated shape of the array of sliding "
            f"blocks as {blocks}, but its components must be at least one."
        )
    if self.form.dtype.is_complex:
        return linear_in_parts(
            lambda x: columns_of.function(x, kernel, dilation, padding, stride), self
        )
    _refuse("im2col_out_cpu", self, ("bool",))
    return columns_of.function(self, kernel, dilation, padding, stride)


@composite(
    "col2im(Tensor self, int[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, "
    "int[2] stride) -> Tensor"
)
def col2im(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns (N, C kh kw, L) or (C kh kw, L) added up to images."""
    size, kernel, dilation, padding, stride = _pairs(
        output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding,
        stride=stride,
    )
    _check_windows(kernel, dilation, padding, stride)
    shape = self.form.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(shape)}"
        )
    if len(shape) == 2:
        return col2im.forward(
            self.unsqueeze(0), size, kernel, dilation, padding, stride
        ).squeeze(0)
    if shape[1] % (kernel[0] * kernel[1]):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={shape[1]} and kernel_size={kernel}."
        )
    rows, columns = _blocks(size, kernel, dilation, padding, stride)
    if rows * columns != shape[2] or min(rows, columns) < 1:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={padding}, stride={stride}, expected size of input's dimension 2 to match "
            f"the calculated number of sliding blocks {rows} * {columns} = {rows * columns}, but "
            f"got input.size(2)={shape[2]}."
        )
    if self.form.dtype.is_complex:
        return linear_in_parts(
            lambda x: images_of.function(x, size, kernel, dilation, padding, stride), self
        )
    _refuse("col2im_out_cpu", self, ("bool",))
    return images_of.function(self, size, kernel, dilation, padding, stride)


# --- pixels and channels -----------------------------------------------------------------------


def _at_least_3d(name, x):
    if x.form.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with "
            f"{x.form.ndim} dimension(s)"
        )


@composite("pixel_shuffle(Tensor self, int upscale_factor) -> Tensor")
def pixel_shuffle(self, upscale_factor):
    """(..., C r r, H, W) as (..., C, H r, W r): channels become pixels."""
    _at_least_3d("pixel_shuffle", self)
    r = upscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = self.form.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(lead)
    apart = self.reshape((*lead, c // (r * r), r, r, h, w))
    moved = apart.permute((*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return moved._clone_contiguous().view((*lead, c // (r * r), h * r, w * r))


@composite("pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor")
def pixel_unshuffle(self, downscale_factor):
    """(..., C, H r, W r) as (..., C r r, H, W): pixels become channels."""
    _at_least_3d("pixel_unshuffle", self)
    r = downscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = self.form.shape
    for dim, what, size in ((-2, "height", h), (-1, "width", w)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {what} to be divisible by downscale_factor, but "
                f"input.size({dim})={size} is not divisible by {r}"
            )
    n = len(lead)
    apart = self.reshape((*lead, c, h // r, r, w // r, r))
    moved = apart.permute((*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return moved._clone_contiguous().view((*lead, c * r * r, h // r, w // r))


@composite("channel_shuffle(Tensor self, int groups) -> Tensor")
def channel_shuffle(self, groups):
    """Channels of `groups` groups dealt out in turn.

    self and result (N, C, *). Raises RuntimeError for channels that groups do not divide.
    """
    shape = tuple(self.form.shape)
    if len(shape) <= 2:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {shape[1]} channels and {groups} "
            "groups."
        )
    apart = self.reshape((shape[0], groups, shape[1] // groups, *shape[2:]))
    return apart.transpose(1, 2)._clone_contiguous().view(shape)


# Where records stand that are no functions of torch itself.
for _name in ("resample", "columns_of", "images_of"):
    registry[_name].namespace = "internal"
for _name in ("im2col", "col2im"):
    registry[_name].namespace = "nn"
for _name in (
    "resample", "columns_of", "images_of", "im2col", "col2im", "pixel_shuffle", "pixel_unshuffle",
    "channel_shuffle",
):
    registry[_name].method = False
