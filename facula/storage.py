"""Storage: a block of bytes that tensors share, with its version and the views that look into it.

The memory comes from the machine's pool and goes back there when the last tensor over it is gone.
To users a storage is `torch.UntypedStorage`, a list of bytes; `typed_storage.py` shows one as
numbers.
"""

import ctypes
import gc
import importlib
import mmap
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from facula.backend.cpu import machine
from facula.meta.device import CPU, check_cpu
from facula.meta.device import device as Device
from facula.meta.dtype import bool_, dtype

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


class UntypedStorage:
    """Bytes at an address: `UntypedStorage(size)`, or of a sequence of numbers, which are copied.

    Every tensor looks into one; views share theirs. Sizes and places are counted in bytes.
    `storage[i]` and `storage[i] = n` read and write a byte, slices several. Raises IndexError for
    reading a place outside, RuntimeError for writing there or a device that is not the CPU.

    >>> import facula as torch
    >>> bytes_of = torch.UntypedStorage([1, 2, 3])
    >>> bytes_of.tolist(), bytes_of.nbytes(), bytes_of.element_size(), len(bytes_of)
    ([1, 2, 3], 3, 1, 3)
    >>> bytes_of.fill_(7).tolist(), bytes_of.clone().copy_(torch.UntypedStorage([4, 5, 6])).tolist()
    ([7, 7, 7], [4, 5, 6])
    >>> bytes_of.type(), bytes_of.cpu() is bytes_of
    ('torch.storage.UntypedStorage', True)
    >>> bytes_of.untyped() is bytes_of, bytes_of.resizable(), bytes_of.new().nbytes()
    (True, True, 0)
    >>> torch.zeros(3).untyped_storage().data_ptr() % 4, bytes_of.is_pinned(), bytes_of.is_shared()
    (0, False, False)
    """

    __slots__ = ("address", "length", "version", "pool", "views", "__weakref__")

    address: int
    length: int
    version: int
    pool: "list[int] | Foreign | _Returning | _Shared"
    views: Views | None

    is_cuda = False
    is_hpu = False
    is_sparse = False
    is_sparse_csr = False
    filename = None

    def __init__(self, data: int | Sequence[int] = 0, *, device: "Device | str" = CPU) -> None:
        length = data if type(data) is int else _length_of(data, device)
        self.address = memory.acquire(length)
        self.pool = memory.pool(length)
        self.length = length
        self.version = 0
        self.views = None
        if data is not length:
            self._put(0, bytes([value & 255 for value in data]))  # type: ignore[union-attr]

    @classmethod
    def foreign(cls, address: int, length: int, owner: object) -> Self:
        """Storage over memory that `owner` keeps alive."""
        self = cls.__new__(cls)
        self.pool = Foreign(owner)
        self.address = address
        self.length = length
        self.version = 0
        self.views = None
        return self

    @classmethod
    def from_buffer(
        cls,
        buffer: Any,
        byte_order: str | None = None,
        count: int = -1,
        offset: int = 0,
        dtype: dtype | None = None,
        device: "Device | str" = CPU,
    ) -> Self:
        """A storage with a copy of an object's bytes: `count` elements of `dtype` from byte
        `offset` on.

        All that are left if -1, swapped if `byte_order` ('little', 'big', 'native') is not the
        machine's. Raises ValueError for an unknown order or a count that is not there.

        >>> import facula as torch
        >>> torch.UntypedStorage.from_buffer(b"abcd", "big", dtype=torch.int16).tolist()
        [98, 97, 100, 99]
        """
        check_cpu(device)
        if dtype is None:
            raise RuntimeError("argument 'dtype' cannot be None")
        size = dtype.itemsize
        orders = {"native": sys.byteorder, "little": "little", "big": "big"}
        if byte_order not in orders and size > 1:
            raise ValueError(
                "function missing required argument 'byte_order' (pos 2)"
                if byte_order is None
                else f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')"
            )
        raw = memoryview(buffer).cast("B")
        if not 0 <= offset <= len(raw):
            raise ValueError(
                f"offset must be non-negative and no greater than buffer length ({len(raw)}), "
                f"but got {offset}"
            )
        if count < 0:
            if (len(raw) - offset) % size:
                raise ValueError(
                    f"buffer size ({len(raw)}) must be a multiple of element size ({size})"
                )
            count = (len(raw) - offset) // size
        if offset + count * size > len(raw):
            raise ValueError(
                f"buffer has only {(len(raw) - offset) // size} elements after offset {offset}, "
                f"but specified a size of {count}"
            )
        made = cls(count * size)
        made._put(0, bytes(raw[offset : offset + count * size]))
        if size > 1 and orders[str(byte_order)] != sys.byteorder:
            made.byteswap(dtype)
        if dtype is bool_:
            made._put(0, bytes(map(bool, made)))
        return made

    @classmethod
    def from_file(
        cls, filename: "str | os.PathLike[str]", shared: bool = False, nbytes: int = 0
    ) -> Self:
        """A storage over the first `nbytes` bytes of a file.

        Shared: what is written to it is written to the file, which is made or made longer if need
        be; else the file stays as it is. Raises RuntimeError for a file that cannot be opened or is
        too short, and for negative sizes.

        >>> import facula as torch
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     _ = file.write(bytes([1, 2, 3]))
        ...     file.flush()
        ...     torch.UntypedStorage.from_file(file.name, False, 3).tolist()
        [1, 2, 3]
        """
        name = os.fspath(filename)
        if nbytes < 0:
            raise RuntimeError(f"unable to mmap {nbytes} bytes from file <{name}>")
        if nbytes == 0:
            return cls(0)
        flags = os.O_RDWR | os.O_CREAT if shared else os.O_RDONLY
        what = f"open file <{name}> in {'read-write' if shared else 'read-only'} mode"
        try:
            file = os.open(name, flags, 0o600)
            try:
                there = os.fstat(file).st_size
                if there < nbytes and not shared:
                    raise RuntimeError(
                        f"file <{name}> size <{there}> is smaller than the required mapping size "
                        f"<{nbytes}>"
                    )
                what = f"resize file <{name}> to the right size"
                if there < nbytes:
                    os.ftruncate(file, nbytes)
                what = f"mmap {nbytes} bytes from file <{name}>"
                access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
                mapped = mmap.mmap(file, nbytes, access=access)
            finally:
                os.close(file)
        except OSError as error:
            raise RuntimeError(f"unable to {what}: {error.strerror} ({error.errno})") from None
        except OverflowError:
            raise RuntimeError(f"unable to {what}: beyond 64 bits") from None
        return cls.foreign(ctypes.addressof(ctypes.c_char.from_buffer(mapped)), nbytes, mapped)

    def alias(self) -> "UntypedStorage":
        """The same bytes with a version counter of their own (what `.data` gives)."""
        return UntypedStorage.foreign(self.address, self.length, self)

    def __del__(self) -> None:
        try:
            pool = self.pool
        except AttributeError:  # the allocation itself failed
            return
        pool.append(self.address)  # `makers.py` has the same in generated code

    # --- as users see it -----------------------------------------------------------------------

    device = CPU

    def nbytes(self) -> int:
        """How many bytes there are."""
        return self.length

    size = nbytes
    __len__ = nbytes

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.length

    def element_size(self) -> int:
        """1: the elements are bytes."""
        return 1

    def data_ptr(self) -> int:
        """The address of the first byte, 0 where there is none."""
        return self.address if self.length else 0

    def get_device(self) -> int:
        """-1, the number of the CPU. Differs from torch, whose method says nothing there.

        >>> import facula as torch
        >>> torch.UntypedStorage(4).get_device()
        -1
        """
        return -1

    def type(self) -> str:
        """The name of the class."""
        return "torch.storage.UntypedStorage"

    def untyped(self) -> Self:
        """The storage itself."""
        return self

    def cpu(self) -> Self:
        """The storage itself: it is on the CPU."""
        return self

    def cuda(self, device: object = None, non_blocking: bool = False) -> Self:
        """Raises AssertionError: there is no GPU here.

        >>> import facula as torch
        >>> try:
        ...     torch.UntypedStorage(4).cuda()
        ... except AssertionError as error:
        ...     print(error)
        Torch not compiled with CUDA enabled
        """
        raise AssertionError("Torch not compiled with CUDA enabled")

    def pin_memory(self, device: object = None) -> Self:
        """Raises RuntimeError: memory is pinned for an accelerator, and there is none.

        >>> import facula as torch
        >>> try:
        ...     torch.UntypedStorage(4).pin_memory()
        ... except RuntimeError as error:
        ...     print("no accelerator")
        no accelerator
        """
        raise RuntimeError("Cannot access accelerator device when none is available.")

    def is_pinned(self, device: object = None) -> bool:
        """False: no memory is pinned."""
        return False

    def resizable(self) -> bool:
        """True, unless somebody else owns the memory."""
        return not isinstance(self.pool, Foreign)

    def tolist(self) -> list[int]:
        """The bytes as integers."""
        return list(ctypes.string_at(self.address, self.length))

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, _ = index.indices(self.length)
            if index.step not in (None, 1):
                raise RuntimeError(
                    f"Trying to slice with a step of {index.step}, but only a step of 1 is "
                    "supported"
                )
            return UntypedStorage.foreign(self.address + start, max(0, stop - start), self)
        return self.buffer()[self._place(index)][0]

    def __setitem__(self, index: Any, value: int) -> None:
        raw = bytes([int(value) & 255])
        if isinstance(index, slice):
            start, stop, step = index.indices(self.length)
            if step != 1:
                raise RuntimeError(
                    f"Trying to slice with a step of {step}, but only a step of 1 is supported"
                )
            self._put(start, raw * max(0, stop - start))
        elif not isinstance(index, int):
            raise RuntimeError(f"can't index a torch.UntypedStorage with {type(index).__name__}")
        elif not 0 <= index < self.length:
            raise RuntimeError("out of bounds")
        else:
            self._put(index, raw)
        self.version += 1

    def _place(self, index: Any) -> int:
        if not isinstance(index, int):
            raise TypeError(f"can't index a torch.UntypedStorage with {type(index).__name__}")
        if not -self.length <= index < self.length:
            raise IndexError(f"index {index} out of range for storage of size {self.length}")
        return index % self.length

    def _put(self, start: int, raw: bytes) -> None:
        """Writes bytes that are known to fit."""
        ctypes.memmove(self.address + start, raw, len(raw))

    def __repr__(self) -> str:
        return text_of(self.tolist(), f"torch.storage.UntypedStorage(device={self.device})")

    def fill_(self, value: int) -> Self:
        """Every byte becomes a number's lowest eight bits."""
        ctypes.memset(self.address, int(value) & 255, self.length)
        self.version += 1
        return self

    def copy_(self, source: "UntypedStorage", non_blocking: bool = False) -> Self:
        """The bytes become those of another storage of the same size."""
        if source.nbytes() != self.length:
            raise RuntimeError(
                f"size does not match, self was {self.length} bytes but src was "
                f"{source.nbytes()} bytes"
            )
        ctypes.memmove(self.address, source.data_ptr(), self.length)
        self.version += 1
        return self

    def byteswap(self, dtype: dtype) -> None:
        """Reverses the bytes of every element of a dtype, in place.

        >>> import facula as torch
        >>> storage = torch.UntypedStorage([1, 2, 3, 4])
        >>> storage.byteswap(torch.int16)
        >>> storage.tolist()
        [2, 1, 4, 3]
        """
        size = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
        if size == 1:
            return
        whole = self.length // size * size
        raw, turned = ctypes.string_at(self.address, whole), bytearray(whole)
        for place in range(size):
            turned[place::size] = raw[size - 1 - place :: size]
        ctypes.memmove(self.address, bytes(turned), whole)

    def new(self) -> "UntypedStorage":
        """An empty storage."""
        return UntypedStorage(0)

    def clone(self) -> "UntypedStorage":
        """A copy of the bytes in memory of its own."""
        copied = UntypedStorage(self.length)
        ctypes.memmove(copied.address, self.address, self.length)
        return copied

    def __copy__(self) -> "UntypedStorage":
        # What `object` would do copies the address: two owners, and the block given back twice.
        return self.clone()

    def __deepcopy__(self, memo: dict[int, object]) -> "UntypedStorage":
        copied = memo[id(self)] = self.clone()
        return copied

    def __reduce__(self) -> "tuple[Callable[[bytes], UntypedStorage], tuple[bytes]]":
        return _storage_from, (ctypes.string_at(self.address, self.length),)

    # --- memory --------------------------------------------------------------------------------

    def grow(self, length: int) -> None:
        """Makes room for `length` bytes, keeping the content. The old block lives on as long as the
        new one: graphs and arrays may still point into it."""
        if length <= self.length:
            self.length = length
            return
        address = memory.acquire(length)
        # Only now: were there no memory, the end of `old` would give back a block in use.
        old = UntypedStorage.foreign(self.address, self.length, self.pool)
        old.pool = self.pool
        ctypes.memmove(address, self.address, self.length)
        self._move(address)
        self.pool = _Returning(memory.pool(length), old)
        self.length = length

    def resize_(self, size: int) -> Self:
        """Room for `size` bytes, keeping the content as far as it fits.

        Raises RuntimeError where somebody else owns the memory.

        >>> import facula as torch
        >>> torch.UntypedStorage([1, 2, 3]).resize_(2).tolist()
        [1, 2]
        """
        if size < 0:
            raise RuntimeError(f"resize_: the size of a storage must not be negative, got {size}")
        if size > self.length and not self.resizable():
            raise RuntimeError("Trying to resize storage that is not resizable")
        self.grow(size)
        return self

    def is_shared(self) -> bool:
        """True if processes forked from this one write to the same memory."""
        return isinstance(self.pool, _Shared)

    def share_memory_(self) -> Self:
        """The storage, its bytes moved to memory that processes forked from this one share.

        >>> import facula as torch
        >>> torch.UntypedStorage(4).share_memory_().is_shared()
        True
        """
        if self.is_shared():
            return self
        if not self.resizable():
            raise RuntimeError("share_memory_: the memory of this storage belongs to another owner")
        room = mmap.mmap(-1, max(1, self.length))  # MAP_SHARED, unlike what the pools hold
        address = ctypes.addressof(ctypes.c_char.from_buffer(room))
        ctypes.memmove(address, self.address, self.length)
        old = UntypedStorage.foreign(self.address, self.length, None)
        old.pool = self.pool
        self._move(address)
        self.pool = _Shared(room, old)
        return self

    def _move(self, address: int) -> None:
        """Points the storage and every tensor over it at another block."""
        # Tensors know their address but a storage does not know its tensors: the collector does.
        # Where there was nothing, no tensor had an element, and the walk over all objects is saved.
        if self.length:
            for one in gc.get_referrers(self):
                if getattr(type(one), "is_node", None) is False and one.block is self:
                    one.address += address - self.address
        self.address = address

    def buffer(self) -> "ctypes.Array[ctypes.c_char]":
        """The bytes as a ctypes array (no copy); valid while this storage lives."""
        return (ctypes.c_char * self.length).from_address(self.address)


