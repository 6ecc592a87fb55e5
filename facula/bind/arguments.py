"""Whether the arguments of a call fit a record's schemas; PyTorch's errors where they do not.

As PyTorch does it: the overloads are tried in turn, the classes of the arguments decide (numbers of
NumPy and 0-d tensors of integers are ints as well, bools are not). What classes were accepted is
remembered, so that only the first call of a kind is looked at closely. Note [arguments].
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from facula.dispatch import remember
from facula.generator import Generator
from facula.late import Late
from facula.meta.device import device
from facula.meta.dtype import bool_, dtype, float64, int64
from facula.meta.layout import layout, memory_format
from facula.meta.schema import REQUIRED, Argument, Schema
from facula.meta.shape import Size
from facula.op import Op, registry
from facula.tensor import Tensor

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

Call = tuple[tuple[Any, ...], dict[str, Any]]

# What PyTorch calls a type in its messages.
TYPE_NAMES = {
    "Scalar": "Number", "ScalarType": "torch.dtype", "Device": "torch.device",
    "Layout": "torch.layout", "MemoryFormat": "torch.memory_format", "Generator": "torch.Generator",
    "Storage": "torch.Storage", "Dimname": "name",
}  # fmt: skip
LIST_NAMES = {"Tensor": "Tensors", "int": "ints", "float": "floats", "Scalar": "Scalars",
              "Dimname": "names", "bool": "bools"}  # fmt: skip


def type_name(value: object) -> str:
    """The type of a value as PyTorch's messages show it: with its module if it is one of C."""
    kind = type(value)
    if isinstance(value, (dtype, device, layout, memory_format, Size)):
        return f"torch.{kind.__name__}"
    if isinstance(value, Generator):
        return "torch._C.Generator"
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


# Other names that PyTorch takes for an argument, as NumPy has them.
NUMPY_NAMES = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"),
               "other": ("x2",)}  # fmt: skip

# A call of these may have numbers where tensors are declared.
NUMBERS_AS_TENSORS = frozenset((
    "add", "div", "divide", "mul", "multiply", "sub", "subtract", "true_divide", "floor_divide",
    "copy_",
))  # fmt: skip

# Whether an argument is of one of these classes decides alone whether it is accepted.
PLAIN = frozenset((int, float, bool, complex, str, type(None), dtype, layout, memory_format,
                   Generator, device, type))  # fmt: skip

UNPACKING = 'with error "Overflow when unpacking long long"'

PYTHON_TYPES = {float: float64, int: int64, bool: bool_}


