"""x.view(dtype): the same bytes as elements of another dtype."""

from itertools import product
from typing import Any

import pytest

import facula

DTYPES = (
    "float32", "int32", "float64", "complex64", "float16", "bool", "uint8", "int16", "int64",
    "bfloat16", "complex128", "int8",
)  # fmt: skip


def tensors(t: Any) -> list[Any]:
    x = t.arange(36, dtype=t.float32)
    return [
        x[:16].reshape(4, 4), x[:3], x[:16].reshape(4, 4).t(), t.tensor(1.0), x[1:9], x[4:12],
        x[:24].reshape(4, 6)[:, ::2][:, :2], x[:28].reshape(4, 7)[:, :4], t.zeros(0),
        t.zeros(0, 3), x[:4].expand(3, 4), t.tensor([1 + 2j]).conj(), x[:16:2], x[3:11:2],
        t.arange(16, dtype=t.uint8).view(2, 8), t.tensor([1 + 2j, 3, 4, 5j]),
        t.tensor([True, False] * 8), t.arange(8), t.ones(2, 4, requires_grad=True),
    ]  # fmt: skip


def test_like_torch(torch: Any) -> None:
    """Shapes, strides, places, values and texts of errors."""

    def answer(t: Any, x: Any, dtype: str, named: bool) -> Any:
        try:
            y = x.view(dtype=getattr(t, dtype)) if named else x.view(getattr(t, dtype))
        except RuntimeError as error:
            return str(error)
        place = y.shape, y.stride(), y.storage_offset(), y.requires_grad, y._is_view()
        return *map(str, place), str(y.resolve_conj().tolist())

    pairs = list(zip(tensors(facula), tensors(torch), strict=True))
    for (ours, theirs), dtype, named in product(pairs, DTYPES, (False, True)):
        expected = answer(torch, theirs, dtype, named)
        given = answer(facula, ours, dtype, named)
        assert str(given).replace("facula", "torch") == str(expected), (theirs, dtype)


def test_memory_is_shared() -> None:
    x = facula.zeros(4)
    y = x.view(facula.int32)
    y[1] = 0x3F800000
    assert x.tolist() == [0.0, 1.0, 0.0, 0.0]
    assert (y.data_ptr(), y._version) == (x.data_ptr(), x._version)


def test_the_place_in_the_storage_counts_again_on_every_call() -> None:
    x = facula.arange(8, dtype=facula.int32)
    assert x[2:6].view(facula.int64).tolist() == [2 + (3 << 32), 4 + (5 << 32)]
    with pytest.raises(RuntimeError, match=r"self.storage_offset\(\) must be divisible by 2"):
        x[1:5].view(facula.int64)


def test_a_leaf_may_be_written_through_it_and_no_gradient_flows() -> None:
    x = facula.ones(3, requires_grad=True)
    x.view(facula.int32).fill_(0x40000000)
    assert x.tolist() == [2.0, 2.0, 2.0]
    assert not x.view(facula.float32).requires_grad


def test_one_thing_at_a_time() -> None:
    for bad in (
        lambda: facula.ones(4).view(facula.int32, facula.int64),
        lambda: facula.ones(4).view(2, dtype=facula.int32),
        lambda: facula.ones(4).view(),
    ):
        with pytest.raises(TypeError, match="invalid combination of arguments"):
            bad()
