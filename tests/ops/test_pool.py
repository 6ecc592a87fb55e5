"""Pooling: like torch, gradients against finite differences, sums against float64."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.backend.cpu import machine
from facula.op import registry
from tests.ops import pool_cases as cases
from tests.ops.twin import check


@pytest.mark.parametrize("text", [*cases.LIKE_TORCH, *cases.ERRORS])
def test_pooling_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize(("call", "shape"), cases.LAYERS, ids=[c for c, _ in cases.LAYERS])
def test_layers_like_torch(torch: ModuleType, call: str, shape: tuple[int, ...]) -> None:
    text = f"m = torch.nn.{call}; x = torch.arange(float(np.prod({shape}))).reshape({shape}) % 13"
    check(torch, f"{text}; [m(x), repr(m)]")


@pytest.mark.parametrize(
    ("pool", "unpool", "shape"), cases.UNPOOLS, ids=[c[1] for c in cases.UNPOOLS]
)
def test_unpooling_layers_like_torch(
    torch: ModuleType, pool: str, unpool: str, shape: tuple[int, ...]
) -> None:
    text = f"x = torch.arange(float(np.prod({shape}))).reshape({shape}) % 13; n = torch.nn"
    text += f"; m = n.{unpool}; (y, i) = n.{pool}(x)"
    check(torch, f"{text}; [m(y, i), m(y, i, output_size=x.shape), repr(m)]")


@pytest.mark.parametrize(("shape", "text"), cases.GRADIENTS, ids=[t for _, t in cases.GRADIENTS])
def test_gradients_and_their_gradients(shape: tuple[int, ...], text: str) -> None:
    count = facula.Size(shape).numel()
    # All different, in an order that is no pattern.
    x = ((facula.arange(count) * 11 + 2) % (count + 1)).double().reshape(shape) * 0.3 - 1.6
    assert x.unique().numel() == count

    def run(x: Any) -> Any:
        return eval(text, {"F": F, "x": x})

    assert facula.autograd.gradcheck(run, [x.requires_grad_()])
    assert facula.autograd.gradgradcheck(run, [x])


def test_every_record_has_a_case() -> None:
    said = " ".join([*cases.LIKE_TORCH, *(call for call, _ in cases.LAYERS)])
    for op in registry.values():
        if "pool" in op.name and op.namespace != "internal":
            assert f".{op.name}(" in said or f"F.{op.name.removesuffix('_with_indices')}(" in said


def test_averages_are_as_near_to_the_truth_as_sums_in_order() -> None:
    x = np.random.default_rng(0).standard_normal((1, 4, 40, 64)).astype(np.float32)
    y = np.array(F.avg_pool2d(facula.tensor(x), 8).tolist(), np.float64)
    windows = x.reshape(1, 4, 5, 8, 8, 8).swapaxes(3, 4)
    exact = windows.astype(np.float64).mean((4, 5))
    in_order = np.zeros(exact.shape, np.float32)
    for i in range(8):
        for j in range(8):
            in_order += windows[..., i, j]
    bound = np.abs(in_order / np.float32(64) - exact).max()
    assert np.abs(y - exact).max() <= bound


def test_threads_do_not_change_a_bit() -> None:
    parts = machine.pool.parts
    x = facula.randn(3, 40, 31, 45).requires_grad_()
    found = []
    try:
        for threads in (1, 2):
            facula.set_num_threads(threads)
            x.grad = None
            y = F.max_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1)
            (y * y).sum().backward()
            found.append((y.detach(), x.grad))
    finally:
        machine.set_threads(parts)
    assert facula.equal(found[0][0], found[1][0])
    assert facula.equal(found[0][1], found[1][1])


def test_a_saved_place_outside_of_the_plane_is_an_error() -> None:
    indices = facula.tensor([[[0, 16]]])
    with pytest.raises(RuntimeError, match="invalid max index: 16"):
        F.max_unpool2d(facula.zeros(1, 1, 2), indices, (4, 2))
