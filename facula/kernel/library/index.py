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
    Loaded,
    Pair,
    Parameter,
    Program,
    Value,
    program,
)
from facula.kernel.target import Target

OUT_OF_BOUNDS = 1
# Elements of the last loop that make one unit of work, where that loop is the one split.
BLOCK = 256
# Ranges of the table's rows that are units of work, where whole rows are written: a unit looks at
# all indices and writes those of its range, so that its part of the table stays in one cache.
RANGES = 16


@dataclass(frozen=True, slots=True)
class Index(Plan):
    """`mode` "take": values[...] = table[place]; "put" and the combining modes ("add", "mul",
    "max", "min"): table[place] is replaced by, or combined with, values[...].

    `rowwise`: along the last loop indices stand still and both sides step to the neighbour.
    `positive`: negative indices are errors, as in gather and scatter. `split`: the loop whose turns
    are shared among threads, -1 for none; writes need one along which the table moves by itself, so
    that no two units write one place. `vector`: values and indices step to the neighbour.
    `ranges`: the one index names whole rows, whose ranges are shared instead of a loop.
    """

    mode: str
    kind: str
    indices: int
    rank: int
    rowwise: bool = False
    positive: bool = False
    split: int = -1
    vector: bool = False
    ranges: bool = False

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
    """A unit is one turn of the split loop, or a block of it if it is the last one. Repeated places
    see the last value (or the sum in one order), for they are all in one unit. Note [indexing]."""
    names = ["v", "t", *(f"i{k}" for k in range(plan.indices))]
    kinds = [plan.kind, plan.kind, *("i64" for _ in range(plan.indices))]
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(1 if plan.kind == "bool" else STORED_BYTES[register])
    final = plan.rank - 1

    def units(b: Builder) -> tuple[Value, Value]:
        total = b.int(1)
        for d in range(plan.rank):
            total = total * b.parameters[f"d{d}"]
        if plan.ranges:
            return b.int(RANGES), total // RANGES + 10
        if plan.split < 0:
            return b.int(1), total * 2 + 10
        count = b.parameters[f"d{plan.split}"]
        if plan.split == final:
            count = (count + (BLOCK - 1)) // BLOCK
        cost = 1 if plan.mode == "take" or plan.rowwise else 2
        return count, total * cost // b.op("max", count, b.int(1)) + 10

    def span(b: Builder, depth: int) -> tuple[Value, Value]:
        """The turns of a loop that this call makes."""
        length = b.parameters[f"d{depth}"]
        if depth != plan.split:
            return b.int(0), length
        if depth == final:
            return b.first * BLOCK, b.op("min", b.last * BLOCK, length)
        return b.first, b.last

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

    def combine(b: Builder, old: Loaded, new: Loaded) -> Loaded:
        if isinstance(old, Pair) and isinstance(new, Pair):
            if plan.mode == "add":
                return Pair(old.real + new.real, old.imag + new.imag)
            assert plan.mode == "mul"
            real = old.real * new.real - old.imag * new.imag
            return Pair(real, old.real * new.imag + old.imag * new.real)
        assert isinstance(old, Value) and isinstance(new, Value)
        if plan.kind == "bool":
            return b.op("or" if plan.mode in ("add", "max") else "and", old, new)
        return b.op(plan.mode, old, new)

    def row(b: Builder, pointers: list[Value]) -> None:
        begin, end = span(b, final)
        if plan.rowwise:
            together(b, pointers, begin, end)
        elif plan.vector:
            gathered(b, pointers, begin, end)
        else:
            singly(b, pointers, begin, end)

    def together(b: Builder, pointers: list[Value], begin: Value, end: Value) -> None:
        """A row of neighbours at one place."""
        place, inside = locate(b, pointers, b.int(0))
        chosen = inside
        if plan.ranges:
            size, step = b.parameters["i0_n"], b.parameters["i0_t"]
            low, high = b.first * size // RANGES * step, b.last * size // RANGES * step
            chosen = inside & (place >= low) & (place < high)
        with b.when(chosen) as branch:
            table = b.offset(pointers[1], place, plan.kind)

            def move(i: Value, mask: Value | None) -> None:
                if plan.mode == "take":
                    value = b.load_any(table, i, plan.kind, lanes, mask)
                    b.store_any(pointers[0], i, value, plan.kind, mask)
                    return
                new = b.load_any(pointers[0], i, plan.kind, lanes, mask)
                if plan.mode != "put":
                    new = combine(b, b.load_any(table, i, plan.kind, lanes, mask), new)
                b.store_any(table, i, new, plan.kind, mask)

            whole = begin + (end - begin) // lanes * lanes
            with b.loop(begin, whole, lanes) as loop:
                move(loop.index, None)
            with b.when(b.compare("lt", whole, end)):
                move(whole, b.mask(end - whole, lanes))
        with b.otherwise(branch), b.when(~inside):
            b.report(OUT_OF_BOUNDS)

    def gathered(b: Builder, pointers: list[Value], begin: Value, end: Value) -> None:
        """As many places at once as a vector holds indices."""
        many = target.lanes(8)

        def move(i: Value, mask: Value | None) -> None:
            place = (b.splat(i, many) + b.iota("i64", many)) * b.parameters[f"t_s{final}"]
            inside = mask
            for k in range(plan.indices):
                index = b.load(pointers[2 + k], i, "i64", many, mask)
                size = b.parameters[f"i{k}_n"]
                if not plan.positive:
                    index = b.select(index < 0, index + size, index)
                fits = (index >= 0) & (index < size)
                inside = fits if inside is None else inside & fits
                place = place + index * b.parameters[f"i{k}_t"]
            assert inside is not None
            value = b.gather_any(pointers[1], place, plan.kind, inside)
            b.store_any(pointers[0], i, value, plan.kind, inside)
            outside = ~inside if mask is None else mask & ~inside
            with b.when(b.any(outside)):
                b.report(OUT_OF_BOUNDS)

        whole = begin + (end - begin) // many * many
        with b.loop(begin, whole, many) as loop:
            move(loop.index, None)
        with b.when(b.compare("lt", whole, end)):
            move(whole, b.mask(end - whole, many))

    def singly(b: Builder, pointers: list[Value], begin: Value, end: Value) -> None:
        with b.loop(begin, end) as loop:
            i = loop.index
            place, inside = locate(b, pointers, i)
            at = place + i * b.parameters[f"t_s{final}"]
            there = i * b.parameters[f"v_s{final}"]
            with b.when(inside) as branch:
                if plan.mode == "take":
                    value = b.load_any(pointers[1], at, plan.kind)
                    b.store_any(pointers[0], there, value, plan.kind)
                else:
                    new = b.load_any(pointers[0], there, plan.kind)
                    if plan.mode != "put":
                        new = combine(b, b.load_any(pointers[1], at, plan.kind), new)
                    b.store_any(pointers[1], at, new, plan.kind)
            with b.otherwise(branch):
                b.report(OUT_OF_BOUNDS)

    def nest(b: Builder, depth: int, pointers: list[Value]) -> None:
        if depth == final:
            row(b, pointers)
            return
        with b.loop(*span(b, depth)) as loop:
            moved = [
                b.offset(p, loop.index * b.parameters[f"{name}_s{depth}"], kind)
                for name, kind, p in zip(names, kinds, pointers, strict=True)
            ]
            nest(b, depth + 1, moved)

    def body(b: Builder) -> None:
        pointers = [b.pointer(b.parameters[name]) for name in names]
        if plan.split < 0 and not plan.ranges:
            with b.loop(b.first, b.last):
                nest(b, 0, pointers)
        else:
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
