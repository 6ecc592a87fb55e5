"""Pooling over planes (h, w): largest element and its index, averages, gradients. A plane a unit.

Forward max pooling runs in vectors along the output row; the gradients walk a plane in order, so
that overlapping windows add up the same way every time.
"""

from dataclasses import dataclass

from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Parameter,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.target import Target

SIZES = ("planes", "h", "w", "oh", "ow", "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw")


def _units(b: Builder) -> tuple[Value, Value]:
    each = b.parameters["oh"] * b.parameters["ow"] * b.parameters["kh"] * b.parameters["kw"]
    return b.parameters["planes"], each + 20


@dataclass(frozen=True, slots=True)
class MaxPool(Plan):
    """y and the place in the plane (row * w + column) of each window's largest element or nan."""

    kind: str

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, (*SIZES, "x", "y", "index")))


@lowering(MaxPool)
def lower_max_pool(plan: MaxPool, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(max(4, STORED_BYTES[compute]))
    integer = Type("i64", lanes)
    is_float = Type(compute).is_float
    lowest_integer = 0 if compute[0] == "u" else -(1 << (Type(compute).bits - 1))
    lowest = float("-inf") if is_float else lowest_integer

    def body(b: Builder) -> None:
        p = b.parameters
        h, w, oh, ow = p["h"], p["w"], p["oh"], p["ow"]
        with b.loop(b.first, b.last) as plane:
            x = b.offset(p["x"], plane.index * h * w, kind)
            y = b.offset(p["y"], plane.index * oh * ow, kind)
            index = b.offset(p["index"], plane.index * oh * ow, "i64")
            with b.loop(0, oh) as row:
                top = row.index * p["sh"] - p["ph"]
                # The first row of the window that lies inside the plane, in steps of the dilation.
                skip = b.op("max", (p["dh"] - 1 - top) // p["dh"], b.int(0))
                first_row = b.select(top < 0, top + skip * p["dh"], top)
                with b.loop(0, ow, lanes) as block:
                    inside = b.mask(ow - block.index, lanes)
                    column = b.splat(block.index, lanes) + b.iota("i64", lanes)
                    left = column * p["sw"] - p["pw"]
                    steps = b.op("quotient", b.splat(p["dw"] - 1, lanes) - left, p["dw"])
                    jump = b.op("max", steps, 0)
                    first_column = b.select(left < 0, left + jump * p["dw"], left)
                    best = b.const(Type(compute, lanes), lowest)
                    start = b.splat(first_row * w, lanes) + first_column
                    with b.loop(0, p["kh"], carry=(best, start)) as down:
                        r = top + down.index * p["dh"]
                        row_inside = (r >= 0) & (r < h)
                        safe_row = b.select(row_inside, r, 0) * w
                        with b.loop(0, p["kw"], carry=down.carried) as right:
                            c = left + right.index * p["dw"]
                            here = (c >= 0) & (c < w) & b.splat(row_inside, lanes) & inside
                            place = b.splat(safe_row, lanes) + c
                            value = b.gather(x, place, kind, here)
                            larger = value > right.carried[0]
                            if is_float:
                                larger = larger | value.ne(value)
                            wins = larger & here
                            right.next(
                                b.select(wins, value, right.carried[0]),
                                b.select(wins, place, right.carried[1]),
                            )
                        down.next(*right.results)
                    at = row.index * ow + block.index
                    b.store(y, at, down.results[0], kind, inside)
                    assert down.results[1].type == integer
                    b.store(index, at, down.results[1], "i64", inside)

    return program("max_pool", plan.parameters, _units, body)


@dataclass(frozen=True, slots=True)
class MaxPoolBackward(Plan):
    """dx = 0, then dx[index] += g, plane by plane (`size` elements in, `count` out)."""

    kind: str

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, ("planes", "size", "count", "g", "index", "dx")))


