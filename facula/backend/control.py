"""What a user may ask of the machine: threads, and the state of the memory pools."""

from facula.backend.cpu import machine


def get_num_threads() -> int:
    """How many threads kernels use.

    >>> import facula as torch
    >>> torch.get_num_threads() > 0
    True
    """
    return machine.pool.parts


def set_num_threads(count: int) -> None:
    """Sets how many threads kernels use; results do not depend on it.

    Raises RuntimeError for what is no positive int.

    >>> import facula as torch
    >>> before = torch.get_num_threads()
    >>> torch.set_num_threads(1)
    >>> torch.get_num_threads()
    1
    >>> torch.set_num_threads(before)
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count <= 0:
        raise RuntimeError("Expected num_threads > 0 to be true, but got false.")
    machine.set_threads(count)


def memory_stats() -> dict[str, int]:
    """Bytes reserved from the system, cached in pools, and in use. facula's own.

    >>> import facula
    >>> sorted(facula.memory_stats())[:2]
    ['allocated_bytes', 'cached_blocks']
    """
    return machine.memory.statistics()


def empty_cache() -> None:
    """Returns cached large blocks of memory to the system. facula's own.

    >>> import facula
    >>> facula.empty_cache()
    """
    machine.memory.empty_cache()
