"""C[b, m, n] = A[b, m, k] @ B[b, k, n] on matrix tiles: pairs of bfloat16, sums in float32.

A unit packs its blocks of A and B into tiles of 16 lines times 16 pairs of k, zeros at the edges,
multiplies them two by two, and writes 32 x 32 sums at a time. float32 operands are rounded to one
bfloat16, or split into two, while they are packed. `matmul.matmul_plan` chooses these plans where
`Target.tiles` holds. Note [matrix products].
"""

from dataclasses import dataclass

from facula.kernel.library.pair_packing import (
    FINITE_UPPERS,
    LINES,
    LOWERS,
    SQUARE,
    STEP,
    TILE_BYTES,
    UPPERS,
    Operand,
    PairPacking,
)
from facula.kernel.library.product_blocks import Grid, choose, split
from facula.kernel.library.tile import PRODUCT_PARAMETERS, ceil_divide
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import Builder, Parameter, Program, Type, Value, program
from facula.kernel.target import Target

# Bytes of scratch that may lie on the stack.
STACKED = 1 << 14
# Numbers of two parts: upper meets upper, either upper meets the other lower, and of float16, which
# two parts hold exactly, lower meets lower. An infinite number is missing where upper parts meet
# lower ones, or it would meet a 0 beside a finite number.
ROUNDED = ((UPPERS, UPPERS), (FINITE_UPPERS, LOWERS), (LOWERS, FINITE_UPPERS))
EXACT = ((UPPERS, UPPERS), (FINITE_UPPERS, LOWERS), (LOWERS, LOWERS), (LOWERS, FINITE_UPPERS))


@dataclass(frozen=True, slots=True)
class PairMatMul(Plan):
    """C = A @ B of kind bf16 (1 part), f16 (2 parts), or f32 rounded to `parts` bfloat16 numbers.

    Two parts of f32 make three products; that of the two small ones is left out. Layouts ("any" not
    for f16), bias, activation and accumulation are those of `MatMul`. Subnormal bfloat16 numbers
    and float32 sums count as 0. `on_stack`: scratch takes at most STACKED bytes, on the stack.
    `by_strip`: B is packed 32 columns at a time, right before they are used. `in_place`: tiles of
    A, of bf16 and layout "k", are all whole and read where they lie.
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
    in_place: bool = False

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


class _Squares(PairPacking):
    """Writes the loops of one PairMatMul program."""

    def __init__(self, plan: PairMatMul, build: Builder) -> None:
        super().__init__(build, plan.kind, plan.parts, plan.copies)
        self.plan = plan
        self.parts_a: tuple[Value, ...] = ()

    def prepare(self) -> None:
        build, p = self.build, self.p
        self.prepare_packing()
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
        left = Operand(a, self.height, p["a_row"], p["a_column"], plan.a_layout, True)
        right = Operand(b, self.breadth, p["b_column"], p["b_row"], plan.b_layout, False)
        # How far behind the upper parts the others lie.
        if plan.in_place:
            self.packed_a, self.parts_a = a, (build.int(0),)
        else:
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
        if self.plan.in_place:
            # Lines of tiles, tiles of rows, and tiles of k: so far apart.
            line = self.p["a_row"] * 2
            tall, long = line * LINES, build.int(2 * STEP)
            a = build.offset(self.packed_a, row * line, "u8")
        else:
            line, tall, long = build.int(64), build.int(TILE_BYTES), build.int(2 * TILE_BYTES)
            a = build.offset(self.packed_a, row * self.steps * (TILE_BYTES // LINES), "u8")
        with build.loop(0, self.steps) as step:
            loaded: tuple[int, int] = (-1, -1)
            for parts in self.plan.products:
                start = step.index * (2 * TILE_BYTES)
                left = build.offset(a, step.index * long + self.parts_a[parts[0]], "u8")
                right = build.offset(b, start + self.parts_b[parts[1]], "u8")
                new_left, new_right = (x != y for x, y in zip(parts, loaded, strict=True))
                # Each tile is loaded right before the first product that needs it.
                for tile in places:
                    h, j = divmod(tile, 2)
                    if new_right and h == 0:
                        build.tile_load(6 + j, build.offset(right, j * TILE_BYTES, "u8"), 64)
                    if new_left and j == 0:
                        build.tile_load(4 + h, build.offset(left, tall * h, "u8"), line)
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
