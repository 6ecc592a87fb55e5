"""Runs the first sample of every operation over and over: nothing may be left of it.

Live bytes of the pools, objects the collector knows, and what the process holds are compared after
some turns and after many. Note [guarded memory].

    python tests/compat/leaks.py --filter conv
"""

import argparse
import gc
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

import facula
from facula.backend.cpu import machine
from tests.compat import op_db

WARM = 12
OBJECTS = 8  # so many more may be left after many turns: tables grow now and then


def resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def tensors(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [leaf for one in value for leaf in tensors(one)]
    return [value] if isinstance(value, facula.Tensor) else []


def measure() -> tuple[int, int]:
    """Bytes in use, and objects, once the garbage is gone."""
    gc.collect()
    return machine.memory.statistics()["allocated_bytes"], len(gc.get_objects())


def leak(name: str, dtype: str, turns: int) -> str:
    """What an operation leaves behind; "" if nothing."""
    op = op_db.ENTRIES[name]
    kind = getattr(torch, dtype)
    if kind not in op.dtypes:
        return ""
    torch.manual_seed(0)
    try:
        function = op_db.counterpart(op)
        sample = next(iter(op.sample_inputs("cpu", kind, requires_grad=op.supports_autograd)), None)
    except (op_db.Difference, RuntimeError):
        return ""
    if sample is None:
        return ""
    given = (sample.input, list(sample.args), sample.kwargs)

    def turn() -> None:
        ours = op_db.translate(list(given))
        y = [one for one in tensors(op_db.call(function, tuple(ours))) if one.requires_grad]
        wanted = [one for one in tensors(ours) if one.requires_grad]
        if y and wanted:
            ones = [facula.ones(one.shape, dtype=one.dtype) for one in y]
            facula.autograd.grad(y, wanted, ones, allow_unused=True)

    cycles = 0
    try:
        for _ in range(WARM):
            turn()
        before = measure()
        gc.disable()
        for _ in range(turns):
            turn()
        live = machine.memory.statistics()["allocated_bytes"] - before[0]
        cycles = gc.collect()
    except Exception:
        return ""  # what fails is compared elsewhere
    finally:
        gc.enable()
    after = measure()
    found = []
    if after[0] - before[0] > 0:
        found.append(f"{after[0] - before[0]} bytes in use")
    if after[1] - before[1] > OBJECTS:
        found.append(f"{after[1] - before[1]} objects")
    if cycles > turns // 2:
        found.append(f"{cycles} objects that only the collector finds ({live} bytes)")
    return f"{name} {dtype}: {', '.join(found)}" if found else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--part", default="0/1", help="only each n-th entry: k/n")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    count, found = 0, 0
    held: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in [n for n in op_db.ENTRIES if options.filter in n][part::parts]:
            text = leak(name, options.dtype, options.turns)
            count += 1
            held.append(resident())
            if text:
                found += 1
                print(text, flush=True)
    print(f"{count} entries, {found} leave something; {held[0] >> 20} to {held[-1] >> 20} MiB held")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
