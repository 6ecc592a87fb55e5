"""Moving data: copies, fills, conversions, joins."""

from collections.abc import Callable
from typing import Any

from facula.autograd.mode import mode
from facula.autograd.views import rebase
from facula.dispatch import (
    NUMBER_WORDS,
    RESULT,
    TENSOR,
    alias,
    check_base_of_view,
    check_inplace,
    check_writable_memory,
    convert,
    copy_into,
    copy_kernel,
    copy_of,
    fill_kernel,
    fill_launch,
    launcher,
    overlaps,
    recipe_of,
    record_list,
    record_operation,
    refuse_overlap,
    remember,
)
from facula.form import Form, form_of
from facula.meta import dtype as dtypes
from facula.meta import layout as layouts
from facula.meta import names
from facula.meta.device import check_cpu
from facula.meta.device import device as device_type
from facula.meta.geometry import restride_like, strides_in
from facula.meta.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    preserve_format,
)
from facula.meta.shape import broadcast_shapes, wrap_dim
from facula.op import composite, operation, registry
from facula.tensor import Tensor, allocate, empty, share, wrap

# --- copies --------------------------------------------------------------------------------------

@operation("clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor")
def clone(self, *, memory_format=None):
    """A copy; dense tensors keep their strides."""
    form = self.form
    if memory_format is not None and memory_format is not preserve_format:
        y = allocate(form_of(form.dtype, form.shape, strides_in(memory_format, form.shape)))
        copy_into(y, self)
        return y
    strides = form.strides if form.dense else restride_like(form.shape, [form.strides])
    y = allocate(form_of(form.dtype, form.shape, strides))
    copy_into(y, self)
    return y


@clone.gradient
def _(g):
    return g


@operation("_clone_contiguous(Tensor self) -> Tensor")
def _clone_contiguous(self):
    """A row-major copy."""
    return copy_of(self)


@_clone_contiguous.gradient
def _(g):
    return g


@composite("clone_as(Tensor self, Any form) -> Tensor")
def clone_as(self, form):
    """A copy with a form's dtype, shape and strides (contiguous if the form overlaps itself)."""
    wanted = form if form.dense else form_of(form.dtype, form.shape)
    y = allocate(wanted)
    copy_into(y, self)
    return y


@composite("contiguous(Tensor(a) self, *, MemoryFormat memory_format=contiguous_format) "
           "-> Tensor(a)")
def contiguous(self, *, memory_format=None):
    """The tensor itself if it lies in the memory format (row-major unless given), else a copy."""
    if memory_format is not None and memory_format is not contiguous_format:
        if self.is_contiguous(memory_format):
            return self
        if memory_format is preserve_format:
            raise RuntimeError(
                "preserve memory format is unsupported by the contiguous operator"
            )
        return registry["clone"].function(self, memory_format=memory_format)
    return self if self.form.contiguous else registry["_clone_contiguous"].function(self)


@operation("convert(Tensor self, ScalarType dtype) -> Tensor")
def convert_(self, dtype):
    """A copy in another dtype."""
    return convert(self, dtype)


registry["convert"].node_name = "ToCopyBackward0"


@convert_.gradient
def _(g, self_form):
    return (
        g if g.form.dtype is self_form.dtype else registry["convert"].function(g, self_form.dtype)
    )


@composite("to(Tensor(a) self, ScalarType? dtype=None, *, bool non_blocking=False, "
           "bool copy=False) -> Tensor(a)")
def to(self, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None):
    """The tensor in another dtype, place or memory format: `to(dtype)`, `to(device, dtype)`,
    `to(other)`, `to(memory_format=...)`.

    >>> import facula as torch
    >>> torch.ones(1, 3, 2, 2).to(memory_format=torch.channels_last).stride()
    (12, 1, 6, 3)
    """
    for one in args:
        if type(one) is dtypes.dtype:
            dtype = one
        elif isinstance(one, Tensor):
            dtype = one.form.dtype
        elif isinstance(one, (str, device_type)) or type(one) is int:
            device = one
        elif isinstance(one, bool) or one is None:
            continue
        elif isinstance(one, type) and one in PYTHON_TYPES:
            dtype = PYTHON_TYPES[one]
        else:
            raise TypeError(
                f"to() received an invalid combination of arguments - got ({type(one).__name__})"
            )
    if device is not None:
        check_cpu(device)
    keep = memory_format is None or memory_format is preserve_format
    if dtype is None or dtype is self.form.dtype:
        if copy or not (keep or memory_format is _suggested(self.form)):
            return registry["clone"].function(self, memory_format=memory_format)
        return self
    converted = registry["convert"].function(self, dtype)
    return converted if keep else converted.contiguous(memory_format=memory_format)


