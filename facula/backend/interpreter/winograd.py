"""What the plans of Winograd's convolution mean, from the matrices of the algorithm."""

import math
from collections.abc import Sequence

from facula.backend.interpreter.cells import Cells, Number, defines, positions, rounded
from facula.kernel.library.winograd import NOT_FINITE, Winograd, WinogradWeight

# y = A^T [(G w G^T) * (B^T d B)] A, element by element, is F(2x2, 3x3).
A = ((1, 0), (1, 1), (1, -1), (0, -1))
B = ((1, 0, 0, 0), (0, 1, -1, 1), (-1, 1, 1, 0), (0, 0, 0, -1))
G = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
Matrix = Sequence[Sequence[float]]


def _product(a: Matrix, b: Matrix) -> list[list[float]]:
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def _around(a: Matrix, inner: Matrix) -> list[list[float]]:
    """a inner a^T."""
    return _product(_product(a, inner), list(zip(*a)))


@defines(WinogradWeight)
def winograd_weight(plan: WinogradWeight, a: dict[str, Number]) -> None:
    """G w G^T for every pair of channels, in the order in which tiles read them."""
    out, weight = Cells(a["out"], plan.kind), Cells(a["weight"], plan.kind)
    height = plan.tile_rows
    for tile, c, i in positions((-(-a["rows"] // height), a["channels"], height)):
        row = min(tile * height + i, a["rows"] - 1)
        at = row * a["row_step"] + c * a["channel_step"]
        taps = [weight[at + k] for k in range(9)]
        if plan.flipped:
            taps.reverse()
        points = _around(G, [taps[3 * k : 3 * k + 3] for k in range(3)])
        for point in range(16):
            place = (tile * 16 + point) * a["point"] + c * height + i
            out[place] = points[point // 4][point % 4]


@defines(Winograd)
def winograd(plan: Winograd, a: dict[str, Number]) -> int:
    """Tiles of 2x2 pixels, each the sum over channels of products at 16 points."""
    kind, height, code = plan.kind, plan.tile[0], 0
    out, weight, x = (Cells(a[name], kind) for name in ("out", "weight", "x"))

    def pixel(start: int, row: int, column: int) -> float:
        inside = 0 <= row < a["height"] and 0 <= column < a["width"]
        return float(x[start + row * a["row"] + column]) if inside else 0.0

    high, wide = -(-a["out_height"] // 2), -(-a["out_width"] // 2)
    for n, r, i, j in positions((a["batch"], a["rows"], high, wide)):
        total = [[0.0] * 4 for _ in range(4)]
        for c in range(a["channels"]):
            start = n * a["image"] + c * a["channel"]
            top, left = 2 * i - a["padding_h"], 2 * j - a["padding_w"]
            square = [[pixel(start, top + y, left + x) for x in range(4)] for y in range(4)]
            points = _around(list(zip(*B)), square)
            for y, z in positions((4, 4)):
                place = (r // height * 16 + 4 * y + z) * a["weight_point"] + c * height
                total[y][z] += weight[place + r % height] * points[y][z]
        pixels = _around(list(zip(*A)), total)
        bias = Cells(a["bias"], kind)[r] if plan.bias else 0.0
        for y, z in positions((2, 2)):
            row, column = 2 * i + y, 2 * j + z
            value = rounded(pixels[y][z] + bias, kind)
            if not math.isfinite(value):
                code = NOT_FINITE
            if row < a["out_height"] and column < a["out_width"]:
                place = n * a["out_image"] + r * a["out_channel"] + row * a["out_width"] + column
                out[place] = value
    return code
