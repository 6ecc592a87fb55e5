"""Variable: what tensors that gradients flow through were called before PyTorch 0.4."""

from typing import Any

from facula.tensor import Tensor

__all__ = ["Variable"]


class _VariableType(type):
    """Makes every tensor a Variable, and calls of Variable make tensors."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Any = (), requires_grad: bool = False) -> Tensor:
        if not isinstance(data, Tensor):
            if data == ():
                return Tensor(0)
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(bool(requires_grad))


class Variable(metaclass=_VariableType):
    """`Variable(tensor, requires_grad=False)`: a tensor over the same memory.

    >>> import facula as torch
    >>> torch.autograd.Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """
