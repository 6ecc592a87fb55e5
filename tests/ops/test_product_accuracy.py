"""Sums of products against wider sums: within a bound, and no worse than PyTorch's."""

from collections.abc import Callable
from math import sqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula

# The last place of what is stored, and of the sums (torch's own widths).
LAST_PLACE = {"float32": 2.0**-23, "float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}
SUMS = {"float64": 2.0**-52}
# Rows, depth, columns: one tile and less, edges, several blocks of k, few rows, long sums.
SIZES = [
    (8, 40, 8),
    (16, 512, 16),
    (48, 48, 48),
    (70, 300, 33),
    (96, 1500, 130),
    (3, 2000, 40),
    (1, 4096, 300),
    (24, 9000, 24),
]
LAYOUTS: dict[str, Callable[..., Any]] = {
    "a @ b": lambda t, a, b: a @ b,
    "a' @ b": lambda t, a, b: a.t().contiguous().t() @ b,
    "a @ b'": lambda t, a, b: t.nn.functional.linear(a, b.t().contiguous()),
    "batches": lambda t, a, b: t.bmm(t.stack([a, -a]), t.stack([b, b]))[1],
}


def operands(dtype: str, size: tuple[int, int, int]) -> tuple[facula.Tensor, facula.Tensor]:
    m, k, n = size
    facula.manual_seed(m + k + n)
    kind = getattr(facula, dtype)
    return (
        facula.randn(m, k, dtype=facula.float64).to(kind),
        facula.randn(k, n, dtype=facula.float64).to(kind),
    )


def wide(x: facula.Tensor, dtype: str) -> np.ndarray:
    """The numbers in a type that sums them with many more bits than `dtype`'s sums have."""
    return x.double().numpy().astype(np.longdouble if dtype == "float64" else np.float64)


def errors(y: np.ndarray, layout: str, exact: np.ndarray) -> np.ndarray:
    return np.abs(y - (-exact if layout == "batches" else exact))


@pytest.mark.parametrize("dtype", LAST_PLACE)
def test_sums_of_products_against_wider_ones(dtype: str) -> None:
    """A stored sum is rounded once; before that, roundings of random sign add up."""
    for size in SIZES:
        a, b = operands(dtype, size)
        exact = wide(a, dtype) @ wide(b, dtype)
        sizes = np.abs(wide(a, dtype)) @ np.abs(wide(b, dtype))
        last = SUMS.get(dtype, 2.0**-23)
        bound = 0.51 * LAST_PLACE[dtype] * np.abs(exact) + 0.5 * last * sqrt(size[1]) * sizes
        for layout, product in LAYOUTS.items():
            error = errors(wide(product(facula, a, b), dtype), layout, exact)
            assert (error <= bound).all(), (size, layout)


@pytest.mark.parametrize("dtype", LAST_PLACE)
def test_sums_of_products_are_as_accurate_as_torchs(torch: ModuleType, dtype: str) -> None:
    """In the mean square, with a tenth for chance: of a few sums torch may be lucky."""
    for size in SIZES:
        a, b = operands(dtype, size)
        kind = getattr(torch, dtype)
        x, z = (torch.tensor(operand.double().numpy()).to(kind) for operand in (a, b))
        exact = wide(a, dtype) @ wide(b, dtype)
        for layout, product in LAYOUTS.items():
            ours = errors(wide(product(facula, a, b), dtype), layout, exact)
            theirs = errors(product(torch, x, z).double().numpy(), layout, exact)
            assert np.square(ours).mean() <= 1.21 * np.square(theirs).mean(), (size, layout)
