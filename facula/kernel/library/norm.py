"""Layer, group and root-mean-square normalisation: rows with statistics of their own.

A row is normalised by its mean and deviation, then scaled and shifted, by weights of an element or
of a run of elements (a channel). Forward reads a row from memory once and from the cache twice
more; backward twice in all. Sums of weights' gradients are split by the problem's size, so that
their bits do not depend on who computes which part. Note [row kernels].
"""

from collections.abc import Callable
from dataclasses import dataclass

from facula.kernel.library.row import across, add_along, along_row, joined, masked, sums_of_row
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
class RowNorm(Plan):
    """y = (x - mean) / sqrt(variance + eps) * w + b over rows of n contiguous elements.

    Row r takes its weights from row r % groups of them: one an element or, with `runs`, one for
    every `inner` elements. Without `centred` the mean counts as 0 (and is not written). Weights,
    means and `rstd` = 1 / deviation are of the compute kind.
    """

    kind: str
    weight: bool
    bias: bool
    centred: bool
    runs: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("rows", "n", "inner", "groups", "x", "w", "b", "y", "mean", "rstd")
        return (*map(Parameter, names), Parameter("eps", "f64"))


def compute_kind(kind: str) -> str:
    """The kind in which numbers of a stored kind are computed with."""
    return REGISTER_KIND.get(kind, kind)


def _row_cost(cost: int) -> Callable[[Builder], tuple[Value, Value]]:
    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["rows"], b.parameters["n"] * cost // 16 + 40

    return units


