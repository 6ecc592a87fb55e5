"""Spoilt calls: what both packages once answered alike they go on answering alike.

`refusals.py` says how calls are spoilt, and makes the list beside it, which may only grow. Here
some of each line's calls run, others for other entries.
"""

import zlib

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's own test utilities need it

from tests.compat import refusals

STEP = 20
LEAST = 2990


@pytest.mark.parametrize("line", sorted(refusals.passing()))
def test_spoilt_calls_are_answered_alike(line: str) -> None:
    name, _, kind = line.rpartition(" ")
    first = zlib.crc32(line.encode()) % STEP
    assert refusals.differences(name, kind, first, STEP) == []


def test_the_list_holds_as_many_as_were_reached() -> None:
    assert len(refusals.passing()) >= LEAST
