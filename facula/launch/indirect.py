"""Indirect access on tensors: launches the plans of `kernel/library/index.py`. No graph here."""

from collections.abc import Sequence
from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.dispatch import (
    RESULT,
    TENSOR,
    convert,
    copy_into,
    expanded,
    loop_order,
    noted,
    remember,
)
from facula.dispatch.layout import AS_BITS
from facula.form import Form
from facula.kernel.library.index import Index, Nonzero
from facula.kernel.program import STORED_BYTES
from facula.meta.dtype import bool_, int64
from facula.meta.geometry import coalesce
from facula.tensor import Tensor, empty

# Elements of a row beside which looking at an index costs nothing.
LONG_ROW = 256
# Turns of an outer loop that are worth sharing.
ENOUGH_TURNS = 8

_kernels: dict[Any, tuple[Kernel, tuple[int, ...]]] = {}


def access(
    mode: str,
    values: Tensor,
    table: Tensor,
    table_strides: Sequence[int],
    indices: Sequence[tuple[Tensor, int, int, int]],
    shape: Sequence[int],
    *,
    positive: bool = False,
) -> None:
    """Runs an index plan over `shape`: `values` broadcast to it, `table_strides` its affine part.

    `indices`: (int64 tensor broadcast to shape, size of the indexed dim, its stride in the table,
    its number). Raises IndexError naming index, dim and size if an index lies outside.
    """
    key = (
        mode, values.form, table.form, tuple(table_strides), tuple(shape), positive,
        tuple([(t.form, n, s) for t, n, s, _ in indices]),
    )  # fmt: skip
    prepared = _kernels.get(key)
    if prepared is None:
        made = _prepare(mode, values.form, table.form, table_strides, indices, shape, positive)
        prepared = remember(_kernels, key, made)
    kernel, numbers = prepared
    addresses = [t.address for t, _, _, _ in indices]
    if kernel(*numbers, values.address, table.address, *addresses):
        raise_outside(indices, positive)
    if mode == "take":
        words = (*numbers, RESULT, TENSOR, *[TENSOR for _ in indices])
        noted(kernel, words, (table, *[t for t, _, _, _ in indices]), values)


def _prepare(
    mode: str,
    values: Form,
    table: Form,
    table_strides: Sequence[int],
    indices: Sequence[tuple[Tensor, int, int, int]],
    shape: Sequence[int],
    positive: bool,
) -> tuple[Kernel, tuple[int, ...]]:
    if any(n == 0 for n in shape):
        return _nothing, ()
    operands = [expanded(values, shape), tuple(table_strides)]
    operands += [expanded(t.form, shape) for t, _, _, _ in indices]
    # Repeated places must be written in row-major order of the values: loops keep their order.
    if mode == "take":
        order = loop_order(shape, [*operands[1:], operands[0]])
    else:
        order = list(range(len(shape)))
    ordered = [tuple(s[d] for d in order) for s in operands]
    sizes, strides = coalesce([shape[d] for d in order], ordered)
    if not sizes:
        sizes, strides = (1,), [(1,) for _ in operands]
        strides[2:] = [(0,) for _ in indices]
    inner = [s[-1] for s in strides]
    rowwise = inner[0] == 1 and inner[1] == 1 and all(s == 0 for s in inner[2:])
    kind = AS_BITS.get(values.kind, values.kind) if mode in ("take", "put") else values.kind
    rank = len(sizes)
    split = 0 if mode == "take" else _split(table, sizes, strides[1])
    vector = mode == "take" and STORED_BYTES[kind] >= 4 and inner[0] == 1
    vector = vector and not rowwise and all(s == 1 for s in inner[2:])
    # Whole rows, which only the index moves to: in ranges of the table.
    last = len(sizes) - 1
    ranges = rowwise and mode != "take" and len(indices) == 1 and rank == 2 and split == last
    ranges = ranges and sizes[1] >= LONG_ROW and indices[0][2] > 0
    made = Index(mode, kind, len(indices), rank, rowwise, positive, -1 if ranges else split, vector,
                 ranges)  # fmt: skip
    numbers = [*sizes]
    for s in strides:
        numbers += s
    for _, size, stride, _ in indices:
        numbers += [size, stride]
    return machine.compile_plan(made), tuple(numbers)


def _split(table: Form, sizes: Sequence[int], steps: Sequence[int]) -> int:
    """The loop that threads may share although all write: its turns write different places."""
    if not table.dense and table.geometry.has_overlap():
        return -1
    free = [d for d, step in enumerate(steps) if step != 0]
    outer = [d for d in free if d < len(sizes) - 1 and sizes[d] >= ENOUGH_TURNS]
    if outer:
        return outer[0]
    return len(sizes) - 1 if len(sizes) - 1 in free else -1


def _nothing(*_: Any) -> int:
    return 0


def raise_outside(indices: Sequence[tuple[Tensor, int, int, int]], positive: bool) -> None:
    """Finds the first index outside its dim and says so in torch's words."""
    for tensor, size, _, dim in indices:
        array = tensor.detach().numpy()
        low = 0 if positive else -size
        outside = array[(array < low) | (array >= size)]
        if outside.size:
            kind = RuntimeError if positive else IndexError
            raise kind(
                f"index {outside.flat[0]} is out of bounds for dimension {dim} with size {size}"
            )
    raise AssertionError("a kernel reported an index out of bounds that cannot be found")


def nonzero(x: Tensor) -> Tensor:
    """Coordinates of elements that are not 0, one row each."""
    if x.form.dtype.is_complex:
        flags = empty(bool_, x.form.shape)
        copy_into(flags, x)
        x = flags
    rank = max(1, x.form.ndim)
    sizes, strides = tuple(x.form.shape) or (1,), x.form.strides or (1,)
    count = 0
    if x.form.numel:
        counting = machine.compile_plan(Nonzero(x.form.kind, rank, True))
        count = counting(*sizes, *strides, x.address, 0)
    y = empty(int64, (count, x.form.ndim))
    if count and x.form.ndim:
        filling = machine.compile_plan(Nonzero(x.form.kind, rank, False))
        filling(*sizes, *strides, x.address, y.address)
    return y


def as_index(tensor: Tensor) -> Tensor:
    """An index tensor as int64."""
    return tensor if tensor.form.dtype is int64 else convert(tensor, int64)


def check_index(name: str, index: Tensor) -> None:
    """Refuses what does not count elements, in the name of an operation along a dimension."""
    if index.form.kind not in ("i64", "i32") and index.form.numel:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
