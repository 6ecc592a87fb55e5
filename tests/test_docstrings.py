"""Every public callable has a docstring with an example; examples run, here and on PyTorch.

What is public is asked of the packages themselves. A method is covered by its own example, by the
base class that it overrides a method of, or by an example of its class that calls it. Examples of
functions made from records stand in a file and run in tests/ops/test_words.py.
"""

import doctest
import importlib
import pkgutil
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

import pytest

import facula
from facula.bind.words import examples

PACKAGES = """
accelerator autograd autograd.graph backends backends.cpu backends.cuda backends.cudnn backends.mkl
backends.mkldnn backends.mps backends.openmp backends.opt_einsum cpu cuda fft io linalg masked mps
mtia nn nn.attention nn.functional nn.init nn.modules nn.parameter nn.utils optim
optim.lr_scheduler random signal.windows special utils.data utils.dlpack version vision.datasets
vision.io xpu
"""
PUBLIC = ["facula", *(f"facula.{package}" for package in PACKAGES.split())]

# What a package or class shows because the layers above it use it; PyTorch has none of these.
PARTS = {
    "facula.Generator": "fill run",
    "facula.Tensor": "extras readable storage_bytes",
    "facula.TypedStorage": "converted",
    "facula.dtype": "word",
    "facula.UntypedStorage": "foreign alias grow buffer",
    "facula.autograd.graph": "NodeExtras Output check_version",
    "facula.autograd.graph.Node": "node backward release more",
    "facula.backends.cpu": "host_target",
    "facula.nn.LinearCrossEntropyOptions": "rows sums",
    "facula.nn.attention": "canonical_mask op",
    "facula.nn.functional": "chosen_reduction",
    "facula.nn.init": "fans",
    "facula.optim.lr_scheduler.ReduceLROnPlateau": "is_better",
}
INTERNAL = {f"{owner}.{name}" for owner, names in PARTS.items() for name in names.split()}

# Whose examples print something else on PyTorch, and why.
NO_GPU = "PyTorch stumbles over what its build lacks; here the answer says that there is no GPU"
NEED_GPU = """
TypedStorage.cuda UntypedStorage.cuda backends.mps.is_macos13_or_newer cuda.ExternalStream
cuda.device cuda.is_current_stream_capturing cuda.list_gpu_processes cuda.memory_snapshot
cuda.memory_summary cuda.reset_accumulated_memory_stats cuda.reset_max_memory_allocated
cuda.reset_max_memory_cached cuda.reset_peak_memory_stats cuda.set_device cuda.set_rng_state
cuda.set_stream cuda.utilization
"""
OWN_KERNELS = "kernels and threads are facula's own"
DIFFERENT = {
    **{f"facula.{name}": NO_GPU for name in NEED_GPU.split()},
    "facula.TypedStorage.get_device": "PyTorch's returns None on the CPU",
    "facula.UntypedStorage.get_device": "PyTorch's returns None on the CPU",
    "facula.backends.cudnn.set_flags": "PyTorch's takes switches by place",
    "facula.backends.mkl.is_available": OWN_KERNELS,
    "facula.backends.mkldnn.is_available": OWN_KERNELS,
    "facula.backends.openmp.is_available": OWN_KERNELS,
    "facula.nn.Unflatten": "PyTorch 2.13 has no named tensors",
    "facula.set_flush_denormal": "denormal numbers are never flushed",
}

# A module whose import runs a program.
PROGRAMS = ("facula.__main__",)
FIRST_LINE = ">>> import facula as torch"

Named = tuple[str, object]


# --- what is public ------------------------------------------------------------------------------


def is_ours(value: object) -> bool:
    """True for what the project defines, whatever module it says it comes from."""
    if isinstance(value, ModuleType) or not callable(value):
        return False
    home = getattr(value, "__module__", None) or type(value).__module__
    return home.partition(".")[0] in ("facula", "torch")


def members(owner: type) -> Iterator[Named]:
    """Methods and properties that a class has of its own; some are made when first asked for."""
    for name, value in list(vars(owner).items()):
        if name.startswith("_") or isinstance(value, type):
            continue
        if isinstance(value, property):
            yield name, value
            continue
        member = getattr(owner, name)
        if callable(member):
            yield name, getattr(member, "__func__", member)


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
            if isinstance(value, type) and found[id(value)][0] not in INTERNAL:
                for part, member in members(value):
                    found.setdefault(id(member), (f"{package}.{name}.{part}", member))
    return tuple(found.values())


