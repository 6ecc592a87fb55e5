"""Normalisation: values against float64 and torch, gradients of both orders, layouts, threads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula import Tensor
from facula.nn import functional as F
from tests.ops.layouts import filled

Shape = tuple[int, ...]
LEAF = {"dtype": facula.float64, "requires_grad": True}


def normal(*shape: int, seed: int = 0, at: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape) + at


def leaf(*shape: int, seed: int = 0) -> Tensor:
    return facula.tensor(normal(*shape, seed=seed), **LEAF)


# --- gradients -----------------------------------------------------------------------------------

# (name, shape of the input, of weight and bias or None, the function)
CASES: list[tuple[str, Shape, Shape | None, Callable[..., Tensor]]] = [
    ("layer", (3, 5), (5,), lambda x, *p: F.layer_norm(x, (5,), *p)),
    ("layer of two dims", (2, 3, 4), (3, 4), lambda x, *p: F.layer_norm(x, (3, 4), *p)),
    ("layer plain", (3, 5), None, lambda x: F.layer_norm(x, (5,))),
    ("layer without bias", (3, 5), (5,), lambda x, w, b: F.layer_norm(x, (5,), w) + b),
    ("rms", (3, 5), (5,), lambda x, w, b: F.rms_norm(x, (5,), w) * b),
    ("rms plain", (3, 5), None, lambda x: F.rms_norm(x, (5,), eps=0.1)),
    ("group", (2, 4, 3), (4,), lambda x, *p: F.group_norm(x, 2, *p)),
    ("group of numbers", (3, 6), (6,), lambda x, *p: F.group_norm(x, 2, *p)),
    ("group plain", (2, 4, 3), None, lambda x: F.group_norm(x, 2)),
    ("instance", (2, 3, 4), (3,), lambda x, *p: F.instance_norm(x, None, None, *p)),
    ("batch", (4, 3), (3,), lambda x, *p: F.batch_norm(x, None, None, *p, training=True)),
    ("batch of rows", (2, 3, 4), (3,), lambda x, *p: F.batch_norm(x, None, None, *p, True)),
    ("batch plain", (4, 3), None, lambda x: F.batch_norm(x, None, None, training=True)),
    ("batch, known", (4, 3), (3,), lambda x, *p: F.batch_norm(x, ONES[:3], ONES[:3] * 2, *p)),
    ("local", (2, 4, 3), None, lambda x: F.local_response_norm(x, 3, 0.5)),
]
ONES = facula.ones(131, dtype=facula.float64)


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_gradients_and_their_gradients(case: tuple[Any, ...]) -> None:
    _, shape, weights, function = case
    leaves = [leaf(*shape)]
    if weights is not None:
        leaves += [leaf(*weights, seed=1), leaf(*weights, seed=2)]
    assert facula.autograd.gradcheck(function, leaves)
    assert facula.autograd.gradgradcheck(function, leaves)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2)])
@pytest.mark.parametrize("case", [CASES[0], CASES[6], CASES[10]], ids=["layer", "group", "batch"])
def test_gradients_of_some_operands(case: tuple[Any, ...], wanted: tuple[int, ...]) -> None:
    """A kernel that computes only what is wanted gives what the one for everything gives."""
    _, shape, weights, function = case
    arrays = [normal(*shape), normal(*weights, seed=1), normal(*weights, seed=2)]
    every = [facula.tensor(a, **LEAF) for a in arrays]
    some = [facula.tensor(a, dtype=facula.float64) for a in arrays]
    for k in wanted:
        some[k].requires_grad_()
    g = facula.tensor(normal(*shape, seed=3))
    for leaves in (every, some):
        function(*leaves).backward(g)
    for k, one in enumerate(some):
        assert (one.grad is not None) == (k in wanted)
        if k in wanted:
            np.testing.assert_allclose(one.grad.numpy(), every[k].grad.numpy(), rtol=1e-12)


def test_an_input_written_to_afterwards_is_refused_but_a_result_is_not() -> None:
    x, w = leaf(4, 3), leaf(3, seed=1)
    F.relu(F.batch_norm(x, None, None, w, training=True), inplace=True).sum().backward()
    assert x.grad is not None
    inner = x * 1
    y = F.layer_norm(inner, (3,))
    inner.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


# --- values --------------------------------------------------------------------------------------


def definition(x: np.ndarray, dims: tuple[int, ...], eps: float = 1e-5) -> np.ndarray:
    mean = x.mean(dims, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(dims, keepdims=True) + eps)


LONG: list[tuple[str, Shape, tuple[int, ...], Callable[..., Any]]] = [
    ("layer", (7, 5000), (1,), lambda t, x: t.nn.functional.layer_norm(x, (5000,))),
    ("group", (2, 6, 40, 40), (2, 3), lambda t, x: t.nn.functional.instance_norm(x)),
    ("rows", (9, 4, 37), (0, 2), lambda t, x: t.nn.functional.batch_norm(x, None, None, None, None,
                                                                        True)),
    ("columns", (3000, 19), (0,), lambda t, x: t.nn.functional.batch_norm(x, None, None, None, None,
                                                                         True)),
]  # fmt: skip


@pytest.mark.parametrize("at", [0.0, 30.0, -3000.0])
@pytest.mark.parametrize("case", LONG, ids=[c[0] for c in LONG])
def test_as_accurate_as_torch(torch: Any, case: tuple[Any, ...], at: float) -> None:
    """Against float64, on data far from 0 too, where squares of sums cancel."""
    _, shape, dims, function = case
    x = normal(*shape, at=at).astype(np.float32)
    truth = definition(x.astype(np.float64), dims)
    ours, theirs = (
        np.sqrt(((function(t, t.tensor(x)).numpy() - truth) ** 2).mean()) for t in (facula, torch)
    )
    assert ours <= 1.1 * theirs or ours < 8e-8  # the rounding of a result alone is 3e-8


def test_an_outlier_at_the_start_of_a_channel() -> None:
    """Sums are taken from a channel's first element, however far it is from the others."""
    x = normal(600, 2).astype(np.float32)
    x[0] = [1e6, -1e5]
    y = F.batch_norm(facula.tensor(x), None, None, training=True).numpy()
    np.testing.assert_allclose(y, definition(x.astype(np.float64), (0,)), rtol=2e-5, atol=1e-8)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_no_number_spoils_its_own_channel_and_row_only(value: float) -> None:
    x = normal(5, 6)
    x[0, 2] = value
    rows = F.layer_norm(facula.tensor(x), (6,)).numpy()
    assert np.isnan(rows[0]).all() and np.isfinite(rows[1:]).all()
    mean, var = facula.zeros(6, dtype=facula.float64), facula.ones(6, dtype=facula.float64)
    columns = F.batch_norm(facula.tensor(x), mean, var, training=True).numpy()
    assert np.isnan(columns[:, 2]).all() and np.isfinite(np.delete(columns, 2, 1)).all()
    np.testing.assert_equal(mean.numpy()[2], value)
    assert np.isnan(var.numpy()[2])


