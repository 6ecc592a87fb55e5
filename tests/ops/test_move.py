"""Copies, conversions, joins and repeats: like torch, and against NumPy on hostile layouts."""

from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import move_cases as cases
from tests.ops.layouts import LAYOUTS, filled
from tests.ops.twin import check


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_moving_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_copies_and_joins_against_numpy(layout: str) -> None:
    for name in cases.DTYPES:
        x, array = filled(layout, name)
        twice = facula.cat([x[None], x[None]])
        for copy in (x.clone(), x.contiguous(), twice[1], x.repeat((1,) * max(1, x.ndim))):
            assert copy.flatten().tolist() == x.flatten().tolist()
        y = facula.zeros(array.shape, dtype=x.dtype)
        y.copy_(x)
        assert y.tolist() == array.tolist()
        joined = facula.stack([x, y], -1)
        assert joined.tolist() == np.stack([array, array], -1).tolist()
        if array.ndim > 1:
            y = facula.zeros(array.shape, dtype=x.dtype).transpose(0, 1)
            y.copy_(x.transpose(0, 1))
            assert y.transpose(0, 1).tolist() == array.tolist()


@pytest.mark.parametrize("shift", [1, 2, 5])
def test_copies_onto_overlapping_memory_read_before_they_write(shift: int) -> None:
    x = facula.arange(20.0)
    x[shift:].copy_(x[:-shift].clone() * 1)
    y = facula.arange(20.0)
    y[shift:].copy_(y[:-shift])
    z = facula.arange(20.0)
    z[:-shift].copy_(z[shift:])
    assert y.tolist() == x.tolist()
    assert z.tolist() == [*range(shift, 20), *range(20 - shift, 20)]
