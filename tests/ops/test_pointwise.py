"""Pointwise operations where torch decides: special values, dtypes, errors, graphs."""

from types import ModuleType

import pytest

from tests.ops import pointwise_cases as cases
from tests.ops.twin import check


@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_pointwise_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)
