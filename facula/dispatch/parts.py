"""Functions of real tensors made functions of complex ones, part by part.

For operations whose kernels know real numbers only. Gradients fall out of the parts'.
"""

from collections.abc import Callable

from facula.dispatch.layout import dtype_word
from facula.op import registry
from facula.tensor import Tensor


def refuse_complex(x: Tensor, text: str, error: type[Exception] = NotImplementedError) -> None:
    """Raises torch's error where an operation has no meaning for complex numbers; {} in its text is
    the dtype's older name."""
    if x.form.dtype.is_complex:
        raise error(text.format(dtype_word(x.form.dtype)))


def one_complex_dtype(*operands: Tensor | None) -> bool:
    """Whether all tensors are of one complex dtype."""
    kinds = {one.form.dtype for one in operands if one is not None}
    return len(kinds) == 1 and kinds.pop().is_complex


def parts_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts, contiguous."""
    real, imag = (registry[name].function(x) for name in ("real", "imag"))
    return real.contiguous(), imag.contiguous()


def linear_in_parts(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A linear function with real weights, of complex numbers."""
    made: Tensor = registry["complex"].function(*[run(part) for part in parts_of(x)])
    return made


def bilinear_in_parts(
    run: Callable[[Tensor, Tensor, Tensor | None], Tensor],
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
) -> Tensor:
    """A product of input and weight, plus bias, of complex numbers: four of real ones."""
    x, w = parts_of(input), parts_of(weight)
    b, c = (None, None) if bias is None else parts_of(bias)
    real = run(x[0], w[0], b) - run(x[1], w[1], None)
    imag = run(x[0], w[1], c) + run(x[1], w[0], None)
    made: Tensor = registry["complex"].function(real, imag)
    return made
