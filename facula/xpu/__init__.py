"""torch.xpu: there is no Intel GPU."""

from typing import NoReturn


def is_available() -> bool:
    """False: there is no Intel GPU.

    >>> import facula as torch
    >>> torch.xpu.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: there is no Intel GPU.

    >>> import facula as torch
    >>> torch.xpu.device_count()
    0
    """
    return 0


def is_initialized() -> bool:
    """False: there is no device.

    >>> import facula as torch
    >>> torch.xpu.is_initialized()
    False
    """
    return False


def empty_cache() -> None:
    """Does nothing: no GPU memory is held.

    >>> import facula as torch
    >>> torch.xpu.empty_cache()
    """


def manual_seed(seed: int) -> None:
    """Seeds the generator of the device, as soon as there is one.

    >>> import facula as torch
    >>> torch.xpu.manual_seed(0)
    """
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all devices, of which there are none.

    >>> import facula as torch
    >>> torch.xpu.manual_seed_all(0)
    """
    int(seed)


def synchronize(device: object = None) -> NoReturn:
    """Raises AssertionError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.xpu.synchronize()
    ... except AssertionError as error:
    ...     print(error)
    Torch not compiled with XPU enabled
    """
    raise AssertionError("Torch not compiled with XPU enabled")


def current_device() -> NoReturn:
    """Raises AssertionError: there is no device.

    >>> import facula as torch
    >>> try:
    ...     torch.xpu.current_device()
    ... except AssertionError as error:
    ...     print(error)
    Torch not compiled with XPU enabled
    """
    raise AssertionError("Torch not compiled with XPU enabled")
