"""The embedded sample of Fashion-MNIST: 10,000 training and 2,000 test images, classes balanced.

`data/fashion_mnist_sample.xz`, written by tools/pack_sample.py, is an xz stream: the labels of
training and test images, one byte each, then the images, 784 bytes each. Fashion-MNIST is by
Zalando SE, MIT licence, see data/fashion_mnist_LICENSE.
"""

from importlib import resources

import numpy as np

from facula.vision.datasets.image_data import ImageData, ImageSet
from facula.vision.error import DataError, reason

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SAMPLE_FILE = "fashion_mnist_sample.xz"
TRAIN_IMAGES = 10_000
TEST_IMAGES = 2_000
SIDE = 28


def load_fashion_sample() -> ImageData:
    """The sample of Fashion-MNIST that comes with facula: 28 x 28 pixels, 10 classes; no download.

    Raises DataError where Python lacks lzma or the file is damaged. Xiao et al., arXiv 1708.07747.

    >>> import facula as torch
    >>> from facula.vision.datasets import load_fashion_sample
    >>> data = load_fashion_sample()
    >>> len(data.train), len(data.test), data.classes[9]
    (10000, 2000, 'Ankle boot')
    """
    try:
        import lzma  # a Python built without liblzma lacks it
    except ImportError as error:
        raise DataError(
            "this Python was built without lzma, which unpacks the embedded sample; use --data"
        ) from error
    file = resources.files("facula.vision.datasets") / "data" / SAMPLE_FILE
    try:
        unpacked = np.frombuffer(lzma.decompress(file.read_bytes()), dtype=np.uint8)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataError(f"{file}: {reason(error)}; install facula again") from error
    total = TRAIN_IMAGES + TEST_IMAGES
    if unpacked.size != total * (1 + SIDE * SIDE):
        raise DataError(f"{file}: {unpacked.size:,} bytes are not the sample; install facula again")
    labels = unpacked[:total].astype(np.int64)
    images = unpacked[total:].reshape(total, SIDE, SIDE)
    return ImageData(
        name="Fashion-MNIST sample",
        classes=FASHION_CLASSES,
        train=ImageSet(images[:TRAIN_IMAGES], labels[:TRAIN_IMAGES]),
        test=ImageSet(images[TRAIN_IMAGES:], labels[TRAIN_IMAGES:]),
    )
