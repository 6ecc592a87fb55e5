"""Convolutions of rows and volumes and transposed ones: like torch, gradients, adjoints."""

from types import ModuleType
from typing import Any

import pytest

import facula
import facula.nn.functional as F
from facula.backend.cpu import machine
from facula.op import registry
from tests.ops import convolution_cases as cases
from tests.ops.twin import check


@pytest.mark.parametrize("text", [*cases.LIKE_TORCH, *cases.ERRORS])
def test_convolutions_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize(("call", "shape", "more"), cases.LAYERS)
def test_layers_like_torch(torch: ModuleType, call: str, shape: tuple[int, ...], more: str) -> None:
    text = f"x = torch.arange(float(np.prod({shape}))).reshape({shape}) % 13 / 8"
    check(torch, f"{text}; torch.manual_seed(3); m = torch.nn.{call}; [m(x{more}) / 4, repr(m)]")


@pytest.mark.parametrize(("first", "second", "text"), cases.GRADIENTS)
def test_gradients_and_their_gradients(
    first: tuple[int, ...], second: tuple[int, ...], text: str
) -> None:
    leaves = []
    for seed, shape in enumerate((first, second)):
        count = facula.Size(shape).numel()
        values = (facula.arange(count) * 7 + seed) % 13
        leaves.append((values.double().reshape(shape) * 0.3 - 1.6).requires_grad_())

    def run(x: Any, w: Any) -> Any:
        return eval(text, {"F": F, "x": x, "w": w})

    assert facula.autograd.gradcheck(run, leaves)
    assert facula.autograd.gradgradcheck(run, leaves)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_transposed_is_the_adjoint(dtype: str) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> for volumes of odd sizes."""
    facula.manual_seed(0)
    kind = getattr(facula, dtype)
    x, w = facula.randn(1, 3, 7, 6, 9).to(kind), facula.randn(4, 3, 3, 2, 3).to(kind)
    y = F.conv3d(x, w, None, (3, 1, 2), (2, 0, 1), (1, 2, 1))
    g = facula.randn(*y.shape).to(kind)
    back = F.conv_transpose3d(g, w, None, (3, 1, 2), (2, 0, 1), (2, 0, 0), 1, (1, 2, 1))
    assert back.shape == x.shape
    left = (y.double() * g.double()).sum().item()
    right = (x.double() * back.double()).sum().item()
    scale = (y.double() * g.double()).abs().sum().item()
    assert abs(left - right) <= scale * (1e-6 if dtype == "float32" else 1e-3)


def test_threads_do_not_change_a_bit() -> None:
    parts = machine.pool.parts
    x, w = facula.randn(2, 8, 6, 9, 11).requires_grad_(), facula.randn(16, 8, 3, 3, 3)
    found = []
    try:
        for threads in (1, 2):
            facula.set_num_threads(threads)
            x.grad = None
            y = F.conv3d(x, w, None, 1, 1)
            (y * y).sum().backward()
            found.append((y.detach(), x.grad))
    finally:
        machine.set_threads(parts)
    assert facula.equal(found[0][0], found[1][0])
    assert facula.equal(found[0][1], found[1][1])


def test_every_record_has_a_case() -> None:
    said = " ".join(cases.LIKE_TORCH)
    for op in registry.values():
        home = getattr(op, "forward", machine).__module__
        if home == "facula.ops.conv_more" and op.namespace != "internal":
            assert f"F.{op.name}(" in said
