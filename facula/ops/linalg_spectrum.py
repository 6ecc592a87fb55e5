"""Spectra: singular values, eigenvalues, and what is made of them (pinv, rank, least squares).

Values come from `launch/lapack.py`; each gradient names its source. Note [linear algebra].
"""

from facula.autograd.mode import mode
from facula.launch import lapack
from facula.launch.lapack import adjoint
from facula.meta import dtype as dtypes
from facula.op import composite, operation, registry
from facula.returns import named
from facula.tensor import Tensor


def _diagonal(values):
    return registry["diag_embed"].function(values)


def _recorded(x):
    """Whether a graph will want the vectors that go with the values of x."""
    return mode.enabled and x.needs_grad


# --- singular values -----------------------------------------------------------------------------


@operation("singular_factors(Tensor A, bool full_matrices) -> (Tensor, Tensor, Tensor)")
def singular_factors(A, full_matrices):
    """(U, S, Vh)."""
    return lapack.svd(A, full_matrices)


singular_factors.node_name = "LinalgSvdBackward0"


@singular_factors.gradient
def _(g, ys, A_form, full_matrices):
    """Townsend, "Differentiating the Singular Value Decomposition" (2016); for complex matrices the
    gauge of Wan and Zhang, "Automatic Differentiation for Complex Valued SVD" (2019)."""
    m, n = A_form.shape[-2:]
    k = min(m, n)
    u, s, vh = ys
    du, ds, dvh = g
    if full_matrices:
        u, vh = u.narrow(-1, 0, k), vh.narrow(-2, 0, k)
        du = None if du is None else du.narrow(-1, 0, k)
        dvh = None if dvh is None else dvh.narrow(-2, 0, k)
    if du is None and dvh is None:
        return (u * ds.unsqueeze(-2)).matmul(vh)
    v = adjoint(vh)
    row, column = s.unsqueeze(-2), s.unsqueeze(-1)
    # s_j^2 - s_i^2, and 1 on the diagonal, where the numerators are 0.
    one = registry["eye"].function(k, dtype=s.form.dtype)
    gaps = (row - column) * (row + column) + one
    inner = None
    if du is not None:
        turning = adjoint(u).matmul(du)
        inner = (turning - adjoint(turning)) / gaps * row
        if u.form.dtype.is_complex:
            inner = inner + _gauge(turning, s)
    if dvh is not None:
        turning = vh.matmul(adjoint(dvh))
        part = column * ((turning - adjoint(turning)) / gaps)
        inner = part if inner is None else inner + part
    if ds is not None:
        inner = inner + _diagonal(ds)
    whole = u.matmul(inner)
    if du is not None and m > k:
        outside = du / row
        whole = whole + (outside - u.matmul(adjoint(u).matmul(outside)))
    whole = whole.matmul(vh)
    if dvh is not None and n > k:
        outside = dvh / column
        whole = whole + u.matmul(outside - outside.matmul(v).matmul(vh))
    return whole


def _gauge(turning, s):
    """What a phase common to a pair of singular vectors gives the diagonal."""
    diagonal = turning.diagonal(0, -2, -1)
    return _diagonal((diagonal - diagonal.real) / s)


DRIVERS = ("gesvd", "gesvdj", "gesvda")


def _check_svd(A, driver):
    lapack.require_matrix("linalg.svd", A)
    lapack.require_floating("linalg.svd", A)
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
            "cuSOLVER backend."
        )
    lapack.require_kernel("linalg_svd_cpu", A)


@composite("linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None, "
           "Tensor(a!)? out=None) -> (Tensor U, Tensor S, Tensor Vh)")
