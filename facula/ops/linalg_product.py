"""Products and functions of matrices: chains, powers, the exponential, systems of tensors.

Note [linear algebra].
"""

from math import prod

from facula.launch import lapack
from facula.launch.lapack import adjoint, conjugate
from facula.meta import dtype as dtypes
from facula.meta.shape import broadcast_shapes, wrap_dim
from facula.op import Alias, composite, operation, registry, view_composite

# --- chains of products --------------------------------------------------------------------------


def _checked_chain(tensors):
    """The matrices of a chain, a vector at an end as a row or a column."""
    if len(tensors) < 2:
        raise RuntimeError(
            f"multi_dot(): expected at least 2 tensors but got {len(tensors)}"
        )
    for place, one in enumerate(tensors):
        ends = place in (0, len(tensors) - 1)
        allowed = (1, 2) if ends else (2,)
        if one.form.ndim not in allowed:
            which = "first tensor" if place == 0 else "last tensor"
            said = f"the {which} must be 1D or 2D" if ends else f"tensor {place} must be 2D"
            raise RuntimeError(f"multi_dot(): {said} but got {one.form.ndim}D")
        if one.form.dtype is not tensors[0].form.dtype:
            raise RuntimeError(
                "multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{lapack.word(tensors[0]).lower()} and tensor {place} {lapack.word(one).lower()}"
            )
    chain = list(tensors)
    if chain[0].form.ndim == 1:
        chain[0] = chain[0].unsqueeze(0)
    if chain[-1].form.ndim == 1:
        chain[-1] = chain[-1].unsqueeze(-1)
    for place, (a, b) in enumerate(zip(chain, chain[1:], strict=False)):
        if a.form.shape[1] != b.form.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {place} and {place + 1} with shapes "
                f"{list(a.form.shape)} and {list(b.form.shape)} cannot be multiplied"
            )
    return chain


def _best_splits(sizes):
    """Where to split each part of a chain so that there are fewest multiplications: the classic
    dynamic program (Cormen et al., "Introduction to Algorithms", 15.2)."""
    count = len(sizes) - 1
    cost = [[0] * count for _ in range(count)]
    split = [[0] * count for _ in range(count)]
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return split


def _product(chain, split, i, j):
    if i == j:
        return chain[i]
    k = split[i][j]
    return _product(chain, split, i, k).mm(_product(chain, split, k + 1, j))


@composite("linalg_multi_dot(Tensor[] tensors, *, Tensor(a!)? out=None) -> Tensor")
def linalg_multi_dot(tensors):
    """The product of several matrices, in the order that takes the fewest multiplications; the
    first and the last may be vectors.

    (n,) or (n, m), (m, k), ..., the result (n, p), or without the dims of vectors. Raises
    RuntimeError for sizes that do not fit or fewer than two matrices.

    >>> import facula as torch
    >>> torch.linalg.multi_dot([torch.ones(2), torch.ones(2, 3), torch.ones(3)])
    tensor(6.)
    """
    chain = _checked_chain(tensors)
    sizes = [one.form.shape[0] for one in chain] + [chain[-1].form.shape[1]]
    y = _product(chain, _best_splits(sizes), 0, len(chain) - 1)
    shape = [y.form.shape[d] for d, end in ((0, 0), (1, -1)) if tensors[end].form.ndim == 2]
    return y if len(shape) == 2 else y.reshape(tuple(shape))


@composite("chain_matmul(Tensor[] matrices, *, Tensor(a!)? out=None) -> Tensor")
def chain_matmul(*matrices):
    """The older form of linalg.multi_dot, for matrices only.

    (n, m), (m, k), ..., result (n, p). Raises RuntimeError for sizes that do not fit.
    """
    for one in matrices:
        if one.form.ndim != 2:
            raise RuntimeError(
                f"Tensor dimension is {one.form.ndim}, expected 2 instead."
            )
    if len(matrices) == 1:
        return matrices[0]
    return linalg_multi_dot.forward(matrices)


Alias("linalg_matmul", "matmul")

# --- powers and the exponential ------------------------------------------------------------------


@composite("linalg_matrix_power(Tensor self, int n, *, Tensor(a!)? out=None) -> Tensor")
def linalg_matrix_power(self, n):
    """The product of n copies of a square matrix; of copies of its inverse if n is negative.

    A and result (*, n, n). Raises LinAlgError for the inverse of a singular matrix, RuntimeError
    for matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.matrix_power(torch.tensor([[2.0, 0.0], [0.0, 3.0]]), 3)
    tensor([[ 8.,  0.],
            [ 0., 27.]])
    """
    lapack.require_square("linalg.matrix_power", self)
    if n == 0:
        one = registry["eye"].function(self.form.shape[-1], dtype=self.form.dtype)
        # Of self, so that a graph knows of it, as torch's does.
        return self.clone().copy_(one.expand(self.form.shape))
    if n < 0:
        self, n = registry["linalg_inv"].function(self), -n
    y, power = None, self
    while n:
        if n & 1:
            y = power if y is None else y.matmul(power)
        n >>= 1
        if n:
            power = power.matmul(power)
    return y.clone() if y is self else y


