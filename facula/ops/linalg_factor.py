"""Factorisations: QR and Householder's reflectors.

Values come from `launch/lapack.py`; each gradient names its source. Note [linear algebra].
"""

from facula.launch import lapack
from facula.launch.lapack import adjoint
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

    A (*, m, n), Q (*, m, k), R (*, k, n) with k = min(m, n), or m where it is complete. Raises
    RuntimeError for less than two dims or another mode.

    >>> import facula as torch
    >>> torch.linalg.qr(torch.eye(2)).R.shape
    torch.Size([2, 2])
    """
    return named("linalg_qr", "Q", "R")(*_qr(A, mode))


@composite("qr(Tensor self, bool some=True, *, Tensor(a!)? out=None) -> (Tensor Q, Tensor R)")
def qr(self, some=True):
    """The older form of linalg.qr: `some` is mode "reduced", otherwise "complete".

    self (*, m, n), Q (*, m, k), R (*, k, n) with k = min(m, n), or m where `some` is False.
    """
    return named("qr", "Q", "R")(*_qr(self, "reduced" if some else "complete"))


@composite("geqrf(Tensor self, *, Tensor(a!)? out=None) -> (Tensor a, Tensor tau)")
def geqrf(self):
    """R and, below it, the vectors of Householder's reflectors whose product is Q; their factors.

    self and a (*, m, n), tau (*, min(m, n)). Raises RuntimeError for less than two dims.

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

    input (*, m, n) with m >= n, tau (*, k) with k <= n, result (*, m, n). Raises RuntimeError for
    other shapes.

    >>> import facula as torch
    >>> torch.linalg.householder_product(*torch.geqrf(torch.eye(2))).abs()
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
    if 0 in (input.form.numel, tau.form.numel):
        return registry["no_reflection"].function(input, tau)
    v, t = _reflection(input, tau)
    one = registry["eye"].function(m, n, dtype=input.form.dtype)
    y = one - v.matmul(t.matmul(adjoint(v.narrow(-2, 0, n))))
    return registry["column_major"].function(y)


@composite("orgqr(Tensor self, Tensor input2, *, Tensor(a!)? out=None) -> Tensor")
def orgqr(self, input2):
    """Another name of linalg.householder_product.

    self (*, m, n), input2 (*, k), result (*, m, n). Raises RuntimeError for other shapes.
    """
    return linalg_householder_product.forward(self, input2)


@composite("ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, "
           "bool transpose=False, *, Tensor(a!)? out=None) -> Tensor")
def ormqr(self, input2, input3, left=True, transpose=False):
    """The product of the square Q of reflectors (self, input2) with input3, from the left or the
    right; with Q's conjugate transpose if wanted. Q is never formed.

    self (*, m, k), input2 (*, k), input3 and result (*, m, n), or (*, n, m) from the right. Raises
    RuntimeError for other shapes.

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


@operation("no_reflection(Tensor input, Tensor tau) -> Tensor")
def no_reflection(input, tau):
    """The first columns of the identity: the product of no reflectors."""
    one = registry["eye"].function(*input.form.shape[-2:], dtype=input.form.dtype)
    return registry["column_major"].function(one.expand(input.form.shape))


@no_reflection.gradient
def _(g):
    return None, None


@operation("column_major(Tensor self) -> Tensor")
def column_major(self):
    """A copy whose matrices lie column by column, as LAPACK leaves its results."""
    return lapack.tensor_of(lapack.array_of(self), columns=True)


column_major.node_name = "CloneBackward0"


@column_major.gradient
def _(g):
    return g


# Where records stand that are no functions of torch itself.
for _name in ("column_major", "no_reflection", "orthogonal_factors"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# This gradient holds for complex matrices as it is written. Note [complex numbers].
orthogonal_factors.conjugates = False
