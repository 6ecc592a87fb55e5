"""nn.init: the same draws as PyTorch, and what each function promises."""

import numpy as np
import pytest

import facula
from facula import nn, ops
from facula.nn import init

DRAWS = [
    ("uniform_", (5, 7), {"a": -2.0, "b": 3.0}),
    ("normal_", (5, 7), {"mean": 1.0, "std": 0.5}),
    ("trunc_normal_", (9, 9), {}),
    ("trunc_normal_", (9, 9), {"a": -0.5, "b": 0.5}),
    ("trunc_normal_", (9, 9), {"mean": 0.0, "std": 1.0, "a": 1.5, "b": 2.0}),
    ("constant_", (3,), {"val": 0.3}),
    ("ones_", (2, 2), {}),
    ("zeros_", (2, 2), {}),
    ("eye_", (3, 5), {}),
    ("dirac_", (4, 2, 3), {"groups": 2}),
    ("dirac_", (3, 5, 3, 2), {}),
    ("dirac_", (2, 2, 3, 3, 3), {}),
    ("xavier_uniform_", (5, 7), {"gain": 2.0}),
    ("xavier_normal_", (5, 7, 3), {}),
    ("kaiming_uniform_", (5, 7, 3, 3), {"a": 0.2}),
    ("kaiming_uniform_", (5, 7), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", (5, 7), {"nonlinearity": "tanh"}),
    ("sparse_", (10, 6), {"sparsity": 0.3}),
]


@pytest.mark.parametrize(("name", "shape", "options"), DRAWS)
def test_draws_are_those_of_torch(torch, name: str, shape, options) -> None:
    theirs, ours = torch.zeros(shape), ops.zeros(*shape)
    torch.manual_seed(1)
    getattr(torch.nn.init, name)(theirs, **options)
    facula.manual_seed(1)
    assert getattr(init, name)(ours, **options) is ours
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3), (4, 2, 3)])
def test_orthogonal(torch, shape: tuple[int, ...]) -> None:
    theirs, ours = torch.zeros(shape), ops.zeros(*shape)
    torch.manual_seed(1)
    torch.nn.init.orthogonal_(theirs, gain=2)
    facula.manual_seed(1)
    init.orthogonal_(ours, gain=2)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5)


def test_orthogonal_rows_or_columns() -> None:
    for shape in ((4, 6), (6, 4)):
        matrix = init.orthogonal_(ops.zeros(*shape)).numpy()
        product = matrix @ matrix.T if shape[0] < shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(product, np.eye(4), atol=1e-5)


@pytest.mark.parametrize(
    ("bounds", "options"),
    [((-2, 2), {}), ((1.5, 2.0), {"a": 1.5, "b": 2.0}), ((0, 5), {"a": 0, "b": 5})],
)
def test_trunc_normal_stays_inside(bounds: tuple[float, float], options: dict[str, float]) -> None:
    values = init.trunc_normal_(ops.zeros(500), **options).numpy()
    assert values.min() >= bounds[0] and values.max() <= bounds[1]
    assert len(np.unique(values)) > 400


def test_trunc_normal_far_from_its_mean_warns() -> None:
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        init.trunc_normal_(ops.zeros(3), mean=5.0)


def test_parameters_are_changed_in_place_and_keep_their_gradient_flag() -> None:
    weight = nn.Parameter(ops.zeros(3, 3))
    assert init.xavier_uniform_(weight) is weight
    assert weight.requires_grad and weight.grad_fn is None
    for name in ("eye_", "orthogonal_", "kaiming_normal_", "trunc_normal_"):
        assert getattr(init, name)(weight).is_leaf


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1), ("conv2d", None, 1), ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1), ("tanh", None, 5 / 3), ("relu", None, 2**0.5), ("selu", None, 0.75),
        ("leaky_relu", None, (2 / (1 + 0.01**2)) ** 0.5), ("leaky_relu", 1, 1.0),
    ],
)  # fmt: skip
def test_gains(nonlinearity: str, param: float | None, gain: float) -> None:
    assert init.calculate_gain(nonlinearity, param) == pytest.approx(gain)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (lambda: init.calculate_gain("swish"), "Unsupported nonlinearity swish"),
        (lambda: init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
        (lambda: init.xavier_normal_(ops.zeros(3)), "Fan in and fan out can not be computed"),
        (lambda: init.kaiming_normal_(ops.zeros(3, 3), mode="fan"), "Mode fan not supported"),
        (lambda: init.eye_(ops.zeros(3)), "Only tensors with 2 dimensions are supported"),
        (lambda: init.sparse_(ops.zeros(3), 0.5), "Only tensors with 2 dimensions are supported"),
        (lambda: init.dirac_(ops.zeros(3)), "Only tensors with 3, 4, or 5 dimensions"),
        (lambda: init.dirac_(ops.zeros(3, 1, 1), groups=2), "dim 0 must be divisible by groups"),
        (lambda: init.orthogonal_(ops.zeros(3)), "Only tensors with 2 or more dimensions"),
    ],
)
def test_wrong_arguments(action, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        action()


def test_empty_tensors_are_left_alone() -> None:
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        init.kaiming_uniform_(ops.zeros(0, 3))
