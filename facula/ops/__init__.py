"""Every operation: importing this package loads the records; functions are made when first used.

Each record's function is an attribute of the package (`facula.ops.conv2d`). All files but those of
NO_RECORDS hold records, nothing else, and never import each other.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from facula.op import Op

NO_RECORDS = ("bind", "calls", "templates")

for _file in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    if _file not in NO_RECORDS:
        importlib.import_module(f"{__name__}.{_file}")

_bind = importlib.import_module("facula.ops.bind")
Op.bind = staticmethod(_bind.bind)
_bind.set_methods()

FUNCTIONS: Mapping[str, Callable[..., Any]] = _bind.Functions()
"""The functions of all records by name, made when first asked for."""


def namespace(name: str) -> Mapping[str, Callable[..., Any]]:
    """The functions of one of NAMESPACES by their names there: record `linalg_det` is `det`.

    >>> sorted(namespace("nowhere"))
    []
    """
    functions: Mapping[str, Callable[..., Any]] = _bind.Functions(name)
    return functions


def __getattr__(name: str) -> Any:
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module 'facula.ops' has no operation {name!r}") from None
