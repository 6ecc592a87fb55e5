"""The command line: `python -m bench [--group NAME ...] [--threads N] [--json FILE] [--quick]`.

Prints a Markdown table of facula's time over PyTorch's (below 1: facula is faster). It must set the
number of OpenMP threads before PyTorch is imported, so both packages are imported late.
"""

import argparse
import importlib
import json
import math
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from bench import dispatch, kernels, start, train
from bench.measure import FULL, QUICK, Case, Effort, Row, measure

CASES = {
    "dispatch": dispatch.cases,
    "train": train.cases,
    "gemm": kernels.gemm_cases,
    "conv": kernels.conv_cases,
    "elementwise": kernels.elementwise_cases,
}
GROUPS = [*CASES, start.GROUP]
_CAUTION = "figures of several threads mean little, those of --threads 1 more."


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit status: 1 if a case failed."""
    options = _options(arguments)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    effort = QUICK if options.quick else FULL
    groups = options.group or GROUPS
    rows: list[Row] = []
    if start.GROUP in groups:
        rows += start.rows(options.subject, options.reference, pairs=3 if options.quick else 11)
    subject = importlib.import_module(options.subject)
    reference = importlib.import_module(options.reference)
    for package in (subject, reference):
        package.set_num_threads(options.threads)
    print(_heading(options, subject, reference), flush=True)
    if os.getloadavg()[0] > 1:
        print(f"Other programs run here (load {os.getloadavg()[0]:.1f}): {_CAUTION}\n", flush=True)
    print(_table_head(options), flush=True)
    for row in rows:
        print(_line(row), flush=True)
    failures = 0
    for name in groups:
        if name == start.GROUP:
            continue
        cases = [case for case in CASES[name]() if options.filter in case.name]
        failures += _measure_group(cases, subject, reference, effort, rows)
    _print_means(rows)
    if options.json:
        text = json.dumps([asdict(row) for row in rows], indent=1)
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    return 1 if failures else 0


def _measure_group(
    cases: list[Case], subject: ModuleType, reference: ModuleType, effort: Effort, rows: list[Row]
) -> int:
    """Append a row for each case and print it; the number of cases that raised."""
    failures = 0
    for case in cases:
        try:
            row = measure(case, subject, reference, effort)
        except Exception as error:  # one case that fails must not hide the others' figures
            failures += 1
            message = str(error).splitlines()[0] if str(error) else ""
            print(f"| {case.group} | {case.name} | {type(error).__name__}: {message} | | | |")
            continue
        rows.append(row)
        print(_line(row), flush=True)
    return failures


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--group", action="append", choices=GROUPS, help="may be repeated")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases naming TEXT")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter samples")
    parser.add_argument("--subject", default="facula", help="the package measured")
    parser.add_argument("--reference", default="torch", help="the package it is measured against")
    return parser.parse_args(arguments)


# --- text --------------------------------------------------------------------------------------


def _heading(options: argparse.Namespace, subject: ModuleType, reference: ModuleType) -> str:
    return (
        f"{options.subject} {subject.__version__} against {options.reference} "
        f"{reference.__version__}, {options.threads} threads, Python {platform.python_version()}, "
        f"{_processor()}\n"
    )


def _processor() -> str:
    """The processor's name as Linux gives it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _table_head(options: argparse.Namespace) -> str:
    return (
        f"| group | case | {options.subject} | {options.reference} | ratio | best |\n"
        "|---|---|---:|---:|---:|---:|"
    )


def _line(row: Row) -> str:
    if row.unit == "count":
        return f"| {row.group} | {row.name} | {row.subject:.0f} | | | |"
    times = f"{_time(row.subject)} | {_time(row.reference)}"
    return f"| {row.group} | {row.name} | {times} | {row.ratio:.2f} | {row.best:.2f} |"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _print_means(rows: list[Row]) -> None:
    print("\n| group | cases | geometric mean of ratios |\n|---|---:|---:|")
    for group in dict.fromkeys(row.group for row in rows):
        logs = [math.log(row.ratio) for row in rows if row.group == group and row.ratio > 0]
        print(f"| {group} | {len(logs)} | {math.exp(sum(logs) / len(logs)):.2f} |")


if __name__ == "__main__":
    sys.exit(main())
