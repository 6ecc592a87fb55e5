"""Linear systems: determinants, inverses, solutions, and the factors that give them.

Values come from `launch/lapack.py`. Gradients: Giles, "Collected Matrix Derivative Results for
Forward and Reverse Mode Algorithmic Differentiation" (2008), unless a docstring names another
source. Note [linear algebra].
"""

from facula.launch import lapack
from facula.launch.lapack import adjoint, conjugate
from facula.meta import dtype as dtypes
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.returns import named

# --- solutions -----------------------------------------------------------------------------------


def _is_vector(A, B):
    """Whether B is one right-hand side a matrix, as torch decides it."""
    return B.form.ndim == 1 or (
        B.form.ndim == A.form.ndim - 1 and B.form.shape == A.form.shape[:-1]
    )


def _check_systems(name, A, B, left):
    """A and B as torch.linalg requires them: one dtype, fitting sizes."""
    if A.form.dtype is not B.form.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type "
            f"{lapack.word(A)} and B of type {lapack.word(B)} instead"
        )
    lapack.require_matrix(name, B, "B")
    fits = A.form.shape[-2] == B.form.shape[-2] if left else (
        A.form.shape[-1] == B.form.shape[-1]
    )
    if not fits:
        (m, n), (k, p) = A.form.shape[-2:], B.form.shape[-2:]
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({m}x{n} and {k}x{p})"
        )


def _spread(A, B):
    """Both with the same leading dims."""
    lead = broadcast_shapes(A.form.shape[:-2], B.form.shape[:-2])
    return A.expand((*lead, *A.form.shape[-2:])), B.expand((*lead, *B.form.shape[-2:]))


@operation("solve_matrices(Tensor A, Tensor B) -> (Tensor, Tensor)")
def solve_matrices(A, B):
    """(X, info) with A @ X = B; leading dims are equal."""
    return lapack.solve(A, B)


solve_matrices.node_name = "LinalgSolveExBackward0"
solve_matrices.differentiable_outputs = (0,)
solve_matrices.kept_outputs = (0,)


@solve_matrices.gradient
def _(g, ys, A, needs):
    if g[0] is None:
        return None, None
    right = registry["solve_matrices"].function(adjoint(A), g[0])[0]
    return (-right.matmul(adjoint(ys[0])) if needs[0] else None), right


@composite("linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False, "
           "Tensor(a!)? out=None) -> (Tensor result, Tensor info)")
def linalg_solve_ex(A, B, *, left=True, check_errors=False):
    """The solution of AX = B (or XA = B), and where the factorisation of a singular A ended.

    A (*, n, n), B and X (*, n, k) or (*, n), info (*), int32. `check_errors` raises LinAlgError
    where info is not 0.

    >>> import facula as torch
    >>> torch.linalg.solve_ex(torch.eye(2) * 2, torch.ones(2)).result
    tensor([0.5000, 0.5000])
    """
    x, info = _solved(A, B, left)
    if check_errors:
        _check_solved(info)
    return named("linalg_solve_ex", "result", "info")(x, info)


def _solved(A, B, left):
    lapack.require_floating("linalg.solve", A)
    lapack.require_square("linalg.solve", A)
    vector = _is_vector(A, B)
    right = B.unsqueeze(-1) if vector else B
    _check_systems("linalg.solve", A, right, left)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    lapack.require_kernel("lu_cpu", A)
    A, right = _spread(A, right)
    solve = registry["solve_matrices"].function
    if left:
        x, info = solve(A, right)
        return (x.squeeze(-1) if vector else x), info
    x, info = solve(A.mT, right.mT)
    return x.mT, info


def _check_solved(info):
    lapack.raise_for(
        info,
        lambda where, _: f"torch.linalg.solve: {where}The solver failed because the input matrix "
        "is singular.",
    )


@composite("linalg_solve(Tensor A, Tensor B, *, bool left=True, Tensor(a!)? out=None) -> Tensor")
def linalg_solve(A, B, *, left=True):
    """The solution of AX = B, or of XA = B; B may be a vector. Leading dims broadcast.

    Raises LinAlgError if a matrix is singular.

    A (*, n, n), B and X (*, n, k) or (*, n). Raises LinAlgError for a singular A, RuntimeError for
    shapes that do not fit.

    >>> import facula as torch
    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [1.0, 4.0]]), torch.tensor([2.0, 9.0]))
    tensor([1., 2.])
    """
    x, info = _solved(A, B, left)
    _check_solved(info)
    return x


