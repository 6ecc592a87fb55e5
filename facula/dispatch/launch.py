"""Launches: prepared work for one combination of forms."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.backend.cpu import Kernel
from facula.form import Form
from facula.makers import FLOAT, INT, RESULT, TENSOR, Word, prepared
from facula.op import Pointwise
from facula.tensor import Tensor, allocate

__all__ = ["FLOAT", "INT", "NUMBER_WORDS", "RESULT", "TENSOR", "Backward", "Launch", "launcher"]

NUMBER_WORDS = {int: INT, float: FLOAT}

# Takes a node and the gradient that arrived; gives one gradient an edge.
Backward = Callable[[Any, Tensor], Sequence[Tensor | None]]


def launcher(kernel: Kernel, words: Sequence[Word], form: Form | None = None) -> Callable[..., Any]:
    """launch(operands...): the kernel on `words` with operands in their places; gives a new tensor
    of `form`, or None without one, or what the kernel reports: an int. Note [generated objects]."""
    return prepared(kernel, words, form, allocate)


class Launch:
    """Prepared work: `kernel(*sizes, *addresses, *params)` fills a tensor of `form`."""

    __slots__ = (
        "op", "kernel", "sizes", "form", "compute", "operands", "constants", "saves", "bare",
        "keep", "backward", "differentiable",
    )  # fmt: skip

    op: Pointwise
    kernel: Kernel
    sizes: tuple[int, ...]
    form: Form
    # Operands that are constants (None for tensors, then for the result), if no call brings a
    # number.
    constants: list[Any] | None
    # Combinations of wanted gradients that read no tensor.
    bare: set[tuple[bool, ...]]
    compute: str
    operands: tuple[Any, ...]
    saves: "dict[tuple[bool, ...], tuple[tuple[int, ...], tuple[int, ...]]]"
    # Saves operands for the gradient; by combination of wanted gradients.
    keep: dict[tuple[bool, ...], Callable[..., None]]
    backward: dict[Any, "Backward"]
    differentiable: bool

    def __iter__(self) -> Any:
        return iter((self.kernel, self.sizes, self.form))
