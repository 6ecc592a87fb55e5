"""Host memory in pools: blocks of a few sizes, 64-byte aligned, handed out again instead of returned.

A block given back to the system costs page faults when it is asked for anew (5 to 15 ms for 64 MB);
so free blocks wait in a list per size, and `empty_cache` returns the large ones.
"""

import mmap
from ctypes import addressof, c_char

ALIGNMENT = 64
SLAB_BYTES = 1 << 20
LARGEST_IN_SLAB = 1 << 16
HUGE_PAGE = 2 << 20


def block_size(nbytes: int) -> int:
    """The size of the block that serves a request: multiples of 64, above 512 in eighths of a power of two."""
    if nbytes <= 512:
        return (nbytes + 63) & -64 if nbytes else 64
    step = 1 << max(6, (nbytes - 1).bit_length() - 4)
    return (nbytes + step - 1) & -step


class Memory:
    """The pools of one process."""

    def __init__(self, cap: int | None) -> None:
        self.cap = cap
        self.pools: dict[int, list[int]] = {}
        self.reserved = 0
        self.system_allocations = 0
        self._maps: dict[int, mmap.mmap] = {}
        self._slab = 0
        self._slab_left = 0
        self._slabs: list[mmap.mmap] = []

    def pool(self, nbytes: int) -> list[int]:
        """The list of free blocks for requests of `nbytes`; popping one is the whole allocation."""
        size = block_size(nbytes)
        pool = self.pools.get(size)
        if pool is None:
            pool = self.pools.setdefault(size, [])
        return pool

    def acquire(self, nbytes: int) -> int:
        """Address of a fresh block for `nbytes`, from the pool or from the system."""
        try:
            return self.pool(nbytes).pop()
        except IndexError:
            pass
        size = block_size(nbytes)
        if size <= LARGEST_IN_SLAB:
            return self._carve(size)
        return self._map(size)

    def _carve(self, size: int) -> int:
        if self._slab_left < size:
            slab = self._request(SLAB_BYTES)
            self._slabs.append(slab)
            self._slab, self._slab_left = _address(slab), SLAB_BYTES
        address = self._slab
        self._slab += size
        self._slab_left -= size
        return address

    def _map(self, size: int) -> int:
        block = self._request(size + (HUGE_PAGE if size >= HUGE_PAGE else 0))
        address = _address(block)
        if size >= HUGE_PAGE:
            address = (address + HUGE_PAGE - 1) & -HUGE_PAGE
            if hasattr(mmap, "MADV_HUGEPAGE"):
                block.madvise(mmap.MADV_HUGEPAGE)
        self._maps[address] = block
        return address

    def _request(self, nbytes: int) -> mmap.mmap:
        if self.cap is not None and self.reserved + nbytes > self.cap:
            self.empty_cache()
            if self.reserved + nbytes > self.cap:
                raise out_of_memory(nbytes)
        try:
            block = mmap.mmap(-1, nbytes)
        except (OSError, OverflowError, ValueError):
            self.empty_cache()
            try:
                block = mmap.mmap(-1, nbytes)
            except (OSError, OverflowError, ValueError):
                raise out_of_memory(nbytes) from None
        self.reserved += nbytes
        self.system_allocations += 1
        return block

    def empty_cache(self) -> None:
        """Returns the free large blocks to the system."""
        for size, pool in list(self.pools.items()):
            if size <= LARGEST_IN_SLAB:
                continue
            while pool:
                try:
                    address = pool.pop()
                except IndexError:
                    break
                block = self._maps.pop(address)
                self.reserved -= len(block)
                block.close()

    def statistics(self) -> dict[str, int]:
        """Bytes taken from the system, waiting in pools, and in use; blocks waiting."""
        waiting = sum(size * len(pool) for size, pool in self.pools.items())
        return {
            "reserved_bytes": self.reserved,
            "cached_bytes": waiting,
            "allocated_bytes": max(0, self.reserved - waiting - self._slab_left),
            "cached_blocks": sum(map(len, self.pools.values())),
            "system_allocations": self.system_allocations,
        }


def out_of_memory(nbytes: int) -> RuntimeError:
    return RuntimeError(
        f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {nbytes} bytes."
    )


def _address(block: mmap.mmap) -> int:
    return addressof(c_char.from_buffer(block))
