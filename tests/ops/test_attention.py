"""Attention some rows at a time against attention whole, and its gradients."""

import numpy as np
import pytest

import facula
from facula.autograd.check import gradcheck, gradgradcheck
from facula.nn import functional as F


def drawn(*shape: int, seed: int = 0) -> facula.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return facula.tensor(values, requires_grad=True)


@pytest.mark.parametrize(
    ("causal", "mask"), [(True, None), (False, None), (False, (1, 40, 9)), (False, (9,))]
)
def test_rows_at_a_time_are_the_whole(
    causal: bool, mask: tuple[int, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facula.ops.attention.MANY_SCORES", 300)
    operands = [drawn(2, 40, 4), drawn(1, 9, 4, seed=1), drawn(2, 9, 3, seed=2)]
    given = None if mask is None else drawn(*mask, seed=3)
    wanted = [*operands, *([] if given is None else [given])]
    by_rows = F.scaled_dot_product_attention(*operands, given, is_causal=causal)
    scores = operands[0] @ operands[1].transpose(-2, -1) / 2
    if causal:
        scores = scores.masked_fill(facula.ones(40, 9).triu(1) > 0, float("-inf"))
    whole = (scores if given is None else scores + given).softmax(-1) @ operands[2]
    np.testing.assert_allclose(by_rows.detach().numpy(), whole.detach().numpy(), 1e-12, 1e-14)
    weights = drawn(2, 40, 3, seed=4).detach()
    ours = facula.autograd.grad((by_rows * weights).sum(), wanted)
    theirs = facula.autograd.grad((whole * weights).sum(), wanted)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), 1e-10, 1e-12)


def test_gradients_of_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facula.ops.attention.MANY_SCORES", 8)
    operands = (drawn(17, 2), drawn(3, 2, seed=1), drawn(3, 2, seed=2))
    assert gradcheck(F.scaled_dot_product_attention, operands)
    assert gradgradcheck(F.scaled_dot_product_attention, operands)


def test_a_query_that_may_look_nowhere_gets_zeros() -> None:
    mask = facula.tensor([[True, False], [False, False]])
    y = F.scaled_dot_product_attention(drawn(2, 3), drawn(2, 3, seed=1), drawn(2, 3, seed=2), mask)
    assert not y[1].detach().numpy().any()
    assert y[0].detach().numpy().any()
