"""torch.special: functions of its own. In formulas x is the input, y the result, g the gradient.

Their values are words of the vocabulary, defined in `facula.kernel.special`, computed in f64 and
rounded once. Those without a gradient formula are not differentiable in torch either; a text in
place of a formula is torch's reason why there is none. Note [special functions].
"""

import math

from facula.dispatch import dtype_word
from facula.kernel.scalar import abs_, and_, eq, exp, gt, isnan, le, log, log1p, lt, sign, where
from facula.kernel.special.airy import airy_ai
from facula.kernel.special.bessel import (
    bessel_j0,
    bessel_j1,
    bessel_y0,
    bessel_y1,
    i0,
    i0e,
    i1,
    i1e,
    modified_bessel_k0,
    modified_bessel_k1,
    scaled_modified_bessel_k0,
    scaled_modified_bessel_k1,
    spherical_bessel_j0,
)
from facula.kernel.special.gamma import zeta
from facula.kernel.special.normal import erfcx, log_ndtr, ndtr, ndtri
from facula.kernel.special.orthogonal import (
    chebyshev_polynomial_t,
    chebyshev_polynomial_u,
    chebyshev_polynomial_v,
    chebyshev_polynomial_w,
    hermite_polynomial_h,
    hermite_polynomial_he,
    laguerre_polynomial_l,
    legendre_polynomial_p,
    shifted_chebyshev_polynomial_t,
    shifted_chebyshev_polynomial_u,
    shifted_chebyshev_polynomial_v,
    shifted_chebyshev_polynomial_w,
)
from facula.op import FLOAT, Alias, pointwise, pointwise_of, registry

DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution, at 0
SLOPE_OF_ERF = 2 / math.sqrt(math.pi)

TINY = 2.0**-52  # below it i1(x) is x / 2


def apart(x):
    """x, but never near 0, so that dividing by it gives no nan that a second derivative finds."""
    return where(lt(abs_(x), TINY), 1, x)


def halves_refused(name):
    """The check of a function that torch has for no half dtype."""

    def check(compute, key):
        if compute.short in ("f16", "bf16"):
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{dtype_word(compute)}'")

    return check


def special(name, doc, value, gradient=None, halves=False, arguments="Tensor self"):
    """A record of torch.special."""
    record = pointwise(f"special_{name}({arguments}) -> Tensor", FLOAT, doc, value, gradient)
    record.inplace = False
    if not halves:
        record.check = halves_refused(name)
    return record


def polynomial(name, doc, value):
    """A record of an orthogonal polynomial: of x, and of the degree n."""
    special(name, doc, value, arguments="Tensor x, Tensor n")


# --- Bessel and Airy functions -------------------------------------------------------------------

special("airy_ai", "The Airy function Ai.", lambda x: airy_ai(x), arguments="Tensor x")
special("bessel_j0", "Bessel function of the first kind of order 0.", lambda x: bessel_j0(x))
special("bessel_j1", "Bessel function of the first kind of order 1.", lambda x: bessel_j1(x))
special("bessel_y0", "Bessel function of the second kind of order 0.", lambda x: bessel_y0(x))
special("bessel_y1", "Bessel function of the second kind of order 1.", lambda x: bessel_y1(x))
special("modified_bessel_i0", "Modified Bessel function of the first kind of order 0.",
        lambda x: i0(x))
special("modified_bessel_i1", "Modified Bessel function of the first kind of order 1.",
        lambda x: i1(x))
special("modified_bessel_k0", "Modified Bessel function of the second kind of order 0.",
        lambda x: modified_bessel_k0(x))
special("modified_bessel_k1", "Modified Bessel function of the second kind of order 1.",
        lambda x: modified_bessel_k1(x))
special("scaled_modified_bessel_k0", "exp(x) times modified_bessel_k0(x).",
        lambda x: scaled_modified_bessel_k0(x), arguments="Tensor x")
special("scaled_modified_bessel_k1", "exp(x) times modified_bessel_k1(x).",
        lambda x: scaled_modified_bessel_k1(x), arguments="Tensor x")
special("spherical_bessel_j0", "sin(x) / x.",
        lambda x: spherical_bessel_j0(x), arguments="Tensor x")

pointwise("i0(Tensor self) -> Tensor", FLOAT,
          "Modified Bessel function of the first kind of order 0.",
          lambda x: i0(x), lambda g, y, x: g * i1(x))
special("i0e", "exp(-|x|) times i0(x).", lambda x: i0e(x),
        lambda g, y, x: g * (i1e(x) - sign(x) * y), halves=True)
