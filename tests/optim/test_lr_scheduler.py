"""Schedules give PyTorch's rates to the last bit, also saved and resumed; errors and warnings."""

import json
import re
from types import ModuleType
from typing import Any

import pytest

import facula
from facula.optim import lr_scheduler
from facula.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from tests.optim.schedules import SCHEDULES, SIMPLE, STORED, advance, optimizer_of, path

stored = json.loads(STORED.read_text())
EPOCH = "ignore:The epoch parameter in `scheduler.step:UserWarning"


def optimizer(lr: float = 0.1) -> facula.optim.Optimizer:
    return facula.optim.SGD([facula.tensor([1.0], requires_grad=True)], lr=lr)


@pytest.mark.parametrize("name", SCHEDULES)
def test_stored_rates(name: str) -> None:
    assert path(facula, name) == stored[name]


@pytest.mark.parametrize("name", SCHEDULES)
def test_reloaded_schedule_goes_on(name: str) -> None:
    assert path(facula, name, reload_at=11) == stored[name]


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("name", SCHEDULES)
def test_state_dict_has_torchs_keys(torch: ModuleType, name: str) -> None:
    ours, theirs = (
        SCHEDULES[name](package.optim.lr_scheduler, optimizer_of(package)).state_dict()
        for package in (facula, torch)
    )
    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("name", SIMPLE)
def test_resumed_by_last_epoch(torch: ModuleType, name: str, monkeypatch: Any) -> None:
    def resumed(package: ModuleType) -> list[list[float]]:
        module = package.optim.lr_scheduler
        first = SCHEDULES[name](module, optimizer_of(package))
        for number in range(5):
            advance(first, number)
        kind = type(first)
        construct = kind.__init__
        with monkeypatch.context() as patch:
            patch.setattr(
                kind,
                "__init__",
                lambda self, *a, **k: construct(self, *a, **k, last_epoch=first.last_epoch),
            )
            second = SCHEDULES[name](module, first.optimizer)
        rows = [second.get_last_lr()]
        for number in range(6):
            advance(second, number)
            rows.append(second.get_last_lr())
        return rows

    assert resumed(facula) == resumed(torch)


@pytest.mark.filterwarnings(EPOCH)
@pytest.mark.parametrize("name", SIMPLE)
def test_rates_of_a_given_epoch(torch: ModuleType, name: str) -> None:
    def given(package: ModuleType) -> list[list[float]]:
        scheduler = SCHEDULES[name](package.optim.lr_scheduler, optimizer_of(package))
        rows = []
        for epoch in (3, 1, 0, 7, 8.5 if "restarts" in name else 8):
            scheduler.optimizer.step()
            scheduler.step(epoch)
            rows.append(list(scheduler.get_last_lr()))
        return rows

    assert given(facula) == given(torch)


def test_one_cycle_of_beta1(torch: ModuleType) -> None:
    def betas(package: ModuleType) -> list[Any]:
        adam = package.optim.Adam([package.tensor([1.0], requires_grad=True)])
        scheduler = package.optim.lr_scheduler.OneCycleLR(adam, 1.0, total_steps=10)
        rows = []
        for _ in range(9):
            adam.step()
            scheduler.step()
            rows.append(adam.param_groups[0]["betas"])
        return rows

    assert betas(facula) == betas(torch)


def test_own_schedule() -> None:
    class Halve(LRScheduler):
        def get_lr(self) -> list[float]:
            return [base / 2**self.last_epoch for base in self.base_lrs]

    o = optimizer(0.8)
    scheduler = Halve(o)
    o.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.4]
    assert o.param_groups[0]["lr"] == 0.4
    assert o.param_groups[0]["initial_lr"] == 0.8


def test_tensor_rate_stays_that_tensor() -> None:
    rate = facula.tensor(0.5)
    o = facula.optim.SGD([facula.tensor([1.0], requires_grad=True)], lr=rate)
    scheduler = ExponentialLR(o, 0.5)
    o.step()
    scheduler.step()
    assert o.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25
    assert scheduler.base_lrs == [0.5]


