"""Products whose units are blocks of C: what their loops begin with."""

from facula.kernel.library.tile import ceil_divide
from facula.kernel.program import Builder, Value


class ProductUnits:
    """Writes the loops over blocks of C and, inside, of k, on the parameters of products."""

    def __init__(self, build: Builder, kind: str) -> None:
        self.build = build
        self.p = build.parameters
        self.kind = kind

    def prepare(self) -> None:
        """What comes before the first unit."""
        raise NotImplementedError

    def block(self, k: Value) -> None:
        """One block of k of one block of C: `height` x `breadth` elements from `first_row` and
        `first_column` on; `a`, `b` and `c` point to where its operands and itself begin."""
        raise NotImplementedError

    def units(self) -> None:
        build, p, kind = self.build, self.p, self.kind
        m_blocks, n_blocks = ceil_divide(p["m"], p["m_block"]), ceil_divide(p["n"], p["n_block"])
        self.prepare()
        with build.loop(build.first, build.last) as unit:
            batch, rest = unit.index // (m_blocks * n_blocks), unit.index % (m_blocks * n_blocks)
            row, column = rest % m_blocks * p["m_block"], rest // m_blocks * p["n_block"]
            self.first_row, self.first_column = row, column
            self.height = build.op("min", p["m_block"], p["m"] - row)
            self.breadth = build.op("min", p["n_block"], p["n"] - column)
            a = p["a_batch"] * batch + row * p["a_row"]
            b = p["b_batch"] * batch + column * p["b_column"]
            c = p["c_batch"] * batch + row * p["c_row"] + column
            self.a = build.offset(p["a"], a, kind)
            self.b = build.offset(p["b"], b, kind)
            self.c = build.offset(p["c"], c, kind)
            with build.loop(0, build.op("max", p["k"], build.int(1)), p["k_block"]) as block:
                self.block(block.index)
