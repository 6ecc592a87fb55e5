"""Reverse-mode differentiation: graph nodes, the engine that walks them, modes, in-place on views.

The public names load when first used, because the engine stands above the tensors that stand above
the graph.
"""

import importlib
from typing import Any

PUBLIC = {
    "backward": "public",
    "grad": "public",
    "Function": "function",
    "Variable": "variable",
    "gradcheck": "check",
    "gradgradcheck": "check",
    "no_grad": "mode",
    "enable_grad": "mode",
    "inference_mode": "mode",
    "set_grad_enabled": "mode",
    "is_grad_enabled": "mode",
}
HIDDEN = "facula.autograd."


# Modules that nothing else imports.
MODULES = ("functional",)


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return importlib.import_module(HIDDEN + name)
    if name in PUBLIC:
        return getattr(importlib.import_module(HIDDEN + PUBLIC[name]), name)
    raise AttributeError(f"module 'facula.autograd' has no attribute {name!r}")
