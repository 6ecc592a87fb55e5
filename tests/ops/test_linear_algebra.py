"""torch.linalg: like PyTorch, and factors that multiply back on every layout and size."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import facula
from facula import Tensor, linalg
from tests.ops import linalg_cases as cases
from tests.ops.twin import check

EPS = {"float32": 2.0**-23, "float64": 2.0**-52}


LIKE_TORCH = [
    *cases.SYSTEMS,
    *cases.FACTORS,
    *cases.SPECTRA,
    *cases.NORMS,
    *cases.PRODUCTS,
    *cases.MORE,
]


@pytest.mark.parametrize("text", LIKE_TORCH)
def test_linear_algebra_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, cases.START + text)


def numbers(shape: tuple[int, ...], name: str = "float64") -> Tensor:
    """Normal numbers, the same ones each time."""
    values = np.random.default_rng(sum(shape) + 7).standard_normal(shape)
    return facula.tensor(values, dtype=getattr(facula, name))


def hostile(x: Tensor) -> list[Tensor]:
    """The same numbers contiguous, by columns, stepped with an offset, and in reverse batches."""
    m, n = x.shape[-2:]
    wide = facula.zeros((*x.shape[:-2], m + 1, 2 * n + 1), dtype=x.dtype)
    wide[..., 1:, 1::2] = x
    return [x, x.mT.contiguous().mT, wide[..., 1:, 1::2]]


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().amax()) if a.numel() else 0.0


SHAPES = [(1, 1), (5, 3), (3, 5), (2, 4, 4), (2, 3, 7, 6), (130, 130), (70, 200), (0, 3), (3, 0)]


@pytest.mark.parametrize("name", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_factors_multiply_back(shape: tuple[int, ...], name: str) -> None:
    exact = numbers(shape, name)
    bound = EPS[name] * 30 * max(1, *shape)
    m, n = shape[-2:]
    for a in hostile(exact):
        q, r = linalg.qr(a)
        assert distance(q @ r, exact) < bound and distance(r, r.triu()) == 0
        assert distance(q.mT @ q, facula.eye(min(m, n), dtype=a.dtype)) < bound
        p, lower, upper = linalg.lu(a)
        assert distance(p @ lower @ upper, exact) < bound
        assert lower.numel() == 0 or float(lower.abs().amax()) == 1
        if min(m, n):
            u, s, vh = linalg.svd(a, full_matrices=False)
            assert distance(u * s.unsqueeze(-2) @ vh, exact) < bound
            factors = facula.geqrf(a)
            product = facula.ormqr(*factors, a, True, True)
            assert distance(product.triu(), product) < bound


@pytest.mark.parametrize("name", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 3), (2, 9, 9), (65, 65), (150, 150), (0, 0), (0, 4, 4)]
)
def test_systems_are_solved(shape: tuple[int, ...], name: str) -> None:
    n = shape[-1]
    exact = numbers(shape, name) + 3 * facula.eye(n, dtype=getattr(facula, name)) * n**0.5
    b = numbers((*shape[:-1], 5), name)
    bound = EPS[name] * 100 * max(1, n)
    symmetric = exact @ exact.mT
    size = max(1.0, float(symmetric.abs().amax())) if symmetric.numel() else 1.0
    for a in hostile(exact):
        for right in hostile(b):
            assert distance(a @ linalg.solve(a, right), b) < bound
            for upper in (False, True):
                triangle = a.triu() if upper else a.tril()
                x = linalg.solve_triangular(a, right, upper=upper)
                assert distance(triangle @ x, b) < bound * (1 + float(x.abs().sum()))
            x = linalg.lu_solve(*linalg.lu_factor(a), right)
            assert distance(a @ x, b) < bound
            x = linalg.lu_solve(*linalg.lu_factor(a), right, adjoint=True)
            assert distance(a.mT @ x, b) < bound
        assert distance(a @ linalg.inv(a), facula.eye(n, dtype=a.dtype)) < bound
    for s in hostile(symmetric):
        factor = linalg.cholesky(s)
        assert distance(factor @ factor.mT, symmetric) < bound * size
        assert distance(s @ facula.cholesky_solve(b, factor), b) < bound * size
        s = s - facula.eye(n, dtype=s.dtype) * size * 0.3  # indefinite
        x = linalg.ldl_solve(*linalg.ldl_factor(s), b)
        assert distance(s @ x, b) < bound * size * (1 + float(x.abs().amax()) if x.numel() else 1)


@pytest.mark.parametrize("stop", [1, 2, 5])
def test_the_first_bad_minor_is_told(stop: int) -> None:
    a = facula.eye(6, dtype=facula.float64).repeat(3, 1, 1)
    a[1, stop - 1, stop - 1] = -1
    assert linalg.cholesky_ex(a).info.tolist() == [0, stop, 0]
    with pytest.raises(linalg.LinAlgError, match=f"Batch element 1.*order {stop} is not"):
        linalg.cholesky(a)
    a[1, stop - 1] = 0
    assert linalg.inv_ex(a).info.tolist() == [0, stop, 0]
    assert linalg.lu_factor_ex(a).info.tolist() == [0, stop, 0]


def _positive(x: Tensor) -> Tensor:
    return x @ x.mT + 2 * facula.eye(x.shape[-1], dtype=x.dtype)


def _sizes(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Functions of vectors that do not feel their signs."""
    return tuple(t * t for t in tensors)


