"""Gradients of operations against finite differences, both orders, and written-to graphs."""

import pytest

import facula
from facula import Tensor
from tests.ops import gradient_cases as cases

ROWS = [(shapes, text) for shapes, texts in cases.CASES for text in texts]


def leaves(shapes: tuple[tuple[int, ...], ...]) -> list[Tensor]:
    """Leaves whose elements are all different, so that extremes have no ties."""
    made = []
    for number, shape in enumerate(shapes):
        count = facula.Size(shape).numel()
        values = (
            ((facula.arange(count) * 7 + 3 * number + 2) % 13).double() * 0.3 - 1.6 + 0.01 * number
        )
        made.append(values.reshape(shape).requires_grad_())
    return made


def function(text: str, count: int):  # type: ignore[no-untyped-def]
    *statements, last = [part.strip() for part in text.split(";")]
    names = "ab"[:count]

    def run(*given: Tensor) -> Tensor:
        scope = {"torch": facula, **dict(zip(names, given, strict=True))}
        exec("\n".join(statements), scope)
        return eval(last, scope)  # type: ignore[no-any-return]

    return run


@pytest.mark.parametrize(("shapes", "text"), ROWS, ids=[f"{s} {t}" for s, t in ROWS])
def test_gradients_and_their_gradients(shapes: tuple[tuple[int, ...], ...], text: str) -> None:
    run = function(text, len(shapes))
    assert facula.autograd.gradcheck(run, leaves(shapes))
    assert facula.autograd.gradgradcheck(run, leaves(shapes))


@pytest.mark.parametrize("text", cases.WRITES)
def test_gradients_through_writes(text: str) -> None:
    run = function(text, 1)
    assert facula.autograd.gradcheck(run, leaves(((2, 3),)))
    assert facula.autograd.gradgradcheck(run, leaves(((2, 3),)))
