"""Reductions of segments: runs of a dimension whose lengths or ends are given."""

from facula.dispatch import dtype_word
from facula.meta.shape import wrap_dim
from facula.op import composite, registry

# torch's name of a reduction: that of scatter_reduce, and what an empty segment gives.
WAYS = {
    "sum": ("sum", 0.0), "mean": ("mean", float("nan")), "prod": ("prod", 1.0),
    "max": ("amax", -float("inf")), "min": ("amin", float("inf")),
}  # fmt: skip


def _check(data, reduce, lengths, indices, offsets, axis, unsafe):
    if reduce not in WAYS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if not data.form.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"_segment_reduce_cpu\" not implemented for '{dtype_word(data.form.dtype)}'"
        )
    if indices is not None:
        raise RuntimeError(
            "segment_reduce(): indices based reduction is not supported yet."
        )
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if data.form.numel == 0:
        raise RuntimeError("segment_reduce(): Expected data to have at least one element.")
    told = lengths if offsets is None else offsets
    name = "lengths" if offsets is None else "offsets"
    if told.form.kind not in ("i64", "i32"):
        raise RuntimeError(
            f"segment_reduce(): Expected {name} to have integer type, got {told.form.dtype}"
        )
    if told.form.ndim != axis + 1:
        raise RuntimeError(
            f"segment_reduce(): Expected {name} to have {axis + 1} dimensions, got "
            f"{told.form.ndim}"
        )
    if lengths is not None and not unsafe:
        if bool((lengths < 0).any()):
            raise RuntimeError("lengths contains negative value!")
        if bool((lengths.sum(-1) != data.form.shape[axis]).any()):
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size("
                "lengths.dim()-1) when !unsafe."
            )


@composite("segment_reduce(Tensor data, str reduce, *, Tensor? lengths=None, Tensor? indices=None, "
           "Tensor? offsets=None, int axis=0, bool unsafe=False, Scalar? initial=None) -> Tensor")
def segment_reduce(data, reduce, *, lengths=None, indices=None, offsets=None, axis=0,
                   unsafe=False, initial=None):
    """Sums, means, products, maxima or minima of segments of a dimension, whose `lengths` (or
    `offsets`, where each begins and the last ends) are given for every row before it.

    lengths (k) along axis; the result has k in its place. Raises RuntimeError for lengths that do
    not add up.

    >>> import facula as torch
    >>> torch.segment_reduce(torch.arange(4.0), "sum", lengths=torch.tensor([1, 3]))
    tensor([0., 6.])
    """
    axis = wrap_dim(axis, data.form.ndim)
    _check(data, reduce, lengths, indices, offsets, axis, unsafe)
    if offsets is not None:
        lengths = offsets.narrow(-1, 1, offsets.form.shape[-1] - 1) - offsets.narrow(
            -1, 0, offsets.form.shape[-1] - 1
        )
    way, unit = WAYS[reduce]
    before, after = data.form.shape[:axis], data.form.shape[axis + 1 :]
    count, parts = data.form.shape[axis], lengths.form.shape[-1]
    rows = lengths.form.numel // parts if parts else 0
    lengths = lengths.reshape(rows, parts).long()
    # The number of each element's segment, counted through all rows.
    ends = lengths.cumsum(1)
    places = registry["arange"].function(count).expand(rows, count).contiguous()
    inside = registry["searchsorted"].function(ends, places, right=True)
    numbers = inside.clamp(max=parts - 1) + registry["arange"].function(rows).unsqueeze(1) * parts
    flat = data.reshape(rows * count, -1)
    index = numbers.reshape(-1, 1).expand(flat.form.shape)
    if reduce == "mean":
        start = data.new_full((rows * parts, flat.form.shape[1]), initial or 0)
        sums = start.scatter_reduce(0, index, flat, "sum")
        sizes = lengths.reshape(-1, 1)
        y = sums / sizes
        if initial is not None:
            y = y.where(sizes > 0, float(initial))
    else:
        first = unit if initial is None else initial
        start = data.new_full((rows * parts, flat.form.shape[1]), first)
        y = start.scatter_reduce(0, index, flat, way)
    return y.reshape((*before, parts, *after))


registry["segment_reduce"].method = False