def linalg_svd(A, full_matrices=True, *, driver=None):
    """A = U @ diag(S) @ Vh with orthonormal U and Vh and S falling.

    Without `full_matrices`, U and Vh have only the vectors that belong to a singular value.

    A (*, m, n), U (*, m, m), S (*, k) with k = min(m, n), real, Vh (*, n, n). Raises LinAlgError
    where the search for them does not end, RuntimeError for less than two dims.

    >>> import facula as torch
    >>> torch.linalg.svd(torch.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    _check_svd(A, driver)
    found = registry["singular_factors"].function(A, bool(full_matrices))
    return named("linalg_svd", "U", "S", "Vh")(*found)


@composite("linalg_svdvals(Tensor A, *, str? driver=None, Tensor(a!)? out=None) -> Tensor")
def linalg_svdvals(A, *, driver=None):
    """The singular values, the largest first.

    A (*, m, n), result (*, min(m, n)), real. Raises RuntimeError for less than two dims.

    >>> import facula as torch
    >>> torch.linalg.svdvals(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    _check_svd(A, driver)
    if _recorded(A):
        return registry["singular_factors"].function(A, False)[1]
    return lapack.svdvals(A)


@composite("svd(Tensor self, bool some=True, bool compute_uv=True, *, Tensor(a!)? out=None) "
           "-> (Tensor U, Tensor S, Tensor V)")
def svd(self, some=True, compute_uv=True):
    """The older form of linalg.svd: V instead of its conjugate transpose; zeros without
    `compute_uv`.

    self (*, m, n), U (*, m, k), S (*, k), V (*, n, k) with k = min(m, n), or square without `some`.
    Raises RuntimeError for less than two dims.
    """
    if self.form.ndim < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {self.form.ndim} "
            "dimensions instead"
        )
    made = named("svd", "U", "S", "V")
    if compute_uv:
        _check_svd(self, None)
        u, s, vh = registry["singular_factors"].function(self, not some)
        return made(u, s, adjoint(vh))
    s = linalg_svdvals.forward(self)
    lead, (m, n) = self.form.shape[:-2], self.form.shape[-2:]
    return made(self.new_zeros((*lead, m, m)), s, self.new_zeros((*lead, n, n)).mT)


# --- eigenvalues of symmetric matrices -----------------------------------------------------------


@operation("symmetric_spectrum(Tensor A, str UPLO) -> (Tensor, Tensor)")
def symmetric_spectrum(A, UPLO):
    """(eigenvalues, eigenvectors)."""
    return lapack.eigh(A, UPLO)


symmetric_spectrum.node_name = "LinalgEighBackward0"


@symmetric_spectrum.gradient
def _(g, ys):
    """Giles, "Collected Matrix Derivative Results" (2008), section 3.1, of vectors that are
    orthonormal."""
    (values, v), (dvalues, dv) = ys, g
    turned = adjoint(v)
    if dv is None:
        return (v * dvalues.unsqueeze(-2)).matmul(turned)
    one = registry["eye"].function(values.form.shape[-1], dtype=values.form.dtype)
    gaps = values.unsqueeze(-2) - values.unsqueeze(-1) + one
    inner = turned.matmul(dv) / gaps
    diagonal = inner.diagonal(0, -2, -1)
    wanted = 0 * diagonal if dvalues is None else dvalues
    inner = inner + _diagonal(wanted - diagonal)
    whole = v.matmul(inner).matmul(turned)
    # Both triangles share what one of them was read for, as in torch.
    return (whole + adjoint(whole)) * 0.5


def _check_eigh(self, UPLO):
    lapack.require_square("linalg.eigh", self)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    lapack.require_kernel("linalg_eigh_cpu", self)
    return UPLO.upper()


@composite('linalg_eigh(Tensor self, str UPLO="L", *, Tensor(a!)? out=None) '
           "-> (Tensor eigenvalues, Tensor eigenvectors)")
