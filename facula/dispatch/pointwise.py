"""Pointwise records: dtype and shape inference, tracing, launch. Note [hot path]."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from facula.autograd.mode import mode
from facula.dispatch.copy import check_writable_memory
from facula.dispatch.gradient import record_pointwise
from facula.dispatch.launch import Launch
from facula.dispatch.layout import (
    cast_to,
    compile_pointwise,
    dtype_word,
    expanded,
    number_parameter,
    register_kind,
    remember,
)
from facula.form import Form, form_of
from facula.kernel import expr
from facula.kernel.complex import Undefined
from facula.kernel.expr import Expr, linearise
from facula.late import Late
from facula.meta import dtype as dtypes
from facula.meta.dtype import dtype
from facula.meta.geometry import restride_like
from facula.meta.shape import broadcast_shapes
from facula.op import BOOL, DOUBLE, FLOAT, Pointwise, registry
from facula.tensor import Tensor, allocate

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

# Formulas that records distinguish, by kind of dtype.
FORMULAS = {"b": "bool", "u": "integral", "i": "integral", "f": "floating", "c": "complex"}


def formula_of(op: Pointwise, compute: dtype) -> Callable[..., Any]:
    """The value formula for a compute dtype: records may differ for floats, integers and bool."""
    if callable(op.value):
        return op.value
    kind = FORMULAS[compute.kind]
    found = op.value.get(kind) or op.value.get(
        {"bool": "integral", "complex": "floating"}.get(kind, "")
    )
    if found is None:
        raise NotImplementedError(f"\"{op.name}\" not implemented for '{compute}'")
    return found


def result_dtypes(op: Pointwise, operands: Sequence[Any]) -> tuple[dtype, dtype]:
    """The dtype to compute in and that of the result."""
    described: list[tuple[dtype, int | None]] = []
    for argument, value in zip(op.schema.arguments, operands, strict=False):
        if not argument.type.startswith("Tensor") or value is None:
            continue
        if isinstance(value, Form):
            described.append((value.dtype, value.ndim))
        else:
            number = value[1] if type(value) is tuple else value()
            described.append((dtypes.of_scalar(number), None))
    if op.condition is not None:
        del described[op.condition]
    common = dtypes.result_type(described)
    if op.rule == FLOAT and common.kind not in "fc":
        common = dtypes.get_default_dtype()
    if op.rule == DOUBLE:
        double = dtypes.complex128 if common.is_complex else dtypes.float64
        return double, double
    if op.rule == BOOL:
        return common, dtypes.bool_
    if op.real_valued and common.is_complex:
        return common, common.to_real()
    return common, common


def operand_key(value: Any) -> Any:
    """What a launch depends on: the form of a tensor, the type of a number, None."""
    form = getattr(value, "form", None)
    if form is not None:
        return form
    kind = type(value)
    if value is None or kind in (int, float, bool, complex):
        return None if value is None else kind
    if isinstance(value, (int, float)):  # NumPy's scalars derive from Python's
        return float if isinstance(value, float) else int
    if isinstance(value, complex):
        return complex
    if isinstance(value, np.generic) and value.dtype.kind in NUMPY_KINDS:
        return NUMPY_KINDS[value.dtype.kind]
    raise TypeError(f"argument must be Tensor or a number, not {kind.__name__}")


NUMPY_KINDS = {"f": float, "i": int, "u": int, "b": bool, "c": complex}


def with_tensors(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands with NumPy's arrays as tensors over their memory: `tensor + array`."""
    make = registry["from_numpy"].function
    return tuple([make(v) if isinstance(v, np.ndarray) else v for v in operands])


def launch_key(op: Pointwise, operands: Sequence[Any]) -> tuple[Any, ...]:
    """What a call's launch depends on: ("=", number, type) is a number that the kernel holds."""
    key = tuple([operand_key(v) for v in operands])
    known = op.constant_numbers
    if not known:
        return key
    return tuple(
        [
            ("=", v, k) if type(k) is type and v in known else k
            for k, v in zip(key, operands, strict=True)
        ]
    )


def trace_inputs(
    op: Pointwise, key: Sequence[Any], compute: dtype
) -> tuple[list[Any], list[int], list[int], list[str]]:
    """A record's operands as expressions of the compute kind; which are tensors, which numbers."""
    operands: list[Any] = []
    tensors: list[int] = []
    numbers: list[int] = []
    kinds: list[str] = []
    target = register_kind(compute.short)
    for position, one in enumerate(key):
        if isinstance(one, Form):
            raw = expr.input_(len(tensors), register_kind(one.kind))
            is_condition = position == op.condition
            operands.append(raw if is_condition else expr.cast(raw, target))
            tensors.append(position)
        elif one is None:
            operands.append(None)
        elif type(one) is tuple:
            operands.append(one[1])
        else:
            raw, registers = number_parameter(one, len(kinds))
            kinds += registers
            numbers.append(position)
            operands.append(expr.cast(raw, target))
    return operands, tensors, numbers, kinds


