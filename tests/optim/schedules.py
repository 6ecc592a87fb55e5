"""The table of learning-rate schedules, made with any package of PyTorch's interface.

`python -m tests.optim.schedules` writes what real PyTorch does to `schedules.json`.
"""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

STORED = Path(__file__).with_name("schedules.json")
STEPS = 24
METRICS = [5, 4, 4, 4, 3.99, 4, 5, 6, 6, 6, 2, 2, 2, 2, 2, 2, 1, 1, 3, 3, 3, 3, 3, 3]

# name: function(lr_scheduler module, optimizer)
SCHEDULES: dict[str, Any] = {
    "step": lambda s, o: s.StepLR(o, 3, 0.5),
    "step every time": lambda s, o: s.StepLR(o, 1, 0.7),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9]),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.93),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 7, 0.01),
    "cosine of one": lambda s, o: s.CosineAnnealingLR(o, 1),
    "long cosine": lambda s, o: s.CosineAnnealingLR(o, 30),
    "lambda": lambda s, o: s.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (1 + e)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.95),
    "linear": lambda s, o: s.LinearLR(o, 0.3, 0.9, 6),
    "constant": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "polynomial": lambda s, o: s.PolynomialLR(o, 6, 1.7),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.001),
    "equal restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4),
    "one cycle": lambda s, o: s.OneCycleLR(o, 1.0, total_steps=24),
    "one cycle in three": lambda s, o: s.OneCycleLR(
        o,
        [1.0, 0.5],
        epochs=3,
        steps_per_epoch=8,
        three_phase=True,
        anneal_strategy="linear",
        cycle_momentum=False,
    ),
    "sequence": lambda s, o: s.SequentialLR(
        o,
        [
            s.LinearLR(o, 0.1, 1.0, 3),
            s.ConstantLR(o, 0.5, 2),
            s.CosineAnnealingLR(o, 8),
            s.ExponentialLR(o, 0.9),
        ],
        [3, 8, 15],
    ),
    "another sequence": lambda s, o: s.SequentialLR(
        o,
        [
            s.ExponentialLR(o, 0.9),
            s.StepLR(o, 2, 0.5),
            s.PolynomialLR(o, 4),
            s.MultiStepLR(o, [1, 3]),
        ],
        [3, 7, 12],
    ),
    "warm-up before restarts": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingWarmRestarts(o, 5)], [4]
    ),
    "chain": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]),
    "chain in a sequence": lambda s, o: s.SequentialLR(
        o,
        [
            s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]),
            s.ExponentialLR(o, 0.8),
        ],
        [4],
    ),
    "plateau": lambda s, o: s.ReduceLROnPlateau(o, patience=2, cooldown=1, min_lr=0.001),
    "plateau of a maximum": lambda s, o: s.ReduceLROnPlateau(
        o,
        mode="max",
        threshold_mode="abs",
        threshold=0.1,
        factor=0.5,
        patience=1,
        min_lr=[0.01, 0.02],
    ),
}
# Those that are resumed by `last_epoch` and asked for a given epoch.
SIMPLE = list(SCHEDULES)[:16]


def optimizer_of(package: ModuleType) -> Any:
    """Two groups with rates 0.1 and 0.3."""
    a, b = (package.tensor([1.0], requires_grad=True) for _ in range(2))
    return package.optim.SGD([{"params": a}, {"params": b, "lr": 0.3}], lr=0.1, momentum=0.9)


def advance(scheduler: Any, number: int) -> None:
    """One step of optimizer and schedule."""
    scheduler.optimizer.step()
    if "Plateau" in type(scheduler).__name__:
        scheduler.step(METRICS[number])
    else:
        scheduler.step()


def path(package: ModuleType, name: str, reload_at: int | None = None) -> list[list[float]]:
    """Rates and momenta before each of 24 steps; at `reload_at` state moves to fresh objects."""
    schedules = package.optim.lr_scheduler
    scheduler = SCHEDULES[name](schedules, optimizer_of(package))
    rows = []
    for number in range(STEPS):
        groups = scheduler.optimizer.param_groups
        assert scheduler.get_last_lr() == [group["lr"] for group in groups]
        rows.append([group[key] for group in groups for key in ("lr", "momentum")])
        if number < STEPS - 1:
            advance(scheduler, number)
        if number == reload_at:
            saved = scheduler.state_dict(), scheduler.optimizer.state_dict()
            scheduler = SCHEDULES[name](schedules, optimizer_of(package))
            scheduler.optimizer.load_state_dict(saved[1])
            scheduler.load_state_dict(saved[0])
    return rows


def main() -> None:
    import warnings

    import torch

    warnings.simplefilter("ignore")
    lines = [f"{json.dumps(name)}:{json.dumps(path(torch, name))}" for name in SCHEDULES]
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
