"""What random fills mean: the words of MT19937 one by one, and what becomes of them.

The arithmetic of float32 normals is spelled out step by step: it is part of the meaning, since
PyTorch's numbers are met to the last bit. Note [random streams].
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from facula.backend.interpreter.cells import (
    Cells,
    Number,
    converted,
    defines,
    evaluate,
    fused,
    rounded,
    wrapped,
)
from facula.kernel.library.random import (
    COSINE_TERMS,
    HAS_NORMAL,
    LEFT,
    LOG_TERMS,
    LOWER,
    MATRIX,
    MIDDLE,
    NEGATIVE,
    NEXT,
    NO_WEIGHT,
    NORMAL,
    NORMAL_BLOCK,
    NOT_FINITE,
    QUARTER_PI_PARTS,
    SINE_TERMS,
    UPPER,
    WORDS,
    WORDS_AT,
    Bernoulli,
    BernoulliEach,
    Dropout,
    FromUniform,
    Integers,
    Multinomial,
    NormalBlocks,
    NormalPairs,
    Seeding,
    Shuffle,
    Uniform,
    WideShuffle,
)
from facula.kernel.program import REGISTER_KIND

LOW_32 = 2**32 - 1


# --- words
# -----------------------------------------------------------------------------------------


class Stream:
    """A generator's memory, read word by word."""

    def __init__(self, address: int) -> None:
        self.fields = Cells(address, "i64")
        self.normal = Cells(address + 8 * NORMAL, "f64")
        self.words = Cells(address + WORDS_AT, "u32")

    def word(self) -> int:
        """The next 32-bit word."""
        place = 1 + WORDS - self.fields[LEFT]
        if place == WORDS:
            self._refill()
            place = 0
        self.fields[LEFT], self.fields[NEXT] = WORDS - place, place + 1
        word: int = self.words[place]
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C5680
        word ^= (word << 15) & 0xEFC60000
        return word ^ (word >> 18)

    def _refill(self) -> None:
        words = self.words
        for i in range(WORDS):
            joined = (words[i] & UPPER) | (words[(i + 1) % WORDS] & LOWER)
            words[i] = words[(i + MIDDLE) % WORDS] ^ (joined >> 1) ^ (MATRIX if joined & 1 else 0)

    def long_word(self) -> int:
        """The next 64 bits: of two words, the first is the high half."""
        high = self.word()
        return high << 32 | self.word()

    def unit(self, kind: str) -> float:
        """A number in [0, 1): 53 bits of a 64-bit word for f64, else 24 of a 32-bit word."""
        if kind == "f64":
            return (self.long_word() & (2**53 - 1)) * 2.0**-53
        return (self.word() & 0xFFFFFF) * 2.0**-24


@defines(Seeding)
def seeding(plan: Seeding, a: dict[str, Number]) -> None:
    """Words from a 32-bit seed; nothing drawn, no normal kept."""
    stream = Stream(a["state"])
    word = a["seed"] & LOW_32
    for i in range(a["n"]):
        if i:
            word = ((word ^ word >> 30) * 1812433253 + i) & LOW_32
        stream.words[i] = word
    stream.fields[LEFT], stream.fields[NEXT] = 1, 0
    stream.fields[HAS_NORMAL], stream.normal[0] = 0, 0.0


# --- continuous
# ------------------------------------------------------------------------------------


@defines(Uniform)
def uniform(plan: Uniform, a: dict[str, Number]) -> None:
    """u (high - low) + low, rounded once; what rounds to `high` becomes `low`."""
    stream, y = Stream(a["state"]), Cells(a["y"], plan.kind)
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    low, high = rounded(a["low"], register), rounded(a["high"], register)
    span = rounded(high - low, register)
    for i in range(a["n"]):
        y[i] = high
        end = y[i]
        y[i] = fused(stream.unit(register), span, low, register)
        if y[i] == end:
            y[i] = low


def _horner(terms: Sequence[float], x: float) -> float:
    value = rounded(terms[0], "f32")
    for term in terms[1:]:
        value = fused(value, x, rounded(term, "f32"), "f32")
    return value


def _single(value: float) -> float:
    return rounded(value, "f32")