def build_launch(op: Pointwise, key: tuple[Any, ...], target: Form | None = None) -> Launch:
    """Infers dtype, shape, strides; traces the formula; compiles. `target`: form to write into."""
    compute, out = result_dtypes(op, key)
    shape = broadcast_shapes(*(k.shape for k in key if isinstance(k, Form)))
    if op.complex_error is not None and compute.is_complex:
        raise op.complex_error[0](op.complex_error[1])
    if target is not None and tuple(target.shape) != tuple(shape):
        check_writable(op.name, target, shape, out)
    if compute.kind in op.refuses:
        if isinstance(op.refuses, dict):
            raise RuntimeError(op.refuses[compute.kind])
        raise NotImplementedError(f"\"{op.kernel}\" not implemented for '{dtype_word(compute)}'")
    if op.narrow and compute in dtypes.WIDE and not op.narrow_result:
        raise NotImplementedError(f"\"{op.narrow}\" not implemented for '{compute.word}'")
    if op.check is not None:
        op.check(compute, key)
    forms = [k for k in key if isinstance(k, Form)]
    if target is None:
        same = (
            forms[0]
            if len(forms) == 1
            or all(f.strides == forms[0].strides and f.shape == shape for f in forms)
            else None
        )
        if same is not None and same.contiguous and same.shape == shape:
            target = form_of(out, shape)
        else:
            alike = all(f.shape == shape for f in forms)
            laid = [expanded(f, shape) for f in forms]
            target = form_of(out, shape, restride_like(shape, laid, alike))
    else:
        check_writable(op.name, target, shape, out)
    operands, tensors, numbers, kinds = trace_inputs(op, key, compute)
    value = formula_of(op, compute)(*operands)
    if not isinstance(value, Expr):
        value = expr.const(value, register_kind(target.kind))
    graph = linearise([cast_to(value, target.kind)])
    inputs = [key[k] for k in tensors]
    try:
        if compute.is_complex and 0 in shape:  # nothing to compile, but refused all the same
            one = (1,) * len(shape)
            alone = [form_of(f.dtype, one) for f in inputs]
            compile_pointwise(graph, alone, [form_of(target.dtype, one)], kinds, one)
        prepared = compile_pointwise(graph, inputs, [target], kinds, shape)
    except Undefined:
        raise NotImplementedError(
            f"\"{op.kernel}\" not implemented for '{dtype_word(compute)}'"
        ) from None
    launch = Launch()
    launch.op = op
    launch.form = target
    numbers_known = not any(type(k) is type for k in key)
    launch.constants = (
        [k[1] if type(k) is tuple else None for k in key] + [None] if numbers_known else None
    )
    launch.bare = set()
    launch.compute = compute.name
    launch.operands = key
    launch.kernel, launch.sizes = prepared
    launch.keep = {}
    launch.backward = {}
    launch.differentiable = op.gradient_rule is not None and out.kind in "fc"
    launch.saves = {}
    return launch


def check_writable(name: str, target: Form, shape: Sequence[int], out: dtype) -> None:
    """In-place and out= rules: the shape is the broadcast one, the dtype can hold the result."""
    if tuple(target.shape) != tuple(shape):
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast shape "
            f"{list(shape)}"
        )
    if not dtypes.can_cast(out, target.dtype):
        raise RuntimeError(
            f"result type {dtype_word(out)} can't be cast to the desired output type "
            f"{dtype_word(target.dtype)}"
        )
    check_writable_memory(target)


def call_pointwise(
    op: Pointwise,
    operands: tuple[Any, ...],
    out: Tensor | None = None,
    key: tuple[Any, ...] | None = None,
) -> Tensor:
    """The general road. `out` receives the result if given; `key` may hold constants."""
    if any(type(v) is int and not -(2**63) <= v < 2**63 for v in operands):
        operands, key = wrapped_numbers(op, operands), None
    if out is not None:
        launch = launch_into(op, operands, out)
        key, y = launch.operands, out
    else:
        if key is None:
            try:
                key = launch_key(op, operands)
            except TypeError:
                operands = with_tensors(operands)
                key = launch_key(op, operands)
        found = op.launches.get(key)
        if found is None:
            if not any(isinstance(k, Form) for k in key):
                raise TypeError(
                    f"{op.name}(): at least one argument must be a Tensor, got "
                    f"{_received(operands)}"
                )
            found = remember(op.launches, key, build_launch(op, key))
        launch = found
        y = allocate(launch.form)
    arguments: list[Any] = [v.address for v in operands if isinstance(v, Tensor)]
    arguments.append(y.address)
    for one, v in zip(key, operands, strict=True):
        if one is complex:
            arguments += (v.real, v.imag)
        elif type(one) is type:
            arguments.append(v if type(v) is one is not bool else one(v))
    code = launch.kernel(*launch.sizes, *arguments)
    if code:
        raise op.error_codes[code]()
    if out is None and mode.enabled and launch.differentiable:
        for v in operands:
            if isinstance(v, Tensor) and v.needs_grad:
                record_pointwise(op, launch, y, operands)
                break
    return y


def wrapped_numbers(op: Pointwise, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers that only uint64 holds: as the int64 of the same bits, or as floats where those are
    computed in."""
    for v in operands:
        if type(v) is int:
            dtypes.check_int(v)
    floating = result_dtypes(op, launch_key(op, operands))[0].kind in "fc"
    return tuple(
        [
            (float(v) if floating else v - 2**64) if type(v) is int and v >= 2**63 else v
            for v in operands
        ]
    )


def launch_into(op: Pointwise, operands: tuple[Any, ...], out: Tensor) -> Launch:
    """The launch that writes into a tensor of out's form."""
    key = launch_key(op, operands)
    marked = (*key, out.form, "out")
    launch: Launch | None = op.launches.get(marked)
    if launch is None:
        launch = remember(op.launches, marked, build_launch(op, key, out.form))
    return launch


def _received(operands: Sequence[Any]) -> str:
    return "(" + ", ".join(type(v).__name__ for v in operands) + ")"
