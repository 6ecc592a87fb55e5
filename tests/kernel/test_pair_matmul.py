"""Products on matrix tiles: bfloat16, and float32 made of bfloat16 numbers."""

from collections.abc import Iterator

import numpy as np
import pytest

from facula.backend import llvm
from facula.backend.cpu import machine
from facula.kernel.library.block_matmul import MatMul
from facula.kernel.library.matmul import matmul_plan
from facula.kernel.library.pair_matmul import EXACT, PairMatMul
from facula.kernel.library.tile import Launch
from facula.kernel.target import Target

TILES = pytest.mark.skipif(not llvm.host_target().tiles, reason="no matrix tiles")
# Units in the last place of the parts, and of their products: relative to the sum of sizes.
ERROR = {"medium": 2**-7, "high": 2**-15, "bf16": 2**-8}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    parts = machine.pool.parts
    yield
    machine.set_threads(parts)


def narrowed(x: np.ndarray) -> np.ndarray:
    """float32 to the bits of the nearest bfloat16."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def widened(x: np.ndarray) -> np.ndarray:
    if x.dtype != np.uint16:
        return x.astype(np.float64)
    return (x.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def operand(shape: tuple[int, ...], layout: str, precision: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    batch, rows, columns = shape
    taken = {"rows": shape, "columns": (batch, columns, rows), "steps": (batch, rows, 2 * columns)}
    x = rng.standard_normal(taken[layout]).astype(np.float32)
    x = narrowed(x) if precision == "bf16" else x
    return {"rows": x, "columns": x.transpose(0, 2, 1), "steps": x[:, :, ::2]}[layout]


def run(
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    precision: str,
    addend: np.ndarray | None = None,
    **how: object,
) -> Launch:
    strides = [tuple(s // x.itemsize for s in x.strides) for x in (a, b, c)]
    kind, word = ("bf16", "highest") if precision == "bf16" else ("f32", precision)
    sizes = (*c.shape, a.shape[2])
    launch = matmul_plan(
        llvm.host_target(), kind, sizes, strides[0], strides[1], strides[2][:2], precision=word,
        **how,
    )  # fmt: skip
    scratch = np.full(launch.scratch_bytes * machine.workers + 64, 255, np.uint8)
    beside = 0 if addend is None else addend.ctypes.data
    addresses = (c.ctypes.data, a.ctypes.data, b.ctypes.data, beside, scratch.ctypes.data)
    machine.compile_plan(launch.plan)(*addresses, *launch.numbers)
    return launch


def check(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, precision: str, extra: np.ndarray | float = 0.0
) -> None:
    exact = widened(a) @ widened(b) + extra
    size = np.abs(widened(a)) @ np.abs(widened(b)) + np.abs(extra)
    assert (np.abs(widened(c) - exact) <= ERROR[precision] * size + 1e-30).all()


@TILES
@pytest.mark.parametrize("precision", ["bf16", "medium", "high"])
@pytest.mark.parametrize(
    "sizes", [(2, 33, 70, 37), (1, 189, 96, 1), (3, 64, 64, 64), (1, 40, 90, 700), (2, 30, 30, 0)]
)
def test_every_layout(sizes: tuple[int, int, int, int], precision: str) -> None:
    batch, m, n, k = sizes
    for left, right in (("rows", "rows"), ("columns", "columns"), ("steps", "steps")):
        a = operand((batch, m, k), left, precision, 0)
        b = operand((batch, k, n), right, precision, 1)
        room = np.full((batch, m, n + 3), 7, a.dtype)
        plan = run(a, b, room[:, :, :n], precision).plan
        assert isinstance(plan, PairMatMul) or k == 0 and precision == "bf16"
        check(a, b, room[:, :, :n], precision)
        assert (room[:, :, n:] == 7).all()


@TILES
@pytest.mark.parametrize("precision", ["bf16", "medium"])
def test_bias_relu_and_accumulation(precision: str) -> None:
    a, b = (operand(s, "rows", precision, 0) for s in ((1, 40, 600), (1, 600, 70)))
    bias = operand((1, 1, 70), "rows", precision, 2)[0, 0]
    c = operand((1, 40, 70), "rows", precision, 3)
    start = c.copy()
    run(a, b, c, precision, accumulate=True)
    check(a, b, c, precision, widened(start))
    for which, extra in (("n", widened(bias)), ("m", widened(bias)[:40, None])):
        run(a, b, c, precision, bias, bias=which)
        check(a, b, c, precision, extra)
    linear = widened(c)
    run(a, b, c, precision, bias, bias="m", activation="relu")
    assert (widened(c) == np.maximum(linear, 0)).all()


@TILES
@pytest.mark.parametrize("precision", ["bf16", "high"])
def test_same_bits_for_any_number_of_threads(precision: str) -> None:
    a = operand((2, 300, 900), "rows", precision, 0)
    b = operand((2, 900, 400), "columns", precision, 1)
    results = []
    for count in (1, 2, 3):
        machine.set_threads(count)
        results.append(np.empty((2, 300, 400), a.dtype))
        run(a, b, results[-1], precision)
    assert (results[0] == results[1]).all() and (results[0] == results[2]).all()


@TILES
@pytest.mark.parametrize("precision", ["medium", "high"])
def test_infinity_nan_and_the_largest_numbers(precision: str) -> None:
    largest = 3.4e38
    a = np.zeros((1, 30, 40), np.float32)
    a[0, :4, 0] = np.inf, -np.inf, np.nan, largest
    c = np.empty((1, 30, 40), np.float32)
    run(a, np.ones((1, 40, 40), np.float32), c, precision)
    assert (c[0, 0] == np.inf).all() and (c[0, 1] == -np.inf).all() and np.isnan(c[0, 2]).all()
    # The nearest bfloat16 is infinity; two of them can hold it.
    assert (c[0, 3] > largest * 0.999).all() and (c[0, 4:] == 0).all()
    assert np.isfinite(c[0, 3]).all() == (precision == "high")


@TILES
@pytest.mark.parametrize("sizes", [(2, 150, 130, 37), (1, 128, 128, 600)])
def test_float16_is_exact_in_two_parts(sizes: tuple[int, int, int, int]) -> None:
    batch, m, n, k = sizes
    rng = np.random.default_rng(0)
    # Of all sizes that float16 knows, subnormal ones too.
    a = (rng.standard_normal((batch, m, k)) * 2.0 ** rng.integers(-22, 3, (batch, m, k))).astype(
        "f2"
    )
    a[0, 0, 0], a[0, 1, 0] = np.inf, np.nan
    for turned in (False, True):
        b = rng.standard_normal((batch, n, k) if turned else (batch, k, n)).astype("f2")
        b[0, 5, 3] = -np.inf
        b = b.transpose(0, 2, 1) if turned else b
        c = np.empty((batch, m, n), "f2")
        launch = matmul_plan(
            llvm.host_target(), "f16", sizes, (m * k, k, 1), tuple(s // 2 for s in b.strides),
            (m * n, n),
        )  # fmt: skip
        assert launch.plan.products == EXACT
        scratch = np.full(launch.scratch_bytes * machine.workers, 255, np.uint8)
        addresses = (c.ctypes.data, a.ctypes.data, b.ctypes.data, 0, scratch.ctypes.data)
        machine.compile_plan(launch.plan)(*addresses, *launch.numbers)
        with np.errstate(invalid="ignore"):
            exact = a.astype(np.float64) @ b.astype(np.float64)
            size = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
        assert np.isnan(c[0, 1]).all() and (np.isinf(c[0, 0]) == np.isinf(exact[0, 0])).all()
        infinite = np.isinf(exact)
        assert (c[infinite] == exact[infinite]).all()
        usual = np.isfinite(exact)
        near = np.spacing(np.abs(exact[usual]).astype("f2")).astype(np.float64)
        error = np.abs(c[usual] - exact[usual])
        assert (error <= 0.501 * near + 1e-6 * size[usual]).all()


@TILES
@pytest.mark.parametrize("sizes", [(1, 16, 200, 300), (2, 70, 48, 40), (1, 48, 48, 48)])
def test_small_packed_tiles_lie_on_the_stack(sizes: tuple[int, int, int, int]) -> None:
    """Squares of one tile of rows or of columns; blocks of k; B packed by strips, or whole."""
    batch, m, n, k = sizes
    for precision in ("bf16", "high"):
        a = operand((batch, m, k), "rows", precision, 0)
        wide = operand((batch, k, n + 2000), "rows", precision, 1)
        for b in (wide[:, :, :n].copy(), wide[:, :, :n]):
            room = np.full((batch, m, n + 3), 7, a.dtype)
            plan = run(a, b, room[:, :, :n], precision).plan
            assert isinstance(plan, PairMatMul)
            assert plan.by_strip == (b.strides[1] < 2048)
            check(a, b, room[:, :, :n], precision)
            assert (room[:, :, n:] == 7).all()


def test_only_a_machine_with_tiles_rounds() -> None:
    def plan(tiles: bool, precision: str, kind: str = "f32", m: int = 64) -> object:
        sizes, strides = (1, m, 512, 512), (0, 512, 1)
        target = Target(tiles=tiles)
        how = {"precision": precision}
        return matmul_plan(target, kind, sizes, strides, strides, (0, 512), **how).plan

    assert plan(True, "high") == PairMatMul("f32", parts=2)
    assert plan(True, "medium") == PairMatMul("f32", parts=1)
    assert plan(True, "highest", "bf16") == PairMatMul("bf16", by_strip=True)
    for given in ((False, "medium"), (False, "highest", "bf16"), (True, "highest")):
        assert isinstance(plan(*given), MatMul)
    assert isinstance(plan(True, "medium", "f64"), MatMul)
