"""Cases of reductions: expressions over `x`, and what NumPy or plain Python says about them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

SHAPE = (3, 4, 5)


class Reference(NamedTuple):
    """A reduction and NumPy's own, over (array, dims, keepdims)."""

    name: str
    reference: Callable[..., np.ndarray]
    dtypes: tuple[str, ...]


FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
EVERY = ("bool", *INTEGERS, *FLOATS)

REFERENCES = (
    Reference("sum", lambda a, d, k: np.sum(a, axis=d, keepdims=k), EVERY),
    Reference("mean", lambda a, d, k: np.mean(a, axis=d, keepdims=k), FLOATS),
    Reference("amax", lambda a, d, k: np.max(a, axis=d, keepdims=k), EVERY),
    Reference("amin", lambda a, d, k: np.min(a, axis=d, keepdims=k), EVERY),
    Reference("any", lambda a, d, k: np.any(a, axis=d, keepdims=k), EVERY),
    Reference("all", lambda a, d, k: np.all(a, axis=d, keepdims=k), EVERY),
)

DIMS = (None, 0, 1, -1, (0, 2), (0, 1, 2))

X = "x = torch.tensor([[3., -1., 2.], [float('nan'), 7., 7.]])"
Z = "x = torch.tensor([[3., 0., 2.], [4., 7., 7.]])"
WHOLE = "x = torch.tensor([[3, -1, 2], [3, 3, 0]])"
B = "x = torch.tensor([[True, False], [True, True]])"
U = "x = torch.tensor([[200, 100], [0, 255]], dtype=torch.uint8)"
E = "x = torch.zeros(0, 3)"
S = "x = torch.tensor(2.5)"
R = "x = torch.arange(24.).reshape(2, 3, 4) * 0.37 % 1.0 - 0.4"
FOUR = (X, Z, WHOLE, B)

