"""Storages as users see them: bytes and numbers, shared with tensors, as PyTorch answers."""

import copy
import gc
import multiprocessing
import pickle
import warnings
from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops.twin import check

P = "p = torch.tensor([[1., 4.], [2., 1.], [3., 5.]]); s = p.storage(); u = p.untyped_storage(); "
LIKE_TORCH = (
    P + "repr(s)",
    P + "str(u)",
    P + "[len(s), len(u), s.size(), u.size(), s.nbytes(), u.nbytes(), s.element_size()]",
    P + "[s[2], s[-1], list(s), s.tolist(), u[3], u[-1], u.tolist()]",
    P + "s[6]",
    P + "s[-7]",
    P + "u[24]",
    P + "s[1:3]",
    P + "u[0:4:2]",
    P + "u['a']",
    P + "list(u[2:5])",
    P + "s[0] = 5.; p",
    P + "s[0:2] = 7; p",
    P + "s[0:4:2] = 7; p",
    P + "s[6] = 1.",
    P + "s[1] = torch.tensor(2.); p",
    P + "u[3] = 64; p",
    P + "u[0:4] = 0; p",
    P + "u[0] = 300; u[0]",
    P + "[str(s.fill_(3)), p]",
    P + "[u.fill_(0).tolist(), p]",
    P + "s.copy_(torch.FloatStorage([6, 5, 4, 3, 2, 1])); p",
    P + "s.copy_(torch.DoubleStorage([1, 2]))",
    P + "u.copy_(torch.UntypedStorage(3))",
    P + "c = s.clone(); c[0] = 9.; [s[0], c[0]]",
    P + "[s.type(), u.type(), s.pickle_storage_type(), s.long().type(), str(s.int())]",
    P + "[str(s.double().dtype), s.bool().tolist(), s.half().tolist(), s.bfloat16().tolist()]",
    P + "[s.is_shared(), s.is_pinned(), u.is_shared(), s.is_cuda, u.is_cuda, str(s.device)]",
    P + "s.resize_(8); [s.size(), u.nbytes(), p.storage().size(), s.tolist()[:6]]",
    P + "u.resize_(4); [u.nbytes(), s.size()]",
    P + "[isinstance(s, torch.FloatStorage), isinstance(s, torch.DoubleStorage)]",
    P + "[torch.is_storage(s), torch.is_storage(u), torch.is_storage(p), torch.is_storage(3)]",
    P + "[s.data_ptr() == p.data_ptr(), u.data_ptr() == p.data_ptr()]",
    P + "str(p.T.storage()) == str(s)",
    P + "u.cuda() if False else u.cpu() is u",
    P + "u.byteswap(torch.float32); u.tolist()[:4]",
    P + "u.pin_memory()",
    "torch.FloatStorage(3).size()",
    "torch.FloatStorage([1, 2]).tolist()",
    "repr(torch.FloatStorage())",
    "torch.FloatStorage(1.5)",
    "torch.TypedStorage([1, 2], dtype=torch.int32).tolist()",
    "torch.TypedStorage(3, dtype=torch.int64).nbytes()",
    "torch.UntypedStorage([1, 2, 255]).tolist()",
    "torch.UntypedStorage([256]).tolist()",
    "torch.UntypedStorage('a')",
    "torch.UntypedStorage(4).nbytes()",
    "torch.UntypedStorage.from_buffer(b'abcdefgh')",
    "torch.UntypedStorage.from_buffer(b'abcd', dtype=torch.float32, byte_order='big').tolist()",
    "torch.FloatStorage.from_buffer(b'abcdefgh', byte_order='native').tolist()",
    "torch.FloatStorage.from_buffer(b'abcdefgh', 'little', 1).tolist()",
    "torch.ByteStorage.from_buffer(b'abc').tolist()",
    "torch.FloatStorage.from_buffer(b'abc', 'little')",
    "torch.tensor([1.5, 2], dtype=torch.bfloat16).storage().tolist()",
    "s = torch.tensor([1.5, 2], dtype=torch.bfloat16).storage(); s[1] = 3.14159; s.tolist()",
    "repr(torch.tensor([True, False]).storage())",
    "repr(torch.tensor([]).storage())",
    "torch.cuda.FloatStorage(3)",
    "torch.FloatTensor(torch.FloatStorage([1, 2]))",
    "torch.Tensor(torch.FloatStorage([1, 2]))",
    "torch.DoubleTensor(torch.FloatStorage([1, 2]))",
    P + "torch.tensor([]).set_(s)",
    P + "torch.tensor([]).set_(u)",
    P + "torch.tensor([]).set_(s, 1, (2, 2), (1, 1))",
    P + "torch.tensor([]).set_(s, 1, (2, 20)).shape",
    P + "torch.tensor([]).set_(p).is_set_to(p)",
    P + "torch.tensor([], dtype=torch.int64).set_(p)",
    P + "torch.tensor([1., 2.]).set_()",
    P + "torch.tensor([]).set_(p, 1, (2,))",
    P + "[p.is_set_to(p.view(3, 2)), p.is_set_to(p.T), p.is_set_to(p.clone())]",
    P + "[p.new().shape, p.new(2, 3).shape, p.new([1, 2]), p.new(torch.Size([1, 2])).shape]",
    P + "p.new('a')",
)


