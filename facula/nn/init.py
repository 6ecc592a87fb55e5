"""Initialisation of weights, in place and unseen by autograd, with torch's draws in torch's order.

`fans` and `calculate_gain` say how wide a distribution must be; the functions named after Glorot
(xavier) and He (kaiming) apply them.
"""

import math
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from facula import ops
from facula.autograd.mode import no_grad
from facula.tensor import Tensor

if TYPE_CHECKING:
    from facula.generator import Generator

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_MODES = ("fan_in", "fan_out")
_CONVOLUTION = re.compile(r"conv(_transpose)?[123]d")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much a weight's standard deviation must grow to make up for what the nonlinearity takes
    away.

    1 for 'linear', 'sigmoid' and convolutions, 5/3 for 'tanh', sqrt(2) for 'relu', sqrt(2 / (1 +
    slope^2)) for 'leaky_relu', 3/4 for 'selu'. Raises ValueError for another name or a slope that
    is no number.

    >>> import facula as torch
    >>> torch.nn.init.calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity in ("linear", "sigmoid") or _CONVOLUTION.fullmatch(nonlinearity):
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output of a weight sees, and how many outputs each input reaches."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


# --- the plain distributions -------------------------------------------------------------------


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: "Generator | None" = None
) -> Tensor:
    """The tensor, filled from U(a, b), unseen by autograd.

    Draws from `generator`, by default the default one. Raises RuntimeError where a > b.

    >>> import facula as torch
    >>> weight = torch.nn.init.uniform_(torch.empty(100), -1.0, 1.0)
    >>> bool((weight.abs() <= 1).all()), weight.unique().numel() > 90
    (True, True)
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: "Generator | None" = None
) -> Tensor:
    """The tensor, filled from N(mean, std^2), unseen by autograd. Raises RuntimeError for a
    negative std.

    >>> import facula as torch
    >>> torch.nn.init.normal_(torch.empty(2, 2), mean=3.0, std=0.0)
    tensor([[3., 3.],
            [3., 3.]])
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The tensor, filled with `val`, unseen by autograd.

    >>> import facula as torch
    >>> torch.nn.init.constant_(torch.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """The tensor, filled with ones, unseen by autograd.

    >>> import facula as torch
    >>> torch.nn.init.ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """The tensor, filled with zeros, unseen by autograd.

    >>> import facula as torch
    >>> torch.nn.init.zeros_(torch.nn.Parameter(torch.ones(2)))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """
    with no_grad():
        return tensor.zero_()


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: "Generator | None" = None,
) -> Tensor:
    """The tensor, filled from N(mean, std^2) without what lies outside [a, b].

    Draws that fall outside are drawn again: from the normal distribution where it mostly falls
    inside, otherwise from U(a, b), accepted as often as the density says. A UserWarning comes for a
    mean more than two std outside [a, b].

    >>> import facula as torch
    >>> weight = torch.nn.init.trunc_normal_(torch.empty(100), std=2.0, a=-1.0, b=1.0)
    >>> bool((weight.abs() <= 1).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    below_b, below_a = ((1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0 for x in (b, a))
    with no_grad():
        if below_b - below_a > 0.3:
            _redraw_normal(tensor, mean, std, a, b, generator)
        else:
            _reject_uniform(tensor, mean, std, a, b, generator)
    return tensor


def _redraw_normal(
    tensor: Tensor,
    mean: float,
    std: float,
    a: float,
    b: float,
    generator: "Generator | None",
) -> None:
    # The limits as the tensor's dtype holds them: a draw equal to one of them stays.
    low, high = ops.tensor([a, b], dtype=tensor.dtype).tolist()
    tensor.normal_(mean, std, generator=generator)
    while True:
        outside = (tensor < low) | (tensor > high)
        if not outside.any():
            return
        again = ops.empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(ops.where(outside, again, tensor))


def _reject_uniform(
    tensor: Tensor,
    mean: float,
    std: float,
    a: float,
    b: float,
    generator: "Generator | None",
) -> None:
    highest = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2  # log of the density, up to a term
    chance = ops.empty_like(tensor)
    pending = None
    while pending is None or pending.any():
        drawn = ops.empty_like(tensor).uniform_(a, b, generator=generator)
        density = drawn.clone().sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(highest)
        refused = chance.uniform_(generator=generator).log_().gt(density)
        if pending is None:
            tensor.copy_(drawn)
            pending = refused
        else:
            tensor.copy_(ops.where(pending, drawn, tensor))
            pending = pending & refused


# --- by fan ------------------------------------------------------------------------------------


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: "Generator | None" = None
) -> Tensor:
    """The tensor, filled from U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)).

    The fans of a weight (out, in, *window) are in and out times the size of the window. Raises
    ValueError for less than two dimensions. Glorot and Bengio, Understanding the difficulty of
    training deep feedforward neural networks (2010).

    >>> import facula as torch
    >>> weight = torch.nn.init.xavier_uniform_(torch.empty(2, 4))
    >>> bool((weight.abs() <= 1).all())
    True
    """
    fan_in, fan_out = fans(tensor)
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / float(fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, generator: "Generator | None" = None
) -> Tensor:
    """The tensor, filled from N(0, s^2) with s = gain * sqrt(2 / (fan_in + fan_out)).

    Raises ValueError for less than two dimensions. Source and fans: see `xavier_uniform_`.

    >>> import facula as torch
    >>> torch.nn.init.xavier_normal_(torch.empty(2, 4), gain=0.0).abs()
    tensor([[0., 0., 0., 0.],
            [0., 0., 0., 0.]])
    """
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    mode = mode.lower()
    if mode not in _MODES:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(_MODES)}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[_MODES.index(mode)])


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: "Generator | None" = None,
) -> Tensor:
    """The tensor, filled from U(-b, b) with b = gain * sqrt(3 / fan) (He et al., arXiv 1502.01852).

    The gain is that of `calculate_gain(nonlinearity, a)`; `mode` 'fan_in' keeps the variance of
    what flows forward, 'fan_out' of gradients. A UserWarning comes for a tensor without elements.
    Raises ValueError for another mode or less than two dimensions.

    >>> import facula as torch
    >>> weight = torch.nn.init.kaiming_uniform_(torch.empty(2, 6), nonlinearity="relu")
    >>> bool((weight.abs() <= 1).all())
    True
    """
    if _warned_empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: "Generator | None" = None,
) -> Tensor:
    """The tensor, filled from N(0, s^2) with s = gain / sqrt(fan) (He et al., arXiv 1502.01852).

    Arguments and errors are those of `kaiming_uniform_`.

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> weight = torch.nn.init.kaiming_normal_(torch.empty(400, 200), nonlinearity="relu")
    >>> round(weight.std().item(), 2)
    0.1
    """
    if _warned_empty(tensor):
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _warned_empty(tensor: Tensor) -> bool:
    if 0 not in tensor.shape:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


