"""Products: every pair of ranks as torch does it, and against NumPy on hostile layouts."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

import facula
from facula.backend.cpu import machine
from tests.ops import contract_cases as cases
from tests.ops.twin import check


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_products_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


SIZES = [
    (1, 1, 1),
    (2, 3, 4),
    (1, 17, 1),
    (5, 1, 7),
    (16, 16, 16),
    (33, 65, 17),
    (3, 200, 130),
    (64, 7, 64),
]


@pytest.mark.parametrize("name", ["float32", "float64", "int64", "int32", "float16", "bfloat16"])
@pytest.mark.parametrize(("n", "k", "m"), SIZES)
def test_products_over_layouts(n: int, k: int, m: int, name: str) -> None:
    """Plain, transposed, stepped and offset factors; small whole numbers make every sum exact."""
    dtype = getattr(facula, name)
    a = (np.arange(n * k).reshape(n, k) * 7 % 5 - 2).astype(np.float64)
    b = (np.arange(k * m).reshape(k, m) * 5 % 7 - 3).astype(np.float64)
    x, z = facula.tensor(a.tolist()).to(dtype), facula.tensor(b.tolist()).to(dtype)
    wide = facula.zeros(n + 2, 2 * k, dtype=dtype)
    wide[1:-1, ::2] = x
    lefts = (x, x.t().contiguous().t(), wide[1:-1, ::2])
    tall = facula.zeros(k + 1, m + 3, dtype=dtype)
    tall[1:, 2 : m + 2] = z
    rights = (z, z.t().contiguous().t(), tall[1:, 2 : m + 2])
    for left in lefts:
        for right in rights:
            assert (left @ right).tolist() == (a @ b).tolist()
    assert facula.nn.functional.linear(x, z.t()).tolist() == (a @ b).tolist()


@pytest.mark.parametrize(
    ("a", "b"), [((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0, 0), (0, 0))]
)
def test_empty_products_are_zero(a: tuple[int, int], b: tuple[int, int]) -> None:
    y = facula.ones(a) @ facula.ones(b)
    assert y.tolist() == (np.ones(a) @ np.ones(b)).tolist() and tuple(y.shape) == (a[0], b[1])
    bias = facula.ones(b[1])
    assert (
        facula.nn.functional.linear(facula.ones(a), facula.ones(b).t(), bias).tolist()
        == (np.ones(a) @ np.ones(b) + 1).tolist()
    )


@pytest.fixture
def any_precision() -> Iterator[None]:
    yield
    facula.set_float32_matmul_precision("highest")


def test_matmul_precision(any_precision: None) -> None:
    """Rounded operands where the processor has tiles; no worse than torch's words promise."""
    facula.manual_seed(0)
    a, b = facula.randn(70, 300), facula.randn(300, 90)
    exact = a.double() @ b.double()
    size = a.double().abs() @ b.double().abs()
    errors = {}
    for precision, promised in (("highest", 2**-22), ("high", 2**-15), ("medium", 2**-7)):
        facula.set_float32_matmul_precision(precision)
        assert facula.get_float32_matmul_precision() == precision
        errors[precision] = (((a @ b).double() - exact).abs() / size).max().item()
        assert errors[precision] <= promised
    if machine.target.tiles:
        assert errors["highest"] < errors["high"] < errors["medium"]
    else:
        assert errors["highest"] == errors["high"] == errors["medium"]


def test_matmul_precision_of_another_kind(any_precision: None) -> None:
    with pytest.raises(RuntimeError, match="expects a str, but got int"):
        facula.set_float32_matmul_precision(3)
    with pytest.warns(UserWarning, match="low is not one of 'highest', 'high', or 'medium'"):
        facula.set_float32_matmul_precision("low")
    assert facula.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(
    "sizes", [(33, 70, 4096), (8, 512, 2048), (1, 512, 4096), (512, 1, 4096), (64, 64, 9000)]
)
def test_sums_are_as_accurate_as_torchs(torch: ModuleType, sizes: tuple[int, int, int]) -> None:
    """The mean error against float64 is at most 1.1 times torch's, of which chance is a part."""
    m, n, k = sizes
    facula.manual_seed(0)
    a, b = facula.randn(m, k), facula.randn(k, n)
    x, z = torch.tensor(a.numpy()), torch.tensor(b.numpy())
    exact = x.double() @ z.double()
    ours = (torch.tensor((a @ b).numpy()).double() - exact).pow(2).mean().sqrt()
    theirs = ((x @ z).double() - exact).pow(2).mean().sqrt()
    assert ours <= 1.1 * theirs
