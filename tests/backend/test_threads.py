"""The thread pool: any number of threads, several callers, forks, and the end of the process."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from processes import run

import facula as torch
from facula.backend.cpu import machine
from facula.backend.fork_join import ACTIVE, BUSY, OPEN, PARTS, allowed
from facula.backend.processors import available_threads, cache_sizes
from facula.kernel.library.index import Index

LARGE = 1 << 20


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    parts = machine.pool.parts
    yield
    torch.set_num_threads(parts)
    idle()


def idle() -> None:
    """Nobody holds the pool when no kernel runs."""
    state = machine.pool.state
    assert [state[OPEN], state[BUSY]] == [0, 0]


@pytest.mark.parametrize("count", [1, 2, 4, 3, 1])
def test_any_number_of_threads_gives_the_same_bits(count: int) -> None:
    torch.set_num_threads(count)
    assert torch.get_num_threads() == count
    x = torch.arange(LARGE, dtype=torch.float32)
    y = (x * 3 + 1).numpy()
    assert (y == np.arange(LARGE, dtype=np.float32) * 3 + 1).all()
    a = torch.arange(300 * 300.0).reshape(300, 300) / 1000
    product = (a @ a).numpy()
    torch.set_num_threads(1)
    assert (product == (a @ a).numpy()).all()


def test_bad_numbers_of_threads() -> None:
    with pytest.raises(RuntimeError, match="Expected num_threads > 0"):
        torch.set_num_threads(0)
    with pytest.raises(RuntimeError, match="set_num_threads expects an int"):
        torch.set_num_threads(1.5)
    with pytest.raises(RuntimeError, match="set_num_threads expects an int"):
        torch.set_num_threads(True)


def test_room_for_every_worker_that_may_come() -> None:
    limit = machine.workers
    assert limit >= max(4, available_threads())
    torch.set_num_threads(4 * limit)
    assert torch.get_num_threads() == 4 * limit and machine.workers == limit
    assert len(machine.pool.threads) < limit and machine.pool.state[PARTS] == limit
    torch.set_num_threads(1)
    assert machine.workers == limit


def test_many_callers_at_once() -> None:
    torch.set_num_threads(3)
    expected = np.arange(LARGE, dtype=np.float32)
    a = torch.arange(200 * 200.0).reshape(200, 200) / 1000
    square = (a @ a).numpy()
    failures: list[str] = []

    def work(number: int) -> None:
        x = torch.arange(LARGE, dtype=torch.float32)
        for turn in range(15):
            if not ((x + number).numpy() == expected + number).all():
                failures.append(f"sum {number} {turn}")
            if not ((a @ a).numpy() == square).all():
                failures.append(f"product {number} {turn}")
            if number == 0:
                torch.set_num_threads(1 + turn % 4)

    callers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert failures == []


def test_jobs_one_after_the_other_do_not_mix() -> None:
    """A worker that wakes late must not run the blocks of a new job with the old job's body."""
    torch.set_num_threads(4)
    x = torch.ones(60_000)
    outs = [torch.empty(60_000) for _ in range(3)]
    for turn in range(400):
        torch.add(x, turn, out=outs[0])
        torch.mul(x, turn + 1, out=outs[1])
        torch.sub(x, turn, out=outs[2])
        sums = [float(out.numpy().astype(np.float64).sum()) / 60_000 for out in outs]
        assert sums == [1 + turn, turn + 1, 1 - turn]
    assert machine.pool.state[ACTIVE] in range(4)


def test_a_kernel_that_reports_leaves_the_pool_usable() -> None:
    torch.set_num_threads(2)
    table, places = torch.zeros(64, 8), torch.full((64, 4096), 70)
    kernel = machine.compile_plan(Index("take", "f32", 1, 2))
    values = torch.empty(64, 4096)
    strides = (4096, 1, 8, 0, 4096, 1, 64, 1)
    addresses = (values.data_ptr(), table.data_ptr(), places.data_ptr())
    assert kernel(64, 4096, *strides, *addresses) == 1
    idle()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        torch.ones(LARGE, dtype=torch.int32) // torch.zeros(LARGE, dtype=torch.int32)
    assert (torch.ones(LARGE) + 1).sum().item() == 2 * LARGE


def test_bad_arguments_raise_before_anything_runs() -> None:
    kernel = machine.compile_plan(Index("take", "f32", 1, 2))
    with pytest.raises(OverflowError):
        kernel(2**70, *[0] * 12)
    with pytest.raises(TypeError):
        kernel("8", *[0] * 12)
    with pytest.raises(TypeError, match="kernel takes 13 arguments, got 0"):
        kernel()


# --- processes ---------------------------------------------------------------------------------

