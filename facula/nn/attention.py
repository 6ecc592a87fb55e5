"""Attention of torch.nn.functional: `multi_head_attention_forward` step by step."""

import math
import warnings
from collections.abc import Sequence

from facula.meta.dtype import bool_
from facula.meta.dtype import dtype as DType
from facula.ops.calls import op
from facula.tensor import Tensor

Triple = tuple[Tensor, Tensor, Tensor]

scaled_dot_product_attention = op.scaled_dot_product_attention


def canonical_mask(
    mask: Tensor | None,
    name: str,
    other: Tensor | None,
    other_name: str,
    dtype: DType,
) -> Tensor | None:
    """A mask of numbers to add: -inf where a bool mask is True."""
    if mask is None:
        return None
    if mask.dtype is not bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and mask.dtype is not other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both "
            "instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    made: Tensor = op.zeros(*mask.shape, dtype=dtype).masked_fill_(mask, float("-inf"))
    return made


def _is_batched(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    heads: int,
) -> bool:
    """Whether inputs have a batch dimension; raises where their ranks do not fit together."""
    rank = query.dim()
    if rank not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {rank}-D query tensor"
        )
    words = f"For {'batched (3-D)' if rank == 3 else 'unbatched (2-D)'} `query`, expected"
    if key.dim() != rank or value.dim() != rank:
        raise AssertionError(
            f"{words} `key` and `value` to be {rank}-D but found {key.dim()}-D and {value.dim()}-D "
            "tensors respectively"
        )
    if padding is not None and padding.dim() != rank - 1:
        raise AssertionError(
            f"{words} `key_padding_mask` to be `None` or {rank - 1}-D but found {padding.dim()}-D "
            "tensor instead"
        )
    if mask is not None and mask.dim() not in (2, 3):
        raise AssertionError(
            f"{words} `attn_mask` to be `None`, 2-D or 3-D but found {mask.dim()}-D tensor instead"
        )
    if rank == 2 and mask is not None and mask.dim() == 3:
        expected = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != expected:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {expected} but got {mask.shape}"
            )
    return rank == 3


def _split(x: Tensor | None, sizes: Sequence[int]) -> list[Tensor | None]:
    return [None] * len(sizes) if x is None else list(x.split(tuple(sizes)))


def _projected_together(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None
) -> Triple:
    """Queries, keys and values from one weight of their three stacked."""
    width = query.shape[-1]
    if query is key and key is value:
        q, k, v = op.linear(query, weight, bias).chunk(3, -1)
        return q.contiguous(), k.contiguous(), v.contiguous()
    if key is value:
        w_q, w_kv = weight.split((width, 2 * width))
        b_q, b_kv = _split(bias, (width, 2 * width))
        k, v = op.linear(key, w_kv, b_kv).chunk(2, -1)
        return op.linear(query, w_q, b_q), k.contiguous(), v.contiguous()
    weights = weight.chunk(3)
    biases = _split(bias, (width,) * 3)
    q, k, v = (
        op.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)
    )
    return q, k, v


def _projected_apart(
    inputs: Triple, weights: Sequence[Tensor | None], bias: Tensor | None
) -> Triple:
    """Queries, keys and values from a weight each."""
    width = inputs[0].shape[-1]
    biases = [None] * 3 if bias is None else list(bias.chunk(3))
    made = []
    for what, letter, x, w, b in zip(
        ("query", "key", "value"), "qkv", inputs, weights, biases, strict=True
    ):
        if w is None:
            raise AssertionError(
                f"use_separate_proj_weight is True but {letter}_proj_weight is None"
            )
        if tuple(w.shape) != (width, x.shape[-1]):
            raise AssertionError(
                f"expecting {what} weights shape of {(width, x.shape[-1])}, but got {w.shape}"
            )
        if b is not None and tuple(b.shape) != (width,):
            raise AssertionError(f"expecting {what} bias shape of {(width,)}, but got {b.shape}")
        made.append(op.linear(x, w, b))
    return made[0], made[1], made[2]


def _checked_mask(
    mask: Tensor | None, batch: int, heads: int, sizes: tuple[int, int]
) -> Tensor | None:
    """The mask as (1 or batch * heads, L, S)."""
    if mask is None:
        return None
    if mask.dim() == 2:
        if tuple(mask.shape) != sizes:
            raise RuntimeError(
                f"The shape of the 2D attn_mask is {mask.shape}, but should be {sizes}."
            )
        return mask.unsqueeze(0)
    expected = (batch * heads, *sizes)
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the 3D attn_mask is {mask.shape}, but should be {expected}."
        )
    return mask


def _wider(mask: Tensor | None) -> Tensor | None:
    """A mask with one more column, where all may look."""
    return None if mask is None else op.constant_pad_nd(mask, (0, 1), 0.0)


