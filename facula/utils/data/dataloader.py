"""`DataLoader`: batches from a dataset, in the order and with the random draws of PyTorch.

It checks and stores the arguments; `SerialIterator` fetches in this thread, `ThreadIterator` lets
the threads of `worker.py` fetch ahead. Each iterator first starts the sampler, then draws one seed
for workers from the loader's generator (with or without workers), then asks the sampler for
indices.
"""

import math
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from facula.generator import Generator
from facula.utils.data.collate import default_collate, default_convert
from facula.utils.data.dataset import Dataset, IterableDataset
from facula.utils.data.fetch import Fetcher, fetcher
from facula.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    draw_seed,
)
from facula.utils.data.worker import END, Crew, Failure, Job, Task

Batch = TypeVar("Batch", covariant=True)

# Batches that each worker fetches ahead, unless told otherwise.
PREFETCH = 2
FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class DataLoader(Generic[Batch]):
    """Iterates over a dataset in batches; arguments are PyTorch's, workers are threads.

    `num_workers` threads fetch `prefetch_factor` batches each ahead of the loop; `timeout` is in
    seconds. Without them everything happens in the calling thread. `batch_size=None` gives samples
    as they are. Raises ValueError for arguments that contradict each other.

    Differs from torch: there is no process to configure, so `multiprocessing_context` raises.

    >>> import facula as torch
    >>> [batch.tolist() for batch in torch.utils.data.DataLoader([1, 2, 3], batch_size=2)]
    [[1, 2], [3]]
    """

    dataset: Any
    batch_size: int | None
    sampler: Any
    batch_sampler: Any
    num_workers: int
    collate_fn: Callable[..., Any]
    pin_memory: bool
    drop_last: bool
    timeout: float
    generator: Generator | None
    prefetch_factor: int | None
    persistent_workers: bool
    in_order: bool

    _is_initialized = False

    def __init__(
        self,
        dataset: Dataset[Batch],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[Any] | Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[..., Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: object = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.num_workers = num_workers
        self.multiprocessing_context = multiprocessing_context
        if isinstance(dataset, IterableDataset):
            _check_stream_options(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive "
                    "with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching "
                "and is mutually exclusive with drop_last"
            )
        if sampler is None:
            sampler = _default_sampler(dataset, bool(shuffle), generator)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = PREFETCH

        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._iterator: ThreadIterator | None = None
        # What len() promised of a stream: warned about if the stream is longer.
        self._promised_length: int | None = None
        self._is_initialized = True

    @property
    def multiprocessing_context(self) -> None:
        """Always None: workers are threads. Setting anything else raises ValueError.

        >>> import facula as torch
        >>> print(torch.utils.data.DataLoader(range(3)).multiprocessing_context)
        None
        """
        return None

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: object) -> None:
        if context is None:
            return
        if self.num_workers == 0:
            raise ValueError(
                "multiprocessing_context can only be used with multi-process loading "
                f"(num_workers > 0), but got num_workers={self.num_workers}"
            )
        raise ValueError(
            "multiprocessing_context has no meaning here: DataLoader workers are threads of this "
            f"process, but got multiprocessing_context={context!r}"
        )

    def __setattr__(self, name: str, value: object) -> None:
        if self._is_initialized and name in FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> "SerialIterator[Batch] | ThreadIterator[Batch]":
        if self.num_workers == 0:
            return SerialIterator(self)
        if not self.persistent_workers:
            return ThreadIterator(self)
        if self._iterator is None:
            self._iterator = ThreadIterator(self)
        else:
            self._iterator.restart(self)
        return self._iterator

    def __len__(self) -> int:
        dataset = self.dataset
        if not isinstance(dataset, IterableDataset):
            return len(self._index_sampler)
        length: int = len(dataset)  # type: ignore[arg-type]
        self._promised_length = length
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler


class SerialIterator(Generic[Batch]):
    """One pass over a loader's batches, each fetched when it is asked for."""

    def __init__(self, loader: DataLoader[Batch]):
        if loader.timeout:
            raise AssertionError(
                "DataLoader without workers requires timeout == 0, "
                f"but got timeout={loader.timeout}"
            )
        _warn_of_pinning(loader)
        self._loader = loader
        self._indices = iter(loader._index_sampler)
        # Only workers are seeded, but torch draws their seed in every case.
        draw_seed(loader.generator)
        self._fetch = _fetcher_maker(loader)(loader.dataset)
        self._given = 0
        self._promised_length = loader._promised_length

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch = self._fetch(next(self._indices))
        self._given += 1
        if self._promised_length is not None:
            _check_promise(self._loader, self._promised_length, self._given)
        return batch

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


class ThreadIterator(Generic[Batch]):
    """One pass over a loader's batches, fetched ahead by threads; `restart` begins another one."""

    def __init__(self, loader: DataLoader[Batch]):
        _warn_of_pinning(loader)
        indices = iter(loader._index_sampler)
        job = Job(
            dataset=loader.dataset,
            make_fetcher=_fetcher_maker(loader),
            init_fn=loader.worker_init_fn,
            base_seed=draw_seed(loader.generator),
            num_workers=loader.num_workers,
        )
        self._crew = Crew(job)
        self._finalizer = weakref.finalize(self, self._crew.dismiss)
        self._finalizer.atexit = False  # `worker.py` ends all crews then, and waits for them
        self._begin(loader, indices)

    def restart(self, loader: DataLoader[Batch]) -> None:
        """Begins another pass with the same threads."""
        self._begin(loader, iter(loader._index_sampler))

    def _begin(self, loader: DataLoader[Batch], indices: Iterator[object]) -> None:
        self._loader = loader
        self._indices = indices
        self._given = 0
        self._promised_length = loader._promised_length
        self._tasks: deque[Task] = deque()
        self._loads = [0] * loader.num_workers
        self._active = deque(range(loader.num_workers))
        self._crew.begin_epoch()
        each = PREFETCH if loader.prefetch_factor is None else loader.prefetch_factor
        for _ in range(each * loader.num_workers):
            self._send()

    def _send(self) -> None:
        """Gives the next indices to a worker: in turn, or, if order is free, to the least busy."""
        if not self._active:
            return
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        worker = self._active[0]
        if not self._loader.in_order:
            worker = min(self._active, key=self._loads.__getitem__)
        self._active.remove(worker)
        self._active.append(worker)
        self._loads[worker] += 1
        self._tasks.append(self._crew.put(worker, indices))

    def _receive(self) -> Task:
        """The next task in order, or whichever is finished if order is free."""
        if self._loader.in_order:
            while not self._tasks[0].is_done:
                self._crew.wait(self._loader.timeout)
            task = self._tasks.popleft()
        else:
            task = self._crew.wait(self._loader.timeout)
            self._tasks = deque(other for other in self._tasks if other is not task)
        self._loads[task.worker] -= 1
        return task

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        while self._tasks:
            task = self._receive()
            if task.batch is END and task.worker in self._active:
                self._active.remove(task.worker)
            self._send()
            if isinstance(task.batch, Failure):
                task.batch.reraise()
            if task.batch is END:
                continue
            self._given += 1
            if self._promised_length is not None:
                _check_promise(self._loader, self._promised_length, self._given)
            return task.batch
        if not self._loader.persistent_workers and self._finalizer.detach():
            self._crew.dismiss()
            self._crew.join()
        raise StopIteration

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


class _EndlessSampler(Sampler[None]):
    """As many Nones as anyone takes: a stream has no indices, only a number of samples to take."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


def _default_sampler(dataset: Any, shuffle: bool, generator: Generator | None) -> Sampler[Any]:
    if isinstance(dataset, IterableDataset):
        return _EndlessSampler()
    if shuffle:
        return RandomSampler(dataset, generator=generator)
    return SequentialSampler(dataset)


def _fetcher_maker(loader: DataLoader[Any]) -> Callable[[Any], Fetcher]:
    return partial(
        fetcher,
        batched=loader.batch_sampler is not None,
        collate_fn=loader.collate_fn,
        drop_last=loader.drop_last,
    )


# --- checks ------------------------------------------------------------------------------------


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; "
            "use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, "
            "otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if prefetch_factor == 0:
        raise ValueError("prefetch_factor must be greater than 0")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream_options(shuffle: object, sampler: object, batch_sampler: object) -> None:
    """A stream decides its order itself."""
    options = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, "
                f"but got {name}={value}"
            )


def _check_promise(loader: DataLoader[Any], promised: int, given: int) -> None:
    """Warns when a stream has given more than its len() said."""
    if given <= promised:
        return
    message = (
        f"Length of IterableDataset {loader.dataset} was reported to be "
        f"{promised}(when accessing len(dataloader)), "
        f"but {given} samples have been fetched. "
    )
    if loader.num_workers > 0:
        message += (
            "With several workers, this could be caused by not dividing the IterableDataset "
            "among them: see get_worker_info()."
        )
    warnings.warn(message, stacklevel=3)


def _warn_of_pinning(loader: DataLoader[Any]) -> None:
    if not loader.pin_memory:
        return
    if loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=4,
        )
    warnings.warn(
        "'pin_memory' argument is set as true but no accelerator is found, "
        "then device pinned memory won't be used.",
        stacklevel=4,
    )
