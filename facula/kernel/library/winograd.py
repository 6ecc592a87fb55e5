"""Winograd convolution F(2x2, 3x3): 16 products for 4 output pixels where the direct form has 36.

`WinogradWeight` turns 3x3 weights into 4x4 ones, `Winograd` computes with them: the convolution
forward and, with weights turned round, the gradient of its input. `winograd_plan.py` chooses
blocks. Lavin & Gray 2015 (arXiv 1509.09308); Winograd 1980. Note [winograd].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facula.kernel.library.tile import Strip, outer_tile, transpose
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import STORED_BYTES, Builder, Parameter, Program, Type, Value, program
from facula.kernel.target import Target

POINTS = 16
# What `Winograd` reports when its result is not to be used.
NOT_FINITE = 1
WEIGHT_PARAMETERS = tuple(
    Parameter(name)
    for name in ("out", "weight", "rows", "channels", "row_step", "channel_step", "point", "piece")
)
WINOGRAD_PARAMETERS = tuple(
    Parameter(name)
    for name in (
        "out", "weight", "x", "bias", "scratch", "batch", "rows", "channels", "height", "width",
        "image", "channel", "row", "padding_h", "padding_w", "out_height", "out_width", "out_image",
        "out_channel", "scratch_stride", "row_block", "column_block", "weight_point", "point",
        "pitch", "depth", "group",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WinogradWeight(Plan):
    """out[t, p, c, i] = (G w G^T)[p] for output channel t * tile_rows + i and source channel c.

    p counts the 16 points, `point` elements apart; channels past the last repeat it. `flipped`:
    taps in the other order.
    """

    kind: str
    tile_rows: int
    flipped: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return WEIGHT_PARAMETERS


@dataclass(frozen=True, slots=True)
class Winograd(Plan):
    """out = bias + the 3x3 correlation of x, by tiles of 2x2 pixels, from transformed weights.

    Arguments: out, weight (as WinogradWeight leaves it), x, bias, scratch. `tile` is output
    channels x vectors of tiles in registers. x has neighbouring columns.

    Reports `NOT_FINITE` if one of a tile's 2x2 pixels (edges may cut some off) is infinite or nan.
    Then the result is the direct form's to give: the differences that the transforms take make nan
    of infinities, and of more pixels than taps reach, and may overflow where products do not.
    """

    kind: str
    tile: tuple[int, int]
    bias: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return WINOGRAD_PARAMETERS


# --- the three transforms, along one axis ------------------------------------------------------


def spread_weight(build: Builder, w: Sequence[Value]) -> list[Value]:
    """G w: a tap's three numbers become four."""
    half = build.op("mul", w[0] + w[2], 0.5)
    middle = build.op("mul", w[1], 0.5)
    return [w[0], half + middle, half - middle, w[2]]


def spread_source(d: Sequence[Value]) -> list[Value]:
    """B^T d: four neighbouring pixels become four."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def gather_output(m: Sequence[Value]) -> list[Value]:
    """A^T m: four products become two pixels."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


# --- weights -----------------------------------------------------------------------------------