def linalg_eigh(self, UPLO="L"):
    """Eigenvalues, rising, and orthonormal eigenvectors of symmetric (or Hermitian) matrices.

    Only the lower triangle is read, or the upper one.

    A (*, n, n), eigenvalues (*, n), real, eigenvectors (*, n, n) in columns. Raises RuntimeError
    for matrices that are not square or another letter than L or U.

    >>> import facula as torch
    >>> torch.linalg.eigh(torch.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    found = registry["symmetric_spectrum"].function(self, _check_eigh(self, UPLO))
    return named("linalg_eigh", "eigenvalues", "eigenvectors")(*found)


@composite('linalg_eigvalsh(Tensor self, str UPLO="L", *, Tensor(a!)? out=None) -> Tensor')
def linalg_eigvalsh(self, UPLO="L"):
    """The eigenvalues of symmetric (or Hermitian) matrices, rising.

    A (*, n, n), result (*, n), real. Raises RuntimeError for matrices that are not square.

    >>> import facula as torch
    >>> torch.linalg.eigvalsh(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    triangle = _check_eigh(self, UPLO)
    if _recorded(self):
        return registry["symmetric_spectrum"].function(self, triangle)[0]
    return lapack.eigvalsh(self, triangle)


# --- eigenvalues of any matrix -------------------------------------------------------------------


@operation("spectrum(Tensor A) -> (Tensor, Tensor)")
def spectrum(A):
    """(eigenvalues, eigenvectors), both complex."""
    return lapack.eig(A, "linalg.eig")


spectrum.node_name = "LinalgEigBackward0"


@spectrum.gradient
def _(g, ys, A_form):
    """Boeddeker et al., "On the Computation of Complex-valued Gradients with Application to
    Statistically Optimum Beamforming" (2017), of eigenvectors of length one, whose phase a loss
    must not feel."""
    (values, v), (dvalues, dv) = ys, g
    turned = adjoint(v)
    if dv is None:
        middle = dvalues.unsqueeze(-1) * turned
    else:
        inner = turned.matmul(dv)
        lengths = inner.diagonal(0, -2, -1)
        _check_phase(lengths, dv)
        inner = inner - turned.matmul(v) * lengths.real.unsqueeze(-2)
        one = registry["eye"].function(values.form.shape[-1], dtype=values.form.dtype)
        gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
        inner = inner / (gaps.conj() + one)
        diagonal = inner.diagonal(0, -2, -1)
        inner = inner + _diagonal(-diagonal if dvalues is None else dvalues - diagonal)
        middle = inner.matmul(turned)
    found = registry["solve_matrices"].function(turned, middle)[0]
    return found if A_form.dtype.is_complex else found.real


def _check_phase(lengths, dv):
    """A loss that the phase of eigenvectors moves has no gradient; rounding may look like one."""
    if lengths.form.numel == 0:
        return
    turn = lengths.detach().imag.abs().max().item()
    if turn > 1e-2 * max(1.0, lengths.detach().abs().max().item()):
        raise RuntimeError(
            "linalg_eig_backward: The eigenvectors in the complex case are specified up to "
            "multiplication by e^{i phi}. The specified loss function depends on this quantity, so "
            "it is ill-defined."
        )


def _check_eig(name, A):
    lapack.require_square(name, A)
    kind = A.form.dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError(f"Unknown Complex ScalarType for {lapack.word(A)}")
    lapack.require_kernel("linalg_eig_out_cpu", A)


@composite("linalg_eig(Tensor self, *, Tensor(a!)? out=None) "
           "-> (Tensor eigenvalues, Tensor eigenvectors)")
def linalg_eig(self):
    """Eigenvalues, in no order, and eigenvectors of length one; both complex.

    A (*, n, n), eigenvalues (*, n), eigenvectors (*, n, n) in columns. Raises LinAlgError where the
    search for them does not end, RuntimeError for matrices that are not square or not finite.

    >>> import facula as torch
    >>> torch.linalg.eig(torch.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([2.+0.j, 1.+0.j])
    """
    _check_eig("linalg.eig", self)
    found = registry["spectrum"].function(self)
    return named("linalg_eig", "eigenvalues", "eigenvectors")(*found)


@composite("linalg_eigvals(Tensor self, *, Tensor(a!)? out=None) -> Tensor")
def linalg_eigvals(self):
    """The eigenvalues of square matrices, complex, in no order.

    A (*, n, n), result (*, n). Raises RuntimeError for matrices that are not square or not finite.

    >>> import facula as torch
    >>> torch.linalg.eigvals(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([2.+0.j, 1.+0.j])
    """
    _check_eig("linalg.eigvals", self)
    if _recorded(self):
        return registry["spectrum"].function(self)[0]
    return lapack.eigvals(self, "linalg.eigvals")


# --- thresholds ----------------------------------------------------------------------------------


def _tolerances(name, self, atol, rtol):
    """(atol, rtol) as tensors on the matrices' leading dims, with torch's defaults."""
    real = self.form.dtype

    def tensor(value):
        if isinstance(value, Tensor):
            if value.form.dtype.is_complex:
                raise RuntimeError(f"{name}: tolerance tensor of complex type is not supported.")
            return value
        kind = dtypes.float64 if real.itemsize == 8 and not real.is_complex else dtypes.float32
        kind = dtypes.float64 if real.itemsize == 16 else kind
        return registry["tensor"].function(float(value), dtype=kind)

    given = atol is not None
    atol = tensor(0.0 if atol is None else atol)
    if rtol is None:
        size = max(self.form.shape[-2:])
        rtol = tensor(dtypes.finfo(real).eps * size)
        # A given absolute bound stands alone.
        if given:
            rtol = registry["where"].function(atol > 0, rtol.new_zeros(()), rtol)
    else:
        rtol = tensor(rtol)
    return atol, rtol


def _bound(atol, rtol, largest):
    """max(atol, rtol * the largest value), one a matrix."""
    return registry["maximum"].function(atol.unsqueeze(-1), rtol.unsqueeze(-1) * largest)


@composite((
    "linalg_matrix_rank.tol_tensor(Tensor self, Tensor tol, bool hermitian=False, *, "
    "Tensor(a!)? out=None) -> Tensor",
    "linalg_matrix_rank(Tensor self, float tol, bool hermitian=False, *, Tensor(a!)? out=None) "
    "-> Tensor",
    "linalg_matrix_rank.atol_rtol_tensor(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, "
    "bool hermitian=False, Tensor(a!)? out=None) -> Tensor",
    "linalg_matrix_rank.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, "
    "bool hermitian=False, Tensor(a!)? out=None) -> Tensor",
))
def linalg_matrix_rank(input, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values are above max(atol, rtol * the largest one).

    A (*, m, n), result (*), int64. With `hermitian` A must be so, and sizes of eigenvalues take the
    place of singular values. Raises RuntimeError for less than two dims.

    >>> import facula as torch
    >>> torch.linalg.matrix_rank(torch.ones(3, 3))
    tensor(1)
    """
    name = "torch.linalg.matrix_rank"
    lapack.require_matrix(name, input, "input")
    if tol is not None:
        atol, rtol = tol, 0.0
    x = input.detach()
    _check_double(x)
    atol, rtol = _tolerances(name, x, atol, rtol)
    lead = x.form.shape[:-2]
    if x.form.numel == 0:
        return x.new_zeros(lead, dtype=dtypes.int64)
    if hermitian:
        lapack.require_square(name, x)
        values = linalg_eigvalsh.forward(x).abs()
        largest = values.amax(-1, keepdim=True)
    else:
        values = linalg_svdvals.forward(x)
        largest = values.narrow(-1, 0, 1)
    return (values > _bound(atol, rtol, largest)).sum(-1)


def _check_double(x):
    if x.form.dtype.itemsize == 2 or not (
        x.form.dtype.is_floating_point or x.form.dtype.is_complex
    ):
        raise RuntimeError("This function doesn't handle types other than float and double")


# --- the pseudo-inverse --------------------------------------------------------------------------


@operation("pseudo_inverse(Tensor A, Tensor atol, Tensor rtol, bool hermitian) -> Tensor")
def pseudo_inverse(A, atol, rtol, hermitian):
    """Through the SVD, or the spectrum of a Hermitian matrix."""
    where = registry["where"].function
    if hermitian:
        values, vectors = lapack.eigh(A, "L")
        sizes = values.abs()
        bound = _bound(atol, rtol, sizes.amax(-1, keepdim=True))
        inverses = where(sizes > bound, values.reciprocal(), values.new_zeros(()))
        return (vectors * inverses.unsqueeze(-2)).matmul(adjoint(vectors))
    u, s, vh = lapack.svd(A, False)
    bound = _bound(atol, rtol, s.narrow(-1, 0, 1))
    inverses = where(s > bound, s.reciprocal(), s.new_zeros(()))
    return (adjoint(vh) * inverses.unsqueeze(-2)).matmul(adjoint(u))


pseudo_inverse.node_name = "LinalgPinvBackward0"


@pseudo_inverse.gradient
def _(g, y, A):
    return _pinv_gradient(g, y, A), None, None


def _pinv_gradient(g, p, a):
    """Golub and Pereyra, "The Differentiation of Pseudo-Inverses and Nonlinear Least Squares
    Problems Whose Variables Separate" (1973)."""
    # -P^H G P^H + (I - A P) G^H P P^H + P^H P G^H (I - P A)
    turned, dt = adjoint(p), adjoint(g)
    first = turned.matmul(g).matmul(turned)
    second = (dt - a.matmul(p.matmul(dt))).matmul(p).matmul(turned)
    third = turned.matmul(p).matmul(dt - dt.matmul(p).matmul(a))
    return second + third - first


@composite((
    "linalg_pinv.rcond_tensor(Tensor self, Tensor rcond, bool hermitian=False, *, "
    "Tensor(a!)? out=None) -> Tensor",
    "linalg_pinv(Tensor self, float rcond, bool hermitian=False, *, Tensor(a!)? out=None) "
    "-> Tensor",
    "linalg_pinv.atol_rtol_tensor(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, "
    "bool hermitian=False, Tensor(a!)? out=None) -> Tensor",
    "linalg_pinv.atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, "
    "bool hermitian=False, Tensor(a!)? out=None) -> Tensor",
))
def linalg_pinv(self, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """Moore and Penrose's pseudo-inverse; singular values up to max(atol, rtol * the largest)
    count as 0.

    A (*, m, n), result (*, n, m). Raises RuntimeError for less than two dims.

    >>> import facula as torch
    >>> torch.linalg.pinv(torch.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    kind = self.form.dtype
    if self.form.ndim < 2 or kind.itemsize == 2 or not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError(
            f"linalg.pinv({lapack.word(self)}{{{list(self.form.shape)}}}): expected a tensor with "
            "2 or more dimensions of float, double, cfloat or cdouble types"
        )
    if rcond is not None:
        if rtol is not None:
            raise RuntimeError("linalg.pinv: only one of rcond and rtol may be given")
        atol, rtol = 0.0, rcond
    if hermitian:
        lapack.require_square("linalg.pinv", self)
    atol, rtol = _tolerances("torch.linalg.pinv", self, atol, rtol)
    if self.form.numel == 0:
        lead, (m, n) = self.form.shape[:-2], self.form.shape[-2:]
        return self.mT.expand((*lead, n, m)).clone() if self.needs_grad else self.new_empty(
            (*lead, n, m))  # fmt: skip
    return registry["pseudo_inverse"].function(self, atol, rtol, hermitian)


@composite("pinverse(Tensor self, float rcond=1e-15) -> Tensor")
def pinverse(self, rcond=1e-15):
    """The older form of linalg.pinv.

    self (*, m, n), result (*, n, m). Raises RuntimeError for less than two dims.
    """
    return linalg_pinv.forward(self, rcond)


# Where records stand that are no functions of torch itself.
for _name in ("pseudo_inverse", "singular_factors", "spectrum", "symmetric_spectrum"):
    registry[_name].namespace = "internal"
    registry[_name].method = False

# These gradients hold for complex matrices as they are written. Note [complex numbers].
for _one in (
    singular_factors, symmetric_spectrum, pseudo_inverse, spectrum,
):  # fmt: skip
    _one.conjugates = False
