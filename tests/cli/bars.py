"""A collection that a network learns in a moment: noisy images, one bright row tells the class."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import numpy as np

import facula


def idx(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of 8x8 with a bright row, whose place is the class: four classes, in turn."""
    labels = np.arange(count) % 4
    images = np.random.default_rng(seed).integers(0, 60, (count, 8, 8))
    images[np.arange(count), 2 * labels] += 160
    return images.astype(np.uint8), labels


def bars_options(folder: Path) -> list[str]:
    """A training command that takes no time."""
    return ["train", "--data", str(folder), "--model", "mlp", "--lr", "0.02", "--batch-size", "32"]


@contextmanager
def python_process(*arguments: object, cwd: Path) -> Iterator[Popen[str]]:
    """Another interpreter, which finds the same facula as this one and ends with the test."""
    root = Path(facula.__file__).parent.parent
    with Popen(
        [sys.executable, *map(str, arguments)],
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()
