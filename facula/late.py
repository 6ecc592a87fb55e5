"""Packages imported when one of their names is first used.

NumPy and LLVM take half of the time that `import facula` would take, and many a program that
imports it (a command line that prints its help, a data loader's worker) needs neither.
"""

import importlib
from typing import Any


class Late:
    """Stands for a package; looks up a name in it once, then keeps it.

    >>> numpy = Late("numpy")
    >>> numpy.float32(1.5).item()
    1.5
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self._package), name)
        self.__dict__[name] = value
        return value
