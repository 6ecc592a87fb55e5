"""What the plans of losses of class numbers mean."""

import math
from collections.abc import Iterator

from facula.backend.interpreter.cells import Cells, Number, defines
from facula.kernel.library.class_loss import (
    CrossEntropy,
    CrossEntropyBackward,
    FoldLoss,
    Picked,
    PickedBackward,
)
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN

Losses = CrossEntropy | CrossEntropyBackward | Picked | PickedBackward


class Places:
    """The places of a problem: their classes' elements, targets and weights."""

    def __init__(self, plan: Losses, a: dict[str, Number]) -> None:
        self.n, self.s, self.count = a["n"], a["s"], a["m"] * a["s"]
        self.target, self.ignore = Cells(a["target"], "i64"), a["ignore"]
        self.compute = REGISTER_KIND.get(plan.kind, plan.kind)
        w = Cells(a["w"], self.compute)
        self.weights = [w[c] if plan.weight else 1.0 for c in range(self.n)]

    def elements(self, place: int) -> list[int]:
        """Where a place's classes lie."""
        start = place // self.s * self.n * self.s + place % self.s
        return [start + c * self.s for c in range(self.n)]

    def inside(self, place: int) -> bool:
        return 0 <= self.target[place] < self.n

    def counts(self, place: int) -> bool:
        return self.target[place] != self.ignore

    def wrong(self) -> int:
        """1 if a target is neither a class nor ignored."""
        return int(any(self.counts(p) and not self.inside(p) for p in range(self.count)))

    def chosen(self, place: int) -> int:
        return self.target[place] if self.inside(place) else 0

    def own(self, place: int) -> float:
        """The weight of a place's target."""
        return self.weights[self.chosen(place)] if self.counts(place) else 0.0


def _parts(a: dict[str, Number], at: Places, wide: bool, losses: list[float]) -> None:
    """Sums of losses and weights: a part a chunk of places, or a vector of a sample's."""
    parts = Cells(a["parts"], "f64")
    for unit, places in enumerate(_units(a, at, wide)):
        parts[2 * unit] = math.fsum(losses[p] for p in places)
        parts[2 * unit + 1] = math.fsum(at.own(p) for p in places)


def _units(a: dict[str, Number], at: Places, wide: bool) -> Iterator[range]:
    if not wide:
        for first in range(0, at.count, a["chunk"]):
            yield range(first, min(first + a["chunk"], at.count))
        return
    # `chunk` is then the number of lanes, which a definition cannot know by itself.
    for sample in range(a["m"]):
        for column in range(0, at.s, a["chunk"]):
            first = sample * at.s + column
            yield range(first, min(first + a["chunk"], (sample + 1) * at.s))


@defines(CrossEntropy)
def cross_entropy(plan: CrossEntropy, a: dict[str, Number]) -> int:
    """w[t] (lse - x[t]), mixed with the mean of w (lse - x)."""
    at = Places(plan, a)
    x, lse, loss = (
        Cells(a["x"], plan.kind),
        Cells(a["lse"], at.compute),
        Cells(a["loss"], plan.kind),
    )
    losses = []
    for place in range(at.count):
        values = [x[i] for i in at.elements(place)]
        top = math.nan if any(v != v for v in values) else max(values)
        lse[place] = top + PLAIN["log"](sum(PLAIN["exp"](v - top) for v in values))
        whole = lse[place]
        value = (whole - values[at.chosen(place)]) * at.weights[at.chosen(place)]
        if plan.smooth:
            even = sum(w * (whole - v) for w, v in zip(at.weights, values, strict=True))
            value = value * (1 - a["smoothing"]) + even * a["smoothing"] / at.n
        losses.append(value if at.counts(place) else 0.0)
        if plan.each:
            loss[place] = losses[-1]
    if not plan.each:
        _parts(a, at, plan.wide, losses)
    return at.wrong()


@defines(CrossEntropyBackward)
def cross_entropy_backward(plan: CrossEntropyBackward, a: dict[str, Number]) -> None:
    """dx = g (w[t] (softmax - [t]) (1 - smoothing) + (softmax sum(w) - w) smoothing / n)."""
    at = Places(plan, a)
    x, dx, g = (Cells(a[p], plan.kind) for p in ("x", "dx", "g"))
    lse, total = Cells(a["lse"], at.compute), Cells(a["total"], at.compute)
    part = a["smoothing"] if plan.smooth else 0.0
    for place in range(at.count):
        arriving = (g[place] if plan.each else g[0] / total[0]) if at.counts(place) else 0.0
        for c, i in enumerate(at.elements(place)):
            p = PLAIN["exp"](x[i] - lse[place])
            own = at.weights[at.chosen(place)] * (p - (c == at.target[place])) * (1 - part)
            even = (p * sum(at.weights) - at.weights[c]) * part / at.n
            dx[i] = arriving * (own + even)


@defines(Picked)
def picked(plan: Picked, a: dict[str, Number]) -> int:
    """-w[t] x[t]."""
    at = Places(plan, a)
    x, loss = Cells(a["x"], plan.kind), Cells(a["loss"], plan.kind)
    losses = []
    for place in range(at.count):
        value = -x[at.elements(place)[at.chosen(place)]] * at.weights[at.chosen(place)]
        losses.append(value if at.counts(place) else 0.0)
        if plan.each:
            loss[place] = losses[-1]
    if not plan.each:
        _parts(a, at, False, losses)
    return at.wrong()


@defines(PickedBackward)
def picked_backward(plan: PickedBackward, a: dict[str, Number]) -> None:
    """dx = -g w[t] at the target, 0 elsewhere."""
    at = Places(plan, a)
    dx, g, total = (
        Cells(a["dx"], plan.kind),
        Cells(a["g"], plan.kind),
        Cells(a["total"], at.compute),
    )
    for place in range(at.count):
        arriving = g[place] if plan.each else g[0] / total[0]
        for c, i in enumerate(at.elements(place)):
            hit = at.counts(place) and c == at.target[place]
            dx[i] = -arriving * at.own(place) if hit else 0.0


@defines(FoldLoss)
def fold_loss(plan: FoldLoss, a: dict[str, Number]) -> None:
    """The sums of the parts, and the quotient of both."""
    compute = REGISTER_KIND.get(plan.kind, plan.kind)
    parts = Cells(a["parts"], "f64")
    loss = math.fsum(parts[2 * k] for k in range(a["count"]))
    weight = math.fsum(parts[2 * k + 1] for k in range(a["count"]))
    Cells(a["y"], plan.kind)[0] = PLAIN["div"](loss, weight) if plan.mean else loss
    Cells(a["total"], compute)[0] = weight if plan.mean else 1.0
