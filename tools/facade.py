"""Writes `facula/__init__.py`: the public names, one a line, from the records and the library.

Run `python tools/facade.py` after adding a record; a test compares the file with what this prints.
"""

import ast
import importlib
import pkgutil
import sys
import textwrap
import types
from pathlib import Path

# Packages that are no part of torch's namespace, and files that are.
HIDDEN_PACKAGES = ("autograd", "backend", "bind", "dispatch", "kernel", "launch", "meta", "ops")
PUBLIC_FILES = ("storage", "version")

TARGET = Path(__file__).resolve().parent.parent / "facula" / "__init__.py"

if "facula" not in sys.modules:
    # The package without its facade, which may name records that are gone.
    bare = types.ModuleType("facula")
    bare.__path__ = [str(TARGET.parent)]
    sys.modules["facula"] = bare
importlib.import_module("facula.ops")
registry = importlib.import_module("facula.op").registry

# Modules whose names are the facade's too, and which are loaded when one of them is asked for.
LATE_MODULES = ("facula.asking", "facula.meta.other", "facula.old", "facula.settings",
                "facula.symbolic")  # fmt: skip
LATE = {"load": "facula.io.checkpoint", "save": "facula.io.checkpoint"} | {
    name: module for module in LATE_MODULES for name in importlib.import_module(module).__all__
}
SUBPACKAGES = sorted(
    found.name
    for found in pkgutil.iter_modules([str(TARGET.parent)])
    if found.name in PUBLIC_FILES or found.ispkg and found.name not in HIDDEN_PACKAGES
)

HEAD = '''"""facula: deep learning in pure Python with PyTorch's API.

`import facula as torch` runs the programs people learn and do deep learning with. This file holds
names only and is written by `tools/facade.py`; functions are made, and subpackages loaded, when
first used.
"""

import importlib
from typing import Any

from facula import autograd
from facula.autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from facula.backend.control import (
    empty_cache,
    get_num_threads,
    memory_stats,
    set_num_threads,
)
from facula.format import set_printoptions
from facula.generator import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from facula.launch.contraction import (
    get_float32_matmul_precision,
    set_float32_matmul_precision,
)
from facula.meta.device import device
from facula.meta.dtype import (
    bfloat16,
    can_cast,
    complex32,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from facula.meta.dtype import bool_ as bool
from facula.meta.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from facula.meta.shape import Size
from facula.meta.shape import public_broadcast_shapes as broadcast_shapes
from facula.op import registry as _records
from facula.ops.query import (
    is_complex,
    is_conj,
    is_floating_point,
    is_neg,
    is_tensor,
    numel,
    result_type,
)
from facula.tensor import Tensor
from facula.version import __version__ as __version__

cdouble = complex128
cfloat = complex64
chalf = complex32
double = float64
float = float32
half = float16
int = int32
long = int64
short = int16
inf = 1e400
nan = inf - inf
pi = 3.141592653589793
e = 2.718281828459045
'''

TAIL = """

def __getattr__(name: str) -> Any:
    record = _records.get(name)
    if record is not None and record.namespace == "torch" and not name.endswith("_"):
        function = globals()[name] = record.function
        return function
    if record is None and name.endswith("_"):
        record = _records.get(name[:-1])
    if record is not None and record.in_torch:
        written = globals()[name] = (
            record.function if record.name == name else record.inplace_function
        )
        return written
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"facula.{name}")
    raise AttributeError(f"module 'facula' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER, *_SUBPACKAGES})
"""


def public_names() -> list[str]:
    """Records that appear in the torch namespace as functions."""
    return sorted(
        name for name, op in registry.items() if op.namespace == "torch" and not name.endswith("_")
    )


def head_names() -> list[str]:
    """Public names that the head itself binds."""
    names: list[str] = []
    for statement in ast.parse(HEAD).body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("facula"):
            names += [one.asname or one.name for one in statement.names]
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return [name for name in names if not name.startswith("_")]


def written_names() -> list[str]:
    """In-place forms that are functions of torch."""
    return sorted(
        name if name.endswith("_") else f"{name}_" for name, op in registry.items() if op.in_torch
    )


def hidden_names() -> list[str]:
    """Public names that are those of modules too: an attribute that would hide the function."""
    package = TARGET.parent
    return [
        name
        for name in public_names()
        if (package / name).is_dir() or (package / f"{name}.py").is_file()
    ]


def wrapped(text: str, indent: int, end: str) -> list[str]:
    blank = " " * indent
    return textwrap.wrap(text, 100 - len(end), initial_indent=blank, subsequent_indent=blank)


def late_tables() -> list[str]:
    """Where names come from that are loaded when first asked for."""
    taken = {*head_names(), *public_names()}
    lines = ["_LATER = {", "    name: module", "    for module, names in ("]
    for module in sorted(set(LATE.values())):
        names = " ".join(
            sorted(name for name in LATE if LATE[name] == module and name not in taken)
        )
        if names:
            texts = [f'"{line.strip()} "' for line in wrapped(names, 13, '" "')]
            texts[-1] = texts[-1].replace(' "', '"')
            lines += [f'        ("{module}",', *[" " * 9 + text for text in texts]]
            lines[-1] += "),"
    packages = ", ".join(f'"{name}"' for name in SUBPACKAGES)
    return [*lines, "    )", "    for name in names.split()", "}  # fmt: skip",
            "_SUBPACKAGES = (", *wrapped(packages + ",", 4, ""), ")  # fmt: skip"]  # fmt: skip


def facade() -> str:
    """The text of `facula/__init__.py`."""
    lines = [f'{name} = _records["{name}"].function' for name in hidden_names()]
    every = ", ".join(
        f'"{name}"' for name in sorted({*head_names(), *public_names(), *written_names()})
    )
    listed = textwrap.wrap(every + ",", 100, initial_indent="    ", subsequent_indent="    ")
    shown = ["__all__ = [", *listed, "]  # fmt: skip", "", *late_tables()]
    return HEAD + "\n" + "\n".join([*lines, "", *shown]) + "\n" + TAIL


if __name__ == "__main__":
    TARGET.write_text(facade())
    print(f"{TARGET.name}: {len(public_names())} functions")
