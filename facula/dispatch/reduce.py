"""Reductions: prepared launches with fixed chunks, undoing of broadcasting, reduction records."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.graph import FREED, Node, check_version, next_order
from facula.autograd.mode import mode
from facula.backend.cpu import Kernel, machine
from facula.dispatch.launch import RESULT, TENSOR, Word, noted
from facula.dispatch.layout import (
    Number,
    as_tuple,
    cast_to,
    compile_pointwise,
    dtype_word,
    expanded,
    inner_class,
    no_work,
    register_kind,
    remember,
)
from facula.dispatch.node import NODE_CLASSES, node_type
from facula.form import Form, form_of
from facula.kernel import expr, plan
from facula.kernel.complex import Undefined, for_parts
from facula.kernel.expr import Expr, linearise
from facula.meta import dtype as dtypes
from facula.meta.dtype import dtype
from facula.meta.geometry import coalesce, contiguous_strides
from facula.meta.shape import reduced_shape, wrap_dims
from facula.op import BOOL, FLOAT, Reduction
from facula.tensor import Tensor, allocate, wrap

# Reductions longer than this along one output are cut into chunks of that many elements.
CHUNK = 16384


def accumulator(d: dtype, state: str) -> str:
    """The register kind of a reduction's state."""
    kind = register_kind(d.short)
    if state == "same":
        return kind
    if state == "bool":
        return "i1"
    if kind in expr.PART:
        return "c128"
    return "f64" if kind in ("f32", "f64") else "i64"


class ReduceLaunch:
    """Prepared reduction: one kernel, or two with partial states between them."""

    __slots__ = ("kernel", "sizes", "forms", "second", "second_sizes", "partial", "params")

    kernel: Kernel
    sizes: tuple[int, ...]
    forms: tuple[Form, ...]
    second: Kernel | None
    second_sizes: tuple[int, ...]
    partial: tuple[Form, ...]
    params: tuple[int, ...]


def state_inputs(states: Sequence[str]) -> tuple[list[Expr], list[Expr]]:
    """Two states as inputs of a graph: complex ones are two inputs each."""
    sides: list[list[Expr]] = [[], []]
    count = 0
    for side in sides:
        for kind in states:
            if kind in expr.PART:
                part = expr.PART[kind]
                side.append(
                    Expr("pair", (expr.input_(count, part), expr.input_(count + 1, part)), kind)
                )
                count += 2
            else:
                side.append(expr.input_(count, kind))
                count += 1
    return sides[0], sides[1]


def state_units(states: Sequence[str], unit: Sequence[Any]) -> tuple[tuple[str, float], ...]:
    """Register kinds and first values of states, complex ones in two."""
    units: list[tuple[str, float]] = []
    for kind, value in zip(states, unit, strict=True):
        part = expr.PART.get(kind)
        units += [(kind, _unit(value, kind))] if part is None else [(part, value), (part, 0.0)]
    return tuple(units)


