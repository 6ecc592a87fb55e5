"""Questions about tensors that compute nothing."""

from facula.meta import dtype as dtypes
from facula.meta.dtype import dtype
from facula.tensor import Tensor


def is_tensor(obj: object) -> bool:
    """True if the object is a tensor.

    >>> import facula as torch
    >>> torch.is_tensor([1])
    False
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """True for tensors of float16, bfloat16, float32 and float64.

    >>> import facula as torch
    >>> torch.is_floating_point(torch.zeros(2)), torch.is_floating_point(torch.tensor([1]))
    (True, False)
    """
    return input.form.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """True for tensors of complex dtypes.

    >>> import facula as torch
    >>> torch.is_complex(torch.tensor([1j]))
    True
    """
    return input.form.dtype.is_complex


def is_conj(input: Tensor) -> bool:
    """True for a view that reads memory as conjugates.

    >>> import facula as torch
    >>> torch.is_conj(torch.tensor([1j]).conj())
    True
    """
    return input.is_conj()


def is_neg(input: Tensor) -> bool:
    """True for a view that reads memory as negatives.

    >>> import facula as torch
    >>> torch.is_neg(torch.tensor([1j]).conj().imag)
    True
    """
    return input.is_neg()


def numel(input: Tensor) -> int:
    """The number of elements, the product of the sizes.

    >>> import facula as torch
    >>> torch.numel(torch.zeros(2, 3))
    6
    """
    return input.form.numel


def result_type(tensor1: Tensor | float, tensor2: Tensor | float) -> dtype:
    """The dtype of an arithmetic operation on the two.

    >>> import facula as torch
    >>> torch.result_type(torch.tensor([1, 2]), 1.0)
    torch.float32
    """
    described = [
        (one.form.dtype, one.form.ndim)
        if isinstance(one, Tensor)
        else (dtypes.of_scalar(one), None)
        for one in (tensor1, tensor2)
    ]
    return dtypes.result_type(described)
