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
    """The same data, cut off from the graph; shares memory and version."""
    return _checked(input, "detach").detach()


def detach_(input: Tensor) -> Tensor:
    """Cuts a tensor off from the graph; returns it."""
    return _checked(input, "detach_").detach_()


def get_device(input: Tensor) -> int:
    """-1, the number of the CPU."""
    return _checked(input, "get_device").get_device()


def is_conj(input: Tensor) -> bool:
    """True if the tensor is the unfinished conjugate of another."""
    return _checked(input, "is_conj").is_conj()


def is_neg(input: Tensor) -> bool:
    """True if the tensor is the unfinished negative of another."""
    return _checked(input, "is_neg").is_neg()


def is_distributed(input: Tensor) -> bool:
    """False: a tensor lies in one process."""
    return _checked(input, "is_distributed").is_distributed()


def is_inference(input: Tensor) -> bool:
    """True if the tensor was made in inference mode."""
    return _checked(input, "is_inference").is_inference()


def is_nonzero(input: Tensor) -> bool:
    """The truth of a tensor of one element; a RuntimeError for others.

    >>> import facula as torch
    >>> torch.is_nonzero(torch.tensor([0.0]))
    False
    """
    return _checked(input, "is_nonzero").is_nonzero()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """True if both tensors have the same shape."""
    return _checked(input, "is_same_size").is_same_size(_checked(other, "is_same_size"))


def is_signed(input: Tensor) -> bool:
    """True if the dtype has negative numbers."""
    return _checked(input, "is_signed").is_signed()
