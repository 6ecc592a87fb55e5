"""Writes random programs: lines of Python over tensors v0, v1, ..., facts p0, ... and a package t.

Note [comparing with PyTorch]. Lines come from `random_lines.txt`; what its words in braces become
is chosen here, looking at the state that PyTorch has reached, so that most lines make sense. A line
in some dozens is meant to fail. `wide_differential.py` runs what is written.
"""

import math
import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

REAL = ("float32", "float64")
HALVES = ("float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int64", "int32", "uint8", "int8", "int16")
FLOAT_DTYPES = (*REAL, "float32", "float64", "float32", *HALVES)
DTYPES = (
    *REAL, "float32", "float32", "int64", "int64", "int32", "uint8", "int16", "int8", "bool",
    "bool", *HALVES, *COMPLEX,
)  # fmt: skip
LARGEST = 2000  # elements of a tensor that a program goes on with
WILD = 1e5  # beyond it a program ends: what follows would multiply how numbers were rounded
WORD = re.compile(r"\{(\w+)(?::(\w+))?\}")


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# What a word in braces is chosen from.
CHOICES: dict[str, tuple[str, ...]] = {
    "unary": words(
        "abs neg square sign floor ceil round trunc exp sigmoid tanh sin cos relu sqrt log1p atan "
        "erf logical_not isnan isfinite clone contiguous detach positive expm1 reciprocal rsqrt "
        "frac nonzero bitwise_not isinf sgn log2 log10 log asin acosh sinh cosh tan signbit angle "
        "conj real nan_to_num isreal exp2 absolute negative fix arctan arcsin arccos arcsinh "
        "logical_not resolve_conj isposinf isneginf"
    ),
    "float_unary": words(
        "erfc erfinv lgamma digamma asinh atanh acos deg2rad rad2deg logit sinc i0 nan_to_num "
        "erf expm1 exp2 rsqrt sigmoid sin cos tanh log1p"
    ),
    "special_unary": words(
        "entr erfcx i0e i1 i1e log_ndtr ndtr ndtri psi expit exp2 gammaln "
        "sinc log1p expm1 erf erfc digamma logit round"
    ),
    "complex_unary": words(
        "abs angle neg exp sin cos sqrt log tanh sigmoid reciprocal square conj_physical sgn "
        "isfinite isnan rsqrt expm1 log1p log2 log10 sinh cosh asin acos atan tan real imag"
    ),
    "binary": words(
        "add sub mul div maximum minimum eq ne lt le gt ge logical_and logical_or logical_xor "
        "atan2 remainder fmod floor_divide pow bitwise_and bitwise_or bitwise_xor fmax fmin hypot "
        "true_divide multiply subtract greater less_equal not_equal divide"
    ),
    "float_binary": words("nextafter copysign logaddexp logaddexp2 hypot atan2 xlogy float_power"),
    "operator": words("+ - * / // % < <= > >= == != & | ^ **"),
    "bit_operator": words("& | ^"),
    "inplace": words(
        "add_ sub_ mul_ div_ fmod_ remainder_ pow_ floor_divide_ multiply_ true_divide_"
    ),
    "inplace_unary": words(
        "abs_ neg_ sigmoid_ floor_ round_ square_ exp_ relu_ sqrt_ tanh_ sign_ trunc_ sin_ cos_ "
        "log1p_ expm1_ erf_ reciprocal_ rsqrt_ frac_ ceil_ atan_ log_ sinh_ exp2_ sgn_ i0_ lgamma_"
    ),
    "inplace_activation": words("elu leaky_relu hardtanh relu6 silu selu celu hardswish mish"),
    "reduction": words(
        "sum mean prod amax amin any all std var logsumexp argmax argmin count_nonzero nansum"
    ),
    "several": words("sum mean amax amin std var any all count_nonzero nansum logsumexp"),
    "whole": words(
        "sum mean prod max min any all std var norm argmax argmin amax count_nonzero median nansum "
        "nanmedian aminmax"
    ),
    "paired": words("median max min mode nanmedian"),
    "extreme": words("max min cummax cummin"),
    "activation": words(
        "relu gelu silu softplus leaky_relu elu selu celu hardtanh hardswish hardsigmoid mish "
        "logsigmoid softsign tanhshrink hardshrink softshrink relu6 tanh sigmoid"
    ),
    "loss": words(
        "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits "
        "soft_margin_loss poisson_nll_loss"
    ),
    "out_unary": words("exp abs sin neg sqrt floor sigmoid tanh sign reciprocal cos logical_not"),
    "dtype": DTYPES,
    "number_dtype": tuple(d for d in DTYPES if d != "bool" and "complex" not in d),
    "float_dtype": FLOAT_DTYPES,
    "rounding": ("'floor'", "'trunc'", "None"),
    "reduced": ("'mean'", "'sum'", "'none'"),
    "interpolation": ("'linear'", "'lower'", "'higher'", "'nearest'", "'midpoint'"),
    "indexing": ("'ij'", "'xy'"),
    "way": ("'prod'", "'mean'", "'amax'", "'amin'"),
    "reduce_way": ("'sum'", "'prod'", "'mean'", "'amax'", "'amin'"),
    "pad_mode": ("'reflect'", "'replicate'", "'circular'", "'constant'"),
    "resize_mode": ("'nearest'", "'bilinear'", "'bicubic'", "'nearest-exact'", "'area'"),
    "fft_norm": ("'ortho'", "'forward'", "'backward'"),
    "matrix_norm": ("'fro'", "'nuc'", "1", "-1", "float('inf')"),
    "p": ("1", "2", "3", "0", "float('inf')", "0.5"),
    "p_dist": ("1.0", "2.0", "3.0"),
    "einsum_one": ("ij->ji", "ij->i", "ij->", "ij", "i...->...i"),
    "einsum_two": ("ij,ij->ij", "ij,kj->ik", "ij,ij->", "ij,ij->j"),
    "s": ("2", "-1", "3", "0.5", "-1.5", "True", "0", "7"),
    "s4": ("1", "2"),
    "step": ("1", "-1", "0.5"),
    "k": ("-2", "-1", "0", "1", "2", "3"),
    "posint": ("1", "2", "3"),
    "size": ("0", "1", "2", "4", "6"),
    "zero_one": ("0", "1"),
    "first_last": ("0", "-1"),
    "flag": ("True", "False"),
    "fraction": ("0.5", "0.25", "0.0", "1.0", "0.9"),
    "zero_d": ("t.tensor(2)", "t.tensor(0.5)", "t.tensor(-1.0, dtype=t.float64)", "t.tensor(True)"),
}


