"""What a user does first: runs before everything else, in two seconds, in 150 lines.

When a line here fails, nothing else is worth reading. No reference but arithmetic done by hand.
"""

from pathlib import Path

import numpy as np
import pytest

import facula as torch
import facula.nn.functional as F
from facula import nn
from facula.utils.data import DataLoader, TensorDataset


def test_create_and_print() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert repr(x) == "tensor([[1., 2.],\n        [3., 4.]])"
    assert x.shape == (2, 2) and x.dtype is torch.float32
    assert torch.arange(3).tolist() == [0, 1, 2]
    assert torch.zeros(2, 3).numel() == 6


def test_arithmetic_broadcasts_and_promotes() -> None:
    column, row = torch.tensor([[1], [2]]), torch.tensor([10, 20])
    assert (column + row).tolist() == [[11, 21], [12, 22]]
    assert (row / 4).tolist() == [2.5, 5.0]
    assert (row * 2.0).dtype is torch.float32
    assert (row > 15).tolist() == [False, True]


def test_reductions_and_matmul() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.sum().item() == 10.0
    assert x.mean(0).tolist() == [2.0, 3.0]
    assert x.argmax(dim=1).tolist() == [1, 1]
    assert (x @ x).tolist() == [[7.0, 10.0], [15.0, 22.0]]


def test_a_view_shares_memory() -> None:
    x = torch.zeros(2, 3)
    x.t()[2, 1] = 5.0
    x[0, :2] = 1.0
    assert x.tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 5.0]]
    array = np.zeros(3, dtype=np.float32)
    torch.from_numpy(array).add_(1)
    assert array.tolist() == [1.0, 1.0, 1.0]


def test_gradient_of_a_polynomial() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    y = x**2 * 2 + x
    y.backward()
    assert x.grad is not None and x.grad.item() == 13.0


def test_gradients_through_broadcasting_and_matmul() -> None:
    weight = torch.ones(3, 2, requires_grad=True)
    bias = torch.zeros(3, requires_grad=True)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    (x @ weight.t() + bias).sum().backward()
    assert weight.grad is not None and weight.grad.tolist() == [[4.0, 6.0]] * 3
    assert bias.grad is not None and bias.grad.tolist() == [2.0, 2.0, 2.0]


def test_no_grad_records_nothing() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not (x * 2).requires_grad


def test_same_seed_same_numbers() -> None:
    torch.manual_seed(5)
    first = torch.rand(4).tolist()
    torch.manual_seed(5)
    assert torch.rand(4).tolist() == first


def test_cross_entropy() -> None:
    scores = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    loss = F.cross_entropy(scores, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(0.6931472)


def test_a_convolution_counts_its_window() -> None:
    image, kernel = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    assert F.conv2d(image, kernel, padding=1)[0, 0, 0].tolist() == [4.0, 6.0, 6.0, 4.0]
    assert F.max_pool2d(torch.arange(16.0).reshape(1, 1, 4, 4), 2).flatten().tolist() == [
        5.0, 7.0, 13.0, 15.0,
    ]  # fmt: skip


def make_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_training_loop_learns_xor(name: str) -> None:
    model = make_model()
    points = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = torch.tensor([0, 1, 1, 0])
    loader = DataLoader(TensorDataset(points, labels), batch_size=4, shuffle=True)
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.5 if name == "SGD" else 0.05)
    for _ in range(150):
        for batch, target in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch), target)
            loss.backward()
            optimizer.step()
    assert loss.item() < 0.05
    assert model(points).argmax(1).tolist() == labels.tolist()


def test_save_and_load(tmp_path: Path) -> None:
    model, other = make_model(), nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    other.load_state_dict(torch.load(tmp_path / "model.pt"))
    x = torch.rand(3, 2)
    assert torch.equal(model(x), other(x))


def test_a_wrong_shape_names_the_layer() -> None:
    model = nn.Sequential(nn.Linear(2, 16), nn.Linear(8, 2))
    with pytest.raises(RuntimeError, match=r"1 \(Linear\)"):
        model(torch.rand(3, 2))
