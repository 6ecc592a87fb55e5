"""Pooling layers of one, two and three dimensions, on classes that share what they share."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d",
    "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]  # fmt: skip

Size = int | tuple[int, ...]
Wanted = int | tuple[int | None, ...] | None


def _repeated(value: Size, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,) * rank


# --- largest elements --------------------------------------------------------------------------


class _MaxPool(Module):
    """Abstract. The largest element of every window."""

    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest element of every window of a row; with `return_indices`, also where it stood.

    Input (N, C, L) or (C, L), output (N, C, L'), L' = floor((L + 2 padding - dilation (kernel_size
    - 1) - 1) / stride) + 1, rounded up with `ceil_mode`; stride is kernel_size where not given.
    Padding counts as -inf. Raises RuntimeError for other shapes, or padding of more than half a
    window.

    >>> import facula as torch
    >>> torch.nn.MaxPool1d(2)(torch.tensor([[1.0, 5.0, 4.0, 2.0]]))
    tensor([[5., 4.]])
    """

    function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of every window of an image; with `return_indices`, also where it stood.

    Input (N, C, H, W) or (C, H, W), output (N, C, H', W'), sizes by the formula of `MaxPool1d`,
    errors too; indices count h * W + w.

    >>> import facula as torch
    >>> torch.nn.MaxPool2d(2)(torch.arange(8.0).reshape(1, 2, 4))
    tensor([[[5., 7.]]])
    """

    function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of every window of a volume; with `return_indices`, also where it stood.

    Input (N, C, D, H, W) or (C, D, H, W), output (N, C, D', H', W'), sizes by the formula of
    `MaxPool1d`, errors too.

    >>> import facula as torch
    >>> torch.nn.MaxPool3d(2)(torch.arange(8.0).reshape(1, 2, 2, 2))
    tensor([[[[7.]]]])
    """

    function = staticmethod(F.max_pool3d)


