"""Distances against NumPy in float64, on rows that lie in no order, and near points."""

import numpy as np
import pytest

import facula
from facula.autograd.check import gradcheck, gradgradcheck


def reference(a: np.ndarray, b: np.ndarray, p: float) -> np.ndarray:
    d = np.abs(a[..., :, None, :] - b[..., None, :, :])
    return np.linalg.norm(d, p, -1)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, 3.0, float("inf")])
def test_distances_of_turned_and_stepped_rows(p: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 7, 6)), rng.standard_normal((2, 9, 10))
    a, b = facula.tensor(x).transpose(1, 2), facula.tensor(y)[:, ::2, 3:]
    wanted = reference(x.swapaxes(1, 2), y[:, ::2, 3:], p)
    np.testing.assert_allclose(facula.cdist(a, b, p).numpy(), wanted, 1e-12, 1e-14)


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
def test_gradients_of_distances(p: float) -> None:
    rng = np.random.default_rng(1)
    a = facula.tensor(rng.standard_normal((2, 3, 4)), requires_grad=True)
    b = facula.tensor(rng.standard_normal((5, 4)), requires_grad=True)
    assert gradcheck(lambda a, b: facula.cdist(a, b, p), (a, b))
    assert gradgradcheck(lambda a, b: facula.cdist(a, b, p), (a, b))


def test_near_points_keep_their_digits() -> None:
    a = facula.tensor([[1000.0, 1000.0]])
    b = a + facula.tensor([[0.0, 0.0625]])
    assert facula.cdist(a, b).item() == 0.0625


def test_bags_scale_gradients_by_how_often_a_row_occurs() -> None:
    weight = facula.ones(4, 2, requires_grad=True)
    indices = facula.tensor([[0, 1, 1], [1, 3, 3]])
    y = facula.nn.functional.embedding_bag(indices, weight, mode="sum", scale_grad_by_freq=True)
    y.sum().backward()
    assert weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
