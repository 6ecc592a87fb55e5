"""Random number generators: MT19937 states that PyTorch's CPU generator would continue alike.

A `Generator` owns a block of memory that the kernels of `kernel/library/random.py` read and
advance, and fills tensors of any layout from it. What is drawn for which operation is said in
`launch/sampling.py`.
"""

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from numbers import Integral
from typing import Any, Self

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_into
from facula.form import CPU, form_of
from facula.kernel.library.random import (
    HAS_NORMAL,
    LEFT,
    NEXT,
    NORMAL,
    STATE_BYTES,
    WORDS,
    WORDS_AT,
    RandomPlan,
    Seeding,
)
from facula.meta import dtype as dtypes
from facula.meta.device import device as Device
from facula.storage import Storage
from facula.tensor import Tensor, allocate, from_bytes, wrap

DEFAULT_SEED = 67280421310721
# PyTorch's 5056 bytes: seed; words left plus one, "seeded", position; 624 words of 64 bits; three
# doubles, of which the second is the cached normal, and whether it is valid; the same for a float
# that nothing uses.
STATE_LAYOUT = struct.Struct(f"<QiiQ{WORDS}QdddixxxxfBxxx")


@cache
def kernel_of(plan_type: type[RandomPlan], *details: Any) -> Kernel:
    """The compiled fill `plan_type(*details)`."""
    return machine.compile_plan(plan_type(*details))


class Generator:
    """Random numbers by the Mersenne Twister MT19937, the streams of PyTorch's CPU generator.

    `device` must be the CPU, else RuntimeError is raised. Matsumoto and Nishimura, Mersenne twister
    (1998).

    >>> import facula as torch
    >>> generator = torch.Generator().manual_seed(0)
    >>> torch.rand(2, generator=generator)
    tensor([0.4963, 0.7682])
    """

    __slots__ = ("device", "_address", "_lock", "_seed", "_seeded", "_storage", "__weakref__")

    def __init__(self, device: Device | str = "cpu") -> None:
        self.device = Device(device) if isinstance(device, str) else device
        if self.device.type != "cpu":
            raise RuntimeError(
                f"Device type {self.device.type.upper()} is not supported for torch.Generator() "
                "api."
            )
        self.device = CPU
        self._lock = threading.Lock()
        self._storage: Storage | None = None
        self._address = 0
        self._seed = DEFAULT_SEED
        self._seeded = False  # the words are made when first needed: importing compiles nothing

    def __repr__(self) -> str:
        return f"<torch._C.Generator object at {id(self):#x}>"

    # --- seeds ---------------------------------------------------------------------------------

    def manual_seed(self, seed: int) -> Self:
        """Starts the stream of a seed (negative ones count down from 2^64); returns the generator.

        Raises RuntimeError for what is no int, ValueError for one outside [-2^63, 2^64).

        >>> import facula as torch
        >>> torch.rand(2, generator=torch.Generator().manual_seed(0))
        tensor([0.4963, 0.7682])
        """
        if isinstance(seed, bool) or not isinstance(seed, Integral):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        with self._lock:
            self._seed = int(seed) % 2**64
            self._seeded = False
        return self

    def seed(self) -> int:
        """Starts the stream of a seed that the system chose by chance; returns that seed.

        >>> import facula as torch
        >>> generator = torch.Generator()
        >>> generator.seed() == generator.initial_seed()
        True
        """
        chosen = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(chosen)
        return chosen

    def initial_seed(self) -> int:
        """The seed that started the stream.

        >>> import facula as torch
        >>> torch.Generator().manual_seed(7).initial_seed()
        7
        """
        return self._seed

    # --- state ---------------------------------------------------------------------------------

    def _state(self) -> int:
        """Address of the state, seeded. The lock is held."""
        if not self._seeded:
            kernel_of(Seeding)(self._memory(), WORDS, self._seed & 0xFFFFFFFF)
            self._seeded = True
        return self._address

    def _memory(self) -> int:
        """Address of the state, whatever it holds."""
        if self._storage is None:
            self._storage = Storage(STATE_BYTES)
            self._address = self._storage.address
        return self._address

    def get_state(self) -> Tensor:
        """The state as a uint8 tensor (5056,), laid out as PyTorch's.

        >>> import facula as torch
        >>> torch.Generator().get_state().shape
        torch.Size([5056])
        """
        with self._lock:
            address = self._state()
            fields = (ctypes.c_int64 * 8).from_address(address)
            normal = ctypes.c_double.from_address(address + 8 * NORMAL).value
            words = (ctypes.c_uint32 * WORDS).from_address(address + WORDS_AT)
            raw = STATE_LAYOUT.pack(
                self._seed, fields[LEFT], 1, fields[NEXT], *words,
                0.0, normal, 0.0, fields[HAS_NORMAL], 0.0, 0,
            )  # fmt: skip
        return from_bytes(raw, dtypes.uint8, (len(raw),))

    def set_state(self, new_state: Tensor) -> Self:
        """The generator, continued where `get_state` (PyTorch's too) was called.

        Raises TypeError for what is no uint8 tensor, RuntimeError for another size or a state that
        cannot be.

        >>> import facula as torch
        >>> generator = torch.Generator()
        >>> state = generator.get_state()
        >>> first = torch.rand(1, generator=generator)
        >>> _ = generator.set_state(state)
        >>> torch.rand(1, generator=generator) == first
        tensor([True])
        """
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if new_state.form.dtype is not dtypes.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if not new_state.form.contiguous:
            raise RuntimeError("RNG state must be contiguous")
        if new_state.form.nbytes != STATE_LAYOUT.size:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_LAYOUT.size} but found the input "
                f"RNG state size to be {new_state.form.nbytes}"
            )
        values = STATE_LAYOUT.unpack(bytes(new_state.storage_bytes()))
        seed, left, seeded, position = values[:4]
        _, normal, _, has_normal = values[4 + WORDS : 8 + WORDS]
        # left and position say the same, except before the first draw, when they are 1 and 0.
        agree = position == WORDS + 1 - left or (left, position) == (1, 0)
        if not (seeded and 1 <= left <= WORDS and agree):
            raise RuntimeError("Invalid mt19937 state")
        with self._lock:
            address = self._memory()
            fields = (ctypes.c_int64 * 8).from_address(address)
            fields[LEFT], fields[NEXT], fields[HAS_NORMAL] = left, position, bool(has_normal)
            ctypes.c_double.from_address(address + 8 * NORMAL).value = normal if has_normal else 0.0
            words = (ctypes.c_uint32 * WORDS).from_address(address + WORDS_AT)
            words[:] = [word & 0xFFFFFFFF for word in values[4 : 4 + WORDS]]
            self._seed = seed
            self._seeded = True
        return self

    def clone_state(self) -> "Generator":
        """Another generator that will draw the same numbers.

        >>> import facula as torch
        >>> one = torch.Generator().manual_seed(3)
        >>> two = one.clone_state()
        >>> torch.rand(1, generator=one) == torch.rand(1, generator=two)
        tensor([True])
        """
        twin = Generator()
        twin.set_state(self.get_state())
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _generator_from, (bytes(self.get_state().storage_bytes()),)

    # --- filling -------------------------------------------------------------------------------

    def fill(
        self,
        target: Tensor,
        kernel: Kernel,
        numbers: tuple[int | float, ...] = (),
        beside: Tensor | None = None,
    ) -> int:
        """Runs a fill on a tensor of at least one element, in the order of its memory; gives what
        the kernel reports. `beside` is read element by element in the same order. No autograd, no
        version."""
        form = target.form
        if form.contiguous and beside is None:
            with self._lock:
                address = self._address if self._seeded else self._state()
                return kernel(address, target.address, form.numel, *numbers)
        return self._fill_in_order(target, kernel, numbers, beside)

    def _fill_in_order(
        self,
        target: Tensor,
        kernel: Kernel,
        numbers: tuple[int | float, ...],
        beside: Tensor | None,
    ) -> int:
        """The general case of `fill`: dims sorted by stride, by way of a copy if there are gaps."""
        form = target.form
        order = sorted(range(form.ndim), key=lambda dim: -form.strides[dim])
        place = turned = _permuted(target, order)
        if not turned.form.contiguous:
            place = allocate(form_of(form.dtype, turned.form.shape))
        if beside is not None:
            source = beside = _permuted(beside, order)
            if not source.form.contiguous:
                beside = allocate(form_of(source.form.dtype, source.form.shape))
                copy_into(beside, source)
            numbers = (beside.address, *numbers)
        with self._lock:
            code = kernel(self._state(), place.address, form.numel, *numbers)
        if place is not turned:
            copy_into(turned, place)
        return code

    def run(self, kernel: Kernel, *arguments: int | float) -> int:
        """Runs a kernel on this state and on arguments of its own."""
        with self._lock:
            return kernel(self._state(), *arguments)


