"""Pooling on tensors: launches the plans of `kernel/library/pool.py`. No graph here."""

from functools import cache

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_of
from facula.form import form_of
from facula.kernel.library import pool as plans
from facula.kernel.plan import Plan
from facula.meta.dtype import int64
from facula.tensor import Tensor, allocate


@cache
def kernel_of(plan: Plan) -> Kernel:
    return machine.compile_plan(plan)


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


Sizes = tuple[int, ...]


def _planes(shape: Sizes) -> int:
    count = 1
    for n in shape[:-2]:
        count *= n
    return count


def max_pool(x: Tensor, out: Sizes, window: Sizes) -> tuple[Tensor, Tensor]:
    """Largest elements and their indices; `window` is (kh, kw, sh, sw, ph, pw, dh, dw)."""
    x = contiguous(x)
    shape = (*x.form.shape[:-2], *out)
    y, index = allocate(form_of(x.form.dtype, shape)), allocate(form_of(int64, shape))
    if y.form.numel:
        kernel = kernel_of(plans.MaxPool(x.form.kind))
        sizes = (_planes(shape), *x.form.shape[-2:], *out)
        kernel(*sizes, *window, x.address, y.address, index.address)
    return y, index


def max_pool_backward(g: Tensor, index: Tensor, shape: Sizes) -> Tensor:
    """The gradient of max pooling, or unpooling: g added at its indices."""
    g, index = contiguous(g), contiguous(index)
    dx = allocate(form_of(g.form.dtype, shape))
    if not dx.form.numel:
        return dx
    planes = _planes(shape)
    kernel = kernel_of(plans.MaxPoolBackward(g.form.kind))
    size = shape[-2] * shape[-1]
    if kernel(planes, size, g.form.numel // planes, g.address, index.address, dx.address):
        raise RuntimeError("max_pool2d: an index lies outside its plane")
    return dx


def average_pool(x: Tensor, out: Sizes, window: Sizes, divisor: int, *, adaptive: bool) -> Tensor:
    """Averages of windows."""
    x = contiguous(x)
    y = allocate(form_of(x.form.dtype, (*x.form.shape[:-2], *out)))
    if y.form.numel:
        kernel = kernel_of(plans.AveragePool(x.form.kind, adaptive, False))
        sizes = (_planes(y.form.shape), *x.form.shape[-2:], *out)
        kernel(*sizes, *window, divisor, x.address, y.address)
    return y


def average_pool_backward(
    g: Tensor, shape: Sizes, window: Sizes, divisor: int, *, adaptive: bool
) -> Tensor:
    """The gradient of average pooling."""
    g = contiguous(g)
    dx = allocate(form_of(g.form.dtype, shape))
    if dx.form.numel:
        kernel = kernel_of(plans.AveragePool(g.form.kind, adaptive, True))
        sizes = (_planes(shape), *shape[-2:], *g.form.shape[-2:])
        kernel(*sizes, *window, divisor, dx.address, g.address)
    return dx
