"""torch.backends.mps: there is no Apple GPU backend."""


def is_available() -> bool:
    """False: there is no Apple GPU.

    >>> import facula as torch
    >>> torch.backends.mps.is_available()
    False
    """
    return False


def is_built() -> bool:
    """False: there is no Apple GPU.

    >>> import facula as torch
    >>> torch.backends.mps.is_built()
    False
    """
    return False


def is_macos13_or_newer() -> bool:
    """False: there is no backend to ask.

    >>> import facula as torch
    >>> torch.backends.mps.is_macos13_or_newer()
    False
    """
    return False
