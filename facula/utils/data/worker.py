"""Workers: threads that fetch batches ahead of the loop that uses them.

A `Crew` owns the threads and a queue for each; an `Epoch` is one pass over the data and owns the
queue of results. Threads hold no reference to a loader or its iterator, so dropping the iterator
ends them. Unlike PyTorch's processes they share the program's memory and its default generators;
each has a shallow copy of the dataset, and generators of its own in `get_worker_info().rng`.
"""

import atexit
import copy
import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np

from facula.generator import Generator
from facula.utils.data.dataset import Dataset
from facula.utils.data.fetch import Fetcher, StreamFetcher

# How often a wait without a time limit looks whether the threads still exist (a fork ends them).
LOOK_SECONDS = 5.0


class WorkerRandom(NamedTuple):
    """A worker's own sources of random numbers, seeded with the worker's seed."""

    random_generator: random.Random
    torch_generator: Generator
    numpy_generator: np.random.Generator


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker thread may know of itself; see `get_worker_info`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: WorkerRandom
    worker_method: str = "thread"


_here = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """What the worker thread this is called in knows of itself; None in any other thread.

    `id`, `num_workers`, `seed` and `dataset`, this worker's own copy.

    >>> import facula as torch
    >>> print(torch.utils.data.get_worker_info())
    None
    """
    return getattr(_here, "info", None)


class Failure(NamedTuple):
    """An exception on its way from a worker to the loop."""

    error: BaseException
    worker: int

    def reraise(self) -> None:
        """Raises the same type; the message holds the traceback in the worker."""
        origin = "".join(traceback.format_exception(self.error))
        kind = type(self.error)
        text = (
            f"Caught {kind.__name__} in DataLoader worker thread {self.worker}.\nOriginal {origin}"
        )
        raise _same_kind(kind, text) from self.error


class _End:
    """The answer of a worker whose stream has ended."""


END = _End()


@dataclass(slots=True)
class Epoch:
    """One pass over the data: where its results go, and whether anyone still waits for them."""

    results: "SimpleQueue[Task]" = field(default_factory=SimpleQueue)
    is_cancelled: bool = False


@dataclass(slots=True)
class Task:
    """One batch to fetch; it travels to a worker, is filled there, and comes back."""

    epoch: Epoch
    worker: int
    indices: Any
    is_done: bool = False
    batch: Any = None


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker of a crew does."""

    dataset: Any
    make_fetcher: Callable[[Any], Fetcher]
    init_fn: Callable[[int], object] | None
    base_seed: int
    num_workers: int


class Crew:
    """The threads of one loader iterator, and a queue of tasks for each."""

    def __init__(self, job: Job):
        self.queues: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(job.num_workers)]
        self.epoch = Epoch()
        self.threads = [
            threading.Thread(
                target=_work, args=(job, worker, queue), name=f"facula-data-{worker}", daemon=True
            )
            for worker, queue in enumerate(self.queues)
        ]
        for thread in self.threads:
            thread.start()
        _crews.add(self)

    def begin_epoch(self) -> Epoch:
        """Forgets what is still on its way and starts every worker on a new pass."""
        self.epoch.is_cancelled = True
        self.epoch = Epoch()
        for queue in self.queues:
            queue.put(self.epoch)
        return self.epoch

    def put(self, worker: int, indices: object) -> Task:
        """Hands a batch's indices to a worker."""
        task = Task(self.epoch, worker, indices)
        self.queues[worker].put(task)
        return task

    def wait(self, timeout: float) -> Task:
        """The next finished task; no later than `timeout` seconds from now, unless that is 0."""
        while True:
            try:
                task = self.epoch.results.get(timeout=timeout or LOOK_SECONDS)
            except Empty:
                if timeout:
                    raise RuntimeError(f"DataLoader timed out after {timeout} seconds") from None
                gone = [thread.name for thread in self.threads if not thread.is_alive()]
                if gone:
                    raise RuntimeError(
                        f"DataLoader worker (thread(s) {', '.join(gone)}) exited unexpectedly"
                    ) from None
            else:
                task.is_done = True
                return task

    def dismiss(self) -> None:
        """Ends the threads, each after the sample it is working on; does not wait for them."""
        self.epoch.is_cancelled = True
        for queue in self.queues:
            queue.put(None)

    def join(self, timeout: float | None = None) -> None:
        """Waits until the threads have ended."""
        for thread in self.threads:
            thread.join(timeout)


_crews: "WeakSet[Crew]" = WeakSet()


@atexit.register
def _dismiss_all() -> None:
    # A daemon thread that still prints while the interpreter ends can abort the process.
    crews = list(_crews)
    for crew in crews:
        crew.dismiss()
    for crew in crews:
        crew.join(LOOK_SECONDS)


def _work(job: Job, worker: int, queue: "SimpleQueue[Any]") -> None:
    """The life of a worker thread: an `Epoch` starts a pass, a `Task` is fetched, None ends it."""
    fetch: Any = None
    failure: BaseException | None = None
    is_ready = False
    while (order := queue.get()) is not None:
        if isinstance(order, Epoch):
            if order.is_cancelled:
                continue
            try:
                if not is_ready:
                    dataset = _set_up(job, worker)
                    is_ready = True
                fetch = job.make_fetcher(dataset)
                failure = None
            except BaseException as error:
                failure = error
        elif not order.epoch.is_cancelled:
            order.batch = Failure(failure, worker) if failure else _fetch(fetch, order, worker)
            order.epoch.results.put(order)
        order = None  # a waiting thread keeps no batch alive


def _set_up(job: Job, worker: int) -> Any:
    """Makes this thread a worker: its own copy of the dataset, its own randomness, `init_fn`."""
    seed = job.base_seed + worker
    # A process would have had a copy; what init_fn sets on it must not reach the other workers.
    dataset = copy.copy(job.dataset) if isinstance(job.dataset, Dataset) else job.dataset
    rng = WorkerRandom(
        random.Random(seed), Generator().manual_seed(seed), np.random.default_rng(seed)
    )
    _here.info = WorkerInfo(worker, job.num_workers, seed, dataset, rng)
    if job.init_fn is not None:
        job.init_fn(worker)
    return dataset


def _fetch(fetch: Fetcher, task: Task, worker: int) -> object:
    try:
        return fetch(task.indices)
    except StopIteration as error:
        return END if isinstance(fetch, StreamFetcher) else Failure(error, worker)
    except BaseException as error:
        return Failure(error, worker)


class _Verbatim(str):
    """Text that a KeyError shows as it is, with its line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _same_kind(kind: type[BaseException], text: str) -> BaseException:
    """An exception of that kind with that message; RuntimeError if the kind takes none."""
    if issubclass(kind, StopIteration):
        return RuntimeError(text)  # it would end the caller's loop in silence
    try:
        return kind(_Verbatim(text) if issubclass(kind, KeyError) else text)
    except TypeError:
        return RuntimeError(text)
