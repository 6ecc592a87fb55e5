"""`DepthwiseWeight`: the gradient of the weight of a convolution of every channel by itself.

Channels lie side by side, as for `Depthwise`; parts of the sums, each of some rows, are added up by
`FoldTaps`. Note [convolution without im2col].
"""

from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.conv_shape import Conv2d
from facula.kernel.library.depthwise import (
    MOST_PIXELS,
    MOST_TAPS,
    Window,
    is_depthwise,
    places_of,
)
from facula.kernel.library.planes import ADDRESSES
from facula.kernel.library.tile import Launch, multiply_add
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Parameter,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.target import Target

NUMBERS = (
    "batch", "channels", "height", "width", "image", "row", "column", "g_image", "g_row",
    "g_column", "out_height", "out_width", "kernel_h", "stride_h", "dilation_h", "margin_h",
    "margin_w", "padded", "scratch_stride", "part_rows",
)  # fmt: skip
PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *NUMBERS))


@dataclass(frozen=True, slots=True)
class DepthwiseWeight(Plan):
    """out[part, tap, c] = sum over the part's pixels of dy[n, y, x, c] * source under the tap.

    Arguments: out (of the register kind, `padded` channels, whole vectors), dy, source, bias
    (unused), scratch. A part is `part_rows` rows of dy, counted through all images. `pixels`
    neighbours of a row are taken at a time; `rest`: rows do not hold a whole number of those.
    `kernel`, `stride` and `dilation` are those along rows.
    """

    kind: str
    pixels: int
    kernel: int
    stride: int
    dilation: int
    rest: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS


@dataclass(frozen=True, slots=True)
class FoldTaps(Plan):
    """out[c, tap] = the sum over parts of a[part, tap, c], of `padded` channels each.

    `accumulate`: added to what stands there.
    """

    kind: str
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("out", "a", "parts", "taps", "channels", "padded")))


class Summed(NamedTuple):
    """A product in parts of `nbytes`: kernel(parts, a, b, 0, scratch, *n); fold(out, parts, *n)."""

    product: Launch
    nbytes: int
    fold: Launch


