"""Softmax kernels on tensors. No graph."""

from functools import cache
from typing import NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import RESULT, TENSOR, copy_of, noted
from facula.dispatch.layout import remember
from facula.form import Form, form_of
from facula.kernel.library import softmax as plans
from facula.kernel.plan import Plan
from facula.meta.shape import numel
from facula.tensor import Tensor, allocate


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
