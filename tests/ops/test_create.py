"""Creation from numbers, data and arrays: as torch does it, and what is shared with NumPy."""

from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import create_cases as cases
from tests.ops.twin import check


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_creation_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize(
    "name", ["bool", "uint8", "int16", "int64", "float16", "float32", "float64"]
)
def test_arrays_share_memory_both_ways(name: str) -> None:
    array = np.zeros((3, 4), name)
    x = facula.from_numpy(array[:, ::2].T)
    x[1, 2] = 1
    array[0, 0] = 1
    assert x.tolist() == array[:, ::2].T.tolist()
    back = x.numpy()
    back[0, 1] = 1
    assert x[0, 1].item() == 1 and array[1, 0] == 1
    del array, back
    assert x.sum().item() == 3  # the tensor keeps the memory alive
