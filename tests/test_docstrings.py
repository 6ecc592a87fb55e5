"""Every public callable has a docstring with an example; examples run, here and on PyTorch.

What is public is asked of the packages themselves. A method is covered by its own example, by the
base class that it overrides a method of, or by an example of its class that calls it. Examples of
functions made from records stand in a file and run in tests/ops/test_words.py.
"""

import doctest
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from types import FunctionType, MethodType, ModuleType

import pytest

import facula
from facula.bind.words import examples

PUBLIC = """
facula facula.accelerator facula.autograd facula.autograd.graph facula.backends facula.backends.cpu
facula.backends.cuda facula.backends.cudnn facula.backends.mkl facula.backends.mkldnn
facula.backends.mps facula.backends.openmp facula.backends.opt_einsum facula.cpu facula.cuda
facula.fft facula.io facula.linalg facula.masked facula.mps facula.mtia facula.nn
facula.nn.attention facula.nn.functional facula.nn.init facula.nn.modules facula.nn.parameter
facula.nn.utils facula.optim facula.optim.lr_scheduler facula.random facula.signal.windows
facula.special facula.utils.data facula.utils.dlpack facula.version facula.vision.datasets
facula.vision.io facula.xpu
""".split()

# Parts of the implementation that a package shows because it uses them; PyTorch has none of them.
INTERNAL: dict[str, str] = {}

# Public, and without an example: why.
WITHOUT: dict[str, str] = {}

# Examples that print something else on PyTorch: why.
DIFFERENT: dict[str, str] = {}

# Modules whose import runs a program, not a library.
PROGRAMS = ("facula.__main__",)

Named = tuple[str, object]


def is_ours(value: object) -> bool:
    """True for what the project defines, whatever module it says it comes from."""
    if isinstance(value, ModuleType) or not callable(value):
        return False
    home = getattr(value, "__module__", None) or type(value).__module__
    return home.partition(".")[0] in ("facula", "torch")


def underlying(member: object) -> object:
    """The function behind a static or class method; a property itself."""
    return member.__func__ if isinstance(member, (staticmethod, classmethod)) else member


def members(owner: type) -> Iterator[Named]:
    for name, value in vars(owner).items():
        member = underlying(value)
        if not name.startswith("_") and isinstance(member, (FunctionType, property, MethodType)):
            yield name, member


@cache
def public() -> tuple[Named, ...]:
    """Names and values of all that is public, each value once, under the first name it has."""
    found: dict[int, Named] = {}
    for package in PUBLIC:
        module = importlib.import_module(package)
        for name in dir(module):
            value = getattr(module, name)
            if name.startswith("_") or not is_ours(value):
                continue
            found.setdefault(id(value), (f"{package}.{name}", value))
            if isinstance(value, type):
                for part, member in members(value):
                    found.setdefault(id(member), (f"{package}.{name}.{part}", member))
    return tuple(found.values())


def owner_of(name: str) -> type | None:
    """The class whose member `name` is, if any."""
    value: object = facula
    for part in name.split(".")[1:-1]:
        value = getattr(value, part)
    return value if isinstance(value, type) else None


def documented_by_class(name: str, text: str) -> bool:
    """A base class documents a method of that name, or an example of the class uses it."""
    owner = owner_of(name)
    if owner is None:
        return False
    part = name.rpartition(".")[2]
    if any(part in vars(base) for base in owner.__mro__[1:]):
        return True
    lines = "".join(
        line for line in (owner.__doc__ or "").split("\n") if re.match(r"\s*(>>>|\.\.\.) ", line)
    )
    return bool(text) and re.search(rf"\.{part}\b", lines) is not None


def test_every_public_callable_has_a_docstring_with_an_example() -> None:
    lacking = [
        name
        for name, value in public()
        if name not in INTERNAL
        and name not in WITHOUT
        and ">>> " not in (text := value.__doc__ or "")
        and not documented_by_class(name, text)
    ]
    assert lacking == []


def test_exceptions_are_needed() -> None:
    values = dict(public())
    for name in INTERNAL:
        assert name in values, f"{name} is gone"
    for name in WITHOUT:
        assert ">>> " not in (values[name].__doc__ or ""), f"{name} has an example"


def modules() -> list[str]:
    walked = pkgutil.walk_packages(facula.__path__, "facula.")
    return [module.name for module in walked if module.name not in PROGRAMS]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Examples may seed the generator."""
    state = facula.get_rng_state()
    yield
    facula.set_rng_state(state)


@pytest.mark.parametrize("name", modules())
@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_examples_print_what_they_say(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name), verbose=False)
    assert failed == 0


def written() -> list[tuple[str, str, str]]:
    """Name, module and docstring of what is public and not made from a record's words."""
    shown = set(examples().values())
    return [
        (name, value.__module__ if hasattr(value, "__module__") else "", text)
        for name, value in public()
        if ">>> " in (text := value.__doc__ or "")
        and not any(text.endswith(example) for example in shown)
    ]


def on_pytorch(text: str) -> str:
    return text.replace("import facula as torch", "import torch").replace("from facula", "from torch")
