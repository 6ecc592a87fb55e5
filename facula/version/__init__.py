"""torch.version: what this is and what it was built with. There is no GPU backend."""

from facula.version.number import Version

__version__ = Version("0.1.0")
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
rocm: str | None = None
git_version = "unknown"
debug = False

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "rocm", "xpu"]
