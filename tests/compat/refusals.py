"""Spoils the arguments of PyTorch's samples, and says where the two packages disagree about them.

Of every entry of the operator database the first sample is taken and one thing in it is changed: a
tensor's dtype or shape, a number, an index, an argument of another kind, one too many, one missing,
a result to write into. Both packages then refuse the call with the same type of exception, or both
answer with results of the same structure, dtypes and shapes.

    python tests/compat/refusals.py --filter scatter          what differs, and where
    python tests/compat/refusals.py --kind out --words        with the words of both
    python tests/compat/refusals.py --write                   adds what agrees to the list
"""

import argparse
import collections
import dataclasses
import functools
import itertools
import multiprocessing
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import facula
from tests.compat import op_db

PASSING = Path(__file__).with_name("refusals_passing.txt")
KINDS = ("dtypes", "shapes", "numbers", "arguments", "out")
DTYPES = (torch.bool, torch.int64, torch.float64, torch.complex64, torch.float16)
PLACES = 6  # arguments of a call that are spoilt
SECONDS = 20

# Entries whose first sample, spoilt, takes PyTorch minutes, or memory that machines do not have.
LEFT_OUT: frozenset[str] = frozenset()


@dataclasses.dataclass
class Call:
    """A call that something was changed in, and what."""

    what: str
    args: list[Any]
    kwargs: dict[str, Any]
    lenient: bool = False  # whether we may refuse what PyTorch takes


Key = int | str

# What PyTorch or a library under it should not say.
FAULT = re.compile("INTERNAL ASSERT|MKL FFT error")


# --- what may be spoilt --------------------------------------------------------------------------


@functools.lru_cache(4)
def first_sample(name: str) -> tuple[list[Any], dict[str, Any]] | None:
    """Arguments of the entry's first sample that has a tensor with elements, or of the first."""
    op = op_db.ENTRIES[name]
    names = [n for n in (*op_db.DTYPES, "complex64") if getattr(torch, n) in op.dtypes]
    if not names:
        return None
    torch.manual_seed(0)
    first = None
    for place, sample in enumerate(op.sample_inputs("cpu", getattr(torch, names[0]))):
        given = [sample.input, *sample.args], dict(sample.kwargs)
        first = first or given
        held = sample.input
        if not isinstance(held, torch.Tensor) or (held.numel() and held.ndim) or place > 8:
            return given
    return first


def items(args: list[Any], kwargs: dict[str, Any]) -> list[tuple[Key, Any]]:
    """Places and names of arguments, with what is given."""
    return [*enumerate(args), *kwargs.items()][:PLACES]


def with_one(what: str, args: list[Any], kwargs: dict[str, Any], key: Key, value: Any) -> Call:
    """The call with another value of one argument."""
    if isinstance(key, int):
        return Call(what, [*args[:key], value, *args[key + 1 :]], kwargs)
    return Call(what, args, {**kwargs, key: value})


def is_tensors(value: Any) -> bool:
    """Whether an argument is a list of tensors."""
    return (
        isinstance(value, tuple | list)
        and bool(value)
        and all(isinstance(one, torch.Tensor) for one in value)
    )


def spoilt_tensors(
    args: list[Any], kwargs: dict[str, Any], ways: Callable[[torch.Tensor], Iterator[Any]]
) -> Iterator[Call]:
    """Calls with each tensor, or the first one of each list, made another by each way."""
    for key, value in items(args, kwargs):
        if isinstance(value, torch.Tensor):
            for what, made in ways(value):
                yield with_one(f"{key} {what}", args, kwargs, key, made)
        elif is_tensors(value):
            for what, made in ways(value[0]):
                several = type(value)([made, *value[1:]])
                yield with_one(f"{key}[0] {what}", args, kwargs, key, several)


def spoil_dtypes(args: list[Any], kwargs: dict[str, Any]) -> Iterator[Call]:
    """Another dtype of one tensor, and of all that have the first one's."""

    def ways(x: torch.Tensor) -> Iterator[Any]:
        for dtype in DTYPES:
            if dtype is not x.dtype:
                yield str(dtype)[6:], x.to(dtype)

    yield from spoilt_tensors(args, kwargs, ways)
    tensors = [v for _, v in items(args, kwargs) if isinstance(v, torch.Tensor)]
    if len(tensors) < 2:
        return

    def changed(value: Any) -> Any:
        alike = isinstance(value, torch.Tensor) and value.dtype is tensors[0].dtype
        return value.to(dtype) if alike else value

    for dtype in DTYPES:
        named = {name: changed(value) for name, value in kwargs.items()}
        yield Call(f"all {str(dtype)[6:]}", [changed(value) for value in args], named)


