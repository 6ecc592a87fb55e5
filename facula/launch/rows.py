"""Fused row kernels on tensors: launches softmax, cross entropy and layer norm plans. No graph."""

import ctypes
from functools import cache

from facula.backend.cpu import Kernel, machine
from facula.dispatch import RESULT, TENSOR, copy_of, noted
from facula.form import form_of
from facula.kernel.library import softmax as plans
from facula.kernel.plan import Plan
from facula.meta.dtype import float32
from facula.tensor import Tensor, allocate, empty


@cache
def kernel_of(plan: Plan) -> Kernel:
    return machine.compile_plan(plan)


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


def softmax(x: Tensor, log: bool) -> Tensor:
    """(Log-)softmax along the last dimension."""
    x = contiguous(x)
    y = allocate(form_of(x.form.dtype, x.form.shape))
    if x.form.numel:
        n = x.form.shape[-1] if x.form.ndim else 1
        kernel = kernel_of(plans.Softmax(x.form.kind, log))
        kernel(x.form.numel // n, n, x.address, y.address)
        noted(kernel, (x.form.numel // n, n, TENSOR, RESULT), (x,), y)
    return y


def softmax_backward(g: Tensor, y: Tensor, log: bool) -> Tensor:
    """The gradient of (log-)softmax along the last dimension."""
    g, y = contiguous(g), contiguous(y)
    dx = allocate(form_of(y.form.dtype, y.form.shape))
    if y.form.numel:
        n = y.form.shape[-1] if y.form.ndim else 1
        kernel = kernel_of(plans.SoftmaxBackward(y.form.kind, log))
        kernel(y.form.numel // n, n, g.address, y.address, dx.address)
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
