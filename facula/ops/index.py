"""Indexing: x[...] and x[...] = v, gather and scatter, selection by index and by mask."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from facula.autograd.mode import mode
from facula.dispatch import (
    check_base_of_view,
    check_inplace,
    check_writable_memory,
    copy_of,
    dtype_word,
    learn_launch,
    overlaps,
    plainly,
    refuse_overlap,
    remember,
)
from facula.form import Form
from facula.late import Late
from facula.launch.indirect import access, as_index
from facula.launch.indirect import nonzero as nonzero_coordinates
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.shape import broadcast_shapes, wrap_dim
from facula.op import composite, operation, registry
from facula.tensor import Tensor, empty, share

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
            if index.form.kind not in INDEX_KINDS:
                raise IndexError(
                    "tensors used as indices must be long, int, byte or bool tensors"
                )
            if index.form.ndim == 0 and index.form.kind in ("i64", "i32"):
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
            (1,) * (len(spread) - index.form.ndim) + tuple(index.form.shape) + (1,) * len(back)
        )
        laid.append((wide, self.form.shape[d], self.form.strides[d], d))
    return tuple(shape), strides, laid


@operation("index(Tensor self, Tensor?[] indices) -> Tensor")
def index(self, indices):
    """Elements at the places that index tensors (one or None a dimension) name."""
    flat = expand_masks(self, indices)
    shape, strides, laid = arrange(self, flat)
    y = empty(self.form.dtype, shape)
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
            f"{_name(target)} for the destination and {_name(values)} for the source."
        )
    if values.block is target.block:
        values = copy_of(values)
    access("add" if accumulate else "put", values, target, strides, laid, shape)


def _name(tensor):
    return dtype_word(tensor.form.dtype)


@composite("index_put_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False) "
           "-> Tensor(a!)")
def index_put_(self, indices, values, accumulate=False):
    """Writes (or adds) values at the places that index tensors name."""
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
    if not (self.needs_grad and mode.enabled):
        kind = key.__class__
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


# --- along a dimension ---------------------------------------------------------------------------


def _check_index(name, index):
    if index.form.kind not in ("i64", "i32") and index.form.numel:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def _lines(self, dim, index):
    """Strides and index operand for gather and scatter: dim moves by the index, others plainly."""
    strides = [0 if d == dim else s for d, s in enumerate(self.form.strides)]
    return strides, [(as_index(index), self.form.shape[dim], self.form.strides[dim], dim)]


def _check_gather(name, self, dim, index, source=None):
    _check_index(name, index)
    ndim = max(self.form.ndim, 1)
    if index.form.numel and max(index.form.ndim, 1) != ndim:
        word = "self" if name.startswith("scatter") else "input"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {word} tensor")
    if source is not None and index.form.numel and max(source.form.ndim, 1) != ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    for d, (n, limit) in enumerate(zip(index.form.shape, self.form.shape, strict=False)):
        if d != dim and n > limit and index.form.numel:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.form.shape)} to "
                f"be no larger than self {list(self.form.shape)} apart from dimension {dim}"
            )


@operation("gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False, "
           "Tensor(a!)? out=None) -> Tensor")
def gather(self, dim, index, *, sparse_grad=False):
    """y[i][j] = self[index[i][j]][j] for dim 0, and so on."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_gather("gather", self, dim, index)
    y = empty(self.form.dtype, index.form.shape)
    if self.form.ndim == 0:
        self, index, y_flat = self.reshape(1), index.reshape(-1), y.reshape(-1)
    else:
        y_flat = y
    strides, laid = _lines(self, dim, index)
    access("take", y_flat, self, strides, laid, y_flat.form.shape, positive=True)
    return y


gather.tensor_names = ("self",)


@gather.gradient
def _(g, self_form, dim, index):
    return g.new_zeros(self_form.shape).scatter_add(dim, index, g)


REDUCTIONS = {"add": "add", "sum": "add", "multiply": "mul",
              "prod": "mul", "amax": "max", "amin": "min"}


