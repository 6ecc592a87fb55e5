"""Shapes as tuples of ints: Size, broadcasting, negative dimensions, inferred sizes.

Knows nothing of strides (`geometry.py`) or tensors. Error types and texts are PyTorch's.
"""

from collections.abc import Iterable, Sequence
from math import prod
from operator import index
from typing import Self, SupportsIndex, overload


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple of ints that stays a Size when sliced or joined.

    Raises TypeError for what is no int.

    >>> import facula as torch
    >>> torch.Size([2, 3]), torch.Size([2, 3])[1:], torch.Size([2, 3]).numel()
    (torch.Size([2, 3]), torch.Size([3]), 6)
    """

    __slots__ = ()

    def __new__(cls, sizes: Iterable[SupportsIndex] = ()) -> Self:
        made = tuple.__new__(cls, sizes)
        for size in made:
            if type(size) is not int:
                return tuple.__new__(cls, _as_ints(made))
        return made

    def numel(self) -> int:
        """The number of elements of such a shape: the product of the sizes.

        >>> import facula as torch
        >>> torch.Size([2, 3]).numel()
        6
        """
        return prod(self)

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> "Size": ...
    def __getitem__(self, key: SupportsIndex | slice) -> "int | Size":
        got = tuple.__getitem__(self, key)
        return tuple.__new__(Size, got) if isinstance(got, tuple) else got

    def __add__(self, other: object) -> "Size":
        if not isinstance(other, tuple):
            name = type(other).__name__
            raise TypeError(f"can only concatenate tuple (not {name}) to torch.Size")
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: object) -> "Size":
        if not isinstance(other, tuple):
            name = type(other).__name__
            raise TypeError(f"can only concatenate tuple (not {name}) to torch.Size")
        return Size(tuple.__add__(other, self))

    def __mul__(self, times: SupportsIndex) -> "Size":
        return tuple.__new__(Size, tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


def _as_ints(values: Iterable[SupportsIndex]) -> list[int]:
    ints = []
    for position, value in enumerate(values):
        try:
            ints.append(index(value))
        except TypeError:
            name = type(value).__name__
            raise TypeError(
                f"torch.Size() takes an iterable of 'int' (item {position} is '{name}')"
            ) from None
    return ints


def numel(shape: Iterable[int]) -> int:
    """The number of elements; 1 for the empty shape."""
    return prod(shape)


# --- dimensions ----------------------------------------------------------------------------------


def wrap_dim(dim: int, ndim: int, wrap_scalar: bool = True) -> int:
    """The dimension counted from the front; a 0-d tensor counts as having one dimension.

    >>> wrap_dim(-1, 3)
    2
    """
    if ndim == 0:
        if not wrap_scalar:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        ndim = 1
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], "
            f"but got {dim})"
        )
    return dim + ndim if dim < 0 else dim


def wrap_dims(dims: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """Dimensions counted from the front, in the order given; None stands for all of them.

    >>> wrap_dims((-1, 0), 3)
    (2, 0)
    """
    if dims is None:
        return tuple(range(ndim))
    if isinstance(dims, int):
        return (wrap_dim(dims, ndim),)
    wrapped = tuple([wrap_dim(dim, ndim) for dim in dims])
    if len(set(wrapped)) != len(wrapped):
        twice = next(dim for at, dim in enumerate(wrapped) if dim in wrapped[:at])
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return wrapped


def reduced_shape(shape: Sequence[int], dims: Iterable[int], keepdim: bool) -> Size:
    """The shape left when the dimensions `dims` (already wrapped) are reduced.

    >>> reduced_shape((2, 3, 4), (1,), keepdim=True)
    torch.Size([2, 1, 4])
    """
    gone = set(dims)
    if keepdim:
        return Size([1 if dim in gone else size for dim, size in enumerate(shape)])
    return Size([size for dim, size in enumerate(shape) if dim not in gone])


# --- broadcasting and inference ------------------------------------------------------------------


def broadcast_shapes(*shapes: Sequence[int]) -> Size:
    """The shape that all the shapes expand to; the error is that of an operator.

    >>> broadcast_shapes((3, 1), (4,))
    torch.Size([3, 4])
    """
    result: Sequence[int] = shapes[0] if shapes else ()
    for shape in shapes[1:]:
        if shape != result:
            result = _broadcast(result, shape)
    return result if isinstance(result, Size) else Size(result)


def _broadcast(a: Sequence[int], b: Sequence[int]) -> list[int]:
    ndim = max(len(a), len(b))
    left = [1] * (ndim - len(a)) + list(a)
    for dim in reversed(range(ndim - len(b), ndim)):
        size = b[dim - ndim]
        if left[dim] == 1:
            left[dim] = size
        elif size not in (1, left[dim]):
            raise RuntimeError(
                f"The size of tensor a ({left[dim]}) must match the size of tensor b ({size}) "
                f"at non-singleton dimension {dim}"
            )
    return left


def public_broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """The shape that tensors of these shapes broadcast to.

    Sizes are compared from the last one; 1 stretches to any. Raises RuntimeError for others that
    differ, ValueError or RuntimeError for negative ones.

    >>> import facula as torch
    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    rows = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    result = [1] * max((len(row) for row in rows), default=0)
    for position, row in enumerate(rows):
        for dim in range(-1, -1 - len(row), -1):
            if row[dim] < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            if row[dim] in (1, result[dim]):
                continue
            if result[dim] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {row[dim]} at {dim}! "
                    f"Mismatching argument at index {position} had {row}; but expected shape "
                    f"should be broadcastable to {result}"
                )
            result[dim] = row[dim]
    return Size(result)


def infer_size(shape: Sequence[int], numel: int) -> Size:
    """`shape` with its -1, if it has one, replaced so that it holds `numel` elements.

    >>> infer_size((2, -1), 6)
    torch.Size([2, 3])
    """
    known, inferred = 1, -1
    for dim, size in enumerate(shape):
        if size >= 0:
            known *= size
        elif size != -1:
            raise RuntimeError(
                f"invalid shape dimension {size} at index {dim} of shape {list(shape)}"
            )
        elif inferred >= 0:
            raise RuntimeError("only one dimension can be inferred")
        else:
            inferred = dim
    if inferred < 0:
        if known == numel:
            return Size(shape)
    elif known > 0 and numel % known == 0:
        return Size([*shape[:inferred], numel // known, *shape[inferred + 1 :]])
    elif numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
        )
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
