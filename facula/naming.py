"""What tensors know of the names of their dimensions: the part of Tensor's methods about them.

Names are part of a tensor's form; how operations pass them on is `dispatch/named.py`'s affair.
Note [named tensors].
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from facula.form import Form, with_names
from facula.meta.names import Names, checked_names, distinct, listed, quoted
from facula.op import registry

if TYPE_CHECKING:
    from facula.tensor import Tensor

SERIALIZED = (
    "NYI: Named tensors don't support serialization. Please drop names via `tensor = "
    "tensor.rename(None)` before serialization."
)


class NamedDimensions:
    """Abstract. A tensor's names and the methods that change them."""

    __slots__ = ()

    form: Form

    @property
    def names(self) -> Names:
        """The names of the dimensions, None for those that have none.

        >>> import facula as torch
        >>> torch.zeros(2, 3, names=("N", None)).names
        ('N', None)
        """
        form = self.form
        return form.names or (None,) * form.ndim

    @names.setter
    def names(self, names: Sequence[str | None] | None) -> None:
        if names is not None and not isinstance(names, (tuple, list)):
            raise RuntimeError("names must either be None or a tuple of dim names")
        self._name(names)

    def has_names(self) -> bool:
        """True if a dimension has a name."""
        return self.form.names is not None

    def _name(self, names: Sequence[object] | None) -> Self:
        known = None if names is None else checked_names(names, self.form.ndim)
        return _with_names(self, known)

    def rename(self, *names: Any, **changes: str | None) -> Self:
        """A view with other names: one a dimension (`...` keeps those it stands for), None to drop
        all, or new names by their old ones.

        >>> import facula as torch
        >>> x = torch.zeros(2, 3, 4, names=("N", "H", "W"))
        >>> x.rename(H="rows").names
        ('N', 'rows', 'W')
        >>> x.rename("batch", ...).names
        ('batch', 'H', 'W')
        >>> x.rename(None).names
        (None, None, None)
        """
        wanted = self._changed("rename", names, changes)
        known = None if wanted is None else checked_names(wanted, self.form.ndim)
        return _with_names(registry["alias"].function(self), known)

    def rename_(self, *names: Any, **changes: str | None) -> Self:
        """Renames the dimensions of this tensor; the arguments are those of `rename`.

        >>> import facula as torch
        >>> torch.zeros(2, 3).rename_("N", "C").names
        ('N', 'C')
        """
        return self._name(self._changed("rename_", names, changes))

    def _changed(
        self, function: str, names: tuple[Any, ...], changes: dict[str, str | None]
    ) -> Sequence[object] | None:
        """The names that the arguments of `rename` mean; None for none."""
        if names and changes:
            raise RuntimeError(
                f"{function}: This function takes either positional args or keyword args, but not "
                f"both. Use tensor.{function}(*names) to name dims and "
                f"tensor.{function}(**rename_map) to rename dims."
            )
        if not changes:
            if len(names) == 1 and names[0] is None:
                return None
            check_kinds("rename", names)
            return filled_in(names, self.names, function)
        known = list(self.names)
        for old, new in changes.items():
            if old not in self.names:
                raise RuntimeError(
                    f"{function}: Tried to rename dim '{old}' to dim {new} in Tensor[{self.names}] "
                    f"but dim '{old}' does not exist"
                )
            known[self.names.index(old)] = new
        return known

    def refine_names(self, *names: Any) -> Self:
        """A view in which dimensions without a name have been given one; `...` stands for those
        that keep theirs.

        >>> import facula as torch
        >>> torch.zeros(2, 3, 4, names=(None, None, "W")).refine_names(..., "H", "W").names
        (None, 'H', 'W')
        """
        check_kinds("refine_names", names)
        wanted = filled_in(names, self.names, "refine_names")
        known = checked_names(wanted, len(wanted))
        start = f"refine_names: cannot coerce Tensor{listed(self.names)} to Tensor{listed(known)}"
        if len(known) != self.form.ndim:
            raise RuntimeError(
                f"{start} because they have a different number of dims ({self.form.ndim} and "
                f"{len(known)} respectively)."
            )
        for place, (old, new) in enumerate(zip(self.names, known, strict=True)):
            if old is not None and old != new:
                how = "more specific than" if new is None else "different from"
                raise RuntimeError(
                    f"{start} because {quoted(old)} is {how} {quoted(new)} at index {place}"
                )
        return _with_names(registry["alias"].function(self), known)

    def align_to(self, *names: Any) -> "Tensor":
        """A view with the dimensions in this order, new ones of size 1 where the tensor has none of
        a name; `...` stands for all that are not said.

        >>> import facula as torch
        >>> torch.zeros(2, 3, names=("N", "C")).align_to("C", "H", ...).shape
        torch.Size([3, 1, 2])
        """
        several = [k for k, name in enumerate(names) if is_ellipsis(name)]
        if not several:
            check_kinds("align_to", names)
            return self._aligned(checked_names(names, len(names)))
        one_ellipsis("align_to", names)
        said = [name for name in names if not is_ellipsis(name)]
        check_kinds("align_to", said)
        if None in said:
            raise RuntimeError(
                "align_to: the desired order of dimensions cannot contain a None name, got "
                f"{listed(said)}"
            )
        rest = [name for name in self.names if name not in said]
        order = distinct((*names[: several[0]], *rest, *names[several[0] + 1 :]))
        return self._aligned(order, unnamed=True)

    def align_as(self, other: "Tensor") -> "Tensor":
        """A view with the dimensions of another tensor: aligned to its names.

        >>> import facula as torch
        >>> weights = torch.tensor([0.2, 0.7, 0.1], names=["channels"])
        >>> weights.align_as(torch.zeros(3, 5, 5, names=("channels", "rows", "columns"))).shape
        torch.Size([3, 1, 1])
        """
        return self._aligned(other.names)

    def _aligned(self, order: Names, unnamed: bool = False) -> "Tensor":
        """The dimensions in an order that says all their names; `unnamed`: also those without."""
        left = list(range(self.form.ndim))
        for place, name in enumerate(self.names):
            if name is None and not unnamed:
                raise RuntimeError(
                    "align_to: All input dims must be named. Found unnamed dim at index "
                    f"{place} of Tensor{listed(self.names)}"
                )
            if name not in order:
                raise RuntimeError(
                    f"align_to: Cannot find dim {quoted(name)} from Tensor{listed(order)} in "
                    f"desired alignment {listed(order)}."
                )
        plain: Any = self.rename(None)
        dims: list[int | None] = []
        for name in order:
            found = [k for k in left if self.names[k] == name and (name is not None or unnamed)]
            dims.append(found[0] if found else None)
            left = [k for k in left if k not in found[:1]]
        y = plain.permute(tuple([d for d in dims if d is not None]))
        for place, dim in enumerate(dims):
            if dim is None:
                y = y.unsqueeze(place)
        return _with_names(y, order)