def _scatter(mode, self, dim, index, src, into=None):
    """Combines src into `into`, a copy of self if not given."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_gather("scatter", self, dim, index, src)
    if src.form.dtype is not self.form.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    y = copy_of(self) if into is None else into
    shape = index.form.shape
    if src.form.ndim:
        for d, (n, limit) in enumerate(zip(shape, src.form.shape, strict=True)):
            if n > limit:
                raise RuntimeError(
                    f"Expected index {list(shape)} to be no larger than self "
                    f"{list(self.form.shape)} apart from dimension {dim} and to be no larger size "
                    f"than src {list(src.form.shape)}"
                )
            if limit > n:
                src = src.narrow(d, 0, n)
    target = y.reshape(1) if y.form.ndim == 0 else y
    if y.form.ndim == 0:
        index, src, shape = index.reshape(-1), src.reshape(-1), (index.form.numel,)
    strides, laid = _lines(target, dim, index)
    access(mode, src, target, strides, laid, shape, positive=True)
    return y


@operation("scatter_src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor")
def scatter_src(self, dim, index, src):
    """A copy of self with src written at index along dim."""
    return _scatter("put", self, dim, index, src)


scatter_src.tensor_names = ("self", "src")
scatter_src.node_name = "ScatterBackward0"


@scatter_src.gradient
def _(g, dim, index, src_form, needs):
    kept = registry["scatter"].function(g, dim, index, 0) if needs[0] else None
    passed = None
    if needs[1]:
        passed = g.gather(dim, index)
        if passed.form.shape != src_form.shape:
            whole = g.new_zeros(src_form.shape)
            part = whole
            for d, n in enumerate(passed.form.shape):
                part = part.narrow(d, 0, n)
            if src_form.ndim:
                part.copy_(passed)
                passed = whole
            else:
                passed = passed.sum()
    return kept, passed


@operation("scatter_add(Tensor self, int dim, Tensor index, Tensor src, *, Tensor(a!)? out=None) "
           "-> Tensor")
def scatter_add(self, dim, index, src):
    """A copy of self with src added at index along dim, in row-major order."""
    return _scatter("add", self, dim, index, src)


scatter_add.tensor_names = ("self", "src")


@scatter_add.gradient
def _(g, dim, index, src_form, needs):
    passed = None
    if needs[1]:
        passed = g.gather(dim, index)
        if passed.form.shape != src_form.shape:
            whole = g.new_zeros(src_form.shape)
            part = whole
            for d, n in enumerate(passed.form.shape):
                part = part.narrow(d, 0, n)
            part.copy_(passed)
            passed = whole
    return g if needs[0] else None, passed


@operation("scatter_combined(Tensor self, int dim, Tensor index, Tensor src, str way) -> Tensor")
def scatter_combined(self, dim, index, src, way):
    """A copy of self with src combined at index along dim: mul, max or min. Its gradient stands in
    scatter.py."""
    return _scatter(way, self, dim, index, src)


scatter_combined.namespace, scatter_combined.method = "internal", False


@composite((
    "scatter.value(Tensor self, int dim, Tensor index, Scalar value, *, Tensor(a!)? out=None) -> "
    "Tensor",
    "scatter.src(Tensor self, int dim, Tensor index, Tensor src, *, Tensor(a!)? out=None) -> "
    "Tensor",
    "scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce, Tensor(a!)? "
    "out=None) -> Tensor",
    "scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce, "
    "Tensor(a!)? out=None) -> Tensor",
))
def scatter(self, dim, index, src=None, *, value=None, reduce=None):
    """A copy of self with src (a tensor or a number) written at index along dim."""
    src = _scattered(self, index, value if src is None else src)
    if reduce is None:
        return registry["scatter_src"].function(self, dim, index, src)
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if reduce == "add":
        return registry["scatter_add"].function(self, dim, index, src)
    if self.needs_grad or src.needs_grad:
        raise NotImplementedError("scatter(): gradients of reduce='multiply' are not defined")
    return _scatter("mul", self, dim, index, src)


SCATTERS = {None: "put", "add": "add", "multiply": "mul"}


def _scattered(self, index, src):
    """What is scattered as a tensor of the index's dims."""
    if not isinstance(src, Tensor):
        src = registry["full"].function((), src if index.form.numel else 0, dtype=self.form.dtype)
    return src.expand(index.form.shape) if src.form.ndim == 0 and self.form.ndim else src


