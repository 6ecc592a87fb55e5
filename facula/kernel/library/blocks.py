"""Images in blocks of channels: as many channels beside each other as a vector has lanes.

`ToBlocks` copies images of any layout into such blocks, with zeros around them; the plans of
`correlate_blocks.py` and `correlate_blocks_weight.py` read them. Note [convolution without im2col].
"""

from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.tile import Launch, transpose
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

# Sizes and strides of the source, then its place in the planes.
BLOCK_NUMBERS = (
    "batch", "groups", "channels", "height", "width", "image", "channel", "row", "column", "step_h",
    "step_w", "margin_h", "margin_w", "plane_rows", "pitch", "left", "right", "chunk_rows",
)  # fmt: skip
BLOCK_PARAMETERS = tuple(Parameter(name) for name in ("out", "a", *BLOCK_NUMBERS))


@dataclass(frozen=True, slots=True)
class ToBlocks(Plan):
    """out[n, group, block, r, c, lane] = source pixel (r * step - margin, c * step - margin).

    Zero outside the image. Arguments: out (of the register kind), source. `copy` says what lies
    side by side in the source: "channels", "pixels" (step 1), "pairs" (step 2) or "any". What the
    last block holds beyond the last channel means nothing.
    """

    kind: str
    copy: str
    lanes: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return BLOCK_PARAMETERS


class Blocks(NamedTuple):
    """The geometry of images in blocks: channels of a group in `blocks` planes of rows x pitch."""

    batch: int
    groups: int
    blocks: int
    rows: int
    pitch: int
    lanes: int

    @property
    def plane(self) -> int:
        """Elements of a plane."""
        return self.rows * self.pitch * self.lanes

    @property
    def slots(self) -> int:
        """Elements of all planes."""
        return self.batch * self.groups * self.blocks * self.plane


