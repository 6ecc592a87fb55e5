"""Reading idx files: what is read, and that a damaged or foreign file costs one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from facula.vision.datasets.fashion_sample import FASHION_CLASSES
from facula.vision.datasets.idx import load_idx_folder, read_idx
from facula.vision.error import DataError


def idx(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


IMAGES = np.arange(20 * 4 * 3, dtype=np.uint8).reshape(20, 4, 3)
LABELS = np.arange(20) % 2
WHOLE = idx(IMAGES)
PACKED = gzip.compress(WHOLE, mtime=0)


def write_collection(folder: Path, **files: bytes) -> Path:
    """Files by short name: train_images, train_labels, t10k_images, t10k_labels."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        role, kind = name.split("_")
        ndim = 3 if kind == "images" else 1
        (folder / f"{role}-{kind}-idx{ndim}-ubyte").write_bytes(content)
    return folder


@pytest.mark.parametrize("content", [WHOLE, PACKED], ids=["plain", "gzipped"])
def test_reads_what_was_written(tmp_path, content):
    path = tmp_path / "images"
    path.write_bytes(content)
    assert np.array_equal(read_idx(path, 3), IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an idx file, it begins with b''"),
        (b"<html><body>404</body>", "not an idx file, it begins with b'<htm'"),
        (b"\0\0", "not an idx file"),
        (b"\0\0\x0d\3" + WHOLE[4:], "expected an idx file of unsigned bytes .* got type 0x0d"),
        (idx(LABELS), "expected images in 3 dimensions, got 1"),
        (WHOLE[:9], "cut off inside its header"),
        (WHOLE[:-1], "cut off: its header announces 20 x 4 x 3 = 240 bytes, only 239 follow"),
        (WHOLE + b"\0", "goes on after the 20 x 4 x 3 = 240 bytes"),
        (b"\0\0\x08\3" + b"\xff" * 12, "announces 4294967295 x .* which cannot be right"),
        (b"\0\0\x08\3" + b"\0\0\0\0" + WHOLE[8:], "announces 0 x 4 x 3 elements"),
        (b"\0\0\x08\3\0\0\xff\xff\0\0\0\x40\0\0\0\x40", "only 0 follow"),
        (PACKED[:40], "the gzipped file is cut off before its end"),
        (PACKED[:10] + b"\xff" * 40, "while decompressing data"),
        (PACKED[:-8] + b"\0" * 8, "CRC check failed"),
        (gzip.compress(b"hello"), "not an idx file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damaged_or_foreign_file_is_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_in_its_place(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_idx(tmp_path / "nothing", 3)
    with pytest.raises(DataError, match="Is a directory"):
        read_idx(tmp_path, 3)


def test_folder_with_training_and_test_files(tmp_path):
    folder = write_collection(
        tmp_path,
        train_images=WHOLE,
        train_labels=idx(LABELS),
        t10k_images=gzip.compress(idx(IMAGES[:6])),
        t10k_labels=idx(LABELS[:6]),
    )
    data = load_idx_folder(folder)
    assert (len(data.train), len(data.test)) == (20, 6)
    assert data.size == (4, 3)
    assert data.classes == ("0", "1")
    assert data.train.counts(2) == [10, 10]


def test_plain_file_is_preferred_to_the_gzipped_one(tmp_path):
    folder = write_collection(tmp_path, train_images=WHOLE, train_labels=idx(LABELS))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    assert len(load_idx_folder(folder).train) == 16


def test_names_with_a_dot_are_found(tmp_path):
    (tmp_path / "train-images.idx3-ubyte").write_bytes(WHOLE)
    (tmp_path / "train-labels.idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    assert len(load_idx_folder(tmp_path).train) == 16


def test_without_test_files_every_fifth_of_a_class_is_held_out(tmp_path):
    folder = write_collection(tmp_path, train_images=WHOLE, train_labels=idx(LABELS))
    data = load_idx_folder(folder)
    assert data.test.counts(2) == [2, 2]
    assert np.array_equal(data.test.images, IMAGES[[8, 9, 18, 19]])
    assert "held out" in data.remarks[0]


def test_labels_that_count_from_one(tmp_path):
    folder = write_collection(tmp_path, train_images=WHOLE, train_labels=idx(LABELS + 1))
    data = load_idx_folder(folder)
    assert data.classes == ("1", "2")
    assert set(data.train.labels.tolist()) == {0, 1}


def test_folder_called_fashion_gets_names(tmp_path):
    folder = write_collection(
        tmp_path / "FashionMNIST", train_images=WHOLE, train_labels=idx(np.arange(20) % 10)
    )
    assert load_idx_folder(folder).classes == FASHION_CLASSES


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train_images": WHOLE}, "no idx file of train labels"),
        ({"train_labels": idx(LABELS)}, "no idx file of train images"),
        ({"t10k_images": WHOLE, "t10k_labels": idx(LABELS)}, "no idx file of train images"),
        (
            {"train_images": WHOLE, "train_labels": idx(LABELS[:9])},
            "9 labels, but train-images-idx3-ubyte has 20 images",
        ),
        (
            {"train_images": WHOLE, "train_labels": idx(LABELS), "t10k_images": WHOLE},
            "no idx file of test labels",
        ),
        (
            {
                "train_images": WHOLE,
                "train_labels": idx(LABELS),
                "t10k_images": WHOLE,
                "t10k_labels": idx(LABELS + 4),
            },
            "label 4 does not occur in the training labels",
        ),
        (
            {
                "train_images": WHOLE,
                "train_labels": idx(LABELS),
                "t10k_images": idx(IMAGES.reshape(20, 2, 6)),
                "t10k_labels": idx(LABELS),
            },
            "images of 2x6, but the training images are 4x3",
        ),
        (
            {"train_images": idx(IMAGES[:3]), "train_labels": idx(LABELS[:3])},
            "class 1 has a single image",
        ),
    ],
)
def test_files_that_do_not_belong_together(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        load_idx_folder(write_collection(tmp_path, **files))
