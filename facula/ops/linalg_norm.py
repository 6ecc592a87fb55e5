"""Norms of vectors and of matrices, and what is measured by them.

A vector norm is one reduction; its power is a constant of the kernel. Gradients at points where a
norm has none (a zero vector, ties) are PyTorch's subgradients. Note [linear algebra].
"""

from facula.dispatch import ReduceLaunch, accumulator, build_reduce, remember, run_reduce
from facula.form import Form, form_of
from facula.kernel.scalar import abs_, maximum, minimum, ne, pow_, sqrt
from facula.launch import lapack
from facula.meta import dtype as dtypes
from facula.meta.shape import reduced_shape, wrap_dim, wrap_dims
from facula.op import composite, operation, registry

INFINITY = float("inf")

# Reductions by form of the input, power and dims.
_powers: dict[tuple[Form, float, tuple[int, ...]], ReduceLaunch] = {}


def _formulas(p):
    """map, combine, finish and unit of the p-norm."""
    if p == 0:
        return (lambda x: ne(x, 0)), (lambda a, b: a + b), (lambda acc, n: acc), 0
    if p == 1:
        return (lambda x: abs_(x)), (lambda a, b: a + b), (lambda acc, n: acc), 0
    if p == 2:
        return (lambda x: x * x), (lambda a, b: a + b), (lambda acc, n: sqrt(acc)), 0
    if p == INFINITY:
        return (lambda x: abs_(x)), (lambda a, b: maximum(a, b)), (lambda acc, n: acc), 0
    if p == -INFINITY:
        return (lambda x: abs_(x)), (lambda a, b: minimum(a, b)), (lambda acc, n: acc), INFINITY
    return (
        (lambda x: pow_(abs_(x), p)), (lambda a, b: a + b), (lambda acc, n: pow_(acc, 1 / p)), 0
    )  # fmt: skip


@operation("norm_along(Tensor self, float p, int[] dims, bool keepdim) -> Tensor")
def norm_along(self, p, dims, keepdim):
    """The p-norm over dims, of a real tensor."""
    form = self.form
    key = (form, p, dims)
    launch = _powers.get(key)
    if launch is None:
        map_, combine, finish, unit = _formulas(p)
        result = form_of(form.dtype, reduced_shape(form.shape, dims, False))
        launch = remember(_powers, key, build_reduce(
            map_, combine, finish, unit, (accumulator(form.dtype, "wide"),), [form], form.shape,
            dims, [result],
        ))  # fmt: skip
    y = run_reduce(launch, (self,))[0]
    if keepdim:
        y.form = form_of(form.dtype, reduced_shape(form.shape, dims, True))
    return y


norm_along.node_name = "LinalgVectorNormBackward0"


@norm_along.gradient
def _(g, y, self, p, dims, keepdim):
    if p == 0:
        return None
    if not keepdim:
        for d in sorted(dims):
            g, y = g.unsqueeze(d), y.unsqueeze(d)
    where = registry["where"].function
    if p == 1:
        return self.sgn() * g
    if p == 2:
        return self * where(y == 0, 0.0, g / y)
    size = self.abs()
    if p in (INFINITY, -INFINITY):
        hit = (size == y) | (size != size)
        return self.sgn() * (g / hit.sum(dims, True)) * hit
    if p < 1:
        steep = where(self == 0, 0.0, size ** (p - 1))
        return self.sgn() * steep * g * y ** (1 - p)
    scaled = where(y == 0, 0.0, g / y ** (p - 1))
    if p < 2:
        return self.sgn() * size ** (p - 1) * scaled
    return self * size ** (p - 2) * scaled