def is_int(value: Any) -> bool:
    """An int for PyTorch: no bool, but NumPy's integers and 0-d tensors of integers."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    if isinstance(value, Tensor):
        kind = value.form.dtype
        plain = not (kind.is_floating_point or kind.is_complex or kind is bool_)
        return plain and value.form.ndim == 0
    return hasattr(value, "__index__") and not isinstance(value, (np.bool_, np.ndarray))


def is_float(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.form.ndim == 0 and not value.requires_grad
    if isinstance(value, (float, int)):
        return True
    return isinstance(value, (np.floating, np.integer))


def is_number(value: Any) -> bool:
    if isinstance(value, (float, int, complex)):
        return True
    return is_float(value) or isinstance(value, (np.number, np.bool_))


def is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


KINDS: dict[str, Callable[[Any], bool]] = {
    "Any": lambda value: True,
    "Tensor": is_tensor,
    "Scalar": is_number,
    "int": is_int,
    "float": is_float,
    "complex": is_number,
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "ScalarType": lambda value: (
        isinstance(value, dtype) or type(value) is type and (value in PYTHON_TYPES)
    ),
    "Device": lambda value: isinstance(value, (device, str)) or is_int(value),
    "Layout": lambda value: isinstance(value, layout),
    "MemoryFormat": lambda value: isinstance(value, memory_format),
    "Generator": lambda value: isinstance(value, Generator),
    "Storage": lambda value: hasattr(value, "data_ptr") and not isinstance(value, Tensor),
    "Dimname": lambda value: isinstance(value, str) or value is None,
    "Callable": callable,
}


class Parameter:
    """One argument of an overload, as Python has it."""

    __slots__ = ("name", "names", "base", "is_list", "length", "optional", "takes_none",
                 "holds_none", "keyword_only", "takes_numbers", "default", "alone")  # fmt: skip

    def __init__(self, argument: Argument, takes_numbers: bool) -> None:
        self.name = "input" if argument.name == "self" else argument.name
        self.names = (self.name, *NUMPY_NAMES.get(self.name, ()))
        self.base = argument.base
        self.is_list = argument.is_list
        self.length = argument.length
        self.default = argument.default
        self.optional = argument.default is not REQUIRED
        self.takes_none = argument.is_optional or argument.default in (None, ())
        self.holds_none = "?[]" in argument.type
        self.keyword_only = argument.keyword_only
        self.takes_numbers = takes_numbers and self.base == "Tensor"
        # False where another overload may take what this one does not.
        self.alone = True

    @property
    def type_name(self) -> str:
        if self.is_list:
            return f"tuple of {LIST_NAMES.get(self.base, self.base)}"
        return TYPE_NAMES.get(self.base, self.base)

    def __str__(self) -> str:
        text = f"{self.type_name} {self.name}"
        if not self.optional:
            return text
        default = self.default
        if isinstance(default, str) and self.base == "str":
            default = f'"{default}"'
        elif self.length and isinstance(default, tuple) and len(set(default)) == 1:
            default = default[0]
        return f"{text} = {list(default) if isinstance(default, tuple) else default}"

    def accepts(self, value: Any, place: int) -> bool:
        if self.name == "out":
            return isinstance(value, (Tensor, tuple, list))
        if self.name == "reduction":  # PyTorch's functions of Python make a number of the word
            if type(value) not in (str, int):
                raise ValueError(f"{value} is not a valid value for reduction")
            return True
        kind = KINDS[self.base]
        if not self.is_list:
            return kind(value) or (self.takes_numbers and is_number(value))
        if not isinstance(value, (tuple, list)):
            # One int stands for all of a list of known length.
            return bool(self.length) and self.base in ("int", "float") and kind(value)
        if self.base == "Tensor":
            for k, one in enumerate(value):
                if not isinstance(one, Tensor) and (one is not None or not self.holds_none):
                    if not self.alone:
                        return False
                    raise TypeError(
                        f"expected Tensor as element {k} in argument {place}, but got "
                        f"{type_name(one)}"
                    )
            return True
        # Like PyTorch, by the first element; the others are looked at once it is this overload.
        return not value or kind(value[0])


class Signature:
    """An overload: tries the arguments of a call on its parameters."""

    def __init__(self, name: str, schema: Schema, as_method: bool, has_out: bool) -> None:
        declared = list(schema.arguments)
        if as_method and declared and declared[0].name == "self":
            del declared[0]
        names = {a.name for a in declared}
        if has_out and "out" not in names and not as_method:
            declared.append(Argument("out", "Tensor?", None, True))
        if as_method:
            declared = [a for a in declared if a.name != "out"]
        if "pin_memory" in names and "requires_grad" not in names:
            if not as_method and not name.endswith("_like"):
                declared.append(Argument("out", "Tensor?", None, True))
            declared.append(Argument("requires_grad", "bool", False, True))
        self.name = name
        numbers = name.rstrip("_") in NUMBERS_AS_TENSORS or name in NUMBERS_AS_TENSORS
        self.parameters = [Parameter(a, numbers) for a in declared]
        self.by_place = sum(not p.keyword_only for p in self.parameters)
        self.required = sum(not p.optional for p in self.parameters)
        first = self.parameters[0] if self.parameters else None
        self.gathers = (
            self.by_place == 1 and first is not None and first.is_list and first.base == "int"
        )

    def __str__(self) -> str:
        words: list[str] = []
        starred = False
        for one in self.parameters:
            if one.keyword_only and not starred:
                words.append("*")
                starred = True
            words.append(str(one))
        return f"({', '.join(words)})"

    def bind(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], raises: bool
    ) -> list[tuple[Parameter, Any, Any]] | None:
        """(parameter, key, value) for what was given, the key being a place or a name; None or
        PyTorch's TypeError if the arguments do not fit."""
        if len(args) > self.by_place and not self.gathers:
            return self.fail(raises, self.too_many(len(args)))
        found: list[tuple[Parameter, Any, Any]] = []
        place, named = 0, 0
        for number, parameter in enumerate(self.parameters):
            key: Any = None
            if place < len(args):
                if parameter.keyword_only:
                    return self.fail(raises, self.too_many(len(args)))
                key, value = place, args[place]
            else:
                key = next((n for n in parameter.names if n in kwargs), None)
                value = None if key is None else kwargs[key]
            if key is None:
                if not parameter.optional:
                    return self.fail(raises, self.missing(number))
                continue
            if not (value is None and parameter.takes_none) and not parameter.accepts(
                value, number
            ):
                gathered = self.gathers and key == 0 and type(key) is int
                if gathered and parameter.accepts(args, number):
                    found.append((parameter, "*", args))
                    place = len(args)
                    continue
                if gathered and len(args) > 1:
                    return self.fail(raises, self.too_many(len(args)))
                return self.fail(raises, self.wrong(parameter, key, value))
            found.append((parameter, key, value))
            if type(key) is int:
                place += 1
            else:
                named += 1
        if place < len(args):
            return self.fail(raises, self.too_many(len(args)))
        if named < len(kwargs):
            return self.fail(raises, self.unexpected(kwargs, len(args)))
        return found

    @staticmethod
    def fail(raises: bool, words: str) -> None:
        if raises:
            raise TypeError(words)

    def too_many(self, given: int) -> str:
        required = sum(not p.optional and not p.keyword_only for p in self.parameters)
        were = "was" if given == 1 else "were"
        if required != self.by_place:
            counts = f"from {required} to {self.by_place} positional arguments"
            return f"{self.name}() takes {counts} but {given} were given"
        s = "" if self.by_place == 1 else "s"
        return (
            f"{self.name}() takes {self.by_place} positional argument{s} but {given} {were} given"
        )

    def missing(self, start: int) -> str:
        names = [f'"{p.name}"' for p in self.parameters[start:] if not p.optional]
        # The plural of one is PyTorch's.
        s = "s" if len(names) == 1 else ""
        return f"{self.name}() missing {len(names)} required positional argument{s}: " + ", ".join(
            names
        )

    def unexpected(self, kwargs: Mapping[str, Any], given: int) -> str:
        known = {n: k for k, p in enumerate(self.parameters) for n in p.names[:1]}
        for name in kwargs:
            if name not in known:
                return f"{self.name}() got an unexpected keyword argument '{name}'"
            if known[name] < given:
                return f"{self.name}() got multiple values for argument '{name}'"
        return f"{self.name}() got an argument twice: {', '.join(kwargs)}"

    def wrong(self, parameter: Parameter, key: Any, value: Any) -> str:
        where = f" (position {key + 1})" if type(key) is int else ""
        start = f"{self.name}(): argument '{parameter.name}'{where} must be {parameter.type_name}"
        if where and parameter.is_list and isinstance(value, (tuple, list)) and value:
            kind = type_name(value[0])
            return f"{start}, but found element of type {kind} at pos 0"
        return f"{start}, not {type_name(value)}"


