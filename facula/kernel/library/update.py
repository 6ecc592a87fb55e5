"""Updates: one formula over many sets of tensors in one call, as an optimizer's step needs it.

Row r of the problem is a set of equally long runs of elements, one run a tensor. The rows are laid
end to end and cut into blocks of a fixed size, so the work is shared evenly whatever the sizes of
the tensors. Note [optimizer steps].
"""

from dataclasses import dataclass

from facula.kernel.expr import Graph
from facula.kernel.lower import emit, graph_kinds, weight, widest
from facula.kernel.plan import Plan, lowering
from facula.kernel.program import REGISTER_KIND, Builder, Parameter, Program, Value, program
from facula.kernel.target import Target

BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Update(Plan):
    """For every row and element: the formula of the row's tensors is written to some of them.

    `layout` is the address of rows + 1 block numbers (where each row begins, and the end) and then
    of the rows' lengths; `table` that of the tensors' addresses, tensor by tensor, row by row.
    Output k of `graph` goes to tensor `writes[k]`.
    """

    kind: str
    tensors: int
    writes: tuple[int, ...]
    scalars: int
    graph: Graph

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            *map(Parameter, ("layout", "table", "rows", "blocks", "elements")),
            *(Parameter(f"p{k}", "f64") for k in range(self.scalars)),
        )

    def __str__(self) -> str:
        return f"update of {self.tensors} {self.kind} tensors, writes {self.writes}\n{self.graph}"


@lowering(Update)
def lower_update(plan: Update, target: Target) -> Program:
    """A unit is a block. Each run of units walks over all rows and takes its part of each."""
    kind = plan.kind
    register = REGISTER_KIND.get(kind, kind)
    lanes = target.lanes(widest([register, *graph_kinds(plan.graph)]))
    unroll = 2 if len(plan.graph.steps) <= 16 else 1

    def units(b: Builder) -> tuple[Value, Value]:
        blocks = b.parameters["blocks"]
        work = b.parameters["elements"] * weight(plan.graph) // 16
        return blocks, work // b.op("max", blocks, b.int(1))

    def body(b: Builder) -> None:
        rows = b.parameters["rows"]
        begins = b.pointer(b.parameters["layout"])
        lengths = b.offset(begins, rows + 1, "i64")
        addresses = b.pointer(b.parameters["table"])
        scalars = [
            b.splat(b.cast(b.parameters[f"p{k}"], register), lanes) for k in range(plan.scalars)
        ]
        with b.loop(0, rows) as loop:
            row = loop.index
            begin = b.load(begins, row, "i64")
            start = (b.op("max", begin, b.first) - begin) * BLOCK
            end = b.op("min", b.load(begins, row + 1, "i64"), b.last) - begin
            stop = b.op("min", end * BLOCK, b.load(lengths, row, "i64"))
            pointers = [
                b.pointer(b.load(addresses, rows * k + row, "i64")) for k in range(plan.tensors)
            ]

            def step(i: Value, mask: Value | None, pointers: list[Value] = pointers) -> None:
                inputs = [b.load(pointer, i, kind, lanes, mask) for pointer in pointers]
                outputs = emit(b, plan.graph, inputs, scalars)
                for k, value in zip(plan.writes, outputs, strict=True):
                    b.store(pointers[k], i, value, kind, mask)

            stride = lanes * unroll
            whole = start + b.op("max", stop - start, 0) // stride * stride
            with b.loop(start, whole, stride) as inner:
                for u in range(unroll):
                    step(inner.index + u * lanes, None)
            with b.loop(whole, stop, lanes) as inner:
                step(inner.index, b.mask(stop - inner.index, lanes))

    return program("update", plan.parameters, units, body)
