"""Random programs of six hundred kinds of line on both packages, compared line by line.

Note [comparing with PyTorch].

`random_programs.py` writes a program against PyTorch's state (`differential.py` has fewer kinds of
line). Here it runs on both. After each line
every variable is compared: dtype, shape, strides, offset, requires_grad, which variables share
memory, and values; then ours get PyTorch's bits, so that every line is judged from the same numbers
and a step (floor, ==, argmax) never shows how the line before was rounded. At the end gradients,
and theirs. A program that differs is shrunk to the lines that are needed and printed as a script.

    python -m tests.compat.wide_differential --count 1000 --seed 5

runs the programs in a process of its own: a crash is reported with its program, and what is left
alive or in memory when the programs have gone is measured.
"""

import argparse
import ctypes
import gc
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

import facula
from tests.compat.differential import Difference, address, same_sharing, variables
from tests.compat.random_programs import indices, literal, make, step, write

# Relative to the numbers that a line reads or makes: its own rounding, nothing from before.
TOLERANCE = {
    "float32": 2e-5, "float64": 1e-10, "float16": 4e-3, "bfloat16": 3e-2, "complex64": 2e-5,
    "complex128": 1e-10,
}  # fmt: skip
# Gradients go through all lines, some of which multiply what was rounded.
SLACK = 50
COMPARISONS = ("Eq", "Ne", "Lt", "Le", "Gt", "Ge")  # nodes of PyTorch's comparisons in place


# --- comparing -----------------------------------------------------------------------------------


def pattern(v: Any) -> list[tuple[int, int]]:
    """Sizes and strides that matter: those of dimensions with more than one element."""
    if v.numel() == 0:
        return []
    return [(n, s) for n, s in zip(v.shape, v.stride(), strict=True) if n != 1]


def compare_tensor(name: str, got: Any, expected: torch.Tensor) -> None:
    """Everything but values."""
    # PyTorch marks what comparisons write into; no gradient can ever reach it.
    marked = not (expected.is_floating_point() or expected.is_complex()) or (
        expected.grad_fn is not None and type(expected.grad_fn).__name__[:2] in COMPARISONS
    )
    tracked = () if marked else ("requires_grad", "is_leaf")
    for what in ("dtype", "shape", *tracked):
        one, other = getattr(got, what), getattr(expected, what)
        if str(one).replace("facula", "torch") != str(other):
            raise Difference(f"{name}.{what}: {one}, expected {other}")
    for what in ("is_conj", "is_neg"):
        if getattr(got, what)() != getattr(expected, what)():
            raise Difference(f"{name}.{what}() differs")
    if pattern(got) != pattern(expected):
        raise Difference(f"{name}.stride(): {got.stride()}, expected {expected.stride()}")
    if expected.numel() and got.storage_offset() != expected.storage_offset():
        raise Difference(f"{name}: offset {got.storage_offset()}, not {expected.storage_offset()}")


def as_torch(got: Any) -> torch.Tensor:
    """A copy of our tensor for PyTorch."""
    dense = got.detach().resolve_conj().resolve_neg().contiguous()
    made = torch.empty(
        tuple(dense.shape), dtype=getattr(torch, str(dense.dtype).rpartition(".")[2])
    )
    ctypes.memmove(made.data_ptr(), dense.data_ptr(), made.numel() * made.element_size())
    return made


def largest(values: list[torch.Tensor]) -> float:
    """The largest finite magnitude."""
    found = 1.0
    for v in values:
        if v.numel() and (v.is_floating_point() or v.is_complex()):
            sizes = v.detach().abs().double()
            sizes = sizes[torch.isfinite(sizes)]
            found = max(found, float(sizes.max()) if sizes.numel() else 0.0)
    return found


