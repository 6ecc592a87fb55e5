"""Winograd's convolutions against NumPy in float64, and where they are chosen."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count as counting

import numpy as np
import pytest
from test_conv import ERROR, KINDS, TARGETS, backward, forward, numbers, strides
from test_conv import run as run_direct

import facula
from facula.backend import interpreter, llvm
from facula.backend.cpu import METH_FASTCALL, machine
from facula.backend.objects import builtin
from facula.kernel.library.conv import Conv2d, conv2d_backward_data, conv2d_forward
from facula.kernel.library.winograd import NOT_FINITE
from facula.kernel.library.winograd_plan import (
    WinogradLaunch,
    winograd_backward_data,
    winograd_forward,
)
from facula.kernel.plan import Plan, lower
from facula.kernel.target import Target

TAPS = (3, 3)
SHAPES = [
    Conv2d(2, 3, 8, 9, 5, TAPS),
    Conv2d(2, 3, 8, 9, 5, TAPS, padding=(1, 1)),
    Conv2d(1, 1, 1, 1, 1, TAPS, padding=(1, 1)),
    Conv2d(3, 2, 3, 3, 20, TAPS),
    Conv2d(1, 4, 5, 41, 3, TAPS, padding=(0, 2)),
    Conv2d(1, 2, 4, 5, 3, TAPS, padding=(3, 4)),
    Conv2d(9, 35, 7, 7, 31, TAPS, padding=(1, 1)),
    Conv2d(2, 70, 14, 14, 30, TAPS, padding=(1, 1)),
    Conv2d(2, 3, 7, 8, 4, TAPS, padding=(1, 1), given_output=(7, 8)),
    Conv2d(1, 600, 3, 300, 2, TAPS, padding=(1, 1)),
]
Kernels = Callable[[Plan], Callable[..., int]]
_numbers = counting()


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    parts = machine.pool.parts
    yield
    machine.set_threads(parts)


def run(
    launch: WinogradLaunch | None,
    out: np.ndarray,
    weight: np.ndarray,
    source: np.ndarray,
    bias: np.ndarray | None = None,
    kernels: Kernels = machine.compile_plan,
    code: int = 0,
) -> np.ndarray:
    """Fills `out` and reports `code`; scratch and transformed weights begin as nan."""
    assert launch is not None
    points = np.full(launch.weight_bytes + 64, 255, np.uint8)
    scratch = np.full(launch.main.scratch_bytes * machine.pool.parts + 64, 255, np.uint8)
    points_at, scratch_at = ((x.ctypes.data + 63) & -64 for x in (points, scratch))
    kernels(launch.weight.plan)(points_at, weight.ctypes.data, *launch.weight.numbers)
    beside = 0 if bias is None else bias.ctypes.data
    addresses = (out.ctypes.data, points_at, source.ctypes.data, beside, scratch_at)
    assert kernels(launch.main.plan)(*addresses, *launch.main.numbers) == code
    return out


def check(
    shape: Conv2d,
    dtype: str,
    layout: str = "rows",
    target: Target | None = None,
    kernels: Kernels = machine.compile_plan,
) -> None:
    """Forward and the gradient of x within some roundings of the largest sum of terms."""
    target, kind = target or llvm.host_target(), KINDS[dtype]
    x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), dtype, 0, layout)
    w = numbers((shape.out_channels, shape.in_channels, 3, 3), dtype, 1)
    dy = numbers((shape.batch, shape.out_channels, *shape.output), dtype, 2, layout)
    bias = numbers((1, 1, 1, shape.out_channels), dtype, 3)[0, 0, 0]
    beside = bias.astype(np.float64)[:, None, None]
    y, dx = np.full(dy.shape, np.nan, dtype), np.full(x.shape, np.nan, dtype)
    launch = winograd_forward(target, kind, shape, strides(x), bias=True, always=True)
    run(launch, y, w, x, bias, kernels)
    back = winograd_backward_data(target, kind, shape, strides(dy), always=True)
    run(back, dx, w, dy, None, kernels)
    exact = (forward(x, w, shape) + beside, backward(x, w, dy, shape)[0])
    size = (forward(abs(x), abs(w), shape), backward(x, abs(w), abs(dy), shape)[0])
    for result, wanted, terms in zip((y, dx), exact, size, strict=True):
        assert (np.abs(result - wanted) <= 16 * ERROR[dtype] * (terms.max() + 1)).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_and_gradient_of_the_input(shape: Conv2d) -> None:
    for layout in ("rows", "cut out"):
        check(shape, "float32", layout)


def test_float64() -> None:
    for shape in SHAPES[:4]:
        check(shape, "float64")


def kernels_of(target: Target) -> Kernels:
    """How plans are compiled for another target, each once."""
    if target.vector_bytes == 64 and "avx512f" not in llvm.host_features():
        pytest.skip("vectors of 64 bytes would be split")

    @cache
    def kernels(plan: Plan) -> Callable[..., int]:
        symbol = f"winograd_{next(_numbers)}"
        image = llvm.compile_text(llvm.module_text(lower(plan, target), symbol))
        return builtin("winograd", llvm.link(image, symbol), METH_FASTCALL)

    return kernels


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_register_budget(target: Target) -> None:
    kernels = kernels_of(target)
    for shape in (SHAPES[1], SHAPES[6]):
        check(shape, "float32", target=target, kernels=kernels)
    every_infinity_is_seen(SHAPES[1], "float32", target, kernels)


def test_the_interpreter_agrees() -> None:
    check(Conv2d(2, 3, 4, 5, 3, TAPS, padding=(1, 0)), "float32", kernels=interpreter.compile_plan)


def test_same_bits_for_any_number_of_threads() -> None:
    shape = Conv2d(9, 40, 14, 14, 24, TAPS, padding=(1, 1))
    x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), "float32", 0)
    w = numbers((shape.out_channels, shape.in_channels, 3, 3), "float32", 1)
    launch = winograd_forward(llvm.host_target(), "f32", shape, strides(x), always=True)
    outs = []
    for count in (1, 2, 3):
        machine.set_threads(count)
        out = np.full((9, 24, 14, 14), np.nan, np.float32)
        outs.append(run(launch, out, w, x).tobytes())
    assert len(set(outs)) == 1


def test_sums_are_as_accurate_as_pytorch() -> None:
    torch = pytest.importorskip("torch")
    for channels, side in ((64, 28), (256, 14), (1024, 7)):
        shape = Conv2d(2, channels, side, side, 32, TAPS, padding=(1, 1))
        x = np.maximum(numbers((2, channels, side, side), "float32", 0), 0)
        w = numbers((32, channels, 3, 3), "float32", 1) * np.float32((2 / (9 * channels)) ** 0.5)
        exact = forward(x, w, shape)
        launch = winograd_forward(llvm.host_target(), "f32", shape, strides(x), always=True)
        ours = run(launch, np.full(exact.shape, np.nan, np.float32), w, x)
        theirs = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(w), padding=1)
        error, bound = (np.sqrt(((y - exact) ** 2).mean()) for y in (ours, theirs.numpy()))
        assert error <= 1.1 * bound, (channels, error, bound)


# --- infinities, nan, overflow: the direct form's to compute ------------------------------------


def every_infinity_is_seen(
    shape: Conv2d, dtype: str, target: Target, kernels: Kernels = machine.compile_plan
) -> None:
    """The kernel reports an infinity or nan at any place of x that some tap reaches."""
    x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), dtype, 0)
    w = numbers((shape.out_channels, shape.in_channels, 3, 3), dtype, 1)
    out = np.empty((shape.batch, shape.out_channels, *shape.output), dtype)
    launch = winograd_forward(target, KINDS[dtype], shape, strides(x), always=True)
    for k in range(x.size):
        kept, x.flat[k] = x.flat[k], (np.inf, -np.inf, np.nan)[k % 3]
        run(launch, out, w, x, None, kernels, NOT_FINITE)
        x.flat[k] = kept
    run(launch, out, w, x, None, kernels)
    for k in range(w.size):
        kept, w.flat[k] = w.flat[k], (np.inf, -np.inf, np.nan)[k % 3]
        run(launch, out, w, x, None, kernels, NOT_FINITE)
        w.flat[k] = kept


def test_every_infinity_is_seen() -> None:
    for shape in (Conv2d(2, 3, 7, 18, 5, TAPS, padding=(1, 1)), SHAPES[0], SHAPES[8]):
        for dtype in ("float32", "float64"):
            every_infinity_is_seen(shape, dtype, llvm.host_target())
    small = Conv2d(1, 2, 3, 4, 2, TAPS, padding=(1, 1))
    every_infinity_is_seen(small, "float32", llvm.host_target(), interpreter.compile_plan)


def test_any_thread_reports() -> None:
    shape = Conv2d(9, 40, 28, 28, 24, TAPS, padding=(1, 1))
    x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), "float32", 0)
    w = numbers((shape.out_channels, shape.in_channels, 3, 3), "float32", 1)
    launch = winograd_forward(llvm.host_target(), "f32", shape, strides(x), always=True)
    out = np.empty((9, 24, 28, 28), np.float32)
    for count in (1, 2, 3):
        machine.set_threads(count)
        for image in range(9):
            x[image, 7, 13, 11], kept = np.nan, x[image, 7, 13, 11]
            run(launch, out, w, x, code=NOT_FINITE)
            x[image, 7, 13, 11] = kept
        run(launch, out, w, x)


EXTREME = Conv2d(2, 16, 13, 11, 16, TAPS, padding=(1, 1))
HUGE = np.float32(3e38)


def extremes(size: tuple[int, ...], seed: int) -> Iterator[np.ndarray]:
    """Random numbers with a few that are not finite, at edges and inside, or nearly too large."""
    plain = numbers(size, "float32", seed)
    height, width = size[2:]
    places = [(0, 0, 0, 0), (1, 5, height - 1, width - 1), (1, 15, height // 2, width // 2)]
    for values in ((np.inf,), (-np.inf,), (np.nan,), (np.inf, -np.inf, np.nan)):
        some = plain.copy()
        for k, place in enumerate(places):
            some[place] = values[k % len(values)]
        yield some
    # In one window: their direct sum is nan, Winograd's differences too, but of more pixels.
    opposed = plain.copy()
    opposed[1, 3, 1, 1], opposed[1, 4, 1, 1] = np.inf, -np.inf
    yield opposed


def theirs(x: np.ndarray, w: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The direct form's convolution and gradient of x."""
    target = llvm.host_target()
    y, dx = np.empty_like(dy), np.empty_like(x)
    run_direct(conv2d_forward(target, "f32", EXTREME, strides(x)), y, w, x)
    run_direct(conv2d_backward_data(target, "f32", EXTREME, strides(dy)), dx, w, dy)
    return y, dx


