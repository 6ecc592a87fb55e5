"""Geometries against NumPy's own strides, and stride by stride against PyTorch.

A geometry is laid over an array that holds its own addresses, so that what it reads is where it
reads; NumPy performs the same operation on the array.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facula.meta.geometry import (
    Geometry,
    channels_last_strides,
    coalesce,
    contiguous_strides,
    loop_order,
    restride_like,
)

ADDRESSES = np.arange(200_000)
ORIGIN = 100_000


def addresses(geometry: Geometry) -> np.ndarray:
    """The address of every element, in the geometry's shape."""
    steps = [8 * stride for stride in geometry.strides]
    start = ADDRESSES[ORIGIN + geometry.offset :]
    return np.lib.stride_tricks.as_strided(start, tuple(geometry.shape), steps) - ORIGIN


shapes = st.lists(st.sampled_from([0, 1, 1, 2, 3, 4]), max_size=4).map(tuple)
filled_shapes = st.lists(st.integers(1, 4), max_size=4).map(tuple)


@st.composite
def geometries(draw: st.DrawFn, shape: Any = shapes) -> Geometry:
    """Contiguous, permuted, sliced, expanded or wildly strided, at some offset."""
    sizes = draw(shape)
    offset = draw(st.integers(0, 5))
    kind = draw(st.sampled_from(["contiguous", "permuted", "sliced", "expanded", "any"]))
    order = draw(st.permutations(range(len(sizes))))
    if kind == "any":
        strides = draw(st.lists(st.integers(0, 9), min_size=len(sizes), max_size=len(sizes)))
        return Geometry(sizes, tuple(strides), offset)
    if kind == "contiguous":
        return Geometry.contiguous(sizes, offset)
    steps = [draw(st.integers(1, 3)) if kind == "sliced" else 1 for _ in sizes]
    inner = [sizes[dim] * steps[dim] for dim in order]
    strides = [0] * len(sizes)
    for dim, stride in zip(order, contiguous_strides(inner)):
        repeated = kind == "expanded" and draw(st.booleans())
        strides[dim] = 0 if repeated else stride * steps[dim]
    return Geometry(sizes, tuple(strides), offset)


def dims_of(geometry: Geometry) -> st.SearchStrategy[int]:
    return st.integers(-geometry.ndim, geometry.ndim - 1)


def same(geometry: Geometry, expected: np.ndarray) -> None:
    assert np.array_equal(addresses(geometry), expected)
    assert geometry.shape == expected.shape


# --- questions -----------------------------------------------------------------------------------


@given(geometries())
def test_contiguous_means_counting_up(geometry: Geometry) -> None:
    seen = addresses(geometry).ravel()
    expected = np.array_equal(seen, np.arange(seen.size) + geometry.offset)
    assert geometry.is_contiguous() == expected


@given(geometries())
def test_dense_means_a_gapless_block_met_once(geometry: Geometry) -> None:
    seen = np.sort(addresses(geometry).ravel())
    block = np.array_equal(seen, np.arange(seen.size) + geometry.offset)
    # exotic strides may fill a block without being a permuted contiguous layout
    assert block or not geometry.is_dense()
    nested = any(geometry.permute(order).is_contiguous() for order in _permutations(geometry.ndim))
    assert geometry.is_dense() == nested


def _permutations(ndim: int) -> list[tuple[int, ...]]:
    return [p for p in product(range(ndim), repeat=ndim) if len(set(p)) == ndim]


@given(geometries())
def test_overlap_means_an_address_met_twice(geometry: Geometry) -> None:
    seen = addresses(geometry).ravel()
    assert geometry.has_overlap() == (len(set(seen.tolist())) < seen.size)


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.lists(st.integers(-40, 40), min_size=4, max_size=4),
)
def test_overlap_of_interleaved_strides(sizes: list[int], strides: list[int]) -> None:
    geometry = Geometry(tuple(sizes), tuple(strides[: len(sizes)]), 0)
    seen = addresses(geometry).ravel()
    assert geometry.has_overlap() == (len(set(seen.tolist())) < seen.size)


@given(geometries())
def test_bounds(geometry: Geometry) -> None:
    seen = addresses(geometry)
    if seen.size:
        assert geometry.bounds() == (seen.min(), seen.max())
    else:
        low, high = geometry.bounds()
        assert high == low - 1


