"""Interpolation on tensors: tables of weights, and launches of `kernel/library/resample.py`. No
graph here.

Tables are computed in the precision in which torch computes them, so that floor() falls on the same
side. Sources: PyTorch's documented modes; the cubic kernel of Keys (1981, "Cubic convolution
interpolation for digital image processing") with a = -0.75, or -0.5 for smoothed ones (Pillow's);
Lanczos's window of three lobes (Duchon 1979, "Lanczos filtering in one and two dimensions").
"""

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_of, remember
from facula.form import Form, form_of
from facula.kernel.library.pool import axes_of
from facula.kernel.library.resample import Pattern, Phase, Resample
from facula.kernel.program import REGISTER_KIND, STORED_BYTES
from facula.late import Late
from facula.storage import memory
from facula.tensor import Tensor, allocate

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

Sizes = tuple[int, ...]
Array: TypeAlias = "np.ndarray"
# A pattern of columns is compiled for so few weights.
MOST_WEIGHTS = 16


class Axis(NamedTuple):
    """Interpolation along one axis: from `size` to `out` elements. `scale` is the factor the user
    gave, or 0 for out / size; `wide` computes weights in float64; `smooth` is torch's antialias."""

    mode: str
    size: int
    out: int
    align: bool = False
    scale: float = 0.0
    smooth: bool = False
    wide: bool = False
    turned: bool = False

    def turn(self) -> "Axis":
        """The axis of the gradient."""
        return self._replace(turned=not self.turned)

    @property
    def sizes(self) -> tuple[int, int]:
        """Elements before and after."""
        return (self.out, self.size) if self.turned else (self.size, self.out)


class Table(NamedTuple):
    """For each result the first element, how many, and weights (taps, results)."""

    first: Array
    held: Array
    weight: Array

    @property
    def is_pick(self) -> bool:
        """Whether every result is one element as it is."""
        return bool((self.held == 1).all() and (self.weight[:1] == 1).all())


# --- tables ------------------------------------------------------------------------------------


def _ratio(axis: Axis, real: Any) -> Any:
    """Elements a result."""
    if axis.align and axis.mode in ("linear", "cubic"):
        return real(axis.size - 1) / real(axis.out - 1) if axis.out > 1 else real(0)
    return real(1.0 / axis.scale) if axis.scale > 0 else real(axis.size) / real(axis.out)