class Overloads:
    """The signatures of a record."""

    def __init__(self, op: Op, as_method: bool, name: str) -> None:
        self.op = op
        self.as_method = as_method
        self.name = name
        # What has been accepted: places of lists with the class of their elements, by classes.
        self.known: dict[Any, tuple[tuple[int, type], ...]] = {}

    @cached_property
    def signatures(self) -> list[Signature]:
        op = self.op
        forward = getattr(op, "forward", None)
        names = inspect.signature(forward).parameters if forward is not None else {}
        has_out = op.family in ("pointwise", "choice") or "out" in names
        schemas = inherited(op) or op.schemas
        made = [Signature(self.name, s, self.as_method, has_out) for s in schemas]
        for parameter in [p for one in made for p in one.parameters]:
            parameter.alone = len(made) == 1
        # A 0-d tensor is an int only where no overload takes a tensor in its place.
        return sorted(made, key=lambda one: -sum(p.base == "Tensor" for p in one.parameters))

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """Raises what PyTorch raises for arguments that no overload takes. Others are answered by
        None; or by what to call with instead: Python's numbers for other kinds of them."""
        if kwargs:
            values: Sequence[Any] = (*args, *kwargs.values())
            key: tuple[Any, ...] = (*map(type, values), *kwargs)
        else:
            values = args
            key = tuple(map(type, args))
        lists = self.known.get(key)
        if lists is None:
            return self.look(args, kwargs, key)
        for place, kind in lists:
            for one in values[place]:
                if type(one) is not kind:
                    return self.look(args, kwargs, key)
        return None

    def is_certain(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the classes of these arguments alone decided that they were accepted."""
        return self.known.get((*map(type, (*args, *kwargs.values())), *kwargs)) == ()

    def look(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], key: tuple[Any, ...]
    ) -> Call | None:
        found = self.choose(args, kwargs)
        changed: dict[Any, Any] = {}
        lists: list[tuple[int, type]] = []
        certain = True
        names = list(kwargs)
        for parameter, where, value in found:
            refuse_long(self.name, parameter, value)
            new = plain_value(self.name, parameter, value)
            if new is not value:
                changed[where] = new
            if where == "*":
                certain = certain and all(type(one) is int for one in value)
            elif isinstance(value, (tuple, list)) and parameter.is_list:
                kind = int if parameter.base == "int" else type(value[0]) if value else None
                certain = certain and kind is not None and all(type(v) is kind for v in value)
                place = where if type(where) is int else len(args) + names.index(where)
                lists.append((place, kind or int))
            elif parameter.base != "Any":
                tensor = isinstance(value, Tensor) and parameter.base == "Tensor"
                certain = certain and (tensor or type(value) in PLAIN)
        if changed:
            if "*" in changed:
                return tuple(changed["*"]), kwargs
            return (
                tuple([changed.get(k, v) for k, v in enumerate(args)]),
                {n: changed.get(n, v) for n, v in kwargs.items()},
            )
        if certain:
            remember(self.known, key, tuple(lists))
        return None

    def refuse_long(self, given: Mapping[str, Any]) -> None:
        """Raises PyTorch's error where a call failed on ints beyond 64 bits, which a look at
        classes alone has let pass."""
        for parameter in [p for one in self.signatures for p in one.parameters]:
            value = given.get(parameter.name)
            if parameter.is_list or type(value) is int:
                refuse_long(self.name, parameter, value)

    def refuse_long_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The same of a call as it was given."""
        if any(map(is_long, (*args, *kwargs.values()))):
            tried = (one.bind(args, kwargs, False) for one in self.signatures)
            for parameter, _, value in next(filter(None, tried), ()):
                refuse_long(self.name, parameter, value)

    def choose(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[tuple[Parameter, Any, Any]]:
        """What the first overload that takes the arguments makes of them."""
        if len(self.signatures) == 1:
            only = self.signatures[0].bind(args, kwargs, True)
            assert only is not None
            return only
        for one in self.signatures:
            found = one.bind(args, kwargs, False)
            if found is not None:
                return found
        count = len(args) + len(kwargs)
        plausible = [s for s in self.signatures if s.required <= count <= len(s.parameters)]
        if len(plausible) == 1:
            plausible[0].bind(args, kwargs, True)
        raise TypeError(no_overload(self.name, args, kwargs, self.signatures))


def is_long(value: Any) -> bool:
    """Whether an argument is or holds an int beyond 64 bits."""
    if isinstance(value, (tuple, list)):
        return any(type(one) is int and not -(2**63) <= one < 2**63 for one in value)
    return type(value) is int and not -(2**63) <= value < 2**63


def refuse_long(name: str, parameter: Parameter, value: Any) -> None:
    """Raises PyTorch's error for ints beyond 64 bits."""
    if parameter.base != "int" or not is_long(value):
        return
    if not parameter.is_list:
        raise ValueError("Overflow when unpacking long long")
    several = value if isinstance(value, (tuple, list)) else (value,)
    place = [is_long(one) for one in several].index(True)
    raise TypeError(
        f"{name}(): argument '{parameter.name}' failed to unpack the object at pos {place + 1} "
        f"{UNPACKING}"
    )


def explain(error: Exception) -> None:
    """Raises PyTorch's error where a call failed with another of Python's or NumPy's."""
    text = str(error)
    if isinstance(error, MemoryError):
        raise RuntimeError(f"DefaultCPUAllocator: can't allocate memory: {text}") from error
    if isinstance(error, OverflowError) and text.startswith("Python int too large"):
        raise RuntimeError("value cannot be converted to type int64_t without overflow") from error
    # Sizes that a function has computed of its arguments; and NumPy's words for such ones.
    if (type(error) is TypeError and text.endswith(UNPACKING)) or (
        type(error) is ValueError and text.startswith(("array is too big", "Maximum allowed size"))
    ):
        raise RuntimeError("Storage size calculation overflowed") from error


def plain_value(name: str, parameter: Parameter, value: Any) -> Any:
    """Python's number for a number of another kind; the value itself where it is plain."""
    kind = type(value)
    base = parameter.base
    if parameter.is_list:
        if base != "int" or kind is int or value is None:
            return value
        if kind not in (tuple, list) and not isinstance(value, (tuple, list)):
            return int(value.__index__())
        if all(type(one) is int for one in value):
            return value
        for place, one in enumerate(value):
            if not hasattr(one, "__index__"):
                raise TypeError(
                    f"{name}(): argument '{parameter.name}' failed to unpack the object at pos "
                    f'{place + 1} with error "type must be {parameter.type_name},but got '
                    f'{type_name(one)}"'
                )
        return tuple([int(one.__index__()) for one in value])
    if kind in PLAIN:
        return PYTHON_TYPES[value] if base == "ScalarType" and kind is type else value
    if base == "int":
        return int(value.__index__())
    if base in ("float", "Scalar") and isinstance(value, (Tensor, np.generic)):
        return value.item()
    return value


def no_overload(
    name: str,
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
    signatures: Iterable[Signature],
) -> str:
    """PyTorch's text for arguments that fit none of several overloads."""
    args = tuple(args)
    given = [type_name(v) for v in args]
    given += [f"{k}={type_name(v)}" for k, v in kwargs.items()]
    text = f"{name}() received an invalid combination of arguments - got ({', '.join(given)}"
    text += f"{', ' if kwargs and not args else ''}), but expected one of:\n"
    for one in signatures:
        text += f" * {one}\n"
        names = {p.name for p in one.parameters}
        # PyTorch counts the star, and out= only where it is given.
        starred = any(p.keyword_only for p in one.parameters)
        count = len(one.parameters) + starred - ("out" in names and "out" not in kwargs)
        if count != len(given):
            continue
        foreign = [n for n in kwargs if n not in names]
        if foreign:
            text += "      didn't match because some of the keywords were incorrect: "
            text += f"{', '.join(foreign)}\n"
        else:
            text += "      didn't match because some of the arguments have invalid types: "
            text += f"({', '.join(kinds(one, args, kwargs))})\n"
    return text


def kinds(one: Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """The types of a call's arguments, those between exclamation marks that do not fit."""
    words = []
    for place, (parameter, value) in enumerate(zip(one.parameters, args, strict=False)):
        words.append(marked(parameter, value, place))
    for parameter in one.parameters:
        if parameter.name in kwargs:
            word = marked(parameter, kwargs[parameter.name], 0)
            words.append(f"{word[:1] if word[0] == '!' else ''}{parameter.name}={word.lstrip('!')}")
    return words


def marked(parameter: Parameter, value: Any, place: int) -> str:
    word = type_name(value)
    if isinstance(value, (tuple, list)):
        inner = ", ".join([type_name(v) for v in value])
        word = f"{word} of {f'({inner})' if isinstance(value, tuple) else f'[{inner}]'}"
    fits = value is None and parameter.takes_none
    return word if fits or parameter.accepts(value, place) else f"!{word}!"


def inherited(op: Op) -> tuple[Schema, ...] | None:
    """The schemas of the record that an in-place form passes its arguments on to; nothing if it is
    not known which; None if the record's own schemas say what it takes."""
    forward = getattr(op, "forward", None)
    if forward is None or list(op.types) != ["self"]:
        return None
    kinds = [p.kind for p in inspect.signature(forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return None
    of = registry.get(op.name.removesuffix("_"))
    return of.schemas if of is not None and of is not op else ()


def overloads_of(op: Op, as_method: bool = False) -> Overloads | None:
    """What looks at the arguments of a record's calls; None if nothing is to be looked at."""
    if op.namespace in ("internal", "private") or not op.checked or inherited(op) == ():
        return None
    return Overloads(op, as_method, op.name)
