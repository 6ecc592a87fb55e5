"""From what the user names to tensors: finds the reader, prepares all images once.

Images become one float32 tensor (N, 1, height, width) a set, with mean 0 and deviation 1 over the
training set.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import facula
from facula.cli.error import CommandError
from facula.cli.terminal import Terminal
from facula.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset
from facula.vision.datasets import (
    ImageData,
    ImageSet,
    load_fashion_sample,
    load_idx_folder,
    load_image_folder,
)
from facula.vision.datasets.idx import find_idx_files
from facula.vision.error import DataError

# Two 3x3 convolutions and one halving leave nothing of less.
_SMALLEST_SIDE = 8
_TEST_BATCH = 250


@dataclass(frozen=True, slots=True)
class Scale:
    """How grey levels become network inputs: (level / 255 - mean) / deviation."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, images: NDArray[np.uint8]) -> "Scale":
        """The scale that gives these images mean 0 and deviation 1."""
        # From the counts of the 256 levels: exact, and no array of floats is made.
        counts = np.bincount(images.ravel(), minlength=256)
        levels = np.arange(256) / 255
        mean = float(counts @ levels) / images.size
        variance = float(counts @ (levels - mean) ** 2) / images.size
        return cls(mean, max(variance**0.5, 1e-3))

    def apply(self, images: NDArray[np.uint8]) -> facula.Tensor:
        """The images (N, height, width) as a float32 tensor (N, 1, height, width)."""
        levels = (np.arange(256) / 255 - self.mean) / self.deviation
        return facula.from_numpy(levels.astype(np.float32)[images[:, None]])


@dataclass(frozen=True, slots=True)
class Prepared:
    """Both sets as tensors, ready for training."""

    train: TensorDataset
    test: TensorDataset

    def training_batches(self, size: int) -> DataLoader:
        """The training set once, shuffled by the global generator."""
        # The sampler hands out whole lists of places, so that one indexing makes a batch.
        order = BatchSampler(RandomSampler(self.train), batch_size=size, drop_last=False)
        return DataLoader(self.train, sampler=order, batch_size=None)

    def test_batches(self) -> Iterator[tuple[facula.Tensor, facula.Tensor]]:
        """The test set once, in order."""
        images, labels = self.test.tensors
        for start in range(0, len(labels), _TEST_BATCH):
            yield images[start : start + _TEST_BATCH], labels[start : start + _TEST_BATCH]


def prepare(data: ImageData, scale: Scale) -> Prepared:
    """The collection's images and labels as tensors."""

    def tensors(part: ImageSet) -> TensorDataset:
        return TensorDataset(scale.apply(part.images), facula.from_numpy(part.labels))

    return Prepared(tensors(data.train), tensors(data.test))


def load_data(folder: str | None, side: int | None, terminal: Terminal) -> ImageData:
    """The collection in the folder, or the embedded sample; `side` is for pictures only."""
    data = _read(folder, side, terminal)
    if len(data.classes) < 2:
        raise CommandError(f"{folder}: all images are of the one class {data.classes[0]}")
    if min(data.size) < _SMALLEST_SIDE:
        height, width = data.size
        raise CommandError(
            f"{folder}: images of {height}x{width}, expected at least"
            f" {_SMALLEST_SIDE}x{_SMALLEST_SIDE}"
        )
    return data


def _read(folder: str | None, side: int | None, terminal: Terminal) -> ImageData:
    if folder is None:
        if side is not None:
            raise CommandError("--size is for folders of pictures; the embedded sample is 28x28")
        return load_fashion_sample()
    path = Path(folder)
    if not path.is_dir():
        why = "is a file, expected a folder" if path.exists() else "there is no such folder"
        raise CommandError(f"--data {folder}: {why}")
    if find_idx_files(path):
        if side is not None:
            raise CommandError("--size is for folders of pictures; idx files have their own size")
        return load_idx_folder(path)
    side = side or 28
    try:
        return load_image_folder(path, side, side, terminal.counter("reading pictures"))
    finally:
        terminal.clear()


def fingerprint(data: ImageData) -> str:
    """A digest of images, labels and class names: the same data give the same text."""
    digest = hashlib.sha256("\0".join(data.classes).encode("utf-8", "surrogateescape"))
    for part in (data.train, data.test):
        digest.update(str(part.images.shape).encode())
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()


__all__ = ["DataError", "Prepared", "Scale", "fingerprint", "load_data", "prepare"]
