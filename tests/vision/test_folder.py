"""Reading folders of pictures: splits, classes, and folders that are not what they should be."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facula.vision.datasets.folder import load_image_folder
from facula.vision.error import DataError


def write_picture(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (10, 10), level).save(path)


def write_class(folder: Path, name: str, levels: range) -> None:
    for level in levels:
        write_picture(folder / name / f"{level:03}.png", level)


def test_every_fifth_picture_of_a_class_is_held_out(tmp_path):
    write_class(tmp_path, "cat", range(10))
    write_class(tmp_path, "dog", range(100, 103))
    data = load_image_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert data.size == (28, 28)
    assert data.test.images[:, 0, 0].tolist() == [4, 9, 102]
    assert data.test.labels.tolist() == [0, 0, 1]
    assert len(data.train) == 10
    assert "held out" in data.remarks[0]


@pytest.mark.parametrize("held", ["test", "val", "valid", "validation"])
def test_train_and_test_folders_are_honoured(tmp_path, held):
    write_class(tmp_path / "train", "cat", range(3))
    write_class(tmp_path / "train", "dog", range(100, 103))
    write_class(tmp_path / held, "dog", range(200, 202))
    data = load_image_folder(tmp_path, 9, 9)
    assert data.size == (9, 9)
    assert data.train.images[:, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert data.test.images[:, 0, 0].tolist() == [200, 201]
    assert data.test.labels.tolist() == [1, 1]
    assert data.remarks == ()


def test_deeper_folders_count_and_other_files_do_not(tmp_path):
    write_class(tmp_path, "cat", range(2))
    write_class(tmp_path, "dog", range(100, 102))
    write_picture(tmp_path / "dog" / "puppies" / "x.PNG", 150)
    write_picture(tmp_path / ".thumbnails" / "x.png", 1)
    write_picture(tmp_path / "dog" / ".hidden.png", 1)
    (tmp_path / "dog" / "readme.txt").write_text("not a picture")
    data = load_image_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert len(data.train) + len(data.test) == 5


def test_progress_counts_every_picture(tmp_path):
    write_class(tmp_path / "train", "cat", range(2))
    write_class(tmp_path / "train", "dog", range(100, 102))
    write_class(tmp_path / "test", "dog", range(200, 201))
    calls: list[tuple[int, int]] = []
    load_image_folder(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(count, 5) for count in range(1, 6)]


def test_unreadable_picture_is_named(tmp_path):
    write_class(tmp_path, "cat", range(6))
    write_class(tmp_path, "dog", range(100, 106))
    (tmp_path / "dog" / "103.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"dog/103\.png: not a picture") as caught:
        load_image_folder(tmp_path)
    assert "\n" not in str(caught.value)


def test_folders_that_are_no_collection(tmp_path):
    with pytest.raises(DataError, match="sub-folder of pictures .* found none"):
        load_image_folder(tmp_path)
    write_class(tmp_path, "cat", range(2))
    with pytest.raises(DataError, match="two or more classes, found only cat"):
        load_image_folder(tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match="dog: a class without a picture"):
        load_image_folder(tmp_path)
    write_class(tmp_path, "dog", range(100, 101))
    with pytest.raises(DataError, match="class dog has a single image"):
        load_image_folder(tmp_path)


def test_empty_test_folder(tmp_path):
    for name in ("cat", "dog"):
        write_class(tmp_path / "train", name, range(2))
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="test: no picture in a sub-folder named as a training"):
        load_image_folder(tmp_path)


def test_class_called_train_is_a_class(tmp_path):
    for name in ("bus", "train"):
        write_class(tmp_path, name, range(2))
    assert load_image_folder(tmp_path).classes == ("bus", "train")


def test_test_folder_with_another_class(tmp_path):
    for part, name in (("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "eel")):
        write_class(tmp_path / part, name, range(2))
    with pytest.raises(DataError, match="test/eel: a class that the training folder lacks"):
        load_image_folder(tmp_path)


def test_same_folder_gives_the_same_arrays(tmp_path):
    for name in ("b", "a", "c"):
        write_class(tmp_path, name, range(7, 0, -1))
    first, second = load_image_folder(tmp_path), load_image_folder(tmp_path)
    assert np.array_equal(first.train.images, second.train.images)
    assert first.train.images[:, 0, 0].tolist() == [1, 2, 3, 4, 6, 7] * 3
