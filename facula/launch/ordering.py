"""Sorting, running sums and positions of extremes on tensors: launches their plans. No graph."""

from collections.abc import Callable
from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.dispatch import (
    accumulator,
    build_reduce,
    copy_of,
    register_kind,
    remember,
    run_reduce,
    state_inputs,
    state_units,
)
from facula.form import Form, form_of
from facula.kernel import plan
from facula.kernel.complex import for_parts
from facula.kernel.expr import cast, input_, linearise
from facula.kernel.library.sort import Sort
from facula.kernel.scalar import eq, gt, isnan, lt, where
from facula.meta import dtype as dtypes
from facula.tensor import Tensor, allocate, empty

# From how many neighbouring lines on a scan's vectors run across them.
LONG = 16

_extremes: dict[Any, Any] = {}
_scans: dict[Any, tuple[Kernel, tuple[int, ...]]] = {}


def extreme(x: Tensor, dim: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The largest (smallest) elements along a dim and their first positions; nan counts as both."""
    key = (x.form, dim, largest)
    launch = _extremes.get(key)
    if launch is None:
        launch = remember(_extremes, key, _prepare_extreme(x.form, dim, largest))
    values, positions = run_reduce(launch, (x,))
    return values, positions


def position(x: Tensor, dim: int, largest: bool) -> Tensor:
    """The first positions of the largest (smallest) elements along a dim."""
    key = (x.form, dim, largest, "position")
    launch = _extremes.get(key)
    if launch is None:
        launch = remember(_extremes, key, _prepare_extreme(x.form, dim, largest, True))
    return run_reduce(launch, (x,))[0]


def _prepare_extreme(form: Form, dim: int, largest: bool, position_only: bool = False) -> Any:
    kind = register_kind(form.kind)
    before = gt if largest else lt

    def better(a: Any, i: Any, b: Any, j: Any) -> Any:
        if kind in ("f32", "f64"):
            same = eq(a, b) | (isnan(a) & isnan(b))
            wins = before(b, a) | (isnan(b) & ~isnan(a))
        else:
            same, wins = eq(a, b), before(b, a)
        take = wins | (same & lt(j, i))
        return where(take, b, a), where(take, j, i)

    shape = tuple(n for d, n in enumerate(form.shape) if d != dim)
    results = [form_of(form.dtype, shape), form_of(dtypes.int64, shape)]
    return build_reduce(
        lambda x, position: (x, position),
        better,
        lambda value, position, n: position if position_only else (value, position),
        ("lowest" if largest else "highest", 2**62),
        (kind, "i64"),
        [form],
        form.shape,
        [dim],
        results[1:] if position_only else results,
        position=True,
    )


def scan(
    x: Tensor, dim: int, out: dtypes.dtype, combine: Callable[[Any, Any], Any], unit: float
) -> Tensor:
    """Running combinations along a dim, accumulated wide."""
    y = empty(out, x.form.shape)
    if not x.form.numel:
        return y
    key = (x.form, dim, out, combine)
    prepared = _scans.get(key)
    if prepared is None:
        prepared = remember(_scans, key, _prepare_scan(x.form, y.form, dim, combine, unit))
    prepared[0](*prepared[1], x.address, y.address)
    return y


def _prepare_scan(
    x: Form, y: Form, dim: int, combine: Callable[[Any, Any], Any], unit: float
) -> tuple[Kernel, tuple[int, ...]]:
    state = accumulator(y.dtype, "wide")
    left, right = state_inputs([state])
    kept = [d for d in range(x.ndim) if d != dim]
    across = False
    if kept:
        last = kept[-1]
        across = x.strides[last] == y.strides[last] == 1 and x.shape[last] >= LONG
    made = plan.Scan(
        (x.kind,),
        (y.kind,),
        for_parts(linearise([cast(input_(0, register_kind(x.kind)), state)]), join=False),
        for_parts(linearise([combine(*left, *right)]), join=False),
        for_parts(linearise([cast(left[0], register_kind(y.kind))])),
        state_units([state], [unit]),
        len(kept),
        across,
    )
    numbers = [x.shape[d] for d in kept] + [x.shape[dim]]
    for form in (x, y):
        numbers += [*(form.strides[d] for d in kept), form.strides[dim]]
    return machine.compile_plan(made), tuple(numbers)


def sort(x: Tensor, descending: bool) -> tuple[Tensor, Tensor]:
    """The last dim sorted, stable, and the old positions."""
    x = x if x.form.contiguous else copy_of(x)
    values = allocate(form_of(x.form.dtype, x.form.shape))
    indices = empty(dtypes.int64, x.form.shape)
    if x.form.numel:
        n = x.form.shape[-1]
        spare_values, spare_indices = allocate(values.form), allocate(indices.form)
        kernel = machine.compile_plan(Sort(x.form.kind, descending))
        kernel(
            x.form.numel // n, n, (n - 1).bit_length(), x.address, values.address, indices.address,
            spare_values.address, spare_indices.address,
        )  # fmt: skip
    return values, indices
