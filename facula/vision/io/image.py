"""One picture file to one array of grey levels of a given size, through Pillow (an extra).

Whatever the file holds (colour, palette, transparency, 16 bits, a rotated photo), the answer is
uint8 grey. A file that cannot be read raises `DataError`, one line that names it.
"""

import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facula.vision.error import DataError, reason

if TYPE_CHECKING:
    from PIL.Image import Image


def read_grey(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """The picture in grey levels, resized to (height, width) pixels; proportions are not kept.

    uint8, 0 black and 255 white. Transparent parts are laid on white, as picture viewers show them;
    of an animation the first frame is taken. Raises DataError for a file that is missing or no
    picture, and where Pillow is not installed.

    >>> import facula as torch
    >>> import tempfile
    >>> from pathlib import Path
    >>> from facula.vision.io import read_grey
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "picture.pgm")
    ...     _ = path.write_bytes(b"P5 2 1 255 " + bytes([0, 255]))
    ...     read_grey(path, 1, 2).tolist()
    [[0, 255]]
    """
    pillow = _pillow()
    try:
        with warnings.catch_warnings():
            # Remarks about odd metadata would break the one line that a file may cost.
            warnings.simplefilter("ignore")
            return _decode(pillow, path, height, width)
    except pillow.UnidentifiedImageError as error:
        raise DataError(f"{path}: not a picture in a format that Pillow knows") from error
    except Exception as error:
        # Decoders raise what their format code trips over: OSError, SyntaxError, struct.error...
        raise DataError(f"{path}: unreadable picture: {reason(error)}") from error


def _decode(pillow: ModuleType, path: Path, height: int, width: int) -> NDArray[np.uint8]:
    from PIL import ImageOps

    with pillow.open(path) as picture:
        # JPEG only: decode at a fraction of the size when the picture is far larger than asked.
        picture.draft("L", (2 * width, 2 * height))
        grey = _to_grey(pillow, ImageOps.exif_transpose(picture))
        if grey.size != (width, height):
            grey = grey.resize((width, height), pillow.Resampling.BILINEAR)
        return np.array(grey, dtype=np.uint8)


def _to_grey(pillow: ModuleType, picture: "Image") -> "Image":
    """The Pillow image in mode L."""
    if picture.mode.startswith("I"):
        # 16-bit grey; convert("L") would clip everything above 255 to white.
        levels = np.asarray(picture).astype(np.int64) >> 8
        return pillow.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers without a known range")
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = pillow.alpha_composite(white, picture)
    return picture.convert("L")


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            "pictures are read with Pillow, which is not installed: pip install 'facula[cli]'"
        ) from error
    return Image
