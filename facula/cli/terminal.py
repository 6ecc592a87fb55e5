"""What a run shows: lines of text, a bar that redraws itself, images as half blocks.

On a terminal the bar and the grey levels use control sequences; anywhere else (a file, a pipe,
--plain) only whole lines of text leave this module.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

_REDRAW_SECONDS = 0.1
_LOG_SECONDS = 20.0
# Grey levels of the 256-colour palette, from black to white.
_GREYS = (16, *range(232, 256), 231)
# Characters across a drawn image.
_LEAST_SIDE = 14
_MOST_SIDE = 28
_BAR_LENGTH = 40
_ASCII_GREYS = " .:-=+*#%@"
_MOST_WIDTH = 200


class Terminal:
    """A stream to show things on; `drawing` says whether it can redraw and show grey levels."""

    def __init__(self, stream: TextIO, plain: bool = False) -> None:
        self.stream = stream
        self.drawing = not plain and stream.isatty() and _can_encode(stream, "▀━─·")
        self.width = min(shutil.get_terminal_size().columns, _MOST_WIDTH) if self.drawing else 80
        self._last = 0.0
        self._bar_shown = False

    def say(self, text: str = "") -> None:
        """Prints a line, in place of the bar if there is one."""
        self.clear()
        print(text, file=self.stream, flush=True)

    def clear(self) -> None:
        """Takes the bar away."""
        if self._bar_shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._bar_shown = False

    def start(self) -> None:
        """Lets the time between two drawings begin now."""
        self._last = time.perf_counter()

    def progress(self, title: str, done: int, total: int, told: str = "") -> None:
        """Redraws the bar, or now and then prints a line; mostly does nothing."""
        now = time.perf_counter()
        if now - self._last < (_REDRAW_SECONDS if self.drawing else _LOG_SECONDS):
            return
        self._last = now
        percent = f"{100 * done // total:3d} %"
        if not self.drawing:
            self.say(f"{title} {percent}  {told}".rstrip())
            return
        # Room for the ^C that the terminal echoes: a line that wraps cannot be redrawn.
        room = self.width - 4
        length = max(0, min(_BAR_LENGTH, room - len(f"{title}  {percent}  {told}")))
        filled = length * done // total
        bar = "━" * filled + f"\x1b[38;5;240m{'─' * (length - filled)}\x1b[0m"
        after = f" {percent}  {told}"[: max(0, room - len(title) - 1)]
        self.stream.write(f"\r{title} {bar}{after}\x1b[K")
        self.stream.flush()
        self._bar_shown = True

    def counter(self, title: str) -> Callable[[int, int], None]:
        """A function of (done, total) that shows how far a job is."""
        self.start()

        def count(done: int, total: int) -> None:
            self.progress(title, done, total, f"{done:,} of {total:,}")

        return count

    def bold(self, text: str) -> str:
        """The text in bold where that can be shown."""
        return f"\x1b[1m{text}\x1b[0m" if self.drawing else text

    def faint(self, text: str) -> str:
        """The text in grey where that can be shown."""
        return f"\x1b[38;5;245m{text}\x1b[0m" if self.drawing else text

    def shaded(self, text: str, share: float) -> str:
        """The text on a ground that is the redder the larger the share, from 0 to 1."""
        if not self.drawing or share < 0.02:
            return text
        # Reds of the 6x6x6 colour cube, from dark to light.
        ground = (52, 88, 124, 160, 196)[min(4, int(share * 15))]
        return f"\x1b[48;5;{ground};38;5;255m{text}\x1b[0m"

    def show_images(self, images: Sequence[NDArray[np.uint8]], captions: Sequence[str]) -> None:
        """Draws the images in at most two rows, each with its caption below."""
        most = max(1, (self.width + 2) // (_LEAST_SIDE + 2))
        rows = 1 if len(images) <= most else 2
        across = min(most, -(-len(images) // rows))
        side = min(_MOST_SIDE, (self.width + 2) // across - 2)
        for start in range(0, min(len(images), rows * across), across):
            if start:
                self.say()
            row = slice(start, start + across)
            drawn = [self._draw(image, side) for image in images[row]]
            for pieces in zip(*drawn, strict=True):
                self.say("  ".join(pieces).rstrip(" "))
            cut = (caption[:side].center(side) for caption in captions[row])
            self.say("  ".join(cut).rstrip())

    def _draw(self, image: NDArray[np.uint8], width: int) -> list[str]:
        """The image as lines of `width` characters, each two pixels high."""
        height = max(1, round(width * image.shape[0] / image.shape[1] / 2))
        if self.drawing:
            levels = _levels(average(image, 2 * height, width), len(_GREYS))
            return [_half_blocks(upper, lower) for upper, lower in levels.reshape(height, 2, -1)]
        levels = _levels(average(image, height, width), len(_ASCII_GREYS))
        return ["".join(_ASCII_GREYS[level] for level in row) for row in levels]


def average(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float64]:
    """The image brought to another size, each new pixel the mean of what it covers."""
    return _cover(image.shape[0], height) @ image @ _cover(image.shape[1], width).T


def _cover(old: int, new: int) -> NDArray[np.float64]:
    """Shares (new, old): how much of each old pixel lies in each new one, rows summing to 1."""
    edges = np.arange(new + 1)[:, None] * old / new
    before = np.clip(edges - np.arange(old), 0, 1)  # (new + 1, old)
    shares = np.diff(before, axis=0)
    return shares / shares.sum(axis=1, keepdims=True)


def _levels(image: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The grey levels from 0 to 255 as numbers from 0 to count - 1."""
    return (image * (count - 1) / 255).round().astype(np.intp)


def _half_blocks(upper: NDArray[np.intp], lower: NDArray[np.intp]) -> str:
    """One line of characters whose halves show two rows of grey levels."""
    text = ""
    before = None
    for pair in zip(upper.tolist(), lower.tolist(), strict=True):
        if pair != before:
            text += f"\x1b[38;5;{_GREYS[pair[0]]};48;5;{_GREYS[pair[1]]}m"
            before = pair
        text += "▀"
    return text + "\x1b[0m"


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
