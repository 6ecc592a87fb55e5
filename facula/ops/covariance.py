"""Covariances, and tensors put together by their indices: block diagonals, combinations."""

import warnings

from facula.launch import lapack
from facula.meta.dtype import promote_types
from facula.op import composite, registry


def _check_weights(name, weights, x, kinds, kind_word):
    if weights.form.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.form.ndim} dimensions"
        )
    if weights.form.dtype.kind not in kinds:
        raise RuntimeError(
            f"cov(): expected {name} to have {kind_word} dtype but got {name} with "
            f"{lapack.word(weights)} dtype"
        )
    observations = x.form.shape[1]
    if weights.form.numel != observations:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input "
            f"but got {weights.form.numel} != {observations}"
        )
    if weights.form.numel and bool((weights.detach().min() < 0).item()):
        raise RuntimeError(f"cov(): {name} cannot be negative")


@composite("cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) "
           "-> Tensor")
def cov(self, *, correction=1, fweights=None, aweights=None):
    """The covariances of variables in rows, observed in columns; observations may count several
    times (`fweights`) or with an importance (`aweights`).

    self (v, n) or (n), result (v, v) or (). Raises RuntimeError for more dimensions.

    >>> import facula as torch
    >>> torch.cov(torch.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, -1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if self.form.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{self.form.ndim} dimensions"
        )
    if self.form.kind == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = self.reshape((1, -1)) if self.form.ndim < 2 else self
    weights = None
    if fweights is not None:
        _check_weights("fweights", fweights, x, "iu", "integral")
        weights = fweights
    if aweights is not None:
        _check_weights("aweights", aweights, x, "f", "floating point")
        weights = aweights if weights is None else weights * aweights
    total = x.form.shape[1] if weights is None else weights.sum()
    if weights is not None and bool((total == 0).item()):
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    mean = (x if weights is None else x * weights).sum(1) / total
    if weights is not None and aweights is not None and correction != 0:
        degrees = total - correction * (weights * aweights).sum() / total
    else:
        degrees = total - correction
    if degrees <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number "
            "of observations.",
            stacklevel=2,
        )
        degrees = degrees * 0
    x = x - mean.unsqueeze(1)
    other = x if weights is None else x * weights
    products = x.mm(lapack.adjoint(other))
    y = products / degrees if weights is not None or degrees else products / 0.0
    return y.squeeze()


@composite("corrcoef(Tensor self) -> Tensor")
def corrcoef(self):
    """Covariances over the product of both standard deviations, between -1 and 1.

    self (v, n) or (n), result (v, v) or (). Raises RuntimeError for more dimensions.

    >>> import facula as torch
    >>> torch.corrcoef(torch.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, -1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if self.form.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{self.form.ndim} dimensions"
        )
    y = cov.forward(self)
    if y.form.ndim == 0:
        return y / y
    diagonal = y.diag()
    deviations = (diagonal.real if y.form.dtype.is_complex else diagonal).sqrt()
    y = y / deviations.view(-1, 1) / deviations.view(1, -1)
    if not y.form.dtype.is_complex:
        return y.clip(-1, 1)
    make = registry["complex"].function
    return make(y.real.clip(-1, 1), y.imag.clip(-1, 1))


@composite("block_diag(Tensor[] tensors) -> Tensor")
def block_diag(*tensors):
    """A matrix of zeros with tensors of at most two dims along its diagonal.

    (n1, m1), (n2, m2), ... give (n1 + n2 + ..., m1 + m2 + ...); () and (m) count as one row. Raises
    RuntimeError for more dimensions.

    >>> import facula as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        return registry["empty"].function(1, 0)
    for place, one in enumerate(tensors):
        if one.form.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {place} "
                f"has {one.form.ndim} dimensions"
            )
    blocks = [registry["atleast_2d"].function(one) for one in tensors]
    kind = tensors[0].form.dtype
    for one in tensors:
        kind = promote_types(kind, one.form.dtype)
    width = sum(one.form.shape[1] for one in blocks)
    rows, before = [], 0
    cat = registry["cat"].function
    for one in blocks:
        n, m = one.form.shape
        left, right = one.new_zeros((n, before), dtype=kind), one.new_zeros(
            (n, width - before - m), dtype=kind)  # fmt: skip
        rows.append(cat([left, one.to(kind), right], 1))
        before += m
    return cat(rows, 0)


@composite("combinations(Tensor self, int r=2, bool with_replacement=False) -> Tensor")
def combinations(self, r=2, with_replacement=False):
    """All choices of r elements of a vector in rows, in order; an element more than once only
    `with_replacement`.

    self (n), result (n! / (r! (n - r)!), r). Raises RuntimeError for more dimensions or negative r.

    >>> import facula as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if self.form.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(self.form.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return self.new_empty((0,))
    places = registry["arange"].function(self.form.shape[0])
    grids = registry["meshgrid"].function(*[places] * r, indexing="ij")
    kept = registry["ones_like"].function(grids[0]) > 0
    for a, b in zip(grids, grids[1:], strict=False):
        kept = kept & (a <= b if with_replacement else a < b)
    columns = [self.index_select(0, grid.masked_select(kept)) for grid in grids]
    return registry["stack"].function(columns, 1)

# PyTorch has these as functions only.
for _name in ("combinations",):
    registry[_name].method = False
