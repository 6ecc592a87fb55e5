"""What products and convolutions mean: sums over indices, in Python's floats and integers."""

import itertools
import math
import struct

from facula.backend.interpreter.cells import Cells, Number, defines, positions
from facula.kernel.library.block_matmul import MatMul
from facula.kernel.library.blocks import ToBlocks
from facula.kernel.library.correlate import Correlate
from facula.kernel.library.correlate_blocks import CorrelateBlocks
from facula.kernel.library.correlate_blocks_weight import CorrelateBlocksWeight
from facula.kernel.library.correlate_weight import CorrelateWeight
from facula.kernel.library.depthwise import Depthwise
from facula.kernel.library.depthwise_weight import DepthwiseWeight, FoldTaps
from facula.kernel.library.integer_matmul import IntegerMatMul
from facula.kernel.library.matvec import DotMatMul, StreamMatVec
from facula.kernel.library.pair_matmul import PairMatMul
from facula.kernel.plan import Plan
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN


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


def _parts(number: float, count: int) -> list[float]:
    """A float32 as so many bfloat16 numbers, each the nearest to what the ones before left out."""
    parts = []
    for _ in range(count):
        upper = _nearest(number) if abs(number) < math.inf else number
        if count > 1 and abs(upper) == math.inf > abs(number):
            upper = _truncated(number)
        parts.append(upper)
        number = number - upper if abs(upper) < math.inf else 0.0
    return parts


def _bits(number: float) -> int:
    word: int = struct.unpack("<I", struct.pack("<f", number))[0]
    return word


def _float(bits: int) -> float:
    number: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return number


