"""NumPy's linear algebra on tensors: arrays of their memory in, new tensors out. No graph here.

Results of factorisations lie column by column, as LAPACK leaves them and PyTorch shows them.
Failures become LinAlgError in PyTorch's words. Note [linear algebra].
"""

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from facula.dispatch import dtype_word
from facula.errors import LinAlgError
from facula.form import form_of
from facula.late import Late
from facula.launch import triangular
from facula.launch.exponential import exponential
from facula.meta.dtype import int32, of_numpy
from facula.meta.matrix import by_columns, check_floating, check_kernel, check_matrix, check_square
from facula.tensor import Tensor, allocate, wrap

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")


# --- between tensors and arrays ------------------------------------------------------------------


def array_of(tensor: Tensor) -> "np.ndarray":
    """The tensor's memory as an array, for as long as the tensor is there: `numpy()` makes one that
    keeps the memory, in three times the time."""
    form = tensor.form
    if form.lazy:
        return tensor.detach().resolve_conj().numpy()
    if not form.dense or not form.numel:
        return tensor.detach().numpy()
    memory: Any = (ctypes.c_char * form.nbytes).from_address(tensor.address)
    if form.contiguous:
        return np.ndarray(form.shape, form.dtype.numpy, memory)
    size = form.itemsize
    return np.ndarray(form.shape, form.dtype.numpy, memory, 0, [s * size for s in form.strides])


def zeros_of(shape: tuple[int, ...]) -> Tensor:
    """The info of matrices none of which failed."""
    y = allocate(form_of(int32, shape))
    ctypes.memset(y.address, 0, y.form.nbytes)
    return y


def tensor_of(array: "np.ndarray", columns: bool = False) -> Tensor:
    """A new tensor with the array's elements; its matrices column by column if wanted."""
    strides = by_columns(array.shape) if columns else None
    y = allocate(form_of(of_numpy(array.dtype), array.shape, strides))
    if y.form.numel:
        array_of(y)[...] = array
    return y


def adjoint(x: Tensor) -> Tensor:
    """The conjugate transpose of the last two dims."""
    return conjugate(x.transpose(-2, -1))


def conjugate(x: Tensor) -> Tensor:
    """The complex conjugate; real tensors are their own."""
    return x.conj() if x.form.dtype.is_complex else x


# --- checks --------------------------------------------------------------------------------------


def word(x: Tensor) -> str:
    return dtype_word(x.form.dtype)


def require_floating(name: str, x: Tensor, low: bool = True) -> None:
    kind = x.form.dtype
    if not (kind.is_floating_point or kind.is_complex) or (kind.itemsize == 2 and not low):
        check_floating(name, kind, word(x), low)


def require_matrix(name: str, x: Tensor, argument: str = "A") -> None:
    check_matrix(name, x.form.shape, argument)


def require_square(name: str, x: Tensor, argument: str = "A") -> None:
    check_square(name, x.form.shape, argument)


def require_kernel(name: str, x: Tensor) -> None:
    kind = x.form.dtype
    if not (kind.is_floating_point or kind.is_complex) or kind.itemsize == 2:
        check_kernel(name, kind, word(x))


def place_of(info: "np.ndarray") -> tuple[str, int]:
    """Where in a batch the first failure is, as messages begin, and its number."""
    flat = info.reshape(-1)
    first = int((flat != 0).argmax())
    return (f"(Batch element {first}): " if info.ndim else ""), int(flat[first])


def raise_for(info: Tensor, text: Callable[[str, int], str]) -> None:
    """Raises LinAlgError if some matrix failed; `text` takes the place and the number."""
    if not any((ctypes.c_char * info.form.nbytes).from_address(info.address).raw):
        return
    found = array_of(info)
    if found.any():
        raise LinAlgError(text(*place_of(found)))


# --- solutions -----------------------------------------------------------------------------------


