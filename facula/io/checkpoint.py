"""`save` and `load`: checkpoints in PyTorch's zip format; each framework reads the other's.

A checkpoint is a pickle that says what there is, and a record of bytes for every storage. Writing
is atomic; reading never runs code from the file and trusts nothing in it. The container is
`archive.py`; the pickle language `encoder.py` and `decoder.py`, its words in `vocabulary.py`,
`words.py` and `rebuild.py`; what PyTorch wrote before 1.6 `legacy.py`.
"""

import mmap as memory_map
import os
import pickle
import stat
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import addressof, c_char
from pickle import PicklingError, UnpicklingError
from types import ModuleType
from typing import IO, Any, BinaryIO

from facula.io import legacy
from facula.io.archive import ALIGNMENT, MAGIC, ArchiveReader, ArchiveWriter
from facula.io.decoder import decode
from facula.io.encoder import Call, Global, Reference, encode
from facula.io.place import MapLocation, Place, place_for
from facula.io.rebuild import (
    STORAGE_NAMES,
    TENSOR_MAKERS,
    TENSOR_NAMES,
    identified,
    meta_call,
    storage_global,
    tensor_call,
    tidy,
)
from facula.io.trust import trusted_call
from facula.io.vocabulary import Vocabulary
from facula.io.words import numpy_call
from facula.meta.dtype import dtype, uint8
from facula.storage import Storage
from facula.tensor import Tensor
from facula.typed_storage import TypedStorage, typed

__all__ = ["load", "save"]

FilePath = str | os.PathLike[str]
_NEWEST_VERSION = 10

# --- writing --------------------------------------------------------------------------------------


def save(
    obj: object,
    f: FilePath | IO[bytes],
    pickle_module: ModuleType = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes an object, such as a `state_dict()`, to a file that `load` and `torch.load` read.

    A file appears whole or not at all: until everything is on the disk, an old one stays as it was.
    Raises AttributeError for what is no file, PicklingError for an object that is not allowed.

    Differs from torch: what could only be read back by running code, such as a whole model, is
    refused with its place in `obj`; `add_safe_globals` allows classes of your own.

    >>> import facula as torch
    >>> import io
    >>> file = io.BytesIO()
    >>> torch.save({"epoch": 3, "weight": torch.ones(2)}, file)
    >>> torch.load(io.BytesIO(file.getvalue()))
    {'epoch': 3, 'weight': tensor([1., 1.])}
    """
    if not isinstance(f, str | os.PathLike) and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    if pickle_module is not pickle or pickle_protocol != 2 or not _use_new_zipfile_serialization:
        raise ValueError(
            "facula.save writes the zip format with pickle protocol 2: expected "
            "pickle_module=pickle, pickle_protocol=2, _use_new_zipfile_serialization=True"
        )
    storages = _Storages()
    content = encode(obj, storages.reduce)
    if isinstance(f, str | os.PathLike):
        path = os.fspath(f)
        with _replacing(path) as file:
            _write_archive(file, _folder(path), content, storages)
    else:
        _write_archive(f, "archive", content, storages)
        f.flush()


class _Storages:
    """The storages of one checkpoint, numbered as they are met."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, int, dtype | None], tuple[str, Storage, dtype]] = {}

    def reduce(self, value: object) -> Call | Global | Reference:
        """How to write what is not plain Python data."""
        if isinstance(value, Tensor):
            tensor: Tensor = value
            if tensor.form.lazy:  # memory is written, and what it means would be lost
                tensor = tensor.detach().clone().requires_grad_(tensor.requires_grad)
            kind = tensor.dtype if tensor.dtype in STORAGE_NAMES else None
            return tensor_call(tensor, self._reference(tensor.block, kind))
        if isinstance(value, Storage):
            return self._reference(value, None)
        if isinstance(value, TypedStorage):
            return self._reference(value.untyped(), value.dtype)
        spelled = meta_call(value) or numpy_call(value) or trusted_call(value)
        if spelled is not None:
            return spelled
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if hasattr(value, "state_dict"):
            raise PicklingError(
                f"facula.save cannot write a whole {name}, which only code could rebuild; "
                "save its state_dict() instead"
            )
        raise PicklingError(
            f"facula.save cannot write an object of {name}: a checkpoint holds tensors, numbers, "
            "text and containers of them, and classes given to facula.io.add_safe_globals"
        )

    def _reference(self, storage: Storage, kind: dtype | None) -> Reference:
        # By place, not by object: `.data` makes a second Storage over the same memory. What is
        # empty shares nothing.
        size = storage.length
        place = (storage.address, size, None) if size else (id(storage), 0, kind)
        entry = (str(len(self.found)), storage, kind or uint8)
        key, _, known = self.found.setdefault(place, entry)
        if known is not entry[2]:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that "
                "view the same data as different types"
            )
        numel = storage.length // known.itemsize
        return Reference(("storage", storage_global(kind), key, "cpu", numel))


