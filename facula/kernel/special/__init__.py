"""Special functions as words of the vocabulary, each one formula. Note [special functions].

Importing this package defines them all. Coefficients in `tables.py` were fitted for it.
"""

from facula.kernel.special import airy, bessel, gamma, normal, orthogonal, parts
from facula.kernel.word import WORDS

__all__ = ["WORDS", "airy", "bessel", "gamma", "normal", "orthogonal", "parts"]