DIFFERENTIABLE: list[tuple[tuple[int, ...], Callable[[Tensor], object]]] = [
    ((3, 3), lambda x: linalg.inv(x)),
    ((2, 3, 3), lambda x: linalg.det(x)),
    ((3, 3), lambda x: linalg.slogdet(x)[1]),
    ((3, 3), lambda x: linalg.solve(x, x[:, :2])),
    ((3, 3), lambda x: linalg.solve(x, x[:2], left=False)),
    ((3, 3), lambda x: linalg.solve_triangular(x, x[:, :2], upper=True)),
    ((3, 3), lambda x: linalg.solve_triangular(x, x[:2], upper=False, left=False)),
    ((3, 3), lambda x: linalg.cholesky(_positive(x))),
    ((3, 3), lambda x: linalg.cholesky(_positive(x), upper=True)),
    ((3, 3), lambda x: facula.cholesky_solve(x[:, :2], linalg.cholesky(_positive(x)))),
    ((3, 3), lambda x: facula.cholesky_inverse(linalg.cholesky(_positive(x)))),
    ((4, 3), lambda x: tuple(linalg.qr(x))),
    ((3, 4), lambda x: tuple(linalg.qr(x))),
    ((3, 3), lambda x: facula.ormqr(x, x[0] * 0.3, x)),
    ((4, 2), lambda x: linalg.householder_product(x, x[0] * 0.3)),
    ((4, 3), lambda x: tuple(linalg.lu(x)[1:])),
    ((3, 4), lambda x: tuple(linalg.lu(x)[1:])),
    ((3, 3), lambda x: linalg.lu_factor(x)[0]),
    ((3, 3), lambda x: linalg.lu_solve(*linalg.lu_factor(x), x[:, :1])),
    ((3, 3), lambda x: linalg.lu_solve(*linalg.lu_factor(x), x[:1], left=False, adjoint=True)),
    ((3, 2), lambda x: _sizes(*linalg.svd(x, full_matrices=False))),
    ((2, 3), lambda x: _sizes(*linalg.svd(x, full_matrices=False))),
    ((3, 2), lambda x: linalg.svdvals(x)),
    ((3, 3), lambda x: _sizes(*linalg.eigh(x + x.mT))),
    ((3, 3), lambda x: linalg.eigvalsh(x + x.mT)),
    ((3, 2), lambda x: linalg.pinv(x)),
    ((3, 3), lambda x: linalg.pinv(x + x.mT, hermitian=True)),
    ((4, 3), lambda x: linalg.lstsq(x, x[:, :2] ** 2, driver="gels")[:2]),
    ((3, 4), lambda x: linalg.lstsq(x, x[:, :2] ** 2).solution),
    ((3, 3), lambda x: linalg.matrix_exp(x)),
    ((3, 3), lambda x: linalg.matrix_power(x, -2)),
    ((3, 3), lambda x: linalg.cond(x)),
    ((3, 3), lambda x: linalg.cond(x, "fro")),
    ((3, 4), lambda x: linalg.matrix_norm(x, "nuc")),
    ((3, 4), lambda x: linalg.matrix_norm(x, 2)),
    ((3, 4), lambda x: linalg.matrix_norm(x, 1)),
    ((3, 4), lambda x: linalg.vector_norm(x, 0.5, 1)),
    ((3, 4), lambda x: linalg.vector_norm(x, 1.5)),
    ((3, 4), lambda x: linalg.vector_norm(x, 3, 0, True)),
    ((3, 4), lambda x: linalg.vector_norm(x, -1.5, 0)),
    ((3, 4), lambda x: linalg.vector_norm(x, float("inf"), 1)),
    ((3, 4), lambda x: facula.renorm(x, 2, 0, 1.5)),
    ((3, 3), lambda x: linalg.cross(x, x.flip(0))),
    ((3,), lambda x: linalg.vander(x, N=4)),
    ((3, 4), lambda x: facula.cov(x)),
    ((3, 4), lambda x: facula.corrcoef(x)),
    ((3, 2), lambda x: facula.block_diag(x, x[0])),
    ((4,), lambda x: facula.combinations(x, 2)),
    ((3, 3), lambda x: linalg.multi_dot([x[0], x, x, x[:, 1]])),
    ((4, 2, 2), lambda x: linalg.tensorinv(x, ind=1)),
]


