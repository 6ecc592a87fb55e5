"""The environment switches: values, defaults, and errors that name the variable."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from facula.config import config, read


def test_defaults() -> None:
    plain = read({})
    assert plain.debug == frozenset()
    assert plain.cache_folder == Path.home() / ".cache" / "facula"
    assert (plain.threads, plain.memory_cap, plain.backend) == (None, None, "llvm")


def test_empty_values_count_as_unset() -> None:
    names = ["DEBUG", "CACHE", "NUM_THREADS", "MEMORY_CAP", "BACKEND"]
    assert read({f"FACULA_{name}": "" for name in names}) == read({})


def test_values() -> None:
    given = read(
        {
            "FACULA_DEBUG": "plan, asm,",
            "FACULA_CACHE": "/tmp/kernels",
            "FACULA_NUM_THREADS": "3",
            "FACULA_MEMORY_CAP": "1000000",
            "FACULA_BACKEND": "interpreter",
        }
    )
    assert given.debug == {"plan", "asm"}
    assert given.cache_folder == Path("/tmp/kernels")
    assert (given.threads, given.memory_cap, given.backend) == (3, 1000000, "interpreter")


def test_cache_folder_of_the_user() -> None:
    assert read({"XDG_CACHE_HOME": "/var/cache"}).cache_folder == Path("/var/cache/facula")
    relative = read({"XDG_CACHE_HOME": "cache"}).cache_folder
    assert relative == Path.home() / ".cache" / "facula"
    assert read({"FACULA_CACHE": "~/k"}).cache_folder == Path.home() / "k"


def test_threads_come_from_our_variable_before_openmp() -> None:
    assert read({"OMP_NUM_THREADS": "4"}).threads == 4
    assert read({"OMP_NUM_THREADS": "4,2"}).threads == 4
    assert read({"OMP_NUM_THREADS": "4", "FACULA_NUM_THREADS": "1"}).threads == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FACULA_DEBUG", "plan,sauce"),
        ("FACULA_NUM_THREADS", "0"),
        ("FACULA_NUM_THREADS", "two"),
        ("OMP_NUM_THREADS", "-1"),
        ("FACULA_MEMORY_CAP", "1GB"),
        ("FACULA_BACKEND", "cuda"),
    ],
)
def test_bad_values_name_the_variable(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        read({name: value})


def test_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        config.backend = "interpreter"  # type: ignore[misc]
