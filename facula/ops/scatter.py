"""Gather and scatter: elements read, written and combined by an index for each of them."""

from facula.autograd.mode import mode
from facula.dispatch import (
    check_base_of_view,
    check_inplace,
    check_writable_memory,
    copy_of,
    overlaps,
    refuse_overlap,
)
from facula.dispatch.parts import refuse_complex
from facula.launch.indirect import access, as_index, check_index
from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry
from facula.tensor import Tensor, empty

# What combines, and its unit where a number is one.
WAYS: dict[str, tuple[str, float | None]] = {
    "sum": ("add", 0), "prod": ("mul", 1), "mean": ("add", 0), "amax": ("max", None),
    "amin": ("min", None),
}


def _lines(self, dim, index):
    """Strides and index operand for gather and scatter: dim moves by the index, others plainly."""
    strides = [0 if d == dim else s for d, s in enumerate(self.form.strides)]
    return strides, [(as_index(index), self.form.shape[dim], self.form.strides[dim], dim)]


def _check_gather(name, self, dim, index, source=None):
    check_index(name, index)
    ndim = max(self.form.ndim, 1)
    if index.form.numel and max(index.form.ndim, 1) != ndim:
        word = "self" if name.startswith("scatter") else "input"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {word} tensor")
    if source is not None and index.form.numel and max(source.form.ndim, 1) != ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    for d, (n, limit) in enumerate(zip(index.form.shape, self.form.shape, strict=False)):
        if d != dim and n > limit and index.form.numel:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.form.shape)} to "
                f"be no larger than self {list(self.form.shape)} apart from dimension {dim}"
            )


@operation("gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False, "
           "Tensor(a!)? out=None) -> Tensor")
