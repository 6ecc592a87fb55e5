"""torch.backends.openmp: no compiler made threads here; kernels and threads are facula's own."""


def is_available() -> bool:
    """False."""
    return False
