"""Selection along one dimension by index: read, added, copied, filled."""

from facula.autograd.mode import mode
from facula.dispatch import (
    check_base_of_view,
    check_inplace,
    check_writable_memory,
    copy_of,
    dtype_word,
)
from facula.launch.indirect import access, as_index, check_index
from facula.meta import names
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry
from facula.tensor import Tensor, empty


@operation("index_select(Tensor self, int dim, Tensor index, *, Tensor(a!)? out=None) -> Tensor")
def index_select(self, dim, index):
    """The given indices of one dimension, in the given order."""
    dim = wrap_dim(dim, self.form.ndim)
    if index.form.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.form.kind not in ("i64", "i32"):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    source = self if self.form.ndim else self.reshape(1)
    shape = list(source.form.shape)
    shape[dim] = index.form.numel
    y = empty(self.form.dtype, tuple(shape))
    strides = [0 if d == dim else s for d, s in enumerate(source.form.strides)]
    wide = as_index(index).reshape((-1,) + (1,) * (len(shape) - dim - 1))
    if index.form.numel and source.form.shape[dim] == 0:
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    moved = (wide, source.form.shape[dim], source.form.strides[dim], dim)
    try:
        access("take", y, source, strides, [moved], shape, positive=True)
    except RuntimeError:
        raise IndexError("index out of range in self") from None
    return y if self.form.ndim else y.reshape(())


index_select.tensor_names = ("self",)


@index_select.gradient
def _(g, self_form, dim, index):
    return g.new_zeros(self_form.shape).index_add_(dim, index, g)


@operation("index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1, "
           "Tensor(a!)? out=None) -> Tensor")
def index_add(self, dim, index, source, *, alpha=1):
    """A copy of self with alpha * source added at the given indices of one dimension."""
    return _added(self, dim, index, source, alpha)


def _added(self, dim, index, source, alpha, into=None):
    """Adds to `into`, a copy of self if not given."""
    dim = wrap_dim(dim, self.form.ndim)
    check_index("index_add", index)
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            f"index_add_(): self ({dtype_word(self.form.dtype)}) and source "
            f"({dtype_word(source.form.dtype)}) must have the same scalar type"
        )
    if index.form.numel != (source.form.shape[dim] if source.form.ndim else 1):
        if not source.form.ndim:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.form.numel}) should be equal to "
            f"source.size(dim): ({source.form.shape[dim] if source.form.ndim else 1}), for dim: "
            f"{dim}"
        )
    kept = source.form.shape[:dim] + source.form.shape[dim + 1 :]
    if (
        source.form.ndim != self.form.ndim
        or kept != self.form.shape[:dim] + self.form.shape[dim + 1 :]
    ):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(self.form.shape)} source.shape = {list(source.form.shape)}"
        )
    y = copy_of(self) if into is None else into
    if alpha != 1:
        source = (source * alpha).to(y.form.dtype)
    _along("add", y, dim, index, source)
    return y


def _along(mode, target, dim, index, source, positive=True):
    target = target if target.form.ndim else target.reshape(1)
    source = source if source.form.ndim else source.reshape(1)
    strides = [0 if d == dim else s for d, s in enumerate(target.form.strides)]
    wide = as_index(index).reshape((-1,) + (1,) * (source.form.ndim - dim - 1))
    laid = [(wide, target.form.shape[dim], target.form.strides[dim], dim)]
    access(mode, source, target, strides, laid, source.form.shape, positive=positive)


index_add.tensor_names = ("self", "source")


@index_add.gradient
def _(g, dim, index, alpha, needs, source_form):
    passed = g.index_select(dim, index).reshape(source_form.shape) * alpha if needs[1] else None
    return g if needs[0] else None, passed


@operation("index_copy(Tensor self, int dim, Tensor index, Tensor source, *, Tensor(a!)? out=None) "
           "-> Tensor")
def index_copy(self, dim, index, source):
    """A copy of self with source written at the given indices of one dimension."""
    dim = wrap_dim(dim, self.form.ndim)
    check_index("index_copy", index)
    if self.form.dtype is not source.form.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{dtype_word(self.form.dtype)} and (source) {dtype_word(source.form.dtype)}"
        )
    count = source.form.shape[dim] if source.form.ndim else 1
    if index.form.numel != count:
        raise IndexError(
            f"index_copy_(): Number of indices ({index.form.numel}) should be equal to "
            f"source.size(dim) ({count})"
        )
    kept = source.form.shape[:dim] + source.form.shape[dim + 1 :]
    if source.form.ndim and kept != self.form.shape[:dim] + self.form.shape[dim + 1 :]:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {list(self.form.shape[:dim] + self.form.shape[dim + 1 :])} at dimension "
            f"{dim} and source slice shape: {list(kept)} at dimension 0."
        )
    y = copy_of(self)
    try:
        _along("put", y, dim, index, source)
    except RuntimeError as error:
        raise IndexError(f"index_copy_(): {error}") from None
    return y


