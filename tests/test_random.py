"""Random numbers: equal to the plain NumPy reference, and to real PyTorch where it is installed.

The reference (`random_reference.py`) shares nothing with the package. Where PyTorch calls the C
library (float64 normals, exponentials), agreement is to a few units in the last place.
"""

import copy
import math
import pickle
import struct
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facula import ops
from facula.autograd.mode import no_grad
from facula.autograd.public import grad
from facula.backend.cpu import machine
from facula.generator import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    kernel_of,
    manual_seed,
    seed,
    set_rng_state,
)
from facula.kernel.library.random import WideShuffle
from facula.meta import dtype as dtypes
from facula.ops.noise import WIDE_DROPOUT
from facula.tensor import Tensor
from tests.random_reference import DIGITS, ReferenceGenerator, round_bfloat16

FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
# Around the block of 16, the twister's 624 words, and the stage of 2048.
SIZES = (0, 1, 2, 7, 15, 16, 17, 33, 100, 312, 623, 624, 625, 1249, 2047, 2048, 2049, 5000)
# Relative: what the C library's functions and ours may differ by.
CLOSE = {"float32": 1e-6, "float64": 1e-13, "float16": 2e-3, "bfloat16": 1.6e-2}


def values(tensor: Tensor) -> np.ndarray:
    """A tensor as an array; bfloat16 as float32."""
    if tensor.dtype is dtypes.bfloat16:
        tensor = tensor.to(dtypes.float32)
    return tensor.detach().numpy()


def named(name: str) -> Any:
    return dtypes.of_name(name)


def pair(start: int) -> tuple[Generator, ReferenceGenerator]:
    """Our generator and the reference at the start of one stream."""
    return Generator().manual_seed(start), ReferenceGenerator(start)


def same_state(ours: Generator, reference: ReferenceGenerator) -> bool:
    """Equal bytes, but for the cached normal, of which the last bits may differ."""
    mine, other = bytes(ours.get_state().storage_bytes()), reference.get_state()
    cached = (struct.unpack("<d", raw[5024:5032])[0] for raw in (mine, other))
    return mine[:5024] + mine[5032:] == other[:5024] + other[5032:] and math.isclose(
        *cached, rel_tol=1e-13
    )


# --- seeds and states ----------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 1, 42, 2**32 + 5, 2**64 - 1, -1, -(2**63)])
def test_seeding_makes_the_reference_state(start: int) -> None:
    ours, reference = pair(start)
    assert same_state(ours, reference)
    assert ours.initial_seed() == start % 2**64


def test_the_default_seed_is_pytorchs() -> None:
    assert Generator().initial_seed() == 67280421310721


@pytest.mark.parametrize("drawn", [0, 1, 10, 623, 624, 625, 1000, 1248])
def test_state_round_trip_continues_the_stream(drawn: int) -> None:
    ours, reference = pair(7)
    ops.rand(drawn, generator=ours)
    reference.words(drawn)
    state = ours.get_state()
    assert state.dtype is dtypes.uint8 and state.shape == (5056,)
    assert same_state(ours, reference)
    first = values(ops.rand(700, generator=ours))
    again = Generator()
    again.set_state(state)
    assert again.initial_seed() == 7
    assert np.array_equal(values(ops.rand(700, generator=again)), first)
    assert np.array_equal(reference.uniform(700), first)


def test_a_cached_normal_travels_with_the_state() -> None:
    ours, reference = pair(3)
    ops.randn(3, generator=ours)
    reference.normal(3)
    assert same_state(ours, reference)
    twin = ours.clone_state()
    rest = values(ops.randn(1, generator=ours))
    assert np.array_equal(rest, values(ops.randn(1, generator=twin)))
    assert np.allclose(rest, reference.normal(1), rtol=1e-6)


def test_a_blocked_fill_leaves_the_cached_normal_alone() -> None:
    ours, reference = pair(3)
    for count in (1, 16, 1, 20, 3):
        assert np.allclose(
            values(ops.randn(count, generator=ours)), reference.normal(count), rtol=1e-6
        )
        assert same_state(ours, reference)


def test_seeding_forgets_the_cached_normal() -> None:
    ours, _ = pair(3)
    ops.randn(1, generator=ours)
    ours.manual_seed(3)
    assert same_state(ours, ReferenceGenerator(3))


def test_generators_are_independent_and_the_default_one_is_shared() -> None:
    manual_seed(5)
    first = values(ops.rand(4))
    own = Generator().manual_seed(5)
    assert np.array_equal(values(ops.rand(4, generator=own)), first)
    manual_seed(5)
    ops.rand(100, generator=own)
    assert np.array_equal(values(ops.rand(4)), first)
    assert initial_seed() == default_generator.initial_seed() == 5


def test_module_state_round_trip() -> None:
    manual_seed(11)
    ops.rand(5)
    state = get_rng_state()
    first = values(ops.rand(5))
    set_rng_state(state)
    assert np.array_equal(values(ops.rand(5)), first)


def test_fork_rng_puts_the_state_back() -> None:
    manual_seed(11)
    with fork_rng():
        inside = values(ops.rand(5))
    assert np.array_equal(values(ops.rand(5)), inside)
    with fork_rng(enabled=False):
        ops.rand(5)
    assert same_state(default_generator, _after(11, 10))


