"""Pointwise records and the graph: traced gradient formulas, their kernels and nodes."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.graph import FREED, Node, check_version, next_order
from facula.autograd.mode import mode
from facula.backend.cpu import Kernel
from facula.dispatch.copy import convert
from facula.dispatch.launch import Backward, Launch
from facula.dispatch.layout import (
    NUMBER_KINDS,
    as_tuple,
    cast_to,
    compile_pointwise,
    number_parameter,
    register_kind,
    remember,
)
from facula.dispatch.named import nameless
from facula.dispatch.node import NODE_CLASSES, node_type
from facula.dispatch.reduce import sum_to
from facula.dispatch.source import ALLOCATE, compile_function
from facula.form import Form, form_of
from facula.kernel import expr, scalar
from facula.kernel.expr import Expr, Graph, linearise
from facula.meta import dtype as dtypes
from facula.meta.dtype import dtype
from facula.op import NoDerivative, Pointwise
from facula.tensor import Tensor, allocate, wrap

# Dtypes by the register kinds of formulas.
HALVES = (dtypes.float16, dtypes.bfloat16, dtypes.complex32)
DTYPES = {register_kind(d.short): d for d in dtypes.BY_NAME.values() if d not in HALVES}


def gradient_expressions(
    op: Pointwise, key: Sequence[Any], compute: dtype, stored: tuple[str, str] | None = None
) -> tuple[Any, ...]:
    """The gradient formula traced: inputs are g, y, then the tensors among the operands.

    `stored`: the kinds of g and y in registers, where an in-place call left them in another dtype.
    """
    kind = register_kind(compute.short)
    made = expr.PART[kind] if op.real_valued and kind in expr.PART else kind
    g, y = (expr.cast(expr.input_(k, (stored or (made, made))[k]), made) for k in (0, 1))
    operands: list[Any] = []
    tensors = numbers = 0
    for position, one in enumerate(key):
        if isinstance(one, Form):
            raw = expr.input_(2 + tensors, register_kind(one.kind))
            is_condition = position == op.condition
            operands.append(raw if is_condition else expr.cast(raw, kind))
            tensors += 1
        elif one is None:
            operands.append(None)
        elif type(one) is tuple:
            operands.append(one[1])
        else:
            raw, registers = number_parameter(one, numbers)
            operands.append(expr.cast(raw, kind))
            numbers += len(registers)
    assert op.gradient_rule is not None
    if kind in expr.PART and op.complex_gradient is None:
        # torch hands on the conjugate of the derivative: conj(conj(g) f'(x)) = g conj(f'(x)).
        results = as_tuple(op.gradient_rule(expr.call("conj", g), y, *operands))
        return tuple([expr.call("conj", r) if isinstance(r, Expr) else r for r in results])
    rule = op.complex_gradient if kind in expr.PART else op.gradient_rule
    assert rule is not None
    return as_tuple(rule(g, y, *operands))


def saved_operands(
    op: Pointwise, launch: Launch, needs: tuple[bool, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which operands the wanted gradients read (-1: the result), and which tensors nobody needs."""
    key = launch.operands
    if isinstance(op.gradient_rule, NoDerivative):
        return (), tuple([k for k, one in enumerate(key) if isinstance(one, Form)])
    results = gradient_expressions(op, key, dtypes.BY_NAME[launch.compute])
    wanted = [r for r, need in zip(results, needs, strict=False) if need and isinstance(r, Expr)]
    positions = [k for k, one in enumerate(key) if isinstance(one, Form)]
    used = sorted(linearise(wanted).inputs_used)
    saves = tuple([-1 if u == 1 else positions[u - 2] for u in used if u >= 1])
    return saves, tuple([k for k in positions if k not in saves])


def widened(value: Any) -> Any:
    """A tensor in the dtype that kernels compute in: halves as float32."""
    if isinstance(value, Tensor) and value.form.kind in ("f16", "bf16"):
        return value.to(dtypes.float32)
    if isinstance(value, Tensor) and value.form.kind == "c32":
        return value.to(dtypes.complex64)
    return value


def on_carrier(op: str, kind: str, operands: list[Any]) -> Any:
    """One step of a traced formula on tensors and numbers."""
    if op != "cast":
        return scalar.apply(op, *operands)
    value = operands[0]
    if isinstance(value, Tensor):
        return value.to(DTYPES[kind])
    if kind in expr.PART:
        return complex(value)
    return float(value) if kind in expr.FLOAT else int(value)


