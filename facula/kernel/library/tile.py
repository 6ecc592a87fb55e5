"""Register tiles: the inner loops of products, as instructions; and in-register transposition.

`outer_tile` keeps R rows x C vectors of sums in registers and adds one outer product a step of k: C
vector loads, R broadcasts, R*C fused multiply-adds. `dot_tile` runs along k with vectors of both
operands and adds the lanes at the end: for operands that lie contiguous along k and few rows.
Which R and C fit is a matter of the register count alone; packing and blocking are the callers'.
"""

from collections.abc import Sequence
from typing import NamedTuple

from facula.kernel.plan import Plan
from facula.kernel.program import REGISTER_KIND, Builder, Number, Parameter, Type, Value
from facula.kernel.target import Target

# The arguments of kernels that multiply batches of matrices.
PRODUCT_PARAMETERS = tuple(
    Parameter(name)
    for name in (
        "c", "a", "b", "bias", "scratch", "batch", "m", "n", "k", "a_batch", "a_row", "a_column",
        "b_batch", "b_row", "b_column", "c_batch", "c_row", "scratch_stride", "m_block", "n_block",
        "k_block",
    )
)  # fmt: skip

# So many terms are summed one after the other before their sum meets those of others: the error of
# a sum goes with its length.
LONGEST = 128


class Launch(NamedTuple):
    """How a caller starts a product: kernel(*addresses, *numbers), `scratch_bytes` free a worker.

    The addresses are those that the plan's parameters begin with; `scratch` is the last of them.
    """

    plan: Plan
    numbers: tuple[int, ...]
    scratch_bytes: int


class Strip(NamedTuple):
    """One operand of a tile: element (i, k) of `kind` is `pointer[i * across + k * along]`.

    Strides are Python ints where they are known when the code is written, else values.
    """

    pointer: Value
    across: Number
    along: Number
    kind: str


def outer_shape(target: Target) -> tuple[int, int]:
    """Rows and vectors of the largest outer-product tile that leaves room for its operands.

    14 x 2 sums, two vectors of b and one broadcast fill 31 of 32 registers; 6 x 2 fill 15 of 16.
    """
    return (14, 2) if target.registers >= 32 else (6, 2)


def tile_heights(rows: int) -> tuple[int, ...]:
    """Heights of the tiles that finish a block whose height is no multiple of `rows`.

    Few of them: a kernel's compile time is proportional to the tiles it holds.

    >>> tile_heights(14)
    (4, 8, 13)
    """
    return (4, 8, 13) if rows == 14 else (2, rows - 1)


def ceil_divide(value: Value, by: Number) -> Value:
    """How many blocks of size `by` cover `value`."""
    return (value + (by - 1)) // by


def multiply_add(build: Builder, a: Value, b: Value, c: Value) -> Value:
    """a * b + c, in one rounding where the machine has such an instruction."""
    return build.op("muladd", a, b, c) if a.type.is_float else a * b + c


def outer_tile(
    build: Builder,
    lanes: int,
    shape: tuple[int, int],
    depth: Value,
    left: Strip,
    right: Strip,
    *,
    limit: Value | None = None,
    masks: Sequence[Value | None] = (None, None, None, None),
) -> list[list[Value]]:
    """Sums over k < depth of left[i, k] * right[k, j] for a whole tile, as rows of vectors.

    Rows from `limit` on repeat row `limit - 1`, so that nothing outside is read; `masks` guard the
    vectors of `right`. A step costs C loads, R broadcasts and R*C multiply-adds, and no store.
    """
    rows, vectors = shape
    kind = REGISTER_KIND.get(left.kind, left.kind)
    zero = build.const(Type(kind, lanes), 0)
    bases = _row_pointers(build, left, rows, limit)
    with build.loop(0, depth, carry=[zero] * (rows * vectors)) as loop:
        k = loop.index
        line = build.offset(right.pointer, k * right.along, right.kind)
        columns = [build.load(line, j * lanes, right.kind, lanes, masks[j]) for j in range(vectors)]
        if bases is None:
            column = build.offset(left.pointer, k * left.along, left.kind)
            heads = [build.load(column, i * left.across, left.kind) for i in range(rows)]
        else:
            step = k * left.along
            heads = [build.load(base, step, left.kind) for base in bases]
        sums = []
        for i in range(rows):
            spread = build.splat(heads[i], lanes)
            for j in range(vectors):
                sums.append(multiply_add(build, spread, columns[j], loop.carried[i * vectors + j]))
        loop.next(*sums)
    return [list(loop.results[i * vectors : (i + 1) * vectors]) for i in range(rows)]


