"""Quantiles, bins, sorted places, covariances and index reductions: against PyTorch and NumPy."""

import math
import warnings

import numpy as np
import pytest

import facula as ft

DATA = {
    "x": "torch.tensor([1., 2., 3., 4.])", "m": "torch.arange(6.).reshape(2, 3)",
    "n": "torch.tensor([[3., math.nan, 1.], [math.nan] * 3, [5., 4., math.nan]])",
}  # fmt: skip
CALLS = (
    "torch.quantile(m, torch.tensor([0.1, 0.6]), dim=0, keepdim=True)",
    "torch.quantile(m.t(), 0.3, dim=1, interpolation='nearest')",
    "torch.quantile(n, torch.tensor([0.5]), dim=1)", "torch.nanquantile(n, 0.25, dim=1)",
    "torch.nanquantile(n, torch.tensor([0.2, 0.8]), interpolation='midpoint')",
    "torch.quantile(x[::2], 0.5, interpolation='lower')", "torch.quantile(x[0], 0.5, dim=0)",
    "torch.histc(x, 4)", "torch.histc(x.half(), 4)", "torch.histc(n[:0], 3)",
    "torch.histc(x, bins=4, min=1, max=1)", "torch.histogram(x, 4)",
    "torch.histogram(x, torch.tensor([1., 2., 4.]), weight=x, density=True)",
    "torch.histogram(m, 3)", "torch.histogram(m[:0], 3)", "torch.histogram(x, 2, range=(1., 3.))",
    "torch.histogramdd(m.t(), bins=[2, 3])",
    "torch.histogramdd(m.t(), bins=2, range=[0., 2., 0., 5.], density=True)",
    "torch.histogramdd(m, bins=[torch.tensor([0., 1., 5.])] * 3)",
    "torch.cov(m)", "torch.cov(x)", "torch.cov(m.long(), correction=0)",
    "torch.cov(m, fweights=torch.tensor([1, 2, 3]), aweights=torch.tensor([.1, .2, .3]))",
    "torch.corrcoef(torch.cat([m, m[:1] ** 2]))", "torch.corrcoef(x)",
    "torch.renorm(m, 2, 0, 1.)", "torch.renorm(m, math.inf, 1, 2.)", "m.renorm_(1, -1, 3.)",
    "torch.scalar_tensor(3)", "torch.scalar_tensor(3, dtype=torch.int8)",
    "torch.narrow_copy(m, 1, -2, 2)", "torch.nonzero_static(x, size=6, fill_value=9)",
    "torch.nonzero_static(m, size=2)", "m.nonzero_static(size=0)",
    "torch.isin(x, torch.tensor([2., 4.]))", "torch.isin(2., x)", "torch.isin(n, n[0])",
    "torch.isin(x, torch.tensor([2]), invert=True)", "torch.isin(x, x[:0])",
    "torch.index_reduce(m, 0, torch.tensor([0, 0]), torch.ones(2, 3), 'mean', "
    "include_self=False)",
    "torch.index_reduce(m, 1, torch.tensor([2, 0]), -m[:, :2], 'amin')",
    "torch.bincount(torch.tensor([1, 4, 1]), torch.tensor([1, 2, 3]), 7)",
    "torch.bincount(torch.tensor([], dtype=torch.int64))",
    "torch.unravel_index(torch.tensor([5, -1, 9]), (2, 3))",
    "torch.unravel_index(torch.tensor(4), 6)",
    "torch.searchsorted(m, m[:, 1:], right=True)", "torch.searchsorted(x, math.nan)",
    "torch.searchsorted(m.flip(1), m, sorter=torch.tensor([[2, 1, 0]] * 2))",
    "torch.bucketize(m, x, out_int32=True)", "torch.searchsorted(x.half(), m.half())",
)  # fmt: skip
WRONG = (
    "torch.quantile(x, 0.3, interpolation='foo')", "torch.quantile(x.long(), 0.3)",
    "torch.quantile(x, 1.5)", "torch.quantile(x, torch.tensor([.1], dtype=torch.float64))",
    "torch.quantile(x[:0], .5)", "torch.quantile(x, torch.ones(2, 2))",
    "torch.histc(x, bins=0)", "torch.histc(x, min=2, max=1)", "torch.histc(x.long())",
    "torch.histc(torch.tensor([1., math.inf]))", "torch.histogram(x, 0)",
    "torch.histogram(x, 4, range=(2., 1.))", "torch.histogram(x, 4, range=(1.,))",
    "torch.histogram(x.long(), 4)", "torch.histogram(x, torch.ones(2, 2))",
    "torch.histogram(x, torch.ones(3, dtype=torch.double))", "torch.histogramdd(x, bins=2)",
    "torch.histogramdd(m, bins=[2])", "torch.histogramdd(m, 2, range=[1., 2.])",
    "torch.cov(torch.ones(2, 2, 2))", "torch.cov(x > 1)",
    "torch.cov(m, fweights=torch.tensor([1., 2, 3]))",
    "torch.cov(m, fweights=torch.tensor([1, 2]))",
    "torch.cov(m, fweights=torch.tensor([1, -2, 1]))",
    "torch.cov(m, aweights=torch.tensor([1, 2, 3]))", "torch.corrcoef(torch.ones(2, 2, 2))",
    "torch.renorm(x, 2, 0, 1.)", "torch.renorm(m, -1, 0, 1.)", "torch.renorm(m, 2, 0, -1.)",
    "torch.narrow_copy(m, 1, 2, 2)", "torch.nonzero_static(x, size=-1)",
    "torch.isin(x > 1, x > 1)", "torch.bincount(x)", "torch.bincount(torch.tensor([1, -1]))",
    "torch.bincount(torch.tensor([1, 2]), minlength=-1)", "torch.bincount(m.long())",
    "torch.index_reduce(m, 0, torch.tensor([0, 5]), torch.ones(2, 3), 'prod')",
    "torch.index_reduce(m, 0, torch.tensor([0., 0]), torch.ones(2, 3), 'amax')",
    "torch.index_reduce(m, 0, torch.tensor([0]), torch.ones(2, 3), 'amax')",
    "torch.index_reduce(m, 0, torch.tensor([0]), torch.ones(1, 2), 'amax')",
    "torch.index_reduce(m, 0, torch.tensor([[0]]), torch.ones(1, 3), 'amax')",
    "torch.unravel_index(x, (2, 3))", "torch.unravel_index(torch.tensor([1]), (2, -3))",
)  # fmt: skip