Storage = UntypedStorage


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


class _Shared:
    """Stands in for a pool where the memory is a mapping shared with forked processes."""

    __slots__ = ("room", "old")

    def __init__(self, room: mmap.mmap, old: Storage) -> None:
        self.room = room
        self.old: Storage | None = old

    def append(self, address: int) -> None:
        """The mapping ends with the last reference to it."""
        self.old = None


def give_back(storage: Storage) -> None:
    """Hands a dying storage's block to its pool."""
    storage.pool.append(storage.address)


def text_of(values: Sequence[object], name: str) -> str:
    """A storage as torch prints it: one element a line, then what it is."""
    return " " + "\n ".join(map(str, values)) + f"\n[{name} of size {len(values)}]"


def _length_of(data: Any, where: "Device | str") -> int:
    """The bytes of a storage of which `data` is no plain int."""
    check_cpu(where)
    if hasattr(data, "__index__"):
        return int(data.__index__())
    for value in data:
        if not isinstance(value, int):
            raise RuntimeError(
                "torch.UntypedStorage(): tried to construct a storage from a sequence "
                f"({type(data).__name__}), but one of the items was of type "
                f"{type(value).__name__} instead of int"
            )
    return len(data)


def __getattr__(name: str) -> Any:
    # torch.storage has the typed classes too; here they stand above this module.
    if name in ("TypedStorage",):
        return getattr(importlib.import_module("facula.typed_storage"), name)
    raise AttributeError(f"module 'facula.storage' has no attribute {name!r}")


def _storage_from(data: bytes) -> Storage:
    """What pickle calls."""
    storage = Storage(len(data))
    ctypes.memmove(storage.address, data, len(data))
    return storage