def _permuted(tensor: Tensor, order: list[int]) -> Tensor:
    geometry = tensor.form.geometry.permute(order)
    form = form_of(tensor.form.dtype, geometry.shape, geometry.strides)
    return wrap(tensor.block, tensor.address, form)


def _generator_from(raw: bytes) -> Generator:
    """What pickle and copy call."""
    generator = Generator()
    generator.set_state(from_bytes(raw, dtypes.uint8, (len(raw),)))
    return generator


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Starts the default generator's stream of a seed; returns that generator.

    Raises ValueError or RuntimeError for a seed outside [-2^63, 2^64).

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.rand(2)
    tensor([0.4963, 0.7682])
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seeds the default generator by chance; returns the seed.

    >>> import facula as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that started the default generator's stream.

    >>> import facula as torch
    >>> _ = torch.manual_seed(7)
    >>> torch.initial_seed()
    7
    """
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state, a uint8 tensor (5056,).

    >>> import facula as torch
    >>> torch.get_rng_state().shape
    torch.Size([5056])
    """
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continues the default generator from a state. Errors are those of `Generator.set_state`.

    >>> import facula as torch
    >>> state = torch.get_rng_state()
    >>> first = torch.rand(1)
    >>> torch.set_rng_state(state)
    >>> torch.rand(1) == first
    tensor([True])
    """
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: object = None, enabled: bool = True, *, device_type: str | None = None
) -> Iterator[None]:
    """Puts the default generator back to where it was at the end of the block, unless not
    `enabled`. `devices` and `device_type` say whose other generators to put back: there are none.

    >>> import facula as torch
    >>> state = torch.get_rng_state()
    >>> with torch.random.fork_rng():
    ...     _ = torch.rand(3)
    >>> torch.equal(torch.get_rng_state(), state)
    True
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