def gather(self, dim, index, *, sparse_grad=False):
    """y[i][j] = self[index[i][j]][j] for dim 0, and so on."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_gather("gather", self, dim, index)
    y = empty(self.form.dtype, index.form.shape)
    if self.form.ndim == 0:
        self, index, y_flat = self.reshape(1), index.reshape(-1), y.reshape(-1)
    else:
        y_flat = y
    strides, laid = _lines(self, dim, index)
    access("take", y_flat, self, strides, laid, y_flat.form.shape, positive=True)
    return y


gather.tensor_names = ("self",)


@gather.gradient
def _(g, self_form, dim, index):
    return g.new_zeros(self_form.shape).scatter_add_(dim, index, g)


def _scatter(mode, self, dim, index, src, into=None):
    """Combines src into `into`, a copy of self if not given."""
    dim = wrap_dim(dim, self.form.ndim)
    _check_gather("scatter", self, dim, index, src)
    if src.form.dtype is not self.form.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    y = copy_of(self) if into is None else into
    shape = index.form.shape
    if src.form.ndim:
        for d, (n, limit) in enumerate(zip(shape, src.form.shape, strict=True)):
            if n > limit:
                raise RuntimeError(
                    f"Expected index {list(shape)} to be no larger than self "
                    f"{list(self.form.shape)} apart from dimension {dim} and to be no larger size "
                    f"than src {list(src.form.shape)}"
                )
            if limit > n:
                src = src.narrow(d, 0, n)
    target = y.reshape(1) if y.form.ndim == 0 else y
    if y.form.ndim == 0:
        index, src, shape = index.reshape(-1), src.reshape(-1), (index.form.numel,)
    strides, laid = _lines(target, dim, index)
    access(mode, src, target, strides, laid, shape, positive=True)
    return y


@operation("scatter_src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor")
def scatter_src(self, dim, index, src):
    """A copy of self with src written at index along dim."""
    return _scatter("put", self, dim, index, src)


scatter_src.tensor_names = ("self", "src")
scatter_src.node_name = "ScatterBackward0"


@scatter_src.gradient
def _(g, dim, index, src_form, needs):
    kept = registry["scatter"].function(g, dim, index, 0) if needs[0] else None
    passed = None
    if needs[1]:
        passed = g.gather(dim, index)
        if passed.form.shape != src_form.shape:
            whole = g.new_zeros(src_form.shape)
            part = whole
            for d, n in enumerate(passed.form.shape):
                part = part.narrow(d, 0, n)
            if src_form.ndim:
                part.copy_(passed)
                passed = whole
            else:
                passed = passed.sum()
    return kept, passed


@operation("scatter_add(Tensor self, int dim, Tensor index, Tensor src, *, Tensor(a!)? out=None) "
           "-> Tensor")
def scatter_add(self, dim, index, src):
    """A copy of self with src added at index along dim, in row-major order."""
    return _scatter("add", self, dim, index, src)


scatter_add.tensor_names = ("self", "src")


@scatter_add.gradient
def _(g, dim, index, src_form, needs):
    passed = None
    if needs[1]:
        passed = g.gather(dim, index)
        if passed.form.shape != src_form.shape:
            whole = g.new_zeros(src_form.shape)
            part = whole
            for d, n in enumerate(passed.form.shape):
                part = part.narrow(d, 0, n)
            part.copy_(passed)
            passed = whole
    return g if needs[0] else None, passed


@operation("scatter_combined(Tensor self, int dim, Tensor index, Tensor src, str way) -> Tensor")
def scatter_combined(self, dim, index, src, way):
    """A copy of self with src combined at index along dim: mul, max or min."""
    return _scatter(way, self, dim, index, src)


scatter_combined.namespace, scatter_combined.method = "internal", False
scatter_combined.tensor_names = ("self", "src")
scatter_combined.node_name = "ScatterReduceBackward0"


@scatter_combined.gradient
def _(g, self, dim, index, src, way, y):
    source = src
    for d, n in enumerate(index.form.shape):
        source = source.narrow(d, 0, n) if src.form.ndim else source
    if way == "mul":
        mine, theirs = _product_gradients(g, self, dim, index, source)
    else:
        at = y.gather(dim, index)
        kept, chosen = (self == y).to(g.dtype), (source == at).to(g.dtype)
        share = g / kept.scatter_add(dim, index, chosen)
        mine, theirs = kept * share, chosen * share.gather(dim, index)
    if theirs.form.shape != src.form.shape:
        whole = g.new_zeros(src.form.shape)
        part = whole
        for d, n in enumerate(index.form.shape):
            part = part.narrow(d, 0, n)
        part.copy_(theirs)
        theirs = whole
    return mine, theirs


def _product_gradients(g, self, dim, index, source):
    """Each factor's gradient is the product of the others: what is not 0 divides, one 0 among them
    has all of the rest, and two leave nothing."""
    where = registry["where"].function
    others, factors = where(self == 0, 1, self), where(source == 0, 1, source)
    product = scatter_combined.function(others, dim, index, factors, "mul") * g
    zeros = (self == 0).to(g.dtype).scatter_add(dim, index, (source == 0).to(g.dtype))
    at, many = product.gather(dim, index), zeros.gather(dim, index)
    mine = where(zeros == (self == 0).to(g.dtype), product / others, 0)
    theirs = where(many == (source == 0).to(g.dtype), at / factors, 0)
    return mine, theirs


@composite((
    "scatter.value(Tensor self, int dim, Tensor index, Scalar value, *, Tensor(a!)? out=None) -> "
    "Tensor",
    "scatter.src(Tensor self, int dim, Tensor index, Tensor src, *, Tensor(a!)? out=None) -> "
    "Tensor",
    "scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce, Tensor(a!)? "
    "out=None) -> Tensor",
    "scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce, "
    "Tensor(a!)? out=None) -> Tensor",
))
def scatter(self, dim, index, src=None, *, value=None, reduce=None):
    """A copy of self with src (a tensor or a number) written at index along dim.

    index, int64, is nowhere larger than src, nor than self but in dim; the result has the shape of
    self. Raises RuntimeError for others or an index that is not there.
    """
    src = _scattered(self, index, value if src is None else src)
    if reduce is None:
        return registry["scatter_src"].function(self, dim, index, src)
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if reduce == "add":
        return registry["scatter_add"].function(self, dim, index, src)
    if self.needs_grad or src.needs_grad:
        raise NotImplementedError("scatter(): gradients of reduce='multiply' are not defined")
    return _scatter("mul", self, dim, index, src)


SCATTERS = {None: "put", "add": "add", "multiply": "mul"}


def _scattered(self, index, src):
    """What is scattered as a tensor of the index's dims."""
    if not isinstance(src, Tensor):
        src = registry["full"].function((), src if index.form.numel else 0, dtype=self.form.dtype)
    return src.expand(index.form.shape) if src.form.ndim == 0 and self.form.ndim else src


