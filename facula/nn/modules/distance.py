"""Distances of vectors as modules."""

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last dimension. Inputs (N, D) or (D), output (N) or ().

    >>> import facula as torch
    >>> torch.nn.PairwiseDistance()(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        made: Tensor = F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
        return made


class CosineSimilarity(Module):
    """The cosine, in [-1, 1], of the angle between vectors along `dim`.

    Inputs (*, D, *) that broadcast, output (*, *) without dim; norms below `eps` count as eps.

    >>> import facula as torch
    >>> torch.nn.CosineSimilarity(dim=0)(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 4.0]))
    tensor(0.6000)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        made: Tensor = F.cosine_similarity(x1, x2, self.dim, self.eps)
        return made
