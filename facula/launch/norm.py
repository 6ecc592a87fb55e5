"""Normalisation kernels on tensors: statistics a row or a channel, and their gradients. No graph.

Everything a launch needs to know of its operands' forms is kept by these forms, so that a training
step pays for the allocations and the calls. Note [row kernels].
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from facula.backend.cpu import Kernel, machine
from facula.dispatch import convert, copy_into, copy_of, dtype_word, fill_launch
from facula.dispatch.layout import remember
from facula.form import Form, form_of
from facula.kernel.library.channel import BatchNorm, BatchNormBackward
from facula.kernel.library.norm import FoldParts, RowNorm, RowNormBackward
from facula.kernel.program import STORED_BYTES
from facula.launch.rows import contiguous, kernel_of
from facula.meta import dtype as dtypes
from facula.meta.dtype import dtype
from facula.tensor import Tensor, allocate

# Sums over rows are split into this many parts at most, of this many elements at least.
PARTS, PART_ELEMENTS = 32, 16384


def compute_dtype(x: dtype) -> dtype:
    """The dtype of statistics and weights inside a kernel: float32 for halves."""
    return x if x.itemsize >= 4 else dtypes.float32


def check_parameters(x: Form, parameters: Sequence[Form | None], kernel: str) -> None:
    """torch's errors: statistics of integers, weights of another dtype than the input's. Beside
    halves they may be float32, but then all of them."""
    if not x.dtype.is_floating_point:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtype_word(x.dtype)}'")
    found = {p.dtype for p in parameters if p is not None}
    if found <= {x.dtype} or (x.itemsize < 4 and found == {dtypes.float32}):
        return
    raise RuntimeError(
        "mixed dtype (CPU): all inputs must share same datatype."
        if x.dtype is dtypes.float64
        else "mixed dtype (CPU): expect parameter to have scalar type of Float"
    )


def prepared(parameter: Tensor | None, wanted: dtype) -> Tensor | None:
    """A vector of weights as a kernel reads it."""
    if parameter is None or (parameter.form.dtype is wanted and parameter.form.contiguous):
        return parameter
    return contiguous(convert(parameter, wanted))


def place(tensor: Tensor | None) -> int:
    """An address; 0 where a kernel does not look."""
    return 0 if tensor is None else tensor.address


class Rows(NamedTuple):
    """How a tensor falls into rows: elements a row, weights for runs of `inner`, sets of them."""

    n: int
    inner: int
    groups: int
    centred: bool


class Prepared(NamedTuple):
    """What forms decide: kernel, leading sizes, forms of the result and of the statistics."""

    kernel: Kernel
    sizes: tuple[int, ...]
    result: Form
    statistics: Form
    step: int
    wanted: dtype


_forward: dict[object, Prepared] = {}


def row_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, rows: Rows, eps: float
) -> tuple[Tensor, Tensor]:
    """The normalised rows, and 1 / deviation of each with, if rows are centred, the mean before."""
    key = (
        x.form,
        None if weight is None else weight.form,
        None if bias is None else bias.form,
        rows,
    )
    launch = _forward.get(key)
    if launch is None:
        launch = remember(_forward, key, _row_launch(x.form, weight, bias, rows))
    if not x.form.contiguous:
        x = copy_of(x)
    w, b = prepared(weight, launch.wanted), prepared(bias, launch.wanted)
    y, statistics = allocate(launch.result), allocate(launch.statistics)
    if launch.result.numel:
        mean = statistics.address
        launch.kernel(
            *launch.sizes,
            x.address,
            place(w),
            place(b),
            y.address,
            mean,
            mean + launch.step,
            eps,
        )
    return y, statistics


def _row_launch(x: Form, weight: Tensor | None, bias: Tensor | None, rows: Rows) -> Prepared:
    wanted = compute_dtype(x.dtype)
    count = x.numel // rows.n if rows.n else 0
    plan = RowNorm(x.kind, weight is not None, bias is not None, rows.centred, rows.inner > 1)
    step = count * wanted.itemsize if rows.centred else 0
    sizes = (count, rows.n, rows.inner, rows.groups)
    statistics = form_of(wanted, (1 + rows.centred, count))
    return Prepared(kernel_of(plan), sizes, form_of(x.dtype, x.shape), statistics, step, wanted)


class RowsBackward(NamedTuple):
    """What forms decide of a gradient: kernels, their sizes, the forms that they write."""

    kernel: Kernel
    sizes: tuple[int, ...]
    step: int
    wanted: dtype
    # Of dx, dw, db: what the kernel writes, and what a second one makes of parts of the last two.
    written: tuple[Form | None, Form | None, Form | None]
    fold: Kernel | None
    parts: tuple[int, int]
    folded: tuple[Form | None, Form | None]


_row_backward: dict[object, RowsBackward] = {}
Targets = tuple[bool, Form | None, Form | None]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def row_norm_backward(
    g: Tensor, x: Tensor, weight: Tensor | None, statistics: Tensor, rows: Rows, targets: Targets
) -> Gradients:
    """Gradients with respect to x, weight and bias; `targets`: is x's wanted, forms of the others'
    or None."""
    form = x.form
    key = (form, None if weight is None else weight.form, rows, targets)
    launch = _row_backward.get(key)
    if launch is None:
        made = _rows_backward(form, weight is not None, rows, targets)
        launch = remember(_row_backward, key, made)
    if not form.numel:
        return _zeros(form if targets[0] else None), _zeros(targets[1]), _zeros(targets[2])
    kernel, sizes, step, wanted, written, fold, parts, folded = launch
    if not form.contiguous:
        x = copy_of(x)
    if not g.form.contiguous:
        g = copy_of(g)
    w = prepared(weight, wanted)
    dx, dw, db = [None if f is None else allocate(f) for f in written]
    mean = statistics.address
    kernel(
        *sizes, x.address, g.address, place(w), mean, mean + step, place(dx), place(dw), place(db)
    )
    if fold is not None:
        ends = [None if f is None else allocate(f) for f in folded]
        # A kernel for one of the two gradients finds it at both addresses.
        pairs = [(t, e) for t, e in zip((dw, db), ends, strict=True) if e is not None]
        (first, to), (second, too) = pairs[0], pairs[-1]
        fold(*parts, place(first), place(second), to.address, too.address)
        dw, db = ends
    return dx, dw if targets[1] is not None else None, db if targets[2] is not None else None


def _rows_backward(form: Form, weighted: bool, rows: Rows, targets: Targets) -> RowsBackward:
    n, inner, groups, centred = rows
    wants_x, w_form, b_form = targets
    wanted = compute_dtype(form.dtype)
    count = form.numel // n if n else 0
    runs, sums = inner > 1, w_form is not None or b_form is not None
    chunk = 1 if runs else chunk_of(count, n, groups)
    parts = count // groups if runs else -(-count // chunk)
    width = groups * (n // inner) if inner else 0
    plan = RowNormBackward(form.kind, weighted, centred, runs, wants_x, sums)
    written: list[Form | None] = [form_of(form.dtype, form.shape) if wants_x else None, None, None]
    folded: tuple[Form | None, Form | None] = (None, None)
    fold = None
    given = next((f for f in (w_form, b_form) if f is not None), None)
    if given is not None:
        single = parts == 1 and given.dtype is wanted
        shape = tuple(given.shape) if single else (parts, width)
        written[1] = form_of(wanted, shape)
        if centred or runs:
            written[2] = written[1]
        if not single:
            folded = (_dense(w_form), _dense(b_form))
            fold = kernel_of(FoldParts(wanted.short, given.kind, None not in folded))
    return RowsBackward(
        kernel_of(plan),
        (count, n, inner, groups, chunk),
        count * wanted.itemsize if centred else 0,
        wanted,
        (written[0], written[1], written[2]),
        fold,
        (parts, width),
        folded,
    )


def _dense(form: Form | None) -> Form | None:
    return None if form is None else form_of(form.dtype, form.shape)


def _zeros(form: Form | None) -> Tensor | None:
    if form is None:
        return None
    made = allocate(form_of(form.dtype, form.shape))
    fill_launch(made, 0.0)
    return made


def chunk_of(count: int, n: int, groups: int) -> int:
    """Rows whose sums go to one part: whole groups, and no more parts than `PARTS`."""
    rows = max(-(-count // PARTS), PART_ELEMENTS // max(1, n), 1)
    return -(-rows // groups) * groups


# --- batch normalisation -------------------------------------------------------------------------


class Channels(NamedTuple):
    """How a tensor of shape (N, C, ...) lies in memory: n samples, c channels, s elements a run.

    Where channels lie innermost, every place of a sample counts as a sample with runs of 1.
    """

    n: int
    c: int
    s: int
    form: Form
    columns: int


@cache
def _lanes(kind: str) -> int:
    return machine.target.lanes(STORED_BYTES[kind])


_channels: dict[Form, Channels] = {}


def channels_of(form: Form) -> Channels:
    """The channels of a form, and the form a kernel's operands have."""
    found = _channels.get(form)
    if found is None:
        found = remember(_channels, form, _find_channels(form))
    return found


