"""Random programs on both packages: operations, views and in-place writes, compared line by line.

Note [comparing with PyTorch].

A program is a list of Python lines over tensors v0, v1, ... and a package t. It is written one line
at a time against PyTorch's state, so that most lines make sense; now and then one that does not is
kept, and both packages must refuse it with the same exception. After each line every variable is
compared: shape, strides, offset, dtype, requires_grad, which variables share memory, and values. A
program that differs is shrunk to the lines that are needed.

    python tests/compat/differential.py --count 1000 --seed 5
"""

import argparse
import ctypes
import gc
import math
import random
import re
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

import facula

FLOATS = ("float32", "float64")
INTEGERS = ("int64", "int32", "uint8", "int8", "int16")
DTYPES = (*FLOATS, "float32", "float32", "int64", "int32", "uint8", "bool", "float16", "bfloat16")
TOLERANCE = {
    "float32": (1e-4, 1e-5), "float64": (1e-9, 1e-10), "float16": (1e-2, 1e-2),
    "bfloat16": (5e-2, 5e-2),
}  # fmt: skip
COMPARISONS = ("Eq", "Lt")  # how the nodes of PyTorch's in-place comparisons begin
LARGEST = 2000  # elements of a tensor that a program goes on with


class Difference(Exception):
    """What the two packages do not agree in."""


# --- writing a program ---------------------------------------------------------------------------