def test_callable_objects_are_saved() -> None:
    class Slope:
        def __init__(self, slope: float):
            self.slope = slope

        def __call__(self, epoch: int) -> float:
            return 1 - self.slope * epoch

    state = LambdaLR(optimizer(), Slope(0.1)).state_dict()
    assert state["lr_lambdas"] == [{"slope": 0.1}]
    other = MultiplicativeLR(optimizer(), Slope(0.5))
    other.load_state_dict(state)
    assert other.lr_lambdas[0].slope == 0.1


# --- warnings ----------------------------------------------------------------------------------


def test_schedule_before_optimizer_warns() -> None:
    scheduler = StepLR(optimizer(), 1)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()


def test_overridden_step_warns() -> None:
    o = optimizer()
    scheduler = StepLR(o, 1)
    o.step = lambda: None
    o.step()
    with pytest.warns(UserWarning, match=r"`optimizer.step\(\)` has been overridden after"):
        scheduler.step()


def test_epoch_argument_warns() -> None:
    o = optimizer()
    scheduler = StepLR(o, 1)
    o.step()
    with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
        scheduler.step(3)


def test_get_lr_outside_step_warns() -> None:
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        assert StepLR(optimizer(), 2).get_lr() == [0.1]


# --- errors ------------------------------------------------------------------------------------


def errors() -> list[tuple[Any, type[Exception], str]]:
    o, other = optimizer(), optimizer()
    return [
        (lambda: StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda: StepLR(o, 1, last_epoch=3), KeyError, "param 'initial_lr' is not specified"),
        (lambda: LambdaLR(o, [abs, abs]), ValueError, "Expected 1 lr_lambdas, but got 2"),
        (lambda: LinearLR(o, 0.0), ValueError, "Starting multiplicative factor expected"),
        (lambda: LinearLR(o, 0.5, 2.0), ValueError, "Ending multiplicative factor expected"),
        (lambda: ConstantLR(o, 2.0), ValueError, "Constant multiplicative factor expected"),
        (lambda: SequentialLR(o, [], []), ValueError, "expects at least one scheduler"),
        (
            lambda: SequentialLR(o, [StepLR(o, 1)], [3]),
            ValueError,
            "expects number of schedulers provided to be one more than the number of milestone",
        ),
        (
            lambda: SequentialLR(o, [StepLR(other, 1), StepLR(other, 1)], [3]),
            ValueError,
            "expects all schedulers to belong to the same optimizer",
        ),
        (
            lambda: ChainedScheduler([ReduceLROnPlateau(o)]),
            ValueError,
            "does not support `ReduceLROnPlateau` scheduler",
        ),
        (lambda: CosineAnnealingWarmRestarts(o, 0), ValueError, "Expected positive integer T_0"),
        (lambda: CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "Expected integer T_mult >= 1"),
        (lambda: OneCycleLR(o, 0.1), ValueError, "You must define either total_steps OR"),
        (lambda: OneCycleLR(o, 0.1, total_steps=0), ValueError, "positive integer total_steps"),
        (
            lambda: OneCycleLR(o, [0.1, 0.2], total_steps=5),
            ValueError,
            "max_lr must have the same length as optimizer.param_groups",
        ),
        (lambda: ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0."),
        (lambda: ReduceLROnPlateau(o, mode="x"), ValueError, "mode x is unknown!"),
        (lambda: ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "expected 1 min_lrs, got 2"),
    ]


@pytest.mark.parametrize(("make", "kind", "message"), errors())
def test_error(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        make()


def test_too_many_steps_of_one_cycle() -> None:
    o = optimizer()
    scheduler = OneCycleLR(o, 0.1, total_steps=2, cycle_momentum=False)
    for _ in range(2):
        o.step()
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 3 times. The specified number of total st"):
        scheduler.step()


def test_every_schedule_is_public() -> None:
    assert all(hasattr(lr_scheduler, name) for name in lr_scheduler.__all__)
