"""Reading single pictures: every kind becomes grey, every damage one line."""

import numpy as np
import pytest
from PIL import Image

from facula.vision.error import DataError
from facula.vision.io.image import read_grey

RAMP = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)


def saved(tmp_path, picture: Image.Image, name: str = "picture.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "I", "I;16", "CMYK"])
def test_every_mode_gives_the_same_grey(tmp_path, mode):
    if mode.startswith("I"):
        picture = Image.fromarray(RAMP.astype(np.uint16) << 8)
    else:
        picture = Image.fromarray(RAMP).convert(mode)
    path = saved(tmp_path, picture, "picture.tif" if mode in ("CMYK", "I") else "picture.png")
    grey = read_grey(path, 8, 8)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - RAMP).max() <= 1


def test_black_and_white(tmp_path):
    picture = Image.fromarray(RAMP > 127)
    assert set(np.unique(read_grey(saved(tmp_path, picture), 8, 8))) == {0, 255}


def test_transparent_parts_count_as_white(tmp_path):
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 4, 8))
    grey = read_grey(saved(tmp_path, picture), 8, 8)
    assert (grey[:, :4] == 0).all()
    assert (grey[:, 4:] == 255).all()


def test_transparent_palette_colour_counts_as_white(tmp_path):
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([0, 0, 0, 90, 90, 90])
    path = saved(tmp_path, picture, "picture.gif", transparency=0)
    assert (read_grey(path, 8, 8) == 255).all()


def test_any_size_is_brought_to_the_size_asked(tmp_path):
    wide = Image.fromarray(np.full((30, 200), 77, np.uint8))
    grey = read_grey(saved(tmp_path, wide), 12, 10)
    assert grey.shape == (12, 10)
    assert (grey == 77).all()


def test_large_jpeg(tmp_path):
    photo = Image.fromarray(np.full((900, 1200, 3), 100, np.uint8))
    grey = read_grey(saved(tmp_path, photo, "photo.jpg"), 28, 28)
    assert grey.shape == (28, 28)
    assert np.abs(grey.astype(int) - 100).max() <= 2


def test_photo_is_turned_as_its_camera_says(tmp_path):
    half = np.zeros((16, 16), np.uint8)
    half[:, 8:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    path = saved(tmp_path, Image.fromarray(half), "photo.jpg", exif=exif)
    grey = read_grey(path, 16, 16)
    assert grey[:7].max() < 20
    assert grey[9:].min() > 235


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture in a format that Pillow knows"),
        (b"hello world\n" * 50, "not a picture in a format that Pillow knows"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "picture"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, "picture"),
        (b"GIF89a" + b"\xff" * 50, "picture"),
        (b"BM" + b"\xff" * 60, "picture"),
        (b"P5\n99999999 99999999\n255\n", "unreadable picture: .*exceeds limit"),
        (b"P5\n10 10\n255\nabc", "unreadable picture"),
    ],
    ids=["empty", "text", "png", "jpeg", "gif", "bmp", "huge", "cut"],
)
def test_foreign_content_is_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_grey(path, 8, 8)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.gif", "cut.bmp", "cut.tif"])
def test_truncated_picture(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="picture"):
        read_grey(path, 8, 8)


def test_missing_file_folder_and_float_pixels(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_grey(tmp_path / "nothing.png", 8, 8)
    with pytest.raises(DataError, match="Is a directory"):
        read_grey(tmp_path, 8, 8)
    picture = Image.fromarray(np.zeros((8, 8), np.float32))
    with pytest.raises(DataError, match="floating-point"):
        read_grey(saved(tmp_path, picture, "picture.tif"), 8, 8)
