"""The clock: a case is run for both packages in alternating samples, and reported as a ratio.

A machine's speed drifts by tens of percent within minutes; the ratio of two samples taken one after
the other does not. So the figure of a case is the median of the ratios of its pairs. Note
[measuring].
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from types import ModuleType
from typing import NamedTuple

from bench.cores import settle

Build = Callable[[ModuleType], Callable[[], object]]


class Work(NamedTuple):
    """What one call does: so many "flop" in arithmetic of `kind`, or so many "byte" moved."""

    amount: float
    unit: str
    kind: str = "float32"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time: `build(package)` prepares it and returns the function to run.

    With `rival` the subject is measured against itself: `rival(subject)` against `build(subject)`.
    A case that does not count is shown, and left out of its group's figures. `needs` names what
    the subject's `nn` must have for the case to exist.
    """

    group: str
    name: str
    build: Build
    work: Work | None = None
    rival: Build | None = None
    counts: bool = True
    needs: tuple[str, ...] = ()

    def exists_for(self, subject: ModuleType) -> bool:
        return all([hasattr(subject.nn, name) for name in self.needs])


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: pairs of samples, the length of one, and when to stop early."""

    pairs: int
    sample_seconds: float
    case_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in seconds (medians), bytes or counts.

    `ratio` is the median of the pairs' ratios; `best` that of the two fastest samples, which tells
    more when other programs run on the machine. A row's own `limit` is for its ratio, or for what
    the subject measured if `limits` is "subject". A row with an `error` has no figures.
    """

    group: str
    name: str
    subject: float = math.nan
    reference: float = math.nan
    ratio: float = math.nan
    best: float = math.nan
    unit: str = "s"
    work: Work | None = None
    counts: bool = True
    limit: float | None = None
    limits: str = "ratio"
    error: str = ""


QUICK = Effort(pairs=5, sample_seconds=0.004, case_seconds=0.3)
FULL = Effort(pairs=31, sample_seconds=0.010, case_seconds=1.2)
FEWEST_PAIRS = 3


def measure(case: Case, subject: ModuleType, reference: ModuleType, effort: Effort) -> Row:
    """The row of `case`: `subject` against `reference`; one with an error if either raised."""
    try:
        rival = case.rival(subject) if case.rival else case.build(reference)
        functions = [case.build(subject), rival]
        counts = [_repetitions(function, effort.sample_seconds) for function in functions]
        seconds: list[list[float]] = [[], []]
        end = time.perf_counter() + effort.case_seconds
        for pair in range(effort.pairs):
            if pair >= FEWEST_PAIRS and time.perf_counter() > end:
                break
            for which in (0, 1) if pair % 2 == 0 else (1, 0):  # neither is always the first
                seconds[which].append(_sample(functions[which], counts[which]))
    except Exception as error:  # one case that fails must not hide the others' figures
        lines = str(error).splitlines() or [""]
        message = f"{type(error).__name__}: {lines[0]}"
        return Row(case.group, case.name, counts=case.counts, error=message)
    return row(case.group, case.name, *seconds, work=case.work, counts=case.counts)


def row(
    group: str,
    name: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    work: Work | None = None,
    counts: bool = True,
    limit: float | None = None,
    limits: str = "ratio",
) -> Row:
    """The row of paired samples."""
    ratio = median([a / b for a, b in zip(ours, theirs)])
    best = min(ours) / min(theirs)
    figures = (median(ours), median(theirs), ratio, best, "s")
    return Row(group, name, *figures, work, counts, limit, limits)


def count(group: str, name: str, number: int) -> Row:
    """A row that counts something only facula has."""
    return Row(group, name, number, unit="count", counts=False)


def _sample(function: Callable[[], object], count: int) -> float:
    """Seconds a call, over `count` calls; where they are short, after an unmeasured one.

    Begins when the other package's workers sleep.
    """
    settle()
    if count > 1:
        function()
    start = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - start) / count


def _repetitions(function: Callable[[], object], sample_seconds: float) -> int:
    """How many calls fill one sample; the calls made to find out are the warm-up."""
    function()
    calls = 1
    while True:
        fastest = _sample(function, calls)
        if fastest * calls < sample_seconds:  # short: what interrupts one would spoil the number
            fastest = min(fastest, _sample(function, calls), _sample(function, calls))
        if fastest * calls >= sample_seconds / 4:
            return max(1, round(sample_seconds / fastest))
        calls *= 4