@pytest.mark.parametrize(
    "layout", ["transposed", "permuted", "stepped", "expanded", "offset", "overlapping", "long row"]
)
def test_layouts(layout: str) -> None:
    laid, x = filled(layout, "float64")
    flat = facula.tensor(x)
    weight = facula.tensor(normal(2 * x.shape[1], seed=1))[::2]
    for function in (
        lambda v: F.layer_norm(v, v.shape[1:]),
        lambda v: F.rms_norm(v, v.shape[-1:]),
        lambda v: F.group_norm(v, 1, weight),
        lambda v: F.batch_norm(v, None, None, weight, training=True),
        lambda v: F.batch_norm(v, weight, ONES[: x.shape[1]], weight),
    ):
        given, expected = function(laid).numpy(), function(flat).numpy()
        np.testing.assert_allclose(given, expected, rtol=1e-12, atol=1e-12)


def test_channels_last_stay_last() -> None:
    x = facula.tensor(normal(2, 5, 5, 3)).permute(0, 3, 1, 2)
    y = F.batch_norm(x.requires_grad_(), None, None, training=True)
    assert y.stride() == x.stride()
    y.backward(facula.ones(2, 3, 5, 5, dtype=facula.float64))
    np.testing.assert_allclose(y.detach().numpy(), definition(x.detach().numpy(), (0, 2, 3)))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 3, 0)])
def test_empty(shape: Shape) -> None:
    x = facula.zeros(*shape, requires_grad=True)
    w = facula.ones(shape[1], requires_grad=True)
    F.batch_norm(x, None, None, w, training=True).sum().backward()
    if shape[1]:
        facula.group_norm(x, 1, w).sum().backward()
    assert x.grad is not None and x.grad.shape == shape
    assert w.grad.tolist() == [0.0] * shape[1]
    if len(shape) == 2:
        assert F.layer_norm(x, shape[1:]).shape == shape