def owner_of(name: str, root: ModuleType = facula) -> object:
    """What holds the name: a module or a class; None where there is none."""
    value: object = root
    for part in name.split(".")[1:-1]:
        value = getattr(value, part, None)
    return value


def documented_by_class(name: str, text: str) -> bool:
    """A base class documents a method of that name, or an example of the class uses it."""
    owner, part = owner_of(name), name.rpartition(".")[2]
    if not isinstance(owner, type):
        return False
    if any(getattr(vars(base).get(part), "__doc__", None) for base in owner.__mro__[1:]):
        return True
    lines = re.findall(r"^ *(?:>>>|\.\.\.) .*$", owner.__doc__ or "", flags=re.MULTILINE)
    return bool(text) and re.search(rf"\.{part}\b", "\n".join(lines)) is not None


def test_every_public_callable_has_a_docstring_with_an_example() -> None:
    lacking = [
        name
        for name, value in public()
        if name not in INTERNAL
        and ">>> " not in (text := value.__doc__ or "")
        and not documented_by_class(name, text)
    ]
    assert lacking == []


def test_exceptions_are_there_and_needed() -> None:
    texts = {name: value.__doc__ or "" for name, value in public()}
    assert set(texts) >= INTERNAL
    assert [name for name in INTERNAL if ">>> " in texts[name]] == []
    assert set(texts) >= set(DIFFERENT)


def test_pytorch_lacks_what_is_internal(torch: ModuleType) -> None:
    known = [name for name in INTERNAL if hasattr(owner_of(name, torch), name.rpartition(".")[2])]
    assert known == []


# --- examples run --------------------------------------------------------------------------------


def modules() -> list[str]:
    walked = pkgutil.walk_packages(facula.__path__, "facula.")
    return [module.name for module in walked if module.name not in PROGRAMS]


@cache
def made() -> Mapping[str, str]:
    """Docstrings that stand in no source file as such: of what is made by rules, by name."""
    shown = set(examples().values())
    finder = doctest.DocTestFinder(exclude_empty=True)
    written = {
        test.docstring for name in modules() for test in finder.find(importlib.import_module(name))
    }
    return {
        name: text
        for name, value in public()
        if ">>> " in (text := value.__doc__ or "")
        and text not in written
        and not any(text.endswith(example) for example in shown)
    }


def complaints(name: str, text: str) -> str:
    """What the examples of a docstring print that they do not say."""
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    with warnings.catch_warnings():
        doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


@pytest.fixture(autouse=True)
def unseeded() -> Iterator[None]:
    """Examples may seed the generator."""
    with facula.random.fork_rng():
        yield


@pytest.mark.parametrize("name", modules())
@pytest.mark.filterwarnings("ignore:.*(deprecated|TypedStorage)")
def test_examples_print_what_they_say(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


@pytest.mark.filterwarnings("ignore:.*(deprecated|TypedStorage)")
def test_examples_of_what_is_made_print_what_they_say() -> None:
    assert {name: said for name, text in made().items() if (said := complaints(name, text))} == {}


@pytest.mark.filterwarnings("ignore")
def test_examples_print_the_same_with_pytorch(torch: ModuleType) -> None:
    importlib.import_module("torch.utils.dlpack")
    shown = set(examples().values())
    differ = {}
    for name, value in public():
        text = value.__doc__ or ""
        if FIRST_LINE not in text or any(text.endswith(example) for example in shown):
            continue  # facula's own, or compared in tests/ops/test_words.py
        if "cuda" in name and torch.cuda.is_available():
            continue
        if said := complaints(name, text.replace(FIRST_LINE, ">>> import torch")):
            differ[name] = said
    assert {name: said for name, said in differ.items() if name not in DIFFERENT} == {}
    builds = (NO_GPU, OWN_KERNELS)  # another build of PyTorch may answer as facula does
    assert {name for name, why in DIFFERENT.items() if why not in builds} <= set(differ)