def _row_pointers(
    build: Builder, strip: Strip, rows: int, limit: Value | None
) -> list[Value] | None:
    """One pointer a row, or None where constant displacements from a single one serve."""
    if limit is None and isinstance(strip.across, int):
        return None
    pointers = []
    for i in range(rows):
        row = build.int(i)
        if limit is not None and i > 0:
            row = build.op("min", row, limit - 1)
        pointers.append(build.offset(strip.pointer, row * strip.across, strip.kind))
    return pointers


def dot_tile(
    build: Builder,
    lanes: int,
    shape: tuple[int, int],
    depth: Value,
    left: Strip,
    right: Strip,
    *,
    limits: tuple[Value, Value],
) -> list[list[Value]]:
    """The same sums for operands with `along` 1: one scalar for each row and column of the tile.

    Rows and columns past their limit repeat the last one. A step of `lanes` k's costs R + C loads
    and R*C multiply-adds; the last step is masked. At most LONGEST steps go into one sum.
    """
    rows, columns = shape
    kind = REGISTER_KIND.get(left.kind, left.kind)
    zero = build.const(Type(kind, lanes), 0)
    left_rows = _row_pointers(build, left, rows, limits[0])
    right_rows = _row_pointers(build, right, columns, limits[1])
    assert left_rows is not None and right_rows is not None
    whole = depth - depth % lanes

    def step(k: Value, sums: Sequence[Value], mask: Value | None) -> list[Value]:
        a = [build.load(pointer, k, left.kind, lanes, mask) for pointer in left_rows]
        b = [build.load(pointer, k, right.kind, lanes, mask) for pointer in right_rows]
        return [
            multiply_add(build, a[i], b[j], sums[i * columns + j])
            for i in range(rows)
            for j in range(columns)
        ]

    with build.loop(0, whole, LONGEST * lanes, carry=[zero] * (rows * columns)) as some:
        end = build.op("min", some.index + LONGEST * lanes, whole)
        with build.loop(some.index, end, lanes, carry=[zero] * (rows * columns)) as loop:
            loop.next(*step(loop.index, loop.carried, None))
        pairs = zip(some.carried, loop.results, strict=True)
        some.next(*[total + part for total, part in pairs])
    with build.loop(whole, depth, lanes, carry=some.results) as last:
        last.next(*step(last.index, last.carried, build.mask(depth - last.index, lanes)))
    totals = [add_lanes(build, vector) for vector in last.results]
    return [totals[i * columns : (i + 1) * columns] for i in range(rows)]


def add_lanes(build: Builder, vector: Value) -> Value:
    """The sum of a vector's lanes, halves first: a fixed tree."""
    while vector.type.lanes > 1:
        low, high = build.halves(vector)
        vector = low + high
    return vector


def add_lanes_of_each(build: Builder, vectors: Sequence[Value]) -> list[Value]:
    """Lane k of the results, counted through, is the sum of vector k's lanes; the rest are zeros.

    Two vectors at a time are folded into one, 3 steps for each vector instead of 2 log2(lanes).
    """
    lanes = vectors[0].type.lanes
    results = []
    for start in range(0, len(vectors), lanes):
        some = list(vectors[start : start + lanes])
        some += [build.const(some[0].type, 0)] * (lanes - len(some))
        # Which vector each lane of each partial sum belongs to.
        level = [(vector, [k] * lanes) for k, vector in enumerate(some)]
        distance = lanes // 2
        while len(level) > 1:
            half = len(level) // 2
            level = [_fold(build, level[k], level[k + half], distance) for k in range(half)]
            distance //= 2
        total, owners = level[0]
        results.append(build.shuffle(total, [owners.index(k) for k in range(lanes)]))
    return results


