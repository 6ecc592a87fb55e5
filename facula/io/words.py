"""The words for plain Python and NumPy data: how they are spelled, and read back with checks.

Whatever a file passes to a maker is checked for its type first, so that a maker neither runs
foreign code nor allocates more than the file itself contains.
"""

import re
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from functools import partial
from math import prod
from pickle import PicklingError, UnpicklingError
from types import BuiltinFunctionType, FunctionType

import numpy as np

from facula.io.encoder import Call, Global

Maker = Callable[..., object]

# CPython hashes nested tuples by recursion in C, unguarded: a deep key could end the process, and
# one that holds the same tuple many times over could take for ever.
_DEEPEST_KEY = 64
_LARGEST_KEY = 10_000
_PLAIN_DTYPE = re.compile(r"[biufc][0-9]{1,2}|[SU][0-9]{1,9}", re.ASCII)


def printable(text: str) -> str:
    """A name from a file without what would steer a terminal, and not endlessly long."""
    return repr(text[:200])[1:-1]


def shown(value: object) -> str:
    """A short text about something from a file. Containers by type only: they may be endless."""
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    if type(value) is str or type(value) is bytes:
        return repr(value[:60])
    if value is None or type(value) in (bool, float):
        return repr(value)
    if type(value) is int and value.bit_length() <= 64:
        return repr(value)
    return f"an object of type {type(value).__name__}"


def check_key(key: object) -> object:
    """The key of a dictionary or element of a set, if its hash is a matter of few parts."""
    level, parts = [key], 0
    for _ in range(_DEEPEST_KEY):
        nested = [part for part in level if isinstance(part, tuple)]
        if not nested:
            return _hashable(key)
        parts += sum(map(len, nested))
        if parts > _LARGEST_KEY:
            break
        level = [item for part in nested for item in part]
    raise UnpicklingError("a dictionary key or set element is nested too deeply")


def _hashable(key: object) -> object:
    try:
        hash(key)
    except TypeError as error:
        raise UnpicklingError(f"a dictionary key or set element that is none: {error}") from None
    return key


def check_attributes(kind: type, state: object) -> dict[str, object]:
    """The state, if it is a dictionary of attributes that hides no method of the class."""
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise UnpicklingError(f"the state of a {kind.__name__} must be a dictionary of attributes")
    for name in state:
        if callable(getattr(kind, name, None)):
            raise UnpicklingError(f"the state of a {kind.__name__} would hide its method {name!r}")
    return state


# --- plain Python ---------------------------------------------------------------------------------


