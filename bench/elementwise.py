"""Group `elementwise`: pointwise operations, reductions, normalizations, copies and their like.

Mostly limited by memory, so a case tells how many bytes it must move at least: every operand read
once and every result written once, forward only.
"""

from collections.abc import Iterator

from bench.measure import Case, Work
from bench.program import backward, forward, setup_of

GROUP = "elementwise"
SIDES = {"64 K": 256, "1 M": 1024, "16 M": 4096}
S, M, L = SIDES

# What texts are about: n x n matrices, the same number of elements as 3-D and as images.
NAMES = {
    "x": "t.rand({n}, {n})",
    "y": "t.rand({n}, {n})",
    "z": "t.rand(16, {n} // 4, {n} // 4)",
    "row": "t.rand({n})",
    "col": "t.rand({n}, 1)",
    "integers": "t.randint(0, 100, ({n}, {n}))",
    "halves": "t.rand({n}, {n}).bfloat16()",
    "mask": "t.rand({n}, {n}) > 0.5",
    "index": "t.randint(0, {n}, ({n},))",
    "places": "t.randint(0, {n}, ({n}, {n}))",
    "labels": "t.randint(0, {n}, ({n},))",
    "scale": "t.rand({n})",
    "shift": "t.rand({n})",
    "images": "t.rand({n} // 64, 64, {n} // 32, {n} // 32)",
    "gain": "t.rand(64)",
    "offset": "t.rand(64)",
    "mean": "t.zeros(64)",
    "variance": "t.ones(64)",
    "table": "t.rand({n}, {n})",
}
# text: (bytes moved for each of the n x n elements, sizes)
POINTWISE = {
    "x + y": (12, (S, M, L)),
    "x + row": (8, (S, M)),
    "x + col": (8, (S, M)),
    "x.t() + y": (12, (S, M)),
    "x * 2.0 + 1.0": (16, (S, M, L)),
    "x.add_(y)": (12, (S, M, L)),
    "x / y": (12, (M,)),
    "x.sqrt()": (8, (M,)),
    "x.exp()": (8, (S, M, L)),
    "x.log()": (8, (M,)),
    "x.tanh()": (8, (S, M)),
    "x.sigmoid()": (8, (S, M)),
    "x.relu()": (8, (S, M, L)),
    "F.gelu(x)": (8, (S, M)),
    "x ** 2.5": (8, (M,)),
    "x.clamp(0.2, 0.8)": (8, (S, M)),
    "x.maximum(y)": (12, (M,)),
    "x > y": (9, (S, M)),
    "t.where(mask, x, y)": (13, (S, M)),
    "x.masked_fill(mask, 0.0)": (9, (M,)),
    "x.double()": (12, (S, M)),
    "x.bfloat16()": (6, (M,)),
    "halves.float()": (6, (M,)),
    "integers.float()": (12, (M,)),
    "F.dropout(x, 0.5)": (8, (S, M)),
}
REDUCTIONS = ("sum", "mean", "amax", "argmax", "var", "norm")
LARGE_REDUCTIONS = ("x.sum()", "x.sum(dim=0)", "x.sum(dim=1)", "x.argmax(dim=1)")
# Forward, and forward with backward to the leaves: text: (leaves, bytes forward, sizes)
DIFFERENTIATED = {
    "F.softmax(x, 1)": ("x", 8, (S, M, L)),
    "F.softmax(x, 0)": ("x", 8, (M,)),
    "F.log_softmax(x, 1)": ("x", 8, (S, M)),
    "F.layer_norm(x, ({n},), scale, shift)": ("x scale shift", 8, (S, M, L)),
    "F.batch_norm(images, mean, variance, gain, offset, True)": ("images gain offset", 8, (S, M)),
    "F.batch_norm(images, mean, variance, gain, offset)": ("images gain offset", 8, (S, M)),
    "F.group_norm(images, 8, gain, offset)": ("images gain offset", 8, (S, M)),
    "F.cross_entropy(x, labels)": ("x", 4, (S, M, L)),
    "F.gelu(x)": ("x", 8, (S, M)),
    "F.dropout(x, 0.5)": ("x", 8, (M,)),
    "F.embedding(index, table)": ("table", 8, (S, M)),
    "x.tanh()": ("x", 8, (M,)),
    "x.sum(1)": ("x", 4, (M,)),
}
MOVEMENT = {
    "x.clone()": (8, (S, M, L)),
    "x.t().contiguous()": (8, (S, M, L)),
    "x[:, ::2].contiguous()": (6, (S, M)),
    "z.permute(2, 0, 1).contiguous()": (8, (M,)),
    "t.cat((x, y))": (16, (S, M)),
    "t.cat((x, y), 1)": (16, (S, M)),
    "x[index]": (8, (S, M)),
    "x.index_select(0, index)": (8, (S, M)),
    "x.gather(1, places)": (16, (S, M)),
    "x.cumsum(1)": (8, (S, M, L)),
    "x.cumsum(0)": (8, (M,)),
    "x.sort(1)": (16, (S, M)),
    "x.sort(0)": (16, (M,)),
    "x.flip(1)": (8, (M,)),
}


def cases() -> list[Case]:
    """All cases of the group."""
    return [*_plain(POINTWISE), *_reductions(), *_differentiated(), *_plain(MOVEMENT)]


def _plain(table: dict[str, tuple[float, tuple[str, ...]]]) -> Iterator[Case]:
    for text, (moved, sizes) in table.items():
        for size in sizes:
            yield _case(text, size, moved)


def _reductions() -> Iterator[Case]:
    for name in REDUCTIONS:
        for dim in ("", "dim=0", "dim=1"):
            text = f"x.{name}({dim})"
            for size in (S, M, L) if text in LARGE_REDUCTIONS else (S, M):
                yield _case(text, size, 4)
        yield _case(f"z.{name}(dim=1)", M, 4)


def _differentiated() -> Iterator[Case]:
    for text, (leaves, moved, sizes) in DIFFERENTIATED.items():
        for size in sizes:
            if text not in POINTWISE and text != "x.sum(1)":
                yield _case(text, size, moved)
            if size != L:
                written = text.format(n=SIDES[size])
                build = backward(setup_of(written, NAMES, n=SIDES[size]), leaves, written)
                yield Case(GROUP, f"{_title(text)} and backward, {size}", build)


def _case(text: str, size: str, moved: float) -> Case:
    side = SIDES[size]
    written = text.format(n=side)
    build = forward(setup_of(written, NAMES, n=side), written)
    return Case(GROUP, f"{_title(text)}, {size}", build, Work(moved * side * side, "byte"))


def _title(text: str) -> str:
    return text.replace("({n},)", "(n,)")
