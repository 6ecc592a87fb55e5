"""Views: results and strides as torch's, and writes that are seen through them."""

from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import view_cases as cases
from tests.ops.layouts import LAYOUTS, filled
from tests.ops.twin import check, run


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_views_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize(("x", "text"), cases.SHARING)
def test_memory_is_shared_exactly_where_torch_shares_it(
    torch: ModuleType, x: str, text: str
) -> None:
    same = f"{x}; y = {text}; y is x"
    assert run(facula, same) == run(torch, same)
    writes = f"{x}; y = {text}; z = y.data; z[0] = 77; x"
    ours, theirs = run(facula, writes), run(torch, writes)
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_views_against_numpy(layout: str) -> None:
    x, array = filled(layout, "float32")
    order = tuple(range(array.ndim))[::-1]
    np.testing.assert_array_equal(x.permute(order).numpy(), array.transpose(order))
    np.testing.assert_array_equal(x.reshape(-1).numpy(), array.reshape(-1))
    np.testing.assert_array_equal(x[None].numpy(), array[None])
    for dim in range(array.ndim):
        np.testing.assert_array_equal(x.select(dim, -1).numpy(), array.take(-1, dim))
        np.testing.assert_array_equal(x.unsqueeze(dim).numpy(), np.expand_dims(array, dim))
        pieces = zip(x.split(2, dim), np.split(array, range(2, array.shape[dim], 2), dim))
        for piece, expected in pieces:
            np.testing.assert_array_equal(piece.numpy(), expected)


def test_as_strided_never_leaves_its_storage() -> None:
    x = facula.arange(10.0)
    for size, stride, offset in (
        ((11,), (1,), 0),
        ((2,), (10,), 0),
        ((5,), (2,), 2),
        ((1,), (1,), 10),
    ):
        with pytest.raises(RuntimeError, match="out of bounds for storage of size 40"):
            x[3:].as_strided(size, stride, offset)
    assert x[3:].as_strided((2,), (1,), 1).tolist() == [1.0, 2.0]
    assert x[3:].as_strided((2,), (1,)).tolist() == [3.0, 4.0]