@composite((
    "scatter_.src(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)",
    "scatter_.value(Tensor(a!) self, int dim, Tensor index, Scalar value) -> Tensor(a!)",
    "scatter_.reduce(Tensor(a!) self, int dim, Tensor index, Tensor src, *, str reduce) -> "
    "Tensor(a!)",
    "scatter_.value_reduce(Tensor(a!) self, int dim, Tensor index, Scalar value, *, str reduce) "
    "-> Tensor(a!)",
))
def scatter_(self, dim, index, src=None, *, value=None, reduce=None):
    """In-place form of scatter.

    index, int64, is nowhere larger than src, nor than self but in dim; the result has the shape of
    self. Raises RuntimeError for others or an index that is not there.
    """
    check_inplace(self)
    check_base_of_view(self)
    if reduce not in SCATTERS:
        raise RuntimeError("reduce argument must be either add or multiply.")
    src = _scattered(self, index, value if src is None else src)
    if _is_recorded(self, src):
        return self.copy_(scatter.forward(self, dim, index, src, reduce=reduce))
    return _write(SCATTERS[reduce], self, dim, index, src)


@composite("scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)")
def scatter_add_(self, dim, index, src):
    """In-place form of scatter_add.

    index, int64, is nowhere larger than src, nor than self but in dim; the result has the shape of
    self. Raises RuntimeError for others or an index that is not there.
    """
    check_inplace(self)
    check_base_of_view(self)
    if _is_recorded(self, src):
        return self.copy_(self.scatter_add(dim, index, src))
    return _write("add", self, dim, index, src)


def _is_recorded(self, src):
    """Whether a graph must see a write of src into self."""
    base = self.base
    wanted = self.needs_grad or src.needs_grad or (base is not None and base.needs_grad)
    return mode.enabled and wanted


def _write(way, self, dim, index, src):
    """Scatters into self itself: places that no index names are not touched."""
    check_writable_memory(self.form)
    for one in (index, src):
        shared = one.block is self.block and one.form.numel
        if shared and (overlaps(self, one) or one.form is self.form):
            refuse_overlap(self, one)
    _scatter(way, self, dim, index, src, self)
    self.block.version += 1
    return self


@composite("scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, "
           "bool include_self=True, Tensor(a!)? out=None) -> Tensor")
def scatter_reduce(self, dim, index, src, reduce, *, include_self=True):
    """A copy of self with src combined at index along dim: sum, prod, mean, amax, amin.

    Without include_self, places that src reaches forget what they held.

    index, int64, is nowhere larger than src, nor than self but in dim; the result has the shape of
    self. Raises RuntimeError for others or an index that is not there.
    """
    if reduce not in WAYS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if reduce in ("amax", "amin"):
        kernel = f"scatter_gather_tensor_cpu_reduce_{reduce}"
        refuse_complex(self, f"\"{kernel}\" not implemented for '{{}}'")
    way, unit = WAYS[reduce]
    x = self
    if not include_self:
        if unit is None:
            unit = _limit(self.form.dtype, way)
        x = self.scatter(dim, index, unit)
    if way != "add":
        return scatter_combined.function(x, dim, index, src, way)
    y = x.scatter_add(dim, index, src)
    if reduce == "sum" or not y.form.numel:
        return y
    ones = registry["ones"].function(index.form.shape, dtype=dtypes.int64)
    counts = ones.new_zeros(self.form.shape).scatter_add(dim, index, ones)
    counts = counts + 1 if include_self else counts.clamp_min(1)
    if y.form.tracked:
        return y / counts
    return y.div(counts, rounding_mode="floor").to(y.form.dtype)


def _limit(dtype, way):
    """What every element is at least, for the largest, or at most."""
    if dtype is dtypes.bool_:
        return way == "min"
    if dtype.is_floating_point:
        return -float("inf") if way == "max" else float("inf")
    limits = dtypes.iinfo(dtype)
    return limits.min if way == "max" else limits.max


@composite("scatter_reduce_(Tensor(a!) self, int dim, Tensor index, Tensor src, str reduce, *, "
           "bool include_self=True) -> Tensor(a!)")
def scatter_reduce_(self, dim, index, src, reduce, *, include_self=True):
    """In-place form of scatter_reduce.

    index, int64, is nowhere larger than src, nor than self but in dim; the result has the shape of
    self. Raises RuntimeError for others or an index that is not there.
    """
    check_inplace(self)
    check_base_of_view(self)
    # A copy: gradients read what self held.
    before = self.clone() if _is_recorded(self, src) else self
    return self.copy_(before.scatter_reduce(dim, index, src, reduce, include_self=include_self))


registry["scatter_src"].namespace, registry["scatter_src"].method = "internal", False
# Forms alone decide what it comes to: one launch, in the common cases.
registry["gather"].is_launch = True

# torch's names of operations without names of dimensions (Note [named tensors]).
registry["scatter"].names("scatter.src")
for _key in ("scatter_reduce", "scatter_reduce_"):
    registry[_key].names(f"{_key}.two")