def compare_values(name: str, got: Any, expected: torch.Tensor, scale: float, base: float) -> bool:
    """False if they are close, True if they are the same bits."""
    made = as_torch(got)
    expected = expected.detach().resolve_conj().resolve_neg().contiguous()
    count = made.numel() * made.element_size()
    if ctypes.string_at(made.data_ptr(), count) == ctypes.string_at(expected.data_ptr(), count):
        return True
    try:
        torch.testing.assert_close(made, expected, rtol=base, atol=base * scale, equal_nan=True)
    except AssertionError as error:
        raise Difference(f"{name}: " + " ".join(str(error).split())[:200]) from None
    return False


def synchronise(got: Any, expected: torch.Tensor) -> None:
    """Gives our tensor PyTorch's bits; strides agree."""
    reach = sum((n - 1) * s for n, s in zip(expected.shape, expected.stride(), strict=True))
    ctypes.memmove(got.data_ptr(), expected.data_ptr(), (1 + reach) * expected.element_size())


def tolerance(*tensors: Any) -> float:
    """Of the coarsest dtype among these."""
    return max([TOLERANCE.get(str(v.dtype).rpartition(".")[2], 0.0) for v in tensors], default=0.0)


def compare(ours: dict[str, Any], theirs: dict[str, Any], line: str) -> None:
    named = [theirs[n] for n in re.findall(r"\bv\d+\b", line) if n in theirs]
    scale = largest(named)
    # What a line makes in two steps, it may round in the dtype of the first.
    coarse = tolerance(*named, *[_Kind(word) for word in TOLERANCE if word in line])
    for name in variables(theirs):
        got, expected = ours.get(name), theirs[name]
        if not isinstance(expected, torch.Tensor) or got is None:
            continue
        compare_tensor(name, got, expected)
        if expected.numel():
            base = tolerance(expected)
            base = max(base, coarse) if base else 0.0
            if not compare_values(name, got, expected, scale, base):
                synchronise(got, expected)


