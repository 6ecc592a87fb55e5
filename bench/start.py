"""Group `start`: what happens before the first useful line, in fresh processes.

Import time, then the time until the first training step is done: with an empty kernel cache and
with the one that a process before left. Kernels compiled are the files that appear in the cache.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

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
model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
images, labels = torch.rand(64, 784), torch.randint(0, 10, (64,))
torch.nn.functional.cross_entropy(model(images), labels).backward()
optimizer.step()
print(time.perf_counter() - start)
"""


def rows(subject: str, reference: str, pairs: int) -> list[Row]:
    """The rows of the group; packages are given by name, for nothing may be imported yet."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        environment = {**os.environ, "FACULA_CACHE": folder}
        run = partial(_run, environment=environment)
        for package in (subject, reference):  # once unmeasured: byte code, the system's file cache
            run(IMPORT, package)
        at_import = _files(cache)
        imports = [(run(IMPORT, subject), run(IMPORT, reference)) for _ in range(pairs)]
        cold = run(FIRST_STEP, subject)
        by_first = _files(cache) - at_import
        steps = [(run(FIRST_STEP, subject), run(FIRST_STEP, reference)) for _ in range(pairs)]
        by_second = _files(cache) - by_first - at_import
    reference_steps = [theirs for _, theirs in steps]
    return [
        row(GROUP, "import", *zip(*imports)),
        count(GROUP, "kernels compiled at import", at_import),
        row(GROUP, "first training step, empty cache", [cold] * pairs, reference_steps),
        count(GROUP, "kernels compiled by the first process", by_first),
        row(GROUP, "first training step, kernels on disk", *zip(*steps)),
        count(GROUP, "kernels compiled by the second process", by_second),
    ]


def _run(program: str, package: str, environment: Mapping[str, str]) -> float:
    text = program.format(package=package)
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))
