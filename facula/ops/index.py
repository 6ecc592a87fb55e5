"""Indexing: x[...] and x[...] = v."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from facula.autograd.mode import mode
from facula.dispatch import (
    check_base_of_view,
    check_inplace,
    check_writable_memory,
    copy_of,
    dtype_word,
    expanded,
    learn_launch,
    overlaps,
    plainly,
    record_view,
    refuse_overlap,
    remember,
)
from facula.form import Form, form_of
from facula.late import Late
from facula.launch.indirect import access, as_index
from facula.launch.indirect import nonzero as nonzero_coordinates
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.geometry import restride_like
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.tensor import Tensor, allocate, share

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

INDEX_KINDS = frozenset(("i64", "i32", "bool", "u8"))

# --- x[...] --------------------------------------------------------------------------------------


def _as_index_tensor(item):
    """A list, array or range used as an index, as a tensor."""
    if isinstance(item, Tensor):
        return item
    y = registry["tensor"].function(item)
    return y.to(dtypes.int64) if y.form.numel == 0 else y


def parse(self, key):
    """Applies ints, slices, None, Ellipsis as views; gives the view and a tensor or None a dim."""
    items = key if type(key) is tuple else (key,)
    # A short list with anything but numbers in it counts as a tuple, as it once did in NumPy.
    if type(key) is list and len(key) < 32 and any(
        k is None or k is Ellipsis or isinstance(k, (slice, list, tuple, Tensor)) for k in key
    ):
        items = tuple(key)
    taken = 0
    for item in items:
        if item is None or item is Ellipsis or item is True or item is False:
            continue
        if isinstance(item, Tensor) and item.form.kind in ("bool", "u8"):
            taken += item.form.ndim
        elif isinstance(item, np.ndarray) and item.dtype == np.bool_:
            taken += item.ndim
        else:
            taken += 1
    ndim = self.form.ndim
    if taken > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    y, dim = self, 0
    indices: list[Tensor | None] = []
    place = 0  # the dimension of self that an item belongs to, for messages
    slice_view = registry["slice"].function
    for item in items:
        kind = type(item)
        if kind is int:
            size = y.form.shape[dim]
            if not -size <= item < size:
                raise IndexError(
                    f"index {item} is out of bounds for dimension {place} with size {size}"
                )
            y = y.select(dim, item)
            place += 1
        elif kind is slice:
            if item != slice(None):
                if any(v is not None and not hasattr(v, "__index__")
                       for v in (item.start, item.stop, item.step)):  # fmt: skip
                    raise TypeError(
                        "slice indices must be integers or None or have an __index__ method"
                    )
                start, stop, step = (
                    None if v is None else int(v.__index__())
                    for v in (item.start, item.stop, item.step)
                )
                if step == 0:
                    raise ValueError("slice step cannot be zero")
                if step is not None and step < 0:
                    raise ValueError("step must be greater than zero")
                y = slice_view(y, dim, start, stop, 1 if step is None else step)
            indices.append(None)
            dim += 1
            place += 1
        elif item is None:
            y = y.unsqueeze(dim)
            indices.append(None)
            dim += 1
        elif item is Ellipsis:
            gap = ndim - taken
            indices += [None] * gap
            dim += gap
            place += gap
            taken = ndim
        elif kind is bool:
            y = y.unsqueeze(dim)
            indices.append(registry["full"].function((1,), item, dtype=dtypes.bool_))
            dim += 1
        elif isinstance(item, (Tensor, list, tuple, range, np.ndarray)):
            index = _as_index_tensor(item)
            whole = index.form.dtype.kind in "iu" and index.form.kind != "u8"
            if index.form.kind not in INDEX_KINDS and (index.form.ndim or not whole):
                raise IndexError(
                    "tensors used as indices must be long, int, byte or bool tensors"
                )
            if index.form.ndim == 0 and whole:
                value, size = index.item(), y.form.shape[dim]
                if not -size <= value < size:
                    raise IndexError(
                        f"index {value} is out of bounds for dimension {place} with size {size}"
                    )
                y = y.select(dim, value)
                place += 1
                continue
            indices.append(index)
            dim += index.form.ndim if index.form.kind in ("bool", "u8") else 1
            place += index.form.ndim if index.form.kind in ("bool", "u8") else 1
            if index.form.kind in ("bool", "u8") and index.form.ndim == 0:
                y = y.unsqueeze(dim)
                dim += 1
        elif hasattr(item, "__index__"):
            return parse(self, tuple(int(i.__index__()) if i is item else i for i in items))
        else:
            if isinstance(item, str):
                raise TypeError("new(): invalid data type 'str'")
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
                f"are valid indices (got {type(item).__name__})"
            )
    return y, indices


def expand_masks(self, indices):
    """Masks become coordinates of their true elements; returns an int64 tensor or None a dim."""
    flat: list[Tensor | None] = []
    for index in indices:
        if index is None:
            flat.append(None)
        elif index.form.kind in ("bool", "u8"):
            if index.form.ndim == 0:
                index = index.reshape(1)
            at = len(flat)
            shape = self.form.shape[at : at + index.form.ndim]
            if tuple(shape) != tuple(index.form.shape):
                for k, (a, b) in enumerate(zip(index.form.shape, shape, strict=False)):
                    if a != b:
                        raise IndexError(
                            f"The shape of the mask {list(index.form.shape)} at index {k} does not "
                            f"match the shape of the indexed tensor {list(self.form.shape)} at "
                            f"index {at + k}"
                        )
            places = nonzero_coordinates(index)
            flat += [places.select(1, k) for k in range(index.form.ndim)]
        else:
            flat.append(as_index(index))
    return flat


def arrange(self, indices):
    """Shape of the indexed result, where index dims stand in it, and index tensors laid out."""
    used = [k for k, index in enumerate(indices) if index is not None]
    try:
        spread = broadcast_shapes(*(indices[k].form.shape for k in used))
    except RuntimeError:
        shapes = ", ".join(str(list(indices[k].form.shape)) for k in used)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    if 0 not in spread and any(self.form.shape[k] == 0 for k in used):
        raise IndexError("index is out of bounds for dimension with size 0")
    together = used[-1] - used[0] + 1 == len(used)
    others = [d for d in range(self.form.ndim) if d >= len(indices) or indices[d] is None]
    front = [d for d in others if together and d < used[0]]
    back = [d for d in others if d not in front]
    shape = [self.form.shape[d] for d in front] + list(spread) + [self.form.shape[d] for d in back]
    strides = (
        [self.form.strides[d] for d in front]
        + [0] * len(spread)
        + [self.form.strides[d] for d in back]
    )
    laid = []
    for d in used:
        index = indices[d]
        wide = index.reshape(
            (1,) * (len(front) + len(spread) - index.form.ndim)
            + tuple(index.form.shape)
            + (1,) * len(back)
        )
        laid.append((wide, self.form.shape[d], self.form.strides[d], d))
    return tuple(shape), strides, laid


@operation("index(Tensor self, Tensor?[] indices) -> Tensor")
def index(self, indices):
    """Elements at the places that index tensors (one or None a dimension) name."""
    flat = expand_masks(self, indices)
    shape, strides, laid = arrange(self, flat)
    # As of a pointwise function of self, still where it is indexed, and of the indices.
    operands = [strides, *[expanded(wide.form, shape) for wide, _, _, _ in laid]]
    y = allocate(form_of(self.form.dtype, shape, restride_like(shape, operands, False)))
    access("take", y, self, strides, laid, shape)
    return y


@index.gradient
def _(g, self_form, indices):
    whole = g.new_zeros(self_form.shape)
    return registry["index_put"].function(whole, indices, g, True)


index.tensor_names = ("self",)


@operation("index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) "
           "-> Tensor")
def index_put(self, indices, values, accumulate=False):
    """A copy of self with values written (or added) at the places that index tensors name."""
    y = copy_of(self)
    put(y, indices, values, accumulate)
    return y


index_put.tensor_names = ("self", "values")


@index_put.gradient
def _(g, indices, values_form, accumulate, needs):
    kept = None
    if needs[0]:
        kept = (
            g if accumulate else registry["index_put"].function(g, indices, g.new_zeros(()), False)
        )
    passed = (
        registry["index"].function(g, indices).sum_to_size(values_form.shape) if needs[1] else None
    )
    return kept, passed


def put(target, indices, values, accumulate):
    """Writes values into target at indexed places; no graph."""
    flat = expand_masks(target, indices)
    shape, strides, laid = arrange(target, flat)
    try:
        fits = broadcast_shapes(values.form.shape, shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.form.shape)} cannot be broadcast "
            f"to indexing result of shape {list(shape)}"
        )
    if values.form.dtype is not target.form.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{dtype_word(target.form.dtype)} for the destination and "
            f"{dtype_word(values.form.dtype)} for the source."
        )
    if values.block is target.block:
        values = copy_of(values)
    access("add" if accumulate else "put", values, target, strides, laid, shape)


@composite("index_put_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False) "
           "-> Tensor(a!)")
def index_put_(self, indices, values, accumulate=False):
    """Writes (or adds) values at the places that index tensors name.

    indices broadcast to the shape that values broadcast to; self keeps its shape. Raises IndexError
    for an index that is not there.
    """
    check_inplace(self)
    check_base_of_view(self)
    if values.form.numel == 1 and all(i is None or i.form.kind == "bool" for i in indices):
        values = values.to(self.form.dtype).clone()  # as masked_fill_, which torch takes here
    shared = self.form.numel and values.block is self.block
    if shared and (overlaps(self, values) or values.form is self.form):
        refuse_overlap(self, values)
    recorded = mode.enabled and (self.needs_grad or values.needs_grad)
    if recorded or self.form.lazy or values.form.lazy:
        return self.copy_(registry["index_put"].function(self, tuple(indices), values, accumulate))
    put(self, indices, values, accumulate)
    self.block.version += 1
    return self


@composite("__getitem__(Tensor self, Any key) -> Tensor")
def getitem(self, key):
    """x[key]: views for ints, slices, None and Ellipsis; copies for index tensors and masks."""
    kind = key.__class__
    if self.needs_grad and mode.enabled:
        if kind is int:
            return _recorded_row(self, key)
    else:
        try:
            if kind is int:
                form, step, size = _rows[self.form]
                place = key + size if key < 0 else key
                if 0 <= place < size:
                    return share(self, form, place * step)
            elif kind is Tensor:
                run = _taken[self.form, key.form]
                y = None if run is None else run(self, key)
                if y.__class__ is Tensor:
                    return y
            else:
                y = _known_view(self, key if kind is tuple else (key,))
                if y is not None:
                    return y
        except (KeyError, TypeError):
            return _learn_item(self, key)
    return general_item(self, key)


def _recorded_row(self, key):
    """x[key] of an int, with the node of its select."""
    found = _rows.get(self.form)
    if found is None:
        return _learn_item(self, key)
    form, step, size = found
    place = key + size if key < 0 else key
    if not 0 <= place < size:
        return general_item(self, key)
    y = share(self, form, place * step)
    select: Any = registry["select"]
    record_view(select, self, y, (0, key))
    return y


# What x[key] comes to: for an index tensor its launch, by forms; for an int form, step and size of
# the rows, by form; for ints and slices form, offset, and a (step, size) an int, by form and key
# without the ints: those only move the view.
_rows: dict[Form, tuple[Form, int, int]] = {}
_taken: dict[Any, Callable[..., Any] | None] = {}
_viewed: dict[Any, tuple[Form, int, tuple[tuple[int, int], ...]]] = {}


def _shape_of_key(form, items):
    """A form and a key's items without the values of ints, and those."""
    parts, places = [form], []
    for item in items:
        kind = item.__class__
        if kind is slice:
            start, stop, step = item.start, item.stop, item.step
            parts.append((start, stop, step, start.__class__, stop.__class__, step.__class__))
        elif kind is int:
            parts.append(int)
            places.append(item)
        elif item is None or item is Ellipsis:
            parts.append(item)
        else:
            return None, places
    return tuple(parts), places


