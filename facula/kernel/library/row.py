"""Loops over rows: vectors along a row with a masked end, sums whose order is fixed, lanes joined.

What the fused row kernels (`softmax.py`, `norm.py`, `channel.py`) are made of. Note [row kernels].
"""

from collections.abc import Callable, Sequence

from facula.kernel.lower import emit_step
from facula.kernel.program import Builder, Number, Type, Value

# Elements of a row whose sums stand in one set of accumulators before they join the row's sums:
# rounding errors then grow with the number of blocks, not with that of elements.
BLOCK = 4096

Step = Callable[[Value, Value | None, list[Value]], Sequence[Value]]
Terms = Callable[[Value, Value | None], Sequence[Value]]


def along_row(
    b: Builder,
    start: Number,
    stop: Value,
    lanes: int,
    carried: Sequence[Value],
    step: Step,
    unroll: int = 1,
) -> list[Value]:
    """Runs step(i, mask, states) from element start to stop, the end masked; the last states."""
    stride = lanes * unroll
    first = b.like(stop, start)
    whole = first + (stop - first) // stride * stride
    with b.loop(first, whole, stride, carry=carried) as loop:
        states = list(loop.carried)
        for u in range(unroll):
            states = list(step(loop.index + u * lanes, None, states))
        loop.next(*states)
    with b.loop(whole, stop, lanes, carry=loop.results) as tail:
        mask = b.mask(stop - tail.index, lanes)
        tail.next(*step(tail.index, mask, list(tail.carried)))
    return list(tail.results)


def across(b: Builder, name: str, value: Value) -> Value:
    """One number from all lanes: halves combined until one is left."""
    while value.type.lanes > 1:
        low, high = b.halves(value)
        value = b.op(name, low, high)
    return value


def pairwise(b: Builder, name: str, values: Sequence[Value]) -> Value:
    """One value from several, joined as a tree."""
    left = list(values)
    while len(left) > 1:
        joined = [b.op(name, left[k], left[k + 1]) for k in range(0, len(left) - 1, 2)]
        left = joined + left[len(joined) * 2 :]
    return left[0]


def masked(b: Builder, mask: Value | None, value: Value, other: Number = 0.0) -> Value:
    """The value, `other` in lanes that do not count."""
    return value if mask is None else b.select(mask, value, other)


def zeros(b: Builder, kind: str, lanes: int, count: int) -> list[Value]:
    return [b.const(Type(kind, lanes), 0.0)] * count


def add_along(
    b: Builder,
    start: Number,
    stop: Value,
    lanes: int,
    sums: Sequence[Value],
    terms: Terms,
    unroll: int,
) -> list[Value]:
    """Adds terms(i, mask) of the elements from start to stop to `unroll` sets of sums by turns.

    `sums` holds the sets one after the other; lanes that do not count must give zeros.
    """
    count = len(sums) // unroll
    stride = lanes * unroll
    first = b.like(stop, start)
    whole = first + (stop - first) // stride * stride
    with b.loop(first, whole, stride, carry=sums) as loop:
        following: list[Value] = []
        for u in range(unroll):
            new = terms(loop.index + u * lanes, None)
            before = loop.carried[u * count : (u + 1) * count]
            following += [x + y for x, y in zip(before, new, strict=True)]
        loop.next(*following)
    with b.loop(whole, stop, lanes, carry=loop.results[:count]) as tail:
        new = terms(tail.index, b.mask(stop - tail.index, lanes))
        tail.next(*(x + y for x, y in zip(tail.carried, new, strict=True)))
    return [*tail.results, *loop.results[count:]]


def joined(b: Builder, sums: Sequence[Value], unroll: int) -> list[Value]:
    """The sets of sums as one, lanes still apart."""
    count = len(sums) // unroll
    return [pairwise(b, "add", sums[k::count]) for k in range(count)]


def sums_of_row(
    b: Builder, n: Value, lanes: int, kind: str, count: int, terms: Terms, unroll: int = 4
) -> list[Value]:
    """The sums of `count` terms over a row of n elements, block by block, in a fixed order."""
    with b.loop(0, n, BLOCK, carry=zeros(b, kind, lanes, count)) as blocks:
        stop = b.op("min", blocks.index + BLOCK, n)
        start = zeros(b, kind, lanes, count * unroll)
        parts = joined(b, add_along(b, blocks.index, stop, lanes, start, terms, unroll), unroll)
        blocks.next(*(x + y for x, y in zip(blocks.carried, parts, strict=True)))
    return [across(b, "add", total) for total in blocks.results]


def unary(b: Builder, name: str, value: Value) -> Value:
    """A function of the formula vocabulary on a register value."""
    return emit_step(b, name, value.type.kind, [value])
