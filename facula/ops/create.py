"""Births of tensors: from numbers, from data, like others."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from facula.dispatch import (
    RESULT,
    dtype_of_birth,
    dtype_word,
    fill_kernel,
    launcher,
    remember,
    resize_out,
)
from facula.form import form_of
from facula.late import Late
from facula.meta import dtype as dtypes
from facula.meta import names as rules
from facula.meta.device import check_cpu
from facula.meta.dtype import get_default_dtype
from facula.meta.geometry import restride_like, strides_in
from facula.meta.layout import contiguous_format, preserve_format
from facula.meta.shape import Size
from facula.naming import named_birth
from facula.op import composite, registry
from facula.tensor import Tensor, allocate, from_bytes
from facula.tensor import empty as fresh

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")


def _check_device(device):
    if device is not None:
        check_cpu(device)


def _shape(size):
    if len(size) == 1 and not isinstance(size[0], int):
        size = size[0]
        if isinstance(size, Tensor) and size.ndim == 0 or hasattr(size, "__index__"):
            size = (size,)
    shape = tuple([int(n.__index__()) for n in size])
    for n in shape:
        if n < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(shape)}"
            )
    return shape


def _sizes(name, many, size):
    """The shape of `zeros(2, 3)`, `zeros((2, 3))` or `zeros(size=(2, 3))`."""
    if not many and size is None:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    given = many or (() if size is None else (size,)) or ((),)
    only = given[0]
    counts = hasattr(only, "__iter__") or hasattr(only, "__index__")
    if len(given) == 1 and (isinstance(only, str) or not counts):
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not "
            f"{type(given[0]).__name__}"
        )
    if name != "empty" and any(isinstance(n, int) and n < 0 for n in given):
        raise RuntimeError(f"{name}: Dimension size must be non-negative.")
    return _shape(given)


def _kind(dtype, out=None, name=""):
    """A dtype: out's, or the default one for None; torch's for Python's float, int and bool."""
    dtype = dtype_of_birth(name, dtypes.OF_PYTHON.get(dtype, dtype), out)
    return dtypes.get_default_dtype() if dtype is None else dtype


def _finish(y, requires_grad, out=None):
    if out is not None:
        if out.form.shape != y.form.shape:
            resize_out(out, tuple(y.form.shape))
        out.detach().copy_(y)
        return out
    if requires_grad:
        if not y.form.tracked:
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        y.requires_grad_(True)
    return y


def _filled(shape, value, dtype):
    y = fresh(dtype, shape)
    if y.form.numel:
        y.fill_(value)
        y.block.version = 0  # nobody has seen it yet
    return y


# Births by function, sizes as they were given, and dtype: launches that make and fill a tensor.
_births: dict[Any, Callable[..., Tensor]] = {}


def _born(y, name, many, dtype, value):
    """Remembers how a new tensor filled with a number was made."""
    key = (name, many, *map(type, many), dtype or get_default_dtype())
    if not all(map(_plain_size, many)) or not y.form.numel:
        return
    kernel, sizes = fill_kernel(y.form, int)
    remember(_births, key, launcher(kernel, (*sizes, RESULT, value), y.form))


def _plain_size(size):
    return type(size) is int


def _check_layout(layout, pin_memory):
    if layout is not None and repr(layout) != "torch.strided":
        raise NotImplementedError(f"layout {layout}: facula has torch.strided only")
    if pin_memory:
        raise RuntimeError("Cannot access accelerator device when none is available.")


# --- from numbers --------------------------------------------------------------------------------


