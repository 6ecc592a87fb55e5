"""Functions and methods are made when first asked for; nothing of that is left afterwards."""

import subprocess
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import facula
from facula import Tensor
from facula.op import registry

ROOT = Path(__file__).parents[2]


def run(program: str) -> str:
    """What a fresh process prints: only there is nothing made yet."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_an_import_parses_no_schema_and_makes_no_function() -> None:
    program = (
        "import facula\n"
        "from facula.op import registry\n"
        "made = [n for n, op in registry.items() if {'function', 'schema'} & op.__dict__.keys()]\n"
        "print(made)"
    )
    assert run(program) == "['tensor']"  # the facade's, which a module of that name would hide


def test_what_was_used_stands_in_its_place() -> None:
    x = facula.ones(2, 2)
    x.exp()
    x + x
    2 - x
    x += 1
    for name in ("exp", "__add__", "__rsub__", "__iadd__"):
        assert type(Tensor.__dict__[name]) is FunctionType
    assert facula.exp is facula.__dict__["exp"] is registry["exp"].function


def test_functions_by_name_are_the_records() -> None:
    assert facula.ops.FUNCTIONS["relu"] is facula.relu
    assert facula.ops.FUNCTIONS["relu_"] is registry["relu"].inplace_function
    assert "add" in facula.__all__ and "add" in dir(facula)
    assert "no_such_function" not in facula.ops.FUNCTIONS
    assert not hasattr(facula, "no_such_function")


def test_a_subclass_reaches_what_it_overrides() -> None:
    class Loud(Tensor):
        def frac(self, *args: Any) -> Any:
            return super().frac(*args)

        def __mod__(self, other: Any) -> Any:
            return super().__mod__(other)

    x = facula.tensor([1.5, -2.25])
    loud = object.__new__(Loud)
    for name in Tensor.__slots__:
        if name != "__weakref__" and hasattr(x, name):
            setattr(loud, name, getattr(x, name))
    assert Loud.frac(loud).tolist() == [0.5, -0.25]
    assert (loud % 1).tolist() == [0.5, 0.75]


def test_threads_that_ask_at_once_get_the_same() -> None:
    program = (
        "import facula, threading\n"
        "from facula import Tensor\n"
        "names = [n for n in dir(Tensor) if type(Tensor.__dict__.get(n)).__name__ == 'Late']\n"
        "start, found = threading.Barrier(4), [[] for _ in range(4)]\n"
        "def ask(k):\n"
        "    start.wait()\n"
        "    for n in names[k::2] + names: found[k].append((n, getattr(Tensor, n)))\n"
        "threads = [threading.Thread(target=ask, args=(k % 2,)) for k in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(len(names) > 100, {f is Tensor.__dict__[n] for part in found for n, f in part})"
    )
    assert run(program) == "True {True}"
