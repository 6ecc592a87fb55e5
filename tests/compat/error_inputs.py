"""Runs the error inputs of PyTorch's optimizer and module databases on facula.

`optim_error_inputs_func` and `module_error_inputs_func` give what PyTorch's classes refuse when
they are made, called or stepped, with the exception's type and a pattern of its words. facula has
to raise that type, in words that fit the pattern. Classes that it does not have are left out.

    python tests/compat/error_inputs.py             what differs, and where
    python tests/compat/error_inputs.py --write     adds what passes to the list
"""

import argparse
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import facula
from tests.compat import op_db

PASSING = Path(__file__).with_name("error_inputs_passing.txt")
OPTIMIZERS = {info.optim_cls.__name__: info for info in optim_db}
MODULES = {
    info.name.removeprefix("nn."): info
    for info in module_db
    if info.module_error_inputs_func is not None
}


def entries() -> list[str]:
    """The classes that have error inputs."""
    optimizers = [f"optim.{name}" for name in OPTIMIZERS if hasattr(facula.optim, name)]
    return optimizers + [f"nn.{name}" for name in MODULES if hasattr(facula.nn, name)]


def passing() -> list[str]:
    """The classes known to agree in all inputs."""
    return PASSING.read_text(encoding="utf-8").split() if PASSING.exists() else []


Refused = tuple[Callable[[Any], Any], Any]


def optimizer_inputs(name: str) -> Iterator[Refused]:
    """What to do with a package, and what PyTorch expects of it."""
    for given in OPTIMIZERS[name].optim_error_inputs_func("cpu", torch.float32):
        said = given.optimizer_error_input

        def run(package: Any, given: Any = given, said: Any = said) -> None:
            known: dict[int, Any] = {}
            ours = package is facula
            params = op_db.translate(said.params, known) if ours else said.params
            kwargs = op_db.translate(said.kwargs, known) if ours else said.kwargs
            if given.error_on is OptimizerErrorEnum.CONSTRUCTION_ERROR:
                getattr(package.optim, name)(params, **kwargs)
                return
            optimizer = getattr(package.optim, name)(params, **kwargs)
            optimizer.step()

        yield run, given


def module_inputs(name: str) -> Iterator[Refused]:
    """The same for modules."""
    info = MODULES[name]
    made = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    )
    for given in made:
        said = given.module_error_input

        def run(package: Any, given: Any = given, said: Any = said) -> None:
            def mine(value: Any) -> Any:
                return op_db.translate(value) if package is facula else value

            first, call = said.constructor_input, said.forward_input
            kind = getattr(package.nn, name)
            module = kind(*mine(list(first.args)), **mine(first.kwargs))
            if given.error_on is not ModuleErrorEnum.CONSTRUCTION_ERROR:
                module(*mine(list(call.args)), **mine(call.kwargs))

        yield run, given


def answer(run: Callable[[Any], Any], package: Any) -> Exception | None:
    """What a package raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run(package)
        except Exception as error:
            return error
    return None


def fits(pattern: str, words: str) -> bool:
    """Whether words are what a pattern says, or match it: some patterns are plain words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pattern in words or re.search(pattern, words) is not None


def differences(entry: str) -> list[str]:
    """What facula does otherwise on the error inputs of a class."""
    space, _, name = entry.partition(".")
    given = optimizer_inputs(name) if space == "optim" else module_inputs(name)
    found = []
    for place, (run, expected) in enumerate(given):
        if answer(run, torch) is None:
            continue  # PyTorch itself takes it, for all that its database says
        said = answer(run, facula)
        words = f"{expected.error_type.__name__}: {expected.error_regex}"
        if said is None:
            found.append(f"input {place}: nothing, not {words}")
        elif not isinstance(said, expected.error_type):
            found.append(f"input {place}: {type(said).__name__}: {said}, not {words}")
        elif not fits(expected.error_regex, str(said)):
            found.append(f"input {place}: {said}, not {words}")
    return [text.replace("\n", " ") for text in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    agreeing = set(passing())
    for entry in entries():
        if options.filter not in entry:
            continue
        found = differences(entry)
        if not found:
            agreeing.add(entry)
        for text in found:
            print(f"{entry}: {text[:300]}")
    print(f"{len(agreeing)} of {len(entries())} agree")
    if options.write:
        PASSING.write_text("".join(f"{name}\n" for name in sorted(agreeing)), encoding="utf-8")


if __name__ == "__main__":
    main()
