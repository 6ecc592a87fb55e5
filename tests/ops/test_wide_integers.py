"""uint16, uint32 and uint64: made, converted, copied, printed, exchanged; and what refuses them."""

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import facula
from facula.bind.narrow import FILE
from facula.op import registry

WIDE = [facula.uint16, facula.uint32, facula.uint64]
OTHERS = [
    facula.bool, facula.uint8, facula.int8, facula.int16, facula.int32, facula.int64,
    facula.float32, facula.float64, *WIDE,
]  # fmt: skip


def largest(kind: facula.dtype) -> int:
    return int(2 ** (8 * kind.itemsize) - 1)


@pytest.mark.parametrize("kind", WIDE, ids=str)
def test_the_whole_range_is_kept_and_printed(kind: facula.dtype) -> None:
    top = largest(kind)
    x = facula.tensor([0, 1, top], dtype=kind)
    assert x.tolist() == [0, 1, top]
    assert x[2].item() == top == facula.iinfo(kind).max
    width = len(str(top))
    numbers = f"tensor([{'0':>{width}}, {'1':>{width}}, {top}],"
    assert repr(x).replace("\n       ", " ") == f"{numbers} dtype={kind})"
    assert x.type() == f"torch.{kind.word}Tensor"
    assert facula.full((2,), top, dtype=kind).tolist() == [top, top]
    assert facula.tensor(True, dtype=kind).item() == 1


@pytest.mark.parametrize("source", OTHERS, ids=str)
@pytest.mark.parametrize("kind", WIDE, ids=str)
def test_conversions_are_those_of_numpy(kind: facula.dtype, source: facula.dtype) -> None:
    numbers = np.array([0, 1, 2, 100, 127], source.numpy)
    if source.kind == "i":
        numbers[1] = -3
    if source in WIDE:
        numbers[3] = largest(source)
    x = facula.from_numpy(numbers)
    for spread in (x, facula.stack([x, x], 1)[:, 0], x[1:], x.expand(3, 5)):
        plain = spread.numpy()
        assert (spread.to(kind).numpy() == plain.astype(kind.numpy)).all()
        back = spread.to(kind).to(source).numpy()
        assert (back == plain.astype(kind.numpy).astype(source.numpy)).all()


def test_floats_keep_the_low_bits() -> None:
    x = facula.tensor([-1.0, -2.5, 3.9, 65537.0], dtype=facula.float64)
    assert x.to(facula.uint16).tolist() == [65535, 65534, 3, 1]
    assert x.to(facula.uint32).tolist() == [2**32 - 1, 2**32 - 2, 3, 65537]
    assert x.to(facula.uint64).tolist() == [2**64 - 1, 2**64 - 2, 3, 65537]
    large = facula.tensor([2.0**63, 2.0**64 - 2048, 1e30], dtype=facula.float64)
    assert large.to(facula.uint64).tolist() == [2**63, 2**64 - 2048, 0]
    many = facula.arange(-9.0, 9.0, 0.25).to(facula.uint64)
    assert many.tolist() == [int(v) % 2**64 for v in facula.arange(-9.0, 9.0, 0.25).tolist()]


@pytest.mark.parametrize("kind", WIDE, ids=str)
def test_what_is_computed_wraps_around(kind: facula.dtype) -> None:
    top = largest(kind)
    x = facula.tensor([1, 2, top], dtype=kind)
    assert (x * x).tolist() == [1, 4, 1]
    assert (x * 2).tolist() == [2, 4, top - 1]
    assert (x & 3).tolist() == [1, 2, 3]
    assert (x ^ x).tolist() == [0, 0, 0]
    assert (x == top).tolist() == [False, False, True]
    assert (x.double() == 2**63).tolist() == [False] * 3
    assert (x != x).tolist() == [False] * 3
    assert (x / 2).dtype is facula.float32
    assert x.sum().dtype is facula.int64
    assert x.sort(descending=True).values.tolist() == [top, 2, 1]
    assert x.unique().tolist() == [1, 2, top]
    assert facula.where(x == 2, x, 0).tolist() == [0, 2, 0]
    assert facula.cat([x, x[:1]]).tolist() == [1, 2, top, 1]
    x[0] = 7
    x[1:] = facula.tensor([5, 6])
    assert x.tolist() == [7, 5, 6]
    assert facula.arange(5.0)[facula.tensor(3, dtype=kind)] == 3


@pytest.mark.parametrize("kind", WIDE, ids=str)
def test_exchange(kind: facula.dtype) -> None:
    x = facula.tensor([[1, 2], [3, largest(kind)]], dtype=kind)
    shared = x.numpy()
    assert shared.dtype == kind.numpy
    shared[0, 0] = 9
    assert x[0, 0] == 9
    assert facula.from_numpy(shared).data_ptr() == x.data_ptr()
    assert facula.from_dlpack(x).data_ptr() == x.data_ptr()
    assert np.from_dlpack(x).dtype == kind.numpy
    for again in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone(), x.t().t()):
        assert again.dtype is kind
        assert again.tolist() == x.tolist()
    numbers = facula.TypedStorage(wrap_storage=x.untyped_storage(), dtype=kind)
    assert numbers[3] == largest(kind)
    assert facula.tensor(kind.numpy.type(3)).dtype is kind


