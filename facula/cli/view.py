"""What `facula train` shows beside its bar: the data, a line an epoch, the confusion matrix."""

from collections.abc import Sequence

import numpy as np

from facula.cli.run import Epoch
from facula.cli.terminal import Terminal
from facula.vision.datasets import ImageData, ImageSet

# Beyond so many classes a table is no longer read; what stands out is listed instead.
_MOST_CLASSES = 12
_LISTED = 10
EPOCH_HEADER = "  epoch     loss  accuracy   test loss  test accuracy   seconds   images/s"


def show_data(data: ImageData, terminal: Terminal) -> None:
    """Says what the data are and draws one image of each class."""
    height, width = data.size
    terminal.say(
        f"{terminal.bold(data.name)}: {len(data.train):,} training and {len(data.test):,} test"
        f" images, {height}x{width} grey, {len(data.classes)} classes"
    )
    for remark in data.remarks:
        terminal.say(f"note: {remark}")
    _show_counts(data, terminal)
    terminal.say()
    terminal.show_images(first_images(data.train, len(data.classes)), data.classes)
    terminal.say()


def first_images(images: ImageSet, classes: int) -> list[np.ndarray]:
    """The first image of each class."""
    return [images.images[np.argmax(images.labels == label)] for label in range(classes)]


def _show_counts(data: ImageData, terminal: Terminal) -> None:
    counts = list(zip(data.train.counts(len(data.classes)), data.test.counts(len(data.classes))))
    if len(set(counts)) == 1:
        train, test = counts[0]
        terminal.say(f"each class has {train:,} training and {test:,} test images")
        return
    longest = max(len(name) for name in data.classes)
    for name, (train, test) in list(zip(data.classes, counts))[: 2 * _MOST_CLASSES]:
        terminal.say(f"  {name:{longest}}  {train:7,} training  {test:7,} test")
    if len(counts) > 2 * _MOST_CLASSES:
        terminal.say(f"  and {len(counts) - 2 * _MOST_CLASSES} classes more")


def epoch_line(epoch: Epoch, epochs: int) -> str:
    """The epoch's figures, in the columns of EPOCH_HEADER."""
    return (
        f"{f'{epoch.epoch}/{epochs}':>7} {epoch.loss:8.4f} {100 * epoch.accuracy:7.2f} %"
        f" {epoch.test_loss:11.4f} {100 * epoch.test_accuracy:12.2f} %"
        f" {epoch.seconds:9.1f} {epoch.images_per_second:10,.0f}"
    )


def show_confusion(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], terminal: Terminal
) -> None:
    """Prints the table of true and named classes, or of many classes the worst pairs."""
    if len(classes) > _MOST_CLASSES:
        _show_worst_pairs(confusion, classes, terminal)
        return
    longest = min(16, max(len(name) for name in classes))
    cell = max(5, len(str(max(max(row) for row in confusion))) + 2)
    heads = "".join(f"{label:{cell}}" for label in range(len(classes)))
    terminal.say("the test images of each class, and which class the network named them")
    terminal.say(terminal.faint(f"{'':{longest + 3}}{heads}    right"))
    for label, row in enumerate(confusion):
        total = max(1, sum(row))
        cells = "".join(
            terminal.bold(f"{count:{cell}}")
            if named == label
            else terminal.shaded(f"{count if count else '·':>{cell}}", count / total)
            for named, count in enumerate(row)
        )
        title = f"{label:2} {classes[label][:longest]:{longest}}"
        terminal.say(f"{title}{cells}  {100 * row[label] / total:5.1f} %")


def _show_worst_pairs(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], terminal: Terminal
) -> None:
    pairs = [
        (count, classes[label], classes[named])
        for label, row in enumerate(confusion)
        for named, count in enumerate(row)
        if named != label and count
    ]
    terminal.say("most frequent mistakes on the test images")
    for count, true, named in sorted(pairs, reverse=True)[:_LISTED]:
        terminal.say(f"{count:6,}  {true} named {named}")
