"""Ctrl-C, noticed between two batches, where nothing is half done."""

import signal
from types import FrameType, TracebackType


class Interrupt:
    """A context in which Ctrl-C is only noted, until `check` raises KeyboardInterrupt for it.

    A second Ctrl-C does not wait for the check. Were the first to raise wherever the interpreter
    stands, it could get lost in a callback of the garbage collector.
    """

    def __init__(self) -> None:
        self.pressed = False

    def __enter__(self) -> "Interrupt":
        self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raises KeyboardInterrupt if Ctrl-C was pressed."""
        if self.pressed:
            raise KeyboardInterrupt

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
