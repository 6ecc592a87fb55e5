"""Hand-shaped lowerings: plans whose loops deserve more thought than `lower.py` gives them.

Importing the package registers them all.
"""

from facula.kernel.library import (
    channel,
    class_loss,
    conv,
    index,
    matmul,
    matvec,
    norm,
    pool,
    pool_window,
    random,
    resample,
    scan,
    softmax,
    sort,
    tile,
    turned,
    update,
    winograd,
)

__all__ = [
    "channel",
    "class_loss",
    "conv",
    "index",
    "matmul",
    "matvec",
    "norm",
    "pool",
    "pool_window",
    "random",
    "resample",
    "scan",
    "softmax",
    "sort",
    "tile",
    "turned",
    "update",
    "winograd",
]
