"""Products on tensors: launches the plans of `kernel/library/matmul.py`. No graph here."""

import warnings
from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.dispatch import (
    RESULT,
    SCRATCH,
    TENSOR,
    compile_pointwise,
    copy_of,
    forget_launches,
    launcher,
    no_work,
    noted,
    register_kind,
    remember,
)
from facula.form import Form, form_of
from facula.kernel import expr
from facula.kernel.expr import linearise
from facula.kernel.library.matmul import PARTS, matmul_plan
from facula.tensor import Tensor, allocate, wrap


class ProductLaunch:
    """Prepared product: a launcher of the operands, or of the operands and a bias."""

    __slots__ = ("form", "kernel", "launch", "room", "words")

    def __init__(
        self, kernel: Kernel, numbers: tuple[int, ...], form: Form, scratch: int, biased: bool
    ) -> None:
        self.kernel = kernel
        self.form = form
        self.room = machine.room(scratch) if scratch else None
        place = SCRATCH if scratch else 0
        self.words = (RESULT, TENSOR, TENSOR, TENSOR if biased else 0, place, *numbers)
        self.launch = launcher(kernel, self.words, form, self.room)

    def run(self, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
        """The product of two tensors of the forms this was prepared for."""
        operands = (a, b) if bias is None else (a, b, bias)
        y: Tensor = self.launch(*operands)
        noted(self.kernel, self.words, operands, y, self.room)
        return y


_products: dict[Any, ProductLaunch] = {}
_precision = "highest"


def get_float32_matmul_precision() -> str:
    """What float32 products may be made of: "highest", "high" or "medium".

    >>> import facula as torch
    >>> torch.get_float32_matmul_precision()
    'highest'
    """
    return _precision


def set_float32_matmul_precision(precision: str) -> None:
    """Allows products of float32 matrices to round their operands on the way to float32 sums.

    "highest" uses every bit; "high" makes each number the sum of two bfloat16 numbers (16 bits),
    "medium" one bfloat16 number (8 bits). These are used where the processor has matrix tiles and
    both sides have more than a few rows; everywhere else products are exact to float32, as PyTorch
    permits. Storage stays float32. Note [matrix products].

    >>> import facula as torch
    >>> torch.set_float32_matmul_precision("high")
    >>> torch.get_float32_matmul_precision()
    'high'
    >>> torch.set_float32_matmul_precision("highest")
    """
    global _precision
    if not isinstance(precision, str):
        raise RuntimeError(
            f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}"
        )
    if precision not in PARTS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "set_float32_matmul_precision call has no effect.",
            stacklevel=2,
        )
        return
    if precision != _precision:
        _precision = precision
        # What was prepared was prepared for the other precision.
        _products.clear()
        forget_launches()


def prepare(
    a: Form, b: Form, bias: Form | None, transpose_a: bool, transpose_b: bool
) -> ProductLaunch:
    """Batches of one size or none; a is (.., m, k) or transposed, b (.., k, n) or transposed."""
    batch = a.shape[0] if a.ndim == 3 else 1
    m, k = a.shape[-2:]
    a_row, a_column = a.strides[-2:]
    b_row, b_column = b.strides[-2:]
    n = b.shape[-2] if transpose_b else b.shape[-1]
    if transpose_a:
        m, k = k, m
        a_row, a_column = a_column, a_row
    if transpose_b:
        b_row, b_column = b_column, b_row
    a_batch = a.strides[0] if a.ndim == 3 else 0
    b_batch = b.strides[0] if b.ndim == 3 else 0
    shape = (batch, m, n) if a.ndim == 3 else (m, n)
    form = form_of(a.dtype, shape)
    if not form.numel:
        return ProductLaunch(no_work, (), form, 0, bias is not None)
    launch = matmul_plan(
        machine.target, a.kind, (batch, m, n, k), (a_batch, a_row, a_column),
        (b_batch, b_row, b_column), (m * n, n), bias="" if bias is None else "n",
        precision=_precision,
    )  # fmt: skip
    kernel = machine.compile_plan(launch.plan)
    return ProductLaunch(kernel, launch.numbers, form, launch.scratch_bytes, bias is not None)


