"""torch.backends.opt_einsum: the package that orders products is not used; `einsum` goes left to
right."""

enabled = False
strategy: str | None = None


def is_available() -> bool:
    """False: the package is not used.

    >>> import facula as torch
    >>> torch.backends.opt_einsum.is_available()
    False
    """
    return False