to.checked = False  # its arguments may come in any order


def _suggested(form):
    """The memory format whose order the strides are in."""
    if form.suggests_last:
        return channels_last if form.ndim == 4 else channels_last_3d
    return contiguous_format


PYTHON_TYPES = {
    float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128,
}  # fmt: skip


def _conversion(name, dtype):
    def convert_to(self, memory_format=layouts.preserve_format):
        if memory_format is not layouts.preserve_format:
            return self.to(dtype, memory_format=memory_format)
        return self if self.form.dtype is dtype else registry["convert"].function(self, dtype)

    made = composite(
        f"{name}(Tensor(a) self, *, MemoryFormat? memory_format=None) -> Tensor(a)",
        f"The tensor as {dtype}.",
    )(convert_to)
    made.namespace = "tensor"


for _name, _dtype in dtypes.ALIASES.items():
    _conversion(_name, _dtype)
_conversion("bfloat16", dtypes.bfloat16)
_conversion("char", dtypes.int8)
_conversion("byte", dtypes.uint8)
_conversion("bool", dtypes.bool_)


@composite("type_as(Tensor self, Tensor other) -> Tensor")
def type_as(self, other):
    """The tensor in the dtype of another."""
    return self.to(other.form.dtype)


# --- writes --------------------------------------------------------------------------------------


@composite("copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)")
def copy_(self, src, non_blocking=False):
    """self becomes src, broadcast and converted.

    src broadcasts to self, which keeps its shape and dtype. Raises RuntimeError where it does not.
    """
    try:
        run = _writes[self.form, src.form]
        base, storage = self.base, self.block
        wanted = self.needs_grad or src.needs_grad or (base is not None and base.needs_grad)
        if not (wanted and mode.enabled) and storage.address != src.block.address:
            run(src, self)
            storage.version += 1
            return self
    except (KeyError, AttributeError):
        pass
    if not isinstance(src, Tensor):
        src = registry["tensor"].function(src, dtype=self.form.dtype)
    if (
        self.form.shape != src.form.shape
        and broadcast_shapes(self.form.shape, src.form.shape) != self.form.shape
    ):
        raise RuntimeError(
            f"output with shape {list(self.form.shape)} doesn't match the broadcast shape "
            f"{list(broadcast_shapes(self.form.shape, src.form.shape))}"
        )
    y = write(self, src)
    key = (self.form, src.form)
    if key not in _writes and src.form.numel and src is not self:
        kernel, sizes = copy_kernel(*key)
        remember(_writes, key, launcher(kernel, (*sizes, TENSOR, TENSOR)))
    return y


# Launches that write a form into another, once the general road has found nothing against it.
_writes: dict[tuple[Form, Form], Callable[..., Any]] = {}


def write(target, source):
    """target[...] = source, recorded if either needs a gradient."""
    check_inplace(target)
    check_base_of_view(target)
    if source is target:
        return target
    check_writable_memory(target.form)
    before = alias(target)
    if overlaps(target, source):
        if source.form.shape == target.form.shape:
            refuse_overlap(target, source)
        copy_into(target, copy_of(source))
    else:
        copy_into(target, source)
    target.block.version += 1
    if (
        mode.enabled
        and (before.needs_grad or source.needs_grad)
        and target.form.tracked
    ):
        made = wrap(target.block, target.address, target.form)
        record_operation(overwrite, made, {"self": before, "source": source})
        rebase(target, made.edge)
    return target


@operation("overwrite(Tensor self, Tensor source) -> Tensor")
def overwrite(self, source):
    """The record of a write: nothing of self remains, everything comes from source."""
    raise AssertionError("overwrite is recorded by copy_, never called")


overwrite.node_name = "CopyBackwards"


@overwrite.gradient
def _(g, needs, source_form):
    kept = registry["zeros_like"].function(g) if needs[0] else None
    if not needs[1]:
        return kept, None
    passed = g.sum_to_size(source_form.shape)
    return kept, passed.to(source_form.dtype)


