"""Pooling as functions of torch.nn.functional: their signatures; `ops/pool.py` does the work."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.ops.calls import op
from facula.tensor import Tensor

Size = int | Sequence[int]
Wanted = int | Sequence[int | None] | None

avg_pool1d = op.avg_pool1d
avg_pool2d = op.avg_pool2d
avg_pool3d = op.avg_pool3d
adaptive_avg_pool1d = op.adaptive_avg_pool1d


# --- largest elements --------------------------------------------------------------------------


def _max_pool(rank: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    plain, with_indices = (
        getattr(op, f"max_pool{rank}d"),
        getattr(op, f"max_pool{rank}d_with_indices"),
    )

    def max_pool_with_indices(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """The largest element of every window, and its place in the plane as one number."""
        made: tuple[Tensor, Tensor] = with_indices(
            input, kernel_size, stride, padding, dilation, ceil_mode
        )
        return made

    def max_pool(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        """The largest element of every window; with `return_indices`, also where it stood."""
        function = with_indices if return_indices else plain
        return function(input, kernel_size, stride, padding, dilation, ceil_mode)

    for function, name in (
        (max_pool, f"max_pool{rank}d"),
        (max_pool_with_indices, f"max_pool{rank}d_with_indices"),
    ):
        function.__name__ = function.__qualname__ = name
        function.__module__ = "facula.nn.functional"
    return max_pool, max_pool_with_indices


max_pool1d, max_pool1d_with_indices = _max_pool(1)
max_pool2d, max_pool2d_with_indices = _max_pool(2)
max_pool3d, max_pool3d_with_indices = _max_pool(3)


# --- windows spread evenly ---------------------------------------------------------------------


def _sizes(output_size: Wanted, input: Tensor, rank: int) -> list[int]:
    """A size for each dimension; None keeps what there is."""
    wanted = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * rank
    if input.dim() <= len(wanted):
        if any(want is None for want in wanted) or isinstance(output_size, Sequence):
            raise ValueError(f"Input dimension should be at least {len(wanted) + 1}")
        return [want for want in wanted if want is not None]
    kept = input.shape[len(input.shape) - len(wanted) :]
    return [have if want is None else want for want, have in zip(wanted, kept, strict=True)]


def adaptive_avg_pool2d(input: Tensor, output_size: Wanted) -> Tensor:
    """The means of as many windows as give images of `output_size`; None keeps a size."""
    made: Tensor = op.adaptive_avg_pool2d(input, _sizes(output_size, input, 2))
    return made


def adaptive_avg_pool3d(input: Tensor, output_size: Wanted) -> Tensor:
    """The means of as many windows as give volumes of `output_size`; None keeps a size."""
    made: Tensor = op.adaptive_avg_pool3d(input, _sizes(output_size, input, 3))
    return made


def adaptive_max_pool1d(
    input: Tensor, output_size: int | Sequence[int], return_indices: bool = False
) -> Any:
    """The largest elements of `output_size` windows; with `return_indices`, also where."""
    made = op.adaptive_max_pool1d(input, output_size)
    return made if return_indices else made[0]


def adaptive_max_pool2d(input: Tensor, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as give images of `output_size`; None keeps a size;
    with `return_indices`, also where they stood."""
    made = op.adaptive_max_pool2d(input, _sizes(output_size, input, 2))
    return made if return_indices else made[0]


