"""Loop nests over several operands: order, strides, merging; pointwise kernels of layouts."""

from collections.abc import Sequence
from math import prod
from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.form import Form
from facula.kernel import expr, plan
from facula.kernel.complex import for_parts
from facula.kernel.expr import Expr, Graph
from facula.kernel.library.turned import Turned
from facula.kernel.program import PARTS, REGISTER_KIND
from facula.meta.dtype import dtype
from facula.meta.geometry import coalesce

# A record's launches are dropped beyond this many; they are found again from the kernel cache.
LIMIT = 20_000


# From so many elements, and so many along each of the two loops, operands are turned in squares.
WORTH_TURNING, FEWEST_TURNED = 2048, 8
# Integers with the bits of kinds that arithmetic would convert.
AS_BITS = {"f16": "i16", "bf16": "i16", "bool": "u8", "c32": "i32", "c64": "i64"}

Number = bool | int | float | complex


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
    return {1: "1", 0: "0", -1: "r"}.get(stride, "s")


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
    return d.word


def type_word(d: dtype) -> str:
    """A dtype as C++ calls it, which some of PyTorch's messages print."""
    return {
        "bool": "bool", "uint8": "unsigned char", "int8": "signed char", "int16": "short int",
        "int32": "int", "int64": "long int", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
        "float32": "float", "float64": "double", "complex32": "c10::complex<c10::Half>",
        "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
        "uint16": "short unsigned int", "uint32": "unsigned int", "uint64": "long unsigned int",
    }[d.name]  # fmt: skip


def cast_to(value: Expr, stored: str) -> Expr:
    """The expression as the register kind of a stored kind."""
    kind = register_kind(stored)
    if kind == "i1" and value.kind != "i1":
        return expr.call("ne", value, 0)
    return expr.cast(value, kind)


NUMBER_KINDS: dict[type, tuple[str, ...]] = {
    int: ("i64",), bool: ("i64",), float: ("f64",), complex: ("f64", "f64"),
}  # fmt: skip


def number_parameter(kind: type, place: int) -> tuple[Expr, tuple[str, ...]]:
    """A number that a kernel is called with, as an expression, and the kinds of its parameters from
    `place` on: a complex one takes two."""
    kinds = NUMBER_KINDS[kind]
    parts = tuple([expr.param(place + k, one) for k, one in enumerate(kinds)])
    return (parts[0] if len(parts) == 1 else Expr("pair", parts, "c128")), kinds


def compile_pointwise(
    graph: Graph,
    inputs: Sequence[Form],
    outputs: Sequence[Form],
    params: Sequence[str],
    shape: Sequence[int],
) -> tuple[Kernel, tuple[int, ...]]:
    """The kernel of a graph for some layouts, and its leading arguments."""
    strides = [expanded(f, shape) for f in (*inputs, *outputs)]
    kinds = [f.kind for f in (*inputs, *outputs)]
    lazy = [f.lazy for f in (*inputs, *outputs)]
    return compile_strided(graph, kinds, strides, params, shape, lazy)


def compile_strided(
    graph: Graph,
    kinds: list[str],
    strides: list[tuple[int, ...]],
    params: Sequence[str],
    shape: Sequence[int],
    lazy: Sequence[str] = (),
) -> tuple[Kernel, tuple[int, ...]]:
    """The same for kinds and strides of inputs, then outputs; those of inputs may be negative."""
    count = len(kinds) - len(graph.outputs)
    rank, inner, sizes = loops(shape, strides)
    if any(size == 0 for size in shape):
        return no_work, ()
    copies = count == 1 and len(kinds) == 2 and len(graph.steps) == 1
    if copies and len(lazy) == 2 and lazy[0] == lazy[1]:
        lazy = ()  # what is behind one view is behind the other
    if copies and not any(lazy) and kinds[0] == kinds[1] in AS_BITS:
        # A copy: what the elements mean does not matter.
        kinds = [AS_BITS[kinds[0]]] * 2
        graph = expr.linearise([expr.input_(0, kinds[0])])
    graph = for_parts(graph, lazy[:count], lazy[count:])
    described = (tuple(kinds[:count]), tuple(kinds[count:]), tuple(params), graph)
    sideways = None if any(k in PARTS for k in kinds) else turned(rank, inner, sizes)
    if sideways is None:
        return machine.compile_plan(plan.Pointwise(*described, rank, inner)), sizes
    return machine.compile_plan(Turned(*described, rank, inner, *sideways)), sizes


def turned(
    rank: int, inner: Sequence[str], sizes: Sequence[int]
) -> tuple[int, tuple[bool, ...]] | None:
    """The loop along which operands that jump along the last one step to their neighbours, and
    which; None where there is none, or too little of it to turn."""
    if "s" not in inner or "r" in inner or rank < 2 or prod(sizes[:rank]) < WORTH_TURNING:
        return None
    strides = []
    at = rank
    for kind in inner:
        strides.append(sizes[at : at + rank - 1])
        at += rank if kind == "s" else rank - 1
    best = None
    for d in range(rank - 2, -1, -1):
        if min(sizes[d], sizes[rank - 1]) < FEWEST_TURNED:
            continue
        sideways = tuple(k == "s" and s[d] == 1 for k, s in zip(inner, strides, strict=True))
        if any(sideways) and (best is None or sum(sideways) > sum(best[1])):
            best = d, sideways
    return best


def no_work(*_: Any) -> int:
    """The kernel of an empty problem."""
    return 0


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
