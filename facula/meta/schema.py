"""PyTorch's schema strings: "add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor".

`parse` reads one into frozen data, `signature` writes it as Python. What the types accept and how
arguments are bound is decided above; nothing here knows tensors.
"""

import ast
import re
from dataclasses import dataclass, replace
from functools import cache

from facula.meta.dtype import ALIASES, BY_NAME


class _Required:
    """The default of an argument that has none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "REQUIRED"

    def __reduce__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: `Tensor(a!) self`, `int[1]? dim=None`.

    `type` is written without alias and length, and SymInt as int: "Tensor", "int[]?". `base` is the
    type of one element. `alias` is "a" for a view, "a!" for what is written to.
    """

    name: str
    type: str
    default: object = REQUIRED
    keyword_only: bool = False
    alias: str | None = None
    length: int | None = None  # 2 in int[2]: one int stands for that many
    varargs: bool = False  # as a method: x.view(2, 3) as well as x.view((2, 3))

    @property
    def base(self) -> str:
        return self.type.rstrip("?[]")

    @property
    def is_list(self) -> bool:
        return "[]" in self.type

    @property
    def is_optional(self) -> bool:
        return self.type.endswith("?")

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    @property
    def is_written(self) -> bool:
        return self.alias is not None and "!" in self.alias


