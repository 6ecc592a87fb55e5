"""Convolutions against NumPy in float64: strides, padding, groups, layouts, kinds, threads."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from facula.backend import interpreter, llvm
from facula.backend.cpu import machine
from facula.backend.objects import METH_FASTCALL, builtin
from facula.kernel.library.conv import (
    Conv2d,
    conv2d_backward_data,
    conv2d_backward_weight,
    conv2d_forward,
)
from facula.kernel.library.conv_blocks import Staged
from facula.kernel.library.depthwise import Depthwise
from facula.kernel.library.depthwise_weight import Summed
from facula.kernel.library.tile import Launch
from facula.kernel.plan import Plan, lower
from facula.kernel.target import Target

KINDS = {"float32": "f32", "float64": "f64", "float16": "f16"}
ERROR = {"float32": 6e-8, "float64": 1.2e-16, "float16": 6e-4}
TARGETS = [Target(64, 32), Target(32, 16), Target(16, 16)]

SHAPES = [
    Conv2d(2, 3, 8, 9, 5, (3, 3)),
    Conv2d(2, 3, 8, 9, 5, (3, 3), padding=(1, 1)),
    Conv2d(3, 1, 28, 28, 32, (3, 3)),
    Conv2d(2, 4, 13, 11, 6, (3, 2), (2, 3), (1, 2), (2, 1)),
    Conv2d(2, 4, 13, 21, 6, (3, 3), (2, 2), (1, 1)),
    Conv2d(1, 3, 30, 30, 16, (7, 7), (2, 2), (3, 3)),
    Conv2d(2, 8, 7, 7, 12, (1, 1)),
    Conv2d(2, 8, 7, 7, 12, (1, 1), (2, 2)),
    Conv2d(1, 4, 5, 5, 2, (1, 1), (4, 4)),
    Conv2d(2, 8, 10, 10, 12, (3, 3), padding=(1, 1), groups=4),
    Conv2d(2, 6, 10, 40, 6, (3, 3), padding=(1, 1), groups=6),
    Conv2d(2, 3, 9, 9, 6, (3, 3), (2, 2), (1, 1), groups=3),
    Conv2d(1, 2, 3, 3, 2, (5, 5), padding=(1, 1)),
    Conv2d(2, 4, 9, 9, 4, (2, 2), padding=(3, 3)),
    Conv2d(1, 2, 6, 6, 3, (1, 1), padding=(2, 2)),
    Conv2d(0, 2, 3, 3, 2, (2, 2)),
    Conv2d(1, 2, 1, 1, 2, (1, 1)),
    Conv2d(1, 17, 9, 70, 33, (3, 3), padding=(2, 2), dilation=(2, 2)),
    Conv2d(1, 4, 9, 9, 4, (3, 3), (2, 2), (0, 0), (3, 3)),
    Conv2d(1, 2, 40, 5, 3, (3, 3), (4, 1), padding=(1, 1)),
    Conv2d(3, 5, 1, 50, 7, (1, 5), padding=(0, 2)),
    Conv2d(1, 70, 14, 14, 30, (3, 3), padding=(1, 1)),
    Conv2d(2, 3, 7, 8, 4, (2, 4), given_output=(7, 8)),
    Conv2d(21, 20, 7, 7, 20, (3, 3), padding=(1, 1)),
    Conv2d(13, 20, 6, 5, 12, (3, 3), (2, 2), padding=(1, 1)),
    Conv2d(9, 4, 5, 6, 6, (5, 5), padding=(4, 4), groups=2),
    # Channels in vectors.
    Conv2d(2, 20, 9, 9, 24, (3, 3), padding=(1, 1)),
    Conv2d(3, 16, 7, 7, 40, (3, 3), (2, 2), (1, 1)),
    Conv2d(1, 33, 15, 50, 33, (3, 3), (3, 3), (1, 1), (2, 2)),
    Conv2d(2, 17, 13, 12, 16, (1, 1), (2, 2)),
    Conv2d(2, 16, 5, 9, 70, (1, 1)),
    Conv2d(2, 64, 8, 8, 64, (2, 2), (2, 2), groups=2),
    Conv2d(1, 16, 20, 33, 18, (7, 7), (2, 2), (3, 3)),
]
LAYOUTS = ("rows", "channels last", "cut out")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    parts = machine.pool.parts
    yield
    machine.set_threads(parts)


def numbers(shape: tuple[int, ...], dtype: str, seed: int, layout: str = "rows") -> np.ndarray:
    """Random images in one of the layouts that the plans tell apart."""
    rng = np.random.default_rng(seed)
    n, c, h, w = shape
    if layout == "channels last":
        return rng.standard_normal((n, h, w, c)).astype(dtype).transpose(0, 3, 1, 2)
    if layout == "cut out":
        return rng.standard_normal((n, c, h + 1, w + 4)).astype(dtype)[:, :, 1:, 2:-2]
    return rng.standard_normal(shape).astype(dtype)


def channels_last(x: np.ndarray) -> np.ndarray:
    """The same numbers with channels side by side in memory."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


