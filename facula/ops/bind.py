"""Records to functions and methods: the only file that writes code at run time or sets attributes.

For each record it makes the function `name`, and where the record says so the method, the in-place
form `name_` and `out=`; all when first asked for, since a program uses few of them. Pointwise
functions begin with the hot path. Note [hot path].
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from facula.autograd.graph import next_order
from facula.autograd.mode import mode
from facula.autograd.public import tensor_backward
from facula.dispatch import (
    NUMBER_WORDS,
    RESULT,
    TENSOR,
    Launch,
    build_keep,
    build_launch,
    call_named,
    call_operation,
    call_pointwise,
    call_reduction,
    call_view,
    compile_function,
    concerns_names,
    depends_on_settings,
    dtype_word,
    has_names,
    inplace_pointwise,
    is_named,
    launch_key,
    launcher,
    learn,
    learn_launch,
    node_type,
    record_reduction,
    record_view,
    remember,
    share,
    written_recorder,
)
from facula.form import Form, named_forms, when_names_begin
from facula.meta.dtype import can_cast, dtype
from facula.op import (
    REQUIRED,
    Alias,
    Choice,
    Composite,
    Op,
    Operation,
    Pointwise,
    Reduction,
    View,
    binding,
    registry,
)
from facula.ops.arguments import Overloads, overloads_of
from facula.ops.templates import (
    MISSING,
    CallSignature,
    Missing,
    again_source,
    inplace_source,
    launch_source,
    pointwise_source,
    seen_source,
    strict_values,
    view_source,
)
from facula.ops.words import document
from facula.tensor import Tensor

# Python's operators by the record that answers them; the reflected form is made where one exists.
OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
    "matmul": "matmul", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne",
}  # fmt: skip
COMPARISONS = frozenset(("lt", "le", "gt", "ge", "eq", "ne"))
GUARDED = COMPARISONS | {"matmul"}
UNARY = {"neg": "neg", "abs": "abs", "pos": "positive", "invert": "bitwise_not"}



def describe(function: Callable[..., Any], name: str, doc: str, op: Op) -> Callable[..., Any]:
    function.__name__ = name
    function.__qualname__ = name
    function.__module__ = "facula"
    function.__doc__ = document(op, name, doc)
    return function


# --- pointwise -----------------------------------------------------------------------------------


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
    return made


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


NUMBERS = frozenset((int, float))


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
            refuse_numbers(f"{op.name}_", names, operands, 0)
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
    return call_pointwise(op, operands)


def pointwise_out(op: Pointwise, operands: tuple[Any, ...], out: Tensor) -> Tensor:
    """The out= form: resizes an out of another shape, refuses to cast to a lesser kind of dtype."""
    if named_forms and has_names((*operands, out)):
        named: Tensor = call_named(
            op, lambda *plain, out: pointwise_out(op, plain, out), operands, {"out": out}
        )
        return named
    check_out(op.name, operands, out)
    key = launch_key(op, operands)
    launch = op.launches.get(key)
    if launch is None:
        launch = remember(op.launches, key, build_launch(op, key))
    if out.form.shape != launch.form.shape:
        if any(value is out for value in operands):  # a new shape would change what is read
            raise RuntimeError(
                f"output with shape {list(out.form.shape)} doesn't match the broadcast shape "
                f"{list(launch.form.shape)}"
            )
        resize_out(out, tuple(launch.form.shape))
    return inplace_pointwise(op, out, operands)


def check_out(name: str, operands: Any, out: Any) -> None:
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if mode.enabled and (
        out.needs_grad or any(isinstance(v, Tensor) and v.needs_grad for v in operands)
    ):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )


def resize_out(out: Tensor, shape: tuple[int, ...]) -> None:
    """Gives an out= tensor the shape of the result, with torch's warning if it held something."""
    if out.form.numel != 0:
        warnings.warn(
            "An output with one or more elements was resized since it had shape "
            f"{list(out.form.shape)}, which does not match the required output shape "
            f"{list(shape)}. This behavior is deprecated, and in a future PyTorch release outputs "
            "will not be resized unless they have zero elements. You can explicitly reuse an out "
            "tensor t by resizing it, inplace, to zero elements with t.resize_(0).",
            UserWarning,
            stacklevel=4,
        )
    out.resize_(shape)


