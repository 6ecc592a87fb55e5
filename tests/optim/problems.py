"""Problems with known gradients, and the table of optimizer options they are tried with.

`run` takes the same ten steps with any package of PyTorch's interface. `python -m
tests.optim.problems` writes what real PyTorch does to `trajectories.json`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

STORED = Path(__file__).with_name("trajectories.json")
STEPS = 10
INPUTS = np.linspace(-1, 1, 24).reshape(8, 3)
TARGETS = np.sin(3 * INPUTS).sum(1)

Arrays = list[np.ndarray]


def quadratic(params: Arrays) -> Arrays:
    """Gradients of sum((k + 1) * (p - 0.3 k)^2) over the tensors' numbers k."""
    return [2 * (k + 1) * (p - 0.3 * k) for k, p in enumerate(params)]


def rosenbrock(params: Arrays) -> Arrays:
    """Gradient of sum(100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2), made a hundred times flatter."""
    (x,) = params
    gap = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -4 * gap * x[:-1] - 0.02 * (1 - x[:-1])
    gradient[1:] += 2 * gap
    return [gradient]


def regression(params: Arrays) -> Arrays:
    """Gradients of the mean squared error of a linear model."""
    weight, bias = params
    residual = INPUTS @ weight[0] + bias[0] - TARGETS
    return [(2 / len(TARGETS)) * (residual @ INPUTS)[None], np.array([2 * residual.mean()])]


PROBLEMS: dict[str, tuple[Callable[[Arrays], Arrays], list[Any]]] = {
    "quadratic": (quadratic, [[1.0, -2.0, 3.0], [[0.5, 0.25]], 2.0]),
    "rosenbrock": (rosenbrock, [[-1.0, 0.5, 0.8]]),
    "regression": (regression, [[[0.1, 0.2, -0.3]], [0.05]]),
}

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {},
        {"lr": 0.05},
        {"lr": 0.05, "momentum": 0.9},
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
        {"lr": 0.01, "maximize": True},
        {"lr": 0.01, "maximize": True, "momentum": 0.5, "weight_decay": 0.1},
        {"lr": 0.05, "foreach": True},
        {"lr": 0.05, "fused": True, "momentum": 0.9},
    ],
    "Adam": [
        {},
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "amsgrad": True},
        {"lr": 0.1, "maximize": True},
        {"lr": 0.1, "betas": (0.3, 0.5), "eps": 1e-3},
        {"lr": 0.1, "betas": (0.0, 0.9)},
        {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.1, "decoupled_weight_decay": True, "weight_decay": 0.1},
        {"lr": 0.1, "foreach": True},
        {"lr": 0.1, "fused": True},
    ],
    "AdamW": [
        {},
        {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True},
        {"lr": 0.1, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"lr": 0.02, "momentum": 0.9},
        {"lr": 0.05, "centered": True},
        {"lr": 0.02, "centered": True, "momentum": 0.9, "weight_decay": 0.1},
        {"lr": 0.05, "alpha": 0.3, "eps": 1e-4, "centered": True},
        {"maximize": True, "weight_decay": 0.1, "momentum": 0.5},
        {"foreach": True},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
        {"maximize": True},
        {"fused": True},
    ],
    "Adadelta": [
        {},
        {"lr": 0.5},
        {"rho": 0.5, "eps": 1e-3, "weight_decay": 0.1},
        {"maximize": True},
    ],
}
CASES = [(name, options) for name, table in OPTIONS.items() for options in table]


def key(name: str, options: dict[str, Any], problem: str) -> str:
    return f"{name}({', '.join(f'{k}={v}' for k, v in options.items())}) on {problem}"


def leaves(torch: ModuleType, problem: str, dtype: str = "float32") -> list[Any]:
    """The parameters of a problem, at its start."""
    _, start = PROBLEMS[problem]
    kind = getattr(torch, dtype)
    return [torch.tensor(values, dtype=kind, requires_grad=True) for values in start]


def set_gradients(torch: ModuleType, problem: str, params: list[Any]) -> None:
    """Gives each parameter its gradient, computed by NumPy in float64."""
    gradients, _ = PROBLEMS[problem]
    values = [param.detach().numpy().astype(np.float64) for param in params]
    for param, gradient in zip(params, gradients(values)):
        param.grad = torch.tensor(np.asarray(gradient).tolist(), dtype=param.dtype)


def run(
    torch: ModuleType, name: str, options: dict[str, Any], problem: str, dtype: str = "float32"
) -> np.ndarray:
    """All parameters, flat, after each of ten steps."""
    params = leaves(torch, problem, dtype)
    optimizer = getattr(torch.optim, name)(params, **options)
    path = []
    for _ in range(STEPS):
        set_gradients(torch, problem, params)
        optimizer.step()
        path.append(flat(params))
    return np.array(path)


def flat(params: list[Any]) -> np.ndarray:
    return np.concatenate([param.detach().numpy().reshape(-1) for param in params])


def assert_close(path: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Equal relative to the largest parameter of each step."""
    scale = np.abs(expected).max(axis=1, keepdims=True)
    worst = (np.abs(path - expected) / scale).max()
    assert worst <= tolerance, f"{worst:.2e} off"


def main() -> None:
    import torch

    stored = {
        key(name, options, problem): [
            [float(f"{x:.9g}") for x in row] for row in run(torch, name, options, problem)
        ]
        for name, options in CASES
        for problem in PROBLEMS
    }
    lines = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in stored.items()]
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