@lowering(RowNorm)
def lower_row_norm(plan: RowNorm, target: Target) -> Program:
    """Mean, then squared distances from it, then the result; a unit is a row."""
    kind, compute = plan.kind, compute_kind(plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def statistics(b: Builder, x: Value, n: Value) -> tuple[Value, Value, Value]:
        """The mean as a number and what it lacks, and 1 / deviation."""
        count = b.cast(n, compute)
        mean = b.const(Type(compute), 0.0)
        if plan.centred:

            def element(i: Value, mask: Value | None) -> list[Value]:
                return [b.load(x, i, kind, lanes, mask)]

            mean = sums_of_row(b, n, lanes, compute, 1, element)[0] / count

        def distance(i: Value, mask: Value | None) -> list[Value]:
            d = b.load(x, i, kind, lanes, mask)
            if not plan.centred:
                return [d * d]
            d = masked(b, mask, d - mean)
            return [d, d * d]

        sums = sums_of_row(b, n, lanes, compute, 1 + plan.centred, distance, 2)
        low = sums[0] / count if plan.centred else mean
        # The first sum is rounded; what the distances add up to is the rest of the mean.
        variance = sums[-1] / count - low * low
        deviation = b.op("sqrt", variance + b.cast(b.parameters["eps"], compute))
        return mean, low, b.const(Type(compute), 1.0) / deviation

    def body(b: Builder) -> None:
        n, inner, groups = (b.parameters[p] for p in ("n", "inner", "groups"))
        with b.loop(b.first, b.last) as loop:
            row = loop.index
            x = b.offset(b.parameters["x"], row * n, kind)
            y = b.offset(b.parameters["y"], row * n, kind)
            mean, low, rstd = statistics(b, x, n)
            if plan.centred:
                b.store(b.pointer(b.parameters["mean"]), row, mean + low, compute)
            b.store(b.pointer(b.parameters["rstd"]), row, rstd, compute)
            rest = -low * rstd

            def normal(i: Value, mask: Value | None) -> Value:
                value = b.load(x, i, kind, lanes, mask)
                return b.op("muladd", value - mean, rstd, rest) if plan.centred else value * rstd

            if not plan.runs:
                place = row % groups * n
                w, shift = (b.offset(b.parameters[p], place, compute) for p in ("w", "b"))

                def element(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                    value = normal(i, mask)
                    if plan.weight:
                        value = value * b.load(w, i, compute, lanes, mask)
                    if plan.bias:
                        value = value + b.load(shift, i, compute, lanes, mask)
                    b.store(y, i, value, kind, mask)
                    return states

                along_row(b, 0, n, lanes, [], element, 2)
                return
            channels = n // inner
            place = row % groups * channels
            w, shift = (b.offset(b.parameters[p], place, compute) for p in ("w", "b"))
            with b.loop(0, channels) as run:
                factor = b.load(w, run.index, compute) if plan.weight else None
                more = b.load(shift, run.index, compute) if plan.bias else None

                def part(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                    value = normal(i, mask)
                    if factor is not None:
                        value = value * factor
                    if more is not None:
                        value = value + more
                    b.store(y, i, value, kind, mask)
                    return states

                start = run.index * inner
                along_row(b, start, start + inner, lanes, [], part, 2)

    return program("row_norm", plan.parameters, _row_cost(24), body)


@dataclass(frozen=True, slots=True)
class RowNormBackward(Plan):
    """The gradients of `RowNorm`: with a = (x - mean) rstd and h = g w,
    dx = rstd (h - mean(h) - a mean(h a)); dw and db the sums of g a and of g.

    A unit is `chunk` rows, a multiple of groups. Without `runs` it adds its rows' sums up: unit u
    fills the groups * n places of dw and db from u * groups * n on. With `runs` each row has its
    n / inner places, from row * n / inner on. `FoldParts` makes gradients of these.
    """

    kind: str
    weight: bool
    centred: bool
    runs: bool
    dx: bool
    sums: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("rows", "n", "inner", "groups", "chunk", "x", "g", "w", "mean", "rstd")
        return tuple(map(Parameter, (*names, "dx", "dw", "db")))


@lowering(RowNormBackward)
def lower_row_norm_backward(plan: RowNormBackward, target: Target) -> Program:
    """Two sums over a row, then its dx, while the row's part joins dw and db."""
    kind, compute = plan.kind, compute_kind(plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])
    zero = 0.0

    def units(b: Builder) -> tuple[Value, Value]:
        rows, chunk = b.parameters["rows"], b.parameters["chunk"]
        return (rows + chunk - 1) // chunk, b.parameters["n"] * chunk * 40 // 16 + 40

    def body(b: Builder) -> None:
        n, inner, groups = (b.parameters[p] for p in ("n", "inner", "groups"))
        channels = n // inner
        count = b.cast(n, compute)

        def row_gradient(row: Value, part: Value) -> None:
            x, g, dx = (b.offset(b.parameters[p], row * n, kind) for p in ("x", "g", "dx"))
            rstd = b.load(b.pointer(b.parameters["rstd"]), row, compute)
            mean = None
            if plan.centred:
                mean = b.load(b.pointer(b.parameters["mean"]), row, compute)
            group = row % groups
            place = group * (channels if plan.runs else n)
            w = b.offset(b.parameters["w"], place, compute)

            def normal(i: Value, mask: Value | None) -> Value:
                value = b.load(x, i, kind, lanes, mask)
                return (value if mean is None else value - mean) * rstd

            def elements(i: Value, mask: Value | None) -> list[Value]:
                h = b.load(g, i, kind, lanes, mask)
                if plan.weight and not plan.runs:
                    h = h * b.load(w, i, compute, lanes, mask)
                product = h * normal(i, mask)
                return [h, masked(b, mask, product)]

            def run_sums(run: Value) -> list[Value]:
                """Sums of g and g a over a run, kept as its parts of db and dw."""
                start = run * inner
                sets = [b.const(Type(compute, lanes), zero)] * 4
                found = add_along(b, start, start + inner, lanes, sets, elements, 2)
                totals = [across(b, "add", v) for v in joined(b, found, 2)]
                if plan.sums:
                    at = row * channels + run
                    b.store(b.pointer(b.parameters["db"]), at, totals[0], compute)
                    b.store(b.pointer(b.parameters["dw"]), at, totals[1], compute)
                if plan.weight:
                    factor = b.load(w, run, compute)
                    totals = [t * factor for t in totals]
                return totals

            if plan.runs:
                nothing = [b.const(Type(compute), zero)] * 2
                with b.loop(0, channels, carry=nothing) as loop:
                    new = run_sums(loop.index)
                    loop.next(*(x + y for x, y in zip(loop.carried, new, strict=True)))
                totals = list(loop.results)
            elif plan.dx:
                totals = sums_of_row(b, n, lanes, compute, 2, elements, 2)
            if plan.dx:
                average = totals[0] / count if plan.centred else None
                slope = totals[1] / count

            def gradient(i: Value, mask: Value | None, h: Value, a: Value) -> None:
                left = h if average is None else h - average
                b.store(dx, i, (left - a * slope) * rstd, kind, mask)

            if plan.runs and plan.dx:
                with b.loop(0, channels) as loop:
                    factor = b.load(w, loop.index, compute) if plan.weight else None

                    def piece(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                        h = b.load(g, i, kind, lanes, mask)
                        gradient(i, mask, h if factor is None else h * factor, normal(i, mask))
                        return states

                    start = loop.index * inner
                    along_row(b, start, start + inner, lanes, [], piece, 2)
            if plan.runs:
                return
            dw, db = (b.offset(b.parameters[p], part + group * n, compute) for p in ("dw", "db"))

            def element(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                arriving, a = b.load(g, i, kind, lanes, mask), normal(i, mask)
                if plan.dx:
                    h = arriving * b.load(w, i, compute, lanes, mask) if plan.weight else arriving
                    gradient(i, mask, h, a)
                if plan.sums:
                    before = b.load(dw, i, compute, lanes, mask)
                    b.store(dw, i, b.op("muladd", arriving, a, before), compute, mask)
                if plan.sums and plan.centred:
                    before = b.load(db, i, compute, lanes, mask)
                    b.store(db, i, before + arriving, compute, mask)
                return states

            along_row(b, 0, n, lanes, [], element, 2)

        with b.loop(b.first, b.last) as loop:
            chunk, width = b.parameters["chunk"], groups * n
            first = loop.index * chunk
            part = loop.index * width
            if plan.sums and not plan.runs:
                nothing = b.const(Type(compute, lanes), zero)
                written = ("dw", "db") if plan.centred else ("dw",)
                targets = [b.offset(b.parameters[p], part, compute) for p in written]

                def clear(i: Value, mask: Value | None, states: list[Value]) -> list[Value]:
                    for pointer in targets:
                        b.store(pointer, i, nothing, compute, mask)
                    return states

                along_row(b, 0, width, lanes, [], clear)
            with b.loop(first, b.op("min", first + chunk, b.parameters["rows"])) as rows:
                row_gradient(rows.index, part)

    return program("row_norm_backward", plan.parameters, units, body)


@dataclass(frozen=True, slots=True)
class FoldParts(Plan):
    """da[i] = the sum over parts p of a[p, i], and with `both` db of b, for i < n."""

    kind: str
    out: str
    both: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("parts", "n", "a", "b", "da", "db")))


@lowering(FoldParts)
def lower_fold_parts(plan: FoldParts, target: Target) -> Program:
    """A unit is a vector of columns; sums are of f64."""
    lanes = target.lanes(STORED_BYTES[plan.kind])
    compute = compute_kind(plan.out)
    pairs = (("a", "da"), ("b", "db"))[: 1 + plan.both]

    def units(b: Builder) -> tuple[Value, Value]:
        return (b.parameters["n"] + lanes - 1) // lanes, b.parameters["parts"] * 4 + 10

    def body(b: Builder) -> None:
        parts, n = b.parameters["parts"], b.parameters["n"]
        with b.loop(b.first, b.last) as loop:
            column = loop.index * lanes
            mask = b.mask(n - column, lanes)
            start = [b.const(Type("f64", lanes), 0.0)] * len(pairs)
            with b.loop(0, parts, carry=start) as rows:
                sums = []
                for (source, _), total in zip(pairs, rows.carried, strict=True):
                    pointer = b.offset(b.parameters[source], rows.index * n, plan.kind)
                    value = b.load(pointer, column, plan.kind, lanes, mask)
                    sums.append(total + b.cast(value, "f64"))
                rows.next(*sums)
            for (_, result), total in zip(pairs, rows.results, strict=True):
                pointer = b.pointer(b.parameters[result])
                b.store(pointer, column, b.cast(total, compute), plan.out, mask)

    return program("fold_parts", plan.parameters, units, body)
