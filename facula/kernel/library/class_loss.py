"""Losses of class numbers: cross entropy of logits and picked log-probabilities, both directions.

Operands are m samples of n classes at s places each; a class's places are neighbours. One kernel
reads the logits, adds the losses up in parts whose size follows from the problem, and keeps
log-sum-exps for the gradient; `FoldLoss` sums the parts, so bits do not depend on threads.
Note [row kernels].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facula.kernel.library.row import across, along_row, masked, sums_of_row, unary, zeros
from facula.kernel.library.softmax import LOWEST, larger, maximum_of_row, shifted_exp
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


@dataclass(frozen=True, slots=True)
class CrossEntropy(Plan):
    """Losses w[t] (lse - x[t]) of targets t, lse = log(sum(exp(x))); 0 where t is `ignore`.

    With `smooth`, (1 - smoothing) of that and smoothing / n times the sum of w (lse - x). With
    `each` the losses are written, else a part for every `chunk` places (every vector of them if s
    is above 1, `wide`): the sum of its losses, then of its targets' weights, of f64. w and lse are
    of the compute kind. Reports 1 if a target is neither a class nor ignored.
    """

    kind: str
    weight: bool
    smooth: bool
    each: bool
    wide: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("m", "n", "s", "chunk", "ignore", "x", "target", "w", "loss", "lse", "parts")
        return (*map(Parameter, names), Parameter("smoothing", "f64"))


@dataclass(frozen=True, slots=True)
class CrossEntropyBackward(Plan):
    """dx of `CrossEntropy`: with `each` g holds a number a place, else one, to be divided by the
    number at `total`."""

    kind: str
    weight: bool
    smooth: bool
    each: bool
    wide: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("m", "n", "s", "ignore", "x", "target", "w", "lse", "g", "total", "dx")
        return (*map(Parameter, names), Parameter("smoothing", "f64"))


@dataclass(frozen=True, slots=True)
class Picked(Plan):
    """Losses -w[t] x[t]; otherwise as `CrossEntropy`, in parts of `chunk` places."""

    kind: str
    weight: bool
    each: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("m", "n", "s", "chunk", "ignore", "x", "target", "w", "loss", "parts")
        return tuple(map(Parameter, names))


@dataclass(frozen=True, slots=True)
class PickedBackward(Plan):
    """dx of `Picked`: -w[t] g / total at the targets, 0 elsewhere; a unit is `chunk` samples."""

    kind: str
    weight: bool
    each: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("m", "n", "s", "chunk", "ignore", "target", "w", "g", "total", "dx")
        return tuple(map(Parameter, names))


@dataclass(frozen=True, slots=True)
class FoldLoss(Plan):
    """y = the sum of the parts' losses, and total = 1; with `mean` total is the sum of weights, and
    y is divided by it."""

    kind: str
    mean: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("count", "parts", "y", "total")))


class Targets:
    """The targets of a place, or of a vector of neighbouring ones."""

    def __init__(
        self, b: Builder, plan: CrossEntropy | CrossEntropyBackward | Picked | PickedBackward,
        place: Value, lanes: int = 1, mask: Value | None = None,
    ) -> None:  # fmt: skip
        compute = REGISTER_KIND.get(plan.kind, plan.kind)
        pointer = b.pointer(b.parameters["target"])
        chosen = b.load(pointer, place, "i64", lanes, mask)
        n = b.parameters["n"]
        self.ignored = chosen.eq(b.parameters["ignore"])
        if mask is not None:
            self.ignored = self.ignored | ~mask
        self.inside = (chosen >= 0) & (chosen < n)
        self.chosen = chosen
        self.safe = b.select(self.inside, chosen, b.const(chosen.type, 0))
        self.weight: Value = b.const(Type(compute, lanes), 1.0)
        if plan.weight:
            self.weight = b.gather(b.pointer(b.parameters["w"]), self.safe, compute, mask)

    def check(self, b: Builder) -> None:
        with b.when(b.any(~(self.inside | self.ignored))):
            b.report(1)

    def unless_ignored(self, b: Builder, value: Value) -> Value:
        return b.select(self.ignored, b.const(value.type, 0.0), value)


def weight_sum(b: Builder, weighted: bool, kind: str, lanes: int) -> Value:
    """The sum of all classes' weights."""
    n = b.parameters["n"]
    if not weighted:
        return b.cast(n, kind)
    w = b.pointer(b.parameters["w"])
    return sums_of_row(b, n, lanes, kind, 1, lambda i, mask: [b.load(w, i, kind, lanes, mask)])[0]


