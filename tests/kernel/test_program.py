"""Programs: the builder checks types, folds what is known, nests loops and branches, and prints."""

import pytest

from facula.kernel.program import (
    I64,
    Branch,
    Builder,
    Instruction,
    Loop,
    Parameter,
    Program,
    Type,
    Value,
    program,
)


def builder() -> Builder:
    return Builder((Parameter("n"), Parameter("x"), Parameter("scale", "f64")))


def steps(b: Builder) -> list[str]:
    return [s.op for s in b.instructions if isinstance(s, Instruction)]


def test_types_say_what_they_are() -> None:
    assert str(Type("f32", 8)) == "8xf32" and str(I64) == "i64"
    assert Type("bf16").is_float and not Type("u8").is_signed and not Type("i1").is_signed
    assert Type("i16", 4).bits == 16 and Type("i16", 4).of("f32") == Type("f32", 4)


def test_parameters_have_their_kinds() -> None:
    b = builder()
    assert b.parameters["n"].type == I64 and b.parameters["scale"].type == Type("f64")


def test_operands_must_have_one_type() -> None:
    b = builder()
    with pytest.raises(TypeError, match="add: f64 beside i64"):
        b.parameters["n"] + b.parameters["scale"]
    with pytest.raises(TypeError, match="lt: i64 beside f64"):
        b.compare("lt", b.parameters["n"], b.parameters["scale"])
    with pytest.raises(TypeError, match="select"):
        b.select(b.parameters["n"] < 1, b.parameters["n"], b.parameters["scale"])
    with pytest.raises(TypeError, match="store: i64 as f32"):
        b.store(b.parameters["x"], 0, b.parameters["n"], "f32")


def test_numbers_take_the_type_beside_them_and_scalars_spread() -> None:
    b = builder()
    wide = b.splat(b.parameters["scale"], 4)
    total = wide * b.parameters["scale"] + 1
    assert total.type == Type("f64", 4)
    assert (1 - wide).type == Type("f64", 4) and (wide < 0).type == Type("i1", 4)
    assert b.select(b.parameters["n"] < 3, wide, 0.0).type == Type("f64", 4)


def test_known_integers_are_folded() -> None:
    b = builder()
    n = b.parameters["n"]
    assert n + 0 is n and n * 1 is n and n - 0 is n
    assert (b.int(6) * b.int(7)).literal == 42
    assert steps(b) == []
    # x + 0.0 is not x where x is -0.0
    scale = b.parameters["scale"]
    assert scale + 0.0 is not scale


def test_casts_of_constants_and_to_truth() -> None:
    b = builder()
    assert b.cast(b.int(3), "f32").literal == 3.0
    assert b.cast(b.parameters["n"], "i64") is b.parameters["n"]
    assert b.cast(b.parameters["n"], "i1").type == Type("i1")
    assert steps(b) == ["ne"]


def test_vectors() -> None:
    b = builder()
    line = b.load(b.parameters["x"], 0, "f16", 8)
    assert line.type == Type("f32", 8)
    low, high = b.halves(line)
    assert low.type == high.type == Type("f32", 4)
    assert b.shuffle(line, [3]).type == Type("f32")
    assert b.shuffle(low, [0, 4], high).type == Type("f32", 2)
    assert b.mask(b.parameters["n"], 8).type == Type("i1", 8)
    assert b.gather(b.parameters["x"], b.iota("i64", 4), "bool").type == Type("i1", 4)
    assert b.load(b.parameters["x"], 0, "bool").type == Type("i1")


def test_loops_carry_values() -> None:
    b = builder()
    with b.loop(0, b.parameters["n"], 2, carry=(b.int(0),)) as loop:
        loop.next(loop.carried[0] + loop.index)
    assert isinstance(b.instructions[-1], Loop) and len(loop.results) == 1
    assert loop.results[0].type == I64 and loop.results[0] is not loop.carried[0]


def test_what_a_loop_carries_keeps_its_type() -> None:
    b = builder()
    wrong = pytest.raises(TypeError, match="carries i64, next got f64")
    with wrong, b.loop(0, 3, carry=(b.int(0),)) as loop:
        loop.next(b.parameters["scale"])
    wrong = pytest.raises(TypeError, match="carries 1 values, next got 0")
    with wrong, b.loop(0, 3, carry=(b.int(0),)):
        pass


def test_branches_hold_their_sides() -> None:
    b = builder()
    with b.when(b.parameters["n"] > 0) as branch:
        b.report(1)
    with b.otherwise(branch):
        b.report(2)
        b.report(3)
    assert isinstance(b.instructions[-1], Branch)
    assert (len(branch.body), len(branch.otherwise)) == (1, 2)


def copy() -> Program:
    def units(b: Builder) -> tuple[Value, int]:
        return b.parameters["n"], 5

    def body(b: Builder) -> None:
        with b.loop(b.first, b.last, carry=(b.int(0),)) as loop:
            value = b.load(b.parameters["x"], loop.index, "f32")
            with b.when(value > 0.0) as branch:
                b.store(b.parameters["x"], loop.index, value * 2.0, "f32")
            with b.otherwise(branch):
                b.report(7)
            loop.next(loop.carried[0] + 1)

    return program("double", (Parameter("n"), Parameter("x")), units, body)


def test_programs_print_themselves() -> None:
    text = str(copy())
    assert text == str(copy())
    lines = text.splitlines()
    assert lines[0] == "program double(n: i64, x: i64)"
    for wanted in ("count (%1, 5:i64)", "carry", "if ", "else", "store", "2.0:f32", "next ("):
        assert wanted in text, wanted
    depth = [len(line) - len(line.lstrip()) for line in lines]
    assert max(depth) == 6  # loop inside the unit loop, branch inside the loop
