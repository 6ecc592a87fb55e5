"""Contractions: matrix products and everything made of them."""

from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

from facula.autograd.mode import mode
from facula.dispatch import dtype_word
from facula.launch.contraction import product, product_again
from facula.meta import dtype as dtypes
from facula.meta import names
from facula.meta.shape import broadcast_shapes, numel
from facula.op import composite, operation, registry
from facula.tensor import Tensor


def _same_dtype(name, a, b):
    if a.form.dtype is not b.form.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_word(a)} != {_word(b)}"
        )
    if a.form.kind == "bool" and a.form.numel and b.form.numel:
        word = "addmm_impl_cpu_" if name == "mm" else name
        raise NotImplementedError(f"\"{word}\" not implemented for 'Bool'")


def _word(tensor):
    return {"Float": "float", "Double": "double", "Half": "c10::Half", "BFloat16": "c10::BFloat16",
            "Long": "long long", "Int": "int", "Short": "short", "Char": "signed char",
            "Byte": "unsigned char", "Bool": "bool", "ComplexFloat": "c10::complex<float>",
            "ComplexDouble": "c10::complex<double>", "ComplexHalf": "c10::complex<c10::Half>"}[
                dtype_word(tensor.form.dtype)
            ]  # fmt: skip


@operation((
    "mm(Tensor self, Tensor mat2, *, Tensor(a!)? out=None) -> Tensor",
    "mm.dtype(Tensor self, Tensor mat2, ScalarType out_dtype, *, Tensor(a!)? out=None) -> Tensor",
))
def mm(self, mat2):
    """The product of two matrices: (n, m) times (m, p)."""
    known = product_again(self, mat2)
    if known is not None and self.form.ndim == 2:
        return known
    if self.form.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.form.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    (n, m), (k, p) = self.form.shape, mat2.form.shape
    if m != k:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{m} and {k}x{p})")
    _same_dtype("mm", self, mat2)
    return product(self, mat2)


mm.read_for = {"mat2": 0, "self": 1}


@mm.gradient
def _(g, self, mat2, needs):
    if not mode.enabled:
        return (
            product(g, mat2, transpose_b=True) if needs[0] else None,
            product(self, g, transpose_a=True) if needs[1] else None,
        )
    return g.mm(mat2.t()) if needs[0] else None, self.t().mm(g) if needs[1] else None


@operation((
    "bmm(Tensor self, Tensor mat2, *, Tensor(a!)? out=None) -> Tensor",
    "bmm.dtype(Tensor self, Tensor mat2, ScalarType out_dtype, *, Tensor(a!)? out=None) -> Tensor",
))
def bmm(self, mat2):
    """Products of two batches of matrices: (b, n, m) times (b, m, p)."""
    if self.form.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if mat2.form.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    (b, _, m), (c, k, _) = self.form.shape, mat2.form.shape
    if b != c or m != k:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: "
            f"[{c}, {k}]."
        )
    _same_dtype("bmm", self, mat2)
    return product(self, mat2)


bmm.read_for = {"mat2": 0, "self": 1}


@bmm.gradient
def _(g, self, mat2, needs):
    return (
        g.bmm(mat2.transpose(1, 2)) if needs[0] else None,
        self.transpose(1, 2).bmm(g) if needs[1] else None,
    )


@composite("matmul(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def matmul(self, other):
    """The matrix product of the last two dimensions; vectors count as rows on the left, columns on
    the right; leading dimensions broadcast.

    (n) and (n) give (); (*, n, m) and (*, m, p) give (*, n, p). Raises RuntimeError for sizes that
    do not fit.
    """
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}")
    a, b = self.form.ndim, other.form.ndim
    if a == 0 or b == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D"
        )
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
        if b == 1 and shape[-1] != other.form.shape[0]:
            rows = numel(shape[:-1])
            raise RuntimeError(
                f"size mismatch, got input ({rows}), mat ({rows}x{shape[-1]}), vec "
                f"({other.form.shape[0]})"
            )
        right = other if b == 2 else other.unsqueeze(1)
        flat = mm(self.reshape(numel(shape[:-1]), shape[-1]), right)
        return flat.reshape((*shape[:-1], right.form.shape[1]) if b == 2 else shape[:-1])
    left = self if a > 1 else self.unsqueeze(0)
    right = other if b > 1 else other.unsqueeze(1)
    lead = broadcast_shapes(left.form.shape[:-2], right.form.shape[:-2])
    n, m = left.form.shape[-2:]
    k, p = right.form.shape[-2:]
    batch = numel(lead)
    if m != k:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {m}] but "
            f"got: [{batch}, {k}]."
        )
    x = left.expand((*lead, n, m)).reshape(batch, n, m)
    z = right.expand((*lead, k, p)).reshape(batch, k, p)
    y = bmm(x, z).reshape((*lead, n, p))
    return y.squeeze(-2) if a == 1 else y


