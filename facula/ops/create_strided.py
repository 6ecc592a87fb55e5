"""Births in a layout of their own, and what makes one tensor like another."""

import math

from facula.form import form_of
from facula.meta import dtype as dtypes
from facula.meta.device import check_cpu
from facula.op import composite, registry
from facula.tensor import Tensor, allocate, wrap

# --- strides -------------------------------------------------------------------------------------


def _sizes(size):
    size = (size,) if isinstance(size, int) else tuple(size)
    for n in size:
        if n < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(size)}"
            )
    return size


def _room(size, stride, kind):
    """Uninitialised memory for any strides: they may overlap or leave gaps."""
    size, stride = _sizes(size), (stride,) if isinstance(stride, int) else tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides "
            f"({len(stride)})"
        )
    if any(step < 0 for step in stride):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and "
            f"strides={list(stride)}"
        )
    form = form_of(kind, size, stride)
    if form.dense:
        return allocate(form)
    last = form.geometry.bounds()[1] if form.numel else -1
    whole = allocate(form_of(kind, (last + 1,)))
    return wrap(whole.block, whole.address, form)


def _checked(device, layout, pin_memory):
    if device is not None:
        check_cpu(device)
    if layout is not None and repr(layout) != "torch.strided":
        raise NotImplementedError(f"layout {layout}: facula has torch.strided only")
    if pin_memory:
        raise RuntimeError("Cannot access accelerator device when none is available.")


def _wanting(y, requires_grad):
    return y.requires_grad_() if requires_grad else y


@composite("empty_strided(int[] size, int[] stride, *, ScalarType? dtype=None, Layout? layout=None,"
           " Device? device=None, bool? pin_memory=None) -> Tensor")
def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False,
                  pin_memory=False):
    """Uninitialised memory in a shape with given strides."""
    _checked(device, layout, pin_memory)
    y = _room(size, stride, dtype or dtypes.get_default_dtype())
    return _wanting(y, requires_grad)


@composite("new_empty_strided(Tensor self, int[] size, int[] stride, *, ScalarType? dtype=None, "
           "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
def new_empty_strided(self, size, stride, dtype=None, *, layout=None, device=None,
                      requires_grad=False, pin_memory=False):
    """Uninitialised memory with given strides, in the dtype of this tensor."""
    _checked(device, layout, pin_memory)
    return _wanting(_room(size, stride, dtype or self.form.dtype), requires_grad)


@composite("empty_permuted(int[] size, int[] physical_layout, *, ScalarType? dtype=None, "
           "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor")
def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None,
                   requires_grad=False, pin_memory=False):
    """Uninitialised dense memory whose dimensions lie in a given order, the outermost first."""
    _checked(device, layout, pin_memory)
    size, order = _sizes(size), tuple(physical_layout)
    if len(order) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(size)} is not equal to len(physical_layout) = {len(order)}"
        )
    seen = set()
    for place, dim in enumerate(order):
        if not 0 <= dim < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got "
                f"{dim} at index {place}).  NB: negative dims not currently supported; file an "
                "issue if you want it."
            )
        if dim in seen:
            raise RuntimeError("Duplicate dim not allowed")
        seen.add(dim)
    strides, step = [0] * len(size), 1
    for dim in reversed(order):
        strides[dim] = step
        step *= max(size[dim], 1)
    y = _room(size, strides, dtype or dtypes.get_default_dtype())
    return _wanting(y, requires_grad)


# --- numbers -------------------------------------------------------------------------------------


@composite("scalar_tensor(Scalar s, *, ScalarType? dtype=None, Layout? layout=None, "
           "Device? device=None, bool? pin_memory=None) -> Tensor")
def scalar_tensor(s, *, dtype=None, layout=None, device=None, requires_grad=False,
                  pin_memory=False):
    """A 0-d tensor of a number, in the default dtype unless given."""
    _checked(device, layout, pin_memory)
    if dtype is None:
        complex_kind = dtypes.complex128 if _is_double() else dtypes.complex64
        dtype = complex_kind if isinstance(s, complex) else dtypes.get_default_dtype()
    return registry["full"].function((), s, dtype=dtype, requires_grad=requires_grad)


def _is_double():
    return dtypes.get_default_dtype() is dtypes.float64


@composite((
    "range.step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None, Layout? "
    "layout=None, Device? device=None, bool? pin_memory=None, Tensor(a!)? out=None) -> Tensor",
    "range(Scalar start, Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? "
    "device=None, bool? pin_memory=None, Tensor(a!)? out=None) -> Tensor",
))
def range_(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None,
           requires_grad=False, pin_memory=False):
    """start, start + step, ... up to end, which is among them where a step hits it. PyTorch
    advises `arange`, which leaves the end out.

    >>> import facula as torch
    >>> torch.range(1, 2, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    _checked(device, layout, pin_memory)
    if end is None:
        raise TypeError('range() missing 1 required positional arguments: "end"')
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    dtype = dtype or (dtypes.get_default_dtype() if out is None else out.form.dtype)
    count = math.floor((end - start) / step) + 1
    numbers = registry["arange"].function(count, dtype=dtypes.float64)
    if not dtype.is_floating_point:
        start, step = int(start), int(step)
        numbers = numbers.long()
    y = (numbers * step + start).to(dtype)
    if out is not None:
        if out.form.shape != y.form.shape:
            out.resize_(y.form.shape)
        out.copy_(y)
        return out
    return _wanting(y, requires_grad)


@composite((
    "fill.Scalar(Tensor self, Scalar value) -> Tensor",
    "fill.Tensor(Tensor self, Tensor value) -> Tensor",
))
def fill(self, value):
    """A tensor like this one with every element a number, or a 0-d tensor."""
    if isinstance(value, Tensor) and value.form.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.form.ndim} dimensions."
        )
    return self.clone().fill_(value)


# --- shapes --------------------------------------------------------------------------------------


@composite(
    "resize(Tensor self, SymInt[] size, *, MemoryFormat? memory_format=None) -> Tensor"
)
def resize(self, *size):
    """The same elements in another shape, of which there must be as many."""
    size = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    if math.prod(size) != self.form.numel:
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, size))} ({math.prod(size)} elements in total),"
            f" but the given tensor has a size of {'x'.join(map(str, self.form.shape))} "
            f"({self.form.numel} elements). autograd's resize can only change the shape of a given "
            "tensor, while preserving the number of elements. "
        )
    return self.contiguous().view(tuple(size))


@composite(
    "resize_as(Tensor self, Tensor the_template, *, MemoryFormat? memory_format=None) -> Tensor"
)
def resize_as(self, tensor):
    """The same elements in the shape of another tensor, of which there must be as many."""
    return resize.forward(self, tuple(tensor.form.shape))


@composite("to_dense(Tensor self, ScalarType? dtype=None, *, bool? masked_grad=None) -> Tensor")
def to_dense(self, dtype=None, *, masked_grad=None):
    """The tensor itself, which is dense; in another dtype if one is given."""
    return self if dtype is None else self.to(dtype)


@composite("module_load(Tensor self, Tensor other, bool assign=False) -> Tensor")
def module_load(self, other, assign=False):
    """What a module's parameter becomes when a state is loaded: this tensor with the other's
    values, or the other itself, cut off from its graph."""
    return other.detach() if assign else self.copy_(other).detach()


for _name in ("new_empty_strided", "resize", "resize_as", "to_dense", "module_load"):
    registry[_name].namespace = "tensor"

# PyTorch has these as functions only.
for _name in ("fill",):
    registry[_name].method = False