@composite(
    "empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None, Dimname[]? "
    "names=None) -> Tensor"
)
def empty(*many, size=None, names=None, out=None, dtype=None, layout=None, device=None,
          requires_grad=False, pin_memory=False, memory_format=None):
    """Uninitialised memory in a shape."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    shape = _sizes("empty", many, size)
    if memory_format is None or memory_format is contiguous_format:
        y = _finish(fresh(_kind(dtype, out, "empty"), shape), requires_grad, out)
        return named_birth(y, "empty", names, out)
    form = form_of(_kind(dtype), tuple(shape), strides_in(memory_format, shape))
    return named_birth(_finish(allocate(form), requires_grad, out), "empty", names, out)


def _shorter(name, value):
    """The road of sizes seen before, in front of the general one."""

    def road(general):
        def born(*many, dtype=None, **others):
            if many and not others:
                try:
                    return _births[name, many, *map(type, many), dtype or get_default_dtype()]()
                except (KeyError, TypeError):
                    if len(many) == 1 and many[0].__class__ is tuple:
                        one = (name, *many, *map(type, many[0]), dtype or get_default_dtype())
                        if one in _births:
                            return _births[one]()
            y = general(*many, dtype=dtype, **others)
            if many and not others:
                single = len(many) == 1 and many[0].__class__ is tuple
                _born(y, name, many[0] if single else many, dtype, value)
            return y

        return born

    return road


@composite(
    "zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, "
    "bool? pin_memory=None, Dimname[]? names=None) -> Tensor"
)
def zeros(*many, size=None, names=None, out=None, dtype=None, layout=None, device=None,
          requires_grad=False, pin_memory=False):
    """Zeros in a shape."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    y = _filled(_sizes("zeros", many, size), 0, _kind(dtype, out, "zeros"))
    y = _finish(y, requires_grad, out)
    return named_birth(y, "zeros", names, out)


zeros.short_road = _shorter("zeros", 0)


@composite(
    "ones(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, "
    "bool? pin_memory=None, Dimname[]? names=None) -> Tensor"
)
def ones(*many, size=None, names=None, out=None, dtype=None, layout=None, device=None,
         requires_grad=False, pin_memory=False):
    """Ones in a shape."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    y = _filled(_sizes("ones", many, size), 1, _kind(dtype, out, "ones"))
    y = _finish(y, requires_grad, out)
    return named_birth(y, "ones", names, out)


ones.short_road = _shorter("ones", 1)


@composite(
    "full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, "
    "Device? device=None, bool? pin_memory=None, Dimname[]? names=None) -> Tensor"
)
def full(size, fill_value, *, names=None, out=None, dtype=None, layout=None, device=None,
         requires_grad=False, pin_memory=False):
    """One number in a shape; its kind decides the dtype."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    dtype = dtype_of_birth("full", dtype, out)
    if dtype is None:
        dtype = (
            fill_value.form.dtype
            if isinstance(fill_value, Tensor)
            else dtypes.of_scalar(fill_value)
        )
    size = (size,) if isinstance(size, int) else tuple(size)
    y = _finish(_filled(_shape((size,)), fill_value, dtype), requires_grad, out)
    return named_birth(y, "full", names, out)


