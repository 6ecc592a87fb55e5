"""Records to functions and methods: the only file that writes code at run time or sets attributes.

For each record it makes the function `name`, and where the record says so the method, the in-place
form `name_` and `out=`. Pointwise functions begin with the hot path. Note [hot path].
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from facula.autograd.graph import next_order
from facula.autograd.mode import mode
from facula.autograd.public import tensor_backward
from facula.dispatch import (
    Launch,
    build_keep,
    build_launch,
    call_operation,
    call_pointwise,
    call_reduction,
    call_view,
    compile_function,
    dtype_word,
    inplace_pointwise,
    launch_key,
    node_type,
    remember,
)
from facula.form import Form, memory
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
    registry,
    unbound,
)
from facula.storage import Storage
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

HOT = """
def generated({tensors}):
    try:
        kernel, sizes, form, launch = launches[{key}]
    except (KeyError, AttributeError):
        return miss(({tensors},))
    storage = new(Storage)
    try:
        storage.address = address = form.pool.pop()
    except IndexError:
        storage.address = address = acquire(form.nbytes)
    storage.pool = form.pool
    storage.nbytes = form.nbytes
    storage.version = 0
    storage.views = None
    {run}
    y = new(Tensor)
    y.storage = storage
    y.address = address
    y.form = form
    y.grad = y.extra = None
    if ({needs}) and launch.differentiable and mode.enabled:
        y.needs_grad = True
        y.edge = node = new(node_type)
        node.edges = ({edges})
        node.order = next_order()
        node.extras = None
        node.launch = launch
        node.needs = needs = ({flags})
        if needs in launch.bare:
            node.values = launch.constants
            node.versions = ()
        else:
            (launch.keep.get(needs) or build_keep(launch, needs))(node, y, {tensors}{defaults})
    else:
        y.needs_grad = False
        y.edge = None
    return y
"""


def describe(function: Callable[..., Any], name: str, doc: str, op: Op) -> Callable[..., Any]:
    function.__name__ = name
    function.__qualname__ = name
    function.__module__ = "facula"
    schemas = "\n".join(str(s) for s in op.schemas)
    function.__doc__ = f"{doc}\n\n{schemas}" if doc else schemas
    return function


# --- pointwise -----------------------------------------------------------------------------------


def hot_function(op: Pointwise) -> Callable[..., Any]:
    """f(tensors...) with all Scalar arguments at their defaults, as constants of the kernel.

    Of two operands one may be a number: then a second function of the same shape serves it.
    """
    declared = op.schema.arguments
    names = [a.name for a in declared if a.type.startswith("Tensor")]
    defaults = [a.default for a in declared if not a.type.startswith("Tensor")]
    constants = tuple([None if d is None else ("=", d) for d in defaults])
    numbered: dict[int, Callable[..., Any]] = {}

    def miss(operands: tuple[Any, ...]) -> Tensor:
        values = (*operands, *defaults)
        if all(isinstance(v, Tensor) for v in operands):
            forms = tuple([v.form for v in operands])
            prepare(op, (*forms, *constants), launches, forms[0] if len(forms) == 1 else forms)
            return call_pointwise(op, values, key=(*forms, *constants))
        if len(operands) == 2 and not op.constant_numbers:
            for place in (1, 0):
                other = operands[1 - place]
                if type(operands[place]) in NUMBERS and isinstance(other, Tensor):
                    if place not in numbered:
                        numbered[place] = with_number(op, names, defaults, place)
                    return numbered[place](*operands)
        return call_pointwise(op, values)

    launches: dict[Any, Any] = {}
    addresses = "".join(f"{n}.address, " for n in names)
    return hot_source(op, names, names, defaults, launches, miss, f"{addresses}address")


NUMBERS = frozenset((int, float))


def with_number(
    op: Pointwise, names: list[str], defaults: list[Any], place: int
) -> Callable[..., Any]:
    """The hot function of two operands of which the one at `place` is a Python int or float."""
    tensor, number = names[1 - place], names[place]
    constants = tuple([None if d is None else ("=", d) for d in defaults])
    launches: dict[Any, Any] = {}

    def miss(operands: tuple[Any, ...]) -> Tensor:
        key = tuple([type(v) if k == place else v.form for k, v in enumerate(operands)])
        value = operands[place]
        if type(value) is int and not -(2**63) <= value < 2**63:
            return call_pointwise(op, (*operands, *defaults))
        form = operands[1 - place].form
        prepare(op, (*key, *constants), launches, (form, type(value)))
        return call_pointwise(op, (*operands, *defaults), key=(*key, *constants))

    shown = [tensor, number]
    call = f"{tensor}.address, address, {number}"
    return hot_source(op, names, shown, defaults, launches, miss, call, number)


def prepare(op: Pointwise, key: Any, launches: dict[Any, Any], short: Any) -> None:
    """Builds the launch of `key` and enters it under the hot function's shorter key."""
    launch = op.launches.get(key)
    if launch is None:
        launch = remember(op.launches, key, build_launch(op, key))
    remember(launches, short, (launch.kernel, launch.sizes, launch.form, launch))


