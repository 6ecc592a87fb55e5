"""torch.backends.mkldnn: Intel's layers are not used; kernels and threads are facula's own."""


def is_available() -> bool:
    """False."""
    return False


enabled = False