def _log(x: float) -> float:
    """Cephes' logf, with a fused multiply-add wherever a product meets a sum."""
    m, exponent = math.frexp(x)
    if m < _single(0.707106781186547524):
        m, exponent = _single(_single(m - 1.0) + m), exponent - 1
    else:
        m = _single(m - 1.0)
    square = _single(m * m)
    low = _single(exponent * _single(-2.12194440e-4))
    y = fused(_single(_horner(LOG_TERMS, m) * m), square, low, "f32")
    y = fused(square, -0.5, y, "f32")
    return fused(exponent, 0.693359375, _single(m + y), "f32")


def _sine_cosine(x: float) -> tuple[float, float]:
    """Cephes' sinf and cosf on [0, 2 pi]."""
    octant = (math.trunc(_single(x * _single(1.27323954473516))) + 1) & ~1
    for part in QUARTER_PI_PARTS:
        x = fused(octant, _single(part), x, "f32")
    z = _single(x * x)
    cosine = _single(fused(_single(_horner(COSINE_TERMS, z) * z), z, z * -0.5, "f32") + 1.0)
    sine = fused(_single(_horner(SINE_TERMS, z) * z), x, x, "f32")
    if octant & 2:
        sine, cosine = cosine, sine
    return -sine if octant & 4 else sine, -cosine if octant + 2 & 4 else cosine


def _two_normals(first: float, second: float, register: str) -> tuple[float, float]:
    """Box and Muller: a radius from the first uniform, an angle from the second."""
    if register == "f64":
        radius, angle = math.sqrt(-2 * math.log(1 - first)), 2 * math.pi * second
        return radius * math.cos(angle), radius * math.sin(angle)
    radius = _single(math.sqrt(_single(_log(_single(1.0 - first)) * -2.0)))
    sine, cosine = _sine_cosine(_single(second * _single(2 * math.pi)))
    return _single(radius * cosine), _single(radius * sine)


@defines(NormalBlocks)
def normal_blocks(plan: NormalBlocks, a: dict[str, Number]) -> None:
    """Blocks of 16: radii from eight uniforms, angles from eight; the last 16 anew if uneven."""
    stream, y, n = Stream(a["state"]), Cells(a["y"], plan.kind), a["n"]
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    mean, std = rounded(a["mean"], register), rounded(a["std"], register)
    half, rest = NORMAL_BLOCK // 2, n % NORMAL_BLOCK

    def block(place: int, uniforms: Sequence[float]) -> None:
        for k in range(half):
            pair = _two_normals(uniforms[k], uniforms[k + half], register)
            y[place + k], y[place + k + half] = (fused(v, std, mean, register) for v in pair)

    drawn = [stream.unit(register) for _ in range(n if register == plan.kind else n - rest)]
    for place in range(0, n - rest, NORMAL_BLOCK):
        block(place, drawn[place : place + NORMAL_BLOCK])
    if rest:
        block(n - NORMAL_BLOCK, [stream.unit(register) for _ in range(NORMAL_BLOCK)])


@defines(NormalPairs)
def normal_pairs(plan: NormalPairs, a: dict[str, Number]) -> None:
    """Normals in twos, in f64; an odd one is kept for the next call."""
    stream, y = Stream(a["state"]), Cells(a["y"], plan.kind)
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    for i in range(a["n"]):
        if stream.fields[HAS_NORMAL]:
            normal = stream.normal[0]
            stream.fields[HAS_NORMAL], stream.normal[0] = 0, 0.0
        else:
            turn, level = stream.unit("f64"), stream.unit("f64")
            radius, angle = math.sqrt(-2 * math.log1p(-level)), 2 * math.pi * turn
            normal = radius * math.cos(angle)
            stream.fields[HAS_NORMAL], stream.normal[0] = 1, radius * math.sin(angle)
        y[i] = converted(fused(normal, a["std"], a["mean"], "f64"), register)


@defines(FromUniform)
def from_uniform(plan: FromUniform, a: dict[str, Number]) -> None:
    """A formula of one uniform."""
    stream, y = Stream(a["state"]), Cells(a["y"], plan.kind)
    for i in range(a["n"]):
        (value,) = evaluate(plan.formula, [stream.unit("f64")], [a["p0"], a["p1"]])
        y[i] = converted(value, REGISTER_KIND.get(plan.kind, plan.kind))