def _check_dtype(name, x, dtype):
    """torch's rule for `dtype=`: it may widen, never narrow."""
    lapack.require_floating(name, x)
    if dtype is None:
        return
    word = lapack.dtype_word(dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {word}")
    if x.form.dtype.is_complex != dtype.is_complex:
        kind = "complex" if x.form.dtype.is_complex else "real"
        raise RuntimeError(f"{name}: dtype should be {kind} for {kind} inputs, but got {word}")
    if dtypes.promote_types(x.form.dtype, dtype) is not dtype:
        raise RuntimeError(
            f"{name}: the dtype of the input ({lapack.word(x)}) should be convertible without "
            f"narrowing to the specified dtype ({word})"
        )


def _shown(p):
    """A number as C++ prints it."""
    return f"{float(p):g}"


def _vector_norm(x, p, dim, keepdim, dtype):
    _check_dtype("linalg.vector_norm", x, dtype)
    if dtype is not None:
        x = x.to(dtype)
    form = x.form
    if dim is None or dim == () or dim == []:
        dims = tuple(range(form.ndim))
    else:
        dims = wrap_dims(dim, form.ndim) if form.ndim else _no_dims(dim)
    if form.numel == 0 and (p < 0 or p == INFINITY):
        _check_identity(form, p, dim, dims)
    if form.dtype.is_complex:
        x = x.abs()
    return registry["norm_along"].function(x, float(p), dims, keepdim)


def _no_dims(dim):
    for d in (dim,) if isinstance(dim, int) else dim:
        wrap_dim(d, 0)
    return ()


def _check_identity(form, p, dim, dims):
    lost = "because the operation does not have an identity"
    if dim is None or dim == () or dim == []:
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {_shown(p)} norm on an empty tensor {lost}"
        )
    for d in dims:
        if form.shape[d] == 0:
            # torch's own words lack the space
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {_shown(p)} norm on the dimension {d}"
                "because this dimension is empty and the operation does not have an identity"
            )


@composite("linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, "
           "*, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor")
