"""Matrix products: C[b, m, n] = A[b, m, k] @ B[b, k, n], with bias, relu and accumulation.

A unit is one block of C; its loops are: blocks of k, pack what needs packing, then tiles of
`tile.py` over columns and rows. Blocks follow from sizes alone and k is always added up in the same
order, so any number of threads gives the same bits. `matmul_plan` is the way in.
"""

from dataclasses import dataclass

from facula.kernel.library.integer_matmul import INTEGER_TILE, IntegerMatMul
from facula.kernel.library.matvec import DotMatMul, StreamMatVec, dot_tiles
from facula.kernel.library.pair_matmul import PairMatMul, pair_blocks, scratch_parts
from facula.kernel.library.product_blocks import Grid, choose, largest, split
from facula.kernel.library.tile import (
    PRODUCT_PARAMETERS,
    Launch,
    Strip,
    ceil_divide,
    outer_shape,
    outer_tile,
    remainder_rows,
    transpose,
)
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    FLOAT_KINDS,
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Number,
    Parameter,
    Program,
    Value,
    program,
)
from facula.kernel.target import Target


@dataclass(frozen=True, slots=True)
class MatMul(Plan):
    """C = A @ B for floating kinds; halves are widened to f32 and rounded once at the end.

    `a_layout`: "k" (a_column == 1), "m" (a_row == 1) or "any"; `b_layout`: "n" (b_column == 1), "k"
    (b_row == 1) or "any". `bias` is "", "n" (one number a column) or "m" (one a row).
    """

    kind: str
    a_layout: str = "k"
    b_layout: str = "n"
    pack_a: bool = False
    pack_b: bool = False
    bias: str = ""
    activation: str = ""
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PRODUCT_PARAMETERS


# Up to so many rows, two passes of dot products over W beat turning W round for tiles.
FEW = 24
# Of how many bfloat16 numbers a float32 operand may be made; 0: of none.
PARTS = {"highest": 0, "high": 2, "medium": 1}
PARTS_OF_HALVES = {"bf16": 1, "f16": 2}
# Packing float16 for tiles pays if its numbers are used so often, on average.
REUSE = 60

# --- choosing ----------------------------------------------------------------------------------


