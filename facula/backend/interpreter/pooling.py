"""What the plans of pooling and interpolation mean: one window, one place after the other."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from facula.backend.interpreter.cells import Cells, Number, defines, positions
from facula.kernel.library.pool import AveragePool, MaxPool, Unpool, axes_of
from facula.kernel.library.pool_window import (
    Window,
    WindowPool,
    WindowPoolBackward,
    Windows,
)
from facula.kernel.library.resample import Resample
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN


class Found(NamedTuple):
    """A window: the places in the plane and in the window, and what it counts, padded or not."""

    places: list[int]
    taps: list[int]
    padded: int


def _sizes(a: dict[str, Number], what: str, rank: int) -> tuple[int, ...]:
    return tuple(a[what + axis] for axis in axes_of(rank))


def _windows(
    sizes: Sequence[int], results: Sequence[int], padding: Sequence[int], windows: Windows
) -> Iterator[Found]:
    """The windows of a plane in order."""
    for result in positions(results):
        found = Found([], [], _padded(result, sizes, padding, windows))
        taps = positions([window.size for window in windows])
        for tap, offsets in enumerate(taps):
            at = [
                o * window.stride - pad + i * window.dilation
                for o, i, pad, window in zip(result, offsets, padding, windows, strict=True)
            ]
            if all(0 <= place < n for place, n in zip(at, sizes, strict=True)):
                place = 0
                for one, n in zip(at, sizes, strict=True):
                    place = place * n + one
                found.places.append(place)
                found.taps.append(tap)
        yield found


def _padded(
    result: Sequence[int], sizes: Sequence[int], padding: Sequence[int], windows: Windows
) -> int:
    counts = []
    for o, n, pad, window in zip(result, sizes, padding, windows, strict=True):
        start = o * window.stride - pad
        counts.append(min(start + window.size, n + pad) - start)
    return math.prod(counts)


def _adaptive(sizes: Sequence[int], results: Sequence[int]) -> Iterator[Found]:
    """Windows from floor(i n / o) to ceil((i + 1) n / o)."""
    for result in positions(results):
        ranges = [
            range(i * n // o, -(-(i + 1) * n // o))
            for i, n, o in zip(result, sizes, results, strict=True)
        ]
        places = []
        for offsets in positions([len(one) for one in ranges]):
            place = 0
            for one, offset, n in zip(ranges, offsets, sizes, strict=True):
                place = place * n + one[offset]
            places.append(place)
        yield Found(places, list(range(len(places))), len(places))


def _general(plan: MaxPool | AveragePool, a: dict[str, Number]) -> list[Found]:
    rank = plan.rank
    sizes, results = _sizes(a, "n", rank), _sizes(a, "o", rank)
    if plan.adaptive:
        return list(_adaptive(sizes, results))
    numbers = zip(*(_sizes(a, what, rank) for what in "ksi"), strict=True)
    windows = tuple(Window(*one) for one in numbers)
    return list(_windows(sizes, results, _sizes(a, "p", rank), windows))


def _known(plan: WindowPool | WindowPoolBackward, a: dict[str, Number]) -> list[Found]:
    rank = len(plan.windows)
    sizes, results, padding = (_sizes(a, what, rank) for what in "nop")
    return list(_windows(sizes, results, padding, plan.windows))


def _largest(x: Cells, found: Found) -> tuple[Number, int]:
    """The first largest element of a window, or the last nan, and which of the window's it is."""
    best = 0
    for k, place in enumerate(found.places):
        value = x[place]
        if value > x[found.places[best]] or value != value:
            best = k
    return x[found.places[best]], best


def _number(count: str, found: Found, number: Number) -> Number:
    """What an average divides by."""
    return {"same": number, "padded": found.padded, "inside": len(found.places)}[count]


@defines(MaxPool)
def max_pool(plan: MaxPool, a: dict[str, Number]) -> None:
    """The largest element of each window and its place in the plane."""
    windows, size = _general(plan, a), math.prod(_sizes(a, "n", plan.rank))
    for plane in range(a["planes"]):
        x = Cells(a["x"], plan.kind).at(plane * size)
        y = Cells(a["y"], plan.kind).at(plane * len(windows))
        index = Cells(a["index"], "i64").at(plane * len(windows))
        for k, found in enumerate(windows):
            y[k], best = _largest(x, found)
            index[k] = found.places[best]


