"""When a convolution is computed by Winograd's way, and in which blocks. Note [winograd].

`winograd_forward` and `winograd_backward_data` answer with two launches, one for the weights and
one for the rest, or with None where the direct form of `conv.py` serves better.
"""

from typing import NamedTuple

from facula.kernel.library.conv import Conv2d
from facula.kernel.library.tile import Launch
from facula.kernel.library.winograd import POINTS, Winograd, WinogradWeight
from facula.kernel.program import STORED_BYTES
from facula.kernel.target import Target

# Channels that are added up in registers, as many as in PyTorch: longer chains of sums round more.
DEPTH = 16
# Channels whose sums come together before they join the rest: the transforms round too, so that
# the sums must round less than PyTorch's for the result to be as good.
GROUP = 128
# How much of the L2 cache the pixels of a unit may take; larger and smaller blocks were slower.
SHARE = 0.625


class WinogradLaunch(NamedTuple):
    """kernel(u, weight, *numbers), then kernel(out, u, x, bias, scratch, *numbers).

    u takes `weight_bytes`.
    """

    weight: Launch
    weight_bytes: int
    main: Launch


class _Sizes(NamedTuple):
    """A stride-1 correlation with 3x3 taps: what forward and the gradient of x have in common."""

    batch: int
    rows: int
    channels: int
    height: int
    width: int
    padding: tuple[int, int]
    out_height: int
    out_width: int


def winograd_forward(
    target: Target,
    kind: str,
    shape: Conv2d,
    x_strides: tuple[int, ...],
    *,
    bias: bool = False,
    always: bool = False,
) -> WinogradLaunch | None:
    """y = conv2d(x, weight, bias); `always`: wherever it is possible, not only where it pays."""
    if not _is_possible(target, kind, shape, x_strides):
        return None
    sizes = _Sizes(
        shape.batch, shape.out_channels, shape.in_channels, shape.height, shape.width,
        shape.padding, *shape.output,
    )  # fmt: skip
    if not always and not _pays(target, kind, sizes):
        return None
    steps = (9 * shape.in_channels, 9)
    return _launch(target, kind, sizes, x_strides, steps, bias, flipped=False)


def winograd_backward_data(
    target: Target,
    kind: str,
    shape: Conv2d,
    dy_strides: tuple[int, ...],
    *,
    always: bool = False,
) -> WinogradLaunch | None:
    """The gradient of x: dy correlated with the taps in the other order, 2 - padding around it."""
    if not _is_possible(target, kind, shape, dy_strides):
        return None
    padding = (2 - shape.padding[0], 2 - shape.padding[1])
    sizes = _Sizes(
        shape.batch, shape.in_channels, shape.out_channels, *shape.output, padding, shape.height,
        shape.width,
    )  # fmt: skip
    if not always and not _pays(target, kind, sizes):
        return None
    steps = (9, 9 * shape.in_channels)
    return _launch(target, kind, sizes, dy_strides, steps, False, flipped=True)


def _is_possible(target: Target, kind: str, shape: Conv2d, strides: tuple[int, ...]) -> bool:
    plain = shape.stride == shape.dilation == (1, 1) and shape.groups == 1
    if not plain or shape.kernel != (3, 3) or kind not in ("f32", "f64"):
        return False
    some = min(shape.batch, shape.in_channels, shape.out_channels, *shape.output) > 0
    return some and strides[3] == 1 and target.lanes(STORED_BYTES[kind]) > 1


def _pays(target: Target, kind: str, sizes: _Sizes) -> bool:
    """Whether the products saved outweigh the transforms. Note [winograd] has the measurements.

    The transform of x is shared by all output channels, that of y by all source channels, that of
    the weights by all pixels. Weights that outgrow the L2 cache are fetched from the other core's.
    """
    if min(sizes.channels, sizes.rows) < 16:
        return False
    weights = POINTS * sizes.rows * sizes.channels * STORED_BYTES[kind]
    pixels = sizes.batch * sizes.out_height * sizes.out_width
    return pixels >= (192 if weights <= target.l2_bytes else 1024)


def _launch(
    target: Target,
    kind: str,
    sizes: _Sizes,
    strides: tuple[int, ...],
    weight_steps: tuple[int, int],
    bias: bool,
    *,
    flipped: bool,
) -> WinogradLaunch:
    itemsize = STORED_BYTES[kind]
    lanes = target.lanes(itemsize)
    rows, channels = sizes.rows, sizes.channels
    height = _tile_rows(target, rows)
    tiles = -(-rows // height)
    piece = max(1, min(channels, 32))
    weight_plan = WinogradWeight(kind, height, flipped)
    weight_point = _apart(height * channels, lanes)
    weight_numbers = (rows, channels, *weight_steps, weight_point, piece)
    weight_bytes = tiles * POINTS * weight_point * itemsize
    row_block, column_block = _block(target, itemsize, sizes)
    pitch = _apart(row_block * column_block, lanes)
    point = _apart(channels * pitch, lanes)
    depth = -(-channels // -(-channels // DEPTH))
    group = GROUP // DEPTH * depth
    scratch = POINTS * (point + height * pitch) + height * pitch + lanes
    scratch = (scratch * itemsize + 191) & -64
    pixels = sizes.out_height * sizes.out_width
    numbers = (
        sizes.batch, rows, channels, sizes.height, sizes.width, *strides[:3], *sizes.padding,
        sizes.out_height, sizes.out_width, rows * pixels, pixels, scratch, row_block, column_block,
        weight_point, point, pitch, depth,
        group,
    )  # fmt: skip
    plan = Winograd(kind, (height, 2), bias)
    return WinogradLaunch(
        Launch(weight_plan, weight_numbers, 0), weight_bytes, Launch(plan, numbers, scratch)
    )


def _apart(size: int, lanes: int) -> int:
    """At least `size`, and an odd number of vectors: so far apart, things that are used together do
    not meet in the same few sets of a cache."""
    return (-(-size // lanes) | 1) * lanes


def _tile_rows(target: Target, rows: int) -> int:
    """The height of a tile of output channels: full registers, few channels computed in vain."""
    most = 14 if target.registers >= 32 else 6
    # A step of a tile takes its multiply-adds, a tile something of its own.
    return min(range(1, most + 1), key=lambda height: (-(-rows // height) * (height + 2), -height))


def _block(target: Target, itemsize: int, sizes: _Sizes) -> tuple[int, int]:
    """Rows and columns of tiles a unit takes."""
    lanes = target.lanes(itemsize)
    high, wide = -(-sizes.out_height // 2) * sizes.batch, -(-sizes.out_width // 2)
    most = int(target.l2_bytes * SHARE) // (POINTS * sizes.channels * itemsize)
    most = max(2 * lanes, most // (2 * lanes) * 2 * lanes)
    if wide > most:
        pieces = -(-wide // most)
        return 1, -(-wide // (pieces * lanes)) * lanes
    best, block = None, 1
    for rows in range(1, min(high, max(1, most // wide)) + 1):
        full, rest = divmod(high, rows)
        each = -(-rows * wide // lanes)
        total = full * each + -(-rest * wide // lanes)
        # The longest of two or four threads' shares.
        units = full + (rest > 0)
        worst = max(-(-units // 2) * each, total / 2) + 0.1 * units + 40 / rows * 0.01
        if best is None or worst <= best:
            best, block = worst, rows
    return block, wide