def hot_source(
    op: Pointwise,
    names: list[str],
    keyed: list[str],
    defaults: list[Any],
    launches: dict[Any, Any],
    miss: Callable[..., Any],
    arguments: str,
    number: str | None = None,
) -> Callable[..., Any]:
    """Fills in the hot template: `keyed` names in the launch key's order, `number` the scalar."""
    call = f"kernel(*sizes, {arguments})"
    tensors = [n for n in names if n != number]
    source = HOT.format(
        tensors=", ".join(names),
        key=", ".join(f"{n}.__class__" if n == number else f"{n}.form" for n in keyed),
        run=f"code = {call}\n    if code: raise op.error_codes[code]()" if op.error_codes else call,
        needs=" or ".join(f"{n}.needs_grad" for n in tensors),
        edges="".join(
            "None, "
            if n == number
            else f"({n} if {n}.edge is None else {n}.edge) if {n}.needs_grad else None, "
            for n in names
        )
        + "None, " * len(defaults),
        flags="".join("False, " if n == number else f"{n}.needs_grad, " for n in names)
        + "False, " * len(defaults),
        defaults="".join(f", {d!r}" for d in defaults),
    )
    scope = {
        "launches": launches, "miss": miss, "new": object.__new__, "Storage": Storage,
        "Tensor": Tensor, "acquire": memory.acquire, "mode": mode, "op": op,
        "node_type": node_type(op), "next_order": next_order, "build_keep": build_keep,
    }  # fmt: skip
    return compile_function(source, scope)


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
    scope = {"hot": hot, "general": call_pointwise, "into": pointwise_out, "op": op}
    op.function = describe(compile_function("\n".join(lines), scope), op.name, op.doc, op)
    op.hot = hot if hot is not None and not scalars else op.function
    if op.inplace:
        bare = [p for p in parts if p != "out=None"]
        if bare[-1] == "*":
            bare.pop()
        source = (
            f"def generated({', '.join(bare)}):\n"
            f"    return inplace(op, {shown[declared[0].name]}, ({names},))"
        )
        made = compile_function(source, {"inplace": inplace_pointwise, "op": op})
        op.inplace_function = describe(made, f"{op.name}_", f"In-place form of `{op.name}`.", op)
        if op.method:
            set_method(f"{op.name}_", op.inplace_function)


def pointwise_out(op: Pointwise, operands: tuple[Any, ...], out: Tensor) -> Tensor:
    """The out= form: resizes an out of another shape, refuses to cast to a lesser kind of dtype."""
    check_out(op.name, operands, out)
    key = launch_key(op, operands)
    launch = op.launches.get(key)
    if launch is None:
        launch = remember(op.launches, key, build_launch(op, key))
    if out.form.shape != launch.form.shape:
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
        several = isinstance(out, (tuple, list))
        for target in out if several else (out,):
            check_out(name, (*args, *kwargs.values()), target)
        made = run(*args, **kwargs)
        if several:
            return type(made)(*[copy_out(name, y, o) for y, o in zip(made, out, strict=True)])
        return copy_out(name, made, out)

    return function


