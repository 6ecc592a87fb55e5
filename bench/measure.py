"""The clock: a case is run for both packages in alternating samples, and reported as a ratio.

A machine's speed drifts by tens of percent within minutes; the ratio of two samples taken one after
the other does not. So the figure of a case is the median of the ratios of its pairs.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from types import ModuleType

Build = Callable[[ModuleType], Callable[[], object]]

# A thread pool spins for some milliseconds after its work: let the other package's go to sleep.
SETTLE_SECONDS = 0.008


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time: `build(package)` prepares it and returns the function to run."""

    group: str
    name: str
    build: Build


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: pairs of samples, the length of one, and when to stop early."""

    pairs: int
    sample_seconds: float
    case_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in seconds (medians) or counts.

    `ratio` is the median of the pairs' ratios; `best` that of the two fastest samples, which tells
    more when other programs run on the machine.
    """

    group: str
    name: str
    subject: float
    reference: float
    ratio: float
    best: float
    unit: str = "s"


QUICK = Effort(pairs=5, sample_seconds=0.004, case_seconds=2.0)
FULL = Effort(pairs=41, sample_seconds=0.010, case_seconds=8.0)
FEWEST_PAIRS = 5


def measure(case: Case, subject: ModuleType, reference: ModuleType, effort: Effort) -> Row:
    """The row of `case`: `subject` against `reference`."""
    functions = [case.build(subject), case.build(reference)]
    counts = [_repetitions(function, effort.sample_seconds) for function in functions]
    seconds: list[list[float]] = [[], []]
    end = time.perf_counter() + effort.case_seconds
    for pair in range(effort.pairs):
        if pair >= FEWEST_PAIRS and time.perf_counter() > end:
            break
        for which in (0, 1) if pair % 2 == 0 else (1, 0):  # neither is always the first
            seconds[which].append(_sample(functions[which], counts[which]))
    return row(case.group, case.name, *seconds)


def row(group: str, name: str, ours: Sequence[float], theirs: Sequence[float]) -> Row:
    """The row of paired samples."""
    ratio = median(a / b for a, b in zip(ours, theirs))
    return Row(group, name, median(ours), median(theirs), ratio, min(ours) / min(theirs))


def count(group: str, name: str, number: int) -> Row:
    """A row that counts something only facula has."""
    return Row(group, name, number, 0, math.nan, math.nan, "count")


def _sample(function: Callable[[], object], count: int) -> float:
    time.sleep(SETTLE_SECONDS)
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
        fastest = min(_sample(function, calls) for _ in range(3))
        if fastest * calls >= sample_seconds / 4:
            return max(1, round(sample_seconds / fastest))
        calls *= 4
