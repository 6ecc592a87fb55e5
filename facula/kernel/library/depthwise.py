"""`Depthwise`: a convolution of every channel by itself, where channels lie side by side.

Vectors run along channels, so that no layout needs a copy; some neighbouring pixels of a row share
their loads. Note [convolution without im2col].
"""

from dataclasses import dataclass

from facula.kernel.library.conv_shape import Conv2d
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


@dataclass(frozen=True, slots=True)
class Depthwise(Plan):
    """out[n, y, x, c] = bias[c] + sum over taps of weight[c, tap] * source under the tap.

    Arguments: out (dense), weight, source, bias, scratch. `pixels` neighbours of a row are computed
    at a time; `kernel`, `stride` and `dilation` are those along rows. Rows are at least `pixels`
    long.
    """

    kind: str
    pixels: int
    kernel: int
    stride: int
    dilation: int
    bias: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS

    @property
    def places(self) -> dict[int, list[tuple[int, int]]]:
        """Columns under a tile, from its first one on, each with the (pixel, tap)s it meets."""
        found: dict[int, list[tuple[int, int]]] = {}
        for pixel in range(self.pixels):
            for tap in range(self.kernel):
                place = pixel * self.stride + tap * self.dilation
                found.setdefault(place, []).append((pixel, tap))
        return dict(sorted(found.items()))


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
        self.places = plan.places
        self.padded = (p["channels"] + (self.lanes - 1)) // self.lanes * self.lanes
        self.whole = p["channels"] // self.lanes * self.lanes
        self.rest = build.mask(p["channels"] - self.whole, self.lanes)
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.zeros_address = area
        self.zeros = build.pointer(area)
        area = area + self.padded * STORED_BYTES[self.register]
        self.weights = build.pointer(area)
        area = area + p["kernel_h"] * plan.kernel * self.padded * STORED_BYTES[self.register]
        self.table = build.pointer((area + 63) & -64)

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
        top, step = y * p["stride_h"] - p["margin_h"], p["dilation_h"]
        begin = (build.op("max", -top, 0) + step - 1) // step
        end = (build.op("max", p["height"] - top, 0) + step - 1) // step
        self.taps = (begin, build.op("min", p["kernel_h"], end))
        start = image * p["image"] + top * p["row"]
        line = (image * p["out_height"] + y) * p["out_width"]
        reach = max(self.places)
        with build.loop(0, p["out_width"], plan.pixels) as loop:
            x = build.op("min", loop.index, p["out_width"] - plan.pixels)
            left = x * plan.stride - p["margin_w"]
            source = start + left * p["column"]
            out = build.offset(p["out"], (line + x) * p["channels"], plan.kind)
            inside = build.compare("ge", left, 0) & build.compare("lt", left + reach, p["width"])
            with build.when(inside) as branch:
                self.channels(out, source, False)
            with build.otherwise(branch):
                self.write_table(source, left)
                self.channels(out, source, True)

    def write_table(self, source: Value, left: Value) -> None:
        """The address of every pixel under an edge; zeros stand for those outside."""
        build, p, plan = self.build, self.p, self.plan
        with build.loop(*self.taps) as row:
            start = source + row.index * (p["dilation_h"] * p["row"])
            entry = row.index * len(self.places)
            for k, place in enumerate(self.places):
                column = left + place
                inside = build.compare("ge", column, 0) & build.compare("lt", column, p["width"])
                index = start + p["column"] * place
                address = p["b"] + index * STORED_BYTES[plan.kind]
                # The loads add the channel's index to zeros as well: there is one for each.
                address = build.select(inside, address, self.zeros_address)
                build.store(self.table, entry + k, address, "i64")

    def channels(self, out: Value, source: Value, edge: bool) -> None:
        with self.build.loop(0, self.whole, self.lanes) as loop:
            self.tile(out, source, loop.index, edge, None)
        with self.build.when(self.build.compare("lt", self.whole, self.p["channels"])):
            self.tile(out, source, self.whole, edge, self.rest)

    def tile(
        self, out: Value, source: Value, channel: Value, edge: bool, mask: Value | None
    ) -> None:
        """A vector of channels of a tile's pixels."""
        build, p, plan, lanes = self.build, self.p, self.plan, self.lanes
        first = build.const(Type(self.register, lanes), 0)
        if plan.bias:
            first = build.load(p["bias"], channel, plan.kind, lanes, mask)
        with build.loop(*self.taps, carry=[first] * plan.pixels) as row:
            tap = row.index * plan.kernel * self.padded + channel
            weights = [
                build.load(self.weights, tap + self.padded * j, self.register, lanes)
                for j in range(plan.kernel)
            ]
            start = source + row.index * (p["dilation_h"] * p["row"]) + channel
            line = build.offset(p["b"], start, plan.kind)
            entry = row.index * len(self.places)
            sums = list(row.carried)
            for k, (place, meets) in enumerate(self.places.items()):
                if edge:
                    pointer = build.pointer(build.load(self.table, entry + k, "i64"))
                    pixel = build.load(pointer, channel, plan.kind, lanes, mask)
                else:
                    pixel = build.load(line, p["column"] * place, plan.kind, lanes, mask)
                for i, j in meets:
                    sums[i] = multiply_add(build, weights[j], pixel, sums[i])
            row.next(*sums)
        for i, value in enumerate(row.results):
            build.store(out, p["channels"] * i + channel, value, plan.kind, mask)


def suits_depthwise(shape: Conv2d, strides: tuple[int, ...], transposed: bool) -> bool:
    """Whether every channel is a group and channels of source and result lie side by side.

    `strides` are the source's: x's, or dy's if `transposed` (the gradient of the input), which is
    a convolution of this kind where it has no stride.
    """
    if not shape.last or shape.groups == 1 or strides[1] != 1:
        return False
    alone = shape.groups == shape.in_channels == shape.out_channels
    small = shape.kernel[1] <= WIDEST and shape.kernel[0] * shape.kernel[1] <= MOST_TAPS
    return alone and small and (not transposed or shape.stride == (1, 1))


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
    weight = (0, taps, kernel_w, 1)
    if transposed:
        size, out = out, size
        h, w = (d * (k - 1) - p for k, p, d in zip(shape.kernel, shape.padding, shape.dilation))
        margin = (h, w)
        weight = (taps - 1, taps, -kernel_w, -1)
    channels = shape.in_channels
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    lanes = target.lanes(itemsize)
    pixels = max(1, -(-out[1] // (-(-out[1] // MOST_PIXELS) or 1)))
    plan = Depthwise(kind, pixels, kernel_w, shape.stride[1], shape.dilation[1], bias)
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
