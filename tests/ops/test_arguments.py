"""Arguments of the wrong kind: TypeError with function, argument and what was received."""

import numpy as np
import pytest

import facula
import facula.nn.functional as F

X = facula.ones(2, 2)
CALLS = [
    (lambda: F.linear(None, X), r"linear\(\): argument 'input' \(position 1\) .* not NoneType"),
    (lambda: F.linear(X, "w"), r"linear\(\): argument 'weight' \(position 2\) .* not str"),
    (lambda: facula.mm(X, None), r"mm\(\): argument 'mat2' \(position 2\) .* not NoneType"),
    (lambda: facula.sum([1, 2]), r"sum\(\): argument 'input' \(position 1\) .* not list"),
    (lambda: X.gather(0, [0]), r"gather\(\): argument 'index' \(position 2\) .* not list"),
    (lambda: facula.topk(5, 1), r"topk\(\): argument 'input' \(position 1\) .* not int"),
    (lambda: facula.transpose(3, 0, 1), r"transpose\(\): argument 'input' \(position 1\)"),
    (lambda: F.cross_entropy(X, [1]), r"argument 'target' \(position 2\) .* not list"),
    (lambda: F.conv2d(np.ones((1, 1, 3, 3)), X), r"got \(numpy.ndarray, Tensor\)"),
    (lambda: facula.ones(2, dtype="float32"), r"ones\(\): argument 'dtype' must be torch.dtype"),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message[:24] for _, message in CALLS])
def test_an_argument_of_the_wrong_kind_is_named(call: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()  # type: ignore[operator]


def test_the_tensor_of_a_view_may_come_by_name() -> None:
    assert facula.transpose(input=facula.ones(2, 3), dim0=0, dim1=1).shape == (3, 2)


def test_an_attribute_error_of_another_cause_stays_one() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        X.nothing  # noqa: B018
