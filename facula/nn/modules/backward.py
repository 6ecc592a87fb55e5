"""BackwardWatch: lets the full backward hooks of one module call see its gradients.

Two identity nodes, one before `forward` and one after it, note the gradients that pass and let the
hooks change them. Used by `Module._call_with_hooks` only; a call without hooks makes no such nodes.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from facula.autograd.graph import Node, Output
from facula.autograd.mode import is_grad_enabled
from facula.dispatch import edge_of
from facula.tensor import Tensor

if TYPE_CHECKING:
    from facula.nn.modules.module import Module

__all__ = ["BackwardWatch"]

Gradients = tuple[Tensor | None, ...]
Functions = list[Callable[..., Any]]


class _Passage(Node):
    """Identity of several tensors, whose gradients pass through a function together."""

    __slots__ = ("change", "outputs")

    def __init__(self, tensors: list[Tensor], change: Callable[[Gradients], Gradients]) -> None:
        super().__init__(tuple(edge_of(tensor) for tensor in tensors))
        self.change = change
        self.outputs = len(tensors)

    def backward(self, gradients: Sequence[Tensor | None]) -> Gradients:
        return self.change(tuple(gradients))

    def pass_on(self, tensor: Tensor, index: int) -> Tensor:
        """The tensor again, as output `index` of this node."""
        if not tensor.requires_grad:
            return tensor
        passed = tensor.detach()
        passed.needs_grad = True
        passed.edge = self if self.outputs == 1 else Output(self, index)
        # Written in place, it would leave the original's gradient wrong: refused like other views.
        passed.base = tensor
        passed.extras().kind = "multi"
        return passed


class BackwardWatch:
    """The gradients of one call of a module, on their way through its backward hooks."""

    __slots__ = (
        "before",
        "full",
        "grad_output",
        "input_count",
        "input_places",
        "module",
        "regular",
    )

    def __init__(
        self, module: "Module", before: Functions, full: Functions, regular: Functions
    ) -> None:
        self.module = module
        self.before = before
        self.full = full
        self.regular = regular
        self.grad_output: Gradients | None = None
        self.input_count = 0
        self.input_places: list[int] | None = None

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, each tensor behind the node that sees its gradient."""
        self.input_count = len(args)
        if not (self.before or self.full):
            return args
        args, self.input_places = _pass(args, self._at_inputs)
        return args

    def outputs(self, result: Any) -> Any:
        """The result, each tensor behind the node that sees its gradient."""
        if self.before or self.full:
            if not isinstance(result, (Tensor, tuple)):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple "
                    f"of Tensors but received {type(result)}",
                    stacklevel=4,
                )
            wrapped = result if isinstance(result, tuple) else (result,)
            size = len(wrapped)
            places: list[int] = []
            wrapped, found = _pass(wrapped, lambda arrived: self._at_outputs(arrived, places, size))
            places.extend(found or ())
            if not isinstance(result, tuple):
                result = wrapped[0]
            elif type(result) is tuple:
                result = wrapped
            else:  # a named tuple
                result = type(result)(*wrapped)
        if self.regular:
            self._watch_last_node(result)
        return result

    def _at_outputs(self, arrived: Gradients, places: list[int], size: int) -> Gradients:
        grad_output = _spread(arrived, places, size)
        for hook in self.before:
            changed = hook(self.module, grad_output)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != size:
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(changed)}, but expected {size}"
                )
            grad_output = changed
        self.grad_output = grad_output
        if self.input_places is None:
            self._run_without_inputs(grad_output)
        return tuple(grad_output[place] for place in places)

    def _run_without_inputs(self, grad_output: Gradients) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients. See https://docs.pytorch.org/docs/main/"
            "generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook "
            "for more details.",
            stacklevel=5,
        )
        nothing = (None,) * self.input_count
        for hook in self.full:
            changed = hook(self.module, nothing, grad_output)
            if changed is not None and any(gradient is not None for gradient in changed):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_output = None

    def _at_inputs(self, arrived: Gradients) -> Gradients:
        if self.grad_output is None:  # the gradient came another way than through the output
            return arrived
        places = self.input_places or []
        grad_input = _spread(arrived, places, self.input_count)
        for hook in self.full:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != len(grad_input):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(changed)}, but expected {len(grad_input)}"
                )
            grad_input = changed
        self.grad_output = None
        return tuple(grad_input[place] for place in places)

    def _watch_last_node(self, result: Any) -> None:
        """Old-style hooks: the gradients of whichever operation made the first output."""
        while not isinstance(result, Tensor):
            result = next(iter(result.values())) if isinstance(result, dict) else result[0]
        if result.grad_fn is None:
            return
        for hook in self.regular:
            result.grad_fn.register_hook(
                lambda grad_input, grad_output, hook=hook: hook(
                    self.module, grad_input, grad_output
                )
            )


def _pass(
    values: tuple[Any, ...], change: Callable[[Gradients], Gradients]
) -> tuple[tuple[Any, ...], list[int] | None]:
    """`values` with their tensors behind one node, and where those are; None without gradients."""
    places = [place for place, value in enumerate(values) if isinstance(value, Tensor)]
    if not is_grad_enabled() or not any(values[place].requires_grad for place in places):
        return values, None
    passed = list(values)
    node = _Passage([values[place] for place in places], change)
    for index, place in enumerate(places):
        passed[place] = node.pass_on(values[place], index)
    return tuple(passed), places


def _spread(gradients: Gradients, places: list[int], size: int) -> Gradients:
    """A tuple of `size`, with the gradients at their places and None elsewhere."""
    spread: list[Tensor | None] = [None] * size
    for place, gradient in zip(places, gradients, strict=True):
        spread[place] = gradient
    return tuple(spread)