# --- the reference: one tap at a time ----------------------------------------------------------


def windows(shape: Conv2d) -> Iterator[tuple[int, int, slice, slice]]:
    """For each tap, the part of a widely padded image that it sees."""
    height, width = shape.output
    for i in range(shape.kernel[0]):
        for j in range(shape.kernel[1]):
            y, x = i * shape.dilation[0], j * shape.dilation[1]
            rows = slice(y, y + (height - 1) * shape.stride[0] + 1, shape.stride[0])
            yield i, j, rows, slice(x, x + (width - 1) * shape.stride[1] + 1, shape.stride[1])


def padded(x: np.ndarray, shape: Conv2d) -> np.ndarray:
    """float64, (n, groups, channels, height, width), zeros enough on all sides."""
    far = [p + d * k + s * (o + 1) for p, d, k, s, o in zip(
        shape.padding, shape.dilation, shape.kernel, shape.stride, shape.output)]  # fmt: skip
    sides = ((0, 0), (0, 0), (shape.padding[0], far[0]), (shape.padding[1], far[1]))
    wide = np.pad(x.astype(np.float64), sides)
    inner = shape.in_channels // shape.groups
    return wide.reshape(x.shape[0], shape.groups, inner, *wide.shape[2:])


def grouped(w: np.ndarray, shape: Conv2d) -> np.ndarray:
    return w.astype(np.float64).reshape(shape.groups, -1, *w.shape[1:])


def forward(x: np.ndarray, w: np.ndarray, shape: Conv2d) -> np.ndarray:
    image, weight, total = padded(x, shape), grouped(w, shape), 0.0
    for i, j, rows, columns in windows(shape):
        total = total + np.einsum("ngchw,gkc->ngkhw", image[..., rows, columns], weight[..., i, j])
    return np.asarray(total).reshape(shape.batch, shape.out_channels, *shape.output)


