"""Softmax and log-softmax, forward and backward, along rows or across them.

Each row is read from the cache two or three times but from memory once: the largest element, the
sum of exponentials, the result. Accumulation is in the compute kind, lane by lane in a fixed order.
Note [row kernels].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facula.kernel.library.row import along_row, masked, sums_of_row, unary, zeros
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

LOWEST = float("-inf")
# Accumulators of a row's largest number, and vectors of neighbouring lines in a unit.
UNROLL = ACROSS = 4


def larger(b: Builder, a: Value, x: Value) -> Value:
    """The larger of two numbers; x counts for nothing if it is nan. One instruction, where `max`
    takes three: a nan shows itself in the sum that follows."""
    return b.select(x > a, x, a)


def maximum_of_row(b: Builder, x: Value, kind: str, n: Value, lanes: int) -> Value:
    """The largest number of a row, -inf if there is none."""
    compute = REGISTER_KIND.get(kind, kind)
    lowest = b.const(Type(compute, lanes), LOWEST)
    stride = lanes * UNROLL
    whole = n // stride * stride
    with b.loop(0, whole, stride, carry=[lowest] * UNROLL) as loop:
        values = [b.load(x, loop.index + u * lanes, kind, lanes) for u in range(UNROLL)]
        loop.next(*(larger(b, m, v) for m, v in zip(loop.carried, values, strict=True)))
    left = list(loop.results)
    while len(left) > 1:
        left = [larger(b, left[k], left[k + 1]) for k in range(0, len(left), 2)]
    with b.loop(whole, n, lanes, carry=left) as tail:
        mask = b.mask(n - tail.index, lanes)
        value = b.select(mask, b.load(x, tail.index, kind, lanes, mask), lowest)
        tail.next(larger(b, tail.carried[0], value))
    top = tail.results[0]
    while top.type.lanes > 1:
        top = larger(b, *b.halves(top))
    return top


def shifted_exp(b: Builder, value: Value, top: Value) -> Value:
    """exp(value - top), which is at most 1."""
    return unary(b, "exp", value - top)


@dataclass(frozen=True, slots=True)
class Softmax(Plan):
    """y = softmax(x) or log_softmax(x) over rows of n contiguous elements."""

    kind: str
    log: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("rows", "n", "x", "y")))


def _rows(cost: int) -> Callable[[Builder], tuple[Value, Value]]:
    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["rows"], b.parameters["n"] * cost // 16 + 20

    return units


@lowering(Softmax)
def lower_softmax(plan: Softmax, target: Target) -> Program:
    """The largest element, the sum of exponentials (kept where the result will be), the result."""
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])
    kept = not plan.log and kind == compute

    def body(b: Builder) -> None:
        n = b.parameters["n"]
        with b.loop(b.first, b.last) as loop:
            x = b.offset(b.parameters["x"], loop.index * n, kind)
            y = b.offset(b.parameters["y"], loop.index * n, kind)
            # A row of -inf has no largest element: -inf - -inf leads to nan, as torch has it.
            top = maximum_of_row(b, x, kind, n, lanes)

            def power(i: Value, mask: Value | None) -> list[Value]:
                e = shifted_exp(b, b.load(x, i, kind, lanes, mask), top)
                if kept:
                    b.store(y, i, e, kind, mask)
                return [masked(b, mask, e)]

            total = sums_of_row(b, n, lanes, compute, 1, power, 2)[0]
            shift = top + unary(b, "log", total) if plan.log else top
            scale = b.op("div", b.const(Type(compute), 1.0), total)

            def finish(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                value = b.load(y if kept else x, i, kind, lanes, mask)
                if plan.log:
                    result = value - shift
                elif kept:
                    result = value * scale
                else:
                    result = shifted_exp(b, value, top) * scale
                b.store(y, i, result, kind, mask)
                return states

            along_row(b, 0, n, lanes, [], finish, 2)

    return program("softmax", plan.parameters, _rows(12), body)


@dataclass(frozen=True, slots=True)
class SoftmaxBackward(Plan):
    """dx = y * (g - sum(g * y)), or for the logarithm g - exp(y) * sum(g), over rows."""

    kind: str
    log: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("rows", "n", "g", "y", "dx")))


def passed_on(b: Builder, log: bool, g: Value, y: Value, total: Value) -> Value:
    """The gradient of (log-)softmax from the sum over its row."""
    if log:
        return g - unary(b, "exp", y) * total
    return y * (g - total)


@lowering(SoftmaxBackward)
def lower_softmax_backward(plan: SoftmaxBackward, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        n = b.parameters["n"]
        with b.loop(b.first, b.last) as loop:
            g, y, dx = (b.offset(b.parameters[p], loop.index * n, kind) for p in ("g", "y", "dx"))

            def term(i: Value, mask: Value | None) -> list[Value]:
                value = b.load(g, i, kind, lanes, mask)
                return [value if plan.log else value * b.load(y, i, kind, lanes, mask)]

            total = sums_of_row(b, n, lanes, compute, 1, term)[0]

            def finish(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                gradient, result = b.load(g, i, kind, lanes, mask), b.load(y, i, kind, lanes, mask)
                b.store(dx, i, passed_on(b, plan.log, gradient, result, total), kind, mask)
                return states

            along_row(b, 0, n, lanes, [], finish, 2)

    return program("softmax_backward", plan.parameters, _rows(12), body)


# --- along another dimension ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SoftmaxAcross(Plan):
    """y = (log-)softmax(x) along n elements that lie `s` apart, s > 1, in `m` blocks of n * s."""

    kind: str
    log: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("m", "n", "s", "x", "y")))


@dataclass(frozen=True, slots=True)
class SoftmaxAcrossBackward(Plan):
    """The gradient of `SoftmaxAcross`."""

    kind: str
    log: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("m", "n", "s", "g", "y", "dx")))


def _blocks(lanes: int, cost: int) -> Callable[[Builder], tuple[Value, Value]]:
    """Units of `ACROSS` vectors of neighbouring lines."""

    def units(b: Builder) -> tuple[Value, Value]:
        width = ACROSS * lanes
        m, n, s = (b.parameters[p] for p in ("m", "n", "s"))
        return m * ((s + width - 1) // width), n * b.op("min", s, b.int(width)) * cost // 16 + 40

    return units


def _over_lines(
    b: Builder, lanes: int, names: Sequence[str], kind: str, line: Callable[..., None]
) -> None:
    """Runs line(pointers, column, masks) for each unit's lines: whole vectors, or those that there
    are, one by one. Pointers are those of the block's operands."""
    width = ACROSS * lanes
    n, s = b.parameters["n"], b.parameters["s"]
    blocks = (s + width - 1) // width
    with b.loop(b.first, b.last) as loop:
        start = loop.index // blocks * n * s
        column = loop.index % blocks * width
        pointers = [b.offset(b.parameters[name], start, kind) for name in names]
        with b.when(column + width <= s) as whole:
            line(pointers, column, [None] * ACROSS)
        with b.otherwise(whole), b.loop(column, s, lanes) as rest:
            line(pointers, rest.index, [b.mask(s - rest.index, lanes)])


