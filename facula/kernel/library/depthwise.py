"""`Depthwise`: a convolution of every channel by itself, where channels lie side by side.

Vectors run along channels, so that no layout needs a copy; some neighbouring pixels of a row share
their loads. Note [convolution without im2col].
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from facula.kernel.library.conv_shape import Conv2d
from facula.kernel.library.planes import ADDRESSES
from facula.kernel.library.tile import Launch, multiply_add
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Number,
    Parameter,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.target import Target

NUMBERS = (
    "batch", "channels", "height", "width", "image", "row", "column", "out_height", "out_width",
    "kernel_h", "stride_h", "dilation_h", "margin_h", "margin_w", "weight_first", "weight_channel",
    "weight_row", "weight_column", "scratch_stride", "chunk_rows",
)  # fmt: skip
PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *NUMBERS))
# Neighbouring pixels in registers: their sums, a row of weights and a pixel fit 16 registers.
MOST_PIXELS = 8
# Wider kernels would not keep a row of weights in registers.
WIDEST = 9
# Products that a sum in a register takes; longer chains would lose digits.
MOST_TAPS = 288
# Strides whose gradient of the input has a tile over all phases.
MOST_SPREAD = 4

# Columns under a tile, from its first one on, each with the (pixel, tap)s it meets.
Places = dict[int, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Depthwise(Plan):
    """out[n, y, x, c] = bias[c] + sum over taps of weight[c, tap] * source under the tap.

    Arguments: out (dense), weight, source, bias, scratch. `pixels` neighbours of a row are computed
    at a time; `kernel`, `stride` and `dilation` are those along rows. Rows are at least `pixels`
    long. With `spread`, the stride along rows of the convolution whose gradient this is, tap j
    meets under pixel x what lies (x + j) / spread columns from the first, where that is whole;
    rows likewise, by `stride_h`. Then pixels - out_width is a multiple of `spread`, or rows are
    one tile; dilations are 1; and of the columns' distance from the margin `phase` is the rest.
    """

    kind: str
    pixels: int
    kernel: int
    stride: int
    dilation: int
    bias: bool = False
    spread: int = 0
    phase: int = 0

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS

    @property
    def places(self) -> Places:
        """The columns under a tile, from its first one on."""
        if not self.spread:
            return places_of(self.pixels, self.kernel, self.stride, self.dilation)
        found: Places = {}
        for pixel in range(self.pixels):
            for tap in range(self.kernel):
                place, rest = divmod(pixel + tap - self.phase, self.spread)
                if not rest:
                    found.setdefault(place, []).append((pixel, tap))
        return dict(sorted(found.items()))


def places_of(pixels: int, kernel: int, stride: int, dilation: int) -> Places:
    """The columns under so many neighbouring pixels, in order."""
    found: Places = {}
    for pixel in range(pixels):
        for tap in range(kernel):
            found.setdefault(pixel * stride + tap * dilation, []).append((pixel, tap))
    return dict(sorted(found.items()))


class Window:
    """Writes the loads of the pixels under a tile; zeros stand for those outside the image.

    `zeros` is the address of as many zeros as there are channels, `table` that of an address for
    each column and tap row. The source is `b`, its sizes and strides `height`, `width`, `row`,
    `column`.
    """

    def __init__(
        self, build: Builder, kind: str, lanes: int, places: Places, zeros: Value, table: Value
    ) -> None:
        self.build = build
        self.kind = kind
        self.lanes = lanes
        self.places = places
        self.zeros = zeros
        self.table = table

    def rows(self, top: Value, count: Value, step: Number) -> None:
        """Tap rows lie `step` rows of the source from each other, `count` from row `top` on.

        `taps` will be the range of those inside the image.
        """
        build, height = self.build, self.build.parameters["height"]
        begin = (build.op("max", -top, 0) + (step - 1)) // step
        end = (build.op("max", height - top, 0) + (step - 1)) // step
        self.step = step * build.parameters["row"]
        self.taps = (begin, build.op("min", count, end))

    def across(self, line: Value, left: Value, write: Callable[[bool], None]) -> None:
        """Calls write(edge) for a tile whose first column is `left` in the row at `line`.

        Tiles with columns outside the image get a table of where their pixels are.
        """
        build, p = self.build, self.build.parameters
        self.source = line + left * p["column"]
        reach = max(self.places, default=0)
        inside = build.compare("ge", left, 0) & build.compare("lt", left + reach, p["width"])
        with build.when(inside) as branch:
            write(False)
        with build.otherwise(branch):
            self._write_table(left)
            write(True)

    def _write_table(self, left: Value) -> None:
        build, p = self.build, self.build.parameters
        with build.loop(*self.taps) as row:
            start = self.source + row.index * self.step
            entry = row.index * len(self.places)
            for k, place in enumerate(self.places):
                column = left + place
                inside = build.compare("ge", column, 0) & build.compare("lt", column, p["width"])
                index = start + p["column"] * place
                address = p["b"] + index * STORED_BYTES[self.kind]
                # The loads add the channel's index to zeros as well: there is one for each.
                address = build.select(inside, address, self.zeros)
                build.store(self.table, entry + k, address, "i64")

    def pixels(
        self, row: Value, channel: Value, edge: bool, mask: Value | None
    ) -> Iterator[tuple[Value, list[tuple[int, int]]]]:
        """Under a tap row: a vector of channels of each column, and the (pixel, tap)s it meets."""
        build, column = self.build, self.build.parameters["column"]
        line = build.offset(
            build.parameters["b"], self.source + row * self.step + channel, self.kind
        )
        entry = row * len(self.places)
        for k, (place, meets) in enumerate(self.places.items()):
            if edge:
                pointer = build.pointer(build.load(self.table, entry + k, "i64"))
                yield build.load(pointer, channel, self.kind, self.lanes, mask), meets
            else:
                yield build.load(line, column * place, self.kind, self.lanes, mask), meets


@lowering(Depthwise)
def lower_depthwise(plan: Depthwise, target: Target) -> Program:
    """Units: images x chunks of rows. A tap row takes a load a column and a load a weight."""

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        count = p["batch"] * ((p["out_height"] + p["chunk_rows"] - 1) // p["chunk_rows"])
        work = p["chunk_rows"] * p["out_width"] * p["channels"]
        return count, (work * (p["kernel_h"] * plan.kernel + 16) >> 5) + 50

    def body(build: Builder) -> None:
        writer = _Depthwise(plan, target, build)
        writer.pack()
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("depthwise", PARAMETERS, units, body)


class _Depthwise:
    """Writes a Depthwise program."""

    def __init__(self, plan: Depthwise, target: Target, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.lanes = target.lanes(STORED_BYTES[self.register])
        self.padded = (p["channels"] + (self.lanes - 1)) // self.lanes * self.lanes
        self.whole = p["channels"] // self.lanes * self.lanes
        self.rest = build.mask(p["channels"] - self.whole, self.lanes)
        zeros = p["scratch"] + build.worker * p["scratch_stride"]
        self.zeros = build.pointer(zeros)
        area = zeros + self.padded * STORED_BYTES[self.register]
        self.weights = build.pointer(area)
        area = area + p["kernel_h"] * plan.kernel * self.padded * STORED_BYTES[self.register]
        table = build.pointer((area + 63) & -64)
        self.window = Window(build, plan.kind, self.lanes, plan.places, zeros, table)

    def pack(self) -> None:
        """The weights, tap after tap, in vectors of channels; and as many zeros as channels."""
        build, p, plan, lanes = self.build, self.p, self.plan, self.lanes
        zero = build.const(Type(self.register, lanes), 0)
        weight = build.offset(p["a"], p["weight_first"], plan.kind)
        with build.loop(0, self.padded, lanes) as loop:
            inside = build.mask(p["channels"] - loop.index, lanes)
            build.store(self.zeros, loop.index, zero, self.register)
            channel = build.iota("i64", lanes) + build.splat(loop.index, lanes)
            places = channel * build.splat(p["weight_channel"], lanes)
            with build.loop(0, p["kernel_h"]) as i, build.loop(0, plan.kernel) as j:
                at = i.index * p["weight_row"] + j.index * p["weight_column"]
                tap = build.offset(weight, at, plan.kind)
                value = build.gather(tap, places, plan.kind, inside)
                to = (i.index * plan.kernel + j.index) * self.padded + loop.index
                build.store(self.weights, to, value, self.register)

    def unit(self, unit: Value) -> None:
        build, p = self.build, self.p
        chunks = (p["out_height"] + p["chunk_rows"] - 1) // p["chunk_rows"]
        image, chunk = unit // chunks, unit % chunks
        first = chunk * p["chunk_rows"]
        stop = build.op("min", p["out_height"], first + p["chunk_rows"])
        with build.loop(first, stop) as row:
            self.line(image, row.index)

    def line(self, image: Value, y: Value) -> None:
        """One row of the result, tile by tile; the last tile may repeat pixels of the one before.

        Tap rows outside the image are left out.
        """
        build, p, plan = self.build, self.p, self.plan
        self.first_tap, every = build.int(0), p["stride_h"]
        step = plan.pixels
        if plan.spread:
            step = max(step // plan.spread * plan.spread, 1)
            away = p["margin_h"] - y
            self.first_tap = (away % every + every) % every
            taps = (p["kernel_h"] - self.first_tap + (every - 1)) // every
            top = (self.first_tap - away) // every
            self.window.rows(top, taps, 1)
        else:
            top = y * every - p["margin_h"]
            self.window.rows(top, p["kernel_h"], p["dilation_h"])
        start = image * p["image"] + top * p["row"]
        line = (image * p["out_height"] + y) * p["out_width"]
        last = p["out_width"] - plan.pixels
        with build.loop(0, (last + (step - 1)) // step + 1) as loop:
            x = build.op("min", loop.index * step, last)
            left = x // plan.spread if plan.spread else x * plan.stride
            out = build.offset(p["out"], (line + x) * p["channels"], plan.kind)

            def write(edge: bool, out: Value = out) -> None:
                self.channels(out, edge)

            self.window.across(start, left - p["margin_w"], write)

    def channels(self, out: Value, edge: bool) -> None:
        with self.build.loop(0, self.whole, self.lanes) as loop:
            self.tile(out, loop.index, edge, None)
        with self.build.when(self.build.compare("lt", self.whole, self.p["channels"])):
            self.tile(out, self.whole, edge, self.rest)

    def tile(self, out: Value, channel: Value, edge: bool, mask: Value | None) -> None:
        """A vector of channels of a tile's pixels."""
        build, p, plan, lanes = self.build, self.p, self.plan, self.lanes
        first = build.const(Type(self.register, lanes), 0)
        if plan.bias:
            first = build.load(p["bias"], channel, plan.kind, lanes, mask)
        with build.loop(*self.window.taps, carry=[first] * plan.pixels) as row:
            tap_row = row.index
            if plan.spread:
                tap_row = self.first_tap + tap_row * p["stride_h"]
            tap = tap_row * plan.kernel * self.padded + channel
            weights = [
                build.load(self.weights, tap + self.padded * j, self.register, lanes)
                for j in range(plan.kernel)
            ]
            sums = list(row.carried)
            for pixel, meets in self.window.pixels(row.index, channel, edge, mask):
                for i, j in meets:
                    sums[i] = multiply_add(build, weights[j], pixel, sums[i])
            row.next(*sums)
        for i, value in enumerate(row.results):
            build.store(out, p["channels"] * i + channel, value, plan.kind, mask)