def backward(
    x: np.ndarray, w: np.ndarray, dy: np.ndarray, shape: Conv2d
) -> tuple[np.ndarray, np.ndarray]:
    image, weight = padded(x, shape), grouped(w, shape)
    g = dy.astype(np.float64)
    g = g.reshape(shape.batch, shape.groups, shape.out_channels // shape.groups, *shape.output)
    dx, dw = np.zeros_like(image), np.zeros_like(weight)
    for i, j, rows, columns in windows(shape):
        dx[..., rows, columns] += np.einsum("ngkhw,gkc->ngchw", g, weight[..., i, j])
        dw[..., i, j] = np.einsum("ngkhw,ngchw->gkc", g, image[..., rows, columns])
    dx = dx.reshape(shape.batch, shape.in_channels, *dx.shape[3:])
    (top, left), (height, width) = shape.padding, (shape.height, shape.width)
    return dx[:, :, top : top + height, left : left + width], dw.reshape(w.shape)


# --- running plans -----------------------------------------------------------------------------


Compile = Callable[[Plan], Callable[..., int]]


def run(
    launch: Launch | Staged | Summed,
    out: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    bias: np.ndarray | None = None,
    compile_plan: Compile = machine.compile_plan,
) -> np.ndarray:
    """Fills `out`; scratch and copies begin as nonsense."""
    addresses = [x.ctypes.data for x in (a, b)]
    held = []
    if isinstance(launch, Staged):
        for copy in launch.copies:
            held.append(np.full(copy.nbytes + 64, 255, np.uint8))
            place = (held[-1].ctypes.data + 63) & -64
            source = addresses[copy.operand]
            compile_plan(copy.launch.plan)(place, source, *copy.launch.numbers)
            addresses[copy.operand] = place
        if launch.swapped:
            addresses.reverse()
        launch = launch.product
    result, fold = out.ctypes.data, None
    if isinstance(launch, Summed):
        held.append(np.full(launch.nbytes + 64, 255, np.uint8))
        result, fold = (held[-1].ctypes.data + 63) & -64, launch.fold
        launch = launch.product
    scratch = np.full(launch.scratch_bytes * machine.pool.parts + 64, 255, np.uint8)
    beside = 0 if bias is None else bias.ctypes.data
    place = (scratch.ctypes.data + 63) & -64
    compile_plan(launch.plan)(result, *addresses, beside, place, *launch.numbers)
    if fold is not None:
        compile_plan(fold.plan)(out.ctypes.data, result, *fold.numbers)
    return out


def strides(x: np.ndarray) -> tuple[int, ...]:
    return tuple(stride // x.itemsize for stride in x.strides)


def launches(
    shape: Conv2d, x: np.ndarray, w: np.ndarray, dy: np.ndarray, bias: bool, target: Target
) -> list[tuple[Launch | Staged | Summed, tuple[int, ...], np.ndarray, np.ndarray]]:
    """The three plans, each with its result's shape and its two operands."""
    kind = KINDS[x.dtype.name]
    return [
        (
            conv2d_forward(target, kind, shape, strides(x), bias=bias),
            (shape.batch, shape.out_channels, *shape.output),
            w,
            x,
        ),
        (conv2d_backward_data(target, kind, shape, strides(dy)), x.shape, w, dy),
        (
            conv2d_backward_weight(target, kind, shape, strides(x), strides(dy)),
            w.shape,
            dy,
            x,
        ),
    ]


def check_all(
    shape: Conv2d,
    dtype: str,
    layout: str = "rows",
    target: Target | None = None,
    compile_plan: Compile = machine.compile_plan,
) -> None:
    """Forward and both gradients within a few roundings, measured by the sizes of the terms."""
    x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), dtype, 0, layout)
    w = numbers((shape.out_channels, shape.in_channels // shape.groups, *shape.kernel), dtype, 1)
    dy = numbers((shape.batch, shape.out_channels, *shape.output), dtype, 2, layout)
    bias = numbers((1, 1, 1, shape.out_channels), dtype, 3)[0, 0, 0]
    beside = bias.astype(np.float64)[:, None, None]
    exact = [forward(x, w, shape) + beside, *backward(x, w, dy, shape)]
    x_size, w_size, dy_size = np.abs(x), np.abs(w), np.abs(dy)
    sizes = [forward(x_size, w_size, shape) + np.abs(beside)]
    sizes += backward(x_size, w_size, dy_size, shape)
    if shape.weight_last:
        w = channels_last(w)
    prepared = launches(shape, x, w, dy, True, target or llvm.host_target())
    for k, (launch, result, a, b) in enumerate(prepared):
        out = np.full(result, np.nan, dtype)
        if shape.weight_last if k == 2 else shape.last:
            out = channels_last(out)
        run(launch, out, a, b, bias, compile_plan)
        assert (np.abs(out - exact[k]) <= 8 * ERROR[dtype] * sizes[k] + 1e-30).all(), launch


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forward_and_gradients(shape: Conv2d) -> None:
    for layout in LAYOUTS:
        check_all(shape, "float32", layout)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_kinds(dtype: str) -> None:
    for shape in (*SHAPES[:6], *SHAPES[-7:]):
        check_all(shape, dtype)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_register_budget(target: Target) -> None:
    if target.vector_bytes == 64 and "avx512f" not in llvm.host_features():
        pytest.skip("vectors of 64 bytes would be split")

    def compile_plan(plan: Plan) -> Callable[..., int]:
        symbol = f"k{abs(hash((plan, target))):x}"
        image = llvm.compile_text(llvm.module_text(lower(plan, target), symbol))
        return builtin("conv", llvm.link(image, symbol), METH_FASTCALL)

    for shape in (SHAPES[1], SHAPES[4], SHAPES[9], SHAPES[-6]):
        check_all(shape, "float32", target=target, compile_plan=compile_plan)


def test_the_interpreter_agrees() -> None:
    few = Conv2d(2, 4, 5, 5, 4, (2, 2), (2, 2), (1, 1), groups=2)
    many = Conv2d(1, 17, 3, 4, 16, (3, 2), (2, 1), (1, 1))
    for shape in (SHAPES[3], few, many):
        check_all(shape, "float32", compile_plan=interpreter.compile_plan)


def test_same_bits_for_any_number_of_threads() -> None:
    for shape in (SHAPES[21], SHAPES[-6], Conv2d(5, 20, 16, 16, 24, (3, 3), padding=(1, 1))):
        x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), "float32", 0)
        w = numbers((shape.out_channels, shape.in_channels, *shape.kernel), "float32", 1)
        dy = numbers((shape.batch, shape.out_channels, *shape.output), "float32", 2)
        prepared = launches(shape, x, w, dy, False, llvm.host_target())
        for launch, result, a, b in prepared:
            outs = []
            for count in (1, 2, 3):
                machine.set_threads(count)
                outs.append(run(launch, np.full(result, np.nan, np.float32), a, b))
            assert (outs[0] == outs[1]).all() and (outs[0] == outs[2]).all()


