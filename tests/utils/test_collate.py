"""Collation: what samples become, and the short road for datasets of tensors."""

import re
from collections import OrderedDict, UserDict, namedtuple
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from facula.utils.data import (
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
)
from facula.utils.data.collate import collate, default_collate_fn_map, gather
from facula.utils.data.fetch import IndexFetcher

Point = namedtuple("Point", "x y")

# Samples, without tensors so that any package can collate them.
BATCHES = [
    [1, 2],
    [1.5, 2],
    [1, 2.5],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [(1, 2.0), (3, 4.0)],
    [[1, 2.0], [3, 4.0]],
    [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    [OrderedDict(a=1), OrderedDict(a=2)],
    [Point(1, 2), Point(3, 4)],
    [range(2), range(2)],
    [{"a": [Point((1, "s"), 2.0)]}],
    [np.float32(1), np.float32(2)],
    [np.int64(1), np.int64(2)],
    [np.bool_(True), np.bool_(False)],
    [np.array(1.5), np.array(2.0)],
    [np.arange(3), np.arange(3)],
    [np.ones((2, 2), np.float16), np.zeros((2, 2), np.float16)],
    [np.str_("a"), np.str_("b")],
]
VALUES = [
    1,
    2.5,
    "s",
    None,
    np.ones(2),
    np.float32(3),
    np.str_("a"),
    np.array(["a"]),
    (np.ones(1), 2),
    [np.ones(1), "s"],
    range(2),
    {"a": np.int64(3)},
    Point(np.zeros(1), 2),
]


def shown(value: Any) -> Any:
    """A nest with its tensors as dtype and numbers, and the types of its containers."""
    if hasattr(value, "tolist") and hasattr(value, "requires_grad"):
        return str(value.dtype), value.tolist()
    if isinstance(value, np.ndarray):
        return "array", value.tolist()
    if isinstance(value, dict):
        return type(value), {key: shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [shown(item) for item in value]
    return type(value), value


@pytest.mark.parametrize("batch", BATCHES, ids=repr)
def test_collated_as_torch_does(torch: ModuleType, batch: list[Any]) -> None:
    assert shown(default_collate(batch)) == shown(torch.utils.data.default_collate(batch))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_converted_as_torch_does(torch: ModuleType, value: Any) -> None:
    assert shown(default_convert(value)) == shown(torch.utils.data.default_convert(value))


def test_tensors_are_stacked() -> None:
    batch = default_collate([facula.ones(2), facula.zeros(2)])
    assert batch.tolist() == [[1, 1], [0, 0]]
    pair = default_collate([(facula.ones(2), 0), (facula.zeros(2), 1)])
    assert [part.tolist() for part in pair] == [[[1, 1], [0, 0]], [0, 1]]


def test_mapping_keeps_its_type() -> None:
    class Counted(UserDict):
        pass

    batch = default_collate([Counted(a=1), Counted(a=2)])
    assert isinstance(batch, Counted)
    assert batch["a"].tolist() == [1, 2]


def test_own_types_by_a_map() -> None:
    class Celsius:
        def __init__(self, degrees: float):
            self.degrees = degrees

    def join(batch: Any, *, collate_fn_map: Any) -> float:
        return sum(item.degrees for item in batch) / len(batch)

    batch = [(Celsius(1.0), 1), (Celsius(3.0), 2)]
    mean, numbers = collate(batch, collate_fn_map={Celsius: join, **default_collate_fn_map})
    assert (mean, numbers.tolist()) == (2.0, [1, 2])


WRONG = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
BAD = [
    ([object()], TypeError, WRONG + "<class 'object'>"),
    ([None], TypeError, WRONG + "<class 'NoneType'>"),
    ([{1}], TypeError, WRONG + "<class 'set'>"),
    ([np.array(["a"])], TypeError, WRONG + "<U1"),
    ([np.array([None])], TypeError, WRONG + "object"),
    ([[1, 2], [1]], RuntimeError, "each element in list of batch should be of equal size"),
    ([{"a": 1}, {"b": 1}], KeyError, "a"),
    ([], IndexError, "list index out of range"),
    (
        [np.ones(2), np.ones(3)],
        RuntimeError,
        "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
    ),
]


@pytest.mark.parametrize(("batch", "kind", "message"), BAD)
def test_errors(batch: list[Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        default_collate(batch)


# --- the short road ----------------------------------------------------------------------------


def dataset() -> TensorDataset:
    images = facula.arange(40).view(5, 2, 4).transpose(1, 2)
    return TensorDataset(images, facula.arange(5), facula.ones(5, dtype=facula.float64))


@pytest.mark.parametrize(
    "make", [dataset, lambda: Subset(Subset(dataset(), [4, 3, 1, 0]), [1, 2, 3])]
)
def test_gathered_equals_collated(make: Any) -> None:
    source = make()
    indices = [2, 0, 2, 1]
    gathered = gather(source, indices)
    collated = default_collate([source[i] for i in indices])
    assert shown(gathered) == shown(collated)


@pytest.mark.parametrize("indices", [[-1], [5], [True], (0, 1), [0.0], []])
def test_general_road_answers_unusual_indices(indices: Any) -> None:
    assert gather(dataset(), indices) is None


def test_general_road_answers_other_datasets() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: int) -> Any:
            return tuple(part * 2 for part in super().__getitem__(index))

    assert gather(Doubled(facula.arange(3)), [0]) is None
    assert gather([1, 2], [0]) is None
    assert gather(Subset([1, 2], [0]), [0]) is None
    assert gather(Subset(dataset(), range(2)), [0]) is None


def test_out_of_range_index_has_the_datasets_own_error() -> None:
    with pytest.raises(IndexError, match="index 20 is out of bounds for dimension 0 with size 5"):
        IndexFetcher(dataset(), True, default_collate)([20])


def test_negative_index_counts_from_the_end() -> None:
    fetch = IndexFetcher(dataset(), True, default_collate)
    assert fetch([-1])[1].tolist() == [4]


def test_batch_access_of_a_dataset_is_used() -> None:
    class Batches(Dataset[int]):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [index * 10 for index in indices]

    assert IndexFetcher(Batches(), True, list)([1, 2]) == [10, 20]
