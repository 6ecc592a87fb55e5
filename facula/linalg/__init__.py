"""torch.linalg: the records whose names begin with `linalg_`, without that beginning."""

from typing import Any

from facula.errors import LinAlgError
from facula.ops import namespace

_FUNCTIONS = namespace("linalg")


def __getattr__(name: str) -> Any:
    try:
        function = globals()[name] = _FUNCTIONS[name]
        return function
    except KeyError:
        raise AttributeError(f"module 'facula.linalg' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*globals(), *_FUNCTIONS])


__all__ = ["LinAlgError"]
