"""Reads idx files, the format of MNIST and its relatives, plain or gzipped.

Header, sizes and the end of the file are checked; nothing is read that the header does not
announce. Format: two zero bytes, a type code, the number of dimensions, each dimension as a
big-endian 32-bit number, then the elements (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import re
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from facula.vision.datasets.fashion_sample import FASHION_CLASSES
from facula.vision.datasets.image_data import ImageData, ImageSet, hold_out
from facula.vision.error import DataError, reason

_UNSIGNED_BYTE = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
# Sixty times MNIST. A header that announces more is a damaged one, or a trap for the memory.
_MOST_BYTES = 1 << 32
_KINDS = {1: "labels", 3: "images"}

# "train-images-idx3-ubyte", also with the dot that some archives put before idx3.
_NAME = re.compile(r"(?P<role>train|t10k|test)-(?P<kind>images|labels)[-.]idx\d-ubyte(\.gz)?")


def read_idx(path: Path, ndim: int) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an idx file, plain or gzipped, which must have `ndim`
    dimensions.

    Raises DataError for a file that is missing, damaged or of another kind.

    >>> import facula as torch
    >>> import tempfile
    >>> from pathlib import Path
    >>> from facula.vision.datasets import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    ...     read_idx(path, 1).tolist()
    [7, 9]
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not packed:
                return _read(raw, path, ndim)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _read(stream, path, ndim)
    except EOFError as error:
        raise DataError(f"{path}: the gzipped file is cut off before its end") from error
    except (OSError, zlib.error) as error:
        raise DataError(f"{path}: {reason(error)}") from error


def _read(stream: BinaryIO | gzip.GzipFile, path: Path, ndim: int) -> NDArray[np.uint8]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"{path}: not an idx file, it begins with {magic!r}")
    if magic[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{path}: expected an idx file of unsigned bytes (type 0x08), got type {magic[2]:#04x}"
        )
    if magic[3] != ndim:
        raise DataError(
            f"{path}: expected {_KINDS.get(ndim, 'data')} in {ndim} dimensions, got {magic[3]}"
        )
    header = stream.read(4 * ndim)
    if len(header) < 4 * ndim:
        raise DataError(f"{path}: cut off inside its header")
    shape = tuple(np.frombuffer(header, dtype=">u4").tolist())
    size = int(np.prod(np.array(shape, dtype=object)))
    told = " x ".join(str(length) for length in shape)
    if size == 0 or size > _MOST_BYTES:
        raise DataError(f"{path}: its header announces {told} elements, which cannot be right")
    body = _read_at_most(stream, size + 1)
    if len(body) < size:
        raise DataError(
            f"{path}: cut off: its header announces {told} = {size:,} bytes,"
            f" only {len(body):,} follow"
        )
    if len(body) > size:
        raise DataError(f"{path}: goes on after the {told} = {size:,} bytes its header announces")
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)


def _read_at_most(stream: BinaryIO | gzip.GzipFile, size: int) -> bytes:
    """Up to `size` bytes, in pieces: a header that lies costs no more memory than the file has."""
    pieces: list[bytes] = []
    left = size
    while left and (piece := stream.read(min(left, _CHUNK))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def find_idx_files(folder: Path) -> dict[tuple[str, str], Path]:
    """The folder's idx files by ("train" or "test", "images" or "labels"); empty if it has none.

    Where a file is there plain and gzipped, the plain one is taken.
    """
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match:
            role = "train" if match["role"] == "train" else "test"
            found.setdefault((role, match["kind"]), path)
    return found


def load_idx_folder(folder: Path) -> ImageData:
    """The collection in a folder of MNIST-style idx files (train-images-idx3-ubyte, ...).

    Without test files, every fifth training image of each class is held out. Raises DataError for
    files that are missing, damaged or do not fit together.

    >>> import facula as torch
    >>> import tempfile
    >>> from pathlib import Path
    >>> from facula.vision.datasets import load_idx_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2]) + bytes(range(8))
    ...     _ = Path(folder, "train-images-idx3-ubyte").write_bytes(image)
    ...     label = bytes([0, 0, 8, 1, 0, 0, 0, 4, 3, 3, 5, 5])
    ...     _ = Path(folder, "train-labels-idx1-ubyte").write_bytes(label)
    ...     data = load_idx_folder(Path(folder))
    >>> data.classes, data.train.images.tolist(), data.size
    (('3', '5'), [[[0, 1]], [[4, 5]]], (1, 2))
    """
    found = find_idx_files(folder)
    train = _load_pair(folder, found, "train")
    values = np.unique(train.labels)
    classes = _class_names(folder, values)
    if ("test", "images") in found or ("test", "labels") in found:
        test = _load_pair(folder, found, "test")
        _check_alike(found, train, test)
        return ImageData(
            folder.resolve().name, classes, _number(train, values), _number(test, values)
        )
    train, test = hold_out(_number(train, values), folder, classes)
    remark = "no test files: every fifth training image of each class is held out as test"
    return ImageData(folder.resolve().name, classes, train, test, (remark,))


def _load_pair(folder: Path, found: dict[tuple[str, str], Path], role: str) -> ImageSet:
    for kind in ("images", "labels"):
        if (role, kind) not in found:
            there = ", ".join(path.name for path in found.values()) or "none"
            raise DataError(f"{folder}: no idx file of {role} {kind} (found: {there})")
    images = read_idx(found[role, "images"], 3)
    labels = read_idx(found[role, "labels"], 1)
    if len(images) != len(labels):
        raise DataError(
            f"{found[role, 'labels']}: {len(labels):,} labels, but"
            f" {found[role, 'images'].name} has {len(images):,} images"
        )
    return ImageSet(images, labels.astype(np.int64))


def _check_alike(found: dict[tuple[str, str], Path], train: ImageSet, test: ImageSet) -> None:
    if train.images.shape[1:] != test.images.shape[1:]:
        height, width = train.images.shape[1:]
        other_height, other_width = test.images.shape[1:]
        raise DataError(
            f"{found['test', 'images']}: images of {other_height}x{other_width},"
            f" but the training images are {height}x{width}"
        )
    unknown = np.setdiff1d(test.labels, train.labels)
    if len(unknown):
        raise DataError(
            f"{found['test', 'labels']}: label {unknown[0]} does not occur in the training labels"
        )


def _number(images: ImageSet, values: NDArray[np.int64]) -> ImageSet:
    """The set with each label replaced by its place among the values: some files count from 1."""
    return ImageSet(images.images, np.searchsorted(values, images.labels))


def _class_names(folder: Path, classes: NDArray[np.int64]) -> tuple[str, ...]:
    """The labels as text; Fashion-MNIST, known by its folder's name only, has names for them."""
    place = folder.resolve()
    if "fashion" in f"{place.parent.name}/{place.name}".lower() and len(classes) == 10:
        return FASHION_CLASSES
    return tuple(str(value) for value in classes.tolist())