def make(t: Any, seed: int, shape: list[int], dtype: Any) -> Any:
    """The same tensor in both packages: values that few operations round."""
    return t.tensor(values_of(seed, shape, str(dtype)), dtype=dtype).reshape(shape)


def values_of(seed: int, shape: list[int], dtype: str) -> list[Any]:
    source = random.Random(seed)
    count = math.prod(shape)
    word = dtype.rpartition(".")[2]
    if word == "bool":
        return [source.random() < 0.5 for _ in range(count)]
    if "int" in word:
        low = 0 if word[0] == "u" else -9
        return [source.randint(low, 9) for _ in range(count)]
    steps = 16 if "16" in word else 1024  # numbers that halves hold too
    values = [source.randint(-4 * steps, 4 * steps) / steps for _ in range(count)]
    if "complex" in word:
        return [complex(v, source.randint(-4 * steps, 4 * steps) / steps) for v in values]
    return values


def indices(t: Any, seed: int, shape: list[int], bound: int) -> Any:
    """Numbers from 0 up to a bound, int64."""
    source = random.Random(seed)
    found = [source.randrange(bound) for _ in range(math.prod(shape))]
    return t.tensor(found, dtype=t.int64).reshape(shape)


def literal(line: str) -> str:
    """A line with what `make` and `indices` make written out, for people to run."""
    line = re.sub(
        r"make\(t, (\d+), (\[[\d, ]*\]), t\.(\w+)\)",
        lambda m: (
            f"t.tensor({values_of(int(m[1]), eval(m[2]), m[3])}, dtype=t.{m[3]}).reshape({m[2]})"
        ),
        line,
    )
    return re.sub(
        r"indices\(t, (\d+), (\[[\d, ]*\]), (\d+)\)",
        lambda m: (
            f"t.tensor({indices(torch, int(m[1]), eval(m[2]), int(m[3])).tolist()}, dtype=t.int64)"
        ),
        line,
    )


