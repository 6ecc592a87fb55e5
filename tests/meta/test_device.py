"""Devices as values: strings both ways, equality, PyTorch's errors."""

import copy
import pickle
from types import ModuleType

import pytest

from facula.meta.device import device

BAD = [
    "foo", "foo:1", "", "cuda:", "cuda:-1", "cuda:01", "cuda:x", "cuda:1:2", "CPU", "Cuda:0",
    "cuda!", "1", ":0", "cuda 0",
]  # fmt: skip


def test_forms() -> None:
    assert repr(device("cpu")) == "device(type='cpu')"
    assert repr(device("cuda:1")) == repr(device("cuda", 1)) == "device(type='cuda', index=1)"
    assert repr(device(type="cuda", index=0)) == "device(type='cuda', index=0)"
    assert [str(device("cpu")), str(device("cuda", 2))] == ["cpu", "cuda:2"]
    assert device(device("cuda:3")) == device("cuda:3")
    with pytest.raises(RuntimeError, match="Cannot access accelerator device"):
        device(1)


def test_equality_and_hash() -> None:
    assert len({device("cpu"), device("cpu"), device("cpu:0"), device("cuda")}) == 3
    assert device("cpu") != device("cpu:0")
    assert device("cpu") != "cpu"


def test_copies_are_equal() -> None:
    one = device("cuda:1")
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one


def test_a_device_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="attribute 'type' of 'torch.device' objects"):
        device("cpu").type = "cuda"


def test_index_given_twice_or_negative() -> None:
    with pytest.raises(RuntimeError, match="must not include an index .*: cuda:1"):
        device("cuda:1", 1)
    with pytest.raises(RuntimeError, match="Device index must not be negative"):
        device("cuda", -1)


@pytest.mark.parametrize("given", [None, 1.5, True, ["cpu"]])
def test_wrong_type(given: object) -> None:
    with pytest.raises(TypeError, match=r"device\(\) received an invalid combination of arguments"):
        device(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", BAD)
def test_bad_strings(text: str) -> None:
    with pytest.raises(RuntimeError):
        device(text)


def test_torch_rejects_the_same_strings_in_the_same_words(torch: ModuleType) -> None:
    for text in BAD:
        with pytest.raises(RuntimeError) as theirs:
            torch.device(text)
        with pytest.raises(RuntimeError) as ours:
            device(text)
        assert str(ours.value) == str(theirs.value)


def test_torch_prints_the_same(torch: ModuleType) -> None:
    for text in ("cpu", "cpu:0", "cuda:1", "meta"):
        assert repr(device(text)) == repr(torch.device(text))
        assert str(device(text)) == str(torch.device(text))
