"""Reads checkpoints from before PyTorch 1.6: five pickles in a row, then the bytes of the storages.

The tensors are made over storages that are still empty and filled at the end, in the order that the
last pickle gives. Only `load` in `checkpoint.py` calls this; nothing writes the format any more.
"""

import struct
from ctypes import memmove
from pickle import UnpicklingError
from typing import IO

from facula.io.decoder import decode
from facula.io.place import Place
from facula.io.rebuild import TENSOR_MAKERS, TENSOR_NAMES, identified, tidy
from facula.io.vocabulary import Vocabulary
from facula.io.words import shown
from facula.meta.dtype import dtype
from facula.storage import Storage
from facula.typed_storage import TypedStorage, typed

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
# Where what is no checkpoint must have shown it, before more of a large file is read.
_HEAD = 1 << 16
_LENGTH = struct.Struct("<q")


def load(file: IO[bytes], where: str, place: Place) -> object:
    """The object in an old file; `where` names the file in errors."""
    head = file.read(_HEAD)
    if head[257:262] == b"ustar":
        raise RuntimeError(
            f"{where}: Cannot use ``weights_only=True`` with files saved in the legacy .tar format."
        )
    try:
        magic = _Pickles(head, place).next()
    except (UnpicklingError, EOFError) as error:
        if isinstance(error, EOFError) and len(head) < _HEAD:
            raise
        text = f"this is neither a zip archive nor an old checkpoint: {error}"
        raise UnpicklingError(text) from error.__cause__
    if type(magic) is not int or magic != _MAGIC_NUMBER:
        raise RuntimeError(f"{where}: Invalid magic number; corrupt file?")
    pickles = _Pickles(head + file.read(), place)
    pickles.next()
    version = pickles.next()
    if type(version) is not int or version != _PROTOCOL_VERSION:
        raise RuntimeError(f"{where}: Invalid protocol version: {shown(version)}")
    system = pickles.next()
    if type(system) is not dict or type(system.get("little_endian")) is not bool:
        raise UnpicklingError("a malformed description of the system that wrote the file")
    result = pickles.next()
    pickles.fill(pickles.next(), "little" if system["little_endian"] else "big", where)
    return result


class _Pickles:
    """The pickles of a file, read one after the other, and the storages that they refer to."""

    def __init__(self, data: bytes, place: Place) -> None:
        self._data = data
        self._place = place
        self._position = 0
        self._storages: dict[str, tuple[Storage, dtype, int]] = {}
        self._views: dict[str, TypedStorage] = {}
        self._vocabulary = Vocabulary(TENSOR_NAMES, TENSOR_MAKERS, self._refer)

    def next(self) -> object:
        value, self._position = decode(self._data, self._vocabulary, self._position)
        return value

    def _refer(self, identifier: object) -> object:
        kind, key, location, numel = identified(identifier)
        if key not in self._storages:
            size = numel * kind.itemsize
            if size > len(self._data):
                raise UnpicklingError(f"storage {key} of {size} bytes in a smaller file")
            storage = self._place(Storage(size), location)
            if storage.length != size:
                raise UnpicklingError(f"map_location changed the size of storage {key}")
            self._storages[key] = (storage, kind, numel)
        storage, known, length = self._storages[key]
        if known is not kind or length != numel:
            raise UnpicklingError(f"storage {key} is described in two ways that disagree")
        view = identifier[5] if type(identifier) is tuple and len(identifier) > 5 else None
        return typed(storage, kind) if view is None else self._view(storage, kind, view)

    def _view(self, storage: Storage, kind: dtype, view: object) -> TypedStorage:
        """A storage inside a storage, as the oldest files have them: key, offset, length."""
        if type(view) is not tuple or len(view) != 3 or type(view[0]) is not str:
            raise UnpicklingError("a malformed view of a storage")
        key, offset, numel = view
        for number in (offset, numel):
            if type(number) is not int or number < 0:
                raise UnpicklingError("a malformed view of a storage")
        start, size = offset * kind.itemsize, numel * kind.itemsize
        if start + size > storage.length:
            raise UnpicklingError(f"view {key} is out of bounds for its storage")
        if key not in self._views:
            inner = Storage.foreign(storage.address + start, size, storage)
            self._views[key] = typed(inner, kind)
        return self._views[key]

    def fill(self, keys: object, order: str, where: str) -> None:
        """Gives every storage its bytes, which follow the last pickle in the order of `keys`."""
        if type(keys) is not list or sorted(map(repr, keys)) != sorted(map(repr, self._storages)):
            raise UnpicklingError("the list of storages is not that of the storages in use")
        for key in keys:
            storage, kind, numel = self._storages[key]
            start = self._position + _LENGTH.size
            missing = start + storage.length - len(self._data)
            if missing > 0:
                raise RuntimeError(
                    f"{where}: unexpected EOF, expected {missing} more bytes. "
                    "The file might be corrupted."
                )
            (length,) = _LENGTH.unpack_from(self._data, self._position)
            if length != numel:
                raise UnpicklingError(f"storage {key} has {length} elements instead of {numel}")
            self._position = start + storage.length
            memmove(storage.address, self._data[start : self._position], storage.length)
            tidy(storage, kind, order)