def _encode(text: str, encoding: str) -> bytes:
    """How protocol 2 spells bytes."""
    if type(text) is not str or type(encoding) is not str or encoding != "latin1":
        raise UnpicklingError("_codecs.encode may only spell bytes, in latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


def _byte_array(content: object = b"") -> bytearray:
    if type(content) is not bytes:
        raise UnpicklingError("bytearray wants bytes")
    return bytearray(content)


def _complex(real: object, imag: object) -> complex:
    if type(real) is not float or type(imag) is not float:
        raise UnpicklingError("complex wants two floats")
    return complex(real, imag)


def _set(elements: object = ()) -> set[object]:
    if type(elements) not in (list, tuple):
        raise UnpicklingError("a set wants a list of elements")
    return {check_key(element) for element in elements}  # type: ignore[attr-defined]


def _frozenset(elements: object = ()) -> frozenset[object]:
    return frozenset(_set(elements))


def _bounds(kind: type, *bounds: object) -> object:
    if len(bounds) != 3 or any(type(bound) not in (int, type(None)) for bound in bounds):
        raise UnpicklingError(f"{kind.__name__} wants three integers")
    return kind(*bounds)


def _ordered_dict(items: object = ()) -> "OrderedDict[object, object]":
    # Python 2 wrote the items as a list of pairs.
    if type(items) not in (list, tuple):
        raise UnpicklingError("OrderedDict wants a list of pairs")
    made: OrderedDict[object, object] = OrderedDict()
    for key, value in items:  # type: ignore[attr-defined]
        made[check_key(key)] = value
    return made


def _counter(counts: object = None) -> "Counter[object]":
    if counts is not None and type(counts) is not dict:
        raise UnpicklingError("Counter wants a dictionary")
    return Counter(counts)


def _defaultdict(factory: object = None) -> "defaultdict[object, object]":
    if factory is not None and not any(factory is known for known in FACTORIES):
        raise UnpicklingError(f"defaultdict may not call {shown(factory)}")
    made: defaultdict[object, object] = defaultdict()
    made.default_factory = factory  # type: ignore[assignment]
    return made


# --- NumPy ----------------------------------------------------------------------------------------


def _dtype(spelling: object, align: object = False, copy: object = False) -> "np.dtype[np.generic]":
    if type(spelling) is not str or not _PLAIN_DTYPE.fullmatch(spelling):
        raise UnpicklingError(f"numpy.dtype {shown(spelling)} is not a plain number or text")
    return np.dtype(spelling)


def check_dtype_state(state: object) -> None:
    """A dtype is complete when made; its state repeats it, and may not say anything else."""
    if type(state) is not tuple or len(state) not in (8, 9):
        raise UnpicklingError("malformed state of a numpy.dtype")
    has_parts = any(part is not None for part in state[2:5])
    if has_parts or type(state[1]) is not str or state[1] not in ("|", "=", "<"):
        raise UnpicklingError("a numpy.dtype with fields or of the other byte order")


def _scalar(dtype: object, content: object) -> np.generic:
    if not isinstance(dtype, np.dtype) or type(content) is not bytes:
        raise UnpicklingError("a numpy scalar wants a dtype and bytes")
    if not 0 < dtype.itemsize == len(content):
        raise UnpicklingError("a numpy scalar of the wrong length")
    return np.frombuffer(content, dtype)[0]


def _empty_array(kind: object, shape: object, code: object) -> "np.ndarray[tuple[int], np.dtype]":
    sizes = shape if type(shape) is tuple else ()
    if kind is not np.ndarray or len(sizes) != 1 or type(sizes[0]) is not int or sizes[0]:
        raise UnpicklingError("only plain numpy arrays")
    return np.empty(0, np.int8)


def restore_array(target: "np.ndarray", state: object) -> None:
    if type(state) is not tuple or len(state) != 5 or target.shape != (0,):
        raise UnpicklingError("malformed state of a numpy array")
    _, shape, dtype, fortran, content = state
    if type(fortran) not in (bool, int):
        raise UnpicklingError("malformed state of a numpy array")
    if not isinstance(dtype, np.dtype) or not dtype.itemsize or type(content) is not bytes:
        raise UnpicklingError("a numpy array of Python objects")
    is_shape = type(shape) is tuple and all(type(size) is int and size >= 0 for size in shape)
    if not is_shape or len(shape) > 32 or prod(shape) * dtype.itemsize != len(content):
        raise UnpicklingError("a numpy array whose bytes do not match its shape")
    try:
        target.__setstate__((1, shape, dtype, bool(fortran), content))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise UnpicklingError(f"a numpy array that is none: {error}") from None


def _reconstruct() -> None:
    """Stands for numpy's function of that name, which makes an array to be filled by its state."""


def _make_scalar() -> None:
    """Stands for numpy's function that makes a scalar from its bytes."""


FACTORIES: tuple[type, ...] = (list, dict, set, tuple, int, float, bool, str, OrderedDict)
_BUILTINS: tuple[type, ...] = (
    *(bool, bytearray, bytes, complex, dict, float, frozenset),
    *(int, list, range, set, slice, str, tuple),
)
PLAIN_NAMES: dict[str, object] = {
    "_codecs.encode": _encode,
    "collections.Counter": Counter,
    "collections.OrderedDict": OrderedDict,
    "collections.defaultdict": defaultdict,
    **{f"builtins.{kind.__name__}": kind for kind in _BUILTINS},
    "numpy.dtype": np.dtype,
    "numpy.ndarray": np.ndarray,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _make_scalar,
    "numpy._core.multiarray.scalar": _make_scalar,
}
PLAIN_MAKERS: tuple[tuple[object, Maker], ...] = (
    (_encode, _encode),
    (Counter, _counter),
    (OrderedDict, _ordered_dict),
    (defaultdict, _defaultdict),
    (bytearray, _byte_array),
    (bytes, _no_bytes),
    (complex, _complex),
    (set, _set),
    (frozenset, _frozenset),
    (range, partial(_bounds, range)),
    (slice, partial(_bounds, slice)),
    (np.dtype, _dtype),
    (_reconstruct, _empty_array),
    (_make_scalar, _scalar),
)


# --- spelling -------------------------------------------------------------------------------------


def numpy_call(value: object) -> Call | None:
    """How to spell an array, scalar or dtype of NumPy; None for anything else."""
    if isinstance(value, np.dtype):
        _, args, state = tuple(_plain(value).__reduce__())
        return Call(Global("numpy", "dtype"), args, state=state)
    if isinstance(value, np.generic):
        args = (_plain(value.dtype), value.tobytes())
        return Call(Global("numpy._core.multiarray", "scalar"), args)
    if type(value) is np.ndarray:
        fortran = value.flags.fnc
        state = (1, value.shape, _plain(value.dtype), fortran, value.tobytes("A"))
        args = (Global("numpy", "ndarray"), (0,), b"b")
        return Call(Global("numpy._core.multiarray", "_reconstruct"), args, state=state)
    return None


def _plain(dtype: "np.dtype") -> "np.dtype":
    if not _PLAIN_DTYPE.fullmatch(dtype.str[1:]) or not dtype.isnative or not dtype.itemsize:
        raise PicklingError(f"facula.save cannot write NumPy data of dtype {dtype}")
    return dtype