@lowering(MaxPoolBackward)
def lower_max_pool_backward(plan: MaxPoolBackward, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    lanes = target.lanes(STORED_BYTES[compute])

    def units(b: Builder) -> tuple[Value, Value]:
        return b.parameters["planes"], b.parameters["count"] + b.parameters["size"] // 16 + 10

    def body(b: Builder) -> None:
        size, count = b.parameters["size"], b.parameters["count"]
        with b.loop(b.first, b.last) as plane:
            dx = b.offset(b.parameters["dx"], plane.index * size, kind)
            g = b.offset(b.parameters["g"], plane.index * count, kind)
            index = b.offset(b.parameters["index"], plane.index * count, "i64")
            zero = b.const(Type(compute, lanes), 0)
            whole = size // lanes * lanes
            with b.loop(0, whole, lanes) as loop:
                b.store(dx, loop.index, zero, kind)
            b.store(dx, whole, zero, kind, b.mask(size - whole, lanes))
            with b.loop(0, count) as loop:
                at = b.load(index, loop.index, "i64")
                with b.when((at >= 0) & (at < size)) as branch:
                    b.store(dx, at, b.load(dx, at, kind) + b.load(g, loop.index, kind), kind)
                with b.otherwise(branch):
                    b.report(1)

    return program("max_pool_backward", plan.parameters, units, body)


@dataclass(frozen=True, slots=True)
class AveragePool(Plan):
    """Averages of windows, or their gradient.

    `adaptive`: window i covers floor(i h / oh) to ceil((i + 1) h / oh). Otherwise `divisor` > 0 is
    the number to divide by, -1 counts padding, -2 counts only elements inside.
    """

    kind: str
    adaptive: bool
    backward: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(map(Parameter, (*SIZES, "divisor", "x", "y")))


@lowering(AveragePool)
def lower_average_pool(plan: AveragePool, target: Target) -> Program:
    kind, compute = plan.kind, REGISTER_KIND.get(plan.kind, plan.kind)
    # Sums of halves stay in f32, of f32 in f32 as in torch; f64 in f64.

    def span(b: Builder, i: Value, axis: str) -> tuple[Value, Value, Value]:
        """First and last (exclusive) index in the plane, and how many positions count padded."""
        p = b.parameters
        size, out = p["h" if axis == "h" else "w"], p["oh" if axis == "h" else "ow"]
        if plan.adaptive:
            first = i * size // out
            last = ((i + 1) * size + out - 1) // out
            return first, last, last - first
        start = i * p["s" + axis] - p["p" + axis]
        end = b.op("min", start + p["k" + axis], size + p["p" + axis])
        return b.op("max", start, b.int(0)), b.op("min", end, size), end - start

    def body(b: Builder) -> None:
        p = b.parameters
        h, w, oh, ow = p["h"], p["w"], p["oh"], p["ow"]
        with b.loop(b.first, b.last) as plane:
            x = b.offset(p["x"], plane.index * h * w, kind)
            y = b.offset(p["y"], plane.index * oh * ow, kind)
            if plan.backward:
                with b.loop(0, h * w) as clear:
                    b.store(x, clear.index, b.const(Type(compute), 0), kind)
            with b.loop(0, oh) as row:
                top, bottom, tall = span(b, row.index, "h")
                with b.loop(0, ow) as column:
                    left, right, wide = span(b, column.index, "w")
                    at = row.index * ow + column.index
                    counted = tall * wide
                    if not plan.adaptive:
                        divisor = p["divisor"]
                        valid = (bottom - top) * (right - left)
                        free = b.select(divisor.eq(-1), counted, valid)
                        counted = b.select(divisor > 0, divisor, free)
                    number = b.cast(counted, compute)
                    if plan.backward:
                        share = b.load(y, at, kind) / number
                        with b.loop(top, bottom) as r, b.loop(left, right) as c:
                            place = r.index * w + c.index
                            b.store(x, place, b.load(x, place, kind) + share, kind)
                    else:
                        zero = b.const(Type(compute), 0)
                        with b.loop(top, bottom, carry=(zero,)) as r:
                            with b.loop(left, right, carry=r.carried) as c:
                                c.next(c.carried[0] + b.load(x, r.index * w + c.index, kind))
                            r.next(*c.results)
                        b.store(y, at, r.results[0] / number, kind)

    return program("average_pool", plan.parameters, _units, body)
