"""torch.backends.opt_einsum: the package that orders products is not used; `einsum` goes left to
right."""

enabled = False
strategy: str | None = None


def is_available() -> bool:
    """False."""
    return False
