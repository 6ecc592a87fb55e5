"""What tests of programs with tensors need: comparing with tolerances, and tensors to try."""

from facula.testing.comparison import assert_allclose, assert_close
from facula.testing.samples import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
