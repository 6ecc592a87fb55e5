"""Gradients of pointwise operations: against differences of their references, and in second order
against differences of the first."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import facula
from facula import Tensor
from tests.samples import SAMPLES, Sample

COUNT = 9
# Central differences of float64: the error of cutting off, h^2, and that of rounding, 1e-16 / h.
STEP = 1e-5
DIFFERENTIABLE = [s for s in SAMPLES if s.order >= 1 and "f" in s.kinds]


def points(sample: Sample) -> list[np.ndarray]:
    """Points inside the domain, always the same for a row; irregular, so that none meets a kink."""
    random = np.random.default_rng(zlib.crc32(f"{sample} gradient".encode()))
    low, high = sample.domain
    room = (high - low) * 0.02
    return [random.uniform(low + room, high - room, COUNT) for _ in range(sample.tensors)]


def weights(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    return [random.uniform(0.5, 1.5, COUNT) for _ in range(count)]


def differences(function: Callable[..., np.ndarray], at: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The derivative by each argument; every element depends on the elements at its place only."""
    found = []
    for k in range(len(at)):
        ahead, behind = list(at), list(at)
        ahead[k], behind[k] = at[k] + STEP, at[k] - STEP
        found.append((function(*ahead) - function(*behind)) / (ahead[k] - behind[k]))
    return found


def leaves(at: Sequence[np.ndarray]) -> list[Tensor]:
    return [facula.tensor(x, dtype=facula.float64, requires_grad=True) for x in at]


def gradients(sample: Sample, tensors: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    """The gradients that arrive when a weighted sum of the results is differentiated."""
    y = sample.function(facula)(*tensors)
    (g,) = weights(1)
    arriving = facula.tensor(g, dtype=y.dtype)
    found = facula.autograd.grad(
        y, tensors, grad_outputs=arriving, create_graph=create_graph, allow_unused=True
    )
    return [
        facula.zeros_like(x) if one is None else one for x, one in zip(tensors, found, strict=True)
    ]


@pytest.mark.parametrize("sample", DIFFERENTIABLE, ids=str)
def test_first_order(sample: Sample) -> None:
    at = points(sample)
    (g,) = weights(1)
    expected = [g * d for d in differences(sample.reference, at)]
    for got, wanted in zip(gradients(sample, leaves(at), False), expected, strict=True):
        assert got.grad_fn is None and not got.requires_grad
        np.testing.assert_allclose(got.numpy(), wanted, rtol=2e-7, atol=2e-9 * sample.loose)


@pytest.mark.parametrize("sample", [s for s in DIFFERENTIABLE if s.order >= 2], ids=str)
def test_second_order(sample: Sample) -> None:
    at = points(sample)
    factors = weights(sample.tensors)

    def first(*where: np.ndarray) -> np.ndarray:
        found = gradients(sample, leaves(where), False)
        return sum(f * one.numpy() for f, one in zip(factors, found, strict=True))

    tensors = leaves(at)
    once = gradients(sample, tensors, True)
    total = sum((facula.tensor(f) * one).sum() for f, one in zip(factors, once, strict=True))
    expected = differences(first, at)
    if not total.requires_grad:  # linear: the first derivative is a constant
        np.testing.assert_allclose(np.array(expected), 0.0, atol=1e-9)
        return
    twice = facula.autograd.grad(total, tensors, allow_unused=True)
    for got, wanted in zip(twice, expected, strict=True):
        found = np.zeros(COUNT) if got is None else got.detach().numpy()
        np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-8)


@pytest.mark.parametrize("sample", [s for s in DIFFERENTIABLE if s.tensors > 1], ids=str)
def test_gradients_of_broadcast_operands_are_sums(sample: Sample) -> None:
    """A row against a column: what each receives is summed over the places it was read at."""
    at = points(sample)
    row, column = at[0].reshape(1, COUNT), at[1][:4].reshape(4, 1)
    full = [np.broadcast_to(row, (4, COUNT)), np.broadcast_to(column, (4, COUNT))]
    rest = [np.broadcast_to(x, (4, COUNT)) for x in at[2:]]
    separate = leaves([*full, *rest])
    together = leaves([row, column, *rest])
    for operands in (separate, together):
        sample.function(facula)(*operands).sum().backward()
    for k, axis in ((0, 0), (1, 1)):
        wanted, got = separate[k].grad, together[k].grad
        if wanted is None or got is None:
            assert got is wanted
            continue
        np.testing.assert_allclose(
            got.numpy(), wanted.numpy().sum(axis, keepdims=True), rtol=1e-12, atol=1e-12
        )
