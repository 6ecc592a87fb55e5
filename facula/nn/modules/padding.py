"""Layers that put a border around their input: constant, mirrored, repeated, wrapped around."""

from collections.abc import Sequence
from typing import ClassVar

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d",
    "ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d",
    "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip

Sides = int | tuple[int, ...]


class _Pad(Module):
    """Abstract. `padding`: one number for all sides, or before and after, last dimension first."""

    rank: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Sides) -> None:
        super().__init__()
        many = 2 * self.rank
        self.padding = tuple(padding) if isinstance(padding, Sequence) else (padding,) * many

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Abstract. A border of one number."""

    mode = "constant"

    def __init__(self, padding: Sides, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_Pad):
    """Abstract. A border of zeros."""

    mode = "constant"


class _ReflectionPad(_Pad):
    """Abstract. What lies inside, mirrored at the edge, which is not repeated."""

    mode = "reflect"


class _ReplicationPad(_Pad):
    """Abstract. The edge, repeated."""

    mode = "replicate"


class _CircularPad(_Pad):
    """Abstract. The other side, as if the input went round."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        least = self.rank + 1
        if input.dim() not in (least, least + 1):
            raise ValueError(f"expected {least}D or {least + 1}D input (got {input.dim()}D input)")
        return super().forward(input)


class ConstantPad1d(_ConstantPad):
    """A border of `value` around rows (the last dimension).

    (*, W) to (*, W'); `padding` is one number, or one for each side, the last dimension first.
    Negative numbers cut off. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ConstantPad1d(1, 7.0)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[7., 1., 2., 3., 7.]])
    """

    rank = 1


class ConstantPad2d(_ConstantPad):
    """A border of `value` around images (the last two dimensions).

    (*, H, W) to (*, H', W'); `padding` is one number, or one for each side, the last dimension
    first. Negative numbers cut off. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ConstantPad2d(1, 7.0)(torch.arange(4.0).reshape(1, 2, 2))
    tensor([[[7., 7., 7., 7.],
             [7., 0., 1., 7.],
             [7., 2., 3., 7.],
             [7., 7., 7., 7.]]])
    """

    rank = 2


class ConstantPad3d(_ConstantPad):
    """A border of `value` around volumes (the last three dimensions).

    (*, D, H, W) to (*, D', H', W'); `padding` is one number, or one for each side, the last
    dimension first. Negative numbers cut off. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ConstantPad3d(1, 7.0)(torch.zeros(1, 3, 3, 3)).shape
    torch.Size([1, 5, 5, 5])
    """

    rank = 3


class ZeroPad1d(_ZeroPad):
    """A border of zeros around rows (the last dimension).

    (*, W) to (*, W'); `padding` is one number, or one for each side, the last dimension first.
    Negative numbers cut off. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ZeroPad1d(1)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[0., 1., 2., 3., 0.]])
    """

    rank = 1


class ZeroPad2d(_ZeroPad):
    """A border of zeros around images (the last two dimensions).

    (*, H, W) to (*, H', W'); `padding` is one number, or one for each side, the last dimension
    first. Negative numbers cut off. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ZeroPad2d(1)(torch.arange(4.0).reshape(1, 2, 2))
    tensor([[[0., 0., 0., 0.],
             [0., 0., 1., 0.],
             [0., 2., 3., 0.],
             [0., 0., 0., 0.]]])
    """

    rank = 2


class ZeroPad3d(_ZeroPad):
    """A border of zeros around volumes (the last three dimensions).

    (*, D, H, W) to (*, D', H', W'); `padding` is one number, or one for each side, the last
    dimension first. Negative numbers cut off. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ZeroPad3d(1)(torch.zeros(1, 3, 3, 3)).shape
    torch.Size([1, 5, 5, 5])
    """

    rank = 3


