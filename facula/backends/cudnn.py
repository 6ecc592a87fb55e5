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
    """False: the library is not there.

    >>> import facula as torch
    >>> torch.backends.cudnn.is_available()
    False
    """
    return False


def version() -> int | None:
    """None: the library is not there.

    >>> import facula as torch
    >>> print(torch.backends.cudnn.version())
    None
    """
    return None


def is_acceptable(tensor: Any) -> bool:
    """False: tensors are on the CPU.

    >>> import facula as torch
    >>> torch.backends.cudnn.is_acceptable(torch.zeros(1))
    False
    """
    return False


def set_flags(**changes: Any) -> dict[str, Any]:
    """Sets switches by name; returns what they were.

    Raises TypeError for a name that is none. Differs from torch, which takes switches by place and
    returns a tuple.

    >>> import facula as torch
    >>> before = torch.backends.cudnn.set_flags(benchmark=True)
    >>> torch.backends.cudnn.benchmark
    True
    >>> _ = torch.backends.cudnn.set_flags(**before)
    """
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
    """Switches by name for the length of a `with` block. Raises TypeError for a name that is none.

    >>> import facula as torch
    >>> with torch.backends.cudnn.flags(enabled=False):
    ...     print(torch.backends.cudnn.enabled)
    False
    >>> torch.backends.cudnn.enabled
    True
    """
    before = set_flags(**changes)
    try:
        yield
    finally:
        set_flags(**before)
