"""Images and volumes sampled at points that a grid gives, and grids of affine maps.

A point's coordinates run from -1 to 1 over the image (its outer edges, or with `align_corners` the
centres of its outer elements), the last dimension's first.
"""

import math

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.op import SAME, composite, pointwise, registry

BILINEAR, NEAREST, BICUBIC = range(3)
ZEROS, BORDER, REFLECTION = range(3)
# Keys' cubic kernel (1981) with the parameter that torch uses.
KEYS = -0.75


# --- coordinates ----------------------------------------------------------------------------------


def _in_elements(x, size, align_corners):
    """-1 ... 1 as element numbers."""
    if align_corners:
        return (x + 1) / 2 * (size - 1)
    return ((x + 1) * size - 1) / 2


def _clipped(x, size):
    """Moved into the image; what was moved, or lies on its edge, hands on no gradient."""
    inside = (x > 0) & (x < size - 1)
    return registry["where"].function(inside, x, x.detach().clamp(0, size - 1))


def _reflected(x, size, align_corners):
    """Mirrored at the edges of the image until inside."""
    low, high = (0, 2 * (size - 1)) if align_corners else (-1, 2 * size - 1)
    if low == high:
        return x * 0
    start, span = low / 2, (high - low) / 2
    away = (x - start).abs()
    turns = (away.detach() / span).floor()
    rest = away - turns * span
    even = turns.remainder(2) == 0
    return registry["where"].function(even, rest + start, span - rest + start)


def _padded(x, size, padding, align_corners):
    """Element numbers after the padding mode; far ones as a number outside, never nan."""
    if padding == BORDER:
        x = _clipped(x, size)
    elif padding == REFLECTION:
        x = _clipped(_reflected(x, size, align_corners), size)
    known = x.detach()
    sane = (known > -2147483647.0) & (known < 2147483646.0)
    return registry["where"].function(sane, x, -100.0)


def _taps(number, size):
    """Element numbers as places that exist, and which of them do."""
    exists = (number >= 0) & (number <= size - 1)
    return number.clamp(0, size - 1).to(dtypes.int64), exists


# --- sampling -------------------------------------------------------------------------------------


def _gathered(flat, axes, sizes):
    """(N, C, L) elements at a tap's (N, L) numbers along each axis; 0 where there is none."""
    place, exists = _taps(axes[0], sizes[0])
    for number, size in zip(axes[1:], sizes[1:], strict=True):
        at, inside = _taps(number, size)
        place, exists = place * size + at, exists & inside
    n, c = flat.form.shape[:2]
    values = flat.gather(2, place.unsqueeze(1).expand(n, c, place.form.shape[1]))
    return values.masked_fill(~exists.unsqueeze(1), 0.0)


def _nearest(flat, points, sizes):
    return _gathered(flat, [p.detach().round() for p in points], sizes)


def _linear(flat, points, sizes):
    """The corners around each point, weighted by nearness."""
    lows = [p.detach().floor() for p in points]
    nears = [p - low for p, low in zip(points, lows, strict=True)]
    total = None
    for corner in range(2 ** len(points)):
        sides = [corner >> (len(points) - 1 - k) & 1 for k in range(len(points))]
        parts = [near if side else 1 - near for side, near in zip(sides, nears, strict=True)]
        weight = math.prod(parts[1:], start=parts[0])
        at = [low + side for low, side in zip(lows, sides, strict=True)]
        term = _gathered(flat, at, sizes) * weight.unsqueeze(1)
        total = term if total is None else total + term
    return total


# The cubic kernel at distances up to 1, and from 1 to 2.
for _record in (
    pointwise("cubic_near(Tensor self) -> Tensor", SAME, "(a + 2) x^3 - (a + 3) x^2 + 1.",
              lambda x: ((KEYS + 2) * x - (KEYS + 3)) * x * x + 1,
              lambda g, y, x: g * ((3 * (KEYS + 2) * x - 2 * (KEYS + 3)) * x)),
    pointwise("cubic_far(Tensor self) -> Tensor", SAME, "a x^3 - 5 a x^2 + 8 a x - 4 a.",
              lambda x: ((KEYS * x - 5 * KEYS) * x + 8 * KEYS) * x - 4 * KEYS,
              lambda g, y, x: g * ((3 * KEYS * x - 10 * KEYS) * x + 8 * KEYS)),
):
    _record.namespace, _record.method, _record.inplace = "internal", False, False


def _cubic_weights(t):
    """The weights of elements -1, 0, 1 and 2 for a point at t in [0, 1)."""
    near, far = registry["cubic_near"].function, registry["cubic_far"].function
    return far(t + 1), near(t), near(1 - t), far(2 - t)


