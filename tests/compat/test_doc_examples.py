"""Examples in PyTorch's docstrings print the same on facula, but for a list that may shrink."""

import pytest

pytest.importorskip("torch")

from tests.compat import doc_examples

MOST_DIFFERING = 29


@pytest.mark.parametrize("name", sorted(doc_examples.docstrings()))
def test_prints_as_pytorch_prints(name: str) -> None:
    found = list(doc_examples.differences(name))
    if name not in doc_examples.differing():
        assert found == []


def test_the_list_of_those_that_differ_does_not_grow() -> None:
    assert len(doc_examples.differing()) <= MOST_DIFFERING
    assert set(doc_examples.differing()) <= set(doc_examples.docstrings())
