"""PyTorch's error samples: what once was refused as PyTorch refuses it goes on being refused so.

`error_samples.py` says how, and makes the list beside it, which may only grow.
"""

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's own test utilities need it

from tests.compat import error_samples

LEAST = 223


@pytest.mark.parametrize("name", sorted(error_samples.passing()))
def test_refused_as_pytorch_refuses(name: str) -> None:
    assert error_samples.differences(name) == []


def test_the_list_holds_as_many_as_were_reached() -> None:
    assert len(error_samples.passing()) >= LEAST
