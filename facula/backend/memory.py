"""Host memory in pools: blocks of a few sizes, 64-byte aligned, handed out again, not returned.

A block given back to the system costs page faults when it is asked for anew (5 to 15 ms for 64 MB);
so free blocks wait in a list per size. `empty_cache` returns the large ones, and so does a request
for a new block when more waits than is in use: a program whose sizes keep changing holds at most
about twice what it needs.
"""

import gc
import mmap
import threading
from ctypes import addressof, c_char

ALIGNMENT = 64
SLAB_BYTES = 1 << 20
LARGEST_IN_SLAB = 1 << 16
HUGE_PAGE = 2 << 20
# So many bytes may wait whatever is in use; and a block may serve requests down to 4/5 of its size.
IDLE_BYTES = 1 << 28
LARGER_BY = 1.25
# Private: a child process (a data loader's worker) must get copies, not our tensors to write to.
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def block_size(nbytes: int) -> int:
    """The size of the block for a request: multiples of 64, above 512 eighths of powers of two.

    >>> block_size(1), block_size(1000), block_size(1 << 20)
    (64, 1024, 1048576)
    """
    if nbytes <= 512:
        if nbytes < 0:
            raise RuntimeError(f"a tensor cannot take {nbytes} bytes")
        return (nbytes + 63) & -64 if nbytes else 64
    step = 1 << max(6, (nbytes - 1).bit_length() - 4)
    return (nbytes + step - 1) & -step


class Room:
    """Where launches find scratch, `each` bytes a worker: `blocks` are the size of a whole block
    and the pool of free ones. A launch takes one out and puts it back there, as generated code can.

    One tuple, so that whoever reads it gets a size and the pool that belongs to it.
    """

    __slots__ = ("blocks", "each")

    def __init__(self, each: int, blocks: tuple[int, list[int]]) -> None:
        self.each = each
        self.blocks = blocks


class Memory:
    """The pools of one process. Lists of free blocks need no lock: list operations are atomic."""

    def __init__(self, cap: int | None) -> None:
        self.cap = cap
        self.pools: dict[int, list[int]] = {}
        self.reserved = 0
        self.system_allocations = 0
        # Guards what follows. Reentrant: a collection of garbage may run anywhere and free tensors.
        self.lock = threading.RLock()
        self._maps: dict[int, mmap.mmap] = {}
        self._slab = 0
        self._slab_left = 0
        self._slabs: list[mmap.mmap] = []
        self._unusable = 0  # bytes lost to alignment and at the ends of slabs

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
        with self.lock:
            if size <= LARGEST_IN_SLAB:
                return self._carve(size)
            return self._larger(size) or self._map(size)

    def _carve(self, size: int) -> int:
        if self._slab_left < size:
            slab = self._request(SLAB_BYTES, size)
            self._slabs.append(slab)
            self._unusable += self._slab_left
            self._slab, self._slab_left = _address(slab), SLAB_BYTES
        address = self._slab
        self._slab += size
        self._slab_left -= size
        return address

    def _larger(self, size: int) -> int | None:
        """A free block of the next larger sizes, which is one of this size from now on."""
        wider = block_size(size + 1)
        while wider <= LARGER_BY * size:
            pool = self.pools.get(wider)
            if pool:
                try:
                    address = pool.pop()
                except IndexError:  # another thread took the last one
                    continue
                self._unusable += wider - size
                return address
            wider = block_size(wider + 1)
        return None

    def _map(self, size: int) -> int:
        idle = self._idle_bytes()
        if idle > IDLE_BYTES and idle > (self.reserved - idle):
            self.empty_cache()
        block = self._request(size + (HUGE_PAGE if size >= HUGE_PAGE else 0), size)
        address = _address(block)
        if size >= HUGE_PAGE:
            address = (address + HUGE_PAGE - 1) & -HUGE_PAGE
            if hasattr(mmap, "MADV_HUGEPAGE"):
                try:
                    block.madvise(mmap.MADV_HUGEPAGE)
                except OSError:
                    pass  # advice that some systems are built without; the block is good
        self._unusable += len(block) - size
        self._maps[address] = block
        return address

    def _request(self, nbytes: int, wanted: int) -> mmap.mmap:
        """`nbytes` of the system's memory for a block of `wanted`; frees what it can if short."""
        block = self._try(nbytes)
        if block is None:
            # Tensors in reference cycles wait for the collector, then blocks for `empty_cache`.
            gc.collect()
            self.empty_cache()
            block = self._try(nbytes)
        if block is None:
            raise self._out_of_memory(wanted)
        self.reserved += nbytes
        self.system_allocations += 1
        return block

    def _try(self, nbytes: int) -> mmap.mmap | None:
        if self.cap is not None and self.reserved + nbytes > self.cap:
            return None
        try:
            return mmap.mmap(-1, nbytes, flags=FLAGS)
        except (OSError, OverflowError, ValueError):
            return None

    def _out_of_memory(self, nbytes: int) -> RuntimeError:
        text = f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {nbytes} bytes."
        if self.cap is not None:
            text += f" {self.reserved} of FACULA_MEMORY_CAP={self.cap} are taken."
        return RuntimeError(text)

    def empty_cache(self) -> None:
        """Returns the free large blocks to the system."""
        with self.lock:
            for size, pool in list(self.pools.items()):
                if size <= LARGEST_IN_SLAB:
                    continue
                while pool:
                    try:
                        address = pool.pop()
                    except IndexError:  # another thread took the last one
                        break
                    block = self._maps.pop(address)
                    self.reserved -= len(block)
                    self._unusable -= len(block) - size
                    block.close()

    def _idle_bytes(self) -> int:
        """What waits in blocks that could be returned."""
        return sum(n * len(pool) for n, pool in list(self.pools.items()) if n > LARGEST_IN_SLAB)

    def statistics(self) -> dict[str, int]:
        """Bytes taken from the system, waiting in pools, and in use; blocks waiting."""
        with self.lock:
            waiting = sum(size * len(pool) for size, pool in list(self.pools.items()))
            idle = waiting + self._slab_left + self._unusable
            return {
                "reserved_bytes": self.reserved,
                "cached_bytes": waiting,
                "allocated_bytes": max(0, self.reserved - idle),
                "cached_blocks": sum(len(pool) for pool in list(self.pools.values())),
                "system_allocations": self.system_allocations,
            }


def _address(block: mmap.mmap) -> int:
    return addressof(c_char.from_buffer(block))
