"""Products in which one operand has only a few rows or columns: bound by memory, not by arithmetic.

The wide operand W is read exactly once, in long runs. `DotMatMul` goes along contiguous k with both
operands in vectors; `StreamMatVec` adds several contiguous lines of W, scaled, to a piece of the
result. `matmul.matmul_plan` chooses; y[i, r] = sum over k of W[i, k] X[r, k] is what both compute.
Note [matrix products].
"""

from dataclasses import dataclass

from facula.kernel.library.tile import Strip, dot_tile
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

ADDRESSES = ("c", "a", "b", "bias", "scratch")
NUMBERS = (
    "batch", "count", "few", "k", "w_batch", "w_row", "w_column", "x_batch", "x_row", "x_column",
    "y_batch", "y_row", "y_column", "bias_row", "bias_column", "scratch_stride", "block",
)  # fmt: skip
PARAMETERS = tuple(Parameter(name) for name in (*ADDRESSES, *NUMBERS))
# Lines of W that one turn of StreamMatVec reads side by side: streams that prefetchers can follow.
STREAMS = 8


@dataclass(frozen=True, slots=True)
class DotMatMul(Plan):
    """y[i, r] for r < few, both operands contiguous along k (X through a copy if `pack_x`).

    `wide` says which argument is W: "a" or "b". `tile` is rows of X times rows of W in registers.
    """

    kind: str
    wide: str
    tile: tuple[int, int]
    pack_x: bool = False
    bias: bool = False
    activation: str = ""
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS


@dataclass(frozen=True, slots=True)
class StreamMatVec(Plan):
    """y[i] (few == 1) for a W that is contiguous along i."""

    kind: str
    wide: str
    bias: bool = False
    activation: str = ""
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PARAMETERS


def dot_tiles(registers: int, few: int) -> tuple[int, int]:
    """The tile for so many rows of X: enough sums to hide latency, enough registers to hold them.

    >>> dot_tiles(32, 1), dot_tiles(32, 3)
    ((1, 8), (4, 5))
    """
    if few == 1:
        return (1, 8)
    if few == 2:
        return (2, 8) if registers >= 32 else (2, 4)
    return (4, 5) if registers >= 32 else (4, 2)


def _units(build: Builder) -> tuple[Value, Value]:
    p = build.parameters
    blocks = (p["count"] + p["block"] - 1) // p["block"]
    # About 8 elements of W a nanosecond.
    return p["batch"] * blocks, (p["block"] * (p["k"] + 8) >> 3) + 8


class _Place:
    """What both lowerings share: where the operands of a unit are, and what is done to a sum."""

    def __init__(self, plan: DotMatMul | StreamMatVec, build: Builder, unit: Value) -> None:
        self.plan = plan
        self.build = build
        p = build.parameters
        blocks = (p["count"] + p["block"] - 1) // p["block"]
        batch = unit // blocks
        self.first = unit % blocks * p["block"]
        self.extent = build.op("min", p["block"], p["count"] - self.first)
        wide, narrow = (p["a"], p["b"]) if plan.wide == "a" else (p["b"], p["a"])
        self.w = build.offset(wide, batch * p["w_batch"] + self.first * p["w_row"], plan.kind)
        self.x = build.offset(narrow, batch * p["x_batch"], plan.kind)
        self.y = build.offset(p["c"], batch * p["y_batch"] + self.first * p["y_row"], plan.kind)
        self.bias = build.offset(p["bias"], self.first * p["bias_row"], plan.kind)
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.scratch = build.pointer(p["scratch"] + build.worker * p["scratch_stride"])

    def finish(self, value: Value, row: Value, column: Value) -> None:
        """Stores one sum."""
        build, plan, p = self.build, self.plan, self.build.parameters
        spot = row * p["y_row"] + column * p["y_column"]
        if plan.accumulate:
            value = value + build.load(self.y, spot, plan.kind)
        if plan.bias:
            beside = row * p["bias_row"] + column * p["bias_column"]
            value = value + build.load(self.bias, beside, plan.kind)
        build.store(self.y, spot, self.activate(value), plan.kind)

    def activate(self, value: Value) -> Value:
        return self.build.op("max", value, 0.0) if self.plan.activation == "relu" else value