@lowering(DepthwiseWeight)
def lower_depthwise_weight(plan: DepthwiseWeight, target: Target) -> Program:
    """Units: parts. A tile loads its dy once, and each column under it once a tap row."""

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        count = (p["batch"] * p["out_height"] + (p["part_rows"] - 1)) // p["part_rows"]
        work = p["part_rows"] * p["out_width"] * p["channels"]
        return count, (work * (p["kernel_h"] * plan.kernel + 16) >> 5) + 50

    def body(build: Builder) -> None:
        writer = _DepthwiseWeight(plan, target, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("depthwise_weight", PARAMETERS, units, body)


class _DepthwiseWeight:
    """Writes a DepthwiseWeight program."""

    def __init__(self, plan: DepthwiseWeight, target: Target, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.lanes = target.lanes(STORED_BYTES[self.register])
        self.padded = p["padded"]
        self.whole = p["channels"] // self.lanes * self.lanes
        self.left_over = build.mask(p["channels"] - self.whole, self.lanes)
        self.zero = build.const(Type(self.register, self.lanes), 0)
        zeros = p["scratch"] + build.worker * p["scratch_stride"]
        table = build.pointer(zeros + self.padded * STORED_BYTES[self.register])
        with build.loop(0, self.padded, self.lanes) as loop:
            build.store(build.pointer(zeros), loop.index, self.zero, self.register)
        self.windows = [
            Window(build, plan.kind, self.lanes, self.places(pixels), zeros, table)
            for pixels in ((plan.pixels, 1) if plan.rest else (plan.pixels,))
        ]

    def places(self, pixels: int) -> dict[int, list[tuple[int, int]]]:
        return places_of(pixels, self.plan.kernel, self.plan.stride, self.plan.dilation)

    def unit(self, unit: Value) -> None:
        build, p = self.build, self.p
        slots = p["kernel_h"] * self.plan.kernel * self.padded
        self.sums = build.offset(p["out"], unit * slots, self.register)
        with build.loop(0, slots, self.lanes) as loop:
            build.store(self.sums, loop.index, self.zero, self.register)
        first = unit * p["part_rows"]
        stop = build.op("min", first + p["part_rows"], p["batch"] * p["out_height"])
        with build.loop(first, stop) as line:
            self.line(line.index // p["out_height"], line.index % p["out_height"])

    def line(self, image: Value, y: Value) -> None:
        """The products of one row of dy; tap rows outside the image are left out."""
        build, p, plan = self.build, self.p, self.plan
        top = y * p["stride_h"] - p["margin_h"]
        start = image * p["image"] + top * p["row"]
        above = image * p["g_image"] + y * p["g_row"]
        whole = p["out_width"] // plan.pixels * plan.pixels
        bounds = ((build.int(0), whole, plan.pixels), (whole, p["out_width"], 1))
        for window, (begin, end, pixels) in zip(self.windows, bounds, strict=False):
            window.rows(top, p["kernel_h"], p["dilation_h"])
            with build.loop(begin, end, pixels) as loop:
                dy = build.offset(p["a"], above + loop.index * p["g_column"], plan.kind)

                def write(
                    edge: bool, window: Window = window, dy: Value = dy, pixels: int = pixels
                ) -> None:
                    with build.loop(0, self.whole, self.lanes) as channel:
                        self.tile(window, pixels, dy, channel.index, edge, None)
                    with build.when(build.compare("lt", self.whole, p["channels"])):
                        self.tile(window, pixels, dy, self.whole, edge, self.left_over)

                window.across(start, loop.index * plan.stride - p["margin_w"], write)

    def tile(
        self,
        window: Window,
        pixels: int,
        dy: Value,
        channel: Value,
        edge: bool,
        mask: Value | None,
    ) -> None:
        """Adds a tile's products to the sums of a vector of channels.

        They are added up by themselves first, which keeps chains of sums short.
        """
        build, p, plan = self.build, self.p, self.plan
        g = [
            build.load(dy, p["g_column"] * i + channel, plan.kind, self.lanes, mask)
            for i in range(pixels)
        ]
        with build.loop(*window.taps) as row:
            sums: list[Value | None] = [None] * plan.kernel
            for pixel, meets in window.pixels(row.index, channel, edge, mask):
                for i, j in meets:
                    old = sums[j]
                    sums[j] = g[i] * pixel if old is None else multiply_add(build, g[i], pixel, old)
            for j, value in enumerate(sums):
                assert value is not None
                place = (row.index * plan.kernel + j) * self.padded + channel
                held = build.load(self.sums, place, self.register, self.lanes)
                build.store(self.sums, place, held + value, self.register)


@lowering(FoldTaps)
def lower_fold_taps(plan: FoldTaps, target: Target) -> Program:
    """A unit is a vector of channels; sums over parts are of f64."""
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[register])

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        return (p["channels"] + (lanes - 1)) // lanes, p["parts"] * p["taps"] * 2 + 20

    def body(build: Builder) -> None:
        p = build.parameters
        out, each = build.pointer(p["out"]), p["taps"] * p["padded"]
        with build.loop(build.first, build.last) as unit, build.loop(0, p["taps"]) as tap:
            channel = unit.index * lanes
            source = build.offset(p["a"], tap.index * p["padded"] + channel, register)
            with build.loop(0, p["parts"], carry=[build.const(Type("f64", lanes), 0)]) as part:
                value = build.load(source, part.index * each, register, lanes)
                part.next(part.carried[0] + build.cast(value, "f64"))
            total = build.cast(part.results[0], register)
            mask = build.mask(p["channels"] - channel, lanes)
            channels = build.iota("i64", lanes) + build.splat(channel, lanes)
            places = channels * build.splat(p["taps"], lanes) + build.splat(tap.index, lanes)
            if plan.accumulate:
                total = total + build.gather(out, places, plan.kind, mask)
            build.scatter(out, places, total, plan.kind, mask)

    return program("fold_taps", plan.parameters, units, body)


def suits_depthwise_weight(
    shape: Conv2d, x_strides: tuple[int, ...], dy_strides: tuple[int, ...]
) -> bool:
    """Whether every channel is a group and those of both operands lie side by side."""
    return is_depthwise(shape) and x_strides[1] == dy_strides[1] == 1


def depthwise_weight(
    target: Target,
    kind: str,
    shape: Conv2d,
    x_strides: tuple[int, ...],
    dy_strides: tuple[int, ...],
    *,
    accumulate: bool = False,
) -> Summed:
    """The plans of dw; strides are those from image to image, channel, row, column."""
    kernel_h, kernel_w = shape.kernel
    taps, channels = kernel_h * kernel_w, shape.in_channels
    height, width = shape.output
    register = REGISTER_KIND.get(kind, kind)
    itemsize = STORED_BYTES[register]
    lanes = target.lanes(itemsize)
    padded = -(-channels // lanes) * lanes
    pixels = _pixels(width)
    plan = DepthwiseWeight(
        kind, pixels, kernel_w, shape.stride[1], shape.dilation[1], width % pixels != 0
    )
    lines = shape.batch * height
    # Parts of about 256 KiB, enough of them for some threads; no longer than chains of sums may be.
    most = min(
        (1 << 18) // max(1, width * channels * itemsize), MOST_TAPS * pixels // max(1, width)
    )
    part = max(1, min(most, -(-lines // 8)))
    parts = -(-lines // part)
    columns = len(places_of(pixels, kernel_w, shape.stride[1], shape.dilation[1]))
    scratch = padded * itemsize + kernel_h * columns * 8 + 63 & -64
    numbers = (
        shape.batch, channels, shape.height, shape.width, x_strides[0], *x_strides[2:],
        dy_strides[0], *dy_strides[2:], height, width, kernel_h, shape.stride[0],
        shape.dilation[0], *shape.padding, padded, scratch, part,
    )  # fmt: skip
    fold = Launch(FoldTaps(kind, accumulate), (parts, taps, channels, padded), 0)
    return Summed(Launch(plan, numbers, scratch), max(1, parts * taps * padded) * itemsize, fold)


def _pixels(width: int) -> int:
    """Pixels of a tile: few tiles, and few pixels left alone."""
    choices = range(1, min(MOST_PIXELS, max(1, width)) + 1)
    return min(choices, key=lambda n: (width // n * (n + 3) + width % n * 5, -n))
