"""torch.backends.mkl: Intel's linear algebra are not used; kernels and threads are facula's own."""


def is_available() -> bool:
    """False."""
    return False
