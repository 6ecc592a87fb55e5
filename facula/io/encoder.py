"""Writes pickles in protocol 2, the one that `torch.load(weights_only=True)` reads.

Plain Python data is written here, anything else as the caller's `reduce` says. Names are written as
names: nothing is imported or looked up, so a pickle can speak of functions that exist elsewhere.
The opposite is `decoder.py`.
"""

import struct
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pickle import PicklingError, encode_long
from typing import TypeVar

T = TypeVar("T")
# Python's own pickler fills containers in portions of this many.
_PORTION = 1000


@dataclass(frozen=True, slots=True)
class Global:
    """A function or class by name, as pickles refer to it."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that lies outside the pickle, by its identifier."""

    identifier: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """How an object is made anew: a call, then its elements, items and state.

    With `is_new` the function is a class, and the call is `cls.__new__(cls, *args)`.
    """

    function: Global
    args: tuple[object, ...]
    elements: Iterable[object] = ()
    items: Iterable[tuple[object, object]] = ()
    state: object = None
    is_new: bool = False


Reduce = Callable[[object], Call | Global | Reference]


def encode(value: object, reduce: Reduce) -> bytes:
    """The pickle of a value. `reduce` says how to make anew what is not plain Python data.

    It raises PicklingError for what cannot be carried; the place inside `value` is added to that.
    """
    encoder = _Encoder(reduce)
    encoder.write(value)
    return b"\x80\x02" + bytes(encoder.output) + b"."


class _Encoder:
    """The output so far, and the memo: what was written already gets a number to refer to."""

    def __init__(self, reduce: Reduce) -> None:
        self.output = bytearray()
        self._reduce = reduce
        self._count = 0
        self._names: dict[str | Global, int] = {}
        # The object beside its number keeps it alive, so that its id stays its own.
        self._objects: dict[int, tuple[int, object]] = {}
        self._path: list[object] = []

    def write(self, value: object) -> None:
        kind = type(value)
        if isinstance(value, Global) or kind is str:
            self._write_name(value)  # type: ignore[arg-type]
        elif kind in _ATOMS:
            self.output += _ATOMS[kind](value)
        elif isinstance(value, Reference):
            self.write(value.identifier)
            self.output += b"Q"
        elif id(value) in self._objects:
            self._refer(self._objects[id(value)][0])
        elif isinstance(value, Call):
            self._write_call(value, value)
        elif kind in _CONTAINERS:
            _CONTAINERS[kind](self, value)
        elif kind in _CALLS:
            self._write_call(value, _CALLS[kind](value))
        else:
            self._write_foreign(value)

    def _write_name(self, value: str | Global) -> None:
        index = self._names.get(value)
        if index is not None:
            self._refer(index)
            return
        if isinstance(value, str):
            encoded = value.encode("utf-8", "surrogatepass")
            self.output += struct.pack("<cI", b"X", len(encoded)) + encoded
        else:
            self.output += f"c{value.module}\n{value.name}\n".encode()
        self._names[value] = self._number()

    def _write_tuple(self, value: tuple[object, ...]) -> None:
        length = len(value)
        if length == 0:
            self.output += b")"
            return
        if length > 3:
            self.output += b"("
        for index, item in enumerate(value):
            self._write_inside(index, item)
        if id(value) in self._objects:  # it holds itself, through a list, and is written already
            self.output += b"1" if length > 3 else b"0" * length
            self._refer(self._objects[id(value)][0])
            return
        self.output += (b"", b"\x85", b"\x86", b"\x87", b"t")[min(length, 4)]
        self._remember(value)

    def _write_list(self, value: list[object]) -> None:
        self.output += b"]"
        self._remember(value)
        self._write_elements(value)

    def _write_dict(self, value: dict[object, object]) -> None:
        self.output += b"}"
        self._remember(value)
        self._write_items(value.items())

    def _write_foreign(self, value: object) -> None:
        try:
            reduced = self._reduce(value)
        except PicklingError as error:
            place = "".join(f"[{key!r:.40}]" for key in self._path)
            raise PicklingError(f"{error} (found at obj{place})") from None
        if isinstance(reduced, Call):
            self._write_call(value, reduced)
        else:
            self.write(reduced)

    def _write_call(self, value: object, call: Call) -> None:
        self.write(call.function)
        self.write(call.args)
        self.output += b"\x81" if call.is_new else b"R"
        self._remember(value)
        self._write_elements(call.elements)
        self._write_items(call.items)
        if call.state is not None:
            self.write(call.state)
            self.output += b"b"

    def _write_elements(self, elements: Iterable[object]) -> None:
        for portion in _portions(enumerate(elements)):
            self.output += b"(" if len(portion) > 1 else b""
            for index, item in portion:
                self._write_inside(index, item)
            self.output += b"e" if len(portion) > 1 else b"a"

    def _write_items(self, items: Iterable[tuple[object, object]]) -> None:
        for portion in _portions(items):
            self.output += b"(" if len(portion) > 1 else b""
            for key, item in portion:
                self.write(key)
                self._write_inside(key, item)
            self.output += b"u" if len(portion) > 1 else b"s"

    def _write_inside(self, key: object, item: object) -> None:
        self._path.append(key)
        self.write(item)
        self._path.pop()

    # --- the memo ---------------------------------------------------------------------------------

    def _remember(self, value: object) -> None:
        self._objects[id(value)] = (self._number(), value)

    def _number(self) -> int:
        index = self._count
        self._count += 1
        self.output += b"q%c" % index if index < 256 else struct.pack("<cI", b"r", index)
        return index

    def _refer(self, index: int) -> None:
        self.output += b"h%c" % index if index < 256 else struct.pack("<cI", b"j", index)