def is_depthwise(shape: Conv2d) -> bool:
    """Whether every channel is a group, channels are to lie side by side, and kernels small."""
    alone = shape.groups == shape.in_channels == shape.out_channels and shape.groups > 1
    small = shape.kernel[1] <= WIDEST and shape.kernel[0] * shape.kernel[1] <= MOST_TAPS
    return shape.last and alone and small


def suits_depthwise(shape: Conv2d, strides: tuple[int, ...], transposed: bool) -> bool:
    """Whether every channel is a group and channels of source and result lie side by side.

    `strides` are the source's: x's, or dy's if `transposed` (the gradient of the input).
    """
    if not is_depthwise(shape) or strides[1] != 1:
        return False
    plain = shape.stride == (1, 1)
    return not transposed or plain or shape.dilation == (1, 1) and shape.stride[1] <= MOST_SPREAD


def depthwise(
    target: Target,
    kind: str,
    shape: Conv2d,
    strides: tuple[int, ...],
    *,
    transposed: bool = False,
    bias: bool = False,
) -> Launch:
    """The plan of y or, `transposed`, of dx: kernel(out, weight, source, bias, scratch, *numbers).

    `strides`: the source's, from image to image, channel, row, column.
    """
    kernel_h, kernel_w = shape.kernel
    taps = kernel_h * kernel_w
    size, out, margin = (shape.height, shape.width), shape.output, shape.padding
    weight, spread, phase = (0, taps, kernel_w, 1), 0, 0
    if transposed:
        size, out = out, size
        h, w = (d * (k - 1) - p for k, p, d in zip(shape.kernel, shape.padding, shape.dilation))
        weight = (taps - 1, taps, -kernel_w, -1)
        if shape.stride != (1, 1):
            spread = shape.stride[1]
            phase, w = w % spread, w // spread
        margin = (h, w)
    channels = shape.in_channels
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    lanes = target.lanes(itemsize)
    pixels = _pixels(out[1], spread)
    stride, dilation = (1, 1) if spread else (shape.stride[1], shape.dilation[1])
    plan = Depthwise(kind, pixels, kernel_w, stride, dilation, bias, spread, phase)
    # Units of about 256 KiB, and enough of them for some threads.
    pieces = max(-(-8 // max(1, shape.batch)), out[0] * out[1] * channels * itemsize >> 18, 1)
    chunk = max(1, -(-out[0] // pieces))
    padded = -(-channels // lanes) * lanes
    scratch = (taps + 1) * padded * itemsize + kernel_h * len(plan.places) * 8 + 127 & -64
    numbers = (
        shape.batch, channels, *size, strides[0], *strides[2:], *out, kernel_h, shape.stride[0],
        shape.dilation[0], *margin, *weight, scratch, chunk,
    )  # fmt: skip
    return Launch(plan, numbers, scratch)


def _pixels(width: int, spread: int) -> int:
    """Pixels of a tile: equal shares of a row; with a spread, the last tile must begin a step."""
    if spread and width > MOST_PIXELS:
        return max(n for n in range(spread, MOST_PIXELS + 1) if (width - n) % spread == 0)
    return max(1, -(-width // (-(-width // MOST_PIXELS) or 1)))
