"""torch.backends.openmp: no compiler made threads here; kernels and threads are facula's own."""


def is_available() -> bool:
    """False: threads are facula's own.

    >>> import facula as torch
    >>> torch.backends.openmp.is_available()
    False
    """
    return False
