"""Cases of views: strides are compared, and whether memory is shared."""

X = "x = torch.arange(24).reshape(2, 3, 4)"
T = "x = torch.arange(24.).reshape(4, 3, 2).permute(2, 1, 0)"
V = "x = torch.arange(6)"
S = "x = torch.tensor(2.5)"
E = "x = torch.zeros(2, 0, 3)"
O = "x = torch.arange(8.).reshape(1, 4, 1, 2)"
M = "x = torch.arange(6.).reshape(2, 3)"

LIKE_TORCH = [
    f"{x}; {call}"
    for x, calls in (
        (X, ("x.transpose(0, 2)", "x.transpose(-1, 0)", "x.transpose(0, 3)", "x.permute(2, 0, 1)", "x.permute((1, 0, 2))", "x.permute([-1, 0, 1])",
             "x.permute(0, 1)", "x.permute(0, 0, 1)", "x.permute(0, 1, 5)", "x.view(6, 4)", "x.view(-1)", "x.view(2, -1)", "x.view((3, 8))", "x.view(5, 5)",
             "x.view(-1, -1)", "x.view(-1, 5)", "x.view(2, -2)", "x.view([24])", "x.view(torch.Size([4, 6]))", "x.transpose(0, 1).view(-1)", "x.transpose(0, 1).view(3, 2, 2, 2)", "x.transpose(0, 1).reshape(6, 4)",
             "x.reshape(-1)", "x.reshape(4, -1)", "x.reshape((2, 12))", "x.reshape(5)", "x.reshape(-1, 7)", "x.flatten()", "x.flatten(1)", "x.flatten(0, 1)",
             "x.flatten(1, 0)", "x.flatten(5)", "x.flatten(-2)", "x.flatten(start_dim=1)", "torch.flatten(x, 1)", "x.unflatten(2, (2, 2))", "x.unflatten(-1, (-1, 2))",
             "x.unflatten(1, (2, 2))", "x.unsqueeze(0)", "x.unsqueeze(-1)", "x.unsqueeze(3)", "x.unsqueeze(4)", "x.unsqueeze(-5)", "x.squeeze()", "x.squeeze(0)",
             "x.select(0, 1)", "x.select(1, -1)", "x.select(2, 4)", "x.select(3, 0)", "x.narrow(1, 1, 2)", "x.narrow(1, -2, 1)", "x.narrow(0, 1, 2)", "x.narrow(0, 0, -1)", "x.narrow(2, 4, 0)", "x.narrow(2, 5, 0)",
             "x.expand(2, 2, 3, 4)", "x.expand(-1, -1, -1)", "x.expand(2, 3)", "x.expand(2, 5, 4)", "x[:1].expand(5, 3, 4)", "x.expand(-1, 2, 3, 4)", "x.expand((1, 2, 3, 4))", "x.expand_as(torch.zeros(5, 2, 3, 4))", "x.broadcast_to((2, 2, 3, 4))",
             "torch.broadcast_to(x, (1, 2, 3, 4))", "x.t()", "x.swapaxes(0, 1)", "torch.swapdims(x, 1, 2)", "x.movedim(0, 2)", "x.movedim((0, 1), (2, 0))", "x.moveaxis(-1, 0)", "x.movedim((0, 1), (2,))", "x.movedim((0, 0), (1, 2))",
             "x.as_strided((2, 2), (1, 2))", "x.as_strided((2, 2), (1, 2), 5)", "x[1].as_strided((2,), (1,))", "x[1].as_strided((2,), (1,), 0)", "x[1].as_strided((2,), (1,), 3)", "x.as_strided((30,), (1,))", "x.as_strided((2,), (24,))", "x.as_strided((2,), (-1,))", "x.as_strided((2, 2), (1,))", "x.as_strided((2,), (1,), 23)", "x.as_strided((0,), (1,), 100)",
             "x.diagonal()", "x.diagonal(1)", "x.diagonal(-1, 1, 2)", "x.diagonal(0, 2, 0)", "x.diagonal(9)", "x.diagonal(dim1=0, dim2=0)", "x.diagonal(offset=1, dim1=1, dim2=2)", "torch.diagonal(x, 0, 0, 1)",
             "x.unfold(2, 2, 1)", "x.unfold(1, 3, 2)", "x.unfold(0, 3, 1)", "x.unfold(2, 2, 0)", "x.unbind()", "x.unbind(1)", "x.unbind(dim=-1)", "x.unbind(3)",
             "x.split(1)", "x.split(2, 2)", "x.split(3, dim=-1)", "x.split([1, 3], 2)", "x.split([1, 1], 2)", "x.split(0)", "x.split(-1)", "torch.split(x, 2, dim=1)", "x.split(split_size=2, dim=1)", "torch.split(x, split_size_or_sections=2)", "x.split((2, 2), 2)", "x.split(5)",
             "x.chunk(2)", "x.chunk(3, 2)", "x.chunk(5, 1)", "x.chunk(0)", "x.chunk(2, dim=-1)", "torch.chunk(x, 2, 1)", "x.tensor_split(2, 2)", "x.tensor_split(3, 2)", "x.tensor_split((1, 2), 1)", "x.tensor_split((1, 9), 1)", "x.tensor_split(0)", "torch.tensor_split(x, torch.tensor([1, 2]), 2)", "x.tensor_split([1, 3], dim=2)", "x.hsplit(3)", "x.vsplit(2)", "x.dsplit(2)",
             "x.view_as(torch.zeros(4, 6))", "x.reshape_as(torch.zeros(6, 4))", "x.ravel()", "x.mT", "x.size()", "x.size(-1)", "x.size(3)", "x.stride()", "x.stride(0)", "x.dim()", "x.numel()", "x.nelement()", "x.storage_offset()", "x[1, 1].storage_offset()", "x.is_contiguous()",
             "x.transpose(0, 1).is_contiguous()", "x.contiguous().stride()", "x.transpose(0, 2).contiguous()", "x.view(torch.float64).dtype", "x.view(torch.int32).shape", "x.view(dtype=torch.uint8).shape", "x.detach()", "x.shape[1:]", "x.nbytes", "x.itemsize", "x.element_size()", "x.adjoint()", "x.squeeze((0, 1))", "x.permute(dims=(2, 1, 0))", "torch.permute(x, (2, 1, 0))", "torch.reshape(x, (4, 6))", "torch.squeeze(x)", "torch.unsqueeze(x, 0)", "torch.unsqueeze(x, dim=1)", "torch.transpose(x, 0, 1)", "torch.narrow(x, 0, 0, 1)", "torch.select(x, 0, 0)", "torch.unbind(x)", "torch.moveaxis(x, 0, 1)", "torch.atleast_2d(x)", "x.transpose(dim0=0, dim1=1)", "x.expand(size=(1, 2, 3, 4))", "x.view(size=(6, 4))", "x.reshape(shape=(6, 4))", "torch.broadcast_tensors(x, torch.zeros(4))")),
        (T, ("x", "x.view(-1)", "x.reshape(-1)", "x.flatten()", "x.flatten(1)", "x.view(2, 3, 2, 2)", "x.clone()", "x.clone().stride()", "x + 1", "(x[:, 1:] + 1).stride()", "x[:, ::2].clone()", "x.contiguous()", "x.T.is_contiguous()" if False else "x.permute(2, 1, 0).is_contiguous()", "x.transpose(0, 1).stride()", "x.select(1, 0)", "x.diagonal()", "x.unfold(2, 2, 2)", "x.reshape(2, 12)", "x.reshape(6, 4)", "torch.empty_like(x).stride()", "torch.zeros_like(x)", "x.expand(2, 2, 3, 4)", "x.squeeze()", "x.ravel()", "x.to(torch.float64)", "x.to(torch.int32)", "x[..., None].stride()", "x[:, None].shape", "x.unflatten(2, (2, 2))")),
        (V, ("x.t()", "x.T.shape" if False else "x.view(2, 3).T", "x.view(6, 1, 1)", "x.split(4)", "x.chunk(4)", "x.unfold(0, 3, 1)", "x.unfold(0, 2, 3)", "x.unfold(0, 7, 1)", "x.unfold(0, 0, 1)", "x.diagonal()", "x.expand(3, 6)", "x.expand(3, -1)", "x[::2].view(3)", "x[::2].view(3, 1)", "x[1:].storage_offset()", "x.mT", "x.hsplit(2)", "torch.diag(x)", "torch.diag(x[:2], 1)", "x.diag_embed()", "x.tensor_split(4)", "x.view(3, 2).diag()", "x.narrow(0, torch.tensor(2), 2)")),
        (S, ("x.view(1)", "x.view(())", "x.view(-1)", "x.reshape(1, 1)", "x.reshape(())", "x.unsqueeze(0)", "x.unsqueeze(-1)", "x.unsqueeze(1)", "x.squeeze()", "x.squeeze(0)", "x.squeeze(-1)", "x.squeeze(1)", "x.flatten()", "x.t()", "x.expand(3)", "x.expand(2, 3)", "x.permute(())", "x.transpose(0, 0)", "x.transpose(0, 1)", "x.select(0, 0)", "x.narrow(0, 0, 1)", "x.unbind()", "x.split(1)", "x.chunk(1)", "x.stride()", "x.size()", "x.ravel()", "torch.atleast_1d(x)", "torch.atleast_3d(x)", "x.diagonal()", "x.size(0)", "x.movedim(0, 0)", "x.unfold(0, 1, 1)", "x.as_strided((2,), (0,))")),
        (E, ("x.view(0, 6)", "x.view(-1)", "x.view(-1, 3)", "x.view(-1, 0)", "x.reshape(3, 0)", "x.reshape(-1, 0)", "x.flatten()", "x.transpose(0, 1)", "x.permute(2, 0, 1)", "x.select(0, 1)", "x.select(1, 0)", "x.expand(4, 2, 0, 3)", "x.split(1, 1)", "x.split(0, 1)", "x.chunk(3, 1)", "x.unbind(1)", "x.squeeze()", "x.unsqueeze(2)", "x.diagonal()", "x.unfold(2, 2, 1)", "x.contiguous()", "x.clone()", "x.narrow(1, 0, 0)", "x.is_contiguous()", "x.tensor_split(2, 1)", "x.reshape(0)")),
        (O, ("x.squeeze()", "x.squeeze(0)", "x.squeeze(1)", "x.squeeze(-2)", "x.squeeze((0, 2))", "x.squeeze(dim=(0, 1))", "x.squeeze(4)", "x.view(8)", "x.expand(3, 4, 5, 2)", "x.transpose(0, 3)", "x.is_contiguous()", "x.transpose(0, 2).is_contiguous()", "x.transpose(1, 2).view(4, 2)", "x.view(4, 2).unsqueeze(1)", "x.flatten(1, 2)", "x.squeeze((0, 0))")),
        (M, ("x.T", "x.mT", "x.t()", "x.H" if False else "x.t().t()", "x.diagonal()", "x.diag()", "x.diag(1)", "x.trace()", "torch.trace(x)", "torch.t(x)", "x.vsplit(2)", "x.hsplit([1])", "torch.diagflat(x)", "x.view(3, 2, 1).mT", "torch.meshgrid(x[0], x[1], indexing='ij')", "torch.meshgrid([x[0], x[1][:2]], indexing='xy')", "torch.cartesian_prod(x[0], x[1][:2])", "torch.combinations(x[0])", "x.diag_embed()", "x.view(2, 3, 1, 1).expand(2, 3, 4, 4).reshape(2, 48).stride()", "x.block_diag()" if False else "torch.block_diag(x, x[:1])", "torch.tril_indices(3, 3)", "torch.triu_indices(3, 4, 1)")),
    )
    for call in calls
]  # fmt: skip

