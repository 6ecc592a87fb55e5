"""Pooling as functions of torch.nn.functional: their signatures; `ops/pool.py` does the work."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.dispatch.layout import dtype_word
from facula.ops.calls import op
from facula.tensor import Tensor

Size = int | Sequence[int]
Wanted = int | Sequence[int | None] | None

avg_pool1d = op.avg_pool1d
avg_pool2d = op.avg_pool2d
avg_pool3d = op.avg_pool3d
adaptive_avg_pool1d = op.adaptive_avg_pool1d


# --- largest elements --------------------------------------------------------------------------

PLACES = {1: "L", 2: "H, W", 3: "D, H, W"}
MAX_POOL = """The largest element of every window; with `return_indices`, also where it stood.

    Input (N, C, {shape}) or (C, {shape}); each size n of the result is
    floor((n + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1, rounded up with
    `ceil_mode`; stride is kernel_size where not given. Padding counts as -inf. Raises RuntimeError
    for other shapes, or padding of more than half a window.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 5.0, 4.0, 2.0]).reshape({ones}4)
    >>> torch.nn.functional.{name}(x, {window})
    tensor([{left}5., 4.{right}])
    """
MAX_POOL_WITH_INDICES = """The largest element of every window, and its place in the input.

    A place counts the elements of ({shape}) as one number, int64. Shapes and errors are those of
    the function without indices.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 5.0, 4.0, 2.0]).reshape({ones}4)
    >>> torch.nn.functional.{name}(x, {window})[1]
    tensor([{left}1, 2{right}])
    """


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
        function = with_indices if return_indices else plain
        return function(input, kernel_size, stride, padding, dilation, ceil_mode)

    for function, name, words in (
        (max_pool, f"max_pool{rank}d", MAX_POOL),
        (max_pool_with_indices, f"max_pool{rank}d_with_indices", MAX_POOL_WITH_INDICES),
    ):
        function.__name__ = function.__qualname__ = name
        function.__module__ = "facula.nn.functional"
        function.__doc__ = words.format(
            name=name,
            shape=PLACES[rank],
            ones="1, " * rank,
            left="[" * rank,
            right="]" * rank,
            window=(2, (1, 2), (1, 1, 2))[rank - 1],
        )
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
    """The means of as many windows as give images of `output_size`; None keeps a size.

    Input (N, C, H, W) or (C, H, W); the result with H and W replaced. Window i of n goes from
    floor(i H / n) to ceil((i + 1) H / n). Raises ValueError for too few dimensions, RuntimeError
    for negative sizes.

    >>> import facula as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(6.0).reshape(1, 2, 3), (1, None))
    tensor([[[1.5000, 2.5000, 3.5000]]])
    """
    made: Tensor = op.adaptive_avg_pool2d(input, _sizes(output_size, input, 2))
    return made


def adaptive_avg_pool3d(input: Tensor, output_size: Wanted) -> Tensor:
    """The means of as many windows as give volumes of `output_size`; None keeps a size.

    Input (N, C, D, H, W) or (C, D, H, W); the result with D, H and W replaced. Raises ValueError
    for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.functional.adaptive_avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), (2, 1, 1))
    tensor([[[[1.5000]],
    <BLANKLINE>
             [[5.5000]]]])
    """
    made: Tensor = op.adaptive_avg_pool3d(input, _sizes(output_size, input, 3))
    return made


def adaptive_max_pool1d(
    input: Tensor, output_size: int | Sequence[int], return_indices: bool = False
) -> Any:
    """The largest elements of `output_size` windows; with `return_indices`, also where they stood.

    Input (N, C, L) or (C, L); the result (N, C, output_size). Raises RuntimeError for other shapes.

    >>> import facula as torch
    >>> torch.nn.functional.adaptive_max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    made = op.adaptive_max_pool1d(input, output_size)
    return made if return_indices else made[0]


