"""Pooling on tensors: launches the plans of `kernel/library/pool.py` and `pool_window.py`. No graph
here.
"""

import math
from typing import Any, NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_of, remember
from facula.form import Form, form_of
from facula.kernel.library import pool, pool_window
from facula.kernel.library.pool_window import Window, Windows
from facula.kernel.plan import Plan
from facula.meta.dtype import int64, uint8
from facula.tensor import Tensor, allocate

Sizes = tuple[int, ...]
INDEX_DTYPES = {"u8": uint8, "i64": int64}
# A kernel is written out for windows of so few places, and strides of so few phases.
MOST_TAPS, MOST_PHASES = 256, 64


class Pooling(NamedTuple):
    """The numbers of a pooling over the last dimensions: sizes before and after, windows.

    `divisor`, for averages: a number to divide by (not 0), or PADDED or INSIDE, which count.
    """

    sizes: Sizes
    out: Sizes
    windows: Windows
    padding: Sizes
    divisor: int | str = ""

    @property
    def taps(self) -> int:
        """Places in a window."""
        return math.prod(window.size for window in self.windows)

    @property
    def is_known(self) -> bool:
        """Whether kernels are made for these very windows."""
        phases = math.prod(window.stride for window in self.windows)
        return self.taps <= MOST_TAPS and phases <= MOST_PHASES

    @property
    def inside(self) -> bool:
        """Whether no window leaves the plane."""
        return not any(self.padding) and all(
            (o - 1) * window.stride + window.reach < n
            for n, o, window in zip(self.sizes, self.out, self.windows, strict=True)
        )

    def counting(self) -> tuple[str, float]:
        """How a plan counts for averages, and the number if it is always the same."""
        if not isinstance(self.divisor, str):
            return "same", self.divisor
        whole = all(
            (o - 1) * window.stride + window.size <= n + 2 * p
            for n, o, p, window in zip(
                self.sizes, self.out, self.padding, self.windows, strict=True
            )
        )
        if self.inside or self.divisor == PADDED and whole:
            return "same", float(self.taps)
        return self.divisor, 0.0


PADDED, INSIDE = "padded", "inside"
_launches: dict[Any, tuple[Kernel, tuple[Any, ...], tuple[Form, ...]]] = {}


def contiguous(x: Tensor) -> Tensor:
    """The tensor, or a row-major copy of it; no graph."""
    return x if x.form.contiguous else copy_of(x)


def _planes(shape: Sizes, rank: int) -> int:
    return math.prod(shape[: len(shape) - rank])


def _two(values: Sizes, filler: int = 1) -> Sizes:
    """A row is a plane of one row: plans know no fewer than two dimensions."""
    return values if len(values) > 1 else (filler, *values)


def _windows(pooling: Pooling) -> Windows:
    return pooling.windows if len(pooling.windows) > 1 else (Window(1, 1, 1), *pooling.windows)


def _numbers(shape: Sizes, pooling: Pooling) -> Sizes:
    """Arguments of plans for known windows: planes, sizes, results, padding."""
    planes = _planes(shape, len(pooling.sizes))
    return (planes, *_two(pooling.sizes), *_two(pooling.out), *_two(pooling.padding, 0))


def _all_numbers(shape: Sizes, pooling: Pooling) -> Sizes:
    """Arguments of plans for any windows."""
    size, stride, step = zip(*_windows(pooling), strict=True)
    planes = _planes(shape, len(pooling.sizes))
    sizes = (*_two(pooling.sizes), *_two(pooling.out))
    return (planes, *sizes, *size, *stride, *_two(pooling.padding, 0), *step)


def _adaptive_numbers(shape: Sizes, sizes: Sizes, out: Sizes) -> Sizes:
    """Arguments of plans for windows spread evenly; those of windows are not read."""
    rank = max(2, len(sizes))
    unread = (1,) * rank + (1,) * rank + (0,) * rank + (1,) * rank
    return (_planes(shape, len(sizes)), *_two(sizes), *_two(out), *unread)


