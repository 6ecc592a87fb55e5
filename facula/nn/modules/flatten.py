"""Flatten and Unflatten: other shapes of the same elements."""

from collections.abc import Sequence
from typing import Any

from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Joins a range of dimensions into one; by default all but the first, the batch.

    Input (N, *), output (N, product of *). A view where memory allows. Raises IndexError for a dim
    that is not there.

    >>> import facula as torch
    >>> torch.nn.Flatten()(torch.zeros(32, 1, 5, 5)).shape
    torch.Size([32, 25])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits one dimension into several.

    >>> import facula as torch
    >>> torch.nn.Unflatten(1, (2, 5, 5))(torch.zeros(2, 50)).shape
    torch.Size([2, 2, 5, 5])

    A dimension that is said by name is split into named ones: (name, size) pairs.

    >>> x = torch.zeros(2, 6, names=("N", "C"))
    >>> torch.nn.Unflatten("C", (("A", 2), ("B", 3)))(x).names
    ('N', 'A', 'B')
    """

    def __init__(self, dim: int | str, unflattened_size: Sequence[Any]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size
        if isinstance(dim, str):
            _require_pairs(unflattened_size)
            return
        if not isinstance(dim, int):
            raise TypeError("invalid argument type for dim parameter")
        if not isinstance(unflattened_size, tuple | list):
            raise TypeError(
                "unflattened_size must be a tuple of ints, "
                f"but found type {type(unflattened_size).__name__}"
            )
        for place, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, "
                    f"but found element of type {type(size).__name__} at pos {place}"
                )

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _require_pairs(size: object) -> None:
    """The sizes of named dimensions are a tuple of tuples."""
    if not isinstance(size, tuple):
        raise TypeError(
            f"unflattened_size must be a tuple of tuples, but found type {type(size).__name__}"
        )
    for place, pair in enumerate(size):
        if not isinstance(pair, tuple):
            raise TypeError(
                "unflattened_size must be tuple of tuples, "
                f"but found element of type {type(pair).__name__} at pos {place}"
            )
