"""Indirect access: reading and writing elements whose place is given by index tensors.

One plan serves indexing, gather, scatter, index_select and embedding: a loop nest over the result's
(or source's) shape, where the table's address is an affine part plus, for each index operand, the
loaded index times a stride. Indices are checked; negative ones count from the end.
"""

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

OUT_OF_BOUNDS = 1


@dataclass(frozen=True, slots=True)
class Index(Plan):
    """`mode` "take": values[...] = table[place]; "put" and the combining modes ("add", "mul",
    "max", "min"): table[place] is replaced by, or combined with, values[...].

    `rowwise`: along the last loop indices stand still and both sides step to the neighbour.
    `positive`: negative indices are errors, as in gather and scatter.
    """

    mode: str
    kind: str
    indices: int
    rank: int
    rowwise: bool = False
    positive: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        listed = [Parameter(f"d{d}") for d in range(self.rank)]
        for name in ("v", "t", *(f"i{k}" for k in range(self.indices))):
            listed += [Parameter(f"{name}_s{d}") for d in range(self.rank)]
        for k in range(self.indices):
            listed += [Parameter(f"i{k}_n"), Parameter(f"i{k}_t")]
        listed += [Parameter("v"), Parameter("t")]
        listed += [Parameter(f"i{k}") for k in range(self.indices)]
        return tuple(listed)


@lowering(Index)
def lower_index(plan: Index, target: Target) -> Program:
    """Reads: a unit is one turn of the outermost loop. Writes: one unit, so that repeated places
    see the last value (or the sum in one order), whatever the number of threads."""
    names = ["v", "t", *(f"i{k}" for k in range(plan.indices))]
    kinds = [plan.kind, plan.kind, *("i64" for _ in range(plan.indices))]
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(1 if plan.kind == "bool" else STORED_BYTES[register])
    single = plan.mode != "take" or plan.rank == 1

    def units(b: Builder) -> tuple[Value, Value]:
        total = b.int(1)
        for d in range(plan.rank):
            total = total * b.parameters[f"d{d}"]
        if single:
            return b.int(1), total * 2 + 10
        rest = b.int(1)
        for d in range(1, plan.rank):
            rest = rest * b.parameters[f"d{d}"]
        return b.parameters["d0"], rest * (1 if not plan.rowwise else 1) + 10

    def locate(b: Builder, pointers: list[Value], i: Value) -> tuple[Value, Value]:
        """The table's element offset from the indices, and whether all are inside."""
        place, inside = b.int(0), b.const(b.compare("eq", i, i).type, True)
        depth = plan.rank - 1
        for k in range(plan.indices):
            step = b.int(0) if plan.rowwise else i * b.parameters[f"i{k}_s{depth}"]
            index = b.load(pointers[2 + k], step, "i64")
            size = b.parameters[f"i{k}_n"]
            if not plan.positive:
                index = b.select(index < 0, index + size, index)
            inside = inside & (index >= 0) & (index < size)
            place = place + index * b.parameters[f"i{k}_t"]
        return place, inside

    def combine(b: Builder, old: Value, new: Value) -> Value:
        if plan.kind == "bool":
            return b.op("or" if plan.mode in ("add", "max") else "and", old, new)
        return b.op(plan.mode, old, new)

    def row(b: Builder, pointers: list[Value]) -> None:
        depth = plan.rank - 1
        length = b.parameters[f"d{depth}"]
        if plan.rowwise:
            place, inside = locate(b, pointers, b.int(0))
            with b.when(inside) as branch:
                table = b.offset(pointers[1], place, plan.kind)

                def move(i: Value, mask: Value | None) -> None:
                    if plan.mode == "take":
                        value = b.load(table, i, plan.kind, lanes, mask)
                        b.store(pointers[0], i, value, plan.kind, mask)
                        return
                    new = b.load(pointers[0], i, plan.kind, lanes, mask)
                    if plan.mode != "put":
                        new = combine(b, b.load(table, i, plan.kind, lanes, mask), new)
                    b.store(table, i, new, plan.kind, mask)

                whole = length // lanes * lanes
                with b.loop(0, whole, lanes) as loop:
                    move(loop.index, None)
                with b.when(b.compare("lt", whole, length)):
                    move(whole, b.mask(length - whole, lanes))
            with b.otherwise(branch):
                b.report(OUT_OF_BOUNDS)
            return
        with b.loop(0, length) as loop:
            i = loop.index
            place, inside = locate(b, pointers, i)
            at = place + i * b.parameters[f"t_s{depth}"]
            there = i * b.parameters[f"v_s{depth}"]
            with b.when(inside) as branch:
                if plan.mode == "take":
                    b.store(pointers[0], there, b.load(pointers[1], at, plan.kind), plan.kind)
                else:
                    new = b.load(pointers[0], there, plan.kind)
                    if plan.mode != "put":
                        new = combine(b, b.load(pointers[1], at, plan.kind), new)
                    b.store(pointers[1], at, new, plan.kind)
            with b.otherwise(branch):
                b.report(OUT_OF_BOUNDS)

    def nest(b: Builder, depth: int, pointers: list[Value]) -> None:
        if depth == plan.rank - 1:
            row(b, pointers)
            return
        whole = (0, b.parameters[f"d{depth}"])
        first, last = (b.first, b.last) if depth == 0 and not single else whole
        with b.loop(first, last) as loop:
            moved = [
                b.offset(p, loop.index * b.parameters[f"{name}_s{depth}"], kind)
                for name, kind, p in zip(names, kinds, pointers, strict=True)
            ]
            nest(b, depth + 1, moved)

    def body(b: Builder) -> None:
        pointers = [b.pointer(b.parameters[name]) for name in names]
        if single:
            with b.loop(b.first, b.last):
                nest(b, 0, pointers)
            return
        nest(b, 0, pointers)

    return program("index", plan.parameters, units, body)


@dataclass(frozen=True, slots=True)
class Nonzero(Plan):
    """Coordinates of the elements that are not 0, in row-major order: y (count, rank) of int64.

    With `count_only` nothing is written; the kernel returns how many there are.
    """

    kind: str
    rank: int
    count_only: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        listed = [Parameter(f"d{d}") for d in range(self.rank)]
        listed += [Parameter(f"x_s{d}") for d in range(self.rank)]
        return (*listed, Parameter("x"), Parameter("y"))


@lowering(Nonzero)
def lower_nonzero(plan: Nonzero, target: Target) -> Program:
    """One unit: each place found depends on how many came before."""

    def units(b: Builder) -> tuple[Value, Value]:
        return b.int(1), b.int(10)

    def body(b: Builder) -> None:
        y = b.pointer(b.parameters["y"])

        def nest(depth: int, x: Value, indices: list[Value], found: Value) -> Value:
            with b.loop(0, b.parameters[f"d{depth}"], carry=(found,)) as loop:
                here = b.offset(x, loop.index * b.parameters[f"x_s{depth}"], plan.kind)
                places = [*indices, loop.index]
                if depth < plan.rank - 1:
                    loop.next(nest(depth + 1, here, places, loop.carried[0]))
                else:
                    value = b.load(here, 0, plan.kind)
                    truth = b.cast(value, "i1")
                    if not plan.count_only:
                        with b.when(truth):
                            for d, place in enumerate(places):
                                b.store(y, loop.carried[0] * plan.rank + d, place, "i64")
                    loop.next(loop.carried[0] + b.cast(truth, "i64"))
            return loop.results[0]

        with b.loop(b.first, b.last):
            b.report(nest(0, b.pointer(b.parameters["x"]), [], b.int(0)))

    return program("nonzero", plan.parameters, units, body)