@composite((
    "scatter_.src(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)",
    "scatter_.value(Tensor(a!) self, int dim, Tensor index, Scalar value) -> Tensor(a!)",
    "scatter_.reduce(Tensor(a!) self, int dim, Tensor index, Tensor src, *, str reduce) -> "
    "Tensor(a!)",
    "scatter_.value_reduce(Tensor(a!) self, int dim, Tensor index, Scalar value, *, str reduce) "
    "-> Tensor(a!)",
))
def scatter_(self, dim, index, src=None, *, value=None, reduce=None):
    """In-place form of scatter."""
    check_inplace(self)
    check_base_of_view(self)
    if reduce not in SCATTERS:
        raise RuntimeError("reduce argument must be either add or multiply.")
    src = _scattered(self, index, value if src is None else src)
    if _is_recorded(self, src):
        return self.copy_(scatter.forward(self, dim, index, src, reduce=reduce))
    return _write(SCATTERS[reduce], self, dim, index, src)


@composite("scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)")
def scatter_add_(self, dim, index, src):
    """In-place form of scatter_add."""
    if _is_recorded(self, src):
        return self.copy_(self.scatter_add(dim, index, src))
    return _write("add", self, dim, index, src)


def _is_recorded(self, src):
    """Whether a graph must see a write of src into self."""
    base = self.base
    wanted = self.needs_grad or src.needs_grad or (base is not None and base.needs_grad)
    return mode.enabled and wanted


def _write(way, self, dim, index, src):
    """Scatters into self itself: places that no index names are not touched."""
    check_writable_memory(self.form)
    for one in (index, src):
        if one.block is self.block and (overlaps(self, one) or one.form is self.form):
            refuse_overlap(self, one)
    _scatter(way, self, dim, index, src, self)
    self.block.version += 1
    return self


@operation("index_select(Tensor self, int dim, Tensor index, *, Tensor(a!)? out=None) -> Tensor")
def index_select(self, dim, index):
    """The given indices of one dimension, in the given order."""
    dim = wrap_dim(dim, self.form.ndim)
    if index.form.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.form.kind not in ("i64", "i32"):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    source = self if self.form.ndim else self.reshape(1)
    shape = list(source.form.shape)
    shape[dim] = index.form.numel
    y = empty(self.form.dtype, tuple(shape))
    strides = [0 if d == dim else s for d, s in enumerate(source.form.strides)]
    wide = as_index(index).reshape((-1,) + (1,) * (len(shape) - dim - 1))
    if index.form.numel and source.form.shape[dim] == 0:
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    moved = (wide, source.form.shape[dim], source.form.strides[dim], dim)
    try:
        access("take", y, source, strides, [moved], shape, positive=True)
    except RuntimeError:
        raise IndexError("index out of range in self") from None
    return y if self.form.ndim else y.reshape(())


index_select.tensor_names = ("self",)


@index_select.gradient
def _(g, self_form, dim, index):
    return g.new_zeros(self_form.shape).index_add(dim, index, g)


@operation("index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1, "
           "Tensor(a!)? out=None) -> Tensor")
