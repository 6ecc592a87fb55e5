"""torch.backends.mkl: Intel's linear algebra are not used; kernels and threads are facula's own."""


def is_available() -> bool:
    """False: the library is not used.

    >>> import facula as torch
    >>> torch.backends.mkl.is_available()
    False
    """
    return False
