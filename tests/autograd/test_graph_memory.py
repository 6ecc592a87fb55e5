"""Training keeps no tensor alive: graphs are no reference cycles that wait for the collector."""

import gc
import mmap
import random
from pathlib import Path

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


def test_ten_thousand_steps_of_varying_batch_sizes_take_no_more_memory() -> None:
    facula.manual_seed(0)
    model = facula.nn.Sequential(facula.nn.Linear(6, 8), facula.nn.ReLU(), facula.nn.Linear(8, 3))
    optimizer = facula.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    sizes = random.Random(0).choices(range(1, 33), k=10_000)
    inputs, labels = facula.rand(32, 6), facula.randint(0, 3, (32,))
    after = []
    for number, size in enumerate(sizes):
        optimizer.zero_grad()
        facula.nn.functional.cross_entropy(model(inputs[:size]), labels[:size]).backward()
        optimizer.step()
        if number % 4999 == 4998:
            gc.collect()
            stats = facula.memory_stats()
            objects = len(gc.get_objects())
            after.append((stats["reserved_bytes"], stats["allocated_bytes"], objects, _resident()))
    assert after[0][:2] == after[1][:2]
    assert abs(after[1][2] - after[0][2]) < 50
    # Nor the interpreter or generated code, which the pools know nothing of.
    assert after[1][3] - after[0][3] < 1 << 20


def _resident() -> int:
    """Bytes of this process that lie in memory; 0 where the system does not tell."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * mmap.PAGESIZE if told.exists() else 0
