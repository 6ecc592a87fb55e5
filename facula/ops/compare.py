"""Comparison and choice. Comparisons with nan are false, except ne."""

import math

from facula.dispatch import dtype_word, overlaps, refuse_overlap
from facula.form import named_forms
from facula.kernel.scalar import abs_, and_, eq, ge, gt, isnan, le, lt, ne, or_, where
from facula.meta import names
from facula.meta.dtype import bool_, float64
from facula.op import BOOL, SAME, Alias, composite, pointwise, pointwise_of, registry
from facula.tensor import Tensor

pointwise("eq(Tensor self, Tensor other) -> Tensor", BOOL, "self == other.", lambda a, b: eq(a, b))
pointwise("ne(Tensor self, Tensor other) -> Tensor", BOOL, "self != other.", lambda a, b: ne(a, b))
pointwise("lt(Tensor self, Tensor other) -> Tensor", BOOL, "self < other.", lambda a, b: lt(a, b))
pointwise("le(Tensor self, Tensor other) -> Tensor", BOOL, "self <= other.", lambda a, b: le(a, b))
pointwise("gt(Tensor self, Tensor other) -> Tensor", BOOL, "self > other.", lambda a, b: gt(a, b))
pointwise("ge(Tensor self, Tensor other) -> Tensor", BOOL, "self >= other.", lambda a, b: ge(a, b))

for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    pointwise_of(_name).overwrites = True

