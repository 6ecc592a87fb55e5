"""Pointwise plans whose operands run along different loops: squares, turned in registers.

Where one operand's neighbours lie along the last loop and another's along an outer one, elements
are taken in squares that fit registers: each operand is read along its own neighbours, and those
of the outer loop are turned over. Note [copies and pointwise].
"""

from collections.abc import Sequence
from dataclasses import dataclass

from facula.kernel.decompose import DECOMPOSITIONS
from facula.kernel.library.tile import transpose
from facula.kernel.lower import emit, graph_kinds, weight, widest
from facula.kernel.plan import Pointwise, lowering
from facula.kernel.program import STORED_BYTES, Builder, Program, Type, Value, program
from facula.kernel.target import Target

# What a unit of work covers, in squares: along the outer loop and along the last one.
SQUARES_ACROSS, SQUARES_ALONG = 4, 16
# Formulas of more steps are not written out for every row of a square.
LONGEST = 12


@dataclass(frozen=True, slots=True)
class Turned(Pointwise):
    """The same as `Pointwise`, with at least two loops, and where along the loop `across`, not the
    last, operands marked in `sideways` step to the neighbour (their class along the last is "s").
    """

    across: int
    sideways: tuple[bool, ...]


@lowering(Turned)
def lower_turned(plan: Turned, target: Target) -> Program:
    kinds = [*plan.inputs, *plan.outputs, *graph_kinds(plan.graph)]
    side = min(16, target.lanes(widest(kinds)))
    cost = weight(plan.graph)
    last = plan.rank - 1
    others = [d for d in range(last) if d != plan.across]
    high, wide = SQUARES_ACROSS * side, SQUARES_ALONG * side

    def units(b: Builder) -> tuple[Value, Value]:
        count = (b.parameters[f"d{plan.across}"] + (high - 1)) // high
        count = count * ((b.parameters[f"d{last}"] + (wide - 1)) // wide)
        for d in others:
            count = count * b.parameters[f"d{d}"]
        return count, b.int(high * wide * cost // 16)

    def body(b: Builder) -> None:
        d_across, d_last = b.parameters[f"d{plan.across}"], b.parameters[f"d{last}"]
        several = (d_last + (wide - 1)) // wide
        strips = (d_across + (high - 1)) // high
        with b.loop(b.first, b.last) as loop:
            along = loop.index % several * wide
            rest = loop.index // several
            across = rest % strips * high
            rest = rest // strips
            pointers = [b.pointer(b.parameters[name]) for name in plan.names]
            for d in reversed(others):
                size = b.parameters[f"d{d}"]
                pointers = _moved(b, plan, pointers, d, rest % size)
                rest = rest // size
            square = Square(b, plan, side, pointers)
            along_end = b.op("min", along + wide, d_last)
            across_end = b.op("min", across + high, d_across)
            with (
                b.loop(along, along_end, side) as columns,
                b.loop(across, across_end, side) as rows,
            ):
                full = (columns.index + side <= d_last) & (rows.index + side <= d_across)
                with b.when(full) as branch:
                    square.whole(rows.index, columns.index)
                with b.otherwise(branch):
                    square.part(rows.index, columns.index)

    return program("turned", plan.parameters, units, body)


def _moved(
    b: Builder, plan: Turned, pointers: Sequence[Value], depth: int, index: Value
) -> list[Value]:
    kinds = (*plan.inputs, *plan.outputs)
    return [
        b.offset(p, index * b.parameters[f"{name}_s{depth}"], kind)
        for name, kind, p in zip(plan.names, kinds, pointers, strict=True)
    ]


class Square:
    """`side` places along the outer loop times `side` along the last: loads, formula, stores."""

    def __init__(self, b: Builder, plan: Turned, side: int, pointers: Sequence[Value]) -> None:
        self.b = b
        self.plan = plan
        self.side = side
        self.pointers = pointers
        self.last = plan.rank - 1
        steps = plan.graph.steps
        self.long = len(steps) > LONGEST or any(op in DECOMPOSITIONS for op, _, _, _ in steps)

    def whole(self, row: Value, column: Value) -> None:
        if self.long:
            with self.b.loop(row, row + self.side) as rows:
                self._line(rows.index, column, None)
        else:
            self._turn(row, column, None, None)

    def part(self, row: Value, column: Value) -> None:
        b = self.b
        rows = b.parameters[f"d{self.plan.across}"] - row
        columns = b.parameters[f"d{self.last}"] - column
        if self.long:
            end = row + b.op("min", rows, b.int(self.side))
            mask = b.mask(columns, self.side)
            with b.loop(row, end) as lines:
                self._line(lines.index, column, mask)
        else:
            self._turn(row, column, rows, columns)

    def _line(self, row: Value, column: Value, mask: Value | None) -> None:
        """One row, gathered: for formulas that take longer than that."""
        inputs = len(self.plan.inputs)
        values = [self._read(k, row, column, mask) for k in range(inputs)]
        for k, value in enumerate(self._formula(values, mask), inputs):
            self._write(k, row, column, value, mask)

    def _turn(self, row: Value, column: Value, rows: Value | None, columns: Value | None) -> None:
        """The square in registers. `rows`, `columns`: how many there are, where maybe too few."""
        b, plan, side = self.b, self.plan, self.side
        inputs = len(plan.inputs)
        down = None if rows is None else b.mask(rows, side)
        right = None if columns is None else b.mask(columns, side)
        # Places beyond the end are read at the last one, and written under an empty mask.
        row_places = [row + self._inside(r, rows) for r in range(side)]
        column_places = [column + self._inside(c, columns) for c in range(side)]
        turned = {
            k: self._read_turned(k, row, column_places, down)
            for k in range(inputs)
            if plan.sideways[k]
        }
        results: list[list[Value]] = []
        masks = []
        for r in range(side):
            mask = right
            if right is not None and rows is not None:
                here = b.compare("lt", b.int(r), rows)
                mask = right & b.splat(here, side)
            masks.append(mask)
            values = [
                turned[k][r] if k in turned else self._read(k, row_places[r], column, right)
                for k in range(inputs)
            ]
            results.append(self._formula(values, mask))
            for k, value in enumerate(results[r], inputs):
                if not plan.sideways[k]:
                    self._write(k, row_places[r], column, value, mask)
        for k in range(inputs, len(plan.names)):
            if plan.sideways[k]:
                written = [result[k - inputs] for result in results]
                self._write_turned(k, row, column_places, written, down, columns)

    def _inside(self, place: int, count: Value | None) -> Value:
        b = self.b
        return b.int(place) if count is None or place == 0 else b.op("min", b.int(place), count - 1)

    def _formula(self, values: list[Value], mask: Value | None) -> list[Value]:
        b = self.b
        params = [b.parameters[f"p{k}"] for k in range(len(self.plan.params))]
        b.active = mask
        spread = [b.splat(value, self.side) for value in values]
        results = emit(b, self.plan.graph, spread, params)
        b.active = None
        return results

    def _kind(self, operand: int) -> str:
        return (*self.plan.inputs, *self.plan.outputs)[operand]

    def _at(self, operand: int, row: Value) -> Value:
        """The operand's pointer, moved along the outer loop."""
        stride = self.b.parameters[f"{self.plan.names[operand]}_s{self.plan.across}"]
        return self.b.offset(self.pointers[operand], row * stride, self._kind(operand))

    def _places(self, operand: int, column: Value) -> Value:
        b = self.b
        stride = b.parameters[f"{self.plan.names[operand]}_s{self.last}"]
        return (b.splat(column, self.side) + b.iota("i64", self.side)) * stride

    def _read(self, operand: int, row: Value, column: Value, mask: Value | None) -> Value:
        b, kind, pointer = self.b, self._kind(operand), self._at(operand, row)
        inner = self.plan.inner[operand]
        if inner == "0":
            return b.load(pointer, 0, kind)
        if inner == "1":
            return b.load(pointer, column, kind, self.side, mask)
        return b.gather(pointer, self._places(operand, column), kind, mask)

    def _write(
        self, operand: int, row: Value, column: Value, value: Value, mask: Value | None
    ) -> None:
        b, kind, pointer = self.b, self._kind(operand), self._at(operand, row)
        if self.plan.inner[operand] == "1":
            b.store(pointer, column, value, kind, mask)
        else:
            b.scatter(pointer, self._places(operand, column), value, kind, mask)

    def _line_pointers(self, operand: int, columns: Sequence[Value], kind: str) -> list[Value]:
        stride = self.b.parameters[f"{self.plan.names[operand]}_s{self.last}"]
        return [self.b.offset(self.pointers[operand], c * stride, kind) for c in columns]

    def _read_turned(
        self, operand: int, row: Value, columns: Sequence[Value], mask: Value | None
    ) -> list[Value]:
        """Row after row of an operand whose neighbours lie along the outer loop."""
        b, kind = self.b, self._kind(operand)
        stored = "u8" if kind == "bool" else kind
        lines = [
            b.load(pointer, row, stored, self.side, mask)
            for pointer in self._line_pointers(operand, columns, kind)
        ]
        turned = transpose(b, lines, _itemsize(lines[0].type))
        return [b.cast(value, "i1") for value in turned] if kind == "bool" else turned

    def _write_turned(
        self,
        operand: int,
        row: Value,
        columns: Sequence[Value],
        values: Sequence[Value],
        mask: Value | None,
        count: Value | None,
    ) -> None:
        b, kind = self.b, self._kind(operand)
        stored = "u8" if kind == "bool" else kind
        if kind == "bool":
            values = [b.cast(value, "u8") for value in values]
        lines = transpose(b, values, _itemsize(values[0].type))
        for c, pointer in enumerate(self._line_pointers(operand, columns, kind)):
            guard = mask
            if mask is not None and count is not None:
                guard = mask & b.splat(b.compare("lt", b.int(c), count), self.side)
            b.store(pointer, row, lines[c], stored, guard)


def _itemsize(type: Type) -> int:
    return STORED_BYTES[type.kind]
