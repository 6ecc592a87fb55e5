"""Fused row kernels on tensors: launches softmax, cross entropy and layer norm plans. No graph."""

import ctypes
from functools import cache
from typing import NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import RESULT, TENSOR, copy_of, noted
from facula.dispatch.layout import remember
from facula.form import Form, form_of
from facula.kernel.library import softmax as plans
from facula.kernel.plan import Plan
from facula.meta.dtype import float32
from facula.meta.shape import numel
from facula.tensor import Tensor, allocate, empty


@cache
def kernel_of(plan: Plan) -> Kernel:
    return machine.compile_plan(plan)


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


class Lines(NamedTuple):
    """Launches of (log-)softmax for a form and a dimension: sizes, and the form of results."""

    forward: Kernel
    backward: Kernel
    sizes: tuple[int, ...]
    form: Form


_lines: dict[tuple[Form, int, bool], Lines] = {}


def lines_of(form: Form, dim: int, log: bool) -> Lines:
    """What forms decide of softmax along a dimension: the last, or one of which lines lie beside
    each other in memory."""
    found = _lines.get((form, dim, log))
    if found is None:
        found = remember(_lines, (form, dim, log), _find_lines(form, dim, log))
    return found


def _find_lines(form: Form, dim: int, log: bool) -> Lines:
    n = form.shape[dim] if form.ndim else 1
    s = numel(form.shape[dim + 1 :])
    m = numel(form.shape[:dim])
    plans_of = (plans.Softmax, plans.SoftmaxBackward)
    sizes: tuple[int, ...] = (m, n)
    if s > 1:
        plans_of = (plans.SoftmaxAcross, plans.SoftmaxAcrossBackward)  # type: ignore[assignment]
        sizes = (m, n, s)
    kernels = [kernel_of(plan(form.kind, log)) for plan in plans_of]
    return Lines(kernels[0], kernels[1], sizes, form_of(form.dtype, form.shape))


def softmax(x: Tensor, dim: int, log: bool) -> Tensor:
    """(Log-)softmax along a dimension."""
    launch = lines_of(x.form, dim, log)
    x = contiguous(x)
    y = allocate(launch.form)
    if x.form.numel:
        launch.forward(*launch.sizes, x.address, y.address)
        noted(launch.forward, (*launch.sizes, TENSOR, RESULT), (x,), y)
    return y


def softmax_backward(g: Tensor, y: Tensor, dim: int, log: bool) -> Tensor:
    """The gradient of (log-)softmax along a dimension."""
    launch = lines_of(y.form, dim, log)
    g, y = contiguous(g), contiguous(y)
    dx = allocate(launch.form)
    if y.form.numel:
        launch.backward(*launch.sizes, g.address, y.address, dx.address)
    return dx


def cross_entropy(x: Tensor, target: Tensor, ignore: int) -> tuple[Tensor, Tensor, int]:
    """Losses a row, log-sum-exps a row (with one place more for `set_count`), and 1 if a target is
    no class or ignored. x (rows, n), target (rows,) of int64."""
    x, target = contiguous(x), contiguous(target)
    rows, n = x.form.shape
    loss = empty(x.form.dtype, (rows,))
    lse = empty(x.form.dtype if x.form.itemsize >= 4 else float32, (rows + 1,))
    code = 0
    if rows and n:
        kernel = kernel_of(plans.CrossEntropy(x.form.kind))
        code = kernel(rows, n, ignore, x.address, target.address, loss.address, lse.address)
    return loss, lse, code


def cross_entropy_backward(
    g: Tensor, x: Tensor, target: Tensor, lse: Tensor, ignore: int, scale: float
) -> Tensor:
    """The gradient with respect to x; g holds one number, or one a row."""
    x, target, g = contiguous(x), contiguous(target), contiguous(g)
    rows, n = x.form.shape
    dx = allocate(form_of(x.form.dtype, x.form.shape))
    if dx.form.numel:
        kernel = kernel_of(plans.CrossEntropyBackward(x.form.kind))
        each = 1 if g.form.numel == rows and g.form.ndim else 0
        addresses = [t.address for t in (x, target, lse, g, dx)]
        kernel(rows, n, ignore, each, *addresses, scale)
    return dx


def _count_cell(lse: Tensor) -> ctypes.c_double | ctypes.c_float:
    cell = ctypes.c_double if lse.form.itemsize == 8 else ctypes.c_float
    return cell.from_address(lse.address + (lse.form.numel - 1) * lse.form.itemsize)


def set_count(lse: Tensor, count: int) -> None:
    """Keeps the number of rows that count behind the log-sum-exps."""
    _count_cell(lse).value = count


def get_count(lse: Tensor) -> float:
    """The number of rows that count."""
    return _count_cell(lse).value