def _after(start: int, words: int) -> ReferenceGenerator:
    reference = ReferenceGenerator(start)
    reference.words(words)
    return reference


def test_seed_chooses_differently_each_time() -> None:
    chosen = seed()
    assert initial_seed() == chosen
    assert seed() != chosen


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))]
)
def test_copies_continue_alike(twin: Callable[[Generator], Generator]) -> None:
    ours, _ = pair(9)
    ops.rand(100, generator=ours)
    other = twin(ours)
    assert other.initial_seed() == 9
    assert np.array_equal(values(ops.rand(9, generator=ours)), values(ops.rand(9, generator=other)))


# --- fills against the reference -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bounds", [(0, 1), (-0.3, 0.7), (5, 6), (0.1, 0.2), (-1 / 28, 1 / 28)])
def test_uniform_equals_the_reference(dtype: str, bounds: tuple[float, float]) -> None:
    ours, reference = pair(12345)
    for size in SIZES:
        drawn = ops.empty(size, dtype=named(dtype)).uniform_(*bounds, generator=ours)
        assert np.array_equal(values(drawn), reference.uniform(size, dtype, *bounds)), size
        assert same_state(ours, reference)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("moments", [(0, 1), (0.3, 1.7), (-2, 0)])
def test_normal_equals_the_reference(dtype: str, moments: tuple[float, float]) -> None:
    ours, reference = pair(12345)
    for size in SIZES:
        drawn = values(ops.empty(size, dtype=named(dtype)).normal_(*moments, generator=ours))
        expected = reference.normal(size, dtype, *moments)
        if size >= 16 and dtype != "float64":
            assert np.array_equal(drawn, expected), size
        else:
            assert np.allclose(drawn, expected, rtol=CLOSE[dtype], atol=CLOSE[dtype] / 100), size
        assert same_state(ours, reference)


@pytest.mark.parametrize(
    "bounds", [(0, 10), (-5, 7), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**41)]
)
def test_randint_equals_the_reference(bounds: tuple[int, int]) -> None:
    ours, reference = pair(8)
    for size in SIZES:
        drawn = ops.randint(*bounds, (size,), generator=ours)
        assert drawn.tolist() == reference.integers(size, *bounds)
        assert same_state(ours, reference)


def test_randint_over_nearly_all_of_int64() -> None:
    ours, reference = pair(8)
    drawn = ops.randint(-(2**63), 2**63 - 1, (1000,), generator=ours)
    assert drawn.tolist() == reference.integers(1000, -(2**63), 2**63 - 1)
    whole = ops.empty(1000, dtype=dtypes.int64).random_(-(2**63), None, generator=ours)
    assert whole.tolist() == reference.full_integers(1000)


@pytest.mark.parametrize("dtype", (*FLOATS, *INTEGERS, "bool"))
def test_random_equals_the_reference(dtype: str) -> None:
    ours, reference = pair(8)
    for size in SIZES:
        drawn = values(ops.empty(size, dtype=named(dtype)).random_(generator=ours))
        assert drawn.astype(np.float64).tolist() == [
            float(n) for n in reference.random(size, dtype)
        ]
        assert same_state(ours, reference)


@pytest.mark.parametrize("dtype", (*FLOATS, *INTEGERS))
def test_randperm_equals_the_reference(dtype: str) -> None:
    ours, reference = pair(6)
    for size in SIZES:
        if dtype == "float16" and size > 2049:
            continue
        if dtype in ("uint8", "int8") and size > 128:
            continue
        drawn = values(ops.randperm(size, dtype=named(dtype), generator=ours))
        expected = np.array(reference.permutation(size), np.float32)
        if dtype == "bfloat16":
            expected = round_bfloat16(expected)
        assert np.array_equal(drawn.astype(np.float32), expected)
        assert same_state(ours, reference)


@pytest.mark.parametrize("kind", ["i64", "i32", "f32", "f64"])
def test_the_permutation_for_huge_lengths(kind: str) -> None:
    """The recipe itself, at a length that fits a test."""
    ours, reference = pair(6)
    name = next(d for d in dtypes.DTYPES if d.short == kind)
    for size in (2, 3, 1000, 2500):
        drawn = ops.empty(size, dtype=name)
        ours.fill(drawn, kernel_of(WideShuffle, kind))
        assert values(drawn).astype(np.int64).tolist() == reference.permutation(size, wide=True)


@pytest.mark.parametrize("dtype", (*FLOATS, *INTEGERS, "bool"))
def test_bernoulli_equals_the_reference(dtype: str) -> None:
    ours, reference = pair(6)
    for size in SIZES:
        for p in (0.0, 0.3, 1.0):
            drawn = values(ops.empty(size, dtype=named(dtype)).bernoulli_(p, generator=ours))
            assert np.array_equal(drawn.astype(bool), reference.bernoulli(size, p))
        assert same_state(ours, reference)


