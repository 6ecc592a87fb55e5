"""torch.special as records: gradients of both orders, dtypes, layouts, out=."""

import math

import numpy as np
import pytest

import facula as ft

AT = {
    "digamma": (0.4, 1.7, -0.6, 6.0), "entr": (0.3, 1.0, 4.0), "erfcx": (-1.2, 0.1, 3.0),
    "i0": (-3.0, 0.2, 9.5), "i0e": (-3.0, 0.2, 9.5), "i1": (-3.0, 0.2, 9.5),
    "i1e": (-3.0, 0.2, 9.5), "log_ndtr": (-4.0, -0.9, 1.2), "ndtr": (-2.0, 0.3, 1.5),
    "ndtri": (0.02, 0.4, 0.93),
}  # fmt: skip


@pytest.mark.parametrize("name", AT)
def test_gradients_of_both_orders(name: str) -> None:
    x = ft.tensor(AT[name], dtype=ft.float64, requires_grad=True)
    function = getattr(ft.special, name)
    assert ft.autograd.gradcheck(function, (x,))
    assert ft.autograd.gradgradcheck(function, (x,))


def test_gradients_of_two_arguments() -> None:
    a = ft.tensor([0.7, 3.0, 25.0], dtype=ft.float64)
    x = ft.tensor([0.4, 5.0, 24.0], dtype=ft.float64, requires_grad=True)
    for function in (
        lambda t: ft.igamma(a, t),
        lambda t: ft.igammac(a, t),
        lambda t: ft.special.zeta(a + 1, t),
        lambda t: ft.polygamma(3, t),
        lambda t: ft.mvlgamma(t + 1, 2),
        lambda t: ft.special.xlog1py(t, t * 0.5),
    ):
        assert ft.autograd.gradcheck(function, (x,))
        assert ft.autograd.gradgradcheck(function, (x,))


def test_a_gradient_that_does_not_exist_says_so() -> None:
    a = ft.tensor([1.0], requires_grad=True)
    x = ft.tensor([2.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match="the derivative for 'igamma: input' is not"):
        ft.igamma(a, x).sum().backward()
    with pytest.raises(NotImplementedError, match="the derivative for 'zeta' is not implemented"):
        ft.autograd.grad(ft.special.zeta(a + 1, x).sum(), [a], create_graph=True)
    ft.igamma(a.detach(), x).sum().backward()
    assert x.grad is not None
    assert not ft.special.bessel_j0(x).requires_grad
    assert not ft.special.hermite_polynomial_h(x, 3).requires_grad


def test_dtypes() -> None:
    whole = ft.tensor([1, 2, 3])
    assert ft.special.bessel_j1(whole).dtype is ft.float32
    assert ft.special.zeta(whole + 1, 2).dtype is ft.float32
    assert ft.special.i1e(ft.ones(2, dtype=ft.float16)).dtype is ft.float16
    assert ft.igamma(ft.tensor(True), ft.tensor(False)).item() == 0.0
    with pytest.raises(NotImplementedError, match="\"bessel_y0_cpu\" not implemented for 'Half'"):
        ft.special.bessel_y0(ft.ones(2, dtype=ft.float16))


def test_hostile_layouts_give_the_same_bits() -> None:
    """A loop in a formula must not let an element see its neighbours, nor read beyond the end."""
    rng = np.random.default_rng(2)
    a, x = rng.uniform(0.01, 40, (13, 7)), rng.uniform(0.01, 40, (13, 7))
    a[3, 2], x[5, 1], a[0, 0] = math.nan, math.inf, 1e4
    plain_a, plain_x = ft.from_numpy(a), ft.from_numpy(x)
    for function in (ft.igamma, ft.igammac, ft.special.zeta, ft.special.laguerre_polynomial_l):
        whole = function(plain_a, plain_x).numpy()
        single = [[function(plain_a[i, j], plain_x[i, j]).item() for j in range(7)]
                  for i in range(13)]  # fmt: skip
        np.testing.assert_array_equal(whole, single)
        turned = function(plain_a.t(), plain_x.t()).numpy()
        np.testing.assert_array_equal(turned.T, whole)
        stepped = function(plain_a[1::3, ::2], plain_x[1::3, ::2]).numpy()
        np.testing.assert_array_equal(stepped, whole[1::3, ::2])
        column = function(plain_a[:, :1].expand(13, 7), plain_x).numpy()
        np.testing.assert_array_equal(column[:, 0], whole[:, 0])
        assert function(plain_a[:0], plain_x[:0]).shape == (0, 7)


def test_a_degree_beyond_all_integers_takes_no_steps() -> None:
    n = ft.tensor([math.inf, -math.inf, math.nan, 1e300, -3.0], dtype=ft.float64)
    assert ft.special.laguerre_polynomial_l(ft.tensor(0.5), n).tolist() == [0.0] * 5
    assert ft.special.chebyshev_polynomial_u(ft.tensor(2.0), n).tolist() == [0.0] * 5


def test_out_and_in_place() -> None:
    x = ft.tensor([0.5, 2.0])
    out = ft.empty(0)
    assert ft.special.erfcx(x, out=out) is out
    assert out.tolist() == ft.special.erfcx(x).tolist()
    y = x.clone()
    assert y.igamma_(ft.ones(2)) is y
    assert y.tolist() == ft.igamma(x, ft.ones(2)).tolist()
    assert x.clone().polygamma_(2).tolist() == ft.polygamma(2, x).tolist()
    assert x.clone().i0_().tolist() == ft.i0(x).tolist()
    assert not hasattr(ft.special, "erfcx_")


def test_names_of_torch_special() -> None:
    for special, plain in (("expit", "sigmoid"), ("gammaln", "lgamma"), ("gammainc", "igamma"),
                           ("multigammaln", "mvlgamma"), ("psi", "digamma")):  # fmt: skip
        assert getattr(ft.special, special) is not None
        assert getattr(ft, plain).__name__ == getattr(ft.special, special).__name__
    x = ft.tensor([[0.1, 2.0], [3.0, -1.0]])
    assert ft.equal(ft.special.softmax(x, 1, dtype=ft.float64), x.softmax(1, ft.float64))
    assert ft.equal(ft.special.logsumexp(x, 0), x.logsumexp(0))
