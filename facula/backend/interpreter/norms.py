"""What the plans of normalisation mean."""

import math

from facula.backend.interpreter.cells import Cells, Number, defines
from facula.kernel.library.channel import BatchNorm, BatchNormBackward
from facula.kernel.library.norm import FoldParts, RowNorm, RowNormBackward, compute_kind


def _weight(plan: RowNorm | RowNormBackward, a: dict[str, Number], row: int, i: int) -> int:
    """The number of the weight of element i of a row."""
    n, inner = a["n"], a["inner"]
    group = row % a["groups"]
    return group * (n // inner) + i // inner if plan.runs else group * n + i


@defines(RowNorm)
def row_norm(plan: RowNorm, a: dict[str, Number]) -> None:
    """y = (x - mean) / sqrt(mean((x - mean)^2) + eps) * w + b."""
    n, compute = a["n"], compute_kind(plan.kind)
    w, b, means, rstds = (Cells(a[p], compute) for p in ("w", "b", "mean", "rstd"))
    for row in range(a["rows"]):
        x, y = (Cells(a[p], plan.kind).at(row * n) for p in ("x", "y"))
        mean = math.fsum(x[i] for i in range(n)) / n if plan.centred else 0.0
        rstd = 1 / math.sqrt(math.fsum((x[i] - mean) ** 2 for i in range(n)) / n + a["eps"])
        rstds[row] = rstd
        if plan.centred:
            means[row] = mean
        for i in range(n):
            place = _weight(plan, a, row, i)
            factor = w[place] if plan.weight else 1.0
            y[i] = (x[i] - mean) * rstd * factor + (b[place] if plan.bias else 0.0)


@defines(RowNormBackward)
def row_norm_backward(plan: RowNormBackward, a: dict[str, Number]) -> None:
    """dx = rstd (h - mean(h) - a mean(h a)) with h = g w; parts of dw and db."""
    n, inner, compute = a["n"], a["inner"], compute_kind(plan.kind)
    w, means, rstds, dw, db = (Cells(a[p], compute) for p in ("w", "mean", "rstd", "dw", "db"))
    parts: dict[int, list[float]] = {}
    if plan.sums and not plan.runs:
        for i in range(-(-a["rows"] // a["chunk"]) * a["groups"] * n):
            parts[i] = [0.0, 0.0]
    for row in range(a["rows"]):
        x, g, dx = (Cells(a[p], plan.kind).at(row * n) for p in ("x", "g", "dx"))
        mean, rstd = means[row] if plan.centred else 0.0, rstds[row]
        normal = [(x[i] - mean) * rstd for i in range(n)]
        h = [g[i] * (w[_weight(plan, a, row, i)] if plan.weight else 1.0) for i in range(n)]
        average = math.fsum(h) / n if plan.centred else 0.0
        slope = math.fsum(one * other for one, other in zip(h, normal, strict=True)) / n
        for i in range(n):
            if plan.runs:
                place = row * (n // inner) + i // inner
            else:
                place = row // a["chunk"] * a["groups"] * n + _weight(plan, a, row, i)
            if plan.sums:
                both = parts.setdefault(place, [0.0, 0.0])
                both[0] += g[i] * normal[i]
                both[1] += g[i]
            if plan.dx:
                dx[i] = (h[i] - average - normal[i] * slope) * rstd
    for place, (product, total) in parts.items():
        dw[place] = product
        if plan.centred or plan.runs:
            db[place] = total


@defines(FoldParts)
def fold_parts(plan: FoldParts, a: dict[str, Number]) -> None:
    """The sums over parts."""
    for source, result in (("a", "da"), ("b", "db"))[: 1 + plan.both]:
        given, made = Cells(a[source], plan.kind), Cells(a[result], plan.out)
        for i in range(a["n"]):
            made[i] = math.fsum(given[part * a["n"] + i] for part in range(a["parts"]))


def _elements(a: dict[str, Number], channel: int) -> list[int]:
    """Where a channel's elements are."""
    n, c, s = a["n"], a["c"], a["s"]
    return [(sample * c + channel) * s + i for sample in range(n) for i in range(s)]


@defines(BatchNorm)
def batch_norm(plan: BatchNorm, a: dict[str, Number]) -> None:
    """y = (x - mean) rstd w + b, a channel; running statistics move."""
    compute = compute_kind(plan.kind)
    x, y = Cells(a["x"], plan.kind), Cells(a["y"], plan.kind)
    names = ("w", "b", "running_mean", "running_var", "mean", "rstd")
    w, b, running_mean, running_var, means, rstds = (Cells(a[p], compute) for p in names)
    for channel in range(a["c"]):
        places = _elements(a, channel)
        count = len(places)
        if plan.training:
            mean = math.fsum(x[i] for i in places) / count
            variance = math.fsum((x[i] - mean) ** 2 for i in places) / count
            if plan.running:
                unbiased, part = variance * count / max(1, count - 1), a["momentum"]
                running_mean[channel] = running_mean[channel] * (1 - part) + mean * part
                running_var[channel] = running_var[channel] * (1 - part) + unbiased * part
        else:
            mean, variance = running_mean[channel], running_var[channel]
        rstd = 1 / math.sqrt(variance + a["eps"])
        means[channel], rstds[channel] = mean, rstd
        factor = rstd * w[channel] if plan.weight else rstd
        for i in places:
            y[i] = (x[i] - mean) * factor + (b[channel] if plan.bias else 0.0)


@defines(BatchNormBackward)
def batch_norm_backward(plan: BatchNormBackward, a: dict[str, Number]) -> None:
    """dw = sum(g a), db = sum(g), dx = rstd w (g - db / N - a dw / N), or rstd w g."""
    compute = compute_kind(plan.kind)
    x, g, dx = (Cells(a[p], plan.kind) for p in ("x", "g", "dx"))
    w, means, rstds, dw, db = (Cells(a[p], compute) for p in ("w", "mean", "rstd", "dw", "db"))
    for channel in range(a["c"]):
        places = _elements(a, channel)
        mean, rstd, count = means[channel], rstds[channel], len(places)
        total = math.fsum(g[i] for i in places)
        product = math.fsum(g[i] * (x[i] - mean) for i in places) * rstd
        dw[channel], db[channel] = product, total
        scale = rstd * w[channel] if plan.weight else rstd
        for i in places if plan.dx else ():
            taken = (total + (x[i] - mean) * rstd * product) / count if plan.training else 0.0
            dx[i] = (g[i] - taken) * scale
