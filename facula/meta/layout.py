"""Layouts and memory formats as values; facula's tensors are strided."""

import importlib
from dataclasses import dataclass


def of_name(name: str) -> object:
    """The layout or memory format of that name: there is one object each, also after pickling.

    >>> of_name("channels_last") is channels_last
    True
    """
    found = globals().get(name)
    return found or getattr(importlib.import_module("facula.meta.other"), name)


@dataclass(frozen=True, slots=True, repr=False)
class layout:
    """How a tensor's elements are found: by strides.

    >>> import facula as torch
    >>> torch.zeros(2).layout
    torch.strided
    """

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[object, ...]:
        return of_name, (self.name,)


@dataclass(frozen=True, slots=True, repr=False)
class memory_format:
    """The order in which a dense tensor's dimensions lie in memory.

    >>> import facula as torch
    >>> x = torch.zeros(1, 2, 3, 4)
    >>> torch.channels_last, x.to(memory_format=torch.channels_last).stride()
    (torch.channels_last, (24, 1, 8, 2))
    """

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[object, ...]:
        return of_name, (self.name,)


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
