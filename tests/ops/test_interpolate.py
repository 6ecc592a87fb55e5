"""Interpolation, columns and shuffles: like torch, gradients, error against float64."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.backend.cpu import machine
from facula.op import registry
from tests.ops import interpolate_cases as cases
from tests.ops.twin import check


@pytest.fixture(autouse=True)
def looser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of products in another order than torch's."""
    monkeypatch.setattr("tests.ops.twin.TOLERANCE", {
        "torch.float64": 1e-12,
        "torch.float32": 1e-5,
        "torch.float16": 4e-3,
        "torch.bfloat16": 3e-2,
    })  # fmt: skip


@pytest.mark.parametrize("text", [*cases.LIKE_TORCH, *cases.ERRORS])
def test_resampling_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize(("call", "shape"), cases.LAYERS, ids=[c for c, _ in cases.LAYERS])
def test_layers_like_torch(torch: ModuleType, call: str, shape: tuple[int, ...]) -> None:
    text = f"m = torch.nn.{call}; x = torch.arange(float(np.prod({shape}))).reshape({shape}) % 13"
    check(torch, f"{text}; [m(x), repr(m)]")


@pytest.mark.parametrize(("shape", "text"), cases.GRADIENTS, ids=[t for _, t in cases.GRADIENTS])
def test_gradients_and_their_gradients(shape: tuple[int, ...], text: str) -> None:
    count = facula.Size(shape).numel()
    x = (facula.arange(count) * 7 % 13).double().reshape(shape) * 0.3 - 1.6

    def run(x: Any) -> Any:
        return eval(text, {"F": F, "x": x})

    assert facula.autograd.gradcheck(run, [x.requires_grad_()])
    assert facula.autograd.gradgradcheck(run, [x])


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("smooth", [False, True])
def test_as_near_to_the_truth_as_torch(torch: ModuleType, mode: str, smooth: bool) -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 33, 47))
    call = {"size": (20, 90), "mode": mode, "antialias": smooth}
    exact = np.array(F.interpolate(facula.tensor(x), **call).tolist())
    single = F.interpolate(facula.tensor(x.astype(np.float32)), **call)
    theirs = torch.nn.functional.interpolate(torch.tensor(x.astype(np.float32)), **call)
    error = np.abs(np.array(single.tolist()) - exact)
    bound = np.abs(theirs.double().numpy() - exact)
    assert error.mean() <= 1.1 * bound.mean()
    assert error.max() <= 1.5 * bound.max()


def test_a_constant_stays_a_constant() -> None:
    x = facula.full((1, 1, 5, 40), 3.0)
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area"):
        y = F.interpolate(x, (11, 87), mode=mode)
        assert abs(y - 3).max().item() < 1e-5, mode


def test_infinities_spread_no_further_than_their_weights() -> None:
    x = facula.zeros(1, 1, 3, 64)
    x[0, 0, 1, 20] = float("inf")
    y = F.interpolate(x, scale_factor=2)
    assert y.isinf().sum().item() == 4
    assert not y.isnan().any().item()
    x.requires_grad_()
    w = facula.zeros(1, 1, 6, 128)
    w[0, 0, 2, 40] = float("inf")
    (g,) = facula.autograd.grad(F.interpolate(x, scale_factor=2), x, w)
    assert g.isinf().sum().item() == 1
    assert not g.isnan().any().item()


def test_threads_do_not_change_a_bit() -> None:
    parts = machine.pool.parts
    x = facula.randn(2, 20, 31, 45)
    found = []
    try:
        for threads in (1, 2):
            facula.set_num_threads(threads)
            found.append(F.interpolate(x, (50, 77), mode="bicubic"))
    finally:
        machine.set_threads(parts)
    assert facula.equal(found[0], found[1])


def test_every_record_has_a_case() -> None:
    said = " ".join(cases.LIKE_TORCH)
    public = {"im2col": "unfold", "col2im": "fold"}
    for op in registry.values():
        home = getattr(op, "forward", machine).__module__
        if home == "facula.ops.interpolate" and op.namespace != "internal":
            assert f"F.{public.get(op.name, op.name)}(" in said
