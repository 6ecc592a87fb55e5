"""The one road from a record and its arguments to a result: infer, compile, allocate, launch, record.

A *launch* is the prepared work for one combination of forms: kernel, sizes, result form. Launches are
cached per record by forms, so the second call of a kind costs a dictionary lookup. Note [hot path].
"""

from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.graph import FREED, Node, Output, check_version, next_order
from facula.autograd.mode import mode
from facula.autograd.views import note_view, rebase
from facula.backend.cpu import Kernel, machine
from facula.form import Form, form_of
from facula.kernel import expr, plan
from facula.kernel.expr import Expr, Graph, linearise
from facula.kernel.program import REGISTER_KIND
from facula.meta import dtype as dtypes
from facula.meta.dtype import dtype
from facula.meta.geometry import coalesce, contiguous_strides, restride_like
from facula.meta.shape import broadcast_shapes, reduced_shape, wrap_dims
from facula.op import BOOL, FLOAT, Operation, Pointwise, Reduction, View
from facula.tensor import Tensor, allocate, wrap

Number = bool | int | float
# A record's launches are dropped beyond this many; they are found again from the kernel cache.
LIMIT = 20_000


def register_kind(kind: str) -> str:
    return REGISTER_KIND.get(kind, kind)


# --- layouts -------------------------------------------------------------------------------------