@pytest.mark.parametrize("text", LIKE_TORCH)
def test_storage_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_storages_of_views_are_one() -> None:
    points = facula.tensor([[1.0, 4.0], [2.0, 1.0]])
    assert id(points.t().untyped_storage()) == id(points.untyped_storage())
    points.t().untyped_storage()[3] = 64
    assert points[0, 0].item() == 4.0 and points.t()[0, 0].item() == 4.0


def test_the_warning_of_typed_storages_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facula.typed_storage._warned", False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        facula.ones(2).storage()
        facula.ones(2).storage()
    assert [one.category for one in caught] == [UserWarning]
    assert "TypedStorage is deprecated" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_a_storage_that_moves_takes_all_its_tensors_along() -> None:
    whole = facula.arange(6.0)
    part, turned = whole[2:4], whole.view(2, 3).T
    whole.untyped_storage().resize_(1 << 20)
    part[0] = 20
    assert whole[2].item() == 20 and turned[2, 0].item() == 20
    assert whole.data_ptr() == whole.untyped_storage().data_ptr() == part.data_ptr() - 8


def test_a_slice_of_a_storage_keeps_it_alive() -> None:
    part = facula.tensor([1, 2, 3], dtype=facula.uint8).untyped_storage()[1:]
    gc.collect()
    facula.zeros(3, dtype=facula.uint8)
    assert part.tolist() == [2, 3]
    assert not part.resizable()
    with pytest.raises(RuntimeError, match="not resizable"):
        part.resize_(100)


def test_copies_and_pickles_of_storages() -> None:
    storage = facula.tensor([1.5, 2.0])._typed_storage()
    for twin in (copy.deepcopy(storage), pickle.loads(pickle.dumps(storage)), storage.clone()):
        twin[0] = 9
        assert storage.tolist() == [1.5, 2.0] and twin.tolist() == [9.0, 2.0]
        assert twin.dtype is facula.float32
    raw = storage.untyped()
    assert pickle.loads(pickle.dumps(raw)).tolist() == copy.copy(raw).tolist() == raw.tolist()


def _write(shared: facula.Tensor, private: facula.Tensor) -> None:
    shared[0] = 7
    private[0] = 7


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="processes are not forked here"
)
def test_forked_processes_write_to_shared_tensors() -> None:
    shared, private = facula.zeros(3), facula.zeros(3)
    view = shared[0:1]
    assert shared.share_memory_() is shared and shared.is_shared() and view.is_shared()
    assert shared.share_memory_() is shared and not private.is_shared()
    process = multiprocessing.get_context("fork").Process(target=_write, args=(shared, private))
    process.start()
    process.join()
    assert shared.tolist() == [7, 0, 0] and view.item() == 7 and private.tolist() == [0, 0, 0]


def test_memory_of_arrays_is_neither_moved_nor_shared() -> None:
    tensor = facula.from_numpy(np.zeros(3, np.float32))
    with pytest.raises(RuntimeError, match="another owner"):
        tensor.share_memory_()
    with pytest.raises(RuntimeError, match="not resizable"):
        tensor.untyped_storage().resize_(100)
