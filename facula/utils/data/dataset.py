"""Datasets: something with samples, by index (`Dataset`) or in a stream (`IterableDataset`).

The classes here only combine and select; they read no file and draw no random number except
`random_split`. Batches are made elsewhere (`dataloader.py`).
"""

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from facula import ops
from facula.generator import Generator
from facula.tensor import Tensor

Sample = TypeVar("Sample", covariant=True)


class Dataset(Generic[Sample]):
    """Samples that can be asked for by index: subclasses write `__getitem__`, most also `__len__`.

    A subclass may add `__getitems__(indices)`, which gives a whole batch as a list of samples; the
    loader prefers it. Raises NotImplementedError where `__getitem__` is not written.

    >>> import facula as torch
    >>> class Squares(torch.utils.data.Dataset):
    ...     def __getitem__(self, index):
    ...         return index * index
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: int) -> Sample:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    # No default __len__: a loader must see its absence as Python's own TypeError.

    def __add__(self, other: "Dataset[Sample]") -> "ConcatDataset[Sample]":
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample], Iterable[Sample]):
    """Samples that come as a stream: subclasses write `__iter__`.

    With several workers each worker iterates over its own shallow copy, so `__iter__` or a
    `worker_init_fn` must divide the stream by `get_worker_info()`, or every sample comes once a
    worker.

    >>> import facula as torch
    >>> class Countdown(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> [batch.tolist() for batch in torch.utils.data.DataLoader(Countdown(), batch_size=2)]
    [[3, 2], [1]]
    """

    def __add__(  # type: ignore[override]
        self, other: Dataset[Sample]
    ) -> "ChainDataset[Sample]":
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples that are rows: sample `i` is `(tensor[i] for each tensor)`, tensors being (N, *).

    Raises AssertionError for tensors of different first sizes.

    >>> import facula as torch
    >>> torch.utils.data.TensorDataset(torch.tensor([1, 2]), torch.tensor([3, 4]))[1]
    (tensor(2), tensor(4))
    """

    tensors: tuple[Any, ...]

    def __init__(self, *tensors: Tensor):
        if any(tensors[0].size(0) != tensor.size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset[Sample]):
    """Datasets side by side: sample `i` is a tuple of their samples `i` (from keywords, a dict).

    Raises ValueError for datasets of different lengths, or none.

    >>> import facula as torch
    >>> torch.utils.data.StackDataset(image=["a", "b"], label=[0, 1])[1]
    {'image': 'b', 'label': 1}
    """

    datasets: "tuple[Dataset, ...] | dict[str, Dataset]"

    def __init__(self, *args: Dataset, **kwargs: Dataset):
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or"
                "``dict``- (via ``kwargs``) like input/output, but both types are given."
            )
        parts: tuple[Any, ...] = args or tuple(kwargs.values())
        if not parts:
            raise ValueError("At least one dataset should be passed")
        if any(len(part) != len(parts[0]) for part in parts):
            raise ValueError("Size mismatch between datasets")
        self._parts = parts
        self.datasets = args or kwargs

    def __getitem__(self, index: int) -> Sample:
        return self._joined([part[index] for part in self._parts])

    def __getitems__(self, indices: list[int]) -> list[Sample]:
        columns = [fetch(part, indices) for part in self._parts]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(
                    "Nested dataset's output size mismatch. "
                    f"Expected {len(indices)}, got {len(column)}"
                )
        return [self._joined(row) for row in zip(*columns)]

    def __len__(self) -> int:
        return len(self._parts[0])

    def _joined(self, row: Sequence[object]) -> Any:
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, row))
        return tuple(row)


class Subset(Dataset[Sample]):
    """The samples of `dataset` at `indices`, in that order.

    >>> import facula as torch
    >>> torch.utils.data.Subset(["a", "b", "c"], [2, 0])[0]
    'c'
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[Sample], indices: Sequence[int]):
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: int | list[int]) -> Sample:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Sample]:
        return fetch(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[Sample]):
    """Datasets one after the other; also written `a + b`.

    Raises AssertionError for none or a stream, ValueError for an index below -len.

    >>> import facula as torch
    >>> torch.utils.data.ConcatDataset([["a", "b"], ["c"]])[2]
    'c'
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """The index after each dataset's last sample.

        >>> import facula as torch
        >>> torch.utils.data.ConcatDataset.cumsum([range(3), range(2)])
        [3, 5]
        """
        return list(accumulate(len(dataset) for dataset in sequence))

    def __init__(self, datasets: Iterable[Dataset[Sample]]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Sample:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect_right(self.cumulative_sizes, index)
        start = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - start]


class ChainDataset(IterableDataset[Sample]):
    """Streams one after the other; also written `a + b`.

    Raises AssertionError for a dataset that is no stream.

    >>> import facula as torch
    >>> class Numbers(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2])
    >>> list(torch.utils.data.ChainDataset([Numbers(), Numbers()]))
    [1, 2, 1, 2]
    """

    datasets: Iterable[Any]

    def __init__(self, datasets: Iterable[Dataset[Sample]]):
        self.datasets = datasets

    def __iter__(self) -> Iterator[Sample]:
        for dataset in self.datasets:
            _check_stream(dataset)
            yield from dataset

    def __len__(self) -> int:
        total = 0
        for dataset in self.datasets:
            _check_stream(dataset)
            total += len(dataset)
        return total


def random_split(
    dataset: Any,
    lengths: Sequence[int | float],
    generator: Generator | None = None,
) -> list[Subset[Any]]:
    """Random disjoint subsets of the given lengths, which are counts or fractions that sum to one.

    Fractions are rounded down; what remains is dealt out one sample each, from the first subset on.
    Raises ValueError for counts that do not sum to the dataset's length or fractions outside [0,
    1].

    >>> import facula as torch
    >>> [len(part) for part in torch.utils.data.random_split(range(10), [0.25, 0.75])]
    [3, 7]
    """
    counts: list[Any] = list(lengths)
    if math.isclose(sum(counts), 1) and sum(counts) <= 1:
        counts = _counts_of_fractions(counts, len(dataset))
    if sum(counts) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = ops.randperm(sum(counts), generator=generator).tolist()
    ends = accumulate(counts)
    return [Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts)]


def _counts_of_fractions(fractions: Sequence[float], total: int) -> list[int]:
    counts = []
    for position, fraction in enumerate(fractions):
        if fraction < 0 or fraction > 1:
            raise ValueError(f"Fraction at index {position} is not between 0 and 1")
        counts.append(math.floor(total * fraction))
    for extra in range(total - sum(counts)):
        counts[extra % len(counts)] += 1
    for position, count in enumerate(counts):
        if count == 0:
            warnings.warn(
                f"Length of split at index {position} is 0. This might result in an empty dataset.",
                stacklevel=3,
            )
    return counts


def fetch(dataset: Any, indices: Iterable[int]) -> list[Any]:
    """The samples at `indices`, by the dataset's own batch access if it has one."""
    batch_access = getattr(dataset, "__getitems__", None)
    if batch_access:
        return batch_access(indices)
    return [dataset[index] for index in indices]


def _check_stream(dataset: object) -> None:
    if not isinstance(dataset, IterableDataset):
        raise AssertionError("ChainDataset only supports IterableDataset")
