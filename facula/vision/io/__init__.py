"""Single pictures: decoding through Pillow."""

from facula.vision.io.image import read_grey

__all__ = ["read_grey"]
