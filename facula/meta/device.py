"""Where a tensor lives, as a value: device("cuda:1"). No driver is asked whether it exists."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

# Types that PyTorch names; which of them can hold tensors is for the backends to say.
TYPES = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga",
    "maia", "xla", "lazy", "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip

_STRING = re.compile(r"([a-z_]+)(?::(0|[1-9][0-9]*))?", re.ASCII)


class device:
    """A kind of machine and, unless it is the current one, its number.

    A value: no driver is asked whether it exists. Raises RuntimeError for a text that names none.

    >>> import facula as torch
    >>> torch.device("cuda:1"), str(torch.device("cpu"))
    (device(type='cuda', index=1), 'cpu')
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: "str | device | int", index: int | None = None) -> None:
        name, number = _parse(type, index)
        object.__setattr__(self, "type", name)
        object.__setattr__(self, "index", number)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __repr__(self) -> str:
        number = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{number})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple[object, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> "device":
        """The place of tensors made in a `with` block."""
        return check_cpu(self)

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that makes its tensors here."""

        @wraps(function)
        def placed(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return placed


def check_cpu(where: "str | device | int") -> device:
    """The device if tensors can be there, which is on the CPU; else PyTorch's error."""
    found = where if isinstance(where, device) else device(where)
    if found.type in ("cuda", "xpu"):
        raise AssertionError(f"Torch not compiled with {found.type.upper()} enabled")
    if found.type in ("mps", "ipu"):
        raise RuntimeError(f"PyTorch is not linked with support for {found.type} devices")
    if found.type != "cpu":
        raise NotImplementedError(f"Could not run on device '{found}': facula has 'cpu' here")
    return found


def _parse(given: "str | device | int", index: int | None) -> tuple[str, int | None]:
    if isinstance(given, device) and index is None:
        return given.type, given.index
    if isinstance(given, int) and not isinstance(given, bool) and index is None:
        # A bare number means the accelerator of that number.
        _checked(given)
        raise RuntimeError("Cannot access accelerator device when none is available.")
    if not isinstance(given, str):
        raise TypeError(
            "device() received an invalid combination of arguments - got "
            f"({type(given).__name__}{'' if index is None else ', ' + type(index).__name__}), but "
            "expected one of:\n * (torch.device device)\n * (str type, int index = -1)\n"
        )
    name, number = _from_string(given)
    if index is None:
        return name, number
    if number is not None:
        raise RuntimeError(
            f"type (string) must not include an index because index was passed explicitly: {given}"
        )
    return name, _checked(index)


def _checked(index: int) -> int:
    if index < 0:
        raise RuntimeError("Device index must not be negative")
    return index


def _from_string(text: str) -> tuple[str, int | None]:
    if not text:
        raise RuntimeError("Device string must not be empty")
    kind = text.partition(":")[0]
    matched = _STRING.fullmatch(text)
    if matched is None and (kind in TYPES or not kind.isalpha()):
        raise RuntimeError(f"Invalid device string: '{text}'")
    if matched is None or kind not in TYPES:
        raise RuntimeError(
            f"Expected one of {', '.join(TYPES)} device type at start of device string: {kind}"
        )
    return kind, None if matched[2] is None else int(matched[2])


CPU = device("cpu")