def longer(x: torch.Tensor, dim: int) -> torch.Tensor:
    """x with its first element of a dim once more at the end."""
    return torch.cat([x, x.narrow(dim, 0, 1)], dim)


def spoil_shapes(args: list[Any], kwargs: dict[str, Any]) -> Iterator[Call]:
    """A dim more, one less, a longer one, none, no elements."""

    def ways(x: torch.Tensor) -> Iterator[Any]:
        yield "with a dim more", x.unsqueeze(0).clone()
        if x.numel() and x.ndim:
            yield "with a dim less", x[0].clone()
            yield "with a longer first dim", longer(x, 0)
            yield "with a longer last dim", longer(x, x.ndim - 1)
            yield "of no dims", x.reshape(-1)[0].clone()
            yield "without elements", x[:0].clone()
            yield "with an empty last dim", x.narrow(-1, 0, 0).clone()

    yield from spoilt_tensors(args, kwargs, ways)


def spoil_numbers(args: list[Any], kwargs: dict[str, Any]) -> Iterator[Call]:
    """Numbers and indices that are too small or too large, lists that are too short or too long."""
    for key, value in items(args, kwargs):
        others: list[Any] = []
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            others = [-100, 100, 0, -1]
        elif isinstance(value, float):
            others = [-100.0, 0.0, float("nan"), float("inf")]
        elif isinstance(value, tuple | list) and all(type(one) is int for one in value):
            kind = type(value) if type(value) in (tuple, list) else tuple
            others = [kind(), kind([*value, 1]), kind([-100, *value[1:]]), kind([100, *value[1:]])]
            others += [kind([*value, *value[:1]]), kind([0, *value[1:]])]
        for other in others:
            yield with_one(f"{key} {other}", args, kwargs, key, other)

    def ways(x: torch.Tensor) -> Iterator[Any]:
        if x.dtype in (torch.int64, torch.int32):
            yield "far above", x + 1000
            yield "far below", x - 1000
            yield "negative", x * 0 - 1

    yield from spoilt_tensors(args, kwargs, ways)


def spoil_arguments(args: list[Any], kwargs: dict[str, Any]) -> Iterator[Call]:
    """Arguments of another kind, missing ones, one too many."""
    for key, value in items(args, kwargs):
        for other in (None, "a text", 2.5, 3, True, 1j, [], [2, 1], [1.5], object, {}):
            if type(other) is not type(value):
                yield with_one(f"{key} {other!r}", args, kwargs, key, other)
        for other in (torch.tensor(1), torch.tensor([1.5, 2.5])):
            if not isinstance(value, torch.Tensor):
                what = f"{key} {str(other.dtype)[6:]}{tuple(other.shape)}"
                yield with_one(what, args, kwargs, key, other)
    for place in range(len(args)):
        yield Call(f"only {place} by place", args[:place], kwargs)
    for name in kwargs:
        yield Call(f"without {name}", args, {n: v for n, v in kwargs.items() if n != name})
    yield Call("one too many", [*args, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], kwargs)
    yield Call("an unknown name", args, {**kwargs, "unheard_of": 1})


