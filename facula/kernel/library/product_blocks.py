"""Into which blocks of C a product is cut: by sizes and target alone, never by who is at work."""

from collections.abc import Callable
from typing import NamedTuple

from facula.kernel.target import Target


class Grid(NamedTuple):
    """What is cut: blocks are multiples of `rows` and `columns`, at most about `most` long."""

    batch: int
    m: int
    n: int
    rows: int
    columns: int
    most: int


def split(size: int, most: int, unit: int) -> int:
    """A multiple of `unit` that cuts `size` evenly into about as few blocks as `most` asks for.

    >>> split(100, 40, 8)
    40
    """
    pieces = -(-size // max(1, most)) or 1
    return max(unit, -(-size // (pieces * unit)) * unit)


def choose(target: Target, grid: Grid, cycles: Callable[[int, int], float]) -> tuple[int, int]:
    """Rows and columns of a block: those by which all cores together should be done first.

    `cycles(rows, columns)` is about how long one block takes on one core. Each element is added up
    in the same order in any block, so that the choice changes no bit.
    """
    m_least = -(-grid.m // max(grid.rows, grid.most)) or 1
    n_least = -(-grid.n // max(grid.columns, grid.most)) or 1
    best, chosen = float("inf"), (grid.m, grid.n)
    factor = 4 * target.cores
    for m_pieces in _pieces(m_least, grid.m // (2 * grid.rows), factor):
        m_block = split(grid.m, -(-grid.m // m_pieces), grid.rows)
        for n_pieces in _pieces(n_least, grid.n // grid.columns, factor):
            n_block = split(grid.n, -(-grid.n // n_pieces), grid.columns)
            units = grid.batch * -(-grid.m // m_block) * -(-grid.n // n_block)
            turns = -(-units // target.cores)
            # Units of one turn seldom end together: many turns even that out.
            spent = cycles(min(grid.m, m_block), min(grid.n, n_block)) * (turns + 0.1)
            if spent < best:
                best, chosen = spent, (m_block, n_block)
    return chosen


def largest(grid: Grid) -> tuple[int, int]:
    """The largest blocks, for work too small to share."""
    return split(grid.m, grid.most, grid.rows), split(grid.n, grid.most, grid.columns)


def _pieces(least: int, most: int, factor: int) -> list[int]:
    """Numbers of pieces to weigh: the least one, and up to about `factor` times as many."""
    found = [least]
    while found[-1] < min(most, least * factor):
        found.append(max(found[-1] + 1, found[-1] * 5 // 4))
    return found
