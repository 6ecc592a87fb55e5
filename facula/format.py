"""The text of a tensor, character by character as PyTorch prints it.

Works on a NumPy array and plain words; the tensor that is printed is not known here. All numbers
shown share one column format, chosen from the values shown: `_Column`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, TypeAlias

from facula.late import Late
from facula.meta.dtype import (
    bool_,
    complex64,
    complex128,
    dtype,
    float64,
    get_default_dtype,
    int64,
)

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

PREFIX = "tensor("


@dataclass(frozen=True, slots=True)
class Options:
    """How tensors are printed; see `set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=inf),
}

_options = Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are printed; what is not given stays, but for sci_mode.

    precision: digits after the point. threshold: more elements than this are summarised, to
    `edgeitems` at either end of a dimension. linewidth: characters a line. profile: "default",
    "short" or "full". sci_mode: scientific notation always, never, or (None) where it is needed.
    Raises ValueError for another profile.

    >>> import facula as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([1 / 3])
    tensor([0.33])
    >>> torch.set_printoptions(profile="default")
    """
    global _options
    start = _options
    if profile is not None:
        if profile not in PROFILES:
            raise ValueError(f"expected profile 'default', 'short' or 'full', got {profile!r}")
        start = PROFILES[profile]
    _options = Options(
        start.precision if precision is None else precision,
        start.threshold if threshold is None else threshold,
        start.edgeitems if edgeitems is None else edgeitems,
        start.linewidth if linewidth is None else linewidth,
        sci_mode,
    )


def get_printoptions() -> dict[str, object]:
    """The options in force, by name.

    >>> get_printoptions()["precision"]
    4
    """
    return asdict(_options)


@contextmanager
def printoptions(**changes: object) -> Iterator[None]:
    """The options changed for the length of a `with` block."""
    global _options
    before = _options
    set_printoptions(**{**get_printoptions(), **changes})  # type: ignore[arg-type]
    try:
        yield
    finally:
        _options = before


def tensor_str(
    values: "np.ndarray",
    dtype: dtype,
    shape: Sequence[int],
    *,
    suffixes: Iterable[str] = (),
    leading: Iterable[str] = (),
) -> str:
    """The text "tensor(..., dtype=...)" of `values`, with bfloat16 values widened to float32.

    `suffixes` such as "requires_grad=True" follow the dtype; `leading`, such as
    "device='cuda:0'", come before it.

    >>> tensor_str(np.array([1.5, 2.0]), get_default_dtype(), (2,))
    'tensor([1.5000, 2.0000])'
    """
    words = list(leading)
    if values.size == 0:
        text = "[]"
        if len(shape) != 1:
            words.append(f"size={tuple(shape)}")
        named = dtype is not get_default_dtype()  # [] alone looks like torch.tensor([])
    else:
        text = _body(values.reshape(tuple(shape)), _options)
        if _options.edgeitems == 0:  # torch's rule, even where nothing was left out
            words.append(f"size={tuple(shape)}")
        named = dtype not in _unnamed()
    if named:
        words.append(f"dtype={dtype}")
    return _with_words(PREFIX + text, [*words, *suffixes], _options) + ")"


def _unnamed() -> tuple[dtype, ...]:
    """The dtypes that numbers alone tell."""
    default = get_default_dtype()
    return default, complex128 if default is float64 else complex64, int64, bool_


def _with_words(text: str, words: list[str], options: Options) -> str:
    """Words after commas, on the last line of the text as long as they fit there."""
    # torch's count starts two too high: the closing bracket and the comma still fit
    used = len(text) - text.rfind("\n") + 1
    for word in words:
        if used + len(word) + 2 > options.linewidth:
            text += ",\n" + " " * len(PREFIX) + word
            used = len(PREFIX) + len(word)
        else:
            text += ", " + word
            used += len(word) + 2
    return text


# --- numbers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """How every number of a tensor is written: the format and the width they share."""

    width: int
    spec: str  # "" for str(), else a float format
    point: bool = False  # whole floats are written "3."

    def write(self, value: float) -> str:
        text = format(value, self.spec) if self.spec else str(value)
        if self.point and isfinite(value):
            text += "."
        return text.rjust(self.width)


@dataclass(frozen=True, slots=True)
class _ComplexColumn:
    """How complex numbers are written: a column for either part."""

    real: _Column
    imag: _Column

    @property
    def width(self) -> int:
        return self.real.width + self.imag.width + 1

    def write(self, value: complex) -> str:
        imag = (self.imag.write(value.imag) + "j").lstrip()
        return self.real.write(value.real) + ("" if imag[0] in "+-" else "+") + imag


def _column(values: "np.ndarray", options: Options) -> "_Column | _ComplexColumn":
    """The column for these values."""
    if values.dtype.kind == "c":
        return _ComplexColumn(
            _real_column(values.real, options), _real_column(values.imag, options)
        )
    return _real_column(values, options)


def _real_column(values: "np.ndarray", options: Options) -> _Column:
    """The column for real values; zeros, infinities and NaN have no say in it."""
    if values.dtype.kind != "f":
        return _Column(max(map(len, map(str, values.ravel().tolist())), default=0), "")
    wide = values.astype(np.float64).ravel()
    telling = wide[np.isfinite(wide) & (wide != 0)]
    if telling.size == 0:
        return _Column(1, ".0f", point=True)
    column = _float_column(telling, options)
    return replace(column, width=max(len(column.write(value)) for value in telling.tolist()))


_AnyColumn: TypeAlias = _Column | _ComplexColumn


def _float_column(telling: "np.ndarray", options: Options) -> _Column:
    magnitudes = np.abs(telling)
    smallest, largest = float(magnitudes.min()), float(magnitudes.max())
    scientific = options.sci_mode
    if scientific is None:
        scientific = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
    if scientific:
        return _Column(0, f".{options.precision}e")
    if bool(np.all(telling == np.ceil(telling))):
        return _Column(0, ".0f", point=True)
    return _Column(0, f".{options.precision}f")


# --- brackets and lines --------------------------------------------------------------------------


def _body(values: "np.ndarray", options: Options) -> str:
    """The numbers in nested brackets, the part between "tensor(" and the words."""
    summarised = values.size > options.threshold
    edge = options.edgeitems if summarised else values.size
    column = _column(_shown(values, edge) if summarised else values, options)
    return _nested(values, len(PREFIX), column, edge, options)


def _shown(values: "np.ndarray", edge: int) -> "np.ndarray":
    """The elements that a summary shows."""
    for dim, size in enumerate(values.shape):
        if size > 2 * edge:
            # Slices, for `take` would copy the whole: an expanded tensor may be beyond memory.
            whole = [slice(None)] * dim
            ends = (slice(edge), slice(size - edge, size))
            values = np.concatenate([values[(*whole, end)] for end in ends], axis=dim)
    return values


def _nested(
    values: "np.ndarray", indent: int, column: _AnyColumn, edge: int, options: Options
) -> str:
    if values.ndim == 0:
        return column.write(values.item())
    if values.ndim == 1:
        return _row(values, indent, column, edge, options)
    size = len(values)
    if size > 2 * edge:
        parts = [_nested(part, indent + 1, column, edge, options) for part in values[:edge]]
        parts.append("...")
        last = values[size - edge :]
        parts += [_nested(part, indent + 1, column, edge, options) for part in last]
    else:
        parts = [_nested(part, indent + 1, column, edge, options) for part in values]
    between = "," + "\n" * (values.ndim - 1) + " " * (indent + 1)
    return f"[{between.join(parts)}]"


def _row(values: "np.ndarray", indent: int, column: _AnyColumn, edge: int, options: Options) -> str:
    size = len(values)
    if edge == 0:
        words = ["..."]
    elif size > 2 * edge:
        words = [column.write(value) for value in values[:edge].tolist()]
        words.append(" ...")
        words += [column.write(value) for value in values[size - edge :].tolist()]
    else:
        words = [column.write(value) for value in values.tolist()]
    per_line = max(1, (options.linewidth - indent) // (column.width + 2))
    lines = [", ".join(words[at : at + per_line]) for at in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
