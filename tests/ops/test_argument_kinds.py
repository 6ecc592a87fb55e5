"""Arguments are held against the schemas: what PyTorch refuses is refused, seen before or not.

1, 1.0 and True are equal for Python and for every table of calls that were learnt, so each wrong
call stands beside the right one that might have been learnt in its place.
"""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from facula import Tensor

# A call, and others that must not be taken for it.
ROWS = {
    "t.ones(())": ["t.ones()"],
    "a.sum(1)": ["a.sum(1.0)", "a.sum(True)", "a.sum(1, 1)", "a.sum({})"],
    "a.sum((1,))": ["a.sum((1.0,))", "a.sum((True,))", "a.sum(dim=(1.0,))"],
    "a.mean(1)": ["a.mean(1.0)", "a.mean(1, 1)"],
    "a.amax(1)": ["a.amax(1.0)", "a.amax(1, 1)"],
    "a.argmax(1)": ["a.argmax(1.0)", "a.argmax(1, 1)"],
    "a.softmax(1)": ["a.softmax(1.0)", "a.softmax(True)"],
    "a.cumsum(1)": ["a.cumsum(1.0)", "a.cumsum()", "a.cumsum(1, 2)", "a.cumsum(1, foo=2)"],
    "a.var(1)": ["a.var(1.0)", "a.var({})"],
    "a.prod(1)": ["a.prod(1.0)"],
    "a.logsumexp(1)": ["a.logsumexp(1.0)"],
    "t.zeros(2, 4)": ["t.zeros(2.0, 4)", "t.zeros(True, 4)", "t.zeros(2, 4.0)", "t.zeros(2, x=1)"],
    "t.zeros((2, 4))": ["t.zeros((2.0, 4))", "t.zeros((2, 4.0))"],
    "t.ones(2, 4)": ["t.ones(2.0, 4)"],
    "t.full((2, 4), 1)": ["t.full((2.0, 4), 1)", "t.full(2, 1)"],
    "t.empty(2, 4)": ["t.empty(2.0, 4)"],
    "t.eye(1)": ["t.eye(True)", "t.eye(1.0)"],
    "a[:, 1:3]": ["a[:, 1.0:3]", "a[1.0]"],
    "a.flatten(1)": ["a.flatten(1.0)", "a.flatten(True)"],
    "a.expand(4, 4)": ["a.expand(4.0, 4)", "a.expand(True, 4)"],
    "a.unsqueeze(1)": ["a.unsqueeze(1.0)", "a.unsqueeze(True)"],
    "a.transpose(0, 1)": ["a.transpose(0, 1.0)", "a.transpose(False, True)", "a.transpose(0)"],
    "a.reshape(2, 8)": ["a.reshape(2.0, 8)"],
    "a.view(2, 8)": ["a.view(2.0, 8)", "a.view(2, 8.0)"],
    "a.permute(1, 0)": ["a.permute(1.0, 0)", "a.permute(True, False)", "t.permute(a, 1, 0)"],
    "a.narrow(0, 1, 2)": ["a.narrow(0, 1.0, 2)", "a.narrow(0, True, 2)"],
    "a.select(0, 1)": ["a.select(0, 1.0)", "a.select(0, True)"],
    "a.squeeze(0)": ["a.squeeze(0.0)"],
    "a.chunk(2, 1)": ["a.chunk(2.0, 1)", "a.chunk(2, 1.0)"],
    "a.split(2, 1)": ["a.split(2.0, 1)", "a.split(2, 1.0)"],
    "a.repeat(2, 1)": ["a.repeat(2.0, 1)"],
    "a.topk(2, 1)": ["a.topk(2.0)", "a.topk(2, 1.0)"],
    "a.sort(1)": ["a.sort(1.0)"],
    "a.flip(1)": ["a.flip(1.0)"],
    "a.roll(1, 0)": ["a.roll(1.0, 0)", "a.roll(1, 0.0)"],
    "a.gather(1, i)": ["a.gather(1.0, i)", "a.gather(1, 1)"],
    "a.index_select(1, j)": ["a.index_select(1.0, j)"],
    "a.unbind(1)": ["a.unbind(1.0)"],
    "a.tril(1)": ["a.tril(1.0)"],
    "a.diagonal(1)": ["a.diagonal(1.0)"],
    "t.cat([a, a], 1)": ["t.cat([a, a], 1.0)", "t.cat([a, a], True)", "t.cat(a)", "t.cat([a, 1])"],
    "t.stack([a, a], 1)": ["t.stack([a, a], 1.0)"],
    "F.max_pool1d(a, 2)": ["F.max_pool1d(a, 2.0)"],
    "F.avg_pool1d(a, 2)": ["F.avg_pool1d(a, 2.0)"],
    "F.layer_norm(a, (4,))": ["F.layer_norm(a, (4.0,))"],
    "F.one_hot(i, 5)": ["F.one_hot(i, 5.0)"],
    "F.log_softmax(a, 1)": ["F.log_softmax(a, 1.0)"],
    "F.conv1d(v, v, None, 1)": ["F.conv1d(v, v, None, 1.0)", "F.conv1d(v, 1)"],
}


