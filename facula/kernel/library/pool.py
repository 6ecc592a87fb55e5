"""Pooling over windows of any size: largest elements and their places, averages, gradients.

These plans walk a plane in order, one result at a time; windows known when the kernel is made
have faster plans in `pool_window.py`. A plane a unit. Note [pooling and interpolation].
"""

from collections.abc import Callable
from dataclasses import dataclass

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


def axes_of(rank: int) -> str:
    """The letters of a plane's dimensions, the last one along its rows."""
    return "dhw"[-rank:]


def sizes_of(rank: int) -> tuple[str, ...]:
    """Arguments a plan takes for its planes: how many, and per axis sizes and window."""
    return ("planes", *(what + axis for what in "nokspi" for axis in axes_of(rank)))


def product(values: list[Value]) -> Value:
    """The product of some values."""
    result = values[0]
    for value in values[1:]:
        result = result * value
    return result


def volume(b: Builder, what: str, rank: int) -> Value:
    """Elements in a plane of the input ("n"), of the result ("o") or in a window ("k")."""
    return product([b.parameters[what + axis] for axis in axes_of(rank)])


@dataclass(frozen=True, slots=True)
class Span:
    """Where a window lies along one axis: `count` places from `first` on, `step` apart; `padded`
    is how many it would have had in the padding as well."""

    first: Value
    count: Value
    step: Value
    padded: Value


def span(b: Builder, i: Value, axis: str, adaptive: bool) -> Span:
    """The window of result `i`. Adaptive ones go from floor(i n / o) to ceil((i + 1) n / o)."""
    p = b.parameters
    n, o = p["n" + axis], p["o" + axis]
    if adaptive:
        first = i * n // o
        count = ((i + 1) * n + o - 1) // o - first
        return Span(first, count, b.int(1), count)
    k, step, pad = p["k" + axis], p["i" + axis], p["p" + axis]
    start = i * p["s" + axis] - pad
    skip = (b.op("max", -start, 0) + step - 1) // step
    stop = b.op("min", k, b.op("max", n - start + step - 1, 0) // step)
    end = b.op("min", start + k, n + pad)
    return Span(start + skip * step, stop - skip, step, end - start)


def over_results(b: Builder, rank: int, adaptive: bool, visit: Callable[..., None]) -> None:
    """Loops over the results of a plane: visit(number of the result, its spans)."""

    def enter(place: Value, found: list[Span], axes: str) -> None:
        if not axes:
            visit(place, found)
            return
        size = b.parameters["o" + axes[0]]
        with b.loop(0, size) as loop:
            one = span(b, loop.index, axes[0], adaptive)
            enter(place * size + loop.index, [*found, one], axes[1:])

    enter(b.int(0), [], axes_of(rank))


def fold(
    b: Builder,
    rank: int,
    spans: list[Span],
    carry: tuple[Value, ...],
    visit: Callable[[Value, tuple[Value, ...]], tuple[Value, ...]],
) -> tuple[Value, ...]:
    """Loops over the places of a window: the values visit(place, values) hands on, at the end."""
    axes = axes_of(rank)

    def enter(place: Value, depth: int, carried: tuple[Value, ...]) -> tuple[Value, ...]:
        if depth == rank:
            return visit(place, carried)
        one, size = spans[depth], b.parameters["n" + axes[depth]]
        with b.loop(0, one.count, carry=carried) as loop:
            at = place * size + one.first + loop.index * one.step
            loop.next(*enter(at, depth + 1, loop.carried))
        return loop.results

    return enter(b.int(0), 0, carry)


def lowest(kind: str) -> float:
    """No number of the kind is less."""
    type = Type(kind)
    if type.is_float:
        return float("-inf")
    return 0 if kind[0] == "u" or kind == "i1" else -(1 << (type.bits - 1))


@dataclass(frozen=True, slots=True)
class MaxPool(Plan):
    """y and the place in the plane (in row-major order) of each window's largest element or nan."""

    kind: str
    rank: int = 2
    adaptive: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, (*sizes_of(self.rank), "x", "y", "index")))


@lowering(MaxPool)
def lower_max_pool(plan: MaxPool, target: Target) -> Program:
    kind, rank = plan.kind, plan.rank
    compute = REGISTER_KIND.get(kind, kind)

    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["planes"], _windows_cost(b, rank, plan.adaptive)

    def body(b: Builder) -> None:
        p = b.parameters
        with b.loop(b.first, b.last) as plane:
            x = b.offset(p["x"], plane.index * volume(b, "n", rank), kind)
            y = b.offset(p["y"], plane.index * volume(b, "o", rank), kind)
            index = b.offset(p["index"], plane.index * volume(b, "o", rank), "i64")

            def visit(at: Value, spans: list[Span]) -> None:
                first = spans[0].first
                for one, axis in zip(spans[1:], axes_of(rank)[1:], strict=True):
                    first = first * p["n" + axis] + one.first
                start = (b.const(Type(compute), lowest(compute)), first)
                best, place = fold(b, rank, spans, start, larger)
                b.store(y, at, best, kind)
                b.store(index, at, place, "i64")

            def larger(place: Value, best: tuple[Value, ...]) -> tuple[Value, ...]:
                value = b.load(x, place, kind)
                wins = value > best[0]
                if Type(compute).is_float:
                    wins = wins | value.ne(value)
                return b.select(wins, value, best[0]), b.select(wins, place, best[1])

            over_results(b, rank, plan.adaptive, visit)

    return program("max_pool", plan.parameters, units, body)


