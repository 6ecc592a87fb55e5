"""`python -m bench`: what it prints and writes. It runs as a user runs it; no test imports it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import facula

ROOT = Path(facula.__file__).parent.parent
# A package for the other side, where PyTorch need not be installed: facula, but for one function.
LACKING = """
import facula

def __getattr__(name):
    if name == "where":
        raise AttributeError("no where here")
    return getattr(facula, name)
"""


def bench(*arguments: object, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(path)))},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_small_cases_build_and_run() -> None:
    done = bench("--check", "--group", "dispatch")
    assert (done.returncode, done.stderr) == (0, "")
    cases, failed = done.stdout.splitlines()[-1].split(", ")
    assert failed == "0 failed"
    assert int(cases.split()[0]) > 30


def test_a_run_writes_its_rows_and_shows_what_failed(tmp_path: Path) -> None:
    (tmp_path / "lacking.py").write_text(LACKING)
    results, rows = tmp_path / "results.md", tmp_path / "rows.json"
    asked = ["--quick", "--threads", 1, "--reference", "lacking", "--group", "elementwise"]
    done = bench(*asked, "--filter", "mask", "--results", results, "--json", rows, path=tmp_path)
    assert (done.returncode, done.stderr) == (1, ""), "a failed case must show in the exit status"

    listed = {row["name"]: row for row in json.loads(rows.read_text())["rows"]}
    assert len(listed) == 3
    for name, row in listed.items():
        if "where" in name:
            assert row["error"] == "AttributeError: no where here"
            assert row["ratio"] is None
        else:
            assert row["error"] == ""
            assert row["ratio"] > 0
            assert row["work"] == [9 * 1024**2, "byte", "float32"]

    text = results.read_text()
    assert "failed: AttributeError: no where here" in text
    assert "2 failed" in text.split("## Summary")[1].splitlines()[4]
    assert "multiply-adds in registers" in text
    assert all([name in text and name in done.stdout for name in listed])
