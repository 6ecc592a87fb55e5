"""Sorting rows: a stable merge sort from the bottom up, values with positions, a row a unit."""

from dataclasses import dataclass

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


@lowering(Sort)
def lower_sort(plan: Sort, target: Target) -> Program:
    kind = plan.kind
    compute = REGISTER_KIND.get(kind, kind)

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

    def body(b: Builder) -> None:
        p = b.parameters
        n, passes = p["n"], p["passes"]
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
            with b.loop(0, n) as copy:
                b.store(start_values, copy.index, b.load(x, copy.index, kind), kind)
                b.store(start_indices, copy.index, copy.index, "i64")
            other_values = b.select(even, spare_values, values)
            other_indices = b.select(even, spare_indices, indices)
            carry = (start_values, start_indices, other_values, other_indices, b.int(1))
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
