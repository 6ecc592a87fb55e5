"""Runs one expression in facula and in torch and compares all that a program can see of the result.

A case is text: statements separated by `;`, the last one an expression, with `torch` bound to
either module. Values, dtypes, shapes, strides, `requires_grad` and errors (type and text) must
agree.
"""

import math
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula

# Largest distance of a float result, in units of (1 + its size).
TOLERANCE = {
    "torch.float64": 1e-12,
    "torch.float32": 2e-6,
    "torch.float16": 2e-3,
    "torch.bfloat16": 1.6e-2,
    "torch.complex128": 1e-12,
    "torch.complex64": 2e-6,
}
# What NumPy holds values in that are compared within a tolerance.
KINDS = {name: complex if "complex" in name else float for name in TOLERANCE}


def run(module: ModuleType, text: str) -> Any:
    """The value of the last expression of a case."""
    scope = {"torch": module, "np": np, "math": math}
    *statements, last = [part.strip() for part in text.split(";")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec("\n".join(statements), scope)
        return eval(last, scope)


def described(value: Any) -> Any:
    """A value as plain data that knows nothing of the module it came from."""
    if hasattr(value, "untyped_storage"):
        plain = value.detach()
        dtype = str(plain.dtype)
        wide = plain.double() if plain.is_floating_point() else plain
        return (
            "tensor", dtype, tuple(plain.shape), tuple(plain.stride()), value.requires_grad,
            np.array(wide.tolist(), KINDS.get(dtype, object)),
        )  # fmt: skip
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, value.strides, value.tolist())
    if isinstance(value, (list, tuple)):
        return [described(one) for one in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def agree(ours: Any, theirs: Any) -> bool:
    """True if two descriptions say the same, floats within their tolerance."""
    if isinstance(theirs, tuple) and isinstance(ours, tuple):
        if ours[:5] != theirs[:5]:
            return False
        if theirs[0] == "array" or theirs[1] not in TOLERANCE:
            return bool(np.array_equal(ours[-1], theirs[-1]))
        bound = TOLERANCE[theirs[1]]
        return bool(np.allclose(ours[-1], theirs[-1], rtol=bound, atol=bound, equal_nan=True))
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if isinstance(theirs, float) and isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9) or theirs != theirs != ours
    return type(ours) is type(theirs) and bool(ours == theirs)


def first_line(error: Exception) -> str:
    return str(error).split("\n")[0].strip()


def check(torch: ModuleType, text: str) -> None:
    """Fails unless both modules answer a case alike."""
    try:
        theirs = described(run(torch, text))
    except Exception as error:
        # Of torch's own classes the one with this name has a twin here.
        own = type(error).__name__ == "_LinAlgError"
        with pytest.raises(facula.linalg.LinAlgError if own else type(error)) as caught:
            run(facula, text)
        expected, got = first_line(error), first_line(caught.value)
        # The argument parser's words list signatures of another language: the type is enough.
        if "invalid combination of arguments" not in expected:
            assert got.startswith(expected), f"\nfacula: {got}\ntorch:  {expected}"
        return
    ours = described(run(facula, text))
    assert agree(ours, theirs), f"\nfacula: {ours}\ntorch:  {theirs}"
