"""Methods and operators of tensors, and functions by name, made when first asked for."""

import functools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from facula.autograd.public import tensor_backward
from facula.bind.narrow import narrow_records
from facula.bind.pointwise import NUMBERS, stepping_back
from facula.bind.roads import describe
from facula.dispatch import call_pointwise, has_names
from facula.form import named_forms, when_names_begin, when_wide_begins
from facula.late import Late as LateModule
from facula.op import Choice, Composite, Op, Pointwise, binding, registry
from facula.tensor import Tensor

if TYPE_CHECKING:
    import numpy as np
else:
    np = LateModule("numpy")

# Python's operators by the record that answers them; the reflected form is made where one exists.
OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "pow", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
    "matmul": "matmul", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne",
}  # fmt: skip
# Python 2's names, which PyTorch's tensors still have.
OLD_OPERATORS = {
    "div": "truediv", "rdiv": "rtruediv", "idiv": "itruediv", "nonzero": "bool", "long": "int",
}  # fmt: skip
COMPARISONS = frozenset(("lt", "le", "gt", "ge", "eq", "ne"))
GUARDED = COMPARISONS | {"matmul"}
UNARY = {"neg": "neg", "abs": "abs", "pos": "positive", "invert": "bitwise_not"}


def method_of(op: Op) -> Callable[..., Any]:
    """A record's function as a method, where self never comes by name: short roads stay short."""
    whole = op.function if op.as_method is None else op.as_method
    short = (op.short_method if isinstance(op, Composite) and not op.narrow else None) or whole
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
        if has_names((self, *args, *kwargs.values())):
            return road(self, *args, **kwargs)
        return short(self, *args, **kwargs)

    return describe(method, op.name, op.doc, op)


def stepping(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that steps back for operands of which it knows nothing."""

    def operator(self: Tensor, other: Any) -> Any:
        return stepping_back(lambda operands: function(*operands), (self, other))

    return operator


def reflected(dunder: str, op: Op) -> Callable[..., Any]:
    """The operator with the tensor on the right: mostly of a number."""
    function = op.function

    def backwards(self: Tensor, other: Any) -> Any:
        if not isinstance(self, Tensor):
            raise TypeError(
                f"descriptor '__r{dunder}__' for 'Tensor' objects doesn't apply to a "
                f"'{type(self).__name__}' object"
            )
        return stepping_back(lambda operands: function(*operands), (other, self))

    if not isinstance(op, Pointwise) or op.number_first is None:
        if isinstance(op, Choice):
            function = with_arrays(function)
        return backwards

    def number_operator(self: Tensor, other: Any) -> Any:
        if other.__class__ in NUMBERS and isinstance(self, Tensor):
            return op.number_first(other, self)  # type: ignore[misc]
        return backwards(self, other)

    return number_operator


def guarded(function: Callable[..., Any], accepted: tuple[type, ...]) -> Callable[..., Any]:
    """An operator that steps back for operands it does not know, as Python asks."""
    numbers = len(accepted) > 1

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, accepted) or (numbers and is_of_numpy(other)):
            return function(self, other)
        return NotImplemented

    return operator


def is_of_numpy(value: Any) -> bool:
    """True for NumPy's arrays and numbers; NumPy is imported for them only."""
    return type(value).__module__ == "numpy" and isinstance(
        value, (np.ndarray, np.number, np.bool_)
    )


def with_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operator whose function takes no arrays: they become tensors over their memory."""

    def operator(a: Any, b: Any) -> Any:
        try:
            return function(a, b)
        except TypeError:
            if not is_of_numpy(a) and not is_of_numpy(b):
                raise
            make = registry["as_tensor"].function
            return function(*[make(v) if is_of_numpy(v) else v for v in (a, b)])

    return functools.wraps(function)(operator)


def inverted(function: Callable[..., Any]) -> Callable[..., Any]:
    """`~`: torch refuses floats with an error of its own here."""

    def operator(self: Tensor) -> Any:
        if self.form.tracked:
            raise TypeError(
                "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
            )
        return function(self)

    return operator


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
        made = op.make_operator if isinstance(op, Pointwise) else None
        if made is not None:
            return made()
        return stepping(with_arrays(function) if isinstance(op, Choice) else function)
    return guarded(function, (Tensor,) if dunder == "matmul" else (Tensor, int, float, complex))


def unary_operator(dunder: str, op: Op) -> Callable[..., Any]:
    return inverted(op.function) if dunder == "invert" else op.function


def where_method() -> Callable[..., Any]:
    choose = registry["where"].function

    def where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
        """This tensor where the condition is True, `other` elsewhere; all three broadcast.

        Raises RuntimeError for shapes that do not, or a condition that is not of bools.

        >>> import facula as torch
        >>> x = torch.tensor([-1.0, 2.0])
        >>> x.where(x > 0, torch.tensor(0.0))
        tensor([0., 2.])
        """
        chosen: Tensor = choose(condition, self, other)
        return chosen

    return where


def polygamma_method() -> Callable[..., Any]:
    function = registry["polygamma"].function

    def polygamma(self: Tensor, n: int) -> Any:
        """The derivative number n of digamma, as `torch.polygamma(n, x)`.

        >>> import facula as torch
        >>> torch.tensor([1.0]).polygamma(2)
        tensor([-2.4041])
        """
        return function(n, self)

    return polygamma


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
            set_late(f"__r{dunder}__", partial(reflected, dunder, op))
            if f"{name}_" in has:
                set_late(f"__i{dunder}__", partial(getattr, Tensor, f"{name}_"))
    for dunder, name in UNARY.items():
        set_late(f"__{dunder}__", partial(unary_operator, dunder, registry[name]))
    when_wide_begins.append(refuse_wide_integers)
    for dunder, name in OLD_OPERATORS.items():
        set_late(f"__{dunder}__", partial(getattr, Tensor, f"__{name}__"))
    set_late("polygamma", polygamma_method)
    set_late("where", where_method)
    Tensor.backward = tensor_backward  # type: ignore[method-assign, assignment]
    Tensor.__scalar__ = classmethod(on_tensors)  # type: ignore[attr-defined]


def refuse_wide_integers() -> None:
    """Ends the short roads of methods that look at no dtypes. Note [wide unsigned integers]."""
    for op in narrow_records():
        if isinstance(op, Composite) and op.name in vars(Tensor) and op.method:
            set_late(op.name, partial(method_of, op))


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
