"""The same plans written for other machines: narrower vectors, fewer registers, no AVX at all."""

import platform
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest
from fenced import DTYPES, run, same
from plan_cases import FAMILIES, Case
from processes import run as run_program

from facula.backend import interpreter, llvm
from facula.backend.cache import KernelCache
from facula.backend.cpu import machine
from facula.kernel.expr import input_, linearise
from facula.kernel.plan import Pointwise
from facula.kernel.target import Target

LOOSE = {"f16": 4e-3, "bf16": 3e-2, "f32": 2e-5, "f64": 1e-12}
Family = Callable[[], Iterator[Case]]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize(
    "target", [Target(64, 32), Target(32, 16), Target(16, 16), Target(32, 32)], ids=str
)
def test_other_vectors_and_registers(
    target: Target, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    if target == llvm.host_target():
        pytest.skip("test_interpreter.py runs this one")
    monkeypatch.setattr(llvm, "host_target", lambda: target)
    for text, plan, values, results in islice(family(), None, None, 13):
        code, compiled = run(plan, machine._build(plan), values)
        expected, defined = run(plan, interpreter.compile_plan(plan), values)
        assert code == expected, text
        for name, kind in results.items():
            try:
                same(compiled[name], defined[name], kind, LOOSE.get(kind))
            except AssertionError as error:
                raise AssertionError(f"{text}, {name}: {error}") from error


OLD_PROCESSOR = """
import sys
from itertools import islice
import llvmlite.binding as binding
from facula.backend import llvm
from facula.kernel.target import Target

def machine_without_extensions():
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu="x86-64", features="", opt=3, jit=True
    )

llvm._machine = machine_without_extensions
llvm.host_features = lambda: frozenset(("sse2",))
llvm.host_target = lambda: Target(16, 16)
llvm.host_identity = lambda: "x86-64 without extensions"
sys.path.insert(0, {folder!r})
from fenced import run, same
from plan_cases import FAMILIES
from facula.backend import interpreter
from facula.backend.cpu import machine
LOOSE = {loose!r}
for family in FAMILIES:
    for text, plan, values, results in islice(family(), None, None, 23):
        print(text, flush=True)
        code, compiled = run(plan, machine.compile_plan(plan), values)
        expected, defined = run(plan, interpreter.compile_plan(plan), values)
        assert code == expected
        for name, kind in results.items():
            same(compiled[name], defined[name], kind, LOOSE.get(kind))
"""


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="needs an x86-64 processor"
)
def test_a_processor_without_extensions() -> None:
    """No AVX, no FMA, no conversion of halves, no rounding instruction: 64-bit x86 as it began."""
    folder = __file__.rpartition("/")[0]
    told = run_program(OLD_PROCESSOR.format(folder=folder, loose=LOOSE))
    assert len(told.splitlines()) > 30


def test_halves_without_instructions_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every f16 to f32, and f32 around every rounding case to f16."""
    monkeypatch.setattr(llvm, "host_features", lambda: frozenset(("sse2",)))
    assert not llvm.converts_halves() or platform.machine() not in ("x86_64", "AMD64")
    monkeypatch.setattr(llvm, "host_target", lambda: Target(64, 32, l1_bytes=1))
    monkeypatch.setattr(machine, "cache", KernelCache(machine.cache.folder / "none" / "none"))
    monkeypatch.setattr(machine.cache, "writable", False)
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    bits = np.arange(1 << 16, dtype=np.uint32) << 16
    around = [bits + np.uint32(k) for k in (0, 1, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0xFFFF)]
    singles = np.concatenate(around).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        cases = (("f16", "f32", halves), ("f32", "f16", singles))
        for source, target, x in cases:
            wanted = x.astype(DTYPES[target])
            plan = Pointwise((source,), (target,), (), linearise([input_(0, "f32")]), 1, ("1", "1"))
            given = {"d0": x.size, "x0": x, "y0": np.zeros(x.size, DTYPES[target])}
            found = run(plan, machine._build(plan), given)[1]["y0"]
            assert ((found == wanted) | ((found != found) & (wanted != wanted))).all()
            assert (np.signbit(found) == np.signbit(wanted)).all()


def test_the_host_is_described() -> None:
    target = llvm.host_target()
    assert target.vector_bytes in (16, 32, 64) and target.registers in (16, 32)
    assert llvm.host_processor() in llvm.host_identity()
    assert "llvmlite" in llvm.host_identity()
    assert sys.platform != "linux" or "linux" in llvm.host_identity()
