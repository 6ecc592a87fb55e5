"""The CPU machine: memory, threads, and plans turned into Python built-ins.

`compile_plan(plan)` gives the kernel of a plan: from this process, from the disk, or newly
compiled. A kernel takes Python ints (sizes, addresses) and floats and returns an int: 0, or what
the program reported.
"""

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from facula.backend import fork_join, llvm
from facula.backend.cache import KernelCache
from facula.backend.memory import Memory, Room, block_size
from facula.backend.objects import METH_FASTCALL, builtin
from facula.backend.processors import available_threads
from facula.config import config
from facula.kernel import library as _library
from facula.kernel import lower as _lower
from facula.kernel.plan import Plan, lower
from facula.kernel.target import Target

if config.backend == "interpreter":
    from facula.backend import interpreter

Kernel = Callable[..., int]
# So many threads may work even where there are fewer processors.
LEAST_LIMIT = 4

C_API = (
    "PyLong_AsLongLong", "PyFloat_AsDouble", "PyLong_FromLongLong", "PyErr_Occurred",
    "PyErr_Format", "PyEval_SaveThread", "PyEval_RestoreThread",
)  # fmt: skip


class Cpu:
    """One process's CPU: its pools of memory, its workers, its kernels."""

    def __init__(self) -> None:
        self.memory = Memory(config.memory_cap)
        self.cache = KernelCache(config.cache_folder)
        self.kernels: dict[Plan, Kernel] = {}
        self._rooms: dict[int, Room] = {}
        # Addresses of the same kernels for generated code: i64 call(i64 *arguments).
        self.calls: dict[Kernel, int] = {}
        processors = available_threads()
        self.pool = fork_join.Pool(config.threads or processors, max(processors, LEAST_LIMIT))
        self._lock = threading.RLock()
        self._fingerprint = ""
        # What else generates code, once there are workers and LLVM has been loaded.
        self.when_ready: list[Callable[[], None]] = []
        self._ready = False
        # No other thread may be in the middle of compiling or carving memory when a fork copies it.
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._unlock, after_in_child=self._after_fork
        )

    @property
    def target(self) -> Target:
        """The processor as lowerings see it."""
        return llvm.host_target()

    @property
    def workers(self) -> int:
        """Upper bound of the worker numbers kernels see: per-worker scratch has this many parts."""
        return self.pool.limit

    def set_threads(self, count: int) -> None:
        """How many threads kernels may use, the caller's included."""
        with self._lock:
            self.pool.resize(count)

    def room(self, each: int) -> Room:
        """Scratch of `each` bytes a worker, one for all launches that need about as much."""
        size = block_size(each)
        with self._lock:
            room = self._rooms.get(size)
            if room is None:
                whole = size * self.workers
                room = self._rooms[size] = Room(size, (whole, self.memory.pool(whole)))
        return room

    def compile_plan(self, plan: Plan) -> Kernel:
        """The kernel of a plan. Compiling happens once a process; other threads wait for it."""
        kernel = self.kernels.get(plan)
        if kernel is not None:
            return kernel
        with self._lock:
            kernel = self.kernels.get(plan)
            if kernel is None:
                kernel = self.kernels[plan] = self._build(plan)
        return kernel

    def _build(self, plan: Plan) -> Kernel:
        if config.backend == "interpreter":
            return interpreter.compile_plan(plan)
        if not self._ready:
            self._prepare()
        target = llvm.host_target()
        key = self._key(f"{target}\n{plan!r}")
        symbol = f"k{key}"
        if "plan" in config.debug:
            print(plan, file=sys.stderr)
        image = self.cache.read(key)
        if image is None:
            program = lower(plan, target)
            text = llvm.module_text(program, symbol)
            if "source" in config.debug:
                print(program, text, sep="\n", file=sys.stderr)
            if "asm" in config.debug:
                print(llvm.assembly(text), file=sys.stderr)
            image = llvm.compile_text(text)
            self.cache.compiled += 1
            self.cache.write(key, image)
        kernel = builtin(type(plan).__name__.lower(), llvm.link(image, symbol), METH_FASTCALL)
        self.calls[kernel] = llvm.link_address(f"{symbol}_call")
        return kernel

    def compile_cached(self, text: str) -> bytes:
        """The object file of IR text, from the disk or newly compiled."""
        key = self._key(text)
        image = self.cache.read(key)
        if image is None:
            image = llvm.compile_text(text)
            self.cache.compiled += 1
            self.cache.write(key, image)
        return image

    def _prepare(self) -> None:
        """Gives generated code the process's symbols, and starts the workers."""
        for name in C_API:
            function = getattr(ctypes.pythonapi, name)
            address = ctypes.cast(function, ctypes.c_void_p).value
            assert address is not None
            llvm.define_symbol(name, address)
        type_error = ctypes.addressof(ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyExc_TypeError"))
        llvm.define_symbol("facula_type_error", type_error)
        llvm.define_symbol("facula_state", self.pool.address)
        image = self.compile_cached(fork_join.pool_text())
        llvm.define_symbol("facula_run", llvm.link(image, "facula_run"))
        self.pool.start(llvm.link_address("facula_worker"), llvm.link_address("facula_stop"))
        self._ready = True
        for link in self.when_ready:
            link()

    def _key(self, description: str) -> str:
        """The name in the cache of what these words describe, by this generator for this host."""
        if not self._fingerprint:
            self._fingerprint = f"{llvm.host_identity()} {_generator_fingerprint()}"
        return hashlib.sha256(f"{self._fingerprint}\n{description}".encode()).hexdigest()[:40]

    # --- fork ----------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        self._lock.acquire()
        self.memory.lock.acquire()

    def _unlock(self) -> None:
        self.memory.lock.release()
        self._lock.release()

    def _after_fork(self) -> None:
        self._unlock()
        self.pool.forget()


def _generator_fingerprint() -> str:
    """Changes whenever a file that takes part in code generation changes.

    By content, a millisecond: files unpacked by an installer may all bear one date.
    """
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted([*(package / "kernel").rglob("*.py"), *(package / "backend").glob("*.py")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


# Importing them registers their lowerings.
_LOWERINGS = (_library, _lower)

machine = Cpu()
