"""Form: dtype, device, shape and strides of a tensor as one shared object.

Forms are interned: tensors that agree in all of these hold the same object, so that comparing two
tensors' layouts is one identity test, and launches are cached by form. Note [hot path].
"""

from collections.abc import Callable

from facula.backend.cpu import machine
from facula.meta.device import device
from facula.meta.dtype import WIDE, dtype
from facula.meta.geometry import Geometry, contiguous_strides
from facula.meta.shape import Size

CPU = device("cpu")


class Seen:
    """What forms there have been: roads that plain tensors never need are looked for only then."""

    __slots__ = ("complex", "lazy", "wide")

    def __init__(self) -> None:
        self.complex = self.lazy = self.wide = False


seen = Seen()
# Called when there is a tensor of wide unsigned integers. Note [wide unsigned integers].
when_wide_begins: list[Callable[[], None]] = []
memory = machine.memory


# Kinds of elements that generated code reads (Note [generated objects]).
SINGLES = ("bool", "u8", "i8", "i16", "i32", "i64", "f32", "f64")


class Form:
    """Everything about a tensor but its storage, its place in it, and its autograd state."""

    __slots__ = (
        "dtype", "device", "shape", "strides", "numel", "ndim", "itemsize", "nbytes", "contiguous",
        "dense", "pool", "kind", "suggests_last", "tracked", "single", "lazy", "names", "plain",
    )  # fmt: skip

    def __init__(self, dtype: dtype, shape: Size, strides: tuple[int, ...], lazy: str = "") -> None:
        if dtype.index == -1:
            raise NotImplementedError(f"{dtype} is a name only: facula has no tensors of it")
        geometry = Geometry(shape, strides, 0)
        self.dtype = dtype
        self.device = CPU
        self.shape = shape
        self.strides = strides
        self.numel = shape.numel()
        if min(shape, default=0) < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
            )
        if self.numel >= 2**63:
            raise RuntimeError("numel: integer multiplication overflow")
        self.ndim = len(shape)
        self.itemsize = dtype.itemsize
        self.nbytes = self.numel * dtype.itemsize
        self.contiguous = geometry.is_contiguous()
        self.dense = geometry.is_dense()
        self.pool = memory.pool(self.nbytes)
        self.kind = dtype.short
        self.suggests_last = geometry.suggests_channels_last()
        # Whether gradients can flow through tensors of this form.
        self.tracked = dtype.kind in "fc"
        # How the value of a tensor of one element is read: a place in SINGLES; 0 of others.
        alone = self.numel == 1 and dtype.short in SINGLES and not lazy
        self.single = SINGLES.index(dtype.short) + 1 if alone else 0
        # What memory holds instead of the elements: "conj" their conjugates, "neg" their negatives.
        self.lazy = lazy
        seen.complex = seen.complex or dtype.is_complex
        seen.lazy = seen.lazy or lazy != ""
        if not seen.wide and dtype in WIDE:
            seen.wide = True
            for begin in when_wide_begins:
                begin()
        # Names of dimensions, and the form without them: itself for nearly all.
        self.names: tuple[str | None, ...] | None = None
        self.plain = self

    def __repr__(self) -> str:
        more = f", {self.lazy}" if self.lazy else ""
        more += "" if self.names is None else f", names {self.names}"
        return f"Form({self.dtype}, {tuple(self.shape)}, strides {self.strides}{more})"

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.shape, self.strides, 0)

    def with_dtype(self, dtype: dtype) -> "Form":
        return form_of(dtype, self.shape, self.strides)

    def with_lazy(self, lazy: str) -> "Form":
        """The same layout whose memory is read otherwise. Note [complex numbers]."""
        if lazy == self.lazy:
            return self
        if not lazy:
            return form_of(self.dtype, self.shape, self.strides)
        key = (self.dtype, self.shape, self.strides, lazy)
        form = _lazy_forms.get(key)
        if form is None:
            form = _lazy_forms[key] = Form(self.dtype, self.shape, self.strides, lazy)
        return form


_forms: dict[tuple[dtype, tuple[int, ...], tuple[int, ...] | None], Form] = {}
_lazy_forms: dict[tuple[dtype, Size, tuple[int, ...], str], Form] = {}
# Beyond this many the table starts anew: identity only saves time, equality of content decides.
LIMIT = 200_000


def form_of(dtype: dtype, shape: tuple[int, ...], strides: tuple[int, ...] | None = None) -> Form:
    """The form with this dtype, shape and strides (None: contiguous)."""
    form = _forms.get((dtype, shape, strides))
    if form is None:
        if len(_forms) > LIMIT:
            _forms.clear()
        size = Size(shape)
        exact = contiguous_strides(size) if strides is None else tuple(strides)
        form = _forms.get((dtype, size, exact))
        if form is None:
            form = _forms[dtype, size, exact] = Form(dtype, size, exact)
        _forms[dtype, size, strides] = form
    return form


# Forms with names of dimensions: empty until a tensor has some, which plain roads ask for nothing.
named_forms: dict[tuple[Form, tuple[str | None, ...]], Form] = {}
# Called before the first of them is made.
when_names_begin: list[Callable[[], None]] = []


def with_names(form: Form, names: tuple[str | None, ...] | None) -> Form:
    """The form whose dimensions have these names; the plain one if that is none. Note [named
    tensors]."""
    plain = form.plain
    if names is None or not any(names):
        return plain
    named = named_forms.get((plain, names))
    if named is None:
        named = Form(plain.dtype, plain.shape, plain.strides, plain.lazy)
        named.names, named.plain = names, plain
        if len(named_forms) > LIMIT:
            named_forms.clear()
        if not named_forms:
            for begin in when_names_begin:
                begin()
        named_forms[plain, names] = named
    return named