class _Kind:
    """Something of a dtype."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def same_fact(line: str, got: Any, expected: Any) -> None:
    """A number, a size, a dtype, a text: as they are printed, numbers as near as values."""
    numbers = (float, complex)
    if isinstance(got, numbers) and isinstance(expected, numbers):
        if got == expected or abs(got - expected) <= 1e-4 * (1 + abs(expected)):
            return
        if got != got and expected != expected:
            return
    if repr(got).replace("facula", "torch") != repr(expected):
        raise Difference(f"{line}: {got!r:.200}, expected {expected!r:.200}")


# --- running -------------------------------------------------------------------------------------


def shares(line: str, scope: dict[str, Any]) -> bool:
    """Whether a write reads other memory of the storage that it writes."""
    written = re.match(r"(?:with t.no_grad\(\): )?(v\d+)|.*out=(v\d+)\)", line)
    if written is None or " = " in line[:6] and line[0] in "vp" and "] = " not in line:
        return False
    name = written[1] or written[2]
    if name not in scope:
        return False
    target = scope[name]
    read = re.findall(r"\bv\d+\b", line)
    if re.search(r"\.(masked_scatter|scatter|index|put)\w*_\(", line) and read.count(name) > 1:
        return True
    others = [scope[n] for n in read if n in scope and n != name]
    found = [v for v in others if isinstance(v, torch.Tensor) and v.numel()]
    return any(address(v) == address(target) for v in found)


def is_stale(scope: dict[str, Any]) -> bool:
    """PyTorch refuses to say anything about one of several views after a write to their base."""
    try:
        return any(scope[n].is_leaf is None for n in variables(scope))
    except RuntimeError:
        return True


# What PyTorch refuses and we do, because our graph keeps what a gradient reads or has a formula.
OURS_CAN = (
    "modified by an inplace operation", "is not implemented", "is not supported",
    "INTERNAL ASSERT", "function that returns multiple views", "second time",
    "not implemented the derivative",
)  # fmt: skip


def can(error: BaseException | None) -> bool:
    return any(text in str(error) for text in OURS_CAN)


def run(lines: list[str]) -> None:
    """Runs a program on both; Difference where they part."""
    ours: dict[str, Any] = {"t": facula, "make": make, "indices": indices}
    theirs: dict[str, Any] = {"t": torch, "make": make, "indices": indices}
    for scope in (ours, theirs):
        scope["t"].manual_seed(0)
    for line in lines:
        expected, got = step(line, theirs), step(line, ours)
        if is_stale(theirs):
            return
        if "Autograd not support dtype" in str(expected):
            return  # PyTorch marked a bool or an integer as requiring gradients
        if shares(line, theirs) or (got is None and "single memory location" in str(expected)):
            return  # what a write leaves whose operands overlap depends on the order; ours is fixed
        if got is None and can(expected):
            return
        if re.search(r"\.tri[lu]_\(", line) and "single memory location" in str(got):
            return  # PyTorch writes here without a look
        if type(expected) is not type(got):
            raise Difference(f"{line}: {describe(got)}, expected {describe(expected)}")
        assigns = re.match(r"[vp]\d+ = ", line) is not None
        if expected is not None and not assigns:
            return  # a write that both refused midway: what it left is nobody's promise
        if expected is None and line[0] == "p" and assigns:
            name = line.split(" ", 1)[0]
            same_fact(line, ours[name], theirs[name])
        compare(ours, theirs, line)
        same_sharing(ours, theirs)
    compare_gradients(ours, theirs)


def describe(error: BaseException | None) -> str:
    return "no error" if error is None else f"{type(error).__name__}: {str(error)[:200]}"


# --- gradients -----------------------------------------------------------------------------------


def weighed(t: Any, tensors: list[Any]) -> Any:
    """The sum of all elements, each with a weight of its own."""
    total = 0
    for v in tensors:
        for part in (v.real, v.imag) if v.is_complex() else (v,):
            weights = make(t, 11, list(part.shape), t.float64)
            total = total + (part.double() * weights).sum()
    return total


def compare_gradients(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Gradients of all results that require them, then the gradients of those."""
    names = [n for n in variables(theirs) if isinstance(theirs[n], torch.Tensor)]
    names = [n for n in names if theirs[n].is_floating_point() or theirs[n].is_complex()]
    wanting = [n for n in names if theirs[n].requires_grad]
    leaves = [n for n in wanting if theirs[n].is_leaf]
    ends = [n for n in wanting if not theirs[n].is_leaf and finite(theirs[n])]
    if not ends or not leaves:
        return
    base = tolerance(*[theirs[n] for n in names]) * SLACK
    scopes = (theirs, ours)
    local = [
        {
            "t": scope["t"], "weighed": weighed, "ends": [scope[n] for n in ends],
            "leaves": [scope[n] for n in leaves],
        }
        for scope in scopes
    ]  # fmt: skip
    for order in ("gradient", "second gradient"):
        line = "g = t.autograd.grad(weighed(t, ends), leaves, create_graph=True, allow_unused=True)"
        expected_error, error = step(line, local[0]), step(line, local[1])
        if error is None and can(expected_error):
            return
        if type(expected_error) is not type(error):
            raise Difference(f"{order}: {describe(error)}, expected {describe(expected_error)}")
        if error is not None:
            return
        expected, got = local[0]["g"], local[1]["g"]
        for name, one, other in zip(leaves, got, expected, strict=True):
            if other is None and one is not None and not bool(one.any()):
                continue
            if one is None and other is not None and not bool(other.any()):
                continue  # no way leads there, or one on which all is 0
            if (one is None) != (other is None):
                raise Difference(f"{order} of {name}: {one}, expected {other}")
            if order != "gradient" and other is not None and bool(other.isnan().any()):
                return  # 0 times infinity in PyTorch's formulas, where ours end elsewhere
            if one is not None and other.numel():
                scale = largest([other])
                if scale < 1e6:
                    compare_values(f"{order} of {name}", one, other, scale, base)
        again = [k for k, g in enumerate(expected) if g is not None and g.requires_grad]
        again = [k for k in again if got[k] is not None and got[k].requires_grad]
        if not again or largest([expected[k] for k in again]) > 1e4:
            return
        for one in local:
            one["ends"] = [one["g"][k] for k in again]


