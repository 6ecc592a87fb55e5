"""Contractions: matrix products and everything made of them."""

from facula.contraction import product
from facula.dispatch import dtype_word
from facula.meta.shape import broadcast_shapes, numel
from facula.op import composite, operation, registry
from facula.tensor import Tensor


def _same_dtype(name, a, b):
    if a.form.dtype is not b.form.dtype:
        raise RuntimeError(
            f"{name}: expected m1 and m2 to have the same dtype, but got: {_word(a)} != {_word(b)}"
        )
    if a.form.kind == "bool":
        raise RuntimeError(f"\"{name}\" not implemented for 'Bool'")


def _word(tensor):
    return {"Float": "float", "Double": "double", "Half": "c10::Half", "BFloat16": "c10::BFloat16",
            "Long": "long long", "Int": "int", "Short": "short", "Char": "signed char", "Byte": "unsigned char",
            "Bool": "bool"}[dtype_word(tensor.form.dtype)]  # fmt: skip


@operation("mm(Tensor self, Tensor mat2, *, Tensor(a!)? out=None) -> Tensor")
def mm(self, mat2):
    """The product of two matrices: (n, m) times (m, p)."""
    if self.form.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.form.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    (n, m), (k, p) = self.form.shape, mat2.form.shape
    if m != k:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{m} and {k}x{p})")
    _same_dtype("mm", self, mat2)
    return product(self, mat2)


@mm.gradient
def _(g, self, mat2, needs):
    return g.mm(mat2.t()) if needs[0] else None, self.t().mm(g) if needs[1] else None


@operation("bmm(Tensor self, Tensor mat2, *, Tensor(a!)? out=None) -> Tensor")
def bmm(self, mat2):
    """Products of two batches of matrices: (b, n, m) times (b, m, p)."""
    if self.form.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if mat2.form.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    (b, n, m), (c, k, p) = self.form.shape, mat2.form.shape
    if b != c or m != k:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: [{c}, {k}]."
        )
    _same_dtype("bmm", self, mat2)
    return product(self, mat2)


@bmm.gradient
def _(g, self, mat2, needs):
    return (
        g.bmm(mat2.transpose(1, 2)) if needs[0] else None,
        self.transpose(1, 2).bmm(g) if needs[1] else None,
    )


@composite("matmul(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def matmul(self, other):
    """The matrix product of the last two dimensions; vectors count as rows on the left, columns on the right;
    leading dimensions broadcast."""
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}")
    a, b = self.form.ndim, other.form.ndim
    if a == 0 or b == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    mm, bmm = registry["mm"].function, registry["bmm"].function
    if a == 2 and b == 2:
        return mm(self, other)
    if a == 1 and b == 1:
        return registry["dot"].function(self, other)
    if a == 2 and b == 1:
        return registry["mv"].function(self, other)
    if a == 1 and b == 2:
        if self.form.shape[0] != other.form.shape[0]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied (1x{self.form.shape[0]} and "
                f"{other.form.shape[0]}x{other.form.shape[1]})"
            )
        return mm(self.unsqueeze(0), other).squeeze(0)
    if b == 2 or (b == 1 and a > 2):
        shape = self.form.shape
        right = other if b == 2 else other.unsqueeze(1)
        flat = mm(self.reshape(numel(shape[:-1]), shape[-1]), right)
        return flat.reshape((*shape[:-1], right.form.shape[1]) if b == 2 else shape[:-1])
    left = self if a > 1 else self.unsqueeze(0)
    right = other if b > 1 else other.unsqueeze(1)
    lead = broadcast_shapes(left.form.shape[:-2], right.form.shape[:-2])
    n, m = left.form.shape[-2:]
    k, p = right.form.shape[-2:]
    if m != k:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({numel(left.form.shape[:-1])}x{m} and {k}x{p})"
        )
    batch = numel(lead)
    x = left.expand((*lead, n, m)).reshape(batch, n, m)
    z = right.expand((*lead, k, p)).reshape(batch, k, p)
    y = bmm(x, z).reshape((*lead, n, p))
    return y.squeeze(-2) if a == 1 else y


@composite("dot(Tensor self, Tensor tensor, *, Tensor(a!)? out=None) -> Tensor")
def dot(self, tensor):
    """The inner product of two vectors."""
    if self.form.ndim != 1 or tensor.form.ndim != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {self.form.ndim}D and {tensor.form.ndim}D tensors"
        )
    if self.form.shape != tensor.form.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{self.form.numel}] and src [{tensor.form.numel}] to "
            f"have the same number of elements, but got {self.form.numel} and {tensor.form.numel} elements respectively"
        )
    if self.form.dtype is not tensor.form.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {_word(self).title()} and {_word(tensor).title()}"
        )
    return registry["mm"].function(self.unsqueeze(0), tensor.unsqueeze(1)).reshape(())


