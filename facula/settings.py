"""Settings of the whole process that PyTorch has, and what each of them means here.

Kernels split work by the problem, never by the number of threads, and reductions use no atomics:
results are the same bits every time, so deterministic algorithms are all there are. The setting is
kept for programs that ask for it.
"""

import importlib
from types import ModuleType
from typing import Any

from facula.meta.device import CPU, check_cpu
from facula.meta.device import device as Device
from facula.tensor import Tensor

__all__ = [
    "are_deterministic_algorithms_enabled", "compiled_with_cxx11_abi", "get_default_device",
    "get_deterministic_debug_mode", "get_device_module", "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled", "is_storage",
    "is_vulkan_available", "is_warn_always_enabled",
    "set_default_device", "set_deterministic_debug_mode", "set_flush_denormal",
    "set_num_interop_threads", "set_warn_always", "typename", "use_deterministic_algorithms",
]  # fmt: skip

MODES = ("default", "warn", "error")

_deterministic = 0
_warn_always = False
_interop_threads = 1


# --- determinism ---------------------------------------------------------------------------------


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for the same results every time, which is how it always is here.

    Raises TypeError for a mode that is no bool.

    >>> import facula as torch
    >>> torch.use_deterministic_algorithms(True)
    >>> torch.are_deterministic_algorithms_enabled()
    True
    >>> torch.use_deterministic_algorithms(False)
    """
    global _deterministic
    if not isinstance(mode, bool):
        raise TypeError(
            "_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not "
            f"{type(mode).__name__}"
        )
    _deterministic = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """True if the program has asked for the same results every time.

    >>> import facula as torch
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    return _deterministic > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """True if it has asked for warnings instead of errors.

    >>> import facula as torch
    >>> torch.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return _deterministic == 1


def get_deterministic_debug_mode() -> int:
    """0 by default, 1 if warnings were asked for, 2 if errors.

    >>> import facula as torch
    >>> torch.get_deterministic_debug_mode()
    0
    """
    return _deterministic


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by number or word: "default", "warn" or "error".

    Raises RuntimeError for another number or word, TypeError for neither.

    >>> import facula as torch
    >>> torch.set_deterministic_debug_mode("default")
    """
    global _deterministic
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str) and debug_mode not in MODES:
        raise RuntimeError(
            "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
            f"{debug_mode}"
        )
    number = MODES.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    if number not in range(len(MODES)):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {number}")
    _deterministic = number


# --- threads, warnings, numbers ------------------------------------------------------------------


def get_num_interop_threads() -> int:
    """How many threads run whole operations beside each other: as set; the work is one by one.

    >>> import facula as torch
    >>> torch.get_num_interop_threads() > 0
    True
    """
    return _interop_threads


def set_num_interop_threads(count: int) -> None:
    """Keeps a number of threads for operations beside each other; they run one by one here.

    Raises RuntimeError for what is no positive integer. PyTorch takes it only once.

    >>> import facula as torch
    >>> torch.set_num_interop_threads(1)
    """
    global _interop_threads
    if not isinstance(count, int) or isinstance(count, bool):
        raise RuntimeError(
            f"set_num_interop_threads expects an int, but got {type(count).__name__}"
        )
    if count <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _interop_threads = count


def set_flush_denormal(mode: bool) -> bool:
    """False: very small numbers are always kept as they are; this machine is not set otherwise.

    >>> import facula as torch
    >>> torch.set_flush_denormal(False)
    False
    """
    if not isinstance(mode, bool):
        raise RuntimeError(f"flush_denormal expects a bool, but got {type(mode).__name__}")
    return False


def set_warn_always(b: bool, /) -> None:
    """Keeps whether warnings are wanted every time; Python's filters decide about them.

    >>> import facula as torch
    >>> torch.set_warn_always(False)
    """
    global _warn_always
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _warn_always = b


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was given.

    >>> import facula as torch
    >>> torch.is_warn_always_enabled()
    False
    """
    return _warn_always


# --- devices -------------------------------------------------------------------------------------


def get_default_device() -> Device:
    """Where tensors are made unless said otherwise: on the CPU.

    >>> import facula as torch
    >>> torch.get_default_device()
    device(type='cpu')
    """
    return CPU


def set_default_device(device: Any) -> None:
    """Has tensors made on a device from now on: "cpu" (or None), for there is no other.

    Raises RuntimeError or AssertionError for a device that is not there.

    >>> import facula as torch
    >>> torch.set_default_device("cpu")
    >>> torch.zeros(2).device
    device(type='cpu')
    >>> torch.set_default_device(None)
    """
    if device is not None:
        check_cpu(device)


# --- names ---------------------------------------------------------------------------------------


def typename(obj: object, /) -> str:
    """The name of a tensor's type, such as torch.FloatTensor; of others that of class and module.

    >>> import facula as torch
    >>> torch.typename(torch.tensor([1, 2])), torch.typename("text")
    ('torch.LongTensor', 'str')
    """
    if isinstance(obj, Tensor):
        name: str = obj.type()
        return name
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", None) or ""
    name = str(getattr(kind, "__qualname__", ""))
    return name if module in ("", "builtins") else f"{module}.{name}"


def is_storage(obj: object, /) -> bool:
    """True if the object is a storage, with or without a dtype.

    >>> import facula as torch
    >>> torch.is_storage(torch.UntypedStorage(2)), torch.is_storage(torch.zeros(2))
    (True, False)
    """
    return hasattr(obj, "untyped") and hasattr(obj, "data_ptr")


def is_vulkan_available() -> bool:
    """False: there is no Vulkan device.

    >>> import facula as torch
    >>> torch.is_vulkan_available()
    False
    """
    return False


def compiled_with_cxx11_abi() -> bool:
    """True: nothing here is linked with C++, which could be of an older kind.

    >>> import facula as torch
    >>> torch.compiled_with_cxx11_abi()
    True
    """
    return True


def get_device_module(device: Any = None) -> ModuleType:
    """The module of a kind of device, such as torch.cuda; of the CPU unless given.

    >>> import facula as torch
    >>> torch.get_device_module("cuda") is torch.cuda
    True
    """
    kind = "cpu" if device is None else Device(device).type
    if kind not in ("cpu", "cuda", "mps", "mtia", "xpu"):
        raise RuntimeError(
            f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'."
        )
    return importlib.import_module(f"facula.{kind}")
