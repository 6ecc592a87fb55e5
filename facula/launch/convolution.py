"""Convolutions on tensors: launches the plans of `kernel/library/conv.py`. No graph here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_of, remember
from facula.form import Form, form_of
from facula.kernel.library.conv import (
    Conv2d,
    conv2d_backward_data,
    conv2d_backward_weight,
    conv2d_forward,
)
from facula.kernel.library.conv_blocks import Copy, Staged
from facula.kernel.library.tile import Launch
from facula.launch.winograd import data_run, forward_run
from facula.storage import memory
from facula.tensor import Tensor, allocate


class _Prepared(NamedTuple):
    """Kernels and numbers of a convolution: copies of operands, then the product."""

    copies: tuple[tuple[int, Kernel, tuple[int, ...], int], ...]
    kernel: Kernel
    numbers: tuple[int, ...]
    scratch_bytes: int


_launches: dict[Any, _Prepared] = {}


def _prepared(launch: Launch | Staged) -> _Prepared:
    copies: tuple[Copy, ...] = ()
    if isinstance(launch, Staged):
        copies, launch = launch
    return _Prepared(
        tuple(
            (c.operand, machine.compile_plan(c.launch.plan), c.launch.numbers, c.nbytes)
            for c in copies
        ),
        machine.compile_plan(launch.plan),
        launch.numbers,
        launch.scratch_bytes,
    )


def _run(
    key: Any, prepare: Callable[[], Launch | Staged], out: Form, addresses: tuple[int, ...]
) -> Tensor:
    """kernel(out, *addresses, scratch, *numbers), prepared once a key."""
    found = _launches.get(key)
    if found is None:
        found = remember(_launches, key, _prepared(prepare()))
    copies, kernel, numbers, scratch_bytes = found
    y = allocate(out)
    if not out.numel:
        return y
    if not scratch_bytes:
        kernel(y.address, *addresses, 0, *numbers)
        return y
    room = scratch_bytes * machine.workers
    scratch = memory.acquire(room)
    taken = [(room, scratch)]
    try:
        if copies:
            places = list(addresses)
            for operand, copy, copy_numbers, nbytes in copies:
                place = memory.acquire(nbytes)
                taken.append((nbytes, place))
                copy(place, addresses[operand], *copy_numbers)
                places[operand] = place
            addresses = tuple(places)
        kernel(y.address, *addresses, scratch, *numbers)
    finally:
        for nbytes, place in taken:
            memory.pool(nbytes).append(place)
    return y


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


def forward(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Conv2d) -> Tensor:
    """conv2d(x, weight, bias)."""
    weight = contiguous(weight)
    bias = None if bias is None else contiguous(bias)
    winograd = forward_run(x.form, bias is not None, shape)
    if winograd is not None:
        return winograd.run(weight, x, bias)
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
    winograd = data_run(g.form, shape)
    if winograd is not None:
        return winograd.run(weight, g, None)
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
