"""assert_close and make_tensor: what they accept, what they say."""

import math
from typing import Any

import numpy as np
import pytest

import facula
from facula.testing import assert_close, make_tensor


def pairs(t: Any) -> list[tuple[Any, Any]]:
    nan, inf = math.nan, math.inf
    x = t.tensor
    return [
        (x([1.0, 2]), x([1.0, 3])), (x(1.0), x(2.0)), (x([1, 2]), x([1, 3])), (1, 2), (1.0, 2.0),
        (1, 1.0), (True, False), (None, 1), (None, None), ([1, 2], [1]),
        ([x([1.0])], [x([2.0])]), ({"a": 1}, {"b": 1}), ({"a": x(1.0)}, {"a": x(2.0)}),
        (x([1.0]), x([1.0, 2])), (x([1.0]), x([1], dtype=t.float64)), ("a", "b"), (x([1.0]), 1.0),
        (np.ones(2), np.zeros(2)), (x([[1.0, 2], [3, nan]]), x([[1.0, 2], [3, nan]])),
        (x([inf]), x([1.0])), (x([inf]), x([inf])), (x([0.0]), x([0.0])),
        (x([1 + 1j]), x([1 + 2j])), (x([True]), x([False])), ([1, [2, 3]], [1, [2, 4]]),
        (1.0, nan), ((1, 2), [1, 2]), (x([]), x([1.0])), (2 + 1j, 1j),
        (np.float32(1), np.float32(2)), (x([1.0, 2, 3]), x([2.0, 3, 5])), (x([1.0]), x([0.0])),
        (x([200], dtype=t.uint8), x([100], dtype=t.uint8)), (t.ones(2, 3), t.ones(3, 2).t()),
        (x([1.0, 2.0]), x([1.000001, 2.000001])), (x([1.0], dtype=t.float16), x([1.0])),
    ]  # fmt: skip


SETTINGS: list[dict[str, Any]] = [
    {}, {"rtol": 1}, {"rtol": 0, "atol": 0}, {"rtol": 0.1, "atol": 0.5}, {"equal_nan": True},
    {"msg": "words"}, {"msg": lambda text: f"<{text}>"}, {"check_dtype": False},
    {"check_stride": True},
]  # fmt: skip


def test_like_torch(torch: Any) -> None:
    def answer(t: Any, pair: tuple[Any, Any], settings: dict[str, Any]) -> str:
        try:
            t.testing.assert_close(*pair, **settings)
        except (AssertionError, TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}".replace("facula.tensor", "torch")
        return "close"

    for settings in SETTINGS:
        for ours, theirs in zip(pairs(facula), pairs(torch), strict=True):
            assert answer(facula, ours, settings) == answer(torch, theirs, settings), theirs


def test_texts() -> None:
    with pytest.raises(AssertionError, match=r"Mismatched elements: 1 / 3 \(33.3%\)") as caught:
        assert_close(facula.tensor([1.0, 2.0, 4.0]), facula.tensor([1.0, 2.0, 3.0]))
    assert "Greatest absolute difference: 1.0 at index (2,) (up to 1e-05" in str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64", "int64",
                                   "uint8", "bool"])  # fmt: skip
def test_made_tensors_are_torchs(torch: Any, dtype: str) -> None:
    for settings in (
        {}, {"low": 0, "high": 2}, {"noncontiguous": True}, {"exclude_zero": True}
    ):  # fmt: skip
        made = []
        for t in (facula, torch):
            t.manual_seed(3)
            made.append(
                t.testing.make_tensor((3, 4), dtype=getattr(t, dtype), device="cpu", **settings)
            )
        ours, theirs = made
        assert (tuple(ours.shape), ours.stride()) == (tuple(theirs.shape), theirs.stride())
        assert ours.tolist() == theirs.tolist()


def test_bounds_that_cannot_be() -> None:
    for low, high, words in (
        (1, 1, "must be less"), (math.nan, 1, "cannot be NaN"), (300, 400, "only supports"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            make_tensor(2, dtype=facula.uint8, device="cpu", low=low, high=high)
    with pytest.raises(ValueError, match="requires_grad"):
        make_tensor(2, dtype=facula.int64, device="cpu", requires_grad=True)
    x = make_tensor(2, 3, dtype=facula.float32, device="cpu", requires_grad=True)
    assert x.requires_grad
    assert x.is_leaf
