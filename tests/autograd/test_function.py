"""Functions of the user's own: as torch runs them."""

from types import ModuleType

import pytest

import facula
from tests.autograd import programs
from tests.ops.twin import check


@pytest.mark.parametrize("text", programs.FUNCTION)
def test_functions_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_a_function_is_followed_without_torch() -> None:
    class Cube(facula.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            (x,) = ctx.saved_tensors
            return 3 * g * x * x

    x = facula.tensor([1.0, 2.0], dtype=facula.float64, requires_grad=True)
    assert facula.autograd.gradcheck(Cube.apply, (x,))
    assert facula.autograd.gradgradcheck(Cube.apply, (x,))
    y = Cube.apply(x)
    assert repr(y).endswith("grad_fn=<CubeBackward>)")
