"""Plans of interpolation with small operands; see `plan_cases.py`."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from fenced import numbers

from facula.backend import llvm
from facula.kernel.library.pool import axes_of
from facula.kernel.library.resample import Resample
from facula.kernel.plan import Plan
from facula.kernel.program import REGISTER_KIND, STORED_BYTES
from facula.launch import resampling
from facula.launch.resampling import Axis, table_of

CASES = (
    ("f32", (Axis("linear", 4, 8), Axis("linear", 70, 140))),
    ("f32", (Axis("linear", 4, 8).turn(), Axis("linear", 70, 140).turn())),
    ("f32", (Axis("nearest", 3, 6), Axis("nearest", 41, 82))),
    ("f64", (Axis("cubic", 5, 7, wide=True), Axis("cubic", 19, 43, wide=True))),
    ("f32", (Axis("linear", 9, 3, smooth=True), Axis("linear", 40, 17, smooth=True).turn())),
    ("f16", (Axis("nearest-exact", 3, 5), Axis("nearest-exact", 20, 37))),
    ("u8", (Axis("nearest", 3, 5), Axis("nearest", 20, 37))),
    ("f32", (Axis("linear", 2, 3), Axis("linear", 3, 2), Axis("linear", 37, 37))),
)


def resample_cases() -> Iterator[tuple[str, Plan, dict[str, Any], dict[str, str]]]:
    for kind, axes in CASES:
        compute = REGISTER_KIND.get(kind, kind)
        lanes = llvm.host_target().lanes(max(4, STORED_BYTES[compute]))
        tables = [table_of(axis) for axis in axes]
        pattern, low, high = resampling._pattern(tables[-1], axes[-1].sizes[0], lanes)
        rows_are_picked = all(table.is_pick for table in tables[:-1])
        blend = kind == "f16" or not rows_are_picked
        values: dict[str, Any] = {"planes": 2, "taps": len(tables[-1].weight)}
        values |= {"low": low, "high": high}
        for letter, axis, table in zip(axes_of(len(axes)), axes, tables, strict=True):
            values |= {"n" + letter: axis.sizes[0], "o" + letter: axis.sizes[1]}
            for name, array in table._asdict().items():
                values[f"{name}_{letter}"] = array
        size, results = (2 * math.prod(axis.sizes[k] for axis in axes) for k in (0, 1))
        stride = (axes[-1].sizes[0] + 2 * lanes) * STORED_BYTES[compute] + 63 & -64
        values |= {"x": numbers(kind, size), "y": numbers(kind, results, 1)}
        # Room for as many workers as there may be.
        values |= {"scratch": np.zeros(stride * 64, np.uint8), "scratch_stride": stride}
        for plan in {
            Resample(kind, len(axes), blend, tables[-1].is_pick, pattern),
            Resample(kind, len(axes), blend, tables[-1].is_pick, None),
        }:
            yield f"resample {kind} {axes} {plan.pattern}", plan, values, {"y": kind}
