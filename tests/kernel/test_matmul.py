"""Matrix products against NumPy in float64: layouts, edges, kinds, epilogues, machines, threads."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facula.backend import interpreter, llvm
from facula.backend.cpu import machine
from facula.backend.objects import METH_FASTCALL, builtin
from facula.kernel.library.block_matmul import MatMul
from facula.kernel.library.integer_matmul import IntegerMatMul
from facula.kernel.library.matmul import matmul_plan
from facula.kernel.library.matvec import DotMatMul, StreamMatVec
from facula.kernel.library.tile import Launch
from facula.kernel.plan import lower
from facula.kernel.target import Target

KINDS = {"float32": "f32", "float64": "f64", "float16": "f16", "int8": "i8", "uint8": "u8",
         "int16": "i16", "int32": "i32", "int64": "i64"}  # fmt: skip
ERROR = {"f32": 6e-8, "f64": 1.2e-16}
TARGETS = [Target(64, 32), Target(32, 16), Target(16, 16)]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    parts = machine.pool.parts
    yield
    machine.set_threads(parts)


def operand(shape: tuple[int, int, int], layout: str, dtype: str, seed: int) -> np.ndarray:
    """Random numbers in one of the layouts that the plans tell apart."""
    rng = np.random.default_rng(seed)
    batch, rows, columns = shape

    def numbers(*size: int) -> np.ndarray:
        if dtype.startswith("float"):
            return rng.standard_normal(size).astype(dtype)
        return rng.integers(0, 100, size).astype(dtype)

    if layout == "rows":
        return numbers(batch, rows, columns)
    if layout == "columns":
        return numbers(batch, columns, rows).transpose(0, 2, 1)
    if layout == "steps":
        return numbers(batch, 2 * rows, 3 * columns)[:, ::2, ::3]
    if layout == "backwards":
        return numbers(batch, rows, columns)[:, ::-1, ::-1]
    assert layout == "one row"
    return np.broadcast_to(numbers(1, 1, columns), shape)


def launch_of(a: np.ndarray, b: np.ndarray, c: np.ndarray, target: Target, **how: object) -> Launch:
    sizes = (c.shape[0], c.shape[1], c.shape[2], a.shape[2])
    a_strides, b_strides, c_strides = (
        tuple(stride // x.itemsize for stride in x.strides) for x in (a, b, c)
    )
    kind = KINDS[a.dtype.name]
    return matmul_plan(target, kind, sizes, a_strides, b_strides, c_strides[:2], **how)


def run(
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    addend: np.ndarray | None = None,
    target: Target | None = None,
    **how: object,
) -> Launch:
    """c = a @ b by the plan that `matmul_plan` chooses, for the host or for another target."""
    launch = launch_of(a, b, c, target or llvm.host_target(), **how)
    kernel: Callable[..., int] = machine.compile_plan(launch.plan)
    if target is not None:
        symbol = f"k{abs(hash((launch.plan, target))):x}"
        image = llvm.compile_text(llvm.module_text(lower(launch.plan, target), symbol))
        kernel = builtin("matmul", llvm.link(image, symbol), METH_FASTCALL)
    scratch = np.full(launch.scratch_bytes * machine.pool.parts + 64, 255, np.uint8)
    addresses = [x.ctypes.data for x in (c, a, b)]
    beside = 0 if addend is None else addend.ctypes.data
    kernel(*addresses, beside, (scratch.ctypes.data + 63) & -64, *launch.numbers)
    return launch


def check(a: np.ndarray, b: np.ndarray, c: np.ndarray, extra: np.ndarray | float = 0.0) -> None:
    """Every element within a few roundings of the exact sum, measured by its terms' sizes."""
    exact = a.astype(np.float64) @ b.astype(np.float64) + extra
    size = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64)) + np.abs(extra)
    kind = KINDS[c.dtype.name]
    assert (np.abs(c - exact) <= ERROR[kind] * (2 + a.shape[2] ** 0.5) * size + 1e-300).all()