@operation("solve_triangle(Tensor A, Tensor B, bool upper, bool unitriangular=False, "
           "bool columns=True) -> Tensor")
def solve_triangle(A, B, upper, unitriangular=False, columns=True):
    """X with A @ X = B, A triangular; leading dims are equal."""
    return lapack.solve_triangular(A, B, upper, unitriangular, columns)


solve_triangle.node_name = "LinalgSolveTriangularBackward0"


@solve_triangle.gradient
def _(g, y, A, upper, unitriangular, needs):
    right = registry["solve_triangle"].function(adjoint(A), g, not upper, unitriangular)
    if not needs[0]:
        return None, right
    whole = -right.matmul(adjoint(y))
    inner = int(unitriangular)
    return (whole.triu(inner) if upper else whole.tril(-inner)), right


@composite("linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, "
           "bool unitriangular=False, Tensor(a!)? out=None) -> Tensor")
def linalg_solve_triangular(self, B, *, upper, left=True, unitriangular=False):
    """The solution of AX = B (or XA = B) for triangular A: the other triangle is not read.

    A (*, n, n), B and X (*, n, k), or (*, k, n) from the right. Raises RuntimeError for shapes that
    do not fit.

    >>> import facula as torch
    >>> A = torch.tensor([[2.0, 9.0], [1.0, 4.0]])
    >>> torch.linalg.solve_triangular(A, torch.tensor([[2.0], [9.0]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    name = "linalg.solve_triangular"
    lapack.require_square(name, self)
    _check_systems(name, self, B, left)
    lapack.require_kernel("triangular_solve_cpu", self)
    A, B = _spread(self, B)
    solve = registry["solve_triangle"].function
    if left:
        return solve(A, B, upper, unitriangular)
    return solve(A.mT, B.mT, not upper, unitriangular, False).mT


# --- inverses ------------------------------------------------------------------------------------


@operation("invert_matrices(Tensor A) -> (Tensor, Tensor)")
def invert_matrices(A):
    """(inverse, info)."""
    return lapack.inverse(A)


invert_matrices.node_name = "LinalgInvExBackward0"
invert_matrices.differentiable_outputs = (0,)
invert_matrices.kept_outputs = (0,)


@invert_matrices.gradient
def _(g, ys):
    turned = adjoint(ys[0])
    return -turned.matmul(g[0].matmul(turned))


def _inverse(A):
    lapack.require_square("linalg.inv", A)
    lapack.require_floating("linalg.inv", A, low=False)
    return registry["invert_matrices"].function(A)


def _check_inverted(name, info):
    lapack.raise_for(
        info,
        lambda where, number: f"{name}: {where}The diagonal element {number} is zero, the "
        "inversion could not be completed because the input matrix is singular.",
    )


@composite("linalg_inv_ex(Tensor A, *, bool check_errors=False, Tensor(a!)? out=None) "
           "-> (Tensor inverse, Tensor info)")
def linalg_inv_ex(A, *, check_errors=False):
    """The inverse, and where the factorisation of a singular matrix ended (0: it did not).

    A and inverse (*, n, n), info (*), int32. `check_errors` raises LinAlgError where info is not 0.

    >>> import facula as torch
    >>> torch.linalg.inv_ex(torch.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    inverse, info = _inverse(A)
    if check_errors:
        _check_inverted("linalg.inv_ex", info)
    return named("linalg_inv_ex", "inverse", "info")(inverse, info)


@composite("linalg_inv(Tensor A, *, Tensor(a!)? out=None) -> Tensor")
def linalg_inv(A):
    """The inverse of each square matrix; raises LinAlgError if one is singular.

    A and result (*, n, n). Raises RuntimeError for matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    inverse, info = _inverse(A)
    _check_inverted("linalg.inv", info)
    return inverse


@composite("inverse(Tensor self, *, Tensor(a!)? out=None) -> Tensor")
def inverse(self):
    """Another name of linalg.inv.

    self and result (*, n, n). Raises LinAlgError for a singular matrix, RuntimeError for one that
    is not square.
    """
    return linalg_inv.forward(self)


# --- determinants --------------------------------------------------------------------------------


@operation("linalg_det(Tensor A, *, Tensor(a!)? out=None) -> Tensor")
def linalg_det(A):
    """The determinant of each square matrix.

    A (*, n, n), result (*). Raises RuntimeError for matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.det(torch.tensor([[2.0, 1.0], [0.0, 4.0]]))
    tensor(8.)
    """
    lapack.require_square("linalg.det", A)
    lapack.require_floating("linalg.det", A)
    lapack.require_kernel("lu_cpu", A)
    return lapack.determinant(A)


linalg_det.node_name = "LinalgDetBackward0"


@linalg_det.gradient
def _(g, y, A):
    """g * conj(det) * A^-H; where matrices are singular the matrix of cofactors, from the SVD."""
    scaled = (g * conjugate(y)).unsqueeze(-1).unsqueeze(-1)
    # Hadamard: no determinant is above the product of its rows' lengths. Far below it, digits that
    # were lost would be divided by.
    lengths = (A.detach() * conjugate(A.detach())).sum(-1).sqrt().abs()
    eps = dtypes.finfo(A.form.dtype).eps * max(A.form.shape[-1], 1)
    if bool((y.detach().abs() > eps * lengths.prod(-1)).all()):
        eye = registry["eye"].function(A.form.shape[-1], dtype=A.form.dtype)
        right = (scaled * eye).expand(A.form.shape)
        return registry["solve_matrices"].function(adjoint(A), right)[0]
    u, s, vh = registry["linalg_svd"].function(A)
    # det(A) = det(U) det(Vh) prod(s): each singular value's factor is the product of the others.
    turns = u.detach().det() * vh.detach().det()
    outer = conjugate(turns) * g
    others = _products_of_others(s)
    return (u * (outer.unsqueeze(-1) * others).unsqueeze(-2)).matmul(vh)


def _products_of_others(s):
    """For each element of the last dim the product of all others."""
    size = s.form.shape[-1]
    if size < 2:
        return s.new_ones(s.form.shape)
    cat = registry["cat"].function
    ones = s.new_ones((*s.form.shape[:-1], 1))
    before = cat([ones, s.narrow(-1, 0, size - 1)], -1).cumprod(-1)
    after = cat([ones, s.flip(-1).narrow(-1, 0, size - 1)], -1).cumprod(-1).flip(-1)
    return before * after


@composite("det(Tensor self) -> Tensor")
def det(self):
    """Another name of linalg.det.

    self (*, n, n), result (*). Raises RuntimeError for matrices that are not square.
    """
    return registry["linalg_det"].function(self)


@operation("sign_and_log(Tensor A) -> (Tensor, Tensor)")
def sign_and_log(A):
    """(sign, logarithm of the size) of determinants."""
    return lapack.log_determinant(A)


sign_and_log.node_name = "LinalgSlogdetBackward0"


@sign_and_log.gradient
def _(g, ys, A):
    sign, size = g
    if not A.form.dtype.is_complex:
        if size is None:
            return registry["zeros_like"].function(A)
        factor = size
    else:
        # The sign turns with the imaginary part of trace(A^-1 dA).
        factor = 0.0 if size is None else size
        if sign is not None:
            turning = -(conjugate(sign) * ys[0]).imag
            factor = registry["complex"].function(
                turning * 0 if size is None else size, turning
            )
    eye = registry["eye"].function(A.form.shape[-1], dtype=A.form.dtype)
    right = (factor.unsqueeze(-1).unsqueeze(-1) * eye).expand(A.form.shape)
    return registry["solve_matrices"].function(adjoint(A), right)[0]


def _slogdet(name, A):
    lapack.require_square(name, A)
    lapack.require_floating(name, A, low=False)
    return registry["sign_and_log"].function(A)


@composite("linalg_slogdet(Tensor A, *, Tensor(a!)? out=None) -> (Tensor sign, Tensor logabsdet)")
def linalg_slogdet(A):
    """The sign of each determinant and the logarithm of its size.

    A (*, n, n), both results (*); the logarithm is the natural one. Raises RuntimeError for
    matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.slogdet(torch.eye(2) * -1)
    torch.return_types.linalg_slogdet(
    sign=tensor(1.),
    logabsdet=tensor(0.))
    """
    return named("linalg_slogdet", "sign", "logabsdet")(*_slogdet("linalg.slogdet", A))


@composite("slogdet(Tensor self, *, Tensor(a!)? out=None) -> (Tensor sign, Tensor logabsdet)")
def slogdet(self):
    """Another name of linalg.slogdet.

    self (*, n, n), result (*). Raises RuntimeError for matrices that are not square.
    """
    return named("slogdet", "sign", "logabsdet")(*_slogdet("linalg.slogdet", self))


@composite("logdet(Tensor self) -> Tensor")
def logdet(self):
    """The logarithm of each determinant; nan where it is negative.

    self (*, n, n), result (*). Raises RuntimeError for matrices that are not square.
    """
    sign, size = _slogdet("logdet", self)
    if self.form.dtype.is_complex:
        return sign.log() + size
    return registry["where"].function(sign == -1.0, float("nan"), size)


# --- Cholesky ------------------------------------------------------------------------------------


@operation("cholesky_factor(Tensor A, bool upper) -> (Tensor, Tensor)")
def cholesky_factor(A, upper):
    """(factor, info)."""
    return lapack.cholesky(A, upper)


cholesky_factor.node_name = "LinalgCholeskyExBackward0"
cholesky_factor.differentiable_outputs = (0,)
cholesky_factor.kept_outputs = (0,)


@cholesky_factor.gradient
def _(g, ys, upper):
    """Murray, "Differentiation of the Cholesky decomposition" (2016), section 4.2."""
    factor, gradient = (adjoint(ys[0]), adjoint(g[0])) if upper else (ys[0], g[0])
    turned = adjoint(factor)
    inner = turned.matmul(gradient).tril()
    # Both triangles, the diagonal counted once.
    inner = (inner + adjoint(inner.tril(-1))) * 0.5
    solve = registry["solve_triangle"].function
    left = solve(turned, inner, True)
    # left @ L^-1
    return solve(factor.mT, left.mT, True, columns=False).mT


def _cholesky(name, A, upper):
    lapack.require_square(name, A)
    lapack.require_floating(name, A)
    lapack.require_kernel("cholesky_cpu", A)
    return registry["cholesky_factor"].function(A, upper)


def _check_cholesky(name, info):
    lapack.raise_for(
        info,
        lambda where, number: f"{name}: {where}The factorization could not be completed because "
        f"the input is not positive-definite (the leading minor of order {number} is not "
        "positive-definite).",
    )


@composite("linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False, "
           "Tensor(a!)? out=None) -> (Tensor L, Tensor info)")
def linalg_cholesky_ex(self, *, upper=False, check_errors=False):
    """Cholesky's factor, and the order of the first leading minor that is not positive (or 0).

    A (*, n, n), L (*, n, n), info (*), int32. `check_errors` raises LinAlgError where info is not
    0; RuntimeError for matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.cholesky_ex(-torch.eye(2)).info
    tensor(1, dtype=torch.int32)
    """
    factor, info = _cholesky("linalg.cholesky", self, upper)
    if check_errors:
        _check_cholesky("torch.linalg.cholesky_ex", info)
    return named("linalg_cholesky_ex", "L", "info")(factor, info)


@composite("linalg_cholesky(Tensor self, *, bool upper=False, Tensor(a!)? out=None) -> Tensor")
def linalg_cholesky(self, *, upper=False):
    """L with A = L @ L.mH (or U with A = U.mH @ U) for positive-definite A.

    Raises LinAlgError for other matrices.

    A and L (*, n, n). Raises LinAlgError for a matrix that is not positive-definite, RuntimeError
    for one that is not square.

    >>> import facula as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    factor, info = _cholesky("linalg.cholesky", self, upper)
    _check_cholesky("linalg.cholesky", info)
    return factor


@composite("cholesky(Tensor self, bool upper=False, *, Tensor(a!)? out=None) -> Tensor")
def cholesky(self, upper=False):
    """The older form of linalg.cholesky.

    self and result (*, n, n). Raises LinAlgError for a matrix that is not positive-definite.
    """
    lapack.require_square("cholesky", self)
    lapack.require_kernel("cholesky_cpu", self)
    factor, info = registry["cholesky_factor"].function(self, upper)
    _check_cholesky("cholesky", info)
    return factor


@composite("cholesky_solve(Tensor self, Tensor input2, bool upper=False, *, "
           "Tensor(a!)? out=None) -> Tensor")
def cholesky_solve(self, input2, upper=False):
    """X with A @ X = self, where `input2` is Cholesky's factor of A.

    self and result (*, n, k), input2 (*, n, n). Raises RuntimeError for shapes that do not fit.

    >>> import facula as torch
    >>> torch.cholesky_solve(torch.tensor([[8.0]]), torch.tensor([[2.0]]))
    tensor([[2.]])
    """
    for letter, one in (("b", self), ("u", input2)):
        if one.form.ndim < 2:
            raise RuntimeError(
                f"{letter} should have at least 2 dimensions, but has {one.form.ndim} dimensions "
                "instead"
            )
    _check_old_systems("cholesky_solve", self, input2)
    lapack.require_kernel("cholesky_solve_cpu", self)
    factor, B = _spread(input2, self)
    return registry["solve_from_factor"].function(B, factor, upper)


@operation("solve_from_factor(Tensor B, Tensor factor, bool upper) -> Tensor")
def solve_from_factor(B, factor, upper):
    """X with A @ X = B from Cholesky's factor of A; leading dims are equal."""
    turned = adjoint(factor)
    first, last = (turned, factor) if upper else (factor, turned)
    middle = lapack.solve_triangular(first, B, False, False, True)
    return lapack.solve_triangular(last, middle, True, False, True)


solve_from_factor.node_name = "CholeskySolveBackward0"


@solve_from_factor.gradient
def _(g, y, factor, upper, needs):
    """As of A^-1 @ B, with A the product of the factor and its adjoint: the factor's other triangle
    is not masked, as in torch."""
    right = registry["solve_from_factor"].function(g, factor, upper)
    if not needs[1]:
        return right, None
    both = -right.matmul(adjoint(y))
    both = both + adjoint(both)
    return right, factor.matmul(both) if upper else both.matmul(factor)


def _check_old_systems(name, B, A):
    """What torch's older solvers say of a matrix and right-hand sides that do not fit."""
    rows, columns = A.form.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )
    if B.form.shape[-2] != rows:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {rows} by {rows} but each b "
            f"matrix is {B.form.shape[-2]} by {B.form.shape[-1]}"
        )
    if A.form.dtype is not B.form.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {lapack.word(B)} and "
            f"A of type {lapack.word(A)} instead."
        )


