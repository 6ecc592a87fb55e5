"""torch.mps: there is no Apple GPU."""

from typing import NoReturn


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Seeds the generator of the device, as soon as there is one."""
    int(seed)


def synchronize() -> NoReturn:
    """Raises: there is no device."""
    raise RuntimeError("PyTorch is not linked with support for mps devices")


def empty_cache() -> NoReturn:
    """Raises: there is no device."""
    raise RuntimeError("PyTorch is not linked with support for mps devices")
