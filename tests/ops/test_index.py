"""Indexing: every mixture as torch does it, against NumPy, and no write outside a tensor."""

import itertools
from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import index_cases as cases
from tests.ops.layouts import LAYOUTS, filled
from tests.ops.twin import check

KEYS = (0, -1, slice(None), slice(1, None, 2), None, ..., [0, 1], [[1, 0], [0, 1]], [-1])


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_indexing_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize("layout", ["transposed", "stepped", "expanded", "offset", "overlapping"])
def test_reads_and_writes_against_numpy(layout: str) -> None:
    """All pairs and triples of kinds of keys; NumPy's rules are torch's."""
    x, array = filled(layout, "float32")
    dense = array.astype(np.float32)
    for key in itertools.chain(
        itertools.product(KEYS, repeat=2), itertools.product(KEYS, repeat=3)
    ):
        # An int beside lists counts as a list in NumPy, as a view in torch.
        kinds = {type(k) for k in key}
        if key.count(...) > 1 or (int in kinds and list in kinds):
            continue
        expected = dense[key]
        np.testing.assert_array_equal(x[key].numpy(), expected, err_msg=str(key))
        mine, theirs = x.clone(), dense.copy()
        mine[key] = 7.0
        theirs[key] = 7.0
        np.testing.assert_array_equal(mine.numpy(), theirs, err_msg=str(key))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_masks_against_numpy(layout: str) -> None:
    for name in ("bool", "uint8", "int64", "float16", "float32", "float64"):
        x, array = filled(layout, name)
        mask = array > 2
        chosen = facula.tensor(mask.tolist())
        assert x[chosen].tolist() == array[mask].tolist()
        assert x.masked_select(chosen).tolist() == array[mask].tolist()
        assert chosen.nonzero().tolist() == np.argwhere(mask).tolist()


INSIDE = 5
OUTSIDE = (INSIDE, INSIDE + 1, 10**9, 2**62, -INSIDE - 1, -(10**9), -(2**62))


@pytest.mark.parametrize("place", OUTSIDE)
def test_no_index_outside_reads_or_writes(place: int) -> None:
    """The tensor sits inside a larger one whose borders must stay as they were."""
    room = facula.zeros(3, 64)
    x = room[1, 20 : 20 + INSIDE]
    index = facula.tensor([0, place, 1])
    values = facula.ones(3)
    calls = (
        lambda: x[index],
        lambda: x.__setitem__(index, values),
        lambda: x.__setitem__(index, 1.0),
        lambda: x.index_put_((index,), values, accumulate=True),
        lambda: x.index_select(0, index),
        lambda: x.gather(0, index),
        lambda: x.scatter_(0, index, values),
        lambda: x.scatter_add_(0, index, values),
        lambda: x.scatter_reduce_(0, index, values, "amax"),
        lambda: x.index_add_(0, index, values),
        lambda: x.index_copy_(0, index, values),
        lambda: x.index_fill_(0, index, 2.0),
        lambda: x.take(index),
        lambda: x.put_(index, values),
        lambda: facula.nn.functional.embedding(index, x[:, None]),
        lambda: x[place],
        lambda: x.select(0, place),
    )
    for number, call in enumerate(calls):
        with pytest.raises((IndexError, RuntimeError)):
            call()
            pytest.fail(f"call {number} accepted {place}")
    outside = room.clone()
    outside[1, 20 : 20 + INSIDE] = 0.0
    assert outside.abs().sum().item() == 0.0


def test_repeated_places_add_up_and_the_last_write_stays() -> None:
    index = facula.tensor([2, 0, 2, 2])
    values = facula.tensor([1.0, 2.0, 4.0, 8.0])
    assert facula.zeros(3).index_add(0, index, values).tolist() == [2.0, 0.0, 13.0]
    assert facula.zeros(3).scatter_add(0, index, values).tolist() == [2.0, 0.0, 13.0]
    assert facula.zeros(3).index_put((index,), values, True).tolist() == [2.0, 0.0, 13.0]
    assert facula.zeros(3).index_put((index,), values).tolist() == [2.0, 0.0, 8.0]
    assert facula.zeros(3).scatter(0, index, values).tolist() == [2.0, 0.0, 8.0]


def test_writes_to_repeated_places_are_the_same_for_any_number_of_threads() -> None:
    before = facula.get_num_threads()
    rng = np.random.default_rng(0)
    values = rng.standard_normal((400, 300)).astype(np.float32)
    rows, places = rng.integers(0, 7, 400), rng.integers(0, 300, (400, 300))
    summed, placed = np.zeros((7, 300), np.float32), np.zeros((400, 300), np.float32)
    for row, value in zip(rows, values, strict=True):
        summed[row] += value
    for i, j in np.ndindex(400, 300):
        placed[i, places[i, j]] = values[i, j]
    try:
        for threads in (1, 2, 3):
            facula.set_num_threads(threads)
            x = facula.tensor(values)
            where, at = facula.tensor(rows), facula.tensor(places)
            assert (facula.zeros(7, 300).index_add_(0, where, x).numpy() == summed).all()
            assert (facula.zeros(400, 300).scatter_(1, at, x).numpy() == placed).all()
            turned = facula.zeros(300, 400).t().scatter_(1, at, x)
            assert (turned.numpy() == placed).all()
            assert (x.gather(1, at).numpy() == np.take_along_axis(values, places, 1)).all()
            with pytest.raises(RuntimeError, match="index 300 is out of bounds"):
                x.gather(1, at.masked_fill(at == 5, 300))
    finally:
        facula.set_num_threads(before)
