"""Functions of pointwise records, which begin with the hot path, and their in-place forms."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.graph import next_order
from facula.autograd.mode import mode
from facula.bind.arguments import overloads_of
from facula.bind.out import pointwise_out
from facula.bind.roads import describe, entry, method_entry, refuse_numbers
from facula.bind.templates import inplace_source, pointwise_source
from facula.dispatch import (
    NUMBER_WORDS,
    RESULT,
    TENSOR,
    Launch,
    build_keep,
    build_launch,
    call_named,
    call_pointwise,
    compile_function,
    has_names,
    inplace_pointwise,
    launcher,
    node_type,
    remember,
)
from facula.form import Form, named_forms
from facula.op import REQUIRED, Choice, Pointwise, registry
from facula.tensor import Tensor

NUMBERS = frozenset((int, float))


def hot_function(op: Pointwise) -> Callable[..., Any]:
    """f(tensors...) with all Scalar arguments at their defaults, as constants of the kernel.

    Operands may be numbers, all but one of them: then another function of the same shape serves
    the call, one for each set of places where numbers stand.
    """
    names, defaults, constants = plain_arguments(op)
    takes_number = len(names) > 1 and not op.constant_numbers and not op.tensors_only
    numbered: dict[tuple[bool, ...], Callable[..., Any]] = {}

    def miss(operands: tuple[Any, ...]) -> Tensor:
        if named_forms and has_names(operands):
            named: Tensor = call_named(op, made, operands, {})
            if all(isinstance(v, Tensor) for v in operands):
                learn_names(launches, [v.form for v in operands], (), named)
            return named
        values = (*operands, *defaults)
        if all(isinstance(v, Tensor) for v in operands):
            forms = tuple([v.form for v in operands])
            prepare(op, (*forms, *constants), launches, forms[0] if len(forms) == 1 else forms)
            return call_pointwise(op, values, key=(*forms, *constants))
        if op.tensor_first:
            refuse_numbers(op.name, names[:1], operands[:1])
        places = tuple([k for k, v in enumerate(operands) if type(v) in NUMBERS])
        tensors = [v for k, v in enumerate(operands) if k not in places]
        if takes_number and places and tensors and all(isinstance(v, Tensor) for v in tensors):
            if len(operands) == 2:
                assert op.number_first is not None
                number_first: Tensor = op.number_first(*operands)
                return number_first
            with_these = with_numbers(op, names, defaults, places)
            numbered[tuple([k in places for k in range(len(names))])] = with_these
            several: Tensor = with_these(*operands)
            return several
        if op.tensors_only or len(names) == 1:
            refuse_numbers(op.name, names, operands)
        for place, value in enumerate(operands):
            if value is None:
                refuse_numbers(op.name, names[place : place + 1], (None,), place + 1)
        return call_pointwise(op, values)

    launches: dict[Any, Any] = {}
    source = pointwise_source(names, names, defaults, bool(op.error_codes), takes_number)
    scope = pointwise_scope(op, launches, miss) | {"numbered": numbered}
    if takes_number and len(names) == 2:
        scope["with_number"] = later(
            lambda: with_numbers(op, names, defaults, (1,)),
            lambda made: scope.update(with_number=made),
        )
        op.number_first = later(
            lambda: with_numbers(op, names, defaults, (0,)),
            lambda made: setattr(op, "number_first", made),
        )
    made = compile_function(source, scope)
    # The same for Python's operator, which steps back where torch raises a TypeError.
    scope["step_back"] = lambda operands: stepping_back(miss, operands)
    op.make_operator = lambda: compile_function(
        source.replace("return miss(", "return step_back("), scope
    )
    return made


def stepping_back(function: Callable[[tuple[Any, ...]], Any], operands: tuple[Any, ...]) -> Any:
    """An operator's answer for these operands; NotImplemented for what it does not know, so that
    Python asks the other operand."""
    try:
        return function(operands)
    except TypeError:
        if all(isinstance(v, (Tensor, int, float, complex)) for v in operands):
            raise
        return NotImplemented


def plain_arguments(op: Pointwise) -> tuple[list[str], list[Any], tuple[Any, ...]]:
    """Names of the tensors; defaults of the other arguments, and those as parts of a launch key."""
    declared = op.schema.arguments
    defaults = [a.default for a in declared if not a.type.startswith("Tensor")]
    constants = tuple([None if d is None else ("=", d) for d in defaults])
    return [a.name for a in declared if a.type.startswith("Tensor")], defaults, constants


def later(
    make: Callable[[], Callable[..., Any]], keep: Callable[[Callable[..., Any]], object]
) -> Callable[..., Any]:
    """A function that is made when it is first called, and then kept in its place."""

    def first(*args: Any) -> Any:
        made = make()
        keep(made)
        return made(*args)

    return first


def pointwise_scope(
    op: Pointwise, launches: dict[Any, Any], miss: Callable[..., Any]
) -> dict[str, Any]:
    """The names that a hot function reads."""
    return {
        "launches": launches, "miss": miss, "new": object.__new__, "Tensor": Tensor,
        "mode": mode, "op": op, "NUMBERS": NUMBERS,
        "node_type": node_type(op), "next_order": next_order, "build_keep": build_keep,
    }  # fmt: skip


def with_numbers(
    op: Pointwise, names: list[str], defaults: list[Any], places: tuple[int, ...]
) -> Callable[..., Any]:
    """The hot function of operands of which those at `places` are Python ints or floats."""
    numbers = [names[k] for k in places]
    tensors = [n for n in names if n not in numbers]
    constants = plain_arguments(op)[2]
    launches: dict[Any, Any] = {}

    def miss(operands: tuple[Any, ...]) -> Tensor:
        if named_forms and has_names(operands):
            named: Tensor = call_named(op, made, operands, {})
            forms = [v.form for v in operands if isinstance(v, Tensor)]
            if len(forms) + len(places) == len(operands):
                learn_names(launches, forms, [type(operands[k]) for k in places], named)
            return named
        for place, value in enumerate(operands):
            if place not in places and not isinstance(value, Tensor):
                refuse_numbers(op.name, names[place : place + 1], (value,), place + 1)
        values = [operands[k] for k in places]
        if any(type(v) is int and not -(2**63) <= v < 2**63 for v in values):
            return call_pointwise(op, (*operands, *defaults))
        key = [type(v) if k in places else v.form for k, v in enumerate(operands)]
        short = [key[k] for k in range(len(key)) if k not in places]
        prepare(op, (*key, *constants), launches, (*short, *map(type, values)))
        return call_pointwise(op, (*operands, *defaults), key=(*key, *constants))

    source = pointwise_source(
        names, [*tensors, *numbers], defaults, bool(op.error_codes), False, numbers
    )
    made = compile_function(source, pointwise_scope(op, launches, miss))
    return made


def prepare(op: Pointwise, key: Any, launches: dict[Any, Any], short: Any) -> None:
    """Builds the launch of `key` and enters it under the hot function's shorter key."""
    launch = op.launches.get(key)
    if launch is None:
        launch = remember(op.launches, key, build_launch(op, key))
    run = launcher(launch.kernel, pointwise_words(launch), launch.form)
    remember(launches, short, (run, launch))


