"""The CPU machine: memory, threads, and plans turned into Python built-ins.

`compile_plan(plan)` gives the kernel of a plan: from this process, from the disk, or newly compiled.
A kernel takes Python ints (sizes, addresses) and floats and returns an int: 0, or what the program reported.
"""

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from facula.backend import fork_join, interpreter, llvm
from facula.backend.cache import KernelCache
from facula.backend.memory import Memory
from facula.config import config
from facula.kernel import library as _library
from facula.kernel import lower as _lower
from facula.kernel.plan import Plan, lower
from facula.kernel.target import Target

METH_FASTCALL = 0x80
Kernel = Callable[..., int]

C_API = (
    "PyLong_AsLongLong", "PyFloat_AsDouble", "PyLong_FromLongLong", "PyErr_Occurred", "PyErr_Format",
    "PyEval_SaveThread", "PyEval_RestoreThread",
)  # fmt: skip


class MethodDefinition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("entry", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def available_threads() -> int:
    """Processors this process may use: affinity, and the quota of its cgroup."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.is_file():
        limit, period = quota.read_text().split()[:2]
        if limit != "max":
            count = min(count, max(1, int(limit) // int(period)))
    return count


class Cpu:
    """One process's CPU: its pools of memory, its workers, its kernels."""

    def __init__(self) -> None:
        self.memory = Memory(config.memory_cap)
        self.cache = KernelCache(config.cache_folder)
        self.kernels: dict[Plan, Kernel] = {}
        self.pool = fork_join.Pool(config.threads or available_threads())
        self._lock = threading.RLock()
        self._keep: list[object] = []
        self._fingerprint = ""

    @property
    def target(self) -> Target:
        """The processor as lowerings see it."""
        return llvm.host_target()

    @property
    def workers(self) -> int:
        """Upper bound of the worker numbers kernels see; per-worker scratch needs this many parts."""
        return self.pool.parts

    def set_threads(self, count: int) -> None:
        """How many threads kernels may use, the caller's included."""
        with self._lock:
            self.pool.resize(count)

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
        if not self._fingerprint:
            self._prepare()
        key = hashlib.sha256(f"{self._fingerprint}\n{plan!r}".encode()).hexdigest()[:40]
        symbol = f"k{key}"
        if "plan" in config.debug:
            print(plan, file=sys.stderr)
        image = self.cache.read(key)
        if image is None:
            program = lower(plan, llvm.host_target())
            text = llvm.module_text(program, symbol)
            if "source" in config.debug:
                print(program, text, sep="\n", file=sys.stderr)
            if "asm" in config.debug:
                print(llvm.assembly(text), file=sys.stderr)
            image = llvm.compile_text(text)
            self.cache.compiled += 1
            self.cache.write(key, image)
        return self._builtin(type(plan).__name__, llvm.link(image, symbol))

    def _builtin(self, name: str, entry: int) -> Kernel:
        definition = MethodDefinition(name.lower().encode(), entry, METH_FASTCALL, None)
        self._keep.append(definition)
        new = ctypes.pythonapi.PyCFunction_NewEx
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
        kernel: Kernel = new(ctypes.addressof(definition), None, None)
        return kernel

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
        self._fingerprint = f"{llvm.host_identity()} {_generator_fingerprint()}"
        key = hashlib.sha256(f"{self._fingerprint}\n{fork_join.pool_text()}".encode()).hexdigest()[:40]
        image = self.cache.read(key)
        if image is None:
            image = llvm.compile_text(fork_join.pool_text())
            self.cache.write(key, image)
        llvm.define_symbol("facula_run", llvm.link(image, "facula_run"))
        self.pool.start(llvm.link_address("facula_worker"))


def _generator_fingerprint() -> str:
    """Changes whenever a file that takes part in code generation changes."""
    package = Path(__file__).parent.parent
    parts = []
    for folder in ("kernel", "kernel/library", "backend"):
        for path in sorted((package / folder).glob("*.py")):
            status = path.stat()
            parts.append(f"{path.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


# Importing them registers their lowerings.
_LOWERINGS = (_library, _lower)

machine = Cpu()
