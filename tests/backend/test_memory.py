"""Pools of memory: alignment, reuse, limits, what is returned, and storages that cannot be freed
twice.
"""

import copy
import gc
import os
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import facula as torch
from facula.backend.memory import (
    HUGE_PAGE,
    IDLE_BYTES,
    LARGEST_IN_SLAB,
    SLAB_BYTES,
    Memory,
    block_size,
)
from facula.storage import Storage


@given(st.integers(0, 2**45))
def test_blocks_hold_the_request_and_little_more(nbytes: int) -> None:
    size = block_size(nbytes)
    assert size >= max(1, nbytes) and size % 64 == 0
    assert size <= max(64, nbytes + 63, nbytes * 9 / 8)
    assert block_size(size) == size


def test_addresses_are_aligned_and_blocks_do_not_overlap() -> None:
    memory = Memory(None)
    sizes = [
        1,
        64,
        65,
        1000,
        4096,
        LARGEST_IN_SLAB,
        LARGEST_IN_SLAB + 1,
        SLAB_BYTES,
        HUGE_PAGE,
        5 << 20,
    ]
    blocks = sorted((memory.acquire(n), block_size(n)) for n in sizes * 3)
    assert all(address % 64 == 0 for address, _ in blocks)
    assert all(a + size <= b for (a, size), (b, _) in zip(blocks, blocks[1:], strict=False))


def test_a_freed_block_serves_the_next_request_of_its_size() -> None:
    memory = Memory(None)
    for nbytes in (100, 100_000, 3 << 20):
        address = memory.acquire(nbytes)
        memory.pool(nbytes).append(address)
        assert memory.acquire(nbytes) == address
    x = torch.empty(1000)
    address = x.data_ptr()
    del x
    assert torch.empty(1000).data_ptr() == address


def test_many_sizes_do_not_make_memory_grow() -> None:
    memory = Memory(None)
    rng = np.random.default_rng(0)
    reserved = []
    for _ in range(3):
        for n in rng.integers(0, 300_000, 700).tolist():
            memory.pool(n).append(memory.acquire(n))
        reserved.append(memory.reserved)
    assert reserved[1] == reserved[2] < 40 * 300_000


def test_a_larger_free_block_serves_a_request_nearly_as_large() -> None:
    memory = Memory(None)
    large, small = 10 << 20, 9 << 20
    address = memory.acquire(large)
    memory.pool(large).append(address)
    assert memory.acquire(small) == address
    found = memory.statistics()
    assert found["allocated_bytes"] == small and found["system_allocations"] == 1
    assert memory.acquire(6 << 20) != address  # it belongs to somebody
    memory.pool(small).append(address)
    memory.empty_cache()
    assert memory.statistics()["allocated_bytes"] == 6 << 20
    memory.pool(6 << 20).append(memory.acquire(6 << 20))
    assert memory.acquire(4 << 20) not in memory.pool(6 << 20)  # too large for that


def test_more_than_is_in_use_does_not_wait_for_ever() -> None:
    memory = Memory(None)
    sizes = [(64 + 16 * k) << 20 for k in range(12)]  # address space only: nobody writes to it
    for n in sizes:
        memory.pool(n).append(memory.acquire(n))
    assert memory.reserved < IDLE_BYTES + 2 * max(sizes) < sum(sizes)


def test_statistics_add_up_and_caches_empty() -> None:
    memory = Memory(None)
    assert memory.statistics()["allocated_bytes"] == 0
    blocks = [(n, memory.acquire(n)) for n in (100, 70_000, 3 << 20)]
    used = sum(block_size(n) for n, _ in blocks)
    found = memory.statistics()
    assert found["allocated_bytes"] == used and found["cached_blocks"] == 0
    for n, address in blocks:
        memory.pool(n).append(address)
    found = memory.statistics()
    assert found["allocated_bytes"] == 0 and found["cached_bytes"] == used
    assert found["cached_blocks"] == 3 and found["system_allocations"] == 3
    memory.empty_cache()
    found = memory.statistics()
    assert found["reserved_bytes"] == SLAB_BYTES and found["cached_blocks"] == 1
    torch.empty_cache()
    assert torch.memory_stats()["allocated_bytes"] >= 0


