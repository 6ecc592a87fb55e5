"""Module: what every layer and model inherits.

Owns registration of parameters, buffers and children, the call with its hooks, state dictionaries,
walking and converting a tree of modules, and its printed form. Computes nothing: layers do, through
`facula.nn.functional`. See hooks.py, location.py and member.py for the parts it is made of.

A call without hooks reads one flag of the instance and one of this file, then runs `forward`.
Registering a hook sets its flag; the first hooked call that finds no hook left clears it.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from facula import ops
from facula.autograd.mode import no_grad
from facula.meta.device import device as Device
from facula.meta.dtype import dtype as DType
from facula.nn.modules.backward import BackwardWatch
from facula.nn.modules.hooks import (
    CallHooks,
    Hook,
    HookTable,
    RemovableHandle,
    StateHooks,
    add_hook,
)
from facula.nn.modules.location import add_location
from facula.nn.modules.member import Members
from facula.nn.modules.state import IncompatibleKeys, load_tensor, load_tree
from facula.nn.parameter import Buffer, Parameter
from facula.tensor import Tensor

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

_ABSENT: Any = object()
_TABLES = ("_parameter_names", "_buffer_names", "_module_names")
_EXTRA_STATE = "_extra_state"

# --- hooks common to all modules ---------------------------------------------------------------


_NO_HOOKS = CallHooks()
_call_hooks_everywhere: CallHooks | None = None
_on_parameter: HookTable = {}
_on_buffer: HookTable = {}
_on_module: HookTable = {}


def _everywhere() -> CallHooks:
    global _call_hooks_everywhere
    if _call_hooks_everywhere is None:
        _call_hooks_everywhere = CallHooks()
    return _call_hooks_everywhere


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of `hook(module, name, parameter)`, run whenever a module registers a parameter."""
    return add_hook(_on_parameter, Hook(hook))


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of `hook(module, name, buffer)`, run whenever a module registers a buffer."""
    return add_hook(_on_buffer, Hook(hook))


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of `hook(module, name, submodule)`, run whenever a module registers a child."""
    return add_hook(_on_module, Hook(hook))


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of `hook(module, args)`, run before the forward of every module."""
    return add_hook(_everywhere().forward_pre, Hook(hook))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Handle of `hook(module, args, output)`, run after the forward of every module."""
    return add_hook(_everywhere().forward, Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of `hook(module, grad_output)`, run before the gradients of every module."""
    return add_hook(_everywhere().backward_pre, Hook(hook))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of `hook(module, grad_input, grad_output)`, run after the gradients of any module."""
    _everywhere().agree(True, "as a global Module hook")
    return add_hook(_everywhere().backward, Hook(hook))


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Handle of an old-style backward hook on every module: see `Module.register_backward_hook`."""
    _everywhere().agree(False, "as a global Module hook")
    return add_hook(_everywhere().backward, Hook(hook))


def _replaced(hooks: HookTable, module: "Module", name: str, value: Any) -> Any:
    """The value to register, after the registration hooks have seen it."""
    for hook in hooks.values():
        changed = hook.function(module, name, value)
        if changed is not None:
            value = changed
    return value


# --- small things --------------------------------------------------------------------------------


def indented(text: str, by: int = 2) -> str:
    """`text` with every line but the first moved right; empty lines stay empty."""
    first, *others = text.split("\n")
    return "\n".join([first, *(" " * by + line if line.strip() else "" for line in others)])


def type_name(value: object) -> str:
    """Name of the type of `value` as torch's messages write it."""
    if isinstance(value, Tensor):
        return value.type()
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _no_forward(self: "Module", *inputs: Any) -> Any:
    """What a call computes: override it in a layer. Raises NotImplementedError where nobody did.

    >>> import facula as torch
    >>> class Twice(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x + x
    >>> Twice()(21)
    42
    """
    raise NotImplementedError(
        f'Module [{type(self).__name__}] is missing the required "forward" function'
    )


class _Destination(NamedTuple):
    """What `Module.to` was asked for."""

    device: Device | str | None = None
    dtype: DType | None = None
    non_blocking: bool = False
    memory_format: Any = None


def _read_destination(args: tuple[Any, ...], options: dict[str, Any]) -> _Destination:
    """The three ways of calling `to`: (device, dtype), (dtype), (tensor); all with non_blocking."""
    if args and isinstance(args[0], Tensor):
        args = (args[0].device, args[0].dtype, *args[1:])
    elif args and isinstance(args[0], DType):
        args = (None, *args)
    tensor = options.pop("tensor", options.pop("other", None))
    if tensor is not None:
        options = {"device": tensor.device, "dtype": tensor.dtype, **options}
    destination = _Destination(*args[:3], **options)
    kind = destination.dtype
    if kind is not None and not (kind.is_floating_point or kind.is_complex):
        raise TypeError(
            "nn.Module.to only accepts floating point or complex dtypes, "
            f"but got desired dtype={kind}"
        )
    return destination


# --- Module ------------------------------------------------------------------------------------


class Module:
    """Base of all layers and models: assign parameters and modules as attributes, define `forward`.

    Calling a module calls `forward`, with hooks around it. Raises NotImplementedError where forward
    is not defined, AttributeError for a child assigned before `super().__init__()`.

    >>> import facula as torch
    >>> class Twice(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x + x
    >>> Twice()(21)
    42
    """

    dump_patches = False
    call_super_init = False
    _version = 1
    training: bool
    forward: Callable[..., Any] = _no_forward
    _parameter_names: dict[str, bool]
    _buffer_names: dict[str, bool]  # True: the buffer is persistent
    _module_names: dict[str, bool]
    _call_hooks: CallHooks | None  # None, like the hooks everywhere, unless there are some
    _state_hooks: StateHooks | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        for table in _TABLES:  # a second __init__ forgets what the first one registered
            for registered in self.__dict__.get(table, ()):
                del self.__dict__[registered]
        # Set one by one, not through __dict__: instances of a class then share their keys, and
        # CPython reads their attributes the quick way.
        assign = object.__setattr__
        assign(self, "training", True)
        assign(self, "_parameter_names", {})
        assign(self, "_buffer_names", {})
        assign(self, "_module_names", {})
        assign(self, "_call_hooks", None)
        assign(self, "_state_hooks", None)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # --- calling -------------------------------------------------------------------------------

    def __call__(
        self, first: Any = _ABSENT, second: Any = _ABSENT, /, *rest: Any, **options: Any
    ) -> Any:
        # Layers take one argument and losses two; packing them in a tuple would cost 50 ns a call.
        try:
            if self._call_hooks is _call_hooks_everywhere:  # both are None
                if second is _ABSENT and first is not _ABSENT and not options:
                    return self.forward(first)
                if second is not _ABSENT and not rest and not options:
                    return self.forward(first, second)
            if second is not _ABSENT:
                args = (first, second, *rest)
            else:
                args = () if first is _ABSENT else (first,)
            if self._call_hooks is _call_hooks_everywhere:
                return self.forward(*args, **options)
            return self._call_with_hooks(args, options)
        except Exception as error:
            add_location(error, self)
            raise

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        global _call_hooks_everywhere
        common = _call_hooks_everywhere or _NO_HOOKS
        own = self._call_hooks or _NO_HOOKS
        if not common:
            _call_hooks_everywhere = None
        if not own:
            object.__setattr__(self, "_call_hooks", None)
        done: set[int] = set()
        result = None
        try:
            for table in (common.forward_pre, own.forward_pre):
                for hook in list(table.values()):
                    args, kwargs = self._call_pre_hook(hook, args, kwargs)
            watch = self._backward_watch(common, own)
            if watch is not None:
                args = watch.inputs(args)
            result = self.forward(*args, **kwargs)
            for table in (common.forward, own.forward):
                for key, hook in list(table.items()):
                    done.add(key)
                    changed = self._call_forward_hook(hook, args, kwargs, result)
                    if changed is not None:
                        result = changed
            return result if watch is None else watch.outputs(result)
        except Exception:
            self._call_always_hooks(common.forward, "global module", done, args, kwargs, result)
            self._call_always_hooks(own.forward, "module", done, args, kwargs, result)
            raise

    def _call_always_hooks(
        self,
        table: HookTable,
        scope: str,
        done: set[int],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """After an error: the hooks that are always called and have not been yet."""
        for key, hook in list(table.items()):
            if not hook.always_call or key in done:
                continue
            try:
                self._call_forward_hook(hook, args, kwargs, result)
            except Exception as silenced:
                warnings.warn(
                    f"{scope} forward hook with ``always_call=True`` raised an exception "
                    f"that was silenced as another error was raised in forward: {silenced}",
                    stacklevel=4,
                )

    def _call_pre_hook(
        self, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if not hook.with_kwargs:
            changed = hook.function(self, args)
            if changed is None:
                return args, kwargs
            return changed if isinstance(changed, tuple) else (changed,), kwargs
        changed = hook.function(self, args, kwargs)
        if changed is None:
            return args, kwargs
        if isinstance(changed, tuple) and len(changed) == 2:
            return changed
        raise RuntimeError(
            "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
            f"but got {changed}."
        )

    def _call_forward_hook(
        self, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> Any:
        if hook.with_kwargs:
            return hook.function(self, args, kwargs, result)
        return hook.function(self, args, result)

    def _backward_watch(self, common: CallHooks, own: CallHooks) -> BackwardWatch | None:
        if not (common.backward_pre or own.backward_pre or common.backward or own.backward):
            return None
        before: list[Callable[..., Any]] = []
        full: list[Callable[..., Any]] = []
        regular: list[Callable[..., Any]] = []
        for owner in (common, own):
            before += [hook.function for hook in owner.backward_pre.values()]
            target = full if owner.is_full_backward else regular
            target += [hook.function for hook in owner.backward.values()]
        return BackwardWatch(self, before, full, regular)

    # --- registering hooks ----------------------------------------------------------------------

    def _hooks_of_calls(self) -> CallHooks:
        hooks = self._call_hooks
        if hooks is None:
            hooks = CallHooks()
            object.__setattr__(self, "_call_hooks", hooks)
        return hooks

    def _hooks_of_state(self) -> StateHooks:
        hooks = self._state_hooks
        if hooks is None:
            hooks = StateHooks()
            object.__setattr__(self, "_state_hooks", hooks)
        return hooks

    def _state_hook_list(self, table: str) -> list[Hook]:
        if self._state_hooks is None:
            return []
        return list(getattr(self._state_hooks, table).values())

    @property
    def _forward_pre_hooks(self) -> HookTable:
        return self._hooks_of_calls().forward_pre

    @property
    def _forward_hooks(self) -> HookTable:
        return self._hooks_of_calls().forward

    @property
    def _backward_hooks(self) -> HookTable:
        return self._hooks_of_calls().backward

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Handle of `hook(module, args)`, run before `forward`; it may return other arguments.

        `prepend` puts it before those already there; `with_kwargs` makes it `hook(module, args,
        kwargs)`, returning both or None. `handle.remove()` takes it off.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda module, args: (-args[0],))
        >>> layer(torch.tensor([-2.0]))
        tensor([2.])
        """
        return add_hook(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Handle of `hook(module, args, output)`, run after `forward`; it may return another
        output.

        `with_kwargs` makes it `hook(module, args, kwargs, output)`; `always_call` runs it after an
        error too.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_forward_hook(lambda module, args, output: output + 1)
        >>> layer(torch.tensor([-2.0]))
        tensor([1.])
        """
        return add_hook(self._forward_hooks, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Handle of `hook(module, grad_output)`, run before the module's gradients are computed.

        It may return other gradients of the outputs, a tuple.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_full_backward_pre_hook(lambda module, grads: (grads[0] * 10,))
        >>> x = torch.tensor([2.0], requires_grad=True)
        >>> layer(x).sum().backward()
        >>> x.grad
        tensor([10.])
        """
        return add_hook(self._hooks_of_calls().backward_pre, Hook(hook), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Handle of `hook(module, grad_input, grad_output)`, run once both are known.

        Both are tuples; it may return other gradients of the inputs.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_full_backward_hook(lambda module, given, got: print(given, got))
        >>> layer(torch.tensor([2.0], requires_grad=True)).sum().backward()
        (tensor([1.]),) (tensor([1.]),)
        """
        self._hooks_of_calls().agree(True, "on a single Module")
        return add_hook(self._backward_hooks, Hook(hook), prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Handle of an old-style hook, which sees the gradients of the last operation only.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_backward_hook(lambda module, given, got: print(len(given)))
        >>> layer(torch.tensor([2.0], requires_grad=True)).sum().backward()
        1
        """
        self._hooks_of_calls().agree(False, "on a single Module")
        return add_hook(self._backward_hooks, Hook(hook))

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Handle of `hook(module, prefix, keep_vars)`, run before `state_dict` collects.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_state_dict_pre_hook(lambda *given: print("saving"))
        >>> _ = layer.state_dict()
        saving
        """
        return add_hook(self._hooks_of_state().save_pre, Hook(hook))

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Handle of `hook(module, state_dict, prefix, local_metadata)`, run after collecting.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_state_dict_post_hook(
        ...     lambda module, saved, prefix, metadata: saved.update(answer=42)
        ... )
        >>> layer.state_dict()["answer"]
        42
        """
        return add_hook(self._hooks_of_state().save_post, Hook(hook))

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Like `register_state_dict_post_hook`, but the hook may return another dictionary."""
        return add_hook(self._hooks_of_state().save_post, Hook(hook, may_replace=True))

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Handle of `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`, run before this module loads.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_load_state_dict_pre_hook(
        ...     lambda module, saved, *others: saved.clear()
        ... )
        >>> layer.load_state_dict({"unknown": torch.zeros(1)})
        <All keys matched successfully>
        """
        return add_hook(self._hooks_of_state().load_pre, Hook(hook))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        return add_hook(self._hooks_of_state().load_pre, Hook(hook, with_module=with_module))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Handle of `hook(module, incompatible_keys)`, run after this module and its children have
        loaded.

        >>> import facula as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_load_state_dict_post_hook(lambda module, keys: print(keys[1]))
        >>> _ = layer.load_state_dict({"unknown": torch.zeros(1)}, strict=False)
        ['unknown']
        """
        return add_hook(self._hooks_of_state().load_post, Hook(hook))

    # --- registering members --------------------------------------------------------------------

    @property
    def _parameters(self) -> Members[Parameter | None]:
        return Members(self, "_parameter_names")

    @_parameters.setter
    def _parameters(self, members: Mapping[str, Parameter | None]) -> None:
        self._replace_members("_parameter_names", members)

    @property
    def _buffers(self) -> Members[Tensor | None]:
        return Members(self, "_buffer_names")

    @_buffers.setter
    def _buffers(self, members: Mapping[str, Tensor | None]) -> None:
        self._replace_members("_buffer_names", members)

    @property
    def _modules(self) -> "Members[Module | None]":
        return Members(self, "_module_names")

    @_modules.setter
    def _modules(self, members: "Mapping[str, Module | None]") -> None:
        self._replace_members("_module_names", members)

    def _replace_members(self, table: str, members: Mapping[str, Any]) -> None:
        attributes = self.__dict__
        fresh = dict(members)
        persistence = attributes[table]
        for name in persistence:
            del attributes[name]
        attributes[table] = {name: persistence.get(name, True) for name in fresh}
        attributes.update(fresh)

    @property
    def _non_persistent_buffers_set(self) -> frozenset[str]:
        return frozenset(name for name, kept in self._buffer_names.items() if not kept)

    def _check_new_name(self, kind: str, name: Any, table: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if "." in name:
            got = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[table] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` part of the module's state though not a parameter: running means, masks.

        None keeps the name and says that there is none; with `persistent=False` it stays out of
        `state_dict`. Raises KeyError for a name with a dot, empty or taken, TypeError for what is
        no tensor.

        >>> import facula as torch
        >>> layer = torch.nn.Module()
        >>> layer.register_buffer("mask", torch.ones(2))
        >>> layer.state_dict()["mask"]
        tensor([1., 1.])
        """
        if "_buffer_names" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_new_name("buffer", name, "_buffer_names")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        tensor = _replaced(_on_buffer, self, name, tensor)
        self._buffer_names[name] = persistent
        self.__dict__[name] = tensor

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None keeps the name and says that there is none.

        Raises KeyError for a name with a dot, empty or taken, TypeError for what is no Parameter.

        >>> import facula as torch
        >>> layer = torch.nn.Module()
        >>> layer.register_parameter("weight", torch.nn.Parameter(torch.zeros(1)))
        >>> [name for name, _ in layer.named_parameters()]
        ['weight']
        """
        if "_parameter_names" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_new_name("parameter", name, "_parameter_names")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{type_name(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            param = _replaced(_on_parameter, self, name, param)
        self._parameter_names[name] = True
        self.__dict__[name] = param

    def add_module(self, name: str, module: "Module | None") -> None:
        """Add a child under `name`; None keeps the name and says that there is none.

        Raises KeyError for a name with a dot, empty or taken, TypeError for what is no module.

        >>> import facula as torch
        >>> model = torch.nn.Module()
        >>> model.add_module("act", torch.nn.ReLU())
        >>> model.act
        ReLU()
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type_name(module)} is not a Module subclass")
        self._check_new_name("module", name, "_module_names")
        module = _replaced(_on_module, self, name, module)
        self._module_names[name] = True
        self.__dict__[name] = module

    def register_module(self, name: str, module: "Module | None") -> None:
        """Add a child under `name`: another name of `add_module`.

        >>> import facula as torch
        >>> model = torch.nn.Module()
        >>> model.register_module("act", torch.nn.ReLU())
        >>> model.act
        ReLU()
        """
        self.add_module(name, module)

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if isinstance(value, Parameter):
            if "_parameter_names" not in attributes:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._release(name, "_parameter_names")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_module_names" not in attributes:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._release(name, "_module_names")
            attributes[name] = _replaced(_on_module, self, name, value)
            attributes["_module_names"][name] = True
        elif name in attributes.get("_parameter_names", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif name in attributes.get("_module_names", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            attributes[name] = _replaced(_on_module, self, name, None)
        elif name in attributes.get("_buffer_names", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            kept = (
                value.persistent if isinstance(value, Buffer) else attributes["_buffer_names"][name]
            )
            self.register_buffer(name, value, kept)
        elif isinstance(value, Tensor) and isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        else:
            object.__setattr__(self, name, value)

    def _release(self, name: str, kept: str) -> None:
        """Make `name` free for a member of table `kept`, whatever it meant before."""
        attributes = self.__dict__
        if name in attributes and name not in attributes[kept]:
            del attributes[name]
        for table in _TABLES:
            if table != kept:
                attributes[table].pop(name, None)

    def __delattr__(self, name: str) -> None:
        for table in _TABLES:
            self.__dict__.get(table, {}).pop(name, None)
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        return sorted(name for name in names if not name[0].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for table in _TABLES:  # a shallow copy must not share its names with the original
            state[table] = state[table].copy()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():  # one by one: see __init__
            self.__dict__[name] = value

    # --- walking -----------------------------------------------------------------------------

    def _named_members(
        self, table: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            attributes = module.__dict__
            start = path + "." if path else ""
            for name in attributes[table]:
                value = attributes[name]
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield start + name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and, with `recurse`, those below, each once.

        >>> import facula as torch
        >>> [weight.shape for weight in torch.nn.Linear(2, 3).parameters()]
        [torch.Size([3, 2]), torch.Size([3])]
        """
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of this module and those below, each parameter once.

        Names start with `prefix`; without `remove_duplicate` shared ones come under every name.

        >>> import facula as torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3))
        >>> [name for name, _ in model.named_parameters(prefix="model")]
        ['model.0.weight', 'model.0.bias']
        """
        return self._named_members("_parameter_names", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and, with `recurse`, those below, each once.

        >>> import facula as torch
        >>> [buffer.shape for buffer in torch.nn.BatchNorm1d(3).buffers()]
        [torch.Size([3]), torch.Size([3]), torch.Size([])]
        """
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) of this module and those below, each buffer once.

        >>> import facula as torch
        >>> [name for name, _ in torch.nn.BatchNorm1d(3).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        return self._named_members("_buffer_names", prefix, recurse, remove_duplicate)

    def children(self) -> "Iterator[Module]":
        """The modules directly below, each once.

        >>> import facula as torch
        >>> list(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()).children())
        [ReLU(), Tanh()]
        """
        for _, module in self.named_children():
            yield module

    def named_children(self) -> "Iterator[tuple[str, Module]]":
        """(name, module) of the modules directly below, each once.

        >>> import facula as torch
        >>> list(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()).named_children())
        [('0', ReLU()), ('1', Tanh())]
        """
        seen: set[int] = set()
        attributes = self.__dict__
        for name in self._module_names:
            module = attributes[name]
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> "Iterator[Module]":
        """This module and all those below, each once.

        >>> import facula as torch
        >>> [type(part).__name__ for part in torch.nn.Sequential(torch.nn.ReLU()).modules()]
        ['Sequential', 'ReLU']
        """
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: "set[Module] | None" = None, prefix: str = "", remove_duplicate: bool = True
    ) -> "Iterator[tuple[str, Module]]":
        """(dotted name, module) of this module and all those below, each once.

        >>> import facula as torch
        >>> model = torch.nn.Sequential(torch.nn.Sequential(torch.nn.ReLU()))
        >>> [name for name, _ in model.named_modules()]
        ['', '0', '0.0']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        start = prefix + "." if prefix else ""
        attributes = self.__dict__
        for name in attributes["_module_names"]:
            module = attributes[name]
            if module is not None:
                yield from module.named_modules(memo, start + name, remove_duplicate)

    def get_submodule(self, target: str) -> "Module":
        """The module at a dotted path below this one; this one for "".

        Raises AttributeError where there is none.

        >>> import facula as torch
        >>> torch.nn.Sequential(torch.nn.Sequential(torch.nn.ReLU())).get_submodule("0.0")
        ReLU()
        """
        module = self
        for name in target.split(".") if target else ():
            found = _attribute(module, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = found
        return module

    def set_submodule(self, target: str, module: "Module", strict: bool = False) -> None:
        """Put `module` at a dotted path; with `strict`, only in place of one that is there.

        Raises AttributeError where the path leads nowhere, ValueError for an empty path or what is
        no module.

        >>> import facula as torch
        >>> model = torch.nn.Sequential(torch.nn.ReLU())
        >>> model.set_submodule("0", torch.nn.Tanh())
        >>> model[0]
        Tanh()
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if not strict and not hasattr(parent, name):
            parent.add_module(name, module)
            return
        if not isinstance(_attribute(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path below this module. Raises AttributeError where there is
        none.

        >>> import facula as torch
        >>> torch.nn.Sequential(torch.nn.Linear(2, 3)).get_parameter("0.bias").shape
        torch.Size([3])
        """
        path, _, name = target.rpartition(".")
        found = _attribute(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path below this module. Raises AttributeError where there is none.

        >>> import facula as torch
        >>> torch.nn.BatchNorm1d(2).get_buffer("running_var")
        tensor([1., 1.])
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = _attribute(module, name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found

    # --- changing ------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """This module, told (with all below) that it is being trained: see Dropout, BatchNorm.

        Raises ValueError for a mode that is no bool.

        >>> import facula as torch
        >>> layer = torch.nn.Dropout()
        >>> layer.train(False).training, layer.train().training
        (False, True)
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """This module, told (with all below) that it is not being trained.

        >>> import facula as torch
        >>> torch.nn.Dropout().eval()(torch.ones(2))
        tensor([1., 1.])
        """
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """This module, with gradients wanted for all its parameters or for none.

        >>> import facula as torch
        >>> any(w.requires_grad for w in torch.nn.Linear(2, 3).requires_grad_(False).parameters())
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros.

        >>> import facula as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> layer(torch.ones(2)).backward()
        >>> layer.zero_grad()
        >>> print(layer.bias.grad)
        None
        """
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                if parameter.grad.grad_fn is not None:
                    parameter.grad.detach_()
                else:
                    parameter.grad.requires_grad_(False)
                parameter.grad.zero_()

    def apply(self, fn: "Callable[[Module], object]") -> Self:
        """This module, after `fn` was called on everything below and then on it.

        >>> import facula as torch
        >>> _ = torch.nn.Sequential(torch.nn.Tanh()).apply(print)
        Tanh()
        Sequential(
          (0): Tanh()
        )
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace what every parameter, gradient and buffer holds by `fn` of it.

        Parameters stay the same objects, so an optimizer that holds them goes on working.
        """
        if recurse:
            for module in self.children():
                module._apply(fn, recurse)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            with no_grad():
                converted = fn(parameter)
            gradient = parameter.grad
            if converted is not parameter:
                # The gradient is put back below: it may not fit the new data for a moment.
                parameter.grad = None
                parameter.data = converted
            if gradient is not None:
                with no_grad():
                    changed = fn(gradient)
                if changed is not gradient:
                    gradient.data = changed
                parameter.grad = gradient
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self.__dict__[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """This module, moved or converted: `to(device)`, `to(dtype)`, both, or `to(tensor)`.

        A dtype converts floating point and complex tensors only. Raises TypeError for a dtype that
        is neither.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).to(torch.float64).weight.dtype
        torch.float64
        """
        target = _read_destination(args, kwargs)

        def convert(tensor: Tensor) -> Tensor:
            options: dict[str, Any] = {}
            if target.device is not None:
                options["device"] = target.device
            if target.dtype is not None and tensor.is_floating_point():
                options["dtype"] = target.dtype
            if target.memory_format is not None and tensor.dim() in (4, 5):
                options["memory_format"] = target.memory_format
            return tensor.to(**options) if options else tensor

        return self._apply(convert)

    def to_empty(self, *, device: Device | str | None, recurse: bool = True) -> Self:
        """This module on `device`, with memory for its tensors but not their values.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).to_empty(device="cpu").weight.shape
        torch.Size([1, 2])
        """
        return self._apply(lambda tensor: ops.empty_like(tensor, device=device), recurse)

    def type(self, dst_type: DType | str) -> Self:
        """This module with every parameter and buffer, integers too, converted to a dtype.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).type(torch.float64).weight.dtype
        torch.float64
        """
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self) -> Self:
        """This module with its floating point tensors in float32.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1, dtype=torch.float64).float().weight.dtype
        torch.float32
        """
        return self._apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)

    def double(self) -> Self:
        """This module with its floating point tensors in float64.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).double().weight.dtype
        torch.float64
        """
        return self._apply(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)

    def half(self) -> Self:
        """This module with its floating point tensors in float16.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).half().weight.dtype
        torch.float16
        """
        return self._apply(lambda tensor: tensor.half() if tensor.is_floating_point() else tensor)

    def bfloat16(self) -> Self:
        """This module with its floating point tensors in bfloat16.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).bfloat16().weight.dtype
        torch.bfloat16
        """
        return self._apply(
            lambda tensor: tensor.bfloat16() if tensor.is_floating_point() else tensor
        )

    def cpu(self) -> Self:
        """This module in main memory.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 1).cpu().weight.device
        device(type='cpu')
        """
        return self._apply(lambda tensor: tensor.cpu())

    def cuda(self, device: Device | int | None = None) -> Self:
        """This module on an NVIDIA GPU; raises AssertionError or RuntimeError where there is none.

        >>> import facula as torch
        >>> torch.nn.ReLU().cuda()  # nothing to move
        ReLU()
        """
        return self._apply(lambda tensor: tensor.cuda(device))

    # --- saving --------------------------------------------------------------------------------

    def get_extra_state(self) -> Any:
        """What else belongs in `state_dict`: override together with `set_extra_state`.

        Raises RuntimeError where it is not overridden; `state_dict` calls it only where it is.

        >>> import facula as torch
        >>> class Counting(torch.nn.Module):
        ...     count = 7
        ...     def get_extra_state(self):
        ...         return self.count
        ...     def set_extra_state(self, state):
        ...         self.count = state
        >>> Counting().state_dict()
        OrderedDict([('_extra_state', 7)])
        """
        raise RuntimeError("get_extra_state() of a module that does not define it was called")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave; see there. Raises RuntimeError where it is not
        overridden.

        >>> import facula as torch
        >>> class Counting(torch.nn.Module):
        ...     def get_extra_state(self):
        ...         return 7
        ...     def set_extra_state(self, state):
        ...         print(state)
        >>> Counting().load_state_dict({"_extra_state": 8})
        8
        <All keys matched successfully>
        """
        raise RuntimeError("set_extra_state() of a module that does not define it was called")

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Dotted names to all parameters and persistent buffers, sharing their memory.

        >>> import facula as torch
        >>> list(torch.nn.Linear(2, 1).state_dict())
        ['weight', 'bias']
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module"
                ".state_dict for details.",
                FutureWarning,
                stacklevel=2,
            )
            given = [*args, *(destination, prefix, keep_vars)[len(args) :]]
            destination, prefix, keep_vars = given
        if destination is None:
            destination = OrderedDict()
            # The version of every module's layout, by prefix; it is saved with the dictionary.
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_hook_list("save_pre"):
            hook.function(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars
                )
        for hook in self._state_hook_list("save_post"):
            changed = hook.function(self, destination, prefix, local_metadata)
            if changed is None:
                continue
            if not hook.may_replace:
                raise RuntimeError("state_dict post-hook must return None")
            destination = changed
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Put this module's own tensors, not those of its children, in `destination`."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not Module.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        attributes = self.__dict__
        names = [
            *self._parameter_names,
            *(name for name, kept in self._buffer_names.items() if kept),
        ]
        return {name: attributes[name] for name in names if attributes[name] is not None}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy `state_dict` into this module and those below, or `assign` its tensors themselves.

        Returns the missing and unexpected keys, which with `strict` raise RuntimeError, as shapes
        that differ always do. Raises TypeError for what is no mapping.

        >>> import facula as torch
        >>> layer = torch.nn.Linear(1, 1)
        >>> layer.load_state_dict({"weight": torch.tensor([[2.0]]), "bias": torch.tensor([1.0])})
        <All keys matched successfully>
        >>> layer(torch.tensor([3.0])).item()
        7.0
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        keys, errors = load_tree(self, state_dict, assign)
        if strict:
            errors = [*keys.complaints(), *errors]
        if errors:
            listed = "\n\t".join(errors)
            name = type(self).__name__
            raise RuntimeError(f"Error(s) in loading state_dict for {name}:\n\t{listed}")
        return keys

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own tensors, not those of its children; collect what does not fit."""
        for hook in self._state_hook_list("load_pre"):
            arguments = (
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
            hook.function(self, *arguments) if hook.with_module else hook.function(*arguments)
        own = self._own_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name in own:
            key = prefix + name
            if key in state_dict:
                error_msgs += load_tensor(self, name, key, state_dict[key], assign)
            elif strict:
                missing_keys.append(key)
        extra_key = prefix + _EXTRA_STATE
        if type(self).set_extra_state is not Module.set_extra_state:
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if not key.startswith(prefix) or key == extra_key:
                    continue
                name, dot, _ = key[len(prefix) :].partition(".")
                if name not in (self._module_names if dot else own):
                    unexpected_keys.append(key)

    # --- printing ------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the printed form; override it in a layer.

        >>> import facula as torch
        >>> torch.nn.Linear(2, 3).extra_repr()
        'in_features=2, out_features=3, bias=True'
        """
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        if not children and len(lines) == 1:
            return f"{self._get_name()}({lines[0]})"
        if not children and not lines:
            return f"{self._get_name()}()"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


def _attribute(module: Module, name: str) -> Any:
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)
