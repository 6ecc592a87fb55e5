"""What every reader returns: grey images and labels in two sets, the names of the classes.

Knows no file format. Arrays are NumPy's; the caller makes tensors of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facula.vision.error import DataError

# Of a collection without a test set, every fifth image of each class is held out.
HELD_OUT = 5


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Grey images (N, height, width) of uint8, 0 black and 255 white, and their classes (N,) of
    int64.

    >>> import facula as torch
    >>> import numpy as np
    >>> from facula.vision.datasets import ImageSet
    >>> images = ImageSet(np.zeros((3, 2, 2), np.uint8), np.array([0, 1, 1]))
    >>> len(images), images.counts(2)
    (3, [1, 2])
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self, classes: int) -> list[int]:
        """How many images each class has.

        >>> import facula as torch
        >>> import numpy as np
        >>> from facula.vision.datasets import ImageSet
        >>> ImageSet(np.zeros((3, 2, 2), np.uint8), np.array([0, 1, 1])).counts(3)
        [1, 2, 0]
        """
        return np.bincount(self.labels, minlength=classes).tolist()


@dataclass(frozen=True, slots=True)
class ImageData:
    """A collection: where it comes from, its classes, the images to train on and to test on.

    `size` is the height and width in pixels of every image; `remarks` are sentences a user should
    read, such as how a test set was made.

    >>> import facula as torch
    >>> from facula.vision.datasets import load_fashion_sample
    >>> data = load_fashion_sample()
    >>> data.name, data.size, data.classes[0], len(data.train), data.remarks
    ('Fashion-MNIST sample', (28, 28), 'T-shirt/top', 10000, ())
    """

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    test: ImageSet
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every image."""
        _, height, width = self.train.images.shape
        return height, width


def hold_out(whole: ImageSet, source: Path, classes: Sequence[str]) -> tuple[ImageSet, ImageSet]:
    """The set split in two, each class alike: every fifth image of a class, at least one, is held.

    Raises DataError for a class with a single image.

    >>> import facula as torch
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from facula.vision.datasets import ImageSet, hold_out
    >>> labels = np.array([0] * 10 + [1] * 3)
    >>> train, test = hold_out(ImageSet(np.zeros((13, 1, 1), np.uint8), labels), Path(), "ab")
    >>> train.labels.tolist(), test.labels.tolist()
    ([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 1])
    """
    held = np.zeros(len(whole), dtype=bool)
    for label in np.unique(whole.labels):
        places = np.flatnonzero(whole.labels == label)
        if len(places) < 2:
            raise DataError(
                f"{source}: class {classes[label]} has a single image, none can be held out to test"
            )
        chosen = places[HELD_OUT - 1 :: HELD_OUT] if len(places) >= HELD_OUT else places[-1:]
        held[chosen] = True
    return (
        ImageSet(whole.images[~held], whole.labels[~held]),
        ImageSet(whole.images[held], whole.labels[held]),
    )