def adaptive_max_pool3d(input: Tensor, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as give volumes of `output_size`; None keeps a size;
    with `return_indices`, also where they stood."""
    made = op.adaptive_max_pool3d(input, _sizes(output_size, input, 3))
    return made if return_indices else made[0]


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: int | Sequence[int], return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool1d` with the places of the elements."""
    made: tuple[Tensor, Tensor] = adaptive_max_pool1d(input, output_size, True)
    return made


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: Wanted, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool2d` with the places of the elements."""
    made: tuple[Tensor, Tensor] = adaptive_max_pool2d(input, output_size, True)
    return made


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: Wanted, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool3d` with the places of the elements."""
    made: tuple[Tensor, Tensor] = adaptive_max_pool3d(input, output_size, True)
    return made


# --- power averages ----------------------------------------------------------------------------


def _lp_pool(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None,
    ceil_mode: bool,
    rank: int,
) -> Tensor:
    kernel = tuple(kernel_size) if isinstance(kernel_size, Sequence) else (kernel_size,) * rank
    count = 1
    for n in kernel:
        count *= n
    average = getattr(op, f"avg_pool{rank}d")
    mean = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    made: Tensor = (mean.sign() * mean.abs().relu()).mul(count).pow(1.0 / norm_type)
    return made


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: int,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x^p)^(1/p) over every window of a row. (Of a negative sum the root is nan, as in torch.)

    >>> import facula as torch
    >>> torch.nn.functional.lp_pool1d(torch.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 1)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x^p)^(1/p) over every window of an image."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 2)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x^p)^(1/p) over every window of a volume."""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 3)


# --- back to where they stood ------------------------------------------------------------------


def _unpool(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    output_size: Sequence[int] | None,
    rank: int,
) -> Tensor:
    kernel = tuple(kernel_size) if isinstance(kernel_size, Sequence) else (kernel_size,) * rank
    step = kernel
    if stride is not None:
        step = tuple(stride) if isinstance(stride, Sequence) else (stride,) * rank
    pads = tuple(padding) if isinstance(padding, Sequence) else (padding,) * rank
    sizes = input.shape[len(input.shape) - rank :]
    plain = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(sizes, step, pads, kernel)]
    if output_size is not None:
        plain = _given_size(plain, step, list(output_size), rank)
    if str(indices.dtype) != "torch.int64":
        raise RuntimeError(f"elements in indices should be type int64 but got: {_word(indices)}")
    if input.dim() not in (rank + 1, rank + 2):
        flat = max(2, rank)
        raise RuntimeError(
            f"Input to max_unpooling{flat}d should be a {flat + 1}d or {flat + 2}d Tensor, but got "
            f"a tensor with {input.dim() + flat - rank} dimensions."
        )
    if input.shape != indices.shape:
        raise RuntimeError(
            "Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
        )
    for dim in range(input.dim() - rank, input.dim()):
        if input.shape[dim] == 0:
            raise RuntimeError(
                f"max_unpooling{max(2, rank)}d_forward_out_cpu(): Expected input to have non-zero "
                f"size for non-batch dimensions, but got {list(input.shape)} with dimension {dim} "
                "being empty."
            )
    shape = (*input.shape[: input.dim() - rank], *plain)
    made: Tensor = op.max_unpool(input, indices, shape, rank)
    return made


def _word(x: Tensor) -> str:
    words = {"torch.float32": "Float", "torch.float64": "Double", "torch.int32": "Int"}
    return words.get(str(x.dtype), str(x.dtype).removeprefix("torch.").capitalize())


def _given_size(plain: list[int], stride: Sequence[int], given: list[int], rank: int) -> list[int]:
    """The size asked for, if pooling it could have given the input's."""
    if len(given) == rank + 2:
        given = given[2:]
    if len(given) != rank:
        raise ValueError(
            f"output_size should be a sequence containing {rank} or {rank + 2} elements, but it "
            f"has a length of '{len(given)}'"
        )
    for d, (size, n, s) in enumerate(zip(given, plain, stride)):
        if not n - s < size < n + s:
            raise ValueError(
                f'invalid output_size "{tuple(given)}" (dim {d} must be between {n - s} and '
                f"{n + s})"
            )
    return given


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros, with the input's elements where `max_pool1d` found them.

    Raises ValueError for an output_size that does not fit, RuntimeError for an index outside.

    >>> import facula as torch
    >>> F = torch.nn.functional
    >>> x = torch.tensor([[1.0, 5.0, 4.0, 2.0]])
    >>> F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2)
    tensor([[0., 5., 4., 0.]])
    """
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 1)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros, with the input's elements where `max_pool2d` found them."""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros, with the input's elements where `max_pool3d` found them."""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 3)
