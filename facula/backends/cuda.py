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
    """False."""
    return False


def flash_sdp_enabled() -> bool:
    """Whether a GPU would be allowed this kind of attention."""
    return _kernels["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Allows a GPU this kind of attention."""
    _kernels["flash"] = enabled


def math_sdp_enabled() -> bool:
    """Whether a GPU would be allowed this kind of attention."""
    return _kernels["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Allows a GPU this kind of attention."""
    _kernels["math"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """Whether a GPU would be allowed this kind of attention."""
    return _kernels["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Allows a GPU this kind of attention."""
    _kernels["mem_efficient"] = enabled


def cudnn_sdp_enabled() -> bool:
    """Whether a GPU would be allowed this kind of attention."""
    return _kernels["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Allows a GPU this kind of attention."""
    _kernels["cudnn"] = enabled
