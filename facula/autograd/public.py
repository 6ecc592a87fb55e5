"""`backward` and `grad`: checks the roots and their gradients, then runs the engine."""

from collections.abc import Sequence
from typing import Any

from facula.autograd import engine
from facula.dispatch import fill_launch
from facula.form import form_of
from facula.op import registry
from facula.tensor import Tensor, allocate


def _gradients(roots: Sequence[Tensor], given: Any) -> list[Tensor]:
    if given is None:
        listed: list[Any] = [None] * len(roots)
    else:
        listed = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(listed) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(listed)} gradients")
    made = []
    for root, gradient in zip(roots, listed, strict=True):
        if gradient is None:
            if not root.needs_grad:
                raise RuntimeError(
                    "element 0 of tensors does not require grad and does not have a grad_fn"
                )
            if root.form.numel != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            _check_real(root)
            made.append(_one(root))
            continue
        if not isinstance(gradient, Tensor):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
            )
        if gradient.form.shape != root.form.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] "
                f"has a shape of {root.shape}."
            )
        if gradient.form.dtype.is_complex != root.form.dtype.is_complex:
            raise RuntimeError(
                "For complex Tensors, both grad_output and output are required to have the same "
                f"dtype. Mismatch in dtype: grad_output[0] has a dtype of {gradient.dtype} and "
                f"output[0] has a dtype of {root.dtype}."
            )
        made.append(gradient.rename(None) if gradient.has_names() else gradient)
    for k, root in enumerate(roots):
        if not root.needs_grad:
            raise RuntimeError(
                f"element {k} of tensors does not require grad and does not have a grad_fn"
            )
    return made


def _check_real(root: Tensor) -> None:
    """Of a complex number nobody knows which direction is up."""
    if root.form.dtype.is_complex:
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got {root.form.dtype}"
        )


def _one(root: Tensor) -> Tensor:
    """The gradient of a root of one element with respect to itself."""
    form = root.form.plain
    one = allocate(form if form.dense else form_of(form.dtype, form.shape))
    fill_launch(one, 1.0)
    return one


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Adds the gradients of `tensors` to `.grad` of the leaves (or of `inputs`).

    >>> import facula as torch
    >>> x = torch.tensor([2.0], requires_grad=True)
    >>> torch.autograd.backward(x * x)
    >>> x.grad
    tensor([4.])
    """
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    wanted = [inputs] if isinstance(inputs, Tensor) else inputs
    if wanted is not None and len(wanted) == 0:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    engine.run(
        roots,
        _gradients(roots, grad_tensors),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        inputs=wanted,
    )


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`.

    >>> import facula as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x**3, x)
    (tensor(27.),)
    """
    roots = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    for one in wanted:
        if not one.needs_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = engine.run(
        roots,
        _gradients(roots, grad_outputs),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        inputs=wanted,
        accumulate=False,
    )
    if materialize_grads:
        zeros = registry["zeros_like"].function
        return tuple([zeros(w) if f is None else f for w, f in zip(wanted, found, strict=True)])
    for place, gradient in enumerate(found):
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {place} appears to not have been used in the "
                "graph. Set allow_unused=True if this is the desired behavior."
            )
    return tuple(found)


def tensor_backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradients of this tensor to `.grad` of the leaves it was computed from.

    `gradient` (shape of the tensor) weighs its elements; without it the tensor must be of one
    element. `retain_graph` keeps the graph for another call, `create_graph` records the gradients'
    own computation; `inputs` are the only leaves, if given. Raises RuntimeError for a tensor that
    requires no gradient, a missing or misshapen `gradient`, and a graph used already.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).backward(torch.tensor([1.0, 10.0]))
    >>> x.grad
    tensor([ 2., 40.])
    """
    if gradient is None and inputs is None and self.needs_grad and self.form.numel == 1:
        _check_real(self)
        keep = create_graph if retain_graph is None else retain_graph
        engine.run((self,), (_one(self),), retain_graph=keep, create_graph=create_graph)
        return
    backward(self, gradient, retain_graph, create_graph, inputs)