def _nearest(number: float) -> float:
    bits = _bits(number)
    return _float((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000)


def _truncated(number: float) -> float:
    return _float(_bits(number) & 0xFFFF0000)


@defines(PairMatMul)
def pair_matmul(plan: PairMatMul, a: dict[str, Number]) -> None:
    """As matmul; float32 operands are made of bfloat16 parts, and two second parts do not meet."""
    c, left, right = (Cells(a[name], plan.kind) for name in ("c", "a", "b"))

    def element(cells: Cells, place: int) -> list[float]:
        number = float(cells[place])
        return _parts(number, plan.parts) if plan.kind == "f32" else [number]

    for batch, i, j in positions((a["batch"], a["m"], a["n"])):
        row = batch * a["a_batch"] + i * a["a_row"]
        column = batch * a["b_batch"] + j * a["b_column"]
        total = 0.0
        for k in range(a["k"]):
            x = element(left, row + k * a["a_column"])
            y = element(right, column + k * a["b_row"])
            total += sum(x[s] * y[t] for s in range(len(x)) for t in range(len(y) - s))
        if plan.bias:
            total += Cells(a["bias"], plan.kind)[j if plan.bias == "n" else i]
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
        total = sum(
            w[row + k * a["w_column"]] * x[column + k * a["x_column"]] for k in range(a["k"])
        )
        if plan.bias:
            total += Cells(a["bias"], plan.kind)[i * a["bias_row"] + r * a["bias_column"]]
        place = batch * a["y_batch"] + i * a["y_row"] + r * a["y_column"]
        y[place] = _finished(plan, total, y, place)


def _under(a: dict[str, Number], transposed: bool, at: int, tap: int, axis: str) -> int:
    """The source row or column that a tap meets; below -10**9 if it lies between two."""
    stride, reach = a["stride_" + axis], tap * a["dilation_" + axis]
    if not transposed:
        return at * stride + reach - a["padding_" + axis]
    quotient, rest = divmod(at + a["padding_" + axis] - reach, stride)
    return -(10**10) if rest else quotient


@defines(Correlate)
def correlate(plan: Correlate, a: dict[str, Number]) -> None:
    """A convolution forward, or (transposed) the gradient of its input."""
    out, weight, source = (Cells(a[name], plan.kind) for name in ("out", "a", "b"))

    taps = list(positions((a["kernel_h"], a["kernel_w"])))
    for n, g, r in positions((a["batch"], a["groups"], a["rows"])):
        for y, x in positions((a["out_height"], a["out_width"])):
            total = Cells(a["bias"], plan.kind)[g * a["rows"] + r] if plan.bias else 0.0
            for c, (i, j) in itertools.product(range(a["channels"]), taps):
                row = _under(a, plan.transposed, y, i, "h")
                column = _under(a, plan.transposed, x, j, "w")
                if not (0 <= row < a["height"] and 0 <= column < a["width"]):
                    continue
                at = n * a["image"] + (g * a["channels"] + c) * a["channel"]
                at += row * a["row"] + column * a["column"]
                tap = g * a["weight_group"] + r * a["weight_row"] + c * a["weight_channel"]
                total += weight[tap + i * a["kernel_w"] + j] * source[at]
            plane = n * a["out_image"] + (g * a["rows"] + r) * a["out_channel"]
            out[plane + y * a["out_width"] + x] = total


@defines(ToBlocks)
def to_blocks(plan: ToBlocks, a: dict[str, Number]) -> None:
    """Planes of pixels with as many channels side by side as a vector has lanes."""
    lanes, register = plan.lanes, REGISTER_KIND.get(plan.kind, plan.kind)
    out, source = Cells(a["out"], register), Cells(a["a"], plan.kind)
    blocks = -(-a["channels"] // lanes)
    sizes = (a["batch"], a["groups"], blocks, a["plane_rows"], a["pitch"], lanes)
    for place, (n, g, block, r, c, lane) in enumerate(positions(sizes)):
        row, column = r * a["step_h"] - a["margin_h"], c * a["step_w"] - a["margin_w"]
        channel = block * lanes + lane
        inside = 0 <= row < a["height"] and 0 <= column < a["width"] and channel < a["channels"]
        at = n * a["image"] + (g * a["channels"] + channel) * a["channel"]
        out[place] = source[at + row * a["row"] + column * a["column"]] if inside else 0.0


@defines(CorrelateBlocks)
def correlate_blocks(plan: CorrelateBlocks, a: dict[str, Number]) -> None:
    """The same sums, from a source in blocks whose planes have zeros around the image."""
    lanes, register = plan.lanes, REGISTER_KIND.get(plan.kind, plan.kind)
    out, weight, source = (
        Cells(a["out"], plan.kind),
        Cells(a["a"], plan.kind),
        Cells(a["b"], register),
    )
    blocks = -(-a["channels"] // lanes)
    taps = list(positions((a["kernel_h"], a["kernel_w"])))
    for n, g, r in positions((a["batch"], a["groups"], a["rows"])):
        for y, x in positions((a["out_height"], a["out_width"])):
            total = Cells(a["bias"], plan.kind)[g * a["rows"] + r] if plan.bias else 0.0
            for c, (i, j) in itertools.product(range(a["channels"]), taps):
                # Planes begin with their margin; what a tap sees outside the image is zero.
                row = _under(a, plan.transposed, y, i, "h") + a["margin_h"]
                column = _under(a, plan.transposed, x, j, "w") + a["margin_w"]
                if row < 0 or column < 0:
                    continue
                plane = ((n * a["groups"] + g) * blocks + c // lanes) * a["plane_rows"] + row
                place = (plane * a["pitch"] + column) * lanes + c % lanes
                tap = g * a["weight_group"] + r * a["weight_row"] + c * a["weight_channel"]
                tap += (i * a["kernel_w"] + j) * a["weight_tap"]
                total += weight[tap] * source[place]
            channel = n * a["out_image"] + (g * a["rows"] + r) * a["out_channel"]
            out[channel + y * a["out_row"] + x * a["out_column"]] = total


@defines(Depthwise)
def depthwise(plan: Depthwise, a: dict[str, Number]) -> None:
    """A channel's image under its own taps, channels side by side."""
    out, weight, source = (Cells(a[name], plan.kind) for name in ("out", "a", "b"))
    taps = list(positions((a["kernel_h"], plan.kernel)))
    sizes = (a["batch"], a["out_height"], a["out_width"], a["channels"])
    for place, (n, y, x, c) in enumerate(positions(sizes)):
        total = Cells(a["bias"], plan.kind)[c] if plan.bias else 0.0
        for i, j in taps:
            if plan.spread:
                row, rest = divmod(y + i - a["margin_h"], a["stride_h"])
                column, more = divmod(x + j - plan.phase, plan.spread)
                column -= a["margin_w"]
                if rest or more:
                    continue
            else:
                row = y * a["stride_h"] + i * a["dilation_h"] - a["margin_h"]
                column = x * plan.stride + j * plan.dilation - a["margin_w"]
            if not (0 <= row < a["height"] and 0 <= column < a["width"]):
                continue
            tap = a["weight_first"] + c * a["weight_channel"]
            tap += i * a["weight_row"] + j * a["weight_column"]
            total += (
                weight[tap] * source[n * a["image"] + row * a["row"] + column * a["column"] + c]
            )
        out[place] = total


@defines(DepthwiseWeight)
def depthwise_weight(plan: DepthwiseWeight, a: dict[str, Number]) -> None:
    """Sums of products, a part of the rows of dy at a time."""
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    out, dy, source = Cells(a["out"], register), Cells(a["a"], plan.kind), Cells(a["b"], plan.kind)
    lines = a["batch"] * a["out_height"]
    parts = -(-lines // a["part_rows"])
    sizes = (parts, a["kernel_h"], plan.kernel, a["padded"])
    for place, (part, i, j, c) in enumerate(positions(sizes)):
        total, first = 0.0, part * a["part_rows"]
        last = min(first + a["part_rows"], lines) if c < a["channels"] else first
        for line, x in itertools.product(range(first, last), range(a["out_width"])):
            n, y = divmod(line, a["out_height"])
            row = y * a["stride_h"] + i * a["dilation_h"] - a["margin_h"]
            column = x * plan.stride + j * plan.dilation - a["margin_w"]
            if not (0 <= row < a["height"] and 0 <= column < a["width"]):
                continue
            above = n * a["g_image"] + y * a["g_row"] + x * a["g_column"] + c
            at = n * a["image"] + row * a["row"] + column * a["column"] + c
            total += dy[above] * source[at]
        out[place] = total


@defines(FoldTaps)
def fold_taps(plan: FoldTaps, a: dict[str, Number]) -> None:
    """The sums over parts, each channel's taps side by side."""
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    out, given = Cells(a["out"], plan.kind), Cells(a["a"], register)
    for place, (c, tap) in enumerate(positions((a["channels"], a["taps"]))):
        total = math.fsum(
            given[(part * a["taps"] + tap) * a["padded"] + c] for part in range(a["parts"])
        )
        out[place] = _finished(plan, total, out, place)


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


@defines(CorrelateBlocksWeight)
def correlate_blocks_weight(plan: CorrelateBlocksWeight, a: dict[str, Number]) -> None:
    """The same sums, from dy and x in blocks; x has the zeros around it that the taps meet."""
    lanes, register = plan.lanes, REGISTER_KIND.get(plan.kind, plan.kind)
    out = Cells(a["out"], plan.kind)
    g_cells, x_cells = Cells(a["a"], register), Cells(a["b"], register)
    g_blocks, x_blocks = -(-a["rows"] // lanes), -(-a["channels"] // lanes)
    sizes = (a["groups"], a["rows"], a["channels"], a["kernel_h"], a["kernel_w"])
    for group, r, c, i, j in positions(sizes):
        total = 0.0
        for n, y, x in positions((a["batch"], a["g_rows"], a["g_width"])):
            above = ((n * a["groups"] + group) * g_blocks + r // lanes) * a["g_rows"] + y
            above = (above * a["g_width"] + x) * lanes + r % lanes
            row = y * a["stride_h"] + i * a["dilation_h"]
            column = x * plan.step + j * a["dilation_w"]
            at = ((n * a["groups"] + group) * x_blocks + c // lanes) * a["x_rows"] + row
            at = (at * a["x_pitch"] + column) * lanes + c % lanes
            total += g_cells[above] * x_cells[at]
        place = group * a["weight_group"] + r * a["weight_row"] + c * a["weight_channel"]
        place += (i * a["kernel_w"] + j) * a["weight_tap"]
        out[place] = _finished(plan, total, out, place)
