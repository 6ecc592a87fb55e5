"""Every word of the formula vocabulary: compiled code does what the word means on numbers."""

import inspect
import math

import numpy as np
import pytest
from fenced import DTYPES, run, same

from facula.backend import interpreter
from facula.backend.cpu import machine
from facula.kernel import expr
from facula.kernel.decompose import DECOMPOSITIONS
from facula.kernel.expr import linearise
from facula.kernel.lower import COMPARISONS, NATIVE
from facula.kernel.plan import Pointwise
from facula.kernel.program import REGISTER_KIND
from facula.kernel.scalar import PLAIN
from facula.kernel.special import WORDS

# Words that `lower.emit_step` knows by itself.
ELSEWHERE = COMPARISONS | {"where"}
ON_INTEGERS = (
    "add", "sub", "mul", "neg", "div", "floordiv", "mod", "fmod", "pow", "and", "or", "xor", "not",
    "shl", "shr", "eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "where", "maximum",
    "minimum", "abs", "sign", "floor", "ceil", "trunc", "round",
)  # fmt: skip
ON_TRUTHS = (
    "add",
    "sub",
    "mul",
    "and",
    "or",
    "xor",
    "not",
    "eq",
    "ne",
    "lt",
    "ge",
    "maximum",
    "pow",
)
OF_COMPLEX = {"angle", "conj", "imag", "pair", "real", "sgn"}
# Words that are formulas are compared in tests/kernel/test_special.py.
ON_FLOATS = sorted(
    PLAIN.keys() - {"and", "or", "xor", "not", "shl", "shr"} - WORDS.keys() - OF_COMPLEX
)
FLOATS = (
    0.0,
    -0.0,
    0.3,
    -0.7,
    1.0,
    -1.0,
    2.5,
    -3.5,
    17.25,
    -40.0,
    1e-30,
    7e8,
    math.inf,
    -math.inf,
    math.nan,
)
# Beside zeros and poles our definitions of these differ from C's, or lose digits.
FINITE_ONLY = {"digamma", "trigamma", "lgamma", "erfinv"}


def test_the_vocabulary_is_covered() -> None:
    known = NATIVE.keys() | DECOMPOSITIONS.keys() | ELSEWHERE | WORDS.keys() | OF_COMPLEX
    assert PLAIN.keys() == known


def plan_of(op: str, kind: str) -> tuple[Pointwise, int]:
    count = len(inspect.signature(PLAIN[op]).parameters)
    register = REGISTER_KIND.get(kind, kind)
    operands = [expr.input_(k, register) for k in range(count)]
    if op == "where":
        operands[0] = expr.call("ne", operands[0], 0)
    result = expr.call(op, *operands)
    out = "bool" if result.kind == "i1" else result.kind
    graph = linearise([result])
    return Pointwise((kind,) * count, (out,), (), graph, 1, ("1",) * (count + 1)), count


def compare(op: str, kind: str, columns: list[np.ndarray], within: float) -> None:
    plan, _ = plan_of(op, kind)
    out = plan.outputs[0]
    values = {f"x{k}": column for k, column in enumerate(columns)}
    given = values | {"d0": columns[0].size, "y0": np.zeros(columns[0].size, DTYPES[out])}
    code, compiled = run(plan, machine.compile_plan(plan), given)
    expected, defined = run(plan, interpreter.compile_plan(plan), given)
    assert code == expected
    if code == 0:
        same(compiled["y0"], defined["y0"], out, within)


def grid(values: tuple[float, ...], count: int, dtype: type) -> list[np.ndarray]:
    """All combinations of the values, one array an operand."""
    mesh = np.meshgrid(*[np.array(values, dtype)] * count, indexing="ij")
    return [np.ascontiguousarray(axis.reshape(-1)) for axis in mesh]


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("op", ON_FLOATS)
def test_floats(op: str, kind: str) -> None:
    _, count = plan_of(op, kind)
    values = FLOATS
    if op in FINITE_ONLY:
        values = (0.3, 1.25, 2.5, 7.5, 17.25) if op != "erfinv" else (0.3, -0.7, 0.99, 0.0)
    if op == "scale":
        values = (0.0, -0.0, 1.0, -1.0, 3.0, 17.0, -40.0)
    if op in ("sin", "cos", "tan"):
        values = tuple(v for v in FLOATS if not abs(v) > 1e6 or v != v)
    within = 5e-7 if kind == "f32" else 1e-13 if op in FINITE_ONLY else 4e-15
    with np.errstate(all="ignore"):
        compare(op, kind, grid(values, count, DTYPES[kind]), within)


