"""torch.mtia: there is no such device."""


def is_available() -> bool:
    """False: there is no such device.

    >>> import facula as torch
    >>> torch.mtia.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: there is no such device.

    >>> import facula as torch
    >>> torch.mtia.device_count()
    0
    """
    return 0


def is_initialized() -> bool:
    """False: there is no such device.

    >>> import facula as torch
    >>> torch.mtia.is_initialized()
    False
    """
    return False
