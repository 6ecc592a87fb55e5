"""Writes the stubs that type checkers and editors read, from the records' schemas:
`facula/__init__.pyi` (functions of the package), `facula/methods.pyi` (methods of Tensor), and
`__init__.pyi` of the packages whose functions are records (`linalg`, `fft`, `special`).

Run `python tools/stubs.py` after adding a record; a test compares the files with what this prints.
"""

import ast
import functools
import importlib
import inspect
import keyword
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
facade = importlib.import_module("facade")
registry = facade.registry
schemas = importlib.import_module("facula.meta.schema")
records = importlib.import_module("facula.op")

TYPES = {
    "Tensor": "Tensor", "Scalar": "Number", "int": "_int", "float": "_float", "bool": "_bool",
    "str": "str", "ScalarType": "_dtype", "Layout": "_layout", "Device": "DeviceLike",
    "MemoryFormat": "_memory_format", "Generator": "_Generator", "Dimname": "str", "Any": "Any",
    "Callable": "Callable[..., Any]", "Storage": "Any", "complex": "builtins.complex",
}  # fmt: skip
COMMON = """\
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float
_bool: TypeAlias = builtins.bool
Number: TypeAlias = builtins.int | builtins.float | builtins.bool | builtins.complex
DeviceLike: TypeAlias = _device | str | builtins.int
"""
HEAD = '''\
"""Written by `tools/stubs.py` from the records' schemas."""

import builtins
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, overload

from facula.generator import Generator as _Generator
from facula.meta.device import device as _device
from facula.meta.dtype import dtype as _dtype
from facula.meta.layout import layout as _layout
from facula.meta.layout import memory_format as _memory_format
from facula.tensor import Tensor{again}

'''
NAMED_DIMS = ("dim", "dim0", "dim1", "axis", "start_dim", "end_dim")
SPREAD = ("size", "shape", "dims", "repeats", "sizes")


def annotation(argument: Any, numbers: bool) -> str:
    """A schema type in Python's words."""
    text = TYPES[argument.base]
    if argument.base == "Tensor" and numbers and not argument.is_list:
        text = "Tensor | Number"
    if argument.is_list:
        inner = f"{text} | None" if "?[]" in argument.type else text
        text = f"Sequence[{inner}]"
        if argument.length is not None or argument.base == "int":
            text = f"{TYPES[argument.base]} | {text}"
    if argument.name in NAMED_DIMS and argument.base == "int":
        text += " | str"  # dims may have names
    if argument.is_optional or argument.default is None:
        text += " | None"
    return text


# Arguments that Python's functions take beside those of the schemas.
IN_PYTHON = {"requires_grad": "_bool", "out": "Tensor | None"}


