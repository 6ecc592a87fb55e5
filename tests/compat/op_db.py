"""Runs PyTorch's operator database on both packages and says what differs.

`op_db` holds, for every operator, a generator of sample inputs. Each sample is rebuilt for facula
byte by byte with its strides, both are called after the same seed, and results are compared:
structure, dtypes, shapes, values, and gradients against the same random cotangents.

    python tests/compat/op_db.py --filter linalg --dtype float64     what differs, and where
    python tests/compat/op_db.py --write                             adds what passes to the list
"""

import argparse
import ctypes
import dataclasses
import signal
import time
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import OpInfo

import facula

PASSING = Path(__file__).with_name("op_db_passing.txt")
DTYPES = ("float32", "float64", "int64", "bool")
MORE_DTYPES = ("complex64", "complex128", "float16", "bfloat16", "int32", "uint8")
GRADIENT_DTYPES = ("float32", "float64")

# Relative and absolute tolerance a dtype: what two right ways of summing may differ by.
TOLERANCE = {
    torch.float32: (2e-5, 2e-5), torch.complex64: (2e-5, 2e-5),
    torch.float64: (1e-7, 1e-7), torch.complex128: (1e-7, 1e-7),
    torch.float16: (4e-3, 4e-3), torch.bfloat16: (2e-2, 2e-2),
}  # fmt: skip
# Vectors are unique up to sign (or phase) only, and LAPACKs differ in it: of these is compared what
# each sample says is unique.
UP_TO_PHASE = ("linalg.eig", "linalg.eigh", "linalg.svd", "pca_lowrank", "svd", "svd_lowrank")
# Results of these are whatever memory held.
UNINITIALISED = ("empty", "empty_like", "empty_permuted", "empty_strided", "new_empty",
                 "new_empty_strided", "resize_", "resize_as_")  # fmt: skip


# Where PyTorch's float32 loses digits near poles that it need not lose, its own
# float64 is the judge of both.
LOSSY = ("digamma", "polygamma", "special.polygamma")

# Of equal elements any may be named: the places must hold the values, no more. Where dim stands.
TIES = {"kthvalue": 1, "median": 0, "mode": 0, "nanmedian": 0, "sort": 0, "topk": 1}


class Difference(Exception):
    """What the two packages do not agree in."""


def is_user_facing(op: OpInfo) -> bool:
    """Private, sparse, nested and jiterator entries are left out."""
    name = op.name
    private = (name.startswith("_") and not name.startswith("__")) or "._" in name
    left_out = any(word in name for word in ("sparse", "nested", "jiterator", "_scaled_mm"))
    return not private and not left_out and not name.startswith("torch.ops.")


ENTRIES: dict[str, OpInfo] = {
    f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name: op
    for op in op_db
    if is_user_facing(op)
}


# --- the other package's operator and arguments --------------------------------------------------


def counterpart(op: OpInfo) -> Callable[..., Any]:
    """facula's function for an entry; entries that wrap theirs are run with facula as torch."""
    function = op.op
    if isinstance(function, types.FunctionType) and "testing" in function.__module__:
        return with_facula(function)
    found: Any = facula
    for part in op.name.split("."):
        found = getattr(found, part, None)
    if not callable(found):  # some methods are named as dtypes are
        found = getattr(facula.Tensor, op.name, None)
    if found is None:
        found = getattr(facula.ops.aten, op.name, None)
    if found is None:
        raise Difference("no such function")
    return found


