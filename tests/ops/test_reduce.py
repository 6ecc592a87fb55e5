"""Reductions against NumPy, `math.fsum` and torch: layouts, dtypes, long vectors, ties and nan."""

import itertools
import math
import warnings
from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops import reduce_cases as cases
from tests.ops.layouts import LAYOUTS, filled
from tests.ops.twin import TOLERANCE, check

# More than 64 Ki elements over few outputs: the road that splits a reduction into chunks.
LONG = [(100_003,), (1, 100_003), (3, 40_009), (40_009, 3), (17, 9_001), (9_001, 17), (1_000, 131)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reference", cases.REFERENCES, ids=lambda r: r.name)
def test_reductions_over_layouts_and_dtypes(reference: cases.Reference, layout: str) -> None:
    for name in reference.dtypes:
        x, array = filled(layout, name)
        for dim, keep in itertools.product((None, *range(array.ndim)), (False, True)):
            got = getattr(facula, reference.name)(x, () if dim is None else dim, keep)
            expected = reference.reference(array, dim, keep)
            assert tuple(got.shape) == expected.shape, (name, dim, keep)
            bound = TOLERANCE.get(str(got.dtype), 0.0)
            np.testing.assert_allclose(
                np.array(got.tolist()), expected, bound, bound, err_msg=f"{name} {dim} {keep}"
            )


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_reductions_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


@pytest.mark.parametrize("text", cases.OUT)
def test_out_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_out_of_another_shape_warns_and_an_empty_one_does_not() -> None:
    x = facula.ones(3)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        facula.sum(x, 0, out=facula.zeros(5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert facula.sum(x, 0, out=facula.empty(0)).item() == 3.0


@pytest.mark.parametrize("shape", LONG, ids=str)
def test_long_reductions(shape: tuple[int, ...]) -> None:
    """Every dim, dense and transposed, forward values against NumPy in float64."""
    count = math.prod(shape)
    array = (((np.arange(count) * 7919) % 1009) / 1009 - 0.4).astype(np.float32).reshape(shape)
    whole = facula.from_numpy(array)
    for x, a in ((whole, array), (whole.t() if whole.ndim == 2 else whole[::1], array.T)):
        wide = a.astype(np.float64)
        for dim in (None, *range(len(shape))):
            keyed = {} if dim is None else {"dim": dim}
            np.testing.assert_allclose(x.sum(**keyed).numpy(), wide.sum(dim), 1e-6, 1e-6)
            np.testing.assert_allclose(x.mean(**keyed).numpy(), wide.mean(dim), 1e-6, 1e-7)
            np.testing.assert_array_equal(x.amax(**keyed).numpy(), a.max(dim))
            np.testing.assert_array_equal(x.argmin(**keyed).numpy(), a.argmin(dim))
            np.testing.assert_array_equal((x > 0.607).any(**keyed).numpy(), (a > 0.607).any(dim))
            np.testing.assert_array_equal((x > 0).sum(**keyed).numpy(), (a > 0).sum(dim))
            if dim is not None:
                values, places = x.max(dim)
                np.testing.assert_array_equal(values.numpy(), a.max(dim))
                np.testing.assert_array_equal(places.numpy(), a.argmax(dim))


@pytest.mark.parametrize("count", [1, 7, 1_000, 65_537, 300_001])
def test_sums_of_float32_are_as_good_as_exact(count: int) -> None:
    values = (np.sin(np.arange(count) * 12.9898) * 43758.5453 % 1.0 * 1e3 - 3e2).astype(np.float32)
    exact = math.fsum(values.tolist())
    total = facula.from_numpy(values).sum().item()
    assert abs(total - exact) <= abs(exact) * 2**-23 + 1e-6
    tenths = facula.full((count,), 0.1).sum().item()
    assert tenths == np.float32(math.fsum([float(np.float32(0.1))] * count))


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    x = facula.from_numpy(np.sin(np.arange(3 * 70_001)).astype(np.float32).reshape(3, 70_001))
    before = facula.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            facula.set_num_threads(threads)
            y = x.t().contiguous()
            found.append(
                [
                    v.tolist()
                    for v in (
                        x.sum(),
                        x.sum(1),
                        y.sum(0),
                        x.var(),
                        x.logsumexp(1),
                        x.norm(),
                        x.prod(0),
                    )
                ]
            )
    finally:
        facula.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_prefer_nan_and_the_first_of_equals(name: str) -> None:
    worst = -math.inf if name == "max" else math.inf
    row = facula.tensor([worst, worst, worst])
    assert getattr(row, name)(0)[1].item() == 0
    for place in range(40):
        x = facula.zeros(40)
        x[place] = math.nan
        x[min(39, place + 3)] = math.nan
        value, where = getattr(x, name)(0)
        assert math.isnan(value.item()) and where.item() == place
        assert getattr(x, f"arg{name}")().item() == place
        assert math.isnan(getattr(x, name)().item())
    ties = facula.tensor([[2.0, 5.0, 5.0], [1.0, 1.0, 5.0]])
    expected = np.argmax if name == "max" else np.argmin
    assert getattr(ties, f"arg{name}")(1).tolist() == expected(ties.numpy(), 1).tolist()


@pytest.mark.parametrize("scale", ["uniform", "normal"])
def test_sums_of_floats_are_as_accurate_as_torch(torch: ModuleType, scale: str) -> None:
    """In the mean square: of a single sum torch may be lucky."""
    rng = np.random.default_rng(0)
    for shape, dims in (
        ((40, 20_011), (1,)), ((256, 300), (0,)), ((256, 300), (1,)), ((9, 65, 50), (1,)),
        ((9, 65, 50), (0, 2)), ((1000, 7), (0,)), ((1000, 7), (1,)),
    ):  # fmt: skip
        x = rng.random(shape) if scale == "uniform" else rng.standard_normal(shape)
        x = x.astype(np.float32)
        wanted = x.astype(np.float64).sum(dims)
        ours = np.square(facula.tensor(x).sum(dims).numpy() - wanted).mean()
        theirs = np.square(torch.tensor(x).sum(dims).numpy() - wanted).mean()
        assert ours <= theirs, (shape, dims)


def test_wide_sums_of_floats_keep_every_bit() -> None:
    x = facula.tensor([2.0**24, 1.0, 2.0**-20] * 1000)
    assert x.sum(dtype=facula.float64).item() == 1000 * (2.0**24 + 1 + 2.0**-20)
    assert (
        x.repeat(3, 1).t().sum(0, dtype=facula.float64) == 1000 * (2.0**24 + 1 + 2.0**-20)
    ).all()


@pytest.mark.parametrize("dims", [None, (0,), (1,), (0, 2)])
def test_variances_against_numpy_and_their_gradients(dims: tuple[int, ...] | None) -> None:
    array = np.random.default_rng(0).standard_normal((40, 23, 31)) * 3 + 1000
    for x in (facula.tensor(array), facula.tensor(array.T.copy()).permute(2, 1, 0)):
        for correction in (0, 1, 2.5):
            y = x.requires_grad_().var(dims, correction=correction, keepdim=True)
            n = array.size // y.numel()
            wanted = array.var(dims, keepdims=True) * n / (n - correction)
            np.testing.assert_allclose(y.detach().numpy(), wanted, rtol=1e-12)
            (gradient,) = facula.autograd.grad(y.sum(), x)
            centred = array - array.mean(dims, keepdims=True)
            np.testing.assert_allclose(
                gradient.numpy(), 2 * centred / (n - correction), rtol=1e-9, atol=1e-12
            )
