"""Processors this process may use (affinity, quotas of control groups), and their caches."""

import ctypes
import os
import platform
import sys
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


def cache_sizes(root: Path = Path("/")) -> tuple[int, int]:
    """Bytes of a core's first data cache and of its second cache, as Linux tells; 0: not told.

    >>> min(cache_sizes()) >= 0
    True
    """
    sizes = {"1": 0, "2": 0}
    for folder in sorted((root / "sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_text(folder / name).strip() for name in ("level", "type", "size"))
        digits, unit = size.rstrip("KMG"), size[-1:]
        if level in sizes and kind != "Instruction" and digits.isdigit():
            sizes[level] = int(digits) << {"K": 10, "M": 20, "G": 30}.get(unit, 0)
    return sizes["1"], sizes["2"]


# Linux's arch_prctl on x86-64: may this process keep the state of tiles? By default it may not.
ARCH_PRCTL, REQUEST_STATE, TILE_DATA = 158, 0x1023, 18


def allows_tiles() -> bool:
    """Asks the system for tile state, for all threads of this process; False if it refuses."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_STATE, TILE_DATA) == 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