def _with_out(x: Form, rank: int, out: Sizes) -> Sizes:
    return (*x.shape[: x.ndim - rank], *out)


def _compiled(
    key: Any, plan: Plan, numbers: tuple[Any, ...], *forms: Form
) -> tuple[Kernel, tuple[Any, ...], tuple[Form, ...]]:
    return remember(_launches, key, (machine.compile_plan(plan), numbers, forms))


# --- largest elements --------------------------------------------------------------------------


def max_pool(x: Tensor, pooling: Pooling, index: str) -> tuple[Tensor, Tensor | None]:
    """Largest elements and where they stand: "" (not said), "u8" (in the window; known windows
    only), or "i64" (in the plane)."""
    x = contiguous(x)
    key = ("max", x.form, pooling, index)
    found = _launches.get(key)
    if found is None:
        shape = _with_out(x.form, len(pooling.sizes), pooling.out)
        forms = [form_of(x.form.dtype, shape)]
        kind, rank = x.form.kind, max(2, len(pooling.sizes))
        if pooling.is_known:
            forms += [form_of(INDEX_DTYPES[index], shape)] if index else []
            windows = _windows(pooling)
            plan: Plan = pool_window.WindowPool(kind, windows, index, "", pooling.inside)
            found = _compiled(key, plan, _numbers(x.form.shape, pooling), *forms)
        else:
            forms.append(form_of(int64, shape))
            numbers = _all_numbers(x.form.shape, pooling)
            found = _compiled(key, pool.MaxPool(kind, rank), numbers, *forms)
    kernel, numbers, forms_ = found
    results = [allocate(form) for form in forms_]
    if results[0].form.numel:
        addresses = [y.address for y in results]
        if pooling.is_known:
            kernel(*numbers, x.address, *addresses, *((0,) if len(results) == 1 else ()), 1.0)
        else:
            kernel(*numbers, x.address, *addresses)
    return results[0], results[1] if len(results) > 1 else None


def max_pool_backward(g: Tensor, index: Tensor, shape: Sizes, pooling: Pooling) -> Tensor:
    """The gradient of max pooling of a tensor of `shape`: g added at its indices."""
    if not pooling.is_known:
        return unpool(g, index, shape, len(pooling.sizes), adds=True)
    g, index = contiguous(g), contiguous(index)
    key = ("max'", g.form, index.form, pooling)
    found = _launches.get(key)
    if found is None:
        plan = pool_window.WindowPoolBackward(g.form.kind, _windows(pooling), index.form.kind, "")
        found = _compiled(key, plan, _numbers(shape, pooling), form_of(g.form.dtype, shape))
    kernel, numbers, (form,) = found
    dx = allocate(form)
    if form.numel:
        kernel(*numbers, g.address, dx.address, index.address, 1.0)
    return dx


def adaptive_max_pool(x: Tensor, out: Sizes) -> tuple[Tensor, Tensor]:
    """Largest elements of windows spread evenly, and their places in the plane."""
    x = contiguous(x)
    sizes = tuple(x.form.shape[-len(out) :])
    shape = _with_out(x.form, len(out), out)
    y, index = allocate(form_of(x.form.dtype, shape)), allocate(form_of(int64, shape))
    if y.form.numel:
        kernel = machine.compile_plan(pool.MaxPool(x.form.kind, max(2, len(out)), True))
        numbers = _adaptive_numbers(x.form.shape, sizes, out)
        kernel(*numbers, x.address, y.address, index.address)
    return y, index


