"""Where gradients flow to, and the node classes of records."""

from collections.abc import Callable
from typing import Any

from facula.tensor import Tensor


def edge_of(tensor: Tensor) -> Any:
    """Where a gradient for this tensor flows to; None if it needs none."""
    if not tensor.needs_grad:
        return None
    return tensor if tensor.edge is None else tensor.edge


# Which node class a family's records use; each family's module enters its own.
NODE_CLASSES: dict[type, type] = {}


def node_type(op: Any) -> type[Any]:
    """The class of a record's nodes, named as torch names it; made when first needed."""
    made = op._node_type
    if made is None:
        made = op._node_type = node_class(op, op.node_name)
    return made


def node_class(op: Any, name: str) -> type[Any]:
    """A class of a record's nodes that is called so."""
    parent = next(NODE_CLASSES[family] for family in type(op).__mro__ if family in NODE_CLASSES)
    return type(name, (parent,), {"__slots__": ()})


def node_chooser(op: Any) -> Callable[..., type[Any]]:
    """The class of the node of a call, of a record whose nodes torch calls by what they were given:
    f(arguments...)."""
    classes: dict[str, type[Any]] = {}

    def choose(*args: Any) -> type[Any]:
        name = op.name_nodes(*args)
        found = classes.get(name)
        return classes.setdefault(name, node_class(op, name)) if found is None else found

    return choose
