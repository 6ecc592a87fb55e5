"""Convolutions in NCHW: forward, the gradient of the input, the gradient of the weight.

All three look at the source as planes whose rows are `pitch` elements apart, so that under every output
pixel a tap of the kernel lies at one constant offset (Note [convolution without im2col]). Padding,
stride and odd layouts are dealt with by copying the source into such planes; where it has this form
already it is read in place. `conv2d_forward`, `conv2d_backward_data` and `conv2d_backward_weight` are
the way in; products with a 1x1 kernel become matrix products.
"""

from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.matmul import matmul_plan
from facula.kernel.library.tile import Launch, add_lanes_of_each, multiply_add
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

ADDRESSES = ("out", "a", "b", "bias", "scratch")


class Conv2d(NamedTuple):
    """The numbers of a convolution as torch names them; channels count all groups.

    >>> Conv2d(64, 1, 28, 28, 32, (3, 3)).output
    (26, 26)
    """

    batch: int
    in_channels: int
    height: int
    width: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    given_output: tuple[int, int] | None = None

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the result; `given_output` allows more padding on the far sides."""
        if self.given_output is not None:
            return self.given_output
        sizes = zip(
            (self.height, self.width), self.kernel, self.stride, self.padding, self.dilation
        )
        height, width = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes)
        return height, width


# --- the source as planes ----------------------------------------------------------------------

# What a copy into planes needs; the prefix says which operand.
PLANE_NUMBERS = (
    "height", "width", "image", "channel", "row", "column", "split_h", "split_w", "margin_h",
    "margin_w", "phases_h", "phases_w", "pitch", "plane_rows",
)  # fmt: skip


class Planes(NamedTuple):
    """How a source becomes planes: PLANE_NUMBERS, and the way its rows are copied.

    Element (phase h, phase w, r, c) of a channel's planes is source pixel (r * split_h + phase h -
    margin_h, c * split_w + phase w - margin_w), or zero outside. `copy` is "" (read in place), "rows"
    (split 1, contiguous), "pairs" (split 2, contiguous) or "any".
    """

    copy: str
    numbers: tuple[int, ...]
    slots: int

    @property
    def pitch(self) -> int:
        return self.numbers[PLANE_NUMBERS.index("pitch")]


def planes(
    size: tuple[int, int],
    strides: tuple[int, ...],
    split: tuple[int, int],
    margin: tuple[int, int],
    phases: tuple[int, int],
    extent: tuple[int, int],
    reach: int,
    *,
    in_place: bool,
) -> Planes:
    """Planes of `extent` rows and columns; strides are those of (image, channel, row, column).

    `reach`: how many columns further right than the output's the taps go.
    """
    if split[1] == 1:
        # The zeros right of a row and those left of the next one may be the same ones.
        shared = min(margin[1], extent[1] - margin[1] - size[1], reach)
        extent = (extent[0], extent[1] - max(0, shared))
    fits = split == (1, 1) and margin == (0, 0) and extent[0] <= size[0] and extent[1] <= size[1]
    pitch = extent[1]
    if in_place and fits and strides[3] == 1 and extent[1] <= strides[2] <= extent[1] + 2:
        copy, pitch = "", strides[2]
    elif strides[3] == 1 and split[1] <= 2:
        copy = "rows" if split[1] == 1 else "pairs"
    else:
        copy = "any"
    slots = phases[0] * phases[1] * extent[0] * pitch
    return Planes(copy, (*size, *strides, *split, *margin, *phases, pitch, extent[0]), slots)


class _Copier:
    """Writes the loops that copy rows of a source into planes."""

    def __init__(self, build: Builder, kind: str, copy: str, lanes: int, prefix: str) -> None:
        self.build = build
        self.kind = kind
        self.register = REGISTER_KIND.get(kind, kind)
        self.copy = copy
        self.lanes = lanes
        self.p = {name: build.parameters[prefix + name] for name in PLANE_NUMBERS}
        p = self.p
        self.slots = (
            p["channel"]
            if not copy
            else p["phases_h"] * p["phases_w"] * p["plane_rows"] * p["pitch"]
        )

    def planes(
        self, source: Value, first: Value, rows: Value, channels: Value, target: Value
    ) -> Value:
        """A pointer to planes that begin at plane row `first`, copied to `target` if need be."""
        build, p = self.build, self.p
        if not self.copy:
            return build.offset(source, first * p["row"], self.kind)
        with build.loop(0, channels) as channel, build.loop(0, p["phases_h"]) as phase:
            start = build.offset(source, channel.index * p["channel"], self.kind)
            into = channel.index * self.slots
            into = into + phase.index * p["phases_w"] * p["plane_rows"] * p["pitch"]
            plane = build.offset(target, into, self.register)
            with build.loop(0, rows) as loop:
                row = (first + loop.index) * p["split_h"] + phase.index - p["margin_h"]
                inside = build.compare("ge", row, 0) & build.compare("lt", row, p["height"])
                line = build.offset(start, row * p["row"], self.kind)
                width = build.select(inside, p["width"], build.int(0))
                self.line(line, build.offset(plane, loop.index * p["pitch"], self.register), width)
        # The last row may be read a few pixels too far, like all others: into zeros.
        zero = build.const(Type(self.register, self.lanes), 0)
        for k in range(2):
            build.store(target, channels * self.slots + k * self.lanes, zero, self.register)
        return target

    def line(self, source: Value, target: Value, width: Value) -> None:
        """One row, `width` elements of it inside the source; its end may spill into the next row."""
        build, p, lanes = self.build, self.p, self.lanes
        with build.loop(0, p["pitch"], lanes) as loop:
            if self.copy == "rows":
                value = self.piece(source, loop.index - p["margin_w"], width)
                build.store(target, loop.index, value, self.register)
            elif self.copy == "pairs":
                column = loop.index * 2 - p["margin_w"]
                low = self.piece(source, column, width)
                high = self.piece(source, column + lanes, width)
                even = build.shuffle(low, range(0, 2 * lanes, 2), high)
                self.store_phase(target, build.int(0), loop.index, even)
                with build.when(build.compare("gt", p["phases_w"], 1)):
                    odd = build.shuffle(low, range(1, 2 * lanes, 2), high)
                    self.store_phase(target, build.int(1), loop.index, odd)
            else:
                with build.loop(0, p["phases_w"]) as phase:
                    start = loop.index * p["split_w"] + phase.index - p["margin_w"]
                    steps = build.iota("i64", lanes) * build.splat(p["split_w"], lanes)
                    columns = steps + build.splat(start, lanes)
                    inside = build.compare("ge", columns, 0)
                    inside = inside & build.compare("lt", columns, build.splat(width, lanes))
                    places = columns * build.splat(p["column"], lanes)
                    value = build.gather(source, places, self.kind, inside)
                    self.store_phase(target, phase.index, loop.index, value)

    def store_phase(self, target: Value, phase: Value, index: Value, value: Value) -> None:
        """Phases of columns lie a plane apart, so that spilling past the last row would hurt."""
        build, p = self.build, self.p
        place = phase * p["plane_rows"] * p["pitch"] + index
        build.store(target, place, value, self.register, build.mask(p["pitch"] - index, self.lanes))

    def piece(self, source: Value, column: Value, width: Value) -> Value:
        """`lanes` neighbours from `column` on, zeros outside 0 .. width."""
        build, lanes = self.build, self.lanes
        inside = build.mask(width - column, lanes) & ~build.mask(-column, lanes)
        return build.load(source, column, self.kind, lanes, inside)


# --- forward, and the gradient of the input ----------------------------------------------------

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

    Arguments: out, weight, source, bias, scratch. `transposed`: the gradient of the input, which for a
    stride s falls into s * s phases of output pixels, each with its own taps. `tile` is rows (output
    channels) x vectors of pixels in registers, `last` the height of the last tile of rows. `spread`:
    neighbouring pixels of a phase are not neighbours in memory.
    """

    kind: str
    transposed: bool
    copy: str
    tile: tuple[int, int]
    last: int
    bias: bool = False
    spread: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return CORRELATE_PARAMETERS


