"""Programs: typed, structured instruction lists that every code generator prints.

A `Program` is what a plan becomes once its layout is known: straight-line instructions on scalars
and vectors, counted loops with carried values, branches, loads and stores. It has one outer loop
over independent *units*; who runs which unit never changes a result. Lowerings write programs
through `Builder`, whose values carry operators, so that they read like the loops they describe.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias


class Type(NamedTuple):
    """A scalar kind (`i1 i8 u8 i16 u16 i32 u32 i64 u64 f16 bf16 f32 f64 ptr`) times lanes."""

    kind: str
    lanes: int = 1

    def __str__(self) -> str:
        return self.kind if self.lanes == 1 else f"{self.lanes}x{self.kind}"

    @property
    def is_float(self) -> bool:
        return self.kind in FLOAT_KINDS

    @property
    def is_signed(self) -> bool:
        return self.kind[0] == "i" and self.kind != "i1"

    @property
    def bits(self) -> int:
        return KIND_BITS[self.kind]

    def of(self, kind: str) -> "Type":
        """The same lanes of another kind."""
        return Type(kind, self.lanes)


KIND_BITS = {
    "i1": 1, "i8": 8, "u8": 8, "i16": 16, "u16": 16, "i32": 32, "u32": 32, "i64": 64, "u64": 64,
    "f16": 16, "bf16": 16, "f32": 32, "f64": 64, "ptr": 64,
}  # fmt: skip
FLOAT_KINDS = frozenset(("f16", "bf16", "f32", "f64"))
# How a stored element looks in a register: halves compute as f32, bools as i1.
REGISTER_KIND = {"f16": "f32", "bf16": "f32", "bool": "i1", "c32": "c64"}
# What complex kinds lie in memory as, the real part first; in registers they are a `Pair`.
PARTS = {"c32": "f16", "c64": "f32", "c128": "f64"}
STORED_BYTES = {
    "bool": 1, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "i32": 4, "u32": 4, "i64": 8, "u64": 8,
    "f16": 2, "bf16": 2, "f32": 4, "f64": 8, "ptr": 8, "c32": 4, "c64": 8, "c128": 16,
}  # fmt: skip
I64 = Type("i64")
I1 = Type("i1")
PTR = Type("ptr")
F64 = Type("f64")


class Instruction(NamedTuple):
    """One step: `result = op(args)`; `extra` holds what is not a value (kind, lanes, literal)."""

    op: str
    result: "Value | None"
    args: tuple["Value", ...]
    extra: Any = None


@dataclass(slots=True)
class Loop:
    """`for index in range(start, stop, step)`, with values carried from turn to turn."""

    index: "Value"
    start: "Value"
    stop: "Value"
    step: "Value"
    initial: tuple["Value", ...]
    carried: tuple["Value", ...]
    body: list["Instruction | Loop | Branch"] = field(default_factory=list)
    following: tuple["Value", ...] = ()
    results: tuple["Value", ...] = ()
    going: "Value | None" = None

    def next(self, *values: "Value", going: "Value | None" = None) -> None:
        """Says which values the next turn (or the code after the loop) receives, and with `going`
        (an i1 scalar) whether there is a next turn while the count allows one."""
        self.following = values
        self.going = going


@dataclass(slots=True)
class Branch:
    """`if condition: body`; no values leave it, memory does."""

    condition: "Value"
    body: list["Instruction | Loop | Branch"] = field(default_factory=list)
    otherwise: list["Instruction | Loop | Branch"] = field(default_factory=list)


Number: TypeAlias = "Value | int | float | bool"


class Value:
    """An SSA value. Arithmetic with Python numbers turns them into constants of its own type."""

    __slots__ = ("type", "number", "builder", "literal")

    def __init__(
        self, type: Type, number: int, builder: "Builder", literal: float | int | None = None
    ):
        self.type = type
        self.number = number
        self.builder = builder
        self.literal = literal

    def __repr__(self) -> str:
        return f"{self.literal}:{self.type}" if self.literal is not None else f"%{self.number}"

    def __add__(self, other: Number) -> "Value":
        return self.builder.op("add", self, other)

    def __radd__(self, other: Number) -> "Value":
        return self.builder.op("add", self, other)

    def __sub__(self, other: Number) -> "Value":
        return self.builder.op("sub", self, other)

    def __rsub__(self, other: Number) -> "Value":
        return self.builder.op("sub", self.builder.like(self, other), self)

    def __mul__(self, other: Number) -> "Value":
        return self.builder.op("mul", self, other)

    def __rmul__(self, other: Number) -> "Value":
        return self.builder.op("mul", self, other)

    def __truediv__(self, other: Number) -> "Value":
        return self.builder.op("div", self, other)

    def __rtruediv__(self, other: Number) -> "Value":
        return self.builder.op("div", self.builder.like(self, other), self)

    def __floordiv__(self, other: Number) -> "Value":
        """Truncating division of integers (C's), the machine's own."""
        return self.builder.op("quotient", self, other)

    def __mod__(self, other: Number) -> "Value":
        """Remainder of the truncating division, the machine's own."""
        return self.builder.op("remainder", self, other)

    def __and__(self, other: Number) -> "Value":
        return self.builder.op("and", self, other)

    def __rand__(self, other: Number) -> "Value":
        return self.builder.op("and", self, other)

    def __or__(self, other: Number) -> "Value":
        return self.builder.op("or", self, other)

    def __ror__(self, other: Number) -> "Value":
        return self.builder.op("or", self, other)

    def __xor__(self, other: Number) -> "Value":
        return self.builder.op("xor", self, other)

    def __lshift__(self, other: Number) -> "Value":
        return self.builder.op("shl", self, other)

    def __rshift__(self, other: Number) -> "Value":
        """Arithmetic for signed kinds, logical for unsigned ones."""
        return self.builder.op("shr", self, other)

    def __neg__(self) -> "Value":
        return self.builder.op("neg", self)

    def __invert__(self) -> "Value":
        return self.builder.op("not", self)

    def __lt__(self, other: Number) -> "Value":
        return self.builder.compare("lt", self, other)

    def __le__(self, other: Number) -> "Value":
        return self.builder.compare("le", self, other)

    def __gt__(self, other: Number) -> "Value":
        return self.builder.compare("gt", self, other)

    def __ge__(self, other: Number) -> "Value":
        return self.builder.compare("ge", self, other)

    def eq(self, other: Number) -> "Value":
        return self.builder.compare("eq", self, other)

    def ne(self, other: Number) -> "Value":
        return self.builder.compare("ne", self, other)


class Pair(NamedTuple):
    """A complex number in registers. Formulas never see one: they are written for the parts."""

    real: Value
    imag: Value

    @property
    def type(self) -> Type:
        """The type of either part."""
        return self.real.type


Loaded: TypeAlias = "Value | Pair"


class Parameter(NamedTuple):
    """One argument of a kernel: an integer (`i64`: sizes and addresses) or a float (`f64`)."""

    name: str
    kind: str = "i64"


@dataclass(slots=True)
class Program:
    """A kernel before code generation: its parameters, how many units it has, and one unit's work.

    `units` computes two values from the parameters: the number of units, and a rough cost of one
    unit in nanoseconds, from which the machine decides whether threads pay.
    """

    name: str
    parameters: tuple[Parameter, ...]
    units: "Builder"
    body: "Builder"

    def __str__(self) -> str:
        listed = ", ".join(f"{p.name}: {p.kind}" for p in self.parameters)
        lines = [f"program {self.name}({listed})", "units:"]
        lines += _listing(self.units.instructions, 1)
        lines.append(f"  count {self.units.outcome}")
        lines.append("unit loop from %first to %last, worker %worker:")
        lines += _listing(self.body.instructions, 1)
        return "\n".join(lines)


def _listing(body: Sequence[Instruction | Loop | Branch], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for step in body:
        if isinstance(step, Loop):
            yield f"{pad}for {step.index} in {step.start}..{step.stop} by {step.step}"
            for value, initial in zip(step.carried, step.initial, strict=True):
                yield f"{pad}  carry {value} from {initial}"
            yield from _listing(step.body, depth + 1)
            condition = "" if step.going is None else f" while {step.going}"
            yield f"{pad}  next {step.following}{condition} -> {step.results}"
        elif isinstance(step, Branch):
            yield f"{pad}if {step.condition}"
            yield from _listing(step.body, depth + 1)
            if step.otherwise:
                yield f"{pad}else"
                yield from _listing(step.otherwise, depth + 1)
        else:
            head = f"{step.result}:{step.result.type} = " if step.result is not None else ""
            tail = f" {step.extra}" if step.extra is not None else ""
            yield f"{pad}{head}{step.op} {' '.join(map(str, step.args))}{tail}"


class Builder:
    """Writes one instruction list. `builder.parameters["n"]` and the like are the inputs."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.instructions: list[Instruction | Loop | Branch] = []
        self._stack = [self.instructions]
        self._count = 0
        self.parameters = {
            p.name: self._value(Type("f64" if p.kind == "f64" else "i64")) for p in parameters
        }
        self.first = self._value(I64)
        self.last = self._value(I64)
        self.worker = self._value(I64)
        self.status = self._value(PTR)
        # Which lanes of a vector count, where a loop's end runs under a mask; None if all do.
        self.active: Value | None = None
        self.outcome: tuple[Value, ...] = ()

    # --- values --------------------------------------------------------------------------------

    def _value(self, type: Type) -> Value:
        self._count += 1
        return Value(type, self._count, self)

    def _emit(self, op: str, type: Type, args: tuple[Value, ...], extra: object = None) -> Value:
        result = self._value(type)
        self._stack[-1].append(Instruction(op, result, args, extra))
        return result

    def _effect(self, op: str, args: tuple[Value, ...], extra: object = None) -> None:
        """A step without a result."""
        self._stack[-1].append(Instruction(op, None, args, extra))

    def const(self, type: Type, literal: float | int | bool) -> Value:
        """A constant; vectors repeat it in every lane."""
        if type.is_float:
            return Value(type, -1, self, float(literal))
        return Value(type, -1, self, int(literal))

    def like(self, value: Value, other: Number) -> Value:
        """`other` as a value of the type of `value`: numbers become constants, scalars spread."""
        if not isinstance(other, Value):
            return self.const(value.type, other)
        if other.type.lanes == 1 and value.type.lanes > 1 and other.type.kind == value.type.kind:
            return self.splat(other, value.type.lanes)
        return other

    # --- arithmetic ----------------------------------------------------------------------------

    def op(self, name: str, *args: Number) -> Value:
        """An operation whose operands and result have one type (`add`, `sqrt`, `fma`, `min`...)."""
        operands = [a for a in args if isinstance(a, Value)]
        model = next((a for a in operands if a.type.lanes > 1), operands[0])
        values = tuple(self.like(model, a) for a in args)
        for value in values:
            if value.type != model.type:
                raise TypeError(f"{name}: {value.type} beside {model.type}")
        folded = _fold(name, values)
        if folded is not None:
            return folded if isinstance(folded, Value) else self.const(model.type, folded)
        return self._emit(name, model.type, values)

    def compare(self, name: str, a: Number, b: Number) -> Value:
        """`lt le gt ge eq ne`; comparisons with nan are false, except `ne`."""
        model = a if isinstance(a, Value) and a.type.lanes > 1 or not isinstance(b, Value) else b
        assert isinstance(model, Value)
        a, b = self.like(model, a), self.like(model, b)
        if a.type != b.type:
            raise TypeError(f"{name}: {a.type} beside {b.type}")
        return self._emit(name, a.type.of("i1"), (a, b))

    def select(self, condition: Value, a: Number, b: Number) -> Value:
        model = a if isinstance(a, Value) else b
        assert isinstance(model, Value)
        if condition.type.lanes > model.type.lanes:
            model = self.splat(model, condition.type.lanes)
        a, b = self.like(model, a), self.like(model, b)
        if condition.type.lanes < a.type.lanes:
            condition = self.splat(condition, a.type.lanes)
        if a.type != b.type or a.type.lanes != condition.type.lanes:
            raise TypeError(f"select: {condition.type}, {a.type}, {b.type}")
        return self._emit("select", a.type, (condition, a, b))

    def any(self, mask: Value) -> Value:
        """One i1: true if some lane of the mask is."""
        return mask if mask.type.lanes == 1 else self._emit("any", I1, (mask,))

    def cast(self, value: Value, kind: str) -> Value:
        """Converts the number; float to integer truncates and saturates, i1 means `!= 0`."""
        if value.type.kind == kind:
            return value
        if kind == "i1":
            return self.compare("ne", value, 0)
        if value.literal is not None and not (value.type.is_float and kind not in FLOAT_KINDS):
            return self.const(value.type.of(kind), value.literal)
        return self._emit("cast", value.type.of(kind), (value,))

    def bitcast(self, value: Value, kind: str) -> Value:
        """The same bits read as another kind of equal width."""
        if value.type.kind == kind:
            return value
        return self._emit("bitcast", value.type.of(kind), (value,))

    def regroup(self, value: Value, kind: str) -> Value:
        """A vector's bits as numbers of another width: more of them, or fewer."""
        lanes = value.type.lanes * value.type.bits // KIND_BITS[kind]
        return self._emit("bitcast", Type(kind, lanes), (value,))

    # --- vectors -------------------------------------------------------------------------------

    def splat(self, value: Value, lanes: int) -> Value:
        if value.type.lanes == lanes:
            return value
        if value.literal is not None:
            return self.const(Type(value.type.kind, lanes), value.literal)
        return self._emit("splat", Type(value.type.kind, lanes), (value,))

    def iota(self, kind: str, lanes: int) -> Value:
        """0, 1, 2, ... one number a lane."""
        if lanes == 1:
            return self.const(Type(kind), 0)
        return self._emit("iota", Type(kind, lanes), ())

    def shuffle(self, a: Value, lanes: Sequence[int], b: Value | None = None) -> Value:
        """Picks lanes of `a` (and of `b`, counted on from a's); one picked lane gives a scalar."""
        if len(lanes) == 1:
            lane, chosen = lanes[0], a
            if b is not None and lane >= a.type.lanes:
                lane, chosen = lane - a.type.lanes, b
            return self._emit("extract", Type(a.type.kind), (chosen,), lane)
        args = (a,) if b is None else (a, b)
        return self._emit("shuffle", Type(a.type.kind, len(lanes)), args, tuple(lanes))

    def insert(self, vector: Value, scalar: Value, lane: int) -> Value:
        return self._emit("insert", vector.type, (vector, scalar), lane)

    def mask(self, count: Value, lanes: int) -> Value:
        """True in the first `count` lanes."""
        if lanes == 1:
            return self.compare("gt", count, 0)
        kind = "i32" if lanes <= 16 else "i16"
        small = self.op("min", count, self.int(lanes))
        if kind == "i16":  # a count far below 0 must not come out positive
            small = self.op("max", small, self.int(0))
        return self.compare("lt", self.iota(kind, lanes), self.splat(self.cast(small, kind), lanes))

    def halves(self, value: Value) -> tuple[Value, Value]:
        """The lower and the upper half of a vector's lanes."""
        half = value.type.lanes // 2
        return self.shuffle(value, range(half)), self.shuffle(value, range(half, 2 * half))

    # --- complex numbers -----------------------------------------------------------------------

    def spread(self, value: Loaded, lanes: int) -> Loaded:
        """`splat` for what `load_any` gives."""
        if isinstance(value, Pair):
            return Pair(self.splat(value.real, lanes), self.splat(value.imag, lanes))
        return self.splat(value, lanes)

    def turn_around(self, value: Loaded) -> Loaded:
        """The lanes in reverse order."""
        if isinstance(value, Pair):
            real, imag = self.turn_around(value.real), self.turn_around(value.imag)
            assert isinstance(real, Value) and isinstance(imag, Value)
            return Pair(real, imag)
        return self.shuffle(value, range(value.type.lanes - 1, -1, -1))

    def _twice(self, mask: Value | None, lanes: int) -> Value | None:
        """A mask of elements as one of parts."""
        if mask is None or lanes == 1:
            return mask
        return self.shuffle(mask, [k // 2 for k in range(2 * lanes)])

    def load_any(
        self,
        pointer: Value,
        index: Number,
        kind: str,
        lanes: int = 1,
        mask: Value | None = None,
    ) -> Loaded:
        """`load` that knows complex kinds: their parts lie side by side."""
        part = PARTS.get(kind)
        if part is None:
            return self.load(pointer, index, kind, lanes, mask)
        first = self.like(self.int(0), index) * 2
        if lanes == 1:
            real = self.load(pointer, first, part, 1, mask)
            return Pair(real, self.load(pointer, first + 1, part, 1, mask))
        both = self.load(pointer, first, part, 2 * lanes, self._twice(mask, lanes))
        return Pair(
            self.shuffle(both, range(0, 2 * lanes, 2)), self.shuffle(both, range(1, 2 * lanes, 2))
        )

    def store_any(
        self, pointer: Value, index: Number, value: Loaded, kind: str, mask: Value | None = None
    ) -> None:
        """`store` that knows complex kinds."""
        if not isinstance(value, Pair):
            self.store(pointer, index, value, kind, mask)
            return
        first, lanes, part = self.like(self.int(0), index) * 2, value.type.lanes, PARTS[kind]
        if lanes == 1:
            self.store(pointer, first, value.real, part, mask)
            self.store(pointer, first + 1, value.imag, part, mask)
            return
        order = [k // 2 + k % 2 * lanes for k in range(2 * lanes)]
        both = self.shuffle(value.real, order, value.imag)
        self.store(pointer, first, both, part, self._twice(mask, lanes))

    def gather_any(
        self, pointer: Value, indices: Value, kind: str, mask: Value | None = None
    ) -> Loaded:
        """`gather` that knows complex kinds."""
        part = PARTS.get(kind)
        if part is None:
            return self.gather(pointer, indices, kind, mask)
        first = indices * 2
        real = self.gather(pointer, first, part, mask)
        return Pair(real, self.gather(pointer, first + 1, part, mask))

    def scatter_any(
        self, pointer: Value, indices: Value, value: Loaded, kind: str, mask: Value | None = None
    ) -> None:
        """`scatter` that knows complex kinds."""
        if not isinstance(value, Pair):
            self.scatter(pointer, indices, value, kind, mask)
            return
        first, part = indices * 2, PARTS[kind]
        self.scatter(pointer, first, value.real, part, mask)
        self.scatter(pointer, first + 1, value.imag, part, mask)

    # --- memory --------------------------------------------------------------------------------

    def pointer(self, address: Value) -> Value:
        """An integer address as a pointer."""
        return address if address.type.kind == "ptr" else self._emit("pointer", PTR, (address,))

    def offset(self, pointer: Value, index: Number, kind: str) -> Value:
        """The pointer `index` elements of `kind` further on."""
        place = self.like(self.int(0), index)
        if kind in PARTS:
            place, kind = place * 2, PARTS[kind]
        return self._emit("offset", PTR, (self.pointer(pointer), place), kind)

    def room(self, count: int, kind: str) -> Value:
        """A pointer to memory for `count` elements of `kind` that one call of a body has to itself.

        To be asked for before any loop; a few kilobytes, for it lies on the thread's stack.
        """
        assert len(self._stack) == 1
        return self._emit("room", PTR, (), (count, kind))

    def load(
        self,
        pointer: Value,
        index: Number,
        kind: str,
        lanes: int = 1,
        mask: Value | None = None,
    ) -> Value:
        """`lanes` neighbours of `kind`, as their register kind; masked-off lanes are 0."""
        index = self.like(self.int(0), index)
        args = (self.pointer(pointer), index) + (() if mask is None else (mask,))
        return self._emit("load", Type(REGISTER_KIND.get(kind, kind), lanes), args, kind)

    def store(
        self, pointer: Value, index: Number, value: Value, kind: str, mask: Value | None = None
    ) -> None:
        """Stores a register value as elements of `kind` (same register kind)."""
        if value.type.kind != REGISTER_KIND.get(kind, kind):
            raise TypeError(f"store: {value.type} as {kind}")
        index = self.like(self.int(0), index)
        args = (self.pointer(pointer), index, value) + (() if mask is None else (mask,))
        self._effect("store", args, kind)

    def gather(self, pointer: Value, indices: Value, kind: str, mask: Value | None = None) -> Value:
        """One element a lane, from element index `indices` (i64 lanes)."""
        if indices.type.lanes == 1:
            return self.load(pointer, indices, kind, 1, mask)
        args = (self.pointer(pointer), indices) + (() if mask is None else (mask,))
        type = Type(REGISTER_KIND.get(kind, kind), indices.type.lanes)
        return self._emit("gather", type, args, kind)

    def scatter(
        self, pointer: Value, indices: Value, value: Value, kind: str, mask: Value | None = None
    ) -> None:
        """Stores one element a lane; where indices repeat, the highest lane stays."""
        if indices.type.lanes == 1:
            self.store(pointer, indices, value, kind, mask)
            return
        args = (self.pointer(pointer), indices, value) + (() if mask is None else (mask,))
        self._effect("scatter", args, kind)

    def prefetch(self, pointer: Value, index: Number, kind: str) -> None:
        """Asks for a cache line that will be read soon."""
        self._effect("prefetch", (self.pointer(pointer), self.like(self.int(0), index)), kind)

    def report(self, code: Number) -> None:
        """Makes the kernel call return `code` (not 0) to Python."""
        self._effect("store", (self.status, self.int(0), self.like(self.int(0), code)), "i64")

    # --- matrix tiles --------------------------------------------------------------------------

    # Where `Target.tiles` holds: eight registers, numbered, of 16 rows of 64 bytes. They hold sums
    # (16 x 16 f32), rows of a left operand (16 x 16 pairs of bf16 along k) or columns of a right
    # one (a row holds a pair of k's for each of 16 columns).

    def tiles(self) -> None:
        """Makes tiles ready for what follows; they belong to the thread that runs it, and stay."""
        self._effect("tiles_ready", ())

    def tile_zero(self, tile: int) -> None:
        self._effect("tile_zero", (), tile)

    def tile_load(self, tile: int, pointer: Value, step: Number) -> None:
        """Fills a tile from 16 rows that are `step` bytes apart."""
        self._effect("tile_load", (self.pointer(pointer), self.like(self.int(0), step)), tile)

    def tile_store(self, tile: int, pointer: Value, step: int) -> None:
        self._effect("tile_store", (self.pointer(pointer), self.like(self.int(0), step)), tile)

    def tile_multiply(self, sums: int, left: int, right: int) -> None:
        """sums += left @ right, in f32; numbers below the normal ones count as 0."""
        self._effect("tile_multiply", (), (sums, left, right))

    # --- control -------------------------------------------------------------------------------

    @contextmanager
    def loop(
        self, start: Number, stop: Number, step: Number = 1, carry: Sequence[Value] = ()
    ) -> Iterator[Loop]:
        """A counted loop; `loop.carried` are this turn's values, `loop.next(...)` sets the next
        ones, `loop.results` are the last ones, to be used after the block."""
        zero = self.int(0)
        loop = Loop(
            self._value(I64),
            self.like(zero, start),
            self.like(zero, stop),
            self.like(zero, step),
            tuple(carry),
            tuple(self._value(v.type) for v in carry),
        )
        self._stack.append(loop.body)
        yield loop
        self._stack.pop()
        if len(loop.following) != len(loop.carried):
            carried, following = len(loop.carried), len(loop.following)
            raise TypeError(f"loop carries {carried} values, next got {following}")
        for before, after in zip(loop.carried, loop.following, strict=True):
            if before.type != after.type:
                raise TypeError(f"loop carries {before.type}, next got {after.type}")
        loop.results = tuple(self._value(v.type) for v in carry)
        self._stack[-1].append(loop)

    @contextmanager
    def when(self, condition: Value) -> Iterator[Branch]:
        """Code that runs only if `condition` (an i1 scalar) holds."""
        branch = Branch(condition)
        self._stack.append(branch.body)
        yield branch
        self._stack.pop()
        self._stack[-1].append(branch)

    @contextmanager
    def otherwise(self, branch: Branch) -> Iterator[None]:
        """The other side of a `when` that has just been closed."""
        self._stack.append(branch.otherwise)
        yield
        self._stack.pop()

    # Last, because below it `int` would be this method in every annotation of the class.

    def int(self, literal: int) -> Value:
        return self.const(I64, literal)


def _fold(name: str, values: tuple[Value, ...]) -> Value | float | None:
    """Trivial integer identities, so that address arithmetic does not grow needless steps."""
    if len(values) != 2 or values[0].type.is_float or values[0].type.kind == "i1":
        return None
    a, b = values
    if a.literal is not None and b.literal is not None:
        if name == "add":
            return a.literal + b.literal
        if name == "sub":
            return a.literal - b.literal
        if name == "mul":
            return a.literal * b.literal
    if name in ("add", "sub") and b.literal == 0:
        return a
    if name == "add" and a.literal == 0:
        return b
    if name == "mul" and b.literal == 1:
        return a
    if name == "mul" and a.literal == 1:
        return b
    return None


def program(
    name: str,
    parameters: Sequence[Parameter],
    units: Callable[[Builder], tuple[Number, Number]],
    body: Callable[[Builder], None],
) -> Program:
    """Builds a program: `units(builder)` returns (count, cost in ns of one unit); `body(builder)`
    writes the loop over units `builder.first` to `builder.last`."""
    counting = Builder(parameters)
    count, cost = units(counting)
    counting.outcome = (counting.like(counting.int(0), count), counting.like(counting.int(0), cost))
    working = Builder(parameters)
    body(working)
    return Program(name, tuple(parameters), counting, working)
