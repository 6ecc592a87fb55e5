"""Functions that ask a tensor something it answers as a method: `torch.is_signed(x)`."""

from facula.tensor import Tensor

__all__ = [
    "detach", "detach_", "get_device", "is_conj", "is_distributed", "is_inference",
    "is_neg", "is_nonzero", "is_same_size", "is_signed",
]  # fmt: skip


def _checked(input: Tensor, name: str) -> Tensor:
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    return input


def detach(input: Tensor) -> Tensor:
    """The same elements, cut off from the graph; shares memory and version.

    >>> import facula as torch
    >>> torch.detach(torch.ones(2, requires_grad=True))
    tensor([1., 1.])
    """
    return _checked(input, "detach").detach()


def detach_(input: Tensor) -> Tensor:
    """This tensor, cut off from the graph. Raises RuntimeError for a view of another.

    >>> import facula as torch
    >>> torch.detach_(torch.ones(2, requires_grad=True) * 2)
    tensor([2., 2.])
    """
    return _checked(input, "detach_").detach_()


def get_device(input: Tensor) -> int:
    """-1, the number of the CPU. Raises TypeError for what is no tensor.

    >>> import facula as torch
    >>> torch.get_device(torch.zeros(2))
    -1
    """
    return _checked(input, "get_device").get_device()


def is_conj(input: Tensor) -> bool:
    """True if the tensor is the conjugate of what its memory holds, not yet computed.

    >>> import facula as torch
    >>> torch.is_conj(torch.tensor([1j]).conj())
    True
    """
    return _checked(input, "is_conj").is_conj()


def is_neg(input: Tensor) -> bool:
    """True if the tensor is the negative of what its memory holds, not yet computed.

    >>> import facula as torch
    >>> torch.is_neg(torch.tensor([1j]).conj().imag)
    True
    """
    return _checked(input, "is_neg").is_neg()


def is_distributed(input: Tensor) -> bool:
    """False: a tensor lies in one process.

    >>> import facula as torch
    >>> torch.is_distributed(torch.zeros(2))
    False
    """
    return _checked(input, "is_distributed").is_distributed()


def is_inference(input: Tensor) -> bool:
    """False: tensors made in inference mode are like others. Differs from torch, where those say
    True.

    >>> import facula as torch
    >>> torch.is_inference(torch.zeros(2))
    False
    """
    return _checked(input, "is_inference").is_inference()


def is_nonzero(input: Tensor) -> bool:
    """The truth of a tensor of one element. Raises RuntimeError for another number of them.

    >>> import facula as torch
    >>> torch.is_nonzero(torch.tensor([0.0]))
    False
    """
    return _checked(input, "is_nonzero").is_nonzero()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """True if both tensors have the same shape.

    >>> import facula as torch
    >>> torch.is_same_size(torch.zeros(2, 3), torch.ones(2, 3))
    True
    """
    return _checked(input, "is_same_size").is_same_size(_checked(other, "is_same_size"))


def is_signed(input: Tensor) -> bool:
    """True if the dtype has negative numbers.

    >>> import facula as torch
    >>> torch.is_signed(torch.zeros(2))
    True
    """
    return _checked(input, "is_signed").is_signed()
