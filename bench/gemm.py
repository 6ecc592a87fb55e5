"""Groups `gemm` and `half`: matrix products.

Sizes are written rows x depth x columns, with the number of products first where there are many.
Group `half` has facula on both sides: its bfloat16 and float16 against its own float32.
"""

from collections.abc import Iterator
from math import prod

from bench.measure import Case, Work
from bench.program import backward, forward

GROUP, HALF = "gemm", "half"

SIZES = {
    "float32": (
        *("64x64x64", "128x128x128", "256x256x256", "512x512x512", "1024x1024x1024"),
        "2048x2048x2048",
        *("64x784x128", "64x9216x128", "4096x64x64", "32x4096x4096", "8x4096x4096"),
        *("96x128x64x128", "32x128x64x128", "32x128x128x64", "12x1024x64x1024"),
    ),
    "float64": ("256x256x256", "1024x1024x1024"),
    "bfloat16": ("256x256x256", "1024x1024x1024", "2048x2048x2048"),
    "float16": ("512x512x512",),
}
# What is multiplied, with the transposed one's shape turned round: sizes are those of the product.
TRANSPOSED = ("A.t() @ B", "A @ B.t()", "A.t() @ B.t()")
TRANSPOSED_SIZES = ("512x512x512", "1024x1024x1024", "128x4096x256")
VECTORS = ("A @ v", "v @ A", "A.t() @ v")
VECTOR_SIDES = (1024, 4096)
# (layer, rows, in, out, dtype)
LINEAR = (
    ("MNIST MLP", 64, 784, 128, "float32"),
    ("BERT-base up", 128, 768, 3072, "float32"),
    ("BERT-base up", 512, 768, 3072, "float32"),
    ("BERT-base down", 128, 3072, 768, "float32"),
    ("BERT-base down", 512, 3072, 768, "float32"),
    ("BERT-base attention", 128, 768, 768, "float32"),
    ("GPT-2 query, key, value", 64, 768, 2304, "float32"),
    ("GPT-2 vocabulary head", 32, 768, 50257, "float32"),
    ("ResNet-50 classes", 32, 2048, 1000, "float32"),
    ("VGG-16 first", 8, 25088, 4096, "float32"),
    ("BERT-base up", 128, 768, 3072, "bfloat16"),
    ("BERT-base down", 512, 3072, 768, "bfloat16"),
)
HALF_SIZES = (
    *("64x64x64", "256x256x256", "512x512x512", "1024x1024x1024", "2048x2048x2048"),
    *("64x784x128", "32x4096x4096", "32x128x64x128"),
    *("8x8x8", "32x32x32", "48x48x48", "16x512x16", "26x1000x26", "16x512x512"),
)


def cases() -> list[Case]:
    """All cases of group `gemm`."""
    plain = [_product(size, kind) for kind, sizes in SIZES.items() for size in sizes]
    return [*plain, *_transposed(), *_vectors(), *_linear()]


def half_cases() -> list[Case]:
    """All cases of group `half`."""
    return [*_half_products(), *_half_linear()]


def _operands(size: str, kind: str) -> str:
    """Assignments of A and B, batched if the size has four numbers."""
    *batch, m, k, n = map(int, size.split("x"))
    left, right = (*batch, m, k), (*batch, k, n)
    return f"A = t.rand{left}.to(t.{kind})\nB = t.rand{right}.to(t.{kind})"


def _flop(size: str, kind: str) -> Work:
    return Work(2 * prod(map(int, size.split("x"))), "flop", kind)


def _product(size: str, kind: str) -> Case:
    name = f"A @ B, {size}" + ("" if kind == "float32" else f", {kind}")
    return Case(GROUP, name, forward(_operands(size, kind), "A @ B"), _flop(size, kind))


def _transposed() -> Iterator[Case]:
    for size in TRANSPOSED_SIZES:
        m, k, n = map(int, size.split("x"))
        for text in TRANSPOSED:
            left = (k, m) if "A.t()" in text else (m, k)
            right = (n, k) if "B.t()" in text else (k, n)
            setup = f"A = t.rand{left}\nB = t.rand{right}"
            yield Case(GROUP, f"{text}, {size}", forward(setup, text), _flop(size, "float32"))
    setup = "A = t.rand(32, 128, 64)\nB = t.rand(32, 128, 64)"
    text = "A @ B.transpose(1, 2)"
    yield Case(
        GROUP, f"{text}, 32x128x64x128", forward(setup, text), _flop("32x128x64x128", "float32")
    )


def _vectors() -> Iterator[Case]:
    for side in VECTOR_SIDES:
        setup = f"A = t.rand({side}, {side})\nv = t.rand({side})"
        for text in VECTORS:
            work = Work(4 * side * side, "byte")
            yield Case(GROUP, f"{text}, {side}x{side}", forward(setup, text), work)


def _layer(rows: int, inside: int, outside: int, kind: str) -> str:
    shapes = {"x": (rows, inside), "weight": (outside, inside), "bias": (outside,)}
    return "\n".join(f"{name} = t.rand({shape}).to(t.{kind})" for name, shape in shapes.items())


def _linear() -> Iterator[Case]:
    text = "F.linear(x, weight, bias)"
    for layer, rows, inside, outside, kind in LINEAR:
        setup = _layer(rows, inside, outside, kind)
        name = f"linear {layer}, {rows}x{inside}x{outside}"
        name += "" if kind == "float32" else f", {kind}"
        flop = 2 * rows * inside * outside
        yield Case(GROUP, name, forward(setup, text), Work(flop, "flop", kind))
        build = backward(setup, "x weight bias", text)
        yield Case(GROUP, f"{name}, and backward", build, Work(3 * flop, "flop", kind))


def _half_products() -> Iterator[Case]:
    for kind in ("bfloat16", "float16"):
        for size in HALF_SIZES:
            yield Case(
                HALF,
                f"A @ B, {size}, {kind}",
                forward(_operands(size, kind), "A @ B"),
                _flop(size, kind),
                rival=forward(_operands(size, "float32"), "A @ B"),
            )


def _half_linear() -> Iterator[Case]:
    rows, inside, outside = 128, 768, 3072
    text, leaves = "F.linear(x, weight, bias)", "x weight bias"
    single = _layer(rows, inside, outside, "float32")
    for kind in ("bfloat16", "float16"):
        setup = _layer(rows, inside, outside, kind)
        name = f"linear BERT-base up, {rows}x{inside}x{outside}, {kind}"
        flop = 2 * rows * inside * outside
        yield Case(
            HALF,
            name,
            forward(setup, text),
            Work(flop, "flop", kind),
            rival=forward(single, text),
        )
        yield Case(
            HALF,
            f"{name}, and backward",
            backward(setup, leaves, text),
            Work(3 * flop, "flop", kind),
            rival=backward(single, leaves, text),
        )