class PointwiseNode(Node):
    """A recorded pointwise operation: launch, numbers, and the tensors its gradient reads."""

    __slots__ = ("launch", "needs", "values", "versions")

    launch: Launch
    needs: tuple[bool, ...]
    values: Sequence[Any] | None
    versions: Sequence[int]

    @property
    def op(self) -> Pointwise:
        return self.launch.op

    @property
    def saves(self) -> tuple[int, ...]:
        return self.launch.saves[self.needs][0] if self.versions else ()

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        g = gradients[0]
        assert g is not None
        launch = self.launch
        if mode.enabled or type(g) is not Tensor:
            values = self.values
            if values is None:
                raise RuntimeError(FREED)
            for position, version in zip(self.saves, self.versions, strict=True):
                check_version(values[position], version, self, position == -1)
            return self.recorded(g, values)
        run = launch.backward.get((g.form, self.needs))
        if run is None:
            run = build_backward(self.op, launch, g.form, self.needs)
            remember(launch.backward, (g.form, self.needs), run)
        return run(self, g)

    def recorded(self, g: Tensor, values: Sequence[Any]) -> Sequence[Tensor | None]:
        """The gradient formula run on tensors, so that it is itself recorded. Only the wanted
        results are traced: what the others would read has not been kept."""
        forms = self.launch.operands
        compute = dtypes.BY_NAME[self.launch.compute]
        traced = gradient_expressions(self.op, forms, compute)
        wanted = [
            k
            for k, edge in enumerate(self.edges)
            if edge is not None and k < len(traced) and traced[k] is not None
        ]
        kind = register_kind(compute.short)
        for k in wanted:
            if isinstance(traced[k], str):
                raise NotImplementedError(traced[k])
        graph = linearise(
            [
                traced[k] if isinstance(traced[k], Expr) else expr.const(traced[k], kind)
                for k in wanted
            ]
        )
        y = values[-1]
        if isinstance(y, Tensor):
            y = wrap(y.block, y.address, y.form)
            y.needs_grad, y.edge = True, self
        tensors = [v for v, form in zip(values, forms, strict=False) if isinstance(form, Form)]
        numbers: list[Any] = []
        for v, form in zip(values, forms, strict=False):
            if type(form) is type:
                numbers += (v.real, v.imag) if form is complex else (v,)
        inputs = [widened(nameless(v)) for v in (g, y, *tensors)]
        finished: list[Tensor | None] = [None] * len(self.edges)
        results = graph.run(inputs, numbers, lambda number, _: number, on_carrier)
        for k, gradient in zip(wanted, results, strict=True):
            form = forms[k]
            if not isinstance(gradient, Tensor):
                gradient = g.new_full(g.shape, gradient)
            elif gradient.form.shape != g.form.shape:
                gradient = gradient.expand(g.shape)
            if gradient.form.shape != form.shape:
                gradient = gradient.sum_to_size(form.shape)
            finished[k] = gradient.to(form.dtype)
        return finished

    def release(self) -> None:
        if self.saves:
            self.values = None


NODE_CLASSES[Pointwise] = PointwiseNode


# What a node does with a gradient, written out for one combination of forms and wanted gradients.
BACKWARD = """
def generated(node, g):
    values = node.values
    if values is None:
        raise RuntimeError(freed)
{checks}{allocations}{run}    return ({results},)
"""
CHECK = """\
    if values[{position}].block.version != node.versions[{number}]:
        stale(values[{position}], node.versions[{number}], node, {is_result})
"""


def build_backward(
    op: Pointwise, launch: Launch, g_form: Form, needs: tuple[bool, ...]
) -> Backward:
    """Traces the gradient formula for the inputs that need one and compiles it into one kernel.

    The function made takes (node, gradient) and returns one gradient an edge.
    """
    compute = dtypes.BY_NAME[launch.compute]
    key = launch.operands
    stored = register_kind(g_form.kind), register_kind(launch.form.kind)
    results = gradient_expressions(op, key, compute, stored)
    shape = launch.form.shape
    outputs: list[Expr] = []
    scope: dict[str, Any] = {
        "allocate": allocate,
        "sum_to": sum_to, "convert": convert, "stale": check_version, "freed": FREED,
    }  # fmt: skip
    forms: list[Form] = []
    words: list[str] = []
    for position, needed in enumerate(needs):
        form = key[position]
        result = results[position] if position < len(results) else None
        if needed and isinstance(result, str):
            raise NotImplementedError(result)
        if not needed or result is None or not isinstance(form, Form):
            words.append("None")
            continue
        if isinstance(result, Expr) and result.op == "input" and result.extra == 0:
            word, made = "g", g_form
        else:
            if not isinstance(result, Expr):
                result = expr.const(result, register_kind(compute.short))
            # Sums over broadcast dims run in the compute dtype; the input's own dtype comes last.
            full = form.shape == shape
            made = form_of(
                form.dtype if full else compute, shape, g_form.strides if g_form.dense else None
            )
            word = f"y{len(outputs)}"
            scope[f"form{len(outputs)}"] = made
            outputs.append(cast_to(result, made.kind))
            forms.append(made)
        if made.shape != form.shape:
            scope[f"edge{position}"] = form
            word = f"sum_to({word}, edge{position})"
        if made.dtype is not form.dtype:
            scope[f"dtype{position}"] = form.dtype
            word = f"convert({word}, dtype{position})"
        words.append(word)
    run = ""
    if outputs:
        scope["kernel"], scope["sizes"], run = _backward_kernel(launch, g_form, outputs, forms)
    saves = launch.saves[needs][0] if needs in launch.saves else ()
    checks = [
        CHECK.format(position=position, number=number, is_result=position == -1)
        for number, position in enumerate(saves)
    ]
    source = BACKWARD.format(
        checks="".join(checks),
        allocations="".join(ALLOCATE.format(k) for k in range(len(outputs))),
        run=run,
        results=", ".join(words),
    )
    return compile_function(source, scope)


