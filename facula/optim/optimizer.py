"""`Optimizer`: parameter groups, state, hooks, saving and loading, as in PyTorch.

It computes nothing. A subclass writes its options into `defaults`, its update as a formula, and
`step`. What is saved can be loaded by PyTorch, and the other way round.
"""

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any, ClassVar

from facula import ops
from facula.autograd.graph import HookHandle
from facula.autograd.mode import enable_grad
from facula.optim.team import Lineup, State, Team
from facula.tensor import Tensor

Group = dict[str, Any]
Closure = Callable[[], Any]
Params = Iterable[Tensor] | Iterable[Group] | Iterable[tuple[str, Tensor]]
Hooks = OrderedDict[int, Callable[..., Any]]


class _Required:
    """Stands for a default that a parameter group must bring itself."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

_global_pre_hooks: Hooks = OrderedDict()
_global_post_hooks: Hooks = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> HookHandle:
    """Calls `hook(optimizer, args, kwargs)` before each step of any optimizer."""
    return HookHandle(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> HookHandle:
    """Calls `hook(optimizer, args, kwargs)` after each step of any optimizer."""
    return HookHandle(_global_post_hooks, hook)


class Optimizer:
    """Abstract. Changes parameters by their gradients; subclasses write `step`.

    `params` are tensors, (name, tensor) pairs, or dictionaries with "params" and options of their
    own; `defaults` are the options of groups that do not say. Raises TypeError for what is no
    tensor, ValueError for no parameter, one that is no leaf, or one in two groups.

    >>> import facula as torch
    >>> class Signs(torch.optim.Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...
    ...     @torch.no_grad()
    ...     def step(self, closure=None):
    ...         for group in self.param_groups:
    ...             for weight in group["params"]:
    ...                 weight -= group["lr"] * weight.grad.sign()
    >>> weight = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Signs([weight], lr=0.5)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight
    tensor([ 0.5000, -1.5000], requires_grad=True)
    """

    # Options that older checkpoints lack, with the values that mean what they meant.
    later_options: ClassVar[Group] = {}

    defaults: Group
    state: "defaultdict[Tensor, State]"
    param_groups: list[Group]

    def __init_subclass__(cls, **kwargs: object):
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: Group):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {params.type()}"
            )
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        self._prepare()
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        """What is neither saved nor copied: hooks, and who stepped with whom."""
        self._pre_hooks: Hooks = OrderedDict()
        self._post_hooks: Hooks = OrderedDict()
        self._save_pre_hooks: Hooks = OrderedDict()
        self._save_post_hooks: Hooks = OrderedDict()
        self._load_pre_hooks: Hooks = OrderedDict()
        self._load_post_hooks: Hooks = OrderedDict()
        self._lineups: dict[int, Lineup] = {}
        # Whether a step was made since a scheduler last looked.
        self._opt_called = False

    def step(self, closure: Closure | None = None) -> Any:
        """Changes every parameter that has a gradient; returns the loss of `closure()`, if given.

        >>> import facula as torch
        >>> weight = torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([weight], lr=0.5)
        >>> def loss():
        ...     optimizer.zero_grad()
        ...     y = weight.sum()
        ...     y.backward()
        ...     return y
        >>> optimizer.step(loss).item(), weight.item()
        (1.0, 0.5)
        """
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Takes the gradients off the parameters, or fills them with zeros.

        >>> import facula as torch
        >>> weight = torch.ones(1, requires_grad=True)
        >>> weight.grad = torch.ones(1)
        >>> torch.optim.SGD([weight]).zero_grad()
        >>> print(weight.grad)
        None
        """
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none or param.grad is None:
                    param.grad = None
                    continue
                if param.grad.requires_grad:
                    param.grad = param.grad.detach()
                param.grad.zero_()

    # --- for subclasses ------------------------------------------------------------------------

    def _loss(self, closure: Closure | None) -> Any:
        """The loss that `closure` computes, with gradients recorded."""
        if closure is None:
            return None
        with enable_grad():
            return closure()

    def _teams(self, group: Group, begin: Callable[[Tensor, Group], State]) -> list[Team]:
        """The parameters of a group that have gradients, counted one step further.

        `begin(param, group)` gives the state of a parameter that steps for the first time.
        """
        params = [param for param in group["params"] if param.grad is not None]
        states = [self.state[param] for param in params]
        lineup = self._lineups.get(id(group))
        if lineup is None or not lineup.stands(params, states):
            for param, state in zip(params, states):
                if not state:
                    state["step"] = 0
                    state.update(begin(param, group))
            lineup = self._lineups[id(group)] = Lineup(params, states)
        for team in lineup.teams:
            team.advance()
        return lineup.teams

    # --- groups --------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Adds parameters with options of their own, such as layers unfrozen during training.

        Raises TypeError for what is no dictionary, ValueError for a parameter that another group
        has.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
        >>> optimizer.add_param_group({"params": [torch.ones(2)], "lr": 0.1})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.5, 0.1]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = param_group
        names, params = _names_and_params(group["params"])
        group["params"] = params
        if names is not None:
            group["param_names"] = names
        for param in params:
            self._check_param(param)
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization "
                    f"parameter {name}"
                )
            group.setdefault(name, default)
        self._check_against_groups(group)
        self.param_groups.append(group)

    def _check_param(self, param: object) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {_type_name(param)}"
            )
        if not (param.is_leaf or param.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")

    def _check_against_groups(self, group: Group) -> None:
        if len(set(group["params"])) != len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=4,
            )
        known = set(chain.from_iterable(other["params"] for other in self.param_groups))
        if not known.isdisjoint(group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        has_names = "param_names" in group
        if self.param_groups and ("param_names" in self.param_groups[0]) != has_names:
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if has_names else 'without'} names to the optimizer"
            )

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            if number:
                lines.append("")
            lines.append(f"Parameter Group {number}")
            for name in sorted(group):
                if name != "params":
                    value = group[name]
                    shown = value.item() if isinstance(value, Tensor) else value
                    lines.append(f"    {name}: {shown}")
        return "\n".join([*lines, ")"])

    # --- hooks ---------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Calls `hook(optimizer, args, kwargs)` before each step; it may return others in their
        place.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)])
        >>> handle = optimizer.register_step_pre_hook(lambda *given: print("before"))
        >>> optimizer.step()
        before
        >>> handle.remove()
        """
        return HookHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Calls `hook(optimizer, args, kwargs)` after each step.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)])
        >>> handle = optimizer.register_step_post_hook(lambda *given: print("after"))
        >>> optimizer.step()
        after
        """
        return HookHandle(self._post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[["Optimizer"], None], prepend: bool = False
    ) -> HookHandle:
        """Calls `hook(optimizer)` before `state_dict()` collects; `prepend` puts it first.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)])
        >>> handle = optimizer.register_state_dict_pre_hook(lambda optimizer: print("saving"))
        >>> _ = optimizer.state_dict()
        saving
        """
        return _add_hook(self._save_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[["Optimizer", Group], Group | None], prepend: bool = False
    ) -> HookHandle:
        """Calls `hook(optimizer, state_dict)` after collecting; it may return another dictionary.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)])
        >>> handle = optimizer.register_state_dict_post_hook(lambda optimizer, saved: {"only": 1})
        >>> optimizer.state_dict()
        {'only': 1}
        """
        return _add_hook(self._save_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[["Optimizer", Group], Group | None], prepend: bool = False
    ) -> HookHandle:
        """Calls `hook(optimizer, state_dict)` before loading; it may return what to load instead.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)])
        >>> handle = optimizer.register_load_state_dict_pre_hook(lambda *given: print("loading"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        loading
        """
        return _add_hook(self._load_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[["Optimizer"], None], prepend: bool = False
    ) -> HookHandle:
        """Calls `hook(optimizer)` after loading.

        >>> import facula as torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)])
        >>> handle = optimizer.register_load_state_dict_post_hook(lambda optimizer: print("loaded"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        loaded
        """
        return _add_hook(self._load_post_hooks, hook, prepend)

    # --- saving and loading --------------------------------------------------------------------

    def state_dict(self) -> Group:
        """State and options, with parameters replaced by their numbers; tensors are not copied.

        >>> import facula as torch
        >>> saved = torch.optim.SGD([torch.zeros(1), torch.ones(1)], lr=0.5).state_dict()
        >>> saved["state"], saved["param_groups"][0]["params"], saved["param_groups"][0]["lr"]
        ({}, [0, 1], 0.5)
        """
        for hook in self._save_pre_hooks.values():
            hook(self)
        numbers: dict[Tensor, int] = {}
        for param in chain.from_iterable(group["params"] for group in self.param_groups):
            numbers.setdefault(param, len(numbers))
        groups = []
        for group in self.param_groups:
            options = {name: value for name, value in group.items() if name != "params"}
            groups.append({**options, "params": [numbers[param] for param in group["params"]]})
        state = {
            numbers[key] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        result = {"state": state, "param_groups": groups}
        for hook in self._save_post_hooks.values():
            replaced = hook(self, result)
            if replaced is not None:
                result = replaced
        return result

    def load_state_dict(self, state_dict: Group) -> None:
        """Takes over what `state_dict()` gave, here or in PyTorch; parameters match by order.

        Raises ValueError for another number of groups or of parameters in one.

        >>> import facula as torch
        >>> slow = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        >>> slow.load_state_dict(torch.optim.SGD([torch.zeros(1)], lr=0.5).state_dict())
        >>> slow.param_groups[0]["lr"]
        0.5
        """
        state_dict = state_dict.copy()
        for hook in self._load_pre_hooks.values():
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(saved_groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        params: dict[object, Tensor] = {}
        for group, saved in zip(self.param_groups, saved_groups):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group "
                    "that doesn't match the size of optimizer's group"
                )
            params.update(zip(saved["params"], group["params"]))
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _fitted(value, params[key])
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._load_post_hooks.values():
            hook(self)

    def __getstate__(self) -> Group:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: Group) -> None:
        self.__dict__.update(state)
        if "_lineups" not in self.__dict__:
            self._prepare()
        self._lineups.clear()
        for group in self.param_groups:
            for name, value in self.later_options.items():
                group.setdefault(name, value)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the hooks of its optimizer around it."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        if self._pre_hooks or self._post_hooks or _global_pre_hooks or _global_post_hooks:
            return _step_with_hooks(step, self, args, kwargs)
        return step(self, *args, **kwargs)

    return hooked