def index_add(self, dim, index, source, *, alpha=1):
    """A copy of self with alpha * source added at the given indices of one dimension."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_index("index_add", index)
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            f"index_add_(): self ({_name(self)}) and source ({_name(source)}) must have the same "
            "scalar type"
        )
    if index.form.numel != (source.form.shape[dim] if source.form.ndim else 1):
        if not source.form.ndim:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.form.numel}) should be equal to "
            f"source.size(dim): ({source.form.shape[dim] if source.form.ndim else 1}), for dim: "
            f"{dim}"
        )
    kept = source.form.shape[:dim] + source.form.shape[dim + 1 :]
    if (
        source.form.ndim != self.form.ndim
        or kept != self.form.shape[:dim] + self.form.shape[dim + 1 :]
    ):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(self.form.shape)} source.shape = {list(source.form.shape)}"
        )
    y = copy_of(self)
    _along("add", y, dim, index, source if alpha == 1 else source * alpha)
    return y


def _along(mode, target, dim, index, source, positive=True):
    target = target if target.form.ndim else target.reshape(1)
    source = source if source.form.ndim else source.reshape(1)
    strides = [0 if d == dim else s for d, s in enumerate(target.form.strides)]
    wide = as_index(index).reshape((-1,) + (1,) * (source.form.ndim - dim - 1))
    laid = [(wide, target.form.shape[dim], target.form.strides[dim], dim)]
    access(mode, source, target, strides, laid, source.form.shape, positive=positive)


index_add.tensor_names = ("self", "source")


@index_add.gradient
def _(g, dim, index, alpha, needs, source_form):
    passed = g.index_select(dim, index).reshape(source_form.shape) * alpha if needs[1] else None
    return g if needs[0] else None, passed


@operation("index_copy(Tensor self, int dim, Tensor index, Tensor source, *, Tensor(a!)? out=None) "
           "-> Tensor")
def index_copy(self, dim, index, source):
    """A copy of self with source written at the given indices of one dimension."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_index("index_copy", index)
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{_name(self)} and (source) {_name(source)}"
        )
    count = source.form.shape[dim] if source.form.ndim else 1
    if index.form.numel != count:
        raise IndexError(
            f"index_copy_(): Number of indices ({index.form.numel}) should be equal to "
            f"source.size(dim) ({count})"
        )
    kept = source.form.shape[:dim] + source.form.shape[dim + 1 :]
    if source.form.ndim and kept != self.form.shape[:dim] + self.form.shape[dim + 1 :]:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {list(self.form.shape[:dim] + self.form.shape[dim + 1 :])} at dimension "
            f"{dim} and source slice shape: {list(kept)} at dimension 0."
        )
    y = copy_of(self)
    try:
        _along("put", y, dim, index, source)
    except RuntimeError as error:
        raise IndexError(f"index_copy_(): {error}") from None
    return y


index_copy.tensor_names = ("self", "source")


@index_copy.gradient
def _(g, dim, index, needs):
    kept = g.index_fill(dim, index, 0) if needs[0] else None
    return kept, g.index_select(dim, index) if needs[1] else None


@composite((
    "index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
    "index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
))
def index_fill(self, dim, index, value):
    """A copy of self with a number at the given indices of one dimension."""
    if isinstance(value, Tensor):
        if value.form.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.form.ndim} dimension(s)."
            )
        if value.needs_grad and mode.enabled:
            # A place named twice holds the number once, and so does its gradient.
            size = self.form.shape[wrap_dim(dim, self.form.ndim)] if self.form.ndim else 1
            _check_bounds(index, size)
            index = registry["unique"].function(index.remainder(size) if size else index)
            shape = list(self.form.shape) or [1]
            shape[wrap_dim(dim, self.form.ndim)] = index.form.numel
            spread = value.to(self.form.dtype).expand(shape if self.form.ndim else ())
            return self.index_copy(dim, index, spread)
    return registry["index_fill_plain"].function(self, dim, index, value)


def _check_bounds(index, size):
    outside = index[(index >= size) | (index < -size)]
    if outside.form.numel:
        raise IndexError(f"index {outside[0].item()} is out of bounds for size {size}")


