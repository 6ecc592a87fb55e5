"""Sampling images at the points of grids, and pooling at random places, as torch has them."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from facula.ops.calls import op
from facula.tensor import Tensor

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def _aligned(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
            "1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
            "documentation of grid_sample for details.",
            stacklevel=3,
        )
    return bool(align_corners)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """(N, C, H, W) sampled at the points of a grid (N, H', W', 2), or (N, C, D, H, W) at those of
    (N, D', H', W', 3); points run from -1 to 1, x first.

    The result is (N, C, H', W') or (N, C, D', H', W'). Modes: bilinear (trilinear for volumes),
    nearest, bicubic (images only). Points outside count as 0 (zeros), as the nearest element
    (border), or are mirrored inside (reflection). -1 and 1 are the edges of the corner pixels,
    their centres with `align_corners`. Raises ValueError for an unknown mode, RuntimeError for
    shapes that do not fit. Jaderberg et al., arXiv 1506.02025.

    >>> import facula as torch
    >>> image = torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> torch.nn.functional.grid_sample(image, torch.zeros(1, 1, 1, 2), align_corners=False)
    tensor([[[[1.5000]]]])
    """
    if mode not in MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    aligned = _aligned(align_corners)
    made: Tensor = op.grid_sampler(
        input, grid, MODES.index(mode), PADDINGS.index(padding_mode), aligned
    )
    return made


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points that affine maps make of the points of an image of `size`, for `grid_sample`.

    theta (N, 2, 3) and size (N, C, H, W) give (N, H, W, 2), x first; theta (N, 3, 4) and size (N,
    C, D, H, W) give (N, D, H, W, 3). Coordinates run from -1 to 1. Raises ValueError for theta of
    another shape or dtype, NotImplementedError for a size of another length.

    >>> import facula as torch
    >>> theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> torch.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    aligned = _aligned(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    rank = len(size) - 2
    if rank not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (rank, rank + 1):
        raise ValueError(
            f"Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
            f"{size}. Got {theta.shape}."
        )
    if aligned and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True. This is not an intended use case of affine_grid. See the "
            "documentation of affine_grid for details.",
            stacklevel=2,
        )
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    made: Tensor = op.affine_grid_generator(theta, tuple(size), aligned)
    return made


# --- pooling at random places ------------------------------------------------------------------

Size = int | Sequence[int]
FRACTIONAL = """The largest element of every window at random places (Graham, arXiv 1412.6071).

    Input (N, C, {shape}) or (C, {shape}); the result has `output_size`, or the input's size times
    `output_ratio`, each between 0 and 1; with `return_indices` also where the elements stood.
    Windows overlap; where they begin is drawn from the default generator. Raises ValueError without
    a size and a ratio, RuntimeError for a size that the windows do not fit.

    >>> import facula as torch
    >>> x = torch.arange({count}.0).reshape({places})
    >>> torch.nn.functional.{name}(x, 2, output_size=1).item()
    {last}.0
    """
FRACTIONAL_WITH_INDICES = """The same without `_with_indices`, and where the elements stood.

    A place counts the elements of ({shape}) as one number, int64.

    >>> import facula as torch
    >>> x = torch.arange({count}.0).reshape({places})
    >>> torch.nn.functional.{name}(x, 2, output_size=1)[1].item()
    {last}
    """


def _fractional(rank: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"fractional_max_pool{rank}d"

    def with_indices(
        input: Tensor,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
        if output_size is None:
            assert output_ratio is not None
            if isinstance(output_ratio, Sequence):
                ratios = tuple(output_ratio)
            else:
                ratios = (output_ratio,) * rank
            if len(ratios) > rank:
                raise ValueError(
                    f"{name} requires output_ratio to either be a single Int or tuple of Ints."
                )
            sizes = input.shape[-rank:]
            output_size = [int(n * ratio) for n, ratio in zip(sizes, ratios, strict=True)]
        if _random_samples is None:
            batch = 1 if input.dim() == rank + 1 else input.shape[0]
            channels = input.shape[-rank - 1]
            _random_samples = op.rand(batch, channels, rank, dtype=input.dtype)
        made: tuple[Tensor, Tensor] = getattr(op, name)(
            input, kernel_size, output_size, _random_samples
        )
        return made

    def plain(
        input: Tensor,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        made = with_indices(
            input, kernel_size, output_size, output_ratio, return_indices, _random_samples
        )
        return made if return_indices else made[0]

    shape, count = ("H, W", "D, H, W")[rank - 2], 3**rank
    for function, called, words in (
        (plain, name, FRACTIONAL),
        (with_indices, f"{name}_with_indices", FRACTIONAL_WITH_INDICES),
    ):
        function.__name__ = function.__qualname__ = called
        function.__module__ = "facula.nn.functional"
        function.__doc__ = words.format(
            name=called, shape=shape, places="1" + ", 3" * rank, count=count, last=count - 1
        )
    return plain, with_indices


fractional_max_pool2d, fractional_max_pool2d_with_indices = _fractional(2)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _fractional(3)
