"""Tensors over the memory of NumPy, PyTorch, buffers and files, and back: shared, not copied."""

import copy
import gc
import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import facula
from tests.ops.twin import check

A = "a = np.array([1., 2., 3.], np.float32); t = torch.tensor([1., 2., 3.]); "
LIKE_TORCH = (
    A + "t + a",
    A + "t * np.float32(2)",
    A + "np.float32(2) * t",
    A + "t + np.float64(2)",
    A + "t.int() * np.float32(2.5)",
    A + "np.sin(t)",
    A + "np.add(t, a)",
    A + "np.isnan(t)",
    A + "np.asarray(t)",
    A + "np.array([t, t])",
    A + "np.concatenate([t, a])",
    A + "t.__array__(np.float64)",
    A + "t.__array_wrap__(np.array(3))",
    A + "t.int().__array_wrap__(np.array([True]))",
    A + "t.__array_priority__",
    A + "t.requires_grad_().numpy()",
    A + "t.requires_grad_().numpy(force=True)",
    A + "np.asarray(t.requires_grad_())",
    A + "t.bfloat16().numpy()",
    A + "[t[::2].numpy().strides, t.expand(2, 3).numpy().strides, torch.empty(0, 3).numpy().shape]",
    A + "torch.as_tensor(a).data_ptr() == a.ctypes.data",
    A + "torch.as_tensor(t) is t",
    A + "torch.as_tensor(a, dtype=torch.float64)",
    A + "torch.asarray(a).data_ptr() == a.ctypes.data",
    A + "torch.asarray(a, copy=True).data_ptr() == a.ctypes.data",
    A + "[torch.asarray(t) is t, torch.asarray(t, copy=True) is t]",
    "torch.asarray([1, 2], copy=False)",
    A + "torch.asarray(a, copy=False, dtype=torch.float64)",
    A + "torch.asarray(a, requires_grad=True)",
    "torch.asarray(b'abc')",
    "torch.asarray(bytearray(b'abcd'), dtype=torch.int16)",
    A + "torch.asarray(memoryview(a.copy()))",
    "torch.asarray(5)",
    "torch.frombuffer(bytearray(b'abcdefgh'), dtype=torch.int32)",
    "torch.frombuffer(bytearray(b'abcdefgh'), dtype=torch.int32, count=1, offset=4)",
    "torch.frombuffer(bytearray(b'abcdefg'), dtype=torch.int32)",
    "torch.frombuffer(bytearray(b'abcdefgh'), dtype=torch.int32, count=3)",
    "torch.frombuffer(bytearray(b'abcdefgh'), dtype=torch.int32, offset=9)",
    "torch.frombuffer(bytearray(b''), dtype=torch.int32)",
    "torch.frombuffer(bytearray(b'abcdefgh'), dtype=torch.int32, count=0)",
    "torch.frombuffer(bytearray(b'abcd'))",
    "torch.frombuffer(3, dtype=torch.uint8)",
    "torch.frombuffer(bytearray(b'abcd'), dtype=torch.uint8, requires_grad=True)",
    "torch.frombuffer(bytearray(b'abcd'), dtype=torch.bfloat16)",
    "torch.from_numpy([1])",
    "torch.from_numpy(np.float32(3))",
    "torch.from_numpy(np.zeros(3)[::-1])",
    "torch.from_numpy(np.array([1], '>i4'))",
    "torch.from_numpy(np.zeros((0, 3)))",
    "torch.from_numpy(np.array(3.))",
    "torch.from_dlpack(3)",
    A + "[torch.from_dlpack(a).data_ptr() == a.ctypes.data, torch.from_dlpack(a)]",
    A + "[torch.from_dlpack(t) is t, torch.from_dlpack(t).data_ptr() == t.data_ptr()]",
    A + "c = torch.utils.dlpack.to_dlpack(t); torch.from_dlpack(c)",
    A + "c = torch.to_dlpack(t); torch.from_dlpack(c); torch.from_dlpack(c)",
    A + "np.from_dlpack(t)",
    A + "list(map(int, t.__dlpack_device__()))",
    A + "t.requires_grad_().__dlpack__()",
    A + "t.__dlpack__(stream=1)",
    A + "str(t.__dlpack__(max_version=(1, 0)))[:36]",
    "torch.from_dlpack(np.ones(3)[::2])",
    "torch.from_dlpack(np.ones((0, 3)))",
    "repr(torch.utils.dlpack.DLDeviceType.kDLCPU)",
    A + "a[torch.tensor([0, 2])]",
    A + "t[np.array([True, False, True])]",
    A + "[10, 20, 30][torch.tensor(1)]",
    A + "math.sqrt(torch.tensor(4.))",
    A + "bytes(torch.tensor([1, 2], dtype=torch.uint8))",
)


@pytest.mark.parametrize("text", LIKE_TORCH)
def test_exchange_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


DTYPES = ("bool", "uint8", "int16", "int64", "float16", "bfloat16", "float64", "complex64")


@pytest.mark.parametrize("name", DTYPES)
def test_capsules_to_and_from_torch_share_memory(torch: ModuleType, name: str) -> None:
    ours = facula.ones(2, 3, dtype=getattr(facula, name)).t()
    theirs = torch.from_dlpack(ours)
    assert theirs.dtype is getattr(torch, name) and theirs.stride() == ours.stride()
    theirs[2, 1] = 0
    assert ours[2, 1].item() == 0 and ours.data_ptr() == theirs.data_ptr()
    back = facula.from_dlpack(theirs[1:])
    assert back.dtype is ours.dtype and back.data_ptr() == ours[1:].data_ptr()
    back[0, 0] = 0
    assert theirs[1, 0].item() == 0


