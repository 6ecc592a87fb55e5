"""Tensors of random dtypes, shapes, magnitudes and printing options print as PyTorch's do."""

import math
import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula

DTYPES = [
    "float32", "float64", "float16", "bfloat16", "complex64", "complex128", "int64", "int32",
    "int16", "int8", "uint8", "bool", "uint16", "uint32", "uint64",
]  # fmt: skip
CASES = 150


@pytest.fixture(autouse=True)
def default_options(torch: ModuleType) -> Iterator[None]:
    yield
    for package in (torch, facula):
        package.set_printoptions(profile="default")
        package.set_default_dtype(package.float32)


def numbers(rnd: random.Random, count: int) -> np.ndarray:
    """Whole, tiny, huge, mixed, constant or broken numbers."""
    rng = np.random.default_rng(rnd.randrange(2**32))
    normal = rng.normal(size=count)
    kind = rnd.randrange(9)
    if kind == 0:
        return rng.integers(-50, 50, count).astype(float)
    if kind == 1:
        return normal * 10.0 ** rnd.randint(-6, 9)
    if kind == 2:
        return normal * 10.0 ** rng.integers(-6, 7, count)
    if kind == 3:
        return normal * 10.0 ** rng.integers(-38, 38, count)
    if kind == 4:
        return normal * 1e-42
    if kind == 5:
        constants = (0.0, -0.0, 1.0, 1e8, 1e-5, 99999.5, 1000.0, 0.001, 123456.789)
        return np.full(count, rnd.choice(constants))
    if kind == 6:
        return rng.integers(-9, 9, count) / 2
    if kind == 7:
        odd = rng.choice([np.nan, np.inf, -np.inf, 0.5, -3.0], size=count)
        return np.where(rng.random(count) < 0.5, odd, normal)
    return normal


def shape(rnd: random.Random) -> tuple[int, ...]:
    sizes = [rnd.choice([0, 1, 2, 3, 5, 7, 8, 12, 30]) for _ in range(rnd.randrange(6))]
    if sizes and rnd.random() < 0.1:
        sizes[rnd.randrange(len(sizes))] = rnd.choice([100, 1001, 1200])
    while math.prod(sizes) > 5000:
        sizes[rnd.randrange(len(sizes))] = 1
    return tuple(sizes)


def options(rnd: random.Random) -> dict[str, Any]:
    if rnd.random() < 0.6:
        return {}
    if rnd.random() < 0.1:
        return {"profile": rnd.choice(["default", "short", "full"])}
    every = {
        "precision": [0, 1, 2, 3, 5, 8, 10], "threshold": [0, 5, 10, 50, 100, 5000],
        "edgeitems": [0, 1, 2, 4, 6], "linewidth": [1, 10, 20, 40, 79, 80, 120, 200],
        "sci_mode": [True, False, None],
    }  # fmt: skip
    return {name: rnd.choice(known) for name, known in every.items() if rnd.random() < 0.4}


def stored(rnd: random.Random, kind: str, size: tuple[int, ...]) -> np.ndarray:
    """Numbers in the dtype, as NumPy keeps it (bfloat16 as float32)."""
    values = numbers(rnd, math.prod(size)).reshape(size)
    if kind.startswith("complex"):
        values = values + 1j * numbers(rnd, math.prod(size)).reshape(size)
    wanted = np.dtype("float32" if kind == "bfloat16" else kind)
    with np.errstate(all="ignore"):
        if wanted.kind in "iu":
            limits = np.iinfo(wanted)
            values = np.nan_to_num(values, nan=1, posinf=3, neginf=4)
            values = values.clip(float(limits.min), float(limits.max) * 0.9)
        return np.asarray(values).astype(wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(4))
def test_random_tensors_print_alike(torch: ModuleType, part: int) -> None:
    rnd = random.Random(part)
    for _ in range(CASES):
        kind, size = rnd.choice(DTYPES), shape(rnd)
        array, words = stored(rnd, kind, size), options(rnd)
        turned, wants = rnd.random() < 0.2 and len(size) > 1, rnd.random()
        default = "float64" if rnd.random() < 0.05 else "float32"
        texts = []
        for package in (torch, facula):
            x = package.from_numpy(array.copy()).to(getattr(package, kind))
            x = x.transpose(0, -1) if turned else x
            if wants < 0.3 and kind[0] in "fbc" and kind != "bool":
                x.requires_grad_()
                x = x.clone() if wants < 0.15 else x
            package.set_printoptions(profile="default")
            package.set_printoptions(**words)
            package.set_default_dtype(getattr(package, default))
            made = []
            for write in (repr, str, lambda one: f"{one}"):
                try:
                    made.append(write(x))
                except Exception as error:
                    made.append(f"{type(error).__name__}: {error}")
            package.set_default_dtype(package.float32)
            texts.append(made)
        assert texts[1] == texts[0], (kind, size, words, turned)