@composite("matrix_power(Tensor self, int n, *, Tensor(a!)? out=None) -> Tensor")
def matrix_power(self, n):
    """Another name of linalg.matrix_power.

    self and result (*, n, n). Raises RuntimeError for matrices that are not square.
    """
    return linalg_matrix_power.forward(self, n)


@operation("exponential_of(Tensor A) -> Tensor")
def exponential_of(A):
    """The sum of A^k / k!."""
    if A.form.itemsize == 2:
        return lapack.matrix_exp(A.to(dtypes.float32)).to(A.form.dtype)
    return lapack.matrix_exp(A)


exponential_of.node_name = "LinalgMatrixExpBackward0"


@exponential_of.gradient
def _(g, A):
    """The upper right block of exp([[A^H, G], [0, A^H]]) (Mathias, "A Chain Rule for Matrix
    Functions and Applications", 1996)."""
    n = A.form.shape[-1]
    cat = registry["cat"].function
    turned = adjoint(A)
    above = cat([turned, g.expand(turned.form.shape)], -1)
    below = cat([turned.new_zeros(turned.form.shape), turned], -1)
    both = registry["exponential_of"].function(cat([above, below], -2))
    return both.narrow(-2, 0, n).narrow(-1, n, n)


@composite("linalg_matrix_exp(Tensor self) -> Tensor")
def linalg_matrix_exp(self):
    """The exponential of each square matrix, the sum of A^k / k!.

    A and result (*, n, n). Raises RuntimeError for matrices that are not square, or of integers.

    >>> import facula as torch
    >>> torch.linalg.matrix_exp(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    lapack.require_square("linalg.matrix_exp", self)
    lapack.require_floating("linalg.matrix_exp", self)
    return registry["exponential_of"].function(self)


@composite("matrix_exp(Tensor self) -> Tensor")
def matrix_exp(self):
    """Another name of linalg.matrix_exp.

    self and result (*, n, n). Raises RuntimeError for matrices that are not square.
    """
    return linalg_matrix_exp.forward(self)


# --- vectors along a dim -------------------------------------------------------------------------


def _cross(a, b, dim):
    a0, a1, a2 = a.unbind(dim)
    b0, b1, b2 = b.unbind(dim)
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return registry["stack"].function(parts, dim)


@composite("linalg_cross(Tensor self, Tensor other, *, int dim=-1, Tensor(a!)? out=None) "
           "-> Tensor")
def linalg_cross(self, other, *, dim=-1):
    """The cross products of vectors of three elements along a dim; the other dims broadcast.

    Inputs (*, 3, *) that broadcast, the result too. Raises RuntimeError where dim has another size,
    IndexError for a dim that is not there.

    >>> import facula as torch
    >>> torch.linalg.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if self.form.ndim != other.form.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    sizes = [one.form.shape[wrap_dim(dim, one.form.ndim)] for one in (self, other)]
    if sizes != [3, 3]:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {sizes[0]} and "
            f"{sizes[1]}"
        )
    shape = broadcast_shapes(self.form.shape, other.form.shape)
    return _cross(self.expand(shape), other.expand(shape), wrap_dim(dim, len(shape)))


@composite("cross(Tensor self, Tensor other, int? dim=None, *, Tensor(a!)? out=None) -> Tensor")
def cross(self, other, dim=None):
    """As linalg.cross; without `dim` along the first dim of size 3."""
    if dim is None:
        sizes = [d for d, n in enumerate(self.form.shape) if n == 3]
        if not sizes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = sizes[0]
    return linalg_cross.forward(self, other, dim=dim)


