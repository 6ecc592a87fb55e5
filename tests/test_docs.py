"""What the documents show runs: the tutorial learns in 400 lines, the README's program trains."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "from_scratch.py"


def output(*arguments: str) -> str:
    """What python prints when run with `arguments` in the project's folder."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tutorial_trains_its_network() -> None:
    text = output(str(TUTORIAL))
    losses = [float(number) for number in re.findall(r"loss ([\d.]+)", text)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] / 4
    assert "accuracy 100%" in text


def test_the_tutorial_fits_in_400_lines_and_needs_only_the_standard_library() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    modules = re.findall(r"^(?:import|from) (\w+)", text, flags=re.MULTILINE)
    assert set(modules) <= sys.stdlib_module_names


def test_the_program_of_the_readme_trains() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    accuracies = re.findall(r"accuracy ([\d.]+)%", output("-c", program))
    assert len(accuracies) == 10
    assert float(accuracies[-1]) > 95


def test_the_size_report_prints_its_tables() -> None:
    assert "| layer | files | lines | code |" in output("tools/size.py")
