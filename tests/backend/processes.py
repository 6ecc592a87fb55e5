"""Runs small programs in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(code: str, **environment: str) -> "subprocess.Popen[str]":
    given = dict(os.environ) | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen(
        [sys.executable, "-c", code], env=given, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def output(process: "subprocess.Popen[str]", seconds: float = 60) -> str:
    """What the program printed; it must end well, in time, and say nothing else."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0 and err == "", f"exit {process.returncode}: {err[-3000:]}"
    return out


def run(code: str, **environment: str) -> str:
    return output(start(code, **environment))