def _cubic(distance: Array, a: float) -> Array:
    """Keys's kernel."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance < 1, near, np.where(distance < 2, far, 0 * distance))


def _nearest(axis: Axis, real: Any) -> tuple[Array, Array]:
    i = np.arange(axis.out)
    if axis.size == axis.out:
        places = i
    else:
        half = real(0.5) if axis.mode == "nearest-exact" else real(0)
        places = np.floor((i.astype(real) + half) * _ratio(axis, real)).astype(np.int64)
    return np.minimum(places, axis.size - 1)[:, None], np.ones((axis.out, 1), real)


def _smooth(axis: Axis, real: Any) -> tuple[Array, Array]:
    """A filter as wide as the results lie apart, weights summing to one."""
    taps = {"linear": 2, "cubic": 4, "lanczos": 6}[axis.mode]
    ratio = _ratio(axis, real)
    support = real(taps * 0.5) * ratio if ratio >= 1 else real(taps * 0.5)
    inverse = real(1) / ratio if ratio >= 1 else real(1)
    centre = ratio * (np.arange(axis.out, dtype=real) + real(0.5))
    low = np.maximum((centre - support + real(0.5)).astype(np.int64), 0)
    high = np.minimum((centre + support + real(0.5)).astype(np.int64), axis.size)
    places = low[:, None] + np.arange(max(1, int((high - low).max(initial=1))))
    distance = np.abs((places.astype(real) - centre[:, None] + real(0.5)) * inverse)
    if axis.mode == "linear":
        weights = np.maximum(real(1) - distance, real(0))
    elif axis.mode == "lanczos":
        weights = np.where(distance < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    else:
        weights = _cubic(distance, real(-0.5))
    weights = np.where(places < high[:, None], weights, real(0)).astype(real)
    weights = weights / weights.sum(1, keepdims=True, dtype=real)
    return np.minimum(places, axis.size - 1), weights


def _interpolated(axis: Axis, real: Any) -> tuple[Array, Array]:
    """Two or four neighbours; those beyond the edge are the element at the edge."""
    i = np.arange(axis.out)
    ratio = _ratio(axis, real)
    where = ratio * i.astype(real)
    if not axis.align:
        # In one rounding, as processors multiply and subtract.
        where = (np.float64(ratio) * (i + 0.5) - 0.5).astype(real)
        where = where if axis.mode == "cubic" else np.maximum(where, real(0))
    start = np.minimum(np.floor(where).astype(np.int64), axis.size - 1)
    part = np.clip(where - start.astype(real), real(0), real(1))
    if axis.mode == "linear":
        if axis.size == axis.out:
            start, part = i, np.zeros(axis.out, real)
        places = start[:, None] + np.arange(2)
        weights = np.stack([real(1) - part, part], 1)
    else:
        places = start[:, None] + np.arange(-1, 3)
        weights = _cubic(np.abs(part[:, None] - np.arange(-1, 3).astype(real)), real(-0.75))
    return np.clip(places, 0, axis.size - 1), weights.astype(real)


@cache
def table_of(axis: Axis) -> Table:
    """The table of an axis, or of its gradient."""
    if axis.turned:
        return _turned(table_of(axis.turn()), axis.size)
    real = np.float64 if axis.wide else np.float32
    if axis.mode.startswith("nearest"):
        places, weights = _nearest(axis, real)
    elif axis.smooth:
        places, weights = _smooth(axis, real)
    else:
        places, weights = _interpolated(axis, real)
    # Places that are the same one (at the edges) become one, so that the others are neighbours.
    first = places[:, 0]
    offsets = places - first[:, None]
    merged = np.zeros((axis.out, int(offsets.max(initial=0)) + 1), real)
    np.add.at(merged, (np.arange(axis.out)[:, None], offsets), weights)
    count = offsets.max(1, initial=0) + 1
    return Table(first.astype(np.int32), count.astype(np.int32), np.ascontiguousarray(merged.T))


def _turned(table: Table, size: int) -> Table:
    """For each element the results that hold it: they are neighbours, because places rise."""
    taps, out = table.weight.shape
    held = np.arange(taps)[:, None] < table.held
    tap, result = np.nonzero(held)
    element = table.first[result] + tap
    order = np.lexsort((result, element))
    element, result, tap = element[order], result[order], tap[order]
    first = np.full(size, out, np.int64)
    last = np.full(size, -1, np.int64)
    np.minimum.at(first, element, result)
    np.maximum.at(last, element, result)
    count = np.maximum(last - first + 1, 0)
    first = np.where(count > 0, first, 0)
    weight = np.zeros((max(1, int(count.max(initial=0))), size), table.weight.dtype)
    weight[result - first[element], element] = table.weight[tap, result]
    return Table(first.astype(np.int32), count.astype(np.int32), weight)


def _pattern(table: Table, size: int, lanes: int) -> tuple[Pattern | None, int, int]:
    """How the columns of a table repeat themselves, and from where to where."""
    out = len(table.first)
    for turns, step in ((1, 1), (2, 1), (1, 2)):
        many = out // turns
        if many < 2 * lanes:
            continue
        m = np.arange(many)
        alike, phases = np.ones(many, bool), []
        for q in range(turns):
            at = m * turns + q
            offset, middle = table.first[at] - m * step, at[many // 2]
            alike &= (offset == offset[many // 2]) & (table.held[at] == table.held[middle])
            alike &= (table.weight[:, at] == table.weight[:, middle, None]).all(0)
            count = int(table.held[middle])
            weights = tuple([float(w) for w in table.weight[:count, middle]])
            phases.append(Phase(int(offset[many // 2]), weights))
        different = np.nonzero(~alike)[0]
        low = int(different[different < many // 2].max(initial=-1)) + 1
        high = int(different[different > many // 2].min(initial=many))
        # Reading two apart reads one element more than the last one that counts.
        high = min(high, (size - 1 - max(p.offset + len(p.weights) for p in phases)) // step)
        if high - low >= 2 * lanes and sum(len(p.weights) for p in phases) <= MOST_WEIGHTS:
            return Pattern(step, tuple(phases)), low, high
    return None, 0, 0


# --- launches ----------------------------------------------------------------------------------


class Prepared(NamedTuple):
    """A kernel and all it takes but for the addresses of x and y; the tables stay alive here."""

    kernel: Kernel
    numbers: tuple[int, ...]
    scratch_bytes: int
    form: Form
    tables: tuple[Table, ...]


_launches: dict[Any, Prepared] = {}


def resample(x: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    """The last dimensions interpolated, or the gradient of that."""
    if not x.form.contiguous:
        x = copy_of(x)
    key = (x.form, axes)
    found = _launches.get(key)
    if found is None:
        found = remember(_launches, key, _prepare(x.form, axes))
    y = allocate(found.form)
    if not found.form.numel:
        return y
    room = found.scratch_bytes * machine.workers
    scratch = memory.acquire(room) if room else 0
    try:
        found.kernel(*found.numbers, x.address, y.address, scratch, found.scratch_bytes)
    finally:
        if room:
            memory.pool(room).append(scratch)
    return y


def _prepare(x: Form, axes: tuple[Axis, ...]) -> Prepared:
    lead = tuple(x.shape[: x.ndim - len(axes)])
    form = form_of(x.dtype, (*lead, *(axis.sizes[1] for axis in axes)))
    allocate(form)  # raises if there is no such memory, before tables as long as its sides are made
    if len(axes) == 1:
        axes = (Axis("nearest", 1, 1, wide=axes[0].wide), *axes)
    compute = REGISTER_KIND.get(x.kind, x.kind)
    itemsize = STORED_BYTES[compute]
    lanes = machine.target.lanes(max(4, itemsize))
    tables = tuple([table_of(axis) for axis in axes])
    columns = tables[-1]
    pattern, low, high = _pattern(columns, axes[-1].sizes[0], lanes)
    # Halves are gathered from a row that has been widened.
    blend = x.kind in ("f16", "bf16") or not all(table.is_pick for table in tables[:-1])
    plan = Resample(x.kind, len(axes), blend, columns.is_pick, pattern)
    planes = 1
    for n in lead:
        planes *= n
    sizes = (*(axis.sizes[0] for axis in axes), *(axis.sizes[1] for axis in axes))
    places = tuple([int(array.ctypes.data) for table in tables for array in table])
    assert len(places) == 3 * len(axes_of(len(axes)))
    scratch = (axes[-1].sizes[0] + 2 * lanes) * itemsize + 63 & -64 if blend else 0
    numbers = (planes, *sizes, *places, columns.weight.shape[0], low, high)
    return Prepared(machine.compile_plan(plan), numbers, scratch, form, tables)