def solve(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """(x, info) with a @ x = b; info says where the first zero on the diagonal of U is."""
    left, right = array_of(a), array_of(b)
    try:
        return tensor_of(np.linalg.solve(left, right), columns=True), zeros_of(left.shape[:-2])
    except np.linalg.LinAlgError:
        lu, pivots, info = triangular.lu_factor(left)
        found = triangular.lu_solve(lu, pivots, right)
    return tensor_of(found, columns=True), tensor_of(info)


def inverse(a: Tensor) -> tuple[Tensor, Tensor]:
    """(inverse, info), as `solve` of the identity."""
    values = array_of(a)
    try:
        return tensor_of(np.linalg.inv(values), columns=True), zeros_of(values.shape[:-2])
    except np.linalg.LinAlgError:
        lu, pivots, info = triangular.lu_factor(values)
        one = np.eye(values.shape[-1], dtype=values.dtype)
        found = triangular.lu_solve(lu, pivots, one)
    return tensor_of(found, columns=True), tensor_of(info)


def solve_triangular(a: Tensor, b: Tensor, upper: bool, unit: bool, columns: bool) -> Tensor:
    """x with a @ x = b where only one triangle of `a` is read; column by column if wanted."""
    one = triangular.solve_upper if upper else triangular.solve_lower
    left, right = array_of(a), array_of(b)
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    shape = (*lead, *right.shape[-2:])
    return tensor_of(np.broadcast_to(one(left, right, unit), shape), columns)


# --- factors -------------------------------------------------------------------------------------


def cholesky(a: Tensor, upper: bool) -> tuple[Tensor, Tensor]:
    """(factor, info); info is the order of the first leading minor that is not positive."""
    values = array_of(a)
    values = np.swapaxes(values, -2, -1).conj() if upper else values
    info: np.ndarray | None = None
    try:
        factor = np.linalg.cholesky(values)
        whole = not np.isnan(np.diagonal(factor, axis1=-2, axis2=-1)).any()
    except np.linalg.LinAlgError:
        whole = False
    if not whole:
        factor, info = _cholesky_until(values)
    factor = np.swapaxes(factor, -2, -1).conj() if upper else factor
    told = zeros_of(values.shape[:-2]) if info is None else tensor_of(info)
    return tensor_of(factor, columns=True), told


def _cholesky_until(values: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Column by column, for batches in which a matrix is not positive-definite: as far as it goes.

    NumPy says only that there is one.
    """
    n = values.shape[-1]
    factor = np.tril(values)
    info = np.zeros(values.shape[:-2], np.int32)
    with np.errstate(all="ignore"):
        for j in range(n):
            pivot = factor[..., j, j].real
            failed = ~(pivot > 0)
            info[...] = np.where((info == 0) & failed, j + 1, info)
            going = (info == 0)[..., None]
            root = np.sqrt(np.where(going[..., 0], pivot, 1))
            column = factor[..., j:, j] / root[..., None]
            factor[..., j:, j] = np.where(going, column, factor[..., j:, j])
            rest = factor[..., j + 1 :, j]
            product = rest[..., :, None] * rest[..., None, :].conj()
            factor[..., j + 1 :, j + 1 :] -= np.where(going[..., None], np.tril(product), 0)
    return factor, info


def inverse_from_cholesky(factor: Tensor, upper: bool) -> Tensor:
    """The inverse of the matrix that this is Cholesky's factor of."""
    values = array_of(factor)
    one = np.eye(values.shape[-1], dtype=values.dtype)
    half = (triangular.solve_upper if upper else triangular.solve_lower)(values, one)
    turned = np.swapaxes(half, -2, -1).conj()
    found = np.matmul(half, turned) if upper else np.matmul(turned, half)
    return tensor_of(found, columns=True)


def lu_factor(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(LU, pivots, info), as LAPACK's getrf."""
    lu, pivots, info = triangular.lu_factor(array_of(a))
    return tensor_of(lu, columns=True), tensor_of(pivots), tensor_of(info)


def lu_solve(lu: Tensor, pivots: Tensor, b: Tensor, adjoint: bool = False) -> Tensor:
    """x with A @ x = b, or A^H @ x = b, from the factors of A."""
    found = triangular.lu_solve(array_of(lu), array_of(pivots), array_of(b), adjoint)
    return tensor_of(found, columns=True)


def pivot_matrix(pivots: Tensor, rows: int, like: Tensor) -> Tensor:
    """P of A = P @ L @ U, in the dtype of `like`."""
    order = triangular.permutation(array_of(pivots), rows)
    found = np.zeros((*order.shape, rows), like.form.dtype.numpy)
    np.put_along_axis(found, order[..., None, :], 1, -2)
    return tensor_of(found)


def ldl_factor(a: Tensor, hermitian: bool) -> tuple[Tensor, Tensor, Tensor]:
    """(LD, pivots, info), as LAPACK's sytrf of the lower triangle."""
    ld, pivots, info = triangular.ldl_factor(array_of(a), hermitian)
    return tensor_of(ld, columns=True), tensor_of(pivots), tensor_of(info)


def ldl_solve(ld: Tensor, pivots: Tensor, b: Tensor, hermitian: bool) -> Tensor:
    """x with A @ x = b from the LDL factors of A."""
    found = triangular.ldl_solve(array_of(ld), array_of(pivots), array_of(b), hermitian)
    return tensor_of(found, columns=True)


def qr(a: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """(Q, R); Q is empty for mode "r"."""
    if mode == "r":
        r: np.ndarray = np.linalg.qr(array_of(a), "r")  # type: ignore[assignment]
        return tensor_of(np.empty(0, r.dtype)), tensor_of(r, columns=True)
    q, r = np.linalg.qr(array_of(a), mode)  # type: ignore[call-overload]
    return tensor_of(q, columns=True), tensor_of(r, columns=True)


def reflectors(a: Tensor) -> tuple[Tensor, Tensor]:
    """(a, tau): Householder's vectors below R, and their factors, as LAPACK's geqrf."""
    values, tau = np.linalg.qr(array_of(a), "raw")
    return tensor_of(np.swapaxes(values, -2, -1), columns=True), tensor_of(tau)


# --- spectra -------------------------------------------------------------------------------------


def _finite(name: str, values: "np.ndarray") -> None:
    """LAPACK's iterations end nowhere on values that are not finite; PyTorch says so."""
    if not np.isfinite(values).all():
        info = (~np.isfinite(values)).any((-2, -1))
        raise LinAlgError(
            f"{name}: {place_of(np.asarray(info))[0]}The algorithm failed to converge because the "
            "input matrix contained non-finite values."
        )


def _converged(name: str, run: Callable[[], Any]) -> Any:
    try:
        return run()
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"{name}: The algorithm failed to converge because the input matrix is ill-conditioned "
            "or has too many repeated singular values."
        ) from None


def svd(a: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, Vh)."""
    values = array_of(a)
    _finite("linalg.svd", values)
    u, s, vh = _converged("linalg.svd", lambda: np.linalg.svd(values, full_matrices))
    return tensor_of(u, columns=True), tensor_of(s), tensor_of(vh, columns=True)


def svdvals(a: Tensor) -> Tensor:
    """The singular values alone."""
    values = array_of(a)
    _finite("linalg.svd", values)
    return tensor_of(_converged("linalg.svd", lambda: np.linalg.svd(values, compute_uv=False)))


def _not_symmetric_enough(values: "np.ndarray") -> None:
    if not np.isfinite(values).all():
        info = (~np.isfinite(values)).any((-2, -1))
        raise LinAlgError(
            f"linalg.eigh: {place_of(np.asarray(info))[0]}The algorithm failed to converge because "
            "the input matrix is ill-conditioned or has too many repeated eigenvalues (error code: "
            "1)."
        )


def eigh(a: Tensor, triangle: str) -> tuple[Tensor, Tensor]:
    """(eigenvalues, eigenvectors) of a symmetric or Hermitian matrix, from one triangle."""
    values = array_of(a)
    _not_symmetric_enough(values)
    found, vectors = _converged(
        "linalg.eigh", lambda: np.linalg.eigh(values, cast("Any", triangle))
    )
    return tensor_of(found), tensor_of(vectors, columns=True)


def eigvalsh(a: Tensor, triangle: str) -> Tensor:
    """The eigenvalues alone."""
    values = array_of(a)
    _not_symmetric_enough(values)
    return tensor_of(
        _converged("linalg.eigh", lambda: np.linalg.eigvalsh(values, cast("Any", triangle)))
    )


def eig(a: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """(eigenvalues, eigenvectors) of any square matrix, complex even where all are real."""
    values = array_of(a)
    _no_infinities(values)
    found, vectors = _converged(name, lambda: np.linalg.eig(values))
    kind = np.result_type(values.dtype, np.complex64)
    return tensor_of(found.astype(kind)), tensor_of(vectors.astype(kind), columns=True)


def eigvals(a: Tensor, name: str) -> Tensor:
    """The eigenvalues alone."""
    values = array_of(a)
    _no_infinities(values)
    found = _converged(name, lambda: np.linalg.eigvals(values))
    return tensor_of(found.astype(np.result_type(values.dtype, np.complex64)))


def _no_infinities(values: "np.ndarray") -> None:
    if not np.isfinite(values).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")


def determinant(a: Tensor) -> Tensor:
    """The determinants."""
    with np.errstate(all="ignore"):
        return tensor_of(np.asarray(np.linalg.det(array_of(a))))


def log_determinant(a: Tensor) -> tuple[Tensor, Tensor]:
    """(sign, logarithm of the size) of the determinants."""
    with np.errstate(all="ignore"):
        sign, size = np.linalg.slogdet(array_of(a))
    return tensor_of(np.asarray(sign)), tensor_of(np.asarray(size))


# --- functions of matrices, least squares --------------------------------------------------------


def matrix_exp(a: Tensor) -> Tensor:
    """The exponential of each matrix."""
    return tensor_of(exponential(array_of(a)))


def least_squares(
    a: Tensor, b: Tensor, rcond: float, driver: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(solution, residuals, rank, singular values) of a @ x = b: the shortest x of least error.

    Driver "gels" trusts the matrices to have full rank and takes their QR factors; all others go
    through the SVD, where singular values up to rcond times the largest count as 0.
    """
    left, right = array_of(a), array_of(b)
    (m, n), k = left.shape[-2:], right.shape[-1]
    lead = left.shape[:-2]
    rank, sizes = np.empty(0, np.int64), np.empty(0, left.real.dtype)
    if left.size == 0 or right.size == 0:
        x = np.zeros((*lead, n, k), left.dtype)
        rank = rank if driver == "gels" else np.zeros(lead, np.int64)
        small = np.zeros((*lead, min(m, n)), left.real.dtype)
        sizes = small if driver in ("gelsd", "gelss") else sizes
        full = min(m, n) == n or driver == "gels"
    elif driver == "gels":
        x, full = _full_rank_solution(left, right), True
    else:
        u, s, vh = _converged("linalg.lstsq", lambda: np.linalg.svd(left, full_matrices=False))
        kept = s > rcond * s[..., :1]
        inverse = np.where(kept, 1 / np.where(kept, s, 1), 0)
        turned = np.matmul(np.swapaxes(u, -2, -1).conj(), right)
        x = np.matmul(np.swapaxes(vh, -2, -1).conj(), inverse[..., None] * turned)
        rank = np.asarray(kept.sum(-1), np.int64)
        full = bool((rank == n).all())
        sizes = s if driver in ("gelsd", "gelss") else sizes
    residuals = np.empty(0, left.real.dtype)
    if m > n and driver != "gelsy" and full:
        off = right - np.matmul(left, x)
        residuals = (off * off.conj()).real.sum(-2)
    return _in_room(x, max(m, n)), tensor_of(residuals), tensor_of(rank), tensor_of(sizes)


def _full_rank_solution(a: "np.ndarray", b: "np.ndarray") -> "np.ndarray":
    m, n = a.shape[-2:]
    turned = np.swapaxes(a, -2, -1).conj()
    q, r = np.linalg.qr(a if m >= n else turned)
    zero = np.diagonal(r, axis1=-2, axis2=-1) == 0
    if zero.any():
        where, number = place_of(np.where(zero.any(-1), zero.argmax(-1) + 1, 0))
        raise LinAlgError(
            f"torch.linalg.lstsq: {where}The least squares solution could not be computed because "
            f"the input matrix does not have full rank (error code: {number})."
        )
    if m >= n:
        return triangular.solve_upper(r, np.matmul(np.swapaxes(q, -2, -1).conj(), b))
    return np.matmul(q, triangular.solve_lower(np.swapaxes(r, -2, -1).conj(), b))


def _in_room(x: "np.ndarray", rows: int) -> Tensor:
    """x column by column, with the gaps that LAPACK leaves where it solved in place of b."""
    room = allocate(form_of(of_numpy(x.dtype), (*x.shape[:-2], rows, x.shape[-1]),
                            by_columns((*x.shape[:-2], rows, x.shape[-1]))))  # fmt: skip
    y = wrap(room.block, room.address, form_of(room.form.dtype, x.shape, room.form.strides))
    if x.size:
        np.copyto(y.numpy(), x)
    return y
