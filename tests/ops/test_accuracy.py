"""Sums are at least as accurate as PyTorch's: the error of both against float64, operation by
operation, in float32 and in the half precisions. Note [reductions]."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula

# name: (shapes of the operands, function of package and operands)
VALUES: dict[str, tuple[tuple[tuple[int, ...], ...], Callable[..., Any]]] = {
    "sum": (((30, 7001),), lambda t, x: x.sum(1)),
    "sum of columns": (((5003, 70),), lambda t, x: x.sum(0)),
    "mean": (((30, 7001),), lambda t, x: x.mean(1)),
    "mean of the middle": (((20, 999, 17),), lambda t, x: x.mean(1)),
    "var": (((30, 7001),), lambda t, x: x.var(1)),
    "var of columns": (((5003, 70),), lambda t, x: x.var(0)),
    "std": (((30, 7001),), lambda t, x: x.std(1)),
    "norm": (((30, 7001),), lambda t, x: x.norm(2, 1)),
    "norm 1": (((5003, 70),), lambda t, x: x.norm(1, 0)),
    "cumsum": (((9, 4001),), lambda t, x: x.cumsum(1)),
    "cumsum of many": (((90, 901),), lambda t, x: x.cumsum(1)),
    "cumsum of columns": (((3001, 21),), lambda t, x: x.cumsum(0)),
    "logsumexp": (((30, 3001),), lambda t, x: x.logsumexp(1)),
    "softmax": (((30, 3001),), lambda t, x: x.softmax(1)),
    "softmax of columns": (((901, 70),), lambda t, x: x.softmax(0)),
    "log_softmax": (((30, 3001),), lambda t, x: x.log_softmax(1)),
    "layer_norm": (
        ((30, 3001), (3001,), (3001,)), lambda t, x, w, b: _F(t).layer_norm(x, (3001,), w, b)
    ),
    "group_norm": (
        ((3, 6, 401), (6,), (6,)), lambda t, x, w, b: _F(t).group_norm(x, 3, w, b)
    ),
    "batch_norm": (
        ((9, 5, 401), (5,), (5,)),
        lambda t, x, w, b: _F(t).batch_norm(x, None, None, w, b, training=True),
    ),
    "rms_norm": (((30, 3001), (3001,)), lambda t, x, w: _F(t).rms_norm(x, (3001,), w)),
    "cross_entropy": (
        ((200, 301),),
        lambda t, x: _F(t).cross_entropy(x, t.arange(200), reduction="none"),
    ),
    "matmul": (((40, 900), (900, 30)), lambda t, a, b: a @ b),
    "matrix times vector": (((300, 900), (900,)), lambda t, a, b: a @ b),
    "linear": (((40, 900), (30, 900), (30,)), lambda t, x, w, b: _F(t).linear(x, w, b)),
    "conv2d": (
        ((2, 48, 9, 10), (20, 48, 3, 3), (20,)), lambda t, x, w, b: _F(t).conv2d(x, w, b, padding=1)
    ),
    "conv2d 1x1": (((2, 300, 6, 7), (20, 300, 1, 1)), lambda t, x, w: _F(t).conv2d(x, w)),
    "conv2d strided": (
        ((2, 40, 11, 10), (24, 40, 3, 3)), lambda t, x, w: _F(t).conv2d(x, w, None, 2)
    ),
    "conv1d": (((2, 40, 70), (24, 40, 5)), lambda t, x, w: _F(t).conv1d(x, w)),
    "avg_pool2d": (((2, 3, 60, 60),), lambda t, x: _F(t).avg_pool2d(x, 20)),
    "adaptive_avg_pool2d": (((2, 9, 61, 60),), lambda t, x: _F(t).adaptive_avg_pool2d(x, 1)),
}  # fmt: skip
# The same for gradients: that of operand `which` of a function whose result meets one operand more.
GRADIENTS: dict[str, tuple[tuple[tuple[int, ...], ...], Callable[..., Any], int]] = {
    "linear, weight": (((2001, 30), (40, 30), (2001, 40)), lambda t, x, w: _F(t).linear(x, w), 1),
    "conv2d, weight": (
        ((4, 20, 30, 31), (24, 20, 3, 3), (4, 24, 30, 31)),
        lambda t, x, w: _F(t).conv2d(x, w, padding=1), 1,
    ),
    "conv2d, x": (
        ((2, 20, 9, 10), (48, 20, 3, 3), (2, 48, 9, 10)),
        lambda t, x, w: _F(t).conv2d(x, w, padding=1), 0,
    ),
    "depthwise channels_last, weight": (
        ((4, 20, 30, 31), (20, 1, 3, 3), (4, 20, 30, 31)),
        lambda t, x, w: _F(t).conv2d(
            x.contiguous(memory_format=t.channels_last), w, padding=1, groups=20
        ), 1,
    ),
    "layer_norm, weight": (
        ((3001, 30), (30,), (3001, 30)), lambda t, x, w: _F(t).layer_norm(x, (30,), w), 1
    ),
    "layer_norm, x": (
        ((30, 3001), (3001,), (30, 3001)), lambda t, x, w: _F(t).layer_norm(x, (3001,), w), 0
    ),
    "batch_norm, weight": (
        ((30, 7, 401), (7,), (30, 7, 401)),
        lambda t, x, w: _F(t).batch_norm(x, None, None, w, training=True), 1,
    ),
    "batch_norm, x": (
        ((30, 7, 401), (7,), (30, 7, 401)),
        lambda t, x, w: _F(t).batch_norm(x, None, None, w, training=True), 0,
    ),
    "softmax, x": (((30, 3001), (30, 3001)), lambda t, x: x.softmax(1), 0),
    "embedding": (
        ((5, 30), (3000, 30)), lambda t, w: _F(t).embedding(t.arange(3000) % 5, w), 0
    ),
    "addition of a row": (((30,), (3001, 30)), lambda t, b: b.expand(3001, 30), 0),
}  # fmt: skip
# Half a unit in the last place: what rounding the exact result may cost.
ROUNDING = {"float32": 2**-24, "bfloat16": 2**-8, "float16": 2**-11}
DTYPES = list(ROUNDING)


def _F(t: ModuleType) -> Any:
    return t.nn.functional


def operands(torch: ModuleType, shapes: tuple[tuple[int, ...], ...], dtype: str) -> list[Any]:
    """Normal numbers around 1/4, rounded to the dtype."""
    rng = np.random.default_rng(0)
    arrays = [(rng.standard_normal(shape) + 0.25).astype(np.float32) for shape in shapes]
    return [torch.tensor(array).to(getattr(torch, dtype)) for array in arrays]


def errors(torch: ModuleType, inputs: list[Any], run: Callable[..., Any]) -> tuple[float, ...]:
    """Root mean square errors of facula and of torch, and the size of the results."""
    truth = run(torch, *[x.double() for x in inputs]).numpy()
    found = []
    for t in (facula, torch):
        dtype = getattr(t, str(inputs[0].dtype).removeprefix("torch."))
        given = [t.tensor(x.float().numpy()).to(dtype) for x in inputs]
        result = run(t, *given).double().numpy()
        found.append(float(np.sqrt(((result - truth) ** 2).mean())))
    return (*found, float(np.sqrt((truth**2).mean())))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", VALUES)
def test_values_are_as_accurate_as_torchs(torch: ModuleType, name: str, dtype: str) -> None:
    shapes, run = VALUES[name]
    ours, theirs, size = errors(torch, operands(torch, shapes, dtype), run)
    assert ours <= 1.1 * theirs or ours <= ROUNDING[dtype] * size, (ours, theirs, size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_as_accurate_as_torchs(torch: ModuleType, name: str, dtype: str) -> None:
    shapes, function, which = GRADIENTS[name]

    def run(t: ModuleType, *given: Any) -> Any:
        *inputs, g = given
        inputs[which].requires_grad_()
        return t.autograd.grad(function(t, *inputs), inputs[which], g)[0].detach()

    ours, theirs, size = errors(torch, operands(torch, shapes, dtype), run)
    assert ours <= 1.1 * theirs or ours <= ROUNDING[dtype] * size, (ours, theirs, size)
