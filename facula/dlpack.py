"""DLPack: arrays handed from one library to another without a copy, as capsules.

NumPy makes and consumes the capsules, deleters included; what is done here is to write another
element type into one before it goes out, or to read it before it comes in: bfloat16 and complex32
are types that NumPy lacks. Tensors are not known here. See the specification of DLPack 1.0.
"""

import ctypes
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from facula.late import Late
from facula.meta.dtype import bfloat16, complex32, dtype, of_numpy

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")


class DLDeviceType(IntEnum):
    """Kinds of devices, as DLPack numbers them.

    >>> import facula as torch
    >>> torch.utils.dlpack.DLDeviceType.kDLCPU.value
    1
    """

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17


CPU = (DLDeviceType.kDLCPU, 0)
# Name of a capsule: where its DLTensor begins. In a DLTensor, after data, device and ndim, the
# element type lies at byte 20: code, bits, lanes.
STARTS = {b"dltensor": 0, b"dltensor_versioned": 32}
ELEMENT = 20
# Types that NumPy lacks: DLPack's (code, bits), and the code of unsigned numbers to pass as.
FOREIGN = {bfloat16: (4, 16), complex32: (5, 32)}
UNSIGNED = 1
USED = (
    "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
    "once, so you might have already constructed a tensor from it once."
)

_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_is_valid.restype = ctypes.c_int
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_pointer.restype = ctypes.c_void_p


def _element(capsule: object) -> "ctypes.Array[ctypes.c_uint8]":
    """Code and bits of a capsule's element type, in place."""
    for name, start in STARTS.items():
        if _is_valid(capsule, name):
            return (ctypes.c_uint8 * 2).from_address(_pointer(capsule, name) + start + ELEMENT)
    raise RuntimeError(USED)


def carrier(kind: dtype) -> "np.dtype":
    """NumPy's dtype for the bits of one that it lacks."""
    return np.dtype(f"u{kind.itemsize}")


def outgoing(array: "np.ndarray", kind: dtype, max_version: tuple[int, int] | None) -> object:
    """A capsule over an array's memory whose elements are said to be of a dtype."""
    words = {} if max_version is None else {"max_version": max_version}
    try:
        capsule = array.__dlpack__(**words)  # type: ignore[arg-type]
    except TypeError:  # NumPy before 2.1 makes capsules of the first form only
        capsule = array.__dlpack__()
    if kind in FOREIGN:
        _element(capsule)[:] = list(FOREIGN[kind])
    return capsule


class _Given:
    """Hands one capsule to `numpy.from_dlpack`."""

    def __init__(self, capsule: object) -> None:
        self.capsule = capsule

    def __dlpack__(self, **words: Any) -> object:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def incoming(given: Any) -> "tuple[np.ndarray, dtype]":
    """The memory of a capsule, or of an object that makes one, as an array and the dtype of its
    elements; where NumPy lacks that, an array of the bits."""
    make: Callable[..., object] | None = getattr(given, "__dlpack__", None)
    capsule = given
    if make is not None:
        where = given.__dlpack_device__()
        if int(where[0]) not in (DLDeviceType.kDLCPU, DLDeviceType.kDLCUDAHost):
            raise AssertionError(
                f"from_dlpack: the data are on device {tuple(map(int, where))}, not on the CPU; "
                "Torch not compiled with CUDA enabled"
            )
        try:
            capsule = make(max_version=(1, 0))
        except TypeError:  # from before versions
            capsule = make()
    element = _element(capsule)
    said = tuple(element)
    for kind, words in FOREIGN.items():
        if said == words:
            element[0] = UNSIGNED
            bits = np.from_dlpack(_Given(capsule))  # type: ignore[arg-type]
            return bits, kind
    array = np.from_dlpack(_Given(capsule))  # type: ignore[arg-type]
    return array, of_numpy(array.dtype)
