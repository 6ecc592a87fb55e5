"""Factorisations: QR and Householder's reflectors, LU, LDL.

Values come from `launch/lapack.py`; each gradient names its source. Note [linear algebra].
"""

from facula.launch import lapack
from facula.launch.lapack import adjoint
from facula.meta import dtype as dtypes
from facula.meta.shape import broadcast_shapes
from facula.op import composite, operation, registry
from facula.returns import named

# --- QR ------------------------------------------------------------------------------------------


@operation("orthogonal_factors(Tensor A, str mode) -> (Tensor, Tensor)")
def orthogonal_factors(A, mode):
    """(Q, R)."""
    return lapack.qr(A, mode)


orthogonal_factors.node_name = "LinalgQrBackward0"


@orthogonal_factors.gradient
def _(g, ys, A_form, mode):
    """Seeger et al., "Auto-Differentiating Linear Algebra" (2017) for tall matrices; for wide ones
    Roberts and Roberts, "QR and LQ Decomposition Matrix Backpropagation Algorithms for Square,
    Wide, and Deep Matrices" (2020): the columns beyond the square are Q times columns of R."""
    m, n = A_form.shape[-2:]
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please "
            "use linalg.qr(A, mode='reduced') if you are going to require gradients."
        )
    if mode == "complete" and m > n:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
        )
    (q, r), (dq, dr) = ys, g
    dq = q * 0 if dq is None else dq
    dr = r * 0 if dr is None else dr
    if m >= n:
        return _tall_gradient(q, r, dq, dr)
    first, rest = r.narrow(-1, 0, m), dr.narrow(-1, m, n - m)
    # A[:, m:] = Q @ R[:, m:], so R's part there passes on to Q.
    through = _rest(q, r, m, n).matmul(adjoint(rest))
    square = _tall_gradient(q, first, dq + through, dr.narrow(-1, 0, m))
    return registry["cat"].function([square, q.matmul(rest)], -1)


def _rest(q, r, m, n):
    """The columns of A beyond the square, which are Q @ R there."""
    return q.matmul(r.narrow(-1, m, n - m))


def _tall_gradient(q, r, dq, dr):
    inner = r.matmul(adjoint(dr)) - adjoint(dq).matmul(q)
    below = inner.tril(-1)
    diagonal = inner.diagonal(0, -2, -1)
    if diagonal.form.dtype.is_complex:
        diagonal = diagonal.real.to(diagonal.form.dtype)
    middle = below + adjoint(below) + registry["diag_embed"].function(diagonal)
    whole = dq + q.matmul(middle)
    # whole @ R^-H
    turned = adjoint(r)
    return registry["solve_triangle"].function(turned.mT, whole.mT, True).mT


def _qr(A, mode):
    lapack.require_matrix("linalg.qr", A)
    lapack.require_floating("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    lapack.require_kernel("geqrf_cpu", A)
    return registry["orthogonal_factors"].function(A, mode)


@composite('linalg_qr(Tensor A, str mode="reduced", *, Tensor(a!)? out=None) '
           "-> (Tensor Q, Tensor R)")
def linalg_qr(A, mode="reduced"):
    """A = Q @ R with orthonormal columns of Q and upper triangular R.

    `mode` "reduced" gives Q as many columns as the smaller size, "complete" makes it square, "r"
    leaves it out.

    >>> import facula as torch
    >>> torch.linalg.qr(torch.eye(2)).R.shape
    torch.Size([2, 2])
    """
    return named("linalg_qr", "Q", "R")(*_qr(A, mode))


@composite("qr(Tensor self, bool some=True, *, Tensor(a!)? out=None) -> (Tensor Q, Tensor R)")
def qr(self, some=True):
    """The older form of linalg.qr: `some` is mode "reduced", otherwise "complete"."""
    return named("qr", "Q", "R")(*_qr(self, "reduced" if some else "complete"))


@composite("geqrf(Tensor self, *, Tensor(a!)? out=None) -> (Tensor a, Tensor tau)")
def geqrf(self):
    """R and, below it, the vectors of Householder's reflectors whose product is Q; their factors.

    >>> import facula as torch
    >>> torch.geqrf(torch.eye(2)).tau
    tensor([0., 0.])
    """
    if self.form.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    lapack.require_kernel("geqrf_cpu", self)
    return named("geqrf", "a", "tau")(*lapack.reflectors(self))


# --- reflectors ----------------------------------------------------------------------------------


def _reflection(vectors, tau):
    """(V, T) with H_1 ... H_k = I - V @ T @ V^H, from reflectors as geqrf leaves them.

    T^-1 is the upper triangle of V^H @ V with 1 / tau on the diagonal (Puglisi, "Modification of
    the Householder Method Based on the Compact WY Representation", 1992).
    """
    m, k = vectors.form.shape[-2], tau.form.shape[-1]
    one = registry["eye"].function(m, k, dtype=vectors.form.dtype)
    v = vectors.narrow(-1, 0, k).tril(-1) + one
    scaled = tau.unsqueeze(-1) * adjoint(v).matmul(v).triu(1)
    diagonal = registry["diag_embed"].function(tau)
    lead = broadcast_shapes(scaled.form.shape[:-2], diagonal.form.shape[:-2])
    shape = (*lead, k, k)
    return v, registry["solve_triangle"].function(
        scaled.expand(shape), diagonal.expand(shape), True, True
    )


def _check_reflectors(name, kernel, vectors, tau):
    if vectors.form.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if vectors.form.ndim - tau.form.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal "
            f"to {tau.form.ndim} and input.ndim is equal to {vectors.form.ndim}"
        )
    if vectors.form.ndim > 2 and tau.form.shape[:-1] != vectors.form.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
            f"{list(tau.form.shape[:-1])}"
        )
    if tau.form.dtype is not vectors.form.dtype:
        raise RuntimeError(
            f"{name}: tau dtype {lapack.word(tau)} does not match input dtype "
            f"{lapack.word(vectors)}"
        )


