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


def test_results_that_are_the_tensor_and_results_that_are_views() -> None:
    """As in PyTorch: which functions answer with their argument itself, and which with a view."""
    vector, number = facula.arange(3.0), facula.tensor(2.0)
    for y in (vector.t(), facula.t(vector), number.t()):
        assert y is not vector and y is not number
        assert y._base is vector or y._base is number
    assert number.mT is number and number.H is number and number.mH is number
    assert facula.broadcast_tensors(vector, vector)[0] is vector
    ints = facula.arange(3)
    assert facula.nn.functional.dropout(ints, training=False) is ints
    with pytest.raises(RuntimeError, match="Expected 0D or 1D tensor in the tensor list"):
        facula.meshgrid(facula.ones(2, 2), indexing="ij")
    with pytest.raises(RuntimeError, match=r"Expect a 1D vector, but got shape \[2, 2\]"):
        facula.cartesian_prod(facula.ones(2, 2))


def test_only_methods_of_torch_are_methods() -> None:
    for name in ("maximum_", "isnan_", "clone_as", "convert", "tensordot", "var_mean", "fill"):
        assert not hasattr(facula.Tensor, name)
