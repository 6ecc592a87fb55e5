"""What one pickle may say: the names it may use, and what may be done with each.

A name in a file is looked up in a table, never imported; a call goes through a maker that checks
its arguments. The tables are in `words.py` and `rebuild.py`; `trust.py` is what the user adds.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pickle import UnpicklingError

import numpy as np

from facula.io.trust import trusted_names
from facula.io.words import (
    PLAIN_MAKERS,
    PLAIN_NAMES,
    Maker,
    check_attributes,
    check_dtype_state,
    printable,
    restore_array,
    shown,
)

# These are never looked up, not even on the user's word; the harmless builtins are in PLAIN_NAMES.
_BLOCKED = frozenset({"builtins", "sys", "os", "posix", "nt", "subprocess", "importlib", "runpy"})
# Python 2's names, which protocol 2 is written with.
_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_NAMES = {"builtins.xrange": "builtins.range"}


class Vocabulary:
    """What one pickle may say: names, the makers that stand behind them, and outside references."""

    def __init__(
        self,
        names: Mapping[str, object],
        makers: Iterable[tuple[object, Maker]],
        refer: Callable[[object], object],
    ) -> None:
        self._names = {**PLAIN_NAMES, **names}
        # By identity: nothing that a file brings along is ever asked for its hash or its equal.
        self._makers = {id(word): maker for word, maker in (*PLAIN_MAKERS, *makers)}
        self._trusted = trusted_names()
        self.refer = refer

    def find(self, module: str, name: str) -> object:
        """The object that a name stands for."""
        module = _MODULES.get(module, module)
        full = _NAMES.get(f"{module}.{name}", f"{module}.{name}")
        if full in self._names:
            return self._names[full]
        if module.partition(".")[0] in _BLOCKED:
            short, module = printable(full.removeprefix("builtins.")), printable(module)
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {short} whose module {module} is blocked."
            )
        if full in self._trusted:
            return self._trusted[full]
        full = printable(full)
        raise UnpicklingError(
            f"Unsupported global: GLOBAL {full} was not an allowed global by default. "
            f"{_advice(full)}"
        )

    def call(self, function: object, args: tuple[object, ...]) -> object:
        """The result of calling one of those objects."""
        maker = self._makers.get(id(function))
        if maker is not None:
            return _made(maker, args)
        if callable(function) and self._is_trusted(function):
            return function(*args)
        name = shown(function)
        raise UnpicklingError(f"Trying to call reduce for unrecognized function {name}")

    def instance(self, kind: object, args: tuple[object, ...]) -> object:
        """A new instance of a class that the user trusts."""
        if isinstance(kind, type) and self._is_trusted(kind):
            return kind.__new__(kind, *args)
        raise UnpicklingError(
            "Can only create new object for classes allowlisted via `add_safe_globals`, "
            f"but got {shown(kind)}"
        )

    def restore(self, target: object, state: object) -> None:
        """Gives an object just made its state."""
        if type(target) is OrderedDict:
            vars(target).update(check_attributes(OrderedDict, state))
        elif isinstance(target, np.dtype):
            check_dtype_state(state)
        elif type(target) is np.ndarray:
            restore_array(target, state)
        elif self._is_trusted(type(target)):
            _restore_trusted(target, state)
        else:
            raise UnpicklingError(
                "Can only build OrderedDict or types allowlisted via `add_safe_globals`, "
                f"but got {shown(target)}"
            )

    def is_mapping(self, target: object) -> bool:
        """Whether items may be set on an object that is no plain dictionary."""
        return isinstance(target, dict) and self._is_trusted(type(target))

    def _is_trusted(self, word: object) -> bool:
        return any(word is trusted for trusted in self._trusted.values())


def _made(maker: Maker, args: tuple[object, ...]) -> object:
    try:
        return maker(*args)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnpicklingError(f"unsuitable arguments: {error}") from error


def _advice(full: str) -> str:
    if full.startswith(("torch.nn.modules.", "facula.nn.modules.")):
        return (
            "The file holds a whole model, which only code could rebuild: save "
            "`model.state_dict()` instead, and load it with `load_state_dict`."
        )
    if full.partition(".")[0] == "torch":
        return "facula has no counterpart of it."
    name = full.rpartition(".")[2]
    return (
        f"Please use `facula.io.add_safe_globals([{name}])` or the "
        f"`facula.io.safe_globals([{name}])` context manager to allowlist this global "
        "if you trust this class/function."
    )


def _restore_trusted(target: object, state: object) -> None:
    setter = getattr(target, "__setstate__", None)
    if setter is not None:
        setter(state)
        return
    attributes, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
    for values in (attributes, slots):
        if values is not None and type(values) is not dict:
            raise UnpicklingError(f"the state of {shown(type(target))} is no dictionary")
        for name, value in (values or {}).items():
            object.__setattr__(target, name, value)