def _with_names(tensor: Any, names: Names | None) -> Any:
    """The tensor itself, called that from now on."""
    tensor.form = with_names(tensor.form, names)
    return tensor


def named_birth(y: "Tensor", function: str, names: Any, out: "Tensor | None" = None) -> "Tensor":
    """A tensor that `function` has just made, with names for its dimensions; None for none."""
    if names is None:
        return y
    if out is not None:
        raise TypeError(f"{function}() takes names or out, not both")
    if not isinstance(names, (tuple, list)):
        raise TypeError(
            f"{function}(): argument 'names' must be tuple of names, not {type(names).__name__}"
        )
    y.names = tuple(names)
    return y


def is_ellipsis(name: object) -> bool:
    """torch also takes the word for it."""
    return name is ... or (isinstance(name, str) and name == "...")


def check_kinds(function: str, names: Sequence[object]) -> None:
    for name in names:
        if not isinstance(name, (str, type(None), type(...))):
            raise TypeError(
                f"{function}(): argument 'names' (position 1) must be tuple of names, not tuple"
            )


def one_ellipsis(function: str, names: Sequence[object]) -> None:
    if sum(map(is_ellipsis, names)) > 1:
        raise RuntimeError(
            f"{function}: More than one Ellipsis ('...') found in names ({tuple(names)}). This "
            "function supports up to one Ellipsis."
        )


def filled_in(names: tuple[Any, ...], known: Names, function: str) -> tuple[Any, ...]:
    """`names` with those of `known` at the same places for `...`."""
    one_ellipsis(function, names)
    for place, name in enumerate(names):
        if is_ellipsis(name):
            after = len(names) - place - 1
            return (*names[:place], *known[place : len(known) - after], *names[place + 1 :])
    return names
