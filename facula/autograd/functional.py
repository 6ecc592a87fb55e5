"""torch.autograd.functional: Jacobians, Hessians, and products of vectors with them.

A product with a Jacobian from the right (`jvp`, `hvp`) is the derivative of the product from the
left, which is linear in its vector: two backward passes (the "double backward trick", Townsend
2017). Names, shapes and errors are those of PyTorch 2.13.
"""

from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.mode import set_grad_enabled
from facula.autograd.public import grad
from facula.op import registry
from facula.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Tensors = Tensor | tuple[Tensor, ...]
Many = tuple[Tensor, ...]
STRATEGIES = ("forward-mode", "reverse-mode")

# --- arguments and results -----------------------------------------------------------------------


def _as_tuple(given: Any, what: str, name: str) -> tuple[Many, bool]:
    """The tensors of an argument or result, and whether they came as a tuple."""
    words = {"outputs": f"outputs of the user-provided function given to {name}"}.get(
        what, f"{what} given to {name}"
    )
    had = {"outputs": "given outputs of the user-provided function"}.get(what, f"given {what}")
    several = isinstance(given, tuple)
    for place, one in enumerate(given if several else (given,)):
        if not isinstance(one, Tensor):
            found = f"the value at index {place}" if several else f"the {had}"
            raise TypeError(
                f"The {words} must be either a Tensor or a tuple of Tensors but {found} has type "
                f"{type(one)}."
            )
    return (given, True) if several else ((given,), False)


def _like_given(results: Many, several: bool) -> Any:
    return results if several else results[0]


def _watched(inputs: Many, create_graph: bool) -> Many:
    """Inputs that require gradients: views of the given ones where a graph shall reach those."""
    made = []
    for one in inputs:
        if create_graph and one.requires_grad:
            made.append(one.view_as(one))
        else:
            made.append(one.detach().requires_grad_())
    return tuple(made)


def _finished(results: Sequence[Tensor], create_graph: bool) -> Many:
    return tuple(results) if create_graph else tuple([one.detach() for one in results])


def _vector(v: Any, like: Many, name: str, of: str) -> Many:
    """The vector of a product; a single number needs none."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {of} a single Tensor with a single element."
            )
        return (registry["ones_like"].function(like[0]).detach(),)
    vectors, several = _as_tuple(v, "v", name)
    if len(vectors) != len(like):
        if several and len(like) == 1:
            raise RuntimeError("The given v should contain a single Tensor.")
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
        )
    for place, (one, other) in enumerate(zip(vectors, like, strict=True)):
        if one.shape != other.shape:
            entry = f"Entry {place} in v" if several and len(like) > 1 else "v"
            raise RuntimeError(
                f"{entry} has invalid size: should be {other.shape} but got {one.shape}."
            )
    return vectors


def _single(outputs: Many, several: bool, name: str) -> Tensor:
    if several:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return outputs[0]


def _derived(
    outputs: Many, inputs: Many, vectors: Sequence[Tensor], create_graph: bool
) -> list[Tensor | None]:
    """vectors times the Jacobian; None where an output does not depend on an input."""
    pairs = [(y, v) for y, v in zip(outputs, vectors, strict=True) if y.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    found = grad(
        [y for y, _ in pairs], list(inputs), [v for _, v in pairs], create_graph=create_graph,
        retain_graph=True, allow_unused=True,
    )  # fmt: skip
    return list(found)


def _zeros(like: Tensor) -> Tensor:
    made: Tensor = registry["zeros_like"].function(like.detach())
    return made


def _filled(results: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    """Zeros for what does not depend."""
    return [_zeros(x) if y is None else y for y, x in zip(results, like, strict=True)]


# --- what strict mode refuses --------------------------------------------------------------------


def _need_gradients(outputs: Many) -> None:
    for place, one in enumerate(outputs):
        if not one.requires_grad:
            raise RuntimeError(
                f"Output {place} of the user-provided function does not require gradients. The "
                "outputs must be computed in a differentiable manner from the input when running "
                "in strict mode."
            )


def _need_dependence(results: Sequence[Tensor | None], output: str) -> None:
    for place, one in enumerate(results):
        if one is None:
            raise RuntimeError(
                f"{output} of the user-provided function is independent of input {place}. This is "
                "not allowed in strict mode."
            )


def _need_curvature(jacobian: Sequence[Tensor | None]) -> None:
    for place, one in enumerate(jacobian):
        if one is None or not one.requires_grad:
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the user-provided "
                f"function with respect to input {place} is independent of the input. This is not "
                "allowed in strict mode. You should ensure that your function is twice "
                "differentiable and that the jacobian depends on the inputs (this would be "
                "violated by a linear function for example)."
            )


def _need_graph(results: Sequence[Tensor]) -> None:
    for place, one in enumerate(results):
        if not one.requires_grad:
            raise RuntimeError(
                "The jacobian of the user-provided function is independent of input "
                f"{place}. This is not allowed in strict mode when create_graph=True."
            )


# --- products ------------------------------------------------------------------------------------


def vjp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs of `func`, and `v` times its Jacobian: one backward pass.

    `v` has the shapes of the outputs (None: a single number). With `strict` an output that does not
    depend on an input is a RuntimeError instead of zeros.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.vjp(lambda x: x**3, x, torch.ones(2))
    (tensor([1., 8.]), tensor([ 3., 12.]))
    """
    given, several = _as_tuple(inputs, "inputs", "vjp")
    with set_grad_enabled(True):
        watched = _watched(given, create_graph)
        outputs, many = _as_tuple(func(*watched), "outputs", "vjp")
        if strict:
            _need_gradients(outputs)
        vectors = _vector(v, outputs, "vjp", "the user-provided function returns")
        found = _derived(outputs, watched, vectors, create_graph)
        if strict:
            _need_dependence(found, "The output")
        results = _filled(found, watched)
        if strict and create_graph:
            _need_graph(results)
    return (
        _like_given(_finished(outputs, create_graph), many),
        _like_given(_finished(results, create_graph), several),
    )