pointwise("choose(Tensor condition, Tensor self, Tensor other) -> Tensor", SAME,
          "self where the condition holds, else other.",
          lambda c, a, b: where(c, a, b),
          lambda g, y, c, a, b: (None, where(c, g, 0), where(c, 0, g)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    pointwise_of(_name).tensor_first = True
pointwise_of("choose").condition = 0
registry["choose"].namespace, registry["choose"].method = "private", False
registry["choose"].node_name = "WhereBackward0"
registry["choose"].inplace = False


@composite((
    "where.self(Tensor condition, Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor",
    "where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor",
    "where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor",
    "where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor",
    "where(Tensor condition) -> Tensor[]",
))
def where_(condition, input=None, other=None):
    """input where the condition holds, else other; of a condition alone, where it holds."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(condition, Tensor):
        raise TypeError(
            f"where(): argument 'condition' must be Tensor, not {type(condition).__name__}"
        )
    if condition.form.kind not in ("bool", "u8"):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{dtype_word(condition.form.dtype)}"
        )
    return registry["choose"].function(condition, input, other)


def _where_road(general):
    def where(condition, input=None, other=None, *, out=None):
        plain = condition.__class__ is input.__class__ is other.__class__ is Tensor
        if plain and out is None and not named_forms and condition.form.kind == "bool":
            return choose.function(condition, input, other)
        if out is not None:
            return general(condition, input, other, out=out)
        given = (condition, input, other)
        return general(*[v for v in given if v is not None])

    choose = registry["choose"]
    return where


where_.short_road = _where_road


@composite((
    "masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
    "masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
))
def masked_fill(self, mask, value):
    """self with a number where the mask holds.

    All broadcast to a common shape, which the result has. Raises RuntimeError where they do not, or
    for a mask that is not of bools.
    """
    _check_mask(mask, value)
    if isinstance(value, Tensor) and value.form.dtype.is_complex > self.form.dtype.is_complex:
        value = value.item()
    number = value if not isinstance(value, Tensor) else value.to(self.form.dtype)
    if number is value and (self.form.kind[0] in "iu" or isinstance(value, complex)):
        number = self.new_empty(()).fill_(value)  # which refuses what the dtype cannot hold
    y = registry["choose"].function(mask, number, self)
    y = y if y.form.dtype is self.form.dtype else y.to(self.form.dtype)
    return y.contiguous()


@composite((
    "masked_fill_.Scalar(Tensor(a!) self, Tensor mask, Scalar value) -> Tensor(a!)",
    "masked_fill_.Tensor(Tensor(a!) self, Tensor mask, Tensor value) -> Tensor(a!)",
))
def masked_fill_(self, mask, value):
    """In-place form of masked_fill.

    The mask broadcasts to self, which keeps its shape. Raises RuntimeError where it does not, or is
    not of bools.
    """
    _check_mask(mask, value)
    if overlaps(self, mask):
        refuse_overlap(self, mask)
    form = self.form
    for d, (n, s) in enumerate(zip(form.shape, form.strides, strict=True)):
        if s == 0 and n > 1 and not self.needs_grad:
            # An expanded dim: what any of its masks reaches is written once.
            kept = mask.expand(form.shape).any(d, keepdim=True)
            self.narrow(d, 0, 1).masked_fill_(kept, value)
            return self
    return self.copy_(self.masked_fill(mask, value))


def _check_mask(mask, value):
    if mask.form.kind != "bool":
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            + mask.form.dtype.name
        )
    if isinstance(value, Tensor) and value.form.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.form.ndim} dimension(s)."
        )


pointwise("near(Tensor self, Tensor other, Scalar rtol, Scalar atol, Scalar equal_nan) -> Tensor",
          BOOL, "True where |self - other| <= atol + rtol |other|, both are the same infinity, or "
          "both nan, if that counts.",
          lambda a, b, rtol, atol, both: or_(or_(eq(a, b),
                                                 and_(and_(isnan(a), isnan(b)), ne(both, 0))),
                                             and_(lt(abs_(a - b), math.inf),
                                                  le(abs_(a - b), atol + abs_(rtol * b)))))
registry["near"].namespace = "private"
registry["near"].method = registry["near"].inplace = False


def _near_without_formula(self, other, rtol, atol, equal_nan):
    """isclose of integers, whose differences no float may round, and of complex numbers."""
    same = self == other
    if equal_nan and self.form.dtype.is_complex:
        same = same | (self.isnan() & other.isnan())
    if rtol == 0 and atol == 0:
        return same
    error, allowed = (self - other).abs(), (other * rtol).abs() + atol
    return same | (error.isfinite() & (error <= allowed))


@composite("isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, "
           "bool equal_nan=False) -> Tensor")
def isclose(self, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """True where |self - other| <= atol + rtol |other|, or both are the same infinity.

    Both broadcast, the result too, of bools. |a - b| <= atol + rtol * |b|. Raises RuntimeError for
    dtypes or shapes that do not fit.
    """
    if self.form.dtype is not other.form.dtype:
        raise RuntimeError(
            f"{dtype_word(self.form.dtype)} did not match {dtype_word(other.form.dtype)}"
        )
    for name, bound in (("rtol", rtol), ("atol", atol)):
        if bound < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {bound:g}")
    kind = self.form.dtype
    if kind.is_complex or kind.kind in "iu":
        return _near_without_formula(self, other, rtol, atol, equal_nan)
    if kind is bool_:
        self, other = self.to(float64), other.to(float64)
    return registry["near"].function(self, other, float(rtol), float(atol), int(equal_nan))


@composite("allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, "
           "bool equal_nan=False) -> bool")
def allclose(self, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """True if all elements are close.

    Both broadcast; a Python bool. |a - b| <= atol + rtol * |b| everywhere. Raises RuntimeError for
    dtypes or shapes that do not fit.
    """
    return bool(self.isclose(other, rtol, atol, equal_nan).all())


@composite("equal(Tensor self, Tensor other) -> bool")
def equal(self, other):
    """True if shape and all elements are equal."""
    if not isinstance(other, Tensor):
        raise TypeError(
            f"equal(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}"
        )
    if self.form.shape != other.form.shape:
        return False
    return self.form.numel == 0 or bool((self == other).all())


for _name, _of in (
    ("greater", "gt"), ("greater_equal", "ge"), ("less", "lt"), ("less_equal", "le"),
    ("not_equal", "ne"),
):  # fmt: skip
    Alias(_name, _of)

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
registry["where"].names("where.self")


@registry["masked_fill"].names
def _(self, mask):
    return _broadcast_to("masked_fill", mask, self)


@registry["masked_fill_"].names
def _(self, mask):
    return _broadcast_to("masked_fill_", self, mask)


def _broadcast_to(function, one, other):
    """Both names, if `one` has no more of them than the other."""
    if len(one) > len(other):
        raise RuntimeError(
            f"{function}: attempted to broadcast Tensor{names.listed(one)} to "
            f"Tensor{names.listed(other)} but the number of dims ({len(one)}) must be less than or "
            f"equal to the number of dims in the tensor ({len(other)})"
        )
    return names.unify(other, one)


def _equal_with_names(self, other):
    same_names = self.names == other.names
    return same_names and equal.function(self.rename(None), other.rename(None))


registry["equal"].named_road = _equal_with_names
