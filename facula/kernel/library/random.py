"""Random fills: MT19937 in vectors, and the ways PyTorch's CPU generator turns its words into
numbers.

Everything here works on a generator's block of memory (`STATE_BYTES`, laid out below) and on a
contiguous run of elements. Words are drawn into a stage that stays in the first cache level, then
transformed in vectors. One unit of work a call: the stream of a generator is serial. Note [random
streams].
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from facula.kernel.coefficients import COS, SIN
from facula.kernel.decompose import DECOMPOSITIONS
from facula.kernel.expr import Graph
from facula.kernel.lower import emit
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import (
    FLOAT_KINDS,
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Parameter,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.target import Target

# --- the generator's memory ----------------------------------------------------------------------

WORDS = 624
MIDDLE = 397
# Eight-byte fields at the front: words left in the block plus one, the position of the next word,
# whether a normal is cached, the cached normal (f64), and a slot to round one number in.
LEFT, NEXT, HAS_NORMAL, NORMAL, SLOT = range(5)
WORDS_AT = 64  # bytes; the words are followed by room for vectors that run over the end
STAGE_WORDS = 2048
STAGE_AT = WORDS_AT + 4 * (WORDS + 32)
STATE_BYTES = STAGE_AT + 4 * (STAGE_WORDS + 64)

# PyTorch draws integers below this range from one word, others from two.
NARROW_RANGE = 2**28
# From this many elements on (a twentieth of 2^32) permutations draw two words a place.
WIDE_PERMUTATION = (2**32 - 1) // 20
NORMAL_BLOCK = 16

MATRIX = 0x9908B0DF
UPPER = 0x80000000
LOWER = 0x7FFFFFFF


class State:
    """A generator's memory inside a program."""

    def __init__(self, b: Builder, lanes: int) -> None:
        self.b = b
        self.lanes = lanes
        self.fields = b.pointer(b.parameters["state"])
        self.words = b.offset(self.fields, WORDS_AT // 4, "u32")
        self.stage = b.offset(self.fields, STAGE_AT // 4, "u32")

    def draw(self, count: Value) -> None:
        """The next `count` words (at least 1, at most STAGE_WORDS), to the front of the stage."""
        b = self.b
        position = 1 + WORDS - b.load(self.fields, LEFT, "i64")
        inside = b.select(position.eq(WORDS), 0, position)
        with b.loop(0, (inside + count + (WORDS - 1)) // WORDS, carry=(b.int(0), position)) as loop:
            done, place = loop.carried
            used_up = place.eq(WORDS)
            with b.when(used_up):
                self.refill()
            place = b.select(used_up, 0, place)
            take = b.op("min", WORDS - place, count - done)
            source = b.offset(self.words, place, "u32")
            target = b.offset(self.stage, done, "u32")
            with b.loop(0, take, self.lanes) as copy:
                word = b.load(source, copy.index, "u32", self.lanes)
                b.store(target, copy.index, temper(word), "u32")
            loop.next(done + take, place + take)
        place = loop.results[1]
        b.store(self.fields, LEFT, 1 + WORDS - place, "i64")
        b.store(self.fields, NEXT, place, "i64")

    def refill(self) -> None:
        """The next block of 624 words, in place.

        word[i] depends on the old words i and i + 1 and on word i + 397, which lies in the old
        block for the first 227 and in the new one after that; both are further away than a vector
        is long.
        """
        b, lanes, words, old_part = self.b, self.lanes, self.words, WORDS - MIDDLE

        def following(i: Value, other: Value, mask: Value | None = None) -> Value:
            here, after, far = (b.load(words, k, "u32", lanes, mask) for k in (i, i + 1, other))
            joined = (here & UPPER) | (after & LOWER)
            return far ^ (joined >> 1) ^ (-(after & 1) & MATRIX)

        whole = old_part // lanes * lanes
        with b.loop(0, whole, lanes) as loop:
            b.store(words, loop.index, following(loop.index, loop.index + MIDDLE), "u32")
        mask = b.mask(b.int(old_part - whole), lanes)
        b.store(words, whole, following(b.int(whole), b.int(whole + MIDDLE), mask), "u32", mask)
        b.store(words, WORDS, b.load(words, 0, "u32"), "u32")
        with b.loop(old_part, WORDS, lanes) as loop:
            b.store(words, loop.index, following(loop.index, loop.index - old_part), "u32")

    @contextmanager
    def pieces(self, total: Value, words: int) -> Iterator[tuple[Value, Value]]:
        """A loop over `total` elements of `words` words each, a stage at a time: (first, count)."""
        size = STAGE_WORDS // words
        with self.b.loop(0, total, size) as loop:
            count = self.b.op("min", total - loop.index, self.b.int(size))
            self.draw(count * words)
            yield loop.index, count

    def rounded(self, value: Value, kind: str) -> Value:
        """A register value as storing it in `kind` leaves it."""
        self.b.store(self.fields, SLOT * 8 // STORED_BYTES[kind], value, kind)
        return self.b.load(self.fields, SLOT * 8 // STORED_BYTES[kind], kind)

    # words as numbers, `lanes` of them from element i of the stage

    def narrow(self, i: Value, lanes: int) -> Value:
        return self.b.load(self.stage, i, "u32", lanes)

    def wide(self, i: Value, lanes: int) -> Value:
        """64-bit words: of two 32-bit words, the first is the high half."""
        pair = self.b.load(self.stage, i, "u64", lanes)
        return (pair << 32) | (pair >> 32)

    def unit_float(self, i: Value, lanes: int) -> Value:
        """f32 in [0, 1) from the low 24 bits of a word."""
        return (
            self.b.cast(self.b.bitcast(self.narrow(i, lanes) & 0xFFFFFF, "i32"), "f32") * 2.0**-24
        )

    def unit_double(self, i: Value, lanes: int) -> Value:
        """f64 in [0, 1) from the low 53 bits of a 64-bit word."""
        bits = self.b.bitcast(self.wide(i, lanes) & (2**53 - 1), "i64")
        return self.b.cast(bits, "f64") * 2.0**-53


def temper(word: Value) -> Value:
    """The bits of a state word mixed into an output word."""
    word = word ^ (word >> 11)
    word = word ^ ((word << 7) & 0x9D2C5680)
    word = word ^ ((word << 15) & 0xEFC60000)
    return word ^ (word >> 18)


def sweep(
    b: Builder, count: Value, lanes: int, step: Callable[[Value, Value | None], None]
) -> None:
    """`step(i, mask)` for i = 0, lanes, 2 lanes, ...; the last, incomplete vector under a mask."""
    whole = count // lanes * lanes
    with b.loop(0, whole, lanes) as loop:
        step(loop.index, None)
    with b.loop(whole, count, lanes) as loop:
        step(loop.index, b.mask(count - loop.index, lanes))


def to_register(b: Builder, value: Value, kind: str) -> Value:
    """A number in the register kind of elements stored as `kind`."""
    return b.cast(value, REGISTER_KIND.get(kind, kind))


class RandomPlan(Plan):
    """Abstract. A fill; `cost` is the work of an element in sixteenths of a nanosecond."""

    __slots__ = ()
    arguments: ClassVar[tuple[Parameter, ...]]
    cost: ClassVar[int] = 4

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.arguments


def _parameters(integers: str, floats: str = "") -> tuple[Parameter, ...]:
    listed = [Parameter(name) for name in integers.split()]
    return (*listed, *(Parameter(name, "f64") for name in floats.split()))


def _serial(plan: RandomPlan, body: Callable[[Builder], None]) -> Program:
    """One unit, however many elements: a stream has one order."""

    def units(b: Builder) -> tuple[int, Value]:
        return 1, b.parameters["n"] * plan.cost // 16

    def unit(b: Builder) -> None:
        with b.loop(b.first, b.last):
            body(b)

    return program(type(plan).__name__.lower(), plan.parameters, units, unit)


# --- seeding -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seeding(RandomPlan):
    """The state after `manual_seed`: words from a 32-bit seed, nothing drawn, no cached normal. `n`
    is 624."""

    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state n seed")


@lowering(Seeding)
def lower_seeding(plan: Seeding, target: Target) -> Program:
    def body(b: Builder) -> None:
        state = State(b, 1)
        first = b.cast(b.parameters["seed"], "u32")
        b.store(state.words, 0, first, "u32")
        with b.loop(1, b.parameters["n"], carry=(first,)) as loop:
            (word,) = loop.carried
            word = (word ^ (word >> 30)) * 1812433253 + b.cast(loop.index, "u32")
            b.store(state.words, loop.index, word, "u32")
            loop.next(word)
        for field, start in ((LEFT, 1), (NEXT, 0), (HAS_NORMAL, 0), (NORMAL, 0)):
            b.store(state.fields, field, b.int(start), "i64")

    return _serial(plan, body)


# --- uniform -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Uniform(RandomPlan):
    """`n` elements u * (high - low) + low, rounded once; what rounds to `high` becomes `low`."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n", "low high")


@lowering(Uniform)
def lower_uniform(plan: Uniform, target: Target) -> Program:
    kind = plan.kind
    register = REGISTER_KIND.get(kind, kind)
    lanes = target.lanes(STORED_BYTES[register])

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        low, high = (b.cast(b.parameters[name], register) for name in ("low", "high"))
        span = high - low
        end = state.rounded(high, kind)
        with state.pieces(b.parameters["n"], 2 if register == "f64" else 1) as (first, count):

            def step(i: Value, mask: Value | None) -> None:
                unit = state.unit_double if register == "f64" else state.unit_float
                value = b.op("fma", unit(i, lanes), span, low)
                if kind != register:  # compared as rounded to the half type, which storing does
                    b.store(y, first + i, value, kind, mask)
                    value = b.load(y, first + i, kind, lanes, mask)
                b.store(y, first + i, b.select(value.eq(end), low, value), kind, mask)

            sweep(b, count, lanes, step)

    return _serial(plan, body)


# --- normal --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NormalBlocks(RandomPlan):
    """`n` >= 16 normals in blocks of 16: eight radii from eight uniforms, angles from the next
    eight.

    If 16 does not divide n, the last 16 elements are made once more from fresh words.
    """

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n", "mean std")
    cost: ClassVar[int] = 7


# S. Moshier's single-precision Cephes routines, with a fused multiply-add wherever a product meets
# a sum: PyTorch's blocked fill computes exactly this, so that its normals can be met to the last
# bit.
LOG_TERMS = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
COSINE_TERMS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
SINE_TERMS = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
QUARTER_PI_PARTS = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)


def _horner(b: Builder, terms: tuple[float, ...], x: Value) -> Value:
    value = b.const(x.type, terms[0])
    for term in terms[1:]:
        value = b.op("fma", value, x, b.const(x.type, term))
    return value


def _cephes_log(b: Builder, x: Value) -> Value:
    """log of positive normal f32 values."""
    bits = b.bitcast(x, "i32")
    mantissa = b.bitcast((bits & 0x7FFFFF) | 0x3F000000, "f32")  # in [0.5, 1)
    exponent = b.cast((bits >> 23) - 126, "f32")
    small = mantissa < 0.707106781186547524
    exponent = b.select(small, exponent - 1.0, exponent)
    m = b.select(small, (mantissa - 1.0) + mantissa, mantissa - 1.0)
    square = m * m
    y = b.op("fma", _horner(b, LOG_TERMS, m) * m, square, exponent * -2.12194440e-4)
    y = b.op("fma", square, b.const(x.type, -0.5), y)
    return b.op("fma", exponent, b.const(x.type, 0.693359375), m + y)


def _cephes_sine_cosine(b: Builder, x: Value) -> tuple[Value, Value]:
    """sin and cos of f32 values in [0, 2 pi]."""
    octant = (b.cast(x * 1.27323954473516, "i32") + 1) & ~1
    turns = b.cast(octant, "f32")
    for part in QUARTER_PI_PARTS:
        x = b.op("fma", turns, b.const(x.type, part), x)
    z = x * x
    cosine = b.op("fma", _horner(b, COSINE_TERMS, z) * z, z, z * -0.5) + 1.0
    sine = b.op("fma", _horner(b, SINE_TERMS, z) * z, x, x)
    swap = (octant & 2).ne(0)

    def signed(value: Value, bit: Value) -> Value:
        """The sign flipped where bit 2 of `bit` is set."""
        return b.bitcast(b.bitcast(value, "i32") ^ ((bit & 4) << 29), "f32")

    flipped = signed(b.select(swap, cosine, sine), octant)
    return flipped, signed(b.select(swap, sine, cosine), octant + 2)


# pi / 2 in two parts: their multiples up to 4 lose nothing that counts against an angle in f64.
HALF_PI = (1.5707963267948966, 6.123233995736766e-17)


def _sine_cosine(b: Builder, x: Value) -> tuple[Value, Value]:
    """sin and cos of f64 values in [0, 2 pi], to the last place or the one before."""
    turns = b.op("rint", x * (2 / math.pi))
    r = b.op("fma", turns, -HALF_PI[0], x)
    low = turns * -HALF_PI[1]
    quadrant = b.bitcast(turns + 2.0**52, "i64")
    z = r * r
    sine = r + b.op("fma", r * z, _horner(b, SIN["f64"][::-1], z), low)
    rest = b.op("fma", z * z, _horner(b, COS["f64"][::-1], z), -(r * low))
    cosine = b.op("fma", z, -0.5, b.const(x.type, 1.0)) + rest
    swap = (quadrant & 1).ne(0)

    def signed(value: Value, bit: Value) -> Value:
        """The sign flipped where bit 1 of `bit` is set."""
        return b.bitcast(b.bitcast(value, "i64") ^ ((bit & 2) << 62), "f64")

    flipped = signed(b.select(swap, cosine, sine), quadrant)
    return flipped, signed(b.select(swap, sine, cosine), quadrant + 1)


def box_muller(b: Builder, first: Value, second: Value) -> tuple[Value, Value]:
    """Two standard normals from uniforms in [0, 1), as the blocked fill has them."""
    remaining = 1.0 - first
    if first.type.kind == "f32":
        radius = b.op("sqrt", _cephes_log(b, remaining) * -2.0)
        sine, cosine = _cephes_sine_cosine(b, second * 6.283185307179586)
    else:
        radius = b.op("sqrt", DECOMPOSITIONS["log"](b, remaining) * -2.0)
        sine, cosine = _sine_cosine(b, second * 6.283185307179586)
    return radius * cosine, radius * sine


@lowering(NormalBlocks)
def lower_normal_blocks(plan: NormalBlocks, target: Target) -> Program:
    kind = plan.kind
    register = REGISTER_KIND.get(kind, kind)
    words = 2 if register == "f64" else 1
    size = STAGE_WORDS // words
    half = NORMAL_BLOCK // 2

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        n = b.parameters["n"]
        mean, std = (b.cast(b.parameters[name], register) for name in ("mean", "std"))
        unit = state.unit_double if register == "f64" else state.unit_float

        def shaped(first: Value, second: Value) -> tuple[Value, Value]:
            left, right = box_muller(b, first, second)
            return b.op("fma", left, std, mean), b.op("fma", right, std, mean)

        def one_block(source: Value, place: Value) -> None:
            pair = shaped(unit(source, half), unit(source + half, half))
            for k, value in enumerate(pair):
                b.store(y, place + k * half, value, kind)

        def two_blocks(source: Value, place: Value) -> None:
            """Full vectors of 16: the halves of two blocks side by side."""
            a, c = unit(source, 16), unit(source + 16, 16)
            lower, upper = (*range(8), *range(16, 24)), (*range(8, 16), *range(24, 32))
            left, right = shaped(b.shuffle(a, lower, c), b.shuffle(a, upper, c))
            for k, lanes in enumerate((lower, upper)):
                b.store(y, place + 16 * k, b.shuffle(left, lanes, right), kind)

        rest = n % NORMAL_BLOCK
        whole = n - rest
        # Full-precision fills draw a word for every element first; half types skip the incomplete
        # block.
        skipped = rest if kind == register else b.int(0)
        stages = (whole + (size - 1)) // size
        with b.loop(0, stages + b.cast(rest.ne(0), "i64")) as loop:
            begin = loop.index * size
            last = loop.index.eq(stages)
            count = b.select(last, skipped + NORMAL_BLOCK, b.op("min", whole - begin, b.int(size)))
            source = b.select(last, skipped, b.int(0))
            place = b.select(last, n - NORMAL_BLOCK, begin)
            state.draw(count * words)
            length = count - source
            paired = length // 32 * 32 if target.lanes(4) >= 16 and register == "f32" else b.int(0)
            with b.loop(0, paired, 32) as blocks:
                two_blocks(source + blocks.index, place + blocks.index)
            with b.loop(paired, length, NORMAL_BLOCK) as blocks:
                one_block(source + blocks.index, place + blocks.index)

    return _serial(plan, body)


@dataclass(frozen=True, slots=True)
class NormalPairs(RandomPlan):
    """`n` normals one after the other in f64: each pair of uniforms makes two, of which a last, odd
    one is kept for the next call. Fills of fewer than 16 elements, and those that are not
    contiguous, go this way."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n", "mean std")
    cost: ClassVar[int] = 64


@lowering(NormalPairs)
def lower_normal_pairs(plan: NormalPairs, target: Target) -> Program:
    kind = plan.kind
    lanes = target.lanes(8)

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        normals = state.stage
        y = b.pointer(b.parameters["y"])
        mean, std = b.parameters["mean"], b.parameters["std"]

        def put(place: Value, normal: Value, mask: Value | None) -> None:
            b.store(y, place, to_register(b, b.op("fma", normal, std, mean), kind), kind, mask)

        cached = b.load(state.fields, HAS_NORMAL, "i64")
        with b.when(cached.ne(0)):
            put(b.int(0), b.load(state.fields, NORMAL, "f64"), None)
            b.store(state.fields, HAS_NORMAL, b.int(0), "i64")
            b.store(state.fields, NORMAL, b.int(0), "i64")
        rest = b.parameters["n"] - cached
        evens, odds = range(0, 2 * lanes, 2), range(1, 2 * lanes, 2)
        mixed = [k // 2 + lanes * (k % 2) for k in range(2 * lanes)]
        with state.pieces((rest + 1) // 2, 4) as (first, count):
            with b.loop(0, count, lanes) as loop:  # in place: two 64-bit words become two f64
                i = loop.index * 2
                a, c = state.unit_double(i, lanes), state.unit_double(i + lanes, lanes)
                turn, level = b.shuffle(a, evens, c), b.shuffle(a, odds, c)
                radius = b.op("sqrt", DECOMPOSITIONS["log1p"](b, -level) * -2.0)
                sine, cosine = _sine_cosine(b, turn * 6.283185307179586)
                first_half, second_half = radius * cosine, radius * sine
                b.store(normals, i, b.shuffle(first_half, mixed[:lanes], second_half), "f64")
                b.store(
                    normals, i + lanes, b.shuffle(first_half, mixed[lanes:], second_half), "f64"
                )
            given = b.op("min", rest - first * 2, count * 2)
            start = cached + first * 2

            def step(i: Value, mask: Value | None) -> None:
                put(start + i, b.load(normals, i, "f64", lanes), mask)

            sweep(b, given, lanes, step)
            with b.when(given < count * 2):
                b.store(state.fields, HAS_NORMAL, b.int(1), "i64")
                b.store(state.fields, NORMAL, b.load(normals, given, "f64"), "f64")

    return _serial(plan, body)


# --- integers ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Integers(RandomPlan):
    """`n` elements low + word mod span. `source` says which word: "narrow" (32 bits, span < 2^32),
    "wide" (64 bits, span unsigned), or "full" (64 bits as they are; low and span unused)."""

    kind: str
    source: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n low span")


def _remainder(b: Builder, word: Value, span: Value) -> Value:
    """word mod span as an i64, for 32-bit unsigned words and spans given as f64.

    f64 division is exact enough: a quotient that is no integer lies at least 1 / span below the
    next one, and its rounding error is at most 2^32 / span * 2^-53.
    """
    x = b.cast(word, "f64")
    quotient = b.op("trunc", x / span)
    remainder = b.op("fma", -quotient, span, x)
    return b.bitcast(remainder + 2.0**52, "i64") & (2**52 - 1)


@lowering(Integers)
def lower_integers(plan: Integers, target: Target) -> Program:
    lanes = target.lanes(8)

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        low, span = b.parameters["low"], b.parameters["span"]

        def drawn(i: Value) -> Value:
            if plan.source == "narrow":
                return _remainder(b, state.narrow(i, lanes), b.cast(span, "f64")) + low
            word = state.wide(i, lanes)
            if plan.source == "wide":
                return b.bitcast(word % b.bitcast(span, "u64"), "i64") + low
            return b.bitcast(word, "i64")

        with state.pieces(b.parameters["n"], 1 if plan.source == "narrow" else 2) as (first, count):

            def step(i: Value, mask: Value | None) -> None:
                b.store(y, first + i, to_register(b, drawn(i), plan.kind), plan.kind, mask)

            sweep(b, count, lanes, step)

    return _serial(plan, body)


@dataclass(frozen=True, slots=True)
class Shuffle(RandomPlan):
    """0 to n - 1 in random order (n >= 2), by Fisher and Yates from the front: place i changes with
    one of the n - i places from i on, one word each, none for the last."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n")
    cost: ClassVar[int] = 16


# Exchanges ahead of the current one whose far element is fetched early; a longer permutation than
# the cache holds waits for memory at every step otherwise.
AHEAD = 24


@lowering(Shuffle)
def lower_shuffle(plan: Shuffle, target: Target) -> Program:
    kind, lanes = plan.kind, target.lanes(8)
    raw = f"u{8 * STORED_BYTES[kind]}"

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        n = b.parameters["n"]

        def count_up(i: Value, mask: Value | None) -> None:
            number = b.splat(i, lanes) + b.iota("i64", lanes)
            b.store(y, i, to_register(b, number, kind), kind, mask)

        sweep(b, n, lanes, count_up)
        with state.pieces(n - 1, 1) as (first, count):
            with b.loop(0, count, lanes) as loop:  # over the words: how far each place changes
                place = b.splat(first + loop.index, lanes) + b.iota("i64", lanes)
                far = _remainder(b, state.narrow(loop.index, lanes), b.cast(n - place, "f64"))
                b.store(state.stage, loop.index, b.cast(far, "u32"), "u32")
            start = b.offset(y, first, raw)
            with b.loop(0, count) as loop:
                i = loop.index
                soon = b.cast(b.load(state.stage, i + AHEAD, "u32"), "i64")
                b.prefetch(start, soon + i + AHEAD, raw)
                other = b.cast(b.load(state.stage, i, "u32"), "i64") + i
                here, there = b.load(start, i, raw), b.load(start, other, raw)
                b.store(start, i, there, raw)
                b.store(start, other, here, raw)

    return _serial(plan, body)


@dataclass(frozen=True, slots=True)
class WideShuffle(RandomPlan):
    """The same for n >= WIDE_PERMUTATION, where 32-bit words would favour small distances: from the
    inside out, place i takes over one of the places up to i, which receives i. Two words each."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n")
    cost: ClassVar[int] = 64


@lowering(WideShuffle)
def lower_wide_shuffle(plan: WideShuffle, target: Target) -> Program:
    kind = plan.kind

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        with state.pieces(b.parameters["n"], 2) as (first, count), b.loop(0, count) as loop:
            i = first + loop.index
            place = b.bitcast(state.wide(loop.index, 1) % b.bitcast(i + 1, "u64"), "i64")
            number = to_register(b, i, kind)
            b.store(y, i, number, kind)
            b.store(y, i, b.load(y, place, kind), kind)
            b.store(y, place, number, kind)

    return _serial(plan, body)


# --- bernoulli -----------------------------------------------------------------------------------


def _truth(b: Builder, happened: Value, kind: str) -> Value:
    register = REGISTER_KIND.get(kind, kind)
    if register in FLOAT_KINDS:
        return b.select(happened, b.const(Type(register), 1), b.const(Type(register), 0))
    return b.cast(happened, register)


@dataclass(frozen=True, slots=True)
class Bernoulli(RandomPlan):
    """`n` elements, each 1 / divisor where a 53-bit draw lies below `threshold`, else 0."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n threshold", "divisor")


@lowering(Bernoulli)
def lower_bernoulli(plan: Bernoulli, target: Target) -> Program:
    kind, lanes = plan.kind, target.lanes(8)
    register = REGISTER_KIND.get(kind, kind)

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        threshold = b.bitcast(b.parameters["threshold"], "u64")
        if register in FLOAT_KINDS:
            value = b.const(Type(register), 1) / b.cast(b.parameters["divisor"], register)
        with state.pieces(b.parameters["n"], 2) as (first, count):

            def step(i: Value, mask: Value | None) -> None:
                happened = (state.wide(i, lanes) & (2**53 - 1)) < threshold
                truth = (
                    b.select(happened, value, 0.0)
                    if register in FLOAT_KINDS
                    else b.cast(happened, register)
                )
                b.store(y, first + i, truth, kind, mask)

            sweep(b, count, lanes, step)

    return _serial(plan, body)


@dataclass(frozen=True, slots=True)
class Dropout(RandomPlan):
    """`n` elements of `x`, each times `scale` where a 53-bit draw lies below `threshold`, else
    times 0, to `y` (which may be `x`). No mask is written."""

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n x threshold", "scale")


@lowering(Dropout)
def lower_dropout(plan: Dropout, target: Target) -> Program:
    kind, lanes = plan.kind, target.lanes(8)

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        x, y = b.pointer(b.parameters["x"]), b.pointer(b.parameters["y"])
        threshold = b.bitcast(b.parameters["threshold"], "u64")
        scale = to_register(b, b.parameters["scale"], kind)
        with state.pieces(b.parameters["n"], 2) as (first, count):

            def step(i: Value, mask: Value | None) -> None:
                happened = (state.wide(i, lanes) & (2**53 - 1)) < threshold
                value = b.load(x, first + i, kind, lanes, mask)
                b.store(y, first + i, value * b.select(happened, scale, 0.0), kind, mask)

            sweep(b, count, lanes, step)

    return _serial(plan, body)


@dataclass(frozen=True, slots=True)
class BernoulliEach(RandomPlan):
    """`n` elements, each 1 with its own probability from `x` (of kind `given`), else 0.

    Reports 1, and draws nothing, if a probability is not in [0, 1].
    """

    kind: str
    given: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n x")


@lowering(BernoulliEach)
def lower_bernoulli_each(plan: BernoulliEach, target: Target) -> Program:
    kind, given = plan.kind, plan.given
    register = REGISTER_KIND.get(given, given)
    lanes = target.lanes(STORED_BYTES[register])

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        x, y, n = b.pointer(b.parameters["x"]), b.pointer(b.parameters["y"]), b.parameters["n"]
        with b.loop(0, n, lanes, carry=(b.const(Type("i32", lanes), 0),)) as loop:
            p = b.load(x, loop.index, given, lanes, b.mask(n - loop.index, lanes))
            loop.next(loop.carried[0] | b.cast(~((p >= 0.0) & (p <= 1.0)), "i32"))
        (wrong,) = loop.results
        while wrong.type.lanes > 1:
            low, high = b.halves(wrong)
            wrong = low | high
        with b.when(wrong.ne(0)):
            b.report(1)
        with state.pieces(b.select(wrong.ne(0), 0, n), 2 if register == "f64" else 1) as (
            first,
            count,
        ):

            def step(i: Value, mask: Value | None) -> None:
                unit = state.unit_double if register == "f64" else state.unit_float
                p = b.load(x, first + i, given, lanes, mask)
                b.store(y, first + i, _truth(b, unit(i, lanes) < p, kind), kind, mask)

            sweep(b, count, lanes, step)

    return _serial(plan, body)


# --- by formula ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromUniform(RandomPlan):
    """`n` elements that are each a formula of one f64 uniform in [0, 1) and of parameters `p0`,
    `p1`."""

    kind: str
    formula: Graph
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n", "p0 p1")
    cost: ClassVar[int] = 64


@lowering(FromUniform)
def lower_from_uniform(plan: FromUniform, target: Target) -> Program:
    lanes = target.lanes(8)

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        y = b.pointer(b.parameters["y"])
        params = [b.parameters["p0"], b.parameters["p1"]]
        with state.pieces(b.parameters["n"], 2) as (first, count):

            def step(i: Value, mask: Value | None) -> None:
                (value,) = emit(b, plan.formula, [state.unit_double(i, lanes)], params)
                b.store(y, first + i, to_register(b, value, plan.kind), plan.kind, mask)

            sweep(b, count, lanes, step)

    return _serial(plan, body)


# --- multinomial ---------------------------------------------------------------------------------

NEGATIVE, NOT_FINITE, NO_WEIGHT = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Multinomial(RandomPlan):
    """For each of `rows` rows of `columns` weights, `n` category numbers (i64) drawn with
    replacement.

    `sums` has room for one row of running sums (f64 for f64 weights, else f32). Reports NEGATIVE,
    NOT_FINITE or NO_WEIGHT for a row that is no distribution.
    """

    kind: str
    arguments: ClassVar[tuple[Parameter, ...]] = _parameters("state y n x sums rows columns")
    cost: ClassVar[int] = 640


@lowering(Multinomial)
def lower_multinomial(plan: Multinomial, target: Target) -> Program:
    register = REGISTER_KIND.get(plan.kind, plan.kind)

    def body(b: Builder) -> None:
        state = State(b, target.lanes(4))
        x, y = b.pointer(b.parameters["x"]), b.pointer(b.parameters["y"])
        sums = b.pointer(b.parameters["sums"])
        n, columns = b.parameters["n"], b.parameters["columns"]

        def distribution(weights: Value) -> Value:
            """Running sums of one row, to `sums`, divided by their total. The order of adding is
            the meaning."""
            zero = b.const(Type(register), 0)
            with b.loop(0, columns, carry=(zero, b.int(0))) as loop:
                total, fault = loop.carried
                p = b.load(weights, loop.index, plan.kind)
                finite = (p - p).eq(0.0)
                positive = b.select(finite, b.int(0), NOT_FINITE)
                found = b.select(p >= 0.0, positive, NEGATIVE)  # nan counts as negative
                b.store(sums, loop.index, total + p, register)
                loop.next(total + p, b.select(fault.eq(0), found, fault))
            total, fault = loop.results
            fault = b.select(fault.eq(0) & ~(total > 0.0), NO_WEIGHT, fault)
            with b.loop(0, columns) as loop:
                b.store(sums, loop.index, b.load(sums, loop.index, register) / total, register)
            return fault

        def category(u: Value) -> Value:
            """The first place whose running sum is not below u."""
            steps = 64 - b.op("ctlz", columns)  # halvings until one place is left
            with b.loop(0, steps, carry=(b.int(0), columns)) as search:
                left, right = search.carried
                middle = (left + right) >> 1
                reached = b.load(sums, b.op("min", middle, columns - 1), register)
                below, searching = b.cast(reached, "f64") < u, left < right
                search.next(
                    b.select(searching & below, middle + 1, left),
                    b.select(searching & ~below, middle, right),
                )
            return b.op("min", search.results[0], columns - 1)

        with b.loop(0, b.parameters["rows"]) as row:
            fault = distribution(b.offset(x, row.index * columns, plan.kind))
            with b.when(fault.ne(0)):
                b.report(fault)
            target_row = b.offset(y, row.index * n, "i64")
            wanted = b.select(fault.ne(0), 0, n)
            with state.pieces(wanted, 2) as (first, count), b.loop(0, count) as loop:
                place = category(state.unit_double(loop.index, 1))
                b.store(target_row, first + loop.index, place, "i64")

    return _serial(plan, body)
