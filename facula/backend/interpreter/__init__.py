"""The plain-Python interpreter: what every plan means, element by element, in Python's numbers.

`compile_plan(plan)` gives a callable with the arguments of the compiled kernel. It is slow and has
no vectors, threads or scratch; code generators are tested against it, and
`FACULA_BACKEND=interpreter` runs whole programs on it. A plan that is not defined here has no
meaning.
"""

from collections.abc import Callable

from facula.backend.interpreter import (
    indirect,
    layers,
    loops,
    losses,
    norms,
    pooling,
    products,
    random,
    random_counts,
    winograd,
)
from facula.backend.interpreter.cells import DEFINITIONS, Number
from facula.kernel.plan import Plan

# Importing them registers their definitions.
_DEFINITIONS = (
    indirect,
    layers,
    loops,
    losses,
    norms,
    pooling,
    products,
    random,
    random_counts,
    winograd,
)

__all__ = ["DEFINITIONS", "compile_plan"]


def compile_plan(plan: Plan) -> Callable[..., int]:
    """A kernel in Python for a plan."""
    definition = DEFINITIONS[type(plan)]
    names = [p.name for p in plan.parameters]

    def kernel(*values: Number) -> int:
        if len(values) != len(names):
            raise TypeError(f"kernel takes {len(names)} arguments, got {len(values)}")
        return definition(plan, dict(zip(names, values, strict=True))) or 0

    return kernel