class _MaxUnpool(Module):
    """Abstract. Puts elements back to where a max pooling found them."""

    function: ClassVar[Callable[..., Any]]
    rank: ClassVar[int]

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size = _repeated(kernel_size, self.rank)
        self.stride = _repeated(kernel_size if stride is None else stride, self.rank)
        self.padding = _repeated(padding, self.rank)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        made: Tensor = type(self).function(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )
        return made

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros, with the input's elements where MaxPool1d found them.

    Input and indices (N, C, L) or (C, L); the output has the size pooling came from, or
    `output_size` where it is called. Raises ValueError for an output_size that cannot be,
    RuntimeError for an index outside.

    >>> import facula as torch
    >>> y, where = torch.nn.MaxPool1d(2, return_indices=True)(torch.tensor([[1.0, 5.0]]))
    >>> torch.nn.MaxUnpool1d(2)(y, where)
    tensor([[0., 5.]])
    """

    function = staticmethod(F.max_unpool1d)
    rank = 1


class MaxUnpool2d(_MaxUnpool):
    """Zeros, with the input's elements where MaxPool2d found them.

    Input and indices (N, C, H, W) or (C, H, W); the output has the size pooling came from, or
    `output_size` where it is called. Raises ValueError for an output_size that cannot be,
    RuntimeError for an index outside.

    >>> import facula as torch
    >>> y, where = torch.nn.MaxPool2d(2, return_indices=True)(torch.eye(2).reshape(1, 2, 2))
    >>> torch.nn.MaxUnpool2d(2)(y, where)
    tensor([[[1., 0.],
             [0., 0.]]])
    """

    function = staticmethod(F.max_unpool2d)
    rank = 2


class MaxUnpool3d(_MaxUnpool):
    """Zeros, with the input's elements where MaxPool3d found them.

    Input and indices (N, C, D, H, W) or (C, D, H, W); the output has the size pooling came from, or
    `output_size` where it is called. Raises ValueError for an output_size that cannot be,
    RuntimeError for an index outside.

    >>> import facula as torch
    >>> x = torch.zeros(1, 2, 2, 2)
    >>> torch.nn.MaxUnpool3d(2)(*torch.nn.MaxPool3d(2, return_indices=True)(x)).shape
    torch.Size([1, 2, 2, 2])
    """

    function = staticmethod(F.max_unpool3d)
    rank = 3


# --- averages ----------------------------------------------------------------------------------


class AvgPool1d(Module):
    """The mean of every window of a row.

    Input (N, C, L) or (C, L), output (N, C, L'), L' = floor((L + 2 padding - kernel_size) / stride)
    + 1, rounded up with `ceil_mode`. Padding counts as 0, and in the number of elements unless
    `count_include_pad` is False. Raises RuntimeError for other shapes, or padding of more than half
    a window.

    >>> import facula as torch
    >>> torch.nn.AvgPool1d(2)(torch.tensor([[1.0, 5.0, 4.0, 2.0]]))
    tensor([[3., 3.]])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _repeated(kernel_size, 1)
        self.stride = _repeated(kernel_size if stride is None else stride, 1)
        self.padding = _repeated(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        made: Tensor = F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )
        return made

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    """Abstract. The mean of every window of two or three dimensions."""

    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        made: Tensor = type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return made

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The mean of every window of an image, or their sum over `divisor_override`.

    Input (N, C, H, W) or (C, H, W), output (N, C, H', W'); sizes, padding and errors are those of
    `AvgPool1d`.

    >>> import facula as torch
    >>> torch.nn.AvgPool2d(2)(torch.arange(8.0).reshape(1, 2, 4))
    tensor([[[2.5000, 4.5000]]])
    """

    function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of every window of a volume, or their sum over `divisor_override`.

    Input (N, C, D, H, W) or (C, D, H, W), output (N, C, D', H', W'); sizes, padding and errors are
    those of `AvgPool1d`.

    >>> import facula as torch
    >>> torch.nn.AvgPool3d(2)(torch.arange(8.0).reshape(1, 2, 2, 2))
    tensor([[[[3.5000]]]])
    """

    function = staticmethod(F.avg_pool3d)


class _LPPool(Module):
    """Abstract. The p-th root of the sum of p-th powers of every window."""

    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        made: Tensor = type(self).function(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )
        return made

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """sum(x^p)^(1/p) over every window of a row, p being `norm_type`.

    Input (N, C, L) or (C, L), output (N, C, L') with as many windows as fit. Raises RuntimeError
    for other shapes.

    >>> import facula as torch
    >>> torch.nn.LPPool1d(2, 2)(torch.tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """

    function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """sum(x^p)^(1/p) over every window of an image, (N, C, H, W) or (C, H, W); see `LPPool1d`.

    >>> import facula as torch
    >>> torch.nn.LPPool2d(2, 2)(torch.full((1, 2, 2), 3.0))
    tensor([[[6.]]])
    """

    function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """sum(x^p)^(1/p) over every window of a volume, (N, C, D, H, W) or (C, D, H, W); see
    `LPPool1d`.

    >>> import facula as torch
    >>> torch.nn.LPPool3d(1, 2)(torch.ones(1, 2, 2, 2))
    tensor([[[[8.]]]])
    """

    function = staticmethod(F.lp_pool3d)


# --- windows spread evenly ---------------------------------------------------------------------


class _AdaptiveAvgPool(Module):
    """Abstract. The means of as many windows as asked for."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: Wanted) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        made: Tensor = type(self).function(input, self.output_size)
        return made

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of `output_size` windows of a row.

    Input (N, C, L) or (C, L), output (N, C, output_size). Window i goes from floor(i L / n) to
    ceil((i + 1) L / n). Raises RuntimeError for other shapes.

    >>> import facula as torch
    >>> torch.nn.AdaptiveAvgPool1d(2)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1.5000, 2.5000]])
    """

    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of as many windows as give images of `output_size`; None keeps a size.

    Input (N, C, H, W) or (C, H, W), output with H and W replaced. Raises ValueError for too few
    dimensions.

    >>> import facula as torch
    >>> torch.nn.AdaptiveAvgPool2d((5, None))(torch.zeros(1, 64, 10, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of as many windows as give volumes of `output_size`; None keeps a size.

    Input (N, C, D, H, W) or (C, D, H, W), output with D, H and W replaced. Raises ValueError for
    too few dimensions.

    >>> import facula as torch
    >>> torch.nn.AdaptiveAvgPool3d((2, 5, None))(torch.zeros(1, 4, 8, 10, 9)).shape
    torch.Size([1, 4, 2, 5, 9])
    """

    function = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(Module):
    """Abstract. The largest elements of as many windows as asked for."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: Wanted, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return type(self).function(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of `output_size` windows of a row.

    Input (N, C, L) or (C, L), output (N, C, output_size). Window i goes from floor(i L / n) to
    ceil((i + 1) L / n). Raises RuntimeError for other shapes.

    >>> import facula as torch
    >>> torch.nn.AdaptiveMaxPool1d(2)(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3.]])
    """

    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of as many windows as give images of `output_size`; None keeps a size.

    Input (N, C, H, W) or (C, H, W), output with H and W replaced. Raises ValueError for too few
    dimensions.

    >>> import facula as torch
    >>> torch.nn.AdaptiveMaxPool2d((5, None))(torch.zeros(1, 64, 10, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest elements of as many windows as give volumes of `output_size`; None keeps a size.

    Input (N, C, D, H, W) or (C, D, H, W), output with D, H and W replaced. Raises ValueError for
    too few dimensions.

    >>> import facula as torch
    >>> torch.nn.AdaptiveMaxPool3d((2, 5, None))(torch.zeros(1, 4, 8, 10, 9)).shape
    torch.Size([1, 4, 2, 5, 9])
    """

    function = staticmethod(F.adaptive_max_pool3d)
