"""Convolutions of rows, images and volumes, and transposed ones, on classes they share."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from facula import ops
from facula.meta.device import device as Device
from facula.meta.dtype import dtype as DType
from facula.nn import functional as F
from facula.nn.modules.linear import reset_weight_and_bias
from facula.nn.modules.module import Module
from facula.nn.parameter import Parameter
from facula.tensor import Tensor

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

_PADDINGS = ("same", "valid")
_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _repeated(value: int | Iterable[int], count: int) -> tuple[int, ...]:
    """`value` once for each of `count` dimensions, unless it is a sequence already."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * count


class _ConvNd(Module):
    """What all convolutions share: checks, weights, printed form. Abstract."""

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Device | str | None,
        dtype: DType | None,
        output_padding: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in _PADDINGS:
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {set(_PADDINGS)}"
                )
            if padding == "same" and any(step != 1 for step in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {set(_PADDING_MODES)}, "
                f"but got padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        # Only transposed ones are given one.
        self.transposed = output_padding is not None
        self.output_padding = output_padding or (0,) * len(kernel_size)
        self.groups = groups
        self.padding_mode = padding_mode
        shape = (out_channels, in_channels // groups, *kernel_size)
        if self.transposed:
            shape = (in_channels, out_channels // groups, *kernel_size)
        self.weight = Parameter(ops.empty(*shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(ops.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        reset_weight_and_bias(self.weight, self.bias)

    def _padding_around(self) -> list[int]:
        """What `F.pad` takes: before and after, last dimension first."""
        around: list[int] = []
        for place in reversed(range(len(self.kernel_size))):
            if not isinstance(self.padding, str):
                around += [self.padding[place]] * 2
            elif self.padding == "same":
                total = self.dilation[place] * (self.kernel_size[place] - 1)
                around += [total // 2, total - total // 2]
            else:
                around += [0, 0]
        return around

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}"
        text += f", kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.dilation):
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * len(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    """Abstract. Cross-correlation of `rank` dimensions."""

    rank: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str | int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        rank = self.rank
        super().__init__(
            in_channels,
            out_channels,
            _repeated(kernel_size, rank),
            _repeated(stride, rank),
            padding if isinstance(padding, str) else _repeated(padding, rank),
            _repeated(dilation, rank),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor) -> Tensor:
        function = type(self).function
        if self.padding_mode == "zeros":
            return function(
                input,
                self.weight,
                self.bias,
                self.stride,
                self.padding,
                self.dilation,
                self.groups,
            )
        padded = F.pad(input, self._padding_around(), mode=self.padding_mode)
        return function(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class Conv1d(_Conv):
    """Cross-correlation of rows with `out_channels` learned filters.

    Input (N, C, L) or (C, L), output (N, out_channels, L'), L' = floor((L + 2 padding - dilation
    (kernel_size - 1) - 1) / stride) + 1. `padding` is a number for each side, 'valid' (none) or
    'same' (as much as keeps the size). weight (out_channels, C / groups, kernel_size) and bias
    (out_channels) start from U(-1 / sqrt(n), 1 / sqrt(n)), n = C / groups * kernel_size. Raises
    ValueError for channels that groups do not divide and unknown words, RuntimeError for another
    number of channels.

    >>> import facula as torch
    >>> torch.nn.Conv1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    rank = 1
    function = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Cross-correlation of images with `out_channels` learned filters.

    Input (N, C, H, W) or (C, H, W), output (N, out_channels, H', W'), sizes by the formula of
    `Conv1d`; `padding_mode` 'zeros', 'reflect', 'replicate' or 'circular' says what stands outside.
    weight (out_channels, C / groups, kh, kw) and bias (out_channels) start from U(-1 / sqrt(n), 1 /
    sqrt(n)), n = C / groups * kh * kw. Errors are those of Conv1d.

    >>> import facula as torch
    >>> torch.nn.Conv2d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50, 100)).shape
    torch.Size([20, 33, 24, 49])
    """

    rank = 2
    function = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Cross-correlation of volumes with `out_channels` learned filters.

    Input (N, C, D, H, W) or (C, D, H, W), output (N, out_channels, D', H', W'), sizes by the
    formula of `Conv1d`; weight (out_channels, C / groups, kd, kh, kw) and bias (out_channels) start
    as there. Errors are those of Conv1d.

    >>> import facula as torch
    >>> torch.nn.Conv3d(3, 4, 3, stride=(2, 1, 1))(torch.zeros(2, 3, 7, 8, 9)).shape
    torch.Size([2, 4, 3, 6, 7])
    """

    rank = 3
    function = staticmethod(F.conv3d)


class _ConvTranspose(_ConvNd):
    """Abstract. The gradient of a convolution's input, as a layer."""

    rank: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
        padding_mode: str = "zeros",
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        rank = self.rank
        super().__init__(
            in_channels,
            out_channels,
            _repeated(kernel_size, rank),
            _repeated(stride, rank),
            _repeated(padding, rank),
            _repeated(dilation, rank),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            _repeated(output_padding, rank),
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        more = self.output_padding
        if output_size is not None:
            more = self._output_padding(input, tuple(output_size))
        return type(self).function(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )

    def _output_padding(self, input: Tensor, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """What makes the result of the size wanted; a stride leaves that open."""
        leading = 2 if input.dim() == self.rank + 2 else 1
        if len(wanted) == leading + self.rank:
            wanted = wanted[leading:]
        if len(wanted) != self.rank:
            raise ValueError(
                f"ConvTranspose{self.rank}D: for {input.dim()}D input, output_size must have "
                f"{self.rank} or {leading + self.rank} elements (got {len(wanted)})"
            )
        assert not isinstance(self.padding, str)
        numbers = zip(
            input.shape[leading:],
            self.stride,
            self.padding,
            self.dilation,
            self.kernel_size,
            strict=True,
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in numbers]
        most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        if any(not low <= n <= high for low, n, high in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {least} to "
                f"{most} (for an input of {input.size()[2:]})"
            )
        return tuple([n - low for n, low in zip(wanted, least, strict=True)])


class ConvTranspose1d(_ConvTranspose):
    """What a convolution of rows spreads its input to: the gradient of its input, as a layer.

    Input (N, C, L) or (C, L), output (N, out_channels, L'), L' = (L - 1) stride - 2 padding +
    dilation (kernel_size - 1) + output_padding + 1. `output_size`, where it is called, chooses
    among the sizes that a stride leaves open. weight (C, out_channels / groups, kernel_size) and
    bias (out_channels) start from U(-1 / sqrt(n), 1 / sqrt(n)), n = out_channels / groups *
    kernel_size. Raises ValueError for another padding mode than 'zeros' or an output_size that
    cannot be, RuntimeError for another number of channels.

    >>> import facula as torch
    >>> torch.nn.ConvTranspose1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 101])
    """

    rank = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """What a convolution of images spreads its input to: the gradient of its input, as a layer.

    Input (N, C, H, W) or (C, H, W), output (N, out_channels, H', W'); weight (C, out_channels /
    groups, kh, kw) and bias (out_channels). Sizes, start and errors are those of `ConvTranspose1d`.

    >>> import facula as torch
    >>> up = torch.nn.ConvTranspose2d(16, 8, 3, stride=2)
    >>> up(torch.zeros(1, 16, 5, 6)).shape, up(torch.zeros(1, 16, 5, 6), (12, 14)).shape
    (torch.Size([1, 8, 11, 13]), torch.Size([1, 8, 12, 14]))
    """

    rank = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """What a convolution of volumes spreads its input to: the gradient of its input, as a layer.

    Input (N, C, D, H, W) or (C, D, H, W), output (N, out_channels, D', H', W'); weight (C,
    out_channels / groups, kd, kh, kw) and bias (out_channels). Sizes, start and errors are those of
    `ConvTranspose1d`.

    >>> import facula as torch
    >>> torch.nn.ConvTranspose3d(4, 2, 2, stride=2)(torch.zeros(1, 4, 3, 4, 5)).shape
    torch.Size([1, 2, 6, 8, 10])
    """

    rank = 3
    function = staticmethod(F.conv_transpose3d)
