from types import ModuleType
import pytest
from tests.ops import move_cases as cases
from tests.ops.twin import check
@pytest.mark.parametrize("text", cases.LIKE_TORCH)
def test_move_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)