def _heads_first(x: Tensor, static: Tensor | None, name: str, count: int, width: int) -> Tensor:
    """(batch * heads, S, head_dim) from (S, batch, E), or what stands in for it."""
    if static is None:
        made: Tensor = x.reshape(x.shape[0], count, width).transpose(0, 1)
        return made
    if static.shape[0] != count:
        raise AssertionError(f"expecting {name}.size(0) of {count}, but got {static.shape[0]}")
    if static.shape[2] != width:
        raise AssertionError(f"expecting {name}.size(2) of {width}, but got {static.shape[2]}")
    return static


def _merged(
    mask: Tensor | None, padding: Tensor | None, batch: int, heads: int, length: int
) -> Tensor | None:
    """The attention mask and the mask of padded keys as one."""
    if padding is None:
        return mask
    for place, expected in ((0, batch), (1, length)):
        if padding.shape[place] != expected:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{place}] to be {expected}, but got "
                f"{padding.shape[place]}"
            )
    each = padding.reshape(batch, 1, 1, length).expand(-1, heads, -1, -1)
    each = each.reshape(batch * heads, 1, length)
    return each if mask is None else mask + each


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads with its projections (Vaswani et al., arXiv 1706.03762).

    query (L, N, E) or (L, E), key and value (S, N, E) or (S, E); in_proj_weight (3 E, E),
    in_proj_bias (3 E), out_proj_weight (E, E), out_proj_bias (E). Masks are True (or -inf) where a
    query must not look: attn_mask (L, S) or (N * heads, L, S), key_padding_mask (N, S). Returns the
    output, like the query, and with `need_weights` the weights (N, L, S), averaged over heads or
    (N, heads, L, S), which sum to 1 over S. Raises AssertionError for shapes that do not fit each
    other, RuntimeError for `is_causal` without a mask.

    >>> import facula as torch
    >>> x, one = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.eye(2)
    >>> y, weights = torch.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 2, 1, torch.cat([one, one, one]), None, None, None, False, 0.0, one, None
    ... )
    >>> y
    tensor([[0.6698, 0.3302],
            [0.3302, 0.6698]])
    """
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same = query is key, key is value
        q_in = query.unsqueeze(1)
        k_in = q_in if same[0] else key.unsqueeze(1)
        v_in = k_in if same[1] else value.unsqueeze(1)
        query, key, value = q_in, k_in, v_in
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    source = key.shape[0]
    key_padding_mask = canonical_mask(
        key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query.dtype
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype)
        # The mask says it already.
        is_causal = False
    if width != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
        )
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's "
                f"{value.shape[:2]}"
            )
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = _projected_apart((query, key, value), weights, in_proj_bias)
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _projected_together(query, key, value, in_proj_weight, in_proj_bias)
    attn_mask = _checked_mask(attn_mask, batch, num_heads, (length, source))
    if bias_k is not None and bias_v is not None:
        if static_k is not None:
            raise AssertionError("bias cannot be added to static key.")
        if static_v is not None:
            raise AssertionError("bias cannot be added to static value.")
        k = op.cat([k, bias_k.repeat(1, batch, 1)])
        v = op.cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask, key_padding_mask = _wider(attn_mask), _wider(key_padding_mask)
    elif bias_k is not None:
        raise AssertionError("bias_k is set but bias_v is None")
    elif bias_v is not None:
        raise AssertionError("bias_v is set but bias_k is None")
    count = batch * num_heads
    q = q.reshape(length, count, head).transpose(0, 1)
    k = _heads_first(k, static_k, "static_k", count, head)
    v = _heads_first(v, static_v, "static_v", count, head)
    if add_zero_attn:
        zeros = op.zeros(count, 1, head, dtype=k.dtype)
        k, v = op.cat([k, zeros], 1), op.cat([v, zeros], 1)
        attn_mask, key_padding_mask = _wider(attn_mask), _wider(key_padding_mask)
    source = k.shape[1]
    attn_mask = _merged(attn_mask, key_padding_mask, batch, num_heads, source)
    dropout_p = dropout_p if training else 0.0
    if need_weights:
        scores = (q * math.sqrt(1.0 / head)).bmm(k.transpose(-2, -1))
        shares = (scores if attn_mask is None else attn_mask + scores).softmax(-1)
        if dropout_p > 0.0:
            shares = op.dropout(shares, dropout_p, True)
        y = shares.bmm(v).transpose(0, 1).reshape(length * batch, width)
        y = op.linear(y, out_proj_weight, out_proj_bias).reshape(length, batch, -1)
        shares = shares.reshape(batch, num_heads, length, source)
        if average_attn_weights:
            shares = shares.mean(1)
        return (y, shares) if batched else (y.squeeze(1), shares.squeeze(0))
    if attn_mask is not None:
        if attn_mask.shape[0] == 1:
            attn_mask = attn_mask.unsqueeze(0)
        else:
            attn_mask = attn_mask.reshape(batch, num_heads, -1, source)
    q, k, v = (x.reshape(batch, num_heads, -1, head) for x in (q, k, v))
    y = op.scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal)
    y = y.permute(2, 0, 1, 3).reshape(batch * length, width)
    y = op.linear(y, out_proj_weight, out_proj_bias).reshape(length, batch, -1)
    return (y, None) if batched else (y.squeeze(1), None)
