"""Resampling of planes along every axis: each result is a weighted sum of neighbouring elements.

`Resample` reads tables: per axis and result the first element, how many, and their weights. Every
mode of interpolation is such a table, and its gradient the table turned around. A row of results
first blends rows of the input into one, then takes its elements from that one.
Note [pooling and interpolation].
"""

from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.pool import axes_of, product
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


class Phase(NamedTuple):
    """Result `out` * m + this phase's number is a sum over elements from `step` * m + offset on."""

    offset: int
    weights: tuple[float, ...]


class Pattern(NamedTuple):
    """Columns that repeat themselves: `len(phases)` results for every `step` elements."""

    step: int
    phases: tuple[Phase, ...]


TABLES = ("first", "held", "weight")


@dataclass(frozen=True, slots=True)
class Resample(Plan):
    """y = tables applied to x, plane by plane.

    `blend`: rows are weighted sums, gathered in scratch; otherwise each is one row of x. `pick`:
    each result is one element of that row. `pattern`: what columns are for m from `low` to `high`;
    elsewhere, and without one, the tables of columns say it. Weights are stored tap by tap.
    """

    kind: str
    rank: int
    blend: bool
    pick: bool
    pattern: Pattern | None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        axes = axes_of(self.rank)
        sizes = [what + axis for what in "no" for axis in axes]
        tables = [f"{table}_{axis}" for axis in axes for table in TABLES]
        rest = ("taps", "low", "high", "x", "y", "scratch", "scratch_stride")
        return tuple(map(Parameter, ("planes", *sizes, *tables, *rest)))


@lowering(Resample)
def lower_resample(plan: Resample, target: Target) -> Program:
    """Units: rows of results."""
    axes = axes_of(plan.rank)

    def units(b: Builder) -> tuple[Value, Value]:
        p = b.parameters
        rows = product([p["planes"], *(p["o" + axis] for axis in axes[:-1])])
        blended = p["nw"] // 8 if plan.blend else b.int(0)
        return rows, p["ow"] * (1 if plan.pattern else p["taps"] + 1) // 4 + blended + 10

    def body(b: Builder) -> None:
        writer = _Rows(plan, target, b)
        with b.loop(b.first, b.last) as unit:
            writer.row(unit.index)

    return program("resample", plan.parameters, units, body)