@composite((
    "arange(Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, "
    "bool? pin_memory=None) -> Tensor",
    "arange.start(Scalar start, Scalar end, *, ScalarType? dtype=None, Layout? layout=None, "
    "Device? device=None, bool? pin_memory=None) -> Tensor",
    "arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, "
    "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> "
    "Tensor",
))
def arange(start=None, end=None, step=1, *, out=None, dtype=None, layout=None, device=None,
           requires_grad=False, pin_memory=False):
    """start, start + step, ... up to before end; one argument counts from 0.

    Result (ceil((end - start) / step)), one more for `range`. Raises RuntimeError for step 0 or the
    wrong sign.
    """
    _check_device(device)
    _check_layout(layout, pin_memory)
    if end is None:
        start, end = 0, start
    start = 0 if start is None else start
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    dtype = dtype_of_birth("arange", dtype, out)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if any(isinstance(v, float) and v - v != 0 for v in (start, end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    floats = any(isinstance(v, float) for v in (start, end, step))
    if dtype is None:
        dtype = dtypes.get_default_dtype() if floats else dtypes.int64
    if dtype is dtypes.int64:  # torch cuts the bounds first
        start, end, step, floats = int(start), int(end), int(step), False
        if step == 0:
            raise ValueError("step must be nonzero")
    if dtype.is_complex or dtype is dtypes.bool_:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{dtype_word(dtype)}'")
    if not all(-(2**63) <= v < 2**63 for v in (start, end, step) if isinstance(v, int)):
        raise RuntimeError("value cannot be converted to type int64_t without overflow")
    count = -int(-((end - start) / step) // 1) if floats else -((start - end) // step)
    count = max(0, count)
    if count >= 2**60:
        raise RuntimeError(f"Storage size calculation overflowed with sizes=[{count}]")
    if floats and not dtype.is_floating_point:
        start, step = int(start), int(step)
    kind = np.float64 if floats and dtype.is_floating_point else np.int64
    steps = np.arange(count, dtype=kind) * step + start
    whole = from_bytes(steps.tobytes(), dtypes.of_numpy(steps.dtype), (count,))
    return _finish(whole.to(dtype), requires_grad, out)


@composite((
    "linspace.Tensor_Tensor(Tensor start, Tensor end, int steps, *, ScalarType? dtype=None, "
    "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    "linspace.Tensor_Scalar(Tensor start, Scalar end, int steps, *, ScalarType? dtype=None, "
    "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    "linspace.Scalar_Tensor(Scalar start, Tensor end, int steps, *, ScalarType? dtype=None, "
    "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    "linspace(Scalar start, Scalar end, int steps, *, ScalarType? dtype=None, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
))
def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None,
             requires_grad=False, pin_memory=False):
    """`steps` numbers evenly spaced from start to end, both included.

    Result (steps). Raises RuntimeError for negative steps.
    """
    _check_ends("linspace", start, end)
    _check_device(device)
    _check_layout(layout, pin_memory)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    dtype = _kind(dtype, out, "linspace")
    values = _spaced(start, end, steps, dtype)
    y = from_bytes(values.tobytes(), dtypes.of_numpy(values.dtype), (steps,))
    return _finish(y.to(dtype), requires_grad, out)


def _check_ends(name, start, end):
    for what, value in (("start", start), ("end", end)):
        if isinstance(value, Tensor) and value.form.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {what} with "
                f"{value.form.ndim} dimension(s)."
            )


def _spaced(start, end, steps, dtype):
    """Evenly spaced numbers, from both ends to the middle as torch has them; bounds of integers are
    cut first."""
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    if dtype.kind not in "fc":
        start, end = int(start), int(end)
    places = np.arange(steps)
    start, end = ((complex if dtype.is_complex else float)(v) for v in (start, end))
    step = (end - start) / max(steps - 1, 1)
    return np.where(places < max(steps // 2, 1), start + step * places,
                    end - step * (steps - places - 1.0))


@composite((
    "logspace.Tensor_Tensor(Tensor start, Tensor end, int steps, float base=10.0, *, ScalarType? "
    "dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    "logspace.Tensor_Scalar(Tensor start, Scalar end, int steps, float base=10.0, *, ScalarType? "
    "dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    "logspace.Scalar_Tensor(Scalar start, Tensor end, int steps, float base=10.0, *, ScalarType? "
    "dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
    "logspace(Scalar start, Scalar end, int steps, float base=10.0, *, ScalarType? dtype=None, "
    "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
))
def logspace(start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None,
             requires_grad=False, pin_memory=False):
    """base to the power of evenly spaced exponents.

    Result (steps). Raises RuntimeError for negative steps.
    """
    _check_ends("logspace", start, end)
    _check_device(device)
    _check_layout(layout, pin_memory)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    dtype = _kind(dtype, out, "logspace")
    values = np.power(float(base), _spaced(start, end, steps, dtype))
    y = from_bytes(values.tobytes(), dtypes.of_numpy(values.dtype), (steps,))
    return _finish(y.to(dtype), requires_grad, out)


@composite((
    "eye(SymInt n, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? "
    "pin_memory=None) -> Tensor",
    "eye.m(SymInt n, SymInt m, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None) -> Tensor",
))
def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False,
        pin_memory=False):
    """Ones on the diagonal, zeros elsewhere.

    Result (n, m), m being n where not given. Raises RuntimeError for negative sizes.
    """
    _check_device(device)
    _check_layout(layout, pin_memory)
    m = n if m is None else m
    if n < 0 or m < 0:
        what, size = ("n", n) if n < 0 else ("m", m)
        raise RuntimeError(f"{what} must be greater or equal to 0, got {size}")
    y = _filled((n, m), 0, _kind(dtype, out, "eye"))
    if n and m:
        y.diagonal().fill_(1)
    return _finish(y, requires_grad, out)


# --- from data -----------------------------------------------------------------------------------


# Of torch's nested sequences, and of NumPy's arrays.
MOST_DIMS, MOST_NUMPY_DIMS = 128, 64
MOST_NUMBERS = 1 << 40


def _infer(data):
    """The dtype of nested lists of numbers, as torch sees it."""
    stack, wholes, floats, ints, bools = [data], False, False, False, False
    while stack:
        one = stack.pop()
        if isinstance(one, (list, tuple)):
            stack.extend(one)
        elif isinstance(one, Tensor):
            return None
        elif isinstance(one, (np.ndarray, np.generic)):
            return dtypes.of_numpy(one.dtype)
        elif isinstance(one, bool):
            bools = True
        elif isinstance(one, int):
            ints = True
        elif isinstance(one, float):
            floats = True
        elif isinstance(one, complex):
            wholes = True
        elif isinstance(one, str):
            raise ValueError("too many dimensions 'str'")
        elif one is None:
            raise RuntimeError("Could not infer dtype of NoneType")
        else:
            raise RuntimeError(f"Could not infer dtype of {type(one).__name__}")
    if wholes:
        return dtypes.get_default_dtype().to_complex()
    if floats:
        return dtypes.get_default_dtype()
    return dtypes.int64 if ints else dtypes.bool_ if bools else dtypes.get_default_dtype()


def _nested_shape(data):
    shape: list[int] = []
    level = data
    while isinstance(level, (list, tuple)):
        if len(shape) == MOST_DIMS:  # as deep as a list in itself, too
            raise ValueError(f"too many dimensions '{type(level).__name__}'")
        shape.append(len(level))
        if not level:
            break
        level = level[0]
    if isinstance(level, (Tensor, np.ndarray)):
        shape += list(level.shape)
    return shape


def _check_nested(data, shape, depth=0):
    if depth == len(shape) or not isinstance(data, (list, tuple)):
        if isinstance(data, (list, tuple)) or (
            depth < len(shape) and not isinstance(data, (Tensor, np.ndarray))
        ):
            raise TypeError(f"not a sequence of the expected length at dim {depth}")
        return
    if len(data) != shape[depth]:
        raise ValueError(
            f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})"
        )
    for one in data:
        if depth + 1 < len(shape) and not isinstance(one, (list, tuple, Tensor, np.ndarray)):
            raise TypeError(
                f"expected sequence of length {shape[depth + 1]} at dim {depth + 1} (got "
                f"{type(one).__name__})"
            )
        _check_nested(one, shape, depth + 1)


def _leaves(data):
    """The numbers in nested data."""
    stack = [data]
    while stack:
        one = stack.pop()
        if isinstance(one, (list, tuple)):
            stack.extend(one)
        else:
            yield one


def _plain(data):
    """Nested data without tensors in it."""
    if isinstance(data, Tensor):
        return data.tolist()
    if isinstance(data, (list, tuple)):
        return [_plain(one) for one in data]
    return data


def _no_real(number, dtype):
    """Python's words for a complex number where a real one is wanted."""
    if dtype.is_floating_point:
        return "must be real number, not complex"
    return "can't convert complex to int" if dtype.kind != "b" else f"not a bool: {number}"


def _without_ranges(data):
    """Nested data with lists in the place of ranges."""
    if isinstance(data, range):
        return list(data)
    if isinstance(data, (list, tuple)) and any(isinstance(one, range) for one in data):
        return [_without_ranges(one) for one in data]
    return data


def _from_python(data, dtype):
    dtype = None if dtype is None else _kind(dtype)
    if isinstance(data, np.generic):
        data = np.asarray(data)
    if isinstance(data, np.ndarray):
        return _from_array(data, dtype)
    data = _without_ranges(data)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if isinstance(data, (dict, set)):
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    if (
        not isinstance(data, (list, tuple))
        and (hasattr(data, "__array__") or hasattr(data, "__array_interface__"))
        and not isinstance(data, (int, float, complex))
    ):
        return _from_array(np.asarray(data), dtype)
    if (
        not isinstance(data, (list, tuple, int, float, complex, str))
        and hasattr(data, "__len__")
        and hasattr(data, "__getitem__")
    ):
        if len(data) > MOST_NUMBERS:
            raise RuntimeError(f"a sequence of {len(data)} elements cannot become a tensor")
        data = [data[k] for k in range(len(data))]
    shape = _nested_shape(data)
    if Size(shape).numel() > MOST_NUMBERS:
        # A list that holds one list several times, and so on: nobody could walk through it.
        raise RuntimeError(f"a tensor of shape {shape} cannot be made from nested sequences")
    _check_nested(data, shape)
    inferred = _infer(data)
    if inferred is None:
        data = _plain(data)
        inferred = _infer(data)
        shape = _nested_shape(data)
    dtype = dtype or inferred
    if 0 in shape:
        return fresh(dtype, tuple(shape))
    for _ in shape[MOST_NUMPY_DIMS:]:
        data = [one for some in data for one in some]
    code = dtype.numpy or np.dtype("complex64" if dtype.is_complex else "float32")
    if inferred.is_complex and not dtype.is_complex:
        raise TypeError(_no_real(next(v for v in _leaves(data) if isinstance(v, complex)), dtype))
    if dtype is dtypes.uint64 and inferred.is_floating_point:
        raise TypeError("an integer is required")
    if inferred.is_floating_point and dtype.kind not in "fc":
        array = np.array(data, np.float64).astype(code)
    else:
        try:
            array = np.array(data, code)
        except OverflowError:
            if dtype.kind in "iu" and inferred is dtypes.int64:
                if dtype is dtypes.uint64:
                    raise OverflowError(
                        "can't convert negative int to unsigned"
                        if any(v < 0 for v in _leaves(data))
                        else "int too big to convert"
                    ) from None
                if dtype is dtypes.int64 or any(abs(v) >= 2**63 for v in _leaves(data)):
                    raise ValueError("Overflow when unpacking long long") from None
                bound = 256**dtype.itemsize
                if dtype.kind == "u" and all(-bound < v < bound for v in _leaves(data)):
                    # torch wraps these, and only these
                    array = np.array(data, np.int64).astype(code)
                    return from_bytes(array.tobytes(), dtype, tuple(shape))
                raise RuntimeError(
                    f"value cannot be converted to type {dtype.name} without overflow"
                ) from None
            raise
    y = from_bytes(array.tobytes(), dtypes.of_numpy(array.dtype), tuple(shape))
    return y if y.form.dtype is dtype else y.to(dtype)


def _from_array(array, dtype):
    kind = dtypes.of_numpy(array.dtype)
    if any(s < 0 for s in array.strides):
        array = array.copy()
    y = from_bytes(np.ascontiguousarray(array).tobytes(), kind, array.shape)
    return y if dtype is None or dtype is kind else y.to(dtype)


@composite("tensor(Any data, *, ScalarType? dtype=None, Device? device=None, "
           "bool requires_grad=False, Dimname[]? names=None) -> Tensor")
def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False, names=None):
    """A new tensor with a copy of some data: numbers, nested lists, arrays, tensors."""
    _check_device(device)
    _check_layout(None, pin_memory)
    if isinstance(data, Tensor):
        y = data.detach().clone()
        y = y if dtype is None else y.to(dtype)
    else:
        y = _from_python(data, dtype)
    return named_birth(_finish(y, requires_grad), "tensor", names)


@composite("as_tensor(Any data, ScalarType? dtype=None, Device? device=None) -> Tensor")
def as_tensor(data, dtype=None, device=None):
    """Data as a tensor, without a copy where that is possible."""
    _check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        shared = registry["from_numpy"].function(data)
        return shared if dtype is None else shared.to(dtype)
    return tensor.forward(data, dtype=dtype)


# --- like others ---------------------------------------------------------------------------------


def _like(self, dtype, memory_format=None):
    form = self.form
    dtype = dtype or form.dtype
    if memory_format is contiguous_format:
        return fresh(dtype, form.shape)
    if memory_format is not None and memory_format is not preserve_format:
        return allocate(form_of(dtype, form.shape, strides_in(memory_format, form.shape)))
    strides = form.strides if form.dense else restride_like(form.shape, [form.strides])
    return allocate(form_of(dtype, form.shape, strides))


@composite(
    "empty_like(Tensor input, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor"
)
def empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False,
               memory_format=None):
    """Uninitialised memory in the shape, layout and dtype of another tensor."""
    _check_device(device)
    return _finish(_like(input, dtype, memory_format), requires_grad)


@composite(
    "zeros_like(Tensor input, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor"
)
def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False,
               memory_format=None):
    """Zeros like another tensor."""
    _check_device(device)
    return _finish(_like(input, dtype, memory_format).fill_(0), requires_grad)


@composite(
    "ones_like(Tensor input, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor"
)
def ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False,
              memory_format=None):
    """Ones like another tensor."""
    _check_device(device)
    return _finish(_like(input, dtype, memory_format).fill_(1), requires_grad)


