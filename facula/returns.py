"""Named results: the tuples with field names that functions of several results return.

A class is made when the first result of its kind is. Records name their fields, nothing else does.
"""

from collections import namedtuple
from functools import cache
from typing import Any, cast


@cache
def named(name: str, *fields: str) -> Any:
    """The class torch.return_types.`name` with these fields.

    >>> named("slogdet", "sign", "logabsdet")(1.0, 0.5)
    torch.return_types.slogdet(
    sign=1.0,
    logabsdet=0.5)
    """
    made = cast(Any, namedtuple(name, fields))
    made.__module__ = "torch.return_types"
    made.__repr__ = _words
    made.__reduce__ = _reduced
    return made


def rebuilt(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """What pickle calls to make such a tuple again.

    >>> rebuilt("slogdet", ("sign", "logabsdet"), (1.0, 0.5)).sign
    1.0
    """
    return named(name, *fields)(*values)


def _reduced(self: Any) -> tuple[Any, ...]:
    return rebuilt, (type(self).__name__, self._fields, tuple(self))


def _words(self: Any) -> str:
    lines = ",\n".join(
        f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True)
    )
    return f"torch.return_types.{type(self).__name__}(\n{lines})"
