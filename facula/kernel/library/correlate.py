"""`Correlate`: convolution forward and, transposed, the gradient of its input, as one kernel.

A tile holds some output channels times some vectors of pixels; the loop over source channels and
taps only adds constants to one address. Note [convolution without im2col].
"""

from dataclasses import dataclass

from facula.kernel.library.planes import ADDRESSES, PLANE_NUMBERS, Copier
from facula.kernel.library.tile import multiply_add
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

SHAPE_NUMBERS = (
    "batch", "groups", "rows", "channels", "out_height", "out_width", "out_image", "out_channel",
    "kernel_h", "kernel_w", "stride_h", "stride_w", "padding_h", "padding_w", "dilation_h",
    "dilation_w", "weight_group", "weight_row", "weight_channel",
)  # fmt: skip
WORK_NUMBERS = ("scratch_stride", "chunk_rows", "row_group", "channel_block")
CORRELATE_NUMBERS = (*SHAPE_NUMBERS, *PLANE_NUMBERS, *WORK_NUMBERS)
CORRELATE_PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *CORRELATE_NUMBERS))


@dataclass(frozen=True, slots=True)
class Correlate(Plan):
    """out[n, r, y, x] = bias[r] + sum over channels and taps of weight * source under the taps.

    Arguments: out, weight, source, bias, scratch. `transposed`: the gradient of the input, which
    for a stride s falls into s * s phases of output pixels, each with its own taps. `tile` is rows
    (output channels) x vectors of pixels in registers, `last` the height of the last tile of rows.
    `spread`: neighbouring pixels of a phase are not neighbours in memory. `stacked`: a unit takes
    several images.
    """

    kind: str
    transposed: bool
    copy: str
    tile: tuple[int, int]
    last: int
    bias: bool = False
    spread: bool = False
    stacked: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return CORRELATE_PARAMETERS


