"""Same seed, same numbers: ordinary programs, run as they are and with facula in PyTorch's place.

The programs in `programs/` import torch, as users' programs do. For facula only the package's name
in their import lines is exchanged.
"""

import math
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[2]
# Spawned programs do not import torch into this process, so the marker is written out.
needs_torch = [
    pytest.mark.torch,
    pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch to compare with"),
]


def ported(text: str) -> str:
    """The program with its import lines changed as a user would change them."""
    text = re.sub(r"^import torch$", "import facula as torch", text, flags=re.MULTILINE)
    return re.sub(r"^(import|from) torch\b", r"\1 facula", text, flags=re.MULTILINE)


def output(name: str, package: str, *arguments: str) -> list[str]:
    """The lines that a program prints when it runs in a process of its own."""
    text = (PROGRAMS / name).read_text(encoding="utf-8")
    source = ported(text) if package == "facula" else text
    command = [sys.executable, "-c", source, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{name} failed with {package}:\n{done.stderr}"
    return done.stdout.split("\n")[:-1]


def largest_relative_difference(ours: list[str], theirs: list[str]) -> float:
    assert len(ours) == len(theirs)
    pairs = [(float(a), float(b)) for a, b in zip(ours, theirs)]
    assert all(math.isfinite(a) for a, _ in pairs)
    return max(abs(a - b) / abs(b) for a, b in pairs)


def test_ported_program_names_no_torch_module() -> None:
    for path in PROGRAMS.glob("*.py"):
        lines = ported(path.read_text(encoding="utf-8")).splitlines()
        imports = [line for line in lines if re.match(r"(import|from) ", line)]
        assert any("facula" in line for line in imports)
        assert not any(re.match(r"(import|from) torch", line) for line in imports)


class TestAgainstTorch:
    pytestmark = needs_torch

    def test_mlp_prints_the_same_losses_for_100_steps(self) -> None:
        ours, theirs = output("mlp.py", "facula"), output("mlp.py", "torch")
        assert len(theirs) == 100
        assert largest_relative_difference(ours, theirs) < 1e-4

    def test_cnn_with_batch_norm_and_dropout_prints_the_same_losses(self) -> None:
        ours, theirs = output("cnn.py", "facula"), output("cnn.py", "torch")
        assert len(theirs) == 33
        assert largest_relative_difference(ours, theirs) < 1e-3


def test_training_gives_the_same_bits_with_one_and_two_threads() -> None:
    assert output("threads.py", "facula", "1") == output("threads.py", "facula", "2")


def test_training_gives_the_same_bits_in_two_runs() -> None:
    assert output("threads.py", "facula", "2") == output("threads.py", "facula", "2")