class _Rows:
    """Writes one row of results."""

    def __init__(self, plan: Resample, target: Target, b: Builder) -> None:
        self.plan, self.b, self.p = plan, b, b.parameters
        self.compute = REGISTER_KIND.get(plan.kind, plan.kind)
        self.lanes = target.lanes(max(4, STORED_BYTES[self.compute]))
        self.axes = axes_of(plan.rank)
        self.type = Type(self.compute, self.lanes)
        # How the row that columns are taken from is stored.
        self.stored = self.compute if plan.blend else plan.kind

    def row(self, unit: Value) -> None:
        b, p, plan = self.b, self.p, self.plan
        place = unit
        at: list[Value] = []
        for axis in reversed(self.axes[:-1]):
            at.insert(0, place % p["o" + axis])
            place = place // p["o" + axis]
        size = product([p["n" + axis] for axis in self.axes])
        x = b.offset(p["x"], place * size, plan.kind)
        y = b.offset(p["y"], unit * p["ow"], plan.kind)
        if plan.blend:
            source = b.pointer(p["scratch"] + b.worker * p["scratch_stride"])
            self.blend(x, at, source)
        else:
            line = b.int(0)
            for axis, i in zip(self.axes, at, strict=False):
                line = line * p["n" + axis] + self.first(axis, i)
            source = b.offset(x, line * p["nw"], plan.kind)
        self.columns(source, y)

    def first(self, axis: str, i: Value) -> Value:
        """The first element of result `i` along an axis."""
        return self.b.cast(self.b.load(self.p[f"first_{axis}"], i, "i32"), "i64")

    # --- rows ----------------------------------------------------------------------------------

    def blend(self, x: Value, at: list[Value], target: Value) -> None:
        """The weighted sum of the rows of x that this row of results needs."""
        b, p = self.b, self.p
        axes = self.axes[:-1]
        counts = [
            b.cast(b.load(p[f"held_{axis}"], i, "i32"), "i64")
            for axis, i in zip(axes, at, strict=True)
        ]
        zero = b.const(self.type, 0)
        with b.when(product(counts).eq(0)), b.loop(0, p["nw"], self.lanes) as block:
            mask = b.mask(p["nw"] - block.index, self.lanes)
            b.store(target, block.index, zero, self.compute, mask)
        starts = [self.first(axis, i) for axis, i in zip(axes, at, strict=True)]
        one = b.const(Type(self.compute), 1)
        self.taps(x, at, starts, counts, b.int(0), one, b.int(0), target)

    def taps(
        self,
        x: Value,
        at: list[Value],
        starts: list[Value],
        counts: list[Value],
        line: Value,
        weight: Value,
        number: Value,
        target: Value,
    ) -> None:
        """Loops over the rows of one axis after the other; `number` counts those before."""
        b, p = self.b, self.p
        depth = len(at) - len(starts)
        if not starts:
            source = b.offset(x, line * p["nw"], self.plan.kind)
            with b.when(number.eq(0)) as branch:
                self.add(source, weight, target, True)
            with b.otherwise(branch):
                self.add(source, weight, target, False)
            return
        axis = self.axes[depth]
        with b.loop(0, counts[0]) as loop:
            place = loop.index * p["o" + axis] + at[depth]
            one = b.load(p[f"weight_{axis}"], place, self.compute)
            below = line * p["n" + axis] + starts[0] + loop.index
            self.taps(
                x, at, starts[1:], counts[1:], below, weight * one,
                number * counts[0] + loop.index, target,
            )  # fmt: skip

    def add(self, source: Value, weight: Value, target: Value, is_first: bool) -> None:
        """One row of x, weighted, written to the blended row or added to it."""
        b, lanes, width = self.b, self.lanes, self.p["nw"]
        factor = b.splat(weight, lanes)
        whole = width - width % lanes

        def piece(start: Value, mask: Value | None) -> None:
            value = b.load(source, start, self.plan.kind, lanes, mask)
            if is_first:
                value = value * factor
            else:
                held = b.load(target, start, self.compute, lanes, mask)
                value = multiply_add(b, value, factor, held)
            b.store(target, start, value, self.compute, mask)

        with b.loop(0, whole, lanes) as block:
            piece(block.index, None)
        with b.when(whole < width):
            piece(whole, b.mask(width - whole, lanes))

    # --- columns -------------------------------------------------------------------------------

    def columns(self, source: Value, y: Value) -> None:
        b, p, pattern = self.b, self.p, self.plan.pattern
        if pattern is None:
            self.by_table(source, y, b.int(0), p["ow"])
            return
        turns = len(pattern.phases)
        blocks = b.op("max", p["high"] - p["low"], 0) // self.lanes
        end = p["low"] + blocks * self.lanes
        self.by_table(source, y, b.int(0), p["low"] * turns)
        with b.loop(p["low"], end, self.lanes) as block:
            self.repeated(source, y, block.index, pattern)
        self.by_table(source, y, end * turns, p["ow"])

    def repeated(self, source: Value, y: Value, m: Value, pattern: Pattern) -> None:
        """Results of every phase for some neighbouring m."""
        b, lanes = self.b, self.lanes
        start = m * pattern.step
        read: dict[int, Value] = {}

        def element(place: int) -> Value:
            if place in read:
                return read[place]
            low = b.load(source, start + place, self.stored, lanes)
            if pattern.step == 1:
                read[place] = low
                return low
            high = b.load(source, start + (place + lanes), self.stored, lanes)
            for odd in (0, 1):
                read[place + odd] = b.shuffle(low, range(odd, 2 * lanes, 2), high)
            return read[place]

        sums = []
        for phase in pattern.phases:
            total: Value | None = None
            for k, weight in enumerate(phase.weights):
                value = element(phase.offset + k)
                if total is None:
                    total = value if weight == 1 else value * weight
                else:
                    total = (
                        total + value
                        if weight == 1
                        else multiply_add(b, value, b.const(self.type, weight), total)
                    )
            sums.append(b.const(self.type, 0) if total is None else total)
        turns = len(sums)
        if turns == 2:
            both = [k for i in range(lanes) for k in (i, lanes + i)]
            sums = [b.shuffle(sums[0], part, sums[1]) for part in (both[:lanes], both[lanes:])]
        for k, value in enumerate(sums):
            b.store(y, m * turns + k * lanes, value, self.plan.kind)

    def by_table(self, source: Value, y: Value, start: Value, stop: Value) -> None:
        """Results from `start` to `stop` as the tables say."""
        b, p, lanes = self.b, self.p, self.lanes
        with b.loop(start, stop, lanes) as block:
            i = block.index
            mask = b.mask(stop - i, lanes)
            first = b.cast(b.load(p["first_w"], i, "i32", lanes, mask), "i64")
            if self.plan.pick:
                b.store(y, i, b.gather(source, first, self.stored, mask), self.plan.kind, mask)
            else:
                count = b.load(p["held_w"], i, "i32", lanes, mask)
                zero = b.const(self.type, 0)
                with b.loop(0, p["taps"], carry=(zero,)) as tap:
                    here = count > b.splat(b.cast(tap.index, "i32"), lanes)
                    place = tap.index * p["ow"] + i
                    weight = b.load(p["weight_w"], place, self.compute, lanes, mask)
                    value = b.gather(source, first + tap.index, self.stored, here)
                    total = multiply_add(b, value, weight, tap.carried[0])
                    tap.next(b.select(here, total, tap.carried[0]))
                b.store(y, i, tap.results[0], self.plan.kind, mask)
