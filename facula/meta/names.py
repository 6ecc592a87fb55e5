"""Names of dimensions: what they may be, how two lists of them agree, what results are called.

A list of names is a tuple with a str or None (no name) a dimension. The rules at the end say what
names an operation's result has; records point to them. Nothing here knows tensors.
Note [named tensors].
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from facula.meta.shape import wrap_dim

Names = tuple[str | None, ...]

NOT_YET = (
    " is not yet supported with named tensors. Please drop names via `tensor = "
    "tensor.rename(None)`, call the op with an unnamed tensor, and set names on the result of the "
    "operation."
)
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def refused(word: str) -> RuntimeError:
    """torch's refusal of names, with its name of the operation."""
    return RuntimeError(f"aten::{word}{NOT_YET}")


def mismatch(wanted: Names, found: Names) -> RuntimeError:
    """What is raised where a tensor that is written has other names than the result."""
    return RuntimeError(
        f"Name mismatch: specified out tensor with names {listed(wanted)} are not the same as the "
        f"computed output names {listed(found)}. Please rename the out tensor's dims with "
        "`Tensor.rename`."
    )


def not_resized(names: Names, old: Sequence[int], new: Sequence[int]) -> RuntimeError:
    """What is raised where a tensor with names would get another shape."""
    return RuntimeError(
        "Cannot resize named tensor with resize_ or resize_as_ (tried to resize "
        f"Tensor{listed(names)} with size {list(old)} to {list(new)}). This may be caused by "
        "passing a named tensor as an `out=` argument; please ensure that the sizes are the same. "
    )


def quoted(name: str | None) -> str:
    """A name as messages show it."""
    return "None" if name is None else f"'{name}'"


def listed(names: Iterable[str | None]) -> str:
    """Names as messages show them.

    >>> listed(("N", None))
    "['N', None]"
    """
    return f"[{', '.join(map(quoted, names))}]"


