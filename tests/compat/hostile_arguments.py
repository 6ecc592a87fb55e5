"""Calls every operation with arguments that nobody should give, and compares what comes of it.

Each call of PyTorch's operator database is repeated with one argument spoiled: sizes, places and
counts near 2**31, 2**63 and beyond, negative and 0; nan and inf; tensors that are empty, 0-d,
expanded far beyond memory, full of places that do not exist, or overlap the result. facula and
PyTorch run them in processes of their own whose memory is limited. facula must neither die nor
hang, and has to raise what PyTorch raises or give the same. Note [guarded memory].

    python tests/compat/hostile_arguments.py --filter conv
"""

import argparse
import faulthandler
import json
import math
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[2]
DTYPES = ("float32", "int64")
SECONDS = 4  # a call that takes longer hangs
MEMORY = 4 << 30  # bytes of address space beyond what importing takes
PASSING = Path(__file__).with_name("hostile_arguments_passing.txt")

INTS = (0, 1, -1, -2, 3, 1000, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63), 2**63,
        2**70)  # fmt: skip
FLOATS = (0.0, -0.0, -1.0, 1e30, -1e300, math.inf, -math.inf, math.nan)

INSIDE = ("AssertionError", "KeyError", "MemoryError", "RecursionError", "SystemError", "NameError",
          "ZeroDivisionError")  # fmt: skip
# What no argument should bring about, with where it came from.
INTERNAL = (
    ArithmeticError, AssertionError, AttributeError, KeyError, MemoryError, NameError,
    RecursionError, SystemError,
)  # fmt: skip

Path_ = tuple[Any, ...]


# --- spoiling ------------------------------------------------------------------------------------


