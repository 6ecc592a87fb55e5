"""Views: tensors that share memory, remember their base, and undo themselves in gradients.

Which view a call means is found once per form and arguments; `facula/bind` keeps what was learnt.
Notes [hot path], [in-place on views].
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from facula.autograd.graph import Node, next_order
from facula.autograd.mode import mode
from facula.dispatch.node import NODE_CLASSES, node_type
from facula.form import Form, form_of
from facula.meta.geometry import Geometry
from facula.op import View
from facula.tensor import Tensor, share, wrap


class ViewNode(Node):
    """A recorded view: keeps the form and place of what it looked into, and its arguments."""

    __slots__ = ("op", "form", "offset", "args")

    op: View
    form: Form
    offset: int
    args: tuple[Any, ...]

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        known = (gradients[0], self.form, self.offset, *self.args)
        rule = self.op.gradient_rule
        assert rule is not None
        return (rule(*[known[place] for place in places_of(self.op)]),)


NODE_CLASSES[View] = ViewNode


def places_of(op: View) -> tuple[int, ...]:
    """Where the arguments of a view's gradient stand among (g, form, offset, *arguments)."""
    if op.places is None:
        known = ("g", "self_form", "self_offset", *op.parameters[1:])
        op.places = tuple([known.index(name) for name in op.gradient_names])
    return op.places


def record_view(op: View, source: Tensor, y: Tensor, args: tuple[Any, ...]) -> None:
    """Makes the node of a view of a tensor that wants a gradient."""
    node: ViewNode = object.__new__(op._node_type or node_type(op))
    node.edges = (source if source.edge is None else source.edge,)
    node.order = next_order()
    node.extras = None
    node.op, node.form, node.args = op, source.form, args
    node.offset = source.storage_offset()
    y.needs_grad = True
    y.edge = node


def _as_int(op: View, place: int, value: Tensor) -> int:
    kind = value.form.dtype
    if value.form.ndim or kind.is_floating_point or kind.is_complex or kind.name == "bool":
        raise RuntimeError(f"{op.parameters[place + 1]} must be an 0-dim integral Tensor.")
    return int(value)


def call_view(op: View, tensor: Tensor, args: tuple[Any, ...]) -> Tensor:
    """A view: the record's geometry function on a tensor's form."""
    args = tuple([_as_int(op, k, a) if isinstance(a, Tensor) else a for k, a in enumerate(args)])
    offset = tensor.storage_offset() if op.absolute else 0
    shape, strides, _ = tensor.form.geometry
    made = op.forward(Geometry(shape, strides, offset), *args)
    form = form_of(tensor.form.dtype, tuple(made.shape), tuple(made.strides))
    if tensor.form.lazy:
        form = form.with_lazy(tensor.form.lazy)
    if op.absolute:
        check_inside(tensor, made, form)
    y = share(tensor, form, (made.offset - offset) * form.itemsize)
    if tensor.needs_grad and mode.enabled:
        record_view(op, tensor, y, args)
    return y


def check_inside(tensor: Tensor, made: Geometry, form: Form) -> None:
    """A view whose place is counted from the start of the storage must lie inside it."""
    needed = (made.bounds()[1] + 1) * form.itemsize if form.numel else 0
    if needed > tensor.block.length:
        raise RuntimeError(
            f"setStorage: sizes {list(made.shape)}, strides {list(made.strides)}, storage offset "
            f"{made.offset}, and itemsize {form.itemsize} requiring a storage size of {needed} are "
            f"out of bounds for storage of size {tensor.block.length}"
        )


class Look(NamedTuple):
    """What a view of a form with some arguments comes to, in bytes from the start; the record and
    arguments of its node, if one node is all that a graph would hold."""

    form: Form
    offset: int
    op: View | None
    args: tuple[Any, ...]


def learn(tensor: Tensor, run: Callable[[Tensor], Any]) -> Look | None:
    """What `run` does to tensors of this form, tried on a leaf over the same memory; None unless
    that is a view."""
    probe = wrap(tensor.block, tensor.address, tensor.form)
    probe.needs_grad = tensor.form.tracked
    before, mode.enabled = mode.enabled, True
    try:
        y = run(probe)
    finally:
        mode.enabled = before
    if y is probe or not isinstance(y, Tensor) or y.block is not probe.block:
        return None
    if y.form.itemsize > probe.form.itemsize:  # the place in the storage has a say
        return None
    node = y.edge
    single = isinstance(node, ViewNode) and node.edges[0] is probe
    op, args = (node.op, node.args) if single else (None, ())
    return Look(y.form, y.address - probe.address, op, args)
