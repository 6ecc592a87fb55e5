"""What every function made from a record goes through: its arguments looked at, out=, names."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from facula.bind.arguments import Overloads, explain, overloads_of
from facula.bind.narrow import refuse_wide
from facula.bind.out import with_out
from facula.bind.templates import MISSING, CallSignature, Missing, seen_source
from facula.bind.words import document
from facula.dispatch import (
    call_named,
    compile_function,
    has_names,
)
from facula.form import named_forms, when_names_begin, when_wide_begins
from facula.meta.dtype import dtype
from facula.op import Composite, Op, Operation
from facula.tensor import Tensor


def describe(function: Callable[..., Any], name: str, doc: str, op: Op) -> Callable[..., Any]:
    function.__name__ = name
    function.__qualname__ = name
    function.__module__ = "facula"
    function.__doc__ = document(op, name, doc)
    return function


def refuse_numbers(
    name: str, names: Sequence[str], operands: Sequence[Any], first: int = 1
) -> None:
    """torch's TypeError for the first operand that is no tensor; places count from `first`."""
    for place, (shown, value) in enumerate(zip(names, operands, strict=False)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name}(): argument '{'input' if shown == 'self' else shown}' (position "
                f"{place + first}) must be Tensor, not {type(value).__name__}"
            )


def takes_out(op: Op) -> bool:
    """Whether a record's schema offers out=."""
    return any(a.name == "out" for s in op.schemas for a in s.arguments)


def by_name_only(op: Op) -> set[str]:
    """Arguments that no overload takes by place."""
    by_place = {a.name for s in op.schemas for a in s.positional}
    return {a.name for s in op.schemas for a in s.keyword_only} - by_place


def lists_of_ints(op: Op) -> set[str]:
    """Arguments that may be several ints in some overload."""
    return {a.name for s in op.schemas for a in s.arguments if a.is_list and a.base == "int"}


# Argument names that torch takes as well, by the argument they mean: a method's `self` is a
# function's `input`, and NumPy's users say axis and keepdims.
SPELLINGS = {
    "input": "self", "axis": "dim", "keepdims": "keepdim", "split_size": "split_size_or_sections",
    "sections": "indices_or_sections", "indices": "indices_or_sections",
    "tensor_indices_or_sections": "indices_or_sections", "element": "elements",
    "test_element": "test_elements",
}  # fmt: skip


def spellings(op: Op, parameters: Iterable[str]) -> dict[str, str]:
    """Other names of a function's parameters."""
    known = set(parameters)
    return {
        said: meant for said, meant in SPELLINGS.items() if meant in known and said not in known
    } | op.other_names


# What arguments may be for a view to be remembered by them: values whose equality is sameness.
PLAIN = frozenset((int, bool, type(None), Missing, dtype))


def plain(value: Any) -> bool:
    return type(value) in PLAIN or (isinstance(value, tuple) and all(map(plain, value)))


Roads = tuple[Callable[..., Any], Callable[..., Any]]


def entry(
    op: Op, overloads: Overloads | None, call: Callable[..., Any], parameters: Iterable[str]
) -> Callable[..., Any]:
    """The general road: arguments looked at, and understood by their other names."""
    spelling = spellings(op, parameters)
    check = None if overloads is None else overloads.check

    def function(*args: Any, **kwargs: Any) -> Any:
        if op.narrow:
            refuse_wide(op, args, kwargs)
        if named_forms and has_names((*args, *kwargs.values())):
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
            return call_named(op, call, args, kwargs)
        if check is not None:
            changed = check(args, kwargs)
            if changed is not None:
                args, kwargs = changed
        if kwargs:
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
        try:
            return call(*args, **kwargs)
        except Exception as error:
            if overloads is not None:
                overloads.refuse_long_call(args, kwargs)
            explain(error)
            raise

    return function


