"""Convolutions with channels in vectors: geometry and blocks of `CorrelateBlocks`.

`forward_in_blocks` and `data_in_blocks` prepare what `conv.py` has chosen.
Note [convolution without im2col].
"""

from typing import NamedTuple

from facula.kernel.library import correlate_blocks_weight
from facula.kernel.library.blocks import Blocks, to_blocks
from facula.kernel.library.conv_shape import Conv2d
from facula.kernel.library.correlate_blocks import CorrelateBlocks, scratch_bytes
from facula.kernel.library.correlate_blocks_weight import CorrelateBlocksWeight
from facula.kernel.library.tile import Launch
from facula.kernel.program import REGISTER_KIND, STORED_BYTES
from facula.kernel.target import Target

# Products that a sum in registers takes before it is added to the others.
LONGEST_CHAIN = 144


class Copy(NamedTuple):
    """An operand's copy: kernel(copy, operand, *numbers); the product reads it instead.

    `operand` counts the product's addresses after the result: 0 is a, 1 is b.
    """

    operand: int
    launch: Launch
    nbytes: int


class Staged(NamedTuple):
    """A product whose operands are copied first, each copy shared by all workers.

    `swapped`: the product takes the convolution's source as its a, the weight as its b.
    """

    copies: tuple[Copy, ...]
    product: Launch
    swapped: bool = False


def forward_in_blocks(
    target: Target,
    kind: str,
    shape: Conv2d,
    x_strides: tuple[int, ...],
    *,
    bias: bool,
) -> Staged:
    """The plan of y = conv2d(x, weight, bias): kernel(y, weight, x, bias, scratch, *numbers)."""
    source, copy, stride = _x_in_blocks(target, kind, shape, x_strides)
    pointwise = shape.kernel == (1, 1) and shape.padding == (0, 0)
    height, width = shape.output
    out = (shape.out_channels, height, width)
    if pointwise:  # the pixels of an image follow each other
        source = source._replace(rows=1, pitch=height * width)
        height, width = 1, height * width
    return _product(
        target, kind, shape, False, (source, copy), stride, (height, width), out, shape.padding,
        bias,
    )  # fmt: skip