class Writer:
    """Writes lines for the state that PyTorch has reached."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.scope: dict[str, Any] = {"t": torch}
        self.lines: list[str] = []

    @property
    def names(self) -> list[str]:
        return [n for n in self.scope if n[0] == "v" and n[1:].isdigit()]

    def fresh(self) -> str:
        return f"v{len(self.names)}"

    def pick(self, wanted: Callable[[torch.Tensor], bool] = lambda v: True) -> str | None:
        found = [n for n in self.names if wanted(self.scope[n])]
        return self.random.choice(found) if found else None

    def value(self, name: str) -> torch.Tensor:
        found: torch.Tensor = self.scope[name]
        return found

    def dim(self, v: torch.Tensor) -> int:
        if self.random.random() < 0.02:
            return self.random.choice((v.ndim, -v.ndim - 1, 7))
        return self.random.randrange(-max(v.ndim, 1), max(v.ndim, 1))

    def new_tensor(self) -> str:
        rank = self.random.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
        shape = [self.random.choice((0, 1, 1, 2, 3, 4, 5, 7)) for _ in range(rank)]
        dtype = self.random.choice(DTYPES)
        seed = self.random.randrange(10**6)
        grad = ".requires_grad_()" if dtype in FLOATS and self.random.random() < 0.2 else ""
        made = f"make(t, {seed}, {shape}, t.{dtype}){grad}"
        return f"{self.fresh()} = {made}"

    def line(self) -> str | None:
        if len(self.names) < 2 or self.random.random() < 0.12:
            return self.new_tensor()
        family = self.random.choice(FAMILIES)
        return family(self)


def make(t: Any, seed: int, shape: list[int], dtype: Any) -> Any:
    """The same tensor in both packages: values that few operations round."""
    source = random.Random(seed)
    count = math.prod(shape)
    word = str(dtype).removeprefix("torch.")
    if word == "bool":
        values: list[Any] = [source.random() < 0.5 for _ in range(count)]
    elif "int" in word:
        low = 0 if word[0] == "u" else -9
        values = [source.randint(low, 9) for _ in range(count)]
    else:
        values = [source.randint(-4000, 4000) / 1024 for _ in range(count)]
    return t.tensor(values, dtype=dtype).reshape(shape)


def scalar(w: Writer) -> str:
    return w.random.choice(("2", "-1", "3", "0.5", "-1.5", "True", "0", "7"))


def is_number(v: torch.Tensor) -> bool:
    return v.dtype is not torch.bool


def words(text: str) -> list[str]:
    return text.split()


UNARY = words(
    "abs neg square sign floor ceil round trunc exp sigmoid tanh sin cos relu sqrt log1p atan erf "
    "logical_not isnan isfinite clone contiguous detach positive expm1 reciprocal rsqrt frac "
    "nonzero bitwise_not isinf sgn log2 log10 log asin acosh sinh cosh tan"
)
BINARY = words(
    "add sub mul div maximum minimum eq ne lt le gt ge logical_and logical_or logical_xor atan2 "
    "remainder fmod floor_divide pow bitwise_and bitwise_or bitwise_xor fmax fmin hypot"
)
INPLACE = words("add_ sub_ mul_ div_ copy_ eq_ lt_ fmod_ logical_and_ pow_ remainder_")
INPLACE_UNARY = words(
    "abs_ neg_ zero_ sigmoid_ floor_ round_ square_ exp_ relu_ sqrt_ tanh_ sign_ trunc_ sin_"
)
REDUCTIONS = words(
    "sum mean prod amax amin any all std var logsumexp norm argmax argmin count_nonzero nansum "
    "median max min mode"
)
WHOLE = words("sum mean prod max min any all std var norm argmax argmin amax count_nonzero")


def unary(w: Writer) -> str | None:
    name = w.pick()
    return f"{w.fresh()} = {name}.{w.random.choice(UNARY)}()"


def binary(w: Writer) -> str | None:
    name, other = w.pick(), w.pick()
    if w.random.random() < 0.3:
        other = scalar(w)
    return f"{w.fresh()} = t.{w.random.choice(BINARY)}({name}, {other})"


def operator(w: Writer) -> str | None:
    name, other = w.pick(), w.pick()
    if w.random.random() < 0.4:
        other = scalar(w)
    if w.random.random() < 0.3:
        name, other = other, name
    word = w.random.choice(
        ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^"]
    )
    if word == "**" and name in w.names and not w.value(name).is_floating_point():
        word = "*"
    return f"{w.fresh()} = {name} {word} {other}"


def inplace(w: Writer) -> str | None:
    name, other = w.pick(), w.pick()
    if w.random.random() < 0.4:
        other = scalar(w)
    word = w.random.choice(INPLACE)
    if word in ("eq_", "lt_") and other in w.names and w.value(str(other)).requires_grad:
        word = "add_"  # PyTorch marks what it writes into as requiring gradients
    if word == "copy_" and other not in w.names:
        word = "fill_"
    return f"{name}.{word}({other})"


def inplace_unary(w: Writer) -> str | None:
    return f"{w.pick()}.{w.random.choice(INPLACE_UNARY)}()"


def reduce(w: Writer) -> str | None:
    name = w.pick()
    v, word = w.value(str(name)), w.random.choice(REDUCTIONS)
    keep = w.random.choice(("", ", keepdim=True"))
    if word in ("norm",):
        return f"{w.fresh()} = {name}.norm(2, {w.dim(v)}{keep})"
    if word == "count_nonzero":
        keep = ""
    made = f"{name}.{word}({w.dim(v)}{keep})"
    if word in ("median", "max", "min", "mode"):
        made += ".values"
    return f"{w.fresh()} = {made}"


def whole(w: Writer) -> str | None:
    return f"{w.fresh()} = {w.pick()}.{w.random.choice(WHOLE)}()"


def several_dims(w: Writer) -> str | None:
    name = w.pick(lambda v: v.ndim >= 2)
    if name is None:
        return None
    v = w.value(name)
    dims = w.random.sample(range(v.ndim), w.random.randint(1, v.ndim))
    word = w.random.choice(("sum", "mean", "amax", "std", "var", "any", "all"))
    keep = w.random.choice(("", ", keepdim=True"))
    return f"{w.fresh()} = {name}.{word}({dims}{keep})"


def scan(w: Writer) -> str | None:
    name = w.pick()
    word = w.random.choice(("cumsum", "cumprod", "softmax", "log_softmax", "logcumsumexp"))
    return f"{w.fresh()} = {name}.{word}({w.dim(w.value(str(name)))})"


def view(w: Writer) -> str | None:
    name = str(w.pick())
    v = w.value(name)
    r, d = w.random, w.dim(v)
    size = v.shape[d] if -v.ndim <= d < v.ndim else 1
    kind = r.randrange(17)
    if kind == 0:
        made = f"transpose({d}, {w.dim(v)})"
    elif kind == 1:
        made = f"permute({r.sample(range(v.ndim), v.ndim)})"
    elif kind == 2:
        made = f"select({d}, {r.randint(-size, size)})"
    elif kind == 3:
        start = r.randint(0, size)
        made = f"narrow({d}, {start}, {r.randint(0, size - start)})"
    elif kind == 4:
        made = f"unsqueeze({r.randint(-v.ndim - 1, v.ndim)})"
    elif kind == 5:
        made = r.choice((f"squeeze({d})", "squeeze()"))
    elif kind == 6:
        shape = [n if n != 1 else r.choice((1, 2, 3)) for n in v.shape]
        made = f"expand({[r.choice((1, 2))] * r.randint(0, 1) + shape})"
    elif kind in (7, 8):
        made = f"{('reshape', 'view')[kind - 7]}({refactored(w, v)})"
    elif kind == 9:
        made = r.choice(("flatten()", f"flatten({w.dim(v)}, {w.dim(v)})", "ravel()"))
    elif kind == 10:
        made = f"unfold({d}, {r.randint(0, max(size, 1))}, {r.randint(1, 3)})"
    elif kind == 11:
        made = f"diagonal({r.randint(-2, 2)}, {w.dim(v)}, {w.dim(v)})"
    elif kind == 12:
        made = f"movedim({d}, {w.dim(v)})"
    elif kind == 13:
        made = r.choice((f"chunk({r.randint(1, 3)}, {d})[0]", f"split({r.randint(1, 3)}, {d})[-1]"))
    elif kind == 14:
        made = f"unbind({d})[{r.choice((0, -1))}]"
    elif kind == 15:
        made = r.choice(("T", "mT", "t()")) if v.ndim == 2 else "view_as(" + name + ")"
    else:
        made = f"unflatten({d}, {split_size(w, size)})"
    return f"{w.fresh()} = {name}.{made}"


def split_size(w: Writer, size: int) -> list[int]:
    one = w.random.choice([k for k in range(1, size + 1) if size % k == 0] or [1])
    return w.random.choice(([one, -1], [size // one, one], [one, size // one]))


def refactored(w: Writer, v: torch.Tensor) -> list[int]:
    """A shape with as many elements."""
    left, shape = v.numel(), []
    if not left:
        return list(v.shape)[::-1]
    while left > 1 and len(shape) < 4:
        one = w.random.choice([k for k in range(1, left + 1) if left % k == 0])
        shape.append(one)
        left //= one
    shape.append(left)
    if w.random.random() < 0.3:
        shape[w.random.randrange(len(shape))] = -1
    return shape


def key(w: Writer, v: torch.Tensor) -> str:
    parts: list[str] = []
    r = w.random
    if r.random() < 0.1 and v.ndim:
        mask = w.pick(lambda m: m.dtype is torch.bool and m.shape == v.shape[: m.ndim] and m.ndim)
        if mask is not None:
            return mask
    advanced = False
    for size in v.shape[: r.randint(0, v.ndim)]:
        kind = r.randrange(8)
        if kind < 3:
            low, high = sorted(r.randint(-size, size) for _ in range(2))
            step = r.choice(("", "", f":{r.randint(1, 3)}"))
            parts.append(f"{r.choice((low, ''))}:{r.choice((high, ''))}{step}")
        elif kind == 3 and size:
            parts.append(str(r.randrange(-size, size + (r.random() < 0.05))))
        elif kind == 4:
            parts.append("None, :")
        elif kind == 5 and size and not advanced:
            advanced = r.random() < 0.7
            many = [r.randrange(-size, size) for _ in range(r.choice((1, 2, 3)))]
            parts.append(r.choice((f"t.tensor({many})", f"{many}", f"t.tensor([{many}])")))
        else:
            parts.append(":")
    if r.random() < 0.2:
        parts.insert(r.randint(0, len(parts)), "...")
    return ", ".join(parts) or "..."


def get_item(w: Writer) -> str | None:
    name = str(w.pick())
    return f"{w.fresh()} = {name}[{key(w, w.value(name))}]"


def set_item(w: Writer) -> str | None:
    name = str(w.pick())
    v = w.value(name)
    other = w.pick(lambda o: o.ndim <= v.ndim) if w.random.random() < 0.5 else scalar(w)
    return f"{name}[{key(w, v)}] = {other}"


def join(w: Writer) -> str | None:
    name = str(w.pick())
    v = w.value(name)
    other = w.pick(lambda o: o.shape == v.shape) or name
    word = w.random.choice(("cat", "stack", "cat"))
    if w.random.random() < 0.2:
        other = str(w.pick())
    return f"{w.fresh()} = t.{word}([{name}, {other}], {w.dim(v)})"


def choose(w: Writer) -> str | None:
    mask = w.pick(lambda m: m.dtype is torch.bool)
    if mask is None:
        return None
    return f"{w.fresh()} = t.where({mask}, {w.pick()}, {w.random.choice((w.pick(), scalar(w)))})"


def masked(w: Writer) -> str | None:
    mask = w.pick(lambda m: m.dtype is torch.bool)
    if mask is None:
        return None
    name = w.pick()
    return w.random.choice((
        f"{name}.masked_fill_({mask}, {scalar(w)})",
        f"{w.fresh()} = {name}.masked_fill({mask}, {scalar(w)})",
        f"{w.fresh()} = {name}.masked_select({mask})",
    ))  # fmt: skip


def product(w: Writer) -> str | None:
    name = str(w.pick(lambda v: v.ndim > 0 and v.is_floating_point()) or w.pick())
    v = w.value(name)
    fitting = [
        n for n in w.names
        if (o := w.value(n)).ndim and v.ndim and o.dtype == v.dtype
        and o.shape[max(o.ndim - 2, 0)] == v.shape[-1]
    ]  # fmt: skip
    other = w.random.choice(fitting) if fitting else name
    return f"{w.fresh()} = t.matmul({name}, {other})"


def cast(w: Writer) -> str | None:
    name = str(w.pick())
    return f"{w.fresh()} = {name}.to(t.{w.random.choice(DTYPES)})"


def moved(w: Writer) -> str | None:
    name = str(w.pick())
    v = w.value(name)
    r, d = w.random, w.dim(v)
    size = v.shape[d] if -v.ndim <= d < v.ndim else 1
    kind = r.randrange(12)
    picks = [r.randrange(size) for _ in range(3)] if size else []
    if kind == 0:
        made = f"roll({r.randint(-3, 3)}, {d})"
    elif kind == 1:
        made = f"flip({d})"
    elif kind == 2:
        made = f"repeat({[r.randint(1, 2) for _ in range(v.ndim + r.randint(0, 1))]})"
    elif kind == 3:
        made = f"{r.choice(('tril', 'triu'))}({r.randint(-2, 2)})"
    elif kind == 4:
        made = f"index_select({d}, t.tensor({picks}, dtype=t.int64))"
    elif kind == 5:
        made = f"sort({d}, stable=True).values"
    elif kind == 6:
        made = f"topk({r.randint(0, min(size, 3))}, {d}).values"
    elif kind == 7:
        made = f"argsort({d}, stable=True)"
    elif kind == 8:
        made = f"clamp({r.choice(('-1', 'None', '0.5'))}, {r.choice(('1', '2.5'))})"
    elif kind == 9:
        made = f"repeat_interleave({r.randint(0, 2)}, {d})"
    elif kind == 10:
        made = f"gather({d}, t.zeros({list(v.shape)}, dtype=t.int64))"
    else:
        made = f"diff(dim={d})"
    return f"{w.fresh()} = {name}.{made}"


def write_by_index(w: Writer) -> str | None:
    name = str(w.pick())
    v = w.value(name)
    r, d = w.random, w.dim(v)
    size = v.shape[d] if -v.ndim <= d < v.ndim else 1
    picks = r.sample(range(size), r.randint(0, min(size, 3)))
    where = f"{d}, t.tensor({picks}, dtype=t.int64)"
    shape = list(v.shape)
    if shape and -v.ndim <= d < v.ndim:
        shape[d] = len(picks)
    dtype = str(v.dtype).replace("torch", "t")
    source = f"make(t, {r.randrange(1000)}, {shape}, {dtype})"
    kind = r.randrange(5)
    if kind == 0:
        return f"{name}.index_fill_({where}, {scalar(w)})"
    if kind == 1:
        return f"{name}.index_add_({where}, {source})"
    if kind == 2:
        return f"{name}.index_copy_({where}, {source})"
    if kind == 3:
        return f"{name}.scatter_({d}, t.zeros({shape}, dtype=t.int64), {scalar(w)})"
    return f"{name}.clamp_({r.choice(('-1', 'None'))}, {r.choice(('1', '2'))})"


FAMILIES: tuple[Callable[[Writer], str | None], ...] = (
    unary, unary, binary, binary, operator, inplace, inplace, inplace_unary, reduce, reduce, whole,
    several_dims, scan, view, view, view, view, view, get_item, get_item, set_item, set_item, join,
    choose, masked, product, cast, moved, moved, write_by_index,
)  # fmt: skip


# --- running and comparing -----------------------------------------------------------------------


def step(line: str, scope: dict[str, Any]) -> BaseException | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(line, scope)
    except Exception as error:
        return error
    return None


def variables(scope: dict[str, Any]) -> list[str]:
    return [n for n in scope if n[0] == "v" and n[1:].isdigit()]


def compare(ours: dict[str, Any], theirs: dict[str, Any], values: bool = True) -> None:
    for name in variables(theirs):
        compare_tensor(name, ours[name], theirs[name], values, coarsest(theirs))


def pattern(v: Any) -> list[tuple[int, int]]:
    """Sizes and strides that matter: those of dimensions with more than one element."""
    if v.numel() == 0:
        return []
    return [(n, s) for n, s in zip(v.shape, v.stride(), strict=True) if n != 1]


def compare_tensor(
    name: str, got: Any, expected: torch.Tensor, values: bool, through: str = ""
) -> None:
    if not isinstance(expected, torch.Tensor):
        if type(got).__name__ != type(expected).__name__:
            raise Difference(f"{name}: {got!r:.80}, expected {expected!r:.80}")
        return
    # PyTorch marks what comparisons write into; no gradient can ever reach it.
    marked = not expected.is_floating_point() or (
        expected.grad_fn is not None and type(expected.grad_fn).__name__[:2] in COMPARISONS
    )
    tracked = () if marked else ("requires_grad", "is_leaf")
    for what in ("dtype", "shape", *tracked):
        one, other = getattr(got, what), getattr(expected, what)
        if str(one).replace("facula", "torch") != str(other):
            raise Difference(f"{name}.{what}: {one}, expected {other}")
    if pattern(got) != pattern(expected) and expected.is_contiguous() != got.is_contiguous():
        raise Difference(f"{name}.stride(): {got.stride()}, expected {expected.stride()}")
    if pattern(got) != pattern(expected):
        raise Difference(f"{name}.stride(): {got.stride()}, expected {expected.stride()}")
    if got.storage_offset() != expected.storage_offset():
        raise Difference(f"{name}: offset {got.storage_offset()}, not {expected.storage_offset()}")
    if values and expected.numel():
        compare_values(name, got, expected.detach(), through)


def coarsest(scope: dict[str, Any]) -> str:
    """The dtype of fewest bits that values went through."""
    found = {str(scope[n].dtype)[6:] for n in variables(scope)} & TOLERANCE.keys()
    return max(found, key=lambda word: TOLERANCE[word], default="")


def compare_values(name: str, got: Any, expected: torch.Tensor, through: str = "") -> None:
    dense = got.detach().contiguous()
    made = torch.empty(tuple(dense.shape), dtype=expected.dtype)
    ctypes.memmove(made.data_ptr(), dense.data_ptr(), made.numel() * made.element_size())
    word = str(expected.dtype)[6:]
    relative, absolute = TOLERANCE.get(through or word, (0.0, 0.0))
    if word not in TOLERANCE:
        relative, absolute = 0.0, 0.0
    if torch.equal(made, expected):
        return
    try:
        torch.testing.assert_close(made, expected, rtol=relative, atol=absolute, equal_nan=True)
    except AssertionError as error:
        raise Difference(f"{name}: " + " ".join(str(error).split())[:200]) from None


def same_sharing(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Variables share storage in one package where they do in the other."""
    seen: dict[int, int] = {}
    for name in variables(theirs):
        if isinstance(theirs[name], torch.Tensor) and theirs[name].numel():
            there = address(theirs[name])
            here = address(ours[name])
            if seen.setdefault(there, here) != here:
                raise Difference(f"{name}: shares storage with others than PyTorch's does")
    if len(set(seen.values())) != len(seen):
        raise Difference("two variables share storage that do not in PyTorch")


