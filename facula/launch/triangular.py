"""Factors and solutions that NumPy lacks: LU with pivots, LDL, triangular systems. Arrays only.

All work on batches at once and by blocks: loops run over columns or blocks, products over the rest.
Note [linear algebra].
"""

from math import prod
from typing import TYPE_CHECKING, Any

from facula.late import Late

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

BLOCK = 64
"""Systems of at most this size go to LAPACK's general solver, which on them does no more."""

NARROW = 8
"""Panels of at most this many columns are factored column by column."""


def solve_upper(a: "np.ndarray", b: "np.ndarray", unit: bool = False) -> "np.ndarray":
    """The solution of a @ x = b for upper triangular a, by halves; a zero on the diagonal gives
    infinities, as in LAPACK. What lies below the diagonal is not read."""
    n = a.shape[-1]
    if n <= BLOCK:
        return _solve_block(a, b, unit)
    half = n // 2
    below = solve_upper(a[..., half:, half:], b[..., half:, :], unit)
    rest = b[..., :half, :] - np.matmul(a[..., :half, half:], below)
    above = solve_upper(a[..., :half, :half], rest, unit)
    return np.concatenate((above, below), -2)


def solve_lower(a: "np.ndarray", b: "np.ndarray", unit: bool = False) -> "np.ndarray":
    """The solution of a @ x = b for lower triangular a: turned by a half, it is upper."""
    x: np.ndarray = solve_upper(a[..., ::-1, ::-1], b[..., ::-1, :], unit)[..., ::-1, :]
    return x


def _solve_block(a: "np.ndarray", b: "np.ndarray", unit: bool) -> "np.ndarray":
    block = np.triu(a)
    if unit:
        places = np.arange(a.shape[-1])
        block[..., places, places] = 1
    # Elimination finds nothing to eliminate and no row to exchange: what remains is substitution.
    try:
        return np.linalg.solve(block, b)
    except np.linalg.LinAlgError:
        return _substitute(block, b)


