"""PyTorch's samples on guarded memory: a part of what `guarded_memory.py` runs."""

import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")

from tests.compat import guarded_memory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by ctypes")


@pytest.mark.parametrize(
    "side, dtype, layouts, part",
    [
        ("end", "float32", ["stepped", "turned"], 0),
        ("start", "float32", ["offset", "given"], 3),
        ("end", "int64", ["given", "overlapping"], 5),
    ],
)
def test_samples_stay_inside_storages(side: str, dtype: str, layouts: list[str], part: int) -> None:
    order = {
        "filter": "", "names": [], "dtypes": [dtype], "layouts": layouts, "side": side, "first": 1,
        "part": part, "parts": 7, "filling": 0xA5,
    }  # fmt: skip
    outcomes, faults = guarded_memory.sweep(order, lambda text: None)
    assert faults == []
    assert len(outcomes) > 80