@composite((
    "fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)",
    "fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)",
))
def fill_(self, value):
    """Every element becomes a number."""
    try:
        run = _fills[self.form, value.__class__]
        base = self.base
        if -ROOM <= value <= ROOM and not (
            (self.needs_grad or (base is not None and base.needs_grad)) and mode.enabled
        ):
            run(self, value)
            self.block.version += 1
            return self
    except (KeyError, AttributeError, OverflowError):
        pass
    if isinstance(value, Tensor):
        if value.form.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value.form.ndim} dimensions."
            )
        return write(self, value)
    check_inplace(self)
    check_base_of_view(self)
    kind = self.form.dtype
    if isinstance(value, complex) and not kind.is_complex:
        if value.imag:
            word = C_NAMES.get(kind.name, kind.name)
            raise RuntimeError(f"value cannot be converted to type {word} without overflow")
        value = value.real
    if isinstance(value, int):
        dtypes.check_int(value)
    if kind.is_floating_point and dtypes.finfo(kind).max < abs(value) < float("inf"):
        raise RuntimeError(
            f"value cannot be converted to type {C_NAMES[kind.name]} without overflow"
        )
    if kind.kind in "iu" and not _fits(value, kind):
        raise RuntimeError(f"value cannot be converted to type {kind.name}_t without overflow")
    before = alias(self)
    fill_launch(_once(self), value)
    self.block.version += 1
    if mode.enabled and before.needs_grad:
        made = wrap(self.block, self.address, self.form)
        record_operation(overwrite, made, {"self": before, "source": self.new_empty(())})
        rebase(self, made.edge)
    elif self.form.kind in ROOMY and self.form.dense and type(value) in NUMBER_WORDS:
        kernel, sizes = fill_kernel(self.form, type(value))
        run = launcher(kernel, (*sizes, TENSOR, NUMBER_WORDS[type(value)]))
        remember(_fills, (self.form, type(value)), run)
    return self


# Launches that fill a form with a number; in kinds that take every number of at most ROOM.
_fills: dict[tuple[Form, type], Callable[..., Any]] = {}
ROOMY = frozenset(("f32", "f64"))
ROOM = dtypes.finfo(dtypes.float32).max
# What torch's messages call element types.
C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "bool": "bool", "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int",
    "int64": "int64_t",
}  # fmt: skip


def _once(self):
    """A view of an expanded tensor that holds each place in memory once."""
    form = self.form
    if form.dense:
        return self
    shape = tuple(
        1 if s == 0 and n > 1 else n for n, s in zip(form.shape, form.strides, strict=True)
    )
    return (
        self
        if shape == form.shape
        else wrap(self.block, self.address, form_of(form.dtype, shape, form.strides))
    )


def _fits(value, kind):
    bits = 8 * kind.itemsize
    if isinstance(value, float):
        limits = dtypes.iinfo(kind)
        return limits.min <= value <= limits.max
    low, high = (-(2 ** (bits - 1)), 2**bits - 1)
    return (
        low <= int(value) <= high
        if kind.kind == "u" or bits < 64
        else -(2**63) <= int(value) < 2**63
    )


@composite("zero_(Tensor(a!) self) -> Tensor(a!)")
def zero_(self):
    """Every element becomes 0."""
    return self.fill_(0)


@composite(
    "resize_(Tensor(a!) self, SymInt[] size, *, MemoryFormat? memory_format=None) -> Tensor(a!)"
)
def resize_(self, *size):
    """Another contiguous shape over the same storage, which may grow (new elements: anything)."""
    if len(size) == 1 and not isinstance(size[0], int):
        size = tuple(size[0])
    if self.needs_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if any(n < 0 for n in size):
        raise RuntimeError("numel: integer multiplication overflow")
    if tuple(size) == tuple(self.form.shape):
        return self
    form = form_of(self.form.dtype, tuple(size))
    offset = self.address - self.block.address
    if offset + form.nbytes > self.block.length:
        self.block.grow(offset + form.nbytes)
    self.address = self.block.address + offset
    self.form = form
    return self


@composite(
    "resize_as_(Tensor(a!) self, Tensor the_template, *, MemoryFormat? memory_format=None) -> "
    "Tensor(a!)"
)
def resize_as_(self, the_template):
    """Another shape over the same storage: that of another tensor."""
    return self.resize_(tuple(the_template.form.shape))