def matmul_plan(
    target: Target,
    kind: str,
    sizes: tuple[int, int, int, int],
    a_strides: tuple[int, int, int],
    b_strides: tuple[int, int, int],
    c_strides: tuple[int, int],
    *,
    bias: str = "",
    activation: str = "",
    accumulate: bool = False,
    precision: str = "highest",
) -> Launch:
    """The plan of a product of `sizes` (batch, m, n, k): kernel(c, a, b, bias, scratch, *numbers).

    Strides count elements: (batch, row, column) of A and B, (batch, row) of C. `precision` is
    torch's word for what float32 products may be made of, where the target has tiles.

    >>> launch = matmul_plan(Target(), "f32", (1, 64, 70, 9), (0, 9, 1), (0, 1, 9), (0, 70))
    >>> launch.plan.b_layout, launch.plan.pack_b
    ('k', True)
    """
    batch, m, n, k = sizes
    a_batch, a_row, a_column = a_strides
    b_batch, b_row, b_column = b_strides
    c_batch, c_row = c_strides
    if batch > 1 and b_batch == 0 and a_batch == m * a_row and c_batch == m * c_row and bias != "m":
        # One tall product instead of many: B is packed once.
        batch, m = 1, batch * m
    if kind not in FLOAT_KINDS:
        strides = (a_batch, a_row, a_column, b_batch, b_row, b_column, c_batch, c_row)
        return _integer_plan(target, kind, (batch, m, n, k), strides, accumulate)
    narrow = _narrow_plan(
        target,
        kind,
        (batch, m, n, k),
        a_strides,
        b_strides,
        c_strides,
        bias,
        activation,
        accumulate,
    )
    if narrow is not None:
        return narrow
    half = kind in ("f16", "bf16")
    register = REGISTER_KIND.get(kind, kind)
    itemsize = STORED_BYTES[register]
    lanes = target.lanes(itemsize)
    rows, vectors = outer_shape(target)
    width = lanes * vectors
    if a_column == 1 or k == 1:
        a_layout, a_column = "k", 1
    elif a_row == 1 or m == 1:
        a_layout, a_row = "m", 1
    else:
        a_layout = "any"
    if b_column == 1 or n == 1:
        b_layout, b_column = "n", 1
    elif b_row == 1 or k == 1:
        b_layout, b_row = "k", 1
    else:
        b_layout = "any"
    strides = (a_batch, a_row, a_column, b_batch, b_row, b_column, c_batch, c_row)
    parts = PARTS[precision] if kind == "f32" else PARTS_OF_HALVES.get(kind, 0)
    if kind == "f16" and ("any" in (a_layout, b_layout) or m * n < REUSE * (m + n)):
        parts = 0
    if target.tiles and parts:
        pairs = PairMatMul(kind, a_layout, b_layout, parts, bias, activation, accumulate)
        return _pair_plan(target, pairs, (batch, m, n, k), strides)
    pack_a, pack_b = _packing(target, itemsize, (m, n, k), (a_layout, b_layout), b_row, half)
    # A strip of B stays in the first cache beside a panel of A.
    k_block = split(k, max(192, target.l1_bytes // ((width + rows) * itemsize)), 1)
    if half and not pack_b and k <= 1024:
        k_block = max(k, 1)  # sums that wait would wait in scratch
    m_block, n_block = _blocks(target, (batch, m, n, k), k_block, itemsize, (pack_a, pack_b))
    scratch = itemsize * ((m_block + rows) * k_block if pack_a else 0)
    scratch += itemsize * (n_block * (k_block + lanes) if pack_b else 0)
    scratch += itemsize * (m_block * n_block if half else 0)
    scratch = _rounded(scratch)
    plan = MatMul(kind, a_layout, b_layout, pack_a, pack_b, bias, activation, accumulate)
    numbers = (
        batch,
        m,
        n,
        k,
        *strides,
        scratch,
        m_block,
        n_block,
        k_block,
    )
    return Launch(plan, numbers, scratch)


def _packing(
    target: Target,
    itemsize: int,
    sizes: tuple[int, int, int],
    layouts: tuple[str, str],
    b_row: int,
    half: bool,
) -> tuple[bool, bool]:
    """Whether to copy A and B: in place they are read well while they are a small part of the
    second cache, or while hardly anything is read twice."""
    m, n, k = sizes
    rows, vectors = outer_shape(target)
    width = target.lanes(itemsize) * vectors
    a_bytes, b_bytes = m * k * itemsize, n * k * itemsize
    # Lines of a stride as long as this share few sets of the first cache.
    far = b_row * itemsize >= 2048
    pack_a = half or layouts[0] == "any"
    if n > 6 * width:
        limit = target.l1_bytes if layouts[0] == "m" else target.l2_bytes // 2
        pack_a = pack_a or a_bytes > limit
    # A half of B is widened as it is loaded; one of A would have to be spread as well.
    pack_b = layouts[1] != "n" or half and m > 6 * rows
    if m > rows or far:
        limit = 2 * target.l1_bytes if far else target.l2_bytes // 4
        pack_b = pack_b or b_bytes > (limit if m > 4 * rows else target.l2_bytes // 2)
    return pack_a, pack_b


def _blocks(
    target: Target,
    sizes: tuple[int, int, int, int],
    k_block: int,
    itemsize: int,
    packing: tuple[bool, bool],
) -> tuple[int, int]:
    """Rows and columns of a unit."""
    batch, m, n, k = sizes
    rows, vectors = outer_shape(target)
    lanes = target.lanes(itemsize)
    width = lanes * vectors
    grid = Grid(batch, m, n, rows, width, target.l2_bytes // 4 // (k_block * itemsize))
    if batch * m * n * k < 1 << 18:
        return largest(grid)
    k_blocks = -(-k // k_block)
    heights = (0, *remainder_rows(rows), rows)

    def cycles(m_block: int, n_block: int) -> float:
        """Multiply-adds of whole tiles, reading, what a tile costs besides, packing."""
        rest = next(height for height in heights if height >= m_block % rows)
        lines = m_block // rows * rows + rest
        strips, rest = divmod(n_block, width)
        columns = strips * vectors + (0 if not rest else 1 if rest <= lanes else vectors)
        tiles = -(-m_block // rows) * -(-n_block // width)
        total = lines * columns * k / 2 + tiles * k_blocks * 60.0 + 500
        total += (m_block + n_block) * k * itemsize / 32
        total += packing[0] * m_block * k * 8 / lanes
        return total + packing[1] * n_block * k * 4 / lanes

    return choose(target, grid, cycles)


def _pair_plan(
    target: Target,
    plan: PairMatMul,
    sizes: tuple[int, int, int, int],
    strides: tuple[int, ...],
) -> Launch:
    m_block, n_block, k_block = pair_blocks(target, sizes, plan.copies, len(plan.products))
    scratch = sum(scratch_parts(m_block, n_block, k_block, sizes[3], plan.copies))
    return Launch(plan, (*sizes, *strides, scratch, m_block, n_block, k_block), scratch)


def _rounded(scratch: int) -> int:
    """Whole cache lines and one to spare, or nothing: a product without scratch is one launch."""
    return (scratch + 191) & -64 if scratch else 0


def _integer_plan(
    target: Target,
    kind: str,
    sizes: tuple[int, int, int, int],
    strides: tuple[int, ...],
    accumulate: bool,
) -> Launch:
    batch, m, n, k = sizes
    in_place = strides[5] == 1 or n == 1
    itemsize = STORED_BYTES[kind]
    width = INTEGER_TILE[1] * target.lanes(itemsize)
    scratch = 0 if in_place else (width * k * itemsize + 127) & -64
    m_block = split(m, max(64, m // 8), INTEGER_TILE[0])
    plan = IntegerMatMul(kind, "n" if in_place else "any", accumulate)
    return Launch(plan, (*sizes, *strides, scratch, m_block, width, k), scratch)


def _narrow_plan(
    target: Target,
    kind: str,
    sizes: tuple[int, int, int, int],
    a_strides: tuple[int, int, int],
    b_strides: tuple[int, int, int],
    c_strides: tuple[int, int],
    bias: str,
    activation: str,
    accumulate: bool,
) -> Launch | None:
    """A plan of matvec.py where one side is so narrow that reading the other is all the work."""
    batch, m, n, k = sizes
    a_batch, a_row, a_column = a_strides
    b_batch, b_row, b_column = b_strides
    c_batch, c_row = c_strides
    wide_b = m <= n
    few, count = (m, n) if wide_b else (n, m)
    if few == 0 or k < 2:
        return None
    w = (b_batch, b_column, b_row) if wide_b else (a_batch, a_row, a_column)
    x = (a_batch, a_row, a_column) if wide_b else (b_batch, b_column, b_row)
    y = (c_batch, 1, c_row) if wide_b else (c_batch, c_row, 1)
    by_row = 1 if bias == ("n" if wide_b else "m") else 0
    by_column = 1 if bias == ("m" if wide_b else "n") else 0
    register_bytes = STORED_BYTES[REGISTER_KIND.get(kind, kind)]
    name = "b" if wide_b else "a"
    most, least = 2048, 64
    pieces = 16
    plan: Plan
    if few <= FEW and (w[2] == 1 or count == 1 and x[2] == 1):
        pack_x = x[2] != 1
        tile = dot_tiles(target.registers, few)
        plan = DotMatMul(kind, name, tile, pack_x, bool(bias), activation, accumulate)
        scratch = register_bytes * few * k if pack_x else 0
        if w[2] != 1 or few * k > 1 << 20 and pack_x:
            return None
        least = tile[1]
    elif few == 1 and w[1] == 1:
        plan = StreamMatVec(kind, name, bool(bias), activation, accumulate)
        scratch = register_bytes * most
        least, pieces = 512, 4
    else:
        return None
    # Several units where each still reads some tens of thousands of elements.
    block = min(most, max(least, -(-count // pieces), -(-(1 << 14) // k)))
    block = -(-block // least) * least
    scratch = _rounded(scratch)
    numbers = (batch, count, few, k, *w, *x, *y, by_row, by_column, scratch, block)
    return Launch(plan, numbers, scratch)


# --- lowering ----------------------------------------------------------------------------------


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


class _Blocks:
    """Writes the loops of one MatMul program."""

    def __init__(self, plan: MatMul, target: Target, build: Builder) -> None:
        self.plan = plan
        self.build = build
        self.p = build.parameters
        self.register = REGISTER_KIND.get(plan.kind, plan.kind)
        self.itemsize = STORED_BYTES[self.register]
        self.lanes = target.lanes(self.itemsize)
        self.rows, self.vectors = outer_shape(target)
        self.width = self.lanes * self.vectors
        self.offsets = range(0, self.width, self.lanes)
        self.half = plan.kind in ("f16", "bf16")

    def units(self) -> None:
        build, p = self.build, self.p
        m_blocks, n_blocks = ceil_divide(p["m"], p["m_block"]), ceil_divide(p["n"], p["n_block"])
        area = p["scratch"] + build.worker * p["scratch_stride"]
        self.packed_a = build.pointer(area)
        if self.plan.pack_a:
            area = area + (p["m_block"] + self.rows) * p["k_block"] * self.itemsize
        self.packed_b = build.pointer(area)
        if self.plan.pack_b:
            area = area + p["n_block"] * (p["k_block"] + self.lanes) * self.itemsize
        self.partial = build.pointer(area)
        with build.loop(build.first, build.last) as unit:
            batch, rest = unit.index // (m_blocks * n_blocks), unit.index % (m_blocks * n_blocks)
            row, column = rest % m_blocks * p["m_block"], rest // m_blocks * p["n_block"]
            self.first_row, self.first_column = row, column
            self.height = build.op("min", p["m_block"], p["m"] - row)
            self.breadth = build.op("min", p["n_block"], p["n"] - column)
            a = p["a_batch"] * batch + row * p["a_row"]
            b = p["b_batch"] * batch + column * p["b_column"]
            self.a = build.offset(p["a"], a, self.plan.kind)
            self.b = build.offset(p["b"], b, self.plan.kind)
            c = p["c_batch"] * batch + row * p["c_row"] + column
            self.c = build.offset(p["c"], c, self.plan.kind)
            with build.loop(0, build.op("max", p["k"], build.int(1)), p["k_block"]) as block:
                self.block(block.index)

    def block(self, k: Value) -> None:
        """One block of k of one block of C."""
        build, p = self.build, self.p
        self.depth = build.op("min", p["k_block"], p["k"] - k)
        self.is_last = build.compare("ge", k + p["k_block"], p["k"])
        self.keeps = build.compare("gt", k, 0)
        a = build.offset(self.a, k * p["a_column"], self.plan.kind)
        b = build.offset(self.b, k * p["b_row"], self.plan.kind)
        if self.plan.pack_a:
            self.pack_a(a)
        if self.plan.pack_b:
            self.pack_b(b)
        self.source_a, self.source_b = a, b
        with build.loop(0, self.breadth, self.width) as loop:
            column = loop.index
            left = self.breadth - column
            # Masks cost nothing in the inner loop, so that full strips need no code of their own.
            with build.when(build.compare("gt", left, self.width - self.lanes)) as branch:
                mask = build.mask(left - (self.width - self.lanes), self.lanes)
                self.column_of_tiles(column, mask, self.vectors)
            with build.otherwise(branch):
                self.column_of_tiles(column, build.mask(left, self.lanes), 1)

    # --- tiles ---------------------------------------------------------------------------------

    def column_of_tiles(self, column: Value, mask: Value | None, vectors: int) -> None:
        """All tiles under each other in one strip of columns."""
        build = self.build
        whole = self.height - self.height % self.rows
        with build.loop(0, whole, self.rows) as loop:
            self.tile(loop.index, column, self.rows, vectors, None, mask)
        rest = self.height - whole
        below = build.int(0)
        for rows in remainder_rows(self.rows):
            fits = build.compare("gt", rest, below) & build.compare("le", rest, rows)
            with build.when(fits):
                self.tile(whole, column, rows, vectors, rest, mask)
            below = build.int(rows)

    def tile(
        self,
        row: Value,
        column: Value,
        rows: int,
        vectors: int,
        limit: Value | None,
        mask: Value | None,
    ) -> None:
        sums = outer_tile(
            self.build,
            self.lanes,
            (rows, vectors),
            self.depth,
            self.left(row),
            self.right(column),
            limit=limit,
            masks=[None] * vectors if self.plan.pack_b else [*[None] * (vectors - 1), mask],
        )

        def finish_all(earlier: bool) -> None:
            for i, line in enumerate(sums):
                if limit is None:
                    self.finish(row + i, column, line, mask, earlier)
                else:
                    with self.build.when(self.build.compare("gt", limit, i)):
                        self.finish(row + i, column, line, mask, earlier)

        with self.build.when(self.keeps) as branch:
            finish_all(True)
        with self.build.otherwise(branch):
            finish_all(False)

    def left(self, row: Value) -> Strip:
        build, p = self.build, self.p
        kind = self.plan.kind
        if not self.plan.pack_a:
            layout = self.plan.a_layout
            across: Number = 1 if layout == "m" else p["a_row"]
            along: Number = 1 if layout == "k" else p["a_column"]
            return Strip(build.offset(self.source_a, row * across, kind), across, along, kind)
        base = build.offset(self.packed_a, row * p["k_block"], self.register)
        return Strip(base, 1, self.rows, self.register)

    def right(self, column: Value) -> Strip:
        build, kind = self.build, self.plan.kind
        if not self.plan.pack_b:
            return Strip(build.offset(self.source_b, column, kind), 1, self.p["b_row"], kind)
        return Strip(self.panel_of_b(column), 1, self.width, self.register)

    def finish(
        self, row: Value, column: Value, line: list[Value], mask: Value | None, earlier: bool
    ) -> None:
        """Adds a row of sums to those of earlier blocks of k; the last block's go to C for good."""
        build, plan = self.build, self.plan
        c = build.offset(self.c, row * self.p["c_row"] + column, plan.kind)
        partial = build.offset(self.partial, row * self.p["n_block"] + column, self.register)
        for j, value in enumerate(line):
            inside = mask if j == len(line) - 1 else None
            at = j * self.lanes
            if not self.half:
                # Sums wait in C itself.
                if earlier or plan.accumulate:
                    value = value + build.load(c, at, plan.kind, self.lanes, inside)
                value = self.last_touch(value, row, column + at, inside)
                build.store(c, at, value, plan.kind, inside)
                continue
            if earlier:
                value = value + build.load(partial, at, self.register, self.lanes, inside)
            with build.when(self.is_last) as branch:
                done = value
                if plan.accumulate:
                    done = done + build.load(c, at, plan.kind, self.lanes, inside)
                done = self.last_touch(done, row, column + at, inside)
                build.store(c, at, done, plan.kind, inside)
            with build.otherwise(branch):
                build.store(partial, at, value, self.register, inside)

    def last_touch(self, value: Value, row: Value, column: Value, inside: Value | None) -> Value:
        """Bias and activation, if this is the last block of k."""
        build, plan = self.build, self.plan
        if not plan.bias and not plan.activation:
            return value
        done = value
        if plan.bias == "n":
            place = self.first_column + column
            bias = build.pointer(self.p["bias"])
            done = done + build.load(bias, place, plan.kind, self.lanes, inside)
        elif plan.bias == "m":
            bias = build.pointer(self.p["bias"])
            done = done + build.splat(build.load(bias, self.first_row + row, plan.kind), self.lanes)
        if plan.activation == "relu":
            done = build.op("max", done, 0.0)
        return build.select(self.is_last, done, value)

    # --- packing -------------------------------------------------------------------------------

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
                for lane in self.offsets:
                    more = build.offset(start, p["b_column"] * lane, kind)
                    into = build.offset(target, lane, self.register)
                    with build.when(build.compare("gt", count, lane)):
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
        whole = self.depth - self.depth % lanes
        # A short line spills into its successor; only a first part is written before that one.
        guard = build.mask(build.int(used), lanes) if used < lanes and used < step else None

        def square(k: Value, mask: Value | None) -> None:
            lines = [build.load(pointer, k, kind, lanes, mask) for pointer in pointers]
            lines += [build.const(lines[0].type, 0)] * (lanes - used)
            for j, column in enumerate(transpose(build, lines, self.itemsize)):
                build.store(target, (k + j) * step, column, self.register, guard)

        with build.loop(0, whole, lanes) as loop:
            square(loop.index, None)
        with build.when(build.compare("gt", self.depth, whole)):
            square(whole, build.mask(self.depth - whole, lanes))
