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
def test_copies_onto_overlapping_memory(shift: int) -> None:
    """Refused where torch looks, between dense tensors; else all is read before it is written."""
    x = facula.arange(20.0)
    for target, source in ((x[shift:], x[:-shift]), (x[:-shift], x[shift:])):
        with pytest.raises(RuntimeError, match="refer to a single memory location"):
            target.copy_(source)
    assert x.tolist() == [*range(20)]
    y = facula.arange(40.0)[::2]
    y[shift:].copy_(y[:-shift])
    assert y.tolist() == [*range(0, 2 * shift, 2), *range(0, 40 - 2 * shift, 2)]


@pytest.mark.parametrize("name", ["bool", "uint8", "bfloat16", "float16", "int32", "float64"])
def test_large_copies_across_memory(name: str) -> None:
    dtype = getattr(facula, name)
    for shape in ((64, 48), (61, 77), (3, 37, 70)):
        array = np.random.default_rng(0).integers(-3, 100, shape)
        x = facula.tensor(array).to(dtype)
        wanted = facula.tensor(array.swapaxes(-1, -2).copy()).to(dtype).tolist()
        assert x.transpose(-1, -2).contiguous().tolist() == wanted
        y = facula.zeros(shape, dtype=dtype).transpose(-1, -2)  # written across
        y.copy_(facula.tensor(wanted, dtype=dtype))
        assert y.tolist() == wanted


def test_pointwise_across_memory_is_the_same_for_any_number_of_threads() -> None:
    before = facula.get_num_threads()
    rng = np.random.default_rng(0)
    a = rng.standard_normal((300, 270)).astype(np.float32)
    b = rng.standard_normal((270, 300)).astype(np.float32)
    try:
        for threads in (1, 2, 3):
            facula.set_num_threads(threads)
            x, y = facula.tensor(a), facula.tensor(b)
            assert ((x.t() - y).numpy() == a.T - b).all()
            assert (facula.atan2(x.t(), y) == facula.atan2(x.t().contiguous(), y)).all()
            y.mul_(x.t())
            assert (y.numpy() == a.T * b).all()
            part = x[::2, 3:].t()
            assert ((part + y[3:, :150]).numpy() == a[::2, 3:].T + (a.T * b)[3:, :150]).all()
    finally:
        facula.set_num_threads(before)