def _windows_cost(b: Builder, rank: int, adaptive: bool) -> Value:
    """Nanoseconds a plane takes, about."""
    results = volume(b, "o", rank)
    reads = volume(b, "n", rank) if adaptive else results * volume(b, "k", rank)
    return results * 2 + reads + 20


@dataclass(frozen=True, slots=True)
class Unpool(Plan):
    """dx = 0, then dx[index] += g, plane by plane (`size` elements out, `count` in); without
    `adds` dx[index] = g. Reports an index outside of its plane, plus one, as 1."""

    kind: str
    adds: bool = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("planes", "size", "count", "g", "index", "dx")))


@lowering(Unpool)
def lower_unpool(plan: Unpool, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["planes"], b.parameters["count"] + b.parameters["size"] // 16 + 10

    def body(b: Builder) -> None:
        size, count = b.parameters["size"], b.parameters["count"]
        with b.loop(b.first, b.last) as plane:
            dx = b.offset(b.parameters["dx"], plane.index * size, kind)
            g = b.offset(b.parameters["g"], plane.index * count, kind)
            index = b.offset(b.parameters["index"], plane.index * count, "i64")
            zero = b.const(Type(compute, lanes), 0)
            whole = size // lanes * lanes
            with b.loop(0, whole, lanes) as loop:
                b.store(dx, loop.index, zero, kind)
            b.store(dx, whole, zero, kind, b.mask(size - whole, lanes))
            with b.loop(0, count) as loop:
                at = b.load(index, loop.index, "i64")
                with b.when((at >= 0) & (at < size)) as branch:
                    value = b.load(g, loop.index, kind)
                    b.store(dx, at, b.load(dx, at, kind) + value if plan.adds else value, kind)
                with b.otherwise(branch):
                    b.report(1)

    return program("unpool", plan.parameters, units, body)


@dataclass(frozen=True, slots=True)
class AveragePool(Plan):
    """Averages of windows, or (`backward`, from y to x) their gradient.

    `divisor` > 0 is the number to divide by, -1 counts padding, -2 counts only elements inside.
    Adaptive windows are divided by their size.
    """

    kind: str
    adaptive: bool
    backward: bool
    rank: int = 2

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, (*sizes_of(self.rank), "divisor", "x", "y")))


@lowering(AveragePool)
def lower_average_pool(plan: AveragePool, target: Target) -> Program:
    kind, rank, compute = plan.kind, plan.rank, REGISTER_KIND.get(plan.kind, plan.kind)
    # Sums of halves stay in f32, of f32 in f32 as in torch; f64 in f64.

    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["planes"], _windows_cost(b, rank, plan.adaptive)

    def body(b: Builder) -> None:
        p = b.parameters
        zero = b.const(Type(compute), 0)
        with b.loop(b.first, b.last) as plane:
            x = b.offset(p["x"], plane.index * volume(b, "n", rank), kind)
            y = b.offset(p["y"], plane.index * volume(b, "o", rank), kind)
            if plan.backward:
                with b.loop(0, volume(b, "n", rank)) as clear:
                    b.store(x, clear.index, zero, kind)

            def visit(at: Value, spans: list[Span]) -> None:
                counted = product([one.padded for one in spans])
                if not plan.adaptive:
                    divisor = p["divisor"]
                    valid = product([one.count for one in spans])
                    free = b.select(divisor.eq(-1), counted, valid)
                    counted = b.select(divisor.eq(-1) | divisor.eq(-2), free, divisor)
                number = b.cast(counted, compute)
                if plan.backward:
                    share = b.load(y, at, kind) / number

                    def give(place: Value, none: tuple[Value, ...]) -> tuple[Value, ...]:
                        b.store(x, place, b.load(x, place, kind) + share, kind)
                        return none

                    fold(b, rank, spans, (), give)
                else:

                    def add(place: Value, total: tuple[Value, ...]) -> tuple[Value, ...]:
                        return (total[0] + b.load(x, place, kind),)

                    (total,) = fold(b, rank, spans, (zero,), add)
                    floating = Type(compute).is_float
                    b.store(y, at, total / number if floating else total // number, kind)

            over_results(b, rank, plan.adaptive, visit)

    return program("average_pool", plan.parameters, units, body)
