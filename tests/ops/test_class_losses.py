"""Softmax and losses of class numbers: layouts, accuracy, gradients of both orders, threads."""

from typing import Any

import numpy as np
import pytest

import facula
from facula import Tensor
from facula.nn import functional as F
from tests.ops.layouts import filled

SHAPES = [((5, 7), 1), ((5, 7), 0), ((2, 3, 4), 1), ((3, 2, 2, 9), 1), ((6,), 0), ((2, 1, 3), 1)]


def leaf(*shape: int) -> Tensor:
    values = np.random.default_rng(1).standard_normal(shape)
    return facula.tensor(values, dtype=facula.float64, requires_grad=True)


def soft(x: np.ndarray, dim: int) -> np.ndarray:
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_softmax_and_its_gradients(shape: tuple[int, ...], dim: int) -> None:
    x = leaf(*shape)
    expected = soft(x.detach().numpy(), dim)
    np.testing.assert_allclose(x.softmax(dim).detach().numpy(), expected, rtol=1e-13)
    np.testing.assert_allclose(x.log_softmax(dim).detach().numpy(), np.log(expected), rtol=1e-12)
    for function in (lambda v: v.softmax(dim), lambda v: v.log_softmax(dim)):
        assert facula.autograd.gradcheck(function, [x])
        assert facula.autograd.gradgradcheck(function, [x])


