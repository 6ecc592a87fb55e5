"""Loaders whose order of samples depends on chance, made with any package of PyTorch's interface.

`python -m tests.utils.orders` writes what real PyTorch does to `orders.json`.
"""

import json
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

STORED = Path(__file__).with_name("orders.json")
LENGTH = 13

# name: function(data module, dataset, generator) that gives the loader's sampling arguments
ORDERS: dict[str, Any] = {
    "in order": lambda d, s, g: {},
    "shuffled": lambda d, s, g: {"shuffle": True},
    "subset": lambda d, s, g: {"sampler": d.SubsetRandomSampler([1, 5, 2, 8], generator=g)},
    "weighted": lambda d, s, g: {
        "sampler": d.WeightedRandomSampler([1.0, 2, 3, 4, 0], 9, generator=g)
    },
    "weighted, no repeats": lambda d, s, g: {
        "sampler": d.WeightedRandomSampler([1.0, 2, 3, 4, 0], 4, False, generator=g)
    },
    "with replacement": lambda d, s, g: {"sampler": d.RandomSampler(s, True, 70, generator=g)},
    "more than there are": lambda d, s, g: {
        "sampler": d.RandomSampler(s, num_samples=30, generator=g)
    },
    "whole rounds": lambda d, s, g: {"sampler": d.RandomSampler(s, num_samples=26, generator=g)},
    "batches of a sampler": lambda d, s, g: {
        "batch_sampler": d.BatchSampler(d.RandomSampler(s, generator=g), 4, True)
    },
}
BATCHES: list[dict[str, Any]] = [
    {"batch_size": None},
    {"batch_size": 1},
    {"batch_size": 5},
    {"batch_size": 5, "drop_last": True},
]
CASES = [
    (order, batch, own_generator)
    for order, batch, own_generator in product(ORDERS, range(len(BATCHES)), (False, True))
    if order != "batches of a sampler" or batch == 0
]


def key(order: str, batch: int, own_generator: bool) -> str:
    return f"{order}, {BATCHES[batch]}{', own generator' if own_generator else ''}"


def plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def epochs(
    torch: ModuleType, order: str, batch: int, own_generator: bool, **options: Any
) -> list[Any]:
    """Two epochs, a number from each generator, the beginning of a third epoch, and numbers again.

    Workers fetch ahead: what they leave behind after the third begins is compared only with
    workers.
    """
    data = torch.utils.data
    torch.manual_seed(11)
    own = torch.Generator().manual_seed(3)
    generator = own if own_generator else None
    dataset = data.TensorDataset(torch.arange(LENGTH))
    sampling = ORDERS[order](data, dataset, generator)
    if "batch_sampler" not in sampling:
        sampling |= BATCHES[batch]
    loader = data.DataLoader(dataset, generator=generator, **sampling, **options)

    def numbers() -> list[float]:
        return [torch.rand(1).item(), torch.rand(1, generator=own).item()]

    result = [[plain(sample)[0] for sample in loader] for _ in range(2)]
    result.append(numbers())
    third = iter(loader)
    result.append(plain(next(third, "nothing"))[0])
    del third
    return [*result, numbers()]


def main() -> None:
    import torch

    lines = [
        f"{json.dumps(key(*case))}:{json.dumps(epochs(torch, *case), separators=(',', ':'))}"
        for case in CASES
    ]
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
