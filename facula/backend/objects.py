"""Objects with slots made, filled and given back by generated code instead of by bytecode.

A tensor is two objects with fifteen slots; writing them from Python takes longer than adding 64
floats. The built-ins made here do the same from LLVM IR, by CPython's API and the places of the
slots, which are found by looking at an instance. Where that finds nothing (another interpreter, a
build without the lock), `supported()` is false and the plain definitions in Python stand.
Note [generated objects].
"""

import ctypes
import platform
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from facula.backend import llvm
from facula.config import config

METH_FASTCALL, METH_KEYWORDS, METH_NOARGS, METH_O = 0x80, 0x02, 0x04, 0x08
WORD = 8
TUPLE_ITEMS, BYTES_CONTENT = 3 * WORD, 4 * WORD

API = (
    "PyType_GenericAlloc", "PyType_IsSubtype", "Py_IncRef", "Py_DecRef", "PyLong_AsLongLong",
    "PyLong_FromLongLong", "PyErr_Occurred", "PyErr_Format", "PyObject_CallOneArg",
    "PyWeakref_NewRef", "PyList_Append", "PyFloat_AsDouble",
    "PyFloat_FromDouble", "PyBool_FromLong",
)  # fmt: skip

HEAD = """
declare ptr @PyType_GenericAlloc(ptr, i64)
declare i32 @PyType_IsSubtype(ptr, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare double @PyFloat_AsDouble(ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyBool_FromLong(i64)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyErr_Occurred()
declare ptr @PyErr_Format(ptr, ptr, ...)
declare ptr @PyObject_CallOneArg(ptr, ptr)
declare ptr @PyWeakref_NewRef(ptr, ptr)
declare i32 @PyList_Append(ptr, ptr)
"""


class MethodDefinition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("entry", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


# PyMethodDefs, and objects that generated code holds by their address.
_keep: list[object] = []


_new_function = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)(("PyCFunction_NewEx", ctypes.pythonapi))
_new_bound_function = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
)(("PyCFunction_NewEx", ctypes.pythonapi))
_new_method = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
    ("PyDescr_NewMethod", ctypes.pythonapi)
)


def _define(name: str, entry: int, flags: int, words: str | None = None) -> MethodDefinition:
    definition = MethodDefinition(name.encode(), entry, flags, words and words.encode())
    _keep.append(definition)
    return definition


@cache
def _definition(name: str, entry: int, flags: int) -> MethodDefinition:
    """One definition serves all built-ins that differ in what they are bound to."""
    return _define(name, entry, flags)


def bound(name: str, entry: int, flags: int, owner: object) -> Callable[..., Any]:
    """A built-in whose machine code gets an object as its first argument."""
    made: Callable[..., Any] = _new_bound_function(
        ctypes.addressof(_definition(name, entry, flags)), owner, None
    )
    return made


def builtin(name: str, entry: int, flags: int) -> Callable[..., Any]:
    """A Python built-in over the machine code at an address."""
    made: Callable[..., Any] = _new_function(
        ctypes.addressof(_define(name, entry, flags)), None, None
    )
    return made


def method(cls: type, name: str, entry: int) -> Callable[..., Any]:
    """A built-in method without arguments of a class, with the words of the one it replaces."""
    words = getattr(cls, name).__doc__
    definition = _define(name, entry, METH_NOARGS, words)
    made: Callable[..., Any] = _new_method(cls, ctypes.addressof(definition))
    return made


class StandIn:
    """A built-in that calls a Python function until generated code takes its place.

    So it can be imported by name before LLVM is loaded. CPython's own functions that call an object
    have just the signatures that built-ins need.
    """

    def __init__(self, name: str, plain: Callable[..., Any], flags: int) -> None:
        caller = "PyObject_CallOneArg" if flags == METH_O else "PyObject_Vectorcall"
        entry = ctypes.cast(getattr(ctypes.pythonapi, caller), ctypes.c_void_p).value
        assert entry is not None
        self._definition = _define(name, entry, flags)
        self.call: Any = _new_bound_function(ctypes.addressof(self._definition), plain, None)

    def replace(self, entry: int) -> None:
        """From now on calls go to the machine code at an address."""
        self._definition.entry = entry


class Missing(Exception):
    """This interpreter keeps something elsewhere than generated code would look for it."""