@operation("dot(Tensor self, Tensor tensor, *, Tensor(a!)? out=None) -> Tensor")
def dot(self, tensor):
    """The inner product of two vectors."""
    if self.form.ndim != 1 or tensor.form.ndim != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {self.form.ndim}D and {tensor.form.ndim}D tensors"
        )
    if self.form.dtype is not tensor.form.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {_word(self).title()} and "
            f"{_word(tensor).title()}"
        )
    if self.form.kind == "bool":
        raise NotImplementedError("\"dot\" not implemented for 'Bool'")
    if self.form.shape != tensor.form.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{self.form.numel}] and src "
            f"[{tensor.form.numel}] to have the same number of elements, but got {self.form.numel} "
            f"and {tensor.form.numel} elements respectively"
        )
    return product(self.unsqueeze(0), tensor.unsqueeze(1)).view(())


dot.read_for = {"tensor": 0, "self": 1}


@dot.gradient
def _(g, self, tensor, needs):
    return g * tensor if needs[0] else None, g * self if needs[1] else None


@composite("inner(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def inner(self, other):
    """Sums of products over the last dimensions.

    (*a, n) and (*b, n) give (*a, *b). Raises RuntimeError for last sizes that differ.
    """
    if self.form.ndim == 0 or other.form.ndim == 0:
        return self * other
    if self.form.shape[-1] != other.form.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(self.form.shape)} and {list(other.form.shape)}"
        )
    size = self.form.shape[-1]
    rows, columns = numel(self.form.shape[:-1]), numel(other.form.shape[:-1])
    flat = registry["mm"].function(self.reshape(rows, size), other.reshape(columns, size).t())
    return flat.reshape((*self.form.shape[:-1], *other.form.shape[:-1]))


@operation("mv(Tensor self, Tensor vec, *, Tensor(a!)? out=None) -> Tensor")
def mv(self, vec):
    """A matrix times a vector."""
    if self.form.ndim != 2 or vec.form.ndim != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got 1, {self.form.ndim}, {vec.form.ndim}"
        )
    (n, m), k = self.form.shape, vec.form.shape[0]
    if m != k:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({k})")
    if self.form.dtype is not vec.form.dtype:
        _same_dtype("mv", self, vec)
    if self.form.kind == "bool" and self.form.numel:
        raise NotImplementedError("\"addmv_impl_cpu\" not implemented for 'Bool'")
    return product(self, vec.unsqueeze(1)).view((n,))


mv.read_for = {"vec": 0, "self": 1}


@mv.gradient
def _(g, self, vec, needs):
    da = g.unsqueeze(1) * vec.unsqueeze(0) if needs[0] else None
    return da, self.t().mv(g) if needs[1] else None


@composite("outer(Tensor self, Tensor vec2, *, Tensor(a!)? out=None) -> Tensor")
def outer(self, vec2):
    """All products of two vectors' elements.

    (n) and (m) give (n, m). Raises RuntimeError for other numbers of dimensions.
    """
    for word, one in (("self", self), ("vec2", vec2)):
        if one.form.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {word}, but got {one.form.ndim}-D")
    return self.unsqueeze(1) * vec2.unsqueeze(0)