def _transposed(
    linear: Sequence[Tensor | None], seeds: Many, vectors: Many, create_graph: bool
) -> list[Tensor | None]:
    """The derivative, along `vectors`, of a product that is linear in `seeds`."""
    known = [(y, v) for y, v in zip(linear, vectors, strict=True) if y is not None]
    if not known:
        return [None] * len(seeds)
    return _derived(tuple([y for y, _ in known]), seeds, [v for _, v in known], create_graph)


def _seeds(outputs: Many) -> Many:
    return tuple([_zeros(y).requires_grad_() for y in outputs])


def jvp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs of `func`, and its Jacobian times `v`: the derivative along `v`.

    `v` has the shapes of the inputs (None: a single number).

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.jvp(lambda x: x.sum() * x, x, torch.ones(2))
    (tensor([3., 6.]), tensor([5., 7.]))
    """
    given, _ = _as_tuple(inputs, "inputs", "jvp")
    with set_grad_enabled(True):
        watched = _watched(given, create_graph)
        vectors = _vector(v, watched, "jvp", "the input to the user-provided function is")
        outputs, many = _as_tuple(func(*watched), "outputs", "jvp")
        if strict:
            _need_gradients(outputs)
        seeds = _seeds(outputs)
        product = _derived(outputs, watched, seeds, True)
        if strict:
            _need_dependence(product, "The output")
        results = _filled(_transposed(product, seeds, vectors, create_graph), outputs)
        if strict and create_graph:
            _need_graph(results)
    return (
        _like_given(_finished(outputs, create_graph), many),
        _like_given(_finished(results, create_graph), many),
    )


def vhp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The number that `func` gives, and `v` times its Hessian.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), x, torch.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _second(func, inputs, v, create_graph, strict, "vhp")


def hvp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The number that `func` gives, and its Hessian times `v`.

    >>> import facula as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), x, torch.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _second(func, inputs, v, create_graph, strict, "hvp")


def _second(
    func: Function, inputs: Tensors, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[Any, Any]:
    """Products with a Hessian: from the left, or (hvp) from the right."""
    given, several = _as_tuple(inputs, "inputs", name)
    with set_grad_enabled(True):
        watched = _watched(given, create_graph)
        vectors = _vector(v, watched, name, "the input to the user-provided function is")
        outputs, many = _as_tuple(func(*watched), "outputs", name)
        y = _single(outputs, many, name)
        if strict:
            _need_gradients(outputs)
        slope = _derived((y,), watched, [registry["ones_like"].function(y.detach())], True)
        if strict:
            _need_dependence(slope, "The output")
            _need_curvature(slope)
        filled = tuple(_filled(slope, watched))
        if name == "vhp":
            found = _derived(filled, watched, vectors, create_graph)
        else:
            seeds = _seeds(filled)
            found = _transposed(
                _derived(filled, watched, seeds, True), seeds, vectors, create_graph
            )
        results = _filled(found, watched)
        if strict and create_graph:
            _need_graph(results)
    return (
        _finished((y,), create_graph)[0],
        _like_given(_finished(results, create_graph), several),
    )


# --- matrices ------------------------------------------------------------------------------------


def jacobian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All derivatives of the outputs of `func` by its inputs: shape (*output, *input).

    Several inputs give a tuple, several outputs a tuple of those. A backward pass is made for each
    element of the outputs; `vectorize` allows to make them together, and `strategy` to go forward,
    which gives the same numbers and is not done.

    >>> import facula as torch
    >>> torch.autograd.functional.jacobian(lambda x: x.sum() * x, torch.tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    _check_strategy(create_graph, strict, vectorize, strategy)
    given, several = _as_tuple(inputs, "inputs", "jacobian")
    with set_grad_enabled(True):
        watched = _watched(given, create_graph)
        outputs, many = _as_tuple(func(*watched), "outputs", "jacobian")
        if strict:
            _need_gradients(outputs)
        rows = [
            _rows(y, watched, create_graph, strict, f"Output {place}")
            for place, y in enumerate(outputs)
        ]
    made = tuple([_like_given(_finished(row, create_graph), several) for row in rows])
    return _like_given(made, many)


def _check_strategy(create_graph: bool, strict: bool, vectorize: bool, strategy: str) -> None:
    assert strategy in STRATEGIES, (
        'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function '
        'has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
        'prefer to use "reverse-mode".'
    )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                "torch.autograd.functional.jacobian: `create_graph=True` and "
                '`strategy="forward-mode"` are not supported together (yet). Please either set '
                '`create_graph=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
                "only implemented for `vectorize=True`."
            )
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
            "supported together. Please either set `strict=False` or `vectorize=False`."
        )


def _rows(y: Tensor, inputs: Many, create_graph: bool, strict: bool, name: str) -> list[Tensor]:
    """The derivatives of one output by each input."""
    rows: list[list[Tensor]] = [[] for _ in inputs]
    flat = y.reshape(-1)
    for place in range(y.numel()):
        one = flat[place]
        found = _derived(
            (one,), inputs, [registry["ones_like"].function(one.detach())], create_graph
        )
        if strict:
            _need_dependence(found, name)
            if create_graph:
                _need_graph([row for row in found if row is not None])
        for row, part in zip(rows, _filled(found, inputs), strict=True):
            row.append(part)
    made = []
    for x, row in zip(inputs, rows, strict=True):
        shape = (*y.shape, *x.shape)
        empty = registry["zeros"].function(shape, dtype=x.dtype)
        made.append(registry["stack"].function(row).view(shape) if row else empty)
    return made


def hessian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of the number that `func` gives: shape (*input, *input).

    Several inputs give a tuple of tuples.

    >>> import facula as torch
    >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    given, several = _as_tuple(inputs, "inputs", "hessian")
    assert outer_jacobian_strategy in STRATEGIES, (
        'Expected strategy to be either "forward-mode" or "reverse-mode".'
    )

    def slope(*x: Tensor) -> Many:
        outputs, many = _as_tuple(func(*x), "outputs", "hessian")
        y = _single(outputs, many, "hessian")
        if strict:
            _need_gradients(outputs)
        found = _derived((y,), x, [registry["ones_like"].function(y.detach())], True)
        if strict:
            _need_dependence(found, "Output 0")
            _need_curvature(found)
        return tuple(_filled(found, x))

    made = jacobian(slope, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return made if several else made[0][0]