def run(call: str, package: object) -> object:
    scope = {"torch": package, "math": math}
    return eval(call, scope | {name: eval(text, dict(scope)) for name, text in DATA.items()})


def flat(found: object) -> list:
    return [leaf for one in found for leaf in flat(one)] if isinstance(found, tuple) else [found]


@pytest.mark.parametrize("call", CALLS)
def test_statistics_like_torch(call: str, torch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got, want = flat(run(call, ft)), flat(run(call, torch))
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert (tuple(one.shape), str(one.dtype)) == (tuple(other.shape), str(other.dtype))
        again = torch.tensor(one.tolist(), dtype=other.dtype).reshape(other.shape)
        torch.testing.assert_close(again, other, equal_nan=True)


@pytest.mark.parametrize("call", WRONG)
def test_wrong_arguments_like_torch(call: str, torch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as wanted:
            run(call, torch)
    with pytest.raises(wanted.type) as found:
        run(call, ft)
    assert str(found.value) == str(wanted.value)


def test_quantiles_are_numpys() -> None:
    x = np.random.default_rng(3).normal(size=(4, 5, 6))
    q = np.array([0.0, 0.17, 0.5, 1.0])
    for dim in range(3):
        got = ft.quantile(ft.from_numpy(x), ft.from_numpy(q), dim).numpy()
        np.testing.assert_allclose(got, np.quantile(x, q, axis=dim))


def test_gradients() -> None:
    x = ft.tensor([[0.3, 1.0, -2.0, 4.0], [5.0, 0.1, 2.0, 0.7]], dtype=ft.float64)
    x.requires_grad_()
    weights = ft.tensor([0.2, 0.5, 0.9, 0.4], dtype=ft.float64, requires_grad=True)
    q = ft.tensor([0.2, 0.45], dtype=ft.float64)
    check = ft.autograd.gradcheck
    assert check(lambda t: ft.quantile(t, q, 1), (x,))
    assert check(lambda t, w: ft.cov(t, aweights=w), (x, weights))
    assert check(ft.corrcoef, (x,))
    assert check(lambda t: ft.renorm(t, 2, 0, 1.0), (x,))
    index = ft.tensor([1, 0, 1])
    assert check(lambda t: ft.index_reduce(t, 0, index, t[[0, 1, 0]] * 2, "prod"), (x,))


def test_bisection_finds_what_numpy_finds() -> None:
    rng = np.random.default_rng(1)
    rows = np.sort(rng.integers(0, 20, (6, 9)), 1)
    values = rng.integers(-1, 22, (6, 40))
    for right, side in ((False, "left"), (True, "right")):
        got = ft.searchsorted(ft.from_numpy(rows), ft.from_numpy(values), right=right).numpy()
        want = [np.searchsorted(r, v, side) for r, v in zip(rows, values, strict=True)]
        np.testing.assert_array_equal(got, want)
