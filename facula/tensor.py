"""Tensor: storage, an address in it, a form, and autograd's state. Methods come from records.

Only what cannot be an operation is written here: construction, properties, exchange with Python and
NumPy, and Python's protocols. `facula/bind` hangs every operation on the class.
"""

import ctypes
import weakref
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, overload

from facula import dlpack
from facula.answers import Answers
from facula.autograd.graph import HookHandle, Node
from facula.form import Form, form_of, memory
from facula.format import tensor_str
from facula.late import Late
from facula.makers import Makers, makers
from facula.meta.device import device
from facula.meta.dtype import DTYPES, complex64, dtype, float32, get_default_dtype, of_name
from facula.meta.dtype import dtype as DType
from facula.meta.layout import channels_last, channels_last_3d, preserve_format
from facula.meta.names import NOT_YET, positions
from facula.meta.shape import Size
from facula.naming import SERIALIZED, NamedDimensions
from facula.op import registry
from facula.storage import Storage, note_view
from facula.typed_storage import OLD_STORAGES, TypedStorage, warn_of_removal

if TYPE_CHECKING:
    import numpy as np

    from facula.methods import Methods

    class Named(NamedDimensions, Methods):
        """Names of dimensions, and the methods that records give (`facula/methods.pyi`)."""

else:
    np, Named = Late("numpy"), NamedDimensions

acquire = memory.acquire
C_TYPE: dict[str, type["ctypes._SimpleCData[Any]"]] = {
    "bool": ctypes.c_bool, "u8": ctypes.c_uint8, "i8": ctypes.c_int8, "i16": ctypes.c_int16,
    "i32": ctypes.c_int32, "i64": ctypes.c_int64, "f32": ctypes.c_float, "f64": ctypes.c_double,
    "u16": ctypes.c_uint16, "u32": ctypes.c_uint32, "u64": ctypes.c_uint64,
}  # fmt: skip


class Extra:
    """What few tensors have: hooks, and for views that must not be written why not."""

    __slots__ = ("hooks", "after_hooks", "retains_grad", "kind", "name")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[..., Any]] | None = None
        self.after_hooks: dict[int, Callable[..., Any]] | None = None
        self.retains_grad = False
        self.kind = "view"
        self.name: str | None = None


class _Memory:
    """Shows a tensor's memory to NumPy, and keeps the storage alive as long as the array."""

    __slots__ = ("__array_interface__", "storage")

    def __init__(self, tensor: "Tensor", code: "np.dtype") -> None:
        form = tensor.form
        self.storage = tensor.block
        self.__array_interface__ = {
            "version": 3,
            "shape": tuple(form.shape),
            "strides": tuple(s * form.itemsize for s in form.strides),
            "typestr": code.str,
            "data": (tensor.address, False),
        }