index_copy.tensor_names = ("self", "source")


@index_copy.gradient
def _(g, dim, index, needs):
    kept = g.index_fill(dim, index, 0) if needs[0] else None
    return kept, g.index_select(dim, index) if needs[1] else None


@composite((
    "index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
    "index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
))
def index_fill(self, dim, index, value):
    """A copy of self with a number at the given indices of one dimension.

    index (n) or () counts along dim; the result has the shape of self. Raises IndexError for an
    index or dim that is not there, RuntimeError for shapes that do not fit.
    """
    if isinstance(value, Tensor):
        if value.form.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.form.ndim} dimension(s)."
            )
        if value.needs_grad and mode.enabled:
            # A place named twice holds the number once, and so does its gradient.
            size = self.form.shape[wrap_dim(dim, self.form.ndim)] if self.form.ndim else 1
            _check_bounds(index, size)
            index = registry["unique"].function(index.remainder(size) if size else index)
            shape = list(self.form.shape) or [1]
            shape[wrap_dim(dim, self.form.ndim)] = index.form.numel
            spread = value.to(self.form.dtype).expand(shape if self.form.ndim else ())
            return self.index_copy(dim, index, spread)
    return registry["index_fill_plain"].function(self, dim, index, value)


def _check_bounds(index, size):
    outside = index[(index >= size) | (index < -size)]
    if outside.form.numel:
        raise IndexError(f"index {outside[0].item()} is out of bounds for size {size}")


@operation("index_fill_plain(Tensor self, int dim, Tensor index, Any value) -> Tensor")
def index_fill_plain(self, dim, index, value):
    """A copy of self with a number at the given indices of one dimension."""
    y = copy_of(self)
    _fill_along(y, dim, index, value)
    return y


def _fill_along(target, dim, index, value):
    """Writes a number at indices of a dimension of target; no graph."""
    dim = wrap_dim(dim, target.form.ndim)
    check_index("index_fill", index)
    shape = list(target.form.shape) or [1]
    shape[dim] = index.form.numel
    number = (
        value
        if isinstance(value, Tensor)
        else registry["full"].function((), value, dtype=target.form.dtype)
    )
    number = number.detach().to(target.form.dtype).expand(tuple(shape))
    _along("put", target, dim, index, number, False)


index_fill_plain.tensor_names = ("self",)
index_fill_plain.node_name = "IndexFillBackward0"
index_fill_plain.namespace, index_fill_plain.method = "internal", False


@index_fill_plain.gradient
def _(g, dim, index):
    return g.index_fill(dim, index, 0)


def _inplace(name, *arguments):
    def run(self, *args, **kwargs):
        check_inplace(self)
        check_base_of_view(self)
        return self.copy_(registry[name].function(self, *args, **kwargs))

    schemas = [f"{name}_(Tensor(a!) self, {one}) -> Tensor(a!)" for one in arguments]
    composite(schemas, f"In-place form of {name}.")(run)


@composite("index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) "
           "-> Tensor(a!)")
def index_add_(self, dim, index, source, *, alpha=1):
    """In-place form of index_add."""
    check_inplace(self)
    check_base_of_view(self)
    tracked = [one for one in (self, self.base, source) if isinstance(one, Tensor)]
    recorded = mode.enabled and any(one.needs_grad for one in tracked)
    shared = self.block in (source.block, index.block)
    if recorded or shared or self.form.lazy or source.form.lazy:
        return self.copy_(index_add.function(self, dim, index, source, alpha=alpha))
    check_writable_memory(self.form)
    _added(self, dim, index, source, alpha, self)
    self.block.version += 1
    return self


_inplace("index_copy", "int dim, Tensor index, Tensor source")


@composite((
    "index_fill_.int_Tensor(Tensor(a!) self, int dim, Tensor index, Tensor value) -> Tensor(a!)",
    "index_fill_.int_Scalar(Tensor(a!) self, int dim, Tensor index, Scalar value) -> Tensor(a!)",
))
def index_fill_(self, dim, index, value):
    """In-place form of index_fill. Unlike other writes also into a tensor that was expanded."""
    check_inplace(self)
    check_base_of_view(self)
    tracked = [one for one in (self, self.base, value) if isinstance(one, Tensor)]
    recorded = mode.enabled and any(one.needs_grad for one in tracked)
    if recorded or self.form.lazy or (isinstance(value, Tensor) and value.form.ndim):
        return self.copy_(registry["index_fill"].function(self, dim, index, value))
    _fill_along(self, dim, index, value)
    self.block.version += 1
    return self



# Forms alone decide what it comes to: one launch, in the common cases.
registry["index_select"].is_launch = True

# What the dimensions of results are called (Note [named tensors]).
registry["index_fill"].names(names.same)


def _index_fill_with_names(self, dim, index, value):
    return self.copy_(registry["index_fill"].function(self, dim, index, value))


registry["index_fill_"].named_road = _index_fill_with_names
