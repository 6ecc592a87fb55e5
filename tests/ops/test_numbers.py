"""Common divisors, exponents, neighbours; trapezoids, differences and running log-sums."""

import math

import numpy as np
import pytest

import facula as ft

KINDS = {"float32": np.float32, "float64": np.float64, "float16": np.float16}
EDGES = (0.0, -0.0, 1.0, -1.0, 1.5, 2.0, -2.0, 0.1, 1e-7, math.inf, -math.inf, math.nan)


def edges(kind: type) -> np.ndarray:
    info = np.finfo(kind)
    more = (info.max, -info.max, info.tiny, info.smallest_subnormal, 5 * info.smallest_subnormal)
    with np.errstate(over="ignore"):
        return np.array([*EDGES, *more], kind)


@pytest.mark.parametrize("name", KINDS)
def test_nextafter_steps_by_one_number(name: str) -> None:
    kind = KINDS[name]
    a, b = (m.ravel().copy() for m in np.meshgrid(edges(kind), edges(kind)))
    with np.errstate(all="ignore"):
        wanted = np.nextafter(a, b)
    got = ft.nextafter(ft.from_numpy(a), ft.from_numpy(b)).numpy()
    np.testing.assert_array_equal(got, wanted)
    zero = wanted == 0
    assert (np.signbit(got) == np.signbit(wanted))[zero & (a != b)].all()


@pytest.mark.parametrize("name", KINDS)
def test_frexp_is_exact(name: str) -> None:
    kind = KINDS[name]
    powers = (2.0 ** np.arange(-20, 15)).astype(kind)
    around = [powers, np.nextafter(powers, kind(0)), np.nextafter(powers, kind(6e4))]
    x = np.concatenate([edges(kind), *around])
    mantissa, exponent = ft.frexp(ft.from_numpy(x))
    want, power = np.frexp(x)
    np.testing.assert_array_equal(mantissa.numpy(), want)
    finite = np.isfinite(x)
    np.testing.assert_array_equal(exponent.numpy()[finite], power[finite])
    assert exponent.dtype is ft.int32


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, np.uint8])
def test_divisors_and_multiples(kind: type) -> None:
    info = np.iinfo(kind)
    numbers = np.array([0, 1, 2, 6, 9, 12, 100, 35, info.max, info.max - 1], kind)
    if info.min < 0:
        numbers = np.concatenate([numbers, -numbers])
    a, b = (m.ravel().copy() for m in np.meshgrid(numbers, numbers))
    np.testing.assert_array_equal(ft.gcd(ft.from_numpy(a), ft.from_numpy(b)).numpy(), np.gcd(a, b))
    small = (np.abs(a.astype(int)) < 13) & (np.abs(b.astype(int)) < 13)
    a, b = a[small], b[small]
    np.testing.assert_array_equal(ft.lcm(ft.from_numpy(a), ft.from_numpy(b)).numpy(), np.lcm(a, b))
    # A layout that vectors cannot read in one piece.
    wide = ft.from_numpy(np.stack([a, b], 1))
    np.testing.assert_array_equal(ft.gcd(wide[:, 0], wide[:, 1]).numpy(), np.gcd(a, b))


def test_trapezoids() -> None:
    y = np.random.default_rng(0).normal(size=(3, 5, 2))
    x = np.sort(np.random.default_rng(1).normal(size=5))
    t = ft.from_numpy(y)
    trapezoid = getattr(np, "trapezoid", None) or np.trapz
    got = ft.trapezoid(t, ft.from_numpy(x), dim=1).numpy()
    np.testing.assert_allclose(got, trapezoid(y, x, axis=1))
    np.testing.assert_allclose(ft.trapz(t, dx=0.5, dim=0).numpy(), trapezoid(y, dx=0.5, axis=0))
    running = ft.cumulative_trapezoid(t, ft.from_numpy(x), dim=1)
    np.testing.assert_allclose(running[:, -1].numpy(), trapezoid(y, x, axis=1))
    with pytest.raises(RuntimeError, match="There must be one `x` value for each sample point"):
        ft.trapezoid(t, ft.ones(4), dim=1)


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient_of_samples(edge_order: int) -> None:
    y = np.random.default_rng(0).normal(size=(4, 6))
    places = np.array([0.0, 1.0, 1.5, 3.0, 3.5, 7.0])
    for got, want in zip(
        ft.gradient(ft.from_numpy(y), spacing=0.5, edge_order=edge_order),
        np.gradient(y, 0.5, edge_order=edge_order),
        strict=True,
    ):
        np.testing.assert_allclose(got.numpy(), want)
    spacing = (ft.from_numpy(places),)
    (got,) = ft.gradient(ft.from_numpy(y), spacing=spacing, dim=1, edge_order=edge_order)
    np.testing.assert_allclose(got.numpy(), np.gradient(y, places, axis=1, edge_order=edge_order))


def test_running_log_sums_neither_overflow_nor_lose_infinities() -> None:
    x = np.array([-math.inf, -1000.0, 1000.0, 999.0, -math.inf, math.inf, 3.0])
    got = ft.logcumsumexp(ft.from_numpy(x), 0).numpy()
    want = [-math.inf, -1000.0, 1000.0, 1000.0 + math.log1p(math.exp(-1)), 1000.3132616875182]
    np.testing.assert_allclose(got, [*want, math.inf, math.inf])
    leaf = ft.tensor([[0.3, -2.0, 1.0], [4.0, 4.0, -1.0]], dtype=ft.float64, requires_grad=True)
    assert ft.autograd.gradcheck(lambda t: ft.logcumsumexp(t, 1), (leaf,))
    assert ft.autograd.gradgradcheck(lambda t: ft.logcumsumexp(t, 1), (leaf,))
