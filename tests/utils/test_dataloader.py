"""The loader: arguments, batches, streams, and errors."""

import re
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import facula
from facula.utils.data import DataLoader, IterableDataset, TensorDataset


class Stream(IterableDataset[int]):
    def __init__(self, count: int = 7):
        self.count = count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.count))


class ShortStream(Stream):
    """Says that it is shorter than it is."""

    def __len__(self) -> int:
        return 5


def values(loader: Any) -> list[Any]:
    return [batch.tolist() if hasattr(batch, "tolist") else batch for batch in loader]


def test_batches() -> None:
    assert values(DataLoader(range(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert values(DataLoader(range(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert values(DataLoader(range(3))) == [[0], [1], [2]]
    assert values(DataLoader(range(3), batch_size=None)) == [0, 1, 2]
    assert values(DataLoader(range(3), sampler=[2, 0])) == [[2], [0]]
    assert values(DataLoader(range(3), batch_sampler=[[2, 0], [1]])) == [[2, 0], [1]]
    assert values(DataLoader(range(3), batch_size=2, collate_fn=sum)) == [1, 2]
    assert values(DataLoader([])) == []


def test_lengths() -> None:
    assert len(DataLoader(range(5), batch_size=2)) == 3
    assert len(DataLoader(range(5), batch_size=2, drop_last=True)) == 2
    assert len(DataLoader(range(5), batch_size=None)) == 5
    assert len(DataLoader(ShortStream(), batch_size=2)) == 3
    assert len(DataLoader(ShortStream(), batch_size=2, drop_last=True)) == 2
    assert len(iter(DataLoader(range(5), batch_size=2))) == 3


def test_attributes_are_torchs(torch: ModuleType) -> None:
    names = (
        "batch_size", "drop_last", "num_workers", "prefetch_factor", "pin_memory", "timeout",
        "persistent_workers", "in_order", "pin_memory_device", "generator", "worker_init_fn",
    )  # fmt: skip
    for options in ({}, {"num_workers": 2}, {"batch_sampler": [[0]]}, {"batch_size": None}):
        ours, theirs = (p.utils.data.DataLoader([1], **options) for p in (facula, torch))
        assert {n: getattr(ours, n) for n in names} == {n: getattr(theirs, n) for n in names}


def test_batches_of_a_tensor_dataset() -> None:
    dataset = TensorDataset(facula.arange(6).view(3, 2), facula.arange(3))
    batches = list(DataLoader(dataset, batch_size=2))
    assert [[part.tolist() for part in batch] for batch in batches] == [
        [[[0, 1], [2, 3]], [0, 1]],
        [[[4, 5]], [2]],
    ]
    assert type(batches[0]) is list


def test_epochs_are_shuffled_anew() -> None:
    loader = DataLoader(range(20), batch_size=20, shuffle=True)
    (first,), (second,) = values(loader), values(loader)
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second


def test_equal_generators_give_equal_epochs() -> None:
    def order() -> list[Any]:
        generator = facula.Generator().manual_seed(4)
        return values(DataLoader(range(9), shuffle=True, generator=generator))

    assert order() == order()


def test_iterators_are_independent() -> None:
    loader = DataLoader(range(3))
    assert [(a.item(), b.item()) for a, b in zip(loader, loader)] == [(0, 0), (1, 1), (2, 2)]


# --- streams -----------------------------------------------------------------------------------


def test_stream() -> None:
    assert values(DataLoader(Stream(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert values(DataLoader(Stream(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert values(DataLoader(Stream(2), batch_size=None)) == [0, 1]
    assert values(DataLoader(Stream(4), batch_size=2)) == [[0, 1], [2, 3]]
    assert values(DataLoader(Stream(0))) == []


def test_stream_longer_than_it_said_warns() -> None:
    loader = DataLoader(ShortStream(6), batch_size=None)
    assert len(loader) == 5
    with pytest.warns(UserWarning, match="was reported to be 5.* but 6 samples have been fetched"):
        list(iter(loader))


def test_no_promise_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(iter(DataLoader(ShortStream())))


# --- warnings and errors -----------------------------------------------------------------------


def test_pinned_memory_warns() -> None:
    loader = DataLoader([1], pin_memory=True)
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator"):
        assert values(loader) == [[1]]
    loader = DataLoader([1], pin_memory=True, pin_memory_device="cuda")
    with pytest.warns(UserWarning) as seen:
        iter(loader)
    assert "pin_memory_device is deprecated" in str(seen[0].message)


def test_fixed_attributes() -> None:
    loader = DataLoader([1])
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset"):
        with pytest.raises(
            ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"
        ):
            setattr(loader, name, 3)
    loader.collate_fn = sum
    assert values(loader) == [1]


STREAM = "DataLoader with IterableDataset: expected unspecified "
BAD: list[tuple[dict[str, Any], str]] = [
    (
        {"num_workers": -1},
        "num_workers option should be non-negative; use num_workers=0 to disable",
    ),
    ({"timeout": -1}, "timeout option should be non-negative"),
    ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing."),
    ({"num_workers": 1, "prefetch_factor": -2}, "prefetch_factor option should be non-negative"),
    ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must be greater than 0"),
    ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
    ({"dataset": Stream(), "shuffle": True}, STREAM + "shuffle option, but got shuffle=True"),
    ({"dataset": Stream(), "sampler": [1]}, STREAM + "sampler option, but got sampler=[1]"),
    ({"dataset": Stream(), "batch_sampler": [[1]]}, STREAM + "batch_sampler option"),
    ({"sampler": [1], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
    (
        {"batch_sampler": [[1]], "batch_size": 2},
        "batch_sampler option is mutually exclusive with b",
    ),
    ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
    ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching and"),
    ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
    ({"batch_size": 1.5}, "batch_size should be a positive integer value, but got batch_size=1.5"),
    ({"drop_last": 3}, "drop_last should be a boolean value, but got drop_last=3"),
    (
        {"multiprocessing_context": "fork"},
        "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
        "but got num_workers=0",
    ),
    (
        {"multiprocessing_context": "fork", "num_workers": 1},
        "multiprocessing_context has no meaning here: DataLoader workers are threads",
    ),
    ({"dataset": [], "shuffle": True}, "num_samples should be a positive integer value"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        DataLoader(**{"dataset": [1, 2], **options})


def test_timeout_needs_workers() -> None:
    with pytest.raises(AssertionError, match="requires timeout == 0"):
        iter(DataLoader([1], timeout=3))


def test_stream_has_no_length() -> None:
    with pytest.raises(TypeError, match=r"object of type 'Stream' has no len\(\)"):
        len(DataLoader(Stream()))


def test_errors_of_the_dataset_come_through() -> None:
    with pytest.raises(IndexError, match="index 20 is out of bounds for dimension 0 with size 2"):
        list(DataLoader(TensorDataset(facula.ones(2)), sampler=[20]))