class Tensor(Answers, Named):
    """A view of a storage as an n-dimensional array of one dtype, which autograd can follow.

    >>> import facula as torch
    >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]]).T
    tensor([[1., 3.],
            [2., 4.]])
    """

    __slots__ = (
        "block", "address", "form", "needs_grad", "edge", "grad", "extra", "base", "__dict__",
        "__weakref__",
    )  # fmt: skip

    block: Storage
    address: int
    form: Form
    needs_grad: bool
    edge: Any
    grad: "Tensor | None"
    extra: Extra | None
    # What a view looks into: never itself a view, unless of a leaf made in between.
    base: "Tensor | None"

    is_node: ClassVar[bool] = False
    index: ClassVar[int] = 0
    __array_priority__: ClassVar[int] = 1000

    def __new__(cls, *given: Any, **named: Any) -> "Tensor":
        """torch's old constructor: sizes give uninitialised memory, data a tensor of them."""
        if len(given) == 1 and isinstance(given[0], Tensor):
            made = given[0].detach()
        else:
            made = empty(get_default_dtype(), (0,)).new(*given, **named)
        if cls is not Tensor:
            made.__class__ = cls
        return made

    # --- what a tensor is ----------------------------------------------------------------------

    shape: Size = property(  # type: ignore[assignment]
        attrgetter("form.shape"),
        doc="""The size of each dimension.

    >>> import facula as torch
    >>> torch.zeros(2, 3).shape
    torch.Size([2, 3])
    """,
    )
    dtype: "dtype" = property(  # type: ignore[assignment]
        attrgetter("form.dtype"),
        doc="""The type of the elements.

    >>> import facula as torch
    >>> torch.zeros(2).dtype
    torch.float32
    """,
    )
    device: "device" = property(  # type: ignore[assignment]
        attrgetter("form.device"),
        doc="""Where the elements are: on the CPU.

    >>> import facula as torch
    >>> torch.zeros(2).device
    device(type='cpu')
    """,
    )
    ndim: int = property(  # type: ignore[assignment]
        attrgetter("form.ndim"),
        doc="""The number of dimensions.

    >>> import facula as torch
    >>> torch.zeros(2, 3).ndim
    2
    """,
    )
    itemsize: int = property(  # type: ignore[assignment]
        attrgetter("form.itemsize"),
        doc="""The size of an element in bytes.

    >>> import facula as torch
    >>> torch.zeros(2).itemsize
    4
    """,
    )
    nbytes: int = property(  # type: ignore[assignment]
        attrgetter("form.nbytes"),
        doc="""The size of all elements in bytes.

    >>> import facula as torch
    >>> torch.zeros(2, 3).nbytes
    24
    """,
    )

    @property
    def T(self) -> "Tensor":
        """The dimensions in reverse order, a view: (n, m) becomes (m, n). A UserWarning beyond two.

        >>> import facula as torch
        >>> torch.tensor([[1, 2, 3]]).T
        tensor([[1],
                [2],
                [3]])
        """
        return self.permute(tuple(range(self.form.ndim))[::-1])

    @property
    def mT(self) -> "Tensor":
        """Every matrix transposed, a view: (*, n, m) becomes (*, m, n).

        A 0-d tensor is its own. Raises RuntimeError for vectors.

        >>> import facula as torch
        >>> torch.zeros(2, 3, 4).mT.shape
        torch.Size([2, 4, 3])
        """
        if not self.form.ndim:
            return self
        if self.form.ndim < 2:
            raise RuntimeError(
                "tensor.mT is only supported on matrices or batches of matrices. Got "
                f"{self.form.ndim}-D tensor."
            )
        return self.transpose(-2, -1)

    @property
    def H(self) -> "Tensor":
        """The matrix transposed and conjugated, a view: (n, m) becomes (m, n).

        Raises RuntimeError for another number of dimensions than two (or none).

        >>> import facula as torch
        >>> torch.tensor([[1 + 2j, 3]]).H
        tensor([[1.-2.j],
                [3.-0.j]])
        """
        if self.form.ndim not in (0, 2):
            raise RuntimeError(
                "tensor.H is only supported on matrices (2-D tensors). Got "
                f"{self.form.ndim}-D tensor."
                + (
                    " For batches of matrices, consider using tensor.mH"
                    if self.form.ndim > 2
                    else ""
                )
            )
        return self.adjoint() if self.form.ndim else self

    @property
    def mH(self) -> "Tensor":
        """Every matrix transposed and conjugated, a view: (*, n, m) becomes (*, m, n).

        >>> import facula as torch
        >>> torch.tensor([[1 + 2j, 3]]).mH
        tensor([[1.-2.j],
                [3.-0.j]])
        """
        if not self.form.ndim:
            return self.conj()
        if self.form.ndim < 2:
            raise RuntimeError(
                "tensor.mH is only supported on matrices or batches of matrices. Got "
                f"{self.form.ndim}-D tensor."
            )
        return self.adjoint()

    @property
    def real(self) -> "Tensor":
        """The real parts, a view that can be assigned to; the tensor itself where it is not
        complex.

        >>> import facula as torch
        >>> torch.tensor([1 + 2j, 3]).real
        tensor([1., 3.])
        """
        return real(self)

    @real.setter
    def real(self, value: Any) -> None:
        real(self).copy_(value if isinstance(value, Tensor) else self.new_tensor(value))

    @property
    def imag(self) -> "Tensor":
        """The imaginary parts, a view that can be assigned to. Raises RuntimeError unless complex.

        >>> import facula as torch
        >>> torch.tensor([1 + 2j, 3]).imag
        tensor([2., 0.])
        """
        return imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        part = imag(self)
        part.copy_(value if isinstance(value, Tensor) else part.new_tensor(value))

    @overload
    def size(self, dim: None = None) -> Size: ...
    @overload
    def size(self, dim: int | str) -> int: ...
    def size(self, dim: int | str | None = None) -> Size | int:
        """The shape, or the size of one dimension. Raises IndexError for a dim that is not there.

        >>> import facula as torch
        >>> x = torch.zeros(2, 3)
        >>> x.size(), x.size(-1)
        (torch.Size([2, 3]), 3)
        """
        if dim is None:
            return self.form.shape
        return self.form.shape[_wrap(dim, self)]

    @overload
    def stride(self, dim: None = None) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int | str) -> int: ...
    def stride(self, dim: int | str | None = None) -> tuple[int, ...] | int:
        """How many elements lie from one index to the next, of each dimension or of one.

        Raises IndexError for a dim that is not there.

        >>> import facula as torch
        >>> x = torch.zeros(2, 3)
        >>> x.stride(), x.T.stride(), x.stride(0)
        ((3, 1), (1, 3), 3)
        """
        if dim is None:
            return self.form.strides
        return self.form.strides[_wrap(dim, self)]

    def dim(self) -> int:
        """The number of dimensions.

        >>> import facula as torch
        >>> torch.zeros(2, 3).dim(), torch.tensor(1.0).dim()
        (2, 0)
        """
        return self.form.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements, the product of the sizes.

        >>> import facula as torch
        >>> torch.zeros(2, 3).numel(), torch.tensor(1.0).numel()
        (6, 1)
        """
        return self.form.numel

    nelement = numel

    def element_size(self) -> int:
        """The size of an element in bytes.

        >>> import facula as torch
        >>> torch.zeros(2, dtype=torch.float64).element_size()
        8
        """
        return self.form.itemsize

    def storage_offset(self) -> int:
        """How many elements of the storage lie before the first one of the tensor.

        >>> import facula as torch
        >>> torch.zeros(5)[3:].storage_offset()
        3
        """
        return (self.address - self.block.address) // self.form.itemsize

    def data_ptr(self) -> int:
        """The address of the first element in bytes; 0 for a tensor without elements.

        >>> import facula as torch
        >>> x = torch.zeros(5)
        >>> x[3:].data_ptr() - x.data_ptr()
        12
        """
        return self.address if self.form.numel else 0

    const_data_ptr = data_ptr

    def dense_dim(self) -> int:
        """The number of dimensions: all of them are dense.

        >>> import facula as torch
        >>> torch.zeros(2, 3).dense_dim()
        2
        """
        return self.form.ndim

    def dim_order(self, *, ambiguity_check: Any = False) -> tuple[int, ...]:
        """The dimensions from the largest stride to the smallest, as memory holds them.

        `ambiguity_check=True` raises RuntimeError where strides allow more than one order.

        >>> import facula as torch
        >>> torch.zeros(2, 3).T.dim_order()
        (1, 0)
        """
        geometry = self.form.geometry
        order = sorted(range(self.form.ndim), key=lambda d: -geometry.strides[d])
        if ambiguity_check is False:
            return tuple(order)
        if ambiguity_check is True:
            single = [d for d in order if geometry.shape[d] == 1]
            steps = [geometry.strides[d] for d in order]
            clear = not single and len({*steps}) == len(steps)
        else:
            clear = sum(self.is_contiguous(one) for one in ambiguity_check) == 1
        if not clear and self.form.ndim:
            raise RuntimeError(
                "The tensor does not have unique dim order, or cannot map to exact one of the "
                "given memory formats."
            )
        return tuple(order)

    def is_set_to(self, tensor: "Tensor") -> bool:
        """True if both tensors are the same elements of the same storage, in the same order.

        >>> import facula as torch
        >>> x = torch.zeros(4)
        >>> x.is_set_to(x.detach()), x.is_set_to(x[:2])
        (True, False)
        """
        return (
            self.block is tensor.block
            and self.address == tensor.address
            and self.form.shape == tensor.form.shape
            and self.form.strides == tensor.form.strides
        )

    def is_same_size(self, other: "Tensor") -> bool:
        """True if both tensors have the same shape.

        >>> import facula as torch
        >>> torch.zeros(2, 3).is_same_size(torch.ones(2, 3))
        True
        """
        return self.form.shape == other.form.shape

    def is_shared(self) -> bool:
        """True if other processes see the memory, after `share_memory_`.

        >>> import facula as torch
        >>> torch.zeros(2).is_shared()
        False
        """
        return self.block.is_shared()

    def share_memory_(self) -> "Tensor":
        """This tensor, its memory moved to where other processes see it; one that a shared process
        made stays.

        >>> import facula as torch
        >>> torch.zeros(2).share_memory_().is_shared()
        True
        """
        self.block.share_memory_()
        return self

    def is_signed(self) -> bool:
        """True if the dtype has negative numbers.

        >>> import facula as torch
        >>> torch.zeros(2).is_signed(), torch.zeros(2, dtype=torch.uint8).is_signed()
        (True, False)
        """
        return self.form.dtype.is_signed

    def is_inference(self) -> bool:
        """False: tensors made in inference mode are like others. Differs from torch, where those
        say True.

        >>> import facula as torch
        >>> torch.zeros(2).is_inference()
        False
        """
        return False

    def is_nonzero(self) -> bool:
        """The truth of a tensor of one element. Raises RuntimeError for another number of them.

        >>> import facula as torch
        >>> torch.tensor([0.0]).is_nonzero()
        False
        """
        return bool(self)

    def _is_view(self) -> bool:
        return self.base is not None

    @property
    def grad_dtype(self) -> DType | None:
        """The dtype that a leaf's gradient has: its own.

        >>> import facula as torch
        >>> print(torch.zeros(2, requires_grad=True).grad_dtype)
        torch.float32
        """
        return self.form.dtype

    def is_floating_point(self) -> bool:
        """True if elements are floating point numbers; complex ones are not.

        >>> import facula as torch
        >>> torch.zeros(2).is_floating_point(), torch.tensor([1]).is_floating_point()
        (True, False)
        """
        return self.form.dtype.is_floating_point

    def is_complex(self) -> bool:
        """True if elements are complex numbers.

        >>> import facula as torch
        >>> torch.tensor([1j]).is_complex()
        True
        """
        return self.form.dtype.is_complex

    def is_conj(self) -> bool:
        """True if the tensor is the conjugate of what its memory holds, not yet computed.

        >>> import facula as torch
        >>> x = torch.tensor([1j])
        >>> x.conj().is_conj(), x.conj().resolve_conj().is_conj()
        (True, False)
        """
        return self.form.lazy == "conj"

    def is_neg(self) -> bool:
        """True if the tensor is the negative of what its memory holds, not yet computed.

        >>> import facula as torch
        >>> torch.tensor([1j]).conj().imag.is_neg()
        True
        """
        return self.form.lazy == "neg"

    def is_contiguous(self, memory_format: object = None) -> bool:
        """True if elements lie one behind the other in the order of their indices, or of a memory
        format.

        >>> import facula as torch
        >>> x = torch.zeros(2, 3)
        >>> x.is_contiguous(), x.T.is_contiguous()
        (True, False)
        >>> torch.zeros(1, 2, 3, 4).is_contiguous(memory_format=torch.channels_last)
        False
        """
        for rank, one in ((4, channels_last), (5, channels_last_3d)):
            if memory_format is one:
                return self.form.ndim == rank and self.form.geometry.is_channels_last()
        return self.form.contiguous or memory_format is preserve_format

    # --- autograd state ------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """True if gradients are wanted or flow through; can be set on leaves.

        Setting raises RuntimeError on other tensors, and on those of integers.

        >>> import facula as torch
        >>> x = torch.zeros(2, requires_grad=True)
        >>> (x * 2).requires_grad, x.detach().requires_grad
        (True, False)
        """
        return self.needs_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> "Tensor":
        """This tensor, with gradients wanted from now on or not.

        Raises RuntimeError for integers, and for False on what is no leaf.

        >>> import facula as torch
        >>> torch.zeros(2).requires_grad_()
        tensor([0., 0.], requires_grad=True)
        """
        if self.edge is not None:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a subgraph that doesn't require differentiation use "
                    "var_no_grad = var.detach()."
                )
            return self
        if requires_grad and not self.form.tracked:
            raise RuntimeError(
                "only Tensors of floating point dtype can require gradients"
                if self.extra is None or self.extra.name is None
                else "only Tensors of floating point and complex dtype can require gradients"
            )
        self.needs_grad = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """True if no recorded operation made the tensor: it gets a `grad` if it requires one.

        >>> import facula as torch
        >>> x = torch.zeros(2, requires_grad=True)
        >>> x.is_leaf, (x * 2).is_leaf
        (True, False)
        """
        return self.edge is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the graph that made the tensor; None for leaves.

        >>> import facula as torch
        >>> (torch.zeros(2, requires_grad=True) * 2).grad_fn.name()
        'MulBackward0'
        """
        return None if self.edge is None else self.edge.node

    @property
    def output_nr(self) -> int:
        """Which result of its node the tensor is, from 0.

        >>> import facula as torch
        >>> sign, logarithm = torch.eye(2, requires_grad=True).slogdet()
        >>> logarithm.output_nr
        1
        """
        return 0 if self.edge is None else self.edge.index

    @property
    def _version(self) -> int:
        return self.block.version

    @property
    def _base(self) -> "Tensor | None":
        return self.base

    @property
    def retains_grad(self) -> bool:
        """True if `retain_grad` was called and the tensor is no leaf.

        >>> import facula as torch
        >>> x = torch.zeros(2, requires_grad=True) * 2
        >>> x.retain_grad()
        >>> x.retains_grad
        True
        """
        return self.extra is not None and self.extra.retains_grad

    def extras(self) -> Extra:
        """The rarely needed state, made when first asked for."""
        if self.extra is None:
            self.extra = Extra()
        return self.extra

    def retain_grad(self) -> None:
        """Has a tensor that is no leaf keep its gradient in `grad`.

        Raises RuntimeError where no gradient is wanted.

        >>> import facula as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> y = x * 3
        >>> y.retain_grad()
        >>> y.sum().backward()
        >>> y.grad
        tensor([1., 1.])
        """
        if not self.needs_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.edge is None or self.retains_grad:
            return
        self.extras().retains_grad = True

        # Weakly: the hook hangs on the node that this tensor holds.
        reference = weakref.ref(self)

        def keep(gradient: Tensor) -> None:
            kept = reference()
            if kept is not None:
                # A copy: other tensors may be handed the same gradient.
                kept.grad = gradient.clone() if kept.grad is None else kept.grad + gradient

        self.edge.node.more().retaining[self.edge.index] = keep

    def register_hook(self, hook: Callable[["Tensor"], "Tensor | None"]) -> HookHandle:
        """Calls `hook(gradient)` when the tensor's gradient is computed; it may return another one.

        Returns a handle whose `remove()` takes the hook off. Raises RuntimeError where no gradient
        is wanted.

        >>> import facula as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda gradient: gradient * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
        """
        if not self.needs_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.edge is None:
            extra = self.extras()
            if extra.hooks is None:
                extra.hooks = {}
            return HookHandle(extra.hooks, hook)
        hooks = self.edge.node.more().tensor_hooks.setdefault(self.edge.index, {})
        return HookHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[["Tensor"], None]) -> HookHandle:
        """Calls `hook(tensor)` after a gradient was added to the `grad` of a leaf.

        Returns a handle whose `remove()` takes the hook off. Raises RuntimeError for what is no
        leaf or wants no gradient.

        >>> import facula as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda leaf: print(leaf.grad))
        >>> x.sum().backward()
        tensor([1., 1.])
        """
        if not self.needs_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.edge is not None:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        extra = self.extras()
        if extra.after_hooks is None:
            extra.after_hooks = {}
        return HookHandle(extra.after_hooks, hook)

    def detach(self) -> "Tensor":
        """The same elements, cut off from the graph: shares memory and version, requires no
        gradient.

        >>> import facula as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> y = x.detach()
        >>> y.requires_grad, y.data_ptr() == x.data_ptr()
        (False, True)
        """
        return wrap(self.block, self.address, self.form)

    def detach_(self) -> "Tensor":
        """This tensor, cut off from the graph. Raises RuntimeError for a view of another.

        >>> import facula as torch
        >>> x = torch.ones(2, requires_grad=True) * 2
        >>> x.detach_().requires_grad
        False
        """
        if self.base is not None:
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead. If you are using "
                "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as "
                "True, gradients are views of DDP buckets, and hence detach_() cannot be called on "
                "these gradients. To fix this error, please refer to the Optimizer.zero_grad() "
                "function in torch/optim/optimizer.py as a solution."
            )
        self.needs_grad, self.edge = False, None
        return self

    @property
    def data(self) -> "Tensor":
        """The same elements, unseen by autograd; assigning gives the tensor other elements.

        Assigning raises RuntimeError for a dtype that is not compatible.

        >>> import facula as torch
        >>> x = torch.zeros(2, requires_grad=True)
        >>> x.data[0] = 5
        >>> x.data = x.data + 1
        >>> x
        tensor([6., 1.], requires_grad=True)
        """
        return wrap(self.block.alias(), self.address, self.form)

    @data.setter
    def data(self, value: "Tensor") -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self.block = value.block
        self.address = value.address
        self.form = value.form

    # --- exchange ------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> "np.ndarray":
        """A NumPy array that shares the tensor's memory.

        `force=True` detaches, resolves conjugates and copies where it must. Raises RuntimeError for
        a tensor that requires a gradient or is an unfinished conjugate, TypeError for bfloat16.

        >>> import facula as torch
        >>> x = torch.zeros(2)
        >>> array = x.numpy()
        >>> array[0] = 3
        >>> x
        tensor([3., 0.])
        """
        tensor = self
        if force and self.needs_grad:
            tensor = self.detach()
        if tensor.needs_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        if tensor.form.lazy and force:
            tensor = tensor.clone()
        if tensor.form.lazy:
            bit, name = ("conjugate", "conj") if tensor.form.lazy == "conj" else ("negative", "neg")
            raise RuntimeError(
                f"Can't call numpy() on Tensor that has {bit} bit set. Use "
                f"tensor.resolve_{name}().numpy() instead."
            )
        code = self.form.dtype.numpy
        if code is None:
            word = "ComplexHalf" if self.form.dtype.is_complex else "BFloat16"
            raise TypeError(f"Got unsupported ScalarType {word}")
        if self.form.numel == 0:
            return np.empty(tuple(self.form.shape), code)
        return np.asarray(_Memory(tensor, code))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> "np.ndarray":
        array = self.numpy()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_wrap__(
        self, array: "np.ndarray", context: Any = None, return_scalar: bool = False
    ) -> "Tensor":
        """What NumPy's functions of tensors return: a tensor again, truths as uint8."""
        made: Tensor = registry["from_numpy"].function(
            array.astype("uint8") if array.dtype == bool else np.asarray(array)
        )
        return made

    def __dlpack_device__(self) -> tuple[int, int]:
        """(1, 0): the CPU, as DLPack numbers devices."""
        return dlpack.CPU

    def __dlpack__(
        self,
        *,
        stream: Any = -1,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """A DLPack capsule over this tensor's memory (a copy's if `copy` is true)."""
        if self.needs_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if self.form.lazy:
            raise BufferError(f"Can't export tensors with the {self.form.lazy} bit set")
        if stream not in (None, -1):
            raise AssertionError("stream should be None on cpu.")
        if dl_device is not None and tuple(map(int, dl_device)) != (1, 0):
            raise NotImplementedError(f"no memory on DLPack's device {dl_device}: only on (1, 0)")
        tensor = self.clone() if copy else self
        kind = self.form.dtype
        code = kind.numpy or dlpack.carrier(kind)
        if self.form.numel == 0:
            return dlpack.outgoing(np.empty(tuple(self.form.shape), code), kind, max_version)
        return dlpack.outgoing(np.asarray(_Memory(tensor, code)), kind, max_version)

    def item(self) -> Any:
        """The one element as a Python number. Raises RuntimeError for another number of them.

        >>> import facula as torch
        >>> torch.tensor([[2.5]]).item()
        2.5
        """
        form = self.form
        if form.numel != 1:
            raise RuntimeError(f"a Tensor with {form.numel} elements cannot be converted to Scalar")
        if form.lazy:
            return self.detach().clone().item()
        if form.dtype.is_complex:
            parts = self.detach()
            return complex(real(parts).item(), imag(parts).item())
        reader = C_TYPE.get(form.kind)
        if reader is not None:
            return reader.from_address(self.address).value
        raw = ctypes.c_uint16.from_address(self.address).value
        if form.kind == "f16":
            return float(np.uint16(raw).view(np.float16))
        return float(np.uint32(raw << 16).view(np.float32))

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers, or one number.

        >>> import facula as torch
        >>> torch.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        if self.form.ndim == 0:
            return self.item()
        return self.readable().numpy().tolist()

    def readable(self) -> "Tensor":
        """The tensor cut off from the graph, in a dtype that NumPy has and without lazy views."""
        tensor = self.detach()
        if tensor.form.dtype.numpy is None:
            return tensor.to(complex64 if tensor.form.dtype.is_complex else float32)
        return tensor.clone() if tensor.form.lazy else tensor

    def as_subclass(self, cls: Any) -> Any:
        """The same elements as a tensor of another class. Raises TypeError for what is no class of
        tensors.

        >>> import facula as torch
        >>> class Marked(torch.Tensor):
        ...     pass
        >>> type(torch.zeros(2).as_subclass(Marked)).__name__
        'Marked'
        """
        if not (isinstance(cls, type) and issubclass(cls, Tensor)):
            raise TypeError(
                "as_subclass(): argument 'cls' must be a subclass of Tensor, not "
                f"{getattr(cls, '__name__', type(cls).__name__)}"
            )
        made = self.view_as(self)
        made.__class__ = cls
        return made

    def untyped_storage(self) -> Storage:
        """The bytes that the tensor, and all views of it, look at.

        >>> import facula as torch
        >>> torch.zeros(5)[3:].untyped_storage().nbytes()
        20
        """
        return self.block

    def _typed_storage(self) -> TypedStorage:
        return TypedStorage(wrap_storage=self.block, dtype=self.form.dtype)

    def storage(self) -> TypedStorage:
        """The elements that the tensor, and all views of it, look at, one after the other.

        >>> import facula as torch
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.tensor([[1, 2], [3, 4]]).T.storage().tolist()
        [1, 2, 3, 4]
        """
        warn_of_removal(2)
        return TypedStorage(wrap_storage=self.block, dtype=self.form.dtype)

    def storage_type(self) -> Any:
        """The old class of the tensor's storage.

        >>> import facula as torch
        >>> torch.zeros(2).storage_type()
        <class 'torch.FloatStorage'>
        """
        return OLD_STORAGES[self.form.dtype.name]

    def cpu(self, *, memory_format: Any = preserve_format) -> "Tensor":
        """The tensor itself, which lies in main memory; a copy only for another memory format.

        >>> import facula as torch
        >>> x = torch.zeros(2)
        >>> x.cpu() is x
        True
        """
        return (
            self.to(memory_format=memory_format) if memory_format is not preserve_format else self
        )

    # --- Python's protocols --------------------------------------------------------------------

    def __len__(self) -> int:
        if self.form.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.form.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        if self.form.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __bool__(self) -> bool:
        if self.form.numel == 1:
            return bool(self.item())
        if self.form.numel == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")

    def __float__(self) -> float:
        return float(self._real_item("double"))

    def __int__(self) -> int:
        return int(self._real_item("int64_t"))

    def __complex__(self) -> complex:
        return complex(self.item())

    def _real_item(self, wanted: str) -> Any:
        """The value; torch's error for a complex number that is not real."""
        if self.form.numel != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        value = self.item()
        if not isinstance(value, complex):
            return value
        if value.imag != 0:
            raise RuntimeError(f"value cannot be converted to type {wanted} without overflow")
        return value.real

    def __index__(self) -> int:
        if self.form.tracked or self.form.numel != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __hash__(self) -> int:
        return id(self)

    def __contains__(self, element: object) -> bool:
        if isinstance(element, (Tensor, int, float, bool, complex)):
            return bool((self == element).any())
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )

    def __repr__(self) -> str:
        suffixes = []
        if self.grad_fn is not None:
            suffixes.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.needs_grad:
            suffixes.append("requires_grad=True")
        if self.form.names is not None:
            suffixes.append(f"names={self.names}")
        return tensor_str(
            self.readable().numpy(), self.form.dtype, self.form.shape, suffixes=suffixes
        )

    def __format__(self, spec: str) -> str:
        if self.form.ndim == 0 and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Tensor":
        if self.form.names is not None:
            raise RuntimeError(f"aten::new_empty{NOT_YET}")
        if self.edge is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
                "because of a torch.nn.utils.weight_norm usage, see "
                "https://github.com/pytorch/pytorch/pull/103001"
            )
        if id(self) in memo:
            found: Tensor = memo[id(self)]
            return found
        storage = memo.get(id(self.block))
        if storage is None:
            storage = Storage(self.block.length)
            ctypes.memmove(storage.address, self.block.address, self.block.length)
            memo[id(self.block)] = storage
        address = storage.address + (self.address - self.block.address)
        copied = wrap(storage, address, self.form)
        copied.__class__ = type(self)
        copied.needs_grad = self.needs_grad
        if self.grad is not None:
            copied.grad = self.grad.__deepcopy__(memo)
        if self.__dict__:
            copied.__dict__.update({k: _deepcopy(v, memo) for k, v in self.__dict__.items()})
        memo[id(self)] = copied
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.form.names is not None:
            raise RuntimeError(SERIALIZED)
        tensor = self.clone() if self.form.lazy else self
        form = tensor.form
        layout = (form.dtype, tuple(form.shape), form.strides)
        offset = tensor.address - tensor.block.address
        return rebuild, (type(self), tensor.block, offset, *layout, self.needs_grad, self.__dict__)

    def storage_bytes(self) -> "ctypes.Array[ctypes.c_char]":
        """The elements of a contiguous tensor as bytes, in place."""
        return (ctypes.c_char * self.form.nbytes).from_address(self.address)

    def __reversed__(self) -> "Tensor":
        return self.flip(0) if self.form.ndim else self

    def __delitem__(self, index: Any) -> None:
        raise TypeError("Tensor does not support deleting items")

    @overload
    def type(self, dtype: None = None, non_blocking: bool = False) -> str: ...
    @overload
    def type(self, dtype: Any, non_blocking: bool = False) -> "Tensor": ...
    def type(self, dtype: Any = None, non_blocking: bool = False) -> "str | Tensor":
        """The old name of the tensor's type, or the tensor converted to a dtype or to such a name.

        Raises ValueError for a name that is none.

        >>> import facula as torch
        >>> x = torch.zeros(2)
        >>> x.type(), x.type(torch.int64), x.type("torch.DoubleTensor")
        ('torch.FloatTensor', tensor([0, 0]), tensor([0., 0.], dtype=torch.float64))
        """
        if dtype is None:
            return f"torch.{TYPE_NAMES[self.form.dtype.name]}"
        wanted = dtype.__name__ if isinstance(dtype, type) else dtype
        module = dtype.__module__ + "." if isinstance(dtype, type) else ""
        if isinstance(wanted, str):
            wanted = (module if module.startswith("torch") else "") + wanted
            if dtype is Tensor or wanted == "torch.Tensor":
                return self.to(get_default_dtype())
            if wanted.startswith("torch.cuda."):
                raise RuntimeError(f"type {wanted} not available. Torch not compiled with CUDA")
            for name, text in TYPE_NAMES.items():
                if wanted == f"torch.{text}":
                    return self.to(of_name(name))
            raise ValueError(f"invalid type: '{wanted}'")
        if not isinstance(dtype, DType):
            raise TypeError("dtype must be a type, str, or dtype object")
        return self.to(dtype)

    # `Any`, although it only raises: for a type checker, here is where the records' methods are.
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *self.__dict__})


