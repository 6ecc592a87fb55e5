"""LU and LDL: factors, what they solve, gradients.

Values come from `launch/lapack.py`. Note [linear algebra].
"""

from facula.launch import lapack
from facula.launch.lapack import adjoint
from facula.meta import dtype as dtypes
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.returns import named

# --- LU ------------------------------------------------------------------------------------------


@operation("lu_factors(Tensor A) -> (Tensor, Tensor, Tensor)")
def lu_factors(A):
    """(LU, pivots, info)."""
    return lapack.lu_factor(A)


lu_factors.node_name = "LinalgLuFactorExBackward0"
lu_factors.differentiable_outputs = (0,)
lu_factors.kept_outputs = (0, 1)


@lu_factors.gradient
def _(g, ys):
    """The differential of A = P @ L @ U; beyond the square one factor is known from the other
    (Lutz, "Derivatives of Partially Pivoted LU", as PyTorch writes it)."""
    lu, pivots = ys[0], ys[1]
    m, n = lu.form.shape[-2:]
    k = min(m, n)
    solve = registry["solve_triangle"].function
    square = lu.narrow(-2, 0, k).narrow(-1, 0, k)
    gradient = g[0]
    lower, upper = gradient.narrow(-1, 0, k).tril(-1), gradient.narrow(-2, 0, k).triu()
    dl, du = lower.narrow(-2, 0, k), upper.narrow(-1, 0, k)
    below = beside = None
    one = registry["eye"].function(k, dtype=lu.form.dtype)
    if m > n:
        # L2 = A2 @ U^-1
        below = solve(square.conj() if lu.form.dtype.is_complex else square,
                      lower.narrow(-2, k, m - k).mT, True).mT  # fmt: skip
        du = du - adjoint(lu.narrow(-2, k, m - k)).matmul(below)
    elif n > m:
        # U2 = L^-1 @ A2
        beside = solve(adjoint(square), upper.narrow(-1, k, n - k), True, True)
        dl = dl - beside.matmul(adjoint(lu.narrow(-1, k, n - k)))
    l_turned = adjoint(square.tril(-1) + one)
    u_turned = adjoint(square.triu())
    inner = l_turned.matmul(dl).tril(-1) + du.matmul(u_turned).triu()
    inner = solve(l_turned, inner, True, True)
    whole = solve(u_turned.mT, inner.mT, True).mT
    cat = registry["cat"].function
    if below is not None:
        whole = cat([whole, below], -2)
    if beside is not None:
        whole = cat([whole, beside], -1)
    return lapack.pivot_matrix(pivots, m, lu).matmul(whole)


def _lu(name, A, pivot):
    if A.form.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.form.shape)} "
            "instead"
        )
    lapack.require_kernel("lu_cpu", A)
    if not pivot:
        raise RuntimeError(
            "linalg.lu_factor: LU without pivoting is not implemented on the CPU"
        )
    return registry["lu_factors"].function(A)


def _check_factored(name, info):
    lapack.raise_for(
        info,
        lambda where, k: f"{name}: {where}U[{k},{k}] is zero and using it on lu_solve would "
        "result in a division by zero. If you still want to perform the factorization, consider "
        "calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)",
    )


@composite("linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False, "
           "Tensor(a!)? out=None) -> (Tensor LU, Tensor pivots, Tensor info)")
def linalg_lu_factor_ex(A, *, pivot=True, check_errors=False):
    """L and U in one matrix, exchanges of rows, and the first zero on U's diagonal (or 0).

    A and LU (*, m, n), pivots (*, min(m, n)) and info (*), int32. `check_errors` raises LinAlgError
    where info is not 0.

    >>> import facula as torch
    >>> torch.linalg.lu_factor_ex(torch.eye(2)).pivots
    tensor([1, 2], dtype=torch.int32)
    """
    lu, pivots, info = _lu("torch.lu_factor", A, pivot)
    if check_errors:
        _check_factored("torch.linalg.lu_factor_ex", info)
    return named("linalg_lu_factor_ex", "LU", "pivots", "info")(lu, pivots, info)


@composite("linalg_lu_factor(Tensor A, *, bool pivot=True, Tensor(a!)? out=None) "
           "-> (Tensor LU, Tensor pivots)")
