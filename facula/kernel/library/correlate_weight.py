"""`CorrelateWeight`: the gradient of a convolution's weight.

Dot products along pixels: vectors of dy and of the source under a tap, whose lanes are added at the
end. Note [convolution without im2col].
"""

from dataclasses import dataclass

from facula.kernel.library.planes import ADDRESSES, PLANE_NUMBERS, Copier
from facula.kernel.library.tile import add_lanes_of_each, multiply_add
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

WEIGHT_NUMBERS = (
    "batch", "groups", "rows", "channels", "kernel_h", "kernel_w", "stride_h", "stride_w",
    "dilation_h", "dilation_w", *("x_" + name for name in PLANE_NUMBERS),
    *("g_" + name for name in PLANE_NUMBERS), "scratch_stride", "chunk_rows", "together",
    "row_block", "channel_block",
)  # fmt: skip
WEIGHT_PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *WEIGHT_NUMBERS))


@dataclass(frozen=True, slots=True)
class CorrelateWeight(Plan):
    """dw[r, c, tap] = sum over images and output pixels of dy[r] * x[c] under the tap.

    Arguments: out (dw), a (dy), b (x), bias (unused), scratch. Products run along pixels with
    vectors of both operands; dy gets gaps of zeros between its rows, so that it has the pitch of x.
    `tile` is rows (output channels) x columns (input channels and taps) of vectors of sums.
    """

    kind: str
    copy_x: str
    copy_g: str
    tile: tuple[int, int]
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return WEIGHT_PARAMETERS