# Whether the result shares memory with x: (x, expression).
SHARING = [
    (x, call)
    for x, calls in (
        (X, ("x.view(-1)", "x.reshape(-1)", "x.transpose(0, 1)", "x.transpose(0, 1).reshape(-1)", "x.flatten()", "x.contiguous()", "x.clone()", "x[1]", "x[:, 1:]", "x[[0, 1]]", "x[x > 3]", "x.expand(2, 2, 3, 4)", "x.detach()", "x.data", "x.to(torch.int64)", "x.to(torch.int32)", "x.long()", "x.float()", "x.squeeze()", "x.unsqueeze(0)", "x[...]", "x[None]", "x.split(1)[0]", "x.chunk(2)[0]", "x.unbind()[0]", "x.select(0, 0)", "x.narrow(0, 0, 1)", "x.diagonal()", "x.unfold(2, 2, 1)", "x.view_as(x)", "x.repeat(1, 1, 1)", "x.flip(0)", "x.roll(0)", "x.tril()", "x.movedim(0, 1)", "x.broadcast_to(2, 3, 4)" if False else "x.broadcast_to((2, 3, 4))", "x.ravel()", "x.type_as(x)", "x.to(x)", "x.to('cpu')", "x.to(torch.int64, copy=True)", "x.cpu()", "x.squeeze(0)", "x.T" if False else "x.mT", "torch.as_tensor(x)", "torch.tensor(x.tolist())", "x.index_select(0, torch.tensor([0]))", "x.as_strided((2,), (1,))", "x.expand_as(x)", "x.reshape(2, 3, 4)", "x.requires_grad_(False)", "x.abs()", "x.sum_to_size((2, 3, 4))", "x.resize_(24)", "torch.from_numpy(x.numpy())", "torch.as_tensor(x.numpy())", "torch.tensor(x.numpy())", "torch.atleast_1d(x)")),
    )
    for call in calls
]  # fmt: skip
