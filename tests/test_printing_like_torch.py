"""Tensors print character by character as PyTorch prints them: random ones, random options."""

from types import ModuleType

import numpy as np
import pytest

import facula

NAMES = (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    "complex64", "complex128",
)  # fmt: skip
SIZES = (0, 1, 2, 3, 4, 5, 7, 12, 40)
SHARES = (0.03, 0.15, 0.25, 0.2, 0.15, 0.1, 0.06, 0.03, 0.03)


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of one of the kinds that ask for another way of writing."""
    values = np.asarray(rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 7))
    kind = rng.integers(6)
    if kind == 1:
        values = np.round(values)
    elif kind == 2:
        values = values * 10.0 ** rng.integers(-3, 4, size=shape)
    elif kind == 3 and values.size:
        values.reshape(-1)[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf, 0])
    elif kind == 4:
        values = rng.integers(-5, 5, shape).astype(np.float64)
    elif kind == 5:
        values = rng.integers(-5, 5, shape) + 1e9
    return np.asarray(values)


def options(rng: np.random.Generator) -> dict[str, object]:
    return {
        "precision": int(rng.integers(0, 8)),
        "threshold": int(rng.choice([0, 10, 100, 1000])),
        "edgeitems": int(rng.integers(1, 6)),
        "linewidth": int(rng.choice([20, 40, 80, 120, 200])),
        "sci_mode": (None, True, False)[rng.integers(3)],
    }


@pytest.mark.parametrize("seed", range(5))
def test_random_tensors_print_alike(torch: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    try:
        for _ in range(120):
            shape = tuple(int(n) for n in rng.choice(SIZES, rng.integers(0, 5), p=SHARES))
            if np.prod(shape) > 5000:
                continue
            name, values = NAMES[rng.integers(len(NAMES))], numbers(rng, shape)
            if "int" in name or name == "bool":
                values = np.nan_to_num(values, nan=0, posinf=3, neginf=-3).clip(-(2**30), 2**30)
            if name.startswith("complex"):
                with np.errstate(all="ignore"):
                    values = values + 1j * values * rng.standard_normal()
            chosen = options(rng) if rng.integers(2) else {"profile": "default"}
            wants_grad, turned = bool(rng.integers(2)), bool(rng.integers(2))
            texts = []
            for module in (torch, facula):
                module.set_printoptions(**chosen)
                tensor = module.tensor(values).to(getattr(module, name))
                if wants_grad and (tensor.is_floating_point() or tensor.is_complex()):
                    tensor = tensor.requires_grad_() * 2
                texts.append(
                    repr(tensor.transpose(0, 1) if turned and tensor.ndim == 2 else tensor)
                )
            assert texts[1] == texts[0]
    finally:
        torch.set_printoptions(profile="default")
        facula.set_printoptions(profile="default")
