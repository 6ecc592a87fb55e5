"""Tools around training: `utils.data`, the road from a dataset to batches, and `utils.dlpack`."""

from facula.utils import data, dlpack

__all__ = ["data", "dlpack"]