@composite("linalg_vecdot(Tensor x, Tensor y, *, int dim=-1, Tensor(a!)? out=None) -> Tensor")
def linalg_vecdot(x, y, *, dim=-1):
    """The inner products of vectors along a dim, the first conjugated.

    x and y (*, n, *) that broadcast, result without dim. Raises RuntimeError for dtypes that
    differ.

    >>> import facula as torch
    >>> torch.linalg.vecdot(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    lapack.require_floating("linalg.vecdot", x)
    if x.form.dtype is not y.form.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{lapack.word(x)} and y of type {lapack.word(y)} instead"
        )
    if x.form.ndim == 1 and y.form.ndim == 1 and x.form.shape == y.form.shape:
        return registry["vdot"].function(x, y)
    return (conjugate(x) * y).sum(dim)


def _powers(x, count):
    ones = x.new_ones((*x.form.shape, 1))
    if count < 2:
        return ones.narrow(-1, 0, count)
    many = x.unsqueeze(-1).expand((*x.form.shape, count - 1))
    return registry["cat"].function([ones, many], -1).cumprod(-1)


@composite("linalg_vander(Tensor x, *, SymInt? N=None) -> Tensor")
def linalg_vander(x, *, N=None):
    """The powers 0 to N - 1 of each element in a new last dim.

    x (*, n), result (*, n, N), N being n where not given. Raises RuntimeError for N below 2 or x
    without dims.

    >>> import facula as torch
    >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if N is None and x.form.ndim and x.form.shape[-1] <= 1:
        raise RuntimeError("N must be greater than 1.")
    kind = x.form.dtype
    if kind.kind == "b" or kind.is_floating_point and kind.itemsize == 2:
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, but got "
            f"{lapack.word(x)}"
        )
    x = registry["atleast_1d"].function(x)
    count = x.form.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    if not (kind.is_floating_point or kind.is_complex):
        x = x.to(dtypes.int64)
    return _powers(x, count)


@composite("vander(Tensor x, int? N=None, bool increasing=False) -> Tensor")
def vander(x, N=None, increasing=False):
    """The powers of a vector's elements as columns, the highest first unless `increasing`.

    x (n), result (n, N), N being n where not given. Raises RuntimeError for more dimensions.
    """
    if x.form.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is not None and N < 0:
        raise RuntimeError("N must be non-negative.")
    if not (x.form.dtype.is_floating_point or x.form.dtype.is_complex):
        x = x.to(dtypes.int64)
    y = _powers(x, x.form.shape[0] if N is None else N)
    return y if increasing else y.flip(-1)


@view_composite("linalg_diagonal(Tensor(a) A, *, int offset=0, int dim1=-2, int dim2=-1) "
                "-> Tensor(a)")
def linalg_diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """A view of the diagonals of matrices.

    A (*, m, n), result (*, min(m, n)) for offset 0. Raises IndexError for a dim that is not there,
    RuntimeError for two that are the same.

    >>> import facula as torch
    >>> torch.linalg.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return A.diagonal(offset, dim1, dim2)


# --- systems of tensors --------------------------------------------------------------------------


@composite("linalg_tensorinv(Tensor self, int ind=2, *, Tensor(a!)? out=None) -> Tensor")
def linalg_tensorinv(self, ind=2):
    """The inverse under tensordot, where the first `ind` dims are the rows of a matrix.

    A (a..., b...) with as many elements in the first `ind` dims as in the others, result (b...,
    a...). Raises RuntimeError for others, and for ind <= 0.

    >>> import facula as torch
    >>> torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4), ind=2).shape
    torch.Size([4, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    if ind > self.form.ndim:
        raise RuntimeError(f"ArrayRef: invalid slice, N = {ind}; size = {self.form.ndim}")
    first, last = self.form.shape[:ind], self.form.shape[ind:]
    rows, columns = prod(first), prod(last)
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {columns} != {rows}"
        )
    inverse, info = registry["linalg_inv_ex"].function(self.reshape((rows, columns)))
    if bool((info != 0).any()):
        raise RuntimeError(
            "Failed to invert the input tensor, because it is singular."
        )
    return inverse.reshape((*last, *first))


@composite("linalg_tensorsolve(Tensor self, Tensor other, int[]? dims=None, *, "
           "Tensor(a!)? out=None) -> Tensor")
def linalg_tensorsolve(self, other, dims=None):
    """X with tensordot(A, X, X.ndim) = B; `dims` of A go to its end first.

    A (b..., x...) with as many elements in b as in x, B (b...), X (x...). Raises RuntimeError for
    shapes that do not fit.

    >>> import facula as torch
    >>> torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
    tensor([1., 1., 1., 1.])
    """
    a = self
    if dims is not None:
        moved = [wrap_dim(d, a.form.ndim) for d in dims]
        end = range(a.form.ndim - len(moved), a.form.ndim)
        a = registry["movedim"].function(a, tuple(moved), tuple(end))
    last = a.form.shape[other.form.ndim:]
    wanted = prod(last)
    if wanted != other.form.numel:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {wanted} != {other.form.numel}"
        )
    flat = a.reshape((wanted, wanted))
    x = registry["linalg_solve"].function(flat, other.reshape((-1,)))
    return x.reshape(last)


# Where records stand that are no functions of torch itself.
registry["exponential_of"].namespace = "internal"
registry["exponential_of"].method = False

# This gradient holds for complex matrices as it is written. Note [complex numbers].
exponential_of.conjugates = False

# What torch calls the operation that has no rule for named dimensions (Note [named tensors]).
matrix_power.names("linalg_matrix_power")
