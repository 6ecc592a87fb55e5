"""Words of the vocabulary that are formulas themselves: special functions, in f64.

A word has one definition, made of other words. It is traced once; machines write out its graph,
numbers run through it step by step. In f32 it is computed in f64 and rounded once. `facula.kernel.
special` holds the words. Note [special functions].
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from facula.kernel.expr import Expr, Graph, const, input_, linearise
from facula.kernel.scalar import PLAIN, apply

WORDS: "dict[str, Word]" = {}


class Word:
    """A formula under a name."""

    def __init__(self, formula: Callable[..., Any]) -> None:
        self.name = formula.__name__.rstrip("_")
        self.formula = formula
        self.count = len(inspect.signature(formula).parameters)

    @cached_property
    def graph(self) -> Graph:
        """The formula traced on f64 numbers."""
        result = self.formula(*[input_(k, "f64") for k in range(self.count)])
        return linearise([result if isinstance(result, Expr) else const(result, "f64")])

    def plain(self, *args: Any) -> float:
        """The formula on numbers."""
        return float(_evaluate(self.graph, [float(a) for a in args])[0])


def _evaluate(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    return graph.run(inputs, (), lambda literal, _: literal, _step)


def _step(op: str, kind: str, args: list[Any]) -> Any:
    if op == "repeat":
        return args[0].run(args[1:], _evaluate)
    return PLAIN[op](*args)


def word(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates the formula of a word; returns the function that other formulas call."""
    made = Word(formula)
    WORDS[made.name] = made
    PLAIN[made.name] = made.plain

    def polymorphic(*args: Any) -> Any:
        return apply(made.name, *args)

    polymorphic.__name__ = made.name
    polymorphic.__doc__ = formula.__doc__
    return polymorphic


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial in x with these coefficients, lowest power first."""
    result: Any = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = apply("fma", x, result, c)
    return result