def lines_of_file() -> dict[str, list[str]]:
    """Families of lines by name."""
    families: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("random_lines.txt").read_text().splitlines():
        if line.startswith("# ") and " " not in line[2:]:
            families[line[2:]] = current = []
        elif line and line[0] != "#":
            current.append(line)
    return families


FAMILIES = lines_of_file()
# How often a family's lines are taken.
WEIGHTS = {
    "make": 8, "unary": 8, "binary": 12, "inplace": 18, "reductions": 10, "views": 20, "index": 18,
    "order": 6, "join": 5, "products": 8, "nn": 10, "fourier": 2, "numbers": 4, "cast": 4,
    "out": 4, "graph": 4, "facts": 4,
}  # fmt: skip


class NotNow(Exception):
    """A line has no fitting tensor yet."""


Fits = Callable[[torch.Tensor], bool]


def is_float(v: torch.Tensor) -> bool:
    return v.is_floating_point()


def is_real(v: torch.Tensor) -> bool:
    return v.dtype in (torch.float32, torch.float64)


def is_integral(v: torch.Tensor) -> bool:
    return not v.is_floating_point() and not v.is_complex() and v.dtype is not torch.bool


# Words for tensors: what fits, the shapes and dtypes of one that is made where none fits.
TENSORS: dict[str, tuple[Fits, str, tuple[str, ...]]] = {
    "a": (lambda v: True, "any", DTYPES),
    "f": (is_float, "any", FLOAT_DTYPES),
    "r": (is_real, "any", REAL),
    "rv": (is_real, "vector", REAL),
    "n": (lambda v: v.dtype is not torch.bool, "any", INTEGERS),
    "i": (is_integral, "any", INTEGERS),
    "m": (lambda v: v.dtype is torch.bool, "any", ("bool",)),
    "c": (lambda v: v.is_complex(), "any", COMPLEX),
    "pairs": (
        lambda v: is_real(v) and v.ndim > 0 and v.shape[-1] == 2 and v.stride(-1) == 1,
        "pairs", REAL,
    ),
    "exact": (lambda v: v.dtype is torch.bool or is_integral(v), "any", INTEGERS),
    "plain": (
        lambda v: v.dtype is not torch.bfloat16 and not v.is_conj() and not v.is_neg(), "any", REAL,
    ),
    "vec": (lambda v: v.ndim == 1 and is_real(v), "vector", REAL),
    "mat": (lambda v: v.ndim == 2, "matrix", DTYPES),
    "matf": (lambda v: v.ndim == 2 and is_real(v), "matrix", REAL),
    "batf": (lambda v: v.ndim == 3 and is_real(v), "batch", REAL),
    "sqf": (
        lambda v: v.ndim == 2 and is_real(v) and v.shape[0] == v.shape[1], "square", REAL,
    ),
    "three": (lambda v: is_real(v) and v.ndim > 0 and v.shape[-1] == 3, "three", REAL),
    "img": (lambda v: v.ndim == 4 and is_real(v) and 0 not in v.shape, "image", REAL),
    "img4": (lambda v: False, "image4", REAL),
    "seq": (lambda v: v.ndim == 3 and is_real(v) and 0 not in v.shape, "sequence", REAL),
    "logits": (lambda v: v.ndim == 2 and is_real(v) and 0 not in v.shape, "logits", REAL),
    "linear": (lambda v: v.ndim > 0 and is_real(v), "vector", REAL),
    "table": (lambda v: False, "table", REAL),
    "tall": (lambda v: False, "tall", ("float64",)),
    "sqf3": (lambda v: False, "square3", ("float64",)),
    "vec3": (lambda v: False, "vector3", ("float64",)),
}  # fmt: skip
# Words for tensors that must be variables: they are written, or gradients go to them.
VARIABLES: dict[str, Fits] = {
    "w": lambda v: True,
    "wf": is_float,
    "wi": is_integral,
    "leaf": lambda v: v.requires_grad and v.is_leaf,
    "end": lambda v: v.requires_grad and not v.is_leaf,
}
SHAPES: dict[str, tuple[list[int], ...]] = {
    "vector": ([1], [2], [3], [4], [5], [0]),
    "matrix": ([2, 3], [3, 2], [1, 4], [3, 3], [4, 1], [0, 2]),
    "batch": ([2, 3, 2], [1, 2, 4], [3, 1, 2]),
    "square": ([2, 2], [3, 3], [1, 1]),
    "three": ([3], [2, 3], [1, 2, 3]),
    "image": ([1, 2, 4, 5], [2, 1, 3, 3], [1, 3, 5, 4]),
    "image4": ([1, 4, 2, 3], [2, 4, 3, 3]),
    "sequence": ([1, 2, 7], [2, 3, 5]),
    "logits": ([3, 4], [2, 5], [4, 2]),
    "pairs": ([2], [3, 2], [2, 1, 2]),
    "table": ([10, 3], [10, 1]),
    "tall": ([4, 2], [5, 3]),
    "square3": ([3, 3],),
    "vector3": ([3],),
}


