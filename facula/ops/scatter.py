"""Records that combine elements by index: products, means, largest and smallest ones."""

from facula.dispatch.parts import refuse_complex
from facula.meta import dtype as dtypes
from facula.op import Operation, composite, registry

# What combines, and its unit where a number is one.
WAYS: dict[str, tuple[str, float | None]] = {
    "sum": ("add", 0), "prod": ("mul", 1), "mean": ("add", 0), "amax": ("max", None),
    "amin": ("min", None),
}


@composite("scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, "
           "bool include_self=True) -> Tensor")
def scatter_reduce(self, dim, index, src, reduce, *, include_self=True):
    """A copy of self with src combined at index along dim: sum, prod, mean, amax, amin.

    Without include_self, places that src reaches forget what they held.
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
    if reduce == "sum":
        return y
    ones = registry["ones"].function(index.form.shape, dtype=dtypes.int64)
    counts = ones.new_zeros(self.form.shape).scatter_add(dim, index, ones)
    counts = counts + 1 if include_self else counts.clamp_min(1)
    return y / counts if y.form.dtype.is_floating_point else y.div(counts, rounding_mode="floor")


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
    """In-place form of scatter_reduce."""
    return self.copy_(self.scatter_reduce(dim, index, src, reduce, include_self=include_self))


scatter_combined = registry["scatter_combined"]
assert isinstance(scatter_combined, Operation)
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

# torch's names of operations without names of dimensions (Note [named tensors]).
for _key in ("scatter_reduce", "scatter_reduce_"):
    registry[_key].names(f"{_key}.two")
