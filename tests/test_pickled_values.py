"""Values that there is one of stay the same object when copied or pickled; named results too."""

import copy
import pickle

import pytest

import facula

SINGLE = [
    facula.float32, facula.uint64, facula.strided, facula.channels_last, facula.preserve_format,
    facula.contiguous_format, facula.sparse_coo, facula.relu, facula.Tensor,
]  # fmt: skip


@pytest.mark.parametrize("value", SINGLE, ids=str)
def test_single_objects_stay_so(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) is value
    assert copy.deepcopy(value) is value
    assert copy.copy(value) is value


def test_named_results_are_pickled() -> None:
    y = facula.tensor([3.0, 1.0, 2.0]).sort()
    again = pickle.loads(pickle.dumps(y))
    assert type(again) is type(y)
    assert again.values.tolist() == [1.0, 2.0, 3.0]
    assert copy.deepcopy(y).indices.tolist() == [1, 2, 0]


def test_devices_sizes_and_limits_are_pickled() -> None:
    for value in (facula.device("cuda:1"), facula.Size([2, 3]), facula.finfo(facula.float32)):
        again = pickle.loads(pickle.dumps(value))
        assert again == value
        assert type(again) is type(value)