def finite(v: torch.Tensor) -> bool:
    return bool(torch.isfinite(v.detach()).all()) and largest([v]) < 1e4


# --- finding and showing -------------------------------------------------------------------------


def differs(lines: list[str]) -> str | None:
    try:
        run(lines)
    except Difference as difference:
        return str(difference)
    return None


def shrink(lines: list[str]) -> list[str]:
    """As few lines as still differ, in their first way or another."""
    current = lines
    again = True
    while again:
        again = False
        for place in reversed(range(len(current))):
            shorter = current[:place] + current[place + 1 :]
            if differs(shorter) is not None:
                current, again = shorter, True
    return current


def script(seed: int, lines: list[str], difference: str) -> str:
    """A program that people run on either package."""
    head = ["import torch as t  # or: import facula as t", "t.manual_seed(0)"]
    return "\n".join([f"# seed {seed}", *head, *map(literal, lines), f"# {difference}"])


def check(seed: int, length: int = 14) -> str | None:
    """None, or the shrunk program that differs and how."""
    lines = write(seed, length)
    difference = differs(lines)
    if difference is None:
        return None
    least = shrink(lines)
    return script(seed, least, differs(least) or f"{difference} (with other lines)")


def alive() -> dict[str, int]:
    """Our objects that nothing should hold any more, and bytes of tensors."""
    gc.collect()
    kinds = Counter(type(one).__name__ for one in gc.get_objects() if is_ours(one))
    return {**kinds, "bytes": facula.memory_stats()["allocated_bytes"]}


def is_ours(one: Any) -> bool:
    return getattr(type(one), "is_node", None) is not None or type(one) is facula.UntypedStorage


def work(options: argparse.Namespace) -> None:
    """The programs of one process; the seed it is at stands in a file, for who finds it dead."""
    torch.set_num_threads(1)
    shown, seed = 0, options.seed
    early: dict[str, int] = {}
    for seed in range(options.seed, options.seed + options.count):
        Path(options.place).write_text(str(seed))
        found = check(seed, options.length)
        if found is not None:
            print(found, flush=True)
            shown += 1
            if shown >= options.most:
                break
        if seed == options.seed + options.count // 5:
            early, resident = alive(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    late = alive()
    left = {k: n - early.get(k, 0) for k, n in late.items() if n > early.get(k, 0)}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident if early else 0
    print(
        f"# left alive since a fifth of the way: {left or 'nothing'}; "
        f"peak memory {grown // 1024} MiB more",
        flush=True,
    )
    Path(options.place).write_text(f"{seed} {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=14)
    parser.add_argument("--most", type=int, default=20, help="programs shown")
    parser.add_argument("--place", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.place:
        work(options)
        return
    began, shown, crashes = time.perf_counter(), 0, 0
    place = Path(f"/tmp/differential-{os.getpid()}")
    seed, end = options.seed, options.seed + options.count
    while seed < end and shown < options.most:
        command = [
            sys.executable,
            "-m",
            "tests.compat.wide_differential",
            "--seed",
            str(seed),
            "--count",
            str(end - seed),
        ]
        command += ["--length", str(options.length), "--most", str(options.most - shown)]
        code = subprocess.run([*command, "--place", str(place)]).returncode
        at = place.read_text().split()
        if len(at) == 2:
            seed, shown = int(at[0]) + 1, shown + int(at[1])
            break
        crashes += 1
        seed = int(at[0]) + 1
        print(f"# seed {at[0]}: the process ended with {code}", flush=True)
        print("\n".join(map(literal, write(int(at[0]), options.length))), flush=True)
    place.unlink(missing_ok=True)
    took = time.perf_counter() - began
    count = seed - options.seed
    print(f"{count} programs, {shown} differ, {crashes} crash, {took:.0f} s")


if __name__ == "__main__":
    main()
