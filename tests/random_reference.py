"""PyTorch's CPU random numbers, written plainly in NumPy: the independent reference of the tests.

The words come from NumPy's own Mersenne Twister; everything above the words (how many are drawn for
an element, how they become uniforms, normals, integers, permutations) is spelled out here, element
by element where order matters. Nothing is shared with the package. bfloat16, which NumPy lacks, is
a float32 array of values that bfloat16 can hold.
"""

import struct

import numpy as np

BLOCK = 624  # words of MT19937's state
NORMAL_BLOCK = (
    16  # from 16 elements on, a contiguous normal fill works in blocks: 8 radii, 8 angles
)
SMALL_RANGE = 2**28  # integer ranges below this take one word, others two
WIDE_PERMUTATION = (2**32 - 1) // 20  # from this length on permutations take two words a position
STATE_BYTES = 5056
DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
INTEGER_MAXIMUM = {"bool": 1, "uint8": 2**8 - 1} | {
    f"int{b}": 2 ** (b - 1) - 1 for b in (8, 16, 32, 64)
}


# --- rounding ----------------------------------------------------------------------------------


def round_bfloat16(values: np.ndarray) -> np.ndarray:
    """float32 values rounded to the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    rounded = kept.astype(np.uint32).view(np.float32).reshape(values.shape)
    return np.where(np.isfinite(values), rounded, values).astype(np.float32)


def cast(values: np.ndarray, dtype: str) -> np.ndarray:
    """`values` in `dtype`; half types round from float32, as a conversion of the result does."""
    if dtype == "bfloat16":
        return round_bfloat16(values.astype(np.float32))
    if dtype == "float16":
        return values.astype(np.float32).astype(np.float16)
    return values.astype(dtype)


def _round_to_odd_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b in float64 rounded to odd, so that rounding it once more to float32 is exact."""
    total = np.atleast_1d(a + b)
    part = total - a
    error = (a - (total - part)) + (b - part)
    bits = total.view(np.int64)
    away = np.where((error > 0) == (total > 0), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + away, bits).view(np.float64)


