"""Sorting rows: a stable merge sort from the bottom up, values with positions, a row a unit.

It begins with runs as long as a vector, many at once: element k of every run lies in vector k, and
a network of compare-exchanges puts the vectors in order. Note [sorting].
"""

from dataclasses import dataclass

from facula.kernel.library.tile import transpose
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Parameter,
    Program,
    Value,
    program,
)
from facula.kernel.target import Target


@dataclass(frozen=True, slots=True)
class Sort(Plan):
    """Rows of n contiguous elements: x to sorted `values` and their old positions `indices`; nan
    sorts last (first if descending). `spare_values` and `spare_indices` hold one row a row as well.
    `passes` is ceil(log2 n)."""

    kind: str
    descending: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = ("rows", "n", "passes", "x", "values", "indices", "spare_values", "spare_indices")
        return tuple(map(Parameter, names))


def network(size: int) -> list[tuple[int, int]]:
    """Places to compare and exchange, in order, that sort any `size` (a power of two) elements.

    Batcher, "Sorting networks and their applications" (AFIPS 1968): odd-even merging.

    >>> network(4)
    [(0, 1), (2, 3), (0, 2), (1, 3), (1, 2)]
    """
    pairs = []
    run = 1
    while run < size:
        apart = run
        while apart >= 1:
            for start in range(apart % run, size - apart, 2 * apart):
                for k in range(start, min(start + apart, size - apart)):
                    if k // (2 * run) == (k + apart) // (2 * run):
                        pairs.append((k, k + apart))
            apart //= 2
        run *= 2
    return pairs


def _last(kind: str, descending: bool) -> float:
    """A value that no other comes behind."""
    if kind in ("f32", "f64"):
        return -float("inf") if descending else float("nan")
    bits = 8 * STORED_BYTES[kind]
    if kind[0] == "u":
        return 0 if descending else 2**bits - 1
    return -(2 ** (bits - 1)) if descending else 2 ** (bits - 1) - 1


@lowering(Sort)
def lower_sort(plan: Sort, target: Target) -> Program:
    kind = plan.kind
    compute = REGISTER_KIND.get(kind, kind)
    # Runs to begin with: as many, and as long, as a vector has lanes.
    side = min(16, target.lanes(max(4, STORED_BYTES[compute] if compute != "i1" else 1)))
    loaded = "u8" if kind == "bool" else kind

    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["rows"], b.parameters["n"] * (b.parameters["passes"] + 1) * 3

    def before(b: Builder, right: Value, left: Value) -> Value:
        """True if the right element must come first although it stood behind."""
        if compute == "i1":
            right, left = b.cast(right, "u8"), b.cast(left, "u8")
        low, high = (left, right) if plan.descending else (right, left)
        result = low < high
        if right.type.is_float:
            result = result | (high.ne(high) & low.eq(low))
        return result

    def runs(b: Builder, x: Value, values: Value, indices: Value, base: Value, n: Value) -> None:
        """From `base` on `side` sorted runs of `side` elements; nothing is written behind n."""
        lines = []
        masks = [b.mask(n - (base + r * side), side) for r in range(side)]
        for r in range(side):
            inside = b.op("min", base + r * side, n - 1)
            line = b.load(x, inside, loaded, side, masks[r])
            lines.append(b.select(masks[r], line, _last(line.type.kind, plan.descending)))
        itemsize = STORED_BYTES[lines[0].type.kind]
        keys = transpose(b, lines, itemsize)
        places = [b.iota("i32", side) * side + k for k in range(side)]
        for low, high in network(side):
            a, c = keys[low], keys[high]
            i, j = places[low], places[high]
            swap = before(b, c, a) | (~before(b, a, c) & (j < i))
            keys[low], keys[high] = b.select(swap, c, a), b.select(swap, a, c)
            places[low], places[high] = b.select(swap, j, i), b.select(swap, i, j)
        keys, places = transpose(b, keys, itemsize), transpose(b, places, 4)
        for r in range(side):
            at = base + r * side
            with b.when(at < n):
                b.store(b.pointer(values), at, keys[r], loaded, masks[r])
                old = b.cast(places[r], "i64") + base
                b.store(b.pointer(indices), at, old, "i64", masks[r])

    def body(b: Builder) -> None:
        p = b.parameters
        n = p["n"]
        # The first passes would make the runs that the network makes.
        passes = b.op("max", p["passes"] - (side - 1).bit_length(), b.int(0))
        item = STORED_BYTES[kind]
        with b.loop(b.first, b.last) as row:
            x = b.offset(p["x"], row.index * n, kind)
            values = p["values"] + row.index * n * item
            spare_values = p["spare_values"] + row.index * n * item
            indices = p["indices"] + row.index * n * 8
            spare_indices = p["spare_indices"] + row.index * n * 8
            even = (passes % 2).eq(0)
            start_values = b.select(even, values, spare_values)
            start_indices = b.select(even, indices, spare_indices)
            with b.loop(0, n, side * side) as block:
                runs(b, x, start_values, start_indices, block.index, n)
            other_values = b.select(even, spare_values, values)
            other_indices = b.select(even, spare_indices, indices)
            carry = (start_values, start_indices, other_values, other_indices, b.int(side))
            with b.loop(0, passes, carry=carry) as level:
                from_values, from_indices, to_values, to_indices, width = level.carried
                with b.loop(0, n, width * 2) as run:
                    low = run.index
                    middle = b.op("min", low + width, n)
                    high = b.op("min", low + width * 2, n)
                    with b.loop(low, high, carry=(low, middle)) as merge:
                        i, j = merge.carried
                        left = b.load(from_values, b.op("min", i, middle - 1), kind)
                        right = b.load(from_values, b.op("min", j, high - 1), kind)
                        take = (j < high) & ((i >= middle) | before(b, right, left))
                        at = b.select(take, j, i)
                        b.store(to_values, merge.index, b.select(take, right, left), kind)
                        b.store(to_indices, merge.index, b.load(from_indices, at, "i64"), "i64")
                        step = b.cast(take, "i64")
                        merge.next(i + 1 - step, j + step)
                level.next(to_values, to_indices, from_values, from_indices, width * 2)

    return program("sort", plan.parameters, units, body)
