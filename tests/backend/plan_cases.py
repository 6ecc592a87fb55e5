"""A table of plans with small operands: (plan, arguments by name, stored kind of each result)."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from fenced import DTYPES, numbers
from resample_cases import resample_cases

from facula.backend import llvm
from facula.backend.cpu import machine
from facula.kernel import expr
from facula.kernel.expr import Expr, linearise
from facula.kernel.library import (
    channel,
    class_loss,
    norm,
    pool,
    pool_window,
    random,
    random_counts,
    softmax,
)
from facula.kernel.library.conv import (
    Conv2d,
    conv2d_backward_data,
    conv2d_backward_weight,
    conv2d_forward,
)
from facula.kernel.library.conv_blocks import Staged
from facula.kernel.library.depthwise_weight import FoldTaps, depthwise_weight
from facula.kernel.library.index import Index, Nonzero
from facula.kernel.library.matmul import matmul_plan
from facula.kernel.library.sort import Sort
from facula.kernel.library.tile import Launch
from facula.kernel.library.turned import Turned
from facula.kernel.library.update import BLOCK, Update
from facula.kernel.library.winograd_plan import winograd_forward
from facula.kernel.plan import Plan, Pointwise, Reduce, Scan
from facula.kernel.program import REGISTER_KIND, STORED_BYTES
from facula.kernel.scalar import exp, maximum, sqrt, where

Case = tuple[str, Plan, dict[str, Any], dict[str, str]]
KINDS = tuple(DTYPES)


def register(kind: str) -> str:
    return REGISTER_KIND.get(kind, kind)


def edges(kind: str) -> tuple[int, ...]:
    """Sizes around the width of a vector."""
    lanes = llvm.host_target().lanes(STORED_BYTES[kind])
    return (0, 1, lanes - 1, lanes, lanes + 1, 3 * lanes + 5)


def traced(kinds: tuple[str, ...], formula: Any, out: str) -> expr.Graph:
    inputs = [expr.input_(k, register(kind)) for k, kind in enumerate(kinds)]
    results = formula(*inputs)
    results = results if isinstance(results, tuple) else (results,)
    return linearise([expr.cast(r, register(out)) for r in results])


# --- loops -------------------------------------------------------------------------------------


def pointwise(
    kinds: tuple[str, ...], out: str, formula: Any, sizes: tuple[int, ...], inner: str, name: str
) -> Case:
    """Operands of `sizes`; `inner` says how each of them, and the result, moves along the last."""
    rank = len(sizes)
    plan = Pointwise(kinds, (out,), (), traced(kinds, formula, out), rank, tuple(inner))
    values: dict[str, Any] = {f"d{d}": n for d, n in enumerate(sizes)}
    for k, (operand, kind) in enumerate(zip(plan.names, (*kinds, out), strict=True)):
        step = {"1": 1, "0": 0, "s": 3}[inner[k]]
        strides = [step]
        for n in reversed(sizes[1:]):
            # the second input is spread over the first dim
            strides.insert(0, max(1, strides[0]) * n + 1 if k != 1 else 0)
        for d, s in enumerate(strides):
            if d < rank - 1 or inner[k] == "s":
                values[f"{operand}_s{d}"] = s
        reach = sum(max(0, n - 1) * s for n, s in zip(sizes, strides, strict=True)) + 1
        values[operand] = numbers(kind, reach, k)
    return name, plan, values, {"y0": out}


def pointwise_cases() -> Iterator[Case]:
    for kind in KINDS:
        for size in edges(kind):
            text = f"add {kind} {size}"
            yield pointwise((kind, kind), kind, lambda a, b: a + b, (size,), "111", text)
    for inner in ("111", "101", "011", "s11", "1s1", "11s", "sss", "0ss"):
        for sizes in ((37,), (3, 21), (2, 3, 19), (2, 2, 3, 17), (2, 0)):
            text = f"mul {inner} {sizes}"
            yield pointwise(("f32", "f32"), "f32", lambda a, b: a * b, sizes, inner, text)
    for source in KINDS:
        for target in KINDS:
            text = f"cast {source} {target}"
            yield pointwise((source,), target, lambda a: a, (29,), "11", text)
    for kind in ("i8", "f16", "f64", "bool"):
        text = f"strided {kind}"
        yield pointwise((kind, kind), kind, lambda a, b: maximum(a, b), (2, 23), "s0s", text)


def turned(
    kinds: tuple[str, ...], out: str, formula: Any, sizes: tuple[int, ...], inner: str, across: int
) -> Case:
    """Operands marked "t" in `inner` have their neighbours along the loop `across`."""
    rank, last = len(sizes), len(sizes) - 1
    sideways = tuple(c == "t" for c in inner)
    classes = tuple("s" if c == "t" else c for c in inner)
    graph = traced(kinds, formula, out)
    plan = Turned(kinds, (out,), (), graph, rank, classes, across, sideways)
    values: dict[str, Any] = {f"d{d}": n for d, n in enumerate(sizes)}
    for k, (operand, kind) in enumerate(zip(plan.names, (*kinds, out), strict=True)):
        order = [d for d in range(rank) if d not in (across, last)]
        order += [last, across] if inner[k] == "t" else [across, last]
        strides, step = [0] * rank, {"1": 1, "0": 0, "s": 3, "t": 1}[inner[k]]
        for place, d in enumerate(reversed(order)):
            strides[d] = step if place == 0 else step * (sizes[order[-place]] + 1) or 1
            step = strides[d]
        for d, s in enumerate(strides):
            if d < last or classes[k] == "s":
                values[f"{operand}_s{d}"] = s
        reach = sum((n - 1) * s for n, s in zip(sizes, strides, strict=True)) + 1
        values[operand] = numbers(kind, reach, k)
    text = f"turned {kinds} {out} {sizes} {inner} {len(graph.steps)}"
    return text, plan, values, {"y0": out}


def turned_cases() -> Iterator[Case]:
    for kind in KINDS:
        yield turned((kind,), kind, lambda a: a, (35, 37), "t1", 0)
        yield turned((kind, kind), kind, lambda a, b: maximum(a, b), (2, 17, 70), "t11", 1)
    for inner in ("t01", "1tt", "tst", "ts1", "t1s"):
        for sizes, across in (((16, 32), 0), ((70, 2, 19), 0), ((3, 9, 41), 1)):
            yield turned(("f32", "f32"), "f32", lambda a, b: a - b, sizes, inner, across)
            yield turned(("f32", "f32"), "f32", lambda a, b: exp(a) - b, sizes, inner, across)
    yield turned(("f16", "f64"), "bool", lambda a, b: a < b, (40, 33), "t11", 0)
    yield turned(("i32", "u8"), "f64", lambda a, b: a * b, (40, 33), "1tt", 0)


def along(
    text: str,
    kinds: tuple[str, str],
    state: str,
    unit: float,
    combine: Any,
    kept: tuple[int, ...],
    reduced: tuple[int, ...],
    order: str,
    *,
    inner: str = "1",
    chunk: int = 0,
    narrow: bool = False,
) -> Case:
    """A reduction of one input whose reduced (or kept) loops lie innermost in memory."""
    source, target = kinds
    where_ = "reduced" if order == "kr" else "kept"
    sizes = (*kept, *reduced) if order == "kr" else (*reduced, *kept)
    step = {"1": 1, "s": 2, "0": 0}[inner]
    strides = [step]
    for n in reversed(sizes[1:]):
        strides.insert(0, max(1, strides[0]) * n)
    k_strides = strides[: len(kept)] if order == "kr" else strides[len(reduced) :]
    r_strides = strides[len(kept) :] if order == "kr" else strides[: len(reduced)]
    mapped = linearise([expr.cast(expr.input_(0, register(source)), state)])
    joined = linearise([combine(expr.input_(0, state), expr.input_(1, state))])
    finished = linearise([expr.cast(expr.input_(0, state), register(target))])
    plan = Reduce(
        (source,), (target,), (), mapped, joined, finished, ((state, unit),), len(kept),
        len(reduced), where_, (inner,), bool(chunk), False, narrow,
    )  # fmt: skip
    pieces = 1
    if chunk:
        pieces = -(-(reduced[-1] if order == "kr" else reduced[0]) // chunk)
    values: dict[str, Any] = {f"k{d}": n for d, n in enumerate(kept)}
    values |= {f"r{d}": n for d, n in enumerate(reduced)}
    values |= {f"x0_k{d}": s for d, s in enumerate(k_strides)}
    values |= {f"x0_r{d}": s for d, s in enumerate(r_strides)}
    run = pieces
    for d in range(len(kept) - 1, -1, -1):
        values[f"y0_k{d}"] = run
        run *= kept[d]
    if chunk:
        values |= {"y0_c": 1, "chunk": chunk}
    values["x0"] = numbers(source, strides[0] * sizes[0] + 1)
    values["y0"] = numbers(target, run, 1)
    return text, plan, values, {"y0": target}


def reduce_cases() -> Iterator[Case]:
    def add(a: Expr, b: Expr) -> Expr:
        return a + b

    for kind in KINDS:
        state = {"bool": "i64", "f16": "f32", "bf16": "f32"}.get(kind, kind)
        target = "i64" if kind == "bool" else kind
        for size in edges(kind):
            for order in ("kr", "rk"):
                text = f"sum {kind} {size} {order}"
                yield along(text, (kind, target), state, 0, add, (3,), (size,), order)
                yield along(text + " kept", (kind, target), state, 0, add, (size,), (3,), order)
    for source in ("f32", "f16", "bf16"):
        for kept, reduced in (((), (300,)), ((70,), (17,)), ((3, 5), (2, 133)), ((2, 21), (3, 9))):
            for order in ("kr", "rk") if kept else ("kr",):
                text, kinds = f"narrow sum {source} {kept} {reduced} {order}", (source, "f32")
                yield along(text, kinds, "f64", 0, add, kept, reduced, order, narrow=True)
                if source == "f32":
                    more = {"chunk": 16, "inner": "s", "narrow": True}
                    yield along(text + "/", kinds, "f64", 0, add, kept, reduced, order, **more)
    for kept, reduced in (((), (70,)), ((2, 3), (5, 21)), ((4,), (2, 3, 19)), ((2, 2, 5), (7,))):
        for order in ("kr", "rk"):
            if order == "rk" and not kept:
                continue
            for inner in ("1", "s", "0"):
                text = f"max {kept} {reduced} {order} {inner}"
                lowest = float("-inf")
                yield along(
                    text, ("f32", "f32"), "f32", lowest, maximum, kept, reduced, order, inner=inner
                )
    for order in ("kr", "rk"):
        for size in (1, 40, 41, 127):
            text = f"split {order} {size}"
            yield along(text, ("f32", "f64"), "f64", 0.0, add, (2,), (size,), order, chunk=40)
            both = (2, size) if order == "kr" else (size, 2)
            yield along(text + "+", ("i32", "i64"), "i64", 0, add, (3, 5), both, order, chunk=40)
    yield argmax(43, 0)
    yield argmax(43, 5)


def argmax(size: int, chunk: int) -> Case:
    def better(a: Expr, i: Expr, b: Expr, j: Expr) -> list[Expr]:
        take = (b > a) | (expr.call("eq", a, b) & (j < i))
        return [where(take, b, a), where(take, j, i)]

    value, position = expr.input_(0, "f32"), expr.input_(1, "i64")
    states = [expr.input_(k, ("f32", "i64")[k % 2]) for k in range(4)]
    plan = Reduce(
        ("f32",), ("f32", "i64"), (), linearise([value, position]), linearise(better(*states)),
        linearise(states[:2]), (("f32", float("-inf")), ("i64", 2**62)), 1, 1, "reduced", ("1",),
        bool(chunk), True,
    )  # fmt: skip
    pieces = -(-size // chunk) if chunk else 1
    values: dict[str, Any] = {"k0": 3, "r0": size, "x0_k0": size, "x0_r0": 1}
    values |= {"y0_k0": pieces, "y1_k0": pieces, "y0_c": 1, "y1_c": 1, "chunk": chunk}
    values |= {"x0": numbers("f16", 3 * size).astype(np.float32)}
    values |= {"y0": numbers("f32", 3 * pieces), "y1": numbers("i64", 3 * pieces)}
    return f"argmax {chunk}", plan, values, {"y0": "f32", "y1": "i64"}


def scan_cases() -> Iterator[Case]:
    for kind in ("i8", "i64", "f32", "f16", "bool"):
        state = "i64" if kind == "bool" else register(kind)
        target = "i64" if kind == "bool" else kind
        for n in (0, 1, 19):
            plan = Scan(
                (kind,), (target,), linearise([expr.cast(expr.input_(0, register(kind)), state)]),
                linearise([expr.input_(0, state) + expr.input_(1, state)]),
                linearise([expr.cast(expr.input_(0, state), register(target))]), ((state, 0),), 2,
            )  # fmt: skip
            values: dict[str, Any] = {"k0": 2, "k1": 3, "n": n}
            values |= {"x0_k0": 3 * n, "x0_k1": 1, "x0_n": 3, "y0_k0": 3 * n, "y0_k1": n, "y0_n": 1}
            values |= {"x0": numbers(kind, 6 * n + 1), "y0": numbers(target, 6 * n)}
            yield f"scan {kind} {n}", plan, values, {"y0": target}
        across = replace(plan, across=True)
        for length in (3, 17, 270):
            values = {"k0": 2, "k1": length, "n": 5, "x0_k0": 5 * length + 1, "x0_k1": 1}
            values |= {"x0_n": length, "y0_k0": 5 * length, "y0_k1": 1, "y0_n": length}
            values |= {"x0": numbers(kind, 10 * length + 1), "y0": numbers(target, 10 * length)}
            yield f"scan {kind} across {length}", across, values, {"y0": target}


def update_cases() -> Iterator[tuple[str, Update, list[int]]]:
    """Plans with the lengths of their rows; the test builds the tables of addresses."""
    p, g, m = (expr.input_(k, "f32") for k in range(3))
    momentum = expr.cast(expr.param(0, "f32"), "f32") * m + g
    yield "momentum", Update("f32", 3, (0, 2), 1, linearise([p - momentum, momentum])), [5, 0, 40]
    yield "blocks", Update("f32", 2, (1,), 0, linearise([p + g])), [BLOCK + 3, 1, 2 * BLOCK]
    half, rest = expr.input_(0, "f32"), expr.input_(1, "f32")
    graph = linearise([half * 0.5 + sqrt(rest * rest) * exp(half)])
    yield "halves", Update("f16", 2, (0,), 0, graph), [1, 33]


# --- indirect ----------------------------------------------------------------------------------


def indirect_cases() -> Iterator[Case]:
    for kind in ("f32", "bool", "f16", "i64", "u8"):
        for mode in ("take", "put", "add", "mul", "max", "min"):
            for rowwise in (False, True):
                yield index(mode, kind, rowwise, False)
    for kind in ("f32", "i64", "f64"):
        for outside in (False, True):
            yield chosen(kind, outside)
    yield index("add", "f16", True, False, 1)
    for mode in ("add", "put", "max"):
        name, plan, values, outputs = index(mode, "f32", True, False)
        yield f"{name} by ranges", replace(plan, ranges=True), values, outputs
    yield index("max", "i32", False, False, 1)
    yield index("take", "f32", False, True)
    yield index("add", "f32", True, True)
    for kind in ("f32", "bool", "i16", "bf16"):
        for count_only in (False, True):
            x = numbers(kind, 60)
            x[::3] = 0
            values = {"d0": 3, "d1": 5, "x_s0": 20, "x_s1": 2, "x": x, "y": numbers("i64", 30)}
            plan = Nonzero(kind, 2, count_only)
            yield f"nonzero {kind} {count_only}", plan, values, {"y": "i64"}
    for kind in KINDS:
        for descending in (False, True):
            for n in (1, 2, 7, 33):
                x = numbers(kind, 2 * n)
                if kind in ("f32", "f64"):
                    x[::5] = np.nan
                values = {"rows": 2, "n": n, "passes": (n - 1).bit_length(), "x": x}
                values |= {name: numbers(kind, 2 * n) for name in ("values", "spare_values")}
                values |= {name: numbers("i64", 2 * n) for name in ("indices", "spare_indices")}
                text = f"sort {kind} {descending} {n}"
                yield text, Sort(kind, descending), values, {"values": kind, "indices": "i64"}


def chosen(kind: str, outside: bool) -> Case:
    """Of each of 3 rows of 50 elements 21, by indices that lie side by side."""
    plan = Index("take", kind, 1, 2, split=0, vector=True)
    places = np.random.default_rng(0).integers(-50, 50, 63)
    places[62] = 50 if outside else 49
    values: dict[str, Any] = {"d0": 3, "d1": 21, "v_s0": 21, "v_s1": 1, "t_s0": 50, "t_s1": 0}
    values |= {"i0_s0": 21, "i0_s1": 1, "i0_n": 50, "i0_t": 1, "i0": places}
    values |= {"v": numbers(kind, 63), "t": numbers(kind, 150, 1)}
    return f"chosen {kind} {outside}", plan, values, {"v": kind, "t": kind}


def index(mode: str, kind: str, rowwise: bool, outside: bool, split: int = -1) -> Case:
    """A table of 7 x 19, five of whose rows (or elements of a column) are chosen, some twice."""
    plan = Index(mode, kind, 1, 2, rowwise, False, split)
    chosen = np.array([3, -1, 0, 3, 9 if outside else 6], np.int64)
    values: dict[str, Any] = {"d0": 5, "d1": 19, "v_s0": 19, "v_s1": 1, "t_s0": 0, "t_s1": 1}
    values |= {"i0_s0": 1, "i0_s1": 0, "i0_n": 7, "i0_t": 19, "i0": chosen}
    values |= {"v": numbers(kind, 95), "t": numbers(kind, 133, 1)}
    return f"{mode} {kind} {rowwise} {outside}", plan, values, {"v": kind, "t": kind}


# --- layers ------------------------------------------------------------------------------------


def layer_cases() -> Iterator[Case]:
    for kind in ("f32", "f64", "f16", "bf16"):
        for n in (1, 10, 16, 37):
            rows = {"rows": 3, "n": n}
            for log in (False, True):
                x = numbers(kind, 3 * n)
                values = rows | {"x": x, "y": numbers(kind, 3 * n, 1)}
                yield f"softmax {kind} {log} {n}", softmax.Softmax(kind, log), values, {"y": kind}
                values = rows | {"g": x, "y": numbers(kind, 3 * n, 1), "dx": numbers(kind, 3 * n)}
                plan = softmax.SoftmaxBackward(kind, log)
                yield f"softmax' {kind} {log} {n}", plan, values, {"dx": kind}
                for s in (2, 21, 70) if n < 16 else ():
                    block: dict[str, Any] = {"m": 2, "n": n, "s": s}
                    count = 2 * n * s
                    values = block | {"x": numbers(kind, count), "y": numbers(kind, count, 1)}
                    name = f"softmax across {kind} {log} {n} {s}"
                    yield name, softmax.SoftmaxAcross(kind, log), values, {"y": kind}
                    values = values | {"g": numbers(kind, count, 2)}
                    values["dx"] = values.pop("x")
                    plan = softmax.SoftmaxAcrossBackward(kind, log)
                    yield name + "'", plan, values, {"dx": kind}


def pool_cases() -> Iterator[Case]:
    """Windows of every kind, general and known: (size, stride, padding, step) an axis."""
    for kind, planes, axes in (
        ("f32", (5, 7), ((2, 2, 0, 1), (2, 2, 0, 1))),
        ("f32", (7, 71), ((3, 2, 1, 1), (3, 2, 1, 1))),
        ("f64", (6, 21), ((3, 1, 1, 1), (3, 2, 1, 1))),
        ("f16", (9, 40), ((2, 2, 1, 2), (3, 1, 1, 2))),
        ("f32", (8, 60), ((3, 3, 0, 1), (3, 3, 1, 1))),
        ("f32", (4, 5, 40), ((2, 1, 1, 1), (3, 2, 1, 1), (2, 2, 0, 1))),
        ("i64", (6, 21), ((2, 2, 0, 1), (3, 2, 1, 1))),
        ("u8", (5, 40), ((2, 2, 0, 1), (2, 2, 0, 1))),
    ):
        # Results as many as with torch's ceil_mode: the last windows may leave the plane.
        counts = [
            (n + 2 * p - i * (k - 1) - 1 + s - 1) // s + 1
            for n, (k, s, p, i) in zip(planes, axes, strict=True)
        ]
        counts = [
            o - ((o - 1) * s >= n + p)
            for n, o, (_, s, p, _) in zip(planes, counts, axes, strict=True)
        ]
        yield from pool_plans(kind, planes, axes, counts)


def pool_plans(
    kind: str, planes: tuple[int, ...], axes: tuple[tuple[int, ...], ...], counts: list[int]
) -> Iterator[Case]:
    rank = len(planes)
    letters = pool.axes_of(rank)
    size, results = 2 * math.prod(planes), 2 * math.prod(counts)
    values: dict[str, Any] = {"planes": 2}
    for a, n, o, (k, s, p, i) in zip(letters, planes, counts, axes, strict=True):
        one = {"n" + a: n, "o" + a: o, "k" + a: k, "s" + a: s, "p" + a: p, "i" + a: i}
        values |= one
    x, y = {"x": numbers(kind, size)}, {"y": numbers(kind, results)}
    index = {"index": numbers("i64", results)}
    text = f"pool {kind} {planes} {axes}"
    floating = kind[0] == "f"
    for adaptive in (False, True):
        plan: Plan = pool.MaxPool(kind, rank, adaptive)
        yield f"max {text} {adaptive}", plan, values | x | y | index, {"y": kind, "index": "i64"}
        for backward in (False, True) if floating else ():
            for divisor in (-1, -2, 3):
                plan = pool.AveragePool(kind, adaptive, backward, rank)
                result = {"x" if backward else "y": kind}
                yield f"average {text} {plan}", plan, values | x | y | {"divisor": divisor}, result
    rest = {k: v for k, v in values.items() if k[0] in "nop"} | {"number": 3.0}
    windows = tuple(pool_window.Window(k, s, i) for k, s, _, i in axes)
    places: dict[str, np.ndarray] = {"i64": index["index"], "u8": numbers("u8", results)}
    for name in ("", "u8", "i64"):
        plan = pool_window.WindowPool(kind, windows, name, "", False)
        given = rest | x | y | {"index": places[name] if name else 0}
        results_ = {"y": kind} | ({"index": name} if name else {})
        yield f"max {text} {name!r}", plan, given, results_
    averaged = all(i == 1 for *_, i in axes) and kind != "u8"
    ways = ("same", "padded", "inside") if floating else ("same",)
    for count in ways if averaged else ():
        plan = pool_window.WindowPool(kind, windows, "", count, False)
        yield f"average {text} {count}", plan, rest | x | y | {"index": 0}, {"y": kind}
    if not floating:
        return
    back = rest | {"g": numbers(kind, results), "dx": numbers(kind, size)}
    for count in ways if averaged else ():
        plan = pool_window.WindowPoolBackward(kind, windows, "", count)
        yield f"average' {text} {count}", plan, back | {"index": 0}, {"dx": kind}
    rng = np.random.default_rng(0)
    chosen = {
        "u8": rng.integers(0, math.prod(k for k, *_ in axes), results).astype(np.uint8),
        "i64": rng.integers(0, math.prod(planes), results),
    }
    for name, choice in chosen.items():
        plan = pool_window.WindowPoolBackward(kind, windows, name, "")
        yield f"max' {text} {name}", plan, back | {"index": choice}, {"dx": kind}
    for adds in (False, True):
        plan = pool.Unpool(kind, adds)
        given = {"planes": 2, "size": size // 2, "count": results // 2, "g": back["g"]}
        given |= {"index": chosen["i64"], "dx": back["dx"]}
        yield f"unpool {text} {adds}", plan, given, {"dx": kind}


def class_losses() -> Iterator[Case]:
    """Losses of rows and across memory; weighted, smoothed, ignored and wrong targets."""
    lanes = llvm.host_target().lanes(4)
    for kind in ("f32", "f64", "f16"):
        wide = "f64" if kind == "f64" else "f32"
        width = lanes if wide == "f32" else llvm.host_target().lanes(8)
        for m, n, s in ((5, 10, 1), (3, 37, 1), (2, 3, 21), (2, 1, 5)):
            places = m * s
            target = np.random.default_rng(3).integers(0, n, places)
            sizes = {"m": m, "n": n, "s": s, "smoothing": 0.25, "target": target}
            sizes |= {"w": np.abs(numbers(wide, n, 1)) + 0.5, "lse": numbers(wide, places) + 3}
            sizes |= {"g": numbers(kind, places, 2), "total": np.full(1, 3, DTYPES[wide])}
            sizes |= {"x": numbers(kind, places * n, 4), "loss": numbers(kind, places, 5)}
            sizes["dx"] = numbers(kind, places * n, 6)
            for weight, smooth, each, ignore in (
                (False, False, False, -100), (True, True, False, 0), (True, False, True, 0),
                (False, True, True, -100),
            ):  # fmt: skip
                chunk = 2 if s == 1 else width
                parts = -(-m // 2) if s == 1 else m * -(-s // width)
                given = sizes | {"ignore": ignore, "chunk": chunk}
                given["parts"] = numbers("f64", 2 * parts)
                if n == 3:
                    given["target"] = np.where(np.arange(places) == 7, 9, target)
                text = f"cross entropy {kind} {m}x{n}x{s} {weight} {smooth} {each}"
                results = {"lse": wide} | ({"loss": kind} if each else {"parts": wide})
                plan: Plan = class_loss.CrossEntropy(kind, weight, smooth, each, s > 1)
                names = {p.name for p in plan.parameters}
                yield text, plan, {k: v for k, v in given.items() if k in names}, results
                plan = class_loss.CrossEntropyBackward(kind, weight, smooth, each, s > 1)
                names = {p.name for p in plan.parameters}
                back = {k: v for k, v in given.items() if k in names}
                yield text + "'", plan, back, {"dx": kind}
                if smooth and each:
                    continue
                given |= {"chunk": 7, "parts": numbers("f64", 2 * -(-places // 7))}
                plan = class_loss.Picked(kind, weight, each)
                names = {p.name for p in plan.parameters}
                results = {"loss": kind} if each else {"parts": wide}
                picked = {k: v for k, v in given.items() if k in names}
                yield f"picked {text}", plan, picked, results
                plan = class_loss.PickedBackward(kind, weight, each)
                names = {p.name for p in plan.parameters}
                back = {k: v for k, v in given.items() if k in names} | {"chunk": 2}
                yield f"picked {text}'", plan, back, {"dx": kind}
        for mean in (False, True):
            values = {"count": 5, "parts": numbers("f64", 10), "y": numbers(kind, 1)}
            values["total"] = numbers(wide, 1)
            yield (
                f"fold {kind}",
                class_loss.FoldLoss(kind, mean),
                values,
                {"y": kind, "total": wide},
            )


def normed_rows() -> Iterator[Case]:
    """Rows with weights of elements and of runs, forward and backward."""
    for kind in ("f32", "f64", "f16", "bf16"):
        wide = "f64" if kind == "f64" else "f32"
        for inner, width in ((1, 1), (1, 37), (5, 4), (16, 3), (67, 1)):
            n, rows, groups = inner * width, 6, 2
            runs = inner > 1
            sizes = {"rows": rows, "n": n, "inner": inner, "groups": groups}
            given = sizes | {"x": numbers(kind, rows * n), "eps": 1e-3}
            given |= {"w": numbers(wide, groups * width, 1), "b": numbers(wide, groups * width, 2)}
            given |= {"y": numbers(kind, rows * n, 3), "mean": numbers(wide, rows)}
            given |= {"rstd": numbers(wide, rows, 4)}
            back = {k: v for k, v in given.items() if k not in ("b", "y", "eps")}
            back |= {"g": numbers(kind, rows * n, 5), "dx": numbers(kind, rows * n, 6), "chunk": 4}
            places = rows * width if runs else 2 * groups * n
            back |= {"dw": numbers(wide, places, 7), "db": numbers(wide, places, 8)}
            for weight, centred in ((True, True), (False, True), (True, False)):
                text = f"row norm {kind} {inner}x{width} {weight} {centred}"
                results = {"y": kind, "rstd": wide} | ({"mean": wide} if centred else {})
                yield text, norm.RowNorm(kind, weight, weight, centred, runs), given, results
                for dx, sums in ((True, True), (True, False), (False, True)):
                    plan = norm.RowNormBackward(kind, weight, centred, runs, dx, sums)
                    results = {"dx": kind} if dx else {}
                    if sums:
                        results |= {"dw": wide} | ({"db": wide} if centred or runs else {})
                    yield f"{text}' {dx} {sums}", plan, back, results
    for out, both in (("f32", True), ("f16", False)):
        for n in (1, 37):
            arrays = {name: numbers("f32", 3 * n, k) for k, name in enumerate(("a", "b"))}
            values = {"parts": 3, "n": n} | arrays
            values |= {"da": numbers(out, n), "db": numbers(out, n)}
            results = {"da": out} | ({"db": out} if both else {})
            yield f"fold {out} {n}", norm.FoldParts("f32", out, both), values, results


def normed_channels() -> Iterator[Case]:
    """Channels as rows of samples and as columns, in training and not, forward and backward."""
    names = ("w", "b", "running_mean", "running_var", "mean", "rstd")
    for kind in ("f32", "f64", "f16", "bf16"):
        wide = "f64" if kind == "f64" else "f32"
        for n, c, s in ((3, 2, 37), (2, 3, 5), (4, 37, 1), (2, 5, 1)):
            size = n * c * s
            sizes = {"n": n, "c": c, "s": s, "momentum": 0.25, "eps": 1e-3}
            given = sizes | {name: numbers(wide, c, k) for k, name in enumerate(names)}
            given |= {"x": numbers(kind, size, 7), "y": numbers(kind, size)}
            given["running_var"] = np.abs(given["running_var"]) + 1
            back = {k: v for k, v in given.items() if k not in ("b", "y", *sizes) or k in "ncs"}
            back = {k: v for k, v in back.items() if "running" not in k}
            back |= {"g": numbers(kind, size, 8), "dx": numbers(kind, size, 9)}
            back |= {"dw": numbers(wide, c), "db": numbers(wide, c)}
            for weight, training, running in (
                (True, True, True), (False, True, False), (True, False, True),
            ):  # fmt: skip
                columns = 0 if s > 1 else 2 if weight else 1
                plan = channel.BatchNorm(kind, weight, weight, training, running, columns)
                text = f"batch norm {kind} {n}x{c}x{s} {training} {columns}"
                results = {"y": kind, "mean": wide, "rstd": wide}
                if training and running:
                    results |= {"running_mean": wide, "running_var": wide}
                yield text, plan, given, results
                for dx in (True, False):
                    plan_ = channel.BatchNormBackward(kind, weight, training, dx, columns)
                    results = {"dw": wide, "db": wide} | ({"dx": kind} if dx else {})
                    yield f"{text}' {dx}", plan_, back, results


# --- products ----------------------------------------------------------------------------------


def launched(
    text: str, launch: Launch, arrays: dict[str, np.ndarray], result: str, kind: str
) -> Case:
    names = [p.name for p in launch.plan.parameters]
    values: dict[str, Any] = dict(arrays)
    values.setdefault("bias", 0)
    room = np.zeros(launch.scratch_bytes * machine.workers + 64, np.uint8)
    values["scratch"] = room if launch.scratch_bytes else 0
    values |= dict(zip(names[5:], launch.numbers, strict=True))
    return text, launch.plan, values, {result: kind}


def product_cases() -> Iterator[Case]:
    target = llvm.host_target()
    for kind in ("f32", "f64", "f16", "bf16", "i8", "u8", "i32", "i64"):
        for m, n, k in ((3, 5, 4), (1, 35, 20), (35, 1, 20), (30, 37, 11), (2, 2, 0)):
            for turned in (False, True):
                b_strides = (k * n, 1, k) if turned else (k * n, n, 1)
                for extra in ("", "bias"):
                    if extra and kind[0] != "f":
                        continue
                    launch = matmul_plan(
                        target, kind, (2, m, n, k), (m * k, k, 1), b_strides, (m * n, n),
                        bias="n" if extra else "", activation="relu" if extra else "",
                    )  # fmt: skip
                    arrays = {"a": numbers(kind, 2 * m * k), "b": numbers(kind, 2 * k * n, 1)}
                    arrays |= {"c": numbers(kind, 2 * m * n, 2)}
                    if extra:
                        arrays["bias"] = numbers(kind, n, 3)
                    text = f"matmul {kind} {m} {n} {k} {turned} {extra}"
                    yield launched(text, launch, arrays, "c", kind)
    yield from rounded_products()
    for kind in ("f32", "f64", "f16"):
        for shape in (
            Conv2d(2, 3, 6, 7, 4, (3, 3)),
            Conv2d(1, 4, 9, 5, 6, (3, 2), (2, 2), (1, 1), (1, 1), 2),
            Conv2d(2, 2, 8, 20, 3, (2, 3), (1, 1), (1, 2), (2, 1)),
            # Whole vectors of channels: what blocks hold beyond them means nothing.
            Conv2d(1, 16, 3, 4, 16, (2, 3), (1, 2), (1, 1)),
            Conv2d(1, 64, 4, 3, 32, (3, 2), (2, 2), (0, 1), (1, 1), 2),
        ):
            yield from convolution(kind, shape)
        for shape in (
            Conv2d(2, 17, 4, 9, 17, (3, 3), (2, 1), (1, 1), (1, 2), groups=17, last=True),
            Conv2d(1, 5, 5, 12, 5, (2, 3), padding=(2, 1), groups=5, last=True),
            Conv2d(2, 6, 5, 11, 6, (3, 3), (2, 2), (1, 1), groups=6, last=True),
        ):
            yield from depthwise(kind, shape)
    for kind in ("f32", "f64"):
        yield from winograd(kind, Conv2d(2, 3, 6, 9, 5, (3, 3), padding=(1, 2)))


def winograd(kind: str, shape: Conv2d) -> Iterator[Case]:
    target = llvm.host_target()
    pixels = shape.height * shape.width
    strides = (shape.in_channels * pixels, pixels, shape.width, 1)
    chosen = winograd_forward(target, kind, shape, strides, bias=True, always=True)
    assert chosen is not None
    plan, counts, _ = chosen.weight
    size = chosen.weight_bytes // np.dtype(DTYPES[kind]).itemsize
    weight = numbers(kind, shape.out_channels * shape.in_channels * 9)
    values: dict[str, Any] = {"out": numbers(kind, size, 1), "weight": weight}
    values |= dict(zip([p.name for p in plan.parameters][2:], counts, strict=True))
    yield f"winograd weight {kind}", plan, values, {"out": kind}
    arrays = {
        "out": numbers(kind, shape.batch * shape.out_channels * math.prod(shape.output)),
        "weight": numbers(kind, size, 1),
        "x": numbers(kind, shape.batch * strides[0], 2),
        "bias": numbers(kind, shape.out_channels, 3),
    }
    yield launched(f"winograd {kind}", chosen.main, arrays, "out", kind)


def rounded_products() -> Iterator[Case]:
    """Products on tiles, where the processor has them: float32 in one or two parts, bfloat16."""
    target = llvm.host_target()
    for kind, precision in (("f32", "medium"), ("f32", "high"), ("bf16", "highest")):
        for m, n, k in ((30, 37, 11), (33, 27, 45), (25, 26, 300)):
            if k > 256 and kind == "f32":
                continue
            for layouts in ("rows", "columns", "steps"):
                step = 2 if layouts == "steps" else 1
                a, b = (m * k * step, k * step, step), (k * n * step, n * step, step)
                if layouts == "columns":
                    a, b = (m * k, 1, m), (k * n, 1, k)
                launch = matmul_plan(
                    target, kind, (2, m, n, k), a, b, (m * n, n),
                    bias="m" if layouts == "rows" else "n", precision=precision,
                    accumulate=layouts == "steps",
                )  # fmt: skip
                arrays = {
                    name: numbers(kind, size, seed)
                    for seed, (name, size) in enumerate(
                        (("a", 2 * a[0]), ("b", 2 * b[0]), ("c", 2 * m * n), ("bias", max(m, n)))
                    )
                }
                text = f"rounded matmul {kind} {precision} {m} {n} {k} {layouts}"
                yield launched(text, launch, arrays, "c", kind)


def convolution(kind: str, shape: Conv2d) -> Iterator[Case]:
    target = llvm.host_target()
    height, width = shape.output
    x_size = shape.in_channels * shape.height * shape.width
    y_size = shape.out_channels * height * width
    x_strides = (x_size, shape.height * shape.width, shape.width, 1)
    y_strides = (y_size, height * width, width, 1)
    weights = shape.out_channels * shape.in_channels // shape.groups
    weights *= shape.kernel[0] * shape.kernel[1]
    x, y = numbers(kind, shape.batch * x_size), numbers(kind, shape.batch * y_size, 1)
    weight, bias = numbers(kind, weights, 2), numbers(kind, shape.out_channels, 3)
    text = f"conv {kind} {tuple(shape)}"
    launch = conv2d_forward(target, kind, shape, x_strides, bias=True)
    yield from staged(text, launch, {"out": y, "a": weight, "b": x, "bias": bias}, kind)
    launch = conv2d_backward_data(target, kind, shape, y_strides)
    yield from staged(text + " dx", launch, {"out": x, "a": weight, "b": y}, kind)
    launch = conv2d_backward_weight(target, kind, shape, x_strides, y_strides)
    yield from staged(text + " dw", launch, {"out": weight, "a": y, "b": x}, kind)


def depthwise(kind: str, shape: Conv2d) -> Iterator[Case]:
    target = llvm.host_target()
    (height, width), c = shape.output, shape.in_channels
    x_strides = (shape.height * shape.width * c, 1, shape.width * c, c)
    y_strides = (height * width * c, 1, width * c, c)
    x = numbers(kind, shape.batch * x_strides[0])
    y = numbers(kind, shape.batch * y_strides[0], 1)
    weight, bias = numbers(kind, c * shape.kernel[0] * shape.kernel[1], 2), numbers(kind, c, 3)
    text = f"depthwise {kind} {tuple(shape)}"
    launch = conv2d_forward(target, kind, shape, x_strides, bias=True)
    yield from staged(text, launch, {"out": y, "a": weight, "b": x, "bias": bias}, kind)
    if (1, 1) in (shape.stride, shape.dilation):
        launch = conv2d_backward_data(target, kind, shape, y_strides)
        yield from staged(text + " dx", launch, {"out": x, "a": weight, "b": y}, kind)
    summed = depthwise_weight(target, kind, shape, x_strides, y_strides)
    parts = numbers(register(kind), summed.nbytes // STORED_BYTES[register(kind)], 4)
    arrays = {"out": parts, "a": y, "b": x}
    yield launched(text + " dw", summed.product, arrays, "out", register(kind))
    for accumulate in (False, True):
        plan = FoldTaps(kind, accumulate)
        values = {"out": weight, "a": parts}
        names = [p.name for p in plan.parameters][2:]
        values |= dict(zip(names, summed.fold.numbers, strict=True))
        yield text + " fold", plan, values, {"out": kind}


def staged(
    text: str, launch: Launch | Staged, arrays: dict[str, np.ndarray], kind: str
) -> Iterator[Case]:
    """The copies of a product's operands, if there are any, and the product."""
    if isinstance(launch, Launch):
        yield launched(text, launch, arrays, "out", kind)
        return
    arrays = dict(arrays)
    for copy in launch.copies:
        name = "ab"[copy.operand]
        plan = copy.launch.plan
        blocks = numbers(register(kind), copy.nbytes // STORED_BYTES[register(kind)], 4)
        values = {"out": blocks, "a": arrays[name]}
        names = [p.name for p in plan.parameters]
        values |= dict(zip(names[2:], copy.launch.numbers, strict=True))
        yield f"{text}, copy of {name}", plan, values, {"out": register(kind)}
        arrays[name] = blocks
    yield launched(text, launch.product, arrays, "out", kind)


# --- random ------------------------------------------------------------------------------------


def seeded(seed: int, drawn: int = 0) -> np.ndarray:
    """A generator's memory, `drawn` words after its seeding."""
    state = np.zeros(random.STATE_BYTES, np.uint8)
    machine.compile_plan(random.Seeding())(state.ctypes.data, random.WORDS, seed)
    if drawn:
        sink = np.zeros(drawn, np.int32)
        plan = random.Integers("i32", "narrow")
        machine.compile_plan(plan)(state.ctypes.data, sink.ctypes.data, drawn, 0, 7)
    return state


def random_cases() -> Iterator[Case]:
    def fill(text: str, plan: Plan, kind: str, n: int, drawn: int = 0, **more: Any) -> Case:
        values = {"state": seeded(5, drawn), "y": numbers(kind, n), "n": n} | more
        return f"{text} {kind} {n}", plan, values, {"y": kind}

    state = np.full(random.STATE_BYTES, 7, np.uint8)
    yield "seeding", random.Seeding(), {"state": state, "n": 624, "seed": 2**32 - 5}, {}
    for kind in ("f32", "f64", "f16", "bf16"):
        for n in (1, 17, 700):
            yield fill("uniform", random.Uniform(kind), kind, n, 3, low=-1.5, high=2.5)
        for n in (16, 41, 640):
            yield fill("normal", random.NormalBlocks(kind), kind, n, 611, mean=0.5, std=2.0)
        for n in (1, 2, 15):
            yield fill("pairs", random.NormalPairs(kind), kind, n, mean=0.5, std=2.0)
        yield fill("bernoulli", random.Bernoulli(kind), kind, 33, threshold=2**52, divisor=0.5)
        for n in (5, 1033):
            x = numbers(kind, n)
            plan = random.Dropout(kind)
            yield fill("dropout", plan, kind, n, 3, x=x, threshold=2**52, scale=1.75)
    for kind in ("u8", "i16", "i32", "i64", "f32", "bool"):
        for n in (1, 33, 2100):
            plan = random.Integers(kind, "narrow")
            yield fill("narrow", plan, kind, n, low=-3, span=90)
        wide, full = random.Integers(kind, "wide"), random.Integers(kind, "full")
        yield fill("wide", wide, kind, 20, low=-3, span=2**40)
        yield fill("full", full, kind, 20, low=0, span=0)
        yield fill("bernoulli", random.Bernoulli(kind), kind, 33, threshold=2**52, divisor=1.0)
    for kind in ("i64", "f32"):
        for n in (2, 33, 2100):
            yield fill("shuffle", random.Shuffle(kind), kind, n)
            yield fill("wide shuffle", random.WideShuffle(kind), kind, n // 2)
    for given in ("f32", "f64", "f16"):
        for scale in (1.0, 2.0):
            x = (np.abs(numbers(given, 40)) % 1 * scale).astype(DTYPES[given])
            plan = random.BernoulliEach("f32", given)
            yield fill(f"each {given} {scale}", plan, "f32", 40, x=x)
        for bad in (0.5, -1.0, np.inf, 0.0):
            weights = np.abs(numbers(given, 14))
            weights[7 if bad else slice(7, 14)] = bad
            more: dict[str, Any] = {"x": weights, "rows": 2, "columns": 7}
            more |= {"sums": np.zeros(7, np.float64 if given == "f64" else np.float32)}
            name, plan_, values, _ = fill(
                f"multinomial {given} {bad}", random.Multinomial(given), "i64", 9, **more
            )
            values["y"] = numbers("i64", 18)
            yield name, plan_, values, {"y": "i64"}
    for given in ("f32", "f64", "f16"):
        rates = np.array([0, 0.25, 3, 9.5, 10, 33, 1000, -1, np.nan, 0], DTYPES[given])
        plan = random_counts.Poisson(given)
        yield fill(f"poisson {given}", plan, given, 10, rates=rates)
    for given in ("f32", "f64"):
        trials = np.array([0, 5, 5, 40, 40, 1000, 1000, 7, -1, 3], DTYPES[given])
        chances = np.array([0.5, 0, 1, 0.25, 0.75, 0.5, 0.875, 0.5, 0.5, np.nan], DTYPES[given])
        more = {"trials": trials, "chances": chances}
        yield fill(f"binomial {given}", random_counts.Binomial(given), given, 10, **more)
    u, scale_ = expr.input_(0, "f64"), expr.param(0, "f64")
    formula = linearise([expr.call("log1p", -u) / scale_])
    yield fill("formula", random.FromUniform("f32", formula), "f32", 30, p0=2.0, p1=0.0)


FAMILIES = (
    pointwise_cases,
    turned_cases,
    reduce_cases,
    scan_cases,
    indirect_cases,
    layer_cases,
    class_losses,
    normed_rows,
    normed_channels,
    pool_cases,
    resample_cases,
    product_cases,
    random_cases,
)