def test_bounds_with_negative_strides() -> None:
    assert Geometry((3, 2), (-2, 1), 7).bounds() == (3, 8)


def test_channels_last() -> None:
    for shape in ((2, 3, 4, 5), (2, 3, 4, 5, 6)):
        geometry = Geometry(shape, channels_last_strides(shape), 0)
        assert geometry.is_channels_last()
        assert geometry.is_dense()
        assert not geometry.is_contiguous()
        last = (0, *range(2, len(shape)), 1)
        assert geometry.permute(last).is_contiguous()
    with pytest.raises(RuntimeError, match="required rank 3 tensor to use channels_last format"):
        channels_last_strides((2, 3, 4))


# --- views against NumPy -------------------------------------------------------------------------


@given(geometries(), st.data())
def test_permute(geometry: Geometry, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(geometry.ndim)))
    same(geometry.permute(order), addresses(geometry).transpose(order))


@given(geometries(), st.data())
def test_transpose_and_select_and_slice(geometry: Geometry, data: st.DataObject) -> None:
    assume(geometry.ndim)
    whole = addresses(geometry)
    a, b = data.draw(dims_of(geometry)), data.draw(dims_of(geometry))
    same(geometry.transpose(a, b), whole.swapaxes(a, b))
    size = geometry.shape[a]
    start, stop = (data.draw(st.none() | st.integers(-5, 5)) for _ in range(2))
    step = data.draw(st.integers(1, 3))
    cut = np.moveaxis(np.moveaxis(whole, a, 0)[start:stop:step], 0, a)
    same(geometry.slice(a, start, stop, step), cut)
    if size:
        index = data.draw(st.integers(-size, size - 1))
        same(geometry.select(a, index), whole.take(index, axis=a))


@given(geometries(), st.data())
def test_narrow(geometry: Geometry, data: st.DataObject) -> None:
    assume(geometry.ndim)
    dim = data.draw(dims_of(geometry))
    size = geometry.shape[dim]
    start = data.draw(st.integers(0, size))
    length = data.draw(st.integers(0, size - start))
    expected = addresses(geometry).take(range(start, start + length), axis=dim)
    same(geometry.narrow(dim, start, length), expected)
    if start < size:
        assert geometry.narrow(dim, start - size, length) == geometry.narrow(dim, start, length)


@given(geometries(), st.data())
def test_squeeze_and_unsqueeze(geometry: Geometry, data: st.DataObject) -> None:
    whole = addresses(geometry)
    same(geometry.squeeze(), whole.squeeze())
    dim = data.draw(st.integers(-geometry.ndim - 1, geometry.ndim))
    larger = geometry.unsqueeze(dim)
    same(larger, np.expand_dims(whole, dim))
    same(larger.squeeze(dim), whole)
    assert larger.is_contiguous() == geometry.is_contiguous()


@given(geometries(), st.lists(st.integers(0, 3), max_size=2), st.data())
def test_expand(geometry: Geometry, leading: list[int], data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(0, 3)) if size == 1 else size for size in geometry.shape]
    expected = np.broadcast_to(addresses(geometry), (*leading, *sizes))
    same(geometry.expand((*leading, *sizes)), expected)
    same(
        geometry.expand((*leading, *[-1] * geometry.ndim)),
        np.broadcast_to(addresses(geometry), (*leading, *geometry.shape)),
    )


@given(geometries(), st.data())
def test_diagonal(geometry: Geometry, data: st.DataObject) -> None:
    assume(geometry.ndim >= 2)
    dim1, dim2 = data.draw(st.permutations(range(geometry.ndim)))[:2]
    offset = data.draw(st.integers(-5, 5))
    same(geometry.diagonal(offset, dim1, dim2), addresses(geometry).diagonal(offset, dim1, dim2))


@given(geometries(filled_shapes), st.data())
def test_unfold(geometry: Geometry, data: st.DataObject) -> None:
    assume(geometry.ndim)
    dim = data.draw(st.integers(0, geometry.ndim - 1))
    size = data.draw(st.integers(0, geometry.shape[dim]))
    step = data.draw(st.integers(1, 3))
    windows = np.lib.stride_tricks.sliding_window_view(addresses(geometry), size, dim)
    expected = np.moveaxis(
        np.moveaxis(windows, dim % geometry.ndim, 0)[::step], 0, dim % geometry.ndim
    )
    same(geometry.unfold(dim, size, step), expected)


