"""The container of a checkpoint: a zip archive of uncompressed records, laid out as PyTorch does.

The bytes of every record start on a 64-byte boundary, so that a file can be mapped into memory and
used where it lies. A reader believes nothing it has not checked: every size and offset against the
file, every record against its neighbours, every content against its checksum.
Knows bytes and offsets only; what the records mean is the business of `checkpoint.py`.
"""

import io
import struct
import zlib
from collections.abc import Callable
from typing import IO, NamedTuple

ALIGNMENT = 64
CHUNK = 1 << 20
# What the short fields of the format say when the number is in a long one.
LIMIT_32 = 0xFFFFFFFF
LIMIT_16 = 0xFFFF
# Sizes and offsets from here on are written to the long fields.
WIDE_FROM = LIMIT_32
MAGIC = b"PK\x03\x04"

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_FIELD = struct.Struct("<2H")

_DESCRIPTOR_FOLLOWS = 1 << 3
_UTF8_NAME = 1 << 11
_ENCRYPTED = 1 << 0
_STORED = 0
_DEFLATED = 8
_ZIP64_FIELD = 1
_PADDING_FIELD = 0x4246
# No deflate stream grows by more than this factor; a header that says so lies.
_DEFLATE_LIMIT = 1032


class Record(NamedTuple):
    """One record of an archive: where its header and its bytes lie, and what they should be."""

    name: str
    header: int
    start: int
    stored: int
    size: int
    checksum: int
    is_compressed: bool


class ArchiveWriter:
    """Writes records front to back; `close` adds the directory. Needs only a `write` function.

    Names are written as `folder/name`. The layout, checksum fields included, is PyTorch's byte for
    byte: its lazy loading computes the offsets of records instead of reading them.
    """

    def __init__(self, write: Callable[[bytes], object], folder: str) -> None:
        self._write = write
        self._folder = folder
        self._position = 0
        self._records: list[Record] = []

    def add(self, name: str, data: bytes | memoryview) -> int:
        """Writes one record; gives back its checksum."""
        full = f"{self._folder}/{name}"
        encoded = full.encode()
        header, size = self._position, len(data)
        wide = _wide_fields(size, header)
        flags = _UTF8_NAME | (_DESCRIPTOR_FOLLOWS if size else 0)
        before = header + _LOCAL.size + len(encoded) + len(wide) + _FIELD.size
        padding = -before % ALIGNMENT
        extra = wide + _FIELD.pack(_PADDING_FIELD, padding) + b"Z" * padding
        self._put(_LOCAL.pack(MAGIC, 0, flags, 0, 0, 0, 0, 0, 0, len(encoded), len(extra)))
        self._put(encoded + extra)
        start, checksum = self._position, 0
        for first in range(0, size, CHUNK):
            # One copy serves the checksum and the disk: memory may change under us meanwhile.
            chunk = bytes(data[first : first + CHUNK])
            checksum = zlib.crc32(chunk, checksum)
            self._put(chunk)
        if size:
            self._put(struct.pack("<4sI2Q" if wide else "<4s3I", b"PK\7\x08", checksum, size, size))
        self._records.append(Record(full, header, start, size, size, checksum, False))
        return checksum

    def close(self) -> None:
        """Writes the directory and the end of the archive."""
        directory = self._position
        for record in self._records:
            encoded = record.name.encode()
            wide = _wide_fields(record.size, record.header)
            flags = _UTF8_NAME | (_DESCRIPTOR_FOLLOWS if record.size else 0)
            size, header = _short(record.size), _short(record.header)
            lengths = (len(encoded), len(wide), 0)
            sizes = (record.checksum, size, size)
            entry = (b"PK\1\2", 0, 0, flags, _STORED, 0, 0, *sizes, *lengths, 0, 0, 0, header)
            self._put(_ENTRY.pack(*entry) + encoded + wide)
        end, count = self._position, len(self._records)
        length = end - directory
        fields = (count, count, length, directory)
        self._put(_END_64.pack(b"PK\6\6", _END_64.size - 12, 0x031E, 45, 0, 0, *fields))
        self._put(_LOCATOR.pack(b"PK\6\7", 0, end, 1))
        count = min(count, LIMIT_16)
        self._put(_END.pack(b"PK\5\6", 0, 0, count, count, _short(length), _short(directory), 0))

    def _put(self, data: bytes) -> None:
        self._write(data)
        self._position += len(data)


