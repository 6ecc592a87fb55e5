"""`assert_close`: tensors, numbers and containers of them, with PyTorch's tolerances and texts."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from facula.meta import dtype as dtypes
from facula.ops.calls import op
from facula.tensor import Tensor

Message = str | Callable[[str], str] | None

# Relative and absolute tolerance by the real part's dtype; what is not here must be equal.
TOLERANCES = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7), "complex32": (1e-3, 1e-5), "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}  # fmt: skip


class _Settings:
    """The arguments of a call that hold for every pair it compares."""

    def __init__(
        self, rtol: float | None, atol: float | None, equal_nan: bool, checks: Mapping[str, bool]
    ) -> None:
        self.rtol, self.atol, self.equal_nan, self.checks = rtol, atol, equal_nan, checks

    def tolerances(self, place: str, *kinds: dtypes.dtype) -> tuple[float, float]:
        if (self.rtol is None) is not (self.atol is None):
            missing = "rtol" if self.rtol is None else "atol"
            fault = (
                f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
            )
            raise ValueError(_located(fault, place))
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        known = [TOLERANCES.get(kind.name, (0.0, 0.0)) for kind in kinds]
        return max(r for r, _ in known), max(a for _, a in known)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Raises AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere.

    Both are tensors, numbers, NumPy arrays, or sequences and mappings of such, of one shape. The
    tolerances, given both or neither, are PyTorch's for the dtype: 1.3e-6 and 1e-5 for float32,
    1e-7 twice for float64, 1e-3 and 1e-5 for float16, 1.6e-2 and 1e-5 for bfloat16, 0 for
    integers. `msg` takes the place of the text, or makes another of it. Raises TypeError for what
    cannot be compared, ValueError for one tolerance alone.

    >>> import facula as torch
    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6]))
    >>> torch.testing.assert_close([1, 2.0], [1, 2.5])
    Traceback (most recent call last):
        ...
    AssertionError: Scalars are not close!
    <BLANKLINE>
    Expected 2.5 but got 2.0.
    Absolute difference: 0.5 (up to 1e-07 allowed)
    Relative difference: 0.2 (up to 1e-07 allowed)
    <BLANKLINE>
    The failure occurred for item [1]
    """
    checks = {
        "device": check_device, "dtype": check_dtype, "layout": check_layout,
        "stride": check_stride,
    }  # fmt: skip
    settings = _Settings(rtol, atol, equal_nan, checks)
    if not allow_subclasses and type(actual) is not type(expected):
        raise _incomparable(actual, expected)
    fault = _difference(actual, expected, settings, "")
    if fault is not None:
        raise AssertionError(msg(fault) if callable(msg) else fault if msg is None else msg)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """PyTorch's older name of `assert_close`, which looks at values alone; nan equals nan.

    >>> import facula as torch
    >>> torch.testing.assert_allclose(torch.tensor([1.0, float("nan")]), [1.0, float("nan")])
    """
    actual = actual if isinstance(actual, Tensor) else op.tensor(actual)
    expected = expected if isinstance(expected, Tensor) else op.tensor(expected, dtype=actual.dtype)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True,
        check_dtype=False, check_stride=False, msg=msg or None,
    )  # fmt: skip


def _incomparable(actual: Any, expected: Any) -> TypeError:
    return TypeError(
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
    )


def _difference(actual: Any, expected: Any, settings: _Settings, place: str) -> str | None:
    """What is wrong with a pair, or None; `place` says where in the containers it stands."""
    if actual is None or expected is None:
        fault = None if actual is expected else f"None mismatch: {actual} is not {expected}"
    elif isinstance(actual, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_)):
        same = bool(actual) is bool(expected)
        fault = None if same else f"Booleans mismatch: {bool(actual)} is not {bool(expected)}"
    elif _is_number(actual) and _is_number(expected):
        fault = _numbers(actual, expected, settings, place)
    elif isinstance(actual, np.ndarray) and isinstance(expected, np.ndarray):
        fault = _tensors(op.from_numpy(actual), op.from_numpy(expected), settings, place)
    elif isinstance(actual, Tensor) and isinstance(expected, Tensor):
        fault = _tensors(actual, expected, settings, place)
    elif _is_sequence(actual) and _is_sequence(expected):
        return _sequences(actual, expected, settings, place)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return _mappings(actual, expected, settings, place)
    else:
        raise _incomparable(actual, expected)
    return fault if fault is None else _located(fault, place)


def _located(fault: str, place: str) -> str:
    return f"{fault}\n\nThe failure occurred for item {place}" if place else fault


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Number, np.number)) and not isinstance(value, Tensor)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _sequences(
    actual: Sequence[Any], expected: Sequence[Any], settings: _Settings, place: str
) -> str | None:
    if len(actual) != len(expected):
        unequal = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
        raise AssertionError(_located(unequal, place))  # no message of the caller's, as in torch
    for k, (one, other) in enumerate(zip(actual, expected, strict=True)):
        fault = _difference(one, other, settings, f"{place}[{k}]")
        if fault is not None:
            return fault
    return None