@given(geometries(), st.data())
def test_view(geometry: Geometry, data: st.DataObject) -> None:
    """A view reads the elements in row-major order; None only where no strides can do that."""
    shape = data.draw(_shapes_of(geometry.numel))
    whole = addresses(geometry)
    view = geometry.view(shape)
    expected = whole.reshape(shape)
    if view is not None:
        same(view, expected)
    else:
        assert not _has_strides(expected)


def _shapes_of(numel: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with so many elements: factors in some order, with ones between."""
    if numel == 0:
        return st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda s: (0, *s))
    candidates = [
        sizes
        for ndim in range(1, 4)
        for sizes in product([n for n in range(1, numel + 1) if numel % n == 0], repeat=ndim)
        if np.prod(sizes) == numel
    ]
    if numel == 1:
        candidates.append(())
    return st.sampled_from(candidates)


def _has_strides(values: np.ndarray) -> bool:
    """Whether the addresses are an affine function of the index."""
    steps = [
        int(values.take(1, axis=dim).flat[0] - values.flat[0]) if size > 1 else 0
        for dim, size in enumerate(values.shape)
    ]
    grid = np.indices(values.shape).reshape(values.ndim, -1)
    affine = np.array(steps, dtype=np.int64) @ grid + values.flat[0]
    return bool(np.array_equal(affine, values.ravel()))


@given(geometries(), st.data())
def test_flatten(geometry: Geometry, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.integers(0, max(geometry.ndim - 1, 0))) for _ in range(2))
    flat = geometry.flatten(*ends)
    before, after = geometry.shape[: ends[0]], geometry.shape[ends[1] + 1 :]
    inside = int(np.prod(geometry.shape[ends[0] : ends[1] + 1], dtype=np.int64))
    expected = addresses(geometry).reshape(*before, inside, *after)
    if flat is not None:
        same(flat, expected)
    else:
        assert not _has_strides(expected)


def test_as_strided() -> None:
    geometry = Geometry.contiguous((4, 5), 3)
    assert geometry.as_strided((2, 2), (1, 2)) == ((2, 2), (1, 2), 3)
    assert geometry.as_strided((2,), (0,), 7) == ((2,), (0,), 7)


# --- several operands ----------------------------------------------------------------------------


@given(filled_shapes, st.data())
def test_coalesced_loops_visit_the_same_elements(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    operands = [data.draw(geometries(st.just(shape))) for _ in range(data.draw(st.integers(0, 3)))]
    sizes, steps = coalesce(shape, [one.strides for one in operands])
    assert 1 not in sizes
    assert np.prod(sizes, dtype=np.int64) == np.prod(shape, dtype=np.int64)
    for one, strides in zip(operands, steps):
        merged = addresses(Geometry(sizes, strides, one.offset))
        assert np.array_equal(merged.ravel(), addresses(one).ravel())


def test_coalesce_cases() -> None:
    assert coalesce((2, 3, 4), [(12, 4, 1)]) == ((24,), [(1,)])
    assert coalesce((2, 3, 4), [(12, 4, 1), (0, 0, 1)]) == ((6, 4), [(4, 1), (0, 1)])
    assert coalesce((2, 1, 4), [(4, 99, 1)]) == ((8,), [(1,)])
    assert coalesce((1, 1), [(5, 5)]) == ((), [()])
    assert coalesce((), [()]) == ((), [()])
    assert coalesce((2, 0), [(1, 1), (0, 7)]) == ((0,), [(0,), (0,)])
    assert coalesce((2, 3), []) == ((6,), [])


@given(filled_shapes, st.data())
def test_loop_order_undoes_a_permutation(shape: tuple[int, ...], data: st.DataObject) -> None:
    wide = tuple(size + 1 for size in shape)
    order = data.draw(st.permutations(range(len(wide))))
    permuted = Geometry.contiguous(wide).permute(order)
    found = loop_order(permuted.shape, [permuted.strides])
    assert permuted.permute(found).is_contiguous()


@given(shapes, st.data())
def test_restrided_results_are_dense(shape: tuple[int, ...], data: st.DataObject) -> None:
    operands = [data.draw(geometries(st.just(shape))) for _ in range(data.draw(st.integers(0, 3)))]
    strides = restride_like(shape, [one.strides for one in operands])
    assert Geometry(shape, strides, 0).is_dense()


# --- errors --------------------------------------------------------------------------------------

Call = Callable[[Any], Any]
MATRIX = Geometry.contiguous((2, 3))
SCALAR = Geometry.contiguous(())
ERRORS: list[tuple[str, Geometry, Call]] = [
    ("dims repeated", MATRIX, lambda g: g.permute((0, 0))),
    ("dims missing", MATRIX, lambda g: g.permute((0,))),
    ("dims out of range", MATRIX, lambda g: g.permute((0, 3))),
    ("transpose", MATRIX, lambda g: g.transpose(4, 0)),
    ("select index", MATRIX, lambda g: g.select(0, 3)),
    ("select dim", MATRIX, lambda g: g.select(2, 0)),
    ("select of a scalar", SCALAR, lambda g: g.select(0, 3)),
    ("narrow length", MATRIX, lambda g: g.narrow(0, 1, 4)),
    ("narrow start", MATRIX, lambda g: g.narrow(0, 3, 0)),
    ("narrow before start", MATRIX, lambda g: g.narrow(0, -3, 0)),
    ("narrow negative length", MATRIX, lambda g: g.narrow(0, 0, -1)),
    ("narrow of a scalar", SCALAR, lambda g: g.narrow(0, 0, 0)),
    ("unfold too large", MATRIX, lambda g: g.unfold(0, 3, 1)),
    ("unfold negative", MATRIX, lambda g: g.unfold(0, -1, 1)),
    ("unfold step", MATRIX, lambda g: g.unfold(0, 1, 0)),
    ("unfold of a scalar", SCALAR, lambda g: g.unfold(0, 2, 1)),
    ("diagonal", MATRIX, lambda g: g.diagonal(0, 0, 0)),
    ("diagonal wrapped", MATRIX, lambda g: g.diagonal(0, -1, 1)),
    ("flatten", MATRIX, lambda g: g.flatten(1, 0)),
    ("unsqueeze", MATRIX, lambda g: g.unsqueeze(4)),
    ("squeeze", MATRIX, lambda g: g.squeeze(4)),
    ("squeeze twice", MATRIX, lambda g: g.squeeze((0, 0))),
    ("expand", MATRIX, lambda g: g.expand((4, 3))),
    ("expand leading", MATRIX, lambda g: g.expand((-1, 2, 3))),
    ("expand negative", MATRIX, lambda g: g.expand((2, -2))),
    ("view", MATRIX, lambda g: g.view((5,))),
    ("view inferred", MATRIX, lambda g: g.view((4, -1))),
    ("as_strided lengths", MATRIX, lambda g: g.as_strided((2,), (1, 2))),
    ("as_strided negative", MATRIX, lambda g: g.as_strided((2,), (-1,))),
    ("as_strided size", MATRIX, lambda g: g.as_strided((-2,), (1,))),
    ("as_strided offset", MATRIX, lambda g: g.as_strided((2,), (1,), -1)),
]


@pytest.mark.parametrize(("name", "geometry", "call"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_are_those_of_torch(name: str, geometry: Geometry, call: Call) -> None:
    with pytest.raises((IndexError, RuntimeError)) as ours:
        call(geometry)
    torch = pytest.importorskip("torch")
    with pytest.raises((IndexError, RuntimeError)) as theirs:
        call(torch.empty(geometry.shape))
    assert (ours.type, str(ours.value)) == (theirs.type, str(theirs.value))


def test_slice_errors() -> None:
    with pytest.raises(RuntimeError, match="slice step must be positive"):
        MATRIX.slice(0, 0, 2, 0)
    with pytest.raises(IndexError, match=r"slice\(\) cannot be applied to a 0-dim tensor"):
        SCALAR.slice(0)


def test_expand_to_fewer_dimensions() -> None:
    with pytest.raises(RuntimeError, match=r"the number of sizes provided \(1\) must be greater"):
        MATRIX.expand((3,))


# --- against PyTorch -----------------------------------------------------------------------------


def _as_torch(geometry: Geometry) -> Any:
    torch = pytest.importorskip("torch")
    return torch.empty(40_000).as_strided(geometry.shape, geometry.strides, geometry.offset)


def _same_as_torch(geometry: Geometry, theirs: Any) -> None:
    found = (tuple(theirs.shape), theirs.stride(), theirs.storage_offset())
    assert tuple(geometry) == found


@given(geometries(), st.data())
def test_torch_has_the_same_views(geometry: Geometry, data: st.DataObject) -> None:
    theirs = _as_torch(geometry)
    assert theirs.is_contiguous() == geometry.is_contiguous()
    _same_as_torch(geometry.squeeze(), theirs.squeeze())
    dim = data.draw(st.integers(-geometry.ndim - 1, geometry.ndim))
    _same_as_torch(geometry.unsqueeze(dim), theirs.unsqueeze(dim))
    leading = data.draw(st.lists(st.integers(0, 3), max_size=2))
    sizes = [data.draw(st.integers(0, 3)) if size == 1 else size for size in geometry.shape]
    _same_as_torch(geometry.expand((*leading, *sizes)), theirs.expand((*leading, *sizes)))
    _same_as_torch(geometry.unfold(0, 0, 2), theirs.unfold(0, 0, 2))
    if geometry.ndim:
        dim = data.draw(dims_of(geometry))
        start, stop = data.draw(st.integers(-5, 5)), data.draw(st.integers(-5, 5))
        expected = pytest.importorskip("torch").ops.aten.slice(theirs, dim, start, stop, 2)
        _same_as_torch(geometry.slice(dim, start, stop, 2), expected)
        length = geometry.shape[dim]
        size, step = data.draw(st.integers(0, length)), data.draw(st.integers(1, 3))
        _same_as_torch(geometry.unfold(dim, size, step), theirs.unfold(dim, size, step))
    if geometry.ndim >= 2:
        offset = data.draw(st.integers(-4, 4))
        _same_as_torch(geometry.diagonal(offset, -1, 0), theirs.diagonal(offset, -1, 0))


@given(geometries(), st.data())
def test_torch_views_in_the_same_strides(geometry: Geometry, data: st.DataObject) -> None:
    shape = data.draw(_shapes_of(geometry.numel))
    theirs = _as_torch(geometry)
    ours = geometry.view(shape)
    if ours is None:
        with pytest.raises(RuntimeError, match="view size is not compatible"):
            theirs.view(shape)
    else:
        _same_as_torch(ours, theirs.view(shape))


@given(geometries(), st.data())
def test_torch_flattens_alike(geometry: Geometry, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.integers(0, max(geometry.ndim - 1, 0))) for _ in range(2))
    ours = geometry.flatten(*ends)
    theirs = _as_torch(geometry)
    flat = theirs.flatten(*ends)
    if ours is None:
        assert flat.untyped_storage().data_ptr() != theirs.untyped_storage().data_ptr()
    else:
        _same_as_torch(ours, flat)


channel_shapes = st.lists(st.integers(0, 3), min_size=4, max_size=4).map(tuple)


@given(channel_shapes)
def test_torch_channels_last(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.empty(shape, memory_format=torch.channels_last)
    assert channels_last_strides(shape) == theirs.stride()
    for tensor in (theirs, torch.empty(shape), torch.empty(shape).transpose(1, 2)):
        ours = Geometry(tuple(tensor.shape), tensor.stride(), 0)
        expected = tensor.is_contiguous(memory_format=torch.channels_last)
        assert ours.is_channels_last() == expected


@given(shapes | channel_shapes, st.integers(1, 3), st.data())
def test_torch_restrides_alike(shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    torch = pytest.importorskip("torch")
    operands = [data.draw(geometries(st.just(shape))) for _ in range(count)]
    if len(shape) == 4 and data.draw(st.booleans()):
        operands[0] = Geometry(shape, channels_last_strides(shape), 0)
    strides = restride_like(shape, [one.strides for one in operands])
    tensors = [_as_torch(one) for one in operands]
    result = (torch.neg, torch.add, torch.addcmul)[count - 1](*tensors)
    assert strides == result.stride()


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple), st.data())
def test_torch_restrides_broadcast_inputs_alike(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    a = data.draw(geometries(st.just(shape)))
    dropped = data.draw(st.integers(0, len(shape)))
    sizes = [size if data.draw(st.booleans()) else 1 for size in shape[dropped:]]
    b = data.draw(geometries(st.just(tuple(sizes))))
    theirs = _as_torch(a) + _as_torch(b)
    padding = (0,) * dropped
    b_strides = tuple(
        0 if size == 1 and wide != 1 else stride
        for size, wide, stride in zip(b.shape, shape[dropped:], b.strides)
    )
    same_shape = a.shape == b.shape
    strides = restride_like(shape, [a.strides, (*padding, *b_strides)], same_shape)
    assert strides == theirs.stride()
