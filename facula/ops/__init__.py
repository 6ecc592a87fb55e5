"""Every operation: importing this package loads the records and binds them.

Each record's function is an attribute of the package (`facula.ops.conv2d`). All files but those of
NO_RECORDS hold records, nothing else, and never import each other.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from facula.op import registry

NO_RECORDS = ("bind", "templates")

for _file in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    if _file not in NO_RECORDS:
        importlib.import_module(f"{__name__}.{_file}")

FUNCTIONS: dict[str, Callable[..., Any]] = importlib.import_module("facula.ops.bind").bind_all()


def namespace(name: str) -> dict[str, Callable[..., Any]]:
    """The functions of one of NAMESPACES by their names there: record `linalg_det` is `det`.

    >>> sorted(namespace("nowhere"))
    []
    """
    return {
        record.removeprefix(f"{name}_"): FUNCTIONS[record]
        for record, op in registry.items()
        if op.namespace == name
    }


def __getattr__(name: str) -> Any:
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module 'facula.ops' has no operation {name!r}") from None
