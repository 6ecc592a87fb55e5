"""Records to functions and methods: only this folder writes code at run time or sets attributes.

For each record it makes the function `name`, and where the record says so the method, the in-place
form `name_` and `out=`; all when first asked for, since a program uses few of them.
Note [hot path].
"""

from collections.abc import Callable
from typing import Any

from facula.bind.methods import Functions, namespace_of, set_methods
from facula.bind.pointwise import bind_choice, bind_pointwise
from facula.bind.remembered import bind_composite, bind_operation, bind_reduction, bind_view
from facula.op import Alias, Choice, Composite, Op, Operation, Pointwise, Reduction, View


def bind_alias(op: Alias) -> None:
    op.function, op.hot = op.target.function, op.target.hot
    op.as_method = op.target.as_method
    op.inplace_function = op.target.inplace_function


BINDERS: dict[type, Callable[[Any], None]] = {
    Alias: bind_alias,
    Choice: bind_choice,
    Pointwise: bind_pointwise,
    Reduction: bind_reduction,
    View: bind_view,
    Operation: bind_operation,
    Composite: bind_composite,
}


def bind(op: Op) -> None:
    """Makes all functions of a record; what a family does not make is None."""
    BINDERS[type(op)](op)
    op.__dict__.setdefault("as_method", None)
    op.__dict__.setdefault("inplace_function", None)


__all__ = ["Functions", "bind", "namespace_of", "set_methods"]
