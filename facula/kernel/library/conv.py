"""Convolutions in NCHW: which plan, which blocks, for the forward pass and both gradients.

`conv2d_forward`, `conv2d_backward_data` and `conv2d_backward_weight` are the way in. The plans
are `CorrelateBlocks` where there are many channels (`conv_blocks.py`), `Correlate`,
`CorrelateWeight`, `Depthwise`, `DepthwiseWeight` and, for 1x1 kernels, matrix products.
Note [convolution without im2col].
"""

from facula.kernel.library.conv_blocks import (
    Staged,
    data_in_blocks,
    forward_in_blocks,
    weight_in_blocks,
)
from facula.kernel.library.conv_shape import Conv2d
from facula.kernel.library.correlate import Correlate
from facula.kernel.library.correlate_weight import CorrelateWeight, sum_slots
from facula.kernel.library.depthwise import depthwise, suits_depthwise
from facula.kernel.library.depthwise_weight import (
    Summed,
    depthwise_weight,
    suits_depthwise_weight,
)
from facula.kernel.library.matmul import matmul_plan
from facula.kernel.library.planes import Planes, planes
from facula.kernel.library.tile import Launch
from facula.kernel.program import REGISTER_KIND, STORED_BYTES
from facula.kernel.target import Target

# A source in blocks of channels takes so many bytes at most.
LARGEST_COPY = 1 << 28

# --- forward, and the gradient of the input ----------------------------------------------------