@composite((
    "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1, Tensor(a!)? "
    "out=None) -> Tensor",
    "addmm.dtype(Tensor self, Tensor mat1, Tensor mat2, ScalarType out_dtype, *, Scalar beta=1, "
    "Scalar alpha=1, Tensor(a!)? out=None) -> Tensor",
))
def addmm(self, mat1, mat2, *, beta=1, alpha=1):
    """beta * self + alpha * (mat1 @ mat2).

    self broadcasts to (n, p), mat1 (n, m), mat2 (m, p), result (n, p). Raises RuntimeError for
    sizes that do not fit.
    """
    return _plus(self, registry["mm"].function(mat1, mat2), beta, alpha)


def _plus(self, result, beta, alpha):
    """beta * self + alpha * result; self may be nan where beta is 0. Of integers, both are cut."""
    if not result.form.tracked:
        kind = bool if result.form.dtype is dtypes.bool_ else int
        alpha, beta = kind(alpha), kind(beta)
    self = self.expand(result.form.shape)
    scaled = result if alpha == 1 else result * alpha
    return scaled if beta == 0 else (self if beta == 1 else self * beta) + scaled


@composite("addmm_(Tensor(a!) self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) "
           "-> Tensor(a!)")
def addmm_(self, mat1, mat2, *, beta=1, alpha=1):
    """In-place form of addmm.

    self broadcasts to (n, p), mat1 (n, m), mat2 (m, p), result (n, p). Raises RuntimeError for
    sizes that do not fit.
    """
    return self.copy_(self.addmm(mat1, mat2, beta=beta, alpha=alpha))


@composite("addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1, "
           "Tensor(a!)? out=None) -> Tensor")
def addmv(self, mat, vec, *, beta=1, alpha=1):
    """beta * self + alpha * (mat @ vec).

    self broadcasts to (n), mat (n, m), vec (m), result (n). Raises RuntimeError for sizes that do
    not fit.
    """
    return _plus(self, mat.mv(vec), beta, alpha)


@composite("addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1, "
           "Tensor(a!)? out=None) -> Tensor")
def addr(self, vec1, vec2, *, beta=1, alpha=1):
    """beta * self + alpha * outer(vec1, vec2).

    self broadcasts to (n, m), vec1 (n), vec2 (m), result (n, m). Raises RuntimeError for other
    numbers of dimensions.
    """
    return _plus(self, vec1.outer(vec2), beta, alpha)


@composite("addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1, "
           "Tensor(a!)? out=None) -> Tensor")
def addbmm(self, batch1, batch2, *, beta=1, alpha=1):
    """beta * self + alpha * the sum of the products of two batches.

    self broadcasts to (n, p), batch1 (b, n, m), batch2 (b, m, p), result (n, p). Raises
    RuntimeError for sizes that do not fit.
    """
    return _plus(self, batch1.bmm(batch2).sum(0, dtype=batch1.form.dtype), beta, alpha)


@composite((
    "baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1, "
    "Tensor(a!)? out=None) -> Tensor",
    "baddbmm.dtype(Tensor self, Tensor batch1, Tensor batch2, ScalarType out_dtype, *, Scalar "
    "beta=1, Scalar alpha=1, Tensor(a!)? out=None) -> Tensor",
))
def baddbmm(self, batch1, batch2, *, beta=1, alpha=1):
    """beta * self + alpha * bmm(batch1, batch2).

    self broadcasts to (b, n, p), batch1 (b, n, m), batch2 (b, m, p), result (b, n, p). Raises
    RuntimeError for sizes that do not fit.
    """
    return _plus(self, registry["bmm"].function(batch1, batch2), beta, alpha)


