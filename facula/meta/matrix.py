"""What linear algebra asks of shapes and dtypes, in PyTorch's words.

Checks take the name that PyTorch's message begins with; they look at integers and dtypes only.
"""

from collections.abc import Sequence

from facula.meta.dtype import dtype


def check_matrix(name: str, shape: Sequence[int], argument: str = "A") -> None:
    """Raises unless a shape is that of a matrix or of a batch of matrices."""
    if len(shape) < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")


def check_square(name: str, shape: Sequence[int], argument: str = "A") -> None:
    """Raises unless a shape is that of a square matrix or of a batch of them."""
    check_matrix(name, shape, argument)
    if shape[-1] != shape[-2]:
        start = f"{name}: " if name else ""
        raise RuntimeError(
            f"{start}{argument} must be batches of square matrices, but they are {shape[-2]} by "
            f"{shape[-1]} matrices"
        )


def check_floating(name: str, kind: dtype, word: str, low: bool = True) -> None:
    """Raises unless a dtype is floating point or complex; `word` is what messages call it."""
    if not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {word}"
        )
    if not low and kind.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {word}")


def check_kernel(name: str, kind: dtype, word: str) -> None:
    """Raises unless a dtype is one that LAPACK computes in; `name` is that of PyTorch's kernel."""
    if not (kind.is_floating_point or kind.is_complex) or kind.itemsize == 2:
        raise NotImplementedError(f"\"{name}\" not implemented for '{word}'")


def by_columns(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of matrices that lie column by column, as LAPACK leaves its results.

    >>> by_columns((5, 2, 3))
    (6, 1, 2)
    """
    rows, columns = shape[-2:]
    strides, step = [], max(rows, 1) * max(columns, 1)
    for size in reversed(shape[:-2]):
        strides.append(step)
        step *= max(size, 1)
    return (*reversed(strides), 1, max(rows, 1))
