"""Functions of the other families: calls that came to one launch or view are learnt by forms."""

import functools
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from facula.autograd.mode import mode
from facula.bind.roads import (
    Roads,
    by_name_only,
    describe,
    entries,
    lists_of_ints,
    plain,
    seen_entries,
    spellings,
    takes_out,
)
from facula.bind.templates import (
    MISSING,
    CallSignature,
    again_source,
    launch_source,
    strict_values,
    view_source,
)
from facula.bind.words import document
from facula.dispatch import (
    Look,
    call_operation,
    call_reduction,
    call_view,
    compile_function,
    depends_on_settings,
    has_names,
    learn,
    learn_launch,
    record_reduction,
    record_view,
    remember,
    share,
    written_recorder,
)
from facula.form import named_forms
from facula.meta.dtype import dtype
from facula.op import Composite, Op, Operation, Reduction, View
from facula.tensor import Tensor


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
        function, False, spellings(op, [*names][1:]), keywords, lists_of_ints(op), by_name_only(op)
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
            if named_forms and has_names((self, *args, *kwargs.values())):
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
        if op.as_dtype is not None and len(args) + len(kwargs) == 1:
            given = args[0] if args else next(iter(kwargs.values()))
            if type(given) is dtype:
                return cast(Tensor, op.as_dtype(self, given))
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


def remembered_view(
    op: View | Composite,
    roads: Roads,
    moves: str | None,
) -> None:
    """Makes function and method of a view: what a form and arguments come to is learnt once."""
    names = inspect.signature(op.forward).parameters
    many = isinstance(op, View) and gathers(op)
    signature = CallSignature(
        op.forward,
        many,
        spellings(op, [*names][1:]),
        [*op.other_names],
        lists_of_ints(op),
        by_name_only(op),
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

    def learn_named(self: Tensor, values: tuple[Any, ...], y: Any) -> None:
        """Views of tensors with names, of which no graph must learn."""
        known = all(plain(v) or type(v) is str for v in values)
        if known and type(y) is Tensor and y.block is self.block and y is not self:
            named = dict(zip(signature.values, values, strict=True))
            look = Look(y.form, y.address - self.address, None, ())
            remember(op.looks, (self.form, *strict_values(signature, named)), look)

    def made(first: str, slow: Callable[..., Any]) -> Callable[..., Any]:
        # t.permute(x, 1, 0) is refused, although x.permute(1, 0) is not.
        looks = {} if many and first == "input" else op.looks
        # What is a copy, or the tensor itself: to try it again would copy twice each time.
        no_views: dict[Any, None] = {}

        def miss(self: Tensor, values: tuple[Any, ...]) -> Any:
            args, kwargs = signature.call(values)
            if named_forms and has_names((self, *args, *kwargs.values())):
                y = slow(self, *args, **kwargs)
                if moves is None and isinstance(self, Tensor):
                    learn_named(self, values, y)
                return y
            if isinstance(self, Tensor) and all(map(plain, values)):
                if moves is None:
                    named = dict(zip(signature.values, values, strict=True))
                    key = (self.form, *strict_values(signature, named))
                    if key not in no_views:
                        found = learn(self, lambda probe: slow(probe, *args, **kwargs))
                        remember(no_views if found is None else looks, key, found)
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


def bind_view(op: View) -> None:
    roads = entries(op, arrange_arguments(op), ("self", *op.parameters[1:]))
    if op.absolute:
        op.function = op.hot = describe(roads[0], op.name, op.doc, op)
        op.as_method = describe(roads[1], op.name, op.doc, op)
    else:
        remembered_view(op, roads, op.moves)


def on_tensors_only(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A function of several tensors, or of one list of them, that refuses what is none."""

    def function(*args: Any, **kwargs: Any) -> Any:
        several = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
        for place, one in enumerate(several):
            if not isinstance(one, Tensor):
                raise TypeError(
                    f"expected Tensor as element {place} in argument 0, but got "
                    f"{type(one).__name__}"
                )
        return forward(*args, **kwargs)

    return function


def bind_composite(op: Composite) -> None:
    given = inspect.signature(op.forward).parameters
    parameters = [*given]
    forward = op.forward
    if any(p.kind is p.VAR_POSITIONAL for p in given.values()) and "Tensor[]" in op.types.values():
        op.checked = False  # f(a, b) as well as f([a, b]): PyTorch's is a function of Python
        if given[parameters[0]].kind is inspect.Parameter.VAR_POSITIONAL:
            forward = on_tensors_only(forward)
    if op.is_view:
        remembered_view(op, entries(op, forward, parameters), None)
        return
    if op.is_launch:
        keywords = ["out"] if takes_out(op) else []
        remembered_launch(op, entries(op, op.forward, parameters), op.forward, keywords)
        return
    roads = seen_entries(op, forward, parameters)
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
