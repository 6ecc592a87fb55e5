"""C[b, m, n] = A[b, m, k] @ B[b, k, n] of floating kinds on register tiles, block by block.

A unit is one block of C; for each block of k it packs what needs packing, then goes through tiles
of `tile.py` over columns and rows. `matmul.matmul_plan` chooses plan and blocks.
Note [matrix products].
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from facula.kernel.library.product_units import ProductUnits
from facula.kernel.library.tile import (
    PRODUCT_PARAMETERS,
    Strip,
    ceil_divide,
    outer_shape,
    outer_tile,
    tile_heights,
    transpose,
)
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Number,
    Parameter,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.target import Target

# Elements of a copy of A or B that fits beside the other on the stack: 16 KB.
STACKED = 1 << 12


@dataclass(frozen=True, slots=True)
class MatMul(Plan):
    """C = A @ B for floating kinds; halves are widened to f32 and rounded once at the end.

    `a_layout`: "k" (a_column == 1), "m" (a_row == 1) or "any"; `b_layout`: "n" (b_column == 1), "k"
    (b_row == 1) or "any". `bias` is "", "n" (one number a column) or "m" (one a row). `on_stack`:
    copies take at most STACKED elements each, which lie on the thread's stack; nothing waits.
    """

    kind: str
    a_layout: str = "k"
    b_layout: str = "n"
    pack_a: bool = False
    pack_b: bool = False
    bias: str = ""
    activation: str = ""
    accumulate: bool = False
    on_stack: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PRODUCT_PARAMETERS


@lowering(MatMul)
def lower_matmul(plan: MatMul, target: Target) -> Program:
    """Units: batch x blocks of columns x blocks of rows, 2 m n k operations in all.

    A block reads its part of A and B from memory once, packed panels once a tile; C is read and
    written once a block of k.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        blocks = p["batch"] * ceil_divide(p["m"], p["m_block"]) * ceil_divide(p["n"], p["n_block"])
        # About 32 multiply-adds a nanosecond.
        size = build.op("min", p["m"], p["m_block"]) * build.op("min", p["n"], p["n_block"])
        return blocks, (size * (p["k"] + 8) >> 5) + 8

    def body(build: Builder) -> None:
        _Blocks(plan, target, build).units()

    return program("matmul", PRODUCT_PARAMETERS, units, body)