@pytest.mark.parametrize("layout", ["transposed", "stepped", "expanded", "offset", "overlapping"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_softmax_of_layouts(layout: str, dim: int) -> None:
    laid, x = filled(layout, "float64")
    np.testing.assert_allclose(laid.softmax(dim).numpy(), soft(x, dim), rtol=1e-13)
    g = facula.tensor(np.random.default_rng(0).standard_normal(x.shape))
    leaves = [laid.clone().requires_grad_(), facula.tensor(x).requires_grad_()]
    for one in leaves:
        one.softmax(dim).backward(g.transpose(0, 2).contiguous().transpose(0, 2))
    np.testing.assert_allclose(leaves[0].grad.numpy(), leaves[1].grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize(("shape", "dim"), [((3, 50000), 1), ((300, 70), 0)])
@pytest.mark.parametrize("log", [False, True])
def test_softmax_is_as_accurate_as_torch(
    torch: Any, shape: tuple[int, int], dim: int, log: bool
) -> None:
    x = (np.random.default_rng(2).standard_normal(shape) * 3).astype(np.float32)
    truth = soft(x.astype(np.float64), dim)
    truth = np.log(truth) if log else truth
    name = "log_softmax" if log else "softmax"
    ours, theirs = (
        np.abs((getattr(t, name)(t.tensor(x), dim).numpy() - truth) / truth).mean()
        for t in (facula, torch)
    )
    assert ours <= 1.1 * theirs


@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_of_no_numbers(dim: int) -> None:
    inf, nan = float("inf"), float("nan")
    rows = np.array([[-inf, 0.0, 1.0], [-inf, -inf, -inf], [inf, 0.0, 0.0], [nan, 0.0, 1.0]])
    x = rows if dim == 1 else rows.T
    y = facula.tensor(np.ascontiguousarray(x)).softmax(dim).numpy()
    y = y if dim == 1 else y.T
    np.testing.assert_allclose(y[0], [0.0, 1 / (1 + np.e), np.e / (1 + np.e)])
    assert y[0, 0] == 0.0 and np.isnan(y[1:]).all()


# --- losses --------------------------------------------------------------------------------------

INPUTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((6, 5), (6,)), ((2, 5, 3), (2, 3)), ((2, 5, 3, 7), (2, 3, 7)), ((5,), ()), ((40, 1), (40,)),
]  # fmt: skip
OPTIONS: list[dict[str, Any]] = [
    {},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"ignore_index": 2},
    {"weight": True},
    {"weight": True, "ignore_index": 0, "reduction": "none"},
    {"label_smoothing": 0.2},
    {"label_smoothing": 0.2, "weight": True, "ignore_index": 2},
    {"label_smoothing": 1.0, "weight": True, "reduction": "none"},
]


def operands(t: Any, shape: tuple[int, ...], places: tuple[int, ...], dtype: str) -> list[Any]:
    rng = np.random.default_rng(5)
    classes = shape[1] if len(shape) > 1 else shape[0]
    x = t.tensor(rng.standard_normal(shape), dtype=getattr(t, dtype), requires_grad=True)
    target = t.tensor(rng.integers(0, classes, places))
    return [x, target, t.tensor(rng.random(classes) + 0.5, dtype=getattr(t, dtype))]


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("shape", "places"), INPUTS)
def test_losses_are_torchs(
    torch: Any, name: str, options: dict[str, Any], shape: tuple[int, ...], places: tuple[int, ...]
) -> None:
    if name == "nll_loss" and "label_smoothing" in options:
        return
    results = []
    for t in (facula, torch):
        x, target, weight = operands(t, shape, places, "float64")
        given = options | ({"weight": weight} if "weight" in options else {})
        loss = getattr(t.nn.functional, name)(x, target, **given)
        (loss * loss).sum().backward()
        results.append((loss.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("shape", "places"), INPUTS[:2])
def test_gradients_of_losses(
    options: dict[str, Any], shape: tuple[int, ...], places: tuple[int, ...]
) -> None:
    x, target, weight = operands(facula, shape, places, "float64")
    given = options | ({"weight": weight} if "weight" in options else {})
    functions = [lambda v: F.cross_entropy(v, target, **given)]
    if "label_smoothing" not in options:
        functions.append(lambda v: F.nll_loss(v, target, **given))
    for function in functions:
        assert facula.autograd.gradcheck(function, [x])
        assert facula.autograd.gradgradcheck(function, [x])


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5)])
def test_layouts_of_logits_and_targets(shape: tuple[int, ...]) -> None:
    places = (shape[0], *shape[2:])
    x, target, _ = operands(facula, shape, places, "float64")
    turned = x.detach().transpose(0, -1).contiguous().transpose(0, -1).requires_grad_()
    apart = facula.stack([target, target], -1)[..., 0]
    small = target.to(facula.uint8)
    for logits, classes in ((turned, target), (x, apart), (turned, small)):
        loss = F.cross_entropy(logits, classes, reduction="none")
        np.testing.assert_array_equal(
            loss.detach().numpy(), F.cross_entropy(x, target, reduction="none").detach().numpy()
        )


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5)])
def test_wrong_classes_are_refused(name: str, shape: tuple[int, ...]) -> None:
    x, target, _ = operands(facula, shape, (shape[0], *shape[2:]), "float32")
    for wrong in (3, -1, 2**40):
        bad = target.clone()
        bad.view(-1)[-1] = wrong
        with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds"):
            getattr(F, name)(x, bad)
        getattr(F, name)(x, bad, ignore_index=wrong)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_nothing_that_counts(name: str) -> None:
    x, target = facula.zeros(3, 4, requires_grad=True), facula.full((3,), 1)
    loss = getattr(F, name)(x, target, ignore_index=1)
    assert np.isnan(loss.item())
    assert getattr(F, name)(x, target, ignore_index=1, reduction="sum").item() == 0.0
    empty = getattr(F, name)(x[:0], target[:0], reduction="sum")
    assert empty.item() == 0.0 and np.isnan(getattr(F, name)(x[:0], target[:0]).item())
    empty.backward()
    assert x.grad.tolist() == [[0.0] * 4] * 3


def test_a_loss_may_be_written_to() -> None:
    x, target, _ = operands(facula, (6, 5), (6,), "float32")
    loss = F.cross_entropy(x, target)
    loss /= 2
    loss.backward()
    assert x.grad is not None


def test_many_places_are_summed_well_and_alike_by_any_number_of_threads() -> None:
    rng = np.random.default_rng(6)
    before = facula.get_num_threads()
    try:
        for shape in ((20000, 10), (3, 10, 4000)):
            x = rng.standard_normal(shape).astype(np.float32)
            target = rng.integers(0, 10, (shape[0], *shape[2:]))
            log = np.log(soft(x.astype(np.float64), 1))
            picked = np.take_along_axis(log, np.expand_dims(target, 1), 1)
            made = []
            for threads in (1, 3):
                facula.set_num_threads(threads)
                leaf = facula.tensor(x, requires_grad=True)
                loss = F.cross_entropy(leaf, facula.tensor(target), label_smoothing=0.0)
                loss.backward()
                made.append((loss.item(), leaf.grad.numpy().tobytes()))
            assert made[0] == made[1]
            np.testing.assert_allclose(made[0][0], -picked.mean(), rtol=1.2e-7)
    finally:
        facula.set_num_threads(before)
