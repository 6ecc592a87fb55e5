"""Shapes: Size as a tuple, broadcasting against NumPy, and PyTorch's error texts."""

import copy
import pickle
import re
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facula.meta.shape import (
    Size,
    broadcast_shapes,
    infer_size,
    numel,
    public_broadcast_shapes,
    reduced_shape,
    wrap_dim,
    wrap_dims,
)

small_shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)

# --- Size ----------------------------------------------------------------------------------------


def test_size_is_a_tuple() -> None:
    assert Size([2, 3]) == (2, 3)
    assert hash(Size([2, 3])) == hash((2, 3))
    assert repr(Size([2, 3])) == "torch.Size([2, 3])"
    assert repr(Size()) == "torch.Size([])"
    assert Size([2, 3]).numel() == 6
    assert Size(()).numel() == 1


def test_size_stays_a_size() -> None:
    for made in (
        Size([1, 2])[0:1],
        Size([1, 2]) + (3,),
        (3,) + Size([1, 2]),
        Size([1, 2]) * 2,
        2 * Size([1, 2]),
        copy.deepcopy(Size([1, 2])),
        pickle.loads(pickle.dumps(Size([1, 2]))),
    ):
        assert type(made) is Size
    assert (3,) + Size([1, 2]) == (3, 1, 2)
    assert type(Size([1, 2])[0]) is int


def test_size_takes_anything_that_counts() -> None:
    made = Size([np.int64(2), True])
    assert made == (2, 1)
    assert {type(size) for size in made} == {int}


def test_size_rejects_what_does_not_count() -> None:
    with pytest.raises(TypeError, match=r"torch.Size\(\) takes an iterable of 'int' \(item 1 is"):
        Size([1, 2.5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"can only concatenate tuple \(not list\) to torch.Size"):
        Size([1]) + [2]


# --- dimensions ----------------------------------------------------------------------------------


def test_wrap_dim() -> None:
    assert [wrap_dim(dim, 2) for dim in (-2, -1, 0, 1)] == [0, 1, 0, 1]
    assert wrap_dim(-1, 0) == wrap_dim(0, 0) == 0


@pytest.mark.parametrize(("dim", "ndim", "text"), [(5, 2, "[-2, 1], but got 5"), (1, 0, "[-1, 0]")])
def test_wrap_dim_out_of_range(dim: int, ndim: int, text: str) -> None:
    start = "Dimension out of range (expected to be in range of "
    with pytest.raises(IndexError, match=re.escape(start + text)):
        wrap_dim(dim, ndim)


def test_wrap_dim_without_dimensions() -> None:
    with pytest.raises(IndexError, match="Dimension specified as 0 but tensor has no dimensions"):
        wrap_dim(0, 0, wrap_scalar=False)


def test_wrap_dims() -> None:
    assert wrap_dims(None, 3) == (0, 1, 2)
    assert wrap_dims(-1, 3) == (2,)
    assert wrap_dims([2, -3], 3) == (2, 0)
    assert wrap_dims((), 3) == ()
    with pytest.raises(RuntimeError, match="dim 1 appears multiple times in the list of dims"):
        wrap_dims((0, 1, -2), 3)


@given(small_shapes, st.data())
def test_reduced_shape_is_that_of_numpy(shape: tuple[int, ...], data: st.DataObject) -> None:
    dims = data.draw(st.sets(st.integers(0, len(shape) - 1)) if shape else st.just(set()))
    for keepdim in (False, True):
        summed = np.zeros(shape).sum(axis=tuple(dims), keepdims=keepdim)
        assert reduced_shape(shape, dims, keepdim) == summed.shape


# --- broadcasting --------------------------------------------------------------------------------


@given(st.lists(small_shapes, max_size=3))
def test_broadcasting_is_that_of_numpy(shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        for function in (broadcast_shapes, public_broadcast_shapes):
            with pytest.raises(RuntimeError):
                function(*shapes)
        return
    assert broadcast_shapes(*shapes) == public_broadcast_shapes(*shapes) == expected
    assert type(broadcast_shapes(*shapes)) is Size


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ((2, 3), (4, 3), "a (2) must match the size of tensor b (4) at non-singleton dimension 0"),
        ((2, 3), (4,), "a (3) must match the size of tensor b (4) at non-singleton dimension 1"),
        ((0,), (2,), "a (0) must match the size of tensor b (2) at non-singleton dimension 0"),
    ],
)
def test_broadcasting_error(a: tuple[int, ...], b: tuple[int, ...], text: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape("The size of tensor " + text)):
        broadcast_shapes(a, b)


