"""Which thread runs where: the caller on the first core, each package's workers on the others.

A thread that wakes may be put beside the one that woke it and stay there for a whole sample. That
luck doubles a row's time, now for one package, now for the other; so both get the best placement.
Note [measuring].
"""

import os
from pathlib import Path
from types import ModuleType


def pin(packages: list[ModuleType], threads: int) -> None:
    """Sets the number of threads of the packages, starts their workers, and gives each a core."""
    cores = sorted(os.sched_getaffinity(0))
    for package in packages:
        package.set_num_threads(threads)
        before = _threads()
        numbers = package.rand(1024, 1024)
        (numbers + numbers).sum()
        workers = sorted(_threads() - before)[1 - threads :] if threads > 1 else []
        for place, worker in enumerate(workers, start=1):
            os.sched_setaffinity(worker, {cores[place % len(cores)]})
    os.sched_setaffinity(os.getpid(), {cores[0]})


def _threads() -> set[int]:
    return {int(entry.name) for entry in Path("/proc/self/task").iterdir()}