def _known_view(self, items):
    """The view that items name; None if some are no ints, slices, None or Ellipsis, or outside."""
    parts, places = _shape_of_key(self.form, items)
    if parts is None:
        return None
    form, offset, moves = _viewed[parts]
    for place, (step, size) in zip(places, moves, strict=True):
        if place < 0:
            place += size
        if not 0 <= place < size:
            return None
        offset += place * step
    return share(self, form, offset)


def _learn_item(self, key):
    """x[key] on the general road, and what the next of its kind will come to."""
    if key.__class__ is Tensor:
        y, run = learn_launch(lambda: general_item(self, key), (self, key))
        remember(_taken, (self.form, key.form), run)
        return y
    y = general_item(self, key)
    if key.__class__ is int:
        form = self.form
        remember(_rows, form, (y.form, form.strides[0] * form.itemsize, form.shape[0]))
        return y
    items = key if key.__class__ is tuple else (key,)
    parts, places = _shape_of_key(self.form, items)
    if parts is None or y.block is not self.block:
        return y
    bounds = [bound for part in parts[1:] if type(part) is tuple for bound in part[:3]]
    if any(type(bound) is not int and bound is not None for bound in bounds):
        return y
    moves, dim = [], 0
    taken = sum(item is not None and item is not Ellipsis for item in items)
    for item in items:
        if item is Ellipsis:
            dim += self.form.ndim - taken
        elif item is not None:
            if item.__class__ is int:
                moves.append((self.form.strides[dim] * self.form.itemsize, self.form.shape[dim]))
            dim += 1
    offset = y.address - self.address
    for place, (step, size) in zip(places, moves, strict=True):
        offset -= (place + size if place < 0 else place) * step
    remember(_viewed, parts, (y.form, offset, tuple(moves)))
    return y


