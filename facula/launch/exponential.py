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

# Largest 1-norms for which the approximant of a degree is exact to the dtype, with its
# coefficients: in single precision degree 7, in double 13.
SINGLE = (3.925724783138660, (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0,
                              1.0))  # fmt: skip
DOUBLE = (5.371920351148152, (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
    129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0,
    960960.0, 16380.0, 182.0, 1.0,
))  # fmt: skip


def exponential(a: "np.ndarray") -> "np.ndarray":
    """The sum of a^k / k! of each matrix."""
    n = a.shape[-1]
    if a.size == 0:
        return np.array(a)
    limit, coefficients = SINGLE if a.dtype.itemsize // (1 + (a.dtype.kind == "c")) == 4 else DOUBLE
    size = np.abs(a).sum(-2).max(-1)
    with np.errstate(all="ignore"):
        times = np.where(size > limit, np.ceil(np.log2(size / limit)), 0)
        times = np.where(np.isfinite(times), times, 0).astype(np.int64)
        scaled = a * np.exp2(-times.astype(a.real.dtype))[..., None, None]
        y = _approximant(scaled, coefficients, n)
        for k in range(int(times.max())):
            more = times > k
            y = np.where(more[..., None, None], np.matmul(y, y), y)
    return y.astype(a.dtype, copy=False)


def _approximant(a: "np.ndarray", coefficients: tuple[float, ...], n: int) -> "np.ndarray":
    """p(a) / p(-a): the odd and the even terms of p are sums of powers of a^2."""
    one = np.eye(n, dtype=a.dtype)
    square = np.matmul(a, a)
    power = one
    odd = coefficients[1] * one
    even = coefficients[0] * one
    for k in range(2, len(coefficients), 2):
        power = np.matmul(power, square) if k > 2 else square
        even = even + coefficients[k] * power
        odd = odd + coefficients[k + 1] * power
    odd = np.matmul(a, odd)
    if not np.isfinite(odd).all():
        return np.full_like(odd, np.nan)
    return np.linalg.solve(even - odd, even + odd)
