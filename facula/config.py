"""Every environment switch, read once, as one frozen value: `config`.

The only owner of `os.environ`. A bad value raises ValueError naming the variable.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STAGES = ("plan", "source", "asm", "launch", "graph")
BACKENDS = ("llvm", "interpreter")


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment asks for.

    >>> read({"FACULA_DEBUG": "plan,asm", "OMP_NUM_THREADS": "2"}).threads
    2
    """

    debug: frozenset[str]  # FACULA_DEBUG: stages to print
    cache_folder: Path  # FACULA_CACHE: compiled kernels
    threads: int | None  # FACULA_NUM_THREADS, else OMP_NUM_THREADS; None: as many as cores
    memory_cap: int | None  # FACULA_MEMORY_CAP: bytes of tensor memory; None: no cap
    backend: str  # FACULA_BACKEND: what runs the plans


def read(environment: Mapping[str, str]) -> Config:
    """The switches in a mapping such as `os.environ`; a variable set to nothing counts as unset."""
    return Config(
        debug=_stages(environment),
        cache_folder=_cache_folder(environment),
        threads=_threads(environment),
        memory_cap=_positive("FACULA_MEMORY_CAP", environment.get("FACULA_MEMORY_CAP", "")),
        backend=_choice("FACULA_BACKEND", environment.get("FACULA_BACKEND", ""), BACKENDS),
    )


def _stages(environment: Mapping[str, str]) -> frozenset[str]:
    words = environment.get("FACULA_DEBUG", "").split(",")
    stages = frozenset(word.strip() for word in words if word.strip())
    unknown = sorted(stages - set(STAGES))
    if unknown:
        raise ValueError(
            f"FACULA_DEBUG: expected a comma-separated list of {', '.join(STAGES)}, "
            f"got {', '.join(map(repr, unknown))}"
        )
    return stages


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """FACULA_CACHE itself, or `facula` in the cache folder of the user."""
    if chosen := environment.get("FACULA_CACHE"):
        return Path(chosen).expanduser()
    shared = environment.get("XDG_CACHE_HOME", "")
    # the XDG rule: a relative path is to be ignored
    if os.path.isabs(shared):
        return Path(shared) / "facula"
    return Path("~/.cache/facula").expanduser()


def _threads(environment: Mapping[str, str]) -> int | None:
    if chosen := environment.get("FACULA_NUM_THREADS"):
        return _positive("FACULA_NUM_THREADS", chosen)
    # OpenMP allows a list, one number a nesting level; the first is the outer one
    outer = environment.get("OMP_NUM_THREADS", "").partition(",")[0]
    return _positive("OMP_NUM_THREADS", outer)


def _positive(variable: str, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise ValueError(f"{variable}: expected a positive whole number, got {text!r}")
    return number


def _choice(variable: str, text: str, choices: tuple[str, ...]) -> str:
    word = text.strip() or choices[0]
    if word not in choices:
        raise ValueError(f"{variable}: expected {' or '.join(choices)}, got {text!r}")
    return word


config = read(os.environ)