def test_the_cap_is_kept_and_named() -> None:
    memory = Memory(4 << 20)
    block = memory.acquire(1 << 20)
    with pytest.raises(
        RuntimeError, match="you tried to allocate 3145728 bytes.*FACULA_MEMORY_CAP=4194304"
    ):
        memory.acquire(3 << 20)
    memory.pool(1 << 20).append(block)
    assert memory.acquire(1 << 20) == block
    memory.pool(1 << 20).append(block)
    memory.acquire((2 << 20) - 4096)  # room is made by giving back what waits


def test_garbage_is_collected_before_giving_up() -> None:
    memory = Memory(3 << 20)

    class Holder:
        def __init__(self) -> None:
            self.itself = self
            self.block = memory.acquire(1 << 20)

        def __del__(self) -> None:
            memory.pool(1 << 20).append(self.block)

    gc.disable()
    try:
        Holder()
        memory.acquire(5 << 18)
        memory.acquire(5 << 18)
    finally:
        gc.enable()


@pytest.mark.parametrize("shape", [(2**62,), (2**40,), (2**32, 2**32), (2**31, 2**31, 4)])
def test_impossible_sizes_raise(shape: tuple[int, ...]) -> None:
    for make in (torch.empty, torch.zeros):
        with pytest.raises(RuntimeError, match="can't allocate memory|overflow"):
            make(*shape)


def test_negative_sizes_raise() -> None:
    with pytest.raises(RuntimeError, match="negative dimension"):
        torch.empty(-1)
    with pytest.raises(RuntimeError, match="-8 bytes"):
        Storage(-8)
    with pytest.raises(RuntimeError):
        Memory(None).acquire(-1)


def test_no_two_threads_get_one_block() -> None:
    memory = Memory(None)
    found: list[list[int]] = []

    def take() -> None:
        found.append([memory.acquire(n) for n in (64, 200, 5000, 70_000) * 200])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    addresses = [address for some in found for address in some]
    assert len(set(addresses)) == len(addresses) == 3200


# --- storages ----------------------------------------------------------------------------------


def filled() -> Storage:
    storage = Storage(100)
    storage.buffer()[:] = bytes(range(100))
    return storage


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s)), Storage.clone]
)
def test_a_copy_of_a_storage_owns_other_memory(copied) -> None:
    storage = filled()
    twin = copied(storage)
    assert bytes(twin.buffer()) == bytes(range(100)) and twin.address != storage.address
    pool, twin_address = storage.pool, twin.address
    del twin
    assert isinstance(pool, list) and pool.count(twin_address) == 1
    del storage
    assert len(set(pool)) == len(pool)


def test_copies_of_tensors_do_not_share_a_block() -> None:
    x = torch.arange(6.0)
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.data_ptr() != x.data_ptr() and twin.tolist() == x.tolist()
    storage = copy.copy(x.untyped_storage())
    del x
    assert np.frombuffer(bytes(storage.buffer())[:24], np.float32).tolist() == [0, 1, 2, 3, 4, 5]


def test_growing_keeps_old_views_alive() -> None:
    storage = filled()
    old, pool = storage.address, storage.pool
    storage.grow(5000)
    assert bytes(storage.buffer())[:100] == bytes(range(100))
    assert isinstance(pool, list) and old not in pool
    del storage
    assert pool.count(old) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_to_copies() -> None:
    x, large = torch.zeros(8), torch.zeros(1 << 20)
    child = os.fork()
    if child == 0:
        x.fill_(5)
        large.fill_(5)
        os._exit(0 if x.sum().item() == 40 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert x.sum().item() == 0 and large.sum().item() == 0
