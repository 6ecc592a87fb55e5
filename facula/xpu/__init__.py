"""torch.xpu: there is no Intel GPU."""

from typing import NoReturn


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def is_initialized() -> bool:
    """False."""
    return False


def empty_cache() -> None:
    """Does nothing: no GPU memory is held."""


def manual_seed(seed: int) -> None:
    """Seeds the generator of the current device, as soon as there is one."""
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all devices, of which there are none."""
    int(seed)


def synchronize(device: object = None) -> NoReturn:
    """Raises: there is no device."""
    raise AssertionError("Torch not compiled with XPU enabled")


def current_device() -> NoReturn:
    """Raises: there is no device."""
    raise AssertionError("Torch not compiled with XPU enabled")
