"""Batch normalisation: channels with statistics over all samples, in training or running ones.

Operands are n samples of c channels of s contiguous elements. With s > 1 a unit is a channel, whose
samples' runs are read as vectors; with s = 1 a unit is a few vectors of neighbouring channels.
Sums are of f64, and of distances from the channel's first element k: it is one of the N numbers, so
(mean - k)^2 is at most N times their variance, and what the difference of squares loses is below
N 2^-53 of it. Note [row kernels].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.norm import compute_kind
from facula.kernel.library.row import across, add_along, along_row, joined, masked
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import STORED_BYTES, Builder, Parameter, Program, Type, Value, program
from facula.kernel.target import Target

# Sets of sums that a channel's vectors go to by turns.
UNROLL = 2
INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class BatchNorm(Plan):
    """y = (x - mean) rstd w + b, a channel; mean and rstd = 1 / sqrt(variance + eps) are written.

    In training they are the batch's, and `running` statistics move towards these by `momentum`
    (the variance towards that of n - 1); else they come from the running ones. `columns` is the
    number of vectors of channels in a unit where s is 1, and 0 where it is not. All but x and y
    are of the compute kind.
    """

    kind: str
    weight: bool
    bias: bool
    training: bool
    running: bool
    columns: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("n", "c", "s", "x", "w", "b", "running_mean", "running_var", "y", "mean", "rstd")
        return (*map(Parameter, names), Parameter("momentum", "f64"), Parameter("eps", "f64"))


@dataclass(frozen=True, slots=True)
class BatchNormBackward(Plan):
    """The gradients of `BatchNorm`: with a = (x - mean) rstd, dw = sum(g a), db = sum(g), and
    dx = rstd w (g - db / N - a dw / N); dx = rstd w g if the statistics were running ones."""

    kind: str
    weight: bool
    training: bool
    dx: bool
    columns: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("n", "c", "s", "x", "g", "w", "mean", "rstd", "dx", "dw", "db")
        return tuple(map(Parameter, names))


class Place(NamedTuple):
    """Channels computed at once: one, or a vector of neighbours with its mask."""

    channel: Value
    lanes: int
    mask: Value | None

    def load(self, b: Builder, name: str, kind: str) -> Value:
        pointer = b.pointer(b.parameters[name])
        return b.load(pointer, self.channel, kind, self.lanes, self.mask)

    def store(self, b: Builder, name: str, value: Value, kind: str) -> None:
        pointer = b.pointer(b.parameters[name])
        b.store(pointer, self.channel, b.cast(value, kind), kind, self.mask)


def _units(columns: int, lanes: int, cost: int) -> Callable[[Builder], tuple[Value, Value]]:
    """Channels or blocks of them, and what one costs."""

    def units(b: Builder) -> tuple[Value, Value]:
        n, c, s = (b.parameters[p] for p in ("n", "c", "s"))
        if not columns:
            return c, n * s * cost // 16 + 60
        width = columns * lanes
        return (c + width - 1) // width, n * b.op("min", c, b.int(width)) * cost // 16 + 60

    return units


def _channel_sums(
    b: Builder, lanes: int, terms: Callable[[Value, Value | None], Sequence[Value]]
) -> Callable[[Value], list[Value]]:
    """A function from a channel to the two sums of terms(place, mask) over its elements."""

    def of(channel: Value) -> list[Value]:
        n, c, s = (b.parameters[p] for p in ("n", "c", "s"))
        start = [b.const(Type("f64", lanes), 0.0)] * (2 * UNROLL)
        with b.loop(0, n, carry=start) as loop:
            begin = (loop.index * c + channel) * s
            loop.next(*add_along(b, begin, begin + s, lanes, loop.carried, terms, UNROLL))
        return [across(b, "add", v) for v in joined(b, loop.results, UNROLL)]

    return of


def _over_columns(
    b: Builder,
    places: Sequence[Place],
    carried: Sequence[Value],
    step: Callable[[int, Value, list[Value]], Sequence[Value]],
) -> list[Value]:
    """Runs step(k, place of vector k in a row, its states) over all rows; the last states."""
    each = len(carried) // len(places)
    with b.loop(0, b.parameters["n"], carry=carried) as loop:
        following: list[Value] = []
        for k, place in enumerate(places):
            states = list(loop.carried[k * each : (k + 1) * each])
            following += step(k, loop.index * b.parameters["c"] + place.channel, states)
        loop.next(*following)
    return list(loop.results)


def _column_places(b: Builder, block: Value, columns: int, lanes: int) -> list[Place]:
    first = block * (columns * lanes)
    starts = [first + k * lanes for k in range(columns)]
    return [Place(i, lanes, b.mask(b.parameters["c"] - i, lanes)) for i in starts]


@lowering(BatchNorm)
def lower_batch_norm(plan: BatchNorm, target: Target) -> Program:
    kind, compute = plan.kind, compute_kind(plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def pivot(b: Builder, value: Value) -> Value:
        """A channel's first element, in f64; 0 where it is no number to measure from."""
        wide = b.cast(value, "f64")
        return b.select(b.op("abs", wide) < INFINITY, wide, 0.0)

    def distances(b: Builder, value: Value, start: Value, mask: Value | None) -> list[Value]:
        d = masked(b, mask, b.cast(value, "f64") - start)
        return [d, d * d]

    def finish(
        b: Builder, place: Place, start: Value | None, sums: Sequence[Value]
    ) -> tuple[Value, Value, Value]:
        """Statistics to memory; (mean, scale, shift) such that y = (x - mean) scale + shift."""
        eps, momentum = b.parameters["eps"], b.parameters["momentum"]
        if start is not None:
            count = b.cast(b.parameters["n"] * b.parameters["s"], "f64")
            beyond = sums[0] / count
            variance = b.op("max", sums[1] / count - beyond * beyond, 0.0)
            mean = start + beyond
            if plan.running:
                others = b.op("max", count - 1.0, 1.0)
                for name, value in (
                    ("running_mean", mean),
                    ("running_var", variance * (count / others)),
                ):
                    old = b.cast(place.load(b, name, compute), "f64")
                    place.store(b, name, old * (1.0 - momentum) + value * momentum, compute)
        else:
            mean = b.cast(place.load(b, "running_mean", compute), "f64")
            variance = b.cast(place.load(b, "running_var", compute), "f64")
        rstd = 1.0 / b.op("sqrt", variance + eps)
        place.store(b, "mean", mean, compute)
        place.store(b, "rstd", rstd, compute)
        scale = rstd
        if plan.weight:
            scale = rstd * b.cast(place.load(b, "w", compute), "f64")
        rounded = b.cast(mean, compute)
        shift = (b.cast(rounded, "f64") - mean) * scale
        if plan.bias:
            shift = shift + b.cast(place.load(b, "b", compute), "f64")
        return rounded, b.cast(scale, compute), b.cast(shift, compute)

    def write(b: Builder, i: Value, lanes: int, mask: Value | None, known: Sequence[Value]) -> None:
        mean, scale, shift = known
        value = b.load(b.pointer(b.parameters["x"]), i, kind, lanes, mask)
        y = b.op("muladd", value - mean, scale, shift)
        b.store(b.pointer(b.parameters["y"]), i, y, kind, mask)

    def channel(b: Builder, index: Value) -> None:
        n, c, s = (b.parameters[p] for p in ("n", "c", "s"))
        x = b.pointer(b.parameters["x"])
        start, sums = None, []
        if plan.training:
            start = pivot(b, b.load(x, index * s, kind))
            wide = b.splat(start, lanes)

            def terms(i: Value, mask: Value | None) -> list[Value]:
                return distances(b, b.load(x, i, kind, lanes, mask), wide, mask)

            sums = _channel_sums(b, lanes, terms)(index)
        known = finish(b, Place(index, 1, None), start, sums)

        def element(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
            write(b, i, lanes, mask, known)
            return states

        with b.loop(0, n) as loop:
            begin = (loop.index * c + index) * s
            along_row(b, begin, begin + s, lanes, [], element, 2)

    def block(b: Builder, index: Value) -> None:
        places = _column_places(b, index, plan.columns, lanes)
        x = b.pointer(b.parameters["x"])
        starts: list[Value | None] = [None] * len(places)
        sums: list[Value] = []
        if plan.training:
            found = [pivot(b, b.load(x, p.channel, kind, lanes, p.mask)) for p in places]

            def terms(k: int, i: Value, states: list[Value]) -> list[Value]:
                value = b.load(x, i, kind, lanes, places[k].mask)
                # Lanes that do not count hold zeros, and their sums go nowhere.
                new = distances(b, value, found[k], None)
                return [x + y for x, y in zip(states, new, strict=True)]

            nothing = [b.const(Type("f64", lanes), 0.0)] * (2 * len(places))
            sums = _over_columns(b, places, nothing, terms)
            starts = list(found)
        known = [
            finish(b, place, starts[k], sums[2 * k : 2 * k + 2]) for k, place in enumerate(places)
        ]

        def element(k: int, i: Value, states: list[Value]) -> list[Value]:
            write(b, i, lanes, places[k].mask, known[k])
            return states

        _over_columns(b, places, [], element)

    def body(b: Builder) -> None:
        with b.loop(b.first, b.last) as loop:
            (block if plan.columns else channel)(b, loop.index)

    units = _units(plan.columns, lanes, 24 if plan.training else 12)
    return program("batch_norm", plan.parameters, units, body)


@lowering(BatchNormBackward)
def lower_batch_norm_backward(plan: BatchNormBackward, target: Target) -> Program:
    kind, compute = plan.kind, compute_kind(plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def products(b: Builder, i: Value, lanes: int, mask: Value | None, mean: Value) -> list[Value]:
        """g and g (x - mean) in f64; 0 in lanes that do not count."""
        x, g = (b.load(b.pointer(b.parameters[p]), i, kind, lanes, mask) for p in ("x", "g"))
        wide = b.cast(g, "f64")
        return [wide, masked(b, mask, wide * (b.cast(x, "f64") - mean))]

    def finish(b: Builder, place: Place, mean: Value, sums: Sequence[Value]) -> list[Value]:
        """dw and db to memory; what dx needs: mean, scale, and parts of both to take away."""
        rstd = b.cast(place.load(b, "rstd", compute), "f64")
        dw = sums[1] * rstd
        place.store(b, "dw", dw, compute)
        place.store(b, "db", sums[0], compute)
        scale = rstd
        if plan.weight:
            scale = rstd * b.cast(place.load(b, "w", compute), "f64")
        count = b.cast(b.parameters["n"] * b.parameters["s"], "f64")
        parts = (scale, sums[0] / count, dw * rstd / count)
        return [mean, *(b.cast(v, compute) for v in parts)]

    def write(b: Builder, i: Value, lanes: int, mask: Value | None, known: Sequence[Value]) -> None:
        mean, scale, average, slope = known
        left = b.load(b.pointer(b.parameters["g"]), i, kind, lanes, mask)
        if plan.training:
            x = b.load(b.pointer(b.parameters["x"]), i, kind, lanes, mask)
            left = (left - average) - (x - mean) * slope
        b.store(b.pointer(b.parameters["dx"]), i, left * scale, kind, mask)

    def channel(b: Builder, index: Value) -> None:
        n, c, s = (b.parameters[p] for p in ("n", "c", "s"))
        place = Place(index, 1, None)
        mean = place.load(b, "mean", compute)
        wide = b.splat(b.cast(mean, "f64"), lanes)

        def terms(i: Value, mask: Value | None) -> list[Value]:
            return products(b, i, lanes, mask, wide)

        known = finish(b, place, mean, _channel_sums(b, lanes, terms)(index))

        def element(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
            write(b, i, lanes, mask, known)
            return states

        if plan.dx:
            with b.loop(0, n) as loop:
                begin = (loop.index * c + index) * s
                along_row(b, begin, begin + s, lanes, [], element, 2)

    def block(b: Builder, index: Value) -> None:
        places = _column_places(b, index, plan.columns, lanes)
        means = [place.load(b, "mean", compute) for place in places]

        def terms(k: int, i: Value, states: list[Value]) -> list[Value]:
            new = products(b, i, lanes, places[k].mask, b.cast(means[k], "f64"))
            return [x + y for x, y in zip(states, new, strict=True)]

        nothing = [b.const(Type("f64", lanes), 0.0)] * (2 * len(places))
        sums = _over_columns(b, places, nothing, terms)
        known = [
            finish(b, place, means[k], sums[2 * k : 2 * k + 2]) for k, place in enumerate(places)
        ]

        def element(k: int, i: Value, states: list[Value]) -> list[Value]:
            write(b, i, lanes, places[k].mask, known[k])
            return states

        if plan.dx:
            _over_columns(b, places, [], element)

    def body(b: Builder) -> None:
        with b.loop(b.first, b.last) as loop:
            (block if plan.columns else channel)(b, loop.index)

    units = _units(plan.columns, lanes, 40)
    return program("batch_norm_backward", plan.parameters, units, body)