def _x_in_blocks(
    target: Target, kind: str, shape: Conv2d, strides: tuple[int, ...]
) -> tuple[Blocks, Launch, tuple[int, int]]:
    """The copy of x, and the stride that a product over it sees."""
    counts = (shape.batch, shape.groups, shape.in_channels // shape.groups)
    step, stride = (1, 1), shape.stride
    height, width = shape.output
    if shape.kernel == (1, 1):
        # Only the pixels that count are copied.
        step, stride = shape.stride, (1, 1)
    reach = [d * (k - 1) for k, d in zip(shape.kernel, shape.dilation)]
    extent = ((height - 1) * stride[0] + reach[0] + 1, (width - 1) * stride[1] + reach[1] + 1)
    source, copy = to_blocks(
        target, kind, counts, (shape.height, shape.width), strides, step, shape.padding, extent,
        flat=shape.kernel == (1, 1),
    )  # fmt: skip
    return source, copy, stride


def data_in_blocks(
    target: Target,
    kind: str,
    shape: Conv2d,
    dy_strides: tuple[int, ...],
) -> Staged:
    """The plan of the gradient of x, dense: kernel(dx, weight, dy, 0, scratch, *numbers)."""
    counts = (shape.batch, shape.groups, shape.out_channels // shape.groups)
    margin, extent = [], []
    for axis, size in enumerate((shape.height, shape.width)):
        k, s = shape.kernel[axis], shape.stride[axis]
        p, d = shape.padding[axis], shape.dilation[axis]
        # Pixel i * s + q of dx meets pixel i + (q + p - tap * d) / s of dy, where that is whole.
        lowest = min(0, -((d * (k - 1) - p) // s))
        margin.append(-lowest)
        extent.append(-(-size // s) + (s - 1 + p) // s - lowest)
    pointwise = shape.kernel == shape.stride == (1, 1) and shape.padding == (0, 0)
    source, copy = to_blocks(
        target, kind, counts, shape.output, dy_strides, (1, 1), (margin[0], margin[1]),
        (extent[0], extent[1]), flat=pointwise,
    )  # fmt: skip
    out = (shape.in_channels, shape.height, shape.width)
    height, width = out[1:]
    if pointwise:
        source = source._replace(rows=1, pitch=height * width)
        height, width = 1, height * width
    return _product(
        target, kind, shape, True, (source, copy), shape.stride, (height, width), out,
        (margin[0], margin[1]), False,
    )  # fmt: skip


def weight_in_blocks(
    target: Target,
    kind: str,
    shape: Conv2d,
    x_strides: tuple[int, ...],
    dy_strides: tuple[int, ...],
    *,
    accumulate: bool = False,
) -> Staged:
    """The plan of the gradient of the weight: kernel(dw, dy, x, 0, scratch, *numbers)."""
    rows, channels = shape.out_channels // shape.groups, shape.in_channels // shape.groups
    taps = shape.kernel[0] * shape.kernel[1]
    pointwise = shape.kernel == (1, 1) and shape.padding == (0, 0)
    x, copy_x, stride = _x_in_blocks(target, kind, shape, x_strides)
    height, width = shape.output
    g, copy_g = to_blocks(
        target, kind, (shape.batch, shape.groups, rows), shape.output, dy_strides, (1, 1), (0, 0),
        shape.output, flat=True,
    )  # fmt: skip
    lanes = x.lanes
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    x_rows, x_pitch = x.rows, x.pitch
    if pointwise:
        # Any cut of an image's pixels into rows will do: long ones.
        several = (
            max(k for k in range(1, height + 1) if height % k == 0 and k * width <= 256)
            if height and width <= 256
            else 1
        )
        height, width = height // several, width * several
        x_rows, x_pitch = height, width
    tile = _weight_tile(target, lanes, -(-channels // lanes), -(-rows // lanes))
    panel = tile[1] * lanes
    panels, blocks = -(-rows // panel), -(-channels // lanes)
    # Sums in a part of the L2 cache; panels and blocks enough for units to share.
    room = max(1, target.l2_bytes // 8 // (taps * lanes * panel * itemsize))
    panel_block, channel_block = min(panels, 4 if taps == 1 else 1), blocks
    while shape.groups * -(-panels // panel_block) * -(-blocks // channel_block) < 8 or (
        panel_block * channel_block > room
    ):
        if channel_block > 2 * panel_block or panel_block == 1 and channel_block > 1:
            channel_block = -(-channel_block // 2)
        elif panel_block > 1:
            panel_block -= 1
        else:
            break
    # A panel's part of dy stays in the L1 cache, beside the pixels of x under it.
    pixels = max(1, target.l1_bytes // 2 // (panel_block * panel * itemsize))
    row_chunk = max(1, min(height, pixels // max(1, width)))
    row_chunk = -(-height // -(-height // row_chunk)) if height else 1
    image_chunk = max(1, pixels // max(1, height * width)) if row_chunk >= height else 1
    image_chunk = max(1, min(image_chunk, shape.batch))
    scratch = correlate_blocks_weight.scratch_bytes(
        lanes, tile[1], taps, panel_block, channel_block, itemsize
    )
    scratch = scratch + 127 & -64
    plan = CorrelateBlocksWeight(kind, lanes, stride[1], tile, shape.weight_last, accumulate)
    tap, channel = (channels, 1) if shape.weight_last else (1, taps)
    numbers = (
        shape.batch, shape.groups, rows, channels, *shape.kernel, stride[0], *shape.dilation,
        x_rows, x_pitch, height, width, rows * channels * taps, channels * taps, channel, tap,
        scratch, image_chunk, row_chunk, panel_block, channel_block,
    )  # fmt: skip
    copies = (Copy(0, copy_g, g.slots * itemsize), Copy(1, copy_x, x.slots * itemsize))
    return Staged(copies, Launch(plan, numbers, scratch))


def _weight_tile(target: Target, lanes: int, blocks: int, vectors: int) -> tuple[int, int]:
    """Input channels and vectors of output channels of the tile with the fewest cycles a pixel."""

    def cycles(tile: tuple[int, int]) -> float:
        channels, some = tile
        step = max(channels * some / 2, (channels + some) / 2, 4) + 0.25
        return lanes // channels * -(-vectors // some) * step

    choices = [
        (channels, some)
        for channels in (2, 4, 8, 16)
        for some in range(1, (target.registers - 1) // (channels + 1) + 1)
        if channels <= lanes and some <= max(1, vectors)
    ]
    return min(choices, key=cycles)


def _product(
    target: Target,
    kind: str,
    shape: Conv2d,
    transposed: bool,
    prepared: tuple[Blocks, Launch],
    stride: tuple[int, int],
    size: tuple[int, int],
    out: tuple[int, int, int],
    margin: tuple[int, int],
    bias: bool,
) -> Staged:
    """`size`: rows and columns of the result as the product sees them; `out`: as they are."""
    source, copy = prepared
    inner, outer = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    rows, channels = (inner, outer) if transposed else (outer, inner)
    taps = shape.kernel[0] * shape.kernel[1]
    lanes = source.lanes
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    height, width = size
    parts = stride if transposed else (1, 1)
    across = -(-width // parts[1])
    tile = _tile(target, across, -(-rows // lanes))
    tiles = -(-across // tile[0])
    row_slots = tiles * tile[0] * parts[1]
    panel = tile[1] * lanes
    # The sums of a unit wait in part of the L2 cache, its packed weights in another.
    lines = -(-height // parts[0])
    budget = max(1, (target.l2_bytes // 8) // (panel * itemsize) // (parts[0] * row_slots))
    units = shape.groups * -(-rows // panel)
    image_block = max(1, min(shape.batch, budget // lines, shape.batch * units // 8))
    image_block = -(-shape.batch // -(-shape.batch // image_block)) if shape.batch else 1
    wanted = -(-8 // max(1, units * -(-shape.batch // image_block)))
    chunk = max(1, min(lines, budget // image_block, -(-lines // wanted)))
    chunk = -(-lines // -(-lines // chunk))
    slots = image_block * chunk * parts[0] * row_slots
    each = taps * lanes * panel * itemsize
    blocks = -(-channels // lanes)
    # Chains of sums so short that long ones stay as exact as PyTorch's.
    block = max(1, min(blocks, (target.l2_bytes // 4) // each, LONGEST_CHAIN // (taps * lanes)))
    if taps == 1:
        block = min(block, 8)
    block = -(-blocks // -(-blocks // block)) if blocks else 1
    scratch = scratch_bytes(lanes, tile[1], taps, block, slots, itemsize) + 127 & -64
    whole_rows = row_slots == width and parts == (1, 1)
    last, weight_last = shape.last, shape.weight_last
    plan = CorrelateBlocks(
        kind, lanes, transposed, 1 if transposed else stride[1], tile,
        taps if transposed and not weight_last and taps > 1 else 0, whole_rows, last, weight_last,
        bias,
    )  # fmt: skip
    image = out[0] * out[1] * out[2]
    strides = (image, 1, width * out[0], out[0]) if last else (image, out[1] * out[2], width, 1)
    tap, channel, row = (inner, 1, taps * inner) if weight_last else (1, taps, taps * inner)
    if transposed:
        channel, row = row, channel
    numbers = (
        shape.batch, shape.groups, rows, channels, height, width, *strides, *shape.kernel, *stride,
        *shape.padding, *shape.dilation, *margin, source.rows, source.pitch, outer * taps * inner,
        row, channel, tap, scratch, image_block, chunk, tiles, block, slots,
    )  # fmt: skip
    # The last tile of a row may read pixels beyond it.
    beyond = (tile[0] * stride[1] + source.pitch) * lanes
    nbytes = (source.slots + beyond) * itemsize
    return Staged((Copy(1, copy, nbytes),), Launch(plan, numbers, scratch))


def _tile(target: Target, width: int, vectors: int) -> tuple[int, int]:
    """Pixels and vectors of channels of the tile that takes the fewest cycles for a row."""

    def cycles(tile: tuple[int, int]) -> float:
        pixels, some = tile
        # Multiply-adds, loads, or the latency of one multiply-add.
        step = max(pixels * some / 2, (pixels + some) / 2, 4) + 0.25
        return -(-width // pixels) * -(-vectors // some) * step

    choices = [
        (pixels, some)
        for pixels in range(1, target.registers - 1)
        for some in range(1, (target.registers - 1) // (pixels + 1) + 1)
        if some <= max(1, vectors)
    ]
    return min(choices, key=cycles)