@composite("sum_to_size(Tensor self, int[] size) -> Tensor")
def sum_to_size(self, *size):
    """The sum over the dimensions along which `size` would be broadcast."""
    if len(size) == 1 and not isinstance(size[0], int):
        size = tuple(size[0])
    shape = self.form.shape
    if not size:
        return self.sum()
    if shape == size:
        return self
    missing = len(shape) - len(size)
    if missing < 0 or any(n not in (1, m) for n, m in zip(size, shape[missing:], strict=True)):
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(shape)}}}.")
    dims = [
        d for d in range(len(shape)) if d < missing or (size[d - missing] == 1 and shape[d] != 1)
    ]
    result = self.sum(tuple(dims), keepdim=True) if dims else self
    return result.reshape(tuple(size))


# --- joins ---------------------------------------------------------------------------------------


@operation("cat(Tensor[] tensors, int dim=0, *, Tensor(a!)? out=None) -> Tensor")
def cat(tensors, dim=0):
    """Tensors joined along an existing dimension."""
    if isinstance(tensors, Tensor):
        raise TypeError(
            "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"
        )
    tensors = list(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for k, one in enumerate(tensors):
        if not isinstance(one, Tensor):
            raise TypeError(
                f"expected Tensor as element {k} in argument 0, but got {type(one).__name__}"
            )
    kept = [one for one in tensors if one.form.shape != (0,)]
    common = dtypes.result_type([(one.form.dtype, one.form.ndim) for one in tensors])
    if not kept:
        return empty(common, (0,))
    for place, one in enumerate(tensors):
        if not one.form.ndim:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {place}) cannot be concatenated"
            )
    first = kept[0].form.shape
    dim = wrap_dim(dim, len(first))
    for k, one in enumerate(kept):
        if one.form.ndim != len(first):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {one.form.ndim}"
            )
        for d, (a, b) in enumerate(zip(first, one.form.shape, strict=True)):
            if d != dim and a != b:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but "
                    f"got size {b} for tensor number {k} in the list."
                )
    total = sum(one.form.shape[dim] for one in kept)
    y = empty(common, (*first[:dim], total, *first[dim + 1 :]))
    start = 0
    step = y.form.strides[dim] * y.form.itemsize
    for one in kept:
        if one.form.numel:
            copy_into(share(y, form_of(common, one.form.shape, y.form.strides), start * step), one)
        start += one.form.shape[dim]
    return y


@cat.gradient
def _(g, tensors_form, dim, needs):
    results: list[Tensor | None] = []
    start = 0
    dim = wrap_dim(dim, g.ndim)
    for form, needed in zip(tensors_form, needs[0], strict=True):
        if form.shape == (0,):
            results.append(None)
            continue
        size = form.shape[dim]
        results.append(g.narrow(dim, start, size).to(form.dtype) if needed else None)
        start += size
    return (results,)


@composite("concat(Tensor[] tensors, int dim=0, *, Tensor(a!)? out=None) -> Tensor")
def concat(tensors, dim=0):
    """Another name of cat.

    Shapes that differ in dim only; the result has their sum there. Raises RuntimeError for others
    or none.
    """
    return registry["cat"].function(tensors, dim)


@operation("stack(Tensor[] tensors, int dim=0, *, Tensor(a!)? out=None) -> Tensor")
def stack(tensors, dim=0):
    """Tensors of one shape joined along a new dimension."""
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0].form.shape
    dim = wrap_dim(dim, len(shape) + 1)
    for k, one in enumerate(tensors):
        if one.form.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(one.form.shape)} at entry {k}"
            )
    return cat.forward([one.unsqueeze(dim) for one in tensors], dim)


@stack.gradient
def _(g, tensors_form, dim, needs):
    dim = wrap_dim(dim, g.form.ndim)
    parts = [
        g.select(dim, k).to(form.dtype) if needed else None
        for k, (form, needed) in enumerate(zip(tensors_form, needs[0], strict=True))
    ]
    return (parts,)