LIKE_TORCH = [
    f"{x}; {call}"
    for x, calls in (
        (
            X,
            (
                "x.sum()",
                "x.sum(1)",
                "x.amax(1)",
                "x.amin()",
                "x.max()",
                "x.min()",
                "x.max(1)",
                "x.min(0)",
                "x.argmax()",
                "x.argmin(1)",
                "x.argmax(1, True)",
                "x.max(dim=1, keepdim=True)",
                "x.logsumexp(1)",
                "x.prod()",
                "x.any()",
                "x.all(1)",
                "x.count_nonzero()",
                "x.norm()",
                "x.nansum()",
                "x.nanmean(1)",
                "x.median()",
                "x.nanmedian()",
                "x.median(1)",
                "x.aminmax()",
                "torch.aminmax(x, dim=0)",
            ),
        ),
        (
            Z,
            (
                "x.prod(1)",
                "x.var()",
                "x.std(0)",
                "x.var(1, unbiased=False)",
                "x.var(False)",
                "x.std(correction=0)",
                "x.var((0, 1), correction=2)",
                "x.var(0, correction=5)",
                "torch.var_mean(x, 1)",
                "torch.std_mean(x)",
                "torch.var_mean(x, (0, 1), keepdim=True)",
                "x.norm(1)",
                "x.norm(3)",
                "x.norm(float('inf'))",
                "x.norm(0)",
                "x.norm(-float('inf'), 1)",
                "x.norm('fro')",
                "x.norm(dim=1)",
                "x.norm(2, (0, 1), True)",
                "x.logsumexp((0, 1))",
                "x.logsumexp(0, keepdim=True)",
                "x.sum(dtype=torch.float64)",
                "x.mean(dtype=torch.float64)",
                "x.sum(dtype=torch.int64)",
                "x.sum(dim=[])",
                "x.sum(dim=())",
                "x.amax(dim=())",
                "x.amax([0, 1])",
                "x.sum((0, 0))",
                "x.sum(2)",
                "x.sum((-1, 1))",
                "x.mean(dim=(0, 1), keepdim=True)",
                "x.sum(axis=1)",
                "x.sum(axis=1, keepdims=True)",
                "x.mean(axis=0)",
                "x.max(axis=1)",
                "x.argmax(axis=1)",
                "torch.sum(input=x, dim=0)",
                "torch.max(x, 1)[1]",
                "torch.max(x, dim=0).values",
                "x.max(torch.tensor(3.5))",
                "torch.min(x, x - 1)",
                "x.max(0)[0].shape",
                "x.kthvalue(2)",
                "x.kthvalue(1, 0)",
                "x.mode(1)",
                "x.quantile(0.25)",
                "x.quantile(torch.tensor([0.1, 0.9]), dim=1).contiguous()",
                "x.std(unbiased=False)",
                "x.var(0, True, True)",
                "x.sum(1.5)",
                "x.sum({})",
                "x.sum(dim=None)",
                "x.prod(0, keepdim=True)",
                "x.prod(dtype=torch.float64)",
                "x.norm('bad')",
                "x.all(0)",
                "x.any((0, 1))",
                "x.all(dim=(0, 1), keepdim=True)",
                "x.dist(x + 1)",
                "x.amax(3)",
                "x.amax((0, 0))",
                "x.sum(0).stride()",
                "x.T.sum(0)",
                "x.t().amax(1)",
                "x.argmax(5)",
                "x.max(5)",
                "x.count_nonzero(1)",
                "x.count_nonzero((0, 1))",
            ),
        ),
        (
            WHOLE,
            (
                "x.sum()",
                "x.sum(0)",
                "x.prod()",
                "x.prod(1)",
                "x.mean()",
                "x.mean(dtype=torch.float32)",
                "x.amax(1)",
                "x.max(1)",
                "x.min()",
                "x.argmax()",
                "x.argmin(0)",
                "x.any(1)",
                "x.all()",
                "x.var()",
                "x.norm()",
                "x.logsumexp(1)",
                "x.sum(dtype=torch.float32)",
                "x.sum(dtype=torch.int32)",
                "x.median()",
                "x.median(1)",
                "x.int().sum()",
                "x.int().sum().dtype",
                "x.short().prod().dtype",
                "x.mean(dtype=torch.int64)",
                "x.sum(dtype=torch.bool)",
                "x.std()",
                "x.count_nonzero(0)",
                "x.kthvalue(2, 1)",
                "x.mode()",
            ),
        ),
        (
            B,
            (
                "x.sum()",
                "x.sum(0)",
                "x.prod()",
                "x.mean()",
                "x.amax(0)",
                "x.max()",
                "x.max(1)",
                "x.argmax()",
                "x.any(0)",
                "x.all(1, keepdim=True)",
                "x.all()",
                "x.min()",
                "x.argmax(1)",
                "x.amin()",
            ),
        ),
        (
            U,
            (
                "x.sum()",
                "x.any()",
                "x.all(1)",
                "x.any(0)",
                "x.amax()",
                "x.max(0)",
                "x.prod()",
                "x.argmin()",
            ),
        ),
        (
            E,
            (
                "x.sum()",
                "x.sum(0)",
                "x.sum(1)",
                "x.mean()",
                "x.mean(0)",
                "x.amax()",
                "x.amax(0)",
                "x.amax(1)",
                "x.max()",
                "x.max(0)",
                "x.max(1)",
                "x.argmax()",
                "x.argmax(0)",
                "x.argmin(1)",
                "x.prod()",
                "x.prod(1)",
                "x.any()",
                "x.all()",
                "x.any(0)",
                "x.var()",
                "x.var(0)",
                "x.std(1)",
                "x.logsumexp(0)",
                "x.logsumexp(1)",
                "x.norm()",
                "x.norm(dim=0)",
                "x.norm(float('inf'))",
                "x.norm(float('inf'), 0)",
                "x.min(0)",
                "x.median()",
                "x.count_nonzero()",
                "x.aminmax()",
            ),
        ),
        (
            S,
            (
                "x.sum()",
                "x.sum(0)",
                "x.sum(-1)",
                "x.sum(1)",
                "x.amax(0)",
                "x.max(0)",
                "x.max()",
                "x.argmax(0)",
                "x.argmax()",
                "x.prod(0)",
                "x.var()",
                "x.std(0)",
                "x.logsumexp(0)",
                "x.norm()",
                "x.mean(-1, True)",
                "x.any()",
                "x.min(-1)",
                "x.all(0)",
                "x.var(unbiased=False)",
                "x.median(0)",
                "x.aminmax(dim=0)",
            ),
        ),
        (
            R,
            (
                "x.logsumexp((0, 2))",
                "x.var((0, 2))",
                "x.transpose(0, 2).sum(1)",
                "x[:, ::2].mean((0, 1))",
                "x.permute(2, 0, 1).amax(0, keepdim=True)",
                "x.expand(2, 2, 3, 4).sum((0, 3))",
                "x.permute(2, 0, 1).max(1)",
                "x[..., 1:3].argmin(0)",
                "x.prod((0, 1))",
                "x.std((1, 2), correction=0)",
                "x.norm(1.5, (0, 1))",
                "x.permute(1, 2, 0).argmax()",
                "x.half().sum(1)",
                "x.bfloat16().mean(0)",
                "x.half().var(0)",
                "x.bfloat16().amax((0, 2))",
                "x.half().logsumexp(2)",
                "x.half().max(1)",
                "x.bfloat16().prod(0)",
                "x.half().norm()",
            ),
        ),
    )
    for call in calls
]

OUT = [
    f"{Z}; y = torch.empty({shape}, dtype=torch.{dtype}); {call}; y"
    for shape, dtype, call in (
        ((2,), "float32", "torch.sum(x, 1, out=y)"),
        ((0,), "float32", "torch.sum(x, 1, out=y)"),
        ((2,), "int64", "torch.mean(x, 1, out=y)"),
        ((3,), "float32", "torch.amax(x, 0, out=y)"),
        ((3,), "bool", "torch.any(x, 0, out=y)"),
        ((3,), "int64", "torch.argmax(x, 0, out=y)"),
        ((2,), "float32", "torch.std(x, 1, out=y)"),
        ((2,), "float32", "torch.logsumexp(x, 1, out=y)"),
        ((2,), "float32", "torch.max(x, 1, out=(y, torch.empty(0, dtype=torch.int64)))"),
        ((5,), "float32", "torch.sum(x, 1, out=y)"),
        ((2,), "float32", "torch.prod(x, 1, out=y)"),
        ((2,), "float32", "torch.norm(x, 2, 1, out=y)"),
    )
]
