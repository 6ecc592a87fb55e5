"""What the plans of layers mean: softmax and cross entropy."""

import math
from collections.abc import Sequence

from facula.backend.interpreter.cells import Cells, Number, defines, positions
from facula.kernel.library.softmax import (
    Softmax,
    SoftmaxAcross,
    SoftmaxAcrossBackward,
    SoftmaxBackward,
)
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


@defines(SoftmaxAcross)
def softmax_across(plan: SoftmaxAcross, a: dict[str, Number]) -> None:
    """(Log-)softmax of lines whose elements lie s apart."""
    n, s = a["n"], a["s"]
    for block, i in positions((a["m"], s)):
        x, y = (Cells(a[p], plan.kind).at(block * n * s + i) for p in ("x", "y"))
        values = [x[c * s] for c in range(n)]
        top, total = _log_sum_exp(values)
        for c, v in enumerate(values):
            result = v - top - PLAIN["log"](total) if plan.log else PLAIN["exp"](v - top) / total
            y[c * s] = result


@defines(SoftmaxAcrossBackward)
def softmax_across_backward(plan: SoftmaxAcrossBackward, a: dict[str, Number]) -> None:
    """dx = y (g - sum(g y)), or g - exp(y) sum(g), along lines."""
    n, s = a["n"], a["s"]
    for block, i in positions((a["m"], s)):
        g, y, dx = (Cells(a[p], plan.kind).at(block * n * s + i) for p in ("g", "y", "dx"))
        places = [c * s for c in range(n)]
        total = sum(g[c] if plan.log else g[c] * y[c] for c in places)
        for c in places:
            dx[c] = g[c] - PLAIN["exp"](y[c]) * total if plan.log else y[c] * (g[c] - total)
