"""Least squares, random approximations of low rank, and torch's older triangular solver.

Note [linear algebra].
"""

from facula.launch import lapack
from facula.launch.lapack import adjoint
from facula.meta import dtype as dtypes
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.returns import named

DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@operation("least_squares(Tensor A, Tensor B, float rcond, str driver) "
           "-> (Tensor, Tensor, Tensor, Tensor)")
def least_squares(A, B, rcond, driver):
    """(solution, residuals, rank, singular values); leading dims are equal."""
    return lapack.least_squares(A, B, rcond, driver)


least_squares.node_name = "LinalgLstsqBackward0"
least_squares.differentiable_outputs = (0, 1)
least_squares.kept_outputs = (0,)


@least_squares.gradient
def _(g, ys, A, B, needs):
    """X is pinv(A) @ B: Golub and Pereyra's gradient of pinv, times B, its products in the order
    that never makes one of more than A's size. Residuals do not feel X move."""
    dx, dresiduals = g[0], g[1]
    x = ys[0]
    da = db = None
    off = B - A.matmul(x)
    if dx is not None:
        inverse = registry["linalg_pinv"].function(A)
        turned = adjoint(inverse)
        db = turned.matmul(dx)
        if needs[0]:
            outside = dx - inverse.matmul(A.matmul(dx))
            da = (
                off.matmul(adjoint(inverse.matmul(db)))
                + turned.matmul(x).matmul(adjoint(outside))
                - db.matmul(adjoint(x))
            )
    if dresiduals is not None and dresiduals.form.numel:
        pull = off * (dresiduals.unsqueeze(-2) * 2)
        part = pull.matmul(adjoint(x))
        da = -part if da is None else da - part
        db = pull if db is None else db + pull
    return da if needs[0] else None, db if needs[1] else None


def _by_matrix(fact, own, lead):
    """What depends on the matrices alone has their leading dims, not the common ones."""
    if not fact.form.numel:
        return fact
    for _ in range(len(lead) - len(own)):
        fact = fact.select(0, 0)
    for d, n in enumerate(own):
        fact = fact.narrow(d, 0, n)
    return fact


@composite("linalg_lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None, "
           "Tensor(a!)? out=None) -> (Tensor solution, Tensor residuals, Tensor rank, "
           "Tensor singular_values)")
def linalg_lstsq(self, b, rcond=None, *, driver=None):
    """The shortest X that makes AX - B as short as possible; B may be a vector.

    `driver` is "gelsy" unless given; "gels" takes full rank for granted, "gelsd" and "gelss" give
    the singular values too. `rcond` times the largest singular value counts as 0.

    A (*, m, n), B (*, m, k) or (*, m), X (*, n, k) or (*, n), residuals (*, k) where m > n and the
    rank is full, rank (*). Raises RuntimeError for other shapes or an unknown driver.

    >>> import facula as torch
    >>> torch.linalg.lstsq(torch.tensor([[2.0], [0.0]]), torch.tensor([[1.0], [3.0]])).solution
    tensor([[0.5000]])
    """
    name = "torch.linalg.lstsq"
    if self.form.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if b.form.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if self.form.dtype is not b.form.dtype:
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype "
            f"{lapack.word(self)} and other's dtype {lapack.word(b)}"
        )
    vector = b.form.ndim == 1 or (
        b.form.ndim == self.form.ndim - 1 and b.form.shape == self.form.shape[:-1]
    )
    right = b.unsqueeze(-1) if vector else b
    if self.form.shape[-2] != right.form.shape[-2]:
        side = -1 if vector else -2
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({side})")
    if driver is not None and driver not in DRIVERS:
        raise RuntimeError(
            f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    kind = self.form.dtype
    if kind.itemsize == 2 or not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError("This function doesn't handle types other than float and double")
    lead = broadcast_shapes(self.form.shape[:-2], right.form.shape[:-2])
    A = self.expand((*lead, *self.form.shape[-2:]))
    right = right.expand((*lead, *right.form.shape[-2:]))
    bound = dtypes.finfo(kind).eps * max(self.form.shape[-2:]) if rcond is None else float(rcond)
    x, residuals, rank, sizes = registry["least_squares"].function(
        A, right, bound, driver or "gelsy"
    )
    rank, sizes = (_by_matrix(one, self.form.shape[:-2], lead) for one in (rank, sizes))
    made = named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
    return made(x.squeeze(-1) if vector else x, residuals, rank, sizes)


@composite("triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, "
           "bool unitriangular=False, *, Tensor(a!)? out=None) "
           "-> (Tensor solution, Tensor cloned_coefficient)")
def triangular_solve(self, A, upper=True, transpose=False, unitriangular=False):
    """The older form of linalg.solve_triangular, right-hand sides first; gives a copy of A too.

    self and solution (*, n, k), A (*, n, n). Raises RuntimeError for other shapes.
    """
    name = "torch.triangular_solve"
    for said, one in (("b", self), ("A", A)):
        if one.form.ndim < 2:
            raise RuntimeError(
                f"{name}: Expected {said} to have at least 2 dimensions, but it has "
                f"{one.form.ndim} dimensions instead"
            )
    m, n = A.form.shape[-2:]
    if m != n:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {m} by {n} matrices"
        )
    if self.form.shape[-2] != m:
        raise RuntimeError(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {m} by {n} but each "
            f"b matrix is {self.form.shape[-2]} by {self.form.shape[-1]}"
        )
    lapack.require_kernel("triangular_solve_cpu", self)
    lead = broadcast_shapes(A.form.shape[:-2], self.form.shape[:-2])
    factor = A.expand((*lead, m, m))
    right = self.expand((*lead, *self.form.shape[-2:]))
    solve = registry["solve_triangle"].function
    if transpose:
        x = solve(factor.mT, right, not upper, unitriangular)
    else:
        x = solve(factor, right, upper, unitriangular)
    made = named("triangular_solve", "solution", "cloned_coefficient")
    return made(x, registry["column_major"].function(factor))


