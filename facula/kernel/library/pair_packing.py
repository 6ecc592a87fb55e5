"""Blocks of operands as tiles of pairs of bfloat16: the first half of `PairMatMul`'s work.

A tile holds 16 lines (rows of A or columns of B) times 16 pairs of k, zeros where k's are missing.
float16 and float32 become several bfloat16 numbers, and so several tiles. Note [matrix products].
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from facula.kernel.library.product_units import ProductUnits
from facula.kernel.library.tile import ceil_divide, transpose
from facula.kernel.program import Builder, Loop, Number, Type, Value

# Lines of a tile, elements of k in a line, and what a tile takes in memory.
LINES, STEP, TILE_BYTES = 16, 32, 1024
# Rows and columns of C that are summed at a time: two tiles each way.
SQUARE = 2 * LINES
UPPER, INFINITE = 0xFFFF0000, 0x7F800000
# Copies of an operand that is packed as two numbers, in their order.
UPPERS, LOWERS, FINITE_UPPERS = 0, 1, 2


class Operand(NamedTuple):
    """One block of an operand as it is packed.

    `lines` of them count, `line` elements apart; `depth` k's, `along` elements apart.
    """

    source: Value
    lines: Value
    line: Value
    along: Value
    layout: str
    by_line: bool


class PairPacking(ProductUnits):
    """Packs blocks of k, `depth` k's in `steps` steps, of operands of `kind` in `copies` copies."""

    depth: Value
    steps: Value

    def __init__(self, build: Builder, kind: str, parts: int, copies: int) -> None:
        super().__init__(build, kind)
        self.parts = parts
        self.copies = copies
        # bfloat16 is packed as it is.
        self.raw = "u16" if kind == "bf16" else kind
        # Which k of a step is the other one of a pair: for what is not packed as it is, what saves
        # shuffles.
        self.apart = 1 if kind == "bf16" else LINES

    def prepare_packing(self) -> None:
        if self.kind == "f16":
            # Stays a number in every lane as long as all that was packed is finite.
            self.seen = self.build.room(LINES, "f32")

    def pack(self, operand: Operand, target: Value, part: Value) -> tuple[Value, ...]:
        """Two tiles of lines beside each other for every step of k, then the next two; a second
        tile without lines is left as it is, for what it adds to is not stored. Gives the places
        of the copies, counted from the first."""
        build = self.build
        if self.kind == "f16":
            build.store(self.seen, 0, build.const(Type("f32", LINES), 0), "f32")
        self.arrange(operand, ceil_divide(operand.lines, LINES), target, part)
        places = tuple([part * copy for copy in range(self.copies)])
        if self.kind == "f16":
            lines = ceil_divide(operand.lines, SQUARE) * self.steps * SQUARE
            places = (*places[:FINITE_UPPERS], self.finite_uppers(target, lines, part))
        return places

    def arrange(self, operand: Operand, blocks: Value, target: Value, part: Value) -> None:
        build = self.build
        whole = self.depth // STEP
        turned = operand.layout == "any" or (operand.layout == "k") != operand.by_line

        def one(block: Value, step: Value, full: bool) -> None:
            line = block * LINES
            start = build.offset(operand.source, line * operand.line, self.kind)
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
        operand: Operand,
        start: Value,
        step: Value,
        lines: Value | None,
        into: Value,
        part: Value,
    ) -> None:
        """A tile of each part from lines that are contiguous along k: line by line, for a kernel
        that runs once in a while has its code read anew each time. Missing lines are left out."""
        build = self.build
        source = build.offset(start, step * STEP * operand.along, self.kind)
        place = build.offset(into, step * (2 * TILE_BYTES), "u8")
        count, mask = build.int(LINES), None
        masks: list[Value | None] = [None, None]
        if lines is not None:
            left = self.depth - step * STEP
            masks = [build.mask(left - j, LINES) for j in (0, LINES)]
            mask = build.mask(left, STEP)
            count = build.op("min", lines, count)
        with self.lines(0, count) as loop:
            line = build.offset(source, loop.index * operand.line, self.kind)
            if self.raw == "u16":
                vectors = [build.regroup(build.load(line, 0, "u16", STEP, mask), "u32")]
            else:
                near, far = (build.load(line, j * LINES, self.raw, LINES, masks[j]) for j in (0, 1))
                vectors = self.joined(near, far)
            self.store_line(place, loop.index, vectors, part)

    def columns(
        self,
        operand: Operand,
        start: Value,
        step: Value,
        lines: Value | None,
        into: Value,
        part: Value,
    ) -> None:
        """A tile of each part from k's whose lines are neighbours: pair by pair, zeros where k's
        are missing."""
        build = self.build
        source = build.offset(start, step * STEP * operand.along, self.kind)
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
                    line = build.offset(source, row * operand.along, self.kind)
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
        if self.kind != "f16":
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
        operand: Operand,
        start: Value,
        step: Value,
        lines: Value | None,
        into: Value,
        part: Value,
    ) -> None:
        """One tile of each part, turned round; `lines` says that some lines or k's may be missing.

        It takes all lines at a time."""
        build = self.build
        source = build.offset(start, step * STEP * operand.along, self.kind)
        depth = None if lines is None else self.depth - step * STEP
        if operand.layout == "any" and self.raw == "u16":
            self.one_by_one(
                operand, source, lines, depth, build.offset(into, step * (2 * TILE_BYTES), "u8")
            )
            return
        if self.kind == "f16":
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
        if self.kind == "f16":
            build.store(self.seen, 0, self.rests, "f32")

    def along_k(
        self, operand: Operand, source: Value, lines: Value | None, depth: Value | None
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
            line = build.offset(source, row * operand.line, self.kind)
            if self.raw == "u16":
                mask = None if left is None else build.mask(left, STEP)
                yield [build.regroup(build.load(line, 0, "u16", STEP, mask), "u32")]
                continue
            masks = [None if left is None else build.mask(left - j, LINES) for j in (0, LINES)]
            halves = [build.load(line, j * LINES, self.raw, LINES, masks[j]) for j in (0, 1)]
            yield self.joined(halves[0], halves[1])

    def across_k(
        self, operand: Operand, source: Value, lines: Value | None, depth: Value | None
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
            place = build.offset(source, row * operand.along, self.kind)
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
        operand: Operand,
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
        if self.parts == 2:
            copies.append([self.rounded(self.rest(x, y)) for x, y in zip((even, odd), upper)])
            copies.append([self.build.select(self.is_finite(y), y, 0) for y in upper])
        return [(x >> 16) | y for x, y in copies]

    def rounded(self, value: Value) -> Value:
        """The nearest bfloat16, ties to even, as the upper half of u32; with a part to come that
        adds what is missing, never infinity for a finite number."""
        build = self.build
        bits = build.bitcast(value, "u32")
        near = (bits + (((bits >> 16) & 1) + 0x7FFF)) & UPPER
        if self.parts == 2:
            near = build.select(self.is_finite(near), near, bits & UPPER)
        return build.select(value.ne(value), build.const(bits.type, 0x7FC00000), near)

    def rest(self, value: Value, upper: Value) -> Value:
        """value - upper, which is exact; 0 beside infinity and nan."""
        rest = value - self.build.bitcast(upper, "f32")
        return self.build.select(rest.eq(rest), rest, 0.0)

    def is_finite(self, bits: Value) -> Value:
        return (bits & INFINITE).ne(INFINITE)