def shares(line: str, scope: dict[str, Any]) -> bool:
    """Whether a write reads other memory of the storage that it writes."""
    written = re.match(r"(v\d+)(\[|\.\w+_\()", line)
    if written is None:
        return False
    if written[1] not in scope:
        return False
    target = scope[written[1]]
    others = [scope[n] for n in re.findall(r"v\d+", line[written.end() :]) if n in scope]
    return any(v is not target and address(v) == address(target) for v in others if v.numel())


def is_stale(scope: dict[str, Any]) -> bool:
    """PyTorch refuses to say anything about one of several views after a write to their base."""
    try:
        return any(scope[n].is_leaf is None for n in variables(scope))
    except RuntimeError:
        return True


def address(v: Any) -> int:
    """Of the first byte of the storage."""
    first: int = v.data_ptr() - v.storage_offset() * v.element_size()
    return first


def run(lines: list[str]) -> None:
    """Runs a program on both; Difference where they part."""
    ours: dict[str, Any] = {"t": facula, "make": make}
    theirs: dict[str, Any] = {"t": torch, "make": make}
    for line in lines:
        expected, got = step(line, theirs), step(line, ours)
        if is_stale(theirs):
            return
        if "Autograd not support dtype" in str(expected):
            return  # PyTorch marked a bool or an integer as requiring gradients
        if shares(line, theirs) or (got is None and "single memory location" in str(expected)):
            return  # what a write leaves whose operands overlap depends on the order; ours is fixed
        if type(expected) is not type(got):
            raise Difference(f"{line}: {describe(got)}, expected {describe(expected)}")
        if expected is not None and re.match(r"v\d+ = ", line) is None:
            return  # a write that both refused midway: what it left is nobody's promise
        try:
            compare(ours, theirs)
        except Difference as difference:
            if "stride()" in str(difference) and re.search(r"\[.*(t\.tensor|\[)", line):
                return  # results of advanced indexing lie in rows here, whatever was indexed
            raise
        same_sharing(ours, theirs)
    compare_gradients(ours, theirs)


