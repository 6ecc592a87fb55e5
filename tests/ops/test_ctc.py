"""CTC against the sum over all alignments, written out, and its gradient through log_softmax."""

import itertools

import numpy as np
import pytest

import facula
from facula.autograd.check import gradcheck
from facula.nn import functional as F


def enumerated(logs: np.ndarray, target: list[int], blank: int) -> float:
    """Minus the log of the summed probability of all paths that spell the target."""
    steps, classes = logs.shape
    total = 0.0
    for path in itertools.product(range(classes), repeat=steps):
        spelled = [a for a, _ in itertools.groupby(path) if a != blank]
        if spelled == target:
            total += float(np.exp(sum(logs[t, c] for t, c in enumerate(path))))
    return -np.log(total) if total else np.inf


@pytest.mark.parametrize(
    ("target", "blank"), [([1, 2], 0), ([1, 1], 0), ([], 0), ([0, 1], 2), ([1, 1, 1], 0)]
)
def test_the_loss_is_the_sum_over_all_alignments(target: list[int], blank: int) -> None:
    raw = facula.tensor(np.random.default_rng(1).standard_normal((4, 1, 3)))
    logs = raw.log_softmax(2)
    given = facula.tensor(target, dtype=facula.int64).reshape(1, -1)
    loss = F.ctc_loss(logs, given, (4,), (len(target),), blank, reduction="none")
    wanted = enumerated(logs.numpy()[:, 0], target, blank)
    np.testing.assert_allclose(loss.numpy(), [wanted], rtol=1e-12)


def test_the_gradient_through_log_softmax() -> None:
    raw = facula.tensor(np.random.default_rng(2).standard_normal((5, 2, 4)), requires_grad=True)
    target = facula.tensor([[1, 1, 2], [3, 0, 0]])

    def loss(x: facula.Tensor) -> facula.Tensor:
        return F.ctc_loss(x.log_softmax(2), target, (5, 4), (3, 1), reduction="none")

    assert gradcheck(loss, (raw,))


def test_errors_name_what_is_wrong() -> None:
    logs = facula.zeros(4, 1, 3)
    with pytest.raises(RuntimeError, match="at most 4"):
        F.ctc_loss(logs, facula.ones(1, 2, dtype=facula.int64), (5,), (2,))
    with pytest.raises(RuntimeError, match="blank must be in label range"):
        F.ctc_loss(logs, facula.ones(1, 2, dtype=facula.int64), (4,), (2,), blank=3)
    with pytest.raises(RuntimeError, match="labels"):
        F.ctc_loss(logs, facula.full((1, 2), 9), (4,), (2,))
    with pytest.raises(RuntimeError, match="at least 2 at dimension 1"):
        F.ctc_loss(logs, facula.ones(1, 1, dtype=facula.int64), (4,), (2,))