special("i1", "Modified Bessel function of the first kind of order 1.", lambda x: i1(x),
        lambda g, y, x: g * where(lt(abs_(x), TINY), 0.5, i0(x) - y / apart(x)), halves=True)
special("i1e", "exp(-|x|) times i1(x).", lambda x: i1e(x),
        lambda g, y, x: g * where(lt(abs_(x), TINY), 0.5, i0e(x) - y * (sign(x) + 1 / apart(x))),
        halves=True)

# --- normal distribution, entropy, logarithms ----------------------------------------------------

special("entr", "-x log(x) in nats, 0 at 0, -inf below.",
        lambda x: where(gt(x, 0), -x * log(x), where(lt(x, 0), -math.inf, x * 0)),
        lambda g, y, x: g * (-1 - log(x)), halves=True)
special("erfcx", "exp(x^2) erfc(x).", lambda x: erfcx(x),
        lambda g, y, x: g * (2 * x * y - SLOPE_OF_ERF))
special("log_ndtr", "log(ndtr(x)).", lambda x: log_ndtr(x),
        lambda g, y, x: g * (2 * DENSITY / erfcx(x * -math.sqrt(0.5))))
special("ndtr", "The area under the normal density left of x.", lambda x: ndtr(x),
        lambda g, y, x: g * (exp(x * x * -0.5) * DENSITY), halves=True)
special("ndtri", "The inverse of ndtr.", lambda x: ndtri(x),
        lambda g, y, x: g * (exp(y * y * 0.5) / DENSITY))
special("xlog1py", "self log(1 + other), 0 where self is 0 (nan where other is nan).",
        lambda a, b: where(isnan(b), math.nan, where(eq(a, 0), 0, a * log1p(b))),
        lambda g, y, a, b: (where(and_(eq(a, 0), le(b, -1)), 0, g * log1p(b)), g * (a / (b + 1))),
        halves=True, arguments="Tensor self, Tensor other")
special("zeta", "Hurwitz's zeta function: the sum of (other + k)^-self over k = 0, 1, ...",
        lambda s, q: zeta(s, q),
        lambda g, y, s, q: ("the derivative for 'zeta' is not implemented.",
                            g * (-s * zeta(s + 1, q))),
        arguments="Tensor self, Tensor other")

# --- orthogonal polynomials ----------------------------------------------------------------------

polynomial("chebyshev_polynomial_t", "Chebyshev polynomial of the first kind, degree n.",
           lambda x, n: chebyshev_polynomial_t(x, n))
polynomial("chebyshev_polynomial_u", "Chebyshev polynomial of the second kind, degree n.",
           lambda x, n: chebyshev_polynomial_u(x, n))
polynomial("chebyshev_polynomial_v", "Chebyshev polynomial of the third kind, degree n.",
           lambda x, n: chebyshev_polynomial_v(x, n))
polynomial("chebyshev_polynomial_w", "Chebyshev polynomial of the fourth kind, degree n.",
           lambda x, n: chebyshev_polynomial_w(x, n))
polynomial("shifted_chebyshev_polynomial_t", "chebyshev_polynomial_t at 2 x - 1.",
           lambda x, n: shifted_chebyshev_polynomial_t(x, n))
polynomial("shifted_chebyshev_polynomial_u", "chebyshev_polynomial_u at 2 x - 1.",
           lambda x, n: shifted_chebyshev_polynomial_u(x, n))
polynomial("shifted_chebyshev_polynomial_v", "chebyshev_polynomial_v at 2 x - 1.",
           lambda x, n: shifted_chebyshev_polynomial_v(x, n))
polynomial("shifted_chebyshev_polynomial_w", "chebyshev_polynomial_w at 2 x - 1.",
           lambda x, n: shifted_chebyshev_polynomial_w(x, n))
polynomial("hermite_polynomial_h", "Hermite polynomial (physicists'), degree n.",
           lambda x, n: hermite_polynomial_h(x, n))
polynomial("hermite_polynomial_he", "Hermite polynomial (probabilists'), degree n.",
           lambda x, n: hermite_polynomial_he(x, n))
polynomial("laguerre_polynomial_l", "Laguerre polynomial, degree n.",
           lambda x, n: laguerre_polynomial_l(x, n))
polynomial("legendre_polynomial_p", "Legendre polynomial, degree n.",
           lambda x, n: legendre_polynomial_p(x, n))

# --- names ---------------------------------------------------------------------------------------

registry["special_ndtr"].node_name = "MulBackward0"
pointwise_of("special_xlog1py").refuses = "c"
registry["special_xlog1py"].node_name = "SpecialXlog1PyBackward0"
Alias("special_i0", "i0")
