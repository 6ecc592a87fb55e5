"""PyTorch's error inputs of optimizers and modules: what once was refused as PyTorch refuses it
goes on being refused so. `error_inputs.py` says how, and makes the list beside it, which may only
grow.
"""

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's own test utilities need it

from tests.compat import error_inputs

LEAST = 20


@pytest.mark.parametrize("entry", sorted(error_inputs.passing()))
def test_inputs_are_refused_as_pytorch_refuses_them(entry: str) -> None:
    assert error_inputs.differences(entry) == []


def test_the_list_of_classes_holds_as_many_as_were_reached() -> None:
    assert len(error_inputs.passing()) >= LEAST