def forward_of(op: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of a record's function, for records that have one of Python's."""
    forward = getattr(op, "forward", None)
    return {} if forward is None else inspect.signature(forward).parameters


def parameters(
    op: Any, schema: Any, first: str, spread: bool = False, written: bool = False
) -> str:
    """The parameters of one overload; `first` is what its first tensor is called. `spread`: what
    may be given one by one instead of in a list is."""
    numbers = isinstance(op, records.Pointwise) and not op.tensors_only
    parts: list[str] = []
    seen: set[str] = set()
    starred = optional = False
    for place, one in enumerate(schema.arguments):
        name = first if one.name == "self" else one.name
        if name in seen or (one.name == "names" and one.base == "Dimname"):
            continue
        seen.add(name)
        name = f"{name}_" if keyword.iskeyword(name) else name
        if one.name == "self" and first == "self":
            parts.append("self")
            continue
        if spread and one.is_list and is_spread(op, one):
            parts.append(f"*{name}: {TYPES[one.base]}")
            starred = True
            continue
        if written and one.name == "out":
            continue
        if (one.keyword_only or one.name == "out") and not starred:
            parts.append("*")
            starred = True
        wide = numbers and one.base == "Tensor" and place > 0
        text = f"{name}: {annotation(one, wide)}"
        if one.default is not schemas.REQUIRED or (optional and not starred):
            text += " = ..."
            optional = optional or not starred
        parts.append(text)
    for name, text in IN_PYTHON.items():
        own = name in forward_of(op) and not (name == "out" and (written or first == "self"))
        if own and name not in seen:
            parts += ["*"] * (not starred)
            starred = True
            parts.append(f"{name}: {text} = ...")
    return ", ".join(parts)


def is_spread(op: Any, argument: Any) -> bool:
    """Whether a list may come as several arguments: sizes, and tensors where Python's function
    gathers them."""
    if argument.base == "Tensor":
        return any(p.kind is p.VAR_POSITIONAL for p in forward_of(op).values())
    return argument.name in SPREAD


def result(name: str, schema: Any, classes: dict[str, str]) -> str:
    """What a schema returns; results with names become a NamedTuple."""
    returns = schema.returns
    if not returns:
        return "None"
    if name in LOOSE:
        return "Any"
    words = [TYPES[r.type.rstrip("?[]")] for r in returns]
    words = [
        f"tuple[{w}, ...]" if "[]" in r.type else w for w, r in zip(words, returns, strict=True)
    ]
    if len(returns) == 1:
        return words[0]
    fields = FIELDS.get(name) or [r.name for r in returns]
    if all(fields) and len(fields) == len(returns):
        made = f"_{name}_result"
        lines = "".join(f"    {f}: {w}\n" for f, w in zip(fields, words, strict=True))
        classes[made] = f"class {made}(NamedTuple):\n{lines}"
        return made
    return f"tuple[{', '.join(words)}]"


# What a schema cannot say: arguments, and results that arguments decide.
BY_HAND = {
    "to": ["({self}*args: Any, **named: Any) -> Tensor"],
    "nonzero": [
        "({self}*, as_tuple: Literal[False] = ...) -> Tensor",
        "({self}*, as_tuple: Literal[True]) -> tuple[Tensor, ...]",
    ],
} | {
    f"atleast_{n}d": [
        "(tensor: Tensor) -> Tensor",
        "(*tensors: Tensor) -> tuple[Tensor, ...]",
        "(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]",
    ]
    for n in (1, 2, 3)
}
# Functions that give fewer results than their schemas name, unless asked.
LOOSE = ("unique", "unique_consecutive", "unique_dim", "histogramdd")
# Fields of results whose schemas do not name them.
PLACED = (
    "max",
    "min",
    "sort",
    "topk",
    "cummax",
    "cummin",
    "median",
    "nanmedian",
    "kthvalue",
    "mode",
)
FIELDS = {name: ["values", "indices"] for name in PLACED} | {"aminmax": ["min", "max"]}


def overloads(
    op: Any, name: str, first: str, classes: dict[str, str], written: bool = False
) -> list[str]:
    """The definitions of one function, one a schema; sizes also one by one."""
    made: list[str] = []
    if name in BY_HAND:
        me = "self, " if first == "self" else "input: Tensor, "
        return [f"def {name}{text.format(self=me)}: ..." for text in BY_HAND[name]]
    for schema in op.schemas:
        given = schema.arguments
        if any(one.base not in TYPES for one in given):
            continue
        if first == "self" and not (given and given[0].name == "self"):
            continue
        returns = "Tensor" if written else result(op.name, schema, classes)
        for spread in (False, True):
            if spread and not any(a.is_list and is_spread(op, a) for a in schema.arguments[:2]):
                continue
            text = f"def {name}({parameters(op, schema, first, spread, written)}) -> {returns}: ..."
            if text not in made:
                made.append(text)
    return made


def definitions(names: Iterable[tuple[Any, str, bool]], first: str, indent: str) -> Iterator[str]:
    """Stub lines of functions, with the classes of their results before them."""
    classes: dict[str, str] = {}
    lines: list[str] = []
    for op, name, written in names:
        made = overloads(op, name, first, classes, written)
        marks = f"{indent}@overload\n" if len(made) > 1 else ""
        ignore = "  # type: ignore[overload-overlap, overload-cannot-match, unused-ignore]"
        lines += [f"{marks}{indent}{text}{ignore if marks else ''}" for text in made]
    yield from classes.values()
    yield from [f"class {CLASS}:"] if indent else []
    yield from lines


CLASS = "Methods"


def methods() -> list[tuple[Any, str, bool]]:
    """Records that are methods and not written out in `facula/tensor.py`."""
    tree = ast.parse((ROOT / "facula" / "tensor.py").read_text(encoding="utf-8"))
    tensor = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Tensor")
    own = {n.name for n in ast.walk(tensor) if isinstance(n, ast.FunctionDef)}
    own |= {n.target.id for n in tensor.body if isinstance(n, ast.AnnAssign)}  # type: ignore[union-attr]
    found: list[tuple[Any, str, bool]] = []
    for name, op in sorted(registry.items()):
        if name.startswith("_") or not op.method or name in own:
            continue
        found.append((op, name, False))
        if op.inplace and f"{name}_" not in registry:
            found.append((op, f"{name}_", True))
    return found


def functions() -> list[tuple[Any, str, bool]]:
    return [(registry[n], n, False) for n in facade.public_names() if not n.startswith("_")]


def operators() -> Iterator[str]:
    """Python's operators, and the methods that are hung on Tensor beside the records'."""
    method = importlib.import_module("facula.bind.methods")
    inplace = {f"{op.name}_" for op in registry.values() if op.inplace} | set(registry)
    for dunder, name in method.OPERATORS.items():
        ignore = "  # type: ignore[override]" if dunder in ("eq", "ne") else ""
        yield f"__{dunder}__(self, other: Any) -> Tensor: ...{ignore}"
        if dunder not in method.COMPARISONS:
            yield f"__r{dunder}__(self, other: Any) -> Tensor: ..."
            if f"{name}_" in inplace:
                yield f"__i{dunder}__(self, other: Any) -> Tensor: ..."
    for dunder in method.UNARY:
        yield f"__{dunder}__(self) -> Tensor: ..."
    yield "__getitem__(self, index: Any) -> Tensor: ..."
    yield "__setitem__(self, index: Any, value: Any) -> None: ..."
    yield (
        "backward(self, gradient: Tensor | None = ..., retain_graph: _bool | None = ..., "
        "create_graph: _bool = ..., inputs: Any = ...) -> None: ..."
    )


def methods_stub() -> str:
    lines = [*definitions(methods(), "self", "    "), *[f"    def {one}" for one in operators()]]
    return HEAD.format(again="") + COMMON + "\n" + "\n".join(lines) + "\n"


def package_stub() -> str:
    """Imports and constants of the facade, subpackages, functions."""
    tree = ast.parse(facade.HEAD)
    lines: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("facula"):
            lines += [
                f"from {node.module} import {a.name} as {a.asname or a.name}"
                for a in node.names
                if not (a.asname or "").startswith("_")
            ]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, ast.unparse(node.value)
            if re.fullmatch(r"\w+", value) and value not in ("inf",) and not value[0].isdigit():
                lines.append(f"{name} = {value}")
            else:
                lines.append(f"{name}: _float")
    packages = re.search(r"_SUBPACKAGES = (\([^)]*\))", facade.facade(), re.DOTALL)
    assert packages is not None
    lines += [f"from facula import {name} as {name}" for name in ast.literal_eval(packages[1])]
    lines += [
        f"from {module} import {name} as {name}"
        for name, module in sorted(facade.LATE.items())
        if name not in {*facade.head_names(), *facade.public_names()}
    ]
    body = "\n".join(definitions(functions(), "input", ""))
    tail = "\ndef __getattr__(name: str) -> Any: ...\n"
    text = HEAD.format(again=" as Tensor") + COMMON
    return text + "\n".join(dict.fromkeys(lines)) + "\n\n" + body + tail


def namespace_stub(namespace: str) -> str:
    """The functions of the records of one namespace, and what else its package holds."""
    package = importlib.import_module(f"facula.{namespace}")
    found = importlib.import_module("facula.ops").namespace(namespace)
    names = [
        (registry[f"{namespace}_{name}"], name, False)
        for name in sorted(found)
        if not name.startswith("_") and f"{namespace}_{name}" in registry
    ]
    others = [
        f"from {thing.__module__} import {name} as {name}"
        for name, thing in sorted(vars(package).items())
        if name in getattr(package, "__all__", ())
    ]
    body = "\n".join(definitions(names, "input", ""))
    return HEAD.format(again="") + COMMON + "\n".join(others) + "\n\n" + body + "\n"


STUBS = {"__init__.pyi": package_stub, "methods.pyi": methods_stub} | {
    f"{name}/__init__.pyi": functools.partial(namespace_stub, name)
    for name in ("fft", "linalg", "special")
}

if __name__ == "__main__":
    for file, write in STUBS.items():
        (ROOT / "facula" / file).write_text(write(), encoding="utf-8")
    print(f"{len(functions())} functions, {len(methods())} methods")
