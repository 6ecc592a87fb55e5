"""Reads pickles without running anything: the data opcodes of protocols 1 to 5, and nothing else.

Every name in a pickle, every call, state and outside reference goes to a `Vocabulary`, and what
that does not know is refused. Python's own Unpickler is not used: it imports what the file names,
calls what it finds, and allocates what the file asks for.
The opposite is `encoder.py`; the words that may occur are in `vocabulary.py`.
"""

import struct
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from pickle import UnpicklingError, decode_long
from typing import TypeVar

from facula.io.vocabulary import Vocabulary
from facula.io.words import check_key

T = TypeVar("T")
_DEEPEST_CHAIN = 100


def decode(data: bytes, vocabulary: Vocabulary, start: int = 0) -> tuple[object, int]:
    """The value pickled in `data` from `start` on, and where its pickle ends.

    A pickle cut short raises EOFError, any other fault UnpicklingError; what code of the user's
    raises, in a class that is trusted or in `map_location`, comes through as it is.
    """
    decoder = _Decoder(data, vocabulary, start)
    try:
        value = decoder.read()
    finally:
        decoder.take_apart()
    return value, decoder.position


class _Decoder:
    """A stack machine. MARK puts the stack aside, so that no opcode reaches below its own mark."""

    def __init__(self, data: bytes, vocabulary: Vocabulary, start: int) -> None:
        self.position = start
        self._data = data
        self._vocabulary = vocabulary
        self._stack: list[object] = []
        self._below: list[list[object]] = []
        self._memo: dict[int, object] = {}
        self._defaultdicts: list[defaultdict[object, object]] = []

    def read(self) -> object:
        while True:
            opcode = self._take(1)
            if opcode == b".":
                return self._pop()
            action = _ACTIONS.get(opcode)
            if action is None:
                raise self._unknown(opcode)
            action(self)

    def _unknown(self, opcode: bytes) -> UnpicklingError:
        if opcode == b"i":  # INST, the call of a class by name: say which
            self._global()
        return UnpicklingError(f"unsupported pickle opcode {opcode!r}; checkpoints need none such")

    # --- operands ---------------------------------------------------------------------------------

    def _take(self, length: int) -> bytes:
        end = self.position + length
        if end > len(self._data):
            raise EOFError("the pickle ends early (Ran out of input)")
        piece = self._data[self.position : end]
        self.position = end
        return piece

    def _number(self, form: str) -> int:
        value = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        if value < 0:
            raise UnpicklingError(f"a negative length or number ({value}) in the pickle")
        return int(value)

    def _line(self) -> str:
        end = self._data.find(b"\n", self.position)
        if end < 0:
            raise EOFError("the pickle ends early (Ran out of input)")
        line = self._data[self.position : end]
        self.position = end + 1
        return _text_of(line)

    def _pop(self) -> object:
        value = self._top()
        del self._stack[-1]
        return value

    def _top(self) -> object:
        if not self._stack:
            raise UnpicklingError(f"unexpected MARK or empty stack at byte {self.position}")
        return self._stack[-1]

    def _since_mark(self) -> list[object]:
        if not self._below:
            raise UnpicklingError(f"could not find MARK at byte {self.position}")
        items = self._stack
        self._stack = self._below.pop()
        return items

    # --- names, calls, states ---------------------------------------------------------------------

    def _global(self) -> None:
        module = self._line()
        self._stack.append(self._vocabulary.find(module, self._line()))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if type(module) is not str or type(name) is not str:
            raise UnpicklingError("STACK_GLOBAL wants two strings")
        self._stack.append(self._vocabulary.find(module, name))

    def _call(self) -> None:
        args = _exact(self._pop(), tuple)
        made = self._vocabulary.call(self._pop(), args)
        self._stack.append(made)
        if type(made) is defaultdict:
            self._defaultdicts.append(made)

    def take_apart(self) -> None:
        """Refuses defaultdicts in each other so deep that CPython's freeing them, which recurses in
        C without a guard (seen in 3.11 to 3.13), would end the process."""
        depth = 0
        level = self._defaultdicts
        while level and depth <= _DEEPEST_CHAIN:
            inside = {id(v): v for one in level for v in one.values() if type(v) is defaultdict}
            level = list(inside.values())
            depth += 1
        if level:
            for one in self._defaultdicts:
                one.clear()
            raise UnpicklingError("defaultdicts are nested too deeply")

    def _instance(self) -> None:
        args = _exact(self._pop(), tuple)
        self._stack.append(self._vocabulary.instance(self._pop(), args))

    def _state(self) -> None:
        state = self._pop()
        self._vocabulary.restore(self._top(), state)

    def _reference(self) -> None:
        self._stack.append(self._vocabulary.refer(self._pop()))

    # --- containers -------------------------------------------------------------------------------

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _tuple(self, length: int) -> None:
        items = [self._pop() for _ in range(length)]
        self._stack.append(tuple(reversed(items)))

    def _append(self) -> None:
        item = self._pop()
        _exact(self._top(), list).append(item)

    def _extend(self) -> None:
        items = self._since_mark()
        _exact(self._top(), list).extend(items)

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._fill(self._top(), [key, value])

    def _set_items(self) -> None:
        items = self._since_mark()
        self._fill(self._top(), items)

    def _fill(self, target: object, items: list[object]) -> None:
        plain = type(target) in (dict, OrderedDict, Counter, defaultdict)
        if not plain and not self._vocabulary.is_mapping(target):
            raise UnpicklingError(f"items are set on a {type(target).__name__}")
        if len(items) % 2:
            raise UnpicklingError("a key without a value")
        for key, value in zip(items[::2], items[1::2]):
            target[check_key(key)] = value  # type: ignore[index]

    def _dict(self) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._fill(self._top(), items)

    def _add_items(self) -> None:
        items = self._since_mark()
        _exact(self._top(), set).update(check_key(item) for item in items)

    def _frozenset(self) -> None:
        items = self._since_mark()
        self._stack.append(frozenset(check_key(item) for item in items))

    # --- stack and memo ---------------------------------------------------------------------------

    def _discard(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def _discard_marked(self) -> None:
        self._since_mark()

    def _get(self, form: str) -> None:
        index = self._number(form)
        if index not in self._memo:
            raise UnpicklingError(f"the pickle refers to an object it has not shown ({index})")
        self._stack.append(self._memo[index])

    def _put(self, form: str) -> None:
        self._memo[self._number(form)] = self._top()

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    # --- plain values -----------------------------------------------------------------------------

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _protocol(self) -> None:
        protocol = self._number("<B")
        if protocol > 5:
            raise UnpicklingError(f"unsupported pickle protocol: {protocol}")

    def _skip_frame(self) -> None:
        self._number("<Q")  # how many bytes a reader may fetch at once: all are here already

    def _text(self, form: str) -> None:
        self._stack.append(_text_of(self._take(self._number(form))))

    def _octets(self, form: str) -> None:
        self._stack.append(self._take(self._number(form)))

    def _byte_array(self) -> None:
        self._stack.append(bytearray(self._take(self._number("<Q"))))

    def _unpack(self, form: str) -> None:
        self._stack.append(struct.unpack(form, self._take(struct.calcsize(form)))[0])

    def _long(self, form: str) -> None:
        self._stack.append(decode_long(self._take(self._number(form))))


def _text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UnpicklingError(f"text that is not UTF-8: {error}") from None


def _exact(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise UnpicklingError(f"expected a {kind.__name__}, found a {type(value).__name__}")
    return value


_ACTIONS: dict[bytes, Callable[[_Decoder], None]] = {
    b"\x80": _Decoder._protocol,
    b"\x95": _Decoder._skip_frame,
    b"c": _Decoder._global,
    b"\x93": _Decoder._stack_global,
    b"R": _Decoder._call,
    b"\x81": _Decoder._instance,
    b"b": _Decoder._state,
    b"Q": _Decoder._reference,
    b"(": _Decoder._mark,
    b")": lambda decoder: decoder._push(()),
    b"]": lambda decoder: decoder._push([]),
    b"}": lambda decoder: decoder._push({}),
    b"\x8f": lambda decoder: decoder._push(set()),
    b"\x85": lambda decoder: decoder._tuple(1),
    b"\x86": lambda decoder: decoder._tuple(2),
    b"\x87": lambda decoder: decoder._tuple(3),
    b"t": lambda decoder: decoder._push(tuple(decoder._since_mark())),
    b"l": lambda decoder: decoder._push(decoder._since_mark()),
    b"d": _Decoder._dict,
    b"a": _Decoder._append,
    b"e": _Decoder._extend,
    b"s": _Decoder._set_item,
    b"u": _Decoder._set_items,
    b"\x90": _Decoder._add_items,
    b"\x91": _Decoder._frozenset,
    b"0": _Decoder._discard,
    b"1": _Decoder._discard_marked,
    b"2": lambda decoder: decoder._push(decoder._top()),
    b"h": lambda decoder: decoder._get("<B"),
    b"j": lambda decoder: decoder._get("<I"),
    b"q": lambda decoder: decoder._put("<B"),
    b"r": lambda decoder: decoder._put("<I"),
    b"\x94": _Decoder._memoize,
    b"N": lambda decoder: decoder._push(None),
    b"\x88": lambda decoder: decoder._push(True),
    b"\x89": lambda decoder: decoder._push(False),
    b"K": lambda decoder: decoder._unpack("<B"),
    b"M": lambda decoder: decoder._unpack("<H"),
    b"J": lambda decoder: decoder._unpack("<i"),
    b"G": lambda decoder: decoder._unpack(">d"),
    b"\x8a": lambda decoder: decoder._long("<B"),
    b"\x8b": lambda decoder: decoder._long("<i"),
    b"X": lambda decoder: decoder._text("<I"),
    b"\x8c": lambda decoder: decoder._text("<B"),
    b"\x8d": lambda decoder: decoder._text("<Q"),
    b"U": lambda decoder: decoder._text("<B"),  # Python 2's str, which torch reads as UTF-8 too
    b"T": lambda decoder: decoder._text("<i"),
    b"C": lambda decoder: decoder._octets("<B"),
    b"B": lambda decoder: decoder._octets("<I"),
    b"\x8e": lambda decoder: decoder._octets("<Q"),
    b"\x96": _Decoder._byte_array,
}
