"""The normal distribution and the scaled complement of erf."""

import math
from typing import Any

from facula.kernel.coefficients import ERFINV_FAR, ERFINV_NEAR
from facula.kernel.scalar import and_, eq, erfc, exp, fma, gt, log, log1p, lt, sqrt, where
from facula.kernel.special.tables import ERFCX, NDTRI_FAR
from facula.kernel.word import polynomial, word

ROOT_2, ROOT_HALF = math.sqrt(2), math.sqrt(0.5)


@word
def erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x): a slowly varying polynomial over 1 + 2 x (the form of Shepherd and
    Laframboise 1981); for x < 0 twice exp(x^2) less it."""
    size = where(lt(x, 0), -x, x)
    right = polynomial(1 - 8 / (size + 4), ERFCX) / (1 + 2 * size)
    square = x * x
    lost = fma(x, x, -square)
    growth = exp(square)
    left = 2 * (growth + where(lt(square, 800), growth * lost, 0)) - right
    return where(lt(x, 0), left, right)


@word
def ndtr(x: Any) -> Any:
    """The area under the normal density left of x."""
    return erfc(x * -ROOT_HALF) * 0.5


@word
def log_ndtr(x: Any) -> Any:
    """log(ndtr(x)), through erfcx where ndtr would vanish."""
    t = x * ROOT_HALF
    return where(lt(x, -1), log(erfcx(-t) * 0.5) - t * t, log1p(erfc(t) * -0.5))


@word
def ndtri(p: Any) -> Any:
    """The inverse of ndtr: erfinv's polynomials in w = -log(4 p (1 - p)), which keeps small p."""
    q = 1 - p
    least = where(lt(p, 0.5), p, q)
    middle = 1 - 2 * least
    w = -log(4 * least * (1 - least))
    # Near p = 1/2 this logarithm is exact enough because p - 1/2 is exact.
    centre = -log1p(-(middle * middle))
    w = where(lt(middle, 0.9), centre, w)
    root = sqrt(w)
    near = polynomial(w - 2.5, ERFINV_NEAR["f64"])
    far = polynomial(root - 4, ERFINV_FAR["f64"])
    last = polynomial((root - 6) / 10.75 - 1, NDTRI_FAR)
    size = ROOT_2 * middle * where(lt(w, 5), near, where(lt(w, 37), far, last))
    result = where(lt(p, 0.5), -size, size)
    inside = and_(gt(p, 0), lt(p, 1))
    ends = where(eq(p, 0), -math.inf, where(eq(p, 1), math.inf, p - p + math.nan))
    return where(inside, result, ends)
