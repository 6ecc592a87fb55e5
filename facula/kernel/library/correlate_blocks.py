"""`CorrelateBlocks`: convolution, and the gradient of its input, with channels in vectors.

A tile holds some neighbouring pixels times some vectors of output channels: weights are loaded as
vectors, pixels are broadcast, so that no width of image wastes lanes. Sources are images in blocks
(`blocks.py`). Note [convolution without im2col].
"""

from dataclasses import dataclass

from facula.kernel.library.planes import ADDRESSES
from facula.kernel.library.tile import multiply_add, transpose
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
    "batch", "groups", "rows", "channels", "out_height", "out_width", "out_image", "out_channel",
    "out_row", "out_column", "kernel_h", "kernel_w", "stride_h", "stride_w", "padding_h",
    "padding_w", "dilation_h", "dilation_w", "margin_h", "margin_w", "plane_rows", "pitch",
    "weight_group", "weight_row", "weight_channel", "weight_tap", "scratch_stride", "image_block",
    "chunk_rows", "tiles", "channel_block", "slots",
)  # fmt: skip
PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *NUMBERS))


@dataclass(frozen=True, slots=True)
class CorrelateBlocks(Plan):
    """out[n, r, y, x] = bias[r] + sum over channels and taps of weight * source under the taps.

    Arguments: out, weight, source (in blocks, of the register kind), bias, scratch. `transposed`
    and its phases are `Correlate`'s. `step`: pixels of the source from pixel to pixel of a phase.
    `tile` is pixels x vectors of output channels. `taps`: how many the kernel has, where the code
    must know. `flat`: rows of the result follow each other in scratch as in memory. `last`: the
    result has its channels side by side; `weight_last`: so has the weight.
    """

    kind: str
    lanes: int
    transposed: bool
    step: int
    tile: tuple[int, int]
    taps: int
    flat: bool
    last: bool
    weight_last: bool
    bias: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS


