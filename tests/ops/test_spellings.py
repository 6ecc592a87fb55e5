"""Arguments by the names that PyTorch takes, those of NumPy's users among them."""

from types import ModuleType
from typing import Any

import pytest

import facula

CALLS = """
torch.cat([x, x], axis=1)
torch.cat((x, x), axis=-1)
torch.concat([x, x], axis=1)
torch.stack([v, v], axis=1)
torch.squeeze(x[None], axis=0)
x[None].squeeze(axis=0)
torch.unsqueeze(x, axis=1)
torch.sum(x, axis=(0, 1))
torch.mean(x, axis=0, keepdims=True)
x.max(axis=1)
x.argmax(axis=1, keepdims=True)
x.std(axis=0)
torch.softmax(x, axis=1)
torch.sort(v, axis=0, descending=True)
torch.gather(x, axis=1, index=i)
torch.take_along_dim(x, i, axis=1)
torch.tensordot(a=x, b=y, dims=1)
torch.tensordot(x, y, dims=([1], [0]))
torch.tile(v, dims=(2,))
v.tile(2, 2)
torch.meshgrid(v, v, indexing=None)
torch.split(x, split_size_or_sections=1)
torch.where(condition=x > 1, input=x, other=y.t())
torch.clamp(input=x, min=1, max=2)
torch.addmm(input=x @ y, mat1=x, mat2=y, beta=2, alpha=3)
torch.topk(input=v, k=2, largest=False)
torch.randint(high=5, size=(2,)).shape
torch.full(size=(2,), fill_value=3.0)
torch.arange(end=3)
torch.std(x, 0, correction=0)
x.new_zeros(size=(2,))
x.new_ones(2, 3)
x.new_ones(size=[2], dtype=torch.int64, layout=torch.strided, pin_memory=False)
x.new_empty(size=(2, 3)).shape
x.new_full((2,), 3, layout=torch.strided)
torch.einsum("ij,jk", [x, y])
torch.einsum(x, [0, 1], y, [1, 2])
""".strip()


def names(package: ModuleType) -> dict[str, Any]:
    return {
        "torch": package,
        "x": package.arange(6.0).view(2, 3),
        "y": package.arange(6.0).view(3, 2),
        "v": package.tensor([3.0, 1.0, 2.0]),
        "i": package.tensor([[0], [1]]),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS.splitlines())
def test_names_of_arguments_are_those_of_torch(torch: ModuleType, call: str) -> None:
    for _ in range(2):  # also when the call has been learnt
        assert repr(eval(call, names(facula))) == repr(eval(call, names(torch)))


def test_a_fork_of_the_generator_may_name_a_device() -> None:
    facula.manual_seed(0)
    with facula.random.fork_rng(devices=[], device_type="cpu"):
        first = facula.rand(2)
    assert facula.equal(facula.rand(2), first)
