"""Runs the error samples of PyTorch's operator database on facula and says what differs.

`op.error_inputs` gives calls that PyTorch refuses, with the exception's type and a pattern of its
words. facula has to raise that type, in words that fit the pattern.

    python tests/compat/error_samples.py --filter linalg     what differs, and where
    python tests/compat/error_samples.py --write             adds what passes to the list
"""

import argparse
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.compat import op_db

PASSING = Path(__file__).with_name("error_samples_passing.txt")


def entries() -> list[str]:
    """The user-facing entries that have error samples."""
    return [name for name, op in op_db.ENTRIES.items() if op.error_inputs_func is not None]


def passing() -> list[str]:
    """The entries known to agree in all samples."""
    return PASSING.read_text(encoding="utf-8").split()


def differences(name: str) -> list[str]:
    """What facula does otherwise on the error samples of an entry."""
    op = op_db.ENTRIES[name]
    try:
        function = op_db.counterpart(op)
    except op_db.Difference as error:
        return [str(error)]
    found = []
    for place, given in enumerate(op.error_inputs("cpu")):
        sample = given.sample_input
        if not all(
            one.device.type == "cpu" for one in tensors([sample.input, sample.args, sample.kwargs])
        ):
            continue  # a device that facula does not have
        if accepted(op.op, sample):
            continue
        said = answer(function, sample)
        if said is None:
            found.append(f"sample {place}: no {given.error_type.__name__} ({given.error_regex})")
        elif not isinstance(said, given.error_type):
            found.append(
                f"sample {place}: {type(said).__name__}: {said}, not "
                f"{given.error_type.__name__}: {given.error_regex}"
            )
        elif re.search(given.error_regex, str(said)) is None:
            found.append(f"sample {place}: {said}, not {given.error_regex}")
    return [text.replace("\n", " ") for text in found]


def accepted(function: Any, sample: Any) -> bool:
    """Whether PyTorch itself takes the call, for all that its database says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(sample.input, *sample.args, **sample.kwargs)
        except Exception:
            return False
    return True


def tensors(value: Any) -> list[torch.Tensor]:
    """All tensors in nested lists."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return tensors(list(value.values()))
    return [x for one in value for x in tensors(one)] if isinstance(value, tuple | list) else []


def answer(function: Any, sample: Any) -> Exception | None:
    """What facula raises."""
    known: dict[int, Any] = {}
    args = op_db.translate([sample.input, *sample.args], known)
    kwargs = op_db.translate(sample.kwargs, known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*args, **kwargs)
        except Exception as error:
            return error
    return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--filter", default="")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    agreeing = set(passing()) if PASSING.exists() else set()
    for name in entries():
        if options.filter not in name:
            continue
        found = differences(name)
        if not found:
            agreeing.add(name)
        for text in found:
            print(f"{name}: {text[:300]}")
    print(f"{len(agreeing)} of {len(entries())} agree")
    if options.write:
        PASSING.write_text("".join(f"{name}\n" for name in sorted(agreeing)), encoding="utf-8")


if __name__ == "__main__":
    main()