def sum_slots(tile: tuple[int, int], lanes: int) -> int:
    """Slots of scratch that a tile's sums take: whole vectors."""
    return -(-tile[0] * tile[1] // lanes) * lanes


@lowering(CorrelateWeight)
def lower_correlate_weight(plan: CorrelateWeight, target: Target) -> Program:
    """Units: groups x blocks of output and of input channels; each goes through all images.

    A pass copies some segments (rows of an image) of both operands, then adds their products to
    every tile of the block: 2 rows channels taps operations a pixel. Images are added in order, so
    the bits do not depend on who computes what.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        row_blocks = (p["rows"] + p["row_block"] - 1) // p["row_block"]
        channel_blocks = (p["channels"] + p["channel_block"] - 1) // p["channel_block"]
        size = p["row_block"] * p["channel_block"] * p["kernel_h"] * p["kernel_w"]
        pixels = p["batch"] * p["g_height"] * p["x_pitch"]
        return p["groups"] * row_blocks * channel_blocks, (pixels * size >> 5) + pixels + 50

    def body(build: Builder) -> None:
        writer = _WeightCorrelation(plan, target, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("correlate_weight", WEIGHT_PARAMETERS, units, body)


class _WeightCorrelation:
    """Writes one unit of a CorrelateWeight program."""

    def __init__(self, plan: CorrelateWeight, target: Target, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.itemsize = STORED_BYTES[self.register]
        self.lanes = target.lanes(self.itemsize)
        self.slots = sum_slots(plan.tile, self.lanes)
        self.x_copier = Copier(build, plan.kind, plan.copy_x, self.lanes, "x_")
        self.g_copier = Copier(build, plan.kind, plan.copy_g, self.lanes, "g_")
        self.taps = p["kernel_h"] * p["kernel_w"]
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.table = build.pointer(area)
        area = area + (p["channel_block"] * self.taps + 8) * 8
        self.sums = build.pointer(area)
        self.column_tiles = (p["channel_block"] * self.taps + (plan.tile[1] - 1)) // plan.tile[1]
        row_tiles = (p["row_block"] + (plan.tile[0] - 1)) // plan.tile[0]
        self.sum_count = row_tiles * self.column_tiles * self.slots
        area = area + self.sum_count * self.itemsize
        self.g_area = build.pointer(area)
        self.g_segment = build.int(0)
        if plan.copy_g:
            self.g_segment = p["row_block"] * self.g_copier.slots + 2 * self.lanes
            area = area + p["together"] * self.g_segment * self.itemsize
        self.x_area = build.pointer(area)
        self.x_segment = build.int(0)
        if plan.copy_x:
            self.x_segment = p["channel_block"] * self.x_copier.slots + 2 * self.lanes

    def unit(self, unit: Value) -> None:
        build, p, plan = self.build, self.p, self.plan
        row_blocks = (p["rows"] + p["row_block"] - 1) // p["row_block"]
        channel_blocks = (p["channels"] + p["channel_block"] - 1) // p["channel_block"]
        group, rest = unit // (row_blocks * channel_blocks), unit % (row_blocks * channel_blocks)
        self.row = rest % row_blocks * p["row_block"]
        self.channel = rest // row_blocks * p["channel_block"]
        self.rows = build.op("min", p["row_block"], p["rows"] - self.row)
        self.channels = build.op("min", p["channel_block"], p["channels"] - self.channel)
        self.columns = self.channels * self.taps
        g_start = (group * p["rows"] + self.row) * p["g_channel"]
        x_start = (group * p["channels"] + self.channel) * p["x_channel"]
        self.g = build.offset(p["a"], g_start, plan.kind)
        self.x = build.offset(p["b"], x_start, plan.kind)
        self.write_table()
        with build.loop(0, self.sum_count, self.lanes) as loop:
            zero = build.const(Type(self.register, self.lanes), 0)
            build.store(self.sums, loop.index, zero, self.register)
        self.chunks = (p["g_height"] + p["chunk_rows"] - 1) // p["chunk_rows"]
        segments = (p["batch"] + p["x_stack"] - 1) // p["x_stack"] * self.chunks
        with build.loop(0, segments, p["together"]) as loop:
            stop = build.op("min", segments, loop.index + p["together"])
            if plan.copy_g or plan.copy_x:
                with build.loop(loop.index, stop) as segment:
                    self.bring(segment.index, segment.index - loop.index)
            self.all_tiles(loop.index, stop)
        start = (group * p["rows"] + self.row) * p["channels"] + self.channel
        self.write_out(build.offset(p["out"], start * self.taps, plan.kind))

    def write_table(self) -> None:
        """The offset, in the planes of x, of every column: input channel and tap."""
        build, p = self.build, self.p
        with build.loop(0, p["kernel_h"]) as h, build.loop(0, p["kernel_w"]) as w:
            y, x = h.index * p["dilation_h"], w.index * p["dilation_w"]
            phase = y % p["stride_h"] * p["x_phases_w"] + x % p["stride_w"]
            place = self.x_copier.offset(phase, y // p["stride_h"], x // p["stride_w"])
            with build.loop(0, self.channels) as channel:
                column = channel.index * self.taps + h.index * p["kernel_w"] + w.index
                offset = channel.index * self.x_copier.slots + place
                build.store(self.table, column, offset, "i64")

    def bring(self, segment: Value, slot: Value) -> None:
        """Copies one segment of both operands to its slot, as far as they need copying."""
        build, p, plan = self.build, self.p, self.plan
        image, chunk = self.where(segment)
        first = chunk * p["chunk_rows"]
        images = self.images(image)
        if plan.copy_g:
            source = build.offset(self.g, image * p["g_image"], plan.kind)
            target = build.offset(self.g_area, slot * self.g_segment, self.register)
            self.g_copier.planes(source, first, images, self.rows, target)
        if plan.copy_x:
            source = build.offset(self.x, image * p["x_image"], plan.kind)
            target = build.offset(self.x_area, slot * self.x_segment, self.register)
            self.x_copier.planes(source, first, images, self.channels, target)

    def where(self, segment: Value) -> tuple[Value, Value]:
        """The first image of a segment, and which chunk of its rows."""
        return segment // self.chunks * self.p["x_stack"], segment % self.chunks

    def images(self, image: Value) -> Value:
        """How many images a segment holds that begins with `image`."""
        return self.build.op("min", self.p["x_stack"], self.p["batch"] - image)

    def place(self, which: str, segment: Value, slot: Value) -> Value:
        """Where the planes of a segment are: in scratch, or in the operand itself."""
        build, p = self.build, self.p
        copied = self.plan.copy_g if which == "g" else self.plan.copy_x
        if copied:
            area, size = (
                (self.g_area, self.g_segment) if which == "g" else (self.x_area, self.x_segment)
            )
            return build.offset(area, slot * size, self.register)
        image, chunk = self.where(segment)
        start = image * p[which + "_image"] + chunk * p["chunk_rows"] * p[which + "_row"]
        return build.offset(self.g if which == "g" else self.x, start, self.register)

    def all_tiles(self, first: Value, stop: Value) -> None:
        build, plan = self.build, self.plan
        rows, columns = plan.tile
        with build.loop(0, self.rows, rows) as down, build.loop(0, self.columns, columns) as right:
            self.tile(down.index, right.index, first, stop)

    def tile(self, row: Value, column: Value, first: Value, stop: Value) -> None:
        """Adds the products of segments first .. stop to one tile's sums."""
        build, p, lanes = self.build, self.p, self.lanes
        height, breadth = self.plan.tile
        row_offsets, column_offsets = [], []
        for i in range(height):
            one = build.op("min", row + i, self.rows - 1)
            row_offsets.append(one * self.g_copier.slots)
        for j in range(breadth):
            one = build.op("min", column + j, self.columns - 1)
            column_offsets.append(build.load(self.table, one, "i64"))
        zero = build.const(Type(self.register, lanes), 0)
        with build.loop(first, stop, carry=[zero] * (height * breadth)) as segment:
            slot = segment.index - first
            g, x = self.place("g", segment.index, slot), self.place("x", segment.index, slot)
            lefts = [build.offset(g, offset, self.register) for offset in row_offsets]
            rights = [build.offset(x, offset, self.register) for offset in column_offsets]
            image, chunk = self.where(segment.index)
            lines = build.op("min", p["chunk_rows"], p["g_height"] - chunk * p["chunk_rows"])
            lines = lines + (self.images(image) - 1) * p["x_stack_rows"]
            pixels = (lines - 1) * p["x_pitch"] + p["g_width"]

            def step(at: Value, sums: tuple[Value, ...], mask: Value | None) -> list[Value]:
                a = [build.load(left, at, self.register, lanes, mask) for left in lefts]
                following = list(sums)
                for j, right in enumerate(rights):
                    b = build.load(right, at, self.register, lanes, mask)
                    for i in range(height):
                        k = i * breadth + j
                        following[k] = multiply_add(build, a[i], b, sums[k])
                return following

            whole = pixels - pixels % lanes
            with build.loop(0, whole, lanes, carry=segment.carried) as loop:
                loop.next(*step(loop.index, loop.carried, None))
            with build.loop(whole, pixels, lanes, carry=loop.results) as tail:
                mask = build.mask(pixels - tail.index, lanes)
                tail.next(*step(tail.index, tail.carried, mask))
            segment.next(*tail.results)
        number = row // height * self.column_tiles + column // breadth
        for k, vector in enumerate(add_lanes_of_each(build, segment.results)):
            place = number * self.slots + k * lanes
            held = build.load(self.sums, place, self.register, lanes)
            build.store(self.sums, place, held + vector, self.register)

    def write_out(self, out: Value) -> None:
        build, p, plan = self.build, self.p, self.plan
        height, breadth = plan.tile
        with build.loop(0, self.rows) as row, build.loop(0, self.columns) as column:
            tile = row.index // height * self.column_tiles + column.index // breadth
            place = tile * self.slots + row.index % height * breadth + column.index % breadth
            value = build.load(self.sums, place, self.register)
            spot = row.index * p["channels"] * self.taps + column.index
            if plan.accumulate:
                value = value + build.load(out, spot, plan.kind)
            build.store(out, spot, value, plan.kind)
