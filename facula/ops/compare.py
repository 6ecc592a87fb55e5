"""Comparison and choice. Comparisons with nan are false, except ne."""

from facula.kernel.scalar import eq, ge, gt, le, lt, ne, where
from facula.op import BOOL, SAME, pointwise

pointwise("eq(Tensor self, Tensor other) -> Tensor", BOOL, "self == other.", lambda a, b: eq(a, b))
pointwise("ne(Tensor self, Tensor other) -> Tensor", BOOL, "self != other.", lambda a, b: ne(a, b))
pointwise("lt(Tensor self, Tensor other) -> Tensor", BOOL, "self < other.", lambda a, b: lt(a, b))
pointwise("le(Tensor self, Tensor other) -> Tensor", BOOL, "self <= other.", lambda a, b: le(a, b))
pointwise("gt(Tensor self, Tensor other) -> Tensor", BOOL, "self > other.", lambda a, b: gt(a, b))
pointwise("ge(Tensor self, Tensor other) -> Tensor", BOOL, "self >= other.", lambda a, b: ge(a, b))
pointwise("where(Tensor condition, Tensor self, Tensor other) -> Tensor", SAME,
          "self where the condition holds, else other.",
          lambda c, a, b: where(c, a, b), lambda g, y, c, a, b: (None, where(c, g, 0), where(c, 0, g)))