def _join(record, forms, dim):
    """Launches that lay tensors of some forms side by side: the first makes the result."""
    shapes = [form.shape for form in forms]
    if record is stack:
        dim = wrap_dim(dim, forms[0].ndim + 1)
        whole = (*shapes[0][:dim], len(forms), *shapes[0][dim:])
    else:
        dim = wrap_dim(dim, forms[0].ndim)
        whole = (*shapes[0][:dim], sum(n[dim] for n in shapes), *shapes[0][dim + 1 :])
    result = form_of(forms[0].dtype, whole)
    strides = result.strides
    inner = (*strides[:dim], *strides[dim + 1 :]) if record is stack else strides
    launches, start = [], 0
    for shape, form in zip(shapes, forms, strict=True):
        kernel, sizes = copy_kernel(form_of(form.dtype, shape, inner), form)
        target = (TENSOR if start else RESULT).at(start * strides[dim] * form.itemsize)
        launches.append(launcher(kernel, (*sizes, TENSOR, target), None if start else result))
        start += 1 if record is stack else shape[dim]
    return launches


def _short_join(record):
    """The short road of cat and stack: the same forms have been joined before."""

    def road(slow):
        joins = record.looks

        def function(tensors=(), dim=0, *more, **named):
            if "axis" in named and dim == 0:
                return slow(tensors, *more, **named)
            if more or named or (tensors.__class__ is not tuple and tensors.__class__ is not list):
                return slow(tensors, dim, *more, **named)
            try:
                forms = [one.form for one in tensors]
                launches = joins[(dim, dim.__class__, *forms)]
            except (KeyError, TypeError, AttributeError):
                y = slow(tensors, dim)
                _learn_join(record, tensors, dim)
                return y
            if launches is None:
                return slow(tensors, dim)
            y = None
            for launch, one in zip(launches, tensors, strict=True):
                y = launch(one) if y is None else launch(one, y) or y
            if mode.enabled:
                for one in tensors:
                    if one.needs_grad:
                        if record.recipe is None:
                            record.recipe = recipe_of(record)
                        record_list(record, y, tensors, {"tensors_form": forms, "dim": dim})
                        break
            return y

        return function

    record.short_road = road


def _learn_join(record, tensors, dim):
    """Prepares the short road for tensors that have just been joined, where it is plain enough."""
    forms = [one.form for one in tensors]
    if isinstance(dim, str) or any(form.names is not None for form in forms):
        return
    plain = all(form.numel and form.dtype is forms[0].dtype for form in forms)
    known = _join(record, forms, dim) if plain and len(forms) <= LONGEST_JOIN else None
    remember(record.looks, (dim, type(dim), *forms), known)


# Longer lists are joined on the general road: a prepared launch a tensor takes memory.
LONGEST_JOIN = 64
for _record in (cat, stack):
    _short_join(_record)


def _check_some(name, tensors):
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


@composite("hstack(Tensor[] tensors, *, Tensor(a!)? out=None) -> Tensor")
def hstack(tensors):
    """Joined along dimension 1 (0 for vectors).

    (n, a), (n, b), ... give (n, a + b + ...); vectors are joined, or made columns. Raises
    RuntimeError for shapes that do not fit.
    """
    _check_some("hstack", tensors)
    tensors = [one.reshape(1) if one.ndim == 0 else one for one in tensors]
    return registry["cat"].function(tensors, 0 if tensors[0].ndim == 1 else 1)


@composite("vstack(Tensor[] tensors, *, Tensor(a!)? out=None) -> Tensor")
def vstack(tensors):
    """Joined along dimension 0, vectors as rows.

    (a, m), (b, m), ... give (a + b + ..., m); vectors count as rows. Raises RuntimeError for shapes
    that do not fit.
    """
    _check_some("vstack", tensors)
    return registry["cat"].function(
        [one.reshape(1, -1) if one.ndim < 2 else one for one in tensors], 0
    )


@composite("row_stack(Tensor[] tensors, *, Tensor(a!)? out=None) -> Tensor")
def row_stack(tensors):
    """Another name of vstack.

    (a, m), (b, m), ... give (a + b + ..., m); vectors count as rows. Raises RuntimeError for shapes
    that do not fit.
    """
    return registry["vstack"].function(tensors)


@composite("concatenate(Tensor[] tensors, int dim=0, *, Tensor(a!)? out=None) -> Tensor")
def concatenate(tensors, dim=0):
    """Another name of cat.

    Shapes that differ in dim only; the result has their sum there. Raises RuntimeError for others
    or none.
    """
    return registry["cat"].function(tensors, dim)


@composite("column_stack(Tensor[] tensors, *, Tensor(a!)? out=None) -> Tensor")
def column_stack(tensors):
    """Joined along dimension 1, vectors as columns.

    (n, a), (n, b), ... give (n, a + b + ...); vectors are joined, or made columns. Raises
    RuntimeError for shapes that do not fit.
    """
    return registry["hstack"].function(
        [one.reshape(-1, 1) if one.ndim < 2 else one for one in tensors]
    )


