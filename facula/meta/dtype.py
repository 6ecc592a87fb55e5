"""Element types: the dtype objects, promotion between them, and their numeric limits.

A dtype is one object per type, compared by identity. Promotion is PyTorch's lattice, kept as a
table that is computed once. Nothing here knows tensors; `result_type` takes plain pairs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from facula.late import Late

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class dtype:
    """The type of the elements of a tensor; each type is one object.

    `itemsize` is in bytes; `is_floating_point`, `is_complex` and `is_signed` say what numbers there
    are.

    >>> import facula as torch
    >>> torch.float32, torch.float32.itemsize, torch.float32.is_floating_point
    (torch.float32, 4, True)
    """

    name: str  # as PyTorch writes it: "float32", "bool"
    short: str  # as kernels write it: "f32", "bool"
    itemsize: int  # bytes
    kind: str  # "b" bool, "u" unsigned, "i" signed, "f" floating, "c" complex
    index: int  # position in DTYPES
    is_floating_point: bool
    is_signed: bool
    is_complex: bool

    @property
    def numpy(self) -> "np.dtype | None":
        """NumPy's dtype; None for bfloat16 and complex32, which NumPy lacks. facula's own.

        >>> import facula
        >>> facula.float32.numpy
        dtype('float32')
        """
        return _numpy_dtypes()[self.index]

    @property
    def word(self) -> str:
        """What PyTorch's older messages call it, "Float" or "UInt16"."""
        return _WORDS[self.name]

    @property
    def abbr(self) -> str:
        """PyTorch's abbreviation of the dtype.

        >>> import facula as torch
        >>> torch.float32.abbr, torch.bool.abbr
        ('f32', 'b8')
        """
        return "b8" if self.kind == "b" else self.short

    def to_complex(self) -> "dtype":
        """The complex dtype whose parts have this precision; complex dtypes stay.

        >>> import facula as torch
        >>> torch.float64.to_complex()
        torch.complex128
        """
        if self.kind == "c":
            return self
        if self not in COMPLEX_OF:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.word}")
        return COMPLEX_OF[self]

    def to_real(self) -> "dtype":
        """The dtype of the parts of a complex dtype; other dtypes stay.

        >>> import facula as torch
        >>> torch.complex64.to_real()
        torch.float32
        """
        if self.kind == "c":
            return REAL_OF[self]
        return self

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> tuple[object, ...]:
        return of_name, (self.name,)


def _make(index: int, name: str, short: str, itemsize: int, kind: str) -> dtype:
    return dtype(name, short, itemsize, kind, index, kind == "f", kind in "ifc", kind == "c")


bool_ = _make(0, "bool", "bool", 1, "b")
uint8 = _make(1, "uint8", "u8", 1, "u")
int8 = _make(2, "int8", "i8", 1, "i")
int16 = _make(3, "int16", "i16", 2, "i")
int32 = _make(4, "int32", "i32", 4, "i")
int64 = _make(5, "int64", "i64", 8, "i")
float16 = _make(6, "float16", "f16", 2, "f")
bfloat16 = _make(7, "bfloat16", "bf16", 2, "f")
float32 = _make(8, "float32", "f32", 4, "f")
float64 = _make(9, "float64", "f64", 8, "f")
complex32 = _make(10, "complex32", "c32", 4, "c")
complex64 = _make(11, "complex64", "c64", 8, "c")
complex128 = _make(12, "complex128", "c128", 16, "c")
uint16 = _make(13, "uint16", "u16", 2, "u")
uint32 = _make(14, "uint32", "u32", 4, "u")
uint64 = _make(15, "uint64", "u64", 8, "u")

DTYPES = (
    bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex32,
    complex64, complex128, uint16, uint32, uint64,
)  # fmt: skip

# Types to keep and exchange numbers in, with little arithmetic. Note [wide unsigned integers].
WIDE = frozenset((uint16, uint32, uint64))

# What a complex number is made of, and what numbers of a kind make.
REAL_OF: Mapping[dtype, dtype] = MappingProxyType(
    {complex32: float16, complex64: float32, complex128: float64}
)
COMPLEX_OF: Mapping[dtype, dtype] = MappingProxyType(
    {float16: complex32, bfloat16: complex64, float32: complex64, float64: complex128}
)

BY_NAME: Mapping[str, dtype] = MappingProxyType({one.name: one for one in DTYPES})

_WORDS = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int",
    "int64": "Long", "float16": "Half", "bfloat16": "BFloat16", "float32": "Float",
    "float64": "Double", "complex32": "ComplexHalf", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
}  # fmt: skip

