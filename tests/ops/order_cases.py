"""Cases of order: extremes with positions, sorting, running sums, flips, rolls, triangles."""

N = "x = torch.tensor([[3., float('nan'), 2., 3.], [1., 1., -0.5, 4.]])"
P = "x = torch.tensor([[3., 1., 2., 3.], [1., 1., -0.5, 4.]])"
I = "x = torch.tensor([[5, 5, 1], [2, 7, 2]])"
B = "x = torch.tensor([True, False, True])"
E = "x = torch.zeros(2, 0)"
S = "x = torch.tensor(2.5)"
T = "x = (torch.arange(24) * 7 % 11).reshape(2, 3, 4)"

LIKE_TORCH = [
    f"{x}; {call}"
    for x, calls in (
        (N, ("x.sort()", "x.sort(0)", "x.sort(descending=True)", "x.argsort(stable=True)", "x.topk(2)",
             "x.topk(2, largest=False)", "x.max(1)", "x.min(0)", "x.cumsum(1)", "x.cumprod(0)", "x.cummax(1)",
             "x.cummin(0)", "x.argmax(1)", "x.argmin()", "x.logcumsumexp(1)", "x.unique()[:5]")),
        (P, ("x.sort(dim=1, stable=True)", "x.sort(0, True)", "torch.sort(x, dim=0, descending=True, stable=True)",
             "x.argsort(0, stable=True)", "torch.argsort(x, descending=True, stable=True)", "torch.msort(x)",
             "x.topk(1)", "x.topk(3, 1)[0]", "x.topk(1, 0)", "x.topk(0)", "x.topk(5)", "x.topk(2, dim=0, largest=False)[0]",
             "x.topk(k=2, dim=-1).values", "x.sort(2)", "x.sort().values.stride()", "x.sort(0).indices.stride()",
             "x.cumsum(0)", "x.cumsum(-1)", "x.cumsum(dim=1, dtype=torch.float64)", "x.cumsum(2)", "x.cumprod(1)",
             "x.cumprod(0, dtype=torch.float64)", "x.T.cumsum(0)", "x.half().cumsum(1)", "x.cummax(0)", "x.cummin(1)",
             "x.flip(0)", "x.flip(0, 1)", "x.flip([1])", "x.flip(-1)", "x.flip(())", "x.flip(2)", "x.flip(0, 0)",
             "x.fliplr()", "torch.flipud(x)", "torch.flip(x, dims=(0,))", "x.roll(1)", "x.roll(1, 0)", "x.roll((1, 2), (0, 1))",
             "x.roll(-3, 1)", "x.roll(shifts=(1,), dims=(1,))", "x.roll((1, 2), 0)", "x.roll(9, -1)", "x.rot90()", "torch.rot90(x, 2, (0, 1))",
             "x.tril()", "x.triu(1)", "x.tril(-1)", "x.triu(-5)", "x.triu(10)", "x[0].tril()", "x.t().tril()",
             "torch.tril(x, diagonal=1)", "x.diff()", "x.diff(dim=0)", "x.unique()", "torch.unique(x, return_inverse=True)",
             "torch.unique(x, return_counts=True)", "x.unique(sorted=True, return_inverse=True, return_counts=True)",
             "x.unique_consecutive()", "x.argsort().dtype", "x.sort(stable=True, dim=0, descending=True)",
             "torch.searchsorted(torch.tensor([1., 2., 4.]), x)", "torch.bucketize(x, torch.tensor([1., 2., 4.]))",
             "torch.bucketize(x, torch.tensor([1., 2., 4.]), right=True)", "x.histc(4, 0, 4)")),
        (I, ("x.sort(stable=True)", "x.sort(0, stable=True)", "x.cumsum(1)", "x.cumsum(0, dtype=torch.float32)", "x.int().cumsum(0)", "x.cumprod(1)",
             "x.to(torch.uint8).cumsum(1)", "x.to(torch.int8).cumprod(1)", "x.topk(2)[0]", "x.max(0)", "x.flip(1)", "x.triu()", "x.roll(2)", "x.unique()", "x.bincount()",
             "x[0].bincount()", "torch.bincount(x[0], minlength=9)", "torch.bincount(x[0], weights=torch.tensor([.5, .25, 1.]))", "torch.bincount(-x[0])",
             "x.short().sort(stable=True)", "x.to(torch.uint8).sort(descending=True, stable=True)", "torch.histc(x.float())", "x.cummax(1)")),
        (B, ("x.sort(stable=True)", "x.cumsum(0)", "x.cumprod(0)", "x.flip(0)", "x.roll(1)", "x.argsort(stable=True)", "x.max(0)", "x.unique()")),
        (E, ("x.sort()", "x.sort(0)", "x.cumsum(1)", "x.cumsum(0)", "x.flip(1)", "x.roll(1, 1)", "x.topk(0)", "x.tril()", "x.argsort()", "x.cumprod(0)", "x.topk(1)")),
        (S, ("x.sort()", "x.sort(0)", "x.cumsum(0)", "x.cumprod(-1)", "x.topk(1)", "x.flip(0)", "x.argsort()", "x.roll(1)", "x.cumsum(1)", "x.sort(1)", "x.topk(2)", "x.tril()", "x.msort()")),
        (T, ("x.sort(1, stable=True)", "x.sort(0, True, stable=True)" if False else "x.sort(dim=0, descending=True, stable=True)", "x.permute(2, 0, 1).sort(1, stable=True)" if False else "x.permute(2, 0, 1).sort(dim=1, stable=True)",
             "x[:, ::2].cumsum(2)", "x.transpose(0, 2).flip(0, 2)", "x.permute(1, 2, 0).roll((1, 1), (0, 2))", "x.tril()", "x.transpose(0, 2).triu(1)", "x.float().kthvalue(2, 1)",
             "x.transpose(0, 1).topk(2, 0)[0]", "x.amax((0, 2))", "x.repeat_interleave(2)", "x.float().median(2)")),
    )
    for call in calls
]  # fmt: skip
