"""torch.backends.mps: there is no Apple GPU backend."""


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False


def is_macos13_or_newer() -> bool:
    """False: there is no backend to ask."""
    return False
