"""Samplers give PyTorch's indices after equal seeds, and its errors."""

import json
import re
from types import ModuleType
from typing import Any

import pytest

import facula
from facula.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from tests.utils.orders import CASES, STORED, epochs, key

stored = json.loads(STORED.read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: key(*case))
def test_order_and_generators_after_it(case: tuple[str, int, bool]) -> None:
    assert epochs(facula, *case) == stored[key(*case)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: key(*case))
def test_workers_change_no_order(case: tuple[str, int, bool]) -> None:
    assert epochs(facula, *case, num_workers=2)[:3] == stored[key(*case)][:3]


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("options", [{}, {"persistent_workers": True, "prefetch_factor": 1}])
def test_fetching_ahead_draws_as_torch_does(
    torch: ModuleType, own_generator: bool, options: dict[str, Any]
) -> None:
    case = ("shuffled", 2, own_generator)
    expected = epochs(torch, *case, num_workers=2, **options)
    assert epochs(facula, *case, num_workers=2, **options) == expected


def test_unstarted_iterators_have_drawn_only_their_seed(torch: ModuleType) -> None:
    def after(package: ModuleType) -> float:
        package.manual_seed(5)
        iter(package.utils.data.DataLoader(list(range(8)), shuffle=True))
        return package.rand(1).item()

    assert after(facula) == after(torch)


def test_sequential() -> None:
    sampler = SequentialSampler([3, 4, 5])
    assert (list(sampler), len(sampler)) == ([0, 1, 2], 3)


def test_random_is_a_permutation() -> None:
    sampler = RandomSampler(range(50))
    assert sorted(sampler) == list(range(50))
    assert list(sampler) != list(sampler)


def test_random_follows_a_growing_dataset() -> None:
    source = [1, 2]
    sampler = RandomSampler(source)
    source.append(3)
    assert (len(sampler), sorted(sampler)) == (3, [0, 1, 2])


def test_lengths() -> None:
    assert len(RandomSampler([1, 2], num_samples=5)) == 5
    assert len(SubsetRandomSampler([4, 2])) == 2
    assert len(WeightedRandomSampler([1, 2], 7)) == 7


def test_weights_of_zero_are_never_drawn() -> None:
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0, 2.0], 100)) == {1, 3}
    assert sorted(WeightedRandomSampler([1.0, 1.0, 1.0], 3, replacement=False)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("drop_last", "batches"), [(False, [[0, 1], [2, 3], [4]]), (True, [[0, 1], [2, 3]])]
)
def test_batches(drop_last: bool, batches: list[list[int]]) -> None:
    sampler = BatchSampler(SequentialSampler(range(5)), 2, drop_last)
    assert list(sampler) == batches
    assert len(sampler) == len(batches)


def test_sampler_without_length() -> None:
    class Two(Sampler[int]):
        def __iter__(self) -> Any:
            return iter([3, 1])

    assert list(Two()) == [3, 1]
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(Two())


BAD = [
    (lambda: RandomSampler([]), ValueError, "num_samples should be a positive integer value"),
    (lambda: RandomSampler([1], num_samples=1.5), ValueError, "but got num_samples=1.5"),
    (lambda: RandomSampler([1], num_samples=-1), ValueError, "but got num_samples=-1"),
    (
        lambda: RandomSampler([1], 3),
        TypeError,
        "replacement should be a boolean value, but got repl",
    ),
    (lambda: WeightedRandomSampler([1.0], True), ValueError, "but got num_samples=True"),
    (lambda: WeightedRandomSampler([1.0], 1, 1), ValueError, "but got replacement=1"),
    (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, "given weights have shape (1, 1)"),
    (lambda: BatchSampler([1], 0, False), ValueError, "but got batch_size=0"),
    (lambda: BatchSampler([1], True, False), ValueError, "but got batch_size=True"),
    (lambda: BatchSampler([1], "a", False), ValueError, "but got batch_size=a"),
    (
        lambda: BatchSampler([1], 1, 1),
        ValueError,
        "drop_last should be a boolean value, but got drop",
    ),
    (lambda: iter(Sampler()), NotImplementedError, None),
    (
        lambda: list(WeightedRandomSampler([1.0], 2, False)),
        RuntimeError,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), BAD)
def test_errors(make: Any, kind: type[Exception], message: str | None) -> None:
    with pytest.raises(kind, match=message and re.escape(message)):
        make()
