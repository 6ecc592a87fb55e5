"""The old classes of tensors, devices that are not there, and settings: as PyTorch's CPU build."""

from pathlib import Path
from types import ModuleType

import pytest

import facula
from facula.version.number import Version
from tests.ops.twin import check

T = "a = np.array([1., 2.], np.float32); t = torch.tensor([1., 2., 3.]); "
LIKE_TORCH = (
    "torch.Tensor()",
    "torch.Tensor(2, 3).shape",
    "torch.Tensor((2, 3))",
    "torch.Tensor([[2, 3], [1, 2]])",
    "torch.Tensor(torch.Size([2, 3])).shape",
    T + "torch.Tensor(a).data_ptr() == a.ctypes.data",
    T + "torch.Tensor(a.astype(np.float64))",
    T + "torch.Tensor(t).data_ptr() == t.data_ptr()",
    T + "torch.Tensor(t.int())",
    "torch.Tensor(1.5)",
    "torch.Tensor('a')",
    "torch.Tensor(None)",
    "torch.Tensor(True)",
    "torch.Tensor([1, 2], device='cpu')",
    "torch.Tensor(device='cuda')",
    "torch.Tensor(-1)",
    "torch.Tensor(data=[1, 2])",
    "torch.Tensor(2.5, 3)",
    "torch.Tensor(1, [2])",
    "torch.Tensor([1, 2], [3])",
    "torch.Tensor({1: 2})",
    "torch.Tensor(range(3))",
    "torch.FloatTensor([1, 2, 3, 4])",
    "torch.FloatTensor(2, 3).shape",
    T + "torch.FloatTensor(t) is t",
    "torch.LongTensor([1.5, 2.7])",
    T + "torch.LongTensor(t)",
    T + "torch.LongTensor(a)",
    "torch.ByteTensor([1, 300])",
    "torch.BoolTensor([0, 2])",
    "torch.HalfTensor([1.5])",
    "torch.BFloat16Tensor([1.5])",
    "torch.FloatTensor(3.5)",
    "[repr(torch.FloatTensor), repr(torch.cuda.LongTensor), torch.FloatTensor.is_cuda]",
    "[str(torch.FloatTensor.dtype), str(torch.IntTensor.layout), torch.IntTensor.__name__]",
    "torch.cuda.FloatTensor([1])",
    T + "[isinstance(t, c) for c in (torch.FloatTensor, torch.DoubleTensor, torch.Tensor)]",
    T + "isinstance(t, torch.cuda.FloatTensor)",
    T + "isinstance(torch.nn.Parameter(t), torch.FloatTensor)",
    T + "[t.type(), t.half().type(), t.bool().type(), t.bfloat16().type(), t.byte().type()]",
    T + "[t.type(x).type() for x in (torch.DoubleTensor, 'torch.IntTensor', torch.int64)]",
    T + "t.type(torch.FloatTensor) is t",
    T + "t.type('foo')",
    T + "t.type(3)",
    T + "t.type(int)",
    T + "t.double().type(torch.Tensor).dtype",
    T + "t.to('cuda')",
    T + "t.to(torch.device('cuda:0'))",
    T + "t.to(0)",
    T + "t.cuda()",
    T + "t.cuda(0)",
    T + "t.to('foo')",
    T + "t.to('xpu')",
    T + "t.to('mps')",
    T + "t.to([1])",
    "torch.zeros(2, device='cuda')",
    "torch.zeros(2, device=0)",
    "torch.ones()",
    "torch.tensor([1], device='mps')",
    "torch.device(0)",
    "with torch.device('cpu') as d: y = torch.zeros(2)\n[str(y.device), str(d)]",
    "[torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.is_initialized()]",
    "torch.cuda.current_device()",
    "torch.cuda.get_device_name(0)",
    "torch.cuda.synchronize()",
    "[torch.cuda.memory_allocated(), torch.cuda.empty_cache(), torch.cuda.manual_seed_all(3)]",
    "torch.cuda.get_rng_state()",
    "torch.cuda.set_device('cuda')",
    "torch.cuda.Stream()",
    "torch.cuda.device(0).__enter__()",
    "[torch.version.cuda, torch.version.hip]",
    "[torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark]",
    "[torch.backends.cudnn.is_available(), torch.backends.cudnn.version()]",
    "[torch.backends.mps.is_available(), torch.backends.cuda.is_built()]",
    "[torch.xpu.is_available(), torch.mps.is_available(), torch.accelerator.is_available()]",
    "[torch.accelerator.current_accelerator(), torch.cpu.device_count()]",
    "str(torch.get_default_device())",
    "torch.set_num_interop_threads(0)",
    "torch.use_deterministic_algorithms(True); torch.are_deterministic_algorithms_enabled()",
    "torch.use_deterministic_algorithms(True, warn_only=True)\n"
    "torch.get_deterministic_debug_mode()",
    "torch.set_deterministic_debug_mode('foo')",
    "torch.set_deterministic_debug_mode(7)",
    "torch.set_deterministic_debug_mode([])",
    "torch.set_deterministic_debug_mode('default'); torch.are_deterministic_algorithms_enabled()",
    T + "[torch.typename(t), torch.typename(3), torch.typename('a')]",
    "[str(torch.sparse_coo), str(torch.qint8), str(torch.float8_e5m2), torch.newaxis]",
    "torch.set_default_tensor_type('torch.cuda.FloatTensor')",
    "torch.set_default_tensor_type('torch.LongTensor')",
    "torch.set_default_tensor_type(torch.float32)",
    "torch.set_default_tensor_type(torch.DoubleTensor); d = torch.get_default_dtype()\n"
    "torch.set_default_tensor_type('torch.FloatTensor'); str(d)",
    "[torch.manual_seed(s).initial_seed() for s in (-1, 2**64 - 1, -2**63, 1.7, True)]",
    "torch.manual_seed(2**64)",
    "torch.manual_seed('a')",
    T + "[t.is_cpu, t.is_pinned(), t.name, t.volatile, t.is_nested, t.is_signed(), t.is_conj()]",
    T + "t.pin_memory()",
    T + "t.values()",
    T + "t.coalesce()",
    T + "[t.sparse_dim(), t.dense_dim(), t.is_inference(), t.is_distributed(), t._is_view()]",
    "[torch.ones(3, 4).dim_order(), torch.ones(3, 4).T.dim_order()]",
    "torch.ones(1, 2, 3, 4).to(memory_format=torch.channels_last).dim_order()",
    "torch.ones(1, 1).dim_order(ambiguity_check=True)",
    "torch.ones(1, 1).dim_order(ambiguity_check=[torch.contiguous_format])",
    "[torch.is_nonzero(torch.tensor([3])), torch.get_device(torch.ones(1))]",
    "torch.is_nonzero(torch.tensor([3, 2]))",
    T + "t.as_subclass(torch.nn.Parameter).requires_grad",
    T + "del t[0]",
    T + "reversed(t)",
    T + "t.map_(torch.ones(3), lambda a, b: a + b)",
    T + "t.map_(torch.ones(1), lambda a, b: a + b)",
    T + "t.map2_(torch.ones(3), torch.ones(3), lambda a, b, c: a + b * c)",
    T + "t.apply_(lambda x: x + 1)",
    T + "t.requires_grad_().apply_(lambda x: x + 1)",
    T + "t.map_(torch.ones(3, dtype=torch.int32), lambda a, b: a + b)",
    T + "t.int().apply_(lambda x: x + 1.5)",
    "x = torch.arange(6.).view(2, 3); y = x.t_(); [y is x, x, x.stride()]",
    "x = torch.arange(6.).view(2, 3); [x.unsqueeze_(0), x.squeeze_(), x.transpose_(0, 1)]",
    "x = torch.arange(6.).view(2, 3); x.as_strided_((2, 2), (1, 2))",
    "x = torch.arange(6., requires_grad=True); y = (x * 2).view(2, 3).clone(); y.t_(); "
    "z = (y * y).sum(); z.backward(); x.grad",
    "x = torch.ones(2, 3, requires_grad=True); x.t_()",
    "x = torch.arange(6.).view(2, 3); [x.tril_(), x.cumsum_(0), torch.abs_(-x), torch.zero_(x)]",
)