def spoil_out(args: list[Any], kwargs: dict[str, Any], y: Any) -> Iterator[Call]:
    """Results to write into: of another dtype or shape, without memory of their own, no tensors."""
    kind = type(y) if isinstance(y, tuple | list) else None
    results = list(y) if kind else [y]
    if not all(isinstance(one, torch.Tensor) for one in results):
        return

    def to(made: Callable[[torch.Tensor], Any], what: str, first: bool = False) -> Call:
        some = [made(one) if not place or not first else one.clone()
                for place, one in enumerate(results)]  # fmt: skip
        out = tuple(some) if kind else some[0]
        # Writing all elements to one place is nothing that a program could want.
        return Call(f"out {what}", args, {**kwargs, "out": out}, what.startswith("expanded"))

    yield to(torch.empty_like, "that fits")
    for dtype in (*DTYPES, torch.float32):
        yield to(lambda one, dtype=dtype: one.to(dtype), str(dtype)[6:])  # type: ignore[misc]
    yield to(lambda one: torch.empty(0, dtype=one.dtype), "empty")
    yield to(lambda one: torch.empty((2, *one.shape), dtype=one.dtype), "with a dim more")
    yield to(lambda one: torch.zeros((), dtype=one.dtype).expand(one.shape), "expanded")
    yield to(lambda one: torch.zeros((), dtype=one.dtype).expand(one.shape), "expanded, one", True)
    yield to(lambda one: "a text", "a text")
    yield to(lambda one: None, "None", True)
    if any(one.dtype.is_floating_point for one in results):
        yield to(lambda one: torch.zeros(one.shape, requires_grad=True), "requiring grad")
    yield Call("out one too many", args, {**kwargs, "out": (*results, results[0])})
    yield Call("out empty tuple", args, {**kwargs, "out": ()})
    for key, value in items(args, kwargs):
        alike = isinstance(value, torch.Tensor) and not kind
        if alike and value.shape == y.shape and value.dtype is y.dtype:
            yield Call(f"out is {key}", args, {**kwargs, "out": value})
            if value.ndim and value.numel() > 1:
                flat = value.reshape(-1)
                whole = torch.cat([flat, flat[:1]])
                made = with_one("", args, kwargs, key, whole[:-1].view(value.shape))
                overlapping = {**made.kwargs, "out": whole[1:].view(value.shape)}
                yield Call(f"out within {key}", made.args, overlapping)


# --- asking both ---------------------------------------------------------------------------------


def copied(value: Any, known: dict[int, torch.Tensor]) -> Any:
    """Arguments over memory of their own, shared where it was."""
    if isinstance(value, torch.Tensor):
        if value.untyped_storage()._cdata not in known:
            flat = torch.empty(0, dtype=value.dtype).set_(value.detach().untyped_storage())
            known[value.untyped_storage()._cdata] = flat.clone()
        if id(value) not in known:
            whole = known[value.untyped_storage()._cdata].view(value.dtype)
            made = whole.as_strided(value.shape, value.stride(), value.storage_offset())
            known[id(value)] = made.requires_grad_(value.requires_grad)
        return known[id(value)]
    if isinstance(value, dict):
        return {name: copied(one, known) for name, one in value.items()}
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        return type(value)([copied(one, known) for one in value])
    return value


def answer(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The result, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs)
        except op_db.Difference:
            raise
        except Exception as error:
            return error


def shown(given: Any) -> str:
    """An answer in a line."""
    if isinstance(given, Exception):
        return f"{type(given).__name__}: {' '.join(str(given).split())[:150]}"
    if isinstance(given, torch.Tensor | facula.Tensor):
        return f"{str(given.dtype).partition('.')[2]}{tuple(given.shape)}"
    if isinstance(given, tuple | list):
        return f"({', '.join(map(shown, given))})"
    return repr(given)[:60]


def is_accident(given: Any) -> bool:
    """Whether PyTorch says no more than where its Python code happened to fail."""
    return isinstance(given, (AttributeError, UnboundLocalError)) or (
        isinstance(given, IndexError) and "index out of range" in str(given).split("(")[0][:24]
        and str(given).partition(" ")[0] in ("tuple", "list")
    )  # fmt: skip


def judge(call: Call, theirs: Callable[..., Any], ours: Callable[..., Any]) -> str | None:
    """What the packages do differently, None if nothing."""
    known: dict[int, Any] = {}
    args = op_db.translate(call.args, known)
    kwargs = op_db.translate(call.kwargs, known)
    own: dict[int, torch.Tensor] = {}
    torch.manual_seed(7)
    expected = answer(theirs, copied(call.args, own), copied(call.kwargs, own))
    if isinstance(expected, RuntimeError) and FAULT.search(str(expected)):
        return None
    facula.manual_seed(7)
    got = answer(ours, args, kwargs)
    if isinstance(expected, Exception) or isinstance(got, Exception):
        same = type(expected).__name__ == type(got).__name__
        if same or is_accident(expected) and isinstance(got, (TypeError, ValueError, RuntimeError)):
            return None
        if call.lenient and isinstance(got, RuntimeError):
            return None
        return f"{call.what}: {shown(got)}, expected {shown(expected)}"
    try:
        op_db.compare(got, expected, values=False)
    except op_db.Difference as error:
        return f"{call.what}: {error}"
    return None


