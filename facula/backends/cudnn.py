"""torch.backends.cudnn: the library is not there; its switches are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

enabled = True
benchmark = False
benchmark_limit: int | None = None
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False."""
    return False


def version() -> int | None:
    """None."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """False: tensors are on the CPU."""
    return False


def set_flags(**changes: Any) -> dict[str, Any]:
    """Sets switches by name; returns what they were."""
    switches = globals()
    known = {"enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32"}
    for name in changes:
        if name not in known:
            raise TypeError(f"set_flags() got an unexpected keyword argument '{name}'")
    before = {name: switches[name] for name in changes}
    switches.update(changes)
    return before


@contextmanager
def flags(**changes: Any) -> Iterator[None]:
    """Switches by name for the length of a `with` block."""
    before = set_flags(**changes)
    try:
        yield
    finally:
        set_flags(**before)
