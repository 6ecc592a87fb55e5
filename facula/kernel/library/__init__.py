"""Hand-shaped lowerings: plans whose loops deserve more thought than `lower.py` gives them.

Importing the package registers them all.
"""

from facula.kernel.library import (
    conv,
    index,
    matmul,
    matvec,
    pool,
    random,
    softmax,
    sort,
    tile,
    update,
)

__all__ = [
    "conv",
    "index",
    "matmul",
    "matvec",
    "pool",
    "random",
    "softmax",
    "sort",
    "tile",
    "update",
]