def _backward_kernel(
    launch: Launch, g_form: Form, outputs: list[Expr], forms: list[Form]
) -> tuple[Kernel, tuple[int, ...], str]:
    """The kernel of traced gradients, its sizes, and the line that calls it."""
    key = launch.operands
    graph = linearise(outputs)
    used = sorted(graph.inputs_used)
    tensors = [k for k, one in enumerate(key) if isinstance(one, Form)]
    numbers = [k for k, one in enumerate(key) if type(one) is type]
    renumber = {old: new for new, old in enumerate(used)}
    steps = tuple(
        (o, kind, args, renumber[extra] if o == "input" else extra)
        for o, kind, args, extra in graph.steps
    )
    # Inputs 0 and 1 are g and y; the kernel loads them as stored, the graph expects the compute
    # kind.
    reading = [g_form if u == 0 else launch.form if u == 1 else key[tensors[u - 2]] for u in used]
    kinds = [kind for k in numbers for kind in NUMBER_KINDS[key[k]]]
    kernel, sizes = compile_pointwise(
        Graph(steps, graph.outputs), reading, forms, kinds, launch.form.shape
    )
    arguments = [
        "g.address" if u == 0 else f"values[{-1 if u == 1 else tensors[u - 2]}].address"
        for u in used
    ]
    arguments += [f"a{k}" for k in range(len(outputs))]
    for k in numbers:
        parts = (".real", ".imag") if key[k] is complex else ("",)
        arguments += [f"values[{k}]{part}" for part in parts]
    return kernel, sizes, f"    kernel(*sizes, {', '.join(arguments)})\n"


def record_pointwise(op: Pointwise, launch: Launch, y: Tensor, operands: Sequence[Any]) -> None:
    """Makes y's node. The hot functions of `facula/bind` hold these lines for their operands."""
    node: PointwiseNode = object.__new__(op._node_type or node_type(op))
    node.edges = edges = tuple(
        [
            None
            if not isinstance(v, Tensor) or not v.needs_grad
            else v
            if v.edge is None
            else v.edge
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


# Keeps what a node's gradient will read; a saved result as a detached alias, because y itself would
# close a circle.
KEEP = """
def generated(node, y, {operands}):
{alias}    node.values = ({values},)
    node.versions = ({versions})
"""
RESULT_ALIAS = """\
    saved = wrap(y.block, y.address, y.form)
"""


def save_operands(
    node: "PointwiseNode", launch: Launch, y: Tensor, operands: Sequence[Any]
) -> None:
    """Keeps what the node's gradient will read."""
    (launch.keep.get(node.needs) or build_keep(launch, node.needs))(node, y, *operands)


def build_keep(launch: Launch, needs: tuple[bool, ...]) -> Callable[..., None]:
    """The function (node, result, *operands) that saves for these wanted gradients."""
    saved = launch.saves.get(needs)
    if saved is None:
        saved = launch.saves[needs] = saved_operands(launch.op, launch, needs)
        if not saved[0] and launch.constants is not None:
            launch.bare.add(needs)
    saves, drops = saved
    names = [f"x{k}" for k in range(len(needs))]
    values = ["None" if k in drops else name for k, name in enumerate(names)]
    of_result = bool(saves) and saves[0] < 0
    source = KEEP.format(
        operands=", ".join(names),
        alias=RESULT_ALIAS if of_result else "",
        values=", ".join([*values, "saved" if of_result else "None"]),
        versions="".join(
            f"{'y' if position < 0 else names[position]}.block.version, " for position in saves
        ),
    )
    keep = compile_function(source, {"wrap": wrap})
    launch.keep[needs] = keep
    return keep
