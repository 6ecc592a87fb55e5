"""The plain-Python interpreter: what every plan means, element by element, with Python's own numbers.

`compile_plan(plan)` gives a callable with the arguments of the compiled kernel. It is slow and has no
vectors, threads or scratch; code generators are tested against it, and `FACULA_BACKEND=interpreter`
runs whole programs on it. A plan without a definition here has no meaning.
"""

import ctypes
import itertools
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from facula.kernel.expr import Graph
from facula.kernel.library.conv import Correlate, CorrelateWeight
from facula.kernel.library.index import OUT_OF_BOUNDS, Index, Nonzero
from facula.kernel.library.matmul import IntegerMatMul, MatMul
from facula.kernel.library.matvec import DotMatMul, StreamMatVec
from facula.kernel.library.pool import AveragePool, MaxPool, MaxPoolBackward
from facula.kernel.library.softmax import (
    CrossEntropy,
    CrossEntropyBackward,
    Softmax,
    SoftmaxBackward,
)
from facula.kernel.library.sort import Sort
from facula.kernel.library.update import Update
from facula.kernel.plan import Plan, Pointwise, Reduce, Scan
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN

Number = Any
Definition = Callable[..., int | None]
DEFINITIONS: dict[type[Plan], Definition] = {}

C_TYPES = {
    "i8": ctypes.c_int8, "u8": ctypes.c_uint8, "i16": ctypes.c_int16, "u16": ctypes.c_uint16,
    "i32": ctypes.c_int32, "u32": ctypes.c_uint32, "i64": ctypes.c_int64, "u64": ctypes.c_uint64,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "bool": ctypes.c_uint8,
    "f16": ctypes.c_uint16, "bf16": ctypes.c_uint16,
}  # fmt: skip
COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf"))


# --- memory and numbers --------------------------------------------------------------------------


class Cells:
    """Elements of one kind from an address on."""

    __slots__ = ("address", "kind", "_type", "_size")

    def __init__(self, address: int, kind: str) -> None:
        self.address = address
        self.kind = kind
        self._type = C_TYPES[kind]
        self._size = ctypes.sizeof(self._type)

    def __getitem__(self, index: int) -> Number:
        raw = self._type.from_address(self.address + index * self._size).value
        if self.kind == "bool":
            return raw != 0
        if self.kind == "f16":
            return struct.unpack("<e", struct.pack("<H", raw))[0]
        if self.kind == "bf16":
            return struct.unpack("<f", struct.pack("<I", raw << 16))[0]
        return raw

    def __setitem__(self, index: int, value: Number) -> None:
        self._type.from_address(self.address + index * self._size).value = stored(value, self.kind)

    def at(self, index: int) -> "Cells":
        """The cells from element `index` on."""
        return Cells(self.address + index * self._size, self.kind)


def stored(value: Number, kind: str) -> Number:
    """A number as the bits ctypes writes for a kind; halves rounded to nearest even."""
    if kind == "bool":
        return 1 if value else 0
    if kind == "f16":
        single = rounded(float(value), "f32")
        if math.isfinite(single) and abs(single) >= 65520:
            single = math.copysign(math.inf, single)
        return struct.unpack("<H", struct.pack("<e", single))[0]
    if kind == "bf16":
        bits = struct.unpack("<I", struct.pack("<f", rounded(float(value), "f32")))[0]
        if value != value:
            return 0x7FC0
        return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF
    if kind in ("f32", "f64"):
        return rounded(float(value), kind)
    return int(value)


def rounded(value: float, kind: str) -> float:
    """The nearest number of a floating kind."""
    return ctypes.c_float(value).value if kind == "f32" else value


def converted(value: Number, kind: str) -> Number:
    """A number cast to a register kind, integers wrapping around."""
    if kind == "i1":
        return bool(value != 0)
    if kind in ("f32", "f64"):
        return rounded(float(value), kind)
    if isinstance(value, float):
        if not math.isfinite(value):
            return -(2**63) if kind == "i64" else -(2**31) if kind == "i32" else 0
        value = math.trunc(value)
    return wrapped(int(value), kind)


def wrapped(value: int, kind: str) -> int:
    bits = int(kind[1:])
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind[0] == "i" and value >> (bits - 1) else value


