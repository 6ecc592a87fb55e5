"""Sorting, running sums, flips and ranks against Python's own and torch."""

import math
from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import order_cases as cases
from tests.ops.layouts import LAYOUTS, filled
from tests.ops.twin import check

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_order_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize("name", (*DTYPES, "bfloat16"))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sorting_is_stable_in_both_directions(layout: str, name: str) -> None:
    x, array = filled(layout, name)
    array = array.astype(np.float64)
    for dim in range(array.ndim):
        values, places = x.sort(dim)
        expected = np.argsort(array, dim, kind="stable")
        np.testing.assert_array_equal(places.numpy(), expected)
        np.testing.assert_array_equal(
            np.array(values.tolist(), np.float64), np.take_along_axis(array, expected, dim)
        )
        downwards = np.argsort(-array, dim, kind="stable")
        np.testing.assert_array_equal(x.sort(dim, descending=True)[1].numpy(), downwards)
        np.testing.assert_array_equal(x.argsort(dim).numpy(), expected)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 15, 16, 17, 33, 1000])
def test_sorts_of_every_length_keep_nan_last(size: int) -> None:
    values = [math.nan if k % 7 == 3 else float(k * 31 % 17) for k in range(size)]
    known = sorted((v, k) for k, v in enumerate(values) if v == v)
    places = [k for _, k in known] + [k for k, v in enumerate(values) if v != v]
    assert facula.tensor(values).sort()[1].tolist() == places
    top = facula.tensor(values).topk(min(size, 4))
    expected = facula.tensor(values).sort(descending=True)[0][: min(size, 4)]
    np.testing.assert_array_equal(top.values.numpy(), expected.numpy())
    if size > 4:
        assert math.isnan(top.values[0].item())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_running_sums_and_products(layout: str) -> None:
    for name in ("bool", "uint8", "int32", "int64", "float32", "float64"):
        x, array = filled(layout, name)
        wide = array.astype(np.float64 if name.startswith("float") else np.int64)
        for dim in range(array.ndim):
            np.testing.assert_allclose(x.cumsum(dim).numpy(), wide.cumsum(dim), 1e-6)
            if array.shape[dim] < 9:
                np.testing.assert_allclose(x.cumprod(dim).numpy(), wide.cumprod(dim), 1e-6)
            assert x.cumsum(dim).dtype is (x.dtype if x.is_floating_point() else facula.int64)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_flips_rolls_and_triangles(layout: str) -> None:
    for name in DTYPES:
        x, array = filled(layout, name)
        array = array.astype(x.numpy().dtype)
        for dim in range(array.ndim):
            np.testing.assert_array_equal(x.flip(dim).numpy(), np.flip(array, dim))
            np.testing.assert_array_equal(x.roll(2, dim).numpy(), np.roll(array, 2, dim))
        np.testing.assert_array_equal(x.roll(-3).numpy(), np.roll(array, -3))
        if array.ndim > 1:
            np.testing.assert_array_equal(x.tril(1).numpy(), np.tril(array, 1))
            np.testing.assert_array_equal(x.triu(-1).numpy(), np.triu(array, -1))


@pytest.mark.parametrize("size", [1, 2, 5, 64, 100])
def test_running_extremes(size: int) -> None:
    values = [float(k * 7919 % 101 % 13) for k in range(size)]
    x = facula.tensor(values)
    assert x.cummax(0).values.tolist() == np.maximum.accumulate(values).tolist()
    assert x.cummin(0).values.tolist() == np.minimum.accumulate(values).tolist()
    assert x[x.cummax(0).indices.unique()].numel() >= 1


def test_distinct_values_and_counts() -> None:
    x = facula.tensor([[3, 1, 2], [3, 3, 1]])
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert (values.tolist(), counts.tolist()) == ([1, 2, 3], [2, 1, 3])
    assert values[inverse].tolist() == x.tolist()
    assert facula.bincount(x.flatten()).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_flips_of_every_layout(layout: str) -> None:
    for name in ("float32", "int8", "bool", "float16"):
        x, array = filled(layout, name)
        for dims in ((), (0,), (-1,), tuple(range(array.ndim))):
            if array.ndim == 0:
                dims = ()
            assert x.flip(dims).tolist() == np.flip(array, dims).tolist()


def test_large_flips() -> None:
    array = np.random.default_rng(0).integers(0, 255, (67, 129, 35))
    for name in ("float32", "uint8", "float64", "bfloat16"):
        x = facula.tensor(array % 97).to(getattr(facula, name))
        for view, same in ((x, array % 97), (x[:, ::2, 1:], array[:, ::2, 1:] % 97)):
            for dims in ((2,), (1,), (0, 2), (0, 1, 2)):
                assert (view.flip(dims).float().numpy() == np.flip(same, dims)).all()
                turned = view.transpose(0, 2).flip(dims).float().numpy()
                assert (turned == np.flip(same.swapaxes(0, 2), dims)).all()


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "uint8", "bool", "float16"])
@pytest.mark.parametrize("descending", [False, True])
def test_long_sorts_are_stable(name: str, descending: bool) -> None:
    rng = np.random.default_rng(0)
    for n in (15, 16, 17, 255, 300, 1030):
        x = facula.tensor(rng.integers(0, 20, (3, n))).to(getattr(facula, name))
        if x.is_floating_point():
            specials = ((7, math.nan), (3, -0.0), (5, math.inf), (6, -math.inf))
            for old, new in specials:
                x = x.masked_fill(x == old, new)
        values, places = x.sort(1, descending=descending)
        wide = x.double().numpy()
        key = np.where(np.isnan(wide), np.inf, wide) * (-1 if descending else 1)
        rank = np.isnan(wide) != descending  # nan is the largest, also beside infinity
        for row in range(3):
            wanted = np.lexsort((np.arange(n), rank[row], key[row]))
            assert places[row].tolist() == wanted.tolist()
            same = np.take(wide[row], wanted)
            found = values[row].double().numpy()
            np.testing.assert_array_equal(found, same)
            defined = ~np.isnan(same)
            assert (np.signbit(found) == np.signbit(same))[defined].all()