def _substitute(a: "np.ndarray", b: "np.ndarray") -> "np.ndarray":
    """Row by row, where a zero on the diagonal divides."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, lead + b.shape[-2:]))
    with np.errstate(all="ignore"):
        for j in range(a.shape[-1] - 1, -1, -1):
            known = np.matmul(a[..., j : j + 1, j + 1 :], x[..., j + 1 :, :])
            x[..., j : j + 1, :] = (x[..., j : j + 1, :] - known) / a[..., j : j + 1, j : j + 1]
    return x


# --- LU ------------------------------------------------------------------------------------------


def lu_factor(a: "np.ndarray") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """(LU, pivots, info) as LAPACK's getrf: L and U in one matrix, exchanges of rows counted from
    1, and where the first zero on U's diagonal is (0: nowhere).

    By halves of columns (Toledo, "Locality of Reference in LU Decomposition with Partial
    Pivoting", 1997), so that nearly all arithmetic is in products.
    """
    m, n = a.shape[-2:]
    small = min(m, n)
    lead = a.shape[:-2]
    lu = np.array(a, order="C").reshape((prod(lead), m, n))
    pivots = np.zeros((lu.shape[0], small), np.int32)
    if lu.size:
        with np.errstate(all="ignore"):
            _lu_columns(lu, pivots, 0, small)
            if n > small:
                lu[:, :, small:] = solve_lower(lu[:, :, :small], lu[:, :, small:], unit=True)
    zero = np.diagonal(lu, axis1=-2, axis2=-1) == 0
    info = np.where(zero.any(-1), zero.argmax(-1) + 1, 0) if small else np.zeros(lu.shape[0])
    return lu.reshape(a.shape), pivots.reshape((*lead, small)), info.reshape(lead).astype(np.int32)


def _lu_columns(lu: "np.ndarray", pivots: "np.ndarray", start: int, stop: int) -> None:
    """Factors columns from `start` to before `stop`; whole rows are exchanged."""
    if stop - start > NARROW:
        middle = (start + stop) // 2
        _lu_columns(lu, pivots, start, middle)
        rows = slice(start, middle)
        right = solve_lower(lu[:, rows, rows], lu[:, rows, middle:stop], unit=True)
        lu[:, rows, middle:stop] = right
        lu[:, middle:, middle:stop] -= np.matmul(lu[:, middle:, rows], right)
        _lu_columns(lu, pivots, middle, stop)
        return
    if lu.shape[0] == 1:
        _lu_panel(lu[0], pivots[0], start, stop)
        return
    batch = np.arange(lu.shape[0])
    for j in range(start, stop):
        found = np.argmax(_size(lu[:, j:, j]), -1) + j
        pivots[:, j] = found + 1
        row = lu[batch, found]
        lu[batch, found] = lu[:, j]
        lu[:, j] = row
        pivot = lu[:, j, j, None]
        lu[:, j + 1 :, j] /= np.where(pivot == 0, 1, pivot)
        lu[:, j + 1 :, j + 1 : stop] -= lu[:, j + 1 :, j, None] * lu[:, None, j, j + 1 : stop]


def _lu_panel(lu: "np.ndarray", pivots: "np.ndarray", start: int, stop: int) -> None:
    """The same steps on a single matrix, where plain indices take half the time."""
    for j in range(start, stop):
        found = int(_size(lu[j:, j]).argmax()) + j
        pivots[j] = found + 1
        if found != j:
            row = lu[found].copy()
            lu[found] = lu[j]
            lu[j] = row
        pivot = lu[j, j]
        below = lu[j + 1 :, j]
        if pivot != 0:
            below /= pivot
        lu[j + 1 :, j + 1 : stop] -= below[:, None] * lu[j, j + 1 : stop]


def _size(x: "np.ndarray") -> "np.ndarray":
    """What LAPACK compares to choose a pivot: of a complex number the sum of both parts' sizes."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def permutation(pivots: "np.ndarray", rows: int) -> "np.ndarray":
    """The order of rows after exchanges: row i of P.T @ A is row permutation[i] of A."""
    if pivots.size and not (pivots.min() >= 1 and pivots.max() <= rows):
        raise RuntimeError(
            f"pivots must all be between 1 and the number of rows ({rows}) inclusive. Did you "
            "properly pass the result of the LU factorization?"
        )
    flat = pivots.reshape((prod(pivots.shape[:-1]), pivots.shape[-1]))
    orders = []
    for exchanges in flat.tolist():
        order = list(range(rows))
        for i, p in enumerate(exchanges):
            order[i], order[p - 1] = order[p - 1], order[i]
        orders.append(order)
    return np.array(orders, np.int64).reshape((*pivots.shape[:-1], rows))


def lu_solve(
    lu: "np.ndarray", pivots: "np.ndarray", b: "np.ndarray", adjoint: bool = False
) -> "np.ndarray":
    """The solution of A @ x = b, or of A^H @ x = b, from A's factors."""
    lead = np.broadcast_shapes(lu.shape[:-2], b.shape[:-2])
    order = permutation(pivots, lu.shape[-1])[..., None]
    wide = np.broadcast_to(b, lead + b.shape[-2:])
    order = np.broadcast_to(order, lead + order.shape[-2:])
    if not adjoint:
        x = np.take_along_axis(wide, order, -2)
        return solve_upper(lu, solve_lower(lu, x, unit=True))
    turned = np.swapaxes(lu, -2, -1).conj()
    x = solve_upper(turned, solve_lower(turned, wide), unit=True)
    return np.take_along_axis(x, np.argsort(order, -2), -2)


# --- LDL -----------------------------------------------------------------------------------------

PIVOT_BOUND = (1 + 17**0.5) / 8


def ldl_factor(a: "np.ndarray", hermitian: bool) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """(LD, pivots, info) of a symmetric (or Hermitian) matrix's lower triangle, as LAPACK's sytrf.

    Bunch and Kaufman, "Some Stable Methods for Calculating Inertia and Solving Symmetric Linear
    Systems" (1977): pivots are elements, or blocks of two rows where both pivots are -(row + 1).
    """
    n, lead = a.shape[-1], a.shape[:-2]
    flat = a.reshape((prod(lead), n, n))
    ld = np.tril(flat)
    pivots = np.zeros((flat.shape[0], n), np.int32)
    info = np.zeros(flat.shape[0], np.int32)
    with np.errstate(all="ignore"):
        for k in range(flat.shape[0]):
            info[k] = _ldl_one(ld[k], pivots[k], hermitian)
    return ld.reshape(a.shape), pivots.reshape((*lead, n)), info.reshape(lead)


def _ldl_one(ld: "np.ndarray", pivots: "np.ndarray", hermitian: bool) -> int:
    n = ld.shape[0]
    other = np.conj if hermitian else np.asarray
    lower = np.tril(ld, -1)
    diagonal = np.diagonal(ld).real if hermitian else np.diagonal(ld)
    full = lower + other(lower.T) + np.diag(diagonal)
    info = k = 0
    while k < n:
        step, place, singular = _ldl_pivot(full, k)
        if singular:
            info = info or k + 1
            pivots[k] = k + 1
            k += 1
            continue
        last = k + step - 1
        if place != last:
            full[[last, place], k:] = full[[place, last], k:]
            full[k:, [last, place]] = full[k:, [place, last]]
        rows = slice(k + step, n)
        columns = slice(k, k + step)
        block = full[rows, columns].copy()
        factor = np.linalg.solve(full[columns, columns].T, block.T).T
        full[rows, rows] -= factor @ other(block.T)
        full[rows, columns] = factor
        pivots[columns] = place + 1 if step == 1 else -(place + 1)
        k += step
    places = np.tril_indices(n)
    ld[places] = full[places]
    return info


def _ldl_pivot(full: "np.ndarray", k: int) -> tuple[int, int, bool]:
    """How many rows the next pivot has, which row comes to its end, and whether there is none."""
    here = float(_size(full[k, k]))
    column = _size(full[k + 1 :, k])
    most = float(column.max(initial=0.0))
    if max(here, most) == 0 or here != here:
        return 1, k, True
    if here >= PIVOT_BOUND * most:
        return 1, k, False
    place = k + 1 + int(column.argmax())
    row = _size(full[place, k:]).copy()
    row[place - k] = 0
    widest = float(row.max())
    if here >= PIVOT_BOUND * most * (most / widest):
        return 1, k, False
    if float(_size(full[place, place])) >= PIVOT_BOUND * widest:
        return 1, place, False
    return 2, place, False


def ldl_solve(
    ld: "np.ndarray", pivots: "np.ndarray", b: "np.ndarray", hermitian: bool
) -> "np.ndarray":
    """The solution of A @ x = b from A's LDL factors, matrix by matrix."""
    n, k = b.shape[-2:]
    lead = np.broadcast_shapes(ld.shape[:-2], b.shape[:-2])
    lds = np.broadcast_to(ld, (*lead, n, n)).reshape((prod(lead), n, n))
    orders = np.broadcast_to(pivots, (*lead, n)).reshape((prod(lead), n))
    x = np.array(np.broadcast_to(b, (*lead, n, k))).reshape((prod(lead), n, k))
    with np.errstate(all="ignore"):
        for one, order, values in zip(lds, orders.tolist(), x, strict=True):
            _ldl_solve_one(one, order, values, hermitian)
    return x.reshape((*lead, n, k))


def _ldl_solve_one(ld: Any, pivots: list[int], x: Any, hermitian: bool) -> None:
    n = len(pivots)
    other = np.conj if hermitian else np.asarray
    k = 0
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        last, place = k + step - 1, abs(pivots[k]) - 1
        if place != last:
            x[[last, place]] = x[[place, last]]
        columns, rows = slice(k, k + step), slice(k + step, n)
        x[rows] -= ld[rows, columns] @ x[columns]
        if step == 1:
            x[k] /= ld[k, k].real if hermitian else ld[k, k]
        else:
            pivot = np.tril(ld[columns, columns])
            pivot[0, 1] = other(pivot[1, 0])
            x[columns] = np.linalg.solve(pivot, x[columns])
        k += step
    k = n - 1
    while k >= 0:
        step = 1 if pivots[k] > 0 else 2
        first = k - step + 1
        columns, rows = slice(first, k + 1), slice(k + 1, n)
        x[columns] -= other(ld[rows, columns].T) @ x[rows]
        place = abs(pivots[k]) - 1
        if place != k:
            x[[k, place]] = x[[place, k]]
        k -= step
