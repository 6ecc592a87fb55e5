"""A program: functions with kernels of their own, at odd sizes, on memory that faults when touched
outside a storage. Prints each case before it runs it. Note [guarded memory].

    python tests/backend/guarded_cases.py end|start [each n-th case] [part of a name]
"""

import faulthandler
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent)]

SIDE = sys.argv[1] if len(sys.argv) > 1 else "end"
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 1
WANTED = sys.argv[3] if len(sys.argv) > 3 else ""

if __name__ == "__main__":
    import guarded

    guarded.install(SIDE)

import facula as torch  # noqa: E402

F = torch.nn.functional
LAYOUTS = ("plain", "turned", "stepped", "offset", "expanded", "last")
Case = tuple[str, Callable[[Callable[..., Any]], Any]]


def laid(x: Any, layout: str) -> Any:
    """The same values in a storage that is just long enough for the layout."""
    shape, rank = tuple(x.shape), x.ndim
    order = list(range(rank))
    if layout == "turned":
        order.reverse()
    if layout == "last" and rank > 2:
        order = [0, *range(2, rank), 1]
    step = 2 if layout == "stepped" else 1
    strides, width = [0] * rank, step
    for k in reversed(order):
        strides[k] = width
        width *= max(shape[k], 1)
    if layout == "expanded" and rank:
        x = x.narrow(0, 0, 1).expand(shape) if shape[0] else x
        strides[0] = 0
    offset = 1 if layout == "offset" else 0
    length = offset + 1 + sum((n - 1) * s for n, s in zip(shape, strides)) if x.numel() else 0
    storage = torch.zeros(length, dtype=x.dtype)
    made = storage.as_strided(shape, strides, offset)
    one = storage.as_strided((1, *shape[1:]), strides, offset) if 0 in strides[:1] else made
    if x.numel():
        one.copy_(x[:1] if one is not made else x)
    return made


def numbers(shape: tuple[int, ...], dtype: Any) -> Any:
    if dtype is torch.bool:
        return torch.rand(shape) > 0.5
    if not dtype.is_floating_point and not dtype.is_complex:
        return torch.randint(0, 5, shape, dtype=dtype)
    return torch.randn(shape).to(dtype)