# --- discrete
# --------------------------------------------------------------------------------------


@defines(Integers)
def integers(plan: Integers, a: dict[str, Number]) -> None:
    """low + word mod span, or the 64-bit word itself."""
    stream, y = Stream(a["state"]), Cells(a["y"], plan.kind)
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    for i in range(a["n"]):
        if plan.source == "narrow":
            number = stream.word() % a["span"] + a["low"]
        elif plan.source == "wide":
            number = stream.long_word() % (a["span"] % 2**64) + a["low"]
        else:
            number = stream.long_word()
        y[i] = converted(wrapped(number, "i64"), register)


@defines(Shuffle)
def shuffle(plan: Shuffle, a: dict[str, Number]) -> None:
    """0 to n - 1; from the front, each place changes with one of those from it on."""
    stream, y, n = Stream(a["state"]), Cells(a["y"], plan.kind), a["n"]
    for i in range(n):
        y[i] = i
    for i in range(n - 1):
        other = i + stream.word() % (n - i)
        y[i], y[other] = y[other], y[i]


@defines(WideShuffle)
def wide_shuffle(plan: WideShuffle, a: dict[str, Number]) -> None:
    """From the inside out: place i takes over one of the places up to i, which receives i."""
    stream, y = Stream(a["state"]), Cells(a["y"], plan.kind)
    for i in range(a["n"]):
        place = stream.long_word() % (i + 1)
        y[i] = i
        y[i], y[place] = y[place], i


@defines(Bernoulli)
def bernoulli(plan: Bernoulli, a: dict[str, Number]) -> None:
    """1 / divisor where 53 bits lie below the threshold, else 0."""
    stream, y = Stream(a["state"]), Cells(a["y"], plan.kind)
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    value: Number = 1
    if register in ("f32", "f64"):
        value = rounded(1.0 / rounded(a["divisor"], register), register)
    for i in range(a["n"]):
        y[i] = value if stream.long_word() & (2**53 - 1) < a["threshold"] % 2**64 else 0


@defines(Dropout)
def dropout(plan: Dropout, a: dict[str, Number]) -> None:
    """x times scale where 53 bits lie below the threshold, else times 0."""
    stream, x, y = Stream(a["state"]), Cells(a["x"], plan.kind), Cells(a["y"], plan.kind)
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    scale = rounded(a["scale"], register)
    for i in range(a["n"]):
        happened = stream.long_word() & (2**53 - 1) < a["threshold"] % 2**64
        y[i] = rounded(x[i] * (scale if happened else 0.0), register)


@defines(BernoulliEach)
def bernoulli_each(plan: BernoulliEach, a: dict[str, Number]) -> int:
    """1 with the probability that stands in x."""
    stream, y, x = Stream(a["state"]), Cells(a["y"], plan.kind), Cells(a["x"], plan.given)
    register = REGISTER_KIND.get(plan.given, plan.given)
    if not all(0 <= x[i] <= 1 for i in range(a["n"])):
        return 1
    for i in range(a["n"]):
        y[i] = 1 if stream.unit(register) < x[i] else 0
    return 0


@defines(Multinomial)
def multinomial(plan: Multinomial, a: dict[str, Number]) -> int:
    """Per row of weights: the first place whose running share is not below a uniform number."""
    stream, y, columns = Stream(a["state"]), Cells(a["y"], "i64"), a["columns"]
    register = REGISTER_KIND.get(plan.kind, plan.kind)
    code = 0
    for row in range(a["rows"]):
        x = Cells(a["x"], plan.kind).at(row * columns)
        total, sums, fault = 0.0, [], 0
        for k in range(columns):
            if not fault and not x[k] >= 0:
                fault = NEGATIVE
            elif not fault and not math.isfinite(x[k]):
                fault = NOT_FINITE
            total = rounded(total + x[k], register)
            sums.append(total)
        fault = fault or (0 if total > 0 else NO_WEIGHT)
        code = fault or code
        if fault:
            continue
        scaled = [rounded(s / total, register) for s in sums]
        for i in range(a["n"]):
            place = bisect_left(scaled, stream.unit("f64"))
            y[row * a["n"] + i] = min(place, columns - 1)
    return code