@dataclass(frozen=True, slots=True)
class Return:
    """One result; `name` is "" where the schema gives none."""

    type: str
    name: str = ""
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """A parsed schema; `str` gives the text it was read from.

    >>> parse("mean.dim(Tensor self, int[1]? dim, bool keepdim=False) -> Tensor").overload
    'dim'
    """

    name: str
    overload: str
    arguments: tuple[Argument, ...]
    returns: tuple[Return, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def positional(self) -> tuple[Argument, ...]:
        return tuple([one for one in self.arguments if not one.keyword_only])

    @property
    def keyword_only(self) -> tuple[Argument, ...]:
        return tuple([one for one in self.arguments if one.keyword_only])

    @property
    def is_view(self) -> bool:
        """A result shares memory with an argument that is not written to."""
        return any(one.alias and "!" not in one.alias for one in self.returns)

    @property
    def is_inplace(self) -> bool:
        """The first argument is written to: `add_`."""
        return bool(self.arguments) and self.arguments[0].is_written

    def argument(self, name: str) -> Argument:
        for one in self.arguments:
            if one.name == name:
                return one
        raise KeyError(f"{self.name} has no argument '{name}'")


# --- reading -------------------------------------------------------------------------------------

_SCHEMA = re.compile(r"(?:aten::)?(\w+)(?:\.(\w+))?\((.*)\)\s*->\s*(.+)", re.DOTALL)
_TYPE = re.compile(r"(\w+)(?:\(([^()]*)\))?((?:\?|\[\d*\])*)")
_LENGTH = re.compile(r"\[(\d+)\]")
# The reductions of losses, by PyTorch's numbers.
_WORDS: dict[str, object] = {"None": None, "True": True, "False": False, "Mean": 1, "Sum": 2}


@cache
def parse(text: str) -> Schema:
    """The schema written in `text`.

    >>> parse("relu(Tensor self) -> Tensor").arguments[0].name
    'self'
    """
    matched = _SCHEMA.fullmatch(text.strip())
    if matched is None:
        raise ValueError(f"expected a schema 'name(arguments) -> returns', got {text!r}")
    name, overload, inside, results = matched.groups()
    arguments, keyword_only = [], False
    for part in _parts(inside, text):
        if part == "*":
            keyword_only = True
        else:
            arguments.append(_argument(part, keyword_only, text))
    names = [one.name for one in arguments]
    if len(set(names)) != len(names):
        raise ValueError(f"an argument is named twice in schema {text!r}")
    return Schema(name, overload or "", _with_varargs(arguments), _returns(results, text), text)


def _argument(part: str, keyword_only: bool, text: str) -> Argument:
    declared, equals, literal = part.partition("=")
    written, _, name = declared.strip().rpartition(" ")
    if not name.isidentifier():
        raise ValueError(f"expected 'type name' or 'type name=default', got {part!r} in {text!r}")
    type_, alias, length = _type(written, text)
    default = _default(literal.strip(), type_, length, text) if equals else REQUIRED
    return Argument(name, type_, default, keyword_only, alias, length)


def _type(written: str, text: str) -> tuple[str, str | None, int | None]:
    matched = _TYPE.fullmatch(written.strip())
    if matched is None:
        raise ValueError(f"{written!r} is not a type, in schema {text!r}")
    base, alias, suffix = matched.groups()
    sized = _LENGTH.search(suffix)
    plain = base.replace("SymInt", "int").replace("SymBool", "bool") + _LENGTH.sub("[]", suffix)
    return plain, alias, int(sized[1]) if sized else None


def _default(literal: str, type_: str, length: int | None, text: str) -> object:
    value = _literal(literal, text)
    if "[]" not in type_ or value is None:
        return value
    if isinstance(value, list):
        return tuple(value)
    return (value,) * (length or 1)


def _literal(literal: str, text: str) -> object:
    if literal in _WORDS:
        return _WORDS[literal]
    if literal in ALIASES or literal in BY_NAME:
        return ALIASES.get(literal) or BY_NAME[literal]
    if literal.isidentifier():
        return literal  # a memory format or layout, by name
    try:
        value: object = ast.literal_eval(literal)
    except (SyntaxError, ValueError):
        raise ValueError(f"{literal!r} is not a default value, in schema {text!r}") from None
    return value


def _returns(results: str, text: str) -> tuple[Return, ...]:
    inside = results.strip()
    several = inside.startswith("(") and inside.endswith(")")
    found = []
    for part in _parts(inside[1:-1] if several else inside, text):
        matched = re.fullmatch(r"(.*?)(?:\s+([A-Za-z_]\w*))?", part)
        assert matched is not None  # the pattern takes every line
        type_, alias, _ = _type(matched[1], text)
        found.append(Return(type_, matched[2] or "", alias))
    return tuple(found)


def _parts(text: str, whole: str) -> list[str]:
    """The text between the commas that stand in no bracket and no string."""
    parts, depth, quote, start = [], 0, "", 0
    position = 0
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    if depth or quote:
        raise ValueError(f"a bracket or a string is left open in schema {whole!r}")
    last = text[start:].strip()
    return [*parts, last] if last or parts else []


def _with_varargs(arguments: list[Argument]) -> tuple[Argument, ...]:
    """torch takes x.permute(1, 0) where an int list is all that a method takes by position."""
    own = [one for one in arguments if not one.keyword_only and one.name != "self"]
    if len(own) != 1 or own[0].type not in ("int[]", "int[]?"):
        return tuple(arguments)
    one = own[0]
    flagged = replace(one, varargs=True)
    return tuple([flagged if each is one else each for each in arguments])


# --- writing -------------------------------------------------------------------------------------

_PYTHON_TYPES = {
    "Scalar": "float", "str": "str", "int": "int", "float": "float", "bool": "bool",
    "Tensor": "Tensor", "ScalarType": "dtype", "Device": "device", "Layout": "layout",
    "MemoryFormat": "memory_format", "Generator": "Generator", "Storage": "UntypedStorage",
}  # fmt: skip
_TYPE_NAMES = {"Layout": "layout", "MemoryFormat": "memory_format"}


def signature(schema: Schema, *, self_name: str = "self", typed: bool = False) -> str:
    """The schema as a Python signature; `self_name` is "input" for torch's functions.

    >>> signature(parse("add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"))
    'add(self, other, *, alpha=1)'
    """
    written = [_written(one, self_name, typed) for one in schema.positional]
    if schema.keyword_only:
        written += ["*", *(_written(one, self_name, typed) for one in schema.keyword_only)]
    text = f"{schema.name}({', '.join(written)})"
    return f"{text} -> {_returned(schema)}" if typed else text


def _written(one: Argument, self_name: str, typed: bool) -> str:
    text = self_name if one.name == "self" else one.name
    if typed:
        single = "int | " if one.length and one.base == "int" else ""  # 3 for (3, 3)
        text += f": {single}{_python_type(one.type)}"
    if one.is_required:
        return text
    value = str(one.default) if one.base in _TYPE_NAMES and one.default else repr(one.default)
    return f"{text} = {value}" if typed else f"{text}={value}"


def _python_type(type_: str) -> str:
    base = type_.rstrip("?[]")
    text = _PYTHON_TYPES.get(base, base)
    for suffix in re.findall(r"\?|\[\]", type_[len(base) :]):
        if suffix == "?":
            text += " | None"
        else:
            text = f"Sequence[{text}]"
    return text


def _returned(schema: Schema) -> str:
    types = [_python_type(one.type).replace("Sequence[", "list[") for one in schema.returns]
    if len(types) == 1:
        return types[0]
    return f"tuple[{', '.join(types)}]" if types else "None"