def _cubic(flat, points, sizes, padding, align_corners):
    """Sixteen elements around each point; each is padded for itself."""
    lows = [p.detach().floor() for p in points]
    weights = [_cubic_weights(p - low) for p, low in zip(points, lows, strict=True)]
    total = None
    for i in range(4):
        row = None
        y = _padded(lows[0] + (i - 1), sizes[0], padding, align_corners)
        for j in range(4):
            x = _padded(lows[1] + (j - 1), sizes[1], padding, align_corners)
            term = _gathered(flat, [y, x], sizes) * weights[1][j].unsqueeze(1)
            row = term if row is None else row + term
        row = row * weights[0][i].unsqueeze(1)
        total = row if total is None else total + row
    return total


def _sample(input, grid, interpolation, padding, align_corners):
    n, c = input.form.shape[:2]
    sizes = tuple(input.form.shape[2:])
    out = tuple(grid.form.shape[1:-1])
    count = 1
    for size in out:
        count *= size
    if not n or not c or not count:
        return (input.sum() * 0 + grid.sum() * 0).expand(n, c, *out).clone()
    # The last dimension of the image has the first coordinate.
    coordinates = [grid[..., len(sizes) - 1 - k].reshape(n, count) for k in range(len(sizes))]
    points = [
        _in_elements(x, size, align_corners) for x, size in zip(coordinates, sizes, strict=True)
    ]
    flat = input.reshape(n, c, -1)
    if interpolation == BICUBIC:
        return _cubic(flat, points, sizes, padding, align_corners).reshape(n, c, *out)
    points = [
        _padded(x, size, padding, align_corners) for x, size in zip(points, sizes, strict=True)
    ]
    if interpolation == NEAREST:
        never = registry["zeros"].function((), dtype=dtypes.bool_)
        # The gradient of the grid is zeros, not missing.
        sampled = registry["where"].function(never, grid.sum(), _nearest(flat, points, sizes))
    else:
        sampled = _linear(flat, points, sizes)
    return sampled.reshape(n, c, *out)


def _check(input, grid, interpolation):
    rank = input.form.ndim
    if rank not in (4, 5) or grid.form.ndim != rank:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {list(input.form.shape)} and grid with sizes "
            f"{list(grid.form.shape)}"
        )
    if input.form.shape[0] != grid.form.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {list(input.form.shape)} and grid with sizes {list(grid.form.shape)}"
        )
    if grid.form.shape[-1] != rank - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {rank - 2} in last dimension, but got "
            f"grid with sizes {list(grid.form.shape)}"
        )
    for k, size in enumerate(input.form.shape[2:]):
        if size <= 0:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input "
                f"has sizes {list(input.form.shape)} with dimension {k + 2} being empty"
            )
    if rank == 5 and interpolation == BICUBIC:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    for x in (input, grid):
        if not x.form.dtype.is_floating_point:
            raise NotImplementedError(
                f"\"grid_sampler_{rank - 2}d_cpu\" not implemented for "
                f"'{dtype_word(x.form.dtype)}'"
            )
    if input.form.dtype is not grid.form.dtype:
        raise RuntimeError(
            "grid_sampler(): expected input and grid to have the same dtype, but input has "
            f"{dtype_word(input.form.dtype)} and grid has {dtype_word(grid.form.dtype)}"
        )


_ARGUMENTS = ("(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool "
              "align_corners) -> Tensor")


@composite("grid_sampler" + _ARGUMENTS)
def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """(N, C, H, W) at the points of (N, H', W', 2), or (N, C, D, H, W) at (N, D', H', W', 3)."""
    _check(input, grid, interpolation_mode)
    return _sample(input, grid, interpolation_mode, padding_mode, align_corners)


@composite("grid_sampler_2d" + _ARGUMENTS)
def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """(N, C, H, W) at the points of (N, H', W', 2)."""
    _check(input, grid, interpolation_mode)
    return _sample(input, grid, interpolation_mode, padding_mode, align_corners)


@composite("grid_sampler_3d" + _ARGUMENTS)
def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """(N, C, D, H, W) at the points of (N, D', H', W', 3)."""
    _check(input, grid, interpolation_mode)
    return _sample(input, grid, interpolation_mode, padding_mode, align_corners)


@composite("affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor")
def affine_grid_generator(theta, size, align_corners):
    """(N, H, W, 2) or (N, D, H, W, 3): the points that an affine map makes of an even grid."""
    n, spatial = size[0], tuple(size[2:])
    rank, dtype = len(spatial), theta.form.dtype
    base = registry["ones"].function((*spatial, rank + 1), dtype=dtype)
    for k, count in enumerate(spatial):
        if count > 1:
            steps = registry["linspace"].function(-1, 1, count, dtype=dtype)
        else:
            steps = registry["zeros"].function((1,), dtype=dtype)
        if not align_corners:
            steps = steps * (count - 1) / count
        shape = [1] * rank
        shape[k] = count
        base[..., rank - 1 - k] = steps.reshape(shape)
    points = base.reshape(1, -1, rank + 1).expand(n, -1, rank + 1)
    return points.bmm(theta.transpose(1, 2)).reshape(n, *spatial, rank)