class ReflectionPad1d(_ReflectionPad):
    """A border that mirrors rows (the last dimension), the edge itself not repeated.

    (*, W) to (*, W'); `padding` is one number, or one for each side, the last dimension first.
    Raises RuntimeError for a border as wide as the input.

    >>> import facula as torch
    >>> torch.nn.ReflectionPad1d(1)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    rank = 1


class ReflectionPad2d(_ReflectionPad):
    """A border that mirrors images (the last two dimensions), the edge itself not repeated.

    (*, H, W) to (*, H', W'); `padding` is one number, or one for each side, the last dimension
    first. Raises RuntimeError for a border as wide as the input.

    >>> import facula as torch
    >>> torch.nn.ReflectionPad2d(1)(torch.arange(4.0).reshape(1, 2, 2))
    tensor([[[3., 2., 3., 2.],
             [1., 0., 1., 0.],
             [3., 2., 3., 2.],
             [1., 0., 1., 0.]]])
    """

    rank = 2


class ReflectionPad3d(_ReflectionPad):
    """A border that mirrors volumes (the last three dimensions), the edge itself not repeated.

    (*, D, H, W) to (*, D', H', W'); `padding` is one number, or one for each side, the last
    dimension first. Raises RuntimeError for a border as wide as the input.

    >>> import facula as torch
    >>> torch.nn.ReflectionPad3d(1)(torch.zeros(1, 3, 3, 3)).shape
    torch.Size([1, 5, 5, 5])
    """

    rank = 3


class ReplicationPad1d(_ReplicationPad):
    """A border that repeats the edge of rows (the last dimension).

    (*, W) to (*, W'); `padding` is one number, or one for each side, the last dimension first.
    Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ReplicationPad1d(1)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 2., 3., 3.]])
    """

    rank = 1


class ReplicationPad2d(_ReplicationPad):
    """A border that repeats the edge of images (the last two dimensions).

    (*, H, W) to (*, H', W'); `padding` is one number, or one for each side, the last dimension
    first. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ReplicationPad2d(1)(torch.arange(4.0).reshape(1, 2, 2))
    tensor([[[0., 0., 1., 1.],
             [0., 0., 1., 1.],
             [2., 2., 3., 3.],
             [2., 2., 3., 3.]]])
    """

    rank = 2


class ReplicationPad3d(_ReplicationPad):
    """A border that repeats the edge of volumes (the last three dimensions).

    (*, D, H, W) to (*, D', H', W'); `padding` is one number, or one for each side, the last
    dimension first. Raises RuntimeError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.ReplicationPad3d(1)(torch.zeros(1, 3, 3, 3)).shape
    torch.Size([1, 5, 5, 5])
    """

    rank = 3


class CircularPad1d(_CircularPad):
    """A border that goes on at the other side of rows (the last dimension).

    (*, W) to (*, W'); `padding` is one number, or one for each side, the last dimension first.
    Raises RuntimeError for a border wider than the input.

    >>> import facula as torch
    >>> torch.nn.CircularPad1d(1)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 1., 2., 3., 1.]])
    """

    rank = 1


class CircularPad2d(_CircularPad):
    """A border that goes on at the other side of images (the last two dimensions).

    (*, H, W) to (*, H', W'); `padding` is one number, or one for each side, the last dimension
    first. Raises RuntimeError for a border wider than the input.

    >>> import facula as torch
    >>> torch.nn.CircularPad2d(1)(torch.arange(4.0).reshape(1, 2, 2))
    tensor([[[3., 2., 3., 2.],
             [1., 0., 1., 0.],
             [3., 2., 3., 2.],
             [1., 0., 1., 0.]]])
    """

    rank = 2


class CircularPad3d(_CircularPad):
    """A border that goes on at the other side of volumes (the last three dimensions).

    (*, D, H, W) to (*, D', H', W'); `padding` is one number, or one for each side, the last
    dimension first. Raises RuntimeError for a border wider than the input.

    >>> import facula as torch
    >>> torch.nn.CircularPad3d(1)(torch.zeros(1, 3, 3, 3)).shape
    torch.Size([1, 5, 5, 5])
    """

    rank = 3
