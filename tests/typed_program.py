"""A program as users write them, for the type checker alone: what the stubs promise, they keep.

mypy reads this file with the package (pyproject.toml). Nothing runs it.
"""

from typing import Any, assert_type

import facula as torch
from facula import Tensor, nn
from facula.nn import functional as F
from facula.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(F.relu(self.hidden(x)))
        return y


def train() -> None:
    x, y = torch.randn(10, 4), torch.randint(0, 2, (10,))
    loader = DataLoader(TensorDataset(x, y), batch_size=5, shuffle=True)
    net, loss_of = Net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for inputs, labels in loader:
        loss: Tensor = loss_of(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        assert_type(net(x).argmax(1), Any)
    torch.save(net.state_dict(), "net.pt")
    net.load_state_dict(torch.load("net.pt"))


def results(x: Tensor) -> None:
    assert_type(x.shape, torch.Size)
    assert_type(x.size(), torch.Size)
    assert_type(x.size(0), int)
    assert_type(x.stride(), tuple[int, ...])
    assert_type(x.type(), str)
    assert_type(x.type(torch.float64), Tensor)
    assert_type(x.grad, Tensor | None)
    assert_type(x > 0, Tensor)
    assert_type(1 - x, Tensor)
    assert_type(x[0, 1:], Tensor)
    assert_type(x.sum(0, keepdim=True), Tensor)
    assert_type(x.max(), Tensor)
    assert_type(x.max(0).values, Tensor)
    assert_type(torch.sort(x).indices, Tensor)
    assert_type(x.split([1, 2]), tuple[Tensor, ...])
    assert_type(x.nonzero(), Tensor)
    assert_type(x.nonzero(as_tuple=True), tuple[Tensor, ...])
    assert_type(torch.where(x > 0, x, 0), Tensor)
    assert_type(torch.meshgrid(x[0], x[1], indexing="ij"), tuple[Tensor, ...])
    assert_type(torch.einsum("ij,kj->ik", x, x), Tensor)
    assert_type(torch.linalg.svd(x).S, Tensor)
    assert_type(torch.fft.rfft(x), Tensor)
    assert_type(torch.allclose(x, x), bool)
    assert_type(x.addmm_(x, x, beta=0.5), Tensor)
    values, counts = torch.unique(x, return_counts=True)


def arguments(x: Tensor) -> None:
    torch.zeros(2, 3, device=torch.device("cpu"), dtype=torch.float32, requires_grad=True)
    torch.zeros((2, 3), out=x)
    torch.full([2], 3.0)
    torch.cat((x, x), dim=0)
    torch.clamp(x, min=0.0).clamp_(max=1)
    torch.block_diag(x, x)
    x.permute(1, 0).permute((1, 0)).view(12).view((3, 4)).view(torch.int32).reshape([4, 3])
    x.sum(dim=[0, 1])
    x.expand(-1, 4).repeat(2, 3).flip(0).roll(1, 0).to("cpu", torch.float64).transpose(0, 1)
    x[..., None] = x[:, None] + 2 * x**2 @ x
