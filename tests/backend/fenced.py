"""Runs a plan's kernel on arrays that lie between guard bytes, and compares kernels on them."""

import ctypes
import mmap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from facula.kernel.plan import Plan

DTYPES = {
    "bool": np.bool_, "i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32,
    "i64": np.int64, "f16": np.float16, "bf16": np.uint16, "f32": np.float32, "f64": np.float64,
}  # fmt: skip
ROUNDING = {"f16": 2e-3, "bf16": 1e-2, "f32": 2e-6, "f64": 1e-13}
GUARD = 256
PAGE = mmap.PAGESIZE
Kernel = Callable[..., int]
Arrays = dict[str, np.ndarray]


class Between:
    """A copy of an array between guard bytes."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.room = np.full(array.nbytes + 2 * GUARD, 0xA5, np.uint8)
        self.room[GUARD : GUARD + array.nbytes] = array.reshape(-1).view(np.uint8)
        self.address = self.room.ctypes.data + GUARD

    def result(self) -> np.ndarray:
        inside = self.room[GUARD : GUARD + self.array.nbytes]
        assert (self.room[:GUARD] == 0xA5).all(), "bytes before an operand were written"
        assert (self.room[GUARD + self.array.nbytes :] == 0xA5).all(), "bytes behind an operand"
        return inside.view(self.array.dtype).reshape(self.array.shape)


class BeforeForbidden(Between):
    """A copy that ends where memory that must not be touched begins: reading too far ends the
    process.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        pages = -(-max(array.nbytes, 1) // PAGE) * PAGE
        self.map = mmap.mmap(-1, pages + PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        libc = ctypes.CDLL(None)
        assert libc.mprotect(ctypes.c_void_p(start + pages), ctypes.c_size_t(PAGE), 0) == 0
        self.address = start + pages - array.nbytes
        ctypes.memmove(self.address, array.ctypes.data, array.nbytes)

    def result(self) -> np.ndarray:
        raw = ctypes.string_at(self.address, self.array.nbytes)
        return np.frombuffer(raw, self.array.dtype).reshape(self.array.shape)


def run(
    plan: Plan,
    kernel: Kernel,
    values: Mapping[str, Any],
    place: type[Between] = Between,
) -> tuple[int, Arrays]:
    """Calls a kernel with arguments by name; arrays are copied first. The code, and the arrays
    after.
    """
    copies = {name: place(v) for name, v in values.items() if isinstance(v, np.ndarray)}
    given = {name: copies[name].address if name in copies else v for name, v in values.items()}
    code = kernel(*[given[p.name] for p in plan.parameters])
    return code, {name: copy.result() for name, copy in copies.items()}


def as_float(array: np.ndarray, kind: str) -> np.ndarray:
    if kind == "bf16":
        return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


def same(one: np.ndarray, other: np.ndarray, kind: str, within: float | None = None) -> None:
    """Equal, floats within rounding."""
    if kind not in ROUNDING:
        np.testing.assert_array_equal(one, other)
        return
    bound = ROUNDING[kind] if within is None else within
    left, right = as_float(one, kind), as_float(other, kind)
    np.testing.assert_allclose(left, right, rtol=bound, atol=bound)


def numbers(kind: str, count: int, seed: int = 0) -> np.ndarray:
    """Varied small numbers of a stored kind."""
    rng = np.random.default_rng(seed)
    if kind == "bool":
        return rng.integers(0, 2, count).astype(np.bool_)
    if kind in ROUNDING:
        values = rng.standard_normal(count).astype(np.float32)
        if kind == "bf16":
            return (values.view(np.uint32) >> 16).astype(np.uint16)
        return values.astype(DTYPES[kind])
    low = 0 if kind[0] == "u" else -100
    return rng.integers(low, 100, count).astype(DTYPES[kind])
