"""Memory whose every block lies against pages that must not be touched: a stray access faults.

`install` puts it in the place of the pools, before facula is imported. Nothing of the package knows
of it: the module `facula.backend.memory` is loaded here, its class replaced, and the package finds
it already loaded. Note [guarded memory].
"""

import ctypes
import importlib.util
import mmap
import sys
from collections import deque
from pathlib import Path
from typing import Any

MODULE = "facula.backend.memory"
PAGE = mmap.PAGESIZE
# So many freed blocks stay forbidden before the system may use their addresses again.
QUARANTINE = 256
# Fresh blocks hold this many bytes of the filling at most: more only costs time.
FILLED = 1 << 20


def install(side: str = "end", filling: int = 0xA5) -> type:
    """Blocks that end ("end") or begin ("start") at forbidden pages, full of one byte; the class of
    such memory."""
    if "facula" in sys.modules:
        raise RuntimeError("guarded memory has to be installed before facula is imported")
    path = Path(__file__).parents[2] / "facula" / "backend" / "memory.py"
    spec = importlib.util.spec_from_file_location(MODULE, path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    failed = ctypes.c_void_p(-1).value

    class Bin(list[int]):
        """What stands for the pool of blocks of exactly `nbytes`. Generated code that appends
        without asking only has its scratch served again."""

        __slots__ = ("memory", "nbytes")

        def __init__(self, memory: "Guarded", nbytes: int) -> None:
            super().__init__()
            self.memory = memory
            self.nbytes = nbytes

        def append(self, address: int) -> None:
            self.memory.forbid(address, self.nbytes)

    class Guarded(module.Memory):  # type: ignore[misc, name-defined]
        """One mapping a block, and one page more."""

        def __init__(self, cap: int | None) -> None:
            super().__init__(cap)
            self.held: dict[tuple[int, int], tuple[int, int]] = {}
            self.freed: deque[tuple[int, int]] = deque()
            self.bytes_in_use = 0

        def pool(self, nbytes: int) -> Bin:
            module.block_size(nbytes)  # raises for negative sizes
            found = self.pools.get(nbytes)
            if found is None:
                found = self.pools.setdefault(nbytes, Bin(self, nbytes))
            return found

        def acquire(self, nbytes: int) -> int:
            pool = self.pool(nbytes)
            if pool:
                return pool.pop()
            pages = -(-nbytes // PAGE) * PAGE
            total = pages + PAGE
            if total >= 1 << 62 or (self.cap is not None and self.bytes_in_use + total > self.cap):
                raise self._out_of_memory(nbytes)
            protection = mmap.PROT_READ | mmap.PROT_WRITE
            start = libc.mmap(None, total, protection, module.FLAGS, -1, 0)
            if start == failed:
                raise self._out_of_memory(nbytes)
            if side == "end":
                forbidden, address = start + pages, start + pages - nbytes
            else:
                forbidden, address = start, start + PAGE
            if libc.mprotect(forbidden, PAGE, 0):
                raise OSError(ctypes.get_errno(), "mprotect failed")
            ctypes.memset(address, filling, min(nbytes, FILLED))
            self.held[address, nbytes] = start, total
            self.bytes_in_use += nbytes
            return address

        def forbid(self, address: int, nbytes: int) -> None:
            """Nobody may touch a block that was given back."""
            start, total = self.held.pop((address, nbytes))
            self.bytes_in_use -= nbytes
            libc.mprotect(start, total, 0)
            self.freed.append((start, total))
            if len(self.freed) > QUARANTINE:
                libc.munmap(*self.freed.popleft())

    module.Memory = Guarded
    return Guarded
