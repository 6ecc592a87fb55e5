"""`module._parameters`, `._buffers`, `._modules`: the registered attributes as mappings.

Parameters, buffers and children are ordinary instance attributes, so that `self.weight` is one
dictionary lookup; beside them a module keeps only their names, in order of registration. These
views are made when asked for and hold nothing themselves.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from facula.nn.modules.module import Module

__all__ = ["Members"]

Value = TypeVar("Value")


class Members(MutableMapping[str, Value], Generic[Value]):
    """Name to value, for the names in one table of a module; writing registers without checks."""

    __slots__ = ("attributes", "names")

    def __init__(self, module: "Module", table: str) -> None:
        self.attributes = vars(module)
        self.names: dict[str, bool] = self.attributes[table]

    def __getitem__(self, name: str) -> Value:
        if name in self.names:
            return self.attributes[name]
        raise KeyError(name)

    def __setitem__(self, name: str, value: Value) -> None:
        self.names.setdefault(name, True)
        self.attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self.names[name]
        del self.attributes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return repr(dict(self))

    def copy(self) -> dict[str, Value]:
        """A plain dictionary of the same names and values."""
        return dict(self)
