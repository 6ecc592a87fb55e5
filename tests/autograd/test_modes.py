"""no_grad, enable_grad, inference_mode, set_grad_enabled: as context managers and decorators."""

import threading
from types import ModuleType

import pytest

import facula
from tests.autograd import programs
from tests.ops.twin import check


@pytest.mark.parametrize("text", programs.MODES)
def test_modes_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_the_mode_belongs_to_a_thread() -> None:
    seen = []
    with facula.no_grad():
        thread = threading.Thread(target=lambda: seen.append(facula.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_an_exception_puts_the_mode_back() -> None:
    with pytest.raises(ZeroDivisionError), facula.no_grad():
        raise ZeroDivisionError
    assert facula.is_grad_enabled()


def test_one_object_nests() -> None:
    """Differs from torch, where the second entry forgets what was before the first."""
    off = facula.no_grad()
    with off:
        with off:
            assert not facula.is_grad_enabled()
        assert not facula.is_grad_enabled()
    assert facula.is_grad_enabled()