TYPE_NAMES = {one.name: f"{one.word}Tensor" for one in DTYPES}


def real(tensor: Tensor) -> Tensor:
    made: Tensor = registry["real"].function(tensor)
    return made


def imag(tensor: Tensor) -> Tensor:
    made: Tensor = registry["imag"].function(tensor)
    return made


def _wrap(dim: int | str, tensor: Tensor) -> int:
    if isinstance(dim, str):
        place: int = positions(dim, tensor.names)
        return place
    ndim = tensor.form.ndim
    if not ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    low, high = -ndim, ndim - 1
    if not low <= dim <= high:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{low}, {high}], but got {dim})"
        )
    return dim + ndim if dim < 0 else dim


def _deepcopy(value: Any, memo: dict[int, Any]) -> Any:
    copier = getattr(value, "__deepcopy__", None)
    return copier(memo) if copier is not None else value


# Tensors are made in generated code where there is some; these are the definitions of what it does.


def _plain_wrap(storage: Storage, address: int, form: Form) -> Tensor:
    y = object.__new__(Tensor)
    y.block = storage
    y.address = address
    y.form = form
    y.needs_grad = False
    y.edge = None
    y.grad = None
    y.extra = None
    y.base = None
    return y


def _plain_allocate(form: Form) -> Tensor:
    storage = object.__new__(Storage)
    try:
        storage.address = address = form.pool.pop()
    except IndexError:
        storage.address = address = acquire(form.nbytes)
    storage.pool = form.pool
    storage.length = form.nbytes
    storage.version = 0
    storage.views = None
    return _plain_wrap(storage, address, form)


