"""torch.mps: there is no Apple GPU."""

from typing import NoReturn


def is_available() -> bool:
    """False: there is no Apple GPU.

    >>> import facula as torch
    >>> torch.mps.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: there is no Apple GPU.

    >>> import facula as torch
    >>> torch.mps.device_count()
    0
    """
    return 0


def manual_seed(seed: int) -> None:
    """Seeds the generator of the device, as soon as there is one.

    >>> import facula as torch
    >>> torch.mps.manual_seed(0)
    """
    int(seed)


def synchronize() -> NoReturn:
    """Raises RuntimeError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.mps.synchronize()
    ... except RuntimeError as error:
    ...     print("no device")
    no device
    """
    raise RuntimeError("PyTorch is not linked with support for mps devices")


def empty_cache() -> NoReturn:
    """Raises RuntimeError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.mps.empty_cache()
    ... except RuntimeError as error:
    ...     print("no device")
    no device
    """
    raise RuntimeError("PyTorch is not linked with support for mps devices")