@lowering(DotMatMul)
def lower_dot(plan: DotMatMul, target: Target) -> Program:
    """Units: batch x blocks of rows of W; a unit goes through its rows a tile at a time.

    2 count few k operations; W is read once, the rows of X from cache once a tile.
    """
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[register])
    few, columns = plan.tile

    def body(build: Builder) -> None:
        p = build.parameters
        with build.loop(build.first, build.last) as unit:
            place = _Place(plan, build, unit.index)
            x = Strip(place.x, p["x_row"], 1, plan.kind)
            if plan.pack_x:
                with build.loop(0, p["few"]) as r, build.loop(0, p["k"]) as k:
                    source = r.index * p["x_row"] + k.index * p["x_column"]
                    one = build.load(place.x, source, plan.kind)
                    build.store(place.scratch, r.index * p["k"] + k.index, one, register)
                x = Strip(place.scratch, p["k"], 1, register)
            with build.loop(0, place.extent, columns) as loop:
                row = loop.index
                w = Strip(
                    build.offset(place.w, row * p["w_row"], plan.kind), p["w_row"], 1, plan.kind
                )
                left = place.extent - row
                with build.loop(0, p["few"], few) as group:
                    start = build.offset(x.pointer, group.index * x.across, x.kind)
                    limits = (p["few"] - group.index, left)
                    some = x._replace(pointer=start)
                    sums = dot_tile(build, lanes, (few, columns), p["k"], some, w, limits=limits)
                    for i, line in enumerate(sums):
                        for j, value in enumerate(line):
                            inside = build.compare("gt", left, j)
                            if i > 0:
                                inside = inside & build.compare("gt", limits[0], i)
                            with build.when(inside):
                                place.finish(value, row + j, group.index + i)

    return program("dot_matmul", PARAMETERS, _units, body)


@lowering(StreamMatVec)
def lower_stream(plan: StreamMatVec, target: Target) -> Program:
    """Units: batch x blocks of the result; a block's sums wait in scratch while W streams by.

    2 count k operations; a turn reads STREAMS lines of W and the block's sums, and writes the sums.
    """
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[register])

    def body(build: Builder) -> None:
        p = build.parameters
        with build.loop(build.first, build.last) as unit:
            place = _Place(plan, build, unit.index)
            sums = place.scratch
            with build.loop(0, place.extent, lanes) as loop:
                zero = build.const(Type(register, lanes), 0)
                build.store(sums, loop.index, zero, register)

            def add_lines(first: Value, lines: int) -> None:
                scales, pointers = [], []
                for line in range(lines):
                    k = first + line
                    one = build.load(place.x, k * p["x_column"], plan.kind)
                    scales.append(build.splat(one, lanes))
                    pointers.append(build.offset(place.w, k * p["w_column"], plan.kind))

                def add(start: Value, mask: Value | None) -> None:
                    # A turn's lines are summed before they meet the rest: the error grows with the
                    # number of turns, not of lines.
                    total = build.const(Type(register, lanes), 0)
                    for scale, pointer in zip(scales, pointers):
                        line = build.load(pointer, start, plan.kind, lanes, mask)
                        total = build.op("muladd", scale, line, total)
                    total = build.load(sums, start, register, lanes) + total
                    build.store(sums, start, total, register)

                whole = place.extent - place.extent % lanes
                with build.loop(0, whole, lanes) as loop:
                    add(loop.index, None)
                with build.when(build.compare("gt", place.extent, whole)):
                    add(whole, build.mask(place.extent - whole, lanes))

            whole = p["k"] - p["k"] % STREAMS
            with build.loop(0, whole, STREAMS) as loop:
                add_lines(loop.index, STREAMS)
            with build.loop(whole, p["k"]) as loop:
                add_lines(loop.index, 1)
            with build.loop(0, place.extent, lanes) as loop:
                i = loop.index
                mask = build.mask(place.extent - i, lanes)
                value = build.load(sums, i, register, lanes)
                places = build.iota("i64", lanes) + i
                rows = places * build.splat(p["y_row"], lanes)
                if plan.accumulate:
                    value = value + build.gather(place.y, rows, plan.kind, mask)
                if plan.bias:
                    beside = places * build.splat(p["bias_row"], lanes)
                    value = value + build.gather(place.bias, beside, plan.kind, mask)
                build.scatter(place.y, rows, place.activate(value), plan.kind, mask)

    return program("stream_matvec", PARAMETERS, _units, body)
