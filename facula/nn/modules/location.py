"""Names the layer an error came from: "in classifier.2 (Linear): ...".

Every module on the way out of a failing call hands the error here. Nothing is prepared in advance:
a child's name within its parent is searched for only once something has gone wrong.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from facula.nn.modules.module import Module

__all__ = ["add_location"]

# Loops end with the first two and a KeyError's argument is a key, none of them a message to read.
# After a RecursionError there is no stack left for searching.
_UNTOUCHED = (StopIteration, StopAsyncIteration, KeyError, RecursionError)


class _Location(NamedTuple):
    """What is known so far: plain values only, so that the exception can still be pickled."""

    child: int  # id of the module that the error left last; its frame is alive while we compare
    path: str  # names from that module inwards to the layer
    layer: str  # class name of the layer
    message: str  # as it was raised
    text: str  # as it stands in the exception now


def add_location(error: Exception, module: "Module") -> None:
    """Prefix the message of `error`, which is just leaving `module`, with the path of its layer."""
    if isinstance(error, _UNTOUCHED) or len(error.args) != 1 or type(error.args[0]) is not str:
        return
    text = error.args[0]
    location = error.__dict__.get("_location")
    if location is None or location.text != text:
        # The innermost module: its own name is known only to whoever called it.
        error.__dict__["_location"] = _Location(id(module), "", type(module).__name__, text, text)
        return
    if location.child == id(module):
        return  # `super().__call__` of the same module
    name = _name_of(location.child, module, "", set())
    if name is None:
        # Called from here but held elsewhere, in a plain list for example.
        name = "" if location.path else "?"
    path = ".".join(part for part in (name, location.path) if part)
    text = f"in {path} ({location.layer}): {location.message}"
    error.args = (text,)
    error.__dict__["_location"] = location._replace(child=id(module), path=path, text=text)


def _name_of(child: int, module: "Module", prefix: str, seen: set[int]) -> str | None:
    """Dotted name, below `module`, of the module whose id is `child`."""
    seen.add(id(module))
    for name, value in module._modules.items():
        if id(value) == child:
            return prefix + name
        if value is not None and id(value) not in seen:
            found = _name_of(child, value, prefix + name + ".", seen)
            if found is not None:
                return found
    return None