def conv2d_forward(
    target: Target, kind: str, shape: Conv2d, x_strides: tuple[int, ...], *, bias: bool = False
) -> Launch | Staged:
    """The plan of y = conv2d(x, weight, bias): kernel(y, weight, x, bias, scratch, *numbers).

    `x_strides`: elements from image to image, channel, row, column. Weight and y are contiguous.
    """
    if suits_depthwise(shape, x_strides, False):
        return depthwise(target, kind, shape, x_strides, bias=bias)
    height, width = shape.output
    inner, outer = shape.in_channels, shape.out_channels
    if _is_tall_product(shape, x_strides, inner):
        launch = matmul_plan(
            target, kind, (1, shape.batch * height * width, outer, inner), (0, inner, 1),
            (0, 1, inner), (0, outer), bias="n" if bias else "",
        )  # fmt: skip
        return Staged((), launch, swapped=True)
    if shape.last or _suits_blocks(target, kind, shape, x_strides, False):
        return forward_in_blocks(target, kind, shape, x_strides, bias=bias)
    if _is_product(shape, x_strides):
        pixels = shape.height * shape.width
        sizes = (shape.batch, shape.out_channels, pixels, shape.in_channels)
        return matmul_plan(
            target,
            kind,
            sizes,
            (0, shape.in_channels, 1),
            (x_strides[0], x_strides[1], 1),
            (shape.out_channels * pixels, pixels),
            bias="m" if bias else "",
        )
    reach = [d * (k - 1) for k, d in zip(shape.kernel, shape.dilation)]
    extra = (reach[0] // shape.stride[0], reach[1] // shape.stride[1])
    source = planes(
        (shape.height, shape.width),
        x_strides,
        shape.stride,
        shape.padding,
        _phases(shape),
        (height + extra[0], width + extra[1]),
        extra,
        in_place=kind not in ("f16", "bf16"),
    )
    out = (shape.out_channels, height, width)
    return _correlate(target, kind, shape, False, source, extra, out, bias)


def conv2d_backward_data(
    target: Target, kind: str, shape: Conv2d, dy_strides: tuple[int, ...]
) -> Launch | Staged:
    """The plan of the gradient of x, contiguous: kernel(dx, weight, dy, 0, scratch, *numbers)."""
    if suits_depthwise(shape, dy_strides, True):
        return depthwise(target, kind, shape, dy_strides, transposed=True)
    height, width = shape.output
    inner, outer = shape.in_channels, shape.out_channels
    if _is_tall_product(shape, dy_strides, outer):
        launch = matmul_plan(
            target, kind, (1, shape.batch * height * width, inner, outer), (0, outer, 1),
            (0, inner, 1), (0, inner),
        )  # fmt: skip
        return Staged((), launch, swapped=True)
    if shape.last or _suits_blocks(target, kind, shape, dy_strides, True):
        return data_in_blocks(target, kind, shape, dy_strides)
    if _is_product(shape, dy_strides):
        pixels = shape.height * shape.width
        return matmul_plan(
            target,
            kind,
            (shape.batch, shape.in_channels, pixels, shape.out_channels),
            (0, 1, shape.in_channels),
            (dy_strides[0], dy_strides[1], 1),
            (shape.in_channels * pixels, pixels),
        )
    margin, extra, extent = [], [], []
    for axis, size in enumerate((shape.height, shape.width)):
        k, s = shape.kernel[axis], shape.stride[axis]
        p, d = shape.padding[axis], shape.dilation[axis]
        # Pixel i * s + q of dx meets pixel i + (q + p - tap * d) / s of dy, where that is whole.
        lowest = min(0, -((d * (k - 1) - p) // s))
        margin.append(-lowest)
        extra.append((s - 1 + p) // s - lowest)
        extent.append(-(-size // s) + extra[-1])
    source = planes(
        (height, width),
        dy_strides,
        (1, 1),
        (margin[0], margin[1]),
        (1, 1),
        (extent[0], extent[1]),
        (extra[0], extra[1]),
        in_place=kind not in ("f16", "bf16"),
    )
    out = (shape.in_channels, shape.height, shape.width)
    return _correlate(target, kind, shape, True, source, (extra[0], extra[1]), out, False)


def _is_tall_product(shape: Conv2d, strides: tuple[int, ...], channels: int) -> bool:
    """A 1x1 kernel at every pixel, an operand's channels side by side: one product for all."""
    plain = shape.kernel == shape.stride == (1, 1) and shape.padding == (0, 0)
    dense = (shape.height * shape.width * channels, 1, shape.width * channels, channels)
    same = shape.output == (shape.height, shape.width)
    return shape.last and plain and same and shape.groups == 1 and strides == dense


def _suits_blocks(
    target: Target, kind: str, shape: Conv2d, strides: tuple[int, ...], transposed: bool
) -> bool:
    """Whether channels fill vectors, and a copy of the source is worth its room.

    Measured: of products per image, those of small images (and of halves) gain by it.
    """
    register = REGISTER_KIND.get(kind, kind)
    inner, outer = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    rows, channels = (inner, outer) if transposed else (outer, inner)
    lanes = target.lanes(STORED_BYTES[register])
    height, width = shape.output if transposed else (shape.height, shape.width)
    source = shape.batch * shape.groups * channels * height * width * STORED_BYTES[register]
    if rows * 4 < lanes * 3 or channels < 8 or source > LARGEST_COPY:
        return False
    if _is_product(shape, strides):
        # Products of bfloat16 may run on matrix tiles.
        return kind != "bf16" and shape.batch > 1 and height * width < 100
    return True


def _weight_suits_blocks(target: Target, kind: str, shape: Conv2d) -> bool:
    """Whether output channels fill vectors, and copies of both operands are worth their room."""
    size = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    rows, channels = shape.out_channels // shape.groups, shape.in_channels // shape.groups
    height, width = shape.output
    pixels = max(
        height * width * shape.out_channels, shape.height * shape.width * shape.in_channels
    )
    if rows * 4 < target.lanes(size) * 3 or channels < 8 or min(height, width) < 1:
        return False
    if shape.kernel == shape.stride == (1, 1) and height * width >= 400:
        # Products so thin do not pay for the copies.
        return kind in ("f16", "bf16")
    return shape.batch * pixels * size <= LARGEST_COPY


def _phases(shape: Conv2d) -> tuple[int, int]:
    """How many of the stride's phases the taps use, along rows and columns."""
    h, w = (
        min(s, k) if d == 1 else s for s, k, d in zip(shape.stride, shape.kernel, shape.dilation)
    )
    return h, w


def _is_product(shape: Conv2d, strides: tuple[int, ...]) -> bool:
    """A 1x1 kernel at every pixel, and pixels one after the other: a matrix product per image."""
    plain = shape.kernel == shape.stride == (1, 1) and shape.padding == (0, 0)
    same = shape.output == (shape.height, shape.width)
    return plain and same and shape.groups == 1 and strides[2:] == (shape.width, 1)


def _correlate(
    target: Target,
    kind: str,
    shape: Conv2d,
    transposed: bool,
    source: Planes,
    extra: tuple[int, int],
    out: tuple[int, int, int],
    bias: bool,
) -> Launch:
    """`extra`: plane rows and columns beyond the output's; `out`: channels, height, width."""
    inner, outer = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    rows, channels = (inner, outer) if transposed else (outer, inner)
    taps = shape.kernel[0] * shape.kernel[1]
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    lanes = target.lanes(itemsize)
    parts = shape.stride[0] if transposed else 1
    out_rows = -(-out[1] // parts) or 1
    # Rows of output whose planes fill half of the L2 cache; enough units for some threads.
    budget = target.l2_bytes // 2
    fitting = budget // max(1, source.slots(1) * channels * itemsize) - extra[0]
    wanted = -(-8 // max(1, shape.batch * shape.groups))
    most = max(1, min(out_rows, max(fitting, 4), -(-out_rows // wanted)))
    chunk = -(-out_rows // -(-out_rows // most))
    lines = chunk + extra[0]
    # Images so small that weights would go by too often are taken together.
    stack = 1
    if source.copy and chunk == out_rows and chunk * source.pitch <= 400:
        stack = budget * 3 // 2 // max(1, source.slots(lines) * channels * itemsize)
        units = 4 if rows * channels * taps * itemsize < target.l2_bytes else 2
        stack = max(1, min(stack, shape.batch * shape.groups // units, 16))
    slots = source.slots(lines, stack) * channels + 2 * lanes if source.copy else 0
    weight = taps * channels * rows
    steps = (taps, taps * inner) if transposed else (taps * inner, taps)
    across = -(-out[2] // (shape.stride[1] if transposed else 1))
    depth = (stack - 1) * source.stack_rows(lines, stack) + chunk
    pixels = -(-((depth - 1) * source.pitch + across) // lanes)
    tile = _tile(target, rows, pixels, channels, shape.kernel)
    last = rows - tile[0] * (-(-rows // tile[0]) - 1) if rows else 1
    group = max(1, (1 << 18) // max(1, channels * taps * itemsize) // tile[0]) * tile[0]
    spread = transposed and shape.stride[1] > 1
    # The pixels under a strip for so many channels stay in the L1 cache while all weights go by.
    fitting = target.l1_bytes // (shape.kernel[0] * (tile[1] + 1) * target.vector_bytes)
    block = max(1, fitting, 200 // max(1, taps))
    block = max(1, -(-channels // (-(-channels // block) or 1)))
    slots += (group + tile[0]) * tile[1] * lanes if block < channels else 0
    scratch = (16 * taps + slots * itemsize + 191) & -64
    plan = Correlate(kind, transposed, source.copy, tile, last, bias, spread, stack > 1)
    shaped = (
        shape.batch, shape.groups, rows, channels, out[1], out[2], out[0] * out[1] * out[2],
        out[1] * out[2], *shape.kernel, *shape.stride, *shape.padding, *shape.dilation, weight,
        *steps,
    )  # fmt: skip
    numbers = (*shaped, *source.numbers(lines, stack), scratch, chunk, group, block)
    return Launch(plan, numbers, scratch)


def _tile(
    target: Target, rows: int, pixels: int, channels: int, kernel: tuple[int, int]
) -> tuple[int, int]:
    """Height and vectors of the tile that takes the fewest cycles for rows x pixels.

    A step of a tile takes as long as its multiply-adds, its loads, or the latency of one
    multiply-add; a tile and a turn over the taps cost something of their own. `pixels` counts
    vectors.
    """
    taps = kernel[0] * kernel[1]

    def step(height: int, vectors: int) -> float:
        # A vector at an odd address lies in two cache lines.
        work = max(height * vectors / 2, 3 * vectors, (height + 1.5 * vectors) / 2, 4)
        work *= 1.0 if vectors <= 3 else 1.04
        return work + 1 + (height + 6) / (2 * taps + 1) + 60 / (channels * taps + 1)

    def cycles(height: int) -> float:
        vectors = min(8, (target.registers - 1) // (height + 1))
        wide, single = divmod(pixels, vectors)
        return -(-rows // height) * (wide * step(height, vectors) + single * step(height, 1))

    most = 14 if target.registers >= 32 else 6
    heights = {-(-rows // -(-rows // height)) for height in range(1, most + 1)} if rows else {1}
    height = min(sorted(heights, reverse=True), key=cycles)
    return height, min(8, (target.registers - 1) // (height + 1))


# --- the gradient of the weight ----------------------------------------------------------------


def conv2d_backward_weight(
    target: Target,
    kind: str,
    shape: Conv2d,
    x_strides: tuple[int, ...],
    dy_strides: tuple[int, ...],
    *,
    accumulate: bool = False,
) -> Launch | Staged | Summed:
    """The plan of the gradient of the weight: kernel(dw, dy, x, 0, scratch, *numbers)."""
    if suits_depthwise_weight(shape, x_strides, dy_strides):
        return depthwise_weight(target, kind, shape, x_strides, dy_strides, accumulate=accumulate)
    inner, outer = shape.in_channels, shape.out_channels
    if _is_tall_product(shape, x_strides, inner) and _is_tall_product(shape, dy_strides, outer):
        pixels = shape.batch * shape.height * shape.width
        sizes, a, b = (1, outer, inner, pixels), (0, 1, outer), (0, inner, 1)
        return matmul_plan(target, kind, sizes, a, b, (0, inner), accumulate=accumulate)
    if shape.weight_last or _weight_suits_blocks(target, kind, shape):
        return weight_in_blocks(target, kind, shape, x_strides, dy_strides, accumulate=accumulate)
    rows, channels = shape.out_channels // shape.groups, shape.in_channels // shape.groups
    taps = shape.kernel[0] * shape.kernel[1]
    height, width = shape.output
    half = kind in ("f16", "bf16")
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    lanes = target.lanes(itemsize)
    reach = [d * (k - 1) for k, d in zip(shape.kernel, shape.dilation)]
    extra = (reach[0] // shape.stride[0], reach[1] // shape.stride[1])
    phases = _phases(shape)
    x = planes(
        (shape.height, shape.width),
        x_strides,
        shape.stride,
        shape.padding,
        phases,
        (height + extra[0], width + extra[1]),
        extra,
        in_place=not half,
    )
    one, none = (1, 1), (0, 0)
    extent = (height, x.pitch)
    g = planes((height, width), dy_strides, one, none, one, extent, none, in_place=not half)
    tile = _weight_tile(target, rows, channels * taps)
    # Blocks of output and input channels: few repeated copies, then enough units.
    row_block, channel_block = _block(rows, tile[0], 64), _block(channels, 1, 32)
    while shape.groups * -(-rows // row_block) * -(-channels // channel_block) < 8:
        if row_block > 8 and row_block > tile[0]:
            row_block = _block(rows, tile[0], row_block - tile[0])
        elif channel_block > 8:
            channel_block = _block(channels, 1, channel_block - 1)
        else:
            break
    # A pass takes rows or images that fit half of the L2 cache, while a tile's part of dy stays in
    # the L1 cache as the columns of x go by. Copied images are stacked, others follow each other.
    each = (row_block * x.pitch + channel_block * x.slots(1)) * itemsize
    budget = target.l2_bytes // 2
    chunk = max(1, min(height, budget // max(1, each) - extra[0]))
    chunk = -(-height // -(-height // chunk)) if height else 1
    fitting = target.l1_bytes * 3 // 4 // max(1, tile[0] * chunk * x.pitch * itemsize)
    fitting = max(1, min(fitting, budget // max(1, each * (chunk + extra[0])), 16))
    lines, stack, together = chunk + extra[0], 1, 1
    if x.copy and g.copy and chunk == height:
        stack = max(1, min(fitting, shape.batch))
    else:
        together = max(1, min(fitting, shape.batch * -(-height // chunk)))
    g_lines = x.stack_rows(lines, stack) if stack > 1 else chunk
    slots = row_block * g.slots(g_lines, stack) + 2 * lanes if g.copy else 0
    slots += channel_block * x.slots(lines, stack) + 2 * lanes if x.copy else 0
    columns = -(-channel_block * taps // tile[1])
    sums = -(-row_block // tile[0]) * columns * sum_slots(tile, lanes)
    table = (channel_block * taps + 8) * 8
    scratch = table + (sums + together * slots) * itemsize
    scratch = (scratch + 255) & -64
    plan = CorrelateWeight(kind, x.copy, g.copy, tile, accumulate)
    numbers = (
        shape.batch, shape.groups, rows, channels, *shape.kernel, *shape.stride, *shape.dilation,
        *x.numbers(lines, stack), *g.numbers(g_lines, stack), scratch, chunk, together, row_block,
        channel_block,
    )  # fmt: skip
    return Launch(plan, numbers, scratch)


def _block(size: int, unit: int, most: int) -> int:
    """An even share of `size`, a multiple of `unit`, at most about `most`."""
    pieces = -(-size // most) or 1
    return max(unit, -(-size // (pieces * unit)) * unit)


def _weight_tile(target: Target, rows: int, columns: int) -> tuple[int, int]:
    """The tile that computes fewest sums in vain; each leaves registers for its operands."""
    choices = ((4, 6), (3, 9), (5, 5)) if target.registers >= 32 else ((3, 3), (2, 5), (1, 9))
    return min(
        choices, key=lambda tile: -(-rows // tile[0]) * -(-columns // tile[1]) * tile[0] * tile[1]
    )