def mixed(
    b: Builder, plan: CrossEntropy, value: Value, lse: Value, all_: Value, weighed: Value
) -> Value:
    """The loss with its smooth part: `weighed` is the sum of w x, `all_` that of w."""
    if not plan.smooth:
        return value
    kind = lse.type.kind
    part = b.cast(b.parameters["smoothing"], kind)
    share = part / b.cast(b.parameters["n"], kind)
    return value * (1.0 - part) + (lse * all_ - weighed) * share


def add_part(b: Builder, sums: Sequence[Value], loss: Value, weight: Value) -> list[Value]:
    return [total + b.cast(new, "f64") for total, new in zip(sums, (loss, weight), strict=True)]


def store_part(b: Builder, unit: Value, sums: Sequence[Value]) -> None:
    parts = b.pointer(b.parameters["parts"])
    for k, total in enumerate(sums):
        b.store(parts, unit * 2 + k, across(b, "add", total), "f64")


def _chunks(
    count: Callable[[Builder], Value], cost: Callable[[Builder], Value]
) -> Callable[[Builder], tuple[Value, Value]]:
    """Units of `chunk` things, of which there are `count` and one takes `cost` nanoseconds."""

    def units(b: Builder) -> tuple[Value, Value]:
        chunk = b.parameters["chunk"]
        return (count(b) + chunk - 1) // chunk, cost(b) * chunk + 20

    return units


