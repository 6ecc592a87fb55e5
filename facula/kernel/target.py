"""What a lowering may know of the machine: a few numbers, never an instruction set by name."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A machine as lowerings see it: vector width, register count, and cache sizes in bytes.

    `cores` may decide into how many pieces work is cut where that changes no bit of the result; no
    program depends on it, so it is no part of a target's name. `tiles` says that there are matrix
    tiles: registers of 16 rows of 64 bytes that multiply pairs of bfloat16 into float32 sums.
    """

    vector_bytes: int = 64
    registers: int = 32
    l1_bytes: int = 32 << 10
    l2_bytes: int = 1 << 20
    tiles: bool = False
    cores: int = field(default=4, repr=False, compare=False)

    def lanes(self, itemsize: int) -> int:
        """How many elements of `itemsize` bytes one vector register holds."""
        return max(1, self.vector_bytes // itemsize)