@operation("index_fill_plain(Tensor self, int dim, Tensor index, Any value) -> Tensor")
def index_fill_plain(self, dim, index, value):
    """A copy of self with a number at the given indices of one dimension."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_index("index_fill", index)
    y = copy_of(self)
    shape = list(y.form.shape) or [1]
    shape[dim] = index.form.numel
    number = (
        value
        if isinstance(value, Tensor)
        else registry["full"].function((), value, dtype=y.form.dtype)
    )
    _along("put", y, dim, index, number.detach().to(y.form.dtype).expand(tuple(shape)), False)
    return y


index_fill_plain.tensor_names = ("self",)
index_fill_plain.node_name = "IndexFillBackward0"
index_fill_plain.namespace, index_fill_plain.method = "internal", False


@index_fill_plain.gradient
def _(g, dim, index):
    return g.index_fill(dim, index, 0)


def _inplace(name, *arguments):
    def run(self, *args, **kwargs):
        check_inplace(self)
        check_base_of_view(self)
        return self.copy_(registry[name].function(self, *args, **kwargs))

    schemas = [f"{name}_(Tensor(a!) self, {one}) -> Tensor(a!)" for one in arguments]
    composite(schemas, f"In-place form of {name}.")(run)


_inplace("index_add", "int dim, Tensor index, Tensor source, *, Scalar alpha=1")
_inplace("index_copy", "int dim, Tensor index, Tensor source")
_inplace("index_fill", "int dim, Tensor index, Tensor value", "int dim, Tensor index, Scalar value")

# --- by mask -------------------------------------------------------------------------------------


@composite("nonzero(Tensor self, *, Tensor(a!)? out=None, bool as_tuple=False) -> Tensor")
def nonzero(self, *, as_tuple=False):
    """Coordinates of the elements that are not 0: one row each, or one tensor a dimension."""
    if as_tuple:
        places = _by_column(nonzero_coordinates(self if self.form.ndim else self.reshape(1)))
        return tuple([places.select(1, k) for k in range(places.form.shape[1])])
    return _by_column(nonzero_coordinates(self))


def _by_column(places):
    """torch's layout of coordinates: those of a dimension lie together."""
    return copy_of(places.t()).as_strided(places.form.shape, (1, places.form.shape[0]))


@composite("argwhere(Tensor self) -> Tensor")
def argwhere(self):
    """Coordinates of the elements that are not 0, one row each."""
    return _by_column(nonzero_coordinates(self))


@composite("masked_select(Tensor self, Tensor mask, *, Tensor(a!)? out=None) -> Tensor")
def masked_select(self, mask):
    """The elements where the mask is true, in one dimension."""
    if mask.form.kind != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(self.form.shape, mask.form.shape)
    spread, chosen = self.expand(shape), mask.expand(shape)
    if not shape:
        spread, chosen = spread.reshape(1), chosen.reshape(1)
    return registry["index"].function(spread, (chosen,))


@composite("take(Tensor self, Tensor index, *, Tensor(a!)? out=None) -> Tensor")
def take(self, index):
    """Elements by their number in row-major order."""
    if index.form.kind != "i64":
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {_name(index)}")
    if index.form.numel and not self.form.numel:
        raise IndexError("take(): tried to take from an empty tensor")
    try:
        return registry["index"].function(self.reshape(-1), (index,))
    except IndexError as error:
        number = str(error).split()[1]
        raise IndexError(
            f"out of range: tried to access index {number} on a tensor of {self.form.numel} "
            "elements."
        ) from None


@composite("embedding(Tensor weight, Tensor indices, int padding_idx=-1, "
           "bool scale_grad_by_freq=False, bool sparse=False) -> Tensor")
def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """Rows of weight by number; row `padding_idx` gets no gradient."""
    if weight.form.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if indices.form.kind not in ("i64", "i32"):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{_name(indices)}Tensor instead (while checking arguments "
            "for embedding)"
        )
    return registry["embedding_rows"].function(
        weight, indices, padding_idx, scale_grad_by_freq, sparse
    )


@operation("embedding_rows(Tensor weight, Tensor indices, int padding_idx, "
           "bool scale_grad_by_freq, bool sparse) -> Tensor")
def embedding_rows(weight, indices, padding_idx, scale_grad_by_freq, sparse):
    """Rows of weight by number."""
    y = empty(weight.form.dtype, (*indices.form.shape, weight.form.shape[1]))
    strides = [0] * indices.form.ndim + [weight.form.strides[1]]
    wide = as_index(indices).reshape((*indices.form.shape, 1))
    moved = (wide, weight.form.shape[0], weight.form.strides[0], 0)
    try:
        access("take", y, weight, strides, [moved], y.form.shape, positive=True)
    except RuntimeError:
        raise IndexError("index out of range in self") from None
    return y


embedding_rows.tensor_names = ("weight",)
embedding_rows.node_name = "EmbeddingBackward0"


