"""torch.fft: the records whose names begin with `fft_`, without that beginning."""

from typing import Any

from facula.ops import namespace

_FUNCTIONS = namespace("fft")


def __getattr__(name: str) -> Any:
    try:
        function = globals()[name] = _FUNCTIONS[name]
        return function
    except KeyError:
        raise AttributeError(f"module 'facula.fft' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*globals(), *_FUNCTIONS])
