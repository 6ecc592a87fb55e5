"""Products on tensors: launches the plans of `kernel/library/matmul.py`. No graph here."""

from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.dispatch import remember
from facula.form import Form, form_of
from facula.kernel.library.matmul import matmul_plan
from facula.storage import memory
from facula.tensor import Tensor, allocate


class ProductLaunch:
    """Prepared product: kernel, numbers after the addresses, result form, scratch a worker."""

    __slots__ = ("kernel", "numbers", "form", "scratch")

    def __init__(self, kernel: Kernel, numbers: tuple[int, ...], form: Form, scratch: int) -> None:
        self.kernel = kernel
        self.numbers = numbers
        self.form = form
        self.scratch = scratch


_products: dict[Any, ProductLaunch] = {}


def prepare(
    a: Form, b: Form, bias: Form | None, transpose_b: bool, activation: str
) -> ProductLaunch:
    """a (.., m, k) times b (.., k, n), or b (.., n, k) transposed; batches of one size or none."""
    batch = a.shape[0] if a.ndim == 3 else 1
    m, k = a.shape[-2:]
    b_row, b_column = b.strides[-2:]
    if transpose_b:
        b_row, b_column = b_column, b_row
    n = b.shape[-2] if transpose_b else b.shape[-1]
    a_batch = a.strides[0] if a.ndim == 3 else 0
    b_batch = b.strides[0] if b.ndim == 3 else 0
    shape = (batch, m, n) if a.ndim == 3 else (m, n)
    form = form_of(a.dtype, shape)
    m_stride, k_stride = a.strides[-2:]
    launch = matmul_plan(
        machine.target, a.kind, (batch, m, n, k), (a_batch, m_stride, k_stride),
        (b_batch, b_row, b_column), (m * n, n), bias="" if bias is None else "n",
        activation=activation,
    )  # fmt: skip
    return ProductLaunch(
        machine.compile_plan(launch.plan), launch.numbers, form, launch.scratch_bytes
    )


def product(
    a: Tensor,
    b: Tensor,
    bias: Tensor | None = None,
    *,
    transpose_b: bool = False,
    activation: str = "",
) -> Tensor:
    """The product of matrices, or of two batches of matrices, plus a row of biases."""
    key = (a.form, b.form, None if bias is None else bias.form, transpose_b, activation)
    launch = _products.get(key)
    if launch is None:
        launch = remember(_products, key, prepare(*key))
    y = allocate(launch.form)
    if launch.form.numel == 0:
        return y
    start = 0 if bias is None else bias.address
    if not launch.scratch:
        launch.kernel(y.address, a.address, b.address, start, 0, *launch.numbers)
        return y
    room = launch.scratch * machine.workers
    scratch = memory.acquire(room)
    try:
        launch.kernel(y.address, a.address, b.address, start, scratch, *launch.numbers)
    finally:
        memory.pool(room).append(scratch)
    return y
