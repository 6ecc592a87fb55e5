"""Random programs of many kinds of line; `wide_differential.py` says how they are compared."""

import time

import pytest

pytest.importorskip("torch")

import torch

import facula
from tests.compat import random_programs, wide_differential

PROGRAMS = 300
MOST = 24  # one in forty still differs (note [comparing with PyTorch])


def test_few_new_programs_differ() -> None:
    start = 10**6 + int(time.time()) % 10**7 * PROGRAMS
    print(f"from seed {start}")
    programs = [random_programs.write(seed, 14) for seed in range(start, start + PROGRAMS)]
    found = [wide_differential.differs(lines) for lines in programs]
    differ = [(start + k, one) for k, one in enumerate(found) if one is not None]
    assert len(differ) <= MOST, "\n".join(f"seed {seed}: {one}" for seed, one in differ)


def test_a_program_that_differs_shrinks_to_the_lines_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A difference is planted: our sqrt is off by a thousandth."""
    right = facula.Tensor.sqrt
    monkeypatch.setattr(facula.Tensor, "sqrt", lambda self: right(self) * 1.001)
    lines = [
        "v0 = make(t, 3, [2, 3], t.float32)",
        "v1 = v0.abs()",
        "v2 = v0 + 1",
        "v3 = v1.sqrt()",
        "v4 = v3.sum(0)",
    ]
    least = wide_differential.shrink(lines)
    assert least == [lines[0], lines[1], lines[3]]
    assert "v3" in (wide_differential.differs(least) or "")


@pytest.mark.parametrize("package", [torch, facula])
def test_a_shrunk_program_is_code_for_both(package: object) -> None:
    lines = ["v0 = make(t, 3, [2], t.float32)", "v1 = v0.take(indices(t, 5, [3], 2))"]
    shown = [wide_differential.literal(line) for line in lines]
    assert "make(" not in shown[0] and "indices(" not in shown[1]
    scope = {"t": package}
    exec("\n".join(shown), scope)
    assert scope["v1"].shape == (3,)  # type: ignore[attr-defined]
