"""Hostile layouts: small numbers transposed, stepped, expanded, offset, overlapping, empty."""

from collections.abc import Callable

import numpy as np

import facula
from facula import Tensor


def _numbers(shape: tuple[int, ...], name: str) -> Tensor:
    """Small whole numbers (some zero, some negative where the dtype can), no two rows alike."""
    count = int(np.prod(shape, dtype=np.int64))
    values = (np.arange(count) * 7919 + 3) % 11 - (0 if name in ("uint8", "bool") else 4)
    if name == "bool":
        values = values % 3 != 0
    dtype = getattr(facula, name)
    return facula.tensor(values.reshape(shape), dtype=dtype)


LAYOUTS: dict[str, Callable[[str], Tensor]] = {
    "contiguous": lambda name: _numbers((3, 4, 5), name),
    "transposed": lambda name: _numbers((5, 4, 3), name).transpose(0, 2),
    "permuted": lambda name: _numbers((4, 5, 3), name).permute(2, 0, 1),
    "stepped": lambda name: _numbers((6, 4, 10), name)[::2, :, 1::2],
    "expanded": lambda name: _numbers((3, 1, 5), name).expand(3, 4, 5),
    "offset": lambda name: _numbers((4, 6, 5), name)[1:, 2:],
    "overlapping": lambda name: _numbers((17,), name).as_strided((3, 4, 5), (3, 2, 1), 0),
    "vector": lambda name: _numbers((37,), name),
    "long row": lambda name: _numbers((2, 131), name),
    "scalar": lambda name: _numbers((), name),
}


def filled(layout: str, name: str) -> tuple[Tensor, np.ndarray]:
    """A tensor of some layout and dtype, and the same numbers as a NumPy array of their own."""
    x = LAYOUTS[layout](name)
    return x, np.array(x.tolist(), dtype=bool if name == "bool" else np.float64)
