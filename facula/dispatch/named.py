"""Calls on tensors whose dimensions have names: the one place that takes them off and puts them on.

A tensor's form carries its names, so that calls on named tensors miss every table of plain ones and
come here. The operation itself runs on the same memory without names; what its results are called
the record's rule says. Note [named tensors].
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from facula.dispatch.copy import alias
from facula.dispatch.layout import remember
from facula.form import with_names
from facula.meta.dtype import dtype
from facula.meta.names import NOT_YET, Names, mismatch, not_resized, positions
from facula.op import Choice, Composite, Op, Operation, Reduction, registry
from facula.tensor import Tensor

# Arguments that number dimensions, and may name them instead.
DIMENSIONS = frozenset(
    ("dim", "dims", "dim0", "dim1", "dim2", "axis0", "axis1", "start_dim", "end_dim", "source",
     "destination")
)  # fmt: skip
# Other names of arguments.
SPELLINGS = {"input": "self", "axis": "dim", "keepdims": "keepdim"}


def has_names(args: Sequence[Any], depth: int = 2) -> bool:
    """Whether tensors among the arguments have names; lists of them lie in lists at most (indices),
    deeper ones are data."""
    for value in args:
        if isinstance(value, Tensor):
            if value.form.names is not None:
                return True
        elif depth and isinstance(value, (list, tuple)) and has_names(value, depth - 1):
            return True
    return False


def call_named(
    op: Op,
    run: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    inplace: bool = False,
) -> Any:
    """What `run` makes of the arguments without names, named by the record's rule.

    `inplace`: the first argument is written.
    """
    if op.named_road is not None:
        return op.named_road(*args, **kwargs)
    key = None if inplace else call_key(op, args, kwargs)
    learnt = None if key is None else _learnt.get(key)
    if learnt is not None:
        return call_learnt(learnt, shortest(op, run, args), args)
    values = by_name(op, args, kwargs)
    named = has_names((*args, *kwargs.values()))
    words = [n for n in DIMENSIONS & values.keys() if is_name(values[n])]
    rule = op.names_rule
    if not callable(rule):
        if named:
            raise not_yet(rule or op.schema.name, inplace, values)
        return run(*args, **kwargs)
    if not named and not words:
        return run(*args, **kwargs)
    if words:
        known = names_of(next(tensors_in((args, tuple(kwargs.values())))))
        places = names_by_place(op, len(args))
        args = tuple(
            [positions(v, known) if n in words else v for n, v in zip(places, args, strict=True)]
        )
        kwargs = {
            n: positions(v, known) if SPELLINGS.get(n, n) in words else v for n, v in kwargs.items()
        }
        values = by_name(op, args, kwargs)
    targets = written(op, values, args[0] if inplace else None)
    waits = "y" in parameters(rule)
    names = None if waits else ruled(op, rule, values)
    if not waits:
        check_targets(targets, names)
    y, stripped = plainly(run, args, kwargs, targets)
    if waits:
        names = ruled(op, rule, values, y)
        check_targets(targets, names)
    if key is not None and not targets:
        remember(_learnt, key, (names, without_tensors(args), kwargs))
    for target in targets:
        if target.form.names is None and not isinstance(names, list):
            target.form = with_names(target.form, names)
    return christened(y, names, stripped, [*tensors_in((args, tuple(kwargs.values())))], targets)


# What calls come to, by record, forms and plain arguments: names of results, and the arguments with
# numbers for names of dimensions.
_learnt: dict[Any, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {}

PLAIN = frozenset((int, float, bool, str, type(None), dtype))


def call_key(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
    """What decides a call's names; None if some argument is neither plain nor a tensor."""
    parts: list[Any] = [op]
    for value in args:
        if isinstance(value, Tensor):
            parts.append(value.form)
        elif value.__class__ in PLAIN:
            parts += (value.__class__, value)  # 1, 1.0 and True are equal
        elif value.__class__ is tuple and all(one.__class__ in (int, str) for one in value):
            parts.append(value)
        else:
            return None
    for name, value in kwargs.items():
        if value.__class__ not in PLAIN:
            return None
        parts += (name, value.__class__, value)
    return tuple(parts)


