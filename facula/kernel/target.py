"""What a lowering may know of the machine: a few numbers, never an instruction set by name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A machine as lowerings see it: vector width, register count, and cache sizes in bytes."""

    vector_bytes: int = 64
    registers: int = 32
    l1_bytes: int = 32 << 10
    l2_bytes: int = 1 << 20

    def lanes(self, itemsize: int) -> int:
        """How many elements of `itemsize` bytes one vector register holds."""
        return max(1, self.vector_bytes // itemsize)