@composite(
    "full_like(Tensor input, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None,"
    " Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor"
)
def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False,
              memory_format=None):
    """One number, like another tensor."""
    _check_device(device)
    return _finish(_like(input, dtype, memory_format).fill_(fill_value), requires_grad)


@composite("new_tensor(Tensor self, Any data, *, ScalarType? dtype=None, Device? device=None, "
           "bool requires_grad=False) -> Tensor")
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A tensor of some data in the dtype of this one."""
    return tensor.forward(
        data, dtype=dtype or self.form.dtype, device=device, requires_grad=requires_grad
    )


@composite(
    "new_empty(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, "
    "Device? device=None, bool? pin_memory=None) -> Tensor"
)
def new_empty(self, *many, size=None, dtype=None, layout=None, device=None, pin_memory=False,
              requires_grad=False):
    """Uninitialised memory in a shape, in the dtype of this one."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    size = many if size is None else (size,)
    return _finish(fresh(dtype or self.form.dtype, _shape(size)), requires_grad)


@composite(
    "new_zeros(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, "
    "Device? device=None, bool? pin_memory=None) -> Tensor"
)
def new_zeros(self, *many, size=None, dtype=None, layout=None, device=None, pin_memory=False,
              requires_grad=False):
    """Zeros in a shape, in the dtype of this one."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    size = many if size is None else (size,)
    return _finish(_filled(_shape(size), 0, dtype or self.form.dtype), requires_grad)


@composite(
    "new_ones(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, "
    "Device? device=None, bool? pin_memory=None) -> Tensor"
)
def new_ones(self, *many, size=None, dtype=None, layout=None, device=None, pin_memory=False,
             requires_grad=False):
    """Ones in a shape, in the dtype of this one."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    size = many if size is None else (size,)
    return _finish(_filled(_shape(size), 1, dtype or self.form.dtype), requires_grad)


@composite(
    "new_full(Tensor self, SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout?"
    " layout=None, Device? device=None, bool? pin_memory=None) -> Tensor"
)
def new_full(self, size, fill_value, *, dtype=None, layout=None, device=None, pin_memory=False,
             requires_grad=False):
    """One number in a shape, in the dtype of this one."""
    _check_device(device)
    _check_layout(layout, pin_memory)
    return _finish(_filled(_shape((size,)), fill_value, dtype or self.form.dtype), requires_grad)

# Where records stand that are no functions of torch itself.
for _name in ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros"):
    registry[_name].namespace = "tensor"

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("empty_like", "zeros_like", "ones_like", "full_like"):
    registry[_key].names(rules.same)


@registry["tensor"].names
def _(data):
    return data


@registry["as_tensor"].names
def _(data):
    return data