SIZES = [
    (1, 1, 1, 1), (1, 8, 8, 8), (2, 17, 33, 65), (1, 64, 10, 128), (1, 29, 31, 600), (0, 3, 4, 5),
    (1, 0, 4, 5), (1, 4, 0, 5), (3, 30, 70, 0), (1, 1, 300, 70), (2, 300, 1, 70), (1, 3, 77, 40),
    (1, 90, 290, 33), (1, 1, 1, 1000), (1, 26, 30, 1100),
]  # fmt: skip


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_pair_of_layouts(sizes: tuple[int, int, int, int], dtype: str) -> None:
    batch, m, n, k = sizes
    for left in ("rows", "columns", "steps"):
        for right in ("rows", "columns", "steps"):
            a, b = operand((batch, m, k), left, dtype, 0), operand((batch, k, n), right, dtype, 1)
            room = np.full((batch, m, n + 3), 7, dtype)
            run(a, b, room[:, :, :n])
            check(a, b, room[:, :, :n])
            assert (room[:, :, n:] == 7).all()


@pytest.mark.parametrize("layout", ["backwards", "one row"])
def test_negative_and_zero_strides(layout: str) -> None:
    a, b = operand((2, 30, 40), layout, "float32", 0), operand((2, 40, 50), layout, "float32", 1)
    c = np.empty((2, 30, 50), np.float32)
    run(a, b, c)
    check(a, b, c)


def test_one_matrix_for_the_whole_batch_makes_one_tall_product() -> None:
    a, b = operand((6, 40, 50), "rows", "float32", 0), operand((1, 50, 60), "rows", "float32", 1)
    c = np.empty((6, 40, 60), np.float32)
    wide = np.broadcast_to(b, (6, 50, 60))
    launch = run(a, wide, c)
    assert launch.numbers[:2] == (1, 240)
    check(a, wide, c)


@pytest.mark.parametrize(
    "sizes", [(1, 30, 70, 600), (2, 1, 90, 50), (1, 90, 1, 50), (1, 5, 70, 40)]
)
@pytest.mark.parametrize("right", ["rows", "columns"])
def test_bias_relu_and_accumulation(sizes: tuple[int, int, int, int], right: str) -> None:
    batch, m, n, k = sizes
    a, b = operand((batch, m, k), "rows", "float32", 0), operand((batch, k, n), right, "float32", 1)
    start = operand((batch, m, n), "rows", "float32", 2)
    bias = operand((1, 1, max(m, n)), "rows", "float32", 3)[0, 0]
    c = start.copy()
    run(a, b, c, accumulate=True)
    check(a, b, c, start)
    run(a, b, c, bias, bias="n")
    check(a, b, c, bias[:n])
    run(a, b, c, bias, bias="m")
    check(a, b, c, bias[:m, None])
    linear = c.copy()
    run(a, b, c, bias, bias="m", activation="relu")
    assert (c == np.maximum(linear, 0)).all()


def test_relu_keeps_nan() -> None:
    a = np.full((1, 30, 40), np.nan, np.float32)
    c = np.empty((1, 30, 30), np.float32)
    run(a, np.ones((1, 40, 30), np.float32), c, activation="relu")
    assert np.isnan(c).all()


def test_old_contents_of_the_result_do_not_matter() -> None:
    a, b = operand((1, 20, 600), "rows", "float32", 0), operand((1, 600, 40), "rows", "float32", 1)
    c = np.full((1, 20, 40), np.nan, np.float32)
    run(a, b, c)
    check(a, b, c)


@pytest.mark.parametrize(
    "sizes", [(1, 30, 40, 1100), (2, 1, 70, 30), (1, 9, 70, 30), (1, 70, 1, 5), (1, 95, 40, 45)]
)
def test_half_precision_rounds_once(sizes: tuple[int, int, int, int]) -> None:
    batch, m, n, k = sizes
    plain = replace(llvm.host_target(), tiles=False)
    for left, right in (("rows", "rows"), ("columns", "columns"), ("steps", "columns")):
        a = operand((batch, m, k), left, "float16", 0)
        b = operand((batch, k, n), right, "float16", 1)
        c = np.empty((batch, m, n), np.float16)
        run(a, b, c, target=plain)
        exact = a.astype(np.float64) @ b.astype(np.float64)
        near = np.spacing(np.abs(exact).astype(np.float16)).astype(np.float64)
        assert (np.abs(c - exact) <= 0.501 * near + 1e-5 * k**0.5).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_integers_wrap_around(dtype: str) -> None:
    for sizes in ((1, 1, 1, 1), (2, 5, 7, 3), (1, 70, 90, 33), (1, 4, 4, 0)):
        batch, m, n, k = sizes
        for left, right in (("rows", "rows"), ("columns", "columns"), ("steps", "steps")):
            a, b = operand((batch, m, k), left, dtype, 0), operand((batch, k, n), right, dtype, 1)
            c = np.zeros((batch, m, n), dtype)
            run(a, b, c)
            assert (c == a @ b).all()


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_register_budget(target: Target) -> None:
    if target.vector_bytes == 64 and "avx512f" not in llvm.host_features():
        pytest.skip("vectors of 64 bytes would be split")
    for dtype in ("float32", "float64"):
        for sizes in ((2, 31, 45, 37), (1, 3, 45, 37), (1, 1, 45, 37)):
            batch, m, n, k = sizes
            for left, right in (("rows", "rows"), ("columns", "columns"), ("steps", "steps")):
                a = operand((batch, m, k), left, dtype, 0)
                b = operand((batch, k, n), right, dtype, 1)
                c = np.empty((batch, m, n), dtype)
                run(a, b, c, target=target)
                check(a, b, c)


