"""Training keeps no tensor alive: graphs are no reference cycles that wait for the collector."""

import gc
import subprocess
import sys

import facula
import facula.nn as nn
from facula.backend.cpu import machine


def step(model: nn.Module, optimizer: facula.optim.Optimizer) -> None:
    images = facula.randn(8, 1, 12, 12)
    classes = facula.randint(0, 5, (8,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images), classes)
    loss.backward()
    optimizer.step()


def test_steps_leave_nothing_behind_without_the_collector() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.LayerNorm(75),
        nn.Linear(75, 5),
    )
    optimizer = facula.optim.Adam(model.parameters())
    for _ in range(3):
        step(model, optimizer)
    gc.collect()
    gc.disable()
    try:
        before = machine.memory.statistics()["allocated_bytes"]
        for _ in range(20):
            step(model, optimizer)
        after = machine.memory.statistics()["allocated_bytes"]
    finally:
        gc.enable()
    assert after - before <= 1 << 16


def test_a_retained_gradient_is_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        before = machine.memory.statistics()["allocated_bytes"]
        for _ in range(20):
            x = facula.ones(1000, requires_grad=True)
            y = x * 2
            y.retain_grad()
            y.sum().backward()
            assert y.grad is not None
        del x, y
        after = machine.memory.statistics()["allocated_bytes"]
    finally:
        gc.enable()
    assert after - before <= 1 << 14


# Steps of two models whose batches vary; what is held after half of them and after all. A process
# of its own: what lies in memory is told for the whole of one.
STEPS = """
import gc, mmap, random
from pathlib import Path
import facula
from facula import nn

def held():
    gc.collect()
    stats, told = facula.memory_stats(), Path("/proc/self/statm")
    pages = int(told.read_text().split()[1]) if told.exists() else 0
    objects = len(gc.get_objects())
    print(stats["reserved_bytes"], stats["allocated_bytes"], objects, pages * mmap.PAGESIZE)

facula.manual_seed(0)
small = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
images = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(36, 3),
)
rows = facula.rand(32, 6), facula.rand(32, 1, 8, 8), facula.randint(0, 3, (32,))
optimizers = [
    facula.optim.SGD(small.parameters(), lr=0.01, momentum=0.9),
    facula.optim.Adam(images.parameters()),
]
for half in range(2):
    for number, size in enumerate(random.Random(0).choices(range(2, 33), k=5_000)):
        which = number % 8 == 7
        optimizers[which].zero_grad()
        scores = (images if which else small)(rows[which][:size])
        nn.functional.cross_entropy(scores, rows[2][:size]).backward()
        optimizers[which].step()
    held()
"""


def test_ten_thousand_steps_of_varying_batch_sizes_take_no_more_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    half, whole = ([int(word) for word in line.split()] for line in done.stdout.splitlines())
    assert half[:2] == whole[:2]
    assert abs(whole[2] - half[2]) < 50
    # Nor the interpreter or generated code, which the pools know nothing of.
    assert whole[3] - half[3] < 1 << 18
