"""torch.accelerator: the one kind of accelerator of a machine, of which there is none here."""

from typing import NoReturn

from facula.meta.device import device

NONE = "Cannot access accelerator device when none is available."


def is_available() -> bool:
    """False: there is no accelerator.

    >>> import facula as torch
    >>> torch.accelerator.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: there is no accelerator.

    >>> import facula as torch
    >>> torch.accelerator.device_count()
    0
    """
    return 0


def current_accelerator(check_available: bool = False) -> device | None:
    """None: there is no accelerator.

    >>> import facula as torch
    >>> print(torch.accelerator.current_accelerator())
    None
    """
    return None


def current_device_index() -> NoReturn:
    """Raises RuntimeError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.accelerator.current_device_index()
    ... except RuntimeError:
    ...     print("no accelerator")
    no accelerator
    """
    raise RuntimeError(NONE)


def set_device_index(device: object, /) -> NoReturn:
    """Raises RuntimeError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.accelerator.set_device_index(0)
    ... except RuntimeError:
    ...     print("no accelerator")
    no accelerator
    """
    raise RuntimeError(NONE)


def synchronize(device: object = None, /) -> NoReturn:
    """Raises RuntimeError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.accelerator.synchronize()
    ... except RuntimeError:
    ...     print("no accelerator")
    no accelerator
    """
    raise RuntimeError(NONE)


def empty_cache() -> NoReturn:
    """Raises RuntimeError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.accelerator.empty_cache()
    ... except RuntimeError:
    ...     print("no accelerator")
    no accelerator
    """
    raise RuntimeError(NONE)