def to_blocks(
    target: Target,
    kind: str,
    counts: tuple[int, int, int],
    size: tuple[int, int],
    strides: tuple[int, ...],
    step: tuple[int, int],
    margin: tuple[int, int],
    extent: tuple[int, int],
    *,
    flat: bool = False,
) -> tuple[Blocks, Launch]:
    """The copy of `counts` (batch, groups, channels of a group) images: kernel(out, source, *n).

    Planes have `extent` rows and columns; strides are those of (image, channel, row, column).
    `flat`: rows need not stay rows, where none has a margin.
    """
    batch, groups, channels = counts
    lanes = target.lanes(STORED_BYTES[REGISTER_KIND.get(kind, kind)])
    if flat and extent == size and margin == (0, 0) and strides[2] == size[1] * strides[3]:
        size = extent = (1, size[0] * size[1])
    rows, pitch = extent
    left = min(pitch, -(-margin[1] // step[1]))
    right = max(left, min(pitch, (size[1] - 1 + margin[1]) // step[1] + 1))
    if strides[1] == 1 and channels * groups > 1:
        copy = "channels"
    elif strides[3] == 1 and step[1] <= 2:
        copy = "pixels" if step[1] == 1 else "pairs"
    else:
        copy = "any"
    geometry = Blocks(batch, groups, -(-channels // lanes), rows, pitch, lanes)
    # Some units even for one image; each a few thousand elements.
    chunk = max(1, min(rows, max(-(-rows // 4), 8192 // max(1, pitch * lanes))))
    numbers = (
        batch, groups, channels, *size, *strides, *step, *margin, rows, pitch, left, right, chunk,
    )  # fmt: skip
    return geometry, Launch(ToBlocks(kind, copy, lanes), numbers, 0)


@lowering(ToBlocks)
def lower_to_blocks(plan: ToBlocks, target: Target) -> Program:
    """Units: images x groups x blocks x chunks of rows; one load and one store for each vector.

    Pixels that lie side by side are turned into channels in squares of registers.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        blocks = (p["channels"] + (plan.lanes - 1)) // plan.lanes
        chunks = (p["plane_rows"] + p["chunk_rows"] - 1) // p["chunk_rows"]
        count = p["batch"] * p["groups"] * blocks * chunks
        return count, p["chunk_rows"] * p["pitch"] * 2 + 20

    def body(build: Builder) -> None:
        writer = _Copy(plan, build)
        with build.loop(build.first, build.last) as unit:
            writer.unit(unit.index)

    return program("to_blocks", BLOCK_PARAMETERS, units, body)


class _Copy:
    """Writes one unit of a ToBlocks program."""

    def __init__(self, plan: ToBlocks, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.lanes = plan.lanes

    def unit(self, unit: Value) -> None:
        build, p, lanes, plan = self.build, self.p, self.lanes, self.plan
        blocks = (p["channels"] + (lanes - 1)) // lanes
        chunks = (p["plane_rows"] + p["chunk_rows"] - 1) // p["chunk_rows"]
        plane, first = unit // chunks, unit % chunks * p["chunk_rows"]
        image, rest = plane // (p["groups"] * blocks), plane % (p["groups"] * blocks)
        group, block = rest // blocks, rest % blocks
        self.inside = p["channels"] - block * lanes
        start = image * p["image"]
        start = start + (group * p["channels"] + block * lanes) * p["channel"]
        self.source = build.offset(p["a"], start, plan.kind)
        out = (plane * p["plane_rows"] + first) * (p["pitch"] * lanes)
        out = build.offset(p["out"], out, self.register)
        last = build.op("min", p["chunk_rows"], p["plane_rows"] - first)
        with build.loop(0, last) as loop:
            row = (first + loop.index) * p["step_h"] - p["margin_h"]
            line = build.offset(out, loop.index * (p["pitch"] * lanes), self.register)
            inside = build.compare("ge", row, 0) & build.compare("lt", row, p["height"])
            with build.when(inside) as branch:
                self.zeros(line, build.int(0), p["left"])
                shift = p["left"] * p["step_w"] - p["margin_w"]
                begin = build.offset(
                    self.source, row * p["row"] + shift * p["column"], self.plan.kind
                )
                to = build.offset(line, p["left"] * lanes, self.register)
                self.line(begin, to, p["right"] - p["left"], p["width"] - shift)
                self.zeros(line, p["right"], p["pitch"])
            with build.otherwise(branch):
                self.zeros(line, build.int(0), p["pitch"])

    def zeros(self, line: Value, first: Value, stop: Value) -> None:
        build = self.build
        zero = build.const(Type(self.register, self.lanes), 0)
        with build.loop(first, stop) as loop:
            build.store(line, loop.index * self.lanes, zero, self.register)

    def line(self, source: Value, target: Value, count: Value, width: Value) -> None:
        """`count` pixels of a row; `width` columns of the source are left from its start on."""
        build, lanes, p = self.build, self.lanes, self.p
        if self.plan.copy in ("channels", "any"):
            lane_mask = build.mask(self.inside, lanes)
            places = build.iota("i64", lanes) * build.splat(p["channel"], lanes)
            with build.loop(0, count) as loop:
                pixel = build.offset(source, loop.index * p["step_w"] * p["column"], self.plan.kind)
                if self.plan.copy == "channels":
                    value = build.load(pixel, 0, self.plan.kind, lanes, lane_mask)
                else:
                    value = build.gather(pixel, places, self.plan.kind, lane_mask)
                build.store(target, loop.index * lanes, value, self.register)
            return
        lines = []
        for lane in range(lanes):
            channel = build.op("min", build.int(lane), self.inside - 1)
            lines.append(build.offset(source, channel * p["channel"], self.plan.kind))
        # The last square begins early enough to end with the row.
        squares = build.select(
            build.compare("ge", count, lanes), (count + (lanes - 1)) // lanes, build.int(0)
        )
        with build.loop(0, squares) as loop:
            first = build.op("min", loop.index * lanes, count - lanes)
            columns = self.square(lines, first, build.int(lanes), width)
            for j, column in enumerate(columns):
                build.store(target, (first + j) * lanes, column, self.register)
        with build.when(build.compare("lt", count, lanes)):
            columns = self.square(lines, build.int(0), count, width)
            for j, column in enumerate(columns):
                with build.when(build.compare("gt", count, j)):
                    build.store(target, j * lanes, column, self.register)

    def square(self, lines: list[Value], first: Value, count: Value, width: Value) -> list[Value]:
        """`count` pixels of each channel from pixel `first` on, a vector of channels a pixel."""
        build, lanes, kind = self.build, self.lanes, self.plan.kind
        rows = []
        if self.plan.copy == "pixels":
            mask = build.mask(count, lanes)
            rows = [build.load(line, first, kind, lanes, mask) for line in lines]
        else:
            low, high = (build.mask(width - first * 2 - k, lanes) for k in (0, lanes))
            for line in lines:
                a = build.load(line, first * 2, kind, lanes, low)
                b = build.load(line, first * 2 + lanes, kind, lanes, high)
                rows.append(build.shuffle(a, range(0, 2 * lanes, 2), b))
        return transpose(build, rows, STORED_BYTES[self.register])
