"""What loop plans mean: pointwise, reduce, scan and update, element by element."""

import itertools

from facula.backend.interpreter.cells import (
    Cells,
    Number,
    converted,
    defines,
    dot,
    evaluate,
    positions,
)
from facula.kernel.library.turned import Turned
from facula.kernel.library.update import Update
from facula.kernel.plan import Pointwise, Reduce, Scan

DIVISION_BY_ZERO = 1


def _strides(a: dict[str, Number], name: str, inner: str, rank: int) -> list[int]:
    known = {"1": 1, "0": 0, "r": -1}
    last = known[inner] if inner in known else a[f"{name}_s{rank - 1}"]
    return [a[f"{name}_s{d}"] for d in range(rank - 1)] + [last]


@defines(Turned)
@defines(Pointwise)
def pointwise(plan: Pointwise, a: dict[str, Number]) -> int:
    """y[i] = formula(x0[i], x1[i], ...) for every i."""
    sizes = [a[f"d{d}"] for d in range(plan.rank)]
    kinds = (*plan.inputs, *plan.outputs)
    strides = [_strides(a, n, c, plan.rank) for n, c in zip(plan.names, plan.inner, strict=True)]
    cells = [Cells(a[n], k) for n, k in zip(plan.names, kinds, strict=True)]
    params = [a[f"p{k}"] for k in range(len(plan.params))]
    count = len(plan.inputs)
    code = 0
    for place in positions(sizes):
        at = [dot(place, s) for s in strides]
        inputs = [c[i] for c, i in zip(cells[:count], at[:count], strict=True)]
        try:
            results = evaluate(plan.graph, inputs, params)
        except ZeroDivisionError:
            code = DIVISION_BY_ZERO
            continue
        for c, i, value in zip(cells[count:], at[count:], results, strict=True):
            c[i] = value
    return code


@defines(Reduce)
def reduce(plan: Reduce, a: dict[str, Number]) -> None:
    """y[kept] = finish(combine of map(x[kept, reduced]) over reduced places, from unit on)."""
    kept = [a[f"k{d}"] for d in range(plan.kept)]
    reduced = [a[f"r{d}"] for d in range(plan.reduced)]
    params = [a[f"p{k}"] for k in range(len(plan.params))]
    inputs = [Cells(a[n], k) for n, k in zip(plan.input_names, plan.inputs, strict=True)]
    outputs = [Cells(a[n], k) for n, k in zip(plan.output_names, plan.outputs, strict=True)]
    by_kept = {
        n: [a[f"{n}_k{d}"] for d in range(plan.kept)]
        for n in (*plan.input_names, *plan.output_names)
    }
    by_reduced = {n: [a[f"{n}_r{d}"] for d in range(plan.reduced)] for n in plan.input_names}
    axis = 0 if plan.along == "kept" else plan.reduced - 1
    chunk = a["chunk"] if plan.split else reduced[axis] or 1
    pieces = max(1, -(-reduced[axis] // chunk)) if plan.split else 1
    for place in positions(kept):
        for piece in range(pieces):
            spans = [range(n) for n in reduced]
            if plan.split:
                spans[axis] = range(piece * chunk, min(reduced[axis], (piece + 1) * chunk))
            state = [converted(u, k) for k, u in plan.unit]
            for inside in itertools.product(*spans):
                values = [
                    c[dot(place, by_kept[n]) + dot(inside, by_reduced[n])]
                    for n, c in zip(plan.input_names, inputs, strict=True)
                ]
                if plan.uses_position:
                    values.append(inside[axis])
                new = evaluate(plan.map, values, params)
                state = evaluate(plan.combine, [*state, *new], ())
            for n, c, value in zip(
                plan.output_names, outputs, evaluate(plan.finish, state, params), strict=True
            ):
                step = piece * a[f"{n}_c"] if plan.split else 0
                c[dot(place, by_kept[n]) + step] = value


@defines(Scan)
def scan(plan: Scan, a: dict[str, Number]) -> None:
    """y[kept, i] = finish(combine of map(x[kept, 0..i]))."""
    kept = [a[f"k{d}"] for d in range(plan.kept)]
    ins = [(f"x{k}", Cells(a[f"x{k}"], kind)) for k, kind in enumerate(plan.inputs)]
    outs = [(f"y{k}", Cells(a[f"y{k}"], kind)) for k, kind in enumerate(plan.outputs)]

    def at(name: str, place: tuple[int, ...], i: int) -> int:
        return dot(place, [a[f"{name}_k{d}"] for d in range(plan.kept)]) + i * a[f"{name}_n"]

    for place in positions(kept):
        state = [converted(u, k) for k, u in plan.unit]
        for i in range(a["n"]):
            new = evaluate(plan.map, [*(c[at(n, place, i)] for n, c in ins), i], ())
            state = evaluate(plan.combine, [*state, *new], ())
            for (n, c), value in zip(outs, evaluate(plan.finish, state, ()), strict=True):
                c[at(n, place, i)] = value


@defines(Update)
def update(plan: Update, a: dict[str, Number]) -> None:
    """For every row of tensors and element: the formula's outputs go to some of the tensors."""
    rows = a["rows"]
    lengths = Cells(a["layout"], "i64").at(rows + 1)
    table = Cells(a["table"], "i64")
    scalars = [a[f"p{k}"] for k in range(plan.scalars)]
    for row in range(rows):
        cells = [Cells(table[t * rows + row], plan.kind) for t in range(plan.tensors)]
        for i in range(lengths[row]):
            results = evaluate(plan.graph, [c[i] for c in cells], scalars)
            for t, value in zip(plan.writes, results, strict=True):
                cells[t][i] = value
