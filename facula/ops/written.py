"""In-place forms written as a copy of the result or as a view, and which in-place forms torch has
as functions too. Loaded late: it asks which records have an in-place form of their own.
"""

from facula.autograd.mode import mode
from facula.dispatch import check_base_of_view, check_inplace, dtype_word
from facula.meta.dtype import can_cast
from facula.op import composite, inplace_texts, registry

BY_COPY = (
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "cumprod", "cumsum", "index_reduce", "mvlgamma",
    "polygamma", "renorm", "tril", "triu",
)  # fmt: skip


def _by_copy(name):
    """name_: the tensor becomes the function's result, which must fit its shape and dtype."""

    def method(self, *args, **kwargs):
        check_inplace(self)
        y = registry[name].function(self, *args, **kwargs)
        if not can_cast(y.form.dtype, self.form.dtype):
            raise RuntimeError(
                f"result type {dtype_word(y.form.dtype)} can't be cast to the desired output type "
                f"{dtype_word(self.form.dtype)}"
            )
        if y.form.shape != self.form.shape:
            raise RuntimeError(
                f"output with shape {list(self.form.shape)} doesn't match the broadcast shape "
                f"{list(y.form.shape)}"
            )
        return self.copy_(y)

    doc = f"In-place form of `{name}`."
    record = composite(inplace_texts(registry[name]), doc)(method)
    record.named_road = method  # what it is written with knows names


for _name in BY_COPY:
    if _name in registry and f"{_name}_" not in registry and not registry[_name].inplace:
        _by_copy(_name)


def _as_view(name):
    """The in-place form of a view: the tensor itself takes the shape and strides of its view."""

    def method(self, *args, **kwargs):
        if mode.enabled and self.needs_grad:
            check_inplace(self)
            check_base_of_view(self)
        y = getattr(self, name)(*args, **kwargs)
        self.address, self.form = y.address, y.form
        if y.edge is not None:
            self.edge = y.edge
        self.block.version += 1
        return self

    texts = inplace_texts(registry[name])
    composite(texts, f"In-place form of `{name}`: this tensor becomes its own view.")(method)


for _name in ("as_strided", "squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze"):
    _as_view(_name)

# torch's own choice; other in-place forms are only methods.
for _name in (
    "abs", "acos", "acosh", "addmv", "alpha_dropout", "arccos", "arccosh", "arcsin", "arcsinh",
    "arctan", "arctanh", "as_strided", "asin", "asinh", "atan", "atanh", "ceil", "celu", "clamp",
    "clamp_max", "clamp_min", "clip", "conj_physical", "cos", "cosh", "deg2rad", "detach",
    "dropout", "embedding_renorm", "erf", "erfc", "exp", "exp2", "expm1", "feature_alpha_dropout",
    "feature_dropout", "fill", "fix", "floor", "frac", "gcd", "i0", "index_put", "lcm", "ldexp",
    "log", "log10", "log1p", "log2", "logit", "nan_to_num", "neg", "negative", "rad2deg",
    "reciprocal", "relu", "resize_as", "round", "rrelu", "rsqrt", "selu", "sigmoid", "sin", "sinc",
    "sinh", "sqrt", "square", "tan", "tanh", "threshold", "trunc", "xlogy", "zero",
):  # fmt: skip
    if f"{_name}_" in registry:
        registry[f"{_name}_"].in_torch = True
    elif _name in registry:
        registry[_name].in_torch = True
