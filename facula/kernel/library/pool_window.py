"""Pooling whose windows are known when the kernel is made: vectors along rows, no scatter.

`WindowPool` computes some neighbouring results at once; `WindowPoolBackward` asks for each element
of the input which windows hold it, so that no two of them write to one place, and 2x2 windows two
apart become one read and four writes. A plane a unit. Note [pooling and interpolation].
"""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.pool import axes_of, lowest, product
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


class Window(NamedTuple):
    """A window along one axis: places, steps from window to window, and from place to place."""

    size: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        """From the first place to the last one."""
        return (self.size - 1) * self.dilation


Windows = tuple[Window, ...]


def _names(rank: int) -> tuple[str, ...]:
    return ("planes", *(what + axis for what in "nop" for axis in axes_of(rank)))


def _volume(b: Builder, what: str, windows: Windows) -> Value:
    return product([b.parameters[what + axis] for axis in axes_of(len(windows))])


def _taps(windows: Windows) -> int:
    count = 1
    for window in windows:
        count *= window.size
    return count


@dataclass(frozen=True, slots=True)
class WindowPool(Plan):
    """The largest element (or nan) of each window, or the average.

    `index`: "" (none), "u8" (the place within the window, row by row) or "i64" (within the plane).
    `count`, for averages: "" (largest elements), "same" (divide by the argument `number`),
    "padded" (by the places that are not beyond the padding) or "inside" (by those in the plane).
    `inside`: no window leaves the plane.
    """

    kind: str
    windows: Windows
    index: str
    count: str
    inside: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = (*_names(len(self.windows)), "x", "y", "index")
        return (*map(Parameter, names), Parameter("number", "f64"))


@lowering(WindowPool)
def lower_window_pool(plan: WindowPool, target: Target) -> Program:
    def units(b: Builder) -> tuple[Value, Value]:
        cost = _volume(b, "o", plan.windows) * (_taps(plan.windows) + 4) // 8
        return b.parameters["planes"], cost + 20

    def body(b: Builder) -> None:
        writer = _Forward(plan, target, b)
        with b.loop(b.first, b.last) as plane:
            writer.plane(plane.index)

    return program("window_pool", plan.parameters, units, body)


@dataclass(frozen=True, slots=True)
class _Edge:
    """A window along an axis of which it may miss places: those from `low` to `high` are inside;
    `count` is what it counts for an average."""

    start: Value
    low: Value
    high: Value
    count: Value


