"""Image collections as arrays: idx files, folders of pictures, the embedded sample.

Every reader returns `ImageData` or raises `DataError` with one line that says which file and why.
"""

from facula.vision.datasets.fashion_sample import load_fashion_sample
from facula.vision.datasets.folder import load_image_folder
from facula.vision.datasets.idx import load_idx_folder, read_idx
from facula.vision.datasets.image_data import ImageData, ImageSet, hold_out
from facula.vision.error import DataError

__all__ = [
    "DataError",
    "ImageData",
    "ImageSet",
    "hold_out",
    "load_fashion_sample",
    "load_idx_folder",
    "load_image_folder",
    "read_idx",
]