def evaluate(graph: Graph, inputs: Sequence[Number], params: Sequence[Number]) -> list[Number]:
    """An expression graph on numbers; every step is rounded to its kind as machines do."""

    def constant(literal: Number, kind: str) -> Number:
        return converted(literal, kind)

    def apply(op: str, kind: str, args: list[Number]) -> Number:
        if op == "cast":
            return converted(args[0], kind)
        if op in COMPARISONS:
            return bool(PLAIN[op](*args))
        if kind == "i1" and op in ("add", "maximum", "sub", "mul", "minimum"):
            a, b = args
            return a != b if op == "sub" else (a or b) if op in ("add", "maximum") else (a and b)
        return converted(PLAIN[op](*args), kind)

    return graph.run(inputs, params, constant, apply)


def positions(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, sizes))


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def defines(plan_type: type[Plan]) -> Callable[[Definition], Definition]:
    """Registers `function(plan, arguments by name)` as the meaning of a plan."""

    def register(function: Definition) -> Definition:
        DEFINITIONS[plan_type] = function
        return function

    return register


def compile_plan(plan: Plan) -> Callable[..., int]:
    """A kernel in Python for a plan."""
    definition = DEFINITIONS[type(plan)]
    names = [p.name for p in plan.parameters]

    def kernel(*values: Number) -> int:
        if len(values) != len(names):
            raise TypeError(f"kernel takes {len(names)} arguments, got {len(values)}")
        return definition(plan, dict(zip(names, values, strict=True))) or 0

    return kernel


# --- pointwise, reduce, scan ---------------------------------------------------------------------


def _strides(a: dict[str, Number], name: str, inner: str, rank: int) -> list[int]:
    known = {"1": 1, "0": 0}
    last = known[inner] if inner in known else a[f"{name}_s{rank - 1}"]
    return [a[f"{name}_s{d}"] for d in range(rank - 1)] + [last]


@defines(Pointwise)
def pointwise(plan: Pointwise, a: dict[str, Number]) -> int:
    """y[i] = formula(x0[i], x1[i], ...) for every i."""
    sizes = [a[f"d{d}"] for d in range(plan.rank)]
    kinds = (*plan.inputs, *plan.outputs)
    strides = [_strides(a, n, c, plan.rank) for n, c in zip(plan.names, plan.inner, strict=True)]
    cells = [Cells(a[n], k) for n, k in zip(plan.names, kinds, strict=True)]
    params = [a[f"p{k}"] for k in range(len(plan.params))]
    count = len(plan.inputs)
    code = 0
    for place in positions(sizes):
        at = [dot(place, s) for s in strides]
        inputs = [c[i] for c, i in zip(cells[:count], at[:count], strict=True)]
        try:
            results = evaluate(plan.graph, inputs, params)
        except ZeroDivisionError:
            code = 1
            continue
        for c, i, value in zip(cells[count:], at[count:], results, strict=True):
            c[i] = value
    return code


