"""Storages as lists of numbers: TypedStorage, and the old classes FloatStorage, LongStorage, ...

A TypedStorage is a storage of bytes and a dtype; it owns no memory of its own. Tensors are not
known here.
"""

import ctypes
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from facula.late import Late
from facula.meta.device import check_cpu
from facula.meta.device import device as Device
from facula.meta.dtype import DTYPES, get_default_dtype
from facula.meta.dtype import dtype as DType
from facula.storage import UntypedStorage, text_of

if TYPE_CHECKING:
    import numpy as np
else:
    np = Late("numpy")

# What the old classes of tensors and storages are called: FloatTensor, FloatStorage.
OLD_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16",
    "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "bool": "Bool", "complex32": "ComplexHalf", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}  # fmt: skip
DEPRECATED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the "
    "only storage class. This should only matter to you if you are using storages directly.  To "
    "access UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)
_warned = False


def warn_of_removal(stacklevel: int) -> None:
    """torch's warning, given once a process."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(DEPRECATED, UserWarning, stacklevel=stacklevel + 1)


def values_of(storage: UntypedStorage, kind: DType) -> "np.ndarray":
    """The elements as an array: over the same memory, but of what NumPy lacks a wider copy."""
    count = storage.nbytes() // kind.itemsize
    if kind.numpy is not None:
        return np.frombuffer(memoryview(storage.buffer()), kind.numpy, count)
    if kind.is_complex:
        parts = np.frombuffer(memoryview(storage.buffer()), np.float16, 2 * count)
        return parts.astype(np.float32).view(np.complex64)
    raw = np.frombuffer(memoryview(storage.buffer()), np.uint16, count)
    return (raw.astype(np.uint32) << 16).view(np.float32)


def coded(values: Any, kind: DType) -> "np.ndarray":
    """Numbers as the array of what memory holds for them."""
    if kind.numpy is not None:
        with np.errstate(all="ignore"):
            return np.asarray(values).astype(kind.numpy)
    if kind.is_complex:
        pairs = np.atleast_1d(np.asarray(values, np.complex64)).view(np.float32)
        with np.errstate(over="ignore"):
            return pairs.astype(np.float16).view(np.uint32).reshape(np.shape(values))
    wide = np.asarray(values).astype(np.float32)
    bits = wide.view(np.uint32).astype(np.uint64)
    nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16  # to even
    return np.where(np.isnan(wide), 0x7FC0, nearest).astype(np.uint16)


class _Converting:
    """Conversions of typed storages; apart, because their names are those of Python's types."""

    __slots__ = ()

    def _to(self, name: str) -> "TypedStorage":
        assert isinstance(self, TypedStorage)
        return self.converted(_dtypes()[name])

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the old class, such as torch.FloatStorage; or the numbers as another one."""
        assert isinstance(self, TypedStorage)
        if dtype is None:
            return f"torch.{self.pickle_storage_type()}"
        for name, old in OLD_NAMES.items():
            if dtype == f"torch.{old}Storage" or getattr(dtype, "name", None) == name:
                return self.converted(_dtypes()[name])
        wanted = getattr(dtype, "dtype", None)
        if wanted is None:
            raise ValueError(f"invalid type: {dtype!r}")
        return self.converted(wanted)

    def float(self) -> "TypedStorage":
        """The numbers as float32."""
        return self._to("float32")

    def double(self) -> "TypedStorage":
        """The numbers as float64."""
        return self._to("float64")

    def half(self) -> "TypedStorage":
        """The numbers as float16."""
        return self._to("float16")

    def bfloat16(self) -> "TypedStorage":
        """The numbers as bfloat16."""
        return self._to("bfloat16")

    def byte(self) -> "TypedStorage":
        """The numbers as uint8."""
        return self._to("uint8")

    def char(self) -> "TypedStorage":
        """The numbers as int8."""
        return self._to("int8")

    def short(self) -> "TypedStorage":
        """The numbers as int16."""
        return self._to("int16")

    def int(self) -> "TypedStorage":
        """The numbers as int32."""
        return self._to("int32")

    def long(self) -> "TypedStorage":
        """The numbers as int64."""
        return self._to("int64")

    def bool(self) -> "TypedStorage":
        """The numbers as truths."""
        return self._to("bool")


class TypedStorage(_Converting):
    """A storage seen as numbers of one dtype.

    Made of a number of elements, a sequence of numbers, or an untyped storage `wrap_storage`. Sizes
    and places are counted in elements. Raises IndexError for a place outside. Each use brings a
    UserWarning once, as in torch.

    >>> import facula as torch
    >>> import warnings
    >>> warnings.simplefilter("ignore")
    >>> numbers = torch.DoubleStorage([1.0, 2.0, 3.0])
    >>> numbers.tolist(), numbers.size(), numbers.nbytes(), numbers.element_size()
    ([1.0, 2.0, 3.0], 3, 24, 8)
    >>> numbers.fill_(7).tolist(), numbers.clone().copy_(torch.DoubleStorage([4, 5, 6])).tolist()
    ([7.0, 7.0, 7.0], [4.0, 5.0, 6.0])
    >>> numbers.device, numbers.cpu().tolist(), numbers.is_cuda, numbers.is_hpu
    (device(type='cpu'), [7.0, 7.0, 7.0], False, False)
    >>> numbers.untyped().nbytes(), numbers.data_ptr() % 8, numbers.is_pinned(), numbers.is_shared()
    (24, 0, False, False)
    >>> numbers.resize_(2)
    >>> numbers.tolist(), numbers.pickle_storage_type()
    ([7.0, 7.0], 'DoubleStorage')
    """

    __slots__ = ("_untyped_storage", "dtype", "__weakref__")

    _untyped_storage: UntypedStorage
    dtype: DType
    is_sparse = False
    filename = None

    def __init__(
        self,
        *args: Any,
        wrap_storage: UntypedStorage | None = None,
        dtype: DType | None = None,
        device: Device | str | None = None,
    ) -> None:
        if device is not None:
            check_cpu(device)
        self.dtype = get_default_dtype() if dtype is None else dtype
        if wrap_storage is not None:
            if args:
                raise RuntimeError(
                    _forms(type(self)) + "\nNo positional arguments should be given when using "
                    "'wrap_storage'"
                )
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(
                    f"{_forms(type(self))}\nArgument 'wrap_storage' must be UntypedStorage, but "
                    f"got {type(wrap_storage)}"
                )
            self._untyped_storage = wrap_storage
        else:
            self._untyped_storage = _storage_of(args, self.dtype, type(self))

    # --- what it is ----------------------------------------------------------------------------

    @property
    def device(self) -> Device:
        """Where the bytes are."""
        return self._untyped_storage.device

    @property
    def is_cuda(self) -> bool:
        """False: the numbers are in main memory."""
        return False

    @property
    def is_hpu(self) -> bool:
        """False: the numbers are in main memory."""
        return False

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return self._untyped_storage

    def size(self) -> int:
        """How many elements there are."""
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def nbytes(self) -> int:
        """How many bytes there are."""
        return self._untyped_storage.nbytes()

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """The address of the first element, 0 where there is none."""
        return self._untyped_storage.data_ptr()

    def get_device(self) -> int:
        """-1, the number of the CPU. Differs from torch, whose method says nothing there.

        >>> import facula as torch
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.FloatStorage(4).get_device()
        -1
        """
        return -1

    def pickle_storage_type(self) -> str:
        """The name of the old class of these elements."""
        return OLD_NAMES[self.dtype.name] + "Storage"

    def is_pinned(self, device: object = None) -> bool:
        """False: no memory is pinned."""
        return False

    def is_shared(self) -> bool:
        """True if forked processes write to the same memory."""
        return self._untyped_storage.is_shared()

    def share_memory_(self) -> "TypedStorage":
        """The storage, its elements moved to memory that forked processes share.

        >>> import facula as torch
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.FloatStorage(2).share_memory_().is_shared()
        True
        """
        self._untyped_storage.share_memory_()
        return self

    def cpu(self) -> "TypedStorage":
        """The storage itself: it is on the CPU."""
        return self

    def cuda(self, device: object = None, non_blocking: bool = False) -> NoReturn:
        """Raises AssertionError: there is no GPU here.

        >>> import facula as torch
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     try:
        ...         torch.FloatStorage(2).cuda()
        ...     except AssertionError as error:
        ...         print(error)
        Torch not compiled with CUDA enabled
        """
        raise AssertionError("Torch not compiled with CUDA enabled")

    def pin_memory(self, device: object = None) -> NoReturn:
        """Raises RuntimeError: memory is pinned for an accelerator, and there is none.

        >>> import facula as torch
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     try:
        ...         torch.FloatStorage(2).pin_memory()
        ...     except RuntimeError as error:
        ...         print("no accelerator")
        no accelerator
        """
        raise RuntimeError("Cannot access accelerator device when none is available.")

    # --- elements ------------------------------------------------------------------------------

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        values: list[Any] = values_of(self._untyped_storage, self.dtype).tolist()
        return values

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        count = self.size()
        if not -count <= index < count:
            raise IndexError(f"index {index} out of range for storage of size {count}")
        return values_of(self._untyped_storage, self.dtype)[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, (int, slice)):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        count = self.size()
        if isinstance(index, int) and not -count <= index < count:
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {count}")
        raw = (
            np.frombuffer(memoryview(self._untyped_storage.buffer()), f"u{self.dtype.itemsize}")
            if self.dtype.numpy is None
            else values_of(self._untyped_storage, self.dtype)
        )
        raw[index] = coded(value.item() if hasattr(value, "item") else value, self.dtype)
        self._untyped_storage.version += 1

    def fill_(self, value: Any) -> "TypedStorage":
        """Every element becomes a number."""
        self[:] = value
        return self

    def copy_(
        self, source: "TypedStorage | UntypedStorage", non_blocking: bool = False
    ) -> "TypedStorage":
        """The bytes become those of another storage of the same size."""
        self._untyped_storage.copy_(source.untyped())
        return self

    def resize_(self, size: int) -> None:
        """Room for `size` elements, keeping the first ones."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)

    def __repr__(self) -> str:
        name = f"torch.storage.TypedStorage(dtype={self.dtype}, device={self.device})"
        return text_of(self.tolist(), name)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TypedStorage)
            and self.dtype is other.dtype
            and self._untyped_storage is other._untyped_storage
        )

    def __hash__(self) -> int:
        return hash((id(self._untyped_storage), self.dtype))

    # --- copies --------------------------------------------------------------------------------

    def clone(self) -> "TypedStorage":
        """A copy in memory of its own."""
        return TypedStorage(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    __copy__ = clone

    def __deepcopy__(self, memo: dict[int, Any]) -> "TypedStorage":
        known = memo.get(id(self._untyped_storage))
        if known is None:
            known = self._untyped_storage.__deepcopy__(memo)
        return TypedStorage(wrap_storage=known, dtype=self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return typed, (self._untyped_storage, self.dtype)

    def converted(self, kind: DType) -> "TypedStorage":
        """The numbers as another dtype; the storage itself if they are of it."""
        if kind is self.dtype:
            return self
        raw = coded(values_of(self._untyped_storage, self.dtype), kind).tobytes()
        made = UntypedStorage(len(raw))
        ctypes.memmove(made.address, raw, len(raw))
        return TypedStorage(wrap_storage=made, dtype=kind)

    @classmethod
    def from_buffer(cls, *args: Any, dtype: Any = None, device: Any = None, **kwargs: Any) -> Any:
        """A storage with a copy of an object's bytes, as `UntypedStorage.from_buffer`.

        Called on an old class, whose dtype it takes. Raises RuntimeError or TypeError for another
        use.

        >>> import facula as torch
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.ShortStorage.from_buffer(b"abcd", "big").tolist()
        [24930, 25444]
        """
        kind = get_default_dtype() if dtype is None else dtype
        if device is not None:
            check_cpu(device)
        made = UntypedStorage.from_buffer(*args, **{**kwargs, "dtype": kind})
        return TypedStorage(wrap_storage=made, dtype=kind)


def _dtypes() -> dict[str, DType]:
    return {one.name: one for one in DTYPES}


def typed(storage: UntypedStorage, kind: DType) -> TypedStorage:
    """A storage as numbers."""
    return TypedStorage(wrap_storage=storage, dtype=kind)


def _forms(cls: type) -> str:
    return (
        f"{cls}.__new__ received an invalid combination of arguments. Expected one of:\n"
        " * no arguments\n * (int size)\n * (Sequence data)\n * (*, UntypedStorage wrap_storage)"
    )


def _storage_of(args: Sequence[Any], kind: DType, cls: type) -> UntypedStorage:
    """A new storage: empty, of a number of elements, or of a sequence of numbers."""
    if len(args) > 1:
        raise TypeError(f"{_forms(cls)}\nToo many positional arguments given")
    if not args:
        return UntypedStorage(0)
    (data,) = args
    if isinstance(data, int):
        return UntypedStorage(data * kind.itemsize)
    if not isinstance(data, Sequence) and not hasattr(data, "__array__"):
        raise TypeError(f"{_forms(cls)}\nArgument type not recognized: {type(data)}")
    raw = coded(np.asarray(data), kind).tobytes()
    made = UntypedStorage(len(raw))
    ctypes.memmove(made.address, raw, len(raw))
    return made


class _OldStorageType(type):
    """Makes `isinstance(storage, FloatStorage)` ask for the dtype, and calls make TypedStorages."""

    dtype: DType

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype is cls.dtype

    def __call__(cls, *args: Any, wrap_storage: Any = None, **named: Any) -> TypedStorage:
        if "dtype" in named or "device" in named:
            raise RuntimeError(
                f"{_forms(cls)}\nKeyword arguments must not be given: {', '.join(sorted(named))}"
            )
        if wrap_storage is not None:
            return TypedStorage(*args, wrap_storage=wrap_storage, dtype=cls.dtype)
        return typed(_storage_of(args, cls.dtype, cls), cls.dtype)

    def from_buffer(cls, *args: Any, **kwargs: Any) -> TypedStorage:
        """A storage with a copy of an object's bytes."""
        made = UntypedStorage.from_buffer(*args, **{**kwargs, "dtype": cls.dtype})
        return typed(made, cls.dtype)


OLD_STORAGE = """The old class of {dtype} storages: makes a TypedStorage; `isinstance` asks for it.

    >>> import facula as torch
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     numbers = torch.{name}([1, 0])
    ...     numbers.size(), isinstance(numbers, torch.{name})
    (2, True)
    """


def old_storage(kind: DType) -> type:
    """The old class of storages of a dtype, such as FloatStorage."""
    name = OLD_NAMES[kind.name] + "Storage"
    words = OLD_STORAGE.format(name=name, dtype=kind.name)
    return _OldStorageType(name, (), {"dtype": kind, "__module__": "torch", "__doc__": words})


OLD_STORAGES = {one.name: old_storage(one) for one in DTYPES if one.name in OLD_NAMES}
"""The old classes of storages by the name of their dtype."""
