"""Writes into tensors: what autograd allows, and in-place pointwise records."""

from typing import Any

from facula.autograd.mode import mode
from facula.autograd.views import rebase, room_like
from facula.dispatch.copy import (
    alias,
    check_writable_memory,
    copy_into,
    copy_of,
    overlaps,
    refuse_overlap,
)
from facula.dispatch.gradient import record_pointwise, saved_operands
from facula.dispatch.launch import Launch
from facula.dispatch.operation import record_operation
from facula.dispatch.pointwise import call_pointwise, launch_into
from facula.op import Operation, Pointwise, registry
from facula.tensor import Tensor, empty


def check_inplace(target: Tensor) -> None:
    """Autograd's rules for writing into a tensor."""
    if not mode.enabled or not target.needs_grad:
        return
    if target.edge is None:
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )
    extra = target.extra
    if extra is not None and extra.kind == "multi":
        raise RuntimeError(
            f"{extra.name} is a view and is being modified inplace. This view is the output of a "
            "function that returns multiple views. Such functions do not allow the output views to "
            "be modified inplace. You should replace the inplace operation by an out-of-place one."
        )
    check_base_of_view(target)


def check_base_of_view(target: Tensor) -> None:
    """A view of a leaf that requires gradients cannot be written, even one made unrecorded."""
    base = target.base
    if base is not None and base.needs_grad and base.edge is None and mode.enabled:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )


def inplace_pointwise(op: Pointwise, target: Tensor, operands: tuple[Any, ...]) -> Tensor:
    """`target` becomes the formula's value; operands usually begin with target itself."""
    recording = mode.enabled and any(isinstance(v, Tensor) and v.needs_grad for v in operands)
    tracked = op.gradient_rule is not None or op.overwrites
    if tracked and (target.needs_grad or target.base is not None):
        check_inplace(target)
        check_base_of_view(target)
    check_writable_memory(target.form)
    safe = list(operands)
    for k, v in enumerate(safe):
        if isinstance(v, Tensor) and v is not target and overlaps(target, v):
            refuse_overlap(target, v)
            safe[k] = copy_of(v)
    launch = launch_into(op, operands, target)
    seen = as_they_were(launch, target, operands) if recording and launch.differentiable else ()
    before = alias(target)
    _write(op, tuple(safe), target)
    target.block.version += 1
    if not recording:
        return target
    if op.overwrites and before.needs_grad:
        made, overwrite = alias(target), registry["overwrite"]
        assert isinstance(overwrite, Operation)
        record_operation(overwrite, made, {"self": before, "source": empty(target.form.dtype, ())})
        rebase(target, made.edge)
    if launch.differentiable:
        made = alias(target)
        record_pointwise(op, launch, made, seen)
        rebase(target, made.edge)
    return target


def _write(op: Pointwise, operands: tuple[Any, ...], target: Tensor) -> None:
    """Calls into target, which keeps what it held if the kernel reports an error."""
    held = copy_of(target) if op.error_codes and not target.form.tracked else None
    try:
        call_pointwise(op, operands, target)
    except RuntimeError:
        if held is not None:
            copy_into(target, held)
        raise


def as_they_were(launch: Launch, target: Tensor, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands for the graph's eyes: target's edge is about to change, and if the gradient
    reads its content, that too."""
    needs = tuple([isinstance(v, Tensor) and v.needs_grad for v in operands])
    read = saved_operands(launch.op, launch, needs)[0]
    seen: list[Any] = []
    for k, v in enumerate(operands):
        if isinstance(v, Tensor) and v.block is target.block:
            before = alias(v)
            if k in read:
                # In the same form: the gradient's kernel is prepared for that.
                kept = room_like(v.form)
                copy_into(kept, v)
                before.block, before.address, before.form = kept.block, kept.address, kept.form
            seen.append(before)
        else:
            seen.append(v)
    return tuple(seen)