@defines(Unpool)
def unpool(plan: Unpool, a: dict[str, Number]) -> int:
    """dx[index] += g, or dx[index] = g."""
    size, count, code = a["size"], a["count"], 0
    for plane in range(a["planes"]):
        dx = Cells(a["dx"], plan.kind).at(plane * size)
        g = Cells(a["g"], plan.kind).at(plane * count)
        index = Cells(a["index"], "i64").at(plane * count)
        for i in range(size):
            dx[i] = 0
        for k in range(count):
            if 0 <= index[k] < size:
                dx[index[k]] = dx[index[k]] + g[k] if plan.adds else g[k]
            else:
                code = 1
    return code


@defines(AveragePool)
def average_pool(plan: AveragePool, a: dict[str, Number]) -> None:
    """The average of each window, or its gradient shared out."""
    windows, size = _general(plan, a), math.prod(_sizes(a, "n", plan.rank))
    count = "inside" if plan.adaptive else {-1: "padded", -2: "inside"}.get(a["divisor"], "same")
    for plane in range(a["planes"]):
        x = Cells(a["x"], plan.kind).at(plane * size)
        y = Cells(a["y"], plan.kind).at(plane * len(windows))
        if plan.backward:
            for i in range(size):
                x[i] = 0
        for k, found in enumerate(windows):
            number = _number(count, found, a["divisor"])
            if plan.backward:
                for place in found.places:
                    x[place] = x[place] + y[k] / number
            else:
                y[k] = PLAIN["div"](sum(x[place] for place in found.places), number)


@defines(WindowPool)
def window_pool(plan: WindowPool, a: dict[str, Number]) -> None:
    """The largest element of each window, and where it stands; or the average."""
    windows, size = _known(plan, a), math.prod(_sizes(a, "n", len(plan.windows)))
    for plane in range(a["planes"]):
        x = Cells(a["x"], plan.kind).at(plane * size)
        y = Cells(a["y"], plan.kind).at(plane * len(windows))
        for k, found in enumerate(windows):
            if plan.count:
                number = _number(plan.count, found, a["number"])
                total = sum(x[place] for place in found.places)
                y[k] = PLAIN["div"](total, number) if plan.kind[0] in "fb" else int(total / number)
                continue
            y[k], best = _largest(x, found)
            if plan.index:
                chosen = found.taps if plan.index == "u8" else found.places
                Cells(a["index"], plan.index).at(plane * len(windows))[k] = chosen[best]


@defines(WindowPoolBackward)
def window_pool_backward(plan: WindowPoolBackward, a: dict[str, Number]) -> None:
    """Each gradient added where its window chose, or shared out."""
    windows, size = _known(plan, a), math.prod(_sizes(a, "n", len(plan.windows)))
    for plane in range(a["planes"]):
        g = Cells(a["g"], plan.kind).at(plane * len(windows))
        sums = [0.0] * size
        for k, found in enumerate(windows):
            if plan.index:
                chosen = Cells(a["index"], plan.index).at(plane * len(windows))[k]
                names = found.taps if plan.index == "u8" else found.places
                for place, name in zip(found.places, names, strict=True):
                    sums[place] += g[k] if name == chosen else 0.0
            else:
                for place in found.places:
                    sums[place] += g[k] / _number(plan.count, found, a["number"])
        dx = Cells(a["dx"], plan.kind).at(plane * size)
        for place, total in enumerate(sums):
            dx[place] = total


@defines(Resample)
def resample(plan: Resample, a: dict[str, Number]) -> None:
    """Each result a weighted sum of neighbours along every axis."""
    axes = axes_of(plan.rank)
    sizes, results = _sizes(a, "n", plan.rank), _sizes(a, "o", plan.rank)
    compute = REGISTER_KIND.get(plan.kind, plan.kind)

    def terms(axis: str, i: int) -> list[tuple[int, Number]]:
        first, count = (Cells(a[f"{name}_{axis}"], "i32")[i] for name in ("first", "held"))
        if plan.pick and axis == "w" or not plan.blend and axis != "w":
            return [(first, 1)]
        weight = Cells(a[f"weight_{axis}"], compute)
        return [(first + k, weight[k * a["o" + axis] + i]) for k in range(count)]

    for plane in range(a["planes"]):
        x = Cells(a["x"], plan.kind).at(plane * math.prod(sizes))
        y = Cells(a["y"], plan.kind).at(plane * math.prod(results))
        for k, result in enumerate(positions(results)):
            found: list[tuple[int, Number]] = [(0, 1)]
            for axis, i, n in zip(axes, result, sizes, strict=True):
                found = [
                    (place * n + at, weight * one)
                    for place, weight in found
                    for at, one in terms(axis, i)
                ]
            total = sum(x[place] * weight for place, weight in found)
            y[k] = total