def method_entry(
    op: Op, overloads: Overloads | None, call: Callable[..., Any], parameters: Iterable[str]
) -> Callable[..., Any]:
    """The general road of a method: what it is called on is no argument of the call."""
    spelling = spellings(op, parameters)
    check = None if overloads is None else overloads.check

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(self, Tensor):
            raise TypeError(
                f"descriptor '{op.name}' for 'Tensor' objects doesn't apply to a "
                f"'{type(self).__name__}' object"
            )
        given = (self, *args)
        if op.narrow:
            refuse_wide(op, given, kwargs)
        if named_forms and has_names((*given, *kwargs.values())):
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
            return call_named(op, call, given, kwargs)
        if check is not None:
            changed = check(args, kwargs)
            if changed is not None:
                args, kwargs = changed
        if kwargs:
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
        try:
            return call(self, *args, **kwargs)
        except Exception as error:
            if overloads is not None:
                overloads.refuse_long_call(args, kwargs)
            explain(error)
            if isinstance(error, AttributeError) and not isinstance(self, Tensor):
                raise TypeError(
                    f"descriptor '{op.name}' for 'torch._C.TensorBase' objects doesn't apply to a "
                    f"'{type(self).__name__}' object"
                ) from error
            raise

    return method


def entries(op: Op, call: Callable[..., Any], parameters: Sequence[str]) -> Roads:
    """The general road of the function and that of the method, which has no out=."""
    whole = with_out(op, call) if takes_out(op) else call
    as_method = op.method or op.namespace == "tensor"
    enter = method_entry if as_method else entry
    return (
        entry(op, overloads_of(op), whole, parameters),
        enter(op, overloads_of(op, as_method), call, parameters),
    )


def seen_entries(
    op: Composite | Operation, call: Callable[..., Any], parameters: Sequence[str]
) -> Roads:
    """The same, which look at classes of arguments that they have accepted no more."""
    given = [*inspect.signature(op.forward).parameters.values()]
    kinds = {p.kind for p in given}
    gathered = inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.VAR_KEYWORD in kinds
    gathered = gathered or any(a.varargs for s in op.schemas for a in s.arguments)
    by_name = {a.name for s in op.schemas for a in s.keyword_only}
    mixed = any(a.name in by_name for s in op.schemas for a in s.positional)
    checks = overloads_of(op), overloads_of(op, op.method or op.namespace == "tensor")
    roads = entries(op, call, parameters)
    required = bool(given) and given[0].default is inspect.Parameter.empty
    if gathered or mixed or not required or checks[0] is None:
        return roads
    keywords = ["out"] if takes_out(op) and "out" not in parameters else []
    signature = CallSignature(
        op.forward, False, spellings(op, parameters[1:]), keywords, (), by_name_only(op)
    )

    def made(place: int, first: str) -> Callable[..., Any]:
        overloads, as_method = checks[place], op.method or op.namespace == "tensor"
        whole = with_out(op, call) if takes_out(op) and not place else call
        enter = method_entry if place and as_method else entry
        general = enter(op, overloads, whole, parameters)

        def miss(first: Any, *values: Any) -> Any:
            args, kwargs = signature.call(values)
            y = general(first, *args, **kwargs)
            rest = args if place and as_method else (first, *args)
            plain = "out" not in kwargs and not named_forms and not op.narrow
            if plain and overloads and overloads.is_certain(rest, kwargs):
                seen.add((type(first), *map(type, values)))
            return y

        seen: set[Any] = set()
        when_names_begin.append(seen.clear)
        when_wide_begins.append(seen.clear)
        scope = {f"default_{p.name}": p.default for p in given if p.default is not p.empty}
        scope |= {"seen": seen, "miss": miss, "forward": call, "MISSING": MISSING}

        name = first

        def explain_call(error: Exception, first: Any, *values: Any) -> None:
            if overloads is not None:
                overloads.refuse_long({name: first, **dict(zip(signature.values, values))})
            explain(error)

        scope["explain"] = explain_call
        return compile_function(seen_source(signature, first, given), scope)

    first = given[0].name
    return made(0, "input" if first == "self" else first), made(1, first)
