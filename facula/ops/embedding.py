"""Rows of a table by number."""

from facula.dispatch import dtype_word
from facula.launch.indirect import access, as_index
from facula.op import composite, operation, registry
from facula.tensor import empty


@composite("embedding(Tensor weight, Tensor indices, int padding_idx=-1, "
           "bool scale_grad_by_freq=False, bool sparse=False) -> Tensor")
def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """Rows of weight by number; row `padding_idx` gets no gradient.

    indices (*) of integers, weight (V, E), result (*, E). Raises IndexError for an index outside
    [0, V).
    """
    if weight.form.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if indices.form.kind not in ("i64", "i32"):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{dtype_word(indices.form.dtype)}Tensor instead (while "
            "checking arguments for embedding)"
        )
    return registry["embedding_rows"].function(
        weight, indices, padding_idx, scale_grad_by_freq, sparse
    )


@operation("embedding_rows(Tensor weight, Tensor indices, int padding_idx, "
           "bool scale_grad_by_freq, bool sparse) -> Tensor")
def embedding_rows(weight, indices, padding_idx, scale_grad_by_freq, sparse):
    """Rows of weight by number."""
    y = empty(weight.form.dtype, (*indices.form.shape, weight.form.shape[1]))
    strides = [0] * indices.form.ndim + [weight.form.strides[1]]
    wide = as_index(indices).reshape((*indices.form.shape, 1))
    moved = (wide, weight.form.shape[0], weight.form.strides[0], 0)
    try:
        access("take", y, weight, strides, [moved], y.form.shape, positive=True)
    except RuntimeError:
        raise IndexError("index out of range in self") from None
    return y


embedding_rows.tensor_names = ("weight",)
embedding_rows.node_name = "EmbeddingBackward0"


@embedding_rows.gradient
def _(g, weight_form, indices, padding_idx, scale_grad_by_freq, sparse):
    if sparse:
        raise NotImplementedError("embedding(): sparse gradients are not supported")
    flat = indices.reshape(-1)
    rows = g.reshape(flat.form.numel, weight_form.shape[1])
    if padding_idx >= 0:
        rows = rows * (flat != padding_idx).to(g.form.dtype).unsqueeze(1)
    if scale_grad_by_freq:
        ones = registry["ones"].function(flat.form.numel, dtype=g.form.dtype)
        counts = g.new_zeros((weight_form.shape[0],)).index_add(0, flat, ones)
        rows = rows / counts.index_select(0, flat).unsqueeze(1)
    return g.new_zeros(weight_form.shape).index_add_(0, flat, rows)


registry["embedding"].is_launch = registry["embedding_rows"].is_launch = True
registry["embedding_rows"].namespace, registry["embedding_rows"].method = "internal", False