@composite("cholesky_inverse(Tensor self, bool upper=False, *, Tensor(a!)? out=None) -> Tensor")
def cholesky_inverse(self, upper=False):
    """The inverse of A from Cholesky's factor of A.

    self and result (*, n, n). Raises RuntimeError for matrices that are not square.

    >>> import facula as torch
    >>> torch.cholesky_inverse(torch.tensor([[2.0]]))
    tensor([[0.2500]])
    """
    lapack.require_square("cholesky_inverse", self)
    lapack.require_kernel("cholesky_inverse_out_cpu", self)
    zero = self.detach().diagonal(0, -2, -1) == 0
    if bool(zero.any()):
        info = registry["where"].function(zero.any(-1), zero.int().argmax(-1) + 1, 0)
        _check_inverted("cholesky_inverse", info)
    return registry["inverse_from_factor"].function(self, upper)


@operation("inverse_from_factor(Tensor self, bool upper) -> Tensor")
def inverse_from_factor(self, upper):
    """(L @ L^H)^-1, or (U^H @ U)^-1."""
    return lapack.inverse_from_cholesky(self, upper)


inverse_from_factor.node_name = "CholeskyInverseBackward0"


@inverse_from_factor.gradient
def _(g, y, self, upper):
    both = -y.matmul(g + adjoint(g)).matmul(y)
    return self.matmul(both) if upper else both.matmul(self)


# Where records stand that are no functions of torch itself.
for _name in (
    "cholesky_factor", "inverse_from_factor", "invert_matrices", "sign_and_log",
    "solve_from_factor", "solve_matrices", "solve_triangle",
):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# These gradients hold for complex matrices as they are written. Note [complex numbers].
for _one in (
    solve_matrices, solve_triangle, invert_matrices, linalg_det, sign_and_log,
    cholesky_factor, inverse_from_factor, solve_from_factor,
):  # fmt: skip
    _one.conjugates = False
