"""torch.cuda as a build without CUDA answers: there is no device, and asking for one says so."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NoReturn

from facula.meta.device import device as Device
from facula.old import GPU_TENSORS
from facula.tensor import Tensor
from facula.typed_storage import OLD_STORAGES

NOT_COMPILED = "Torch not compiled with CUDA enabled"
has_half = True
has_magma = False
default_generators: tuple[Any, ...] = ()


class OutOfMemoryError(RuntimeError):
    """A GPU's memory is used up; a RuntimeError.

    >>> import facula as torch
    >>> issubclass(torch.cuda.OutOfMemoryError, RuntimeError)
    True
    """


class CudaError(RuntimeError):
    """What a CUDA call reports; a RuntimeError.

    >>> import facula as torch
    >>> issubclass(torch.cuda.CudaError, RuntimeError)
    True
    """


# --- there is none -------------------------------------------------------------------------------


def is_available() -> bool:
    """False: there is no GPU backend.

    >>> import facula as torch
    >>> torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


def device_count() -> int:
    """0: there is no GPU backend.

    >>> import facula as torch
    >>> torch.cuda.device_count()
    0
    """
    return 0


def is_initialized() -> bool:
    """False: there is no GPU backend.

    >>> import facula as torch
    >>> torch.cuda.is_initialized()
    False
    """
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: there is no GPU to ask.

    >>> import facula as torch
    >>> torch.cuda.is_bf16_supported()
    False
    """
    return False


def is_tf32_supported() -> bool:
    """False: there is no GPU to ask.

    >>> import facula as torch
    >>> torch.cuda.is_tf32_supported()
    False
    """
    return False


def is_current_stream_capturing() -> bool:
    """False: nothing is recorded.

    >>> import facula as torch
    >>> torch.cuda.is_current_stream_capturing()
    False
    """
    return False


def list_gpu_processes(device: Any = None) -> str:
    """What runs on GPUs, in words: there are none.

    >>> import facula as torch
    >>> print(torch.cuda.list_gpu_processes())
    no CUDA device
    """
    return "no CUDA device"


def get_arch_list() -> list[str]:
    """[]: no architecture was compiled for.

    >>> import facula as torch
    >>> torch.cuda.get_arch_list()
    []
    """
    return []


def get_gencode_flags() -> str:
    """'': nothing was compiled.

    >>> import facula as torch
    >>> torch.cuda.get_gencode_flags()
    ''
    """
    return ""


def empty_cache() -> None:
    """Does nothing: no GPU memory is held.

    >>> import facula as torch
    >>> torch.cuda.empty_cache()
    """


def memory_allocated(device: Any = None) -> int:
    """0 bytes: no GPU memory is held.

    >>> import facula as torch
    >>> torch.cuda.memory_allocated()
    0
    """
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0 bytes: no GPU memory was held.

    >>> import facula as torch
    >>> torch.cuda.max_memory_allocated()
    0
    """
    return 0


def memory_reserved(device: Any = None) -> int:
    """0 bytes: no GPU memory is held.

    >>> import facula as torch
    >>> torch.cuda.memory_reserved()
    0
    """
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0 bytes: no GPU memory was held.

    >>> import facula as torch
    >>> torch.cuda.max_memory_reserved()
    0
    """
    return 0


def memory_cached(device: Any = None) -> int:
    """0 bytes: the old name of `memory_reserved`.

    >>> import facula as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.cuda.memory_cached()
    0
    """
    return 0


def max_memory_cached(device: Any = None) -> int:
    """0 bytes: the old name of `max_memory_reserved`.

    >>> import facula as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.cuda.max_memory_cached()
    0
    """
    return 0


def memory_stats(device: Any = None) -> "OrderedDict[str, Any]":
    """No figures: no GPU memory is held.

    >>> import facula as torch
    >>> torch.cuda.memory_stats()
    OrderedDict()
    """
    return OrderedDict()


def memory_snapshot(*args: Any) -> list[Any]:
    """No blocks: no GPU memory is held.

    >>> import facula as torch
    >>> torch.cuda.memory_snapshot()
    []
    """
    return []


# --- random numbers: of no device ----------------------------------------------------------------


def manual_seed(seed: int) -> None:
    """Seeds the generator of the current device, as soon as there is one.

    >>> import facula as torch
    >>> torch.cuda.manual_seed(0)
    """
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all devices, of which there are none.

    >>> import facula as torch
    >>> torch.cuda.manual_seed_all(0)
    """
    int(seed)


def seed() -> None:
    """Seeds the generator of the current device by chance, as soon as there is one.

    >>> import facula as torch
    >>> torch.cuda.seed()
    """


def seed_all() -> None:
    """Seeds the generators of all devices by chance; there are none.

    >>> import facula as torch
    >>> torch.cuda.seed_all()
    """


def get_rng_state_all() -> list[Tensor]:
    """The states of no generators.

    >>> import facula as torch
    >>> torch.cuda.get_rng_state_all()
    []
    """
    return []


def set_rng_state_all(new_states: list[Tensor]) -> None:
    """Sets the states of all generators: none. Raises AssertionError for any state.

    >>> import facula as torch
    >>> torch.cuda.set_rng_state_all([])
    """
    if new_states:
        raise AssertionError(NOT_COMPILED)


# --- what needs a device -------------------------------------------------------------------------


