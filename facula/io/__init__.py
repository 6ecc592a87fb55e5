"""Checkpoints: `save` and `load` in PyTorch's format, and what the user trusts a file to use."""

from facula.io.checkpoint import load, save
from facula.io.trust import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "safe_globals",
    "save",
]
