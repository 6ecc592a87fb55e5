"""After the same seed every sampling function gives PyTorch's numbers, whatever the dtype, the
size (around the blocks of 16), the layout of what is filled, and the generator; and leaves the
stream where PyTorch leaves it."""

import math
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula

FLOATS = ["float32", "float64", "float16", "bfloat16"]
COMPLEX = ["complex64", "complex128"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
WIDE = ["uint16", "uint32", "uint64"]
SIZES = [
    (0,), (), (1,), (2,), (7,), (8,), (15,), (16,), (17,), (23,), (31,), (32,), (33,), (65,),
    (257,), (3, 5), (4, 4), (17, 3), (2, 3, 4), (16, 16), (0, 3), (2, 9, 8),
]  # fmt: skip
CASES = 500

Sampler = Callable[[ModuleType, Any, tuple[int, ...], Any, dict[str, Any]], Any]


def laid_out(package: ModuleType, kind: Any, size: tuple[int, ...], layout: int) -> Any:
    """Zeros: contiguous, turned, stepped, or beginning inside a storage."""
    if layout == 1:
        turned = tuple(range(len(size)))[::-1]
        return package.zeros(size[::-1], dtype=kind).permute(turned)
    if layout == 2 and size:
        return package.zeros((*size[:-1], 2 * size[-1]), dtype=kind)[..., ::2]
    if layout == 3:
        return package.zeros(math.prod(size) + 3, dtype=kind)[3:].view(size)
    return package.zeros(size, dtype=kind)


def chances(package: ModuleType, kind: Any, size: tuple[int, ...], layout: int) -> Any:
    """Numbers between 0 and 1."""
    count = math.prod(size)
    x = package.tensor(np.linspace(0.02, 0.98, max(count, 1))[:count].tolist(), dtype=kind)
    x = x.view(size)
    return x.transpose(0, -1).contiguous().transpose(0, -1) if layout == 1 and size else x


def fill(name: str, *known: tuple[Any, ...]) -> Sampler:
    def sample(package: Any, kind: Any, size: Any, layout: Any, words: Any) -> Any:
        which, form = layout
        return getattr(laid_out(package, kind, size, form), name)(
            *known[which % len(known)], **words
        )

    return sample


def of_chances(make: Callable[..., Any]) -> Sampler:
    return lambda p, kind, size, layout, words: make(p, chances(p, kind, size, layout[1]), words)


SAMPLERS: dict[str, tuple[list[str], Sampler]] = {
    "uniform_": (FLOATS, fill("uniform_", (), (2.0, 3.0), (-1, 1))),
    "normal_": (FLOATS + COMPLEX, fill("normal_", (), (2.0, 3.0), (0, 0.0))),
    "random_": (FLOATS + INTEGERS + ["bool"], fill("random_", (), (2,), (0, 2))),
    "random_ in a range": (FLOATS + INTEGERS + WIDE, fill("random_", (5,), (3, 90))),
    "bernoulli_": (FLOATS + INTEGERS + ["bool"], fill("bernoulli_", (), (0.3,), (1.0,))),
    "exponential_": (FLOATS, fill("exponential_", (), (2.5,))),
    "cauchy_": (FLOATS, fill("cauchy_", (), (1.0, 2.0))),
    "geometric_": (FLOATS + INTEGERS, fill("geometric_", (0.3,), (0.9,))),
    "log_normal_": (FLOATS, fill("log_normal_", (), (0.5, 0.25))),
    "rand": (FLOATS + COMPLEX, lambda p, kind, size, _, words: p.rand(size, dtype=kind, **words)),
    "randn": (FLOATS + COMPLEX, lambda p, kind, size, _, words: p.randn(size, dtype=kind, **words)),
    "randint": (
        FLOATS + INTEGERS + WIDE,
        lambda p, kind, size, _, words: p.randint(2, 90, size, dtype=kind, **words),
    ),
    "randperm": (
        FLOATS + INTEGERS,
        lambda p, kind, size, _, words: p.randperm(math.prod(size) % 120, dtype=kind, **words),
    ),
    "rand_like": (
        FLOATS + COMPLEX,
        lambda p, kind, size, layout, words: p.rand_like(
            laid_out(p, kind, size, layout[1]), **words
        ),
    ),
    "bernoulli": (FLOATS, of_chances(lambda p, x, words: p.bernoulli(x, **words))),
    "poisson": (FLOATS, of_chances(lambda p, x, words: p.poisson(x * 20, **words))),
    "binomial": (
        FLOATS[:2],
        of_chances(lambda p, x, words: p.binomial((x * 50).floor(), x, **words)),
    ),
    "multinomial": (FLOATS[:3], of_chances(lambda p, x, words: p.multinomial(x, 1, **words))),
    "multinomial again": (
        FLOATS[:2],
        of_chances(lambda p, x, words: p.multinomial(x, 3, True, **words)),
    ),
    "normal of tensors": (FLOATS, of_chances(lambda p, x, words: p.normal(x, x + 0.5, **words))),
    "dropout": (FLOATS, of_chances(lambda p, x, _: p.nn.functional.dropout(x, 0.4))),
    "alpha_dropout": (
        FLOATS,
        of_chances(lambda p, x, _: p.nn.functional.alpha_dropout(x, 0.4, True)),
    ),
}


def drawn(package: ModuleType, case: tuple[Any, ...], seed: int) -> list[Any]:
    """The numbers, then some more of the same stream; or the error."""
    name, kind, size, layout, own = case
    source = package.Generator().manual_seed(seed) if own else None
    words = {"generator": source} if own and "dropout" not in name else {}
    package.manual_seed(seed)
    try:
        y = SAMPLERS[name][1](package, getattr(package, kind), size, layout, words)
    except Exception as error:
        return [type(error).__name__]
    return [y, package.rand(3, **words), package.randn(3, **words)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(3))
def test_streams_are_those_of_torch(torch: ModuleType, part: int) -> None:
    rnd = random.Random(part)
    for number in range(CASES):
        name = rnd.choice([*SAMPLERS])
        layout = (rnd.randrange(3), rnd.randrange(4))
        kind = rnd.choice(SAMPLERS[name][0])
        case = (name, kind, rnd.choice(SIZES), layout, rnd.random() < 0.3)
        theirs, ours = drawn(torch, case, number), drawn(facula, case, number)
        assert len(ours) == len(theirs), (case, ours, theirs)
        for a, b in zip(ours, theirs, strict=True):
            if isinstance(b, str):
                assert a == b, case
                continue
            assert (str(a.dtype), tuple(a.shape)) == (str(b.dtype), tuple(b.shape)), case
            if b.numel():
                assert a.stride() == b.stride(), case
            if kind in ("float64", "complex128"):  # a unit of float64, from other logarithms
                assert np.allclose(a.numpy(), b.numpy(), rtol=1e-14, atol=1e-15), case
            else:
                assert a.tolist() == b.tolist(), case
