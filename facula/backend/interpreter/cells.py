"""Memory and numbers of the interpreter: elements at addresses, rounding, formulas."""

import ctypes
import itertools
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from facula.kernel.expr import COMPARISONS, Graph
from facula.kernel.plan import Plan
from facula.kernel.program import PARTS
from facula.kernel.scalar import PLAIN

Number = Any
Definition = Callable[..., int | None]
DEFINITIONS: dict[type[Plan], Definition] = {}

C_TYPES: dict[str, Any] = {
    "i8": ctypes.c_int8, "u8": ctypes.c_uint8, "i16": ctypes.c_int16, "u16": ctypes.c_uint16,
    "i32": ctypes.c_int32, "u32": ctypes.c_uint32, "i64": ctypes.c_int64, "u64": ctypes.c_uint64,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "bool": ctypes.c_uint8,
    "f16": ctypes.c_uint16, "bf16": ctypes.c_uint16,
}  # fmt: skip


def defines(plan_type: type[Plan]) -> Callable[[Definition], Definition]:
    """Registers `function(plan, arguments by name)` as the meaning of a plan."""

    def register(function: Definition) -> Definition:
        DEFINITIONS[plan_type] = function
        return function

    return register


def positions(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All places in an array of these sizes, the last index fastest."""
    return itertools.product(*map(range, sizes))


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


# --- memory
# ----------------------------------------------------------------------------------------


class Cells:
    """Elements of one stored kind from an address on; reading gives the register kind's number.

    Complex elements are Python's complex numbers, kept as two cells: real part, imaginary part.
    """

    __slots__ = ("address", "kind", "_type", "_size", "_parts")

    def __init__(self, address: int, kind: str) -> None:
        self.address = address
        self.kind = kind
        self._parts = Cells(address, PARTS[kind]) if kind in PARTS else None
        self._type = C_TYPES[PARTS.get(kind, kind)]
        self._size = ctypes.sizeof(self._type) * (2 if kind in PARTS else 1)

    def __getitem__(self, index: int) -> Number:
        if self._parts is not None:
            return complex(self._parts[2 * index], self._parts[2 * index + 1])
        raw = self._type.from_address(self.address + index * self._size).value
        if self.kind == "bool":
            return raw != 0
        if self.kind == "f16":
            return struct.unpack("<e", struct.pack("<H", raw))[0]
        if self.kind == "bf16":
            return struct.unpack("<f", struct.pack("<I", raw << 16))[0]
        return raw

    def __setitem__(self, index: int, value: Number) -> None:
        if self._parts is not None:
            self._parts[2 * index], self._parts[2 * index + 1] = value.real, value.imag
            return
        self._type.from_address(self.address + index * self._size).value = stored(value, self.kind)

    def at(self, index: int) -> "Cells":
        """The cells from element `index` on."""
        return Cells(self.address + index * self._size, self.kind)


def stored(value: Number, kind: str) -> Number:
    """A number as what ctypes writes for a kind; halves are rounded from f32, to nearest even."""
    if kind == "bool":
        return 1 if value else 0
    if kind == "f16":
        single = rounded(value, "f32")
        if math.isfinite(single) and abs(single) >= 65520:
            single = math.copysign(math.inf, single)
        return struct.unpack("<H", struct.pack("<e", single))[0]
    if kind == "bf16":
        if value != value:
            return 0x7FC0
        bits = struct.unpack("<I", struct.pack("<f", rounded(value, "f32")))[0]
        return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF
    return rounded(value, kind) if kind in ("f32", "f64") else int(value)


# --- numbers
# ---------------------------------------------------------------------------------------


def rounded(value: Number, kind: str) -> float:
    """The nearest number of a floating kind."""
    if kind == "f64":
        return float(value)
    if isinstance(value, int) and abs(value) >> 53:
        # A Python float would round once already: keep 53 bits, the last one tells of more.
        extra = abs(value).bit_length() - 53
        kept = abs(value) >> extra
        value = math.copysign((kept | (abs(value) != kept << extra)) * 2.0**extra, value)
    single: float = ctypes.c_float(value).value
    return single


def wrapped(value: int, kind: str) -> int:
    """The integer modulo 2^bits that the kind can hold."""
    bits = int(kind[1:])
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind[0] == "i" and value >> (bits - 1) else value


def converted(value: Number, kind: str) -> Number:
    """A number cast to a register kind. Integers wrap around; floats are cut off towards 0.

    A float too large for its integer gives what x86 gives: the lowest number; kinds of fewer than
    32 bits take the low bits of an i32, u32 those of an i64.
    """
    if kind == "i1":
        return bool(value != 0)
    if kind in ("f32", "f64"):
        return rounded(value, kind)
    if isinstance(value, float):
        over = 1 << 63 if kind == "u64" and value >= 1 << 63 else 0
        lowest = -(1 << (63 if kind in ("u32", "u64") else max(31, int(kind[1:]) - 1)))
        value = math.trunc(value) - over if math.isfinite(value) else lowest
        value = (value if lowest <= value < -lowest else lowest) + over
    return wrapped(int(value), kind)


def fused(a: float, b: float, c: float, kind: str) -> float:
    """a * b + c, rounded once."""
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return rounded(a * b + c, kind)
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c  # for the sign of 0
    try:
        near = float(exact)
    except OverflowError:
        return math.copysign(math.inf, exact)
    if kind == "f64":
        return near
    if near != exact and struct.unpack("<q", struct.pack("<d", near))[0] & 1 == 0:
        # Rounding twice is right if the first time rounds to odd.
        near = math.nextafter(near, math.inf if exact > near else -math.inf)
    return rounded(near, kind)


# --- formulas
# --------------------------------------------------------------------------------------


def _quotient(a: int, b: int) -> int:
    """a / b towards 0."""
    if b == 0:
        raise ZeroDivisionError("ZeroDivisionError")
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def step(op: str, kind: str, args: Sequence[Number]) -> Number:
    """One operation of the formula vocabulary on numbers of one register kind."""
    if op == "pair":
        return complex(*args)
    if op in ("real", "imag"):
        return args[0].real if op == "real" else args[0].imag
    if op == "cast":
        return converted(args[0], kind)
    if op == "repeat":
        return args[0].run(args[1:], lambda graph, inputs: evaluate(graph, inputs, ()))
    if op in COMPARISONS:
        return bool(PLAIN[op](*args))
    if op == "where":
        return args[1] if args[0] else args[2]
    if op == "fma" and kind in ("f32", "f64"):
        return fused(args[0], args[1], args[2], kind)
    if op == "nextafter" and kind == "f32":
        return _beside(*args)
    if kind == "i1":
        return _truth(op, args)
    if kind not in ("f32", "f64"):
        if op == "div":
            return wrapped(_quotient(*args), kind)
        if op == "pow" and args[1] >= 0:
            return wrapped(pow(args[0], args[1], 1 << 64), kind)
    return converted(PLAIN[op](*args), kind)


def _beside(a: float, b: float) -> float:
    """The f32 number next to a in the direction of b."""
    if a == b or a != a or b != b:
        return b if a == b else math.nan
    if a == 0:
        return math.copysign(2.0**-149, b)
    bits: int = struct.unpack("<i", struct.pack("<f", a))[0]
    bits += 1 if (a < b) == (a > 0) else -1
    beside: float = struct.unpack("<f", struct.pack("<i", bits))[0]
    return beside


def _truth(op: str, args: Sequence[bool]) -> bool:
    """Arithmetic modulo 2 as machines do it on flags: + is or, - is exclusive or, * is and."""
    first, last = args[0], args[-1]
    if op in ("add", "maximum", "or"):
        return first or last
    if op in ("mul", "minimum", "and"):
        return first and last
    if op in ("sub", "xor"):
        return first != last
    if op == "pow":
        return first or not last
    return bool(PLAIN[op](*args))


def evaluate(graph: Graph, inputs: Sequence[Number], params: Sequence[Number]) -> list[Number]:
    """An expression graph on numbers; every step is rounded to its kind as machines do."""
    return graph.run(inputs, params, converted, step)
