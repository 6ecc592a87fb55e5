"""Scaled dot-product attention (Vaswani et al., arXiv 1706.03762).

Small problems are a composition of products and a softmax. Where the scores would fill much memory,
queries are taken some rows at a time, forwards and backwards, so that never all scores exist
(Rabe and Staats, arXiv 2112.05682). Note [losses and attention].
"""

import math

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.tensor import Tensor

NEVER = float("-inf")
# Of more scores than these only some rows exist at a time: 16 MB of float32.
MANY_SCORES = 1 << 22


def _scores(query, key, mask, scale, first, causal):
    """Some rows of scaled scores, with the mask; `first` is the number of the first row."""
    scores = query.matmul(key.transpose(-2, -1)) * scale
    rows, columns = scores.form.shape[-2:]
    if causal:
        numbers = registry["arange"].function
        later = numbers(columns) > numbers(first, first + rows).unsqueeze(1)
        scores = scores.masked_fill(later, NEVER)
    return scores if mask is None else scores + mask


def _weights(scores, masked):
    """Softmax along the last dimension; rows of which nothing may be seen are 0."""
    weights = scores.softmax(-1)
    if not masked:
        return weights
    unseen = (scores.detach() == NEVER).all(-1, keepdim=True)
    return weights.masked_fill(unseen, 0.0)


def _rows(mask, first, count):
    """A mask's rows for some queries; one row serves all."""
    if mask is None or mask.form.ndim < 2 or mask.form.shape[-2] == 1:
        return mask
    return mask.narrow(-2, first, count)


def _blocks(query, key):
    """The first row and number of rows of each block of queries."""
    rows, columns = query.form.shape[-2], key.form.shape[-2]
    lead = 1
    for n in broadcast_shapes(query.form.shape[:-2], key.form.shape[:-2]):
        lead *= n
    step = max(16, MANY_SCORES // max(1, lead * columns))
    return [(first, min(step, rows - first)) for first in range(0, rows, step)]


@operation("attention_by_rows(Tensor query, Tensor key, Tensor value, Tensor? mask, float scale, "
           "bool causal) -> Tensor")
def attention_by_rows(query, key, value, mask, scale, causal):
    """Attention without dropout, some rows of queries at a time."""
    found = []
    for first, count in _blocks(query, key):
        part = query.narrow(-2, first, count)
        scores = _scores(part, key, _rows(mask, first, count), scale, first, causal)
        found.append(_weights(scores, causal or mask is not None).matmul(value))
    return registry["cat"].function(found, -2)


attention_by_rows.node_name = "ScaledDotProductAttentionBackward0"


@attention_by_rows.gradient
def _(g, query, key, value, mask, scale, causal, needs):
    dq: list[Tensor] = []
    dm: list[Tensor] = []
    dk = dv = None
    for first, count in _blocks(query, key):
        part, rows = query.narrow(-2, first, count), _rows(mask, first, count)
        p = _weights(_scores(part, key, rows, scale, first, causal), causal or mask is not None)
        h = g.narrow(-2, first, count)
        dp = h.matmul(value.transpose(-2, -1))
        ds = p * (dp - (dp * p).sum(-1, keepdim=True))
        dq.append(ds.matmul(key) * scale)
        one, two = ds.transpose(-2, -1).matmul(part) * scale, p.transpose(-2, -1).matmul(h)
        dk, dv = (one, two) if dk is None or dv is None else (dk + one, dv + two)
        if mask is not None and needs[3]:
            dm.append(ds)
    whole = registry["cat"].function
    found = [whole(dq, -2), dk, dv]
    made = [
        x.sum_to_size(like.form.shape) for x, like in zip(found, (query, key, value), strict=True)
    ]
    made.append(whole(dm, -2).sum_to_size(mask.form.shape) if dm else None)
    return tuple(made)


def _check(query, key, value, mask, causal):
    forms = [x.form for x in (query, key, value)]
    if len({f.dtype for f in forms}) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{_word(query)} key.dtype: {_word(key)} and value.dtype: {_word(value)} instead."
        )
    if min(f.ndim for f in forms) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{forms[0].ndim}, key.dim: {forms[1].ndim} and value.dim: {forms[2].ndim} instead."
        )
    if mask is None:
        return
    if mask.form.dtype not in (dtypes.bool_, dtypes.float32, query.form.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {_word(mask)} and  query.dtype: {_word(query)} instead."
        )
    if causal:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )


def _word(x):
    return dtype_word(x.form.dtype)


def _grouped(query, x):
    """Heads of keys or values repeated, so that there are as many as of queries."""
    heads, fewer = query.form.shape[-3], x.form.shape[-3]
    if fewer == heads:
        return x
    if not fewer or heads % fewer:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query, got "
            f"{fewer} and {heads}"
        )
    return x.repeat_interleave(heads // fewer, -3)


@composite(
    "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, "
    "float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) "
    "-> Tensor"
)
def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None,
    enable_gqa=False,
):
    """softmax(query key^T scale + mask) value, for (..., L, E), (..., S, E) and (..., S, V).

    The mask is True where a query may look, or numbers to be added; `is_causal` lets query i look
    at keys up to i. A query that may look nowhere gets zeros. `scale` is 1 / sqrt(E) if not given;
    `enable_gqa` lets groups of query heads share heads of keys and values.
    """
    _check(query, key, value, attn_mask, is_causal)
    dtype = query.form.dtype
    if dtype.itemsize < 4:
        # Scores of half types are computed in float32, as torch does.
        query, key, value = (x.to(dtypes.float32) for x in (query, key, value))
        if attn_mask is not None and attn_mask.form.dtype is dtype:
            attn_mask = attn_mask.to(dtypes.float32)
        y = scaled_dot_product_attention.forward(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
        return y.to(dtype)
    if enable_gqa:
        key, value = _grouped(query, key), _grouped(query, value)
    width = query.form.shape[-1]
    factor = (1.0 / math.sqrt(width) if width else math.nan) if scale is None else scale
    mask = attn_mask
    if mask is not None and mask.form.dtype is dtypes.bool_:
        zero = registry["zeros"].function((), dtype=query.form.dtype)
        mask = registry["where"].function(mask, zero, NEVER)
    elif mask is not None and mask.form.dtype is not query.form.dtype:
        mask = mask.to(query.form.dtype)
    lead = broadcast_shapes(query.form.shape[:-2], key.form.shape[:-2])
    scores = query.form.shape[-2] * key.form.shape[-2]
    for n in lead:
        scores *= n
    if dropout_p == 0.0 and scores > MANY_SCORES:
        return attention_by_rows.function(query, key, value, mask, factor, is_causal)
    made = _scores(query, key, mask, factor, 0, is_causal)
    weights = _weights(made, is_causal or mask is not None)
    if dropout_p > 0.0:
        weights = registry["dropout"].function(weights, dropout_p, True)
    return weights.matmul(value)


# Where records stand that are no functions of torch itself.
registry["attention_by_rows"].namespace = "internal"
registry["scaled_dot_product_attention"].namespace = "nn"
for _name in ("attention_by_rows", "scaled_dot_product_attention"):
    registry[_name].method = False
