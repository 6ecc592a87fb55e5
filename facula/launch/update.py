"""Multi-tensor updates: a scalar formula executed by one kernel call over any number of tensors.

`update(...)` traces a formula when it is first used with a dtype. What is called then reads only
forms and addresses; layouts are cached by forms, so a training step pays for a table of addresses
and one call.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from facula.backend.cpu import Kernel, machine
from facula.dispatch import copy_into
from facula.form import Form, form_of
from facula.kernel.expr import cast, input_, linearise, param
from facula.kernel.library.update import BLOCK
from facula.kernel.library.update import Update as UpdatePlan
from facula.kernel.program import PARTS, REGISTER_KIND
from facula.meta.shape import broadcast_shapes
from facula.tensor import Tensor, allocate

Row = tuple[Tensor, ...]
# Layouts beyond this many are dropped: only programs that make models in a loop get there.
LIMIT = 1000


class Layout:
    """What a launch needs to know of the forms of its rows."""

    __slots__ = ("_numbers", "address", "blocks", "elements", "kernel")

    def __init__(self, forms: Sequence[Form], kernel: Kernel) -> None:
        begins = [0]
        # Complex numbers are updated part by part, as torch does it.
        counts = [form.numel * (2 if form.kind in PARTS else 1) for form in forms]
        for count in counts:
            begins.append(begins[-1] + -(-count // BLOCK))
        self._numbers = array("q", [*begins, *counts])
        self.address = self._numbers.buffer_info()[0]
        self.blocks = begins[-1]
        self.elements = sum(counts)
        self.kernel = kernel


class Update:
    """A formula bound to the roles of its tensors; call it with rows of tensors and the scalars."""

    __slots__ = ("_kernels", "_layouts", "_writes", "formula", "name", "scalars", "tensors")

    def __init__(
        self,
        name: str,
        formula: Callable[..., tuple[Any, ...]],
        tensors: Sequence[str],
        writes: Sequence[str],
        scalars: Sequence[str],
    ) -> None:
        self.name = name
        self.formula = formula
        self.tensors = tuple(tensors)
        self.scalars = tuple(scalars)
        self._writes = tuple(self.tensors.index(role) for role in writes)
        self._kernels: dict[str, Kernel] = {}
        self._layouts: dict[tuple[Form, ...], Layout] = {}

    def __repr__(self) -> str:
        return f"<update {self.name} of {', '.join(self.tensors)}>"

    def __call__(self, rows: Sequence[Row], *scalars: float) -> None:
        """Writes the formula's results for each row, in place; autograd does not see it."""
        if not rows:
            return
        columns = tuple(zip(*rows))
        forms = [tensor.form for tensor in columns[0]]
        for column in columns[1:]:
            if [tensor.form for tensor in column] != forms:
                self._general(rows, scalars)
                return
        layout = self._layouts.get(tuple(forms))
        if layout is None:
            if not all(form.dense and form.dtype is forms[0].dtype for form in forms):
                self._general(rows, scalars)
                return
            layout = self._layout(forms)
        self._launch(layout, columns, scalars)

    def bound(self, rows: Sequence[Row]) -> Callable[..., None]:
        """A function of the scalars that updates these rows again and again.

        The tensors must be dense, of one form a row, and must keep their memory.
        """
        columns = tuple(zip(*rows))
        layout = self._layout([tensor.form for tensor in columns[0]])
        table = array("q", [tensor.address for column in columns for tensor in column])
        kernel = layout.kernel
        start = (layout.address, table.buffer_info()[0], len(rows), layout.blocks, layout.elements)
        storages = [tensor.block for k in self._writes for tensor in columns[k]]

        def run(*scalars: float, keep: tuple[object, ...] = (layout, table, columns)) -> None:
            kernel(*start, *scalars)
            for storage in storages:
                storage.version += 1

        return run

    def _launch(self, layout: Layout, columns: Sequence[Row], scalars: tuple[float, ...]) -> None:
        if layout.elements == 0:
            return
        table = array("q", [tensor.address for column in columns for tensor in column])
        layout.kernel(
            layout.address,
            table.buffer_info()[0],
            len(columns[0]),
            layout.blocks,
            layout.elements,
            *scalars,
        )
        for k in self._writes:
            for tensor in columns[k]:
                tensor.block.version += 1

    def _layout(self, forms: list[Form]) -> Layout:
        if len(self._layouts) > LIMIT:
            self._layouts.clear()
        kind = forms[0].kind
        kernel = self._kernel(PARTS.get(kind, kind))
        layout = self._layouts[tuple(forms)] = Layout(forms, kernel)
        return layout

    def _kernel(self, kind: str) -> Kernel:
        kernel = self._kernels.get(kind)
        if kernel is None:
            kernel = self._kernels[kind] = machine.compile_plan(self.plan(kind))
        return kernel

    def plan(self, kind: str) -> UpdatePlan:
        """The formula traced for tensors of a kind, such as "f32"."""
        register = REGISTER_KIND.get(kind, kind)
        inputs = [input_(k, register) for k in range(len(self.tensors))]
        params = [param(k, register) for k in range(len(self.scalars))]
        outputs = [cast(output, register) for output in self.formula(*inputs, *params)]
        return UpdatePlan(kind, len(inputs), self._writes, len(params), linearise(outputs))

    def _general(self, rows: Iterable[Row], scalars: tuple[float, ...]) -> None:
        """Rows of several dtypes, and rows whose tensors differ in strides or have gaps."""
        parts: dict[str, list[Row]] = {}
        copied: list[tuple[Tensor, Tensor]] = []
        for row in rows:
            form = row[0].form
            self._check(row)
            if not (form.dense and all(tensor.form is form for tensor in row)):
                copies = tuple(_contiguous_copy(tensor) for tensor in row)
                copied += [(row[k], copies[k]) for k in self._writes]
                row = copies
            parts.setdefault(form.kind, []).append(row)
        for part in parts.values():
            columns = tuple(zip(*part))
            layout = self._layout([tensor.form for tensor in columns[0]])
            self._launch(layout, columns, scalars)
        for original, copy in copied:
            copy_into(original, copy)
            original.block.version += 1

    def _check(self, row: Row) -> None:
        form = row[0].form
        for role, tensor in zip(self.tensors, row):
            if tensor.form.shape != form.shape:
                broadcast_shapes(tensor.form.shape, form.shape)  # torch's text if it can
                raise RuntimeError(
                    f"{self.name}: {self.tensors[0]} has shape {list(form.shape)}, "
                    f"but {role} has shape {list(tensor.form.shape)}"
                )
            if tensor.form.dtype is not form.dtype:
                raise RuntimeError(
                    f"{self.name}: {self.tensors[0]} has dtype {form.dtype}, "
                    f"but {role} has dtype {tensor.form.dtype}"
                )


def _contiguous_copy(tensor: Tensor) -> Tensor:
    copy = allocate(form_of(tensor.form.dtype, tensor.form.shape))
    copy_into(copy, tensor)
    return copy


def update(
    name: str,
    formula: Callable[..., tuple[Any, ...]],
    tensors: Sequence[str],
    *,
    writes: Sequence[str],
    scalars: Sequence[str] = (),
) -> Update:
    """The update `formula(*tensors, *scalars)`, which gives new values for the tensors in `writes`.

    Scalars are computed with in double precision until the kernel takes them over in its own.

    >>> from facula import ops
    >>> formula = lambda y, x, a: (y + a * x,)
    >>> axpy = update("axpy", formula, ("y", "x"), writes=("y",), scalars=("a",))
    >>> y = ops.ones(2)
    >>> axpy([(y, ops.ones(2))], 0.5)
    >>> y
    tensor([1.5000, 1.5000])
    """
    return Update(name, formula, tensors, writes, scalars)
