"""Winograd's convolutions on tensors: launches the plans of `kernel/library/winograd.py`."""

from collections.abc import Callable
from typing import Any

from facula.backend.cpu import machine
from facula.dispatch import remember
from facula.form import Form, form_of
from facula.kernel.library.conv import Conv2d
from facula.kernel.library.winograd import NOT_FINITE
from facula.kernel.library.winograd_plan import (
    WinogradLaunch,
    winograd_backward_data,
    winograd_forward,
)
from facula.storage import memory
from facula.tensor import Tensor, allocate


class WinogradRun:
    """Two prepared kernels: the weights' transform, then the rest."""

    __slots__ = ("form", "main", "main_numbers", "scratch", "transform", "weight", "weight_bytes")

    def __init__(self, launch: WinogradLaunch, form: Form) -> None:
        self.form = form
        self.transform = machine.compile_plan(launch.weight.plan)
        self.weight = launch.weight.numbers
        self.weight_bytes = launch.weight_bytes
        self.main = machine.compile_plan(launch.main.plan)
        self.main_numbers = launch.main.numbers
        self.scratch = launch.main.scratch_bytes

    def run(self, weight: Tensor, source: Tensor, bias: Tensor | None) -> Tensor | None:
        """The convolution; `weight` and `bias` are contiguous. None: not finite, see `Winograd`."""
        y = allocate(self.form)
        start = 0 if bias is None else bias.address
        room = self.weight_bytes + self.scratch * machine.workers
        points = memory.acquire(room)
        scratch = points + self.weight_bytes
        try:
            self.transform(points, weight.address, *self.weight)
            numbers = self.main_numbers
            code = self.main(y.address, points, source.address, start, scratch, *numbers)
        finally:
            memory.pool(room).append(points)
        return None if code == NOT_FINITE else y


_runs: dict[Any, WinogradRun | None] = {}


def _prepared(
    key: Any, prepare: Callable[[], WinogradLaunch | None], shape: tuple[int, ...], source: Form
) -> WinogradRun | None:
    try:
        return _runs[key]
    except KeyError:
        launch = prepare()
        run = None if launch is None else WinogradRun(launch, form_of(source.dtype, shape))
        return remember(_runs, key, run)


def forward_run(x: Form, bias: bool, shape: Conv2d) -> WinogradRun | None:
    """How conv2d(x, weight, bias) is computed, if this is the way; else None."""
    return _prepared(
        ("forward", x, bias, shape),
        lambda: winograd_forward(machine.target, x.kind, shape, x.strides, bias=bias),
        (shape.batch, shape.out_channels, *shape.output),
        x,
    )


def data_run(g: Form, shape: Conv2d) -> WinogradRun | None:
    """How the gradient of x is computed, if this is the way; else None."""
    return _prepared(
        ("data", g, shape),
        lambda: winograd_backward_data(machine.target, g.kind, shape, g.strides),
        (shape.batch, shape.in_channels, shape.height, shape.width),
        g,
    )