@embedding_rows.gradient
def _(g, weight_form, indices, padding_idx, scale_grad_by_freq, sparse):
    if sparse:
        raise NotImplementedError("embedding(): sparse gradients are not supported")
    flat = indices.reshape(-1)
    rows = g.reshape(flat.form.numel, weight_form.shape[1])
    if padding_idx >= 0:
        rows = rows * (flat != padding_idx).to(g.form.dtype).unsqueeze(1)
    if scale_grad_by_freq:
        ones = registry["ones"].function(flat.form.numel, dtype=g.form.dtype)
        counts = g.new_zeros((weight_form.shape[0],)).index_add(0, flat, ones)
        rows = rows / counts.index_select(0, flat).unsqueeze(1)
    return g.new_zeros(weight_form.shape).index_add(0, flat, rows)


@composite("one_hot(Tensor self, int num_classes=-1) -> Tensor")
def one_hot(self, num_classes=-1):
    """1 at the class of each element, 0 elsewhere, in a new last dimension."""
    if self.form.kind != "i64":
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if self.form.numel == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return registry["zeros"].function((*self.form.shape, num_classes), dtype=dtypes.int64)
    if bool((self < 0).any()):
        raise RuntimeError("Class values must be non-negative.")
    largest = int(self.amax().item())
    if num_classes == -1:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    classes = registry["arange"].function(num_classes)
    return (self.unsqueeze(-1) == classes).to(dtypes.int64)


# --- more of the same, written with the above ----------------------------------------------------


@composite("take_along_dim(Tensor self, Tensor indices, int? dim=None, *, Tensor(a!)? out=None) "
           "-> Tensor")
def take_along_dim(self, indices, dim=None):
    """Like gather, with self and indices broadcast against each other."""
    if dim is None:
        self, indices, dim = self.reshape(-1), indices.reshape(-1), 0
    if self.form.ndim != indices.form.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {self.form.ndim} dimensions for input, and {indices.form.ndim} dimensions "
            "for indices"
        )
    dim = wrap_dim(dim, self.form.ndim)
    mine, theirs = list(self.form.shape), list(indices.form.shape)
    mine[dim] = theirs[dim] = 1
    shape = list(broadcast_shapes(tuple(mine), tuple(theirs)))
    shape[dim] = self.form.shape[dim]
    x = self.expand(tuple(shape))
    shape[dim] = indices.form.shape[dim]
    # torch takes negative indices here, and only here, as the rest of a division by the size.
    places = indices.where(indices >= 0, indices % max(self.form.shape[dim], 1))
    return x.gather(dim, places.expand(tuple(shape)))


@composite("masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor")
def masked_scatter(self, mask, source):
    """A copy of self with the elements of source, in order, where the mask is true."""
    if mask.form.kind != "bool":
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{dtype_word(mask.form.dtype)}"
        )
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {_name(self)} "
            f"and {_name(source)}"
        )
    shape = broadcast_shapes(self.form.shape, mask.form.shape)
    x, chosen = self.expand(shape), mask.expand(shape)
    count = int(chosen.sum().item())
    if count > source.form.numel:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    return registry["index_put"].function(x, (chosen,), source.reshape(-1).narrow(0, 0, count))


@composite("masked_scatter_(Tensor(a!) self, Tensor mask, Tensor source) -> Tensor(a!)")
def masked_scatter_(self, mask, source):
    """In-place form of masked_scatter."""
    return self.copy_(self.masked_scatter(mask, source))


@composite("put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor")
def put_at(self, index, source, accumulate=False):
    """A copy of self with elements, by their number in row-major order, written or added."""
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{_name(self)} and source.dtype = {_name(source)}"
        )
    flat = registry["index_put"].function(
        self.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate
    )
    return flat.reshape(self.form.shape)


@composite("put_(Tensor(a!) self, Tensor index, Tensor source, bool accumulate=False) "
           "-> Tensor(a!)")
def put_(self, index, source, accumulate=False):
    """In-place form of put."""
    return self.copy_(self.put(index, source, accumulate))


