"""Runs PyTorch's samples on memory that faults where anything outside a storage is touched.

Each tensor of a sample lies in a storage of its own that ends, or begins, at a forbidden page;
every sample runs forward and backward, in several layouts, in a process that may die: what it ran
last is then reported, and another goes on behind it. Storages come full of one byte, and results
must not depend on which (`--twice`). Note [guarded memory].

    python tests/compat/guarded_memory.py --filter conv --side start
"""

import argparse
import ctypes
import faulthandler
import itertools
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DTYPES = ("float32", "int64", "bool", "complex64", "bfloat16")
LAYOUTS = ("given", "turned", "stepped", "offset", "expanded", "overlapping")
SECONDS = 60  # a sample that takes longer ends its process


# --- the process that may die --------------------------------------------------------------------


def strides_of(layout: str, shape: tuple[int, ...], given: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a layout; the storage is as short as they allow."""
    rank = len(shape)
    strides = [0] * rank
    width = 1
    for k in range(rank) if layout == "turned" else reversed(range(rank)):
        strides[k] = width * (2 if layout == "stepped" else 1)
        width = strides[k] * max(shape[k], 1) if layout != "stepped" else strides[k] * shape[k] + 1
    if layout == "expanded":
        strides = [0 if k == rank - 1 else n for k, n in enumerate(strides)]
    if layout == "overlapping":
        strides = [1] * rank
    return given if layout == "given" else tuple(strides)


class Maker:
    """Builds facula's tensors from PyTorch's, in one layout."""

    def __init__(self, facula: Any, torch: Any) -> None:
        self.facula = facula
        self.torch = torch
        self.layout = "given"

    def tensor(self, source: Any) -> Any:
        facula, torch = self.facula, self.torch
        plain = source.detach().resolve_conj().resolve_neg()
        dtype = getattr(facula, str(plain.dtype).removeprefix("torch."))
        size, shape = plain.element_size(), tuple(plain.shape)
        strides, offset = strides_of(self.layout, shape, plain.stride()), 0
        if self.layout == "given":
            offset = plain.storage_offset()
        elif self.layout == "offset":
            offset = 3
        length = offset
        if plain.numel():
            length += 1 + sum((n - 1) * s for n, s in zip(shape, strides))
        # Zeros, for samples that look into the gaps.
        whole = facula.zeros(length, dtype=dtype)
        if self.layout == "given":
            if length:
                ctypes.memmove(whole.data_ptr(), plain.untyped_storage().data_ptr(), length * size)
        elif plain.numel():
            # PyTorch's copy into the same strides over the same bytes.
            raw = (ctypes.c_char * (length * size)).from_address(whole.data_ptr())
            there = torch.frombuffer(raw, dtype=plain.dtype).as_strided(shape, strides, offset)
            for place in itertools.product(*map(range, shape)) if overlaps(shape, strides) else ():
                there[place] = plain[place]
            if not overlaps(shape, strides):
                there.copy_(plain)
        made = whole.as_strided(shape, strides, offset)
        return made.requires_grad_(True) if source.requires_grad else made


def overlaps(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    reach = 1
    for step, n in sorted((s, n) for s, n in zip(strides, shape) if n > 1):
        if step < reach:
            return True
        reach = step * (n - 1) + reach
    return False


def leaves(value: Any, tensor: type) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [leaf for one in value for leaf in leaves(one, tensor)]
    return [value] if isinstance(value, tensor) else []


def digest(values: list[Any]) -> int:
    """Depends on every byte of some tensors' elements."""
    found = 0
    for one in values:
        dense = one.detach().resolve_conj().resolve_neg().contiguous()
        raw = ctypes.string_at(dense.data_ptr(), dense.numel() * dense.element_size())
        found = zlib.crc32(raw, zlib.crc32(repr(tuple(dense.shape)).encode(), found))
    return found


class Child:
    """Runs cases, each noted before it begins where a parent finds it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        with open(order["note"], "r+b") as file:
            self.note = mmap.mmap(file.fileno(), 4096)
        self.skipped = set(order["skip"])
        self.results = open(order["results"], "a", encoding="utf-8")  # noqa: SIM115
        self.count = 0

    def case(self, text: str, run: Callable[[], list[Any]]) -> None:
        if text in self.skipped:
            return
        self.note[:] = text.encode()[:4095].ljust(4096, b"\0")
        self.count += 1
        signal.alarm(SECONDS)
        faulthandler.dump_traceback_later(SECONDS - 5)
        try:
            outcome = str(digest(run()))
        except Exception as error:
            outcome = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if isinstance(error, SystemError | OverflowError | AttributeError | NameError):
                outcome += " | " + " ".join(traceback.format_exc().split())[-700:]
        finally:
            signal.alarm(0)
            faulthandler.cancel_dump_traceback_later()
        self.results.write(f"{text}\t{outcome}\n")
        self.results.flush()


def child(order: dict[str, Any]) -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "backend")]
    faulthandler.enable()
    import guarded

    guarded.install(order["side"], order["filling"])
    import torch

    import facula
    from tests.compat import op_db

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    runner = Child(order)
    maker = Maker(facula, torch)
    op_db.tensor_of = maker.tensor
    entries = [*op_db.ENTRIES.items()][order["part"] :: order["parts"]]
    for name, op in entries:
        if order["filter"] not in name or (order["names"] and name not in order["names"]):
            continue
        for dtype in order["dtypes"]:
            group = f"{name} {dtype}"
            if group in order["done"] or getattr(torch, dtype) not in op.dtypes:
                continue
            run_entry(runner, maker, op_db, op, group, dtype)
            print(group, flush=True)
    print(f"= {runner.count}", flush=True)


def run_entry(runner: Child, maker: Maker, op_db: Any, op: Any, group: str, dtype: str) -> None:
    """All samples of an entry at a dtype."""
    torch, facula = maker.torch, maker.facula
    kind = getattr(torch, dtype)
    torch.manual_seed(0)
    try:
        function = op_db.counterpart(op)
        graded = op.supports_autograd and (kind.is_floating_point or kind.is_complex)
        samples = list(op.sample_inputs("cpu", kind, requires_grad=graded))
    except (op_db.Difference, RuntimeError) as error:
        print(f"# {group}: {error}", flush=True)
        return
    if runner.order["first"]:
        samples = samples[: runner.order["first"]]

    def run(sample: Any, layout: str) -> list[Any]:
        maker.layout = layout
        ours = [op_db.translate(one) for one in (sample.input, list(sample.args), sample.kwargs)]
        facula.manual_seed(7)
        torch.manual_seed(7)
        y = leaves(op_db.call(function, tuple(ours)), facula.Tensor)
        found = [] if op.name in op_db.UNINITIALISED else list(y)
        wanted = [one for one in leaves(ours, facula.Tensor) if one.requires_grad]
        y = [one for one in y if one.requires_grad]
        if y and wanted:
            ones = [facula.ones(one.shape, dtype=one.dtype) for one in y]
            grads = facula.autograd.grad(y, wanted, ones, allow_unused=True)
            if op.name not in op_db.UNINITIALISED:
                found += [g for g in grads if g is not None]
        return found

    for place, sample in enumerate(samples):
        for layout in runner.order["layouts"]:
            runner.case(f"{group} {place} {layout}", lambda s=sample, la=layout: run(s, la))


# --- the process that watches --------------------------------------------------------------------


def sweep(order: dict[str, Any], say: Callable[[str], None] = print) -> tuple[dict[str, str], list]:
    """Runs the order in processes one after the other; outcomes by case, and the faults."""
    faults: list[str] = []
    order = order | {"skip": [], "done": []}
    with tempfile.TemporaryDirectory() as folder:
        note, results = Path(folder, "note"), Path(folder, "results")
        note.write_bytes(bytes(4096))
        results.touch()
        order |= {"note": str(note), "results": str(results)}
        while True:
            process = subprocess.run(
                [sys.executable, __file__, "--child", json.dumps(order)],
                capture_output=True, text=True, cwd=ROOT,
                env=dict(os.environ) | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
            )  # fmt: skip
            lines = process.stdout.split("\n")
            order["done"] += [line for line in lines if line and line[0] not in "#="]
            if process.returncode == 0:
                break
            last = note.read_bytes().rstrip(b"\0").decode(errors="replace")
            where = [line.strip() for line in process.stderr.split("\n")]
            mine = [line for line in where if "facula/" in line or "rror" in line]
            text = f"{last}: exit {process.returncode}: {' < '.join(mine[:9])[:900]}"
            faults.append(text)
            say(f"FAULT {text}")
            if not last or last in order["skip"]:
                say(process.stderr[-3000:])
                break
            order["skip"].append(last)
            note.write_bytes(bytes(4096))
        rows = [line.split("\t", 1) for line in results.read_text().split("\n") if line]
    return dict(row for row in rows if len(row) == 2), faults


def differences(one: dict[str, str], other: dict[str, str]) -> Iterator[str]:
    """Cases whose results depend on what fresh memory held."""
    for case in one.keys() & other.keys():
        if one[case] != other[case]:
            yield f"{case}: {one[case]} and {other[case]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--filter", default="", help="entries whose name contains this")
    parser.add_argument("--names", default="", help="entries of exactly these names, by commas")
    parser.add_argument("--dtype", default=",".join(DTYPES))
    parser.add_argument("--layout", default=",".join(LAYOUTS))
    parser.add_argument("--side", default="end", choices=("end", "start"))
    parser.add_argument("--first", type=int, default=0, help="samples an entry; 0: all")
    parser.add_argument("--part", default="0/1", help="only each n-th entry: k/n")
    parser.add_argument("--twice", action="store_true", help="again on memory full of zeros")
    parser.add_argument("--log", default="", help="a file for the outcome of every case")
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child))
        return
    part, parts = map(int, options.part.split("/"))
    order = {
        "filter": options.filter, "names": [n for n in options.names.split(",") if n],
        "dtypes": options.dtype.split(","), "layouts": options.layout.split(","),
        "side": options.side, "first": options.first, "part": part, "parts": parts,
        "filling": 0xA5,
    }  # fmt: skip
    began = time.monotonic()
    outcomes, faults = sweep(order)
    if options.twice:
        again, more = sweep(order | {"filling": 0})
        faults += more
        for line in sorted(differences(outcomes, again)):
            print(f"UNINITIALISED {line}")
    if options.log:
        Path(options.log).write_text("".join(f"{k}\t{v}\n" for k, v in outcomes.items()))
    print(f"{len(outcomes)} cases, {len(faults)} faults, {time.monotonic() - began:.0f} s")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
