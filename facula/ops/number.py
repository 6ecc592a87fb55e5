"""Numbers taken apart: common divisors, exponents, neighbours."""

from facula.dispatch import dtype_word
from facula.kernel.scalar import abs_, and_, eq, exponent, gt, lt, nextafter, scale, where
from facula.kernel.special.parts import greatest_divisor, next_number
from facula.meta import dtype as dtypes
from facula.meta.dtype import finfo
from facula.meta.shape import broadcast_shapes
from facula.op import SAME, choice, composite, pointwise, registry
from facula.returns import named
from facula.tensor import Tensor

pointwise("gcd(Tensor self, Tensor other) -> Tensor", SAME, "The greatest common divisor.",
          lambda a, b: greatest_divisor(a, b), None, "bf").tensors_only = True

pointwise("lcm(Tensor self, Tensor other) -> Tensor", SAME, "The least common multiple.",
          lambda a, b: where(eq(greatest_divisor(a, b), 0), 0,
                             abs_(a // where(eq(a, 0), 1, greatest_divisor(a, b)) * b)),
          None, "bf").tensors_only = True

# --- mantissa and exponent -----------------------------------------------------------------------

pointwise("exponent(Tensor self) -> Tensor", SAME, "The whole n with 2 ** n <= |x| < 2 ** (n + 1).",
          lambda x: exponent(x), lambda g, y, x: 0, "bui")

pointwise("scale(Tensor self, Tensor n) -> Tensor", SAME, "self * 2 ** n for whole n.",
          lambda x, n: scale(x, n), lambda g, y, x, n: (scale(g, n), 0), "bui")

pointwise("frexp_mantissa(Tensor self) -> Tensor", SAME, "x as a number from 1/2 to 1.",
          lambda x: where(and_(gt(abs_(x), 0), lt(abs_(x), float("inf"))),
                          scale(x, -1 - exponent(x)), x),
          lambda g, y, x: g * where(and_(gt(abs_(x), 0), lt(abs_(x), float("inf"))),
                                    scale(x * 0 + 1, -1 - exponent(x)), 1))

pointwise("frexp_exponent(Tensor self) -> Tensor", SAME, "The power of two that belongs to it.",
          lambda x: where(and_(gt(abs_(x), 0), lt(abs_(x), float("inf"))), exponent(x) + 1, 0))


@composite("frexp(Tensor self, *, Tensor(a!)? out=None) -> (Tensor mantissa, Tensor exponent)")
def frexp(self):
    """self = mantissa * 2 ** exponent, with a mantissa from 1/2 to 1 in size.

    >>> import facula as torch
    >>> torch.frexp(torch.tensor([10.0])).exponent
    tensor([4], dtype=torch.int32)
    """
    if not self.form.dtype.is_floating_point:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa = registry["frexp_mantissa"].function(self)
    exponents = registry["frexp_exponent"].function(self.detach())
    return named("frexp", "mantissa", "exponent")(mantissa, exponents.to(dtypes.int32))


# --- neighbours ----------------------------------------------------------------------------------

# Binary digits after the point, and the exponent of the smallest normal number.
LAYOUTS = {"f16": (10, -14), "bf16": (7, -126), "f32": (23, -126), "f64": (52, -1022)}

pointwise("nextafter_bits(Tensor self, Tensor other) -> Tensor", SAME,
          "The neighbour of self in the direction of other, for float32 and float64.",
          lambda a, b: nextafter(a, b), lambda g, y, a, b: (where(eq(a, b), 0, g), 0))

pointwise("nextafter_within(Tensor self, Tensor other, Scalar digits, Scalar lowest, "
          "Scalar largest) -> Tensor", SAME, "The neighbour of self in the direction of other.",
          lambda a, b, digits, lowest, largest: next_number(a, b, digits, lowest, largest),
          lambda g, y, a, b, digits, lowest, largest: (where(eq(a, b), 0, g), 0))


@choice("nextafter(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def next_after(self, other):
    """The next representable number after self in the direction of other.

    >>> import facula as torch
    >>> torch.nextafter(torch.tensor([1.0]), torch.tensor([2.0])) > 1
    tensor([True])
    """
    described = [(one.form.dtype, one.form.ndim) for one in (self, other)
                 if isinstance(one, Tensor)]
    common = dtypes.result_type(described)
    if common.short not in LAYOUTS:
        broadcast_shapes(*[one.form.shape for one in (self, other) if isinstance(one, Tensor)])
        raise NotImplementedError(
            f"\"nextafter_cpu\" not implemented for '{dtype_word(common)}'"
        )
    if common.itemsize >= 4:
        return "nextafter_bits", (self, other)
    digits, lowest = LAYOUTS[common.short]
    return "nextafter_within", (self, other, float(digits), float(lowest), finfo(common).max)


# --- names ---------------------------------------------------------------------------------------

for _name, _node in (("frexp_mantissa", "Frexp"), ("nextafter_bits", "Nextafter"),
                     ("nextafter_within", "Nextafter")):
    registry[_name].node_name = f"{_node}Backward0"
for _name in ("exponent", "frexp_mantissa", "frexp_exponent", "nextafter_bits",
              "nextafter_within", "scale"):
    registry[_name].namespace, registry[_name].method = "private", False

# Refuse names of dimensions, as in torch (Note [named tensors]).
for _key in ("gcd", "lcm"):
    registry[_key].names(_key)