def linalg_lu_factor(A, *, pivot=True):
    """L and U in one matrix, and exchanges of rows counted from 1; what `lu_solve` takes.

    A and LU (*, m, n), pivots (*, min(m, n)), int32. Raises LinAlgError for a singular matrix.

    >>> import facula as torch
    >>> torch.linalg.lu_factor(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).pivots
    tensor([2, 2], dtype=torch.int32)
    """
    lu, pivots, info = _lu("torch.lu_factor", A, pivot)
    _check_factored("torch.linalg.lu_factor", info)
    return named("linalg_lu_factor", "LU", "pivots")(lu, pivots)


@composite("_lu_with_info(Tensor self, bool pivot=True, bool check_errors=True) "
           "-> (Tensor LU, Tensor pivots, Tensor info)")
def _lu_with_info(self, pivot=True, check_errors=True):
    """The oldest form of linalg.lu_factor_ex."""
    lu, pivots, info = _lu("torch.lu_factor", self, pivot)
    if check_errors:
        _check_factored("torch.linalg.lu_factor_ex", info)
    return named("_lu_with_info", "LU", "pivots", "info")(lu, pivots, info)


@composite("lu(Tensor self, bool pivot=True, bool get_infos=False) "
           "-> (Tensor LU, Tensor pivots)")
def lu(self, pivot=True, get_infos=False, out=None):
    """The older form of linalg.lu_factor; `get_infos` adds info instead of raising an error.

    self (*, m, n), factors as self, pivots (*, min(m, n)), int32. Raises RuntimeError for less than
    two dims.
    """
    lu, pivots, info = _lu("torch.lu_factor", self, pivot)
    if not get_infos:
        _check_factored("torch.linalg.lu_factor_ex", info)
    made = named("_lu_with_info", "LU", "pivots", "info")
    found = made(lu, pivots, info) if get_infos else (lu, pivots)
    if out is None:
        return found
    for target, value in zip(out, found, strict=True):
        target.resize_(value.form.shape).copy_(value)
    return out


@composite("linalg_lu(Tensor A, *, bool pivot=True, Tensor(a!)? out=None) "
           "-> (Tensor P, Tensor L, Tensor U)")
