"""Dropout and its kinds: zero at random while training, do nothing in evaluation."""

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]


class _DropoutNd(Module):
    """What all share. Abstract."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeroes each element with probability `p` in training and scales the others by 1 / (1 - p).

    Input and output (*): any shape. In evaluation nothing is done. Raises ValueError for p outside
    [0, 1]. Srivastava et al. (2014).

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.Dropout(p=0.5)(torch.ones(6))
    tensor([0., 0., 2., 0., 0., 0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Zeroes each channel of (N, C, L) or (C, L) with probability `p`, and scales the others.

    Raises ValueError for p outside [0, 1], RuntimeError for another number of dimensions.

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.Dropout1d()(torch.ones(1, 4, 2)).sum(2)
    tensor([[0., 0., 4., 0.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Zeroes each channel of (N, C, H, W) with probability `p`, and scales the others.

    Raises ValueError for p outside [0, 1]. Tompson et al., arXiv 1411.4280.

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.Dropout2d()(torch.ones(1, 4, 2, 2)).sum((2, 3))
    tensor([[0., 0., 8., 0.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Zeroes each channel of (N, C, D, H, W) with probability `p`, and scales the others.

    Raises ValueError for p outside [0, 1].

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.Dropout3d()(torch.ones(1, 4, 1, 2, 2)).sum((2, 3, 4))
    tensor([[0., 0., 8., 0.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean 0 and variance 1, for SELU (Klambauer et al., arXiv 1706.02515).

    Elements are set to SELU's lower limit, then all are scaled and shifted. Input and output (*).
    Raises ValueError for p outside [0, 1].

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.AlphaDropout()(torch.ones(4))
    tensor([-0.7792, -0.7792,  1.6656, -0.7792])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels of (N, C, ...). Raises ValueError for p outside [0, 1].

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.FeatureAlphaDropout()(torch.ones(1, 4, 1))
    tensor([[[-0.7792],
             [-0.7792],
             [ 1.6656],
             [-0.7792]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
