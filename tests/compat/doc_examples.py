"""The examples in the docstrings of installed PyTorch, run on PyTorch and on facula.

    python tests/compat/doc_examples.py [PART_OF_NAME]

prints what differs. Nothing of the docstrings is kept here: they are read where PyTorch is
installed. Each statement's output is compared, numbers within 2e-3 (they print four digits);
`doc_examples_differing.txt` names those that may differ, each with its reason. Note [comparing with
PyTorch].
"""

import contextlib
import doctest
import importlib
import inspect
import io
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

import facula

DIFFERING = Path(__file__).with_name("doc_examples_differing.txt")
PACKAGES = (
    "", "linalg", "fft", "special", "nn.functional", "nn", "nn.init", "optim", "optim.lr_scheduler",
    "autograd", "autograd.functional", "autograd.graph", "signal.windows", "utils.data", "nn.utils",
    "random", "utils.dlpack", "testing",
)  # fmt: skip
# Parts of names outside what facula has or runs on: other machines, layouts and compilers.
OUTSIDE = re.compile(
    "distributed|compile|jit|quantiz|sparse|nested|multiprocessing|vmap|export|cuda|hub|Event|"
    "Stream|Lazy|RNN|LSTM|GRU|_indices$|to_dense|DataParallel|SyncBatchNorm|graphsafe|clone_state"
)
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+(?:e[-+]?\d+)?|nan|inf)")
TOLERANCE = 2e-3


@cache
def docstrings() -> dict[str, str]:
    """Docstrings with examples by the shortest name of what they belong to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some names are deprecated even to look at
        return _docstrings()


def _docstrings() -> dict[str, str]:
    found: dict[str, str] = {}
    known: set[str] = set()

    def add(name: str, thing: Any) -> None:
        doc = getattr(thing, "__doc__", None)
        if isinstance(doc, str) and ">>>" in doc and doc not in known and not OUTSIDE.search(name):
            known.add(doc)
            found[name] = doc

    for name in sorted(dir(torch.Tensor)):
        if not name.startswith("_"):
            add(f"Tensor.{name}", getattr(torch.Tensor, name))
    for package in PACKAGES:
        module = importlib.import_module(f"torch.{package}".rstrip("."))
        for name in sorted(dir(module)):
            thing = getattr(module, name)
            if name.startswith("_") or inspect.ismodule(thing):
                continue
            whole = f"{package}.{name}".lstrip(".")
            add(whole, thing)
            if inspect.isclass(thing):
                for inner in sorted(vars(thing)):
                    if not inner.startswith("_"):
                        add(f"{whole}.{inner}", getattr(thing, inner, None))
    return found


def differing() -> dict[str, str]:
    """The names that may differ, and why."""
    lines = DIFFERING.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line)


def differences(name: str) -> Iterator[tuple[str, str, str]]:
    """(statement, PyTorch's output, facula's) where they differ."""
    try:
        examples = doctest.DocTestParser().get_examples(docstrings()[name])
    except ValueError:  # a docstring that is no doctest
        return
    theirs, ours = run(torch, examples), run(facula, examples)
    for example, expected, given in zip(examples, theirs, ours, strict=True):
        # Memory that nobody wrote holds anything.
        if "empty" not in example.source and not alike(expected, given):
            yield example.source, expected, given


def run(t: ModuleType, examples: list[doctest.Example]) -> list[str]:
    """What each statement prints; the text of an exception where there is one."""
    reset(t)
    scope: dict[str, Any] = {
        "torch": t, "np": np, "numpy": np, "nn": t.nn, "optim": t.optim,
        "F": importlib.import_module(f"{t.__name__}.nn.functional"),
    }  # fmt: skip
    t.manual_seed(0)
    outputs = []
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            for example in examples:
                source = re.sub(r"\bfrom torch\b", f"from {t.__name__}", example.source)
                source = re.sub(r"\bimport torch\.", f"import {t.__name__}.", source)
                source = re.sub(r"(?m)^( *)import torch$", r"\1pass", source)
                printed = io.StringIO()
                try:
                    with contextlib.redirect_stdout(printed):
                        exec(compile(source, "<example>", "single"), scope)
                    outputs.append(printed.getvalue())
                except Exception as error:
                    outputs.append(f"{type(error).__name__}: {error}")
        finally:
            os.chdir(before)
            reset(t)
    return outputs


def reset(t: ModuleType) -> None:
    """What examples set, as it was."""
    t.set_default_device(None)  # "cpu" leaves a mode on, in which torch's l1_loss drops weights
    t.set_default_dtype(t.float32)
    t.set_printoptions(profile="default", sci_mode=None)
    t.set_grad_enabled(True)
    t.use_deterministic_algorithms(False)
    t.set_num_threads(1)


def alike(expected: str, given: str) -> bool:
    """Whether two outputs say the same: white space and last digits apart."""
    expected, given = (re.sub(r"0x[0-9a-f]+", "0x", text) for text in (expected, given))
    given = given.replace("facula", "torch")
    if [" ".join(part.split()) for part in NUMBER.split(expected)] != [
        " ".join(part.split()) for part in NUMBER.split(given)
    ]:
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(given), strict=True)
    return all(
        one == other
        or abs(float(one) - float(other))
        <= TOLERANCE * (1 + max(abs(float(one)), abs(float(other))))
        for one, other in pairs
    )


def main() -> None:
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    count = wrong = 0
    for name in docstrings():
        if part not in name:
            continue
        count += 1
        found = list(differences(name))
        if found:
            wrong += 1
            print(f"===== {name} ({differing().get(name, 'not expected')})")
            for source, expected, given in found[:2]:
                print(f">>> {source.strip()}\n  torch:  {expected.strip()[:400]}")
                print(f"  facula: {given.strip()[:400]}")
    print(f"{count} docstrings, {wrong} differ")


if __name__ == "__main__":
    main()
