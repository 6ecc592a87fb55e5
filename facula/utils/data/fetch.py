"""Fetchers: from what a batch sampler gives to a finished batch, in whichever thread they run."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from facula.utils.data.collate import default_collate, gather
from facula.utils.data.dataset import IterableDataset, fetch


class IndexFetcher:
    """Samples by index, then `collate_fn`; unbatched, each index is one sample."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[..., Any]):
        self.dataset = dataset
        self.batched = batched
        self.collate_fn = collate_fn

    def __call__(self, indices: Any) -> Any:
        if not self.batched:
            return self.collate_fn(self.dataset[indices])
        if self.collate_fn is default_collate:
            batch = gather(self.dataset, indices)
            if batch is not None:
                return batch
        return self.collate_fn(fetch(self.dataset, indices))


class StreamFetcher:
    """The next samples of a stream, then `collate_fn`; raises StopIteration at the stream's end."""

    def __init__(
        self,
        dataset: IterableDataset[Any],
        batched: bool,
        collate_fn: Callable[..., Any],
        drop_last: bool,
    ):
        self.samples = iter(dataset)
        self.batched = batched
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.has_ended = False

    def __call__(self, slots: Any) -> Any:
        if self.has_ended:
            raise StopIteration
        if not self.batched:
            return self.collate_fn(next(self.samples))
        batch = list(islice(self.samples, len(slots)))
        self.has_ended = len(batch) < len(slots)
        if not batch or (self.has_ended and self.drop_last):
            raise StopIteration
        return self.collate_fn(batch)


Fetcher = IndexFetcher | StreamFetcher


def fetcher(
    dataset: Any, batched: bool, collate_fn: Callable[..., Any], drop_last: bool
) -> Fetcher:
    """The way to fetch from this kind of dataset."""
    if isinstance(dataset, IterableDataset):
        return StreamFetcher(dataset, batched, collate_fn, drop_last)
    return IndexFetcher(dataset, batched, collate_fn)
