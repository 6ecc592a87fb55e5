"""Functions that programs for compilers use in the place of Python's: `sym_max`, `cond`, ....

Here there is nothing symbolic: numbers are numbers, and loops and branches are taken as they come.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from facula.tensor import Tensor

__all__ = [
    "cond", "sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sqrt",
    "sym_sum", "while_loop",
]  # fmt: skip

Number = int | float


def sym_float(a: Any) -> float:
    """A number as a float.

    >>> import facula as torch
    >>> torch.sym_float(2)
    2.0
    """
    return float(a)


def sym_int(a: Any) -> int:
    """A number as an int, cut off towards 0.

    >>> import facula as torch
    >>> torch.sym_int(-2.7)
    -2
    """
    return math.trunc(a)


def sym_not(a: Any) -> bool:
    """The opposite of a truth.

    >>> import facula as torch
    >>> torch.sym_not(True)
    False
    """
    return not a


def sym_max(a: Number, b: Number) -> Number:
    """The larger number, a float if either is one.

    >>> import facula as torch
    >>> torch.sym_max(2, 1.5)
    2.0
    """
    return _of_one_kind(max(a, b), a, b)


def sym_min(a: Number, b: Number) -> Number:
    """The smaller number, a float if either is one.

    >>> import facula as torch
    >>> torch.sym_min(1, 2)
    1
    """
    return _of_one_kind(min(a, b), a, b)


def _of_one_kind(value: Number, a: Number, b: Number) -> Number:
    return float(value) if isinstance(a, float) or isinstance(b, float) else value


def sym_sqrt(a: Number) -> float:
    """The square root.

    >>> import facula as torch
    >>> torch.sym_sqrt(9)
    3.0
    """
    return math.sqrt(a)


def sym_sum(args: Sequence[Number]) -> Number:
    """The sum of numbers.

    >>> import facula as torch
    >>> torch.sym_sum([1, 2, 3])
    6
    """
    return sum(args)


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """`t` if `b` holds, else `f`.

    >>> import facula as torch
    >>> torch.sym_ite(False, 1, 2)
    2
    """
    return t if b else f


def cond(
    pred: bool | int | float | Tensor,
    true_fn: Callable[..., Any],
    false_fn: Callable[..., Any],
    operands: Sequence[Any] = (),
) -> Any:
    """What one of two functions makes of `operands`: the first if `pred` holds.

    `pred` is a truth or a tensor of one element, else RuntimeError; only the chosen one is called.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, -2.0])
    >>> torch.cond(x.sum() > 0, torch.sin, torch.abs, (x,))
    tensor([1., 2.])
    """
    if not isinstance(pred, (bool, int, float, Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    if not isinstance(operands, (tuple, list)):
        raise RuntimeError(
            "Expect operands to be a tuple of possibly nested dict/list/tuple that only consists "
            f"of tensor leaves, but got {operands}."
        )
    return (true_fn if pred else false_fn)(*operands)


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> Any:
    """What `carried_inputs` become when `body_fn` replaces them as long as `cond_fn` holds.

    >>> import facula as torch
    >>> torch.while_loop(lambda n: n < 10, lambda n: (n * 2,), (torch.tensor(3),))
    (tensor(12),)
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    state: Any = tuple(carried_inputs)
    while cond_fn(*state):
        found = body_fn(*state)
        state = tuple(found) if isinstance(found, (tuple, list)) else (found,)
    return state
