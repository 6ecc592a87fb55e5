"""The examples in the docstrings of facula.nn run as printed."""

import doctest
import importlib
import pkgutil

import pytest

from facula import nn

NAMES = [module.name for module in pkgutil.walk_packages(nn.__path__, "facula.nn.")]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
