"""torch.backends.mkldnn: Intel's layers are not used; kernels and threads are facula's own."""


def is_available() -> bool:
    """False: the library is not used.

    >>> import facula as torch
    >>> torch.backends.mkldnn.is_available()
    False
    """
    return False


enabled = False