@pytest.mark.parametrize("given", FLOATS)
@pytest.mark.parametrize("dtype", ("float32", "int64", "bool", "bfloat16"))
def test_bernoulli_of_each_probability_equals_the_reference(given: str, dtype: str) -> None:
    ours, reference = pair(6)
    for size in SIZES:
        p = ops.rand(size, dtype=named(given), generator=Generator().manual_seed(size))
        drawn = values(ops.empty(size, dtype=named(dtype)).bernoulli_(p, generator=ours))
        assert np.array_equal(drawn.astype(bool), reference.bernoulli_each(values(p)))
        assert same_state(ours, reference)


@pytest.mark.parametrize("dtype", ("float32", "float64", "float16"))
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_dropout_equals_the_reference(dtype: str, p: float) -> None:
    manual_seed(4)
    reference = ReferenceGenerator(4)
    for size in SIZES:
        x = ops.rand(size, dtype=named(dtype), generator=Generator().manual_seed(size))
        assert np.array_equal(values(ops.dropout(x, p, True)), reference.dropout(values(x), p))
        assert same_state(default_generator, reference)


def test_dropout_outside_training_gives_the_input_itself() -> None:
    manual_seed(4)
    x = ops.rand(20)
    assert ops.dropout(x, 0.5, False) is x
    assert ops.dropout(x, 0.0, True) is x
    assert same_state(default_generator, _after(4, 20))


@pytest.mark.parametrize("dtype", FLOATS)
def test_formulas_of_uniforms_equal_the_reference(dtype: str) -> None:
    ours, reference = pair(2)
    close = {"rtol": CLOSE[dtype], "atol": CLOSE[dtype] / 100}
    for size in (1, 17, 1100):
        blank = ops.empty(size, dtype=named(dtype))
        drawn = values(blank.exponential_(1.5, generator=ours))
        assert np.allclose(drawn, reference.exponential(size, dtype, 1.5), **close)
        drawn = values(blank.cauchy_(0.5, 1.5, generator=ours))
        assert np.allclose(drawn, reference.cauchy(size, dtype, 0.5, 1.5), **close)
        drawn = values(blank.log_normal_(0.5, 0.7, generator=ours))
        assert np.allclose(drawn, reference.log_normal(size, dtype, 0.5, 0.7), **close)
        drawn = values(blank.geometric_(0.3, generator=ours))
        assert np.array_equal(drawn, reference.geometric(size, 0.3).astype(drawn.dtype))
        assert same_state(ours, reference)


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial_equals_the_reference(dtype: str, replacement: bool) -> None:
    ours, reference = pair(2)
    weights = ops.rand(3, 50, dtype=named(dtype), generator=Generator().manual_seed(1))
    for count in (1, 2, 40):
        drawn = ops.multinomial(weights, count, replacement, generator=ours)
        assert np.array_equal(
            values(drawn), reference.multinomial(values(weights), count, replacement)
        )
        assert same_state(ours, reference)


def test_multinomial_never_draws_what_has_no_weight() -> None:
    weights = ops.tensor([0.0, 3.0, 0.0, 1.0])
    drawn = values(ops.multinomial(weights, 1000, True))
    assert set(drawn.tolist()) == {1, 3}
    assert sorted(ops.multinomial(weights, 2).tolist()) == [1, 3]


# --- layouts -------------------------------------------------------------------------------------

FILLS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "uniform": lambda t, g: t.uniform_(generator=g),
    "integers": lambda t, g: t.random_(0, 100, generator=g),
    "bernoulli": lambda t, g: t.bernoulli_(0.4, generator=g),
    "normal": lambda t, g: t.normal_(generator=g),
}


@pytest.mark.parametrize("fill", FILLS)
def test_a_transposed_tensor_is_filled_in_the_order_of_memory(fill: str) -> None:
    base = ops.zeros(4, 5, 6)
    FILLS[fill](base.permute(2, 0, 1), Generator().manual_seed(1))
    plain = ops.zeros(240)[::2] if fill == "normal" else ops.zeros(120)
    expected = FILLS[fill](plain, Generator().manual_seed(1))
    assert np.array_equal(values(base).ravel(), values(expected))


@pytest.mark.parametrize("fill", FILLS)
def test_a_strided_tensor_is_filled_and_the_gaps_are_left(fill: str) -> None:
    base = ops.full((8, 10), -7.0)
    FILLS[fill](base[::2, 1::3], Generator().manual_seed(1))
    plain = ops.zeros(24)[::2] if fill == "normal" else ops.zeros(12)
    expected = values(FILLS[fill](plain, Generator().manual_seed(1)))
    array = values(base).copy()
    assert np.array_equal(array[::2, 1::3].ravel(), expected)
    array[::2, 1::3] = -7
    assert (array == -7).all()


def test_probabilities_follow_the_order_of_the_result() -> None:
    p = ops.rand(30, 7, generator=Generator().manual_seed(2))
    ours, reference = pair(5)
    turned = ops.zeros(7, 30).t()
    turned.bernoulli_(p, generator=ours)
    expected = reference.bernoulli_each(values(p).T.ravel()).reshape(7, 30).T
    assert np.array_equal(values(turned).astype(bool), expected)
    row = ops.zeros(30, 7).bernoulli_(p[0], generator=ours)
    expected = reference.bernoulli_each(np.tile(values(p)[0], 30)).reshape(30, 7)
    assert np.array_equal(values(row).astype(bool), expected)