@pytest.mark.parametrize(
    "shape",
    [
        Conv2d(2, 20, 9, 8, 24, (3, 3), (2, 2), (1, 1), last=True, weight_last=True),
        Conv2d(2, 3, 9, 8, 18, (3, 2), padding=(1, 1), last=True, weight_last=True),
        Conv2d(2, 20, 5, 6, 17, (1, 1), last=True, weight_last=True),
        Conv2d(1, 40, 6, 6, 40, (1, 1), (2, 2), groups=2, last=True),
        Conv2d(2, 18, 6, 9, 5, (3, 3), last=True),
    ],
    ids=str,
)
def test_channels_last(shape: Conv2d) -> None:
    for layout in LAYOUTS:
        check_all(shape, "float32", layout)
    check_all(shape, "float16", "channels last")


DEPTHWISE = [
    Conv2d(2, 33, 9, 20, 33, (3, 3), padding=(1, 1), groups=33, last=True),
    Conv2d(3, 16, 7, 7, 16, (3, 3), (2, 2), (1, 1), groups=16, last=True),
    Conv2d(1, 20, 12, 11, 20, (5, 3), (2, 1), (2, 2), (1, 2), groups=20, last=True),
    Conv2d(2, 3, 6, 9, 3, (2, 2), padding=(2, 2), groups=3, last=True, weight_last=True),
    Conv2d(1, 70, 2, 2, 70, (5, 5), padding=(2, 2), groups=70, last=True),
    Conv2d(2, 5, 4, 5, 5, (1, 1), groups=5, last=True),
    Conv2d(1, 4, 5, 9, 4, (3, 4), padding=(1, 1), groups=4, given_output=(6, 9), last=True),
    Conv2d(2, 18, 14, 21, 18, (3, 3), (2, 2), (1, 1), groups=18, last=True),
    Conv2d(1, 5, 9, 23, 5, (5, 5), (3, 4), (2, 1), groups=5, last=True, weight_last=True),
    Conv2d(2, 3, 9, 9, 3, (1, 2), (2, 3), groups=3, last=True),
    Conv2d(1, 4, 1, 1, 4, (1, 1), (4, 4), (1, 2), groups=4, last=True),
]


def check_depthwise(
    shape: Conv2d,
    dtype: str,
    target: Target | None = None,
    compile_plan: Compile = machine.compile_plan,
    cut: bool = False,
) -> list[np.ndarray]:
    """Forward and gradients, channels last, perhaps of wider images.

    With both a stride and a dilation there is no such plan of the gradient of x.
    Beside the source stand nans: nothing there may be read. Returns the results.
    """
    target = target or llvm.host_target()
    channels, spare = shape.in_channels, 3 if cut else 0
    w = numbers((channels, 1, *shape.kernel), dtype, 1)
    bias = numbers((1, 1, 1, channels), dtype, 3)[0, 0, 0]
    sources = []
    for seed, size in ((0, (shape.height, shape.width)), (2, shape.output)):
        wide = np.full((shape.batch, size[0] + spare, size[1] + spare, channels + spare), np.nan)
        part = wide.astype(dtype)[:, spare:, spare:, :channels].transpose(0, 3, 1, 2)
        part[:] = numbers(part.shape, dtype, seed)
        sources.append(part)
    x, dy = sources
    beside = bias.astype(np.float64)[:, None, None]
    exact = [forward(x, w, shape) + beside, *backward(x, w, dy, shape)]
    size = [forward(np.abs(x), np.abs(w), shape) + np.abs(beside)]
    size += backward(np.abs(x), np.abs(w), np.abs(dy), shape)
    found = []
    for k, (launch, shown, a, b) in enumerate(launches(shape, x, w, dy, True, target)):
        if k == 2:
            assert isinstance(launch, Summed)
        elif k == 0 or (1, 1) in (shape.stride, shape.dilation):
            assert isinstance(launch, Launch) and isinstance(launch.plan, Depthwise)
        else:
            continue
        out = np.full(shown, np.nan, dtype)
        out = run(launch, out if k == 2 else channels_last(out), a, b, bias, compile_plan)
        assert (np.abs(out - exact[k]) <= 8 * ERROR[dtype] * size[k] + 1e-30).all(), launch
        found.append(out)
    return found