@composite("fill_diagonal_(Tensor(a!) self, Scalar fill_value, bool wrap=False) -> Tensor(a!)")
def fill_diagonal_(self, fill_value, wrap=False):
    """The main diagonal becomes a number."""
    if self.form.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if wrap:
        raise NotImplementedError("fill_diagonal_(): wrap is not supported yet")
    if self.form.ndim > 2 and len(set(self.form.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    size = min(self.form.shape)
    self.as_strided((size,), (sum(self.form.strides),), self.storage_offset()).fill_(fill_value)
    return self


@composite("select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor")
def select_scatter(self, src, dim, index):
    """A copy of self with src in place of one index of a dimension."""
    y = self.clone_contiguous()
    y.select(dim, index).copy_(src)
    return y


@composite("slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, "
           "int step=1) -> Tensor")
def slice_scatter(self, src, dim=0, start=None, end=None, step=1):
    """A copy of self with src in place of a slice of a dimension."""
    y = self.clone_contiguous()
    registry["slice"].function(y, dim, start, end, step).copy_(src)
    return y


@composite("diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) "
           "-> Tensor")
def diagonal_scatter(self, src, offset=0, dim1=0, dim2=1):
    """A copy of self with src in place of a diagonal."""
    y = self.clone_contiguous()
    y.diagonal(offset, dim1, dim2).copy_(src)
    return y


@composite((
    "repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, SymInt? "
    "output_size=None) -> Tensor",
    "repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> Tensor",
    "repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? "
    "output_size=None) -> Tensor",
))
def repeat_interleave(self, repeats=None, dim=None, *, output_size=None):
    """Each element of a dim several times in a row."""
    if repeats is None:
        numbers = registry["arange"].function(self.form.numel).numpy()
        return registry["tensor"].function(np.repeat(numbers, self.detach().numpy()))
    x = self.reshape(-1) if dim is None else self
    if dim is not None and not self.form.ndim:
        wrap_dim(1, 0)  # torch looks at the next dim too
    dim = 0 if dim is None else wrap_dim(dim, self.form.ndim)
    size = x.form.shape[dim] if x.form.ndim else 1
    counts = np.asarray(repeats.detach().numpy() if isinstance(repeats, Tensor) else repeats)
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    if counts.size not in (1, size):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got "
            f"repeats.size(0) = {counts.size} and input.size({dim}) = {size}"
        )
    places = np.repeat(np.arange(size), counts.reshape(-1))
    return x.index_select(dim, registry["tensor"].function(places))


def _triangle_indices(name):
    @composite(f"{name}(int row, int col, int offset=0, *, ScalarType? dtype=long, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
               "Rows and columns of the places in a triangle of a matrix.")
    def places(row, col, offset=0, *, dtype=dtypes.int64, device=None, layout=None):
        return registry["tensor"].function(np.stack(getattr(np, name)(row, offset, col))).to(dtype)


_triangle_indices("tril_indices")
_triangle_indices("triu_indices")

# Where records stand that are no functions of torch itself.
for _record in ("one_hot",):
    registry[_record].namespace = "nn"
    registry[_record].method = False
for _record in ("index",):
    registry[_record].namespace = "tensor"
for _record in ("embedding_rows", "scatter_src"):
    registry[_record].namespace = "internal"
    registry[_record].method = False

# Forms alone decide what these come to: one launch, in the common cases.
for _one in ("gather", "index_select"):
    registry[_one].is_launch = True

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
registry["index_fill"].names(names.same)
for _key, _refused in (
    ("index_put_", "index_put_"), ("scatter", "scatter.src"), ("argwhere", "nonzero"),
    ("one_hot", "unsqueeze"), ("take_along_dim", "gather"), ("repeat_interleave", "view"),
):  # fmt: skip
    registry[_key].names(_refused)


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


def _index_fill_with_names(self, dim, index, value):
    return self.copy_(registry["index_fill"].function(self, dim, index, value))


registry["index_fill_"].named_road = _index_fill_with_names
registry["__setitem__"].named_road = _set_with_names


@registry["masked_select"].names
def _(self, mask):
    names.unify(self, mask)