def adaptive_max_pool2d(input: Tensor, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as give images of `output_size`; None keeps a size;
    with `return_indices`, also where they stood.

    Input (N, C, H, W) or (C, H, W); the result with H and W replaced; indices count h * W + w,
    int64. Raises ValueError for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.functional.adaptive_max_pool2d(torch.arange(6.0).reshape(1, 2, 3), (1, None))
    tensor([[[3., 4., 5.]]])
    """
    made = op.adaptive_max_pool2d(input, _sizes(output_size, input, 2))
    return made if return_indices else made[0]


def adaptive_max_pool3d(input: Tensor, output_size: Wanted, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as give volumes of `output_size`; None keeps a size;
    with `return_indices`, also where they stood.

    Input (N, C, D, H, W) or (C, D, H, W); the result with D, H and W replaced. Raises ValueError
    for too few dimensions.

    >>> import facula as torch
    >>> torch.nn.functional.adaptive_max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), (2, 1, 1))
    tensor([[[[3.]],
    <BLANKLINE>
             [[7.]]]])
    """
    made = op.adaptive_max_pool3d(input, _sizes(output_size, input, 3))
    return made if return_indices else made[0]


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: int | Sequence[int], return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool1d` with the places of the elements, counted along the row, int64.

    >>> import facula as torch
    >>> row = torch.tensor([[1.0, 3.0, 2.0, 0.0]])
    >>> torch.nn.functional.adaptive_max_pool1d_with_indices(row, 2)
    (tensor([[3., 2.]]), tensor([[1, 2]]))
    """
    made: tuple[Tensor, Tensor] = adaptive_max_pool1d(input, output_size, True)
    return made


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: Wanted, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool2d` with the places of the elements, counted h * W + w, int64.

    >>> import facula as torch
    >>> image = torch.arange(4.0).reshape(1, 2, 2)
    >>> torch.nn.functional.adaptive_max_pool2d_with_indices(image, 1)
    (tensor([[[3.]]]), tensor([[[3]]]))
    """
    made: tuple[Tensor, Tensor] = adaptive_max_pool2d(input, output_size, True)
    return made


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: Wanted, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """`adaptive_max_pool3d` with the places of the elements, counted (d * H + h) * W + w, int64.

    >>> import facula as torch
    >>> volume = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> torch.nn.functional.adaptive_max_pool3d_with_indices(volume, 1)
    (tensor([[[[7.]]]]), tensor([[[[7]]]]))
    """
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
    """sum(x^p)^(1/p) over every window of a row, p being `norm_type`.

    Input (N, C, L) or (C, L), the result with as many windows for L as fit; `ceil_mode` also takes
    one that hangs over. Of a negative sum the root is nan, as in torch. Raises RuntimeError for
    other shapes.

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
    """sum(x^p)^(1/p) over every window of an image, (N, C, H, W) or (C, H, W); see `lp_pool1d`.

    >>> import facula as torch
    >>> torch.nn.functional.lp_pool2d(torch.tensor([[[1.0, 2.0], [2.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 2)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """sum(x^p)^(1/p) over every window of a volume, (N, C, D, H, W) or (C, D, H, W); see
    `lp_pool1d`.

    >>> import facula as torch
    >>> torch.nn.functional.lp_pool3d(torch.full((1, 2, 2, 2), 2.0), 1, 2)
    tensor([[[[16.]]]])
    """
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
    if not input.dtype.is_floating_point:
        word = dtype_word(input.dtype)
        raise NotImplementedError(f"\"max_unpool{max(2, rank)}d\" not implemented for '{word}'")
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

    Input and indices (N, C, L) or (C, L); the result has the length pooling came from, (L - 1) *
    stride - 2 * padding + kernel_size, or `output_size`. Raises ValueError for an output_size that
    does not fit, RuntimeError for an index outside, other shapes or indices that are not int64.

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
    """Zeros, with the input's elements where `max_pool2d` found them.

    Input and indices (N, C, H, W) or (C, H, W); sizes and errors are those of `max_unpool1d`.

    >>> import facula as torch
    >>> F = torch.nn.functional
    >>> x = torch.arange(4.0).reshape(1, 2, 2)
    >>> F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
    tensor([[[0., 0.],
             [0., 3.]]])
    """
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros, with the input's elements where `max_pool3d` found them.

    Input and indices (N, C, D, H, W) or (C, D, H, W); sizes and errors are those of `max_unpool1d`.

    >>> import facula as torch
    >>> F = torch.nn.functional
    >>> x = torch.arange(8.0).reshape(1, 2, 2, 2)
    >>> F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)
    tensor([[[[0., 0.],
              [0., 0.]],
    <BLANKLINE>
             [[0., 0.],
              [0., 7.]]]])
    """
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 3)