@composite("linalg_householder_product(Tensor input, Tensor tau, *, Tensor(a!)? out=None) "
           "-> Tensor")
def linalg_householder_product(input, tau):
    """The first columns of the product of reflectors that geqrf gave: Q of the QR decomposition.

    >>> import facula as torch
    >>> torch.linalg.householder_product(*torch.geqrf(torch.eye(2)))
    tensor([[1., 0.],
            [0., 1.]])
    """
    name = "torch.linalg.householder_product"
    if input.form.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    m, n = input.form.shape[-2:]
    if m < n:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if tau.form.ndim and n < tau.form.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    _check_reflectors(name, "orgqr_cpu", input, tau)
    lapack.require_kernel("orgqr_cpu", input)
    v, t = _reflection(input, tau)
    one = registry["eye"].function(m, n, dtype=input.form.dtype)
    y = one - v.matmul(t.matmul(adjoint(v.narrow(-2, 0, n))))
    return registry["column_major"].function(y)


@composite("orgqr(Tensor self, Tensor input2, *, Tensor(a!)? out=None) -> Tensor")
def orgqr(self, input2):
    """Another name of linalg.householder_product."""
    return linalg_householder_product.forward(self, input2)


@composite("ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, "
           "bool transpose=False, *, Tensor(a!)? out=None) -> Tensor")
def ormqr(self, input2, input3, left=True, transpose=False):
    """The product of the square Q of reflectors (self, input2) with input3, from the left or the
    right; with Q's conjugate transpose if wanted. Q is never formed.

    >>> import facula as torch
    >>> a, tau = torch.geqrf(torch.eye(2))
    >>> torch.ormqr(a, tau, torch.ones(2, 1)).shape
    torch.Size([2, 1])
    """
    name = "torch.ormqr"
    if self.form.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if input3.form.ndim < 2:
        raise RuntimeError(f"{name}: other must have at least 2 dimensions.")
    side = -2 if left else -1
    if input3.form.shape[side] < input2.form.shape[-1]:
        raise RuntimeError(
            f"{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
        )
    if input3.form.shape[side] != self.form.shape[-2]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be equal to input.shape[-2]")
    smaller = min(input3.form.shape[side], self.form.shape[-1])
    if input2.form.shape[-1] != smaller:
        raise RuntimeError(
            f"{name}: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])"
        )
    _check_reflectors(name, "ormqr_cpu", self, input2)
    if self.form.ndim != input3.form.ndim:
        raise RuntimeError(
            f"{name}: Expected other to have the same number of dimensions as input, but got "
            f"other.ndim equal to {input3.form.ndim} and input.ndim is equal to {self.form.ndim}"
        )
    if input3.form.dtype is not self.form.dtype:
        raise RuntimeError(
            f"{name}: other dtype {lapack.word(input3)} does not match input dtype "
            f"{lapack.word(self)}"
        )
    lapack.require_kernel("ormqr_cpu", self)
    v, t = _reflection(self, input2)
    turn = adjoint(t) if transpose else t
    if left:
        y = input3 - v.matmul(turn.matmul(adjoint(v).matmul(input3)))
    else:
        y = input3 - input3.matmul(v).matmul(turn).matmul(adjoint(v))
    return registry["column_major"].function(y)


@operation("column_major(Tensor self) -> Tensor")
def column_major(self):
    """A copy whose matrices lie column by column, as LAPACK leaves its results."""
    return lapack.tensor_of(lapack.array_of(self), columns=True)


column_major.node_name = "CloneBackward0"


@column_major.gradient
def _(g):
    return g


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
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
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
    """The older form of linalg.lu_factor; `get_infos` adds info instead of raising an error."""
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
    """The older form of linalg.lu_solve, right-hand sides first."""
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
for _name in ("column_major", "lu_factors", "lu_solution", "orthogonal_factors"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# These gradients hold for complex matrices as they are written. Note [complex numbers].
for _one in (
    orthogonal_factors, lu_factors, lu_solution,
):  # fmt: skip
    _one.conjugates = False
