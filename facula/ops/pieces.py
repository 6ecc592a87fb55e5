"""Pieces of a dimension: views that one node makes together, so that their gradients go back in one
piece. (A node each would write a whole gradient for every piece, and add them up.)"""

from facula.meta.shape import wrap_dim
from facula.op import composite, operation, registry


@composite("unbind(Tensor(a) self, int dim=0) -> Tensor(a)[]")
def unbind(self, dim=0):
    """The parts of a dimension, as a tuple.

    As many views without dim as it has places. Raises IndexError for a dim that is not there.
    """
    if not self.form.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = wrap_dim(dim, self.ndim)
    return _together("Unbind", registry["unbind_parts"].function(self, dim))


@operation("unbind_parts(Tensor self, int dim) -> Tensor(a)[]")
def unbind_parts(self, dim):
    """The parts of a dimension as one node makes them: their gradients go back in one piece."""
    return tuple([self.select(dim, k) for k in range(self.form.shape[dim])])


@unbind_parts.gradient
def _(g, self_form, dim):
    shape = self_form.shape
    return registry["stack"].function(_arrived(g, [(*shape[:dim], *shape[dim + 1 :])]), dim)


def _pieces(self, dim, sizes):
    """Pieces of a dimension of given sizes, recorded like `unbind_parts`."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(self.narrow(dim, start, size))
        start += size
    return tuple(pieces)


def _joined(g, self_form, dim, sizes):
    shape = self_form.shape
    shapes = [(*shape[:dim], size, *shape[dim + 1 :]) for size in sizes]
    return registry["cat"].function(_arrived(g, shapes), dim)


def _arrived(gradients, shapes):
    """A gradient for each piece, zeros where none came; one piece's comes alone."""
    if not isinstance(gradients, tuple):
        return [gradients]
    like = next(one for one in gradients if one is not None)
    shapes = shapes * len(gradients) if len(shapes) == 1 else shapes
    return [
        like.new_zeros(shape) if one is None else one
        for one, shape in zip(gradients, shapes, strict=True)
    ]


for _name in ("split_parts", "split_sizes_parts"):
    _made = operation(f"{_name}(Tensor self, int dim, int[] sizes) -> Tensor(a)[]")(_pieces)
    _made.gradient(_joined)
for _name, _node in (
    ("unbind_parts", "Unbind"), ("split_parts", "Split"), ("split_sizes_parts", "SplitWithSizes"),
):
    _record = registry[_name]
    _record.namespace, _record.method, _record.takes_lazy = "internal", False, True
    _record.node_name = f"{_node}Backward0"


def _together(name, pieces):
    """Pieces that one function made: recorded ones must not be written to."""
    for number, piece in enumerate(pieces):
        if piece.edge is not None:
            extra = piece.extras()
            extra.kind, extra.name = "multi", f"Output {number} of {name}"
    return pieces


@composite((
    "split.Tensor(Tensor(a) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
    "split.sizes(Tensor(a) self, SymInt[] split_size, int dim=0) -> Tensor(a)[]",
    "split.section(Tensor(a) self, SymInt split_size_or_sections, int dim=0) -> Tensor(a)[]",
    "split.sections(Tensor(a) self, SymInt[] split_size_or_sections, int dim=0) -> Tensor(a)[]",
))
def split(self, split_size_or_sections=None, dim=0, *, split_size=None):
    """Pieces of a dimension: of a size each (the last may be smaller), or of given sizes."""
    if split_size_or_sections is None:
        split_size_or_sections = split_size
    if not self.form.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = wrap_dim(dim, self.ndim)
    length = self.form.shape[dim]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        if sizes < 0:
            raise RuntimeError(
                f"split expects split_size be non-negative, but got split_size={sizes}"
            )
        if sizes == 0 and length != 0:
            raise RuntimeError(
                "split_size can only be 0 if dimension size is 0, but got dimension size of "
                f"{length}"
            )
        step = sizes or 1
        sizes = [min(step, length - start) for start in range(0, length, step)] or [0]
    elif sum(sizes) != length:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size "
            f"at dimension {dim}), but got split_sizes={list(sizes)}"
        )
    by_size = isinstance(split_size_or_sections, int)
    name, parts = ("Split", "split_parts") if by_size else ("SplitWithSizes", "split_sizes_parts")
    return _together(name, registry[parts].function(self, dim, sizes))
