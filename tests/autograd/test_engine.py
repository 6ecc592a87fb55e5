"""The engine: what backward and grad return, refuse and leave alone."""

import gc
import weakref
from types import ModuleType

import pytest

import facula
from tests.autograd import programs
from tests.ops.twin import check


@pytest.mark.parametrize("text", programs.ENGINE)
def test_engine_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize("text", programs.ALIASING)
def test_gradients_never_change_behind_ones_back(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize(
    "step", ["x + 1", "x * 1.0001", "x.view(2)", "x[:]", "x.clone()", "x.sin()"]
)
def test_twenty_thousand_nodes_are_no_recursion(step: str) -> None:
    leaf = facula.ones(2, requires_grad=True)
    x = leaf
    make = eval(f"lambda x: {step}")
    for _ in range(20_000):
        x = make(x)
    x.sum().backward()
    assert leaf.grad is not None
    found = facula.autograd.grad(make(make(leaf)).sum(), leaf)[0]
    assert found.shape == (2,)
    watched = weakref.ref(x)
    del x  # freeing a long chain must not recurse either
    assert watched() is None


def test_deep_graphs_with_wanted_inputs() -> None:
    leaf = facula.ones(1, requires_grad=True)
    x = middle = leaf * 1
    for _ in range(20_000):
        x = x + 0
    assert [g.item() for g in facula.autograd.grad(x, [leaf, middle])] == [1.0, 1.0]


def test_a_wide_graph_sums_every_path_once() -> None:
    x = facula.ones(1, requires_grad=True)
    y = x
    for _ in range(60):  # 2 ** 60 paths
        y = y + y
    y.backward()
    assert x.grad is not None and x.grad.item() == 2.0**60


def test_shared_gradients_stay_apart_for_every_leaf() -> None:
    leaves = [facula.zeros(3, requires_grad=True) for _ in range(5)]
    seed = facula.ones(3)
    (leaves[0] + leaves[1] + (leaves[2] - (leaves[3].view(3) + leaves[4].reshape(3)))).backward(
        seed
    )
    for number, leaf in enumerate(leaves):
        assert leaf.grad is not None
        leaf.grad.add_(10 + number)
    signs = (1, 1, 1, -1, -1)
    assert [leaf.grad[0].item() for leaf in leaves] == [s + 10 + k for k, s in enumerate(signs)]
    assert seed.tolist() == [1.0, 1.0, 1.0]


def test_gradients_accumulate_in_place() -> None:
    x = facula.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    kept = x.grad
    (x * 3).sum().backward()
    assert x.grad is kept and kept.tolist() == [5.0, 5.0, 5.0]


def test_an_error_in_backward_restores_the_mode() -> None:
    x = facula.ones(1, requires_grad=True)
    y = x * 2

    def fail(_: object) -> None:
        raise ValueError("from a hook")

    y.register_hook(fail)
    with pytest.raises(ValueError, match="from a hook"):
        y.backward()
    assert facula.is_grad_enabled()


def test_saved_tensors_are_released_after_backward() -> None:
    x = facula.ones(3, requires_grad=True)
    y = x * 2
    watched = weakref.ref(y)
    z = (y * y).sum()
    del y
    assert watched() is not None
    z.backward()
    gc.collect()
    assert watched() is None


def test_gradcheck_finds_a_wrong_gradient() -> None:
    class Wrong(facula.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            return x * x

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            return g * 3

    x = facula.tensor([1.0, 2.0], dtype=facula.float64, requires_grad=True)
    with pytest.raises(
        RuntimeError, match="Jacobian mismatch for output 0 with respect to input 0"
    ):
        facula.autograd.gradcheck(Wrong.apply, (x,))
    assert not facula.autograd.gradcheck(Wrong.apply, (x,), raise_exception=False)
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        facula.autograd.gradcheck(lambda v: v * 2, (facula.ones(1),))


def test_third_derivatives() -> None:
    x = facula.tensor(2.0, dtype=facula.float64, requires_grad=True)
    y = x**5
    found = []
    for _ in range(4):
        (y,) = facula.autograd.grad(y, x, create_graph=True)
        found.append(y.item())
    assert found == pytest.approx([80.0, 160.0, 240.0, 240.0])
