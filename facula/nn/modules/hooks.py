"""Hooks of modules: one hook, the handle that removes it, and the tables they stand in.

Knows nothing of Module. `module.py` decides when which hook runs.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

__all__ = ["CallHooks", "Hook", "HookTable", "RemovableHandle", "StateHooks", "add_hook"]

_next_id = count()


class Hook(NamedTuple):
    """A function registered on a module, with the options it was registered with."""

    function: Callable[..., Any]
    with_kwargs: bool = False  # forward hooks: is given the keyword arguments too
    always_call: bool = False  # forward hooks: runs after an error as well
    with_module: bool = True  # hooks before loading: is given the module first
    may_replace: bool = False  # hooks after saving: may return another dictionary


HookTable = dict[int, Hook]


class RemovableHandle:
    """What every `register_*_hook` returns: `remove()` takes the hook out; usable in `with`."""

    __slots__ = ("id", "table")

    def __init__(self, table: HookTable) -> None:
        self.id = next(_next_id)
        self.table = table

    def remove(self) -> None:
        """Take the hook out. A second call does nothing."""
        self.table.pop(self.id, None)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def add_hook(table: HookTable, hook: Hook, prepend: bool = False) -> RemovableHandle:
    """Put `hook` last (or first) in `table`."""
    handle = RemovableHandle(table)
    if prepend:
        later = dict(table)
        table.clear()
        table[handle.id] = hook
        table.update(later)
    else:
        table[handle.id] = hook
    return handle


class CallHooks:
    """The hooks that run when a module is called or differentiated."""

    __slots__ = ("backward", "backward_pre", "forward", "forward_pre", "is_full_backward")

    def __init__(self) -> None:
        self.forward_pre: HookTable = {}
        self.forward: HookTable = {}
        self.backward_pre: HookTable = {}
        self.backward: HookTable = {}
        self.is_full_backward: bool | None = None  # None until the first backward hook

    def __bool__(self) -> bool:
        return bool(self.forward_pre or self.forward or self.backward_pre or self.backward)

    def agree(self, full: bool, where: str) -> None:
        """Backward hooks are either all full or all of the old kind."""
        if self.is_full_backward is not None and self.is_full_backward is not full:
            raise RuntimeError(
                f"Cannot use both regular backward hooks and full backward hooks {where}. "
                "Please use only one of them."
            )
        self.is_full_backward = full


class StateHooks:
    """The hooks that run when a module's state is collected or loaded."""

    __slots__ = ("load_post", "load_pre", "save_post", "save_pre")

    def __init__(self) -> None:
        self.save_pre: HookTable = {}
        self.save_post: HookTable = {}
        self.load_pre: HookTable = {}
        self.load_post: HookTable = {}
