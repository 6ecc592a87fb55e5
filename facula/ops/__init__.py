"""Every operation: importing this package loads the records; functions are made when first used.

Each record's function is an attribute of the package (`facula.ops.conv2d`). All files but those of
NO_RECORDS hold records, nothing else, and never import each other.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from facula.bind import Functions, bind, set_methods
from facula.op import Op, registry

NO_RECORDS = ("calls",)

for _file in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    if _file not in NO_RECORDS:
        importlib.import_module(f"{__name__}.{_file}")

Op.bind = staticmethod(bind)
set_methods()

FUNCTIONS: Mapping[str, Callable[..., Any]] = Functions()
"""The functions of all records by name, made when first asked for."""


def namespace(name: str) -> Mapping[str, Callable[..., Any]]:
    """The functions of one of NAMESPACES by their names there: record `linalg_det` is `det`.

    >>> sorted(namespace("nowhere"))
    []
    """
    return Functions(name)


class Packet:
    """An operation as `torch.ops.aten` has it: called itself, or by the name of a schema."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, overload: str) -> Callable[..., Any]:
        known = {"default", *[schema.overload for schema in registry[self._name].schemas]}
        if overload not in known:
            raise AttributeError(
                f"The underlying op of 'aten.{self._name}' has no overload name '{overload}'"
            )
        return FUNCTIONS[self._name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return FUNCTIONS[self._name](*args, **kwargs)

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='aten.{self._name}')>"


class Aten:
    """`torch.ops.aten`: every record by its name, those that nothing else shows among them.

    >>> import facula as torch
    >>> torch.ops.aten.native_dropout_backward(torch.ones(2), torch.tensor([True, False]), 2.0)
    tensor([2., 0.])
    """

    def __getattr__(self, name: str) -> Packet:
        if name not in registry:
            raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'")
        packet = Packet(name)
        self.__dict__[name] = packet
        return packet


aten = Aten()


def __getattr__(name: str) -> Any:
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module 'facula.ops' has no operation {name!r}") from None
