"""Storage: a block of bytes that tensors share, with its version and the views that look into it.

The memory comes from the machine's pool and goes back there when the last tensor over it is gone.
"""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

from facula.backend.cpu import machine

memory = machine.memory


class Foreign:
    """Stands in for a pool where the memory is somebody else's, and keeps that owner alive."""

    __slots__ = ("owner",)

    def __init__(self, owner: object) -> None:
        self.owner = owner

    def append(self, address: int) -> None:
        """Nothing to give back: the owner frees its memory itself."""


class Views(list["weakref.ref[Any]"]):
    """Weak references to the tensors that look into a storage."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        super().__init__()
        # The length at which dead ones are looked for: so rarely that it costs next to nothing.
        self.limit = 32

    def forget_dead(self) -> None:
        self[:] = [one for one in self if one() is not None]
        self.limit = max(32, 2 * len(self))


def note_view(view: Any) -> None:
    """Has a tensor's storage remember it as a view."""
    views = view.block.views
    if views is None:
        views = view.block.views = Views()
    views.append(weakref.ref(view))
    if len(views) > views.limit:
        views.forget_dead()


class Storage:
    """Bytes at an address.

    `version` counts in-place writes; `views` remembers the tensors that autograd must tell about
    writes to their base (Note [in-place on views]).
    """

    __slots__ = ("address", "nbytes", "version", "pool", "views", "__weakref__")

    address: int
    nbytes: int
    version: int
    pool: "list[int] | Foreign | _Returning"
    views: Views | None

    def __init__(self, nbytes: int) -> None:
        self.address = memory.acquire(nbytes)
        self.pool = memory.pool(nbytes)
        self.nbytes = nbytes
        self.version = 0
        self.views = None

    @classmethod
    def foreign(cls, address: int, nbytes: int, owner: object) -> "Storage":
        """Storage over memory that `owner` keeps alive."""
        self = cls.__new__(cls)
        self.pool = Foreign(owner)
        self.address = address
        self.nbytes = nbytes
        self.version = 0
        self.views = None
        return self

    def alias(self) -> "Storage":
        """The same bytes with a version counter of their own (what `.data` gives)."""
        return Storage.foreign(self.address, self.nbytes, self)

    def __del__(self) -> None:
        try:
            pool = self.pool
        except AttributeError:  # the allocation itself failed
            return
        pool.append(self.address)  # `makers.py` has the same in generated code

    def clone(self) -> "Storage":
        """A copy of the bytes in memory of its own."""
        copied = Storage(self.nbytes)
        ctypes.memmove(copied.address, self.address, self.nbytes)
        return copied

    def __copy__(self) -> "Storage":
        # What `object` would do copies the address: two owners, and the block given back twice.
        return self.clone()

    def __deepcopy__(self, memo: dict[int, object]) -> "Storage":
        copied = memo[id(self)] = self.clone()
        return copied

    def __reduce__(self) -> "tuple[Callable[[bytes], Storage], tuple[bytes]]":
        return _storage_from, (ctypes.string_at(self.address, self.nbytes),)

    def grow(self, nbytes: int) -> None:
        """Makes room for `nbytes`, keeping the content. The old block lives on as long as the new
        one, because views may still point into it."""
        if nbytes <= self.nbytes:
            self.nbytes = nbytes
            return
        old = Storage.foreign(self.address, self.nbytes, self.pool)
        old.pool = self.pool
        address = memory.acquire(nbytes)
        ctypes.memmove(address, self.address, self.nbytes)
        self.pool = _Returning(memory.pool(nbytes), old)
        self.address = address
        self.nbytes = nbytes

    def buffer(self) -> "ctypes.Array[ctypes.c_char]":
        """The bytes as a ctypes array (no copy); valid while this storage lives."""
        return (ctypes.c_char * self.nbytes).from_address(self.address)


class _Returning:
    """A pool that also keeps an outgrown block until the new one is returned."""

    __slots__ = ("pool", "old")

    def __init__(self, pool: list[int], old: Storage) -> None:
        self.pool = pool
        # Released together with the new block.
        self.old: Storage | None = old

    def append(self, address: int) -> None:
        self.pool.append(address)
        self.old = None


def give_back(storage: Storage) -> None:
    """Hands a dying storage's block to its pool."""
    storage.pool.append(storage.address)


def _storage_from(data: bytes) -> Storage:
    """What pickle calls."""
    storage = Storage(len(data))
    ctypes.memmove(storage.address, data, len(data))
    return storage
