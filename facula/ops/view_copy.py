"""Copies of views: `expand_copy` is `expand`, copied. Made from the records of views by rule, so
this file is loaded after theirs; the others are those functions of views that torch copies too.
"""

from facula.meta import names
from facula.meta.shape import wrap_dim
from facula.op import Alias, View, composite, registry
from facula.tensor import Tensor

# Functions of views that are no records of views themselves.
COMPOSED = ("t", "split", "split_with_sizes", "unbind", "narrow", "view_as_real", "view_as_complex")


@composite("split_with_sizes(Tensor(a) self, int[] split_sizes, int dim=0) -> Tensor(a)[]")
def split_with_sizes(self, split_sizes, dim=0):
    """Pieces of given sizes along a dimension."""
    if isinstance(split_sizes, int):
        raise TypeError(
            "split_with_sizes(): argument 'split_sizes' (position 1) must be tuple of ints, not int"
        )
    return registry["split"].function(self, list(split_sizes), dim)


# In torch these leave out the bookkeeping of several views of one tensor: the pieces may be
# written to, and gradients do not see it. Here pieces that are written to are watched as any view.
for _name, _of in (
    ("unsafe_chunk", "chunk"), ("unsafe_split", "split"),
    ("unsafe_split_with_sizes", "split_with_sizes"),
):  # fmt: skip
    Alias(_name, _of)


def _copied(y):
    if isinstance(y, Tensor):
        return y._clone_contiguous()
    return tuple([one._clone_contiguous() for one in y])


def _make_copy(name, source):
    """name_copy: what the record's function gives, in memory of its own."""

    def copy(self, *args, **kwargs):
        return _copied(registry[name].function(self, *args, **kwargs))

    made = composite(
        [_copy_schema(text.strip()) for text in source.texts],
        f"A copy of what `{name}` gives, in memory of its own.",
    )(copy)
    made.method = name == "narrow"


def _copy_schema(text):
    """The schema of name_copy by that of the view."""
    head, inside = text.split("(", 1)
    name, dot, overload = head.partition(".")
    arguments, returns = inside.rsplit("->", 1)
    arguments = arguments.strip().removesuffix(")").replace("(a)", "")
    keyword_only = "" if "*," in arguments else ", *"
    out = "" if returns.strip().endswith("[]") else f"{keyword_only}, Tensor(a!)? out=None"
    plain = returns.strip().replace("(a)", "")
    return f"{name}_copy{dot}{overload}({arguments}{out}) -> {plain}"


@composite("narrow_copy(Tensor self, int dim, SymInt start, SymInt length, *, Tensor(a!)? "
           "out=None) -> Tensor")
def narrow_copy(self, dim, start, length):
    """A copy of what `narrow` gives, in memory of its own."""
    form = self.form
    if not form.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if dim >= form.ndim:
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false."
        )
    size = form.shape[wrap_dim(dim, form.ndim)]
    if length < 0:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({size})."
        )
    return self.narrow(dim, start, length)._clone_contiguous()



for _name, _record in list(registry.items()):
    is_view = isinstance(_record, View) or _name in COMPOSED
    if is_view and f"{_name}_copy" not in registry:
        _make_copy(_name, _record)


@composite("detach_copy(Tensor self, *, Tensor(a!)? out=None) -> Tensor")
def detach_copy(self):
    """A copy that is cut off from the graph."""
    return self.detach().clone()


registry["detach_copy"].method = False


# --- the opposite: a copy with a view replaced ----------------------------------------------------


@composite("as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, "
           "int? storage_offset=None, *, Tensor(a!)? out=None) -> Tensor")
def as_strided_scatter(self, src, size, stride, storage_offset=None):
    """A copy of self in which the window `as_strided(size, stride, storage_offset)` is src."""
    y = self._clone_contiguous()
    start = 0 if storage_offset is None else storage_offset - self.storage_offset()
    y.as_strided(size, stride, start).copy_(src)
    return y

registry["split_with_sizes"].names(names.same)