@operation("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor")
def linear(input, weight, bias=None):
    """input @ weight.T + bias: (..., in) times (out, in)."""
    known = product_again(input, weight, bias, transpose_b=True)
    if known is not None:
        return known
    shape = input.form.shape
    if weight.form.ndim not in (1, 2):
        raise RuntimeError(f"linear: expected weight of 1 or 2 dimensions, got {weight.form.ndim}")
    if not shape:
        raise RuntimeError(
            "both arguments to linear need to be at least 1D, but they are 0D and 2D"
        )
    out, features = weight.form.shape if weight.form.ndim == 2 else (1, weight.form.shape[0])
    if shape[-1] != features:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({numel(shape[:-1])}x{shape[-1]} and "
            f"{features}x{out})"
        )
    if input.form.dtype is not weight.form.dtype or (
        bias is not None and bias.form.dtype is not input.form.dtype
    ):
        _same_dtype("linear", input, weight)
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {dtype_word(bias.form.dtype)} and "
            f"{dtype_word(weight.form.dtype)}"
        )
    if bias is not None and bias.form.shape not in ((out,), (1,), ()):
        raise RuntimeError(
            f"The expanded size of the tensor ({out}) must match the existing size "
            f"({bias.form.numel}) at non-singleton dimension 1.  Target sizes: "
            f"[{numel(shape[:-1])}, {out}].  Tensor sizes: {list(bias.form.shape)}"
        )
    if bias is not None and bias.form.numel != out or bias is not None and not bias.form.contiguous:
        bias = bias.expand((out,)).contiguous()
    w = weight if weight.form.ndim == 2 else weight.unsqueeze(0)
    if len(shape) == 2 and weight.form.ndim == 2:
        return product(input, w, bias, transpose_b=True)
    flat = product(input.reshape(numel(shape[:-1]), features), w, bias, transpose_b=True)
    return flat.view((*shape[:-1], out) if weight.form.ndim == 2 else shape[:-1])


linear.node_name = "AddmmBackward0"


def _linear_node(input, weight, bias):
    """torch's last step: matrices are multiplied as they are, others are folded and unfolded."""
    if weight.form.ndim != 2 or input.form.ndim == 2:
        return "AddmmBackward0" if bias is not None else "MmBackward0"
    if bias is not None:
        return "ViewBackward0"
    return "UnsafeViewBackward0" if input.form.ndim > 2 else "SqueezeBackward4"


linear.name_nodes = _linear_node
linear.read_for = {"weight": 0, "input": 1}


@linear.gradient
def _(g, input, weight, input_form, weight_form, bias_form, needs):
    if not mode.enabled and input_form.ndim == 2 and weight_form.ndim == 2:
        return (
            product(g, weight) if needs[0] else None,
            product(g, input, transpose_a=True) if needs[1] else None,
            g.sum(0).sum_to_size(bias_form.shape) if needs[2] else None,
        )
    mm = registry["mm"].function
    flat_weight = weight_form.ndim == 1
    out, features = (1, weight_form.shape[0]) if flat_weight else weight_form.shape
    rows = g if g.form.ndim == 2 and not flat_weight else g.reshape(-1, out)
    x = w_grad = bias_grad = None
    if needs[0]:
        x = mm(rows, weight.unsqueeze(0) if flat_weight else weight)
        if input_form.ndim != 2:
            x = x.reshape(input_form.shape)
    if needs[1]:
        flat = input if input_form.ndim == 2 else input.reshape(-1, features)
        w_grad = mm(rows.t(), flat)
        if flat_weight:
            w_grad = w_grad.squeeze(0)
    if needs[2]:
        bias_grad = rows.sum(0)
        if bias_grad.form.shape != bias_form.shape:
            bias_grad = bias_grad.sum_to_size(bias_form.shape)
    return x, w_grad, bias_grad


# --- sums of products in general -----------------------------------------------------------------


def _labelled(term, tensor, letters_of_gap):
    """One letter a dimension; repeated letters become a diagonal."""
    head, dots, tail = term.partition("...")
    gap = tensor.ndim - len(head) - len(tail)
    if gap < 0 or (gap and not dots):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(head) + len(tail)}) does "
            f"not match the number of dimensions ({tensor.ndim}) for an operand and no ellipsis "
            "was given"
        )
    labels = list(head) + letters_of_gap[len(letters_of_gap) - gap :] * bool(gap) + list(tail)
    for letter in sorted(set(labels)):
        while labels.count(letter) > 1:
            first = labels.index(letter)
            second = labels.index(letter, first + 1)
            tensor = tensor.diagonal(0, first, second)
            labels = [x for k, x in enumerate(labels) if k not in (first, second)] + [letter]
    return labels, tensor