def learn_names(
    launches: dict[Any, Any], forms: Sequence[Form], kinds: Sequence[type], y: Tensor
) -> None:
    """Enters the launch of operands with names: that of the same ones without, whose result gets
    the names that it was given this time. Nodes take gradients without names."""
    one = len(forms) == 1 and not kinds
    found = launches.get(forms[0].plain if one else (*[f.plain for f in forms], *kinds))
    if found is not None and type(y) is Tensor and found[1].form is y.form.plain:
        launch = found[1]
        run = launcher(launch.kernel, pointwise_words(launch), y.form)
        remember(launches, forms[0] if one else (*forms, *kinds), (run, launch))


def pointwise_words(launch: Launch) -> tuple[Any, ...]:
    """The arguments of a pointwise kernel: sizes, tensors, result, numbers."""
    key = launch.operands
    numbers = [NUMBER_WORDS[one] for one in key if type(one) is type]
    return (*launch.sizes, *[TENSOR for one in key if isinstance(one, Form)], RESULT, *numbers)


def inplace_function(
    op: Pointwise, parameters: str, names: list[str], place: int | None = None
) -> Callable[..., Any]:
    """The in-place form: straight to the kernel for forms seen before that no graph follows.

    `names` are those of all arguments; `place` is that of a number where a tensor may be.
    """
    declared = op.schema.arguments
    tensors = [
        n for k, (n, a) in enumerate(zip(names, declared, strict=True))
        if a.type.startswith("Tensor") and k != place
    ]  # fmt: skip
    scalars = [(n, a) for n, a in zip(names, declared, strict=True) if a.type[:6] != "Tensor"]
    number = None if place is None else names[place]
    constants = plain_arguments(op)[2]
    takes_number = (
        place is None and len(tensors) == 2 and not op.constant_numbers and not op.tensors_only
    )
    places = [k for k, n in enumerate(names) if n in tensors]
    writes: dict[Any, Any] = {}

    def in_place(*operands: Any) -> Tensor:
        return inplace_pointwise(op, operands[0], operands)

    def miss(operands: tuple[Any, ...]) -> Any:
        target = operands[0]
        if not isinstance(target, Tensor):
            raise TypeError(
                f"{op.name}_(): argument 'input' (position 1) must be Tensor, not "
                f"{type(target).__name__}"
            )
        if named_forms and has_names(operands):
            return call_named(op, in_place, operands, {}, inplace=True)
        if op.tensors_only:
            refuse_numbers(f"{op.name}_", tensors, [operands[k] for k in places], 0)
        values = [operands[k] for k in places]
        plain = all(
            type(v) is type(a.default) and v == a.default
            for v, a in zip(operands, declared, strict=True)
            if not a.type.startswith("Tensor")
        )
        if plain and not target.needs_grad and all(isinstance(v, Tensor) for v in values):
            forms = [v.form for v in values]
            key = forms if place is None else [*forms, type(operands[place])]
            fits = place is None or type(key[-1]) is type and -(2**63) <= operands[place] < 2**63
            if fits and tuple(key) not in writes:
                whole = list(key)
                if place is not None:
                    whole.insert(place, whole.pop())
                launch = build_launch(op, (*whole, *constants), target.form)
                if op.error_codes and not target.form.dtype.is_floating_point:
                    return inplace_pointwise(op, target, operands)
                words = [TENSOR if w is RESULT else w for w in pointwise_words(launch)]
                remember(writes, tuple(key), launcher(launch.kernel, words))
                return again(*(values if place is None else operands))
        return inplace_pointwise(op, target, operands)

    conditions = [
        f"{n} is {a.default!r}" if a.default is None else f"{n} == {a.default!r}"
        for n, a in scalars
    ]
    source = inplace_source(
        parameters, names, tensors, conditions, bool(op.error_codes), takes_number, number
    )
    scope = {"writes": writes, "miss": miss, "mode": mode, "op": op, "Tensor": Tensor,
             "NUMBERS": NUMBERS}  # fmt: skip
    if takes_number:
        scope["with_number"] = later(
            lambda: inplace_function(op, ", ".join(names), names, 1),
            lambda made: scope.update(with_number=made),
        )
    again = compile_function(source, scope)
    return again