def linalg_lu(A, *, pivot=True):
    """A = P @ L @ U: a permutation, a lower triangle with ones, an upper triangle.

    A (*, m, n), P (*, m, m), L (*, m, k), U (*, k, n) with k = min(m, n).

    >>> import facula as torch
    >>> torch.linalg.lu(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    lu, pivots, _ = _lu("linalg.lu", A, pivot)
    return named("linalg_lu", "P", "L", "U")(*_unpacked(lu, pivots, True, True))


def _unpacked(lu, pivots, data, permuted):
    m, n = lu.form.shape[-2:]
    k = min(m, n)
    empty = lu.new_empty((0,))
    p = lapack.pivot_matrix(pivots, m, lu) if permuted else empty
    if not data:
        return p, empty, lu.new_empty((0,))
    one = registry["eye"].function(m, k, dtype=lu.form.dtype)
    return p, lu.narrow(-1, 0, k).tril(-1) + one, lu.narrow(-2, 0, k).triu()


@composite("lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, "
           "bool unpack_pivots=True, *, Tensor(a!)? out=None) -> (Tensor P, Tensor L, Tensor U)")
def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True):
    """P, L and U from what lu_factor gives; what is not wanted is empty.

    LU_data (*, m, n), P (*, m, m), L (*, m, k), U (*, k, n) with k = min(m, n). Raises RuntimeError
    for pivots that are not int32.

    >>> import facula as torch
    >>> torch.lu_unpack(*torch.linalg.lu_factor(torch.eye(2))).U
    tensor([[1., 0.],
            [0., 1.]])
    """
    if LU_data.form.ndim < 2:
        raise RuntimeError(
            "torch.lu_unpack: Expected tensor with 2 or more dimensions. Got size: "
            f"{list(LU_data.form.shape)} instead"
        )
    if unpack_pivots and LU_pivots.form.dtype is not dtypes.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 "
            "dtype.\nNote: this function is intended to be used with the output produced by "
            "torch.linalg.lu_factor"
        )
    made = named("lu_unpack", "P", "L", "U")
    return made(*_unpacked(LU_data, LU_pivots, unpack_data, unpack_pivots))


@operation("lu_solution(Tensor LU, Tensor pivots, Tensor B, bool adjoint) -> Tensor")
def lu_solution(LU, pivots, B, adjoint):
    """X with A @ X = B (or A^H @ X = B); leading dims are equal."""
    return lapack.lu_solve(LU, pivots, B, adjoint)


lu_solution.node_name = "LinalgLuSolveBackward0"


@lu_solution.gradient
def _(g, y, LU, pivots, adjoint, needs):
    """As of A = P @ L @ U: the gradient of A goes to L and U below and above the diagonal."""
    turn = lapack.adjoint
    right = registry["lu_solution"].function(LU, pivots, g, not adjoint)
    if not needs[0]:
        return None, None, right
    p = lapack.pivot_matrix(pivots, LU.form.shape[-2], LU)
    lower, upper = LU.tril(-1) + registry["eye"].function(
        LU.form.shape[-1], dtype=LU.form.dtype), LU.triu()  # fmt: skip
    # d(A) = -right @ y^H, or its adjoint.
    whole = -(y.matmul(turn(right)) if adjoint else right.matmul(turn(y)))
    whole = p.mT.matmul(whole)
    dl = whole.matmul(turn(upper)).tril(-1)
    du = turn(lower).matmul(whole).triu()
    return dl + du, None, right


@composite("linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, "
           "bool adjoint=False, Tensor(a!)? out=None) -> Tensor")
def linalg_lu_solve(LU, pivots, B, *, left=True, adjoint=False):
    """X with AX = B (or XA = B, or A.mH in place of A) from the factors of A.

    LU (*, n, n), pivots (*, n), B and X (*, n, k). Raises RuntimeError for other shapes.

    >>> import facula as torch
    >>> LU, pivots = torch.linalg.lu_factor(torch.eye(2) * 2)
    >>> torch.linalg.lu_solve(LU, pivots, torch.ones(2, 1)).squeeze()
    tensor([0.5000, 0.5000])
    """
    name = "torch.linalg.lu_solve"
    lapack.require_floating(name, LU)
    if LU.form.dtype is not B.form.dtype:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type "
            f"{lapack.word(LU)} and B of type {lapack.word(B)} instead"
        )
    if pivots.form.dtype is not dtypes.int32:
        raise RuntimeError(
            "linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32"
        )
    lapack.require_square(name, LU)
    if B.form.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions.")
    side = -2 if left else -1
    if LU.form.shape[-1] != B.form.shape[side]:
        (m, n), (k, p) = LU.form.shape[-2:], B.form.shape[-2:]
        raise RuntimeError(
            "linalg.lu_solve: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({m}x{n} and {k}x{p})"
        )
    if LU.form.shape[:-1] != pivots.form.shape:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got "
            f"pivots with shape {list(pivots.form.shape)} instead"
        )
    lapack.require_kernel("linalg.lu_solve_cpu", LU)
    lead = broadcast_shapes(LU.form.shape[:-2], B.form.shape[:-2])
    factors = LU.expand((*lead, *LU.form.shape[-2:]))
    orders = pivots.expand((*lead, pivots.form.shape[-1]))
    B = B.expand((*lead, *B.form.shape[-2:]))
    solve = registry["lu_solution"].function
    if left:
        return solve(factors, orders, B, adjoint)
    # XA = B is A^H X^H = B^H.
    return lapack.adjoint(solve(factors, orders, lapack.adjoint(B), not adjoint))


@composite("lu_solve(Tensor self, Tensor LU_data, Tensor LU_pivots, *, Tensor(a!)? out=None) "
           "-> Tensor")
def lu_solve(self, LU_data, LU_pivots):
    """The older form of linalg.lu_solve, right-hand sides first.

    self and result (*, n, k), LU_data (*, n, n), LU_pivots (*, n). Raises RuntimeError for other
    shapes.
    """
    return linalg_lu_solve.forward(LU_data, LU_pivots, self)


# --- LDL -----------------------------------------------------------------------------------------


def _ldl(self, hermitian):
    name = "torch.linalg.ldl_factor_ex"
    lapack.require_square(name, self)
    lapack.require_floating(name, self)
    lapack.require_kernel("ldl_factor_kernel_cpu", self)
    return lapack.ldl_factor(self, hermitian)


def _check_ldl(name, info):
    lapack.raise_for(
        info,
        lambda where, k: f"{name}: {where}The diagonal element {k} of D is zero, so the "
        "factorization could not be completed.",
    )


@composite("linalg_ldl_factor_ex(Tensor self, *, bool hermitian=False, bool check_errors=False, "
           "Tensor(a!)? out=None) -> (Tensor LD, Tensor pivots, Tensor info)")
def linalg_ldl_factor_ex(self, *, hermitian=False, check_errors=False):
    """L and D of a symmetric (or Hermitian) matrix in one, pivots, and the first zero of D (or 0).

    A and LD (*, n, n), pivots (*, n) and info (*), int32. `check_errors` raises LinAlgError where
    info is not 0.

    >>> import facula as torch
    >>> torch.linalg.ldl_factor_ex(torch.eye(2)).pivots
    tensor([1, 2], dtype=torch.int32)
    """
    ld, pivots, info = _ldl(self, hermitian)
    if check_errors:
        _check_ldl("torch.linalg.ldl_factor_ex", info)
    return named("linalg_ldl_factor_ex", "LD", "pivots", "info")(ld, pivots, info)


@composite("linalg_ldl_factor(Tensor self, *, bool hermitian=False, Tensor(a!)? out=None) "
           "-> (Tensor LD, Tensor pivots)")
def linalg_ldl_factor(self, *, hermitian=False):
    """L and D of a symmetric (or Hermitian) matrix in one, and pivots; what `ldl_solve` takes.

    A and LD (*, n, n), pivots (*, n), int32. Raises LinAlgError for a singular D, RuntimeError for
    matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.ldl_factor(torch.eye(2) * 3).LD
    tensor([[3., 0.],
            [0., 3.]])
    """
    ld, pivots, info = _ldl(self, hermitian)
    _check_ldl("torch.linalg.ldl_factor", info)
    return named("linalg_ldl_factor", "LD", "pivots")(ld, pivots)


@composite("linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False, "
           "Tensor(a!)? out=None) -> Tensor")
def linalg_ldl_solve(LD, pivots, B, *, hermitian=False):
    """X with AX = B from the LDL factors of A.

    LD (*, n, n), pivots (*, n), B and X (*, n, k). Raises RuntimeError for other shapes.

    >>> import facula as torch
    >>> LD, pivots = torch.linalg.ldl_factor(torch.eye(2) * 2)
    >>> torch.linalg.ldl_solve(LD, pivots, torch.ones(2, 1)).squeeze()
    tensor([0.5000, 0.5000])
    """
    name = "torch.linalg.ldl_solve"
    lapack.require_square(name, LD)
    lapack.require_floating(name, LD)
    if B.form.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected B to have at least 2 dimensions, but it has {B.form.ndim} "
            "dimensions instead"
        )
    if LD.form.shape[:-1] != pivots.form.shape:
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots.form.shape)} instead"
        )
    if pivots.form.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}: Expected pivots to be integers. Got {lapack.word(pivots)}"
        )
    if LD.form.dtype is not B.form.dtype:
        raise RuntimeError(
            f"{name}: LD dtype {lapack.word(LD)} does not match b dtype {lapack.word(B)}"
        )
    lapack.require_kernel("ldl_solve_kernel_cpu", LD)
    if LD.form.shape[-1] != B.form.shape[-2]:
        (m, n), (k, p) = LD.form.shape[-2:], B.form.shape[-2:]
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {m} by {n} but each b matrix "
            f"is {k} by {p}"
        )
    return lapack.ldl_solve(LD, pivots, B, hermitian)


# Where records stand that are no functions of torch itself.
for _name in ("lu_factors", "lu_solution"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# These gradients hold for complex matrices as they are written. Note [complex numbers].
for _one in (lu_factors, lu_solution):
    _one.conjugates = False