# --- matrices with a structure -----------------------------------------------------------------


def eye_(tensor: Tensor) -> Tensor:
    """The matrix (n, m), made the identity (as far as it goes, if it is not square).

    Raises ValueError unless it has two dimensions.

    >>> import facula as torch
    >>> torch.nn.init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        tensor.zero_()
        tensor.diagonal().fill_(1)
    return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution, made to pass on as many channels unchanged as it can.

    (out, in, *window) with one to three dimensions of windows; each of `groups` groups passes its
    channels on. Raises ValueError for another number of dimensions or an `out` that groups do not
    divide.

    >>> import facula as torch
    >>> weight = torch.nn.init.dirac_(torch.empty(1, 1, 3))
    >>> torch.nn.functional.conv1d(torch.tensor([[[1.0, 2.0, 3.0]]]), weight, padding=1)
    tensor([[[1., 2., 3.]]])
    """
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    channels = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    with no_grad():
        tensor.zero_()
        for group in range(groups):
            for channel in range(min(channels, tensor.shape[1])):
                tensor[(group * channels + channel, channel, *middle)] = 1
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1, generator: "Generator | None" = None) -> Tensor:
    """The tensor, as a matrix (first dimension, all others), with orthonormal rows or columns times
    gain.

    Raises ValueError for less than two dimensions. Saxe et al., arXiv 1312.6120.

    >>> import facula as torch
    >>> weight = torch.nn.init.orthogonal_(torch.empty(2, 3))
    >>> torch.allclose(weight @ weight.T, torch.eye(2), atol=1e-6)
    True
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    drawn = ops.empty(rows, columns, dtype=tensor.dtype).normal_(0, 1, generator=generator).numpy()
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q = q * np.sign(np.diagonal(r))  # makes the decomposition, and so the distribution, unique
    if rows < columns:
        q = q.T
    with no_grad():
        tensor.copy_(ops.from_numpy(np.ascontiguousarray(q)).view(tensor.shape))
        tensor.mul_(gain)
    return tensor


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: "Generator | None" = None
) -> Tensor:
    """The matrix (n, m), filled from N(0, std^2) with a share `sparsity` of zeros in every column.

    Raises ValueError unless it has two dimensions. Martens, Deep learning via Hessian-free
    optimization (2010).

    >>> import facula as torch
    >>> (torch.nn.init.sparse_(torch.empty(4, 2), sparsity=0.5) == 0).sum(0)
    tensor([2, 2])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            tensor[ops.randperm(rows)[:zeros], column] = 0
    return tensor
