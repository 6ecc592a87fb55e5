"""Layouts and memory formats as values; facula's tensors are strided."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class layout:
    """How a tensor's elements are found: by strides."""

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class memory_format:
    """The order in which a dense tensor's dimensions lie in memory."""

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