def ours(x: np.ndarray, w: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    image = facula.tensor(x).requires_grad_()
    y = facula.nn.functional.conv2d(image, facula.tensor(w), padding=1)
    y.backward(facula.tensor(dy))
    return y.detach().numpy(), image.grad.numpy()


def special() -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """x, weight and dy with extremes in one of them, and which one."""
    sizes = ((2, 16, 13, 11), (16, 16, 3, 3), (2, 16, 13, 11))
    for which in range(3):
        for some in extremes(sizes[which], which):
            three = [numbers(size, "float32", k) for k, size in enumerate(sizes)]
            three[which] = some
            yield which, (three[0], three[1], three[2])


def test_what_is_not_finite_is_the_direct_forms() -> None:
    """All bits of a result with an infinity or nan in it; others keep Winograd's."""
    assert chosen(EXTREME) == (True, True)
    for _, three in special():
        for mine, direct in zip(ours(*three), theirs(*three), strict=True):
            if np.isfinite(direct).all():
                assert np.abs(mine - direct).max() < 1e-4
                assert mine.tobytes() != direct.tobytes()
            else:
                assert mine.tobytes() == direct.tobytes()


def test_infinities_and_nan_stand_where_pytorchs_do() -> None:
    torch = pytest.importorskip("torch")
    for which, three in special():
        x, w, dy = (torch.from_numpy(one) for one in three)
        x.requires_grad_()
        y = torch.nn.functional.conv2d(x, w, padding=1)
        y.backward(dy)
        # An infinite weight times the padding's zeros is nan here; oneDNN leaves padding out.
        inner = slice(1, -1) if which == 1 else slice(None)
        for mine, other in zip(ours(*three), (y.detach(), x.grad), strict=True):
            for test in (np.isnan, np.isposinf, np.isneginf):
                same = test(mine) == test(other.numpy())
                assert same[..., inner, inner].all()


def test_transforms_that_overflow_give_way() -> None:
    """Neighbours whose sum is too large where no sum of products is."""
    small = np.float32(1e-3)
    sizes = ((2, 16, 13, 11), (16, 16, 3, 3), (2, 16, 13, 11))
    # In x, weight, dy: whether y and the gradient of x become the direct form's.
    for which, changed in enumerate(((True, False), (True, True), (False, True))):
        three = [numbers(size, "float32", k) * small for k, size in enumerate(sizes)]
        three[which][0, 3, 0:2, 0:3] = HUGE
        results = zip(ours(*three), theirs(*three), changed, strict=True)
        for mine, direct, same in results:
            assert np.isfinite(direct).all()
            assert np.isfinite(mine).all()
            assert (mine.tobytes() == direct.tobytes()) == same


# --- where it is chosen ------------------------------------------------------------------------


def chosen(shape: Conv2d, kind: str = "f32") -> tuple[bool, bool]:
    """Whether forward and the gradient of x go this way."""
    target, pixels = llvm.host_target(), shape.height * shape.width
    x_strides = (shape.in_channels * pixels, pixels, shape.width, 1)
    height, width = shape.output
    dy_strides = (shape.out_channels * height * width, height * width, width, 1)
    ways = (
        winograd_forward(target, kind, shape, x_strides),
        winograd_backward_data(target, kind, shape, dy_strides),
    )
    return ways[0] is not None, ways[1] is not None


def test_it_is_chosen_for_many_channels_and_pixels() -> None:
    for batch, channels, side in ((1, 64, 56), (1, 128, 28), (8, 256, 14), (1, 64, 224)):
        shape = Conv2d(batch, channels, side, side, channels, TAPS, padding=(1, 1))
        assert chosen(shape) == (True, True)


def test_it_is_not_chosen_where_it_cannot_be_or_does_not_pay() -> None:
    plain = Conv2d(8, 64, 28, 28, 64, TAPS, padding=(1, 1))
    assert chosen(plain) == (True, True)
    for change in (
        {"kernel": (3, 5)},
        {"stride": (2, 2)},
        {"dilation": (2, 2)},
        {"groups": 2},
        {"batch": 0},
        {"in_channels": 3},
        {"batch": 1, "height": 7, "width": 7},
        {"batch": 1, "in_channels": 512, "out_channels": 512},
    ):
        assert chosen(plain._replace(**change)) == (False, False), change
    assert chosen(plain, "bf16") == (False, False)


# --- as an operation ---------------------------------------------------------------------------


def test_tensors_and_hostile_layouts() -> None:
    shape = Conv2d(2, 16, 12, 12, 16, TAPS, padding=(1, 1))
    assert chosen(shape) == (True, True)
    w = numbers((16, 16, 3, 3), "float32", 1)
    dense = numbers((2, 16, 12, 12), "float32", 0)
    wanted = forward(dense, w, shape)
    x = facula.tensor(dense)
    wide = facula.zeros(2, 16, 15, 17)
    wide[:, :, 2:14, 3:15] = x
    layouts = [
        x,
        wide[:, :, 2:14, 3:15],
        x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
        x.transpose(2, 3).contiguous().transpose(2, 3),
    ]
    weights = facula.tensor(w)
    for weight in (weights, weights.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)):
        for one in layouts:
            y = facula.nn.functional.conv2d(one, weight, padding=1).numpy()
            assert np.abs(y - wanted).max() < 1e-4
    expanded = x[:1].expand(2, 16, 12, 12)
    y = facula.nn.functional.conv2d(expanded, weights, padding=1).numpy()
    assert np.abs(y - forward(np.concatenate([dense[:1]] * 2), w, shape)).max() < 1e-4


