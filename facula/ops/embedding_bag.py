"""Bags of rows looked up and summed, averaged, or reduced to their largest elements."""

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.op import composite, registry

SUM, MEAN, MAX = range(3)
NEVER = float("-inf")


def _check(weight, indices, offsets, mode, per_sample_weights):
    for number, name, x in ((1, "indices", indices), (3, "offsets", offsets)):
        if x.form.kind not in ("i32", "i64"):
            raise RuntimeError(
                f"Expected tensor for argument #{number} '{name}' to have one of the following "
                f"scalar types: Long, Int; but got {dtype_word(x.form.dtype)} instead (while "
                "checking arguments for embedding_bag)"
            )
    if indices.form.ndim not in (1, 2):
        raise RuntimeError(
            f"input has to be a 1D or 2D Tensor, but got Tensor of dimension {indices.form.ndim}"
        )
    if offsets.form.ndim != 1:
        raise RuntimeError(
            f"offsets has to be a 1D Tensor, but got Tensor of dimension {offsets.form.ndim}"
        )
    if weight.form.ndim != 2:
        raise RuntimeError(
            f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.form.ndim}"
        )
    if not weight.form.dtype.is_floating_point:
        raise NotImplementedError(
            f"expected scalar type Half, BFloat16, Float or Double but found "
            f"{dtype_word(weight.form.dtype)}"
        )
    if offsets.form.numel:
        first, last = int(offsets[0]), int(offsets[-1])
        if first != 0:
            raise RuntimeError(
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
                f"from position 0. However, got {first}"
            )
        if int(offsets.min()) < 0:
            raise IndexError("index out of range in self")
        if last > indices.form.numel:
            raise RuntimeError(
                "offsets[-1] can not be greater than input's length "
                f"{indices.form.numel} but got offsets[-1] of {last}"
            )
    if mode not in (SUM, MEAN, MAX):
        raise RuntimeError(f"embedding_bag: mode must be 0 (sum), 1 (mean) or 2 (max), got {mode}")
    if per_sample_weights is not None:
        if mode != SUM:
            raise RuntimeError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                "supported for mode='sum'"
            )
        if per_sample_weights.form.dtype is not weight.form.dtype:
            raise RuntimeError(
                f"expected scalar type {dtype_word(weight.form.dtype)} but found "
                f"{dtype_word(per_sample_weights.form.dtype)}"
            )
        if tuple(per_sample_weights.form.shape) != tuple(indices.form.shape):
            raise RuntimeError(
                f"per_sample_weights must have the same shape as indices, got "
                f"{list(per_sample_weights.form.shape)} and {list(indices.form.shape)}"
            )


def _outside(indices, count, mode):
    """torch's words for the first of the indices that is no row."""
    place, index = next((i, n) for i, n in enumerate(indices) if not 0 <= n < count)
    if mode == MAX:
        return (
            "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be "
            f"{index}"
        )
    return (
        f"Index {place} of input takes value {index} which is not in the valid range [0, {count})"
    )


def _largest(rows, bags, counted, count):
    """(B, D): in which of the rows the largest element of each bag stands first; their number L
    where the bag is empty."""
    length, width = rows.form.shape
    known = rows.detach().masked_fill(~counted.unsqueeze(1), NEVER)
    index = bags.unsqueeze(1).expand(length, width)
    full, where = registry["full"].function, registry["where"].function
    tops = full((count, width), NEVER, dtype=known.form.dtype)
    tops = tops.scatter_reduce(0, index, known, "amax")
    numbers = registry["arange"].function(length).unsqueeze(1)
    hit = (known == tops.gather(0, index)) & counted.unsqueeze(1)
    places = full((count, width), length, dtype=dtypes.int64)
    return places.scatter_reduce(0, index, where(hit, numbers, length), "amin")


@composite(
    (
        "embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq="
        "False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool "
        "include_last_offset=False) -> (Tensor, Tensor, Tensor, Tensor)",
        "embedding_bag.padding_idx(Tensor weight, Tensor indices, Tensor offsets, bool "
        "scale_grad_by_freq, int mode, bool sparse, Tensor? per_sample_weights, bool "
        "include_last_offset, int? padding_idx) -> (Tensor, Tensor, Tensor, Tensor)",
    )
)
def embedding_bag(
    weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False,
    per_sample_weights=None, include_last_offset=False, padding_idx=None,
):
    """Rows of `weight` at (L) indices, bag by bag from each of the offsets on: their sum (mode 0),
    mean (1) or largest elements (2); the bag of each index, the sizes of bags, and for mode 2 the
    rows that gave each element. Indices equal to `padding_idx` do not count."""
    _check(weight, indices, offsets, mode, per_sample_weights)
    rows_known = weight.form.shape[0]
    padding = -1
    if padding_idx is not None:
        if not -rows_known <= padding_idx < rows_known:
            raise RuntimeError(
                "padding_idx must be within the number of embeddings, -"
                f"{rows_known} through {rows_known - 1}, but got {padding_idx}"
            )
        padding = padding_idx % rows_known
    count = offsets.form.numel - (1 if include_last_offset else 0)
    if count < 0:
        raise RuntimeError("include_last_offset: number of offset should be at least 1")
    starts = offsets[:count] if include_last_offset else offsets
    length = indices.form.numel
    numbers = registry["arange"].function(length)
    bags = registry["searchsorted"].function(starts.to(dtypes.int64), numbers, right=True) - 1
    if include_last_offset and length and int(offsets[-1]) < length:
        keep = int(offsets[-1])
        indices, bags, length = indices[:keep], bags[:keep], keep
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights[:keep]
    counted = indices != padding
    zeros = registry["zeros"].function
    sizes = zeros((count,), dtype=dtypes.int64).index_add(0, bags, counted.to(dtypes.int64))
    try:
        rows = registry["embedding"].function(weight, indices, padding, scale_grad_by_freq, sparse)
    except IndexError:
        raise RuntimeError(_outside(indices.tolist(), rows_known, mode)) from None
    dtype = rows.form.dtype
    width = weight.form.shape[1]
    if mode == MAX:
        places = _largest(rows, bags, counted, count)
        found = places < length
        empty = zeros((1, width), dtype=dtype)
        y = registry["cat"].function([rows, empty]).gather(0, places)
        none = zeros((1,), dtype=dtypes.int64)
        chosen = registry["cat"].function([indices.to(dtypes.int64), none])
        return y, bags, sizes, registry["where"].function(found, chosen[places], -1)
    if rows.form.itemsize < 4:
        rows = rows.to(dtypes.float32)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.to(rows.form.dtype).unsqueeze(1)
    if padding >= 0:
        rows = rows.masked_fill(~counted.unsqueeze(1), 0.0)
    y = zeros((count, width), dtype=rows.form.dtype).index_add(0, bags, rows)
    if mode == MEAN:
        y = y / sizes.clamp_min(1).unsqueeze(1)
    return y.to(dtype), bags, sizes, zeros((0,), dtype=dtypes.int64)
