"""torch.version: which PyTorch this is like, which facula it is, what it was built with.

Programs ask `torch.__version__ >= "2.0"` to learn what they may call, so `__version__` begins with
the version of PyTorch whose API this is; facula's own comes behind it, and stands alone in
`facula.version.facula`. Note [versions].
"""

from facula.version.number import Version

facula = "0.1.0"
pytorch = "2.13.0"
__version__ = Version(f"{pytorch}+facula.{facula}")
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
rocm: str | None = None
git_version = "unknown"
debug = False

__all__ = [
    "__version__", "cuda", "debug", "facula", "git_version", "hip", "pytorch", "rocm", "xpu",
]  # fmt: skip
