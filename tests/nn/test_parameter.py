"""Parameter and Buffer: tensors with a role."""

import copy
import pickle

import pytest

from facula import nn, ops
from facula.meta.dtype import int64
from facula.tensor import Tensor


def test_a_parameter_shares_memory_and_wants_a_gradient() -> None:
    data = ops.zeros(2)
    weight = nn.Parameter(data)
    data.fill_(3)
    assert weight.tolist() == [3.0, 3.0]
    assert weight.requires_grad and weight.is_leaf and not data.requires_grad
    assert type(weight) is nn.Parameter and isinstance(weight, Tensor)
    assert not isinstance(data, nn.Parameter)


def test_results_of_operations_are_plain_tensors() -> None:
    weight = nn.Parameter(ops.ones(2))
    assert type(weight * 2) is Tensor and (weight * 2).requires_grad
    assert type(weight.detach()) is Tensor and type(weight.data) is Tensor


def test_a_parameter_of_a_computed_tensor_is_a_leaf() -> None:
    source = ops.ones(2, requires_grad=True) * 2
    weight = nn.Parameter(source)
    (weight * 3).sum().backward()
    assert weight.is_leaf and weight.grad.tolist() == [3.0, 3.0]
    assert nn.Parameter(weight) is not weight
    assert not nn.Parameter(source, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)


def test_integers_cannot_be_trained() -> None:
    whole = ops.zeros(2, dtype=int64)
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can"):
        nn.Parameter(whole)
    assert not nn.Parameter(whole, requires_grad=False).requires_grad


def test_printed_form() -> None:
    assert repr(nn.Parameter(ops.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_are_parameters_of_their_own_memory(copied) -> None:
    weight = nn.Parameter(ops.ones(2), requires_grad=False)
    weight.grad = ops.ones(2)
    other = copied(weight)
    assert type(other) is nn.Parameter and not other.requires_grad and other.grad is None
    other.fill_(5)
    assert weight.tolist() == [1.0, 1.0]


def test_deepcopy_keeps_ties() -> None:
    weight = nn.Parameter(ops.ones(2))
    one, other = copy.deepcopy([weight, weight])
    assert one is other


def test_a_buffer_is_a_marked_tensor() -> None:
    mean = nn.Buffer(ops.zeros(2))
    assert type(mean) is Tensor and isinstance(mean, nn.Buffer) and mean.persistent
    assert not nn.Buffer(ops.zeros(2), persistent=False).persistent
    assert not isinstance(ops.zeros(2), nn.Buffer) and not isinstance(3, nn.Buffer)
    assert not isinstance(nn.Parameter(ops.zeros(1)), nn.Buffer)
    assert nn.Buffer().shape == (0,)