def _fold(
    build: Builder, a: tuple[Value, list[int]], b: tuple[Value, list[int]], distance: int
) -> tuple[Value, list[int]]:
    """a's and b's lanes added to those `distance` further on, both results in one vector."""
    lanes = a[0].type.lanes
    low = [k for k in range(lanes) if not k & distance]
    first = [*low, *(lanes + k for k in low)]
    # Keep the lanes in order inside each 16 bytes, where shuffles are cheapest.
    first.sort(key=lambda k: (k % lanes // (2 * distance), k // lanes, k % lanes))
    second = [k + distance for k in first]
    owners = a[1] + b[1]
    total = build.shuffle(a[0], first, b[0]) + build.shuffle(a[0], second, b[0])
    return total, [owners[k] for k in first]


def transpose(build: Builder, rows: Sequence[Value], itemsize: int) -> list[Value]:
    """The columns of a square of vectors: result j holds lane j of every row.

    Elements change places inside 16-byte blocks first, then whole blocks: each step is one
    instruction on x86 (unpack, then shuffle of blocks). Lanes n cost n * log2(n) shuffles.
    """
    lanes = len(rows)
    if lanes == 1:
        return list(rows)
    per = min(lanes, 16 // itemsize)
    blocks = lanes // per
    # After this, block q of groups[g][r] holds column q * per + r of rows g * per and on.
    groups = [
        _transpose_inside(build, list(rows[g * per : (g + 1) * per]), per) for g in range(blocks)
    ]
    columns: list[Value | None] = [None] * lanes
    for r in range(per):
        moved = _transpose_blocks(build, [groups[g][r] for g in range(blocks)], per)
        for q in range(blocks):
            columns[q * per + r] = moved[q]
    return [column for column in columns if column is not None]


def _transpose_inside(build: Builder, rows: list[Value], per: int) -> list[Value]:
    """Transposes the squares of `per` x `per` elements that lie under each other in `per` rows."""
    lanes = rows[0].type.lanes
    starts = range(0, lanes, per)

    def unpack(a: Value, b: Value, width: int, half: int) -> Value:
        """Units of `width` lanes from one half of every block, taken from a and b in turn."""
        chosen = []
        for start in starts:
            for unit in range(per // (2 * width)):
                first = start + half * per // 2 + unit * width
                chosen += [first + e for e in range(width)]
                chosen += [lanes + first + e for e in range(width)]
        return build.shuffle(a, chosen, b)

    # A group of w rows is w vectors of units, w elements of one column each, columns in order.
    groups = [[row] for row in rows]
    width = 1
    while len(groups) > 1:
        groups = [
            [
                unpack(a, b, width, half)
                for a, b in zip(groups[k], groups[k + 1], strict=True)
                for half in range(2)
            ]
            for k in range(0, len(groups), 2)
        ]
        width *= 2
    return groups[0]


def _transpose_blocks(build: Builder, rows: list[Value], per: int) -> list[Value]:
    """Block g of result q is block q of row g."""
    blocks = len(rows)
    if blocks == 1:
        return rows

    def pick(a: Value, b: Value, first: int) -> Value:
        """Every other block of a, then of b, from block `first` on."""
        order = [*range(first, blocks, 2), *range(blocks + first, 2 * blocks, 2)]
        return build.shuffle(a, [q * per + e for q in order for e in range(per)], b)

    if blocks == 2:
        return [pick(rows[0], rows[1], 0), pick(rows[0], rows[1], 1)]
    even, odd = (
        (pick(rows[0], rows[1], 0), pick(rows[2], rows[3], 0)),
        (
            pick(rows[0], rows[1], 1),
            pick(rows[2], rows[3], 1),
        ),
    )
    return [pick(*even, 0), pick(*odd, 0), pick(*even, 1), pick(*odd, 1)]
