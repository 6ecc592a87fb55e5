"""Views of tensors with names: what the dimensions of the records in `view.py` are called.

A rule, torch's name of an operation that has none, or a road of its own where names are arguments.
Note [named tensors].
"""

from facula.form import with_names
from facula.meta import names
from facula.meta.shape import numel, wrap_dim
from facula.op import registry

for _key in (
    "narrow", "slice", "split", "chunk", "tensor_split", "hsplit", "vsplit", "dsplit",
):  # fmt: skip
    registry[_key].names(names.same)
registry["transpose"].names(names.exchanged)
for _key in ("expand", "expand_as", "broadcast_to"):
    registry[_key].names(names.expanded)
registry["squeeze"].names(names.squeezed)
registry["as_strided"].names(names.none)
for _key, _refused in (
    ("movedim", "permute"), ("moveaxis", "permute"), ("reshape", "view"), ("view_as", "view"),
    ("reshape_as", "view"), ("ravel", "view"), ("meshgrid", "view"), ("cartesian_prod", "view"),
    ("diag", "diagonal_copy"), ("diagflat", "view"),
):  # fmt: skip
    registry[_key].names(_refused)


@registry["select"].names
def _(self, dim):
    return names.without(self, dim)


@registry["unbind"].names
def _(self, dim):
    return names.without(self, dim)


@registry["t"].names
def _(self):
    return self[::-1]


for _key in ("swapaxes", "swapdims"):

    @registry[_key].names
    def _(self, axis0=None, axis1=None, dim0=None, dim1=None):
        first, second = (dim0, dim1) if axis0 is None else (axis0, axis1)
        return names.exchanged(self, first, second)


def _at_least(rank):
    def rule(tensors):
        made = []
        for one in tensors:
            if 0 < len(one) < rank:
                raise names.refused("unsqueeze")
            made.append(one or (None,) * rank)
        return made[0] if len(made) == 1 else made

    return rule


for _rank in (1, 2, 3):
    registry[f"atleast_{_rank}d"].names(_at_least(_rank))


@registry["broadcast_tensors"].names
def _(tensors):
    rank = max(map(len, tensors))
    return [(None,) * (rank - len(one)) + one for one in tensors]


def _diagonal_with_names(self, offset=0, dim1=0, dim2=1, *, outdim=None):
    """The diagonal of two dimensions, said by number or name; `outdim` names the last one."""
    known = self.names
    dims = [names.positions(d, known) if isinstance(d, str) else d for d in (dim1, dim2)]
    result = (*names.without(known, dims), names.checked_name(outdim))
    return _of_plain(registry["diagonal"].function, (self, offset, *dims), names.distinct(result))


def _flatten_with_names(self, start_dim=0, end_dim=-1, out_dim=None, *, dims=None):
    """Dimensions joined into one with a name of its own: several by name, or the first and last
    by name or number."""
    known = self.names
    if isinstance(start_dim, (list, tuple)):
        dims, out_dim = start_dim, end_dim if out_dim is None else out_dim
    if dims is None:
        first, last = (
            names.positions(d, known) if isinstance(d, str) else wrap_dim(d, len(known))
            for d in (start_dim, end_dim)
        )
        if out_dim is None:
            if first != last:
                raise names.refused("view")
            return self
        if first > last:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        result = names.distinct((*known[:first], names.checked_name(out_dim), *known[last + 1 :]))
    else:
        first, last, result = names.flattened(known, dims, out_dim)
    return _of_plain(registry["flatten"].function, (self, first, last), result)


def _unflatten_with_names(self, dim, sizes):
    """A named dimension taken apart into several, said as (name, size) pairs."""
    known = self.names
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    pairs = list(sizes.items()) if hasattr(sizes, "items") else list(sizes)
    by_name = isinstance(pairs[0], (tuple, list))
    if by_name != isinstance(dim, str):
        wanted = "name" if by_name else "int"
        raise TypeError(
            f"unflatten(): argument 'dim' (position 1) must be {wanted}, not {type(dim).__name__}"
        )
    if not by_name:
        raise RuntimeError(
            "unflatten: input is a named tensor but no names were given for unflattened sizes"
        )
    place = names.position(dim, known)
    parts = tuple([size for _, size in pairs])
    length = self.form.shape[place]
    if -1 not in parts and numel(parts) != length:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(parts)} don't multiply up to the size of dim {place} "
            f"('{dim}': {length}) in Tensor{names.listed(known)}"
        )
    inner = [names.checked_name(name) for name, _ in pairs]
    result = names.distinct((*known[:place], *inner, *known[place + 1 :]))
    return _of_plain(registry["unflatten"].function, (self, place, parts), result)


def _of_plain(function, args, result):
    """What a function makes of a tensor without its names, under other names."""
    y = function(args[0].rename(None), *args[1:])
    y.form = with_names(y.form, result)
    return y


registry["diagonal"].named_road = _diagonal_with_names
registry["flatten"].named_road = _flatten_with_names
registry["unflatten"].named_road = _unflatten_with_names