def require_kinds(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises torch's TypeError for the first argument of a wrong kind: no tensor, or no dtype."""
    for place, argument in enumerate(op.schema.arguments):
        by_place = place < len(args) and not argument.keyword_only
        given = args[place] if by_place else kwargs.get(argument.name)
        if given is None and (argument.is_optional or not by_place):
            continue
        wrong_tensor = argument.type in ("Tensor", "Tensor?") and not isinstance(given, Tensor)
        wrong_dtype = argument.base == "ScalarType" and not isinstance(given, dtype)
        if wrong_tensor or wrong_dtype:
            shown = "input" if argument.name == "self" else argument.name
            where = f" (position {place + 1})" if by_place else ""
            raise TypeError(
                f"{op.name}(): argument '{shown}'{where} must be "
                f"{'Tensor' if wrong_tensor else 'torch.dtype'}, not {type(given).__name__}"
            ) from None


def entry(op: Op, call: Callable[..., Any], parameters: Iterable[str]) -> Callable[..., Any]:
    """`call` with the other names of its arguments understood, and arguments that are no tensors
    told: looking at them beforehand would cost every call, so it is done when one has failed."""
    spelling = spellings(parameters)

    def function(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {spelling.get(name, name): value for name, value in kwargs.items()}
        try:
            return call(*args, **kwargs)
        except AttributeError:
            require_kinds(op, args, kwargs)
            raise

    return function


def bind_reduction(op: Reduction) -> None:
    run = entry(op, functools.partial(call_reduction, op), ("self", "dim", "keepdim"))
    op.function = describe(with_out(op, run), op.name, op.doc, op)
    op.hot = run


def takes_out(op: Op) -> bool:
    """Whether a record's schema offers out=."""
    return any(a.name == "out" for s in op.schemas for a in s.arguments)


def bind_operation(op: Operation) -> None:
    run = entry(op, functools.partial(call_operation, op), op.parameters)
    op.hot = run
    op.function = describe(with_out(op, run) if takes_out(op) else run, op.name, op.doc, op)
    if not takes_out(op):
        op.function.__wrapped__ = op.forward  # type: ignore[attr-defined]


def bind_view(op: View) -> None:
    names = op.parameters[1:]
    defaults = op.defaults
    varargs = any(a.varargs for a in op.schema.arguments)

    def look(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if varargs and (
            len(args) > len(names) or (args and len(names) == 1 and type(args[0]) is int)
        ):
            args = (args,)
        if kwargs or len(args) < len(names):
            known = dict(defaults)
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

    op.function = describe(entry(op, look, ("self", *names)), op.name, op.doc, op)


def bind_composite(op: Composite) -> None:
    run = functools.wraps(op.forward)(
        entry(op, op.forward, inspect.signature(op.forward).parameters)
    )
    op.function = describe(with_out(op, run), op.name, op.doc, op) if takes_out(op) else run
    op.hot = op.forward


# Argument names that torch takes as well, by the argument they mean: a method's `self` is a
# function's `input`, and NumPy's users say axis and keepdims.
SPELLINGS = {"input": "self", "axis": "dim", "keepdims": "keepdim"}


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

    function = entry(op, chosen_function, inspect.signature(choose).parameters)
    op.function = op.hot = describe(function, op.name, op.doc, op)
    op.inplace_function = describe(inplace, f"{op.name}_", f"In-place form of `{op.name}`.", op)
    if op.method:
        set_method(f"{op.name}_", op.inplace_function)


def bind_alias(op: Alias) -> None:
    op.function, op.hot = op.target.function, op.target.hot
    op.inplace_function = op.target.inplace_function
    if op.method and op.inplace_function is not None:
        set_method(f"{op.name}_", op.inplace_function)


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
    if isinstance(op, Composite) and not takes_out(op):
        names = inspect.signature(op.forward).parameters
        if not {"dim", "keepdim"} & names.keys():
            return op.forward
    return op.function


def set_method(name: str, function: Callable[..., Any]) -> None:
    setattr(Tensor, name, function)


def reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    def operator(self: Tensor, other: Any) -> Any:
        return function(other, self)

    return operator


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
        if self.form.dtype.is_floating_point:
            raise TypeError(
                "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
            )
        return function(self)

    return operator


def bind_all() -> dict[str, Callable[..., Any]]:
    """Functions of all records by name; methods are set on Tensor."""
    for op in registry.values():
        op.launches = {}
        BINDERS[type(op)](op)
        assert op.function is not unbound
        if op.method and not hasattr(Tensor, op.name):
            set_method(op.name, method_of(op))
    for dunder, name in OPERATORS.items():
        if name not in registry:
            continue
        op = registry[name]
        function = op.hot if isinstance(op, Pointwise) else op.function
        known = (Tensor,) if dunder == "matmul" else (Tensor, int, float)
        set_method(f"__{dunder}__", guarded(function, known) if dunder in GUARDED else function)
        if dunder not in COMPARISONS:
            set_method(f"__r{dunder}__", reflected(op.function))
            inplace = getattr(Tensor, f"{name}_", None)
            if inplace is not None:
                set_method(f"__i{dunder}__", inplace)
    for dunder, name in UNARY.items():
        if name in registry:
            function = registry[name].function
            set_method(f"__{dunder}__", inverted(function) if dunder == "invert" else function)
    set_method("backward", tensor_backward)
    choose = registry["where"].function
    set_method("where", lambda self, condition, other: choose(condition, self, other))
    Tensor.__scalar__ = classmethod(on_tensors)  # type: ignore[attr-defined]
    functions = {name: op.function for name, op in registry.items()}
    for op in registry.values():
        if op.inplace_function is not None:
            functions[f"{op.name}_"] = op.inplace_function
    return functions


# The vocabulary of formulas by the record that answers for tensors, where the names differ.
SCALAR_NAMES = {
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "not": "bitwise_not",
    "floordiv": "floor_divide", "mod": "remainder", "shl": "bitwise_left_shift",
    "shr": "bitwise_right_shift",
}  # fmt: skip


def on_tensors(cls: type, name: str, args: tuple[Any, ...]) -> Tensor:
    """A formula's operation on tensors: what makes gradients differentiable again."""
    if name == "where" and not isinstance(args[0], Tensor):
        return args[1] if args[0] else args[2]
    return registry[SCALAR_NAMES.get(name, name)].function(*args)


__all__ = ["Form", "Launch", "bind_all"]
