"""Matrix products: C[b, m, n] = A[b, m, k] @ B[b, k, n], with bias, relu and accumulation.

A unit is one block of C; its loops are: blocks of k, pack what needs packing, then tiles of
`tile.py` over columns and rows. Blocks follow from sizes alone and k is always added up in the same
order, so any number of threads gives the same bits. `matmul_plan` is the way in.
Note [matrix products].
"""

from dataclasses import replace

from facula.kernel.library.block_matmul import STACKED, MatMul
from facula.kernel.library.integer_matmul import INTEGER_TILE, IntegerMatMul
from facula.kernel.library.matvec import DotMatMul, StreamMatVec, dot_tiles
from facula.kernel.library.pair_matmul import STACKED as STACKED_PAIRS
from facula.kernel.library.pair_matmul import PairMatMul, pair_blocks, scratch_parts
from facula.kernel.library.pair_packing import LINES, SQUARE, STEP
from facula.kernel.library.product_blocks import Grid, choose, largest, split
from facula.kernel.library.tile import (
    Launch,
    outer_shape,
    tile_heights,
)
from facula.kernel.plan import Plan
from facula.kernel.program import FLOAT_KINDS, REGISTER_KIND, STORED_BYTES
from facula.kernel.target import Target

# Up to so many rows, two passes of dot products over W beat turning W round for tiles.
FEW = 24
# Of how many bfloat16 numbers a float32 operand may be made; 0: of none.
PARTS = {"highest": 0, "high": 2, "medium": 1}
PARTS_OF_HALVES = {"bf16": 1, "f16": 2}

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
    if kind == "f16" and "any" in (a_layout, b_layout) or half and not _suits_tiles(kind, m, n, k):
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
    copies = (
        (m_block + rows) * (k_block + lanes) if pack_a else 0,
        n_block * (k_block + lanes) if pack_b else 0,
        # Sums of halves that wait for the next block of k.
        m_block * n_block if half and k > k_block else 0,
    )
    # Taking a block of memory and giving it back is a part of the time of small products.
    on_stack = sum(copies) > 0 and max(copies) <= STACKED and not copies[2]
    scratch = 0 if on_stack else _rounded(itemsize * sum(copies))
    plan = MatMul(kind, a_layout, b_layout, pack_a, pack_b, bias, activation, accumulate, on_stack)
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


def _suits_tiles(kind: str, m: int, n: int, k: int) -> bool:
    """Whether packing halves for matrix tiles takes less time than it saves."""
    if kind == "f16":
        # A number becomes two that are multiplied four times; tiles hold 16 lines and 32 k's.
        return k >= 24 and min(m, n) >= 12 and m * n * k >= 1 << 16
    return min(m, n) > 4 and m * n * k >= 1 << 14


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
    heights = (0, *tile_heights(rows), rows)

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
    # Rows of B far apart are read in long runs; else a strip is best used where it was packed.
    by_strip = plan.b_layout == "k" or strides[4] * STORED_BYTES[plan.kind] < 2048
    scratch = sum(scratch_parts(m_block, n_block, k_block, sizes[3], plan.copies, by_strip))
    on_stack = scratch <= STACKED_PAIRS
    # Nothing is gained by packing what one or two strips use.
    _, m, n, k = sizes
    in_place = plan.kind == "bf16" and plan.a_layout == "k" and n <= 2 * SQUARE
    in_place = in_place and m % LINES == 0 and k % STEP == 0
    plan = replace(plan, on_stack=on_stack, by_strip=by_strip, in_place=in_place)
    if on_stack:
        scratch = 0
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