def bind_pointwise(op: Pointwise) -> None:
    declared = op.schema.arguments
    tensors = [a for a in declared if a.type.startswith("Tensor")]
    scalars = [a for a in declared if not a.type.startswith("Tensor")]
    ready = all(a.default is not REQUIRED for a in scalars) and all(
        a.default is REQUIRED for a in tensors
    )
    hot = hot_function(op) if ready else None
    # A function's first tensor is called input; as a method it is self and comes by place.
    shown = {a.name: "input" if a.name == "self" else a.name for a in declared}
    parts: list[str] = []
    keyword_only = False
    for a in declared:
        if a.keyword_only and not keyword_only:
            parts.append("*")
            keyword_only = True
        name = shown[a.name]
        parts.append(name if a.default is REQUIRED else f"{name}={a.default!r}")
    if not keyword_only:
        parts.append("*")
    parts.append("out=None")
    names = ", ".join(shown[a.name] for a in declared)
    plain = [
        f"{a.name} is {a.default!r}" if a.default is None else f"{a.name} == {a.default!r}"
        for a in scalars
    ]
    lines = [f"def generated({', '.join(parts)}):"]
    if hot is not None:
        conditions = " and ".join(["out is None", *plain])
        lines += [
            f"    if {conditions}:",
            f"        return hot({', '.join(shown[a.name] for a in tensors)})",
        ]
    lines += [
        "    if out is None:",
        f"        return general(op, ({names},))",
        f"    return into(op, ({names},), out)",
    ]
    scope = {"hot": hot, "general": pointwise_general, "into": pointwise_out, "op": op}
    op.function = describe(compile_function("\n".join(lines), scope), op.name, op.doc, op)
    op.hot = hot if hot is not None and not scalars else op.function
    if op.inplace:
        bare = [p for p in parts if p != "out=None"]
        if bare[-1] == "*":
            bare.pop()
        made = inplace_function(op, ", ".join(bare), [shown[a.name] for a in declared])
        op.inplace_function = describe(made, f"{op.name}_", f"In-place form of `{op.name}`.", op)


def pointwise_general(op: Pointwise, operands: tuple[Any, ...]) -> Tensor:
    """The general road, with all arguments of the schema."""
    if named_forms and has_names(operands):
        named: Tensor = call_named(op, lambda *plain: call_pointwise(op, plain), operands, {})
        return named
    if op.tensors_only:
        several = [(a.name, v) for a, v in zip(op.schema.arguments, operands, strict=True)
                   if a.type.startswith("Tensor")]  # fmt: skip
        refuse_numbers(op.name, [name for name, _ in several], [v for _, v in several])
    return call_pointwise(op, operands)


def bind_choice(op: Choice) -> None:
    choose = op.choose

    def chosen_function(*args: Any, out: Tensor | None = None, **kwargs: Any) -> Tensor:
        name, operands = choose(*args, **kwargs)
        chosen = registry[name].function
        assert chosen is not None
        return chosen(*operands) if out is None else chosen(*operands, out=out)

    def inplace(*args: Any, **kwargs: Any) -> Tensor:
        name, operands = choose(*args, **kwargs)
        return registry[name].inplace_function(*operands)  # type: ignore[misc]

    parameters = [*inspect.signature(choose).parameters]
    function = entry(op, overloads_of(op), chosen_function, parameters)
    method = method_entry(op, overloads_of(op, True), chosen_function, parameters)
    op.function = describe(function, op.name, op.doc, op)
    op.as_method = op.hot = describe(method, op.name, op.doc, op)
    op.inplace_function = describe(inplace, f"{op.name}_", f"In-place form of `{op.name}`.", op)
