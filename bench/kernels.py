"""Groups `gemm`, `conv` and `elementwise`: single large operations, where only kernels count."""

from collections.abc import Callable
from types import ModuleType

from bench.measure import Case

SQUARES = (64, 128, 256, 512, 1024)
# (name, batch, channels in, height and width, channels out, kernel, stride, padding)
CONVOLUTIONS = (
    ("MNIST first, 1 to 32", 64, 1, 28, 32, 3, 1, 0),
    ("MNIST second, 32 to 64", 64, 32, 26, 64, 3, 1, 0),
    ("ResNet stem, 7x7 stride 2", 4, 3, 224, 64, 7, 2, 3),
    ("ResNet 64, 56x56", 8, 64, 56, 64, 3, 1, 1),
    ("ResNet 128, 28x28", 8, 128, 28, 128, 3, 1, 1),
    ("ResNet 256, 14x14", 8, 256, 14, 256, 3, 1, 1),
    ("1x1, 256 to 64, 56x56", 8, 256, 56, 64, 1, 1, 0),
)
# Written as in a program: t is the package, x y are 1024x1024, row is 1024, all of float32.
ELEMENTWISE = (
    "x + y",
    "x + row",
    "x.t() + y",
    "x * 2.0 + 1.0",
    "x.relu()",
    "x.exp()",
    "x.tanh()",
    "x.sum()",
    "x.sum(0)",
    "x.sum(1)",
    "x.amax(1)",
    "x.argmax(1)",
    "x.softmax(1)",
    "x.log_softmax(1)",
    "x.var(0)",
    "x.t().contiguous()",
    "x.double()",
    "x.cumsum(1)",
    "x[index]",
    "x.sort(1)",
)


def gemm_cases() -> list[Case]:
    """Matrix products: squares, the layers of the MLP, a batch."""
    squares = [Case("gemm", f"mm {n}x{n}x{n}", _product((n, n), (n, n))) for n in SQUARES]
    return [
        *squares,
        Case("gemm", "mm 64x784x128", _product((64, 784), (784, 128))),
        Case("gemm", "mm 64x9216x128", _product((64, 9216), (9216, 128))),
        Case("gemm", "bmm 32x128x64x128", _product((32, 128, 64), (32, 64, 128))),
        Case("gemm", "linear 64x784x128 and backward", _linear_backward),
    ]


def conv_cases() -> list[Case]:
    """Convolutions forward, and forward with backward."""
    return [
        Case("conv", f"{name}{', and backward' if backward else ''}", _convolution(sizes, backward))
        for name, *sizes in CONVOLUTIONS
        for backward in (False, True)
    ]


def elementwise_cases() -> list[Case]:
    """Pointwise operations, reductions and copies on a million elements."""
    return [Case("elementwise", text, _expression(text)) for text in ELEMENTWISE]


def _product(
    left: tuple[int, ...], right: tuple[int, ...]
) -> Callable[[ModuleType], Callable[[], object]]:
    def build(t: ModuleType) -> Callable[[], object]:
        a, b = t.rand(*left), t.rand(*right)
        return lambda: a @ b

    return build


def _linear_backward(t: ModuleType) -> Callable[[], object]:
    x = t.rand(64, 784, requires_grad=True)
    weight, bias = t.rand(128, 784, requires_grad=True), t.rand(128, requires_grad=True)
    incoming = t.rand(64, 128)
    linear = t.nn.functional.linear

    def run() -> None:
        x.grad = weight.grad = bias.grad = None
        linear(x, weight, bias).backward(incoming)

    return run


def _convolution(sizes: list[int], backward: bool) -> Callable[[ModuleType], Callable[[], object]]:
    batch, channels_in, side, channels_out, kernel, stride, padding = sizes

    def build(t: ModuleType) -> Callable[[], object]:
        x = t.rand(batch, channels_in, side, side, requires_grad=backward)
        weight = t.rand(channels_out, channels_in, kernel, kernel, requires_grad=backward)
        conv2d = t.nn.functional.conv2d

        def forward() -> object:
            return conv2d(x, weight, None, stride, padding)

        incoming = t.rand(*forward().shape)

        def forward_and_backward() -> None:
            x.grad = weight.grad = None
            forward().backward(incoming)

        return forward_and_backward if backward else forward

    return build


def _expression(text: str) -> Callable[[ModuleType], Callable[[], object]]:
    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        names = {
            "x": t.rand(1024, 1024),
            "y": t.rand(1024, 1024),
            "row": t.rand(1024),
            "index": t.randint(0, 1024, (1024,)),
        }
        return eval(f"lambda x=x, y=y, row=row, index=index: {text}", names)

    return build