@pytest.mark.parametrize("text", LIKE_TORCH)
def test_old_ways_like_torch(torch: ModuleType, text: str) -> None:
    check(torch, text)


def test_versions_are_ordered_as_versions() -> None:
    version = Version("1.10.0")
    assert version > "1.9" and version >= (1, 10) and version < (2,) and version == "1.10"
    assert Version("2.0.0a1") < "2.0" <= Version("2.0.0+local") < "2.0.post1"
    assert version != "1.10.1" and version > "1.10.0rc1" > ""
    assert isinstance(facula.__version__, str) and facula.__version__[0].isdigit()
    assert facula.__version__ == facula.version.__version__ and facula.__version__ > "0.0.9"


def test_the_version_begins_with_that_of_the_api() -> None:
    """Note [versions]: programs ask what they may call."""
    version = facula.__version__
    assert version.split(".")[:2] == ["2", "13"]
    assert version >= "2.0" and version > "2.13" and version < "2.14" and version >= (2, 13)
    assert str(version).endswith(f"+facula.{facula.version.facula}")
    project = Path(__file__).parents[1] / "pyproject.toml"
    assert f'version = "{facula.version.facula}"' in project.read_text()


@pytest.mark.parametrize("name", ["float8_e4m3fn", "qint8", "int4", "bits8"])
def test_dtypes_that_are_names_raise_when_used(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"torch.{name} is a name only"):
        facula.zeros(2, dtype=getattr(facula, name))


def test_switches_of_cudnn_come_back_after_a_block() -> None:
    cudnn = facula.backends.cudnn
    with cudnn.flags(benchmark=True, enabled=False):
        assert cudnn.benchmark and not cudnn.enabled
    assert not cudnn.benchmark and cudnn.enabled
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        cudnn.set_flags(speed=3)


def test_a_function_can_be_placed_on_a_device() -> None:
    @facula.device("cpu")
    def make() -> facula.Tensor:
        return facula.ones(2)

    assert make().device == facula.device("cpu")
    with pytest.raises(AssertionError, match="not compiled with CUDA"):
        facula.device("cuda")(make)()