def _portions(values: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while portion := list(islice(iterator, _PORTION)):
        yield portion


# --- plain Python data, by exact type -------------------------------------------------------------


def _int(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return struct.pack("<cB", b"K", value)
    if 0 <= value < 1 << 16:
        return struct.pack("<cH", b"M", value)
    if -(1 << 31) <= value < 1 << 31:
        return struct.pack("<ci", b"J", value)
    encoded = encode_long(value)
    if len(encoded) < 256:
        return struct.pack("<cB", b"\x8a", len(encoded)) + encoded
    return struct.pack("<ci", b"\x8b", len(encoded)) + encoded


def _bytes(value: bytes) -> Call:
    # Protocol 2 has no bytes: they travel as text, one character a byte.
    return Call(Global("_codecs", "encode"), (value.decode("latin1"), "latin1"))


def _bytearray(value: bytearray) -> Call:
    return Call(Global("__builtin__", "bytearray"), (bytes(value),) if value else ())


def _complex(value: complex) -> Call:
    return Call(Global("__builtin__", "complex"), (value.real, value.imag))


def _set(value: set[object] | frozenset[object]) -> Call:
    return Call(Global("__builtin__", type(value).__name__), (list(value),))


def _slice(value: slice) -> Call:
    return Call(Global("__builtin__", "slice"), (value.start, value.stop, value.step))


def _range(value: range) -> Call:
    return Call(Global("__builtin__", "xrange"), (value.start, value.stop, value.step))


def _ordered_dict(value: "OrderedDict[object, object]") -> Call:
    name = Global("collections", "OrderedDict")
    return Call(name, (), items=value.items(), state=vars(value) or None)


def _counter(value: "Counter[object]") -> Call:
    return Call(Global("collections", "Counter"), (dict(value),))


def _defaultdict(value: "defaultdict[object, object]") -> Call:
    factory = () if value.default_factory is None else (value.default_factory,)
    return Call(Global("collections", "defaultdict"), factory, items=value.items())


_ATOMS: dict[type, Callable[..., bytes]] = {
    type(None): lambda value: b"N",
    bool: lambda value: b"\x88" if value else b"\x89",
    int: _int,
    float: lambda value: struct.pack(">cd", b"G", value),
}
_CONTAINERS: dict[type, Callable[..., None]] = {
    tuple: _Encoder._write_tuple,
    list: _Encoder._write_list,
    dict: _Encoder._write_dict,
}
_CALLS: dict[type, Callable[..., Call]] = {
    bytes: _bytes,
    bytearray: _bytearray,
    complex: _complex,
    set: _set,
    frozenset: _set,
    slice: _slice,
    range: _range,
    OrderedDict: _ordered_dict,
    Counter: _counter,
    defaultdict: _defaultdict,
}