@settings(max_examples=60)
@given(st.integers(0, 50), st.integers(0, 70), st.integers(0, 40), st.integers(0, 2))
def test_any_size(m: int, n: int, k: int, batch: int) -> None:
    a, b = (
        operand((batch, m, k), "rows", "float32", 0),
        operand((batch, k, n), "rows", "float32", 1),
    )
    c = np.empty((batch, m, n), np.float32)
    run(a, b, c)
    check(a, b, c)


@pytest.mark.parametrize(
    "sizes", [(1, 200, 300, 700), (1, 1, 3000, 300), (1, 6, 900, 400), (4, 64, 64, 64)]
)
@pytest.mark.parametrize("right", ["rows", "columns"])
def test_same_bits_for_any_number_of_threads(sizes: tuple[int, int, int, int], right: str) -> None:
    batch, m, n, k = sizes
    a, b = operand((batch, m, k), "rows", "float32", 0), operand((batch, k, n), right, "float32", 1)
    results = []
    for threads in (1, 2, 3):
        machine.set_threads(threads)
        results.append(np.empty((batch, m, n), np.float32))
        run(a, b, results[-1])
    assert (results[0] == results[1]).all() and (results[0] == results[2]).all()


def test_the_interpreter_agrees() -> None:
    for m, n, k in ((5, 30, 3), (30, 30, 4), (1, 6, 5), (7, 1, 5)):
        for dtype in ("float32", "int32"):
            a = operand((2, m, k), "rows", dtype, 0)
            b = operand((2, k, n), "rows", dtype, 1)
            bias = operand((1, 1, max(m, n)), "rows", dtype, 2)[0, 0]
            how = {"bias": "n", "activation": "relu"} if dtype == "float32" else {}
            compiled, plain = np.zeros((2, m, n), dtype), np.zeros((2, m, n), dtype)
            launch = run(a, b, compiled, bias, **how)
            addresses = [x.ctypes.data for x in (plain, a, b, bias)]
            interpreter.compile_plan(launch.plan)(*addresses, 0, *launch.numbers)
            assert np.allclose(compiled, plain, rtol=1e-6, atol=1e-6)


def test_which_plan_serves_which_product() -> None:
    target = Target()

    def plan(m: int, n: int, k: int, b_strides: tuple[int, int, int]) -> object:
        return matmul_plan(target, "f32", (1, m, n, k), (0, k, 1), b_strides, (0, n)).plan

    assert isinstance(plan(64, 128, 784, (0, 1, 784)), MatMul)
    assert isinstance(plan(64, 10, 128, (0, 1, 128)), DotMatMul)
    assert isinstance(plan(1, 500, 128, (0, 500, 1)), StreamMatVec)
    integers = matmul_plan(target, "i32", (1, 2, 2, 2), (0, 2, 1), (0, 2, 1), (0, 2)).plan
    assert isinstance(integers, IntegerMatMul)


def test_bfloat16_beside_torch() -> None:
    torch = pytest.importorskip("torch")
    a, b = torch.randn(30, 90).bfloat16(), torch.randn(90, 40).bfloat16()
    c = torch.empty(30, 40).bfloat16()
    launch = matmul_plan(
        llvm.host_target(), "bf16", (1, 30, 40, 90), (0, 90, 1), (0, 40, 1), (0, 40)
    )
    scratch = np.empty(launch.scratch_bytes * machine.pool.parts + 64, np.uint8)
    addresses = (c.data_ptr(), a.data_ptr(), b.data_ptr(), 0, scratch.ctypes.data)
    machine.compile_plan(launch.plan)(*addresses, *launch.numbers)
    exact = a.double() @ b.double()
    assert ((c.double() - exact).abs() <= 2**-8 * exact.abs() + 1e-4).all()