def general_item(self, key):
    """x[key], item by item."""
    if type(key) is int and self.form.ndim:
        size = self.form.shape[0]
        if not -size <= key < size:
            raise IndexError(f"index {key} is out of bounds for dimension 0 with size {size}")
        return self.select(0, key)
    if isinstance(key, (int, slice)) and self.form.ndim == 0 and not isinstance(key, bool):
        if isinstance(key, int):
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            )
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    y, indices = parse(self, key)
    if any(index is not None for index in indices):
        return registry["index"].function(y, tuple(indices))
    return registry["slice"].function(y, 0, None, None, 1) if y is self and y.form.ndim else (
        y.view(()) if y is self else y
    )


def _type_name(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _check_assigned(target, source):
    """Raises the words of expand: it is what makes an assigned value fit."""
    bare = source
    if len(source) > len(target):
        target_dims = (None,) * (len(source) - len(target)) + tuple(target)
    else:
        target_dims, source = tuple(target), (1,) * (len(target) - len(source)) + tuple(source)
    for d in reversed(range(len(source))):
        if source[d] != 1 and source[d] != target_dims[d]:
            raise RuntimeError(
                f"The expanded size of the tensor ({target_dims[d]}) must match the existing size "
                f"({source[d]}) at non-singleton dimension {d}.  Target sizes: {list(target)}.  "
                f"Tensor sizes: {list(bare)}"
            )


NUMBERS = (int, float, complex)


@composite("__setitem__(Tensor(a!) self, Any key, Any value) -> ()")
def setitem(self, key, value):
    """x[key] = value."""
    y, indices = (self, []) if key is Ellipsis else parse(self, key)
    if not isinstance(value, Tensor):
        if not any(index is not None for index in indices) and isinstance(value, NUMBERS):
            check_writable_memory(y.form)
            y.fill_(value)
            return
        if not isinstance(value, (*NUMBERS, np.generic)):
            raise TypeError(f"can't assign a {_type_name(value)} to a {self.type()}")
        value = registry["full"].function((), value, dtype=self.form.dtype)
    if not any(index is not None for index in indices):
        while value.form.ndim > y.form.ndim and value.form.shape[0] == 1:
            value = value.squeeze(0)
        _check_assigned(y.form.shape, value.form.shape)
        y.copy_(value)
        return
    shape = None
    masks = [index for index in indices if index is not None]
    if (
        len(masks) == 1
        and masks[0].form.kind == "bool"
        and value.form.numel == 1
        and value.form.ndim == 0
    ):
        value = value.to(self.form.dtype)  # torch fills here, and a fill converts
    while value.form.ndim and value.form.shape[0] == 1 and shape is None:
        shape = arrange(y, expand_masks(y, indices))[0]
        if value.form.ndim > len(shape):
            value, shape = value.squeeze(0), None
    y.index_put_(tuple(indices), value)


registry["index"].namespace = "tensor"

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
registry["index_put_"].names("index_put_")


@registry["__getitem__"].names
def _(self, key):
    return names.of_key(self, key)


def _set_with_names(self, key, value):
    """x[key] = value: what is assigned must agree with the names of the place it goes to."""
    if key is Ellipsis and isinstance(value, Tensor):
        self.copy_(value)
        return
    known = names.of_key(self.names, () if key is Ellipsis else key, "index_put_")
    if isinstance(value, Tensor):
        agreed = names.unify(known, value.names)
        if any(known) and agreed != known:
            raise names.mismatch(known, agreed)
    plainly(setitem.forward, (self, key, value), {}, [self])


registry["__setitem__"].named_road = _set_with_names