def checked_name(name: object) -> str | None:
    """A name, None for none; `*` is torch's other way to say none."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"expected None or string for Dimname but got {type(name).__name__}")
    if name is None or name == "*":
        return None
    if not IDENTIFIER.fullmatch(name):
        raise RuntimeError(
            "Invalid name: a valid identifier contains only digits, alphabetical characters, "
            f"and/or underscore and starts with a non-digit. got: '{name}'."
        )
    return name


def checked_names(names: Sequence[object], ndim: int) -> Names:
    """The names of a tensor of `ndim` dimensions, known to be good ones.

    >>> checked_names(["N", "*"], 2)
    ('N', None)
    """
    found = tuple([checked_name(name) for name in names])
    if len(found) != ndim:
        raise RuntimeError(
            f"Number of names ({len(found)}) and number of dimensions in tensor ({ndim}) do not "
            f"match. Attempted to create a tensor with names {listed(found)}"
        )
    return distinct(found)


def distinct(names: Names) -> Names:
    """The names, if none is there twice."""
    known = [name for name in names if name is not None]
    if len(set(known)) != len(known):
        raise RuntimeError(
            f"Cannot construct a tensor with duplicate names. Got names: {listed(names)}."
        )
    return names


def position(name: str | None, names: Names) -> int:
    """The dimension of that name."""
    if name is None:
        raise RuntimeError("Please look up dimensions by name, got: name = None.")
    if name not in names:
        raise RuntimeError(f"Name {quoted(name)} not found in Tensor{listed(names)}.")
    return names.index(name)


def positions(dims: Any, names: Names) -> Any:
    """A dim, or several, with numbers for names."""
    if isinstance(dims, str):
        return position(dims, names)
    for one in dims:
        if not isinstance(one, (str, type(None))):
            raise TypeError(f"expected None or string for Dimname but got {type(one).__name__}")
    return tuple([position(one, names) for one in dims])


# --- agreement -----------------------------------------------------------------------------------


def unify(a: Names, b: Names, action: str = "broadcast") -> Names:
    """The names of two lists laid over each other from the right.

    None agrees with any name that the other list does not have elsewhere.

    >>> unify(("N", None), ("C",))
    ('N', 'C')
    """
    result: list[str | None] = []
    for back in range(1, max(len(a), len(b)) + 1):
        name = a[-back] if back <= len(a) else None
        other = b[-back] if back <= len(b) else None
        if name is None or other is None:
            _check_alignment(name, a, b, action)
            _check_alignment(other, b, a, action)
        elif name != other:
            raise RuntimeError(
                f"Error when attempting to {action} dims {listed(a)} and dims {listed(b)}: dim "
                f"{quoted(name)} and dim {quoted(other)} are at the same position from the right "
                "but do not match."
            )
        result.append(other if name is None else name)
    return tuple(reversed(result))


def _check_alignment(name: str | None, names: Names, others: Names, action: str) -> None:
    """What faces no name may not be named somewhere else in the other list."""
    if name is not None and name in others:
        raise RuntimeError(
            f"Misaligned dims when attempting to {action} dims {listed(names)} and dims "
            f"{listed(others)}: dim {quoted(name)} appears in a different position from the right "
            "across both lists."
        )


def _unify_batches(a: Names, b: Names) -> Names:
    """Batch dimensions of a product, which has messages of its own."""
    count_a, count_b = max(len(a) - 2, 0), max(len(b) - 2, 0)
    rank = max(count_a, count_b)
    result: list[str | None] = []
    for place in range(rank):
        k, m = place - rank + count_a, place - rank + count_b
        first, second = a[k] if k >= 0 else None, b[m] if m >= 0 else None
        if k < 0 or m < 0 or first == second:
            result.append(second if first is None else first)
            continue
        shown = [
            f"{quoted(names[at])} (index {at} of {listed(names)})" for names, at in ((a, k), (b, m))
        ]
        if first is not None and second is not None:
            raise RuntimeError(
                f"matmul: Expected {shown[0]} to match {shown[1]} but they do not match."
            )
        if first is None:
            shown.reverse()
        name, others = (second, a) if first is None else (first, b)
        if name in others:
            raise RuntimeError(
                f"matmul: Cannot match {shown[0]} with {shown[1]} because the latter names already "
                f"have {quoted(name)}. Are your tensors misaligned?"
            )
        result.append(name)
    return tuple(result)


def matrix_product(a: Names, b: Names) -> Names:
    """The names of a product of matrices, vectors, or batches of matrices.

    >>> matrix_product(("B", "N", "C"), ("C", "D"))
    ('B', 'N', 'D')
    """
    result = _unify_batches(a, b)
    result += a[-2:-1] if len(a) > 1 else ()
    result += b[-1:] if len(b) > 1 else ()
    if len(a) > 1 and len(b) > 1 and result[-1] is not None and result[-1] == result[-2]:
        raise RuntimeError(
            f"Matrix multiplying Tensor{listed(a)} with Tensor{listed(b)} would produce output "
            f"tensor with duplicate names {listed(result)}. Please rename the input tensors with "
            "`Tensor.rename` to prevent this."
        )
    return result


# --- rules of records ----------------------------------------------------------------------------
# A rule's arguments are those of its record: names in place of tensors, numbers in place of names
# of dimensions. `y` makes it wait for the result.


def same(self: Names) -> Names:
    """The names of the first tensor."""
    return self


def none(self: Names) -> None:
    """No names."""


def broadcast(*operands: Names) -> Names:
    """The names of all operands."""
    result: Names = ()
    for names in operands:
        result = unify(result, names)
    return result


def without(self: Names, dims: Any, keepdim: bool = False) -> Names:
    """The names without those of some dims; no dims are all."""
    if keepdim or not self:
        return self
    if dims is None or dims == () or isinstance(dims, bool):
        return ()
    gone = {wrap_dim(d, len(self)) for d in ((dims,) if isinstance(dims, int) else dims)}
    return tuple([name for d, name in enumerate(self) if d not in gone])


def reduced(self: Names, dim: Any = None, keepdim: bool = False) -> Names:
    """A reduction's names: without the dims that are gone."""
    return without(self, dim, keepdim)