def _joined(a, b, kept):
    """The product of two labelled tensors, summed over shared labels that nobody needs further."""
    (left, x), (right, y) = a, b
    if x.form.dtype is not y.form.dtype and {x.form.dtype.kind, y.form.dtype.kind} <= {"i", "u"}:
        # A sum over letters that only one of them has made it int64.
        x, y = x.to(dtypes.int64), y.to(dtypes.int64)
    shared = [k for k in left if k in right]
    batch = [k for k in shared if k in kept]
    summed = [k for k in shared if k not in kept]
    only_left = [k for k in left if k not in right]
    only_right = [k for k in right if k not in left]
    size: dict[str, int] = {}
    for labels, tensor in (a, b):
        for k, n in zip(labels, tensor.form.shape, strict=True):
            if size.get(k, 1) == 1:
                size[k] = n
            elif n not in (1, size[k]):
                raise RuntimeError(
                    f"einsum(): subscript {k} has size {n} for operand 1 which does not broadcast "
                    f"with previously seen size {size[k]}"
                )

    def arranged(labels, tensor, order, groups):
        tensor = tensor.permute(tuple(labels.index(k) for k in order))
        tensor = tensor.expand(tuple(size[k] for k in order))
        return tensor.reshape(tuple(numel([size[k] for k in group]) for group in groups))

    x = arranged(left, x, batch + only_left + summed, (batch, only_left, summed))
    y = arranged(right, y, batch + summed + only_right, (batch, summed, only_right))
    labels = batch + only_left + only_right
    return labels, x.bmm(y).reshape(tuple(size[k] for k in labels))


def _from_lists(*given):
    """The equation that lists of numbers after each operand say, and the operands."""
    if len(given) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )

    def letter(subscript):
        if subscript is Ellipsis:
            return "..."
        if not 0 <= subscript < len(ascii_letters):
            raise ValueError(
                f"einsum(): subscript {subscript} is not within the valid range [0, 52)"
            )
        return (ascii_uppercase + ascii_lowercase)[subscript]

    terms = ["".join(map(letter, one)) for one in given[1::2]]
    if len(given) % 2 == 0:
        return ",".join(terms), *given[::2]
    return f"{','.join(terms)}->{''.join(map(letter, given[-1]))}", *given[:-1:2]


@composite("einsum(str equation, Tensor[] operands) -> Tensor")
def einsum(equation, *operands):
    """Sums of products, in Einstein's notation: "ij,jk->ik" is the matrix product. Letters may be
    given as lists of ints instead: einsum(a, [0, 1], b, [1, 2], [0, 2]).

    One letter a dimension; letters that are in no output are summed. Raises RuntimeError for an
    equation or sizes that do not fit.
    """
    if isinstance(equation, Tensor):
        equation, *operands = _from_lists(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(
            "einsum(): more operands were provided than specified in the equation"
            if len(operands) > len(terms)
            else "einsum(): fewer operands were provided than specified in the equation"
        )
    gaps = [
        t.ndim - len(term.replace("...", ""))
        for term, t in zip(terms, operands, strict=True)
        if "..." in term
    ]
    gap = [f"...{k}" for k in range(max(gaps, default=0))]
    if not arrow:
        letters = inputs.replace("...", "").replace(",", "")
        output = "..." * bool(gap) + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1)
        )
    head, dots, tail = output.partition("...")
    wanted = list(head) + gap * bool(dots) + list(tail)
    ready = [_labelled(term, t, gap) for term, t in zip(terms, operands, strict=True)]
    for letter in wanted:
        if not any(letter in labels for labels, _ in ready):
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any "
                "input operand"
            )
    done: list[str] = []
    product: Any = None
    for position, (labels, tensor) in enumerate(ready):
        later = {k for rest, _ in ready[position + 1 :] for k in rest} | set(wanted)
        alone = tuple(d for d, k in enumerate(labels) if k not in later and k not in done)
        if alone:
            tensor = tensor.sum(alone)
            labels = [k for d, k in enumerate(labels) if d not in alone]
        found = (labels, tensor)
        done, product = found if product is None else _joined((done, product), found, later)
    labels, tensor = done, product
    extra = tuple(d for d, k in enumerate(labels) if k not in wanted)
    if extra:
        tensor = tensor.sum(extra)
        labels = [k for k in labels if k in wanted]
    return tensor.permute(tuple(labels.index(k) for k in wanted))