@lowering(Correlate)
def lower_correlate(plan: Correlate, target: Target) -> Program:
    """Units: stacks of images x groups x chunks of rows; 2 rows channels taps operations a pixel.

    Within a unit: copy into planes; then loop over phases of the output, groups of output channels,
    strips of pixels, blocks of source channels, and tiles. A tile's sums stay in registers for a
    block; a tap reads one weight a row and a few vectors of pixels.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        parts = p["stride_h"] if plan.transposed else build.int(1)
        lines = (p["out_height"] + parts - 1) // parts
        stacks = (p["batch"] + p["stack"] - 1) // p["stack"]
        count = stacks * p["groups"] * ((lines + p["chunk_rows"] - 1) // p["chunk_rows"])
        pixels = p["stack"] * p["chunk_rows"] * parts * p["out_width"]
        taps = p["kernel_h"] * p["kernel_w"]
        if plan.transposed:
            taps = taps // (p["stride_h"] * p["stride_w"]) + 1
        return count, (pixels * p["rows"] * p["channels"] * taps >> 5) + pixels + 50

    def body(build: Builder) -> None:
        writer = _Correlation(plan, target, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("correlate", CORRELATE_PARAMETERS, units, body)


class _Correlation:
    """Writes one unit of a Correlate program."""

    def __init__(self, plan: Correlate, target: Target, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.itemsize = STORED_BYTES[self.register]
        self.lanes = target.lanes(self.itemsize)
        self.source_kind = self.register if plan.copy else plan.kind
        self.copier = Copier(build, plan.kind, plan.copy, self.lanes, "")
        taps = p["kernel_h"] * p["kernel_w"]
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.image_taps = build.pointer(area)
        self.weight_taps = build.pointer(area + taps * 8)
        area = (area + taps * 16 + 63) & -64
        self.planes_area = build.pointer(area)
        if plan.copy:
            slots = p["channels"] * self.copier.slots + 2 * self.lanes
            area = area + slots * self.itemsize
        self.partial = build.pointer(area)
        one = build.int(1)
        self.parts_h = p["stride_h"] if plan.transposed else one
        self.parts_w = p["stride_w"] if plan.transposed else one

    def unit(self, unit: Value) -> None:
        build, p = self.build, self.p
        lines = (p["out_height"] + self.parts_h - 1) // self.parts_h
        chunks = (lines + p["chunk_rows"] - 1) // p["chunk_rows"]
        image, rest = unit // (p["groups"] * chunks), unit % (p["groups"] * chunks)
        image = image * p["stack"]
        self.images = build.op("min", p["stack"], p["batch"] - image)
        group, chunk = rest // chunks, rest % chunks
        self.first = chunk * p["chunk_rows"]
        start = image * p["image"] + group * p["channels"] * p["channel"]
        source = build.offset(p["b"], start, self.plan.kind)
        self.source = self.copier.planes(
            source, self.first, self.images, p["channels"], self.planes_area
        )
        self.weight = build.offset(p["a"], group * p["weight_group"], self.plan.kind)
        self.bias = build.offset(p["bias"], group * p["rows"], self.plan.kind)
        out = image * p["out_image"] + group * p["rows"] * p["out_channel"]
        self.out = build.offset(p["out"], out, self.plan.kind)
        if self.plan.transposed:
            with build.loop(0, self.parts_h) as phase_h, build.loop(0, self.parts_w) as phase_w:
                self.phase(phase_h.index, phase_w.index)
        else:
            self.phase(build.int(0), build.int(0))

    def phase(self, phase_h: Value, phase_w: Value) -> None:
        """All output pixels (i * parts + phase) of the chunk."""
        build, p = self.build, self.p
        self.phase_h, self.phase_w = phase_h, phase_w
        self.taps = self.write_taps()
        lines = (p["out_height"] - phase_h + self.parts_h - 1) // self.parts_h
        self.height = build.op("min", p["chunk_rows"], lines - self.first)
        self.width = (p["out_width"] - phase_w + self.parts_w - 1) // self.parts_w
        self.lines = (self.images - 1) * p["stack_rows"] + self.height
        pixels = (self.lines - 1) * p["pitch"] + self.width
        some = build.compare("gt", self.height, 0) & build.compare("gt", self.width, 0)
        pixels = build.select(some, pixels, build.int(0))
        vectors = self.plan.tile[1]
        wide = vectors * self.lanes
        whole = pixels - pixels % wide
        with build.loop(0, p["rows"], p["row_group"]) as group:
            stop = build.op("min", p["rows"], group.index + p["row_group"])
            with build.loop(0, whole, wide) as strip:
                self.strip(strip.index, pixels, group.index, stop, vectors)
            with build.loop(whole, pixels, self.lanes) as strip:
                self.strip(strip.index, pixels, group.index, stop, 1)

    def write_taps(self) -> Value:
        """The offsets of each tap's source pixel and weight; returns how many taps there are."""
        build, p = self.build, self.p
        one = build.int(1)
        with build.loop(0, p["kernel_h"], carry=[build.int(0)]) as outer:
            y, y_phase, y_fits = self.tap(outer.index, self.phase_h, "h")
            with build.loop(0, p["kernel_w"], carry=outer.carried) as inner:
                x, x_phase, x_fits = self.tap(inner.index, self.phase_w, "w")
                place = self.copier.offset(y_phase * p["phases_w"] + x_phase, y, x)
                count = inner.carried[0]
                build.store(self.image_taps, count, place, "i64")
                weight = outer.index * p["kernel_w"] + inner.index
                build.store(self.weight_taps, count, weight, "i64")
                fits = y_fits & x_fits if self.plan.transposed else None
                inner.next(count + (one if fits is None else build.select(fits, one, 0)))
            outer.next(*inner.results)
        return outer.results[0]

    def tap(self, tap: Value, phase: Value, axis: str) -> tuple[Value, Value, Value]:
        """A tap's index and phase in the plane, along one axis; whether it meets this phase."""
        build, p = self.build, self.p
        reach, stride = tap * p["dilation_" + axis], p["stride_" + axis]
        if not self.plan.transposed:
            return reach // stride, reach % stride, build.const(Type("i1"), 1)
        distance = phase + p["padding_" + axis] - reach
        index = distance // stride + p["margin_" + axis]
        return index, build.int(0), build.compare("eq", distance % stride, 0)

    # --- tiles ---------------------------------------------------------------------------------

    def strip(self, pixel: Value, pixels: Value, row: Value, stop: Value, vectors: int) -> None:
        """The tiles of all channels from `row` to `stop` over one strip of pixels."""
        build, plan = self.build, self.plan
        mask = build.mask(pixels - pixel - (vectors - 1) * self.lanes, self.lanes)
        # Divisions are slow; these serve all tiles of the strip.
        self.spans = [self.span(pixel + j * self.lanes) for j in range(vectors)]
        height = plan.tile[0]
        full = stop
        if plan.last != height:
            full = build.op("min", stop, self.p["rows"] - plan.last)
        image = build.offset(self.source, pixel, self.source_kind)
        self.group_start = row
        channels = build.op("max", self.p["channels"], build.int(1))
        with build.loop(0, channels, self.p["channel_block"]) as block:
            self.first_channel = block.index
            beyond = block.index + self.p["channel_block"]
            self.stop_channel = build.op("min", self.p["channels"], beyond)
            with build.loop(row, full, height) as loop:
                self.tile(loop.index, image, height, vectors, mask)
            if plan.last != height:
                with build.when(build.compare("eq", stop, self.p["rows"])):
                    self.tile(self.p["rows"] - plan.last, image, plan.last, vectors, mask)

    def tile(self, row: Value, image: Value, rows: int, vectors: int, mask: Value) -> None:
        """One tile, one block of channels; sums wait in scratch from block to block."""
        build, p, plan, lanes = self.build, self.p, self.plan, self.lanes
        place = (row - self.group_start) * (plan.tile[1] * lanes)
        again = build.compare("gt", self.first_channel, 0)
        keep = build.splat(again, lanes)
        # The first block reads nothing, but where it points matters: a masked load from a page that
        # no one has touched yet takes hundreds of cycles each time (8.7 instead of 2.6 ms, Zen 5).
        sums = [
            build.load(
                self.partial, build.select(again, place + k * lanes, 0), self.register, lanes, keep
            )
            for k in range(rows * vectors)
        ]
        sums = self.multiply(row, image, sums, (rows, vectors), mask)
        with build.when(build.compare("ge", self.stop_channel, p["channels"])) as branch:
            done = list(sums)
            if plan.bias:
                for i in range(rows):
                    bias = build.splat(build.load(self.bias, row + i, plan.kind), lanes)
                    for k in range(i * vectors, (i + 1) * vectors):
                        done[k] = done[k] + bias
            for j, span in enumerate(self.spans):
                self.store(row, span, done[j::vectors])
        with build.otherwise(branch):
            for k, value in enumerate(sums):
                build.store(self.partial, place + k * lanes, value, self.register)

    def multiply(
        self,
        row: Value,
        image: Value,
        sums: list[Value],
        shape: tuple[int, int],
        mask: Value,
    ) -> list[Value]:
        """The sums and the products of one block of channels, all taps."""
        build, p, plan, lanes = self.build, self.p, self.plan, self.lanes
        rows, vectors = shape
        heads = [
            build.offset(self.weight, (row + i) * p["weight_row"], plan.kind) for i in range(rows)
        ]
        with build.loop(self.first_channel, self.stop_channel, carry=sums) as channel:
            plane = build.offset(image, channel.index * self.copier.slots, self.source_kind)
            step = channel.index * p["weight_channel"]
            with build.loop(0, self.taps, carry=channel.carried) as loop:
                weight = step + loop.index
                if plan.transposed:
                    weight = step + build.load(self.weight_taps, loop.index, "i64")
                place = build.load(self.image_taps, loop.index, "i64")
                line = build.offset(plane, place, self.source_kind)
                pixels = []
                for j in range(vectors):
                    guard = mask if j == vectors - 1 else None
                    pixels.append(build.load(line, j * lanes, self.source_kind, lanes, guard))
                following = []
                for i in range(rows):
                    spread = build.splat(build.load(heads[i], weight, plan.kind), lanes)
                    for j in range(vectors):
                        held = loop.carried[i * vectors + j]
                        following.append(multiply_add(build, spread, pixels[j], held))
                loop.next(*following)
            channel.next(*loop.results)
        return list(channel.results)

    def span(self, pixel: Value) -> tuple[Value, Value, Value]:
        """First row, column in it, and last row that a vector of plane pixels touches."""
        build, p = self.build, self.p
        last = (pixel + (self.lanes - 1)) // p["pitch"]
        last = build.op("min", self.lines - 1, last)
        return pixel // p["pitch"], pixel % p["pitch"], last

    def store(self, row: Value, span: tuple[Value, Value, Value], sums: list[Value]) -> None:
        """A vector of plane pixels for each row of the tile, without the gaps between image rows.

        The vector covers pieces of one or more image rows; each piece is one masked store.
        """
        build, p, plan = self.build, self.p, self.plan
        line, column, last = span
        channel = build.offset(self.out, row * p["out_channel"], plan.kind)
        with build.loop(line, last + 1) as piece:
            before = (piece.index - line) * p["pitch"] - column
            inside = build.mask(before + self.width, self.lanes)
            inside = inside & ~build.mask(before, self.lanes)
            row, start = piece.index, self.phase_w - before * self.parts_w
            if plan.stacked:
                row = piece.index % p["stack_rows"]
                start = start + piece.index // p["stack_rows"] * p["out_image"]
                between = build.compare("ge", row, self.height)
                inside = inside & ~build.splat(between, self.lanes)
            start = start + ((self.first + row) * self.parts_h + self.phase_h) * p["out_width"]
            for i, value in enumerate(sums):
                to = build.offset(channel, p["out_channel"] * i, plan.kind)
                if not plan.spread:
                    build.store(to, start, value, plan.kind, inside)
                    continue
                steps = build.iota("i64", self.lanes) * build.splat(self.parts_w, self.lanes)
                places = steps + build.splat(start, self.lanes)
                build.scatter(to, places, value, plan.kind, inside)