@composite("dstack(Tensor[] tensors, *, Tensor(a!)? out=None) -> Tensor")
def dstack(tensors):
    """Joined along dimension 2.

    (n, m, a), (n, m, b), ... give (n, m, a + b + ...); less than three dims get more. Raises
    RuntimeError for shapes that do not fit.
    """
    _check_some("dstack", tensors)
    return registry["cat"].function([registry["atleast_3d"].function(one) for one in tensors], 2)


@composite("repeat(Tensor self, int[] repeats) -> Tensor")
def repeat(self, *times, repeats=()):
    """The tensor laid side by side `repeats` times along each dimension.

    Each size times its number; more numbers than dims put dims before. Raises RuntimeError for
    negative ones.
    """
    repeats = times or repeats
    if len(repeats) == 1 and not isinstance(repeats[0], int):
        repeats = tuple(repeats[0])
    if len(repeats) < self.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    shape = (1,) * (len(repeats) - self.ndim) + tuple(self.form.shape)
    spread = [n for pair in zip(repeats, shape, strict=True) for n in pair]
    inner = [n for size in shape for n in (1, size)]
    final = tuple(r * n for r, n in zip(repeats, shape, strict=True))
    for n in final:
        if n < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(final)}"
            )
    # A copy also where nothing is repeated: the result never shares memory.
    return self.reshape(tuple(inner)).expand(tuple(spread))._clone_contiguous().view(final)


@composite("tile(Tensor self, int[] dims) -> Tensor")
def tile(self, *many, dims=None):
    """Like repeat; missing repeats count as 1.

    Each size times its number; more numbers than dims put dims before. Raises RuntimeError for
    negative ones.
    """
    dims = many if dims is None else dims
    if len(dims) == 1 and not isinstance(dims[0], int):
        dims = tuple(dims[0])
    return self.repeat((1,) * (self.ndim - len(dims)) + tuple(dims))


for _name in ("clone_as", "_clone_contiguous", "convert",
              "overwrite", "contiguous", "to", "type_as"):
    registry[_name].namespace = "tensor"
# Only records use these.
for _name in ("clone_as", "_clone_contiguous", "convert", "overwrite"):
    registry[_name].method = _name == "_clone_contiguous"
    registry[_name].namespace = "internal"
registry["_clone_contiguous"].node_name = "CloneBackward0"

# Where records stand that are no functions of torch itself.
for _name in ("repeat", "sum_to_size"):
    registry[_name].namespace = "tensor"

# Forms alone decide what these come to: one launch, in the common cases.
for _one in ("clone", "_clone_contiguous", "convert"):
    registry[_one].is_launch = True
# Copies read through lazy views.
for _name in ("clone", "_clone_contiguous", "convert", "cat", "stack", "overwrite"):
    registry[_name].takes_lazy = True

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in (
    "clone", "contiguous", "to", "half", "float", "double", "short", "int", "long", "bfloat16",
    "char", "byte", "bool", "chalf", "cfloat", "cdouble", "type_as", "fill_", "zero_",
    "sum_to_size", "convert",
):  # fmt: skip
    registry[_key].names(names.same)
for _key in ("cat", "concat", "concatenate"):
    registry[_key].names(names.joined)
registry["tile"].names("repeat")


@registry["copy_"].names
def _(self, src):
    return names.unify(self, src)


def _stack_of(word, least):
    def rule(tensors):
        if any(len(one) < least for one in tensors):
            raise names.refused(word)
        return names.joined(tensors)

    return rule


for _key, _refused, _least in (
    ("vstack", "unsqueeze", 2), ("row_stack", "unsqueeze", 2), ("dstack", "unsqueeze", 3),
    ("column_stack", "view", 2),
):  # fmt: skip
    registry[_key].names(_stack_of(_refused, _least))


@registry["resize_as_"].names
def _(self, the_template):
    return the_template


@registry["hstack"].names
def _(tensors):
    return names.joined(tensors)


def _resize_with_names(self, *size):
    """Named tensors keep their shape."""
    wanted = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    if tuple(wanted) != tuple(self.form.shape):
        raise names.not_resized(self.names, self.form.shape, wanted)
    return self


registry["resize_"].named_road = _resize_with_names