def _plain_share(source: Tensor, form: Form, offset: int) -> Tensor:
    y = _plain_wrap(source.block, source.address + offset, form)
    base = source.base
    # A leaf made from a view stands for itself.
    y.base = source if base is None or (source.needs_grad and source.edge is None) else base
    if form.tracked:
        note_view(y)
    return y


_made = makers(Tensor, Makers(_plain_allocate, _plain_wrap, _plain_share))
allocate: Callable[[Form], Tensor] = _made.allocate
"""A new tensor of uninitialised memory; its form must not overlap itself."""
wrap: Callable[[Storage, int, Form], Tensor] = _made.wrap
"""A tensor over a storage, from an address on, cut off from any graph."""
share: Callable[[Tensor, Form, int], Tensor] = _made.share
"""A view of a tensor, some bytes from its start; not recorded. Note [in-place on views]."""


def view_of(storage: Storage, offset: int, form: Form) -> Tensor:
    """A tensor over a storage from element `offset` on."""
    return wrap(storage, storage.address + offset * form.itemsize, form)


def empty(dtype: "dtype", shape: tuple[int, ...]) -> Tensor:
    """A new contiguous tensor of uninitialised memory."""
    return allocate(form_of(dtype, shape))


def from_bytes(raw: bytes, dtype: "dtype", shape: tuple[int, ...]) -> Tensor:
    """A new tensor with a copy of some bytes."""
    y = empty(dtype, shape)
    ctypes.memmove(y.address, raw, y.form.nbytes)
    return y


def rebuild(
    cls: type,
    storage: Storage,
    offset: int,
    dtype: "dtype",
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    requires_grad: bool,
    attributes: dict[str, Any],
) -> Tensor:
    """What pickle calls to make a tensor again, over its storage from a byte on."""
    y = wrap(storage, storage.address + offset, form_of(dtype, shape, strides))
    y.__class__ = cls
    y.needs_grad = requires_grad
    y.__dict__.update(attributes)
    return y