def _write_archive(file: IO[bytes], folder: str, content: bytes, storages: _Storages) -> None:
    def write(data: bytes) -> None:
        while data:
            written = file.write(data)
            # A raw file may take less than it was given; what is no file may return anything.
            data = data[written:] if isinstance(written, int) else b""

    writer = ArchiveWriter(write, folder)
    names = ["data.pkl", ".format_version", ".storage_alignment", "byteorder"]
    records = [content, b"1", str(ALIGNMENT).encode(), sys.byteorder.encode()]
    checksums = [writer.add(name, record) for name, record in zip(names, records)]
    for key, storage, kind in storages.found.values():
        length = storage.length // kind.itemsize * kind.itemsize
        names.append(f"data/{key}")
        checksums.append(writer.add(names[-1], memoryview(storage.buffer()).cast("B")[:length]))
    writer.add("version", b"3\n")
    # An identity of the content, 40 digits: the same content gives the same file.
    named = zlib.crc32("\n".join(names).encode())
    contents = zlib.crc32(struct.pack(f"<{len(checksums)}I", *checksums))
    writer.add(".data/serialization_id", f"{named:020d}{contents:020d}".encode())
    writer.close()


def _folder(path: str) -> str:
    """The name of the folder inside the archive: that of the file, without its ending."""
    stem = os.path.splitext(os.path.basename(path))[0].lstrip(".")
    return stem if stem and path.isascii() else "archive"


@contextmanager
def _replacing(path: str) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` once it is complete and on the disk."""
    target = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(target)):
        raise RuntimeError(f"Parent directory {os.path.dirname(path)} does not exist.")
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:  # a device or a pipe: nothing there to be replaced
                yield file
        else:
            with _beside(target) as file:
                yield file
    except OSError as error:
        raise RuntimeError(f"File {path} cannot be written: {error.strerror or error}") from error


@contextmanager
def _beside(target: str) -> Iterator[BinaryIO]:
    mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(0, "it is read-only", target)
    name = f".{os.path.basename(target)[:64]}.{os.urandom(8).hex()}.tmp"
    temporary = os.path.join(os.path.dirname(target), name)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            if mode is not None and mode != stat.S_IMODE(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


# --- reading --------------------------------------------------------------------------------------


def load(
    f: FilePath | IO[bytes],
    map_location: MapLocation = None,
    pickle_module: ModuleType | None = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """The object that `save` or `torch.save` wrote to a file.

    With `mmap` the file is mapped into memory instead of read; writes to such tensors do not reach
    the file. Raises EOFError for an empty file, FileNotFoundError, and UnpicklingError or
    RuntimeError for one that is damaged or names what is not safe.

    Differs from torch: no code from a file is ever run, whatever `weights_only` says. A file that
    asks for a class or function outside the safe ones is refused by its name.

    >>> import facula as torch
    >>> import io
    >>> file = io.BytesIO()
    >>> torch.save((1, None, "text"), file)
    >>> torch.load(io.BytesIO(file.getvalue()))
    (1, None, 'text')
    """
    if pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    place = place_for(map_location)
    where = repr(os.fspath(f)) if isinstance(f, str | os.PathLike) else f"<{type(f).__name__}>"
    with _opened(f) as file:
        start = _start_of(file)
        head = file.read(len(MAGIC))
        file.seek(start)
        if not isinstance(head, bytes):
            raise TypeError(f"{where}: expected a file opened in binary mode")
        if not head:
            raise EOFError(f"{where}: Ran out of input; the file is empty")
        try:
            if head == MAGIC:
                if mmap and not isinstance(f, str | os.PathLike):
                    raise ValueError("f must be a file path in order to use the mmap argument")
                return _load_archive(file, where, place, bool(mmap))
            if mmap:
                raise RuntimeError(
                    f"{where}: mmap can only be used with files saved with `torch.save(f, "
                    "_use_new_zipfile_serialization=True)`, please torch.save your checkpoint with "
                    "this option in order to use mmap."
                )
            return legacy.load(file, where, place)
        except UnpicklingError as error:
            raise _refusal(where, error, weights_only) from error.__cause__
        except EOFError as error:
            raise EOFError(f"{where}: {error}") from None


