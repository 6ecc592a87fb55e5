"""C[b, m, n] = A[b, m, k] @ B[b, k, n] on matrix tiles: pairs of bfloat16, sums in float32.

A unit packs its blocks of A and B into tiles of 16 lines times 16 pairs of k, zeros at the edges,
multiplies them two by two, and writes 32 x 32 sums at a time. float32 operands are rounded to one
bfloat16, or split into two, while they are packed. `matmul.matmul_plan` chooses these plans where
`Target.tiles` holds. Note [matrix products].
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from facula.kernel.library.product_blocks import Grid, choose, split
from facula.kernel.library.product_units import ProductUnits
from facula.kernel.library.tile import PRODUCT_PARAMETERS, ceil_divide, transpose
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    Builder,
    Loop,
    Number,
    Parameter,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.target import Target

# Lines of a tile, elements of k in a line, and what a tile takes in memory.
LINES, STEP, TILE_BYTES = 16, 32, 1024
# Rows and columns of C that are summed at a time: two tiles each way.
SQUARE = 2 * LINES
# Bytes of scratch that may lie on the stack.
STACKED = 1 << 14
UPPER, INFINITE = 0xFFFF0000, 0x7F800000
# Numbers of two parts: upper meets upper, either upper meets the other lower, and of float16, which
# two parts hold exactly, lower meets lower. An infinite number is missing where upper parts meet
# lower ones, or it would meet a 0 beside a finite number.
UPPERS, LOWERS, FINITE_UPPERS = 0, 1, 2
ROUNDED = ((UPPERS, UPPERS), (FINITE_UPPERS, LOWERS), (LOWERS, FINITE_UPPERS))
EXACT = ((UPPERS, UPPERS), (FINITE_UPPERS, LOWERS), (LOWERS, LOWERS), (LOWERS, FINITE_UPPERS))


@dataclass(frozen=True, slots=True)
class PairMatMul(Plan):
    """C = A @ B of kind bf16 (1 part), f16 (2 parts), or f32 rounded to `parts` bfloat16 numbers.

    Two parts of f32 make three products; that of the two small ones is left out. Layouts ("any" not
    for f16), bias, activation and accumulation are those of `MatMul`. Subnormal bfloat16 numbers
    and float32 sums count as 0. `on_stack`: scratch takes at most STACKED bytes, on the stack.
    `by_strip`: B is packed 32 columns at a time, right before they are used.
    """

    kind: str
    a_layout: str = "k"
    b_layout: str = "n"
    parts: int = 1
    bias: str = ""
    activation: str = ""
    accumulate: bool = False
    on_stack: bool = False
    by_strip: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PRODUCT_PARAMETERS

    @property
    def products(self) -> tuple[tuple[int, int], ...]:
        """Which copies of A and B meet."""
        if self.parts == 1:
            return ((UPPERS, UPPERS),)
        return EXACT if self.kind == "f16" else ROUNDED

    @property
    def copies(self) -> int:
        """Upper parts, lower parts, finite upper parts."""
        return 1 if self.parts == 1 else 3


def scratch_parts(
    m_block: int, n_block: int, k_block: int, k: int, copies: int, by_strip: bool
) -> tuple[int, ...]:
    """Bytes for the packed blocks of A and of B, and for the sums: blocks are whole tiles."""
    squares = -(-m_block // SQUARE) * -(-n_block // SQUARE) if k > k_block else 1
    steps = -(-k_block // STEP)
    packed = (m_block, SQUARE if by_strip else n_block)
    a, b = (-(-size // SQUARE) * 2 * steps * TILE_BYTES * copies for size in packed)
    return a, b, squares * 4 * TILE_BYTES


@lowering(PairMatMul)
def lower_pairs(plan: PairMatMul, target: Target) -> Program:
    """Units: batch x blocks of columns x blocks of rows, 2 m n k operations (x 3 for two parts).

    A step of 32 k's loads four tiles and does four products of tiles.
    """

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        blocks = p["batch"] * ceil_divide(p["m"], p["m_block"]) * ceil_divide(p["n"], p["n_block"])
        height, breadth = (build.op("min", p[x], p[x + "_block"]) for x in "mn")
        # About 1000 multiply-adds a nanosecond; packing and storing some elements a nanosecond.
        cost = height * breadth * p["k"] * len(plan.products) >> 10
        cost = cost + (height + breadth) * p["k"] * plan.copies // 32
        return blocks, cost + (height * breadth >> 3) + 8

    def body(build: Builder) -> None:
        build.tiles()
        _Squares(plan, build).units()

    return program("pair_matmul", PRODUCT_PARAMETERS, units, body)


class _Operand(NamedTuple):
    """One block of an operand as it is packed.

    `lines` of them count, `line` elements apart; `depth` k's, `along` elements apart.
    """

    source: Value
    lines: Value
    line: Value
    along: Value
    layout: str
    by_line: bool


class _Squares(ProductUnits):
    """Writes the loops of one PairMatMul program."""

    def __init__(self, plan: PairMatMul, build: Builder) -> None:
        super().__init__(build, plan.kind)
        self.plan = plan
        # bfloat16 is packed as it is.
        self.raw = "u16" if plan.kind == "bf16" else plan.kind
        # Which k of a step is the other one of a pair: for what is not packed as it is, what saves
        # shuffles.
        self.apart = 1 if plan.kind == "bf16" else LINES

    def prepare(self) -> None:
        build, p = self.build, self.p
        if self.plan.kind == "f16":
            # Stays a number in every lane as long as all that was packed is finite.
            self.seen = build.room(LINES, "f32")
        whole_steps = ceil_divide(p["k_block"], STEP)
        panel = whole_steps * (2 * TILE_BYTES)
        self.part_a = ceil_divide(p["m_block"], SQUARE) * panel
        self.part_b = panel
        if not self.plan.by_strip:
            self.part_b = ceil_divide(p["n_block"], SQUARE) * panel
        if self.plan.on_stack:
            self.packed_a = build.room(STACKED, "u8")
        else:
            self.packed_a = build.pointer(p["scratch"] + build.worker * p["scratch_stride"])
        copies = self.plan.copies
        self.packed_b = build.offset(self.packed_a, self.part_a * copies, "u8")
        self.sums = build.offset(self.packed_b, self.part_b * copies, "u8")

    def block(self, k: Value) -> None:
        """One block of k of one block of C."""
        build, p, plan = self.build, self.p, self.plan
        self.depth = build.op("min", p["k_block"], p["k"] - k)
        self.steps = ceil_divide(self.depth, STEP)
        self.is_last = build.compare("ge", k + p["k_block"], p["k"])
        self.keeps = build.compare("gt", k, 0)
        a = build.offset(self.a, k * p["a_column"], plan.kind)
        b = build.offset(self.b, k * p["b_row"], plan.kind)
        left = _Operand(a, self.height, p["a_row"], p["a_column"], plan.a_layout, True)
        right = _Operand(b, self.breadth, p["b_column"], p["b_row"], plan.b_layout, False)
        # How far behind the upper parts the others lie.
        self.parts_a = self.pack(left, self.packed_a, self.part_a)
        if not plan.by_strip:
            self.parts_b = self.pack(right, self.packed_b, self.part_b)
        squares = ceil_divide(self.height, SQUARE)
        several = build.select(build.compare("gt", p["k"], p["k_block"]), build.int(1), 0)
        self.next_sums = several * (4 * TILE_BYTES)
        with build.loop(0, self.breadth, SQUARE) as strip:
            column = strip.index
            right_b = self.packed_b
            if plan.by_strip:
                lines = build.op("min", self.breadth - column, build.int(SQUARE))
                here = build.offset(b, column * p["b_column"], plan.kind)
                part = right._replace(source=here, lines=lines)
                self.parts_b = self.pack(part, self.packed_b, self.part_b)
            else:
                size = self.steps * (TILE_BYTES // LINES)
                right_b = build.offset(self.packed_b, column * size, "u8")
            with build.loop(0, self.height, SQUARE) as line:
                place = column // SQUARE * squares + line.index // SQUARE
                sums = build.offset(self.sums, place * several * (4 * TILE_BYTES), "u8")
                self.square(line.index, column, right_b, sums)

    # --- sums ----------------------------------------------------------------------------------

    def square(self, row: Value, column: Value, b: Value, sums: Value) -> None:
        """32 x 32 sums, of which the last rows or columns need one tile instead of two."""
        build = self.build
        tall = build.compare("gt", self.height - row, LINES)
        wide = build.compare("gt", self.breadth - column, LINES)
        with build.when(tall) as high:
            with build.when(wide) as broad:
                self.tiles_of(2, 2, row, b, sums)
            with build.otherwise(broad):
                self.tiles_of(2, 1, row, b, sums)
        with build.otherwise(high):
            with build.when(wide) as broad:
                self.tiles_of(1, 2, row, b, sums)
            with build.otherwise(broad):
                self.tiles_of(1, 1, row, b, sums)
        with build.when(self.is_last):
            self.finish(row, column, sums)

    def tiles_of(self, high: int, wide: int, row: Value, b: Value, sums: Value) -> None:
        """Sums of `high` x `wide` tiles: tiles 0 to 3 hold them, 4 and 5 rows of A, 6 and 7 columns
        of B."""
        build = self.build
        places = {
            2 * h + j: build.offset(sums, h * 2 * TILE_BYTES + j * 64, "u8")
            for h in range(high)
            for j in range(wide)
        }
        with build.when(self.keeps) as branch:
            for tile, place in places.items():
                build.tile_load(tile, place, 4 * SQUARE)
        with build.otherwise(branch):
            for tile in places:
                build.tile_zero(tile)
        a = build.offset(self.packed_a, row * self.steps * (TILE_BYTES // LINES), "u8")
        with build.loop(0, self.steps) as step:
            loaded: tuple[int, int] = (-1, -1)
            for parts in self.plan.products:
                start = step.index * (2 * TILE_BYTES)
                left = build.offset(a, start + self.parts_a[parts[0]], "u8")
                right = build.offset(b, start + self.parts_b[parts[1]], "u8")
                new_left, new_right = (x != y for x, y in zip(parts, loaded, strict=True))
                # Each tile is loaded right before the first product that needs it.
                for tile in places:
                    h, j = divmod(tile, 2)
                    if new_right and h == 0:
                        build.tile_load(6 + j, build.offset(right, j * TILE_BYTES, "u8"), 64)
                    if new_left and j == 0:
                        build.tile_load(4 + h, build.offset(left, h * TILE_BYTES, "u8"), 64)
                    build.tile_multiply(tile, 4 + h, 6 + j)
                loaded = parts
            # The sums of the next square, of this block of k, from the second cache.
            for j in range(4 if high * wide == 4 else 0):
                ahead = build.offset(sums, self.next_sums + step.index * 256, "u8")
                build.prefetch(ahead, j * 64, "u8")
        for tile, place in places.items():
            build.tile_store(tile, place, 4 * SQUARE)

    def finish(self, row: Value, column: Value, sums: Value) -> None:
        """The sums of a square, with bias and activation, to C."""
        build, plan, p = self.build, self.plan, self.p
        masks = [build.mask(self.breadth - column - j, LINES) for j in (0, LINES)]
        bias = build.pointer(p["bias"])
        beside = [build.const(Type("f32", LINES), 0)] * 2
        if plan.bias == "n":
            first = self.first_column + column
            beside = [
                build.load(bias, first + j * LINES, plan.kind, LINES, masks[j]) for j in (0, 1)
            ]
        with build.loop(0, build.op("min", self.height - row, build.int(SQUARE))) as loop:
            line = build.offset(self.c, (row + loop.index) * p["c_row"] + column, plan.kind)
            for j in (0, 1):
                value = build.load(sums, loop.index * SQUARE + j * LINES, "f32", LINES)
                if plan.accumulate:
                    value = value + build.load(line, j * LINES, plan.kind, LINES, masks[j])
                if plan.bias == "n":
                    value = value + beside[j]
                elif plan.bias == "m":
                    place = self.first_row + row + loop.index
                    value = value + build.splat(build.load(bias, place, plan.kind), LINES)
                if plan.activation == "relu":
                    value = build.op("max", value, 0.0)
                build.store(line, j * LINES, value, plan.kind, masks[j])

    # --- packing -------------------------------------------------------------------------------

    def pack(self, operand: _Operand, target: Value, part: Value) -> tuple[Value, ...]:
        """Two tiles of lines beside each other for every step of k, then the next two; a second
        tile without lines is left as it is, for what it adds to is not stored. Gives the places
        of the copies, counted from the first."""
        build = self.build
        if self.plan.kind == "f16":
            build.store(self.seen, 0, build.const(Type("f32", LINES), 0), "f32")
        self.arrange(operand, ceil_divide(operand.lines, LINES), target, part)
        places = tuple([part * copy for copy in range(self.plan.copies)])
        if self.plan.kind == "f16":
            lines = ceil_divide(operand.lines, SQUARE) * self.steps * SQUARE
            places = (*places[:FINITE_UPPERS], self.finite_uppers(target, lines, part))
        return places

    def arrange(self, operand: _Operand, blocks: Value, target: Value, part: Value) -> None:
        build = self.build
        whole = self.depth // STEP
        turned = operand.layout == "any" or (operand.layout == "k") != operand.by_line

        def one(block: Value, step: Value, full: bool) -> None:
            line = block * LINES
            start = build.offset(operand.source, line * operand.line, self.plan.kind)
            pair = block // 2 * self.steps * 2 + block % 2
            into = build.offset(target, pair * TILE_BYTES, "u8")
            left = None if full else operand.lines - line
            if turned:
                self.tile(operand, start, step, left, into, part)
            elif operand.by_line:
                self.rows(operand, start, step, left, into, part)
            else:
                self.columns(operand, start, step, left, into, part)

        if operand.layout == "k":
            with build.loop(0, blocks) as block:
                left = operand.lines - block.index * LINES
                full = build.select(build.compare("ge", left, LINES), whole, build.int(0))
                with build.loop(0, full) as step:
                    one(block.index, step.index, True)
                with build.loop(full, self.steps) as step:
                    one(block.index, step.index, False)
            return
        # Lines beside each other in memory are read in long runs.
        with build.loop(0, self.steps) as step:
            inside = build.compare("lt", step.index, whole)
            full = build.select(inside, operand.lines // LINES, build.int(0))
            with build.loop(0, full) as block:
                one(block.index, step.index, True)
            with build.loop(full, blocks) as block:
                one(block.index, step.index, False)

    def rows(
        self,
        operand: _Operand,
        start: Value,
        step: Value,
        lines: Value | None,
        into: Value,
        part: Value,
    ) -> None:
        """A tile of each part from lines that are contiguous along k: line by line, for a kernel
        that runs once in a while has its code read anew each time. Missing lines are left out."""
        build = self.build
        source = build.offset(start, step * STEP * operand.along, self.plan.kind)
        place = build.offset(into, step * (2 * TILE_BYTES), "u8")
        count, mask = build.int(LINES), None
        masks: list[Value | None] = [None, None]
        if lines is not None:
            left = self.depth - step * STEP
            masks = [build.mask(left - j, LINES) for j in (0, LINES)]
            mask = build.mask(left, STEP)
            count = build.op("min", lines, count)
        with self.lines(0, count) as loop:
            line = build.offset(source, loop.index * operand.line, self.plan.kind)
            if self.raw == "u16":
                vectors = [build.regroup(build.load(line, 0, "u16", STEP, mask), "u32")]
            else:
                near, far = (build.load(line, j * LINES, self.raw, LINES, masks[j]) for j in (0, 1))
                vectors = self.joined(near, far)
            self.store_line(place, loop.index, vectors, part)

    def columns(
        self,
        operand: _Operand,
        start: Value,
        step: Value,
        lines: Value | None,
        into: Value,
        part: Value,
    ) -> None:
        """A tile of each part from k's whose lines are neighbours: pair by pair, zeros where k's
        are missing."""
        build = self.build
        source = build.offset(start, step * STEP * operand.along, self.plan.kind)
        place = build.offset(into, step * (2 * TILE_BYTES), "u8")
        depth, most = self.depth - step * STEP, build.int(LINES)

        def pairs(first: Value, last: Value, mask: Value | None, whole: bool) -> None:
            with self.lines(first, last) as loop:
                k = loop.index if self.apart > 1 else loop.index * 2
                two = []
                for row in (k, k + self.apart):
                    inside = mask
                    if mask is not None and not whole:
                        there = build.compare("gt", depth, row)
                        inside = build.select(there, mask, build.const(mask.type, 0))
                        row = build.select(there, row, build.int(0))
                    line = build.offset(source, row * operand.along, self.plan.kind)
                    two.append(build.load(line, 0, self.raw, LINES, inside))
                if self.raw == "u16":
                    vectors = [build.cast(two[0], "u32") | (build.cast(two[1], "u32") << 16)]
                else:
                    vectors = self.joined(two[0], two[1])
                self.store_line(place, loop.index, vectors, part)

        if lines is None:
            pairs(build.int(0), most, None, True)
            return
        mask = build.mask(lines, LINES)
        both = depth - LINES if self.apart > 1 else depth // 2
        both = build.op("max", build.op("min", both, most), build.int(0))
        pairs(build.int(0), both, mask, True)
        pairs(both, most, mask, False)

    @contextmanager
    def lines(self, first: Number, last: Value) -> Iterator[Loop]:
        """A loop over lines of a tile that keeps what `cut` saw of them."""
        build = self.build
        if self.plan.kind != "f16":
            with build.loop(first, last) as loop:
                yield loop
            return
        with build.loop(first, last, carry=[build.load(self.seen, 0, "f32", LINES)]) as loop:
            self.rests = loop.carried[0]
            yield loop
            loop.next(self.rests)
        build.store(self.seen, 0, loop.results[0], "f32")

    def joined(self, even: Value, odd: Value) -> list[Value]:
        """Pairs of what is loaded, in all parts."""
        return self.cut(even, odd) if self.raw == "f16" else self.pairs(even, odd)

    def store_line(self, place: Value, line: Value, vectors: Sequence[Value], part: Value) -> None:
        for number, vector in enumerate(vectors):
            self.build.store(
                self.build.offset(place, part * number, "u8"), line * LINES, vector, "u32"
            )

    def tile(
        self,
        operand: _Operand,
        start: Value,
        step: Value,
        lines: Value | None,
        into: Value,
        part: Value,
    ) -> None:
        """One tile of each part, turned round; `lines` says that some lines or k's may be missing.

        It takes all lines at a time."""
        build = self.build
        source = build.offset(start, step * STEP * operand.along, self.plan.kind)
        depth = None if lines is None else self.depth - step * STEP
        if operand.layout == "any" and self.raw == "u16":
            self.one_by_one(
                operand, source, lines, depth, build.offset(into, step * (2 * TILE_BYTES), "u8")
            )
            return
        if self.plan.kind == "f16":
            self.rests = build.load(self.seen, 0, "f32", LINES)
        arrange = self.along_k if operand.layout == "k" else self.across_k
        found = arrange(operand, source, lines, depth)
        turned = (operand.layout == "k") != operand.by_line
        if turned:
            columns = [transpose(build, parts, 4) for parts in zip(*found, strict=True)]
            found = zip(*columns, strict=True)
        place = build.offset(into, step * (2 * TILE_BYTES), "u8")
        # Stored one by one: all of them would not fit the registers.
        for i, vectors in enumerate(found):
            for number, vector in enumerate(vectors):
                build.store(build.offset(place, part * number, "u8"), i * LINES, vector, "u32")
        if self.plan.kind == "f16":
            build.store(self.seen, 0, self.rests, "f32")

    def along_k(
        self, operand: _Operand, source: Value, lines: Value | None, depth: Value | None
    ) -> Iterator[Sequence[Value]]:
        """16 lines of pairs, of all parts, from lines that are contiguous along k."""
        build = self.build
        for i in range(LINES):
            row: Value = build.int(i)
            left = depth
            if lines is not None and depth is not None:
                there = build.compare("gt", lines, i)
                row = build.select(there, row, build.int(0))
                left = build.select(there, depth, build.int(0))
            line = build.offset(source, row * operand.line, self.plan.kind)
            if self.raw == "u16":
                mask = None if left is None else build.mask(left, STEP)
                yield [build.regroup(build.load(line, 0, "u16", STEP, mask), "u32")]
                continue
            masks = [None if left is None else build.mask(left - j, LINES) for j in (0, LINES)]
            halves = [build.load(line, j * LINES, self.raw, LINES, masks[j]) for j in (0, 1)]
            yield self.joined(halves[0], halves[1])

    def across_k(
        self, operand: _Operand, source: Value, lines: Value | None, depth: Value | None
    ) -> Iterator[Sequence[Value]]:
        """16 pairs of k of all lines, of all parts, from neighbouring lines or by gathering."""
        build = self.build

        def elements(k: int) -> Value:
            row: Value = build.int(k)
            mask = None
            if lines is not None and depth is not None:
                there = build.compare("gt", depth, k)
                row = build.select(there, row, build.int(0))
                mask = build.mask(build.select(there, lines, build.int(0)), LINES)
            place = build.offset(source, row * operand.along, self.plan.kind)
            if operand.layout != "any":
                return build.load(place, 0, self.raw, LINES, mask)
            steps = build.iota("i64", LINES) * build.splat(operand.line, LINES)
            return build.gather(place, steps, self.raw, mask)

        for pair in range(LINES):
            k = pair if self.apart > 1 else 2 * pair
            even, odd = elements(k), elements(k + self.apart)
            if self.raw != "u16":
                yield self.joined(even, odd)
            else:
                upper = build.cast(odd, "u32") << 16
                yield [build.cast(even, "u32") | upper]

    def one_by_one(
        self,
        operand: _Operand,
        source: Value,
        lines: Value | None,
        depth: Value | None,
        target: Value,
    ) -> None:
        """A tile of bfloat16 from anywhere: there are no instructions that gather 16 bits."""
        build = self.build
        across = STEP if operand.by_line else 2
        for i in range(LINES):
            build.store(target, i * LINES, build.const(Type("u32", LINES), 0), "u32")
        height = build.int(LINES) if lines is None else build.op("min", lines, build.int(LINES))
        breadth = build.int(STEP) if depth is None else build.op("min", depth, build.int(STEP))
        with build.loop(0, height) as line, build.loop(0, breadth) as step:
            k = step.index
            one = build.load(source, line.index * operand.line + k * operand.along, "u16")
            place = k if operand.by_line else k // 2 * (2 * LINES) + k % 2
            build.store(target, line.index * across + place, one, "u16")

    def cut(self, even: Value, odd: Value) -> list[Value]:
        """Pairs of float16 as bfloat16: upper parts, and lower ones. Cutting a number's tail off
        leaves a rest of 3 bits."""
        build = self.build
        uppers = [build.bitcast(number, "u32") & UPPER for number in (even, odd)]
        rests = [x - build.bitcast(y, "f32") for x, y in zip((even, odd), uppers, strict=True)]
        self.rests = build.op("muladd", rests[0], rests[1], self.rests)
        lower = [build.bitcast(rest, "u32") for rest in rests]
        return [(x >> 16) | y for x, y in (uppers, lower)]

    def finite_uppers(self, target: Value, lines: Value, part: Value) -> Value:
        """The distance to upper parts that are finite: 0 unless some are not, which get a copy."""
        build = self.build
        total = build.load(self.seen, 0, "f32", LINES)
        some = build.any(total.ne(total))
        with build.when(some), build.loop(0, lines) as loop:
            place = build.offset(target, loop.index * (2 * STEP), "u8")
            lower = build.offset(place, part, "u8")
            upper = build.load(place, 0, "u16", STEP)
            finite = (upper & (INFINITE >> 16)).ne(INFINITE >> 16)
            rest = build.select(finite, build.load(lower, 0, "u16", STEP), 0)
            build.store(lower, 0, rest, "u16")
            build.store(
                build.offset(place, part * 2, "u8"), 0, build.select(finite, upper, 0), "u16"
            )
        return build.select(some, part * 2, 0)

    def pairs(self, even: Value, odd: Value) -> list[Value]:
        """Two vectors of f32 as pairs of bfloat16, in as many copies as the products need."""
        upper = [self.rounded(x) for x in (even, odd)]
        copies = [upper]
        if self.plan.parts == 2:
            copies.append([self.rounded(self.rest(x, y)) for x, y in zip((even, odd), upper)])
            copies.append([self.build.select(self.is_finite(y), y, 0) for y in upper])
        return [(x >> 16) | y for x, y in copies]

    def rounded(self, value: Value) -> Value:
        """The nearest bfloat16, ties to even, as the upper half of u32; with a part to come that
        adds what is missing, never infinity for a finite number."""
        build = self.build
        bits = build.bitcast(value, "u32")
        near = (bits + (((bits >> 16) & 1) + 0x7FFF)) & UPPER
        if self.plan.parts == 2:
            near = build.select(self.is_finite(near), near, bits & UPPER)
        return build.select(value.ne(value), build.const(bits.type, 0x7FC00000), near)

    def rest(self, value: Value, upper: Value) -> Value:
        """value - upper, which is exact; 0 beside infinity and nan."""
        rest = value - self.build.bitcast(upper, "f32")
        return self.build.select(rest.eq(rest), rest, 0.0)

    def is_finite(self, bits: Value) -> Value:
        return (bits & INFINITE).ne(INFINITE)


def pair_blocks(
    target: Target, sizes: tuple[int, int, int, int], copies: int, products: int
) -> tuple[int, int, int]:
    """Rows, columns and depth of a unit: whole squares, as even as they come."""
    batch, m, n, k = sizes
    # A strip of B, of upper and lower parts, stays in the first cache while panels of A go by; what
    # is used once or twice, together with its source. A block of A is a part of the second cache.
    parts = min(copies, 2)
    deepest = 4 * STEP if min(m, n) <= SQUARE else target.l1_bytes // 3 // (2 * SQUARE * parts)
    k_block = split(k, max(4 * STEP, deepest), STEP)
    grid = Grid(batch, m, n, SQUARE, SQUARE, target.l2_bytes // 4 // (2 * k_block * parts))
    steps = -(-k // STEP)

    def cycles(m_block: int, n_block: int) -> float:
        squares = -(-m_block // SQUARE) * -(-n_block // SQUARE)
        needed = 80 * steps * products + 300
        return squares * needed + (m_block + n_block) * k * 0.15 * copies + 500

    return (*choose(target, grid, cycles), k_block)
