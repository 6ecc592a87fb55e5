"""Multi-tensor updates: equal to their formula element by element, whatever the rows look like."""

import re

import numpy as np
import pytest

import facula
from facula.launch.update import update


def tail(p, m, a):  # type: ignore[no-untyped-def]
    m = m * 0.5 + a
    return p - m * p, m


TAIL = update("tail", tail, ("p", "m"), writes=("p", "m"), scalars=("a",))


def rows(*shapes: tuple[int, ...], dtype: str = "float64") -> list[tuple[facula.Tensor, ...]]:
    random = np.random.default_rng(0)
    kind = getattr(facula, dtype)
    return [
        tuple(facula.tensor(random.random(shape).tolist(), dtype=kind) for _ in range(2))
        for shape in shapes
    ]


def expected(pairs: list[tuple[facula.Tensor, ...]], a: float) -> list[tuple[list[float], ...]]:
    """The formula on Python floats."""
    results = []
    for p, m in pairs:
        values = [tail(x, y, a) for x, y in zip(p.reshape(-1).tolist(), m.reshape(-1).tolist())]
        results.append(tuple(map(list, zip(*values))) if values else ([], []))
    return results


def flat(pairs: list[tuple[facula.Tensor, ...]]) -> list[tuple[list[float], ...]]:
    return [tuple(tensor.reshape(-1).tolist() for tensor in row) for row in pairs]


@pytest.mark.parametrize(
    "shapes",
    [
        [()],
        [(1,), (7,), (8,), (9,)],
        [(0, 3)],
        [(3, 5), (0,), (4097,)],
        [(4096,), (8192,), (100, 99)],
    ],
)
def test_update_is_its_formula(shapes: list[tuple[int, ...]]) -> None:
    pairs = rows(*shapes)
    wanted = expected(pairs, 0.25)
    TAIL(pairs, 0.25)
    assert flat(pairs) == wanted


def test_no_rows() -> None:
    TAIL([], 0.25)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_other_dtypes(dtype: str) -> None:
    pairs = rows((5,), (40,), dtype=dtype)
    wanted = expected(pairs, 0.25)
    TAIL(pairs, 0.25)
    for row, lists in zip(flat(pairs), wanted):
        for values, exact in zip(row, lists):
            assert np.allclose(values, exact, rtol=1e-2 if dtype == "bfloat16" else 1e-3)


def test_rows_of_several_dtypes() -> None:
    pairs = rows((5,)) + rows((6,), dtype="float32") + rows((7,))
    wanted = expected(pairs, 0.25)
    TAIL(pairs, 0.25)
    for row, lists in zip(flat(pairs), wanted):
        assert np.allclose(row, lists, rtol=1e-6)


def test_rows_of_any_layout() -> None:
    whole = facula.tensor(np.arange(48.0).reshape(6, 8).tolist(), dtype=facula.float64)
    before = whole.tolist()
    (p, m), (turned, straight) = rows((3, 4), (5, 3))
    pairs = [(whole[::2, ::2], p), (turned.t(), straight.t().contiguous()), (m.t(), m.t() * 2)]
    wanted = expected(pairs, 0.25)
    TAIL(pairs, 0.25)
    assert flat(pairs) == wanted
    after = np.array(whole.tolist())
    assert np.array_equal(after[1::2], np.array(before)[1::2])
    assert np.array_equal(after[:, 1::2], np.array(before)[:, 1::2])


def test_written_tensors_have_new_versions() -> None:
    (pair,) = rows((3,))
    reads = update("reads", lambda p, g: (p + g,), ("p", "g"), writes=("p",))
    before = [tensor._version for tensor in pair]
    reads([pair])
    assert [tensor._version for tensor in pair] == [before[0] + 1, before[1]]


def test_bound_rows() -> None:
    pairs = rows((3,), (5000,))
    twin = [tuple(tensor.clone() for tensor in row) for row in pairs]
    step = TAIL.bound(pairs)
    for a in (0.25, 0.5):
        step(a)
        TAIL(twin, a)
    assert flat(pairs) == flat(twin)
    assert pairs[0][0]._version >= 2


def test_same_bits_with_any_number_of_threads() -> None:
    threads = facula.get_num_threads()
    results = []
    for count in (1, 2, 3):
        facula.set_num_threads(count)
        pairs = rows((70_001,), (3,), (50_000,), dtype="float32")
        TAIL(pairs, 0.25)
        results.append(flat(pairs))
    facula.set_num_threads(threads)
    assert results[0] == results[1] == results[2]


def test_scalars_are_taken_in_double_precision() -> None:
    scale = update("scale", lambda p, a: (p * a,), ("p",), writes=("p",), scalars=("a",))
    p = facula.tensor([3.0], dtype=facula.float64)
    scale([(p,)], 1 / 3)
    assert p.item() == 3.0 * (1 / 3)


@pytest.mark.parametrize(
    ("p", "m", "message"),
    [
        (
            facula.ones(2),
            facula.ones(3),
            "The size of tensor a (3) must match the size of tensor b",
        ),
        (facula.ones(2), facula.ones(1), "tail: p has shape [2], but m has shape [1]"),
        (
            facula.ones(2),
            facula.ones(2, dtype=facula.float64),
            "tail: p has dtype torch.float32, but m has dtype torch.float64",
        ),
    ],
)
def test_rows_that_do_not_fit(p: facula.Tensor, m: facula.Tensor, message: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(message)):
        TAIL([(p, m)], 0.5)
