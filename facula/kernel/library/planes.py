"""Sources of convolutions as planes, and the loops that copy them into that form.

Rows of a plane are `pitch` elements apart, so that under every output pixel a tap of the kernel
lies at one constant offset. Note [convolution without im2col]. `correlate.py` and
`correlate_weight.py` read planes; `conv.py` decides their geometry.
"""

from typing import NamedTuple

from facula.kernel.program import REGISTER_KIND, Builder, Type, Value

# How every kernel of a convolution begins its arguments.
ADDRESSES = ("out", "a", "b", "bias", "scratch")
# How many zeros neighbours may share: no more than the zeros behind the last plane, on any machine.
SHARED = 4
# What a copy into planes needs; the prefix says which operand.
PLANE_NUMBERS = (
    "height", "width", "image", "channel", "row", "column", "split_h", "split_w", "margin_h",
    "margin_w", "phases_h", "phases_w", "pitch", "plane_rows", "stack", "stack_rows",
)  # fmt: skip


class Planes(NamedTuple):
    """How a source becomes planes, and the way its rows are copied.

    Element (phase h, phase w, r, c) of a channel's planes is source pixel (r * split_h + phase h -
    margin_h, c * split_w + phase w - margin_w), or zero outside. `copy` is "" (read in place),
    "rows" (split 1, contiguous), "pairs" (split 2, contiguous) or "any". Several images may be
    stacked, each `overlap` rows into the zeros at the end of the one before.
    """

    copy: str
    source: tuple[int, ...]
    pitch: int
    overlap: int

    def numbers(self, rows: int, stack: int = 1) -> tuple[int, ...]:
        """PLANE_NUMBERS, for planes of so many rows an image and so many images."""
        return (*self.source, self.pitch, rows, stack, self.stack_rows(rows, stack))

    def stack_rows(self, rows: int, stack: int) -> int:
        """How many rows further on the next image begins."""
        return rows - self.overlap if stack > 1 else rows

    def slots(self, rows: int, stack: int = 1) -> int:
        """Elements that the planes of one channel take."""
        lines = (stack - 1) * self.stack_rows(rows, stack) + rows
        return self.source[-2] * self.source[-1] * lines * self.pitch


def planes(
    size: tuple[int, int],
    strides: tuple[int, ...],
    split: tuple[int, int],
    margin: tuple[int, int],
    phases: tuple[int, int],
    extent: tuple[int, int],
    reach: tuple[int, int],
    *,
    in_place: bool,
) -> Planes:
    """Planes of `extent` rows and columns; strides are those of (image, channel, row, column).

    `reach`: how many rows and columns further than the output's the taps go.
    """
    fits = split == (1, 1) and margin == (0, 0) and extent[0] <= size[0] and extent[1] <= size[1]
    source = (*size, *strides, *split, *margin, *phases)
    if in_place and fits and strides[3] == 1 and extent[1] <= strides[2] <= extent[1] + 2:
        return Planes("", source, strides[2], 0)
    # The zeros after a row (or an image) and those before the next may be the same ones.
    down, right = (
        max(0, min(m, e - m - n, r, SHARED)) if s == 1 else 0
        for m, e, n, r, s in zip(margin, extent, size, reach, split)
    )
    copy = "any"
    if strides[3] == 1 and split[1] <= 2:
        copy = "rows" if split[1] == 1 else "pairs"
    return Planes(copy, source, extent[1] - right, down)


class Copier:
    """Writes the loops that copy rows of a source into planes."""

    def __init__(self, build: Builder, kind: str, copy: str, lanes: int, prefix: str) -> None:
        self.build = build
        self.kind = kind
        self.register = REGISTER_KIND.get(kind, kind)
        self.copy = copy
        self.lanes = lanes
        self.p = {name: build.parameters[prefix + name] for name in PLANE_NUMBERS}
        p = self.p
        self.slots = p["channel"]
        if copy:
            lines = (p["stack"] - 1) * p["stack_rows"] + p["plane_rows"]
            self.plane_slots = lines * p["pitch"]
            self.slots = p["phases_h"] * p["phases_w"] * self.plane_slots

    def offset(self, phase: Value, row: Value, column: Value) -> Value:
        """How far from a channel's first element an element of a phase is."""
        place = row * self.p["pitch"] + column
        return phase * self.plane_slots + place if self.copy else place

    def planes(
        self, source: Value, first: Value, images: Value, channels: Value, target: Value
    ) -> Value:
        """A pointer to planes that begin at plane row `first`, copied to `target` if need be."""
        build, p = self.build, self.p
        if not self.copy:
            return build.offset(source, first * p["row"], self.kind)
        zero = build.const(Type(self.register, self.lanes), 0)
        with build.loop(0, channels) as channel, build.loop(0, p["phases_h"]) as phase:
            start = build.offset(source, channel.index * p["channel"], self.kind)
            into = channel.index * self.slots
            into = into + phase.index * p["phases_w"] * self.plane_slots
            with build.loop(0, images) as image:
                place = into + image.index * p["stack_rows"] * p["pitch"]
                plane = build.offset(target, place, self.register)
                above = build.offset(start, image.index * p["image"], self.kind)
                self.rows(above, first, phase.index, plane)
            # The last row may be read a few pixels too far, like all others: into zeros, also where
            # a stack is not full.
            with build.when(build.compare("lt", images, p["stack"])):
                end = into + ((images - 1) * p["stack_rows"] + p["plane_rows"]) * p["pitch"]
                for k in range(2):
                    build.store(target, end + k * self.lanes, zero, self.register)
        for k in range(2):
            build.store(target, channels * self.slots + k * self.lanes, zero, self.register)
        return target

    def rows(self, source: Value, first: Value, phase: Value, plane: Value) -> None:
        """The rows of one phase of one image."""
        build, p = self.build, self.p
        with build.loop(0, p["plane_rows"]) as loop:
            row = (first + loop.index) * p["split_h"] + phase - p["margin_h"]
            inside = build.compare("ge", row, 0) & build.compare("lt", row, p["height"])
            line = build.offset(source, row * p["row"], self.kind)
            width = build.select(inside, p["width"], build.int(0))
            self.line(line, build.offset(plane, loop.index * p["pitch"], self.register), width)

    def line(self, source: Value, target: Value, width: Value) -> None:
        """One row, `width` elements of it in the source; its end may spill into the next row."""
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
        place = phase * self.plane_slots + index
        build.store(target, place, value, self.register, build.mask(p["pitch"] - index, self.lanes))

    def piece(self, source: Value, column: Value, width: Value) -> Value:
        """`lanes` neighbours from `column` on, zeros outside 0 .. width."""
        build, lanes = self.build, self.lanes
        inside = build.mask(width - column, lanes) & ~build.mask(-column, lanes)
        return build.load(source, column, self.kind, lanes, inside)
