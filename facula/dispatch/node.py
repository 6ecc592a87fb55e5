"""Where gradients flow to, and the node classes of records."""

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
        parent = next(NODE_CLASSES[family] for family in type(op).__mro__ if family in NODE_CLASSES)
        made = op._node_type = type(op.node_name, (parent,), {"__slots__": ()})
    return made