def test_like_functions_keep_the_layout() -> None:
    x = ops.zeros(3, 4).t()
    for made in (ops.rand_like(x), ops.randn_like(x), ops.randint_like(x, 5)):
        assert made.shape == x.shape and made.stride() == x.stride()
    assert ops.randint_like(x, 2, 5, dtype=dtypes.int32).dtype is dtypes.int32


def test_out_receives_the_same_numbers() -> None:
    target = ops.empty(40)
    ours, reference = pair(5)
    assert ops.rand(40, out=target, generator=ours) is target
    assert np.array_equal(values(target), reference.uniform(40))
    assert ops.randn(5, 8, out=target.view(5, 8), generator=ours).shape == (5, 8)
    assert np.array_equal(values(target), reference.normal(40))
    places = ops.empty(20, dtype=dtypes.int64)
    ops.randperm(10, out=places[::2], generator=ours)
    assert places[::2].tolist() == reference.permutation(10)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        ops.rand(41, out=target, generator=ours)


def test_normal_around_tensors() -> None:
    mean, std = ops.arange(20.0), ops.arange(20.0) / 10
    for given, spread in ((mean, 0.5), (0.25, std), (mean, std)):
        ours, reference = pair(5)
        drawn = values(ops.normal(given, spread, generator=ours))
        sigma = values(spread) if isinstance(spread, Tensor) else np.float32(spread)
        centre = values(given) if isinstance(given, Tensor) else np.float32(given)
        expected = reference.normal(20).astype(np.float64) * sigma + centre
        assert np.allclose(drawn, expected, rtol=1e-6, atol=1e-6)


# --- threads and speed of thought ----------------------------------------------------------------


def test_the_stream_does_not_depend_on_the_number_of_threads() -> None:
    before = machine.pool.parts
    results = []
    try:
        for threads in (1, 2):
            machine.set_threads(threads)
            ours, _ = pair(31)
            results.append(
                [
                    values(ops.rand(300_000, generator=ours)).tobytes(),
                    values(ops.randn(300_000, generator=ours)).tobytes(),
                    values(ops.randperm(300_000, generator=ours)).tobytes(),
                    bytes(ours.get_state().storage_bytes()),
                ]
            )
    finally:
        machine.set_threads(before)
    assert results[0] == results[1]


# --- are they any good ---------------------------------------------------------------------------

MANY = 200_000


def test_uniform_moments_and_histogram() -> None:
    u = values(ops.rand(MANY, generator=Generator().manual_seed(0))).astype(np.float64)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 4 / math.sqrt(12 * MANY)
    counts = np.histogram(u, 100, (0, 1))[0]
    chi = ((counts - MANY / 100) ** 2 / (MANY / 100)).sum()
    assert chi < 99 + 5 * math.sqrt(2 * 99)


@pytest.mark.parametrize("contiguous", [True, False])
def test_normal_moments_and_tails(contiguous: bool) -> None:
    ours = Generator().manual_seed(0)
    blank = ops.empty(MANY) if contiguous else ops.empty(2 * MANY)[::2]
    z = values(blank.normal_(generator=ours)).astype(np.float64)
    assert abs(z.mean()) < 4 / math.sqrt(MANY)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / MANY)
    assert abs((z**3).mean()) < 4 * math.sqrt(15 / MANY)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / MANY)
    beyond = (np.abs(z) > 2).mean()
    assert abs(beyond - 0.0455) < 4 * math.sqrt(0.0455 / MANY)
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4 / math.sqrt(MANY)


def test_blocked_normals_are_box_muller_to_float32_accuracy() -> None:
    ours, reference = pair(17)
    drawn = values(ops.randn(16_000, generator=ours)).astype(np.float64)
    first, second = reference.unit_float(16_000).astype(np.float64).reshape(-1, 2, 8).swapaxes(0, 1)
    radius = np.sqrt(-2 * np.log1p(-first))
    exact = np.stack([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], 1)
    assert np.abs(drawn - exact.ravel()).max() < 2e-6


def test_permutations_are_even() -> None:
    ours = Generator().manual_seed(0)
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(2400):
        order = tuple(ops.randperm(4, generator=ours).tolist())
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 24
    assert sum((n - 100) ** 2 / 100 for n in seen.values()) < 23 + 5 * math.sqrt(46)


# --- autograd ------------------------------------------------------------------------------------


def test_a_leaf_that_wants_a_gradient_is_not_overwritten() -> None:
    leaf = ops.ones(3, requires_grad=True)
    for write in (leaf.uniform_, leaf.normal_, leaf.random_, leaf.bernoulli_, leaf.exponential_):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
            write()
    with no_grad():
        leaf.uniform_()
    assert leaf.is_leaf and leaf.requires_grad


def test_an_overwritten_result_passes_no_gradient_on() -> None:
    leaf = ops.ones(20, requires_grad=True)
    y = leaf * 2
    y[:5].uniform_()
    y.sum().backward()
    assert leaf.grad.tolist() == [0.0] * 5 + [2.0] * 15
    leaf.grad = None
    z = leaf * 2
    z.normal_()
    (z * z).sum().backward()
    assert leaf.grad.tolist() == [0.0] * 20