def cases() -> Iterator[Case]:
    """Names, and functions that get `t(shape)`, which makes an operand."""
    for m, k, n in [(1, 1, 1), (1, 17, 1), (7, 1, 19), (17, 33, 31), (35, 129, 66), (3, 300, 130),
                    (130, 2, 131), (0, 3, 4), (5, 0, 3)]:  # fmt: skip
        yield f"matmul {m} {k} {n}", lambda t, m=m, k=k, n=n: t(m, k) @ t(k, n)
        yield f"addmm {m} {k} {n}", lambda t, m=m, k=k, n=n: torch.addmm(t(n), t(m, k), t(k, n))
        yield f"linear {m} {k} {n}", lambda t, m=m, k=k, n=n: F.linear(t(m, k), t(n, k), t(n))
    for b, m, k, n in [(3, 5, 7, 9), (2, 17, 33, 18), (5, 1, 3, 1)]:
        yield f"bmm {b} {m}", lambda t, b=b, m=m, k=k, n=n: torch.bmm(t(b, m, k), t(b, k, n))
    for n in (1, 3, 17, 100, 1025):
        yield f"mv {n}", lambda t, n=n: t(n, 5).mv(t(5)).sum() + t(5, n).mv(t(n)).sum()
        yield f"dot {n}", lambda t, n=n: torch.dot(t(n), t(n))
        yield f"outer {n}", lambda t, n=n: torch.outer(t(n), t(3))
    for size, kernel, options in [
        ((1, 1, 5, 5), (3, 3), {}), ((2, 3, 9, 11), (3, 3), {"padding": 1}),
        ((1, 3, 13, 17), (7, 7), {"stride": 2, "padding": 3}),
        ((2, 17, 7, 9), (1, 1), {}), ((1, 17, 8, 19), (3, 3), {"dilation": 2, "padding": 2}),
        ((1, 33, 14, 14), (3, 3), {"padding": 1}), ((1, 16, 30, 31), (3, 3), {"padding": 1}),
        ((2, 6, 10, 10), (3, 3), {"groups": 6, "padding": 1}),
        ((2, 6, 10, 37), (5, 5), {"groups": 6, "stride": 2}),
        ((2, 6, 9, 9), (3, 2), {"groups": 3}), ((1, 5, 6, 6), (2, 3), {"stride": (2, 1)}),
        ((1, 64, 7, 7), (3, 3), {"padding": 1, "stride": 2}),
    ]:  # fmt: skip
        channels = size[1]

        def conv(t: Any, s=size, k=kernel, o=options, c=channels) -> Any:
            groups = o.get("groups", 1)
            outer = groups * 2 if groups > 1 else 19
            return F.conv2d(t(*s), t(outer, c // groups, *k), t(outer), **o)

        yield f"conv2d {size} {kernel} {options}", conv

        def turned(t: Any, s=size, k=kernel, o=options, c=channels) -> Any:
            groups = o.get("groups", 1)
            return F.conv_transpose2d(t(*s), t(c, 5, *k), t(5 * groups), **o)

        yield f"conv_transpose2d {size} {kernel} {options}", turned
    for n in (7, 18, 65):
        yield f"conv1d {n}", lambda t, n=n: F.conv1d(t(2, 3, n), t(5, 3, 4), t(5), padding=1)
        yield f"conv3d {n}", lambda t, n=n: F.conv3d(t(1, 2, 3, 5, n), t(3, 2, 2, 3, 3), padding=1)
    for h, w in [(5, 7), (9, 33), (17, 18), (32, 65)]:
        for kernel, stride, padding in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (5, 3, 2)]:
            named = {"kernel_size": kernel, "stride": stride, "padding": padding}
            label = f"{h} {w} {kernel} {stride} {padding}"
            yield (
                f"max_pool2d {label}",
                lambda t, h=h, w=w, o=named: F.max_pool2d(t(2, 3, h, w), **o),
            )
            yield (
                f"avg_pool2d {label}",
                lambda t, h=h, w=w, o=named: F.avg_pool2d(t(2, 3, h, w), **o),
            )
        yield f"adaptive {h} {w}", lambda t, h=h, w=w: F.adaptive_avg_pool2d(t(2, 3, h, w), (3, 5))
        yield f"adaptive max {h} {w}", lambda t, h=h, w=w: F.adaptive_max_pool2d(t(2, 3, h, w), 3)
        for mode in ("nearest", "bilinear", "bicubic", "area"):
            yield (
                f"interpolate {mode} {h} {w}",
                lambda t, h=h, w=w, m=mode: F.interpolate(
                    t(1, 3, h, w), size=(h + 4, 2 * w - 3), mode=m
                ),
            )
        yield (
            f"grid_sample {h} {w}",
            lambda t, h=h, w=w: F.grid_sample(
                t(1, 2, h, w), t(1, 5, 6, 2) * 2, align_corners=False
            ),
        )
    for rows, n in [(1, 1), (3, 5), (7, 33), (17, 130), (2, 2049)]:
        for name in ("softmax", "log_softmax", "cumsum", "cumprod", "sum", "mean", "amax", "argmax",
                     "var", "logsumexp", "sort", "median", "cummax", "prod", "norm", "std",
                     "nansum", "argsort", "unique", "flip"):  # fmt: skip
            for dim in (0, 1):
                if name == "unique":
                    yield (
                        f"{name} {rows} {n} {dim}",
                        lambda t, r=rows, n=n, d=dim: t(r, n).unique(dim=d),
                    )
                elif name == "norm":
                    yield (
                        f"{name} {rows} {n} {dim}",
                        lambda t, r=rows, n=n, d=dim: t(r, n).norm(dim=d),
                    )
                else:
                    yield (
                        f"{name} {rows} {n} {dim}",
                        lambda t, r=rows, n=n, d=dim, f=name: getattr(t(r, n), f)(d),
                    )
        yield (
            f"layer_norm {rows} {n}",
            lambda t, r=rows, n=n: F.layer_norm(t(r, n), (n,), t(n), t(n)),
        )
        yield f"rms_norm {rows} {n}", lambda t, r=rows, n=n: F.rms_norm(t(r, n), (n,), t(n))
        yield (
            f"cross_entropy {rows} {n}",
            lambda t, r=rows, n=n: F.cross_entropy(t(r, n), torch.arange(r) % n),
        )
        yield f"cat {rows} {n}", lambda t, r=rows, n=n: torch.cat([t(r, n), t(r, n)], 1)
        yield f"topk {rows} {n}", lambda t, r=rows, n=n: t(r, n).topk(min(n, 3), 1)[0]
        yield f"where {rows} {n}", lambda t, r=rows, n=n: torch.where(t(r, n) > 0, t(r, n), t(n))
        yield (
            f"gather {rows} {n}",
            lambda t, r=rows, n=n: t(r, n).gather(1, torch.arange(2 * r).reshape(r, 2) % n),
        )
        yield f"index {rows} {n}", lambda t, r=rows, n=n: t(r, n)[:, torch.arange(n - 1, -1, -1)]
        yield (
            f"mask {rows} {n}",
            lambda t, r=rows, n=n: t(r, n)[torch.arange(n * r).reshape(r, n) % 3 == 0],
        )
        yield f"chain {rows} {n}", lambda t, r=rows, n=n: (t(r, n) * 2 + t(n)).exp().clamp(0, 9).t()
        yield f"cdist {rows} {n}", lambda t, r=rows, n=n: torch.cdist(t(r, n), t(3, n))
        yield (
            f"embedding {rows} {n}",
            lambda t, r=rows, n=n: F.embedding(torch.arange(2 * r).reshape(2, r) % r, t(r, n)),
        )
    for c, n in [(1, 3), (3, 35), (17, 18)]:
        yield (
            f"batch_norm {c} {n}",
            lambda t, c=c, n=n: F.batch_norm(
                t(2, c, n), torch.zeros(c), torch.ones(c), t(c), t(c), training=True
            ),
        )
        yield f"instance_norm {c} {n}", lambda t, c=c, n=n: F.instance_norm(t(2, c, n))
        yield f"group_norm {c} {n}", lambda t, c=c, n=n: F.group_norm(t(2, 2 * c, n), c)
    for n, m, e in [(1, 1, 1), (5, 7, 9), (17, 33, 16), (65, 66, 20)]:
        yield (
            f"attention {n} {m} {e}",
            lambda t, n=n, m=m, e=e: F.scaled_dot_product_attention(
                t(2, 3, n, e), t(2, 3, m, e), t(2, 3, m, e)
            ),
        )
        yield (
            f"causal {n} {m} {e}",
            lambda t, n=n, m=m, e=e: F.scaled_dot_product_attention(
                t(2, 3, n, e), t(2, 3, m, e), t(2, 3, m, e), is_causal=True
            ),
        )
    for n in (1, 5, 18):
        yield f"solve {n}", lambda t, n=n: torch.linalg.solve(t(n, n) + 9 * torch.eye(n), t(n, 3))
        yield (
            f"triangular {n}",
            lambda t, n=n: torch.linalg.solve_triangular(
                t(n, n).tril() + 9 * torch.eye(n), t(n, 3), upper=False
            ),
        )
        yield f"fft {n}", lambda t, n=n: torch.view_as_real(torch.fft.fft(t(3, n)))
        yield f"unfold {n}", lambda t, n=n: F.unfold(t(1, 2, n + 2, n + 3), 3)
        yield f"tril {n}", lambda t, n=n: t(n, n + 2).tril() + t(n, n + 2).triu(1)


def run(function: Callable[..., Any], layout: str, dtype: Any) -> None:
    """A case and its gradients in a layout."""
    torch.manual_seed(1)
    made = []

    def t(*shape: int) -> Any:
        x = laid(numbers(shape, dtype), layout)
        if dtype.is_floating_point:
            x.requires_grad_()
        made.append(x)
        return x

    y = function(t)
    y = y[0] if isinstance(y, tuple) else y
    if y.requires_grad:
        weights = laid(torch.ones(y.shape, dtype=y.dtype), layout)
        torch.autograd.grad(y, made, weights, allow_unused=True)


def main() -> None:
    faulthandler.enable()
    dtypes = (torch.float32, torch.float64, torch.bfloat16, torch.int64)
    found = [
        (name, function, layout, dtype)
        for (name, function), dtype, layout in itertools.product(cases(), dtypes, LAYOUTS)
        if WANTED in name
    ][::STEP]
    for name, function, layout, dtype in found:
        print(f"{name} {layout} {dtype}", flush=True)
        try:
            run(function, layout, dtype)
        except (RuntimeError, NotImplementedError, IndexError, TypeError) as error:
            print(f"    {type(error).__name__}: {' '.join(str(error).split())[:150]}")
    print(f"{len(found)} cases")


if __name__ == "__main__":
    main()
