"""NumPy's arrays and numbers beside tensors: in operators, comparisons, powers."""

import operator

import numpy as np
import pytest

import facula

COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
              operator.mod, operator.pow]  # fmt: skip
NUMBERS = [np.float32(2), np.float64(2), np.int64(2), np.int8(2), np.uint16(2)]


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
def test_comparisons_with_numbers_of_numpy(compare: object, number: np.number) -> None:
    assert callable(compare)
    for x in (facula.tensor([1.0, 2.0, 3.0]), facula.tensor([1, 2, 3])):
        plain = x.tolist()
        assert compare(x, number).tolist() == [compare(v, 2) for v in plain]
        assert compare(number, x).tolist() == [compare(2, v) for v in plain]


@pytest.mark.parametrize("compute", [*COMPARISONS, *ARITHMETIC])
def test_operators_with_arrays(compute: object) -> None:
    assert callable(compute)
    x = facula.tensor([1.0, 2.0, 4.0], dtype=facula.float64)
    array = np.array([2.0, 2.0, 3.0])
    for a, b in ((x, array), (array, x)):
        y = compute(a, b)
        assert isinstance(y, facula.Tensor)
        assert y.tolist() == pytest.approx(compute(np.asarray(a), np.asarray(b)).tolist())


def test_what_is_no_number_is_not_equal() -> None:
    x = facula.ones(2)
    assert (x == "a") is False
    assert (x != None) is True  # noqa: E711
    assert (x == np.str_("a")) is False
    with pytest.raises(TypeError, match="not supported between instances"):
        operator.lt(x, "a")


def test_a_single_number_of_numpy_keeps_the_dtype() -> None:
    x = facula.tensor([1, 2], dtype=facula.int32)
    assert (x * np.int64(3)).dtype is facula.int32
    assert (facula.ones(2) * np.float64(3)).dtype is facula.float32
    assert (x ** np.int64(2)).tolist() == [1, 4]


def test_data_with_ranges_and_bytes() -> None:
    assert facula.tensor([range(3), range(3)]).tolist() == [[0, 1, 2]] * 2
    with pytest.raises(TypeError, match="invalid data type 'bytes'"):
        facula.tensor(b"ab")
