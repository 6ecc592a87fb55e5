"""The pictures in a run folder, as PNG: samples, curves, confusion matrix.

Matplotlib and Pillow (the extra `cli`) are imported only here and where pictures are read, and
only when a command needs them. Functions return the file's content.
"""

import importlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from facula.cli.error import CommandError, first_line
from facula.cli.run import Epoch
from facula.vision.datasets import ImageData

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE = "#1f5fa8"
_GREY = "#8a8a8a"
_SAMPLES_A_CLASS = 12
_MOST_ROWS = 24
_MOST_NUMBERS = 24
_MOST_NAMES = 60
_LONGEST_NAME = 24


def require() -> None:
    """Raises CommandError if what draws the pictures is not installed."""
    for module, package in (("PIL.Image", "Pillow"), ("matplotlib.figure", "matplotlib")):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise CommandError(
                f"{package} is needed for the pictures of the run folder and cannot be imported"
                f" ({first_line(error)}); install it with: pip install 'facula[cli]'"
            ) from error
    # It announces the making of its font cache, in the middle of the bar.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def samples(data: ImageData) -> bytes:
    """Some training images of each class, a row a class."""
    height, width = data.size
    gap = max(1, height // 14)
    classes = data.classes[:_MOST_ROWS]
    rows = len(classes) * (height + gap) - gap
    sheet = np.full((rows, _SAMPLES_A_CLASS * (width + gap) - gap), 255, dtype=np.uint8)
    for label in range(len(classes)):
        places = np.flatnonzero(data.train.labels == label)[:_SAMPLES_A_CLASS]
        for column, place in enumerate(places):
            top, left = label * (height + gap), column * (width + gap)
            sheet[top : top + height, left : left + width] = data.train.images[place]
    with _style():
        figure = _figure(1.5 + 6.5, 0.5 + 6.5 * rows / sheet.shape[1])
        axes = figure.add_subplot()
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"{data.name}: training images")
        middles = [row * (height + gap) + height / 2 for row in range(len(classes))]
        axes.set_yticks(middles, _short(classes))
        axes.set_xticks([])
        _take_lines_away(axes)
        return _png(figure)


def curves(history: Sequence[Epoch]) -> bytes:
    """Loss and accuracy after each epoch, on training and test images."""
    epochs = [epoch.epoch for epoch in history]
    with _style():
        figure = _figure(9, 3.6)
        loss, accuracy = figure.subplots(1, 2)
        _plot(loss, epochs, [epoch.loss for epoch in history], "training", _GREY)
        _plot(loss, epochs, [epoch.test_loss for epoch in history], "test", _BLUE)
        loss.set_title("loss")
        loss.set_ylim(bottom=0)
        loss.legend(frameon=False)
        _plot(accuracy, epochs, [100 * epoch.accuracy for epoch in history], "training", _GREY)
        _plot(accuracy, epochs, [100 * epoch.test_accuracy for epoch in history], "test", _BLUE)
        accuracy.set_title("accuracy, %")
        last = history[-1]
        accuracy.annotate(
            f"{100 * last.test_accuracy:.1f}",
            (last.epoch, 100 * last.test_accuracy),
            xytext=(6, 0),
            textcoords="offset points",
            color=_BLUE,
            va="center",
        )
        for axes in (loss, accuracy):
            axes.set_xlabel("epoch")
            axes.locator_params(axis="x", integer=True)
            axes.set_xlim(epochs[0] - 0.2, epochs[-1] + 0.2 + 0.06 * len(epochs))
        return _png(figure)


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> bytes:
    """Which class the test images of each class were named, as a share of the true class."""
    matrix = np.array(counts)
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    with _style():
        side = 2.2 + min(10, 0.48 * len(classes))
        figure = _figure(side + 0.4, side)
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        places = range(len(classes))
        if len(classes) <= _MOST_NAMES:
            axes.set_xticks(places, _short(classes), rotation=90 if len(classes) > 12 else 45)
            for label in axes.get_xticklabels():
                label.set(ha="right", va="center", rotation_mode="anchor")
            axes.set_yticks(places, _short(classes))
        if len(classes) <= _MOST_NUMBERS:
            for (row, column), count in np.ndenumerate(matrix):
                color = "white" if shares[row, column] > 0.5 else "black" if count else _GREY
                axes.text(column, row, f"{count}", ha="center", va="center", color=color, size=8)
        axes.set_ylabel("true class")
        axes.set_xlabel("named by the network")
        axes.set_title(f"test images, {100 * np.trace(matrix) / matrix.sum():.2f} % right")
        _take_lines_away(axes)
        return _png(figure)


def _plot(axes: "Axes", epochs: list[int], values: list[float], label: str, color: str) -> None:
    axes.plot(epochs, values, color=color, label=label, marker="o", markersize=4, linewidth=1.8)


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    style = matplotlib.rc_context(
        {
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#e6e6e6",
            "axes.axisbelow": True,
            # A class may be called "$5" or "a_b".
            "text.parse_math": False,
        }
    )
    with style, warnings.catch_warnings():
        # A font without the letters of a class name draws boxes; that is no reason to speak up.
        warnings.simplefilter("ignore")
        yield


def _figure(width: float, height: float) -> "Figure":
    # Not pyplot: that would look for a screen.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _short(names: Sequence[str]) -> list[str]:
    """The names, cut where they would take the room of the picture."""
    return [
        f"{name[: _LONGEST_NAME - 1]}…" if len(name) > _LONGEST_NAME else name for name in names
    ]


def _take_lines_away(axes: "Axes") -> None:
    axes.grid(False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