PRELUDE = """
import os, sys, threading, time
import facula as torch
torch.set_num_threads(3)
x = torch.ones(1 << 20)
def work():
    return (x + 1).sum().item() == 2 << 20
assert work()
"""
BEHIND_ITS_CALLER = """
from facula.backend.cpu import machine
from facula.backend.fork_join import SEATS, SEAT_WORDS
torch.set_num_threads(2)
assert work()
processors = os.sched_getaffinity(0)
here = min(processors)
worker = machine.pool.state[SEATS + SEAT_WORDS + 1]
os.sched_setaffinity(0, {here})
os.sched_setaffinity(worker, {here})
for _ in range(2000):
    assert work()
    if os.sched_getaffinity(worker) == processors - {here}:
        break
    time.sleep(0.001)
else:
    raise AssertionError(os.sched_getaffinity(worker))
"""
FORK = """
child = os.fork()
if child == 0:
    os._exit(0 if work() and torch.get_num_threads() == 3 else 1)
assert os.waitpid(child, 0)[1] == 0 and work()
"""
FORK_WHILE_OTHERS_COMPUTE = """
over = threading.Event()
def compute():
    while not over.is_set():
        work()
others = [threading.Thread(target=compute) for _ in range(2)]
for other in others:
    other.start()
for _ in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if work() else 1)
    assert os.waitpid(child, 0)[1] == 0
over.set()
for other in others:
    other.join()
"""
FORK_AND_LEAVE_NORMALLY = """
child = os.fork()
if child == 0:
    sys.exit(0 if work() else 1)
assert os.waitpid(child, 0)[1] == 0
"""
MULTIPROCESSING = """
import multiprocessing
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    assert pool.apply(work) and pool.map(abs, [-1, 2]) == [1, 2]
"""
SPAWN_OF_PROGRAMS = """
import subprocess
assert subprocess.run(["true"]).returncode == 0 and work()
"""
EXIT_WITH_WAITING_WORKERS = "time.sleep(0.05)"
EXIT_WITH_SPINNING_WORKERS = "work()"
EXIT_WHILE_A_DAEMON_COMPUTES = """
def forever():
    while True:
        work()
threading.Thread(target=forever, daemon=True).start()
time.sleep(0.02)
"""
EXIT_WHILE_ANOTHER_THREAD_COMPUTES = """
def some():
    for _ in range(20):
        assert work()
threading.Thread(target=some).start()
"""
FROM_ATEXIT = """
import atexit
atexit.register(lambda: print(work()))
"""
NO_KERNEL_AT_ALL = "os._exit(0) if os.fork() == 0 else os.wait()"


@pytest.mark.parametrize(
    "program",
    [
        FORK, FORK_WHILE_OTHERS_COMPUTE, FORK_AND_LEAVE_NORMALLY, MULTIPROCESSING,
        SPAWN_OF_PROGRAMS,
        EXIT_WITH_WAITING_WORKERS, EXIT_WITH_SPINNING_WORKERS, EXIT_WHILE_A_DAEMON_COMPUTES,
        EXIT_WHILE_ANOTHER_THREAD_COMPUTES,
    ],
)  # fmt: skip
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_end_well(program: str) -> None:
    assert run(PRELUDE + program) == ""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two processors whose number a thread may ask for",
)
def test_no_worker_waits_behind_its_caller() -> None:
    assert run(PRELUDE + BEHIND_ITS_CALLER) == ""


def test_places_of_workers_only_where_they_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 63, 64}, raising=False)
    assert allowed(3)[:3] == [1 - 2**63, 1, 0]
    for parts in (1, 4):
        assert not any(allowed(parts))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5000}, raising=False)
    assert not any(allowed(2))


def test_a_kernel_at_exit() -> None:
    assert run(PRELUDE + FROM_ATEXIT) == "True\n"


def test_a_fork_before_the_first_kernel() -> None:
    assert run("import os, facula\n" + NO_KERNEL_AT_ALL) == ""


def test_the_number_of_threads_from_the_environment() -> None:
    program = "import facula; print(facula.get_num_threads())"
    assert run(program, FACULA_NUM_THREADS="3", OMP_NUM_THREADS="5") == "3\n"
    assert run(program, FACULA_NUM_THREADS="", OMP_NUM_THREADS="5,2") == "5\n"


# --- how many processors -----------------------------------------------------------------------


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system of a machine with 16 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def test_affinity_alone(system: Path) -> None:
    assert available_threads(system) == 16


@pytest.mark.parametrize(
    "limit, expected",
    [("max 100000", 16), ("400000 100000", 4), ("250000 100000", 2), ("50000 100000", 1), ("", 16)],
)
def test_quota_of_a_control_group(system: Path, limit: str, expected: int) -> None:
    write(system, proc__self__cgroup="0::/", sys__fs__cgroup__cpu_dot_max=limit)
    assert available_threads(system) == expected


def test_quota_of_a_group_around_ours(system: Path) -> None:
    write(system, proc__self__cgroup="0::/a/b", sys__fs__cgroup__a__cpu_dot_max="300000 100000")
    write(system, sys__fs__cgroup__a__b__cpu_dot_max="max 100000")
    assert available_threads(system) == 3


def test_quota_of_the_first_generation(system: Path) -> None:
    write(system, proc__self__cgroup="4:memory:/x\n3:cpu,cpuacct:/x\n0::/")
    folder = system / "sys/fs/cgroup/cpu,cpuacct/x"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert available_threads(system) == 16
    (folder / "cpu.cfs_quota_us").write_text("500000\n")
    assert available_threads(system) == 5


# --- caches ------------------------------------------------------------------------------------


def test_sizes_of_caches(tmp_path: Path) -> None:
    assert cache_sizes(tmp_path) == (0, 0)
    for k, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "64K"), ("2", "Unified", "2M"), ("3", "", "9M")]
    ):
        folder = tmp_path / f"sys/devices/system/cpu/cpu0/cache/index{k}"
        folder.mkdir(parents=True)
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(text + "\n")
    assert cache_sizes(tmp_path) == (48 << 10, 2 << 20)
