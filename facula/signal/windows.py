"""Windows of signal processing: weights that fall off towards the ends of a piece of signal.

Each takes the number of weights M. By default it is symmetric; `sym=False` gives M weights of a
window that goes on periodically, for spectral analysis. Harris, "On the use of windows for harmonic
analysis with the discrete Fourier transform" (1978).
"""

import math
from collections.abc import Iterable

from facula.meta.dtype import dtype as Dtype
from facula.meta.dtype import float32, float64, get_default_dtype
from facula.meta.layout import layout as Layout
from facula.meta.layout import strided
from facula.ops import FUNCTIONS
from facula.tensor import Tensor

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine",
    "general_hamming", "hamming", "hann", "kaiser", "nuttall",
]  # fmt: skip


def _checked(name: str, M: int, dtype: Dtype | None, layout: Layout) -> Dtype:
    """The dtype of the weights, or torch's errors."""
    dtype = get_default_dtype() if dtype is None else dtype
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return dtype


def _places(
    start: float, end: float, M: int, dtype: Dtype, device: object, requires_grad: bool
) -> Tensor:
    made: Tensor = FUNCTIONS["linspace"](
        start, end, M, dtype=dtype, device=device, requires_grad=requires_grad
    )
    return made


def _ones(M: int, dtype: Dtype, device: object, requires_grad: bool) -> Tensor:
    """Windows of no weight, and of one."""
    made: Tensor = FUNCTIONS["ones"](M, dtype=dtype, device=device, requires_grad=requires_grad)
    return made


def _span(M: int, sym: bool) -> int:
    """The distance of the ends: of the last weight, or of the first one of the next period."""
    return M - 1 if sym or M <= 1 else M


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """exp(-|n - center| / tau), also called Poisson's window, shape (M,).

    `tau` and `center` are counted in samples; `center` is M / 2 or (M - 1) / 2 unless given, which
    only a periodic window allows. Raises ValueError for tau <= 0.

    >>> import facula as torch
    >>> torch.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    dtype = _checked("exponential", M, dtype, layout)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return _ones(0, dtype, device, requires_grad)
    middle = _span(M, sym) / 2.0 if center is None else center
    start, end = -middle / tau, (M - 1 - middle) / tau
    return (-_places(start, end, M, dtype, device, requires_grad).abs()).exp()


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """sin(pi (n + 1/2) / M), half a period of a sine over M samples, shape (M,).

    >>> import facula as torch
    >>> torch.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    dtype = _checked("cosine", M, dtype, layout)
    if M == 0:
        return _ones(0, dtype, device, requires_grad)
    step = math.pi / (_span(M, sym) + 1)
    return _places(0.5 * step, (M - 0.5) * step, M, dtype, device, requires_grad).sin()


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """exp(-(n - middle)^2 / (2 std^2)), shape (M,), std in samples.

    Raises ValueError for std <= 0.

    >>> import facula as torch
    >>> torch.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    dtype = _checked("gaussian", M, dtype, layout)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return _ones(0, dtype, device, requires_grad)
    step = 1 / (std * math.sqrt(2))
    start = -_span(M, sym) / 2.0
    places = _places(start * step, (start + M - 1) * step, M, dtype, device, requires_grad)
    return (-(places * places)).exp()


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """i0(beta sqrt(1 - x^2)) / i0(beta) for x from -1 to 1, shape (M,) (Kaiser and Kuo, 1966).

    Raises ValueError for beta < 0.

    >>> import facula as torch
    >>> torch.signal.windows.kaiser(3, beta=0.0)
    tensor([1., 1., 1.])
    """
    dtype = _checked("kaiser", M, dtype, layout)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M < 2:
        return _ones(M, dtype, device, requires_grad)
    end = min(beta, -beta + (M - 1) * (2.0 * beta / _span(M, sym)))
    places = _places(-beta, end, M, dtype, device, requires_grad)
    # Rounding must not carry a place beyond beta.
    rest = (beta * beta - places * places).clamp(min=0.0)
    whole = FUNCTIONS["tensor"](float(beta), dtype=dtype)
    made: Tensor = FUNCTIONS["i0"](rest.sqrt()) / FUNCTIONS["i0"](whole)
    return made


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """The sum of (-1)^k a[k] cos(2 pi k n / (M - 1)) for the samples n, shape (M,).

    Raises TypeError for coefficients that are no list, ValueError for none.

    >>> import facula as torch
    >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    dtype = _checked("general_cosine", M, dtype, layout)
    if M < 2:
        return _ones(M, dtype, device, requires_grad)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    factors = list(a)
    if not factors:
        raise ValueError("Coefficients cannot be empty")
    step = 2 * math.pi / _span(M, sym)
    places = _places(0, (M - 1) * step, M, dtype, device, requires_grad)
    signed = FUNCTIONS["tensor"](
        [(-1) ** k * factor for k, factor in enumerate(factors)],
        dtype=dtype, device=device, requires_grad=requires_grad,
    )  # fmt: skip
    orders = FUNCTIONS["arange"](len(factors), dtype=dtype)
    made: Tensor = (signed.unsqueeze(-1) * (orders.unsqueeze(-1) * places).cos()).sum(0)
    return made


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi n / (M - 1)) for the samples n, shape (M,).

    >>> import facula as torch
    >>> torch.signal.windows.general_hamming(3, alpha=0.5)
    tensor([0., 1., 0.])
    """
    return general_cosine(
        M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def hamming(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """`general_hamming` with alpha 0.54, shape (M,).

    >>> import facula as torch
    >>> torch.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(
        M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def hann(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """sin(pi n / (M - 1))^2 for the samples n, shape (M,).

    >>> import facula as torch
    >>> torch.signal.windows.hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return general_hamming(
        M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def blackman(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """`general_cosine` with 0.42, 0.5 and 0.08, shape (M,).

    >>> import facula as torch
    >>> torch.signal.windows.blackman(4, sym=False)
    tensor([-1.4901e-08,  3.4000e-01,  1.0000e+00,  3.4000e-01])
    """
    dtype = _checked("blackman", M, dtype, layout)
    return general_cosine(
        M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """1 - |2 n / (M - 1) - 1|, a triangle of M samples, shape (M,).

    `sym=False` makes it periodic: M + 1 samples without the last, for spectra. Raises ValueError
    for a negative M.

    >>> import facula as torch
    >>> torch.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    dtype = _checked("bartlett", M, dtype, layout)
    if M < 2:
        return _ones(M, dtype, device, requires_grad)
    end = -1 + (M - 1) * (2 / _span(M, sym))
    return 1 - _places(-1, end, M, dtype, device, requires_grad).abs()


def nuttall(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Layout = strided,
    device: object = None,
    requires_grad: bool = False,
) -> Tensor:
    """`general_cosine` with Nuttall's four minimal terms (1981), shape (M,).

    >>> import facula as torch
    >>> torch.signal.windows.nuttall(5)[:2]
    tensor([0.0004, 0.2270])
    """
    return general_cosine(
        M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout,
        device=device, requires_grad=requires_grad,
    )  # fmt: skip