@lowering(WinogradWeight)
def lower_weight(plan: WinogradWeight, target: Target) -> Program:
    """Units: tiles of output channels x pieces of source channels.

    A source channel's 9 taps of one tile are read as rows and turned round in registers. 28
    additions and multiplications for 16 numbers: memory sets the pace, 9 read and 16 written.
    """
    lanes = target.lanes(STORED_BYTES[plan.kind])

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        tiles = (p["rows"] + (plan.tile_rows - 1)) // plan.tile_rows
        return tiles * ((p["channels"] + p["piece"] - 1) // p["piece"]), p["piece"] * 40

    def body(build: Builder) -> None:
        p = build.parameters
        pieces = (p["channels"] + p["piece"] - 1) // p["piece"]
        with build.loop(build.first, build.last) as unit:
            tile, first = unit.index // pieces, unit.index % pieces * p["piece"]
            stop = build.op("min", p["channels"], first + p["piece"])
            for group in range(0, plan.tile_rows, lanes):
                _weight_group(plan, build, lanes, tile, group, (first, stop))

    return program("winograd_weight", WEIGHT_PARAMETERS, units, body)


def _weight_group(
    plan: WinogradWeight,
    build: Builder,
    lanes: int,
    tile: Value,
    group: int,
    channels: tuple[Value, Value],
) -> None:
    """Up to `lanes` output channels of a tile, all source channels of a piece."""
    p, kind, height = build.parameters, plan.kind, plan.tile_rows
    count = min(lanes, height - group)
    heads = []
    for i in range(count):
        row = build.op("min", tile * height + (group + i), p["rows"] - 1)
        heads.append(build.offset(p["weight"], row * p["row_step"], kind))
    inside = build.mask(build.int(count), lanes) if count < lanes else None
    base = build.offset(p["out"], tile * POINTS * p["point"] + group, kind)
    with build.loop(*channels) as channel:
        place = channel.index * p["channel_step"]
        taps: list[Value] = []
        for start in range(0, 9, lanes):
            mask = build.mask(build.int(9 - start), lanes) if 9 - start < lanes else None
            rows = [build.load(head, place + start, kind, lanes, mask) for head in heads]
            rows += [rows[-1]] * (lanes - count)
            taps += transpose(build, rows, STORED_BYTES[kind])[: 9 - start]
        if plan.flipped:
            taps.reverse()
        columns = [spread_weight(build, taps[j::3]) for j in range(3)]
        to = build.offset(base, channel.index * height, kind)
        for i in range(4):
            for j, value in enumerate(spread_weight(build, [column[i] for column in columns])):
                build.store(to, p["point"] * (4 * i + j), value, kind, inside)


# --- the convolution ---------------------------------------------------------------------------


@lowering(Winograd)
def lower_winograd(plan: Winograd, target: Target) -> Program:
    """Units: blocks of rows of tiles (of all images, counted through) x blocks of columns.

    A unit transforms the pixels of its tiles, all channels, into scratch that stays in the L2
    cache; then for each tile of output channels: 16 products, and their way back to pixels. A
    product adds up `depth` channels in registers, then these sums for a `group` of channels, then
    the groups: shorter chains round less.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        high, wide = _tiles(p)
        blocks = (p["batch"] * high + p["row_block"] - 1) // p["row_block"]
        blocks = blocks * ((wide + p["column_block"] - 1) // p["column_block"])
        work = p["row_block"] * p["column_block"] * p["channels"] * p["rows"]
        return blocks, (work >> 1) + 50

    def body(build: Builder) -> None:
        writer = _Block(plan, target, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("winograd", WINOGRAD_PARAMETERS, units, body)


def _tiles(p: dict[str, Value]) -> tuple[Value, Value]:
    """Rows and columns of tiles in one image of the result."""
    return (p["out_height"] + 1) // 2, (p["out_width"] + 1) // 2


class _Block:
    """Writes one unit of a Winograd program."""

    def __init__(self, plan: Winograd, target: Target, build: Builder) -> None:
        self.plan = plan
        self.kind = plan.kind
        self.build = build
        self.p = p = build.parameters
        itemsize = STORED_BYTES[plan.kind]
        self.lanes = target.lanes(itemsize)
        self.high, self.wide = _tiles(p)
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.source = build.pointer(area)
        area = area + p["point"] * (POINTS * itemsize)
        self.products = build.pointer(area)
        height = plan.tile[0]
        self.partial = build.pointer(area + p["pitch"] * (POINTS * height * itemsize))

    def unit(self, unit: Value) -> None:
        build, p = self.build, self.p
        across = (self.wide + p["column_block"] - 1) // p["column_block"]
        self.first_row = unit // across * p["row_block"]
        self.stop_row = build.op("min", self.first_row + p["row_block"], p["batch"] * self.high)
        self.first_column = unit % across * p["column_block"]
        self.columns = build.op("min", p["column_block"], self.wide - self.first_column)
        self.count = (self.stop_row - self.first_row) * self.columns
        self.transform_source()
        height = self.plan.tile[0]
        with build.loop(0, p["rows"], height) as row:
            weight = row.index // height * p["weight_point"] * POINTS
            self.multiply(build.offset(p["weight"], weight, self.kind))
            with build.loop(0, build.op("min", build.int(height), p["rows"] - row.index)) as one:
                self.transform_products(row.index + one.index, one.index)

    def images(self, write: Callable[[Value, Value, Value, Value], None]) -> None:
        """`write` once for each image that the unit's rows of tiles belong to."""
        build = self.build
        last = (self.stop_row - 1) // self.high
        with build.loop(self.first_row // self.high, last + 1) as image:
            top = image.index * self.high
            first = build.op("max", self.first_row, top)
            stop = build.op("min", self.stop_row, top + self.high)
            write(image.index, first - top, stop - top, (first - self.first_row) * self.columns)

    # --- pixels to points ----------------------------------------------------------------------

    def transform_source(self) -> None:
        """source[point, channel, tile]; lanes past the last tile are zeros."""
        build, p, lanes = self.build, self.p, self.lanes
        last = (self.count - 1) // lanes * lanes
        with build.loop(0, p["channels"]) as channel:
            to = build.offset(self.source, channel.index * p["pitch"], self.kind)
            zero = build.splat(build.const(Type(self.kind), 0), lanes)
            for point in range(POINTS):
                build.store(to, p["point"] * point + last, zero, self.kind)
            with build.loop(0, self.columns, lanes) as strip:
                column = (self.first_column + strip.index) * 2 - p["padding_w"]
                masks = []
                for start in (0, lanes, 2, lanes + 2):
                    left = column + start
                    masks.append(build.mask(p["width"] - left, lanes) & ~build.mask(-left, lanes))
                inside = build.mask(self.columns - strip.index, lanes)

                def segment(image: Value, first: Value, stop: Value, place: Value) -> None:
                    start = image * p["image"] + channel.index * p["channel"] + column
                    self.segment(
                        build.offset(p["x"], start, self.kind),
                        masks,
                        (first, stop),
                        build.offset(to, place + strip.index, self.kind),
                        inside,
                    )

                self.images(segment)

    def segment(
        self,
        source: Value,
        masks: list[Value],
        rows: tuple[Value, Value],
        to: Value,
        inside: Value,
    ) -> None:
        """One strip of columns down the rows of one image; each pixel is read once."""
        build, p = self.build, self.p
        first, stop = rows
        head = first * 2 - p["padding_h"]
        upper = [*self.line(source, head, masks), *self.line(source, head + 1, masks)]
        with build.loop(first, stop, carry=upper) as row:
            below = row.index * 2 - p["padding_h"] + 2
            lower = [*self.line(source, below, masks), *self.line(source, below + 1, masks)]
            square = [*row.carried, *lower]
            place = (row.index - first) * self.columns
            for j in range(4):
                for i, value in enumerate(spread_source(square[j::4])):
                    step = p["point"] * (4 * i + j)
                    build.store(to, step + place, value, self.kind, inside)
            row.next(*lower)

    def line(self, source: Value, row: Value, masks: list[Value]) -> list[Value]:
        """One row of pixels under a strip, transformed along the row; zeros outside the image."""
        build, p, lanes = self.build, self.p, self.lanes
        inside = build.compare("ge", row, 0) & build.compare("lt", row, p["height"])
        # Where nothing is read, the address still matters: see Correlate.tile.
        line = build.offset(source, build.select(inside, row, 0) * p["row"], self.kind)
        keep = build.splat(inside, lanes)
        low, high, low_next, high_next = (
            build.load(line, start, self.kind, lanes, mask & keep)
            for start, mask in zip((0, lanes, 2, lanes + 2), masks, strict=True)
        )
        even, odd = range(0, 2 * lanes, 2), range(1, 2 * lanes, 2)
        pixels = [build.shuffle(low, even, high), build.shuffle(low, odd, high)]
        pixels.append(build.shuffle(low_next, even, high_next))
        pixels.append(build.shuffle(low_next, odd, high_next))
        return spread_source(pixels)

    # --- products ------------------------------------------------------------------------------

    def multiply(self, weight: Value) -> None:
        """products[point, i, tile] for one tile of output channels."""
        build, p, lanes = self.build, self.p, self.lanes
        height, vectors = self.plan.tile
        wide = vectors * lanes
        with build.loop(0, POINTS) as point:
            left = build.offset(weight, point.index * p["weight_point"], self.kind)
            right = build.offset(self.source, point.index * p["point"], self.kind)
            to = build.offset(self.products, point.index * p["pitch"] * height, self.kind)
            whole = (self.count + (lanes - 1)) // wide * wide
            with build.loop(0, whole, wide) as strip:
                self.panel(left, right, to, strip.index, vectors)
            with build.loop(whole, self.count, lanes) as strip:
                self.panel(left, right, to, strip.index, 1)

    def panel(self, left: Value, right: Value, to: Value, place: Value, vectors: int) -> None:
        build, p, lanes, kind = self.build, self.p, self.lanes, self.kind
        height = self.plan.tile[0]
        right = build.offset(right, place, kind)
        to = build.offset(to, place, kind)
        # With few channels the sums of a group are the result; else they wait beside it.
        several = build.compare("gt", p["channels"], p["group"])
        held = build.select(several, self.partial, to)
        with build.loop(0, p["channels"], p["group"]) as group:
            stop = build.op("min", p["channels"], group.index + p["group"])
            with build.loop(group.index, stop, p["depth"]) as block:
                sums = outer_tile(
                    build,
                    lanes,
                    (height, vectors),
                    build.op("min", p["depth"], stop - block.index),
                    Strip(build.offset(left, block.index * height, kind), 1, height, kind),
                    Strip(build.offset(right, block.index * p["pitch"], kind), 1, p["pitch"], kind),
                )
                again = build.compare("gt", block.index, group.index)
                self.add(held, again, [value for line in sums for value in line], vectors)
            with build.when(several):
                places = self.places(vectors)
                whole = [build.load(held, place, kind, lanes) for place in places]
                self.add(to, build.compare("gt", group.index, 0), whole, vectors)

    def places(self, vectors: int) -> list[Value]:
        """Where the vectors of a tile's sums lie, row after row."""
        pitch = self.p["pitch"]
        height = self.plan.tile[0]
        return [pitch * i + j * self.lanes for i in range(height) for j in range(vectors)]

    def add(self, to: Value, again: Value, sums: list[Value], vectors: int) -> None:
        """Stores a tile's sums, added to what stands there if that is to be kept."""
        build, lanes = self.build, self.lanes
        keep = build.splat(again, lanes)
        for place, value in zip(self.places(vectors), sums, strict=True):
            before = build.load(to, place, self.kind, lanes, keep)
            build.store(to, place, value + before, self.kind)

    # --- points to pixels ----------------------------------------------------------------------

    def transform_products(self, row: Value, line: Value) -> None:
        """All tiles of one output channel, from line `line` of the products."""
        build, p, lanes, kind = self.build, self.p, self.lanes, self.kind
        height = self.plan.tile[0]
        source = build.offset(self.products, line * p["pitch"], kind)
        bias = None
        if self.plan.bias:
            bias = build.splat(build.load(build.pointer(p["bias"]), row, kind), lanes)

        def segment(image: Value, first: Value, stop: Value, place: Value) -> None:
            out = build.offset(p["out"], image * p["out_image"] + row * p["out_channel"], kind)
            with (
                build.loop(first, stop) as tile_row,
                build.loop(0, self.columns, lanes) as strip,
            ):
                at = place + (tile_row.index - first) * self.columns + strip.index
                points = [
                    build.load(source, p["pitch"] * (height * k) + at, kind, lanes)
                    for k in range(POINTS)
                ]
                columns = [gather_output(points[j::4]) for j in range(4)]
                column = (self.first_column + strip.index) * 2
                right = (
                    build.op("min", p["out_width"], (self.first_column + self.columns) * 2) - column
                )
                masks = [build.mask(right - k * lanes, lanes) for k in range(2)]
                trace = build.splat(build.const(Type(kind), 0), lanes)
                for i in range(2):
                    y = tile_row.index * 2 + i
                    inside = build.compare("lt", y, p["out_height"])
                    pixels = gather_output([one[i] for one in columns])
                    if bias is not None:
                        pixels = [one + bias for one in pixels]
                    for one in pixels:
                        trace = build.op("muladd", one, 0.0, trace)
                    self.store_pixels(
                        build.offset(out, y * p["out_width"] + column, kind),
                        pixels,
                        [mask & build.splat(inside, lanes) for mask in masks],
                    )
                # Nothing but zeros leaves a zero; lanes past the last tile hold anything.
                held = build.mask(self.columns - strip.index, lanes)
                with build.when(build.any(trace.ne(0) & held)):
                    build.report(NOT_FINITE)

        self.images(segment)

    def store_pixels(self, out: Value, pixels: list[Value], masks: list[Value]) -> None:
        """Even and odd columns of a strip of tiles, in turn."""
        lanes = self.lanes
        for half, mask in enumerate(masks):
            start = half * lanes // 2
            order = [start + k // 2 + k % 2 * lanes for k in range(lanes)]
            value = self.build.shuffle(pixels[0], order, pixels[1])
            self.build.store(out, half * lanes, value, self.kind, mask)