def _find_channels(form: Form) -> Channels:
    c = form.shape[1]
    samples = form.shape[0]
    s = form.numel // max(1, samples * c)
    last = form_of(form.dtype, form.shape, _channels_last(form.shape))
    laid = form_of(form.dtype, form.shape)
    if form is last and form.ndim > 2 and not form.contiguous:
        samples, s, laid = samples * s, 1, last
    columns = 0
    if s == 1:
        lanes = _lanes("f64" if form.itemsize == 8 else "f32")
        columns = 4 if c % (4 * lanes) == 0 else 1
    return Channels(samples, c, s, laid, columns)


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides with the channels innermost."""
    strides = [1] * len(shape)
    run = shape[1]
    for d in range(len(shape) - 1, 1, -1):
        strides[d] = run
        run *= shape[d]
    strides[0] = run
    return tuple(strides)


def laid_out(x: Tensor, form: Form) -> Tensor:
    """The tensor, or a copy of it with these strides."""
    if x.form is form:
        return x
    copy = allocate(form)
    copy_into(copy, x)
    return copy


_batch: dict[object, tuple[Kernel, Channels, Form]] = {}


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Channels normalised, and means and 1 / deviations. In training running statistics move."""
    known = (weight is not None, bias is not None)
    key = (x.form, known, training, running_mean is not None)
    launch = _batch.get(key)
    if launch is None:
        laid = channels_of(x.form)
        kept = form_of(compute_dtype(x.form.dtype), (2, laid.c))
        plan = BatchNorm(x.form.kind, *known, *key[2:], laid.columns)
        launch = remember(_batch, key, (kernel_of(plan), laid, kept))
    kernel, channels, statistics_form = launch
    wanted = statistics_form.dtype
    n, c, s, form, _ = channels
    x = laid_out(x, form)
    w, b = prepared(weight, wanted), prepared(bias, wanted)
    means, variances = prepared(running_mean, wanted), prepared(running_var, wanted)
    y, statistics = allocate(form), allocate(statistics_form)
    if form.numel:
        mean = statistics.address
        kernel(
            n, c, s, x.address, place(w), place(b), place(means), place(variances),
            y.address, mean, mean + c * wanted.itemsize, momentum, eps,
        )  # fmt: skip
        if training:
            for owner, made in ((running_mean, means), (running_var, variances)):
                if owner is None or made is None:
                    continue
                if made is not owner:
                    copy_into(owner, made)
                owner.block.version += 1
    return y, statistics


