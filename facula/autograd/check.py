"""`gradcheck` and `gradgradcheck`: gradients against finite differences, in float64."""

from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.public import grad
from facula.meta.dtype import complex128, float64
from facula.op import registry
from facula.tensor import Tensor


def _listed(value: Any) -> list[Tensor]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _numerical(
    function: Callable[..., Any], inputs: Sequence[Any], which: int, output: int, eps: float
) -> list[list[float]]:
    """d output[j] / d input[i] by central differences: one row an input element."""
    x = inputs[which].data  # a version counter of its own: outputs already computed stay usable
    flat = x.view(-1) if x.form.contiguous else None
    if flat is None:
        raise ValueError("gradcheck: inputs must be contiguous")
    rows = []
    for k in range(flat.form.numel):
        kept = flat[k].item()
        flat[k] = kept + eps
        up = _listed(function(*inputs))[output].detach().reshape(-1).tolist()
        flat[k] = kept - eps
        down = _listed(function(*inputs))[output].detach().reshape(-1).tolist()
        flat[k] = kept
        rows.append([(a - b) / (2 * eps) for a, b in zip(up, down, strict=True)])
    return rows


def _in_reals(
    function: Callable[..., Any], args: Sequence[Any]
) -> tuple[Callable[..., Any], list[Any]]:
    """A function of complex tensors as one of pairs of reals: torch's gradients are those of the
    pairs, so that checking these checks the convention as well."""
    to_reals, to_complex = registry["view_as_real"].function, registry["view_as_complex"].function
    places = [k for k, a in enumerate(args) if isinstance(a, Tensor) and a.form.dtype.is_complex]

    def in_reals(*given: Any) -> Any:
        values = list(given)
        for k in places:
            values[k] = to_complex(values[k])
        made = _listed(function(*values))
        return tuple([to_reals(y.resolve_conj()) if y.is_complex() else y for y in made])

    reals = list(args)
    for k in places:
        pairs = to_reals(args[k].detach().clone().contiguous())
        reals[k] = pairs.detach().requires_grad_(args[k].needs_grad)
    return in_reals, reals


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """True if the gradients of func at inputs (float64 or complex128) agree with finite
    differences.

    >>> import facula as torch
    >>> x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(lambda x: x * x, (x,))
    True
    """
    args = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    checked = [k for k, a in enumerate(args) if isinstance(a, Tensor) and a.needs_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them "
            "have requires_grad=True."
        )
    for k in checked:
        if args[k].form.dtype not in (float64, complex128):
            raise ValueError(
                f"gradcheck: input {k} must be float64 or complex128, got {args[k].dtype}"
            )
    func, args = _in_reals(func, args)
    outputs = _listed(func(*args))
    for number, y in enumerate(outputs):
        if not y.needs_grad:
            continue
        count = y.form.numel
        analytical: list[list[list[float]]] = [[] for _ in checked]
        for j in range(count):
            seed = registry["zeros"].function(count, dtype=float64)
            seed[j] = 1.0
            found = grad(
                y,
                [args[k] for k in checked],
                seed.reshape(y.shape),
                retain_graph=True,
                allow_unused=True,
            )
            for slot, g, k in zip(analytical, found, checked, strict=True):
                slot.append([0.0] * args[k].form.numel if g is None else g.reshape(-1).tolist())
        for slot, k in zip(analytical, checked, strict=True):
            numerical = _numerical(func, args, k, number, eps)
            for i, row in enumerate(numerical):
                for j, expected in enumerate(row):
                    got = slot[j][i]
                    if not abs(got - expected) <= atol + rtol * abs(expected):
                        if raise_exception:
                            raise GradcheckError(
                                f"Jacobian mismatch for output {number} with respect to input {k}, "
                                f"at element ({i}, {j}):\nnumerical:{expected}\nanalytical:{got}"
                            )
                        return False
    return True


class GradcheckError(RuntimeError):
    """Raised when gradients and finite differences disagree."""


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3
) -> bool:
    """True if the gradients of the gradients agree with finite differences."""
    args = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    func, args = _in_reals(func, args)
    wanted = [a for a in args if isinstance(a, Tensor) and a.needs_grad]
    outputs = _listed(func(*args))
    # Seeds that differ from element to element, so that no error hides behind a symmetry.
    count_up = registry["arange"].function
    seeds = [
        (count_up(y.form.numel, dtype=float64) * 0.37 + 0.5).reshape(y.shape).requires_grad_()
        for y in outputs
    ]

    def first_order(*given: Any) -> Any:
        values, weights = given[: len(args)], given[len(args) :]
        again = _listed(func(*values))
        needed = [a for a in values if isinstance(a, Tensor) and a.needs_grad]
        found = grad(again, needed, list(weights), create_graph=True, allow_unused=True)
        return tuple([f for f in found if f is not None and f.needs_grad])

    del wanted
    return gradcheck(first_order, [*args, *seeds], eps, atol, rtol)