# PyTorch's second names; "bool" is both the name and the public attribute of bool_.
ALIASES: Mapping[str, dtype] = MappingProxyType(
    {
        "half": float16,
        "float": float32,
        "double": float64,
        "short": int16,
        "int": int32,
        "long": int64,
        "chalf": complex32,
        "cfloat": complex64,
        "cdouble": complex128,
    }
)

# What Python's types of numbers mean as dtypes.
OF_PYTHON: Mapping[type, dtype] = MappingProxyType(
    {float: float64, int: int64, bool: bool_, complex: complex128}
)

# Types that NumPy lacks.
_NO_NUMPY = (bfloat16, complex32)


@cache
def _numpy_dtypes() -> "tuple[np.dtype | None, ...]":
    return tuple(None if one in _NO_NUMPY else np.dtype(one.name) for one in DTYPES)


@cache
def _by_numpy() -> "Mapping[np.dtype, dtype]":
    return {one.numpy: one for one in DTYPES if one.numpy is not None}


def of_name(name: str) -> dtype:
    """The dtype called `name`: "float32", "torch.float32" or an alias such as "long".

    >>> of_name("long")
    torch.int64
    """
    bare = name.removeprefix("torch.")
    found = BY_NAME.get(bare) or ALIASES.get(bare)
    if found is None:
        raise ValueError(f"unknown dtype {name!r}; known: {', '.join((*BY_NAME, *ALIASES))}")
    return found


def of_numpy(numpy: "np.dtype") -> dtype:
    """The dtype of the elements of a NumPy array in native byte order.

    >>> of_numpy(np.dtype("int16"))
    torch.int16
    """
    found = _by_numpy().get(numpy)
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type {_numpy_name(numpy)}. The only supported types are: "
            "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, "
            "uint32, uint16, uint8, and bool."
        )
    return found


def _numpy_name(numpy: "np.dtype") -> str:
    if not numpy.isnative:
        return f"{numpy.str} (not in native byte order)"
    return f"numpy.{numpy.type.__name__}"


# --- promotion -----------------------------------------------------------------------------------


def _promote(a: dtype, b: dtype) -> dtype | None:
    """PyTorch's lattice; with `a` before `b` in DTYPES two meets are not simply `b`.

    None where there is no meet: wide unsigned integers meet floats only.
    """
    if a.index > b.index:
        a, b = b, a
    if b in WIDE and a is not b:
        return a if a.kind == "f" else None
    if a is uint8 and b is int8:
        return int16  # the smallest type that holds both ranges
    if a is float16 and b is bfloat16:
        return float32  # neither holds the other
    if b.kind == "c" and a.kind == "f":
        return max(b, COMPLEX_OF[a], key=_place)
    return b


def _place(one: dtype) -> int:
    return one.index


_PROMOTION = tuple(tuple(_promote(a, b) for b in DTYPES) for a in DTYPES)


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both dtypes convert to. Raises TypeError for what is no dtype.

    >>> import facula as torch
    >>> torch.promote_types(torch.uint8, torch.int8)
    torch.int16
    """
    for position, given in enumerate((type1, type2), 1):
        if not isinstance(given, dtype):
            raise TypeError(
                f"promote_types(): argument 'type{position}' (position {position}) must be "
                f"torch.dtype, not {type(given).__name__}"
            )
    return _meet(type1, type2)


def _meet(a: dtype, b: dtype) -> dtype:
    found = _PROMOTION[a.index][b.index]
    if found is None:
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{a.word} and {b.word}"
        )
    return found


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether PyTorch converts the first dtype to the second silently, as when writing to `out=`.

    >>> import facula as torch
    >>> torch.can_cast(torch.float32, torch.int64), torch.can_cast(torch.int64, torch.float32)
    (False, True)
    """
    if from_.kind == "c" and to.kind != "c":
        return False
    if from_.kind == "f" and to.kind not in "fc":
        return False
    return not (from_.kind != "b" and to.kind == "b")


_Level = dtype | None


def result_type(operands: Iterable[tuple[dtype, int | None]]) -> dtype:
    """The dtype an operation computes in; operands are (dtype, ndim), ndim None for a scalar.

    Tensors with dimensions decide before 0-d tensors, and those before Python scalars. A later
    group counts only when its category (bool < integer < floating < complex) is higher.

    >>> result_type([(int32, 2), (float64, 0), (float32, None)])
    torch.float64
    """
    dimensioned: _Level = None
    zero_dim: _Level = None
    scalar: _Level = None
    for given, ndim in operands:
        if ndim is None:
            if given.kind in "fc":
                given = _default if given.kind == "f" else COMPLEX_OF[_default]
            scalar = _join(scalar, given)
        elif ndim > 0:
            dimensioned = _join(dimensioned, given)
        else:
            zero_dim = _join(zero_dim, given)
    result = _combine(dimensioned, _combine(zero_dim, scalar))
    if result is None:
        raise RuntimeError("result_type() needs at least one operand")
    return result