def test_numbers_beyond_int64() -> None:
    x = facula.tensor([1, 2**64 - 1], dtype=facula.uint64)
    small = facula.ones(2, dtype=facula.int64)
    for _ in range(2):  # also when a call with a small number has been learnt
        assert (x == 2**64 - 1).tolist() == [False, True]
        assert (x * 2**63).tolist() == [2**63, 2**63]
        assert x.clone().mul_(2**63 + 1).tolist() == [2**63 + 1, 2**63 - 1]
        # Elsewhere floats take the number, and integers its bits.
        assert (small.double() * 2**63).tolist() == [2.0**63] * 2
        assert (small * 2**63).tolist() == [-(2**63)] * 2
        assert small.float().fill_(2**63).tolist() == [2.0**63] * 2
        for beyond in (2**64, -(2**63) - 1):
            for refused in (small.mul, small.float().add, small.float().fill_, small.clone().mul_):
                with pytest.raises(OverflowError, match="int too big|negative int"):
                    refused(beyond)
        assert (x * 3).tolist() == [3, 2**64 - 3]
        assert (small * 3 == 3).all()
        assert small.float().fill_(1).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", [facula.float16, facula.bfloat16, facula.float32], ids=str)
def test_a_fill_that_the_dtype_cannot_hold_is_refused(kind: facula.dtype) -> None:
    x = facula.ones(2, dtype=kind)
    for _ in range(2):
        assert x.fill_(0.5).tolist() == [0.5, 0.5]
        assert x.fill_(float("-inf")).isinf().all()
        assert x.fill_(float("nan")).isnan().all()
        with pytest.raises(RuntimeError, match="value cannot be converted to type .* overflow"):
            x.fill_(1e39)


def test_other_eyes() -> None:
    x = facula.tensor([1, 65535], dtype=facula.uint16)
    assert x.view(facula.int16).tolist() == [1, -1]
    assert x.view(dtype=facula.uint8).tolist() == [1, 0, 255, 255]
    assert facula.tensor([-1]).view(facula.uint64).item() == 2**64 - 1


@pytest.mark.parametrize("other", OTHERS[:6] + [facula.complex64], ids=str)
def test_they_meet_floats_only(other: facula.dtype) -> None:
    with pytest.raises(RuntimeError, match=r"attempted to promote UInt32 and|and UInt32"):
        facula.promote_types(facula.uint32, other)
    with pytest.raises(RuntimeError, match="is not supported"):
        facula.ones(2, dtype=facula.uint32) * facula.ones(2, dtype=other)
    assert facula.promote_types(facula.uint64, facula.float16) is facula.float16


REFUSED: dict[str, Callable[[facula.Tensor], object]] = {
    "add": lambda x: x + 1,
    "sub": lambda x: x - x,
    "neg": lambda x: -x,
    "abs": lambda x: x.abs(),
    "lt": lambda x: x < 2,
    "in place": lambda x: x.add_(1),
    "floor_divide": lambda x: x // 2,
    "tril": lambda x: x.tril(),
    "nonzero": lambda x: x.nonzero(),
    "trace": lambda x: x.trace(),
    "max": lambda x: x.max(),
    "mm": lambda x: x @ x,
    "masked_fill_": lambda x: x.masked_fill_(x == 1, 0),
    "arange": lambda x: facula.arange(3, dtype=x.dtype),
    "pow": lambda x: x**2,
    "invert": lambda x: ~x,
    "sum": lambda x: x.sum(dtype=x.dtype),
    "by name": lambda x: facula.flip(input=x, dims=(0,)),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", WIDE, ids=str)
def test_what_torch_has_no_kernel_for_is_refused(kind: facula.dtype, name: str) -> None:
    REFUSED[name](facula.ones((3, 3), dtype=facula.int32))
    x = facula.ones((3, 3), dtype=kind)
    for _ in range(3):  # nothing is learnt of it
        with pytest.raises(NotImplementedError, match=f"not implemented for '{kind.word}'"):
            REFUSED[name](x)
    assert x.tolist() == [[1] * 3] * 3


def test_the_list_of_refusals_names_records() -> None:
    lines = [line.split() for line in FILE.read_text().splitlines() if line[0] != "#"]
    names = [line[0] for line in lines]
    assert names == sorted(set(names))
    assert all(name in registry for name in names)
    assert all(line[2:] in ([], ["dtype"]) for line in lines)


def test_hash_tensor() -> None:
    x = facula.arange(6.0).view(2, 3)
    bits = x.double().numpy().view(np.uint64)
    expected = np.bitwise_xor.reduce(bits, 1)
    assert facula.hash_tensor(x, 1).tolist() == expected.tolist()
    assert x.hash_tensor(1, keepdim=True).shape == (2, 1)
    assert x.hash_tensor().item() == np.bitwise_xor.reduce(expected)
    assert facula.hash_tensor(facula.tensor([-1, 5], dtype=facula.int8)).item() == 2**64 - 6
    with pytest.raises(RuntimeError, match="Unknown hash_tensor mode: 1"):
        x.hash_tensor(mode=1)
    with pytest.raises(IndexError, match="Expected reduction dim 1 to have non-zero size"):
        facula.ones(2, 0).hash_tensor(1)
    with pytest.raises(RuntimeError, match="Expected reduction dim to be specified"):
        facula.ones(0).hash_tensor()