def build_reduce(
    map_: Callable[..., Any],
    combine: Callable[..., Any],
    finish: Callable[..., Any],
    unit: Any,
    states: Sequence[str],
    inputs: Sequence[Form],
    shape: Sequence[int],
    dims: Sequence[int],
    results: Sequence[Form],
    compute: str | None = None,
    position: bool = False,
    params: Sequence[str] = (),
) -> ReduceLaunch:
    """Compiles a reduction of `inputs` (broadcast to `shape`) over `dims` into `results` (kept
    dims only).

    `map_` receives the inputs (cast to `compute` if given), then the position, then the params.
    """
    strides = [expanded(f, shape) for f in inputs]
    kept = [d for d in range(len(shape)) if d not in dims]
    count = 1
    for d in dims:
        count *= shape[d]
    inputs_traced = [
        expr.cast(expr.input_(k, register_kind(f.kind)), compute or register_kind(f.kind))
        for k, f in enumerate(inputs)
    ]
    traced_params = [expr.param(k, kind) for k, kind in enumerate(params)]
    mapped = list(inputs_traced)
    if position:
        mapped.append(expr.input_(len(inputs), "i64"))
    values = as_tuple(map_(*mapped, *traced_params))
    map_graph = for_parts(
        linearise(
            [
                expr.cast(v, s) if isinstance(v, Expr) else expr.const(v, s)
                for v, s in zip(values, states, strict=True)
            ]
        ),
        [f.lazy for f in inputs],
        join=False,
    )
    left, right = state_inputs(states)
    joined = as_tuple(combine(*left, *right))
    combine_graph = for_parts(
        linearise([expr.cast(v, s) for v, s in zip(joined, states, strict=True)]), join=False
    )
    size = expr.param(len(params), "i64")
    finished = as_tuple(finish(*left, size, *traced_params) if params else finish(*left, size))
    finish_graph = for_parts(
        linearise([cast_to(v, f.kind) for v, f in zip(finished, results, strict=True)])
    )
    keep_graph = for_parts(linearise(left), join=False)
    units = state_units(states, as_tuple(unit))
    states = [kind for kind, _ in units]
    launch = ReduceLaunch()
    launch.forms = tuple(results)
    launch.second = None
    launch.second_sizes, launch.partial = (), ()
    kinds = (*params, "i64")
    # Where the result is no wider than its terms: Note [reductions].
    narrow = all(f.kind in ("f32", "f16", "bf16") for f in results)
    launch.params = (count,)
    if any(f.numel == 0 for f in results):
        launch.kernel, launch.sizes = no_work, ()
        return launch
    # Loop order by the first input's strides; results are contiguous over the kept dims.
    kept_sizes, kept_strides = _merge(
        [shape[d] for d in kept], [[s[d] for d in kept] for s in strides], results, kept
    )
    red_order = sorted(dims, key=lambda d: tuple(-abs(s[d]) for s in strides))
    red_sizes, red_strides = coalesce(
        [shape[d] for d in red_order], [tuple(s[d] for d in red_order) for s in strides]
    )
    if not red_sizes:
        red_sizes, red_strides = (1,), [(1,) for _ in strides]
    if position and len(red_sizes) > 1:
        raise AssertionError("positions need a single reduced dim")
    out_strides = kept_strides[len(strides) :]
    in_strides = kept_strides[: len(strides)]
    along = "reduced"
    if kept_sizes:
        last_kept = min((abs(s[-1]) for s in in_strides if s[-1] != 0), default=1)
        last_reduced = min((abs(s[-1]) for s in red_strides if s[-1] != 0), default=1)
        small = red_sizes[-1] < 16 <= kept_sizes[-1]
        if (last_kept < last_reduced and kept_sizes[-1] >= 4) or (
            small and last_reduced >= 1 and kept_sizes[-1] >= 64
        ):
            along = "kept"
    inner = tuple(
        inner_class((k if along == "kept" else r)[-1])
        for k, r in zip(in_strides, red_strides, strict=True)
    )
    if inner and along == "reduced" and red_sizes == (1,):
        inner = tuple("0" for _ in inner)
    outputs = 1
    for s in kept_sizes:
        outputs *= s
    # Split long reductions of few outputs: by the problem's sizes alone, so that bits do not depend
    # on threads.
    split_size = red_sizes[0] if along == "kept" else red_sizes[-1]
    lead = split_size if along == "kept" else 1
    per_output = count // max(1, split_size)
    groups = (
        outputs
        if along == "reduced"
        else max(1, outputs // max(1, kept_sizes[-1])) * -(-kept_sizes[-1] // 64)
    )
    width = min(kept_sizes[-1], 64) if along == "kept" else 1
    chunk = max(1, CHUNK // max(1, per_output * width)) if along == "kept" else CHUNK
    split = groups < 16 and split_size > 2 * chunk and count * outputs > 4 * CHUNK
    del lead
    sizes: list[int] = [*kept_sizes, *red_sizes]
    for k, r in zip(in_strides, red_strides, strict=True):
        sizes += [*k, *r]
    if not split:
        for o in out_strides:
            sizes += o
        made = plan.Reduce(
            tuple(f.kind for f in inputs), tuple(f.kind for f in results), tuple(kinds),
            map_graph, combine_graph, finish_graph, units,
            len(kept_sizes), len(red_sizes), along, inner, False, position, narrow,
        )  # fmt: skip
        launch.kernel, launch.sizes = machine.compile_plan(made), tuple(sizes)
        return launch
    pieces = -(-split_size // chunk)
    # Partial states lie as (outputs in kept order, pieces), one array a state.
    partial = contiguous_strides((*kept_sizes, pieces))
    for _ in states:
        sizes += [*partial[:-1], partial[-1]]
    sizes.append(chunk)
    stored = tuple({"i1": "bool"}.get(s, s) for s in states)
    made = plan.Reduce(
        tuple(f.kind for f in inputs), stored, tuple(kinds),
        map_graph, combine_graph, keep_graph, units,
        len(kept_sizes), len(red_sizes), along, inner, True, position, narrow,
    )  # fmt: skip
    launch.kernel, launch.sizes = machine.compile_plan(made), tuple(sizes)
    second = plan.Reduce(
        stored, tuple(f.kind for f in results), tuple(kinds),
        keep_graph, combine_graph, finish_graph, units,
        len(kept_sizes), 1, "reduced", tuple("1" for _ in states), False, False,
    )  # fmt: skip
    second_sizes: list[int] = [*kept_sizes, pieces]
    for _ in states:
        second_sizes += [*partial[:-1], partial[-1]]
    for o in out_strides:
        second_sizes += o
    launch.second, launch.second_sizes = machine.compile_plan(second), tuple(second_sizes)
    by_kind = {d.short: d for d in dtypes.DTYPES}
    launch.partial = tuple(form_of(by_kind[s], (outputs * pieces,)) for s in stored)
    return launch


def _unit(value: Any, kind: str) -> float:
    if value == "lowest":
        value = -float("inf") if kind in ("f32", "f64") else _integer_limits(kind)[0]
    elif value == "highest":
        value = float("inf") if kind in ("f32", "f64") else _integer_limits(kind)[1]
    return float(value) if kind in ("f32", "f64") else int(value)


def _integer_limits(kind: str) -> tuple[int, int]:
    if kind == "i1":
        return 0, 1
    bits = int(kind[1:])
    return (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _merge(
    sizes: list[int], strides: list[list[int]], results: Sequence[Form], kept: list[int]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Kept dims in loop order with the strides of inputs and (contiguous) results, merged."""
    all_strides = [tuple(s) for s in strides] + [tuple(f.strides) for f in results]
    order = sorted(range(len(sizes)), key=lambda d: tuple(-abs(s[d]) for s in all_strides))
    merged = coalesce([sizes[d] for d in order], [tuple(s[d] for d in order) for s in all_strides])
    return tuple(merged[0]), [tuple(s) for s in merged[1]]


def run_reduce(
    launch: ReduceLaunch, inputs: Sequence[Tensor], params: Sequence[Number] = ()
) -> list[Tensor]:
    """Launches a prepared reduction; results have the kept dims only."""
    made = [allocate(form) for form in launch.forms]
    addresses = [t.address for t in inputs]
    if launch.second is None:
        launch.kernel(
            *launch.sizes, *addresses, *[t.address for t in made], *params, *launch.params
        )
        if len(made) == 1 and not params:
            operands: list[Word] = [TENSOR for _ in inputs]
            words = (*launch.sizes, *operands, RESULT, *launch.params)
            noted(launch.kernel, words, inputs, made[0])
        return made
    partial = [allocate(form) for form in launch.partial]
    middle = [t.address for t in partial]
    launch.kernel(*launch.sizes, *addresses, *middle, *params, *launch.params)
    launch.second(
        *launch.second_sizes, *middle, *[t.address for t in made], *params, *launch.params
    )
    return made


_sums: dict[tuple[Form, Form], ReduceLaunch] = {}


def sum_to(tensor: Tensor, form: Form) -> Tensor:
    """Undoes broadcasting: the sum over repeated dims, in the tensor's own dtype. No graph."""
    source = tensor.form
    launch = _sums.get((source, form))
    if launch is None:
        missing = source.ndim - form.ndim
        dims = [
            d for d in range(source.ndim)
            if d < missing or (form.shape[d - missing] == 1 and source.shape[d] != 1)
        ]  # fmt: skip
        kept_shape = tuple(source.shape[d] for d in range(source.ndim) if d not in dims)
        state = accumulator(source.dtype, "wide")
        launch = build_reduce(
            lambda x: x, lambda a, b: a + b, lambda acc, n: acc, 0, (state,), [source],
            source.shape, dims, [form_of(source.dtype, kept_shape)],
        )  # fmt: skip
        remember(_sums, (source, form), launch)
    made = run_reduce(launch, [tensor])[0]
    return wrap(made.block, made.address, form_of(source.dtype, form.shape))


class ReductionNode(Node):
    """A recorded reduction: saves the input or the result if its gradient formula reads them."""

    __slots__ = ("op", "form", "dims", "count", "x", "y", "version")

    op: Reduction
    form: Form
    dims: tuple[int, ...]
    count: int
    x: Tensor | None
    y: Tensor | None
    version: int | None

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        g = gradients[0]
        assert g is not None and self.op.gradient_rule is not None
        reads = self.op.reads
        if not mode.enabled and reads == (False, False) and type(g) is Tensor:
            key = (g.form, self.form, self.dims)
            spread = self.op.backward.get(key)
            if spread is None:
                spread = remember(self.op.backward, key, build_spread(self.op, *key, self.count))
            return (spread.run(g),)
        if any(reads or ()) and self.version is None:
            raise RuntimeError(FREED)
        kept = tuple(1 if d in self.dims else n for d, n in enumerate(self.form.shape))
        x, y = self.x, self.y
        if x is not None and self.version is not None and x.block.version != self.version:
            check_version(x, self.version, self)
        if y is not None:
            if mode.enabled:
                y = self.tied(y).reshape(kept)
            else:
                y = wrap(y.block, y.address, form_of(y.form.dtype, kept))
        g = g.reshape(kept)
        if g.form.dtype.is_complex:
            # As for pointwise records: the conjugate of the derivative is handed on.
            value = self.op.gradient_rule(g.conj(), y, x, self.count).conj()
        else:
            value = self.op.gradient_rule(g, y, x, self.count)
        if value.form.shape != self.form.shape:
            value = value.expand(self.form.shape)
        return (value if value.form.dtype is self.form.dtype else value.to(self.form.dtype),)

    def tied(self, y: Tensor) -> Tensor:
        """The saved result as this node's result again, for a gradient that is itself recorded."""
        again = wrap(y.block, y.address, y.form)
        again.needs_grad, again.edge = True, self
        return again

    def release(self) -> None:
        if any(self.op.reads or ()):
            self.x = self.y = self.version = None


NODE_CLASSES[Reduction] = ReductionNode


class Spread:
    """A prepared gradient that reads nothing but g: one small kernel, or none, then a view whose
    reduced dims repeat."""

    __slots__ = ("kernel", "sizes", "small", "form")

    def __init__(
        self, kernel: Kernel | None, sizes: tuple[int, ...], small: Form | None, form: Form
    ) -> None:
        self.kernel = kernel
        self.sizes = sizes
        self.small = small
        self.form = form

    def run(self, g: Tensor) -> Tensor:
        """The gradient of the reduction's input."""
        if self.small is None or self.kernel is None:
            return wrap(g.block, g.address, self.form)
        made = allocate(self.small)
        self.kernel(*self.sizes, g.address, made.address)
        made.form = self.form
        return made


def build_spread(op: Reduction, g: Form, form: Form, dims: tuple[int, ...], count: int) -> Spread:
    """Traces the gradient formula of a reduction of `form` over `dims` for gradients like `g`."""
    assert op.gradient_rule is not None
    kind = register_kind(g.kind)
    raw = expr.input_(0, kind)
    result = op.gradient_rule(raw, None, None, count)
    small = None
    kernel: Kernel | None = None
    sizes: tuple[int, ...] = ()
    strides = g.strides
    if result is not raw or g.dtype is not form.dtype:
        small = form_of(form.dtype, g.shape)
        strides = small.strides
        graph = linearise([cast_to(result, small.kind)])
        kernel, sizes = compile_pointwise(graph, [g], [small], (), g.shape)
    kept = iter(strides)
    if g.ndim == form.ndim:
        spread = [0 if d in dims else stride for d, stride in enumerate(kept)]
    else:
        spread = [0 if d in dims else next(kept) for d in range(form.ndim)]
    made = form_of(form.dtype, form.shape, tuple(spread))
    return Spread(kernel, sizes, small, made if small is not None else made.with_lazy(g.lazy))


def reduction_reads(op: Reduction) -> tuple[bool, bool]:
    """Whether a gradient formula reads (y, x)."""
    assert op.gradient_rule is not None
    g, y, x = (expr.input_(k, "f32") for k in range(3))
    result = op.gradient_rule(g, y, x, 1)
    used = linearise([result]).inputs_used
    return 1 in used, 2 in used


def call_reduction(
    op: Reduction,
    self: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: "dtype | None" = None,
) -> Tensor:
    """A reduction over `dim` (an int, several, or None for all)."""
    if type(dim) is list:
        dim = tuple(dim)
    key = (self.form, dim, keepdim, dtype)
    found = op.launches.get(key)
    if found is None:
        found = remember(op.launches, key, build_reduction(op, self.form, dim, keepdim, dtype))
    launch, form, dims, count = found
    made = run_reduce(launch, (self,))[0]
    made.form = form
    if self.needs_grad and mode.enabled:
        record_reduction(op, self, made, dims, count)
    return made


def record_reduction(
    op: Reduction, self: Tensor, y: Tensor, dims: tuple[int, ...], count: int
) -> None:
    """Makes the node of a reduction of a tensor that wants a gradient."""
    form = y.form
    if op.gradient_rule is None or not form.tracked:
        return
    node: ReductionNode = object.__new__(op._node_type or node_type(op))
    node.edges = (self if self.edge is None else self.edge,)
    node.order = next_order()
    node.extras = None
    node.op, node.form, node.dims, node.count = op, self.form, dims, count
    assert op.reads is not None
    reads_y, reads_x = op.reads
    node.x = self if reads_x else None
    node.y = wrap(y.block, y.address, form) if reads_y else None
    node.version = self.block.version
    y.needs_grad, y.edge = True, node


def build_reduction(
    op: Reduction, form: Form, dim: Any, keepdim: bool, wanted: "dtype | None"
) -> tuple[ReduceLaunch, Form, tuple[int, ...], int]:
    """Infers and compiles a reduction record for one form."""
    if not isinstance(dim, (int, tuple, type(None))):
        raise TypeError(
            f"{op.name}(): argument 'dim' must be tuple of ints, not {type(dim).__name__}"
        )
    compute = wanted or form.dtype
    if op.rule == FLOAT and compute.kind not in "fc":
        if wanted is not None or not op.integers_to_float:
            which = "Input" if wanted is None else "Optional"
            raise RuntimeError(
                f"{op.name}(): could not infer output dtype. {which} dtype must be either a "
                f"floating point or complex dtype. Got: {dtype_word(compute)}"
            )
        compute = dtypes.get_default_dtype()
    if dim == () and not op.empty_dims_mean_none:
        dims: tuple[int, ...] = ()
    else:
        dims = wrap_dims(None if dim == () else dim, form.ndim)
    if not form.ndim:
        dims = ()
    if op.rule == "sum" and wanted is None and compute.kind not in "fc":
        compute = dtypes.int64
    out = dtypes.bool_ if op.rule == BOOL else compute
    if op.name in ("any", "all") and form.dtype is dtypes.uint8:
        out = dtypes.uint8
    shape = reduced_shape(form.shape, dims, keepdim)
    bare = reduced_shape(form.shape, dims, False)
    count = 1
    for d in dims:
        count *= form.shape[d]
    if count == 0 and op.needs_elements:
        name = op.name.partition("_")[0]
        empty = next(d for d in dims if form.shape[d] == 0)
        raise IndexError(f"{name}(): Expected reduction dim {empty} to have non-zero size.")
    states = op.state if isinstance(op.state, tuple) else (accumulator(compute, op.state),)
    try:
        launch = build_reduce(
            op.map, op.combine, op.finish, op.unit, states, [form], form.shape, dims,
            [form_of(out, bare)], compute=register_kind(compute.short),
        )  # fmt: skip
    except Undefined:
        raise NotImplementedError(
            f"\"{op.kernel}\" not implemented for '{dtype_word(compute)}'"
        ) from None
    if op.gradient_rule is not None and op.reads is None:
        op.reads = reduction_reads(op)
    return launch, form_of(out, shape), dims, count
