"""isclose and allclose: dtypes that no formula of floats serves, nan, infinities, broadcasting."""

from typing import Any

import facula

NAN, INF = float("nan"), float("inf")


def pairs(t: Any) -> list[tuple[Any, Any]]:
    z = [NAN, complex(NAN, 1), complex(INF, 1), complex(INF, NAN)]
    return [
        (t.tensor([1 + 1j, *z]), t.tensor([1 + 2j, *z])),
        (t.tensor([2**53, 5, -7]), t.tensor([2**53 + 1, 5, -8])),
        (t.tensor([200, 100], dtype=t.uint8), t.tensor([100, 200], dtype=t.uint8)),
        (t.tensor([True, False]), t.tensor([True, True])),
        (t.tensor([1.0, INF, NAN, -INF]), t.tensor([1.0, INF, NAN, INF])),
        (t.tensor([1, 2], dtype=t.int8), t.tensor([[1], [2]], dtype=t.int8)),
        (t.tensor(1.0), t.tensor([[1.0 + 1e-6]])),
        (t.tensor([]), t.tensor([])),
        (t.tensor([1.0, 2], dtype=t.float16), t.tensor([1.001, 2.5], dtype=t.float16)),
        (t.tensor([1.0, 2.0]), t.tensor([1.0, 2.0], dtype=t.float64)),
    ]


SETTINGS: list[dict[str, Any]] = [
    {}, {"rtol": 0, "atol": 0}, {"rtol": 0.1}, {"atol": 1.0}, {"equal_nan": True}, {"rtol": -1},
]  # fmt: skip


def test_like_torch(torch: Any) -> None:
    def answer(t: Any, pair: tuple[Any, Any], settings: dict[str, Any]) -> Any:
        try:
            return t.isclose(*pair, **settings).tolist(), t.allclose(*pair, **settings)
        except RuntimeError as error:
            return str(error)

    for settings in SETTINGS:
        for ours, theirs in zip(pairs(facula), pairs(torch), strict=True):
            assert answer(facula, ours, settings) == answer(torch, theirs, settings), theirs


def test_imaginary_parts_count() -> None:
    assert not facula.allclose(facula.tensor([1 + 1j]), facula.tensor([1 + 2j]))


def test_large_integers_are_not_rounded() -> None:
    x, y = facula.tensor([2**53]), facula.tensor([2**53 + 1])
    assert facula.isclose(x, y, rtol=0, atol=0).tolist() == [False]
