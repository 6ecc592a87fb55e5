"""From a dataset to batches: datasets, samplers, collation and the `DataLoader`.

Order of reading: `dataset.py` (what a sample is), `sampler.py` (which samples, in which order),
`collate.py` (samples to a batch), `dataloader.py` (all of it, in this thread), `worker.py` (the
same in other threads).
"""

from facula.utils.data.collate import default_collate, default_convert
from facula.utils.data.dataloader import DataLoader
from facula.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from facula.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from facula.utils.data.worker import get_worker_info

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
