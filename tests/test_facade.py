"""The facade is what its generator writes: every record is public, and no list is kept by hand."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import facula

ROOT = Path(__file__).parents[1]


def generator(name: str = "facade") -> ModuleType:
    """A file of `tools/`, which is no part of any package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_checked_in_facade_is_the_generated_one() -> None:
    text = (ROOT / "facula" / "__init__.py").read_text(encoding="utf-8")
    assert text == generator().facade(), "run: python tools/facade.py"


def test_the_checked_in_stubs_are_the_generated_ones() -> None:
    for file, write in generator("stubs").STUBS.items():
        text = (ROOT / "facula" / file).read_text(encoding="utf-8")
        assert text == write(), "run: python tools/stubs.py"


def test_every_public_record_is_a_function_of_the_package() -> None:
    missing = [name for name in generator().public_names() if not callable(getattr(facula, name))]
    assert missing == []


def test_importing_facula_compiles_nothing_and_loads_no_heavy_package(tmp_path: Path) -> None:
    program = (
        "import sys, facula\n"
        "heavy = {'torch', 'PIL', 'matplotlib', 'facula.cli', 'facula.vision'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"FACULA_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
    assert list(tmp_path.rglob("*.o")) == []
