"""Copies, conversions and fills that no graph records."""

from facula.backend.cpu import Kernel
from facula.dispatch.launch import RESULT, TENSOR, noted
from facula.dispatch.layout import (
    Number,
    cast_to,
    compile_pointwise,
    compile_strided,
    number_parameter,
    register_kind,
    remember,
)
from facula.form import Form, form_of
from facula.kernel import expr
from facula.kernel.expr import linearise
from facula.meta.dtype import dtype
from facula.meta.geometry import restride_like
from facula.tensor import Tensor, allocate, wrap


def overlaps(a: Tensor, b: Tensor) -> bool:
    """True if two tensors share memory without being the same view of it."""
    if a.block.address != b.block.address or a.form.numel == 0 or b.form.numel == 0:
        return False
    if a.address == b.address and a.form.strides == b.form.strides and a.form.shape == b.form.shape:
        return False
    low_a, high_a = a.form.geometry.bounds()
    low_b, high_b = b.form.geometry.bounds()
    start_a, end_a = a.address + low_a * a.form.itemsize, a.address + (high_a + 1) * a.form.itemsize
    start_b, end_b = b.address + low_b * b.form.itemsize, b.address + (high_b + 1) * b.form.itemsize
    return start_a < end_b and start_b < end_a


def check_writable_memory(form: Form) -> None:
    """Raises torch's error for a write into a tensor with strides of 0."""
    repeats = any(s == 0 and n > 1 for s, n in zip(form.strides, form.shape, strict=True))
    if repeats and form.numel:
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def refuse_overlap(target: Tensor, other: Tensor) -> None:
    """Raises torch's error for a write into memory that `other` reads, where torch looks: if both
    tensors are dense. Where it does not, we work on a copy."""
    if target.form.dense and other.form.dense:
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor "
            "refer to a single memory location. Please clone() the tensor before performing the "
            "operation."
        )


def alias(tensor: Tensor) -> Tensor:
    """The same tensor as another object: for the graph's eyes."""
    y = wrap(tensor.block, tensor.address, tensor.form)
    y.needs_grad = tensor.needs_grad
    y.edge = tensor.edge if tensor.edge is not None else (tensor if tensor.needs_grad else None)
    return y


def copy_of(tensor: Tensor) -> Tensor:
    """A contiguous copy that no graph records."""
    y = allocate(form_of(tensor.form.dtype, tensor.form.shape))
    copy_into(y, tensor)
    return y


_copies: dict[tuple[Form, Form], tuple[Kernel, tuple[int, ...]]] = {}


def copy_kernel(target: Form, source: Form) -> tuple[Kernel, tuple[int, ...]]:
    """The kernel target[...] = source, and its leading arguments."""
    prepared = _copies.get((target, source))
    if prepared is None:
        check_writable_memory(target)
        raw = expr.input_(0, register_kind(source.kind))
        graph = linearise([cast_to(raw, target.kind)])
        prepared = compile_pointwise(graph, [source], [target], (), target.shape)
        remember(_copies, (target, source), prepared)
    return prepared


def copy_into(target: Tensor, source: Tensor) -> None:
    """target[...] = source, converting and broadcasting; no graph, no checks."""
    kernel, sizes = copy_kernel(target.form, source.form)
    kernel(*sizes, source.address, target.address)
    noted(kernel, (*sizes, TENSOR, RESULT), (source,), target)


_reversals: dict[tuple[Form, Form, tuple[int, ...]], tuple[Kernel, tuple[int, ...]]] = {}


def copy_reversed(target: Tensor, source: Tensor, dims: tuple[int, ...]) -> None:
    """target = source with the order of `dims` reversed; one shape, one dtype, no graph."""
    form = source.form
    key = (target.form, form, dims)
    prepared = _reversals.get(key)
    if prepared is None:
        strides = tuple([-s if d in dims else s for d, s in enumerate(form.strides)])
        graph = linearise([expr.input_(0, register_kind(form.kind))])
        both = [strides, target.form.strides]
        prepared = compile_strided(graph, [form.kind] * 2, both, (), form.shape)
        remember(_reversals, key, prepared)
    ends = sum([(form.shape[d] - 1) * form.strides[d] for d in dims])
    prepared[0](*prepared[1], source.address + ends * form.itemsize, target.address)


def convert(tensor: Tensor, wanted: dtype, form: Form | None = None) -> Tensor:
    """A copy in another dtype; keeps a dense layout. No graph."""
    if form is None:
        strides = (
            tensor.form.strides
            if tensor.form.dense
            else restride_like(tensor.form.shape, [tensor.form.strides])
        )
        form = form_of(wanted, tensor.form.shape, strides)
    y = allocate(form)
    copy_into(y, tensor)
    return y


_fills: dict[tuple[Form, type], tuple[Kernel, tuple[int, ...]]] = {}


def fill_kernel(form: Form, kind: type) -> tuple[Kernel, tuple[int, ...]]:
    """The kernel that fills a form with a number of a Python type, and its leading arguments."""
    prepared = _fills.get((form, kind))
    if prepared is None:
        check_writable_memory(form)
        value, registers = number_parameter(kind, 0)
        graph = linearise([cast_to(value, form.kind)])
        prepared = compile_pointwise(graph, [], [form], registers, form.shape)
        remember(_fills, (form, kind), prepared)
    return prepared


def fill_launch(target: Tensor, value: Number) -> None:
    """Every element becomes `value`; no graph, no checks."""
    if isinstance(value, complex):
        kernel, sizes = fill_kernel(target.form, complex)
        kernel(*sizes, target.address, value.real, value.imag)
        return
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise OverflowError("int too big to convert")
    beyond = value >= 2**63 and target.form.tracked
    kind = float if isinstance(value, float) or beyond else int
    kernel, sizes = fill_kernel(target.form, kind)
    value = kind(value)
    if kind is int and value >= 2**63:
        value -= 2**64
    kernel(*sizes, target.address, value)
