"""The graph: nodes that know how to pass a gradient on, and what they saved for it.

An *edge* is what a gradient flows to: a `Node` (its first output), an `Output` of a node with
several, or a leaf tensor itself. `order` rises with creation; the engine walks it downwards.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facula.tensor import Tensor

next_order = itertools.count(1).__next__

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)


class Output:
    """The edge to one output of a node with several."""

    __slots__ = ("node", "index")
    is_node = True

    def __init__(self, node: "Node", index: int) -> None:
        self.node = node
        self.index = index


class NodeExtras:
    """Hooks of a node, hooks of its output tensors by output number, users' notes."""

    __slots__ = ("hooks", "prehooks", "tensor_hooks", "retaining", "metadata")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[..., Any]] = {}
        self.prehooks: dict[int, Callable[..., Any]] = {}
        self.tensor_hooks: dict[int, dict[int, Callable[..., Any]]] = {}
        # What `retain_grad` runs, by output number: last, so that it sees what hooks made.
        self.retaining: dict[int, Callable[..., Any]] = {}
        self.metadata: dict[Any, Any] = {}


class Node:
    """An operation of the graph: its results' gradients come in, its inputs' gradients go out.

    Made by operations, found as `grad_fn`; `next_functions` are the nodes of its inputs, each with
    the number of its result, and `metadata` a dictionary for whoever wants to keep something.

    >>> import facula as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> node = (x * 2).sum().grad_fn
    >>> node.name(), node.next_functions[0][0].name(), node.metadata
    ('SumBackward0', 'MulBackward0', {})
    """

    __slots__ = ("edges", "order", "extras", "__weakref__")

    is_node = True
    index = 0
    outputs = 1
    edges: tuple[Any, ...]
    order: int
    extras: "NodeExtras | None"

    def __init__(self, edges: tuple[Any, ...]) -> None:
        self.edges = edges
        self.order = next_order()
        self.extras = None

    @property
    def node(self) -> "Node":
        return self

    def name(self) -> str:
        """The node's name, such as AddBackward0."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that gradients go to next, as (node, output number)."""
        return tuple(
            (None, 0)
            if edge is None
            else (edge.node, edge.index)
            if edge.is_node
            else (AccumulateGrad(edge), 0)
            for edge in self.edges
        )

    def backward(self, gradients: Sequence["Tensor | None"]) -> Sequence["Tensor | None"]:
        raise NotImplementedError

    def release(self) -> None:
        """Lets go of saved tensors."""

    def register_hook(self, hook: Callable[..., Any]) -> "HookHandle":
        """Calls `hook(grad_inputs, grad_outputs)` after the node ran; it may return other
        grad_inputs.

        >>> import facula as torch
        >>> y = (torch.ones(2, requires_grad=True) * 2).sum()
        >>> handle = y.grad_fn.register_hook(lambda given, got: print(given, got))
        >>> y.backward()
        (tensor([1., 1.]),) (tensor(1.),)
        """
        return HookHandle(self.more().hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> "HookHandle":
        """Calls `hook(grad_outputs)` before the node runs; it may return others.

        >>> import facula as torch
        >>> y = (torch.ones(2, requires_grad=True) * 2).sum()
        >>> handle = y.grad_fn.register_prehook(lambda got: print(got))
        >>> y.backward()
        (tensor(1.),)
        """
        return HookHandle(self.more().prehooks, hook)

    def more(self) -> "NodeExtras":
        """The rarely needed state, made when first asked for."""
        if self.extras is None:
            self.extras = NodeExtras()
        return self.extras

    @property
    def metadata(self) -> dict[Any, Any]:
        """A place for users' notes on the node."""
        return self.more().metadata


class AccumulateGrad(Node):
    """What `next_functions` shows for a leaf: its gradient is added to `variable.grad`.

    >>> import facula as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> node = (x * 2).grad_fn.next_functions[0][0]
    >>> node.name(), node.variable is x
    ('torch::autograd::AccumulateGrad', True)
    """

    __slots__ = ("variable",)

    def __init__(self, variable: "Tensor") -> None:
        super().__init__(())
        self.variable = variable

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"


_hook_numbers = itertools.count()


class HookHandle:
    """Removes its hook on `remove()` or at the end of a with block.

    >>> import facula as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> handle = x.register_hook(lambda gradient: gradient * 10)
    >>> handle.remove()
    >>> x.sum().backward()
    >>> x.grad
    tensor([1., 1.])
    """

    __slots__ = ("hooks", "number")

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self.hooks = hooks
        self.number = next(_hook_numbers)
        hooks[self.number] = hook

    def remove(self) -> None:
        """Takes the hook off; doing it again does nothing."""
        self.hooks.pop(self.number, None)

    def __enter__(self) -> "HookHandle":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def check_version(tensor: "Tensor", version: int, node: Node, result: bool = False) -> None:
    """Raises torch's error if a saved tensor (or node's result) was written to since then."""
    now = tensor.block.version
    if now == version:
        return
    maker = node if result else tensor.grad_fn
    number = 0 if result else tensor.output_nr
    origin = ""
    if maker is not None:
        name = maker.name().removesuffix("Backward0").removesuffix("Backward")
        origin = f", which is output {number} of {name},"
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{tensor.type()} {list(tensor.shape)}]{origin} is at version {now}; "
        f"expected version {version} instead. Hint: enable anomaly detection to find the operation "
        "that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
        f" (needed by {node.name()})"
    )
