"""Loop nests over several operands: order, strides, merging; pointwise kernels of layouts."""

from collections.abc import Sequence
from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.form import Form
from facula.kernel import expr, plan
from facula.kernel.expr import Expr, Graph
from facula.kernel.program import REGISTER_KIND
from facula.meta.dtype import dtype
from facula.meta.geometry import coalesce

# A record's launches are dropped beyond this many; they are found again from the kernel cache.
LIMIT = 20_000


Number = bool | int | float


def register_kind(kind: str) -> str:
    return REGISTER_KIND.get(kind, kind)


def remember(launches: dict[Any, Any], key: Any, launch: Any) -> Any:
    if len(launches) > LIMIT:
        launches.clear()
    launches[key] = launch
    return launch


def loop_order(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> list[int]:
    """Dims from the outermost loop to the innermost: by the strides of the last operand first."""
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
    """Rank, inner classes and leading kernel arguments of a pointwise nest over some operands."""
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
        tuple(f.kind for f in inputs),
        tuple(f.kind for f in outputs),
        tuple(params),
        graph,
        rank,
        inner,
    )
    return machine.compile_plan(made), sizes


def no_work(*_: Any) -> int:
    """The kernel of an empty problem."""
    return 0


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