def _each_row(
    b: Builder,
    carried: Sequence[Value],
    step: Callable[[Value, list[Value]], Sequence[Value]],
) -> list[Value]:
    """Runs step(place of row c, states) for the n rows of a block; the last states."""
    with b.loop(0, b.parameters["n"], carry=carried) as loop:
        loop.next(*step(loop.index * b.parameters["s"], list(loop.carried)))
    return list(loop.results)


@lowering(SoftmaxAcross)
def lower_softmax_across(plan: SoftmaxAcross, target: Target) -> Program:
    """As along rows, a line a lane: neighbouring lines' elements are neighbours in memory."""
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])
    kept = not plan.log and kind == compute

    def body(b: Builder) -> None:
        def line(pointers: list[Value], column: Value, masks: list[Value | None]) -> None:
            x, y = pointers
            many = len(masks)

            def load(pointer: Value, row: Value, u: int) -> Value:
                return b.load(pointer, row + column + u * lanes, kind, lanes, masks[u])

            def highest(row: Value, tops: list[Value]) -> list[Value]:
                return [larger(b, tops[u], load(x, row, u)) for u in range(many)]

            tops = _each_row(b, [b.const(Type(compute, lanes), LOWEST)] * many, highest)

            def power(row: Value, sums: list[Value]) -> list[Value]:
                powers = [shifted_exp(b, load(x, row, u), tops[u]) for u in range(many)]
                if kept:
                    for u, e in enumerate(powers):
                        b.store(y, row + column + u * lanes, e, kind, masks[u])
                return [total + e for total, e in zip(sums, powers, strict=True)]

            sums = _each_row(b, zeros(b, compute, lanes, many), power)
            if plan.log:
                factors = [t + unary(b, "log", v) for t, v in zip(tops, sums, strict=True)]
            else:
                factors = [1.0 / v for v in sums]

            def finish(row: Value, states: list[Value]) -> list[Value]:
                for u, factor in enumerate(factors):
                    value = load(y if kept else x, row, u)
                    if plan.log:
                        value = value - factor
                    else:
                        value = (value if kept else shifted_exp(b, value, tops[u])) * factor
                    b.store(y, row + column + u * lanes, value, kind, masks[u])
                return states

            _each_row(b, [], finish)

        _over_lines(b, lanes, ("x", "y"), kind, line)

    return program("softmax_across", plan.parameters, _blocks(lanes, 14), body)


@lowering(SoftmaxAcrossBackward)
def lower_softmax_across_backward(plan: SoftmaxAcrossBackward, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        def line(pointers: list[Value], column: Value, masks: list[Value | None]) -> None:
            g, y, dx = pointers

            def both(row: Value, u: int) -> tuple[Value, Value]:
                place = row + column + u * lanes
                return (
                    b.load(g, place, kind, lanes, masks[u]),
                    b.load(y, place, kind, lanes, masks[u]),
                )

            def add(row: Value, sums: list[Value]) -> list[Value]:
                found = [both(row, u) for u in range(len(masks))]
                terms = [one if plan.log else one * other for one, other in found]
                return [total + term for total, term in zip(sums, terms, strict=True)]

            sums = _each_row(b, zeros(b, compute, lanes, len(masks)), add)

            def finish(row: Value, states: list[Value]) -> list[Value]:
                for u, total in enumerate(sums):
                    result = passed_on(b, plan.log, *both(row, u), total)
                    b.store(dx, row + column + u * lanes, result, kind, masks[u])
                return states

            _each_row(b, [], finish)

        _over_lines(b, lanes, ("g", "y", "dx"), kind, line)

    return program("softmax_across_backward", plan.parameters, _blocks(lanes, 12), body)