def _tile(
    target: Target, rows: int, pixels: int, channels: int, kernel: tuple[int, int]
) -> tuple[int, int]:
    """Height and vectors of the tile that takes the fewest cycles for rows x pixels.

    A step of a tile takes as long as its multiply-adds, its loads, or the latency of one multiply-add; a
    tile and a turn over the taps cost something of their own. `pixels` counts vectors.
    """
    taps = kernel[0] * kernel[1]

    def step(height: int, vectors: int) -> float:
        # A vector at an odd address lies in two cache lines.
        work = max(height * vectors / 2, 3 * vectors, (height + 1.5 * vectors) / 2, 4)
        return work + 1 + (height + 6) / (2 * taps + 1) + 60 / (channels * taps + 1)

    def cycles(height: int) -> float:
        vectors = min(8, (target.registers - 1) // (height + 1))
        wide, single = divmod(pixels, vectors)
        return -(-rows // height) * (wide * step(height, vectors) + single * step(height, 1))

    most = 14 if target.registers >= 32 else 6
    heights = {-(-rows // -(-rows // height)) for height in range(1, most + 1)} if rows else {1}
    height = min(sorted(heights, reverse=True), key=cycles)
    return height, min(8, (target.registers - 1) // (height + 1))


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
    line = source.slots // max(1, source.numbers[-1])
    # Rows of output whose planes fill half of the L2 cache; enough units for some threads.
    fitting = target.l2_bytes // 2 // max(1, line * channels * itemsize) - extra[0]
    wanted = -(-8 // max(1, shape.batch * shape.groups))
    most = max(1, min(out_rows, max(fitting, 4), -(-out_rows // wanted)))
    chunk = -(-out_rows // -(-out_rows // most))
    numbers = list(source.numbers)
    slots = 0
    if source.copy:
        numbers[-1] = chunk + extra[0]
        slots = line * numbers[-1] * channels + 2 * lanes
    weight = taps * channels * rows
    steps = (taps, taps * inner) if transposed else (taps * inner, taps)
    across = -(-out[2] // (shape.stride[1] if transposed else 1))
    pixels = -(-((chunk - 1) * source.pitch + across) // lanes)
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
    plan = Correlate(kind, transposed, source.copy, tile, last, bias, spread)
    shaped = (
        shape.batch, shape.groups, rows, channels, out[1], out[2], out[0] * out[1] * out[2],
        out[1] * out[2], *shape.kernel, *shape.stride, *shape.padding, *shape.dilation, weight,
        *steps,
    )  # fmt: skip
    return Launch(plan, (*shaped, *numbers, scratch, chunk, group, block), scratch)


def conv2d_forward(
    target: Target, kind: str, shape: Conv2d, x_strides: tuple[int, ...], *, bias: bool = False
) -> Launch:
    """The plan of y = conv2d(x, weight, bias): kernel(y, weight, x, bias, scratch, *numbers).

    `x_strides`: elements from image to image, channel, row, column. Weight and y are contiguous.
    """
    height, width = shape.output
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
    extra = tuple(r // s for r, s in zip(reach, shape.stride))
    phases = tuple(
        min(s, k) if d == 1 else s for s, k, d in zip(shape.stride, shape.kernel, shape.dilation)
    )
    source = planes(
        (shape.height, shape.width),
        x_strides,
        shape.stride,
        shape.padding,
        phases,
        (height + extra[0], width + extra[1]),
        extra[1],
        in_place=kind not in ("f16", "bf16"),
    )
    out = (shape.out_channels, height, width)
    return _correlate(target, kind, shape, False, source, extra, out, bias)


def conv2d_backward_data(
    target: Target, kind: str, shape: Conv2d, dy_strides: tuple[int, ...]
) -> Launch:
    """The plan of the gradient of x: kernel(dx, weight, dy, 0, scratch, *numbers); dx is contiguous."""
    height, width = shape.output
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
        extra[1],
        in_place=kind not in ("f16", "bf16"),
    )
    out = (shape.in_channels, shape.height, shape.width)
    return _correlate(target, kind, shape, True, source, (extra[0], extra[1]), out, False)


def _is_product(shape: Conv2d, strides: tuple[int, ...]) -> bool:
    """A 1x1 kernel at every pixel, and pixels one after the other: a matrix product per image."""
    plain = shape.kernel == shape.stride == (1, 1) and shape.padding == (0, 0)
    same = shape.output == (shape.height, shape.width)
    return plain and same and shape.groups == 1 and strides[2:] == (shape.width, 1)


@lowering(Correlate)
def lower_correlate(plan: Correlate, target: Target) -> Program:
    """Units: images x groups x chunks of output rows; 2 rows channels taps operations a pixel.

    Within a unit: copy into planes; then loop over phases of the output, groups of output channels,
    strips of pixels, blocks of source channels, and tiles. A tile's sums stay in registers for a block:
    rows weights and a few vectors of pixels are read a tap.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        parts = p["stride_h"] if plan.transposed else build.int(1)
        lines = (p["out_height"] + parts - 1) // parts
        count = p["batch"] * p["groups"] * ((lines + p["chunk_rows"] - 1) // p["chunk_rows"])
        pixels = p["chunk_rows"] * parts * p["out_width"]
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
        self.copier = _Copier(build, plan.kind, plan.copy, self.lanes, "")
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
        group, chunk = rest // chunks, rest % chunks
        self.first = chunk * p["chunk_rows"]
        start = image * p["image"] + group * p["channels"] * p["channel"]
        source = build.offset(p["b"], start, self.plan.kind)
        self.source = self.copier.planes(
            source, self.first, p["plane_rows"], p["channels"], self.planes_area
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
        pixels = (self.height - 1) * p["pitch"] + self.width
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
        """Where each tap's source pixel and weight lie from a tile's; returns how many there are."""
        build, p = self.build, self.p
        one = build.int(1)
        with build.loop(0, p["kernel_h"], carry=[build.int(0)]) as outer:
            y, y_phase, y_fits = self.tap(outer.index, self.phase_h, "h")
            with build.loop(0, p["kernel_w"], carry=outer.carried) as inner:
                x, x_phase, x_fits = self.tap(inner.index, self.phase_w, "w")
                plane = y_phase * p["phases_w"] + x_phase
                place = (plane * p["plane_rows"] + y) * p["pitch"] + x
                count = inner.carried[0]
                build.store(self.image_taps, count, place, "i64")
                weight = outer.index * p["kernel_w"] + inner.index
                build.store(self.weight_taps, count, weight, "i64")
                fits = y_fits & x_fits if self.plan.transposed else None
                inner.next(count + (one if fits is None else build.select(fits, one, 0)))
            outer.next(*inner.results)
        return outer.results[0]

    def tap(self, tap: Value, phase: Value, axis: str) -> tuple[Value, Value, Value]:
        """Index and phase in the plane, along one axis, of a tap; and whether it meets this phase."""
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
        keep = build.splat(build.compare("gt", self.first_channel, 0), lanes)
        sums = [
            build.load(self.partial, place + k * lanes, self.register, lanes, keep)
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
        last = build.op("min", self.height - 1, last)
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
            y = (self.first + piece.index) * self.parts_h + self.phase_h
            start = y * p["out_width"] + self.phase_w - before * self.parts_w
            for i, value in enumerate(sums):
                to = build.offset(channel, p["out_channel"] * i, plan.kind)
                if not plan.spread:
                    build.store(to, start, value, plan.kind, inside)
                    continue
                steps = build.iota("i64", self.lanes) * build.splat(self.parts_w, self.lanes)
                places = steps + build.splat(start, self.lanes)
                build.scatter(to, places, value, plan.kind, inside)


# --- the gradient of the weight ----------------------------------------------------------------

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

    Arguments: out (dw), a (dy), b (x), bias (unused), scratch. Products run along pixels with vectors
    of both operands; dy gets gaps of zeros between its rows, so that it has the pitch of x. `tile` is
    rows (output channels) x columns (input channels and taps) of vectors of sums in registers.
    """

    kind: str
    copy_x: str
    copy_g: str
    tile: tuple[int, int]
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return WEIGHT_PARAMETERS


def conv2d_backward_weight(
    target: Target,
    kind: str,
    shape: Conv2d,
    x_strides: tuple[int, ...],
    dy_strides: tuple[int, ...],
    *,
    accumulate: bool = False,
) -> Launch:
    """The plan of the gradient of the weight: kernel(dw, dy, x, 0, scratch, *numbers)."""
    rows, channels = shape.out_channels // shape.groups, shape.in_channels // shape.groups
    taps = shape.kernel[0] * shape.kernel[1]
    height, width = shape.output
    half = kind in ("f16", "bf16")
    itemsize = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    lanes = target.lanes(itemsize)
    reach = [d * (k - 1) for k, d in zip(shape.kernel, shape.dilation)]
    extra = tuple(r // s for r, s in zip(reach, shape.stride))
    phases = tuple(
        min(s, k) if d == 1 else s for s, k, d in zip(shape.stride, shape.kernel, shape.dilation)
    )
    x = planes(
        (shape.height, shape.width),
        x_strides,
        shape.stride,
        shape.padding,
        phases,
        (height + extra[0], width + extra[1]),
        extra[1],
        in_place=not half,
    )
    g = planes(
        (height, width), dy_strides, (1, 1), (0, 0), (1, 1), (height, x.pitch), 0, in_place=not half
    )
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
    line = phases[0] * phases[1] * x.pitch
    each = (row_block * x.pitch + channel_block * line) * itemsize
    budget = target.l2_bytes // 2
    chunk = max(1, min(height, budget // max(1, each) - extra[0]))
    chunk = -(-height // -(-height // chunk)) if height else 1
    g_slots = 0 if not g.copy else row_block * x.pitch * chunk + 2 * lanes
    x_slots = 0 if not x.copy else channel_block * line * (chunk + extra[0]) + 2 * lanes
    segments = max(1, shape.batch * -(-height // chunk))
    # A tile's rows of dy for one pass stay in the L1 cache while the columns of x go by.
    fitting = target.l1_bytes * 3 // 4 // max(1, tile[0] * chunk * x.pitch * itemsize)
    fitting = min(fitting, budget // max(1, each * (chunk + extra[0])))
    together = min(segments, max(1, fitting), 8)
    x_numbers, g_numbers = list(x.numbers), list(g.numbers)
    if x.copy:
        x_numbers[-1] = chunk + extra[0]
    if g.copy:
        g_numbers[-1] = chunk
    columns = -(-channel_block * taps // tile[1])
    sums = -(-row_block // tile[0]) * columns * _sum_slots(tile, lanes)
    table = (channel_block * taps + 8) * 8
    scratch = table + (sums + together * (g_slots + x_slots)) * itemsize
    scratch = (scratch + 255) & -64
    plan = CorrelateWeight(kind, x.copy, g.copy, tile, accumulate)
    numbers = (
        shape.batch, shape.groups, rows, channels, *shape.kernel, *shape.stride, *shape.dilation,
        *x_numbers, *g_numbers, scratch, chunk, together, row_block, channel_block,
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


def _sum_slots(tile: tuple[int, int], lanes: int) -> int:
    """Slots of scratch that a tile's sums take: whole vectors."""
    return -(-tile[0] * tile[1] // lanes) * lanes


@lowering(CorrelateWeight)
def lower_correlate_weight(plan: CorrelateWeight, target: Target) -> Program:
    """Units: groups x blocks of output and of input channels; each goes through all images.

    A pass copies some segments (rows of an image) of both operands, then adds their products to every
    tile of the block: 2 rows channels taps operations a pixel. Images are added in order, so the bits
    do not depend on who computes what.
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
        self.slots = _sum_slots(plan.tile, self.lanes)
        self.x_copier = _Copier(build, plan.kind, plan.copy_x, self.lanes, "x_")
        self.g_copier = _Copier(build, plan.kind, plan.copy_g, self.lanes, "g_")
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
        segments = p["batch"] * self.chunks
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
            plane = y % p["stride_h"] * p["x_phases_w"] + x % p["stride_w"]
            line = plane * p["x_plane_rows"] + y // p["stride_h"]
            place = line * p["x_pitch"] + x // p["stride_w"]
            with build.loop(0, self.channels) as channel:
                column = channel.index * self.taps + h.index * p["kernel_w"] + w.index
                offset = channel.index * self.x_copier.slots + place
                build.store(self.table, column, offset, "i64")

    def bring(self, segment: Value, slot: Value) -> None:
        """Copies one segment of both operands to its slot, as far as they need copying."""
        build, p, plan = self.build, self.p, self.plan
        image, chunk = segment // self.chunks, segment % self.chunks
        first = chunk * p["chunk_rows"]
        if plan.copy_g:
            source = build.offset(self.g, image * p["g_image"], plan.kind)
            target = build.offset(self.g_area, slot * self.g_segment, self.register)
            self.g_copier.planes(source, first, p["g_plane_rows"], self.rows, target)
        if plan.copy_x:
            source = build.offset(self.x, image * p["x_image"], plan.kind)
            target = build.offset(self.x_area, slot * self.x_segment, self.register)
            self.x_copier.planes(source, first, p["x_plane_rows"], self.channels, target)

    def place(self, which: str, segment: Value, slot: Value) -> Value:
        """Where the planes of a segment are: in scratch, or in the operand itself."""
        build, p = self.build, self.p
        copied = self.plan.copy_g if which == "g" else self.plan.copy_x
        if copied:
            area, size = (
                (self.g_area, self.g_segment) if which == "g" else (self.x_area, self.x_segment)
            )
            return build.offset(area, slot * size, self.register)
        image, chunk = segment // self.chunks, segment % self.chunks
        start = image * p[which + "_image"] + chunk * p["chunk_rows"] * p[which + "_row"]
        return build.offset(self.g if which == "g" else self.x, start, self.register)

    def all_tiles(self, first: Value, stop: Value) -> None:
        build, plan = self.build, self.plan
        with build.loop(0, self.rows, plan.tile[0]) as rows:
            with build.loop(0, self.columns, plan.tile[1]) as columns:
                self.tile(rows.index, columns.index, first, stop)

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
            begin = segment.index % self.chunks * p["chunk_rows"]
            lines = build.op("min", p["chunk_rows"], p["g_height"] - begin)
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
