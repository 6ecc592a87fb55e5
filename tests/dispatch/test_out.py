"""`out=`: dtypes, shapes and memory that a result may go into, as torch has it."""

from typing import Any

import pytest

import facula
from facula import Tensor, float16, float32, float64, int64
from facula.op import registry


def small() -> Tensor:
    return facula.arange(6.0).reshape(2, 3)


CASES: dict[str, tuple[Any, Any, str]] = {
    "another dtype": (
        lambda out: facula.gather(small(), 1, facula.zeros(2, 3, dtype=int64), out=out),
        lambda: facula.empty(2, 3, dtype=float64),
        "Expected out tensor to have dtype float, but got double instead",
    ),
    "a lesser kind of dtype": (
        lambda out: facula.add(small(), 1.5, out=out),
        lambda: facula.empty(2, 3, dtype=int64),
        "result type Float can't be cast to the desired output type Long",
    ),
    "a wider dtype of a function that keeps its own": (
        lambda out: facula.abs(small(), out=out),
        lambda: facula.empty(2, 3, dtype=float64),
        "Found dtype Double but expected Float",
    ),
    "elements that are one": (
        lambda out: facula.take(small(), facula.tensor([0, 1]), out=out),
        lambda: facula.empty(1).expand(2),
        "more than one element of the written-to tensor",
    ),
    "the dtype that was not asked for": (
        lambda out: facula.ones(3, dtype=float16, out=out),
        lambda: facula.empty(3),
        r"dtype Half does not match dtype of out parameter \(Float\)",
    ),
    "a tensor that requires gradients": (
        lambda out: facula.cumsum(small(), 0, out=out),
        lambda: facula.empty(2, 3, requires_grad=True),
        "don't support automatic differentiation",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refuses_what_torch_refuses(case: str) -> None:
    call, make, words = CASES[case]
    with pytest.raises(RuntimeError, match=words):
        call(make())


@pytest.mark.parametrize("count", [0, 1, 3])
def test_several_results_are_as_many_as_asked_for(count: int) -> None:
    out = tuple([facula.empty(0)] * count)
    with pytest.raises(TypeError, match=f"expected tuple of 2 elements but got {count}"):
        facula.sort(small(), out=out)


def test_one_result_is_no_tuple() -> None:
    with pytest.raises(TypeError, match="argument 'out' must be Tensor, not tuple"):
        facula.cumsum(small(), 0, out=(small(),))


def test_input_read_after_it_was_written_is_refused() -> None:
    x = facula.arange(6.0)
    index = facula.tensor([5, 4, 3])
    with pytest.raises(RuntimeError, match="some elements of the input tensor"):
        facula.gather(x, 0, index, out=x[1:4])
    with pytest.raises(RuntimeError, match="some elements of the input tensor"):
        facula.cat([x, x], out=x)
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_results_of_two_tensors_are_written() -> None:
    values, places = facula.empty(0), facula.empty(0, dtype=int64)
    y = facula.topk(facula.tensor([3.0, 1.0, 2.0]), 2, out=(values, places))
    assert y.values is values
    assert (values.tolist(), places.tolist()) == ([3.0, 2.0], [0, 2])


def test_new_tensors_take_the_dtype_of_out() -> None:
    out = facula.empty(3, dtype=int64)
    assert facula.arange(0, 3, out=out) is out
    assert facula.ones(3, out=out).tolist() == [1, 1, 1]
    assert facula.full((3,), 2, out=out).dtype is int64


def test_every_rule_knows_its_dtypes() -> None:
    for record in registry.values():
        out = record.out
        words = out.words.format(name="f", want="float", got="double", Want="Float", Got="Double")
        assert words
        assert out.allows in ("same", "cast", "kind", "float", "flag", "number", "any")


class Foreign:
    """Knows how to be added to a tensor, of which the tensor knows nothing."""

    def __radd__(self, other: Tensor) -> str:
        return "added"

    def __rpow__(self, other: Tensor) -> str:
        return "raised"


def test_operators_ask_the_other_operand() -> None:
    assert facula.ones(2) + Foreign() == "added"
    assert facula.ones(2) ** Foreign() == "raised"
    with pytest.raises(TypeError, match="unsupported operand type"):
        facula.ones(2) - Foreign()
    with pytest.raises(TypeError, match="unsupported operand type"):
        "a" - facula.ones(2)
    assert (2.0 - facula.ones(2, dtype=float32)).tolist() == [1.0, 1.0]