def unpool(g: Tensor, index: Tensor, shape: Sizes, rank: int, *, adds: bool) -> Tensor:
    """Zeros of `shape`, with g added (or written) at its indices, plane by plane."""
    g, index = contiguous(g), contiguous(index)
    dx = allocate(form_of(g.form.dtype, shape))
    if not dx.form.numel:
        return dx
    planes = _planes(shape, rank)
    kernel = machine.compile_plan(pool.Unpool(g.form.kind, adds))
    size = dx.form.numel // planes
    if kernel(planes, size, g.form.numel // planes, g.address, index.address, dx.address):
        flat = [i for i in index.reshape(-1).tolist() if not 0 <= i < size]
        raise RuntimeError(
            f"Found an invalid max index: {flat[0]} (output volumes are of size "
            f"{'x'.join(map(str, shape[len(shape) - rank :]))})"
        )
    return dx


# --- averages ----------------------------------------------------------------------------------


def average_pool(x: Tensor, pooling: Pooling) -> Tensor:
    """Averages of windows."""
    x = contiguous(x)
    key = ("average", x.form, pooling)
    found = _launches.get(key)
    if found is None:
        form = form_of(x.form.dtype, _with_out(x.form, len(pooling.sizes), pooling.out))
        plan, numbers = _average_plan(x.form.kind, x.form.shape, pooling, False)
        found = _compiled(key, plan, numbers, form)
    kernel, numbers, (form,) = found
    y = allocate(form)
    if form.numel:
        if pooling.is_known:
            kernel(*numbers[:-1], x.address, y.address, 0, numbers[-1])
        else:
            kernel(*numbers, x.address, y.address)
    return y


def _average_plan(
    kind: str, shape: Sizes, pooling: Pooling, backward: bool
) -> tuple[Plan, tuple[Any, ...]]:
    """The plan and its numbers; last what to divide by."""
    if pooling.is_known:
        count, number = pooling.counting()
        windows = _windows(pooling)
        plan: Plan = pool_window.WindowPool(kind, windows, "", count, pooling.inside)
        if backward:
            plan = pool_window.WindowPoolBackward(kind, windows, "", count)
        return plan, (*_numbers(shape, pooling), float(number))
    divisor = {PADDED: -1, INSIDE: -2}.get(str(pooling.divisor), pooling.divisor)
    plan = pool.AveragePool(kind, False, backward, max(2, len(pooling.sizes)))
    return plan, (*_all_numbers(shape, pooling), divisor)


def average_pool_backward(g: Tensor, shape: Sizes, pooling: Pooling) -> Tensor:
    """The gradient of average pooling of a tensor of `shape`."""
    g = contiguous(g)
    key = ("average'", g.form, shape, pooling)
    found = _launches.get(key)
    if found is None:
        plan, numbers = _average_plan(g.form.kind, shape, pooling, True)
        found = _compiled(key, plan, numbers, form_of(g.form.dtype, shape))
    kernel, numbers, (form,) = found
    dx = allocate(form)
    if form.numel:
        if pooling.is_known:
            kernel(*numbers[:-1], g.address, dx.address, 0, numbers[-1])
        else:
            kernel(*numbers, dx.address, g.address)
    return dx


def adaptive_average_pool(x: Tensor, out: Sizes) -> Tensor:
    """Averages of windows spread evenly."""
    x = contiguous(x)
    y = allocate(form_of(x.form.dtype, _with_out(x.form, len(out), out)))
    if y.form.numel:
        kernel = machine.compile_plan(pool.AveragePool(x.form.kind, True, False, max(2, len(out))))
        numbers = _adaptive_numbers(x.form.shape, tuple(x.form.shape[-len(out) :]), out)
        kernel(*numbers, 0, x.address, y.address)
    return y


def adaptive_average_pool_backward(g: Tensor, shape: Sizes, rank: int) -> Tensor:
    """The gradient of averages of windows spread evenly, of a tensor of `shape`."""
    g = contiguous(g)
    dx = allocate(form_of(g.form.dtype, shape))
    if dx.form.numel:
        kernel = machine.compile_plan(pool.AveragePool(g.form.kind, True, True, max(2, rank)))
        out = tuple(g.form.shape[g.form.ndim - rank :])
        numbers = _adaptive_numbers(shape, tuple(shape[len(shape) - rank :]), out)
        kernel(*numbers, 0, dx.address, g.address)
    return dx
