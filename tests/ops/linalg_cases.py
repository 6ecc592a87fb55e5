"""Calls of linear algebra that must look as in PyTorch: values, strides, dtypes, errors.

Vectors of factors are only defined up to sign: cases look at what is unique of them.
"""

START = (
    "a = (torch.arange(16.) * 7 % 11 - 4).reshape(4, 4) / 3; "
    "b = (torch.arange(12.) * 5 % 7 - 2).reshape(4, 3); "
    "s = a @ a.mT + torch.eye(4); c = torch.stack([a, a.mT + 1]); d = torch.stack([s, s + 2]); "
    "L = torch.linalg; "
)

SYSTEMS = [
    "L.inv(a)", "L.inv(c)", "L.inv(a.mT)", "torch.inverse(s)", "a.inverse()", "L.inv_ex(c)",
    "L.inv(a[:0, :0])", "L.inv(c[:0])", "L.inv(torch.zeros(2, 2))", "L.inv(torch.zeros(2, 3))",
    "L.inv(torch.zeros(3))", "L.inv(a.half())", "L.inv(a.long())", "L.inv(c * 0)",
    "L.inv_ex(torch.zeros(3, 3)).info", "L.inv(a, out=torch.zeros(4, 4))",
    "L.solve(a, b)", "L.solve(c, b)", "L.solve(a, b[:, 0])", "L.solve(a, b.mT, left=False)",
    "L.solve(a[None], torch.stack([b, b]))", "L.solve(torch.zeros(2, 2), torch.ones(2))",
    "L.solve(a, b.double())", "L.solve(a, b[:3])", "L.solve(a, b[0], left=False)",
    "L.solve_ex(a, b)", "L.solve_ex(torch.zeros(2, 2), torch.ones(2)).info",
    "L.solve_triangular(a, b, upper=True)", "L.solve_triangular(a, b, upper=False)",
    "L.solve_triangular(c, b.mT, upper=False, left=False)",
    "L.solve_triangular(a, b, upper=True, unitriangular=True)",
    "L.solve_triangular(a, b[:, 0], upper=True)",
    "L.solve_triangular(torch.tensor([[0., 1.], [1., 1.]]), torch.ones(2, 1), upper=False)",
    "L.det(a)", "L.det(c)", "torch.det(a[:0, :0])", "a.det()", "a.logdet()", "torch.logdet(d)",
    "L.slogdet(c)", "torch.slogdet(s)", "L.slogdet(torch.zeros(2, 2))", "L.det(torch.ones(2, 3))",
    "type(L.slogdet(s)).__name__", "repr(torch.slogdet(torch.eye(2)))", "s.slogdet().logabsdet",
    "L.cholesky(s)", "L.cholesky(d, upper=True)", "L.cholesky_ex(-s).info", "L.cholesky(-d)",
    "torch.cholesky(s, True)", "torch.cholesky(-s)", "L.cholesky(s.half())", "s.cholesky()",
    "L.cholesky_ex(torch.diag(torch.tensor([1., 2., -1., 3.]))).info",
    "torch.cholesky_solve(b, L.cholesky(s))",
    "torch.cholesky_inverse(L.cholesky(s, upper=True), True)",
    "torch.cholesky_solve(b[:, 0], s)", "torch.cholesky_inverse(L.cholesky(d))",
]  # fmt: skip

FACTORS = [
    "L.qr(b).R.abs()", "L.qr(c, 'r')", "L.qr(b, 'complete').Q.abs().shape", "L.qr(b, 'wrong')",
    "L.qr(b.mT).R.abs()", "L.qr(b[:0])", "[t.stride() for t in L.qr(c)]",
    "torch.qr(b, False).R.abs()",
    "torch.geqrf(b)", "L.householder_product(*torch.geqrf(b))", "torch.orgqr(*torch.geqrf(c))",
    "torch.ormqr(*torch.geqrf(a), b)", "torch.ormqr(*torch.geqrf(a), b.mT, False, True)",
    "L.householder_product(b, torch.ones(4))", "torch.ormqr(a, torch.ones(2), b)",
    "L.lu(a)", "L.lu(b)", "L.lu(b.mT)", "L.lu_factor(c)", "L.lu_factor_ex(b * 0)", "torch.lu(a)",
    "L.lu_factor(b * 0)", "L.lu_factor(torch.zeros(2, 2, 2))", "torch.lu(a, get_infos=True)",
    "torch.lu_unpack(*L.lu_factor(a))", "torch.lu_unpack(*L.lu_factor(a), unpack_data=False)",
    "torch.lu_unpack(*L.lu_factor(a), unpack_pivots=False)", "L.lu(torch.zeros(3))",
    "L.lu_solve(*L.lu_factor(a), b)", "torch.lu_solve(b, *L.lu_factor(a))", "L.lu(a.int())",
    "L.lu_solve(*L.lu_factor(a), b, adjoint=True)", "L.lu_solve(*L.lu_factor(c), b.mT, left=False)",
    "L.lu_solve(*L.lu_factor(a), b.double())", "L.lu_solve(*L.lu_factor(a), b[:3])",
    "L.ldl_factor(s)", "L.ldl_factor_ex(d)", "L.ldl_solve(*L.ldl_factor(a + a.mT), b)",
    "L.ldl_factor(torch.tensor([[0., 1.], [1., 0.]]))", "L.ldl_solve(*L.ldl_factor(s), b[:3])",
]  # fmt: skip

SPECTRA = [
    "L.svdvals(b)", "L.svd(b).S", "L.svd(c, False).U.abs()", "L.svd(b).Vh.abs()",
    "torch.svd(b).V.abs()",
    "[t.stride() for t in L.svd(b, full_matrices=False)]", "torch.svd(b, compute_uv=False)",
    "[t.shape for t in L.svd(b[:0])]", "L.svd(b * float('nan'))", "L.svd(b, driver='gesvd')",
    "L.eigh(s).eigenvalues", "L.eigh(d, 'U').eigenvectors.abs()", "L.eigvalsh(d)", "L.eigh(a, 'x')",
    "L.eigh(b)", "L.eigh(s.half())", "[t.stride() for t in L.eigh(d)]",
    "L.pinv(b)", "L.pinv(c, rtol=0.5)", "L.pinv(s, hermitian=True)", "L.pinv(b, 0.1)",
    "b.pinverse()",
    "L.pinv(b, atol=torch.tensor(3.))", "L.pinv(b[0])", "L.pinv(b[:0])",
    "L.matrix_rank(b)", "L.matrix_rank(d)", "L.matrix_rank(c, 2.0)",
    "L.matrix_rank(s, hermitian=True)",
    "L.matrix_rank(c, atol=torch.tensor([0.1, 5.]))", "L.matrix_rank(b[:0])",
]  # fmt: skip