class _Blocks(ProductUnits):
    """Writes the loops of one MatMul program."""

    def __init__(self, plan: MatMul, target: Target, build: Builder) -> None:
        super().__init__(build, plan.kind)
        self.plan = plan
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.itemsize = STORED_BYTES[self.register]
        self.lanes = target.lanes(self.itemsize)
        self.rows, self.vectors = outer_shape(target)
        self.width = self.lanes * self.vectors
        self.offsets = range(0, self.width, self.lanes)
        self.half = plan.kind in ("f16", "bf16")
        # Halves of A are widened as they lie, which takes no turning round; other copies of A are
        # panels.
        self.widens = self.half and plan.pack_a and plan.a_layout != "any"
        self.panels = plan.pack_a and not self.widens
        # Whether sums always meet others before they are stored, not only those of earlier k's.
        self.meets = plan.accumulate or self.half
        # Whether whole sums are rounded straight into C.
        self.narrows = self.half and not plan.accumulate

    def prepare(self) -> None:
        build, p = self.build, self.p
        self.sums = build.room(self.rows * self.width, self.register)
        if self.plan.on_stack:
            self.packed_a = build.room(STACKED, self.register)
            self.packed_b = build.room(STACKED, self.register)
            self.partial = self.packed_b
            return
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.packed_a = build.pointer(area)
        if self.plan.pack_a:
            depth = p["k_block"] + self.lanes
            # B's panels begin with a cache line, so that no vector of them lies in two.
            area = (area + (p["m_block"] + self.rows) * depth * self.itemsize + 63) & -64
        self.packed_b = build.pointer(area)
        if self.plan.pack_b:
            area = area + p["n_block"] * (p["k_block"] + self.lanes) * self.itemsize
        self.partial = build.pointer(area)

    def block(self, k: Value) -> None:
        """One block of k of one block of C."""
        build, p = self.build, self.p
        self.depth = build.op("min", p["k_block"], p["k"] - k)
        self.is_last = build.compare("ge", k + p["k_block"], p["k"])
        self.keeps = build.compare("gt", k, 0)
        self.is_only = build.op("and", self.is_last, build.compare("le", k, 0))
        a = build.offset(self.a, k * p["a_column"], self.plan.kind)
        b = build.offset(self.b, k * p["b_row"], self.plan.kind)
        if self.widens:
            a = self.widen_a(a)
        elif self.plan.pack_a:
            self.pack_a(a)
        if self.plan.pack_b:
            self.pack_b(b)
        self.source_a, self.source_b = a, b
        lines = build.int(self.rows)
        if self.rows == 14 and not self.panels:
            # Two tiles of 8 rows take less time than one of 14 and one of 4.
            few = build.compare("le", self.height, 16)
            few = build.op("and", few, build.compare("gt", self.height, self.rows))
            lines = build.select(few, build.int(8), lines)
        with build.loop(0, self.breadth, self.width) as strip:
            column = strip.index
            left = self.breadth - column
            masks = [build.mask(left - lane, self.lanes) for lane in self.offsets]
            wide = build.compare("gt", left, self.width - self.lanes)
            with build.loop(0, self.height, lines) as panel:
                count = build.op("min", self.height - panel.index, lines)
                self.tile(panel.index, column, count, wide, masks)

    # --- tiles ---------------------------------------------------------------------------------

    def tile(
        self, row: Value, column: Value, count: Value, wide: Value, masks: list[Value]
    ) -> None:
        """The sums of one tile of `count` rows, and what becomes of them.

        A kernel's compile time goes with the tiles it holds: so few sizes, and one end for all.
        """
        build, p = self.build, self.p
        c = build.offset(self.c, row * p["c_row"] + column, self.plan.kind)
        to, step = self.sums, build.int(self.width)
        if not self.meets:
            to = build.select(self.keeps, to, c)
            step = build.select(self.keeps, step, p["c_row"])

        def store_rows(
            sums: list[list[Value]], whole: bool, to: Value, step: Value, kind: str, touches: bool
        ) -> None:
            touch = None
            if touches:
                touch = self.last_touch(self.is_only, column, masks[: len(sums[0])])
            # Rows past the last one of C come first, and are written over.
            for i in reversed(range(len(sums))):
                line = build.int(i)
                if not whole and i:
                    line = build.op("min", line, count - 1)
                place = build.offset(to, line * step, kind)
                values = sums[i] if touch is None else touch(sums[i], row + line)
                self.store_at(place, kind, values, masks)

        def store(sums: list[list[Value]], whole: bool = False) -> None:
            if not self.narrows:
                store_rows(sums, whole, to, step, self.register, not self.meets)
                return
            with build.when(self.is_only) as branch:
                store_rows(sums, whole, c, p["c_row"], self.plan.kind, True)
            with build.otherwise(branch):
                store_rows(sums, whole, to, step, self.register, False)

        def of_width(vectors: int) -> None:
            # Masks cost nothing in the inner loop, so that full strips need no code of their own.
            inside = [None if self.plan.pack_b else mask for mask in masks[:vectors]]
            if vectors > 1:
                inside[:-1] = [None] * (vectors - 1)
            *lower, highest = tile_heights(self.rows)
            if self.panels:
                # The rows that a packed panel lacks are there all the same.
                of_height([*lower, self.rows], inside)
                return
            with build.when(build.compare("eq", count, self.rows)) as branch:
                store(self.products(row, column, self.rows, None, inside), True)
            with build.otherwise(branch):
                of_height([*lower, highest], inside)

        def of_height(heights: list[int], inside: list[Value | None]) -> None:
            *lower, height = heights
            sums = partial(self.products, row, column, height, None if self.panels else count)
            if not lower:
                store(sums(inside))
                return
            with build.when(build.compare("gt", count, lower[-1])) as branch:
                store(sums(inside))
            with build.otherwise(branch):
                of_height(lower, inside)

        with build.when(wide) as branch:
            of_width(self.vectors)
        with build.otherwise(branch):
            of_width(1)
        if self.meets and not self.narrows:
            self.finish(row, column, count, wide, masks)
            return
        with build.when(~self.is_only if self.narrows else self.keeps):
            self.finish(row, column, count, wide, masks)

    def products(
        self,
        row: Value,
        column: Value,
        height: int,
        limit: Value | None,
        masks: list[Value | None],
    ) -> list[list[Value]]:
        shape = (height, len(masks))
        left, right = self.left(row), self.right(column)
        return outer_tile(
            self.build, self.lanes, shape, self.depth, left, right, limit=limit, masks=masks
        )

    def left(self, row: Value) -> Strip:
        build, p = self.build, self.p
        if not self.panels:
            layout = self.plan.a_layout
            kind = self.register if self.widens else self.plan.kind
            across: Number = 1 if layout == "m" else self.pitch if self.widens else p["a_row"]
            along: Number = 1 if layout == "k" else self.pitch if self.widens else p["a_column"]
            return Strip(build.offset(self.source_a, row * across, kind), across, along, kind)
        base = build.offset(self.packed_a, row * p["k_block"], self.register)
        return Strip(base, 1, self.rows, self.register)

    def right(self, column: Value) -> Strip:
        build, kind = self.build, self.plan.kind
        if not self.plan.pack_b:
            return Strip(build.offset(self.source_b, column, kind), 1, self.p["b_row"], kind)
        return Strip(self.panel_of_b(column), 1, self.width, self.register)

    def finish(
        self, row: Value, column: Value, count: Value, wide: Value, masks: list[Value]
    ) -> None:
        """A tile's sums to those of earlier blocks of k; the last block's go to C for good."""
        with self.build.when(wide) as branch:
            self.finish_rows(row, column, count, masks)
        with self.build.otherwise(branch):
            self.finish_rows(row, column, count, masks[:1])

    def finish_rows(self, row: Value, column: Value, count: Value, masks: list[Value]) -> None:
        build, plan, p = self.build, self.plan, self.p
        none = build.const(masks[0].type, 0)
        there = build.op("or", self.keeps, build.const(Type("i1"), plan.accumulate))
        kept = [build.select(self.keeps if self.half else there, mask, none) for mask in masks]
        touch = self.last_touch(self.is_last, column, masks)
        c = build.offset(self.c, row * p["c_row"] + column, plan.kind)
        partial = build.offset(self.partial, row * p["n_block"] + column, self.register)
        with build.loop(0, count) as loop:
            line = loop.index
            sums = build.offset(self.sums, line * self.width, self.register)
            values = self.vectors_at(sums, self.register, [None] * len(masks))
            whole = build.offset(c, line * p["c_row"], plan.kind)
            parts = build.offset(partial, line * p["n_block"], self.register)
            # Lanes that are off are slow to load from memory that nobody has touched.
            held = build.select(self.keeps, parts, sums) if self.half else whole
            terms = [self.vectors_at(held, self.register, kept)]
            if self.half and plan.accumulate:
                last = [build.select(self.is_last, mask, none) for mask in masks]
                terms.append(self.vectors_at(whole, plan.kind, last))
            for term in terms:
                values = [value + more for value, more in zip(values, term, strict=True)]
            values = touch(values, row + line)
            if self.half:
                with build.when(self.is_last) as branch:
                    self.store_at(whole, plan.kind, values, masks)
                with build.otherwise(branch):
                    self.store_at(parts, self.register, values, masks)
            else:
                self.store_at(whole, plan.kind, values, masks)

    def last_touch(
        self, now: Value, column: Value, masks: Sequence[Value]
    ) -> Callable[[list[Value], Value], list[Value]]:
        """What adds bias and activation to the sums of a row, if `now`: else it changes nothing."""
        build, plan, p = self.build, self.plan, self.p
        bias = build.pointer(p["bias"])
        beside: list[Value] = []
        if plan.bias == "n":
            none = build.const(masks[0].type, 0)
            start = build.offset(bias, self.first_column + column, plan.kind)
            inside = [build.select(now, mask, none) for mask in masks]
            beside = self.vectors_at(start, plan.kind, inside)
        if plan.activation == "relu":
            least = build.select(now, build.const(Type(self.register), 0), -math.inf)
            floor = build.splat(least, self.lanes)

        def touch(values: list[Value], row: Value) -> list[Value]:
            if plan.bias == "m":
                one = build.load(bias, self.first_row + row, plan.kind)
                spread = build.splat(build.select(now, one, 0), self.lanes)
                values = [value + spread for value in values]
            elif plan.bias:
                values = [value + more for value, more in zip(values, beside, strict=True)]
            if plan.activation == "relu":
                values = [build.op("max", value, floor) for value in values]
            return values

        return touch

    def vectors_at(self, place: Value, kind: str, masks: Sequence[Value | None]) -> list[Value]:
        """Vectors beside each other."""
        return [
            self.build.load(place, at, kind, self.lanes, mask)
            for at, mask in zip(self.offsets, masks, strict=False)
        ]

    def store_at(
        self, place: Value, kind: str, values: Sequence[Value], masks: Sequence[Value | None]
    ) -> None:
        for at, value, mask in zip(self.offsets, values, masks, strict=False):
            self.build.store(place, at, value, kind, mask)

    # --- packing -------------------------------------------------------------------------------

    def widen_a(self, source: Value) -> Value:
        """A block of halves of A as floats, with some room between rows, or columns: lines that are
        powers of two apart would share few sets of the first cache."""
        build, p, lanes, kind = self.build, self.p, self.lanes, self.plan.kind
        if self.plan.a_layout == "k":
            lines, length, stride = self.height, self.depth, p["a_row"]
            self.pitch = p["k_block"] + lanes
        else:
            lines, length, stride = self.depth, self.height, p["a_column"]
            self.pitch = p["m_block"] + self.rows
        with build.when(build.compare("le", length, 4 * lanes)) as short:
            self.widen_few(source, lines, length, stride)
        with build.otherwise(short):
            most, whole = length - length % (4 * lanes), length - length % lanes
            mask = build.mask(length - whole, lanes)
            rest = build.compare("gt", length, whole)
            with build.loop(0, lines) as line:
                start = build.offset(source, line.index * stride, kind)
                into = build.offset(self.packed_a, line.index * self.pitch, self.register)
                with build.loop(0, most, 4 * lanes) as loop:
                    for lane in range(0, 4 * lanes, lanes):
                        piece = build.load(start, loop.index + lane, kind, lanes)
                        build.store(into, loop.index + lane, piece, self.register)
                with build.loop(most, whole, lanes) as loop:
                    piece = build.load(start, loop.index, kind, lanes)
                    build.store(into, loop.index, piece, self.register)
                with build.when(rest):
                    piece = build.load(start, whole, kind, lanes, mask)
                    build.store(into, whole, piece, self.register, mask)
        return self.packed_a

    def widen_few(self, source: Value, lines: Value, length: Value, stride: Value) -> None:
        """Lines of a few vectors: one vector of each line, then the next of each."""
        build, lanes, kind = self.build, self.lanes, self.plan.kind
        with build.loop(0, length, lanes) as loop:
            mask = build.mask(length - loop.index, lanes)
            start = build.offset(source, loop.index, kind)
            into = build.offset(self.packed_a, loop.index, self.register)
            with build.loop(0, lines) as line:
                piece = build.load(start, line.index * stride, kind, lanes, mask)
                build.store(into, line.index * self.pitch, piece, self.register, mask)

    def pack_a(self, source: Value) -> None:
        """Panels of `rows` rows: element (i, k) at k * rows + i; short ones repeat a row."""
        build, p, lanes = self.build, self.p, self.lanes
        kind, rows = self.plan.kind, self.rows
        with build.loop(0, self.height, rows) as panel:
            target = build.offset(self.packed_a, panel.index * p["k_block"], self.register)
            start = build.offset(source, panel.index * p["a_row"], kind)
            count = build.op("min", self.height - panel.index, build.int(rows))
            if self.plan.a_layout == "k":
                self.pack_transposed(start, target, p["a_row"], count, rows, min(rows, lanes))
                for lane in range(lanes, rows, lanes):
                    more = build.offset(start, p["a_row"] * lane, kind)
                    into = build.offset(target, lane, self.register)
                    self.pack_transposed(
                        more, into, p["a_row"], count - lane, rows, min(rows - lane, lanes)
                    )
            else:
                self.pack_lines(start, target, p["a_column"], p["a_row"], count, rows, rows)

    def pack_b(self, source: Value) -> None:
        """Panels of `width` columns: element (k, j) at k * width + j, zeros at the end."""
        build, p = self.build, self.p
        kind, width, lanes = self.plan.kind, self.width, self.lanes
        if self.plan.b_layout == "n":
            self.pack_rows(source)
            return
        with build.loop(0, self.breadth, width) as panel:
            target = self.panel_of_b(panel.index)
            start = build.offset(source, panel.index * p["b_column"], kind)
            count = self.breadth - panel.index
            if self.plan.b_layout == "k":
                with build.loop(0, build.op("min", count, build.int(width)), lanes) as loop:
                    lane = loop.index
                    more = build.offset(start, p["b_column"] * lane, kind)
                    into = build.offset(target, lane, self.register)
                    self.pack_transposed(more, into, p["b_column"], count - lane, width, lanes)
            else:
                self.pack_lines(start, target, p["b_row"], p["b_column"], count, width, width)

    def panel_of_b(self, column: Value) -> Value:
        place = column * (self.p["k_block"] + self.lanes)
        return self.build.offset(self.packed_b, place, self.register)

    def pack_rows(self, source: Value) -> None:
        """Rows of B one after the other, each through all panels: memory is read in long runs."""
        build, lanes, kind = self.build, self.lanes, self.plan.kind
        whole = self.breadth - self.breadth % self.width
        masks = [build.mask(self.breadth - whole - lane, lanes) for lane in self.offsets]
        with build.loop(0, self.depth) as row:
            line = build.offset(source, row.index * self.p["b_row"], kind)
            with build.loop(0, whole, self.width) as panel:
                into = build.offset(
                    self.panel_of_b(panel.index), row.index * self.width, self.register
                )
                for lane in self.offsets:
                    piece = build.load(line, panel.index + lane, kind, lanes)
                    build.store(into, lane, piece, self.register)
            with build.when(build.compare("gt", self.breadth, whole)):
                into = build.offset(self.panel_of_b(whole), row.index * self.width, self.register)
                for lane, mask in zip(self.offsets, masks, strict=True):
                    piece = build.load(line, whole + lane, kind, lanes, mask)
                    build.store(into, lane, piece, self.register)

    def pack_lines(
        self,
        source: Value,
        target: Value,
        along: Value,
        across: Value,
        count: Value,
        breadth: int,
        step: int,
    ) -> None:
        """For each k one line of `breadth` neighbours, `across` apart in the source."""
        build, lanes, kind = self.build, self.lanes, self.plan.kind
        unit = step == self.rows and self.plan.a_layout == "m"
        masks = [build.mask(count - lane, lanes) for lane in range(0, breadth, lanes)]
        with build.loop(0, self.depth) as loop:
            start = build.offset(source, loop.index * along, kind)
            into = build.offset(target, loop.index * step, self.register)
            for number, lane in enumerate(range(0, breadth, lanes)):
                if unit:
                    line = build.load(start, lane, kind, lanes, masks[number])
                else:
                    places = (build.iota("i64", lanes) + lane) * build.splat(across, lanes)
                    line = build.gather(start, places, kind, masks[number])
                # The last line of a panel of rows may spill into its successor, written later.
                build.store(into, lane, line, self.register)

    def pack_transposed(
        self,
        source: Value,
        target: Value,
        across: Value,
        count: Value,
        step: int,
        used: int,
    ) -> None:
        """`used` <= lanes lines of the source, each contiguous along k, turned into columns."""
        build, lanes, kind = self.build, self.lanes, self.plan.kind
        pointers = []
        for i in range(used):
            row = build.op("max", build.op("min", build.int(i), count - 1), build.int(0))
            pointers.append(build.offset(source, row * across, kind))
        # A short line spills into its successor; only a first part is written before that one.
        guard = build.mask(build.int(used), lanes) if used < lanes and used < step else None
        with build.loop(0, self.depth, lanes) as loop:
            k, mask = loop.index, build.mask(self.depth - loop.index, lanes)
            lines = [build.load(pointer, k, kind, lanes, mask) for pointer in pointers]
            lines += [build.const(lines[0].type, 0)] * (lanes - used)
            for j, column in enumerate(transpose(build, lines, self.itemsize)):
                build.store(target, (k + j) * step, column, self.register, guard)