def _refusal(where: str, error: UnpicklingError, weights_only: bool | None) -> UnpicklingError:
    never = "facula never runs code from a file"
    if weights_only is False:
        never += ", with weights_only=False neither"
    return UnpicklingError(f"Weights only load failed. {where}: {error} ({never}.)")


@contextmanager
def _opened(f: FilePath | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            yield file
    else:
        yield f


def _start_of(file: IO[bytes]) -> int:
    try:
        start = file.tell()
        file.seek(start)
    except (OSError, AttributeError) as error:
        raise type(error)(
            f"{error}. You can only torch.load from a file that is seekable. Please pre-load the "
            "data into a buffer like io.BytesIO and try to load from it instead."
        ) from None
    return start


def _load_archive(file: IO[bytes], where: str, place: Place, mapped: bool) -> object:
    reader = ArchiveReader(file, where)
    if "constants.pkl" in reader:
        raise RuntimeError(
            f"{where}: Cannot use ``weights_only=True`` with TorchScript archives passed to "
            "``torch.load``; a TorchScript archive is a program."
        )
    version = reader.read("version").decode("latin1").strip()
    if not version.isdecimal() or len(version) > 4 or int(version) > _NEWEST_VERSION:
        raise RuntimeError(
            f"{where}: Attempted to read a PyTorch file with version {version[:20]}, but "
            f"the maximum supported version for reading is {_NEWEST_VERSION}."
        )
    order = reader.read("byteorder").decode("latin1") if "byteorder" in reader else "little"
    if order not in ("little", "big"):
        raise ValueError(f"{where}: Unknown endianness type: {order[:20]}")
    source = _Source(reader, where, place, order, _Mapped(file) if mapped else None)
    vocabulary = Vocabulary(TENSOR_NAMES, TENSOR_MAKERS, source.refer)
    return decode(reader.read("data.pkl"), vocabulary)[0]


class _Mapped:
    """A file in memory, private to this process; lives as long as a storage over it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._map = memory_map.mmap(file.fileno(), 0, access=memory_map.ACCESS_COPY)
        self._anchor = c_char.from_buffer(self._map)

    def storage(self, start: int, size: int) -> Storage:
        return Storage.foreign(addressof(self._anchor) + start, size, self)


class _Source:
    """The storages of an archive, each read when it is first referred to."""

    def __init__(
        self, reader: ArchiveReader, where: str, place: Place, order: str, mapped: _Mapped | None
    ) -> None:
        self._reader = reader
        self._where = where
        self._place = place
        self._order = order
        self._mapped = mapped
        self._found: dict[str, tuple[TypedStorage, int]] = {}

    def refer(self, identifier: object) -> object:
        kind, key, location, numel = identified(identifier)
        if key not in self._found:
            storage = self._read(f"data/{key}", kind, numel)
            self._found[key] = (typed(self._place(storage, location), kind), numel)
        found, known = self._found[key]
        if found.dtype is not kind or known != numel:
            raise UnpicklingError(f"storage {key} is described in two ways that disagree")
        return found

    def _read(self, name: str, kind: dtype, numel: int) -> Storage:
        record, size = self._reader.record(name), numel * kind.itemsize
        if record.size != size:
            raise RuntimeError(
                f"{self._where}: record size ({record.size} bytes) does not match expected size "
                f"({size} bytes = {numel} elements * {kind.itemsize} bytes/element) of {name}"
            )
        # Kernels count on aligned storages: a record that is not, or is compressed, is copied.
        if self._mapped and size and not record.start % ALIGNMENT and not record.is_compressed:
            storage = self._mapped.storage(record.start, size)
        else:
            storage = Storage(size)
            if size:
                self._reader.read_into(name, memoryview(storage.buffer()).cast("B"))
        tidy(storage, kind, self._order)
        return storage