def test_public_broadcasting_takes_ints_and_rejects_negative_sizes() -> None:
    assert public_broadcast_shapes(3, (2, 1)) == (2, 3)
    with pytest.raises(ValueError, match="dimension with negative length"):
        public_broadcast_shapes((2, -3))


# --- inferred sizes ------------------------------------------------------------------------------


@given(small_shapes, st.integers(0, 8), st.booleans())
def test_inferred_size_holds_all_elements(shape: tuple[int, ...], wanted: int, infer: bool) -> None:
    asked = (*shape, -1) if infer else shape
    try:
        expected = np.zeros(wanted).reshape(asked).shape
    except ValueError:
        with pytest.raises(RuntimeError):
            infer_size(asked, wanted)
        return
    assert infer_size(asked, wanted) == expected
    assert numel(infer_size(asked, wanted)) == wanted


@pytest.mark.parametrize(
    ("shape", "count", "text"),
    [
        ((-1, -1), 6, "only one dimension can be inferred"),
        ((4, -1), 6, "shape '[4, -1]' is invalid for input of size 6"),
        ((5,), 6, "shape '[5]' is invalid for input of size 6"),
        ((-2, 3), 6, "invalid shape dimension -2 at index 0 of shape [-2, 3]"),
        ((0, -1), 0, "cannot reshape tensor of 0 elements into shape [0, -1] because the unspec"),
        ((0, -1), 6, "shape '[0, -1]' is invalid for input of size 6"),
    ],
)
def test_inferred_size_errors(shape: tuple[int, ...], count: int, text: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(text)):
        infer_size(shape, count)


# --- against PyTorch -----------------------------------------------------------------------------


def _outcome(function: object, *arguments: object) -> object:
    """The result as a tuple, or the type and text of what was raised."""
    try:
        return tuple(function(*arguments))  # type: ignore[operator]
    except Exception as error:
        return type(error), str(error)


@given(st.lists(small_shapes, min_size=1, max_size=3))
def test_torch_broadcasts_alike(shapes: list[tuple[int, ...]]) -> None:
    torch = pytest.importorskip("torch")
    ours = _outcome(public_broadcast_shapes, *shapes)
    assert ours == _outcome(torch.broadcast_shapes, *shapes)
    if len(shapes) == 2:
        a, b = (torch.empty(shape) for shape in shapes)
        assert _outcome(broadcast_shapes, *shapes) == _outcome(lambda: (a + b).shape)


@given(st.lists(st.integers(-2, 4), max_size=3).map(tuple), st.integers(0, 8))
def test_torch_infers_alike(shape: tuple[int, ...], count: int) -> None:
    torch = pytest.importorskip("torch")
    data = torch.empty(count)
    assert _outcome(infer_size, shape, count) == _outcome(lambda: data.view(shape).shape)


def test_torch_size_behaves_alike(torch: ModuleType) -> None:
    for make in (
        lambda size: size([1, 2]) + (3,),
        lambda size: (3,) + size([1, 2]),
        lambda size: 2 * size([1, 2]),
        lambda size: size([True]),
        lambda size: size([1, 2.5]),
        lambda size: size(["a"]),
        lambda size: size([1]) + [2],
    ):
        assert _outcome(make, Size) == _outcome(make, torch.Size)
