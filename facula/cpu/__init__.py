"""torch.cpu: the one device there is, asked as the others are."""

from typing import Any


def is_available() -> bool:
    """True: there is a CPU.

    >>> import facula as torch
    >>> torch.cpu.is_available()
    True
    """
    return True


def is_initialized() -> bool:
    """True: the CPU needs no preparation.

    >>> import facula as torch
    >>> torch.cpu.is_initialized()
    True
    """
    return True


def device_count() -> int:
    """1: all cores count as one device.

    >>> import facula as torch
    >>> torch.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """The name of the device.

    >>> import facula as torch
    >>> torch.cpu.current_device()
    'cpu'
    """
    return "cpu"


def set_device(device: Any) -> None:
    """Does nothing: there is one CPU.

    >>> import facula as torch
    >>> torch.cpu.set_device(0)
    """


def synchronize(device: Any = None) -> None:
    """Does nothing: work on the CPU is done when a call returns.

    >>> import facula as torch
    >>> torch.cpu.synchronize()
    """


def current_stream(device: Any = None) -> "Stream":
    """The queue of the CPU's work, which is always empty.

    >>> import facula as torch
    >>> type(torch.cpu.current_stream()).__name__
    'Stream'
    """
    return Stream()


class Stream:
    """A queue of work that is done at once.

    >>> import facula as torch
    >>> torch.cpu.Stream().wait_stream(torch.cpu.current_stream())
    """

    def __init__(self, priority: int = -1) -> None:
        self.priority = priority

    def wait_stream(self, stream: "Stream") -> None:
        """Nothing to wait for."""


class stream:
    """The current stream of a `with` block; it changes nothing.

    >>> import facula as torch
    >>> with torch.cpu.stream(torch.cpu.current_stream()):
    ...     print(torch.zeros(1))
    tensor([0.])
    """

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass
