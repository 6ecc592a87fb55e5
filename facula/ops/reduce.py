"""Reductions. Formulas: map(x), combine(a, b), finish(state, n) and gradient(g, y, x, n)."""

from facula.dispatch import (
    ReduceLaunch,
    accumulator,
    build_reduce,
    remember,
    run_reduce,
)
from facula.dispatch.parts import refuse_complex
from facula.form import Form, form_of
from facula.kernel.scalar import maximum, minimum, ne
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.shape import reduced_shape, wrap_dims
from facula.op import (
    BOOL,
    FLOAT,
    SAME,
    Alias,
    composite,
    operation,
    reduction,
    reduction_of,
    registry,
)

reduction((
    "sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None, "
    "Tensor(a!)? out=None) -> Tensor",
    "sum(Tensor self, *, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
), "sum", "The sum.",
          map=lambda x: x, combine=lambda a, b: a + b, unit=0, gradient=lambda g, y, x, n: g)

reduction((
    "mean(Tensor self, *, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
    "mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None, "
    "Tensor(a!)? out=None) -> Tensor",
), FLOAT, "The average.",
          map=lambda x: x, combine=lambda a, b: a + b, unit=0, finish=lambda acc, n: acc / n,
          gradient=lambda g, y, x, n: g / n)

reduction("amax_plain(Tensor self, int[1] dim=[], bool keepdim=False, *, Tensor(a!)? out=None) "
          "-> Tensor", SAME, "The largest element; ties share the gradient.",
          map=lambda x: x, combine=lambda a, b: maximum(a, b), unit="lowest", state="same",
          needs_elements=True)

reduction("amin_plain(Tensor self, int[1] dim=[], bool keepdim=False, *, Tensor(a!)? out=None) "
          "-> Tensor", SAME, "The smallest element; ties share the gradient.",
          map=lambda x: x, combine=lambda a, b: minimum(a, b), unit="highest", state="same",
          needs_elements=True)

reduction((
    "any(Tensor self, *, Tensor(a!)? out=None) -> Tensor",
    "any.dim(Tensor self, int dim, bool keepdim=False, *, Tensor(a!)? out=None) -> Tensor",
    "any.dims(Tensor self, int[]? dim=None, bool keepdim=False, *, Tensor(a!)? out=None) -> "
    "Tensor",
), BOOL, "True if some element is not 0.",
          map=lambda x: ne(x, 0), combine=lambda a, b: a | b, unit=0, state="bool")

reduction((
    "all(Tensor self, *, Tensor(a!)? out=None) -> Tensor",
    "all.dim(Tensor self, int dim, bool keepdim=False, *, Tensor(a!)? out=None) -> Tensor",
    "all.dims(Tensor self, int[]? dim=None, bool keepdim=False, *, Tensor(a!)? out=None) -> "
    "Tensor",
), BOOL, "True if no element is 0.",
          map=lambda x: ne(x, 0), combine=lambda a, b: a & b, unit=1, state="bool")


reduction("prod_plain(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor", SAME,
          "The product.",
          map=lambda x: x, combine=lambda a, b: a * b, unit=1)


for _name, _kernel in (("amax_plain", "max_values_cpu"), ("amin_plain", "min_values_cpu")):
    reduction_of(_name).kernel = _kernel

# --- with more than one pass ---------------------------------------------------------------------


# torch keeps the reduced dims as bits of a word.
MOST_DIMS = 64


def _dims(self, dim):
    if self.form.ndim > MOST_DIMS:
        raise RuntimeError(f"only tensors with up to {MOST_DIMS} dims are supported")
    dims = wrap_dims(None if dim is None or dim == () or dim == [] else dim, self.form.ndim)
    return dims if self.form.ndim else ()


def _check_int_dim(name, dim):
    if not isinstance(dim, (int, type(None))):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({type(dim).__name__})"
        )


def _open(y, dims, keepdim, ndim):
    """A reduced tensor with its reduced dims as size 1 again."""
    if keepdim:
        return y
    for d in sorted(dims):
        y = y.unsqueeze(d)
    return y


def _extremes(name, doc):
    def along(self, dims, keepdim):
        return registry[f"{name}_plain"].function(self, dims, keepdim)

    record = operation(f"{name}_along(Tensor self, int[] dims, bool keepdim) -> Tensor", doc)(along)
    record.node_name = f"{name.title()}Backward0"

    @record.gradient
    def _(g, y, self, dims, keepdim):
        y, g = _open(y, dims, keepdim, self.form.ndim), _open(g, dims, keepdim, self.form.ndim)
        hit = (self == y).to(g.form.dtype)
        return g * hit / hit.sum(dims, keepdim=True)

    @composite(f"{name}(Tensor self, int[1] dim=[], bool keepdim=False, *, "
               "Tensor(a!)? out=None) -> Tensor", doc)
    def whole(self, dim=(), keepdim=False):
        if self.form.numel == 0 and dim in ((), []):
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                "the reduction dim with the 'dim' argument."
            )
        return record.function(self, _dims(self, dim), keepdim)


