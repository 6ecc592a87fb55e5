"""`CorrelateBlocksWeight`: the gradient of a convolution's weight, with channels in vectors.

A tile holds some input channels times some vectors of output channels; it runs along pixels, whose
dy are vectors and whose x are broadcast. Both come as images in blocks (`blocks.py`).
Note [convolution without im2col].
"""

from dataclasses import dataclass

from facula.kernel.library.planes import ADDRESSES
from facula.kernel.library.tile import multiply_add, transpose
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
    "batch", "groups", "rows", "channels", "kernel_h", "kernel_w", "stride_h", "dilation_h",
    "dilation_w", "x_rows", "x_pitch", "g_rows", "g_width", "weight_group", "weight_row",
    "weight_channel", "weight_tap", "scratch_stride", "image_chunk", "row_chunk", "panel_block",
    "channel_block",
)  # fmt: skip
PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *NUMBERS))


@dataclass(frozen=True, slots=True)
class CorrelateBlocksWeight(Plan):
    """dw[r, c, tap] = sum over images and output pixels of dy[r] * x[c] under the tap.

    Arguments: out (dw), a (dy in blocks), b (x in blocks), bias (unused), scratch. `step`: pixels
    of x from pixel to pixel of dy. `tile` is input channels x vectors of output channels.
    `weight_last`: dw has its input channels side by side.
    """

    kind: str
    lanes: int
    step: int
    tile: tuple[int, int]
    weight_last: bool = False
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS


@lowering(CorrelateBlocksWeight)
def lower_correlate_blocks_weight(plan: CorrelateBlocksWeight, target: Target) -> Program:
    """Units: groups x panels of output channels x blocks of input channels.

    A unit goes through all images, some rows at a time: so many that its part of dy stays in the
    first cache while all taps of all its input channels go by. Sums wait in scratch; those of some
    rows are added up in registers first, so that long sums stay exact.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        width = plan.tile[1] * plan.lanes
        panels = (p["rows"] + (width - 1)) // width
        blocks = (p["channels"] + (plan.lanes - 1)) // plan.lanes
        count = p["groups"] * ((panels + p["panel_block"] - 1) // p["panel_block"])
        count = count * ((blocks + p["channel_block"] - 1) // p["channel_block"])
        size = p["panel_block"] * p["channel_block"] * (width * plan.lanes)
        pixels = p["batch"] * p["g_rows"] * p["g_width"]
        return count, (pixels * size * p["kernel_h"] * p["kernel_w"] >> 5) + 50

    def body(build: Builder) -> None:
        writer = _Weight(plan, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("correlate_blocks_weight", PARAMETERS, units, body)


def scratch_bytes(
    lanes: int, vectors: int, taps: int, panels: int, blocks: int, itemsize: int
) -> int:
    """Bytes of scratch a worker needs: a table, and sums."""
    sums = panels * blocks * taps * lanes * vectors * lanes * itemsize
    return (lanes * taps * 8 + 63 & -64) + sums


class _Weight:
    """Writes one unit of a CorrelateBlocksWeight program."""

    def __init__(self, plan: CorrelateBlocksWeight, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.itemsize = STORED_BYTES[self.register]
        self.lanes = plan.lanes
        self.width = plan.lanes * plan.tile[1]
        self.taps = p["kernel_h"] * p["kernel_w"]
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.places = build.pointer(area)
        self.sums = build.pointer((area + self.taps * (8 * self.lanes) + 63) & -64)
        self.x_blocks = (p["channels"] + (self.lanes - 1)) // self.lanes
        self.g_blocks = (p["rows"] + (self.lanes - 1)) // self.lanes
        self.x_plane = p["x_rows"] * p["x_pitch"] * self.lanes
        self.g_plane = p["g_rows"] * p["g_width"] * self.lanes
        # Sums of one panel and one block of input channels.
        self.cell = self.taps * (self.lanes * self.width)

    def unit(self, unit: Value) -> None:
        build, p, plan = self.build, self.p, self.plan
        panels = (p["rows"] + (self.width - 1)) // self.width
        panel_parts = (panels + p["panel_block"] - 1) // p["panel_block"]
        block_parts = (self.x_blocks + p["channel_block"] - 1) // p["channel_block"]
        group, rest = unit // (panel_parts * block_parts), unit % (panel_parts * block_parts)
        self.panel = rest // block_parts * p["panel_block"]
        self.block = rest % block_parts * p["channel_block"]
        self.panels = build.op("min", p["panel_block"], panels - self.panel)
        self.blocks = build.op("min", p["channel_block"], self.x_blocks - self.block)
        self.x = build.offset(p["b"], group * self.x_blocks * self.x_plane, self.register)
        self.g = build.offset(p["a"], group * self.g_blocks * self.g_plane, self.register)
        self.x_image = p["groups"] * self.x_blocks * self.x_plane
        self.g_image = p["groups"] * self.g_blocks * self.g_plane
        self.out = build.offset(p["out"], group * p["weight_group"], plan.kind)
        zero = build.const(Type(self.register, self.lanes), 0)
        with build.loop(0, self.panels * self.blocks * self.cell, self.lanes) as loop:
            build.store(self.sums, loop.index, zero, self.register)
        with (
            build.loop(0, p["batch"], p["image_chunk"]) as image,
            build.loop(0, p["g_rows"], p["row_chunk"]) as row,
        ):
            last = build.op("min", p["batch"], image.index + p["image_chunk"])
            stop = build.op("min", p["g_rows"], row.index + p["row_chunk"])
            with build.loop(0, self.blocks) as block, build.loop(0, self.panels) as panel:
                self.cell_of(block.index, panel.index, (image.index, last), (row.index, stop))
        self.write_places()
        with build.loop(0, self.panels) as panel, build.loop(0, self.blocks) as block:
            self.write_out(panel.index, block.index)

    def cell_of(
        self, block: Value, panel: Value, images: tuple[Value, Value], rows: tuple[Value, Value]
    ) -> None:
        """Adds the products of some rows of some images to all tiles of a panel and a block."""
        build, p, lanes = self.build, self.p, self.lanes
        channels, vectors = self.plan.tile
        left = p["channels"] - (self.block + block) * lanes
        depth = build.op("min", left, build.int(lanes))
        x = build.offset(self.x, (self.block + block) * self.x_plane, self.register)
        first = (self.panel + panel) * vectors
        g = []
        for v in range(vectors):
            which = build.op("min", first + v, self.g_blocks - 1)
            g.append(build.offset(self.g, which * self.g_plane, self.register))
        sums = build.offset(self.sums, (panel * self.blocks + block) * self.cell, self.register)
        with build.loop(0, p["kernel_h"]) as i, build.loop(0, p["kernel_w"]) as j:
            under = i.index * p["dilation_h"] * p["x_pitch"] + j.index * p["dilation_w"]
            source = build.offset(x, under * lanes, self.register)
            tap = i.index * p["kernel_w"] + j.index
            target = build.offset(sums, tap * (lanes * self.width), self.register)
            with build.loop(0, depth, channels) as channel:
                to = build.offset(target, channel.index * self.width, self.register)
                self.tile(build.offset(source, channel.index, self.register), g, to, images, rows)

    def tile(
        self,
        x: Value,
        g: list[Value],
        sums: Value,
        images: tuple[Value, Value],
        rows: tuple[Value, Value],
    ) -> None:
        build, p, lanes = self.build, self.p, self.lanes
        channels, vectors = self.plan.tile
        zero = build.const(Type(self.register, lanes), 0)
        start = [zero] * (channels * vectors)
        step: Number = self.plan.step * lanes
        with build.loop(*images, carry=start) as image:
            planes = [build.offset(v, image.index * self.g_image, self.register) for v in g]
            plane = build.offset(x, image.index * self.x_image, self.register)
            with build.loop(*rows, carry=image.carried) as row:
                above = row.index * p["g_width"] * lanes
                lines = [build.offset(v, above, self.register) for v in planes]
                under = row.index * p["stride_h"] * p["x_pitch"] * lanes
                line = build.offset(plane, under, self.register)
                with build.loop(0, p["g_width"], carry=row.carried) as pixel:
                    at = pixel.index * lanes
                    columns = [build.load(v, at, self.register, lanes) for v in lines]
                    source = build.offset(line, pixel.index * step, self.register)
                    following = []
                    for i in range(channels):
                        spread = build.splat(build.load(source, i, self.register), lanes)
                        for v in range(vectors):
                            held = pixel.carried[i * vectors + v]
                            following.append(multiply_add(build, spread, columns[v], held))
                    pixel.next(*following)
                row.next(*pixel.results)
            image.next(*row.results)
        for k, value in enumerate(image.results):
            held = build.load(sums, k * lanes, self.register, lanes)
            build.store(sums, k * lanes, held + value, self.register)

    # --- the result ----------------------------------------------------------------------------

    def write_places(self) -> None:
        """Where the sums are that follow each other in an output channel of dw."""
        build, lanes = self.build, self.lanes
        with build.loop(0, self.taps * lanes) as loop:
            place = loop.index
            if not self.plan.weight_last:
                place = loop.index % self.taps * lanes + loop.index // self.taps
            build.store(self.places, loop.index, place * self.width, "i64")

    def write_out(self, panel: Value, block: Value) -> None:
        """Sums of a panel and a block, turned round: a vector of dw for each output channel."""
        build, p, lanes, kind = self.build, self.p, self.lanes, self.plan.kind
        sums = build.offset(self.sums, (panel * self.blocks + block) * self.cell, self.register)
        left = p["channels"] - (self.block + block) * lanes
        first = (self.block + block) * lanes * p["weight_channel"]
        row = (self.panel + panel) * self.width
        with build.loop(0, self.taps) as tap:
            if self.plan.weight_last:
                mask, start = build.mask(left, lanes), first + tap.index * p["weight_tap"]
            else:
                mask = build.mask(left * self.taps - tap.index * lanes, lanes)
                start = first + tap.index * lanes
            places = [build.load(self.places, tap.index * lanes + j, "i64") for j in range(lanes)]
            with build.loop(0, self.plan.tile[1] * lanes, lanes) as vector:
                beside = build.offset(sums, vector.index, self.register)
                columns = [build.load(beside, place, self.register, lanes) for place in places]
                for j, line in enumerate(transpose(build, columns, self.itemsize)):
                    place = row + vector.index + j
                    with build.when(build.compare("gt", p["rows"], place)):
                        to = build.offset(self.out, place * p["weight_row"], kind)
                        if self.plan.accumulate:
                            line = line + build.load(to, start, kind, lanes, mask)
                        build.store(to, start, line, kind, mask)
