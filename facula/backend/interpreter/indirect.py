"""What plans of indirect access and order mean: index, nonzero, sort."""

import itertools

from facula.backend.interpreter.cells import Cells, Number, converted, defines, dot, positions
from facula.kernel.library.index import OUT_OF_BOUNDS, Index, Nonzero
from facula.kernel.library.sort import Sort
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN

COMBINE = {
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": lambda old, new: PLAIN["maximum"](old, new),
    "min": lambda old, new: PLAIN["minimum"](old, new),
    "put": lambda old, new: new,
}


@defines(Index)
def index(plan: Index, a: dict[str, Number]) -> int:
    """values[place] = table[affine place + indices times strides], or the write back."""
    sizes = [a[f"d{d}"] for d in range(plan.rank)]
    steps = {
        n: [a[f"{n}_s{d}"] for d in range(plan.rank)]
        for n in ("v", "t", *(f"i{k}" for k in range(plan.indices)))
    }
    if plan.rowwise:
        for name, path in steps.items():
            path[-1] = 1 if name in ("v", "t") else 0
    values, table = Cells(a["v"], plan.kind), Cells(a["t"], plan.kind)
    tables = [Cells(a[f"i{k}"], "i64") for k in range(plan.indices)]
    code = 0
    for place in positions(sizes):
        at, inside = dot(place, steps["t"]), True
        for k, cells in enumerate(tables):
            number, size = cells[dot(place, steps[f"i{k}"])], a[f"i{k}_n"]
            if number < 0 and not plan.positive:
                number += size
            inside = inside and 0 <= number < size
            at += number * a[f"i{k}_t"]
        if not inside:
            code = OUT_OF_BOUNDS
            continue
        there = dot(place, steps["v"])
        if plan.mode == "take":
            values[there] = table[at]
        else:
            register = REGISTER_KIND.get(plan.kind, plan.kind)
            table[at] = converted(COMBINE[plan.mode](table[at], values[there]), register)
    return code


@defines(Nonzero)
def nonzero(plan: Nonzero, a: dict[str, Number]) -> int:
    """How many elements are not 0; their coordinates unless only counting."""
    x, y = Cells(a["x"], plan.kind), Cells(a["y"], "i64")
    strides = [a[f"x_s{d}"] for d in range(plan.rank)]
    found = 0
    for place in positions([a[f"d{d}"] for d in range(plan.rank)]):
        if x[dot(place, strides)] != 0:
            if not plan.count_only:
                for d, p in enumerate(place):
                    y[found * plan.rank + d] = p
            found += 1
    return found


@defines(Sort)
def sort(plan: Sort, a: dict[str, Number]) -> None:
    """Each row in order, equal elements as they stood, nan largest."""
    n = a["n"]
    for row in range(a["rows"]):
        x = Cells(a["x"], plan.kind).at(row * n)
        values, indices = (
            Cells(a["values"], plan.kind).at(row * n),
            Cells(a["indices"], "i64").at(row * n),
        )

        def key(i: int, x: Cells = x) -> tuple[bool, Number]:
            return (True, 0) if x[i] != x[i] else (False, x[i])

        order = sorted(range(n), key=key)
        if plan.descending:
            order = [
                i for _, group in itertools.groupby(reversed(order), key) for i in sorted(group)
            ]
        for place, i in enumerate(order):
            values[place], indices[place] = x[i], i