@pytest.mark.parametrize("row", range(len(DIFFERENTIABLE)))
def test_gradients_of_linear_algebra(row: int) -> None:
    shape, function = DIFFERENTIABLE[row]
    x = numbers(shape).requires_grad_()
    assert facula.autograd.gradcheck(function, (x,))
    assert facula.autograd.gradgradcheck(function, (x,))


COMPLEX: list[tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = [
    ((3, 3), lambda z: linalg.inv(z)),
    ((3, 3), lambda z: linalg.det(z)),
    ((3, 3), lambda z: linalg.slogdet(z).logabsdet),
    ((3, 3), lambda z: linalg.solve(z, z[:, :2])),
    ((3, 3), lambda z: linalg.cholesky(z @ z.mH + 2 * facula.eye(3))),
    ((3, 2), lambda z: linalg.qr(z).R),
    ((2, 3), lambda z: linalg.qr(z).Q),
    ((3, 2), lambda z: linalg.svd(z, full_matrices=False).U.abs()),
    ((2, 3), lambda z: linalg.svd(z, full_matrices=False).Vh.abs()),
    ((3, 3), lambda z: linalg.eigh(z + z.mH).eigenvectors.abs()),
    ((3, 3), lambda z: linalg.eig(z).eigenvectors.abs()),
    ((3, 3), lambda z: linalg.eigvals(z)),
    ((3, 2), lambda z: linalg.pinv(z)),
    ((3, 3), lambda z: linalg.matrix_exp(z)),
    ((3, 2), lambda z: linalg.lu(z)[1]),
    ((2, 3), lambda z: linalg.lu(z)[2]),
    ((3, 3), lambda z: linalg.lu_solve(*linalg.lu_factor(z), z[:, :1], adjoint=True)),
    ((3, 2), lambda z: linalg.lstsq(z, z[:, :1] * 1j + 1).solution),
    ((3, 2), lambda z: linalg.vector_norm(z, 3)),
]


@pytest.mark.parametrize("row", range(len(COMPLEX)))
def test_gradients_of_complex_matrices(row: int) -> None:
    """As functions of real and imaginary parts, which finite differences know."""
    shape, function = COMPLEX[row]
    real, imag = numbers(shape).requires_grad_(), numbers((*shape, 1))[..., 0].flip(0).contiguous()

    def parts(x: Tensor, y: Tensor) -> Tensor:
        found = function(facula.complex(x, y))
        return facula.view_as_real(found) if found.is_complex() else found

    assert facula.autograd.gradcheck(parts, (real, imag.requires_grad_()))


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 30.0, 60.0])
def test_the_exponential_is_a_sum_of_powers(scale: float) -> None:
    """Against eigenvalues, of symmetric matrices that differ in scale within a batch."""
    x = numbers((3, 5, 5)) * facula.tensor([scale, 1.0, 0.1]).double().reshape(3, 1, 1)
    x = x + x.mT
    values, vectors = linalg.eigh(x)
    expected = vectors * values.exp().unsqueeze(-2) @ vectors.mT
    for kind, bound in ((facula.float64, 1e-12 * max(1.0, scale)), (facula.float32, 2e-5)):
        given = x.to(kind)
        if kind is facula.float64 or scale < 2:
            error = (linalg.matrix_exp(given).double() - expected).abs().amax((1, 2))
            assert bool((error <= bound * expected.abs().amax((1, 2))).all())


@pytest.mark.parametrize("name", ["float32", "float64"])
@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, float("inf")])
def test_long_norms_keep_every_digit(name: str, p: float) -> None:
    x = numbers((40_000,), name)
    wide = np.abs(np.array(x.tolist(), np.longdouble))
    exact = wide.max() if p == float("inf") else (wide**p).sum() ** (1 / np.longdouble(p))
    assert abs(float(linalg.vector_norm(x, p)) / float(exact) - 1) < 8 * EPS[name]


def test_the_gradient_of_a_determinant_that_is_zero() -> None:
    """The matrix of cofactors, whatever the rank."""
    for rank in (3, 2, 1, 0):
        a = (numbers((4, rank)) @ numbers((rank, 4))).detach().requires_grad_()
        (found,) = facula.autograd.grad(linalg.det(a), a)
        for i in range(4):
            for j in range(4):
                rows, columns = [k for k in range(4) if k != i], [k for k in range(4) if k != j]
                minor = a.detach()[rows][:, columns]
                assert abs(float(found[i, j] - (-1) ** (i + j) * linalg.det(minor))) < 1e-10