@pytest.mark.parametrize("shape", DEPTHWISE, ids=str)
def test_depthwise(shape: Conv2d) -> None:
    check_depthwise(shape, "float32")
    check_depthwise(shape, "float32", cut=True)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_depthwise_of_other_kinds(dtype: str) -> None:
    for shape in (DEPTHWISE[0], DEPTHWISE[2]):
        check_depthwise(shape, dtype, cut=True)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_depthwise_for_every_register_budget(target: Target) -> None:
    if target.vector_bytes == 64 and "avx512f" not in llvm.host_features():
        pytest.skip("vectors of 64 bytes would be split")

    def compile_plan(plan: Plan) -> Callable[..., int]:
        symbol = f"k{abs(hash((plan, target))):x}"
        image = llvm.compile_text(llvm.module_text(lower(plan, target), symbol))
        return builtin("conv", llvm.link(image, symbol), METH_FASTCALL)

    for shape in (*DEPTHWISE[:3], DEPTHWISE[-4]):
        check_depthwise(shape, "float32", target, compile_plan, cut=True)


def test_the_interpreter_agrees_on_depthwise() -> None:
    for shape in (*DEPTHWISE[2:4], DEPTHWISE[-3]):
        check_depthwise(shape, "float32", compile_plan=interpreter.compile_plan)


def test_depthwise_gives_the_same_bits_for_any_number_of_threads() -> None:
    for stride in (1, 2):
        shape = Conv2d(3, 50, 30, 41, 50, (3, 3), (stride, stride), (1, 1), groups=50, last=True)
        found = []
        for count in (1, 2, 3):
            machine.set_threads(count)
            found.append(check_depthwise(shape, "float32"))
        for other in found[1:]:
            for one, two in zip(found[0], other, strict=True):
                assert (one == two).all()


@pytest.mark.parametrize("shape", [SHAPES[1], SHAPES[-6]], ids=str)
def test_weight_gradient_can_be_added_to(shape: Conv2d) -> None:
    x = numbers((shape.batch, shape.in_channels, shape.height, shape.width), "float32", 0)
    dy = numbers((shape.batch, shape.out_channels, *shape.output), "float32", 2)
    target = llvm.host_target()
    once = conv2d_backward_weight(target, "f32", shape, strides(x), strides(dy))
    more = conv2d_backward_weight(target, "f32", shape, strides(x), strides(dy), accumulate=True)
    size = (shape.out_channels, shape.in_channels, *shape.kernel)
    dw = run(once, np.full(size, np.nan, np.float32), dy, x)
    assert (run(more, dw.copy(), dy, x) == dw + dw).all()


def test_bfloat16_beside_torch() -> None:
    torch = pytest.importorskip("torch")
    shape = Conv2d(2, 6, 11, 12, 8, (3, 3), (2, 1), (1, 1))
    x, w = torch.randn(2, 6, 11, 12).bfloat16(), torch.randn(8, 6, 3, 3).bfloat16()
    y = torch.empty(2, 8, *shape.output).bfloat16()
    launch = conv2d_forward(llvm.host_target(), "bf16", shape, x.stride())
    scratch = np.empty(launch.scratch_bytes * machine.pool.parts + 64, np.uint8)
    addresses = (y.data_ptr(), w.data_ptr(), x.data_ptr(), 0, (scratch.ctypes.data + 63) & -64)
    machine.compile_plan(launch.plan)(*addresses, *launch.numbers)
    exact = torch.nn.functional.conv2d(x.double(), w.double(), stride=(2, 1), padding=1)
    assert ((y.double() - exact).abs() <= 2**-8 * exact.abs() + 1e-4).all()