def loop_order(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> list[int]:
    """Dims from the outermost loop to the innermost: by the strides of the last operand, then the others."""
    lead = list(reversed(strides))

    def key(dim: int) -> tuple[int, ...]:
        return tuple(-abs(s[dim]) for s in lead)

    return sorted(range(len(shape)), key=key)


def expanded(form: Form, shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of a form broadcast to a shape: 0 where a dim is repeated."""
    missing = len(shape) - form.ndim
    return (0,) * missing + tuple(
        0 if size == 1 and wanted != 1 else stride
        for size, stride, wanted in zip(form.shape, form.strides, shape[missing:], strict=True)
    )


def inner_class(stride: int) -> str:
    return "1" if stride == 1 else "0" if stride == 0 else "s"


def loops(
    shape: Sequence[int], strides: list[tuple[int, ...]]
) -> tuple[int, tuple[str, ...], tuple[int, ...]]:
    """Rank, inner classes and the leading kernel arguments of a pointwise nest over some operands."""
    order = loop_order(shape, strides)
    merged, merged_strides = coalesce(
        [shape[d] for d in order], [tuple(s[d] for d in order) for s in strides]
    )
    if not merged:
        merged, merged_strides = (1,), [(1,) for _ in strides]
        inner = tuple("1" for _ in strides)
        return 1, inner, (1,)
    rank = len(merged)
    classes = [inner_class(s[-1]) for s in merged_strides]
    sizes = list(merged)
    for operand, kind in zip(merged_strides, classes, strict=True):
        sizes += operand[:-1]
        if kind == "s":
            sizes.append(operand[-1])
    return rank, tuple(classes), tuple(sizes)


# --- pointwise -----------------------------------------------------------------------------------


class Launch:
    """Prepared work: `kernel(*sizes, *addresses, *params)` fills a tensor of `form`."""

    __slots__ = (
        "op", "kernel", "sizes", "form", "compute", "operands", "constants", "saves", "bare", "backward",
        "differentiable",
    )  # fmt: skip

    op: Pointwise
    kernel: Kernel
    sizes: tuple[int, ...]
    form: Form
    # Operands that are constants (None for tensors, then for the result), if no number comes at call time.
    constants: list[Any] | None
    # Combinations of wanted gradients that read no tensor.
    bare: set[tuple[bool, ...]]
    compute: str
    operands: tuple[Any, ...]
    saves: "dict[tuple[bool, ...], tuple[tuple[int, ...], tuple[int, ...]]]"
    backward: "dict[Any, BackwardLaunch]"
    differentiable: bool

    def __iter__(self) -> Any:
        return iter((self.kernel, self.sizes, self.form))


class BackwardLaunch:
    """Prepared gradient: which tensors a kernel reads, and what each edge receives."""

    __slots__ = ("kernel", "sizes", "forms", "reads", "params", "routes")

    kernel: Kernel | None
    sizes: tuple[int, ...]
    forms: tuple[Form, ...]
    reads: tuple[int, ...]
    params: tuple[int, ...]
    routes: tuple[tuple[str, int, Form] | None, ...]


def formula_of(op: Pointwise, compute: dtype) -> Callable[..., Any]:
    """The value formula for a compute dtype: records may differ for floats, integers and bool."""
    if callable(op.value):
        return op.value
    kind = "floating" if compute.is_floating_point else "bool" if compute.kind == "b" else "integral"
    found = op.value.get(kind) or (op.value.get("integral") if kind == "bool" else None)
    if found is None:
        raise NotImplementedError(f'"{op.name}" not implemented for \'{compute}\'')
    return found


def result_dtypes(op: Pointwise, operands: Sequence[Any]) -> tuple[dtype, dtype]:
    """The dtype to compute in and that of the result."""
    described = []
    for argument, value in zip(op.schema.arguments, operands, strict=False):
        if not argument.type.startswith("Tensor") or value is None:
            continue
        if isinstance(value, Form):
            described.append((value.dtype, value.ndim))
        else:
            described.append((dtypes.of_scalar(value()), None))
    if op.name == "where":
        described = described[1:]
    common = dtypes.result_type(described)
    if op.rule == FLOAT and not common.is_floating_point:
        common = dtypes.get_default_dtype()
    if op.rule == BOOL:
        return common, dtypes.bool_
    return common, common


def operand_key(value: Any) -> Any:
    """What a launch depends on: the form of a tensor, the type of a number, None."""
    form = getattr(value, "form", None)
    if form is not None:
        return form
    kind = type(value)
    if value is None or kind in (int, float, bool):
        return None if value is None else kind
    if isinstance(value, (int, float)):  # NumPy's scalars derive from Python's
        return float if isinstance(value, float) else int
    raise TypeError(f"argument must be Tensor or a number, not {kind.__name__}")


def trace_inputs(
    op: Pointwise, key: Sequence[Any], compute: dtype
) -> tuple[list[Any], list[int], list[int], list[str]]:
    """Expressions for a record's operands, cast to the compute kind; which are tensors, which numbers."""
    operands: list[Any] = []
    tensors: list[int] = []
    numbers: list[int] = []
    kinds: list[str] = []
    target = register_kind(compute.short)
    for position, one in enumerate(key):
        if isinstance(one, Form):
            raw = expr.input_(len(tensors), register_kind(one.kind))
            is_condition = op.name == "where" and position == 0
            operands.append(raw if is_condition else expr.cast(raw, target))
            tensors.append(position)
        elif one is None:
            operands.append(None)
        elif type(one) is tuple:
            operands.append(one[1])
        else:
            kind = "f64" if one is float else "i64"
            raw = expr.param(len(numbers), kind)
            kinds.append(kind)
            numbers.append(position)
            operands.append(expr.cast(raw, target))
    return operands, tensors, numbers, kinds


def build_launch(op: Pointwise, key: tuple[Any, ...], target: Form | None = None) -> Launch:
    """Infers dtype, shape and strides, traces the formula, compiles. `target`: the form to write into."""
    compute, out = result_dtypes(op, key)
    if op.refuses and compute.kind in op.refuses:
        raise NotImplementedError(f"\"{op.name}_cpu\" not implemented for '{dtype_word(compute)}'")
    forms = [k for k in key if isinstance(k, Form)]
    shape = broadcast_shapes(*(f.shape for f in forms))
    if target is None:
        same = forms[0] if len(forms) == 1 or all(f.strides == forms[0].strides and f.shape == shape for f in forms) else None
        if same is not None and same.contiguous and same.shape == shape:
            target = form_of(out, shape)
        else:
            target = form_of(out, shape, restride_like(shape, [expanded(f, shape) for f in forms]))
    else:
        check_writable(op.name, target, shape, out)
    operands, tensors, numbers, kinds = trace_inputs(op, key, compute)
    value = formula_of(op, compute)(*operands)
    if not isinstance(value, Expr):
        value = expr.const(value, register_kind(target.kind))
    graph = linearise([cast_to(value, target.kind)])
    launch = Launch()
    launch.op = op
    launch.form = target
    numbers_known = not any(type(k) is type for k in key)
    launch.constants = [k[1] if type(k) is tuple else None for k in key] + [None] if numbers_known else None
    launch.bare = set()
    launch.compute = compute.name
    launch.operands = key
    launch.kernel, launch.sizes = compile_pointwise(
        graph, [key[k] for k in tensors], [target], kinds, shape
    )
    launch.backward = {}
    launch.differentiable = op.gradient_rule is not None and out.is_floating_point
    launch.saves = {}
    return launch


def dtype_word(d: dtype) -> str:
    """A dtype as PyTorch's older messages call it."""
    return {
        "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int",
        "int64": "Long", "float16": "Half", "bfloat16": "BFloat16", "float32": "Float",
        "float64": "Double",
    }[d.name]  # fmt: skip


def cast_to(value: Expr, stored: str) -> Expr:
    """The expression as the register kind of a stored kind."""
    kind = register_kind(stored)
    if kind == "i1" and value.kind != "i1":
        return expr.call("ne", value, 0)
    return expr.cast(value, kind)


def compile_pointwise(
    graph: Graph,
    inputs: Sequence[Form],
    outputs: Sequence[Form],
    params: Sequence[str],
    shape: Sequence[int],
) -> tuple[Kernel, tuple[int, ...]]:
    """The kernel of a graph for some layouts, and its leading arguments."""
    strides = [expanded(f, shape) for f in (*inputs, *outputs)]
    rank, inner, sizes = loops(shape, strides)
    if any(size == 0 for size in shape):
        return no_work, ()
    made = plan.Pointwise(
        tuple(f.kind for f in inputs), tuple(f.kind for f in outputs), tuple(params), graph, rank, inner
    )
    return machine.compile_plan(made), sizes


def no_work(*_: Any) -> int:
    """The kernel of an empty problem."""
    return 0


def check_writable(name: str, target: Form, shape: Sequence[int], out: dtype) -> None:
    """In-place and out= rules: shape must be the broadcast one, and the dtype must be able to hold the result."""
    if tuple(target.shape) != tuple(shape):
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast shape {list(shape)}"
        )
    if not dtypes.can_cast(out, target.dtype):
        raise RuntimeError(
            f"result type {dtype_word(out)} can't be cast to the desired output type {dtype_word(target.dtype)}"
        )
    if any(s == 0 and n > 1 for s, n in zip(target.strides, target.shape, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single "
            "memory location. Please clone() the tensor before performing the operation."
        )


# --- pointwise gradients -------------------------------------------------------------------------


def gradient_expressions(op: Pointwise, key: Sequence[Any], compute: dtype) -> tuple[Any, ...]:
    """The gradient formula traced: inputs are numbered g, y, then the tensors among the operands."""
    kind = register_kind(compute.short)
    g, y = expr.input_(0, kind), expr.input_(1, kind)
    operands: list[Any] = []
    tensors = numbers = 0
    for position, one in enumerate(key):
        if isinstance(one, Form):
            raw = expr.input_(2 + tensors, register_kind(one.kind))
            is_condition = op.name == "where" and position == 0
            operands.append(raw if is_condition else expr.cast(raw, kind))
            tensors += 1
        elif one is None:
            operands.append(None)
        elif type(one) is tuple:
            operands.append(one[1])
        else:
            raw = expr.param(numbers, "f64" if one is float else "i64")
            operands.append(expr.cast(raw, kind))
            numbers += 1
    assert op.gradient_rule is not None
    results = op.gradient_rule(g, y, *operands)
    return results if isinstance(results, tuple) else (results,)


def saved_operands(
    op: Pointwise, launch: Launch, needs: tuple[bool, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which operands the wanted gradients read (-1 for the result), and which tensors need not be kept."""
    key = launch.operands
    results = gradient_expressions(op, key, dtypes.BY_NAME[launch.compute])
    wanted = [r for r, need in zip(results, needs, strict=False) if need and isinstance(r, Expr)]
    positions = [k for k, one in enumerate(key) if isinstance(one, Form)]
    used = sorted(linearise(wanted).inputs_used)
    saves = tuple([-1 if u == 1 else positions[u - 2] for u in used if u >= 1])
    return saves, tuple([k for k in positions if k not in saves])


class PointwiseNode(Node):
    """A recorded pointwise operation: its launch, its numbers, and the tensors its gradient reads."""

    __slots__ = ("launch", "needs", "values", "versions")

    launch: Launch
    needs: tuple[bool, ...]
    values: list[Any] | None
    versions: Sequence[int]

    @property
    def op(self) -> Pointwise:
        return self.launch.op

    @property
    def saves(self) -> tuple[int, ...]:
        return self.launch.saves[self.needs][0] if self.versions else ()

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        g = gradients[0]
        values = self.values
        if values is None:
            raise RuntimeError(FREED)
        assert g is not None
        for position, version in zip(self.saves, self.versions, strict=True):
            saved = values[position]
            if saved.storage.version != version:
                check_version(saved, version, self)
        if mode.enabled or type(g) is not Tensor:
            return self.recorded(g, values)
        key = (g.form, self.needs)
        prepared = self.launch.backward.get(key)
        if prepared is None:
            prepared = build_backward(self.op, self.launch, *key)
            self.launch.backward[key] = prepared
        made: list[Tensor] = []
        if prepared.kernel is not None:
            reads = [g if r == 0 else values[-1] if r == 1 else values[r - 2] for r in prepared.reads]
            made = [allocate(form) for form in prepared.forms]
            prepared.kernel(
                *prepared.sizes,
                *[t.address for t in reads],
                *[t.address for t in made],
                *[values[p] for p in prepared.params],
            )
        results: list[Tensor | None] = []
        for route in prepared.routes:
            if route is None:
                results.append(None)
                continue
            source, index, form = route
            gradient = g if source == "g" else made[index]
            if gradient.form.shape != form.shape:
                gradient = sum_to(gradient, form)
            if gradient.form.dtype is not form.dtype:
                gradient = convert(gradient, form.dtype)
            results.append(gradient)
        return results

    def recorded(self, g: Tensor, values: list[Any]) -> Sequence[Tensor | None]:
        """The gradient formula run on tensors, so that it is itself recorded."""
        compute = dtypes.BY_NAME[self.launch.compute]
        y = values[-1]
        if isinstance(y, Tensor):
            y = wrap(y.storage, y.address, y.form)
            y.needs_grad, y.edge = True, self
        operands = [
            v.to(compute) if isinstance(v, Tensor) and v.form.dtype is not compute and k not in _conditions(self.op) else v
            for k, v in enumerate(values[:-1])
        ]
        assert self.op.gradient_rule is not None
        results = self.op.gradient_rule(g.to(compute), y if y is None else y.to(compute), *operands)
        results = results if isinstance(results, tuple) else (results,)
        forms = self.launch.operands
        finished: list[Tensor | None] = []
        for position, edge in enumerate(self.edges):
            gradient = results[position] if position < len(results) else None
            form = forms[position]
            if edge is None or gradient is None:
                finished.append(None)
                continue
            if not isinstance(gradient, Tensor):
                gradient = g.new_full(g.shape, gradient)
            elif gradient.form.shape != g.form.shape:
                gradient = gradient.expand(g.shape)
            if gradient.form.shape != form.shape:
                gradient = gradient.sum_to_size(form.shape)
            finished.append(gradient.to(form.dtype))
        return finished

    def release(self) -> None:
        if self.saves:
            self.values = None


def _conditions(op: Pointwise) -> tuple[int, ...]:
    return (0,) if op.name == "where" else ()


def build_backward(op: Pointwise, launch: Launch, g_form: Form, needs: tuple[bool, ...]) -> BackwardLaunch:
    """Traces the gradient formula for the inputs that need one and compiles it into one kernel."""
    compute = dtypes.BY_NAME[launch.compute]
    key = launch.operands
    results = gradient_expressions(op, key, compute)
    shape = launch.form.shape
    outputs: list[Expr] = []
    forms: list[Form] = []
    routes: list[tuple[str, int, Form] | None] = []
    for position, needed in enumerate(needs):
        form = key[position]
        result = results[position] if position < len(results) else None
        if not needed or result is None or not isinstance(form, Form):
            routes.append(None)
            continue
        if isinstance(result, Expr) and result.op == "input" and result.extra == 0:
            routes.append(("g", 0, form))
            continue
        if not isinstance(result, Expr):
            result = expr.const(result, register_kind(compute.short))
        # Sums over broadcast dims run in the compute dtype; the input's own dtype comes last.
        full = form.shape == shape
        made = form_of(form.dtype if full else compute, shape, g_form.strides if g_form.dense else None)
        routes.append(("kernel", len(outputs), form))
        outputs.append(cast_to(result, made.kind))
        forms.append(made)
    prepared = BackwardLaunch()
    prepared.routes = tuple(routes)
    prepared.forms = tuple(forms)
    prepared.kernel, prepared.sizes, prepared.reads, prepared.params = None, (), (), ()
    if not outputs:
        return prepared
    graph = linearise(outputs)
    used = sorted(graph.inputs_used)
    tensors = [k for k, one in enumerate(key) if isinstance(one, Form)]
    numbers = [k for k, one in enumerate(key) if type(one) is type]
    renumber = {old: new for new, old in enumerate(used)}
    steps = tuple(
        (o, kind, args, renumber[extra] if o == "input" else extra) for o, kind, args, extra in graph.steps
    )
    # Inputs 0 and 1 are g and y; the kernel loads them as stored and the graph expects the compute kind.
    reading = [g_form if u == 0 else launch.form if u == 1 else key[tensors[u - 2]] for u in used]
    prepared.reads = tuple(u if u < 2 else tensors[u - 2] + 2 for u in used)
    prepared.params = tuple(numbers)
    kinds = ["f64" if key[k] is float else "i64" for k in numbers]
    prepared.kernel, prepared.sizes = compile_pointwise(
        Graph(steps, graph.outputs), reading, forms, kinds, shape
    )
    return prepared


def edge_of(tensor: Tensor) -> Any:
    """Where a gradient for this tensor flows to; None if it needs none."""
    if not tensor.needs_grad:
        return None
    return tensor if tensor.edge is None else tensor.edge


def record_pointwise(op: Pointwise, launch: Launch, y: Tensor, operands: Sequence[Any]) -> None:
    """Makes y's node. The hot functions of `ops/bind.py` hold the same lines for their number of operands."""
    node = object.__new__(op._node_type or node_type(op))
    node.edges = edges = tuple(
        [
            None if not isinstance(v, Tensor) or not v.needs_grad else v if v.edge is None else v.edge
            for v in operands
        ]
    )
    node.order = next_order()
    node.extras = None
    node.launch = launch
    node.needs = tuple([edge is not None for edge in edges])
    y.needs_grad = True
    y.edge = node
    save_operands(node, launch, y, operands)


def save_operands(node: "PointwiseNode", launch: Launch, y: Tensor, operands: Sequence[Any]) -> None:
    """Keeps what the node's gradient will read. A saved result is a detached alias: y itself would close a circle."""
    saved = launch.saves.get(node.needs)
    if saved is None:
        saved = launch.saves[node.needs] = saved_operands(launch.op, launch, node.needs)
        if not saved[0] and launch.constants is not None:
            launch.bare.add(node.needs)
    saves, drops = saved
    values = [*operands, None]
    for position in drops:
        values[position] = None
    if saves and saves[0] < 0:
        values[-1] = wrap(y.storage, y.address, y.form)
    node.values = values
    node.versions = [values[position].storage.version for position in saves]


def node_type(op: Any) -> type:
    """The class of a record's nodes, named as torch names it; made when first needed."""
    made = op._node_type
    if made is None:
        families = {Pointwise: PointwiseNode, Reduction: ReductionNode}
        parent = families.get(type(op), FunctionNode)
        made = op._node_type = type(op.node_name, (parent,), {"__slots__": ()})
    return made


Pointwise.node_type = property(node_type)  # type: ignore[attr-defined]
Operation.node_type = property(node_type)  # type: ignore[attr-defined]
Reduction.node_type = property(node_type)  # type: ignore[attr-defined]


def call_pointwise(
    op: Pointwise,
    operands: tuple[Any, ...],
    out: Tensor | None = None,
    key: tuple[Any, ...] | None = None,
) -> Tensor:
    """The general road of pointwise records. `out` receives the result if given; `key` may hold constants."""
    if key is None:
        key = tuple([operand_key(v) for v in operands])
    launches = op.launches
    if out is None:
        launch = launches.get(key)
        if launch is None:
            if not any(isinstance(k, Form) for k in key):
                raise TypeError(f"{op.name}(): at least one argument must be a Tensor, got {_received(operands)}")
            launch = remember(launches, key, build_launch_for(op, key, operands))
        y = allocate(launch.form)
    else:
        marked = (*key, out.form, "out")
        launch = launches.get(marked)
        if launch is None:
            launch = remember(launches, marked, build_launch_for(op, key, operands, out.form))
        y = out
    arguments = [v.address for v in operands if isinstance(v, Tensor)]
    arguments.append(y.address)
    for one, v in zip(key, operands, strict=True):
        if type(one) is type:
            arguments.append(v if type(v) is one is not bool else one(v))
    code = launch.kernel(*launch.sizes, *arguments)
    if code:
        raise op.error_codes[code]()
    if out is None:
        if mode.enabled and launch.differentiable:
            for v in operands:
                if isinstance(v, Tensor) and v.needs_grad:
                    record_pointwise(op, launch, y, operands)
                    break
        return y
    return y


def build_launch_for(
    op: Pointwise, key: tuple[Any, ...], operands: Sequence[Any], target: Form | None = None
) -> Launch:
    for one, value in zip(key, operands, strict=True):
        if one is int and not -(2**63) <= value < 2**63:
            raise RuntimeError("value cannot be converted to type int64_t without overflow")
    return build_launch(op, key, target)


def _received(operands: Sequence[Any]) -> str:
    return "(" + ", ".join(type(v).__name__ for v in operands) + ")"


def remember(launches: dict[Any, Any], key: Any, launch: Any) -> Any:
    if len(launches) > LIMIT:
        launches.clear()
    launches[key] = launch
    return launch


# --- in-place and out= ---------------------------------------------------------------------------


def check_inplace(target: Tensor) -> None:
    """Autograd's rules for writing into a tensor."""
    if not mode.enabled or not target.needs_grad:
        return
    if target.edge is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    extra = target.extra
    if extra is not None and extra.base is not None:
        base = extra.base
        if base.needs_grad and base.edge is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation."
            )
        if extra.kind == "multi":
            raise RuntimeError(
                "Output 0 of a function that returns multiple views is a view and is being modified "
                "inplace. This view is the output of a function that returns multiple views. Such "
                "functions do not allow the output views to be modified inplace. You should replace "
                "the inplace operation by an out-of-place one."
            )


def check_base_of_view(target: Tensor) -> None:
    """A view of a leaf that requires gradients cannot be written, even if made without recording."""
    extra = target.extra
    if mode.enabled and extra is not None and extra.base is not None:
        base = extra.base
        if base.needs_grad and base.edge is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation."
            )


def overlaps(a: Tensor, b: Tensor) -> bool:
    """True if two tensors share memory without being the same view of it."""
    if a.storage.address != b.storage.address or a.form.numel == 0 or b.form.numel == 0:
        return False
    if a.address == b.address and a.form.strides == b.form.strides and a.form.shape == b.form.shape:
        return False
    low_a, high_a = a.form.geometry.bounds()
    low_b, high_b = b.form.geometry.bounds()
    start_a, end_a = a.address + low_a * a.form.itemsize, a.address + (high_a + 1) * a.form.itemsize
    start_b, end_b = b.address + low_b * b.form.itemsize, b.address + (high_b + 1) * b.form.itemsize
    return start_a < end_b and start_b < end_a


def inplace_pointwise(op: Pointwise, target: Tensor, operands: tuple[Any, ...]) -> Tensor:
    """`target` becomes the formula's value; operands usually begin with target itself."""
    recording = mode.enabled and any(isinstance(v, Tensor) and v.needs_grad for v in operands)
    if target.needs_grad or target.extra is not None:
        check_inplace(target)
        check_base_of_view(target)
    safe = list(operands)
    for k, v in enumerate(safe):
        if isinstance(v, Tensor) and v is not target and overlaps(target, v):
            safe[k] = copy_of(v)
    before = None
    if recording:
        # The graph must see the operands as they were: target's own edge is about to change.
        before = tuple(alias(v) if v is target else v for v in operands)
    call_pointwise(op, tuple(safe), target)
    if recording:
        assert before is not None
        key = tuple([operand_key(v) for v in operands])
        launch = op.launches[(*key, target.form, "out")]
        if launch.differentiable:
            target.storage.version += 1
            made = alias(target)
            record_pointwise(op, launch, made, before)
            for position, saved in enumerate(made.edge.saves):
                if saved >= 0 and before[saved].storage is target.storage:
                    made.edge.versions[position] -= 1  # saved as it was before the write
            rebase(target, made.edge)
            return target
    target.storage.version += 1
    return target


def alias(tensor: Tensor) -> Tensor:
    """The same tensor as another object: for the graph's eyes."""
    y = wrap(tensor.storage, tensor.address, tensor.form)
    y.needs_grad = tensor.needs_grad
    y.edge = tensor.edge if tensor.edge is not None else (tensor if tensor.needs_grad else None)
    return y


def copy_of(tensor: Tensor) -> Tensor:
    """A contiguous copy that no graph records."""
    y = allocate(form_of(tensor.form.dtype, tensor.form.shape))
    copy_into(y, tensor)
    return y


_copies: dict[tuple[Form, Form], tuple[Kernel, tuple[int, ...]]] = {}


def copy_into(target: Tensor, source: Tensor) -> None:
    """target[...] = source, converting and broadcasting; no graph, no checks."""
    key = (target.form, source.form)
    prepared = _copies.get(key)
    if prepared is None:
        raw = expr.input_(0, register_kind(source.form.kind))
        graph = linearise([cast_to(raw, target.form.kind)])
        prepared = compile_pointwise(graph, [source.form], [target.form], (), target.form.shape)
        remember(_copies, key, prepared)
    prepared[0](*prepared[1], source.address, target.address)


def convert(tensor: Tensor, wanted: dtype, form: Form | None = None) -> Tensor:
    """A copy in another dtype; keeps a dense layout. No graph."""
    if form is None:
        strides = tensor.form.strides if tensor.form.dense else restride_like(tensor.form.shape, [tensor.form.strides])
        form = form_of(wanted, tensor.form.shape, strides)
    y = allocate(form)
    copy_into(y, tensor)
    return y


# --- reductions ----------------------------------------------------------------------------------

# Reductions longer than this along one output are cut into chunks of that many elements.
CHUNK = 16384


def accumulator(d: dtype, state: str) -> str:
    """The register kind of a reduction's state."""
    kind = register_kind(d.short)
    if state == "same":
        return kind
    if state == "bool":
        return "i1"
    return "f64" if kind in ("f32", "f64") else "i64"


class ReduceLaunch:
    """Prepared reduction: one kernel, or two with partial states between them."""

    __slots__ = ("kernel", "sizes", "forms", "second", "second_sizes", "partial", "params")


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


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
    """Compiles a reduction of `inputs` (broadcast to `shape`) over `dims` into `results` (kept dims only).

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
    values = _tuple(map_(*mapped, *traced_params))
    map_graph = linearise([expr.cast(v, s) if isinstance(v, Expr) else expr.const(v, s) for v, s in zip(values, states, strict=True)])
    left = [expr.input_(k, s) for k, s in enumerate(states)]
    right = [expr.input_(len(states) + k, s) for k, s in enumerate(states)]
    joined = _tuple(combine(*left, *right))
    combine_graph = linearise([expr.cast(v, s) for v, s in zip(joined, states, strict=True)])
    size = expr.param(len(params), "i64")
    finished = _tuple(finish(*left, size, *traced_params) if params else finish(*left, size))
    finish_graph = linearise([cast_to(v, f.kind) for v, f in zip(finished, results, strict=True)])
    units = tuple((s, _unit(u, s)) for s, u in zip(states, _tuple(unit), strict=True))
    launch = ReduceLaunch()
    launch.forms = tuple(results)
    launch.second = None
    launch.second_sizes, launch.partial = (), ()
    kinds = (*params, "i64")
    launch.params = (count,)
    if any(f.numel == 0 for f in results):
        launch.kernel, launch.sizes = no_work, ()
        return launch
    # Loop order by the first input's strides; results are contiguous over the kept dims.
    kept_sizes, kept_strides = _merge([shape[d] for d in kept], [[s[d] for d in kept] for s in strides], results, kept)
    red_order = sorted(dims, key=lambda d: tuple(-abs(s[d]) for s in strides))
    red_sizes, red_strides = coalesce([shape[d] for d in red_order], [tuple(s[d] for d in red_order) for s in strides])
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
        if (last_kept < last_reduced and kept_sizes[-1] >= 4) or (small and last_reduced >= 1 and kept_sizes[-1] >= 64):
            along = "kept"
    inner = tuple(
        inner_class((k if along == "kept" else r)[-1]) for k, r in zip(in_strides, red_strides, strict=True)
    )
    if inner and along == "reduced" and red_sizes == (1,):
        inner = tuple("0" for _ in inner)
    outputs = 1
    for s in kept_sizes:
        outputs *= s
    # Split long reductions of few outputs: by the problem's sizes alone, so bits do not depend on threads.
    split_size = red_sizes[0] if along == "kept" else red_sizes[-1]
    lead = split_size if along == "kept" else 1
    per_output = count // max(1, split_size)
    groups = outputs if along == "reduced" else max(1, outputs // max(1, kept_sizes[-1])) * -(-kept_sizes[-1] // 64)
    width = min(kept_sizes[-1], 64) if along == "kept" else 1
    chunk = max(1, CHUNK // (per_output * width)) if along == "kept" else CHUNK
    split = groups < 16 and split_size > 2 * chunk and count * outputs > 4 * CHUNK
    del lead
    sizes: list[int] = [*kept_sizes, *red_sizes]
    for k, r in zip(in_strides, red_strides, strict=True):
        sizes += [*k, *r]
    if not split:
        for o in out_strides:
            sizes += o
        made = plan.Reduce(
            tuple(f.kind for f in inputs), tuple(f.kind for f in results), tuple(kinds), map_graph,
            combine_graph, finish_graph, units, len(kept_sizes), len(red_sizes), along, inner, False, position,
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
    keep_graph = linearise(left)
    made = plan.Reduce(
        tuple(f.kind for f in inputs), stored, tuple(kinds), map_graph, combine_graph, keep_graph, units,
        len(kept_sizes), len(red_sizes), along, inner, True, position,
    )  # fmt: skip
    launch.kernel, launch.sizes = machine.compile_plan(made), tuple(sizes)
    second = plan.Reduce(
        stored, tuple(f.kind for f in results), tuple(kinds), keep_graph, combine_graph, finish_graph, units,
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
    """Kept dims in loop order with the strides of inputs and (contiguous) results, merged where possible."""
    all_strides = [tuple(s) for s in strides] + [tuple(f.strides) for f in results]
    order = sorted(range(len(sizes)), key=lambda d: tuple(-abs(s[d]) for s in all_strides))
    merged = coalesce([sizes[d] for d in order], [tuple(s[d] for d in order) for s in all_strides])
    return tuple(merged[0]), [tuple(s) for s in merged[1]]


def run_reduce(launch: ReduceLaunch, inputs: Sequence[Tensor], params: Sequence[Number] = ()) -> list[Tensor]:
    """Launches a prepared reduction; results have the kept dims only."""
    made = [allocate(form) for form in launch.forms]
    addresses = [t.address for t in inputs]
    if launch.second is None:
        launch.kernel(*launch.sizes, *addresses, *[t.address for t in made], *params, *launch.params)
        return made
    partial = [allocate(form) for form in launch.partial]
    middle = [t.address for t in partial]
    launch.kernel(*launch.sizes, *addresses, *middle, *params, *launch.params)
    launch.second(*launch.second_sizes, *middle, *[t.address for t in made], *params, *launch.params)
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
            lambda x: x, lambda a, b: a + b, lambda acc, n: acc, 0, (state,), [source], source.shape, dims,
            [form_of(source.dtype, kept_shape)],
        )  # fmt: skip
        remember(_sums, (source, form), launch)
    made = run_reduce(launch, [tensor])[0]
    return wrap(made.storage, made.address, form_of(source.dtype, form.shape))


# --- operations with gradients as tensor functions -----------------------------------------------


class FunctionNode(Node):
    """A recorded operation whose gradient is a function over tensors; values are kept by argument name."""

    __slots__ = ("op", "values", "versions", "result_forms", "outputs", "needs", "arity")

    op: Any
    values: dict[str, Any] | None
    versions: list[tuple[Tensor, int]]
    outputs: int  # type: ignore[misc]

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        values = self.values
        if values is None:
            raise RuntimeError(FREED)
        for tensor, version in self.versions:
            if tensor.storage.version != version:
                check_version(tensor, version, self)
        arguments: list[Any] = []
        for name in self.op.gradient_names:
            if name == "g":
                arguments.append(gradients[0] if self.outputs == 1 else tuple(gradients))
            elif name == "needs":
                arguments.append(self.needs)
            elif name in ("y", "ys"):
                arguments.append(self.results(values["y"]))
            else:
                arguments.append(values[name])
        results = self.op.gradient_rule(*arguments)
        results = results if isinstance(results, (tuple, list)) else (results,)
        flat: list[Tensor | None] = []
        for result, many in zip(results, self.arity, strict=False):
            if many is None:
                flat.append(result)
            else:
                flat.extend(result if result is not None else [None] * many)
        flat += [None] * (len(self.edges) - len(flat))
        return flat

    def results(self, saved: Any) -> Any:
        """The saved result(s), tied to this node again when the gradient itself is recorded."""
        if not mode.enabled:
            return saved
        tied = []
        for index, y in enumerate(_tuple(saved)):
            again = wrap(y.storage, y.address, y.form)
            if y.form.dtype.is_floating_point:
                again.needs_grad = True
                again.edge = self if self.outputs == 1 else Output(self, index)
            tied.append(again)
        return tuple(tied) if isinstance(saved, tuple) else tied[0]

    def release(self) -> None:
        if self.versions:
            self.values = None


def call_operation(op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Runs an operation's forward unrecorded and records it if a gradient is wanted."""
    if not mode.enabled or op.gradient_rule is None or not _wants_gradient(args, kwargs):
        return op.forward(*args, **kwargs)
    mode.enabled = False
    try:
        y = op.forward(*args, **kwargs)
    finally:
        mode.enabled = True
    record_operation(op, y, bind(op, args, kwargs))
    return y


def _wants_gradient(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    for v in args:
        if isinstance(v, Tensor):
            if v.needs_grad:
                return True
        elif type(v) in (list, tuple):
            for w in v:
                if isinstance(w, Tensor) and w.needs_grad:
                    return True
    if kwargs:
        return _wants_gradient(tuple(kwargs.values()), {})
    return False


def bind(op: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, defaults filled in."""
    values = dict(op.defaults)
    values.update(zip(op.parameters, args, strict=False))
    values.update(kwargs)
    return values


def record_operation(op: Operation, y: Any, values: dict[str, Any]) -> None:
    """Makes the node of a result, or of several."""
    results = [t for t in _tuple(y)] if isinstance(y, (tuple, list)) else [y]
    if not any(isinstance(t, Tensor) and t.form.dtype.is_floating_point for t in results):
        return
    node = object.__new__(op.node_type)  # type: ignore[attr-defined]
    edges: list[Any] = []
    needs: list[Any] = []
    arity: list[int | None] = []
    for name in op.tensor_names:
        value = values.get(name)
        if isinstance(value, (list, tuple)):
            found = [edge_of(t) for t in value]
            edges += found
            needs.append([e is not None for e in found])
            arity.append(len(found))
        else:
            edge = edge_of(value) if isinstance(value, Tensor) else None
            edges.append(edge)
            needs.append(edge is not None)
            arity.append(None)
    Node.__init__(node, tuple(edges))
    node.op, node.needs, node.arity = op, tuple(needs), arity
    node.outputs = len(results)
    kept: dict[str, Any] = {}
    versions: list[tuple[Tensor, int]] = []

    def keep(value: Any) -> Any:
        if isinstance(value, Tensor):
            versions.append((value, value.storage.version))
        elif isinstance(value, (list, tuple)):
            for t in value:
                keep(t)
        return value

    for name in op.gradient_names:
        if name in ("g", "needs"):
            continue
        if name in ("y", "ys"):
            saved = tuple(wrap(t.storage, t.address, t.form) for t in results)
            kept["y"] = keep(saved if name == "ys" else saved[0])
        elif name.endswith("_offset") and name not in values:
            kept[name] = values[name[:-7]].storage_offset()
        elif name.endswith("_form") and name not in values:
            value = values[name[:-5]]
            kept[name] = [t.form for t in value] if isinstance(value, (list, tuple)) else None if value is None else value.form
        else:
            kept[name] = keep(values[name])
    node.values, node.versions = kept, versions
    for index, t in enumerate(results):
        if t.form.dtype.is_floating_point and (
            op.differentiable_outputs is None or index in op.differentiable_outputs
        ):
            t.needs_grad = True
            t.edge = node if node.outputs == 1 else Output(node, index)


def call_view(op: View, tensor: Tensor, args: tuple[Any, ...]) -> Tensor:
    """A view: the record's geometry function, cached by form and arguments."""
    key = (tensor.form, args)
    found = op.launches.get(key)  # type: ignore[attr-defined]
    if found is None:
        made = op.forward(tensor.form.geometry, *args)
        form = form_of(tensor.form.dtype, tuple(made.shape), tuple(made.strides))
        found = remember(op.launches, key, (form, made.offset * form.itemsize))  # type: ignore[attr-defined]
    y = wrap(tensor.storage, tensor.address + found[1], found[0])
    track_view(op, tensor, y, args)
    return y


def track_view(op: View, tensor: Tensor, y: Tensor, args: tuple[Any, ...]) -> None:
    """Notes base and node of a fresh view."""
    from_base(y, tensor)
    if tensor.needs_grad and mode.enabled:
        values = dict(op.defaults)
        values.update(zip(op.parameters[1:], args, strict=False))
        values[op.parameters[0]] = values["self"] = tensor
        record_operation(op, y, values)


def from_base(y: Tensor, source: Tensor) -> None:
    """Makes y a view of source's base, so that in-place writes find each other."""
    if not source.form.dtype.is_floating_point:
        return
    extra = y.extras()
    parent = source.extra
    if parent is not None and parent.base is not None:
        extra.base = parent.base
    else:
        extra.base = source
    note_view(y)


# --- reduction records ---------------------------------------------------------------------------


class ReductionNode(Node):
    """A recorded reduction: saves the input or the result only if its gradient formula reads them."""

    __slots__ = ("op", "form", "dims", "count", "x", "y", "version")

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        g = gradients[0]
        assert g is not None
        reads = self.op.reads
        if reads and self.version is None:
            raise RuntimeError(FREED)
        kept = tuple(1 if d in self.dims else n for d, n in enumerate(self.form.shape))
        x, y = self.x, self.y
        if x is not None and x.storage.version != self.version:
            check_version(x, self.version, self)
        if y is not None:
            y = wrap(y.storage, y.address, form_of(y.form.dtype, kept))
            if mode.enabled:
                y = self.y_again().reshape(kept)
        value = self.op.gradient_rule(g.reshape(kept), y, x, self.count)
        if value.form.shape != self.form.shape:
            value = value.expand(self.form.shape)
        return (value if value.form.dtype is self.form.dtype else value.to(self.form.dtype),)

    def y_again(self) -> Tensor:
        again = wrap(self.y.storage, self.y.address, self.y.form)
        again.needs_grad, again.edge = True, self
        return again

    def release(self) -> None:
        if self.op.reads:
            self.x = self.y = self.version = None


def reduction_reads(op: Reduction) -> tuple[bool, bool]:
    """Whether a gradient formula reads (y, x)."""
    g, y, x = (expr.input_(k, "f32") for k in range(3))
    result = op.gradient_rule(g, y, x, 1)  # type: ignore[misc]
    used = linearise([result]).inputs_used
    return 1 in used, 2 in used


def call_reduction(
    op: Reduction, self: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: "dtype | None" = None
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
    if self.needs_grad and mode.enabled and op.gradient_rule is not None and form.dtype.is_floating_point:
        node = object.__new__(op.node_type)  # type: ignore[attr-defined]
        Node.__init__(node, (edge_of(self),))
        node.op, node.form, node.dims, node.count = op, self.form, dims, count
        reads_y, reads_x = op.reads
        node.x = self if reads_x else None
        node.y = wrap(made.storage, made.address, form) if reads_y else None
        node.version = self.storage.version
        made.needs_grad, made.edge = True, node
    return made


def build_reduction(
    op: Reduction, form: Form, dim: Any, keepdim: bool, wanted: "dtype | None"
) -> tuple[ReduceLaunch, Form, tuple[int, ...], int]:
    """Infers and compiles a reduction record for one form."""
    if not isinstance(dim, (int, tuple, type(None))):
        raise TypeError(f"{op.name}(): argument 'dim' must be tuple of ints, not {type(dim).__name__}")
    if dim == () and not op.empty_dims_mean_none:
        dims: tuple[int, ...] = ()
    else:
        dims = wrap_dims(None if dim == () else dim, form.ndim)
    compute = wanted or form.dtype
    if op.rule == FLOAT and not compute.is_floating_point:
        if wanted is not None or not op.integers_to_float:
            raise RuntimeError(
                f"{op.name}(): could not infer output dtype. Input dtype must be either a floating "
                f"point or complex dtype. Got: {dtype_word(compute)}"
            )
        compute = dtypes.get_default_dtype()
    if op.rule == "sum" and wanted is None and not compute.is_floating_point:
        compute = dtypes.int64
    out = dtypes.bool_ if op.rule == BOOL else compute
    if op.name in ("any", "all") and form.dtype is dtypes.uint8:
        out = dtypes.uint8
    shape = reduced_shape(form.shape, dims, keepdim)
    bare = reduced_shape(form.shape, dims, False)
    count = 1
    for d in dims:
        count *= form.shape[d]
    if count == 0 and op.needs_elements and form_of(out, shape).numel:
        raise IndexError(
            f"{op.name}(): Expected reduction dim {dim if dim is not None else ''} to have non-zero size."
        )
    states = op.state if isinstance(op.state, tuple) else (accumulator(compute, op.state),)
    launch = build_reduce(
        op.map, op.combine, op.finish, op.unit, states, [form], form.shape, dims, [form_of(out, bare)],
        compute=register_kind(compute.short),
    )  # fmt: skip
    if op.gradient_rule is not None and not hasattr(op, "reads"):
        op.reads = reduction_reads(op)
    return launch, form_of(out, shape), dims, count


_fills: dict[tuple[Form, type], tuple[Kernel, tuple[int, ...]]] = {}


def fill_launch(target: Tensor, value: Number) -> None:
    """Every element becomes `value`; no graph, no checks."""
    kind = float if isinstance(value, float) else int
    key = (target.form, kind)
    prepared = _fills.get(key)
    if prepared is None:
        raw = expr.param(0, "f64" if kind is float else "i64")
        graph = linearise([cast_to(raw, target.form.kind)])
        prepared = compile_pointwise(
            graph, [], [target.form], ("f64" if kind is float else "i64",), target.form.shape
        )
        remember(_fills, key, prepared)
    value = kind(value)
    if kind is int and value >= 2**63:
        value -= 2**64
    prepared[0](*prepared[1], target.address, value)
