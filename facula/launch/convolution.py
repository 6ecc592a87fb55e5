"""Convolutions on tensors: launches the plans of `kernel/library/conv.py`. No graph here."""

from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_of, remember
from facula.form import Form, form_of
from facula.kernel.library.conv import (
    Conv2d,
    conv2d_backward_data,
    conv2d_backward_weight,
    conv2d_forward,
)
from facula.storage import memory
from facula.tensor import Tensor, allocate

_launches: dict[Any, tuple[Kernel, tuple[int, ...], int]] = {}


def _run(key: Any, prepare: Any, out: Form, addresses: tuple[int, ...]) -> Tensor:
    """kernel(out, *addresses, scratch, *numbers), prepared once a key."""
    found = _launches.get(key)
    if found is None:
        launch = prepare()
        kernel = machine.compile_plan(launch.plan)
        found = remember(_launches, key, (kernel, launch.numbers, launch.scratch_bytes))
    kernel, numbers, scratch_bytes = found
    y = allocate(out)
    if not out.numel:
        return y
    if not scratch_bytes:
        kernel(y.address, *addresses, 0, *numbers)
        return y
    room = scratch_bytes * machine.workers
    scratch = memory.acquire(room)
    try:
        kernel(y.address, *addresses, scratch, *numbers)
    finally:
        memory.pool(room).append(scratch)
    return y


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


def forward(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Conv2d) -> Tensor:
    """conv2d(x, weight, bias)."""
    weight = contiguous(weight)
    bias = None if bias is None else contiguous(bias)
    out = form_of(x.form.dtype, (shape.batch, shape.out_channels, *shape.output))
    strides = tuple(x.form.strides)
    return _run(
        ("forward", x.form, shape, bias is not None),
        lambda: conv2d_forward(machine.target, x.form.kind, shape, strides, bias=bias is not None),
        out,
        (weight.address, x.address, 0 if bias is None else bias.address),
    )


def backward_data(g: Tensor, weight: Tensor, shape: Conv2d) -> Tensor:
    """The gradient of x."""
    weight = contiguous(weight)
    out = form_of(g.form.dtype, (shape.batch, shape.in_channels, shape.height, shape.width))
    strides = tuple(g.form.strides)
    return _run(
        ("data", g.form, shape),
        lambda: conv2d_backward_data(machine.target, g.form.kind, shape, strides),
        out,
        (weight.address, g.address, 0),
    )


def backward_weight(g: Tensor, x: Tensor, shape: Conv2d) -> Tensor:
    """The gradient of the weight."""
    inner = shape.in_channels // shape.groups
    out = form_of(g.form.dtype, (shape.out_channels, inner, *shape.kernel))
    return _run(
        ("weight", g.form, x.form, shape),
        lambda: conv2d_backward_weight(
            machine.target, g.form.kind, shape, tuple(x.form.strides), tuple(g.form.strides)
        ),
        out,
        (g.address, x.address, 0),
    )
