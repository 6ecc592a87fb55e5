"""`Function`: an operation of the user's own, with a forward and a backward."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.graph import FREED, Node, Output, check_version
from facula.autograd.mode import mode
from facula.form import Form
from facula.op import registry
from facula.tensor import Tensor, wrap


class FunctionContext:
    """What forward leaves for backward: `save_for_backward(...)`, `saved_tensors`, attributes."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self.materialize_grads = True
        self._saved: tuple[Any, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._plain: tuple[int, ...] = ()
        self._versions: tuple[int, ...] = ()
        self._node: Any = None
        self._freed = False

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps inputs or outputs; their versions are checked when they are used."""
        self._saved = tensors
        self._versions = tuple(0 if t is None else t.block.version for t in tensors)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The kept tensors."""
        if self._freed:
            raise RuntimeError(FREED)
        for tensor, version in zip(self._saved, self._versions, strict=True):
            if tensor is not None and tensor.block.version != version:
                check_version(tensor, version, self._node)
        return self._saved

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Says which inputs forward wrote to."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Says which outputs have no gradient."""
        self._plain = tuple(id(t) for t in tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients arrive as zeros (the default) or as None."""
        self.materialize_grads = value


class UserNode(Node):
    """The node of a user's Function."""

    __slots__ = ("function", "context", "outputs", "forms", "arity", "positions")

    function: type["Function"]
    context: FunctionContext
    outputs: int
    forms: list[Form | None]
    arity: int
    positions: list[int]

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        ready = list(gradients)
        if self.context.materialize_grads:
            zeros = registry["zeros"].function
            ready = [
                zeros(tuple(f.shape), dtype=f.dtype) if g is None and f is not None else g
                for g, f in zip(ready, self.forms, strict=True)
            ]
        results = self.function.backward(self.context, *ready)
        results = results if isinstance(results, tuple) else (results,)
        if len(results) > self.arity and any(r is not None for r in results[self.arity :]):
            raise RuntimeError(
                f"function {type(self).__name__} returned an incorrect number of gradients "
                f"(expected {self.arity}, got {len(results)})"
            )
        if len(results) < self.arity:
            raise RuntimeError(
                f"function {type(self).__name__} returned an incorrect number of gradients "
                f"(expected {self.arity}, got {len(results)})"
            )
        return [results[k] for k in self.positions]

    def release(self) -> None:
        self.context._freed = bool(self.context._saved)
        if self.context._freed:
            self.context._saved = self.context._versions = ()


class Function:
    """Subclass it with static methods `forward(ctx, ...)` and `backward(ctx, *grads)`.

    >>> import facula as torch
    >>> class Double(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> x = torch.ones(1, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor([2.])
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward unrecorded and records backward."""
        context = FunctionContext()
        tensors = [k for k, a in enumerate(args) if isinstance(a, Tensor)]
        context.needs_input_grad = tuple(isinstance(a, Tensor) and a.needs_grad for a in args)
        recording = mode.enabled and any(context.needs_input_grad)
        before, mode.enabled = mode.enabled, False
        try:
            if "setup_context" in cls.__dict__:
                results = cls.forward(*args, **kwargs)
                cls.setup_context(context, args, results)  # type: ignore[attr-defined]
            else:
                results = cls.forward(context, *args, **kwargs)
        finally:
            mode.enabled = before
        if not recording:
            return results
        if any(t.needs_grad and t.edge is None for t in context._dirty):
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation."
            )
        listed = results if isinstance(results, tuple) else (results,)
        made = type(f"{cls.__name__}Backward", (UserNode,), {"__slots__": ()})
        edges = [args[k] for k in tensors]
        node = made(
            tuple([None if not t.needs_grad else t if t.edge is None else t.edge for t in edges])
        )
        node.function, node.context, node.arity, node.positions = cls, context, len(args), tensors
        node.outputs = len(listed)
        node.forms = [t.form if isinstance(t, Tensor) else None for t in listed]
        context._node = node
        finished = []
        for index, y in enumerate(listed):
            if isinstance(y, Tensor):
                is_input = any(y is t for t in edges)
                if is_input and not any(y is t for t in context._dirty):
                    y = wrap(y.block, y.address, y.form)
                if id(listed[index]) not in context._plain and y.form.tracked:
                    y.needs_grad = True
                    y.edge = node if node.outputs == 1 else Output(node, index)
            finished.append(y)
        return tuple(finished) if isinstance(results, tuple) else finished[0]


class OnceNode(Node):
    """Says that a gradient was computed unrecorded, when somebody wants the gradient of it."""

    __slots__ = ()

    def backward(self, gradients: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a Function's backward that must not be differentiated itself."""

    @functools.wraps(backward)
    def wrapped(ctx: Any, *gradients: Any) -> Any:
        before, mode.enabled = mode.enabled, False
        try:
            results = backward(ctx, *gradients)
        finally:
            mode.enabled = before
        wanted = [g for g in gradients if isinstance(g, Tensor) and g.needs_grad]
        if not before or not wanted:
            return results
        edges = tuple([g if g.edge is None else g.edge for g in wanted])
        listed = results if isinstance(results, tuple) else (results,)
        for y in listed:
            if isinstance(y, Tensor):
                y.needs_grad, y.edge = True, OnceNode(edges)
        return results

    return wrapped
