"""Convolutions on tensors: launches the plans of `kernel/library/conv.py`. No graph here."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_into, copy_of, remember
from facula.form import Form, form_of
from facula.kernel.library.conv import (
    Conv2d,
    conv2d_backward_data,
    conv2d_backward_weight,
    conv2d_forward,
)
from facula.kernel.library.conv_blocks import Copy, Staged
from facula.kernel.library.depthwise import is_depthwise, suits_depthwise
from facula.kernel.library.depthwise_weight import Summed
from facula.kernel.library.tile import Launch
from facula.launch.winograd import data_run, forward_run
from facula.meta.geometry import channels_last_strides
from facula.storage import memory
from facula.tensor import Tensor, allocate


class _Prepared(NamedTuple):
    """Kernels and numbers of a convolution: copies of operands, the product, a sum of its parts."""

    copies: tuple[tuple[int, Kernel, tuple[int, ...], int], ...]
    kernel: Kernel
    numbers: tuple[int, ...]
    scratch_bytes: int
    swapped: bool
    fold: tuple[Kernel, tuple[int, ...], int] | None


_launches: dict[Any, _Prepared] = {}


def _prepared(launch: Launch | Staged | Summed) -> _Prepared:
    copies: tuple[Copy, ...] = ()
    swapped, fold = False, None
    if isinstance(launch, Summed):
        launch, nbytes, folding = launch
        fold = machine.compile_plan(folding.plan), folding.numbers, nbytes
    if isinstance(launch, Staged):
        copies, launch, swapped = launch
    return _Prepared(
        tuple(
            (c.operand, machine.compile_plan(c.launch.plan), c.launch.numbers, c.nbytes)
            for c in copies
        ),
        machine.compile_plan(launch.plan),
        launch.numbers,
        launch.scratch_bytes,
        swapped,
        fold,
    )


def _run(
    key: Any,
    prepare: Callable[[], Launch | Staged | Summed],
    out: Form,
    addresses: tuple[int, ...],
) -> Tensor:
    """kernel(out, *addresses, scratch, *numbers), prepared once a key."""
    found = _launches.get(key)
    if found is None:
        found = remember(_launches, key, _prepared(prepare()))
    copies, kernel, numbers, scratch_bytes, swapped, fold = found
    y = allocate(out)
    if not out.numel:
        return y
    if swapped:
        addresses = (addresses[1], addresses[0], addresses[2])
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
        if fold is None:
            kernel(y.address, *addresses, scratch, *numbers)
        else:
            add_up, counts, nbytes = fold
            parts = memory.acquire(nbytes)
            taken.append((nbytes, parts))
            kernel(parts, *addresses, scratch, *numbers)
            add_up(y.address, parts, *counts)
    finally:
        for nbytes, place in taken:
            memory.pool(nbytes).append(place)
    return y


def refuse_empty(x: Sequence[int], weight: Sequence[int]) -> None:
    """PyTorch's errors for images or kernels of no extent, whatever the padding."""
    if 0 in x[2:]:
        raise RuntimeError(
            f"Only zero batch or zero channel inputs are supported, but got input shape: {list(x)}"
        )
    if 0 in weight[2:]:
        said = " x ".join(map(str, weight[2:]))
        raise RuntimeError(f"kernel size should be greater than zero, but got {said}")


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


def _by_rows(shape: Conv2d) -> bool:
    """Whether channels are too few to be vectors: what lies channels last is copied to rows."""
    if not shape.last or shape.groups == 1 and shape.kernel == (1, 1):
        return False
    inner, outer = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    return min(inner, outer) < 8


def _beside(x: Tensor) -> Tensor:
    """The tensor, or a copy whose channels lie side by side."""
    return x if x.form.strides[1] == 1 else _last(x)


def _last(y: Tensor) -> Tensor:
    """A copy with the channels side by side."""
    copied = allocate(_form(y.form, y.form.shape, True))
    copy_into(copied, y)
    return copied


def _form(like: Form, shape: tuple[int, ...], last: bool) -> Form:
    return form_of(like.dtype, shape, channels_last_strides(shape) if last else None)


def _ordered(weight: Tensor, shape: Conv2d) -> Tensor:
    """The weight in the order that the plans were told, or a copy that is."""
    if not shape.weight_last:
        return contiguous(weight)
    return weight if weight.form.geometry.is_channels_last() else _last(weight)


def forward(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Conv2d) -> Tensor:
    """conv2d(x, weight, bias)."""
    if is_depthwise(shape):
        x = _beside(x)
    if _by_rows(shape) and not suits_depthwise(shape, tuple(x.form.strides), False):
        plain = shape._replace(last=False, weight_last=False)
        return _last(forward(contiguous(x), weight, bias, plain))
    weight = _ordered(weight, shape)
    bias = None if bias is None else contiguous(bias)
    winograd = None if shape.last else forward_run(x.form, bias is not None, shape)
    if winograd is not None and (y := winograd.run(weight, x, bias)) is not None:
        return y
    out = _form(x.form, (shape.batch, shape.out_channels, *shape.output), shape.last)
    strides = tuple(x.form.strides)
    return _run(
        ("forward", x.form, shape, bias is not None),
        lambda: conv2d_forward(machine.target, x.form.kind, shape, strides, bias=bias is not None),
        out,
        (weight.address, x.address, 0 if bias is None else bias.address),
    )


def backward_data(g: Tensor, weight: Tensor, shape: Conv2d) -> Tensor:
    """The gradient of x."""
    if is_depthwise(shape):
        g = _beside(g)
    if _by_rows(shape) and not suits_depthwise(shape, tuple(g.form.strides), True):
        plain = shape._replace(last=False, weight_last=False)
        return _last(backward_data(contiguous(g), weight, plain))
    weight = _ordered(weight, shape)
    winograd = None if shape.last else data_run(g.form, shape)
    if winograd is not None and (dx := winograd.run(weight, g, None)) is not None:
        return dx
    sizes = (shape.batch, shape.in_channels, shape.height, shape.width)
    strides = tuple(g.form.strides)
    return _run(
        ("data", g.form, shape),
        lambda: conv2d_backward_data(machine.target, g.form.kind, shape, strides),
        _form(g.form, sizes, shape.last),
        (weight.address, g.address, 0),
    )


def backward_weight(g: Tensor, x: Tensor, shape: Conv2d) -> Tensor:
    """The gradient of the weight."""
    if is_depthwise(shape):
        g, x = _beside(g), _beside(x)
    elif _by_rows(shape):
        plain = shape._replace(last=False, weight_last=False)
        grad = backward_weight(contiguous(g), contiguous(x), plain)
        return _last(grad) if shape.weight_last else grad
    sizes = (shape.out_channels, shape.in_channels // shape.groups, *shape.kernel)
    return _run(
        ("weight", g.form, x.form, shape),
        lambda: conv2d_backward_weight(
            machine.target, g.form.kind, shape, tuple(x.form.strides), tuple(g.form.strides)
        ),
        _form(g.form, sizes, shape.weight_last),
        (g.address, x.address, 0),
    )