@composite("tensordot(Tensor a, Tensor b, Any dims=2, *, Tensor(a!)? out=None) -> Tensor")
def tensordot(a, b, dims=2):
    """Sums of products over some dims of each.

    The dims named go, those of the first that stay come first. Raises RuntimeError for sizes that
    differ.
    """
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}"
            )
        mine, theirs = list(range(-dims, 0)), list(range(dims))
    else:
        mine, theirs = ([d] if isinstance(d, int) else list(d) for d in dims)
    for d, e in zip(mine, theirs, strict=True):
        # A size of 1 is broadcast: then the other's sum over the dim is what counts.
        if a.form.shape[d] == 1:
            b = b.sum(e, True, dtype=b.form.dtype)
        elif b.form.shape[e] == 1:
            a = a.sum(d, True, dtype=a.form.dtype)
        elif a.form.shape[d] != b.form.shape[e]:
            raise RuntimeError(
                "contracted dimensions need to match, but first has size "
                f"{a.form.shape[d]} in dim {d} and second has size {b.form.shape[e]} in dim "
                f"{e}"
            )
    mine, theirs = [d % a.ndim for d in mine], [d % b.ndim for d in theirs]
    rows = [d for d in range(a.ndim) if d not in mine]
    columns = [d for d in range(b.ndim) if d not in theirs]
    inner = numel([a.form.shape[d] for d in mine])
    shape = [a.form.shape[d] for d in rows], [b.form.shape[d] for d in columns]
    x = a.permute(tuple(rows + mine)).reshape(numel(shape[0]), inner)
    y = b.permute(tuple(theirs + columns)).reshape(inner, numel(shape[1]))
    return x.mm(y).reshape((*shape[0], *shape[1]))


@composite("kron(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def kron(self, other):
    """The Kronecker product: each element of self times all of other.

    (a, b) and (c, d) give (a c, b d); a missing leading dimension counts as 1.
    """
    ndim = max(self.ndim, other.ndim)
    mine = (1,) * (ndim - self.ndim) + tuple(self.form.shape)
    theirs = (1,) * (ndim - other.ndim) + tuple(other.form.shape)
    x = self.reshape(tuple(n for size in mine for n in (size, 1)))
    y = other.reshape(tuple(n for size in theirs for n in (1, size)))
    return (x * y).reshape(tuple(a * b for a, b in zip(mine, theirs, strict=True)))


@composite("vdot(Tensor self, Tensor other, *, Tensor(a!)? out=None) -> Tensor")
def vdot(self, other):
    """The inner product of two vectors, the first conjugated.

    (n) and (n) give (). Raises RuntimeError for other shapes.
    """
    return self.conj().dot(other)


@composite("ger(Tensor self, Tensor vec2) -> Tensor")
def ger(self, vec2):
    """Another name of outer.

    (n) and (m) give (n, m). Raises RuntimeError for other numbers of dimensions.
    """
    return self.outer(vec2)


# Where records stand that are no functions of torch itself.
for _name in ("linear",):
    registry[_name].namespace = "nn"
    registry[_name].method = False


# Forms alone decide what these come to: one launch, unless it needs room of its own.
for _one in ("mm", "matmul"):
    registry[_one].is_launch = True

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("addmm", "addmm_"):
    registry[_key].names(names.added_product)
for _key, _refused in (
    ("outer", "view"), ("ger", "view"), ("inner", "permute"), ("tensordot", "permute"),
    ("einsum", "permute"), ("kron", "_unsafe_view"),
):  # fmt: skip
    registry[_key].names(_refused)


@registry["mm"].names
def _(self, mat2, y):
    return names.matrix_product(self, mat2)


@registry["bmm"].names
def _(self, mat2, y):
    return names.matrix_product(self, mat2)


@registry["mv"].names
def _(self, vec, y):
    return names.matrix_product(self, vec)


@registry["dot"].names
def _(self, tensor, y):
    return names.matrix_product(self, tensor)


@registry["matmul"].names
def _(self, other, y):
    return names.matrix_product(self, other)


@registry["addmv"].names
def _(self, mat, vec, y):
    return names.unify(names.matrix_product(mat, vec), self)


@registry["linear"].names
def _(self, weight, bias, y):
    return names.unify(names.matrix_product(self, weight[::-1]), bias or ())

# PyTorch has these as functions only.
for _name in ("tensordot",):
    registry[_name].method = False
