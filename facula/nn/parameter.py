"""Parameter and Buffer: the two roles a tensor can have in a module.

A Parameter is a tensor that a module lists in `parameters()` as soon as it is assigned to it; a
Buffer is one that it saves but does not train. Both share the memory they are made from.
"""

from typing import Any, cast

from facula import ops
from facula.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor to be trained: a leaf that wants a gradient and registers itself with its module.

    >>> import facula as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> "Parameter":
        source = ops.empty(0) if data is None else data
        if requires_grad and not (source.is_floating_point() or source.is_complex()):
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        parameter = source.detach()
        parameter.__class__ = cls
        parameter.requires_grad_(requires_grad)
        return cast("Parameter", parameter)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Parameter":
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class _BufferType(type):
    """Makes `isinstance(tensor, Buffer)` ask for the mark that `Buffer(...)` leaves."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferType):
    """A tensor that registers itself as a buffer of the module it is assigned to: saved, not
    trained.

    With `persistent=False` it stays out of `state_dict`. What you get is a plain Tensor with a
    mark: buffers take the same quick road through every operation as other tensors.

    >>> import facula as torch
    >>> layer = torch.nn.Module()
    >>> layer.count = torch.nn.Buffer(torch.zeros(2))
    >>> layer.state_dict()["count"]
    tensor([0., 0.])
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Tensor:  # type: ignore[misc]
        source = ops.empty(0) if data is None else data
        buffer = source.detach().requires_grad_(source.requires_grad)
        vars(buffer).update(persistent=persistent, _is_buffer=True)
        return buffer