NEEDS_DEVICE = """Raises AssertionError: there is no CUDA device.

    >>> import facula as torch
    >>> try:
    ...     torch.cuda.{name}({given})
    ... except AssertionError as error:
    ...     print(error)
    Torch not compiled with CUDA enabled
    """


def _needs_device(name: str, given: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError(NOT_COMPILED)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = NEEDS_DEVICE.format(name=name, given=given)
    return function


_NEEDING = (
    "can_device_access_peer", "current_blas_handle", "current_device", "current_stream",
    "default_stream", "get_device_capability", "get_device_name", "get_device_properties",
    "get_rng_state", "get_sync_debug_mode", "init", "initial_seed", "ipc_collect", "mem_get_info",
    "memory_summary", "reset_accumulated_memory_stats", "reset_max_memory_allocated",
    "reset_max_memory_cached", "reset_peak_memory_stats", "set_per_process_memory_fraction",
    "set_rng_state", "set_stream", "set_sync_debug_mode", "synchronize", "utilization",
)  # fmt: skip
# What their examples call them with.
_GIVEN = {
    "can_device_access_peer": "0, 1", "set_per_process_memory_fraction": "0.5",
    "set_rng_state": "torch.zeros(1)", "set_stream": "None", "set_sync_debug_mode": "0",
}  # fmt: skip
_functions = {name: _needs_device(name, _GIVEN.get(name, "")) for name in _NEEDING}


def set_device(device: Any) -> None:
    """Raises AssertionError: there is none to set. ValueError for a device without a number.

    >>> import facula as torch
    >>> try:
    ...     torch.cuda.set_device(0)
    ... except AssertionError:
    ...     print("no GPU")
    no GPU
    """
    if not isinstance(device, int) and Device(device).index is None:
        raise ValueError(
            f"Expected a torch.device with a specified index or an integer, but got:{device}"
        )
    raise AssertionError(NOT_COMPILED)


class _Missing:
    """Abstract. A class of objects that only a GPU has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"torch.cuda.{type(self).__name__} requires CUDA support")


class Stream(_Missing):
    """A queue of a GPU's work. Making one raises RuntimeError: there is no GPU.

    >>> import facula as torch
    >>> try:
    ...     torch.cuda.Stream()
    ... except RuntimeError:
    ...     print("no GPU")
    no GPU
    """


class ExternalStream(_Missing):
    """A queue of a GPU's work that another library made. Making one raises RuntimeError: there is
    no GPU.

    >>> import facula as torch
    >>> try:
    ...     torch.cuda.ExternalStream(0)
    ... except RuntimeError:
    ...     print("no GPU")
    no GPU
    """


class Event(_Missing):
    """A place in a queue of a GPU's work. Making one raises RuntimeError: there is no GPU.

    >>> import facula as torch
    >>> try:
    ...     torch.cuda.Event()
    ... except RuntimeError:
    ...     print("no GPU")
    no GPU
    """


class CUDAGraph(_Missing):
    """A recorded sequence of a GPU's work. Making one raises RuntimeError: there is no GPU.

    >>> import facula as torch
    >>> try:
    ...     torch.cuda.CUDAGraph()
    ... except RuntimeError:
    ...     print("no GPU")
    no GPU
    """


class device:
    """The current device of a `with` block: None or a negative number leave it as it is.

    Raises RuntimeError for others.

    >>> import facula as torch
    >>> with torch.cuda.device(None):
    ...     print(torch.zeros(1).device)
    cpu
    """

    def __init__(self, device: Any) -> None:
        self.wanted = device

    def __enter__(self) -> None:
        if self.wanted is not None and (not isinstance(self.wanted, int) or self.wanted >= 0):
            raise RuntimeError("PyTorch was compiled without CUDA support")

    def __exit__(self, *error: object) -> None:
        pass


class device_of(device):
    """The device of a tensor as the current one of a `with` block; CPU tensors change nothing.

    >>> import facula as torch
    >>> with torch.cuda.device_of(torch.zeros(1)):
    ...     print(torch.zeros(1).device)
    cpu
    """

    def __init__(self, obj: Any) -> None:
        super().__init__(None)


class stream:
    """The current stream of a `with` block: None leaves it as it is. Raises AssertionError for
    others.

    >>> import facula as torch
    >>> with torch.cuda.stream(None):
    ...     print(torch.zeros(1).device)
    cpu
    """

    def __init__(self, stream: Any) -> None:
        self.wanted = stream

    def __enter__(self) -> None:
        if self.wanted is not None:
            raise AssertionError(NOT_COMPILED)

    def __exit__(self, *error: object) -> None:
        pass


class _GpuStorage:
    """Stands for an old class of storages on a GPU: to be named, not made. facula's own.

    >>> import facula
    >>> facula.cuda.FloatStorage
    <class 'torch.cuda.FloatStorage'>
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError(NOT_COMPILED)

    def __repr__(self) -> str:
        return f"<class 'torch.cuda.{self.__name__}'>"


_STORAGES = {
    one.__name__: _GpuStorage(one.__name__)
    for name, one in OLD_STORAGES.items()
    if name != "complex32"  # torch has no such class
}


def __getattr__(name: str) -> Any:
    for table in (GPU_TENSORS, _STORAGES, _functions):
        if name in table:
            return table[name]
    raise AttributeError(f"module 'facula.cuda' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *GPU_TENSORS, *_STORAGES, *_functions})