def calls(name: str, kind: str) -> Iterator[Call]:
    """The spoilt calls of an entry."""
    op = op_db.ENTRIES[name]
    sample = first_sample(name)
    if sample is None:
        return
    args, kwargs = sample
    if kind == "out":
        if op.supports_out:
            own: dict[int, torch.Tensor] = {}
            y = answer(op.op, copied(args, own), copied(kwargs, own))
            yield from spoil_out(args, kwargs, y)
        return
    if name.startswith("__") and kind == "arguments":
        # Python gives an operator as many operands as it has.
        yield from itertools.takewhile(lambda call: "by place" not in call.what,
                                       spoil_arguments(args, kwargs))  # fmt: skip
        return
    ways = {"dtypes": spoil_dtypes, "shapes": spoil_shapes, "numbers": spoil_numbers,
            "arguments": spoil_arguments}  # fmt: skip
    yield from ways[kind](args, kwargs)


def differences(name: str, kind: str, first: int = 0, step: int = 1) -> list[str]:
    """What differs in one kind of spoilt calls of an entry; of each `step`-th from `first` on."""
    op = op_db.ENTRIES[name]
    try:
        function = op_db.counterpart(op)
    except op_db.Difference as error:
        return [str(error)]
    with warnings.catch_warnings():  # of conversions on the way to spoilt arguments
        warnings.simplefilter("ignore")
        chosen = [*itertools.islice(calls(name, kind), first, None, step)]
    found: list[str] = []
    for call in chosen:
        try:
            with op_db.time_limit(SECONDS):
                said = judge(call, op.op, function)
        except op_db.Difference as error:
            said = f"{call.what}: {error}"
        if said is not None:
            found.append(said)
    return found


def passing() -> set[str]:
    """The lines of the list: entry and kind."""
    lines = PASSING.read_text(encoding="utf-8") if PASSING.exists() else ""
    return set(lines.split("\n")) - {""}


def apart(name: str, kinds: tuple[str, ...]) -> dict[str, list[str]]:
    """`differences` of some kinds in a process of its own: spoilt calls may end PyTorch's."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(False)

    def run() -> None:
        for kind in kinds:
            sender.send((kind, differences(name, kind)))

    process = context.Process(target=run)
    process.start()
    sender.close()
    found: dict[str, list[str]] = {}
    try:
        while len(found) < len(kinds):
            kind, differing = receiver.recv()
            found[kind] = differing
    except EOFError:
        for kind in kinds:
            found.setdefault(kind, ["the process ended"])
    process.join()
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="", help="entries whose name contains this")
    parser.add_argument("--names", default="", help="entries of exactly these names, by commas")
    parser.add_argument("--kind", default=",".join(KINDS))
    parser.add_argument("--most", type=int, default=1000, help="differences shown a line")
    parser.add_argument("--write", action="store_true", help="add what agrees to the list")
    parser.add_argument("--part", default="0/1", help="only each n-th entry: k/n")
    options = parser.parse_args()
    torch.set_num_threads(1)
    part, parts = map(int, options.part.split("/"))
    exact = set(options.names.split(",")) - {""}
    kinds = tuple(options.kind.split(","))
    known, new = passing(), set()
    counts: collections.Counter[str] = collections.Counter()
    for name in [*op_db.ENTRIES][part::parts]:
        if options.filter not in name or (exact and name not in exact) or name in LEFT_OUT:
            continue
        for kind, found in apart(name, kinds).items():
            line = f"{name} {kind}"
            counts[f"{kind}: all"] += 1
            if not found:
                counts[f"{kind}: agree"] += 1
                new.add(line)
                continue
            lost = " WAS PASSING" if line in known else ""
            print(f"{line}: {len(found)}{lost}")
            for text in found[: options.most]:
                print(f"    {name} {text}")
    for what, count in sorted(counts.items()):
        print(what, count)
    if options.write:
        PASSING.write_text("".join(f"{line}\n" for line in sorted(known | new)), encoding="utf-8")


if __name__ == "__main__":
    main()
