"""Layers against formulas in NumPy: outputs, and gradients against finite differences."""

from collections.abc import Callable

import numpy as np
import pytest

from facula import nn, ops
from facula.meta.dtype import float64

Array = np.ndarray


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def windows(x: Array, kernel: int, stride: int, padding: int, fill: float) -> Array:
    """(N, C, H', W', kernel, kernel) of (N, C, H, W)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=fill)
    found = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    return found[:, :, ::stride, ::stride]


def linear(x: Array, weight: Array, bias: Array) -> Array:
    return x @ weight.T + bias


def conv(x: Array, weight: Array, bias: Array) -> Array:
    return np.einsum("nchwij,ocij->nohw", windows(x, 3, 2, 1, 0), weight) + bias[:, None, None]


def batch_norm(x: Array, weight: Array, bias: Array) -> Array:
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * weight[:, None, None] + bias[:, None, None]


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


# Call, shape of the input, reference of the input and the parameters in order.
ROWS: list[tuple[str, tuple[int, ...], Callable[..., Array]]] = [
    ("Linear(3, 2)", (4, 3), linear),
    ("Conv2d(2, 3, 3, stride=2, padding=1)", (2, 2, 5, 6), conv),
    ("BatchNorm2d(2)", (3, 2, 2, 3), batch_norm),
    ("LayerNorm(5)", (3, 5), layer_norm),
    ("MaxPool2d(3, 2, 1)", (1, 2, 6, 5), lambda x: windows(x, 3, 2, 1, -np.inf).max((4, 5))),
    ("AvgPool2d(3, 2, 1)", (1, 2, 6, 5), lambda x: windows(x, 3, 2, 1, 0).mean((4, 5))),
    ("AdaptiveAvgPool2d(1)", (1, 2, 6, 5), lambda x: x.mean((2, 3), keepdims=True)),
    ("Flatten()", (2, 3, 4), lambda x: x.reshape(2, 12)),
    ("ReLU()", (3, 4), lambda x: np.maximum(x, 0)),
    ("LeakyReLU(0.1)", (3, 4), lambda x: np.where(x > 0, x, 0.1 * x)),
    ("ELU()", (3, 4), lambda x: np.where(x > 0, x, np.expm1(x))),
    ("SiLU()", (3, 4), lambda x: x * sigmoid(x)),
    ("Sigmoid()", (3, 4), sigmoid),
    ("Tanh()", (3, 4), np.tanh),
    ("Softplus()", (3, 4), lambda x: np.log1p(np.exp(x))),
    ("Hardswish()", (3, 4), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("Softsign()", (3, 4), lambda x: x / (1 + np.abs(x))),
    ("GLU()", (3, 4), lambda x: x[:, :2] * sigmoid(x[:, 2:])),
    ("PReLU()", (3, 4), lambda x, weight: np.where(x > 0, x, weight * x)),
    ("Softmax(-1)", (3, 4), softmax),
    ("LogSoftmax(-1)", (3, 4), lambda x: np.log(softmax(x))),
]


@pytest.mark.parametrize(("call", "shape", "reference"), ROWS, ids=[row[0] for row in ROWS])
def test_output_and_gradients(call: str, shape: tuple[int, ...], reference: Callable) -> None:
    layer = eval(call, vars(nn)).double()
    arrays = [drawn(*shape)]
    for place, parameter in enumerate(layer.parameters()):
        arrays.append(drawn(*parameter.shape, seed=place + 1))
        parameter.data = ops.tensor(arrays[-1])
    x = ops.tensor(arrays[0], requires_grad=True)
    y = layer(x)
    expected = reference(*arrays)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-9, atol=1e-9)
    weights = drawn(*expected.shape, seed=9)
    (y * ops.tensor(weights)).sum().backward()
    for array, tensor in zip(arrays, [x, *layer.parameters()], strict=True):
        found = np.empty_like(array)
        for place in np.ndindex(*array.shape):
            kept, sums = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = kept + step
                sums.append((reference(*arrays) * weights).sum())
            array[place] = kept
            found[place] = (sums[0] - sums[1]) / 2e-5
        np.testing.assert_allclose(tensor.grad.numpy(), found, rtol=1e-5, atol=1e-6)


def test_batch_norm_keeps_running_statistics() -> None:
    x = drawn(4, 3).astype(np.float32)
    layer = nn.BatchNorm1d(3)
    layer(ops.tensor(x))
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        layer.running_var.numpy(), 0.9 + 0.1 * x.var(0, ddof=1), rtol=1e-5, atol=1e-6
    )
    assert layer.num_batches_tracked.item() == 1
    layer.eval()
    kept = layer.running_mean.tolist()
    layer(ops.tensor(x))
    assert layer.running_mean.tolist() == kept and layer.num_batches_tracked.item() == 1
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1.0] * 3 and layer.num_batches_tracked.item() == 0


def test_batch_norm_without_momentum_averages_all_batches() -> None:
    batches = [drawn(4, 3, seed=i).astype(np.float32) for i in range(3)]
    layer = nn.BatchNorm1d(3, momentum=None)
    for batch in batches:
        layer(ops.tensor(batch))
    expected = np.mean([batch.mean(0) for batch in batches], axis=0)
    np.testing.assert_allclose(layer.running_mean.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_dropout_zeroes_a_share_and_scales_the_rest() -> None:
    layer = nn.Dropout(0.25)
    values = layer(ops.ones(10_000)).numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
    assert 0.23 < (values == 0).mean() < 0.27
    assert layer.eval()(ops.ones(3)).tolist() == [1.0] * 3


def test_dropout2d_zeroes_whole_channels() -> None:
    values = nn.Dropout2d(0.5)(ops.ones(8, 16, 3, 3)).numpy().reshape(128, 9)
    assert (values == values[:, :1]).all() and set(np.unique(values)) == {0.0, 2.0}


def test_embedding_looks_up_and_skips_the_padding() -> None:
    layer = nn.Embedding(5, 3, padding_idx=1)
    assert layer.weight[1].tolist() == [0.0] * 3
    indices = [[0, 1], [4, 4]]
    y = layer(ops.tensor(indices))
    np.testing.assert_array_equal(y.detach().numpy(), layer.weight.detach().numpy()[indices])
    y.sum().backward()
    assert layer.weight.grad[:, 0].tolist() == [1.0, 0.0, 0.0, 0.0, 2.0]


def test_embedding_shortens_long_rows_in_place() -> None:
    layer = nn.Embedding.from_pretrained(
        ops.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]]), max_norm=1
    )
    layer(ops.tensor([0, 1, 0]))
    np.testing.assert_allclose(
        layer.weight.numpy(), [[0.6, 0.8], [0.3, 0.4], [30.0, 40.0]], rtol=1e-5
    )


# --- losses ------------------------------------------------------------------------------------

PICKED = np.array([1, 0, 3, 3])


def nll(x: Array, t: Array) -> Array:
    return -np.log(softmax(x))[np.arange(len(t)), t]


LOSSES: list[tuple[str, Array, Callable[[Array, Array], Array]]] = [
    ("MSELoss", drawn(4, 4, seed=1), lambda x, t: (x - t) ** 2),
    ("L1Loss", drawn(4, 4, seed=1), lambda x, t: np.abs(x - t)),
    (
        "SmoothL1Loss",
        drawn(4, 4, seed=1),
        lambda x, t: np.where(np.abs(x - t) < 1, (x - t) ** 2 / 2, np.abs(x - t) - 0.5),
    ),
    (
        "HuberLoss",
        drawn(4, 4, seed=1),
        lambda x, t: np.where(np.abs(x - t) < 1, (x - t) ** 2 / 2, np.abs(x - t) - 0.5),
    ),
    ("CrossEntropyLoss", PICKED, nll),
    (
        "CrossEntropyLoss",
        softmax(drawn(4, 4, seed=1)),
        lambda x, t: -(t * np.log(softmax(x))).sum(1),
    ),
    ("BCEWithLogitsLoss", sigmoid(drawn(4, 4, seed=1)), lambda x, t: np.log1p(np.exp(x)) - t * x),
    ("KLDivLoss", softmax(drawn(4, 4, seed=1)), lambda x, t: t * (np.log(t) - x)),
]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("name", "target", "reference"), LOSSES)
def test_losses(name: str, target: Array, reference: Callable, reduction: str) -> None:
    x = drawn(4, 4)
    expected = reference(x, target)
    if reduction != "none":
        expected = getattr(expected, reduction)()
    found = getattr(nn, name)(reduction=reduction)(ops.tensor(x), ops.tensor(target))
    assert found.dtype is float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_bce_of_probabilities() -> None:
    x, t = sigmoid(drawn(4, 4)), sigmoid(drawn(4, 4, seed=1))
    expected = -(t * np.log(x) + (1 - t) * np.log(1 - x)).mean()
    np.testing.assert_allclose(nn.BCELoss()(ops.tensor(x), ops.tensor(t)).item(), expected)


def test_losses_warn_of_the_old_arguments_and_of_broadcasting() -> None:
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="please use reduction='none' instead"):
        assert nn.NLLLoss(reduce=False).reduction == "none"
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[3, 1\]\)\)"):
        nn.MSELoss()(ops.ones(3), ops.ones(3, 1))
    with pytest.raises(ValueError, match="middle is not a valid value for reduction"):
        nn.L1Loss(reduction="middle")(ops.ones(3), ops.ones(3))
