"""Ten steps of every optimizer with many combinations of options equal PyTorch's."""

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from tests.optim.problems import CASES, PROBLEMS, STORED, assert_close, key, run

stored = json.loads(STORED.read_text())


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_stored_trajectory(name: str, options: dict[str, Any], problem: str) -> None:
    expected = np.array(stored[key(name, options, problem)])
    assert_close(run(facula, name, options, problem), expected, 1e-6)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_float64_trajectory(
    torch: ModuleType, name: str, options: dict[str, Any], problem: str
) -> None:
    expected = run(torch, name, options, problem, "float64")
    assert_close(run(facula, name, options, problem, "float64"), expected, 1e-13)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "Adadelta"])
def test_half_types_round_once_a_step(name: str, dtype: str) -> None:
    """A half-precision step is the exact step, rounded: torch rounds after each operation."""
    options = {"lr": 0.1, "eps": 1e-3} if name != "SGD" else {"lr": 0.1}
    start = [1.0, -2.0, 3.0, 0.125]
    gradient = [0.5, 0.25, -1.0, 2.0]
    results = []
    for kind in (getattr(facula, dtype), facula.float64):
        p = facula.tensor(start, dtype=kind, requires_grad=True)
        p.grad = facula.tensor(gradient, dtype=kind)
        getattr(facula.optim, name)([p], **options).step()
        results.append(np.array(p.detach().tolist()))
    assert np.allclose(*results, rtol=2**-8 if dtype == "bfloat16" else 2**-11, atol=0)
