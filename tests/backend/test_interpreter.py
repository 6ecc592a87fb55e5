"""The compiled kernel of every plan agrees with the plan's definition in plain Python."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import processes
import pytest
from fenced import Between, numbers, run, same
from plan_cases import FAMILIES, Case, update_cases

from facula.backend import interpreter, llvm
from facula.backend.cpu import machine
from facula.kernel.library.pair_matmul import PairMatMul
from facula.kernel.library.random import WORDS, WORDS_AT, Seeding
from facula.kernel.library.update import BLOCK, Update
from facula.kernel.plan import LOWERINGS

# Sums of many terms, and what stands on them.
LOOSE = {"f16": 4e-3, "bf16": 3e-2, "f32": 2e-5, "f64": 1e-12}


def check(case: Case) -> None:
    text, plan, values, results = case
    code, compiled = run(plan, machine.compile_plan(plan), values)
    expected_code, defined = run(plan, interpreter.compile_plan(plan), values)
    assert code == expected_code, text
    for name, kind in results.items():
        try:
            same(compiled[name], defined[name], kind, LOOSE.get(kind))
        except AssertionError as error:
            raise AssertionError(f"{text}, {name}: {error}") from error
    if "state" in values:  # the generator stands at the same word in both
        assert (state_of(compiled["state"]) == state_of(defined["state"])).all(), text
    for name in compiled.keys() - results.keys() - {"scratch", "state", "sums"}:
        if not name.startswith("spare"):
            assert compiled[name].tobytes() == values[name].tobytes(), f"{text} wrote to {name}"


def state_of(memory: np.ndarray) -> np.ndarray:
    """The words and counters, without the stage and without the cached normal's last bits."""
    fields, words = memory[:24], memory[WORDS_AT : WORDS_AT + 4 * WORDS]
    return np.concatenate([fields, words])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_compiled_kernels_do_what_the_definition_says(family: Callable[[], Iterator[Case]]) -> None:
    for case in family():
        check(case)


def test_every_plan_has_a_definition() -> None:
    assert LOWERINGS.keys() == interpreter.DEFINITIONS.keys()


def test_every_plan_has_a_case() -> None:
    tried = {type(case[1]) for family in FAMILIES for case in family()}
    tried |= {type(plan) for _, plan, _ in update_cases()}
    if not llvm.host_target().tiles:
        tried.add(PairMatMul)
    assert tried == LOWERINGS.keys()


@pytest.mark.parametrize("case", list(update_cases()), ids=lambda case: case[0])
def test_updates(case: tuple[str, Update, list[int]]) -> None:
    _, plan, lengths = case
    rows = len(lengths)
    begins = np.cumsum([0, *(-(-n // BLOCK) for n in lengths)])
    layout = np.array([*begins, *lengths], np.int64)
    outcomes = []
    for kernel in (machine.compile_plan(plan), interpreter.compile_plan(plan)):
        tensors = [
            [Between(numbers(plan.kind, n, 7 * t + r)) for r, n in enumerate(lengths)]
            for t in range(plan.tensors)
        ]
        table = np.array([place.address for row in tensors for place in row], np.int64)
        scalars = [0.9] * plan.scalars
        kernel(layout.ctypes.data, table.ctypes.data, rows, begins[-1], sum(lengths), *scalars)
        outcomes.append([place.result() for row in tensors for place in row])
    for one, other in zip(*outcomes, strict=True):
        same(one, other, plan.kind)


def test_no_kernel_reads_behind_its_operands() -> None:
    """In a process of its own, where memory behind each operand must not be touched."""
    program = Path(__file__).with_name("read_to_the_edge.py").read_text(encoding="utf-8")
    told = processes.start(program.replace("__file__", repr(__file__)))
    out, err = told.communicate(timeout=300)
    assert told.returncode == 0, f"after {out.splitlines()[-1:]}: {err[-2000:]}"


STEP = """
import facula as torch
from facula import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
optimizer = torch.optim.{optimizer}(model.parameters(), lr=0.05)
x, y = torch.randn(8, 6), torch.randint(0, 3, (8,))
for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    print(loss.item())
"""


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_whole_programs_run_on_the_interpreter(optimizer: str) -> None:
    losses = []
    for backend in ("llvm", "interpreter"):
        told = processes.run(STEP.format(optimizer=optimizer), FACULA_BACKEND=backend)
        losses.append([float(line) for line in told.split()])
    assert len(losses[0]) == 3
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_a_wrong_number_of_arguments() -> None:
    for kernel_of in (machine.compile_plan, interpreter.compile_plan):
        with pytest.raises(TypeError, match="kernel takes 3 arguments, got 1"):
            kernel_of(Seeding())(1)
