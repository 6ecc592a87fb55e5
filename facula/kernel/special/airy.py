"""The Airy function Ai: a polynomial near 0, asymptotic amplitudes beyond (DLMF 9.7)."""

import math
from typing import Any

from facula.kernel.scalar import abs_, cos, exp, gt, isinf, lt, sin, sqrt, where
from facula.kernel.special.tables import AIRY_FAR, AIRY_NEAR, AIRY_P, AIRY_Q
from facula.kernel.word import polynomial, word

# z = 2/3 x^(3/2) where the asymptotic forms begin, at 2 and -4.
FAR, BACK = 2 / 3 * 2**1.5, 16 / 3
# From here on Ai is below the smallest number that exp(-z) gives.
LAST = 103.892


@word
def airy_ai(x: Any) -> Any:
    """Ai(x); nan at the infinities, as torch has it."""
    size = abs_(x)
    root = sqrt(size)
    z = size * root * (2 / 3)
    fourth = sqrt(root)
    beyond = exp(-z) * polynomial(2 * FAR / z - 1, AIRY_FAR) / (fourth * (2 * math.sqrt(math.pi)))
    inverse = 1 / z
    place = inverse * inverse * (2 * BACK * BACK) - 1
    p, q = polynomial(place, AIRY_P), polynomial(place, AIRY_Q) * inverse
    s, c = sin(z), cos(z)
    # sin(z + pi/4) = (s + c) / sqrt(2), cos(z + pi/4) = (c - s) / sqrt(2).
    back = (p * (s + c) - q * (c - s)) / (fourth * math.sqrt(2 * math.pi))
    near = polynomial((x + 1) / 3, AIRY_NEAR)
    result = where(gt(x, 2), beyond, where(lt(x, -4), back, near))
    return where(isinf(x), math.nan, where(gt(x, LAST), 0, result))
