"""Which thread runs where, and that the others sleep: the caller on the first core, each package's
workers on the others.

A thread that wakes may be put beside the one that woke it and stay there for a whole sample. That
luck doubles a row's time, now for one package, now for the other; so both get the best placement.
Note [measuring].
"""

import os
import threading
import time
from pathlib import Path
from types import ModuleType

TASKS = Path("/proc/self/task")
# A pool's workers spin for some time after their work; no pool spins longer than the last.
PAUSE_SECONDS, BLIND_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.001, 0.02, 0.5


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


def settle() -> None:
    """Returns when all threads but the calling one sleep: what spins takes a core from others."""
    if not TASKS.exists():
        time.sleep(BLIND_PAUSE_SECONDS)
        return
    end = time.perf_counter() + LONGEST_PAUSE_SECONDS
    time.sleep(PAUSE_SECONDS)
    while any_runs() and time.perf_counter() < end:
        time.sleep(PAUSE_SECONDS)


def any_runs() -> bool:
    """Whether a thread of this process other than the calling one runs, or waits for a core."""
    return any([_state(thread) == "R" for thread in _threads() - {threading.get_native_id()}])


def _state(thread: int) -> str:
    """The letter that Linux gives a thread's state: R runs, S sleeps; "" if it has ended."""
    try:
        text = (TASKS / str(thread) / "stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(") ")[2][:1]


def _threads() -> set[int]:
    return {int(entry.name) for entry in TASKS.iterdir()}