def _mappings(
    actual: Mapping[Any, Any], expected: Mapping[Any, Any], settings: _Settings, place: str
) -> str | None:
    missing = sorted(expected.keys() - actual.keys(), key=str)
    additional = sorted(actual.keys() - expected.keys(), key=str)
    if missing or additional:
        unequal = (
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {missing}\n"
            f"Additional keys in the actual mapping: {additional}"
        )
        raise AssertionError(_located(unequal, place))
    for key in expected:
        fault = _difference(actual[key], expected[key], settings, f"{place}[{key!r}]")
        if fault is not None:
            return fault
    return None


# --- numbers -------------------------------------------------------------------------------------


def _plain(value: Any) -> int | float | complex:
    number: int | float | complex = value.item() if isinstance(value, np.generic) else value
    return number


def _numbers(actual: Any, expected: Any, settings: _Settings, place: str) -> str | None:
    actual, expected = _plain(actual), _plain(expected)
    kinds = type(actual), type(expected)
    by_type = {int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}
    rtol, atol = settings.tolerances(place, *[by_type.get(kind, dtypes.int64) for kind in kinds])
    if settings.checks["dtype"] and kinds[0] is not kinds[1]:
        return f"The (d)types do not match: {kinds[0]} != {kinds[1]}."
    if actual == expected:
        return None
    if settings.equal_nan and actual != actual and expected != expected:
        return None
    absolute = abs(actual - expected)
    if math.isfinite(absolute) and absolute <= atol + rtol * abs(expected):
        return None
    relative = absolute / abs(expected) if expected else math.inf
    return _scalar_text(actual, expected, absolute, relative, rtol, atol)


def _allowed(tolerance: float, strict: bool) -> str:
    return "" if strict else f" (up to {tolerance} allowed)"


def _scalar_text(
    actual: Any, expected: Any, absolute: Any, relative: float, rtol: float, atol: float
) -> str:
    strict = rtol == 0 and atol == 0
    return (
        f"Scalars are not {'equal' if strict else 'close'}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {absolute}{_allowed(atol, strict)}\n"
        f"Relative difference: {relative}{_allowed(rtol, strict)}"
    )


# --- tensors -------------------------------------------------------------------------------------


def _tensors(actual: Tensor, expected: Tensor, settings: _Settings, place: str) -> str | None:
    actual, expected = actual.detach(), expected.detach()
    rtol, atol = settings.tolerances(place, actual.form.dtype, expected.form.dtype)
    facts: list[tuple[str, Any, Any]] = [("shape", actual.shape, expected.shape)]
    for name in ("device", "dtype", "layout"):
        if settings.checks[name]:
            facts.append((name, getattr(actual, name), getattr(expected, name)))
    if settings.checks["stride"]:
        facts.append(("stride()", actual.stride(), expected.stride()))
    for name, mine, theirs in facts:
        if mine != theirs:
            return f"The values for attribute '{name}' do not match: {mine} != {theirs}."
    if actual.form.dtype is not expected.form.dtype:
        common = dtypes.promote_types(actual.form.dtype, expected.form.dtype)
        actual, expected = actual.to(common), expected.to(common)
    close = op.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=settings.equal_nan)
    if bool(close.all()):
        return None
    if not expected.form.ndim:
        # The numbers as the wider type holds them.
        wide = op.sub(*map(_widened, (actual, expected))).abs().item()
        size = _widened(expected).abs().item()
        relative = _quotient(wide, size)
        return _scalar_text(actual.item(), expected.item(), wide, relative, rtol, atol)
    return _tensor_text(_widened(actual), _widened(expected), close, rtol, atol)


def _widened(tensor: Tensor) -> Tensor:
    """A tensor of a dtype in which differences of its values exist."""
    kind = tensor.form.dtype
    return tensor if kind.is_floating_point or kind.is_complex else tensor.to(dtypes.int64)


def _quotient(difference: float, size: float) -> float:
    if size:
        return difference / size
    return math.nan if difference == 0 else math.inf


def _tensor_text(actual: Tensor, expected: Tensor, close: Tensor, rtol: float, atol: float) -> str:
    strict = rtol == 0 and atol == 0
    count, wrong = close.numel(), int(close.numel() - close.sum())
    absolute = (actual - expected).abs()
    relative = absolute / expected.abs()
    lines = [
        f"Tensor-likes are not {'equal' if strict else 'close'}!\n",
        f"Mismatched elements: {wrong} / {count} ({wrong / count:.1%})",
    ]
    for word, differences, tolerance in (
        ("absolute", absolute, atol), ("relative", relative, rtol)
    ):  # fmt: skip
        # What is close does not count, whatever its quotient.
        counted = differences.masked_fill(close, 0).flatten()
        at = int(counted.argmax())
        place = tuple(int(k) for k in np.unravel_index(at, tuple(actual.shape)))
        lines.append(
            f"Greatest {word} difference: {counted[at].item()} at index {place}"
            f"{_allowed(tolerance, strict)}"
        )
    return "\n".join(lines)