def with_facula(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a Python function that sees facula where it says torch."""
    if not isinstance(function, types.FunctionType):
        return function
    cells = tuple(
        types.CellType(with_facula(cell.cell_contents)) for cell in function.__closure__ or ()
    )
    scope = dict(function.__globals__) | {"torch": facula}
    for name in function.__code__.co_names:  # functions of PyTorch's tests that it calls
        used = function.__globals__.get(name)
        if isinstance(used, types.FunctionType) and ".testing." in used.__module__:
            scope[name] = seeded if name == "wrapper_set_seed" else with_facula(used)
    made = types.FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, cells
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def seeded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What PyTorch's tests of random functions are wrapped in."""
    facula.manual_seed(42)
    return function(*args, **kwargs)


def translate(value: Any, known: dict[int, Any] | None = None) -> Any:
    """A sample's argument for facula. `known` holds storages and tensors made so far, where those
    that share memory are to share it."""
    if isinstance(value, torch.Tensor):
        return tensor_of(value, known)
    if isinstance(value, torch.dtype | torch.layout | torch.memory_format):
        return getattr(facula, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return facula.device(str(value))
    if isinstance(value, torch.Size):
        return facula.Size(value)
    if isinstance(value, torch.Generator):
        made = facula.Generator()
        made.set_state(tensor_of(value.get_state()))
        return made
    if isinstance(value, dict):
        return {key: translate(one, known) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)([translate(one, known) for one in value])
    if isinstance(value, types.FunctionType):
        return with_facula(value)
    if dataclasses.is_dataclass(value):
        fields = {f.name: translate(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return getattr(facula.nn, type(value).__name__)(**fields)
    if isinstance(value, torch.nn.Module):
        return module_of(value)
    return value


def module_of(source: torch.nn.Module) -> Any:
    """facula's module of the same class and attributes; those with parameters are not known."""
    made = getattr(facula.nn, type(source).__name__)()
    if source.state_dict():
        raise Difference("a module with parameters is an argument")
    for name in made.__dict__.keys() - set(facula.nn.Module().__dict__):
        setattr(made, name, getattr(source, name))
    return made


def tensor_of(source: torch.Tensor, known: dict[int, Any] | None = None) -> Any:
    """A facula tensor of the same dtype, strides, offset and bytes."""
    if known is not None and id(source) in known:
        return known[id(source)]
    plain = source.detach().resolve_conj().resolve_neg()
    dtype = getattr(facula, str(plain.dtype).removeprefix("torch."))
    storage = plain.untyped_storage()
    whole = None if known is None else known.get(storage._cdata)
    if whole is None:
        held = storage.nbytes() // plain.element_size()
        whole = facula.empty(held, dtype=dtype)
        if held:
            ctypes.memmove(whole.data_ptr(), storage.data_ptr(), held * plain.element_size())
    made = whole.as_strided(tuple(plain.shape), plain.stride(), plain.storage_offset())
    if source.requires_grad:
        made.requires_grad_()
    if known is not None:
        known[storage._cdata], known[id(source)] = whole, made
    return made


def back(value: Any) -> torch.Tensor:
    """A PyTorch tensor with the values of facula's, contiguous."""
    dense = value.detach().resolve_conj().resolve_neg().contiguous()
    if dense.storage_offset():
        dense = dense.clone()
    dtype = getattr(torch, str(dense.dtype).removeprefix("torch."))
    made = torch.empty(tuple(dense.shape), dtype=dtype)
    if made.numel():
        ctypes.memmove(made.data_ptr(), dense.data_ptr(), made.numel() * made.element_size())
    return made


# --- comparing -----------------------------------------------------------------------------------


def flatten(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [leaf for one in value for leaf in flatten(one)]
    return [value]


def compare(got: Any, expected: Any, values: bool = True, where: str = "") -> None:
    """Raises Difference where two results differ."""
    if isinstance(expected, torch.Tensor):
        if not isinstance(got, facula.Tensor):
            raise Difference(f"{where}: {type(got).__name__} instead of Tensor")
        if str(got.dtype) != str(expected.dtype):
            raise Difference(f"{where}: dtype {got.dtype}, expected {expected.dtype}")
        if tuple(got.shape) != tuple(expected.shape):
            raise Difference(f"{where}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}")
        if values:
            compare_values(back(got), expected.detach().resolve_conj().resolve_neg(), where)
        return
    if isinstance(expected, tuple | list):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            raise Difference(f"{where}: {got!r:.80} instead of {len(expected)} values")
        for place, (one, other) in enumerate(zip(got, expected, strict=True)):
            compare(one, other, values, f"{where}[{place}]")
        return
    if isinstance(expected, torch.dtype):
        if str(got) != str(expected):
            raise Difference(f"{where}: {got}, expected {expected}")
        return
    same = got == expected or (got != got and expected != expected)
    if not same and isinstance(expected, float | complex):
        same = abs(got - expected) <= 2e-5 + 2e-5 * abs(expected)
    if not same and values:
        raise Difference(f"{where}: {got!r:.80}, expected {expected!r:.80}")


def compare_values(got: torch.Tensor, expected: torch.Tensor, where: str) -> None:
    relative, absolute = TOLERANCE.get(expected.dtype, (0.0, 0.0))
    try:
        torch.testing.assert_close(got, expected, rtol=relative, atol=absolute, equal_nan=True)
    except AssertionError as error:
        text = " ".join(str(error).split())
        raise Difference(f"{where}: {text[:160]}") from None


# --- running -------------------------------------------------------------------------------------


def call(function: Callable[..., Any], arguments: tuple[Any, list[Any], dict[str, Any]]) -> Any:
    first, others, named = arguments
    return function(first, *others, **named)


def judged(op: OpInfo, value: Any, source: torch.dtype, target: torch.dtype) -> Any:
    """Arguments and results of the functions in LOSSY on their way to float64 and back."""
    if op.name not in LOSSY:
        return value
    if isinstance(value, torch.Tensor) and value.dtype is source:
        return value.detach().to(target).requires_grad_(value.requires_grad)
    if isinstance(value, tuple | list):
        return type(value)(judged(op, one, source, target) for one in value)
    if isinstance(value, dict):
        return {name: judged(op, one, source, target) for name, one in value.items()}
    return value


def differentiable(outputs: Any, package: Any) -> list[Any]:
    return [
        one for one in flatten(outputs)
        if isinstance(one, package.Tensor) and one.requires_grad
    ]  # fmt: skip


def leaves(arguments: Any, package: Any) -> list[Any]:
    """Tensors among the arguments that require gradients, in order."""
    if isinstance(arguments, dict):
        arguments = list(arguments.values())
    if isinstance(arguments, tuple | list):
        return [leaf for one in arguments for leaf in leaves(one, package)]
    if isinstance(arguments, package.Tensor) and arguments.requires_grad:
        return [arguments]
    return []


def run_values(op: OpInfo, function: Callable[..., Any], sample: Any) -> None:
    ours = (translate(sample.input), translate(list(sample.args)), translate(sample.kwargs))
    torch.manual_seed(7)
    theirs = (sample.input, list(sample.args), sample.kwargs)
    narrow = isinstance(sample.input, torch.Tensor) and sample.input.dtype is torch.float32
    if narrow:
        theirs = judged(op, theirs, torch.float32, torch.float64)
    expected = call(op.op, theirs)
    if narrow:
        expected = judged(op, expected, torch.float64, torch.float32)
    facula.manual_seed(7)
    got = call(function, ours)
    if op.name in TIES and isinstance(expected, tuple):
        compare(got, expected, values=False)
        compare(got[0], expected[0], where="values")
        compare_places(op, sample, back(got[1]), expected)
        return
    if op.name in UP_TO_PHASE:
        compare(got, expected, False)
        process = sample.output_process_fn_grad
        got, expected = with_facula(process)(got), process(expected)
    compare(got, expected, op.name not in UNINITIALISED)


def compare_places(op: OpInfo, sample: Any, places: torch.Tensor, expected: Any) -> None:
    """The values stand at these places of the sample."""
    x, (values, theirs) = sample.input, expected
    place = TIES[op.name]
    dim = sample.args[place] if len(sample.args) > place else sample.kwargs.get("dim", -1)
    if not x.ndim:
        compare_values(places, theirs, "places")
        return
    missing = values.ndim < x.ndim
    places, values = (one.unsqueeze(dim) if missing else one for one in (places, values))
    compare_values(x.take_along_dim(places, dim), values, "values at the places")


def run_gradient(op: OpInfo, function: Callable[..., Any], sample: Any) -> bool:
    """Compares gradients; False if the sample has none."""
    theirs = (sample.input, list(sample.args), sample.kwargs)
    process = sample.output_process_fn_grad
    narrow = isinstance(sample.input, torch.Tensor) and sample.input.dtype is torch.float32
    if narrow:
        theirs = judged(op, theirs, torch.float32, torch.float64)
    inputs = leaves(theirs, torch)
    ours = (translate(sample.input), translate(list(sample.args)), translate(sample.kwargs))
    torch.manual_seed(7)
    y = differentiable(process(call(op.op, theirs)), torch)
    if not y or not inputs:
        return False
    noise = torch.Generator().manual_seed(3)
    cotangents = [
        torch.randn(one.shape, dtype=one.dtype, generator=noise) for one in y
    ]  # fmt: skip
    expected = torch.autograd.grad(y, inputs, cotangents, allow_unused=True)
    if narrow:
        expected = judged(op, expected, torch.float64, torch.float32)
        cotangents = judged(op, cotangents, torch.float64, torch.float32)
    facula.manual_seed(7)
    mine = differentiable(with_facula(process)(call(function, ours)), facula)
    if len(mine) != len(y):
        raise Difference(f"{len(mine)} results require gradients, expected {len(y)}")
    got = facula.autograd.grad(
        mine, leaves(ours, facula), [tensor_of(one) for one in cotangents], allow_unused=True
    )
    for place, (one, other) in enumerate(zip(got, expected, strict=True)):
        if (one is None) != (other is None):
            held = back(one) if other is None else other
            if bool((held != 0).any()):
                raise Difference(f"gradient {place}: {one}, expected {other}")
            continue
        if one is not None:
            compare(one, other, True, f"gradient {place}")
    return True


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """A sample that takes longer is a difference."""

    def late(*_: Any) -> None:
        raise Difference(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclasses.dataclass
class Outcome:
    """Samples compared, and what differed."""

    samples: int
    differences: list[str]

    @property
    def passes(self) -> bool:
        return self.samples > 0 and not self.differences


def kinds(op: OpInfo, dtypes: tuple[str, ...]) -> list[str]:
    """What can be compared of an entry: a dtype's values, a dtype's gradients ("float32 grad")."""
    found = []
    for name in dtypes:
        dtype = getattr(torch, name)
        if dtype not in op.dtypes:
            continue
        found.append(name)
        if op.supports_autograd and (name in GRADIENT_DTYPES or dtype.is_complex):
            found.append(f"{name} grad")
    return found


def check(op: OpInfo, kind: str, first: int | None = None, stop: int | None = None) -> Outcome:
    """Compares the samples of one kind, the first so many; stops after so many differences."""
    name, _, gradient = kind.partition(" ")
    dtype = getattr(torch, name)
    outcome = Outcome(0, [])
    try:
        function = counterpart(op)
    except Difference as error:
        return Outcome(0, [str(error)])
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            samples = list(op.sample_inputs("cpu", dtype, requires_grad=bool(gradient)))
    except RuntimeError as error:  # a sample that this build of PyTorch cannot make
        return Outcome(0, [f"no samples: {error}"])
    for place, sample in enumerate(samples[:first]):
        try:
            with warnings.catch_warnings(), time_limit(60):
                warnings.simplefilter("ignore")
                if gradient:
                    outcome.samples += run_gradient(op, function, sample)
                else:
                    run_values(op, function, sample)
                    outcome.samples += 1
        except Exception as error:
            text = f"{type(error).__name__}: {error}".replace("\n", " ")
            outcome.differences.append(f"sample {place} {describe(sample)}: {text[:300]}")
            if stop is not None and len(outcome.differences) >= stop:
                break
    if gradient and not outcome.samples and not outcome.differences:
        outcome.samples = 1  # nothing to differentiate in any sample, and both agree in that
    return outcome


def describe(sample: Any) -> str:
    def short(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"{str(value.dtype)[6:]}{tuple(value.shape)}"
        if isinstance(value, tuple | list):
            return "[" + ", ".join(map(short, value)) + "]"
        return repr(value)[:60]

    parts = [short(sample.input), *map(short, sample.args)]
    parts += [f"{name}={short(value)}" for name, value in sample.kwargs.items()]
    return "(" + ", ".join(parts)[:200] + ")"


def passing() -> set[str]:
    """The lines of the list: entry and kind."""
    return set(PASSING.read_text().split("\n")) - {""} if PASSING.exists() else set()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="", help="entries whose name contains this")
    parser.add_argument("--names", default="", help="entries of exactly these names, by commas")
    parser.add_argument("--dtype", default=",".join(DTYPES))
    parser.add_argument("--kind", default="", help="'values' or 'grad'; both if not given")
    parser.add_argument("--most", type=int, default=3, help="differences shown an entry")
    parser.add_argument("--first", type=int, default=None, help="samples an entry")
    parser.add_argument("--write", action="store_true", help="add what passes to the list")
    parser.add_argument("--part", default="0/1", help="only each n-th entry: k/n")
    parser.add_argument("--todo", action="store_true", help="only what the list does not hold yet")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    known, new, counts = passing(), set(), {}
    exact = set(options.names.split(",")) - {""}
    for name, op in [*ENTRIES.items()][part::parts]:
        if options.filter not in name or (exact and not exact & {name, op.name}):
            continue
        for kind in kinds(op, tuple(options.dtype.split(","))):
            if options.kind and (options.kind == "grad") != kind.endswith("grad"):
                continue
            line = f"{name} {kind}"
            if options.todo and line in known:
                continue
            began = time.perf_counter()
            outcome = check(op, kind, options.first, options.most)
            took = time.perf_counter() - began
            counts.setdefault(kind, [0, 0])[0] += outcome.passes
            counts[kind][1] += 1
            if outcome.passes:
                new.add(line)
            else:
                print(f"{line} ({outcome.samples} samples agree, {took:.1f} s)")
                for text in outcome.differences:
                    print(f"    {text}")
                lost = " WAS PASSING" if line in known else ""
                print(lost, end="\n" if lost else "", flush=True)
    for kind, (good, every) in counts.items():
        print(f"{kind}: {good} of {every}")
    if options.write:
        PASSING.write_text("".join(f"{line}\n" for line in sorted(known | new)))


if __name__ == "__main__":
    main()