class Writer:
    """Writes lines for the state that PyTorch has reached."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.scope: dict[str, Any] = {"t": torch, "make": make, "indices": indices}
        self.names: list[str] = []
        self.facts = 0
        # Of the line that is being written: tensors by word, as text and as PyTorch's.
        self.texts: dict[str, str] = {}
        self.tensors: dict[str, torch.Tensor] = {}
        self.dims: dict[str, int] = {}
        self.family = ""

    def pick(self, fits: Fits) -> str | None:
        found = [n for n in self.names if fits(self.scope[n])]
        return self.random.choice(found) if found else None

    def shape(self) -> list[int]:
        rank = self.random.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
        return [self.random.choice((0, 1, 1, 2, 3, 4, 5, 7)) for _ in range(rank)]

    def made(self, shape: list[int], dtype: str) -> str:
        return f"make(t, {self.random.randrange(10**6)}, {shape}, t.{dtype})"

    def line(self) -> str | None:
        """A line, or None where the state has nothing for what was chosen."""
        family = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if len(self.names) < 2:
            family = "make"
        pattern, self.family = self.random.choice(FAMILIES[family]), family
        self.texts, self.tensors, self.dims = {}, {}, {}
        try:
            text = WORD.sub(self.fill, pattern)
        except NotNow:
            return None
        if text.startswith("> "):
            return text[2:]
        if ", out=" in text:
            return self.with_out(text.lstrip())
        return f"{'p' if family == 'facts' else 'v'}? = {text}"

    def fill(self, found: re.Match[str]) -> str:
        word, of = found[1], found[2]
        if word in CHOICES:
            return self.random.choice(CHOICES[word])
        if word in VARIABLES or word in TENSORS or word.rstrip("23") in TENSORS:
            return self.tensor(word)
        if of is not None and of != "0" and of not in self.texts:
            self.tensor(of)
        return str(getattr(self, f"word_{word}")(of))

    # --- tensors ---------------------------------------------------------------------------------

    def tensor(self, word: str) -> str:
        """A variable that fits the word, or the text that makes one; the same in all of a line."""
        if word in self.texts:
            return self.texts[word]
        if word in VARIABLES:
            name = self.pick(VARIABLES[word])
            if name is None:
                raise NotNow
            return self.known(word, name)
        fits, kind, dtypes = TENSORS[word if word in TENSORS else word.rstrip("23")]
        if (
            self.random.random() < 0.02
            and self.family != "nn"
            and kind in ("any", "vector", "matrix")
        ):
            fits = TENSORS["a"][0]  # meant to fail
        name = self.pick(fits)
        if name is None:
            shape = self.shape() if kind == "any" else self.random.choice(SHAPES[kind])
            name = self.made(shape, self.random.choice(dtypes))
        return self.known(word, name)

    def known(self, word: str, text: str) -> str:
        self.texts[word], self.tensors[word] = text, eval(text, self.scope)
        return text

    def word_same(self, of: str) -> str:
        """A tensor of the same shape, mostly of the same dtype."""
        v = self.tensors[of]
        exact = self.family == "products" or self.random.random() < 0.9
        name = self.pick(lambda o: o.shape == v.shape and (o.dtype == v.dtype or not exact))
        if name is None or self.random.random() < 0.3:
            return self.made(list(v.shape), str(v.dtype)[6:])
        return name

    def word_same_other(self, of: str) -> str:
        return self.made(list(self.tensors[of].shape), self.random.choice(DTYPES))

    def word_same_mask(self, of: str) -> str:
        v = self.tensors[of]
        name = self.pick(lambda o: o.dtype is torch.bool and o.shape == v.shape)
        return name or self.made(list(v.shape), "bool")

    def word_fit(self, of: str) -> str:
        """A tensor that broadcasts to another's shape."""
        v, r = self.tensors[of], self.random
        wanted = list(v.shape)
        name = self.pick(lambda o: fits_into(o.shape, v.shape))
        if name is not None and r.random() < 0.6:
            return name
        shape = [1 if r.random() < 0.3 else n for n in wanted[r.randint(0, len(wanted)) :]]
        dtype = str(v.dtype)[6:] if r.random() < 0.6 else r.choice(DTYPES)
        return self.made(shape, dtype)

    def word_inner(self, of: str) -> str:
        v = self.tensors[of]
        size = v.shape[-1] if v.ndim else 1
        name = self.pick(
            lambda o: o.ndim > 0 and o.dtype == v.dtype and o.shape[max(o.ndim - 2, 0)] == size
        )
        made = self.random.choice(([size], [size, 2], [1, size, 3]))
        return name or self.made(made, str(v.dtype)[6:])

    # --- numbers about a tensor ------------------------------------------------------------------

    def word_seed(self, of: str) -> int:
        return self.random.randrange(10**6)

    def word_shape(self, of: str) -> list[int]:
        return self.shape()

    def word_d(self, of: str) -> int:
        self.dims[of] = d = self.word_d2(of)
        return d

    def word_d2(self, of: str) -> int:
        ndim = self.tensors[of].ndim
        if self.random.random() < 0.01:
            return self.random.choice((ndim, -ndim - 1, 7))
        return self.random.randrange(-max(ndim, 1), max(ndim, 1))

    def size_along(self, of: str) -> int:
        v, d = self.tensors[of], self.dims.get(of, 0)
        return v.shape[d] if -v.ndim <= d < v.ndim else 1

    def word_dims(self, of: str) -> list[int]:
        ndim = self.tensors[of].ndim
        return self.random.sample(range(ndim), self.random.randint(min(ndim, 1), ndim))

    def word_order(self, of: str) -> list[int]:
        ndim = self.tensors[of].ndim
        return self.random.sample(range(ndim), ndim)

    def word_place(self, of: str) -> int:
        size = self.size_along(of)
        if self.random.random() < 0.03 or not size:
            return size
        return self.random.randrange(-size, size)

    def word_start_length(self, of: str) -> str:
        size = self.size_along(of)
        start = self.random.randint(0, size)
        return f"{start}, {self.random.randint(0, size - start)}"

    def word_window(self, of: str) -> int:
        return self.random.randint(0, max(self.size_along(of), 1))

    def word_few(self, of: str) -> int:
        return self.random.randint(0, min(self.size_along(of), 3))

    def word_few_dims(self, of: str) -> int:
        return self.random.randint(0, self.tensors[of].ndim)

    def word_expanded(self, of: str) -> list[int]:
        shape = [n if n != 1 else self.random.choice((1, 2, 3)) for n in self.tensors[of].shape]
        return [self.random.choice((1, 2))] * self.random.randint(0, 1) + shape

    def word_repeats(self, of: str) -> list[int]:
        ndim = self.tensors[of].ndim + self.random.randint(0, 1)
        return [self.random.randint(1, 2) for _ in range(ndim)]

    def word_parts(self, of: str) -> list[int]:
        size = self.size_along(of)
        one = self.random.choice([k for k in range(1, size + 1) if size % k == 0] or [1])
        return self.random.choice(([one, -1], [size // one, one], [one, size // one]))

    def word_smaller(self, of: str) -> list[int]:
        return [n - (n > 1 and self.random.random() < 0.3) for n in self.tensors[of].shape]

    def word_refactored(self, of: str) -> list[int]:
        """A shape with as many elements."""
        v, r = self.tensors[of], self.random
        left, shape = v.numel(), []
        if not left:
            return list(v.shape)[::-1]
        while left > 1 and len(shape) < 4:
            one = r.choice([k for k in range(1, left + 1) if left % k == 0])
            shape.append(one)
            left //= one
        shape.append(left)
        if r.random() < 0.3:
            shape[r.randrange(len(shape))] = -1
        return shape

    def word_strided(self, of: str) -> str:
        """Sizes, strides and an offset that lie in the tensor's storage."""
        v, r = self.tensors[of], self.random
        room = v.untyped_storage().nbytes() // v.element_size()
        offset = r.randint(0, max(room - 1, 0))
        shape, strides, left = [], [], room - offset - 1
        for _ in range(r.randint(0, 3)):
            stride = r.choice((0, 1, 1, 2, 3))
            n = r.randint(1, 3)
            if stride:
                n = min(n, 1 + max(left, 0) // stride)
                left -= (n - 1) * stride
            shape.append(n)
            strides.append(stride)
        return f"{shape}, {strides}, {offset}"

    # --- indices ---------------------------------------------------------------------------------

    def word_index(self, of: str | None) -> str:
        r = self.random
        if of == "0":
            v = next(iter(self.tensors.values()))
            size = v.shape[0] if v.ndim else 1
        else:
            size = 5 if of is None else self.size_along(of)
        count = r.choice((0, 1, 2, 3)) if size else 0
        return self.indices([count], size)

    def indices(self, shape: list[int], size: int) -> str:
        if self.random.random() < 0.01 and all(v.numel() for v in self.tensors.values()):
            size += 1  # meant to fail
        return f"indices(t, {self.random.randrange(10**6)}, {shape}, {max(size, 1)})"

    def word_index_like(self, of: str) -> str:
        shape = list(self.tensors[of].shape)
        if shape and self.random.random() < 0.3:
            k = self.random.randrange(len(shape))
            shape[k] = self.random.randint(0, shape[k])
        return self.indices(shape, self.size_along(of))

    def word_index_source(self, of: str) -> str:
        """A dim, indices, and as many slices of a tensor's dtype."""
        d, v, r = self.word_d(of), self.tensors[of], self.random
        size, shape = self.size_along(of), list(v.shape)
        picks = r.sample(range(size), r.randint(0, min(size, 3)))
        if shape and -v.ndim <= d < v.ndim:
            shape[d] = len(picks)
        where = f"t.tensor({picks}, dtype=t.int64)"
        return f"{d}, {where}, {self.made(shape, str(v.dtype)[6:])}"

    def word_selected(self, of: str) -> str:
        """A source, dim and index for select_scatter."""
        d = self.word_d(of)
        v = self.tensors[of]
        shape = list(v.shape)
        if shape and -v.ndim <= d < v.ndim:
            del shape[d]
        return f"{self.made(shape, str(v.dtype)[6:])}, {d}, {self.word_place(of)}"

    def word_key(self, of: str) -> str:
        """What stands in brackets: ints, slices, None, ..., index tensors, lists and masks."""
        v, r = self.tensors[of], self.random
        if r.random() < 0.1 and v.ndim:
            mask = self.pick(
                lambda m: m.dtype is torch.bool and m.shape == v.shape[: m.ndim] and m.ndim > 0
            )
            if mask is not None:
                return mask
        parts: list[str] = []
        for size in v.shape[: r.randint(0, v.ndim)]:
            kind = r.randrange(9)
            if kind < 3:
                low, high = sorted(r.randint(-size, size) for _ in range(2))
                step = r.choice(("", "", f":{r.randint(1, 3)}"))
                parts.append(f"{r.choice((low, ''))}:{r.choice((high, ''))}{step}")
            elif kind == 3 and size:
                parts.append(str(r.randrange(-size, size + (r.random() < 0.05))))
            elif kind == 4:
                parts.append("None, :")
            elif kind in (5, 6) and size:
                many = [r.randrange(-size, size) for _ in range(r.choice((1, 2, 2, 2, 3)))]
                parts.append(r.choice((f"t.tensor({many})", f"{many}", f"t.tensor([{many}])")))
            elif kind == 7 and r.random() < 0.3:
                parts.append(self.made([size], "bool"))
            else:
                parts.append(":")
        if r.random() < 0.2:
            parts.insert(r.randint(0, len(parts)), "...")
        return ", ".join(parts) or "..."

    # --- operands that belong together -----------------------------------------------------------

    def dtype_of(self, of: str) -> str:
        return str(self.tensors[of].dtype)[6:]

    def word_inner_vec(self, of: str) -> str:
        return self.made([self.tensors[of].shape[-1]], self.dtype_of(of))

    def word_mm(self, of: str) -> str:
        n, m = self.matrix(of)
        return f"{self.made([n, 2], self.dtype_of(of))}, {self.made([2, m], self.dtype_of(of))}"

    def matrix(self, of: str) -> tuple[int, int]:
        v = self.tensors[of]
        if v.ndim != 2:
            return 2, 3
        return v.shape[0], v.shape[1]

    def word_addmm(self, of: str) -> str:
        n, m = self.matrix(of)
        first = self.random.choice(([n, 3], [3], [1, 3], [n, 1], []))
        return (
            f"{self.made(first, self.dtype_of(of))}, {self.texts[of]}, "
            f"{self.made([m, 3], self.dtype_of(of))}"
        )

    def word_addmv(self, of: str) -> str:
        n, m = self.matrix(of)
        kind = self.dtype_of(of)
        return f"{self.made([n], kind)}, {self.texts[of]}, {self.made([m], kind)}"

    def word_addr(self, of: str) -> str:
        n, m = self.matrix(of)
        return f"{self.made([n], self.dtype_of(of))}, {self.made([m], self.dtype_of(of))}"

    def word_regular(self, of: str) -> str:
        m = self.made([3, 3], "float64")
        return f"({m} * 0.1 + 3 * t.eye(3, dtype=t.float64))"

    def word_definite(self, of: str) -> str:
        m = self.made([3, 3], "float64")
        return f"({m} @ {m}.mT + 3 * t.eye(3, dtype=t.float64))"

    def word_symmetric(self, of: str) -> str:
        m = self.made([3, 3], "float64")
        return f"({m} + {m}.mT)"

    def word_linear_bias(self, of: str) -> str:
        return self.made([3], self.dtype_of("linear"))

    def word_conv1d(self, of: str) -> str:
        v = self.tensors["seq"]
        return self.made([2, v.shape[1] if v.ndim > 1 else 1, 2], self.dtype_of("seq"))

    def word_conv2d(self, of: str) -> str:
        v = self.tensors["img"]
        kernel = self.random.choice(([3, 3], [1, 1], [2, 1], [2, 3]))
        return self.made([2, v.shape[1] if v.ndim > 1 else 1, *kernel], self.dtype_of("img"))

    def word_conv2dt(self, of: str) -> str:
        v = self.tensors["img"]
        return self.made([v.shape[1] if v.ndim > 1 else 1, 2, 2, 2], self.dtype_of("img"))

    def word_linear_weight(self, of: str) -> str:
        v = self.tensors["linear"]
        return self.made([3, v.shape[-1] if v.ndim else 1], self.dtype_of("linear"))

    def word_classes(self, of: str) -> str:
        v = self.tensors["logits"]
        if v.ndim != 2:
            raise NotNow
        return self.indices([v.shape[0]], v.shape[1])

    def word_out(self, of: str) -> str:
        return ""

    def word_o(self, of: str) -> str:
        return "?"

    def with_out(self, text: str) -> str | None:
        """out= as a variable, or an empty tensor that becomes one: of the result's dtype."""
        alone = text.replace(", out=?", "")
        if step(f"made = {alone}", self.scope) is not None:
            return f"v? = {alone}"
        dtype = self.scope.pop("made").dtype
        name = self.pick(lambda v: v.dtype == dtype)
        if name is None or re.search(rf"\b{name}\b", text) or self.random.random() < 0.5:
            return f"v? = {text.replace('?', f't.empty(0, dtype={dtype})'.replace('torch', 't'))}"
        return text.replace("?", name)


def fits_into(shape: torch.Size, whole: torch.Size) -> bool:
    pairs = zip(reversed(shape), reversed(whole), strict=False)
    return len(shape) <= len(whole) and all(a in (1, b) for a, b in pairs)


# --- programs ------------------------------------------------------------------------------------


def step(line: str, scope: dict[str, Any]) -> BaseException | None:
    """Runs a line; what it raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(line, scope)
    except Exception as error:
        return error
    return None


def write(seed: int, length: int) -> list[str]:
    """A program of about so many lines."""
    writer = Writer(random.Random(seed))
    torch.manual_seed(0)
    lines: list[str] = []
    for _ in range(length):
        line = writer.line()
        if line is None:
            continue
        name = ""
        if line[1:5] == "? = ":
            number = len(writer.names) if line[0] == "v" else writer.facts
            name = f"{line[0]}{number}"
            line = name + line[2:]
        if not defined(line, writer):
            continue
        state = torch.get_rng_state()
        error = step(line, writer.scope)
        made = writer.scope.get(name)
        if name and error is None:
            tensor = isinstance(made, torch.Tensor)
            if (name[0] == "v" and not tensor) or (tensor and made.numel() > LARGEST):
                del writer.scope[name]
                torch.set_rng_state(state)
                continue
            if tensor:
                writer.names.append(name)
            else:
                writer.facts += 1
        lines.append(line)
        if any(is_strange(writer.scope[n]) for n in writer.names):
            break
    return lines


def defined(line: str, writer: Writer) -> bool:
    """False for lines whose result C or PyTorch leaves open."""
    named = [writer.scope[n] for n in writer.names if re.search(rf"\b{n}\b", line)]
    halves = any(v.dtype in (torch.float16, torch.bfloat16) for v in named) or (
        "float16" in line or "half" in line
    )
    if halves and re.search(r"prod|\bpow|\*\*", line):
        return False  # PyTorch multiplies halves in halves, which overflow where ours do not
    nan = any(v.is_floating_point() and bool(v.isnan().any()) for v in named)
    if nan and ".mode(" in line:
        return False  # PyTorch sorts by <, which is no order where there is nan
    empty = re.search(r"\[[\d, ]*\b0\b[\d, ]*\], t\.", line) or any(not v.numel() for v in named)
    if ".fft." in line and empty:
        return False  # PyTorch gives MKL's message for some empty tensors, and results for others
    if ".view(t.bool" in line:
        return False  # bytes that are no bools
    casts = r"\.to\(|_\(|\] = |\.type|dtype=|\.(int|long|short|char|byte)\(|as_tensor"
    if not re.search(casts, line):
        return True
    # Casts of numbers that the type cannot hold.
    wide = [v.detach() for v in named if v.is_floating_point() or v.is_complex()]
    wide = [v.abs().double() for v in wide if v.numel()]
    return all(bool(torch.isfinite(v).all()) and float(v.max()) <= 100 for v in wide)


def is_strange(v: torch.Tensor) -> bool:
    """Numbers so large that what follows would multiply how they were rounded; resized tensors."""
    if v.numel() > LARGEST:
        return True
    if not (v.is_floating_point() or v.is_complex()) or not v.numel():
        return False
    sizes = v.detach().abs()
    return bool((sizes[torch.isfinite(sizes)] > WILD).any())
