"""What random counts mean: Poisson and binomial numbers, one uniform number after the other."""

import math

from facula.backend.interpreter.cells import Cells, Number, defines, rounded
from facula.backend.interpreter.random import Stream
from facula.kernel.library.random import NEGATIVE
from facula.kernel.library.random_counts import STIRLING_TAILS, Binomial, Poisson


@defines(Poisson)
def poisson(plan: Poisson, a: dict[str, Number]) -> int:
    """Products of uniforms for small rates, transformed rejection for large ones."""
    stream = Stream(a["state"])
    y, rates = Cells(a["y"], plan.kind), Cells(a["rates"], plan.kind)
    code = 0
    for i in range(a["n"]):
        rate = rates[i]
        if not 0 <= rate < math.inf:
            y[i], code = 0.0, NEGATIVE
        elif rate >= 10:
            y[i] = _large_rate(stream, rate)
        elif rate > 0:
            product, count, limit = stream.unit("f64"), 0, math.exp(-rate)
            while product > limit:
                product, count = product * stream.unit("f64"), count + 1
            y[i] = float(count)
        else:
            y[i] = 0.0
    return code


def _large_rate(stream: Stream, rate: float) -> float:
    scale = math.sqrt(rate) * 2.53 + 0.931
    slope = scale * 0.02483 - 0.059
    inverse = 1.1328 / (scale - 3.4) + 1.1239
    while True:
        u = stream.unit("f64") - 0.5
        v = stream.unit("f64")
        us = 0.5 - abs(u)
        k = float(math.floor((2 * slope / us + scale) * u + rate + 0.43))
        if us >= 0.07 and v <= 0.9277 - 3.6224 / (scale - 2):
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        reach = math.log(v) + math.log(inverse) - math.log(slope / (us * us) + scale)
        if reach <= k * math.log(rate) - rate - math.lgamma(k + 1):
            return k


@defines(Binomial)
def binomial(plan: Binomial, a: dict[str, Number]) -> None:
    """Sums of geometric gaps for few expected successes, Hoermann's BTRS for many."""
    stream, kind = Stream(a["state"]), plan.kind
    y, trials, chances = (Cells(a[name], kind) for name in ("y", "trials", "chances"))
    for i in range(a["n"]):
        count, p = trials[i], chances[i]
        if count <= 0 or p <= 0:
            y[i] = 0.0
        elif p >= 1:
            y[i] = count
        elif p != p:
            y[i] = math.nan
        elif p <= 0.5:
            y[i] = _successes(stream, count, p, kind)
        else:
            y[i] = count - _successes(stream, count, rounded(1 - p, kind), kind)


def _successes(stream: Stream, count: float, p: float, kind: str) -> float:
    if rounded(count * p, kind) >= 10:
        return _many(stream, count, p, kind)
    logarithm = rounded(math.log1p(-p), kind)
    total, found = 0.0, 0
    while True:
        u = stream.unit("f64")
        total += math.ceil(math.log(u) / logarithm) if u else math.inf
        if not total <= count:
            return float(found)
        found += 1


def _tail(k: float) -> float:
    if k <= 9:
        return STIRLING_TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _many(stream: Stream, count: float, p: float, kind: str) -> float:
    rest = rounded(1 - p, kind)
    mean = rounded(count * p, kind)
    root = rounded(math.sqrt(rounded(mean * rest, kind)), kind)
    scale = root * 2.53 + 1.15
    slope = scale * 0.0248 - 0.0873 + p * 0.01
    odds = rounded(p / rest, kind)
    alpha = (5.1 / scale + 2.83) * root
    mode = float(math.floor(rounded(rounded(count + 1, kind) * p, kind)))
    while True:
        u = stream.unit("f64") - 0.5
        v = stream.unit("f64")
        us = 0.5 - abs(u)
        k = float(math.floor((2 * slope / us + scale) * u + mean + 0.5))
        if us >= 0.07 and v <= 0.92 - 4.2 / scale:
            return k
        if k < 0 or k > count:
            continue
        above = count - mode + 1
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * above))
            + (count + 1) * math.log(above / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _tail(mode)
            + _tail(count - mode)
            - _tail(k)
            - _tail(count - k)
        )
        if math.log(v * alpha / (slope / (us * us) + scale)) <= bound:
            return k