# --- low rank ------------------------------------------------------------------------------------


def _basis(A, q, niter, M):
    """q orthonormal columns that nearly span A - M's (Halko, Martinsson and Tropp, "Finding
    Structure with Randomness", 2009, algorithm 4.4)."""

    def times(x, turned):
        a = adjoint(A) if turned else A
        y = a.matmul(x)
        if M is None:
            return y
        return y - (adjoint(M) if turned else M).matmul(x)

    qr = registry["linalg_qr"].function
    kind = A.form.dtype
    if not (kind.is_floating_point or kind.is_complex):
        kind = dtypes.float32
    start = registry["randn"].function(A.form.shape[-1], q, dtype=kind)
    basis = qr(times(start, False)).Q
    for _ in range(niter):
        basis = qr(times(basis, True)).Q
        basis = qr(times(basis, False)).Q
    return basis


def _low_rank(A, q, niter, M):
    """The same paper's algorithm 5.1."""
    q = 6 if q is None else q
    niter = 2 if niter is None else niter
    wide = A.form.shape[-2] < A.form.shape[-1]
    if M is not None:
        M = M.broadcast_to(A.form.shape)
    if wide:
        A, M = adjoint(A), None if M is None else adjoint(M)
    basis = _basis(A, q, niter, M)
    turned = adjoint(basis)
    small = turned.matmul(A)
    if M is not None:
        small = small - turned.matmul(M)
    u, s, vh = registry["linalg_svd"].function(small, full_matrices=False)
    u, v = basis.matmul(u), adjoint(vh)
    return (v, s, u) if wide else (u, s, v)


@composite("svd_lowrank(Tensor A, int? q=6, int? niter=2, Tensor? M=None) "
           "-> (Tensor, Tensor, Tensor)")
def svd_lowrank(A, q=6, niter=2, M=None):
    """(U, S, V) of about the q largest singular values of A - M, from random products with it.

    >>> import facula as torch
    >>> [t.shape for t in torch.svd_lowrank(torch.ones(5, 4), q=2)]
    [torch.Size([5, 2]), torch.Size([2]), torch.Size([4, 2])]
    """
    return _low_rank(A, q, niter, M)


@composite("pca_lowrank(Tensor A, int? q=None, bool center=True, int niter=2) "
           "-> (Tensor, Tensor, Tensor)")
def pca_lowrank(A, q=None, center=True, niter=2):
    """svd_lowrank of a matrix whose columns have their means taken off: principal components.

    A (*, m, n), U (*, m, q), S (*, q), V (*, n, q). Raises ValueError for q outside [0, min(m, n)].

    >>> import facula as torch
    >>> torch.pca_lowrank(torch.eye(3), q=1)[1].shape
    torch.Size([1])
    """
    m, n = A.form.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return _low_rank(A - A.mean(-2, True) if center else A, q, niter, None)


# Where records stand that are no functions of torch itself.
registry["least_squares"].namespace = "internal"
registry["least_squares"].method = False

# This gradient holds for complex matrices as it is written. Note [complex numbers].
least_squares.conjugates = False