@lowering(CorrelateBlocks)
def lower_correlate_blocks(plan: CorrelateBlocks, target: Target) -> Program:
    """Units: blocks of images x groups x chunks of rows x panels of output channels.

    Within a unit: for each block of channels, pack its weights, add its products to the sums of all
    pixels, which wait in scratch; at last turn these into rows of the result.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        width = plan.tile[1] * plan.lanes
        parts = p["stride_h"] if plan.transposed else build.int(1)
        lines = (p["out_height"] + parts - 1) // parts
        count = (p["batch"] + p["image_block"] - 1) // p["image_block"] * p["groups"]
        count = count * ((lines + p["chunk_rows"] - 1) // p["chunk_rows"])
        count = count * ((p["rows"] + (width - 1)) // width)
        pixels = p["image_block"] * p["chunk_rows"] * parts * p["out_width"]
        taps = p["kernel_h"] * p["kernel_w"]
        if plan.transposed:
            taps = taps // (p["stride_h"] * p["stride_w"]) + 1
        return count, (pixels * width * p["channels"] * taps >> 5) + pixels + 50

    def body(build: Builder) -> None:
        writer = _Correlation(plan, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("correlate_blocks", PARAMETERS, units, body)


def scratch_bytes(
    lanes: int, vectors: int, taps: int, channel_block: int, slots: int, itemsize: int
) -> int:
    """Bytes of scratch a worker needs: tables, packed weights, sums."""
    width = vectors * lanes
    tables = (2 + lanes) * taps * 8
    return (tables + 63 & -64) + (channel_block * taps * lanes + slots + lanes) * width * itemsize


class _Correlation:
    """Writes one unit of a CorrelateBlocks program."""

    def __init__(self, plan: CorrelateBlocks, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.itemsize = STORED_BYTES[self.register]
        self.lanes = plan.lanes
        self.width = plan.lanes * plan.tile[1]
        self.taps = p["kernel_h"] * p["kernel_w"]
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.image_taps = build.pointer(area)
        self.weight_taps = build.pointer(area + self.taps * 8)
        self.places = build.pointer(area + self.taps * 16)
        area = (area + self.taps * (8 * (2 + self.lanes)) + 63) & -64
        self.packed = build.pointer(area)
        area = area + p["channel_block"] * self.taps * (self.lanes * self.width * self.itemsize)
        self.sums = build.pointer(area)
        one = build.int(1)
        self.parts_h = p["stride_h"] if plan.transposed else one
        self.parts_w = p["stride_w"] if plan.transposed else one
        self.blocks = (p["channels"] + (self.lanes - 1)) // self.lanes
        self.plane = p["plane_rows"] * p["pitch"] * self.lanes
        # Sums of a row of the result: whole tiles of each phase.
        self.row_slots = p["tiles"] * plan.tile[0] * self.parts_w

    def unit(self, unit: Value) -> None:
        build, p = self.build, self.p
        lines = (p["out_height"] + self.parts_h - 1) // self.parts_h
        chunks = (lines + p["chunk_rows"] - 1) // p["chunk_rows"]
        panels = (p["rows"] + (self.width - 1)) // self.width
        row = unit % panels * self.width
        unit = unit // panels
        first = unit % chunks * p["chunk_rows"]
        unit = unit // chunks
        group, image = unit % p["groups"], unit // p["groups"] * p["image_block"]
        self.images = build.op("min", p["image_block"], p["batch"] - image)
        self.first = first
        self.left = p["rows"] - row
        plane = (image * p["groups"] + group) * self.blocks * self.plane
        self.source = build.offset(p["b"], plane, self.register)
        self.image_planes = p["groups"] * self.blocks * self.plane
        weight = group * p["weight_group"] + row * p["weight_row"]
        self.weight = build.offset(p["a"], weight, self.plan.kind)
        channel = group * p["rows"] + row
        self.bias = build.offset(p["bias"], channel, self.plan.kind)
        out = image * p["out_image"] + channel * p["out_channel"]
        out = out + first * self.parts_h * p["out_row"]
        self.out = build.offset(p["out"], out, self.plan.kind)
        if not self.plan.transposed:
            self.write_places()
        with build.loop(0, self.blocks, p["channel_block"]) as block:
            self.block = block.index
            self.stop = build.op("min", self.blocks, block.index + p["channel_block"])
            if self.plan.transposed:
                self.pack_transposed()
                with build.loop(0, self.parts_h) as h, build.loop(0, self.parts_w) as w:
                    self.phase(h.index, w.index)
            else:
                self.pack()
                self.phase(build.int(0), build.int(0))
        rows = p["chunk_rows"] * self.parts_h
        self.write_out(build.op("min", rows, p["out_height"] - first * self.parts_h))

    # --- weights -------------------------------------------------------------------------------

    def write_places(self) -> None:
        """Where in a packed block the weights go that follow each other in an output channel."""
        build, lanes = self.build, self.lanes
        with build.loop(0, self.taps * lanes) as loop:
            place = loop.index
            if not self.plan.weight_last:
                place = loop.index % self.taps * lanes + loop.index // self.taps
            build.store(self.places, loop.index, place * self.width, "i64")

    def packed_block(self, block: Value) -> Value:
        size = self.taps * (self.lanes * self.width)
        return self.build.offset(self.packed, (block - self.block) * size, self.register)

    def pack(self) -> None:
        """Element (channel, tap, output channel) at ((block, tap, lane), output channel)."""
        build, p, lanes, kind = self.build, self.p, self.lanes, self.plan.kind
        # As many streams at a time as the processor's prefetcher follows.
        for v in range(self.plan.tile[1]):
            lines = []
            for j in range(v * lanes, (v + 1) * lanes):
                row = build.op("min", build.int(j), self.left - 1)
                lines.append(build.offset(self.weight, row * p["weight_row"], kind))
            with build.loop(self.block, self.stop) as block, build.loop(0, self.taps) as tap:
                left = p["channels"] - block.index * lanes
                start = block.index * lanes * p["weight_channel"]
                if self.plan.weight_last:
                    mask, start = build.mask(left, lanes), start + tap.index * p["weight_tap"]
                else:
                    mask = build.mask((left * self.taps) - tap.index * lanes, lanes)
                    start = start + tap.index * lanes
                target = self.packed_block(block.index)
                rows = [build.load(line, start, kind, lanes, mask) for line in lines]
                for line in lines:
                    build.prefetch(line, start + 4 * lanes, kind)
                for j, column in enumerate(transpose(build, rows, self.itemsize)):
                    place = build.load(self.places, tap.index * lanes + j, "i64")
                    build.store(target, place + v * lanes, column, self.register)

    def pack_transposed(self) -> None:
        """The same for weights whose output channels are the convolution's input channels."""
        build, p, lanes, kind = self.build, self.p, self.lanes, self.plan.kind
        vectors, taps = self.plan.tile[1], self.plan.taps
        first = self.block * lanes
        stop = build.op("min", p["channels"], self.stop * lanes)
        with build.loop(first, stop) as channel:
            source = build.offset(self.weight, channel.index * p["weight_channel"], kind)
            target = self.packed_block(channel.index // lanes)
            target = build.offset(target, channel.index % lanes * self.width, self.register)
            if taps:
                for v in range(vectors):
                    self.pack_taps(source, target, v)
            else:
                with build.loop(0, self.taps) as tap:
                    line = build.offset(source, tap.index * p["weight_tap"], kind)
                    to = build.offset(target, tap.index * (lanes * self.width), self.register)
                    for v in range(vectors):
                        mask = build.mask(self.left - v * lanes, lanes)
                        value = build.load(line, v * lanes, kind, lanes, mask)
                        build.store(to, v * lanes, value, self.register)

    def pack_taps(self, source: Value, target: Value, vector: int) -> None:
        """A vector of output channels for each tap: few neighbours of each, turned round."""
        build, p, lanes, kind = self.build, self.p, self.lanes, self.plan.kind
        taps = self.plan.taps
        lines = []
        for j in range(vector * lanes, (vector + 1) * lanes):
            row = build.op("min", build.int(j), self.left - 1)
            lines.append(build.offset(source, row * p["weight_row"], kind))
        for first in range(0, taps, lanes):
            count = min(lanes, taps - first)
            mask = build.mask(build.int(count), lanes) if count < lanes else None
            rows = [build.load(line, first, kind, lanes, mask) for line in lines]
            for j, column in enumerate(transpose(build, rows, self.itemsize)[:count]):
                place = (first + j) * lanes * self.width + vector * lanes
                build.store(target, place, column, self.register)

    # --- products ------------------------------------------------------------------------------

    def phase(self, phase_h: Value, phase_w: Value) -> None:
        """The products of one block of channels for all output pixels (i * parts + phase)."""
        build, p, plan = self.build, self.p, self.plan
        pixels = plan.tile[0]
        count = self.write_taps(phase_h, phase_w)
        lines = (p["out_height"] - phase_h + self.parts_h - 1) // self.parts_h
        height = build.op("min", p["chunk_rows"], lines - self.first)
        rows_a_line = p["stride_h"] if not plan.transposed else build.int(1)
        with build.loop(0, self.images) as image, build.loop(0, height) as line:
            plane = build.offset(self.source, image.index * self.image_planes, self.register)
            row = (self.first + line.index) * rows_a_line * p["pitch"] * self.lanes
            begin = build.offset(plane, row, self.register)
            slot = (image.index * p["chunk_rows"] + line.index) * self.parts_h + phase_h
            slot = slot * self.row_slots + phase_w
            with build.loop(0, p["tiles"]) as tile:
                at = tile.index * (pixels * plan.step * self.lanes)
                to = slot + tile.index * pixels * self.parts_w
                self.tile(
                    build.offset(begin, at, self.register),
                    build.offset(self.sums, to * self.width, self.register),
                    count,
                )

    def write_taps(self, phase_h: Value, phase_w: Value) -> Value:
        """The offsets of each tap's source pixel and packed weights; returns how many there are."""
        build, p = self.build, self.p
        one = build.int(1)
        with build.loop(0, p["kernel_h"], carry=[build.int(0)]) as outer:
            y, y_fits = self.tap(outer.index, phase_h, "h")
            with build.loop(0, p["kernel_w"], carry=outer.carried) as inner:
                x, x_fits = self.tap(inner.index, phase_w, "w")
                count = inner.carried[0]
                build.store(self.image_taps, count, (y * p["pitch"] + x) * self.lanes, "i64")
                weight = outer.index * p["kernel_w"] + inner.index
                weight = weight * (self.lanes * self.width)
                build.store(self.weight_taps, count, weight, "i64")
                fits = y_fits & x_fits if self.plan.transposed else None
                inner.next(count + (one if fits is None else build.select(fits, one, 0)))
            outer.next(*inner.results)
        return outer.results[0]

    def tap(self, tap: Value, phase: Value, axis: str) -> tuple[Value, Value]:
        """A tap's row or column in the plane under the first pixel; whether it meets this phase."""
        build, p = self.build, self.p
        reach, stride = tap * p["dilation_" + axis], p["stride_" + axis]
        if not self.plan.transposed:
            return reach, build.const(Type("i1"), 1)
        distance = phase + p["padding_" + axis] - reach
        index = distance // stride + p["margin_" + axis]
        return index, build.compare("eq", distance % stride, 0)

    def tile(self, source: Value, sums: Value, taps: Value) -> None:
        build, lanes, plan = self.build, self.lanes, self.plan
        pixels, vectors = plan.tile
        zero = build.const(Type(self.register, lanes), 0)
        start = [zero] * (pixels * vectors)
        with build.loop(self.block, self.stop, carry=start) as block:
            plane = build.offset(source, block.index * self.plane, self.register)
            packed = self.packed_block(block.index)
            left = self.p["channels"] - block.index * lanes
            depth = build.op("min", left, build.int(lanes))
            with build.loop(0, taps, carry=block.carried) as tap:
                offset = build.load(self.image_taps, tap.index, "i64")
                image = build.offset(plane, offset, self.register)
                offset = build.load(self.weight_taps, tap.index, "i64")
                weight = build.offset(packed, offset, self.register)
                # A tile's pixels in the next plane lie too far away for the processor to foresee.
                ahead = build.offset(image, self.plane, self.register)
                with build.loop(0, depth, carry=tap.carried) as channel:
                    line = build.offset(weight, channel.index * self.width, self.register)
                    columns = [
                        build.load(line, v * lanes, self.register, lanes) for v in range(vectors)
                    ]
                    build.prefetch(ahead, channel.index * (plan.step * lanes), self.register)
                    column = build.offset(image, channel.index, self.register)
                    following = []
                    for i in range(pixels):
                        one = build.load(column, i * plan.step * lanes, self.register)
                        spread = build.splat(one, lanes)
                        for v in range(vectors):
                            held = channel.carried[i * vectors + v]
                            following.append(multiply_add(build, spread, columns[v], held))
                    channel.next(*following)
                tap.next(*channel.results)
            block.next(*tap.results)
        with build.when(build.compare("eq", self.block, 0)) as branch:
            self.keep(sums, list(block.results), False)
        with build.otherwise(branch):
            self.keep(sums, list(block.results), True)

    def keep(self, sums: Value, values: list[Value], add: bool) -> None:
        """Sums of a tile to scratch; a block's own sums first, so that long ones stay exact."""
        build, lanes, vectors = self.build, self.lanes, self.plan.tile[1]
        for k, value in enumerate(values):
            place = self.parts_w * (k // vectors * self.width) + k % vectors * lanes
            if add:
                value = value + build.load(sums, place, self.register, lanes)
            build.store(sums, place, value, self.register)

    # --- the result ----------------------------------------------------------------------------

    def write_out(self, height: Value) -> None:
        build, p, lanes = self.build, self.p, self.lanes
        vectors, kind = self.plan.tile[1], self.plan.kind
        masks = [build.mask(self.left - v * lanes, lanes) for v in range(vectors)]
        biases = None
        if self.plan.bias:
            biases = [
                build.load(self.bias, v * lanes, kind, lanes, masks[v]) for v in range(vectors)
            ]
        image_slots = p["chunk_rows"] * self.parts_h * self.row_slots
        width = p["out_width"]
        if self.plan.flat:
            height, width = build.int(1), height * width
        with build.loop(0, self.images) as image, build.loop(0, height) as row:
            slot = image.index * image_slots + row.index * self.row_slots
            sums = build.offset(self.sums, slot * self.width, self.register)
            to = image.index * p["out_image"] + row.index * p["out_row"]
            out = build.offset(self.out, to, kind)
            if self.plan.last:
                self.row_of_channels(sums, out, width, biases, masks)
            else:
                self.rows_of_pixels(sums, out, width, biases)

    def row_of_channels(
        self, sums: Value, out: Value, width: Value, biases: list[Value] | None, masks: list[Value]
    ) -> None:
        build, p, lanes = self.build, self.p, self.lanes
        with build.loop(0, width) as pixel:
            line = build.offset(sums, pixel.index * self.width, self.register)
            to = build.offset(out, pixel.index * p["out_column"], self.plan.kind)
            for v, mask in enumerate(masks):
                value = build.load(line, v * lanes, self.register, lanes)
                if biases is not None:
                    value = value + biases[v]
                build.store(to, v * lanes, value, self.plan.kind, mask)

    def rows_of_pixels(
        self, sums: Value, out: Value, width: Value, biases: list[Value] | None
    ) -> None:
        build, p, lanes = self.build, self.p, self.lanes
        with build.loop(0, width, lanes) as pixel:
            mask = build.mask(width - pixel.index, lanes)
            first = build.offset(sums, pixel.index * self.width, self.register)
            for v in range(self.plan.tile[1]):
                values = [
                    build.load(first, j * self.width + v * lanes, self.register, lanes)
                    for j in range(lanes)
                ]
                if biases is not None:
                    values = [value + biases[v] for value in values]
                for j, line in enumerate(transpose(build, values, self.itemsize)):
                    row = v * lanes + j
                    with build.when(build.compare("gt", self.left, row)):
                        to = build.offset(out, p["out_channel"] * row, self.plan.kind)
                        build.store(to, pixel.index, line, self.plan.kind, mask)