def places(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every argument, those inside of lists too, and where it stands."""
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*path, key))
    if isinstance(value, tuple | list):
        for key, one in enumerate(value[:3]):
            yield from places(one, (*path, key))


def replaced(value: Any, path: Path_, new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return value | {path[0]: replaced(value[path[0]], path[1:], new)}
    items = list(value)
    items[path[0]] = replaced(items[path[0]], path[1:], new)
    return items if isinstance(value, list) else tuple(items)


def spoiled_tensors(x: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """What may stand for a tensor."""
    plain = x.detach()
    yield "empty", plain.new_empty(0)
    yield "0-d", plain.new_ones(())
    yield "one more dim", plain.unsqueeze(0)
    yield "70 dims", plain.new_ones((1,) * 70)
    for k in range(plain.ndim):
        yield f"dim {k} of 0", plain.narrow(k, 0, 0)
        if plain.shape[k] > 1:
            yield f"dim {k} shorter", plain.narrow(k, 0, plain.shape[k] - 1)
    one = plain.new_ones(())
    yield "beyond memory", one.expand(2**40)
    if plain.ndim > 1:
        yield "transposed", plain.transpose(0, -1)
    if plain.ndim and plain.numel():
        yield "last beyond memory", plain[..., :1].expand(*plain.shape[:-1], 2**36)
        yield "first beyond memory", plain[:1].expand(2**36, *plain.shape[1:])
        yield "overlapping", plain.as_strided(plain.shape, (0,) * plain.ndim)
    if plain.dtype in (torch.int64, torch.int32):
        for n in (-1, 1000, 2**31 - 1, -(2**31)):
            yield f"full of {n}", torch.full_like(plain, n)
        if plain.dtype is torch.int64:
            for n in (2**31, 2**62, 2**63 - 1, -(2**63)):
                yield f"full of {n}", torch.full_like(plain, n)
    if plain.is_floating_point() or plain.is_complex():
        for number in (0.0, math.nan, math.inf, -math.inf, -1.0, 1e38):
            yield f"full of {number}", torch.full_like(plain, number)
        mixed = plain.clone()
        mixed.reshape(-1)[:1] = math.nan
        yield "with a nan", mixed
    for dtype in (torch.int64, torch.float32, torch.bool, torch.complex64, torch.uint8):
        if dtype is not plain.dtype:
            yield f"as {str(dtype)[6:]}", torch.ones(plain.shape, dtype=dtype)
    yield "a number", 1.5  # type: ignore[misc]


def spoiled(value: Any) -> Iterator[tuple[str, Any]]:
    """What may stand for an argument."""
    if isinstance(value, torch.Tensor):
        yield from spoiled_tensors(value)
        yield "None", None
        return
    if isinstance(value, bool) or value is None:
        yield from ((repr(n), n) for n in (2, -1, 2**63, math.nan, "nonsense", 2**31))
    elif isinstance(value, int):
        yield from ((repr(n), n) for n in INTS)
        yield from ((repr(n), n) for n in (math.nan, math.inf))
    elif isinstance(value, float):
        yield from ((repr(n), n) for n in FLOATS)
        yield "2**1100", 2**1100
    elif isinstance(value, str):
        yield from ((repr(n), n) for n in ("", "nonsense", "mean\0", "x" * 10000, 3))
    elif isinstance(value, tuple | list):
        kind = type(value) if type(value) in (tuple, list) else tuple
        yield "no elements", kind()
        yield "one twice", kind([*value, *value[:1]])
        yield "100 times", kind([*value] * 100)
        if value and all(type(n) is int for n in value):
            for n in (0, -1, 2**16, 2**21, 2**31, 2**40, 2**62):
                yield f"all {n}", kind([n] * len(value))
    if not isinstance(value, tuple | list | dict):
        for wrong in ("nonsense", [], [1.5]):
            if not isinstance(value, type(wrong)):
                yield f"wrong {wrong!r}", wrong


def calls(sample: Any) -> Iterator[tuple[str, list[Any]]]:
    """The sample's arguments, one of them spoiled."""
    whole = [sample.input, list(sample.args), dict(sample.kwargs)]
    for path, value in list(places(whole))[1:]:
        if path in ((1,), (2,)):
            continue
        for label, new in spoiled(value):
            yield f"{'.'.join(map(str, path))} {label}", replaced(whole, path, new)


def results(op: Any, function: Any, sample: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """`out=` that no call should be given."""
    x = sample.input
    if not op.supports_out or not isinstance(x, torch.Tensor):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = function(x, *sample.args, **sample.kwargs)
    except Exception:
        return
    if not isinstance(y, torch.Tensor):
        return
    yield "out the input", {"out": x.detach()}
    yield "out of 0", {"out": y.new_empty(0)}
    yield "out overlapping", {"out": y.new_empty(()).expand(y.shape)}
    yield "out expanded", {"out": y.new_empty(()).expand(2**40)}
    yield "out bool", {"out": torch.empty(y.shape, dtype=torch.bool)}
    yield "out shifted", {"out": ("shift", y)}
    yield "out larger", {"out": y.new_empty((*y.shape, 3))}
    yield "out a number", {"out": 3}
    yield "out a list", {"out": [y]}
    yield "out requires grad", {"out": y.detach().clone().float().requires_grad_()}


# --- the processes that may die ------------------------------------------------------------------


def summary(value: Any, tensor: type) -> Any:
    """What is compared of a result: structure, dtypes, shapes, and sums of the values."""
    if isinstance(value, tensor):
        one: Any = value.detach()
        head = f"{str(one.dtype)[6:]}{tuple(one.shape)}"
        if one.numel() > 100_000 or "complex32" in head:
            return head
        dense = one.resolve_conj().resolve_neg().contiguous()
        flat = dense.reshape(-1).tolist()
        numbers = [part for n in flat for part in ([n.real, n.imag] if type(n) is complex else [n])]
        finite = [n for n in numbers if math.isfinite(n)]
        total = math.fsum(float(n) * (1 + k % 7) for k, n in enumerate(finite))
        size = math.fsum(abs(float(n)) for n in finite)
        odd = Counter(str(n) for n in numbers if not math.isfinite(n))
        return [head, total, size, sorted(odd.items())]
    if isinstance(value, tuple | list):
        return [summary(one, tensor) for one in value]
    if isinstance(value, bool | int | float | str | None):
        return repr(value)[:200]
    return type(value).__name__


def child(order: dict[str, Any]) -> None:
    sys.path[:0] = [str(ROOT)]
    faulthandler.enable()
    import facula
    from tests.compat import op_db

    ours = order["package"] == "facula"
    package: Any = facula if ours else torch
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if ours:
        facula.set_num_threads(1)
    facula.ones(3).exp()  # loads the compiler
    text = Path("/proc/self/status").read_text()
    size = next(int(row.split()[1]) << 10 for row in text.split("\n") if row.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))

    # A process in a kernel hears no Python handler: the signal ends it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    limit = SECONDS if ours else 1.0
    with open(order["note"], "r+b") as file:
        note = mmap.mmap(file.fileno(), 4096)
    skipped: set[str] = set()
    output = open(order["results"], "a", encoding="utf-8")  # noqa: SIM115

    def run(case: str, function: Any, arguments: list[Any]) -> None:
        if case in skipped:
            return
        note[:] = case.encode()[:4095].ljust(4096, b"\0")
        began = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            given = op_db.translate(arguments) if ours else arguments
            package.manual_seed(7)
            found: Any = ["ok", summary(op_db.call(function, tuple(given)), package.Tensor)]
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            found = ["raised", type(error).__name__, said]
            if isinstance(error, INTERNAL):
                found.append(" ".join(traceback.format_exc().split())[-600:])
        signal.setitimer(signal.ITIMER_REAL, 0)
        output.write(json.dumps([case, round(time.perf_counter() - began, 2), found]) + "\n")
        output.flush()

    def run_entry(name: str, op: Any) -> None:
        for dtype in order["dtypes"]:
            if getattr(torch, dtype) not in op.dtypes:
                continue
            torch.manual_seed(0)
            try:
                function = op_db.counterpart(op) if ours else op.op
                samples = list(op.sample_inputs("cpu", getattr(torch, dtype)))
            except (op_db.Difference, RuntimeError) as error:
                print(f"# {name}: {error}", flush=True)
                continue
            for k in chosen(len(samples), order["first"]):
                sample = samples[k]
                for label, arguments in calls(sample):
                    run(f"{name} {dtype} {k} {label}", function, arguments)
                for label, named in results(op, op.op, sample):
                    case = f"{name} {dtype} {k} {label}"
                    arguments = [sample.input, list(sample.args), sample.kwargs | named]
                    if isinstance(named["out"], tuple):
                        y = named["out"][1]
                        if y.dtype is sample.input.dtype and y.numel() <= sample.input.numel():
                            run(case, *shifted(function, sample, y.shape))
                        continue
                    run(case, function, arguments)

    entries = [*op_db.ENTRIES.items()][order["part"] :: order["parts"]]
    for name, op in entries:
        if order["filter"] not in name or (order["names"] and name not in order["names"]):
            continue
        while True:
            note[:] = bytes(4096)
            process = os.fork()
            if not process:
                run_entry(name, op)
                output.close()
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            if status == 0:
                break
            last = note[:].rstrip(b"\0").decode()
            if not last or last in skipped:
                raise RuntimeError(f"{name}: exit {status} at {last!r}")
            how = "late" if status == -signal.SIGALRM else "died"
            output.write(json.dumps([last, 0, [how, status]]) + "\n")
            output.flush()
            skipped.add(last)
            # What ran before the fatal call need not run again.
            rows = Path(order["results"]).read_text().split("\n")
            skipped |= {json.loads(row)[0] for row in rows if row}


def shifted(function: Any, sample: Any, shape: Any) -> tuple[Any, list[Any]]:
    """The call whose result begins one element behind its input, in the same storage."""
    flat = sample.input.detach().reshape(-1)
    wide = torch.cat([flat, flat, flat.new_ones(9)])

    def call(x: Any, *others: Any, **named: Any) -> Any:
        inside = x.as_strided((2 * x.numel() + 9,), (1,), 0)
        out = inside[1 : 1 + math.prod(shape)].view(tuple(shape))
        return function(x, *others, out=out, **named)

    x = wide[: flat.numel()].view(sample.input.shape)
    return call, [x, list(sample.args), dict(sample.kwargs)]


def chosen(count: int, first: int) -> list[int]:
    """So many samples, spread over all."""
    return sorted(
        {round(k * (count - 1) / max(first - 1, 1)) for k in range(first)} if count else ()
    )


# --- the process that watches --------------------------------------------------------------------


def sweep(order: dict[str, Any]) -> dict[str, Any]:
    """Outcomes by case; of one that ended its process, how."""
    with tempfile.TemporaryDirectory() as folder:
        note, found = Path(folder, "note"), Path(folder, "results")
        note.write_bytes(bytes(4096))
        found.touch()
        order = order | {"note": str(note), "results": str(found)}
        process = subprocess.run(
            [sys.executable, __file__, "--child", json.dumps(order)],
            capture_output=True, text=True, cwd=ROOT,
            env=dict(os.environ) | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        if process.returncode:
            raise RuntimeError(process.stderr[-3000:])
        rows = [json.loads(line) for line in found.read_text().split("\n") if line]
    return {case: [took, outcome] for case, took, outcome in rows}


def passing() -> list[str]:
    """Entries of which no call is `dead`; the list may only grow."""
    return PASSING.read_text(encoding="utf-8").split() if PASSING.exists() else []


def near(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        if len(one) == 4 and isinstance(one[1], float) and len(other) == 4:
            size = max(one[2], other[2])
            close = all(abs(a - b) <= 1e-3 + 1e-3 * size for a, b in zip(one[1:3], other[1:3]))
            return one[0] == other[0] and close and one[3] == other[3]
        return len(one) == len(other) and all(near(a, b) for a, b in zip(one, other))
    return one == other


def judge(mine: Any, theirs: Any) -> str:
    """How facula's outcome differs; "" if it does not."""
    took, outcome = mine
    if outcome[0] in ("died", "late"):
        return outcome[0]
    alike = theirs is not None and theirs[1][:2] == outcome[:2]
    if outcome[0] == "raised" and outcome[1] in INSIDE and not alike:
        return str(outcome[1])
    if theirs is None or theirs[1][0] in ("died", "late"):
        return ""
    if theirs[1][0] == "raised":
        if outcome[0] == "ok":
            return "accepted"
        return "" if theirs[1][1] == outcome[1] else "other type"
    if outcome[0] == "raised":
        return "refused"
    if theirs[1][1] == outcome[1] or near(outcome[1], theirs[1][1]):
        return ""
    return "other values"


def dead(outcomes: dict[str, Any]) -> list[str]:
    """The calls that ended the process, or came to errors from inside of functions. Those that took
    long on a tensor expanded beyond memory have had that much to do."""
    found = []
    for case, (_, outcome) in outcomes.items():
        late = outcome[0] == "late" and "beyond memory" not in case
        if late or outcome[0] == "died" or outcome[:1] == ["raised"] and outcome[1] in INSIDE:
            found.append(f"{case}: {str(outcome)[:600]}")
    return found


def order_for(names: list[str], dtypes: list[str], first: int) -> dict[str, Any]:
    """What a sweep over some entries is told."""
    return {"filter": "", "names": names, "dtypes": dtypes, "first": first, "part": 0, "parts": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--filter", default="", help="entries whose name contains this")
    parser.add_argument("--names", default="", help="entries of exactly these names, by commas")
    parser.add_argument("--dtype", default=",".join(DTYPES))
    parser.add_argument("--first", type=int, default=3, help="samples an entry")
    parser.add_argument("--part", default="0/1", help="only each n-th entry: k/n")
    parser.add_argument("--only", default="", help="kinds of differences to print, by commas")
    parser.add_argument("--most", type=int, default=6, help="differences shown a kind and entry")
    parser.add_argument("--theirs", default="", help="a file that keeps PyTorch's outcomes")
    parser.add_argument("--write", action="store_true", help="add what holds to the list")
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child))
        return
    part, parts = map(int, options.part.split("/"))
    order = {
        "filter": options.filter, "names": [n for n in options.names.split(",") if n],
        "dtypes": options.dtype.split(","), "first": options.first, "part": part, "parts": parts,
    }  # fmt: skip
    if options.write:
        outcomes = sweep(order | {"package": "facula"})
        lines = dead(outcomes)
        print("\n".join(lines))
        good = {case.split(" ")[0] for case in outcomes} - {line.split(" ")[0] for line in lines}
        PASSING.write_text("".join(f"{name}\n" for name in sorted(good | set(passing()))))
        return
    kept = Path(options.theirs) if options.theirs else None
    if kept is not None and kept.exists():
        theirs = json.loads(kept.read_text())
    else:
        theirs = sweep(order | {"package": "torch"})
        if kept is not None:
            kept.write_text(json.dumps(theirs))
    mine = sweep(order | {"package": "facula"})
    kinds: Counter[str] = Counter()
    shown: Counter[tuple[str, str]] = Counter()
    for case, outcome in mine.items():
        kind = judge(outcome, theirs.get(case))
        if not kind:
            continue
        kinds[kind] += 1
        shown[case.split(" ")[0], kind] += 1
        if options.only and kind not in options.only.split(","):
            continue
        if shown[case.split(" ")[0], kind] <= options.most:
            other = theirs.get(case, [0, "?"])[1]
            print(f"{kind}: {case}: {str(outcome[1])[:700]} | {str(other)[:260]}")
    print(f"{len(mine)} cases: {dict(kinds)}")


if __name__ == "__main__":
    main()