def describe(error: BaseException | None) -> str:
    return "no error" if error is None else f"{type(error).__name__}: {str(error)[:200]}"


def compare_gradients(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Gradients of the sum of all results that require them."""
    names = [n for n in variables(theirs) if isinstance(theirs[n], torch.Tensor)]
    ends = [n for n in names if theirs[n].requires_grad and not theirs[n].is_leaf]
    leaves = [n for n in names if theirs[n].requires_grad and theirs[n].is_leaf]
    if not ends or not leaves:
        return
    found = []
    for scope, package in ((theirs, torch), (ours, facula)):
        line = "g = t.autograd.grad(sum(v.double().sum() for v in ends), leaves, allow_unused=True)"
        local = {
            "t": package,
            "ends": [scope[n] for n in ends],
            "leaves": [scope[n] for n in leaves],
        }
        error = step(line, local)
        found.append((error, local.get("g")))
    (expected_error, expected), (error, got) = found
    # Our gradient did not need what was overwritten; we have a derivative where PyTorch has none.
    ours_can = (
        "modified by an inplace operation", "is not implemented", "is not supported",
        "INTERNAL ASSERT",
    )  # fmt: skip
    if error is None and any(text in str(expected_error) for text in ours_can):
        return
    if type(expected_error) is not type(error):
        raise Difference(f"grad: {describe(error)}, expected {describe(expected_error)}")
    if expected is None or got is None:
        return
    for name, one, other in zip(leaves, got, expected, strict=True):
        if one is None and other is not None and not bool(other.any()):
            continue  # no way leads there, or one on which all is 0
        if (one is None) != (other is None):
            raise Difference(f"gradient of {name}: {one}, expected {other}")
        if one is not None:
            scale = float(other.abs().max()) if other.numel() else 0.0
            if scale < 1e6:
                compare_values(f"gradient of {name}", one, other, coarsest(theirs))


def write(seed: int, length: int) -> list[str]:
    """A program of about so many lines."""
    writer = Writer(random.Random(seed))
    writer.scope["make"] = make
    lines: list[str] = []
    for _ in range(length):
        line = writer.line()
        if line is None or "None" in line.partition(" = ")[0]:
            continue
        if not defined(line, writer):
            continue
        kept = {n: writer.scope[n] for n in writer.names}
        error = step(line, writer.scope)
        too_large = any(
            isinstance(v := writer.scope[n], torch.Tensor) and v.numel() > LARGEST
            for n in writer.names
        )
        strange = any(not isinstance(writer.scope[n], torch.Tensor) for n in writer.names)
        if too_large or strange:
            for n in [n for n in writer.names if n not in kept]:
                del writer.scope[n]
            continue
        lines.append(line)
        if any(is_wild(writer.value(n)) for n in writer.names):
            break
        if error is not None and "=" in line:
            continue
    return lines


def is_wild(v: torch.Tensor) -> bool:
    """Numbers so large that what follows would multiply how they were rounded."""
    return v.is_floating_point() and v.numel() > 0 and bool((v.detach().abs() > 1000).any())


def defined(line: str, writer: Writer) -> bool:
    """False for lines whose result C leaves open: casts of numbers that the type cannot hold."""
    if ".prod(" in line or ".cumprod(" in line or ".pow(" in line or "**" in line:
        # PyTorch multiplies halves in halves, which overflow where ours do not.
        named = [writer.value(n) for n in writer.names if n in line]
        if any(v.dtype in (torch.float16, torch.bfloat16) for v in named):
            return False
    steps = (*(f".to(t.{word})" for word in (*INTEGERS, "bool")), "//", "%", "fmod", "floor",
             "remainder", "round", "ceil", "trunc", "sign", "frac")  # fmt: skip
    if any(word in line for word in steps):
        named = [writer.value(n) for n in writer.names if n in line]
        if any(v.dtype in (torch.float16, torch.bfloat16) for v in named):
            return False  # half a unit in the last place decides
    casts = ".to(t." in line or "_(" in line or "] = " in line
    if not casts:
        return True
    named = [writer.value(n) for n in writer.names if n in line]
    wide = [v.detach().double() for v in named if v.is_floating_point() and v.numel()]
    return all(bool(torch.isfinite(v).all()) and float(v.abs().max()) <= 100 for v in wide)


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


def differs(lines: list[str]) -> str | None:
    try:
        run(lines)
    except Difference as difference:
        return str(difference)
    return None


def check(seed: int, length: int = 14) -> str | None:
    """None, or the shrunk program that differs and how."""
    lines = write(seed, length)
    difference = differs(lines)
    if difference is None:
        return None
    least = shrink(lines)
    return "\n".join([f"# seed {seed}", *least, f"# {differs(least)}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=14)
    parser.add_argument("--most", type=int, default=20, help="programs shown")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began, shown = time.perf_counter(), 0
    for seed in range(options.seed, options.seed + options.count):
        found = check(seed, options.length)
        if found is not None:
            print(found, flush=True)
            shown += 1
            if shown >= options.most:
                break
        if seed % 5000 == 4999:
            gc.collect()
            objects, reserved = len(gc.get_objects()), facula.memory_stats()
            print(f"# {seed + 1}: {objects} objects, {reserved}", flush=True)
    took = time.perf_counter() - began
    print(f"{seed + 1 - options.seed} programs, {shown} differ, {took:.0f} s")


if __name__ == "__main__":
    main()
