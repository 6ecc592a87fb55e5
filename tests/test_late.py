"""Packages that load late: `import facula` must not load NumPy or LLVM."""

import subprocess
import sys

import pytest

from facula.late import Late


def test_import_loads_neither_numpy_nor_llvm() -> None:
    program = "import sys, facula; print(sorted({'numpy', 'llvmlite'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_names_are_those_of_the_package() -> None:
    import math

    late = Late("math")
    assert late.floor is math.floor
    assert "floor" in vars(late)


def test_missing_names_raise_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = Late("math").no_such_name


def test_missing_packages_raise_import_errors_when_used() -> None:
    late = Late("facula_no_such_package")
    with pytest.raises(ModuleNotFoundError):
        _ = late.anything
