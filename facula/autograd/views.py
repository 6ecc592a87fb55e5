"""In-place writes and views: keeps the graphs of a base and of its views telling the same story.

Writing into a view changes its base, and writing into a base changes its views. Both end in
`rebase`; views that are alive are found through their storage. Note [in-place on views].
"""

from collections.abc import Sequence
from typing import Any

from facula.autograd.graph import Node
from facula.autograd.mode import mode
from facula.form import Form, form_of
from facula.op import registry
from facula.tensor import Tensor, allocate, wrap


def rebase(target: Tensor, node: Any) -> None:
    """After a recorded in-place write: `node` made the new value; its first operand is target."""
    base = target.base
    if base is None:
        target.edge = node
        target.needs_grad = True
        base = target
    else:
        base.edge = CopySlices(base, target, node)
        base.needs_grad = True
    regenerate(base)


def regenerate(base: Tensor) -> None:
    """Gives every live view of the base a node that takes it from the base's new value."""
    views = base.block.views
    if not views:
        return
    before, mode.enabled = mode.enabled, True
    try:
        for reference in list(views):
            view: Any = reference()
            if view is None or view.base is not base:
                continue
            again = look_into(base, view.form, view.address - base.block.address)
            view.edge, view.needs_grad = again.edge, True
    finally:
        mode.enabled = before


def look_into(base: Tensor, form: Form, start: int) -> Tensor:
    """The view of a form, `start` bytes into the base's storage: also of a complex base's parts, of
    pairs of reals as complex numbers, and of conjugates. Note [complex numbers]."""
    as_strided = registry["as_strided"].function
    shape, strides, place = form.shape, form.strides, start // form.itemsize
    if form.dtype is base.form.dtype:
        y = as_strided(base, shape, strides, place)
    elif base.form.dtype.is_complex:
        y = as_strided(registry["view_as_real"].function(base), shape, strides, place)
    else:
        doubled = tuple([2 * s for s in strides])
        pairs = as_strided(base, (*shape, 2), (*doubled, 1), 2 * place)
        y = registry["view_as_complex"].function(pairs)
    if form.lazy != y.form.lazy:
        change = "conjugate_view" if form.dtype.is_complex else "negative_view"
        y = registry[change].function(y)
    made: Tensor = y
    return made


class CopySlices(Node):
    """The base after a write into one of its views: inside the view, what `inner` made."""

    __slots__ = ("inner", "view_form", "offset", "base_form")

    def __init__(self, base: Tensor, view: Tensor, inner: Node) -> None:
        old = (base if base.edge is None else base.edge) if base.needs_grad else None
        super().__init__((old, *inner.edges[1:]))
        self.inner = inner
        self.view_form: Form = view.form.plain
        self.offset = view.address - base.address  # bytes
        self.base_form: Form = base.form.plain

    def name(self) -> str:
        return "torch::autograd::CopySlices"

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        g = gradients[0]
        assert g is not None
        # The same writes that made the base, on its gradient: recorded if gradients are.
        whole = room_like(self.base_form)
        whole.copy_(g)
        start = whole.address - whole.block.address + self.offset
        inside = look_into(whole, self.view_form, start)
        passed = list(self.inner.backward([inside.clone()]))
        if self.edges[0] is not None:
            if passed[0] is None:
                inside.zero_()
            else:
                inside.copy_(passed[0])
        return (whole if self.edges[0] is not None else None, *passed[1:])

    def release(self) -> None:
        self.inner.release()


def room_like(form: Form) -> Tensor:
    """An uninitialised tensor of a form, which need not be dense."""
    if form.dense:
        return allocate(form)
    low, high = form.geometry.bounds()
    room = allocate(form_of(form.dtype, (high - low + 1,)))
    return wrap(room.block, room.address - low * form.itemsize, form)