_extremes("amax", "The largest element; ties share the gradient.")
_extremes("amin", "The smallest element; ties share the gradient.")


@operation("prod_along(Tensor self, int[] dims, bool keepdim, ScalarType dtype) -> Tensor")
def prod_along(self, dims, keepdim, dtype):
    """The product over dims."""
    return registry["prod_plain"].function(self.to(dtype), dims, keepdim)


prod_along.node_name = "ProdBackward0"


@prod_along.gradient
def _(g, y, self, dims, keepdim):
    g, y = _open(g, dims, keepdim, self.form.ndim), _open(y, dims, keepdim, self.form.ndim)
    if not bool((self == 0).any()):
        return (g * y / self).to(self.form.dtype)
    # The product of the others, by running products from both sides of the joined dims.
    order = [d for d in range(self.form.ndim) if d not in dims] + list(dims)
    turned = self.to(g.form.dtype).permute(tuple(order))
    kept = len(order) - len(dims)
    flat = turned.reshape((*turned.form.shape[:kept], -1))
    ones = flat.narrow(-1, 0, 1) * 0 + 1
    size = flat.form.shape[-1]
    cat = registry["cat"].function
    left = cat([ones, flat.narrow(-1, 0, size - 1)], -1).cumprod(-1)
    right = cat([flat.narrow(-1, 1, size - 1), ones], -1).flip(-1).cumprod(-1).flip(-1)
    inverse = [order.index(d) for d in range(len(order))]
    others = (left * right).reshape(turned.form.shape).permute(tuple(inverse))
    return (g * others).to(self.form.dtype)


@composite((
    "prod(Tensor self, *, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
    "prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None, "
    "Tensor(a!)? out=None) -> Tensor",
))
def prod(self, dim=None, keepdim=False, *, dtype=None):
    """The product.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    _check_int_dim("prod", dim)
    wanted = dtype or (self.form.dtype if self.form.tracked else dtypes.int64)
    return registry["prod_along"].function(self, _dims(self, dim), keepdim, wanted)


def _correction(unbiased, correction):
    if correction is not None:
        return correction
    return 1 if unbiased is None or unbiased else 0


def _arguments(dim, unbiased):
    """torch's two signatures: (dim, unbiased...) and (unbiased) alone."""
    return (None, dim) if isinstance(dim, bool) else (dim, unbiased)


_distances: dict[tuple[Form, Form, tuple[int, ...]], ReduceLaunch] = {}


@operation("squared_distances(Tensor self, int[] dims, bool keepdim) -> Tensor")
def squared_distances(self, dims, keepdim):
    """The sum of squared distances from the mean over dims."""
    mean = self.mean(dims, True)
    key = (self.form, mean.form, dims)
    launch = _distances.get(key)
    if launch is None:
        shape = reduced_shape(self.form.shape, dims, False)
        launch = build_reduce(
            lambda x, middle: (x - middle) * (x - middle), lambda a, b: a + b, lambda acc, n: acc,
            0, (accumulator(self.form.dtype, "wide"),), [self.form, mean.form], self.form.shape,
            dims, [form_of(self.form.dtype, shape)],
        )
        remember(_distances, key, launch)
    y = run_reduce(launch, (self, mean))[0]
    y.form = form_of(y.form.dtype, reduced_shape(self.form.shape, dims, keepdim))
    return y


squared_distances.node_name = "VarBackward0"


@squared_distances.gradient
def _(g, self, dims, keepdim):
    # The mean moves too, but there the distances sum to 0.
    g = _open(g, dims, keepdim, self.form.ndim)
    return (self - self.mean(dims, True)) * (g * 2)