@composite("inner(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def inner(self, other):
    """Sums of products over the last dimensions."""
    if self.form.ndim == 0 or other.form.ndim == 0:
        return self * other
    flat = registry["mm"].function(
        self.reshape(-1, self.form.shape[-1]), other.reshape(-1, other.form.shape[-1]).t()
    )
    return flat.reshape((*self.form.shape[:-1], *other.form.shape[:-1]))


@composite("mv(Tensor self, Tensor vec, *, Tensor(a!)? out=None) -> Tensor")
def mv(self, vec):
    """A matrix times a vector."""
    if self.form.ndim != 2 or vec.form.ndim != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got 1, {self.form.ndim}, {vec.form.ndim}"
        )
    (n, m), k = self.form.shape, vec.form.shape[0]
    if m != k:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({k})")
    return registry["mm"].function(self, vec.unsqueeze(1)).squeeze(1)


@composite("outer(Tensor self, Tensor vec2, *, Tensor(a!)? out=None) -> Tensor")
def outer(self, vec2):
    """All products of two vectors' elements."""
    return self.unsqueeze(1) * vec2.unsqueeze(0)


@composite("addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1, Tensor(a!)? out=None) -> Tensor")
def addmm(self, mat1, mat2, *, beta=1, alpha=1):
    """beta * self + alpha * (mat1 @ mat2)."""
    result = registry["mm"].function(mat1, mat2)
    scaled = result if alpha == 1 else result * alpha
    return scaled if beta == 0 else (self if beta == 1 else self * beta) + scaled


@composite("baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1, Tensor(a!)? out=None) -> Tensor")
def baddbmm(self, batch1, batch2, *, beta=1, alpha=1):
    """beta * self + alpha * bmm(batch1, batch2)."""
    result = registry["bmm"].function(batch1, batch2)
    scaled = result if alpha == 1 else result * alpha
    return scaled if beta == 0 else (self if beta == 1 else self * beta) + scaled


@operation("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor")
def linear(input, weight, bias=None):
    """input @ weight.T + bias: (..., in) times (out, in)."""
    shape = input.form.shape
    if weight.form.ndim not in (1, 2):
        raise RuntimeError(f"linear: expected weight of 1 or 2 dimensions, got {weight.form.ndim}")
    if not shape:
        raise RuntimeError("both arguments to linear need to be at least 1D, but they are 0D and 2D")
    out, features = weight.form.shape if weight.form.ndim == 2 else (1, weight.form.shape[0])
    if shape[-1] != features:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({numel(shape[:-1])}x{shape[-1]} and {features}x{out})"
        )
    if input.form.dtype is not weight.form.dtype or (
        bias is not None and bias.form.dtype is not input.form.dtype
    ):
        other = weight if input.form.dtype is not weight.form.dtype else bias
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {dtype_word(input.form.dtype)} and "
            f"{dtype_word(other.form.dtype)}"
        )
    if bias is not None and bias.form.shape not in ((out,), (1,), ()):
        raise RuntimeError(
            f"The expanded size of the tensor ({out}) must match the existing size ({bias.form.numel}) at "
            f"non-singleton dimension 1.  Target sizes: [{numel(shape[:-1])}, {out}].  Tensor sizes: {list(bias.form.shape)}"
        )
    if bias is not None and bias.form.numel != out or bias is not None and not bias.form.contiguous:
        bias = bias.expand((out,)).contiguous()
    w = weight if weight.form.ndim == 2 else weight.unsqueeze(0)
    if len(shape) == 2:
        return product(input, w, bias, transpose_b=True)
    flat = product(input.reshape(numel(shape[:-1]), features), w, bias, transpose_b=True)
    return flat.view((*shape[:-1], out) if weight.form.ndim == 2 else shape[:-1])


registry["linear"].node_name = "AddmmBackward0"


@linear.gradient
def _(g, input, weight, bias_form, needs):
    mm = registry["mm"].function
    w = weight if weight.form.ndim == 2 else weight.unsqueeze(0)
    out, features = w.form.shape
    rows = g if g.form.ndim == 2 and weight.form.ndim == 2 else g.reshape(-1, out)
    x = w_grad = bias_grad = None
    if needs[0]:
        x = mm(rows, w)
        if input.form.ndim != 2:
            x = x.reshape(input.form.shape)
    if needs[1]:
        flat = input if input.form.ndim == 2 else input.reshape(-1, features)
        w_grad = mm(rows.t(), flat)
        if weight.form.ndim == 1:
            w_grad = w_grad.squeeze(0)
    if needs[2]:
        bias_grad = rows.sum(0)
        if bias_grad.form.shape != bias_form.shape:
            bias_grad = bias_grad.sum_to_size(bias_form.shape)
    return x, w_grad, bias_grad
