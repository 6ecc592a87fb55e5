"""C[b, m, n] = A[b, m, k] @ B[b, k, n] for integers, wrapping around as their kind does."""

from dataclasses import dataclass

from facula.kernel.library.tile import PRODUCT_PARAMETERS, Strip, ceil_divide, outer_tile
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import STORED_BYTES, Builder, Parameter, Program, Value, program
from facula.kernel.target import Target


@dataclass(frozen=True, slots=True)
class IntegerMatMul(Plan):
    """C = A @ B for an integer kind, wrapping around as the kind does.

    `b_layout`: "n" (b_column == 1) or "any".
    """

    kind: str
    b_layout: str = "n"
    accumulate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return PRODUCT_PARAMETERS


INTEGER_TILE = (4, 2)


@lowering(IntegerMatMul)
def lower_integer(plan: IntegerMatMul, target: Target) -> Program:
    """Units: batch x blocks of rows x strips of columns; tiles of 4 rows x 2 vectors.

    2 m n k operations. A strip of B that is not contiguous along n is first copied.
    """
    lanes = target.lanes(STORED_BYTES[plan.kind])
    rows, vectors = INTEGER_TILE
    width = lanes * vectors

    def units(build: Builder) -> tuple[Value, Value]:
        p = build.parameters
        count = p["batch"] * ceil_divide(p["m"], p["m_block"]) * ceil_divide(p["n"], p["n_block"])
        return count, (p["m_block"] * p["n_block"] * (p["k"] + 8) >> 3) + 8

    def body(build: Builder) -> None:
        p = build.parameters
        m_blocks, strips = ceil_divide(p["m"], p["m_block"]), ceil_divide(p["n"], p["n_block"])
        with build.loop(build.first, build.last) as unit:
            batch, rest = unit.index // (m_blocks * strips), unit.index % (m_blocks * strips)
            row, column = rest % m_blocks * p["m_block"], rest // m_blocks * p["n_block"]
            a = build.offset(p["a"], batch * p["a_batch"] + row * p["a_row"], plan.kind)
            b = build.offset(p["b"], batch * p["b_batch"] + column * p["b_column"], plan.kind)
            c = build.offset(p["c"], batch * p["c_batch"] + row * p["c_row"] + column, plan.kind)
            height = build.op("min", p["m_block"], p["m"] - row)
            left = build.op("min", p["n_block"], p["n"] - column)
            right = Strip(b, 1, p["b_row"], plan.kind)
            if plan.b_layout == "any":
                copy = build.pointer(p["scratch"] + build.worker * p["scratch_stride"])
                with build.loop(0, p["k"]) as outer, build.loop(0, left) as inner:
                    source = outer.index * p["b_row"] + inner.index * p["b_column"]
                    one = build.load(b, source, plan.kind)
                    build.store(copy, outer.index * width + inner.index, one, plan.kind)
                right = Strip(copy, 1, width, plan.kind)
            masks = [build.mask(left - lanes * j, lanes) for j in range(vectors)]
            with build.loop(0, height, rows) as loop:
                above = build.offset(a, loop.index * p["a_row"], plan.kind)
                limit = height - loop.index
                sums = outer_tile(
                    build,
                    lanes,
                    INTEGER_TILE,
                    p["k"],
                    Strip(above, p["a_row"], p["a_column"], plan.kind),
                    right,
                    limit=limit,
                    masks=masks,
                )
                for i, line in enumerate(sums):
                    with build.when(build.compare("gt", limit, i)):
                        place = build.offset(c, (loop.index + i) * p["c_row"], plan.kind)
                        for j, value in enumerate(line):
                            if plan.accumulate:
                                held = build.load(place, lanes * j, plan.kind, lanes, masks[j])
                                value = value + held
                            build.store(place, lanes * j, value, plan.kind, masks[j])

    return program("integer_matmul", PRODUCT_PARAMETERS, units, body)