@composite((
    "var(Tensor self, bool unbiased=True, *, Tensor(a!)? out=None) -> Tensor",
    "var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False, *, Tensor(a!)? "
    "out=None) -> Tensor",
    "var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
    "keepdim=False, Tensor(a!)? out=None) -> Tensor",
))
def var(self, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The mean squared distance from the mean, with n - correction in the divisor.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    if self.form.dtype.is_complex:
        parts = registry["view_as_real"].function(self.resolve_conj())
        dim, unbiased = _arguments(dim, unbiased)
        how = {"keepdim": keepdim, "correction": _correction(unbiased, correction)}
        real, imag = (parts.select(-1, k).var(_dims(self, dim), **how) for k in (0, 1))
        return real + imag
    if not self.form.dtype.is_floating_point:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    dim, unbiased = _arguments(dim, unbiased)
    dims = _dims(self, dim)
    count = 1
    for d in dims:
        count *= self.form.shape[d]
    x = self if self.form.itemsize >= 4 else self.to(dtypes.float32)
    divisor = max(0, count - _correction(unbiased, correction))
    total = registry["squared_distances"].function(x, dims, keepdim)
    y = total / divisor if divisor else total * float("nan") if count <= 1 else total / 0.0
    return y if y.form.dtype is self.form.dtype else y.to(self.form.dtype)


@composite((
    "std(Tensor self, bool unbiased=True, *, Tensor(a!)? out=None) -> Tensor",
    "std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False, *, Tensor(a!)? "
    "out=None) -> Tensor",
    "std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
    "keepdim=False, Tensor(a!)? out=None) -> Tensor",
))
def std(self, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The square root of var.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    variance = var.forward(self, dim, unbiased, keepdim, correction=correction)
    return registry["root"].function(variance)


@operation("root(Tensor self) -> Tensor")
def root(self):
    """The square root; where it is 0 no gradient passes."""
    return self.sqrt()


registry["root"].node_name = "StdBackward0"


@root.gradient
def _(g, y):
    return registry["where"].function(y == 0, 0.0, g / (y * 2))


@composite((
    "var_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)",
    "var_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, "
    "Tensor)",
    "var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
    "keepdim=False) -> (Tensor, Tensor)",
))
def var_mean(self, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """var and mean.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    return var.forward(self, dim, unbiased, keepdim, correction=correction), self.mean(
        _arguments(dim, unbiased)[0], keepdim
    )


@composite((
    "std_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)",
    "std_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, "
    "Tensor)",
    "std_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
    "keepdim=False) -> (Tensor, Tensor)",
))
def std_mean(self, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """std and mean.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    return std.forward(self, dim, unbiased, keepdim, correction=correction), self.mean(
        _arguments(dim, unbiased)[0], keepdim
    )


@composite("logsumexp(Tensor self, int[1] dim, bool keepdim=False, *, Tensor(a!)? out=None) "
           "-> Tensor")
def logsumexp(self, dim, keepdim=False):
    """log(sum(exp(x))), without overflow.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    x = self if self.form.tracked else self.to(dtypes.get_default_dtype())
    dims = _dims(x, dim)
    if x.form.numel == 0:
        return x.exp().sum(dims, keepdim).log()
    top = registry["real"].function(x.detach()).amax(dims, keepdim=True)
    top = registry["where"].function(top.abs() == float("inf"), 0.0, top)
    y = (x - top).exp().sum(dims, keepdim=True).log() + top
    if keepdim:
        return y
    for d in sorted(dims, reverse=True):
        y = y.squeeze(d)
    return y


@composite((
    "count_nonzero(Tensor self, int? dim=None) -> Tensor",
    "count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor",
))
def count_nonzero(self, dim=None):
    """How many elements are not 0.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    return (self != 0).sum(dim)


# --- without nan ---------------------------------------------------------------------------------


def _without_nan(self):
    refuse_complex(self, "nansum on CPU does not support complex inputs", RuntimeError)
    return registry["where"].function(self != self, 0, self)


@composite("nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None, "
           "Tensor(a!)? out=None) -> Tensor")
def nansum(self, dim=None, keepdim=False, *, dtype=None):
    """The sum, nan counting as 0.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    return _without_nan(self).sum(dim, keepdim, dtype=dtype)


@composite("nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None, "
           "Tensor(a!)? out=None) -> Tensor")
def nanmean(self, dim=None, keepdim=False, *, dtype=None):
    """The average of the elements that are not nan.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    return _without_nan(self).sum(dim, keepdim, dtype=dtype) / (self == self).sum(dim, keepdim)

Alias("special_logsumexp", "logsumexp")

# Where records stand that are no functions of torch itself.
for _name in (
    "amax_along", "amax_plain", "amin_along", "amin_plain", "prod_along", "prod_plain",
    "root", "squared_distances",
):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# Forms alone decide what these come to: one launch, in the common cases.
for _one in ("amax", "amin", "amax_along", "amin_along"):
    registry[_one].is_launch = True

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("prod", "var", "std", "var_mean", "std_mean", "logsumexp"):
    registry[_key].names(names.reduced)
registry["nanmean"].names("nansum")


def _all_or_refused(word):
    def rule(self, dim):
        if dim is not None:
            raise names.refused(word)
        return ()

    return rule


for _key in ("any", "all"):
    registry[_key].names(_all_or_refused(f"{_key}.dim"))

# PyTorch has these as functions only.
for _name in ("std_mean", "var_mean"):
    registry[_name].method = False