def _vectors(lanes: int) -> Callable[[Builder], tuple[Value, Value]]:
    def units(b: Builder) -> tuple[Value, Value]:
        m, n, s = (b.parameters[p] for p in ("m", "n", "s"))
        return m * ((s + lanes - 1) // lanes), n * 6 + 60

    return units


def _vector_of_places(b: Builder, unit: Value, lanes: int) -> tuple[Value, Value, Value]:
    """A unit's sample, first place in it, and mask."""
    s = b.parameters["s"]
    vectors = (s + lanes - 1) // lanes
    column = unit % vectors * lanes
    return unit // vectors, column, b.mask(s - column, lanes)


@lowering(CrossEntropy)
def lower_cross_entropy(plan: CrossEntropy, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def finish(
        b: Builder, place: Value, at: Targets, picked: Value, lse: Value, rest: Sequence[Value],
        sums: Sequence[Value], mask: Value | None,
    ) -> list[Value]:  # fmt: skip
        """Writes lse, and the loss or adds it to the sums."""
        at.check(b)
        b.store(b.pointer(b.parameters["lse"]), place, lse, compute, mask)
        loss = mixed(b, plan, (lse - picked) * at.weight, lse, rest[0], rest[1])
        loss = at.unless_ignored(b, loss)
        if plan.each:
            b.store(b.pointer(b.parameters["loss"]), place, loss, kind, mask)
            return list(sums)
        return add_part(b, sums, loss, at.unless_ignored(b, at.weight))

    def row(b: Builder, index: Value, all_: Value, sums: Sequence[Value]) -> list[Value]:
        n = b.parameters["n"]
        x = b.offset(b.parameters["x"], index * n, kind)
        top = maximum_of_row(b, x, kind, n, lanes)

        def terms(i: Value, mask: Value | None) -> list[Value]:
            value = b.load(x, i, kind, lanes, mask)
            e = masked(b, mask, shifted_exp(b, value, top))
            if not plan.smooth:
                return [e]
            if plan.weight:
                value = value * b.load(b.pointer(b.parameters["w"]), i, compute, lanes, mask)
            return [e, value]

        found = sums_of_row(b, n, lanes, compute, 1 + plan.smooth, terms, 2)
        lse = top + unary(b, "log", found[0])
        at = Targets(b, plan, index)
        return finish(b, index, at, b.load(x, at.safe, kind), lse, (all_, found[-1]), sums, None)

    def rows(b: Builder) -> None:
        chunk, m = b.parameters["chunk"], b.parameters["m"]
        all_ = weight_sum(b, plan.weight, compute, lanes) if plan.smooth else b.int(0)
        with b.loop(b.first, b.last) as loop:
            first = loop.index * chunk
            stop = b.op("min", first + chunk, m)
            start = [] if plan.each else zeros(b, "f64", 1, 2)
            with b.loop(first, stop, carry=start) as inner:
                inner.next(*row(b, inner.index, all_, inner.carried))
            store_part(b, loop.index, inner.results)

    def vectors(b: Builder) -> None:
        n, s = b.parameters["n"], b.parameters["s"]
        all_ = weight_sum(b, plan.weight, compute, lanes) if plan.smooth else b.int(0)
        with b.loop(b.first, b.last) as loop:
            sample, column, mask = _vector_of_places(b, loop.index, lanes)
            x = b.offset(b.parameters["x"], sample * n * s, kind)

            def load(c: Value) -> Value:
                return b.load(x, c * s + column, kind, lanes, mask)

            with b.loop(0, n, carry=[b.const(Type(compute, lanes), LOWEST)]) as tops:
                tops.next(larger(b, tops.carried[0], load(tops.index)))
            top = tops.results[0]
            with b.loop(0, n, carry=zeros(b, compute, lanes, 2)) as classes:
                value = load(classes.index)
                weighed = value
                if plan.weight:
                    weighed = value * b.load(b.pointer(b.parameters["w"]), classes.index, compute)
                total, rest = classes.carried
                more = rest + weighed if plan.smooth else rest
                classes.next(total + shifted_exp(b, value, top), more)
            lse = top + unary(b, "log", classes.results[0])
            place = sample * s + column
            at = Targets(b, plan, place, lanes, mask)
            here = b.splat(column, lanes) + b.iota("i64", lanes)
            picked = b.gather(x, at.safe * s + here, kind, mask)
            start = [] if plan.each else zeros(b, "f64", lanes, 2)
            even = (all_, classes.results[1])
            store_part(b, loop.index, finish(b, place, at, picked, lse, even, start, mask))

    units = _vectors(lanes)
    if not plan.wide:
        units = _chunks(lambda b: b.parameters["m"], lambda b: b.parameters["n"] // 2 + 50)
    return program("cross_entropy", plan.parameters, units, vectors if plan.wide else rows)


@lowering(CrossEntropyBackward)
def lower_cross_entropy_backward(plan: CrossEntropyBackward, target: Target) -> Program:
    """dx = softmax (a + e all) - [target] a - e w, with a = g (1 - smoothing) w[t] and e = g
    smoothing / n."""
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def factors(b: Builder, place: Value, at: Targets, all_: Value) -> list[Value]:
        """Those of softmax, of the target's place, and of the weights."""
        many = at.chosen.type.lanes
        mask = None if many == 1 else ~at.ignored
        g_at = b.pointer(b.parameters["g"])
        if plan.each:
            g = b.load(g_at, place, kind, many, mask)
        else:
            one = b.load(g_at, 0, kind)
            g = b.splat(one / b.load(b.pointer(b.parameters["total"]), 0, compute), many)
        g = at.unless_ignored(b, g)
        if not plan.smooth:
            a = g * at.weight
            return [a, a, a]
        part = b.cast(b.parameters["smoothing"], compute)
        a = g * at.weight * (1.0 - part)
        e = g * (part / b.cast(b.parameters["n"], compute))
        return [a + e * all_, a, e]

    def gradient(
        b: Builder, value: Value, lse: Value, hit: Value, known: Sequence[Value], w: Value | None
    ) -> Value:
        whole, own, even = known
        result = shifted_exp(b, value, lse) * whole - b.select(hit, own, 0.0)
        if not plan.smooth:
            return result
        return result - (even if w is None else even * w)

    def weights(b: Builder, i: Value, lanes: int, mask: Value | None) -> Value | None:
        if not (plan.weight and plan.smooth):
            return None
        return b.load(b.pointer(b.parameters["w"]), i, compute, lanes, mask)

    def rows(b: Builder) -> None:
        n = b.parameters["n"]
        all_ = weight_sum(b, plan.weight, compute, lanes) if plan.smooth else b.int(0)
        with b.loop(b.first, b.last) as loop:
            x = b.offset(b.parameters["x"], loop.index * n, kind)
            dx = b.offset(b.parameters["dx"], loop.index * n, kind)
            lse = b.load(b.pointer(b.parameters["lse"]), loop.index, compute)
            at = Targets(b, plan, loop.index)
            known = [b.splat(v, lanes) for v in factors(b, loop.index, at, all_)]
            # Places are counted in 32 bits: a row is shorter than that.
            chosen = b.splat(b.cast(at.chosen, "i32"), lanes)

            def element(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                here = b.splat(b.cast(i, "i32"), lanes) + b.iota("i32", lanes)
                value = b.load(x, i, kind, lanes, mask)
                w = weights(b, i, lanes, mask)
                b.store(dx, i, gradient(b, value, lse, here.eq(chosen), known, w), kind, mask)
                return states

            along_row(b, 0, n, lanes, [], element, 2)

    def vectors(b: Builder) -> None:
        n, s = b.parameters["n"], b.parameters["s"]
        all_ = weight_sum(b, plan.weight, compute, lanes) if plan.smooth else b.int(0)
        with b.loop(b.first, b.last) as loop:
            sample, column, mask = _vector_of_places(b, loop.index, lanes)
            x, dx = (b.offset(b.parameters[p], sample * n * s, kind) for p in ("x", "dx"))
            place = sample * s + column
            lse = b.load(b.pointer(b.parameters["lse"]), place, compute, lanes, mask)
            at = Targets(b, plan, place, lanes, mask)
            known = factors(b, place, at, all_)
            with b.loop(0, n) as classes:
                at_class = classes.index * s + column
                value = b.load(x, at_class, kind, lanes, mask)
                hit = at.chosen.eq(b.splat(classes.index, lanes))
                w = weights(b, classes.index, 1, None)
                b.store(dx, at_class, gradient(b, value, lse, hit, known, w), kind, mask)

    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["m"], b.parameters["n"] // 2 + 30

    return program(
        "cross_entropy_backward",
        plan.parameters,
        _vectors(lanes) if plan.wide else units,
        vectors if plan.wide else rows,
    )


def _place_of(b: Builder, place: Value, chosen: Value) -> Value:
    """Where a place's element of a class lies."""
    n, s = b.parameters["n"], b.parameters["s"]
    return (place // s * n + chosen) * s + place % s


@lowering(Picked)
def lower_picked(plan: Picked, target: Target) -> Program:
    """One element a place: nothing for vectors to do."""
    kind = plan.kind

    def body(b: Builder) -> None:
        chunk, count = b.parameters["chunk"], b.parameters["m"] * b.parameters["s"]
        x = b.pointer(b.parameters["x"])
        with b.loop(b.first, b.last) as loop:
            first = loop.index * chunk
            start = [] if plan.each else zeros(b, "f64", 1, 2)
            with b.loop(first, b.op("min", first + chunk, count), carry=start) as inner:
                at = Targets(b, plan, inner.index)
                at.check(b)
                value = b.load(x, _place_of(b, inner.index, at.safe), kind)
                loss = at.unless_ignored(b, -(value * at.weight))
                if plan.each:
                    b.store(b.pointer(b.parameters["loss"]), inner.index, loss, kind)
                    inner.next()
                else:
                    weight = at.unless_ignored(b, at.weight)
                    inner.next(*add_part(b, inner.carried, loss, weight))
            store_part(b, loop.index, inner.results)

    units = _chunks(lambda b: b.parameters["m"] * b.parameters["s"], lambda b: b.int(4))
    return program("picked", plan.parameters, units, body)


@lowering(PickedBackward)
def lower_picked_backward(plan: PickedBackward, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def body(b: Builder) -> None:
        chunk, m, n, s = (b.parameters[p] for p in ("chunk", "m", "n", "s"))
        dx, g_at = b.pointer(b.parameters["dx"]), b.pointer(b.parameters["g"])
        nothing = b.const(Type(compute, lanes), 0.0)
        with b.loop(b.first, b.last) as loop:
            first = loop.index * chunk
            stop = b.op("min", first + chunk, m)

            def clear(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                b.store(dx, i, nothing, kind, mask)
                return states

            along_row(b, first * n * s, stop * n * s, lanes, [], clear, 2)
            with b.loop(first * s, stop * s) as places:
                at = Targets(b, plan, places.index)
                g = b.load(g_at, places.index if plan.each else b.int(0), kind)
                if not plan.each:
                    g = g / b.load(b.pointer(b.parameters["total"]), 0, compute)
                value = at.unless_ignored(b, -(g * at.weight))
                with b.when(at.inside):
                    b.store(dx, _place_of(b, places.index, at.safe), value, kind)

    units = _chunks(lambda b: b.parameters["m"], lambda b: b.parameters["n"] * b.parameters["s"])
    return program("picked_backward", plan.parameters, units, body)


@lowering(FoldLoss)
def lower_fold_loss(plan: FoldLoss, target: Target) -> Program:
    compute = REGISTER_KIND.get(plan.kind, plan.kind)

    def units(b: Builder) -> tuple[Value, Value]:
        return b.int(1), b.parameters["count"]

    def body(b: Builder) -> None:
        parts = b.pointer(b.parameters["parts"])
        with b.loop(b.first, b.last):
            with b.loop(0, b.parameters["count"], carry=zeros(b, "f64", 1, 2)) as loop:
                found = [b.load(parts, loop.index * 2 + k, "f64") for k in range(2)]
                loop.next(*(x + y for x, y in zip(loop.carried, found, strict=True)))
            loss, weight = loop.results
            total = weight if plan.mean else b.const(Type("f64"), 1.0)
            y = loss / weight if plan.mean else loss
            b.store(b.pointer(b.parameters["y"]), 0, b.cast(y, compute), plan.kind)
            b.store(b.pointer(b.parameters["total"]), 0, b.cast(total, compute), compute)

    return program("fold_loss", plan.parameters, units, body)


__all__ = [
    "CrossEntropy",
    "CrossEntropyBackward",
    "FoldLoss",
    "Picked",
    "PickedBackward",
]
