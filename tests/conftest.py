"""Strict mode for every test: warnings are errors (pyproject.toml), and needs are marked.

A test that touches real PyTorch gets the marker `torch` by itself: its module imports torch, it
asks for the fixture `torch`, or it calls `pytest.importorskip("torch")`. `pytest -m torch` then
runs exactly the comparisons, and a machine without PyTorch skips them.
"""

import sys
from types import ModuleType

import hypothesis
import pytest

# No deadline: the first example of a test may compile a kernel. No chance: a failure on one machine
# is the failure on every machine.
hypothesis.settings.register_profile("facula", deadline=None, derandomize=True)
hypothesis.settings.load_profile("facula")


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """Real PyTorch, the oracle; the test is skipped where it is not installed."""
    oracle = pytest.importorskip("torch")
    oracle.set_num_threads(1)
    return oracle


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _needs_torch(item):
            item.add_marker(pytest.mark.torch)
    if "torch" in sys.modules:  # its threads would spin beside ours: one is enough for an oracle
        sys.modules["torch"].set_num_threads(1)


def _needs_torch(item: pytest.Function) -> bool:
    if "torch" in item.fixturenames:
        return True
    if any(_is_torch(value) for value in vars(item.module).values()):
        return True
    code = getattr(item.function, "__code__", None)
    return code is not None and "importorskip" in code.co_names and "torch" in code.co_consts


def _is_torch(value: object) -> bool:
    """A module of real PyTorch, not facula imported under its name."""
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] == "torch"
