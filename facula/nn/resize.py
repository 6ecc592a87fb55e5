"""Interpolation as torch.nn.functional has it, and windows as columns."""

import math
import warnings
from collections.abc import Sequence

from facula.dispatch.layout import dtype_word
from facula.launch.resampling import Axis
from facula.meta.dtype import float64
from facula.meta.layout import channels_last, channels_last_3d
from facula.nn import pool
from facula.ops.calls import op
from facula.tensor import Tensor

Size = int | Sequence[int]
Scale = float | Sequence[float]

# What the kernels call an axis of a mode, and for how many dimensions of an image a mode is made.
KERNELS = {
    "nearest": "nearest", "nearest-exact": "nearest-exact", "linear": "linear",
    "bilinear": "linear", "bicubic": "cubic", "trilinear": "linear", "lanczos": "lanczos",
}  # fmt: skip
RANKS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3, "lanczos": 2}


def interpolate(
    input: Tensor,
    size: Size | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input made larger or smaller along its last dimensions, to `size` or by `scale_factor`.

    Input (N, C, *spatial), the result (N, C, *size), size in pixels. Modes: nearest, nearest-exact,
    linear (3-D input), bilinear and bicubic (4-D), trilinear (5-D), area; lanczos (4-D) with
    antialias. `align_corners` puts the centres of the corner pixels on each other, not their edges.
    Raises as torch does: ValueError for arguments that contradict each other, NotImplementedError
    for a mode that the input has not the dimensions for.

    >>> import facula as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    >>> torch.nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), 3, mode="linear")
    tensor([[[1.0000, 1.5000, 2.0000]]])
    """
    if align_corners is not None and mode in ("nearest", "area", "nearest-exact"):
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    sizes, scales = _wanted(input, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    smoothed = ("bilinear", "bicubic", "lanczos")
    if antialias and not (mode in smoothed and input.dim() == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if recompute_scale_factor or mode == "area":
        scales = [0.0] * len(sizes)
    rank = input.dim() - 2
    if rank not in (1, 2, 3) or not _takes(mode, rank):
        raise NotImplementedError(_no_mode(mode, rank))
    if mode == "area":
        adaptive = (op.adaptive_avg_pool1d, pool.adaptive_avg_pool2d, pool.adaptive_avg_pool3d)
        averaged: Tensor = adaptive[rank - 1](input, sizes)
        return averaged
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    _check(input, sizes, mode, rank)
    wide = input.form.dtype is float64
    axes = [
        Axis(KERNELS[mode], n, out, bool(align_corners), scale, antialias, wide)
        for n, out, scale in zip(input.shape[2:], sizes, scales, strict=True)
    ]
    made: Tensor = op.resample(input, tuple(axes))
    if not input.form.suggests_last:
        return made
    return made.contiguous(memory_format=channels_last if rank == 2 else channels_last_3d)


def _wanted(
    input: Tensor, size: Size | None, scale_factor: Scale | None
) -> tuple[list[int], list[float]]:
    """The sizes asked for, and the factors (0: the sizes say it)."""
    spatial = list(input.shape[2:])
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        sizes = list(size) if isinstance(size, Sequence) else [size] * len(spatial)
        if len(sizes) != len(spatial):
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input "
                f"with spatial dimensions of {spatial} and output size of {size}. Please provide "
                "input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) "
                "format."
            )
        if not all(isinstance(n, int) for n in sizes):
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, "
                f"int, int], but got size with types {[type(n) for n in sizes]}"
            )
        return sizes, [0.0] * len(sizes)
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if isinstance(scale_factor, Sequence):
        if len(scale_factor) != len(spatial):
            raise ValueError(
                "Input and scale_factor must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {spatial} and scale_factor of shape "
                f"{scale_factor}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
                "scale_factor in (s1, s2, ...,sK) format."
            )
        scales = list(scale_factor)
    else:
        scales = [scale_factor] * len(spatial)
    if not all(isinstance(scale, (int, float)) for scale in scales):
        raise TypeError(f"interpolate: expected scale_factor to be numbers, got {scale_factor!r}")
    if not all(map(math.isfinite, scales)):
        raise RuntimeError("value cannot be converted to type int64_t without overflow")
    return [int(math.floor(n * s) if s > 0 else n * s) for n, s in zip(spatial, scales)], [
        float(s) for s in scales
    ]


def _takes(mode: str, rank: int) -> bool:
    if mode in ("nearest", "nearest-exact", "area"):
        return True
    return RANKS.get(mode) == rank


def _no_mode(mode: str, rank: int) -> str:
    if rank in (1, 2, 3) and mode in RANKS and mode not in ("bicubic", "lanczos"):
        return f"Got {rank + 2}D input, but {mode} mode needs {RANKS[mode] + 2}D input"
    return (
        f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {rank + 2}D) for the modes: "
        "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got "
        f"{mode})"
    )


def _check(input: Tensor, sizes: list[int], mode: str, rank: int) -> None:
    """Sizes and dtypes that torch's kernels take."""
    spatial = list(input.shape[2:])
    if min(spatial) <= 0 or min(sizes) <= 0:
        letters = "DHW"[3 - rank :]
        given, wanted = (
            ", ".join(f"{a}: {n}" for a, n in zip(letters, values, strict=True))
            for values in (spatial, sizes)
        )
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({given}) output "
            f"({wanted})"
        )
    if input.shape[1] == 0:
        raise RuntimeError(
            f"Non-empty {rank + 2}D data tensor expected but got a tensor with sizes "
            f"{list(input.shape)}"
        )
    dtype = input.form.dtype
    nearest = mode.startswith("nearest")
    if dtype.is_floating_point or nearest and dtype.name == "uint8":
        return
    if mode == "lanczos":
        raise NotImplementedError(
            f"\"compute_index_ranges_weights\" not implemented for '{dtype_word(dtype)}'"
        )
    name = f"compute_indices_weights_{KERNELS[mode].removesuffix('-exact')}"
    if rank == 2 and mode in ("nearest", "nearest-exact", "bilinear"):
        name = f"upsample_{mode.removesuffix('-exact')}2d_channels_last"
    raise NotImplementedError(f"\"{name}\" not implemented for '{dtype_word(dtype)}'")