@pytest.mark.parametrize("kind", ["u8", "i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("op", ON_INTEGERS)
def test_integers(op: str, kind: str) -> None:
    _, count = plan_of(op, kind)
    info = np.iinfo(DTYPES[kind])
    values = (
        0,
        1,
        2,
        3,
        7,
        8,
        31,
        100,
        info.max,
        info.max - 1,
        info.min,
        max(info.min, -1),
        info.max // 3,
    )
    columns = grid(values, count, DTYPES[kind])
    if op in ("div", "floordiv", "mod", "fmod"):
        divides = columns[1] != 0
        columns = [np.ascontiguousarray(column[divides]) for column in columns]
    compare(op, kind, columns, 0)


@pytest.mark.parametrize("op", ["div", "floordiv", "mod", "fmod"])
def test_a_zero_divisor_is_reported(op: str) -> None:
    columns = [np.arange(40, dtype=np.int32), np.arange(40, dtype=np.int32)[::-1].copy()]
    plan, _ = plan_of(op, "i32")
    given = {"d0": 40, "x0": columns[0], "x1": columns[1], "y0": np.zeros(40, np.int32)}
    assert run(plan, machine.compile_plan(plan), given)[0] == 1
    assert run(plan, interpreter.compile_plan(plan), given)[0] == 1
    # Zeros in lanes behind the end do not count.
    given["d0"] = 39
    assert run(plan, machine.compile_plan(plan), given)[0] == 0


@pytest.mark.parametrize("op", ON_TRUTHS)
def test_truths(op: str) -> None:
    _, count = plan_of(op, "bool")
    compare(op, "bool", grid((False, True), count, np.bool_), 0)


def test_floats_beyond_an_integers_range() -> None:
    """As PyTorch on x86 has it: the lowest number, or the low bits of a 32-bit integer."""
    source = np.array([1e10, -1e10, math.nan, 3e9, 300.7, -1.5, math.inf, 40000.0], np.float32)
    wanted = {
        "i32": [-(2**31), -(2**31), -(2**31), -(2**31), 300, -1, -(2**31), 40000],
        "u8": [0, 0, 0, 0, 44, 255, 0, 64],
        "i16": [0, 0, 0, 0, 300, -1, 0, -25536],
        "i64": [10**10, -(10**10), -(2**63), 3 * 10**9, 300, -1, -(2**63), 40000],
    }
    for kind, expected in wanted.items():
        graph = linearise([expr.cast(expr.input_(0, "f32"), kind)])
        plan = Pointwise(("f32",), (kind,), (), graph, 1, ("1", "1"))
        given = {"d0": 8, "x0": source, "y0": np.zeros(8, DTYPES[kind])}
        for kernel in (machine.compile_plan(plan), interpreter.compile_plan(plan)):
            assert run(plan, kernel, given)[1]["y0"].tolist() == expected


def patterns() -> np.ndarray:
    """f32 numbers: any bits, half-way cases of halves, what becomes subnormal, what overflows."""
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2**32, 4000, dtype=np.uint32)
    some = [bits, bits & np.uint32(0xFFFF8000), bits & np.uint32(0xFFFFF000)]
    small = (rng.standard_normal(2000) * 1e-7).astype(np.float32)
    last = np.array([65519.996, 65520.0, 3.3961e38, 3.3895e38], np.float32)
    found = np.concatenate([*(b.view(np.float32) for b in some), small, last])
    return found[~np.isnan(found)]


@pytest.mark.parametrize("kinds", [("f32", "f16"), ("f32", "bf16"), ("i64", "f32"), ("f64", "f32")])
def test_rounding_is_to_nearest_even(kinds: tuple[str, str]) -> None:
    source, target = kinds
    x = patterns()
    if source == "i64":
        x = np.random.default_rng(3).integers(-(2**63), 2**63, 4000)
        x >>= np.arange(4000) % 60
    if source == "f64":
        x = x.astype(np.float64) * (1 + 2.0**-24)
    graph = linearise([expr.cast(expr.input_(0, source), REGISTER_KIND.get(target, target))])
    plan = Pointwise((source,), (target,), (), graph, 1, ("1", "1"))
    given = {"d0": x.size, "x0": x, "y0": np.zeros(x.size, DTYPES[target])}
    compiled = run(plan, machine.compile_plan(plan), given)[1]["y0"]
    defined = run(plan, interpreter.compile_plan(plan), given)[1]["y0"]
    assert (compiled == defined).all()