_batch_backward: dict[object, tuple[Kernel, Channels, Form]] = {}


def batch_norm_backward(
    g: Tensor,
    x: Tensor,
    weight: Tensor | None,
    statistics: Tensor,
    training: bool,
    targets: Targets,
) -> Gradients:
    """Gradients with respect to x, weight and bias; `targets` as for rows."""
    wants_x, w_form, b_form = targets
    key = (x.form, weight is None, training, wants_x)
    launch = _batch_backward.get(key)
    if launch is None:
        laid = channels_of(x.form)
        plan = BatchNormBackward(x.form.kind, weight is not None, training, wants_x, laid.columns)
        vector = form_of(compute_dtype(x.form.dtype), (laid.c,))
        launch = remember(_batch_backward, key, (kernel_of(plan), laid, vector))
    kernel, (n, c, s, form, _), vector = launch
    g, x, w = laid_out(g, form), laid_out(x, form), prepared(weight, vector.dtype)
    dx = allocate(form) if wants_x else None
    dw, db = allocate(vector), allocate(vector)
    if form.numel:
        mean = statistics.address
        kernel(
            n, c, s, x.address, g.address, place(w), mean, mean + vector.nbytes, place(dx),
            dw.address, db.address,
        )  # fmt: skip
    else:
        fill_launch(dw, 0.0)
        fill_launch(db, 0.0)
    return dx, _converted(dw, w_form), _converted(db, b_form)


def _converted(gradient: Tensor, form: Form | None) -> Tensor | None:
    if form is None or gradient.form.dtype is form.dtype:
        return None if form is None else gradient
    return convert(gradient, form.dtype)


__all__ = [
    "Channels",
    "Rows",
    "batch_norm",
    "batch_norm_backward",
    "check_parameters",
    "row_norm",
    "row_norm_backward",
]