def world(t: Any) -> dict[str, Any]:
    return {
        "t": t, "F": t.nn.functional, "a": t.ones(4, 4), "v": t.ones(1, 1, 4),
        "i": t.tensor([[0, 1], [1, 0], [1, 1], [0, 0]]), "j": t.tensor([0, 1]),
    }  # fmt: skip


@pytest.mark.parametrize("right", ROWS)
def test_what_equals_a_learnt_call_is_refused(right: str) -> None:
    names = world(facula)
    for _ in range(3):
        for _ in range(3):
            eval(right, names)
        for wrong in ROWS[right]:
            kind = IndexError if wrong == "a[1.0]" else TypeError
            with pytest.raises(kind):
                eval(wrong, names)


def test_pytorch_refuses_them(torch: ModuleType) -> None:
    names = world(torch)
    for right, wrongs in ROWS.items():
        eval(right, names)
        for wrong in wrongs:
            with pytest.raises((TypeError, IndexError)):
                eval(wrong, names)


MESSAGES = [
    "a.cumsum(1.0)", "t.cumsum(a, 1.0)", "a.cumsum()",
    "t.zeros(2, foo=1)", "t.full((2.0, 4), 1)", "t.full(2, 1)", "t.eye(True)",
    "a.transpose(0, True)",
    "t.cat(a)", "t.cat([a, 1])", "t.cat([a, a], 1.0)", "F.max_pool1d(a, 2.0)", "a.topk(2.0)",
    "t.zeros((2, 4.0))", "a.sum(1.0)", "a.fill_('x')", "a.std({})", "a.select(0, 1.0)",
]  # fmt: skip


@pytest.mark.parametrize("text", MESSAGES)
def test_words_are_pytorchs(text: str, torch: ModuleType) -> None:
    with pytest.raises(TypeError) as theirs:
        eval(text, world(torch))
    with pytest.raises(TypeError) as ours:
        eval(text, world(facula))
    # PyTorch may list the overloads in another order.
    assert sorted(str(ours.value).splitlines()) == sorted(str(theirs.value).splitlines())


NUMBERS = [
    ("a.sum(n)", np.int64(1)), ("a.sum(n)", facula.tensor(1)), ("a.unsqueeze(n)", np.int32(0)),
    ("a.reshape(n, 8)", np.int64(2)), ("a.reshape([n, 8])", np.int64(2)),
    ("a.select(0, n)", np.int8(1)), ("t.zeros(n, 4)", np.int64(2)), ("t.eye(n)", np.uint8(3)),
    ("t.zeros((2, n))", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_numbers_of_other_kinds_are_ints(text: str, number: Any) -> None:
    expected = eval(text, world(facula) | {"n": int(number)})
    assert eval(text, world(facula) | {"n": number}).tolist() == expected.tolist()


REFUSED_NUMBERS = [
    ("a.sum(n)", np.float64(1)), ("a.sum(n)", np.bool_(True)), ("a.sum(n)", facula.tensor(1.0)),
    ("a.sum(n)", facula.tensor([1, 2])), ("a.unsqueeze(n)", facula.tensor(True)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number"), REFUSED_NUMBERS)
def test_other_numbers_are_none(text: str, number: Any) -> None:
    with pytest.raises(TypeError):
        eval(text, world(facula) | {"n": number})


def test_dtypes_of_python() -> None:
    assert facula.ones(2, dtype=float).dtype is facula.float64
    assert facula.ones(2, dtype=int).dtype is facula.int64
    assert facula.ones(2).sum(dtype=float).dtype is facula.float64


def test_names_of_numpy() -> None:
    x = facula.ones(2, 3)
    assert x.sum(axis=1, keepdims=True).shape == (2, 1)
    with pytest.raises(TypeError):
        x.sum(1, axis=1)


def test_subclasses_and_lists_are_tensors_too() -> None:
    weight = facula.nn.Parameter(facula.ones(2))
    joined: Tensor = facula.cat([weight, facula.ones(1)])
    assert joined.shape == (3,)
    assert facula.cat((facula.ones(1), weight), dim=0).shape == (3,)


def test_what_comes_by_name_only_stays_so() -> None:
    """Although the record's function takes it by place."""
    x = facula.ones(2, 3)
    for _ in range(3):
        assert x.double(memory_format=facula.contiguous_format).dtype is facula.float64
        assert x.new_empty_strided([2, 3], [7, 8], dtype=facula.float64).stride() == (7, 8)


def test_a_tensor_is_a_tensor_first() -> None:
    assert facula.max(facula.arange(4), facula.tensor(2)).tolist() == [2, 2, 2, 3]
