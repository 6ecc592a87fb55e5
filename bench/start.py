"""Group `start`: what happens before the first useful line, in fresh processes.

Import time, then the time until the first training step is done: with an empty kernel cache and
with the one that a process before left. Kernels compiled are the files that appear in the cache.
Then what each package occupies on the disk, with all that it requires.
"""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement

from bench.measure import Row, count, row

GROUP = "start"

IMPORT = """
import time
start = time.perf_counter()
import {package}
print(time.perf_counter() - start)
"""

FIRST_STEP = """
import time
start = time.perf_counter()
import {package} as torch
nn = torch.nn
model = nn.Sequential(%s)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
images, labels = torch.rand(%s), torch.randint(0, 10, (64,))
nn.functional.cross_entropy(model(images), labels).backward()
optimizer.step()
print(time.perf_counter() - start)
"""
MLP = FIRST_STEP % ("nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)", "64, 784")
CNN = FIRST_STEP % (
    "nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), "
    "nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10)",
    "64, 1, 28, 28",
)

# Seconds of the first step of the CNN with an empty and with a filled cache; ratios of the others.
EMPTY_SECONDS, WARM_SECONDS = 3.0, 0.7
IMPORT_RATIO, SIZE_RATIO = 0.2, 0.4


def rows(subject: str, reference: str, pairs: int, wanted: str = "") -> list[Row]:
    """The rows of the group whose names contain `wanted`.

    Packages are given by name, for nothing may be imported yet.
    """
    parts: dict[str, Callable[[], list[Row]]] = {
        "import": lambda: [_import(subject, reference, pairs)],
        "first step, MLP": lambda: _first_steps("MLP", MLP, subject, reference, pairs, None, None),
        "first step, MNIST CNN": lambda: _first_steps(
            "MNIST CNN", CNN, subject, reference, pairs, EMPTY_SECONDS, WARM_SECONDS
        ),
        "installed size with dependencies": lambda: [_size(subject, reference)],
    }
    return [one for name, part in parts.items() if wanted in name for one in part()]


def _import(subject: str, reference: str, pairs: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        run = partial(_run, IMPORT, environment={**os.environ, "FACULA_CACHE": folder})
        for package in (subject, reference):  # once unmeasured: byte code, the system's file cache
            run(package)
        pairs_of_seconds = [(run(subject), run(reference)) for _ in range(pairs)]
    return row(GROUP, "import", *zip(*pairs_of_seconds), limit=IMPORT_RATIO)


def _first_steps(
    model: str,
    text: str,
    subject: str,
    reference: str,
    pairs: int,
    empty_limit: float | None,
    warm_limit: float | None,
) -> list[Row]:
    """Three processes with an empty cache each, then `pairs` with a cache that one has filled."""
    run = partial(_run, text)
    theirs = [run(reference, environment=os.environ) for _ in range(4)][1:]
    ours = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(run(subject, environment={**os.environ, "FACULA_CACHE": folder}))
            compiled = _files(Path(folder))
    name = f"first step, {model}"
    counts = empty_limit is not None
    limits = {"counts": counts, "limits": "subject"}
    found = [
        row(GROUP, f"{name}, empty cache", ours, theirs, limit=empty_limit, **limits),
        count(GROUP, f"{name}: kernels compiled", compiled),
    ]
    with tempfile.TemporaryDirectory() as folder:
        run = partial(_run, text, environment={**os.environ, "FACULA_CACHE": folder})
        run(subject)
        both = [(run(subject), run(reference)) for _ in range(pairs)]
        again = _files(Path(folder)) - compiled
    return [
        *found,
        row(GROUP, f"{name}, kernels on disk", *zip(*both), limit=warm_limit, **limits),
        count(GROUP, f"{name}: kernels compiled with those on disk", again),
    ]


def _run(program: str, package: str, environment: Mapping[str, str]) -> float:
    text = program.format(package=package)
    # Installers leave byte code; a tree that is run from may have been told not to write any.
    environment = {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


# --- installed size ----------------------------------------------------------------------------


def _size(subject: str, reference: str) -> Row:
    ours, theirs = (installed_bytes(name) for name in (subject, reference))
    ratio = ours / theirs
    name = "installed size with dependencies"
    return Row(GROUP, name, ours, theirs, ratio, ratio, "byte", limit=SIZE_RATIO)


def installed_bytes(package: str) -> int:
    """Bytes on the disk of a distribution and, transitively, of those it requires without extras.

    Byte code is left out on both sides: whether it exists depends on the installer.
    """
    waiting, sizes = [package], {}
    while waiting:
        name = waiting.pop()
        if name in sizes:
            continue
        distribution = importlib.metadata.distribution(name)
        sizes[name] = _bytes_of(distribution, name)
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name.lower().replace("_", "-"))
    return sum(sizes.values())


def _bytes_of(distribution: importlib.metadata.Distribution, name: str) -> int:
    """The recorded files'; of an editable installation, those of the package's folder too."""
    paths = [Path(distribution.locate_file(path)) for path in distribution.files or ()]
    if '"editable": true' in (distribution.read_text("direct_url.json") or ""):
        spec = importlib.util.find_spec(name)
        paths += [
            path for place in spec.submodule_search_locations for path in Path(place).rglob("*")
        ]
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file())