def without_tensors(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([None if isinstance(value, Tensor) else value for value in args])


def shortest(op: Op, run: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """The record's method, which knows plain calls of this kind, where there is one."""
    method: Any = op.as_method
    return method if method is not None and args and isinstance(args[0], Tensor) else run


def call_learnt(
    learnt: tuple[Any, tuple[Any, ...], dict[str, Any]],
    run: Callable[..., Any],
    args: tuple[Any, ...],
) -> Any:
    """A call of a kind that has been seen before and wrote into none of its arguments."""
    names, known, kwargs = learnt
    stripped: list[tuple[Tensor, Tensor]] = []
    plain = [
        bare(value, stripped, []) if isinstance(value, Tensor) else fixed
        for value, fixed in zip(args, known, strict=True)
    ]
    inputs = [value for value in args if isinstance(value, Tensor)]
    return christened(run(*plain, **kwargs), names, stripped, inputs, [])


def not_yet(word: str, inplace: bool, values: dict[str, Any]) -> RuntimeError:
    """torch's refusal, with its name of the operation: `remainder.Tensor`."""
    name, _, overload = word.partition(".")
    if overload == "Tensor" and any(type(v) in (int, float) for v in values.values()):
        overload = "Scalar"
    name += "_" * (inplace and not name.endswith("_"))
    return RuntimeError(f"aten::{name}{'.' if overload else ''}{overload}{NOT_YET}")


def is_name(value: Any) -> bool:
    """Whether a dim, or one of several, is said by name."""
    if isinstance(value, (tuple, list)):
        return any(isinstance(one, str) for one in value)
    return isinstance(value, str)


def names_of(tensor: Tensor) -> Names:
    """The names of a tensor's dimensions."""
    form = tensor.form
    return form.names or (None,) * form.ndim


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors among arguments, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from tensors_in(one)


# --- arguments -----------------------------------------------------------------------------------


@cache
def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


@cache
def declared(op: Op) -> tuple[tuple[str, ...], str | None, dict[str, Any]]:
    """The arguments of a record by place, the one that takes all further ones, and defaults."""
    if isinstance(op, Reduction):
        return ("self", "dim", "keepdim", "dtype"), None, {"dim": None, "keepdim": False}
    if isinstance(op, Choice):
        known = parameters(op.choose)
    elif isinstance(op, (Composite, Operation)):
        known = parameters(op.forward)
    else:
        return op.argument_names, None, {}
    several = [p.name for p in known.values() if p.kind is p.VAR_POSITIONAL]
    names = tuple(["self" if name in ("input", "geometry") else name for name in known])
    defaults = {p.name: p.default for p in known.values() if p.default is not p.empty}
    return names, several[0] if several else None, defaults


def names_by_place(op: Op, count: int) -> list[str]:
    """The argument names of so many arguments given by place."""
    names, several, _ = declared(op)
    if several is not None:
        names = names[: names.index(several)] + (several,) * count
    return list((*names, *[""] * count)[:count])


def by_name(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by their names; all that one with a * takes as a tuple."""
    several = declared(op)[1]
    values: dict[str, Any] = {}
    for name, value in zip(names_by_place(op, len(args)), args, strict=True):
        if name == several:
            values[name] = (*values.get(name, ()), value)
        else:
            values[name] = value
    return values | {SPELLINGS.get(name, name): value for name, value in kwargs.items()}


def ruled(op: Op, rule: Callable[..., Any], values: dict[str, Any], y: Any = None) -> Any:
    """What a rule says of a call. Of tensors it is given the names, of a result the shape; of the
    key of x[key] itself."""
    known = parameters(rule)
    if any(p.kind is p.VAR_POSITIONAL for p in known.values()):
        operands = [v for n, v in values.items() if n != "out" and isinstance(v, Tensor)]
        return rule(*map(names_of, operands))
    defaults = declared(op)[2]
    values = {"self": next(iter(values.values()), None)} | values  # whatever the first is called
    given: dict[str, Any] = {}
    for name, parameter in known.items():
        if name == "y":
            given[name] = y.form.shape if isinstance(y, Tensor) else None
            continue
        source = name.removesuffix("_shape")
        value = values.get(source, defaults.get(source, parameter.default))
        if name != source:
            given[name] = value.form.shape
        elif name == "key":
            given[name] = value
        elif value is not parameter.empty:
            given[name] = named_value(value)
    return rule(**given)


def named_value(value: Any) -> Any:
    """The names of a tensor, of several; any other argument itself."""
    if isinstance(value, Tensor):
        return names_of(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, Tensor) for v in value):
        if len(value) == 1:
            return [names_of(value[0])]
        return [names_of(one) for one in value]
    if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], (list, tuple)):
        return named_value(value[0])
    return value


# --- tensors without their names -----------------------------------------------------------------


def written(op: Op, values: dict[str, Any], first: Any) -> list[Tensor]:
    """The tensors that a call writes into."""
    known = [a.name for a in op.schema.arguments if a.is_written]
    found = [first, *tensors_in(tuple(values.get(n) for n in {*known, "out"}))]
    return [t for t in found if isinstance(t, Tensor)]


def check_targets(targets: list[Tensor], names: Any) -> None:
    """Tensors that are written and have names must have those of the result."""
    for target in targets:
        if target.form.names is not None and target.form.names != names:
            raise mismatch(target.form.names, names or (None,) * target.form.ndim)


def plainly(
    run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], targets: list[Tensor]
) -> tuple[Any, list[tuple[Tensor, Tensor]]]:
    """The result of a call without names, and the tensors that stood for named ones.

    What is only read is stood for by another tensor over the same memory whose gradient flows to
    the named one. What is written has to be the tensor itself: it is without names meanwhile.
    """
    stripped: list[tuple[Tensor, Tensor]] = []
    kept = [(t, t.form) for t in targets]
    plain = bare(args, stripped, targets)
    keywords = {name: bare(value, stripped, targets) for name, value in kwargs.items()}
    try:
        for target in targets:
            target.form = target.form.plain
        return run(*plain, **keywords), stripped
    finally:
        for target, form in kept:
            if form.names is None:
                continue
            found, target.form = target.form, form
            if found.shape != form.shape:
                raise not_resized(form.names, form.shape, found.shape)
            target.form = with_names(found, form.names)


def nameless(value: Any) -> Any:
    """What a node saved, without names: tensors may have been given some since then."""
    if isinstance(value, Tensor):
        return bare(value, [], [])
    if type(value) in (list, tuple):
        return type(value)([nameless(one) for one in value])
    return value


def bare(value: Any, stripped: list[tuple[Tensor, Tensor]], targets: list[Tensor]) -> Any:
    """An argument with stand-ins for the named tensors in it."""
    if isinstance(value, Tensor):
        if value.form.names is None or (targets and any(value is one for one in targets)):
            return value
        for tensor, known in stripped:
            if tensor is value:
                return known
        made = alias(value)
        made.form = value.form.plain
        # A leaf is its own base, even if it looks into another tensor.
        made.base = None if value.needs_grad and value.edge is None else value.base
        stripped.append((value, made))
        return made
    if type(value) in (list, tuple):
        return type(value)([bare(one, stripped, targets) for one in value])
    return value


def christened(
    y: Any,
    names: Any,
    stripped: list[tuple[Tensor, Tensor]],
    inputs: list[Tensor],
    targets: list[Tensor],
) -> Any:
    """The result, or all of several, with their names: a list holds those of one each."""
    if isinstance(y, (tuple, list)):
        each = names if isinstance(names, list) else [names] * len(y)
        made = [
            christened(one, name, stripped, inputs, targets)
            for one, name in zip(y, each, strict=True)
        ]
        return type(y)(*made) if hasattr(y, "_fields") else type(y)(made)
    if not isinstance(y, Tensor) or any(y is target for target in targets):
        return y
    for tensor, known in stripped:
        if y is known:
            y = tensor
        elif y.base is known:
            y.base = tensor
    if any(y is one for one in inputs):
        return y if with_names(y.form, names) is y.form else renamed(y, names)
    y.form = with_names(y.form, names)
    return y


def renamed(tensor: Tensor, names: Names | None) -> Tensor:
    """A view of a tensor that is the tensor itself, but for its names."""
    y: Tensor = registry["alias"].function(tensor)
    y.form = with_names(y.form, names)
    return y


__all__ = [
    "call_named", "has_names", "nameless", "names_of", "plainly",
    "renamed",
]  # fmt: skip
