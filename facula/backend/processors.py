"""How many processors this process may use: its affinity, and the quotas of its control groups."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def available_threads(root: Path = Path("/")) -> int:
    """Processors to use: as many as the scheduler grants, and no more than the quota pays for.

    >>> available_threads() >= 1
    True
    """
    granted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([granted or 1, *(int(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Processors that each control group of this process, and each group around it, may use.

    Both generations of control groups are asked. A container sees its own group as the outermost.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mounts = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
        if controllers:
            mounts = (f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu")
            if "cpu" not in controllers.split(","):
                continue
        place = PurePosixPath(path)
        for mount in mounts:
            for group in (place, *place.parents):
                folder = root / mount / str(group).lstrip("/")
                numbers = _text(folder / "cpu.max").split()
                if controllers:
                    numbers = _text(folder / "cpu.cfs_quota_us").split()
                    numbers += _text(folder / "cpu.cfs_period_us").split()
                # "max", -1 and missing files mean no limit
                if len(numbers) == 2 and numbers[0].isdigit() and numbers[1].isdigit():
                    yield int(numbers[0]) / max(1, int(numbers[1]))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
