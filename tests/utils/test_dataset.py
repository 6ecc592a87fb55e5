"""Datasets: combining, selecting, splitting, and their errors."""

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import facula
from facula.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(3))


class SizedStream(Stream):
    def __len__(self) -> int:
        return 3


def rows() -> TensorDataset:
    return TensorDataset(facula.arange(10), facula.arange(20).view(10, 2))


def test_tensor_dataset() -> None:
    dataset = rows()
    assert len(dataset) == 10
    assert [part.tolist() for part in dataset[3]] == [3, [6, 7]]
    assert [part.tolist() for part in dataset[1:3]] == [[1, 2], [[2, 3], [4, 5]]]
    assert dataset.tensors[0].tolist() == list(range(10))


def test_subset() -> None:
    subset = Subset(["a", "b", "c"], [2, 0])
    assert (len(subset), subset[0], subset[-1]) == (2, "c", "a")
    assert subset.__getitems__([1, 0]) == ["a", "c"]
    assert [part.tolist() for part in Subset(rows(), [3, 4])[[0, 1]]] == [[3, 4], [[6, 7], [8, 9]]]


def test_concatenation() -> None:
    both = ConcatDataset([["a", "b"], ["c"], ["d", "e"]])
    assert len(both) == 5
    assert [both[i] for i in range(5)] == list("abcde")
    assert [both[i] for i in (-1, -5)] == ["e", "a"]
    assert both.cumulative_sizes == [2, 3, 5]
    assert isinstance(rows() + rows(), ConcatDataset)
    assert (rows() + rows())[12][0].item() == 2


def test_chain_of_streams() -> None:
    assert list(Stream() + Stream()) == [0, 1, 2, 0, 1, 2]
    assert len(SizedStream() + SizedStream()) == 6
    assert isinstance(Stream() + Stream(), ChainDataset)


def test_stack() -> None:
    assert StackDataset(["a", "b"], [0, 1])[1] == ("b", 1)
    stack = StackDataset(image=["a", "b"], label=[0, 1])
    assert len(stack) == 2
    assert stack[1] == {"image": "b", "label": 1}
    assert stack.__getitems__([1, 0]) == [{"image": "b", "label": 1}, {"image": "a", "label": 0}]


def test_split_by_lengths() -> None:
    parts = random_split(range(10), [3, 7])
    assert [len(part) for part in parts] == [3, 7]
    assert sorted(sample for part in parts for sample in part) == list(range(10))


@pytest.mark.parametrize(
    ("count", "fractions", "lengths"),
    [
        (10, [0.33, 0.33, 0.34], [4, 3, 3]),
        (10, [0.3, 0.3, 0.3, 0.1], [3, 3, 3, 1]),
        (10, [0.1] * 10, [1] * 10),
        (10, [1.0], [10]),
    ],
)
def test_split_by_fractions(count: int, fractions: list[float], lengths: list[int]) -> None:
    assert [len(part) for part in random_split(range(count), fractions)] == lengths


def test_empty_part_of_a_split_warns() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(2), [0.1, 0.2, 0.7])


def test_stored_split() -> None:
    facula.manual_seed(3)
    assert random_split(range(10), [3, 7])[0].indices == [6, 0, 3]
    generator = facula.Generator().manual_seed(7)
    assert random_split(range(10), [0.3, 0.7], generator)[1].indices == [4, 1, 7, 9, 6, 8, 2]


def test_splits_are_torchs(torch: ModuleType) -> None:
    def split(package: ModuleType) -> Any:
        package.manual_seed(0)
        generator = package.Generator().manual_seed(1)
        halves = package.utils.data.random_split(range(9), [0.5, 0.5])
        parts = package.utils.data.random_split(range(9), [2, 3, 4], generator=generator)
        return [part.indices for part in [*halves, *parts]], package.rand(1).item()

    assert split(facula) == split(torch)


BAD = [
    (
        lambda: TensorDataset(facula.ones(2), facula.ones(3)),
        AssertionError,
        "Size mismatch between",
    ),
    (lambda: Subset([1], [0])[1], IndexError, "list index out of range"),
    (lambda: ConcatDataset([]), AssertionError, "datasets should not be an empty iterable"),
    (
        lambda: ConcatDataset([Stream()]),
        AssertionError,
        "ConcatDataset does not support IterableDataset",
    ),
    (lambda: ConcatDataset([[1]])[-2], ValueError, "absolute value of index should not exceed"),
    (lambda: ConcatDataset([[1]])[1], IndexError, "list index out of range"),
    (
        lambda: list(ChainDataset([[1]])),
        AssertionError,
        "ChainDataset only supports IterableDataset",
    ),
    (lambda: len(Stream() + Stream()), TypeError, "has no len()"),
    (
        lambda: Dataset()[0],
        NotImplementedError,
        "Subclasses of Dataset should implement __getitem__",
    ),
    (lambda: len(Dataset()), TypeError, "has no len()"),
    (lambda: IterableDataset(), TypeError, "abstract"),
    (lambda: StackDataset(), ValueError, "At least one dataset should be passed"),
    (lambda: StackDataset([1], a=[1]), ValueError, "but both types are given"),
    (lambda: StackDataset([1], [1, 2]), ValueError, "Size mismatch between datasets"),
    (
        lambda: random_split(range(10), [3, 4]),
        ValueError,
        "Sum of input lengths does not equal the length of the input dataset!",
    ),
    (
        lambda: random_split(range(10), [-0.3, 0.3, 1.0]),
        ValueError,
        "Fraction at index 0 is not between 0 and 1",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), BAD)
def test_errors(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        make()