class ArchiveReader:
    """Reads the records of an archive that starts at the present position of a seekable file.

    `where` names the file in errors. The folder that all names share is left off.
    """

    def __init__(self, file: IO[bytes], where: str) -> None:
        self._file = file
        self._where = where
        self.base = file.tell()
        self._length = file.seek(0, io.SEEK_END) - self.base
        self.records: dict[str, Record] = {}
        self._read_directory()

    def __contains__(self, name: str) -> bool:
        return name in self.records

    def record(self, name: str) -> Record:
        """The record of that name; an error that says which is missing."""
        found = self.records.get(name)
        if found is None:
            raise RuntimeError(
                f"{self._where}: PytorchStreamReader failed locating file {name}: file not found"
            )
        return found

    def read(self, name: str) -> bytes:
        """The bytes of a record, checked against its checksum."""
        record = self.record(name)
        data = self._read_at(record.start, record.stored)
        if record.is_compressed:
            data = self._inflate(record, data)
        self._verify(record, zlib.crc32(data))
        return data

    def read_into(self, name: str, target: memoryview) -> None:
        """Fills `target`, which must have the record's size, with the record's bytes."""
        record = self.record(name)
        if record.is_compressed:
            target[:] = self.read(name)
            return
        self._file.seek(self.base + record.start)
        checksum = 0
        for first in range(0, record.size, CHUNK):
            chunk = self._exactly(min(CHUNK, record.size - first))
            target[first : first + len(chunk)] = chunk
            checksum = zlib.crc32(chunk, checksum)
        self._verify(record, checksum)

    # --- the directory ----------------------------------------------------------------------------

    def _read_directory(self) -> None:
        directory, length, count = self._find_directory()
        entries = self._read_at(directory, length)
        position = 0
        found: list[Record] = []
        for _ in range(count):
            record, position = self._read_entry(entries, position)
            found.append(record)
        if position != len(entries):
            raise self._broken("the directory and its count of records disagree")
        end = 0
        for record in sorted(found, key=lambda record: record.header):
            if record.header < end:
                raise self._broken(f"record {record.name!r} overlaps the one before it")
            end = record.start + record.stored
            if end > directory:
                raise self._broken(f"record {record.name!r} reaches into the directory")
        self._name_records(found)

    def _name_records(self, found: list[Record]) -> None:
        if not found:
            raise self._broken("the archive is empty")
        folder, slash, _ = found[0].name.partition("/")
        if not slash:
            raise RuntimeError(
                f"{self._where}: file in archive is not in a subdirectory: {found[0].name}; "
                "this zip file is not a checkpoint"
            )
        for record in found:
            name = record.name.removeprefix(folder + "/")
            if name in self.records:
                raise self._broken(f"record {record.name!r} occurs twice")
            self.records[name] = record

    def _find_directory(self) -> tuple[int, int, int]:
        """Offset, length and number of entries of the directory, from the end of the file."""
        tail = self._read_at(max(0, self._length - _END.size - LIMIT_16), None)
        position = tail.rfind(b"PK\5\6")
        while position >= 0:
            fits = position + _END.size <= len(tail)
            if fits and _END.unpack_from(tail, position)[-1] == len(tail) - position - _END.size:
                break
            position = tail.rfind(b"PK\5\6", 0, position)
        else:
            raise self._broken("failed finding central directory")
        end = self._length - len(tail) + position
        _, disk, first, here, count, length, directory, _ = _END.unpack_from(tail, position)
        if end >= _LOCATOR.size:
            mark, _, end_64, _ = _LOCATOR.unpack(self._read_at(end - _LOCATOR.size, _LOCATOR.size))
            if mark == b"PK\6\7":
                if end_64 + _END_64.size > end - _LOCATOR.size:
                    raise self._broken("its 64-bit end record lies outside the file")
                values = _END_64.unpack(self._read_at(end_64, _END_64.size))
                if values[0] != b"PK\6\6":
                    raise self._broken("its 64-bit end record is damaged")
                disk, first, here, count, length, directory = values[4:]
                end = end_64
        if disk or first or here != count:
            raise self._broken("archives in several parts are not supported")
        if directory + length != end or count * _ENTRY.size > length:
            raise self._broken("failed finding central directory")
        return directory, length, count

    def _read_entry(self, entries: bytes, position: int) -> tuple[Record, int]:
        if position + _ENTRY.size > len(entries):
            raise self._broken("its directory is cut short")
        values = _ENTRY.unpack_from(entries, position)
        mark, flags, method, checksum, stored, size = (values[k] for k in (0, 3, 4, 7, 8, 9))
        name_length, extra_length, comment_length, header = (*values[10:13], values[16])
        first = position + _ENTRY.size
        second = first + name_length
        after = second + extra_length + comment_length
        if mark != b"PK\1\2" or after > len(entries):
            raise self._broken("its directory is damaged")
        raw = entries[first:second]
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise self._broken(f"the record name {raw!r} is not UTF-8") from None
        extra = entries[second : second + extra_length]
        size, stored, header = self._widen(name, extra, (size, stored, header))
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            raise self._broken(f"record {name!r} is encrypted or compressed in an unknown way")
        if method == _STORED and stored != size:
            raise self._broken(f"record {name!r} claims {size} bytes and holds {stored}")
        if size > stored * _DEFLATE_LIMIT:
            raise self._broken(f"record {name!r} claims to grow from {stored} to {size} bytes")
        start = self._data_start(name, raw, header)
        return Record(name, header, start, stored, size, checksum, method == _DEFLATED), after

    def _widen(self, name: str, extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
        """Takes those of the three numbers that did not fit 32 bits from the 64-bit field."""
        missing = [k for k in range(3) if values[k] == LIMIT_32]
        if not missing:
            return values
        position = 0
        while position + _FIELD.size <= len(extra):
            kind, length = _FIELD.unpack_from(extra, position)
            position += _FIELD.size
            fits = 8 * len(missing) <= length <= len(extra) - position
            if kind == _ZIP64_FIELD and fits:
                wide = struct.unpack_from(f"<{len(missing)}Q", extra, position)
                found = dict(zip(missing, wide))
                size, stored, header = (found.get(k, values[k]) for k in range(3))
                return size, stored, header
            position += length
        raise self._broken(f"record {name!r} lacks its 64-bit sizes")

    def _data_start(self, name: str, raw: bytes, header: int) -> int:
        """Where the record's bytes begin: behind its own header, which must agree on the name."""
        if header + _LOCAL.size > self._length:
            raise self._broken(f"record {name!r} lies outside the file")
        local = self._read_at(header, _LOCAL.size)
        mark, name_length, extra_length = (_LOCAL.unpack(local)[k] for k in (0, 9, 10))
        start = header + _LOCAL.size + name_length + extra_length
        if mark != MAGIC or start > self._length:
            raise self._broken(f"the header of record {name!r} is damaged")
        if self._read_at(header + _LOCAL.size, name_length) != raw:
            raise self._broken(f"record {name!r} has another name in its header")
        return int(start)

    # --- bytes ------------------------------------------------------------------------------------

    def _read_at(self, offset: int, length: int | None) -> bytes:
        if length is None:
            length = self._length - offset
        if offset + length > self._length:
            raise self._broken("a record lies outside the file")
        self._file.seek(self.base + offset)
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        data = self._file.read(length)
        if data is not None and len(data) == length:
            return data
        parts = [data or b""]
        missing = length - len(parts[0])
        while missing:
            part = self._file.read(missing)
            if not part:
                raise self._broken("the file ends early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _inflate(self, record: Record, data: bytes) -> bytes:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            inflated = stream.decompress(data, record.size + 1)
        except zlib.error as error:
            raise self._broken(f"record {record.name!r} does not decompress: {error}") from None
        if len(inflated) != record.size or not stream.eof:
            raise self._broken(f"record {record.name!r} does not decompress to {record.size} bytes")
        return inflated

    def _verify(self, record: Record, checksum: int) -> None:
        # A zero is what PyTorch writes under set_crc32_options(False).
        if record.checksum not in (0, checksum):
            raise self._broken(f"record {record.name!r} fails its checksum (crc-32)")

    def _broken(self, reason: str) -> RuntimeError:
        return RuntimeError(
            f"{self._where}: PytorchStreamReader failed reading zip archive: {reason}. "
            "The file is damaged, cut short, or not a checkpoint."
        )


def _short(number: int) -> int:
    return number if number < WIDE_FROM else LIMIT_32


def _wide_fields(size: int, header: int) -> bytes:
    """The 64-bit field of the format, with the numbers that need it."""
    values = [size, size] if size >= WIDE_FROM else []
    if header >= WIDE_FROM:
        values.append(header)
    if not values:
        return b""
    return _FIELD.pack(_ZIP64_FIELD, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)
