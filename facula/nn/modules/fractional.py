"""Max pooling over windows at random places, as modules."""

from collections.abc import Callable
from typing import Any, ClassVar

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]

Size = int | tuple[int, ...]
Ratio = float | tuple[float, ...]


class _FractionalMaxPool(Module):
    """The largest element of every window at random places (Graham, arXiv 1412.6071). Abstract."""

    function: ClassVar[Callable[..., Any]]
    rank: ClassVar[int]
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        if self.rank == 3 and min(self._each(kernel_size)) <= 0:
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        self.kernel_size = self._each(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else self._each(output_size)
        self.output_ratio = None if output_ratio is None else self._each(output_ratio)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{type(self).__name__} requires specifying either an output size, or a pooling "
                "ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def _each(self, value: Any) -> tuple[Any, ...]:
        return tuple(value) if isinstance(value, tuple | list) else (value,) * self.rank

    def forward(self, input: Tensor) -> Any:
        return type(self).function(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest element of every window of an image at random places (Graham, arXiv 1412.6071).

    Input (N, C, H, W) or (C, H, W), output (N, C, *output_size); draws places from the default
    generator. Raises ValueError unless exactly one of `output_size` and `output_ratio` (in (0, 1))
    is given.

    >>> import facula as torch
    >>> torch.nn.FractionalMaxPool2d(2, output_size=3)(torch.zeros(1, 1, 7, 7)).shape
    torch.Size([1, 1, 3, 3])
    """

    function = staticmethod(F.fractional_max_pool2d)
    rank = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """`FractionalMaxPool2d` of volumes: (N, C, D, H, W) or (C, D, H, W).

    >>> import facula as torch
    >>> torch.nn.FractionalMaxPool3d(2, output_ratio=0.5)(torch.zeros(1, 1, 6, 6, 6)).shape
    torch.Size([1, 1, 3, 3, 3])
    """

    function = staticmethod(F.fractional_max_pool3d)
    rank = 3
