"""torch.backends.cuda: nothing was built with CUDA; switches are kept."""


class _Matmul:
    """How a GPU would multiply matrices."""

    __slots__ = (
        "allow_tf32", "allow_fp16_reduced_precision_reduction", "fp32_precision",
        "allow_bf16_reduced_precision_reduction", "allow_fp16_accumulation",
    )  # fmt: skip

    def __init__(self) -> None:
        self.allow_tf32 = False
        self.allow_fp16_reduced_precision_reduction = True
        self.allow_bf16_reduced_precision_reduction = True
        self.allow_fp16_accumulation = False
        self.fp32_precision = "none"


matmul = _Matmul()
_kernels = {"flash": True, "math": True, "mem_efficient": True, "cudnn": True}


def is_built() -> bool:
    """False: nothing was built with CUDA.

    >>> import facula as torch
    >>> torch.backends.cuda.is_built()
    False
    """
    return False


def flash_sdp_enabled() -> bool:
    """Whether a GPU would be allowed the attention that keeps tiles in fast memory; True at first.

    >>> import facula as torch
    >>> torch.backends.cuda.flash_sdp_enabled()
    True
    """
    return _kernels["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Allows a GPU the attention that keeps tiles in fast memory, or forbids it; kept, and without
    effect here.

    >>> import facula as torch
    >>> torch.backends.cuda.enable_flash_sdp(False)
    >>> torch.backends.cuda.flash_sdp_enabled()
    False
    >>> torch.backends.cuda.enable_flash_sdp(True)
    """
    _kernels["flash"] = enabled


def math_sdp_enabled() -> bool:
    """Whether a GPU would be allowed the attention made of plain products; True at first.

    >>> import facula as torch
    >>> torch.backends.cuda.math_sdp_enabled()
    True
    """
    return _kernels["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Allows a GPU the attention made of plain products, or forbids it; kept, and without effect
    here.

    >>> import facula as torch
    >>> torch.backends.cuda.enable_math_sdp(False)
    >>> torch.backends.cuda.math_sdp_enabled()
    False
    >>> torch.backends.cuda.enable_math_sdp(True)
    """
    _kernels["math"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """Whether a GPU would be allowed the attention that keeps little memory; True at first.

    >>> import facula as torch
    >>> torch.backends.cuda.mem_efficient_sdp_enabled()
    True
    """
    return _kernels["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Allows a GPU the attention that keeps little memory, or forbids it; kept, and without effect
    here.

    >>> import facula as torch
    >>> torch.backends.cuda.enable_mem_efficient_sdp(False)
    >>> torch.backends.cuda.mem_efficient_sdp_enabled()
    False
    >>> torch.backends.cuda.enable_mem_efficient_sdp(True)
    """
    _kernels["mem_efficient"] = enabled


def cudnn_sdp_enabled() -> bool:
    """Whether a GPU would be allowed the attention of the cuDNN library; True at first.

    >>> import facula as torch
    >>> torch.backends.cuda.cudnn_sdp_enabled()
    True
    """
    return _kernels["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Allows a GPU the attention of the cuDNN library, or forbids it; kept, and without effect
    here.

    >>> import facula as torch
    >>> torch.backends.cuda.enable_cudnn_sdp(False)
    >>> torch.backends.cuda.cudnn_sdp_enabled()
    False
    >>> torch.backends.cuda.enable_cudnn_sdp(True)
    """
    _kernels["cudnn"] = enabled