def test_running_statistics_in_any_layout() -> None:
    x = facula.tensor(normal(6, 3, 2))
    straight = [facula.zeros(3, dtype=facula.float64), facula.ones(3, dtype=facula.float64)]
    table = facula.zeros(3, 2, dtype=facula.float64)
    table[:, 1] = 1.0
    F.batch_norm(x, *straight, training=True)
    version = table._version
    F.batch_norm(x, table[:, 0], table[:, 1], training=True)
    assert table._version > version
    np.testing.assert_array_equal(table.numpy(), np.stack([s.numpy() for s in straight], 1))
    np.testing.assert_allclose(straight[0].numpy(), 0.1 * x.numpy().mean((0, 2)))
    expected = 0.9 + 0.1 * x.numpy().var((0, 2), ddof=1)
    np.testing.assert_allclose(straight[1].numpy(), expected)


def test_instance_norm_averages_its_statistics(torch: Any) -> None:
    x = normal(3, 4, 5).astype(np.float32)
    kept = []
    for t in (facula, torch):
        norm = t.nn.InstanceNorm1d(4, affine=True, track_running_stats=True)
        norm(t.tensor(x))
        norm.eval()
        kept.append((norm.running_mean, norm.running_var, norm(t.tensor(x)).detach()))
    for ours, theirs in zip(*kept, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


# --- threads -------------------------------------------------------------------------------------


def everything() -> list[bytes]:
    """Results and gradients of sizes that several threads share."""
    made = []
    for shape, function in (
        ((900, 130), lambda x, w, b: F.layer_norm(x, (130,), w, b)),
        ((40, 130, 9), lambda x, w, b: F.group_norm(x, 5, w, b)),
        ((40, 130, 9), lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        ((900, 130), lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
    ):
        leaves = [facula.tensor(normal(*s, seed=7).astype(np.float32)).requires_grad_()
                  for s in (shape, (130,), (130,))]  # fmt: skip
        y = function(*leaves)
        y.backward(facula.tensor(normal(*shape, seed=8).astype(np.float32)))
        made += [t.detach().numpy().tobytes() for t in (y, *(one.grad for one in leaves))]
    return made


def test_bits_do_not_depend_on_threads() -> None:
    before = facula.get_num_threads()
    try:
        facula.set_num_threads(1)
        alone = everything()
        facula.set_num_threads(3)
        assert everything() == alone
    finally:
        facula.set_num_threads(before)


# --- errors --------------------------------------------------------------------------------------

WRONG = [
    "t.layer_norm(t.ones(2, 3), (3,), t.ones(3).double())",
    "t.layer_norm(t.ones(2, 3).double(), (3,), t.ones(3))",
    "t.layer_norm(t.ones(2, 3).to(t.bfloat16), (3,), t.ones(3).half())",
    "t.layer_norm(t.ones(2, 3).long(), (3,))",
    "t.layer_norm(t.ones(2, 3), (4,))",
    "t.layer_norm(t.ones(2, 3), ())",
    "t.rms_norm(t.ones(2, 3), (3,), t.ones(4))",
    "t.rms_norm(t.ones(2, 3), ())",
    "t.group_norm(t.ones(2, 4), 3)",
    "t.group_norm(t.ones(2, 4), 0)",
    "t.nn.functional.group_norm(t.ones(4), 2)",
    "t.group_norm(t.ones(2, 4), 2, t.ones(3))",
    "t.group_norm(t.ones(2, 4), 2, t.ones(4).double())",
    "t.group_norm(t.ones(2, 4).long(), 2)",
    "t.batch_norm(t.ones(2, 3).long(), None, None, t.ones(3), t.ones(3), False, .1, 1e-5, False)",
    "t.batch_norm(t.ones(2, 3), None, None, t.ones(3), None, True, .1, 1e-5, False)",
    "t.batch_norm(t.ones(2, 3), None, None, t.ones(4), t.ones(4), True, .1, 1e-5, False)",
    "t.batch_norm(t.ones(2, 3), None, None, t.ones(3).double(), t.ones(3).double(), True, .1, "
    "1e-5, False)",
    "t.batch_norm(t.ones(2, 3), None, None, t.ones(3), None, False, .1, 1e-5, False)",
    "t.batch_norm(t.ones(2, 3), None, None, None, None, False, .1, 1e-5, False)",
    "t.rms_norm(t.ones(4, 4), (3, 5))",
    "t.instance_norm(t.ones(2, 3, 4), None, None, None, None, False, .1, 1e-5, False)",
    "t.nn.functional.instance_norm(t.ones(2, 3, 1))",
    "t.nn.functional.local_response_norm(t.ones(2, 3), 2)",
]


@pytest.mark.parametrize("call", WRONG)
def test_wrong_operands_raise_what_torch_raises(torch: Any, call: str) -> None:
    caught = []
    for t in (torch, facula):
        with pytest.raises(Exception) as error:
            eval(call, {"t": t})
        caught.append((type(error.value), str(error.value).splitlines()[0]))
    assert caught[1] == caught[0]
