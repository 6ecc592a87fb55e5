"""Losses of class numbers on tensors: launches the plans of `class_loss.py`. No graph.

A loss leaves for its gradient the log-sum-exps of all places and, behind them, the number that the
sum of losses was divided by.
"""

from typing import NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import remember
from facula.form import Form, form_of
from facula.kernel.library.class_loss import (
    CrossEntropy,
    CrossEntropyBackward,
    FoldLoss,
    Picked,
    PickedBackward,
)
from facula.kernel.program import STORED_BYTES
from facula.launch.norm import compute_dtype, place, prepared
from facula.launch.rows import contiguous, kernel_of
from facula.meta.dtype import float64
from facula.meta.shape import numel
from facula.tensor import Tensor, allocate

# Elements that make one part of a sum, about.
PART_ELEMENTS = 16384


class How(NamedTuple):
    """What a loss is: of logits (or logarithms), smoothed, and reduced by "none", "mean", "sum"."""

    logits: bool
    smooth: bool
    reduction: str


class Prepared(NamedTuple):
    """Kernels of a loss and its gradient for some forms, their sizes, and the forms they fill."""

    forward: Kernel
    backward: Kernel
    fold: Kernel | None
    sizes: tuple[int, int, int]
    chunk: int
    back_chunk: int
    loss: Form
    kept: Form
    parts: Form | None
    result: Form


_prepared: dict[object, Prepared] = {}


def _of(x: Form, target: Form, weighted: bool, how: How) -> Prepared:
    key = (x, target.shape, weighted, how)
    found = _prepared.get(key)
    if found is None:
        found = remember(_prepared, key, _prepare(x, target, weighted, how))
    return found


def _prepare(x: Form, target: Form, weighted: bool, how: How) -> Prepared:
    logits, smooth, reduction = how
    m = x.shape[0] if x.ndim > 1 else 1
    n = x.shape[1] if x.ndim > 1 else x.shape[0]
    s = numel(x.shape[2:])
    each, wide = reduction == "none", s > 1
    wanted = compute_dtype(x.dtype)
    lanes = machine.target.lanes(STORED_BYTES[wanted.short])
    chunk = max(1, PART_ELEMENTS // max(1, n)) if logits else PART_ELEMENTS // 16
    count = -(-m * s // chunk)
    if logits:
        forward = kernel_of(CrossEntropy(x.kind, weighted, smooth, each, wide))
        backward = kernel_of(CrossEntropyBackward(x.kind, weighted, smooth, each, wide))
        if wide:
            chunk, count = lanes, m * -(-s // lanes)
    else:
        forward = kernel_of(Picked(x.kind, weighted, each))
        backward = kernel_of(PickedBackward(x.kind, weighted, each))
    return Prepared(
        forward,
        backward,
        None if each else kernel_of(FoldLoss(x.kind, reduction == "mean")),
        (m, n, s),
        chunk,
        max(1, PART_ELEMENTS // max(1, n * s)),
        form_of(x.dtype, target.shape if each else ()),
        form_of(wanted, (m * s + 1 if logits else 1,)),
        None if each else form_of(float64, (max(1, count), 2)),
        form_of(x.dtype, x.shape),
    )


def class_loss(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore: int, smoothing: float, how: How
) -> tuple[Tensor, Tensor, int]:
    """The loss (a number a place, or one), what its gradient reads, and 1 if some target is neither
    a class nor ignored. x (N, C, ...) or (C,), target of int64 without C."""
    launch = _of(x.form, target.form, weight is not None, how)
    x, target = contiguous(x), contiguous(target)
    w = prepared(weight, launch.kept.dtype)
    loss, kept = allocate(launch.loss), allocate(launch.kept)
    parts = None if launch.parts is None else allocate(launch.parts)
    m, n, s = launch.sizes
    if n == 0 and m * s:
        return loss, kept, 1
    after = (place(parts),)
    if how.logits:
        after = (kept.address, place(parts), smoothing)  # type: ignore[assignment]
    code = launch.forward(
        m, n, s, launch.chunk, ignore, x.address, target.address, place(w), loss.address, *after
    )
    if launch.fold is not None and parts is not None and launch.parts is not None:
        count = launch.parts.shape[0] if m * s else 0
        launch.fold(count, parts.address, loss.address, _total(kept))
    return loss, kept, code


def _total(kept: Tensor) -> int:
    """The address of what a sum was divided by."""
    return kept.address + kept.form.nbytes - kept.form.itemsize


def class_loss_backward(
    g: Tensor,
    x: Tensor,
    target: Tensor,
    weight: Tensor | None,
    kept: Tensor,
    numbers: tuple[int, float],
    how: How,
) -> Tensor:
    """The gradient with respect to x; `numbers` are the ignored class and the smoothing."""
    launch = _of(x.form, target.form, weight is not None, how)
    g, x, target = contiguous(g), contiguous(x), contiguous(target)
    w = prepared(weight, kept.form.dtype)
    dx = allocate(launch.result)
    ignore, smoothing = numbers
    if not dx.form.numel:
        return dx
    if how.logits:
        launch.backward(
            *launch.sizes, ignore, x.address, target.address, place(w), kept.address, g.address,
            _total(kept), dx.address, smoothing,
        )  # fmt: skip
    else:
        launch.backward(
            *launch.sizes, launch.back_chunk, ignore, target.address, place(w), g.address,
            _total(kept), dx.address,
        )  # fmt: skip
    return dx
