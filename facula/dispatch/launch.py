"""Launches: prepared work for one combination of forms."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from facula.backend.cpu import Kernel
from facula.backend.memory import Room
from facula.form import Form
from facula.makers import FLOAT, INT, RESULT, SCRATCH, TENSOR, Word, prepared
from facula.op import Pointwise
from facula.tensor import Tensor, allocate

__all__ = [
    "FLOAT",
    "INT",
    "NUMBER_WORDS",
    "RESULT",
    "SCRATCH",
    "TENSOR",
    "Backward",
    "Launch",
    "depends_on_settings",
    "forget_launches",
    "launcher",
    "learn_launch",
    "noted",
]

NUMBER_WORDS = {int: INT, float: FLOAT}

# Takes a node and the gradient that arrived; gives one gradient an edge.
Backward = Callable[[Any, Tensor], Sequence[Tensor | None]]


def launcher(
    kernel: Kernel, words: Sequence[Word], form: Form | None = None, room: Room | None = None
) -> Callable[..., Any]:
    """launch(operands...): the kernel on `words` with operands in their places; gives a new tensor
    of `form`, or None without one, or what the kernel reports: an int. `room` is where the word
    SCRATCH comes from. Note [generated objects]."""
    return prepared(kernel, words, form, allocate, room)


class Seen(NamedTuple):
    """A launch that somebody watched: what ran on which tensors, and the result."""

    kernel: Kernel
    words: tuple[Word, ...]
    inputs: tuple[Tensor, ...]
    result: Tensor
    room: Room | None


# Tables of launches that a setting decides beside the forms.
_dependent: list[dict[Any, Any]] = []


def depends_on_settings(table: dict[Any, Any]) -> None:
    """Has a table emptied when a setting changes that launches depend on."""
    _dependent.append(table)


def forget_launches() -> None:
    """Empties the tables that depend on settings: what they hold was prepared for others."""
    for table in _dependent:
        table.clear()


class Watch(threading.local):
    """This thread's list of launches, while someone wants to learn what a call comes to."""

    log: list[Seen] | None = None


watch = Watch()


def noted(
    kernel: Kernel,
    words: Sequence[Word],
    inputs: Sequence[Tensor],
    result: Tensor,
    room: Room | None = None,
) -> None:
    """Tells who watches of a launch. Its words and the forms decide it: no value was looked at."""
    if watch.log is not None:
        watch.log.append(Seen(kernel, tuple(words), tuple(inputs), result, room))


def learn_launch(
    run: Callable[[], Any], tensors: Sequence[Tensor]
) -> tuple[Any, Callable[..., Any] | None]:
    """What `run` returns, and its launcher if it was one launch on just these tensors."""
    before, watch.log = watch.log, []
    try:
        y = run()
        log = watch.log
    finally:
        watch.log = before
    if before is not None:
        before.extend(log)
    if len(log) != 1 or not isinstance(y, Tensor):
        return y, None
    one = log[0]
    # Operands may have been looked at in another shape: what a launch reads begins at an address.
    same = len(one.inputs) == len(tensors) and all(
        a.block is b.block and a.address == b.address
        for a, b in zip(one.inputs, tensors, strict=True)
    )
    fresh = y.block is one.result.block and y.address == y.block.address
    if not same or not fresh or not y.form.dense:
        return y, None
    return y, launcher(one.kernel, one.words, y.form, one.room)


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