def _step_with_hooks(
    step: Callable[..., Any], optimizer: Optimizer, args: tuple[Any, ...], kwargs: Group
) -> Any:
    # As in torch, the args that hooks see and replace begin with the optimizer itself.
    args = (optimizer, *args)
    for hook in chain(_global_pre_hooks.values(), optimizer._pre_hooks.values()):
        replaced = hook(optimizer, args, kwargs)
        if replaced is None:
            continue
        if not (isinstance(replaced, tuple) and len(replaced) == 2):
            raise RuntimeError(
                f"{step} must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
            )
        args, kwargs = replaced
    result = step(*args, **kwargs)
    for hook in chain(optimizer._post_hooks.values(), _global_post_hooks.values()):
        hook(optimizer, args, kwargs)
    return result


def _add_hook(hooks: Hooks, hook: Callable[..., Any], prepend: bool) -> HookHandle:
    handle = HookHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.number, last=False)
    return handle


def _names_and_params(params: Any) -> tuple[list[str] | None, list[Any]]:
    """A group's parameters as a list, and their names if it was given (name, parameter) pairs."""
    if isinstance(params, Tensor):
        return None, [params]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets will change between runs. Please use a list instead."
        )
    items = list(params)
    named = [isinstance(item, tuple) for item in items]
    if not any(named):
        return None, items
    if not all(named):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return [name for name, _ in items], [param for _, param in items]


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _fitted(value: Any, param: Tensor, name: str | None = None) -> Any:
    """A loaded piece of state in the dtype of its parameter; the "step" keeps its own."""
    if name == "step":
        return value if isinstance(value, Tensor) else ops.tensor(float(value))
    if isinstance(value, Tensor):
        return value.to(param.dtype) if param.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _fitted(item, param, key) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fitted(item, param) for item in value)
    return value


# --- checks of options that several optimizers have ----------------------------------------------


def check_lr(lr: float | Tensor) -> None:
    """A learning rate is a number, or a tensor of one, and not negative."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_not_negative("learning rate", lr)


def check_not_negative(words: str, value: Any) -> None:
    """Raises torch's error for a negative option."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {words}: {value}")


def check_modes(*, foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """`foreach` and `fused` choose nothing here: every step is one kernel over all parameters."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def check_group(group: Group) -> None:
    """Raises for options that a group may hold but no step here can follow."""
    if group.get("capturable"):
        raise AssertionError(
            "If capturable=True, params and state_steps must be on supported devices: ['cuda']."
        )
    if group.get("differentiable"):
        raise NotImplementedError(
            "differentiable=True is not supported: a step is not recorded by autograd"
        )