def joined(tensors: Sequence[Names]) -> Names:
    """The names of tensors side by side along one of their dims."""
    result: Names = ()
    for names in tensors:
        if result and len(names) != len(result):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(result)} and {len(names)}"
            )
        result = unify(result, names, "cat")
    return result


def product(self: Names, other: Names, y: object) -> Names:
    """A product's names; the shapes have been found to fit."""
    return matrix_product(self, other)


def exchanged(self: Names, dim0: int, dim1: int) -> Names:
    """Two names exchanged."""
    names = list(self)
    if names:
        a, b = wrap_dim(dim0, len(names)), wrap_dim(dim1, len(names))
        names[a], names[b] = names[b], names[a]
    return tuple(names)


def expanded(self: Names, y: Sequence[int]) -> Names:
    """The names with new dims without one in front, as many as the result's shape has more."""
    return (None,) * (len(y) - len(self)) + self


def squeezed(self: Names, dim: Any, self_shape: Sequence[int]) -> Names:
    """The names of what is left. As in torch, none are if the one dim asked for stays."""
    if isinstance(dim, tuple):
        raise refused("squeeze.dims")
    if dim is None:
        return tuple([n for n, size in zip(self, self_shape, strict=True) if size != 1])
    if self and self_shape[wrap_dim(dim, len(self))] != 1:
        return (None,) * len(self)
    return without(self, dim)


def added_product(self: Names, mat1: Names, mat2: Names, y: object) -> Names:
    """The names of a product that something is added to."""
    return unify(matrix_product(mat1, mat2), self)


def loss(self: Names, target: Names, reduction: Any) -> Names:
    """The names of a loss: both tensors' without a reduction, else none are left."""
    return unify(self, target) if reduction in ("none", 0) else ()


def of_key(names: Names, key: Any, index: str = "index.Tensor") -> Names:
    """The names of x[key]: ints take theirs away, slices keep them.

    >>> of_key(("N", "C", "H"), (0, ..., slice(2)))
    ('C', 'H')
    """
    words = (type(None), type(...), slice, list, tuple)
    items = key if isinstance(key, tuple) else (key,)
    if isinstance(key, list) and any(isinstance(k, words) for k in key):
        items = tuple(key)
    left = list(names)
    result: list[str | None] = []
    for place, item in enumerate(items):
        if item is None or isinstance(item, bool):
            raise refused("unsqueeze")
        if item is Ellipsis:
            count = len(left) - (len(items) - place - 1)
            result += left[:count]
            del left[:count]
        elif isinstance(item, slice):
            result += left[:1]
            del left[:1]
        elif isinstance(item, (int, str)) or (
            hasattr(item, "__index__") and not getattr(item, "shape", ())
        ):
            del left[:1]
        else:
            raise refused(index)
    return (*result, *left)


def flattened(names: Names, dims: Sequence[str], name: str) -> tuple[int, int, Names]:
    """First and last of some dims, which must follow each other, and the names with one for them.

    >>> flattened(("N", "C", "H"), ["C", "H"], "features")
    (1, 2, ('N', 'features'))
    """
    if not dims:
        raise RuntimeError("flatten(tensor, dims, out_dim): dims cannot be empty")
    places = positions(tuple(dims), names)
    first, last = places[0], places[-1]
    if places != tuple(range(first, last + 1)):
        raise RuntimeError(
            f"flatten(tensor, dims, out_dim): dims {listed(dims)} must be consecutive in "
            f"Tensor{listed(names)}"
        )
    return first, last, distinct((*names[:first], checked_name(name), *names[last + 1 :]))
