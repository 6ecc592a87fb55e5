"""Message builders write what PyTorch writes."""

from types import ModuleType

import pytest

from facula import errors


def test_expected_names_value_and_type() -> None:
    assert errors.expected("a tuple", [1]) == "expected a tuple, got [1] (list)"


def test_must_be_is_torch_wording(torch: ModuleType) -> None:
    with pytest.raises(TypeError) as theirs:
        torch.relu(3)
    assert errors.must_be("relu", "input", 1, "Tensor", 3) == str(theirs.value)


def test_missing_arguments_is_torch_wording(torch: ModuleType) -> None:
    with pytest.raises(TypeError) as theirs:
        torch.relu()
    assert errors.missing_arguments("relu", ["input"]) == str(theirs.value)


def test_unexpected_keyword_is_torch_wording(torch: ModuleType) -> None:
    with pytest.raises(TypeError) as theirs:
        torch.relu(torch.ones(1), axis=1)
    assert errors.unexpected_keyword("relu", "axis") == str(theirs.value)
