"""Quadrature, differences, tables, quantiles, copies of views, births with strides: as torch."""

from types import ModuleType

import pytest

import facula
from facula.autograd.check import gradcheck
from facula.op import View, registry
from tests.ops import tabulate_cases as cases
from tests.ops.twin import check


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_tables_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_every_view_has_a_copy() -> None:
    missing = [
        name
        for name, op in registry.items()
        if isinstance(op, View) and f"{name}_copy" not in registry
    ]
    assert missing == []


def test_copies_share_no_memory_and_have_gradients() -> None:
    x = facula.arange(6.0).view(2, 3).double().requires_grad_()
    for copied in (
        lambda x: facula.transpose_copy(x, 0, 1),
        lambda x: facula.select_copy(x, 0, 1),
        lambda x: facula.as_strided_copy(x, (2, 2), (1, 2)),
        lambda x: facula.expand_copy(x, (2, 2, 3)),
    ):
        assert copied(x).untyped_storage() is not x.untyped_storage()
        assert gradcheck(copied, (x,))
    assert gradcheck(lambda x: facula.split_copy(x, 1)[1], (x,))


def test_gradients_of_integrals_and_running_logarithms() -> None:
    facula.manual_seed(0)
    y = facula.randn(3, 4, dtype=facula.float64).requires_grad_()
    points = facula.tensor([1.0, 2.0, 4.0, 8.0], dtype=facula.float64, requires_grad=True)
    assert gradcheck(facula.trapezoid, (y, points))
    assert gradcheck(facula.cumulative_trapezoid, (y, points))
    assert gradcheck(lambda y: facula.gradient(y, edge_order=2)[0], (y,))
    assert gradcheck(lambda y: facula.logcumsumexp(y, 1), (y,))
    q = facula.tensor([0.3, 0.8], dtype=facula.float64, requires_grad=True)
    assert gradcheck(lambda y, q: facula.quantile(y, q, dim=1), (y, q))
