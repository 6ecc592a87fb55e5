"""What the plans of layers mean: softmax, cross entropy and pooling."""

import math
from collections.abc import Sequence

from facula.backend.interpreter.cells import Cells, Number, defines, positions
from facula.kernel.library.pool import AveragePool, MaxPool, MaxPoolBackward
from facula.kernel.library.softmax import (
    CrossEntropy,
    CrossEntropyBackward,
    Softmax,
    SoftmaxBackward,
)
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN


def _log_sum_exp(row: Sequence[float]) -> tuple[float, float]:
    """The largest number (nan if there is one), and the sum of exp(number - largest)."""
    top = math.nan if any(v != v for v in row) else max(row)
    return top, sum(PLAIN["exp"](v - top) for v in row)


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
        total = sum(g[i] if plan.log else g[i] * y[i] for i in range(n))
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


@defines(MaxPool)
def max_pool(plan: MaxPool, a: dict[str, Number]) -> None:
    """The first largest element of each window, or the last nan, and its place in the plane."""
    h, w, oh, ow = a["h"], a["w"], a["oh"], a["ow"]
    for plane in range(a["planes"]):
        x = Cells(a["x"], plan.kind).at(plane * h * w)
        y = Cells(a["y"], plan.kind).at(plane * oh * ow)
        index_ = Cells(a["index"], "i64").at(plane * oh * ow)
        for r, c in positions((oh, ow)):
            best: tuple[Number, int] | None = None
            for i, j in positions((a["kh"], a["kw"])):
                row, column = (
                    r * a["sh"] - a["ph"] + i * a["dh"],
                    c * a["sw"] - a["pw"] + j * a["dw"],
                )
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
        dx, g = (
            Cells(a["dx"], plan.kind).at(plane * size),
            Cells(a["g"], plan.kind).at(plane * count),
        )
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
        x, y = (
            Cells(a["x"], plan.kind).at(plane * h * w),
            Cells(a["y"], plan.kind).at(plane * oh * ow),
        )
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
