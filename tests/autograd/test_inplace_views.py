"""Writes into tensors, views and bases: the graph follows, or torch's error is raised."""

from types import ModuleType

import pytest

import facula
from tests.autograd import programs
from tests.ops.twin import check


@pytest.mark.parametrize("text", programs.INPLACE)
def test_writes_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_a_write_into_a_view_changes_base_and_sister() -> None:
    x = facula.arange(4.0).requires_grad_()
    base = x * 1
    left, all_of_it = base[:2], base.view(2, 2)
    left.mul_(10)
    assert base.tolist() == [0.0, 10.0, 2.0, 3.0]
    (base * facula.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward(retain_graph=True)
    assert x.grad is not None and x.grad.tolist() == [10.0, 20.0, 3.0, 4.0]
    x.grad = None
    (all_of_it * all_of_it).sum().backward()
    assert x.grad.tolist() == [0.0, 200.0, 4.0, 6.0]


def test_what_torch_refuses_for_want_of_order_is_computed_here() -> None:
    """Differs from torch, where this is an error: what the gradient reads is kept."""
    x = facula.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y.mul_(y)
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0, 6.0]


def test_many_writes_in_a_loop() -> None:
    """The usual way to fill a result row by row."""
    x = facula.arange(6.0).reshape(2, 3).clone().requires_grad_()
    out = facula.zeros(10, 3)
    for row in range(10):
        out[row] = x[row % 2] * row
    out[::2] *= 2
    out.sum().backward()
    even, odd = 2 * sum(range(0, 10, 2)), sum(range(1, 10, 2))
    assert x.grad is not None and x.grad.tolist() == [[even] * 3, [odd] * 3]


def test_what_a_write_into_a_stepped_view_saves_lies_as_the_view_did() -> None:
    x = facula.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    y = x * 1
    y[:, 0].mul_(y[:, 1].clone())
    (y * y).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[8.0, 8.0], [6.0, -20.0]]


def test_results_of_operations_are_nobodys_view() -> None:
    """A product of vectors ends in a view of what it made: writes keep its history all the same."""
    x = facula.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for y in (x.dot(x), facula.mv(facula.ones(1, 3), x * x)[0], x.pow(2).max(0, keepdim=True)[0]):
        assert y._base is None or y._base.grad_fn is not None
        x.grad = None
        y.mul_(2)
        y.sum().backward()
        assert x.grad is not None and x.grad[-1].item() == 12.0


def test_wider_operands_that_need_gradients_in_place() -> None:
    x = facula.tensor([1.0, 3.0], dtype=facula.float64, requires_grad=True)
    half = facula.ones(2, dtype=facula.float16)
    half.mul_(x * 2)
    half.exp_()
    half.sum().backward()
    assert x.grad is not None
    assert facula.allclose(x.grad, (2 * x.detach()).exp() * 2, rtol=2e-3)
