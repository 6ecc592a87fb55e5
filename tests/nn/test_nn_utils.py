"""nn.utils: clipping of gradients, parameters as one vector."""

import numpy as np
import pytest

from facula import nn, ops
from facula.nn import utils


def parameters(second: float = 12.0) -> list[nn.Parameter]:
    made = [nn.Parameter(ops.zeros(2, 2)), nn.Parameter(ops.zeros(1)), nn.Parameter(ops.zeros(1))]
    made[0].grad = ops.tensor([[3.0, 0.0], [0.0, 4.0]])
    made[1].grad = ops.tensor([second])
    return made


@pytest.mark.parametrize(
    ("kind", "norm"), [(2.0, 13.0), (1, 19.0), (float("inf"), 12.0)], ids=["2", "1", "inf"]
)
def test_clipping_by_norm(kind: float, norm: float) -> None:
    made = parameters()
    assert utils.clip_grad_norm_(made, norm / 2, kind).item() == pytest.approx(norm)
    np.testing.assert_allclose(made[0].grad.numpy(), [[1.5, 0.0], [0.0, 2.0]], rtol=1e-5)
    assert made[1].grad.item() == pytest.approx(6.0, rel=1e-5)
    assert made[2].grad is None


def test_short_gradients_are_left_alone() -> None:
    made = parameters()
    utils.clip_grad_norm_(iter(made), 100.0)
    assert made[1].grad.item() == 12.0


def test_infinite_gradients_can_be_an_error() -> None:
    made = parameters(float("inf"))
    with pytest.raises(RuntimeError, match="total norm of order 2.0 .* is non-finite"):
        utils.clip_grad_norm_(made, 1.0, error_if_nonfinite=True)
    assert made[0].grad.tolist() == [[3.0, 0.0], [0.0, 4.0]]


def test_a_used_up_generator_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
        assert utils.clip_grad_norm_((p for p in []), 1.0).item() == 0.0


def test_clipping_by_value() -> None:
    made = parameters(-12.0)
    utils.clip_grad_value_(made, 3.5)
    assert made[0].grad.tolist() == [[3.0, 0.0], [0.0, 3.5]]
    assert made[1].grad.tolist() == [-3.5]
    utils.clip_grad_value_(made[1], 1)
    assert made[1].grad.tolist() == [-1.0]


def test_parameters_as_a_vector_and_back() -> None:
    layer = nn.Linear(2, 3)
    vector = utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (9,) and vector.requires_grad
    given = ops.arange(9).float()
    utils.vector_to_parameters(given, layer.parameters())
    assert layer.weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert layer.bias.tolist() == [6.0, 7.0, 8.0]
    with pytest.raises(TypeError, match="expected torch.Tensor, but got: list"):
        utils.vector_to_parameters([1.0], layer.parameters())
