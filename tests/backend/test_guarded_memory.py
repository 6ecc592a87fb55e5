"""No kernel touches anything outside a storage. Note [guarded memory]."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT, start

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by ctypes")
HERE = Path(__file__).parent
PRELUDE = f"""
import ctypes, sys
sys.path.insert(0, {str(HERE)!r})
import guarded
Guarded = guarded.install("{{side}}", 0xA5)
import facula as torch
from facula.backend.cpu import machine
assert type(machine.memory) is Guarded
x = torch.empty(3)
assert bytes(x.untyped_storage().buffer()) == bytes([0xA5]) * 12
y = (x.zero_() + 1).exp().sum().item()
"""
TOUCH = """
print("here", flush=True)
ctypes.string_at(x.data_ptr() + {place}, 1)
print("there", flush=True)
"""
TOUCH_FREED = """
place = x.data_ptr()
print("here", flush=True)
del x
ctypes.string_at(place, 1)
"""


@pytest.mark.parametrize(
    "side, program, ends",
    [
        ("end", TOUCH.format(place=11), False), ("end", TOUCH.format(place=12), True),
        ("start", TOUCH.format(place=0), False), ("start", TOUCH.format(place=-1), True),
        ("end", TOUCH_FREED, True),
    ],
)  # fmt: skip
def test_a_stray_access_ends_the_process(side: str, program: str, ends: bool) -> None:
    process = start(PRELUDE.format(side=side) + program)
    out, err = process.communicate(timeout=60)
    if ends:
        assert (process.returncode, out) == (-signal.SIGSEGV, "here\n"), err
    else:
        assert (process.returncode, out) == (0, "here\nthere\n"), err


@pytest.mark.parametrize("side", ["end", "start"])
def test_kernels_stay_inside_storages(side: str) -> None:
    # A stride prime to the numbers of dtypes and layouts: each case in some, all in the command.
    command = [sys.executable, str(HERE / "guarded_cases.py"), side, "31"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    last = done.stdout.strip().split("\n")[-1]
    assert done.returncode == 0, f"{last}\n{done.stderr[-3000:]}"
    assert int(last.split()[0]) > 300
