"""Poisson and binomial numbers are PyTorch's after the same seed, and are what they are called."""

from types import ModuleType

import pytest

import facula
from tests.ops.twin import check

LIKE_TORCH = (
    *(
        f"torch.manual_seed(1); torch.poisson(torch.full((300,), {rate}, dtype=torch.{kind}))"
        for rate in (0.0, 0.3, 9.99, 10.0, 1e3)
        for kind in ("float32", "float64", "float16")
    ),
    *(
        f"torch.manual_seed(1); torch.binomial(torch.full((300,), {count}, dtype=torch.{kind}), "
        f"torch.full((300,), {chance}, dtype=torch.{kind}))"
        for count in (0.0, 5.0, 100.0, 1e6)
        for chance in (0.1, 0.5, 0.7, 1.0)
        for kind in ("float32", "float64")
    ),
    "torch.manual_seed(2); torch.poisson(torch.arange(12.).view(3, 4).t())",
    "torch.manual_seed(2); torch.binomial(torch.full((3, 2), 20.).t(), torch.tensor(0.3))",
    "g = torch.Generator().manual_seed(4); torch.poisson(torch.full((5,), 3.), g)",
    "torch.poisson(torch.tensor([-1.]))",
    "torch.poisson(torch.tensor([1]))",
    "torch.binomial(torch.tensor([1]), torch.tensor([0.5]))",
    "torch.binomial(torch.ones(1), torch.ones(1, dtype=torch.int64))",
    "torch.binomial(torch.ones(1).half(), torch.ones(1).half())",
    "torch.binomial(torch.ones(1), torch.ones(2))",
    "x = torch.full((3,), 4., requires_grad=True); torch.poisson(x).sum().backward(); x.grad",
    "torch.zeros(0, dtype=torch.int64).normal_()",
    "torch.zeros(0, dtype=torch.int64).exponential_()",
    "torch.zeros(2, dtype=torch.bool).geometric_(0.5)",
    "torch.multinomial(torch.ones(0), 20, replacement=True)",
)


@pytest.mark.parametrize("text", LIKE_TORCH)
def test_counts_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_means_and_variances_of_counts() -> None:
    facula.manual_seed(0)
    for rate in (0.5, 30.0):
        y = facula.poisson(facula.full((20000,), rate, dtype=facula.float64))
        assert abs(y.mean().item() - rate) < 5 * (rate / 20000) ** 0.5
        assert abs(y.var().item() / rate - 1) < 0.1
    for count, chance in ((8.0, 0.2), (400.0, 0.6)):
        trials = facula.full((20000,), count, dtype=facula.float64)
        y = facula.binomial(trials, facula.full_like(trials, chance))
        spread = count * chance * (1 - chance)
        assert abs(y.mean().item() - count * chance) < 5 * (spread / 20000) ** 0.5
        assert abs(y.var().item() / spread - 1) < 0.1
        assert y.amin().item() >= 0 and y.amax().item() <= count


def test_a_rate_without_end_is_refused() -> None:
    with pytest.raises(RuntimeError, match="invalid Poisson rate"):
        facula.poisson(facula.tensor([float("inf")]))
