"""torch.backends.cpu: what the processor can do."""

from facula.backend.llvm import host_target

_NAMES = {64: "AVX512", 32: "AVX2"}


def get_cpu_capability() -> str:
    """The widest vectors that kernels use: "AVX512", "AVX2" or "DEFAULT".

    >>> import facula as torch
    >>> torch.backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "DEFAULT")
    True
    """
    return _NAMES.get(host_target().vector_bytes, "DEFAULT")
