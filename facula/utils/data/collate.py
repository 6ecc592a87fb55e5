"""Collation: a list of samples becomes one batch.

Tensors, arrays and numbers gain a leading batch dimension; tuples, lists and mappings are gone
through; strings stay. `gather` is the short road for datasets that are nothing but tensors.
"""

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from facula import ops
from facula.meta.dtype import float64
from facula.tensor import Tensor
from facula.utils.data.dataset import Subset, TensorDataset

CollateMap = dict[type | tuple[type, ...], Callable[..., object]]

WRONG_TYPE = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def default_collate(batch: Sequence[Any]) -> Any:
    """The samples of `batch` joined along a new first dimension.

    Tensors (*) become (N, *), numbers (N), texts a list; tuples, lists and mappings are joined part
    by part. Raises RuntimeError for parts of different sizes, TypeError for other types.

    >>> import facula as torch
    >>> torch.utils.data.default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """As `default_collate`, with a function for each type of element the caller knows how to join.

    The exact type is looked up first, then, in order, the first entry it is an instance of.
    """
    first = batch[0]
    join = _find(type(first), collate_fn_map or {})
    if join is not None:
        return join(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map)
            for key in first
        }
        return _like_mapping(first, columns)
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [collate(part, collate_fn_map=collate_fn_map) for part in zip(*batch)]
        return _like_sequence(first, parts)
    raise TypeError(WRONG_TYPE.format(type(first)))


def default_convert(data: Any) -> Any:
    """`data` with every NumPy array or number in it as a tensor; all else is left as it is.

    >>> import facula as torch
    >>> import numpy as np
    >>> torch.utils.data.default_convert({"x": np.array([0, 1]), "y": "two"})
    {'x': tensor([0, 1]), 'y': 'two'}
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else ops.from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return _like_sequence(data, [default_convert(item) for item in data])
    return data


def gather(dataset: Any, indices: Any) -> list[Tensor] | None:
    """What collating those samples of a dataset of tensors gives, with one selection a tensor.

    None where the general road must answer: other datasets, and indices it would have to explain.
    """
    if type(indices) is not list or not indices:
        return None
    while type(dataset) is Subset:
        if type(dataset.indices) is not list or not _are_indices(indices, len(dataset)):
            return None
        indices = [dataset.indices[index] for index in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not _are_indices(indices, len(dataset)):
        return None
    rows = ops.from_numpy(np.array(indices, np.int64))
    return [tensor.index_select(0, rows) for tensor in dataset.tensors]


def _are_indices(indices: list[Any], stop: int) -> bool:
    return set(map(type, indices)) == {int} and min(indices) >= 0 and max(indices) < stop


def _find(kind: type, functions: CollateMap) -> Callable[..., object] | None:
    if kind in functions:
        return functions[kind]
    return next((function for key, function in functions.items() if issubclass(kind, key)), None)


def _like_mapping(original: Any, content: dict[Any, Any]) -> Any:
    """`content` in a mapping of the type of `original`, or a dict if that type cannot be made."""
    try:
        if isinstance(original, MutableMapping):
            # a copy, not a new object: the type may carry more than its keys (a default factory)
            result = copy.copy(original)
            result.update(content)
            return result
        return type(original)(content)
    except TypeError:
        return content


def _like_sequence(original: Any, content: list[Any]) -> Any:
    """`content` in a sequence of the type of `original`; as in torch, a tuple becomes a list."""
    if isinstance(original, tuple):
        return type(original)(*content) if hasattr(original, "_fields") else content
    try:
        if isinstance(original, MutableSequence):
            result = copy.copy(original)
            for position, item in enumerate(content):
                result[position] = item
            return result
        return type(original)(content)
    except TypeError:
        return content


# --- how each type of element is joined --------------------------------------------------------


def _collate_tensors(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None) -> Tensor:
    return ops.stack(list(batch), 0)


def _collate_arrays(batch: Sequence[np.ndarray], *, collate_fn_map: CollateMap | None) -> object:
    first = batch[0]
    if first.dtype.kind in "SUO":
        raise TypeError(WRONG_TYPE.format(first.dtype))
    if all(
        isinstance(a, np.ndarray) and a.shape == first.shape and a.dtype == first.dtype
        for a in batch
    ):
        return ops.from_numpy(np.stack(batch))
    tensors = [ops.from_numpy(np.asarray(array)) for array in batch]
    return collate(tensors, collate_fn_map=collate_fn_map)


def _collate_scalars(batch: Sequence[np.generic], *, collate_fn_map: CollateMap | None) -> Tensor:
    return ops.from_numpy(np.asarray(batch))


def _collate_floats(batch: Sequence[float], *, collate_fn_map: CollateMap | None) -> Tensor:
    return ops.tensor(batch, dtype=float64)


def _collate_ints(batch: Sequence[int], *, collate_fn_map: CollateMap | None) -> Tensor:
    return ops.tensor(batch)


def _collate_text(batch: Sequence[object], *, collate_fn_map: CollateMap | None) -> object:
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: _collate_tensors,
    np.ndarray: _collate_arrays,
    (np.bool_, np.number, np.object_): _collate_scalars,
    float: _collate_floats,
    int: _collate_ints,
    str: _collate_text,
    bytes: _collate_text,
}