def product(
    a: Tensor,
    b: Tensor,
    bias: Tensor | None = None,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
) -> Tensor:
    """The product of matrices, or of two batches of matrices, plus a row of biases."""
    key = (a.form, b.form, None if bias is None else bias.form, transpose_a, transpose_b)
    launch = _products.get(key)
    if launch is None:
        if a.form.dtype.is_complex:
            y = complex_product(_turned(a, transpose_a), _turned(b, transpose_b))
            return y if bias is None else y + bias
        if bias is not None and not a.form.dtype.is_floating_point:  # their kernel has no bias
            return product(a, b, transpose_a=transpose_a, transpose_b=transpose_b) + bias
        launch = remember(_products, key, prepare(*key))
    return launch.run(a, b, bias)


# --- complex products ----------------------------------------------------------------------------

_spread: dict[Form, tuple[Kernel, tuple[int, ...], Form]] = {}


def _turned(tensor: Tensor, turn: bool) -> Tensor:
    """The tensor with its last two dims exchanged, if so wanted."""
    if not turn:
        return tensor
    form = tensor.form
    order = [*range(form.ndim - 2), form.ndim - 1, form.ndim - 2]
    made = form_of(
        form.dtype, tuple([form.shape[d] for d in order]), tuple([form.strides[d] for d in order])
    )
    return wrap(tensor.block, tensor.address, made.with_lazy(form.lazy))


def _as_reals(tensor: Tensor, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    form = form_of(tensor.form.dtype.to_real(), shape, strides)
    return wrap(tensor.block, tensor.address, form)


def complex_product(a: Tensor, b: Tensor) -> Tensor:
    """One real product of twice the sizes: rows of `a` are read as re, im, re, im, and every row
    of `b` is followed by i times that row, so that the sums come out as re, im again. It has the
    four real products a complex one needs. Note [complex numbers]."""
    form = a.form
    if form.lazy or form.strides[-1] != 1:
        a = copy_of(a)
        form = a.form
    *lead, m, k = form.shape
    n = b.form.shape[-1]
    prepared = _spread.get(b.form)
    if prepared is None:
        prepared = remember(_spread, b.form, _prepare_spread(b.form))
    kernel, sizes, room = prepared
    rows = allocate(room)
    kernel(*sizes, b.address, rows.address, rows.address + n * room.itemsize)
    left = _as_reals(
        a, (*lead, m, 2 * k), (*[2 * s for s in form.strides[:-2]], 2 * form.strides[-2], 1)
    )
    right = _as_reals(rows, (*lead, 2 * k, 2 * n), (*[4 * k * n for _ in lead], 2 * n, 1))
    y = product(left, right)
    return wrap(y.block, y.address, form_of(form.dtype, (*lead, m, n)))


def _prepare_spread(form: Form) -> tuple[Kernel, tuple[int, ...], Form]:
    """The kernel that writes each row of a matrix, and i times that row below it."""
    *lead, k, n = form.shape
    room = form_of(form.dtype, (*lead, k, 2, n))
    target = form_of(form.dtype, form.shape, (*room.strides[:-2], 1))
    b = expr.input_(0, register_kind(form.kind))
    graph = linearise([b, expr.call("mul", 1j, b)])
    kernel, sizes = compile_pointwise(graph, [form], [target, target], (), form.shape)
    return kernel, sizes, room


def product_again(
    a: Tensor, b: Tensor, bias: Tensor | None = None, *, transpose_b: bool = False
) -> Tensor | None:
    """The product if operands of these forms have been multiplied before, so that nothing need be
    checked; else None."""
    key = (a.form, b.form, None if bias is None else bias.form, False, transpose_b)
    launch = _products.get(key)
    return None if launch is None else launch.run(a, b, bias)
