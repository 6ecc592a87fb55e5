"""What the user trusts: classes and functions of their own that checkpoints may use.

Their code runs when a file uses them; that is the user's word against the file's. Nothing else in a
file ever names code that runs.
"""

import copyreg
from collections.abc import Callable, Sequence
from pickle import PicklingError

from facula.io.encoder import Call, Global
from facula.io.words import FACTORIES

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "safe_globals"]

Trusted = Callable[..., object] | tuple[Callable[..., object], str]

_trusted: list[Trusted] = []


def add_safe_globals(safe_globals: Sequence[Trusted]) -> None:
    """Lets `load` and `save` use these classes and functions, whose code then runs.

    An entry is the class, or a pair of it and the full name that files use for it.

    >>> import fractions
    >>> add_safe_globals([fractions.Fraction])
    >>> get_safe_globals()
    [<class 'fractions.Fraction'>]
    >>> clear_safe_globals()
    """
    for item in safe_globals:
        _full_name(item)
    _trusted.extend(item for item in safe_globals if item not in _trusted)


def clear_safe_globals() -> None:
    """Forgets what `add_safe_globals` was given.

    >>> import facula as torch
    >>> from facula.io import add_safe_globals, clear_safe_globals, get_safe_globals
    >>> add_safe_globals([range])
    >>> clear_safe_globals()
    >>> get_safe_globals()
    []
    """
    _trusted.clear()


def get_safe_globals() -> list[Trusted]:
    """What `add_safe_globals` was given: classes and functions that files may name.

    >>> import facula as torch
    >>> from facula.io import clear_safe_globals, add_safe_globals, get_safe_globals
    >>> add_safe_globals([range])
    >>> get_safe_globals()
    [<class 'range'>]
    >>> clear_safe_globals()
    """
    return list(_trusted)


class safe_globals:
    """A `with` block inside which `load` and `save` may use these classes and functions.

    >>> import fractions
    >>> with safe_globals([fractions.Fraction]):
    ...     get_safe_globals()
    [<class 'fractions.Fraction'>]
    """

    def __init__(self, safe_globals: Sequence[Trusted]) -> None:
        self.safe_globals = safe_globals
        self._added: list[Trusted] = []

    def __enter__(self) -> None:
        self._added = [item for item in self.safe_globals if item not in _trusted]
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exception: object) -> None:
        _trusted[:] = [item for item in _trusted if item not in self._added]


def trusted_names() -> dict[str, object]:
    """What the user trusts, by full name."""
    return dict(_full_name(item) for item in _trusted)


def _full_name(item: Trusted) -> tuple[str, object]:
    if not isinstance(item, tuple):
        return f"{item.__module__}.{item.__qualname__}", item
    if len(item) != 2:
        raise ValueError(
            "Expected tuple of length 2 (global, str of callable full path), "
            f"but got tuple of length: {len(item)}"
        )
    if type(item[1]) is not str:
        raise TypeError(
            "Expected second item in tuple to be str of callable full path, "
            f"but got: {type(item[1])}"
        )
    return item[1], item[0]


# --- spelling -------------------------------------------------------------------------------------


def trusted_call(value: object) -> Call | Global | None:
    """How to spell a trusted class or function or an instance of one; None for anything else."""
    for kind in FACTORIES:
        if value is kind:
            return Global(kind.__module__.replace("builtins", "__builtin__"), kind.__name__)
    names = {id(word): name for name, word in trusted_names().items()}
    if id(value) in names:
        return _global(value, names[id(value)])
    if id(type(value)) not in names:
        return None
    reduced = value.__reduce_ex__(2)
    if isinstance(reduced, str):
        reduced = (None,)
    function, args, state, elements, items = (*reduced, None, None, None, None, None)[:5]
    is_new = function is copyreg.__newobj__  # type: ignore[attr-defined]
    maker = args[0] if is_new else function
    if id(maker) not in names or elements is not None:
        raise PicklingError(
            f"facula.save cannot write an object of {names[id(type(value))]}: it is rebuilt by "
            f"{maker!r:.80}, which facula.io.add_safe_globals has not been given"
        )
    name = _global(maker, names[id(maker)])
    return Call(name, args[1:] if is_new else args, (), items or (), state, is_new)


def _global(word: object, full: str) -> Global:
    module, name = getattr(word, "__module__", ""), getattr(word, "__qualname__", "")
    if f"{module}.{name}" != full:  # the user gave it a name of its own
        module, _, name = full.rpartition(".")
    return Global(module, name)