def _join(a: _Level, b: _Level) -> _Level:
    if a is None or b is None:
        return b if a is None else a
    return _meet(a, b)


def _combine(higher: _Level, lower: _Level) -> _Level:
    """The higher priority wins, unless the lower one has the higher category."""
    if higher is None or lower is None:
        return _join(higher, lower)
    if higher.kind == "c":
        return higher
    if higher.kind == "f":
        # A complex number beside floats: the complex dtype of their precision.
        return COMPLEX_OF[higher] if lower.kind == "c" else higher
    if higher.kind != "b" and lower.kind not in "fc":
        return higher
    if higher in WIDE:
        return lower
    return _meet(higher, lower)


# --- default dtype and Python scalars ------------------------------------------------------------

_default = float32


def get_default_dtype() -> dtype:
    """The floating dtype that Python floats become.

    >>> import facula as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default


def set_default_dtype(d: dtype) -> None:
    """Sets the floating dtype that Python floats become, float32 at first.

    Raises TypeError for what is no floating point dtype.

    >>> import facula as torch
    >>> torch.set_default_dtype(torch.float64)
    >>> torch.tensor(0.5).dtype
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    global _default
    if not isinstance(d, dtype):
        raise TypeError(
            "invalid dtype object: only floating-point types are supported as the default type"
        )
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


def check_int(value: int) -> None:
    """Raises PyTorch's error for an int that neither int64 nor uint64 holds.

    >>> check_int(2**64 - 1)
    """
    if not -(2**63) <= value < 2**64:
        raise OverflowError(
            "can't convert negative int to unsigned" if value < 0 else "int too big to convert"
        )


def of_scalar(value: object) -> dtype:
    """The dtype of a Python bool, int, float or complex.

    >>> of_scalar(True), of_scalar(2), of_scalar(2.5), of_scalar(1j)
    (torch.bool, torch.int64, torch.float32, torch.complex64)
    """
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    if isinstance(value, float):
        return _default
    if isinstance(value, complex):
        return COMPLEX_OF[_default]
    raise TypeError(f"expected a Python bool, int, float or complex, got {type(value).__name__}")


# --- limits --------------------------------------------------------------------------------------

# (bits of the fraction, largest exponent, decimal digits) of each binary format
_FORMATS = {
    float16: (10, 15, 3),
    bfloat16: (7, 127, 2),
    float32: (23, 127, 6),
    float64: (52, 1023, 15),
}


class finfo:
    """The numeric limits of a floating dtype; the default dtype when none is given.

    `bits`, `eps` (from 1 to the next number), `max`, `min`, `tiny` or `smallest_normal`,
    `resolution`. Raises TypeError for a dtype that is not floating.

    >>> import facula as torch
    >>> torch.finfo(torch.float32).eps
    1.1920928955078125e-07
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: dtype | None = None) -> None:
        given = _default if type is None else REAL_OF.get(type, type)
        if given not in _FORMATS:
            raise TypeError(
                "torch.finfo() requires a floating point input type. "
                "Use torch.iinfo to handle 'torch.finfo'"
            )
        fraction, exponent, digits = _FORMATS[given]
        self.bits = 8 * given.itemsize
        self.eps = 2.0**-fraction
        self.max = (2.0 - 2.0**-fraction) * 2.0**exponent
        self.min = -self.max
        self.smallest_normal = self.tiny = 2.0 ** (1 - exponent)
        self.resolution = float(f"1e-{digits}")
        self.dtype = given.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((finfo, self.dtype))

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """The numeric limits of an integer dtype: `bits`, `min` and `max`.

    Raises TypeError for a dtype that is not of integers.

    >>> import facula as torch
    >>> torch.iinfo(torch.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: dtype) -> None:
        if type is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if not isinstance(type, dtype) or type.kind in "fc":
            raise TypeError(
                "torch.iinfo() requires an integer input type. "
                "Use torch.finfo to handle 'torch.iinfo'"
            )
        self.bits = 8 * type.itemsize
        self.max = 2 ** (self.bits - type.is_signed) - 1
        self.min = -self.max - 1 if type.is_signed else 0
        self.dtype = type.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((iinfo, self.dtype))

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