def test_a_capsule_keeps_the_memory_alive_until_it_is_gone() -> None:
    capsule = facula.to_dlpack(facula.arange(5.0))
    gc.collect()
    facula.zeros(5)
    again = facula.from_dlpack(capsule)
    del capsule
    gc.collect()
    facula.zeros(5)
    assert again.tolist() == [0, 1, 2, 3, 4]
    facula.to_dlpack(facula.ones(3))  # never consumed
    array = np.from_dlpack(facula.arange(3))
    gc.collect()
    assert array.tolist() == [0, 1, 2]


def test_what_another_device_holds_is_refused() -> None:
    class OnDevice:
        def __dlpack__(self, **words: object) -> object:
            raise AssertionError("not asked for")

        def __dlpack_device__(self) -> tuple[int, int]:
            return (2, 0)

    with pytest.raises(AssertionError, match="not on the CPU"):
        facula.from_dlpack(OnDevice())


def test_a_producer_from_before_versions_is_understood() -> None:
    class Old:
        def __init__(self) -> None:
            self.array = np.arange(3.0)

        def __dlpack__(self, stream: object = None) -> object:
            return self.array.__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    old = Old()
    assert facula.from_dlpack(old).data_ptr() == old.array.ctypes.data


class Image:
    """Stands for an image of Pillow: only `__array_interface__`."""

    def __init__(self) -> None:
        self.pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
        self.__array_interface__ = self.pixels.__array_interface__


class Column:
    """Stands for a column of pandas: `__array__`, length, and labels for indices."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array([1.5, 2.5])

    def __len__(self) -> int:
        return 2

    def __getitem__(self, label: object) -> float:
        raise KeyError(label)


def test_objects_that_show_arrays_become_tensors() -> None:
    for make in (facula.tensor, facula.as_tensor):
        assert make(Image()).tolist() == [[0, 1, 2], [3, 4, 5]]
        assert make(Column()).tolist() == [1.5, 2.5]


def test_arrays_and_tensors_meet_on_either_side() -> None:
    array, tensor = np.arange(3.0), facula.tensor([1.0, 2.0, 3.0])
    for made in (array + tensor, array * tensor, array - tensor, array / tensor):
        assert type(made) is facula.Tensor and made.dtype is facula.float64
    assert (array - tensor).tolist() == [-1, -1, -1]
    assert (array % tensor).tolist() == [0, 1, 2] and (tensor @ array).item() == 8


def test_files_become_tensors_shared_or_private(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    shared = facula.from_file(str(path), True, 4, dtype=facula.int32)
    shared.copy_(facula.arange(4))
    assert np.fromfile(path, np.int32).tolist() == [0, 1, 2, 3]
    private = facula.from_file(str(path), False, 3, dtype=facula.int32)
    private[0] = 9
    assert np.fromfile(path, np.int32).tolist() == [0, 1, 2, 3] and private.tolist() == [9, 1, 2]
    with pytest.raises(RuntimeError, match=r"size <16> is smaller"):
        facula.from_file(str(path), False, 5, dtype=facula.int32)
    with pytest.raises(RuntimeError, match="unable to open file"):
        facula.from_file(str(tmp_path / "none"), False, 1)
    assert facula.from_file(str(path), True, 0).shape == (0,)


def test_a_read_only_array_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facula.ops.exchange._warned", set())
    array = np.zeros(2)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="NumPy array is not writable") as caught:
        facula.from_numpy(array)
        facula.from_numpy(array)
    assert len(caught) == 1


@pytest.mark.parametrize(
    "value",
    [
        facula.float32,
        facula.device("cuda:1"),
        facula.Size([2, 3]),
        facula.strided,
        facula.channels_last,
        facula.Generator().manual_seed(3),
    ],
    ids=repr,
)
def test_values_survive_pickle_and_copy(value: object) -> None:
    for twin in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value)):
        assert type(twin) is type(value)
        if isinstance(value, facula.Generator):
            assert facula.equal(twin.get_state(), value.get_state())
        else:
            assert twin == value and repr(twin) == repr(value)
    assert pickle.loads(pickle.dumps(facula.float32)) is facula.float32


def test_deep_copies_keep_what_tensors_share() -> None:
    base = facula.arange(6.0)
    twins = copy.deepcopy(
        {"base": base, "view": base[2:4], "again": base, "bytes": base._typed_storage()}
    )
    twins["view"][0] = 20
    assert twins["base"][2].item() == 20 and twins["again"] is twins["base"]
    assert twins["bytes"][2] == 20 and base[2].item() == 2
    shallow = copy.copy(base)
    assert shallow is not base and shallow.tolist() == base.tolist()


@pytest.mark.parametrize("name", DTYPES)
def test_tensors_survive_pickle(name: str) -> None:
    tensor = facula.arange(6).to(getattr(facula, name)).view(2, 3).t()
    for protocol in (2, 5):
        twin = pickle.loads(pickle.dumps(tensor, protocol))
        assert facula.equal(twin, tensor) and twin.dtype is tensor.dtype
        assert twin.stride() == tensor.stride()
    parameter = facula.nn.Parameter(facula.ones(2))
    twin = pickle.loads(pickle.dumps(parameter))
    assert type(twin) is facula.nn.Parameter and twin.requires_grad
