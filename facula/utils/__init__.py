"""Tools around training: today `utils.data`, the road from a dataset to batches."""

from facula.utils import data

__all__ = ["data"]