def linalg_vector_norm(self, ord=2, dim=None, keepdim=False, *, dtype=None):
    """sum(|x|^ord)^(1/ord) over dims, or over all; inf and -inf are the largest and the smallest
    size, 0 counts the elements that are not 0.

    The dims given go, or stay with size 1 with `keepdim`. Raises IndexError for a dim that is not
    there, RuntimeError for integers or an infinite norm of no elements.

    >>> import facula as torch
    >>> torch.linalg.vector_norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if not isinstance(ord, (int, float)):
        raise TypeError(
            "linalg_vector_norm(): argument 'ord' (position 2) must be Number, not "
            f"{type(ord).__name__}"
        )
    return _vector_norm(self, ord, dim, keepdim, dtype)


# --- matrices ------------------------------------------------------------------------------------


def _matrix_dims(A, dim):
    """The two dims of a matrix norm, wrapped."""
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}"
        )
    rows, columns = (wrap_dim(d, A.form.ndim) for d in dims)
    if rows == columns:
        raise RuntimeError(
            f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})"
        )
    return rows, columns


def _matrix_norm(A, ord, dim, keepdim, dtype):
    name = "linalg.matrix_norm"
    lapack.require_matrix(name, A)
    lapack.require_floating(name, A)
    rows, columns = _matrix_dims(A, dim)
    text = isinstance(ord, str)
    if ord not in (("fro", "nuc") if text else (2, -2, 1, -1, INFINITY, -INFINITY)):
        raise RuntimeError(f"{name}: Order {ord if text else _shown(ord)} not supported.")
    if ord == "fro":
        return _vector_norm(A, 2, (rows, columns), keepdim, dtype)
    if ord == "nuc" or abs(ord) == 2:
        lapack.require_floating(name, A, low=False)
        _check_dtype(name, A, dtype)
        x = A if dtype is None else A.to(dtype)
        others = [d for d in range(A.form.ndim) if d not in (rows, columns)]
        values = registry["linalg_svdvals"].function(x.permute((*others, rows, columns)))
        y = values.sum(-1) if ord == "nuc" else _extreme(values, ord > 0, -1)
        return y.unsqueeze(-1).unsqueeze(-1).permute(_back(others, rows, columns)) if keepdim else y
    # The largest sum of a column is taken over rows first, and so the other way round.
    first, last = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = _vector_norm(A, 1, (first,), True, dtype)
    y = _extreme(sums, ord > 0, last, True)
    return y if keepdim else y.squeeze((rows, columns))


def _extreme(values, largest, dim, keepdim=False):
    """The largest or the smallest along a dim; of nothing 0 is the largest."""
    if values.form.shape[dim] == 0 and largest:
        return values.sum(dim, keepdim)
    return values.amax(dim, keepdim) if largest else values.amin(dim, keepdim)


def _back(others, rows, columns):
    """Where dims stand that were moved to (others, rows, columns)."""
    order = [*others, rows, columns]
    return tuple(order.index(d) for d in range(len(order)))


@composite((
    "linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2, -1], bool keepdim=False, *, "
    "ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
    "linalg_matrix_norm.str_ord(Tensor self, str ord='fro', int[] dim=[-2, -1], bool "
    "keepdim=False, *, ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
))
def linalg_matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """Of matrices in two dims: "fro" the root of all squares, "nuc" the sum of singular values, 2
    the largest of them, 1 the largest sum of a column's sizes, inf of a row's; -2, -1, -inf the
    smallest.

    A (*, m, n), result (*), or with sizes of 1 with `keepdim`. Raises RuntimeError for an unknown
    ord, ValueError or RuntimeError for dims that are not two.

    >>> import facula as torch
    >>> torch.linalg.matrix_norm(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
    tensor(6.)
    """
    return _matrix_norm(A, ord, dim, keepdim, dtype)


@composite((
    "linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, "
    "ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
    "linalg_norm.ord_str(Tensor self, str ord, int[1]? dim=None, bool keepdim=False, *, "
    "ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor",
))
def linalg_norm(A, ord=None, dim=None, keepdim=False, *, dtype=None):
    """A vector norm over one dim (or all, without `ord`), a matrix norm over two.

    Result (*) without the dims, or with sizes of 1 with `keepdim`. Raises RuntimeError for an
    unknown ord or more than two dims.

    >>> import facula as torch
    >>> torch.linalg.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]), ord=2)
    tensor(4.)
    """
    dims = (dim,) if isinstance(dim, int) else dim
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
            f"[{', '.join(map(str, dims))}]"
        )
    if dims is None and ord is not None and A.form.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A.form.ndim}D."
        )
    two = A.form.ndim == 2 if dims is None else len(dims) == 2
    if isinstance(ord, str) or ord is not None and two:
        both = tuple(range(A.form.ndim)) if dims is None else dims
        return _matrix_norm(A, ord, both, keepdim, dtype)
    return _vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype)


# --- the older names -----------------------------------------------------------------------------


@composite("norm(Tensor self, Any p=2, int[1]? dim=None, bool keepdim=False, *, "
           "ScalarType? dtype=None, Tensor(a!)? out=None) -> Tensor")
def norm(self, p="fro", dim=None, keepdim=False, *, dtype=None):
    """The p-norm over dims: (sum(|x|^p))^(1/p); inf and 0 as limits; "fro" is 2, "nuc" the sum of
    singular values.

    The dims given go, or stay with size 1 with `keepdim`; without dim all go. Raises IndexError for
    a dim that is not there.
    """
    if p == "fro" or p is None:
        p = 2
    elif isinstance(p, str):
        dims = tuple(range(self.form.ndim)) if dim is None else dim
        return _matrix_norm(self, p, dims, keepdim, dtype)
    return _vector_norm(self, p, dim, keepdim, dtype)


@composite("frobenius_norm(Tensor self, int[1] dim, bool keepdim=False, *, "
           "Tensor(a!)? out=None) -> Tensor")
def frobenius_norm(self, dim, keepdim=False):
    """The root of the sum of squares over one or two dims.

    The dims given go, or stay with size 1 with `keepdim`. Raises RuntimeError for more than two.
    """
    return _vector_norm(self, 2, dim, keepdim, None)


@composite((
    "nuclear_norm(Tensor self, bool keepdim=False, *, Tensor(a!)? out=None) -> Tensor",
    "nuclear_norm.dim(Tensor self, int[2] dim, bool keepdim=False, *, Tensor(a!)? out=None) -> "
    "Tensor",
))
def nuclear_norm(self, dim=None, keepdim=False):
    """The sum of singular values.

    The dims given go, or stay with size 1 with `keepdim`. Raises RuntimeError for more than two.
    """
    if isinstance(dim, bool):
        dim, keepdim = None, dim
    return _matrix_norm(self, "nuc", (-2, -1) if dim is None else dim, keepdim, None)


@composite("dist(Tensor self, Tensor other, Scalar p=2) -> Tensor")
def dist(self, other, p=2):
    """The p-norm of the difference.

    Both broadcast, the result is (). Raises RuntimeError where they do not.
    """
    return norm.forward(self - other, p)


def _check_renorm(self, p, dim, maxnorm):
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if self.form.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {self.form.ndim} dimensions"
        )


@composite("renorm(Tensor self, Scalar p, int dim, Scalar maxnorm, *, Tensor(a!)? out=None) "
           "-> Tensor")
def renorm(self, p, dim, maxnorm):
    """Slices along a dim whose p-norm is above `maxnorm` scaled down to it.

    The result has the shape of self. Raises RuntimeError for p or maxnorm not positive, or less
    than two dims.

    >>> import facula as torch
    >>> torch.renorm(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    _check_renorm(self, p, dim, maxnorm)
    dim = wrap_dim(dim, self.form.ndim)
    others = tuple(d for d in range(self.form.ndim) if d != dim)
    half = self.form.itemsize == 2
    lengths = _vector_norm(self, p, others, True, dtypes.float32 if half else None)
    # torch adds this to the divisor, and so lands a little below `maxnorm`.
    factor = registry["where"].function(lengths > maxnorm, maxnorm / (lengths + 1e-7), 1.0)
    return (self * (factor.to(self.form.dtype) if half else factor)).contiguous()


@composite("renorm_(Tensor(a!) self, Scalar p, int dim, Scalar maxnorm) -> Tensor(a!)")
def renorm_(self, p, dim, maxnorm):
    """In-place form of renorm.

    The result has the shape of self. Raises RuntimeError for p or maxnorm not positive, or less
    than two dims.
    """
    return self.copy_(renorm.forward(self, p, dim, maxnorm))


@composite((
    "linalg_cond(Tensor self, Scalar? p=None, *, Tensor(a!)? out=None) -> Tensor",
    "linalg_cond.p_str(Tensor self, str p, *, Tensor(a!)? out=None) -> Tensor",
))
def linalg_cond(A, p=None):
    """How much a system's solution may move: the norm of A times that of its inverse.

    Without `p` (or with 2) the largest singular value over the smallest, for any shape.

    A (*, n, n), or (*, m, n) for the norms 2 and -2; result (*). Raises RuntimeError for another
    norm of matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.cond(torch.tensor([[4.0, 0.0], [0.0, 2.0]]))
    tensor(2.)
    """
    if A.form.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    text = isinstance(p, str)
    known = ("fro", "nuc") if text else (None, 2, -2, 1, -1, INFINITY, -INFINITY)
    if p not in known:
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p if text else _shown(p)}")
    if p is None or p in (2, -2):
        values = registry["linalg_svdvals"].function(A)
        if values.form.shape[-1] == 0:
            return values.new_zeros(values.form.shape[:-1])
        largest, smallest = values.select(-1, 0), values.select(-1, -1)
        return smallest / largest if p == -2 else largest / smallest
    lapack.require_square(f"linalg.cond(ord={p if text else _shown(p)})", A)
    if A.form.numel == 0:
        return A.new_zeros(A.form.shape[:-2])
    inverse, info = registry["linalg_inv_ex"].function(A)
    where = registry["where"].function
    inverse = where((info > 0).unsqueeze(-1).unsqueeze(-1), 0, inverse)
    both = [_matrix_norm(x, p, (-2, -1), False, None) for x in (A, inverse)]
    return where(info > 0, INFINITY, both[0] * both[1])


# Where records stand that are no functions of torch itself.
registry["norm_along"].namespace = "internal"
registry["norm_along"].method = False

# What torch calls the operation that has no rule for named dimensions (Note [named tensors]).
norm.names("linalg_vector_norm")

# Forms alone decide what these come to: one launch, in the common cases.
for _one in (norm, linalg_vector_norm):
    _one.is_launch = True

# PyTorch has these as functions only.
for _name in ("frobenius_norm", "nuclear_norm"):
    registry[_name].method = False
