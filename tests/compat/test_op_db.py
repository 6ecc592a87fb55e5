"""PyTorch's operator database: what once agreed goes on agreeing. `op_db.py` says how it compares.

The list beside it holds the entries and dtypes that pass with every sample; it may only grow
(`python tests/compat/op_db.py --write`). Here each line runs on its first samples.
"""

from collections import Counter

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's own test utilities need it

from tests.compat import op_db

SAMPLES = 4
LEAST = Counter(
    {
        "float32": 657, "float32 grad": 522, "float64": 656, "float64 grad": 527, "int64": 458,
        "bool": 338, "complex64": 384, "complex64 grad": 314,
    }
)  # fmt: skip


@pytest.mark.parametrize("line", sorted(op_db.passing()))
def test_what_agreed_agrees(line: str) -> None:
    name, _, kind = line.partition(" ")
    outcome = op_db.check(op_db.ENTRIES[name], kind, first=SAMPLES)
    assert outcome.differences == []


def test_the_list_holds_as_many_as_were_reached() -> None:
    counts = Counter(line.partition(" ")[2] for line in op_db.passing())
    assert not LEAST - counts
