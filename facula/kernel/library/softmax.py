"""Softmax, log-softmax and cross entropy along contiguous rows, forward and backward, a row a unit.

Each row is read from the cache two or three times but from memory once: the largest element, the
sum of exponentials, the result. Accumulation is in the compute kind, lane by lane in a fixed order.
"""

from collections.abc import Callable
from dataclasses import dataclass

from facula.kernel.library.row import across, along_row, unary
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


def maximum_of_row(b: Builder, x: Value, kind: str, n: Value, lanes: int) -> Value:
    compute = REGISTER_KIND.get(kind, kind)
    lowest = b.const(Type(compute, lanes), LOWEST)

    def step(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
        value = b.load(x, i, kind, lanes, mask)
        if mask is not None:
            value = b.select(mask, value, lowest)
        return [b.op("max", states[0], value)]

    return across(b, "max", along_row(b, 0, n, lanes, [lowest], step)[0])


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
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        n = b.parameters["n"]
        with b.loop(b.first, b.last) as loop:
            x = b.offset(b.parameters["x"], loop.index * n, kind)
            y = b.offset(b.parameters["y"], loop.index * n, kind)
            top = maximum_of_row(b, x, kind, n, lanes)
            # A row of -inf has no largest element; shifting by 0 leads to nan, as torch has it.
            zero = b.const(Type(compute, lanes), 0.0)

            def total(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                e = shifted_exp(b, b.load(x, i, kind, lanes, mask), top)
                if not plan.log and kind == compute:
                    b.store(y, i, e, kind, mask)
                return [states[0] + (e if mask is None else b.select(mask, e, zero))]

            sum_ = across(b, "add", along_row(b, 0, n, lanes, [zero], total)[0])
            if plan.log:
                shift = top + unary(b, "log", sum_)

                def finish(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                    b.store(y, i, b.load(x, i, kind, lanes, mask) - shift, kind, mask)
                    return states
            else:
                scale = b.op("div", b.const(Type(compute), 1.0), sum_)

                def finish(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                    if kind == compute:
                        e = b.load(y, i, kind, lanes, mask)
                    else:
                        e = shifted_exp(b, b.load(x, i, kind, lanes, mask), top)
                    b.store(y, i, e * scale, kind, mask)
                    return states

            along_row(b, 0, n, lanes, [], finish)

    return program("softmax", plan.parameters, _rows(24), body)


@dataclass(frozen=True, slots=True)
class SoftmaxBackward(Plan):
    """dx = y * (g - sum(g * y)), or for the logarithm g - exp(y) * sum(g), over rows."""

    kind: str
    log: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("rows", "n", "g", "y", "dx")))


@lowering(SoftmaxBackward)
def lower_softmax_backward(plan: SoftmaxBackward, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        n = b.parameters["n"]
        with b.loop(b.first, b.last) as loop:
            g, y, dx = (b.offset(b.parameters[p], loop.index * n, kind) for p in ("g", "y", "dx"))

            def total(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                value = b.load(g, i, kind, lanes, mask)
                if not plan.log:
                    value = value * b.load(y, i, kind, lanes, mask)
                return [states[0] + value]

            zero = b.const(Type(compute, lanes), 0.0)
            sum_ = across(b, "add", along_row(b, 0, n, lanes, [zero], total)[0])

            def finish(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                gradient, result = b.load(g, i, kind, lanes, mask), b.load(y, i, kind, lanes, mask)
                if plan.log:
                    passed = gradient - unary(b, "exp", result) * sum_
                else:
                    passed = result * (gradient - sum_)
                b.store(dx, i, passed, kind, mask)
                return states

            along_row(b, 0, n, lanes, [], finish)

    return program("softmax_backward", plan.parameters, _rows(16), body)


@dataclass(frozen=True, slots=True)
class CrossEntropy(Plan):
    """A row's loss log(sum(exp(x))) - x[target] and its log-sum-exp; 0 where target is `ignore`.

    Reports 1 if a target is ignored or outside [0, n): the caller then looks closer.
    """

    kind: str

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("rows", "n", "ignore", "x", "target", "loss", "lse")))


@lowering(CrossEntropy)
def lower_cross_entropy(plan: CrossEntropy, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        n = b.parameters["n"]
        classes, losses = b.pointer(b.parameters["target"]), b.pointer(b.parameters["loss"])
        sums = b.pointer(b.parameters["lse"])
        with b.loop(b.first, b.last) as loop:
            x = b.offset(b.parameters["x"], loop.index * n, kind)
            top = maximum_of_row(b, x, kind, n, lanes)
            zero = b.const(Type(compute, lanes), 0.0)

            def total(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                e = shifted_exp(b, b.load(x, i, kind, lanes, mask), top)
                return [states[0] + (e if mask is None else b.select(mask, e, zero))]

            sum_ = across(b, "add", along_row(b, 0, n, lanes, [zero], total)[0])
            lse = top + unary(b, "log", sum_)
            chosen = b.load(classes, loop.index, "i64")
            ignored = chosen.eq(b.parameters["ignore"])
            inside = (chosen >= 0) & (chosen < n)
            place = b.select(inside, chosen, 0)
            loss = b.select(ignored, b.const(Type(compute), 0.0), lse - b.load(x, place, kind))
            b.store(losses, loop.index, loss, kind)
            b.store(sums, loop.index, lse, compute)
            with b.when((inside & (~ignored)).eq(False)):
                b.report(1)

    return program("cross_entropy", plan.parameters, _rows(20), body)


@dataclass(frozen=True, slots=True)
class CrossEntropyBackward(Plan):
    """dx = (exp(x - lse) - [target]) * g / divisor; g: one number (`each` 0) or one a row (1)."""

    kind: str

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("rows", "n", "ignore", "each", "x", "target", "lse", "g", "dx")
        return (*map(Parameter, names), Parameter("scale", "f64"))


@lowering(CrossEntropyBackward)
def lower_cross_entropy_backward(plan: CrossEntropyBackward, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        n = b.parameters["n"]
        classes, sums = b.pointer(b.parameters["target"]), b.pointer(b.parameters["lse"])
        gradients = b.pointer(b.parameters["g"])
        factor = b.cast(b.parameters["scale"], compute)
        with b.loop(b.first, b.last) as loop:
            x = b.offset(b.parameters["x"], loop.index * n, kind)
            dx = b.offset(b.parameters["dx"], loop.index * n, kind)
            lse = b.load(sums, loop.index, compute)
            chosen = b.load(classes, loop.index, "i64")
            ignored = chosen.eq(b.parameters["ignore"])
            g = b.load(gradients, loop.index * b.parameters["each"], kind) * factor
            g = b.select(ignored, b.const(Type(compute), 0.0), g)

            def finish(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                p = shifted_exp(b, b.load(x, i, kind, lanes, mask), lse)
                here = b.splat(i, lanes) + b.iota("i64", lanes)
                one = b.const(Type(compute, lanes), 1.0)
                hit = b.select(here.eq(b.splat(chosen, lanes)), one, 0.0)
                b.store(dx, i, (p - hit) * g, kind, mask)
                return states

            along_row(b, 0, n, lanes, [], finish)

    return program("cross_entropy_backward", plan.parameters, _rows(16), body)
