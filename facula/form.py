"""Form: dtype, device, shape and strides of a tensor as one shared object.

Forms are interned: tensors that agree in all of these hold the same object, so that comparing two
tensors' layouts is one identity test, and launches are cached by form. Note [hot path].
"""

from facula.backend.cpu import machine
from facula.meta.device import device
from facula.meta.dtype import dtype
from facula.meta.geometry import Geometry, contiguous_strides
from facula.meta.shape import Size

CPU = device("cpu")
memory = machine.memory


# Kinds of elements that generated code reads (Note [generated objects]).
SINGLES = ("bool", "u8", "i8", "i16", "i32", "i64", "f32", "f64")


class Form:
    """Everything about a tensor but its storage, its place in it, and its autograd state."""

    __slots__ = (
        "dtype", "device", "shape", "strides", "numel", "ndim", "itemsize", "nbytes", "contiguous",
        "dense", "pool", "kind", "suggests_last", "tracked", "single",
    )  # fmt: skip

    def __init__(self, dtype: dtype, shape: Size, strides: tuple[int, ...]) -> None:
        geometry = Geometry(shape, strides, 0)
        self.dtype = dtype
        self.device = CPU
        self.shape = shape
        self.strides = strides
        self.numel = shape.numel()
        self.ndim = len(shape)
        self.itemsize = dtype.itemsize
        self.nbytes = self.numel * dtype.itemsize
        self.contiguous = geometry.is_contiguous()
        self.dense = geometry.is_dense()
        self.pool = memory.pool(self.nbytes)
        self.kind = dtype.short
        self.suggests_last = geometry.suggests_channels_last()
        # Whether gradients can flow through tensors of this form.
        self.tracked = dtype.is_floating_point
        # How the value of a tensor of one element is read: a place in SINGLES; 0 of others.
        alone = self.numel == 1 and dtype.short in SINGLES
        self.single = SINGLES.index(dtype.short) + 1 if alone else 0

    def __repr__(self) -> str:
        return f"Form({self.dtype}, {tuple(self.shape)}, strides {self.strides})"

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.shape, self.strides, 0)

    def with_dtype(self, dtype: dtype) -> "Form":
        return form_of(dtype, self.shape, self.strides)


_forms: dict[tuple[dtype, tuple[int, ...], tuple[int, ...] | None], Form] = {}
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
