"""torch.accelerator: the one kind of accelerator of a machine, of which there is none here."""

from typing import NoReturn

from facula.meta.device import device

NONE = "Cannot access accelerator device when none is available."


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> device | None:
    """None: there is no accelerator."""
    return None


def current_device_index() -> NoReturn:
    """Raises: there is no device."""
    raise RuntimeError(NONE)


def set_device_index(device: object, /) -> NoReturn:
    """Raises: there is no device."""
    raise RuntimeError(NONE)


def synchronize(device: object = None, /) -> NoReturn:
    """Raises: there is no device."""
    raise RuntimeError(NONE)


def empty_cache() -> NoReturn:
    """Raises: there is no device."""
    raise RuntimeError(NONE)
