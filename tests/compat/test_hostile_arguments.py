"""Spoiled arguments: what neither died nor came to errors from inside goes on so.

`hostile_arguments.py` says how they are spoiled; its list may only grow. Here a part of it runs.
"""

import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")

from tests.compat import hostile_arguments, leaks, op_db

LEAST = 186
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory")


def test_spoiled_arguments_come_to_exceptions() -> None:
    names = hostile_arguments.passing()
    assert len(names) >= LEAST and set(names) <= op_db.ENTRIES.keys()
    order = hostile_arguments.order_for(names[3::30], ["float32"], 1)
    outcomes = hostile_arguments.sweep(order | {"package": "facula"})
    assert hostile_arguments.dead(outcomes) == []
    assert len(outcomes) > 200


@pytest.mark.parametrize("name", ["add", "cat", "nn.functional.conv2d", "softmax", "index_put"])
def test_nothing_is_left_of_calls(name: str) -> None:
    assert leaks.leak(name, "float32", 60) == ""
