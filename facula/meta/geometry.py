"""How a tensor lies in memory: shape, strides and offset, in elements, and every view of them.

With `kernel/lower.py` the only owner of stride arithmetic. A Geometry knows neither its dtype nor
its storage; an operation on it moves no data and returns a new Geometry. Texts are PyTorch's.
"""

from collections.abc import Iterable, Sequence
from math import gcd, prod
from typing import NamedTuple

from facula.meta.layout import channels_last, channels_last_3d, contiguous_format
from facula.meta.shape import infer_size, wrap_dim, wrap_dims

Ints = tuple[int, ...]


class Geometry(NamedTuple):
    """Shape, strides and offset; strides and offset count elements, not bytes.

    >>> Geometry.contiguous((2, 3)).transpose(0, 1)
    Geometry(shape=(3, 2), strides=(1, 3), offset=0)
    """

    shape: Ints
    strides: Ints
    offset: int = 0

    @classmethod
    def contiguous(cls, shape: Iterable[int], offset: int = 0) -> "Geometry":
        """Row-major: the last dimension moves to the neighbour."""
        sizes = tuple(shape)
        return cls(sizes, contiguous_strides(sizes), offset)

    def with_size(self, old: int, new: int, wanted: str) -> "Geometry":
        """The same bytes as elements of `new` bytes instead of `old`: the last dimension grows or
        shrinks. RuntimeError in torch's words, which `wanted` ends ("to view Float as Double")."""
        if old == new:
            return self
        wanted = f"{wanted} (different element sizes)"
        if not self.shape:
            raise RuntimeError(f"self.dim() cannot be 0 {wanted}")
        unit = f"self.stride(-1) must be 1 {wanted}, but got {self.strides[-1]}"
        if old > new:
            if self.strides[-1] != 1:
                raise RuntimeError(unit)
            ratio = old // new
            strides = (*[s * ratio for s in self.strides[:-1]], 1)
            shape = (*self.shape[:-1], self.shape[-1] * ratio)
            return Geometry(shape, strides, self.offset * ratio)
        ratio = new // old
        places = [("self.size(-1)", self.shape[-1]), ("self.storage_offset()", self.offset)]
        steps = [(f"self.stride({dim})", s) for dim, s in enumerate(self.strides[:-1])]
        for parts in places, steps:
            for what, number in parts:
                if number % ratio:
                    raise RuntimeError(
                        f"{what} must be divisible by {ratio} {wanted}, but got {number}"
                    )
            if self.strides[-1] != 1:
                raise RuntimeError(unit)
        shape = (*self.shape[:-1], self.shape[-1] // ratio)
        strides = (*[s // ratio for s in self.strides[:-1]], 1)
        return Geometry(shape, strides, self.offset // ratio)

    # --- questions -------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def numel(self) -> int:
        return prod(self.shape)

    def is_contiguous(self) -> bool:
        """Row-major without gaps; strides along size-1 dimensions do not matter."""
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides)):
            if size != 1:
                if stride != expected:
                    return 0 in self.shape
                expected *= size
        return True

    def is_channels_last(self) -> bool:
        """Whether 4-d is laid out as NHWC, 5-d as NDHWC, strides along size 1 not mattering."""
        ndim = len(self.shape)
        if ndim not in (4, 5):
            return False
        expected = 1
        for dim in (1, *range(ndim - 1, 1, -1), 0):
            if self.shape[dim] != 1:
                if self.strides[dim] != expected:
                    return False
                expected *= self.shape[dim]
        return True

    def suggests_channels_last(self) -> bool:
        """Whether the steps between elements are in the order of channels last, gaps or not.

        Where both orders fit, torch's rule decides (`is_channels_last_strides_2d`).
        """
        ndim = len(self.shape)
        if ndim not in (4, 5) or 0 in self.shape or self.strides[1] == 0:
            return False
        least = 0
        for dim in (1, *range(ndim - 1, 1, -1), 0):
            stride = self.strides[dim]
            if stride < least or dim == 0 and least == self.strides[1]:
                return False
            least = stride * max(1, self.shape[dim])
        return True

    def is_dense(self) -> bool:
        """Some order of the dimensions is contiguous: no gaps and no element twice."""
        if 0 in self.shape:
            return True
        expected = 1
        for stride, size in sorted(zip(self.strides, self.shape)):
            if size != 1:
                if stride != expected:
                    return False
                expected *= size
        return True

    def has_overlap(self) -> bool:
        """Two different indices reach one element; exact, not a guess."""
        if 0 in self.shape:
            return False
        moves = sorted((abs(t), n) for n, t in zip(self.shape, self.strides) if n > 1)
        reach = 0  # the farthest element that the dimensions so far get to
        nested = True
        for stride, size in moves:
            if stride == 0:
                return True
            nested = nested and stride > reach
            reach += stride * (size - 1)
        if nested:
            return False
        if prod(size for _, size in moves) > reach + 1:
            return True  # more indices than elements
        return _meets(moves, len(moves) - 1, 0, reach, fresh=True)

    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest element touched; (offset, offset - 1) when there is none."""
        low = high = self.offset
        for size, stride in zip(self.shape, self.strides):
            if size == 0:
                return self.offset, self.offset - 1
            if stride < 0:
                low += (size - 1) * stride
            else:
                high += (size - 1) * stride
        return low, high

    # --- order and count of dimensions -----------------------------------------------------------

    def permute(self, dims: Sequence[int]) -> "Geometry":
        """Dimension `dims[i]` becomes dimension i."""
        if len(dims) != len(self.shape):
            raise RuntimeError(
                "permute(sparse_coo): number of dimensions in the tensor input does not match the "
                "length of the desired ordering of dimensions i.e. "
                f"input.dim() = {len(self.shape)} is not equal to len(dims) = {len(dims)}"
            )
        order = [wrap_dim(dim, len(dims)) for dim in dims]
        if len(set(order)) != len(order):
            raise RuntimeError("permute(): duplicate dims are not allowed.")
        shape = tuple([self.shape[dim] for dim in order])
        return Geometry(shape, tuple([self.strides[dim] for dim in order]), self.offset)

    def transpose(self, dim0: int, dim1: int) -> "Geometry":
        """Two dimensions change places."""
        a, b = wrap_dim(dim0, len(self.shape)), wrap_dim(dim1, len(self.shape))
        if a == b:
            return self
        shape, strides = list(self.shape), list(self.strides)
        shape[a], shape[b] = shape[b], shape[a]
        strides[a], strides[b] = strides[b], strides[a]
        return Geometry(tuple(shape), tuple(strides), self.offset)

    def squeeze(self, dims: int | Iterable[int] | None = None) -> "Geometry":
        """Without the dimensions of size 1 among `dims`; None stands for all."""
        asked = wrap_dims(dims, len(self.shape))
        keep = [dim for dim, size in enumerate(self.shape) if size != 1 or dim not in asked]
        shape = tuple([self.shape[dim] for dim in keep])
        return Geometry(shape, tuple([self.strides[dim] for dim in keep]), self.offset)

    def unsqueeze(self, dim: int) -> "Geometry":
        """A new dimension of size 1 at `dim`."""
        at = wrap_dim(dim, len(self.shape) + 1)
        # torch gives the new dimension the stride that keeps a contiguous tensor contiguous
        stride = self.shape[at] * self.strides[at] if at < len(self.shape) else 1
        return Geometry(_insert(self.shape, at, 1), _insert(self.strides, at, stride), self.offset)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> "Geometry | None":
        """Dimensions start to end as one; None when the strides do not allow a view."""
        first = wrap_dim(start_dim, len(self.shape))
        last = wrap_dim(end_dim, len(self.shape))
        if first > last:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        if first == last and self.shape:
            return self
        joined = prod(self.shape[first : last + 1])
        return self.view((*self.shape[:first], joined, *self.shape[last + 1 :]))

    # --- parts -----------------------------------------------------------------------------------

    def select(self, dim: int, index: int) -> "Geometry":
        """One position along `dim`, which disappears."""
        if not self.shape:
            raise IndexError("select() cannot be applied to a 0-dim tensor.")
        at = wrap_dim(dim, len(self.shape))
        size = self.shape[at]
        if not -size <= index < size:
            raise IndexError(
                f"select(): index {index} out of range for tensor of size {list(self.shape)} "
                f"at dimension {at}"
            )
        start = index + size if index < 0 else index
        offset = self.offset + start * self.strides[at]
        return Geometry(_without(self.shape, at), _without(self.strides, at), offset)

    def narrow(self, dim: int, start: int, length: int) -> "Geometry":
        """`length` positions along `dim` from `start`; every one of them must exist."""
        if not self.shape:
            raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
        if length < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        at = wrap_dim(dim, len(self.shape))
        size = self.shape[at]
        if not -size <= start <= size:
            raise IndexError(
                f"start out of range (expected to be in range of [{-size}, {size}], "
                f"but got {start})"
            )
        first = start + size if start < 0 else start
        if first + length > size:
            raise RuntimeError(
                f"start ({first}) + length ({length}) exceeds dimension size ({size})."
            )
        return self._along(at, first, length, 1)

    def slice(
        self, dim: int = 0, start: int | None = None, stop: int | None = None, step: int = 1
    ) -> "Geometry":
        """Every `step`-th position of start:stop along `dim`, clipped to what exists."""
        if not self.shape:
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if step <= 0:
            raise RuntimeError("slice step must be positive")
        at = wrap_dim(dim, len(self.shape))
        size = self.shape[at]
        first = 0 if start is None else _clip(start, size)
        last = max(first, size if stop is None else _clip(stop, size))
        return self._along(at, first, (last - first + step - 1) // step, step)

    def _along(self, dim: int, start: int, length: int, step: int) -> "Geometry":
        stride = self.strides[dim]
        shape = (*self.shape[:dim], length, *self.shape[dim + 1 :])
        strides = (*self.strides[:dim], stride * step, *self.strides[dim + 1 :])
        return Geometry(shape, strides, self.offset + start * stride)

    def unfold(self, dimension: int, size: int, step: int) -> "Geometry":
        """Windows of `size` every `step` along a dimension; the window is a new last dimension."""
        at = wrap_dim(dimension, len(self.shape))
        length, stride = (self.shape[at], self.strides[at]) if self.shape else (1, 1)
        if size < 0:
            raise RuntimeError(f"size is {size} but must be >= 0")
        if size > length:
            raise RuntimeError(
                f"maximum size for tensor at dimension {at} is {length} but size is {size}"
            )
        if step <= 0:
            raise RuntimeError(f"step is {step} but must be > 0")
        if not self.shape:
            return Geometry((size,), (1,), self.offset)
        windows = self._along(at, 0, (length - size) // step + 1, step)
        return Geometry((*windows.shape, size), (*windows.strides, stride), self.offset)

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> "Geometry":
        """The diagonal of dimensions dim1 and dim2, as a new last dimension."""
        a, b = wrap_dim(dim1, len(self.shape)), wrap_dim(dim2, len(self.shape))
        if a == b:
            raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        down, right = max(-offset, 0), max(offset, 0)
        length = max(min(self.shape[a] - down, self.shape[b] - right), 0)
        start = self.offset
        if length:
            start += down * self.strides[a] + right * self.strides[b]
        high, low = max(a, b), min(a, b)
        shape = _without(_without(self.shape, high), low)
        strides = _without(_without(self.strides, high), low)
        along = self.strides[a] + self.strides[b]
        return Geometry((*shape, length), (*strides, along), start)

    # --- other shapes on the same elements -------------------------------------------------------

    def expand(self, shape: Sequence[int]) -> "Geometry":
        """Size-1 and missing leading dimensions repeated with stride 0; -1 keeps a size."""
        extra = len(shape) - len(self.shape)
        if extra < 0:
            raise RuntimeError(
                f"expand(size={list(shape)}): the number of sizes provided ({len(shape)}) must be "
                f"greater or equal to the number of dimensions in the tensor ({len(self.shape)})"
            )
        sizes, strides = list(shape), [0] * len(shape)
        for dim in range(len(shape) - 1, -1, -1):
            if dim >= extra:
                size, stride = self.shape[dim - extra], self.strides[dim - extra]
                if sizes[dim] == -1:
                    sizes[dim] = size
            else:
                size = 1
                stride = sizes[dim + 1] * strides[dim + 1] if self.shape else 0
                if sizes[dim] == -1:
                    raise RuntimeError(
                        f"The expanded size of the tensor ({sizes[dim]}) isn't allowed in a "
                        f"leading, non-existing dimension {dim}"
                    )
            if sizes[dim] == size:
                strides[dim] = stride
            elif size != 1 or sizes[dim] < 0:
                raise RuntimeError(
                    f"The expanded size of the tensor ({sizes[dim]}) must match the existing size "
                    f"({size}) at non-singleton dimension {dim}.  Target sizes: {list(shape)}.  "
                    f"Tensor sizes: {list(self.shape)}"
                )
        return Geometry(tuple(sizes), tuple(strides), self.offset)

    def view(self, shape: Sequence[int]) -> "Geometry | None":
        """The same elements in another shape, -1 inferred; None when the strides forbid it."""
        sizes = tuple(infer_size(shape, prod(self.shape)))
        if not self.shape or 0 in self.shape:
            if sizes == self.shape:
                return self
            return Geometry(sizes, contiguous_strides(sizes), self.offset)
        strides = [0] * len(sizes)
        dim = len(sizes) - 1
        for size, stride in _runs(self.shape, self.strides):
            # the new dimensions of one run cover it exactly, from its end to its start
            covered = 1
            while dim >= 0 and (covered < size or sizes[dim] == 1):
                strides[dim] = covered * stride
                covered *= sizes[dim]
                dim -= 1
            if covered != size:
                return None
        return Geometry(sizes, tuple(strides), self.offset)

    def as_strided(
        self, shape: Sequence[int], strides: Sequence[int], offset: int | None = None
    ) -> "Geometry":
        """Any geometry on the same storage; the offset stays when none is given."""
        if len(shape) != len(strides):
            raise RuntimeError("mismatch in length of strides and shape")
        if any(stride < 0 for stride in strides):
            raise RuntimeError(
                "as_strided: Negative strides are not supported at the moment, got strides: "
                f"{list(strides)}"
            )
        if any(size < 0 for size in shape):
            raise RuntimeError(
                f"Storage size calculation overflowed with sizes={list(shape)} "
                f"and strides={list(strides)}"
            )
        start = self.offset if offset is None else offset
        if start < 0:
            raise RuntimeError(f"Tensor: invalid storage offset {start}")
        return Geometry(tuple(shape), tuple(strides), start)


def _insert(values: Ints, at: int, value: int) -> Ints:
    return (*values[:at], value, *values[at:])


def _without(values: Ints, at: int) -> Ints:
    return values[:at] + values[at + 1 :]


def _clip(position: int, size: int) -> int:
    return min(max(position + size if position < 0 else position, 0), size)


def _runs(shape: Ints, strides: Ints) -> list[tuple[int, int]]:
    """(size, stride) of the fewest dimensions that cover the elements evenly, innermost first."""
    runs: list[tuple[int, int]] = []
    for size, stride in zip(reversed(shape), reversed(strides)):
        if runs and (size == 1 or stride == runs[-1][0] * runs[-1][1]):
            runs[-1] = (runs[-1][0] * size, runs[-1][1])
        else:
            runs.append((size, stride))
    return runs


def _meets(
    moves: Sequence[tuple[int, int]], last: int, target: int, reach: int, fresh: bool
) -> bool:
    """Whether steps along moves[0..last], each less than its size either way, sum to -target.

    Steps that are all zero do not count: `fresh` says that none has been taken so far, and then
    only one sign of the next needs a look.
    """
    stride, size = moves[last]
    if last == 0:
        steps, rest = divmod(-target, stride)
        return rest == 0 and abs(steps) < size and not (fresh and steps == 0)
    reach -= stride * (size - 1)
    lowest = 0 if fresh else max(1 - size, -((target + reach) // stride))
    highest = min(size - 1, (reach - target) // stride)
    divisor = gcd(*[stride for stride, _ in moves[:last]])
    for step in range(lowest, highest + 1):
        left = target + step * stride
        if left % divisor == 0 and _meets(moves, last - 1, left, reach, fresh and step == 0):
            return True
    return False


# --- strides for several operands ----------------------------------------------------------------


def contiguous_strides(shape: Sequence[int]) -> Ints:
    """Row-major strides; a size of 0 counts as 1, as in torch.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size or 1
    return tuple(reversed(strides))


def strides_in(memory_format: object, shape: Sequence[int]) -> Ints:
    """The strides of a new tensor in a memory format that names an order of dimensions.

    >>> strides_in(channels_last, (2, 3, 4, 5))
    (60, 1, 15, 3)
    """
    if memory_format is contiguous_format:
        return contiguous_strides(shape)
    for rank, one in ((4, channels_last), (5, channels_last_3d)):
        if memory_format is one:
            if len(shape) != rank:
                raise RuntimeError(f"required rank {rank} tensor to use {one.name} format")
            return channels_last_strides(shape)
    name = {"preserve_format": "Preserve"}.get(getattr(memory_format, "name", ""), memory_format)
    raise RuntimeError(f"unsupported memory format {name}")


def channels_last_strides(shape: Sequence[int]) -> Ints:
    """Strides of N...C: the second dimension moves to the neighbour.

    >>> channels_last_strides((2, 3, 4, 5))
    (60, 1, 15, 3)
    """
    if len(shape) not in (4, 5):
        raise RuntimeError(f"required rank {len(shape)} tensor to use channels_last format")
    strides = [0] * len(shape)
    step = 1
    for dim in (1, *range(len(shape) - 1, 1, -1), 0):
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


def coalesce(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[Ints, list[Ints]]:
    """The fewest loops that visit the same elements in the same order, for all operands at once.

    Size-1 dimensions disappear; neighbours merge where every operand steps evenly across both.
    Without elements the shape is (0,).

    >>> coalesce((2, 3, 4), [(12, 4, 1), (0, 0, 0), (24, 4, 1)])
    ((2, 12), [(12, 1), (0, 0), (24, 1)])
    """
    if 0 in shape:
        return (0,), [(0,) for _ in strides]
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for dim, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(kept[-1] == one[dim] * size for kept, one in zip(steps, strides)):
            sizes[-1] *= size
            for kept, one in zip(steps, strides):
                kept[-1] = one[dim]
        else:
            sizes.append(size)
            for kept, one in zip(steps, strides):
                kept.append(one[dim])
    return tuple(sizes), [tuple(kept) for kept in steps]


def loop_order(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Ints:
    """The dimensions, outermost loop first, in which most operands move by small steps inside.

    TensorIterator's rule: the first operand that moves along both of two dimensions decides.

    >>> loop_order((2, 3), [(1, 2)])
    (1, 0)
    """
    order = list(range(len(shape) - 1, -1, -1))  # innermost first
    for at in range(1, len(order)):
        moving = at
        for before in range(at - 1, -1, -1):
            verdict = _compare(order[before], order[moving], shape, strides)
            if verdict < 0:
                break
            if verdict > 0:
                order[before], order[moving] = order[moving], order[before]
                moving = before
    return tuple(reversed(order))


def _compare(inner: int, outer: int, shape: Sequence[int], strides: Sequence[Sequence[int]]) -> int:
    """Negative when `inner` should stay inside `outer`, positive when not, 0 when undecided."""
    for steps in strides:
        a, b = steps[inner], steps[outer]
        if a == 0 or b == 0:
            continue
        if a != b:
            return a - b
        if shape[inner] > shape[outer]:
            return 1
    return 0


def restride_like(
    shape: Sequence[int], strides: Sequence[Sequence[int]], same_shape: bool = True
) -> Ints:
    """The strides of a new dense result, in the order of dimensions that its inputs have.

    `strides` are those of the inputs expanded to `shape`; `same_shape` is False when an input had
    to be expanded, which matters only along dimensions of size 1.

    >>> restride_like((2, 3), [(1, 2), (3, 1)])
    (1, 2)
    """
    if same_shape and strides:
        inputs = [Geometry(tuple(shape), tuple(steps)) for steps in strides]
        if all(one.is_contiguous() for one in inputs):
            return contiguous_strides(shape)
        if all(one.is_channels_last() for one in inputs):
            return channels_last_strides(shape)
        if inputs.count(inputs[0]) == len(inputs) and inputs[0].is_dense():
            return inputs[0].strides
    order = loop_order(shape, strides)
    if order == tuple(range(len(shape))):
        return contiguous_strides(shape)
    result = [0] * len(shape)
    step = 1
    for dim in reversed(order):
        result[dim] = step
        step *= shape[dim]
    return tuple(result)
