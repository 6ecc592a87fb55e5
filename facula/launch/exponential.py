"""The exponential of matrices, on arrays: Pade approximants, scaling and squaring.

Higham, "The Scaling and Squaring Method for the Matrix Exponential Revisited" (2005). Batches
together: each matrix has its own scale, and is squared as often as that asks.
"""

from typing import TYPE_CHECKING

from facula.late import Late

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

# The largest 1-norm for which the approximant of degree 13 is exact to double precision.
LIMIT = 5.371920351148152
COEFFICIENTS = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
    129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0,
    960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip


def exponential(a: "np.ndarray") -> "np.ndarray":
    """The sum of a^k / k! of each matrix."""
    if a.size == 0:
        return np.array(a)
    # Single precision is computed in double: dividing polynomials costs it a digit.
    given, a = a.dtype, a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    size = np.abs(a).sum(-2).max(-1)
    with np.errstate(all="ignore"):
        times = np.where(size > LIMIT, np.ceil(np.log2(size / LIMIT)), 0)
        times = np.where(np.isfinite(times), times, 0).astype(np.int64)
        scaled = a * np.exp2(-times.astype(np.float64))[..., None, None]
        y = _approximant(scaled)
        for k in range(int(times.max())):
            more = times > k
            y = np.where(more[..., None, None], np.matmul(y, y), y)
    return y.astype(given)


def _approximant(a: "np.ndarray") -> "np.ndarray":
    """p(a) / p(-a): the odd and the even terms of p are sums of powers of a^2."""
    one = np.eye(a.shape[-1], dtype=a.dtype)
    square = np.matmul(a, a)
    power = one
    odd = COEFFICIENTS[1] * one
    even = COEFFICIENTS[0] * one
    for k in range(2, len(COEFFICIENTS), 2):
        power = np.matmul(power, square) if k > 2 else square
        even = even + COEFFICIENTS[k] * power
        odd = odd + COEFFICIENTS[k + 1] * power
    odd = np.matmul(a, odd)
    if not np.isfinite(odd).all():
        return np.full_like(odd, np.nan)
    return np.linalg.solve(even - odd, even + odd)
