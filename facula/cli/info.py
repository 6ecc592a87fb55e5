"""`facula info`: what facula finds on this machine, a line a fact."""

import os
import platform
from argparse import Namespace
from importlib import metadata
from pathlib import Path

import facula
from facula.backend import llvm
from facula.backend.cpu import available_threads, machine
from facula.config import config

# Features by which kernels differ; a processor has a hundred others.
_VECTOR_FEATURES = (
    "amx",
    "avx",
    "bf16",
    "dotprod",
    "f16c",
    "fma",
    "fullfp16",
    "neon",
    "sse",
    "sve",
)
_EXTRAS = ("pillow", "matplotlib")


def info(options: Namespace) -> int:
    """Runs the command; returns its exit status."""
    for title, fact in _facts().items():
        print(f"{title:13} {fact}")
    return 0


def _facts() -> dict[str, str]:
    target = llvm.host_target()
    threads = facula.get_num_threads()
    return {
        "facula": f"{facula.version.facula} in {Path(facula.__file__).parent}",
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "packages": ", ".join(_version(name) for name in ("numpy", "llvmlite", *_EXTRAS)),
        "processor": f"{_processor_name()} ({llvm.host_processor()})",
        "features": " ".join(
            name for name in sorted(llvm.host_features()) if name.startswith(_VECTOR_FEATURES)
        ),
        "vectors": f"{target.vector_bytes} bytes, {target.registers} registers",
        "threads": f"{threads}; the process may use {_counted(available_threads(), 'processor')}",
        "kernel cache": _cache(),
        "memory": _memory(),
    }


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} is not installed"


def _processor_name() -> str:
    """The processor as its maker calls it; where the system does not tell, its architecture."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cache() -> str:
    folder = config.cache_folder
    if not folder.is_dir():
        return f"{folder}, nothing in it yet"
    kernels, size = machine.cache.usage()
    told = f"{folder}, {_counted(kernels, 'kernel')}, {_bytes(size)}"
    return told if os.access(folder, os.W_OK) else f"{told}, not writable: kernels are not kept"


def _memory() -> str:
    parts = [f"{_bytes(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'))} in the machine"]
    listing = Path("/proc/meminfo")
    if listing.is_file():
        rows = dict(line.split(":", 1) for line in listing.read_text().splitlines())
        parts.append(f"{_bytes(1024 * int(rows['MemAvailable'].split()[0]))} available")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and limit.read_text().strip().isdigit():
        parts.append(f"{_bytes(int(limit.read_text()))} allowed to this process")
    if config.memory_cap is not None:
        parts.append(f"tensors at most {_bytes(config.memory_cap)} (FACULA_MEMORY_CAP)")
    return ", ".join(parts)


def _bytes(count: float) -> str:
    """The count in the unit that leaves one to three digits before the point.

    >>> _bytes(1536), _bytes(5 << 30)
    ('1.5 KiB', '5.0 GiB')
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
