"""torch's own windows: hann_window and its kin, in the arithmetic of their dtype.

`facula.signal.windows` holds the newer forms.
"""

import math

from facula.kernel.scalar import maximum, sqrt
from facula.kernel.special.bessel import i0
from facula.meta import dtype as dtypes
from facula.op import SAME, composite, pointwise, registry


def _window(name, arguments, shape):
    """A record whose weights are `shape(places, n - 1, ...)`, places being 0, 1, ..., n - 1."""

    @composite(f"{name}(int window_length, bool periodic=True{arguments}, *, "
               "ScalarType? dtype=None, Layout? layout=None, Device? device=None, "
               "bool? pin_memory=None) -> Tensor", shape.__doc__)
    def window(window_length, periodic=True, *more, out=None, dtype=None, layout=None, device=None,
               pin_memory=False, requires_grad=False, **named):
        if layout is not None and repr(layout) != "torch.strided":
            raise RuntimeError(f"{name} is not implemented for sparse types, got: {layout}")
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
        if window_length < 0:
            raise RuntimeError(
                f"{name} requires non-negative window_length, got window_length={window_length}"
            )
        dtype = dtypes.get_default_dtype() if dtype is None else dtype
        size = window_length + (1 if periodic and window_length > 1 else 0)
        if size < 2:
            y = registry["ones"].function(size, dtype=dtype, layout=layout, device=device)
        else:
            places = registry["arange"].function(size, dtype=dtype, layout=layout, device=device)
            y = shape(places, size - 1, *more, **named).narrow(0, 0, window_length).clone()
        if out is not None:
            out.resize_(y.form.shape)
            return out.copy_(y)
        return y.requires_grad_(True) if requires_grad else y


def _bartlett(places, span):
    """A triangle of n samples; periodic, as by default: n of n + 1."""
    rising = places * (2.0 / span)
    half = span // 2 + 1
    falling = rising.narrow(0, half, span + 1 - half) * -1 + 2
    return registry["cat"].function([rising.narrow(0, 0, half), falling])


def _blackman(places, span):
    """0.42 - 0.5 cos(t) + 0.08 cos(2 t) with t = 2 pi k / (n - 1)."""
    angles = places * (math.pi / span)
    return (angles * 4).cos() * 0.08 - (angles * 2).cos() * 0.5 + 0.42


def _hamming(places, span, alpha=0.54, beta=0.46):
    """alpha - beta cos(2 pi k / (n - 1))."""
    return (places * (math.pi * 2.0 / span)).cos() * -beta + alpha


def _hann(places, span):
    """Half of 1 - cos(2 pi k / (n - 1))."""
    return _hamming(places, span, 0.5, 0.5)


def _kaiser(places, span, beta=12.0):
    """i0(beta sqrt(1 - x^2)) / i0(beta) for x from -1 to 1."""
    return registry["kaiser_weight"].function(places, 2.0 / span, float(beta))


pointwise("kaiser_weight(Tensor self, Scalar scale, Scalar beta) -> Tensor", SAME,
          "Kaiser's weight at self * scale - 1.",
          lambda x, scale, beta: i0(sqrt(maximum(1 - (x * scale - 1) * (x * scale - 1), 0))
                                    * beta) / i0(beta))
registry["kaiser_weight"].namespace, registry["kaiser_weight"].method = "private", False

_window("bartlett_window", "", _bartlett)
_window("blackman_window", "", _blackman)
_window("hamming_window", ", float alpha=0.54, float beta=0.46", _hamming)
_window("hann_window", "", _hann)
_window("kaiser_window", ", float beta=12.0", _kaiser)
