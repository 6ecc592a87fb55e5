"""What every tensor here answers when asked what it is not: sparse, on a GPU, quantized, pinned.

One mixin of Tensor: class attributes, and methods that raise what PyTorch's CPU build raises for a
dense tensor. Nothing here looks at memory.
"""

from typing import Any, ClassVar, NoReturn

from facula.meta.layout import strided


def _wants(name: str, layout: str) -> Any:
    """A method of sparse tensors only."""

    def method(self: Any, *args: Any) -> NoReturn:
        raise RuntimeError(f"{name} expected {layout} tensor layout but got Strided")

    method.__name__ = name
    method.__doc__ = f"Raises: {name}() is for {layout} tensors, and this one is dense."
    return method


def _elsewhere(name: str, kinds: str) -> Any:
    """A method of other kinds of tensors, for which torch finds no implementation."""

    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            f"Could not run 'aten::{name}' with arguments from the 'CPU' backend: it is for "
            f"{kinds} tensors, which facula does not have"
        )

    method.__name__ = name
    method.__doc__ = f"Raises: {name}() is for {kinds} tensors, which there are none of."
    return method


class Answers:
    """Attributes and methods that are the same for every dense tensor on the CPU."""

    __slots__ = ()

    layout: ClassVar[Any] = strided
    is_cpu: ClassVar[bool] = True
    is_cuda: ClassVar[bool] = False
    is_ipu: ClassVar[bool] = False
    is_maia: ClassVar[bool] = False
    is_meta: ClassVar[bool] = False
    is_mkldnn: ClassVar[bool] = False
    is_mps: ClassVar[bool] = False
    is_mtia: ClassVar[bool] = False
    is_nested: ClassVar[bool] = False
    is_quantized: ClassVar[bool] = False
    is_sparse: ClassVar[bool] = False
    is_sparse_csr: ClassVar[bool] = False
    is_vulkan: ClassVar[bool] = False
    is_xla: ClassVar[bool] = False
    is_xpu: ClassVar[bool] = False
    name: ClassVar[str | None] = None
    volatile: ClassVar[bool] = False

    def get_device(self) -> int:
        """-1, the number of the CPU."""
        return -1

    def is_pinned(self, device: object = None) -> bool:
        """False: no memory is pinned."""
        return False

    def pin_memory(self, device: object = None) -> NoReturn:
        """Raises: memory is pinned for an accelerator, and there is none."""
        raise RuntimeError("Cannot access accelerator device when none is available.")

    def is_distributed(self) -> bool:
        """False: a tensor lies in one process."""
        return False

    def cuda(self, device: object = None, non_blocking: bool = False, **kwargs: Any) -> NoReturn:
        """Raises: there is no GPU backend yet."""
        if isinstance(device, int):
            raise RuntimeError("Cannot access accelerator device when none is available.")
        raise AssertionError("Torch not compiled with CUDA enabled")

    def xpu(self, device: object = None, non_blocking: bool = False, **kwargs: Any) -> NoReturn:
        """Raises: there are no such devices."""
        raise AssertionError("Torch not compiled with XPU enabled")

    def mtia(self, device: object = None, non_blocking: bool = False, **kwargs: Any) -> NoReturn:
        """Raises: there are no such devices."""
        raise AssertionError("Torch not compiled with MTIA enabled.")

    def ipu(self, device: object = None, non_blocking: bool = False, **kwargs: Any) -> NoReturn:
        """Raises: there are no such devices."""
        raise RuntimeError("PyTorch is not linked with support for ipu devices")

    def record_stream(self, stream: object) -> NoReturn:
        """Raises: streams are a GPU's."""
        raise RuntimeError("record_stream: tensors on the CPU belong to no stream")

    def reinforce(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises: PyTorch removed it."""
        raise RuntimeError("reinforce() was removed. Use torch.distributions instead.")

    @property
    def __cuda_array_interface__(self) -> NoReturn:
        raise AttributeError(
            "Can't get __cuda_array_interface__ on non-CUDA tensor type: torch.FloatTensor If CUDA "
            "data is required use tensor.cuda() to copy tensor to device memory."
        )

    def sparse_dim(self) -> int:
        """0: no dimension is sparse."""
        return 0

    is_coalesced = _wants("is_coalesced", "sparse coordinate")
    coalesce = _wants("coalesce", "sparse coordinate")
    indices = _wants("indices", "sparse coordinate")
    values = _wants("values", "sparse")
    crow_indices = _wants("crow_indices", "sparse row compressed")
    col_indices = _wants("col_indices", "sparse row compressed")
    ccol_indices = _wants("ccol_indices", "sparse column compressed")
    row_indices = _wants("row_indices", "sparse column compressed")
    qscheme = _elsewhere("qscheme", "quantized")
    q_scale = _elsewhere("q_scale", "quantized")
    q_zero_point = _elsewhere("q_zero_point", "quantized")
    int_repr = _elsewhere("int_repr", "quantized")
    to_padded_tensor = _elsewhere("to_padded_tensor", "nested")
    sparse_mask = _elsewhere("sparse_mask", "sparse")
    sparse_resize_ = _elsewhere("sparse_resize_", "sparse")
    sparse_resize_and_clear_ = _elsewhere("sparse_resize_and_clear_", "sparse")
    to_mkldnn = _elsewhere("to_mkldnn", "mkldnn")
    to_sparse = _elsewhere("to_sparse", "sparse")
    to_sparse_coo = _elsewhere("to_sparse_coo", "sparse")
    to_sparse_csr = _elsewhere("to_sparse_csr", "sparse")
    to_sparse_csc = _elsewhere("to_sparse_csc", "sparse")
    to_sparse_bsr = _elsewhere("to_sparse_bsr", "sparse")
    to_sparse_bsc = _elsewhere("to_sparse_bsc", "sparse")