class _Forward:
    """Writes one plane of a WindowPool."""

    def __init__(self, plan: WindowPool, target: Target, b: Builder) -> None:
        self.plan, self.b, self.p = plan, b, b.parameters
        self.compute = REGISTER_KIND.get(plan.kind, plan.kind)
        self.lanes = target.lanes(max(4, STORED_BYTES[self.compute]))
        self.axes = axes_of(len(plan.windows))
        self.type = Type(self.compute, self.lanes)
        self.filler = 0 if plan.count else lowest(self.compute)
        self.place = Type("i64" if plan.index == "i64" else "i32", self.lanes)

    def plane(self, plane: Value) -> None:
        b, p, plan = self.b, self.p, self.plan
        results = plane * _volume(b, "o", plan.windows)
        self.x = b.offset(p["x"], plane * _volume(b, "n", plan.windows), plan.kind)
        self.y = b.offset(p["y"], results, plan.kind)
        if plan.index:
            self.index = b.offset(p["index"], results, plan.index)
        self.rows(b.int(0), [])

    def rows(self, row: Value, edges: list[_Edge]) -> None:
        """Loops over the rows of results."""
        b, depth = self.b, len(edges)
        if depth == len(self.axes) - 1:
            self.row(row, edges)
            return
        size = self.p["o" + self.axes[depth]]
        with b.loop(0, size) as loop:
            self.rows(row * size + loop.index, [*edges, self.edge(loop.index, depth)])

    def edge(self, i: Value, depth: int) -> _Edge:
        """The window of result `i` along an axis."""
        b, axis, (size, stride, dilation) = self.b, self.axes[depth], self.plan.windows[depth]
        n, pad = self.p["n" + axis], self.p["p" + axis]
        start = i * stride - pad
        if self.plan.inside:
            return _Edge(start, b.int(0), b.int(size), b.int(size))
        low = (b.op("max", -start, 0) + (dilation - 1)) // dilation
        high = b.op("min", (n - start + (dilation - 1)) // dilation, b.int(size))
        end = b.op("min", start + size, n + pad)
        return _Edge(start, low, high, end - start if self.plan.count == "padded" else high - low)

    def row(self, row: Value, edges: list[_Edge]) -> None:
        """One row of results."""
        b, p, window = self.b, self.p, self.plan.windows[-1]
        width, lanes = p["nw"], self.lanes
        with b.loop(0, p["ow"], lanes) as block:
            start = block.index * window.stride - p["pw"]
            # The vectors read on to the end of the last lane's stride.
            last = start + (lanes * window.stride + window.reach + window.stride - 1)
            free = (start >= 0) & (last <= width)
            if not self.plan.inside:
                for edge, one in zip(edges, self.plan.windows, strict=False):
                    free = free & edge.low.eq(0) & edge.high.eq(one.size)
            with b.when(free) as branch:
                self.block(row, block.index, start, edges, True)
            with b.otherwise(branch):
                self.block(row, block.index, start, edges, False)

    def block(self, row: Value, first: Value, start: Value, edges: list[_Edge], free: bool) -> None:
        """Some neighbouring results; `free`: all that is read lies in the plane."""
        b, p, plan, lanes = self.b, self.p, self.plan, self.lanes
        column = b.splat(b.cast(start, self.place.kind), lanes)
        column = column + b.iota(self.place.kind, lanes) * plan.windows[-1].stride
        best = [b.const(self.type, self.filler)]
        if plan.index:
            best.append(self.first_place(edges, column, free))
        # The two variants of the rows: written out, or a loop over those that are inside.
        carried = self.window(0, b.int(0), b.int(0), edges, column, start, tuple(best), free)
        at = row * p["ow"] + first
        mask = None if free else b.mask(p["ow"] - first, lanes)
        if not plan.count:
            b.store(self.y, at, carried[0], plan.kind, mask)
            if plan.index:
                b.store(self.index, at, b.cast(carried[1], plan.index), plan.index, mask)
            return
        total = carried[0]
        if plan.count == "same":
            number = b.splat(b.cast(p["number"], self.compute), lanes)
        else:
            counted = [edge.count for edge in edges]
            lines = b.splat(b.cast(product(counted), "i32"), lanes)
            # Empty windows, and lanes behind the last result, divide 0 by 1: integers would trap.
            number = b.cast(b.op("max", self.widths(column) * lines, 1), self.compute)
        total = total / number if self.type.is_float else total // number
        b.store(self.y, at, total, plan.kind, mask)

    def widths(self, column: Value) -> Value:
        """What each lane's window counts along the row."""
        b, p, size = self.b, self.p, self.plan.windows[-1].size
        width, pad = b.cast(p["nw"], "i32"), b.cast(p["pw"], "i32")
        end = b.op("min", column + size, b.splat(width + pad, self.lanes))
        if self.plan.count == "padded":
            return end - column
        return b.op("min", end, b.splat(width, self.lanes)) - b.op("max", column, 0)

    def first_place(self, edges: list[_Edge], column: Value, free: bool) -> Value:
        """Where each lane's window begins inside the plane: the answer if all is lowest."""
        b, p, (size, _, dilation) = self.b, self.p, self.plan.windows[-1]
        place = b.int(0)
        small = self.plan.index == "u8"
        for edge, axis, window in zip(edges, self.axes, self.plan.windows, strict=False):
            if small:
                place = place * window.size + edge.low
            else:
                place = place * p["n" + axis] + edge.start + edge.low * window.dilation
        skip = b.const(self.place, 0)
        if not free:
            missed = b.op("max", -column, 0)
            skip = missed
            if dilation > 1:
                skip = (missed + (dilation - 1)) // dilation
        if small:
            return b.splat(b.cast(place * size, self.place.kind), self.lanes) + skip
        place = b.splat(b.cast(place * p["nw"], self.place.kind), self.lanes)
        return place + column + skip * dilation

    def window(
        self,
        depth: int,
        line: Value,
        tap: Value,
        edges: list[_Edge],
        column: Value,
        start: Value,
        carried: tuple[Value, ...],
        free: bool,
    ) -> tuple[Value, ...]:
        """Folds the window's elements from axis `depth` on into the carried values."""
        b, plan = self.b, self.plan
        if depth == len(self.axes) - 1:
            return self.line(line, tap, column, start, carried, free)
        edge, size = edges[depth], self.p["n" + self.axes[depth]]
        window = plan.windows[depth]

        def inner(i: Value, held: tuple[Value, ...]) -> tuple[Value, ...]:
            at = line * size + edge.start + i * window.dilation
            below = tap * window.size + i
            return self.window(depth + 1, at, below, edges, column, start, held, free)

        if free or plan.inside:
            for i in range(window.size):
                carried = inner(b.int(i), carried)
            return carried
        with b.loop(edge.low, edge.high, carry=carried) as loop:
            loop.next(*inner(loop.index, loop.carried))
        return loop.results

    def line(
        self,
        line: Value,
        tap: Value,
        column: Value,
        start: Value,
        carried: tuple[Value, ...],
        free: bool,
    ) -> tuple[Value, ...]:
        """One row of the window."""
        b, p, plan, lanes = self.b, self.p, self.plan, self.lanes
        source = b.offset(self.x, line * p["nw"], plan.kind)
        values = self.columns(source, start, column, free)
        for j, value in enumerate(values):
            if plan.count:
                carried = (carried[0] + value,)
                continue
            wins = value > carried[0]
            if self.type.is_float:
                wins = wins | value.ne(value)
            following = [b.select(wins, value, carried[0])]
            if plan.index == "u8":
                number = b.cast(tap * plan.windows[-1].size + j, self.place.kind)
                following.append(b.select(wins, b.splat(number, lanes), carried[1]))
            elif plan.index:
                row = b.cast(line * p["nw"] + j * plan.windows[-1].dilation, self.place.kind)
                here = b.splat(row, lanes) + column
                following.append(b.select(wins, here, carried[1]))
            carried = tuple(following)
        return carried

    def columns(self, source: Value, start: Value, column: Value, free: bool) -> list[Value]:
        """For each place along the row, that of every lane's window; fillers outside."""
        b, lanes = self.b, self.lanes
        size, stride, dilation = self.plan.windows[-1]
        if stride == 1:
            return [self.piece(source, start + j * dilation, free) for j in range(size)]
        if stride == 2 and dilation == 1:
            values = []
            for j in range(0, size, 2):
                low = self.piece(source, start + j, free)
                high = self.piece(source, start + (j + lanes), free)
                for odd in range(min(2, size - j)):
                    values.append(b.shuffle(low, range(odd, 2 * lanes, 2), high))
            return values
        values = []
        for j in range(size):
            places = b.cast(column + j * dilation, "i64")
            if free:
                values.append(b.gather(source, places, self.plan.kind))
                continue
            here = (places >= 0) & (places < b.splat(self.p["nw"], lanes))
            value = b.gather(source, places, self.plan.kind, here)
            values.append(b.select(here, value, b.const(self.type, self.filler)))
        return values

    def piece(self, source: Value, column: Value, free: bool) -> Value:
        """Neighbours from `column` on, fillers outside of the row."""
        b, lanes = self.b, self.lanes
        if free:
            return b.load(source, column, self.plan.kind, lanes)
        inside = b.mask(self.p["nw"] - column, lanes) & ~b.mask(-column, lanes)
        value = b.load(source, column, self.plan.kind, lanes, inside)
        if self.filler == 0:
            return value
        return b.select(inside, value, b.const(self.type, self.filler))


# --- gradients ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WindowPoolBackward(Plan):
    """dx: for each element, the gradients of the windows that hold it and (`index` "u8" or "i64",
    as WindowPool wrote it) chose it, or divided by what these windows count."""

    kind: str
    windows: Windows
    index: str
    count: str

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = (*_names(len(self.windows)), "g", "dx", "index")
        return (*map(Parameter, names), Parameter("number", "f64"))


@lowering(WindowPoolBackward)
def lower_window_pool_backward(plan: WindowPoolBackward, target: Target) -> Program:
    def units(b: Builder) -> tuple[Value, Value]:
        phases = 1
        for window in plan.windows:
            phases *= window.stride
        cost = _volume(b, "n", plan.windows) * (_taps(plan.windows) // phases + 4) // 8
        return b.parameters["planes"], cost + 20

    def body(b: Builder) -> None:
        writer = _Backward(plan, target, b)
        with b.loop(b.first, b.last) as plane:
            writer.plane(plane.index)

    return program("window_pool_backward", plan.parameters, units, body)


class _Tap(NamedTuple):
    """A place of a window that meets a phase of the input: its number, and which window it is."""

    number: int
    shift: int


def meetings(window: Window, phase: int) -> list[_Tap]:
    """Input element m * stride + phase - padding is place `number` of window m + shift, in the
    order of the windows."""
    found = [
        _Tap(i, (phase - i * window.dilation) // window.stride)
        for i in range(window.size)
        if (phase - i * window.dilation) % window.stride == 0
    ]
    return sorted(found, key=lambda tap: tap.shift)


class _Backward:
    """Writes one plane of a WindowPoolBackward."""

    def __init__(self, plan: WindowPoolBackward, target: Target, b: Builder) -> None:
        self.plan, self.b, self.p = plan, b, b.parameters
        self.compute = REGISTER_KIND.get(plan.kind, plan.kind)
        self.lanes = target.lanes(max(4, STORED_BYTES[self.compute]))
        self.axes = axes_of(len(plan.windows))
        self.type = Type(self.compute, self.lanes)
        self.phases = [
            [meetings(window, q) for q in range(window.stride)] for window in plan.windows
        ]

    def plane(self, plane: Value) -> None:
        b, p, plan = self.b, self.p, self.plan
        results = plane * _volume(b, "o", plan.windows)
        self.dx = b.offset(p["dx"], plane * _volume(b, "n", plan.windows), plan.kind)
        self.g = b.offset(p["g"], results, plan.kind)
        if plan.index:
            self.index = b.offset(p["index"], results, plan.index)
        self.rows(b.int(0), [], [])

    def rows(self, line: Value, at: list[Value], taps: list[list[_Tap]]) -> None:
        """Loops over the rows of dx; `at` is each one's m, `taps` those that meet it."""
        b, p, depth = self.b, self.p, len(at)
        if depth == len(self.axes) - 1:
            self.row(line, at, taps)
            return
        axis, window = self.axes[depth], self.plan.windows[depth]
        size, pad, stride = p["n" + axis], p["p" + axis], window.stride
        with b.loop(0, (size + pad + (stride - 1)) // stride) as loop:
            for q in range(stride):
                r = loop.index * stride + q - pad
                with b.when((r >= 0) & (r < size)):
                    found = self.phases[depth][q]
                    self.rows(line * size + r, [*at, loop.index], [*taps, found])

    def row(self, line: Value, at: list[Value], taps: list[list[_Tap]]) -> None:
        """One row of dx."""
        b, p, window, lanes = self.b, self.p, self.plan.windows[-1], self.lanes
        stride = window.stride
        shifts = [tap.shift for phase in self.phases[-1] for tap in phase]
        least, most = min(shifts, default=0), max(shifts, default=0)
        steps = (p["nw"] + p["pw"] + (stride - 1)) // stride
        target = b.offset(self.dx, line * p["nw"], self.plan.kind)
        rows_free = b.const(Type("i1"), True)
        for m, axis, found in zip(at, self.axes, taps, strict=False):
            if found:
                low, high = m + found[0].shift, m + found[-1].shift
                rows_free = rows_free & (low >= 0) & (high < p["o" + axis])
        with b.loop(0, steps, lanes) as block:
            column = block.index * stride - p["pw"]
            free = rows_free & (block.index + least >= 0) & (column >= 0)
            free = free & (block.index + (lanes + most) <= p["ow"])
            free = free & (column + lanes * stride <= p["nw"])
            with b.when(free) as branch:
                self.block(target, line, block.index, column, at, taps, True)
            with b.otherwise(branch):
                self.block(target, line, block.index, column, at, taps, False)

    def block(
        self,
        target: Value,
        line: Value,
        first: Value,
        column: Value,
        at: list[Value],
        taps: list[list[_Tap]],
        free: bool,
    ) -> None:
        """dx where window number m along the row is `first` + lane, all phases."""
        stride = self.plan.windows[-1].stride
        # What has been read of (row of windows, shift), for the phases that share it.
        self.read: dict[tuple[object, ...], tuple[Value, Value, Value | None]] = {}
        self.lines: dict[tuple[int, ...], tuple[Value, Value | None]] = {}
        sums = [self.phase(q, line, first, column, at, taps, free) for q in range(stride)]
        self.write(target, column, sums, free)

    def phase(
        self,
        q: int,
        line: Value,
        first: Value,
        column: Value,
        at: list[Value],
        taps: list[list[_Tap]],
        free: bool,
    ) -> Value:
        """The sums of one phase of columns."""
        b, plan, lanes = self.b, self.plan, self.lanes
        total = b.const(self.type, 0)
        zero = b.const(self.type, 0)
        for leading in itertools.product(*taps):
            for tap in self.phases[-1][q]:
                value, index, inside = self.window(leading, tap.shift, first, at, free)
                chosen = inside
                if plan.index == "u8":
                    number = 0
                    for place, window in zip((*leading, tap), plan.windows, strict=True):
                        number = number * window.size + place.number
                    chosen = index.eq(number)
                elif plan.index:
                    here = b.splat(line * self.p["nw"] + column + q, lanes)
                    here = here + b.iota("i64", lanes) * plan.windows[-1].stride
                    chosen = index.eq(here)
                if plan.index and inside is not None:
                    assert chosen is not None
                    chosen = chosen & inside
                total = total + (value if chosen is None else b.select(chosen, value, zero))
        return total

    def line_of(
        self, leading: tuple[_Tap, ...], at: list[Value], free: bool
    ) -> tuple[Value, Value | None]:
        """The number of a row of windows, and whether there is one (then its place is safe)."""
        b, p = self.b, self.p
        key = tuple(tap.shift for tap in leading)
        if key not in self.lines:
            row, exists = b.int(0), None
            for tap, m, axis in zip(leading, at, self.axes, strict=False):
                o = m + tap.shift
                if not free:
                    here = (o >= 0) & (o < p["o" + axis])
                    exists = here if exists is None else exists & here
                    o = b.select(here, o, 0)
                row = row * p["o" + axis] + o
            self.lines[key] = row, exists
        return self.lines[key]

    def window(
        self, leading: tuple[_Tap, ...], shift: int, first: Value, at: list[Value], free: bool
    ) -> tuple[Value, Value, Value | None]:
        """Gradient, index, and existence of a vector of windows."""
        b, p, plan, lanes = self.b, self.p, self.plan, self.lanes
        key = (tuple(tap.shift for tap in leading), shift)
        if key in self.read:
            return self.read[key]
        row, exists = self.line_of(leading, at, free)
        column, inside = first + shift, None
        if not free:
            inside = b.mask(p["ow"] - column, lanes) & ~b.mask(-column, lanes)
            if exists is not None:
                inside = inside & b.splat(exists, lanes)
        place = row * p["ow"] + column
        value = b.load(self.g, place, plan.kind, lanes, inside)
        index = value
        if plan.index:
            index = b.load(self.index, place, plan.index, lanes, inside)
        elif plan.count == "same":
            value = value / b.splat(b.cast(p["number"], self.compute), lanes)
        else:
            value = value / self.counted(leading, at, column)
        self.read[key] = value, index, inside
        return self.read[key]

    def counted(self, leading: tuple[_Tap, ...], at: list[Value], column: Value) -> Value:
        """By what a vector of windows divides."""
        b, lanes = self.b, self.lanes
        start = b.splat(b.cast(column, "i32"), lanes) + b.iota("i32", lanes)
        number = self.extent(start, "w", self.plan.windows[-1])
        for tap, m, axis, window in zip(leading, at, self.axes, self.plan.windows, strict=False):
            one = self.extent(b.cast(m + tap.shift, "i32"), axis, window)
            number = number * b.splat(one, lanes)
        return b.cast(number, self.compute)

    def extent(self, o: Value, axis: str, window: Window) -> Value:
        """What windows number `o` count along an axis; at least one, whatever the number."""
        b, p = self.b, self.p
        n, pad = b.cast(p["n" + axis], "i32"), b.cast(p["p" + axis], "i32")
        start = o * window.stride - b.like(o, pad)
        end = b.op("min", start + window.size, b.like(o, n + pad))
        if self.plan.count == "inside":
            end, start = b.op("min", end, b.like(o, n)), b.op("max", start, 0)
        return b.op("max", end - start, 1)

    def write(self, target: Value, column: Value, sums: list[Value], free: bool) -> None:
        """Stores the phases, which take turns along the row."""
        b, kind, lanes = self.b, self.plan.kind, self.lanes
        stride = len(sums)
        if stride > 2:
            for q, value in enumerate(sums):
                places = b.iota("i64", lanes) * stride + b.splat(column + q, lanes)
                mask = None
                if not free:
                    mask = (places >= 0) & (places < b.splat(self.p["nw"], lanes))
                b.scatter(target, places, value, kind, mask)
            return
        pieces = sums
        if stride == 2:
            both = [k for m in range(lanes) for k in (m, lanes + m)]
            pieces = [b.shuffle(sums[0], part, sums[1]) for part in (both[:lanes], both[lanes:])]
        for k, value in enumerate(pieces):
            at = column + k * lanes
            mask = None if free else b.mask(self.p["nw"] - at, lanes) & ~b.mask(-at, lanes)
            b.store(target, at, value, kind, mask)
