"""Cross entropy of a linear layer's results, in one piece or some rows at a time."""

import math
import warnings
from dataclasses import dataclass

from facula.meta.dtype import bfloat16, float16, float32, float64, int64
from facula.meta.dtype import dtype as DType
from facula.ops.calls import op
from facula.tensor import Tensor

POLICIES = ("auto", "accurate", "balanced", "compact")
DTYPES = (float16, bfloat16, float32, float64)


@dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How `linear_cross_entropy` cuts the batch in chunks, of which one's logits exist at a time.

    `batch_chunk_size` is the rows of a chunk, or `chunking_method` finds them: "aspect_ratio:K"
    makes a chunk's logits about a K-th of the input, "auto" chooses. Sums are taken in `acc_dtype`
    (None: float32 for half types). Gradients are computed anew in the backward pass, so
    `allow_retain_graph` is met either way, and every `acc_policy` is as exact as "accurate".

    >>> import facula as torch
    >>> torch.nn.LinearCrossEntropyOptions(batch_chunk_size=2).batch_chunk_size
    2
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: DType | None = None

    def __post_init__(self) -> None:
        if self.acc_policy not in POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if self.chunking_method not in (None, "auto"):
            name, colon, factor = str(self.chunking_method).partition(":")
            factor = factor if colon else "1"
            if name != "aspect_ratio" or not factor.isdigit() or int(factor) <= 0:
                raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype is not None and self.acc_dtype not in DTYPES:
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, "
                f"torch.float64}}, got {self.acc_dtype!r}. Pass acc_dtype=None to let the op pick "
                "automatically."
            )

    def rows(self, batch: int, features: int, classes: int, dtype: DType) -> int:
        """The rows of a chunk."""
        method, given = self.chunking_method, self.batch_chunk_size
        if method == "auto":
            if given is not None:
                return max(1, min(given, batch))
            method = "aspect_ratio" if dtype in (float16, bfloat16) else "aspect_ratio:2"
        if method is None:
            return max(1, batch if given is None else min(given, batch))
        target = -(-batch // -(-classes // features))
        factor = int(method.partition(":")[2] or "1")
        found = min((1 << (target - 1).bit_length()) // factor, batch)
        if given is not None and given != found:
            raise ValueError(
                f"batch_chunk_size (={given}) and chunking_method ('{method}') give different "
                f"chunk sizes ({given} vs {found}); pass only one."
            )
        return max(1, found)

    def sums(self, dtype: DType) -> DType:
        """The dtype of products and sums for inputs of a dtype."""
        half = dtype in (float16, bfloat16)
        wanted = self.acc_dtype
        if wanted is None:
            return float32 if half and self.acc_policy == "auto" else dtype
        if wanted is not dtype and not (half and wanted is float32):
            raise RuntimeError(
                "linear_cross_entropy supports float32 acc_dtype with float16/bfloat16 inputs, "
                f"but got {wanted} acc_dtype and {dtype} inputs."
            )
        return wanted


def _check(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    linear_bias: Tensor | None,
    ignore_index: int | None,
) -> tuple[int, ...]:
    """The shape of the logits."""
    if not 1 <= input.dim() <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    rest = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != rest:
        raise RuntimeError(f"expected linear_bias shape {rest}, got {tuple(linear_bias.shape)}")
    if len(rest) > 1 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} "
            f"requires batched input, (N, {input.shape[-1]}), got unbatched input with shape "
            f"{tuple(input.shape)}"
        )
    shape = (*input.shape[:-1], *rest)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    return shape


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target), for (N, E) or (E) inputs.

    `linear_weight` is (C, E), or (C, d1, ..., E) for a loss with more dimensions. With `options`
    the logits of some rows at a time exist, forwards and backwards.

    >>> import facula as torch
    >>> x, w = torch.zeros(2, 3), torch.zeros(4, 3)
    >>> torch.nn.functional.linear_cross_entropy(x, w, torch.tensor([0, 1]))
    tensor(1.3863)
    """
    shape = _check(input, linear_weight, target, linear_bias, ignore_index)
    ignored = -100 if ignore_index is None else ignore_index
    classes, width = linear_weight.shape[0], linear_weight.shape[-1]
    if options is not None:
        if (
            linear_weight.dim() == 2
            and reduction in ("mean", "sum", "none")
            and label_smoothing == 0.0
            and target.dtype is int64
        ):
            rows = options.rows(
                1 if input.dim() == 1 else input.shape[0], width, classes, input.dtype
            )
            return _in_chunks(
                input, linear_weight, target, linear_bias, weight, reduction, ignored, rows,
                options.sums(input.dtype),
            )  # fmt: skip
        bias = None if linear_bias is None else tuple(linear_bias.shape)
        warnings.warn(
            "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in "
            "{'mean','sum','none'}, label_smoothing == 0, target.dtype == int64, out_features == "
            f"(). Got reduction={reduction!r}, label_smoothing={label_smoothing}, "
            f"target.dtype={target.dtype}, out_features={tuple(linear_weight.shape[1:-1])}, "
            f"tracing=False, linear_bias.shape={bias}.",
            stacklevel=2,
        )
    if linear_weight.dim() > 2:
        total = math.prod(linear_weight.shape[:-1])
        linear_weight = linear_weight.reshape(total, width)
        linear_bias = None if linear_bias is None else linear_bias.reshape(total)
    logits = op.linear(input, linear_weight, linear_bias).reshape(shape)
    made: Tensor = op.cross_entropy(logits, target, weight, reduction, ignored, label_smoothing)
    return made


def _in_chunks(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    linear_bias: Tensor | None,
    weight: Tensor | None,
    reduction: str,
    ignored: int,
    rows: int,
    dtype: DType,
) -> Tensor:
    single = input.dim() == 1
    if single:
        input, target = input.unsqueeze(0), target.unsqueeze(0)
    masked = target == ignored
    classes = linear_weight.shape[0]
    chosen = op.where(masked, 0, target) if not 0 <= ignored < classes else target
    scale = (~masked).to(dtype) if weight is None else weight.to(dtype)[chosen]
    scale = scale.masked_fill(masked, 0.0)
    if reduction == "mean":
        # Without a row that counts the mean is nan.
        scale = scale / scale.sum()
    losses: Tensor = op.linear_losses(input, linear_weight, chosen, linear_bias, scale, rows, dtype)
    if reduction == "none":
        return losses.squeeze(0) if single else losses
    return losses.sum()