def upsample(
    input: Tensor,
    size: Size | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The old name of `interpolate`; a UserWarning says so.

    >>> import facula as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.nn.functional.upsample(torch.tensor([[[1.0, 2.0]]]), 3, mode="linear")
    tensor([[[1.0000, 1.5000, 2.0000]]])
    """
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: Size | None = None, scale_factor: Scale | None = None
) -> Tensor:
    """The old name of `interpolate` with mode nearest; a UserWarning says so.

    >>> import facula as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.nn.functional.upsample_nearest(torch.tensor([[[1.0, 2.0]]]), 4)
    tensor([[[1., 1., 2., 2.]]])
    """
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(
    input: Tensor, size: Size | None = None, scale_factor: Scale | None = None
) -> Tensor:
    """The old name of `interpolate` with mode bilinear and aligned corners; a UserWarning says so.

    >>> import facula as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.nn.functional.upsample_bilinear(torch.tensor([[[[1.0, 2.0]]]]), (1, 3))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# --- windows as columns ------------------------------------------------------------------------


def unfold(
    input: Tensor,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """Every window of an image as a column; `fold` adds them up again.

    Input (N, C, H, W) or (C, H, W), result (N, C * kh * kw, L) or without N, L being the number of
    windows. Raises RuntimeError for windows larger than the padded image.

    >>> import facula as torch
    >>> torch.nn.functional.unfold(torch.arange(6.0).reshape(1, 1, 2, 3), 2)
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """
    made: Tensor = op.im2col(input, kernel_size, dilation, padding, stride)
    return made


def fold(
    input: Tensor,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """Columns added up where their windows lie in an image of `output_size`.

    Input (N, C * kh * kw, L) or without N, result (N, C, H, W) or without N. Not the inverse of
    `unfold` where windows overlap: it adds. Raises RuntimeError for a number of rows or columns
    that does not fit.

    >>> import facula as torch
    >>> torch.nn.functional.fold(torch.ones(1, 4, 2), (2, 3), 2)
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    made: Tensor = op.col2im(input, output_size, kernel_size, dilation, padding, stride)
    return made


# --- pixels and channels -----------------------------------------------------------------------

pixel_shuffle = op.pixel_shuffle
pixel_unshuffle = op.pixel_unshuffle
channel_shuffle = op.channel_shuffle