def fma32(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a * b + c in float32 with one rounding."""
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)  # exact: 24 + 24 bits
    addend = np.broadcast_to(np.asarray(c, np.float64), product.shape)
    return _round_to_odd_sum(product, addend).astype(np.float32).reshape(product.shape)


def _two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a * b as an unevaluated sum of two float64 (Dekker)."""

    def split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scaled = x * 134217729.0
        high = scaled - (scaled - x)
        return high, x - high

    product = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def fma64(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """a * b + c in float64 with one rounding (long double holds the three-term tail)."""
    product, low = _two_product(a, np.full_like(a, b))
    total = product + c
    part = total - product
    error = (product - (total - part)) + (c - part)
    return total + (error + low)


# --- float32 log, sine and cosine of the blocked normal fill --------------------------------------

# Coefficients of S. Moshier's Cephes library (logf, sinf, cosf), in the order Horner's rule takes
# them.
_LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1)
_LOG += (-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
_COSINE = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_QUARTER_PI = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)
_LN2_LOW, _LN2_HIGH = -2.12194440e-4, 0.693359375


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = fma32(result, x, np.float32(coefficient))
    return result


def log32(x: np.ndarray) -> np.ndarray:
    """log of positive normal float32 values, to the bit as the blocked normal fill has it."""
    half, one = np.float32(0.5), np.float32(1)
    mantissa, exponent = np.frexp(x)
    small = mantissa < np.float32(0.707106781186547524)
    exponent = (exponent - small).astype(np.float32)
    m = np.where(small, (mantissa - one) + mantissa, mantissa - one)
    square = m * m
    y = fma32(_horner(_LOG, m) * m, square, exponent * np.float32(_LN2_LOW))
    y = fma32(-square, half, y)
    return fma32(exponent, np.float32(_LN2_HIGH), m + y)


def sine_cosine32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sin and cos of float32 values in [0, 2 pi], as the blocked normal fill has them."""
    octant = (x * np.float32(4 / np.pi)).astype(np.int32)
    octant = (octant + 1) & ~1
    for part in _QUARTER_PI:
        x = fma32(octant.astype(np.float32), np.float32(-part), x)
    z = x * x
    cosine = fma32(_horner(_COSINE, z) * z, z, -(z * np.float32(0.5))) + np.float32(1)
    sine = fma32(_horner(_SINE, z) * z, x, x)
    swap = octant & 2 != 0
    sine, cosine = np.where(swap, cosine, sine), np.where(swap, sine, cosine)
    sine = np.where(octant & 4 != 0, -sine, sine)
    cosine = np.where((octant + 2) & 4 != 0, -cosine, cosine)
    return sine, cosine


# --- the generator ---------------------------------------------------------------------------


class ReferenceGenerator:
    """PyTorch's CPU generator: MT19937 and the second half of a pair of normals."""

    def __init__(self, seed: int = 67280421310721) -> None:
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> None:
        self.seed = seed % 2**64
        self.twister = np.random.RandomState(self.seed & 0xFFFFFFFF)
        self.fresh = True
        self.next_normal: float | None = None

    def get_state(self) -> bytes:
        """5056 bytes: seed, words left (counting the next refill), seeded, position, 624 words of
        64 bits, cache."""
        _, words, position, _, _ = self.twister.get_state()
        head = (1, 1, 0) if self.fresh else (BLOCK + 1 - position, 1, position)
        cached = self.next_normal is not None
        tail = struct.pack("<dddixxxxfBxxx", 0.0, self.next_normal or 0.0, 0.0, cached, 0.0, 0)
        return struct.pack("<QiiQ", self.seed, *head) + words.astype("<u8").tobytes() + tail

    def set_state(self, state: bytes) -> None:
        self.seed, left, _, position = struct.unpack("<QiiQ", state[:24])
        words = np.frombuffer(state[24:5016], "<u8").astype(np.uint32)
        _, normal, _, cached, _, _ = struct.unpack("<dddixxxxfBxxx", state[5016:])
        self.fresh = left == 1 and position == 0
        self.twister.set_state(("MT19937", words, BLOCK if self.fresh else position))
        self.next_normal = normal if cached else None

    # words and unit uniforms

    def words(self, count: int) -> np.ndarray:
        """The next `count` 32-bit words."""
        self.fresh = self.fresh and count == 0
        return self.twister.randint(0, 2**32, count, dtype=np.uint64)

    def long_words(self, count: int) -> np.ndarray:
        """The next `count` 64-bit words: of two 32-bit words the first is the high half."""
        words = self.words(2 * count)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def unit_float(self, count: int) -> np.ndarray:
        """float32 in [0, 1): the low 24 bits of a word."""
        return (self.words(count) & np.uint64(2**24 - 1)).astype(np.float32) * np.float32(2**-24)

    def unit_double(self, count: int) -> np.ndarray:
        """float64 in [0, 1): the low 53 bits of a 64-bit word."""
        return (self.long_words(count) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53

    # continuous

    def uniform(
        self, count: int, dtype: str = "float32", low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        """u * (high - low) + low, one rounding; a result that rounds to `high` becomes `low`."""
        if dtype == "float64":
            values = fma64(self.unit_double(count), high - low, low)
        else:
            lo, hi = np.float32(low), np.float32(high)
            values = cast(fma32(self.unit_float(count), hi - lo, lo), dtype)
        first, last = (cast(np.array([bound]), dtype)[0] for bound in (low, high))
        return np.where(values == last, first, values)

    def _block_float(self, uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
        """Box-Muller over blocks of 16: eight radii from the first half, angles from the second."""
        first, second = uniforms.reshape(-1, 2, 8).swapaxes(0, 1)
        radius = np.sqrt(np.float32(-2) * log32(np.float32(1) - first))
        sine, cosine = sine_cosine32(np.float32(2 * np.pi) * second)
        pair = np.stack([radius * cosine, radius * sine], 1)
        return fma32(pair, np.float32(std), np.float32(mean)).reshape(-1)

    def _block_double(self, uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
        """The same in float64 with the C library's functions."""
        first, second = uniforms.reshape(-1, 2, 8).swapaxes(0, 1)
        radius, angle = np.sqrt(-2 * np.log(1 - first)), 2 * np.pi * second
        pair = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
        return fma64(pair.reshape(-1), std, mean)

    def normal(
        self,
        count: int,
        dtype: str = "float32",
        mean: float = 0.0,
        std: float = 1.0,
        contiguous: bool = True,
    ) -> np.ndarray:
        if not contiguous or count < NORMAL_BLOCK:
            return cast(fma64(self.normal_pairs(count), std, mean), dtype)
        whole, rest = count - count % NORMAL_BLOCK, count % NORMAL_BLOCK
        draw = self.unit_double if dtype == "float64" else self.unit_float
        transform = self._block_double if dtype == "float64" else self._block_float
        if dtype in (
            "float32",
            "float64",
        ):  # the whole tensor is drawn first, then 16 more for the last block
            uniforms = draw(count)[:whole]
        else:  # half types draw block by block, nothing for the incomplete one
            uniforms = draw(whole)
        result = np.empty(count)
        result[:whole] = transform(uniforms, mean, std)
        if rest:  # the last 16 elements are made anew; they overlap the block before
            result[count - NORMAL_BLOCK :] = transform(draw(NORMAL_BLOCK), mean, std)
        return cast(result, dtype)

    def normal_pairs(self, count: int) -> np.ndarray:
        """Standard normals in float64, made in twos; an odd one is kept for the next call."""
        result = []
        for _ in range(count):
            if self.next_normal is None:
                turn, level = self.unit_double(2)
                radius, angle = np.sqrt(-2 * np.log1p(-level)), 2 * np.pi * turn
                result.append(radius * np.cos(angle))
                self.next_normal = float(radius * np.sin(angle))
            else:
                result.append(self.next_normal)
                self.next_normal = None
        return np.array(result, np.float64)

    def exponential(self, count: int, dtype: str = "float32", rate: float = 1.0) -> np.ndarray:
        return cast(-np.log1p(-self.unit_double(count)) / rate, dtype)

    def cauchy(
        self, count: int, dtype: str = "float32", median: float = 0.0, sigma: float = 1.0
    ) -> np.ndarray:
        return cast(median + sigma * np.tan(np.pi * (self.unit_double(count) - 0.5)), dtype)

    def log_normal(
        self, count: int, dtype: str = "float32", mean: float = 1.0, std: float = 2.0
    ) -> np.ndarray:
        return cast(np.exp(self.normal_pairs(count) * std + mean), dtype)

    def geometric(self, count: int, p: float) -> np.ndarray:
        return np.ceil(np.log(self.unit_double(count)) / np.log1p(-p))

    # discrete

    def integers(self, count: int, low: int, high: int) -> list[int]:
        """low <= i < high by remainder."""
        span = high - low
        words = self.words(count) if span < SMALL_RANGE else self.long_words(count)
        return [int(word) % span + low for word in words]

    def full_integers(self, count: int) -> list[int]:
        """All of int64: the 64-bit words themselves."""
        return [int(word) for word in self.long_words(count).astype(np.int64)]

    def random(self, count: int, dtype: str) -> list[int]:
        """random_() without bounds: all non-negative integers that the dtype holds exactly, and
        2^digits."""
        top = INTEGER_MAXIMUM[dtype] if dtype in INTEGER_MAXIMUM else 2 ** DIGITS[dtype]
        words = self.long_words(count) if dtype in ("int64", "float64") else self.words(count)
        return [int(word) % (top + 1) for word in words]

    def permutation(self, count: int, wide: bool | None = None) -> list[int]:
        """Fisher-Yates from the front, one word a position, none for the last; inside out for large
        counts."""
        if wide or (wide is None and count >= WIDE_PERMUTATION):
            return self._wide_permutation(count)
        result = list(range(count))
        for place, word in enumerate(self.words(max(count - 1, 0))):
            other = place + int(word) % (count - place)
            result[place], result[other] = result[other], result[place]
        return result

    def _wide_permutation(self, count: int) -> list[int]:
        result: list[int] = []
        for place, word in enumerate(self.long_words(count)):
            other = int(word) % (place + 1)
            result.append(place)
            result[place], result[other] = result[other], place
        return result

    def bernoulli(self, count: int, p: float) -> np.ndarray:
        """One probability for all: 53-bit uniforms, whatever the dtype of the result."""
        return self.unit_double(count) < p

    def bernoulli_each(self, probabilities: np.ndarray) -> np.ndarray:
        """A probability an element: 53-bit uniforms for float64 probabilities, 24-bit ones
        otherwise."""
        if probabilities.dtype == np.float64:
            return self.unit_double(probabilities.size) < probabilities
        return self.unit_float(probabilities.size) < probabilities.astype(np.float32)

    def dropout(self, values: np.ndarray, p: float) -> np.ndarray:
        """values times a mask of zeros and 1 / (1 - p), rounded to the dtype; p of 0 and 1 draw
        nothing."""
        if p == 0 or p == 1:
            return values * values.dtype.type(1 - p)
        scale = (np.ones(1, np.result_type(values, np.float32)) / (1 - p)).astype(values.dtype)
        return values * (self.bernoulli(values.size, 1 - p).reshape(values.shape) * scale)

    def multinomial(self, weights: np.ndarray, count: int, replacement: bool = False) -> np.ndarray:
        """Category numbers, a row of `count` for each row of float32 or float64 weights.

        One sample, or several without replacement: the largest of weight / exponential. With
        replacement: binary search of a uniform in the running sums (added up in order), normalised
        by their total.
        """
        rows, columns = weights.shape
        if not replacement or count == 1:
            draws = self.exponential(rows * columns, weights.dtype.name).reshape(rows, columns)
            return np.argsort(-(weights / draws), axis=1, kind="stable")[:, :count]
        chosen = []
        for row in weights:
            sums = np.cumsum(row, dtype=row.dtype)
            chosen.append(
                np.searchsorted((sums / sums[-1]).astype(np.float64), self.unit_double(count))
            )
        return np.array(chosen).reshape(rows, count)
