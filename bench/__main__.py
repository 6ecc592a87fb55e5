"""The command line: `python -m bench [--group NAME] [--filter TEXT] [--results FILE] [--quick]`.

Prints a Markdown table of facula's time over PyTorch's (below 1: facula is faster). It must set the
number of OpenMP threads before PyTorch is imported, so both packages are imported late.
"""

import argparse
import datetime
import gc
import importlib
import json
import math
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from bench import conv, cores, dispatch, elementwise, gemm, report, start, train
from bench.measure import FULL, QUICK, Case, Row, measure
from bench.peaks import Peaks, measure_peaks

CASES = {
    "dispatch": dispatch.cases,
    "elementwise": elementwise.cases,
    "gemm": gemm.cases,
    "half": gemm.half_cases,
    "conv": conv.cases,
    "train": train.cases,
}
GROUPS = [*CASES, start.GROUP]
_CAUTION = "figures of several threads mean little, those of --threads 1 more."


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit status: 1 if a case failed."""
    options = _options(arguments)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    groups = options.group or GROUPS
    if options.check:
        return _check(groups, options)
    rows: list[Row] = []
    if start.GROUP in groups:
        pairs = 3 if options.quick else 7
        rows += start.rows(options.subject, options.reference, pairs, options.filter)
    subject = importlib.import_module(options.subject)
    reference = importlib.import_module(options.reference)
    load = os.getloadavg()[0]
    cores.pin([subject, reference], options.threads)
    peaks = None
    heading = _heading(options, subject, reference)
    if options.subject == "facula":
        counts = sorted({1, options.threads})
        measured = {count: measure_peaks(subject, count) for count in counts}
        heading += "\n" + report.peaks_table(measured)
        peaks = measured[options.threads]
    print(heading, flush=True)
    if load > 1:
        print(f"Other programs run here (load {load:.1f}): {_CAUTION}\n", flush=True)
    print(report.table_head(options.subject, options.reference), flush=True)
    for row in rows:
        print(report.line(row, peaks), flush=True)
    effort = QUICK if options.quick else FULL
    gc.freeze()  # what the imports made stays: collecting between cases need not look at it
    for case in _cases(groups, options.filter, subject):
        gc.collect()
        row = measure(case, subject, reference, effort)
        rows.append(row)
        print(report.line(row, peaks), flush=True)
    print(f"\n{report.summary(rows)}\n")
    if above := report.over(rows):
        print(
            report.table_head(options.subject, options.reference).replace(
                "case", "above its limit", 1
            )
        )
        print("\n".join(report.line(row, peaks) for row in above))
    _write(options, heading, rows, peaks)
    return 1 if any([row.error for row in rows]) else 0


def _check(groups: list[str], options: argparse.Namespace) -> int:
    """Builds and runs every case once with the subject alone; the exit status."""
    subject = importlib.import_module(options.subject)
    cases, failed = _cases(groups, options.filter, subject), 0
    for case in cases:
        try:
            case.build(subject)()
            if case.rival:
                case.rival(subject)()
        except Exception as error:  # the others are to be seen as well
            failed += 1
            print(f"{case.group}: {case.name}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


def _cases(groups: list[str], wanted: str, subject: ModuleType) -> list[Case]:
    listed = [case for name in groups if name in CASES for case in CASES[name]()]
    return [case for case in listed if wanted in case.name and case.exists_for(subject)]


def _write(options: argparse.Namespace, heading: str, rows: list[Row], peaks: Peaks | None) -> None:
    """The files asked for: rows as JSON, everything as Markdown."""
    if options.json:
        listed = [asdict(row) for row in rows]
        for entry in listed:
            for key, value in entry.items():
                if isinstance(value, float) and math.isnan(value):
                    entry[key] = None
        lines = ",\n".join(json.dumps(entry) for entry in listed)
        text = f'{{"about": {json.dumps(heading)},\n"rows": [\n{lines}\n]}}\n'
        Path(options.json).write_text(text, encoding="utf-8")
    if options.results:
        text = report.document(heading, rows, peaks, options.subject, options.reference)
        Path(options.results).write_text(text, encoding="utf-8")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--group", action="append", choices=GROUPS, help="may be repeated")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases naming TEXT")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--check", action="store_true", help="run each case once, time nothing")
    parser.add_argument("--results", metavar="FILE", help="also write a Markdown document to FILE")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to FILE")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter samples")
    parser.add_argument("--subject", default="facula", help="the package measured")
    parser.add_argument("--reference", default="torch", help="the package it is measured against")
    return parser.parse_args(arguments)


def _heading(options: argparse.Namespace, subject: ModuleType, reference: ModuleType) -> str:
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    effort = ", quick" if options.quick else ""
    return (
        f"{options.subject} {subject.__version__} against {options.reference} "
        f"{reference.__version__}, {options.threads} threads, Python {platform.python_version()}, "
        f"{_processor()}, {day}{effort}\n"
    )


def _processor() -> str:
    """The processor's name as Linux gives it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