def copy_out(name: str, y: Tensor, out: Tensor) -> Tensor:
    """Puts a finished result into out=."""
    if out.form.shape != y.form.shape:
        resize_out(out, tuple(y.form.shape))
    if not can_cast(y.form.dtype, out.form.dtype):
        raise RuntimeError(
            f"result type {dtype_word(y.form.dtype)} can't be cast to the desired output type "
            f"{dtype_word(out.form.dtype)}"
        )
    out.detach().copy_(y)
    return out


# --- the other families --------------------------------------------------------------------------


def with_out(op: Op, run: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `out=` to a function whose result is one tensor or a tuple of them."""
    name = op.name

    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return run(*args, **kwargs)
        if named_forms and has_names((*args, *kwargs.values(), out)):
            return call_named(op, function, args, {**kwargs, "out": out})
        several = isinstance(out, (tuple, list))
        for target in out if several else (out,):
            check_out(name, (*args, *kwargs.values()), target)
        made = run(*args, **kwargs)
        if several:
            return type(made)(*[copy_out(name, y, o) for y, o in zip(made, out, strict=True)])
        return copy_out(name, made, out)

    return function


def entry(
    op: Op, overloads: Overloads | None, call: Callable[..., Any], parameters: Iterable[str]
) -> Callable[..., Any]:
    """The general road: arguments looked at, and understood by their other names."""
    spelling = spellings(parameters)
    check = None if overloads is None else overloads.check

    def function(*args: Any, **kwargs: Any) -> Any:
        if named_forms and concerns_names(args, kwargs) and is_named(op, args, kwargs):
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
            return call_named(op, call, args, kwargs)
        if check is not None:
            changed = check(args, kwargs)
            if changed is not None:
                args, kwargs = changed
        if kwargs:
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
        return call(*args, **kwargs)

    return function


def method_entry(
    op: Op, overloads: Overloads | None, call: Callable[..., Any], parameters: Iterable[str]
) -> Callable[..., Any]:
    """The general road of a method: what it is called on is no argument of the call."""
    spelling = spellings(parameters)
    check = None if overloads is None else overloads.check

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = (self, *args)
        if named_forms and concerns_names(given, kwargs) and is_named(op, given, kwargs):
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
            return call_named(op, call, given, kwargs)
        if check is not None:
            changed = check(args, kwargs)
            if changed is not None:
                args, kwargs = changed
        if kwargs:
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
        return call(self, *args, **kwargs)

    return method


Roads = tuple[Callable[..., Any], Callable[..., Any]]


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
        op.forward, False, spellings(parameters[1:]), keywords, (), by_name_only(op)
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
            plain = "out" not in kwargs and not named_forms
            if plain and overloads and overloads.is_certain(rest, kwargs):
                seen.add((type(first), *map(type, values)))
            return y

        seen: set[Any] = set()
        when_names_begin.append(seen.clear)
        scope = {f"default_{p.name}": p.default for p in given if p.default is not p.empty}
        scope |= {"seen": seen, "miss": miss, "forward": call, "MISSING": MISSING}
        return compile_function(seen_source(signature, first, given), scope)

    first = given[0].name
    return made(0, "input" if first == "self" else first), made(1, first)


def reduction_signature(
    self: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None
) -> None:
    """The arguments of every reduction."""


def bind_reduction(op: Reduction) -> None:
    roads = entries(op, partial(call_reduction, op), ("self", "dim", "keepdim"))
    facts: dict[Any, Any] = {}

    def recorder(signature: CallSignature) -> Callable[..., None]:
        def record(y: Tensor, self: Tensor, *values: Any) -> None:
            fact = facts.get((self.form, values))
            if fact is None:
                args, kwargs = signature.call(values)
                fact = remember(facts, (self.form, values), reduced_dims(self, *args, **kwargs))
            record_reduction(op, self, y, *fact)

        def reduced_dims(
            self: Tensor, dim: Any = None, keepdim: Any = False, dtype: Any = None, **said: Any
        ) -> Any:
            dim, keepdim = said.get("axis", dim), said.get("keepdims", keepdim)
            return op.launches[self.form, dim, keepdim, dtype][2:]

        return record

    remembered_launch(op, roads, reduction_signature, ["out"], recorder)


def operation_recorder(op: Operation) -> Callable[[CallSignature], Callable[..., None]]:
    """Makes record(result, arguments...): the node of an operation whose launch has just run."""

    def recorder(signature: CallSignature) -> Callable[..., None]:
        if op.gradient_rule is None:
            return lambda *_: None
        first = op.parameters[0]
        scope = {f"default_{n}": value for n, value in op.defaults.items()}
        prologue = signature.prologue(op.defaults, " " * 4)
        parameters = ", ".join([first, *signature.values])
        return written_recorder(op, parameters, prologue, scope | {"MISSING": MISSING})

    return recorder


def by_name_only(op: Op) -> set[str]:
    """Arguments that no overload takes by place."""
    by_place = {a.name for s in op.schemas for a in s.positional}
    return {a.name for s in op.schemas for a in s.keyword_only} - by_place


def lists_of_ints(op: Op) -> set[str]:
    """Arguments that may be several ints in some overload."""
    return {a.name for s in op.schemas for a in s.arguments if a.is_list and a.base == "int"}


def remembered_launch(
    op: Op,
    roads: Roads,
    function: Callable[..., Any],
    keywords: Sequence[str] = (),
    recorder: Callable[[CallSignature], Callable[..., None]] | None = None,
) -> None:
    """Makes function and method of a record whose launch forms and plain arguments decide: calls
    that came to one launch on their tensors, and are not recorded, take that at once."""
    names = inspect.signature(function).parameters
    signature = CallSignature(
        function, False, spellings([*names][1:]), keywords, lists_of_ints(op), by_name_only(op)
    )
    tensors = [n for n in signature.by_place if op.types.get(n) == "Tensor"]
    places = [k for k, n in enumerate(signature.values) if n in tensors]
    runs = op.looks
    # Launches whose results have no gradient, whatever their operands want.
    exact: dict[Any, bool] = {}
    depends_on_settings(runs)

    def made(first: str, slow: Callable[..., Any]) -> Callable[..., Any]:
        def again(self: Any, *values: Any) -> Any:
            args, kwargs = signature.call(values)
            return slow(self, *args, **kwargs)

        def miss(self: Any, *values: Any) -> Any:
            args, kwargs = signature.call(values)
            if named_forms and concerns_names((self, *args), kwargs):
                return slow(self, *args, **kwargs)
            operands = [self, *[values[k] for k in places]]
            others = [v for k, v in enumerate(values) if k not in places]
            if not all(isinstance(v, Tensor) for v in operands) or not all(map(plain, others)):
                return slow(self, *args, **kwargs)
            forms = [values[k].form for k in places]
            named = {
                n: v for n, v in zip(signature.values, values, strict=True) if n not in tensors
            }
            key = (self.form, *forms, *strict_values(signature, named))
            if key in runs:
                return slow(self, *args, **kwargs)
            y, run = learn_launch(lambda: slow(self, *args, **kwargs), operands)
            remember(runs, key, run)  # None: no single launch, so the general road for ever
            if run is not None and not y.form.tracked:
                remember(exact, run, True)
            return y

        call = again_directly(op, signature, again) if isinstance(op, Composite) else again
        scope = {"runs": runs, "exact": exact, "miss": miss, "slow": call, "MISSING": MISSING,
                 "mode": mode, "Tensor": Tensor, "record": record}  # fmt: skip
        source = launch_source(signature, first, tensors)
        written = describe(compile_function(source, scope), op.name, op.doc, op)
        written.__wrapped__ = function  # type: ignore[attr-defined]
        return written

    record = None if recorder is None else recorder(signature)
    op.function = made("input", roads[0])
    op.as_method = op.hot = made("self", roads[1])


def again_directly(
    op: Composite, signature: CallSignature, general: Callable[..., Any]
) -> Callable[..., Any]:
    """A composite's forward for a signature's values, without looking at their kinds again."""
    given = [*inspect.signature(op.forward).parameters.values()]
    if signature.several:
        return general
    first, *others = given
    required = [p.name for p in others if p.default is p.empty]
    optional = {p.name: p.default for p in others if p.default is not p.empty}
    scope = {f"default_{name}": value for name, value in optional.items()}
    scope |= {"MISSING": MISSING, "forward": op.forward, "general": general}
    source = again_source(signature, first.name, required, [*optional])
    return compile_function(source, scope)


def takes_out(op: Op) -> bool:
    """Whether a record's schema offers out=."""
    return any(a.name == "out" for s in op.schemas for a in s.arguments)


def bind_operation(op: Operation) -> None:
    call = partial(call_operation, op)
    if op.is_launch:
        keywords = ["out"] if takes_out(op) else []
        roads = entries(op, call, op.parameters)
        remembered_launch(op, roads, op.forward, keywords, operation_recorder(op))
        return
    function, method = seen_entries(op, call, op.parameters)
    op.hot = method
    if op.short_road is not None:
        function, method = op.short_road(function), op.short_road(method)
    op.function = describe(function, op.name, op.doc, op)
    op.as_method = describe(method, op.name, op.doc, op)
    if not takes_out(op):
        op.function.__wrapped__ = op.forward  # type: ignore[attr-defined]


def gathers(op: View) -> bool:
    """Whether x.view(2, 3) is the same as x.view((2, 3))."""
    return any(a.varargs for s in op.schemas for a in s.arguments)


def arrange_arguments(op: View) -> Callable[..., Tensor]:
    """The general road of a view: its arguments by place or name, then the record's geometry."""
    names = op.parameters[1:]
    varargs = gathers(op)

    def look(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if varargs and (
            len(args) > len(names) or (args and len(names) == 1 and type(args[0]) is int)
        ):
            args = (args,)
        if kwargs or len(args) < len(names):
            known = dict(op.defaults)
            known.update(zip(names, args, strict=False))
            known.update(kwargs)
            try:
                args = tuple([known[n] for n in names])
            except KeyError as missing:
                raise TypeError(f"{op.name}() missing required argument: {missing}") from None
            if len(known) > len(names):
                extra = next(iter(set(known) - set(names)))
                raise TypeError(f"{op.name}() got an unexpected keyword argument '{extra}'")
        elif len(args) > len(names):
            raise TypeError(f"{op.name}() takes {len(names)} arguments, got {len(args)}")
        if list in map(type, args):
            args = tuple([tuple(a) if type(a) is list else a for a in args])
        return call_view(op, self, args)

    return look


# What arguments may be for a view to be remembered by them: values whose equality is sameness.
PLAIN = frozenset((int, bool, type(None), Missing, dtype))


def plain(value: Any) -> bool:
    return type(value) in PLAIN or (isinstance(value, tuple) and all(map(plain, value)))


def remembered_view(
    op: View | Composite,
    roads: Roads,
    moves: str | None,
) -> None:
    """Makes function and method of a view: what a form and arguments come to is learnt once."""
    names = inspect.signature(op.forward).parameters
    many = isinstance(op, View) and gathers(op)
    signature = CallSignature(
        op.forward, many, spellings([*names][1:]), (), lists_of_ints(op), by_name_only(op)
    )

    def learn_moving(
        self: Tensor, values: tuple[Any, ...], slow: Callable[..., Any], looks: dict[Any, Any]
    ) -> None:
        named = dict(zip(signature.values, values, strict=True))
        args, kwargs = signature.call(values)
        found = learn(self, lambda probe: slow(probe, *args, **kwargs))
        dim, place = named["dim"], named.pop(str(moves))
        if found is not None and type(dim) is int and type(place) is int:
            form, size = found.form, self.form.shape[dim]
            extent = form.shape[dim] if form.ndim == self.form.ndim else 1
            step = self.form.strides[dim] * form.itemsize
            key = (self.form, *strict_values(signature, named))
            remember(looks, key, (form, step, size, size - extent + 1))

    def made(first: str, slow: Callable[..., Any]) -> Callable[..., Any]:
        # t.permute(x, 1, 0) is refused, although x.permute(1, 0) is not.
        looks = {} if many and first == "input" else op.looks

        def miss(self: Tensor, values: tuple[Any, ...]) -> Any:
            args, kwargs = signature.call(values)
            if named_forms and concerns_names((self, *args), kwargs):
                return slow(self, *args, **kwargs)
            if isinstance(self, Tensor) and all(map(plain, values)):
                if moves is None:
                    found = learn(self, lambda probe: slow(probe, *args, **kwargs))
                    if found is not None:
                        named = dict(zip(signature.values, values, strict=True))
                        remember(looks, (self.form, *strict_values(signature, named)), found)
                else:
                    learn_moving(self, values, slow, looks)
            return slow(self, *args, **kwargs)

        scope = {"looks": looks, "miss": miss, "MISSING": MISSING, "mode": mode, "share": share,
                 "record": record_view, "op": op}  # fmt: skip
        source = view_source(signature, first, moves)
        written = describe(compile_function(source, scope), op.name, op.doc, op)
        if isinstance(op, Composite):
            written.__wrapped__ = op.forward  # type: ignore[attr-defined]
        return written

    op.function = made("input", roads[0])
    op.as_method = op.hot = made("self", roads[1])


def bind_view(op: View) -> None:
    roads = entries(op, arrange_arguments(op), ("self", *op.parameters[1:]))
    if op.absolute:
        op.function = op.hot = describe(roads[0], op.name, op.doc, op)
        op.as_method = describe(roads[1], op.name, op.doc, op)
    else:
        remembered_view(op, roads, op.moves)


def bind_composite(op: Composite) -> None:
    given = inspect.signature(op.forward).parameters
    parameters = [*given]
    if any(p.kind is p.VAR_POSITIONAL for p in given.values()) and "Tensor[]" in op.types.values():
        op.checked = False  # f(a, b) as well as f([a, b]): PyTorch's is a function of Python
    if op.is_view:
        remembered_view(op, entries(op, op.forward, parameters), None)
        return
    if op.is_launch:
        keywords = ["out"] if takes_out(op) else []
        remembered_launch(op, entries(op, op.forward, parameters), op.forward, keywords)
        return
    roads = seen_entries(op, op.forward, parameters)
    function: Callable[..., Any]
    op.words = op.doc
    op.forward.__doc__ = document(op, op.name, op.doc)
    function, method = (functools.wraps(op.forward)(road) for road in roads)
    if op.short_road is not None:
        function = describe(op.short_road(function), op.name, op.doc, op)
    op.function = describe(function, op.name, op.doc, op) if takes_out(op) else function
    plain = parameters == ["self"] or all(t == "Any" for n, t in op.types.items() if n != "self")
    op.hot = op.forward
    op.as_method = method
    # Python counts the arguments where there is nothing to look at.
    op.short_method = op.forward if plain or not op.checked else None


# Argument names that torch takes as well, by the argument they mean: a method's `self` is a
# function's `input`, and NumPy's users say axis and keepdims.
SPELLINGS = {
    "input": "self", "axis": "dim", "keepdims": "keepdim", "split_size": "split_size_or_sections",
    "sections": "indices_or_sections", "indices": "indices_or_sections",
    "tensor_indices_or_sections": "indices_or_sections", "element": "elements",
    "test_element": "test_elements",
}  # fmt: skip


def spellings(parameters: Iterable[str]) -> dict[str, str]:
    """Other names of a function's parameters."""
    known = set(parameters)
    return {
        said: meant for said, meant in SPELLINGS.items() if meant in known and said not in known
    }


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


def bind_alias(op: Alias) -> None:
    op.function, op.hot = op.target.function, op.target.hot
    op.as_method = op.target.as_method
    op.inplace_function = op.target.inplace_function


BINDERS: dict[type, Callable[[Any], None]] = {
    Alias: bind_alias,
    Choice: bind_choice,
    Pointwise: bind_pointwise,
    Reduction: bind_reduction,
    View: bind_view,
    Operation: bind_operation,
    Composite: bind_composite,
}


def method_of(op: Op) -> Callable[..., Any]:
    """A record's function as a method, where self never comes by name: short roads stay short."""
    whole = op.function if op.as_method is None else op.as_method
    short = (op.short_method if isinstance(op, Composite) else None) or whole
    if op.named_road is not None:
        looking = named_method(op, short)
    else:
        looking = whole if short is whole else looking_method(whole, short)
    if named_forms or looking is short:
        return looking
    # Nothing on this road looks for names: it lasts until there are some.
    when_names_begin.append(partial(setattr, Tensor, op.name, looking))
    return short


def looking_method(whole: Callable[..., Any], short: Callable[..., Any]) -> Callable[..., Any]:
    """A method's short road for tensors without names, when there are some with."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if kwargs or self.form.names is not None or has_names(args):
            return whole(self, *args, **kwargs)
        return short(self, *args)

    return functools.wraps(whole)(method)


def named_method(op: Op, short: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a record that takes calls with names itself: their arguments may be others."""
    road = op.named_road
    assert road is not None

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        given = (self, *args)
        if concerns_names(given, kwargs) and is_named(op, given, kwargs):
            return road(self, *args, **kwargs)
        return short(self, *args, **kwargs)

    return describe(method, op.name, op.doc, op)


def reflected(op: Op) -> Callable[..., Any]:
    """The operator with the tensor on the right: mostly of a number."""
    function = op.function
    if not isinstance(op, Pointwise) or op.number_first is None:

        def operator(self: Tensor, other: Any) -> Any:
            return function(other, self)

        return operator

    def number_operator(self: Tensor, other: Any) -> Any:
        if other.__class__ in NUMBERS:
            return op.number_first(other, self)  # type: ignore[misc]
        return function(other, self)

    return number_operator


def guarded(function: Callable[..., Any], accepted: tuple[type, ...]) -> Callable[..., Any]:
    """An operator that steps back for operands it does not know, as Python asks."""

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, accepted):
            return function(self, other)
        return NotImplemented

    return operator


def inverted(function: Callable[..., Any]) -> Callable[..., Any]:
    """`~`: torch refuses floats with an error of its own here."""

    def operator(self: Tensor) -> Any:
        if self.form.tracked:
            raise TypeError(
                "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
            )
        return function(self)

    return operator


def bind(op: Op) -> None:
    """Makes all functions of a record; what a family does not make is None."""
    BINDERS[type(op)](op)
    op.__dict__.setdefault("as_method", None)
    op.__dict__.setdefault("inplace_function", None)


# --- made when first asked for -------------------------------------------------------------------


class Late:
    """A function of a class that is made when first asked for, and then stands there itself: no
    data descriptor, so that nothing of this is left on the way of later calls."""

    __slots__ = ("make", "name", "place")

    def __init__(self, place: type, name: str, make: Callable[[], Callable[..., Any]]) -> None:
        self.place = place
        self.name = name
        self.make = make

    def __get__(self, instance: Any, owner: type) -> Any:
        with binding:
            function: Any = self.place.__dict__[self.name]
            if function is self:  # another thread may have been here
                function = self.make()
                setattr(self.place, self.name, function)
        binds = instance is not None and hasattr(function, "__get__")
        return function.__get__(instance, owner) if binds else function


def set_late(name: str, make: Callable[[], Callable[..., Any]]) -> None:
    setattr(Tensor, name, Late(Tensor, name, make))


def operator_of(dunder: str, op: Op) -> Callable[..., Any]:
    function = op.hot if isinstance(op, Pointwise) else op.function
    if dunder not in GUARDED:
        return function
    return guarded(function, (Tensor,) if dunder == "matmul" else (Tensor, int, float, complex))


def unary_operator(dunder: str, op: Op) -> Callable[..., Any]:
    return inverted(op.function) if dunder == "invert" else op.function


def where_method() -> Callable[..., Any]:
    choose = registry["where"].function
    return lambda self, condition, other: choose(condition, self, other)


def set_methods() -> None:
    """Puts the methods of all records on Tensor, and Python's operators."""
    has = set(dir(Tensor))
    for op in registry.values():
        if not op.method:
            continue
        if op.name not in has:
            set_late(op.name, partial(method_of, op))
        if op.inplace:
            set_late(f"{op.name}_", partial(getattr, op, "inplace_function"))
            has.add(f"{op.name}_")
    for dunder, name in OPERATORS.items():
        op = registry[name]
        set_late(f"__{dunder}__", partial(operator_of, dunder, op))
        if dunder not in COMPARISONS:
            set_late(f"__r{dunder}__", partial(reflected, op))
            if f"{name}_" in has:
                set_late(f"__i{dunder}__", partial(getattr, Tensor, f"{name}_"))
    for dunder, name in UNARY.items():
        set_late(f"__{dunder}__", partial(unary_operator, dunder, registry[name]))
    set_late("where", where_method)
    Tensor.backward = tensor_backward  # type: ignore[attr-defined]
    Tensor.__scalar__ = classmethod(on_tensors)  # type: ignore[attr-defined]


class Functions(Mapping[str, Callable[..., Any]]):
    """Functions of records by name, made when first asked for: of all records, in-place forms too,
    or of those of one namespace, without what their names begin with."""

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace
        self.beginning = f"{namespace}_" if namespace else ""

    def __getitem__(self, name: str) -> Callable[..., Any]:
        op = registry.get(self.beginning + name)
        if op is not None and self.namespace in ("", op.namespace):
            return op.function
        op = registry.get(name[:-1]) if name.endswith("_") and not self.namespace else None
        if op is None or not op.inplace:
            raise KeyError(name)
        function = op.inplace_function
        assert function is not None
        return function

    def __iter__(self) -> Iterator[str]:
        for name, op in registry.items():
            if self.namespace in ("", op.namespace):
                yield name.removeprefix(self.beginning)
            if op.inplace and not self.namespace and f"{name}_" not in registry:
                yield f"{name}_"

    def __len__(self) -> int:
        return sum(1 for _ in self)


def namespace_of(functions: Mapping[str, Callable[..., Any]]) -> Any:
    """An object with an attribute a function: the shortest way to call one by name."""
    made = type("operations", (), {})
    for name in functions:
        setattr(made, name, Late(made, name, partial(functions.__getitem__, name)))
    return made


# The vocabulary of formulas by the record that answers for tensors, where the names differ.
SCALAR_NAMES = {
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "not": "bitwise_not",
    "floordiv": "floor_divide", "mod": "remainder", "shl": "bitwise_left_shift",
    "shr": "bitwise_right_shift", "pair": "complex",
}  # fmt: skip


def on_tensors(cls: type, name: str, args: tuple[Any, ...]) -> Tensor:
    """A formula's operation on tensors: what makes gradients differentiable again."""
    if name == "where" and not isinstance(args[0], Tensor):
        return args[1] if args[0] else args[2]
    name = SCALAR_NAMES.get(name, name)
    op = registry[name if name in registry else f"special_{name}"]
    if isinstance(op, Pointwise) and op.tensors_only:
        return call_pointwise(op, args)
    return op.function(*args)


__all__ = ["Form", "Functions", "Launch", "bind", "namespace_of", "set_methods"]
