"""unbind, split and chunk: one node for all pieces, whose gradients go back in one piece."""

import numpy as np
import pytest

import facula as torch

WAYS = {
    "unbind": lambda x: x.unbind(1),
    "split": lambda x: x.split(2, 1),
    "split sizes": lambda x: x.split([1, 0, 3], 1),
    "chunk": lambda x: x.chunk(2, 0),
    "iteration": tuple,
}


@pytest.mark.parametrize("way", WAYS)
def test_pieces_have_one_node(way: str) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    pieces = WAYS[way](x)
    assert len({id(piece.grad_fn) for piece in pieces}) == 1
    name = {"unbind": "Unbind", "iteration": "Unbind", "split sizes": "SplitWithSizes"}
    assert type(pieces[0].grad_fn).__name__ == name.get(way, "Split") + "Backward0"


@pytest.mark.parametrize("way", WAYS)
def test_pieces_without_a_gradient_count_as_zeros(way: str) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    pieces = WAYS[way](x)
    last = pieces[-1]
    (last * last).sum().backward()
    marked = torch.zeros(3, 4)
    WAYS[way](marked)[-1].fill_(1)
    np.testing.assert_array_equal(x.grad.numpy(), (2 * x * marked).detach().numpy())


def test_a_single_piece() -> None:
    x = torch.randn(1, 3, requires_grad=True)
    for piece in (x.unbind(0)[0], x.split(1)[0]):
        piece.sum().backward()
    assert (x.grad == 2).all()


@pytest.mark.parametrize("way", WAYS)
def test_second_derivatives(way: str) -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda v: sum((p**3).sum() for p in WAYS[way](v)), (x,))


def test_pieces_are_views_and_follow_their_base() -> None:
    x = torch.randn(3, 4, requires_grad=True)
    y = x * 1
    first, second = y.unbind(0)[:2]
    y.mul_(2)
    assert first._base is y
    second.sum().backward()
    assert x.grad.tolist() == [[0] * 4, [2] * 4, [0] * 4]


def test_a_lazy_view_stays_one() -> None:
    z = torch.randn(2, 3, dtype=torch.complex64, requires_grad=True)
    piece = z.conj().unbind(0)[1]
    assert piece.is_conj() and piece._base is not None
    (piece.real * 2 + piece.imag).sum().backward()
    assert (z.grad[1] == 2 - 1j).all() and (z.grad[0] == 0).all()