def test_second_derivatives() -> None:
    """Along random lines, against differences of first derivatives."""
    assert chosen(Conv2d(2, 16, 10, 10, 16, TAPS, padding=(1, 1)), "f64") == (True, True)
    facula.manual_seed(0)
    x, w, g = (
        facula.randn(*size, dtype=facula.float64)
        for size in ((2, 16, 10, 10), (16, 16, 3, 3), (2, 16, 10, 10))
    )
    lines = [facula.randn(*one.shape, dtype=facula.float64) for one in (x, w)]

    def slopes(step: float, *, differentiable: bool) -> list[facula.Tensor]:
        points = [
            (one + line * step).requires_grad_() for one, line in zip((x, w), lines, strict=True)
        ]
        y = facula.nn.functional.conv2d(*points, padding=1)
        first = facula.autograd.grad((y.tanh() * g).sum(), points, create_graph=differentiable)
        if not differentiable:
            return list(first)
        along = sum((a * b).sum() for a, b in zip(first, lines, strict=True))
        return list(facula.autograd.grad(along, points))

    exact = slopes(0.0, differentiable=True)
    step = 1e-6
    pairs = zip(
        slopes(step, differentiable=False), slopes(-step, differentiable=False), strict=True
    )
    for second, (after, before) in zip(exact, pairs, strict=True):
        difference = (after - before) / (2 * step)
        assert (second - difference).abs().max().item() < 1e-5 * (1 + second.abs().max().item())
