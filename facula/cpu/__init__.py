"""torch.cpu: the one device there is, asked as the others are."""

from typing import Any


def is_available() -> bool:
    """True."""
    return True


def is_initialized() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """The name of the device."""
    return "cpu"


def set_device(device: Any) -> None:
    """Does nothing: there is one CPU."""


def synchronize(device: Any = None) -> None:
    """Does nothing: work on the CPU is done when a call returns."""


def current_stream(device: Any = None) -> "Stream":
    """The queue of the CPU's work, which is always empty."""
    return Stream()


class Stream:
    """A queue of work that is done at once."""

    def __init__(self, priority: int = -1) -> None:
        self.priority = priority

    def wait_stream(self, stream: "Stream") -> None:
        """Nothing to wait for."""


class stream:
    """The current stream of a `with` block; it changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass
