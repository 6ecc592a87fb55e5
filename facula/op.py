"""Op records: one record says everything about an operation; the families give the defaults.

A record answers: name and arguments (schema), dtype rule, shape rule, value, gradient, words. The
registry is the only list of operations there is. `ops/` fills it, `dispatch.py` executes records,
`facula/bind` turns them into functions and methods.
"""

import inspect
import os
import re
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from facula.meta import names
from facula.meta.dtype import dtype
from facula.meta.schema import REQUIRED, Schema, parse

SAME, FLOAT, DOUBLE, BOOL = "same", "float", "double", "bool"
"""Dtype rules: the promoted dtype; the same, integers as the default float; float64; bool."""

NAMESPACES = ("fft", "linalg", "special")
"""Namespaces that a record's name begins with: `linalg_det` is `torch.linalg.det`."""

registry: "dict[str, Op]" = {}


def pointwise_of(name: str) -> "Pointwise":
    """The pointwise record of that name, to say more about it than its table row does."""
    record = registry[name]
    assert isinstance(record, Pointwise)
    return record


def reduction_of(name: str) -> "Reduction":
    """The reduction record of that name."""
    record = registry[name]
    assert isinstance(record, Reduction)
    return record


def inplace_texts(op: "Op") -> list[str]:
    """The schemas of the in-place form of a record, by its own."""
    made = []
    for text in op.texts:
        name, rest = text.strip().split("(", 1)
        name, dot, overload = name.partition(".")
        arguments = rest.rsplit("->", 1)[0].strip().removesuffix(")")
        arguments = re.sub(r"(, \*)?, Tensor\(\w!\)\? out=None", "", arguments)
        arguments = re.sub(r"^Tensor(\(a\))? self", "Tensor(a!) self", arguments)
        made.append(f"{name}_{dot}{overload}({arguments}) -> Tensor(a!)")
    return made


def operation_of(name: str) -> "Operation":
    """The operation record of that name."""
    record = registry[name]
    assert isinstance(record, Operation)
    return record


def unbound(record: "Op") -> None:
    """Stands for what makes a record's functions until `facula.ops` is imported."""
    raise RuntimeError(f"{record.name} has no function yet: facula.ops makes it")


Words = str | Callable[..., Any]
"""What a record does: a text, or the function whose docstring it is."""


class Out:
    """Which tensors torch lets an operation write its result into (`out=`).

    `allows` names the dtypes: "same" as the result's, what it can be "cast" to, those of its
    "kind", "float", a "flag" (bool or uint8), a "number" (no bool), "any". `words` are torch's for
    the others. `apart` are arguments that the result shares no memory with, `within` those that it
    may only be itself.
    """

    __slots__ = ("allows", "words", "error", "apart", "within")

    def __init__(
        self,
        allows: str = "same",
        words: str = "Expected out tensor to have dtype {want}, but got {got} instead",
        error: type[Exception] = RuntimeError,
        apart: tuple[str, ...] = (),
        within: tuple[str, ...] = (),
    ) -> None:
        self.allows = allows
        self.words = words
        self.error = error
        self.apart = apart
        self.within = within


CASTS = Out("cast", "result type {Want} can't be cast to the desired output type {Got}")
"""The rule of functions that go element by element."""


class Made:
    """An attribute of a record that is made when it is first asked for, with its siblings.

    No data descriptor: what is made lies on the record itself and is found there afterwards.
    """

    __slots__ = ("name",)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, record: "Op | None", owner: type) -> Any:
        if record is None:
            return self
        with binding:
            if self.name not in record.__dict__:
                Op.bind(record)
        return record.__dict__[self.name]


def made() -> Any:
    return Made()


# One thread at a time makes functions; a process forked meanwhile starts with a lock of its own.
binding = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=binding._at_fork_reinit)  # type: ignore[attr-defined]

# What a schema begins with: the name, an overload, the first argument if it is called self.
_START = re.compile(r"\s*(?:aten::)?(\w+)(?:\.\w+)?\(\s*(?:[\w.]+(?:\([^()]*\))?\S* (self)\b)?")


class Op:
    """Abstract. One operation; `family` names the default rules.

    `namespace` says where the function appears: "torch", "nn" (torch.nn.functional), "tensor" (only
    as a method), one of NAMESPACES, or "internal" (only records use it); `method` whether it is
    also a Tensor method, `inplace` whether `name_` exists.

    Making a record costs little, for there are hundreds and a program uses few: schemas are parsed
    and functions made when first asked for.
    """

    family = "op"
    # What `out=` may be.
    out = Out()

    # `facula/bind` makes these: the function, the same for calls by place only, as a method where
    # that is another one, and the in-place form if there is one.
    function: Callable[..., Any] = made()
    hot: Callable[..., Any] = made()
    as_method: Callable[..., Any] | None = made()
    inplace_function: Callable[..., Any] | None = made()

    # Makes them: set by `facula/bind`.
    bind: "ClassVar[Callable[[Op], None]]" = staticmethod(unbound)

    def __init__(self, schemas: Sequence[str] | str, doc: "Words") -> None:
        self.texts = (schemas,) if isinstance(schemas, str) else tuple(schemas)
        start = _START.match(self.texts[0])
        if start is None:
            raise ValueError(f"expected a schema 'name(arguments) -> returns', got {self.texts[0]}")
        self.name, takes_self = start.groups()
        self.words = doc
        beginning = self.name.partition("_")[0]
        self.namespace = beginning if beginning in NAMESPACES else "torch"
        self.method = self.namespace == "torch" and takes_self is not None
        self.inplace = False
        # Whether the in-place form (this record, if its name says so) is a function of torch too.
        self.in_torch = False
        self.node_name = "".join(part.title() for part in self.name.split("_")) + "Backward0"
        # Where torch's name of the node depends on the arguments: what it is, of those.
        self.name_nodes: Callable[..., str] | None = None
        # True if forms and plain arguments decide which launch a call comes to, never a value.
        self.is_launch = False
        # True if the value's kernels read through lazy views. Note [complex numbers].
        self.takes_lazy = False
        # Argument names of other overloads, by those that stand for them here.
        self.other_names: dict[str, str] = {}
        # Whether a call's arguments are held against the schemas before the function gets them.
        self.checked = True
        # What has been learnt of calls, by forms and arguments.
        self.looks: dict[Any, Any] = {}
        self.launches: dict[Any, Any] = {}
        self._node_type: type | None = None
        self.fused: Callable[..., Any] | None = None
        # What the dimensions of results are called: a rule like those of `meta/names.py`, or
        # torch's name of the operation that has none ("": the record's). Note [named tensors].
        self.names_rule: Callable[..., Any] | str = ""
        # torch's name of the kernel that it lacks for wide unsigned integers; "" if it has one, and
        # as long as there is no tensor of them. Note [wide unsigned integers].
        self.narrow = ""
        # True if only results of these dtypes are refused, not operands.
        self.narrow_result = False
        # Takes calls in which there are names instead, where no rule can say it.
        self.named_road: Callable[..., Any] | None = None
        if self.name in registry:
            raise ValueError(f"operation {self.name} has two records")
        registry[self.name] = self

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        """torch's overloads."""
        return tuple([parse(text) for text in self.texts])

    @cached_property
    def schema(self) -> Schema:
        """The first of them."""
        return parse(self.texts[0])

    @cached_property
    def types(self) -> dict[str, str]:
        """The types of all overloads' arguments by name, the first's where they differ."""
        found: dict[str, str] = {}
        for schema in self.schemas:
            for one in schema.arguments:
                found.setdefault(one.name, one.type)
        return found

    @cached_property
    def result_counts(self) -> frozenset[int]:
        """How many results the overloads with out= have; 0 for a list of any length."""
        schemas = [s for s in self.schemas if any(a.name == "out" for a in s.arguments)]
        lists = [s for s in schemas if len(s.returns) == 1 and s.returns[0].type.endswith("[]")]
        return frozenset(0 if s in lists else len(s.returns) for s in schemas)

    @property
    def doc(self) -> str:
        """What the operation does, in words."""
        words = self.words
        return words if isinstance(words, str) else inspect.getdoc(words) or ""

    def __repr__(self) -> str:
        return f"<{self.family} {self.name}>"

    def __str__(self) -> str:
        """The record in words: schema, family, formulas."""
        lines = [str(schema) for schema in self.schemas]
        lines.append(f"  family: {self.family}")
        for part in ("value", "gradient_rule", "map", "combine", "finish"):
            function = getattr(self, part, None)
            if callable(function):
                lines.append(f"  {part}: {inspect.getsource(function).strip()}")
        return "\n".join(lines)

    def names(self, rule: Callable[..., Any] | str) -> Any:
        """Decorator: sets what the dimensions of results are called."""
        self.names_rule = rule
        return rule

    @property
    def argument_names(self) -> tuple[str, ...]:
        return tuple(a.name for a in self.schema.arguments)


class NoDerivative:
    """The gradient formula of an operation that torch records and has no derivative for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{self.name} is not implemented")


class Pointwise(Op):
    """Each result element is a scalar formula of the elements at its place.

    `value(*inputs)` and `gradient(g, y, *inputs)` are formulas; a text among the gradients is the
    error of asking for that one. Arguments declared Tensor take part in promotion and broadcasting;
    arguments declared Scalar are numbers.
    """

    family = "pointwise"
    out = CASTS

    def __init__(
        self,
        schemas: Sequence[str] | str,
        rule: str,
        doc: Words,
        value: Callable[..., Any] | dict[str, Callable[..., Any]],
        gradient: Callable[..., Any] | None = None,
        refuses: str | dict[str, str] = "",
        kernel: str = "",
    ) -> None:
        super().__init__(schemas, doc)
        self.rule = rule
        self.value = value
        self.gradient_rule = gradient
        self.names_rule = names.broadcast if self.namespace == "torch" else ""
        self.inplace = True
        # Kinds of dtype ("b", "u", "i", "f") without a meaning here: "bf", or their error texts;
        # and the name that torch's own texts give the operation.
        self.refuses = refuses
        bare = self.name.removeprefix(f"{self.namespace}_")
        self.kernel = kernel or f"{bare}_cpu"
        # torch's own words where it has such for complex operands: exception and text.
        self.complex_error: tuple[type[Exception], str] | None = None
        # Looks at a call of a new kind (compute dtype, keys of the operands); raises torch's error.
        self.check: Callable[[dtype, Sequence[Any]], None] | None = None
        self.error_codes: dict[int, Callable[[], Exception]] = {}
        # The gradient for complex operands, where conjugating around the other one is wrong: where
        # the value is no holomorphic function. Note [complex numbers].
        self.complex_gradient: Callable[..., Any] | None = None
        # True if an in-place call forgets what self was, as comparisons do: its gradient is 0.
        self.overwrites = False
        # True if values are real where operands are complex.
        self.real_valued = False
        # The operand that only chooses: it keeps its dtype and takes no part in promotion.
        self.condition: int | None = None
        # Makes Python's operator, where the record answers for one.
        self.make_operator: Callable[[], Callable[..., Any]] | None = None
        # f(number, tensor); `hot` serves tensors, and numbers in the second place.
        self.number_first: Callable[..., Any] | None = None
        # True if torch has no form of it whose first operand is a number.
        self.tensor_first = False
        # True if torch has no form of it that takes numbers.
        self.tensors_only = False
        # Numbers that are compiled into the kernel where they are operands.
        self.constant_numbers: frozenset[float] = frozenset()

    def gradient(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: sets the gradient formula."""
        self.gradient_rule = function
        return function


def pointwise(
    schemas: Sequence[str] | str,
    rule: str,
    doc: str | None = None,
    value: Callable[..., Any] | dict[str, Callable[..., Any]] | None = None,
    gradient: Callable[..., Any] | None = None,
    refuses: str | dict[str, str] = "",
    kernel: str = "",
) -> Any:
    """Makes a pointwise record; without `value` it decorates the formula and takes its doc."""
    if value is not None:
        return Pointwise(schemas, rule, doc or "", value, gradient, refuses, kernel)

    def decorate(formula: Callable[..., Any]) -> Pointwise:
        return Pointwise(schemas, rule, doc or formula, formula, gradient, refuses, kernel)

    return decorate


class Reduction(Op):
    """Elements along some dims become one: map, combine from `unit`, finish.

    Formulas: `map(x)` gives a state (one value or a tuple), `combine(a, b)` joins two,
    `finish(state, n)` gives the result; the gradient is `gradient(g, y, x, n)`, all of the input's
    shape. `state` names the accumulator: "wide" (float64 for floats, int64 for integers), "same",
    or "bool".
    """

    family = "reduction"
    out = CASTS

    def __init__(
        self,
        schemas: Sequence[str] | str,
        rule: str,
        doc: str,
        map: Callable[..., Any],
        combine: Callable[..., Any],
        unit: Any,
        finish: Callable[..., Any] | None = None,
        gradient: Callable[..., Any] | None = None,
        state: str = "wide",
        needs_elements: bool = False,
        integers_to_float: bool = False,
        empty_dims_mean_none: bool = True,
    ) -> None:
        super().__init__(schemas, doc)
        self.needs_elements = needs_elements
        self.integers_to_float = integers_to_float
        self.empty_dims_mean_none = empty_dims_mean_none
        self.rule = rule
        self.map = map
        self.combine = combine
        self.unit = unit
        self.finish = finish if finish is not None else lambda acc, n: acc
        self.gradient_rule = gradient
        self.state = state
        self.names_rule = names.reduced
        # What torch's texts call the kernel.
        self.kernel = f"{self.name}_cpu"
        # Whether the gradient formula reads (y, x); known once it has been traced.
        self.reads: tuple[bool, bool] | None = None
        # Prepared gradients, by the forms of gradient and input and the reduced dims.
        self.backward: dict[Any, Any] = {}


def reduction(schemas: Sequence[str] | str, rule: str, doc: str, **formulas: Any) -> Reduction:
    """Makes a reduction record."""
    return Reduction(schemas, rule, doc, **formulas)


class Operation(Op):
    """A record whose value is a Python function over tensors that no graph records, and whose
    gradient is a function over tensors that may be recorded.

    The gradient names what it needs: `g` (gradient of the result; one a result), `y` (the result;
    `ys` if several), `needs` (which inputs want a gradient), any argument (then it is saved), or
    `<argument>_form` (dtype, shape and strides only). It returns one gradient a tensor argument,
    in schema order.
    """

    family = "operation"

    def __init__(
        self, schemas: Sequence[str] | str, doc: Words, forward: Callable[..., Any]
    ) -> None:
        super().__init__(schemas, doc)
        self.forward = forward
        self.gradient_rule: Callable[..., Any] | None = None
        self.differentiable_outputs: tuple[int, ...] | None = None
        # Which results a gradient that asks for `ys` reads; the others may be written to later.
        self.kept_outputs: tuple[int, ...] | None = None
        # Whether the gradient is that of a holomorphic function, so that complex gradients are
        # conjugated on both sides of it. Note [complex numbers].
        self.conjugates = True
        # Arguments that only the gradient of another one reads (by that one's place): not kept if
        # that gradient is not wanted, so that writing to them then is no error.
        self.read_for: dict[str, int] = {}
        self.recipe: tuple[tuple[str, str], ...] | None = None
        # Makes the node of a result from the arguments of a call; written when first needed.
        self.recorder: Callable[..., None] | None = None
        # Makes the function from the general one, where the record knows a shorter way.
        self.short_road: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of what `forward` takes."""
        return tuple(inspect.signature(self.forward).parameters)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Values of the parameters that have one."""
        given = inspect.signature(self.forward).parameters.values()
        return {p.name: p.default for p in given if p.default is not p.empty}

    @cached_property
    def tensor_names(self) -> tuple[str, ...]:
        """The parameters that are tensors or lists of them: those that may have a gradient."""
        return tuple([n for n in self.parameters if self.types.get(n, "").startswith("Tensor")])

    @property
    def gradient_names(self) -> tuple[str, ...]:
        """What the gradient function asks for."""
        return (
            ()
            if self.gradient_rule is None
            else tuple(inspect.signature(self.gradient_rule).parameters)
        )

    def gradient(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: sets the gradient function."""
        self.gradient_rule = function
        return function


def operation(schemas: Sequence[str] | str, doc: str | None = None) -> Callable[..., Operation]:
    """Decorates the function that computes the value."""

    def decorate(forward: Callable[..., Any]) -> Operation:
        return Operation(schemas, doc or forward, forward)

    return decorate


class View(Operation):
    """A record whose result shares memory: `forward(geometry, *args)` computes the new geometry."""

    family = "view"

    def __init__(
        self, schemas: Sequence[str] | str, doc: Words, forward: Callable[..., Any]
    ) -> None:
        super().__init__(schemas, doc, forward)
        self.tensor_names = ("self",)
        # True if arguments count from the start of the storage instead of from the tensor.
        self.absolute = False
        # The argument that only moves the view: all its values share what is learnt.
        self.moves: str | None = None
        # What a call with a dtype comes to instead: the same bytes as other elements.
        self.as_dtype: Callable[[Any, Any], Any] | None = None
        self.places: tuple[int, ...] | None = None


def view(schemas: Sequence[str] | str, doc: str | None = None) -> Callable[..., View]:
    """Decorates the function from a geometry (and arguments) to a geometry."""

    def decorate(forward: Callable[..., Any]) -> View:
        return View(schemas, doc or forward, forward)

    return decorate


class Choice(Op):
    """A record for one of several pointwise ones: `choose(*args)` gives its name and operands."""

    family = "choice"
    out = CASTS

    def __init__(
        self,
        schemas: Sequence[str] | str,
        doc: Words,
        choose: Callable[..., tuple[str, tuple[Any, ...]]],
    ) -> None:
        super().__init__(schemas, doc)
        self.choose = choose
        self.names_rule = names.broadcast
        self.inplace = True


def choice(schemas: Sequence[str] | str, doc: str | None = None) -> Callable[..., Choice]:
    """Decorates the function that chooses."""

    def decorate(choose: Callable[..., tuple[str, tuple[Any, ...]]]) -> Choice:
        return Choice(schemas, doc or choose, choose)

    return decorate


class Alias(Op):
    """A second name of a record made before: the same function, method and in-place form."""

    family = "alias"

    def __init__(self, name: str, of: str) -> None:
        target = registry[of]
        texts = [name + text.strip()[len(of) :] for text in target.texts]
        super().__init__(texts, f"Another name of {of}.")
        self.target = target
        if self.namespace == "torch":
            self.namespace, self.method = target.namespace, target.method
            self.inplace = target.inplace


class Composite(Op):
    """A record written in terms of other operations; gradients fall out of those."""

    family = "composite"

    def __init__(
        self, schemas: Sequence[str] | str, doc: Words, forward: Callable[..., Any]
    ) -> None:
        super().__init__(schemas, doc)
        self.forward = forward
        # True if form and arguments alone decide which view the result is, or that it is none.
        self.is_view = False
        # The function as a method where nothing looks at its arguments.
        self.short_method: Callable[..., Any] | None = None
        # Makes the function from the general one, where the record knows a shorter way.
        self.short_road: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None


def view_composite(
    schemas: Sequence[str] | str, doc: str | None = None
) -> Callable[[Callable[..., Any]], Composite]:
    """Decorates a function made of views: its result is one wherever form and arguments allow."""

    def decorate(forward: Callable[..., Any]) -> Composite:
        made = Composite(schemas, doc or forward, forward)
        made.is_view = True
        return made

    return decorate


def composite(schemas: Sequence[str] | str, doc: str | None = None) -> Callable[..., Composite]:
    """Decorates a Python function over tensors; its own signature binds the arguments."""

    def decorate(forward: Callable[..., Any]) -> Composite:
        return Composite(schemas, doc or forward, forward)

    return decorate


__all__ = [
    "BOOL", "CASTS", "DOUBLE", "FLOAT", "REQUIRED", "SAME", "Alias", "Choice", "Composite", "Op",
    "Operation", "Out", "Pointwise", "Reduction", "View", "choice", "composite", "operation",
    "pointwise", "pointwise_of", "reduction", "reduction_of", "registry", "unbound", "view",
    "view_composite",
]  # fmt: skip
