"""Expressions: kinds, recording, and graphs as data."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facula.kernel.expr import Expr, Graph, call, cast, const, input_, linearise, param
from facula.kernel.scalar import PLAIN, exp, maximum, where

X, Y = input_(0, "f32"), input_(1, "f32")


def run(graph: Graph, *inputs: float) -> list[float]:
    def apply(op: str, kind: str, args: list[float]) -> float:
        return float(args[0]) if op == "cast" else PLAIN[op](*args)

    return graph.run(inputs, (), lambda literal, kind: literal, apply)


@pytest.mark.parametrize(
    "kinds, expected",
    [
        (("i8", "f32"), "f32"), (("i1", "u8"), "u8"), (("i64", "f32"), "f32"),
        (("f32", "f64"), "f64"),
        (("u8", "i8"), "i8"), (("i1", "i1"), "i1"),
    ],
)  # fmt: skip
def test_the_wider_kind_wins(kinds: tuple[str, str], expected: str) -> None:
    a, b = (input_(k, kind) for k, kind in enumerate(kinds))
    assert (a + b).kind == expected and (b + a).kind == expected


def test_numbers_take_the_kind_beside_them() -> None:
    assert (X + 1).kind == "f32" and (X * 2.5).args[1].extra == 2.5
    assert (input_(0, "i8") + 1).kind == "i8"
    assert (input_(0, "i8") * 0.5).kind == "f32"
    assert (input_(0, "i1") + 1).kind == "i64" and (input_(0, "i1") & True).kind == "i1"
    assert (1 - X).args[0].op == "const" and (2**X).op == "pow"


def test_comparisons_and_choices() -> None:
    assert (X < Y).kind == "i1" and call("isnan", X).kind == "i1"
    chosen = where(X < 0, 1, X)
    assert chosen.op == "where" and chosen.kind == "f32"
    assert where(X, Y, 0.0).args[0].op == "ne"


def test_a_formula_cannot_branch() -> None:
    with pytest.raises(TypeError, match="use where"):
        if X < Y:
            pass
    with pytest.raises(TypeError, match="at least one operand must be an expression"):
        call("add", 1, 2)


def test_one_times_x_is_x() -> None:
    assert X * 1 is X and 1 * X is X and X / 1 is X
    assert (X + 0).op == "add"  # -0.0 + 0 is 0.0


def test_casts() -> None:
    assert cast(X, "f32") is X and cast(const(2, "i64"), "f64").extra == 2.0
    assert cast(X, "i32").op == "cast"
    assert const(2.9, "i32").extra == 2


def test_equal_steps_are_one_step() -> None:
    graph = linearise([exp(X - Y) + exp(X - Y), X - Y])
    assert [op for op, _, _, _ in graph.steps] == ["input", "input", "sub", "exp", "add"]
    assert graph.outputs == (4, 2) and graph.inputs_used == {0, 1}


def test_zeros_of_both_signs_and_nan_are_kept_apart() -> None:
    graph = linearise([X + 0.0, X + -0.0, X + math.nan, X + math.nan])
    assert len(graph.steps) == 1 + 3 + 3
    assert linearise([X + 0.0]) != linearise([X + -0.0])
    assert linearise([X + math.nan]) == linearise([X + float("nan")])


def test_graphs_are_data() -> None:
    graph = linearise([maximum(X * 2, param(0, "f32"))])
    assert pickle.loads(pickle.dumps(graph)) == graph
    assert len({graph, linearise([maximum(X * 2, param(0, "f32"))])}) == 1
    assert graph != "graph"
    assert str(graph).splitlines()[-1] == "  give %4"
    assert "%3:f32 = mul %2 %1" in str(graph)


def test_deep_graphs_need_no_deep_stack() -> None:
    value: Expr = X
    for _ in range(20_000):
        value = value + Y
    assert len(linearise([value]).steps) == 20_002


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_a_graph_computes_what_its_formula_does(x: float, y: float) -> None:
    def formula(a, b):
        return where(a > b, a * b - 3, maximum(a, b) + a / 7)

    assert run(linearise([formula(X, Y)]), x, y) == [formula(x, y)]


def test_a_choice_between_literals_has_the_kind_of_what_is_compared() -> None:
    x = input_(0, "f64")
    assert call("where", call("lt", x, 0), math.pi, 0).kind == "f64"
    both = call("and", call("lt", x, 0), call("isnan", x))
    assert call("where", both, 1, 0).kind == "f64"
    assert call("where", input_(0, "i1"), 1, 0).kind == "i64"
