"""Reads a folder of pictures, one sub-folder a class, into grey images of one size.

`train/` and `test/` (or `val/`) inside the folder are honoured; without them every fifth picture
of each class is held out. Pictures are found in deeper sub-folders too, in the order of their
names, so that the same folder always gives the same arrays.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facula.vision.datasets.image_data import ImageData, ImageSet, hold_out
from facula.vision.error import DataError, reason
from facula.vision.io.image import read_grey

_SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
# The first one there is the test set.
_TEST_NAMES = ("test", "val", "valid", "validation")

Progress = Callable[[int, int], None]


def load_image_folder(
    folder: Path, height: int = 28, width: int = 28, progress: Progress | None = None
) -> ImageData:
    """The collection in a folder with one sub-folder of pictures a class, resized to height x
    width.

    `train/` and `test/` (or `val/`) inside are honoured, else every fifth picture of each class is
    held out. `progress(done, total)` is called as pictures are read. Raises DataError for fewer
    than two classes, a class without a picture, or a picture that cannot be read.

    >>> import facula as torch
    >>> import tempfile
    >>> from pathlib import Path
    >>> from facula.vision.datasets import load_image_folder
    >>> picture = b"P5 2 1 255 " + bytes([0, 255])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         Path(folder, name).mkdir()
    ...         for number in ("1.pgm", "2.pgm"):
    ...             _ = Path(folder, name, number).write_bytes(picture)
    ...     data = load_image_folder(Path(folder), 1, 2)
    >>> data.classes, data.train.images.tolist()
    (('cat', 'dog'), [[[0, 255]], [[0, 255]]])
    """
    train_folder, test_folder = _find_parts(folder)
    classes = _class_names(train_folder)
    listed = [_list_training(train_folder, classes)]
    if test_folder is not None:
        listed.append(_list_test(test_folder, classes))
    total = sum(len(pictures) for pictures, _ in listed)
    reader = _Reader(height, width, total, progress)
    sets = [reader.read(pictures, labels) for pictures, labels in listed]
    remarks: tuple[str, ...] = ()
    if test_folder is None:
        sets = list(hold_out(sets[0], train_folder, classes))
        remarks = ("no test folder: every fifth picture of each class is held out as test",)
    return ImageData(folder.resolve().name, classes, sets[0], sets[1], remarks)


def _find_parts(folder: Path) -> tuple[Path, Path | None]:
    """The folders of the training and of the test classes; None if there is only one folder."""
    train = folder / "train"
    # A folder `train` full of pictures is a class, beside `bus` and `ship`.
    if not train.is_dir() or not _sub_folders(train):
        return folder, None
    for name in _TEST_NAMES:
        if (folder / name).is_dir():
            return train, folder / name
    return train, None


def _sub_folders(folder: Path) -> list[str]:
    """The names of the folders inside, in order; not the hidden ones and not __MACOSX."""
    try:
        return sorted(
            entry.name
            for entry in folder.iterdir()
            if entry.is_dir() and not entry.name.startswith((".", "__"))
        )
    except OSError as error:
        raise DataError(f"{folder}: {reason(error)}") from error


def _class_names(folder: Path) -> tuple[str, ...]:
    names = _sub_folders(folder)
    if len(names) < 2:
        there = f"only {names[0]}" if names else "none"
        raise DataError(
            f"{folder}: expected idx files (train-images-idx3-ubyte, ...) or"
            f" a sub-folder of pictures for each of two or more classes, found {there}"
        )
    return tuple(names)


def _list_training(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    pictures, labels = _list_pictures(folder, classes)
    missing = sorted(set(range(len(classes))) - set(labels))
    if missing:
        raise DataError(f"{folder / classes[missing[0]]}: a class without a picture")
    return pictures, labels


def _list_test(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    unknown = sorted(set(_sub_folders(folder)) - set(classes))
    if unknown:
        raise DataError(f"{folder / unknown[0]}: a class that the training folder lacks")
    pictures, labels = _list_pictures(folder, classes)
    if not pictures:
        raise DataError(f"{folder}: no picture in a sub-folder named as a training class")
    return pictures, labels


def _list_pictures(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    pictures: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        inside = sorted(_pictures_under(folder / name))
        pictures += inside
        labels += [label] * len(inside)
    return pictures, labels


def _pictures_under(folder: Path) -> Iterator[Path]:
    for place, _, files in os.walk(folder):
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES:
                yield Path(place, name)


class _Reader:
    """Decodes pictures in threads (Pillow lets go of the interpreter lock) and counts them."""

    def __init__(self, height: int, width: int, total: int, progress: Progress | None) -> None:
        self.height = height
        self.width = width
        self.total = total
        self.done = 0
        self.progress = progress

    def read(self, pictures: list[Path], labels: list[int]) -> ImageSet:
        images = np.empty((len(pictures), self.height, self.width), dtype=np.uint8)
        with ThreadPoolExecutor() as pool:
            try:
                for place, image in enumerate(pool.map(self._read_one, pictures)):
                    images[place] = image
                    self._count()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return ImageSet(images, np.array(labels, dtype=np.int64))

    def _read_one(self, path: Path) -> NDArray[np.uint8]:
        return read_grey(path, self.height, self.width)

    def _count(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)
