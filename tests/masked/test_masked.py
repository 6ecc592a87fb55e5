"""Masked reductions against the same reductions of what the mask keeps, slice by slice."""

import pytest

import facula

REDUCED = {
    "sum": lambda x: x.sum(),
    "prod": lambda x: x.prod(),
    "amax": lambda x: x.amax(),
    "amin": lambda x: x.amin(),
    "mean": lambda x: x.mean(),
    "median": lambda x: x.median(),
    "var": lambda x: x.var(),
    "std": lambda x: x.std(),
    "logsumexp": lambda x: x.logsumexp(0),
    "norm": lambda x: (x * x).sum().sqrt(),
}


@pytest.fixture
def world() -> tuple[facula.Tensor, facula.Tensor]:
    generator = facula.Generator().manual_seed(3)
    x = facula.randn(4, 6, generator=generator)
    return x, facula.rand(4, 6, generator=generator) < 0.6


@pytest.mark.parametrize("name", REDUCED)
def test_reductions_see_what_is_kept(name: str, world: tuple[facula.Tensor, facula.Tensor]) -> None:
    x, mask = world
    got = getattr(facula.masked, name)(x.t(), dim=0, mask=mask.t())
    expected = facula.stack([REDUCED[name](row[kept]) for row, kept in zip(x, mask, strict=True)])
    assert facula.allclose(got, expected, atol=1e-5)


def test_what_is_left_out_has_no_gradient(world: tuple[facula.Tensor, facula.Tensor]) -> None:
    x, mask = world
    x.requires_grad_()
    facula.masked.softmax(x, 1, mask=mask).pow(2).sum().backward()
    assert x.grad is not None
    assert bool((x.grad[~mask] == 0).all()) and bool((x.grad[mask] != 0).any())


def test_slices_with_nothing_left_are_the_identity() -> None:
    x, none = facula.ones(2, 3), facula.zeros(3, dtype=facula.bool)
    assert facula.masked.sum(x, 1, mask=none).tolist() == [0, 0]
    assert facula.masked.prod(x, 1, mask=none).tolist() == [1, 1]
    assert facula.masked.amax(x, mask=none).item() == -float("inf")
    assert facula.masked.amin(x.long(), mask=none).item() == 2**63 - 1
    assert bool(facula.masked.mean(x, mask=none).isnan())


def test_errors() -> None:
    x = facula.ones(2, 3)
    with pytest.raises(IndexError, match="dimensionality higher"):
        facula.masked.sum(x, mask=facula.ones(1, 2, 3, dtype=facula.bool))
    with pytest.raises(ValueError, match="floating point"):
        facula.masked.mean(x.long())
    with pytest.raises(AssertionError, match="Only one of"):
        facula.masked.var(x, 0, True, correction=0)
    with pytest.raises(RuntimeError, match="multiple times"):
        facula.masked.sum(x, (0, 0))
    with pytest.raises(IndexError, match="out of range"):
        facula.masked.amax(x, 2)