@defines(Reduce)
def reduce(plan: Reduce, a: dict[str, Number]) -> None:
    """y[kept] = finish(combine of map(x[kept, reduced]) over the reduced places, beginning with unit)."""
    kept = [a[f"k{d}"] for d in range(plan.kept)]
    reduced = [a[f"r{d}"] for d in range(plan.reduced)]
    params = [a[f"p{k}"] for k in range(len(plan.params))]
    inputs = [Cells(a[n], k) for n, k in zip(plan.input_names, plan.inputs, strict=True)]
    outputs = [Cells(a[n], k) for n, k in zip(plan.output_names, plan.outputs, strict=True)]
    by_kept = {n: [a[f"{n}_k{d}"] for d in range(plan.kept)] for n in (*plan.input_names, *plan.output_names)}
    by_reduced = {n: [a[f"{n}_r{d}"] for d in range(plan.reduced)] for n in plan.input_names}
    axis = 0 if plan.along == "kept" else plan.reduced - 1
    chunk = a["chunk"] if plan.split else reduced[axis] or 1
    pieces = max(1, -(-reduced[axis] // chunk)) if plan.split else 1
    for place in positions(kept):
        for piece in range(pieces):
            spans = [range(n) for n in reduced]
            if plan.split:
                spans[axis] = range(piece * chunk, min(reduced[axis], (piece + 1) * chunk))
            state = [converted(u, k) for k, u in plan.unit]
            for inside in itertools.product(*spans):
                values = [
                    c[dot(place, by_kept[n]) + dot(inside, by_reduced[n])]
                    for n, c in zip(plan.input_names, inputs, strict=True)
                ]
                if plan.uses_position:
                    values.append(inside[axis])
                new = evaluate(plan.map, values, params)
                state = evaluate(plan.combine, [*state, *new], ())
            for n, c, value in zip(plan.output_names, outputs, evaluate(plan.finish, state, params), strict=True):
                step = piece * a[f"{n}_c"] if plan.split else 0
                c[dot(place, by_kept[n]) + step] = value


@defines(Scan)
def scan(plan: Scan, a: dict[str, Number]) -> None:
    """y[kept, i] = finish(combine of map(x[kept, 0..i]))."""
    kept = [a[f"k{d}"] for d in range(plan.kept)]
    ins = [(f"x{k}", Cells(a[f"x{k}"], kind)) for k, kind in enumerate(plan.inputs)]
    outs = [(f"y{k}", Cells(a[f"y{k}"], kind)) for k, kind in enumerate(plan.outputs)]

    def at(name: str, place: tuple[int, ...], i: int) -> int:
        return dot(place, [a[f"{name}_k{d}"] for d in range(plan.kept)]) + i * a[f"{name}_n"]

    for place in positions(kept):
        state = [converted(u, k) for k, u in plan.unit]
        for i in range(a["n"]):
            new = evaluate(plan.map, [*(c[at(n, place, i)] for n, c in ins), i], ())
            state = evaluate(plan.combine, [*state, *new], ())
            for (n, c), value in zip(outs, evaluate(plan.finish, state, ()), strict=True):
                c[at(n, place, i)] = value


@defines(Update)
def update(plan: Update, a: dict[str, Number]) -> None:
    """For every row of tensors and every element: the formula's outputs go to some of the tensors."""
    rows = a["rows"]
    lengths = Cells(a["layout"], "i64").at(rows + 1)
    table = Cells(a["table"], "i64")
    scalars = [a[f"p{k}"] for k in range(plan.scalars)]
    for row in range(rows):
        cells = [Cells(table[t * rows + row], plan.kind) for t in range(plan.tensors)]
        for i in range(lengths[row]):
            results = evaluate(plan.graph, [c[i] for c in cells], scalars)
            for t, value in zip(plan.writes, results, strict=True):
                cells[t][i] = value


# --- indirect access -----------------------------------------------------------------------------

COMBINE = {
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": lambda old, new: PLAIN["maximum"](old, new),
    "min": lambda old, new: PLAIN["minimum"](old, new),
    "put": lambda old, new: new,
}


@defines(Index)
def index(plan: Index, a: dict[str, Number]) -> int:
    """values[place] = table[affine place + indices times strides], or the write the other way round."""
    sizes = [a[f"d{d}"] for d in range(plan.rank)]
    steps = {n: [a[f"{n}_s{d}"] for d in range(plan.rank)] for n in ("v", "t", *(f"i{k}" for k in range(plan.indices)))}
    values, table = Cells(a["v"], plan.kind), Cells(a["t"], plan.kind)
    tables = [Cells(a[f"i{k}"], "i64") for k in range(plan.indices)]
    code = 0
    for place in positions(sizes):
        at, inside = dot(place, steps["t"]), True
        for k, cells in enumerate(tables):
            number, size = cells[dot(place, steps[f"i{k}"])], a[f"i{k}_n"]
            if number < 0 and not plan.positive:
                number += size
            inside = inside and 0 <= number < size
            at += number * a[f"i{k}_t"]
        if not inside:
            code = OUT_OF_BOUNDS
            continue
        there = dot(place, steps["v"])
        if plan.mode == "take":
            values[there] = table[at]
        else:
            register = REGISTER_KIND.get(plan.kind, plan.kind)
            table[at] = converted(COMBINE[plan.mode](table[at], values[there]), register)
    return code


@defines(Nonzero)
def nonzero(plan: Nonzero, a: dict[str, Number]) -> int:
    """How many elements are not 0; their coordinates unless only counting."""
    x, y = Cells(a["x"], plan.kind), Cells(a["y"], "i64")
    strides = [a[f"x_s{d}"] for d in range(plan.rank)]
    found = 0
    for place in positions([a[f"d{d}"] for d in range(plan.rank)]):
        if x[dot(place, strides)] != 0:
            if not plan.count_only:
                for d, p in enumerate(place):
                    y[found * plan.rank + d] = p
            found += 1
    return found


@defines(Sort)
def sort(plan: Sort, a: dict[str, Number]) -> None:
    """Each row in order, equal elements as they stood, nan largest."""
    n = a["n"]
    for row in range(a["rows"]):
        x = Cells(a["x"], plan.kind).at(row * n)
        values, indices = Cells(a["values"], plan.kind).at(row * n), Cells(a["indices"], "i64").at(row * n)

        def key(i: int, x: Cells = x) -> tuple[bool, Number]:
            return (True, 0) if x[i] != x[i] else (False, x[i])

        order = sorted(range(n), key=key)
        if plan.descending:
            order = [i for _, group in itertools.groupby(reversed(order), key) for i in sorted(group)]
        for place, i in enumerate(order):
            values[place], indices[place] = x[i], i


# --- softmax and cross entropy -------------------------------------------------------------------


def _log_sum_exp(row: Sequence[float]) -> tuple[float, float]:
    top = math.nan if any(v != v for v in row) else max(row)
    if math.isinf(top):
        return top, math.nan if top < 0 else math.nan
    return top, math.fsum(PLAIN["exp"](v - top) for v in row) if top == top else math.nan


@defines(Softmax)
def softmax(plan: Softmax, a: dict[str, Number]) -> None:
    """exp(x - max) / sum of these, or its logarithm."""
    n = a["n"]
    for row in range(a["rows"]):
        x, y = Cells(a["x"], plan.kind).at(row * n), Cells(a["y"], plan.kind).at(row * n)
        values = [x[i] for i in range(n)]
        top, total = _log_sum_exp(values)
        for i, v in enumerate(values):
            y[i] = v - top - PLAIN["log"](total) if plan.log else PLAIN["exp"](v - top) / total


@defines(SoftmaxBackward)
def softmax_backward(plan: SoftmaxBackward, a: dict[str, Number]) -> None:
    """dx = y (g - sum(g y)), or g - exp(y) sum(g)."""
    n = a["n"]
    for row in range(a["rows"]):
        g, y, dx = (Cells(a[k], plan.kind).at(row * n) for k in ("g", "y", "dx"))
        total = math.fsum(g[i] if plan.log else g[i] * y[i] for i in range(n))
        for i in range(n):
            dx[i] = g[i] - PLAIN["exp"](y[i]) * total if plan.log else y[i] * (g[i] - total)


@defines(CrossEntropy)
def cross_entropy(plan: CrossEntropy, a: dict[str, Number]) -> int:
    """loss = log(sum(exp(x))) - x[target], a row."""
    n, code = a["n"], 0
    classes, loss = Cells(a["target"], "i64"), Cells(a["loss"], plan.kind)
    lse = Cells(a["lse"], REGISTER_KIND.get(plan.kind, plan.kind))
    for row in range(a["rows"]):
        x = Cells(a["x"], plan.kind).at(row * n)
        top, total = _log_sum_exp([x[i] for i in range(n)])
        lse[row] = top + PLAIN["log"](total)
        inside, ignored = 0 <= classes[row] < n, classes[row] == a["ignore"]
        loss[row] = 0.0 if ignored else top + PLAIN["log"](total) - x[classes[row] if inside else 0]
        if ignored or not inside:
            code = 1
    return code


@defines(CrossEntropyBackward)
def cross_entropy_backward(plan: CrossEntropyBackward, a: dict[str, Number]) -> None:
    """dx = (softmax(x) - [target]) g scale."""
    n = a["n"]
    classes, g = Cells(a["target"], "i64"), Cells(a["g"], plan.kind)
    lse = Cells(a["lse"], REGISTER_KIND.get(plan.kind, plan.kind))
    for row in range(a["rows"]):
        x, dx = Cells(a["x"], plan.kind).at(row * n), Cells(a["dx"], plan.kind).at(row * n)
        factor = 0.0 if classes[row] == a["ignore"] else g[row * a["each"]] * a["scale"]
        for i in range(n):
            dx[i] = (PLAIN["exp"](x[i] - lse[row]) - (1.0 if i == classes[row] else 0.0)) * factor


# --- pooling -------------------------------------------------------------------------------------


@defines(MaxPool)
def max_pool(plan: MaxPool, a: dict[str, Number]) -> None:
    """The first largest element of each window, or the last nan, and where it stands in the plane."""
    h, w, oh, ow = a["h"], a["w"], a["oh"], a["ow"]
    for plane in range(a["planes"]):
        x = Cells(a["x"], plan.kind).at(plane * h * w)
        y = Cells(a["y"], plan.kind).at(plane * oh * ow)
        index_ = Cells(a["index"], "i64").at(plane * oh * ow)
        for r, c in positions((oh, ow)):
            best: tuple[Number, int] | None = None
            for i, j in positions((a["kh"], a["kw"])):
                row, column = r * a["sh"] - a["ph"] + i * a["dh"], c * a["sw"] - a["pw"] + j * a["dw"]
                if 0 <= row < h and 0 <= column < w:
                    value, place = x[row * w + column], row * w + column
                    if best is None or value > best[0] or value != value:
                        best = value, place
            assert best is not None
            y[r * ow + c], index_[r * ow + c] = best


@defines(MaxPoolBackward)
def max_pool_backward(plan: MaxPoolBackward, a: dict[str, Number]) -> int:
    """dx[index] += g."""
    size, count, code = a["size"], a["count"], 0
    for plane in range(a["planes"]):
        dx, g = Cells(a["dx"], plan.kind).at(plane * size), Cells(a["g"], plan.kind).at(plane * count)
        index_ = Cells(a["index"], "i64").at(plane * count)
        for i in range(size):
            dx[i] = 0
        for k in range(count):
            if 0 <= index_[k] < size:
                dx[index_[k]] = dx[index_[k]] + g[k]
            else:
                code = 1
    return code


@defines(AveragePool)
def average_pool(plan: AveragePool, a: dict[str, Number]) -> None:
    """The average of each window, or its gradient shared out."""

    def span(i: int, axis: str) -> tuple[int, int, int]:
        size, out = a[axis], a[f"o{axis}"]
        if plan.adaptive:
            first, last = i * size // out, -(-(i + 1) * size // out)
            return first, last, last - first
        start = i * a[f"s{axis}"] - a[f"p{axis}"]
        end = min(start + a[f"k{axis}"], size + a[f"p{axis}"])
        return max(start, 0), min(end, size), end - start

    h, w, oh, ow = a["h"], a["w"], a["oh"], a["ow"]
    for plane in range(a["planes"]):
        x, y = Cells(a["x"], plan.kind).at(plane * h * w), Cells(a["y"], plan.kind).at(plane * oh * ow)
        if plan.backward:
            for i in range(h * w):
                x[i] = 0
        for r, c in positions((oh, ow)):
            top, bottom, tall = span(r, "h")
            left, right, wide = span(c, "w")
            inside = [i * w + j for i in range(top, bottom) for j in range(left, right)]
            number = tall * wide
            if not plan.adaptive and a["divisor"] != -1:
                number = a["divisor"] if a["divisor"] > 0 else len(inside)
            if plan.backward:
                for place in inside:
                    x[place] = x[place] + y[r * ow + c] / number
            else:
                y[r * ow + c] = PLAIN["div"](sum(x[place] for place in inside), number)


# --- products and convolutions -------------------------------------------------------------------


def _finished(plan: Plan, total: Number, cells: Cells, place: int) -> Number:
    """What a product leaves in a place: perhaps added to what stood there, perhaps cut off at 0."""
    if getattr(plan, "accumulate", False):
        total = cells[place] + total
    return PLAIN["maximum"](total, 0) if getattr(plan, "activation", "") == "relu" else total


@defines(MatMul)
@defines(IntegerMatMul)
def matmul(plan: MatMul | IntegerMatMul, a: dict[str, Number]) -> None:
    """c[i, j] = sum over k of a[i, k] b[k, j], plus a bias for each column ("n") or row ("m")."""
    c, left, right = (Cells(a[name], plan.kind) for name in ("c", "a", "b"))
    which = getattr(plan, "bias", "")
    for batch, i, j in positions((a["batch"], a["m"], a["n"])):
        row = batch * a["a_batch"] + i * a["a_row"]
        column = batch * a["b_batch"] + j * a["b_column"]
        total = sum(
            left[row + k * a["a_column"]] * right[column + k * a["b_row"]] for k in range(a["k"])
        )
        if which:
            total += Cells(a["bias"], plan.kind)[j if which == "n" else i]
        place = batch * a["c_batch"] + i * a["c_row"] + j
        c[place] = _finished(plan, total, c, place)


@defines(DotMatMul)
@defines(StreamMatVec)
def matvec(plan: DotMatMul | StreamMatVec, a: dict[str, Number]) -> None:
    """y[i, r] = sum over k of w[i, k] x[r, k], plus a bias."""
    narrow = "b" if plan.wide == "a" else "a"
    y, w, x = (Cells(a[name], plan.kind) for name in ("c", plan.wide, narrow))
    for batch, i, r in positions((a["batch"], a["count"], a["few"])):
        row, column = batch * a["w_batch"] + i * a["w_row"], batch * a["x_batch"] + r * a["x_row"]
        total = sum(w[row + k * a["w_column"]] * x[column + k * a["x_column"]] for k in range(a["k"]))
        if plan.bias:
            total += Cells(a["bias"], plan.kind)[i * a["bias_row"] + r * a["bias_column"]]
        place = batch * a["y_batch"] + i * a["y_row"] + r * a["y_column"]
        y[place] = _finished(plan, total, y, place)


@defines(Correlate)
def correlate(plan: Correlate, a: dict[str, Number]) -> None:
    """A convolution forward, or (transposed) the gradient of its input."""
    out, weight, source = (Cells(a[name], plan.kind) for name in ("out", "a", "b"))

    def under(at: int, tap: int, axis: str) -> int:
        """The source row or column that a tap meets, or -1."""
        stride, reach = a["stride_" + axis], tap * a["dilation_" + axis]
        if not plan.transposed:
            return at * stride + reach - a["padding_" + axis]
        quotient, rest = divmod(at + a["padding_" + axis] - reach, stride)
        return -1 if rest else quotient

    taps = list(positions((a["kernel_h"], a["kernel_w"])))
    for n, g, r in positions((a["batch"], a["groups"], a["rows"])):
        for y, x in positions((a["out_height"], a["out_width"])):
            total = Cells(a["bias"], plan.kind)[g * a["rows"] + r] if plan.bias else 0.0
            for c, (i, j) in itertools.product(range(a["channels"]), taps):
                row, column = under(y, i, "h"), under(x, j, "w")
                if not (0 <= row < a["height"] and 0 <= column < a["width"]):
                    continue
                at = n * a["image"] + (g * a["channels"] + c) * a["channel"]
                at += row * a["row"] + column * a["column"]
                tap = g * a["weight_group"] + r * a["weight_row"] + c * a["weight_channel"]
                total += weight[tap + i * a["kernel_w"] + j] * source[at]
            plane = n * a["out_image"] + (g * a["rows"] + r) * a["out_channel"]
            out[plane + y * a["out_width"] + x] = total


@defines(CorrelateWeight)
def correlate_weight(plan: CorrelateWeight, a: dict[str, Number]) -> None:
    """The gradient of a convolution's weight."""
    out, g_cells, x_cells = (Cells(a[name], plan.kind) for name in ("out", "a", "b"))
    sizes = (a["groups"], a["rows"], a["channels"], a["kernel_h"], a["kernel_w"])
    for place, (group, r, c, i, j) in enumerate(positions(sizes)):
        total = 0.0
        for n, y, x in positions((a["batch"], a["g_height"], a["g_width"])):
            row = y * a["stride_h"] + i * a["dilation_h"] - a["x_margin_h"]
            column = x * a["stride_w"] + j * a["dilation_w"] - a["x_margin_w"]
            if not (0 <= row < a["x_height"] and 0 <= column < a["x_width"]):
                continue
            at = n * a["x_image"] + (group * a["channels"] + c) * a["x_channel"]
            at += row * a["x_row"] + column * a["x_column"]
            above = n * a["g_image"] + (group * a["rows"] + r) * a["g_channel"]
            above += y * a["g_row"] + x * a["g_column"]
            total += g_cells[above] * x_cells[at]
        out[place] = _finished(plan, total, out, place)