def test_a_write_is_noticed_by_saved_values() -> None:
    leaf = ops.ones(3, requires_grad=True)
    x = leaf * 2
    y = x * x
    x.uniform_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_bernoulli_and_normal_pass_zeros() -> None:
    p = ops.full((5,), 0.5).requires_grad_()
    ops.bernoulli(p).sum().backward()
    assert p.grad.tolist() == [0.0] * 5
    mean = ops.zeros(5).requires_grad_()
    ops.normal(mean, 1.0).sum().backward()
    assert mean.grad.tolist() == [0.0] * 5


def test_dropout_gradient_is_the_mask() -> None:
    x = ops.ones(100, requires_grad=True)
    y = ops.dropout(x, 0.25, True)
    y.sum().backward()
    assert x.grad.tolist() == y.detach().tolist()
    assert set(x.grad.tolist()) == {0.0, float(np.float32(1) / np.float32(0.75))}


def test_wide_dropout_equals_the_product_with_a_mask() -> None:
    """One pass with bytes, one without a graph and one in place: all the product by a mask."""
    made = ops.randn(600, WIDE_DROPOUT // 512, dtype=dtypes.float16, generator=Generator())
    made[0, :4] = ops.tensor([math.inf, -math.inf, math.nan, -0.0])
    for x in (made, made.t(), made[3:, 1:]):
        manual_seed(7)
        mask = ops.empty_like(x).bernoulli_(0.3).div_(1 - 0.7)
        after = bytes(get_rng_state().storage_bytes())
        given = x.detach().clone().requires_grad_() if x is made else x.detach().requires_grad_()
        for call in (
            lambda: ops.dropout(given, 0.7, True),  # noqa: B023
            lambda: ops.dropout(given.detach(), 0.7, True),  # noqa: B023
            lambda: ops.dropout_(given.detach().clone(), 0.7, True),  # noqa: B023
        ):
            manual_seed(7)
            y = call()
            same = values(y.detach()), values(x * mask)
            assert np.array_equal(*same, equal_nan=True)
            numbers = ~np.isnan(same[0])
            assert np.array_equal(*(np.signbit(v)[numbers] for v in same))
            assert bytes(get_rng_state().storage_bytes()) == after
            if y.requires_grad:
                y.backward(x, retain_graph=True)
                assert np.array_equal(values(given.grad), same[1], equal_nan=True)


def test_gradient_of_a_wide_dropout_is_linear() -> None:
    x = ops.rand(WIDE_DROPOUT, dtype=dtypes.float64, requires_grad=True)
    y = ops.dropout(x, 0.25, True)
    g = ops.rand(WIDE_DROPOUT, dtype=dtypes.float64, requires_grad=True)
    (first,) = grad(y, x, g, create_graph=True)
    (second,) = grad(first.sum(), g)
    assert set(second.unique().tolist()) == {0.0, 1 / 0.75}
    assert np.array_equal(values(first.detach()), values((g * second).detach()))


def test_dropout_in_place_counts_as_a_write() -> None:
    x = ops.rand(20)
    w = ops.rand(20, requires_grad=True)
    y = w * x
    ops.dropout_(x, 0.5, True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_requires_grad_at_birth() -> None:
    assert ops.rand(3, requires_grad=True).requires_grad
    assert ops.randint(3, (2,), dtype=dtypes.float32, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        ops.randint(3, (2,), requires_grad=True)


# --- errors --------------------------------------------------------------------------------------


def blank(size: int = 3, dtype: str = "float32") -> Tensor:
    return ops.zeros(size, dtype=named(dtype))


ERRORS: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (RuntimeError, r"normal expects std >= 0.0, but found std -1", lambda: blank().normal_(0, -1)),
    (RuntimeError, r"found std nan", lambda: ops.normal(0.0, math.nan, (3,))),
    (RuntimeError, r"all elements of std >= 0.0", lambda: ops.normal(blank(), -ops.ones(3))),
    (NotImplementedError, r"\"normal_kernel_cpu\" not implemented for 'Long'",
     lambda: ops.randn(3, dtype=dtypes.int64)),
    (NotImplementedError, r"\"check_uniform_bounds\" not implemented for 'Int'",
     lambda: ops.rand(3, dtype=dtypes.int32)),
    (RuntimeError, r"uniform_ expects to return a \[from, to\) range, but found from=1 > to=0",
     lambda: blank().uniform_(1, 0)),
    (RuntimeError, r"to is out of bounds for float", lambda: blank().uniform_(0, math.inf)),
    (RuntimeError, r"to is out of bounds for c10::Half", lambda: blank(3, "half").uniform_(0, 1e6)),
    (RuntimeError, r"uniform_ expects to-from <= std::numeric_limits<Float>::max\(\)",
     lambda: blank().uniform_(-3e38, 3e38)),
    (RuntimeError, r"more than one element of the written-to tensor",
     lambda: ops.zeros(1).expand(3).uniform_()),
    (RuntimeError, r"random_ expects 'from' to be less than 'to', but got from=5 >= to=5",
     lambda: ops.randint(5, 5, (2,))),
    (RuntimeError, r"got from=0 >= to=-3", lambda: blank().random_(-3)),
    (RuntimeError, r"to - 1 is out of bounds for unsigned char",
     lambda: blank(3, "uint8").random_(300)),
    (RuntimeError, r"from is out of bounds for signed char",
     lambda: blank(3, "int8").random_(-1000, 5)),
    (ValueError, r"Overflow when unpacking long long", lambda: ops.randint(2**63, (2,))),
    (TypeError, r"randint\(\): argument 'high' \(position 1\) must be int, not float",
     lambda: ops.randint(3.5, (2,))),
    (TypeError, r"randint\(\): argument 'size' \(position 2\) must be tuple of ints, not int",
     lambda: ops.randint(3, 4)),
    (TypeError, r"random_\(\) received an invalid combination", lambda: blank().random_(1.5, 3)),
    (NotImplementedError, r"\"randperm\" not implemented for 'Bool'",
     lambda: ops.randperm(3, dtype=dtypes.bool_)),
    (RuntimeError, r"value cannot be converted to type uint8_t without overflow",
     lambda: ops.randperm(257, dtype=dtypes.uint8)),
    (RuntimeError, r"n cannot be greater than 2049 for Half type",
     lambda: ops.randperm(2050, dtype=dtypes.float16)),
    (RuntimeError, r"n cannot be greater than 2\^24\+1 for Float type",
     lambda: ops.randperm(2**24 + 2, dtype=dtypes.float32)),
    (RuntimeError, r"bernoulli_ expects p to be in \[0, 1\], but got p=1.5",
     lambda: blank().bernoulli_(1.5)),
    (RuntimeError, r"Expected p_in >= 0 && p_in <= 1 to be true",
     lambda: ops.bernoulli(ops.tensor([0.5, math.nan]))),
    (NotImplementedError, r"\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'",
     lambda: ops.bernoulli(ops.tensor([1, 0]))),
    (RuntimeError, r"exponential_ expects lambda > 0.0, but found lambda=0",
     lambda: blank().exponential_(0)),
    (RuntimeError, r"Exponential distribution is a continuous probability distribution",
     lambda: blank(3, "int64").exponential_()),
    (RuntimeError, r"cauchy_ expects sigma > 0.0, but found sigma=-1",
     lambda: blank().cauchy_(0, -1)),
    (RuntimeError, r"log_normal_ expects std > 0.0", lambda: blank().log_normal_(0, 0)),
    (RuntimeError, r"geometric_ expects p to be in \(0, 1\), but got p=1.5",
     lambda: blank().geometric_(1.5)),
    (RuntimeError, r"probability tensor contains either `inf`, `nan` or element < 0",
     lambda: ops.multinomial(ops.tensor([-1.0, 2.0]), 1)),
    (RuntimeError, r"invalid multinomial distribution \(sum of probabilities <= 0\)",
     lambda: ops.multinomial(ops.zeros(3), 1)),
    (RuntimeError, r"encountering probability entry < 0",
     lambda: ops.multinomial(ops.tensor([2.0, -1.0]), 2, True)),
    (RuntimeError, r"encountering probability entry = infinity or NaN",
     lambda: ops.multinomial(ops.tensor([2.0, math.inf]), 2, True)),
    (RuntimeError, r"cannot sample n_sample > prob_dist.size\(-1\)",
     lambda: ops.multinomial(ops.ones(3), 4)),
    (RuntimeError, r"cannot sample n_sample <= 0 samples", lambda: ops.multinomial(ops.ones(3), 0)),
    (RuntimeError, r"prob_dist must be 1 or 2 dim",
     lambda: ops.multinomial(ops.ones(3, 3, 3), 1)),
    (RuntimeError, r"multinomial only supports floating-point dtypes for input, got: Long",
     lambda: ops.multinomial(ops.tensor([1, 2]), 1)),
    (RuntimeError, r"dropout probability has to be between 0 and 1, but got 1.5",
     lambda: ops.dropout(blank(), 1.5, True)),
    (RuntimeError, r"Trying to create tensor with negative dimension -1: \[-1\]",
     lambda: ops.rand(-1)),
    (TypeError, r"rand\(\) received an invalid combination of arguments - got \(\)",
     lambda: ops.rand()),
    (TypeError, r"rand\(\): argument 'size' \(position 1\) must be tuple of ints, not float",
     lambda: ops.rand(2.5)),
    (TypeError, r"rand\(\) received an invalid combination", lambda: ops.rand(3, generator=5)),
    (RuntimeError, r"dtype Double does not match dtype of out parameter \(Float\)",
     lambda: ops.rand(3, out=blank(), dtype=dtypes.float64)),
    (TypeError, r"rand_like\(\): argument 'input' \(position 1\) must be Tensor, not list",
     lambda: ops.rand_like([1.0])),
    (RuntimeError, r"manual_seed expected a long, but got float",
     lambda: Generator().manual_seed(1.5)),
    (ValueError, r"Overflow when unpacking long long", lambda: manual_seed(2**64)),
    (ValueError, r"Overflow when unpacking long long", lambda: manual_seed(-(2**63) - 1)),
    (RuntimeError, r"not supported for torch.Generator\(\) api", lambda: Generator("cuda")),
    (TypeError, r"expected a torch.ByteTensor, but got int", lambda: set_rng_state(3)),
    (TypeError, r"RNG state must be a torch.ByteTensor",
     lambda: set_rng_state(get_rng_state().to(dtypes.int32))),
    (RuntimeError, r"Expected a CPUGeneratorImplState of size 5056 but found .* 5000",
     lambda: set_rng_state(get_rng_state()[:5000])),
    (RuntimeError, r"Invalid mt19937 state",
     lambda: set_rng_state(ops.zeros(5056, dtype=dtypes.uint8))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "call"), ERRORS, ids=[text for _, text, _ in ERRORS])
def test_errors_are_pytorchs(kind: type[Exception], text: str, call: Callable[[], object]) -> None:
    manual_seed(0)
    with pytest.raises(kind, match=text):
        call()
    assert same_state(default_generator, ReferenceGenerator(0))  # a refused draw draws nothing


def test_a_range_that_floats_cannot_hold_warns() -> None:
    with pytest.warns(UserWarning, match=r"to - 1 is out of bounds \[-\(2\^24\), 2\^24\]"):
        ops.empty(3).random_(0, 2**30)


# --- against real PyTorch ------------------------------------------------------------------------


def oracle_values(tensor: Any) -> np.ndarray:
    return tensor.detach().double().numpy()


def ours_values(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to(dtypes.float64).numpy()


def wide_dropout(t: Any, d: Any) -> Any:
    """Value and gradient of a dropout that keeps bytes, of a turned tensor with special values."""
    x = t.rand(520, WIDE_DROPOUT // 512, dtype=d)
    x[0, :3] = math.inf
    x[0, 3] = -0.0
    x.requires_grad_(True)
    y = t.dropout(x.t(), 0.7, True)
    y.backward(y.detach() * 0.5)
    return t.stack((y.detach().t(), x.grad)).nan_to_num(-1.0, 2.0, -2.0)


# Name, call on (namespace, dtype), and whether the C library's functions enter.
Call = Callable[[Any, Any], Any]
COMPARED: list[tuple[str, Call, bool]] = [
    ("rand", lambda t, d: t.rand(1000, dtype=d), False),
    ("uniform", lambda t, d: t.empty(40, 3, dtype=d).t().uniform_(-0.3, 0.8), False),
    ("randn", lambda t, d: t.randn(1003, dtype=d), False),
    ("randn small", lambda t, d: t.randn(13, dtype=d), True),
    ("normal_", lambda t, d: t.empty(70, dtype=d).normal_(0.3, 1.7), False),
    ("normal_ transposed", lambda t, d: t.empty(40, 3, dtype=d).t().normal_(0.3, 1.7), True),
    ("normal", lambda t, d: t.normal(0.3, 1.7, (17,), dtype=d), False),
    ("normal around", lambda t, d: t.normal(t.arange(20.0).to(d), t.arange(20.0).to(d)), False),
    ("random_", lambda t, d: t.empty(100, dtype=d).random_(), False),
    ("random_ to", lambda t, d: t.empty(100, dtype=d).random_(17), False),
    ("random_ from", lambda t, d: t.empty(100, dtype=d).random_(5, None), False),
    ("randint", lambda t, d: t.randint(-5, 90, (10, 9), dtype=d), False),
    ("randperm", lambda t, d: t.randperm(257, dtype=d), False),
    ("bernoulli_", lambda t, d: t.empty(5, 30, dtype=d).bernoulli_(0.3), False),
    ("bernoulli", lambda t, d: t.bernoulli(t.rand(5, 30, dtype=d).t()), False),
    ("dropout", lambda t, d: t.dropout(t.rand(7, 50, dtype=d).t(), 0.3, True), False),
    ("dropout stepped", lambda t, d: t.dropout(t.rand(7, 50, dtype=d)[1:, ::3], 0.3, True), False),
    ("dropout_", lambda t, d: t.dropout_(t.randint(-9, 9, (7, 50), dtype=d).t(), 0.7, True), False),
    ("dropout wide", lambda t, d: wide_dropout(t, d), False),
    ("exponential_", lambda t, d: t.empty(100, dtype=d).exponential_(1.5), True),
    ("cauchy_", lambda t, d: t.empty(100, dtype=d).cauchy_(0.5, 1.5), True),
    ("log_normal_", lambda t, d: t.empty(100, dtype=d).log_normal_(0.5, 0.7), True),
    ("geometric_", lambda t, d: t.empty(100, dtype=d).geometric_(0.3), False),
    ("rand_like", lambda t, d: t.rand_like(t.zeros(4, 6, dtype=d).t()), False),
]  # fmt: skip


class Namespace:
    """Our operations under PyTorch's module name."""

    Generator = Generator

    def __getattr__(self, name: str) -> Any:
        return getattr(ops, name)


@pytest.mark.parametrize(("name", "call", "library"), COMPARED, ids=[row[0] for row in COMPARED])
@pytest.mark.parametrize("dtype", FLOATS)
def test_equal_to_pytorch(
    torch: ModuleType, name: str, call: Call, library: bool, dtype: str
) -> None:
    for start in (0, 2024):
        torch.manual_seed(start)
        manual_seed(start)
        for _ in range(3):  # the second and third call begin inside a block of words
            expected = oracle_values(call(torch, getattr(torch, dtype)))
            drawn = ours_values(call(Namespace(), named(dtype)))
            if library or (dtype == "float64" and "norm" in name or "randn" in name):
                tolerance = CLOSE[dtype]
                assert np.allclose(drawn, expected, rtol=tolerance, atol=tolerance)
            else:
                assert np.array_equal(drawn, expected)
        position = bytes(get_rng_state().storage_bytes())[:24]
        assert position == torch.get_rng_state().numpy().tobytes()[:24]


@pytest.mark.parametrize("dtype", ("float32", "float16", "bfloat16"))
def test_large_normals_equal_pytorch_to_the_bit(torch: ModuleType, dtype: str) -> None:
    torch.manual_seed(1)
    manual_seed(1)
    expected = torch.empty(100_003, dtype=getattr(torch, dtype)).normal_(0.1, 0.9)
    drawn = ops.empty(100_003, dtype=named(dtype)).normal_(0.1, 0.9)
    assert np.array_equal(ours_values(drawn), oracle_values(expected))


def test_states_are_interchangeable_with_pytorch(torch: ModuleType) -> None:
    theirs = torch.Generator().manual_seed(123)
    torch.rand(1000, generator=theirs)
    torch.randn(3, generator=theirs)
    ours = Generator()
    ours.set_state(ops.from_numpy(theirs.get_state().numpy()))
    assert bytes(ours.get_state().storage_bytes()) == theirs.get_state().numpy().tobytes()
    for _ in range(2):
        expected = torch.randn(1, generator=theirs).numpy()
        assert np.allclose(values(ops.randn(1, generator=ours)), expected, rtol=1e-6)
    back = torch.Generator()
    back.set_state(torch.from_numpy(ours.get_state().numpy()))
    assert torch.rand(9, generator=back).tolist() == ops.rand(9, generator=ours).tolist()


@pytest.mark.parametrize("dtype", sorted(DIGITS) + ["int32", "int64"])
def test_integer_ranges_equal_pytorch(torch: ModuleType, dtype: str) -> None:
    """Ranges near what floats hold exactly are narrowed the same way."""
    chance = np.random.RandomState(0)
    for trial in range(60):
        bits = int(
            chance.choice([11, 15] if dtype == "float16" else [15, 24, 25, 28, 29, 31, 53, 62])
        )
        low = int(chance.randint(-1, 2)) * int(chance.randint(2 ** min(bits - 1, 30)))
        high = low + 1 + int(chance.randint(2**bits - 1, dtype=np.int64))
        if dtype == "int32" and high > 2**31 or dtype == "float16" and high > 65504:
            continue
        if dtype in DIGITS and max(abs(low), high) > 2 ** DIGITS[dtype]:
            with pytest.warns(UserWarning, match="is out of bounds"):
                expected = _drawn(torch, getattr(torch, dtype), low, high, trial)
            with pytest.warns(UserWarning, match="is out of bounds"):
                drawn = _drawn(Namespace(), named(dtype), low, high, trial)
        else:
            expected = _drawn(torch, getattr(torch, dtype), low, high, trial)
            drawn = _drawn(Namespace(), named(dtype), low, high, trial)
        assert np.array_equal(ours_values(drawn), oracle_values(expected)), (low, high)


def _drawn(namespace: Any, dtype: Any, low: int, high: int, start: int) -> Any:
    generator = namespace.Generator().manual_seed(start)
    return namespace.empty(9, dtype=dtype).random_(low, high, generator=generator)


def test_multinomial_equals_pytorch(torch: ModuleType) -> None:
    weights = np.random.RandomState(0).rand(4, 30).astype(np.float32)
    for replacement in (False, True):
        for count in (1, 3, 30):
            torch.manual_seed(count)
            manual_seed(count)
            expected = torch.multinomial(torch.from_numpy(weights), count, replacement)
            drawn = ops.multinomial(ops.from_numpy(weights), count, replacement)
            assert drawn.tolist() == expected.tolist()


def test_the_reference_equals_pytorch(torch: ModuleType) -> None:
    """The reference that the other tests trust, checked itself."""
    for start in (0, 2**40 + 7):
        reference = ReferenceGenerator(start)
        torch.manual_seed(start)
        assert torch.get_rng_state().numpy().tobytes() == reference.get_state()
        for size in SIZES:
            assert np.array_equal(torch.rand(size).numpy(), reference.uniform(size))
            assert np.allclose(torch.randn(size).numpy(), reference.normal(size), rtol=1e-6)
            assert torch.randint(7, 99, (size,)).tolist() == reference.integers(size, 7, 99)
            assert torch.randperm(size).tolist() == reference.permutation(size)
            kept = torch.empty(size).bernoulli_(0.7).numpy()
            assert np.array_equal(kept.astype(bool), reference.bernoulli(size, 0.7))
            half = torch.randn(size, dtype=torch.float16).numpy()
            assert np.allclose(half, reference.normal(size, "float16"), rtol=CLOSE["float16"])