def slot_offset(cls: type, name: str) -> int:
    """Where in an instance the reference of a slot lies, in bytes: found by writing one."""
    made: Any = (list if issubclass(cls, list) else object).__new__(cls)
    mark = object()
    descriptor: Any = cls.__dict__[name]
    descriptor.__set__(made, mark)
    found = [
        place
        for place in range(2 * WORD, cls.__basicsize__, WORD)
        if ctypes.c_void_p.from_address(id(made) + place).value == id(mark)
    ]
    descriptor.__delete__(made)
    if len(found) != 1:
        raise Missing(f"slot {name} of {cls.__name__}")
    return found[0]


def check_layout() -> None:
    """Raises Missing unless objects begin with count and type, lists hold size and items, tuples
    their items, and bytes their content."""

    def word(address: int) -> int | None:
        return ctypes.c_void_p.from_address(address).value

    first, second = object(), object()
    row = [first, second]
    items = word(id(row) + 3 * WORD)
    if (
        word(id(first) + WORD) != id(object)
        or word(id(row) + 2 * WORD) != 2
        or items is None
        or word(items) != id(first)
        or word(items + WORD) != id(second)
    ):
        raise Missing("object or list")
    pair, text = (first, second), b"abcdefgh"
    if (
        word(id(pair) + TUPLE_ITEMS) != id(first)
        or word(id(pair) + TUPLE_ITEMS + WORD) != id(second)
        or word(id(text) + BYTES_CONTENT) != int.from_bytes(text, sys.byteorder)
    ):
        raise Missing("tuple or bytes")


def supported() -> bool:
    """Whether generated code may handle objects here."""
    return (
        config.backend != "interpreter"
        and platform.python_implementation() == "CPython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and sys.maxsize == 2**63 - 1
    )


class Code:
    """The IR of some functions over objects, and the Python objects it names."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.objects: dict[str, object] = {}
        self.texts: list[str] = []
        self._count = 0

    def name(self, label: str, value: object) -> str:
        """Makes a Python object known to the code by a name; returns how the code calls it."""
        self.objects[f"facula_{label}"] = value
        return f"@facula_{label}"

    def fresh(self, stem: str = "t") -> str:
        self._count += 1
        return f"%{stem}.{self._count}"

    def load(self, owner: str, offset: int) -> tuple[str, list[str]]:
        """The (borrowed) reference in a slot."""
        place, value = self.fresh("p"), self.fresh("v")
        return value, [
            f"  {place} = getelementptr i8, ptr {owner}, i64 {offset}",
            f"  {value} = load ptr, ptr {place}, align 8",
        ]

    def store(self, owner: str, offset: int, value: str, owned: bool = False) -> list[str]:
        """Writes a reference into an empty slot, which takes one of its own unless `owned`."""
        place = self.fresh("p")
        lines = [] if owned else [f"  call void @Py_IncRef(ptr {value})"]
        return [
            *lines,
            f"  {place} = getelementptr i8, ptr {owner}, i64 {offset}",
            f"  store ptr {value}, ptr {place}, align 8",
        ]

    def complaint(self, text: str) -> str:
        """Instructions that raise TypeError with a text."""
        label = f"text{len(self.texts)}"
        raw = text.encode()
        self.texts.append(
            f'@{label} = private constant [{len(raw) + 1} x i8] c"{raw.decode()}\\00"'
        )
        kind = self.name("TypeError", TypeError)
        return (
            f"  %never.{label} = call ptr (ptr, ptr, ...) @PyErr_Format(ptr {kind}, ptr @{label})"
        )

    def module(self) -> str:
        names = [f"@{name} = external global i8" for name in sorted(self.objects)]
        return "\n".join([*names, *self.texts, HEAD, *self.functions])


def link(code: Code, symbols: Sequence[str], compile_text: Callable[[str], bytes]) -> list[int]:
    """Addresses of functions in the code, which is compiled and loaded."""
    for name in API:
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        assert address is not None
        llvm.define_symbol(name, address)
    for name, value in code.objects.items():
        _keep.append(value)
        llvm.define_symbol(name, id(value))
    image = compile_text(code.module())
    return [llvm.link(image, symbols[0]), *[llvm.link_address(s) for s in symbols[1:]]]
