"""Lowering of `Scan`: running states along one loop of an array. Note [reductions]."""

from facula.kernel.lower import emit, emit_any, product, units_of_state, weight, widest
from facula.kernel.plan import Scan, lowering
from facula.kernel.program import KIND_BITS, Builder, Program, Value, program
from facula.kernel.target import Target


@lowering(Scan)
def lower_scan(plan: Scan, target: Target) -> Program:
    """Units: lines, or blocks of neighbouring ones, a lane each. Positions are taken in
    order, and states are carried in registers."""
    names = [f"x{k}" for k in range(len(plan.inputs))]
    outs = [f"y{k}" for k in range(len(plan.outputs))]
    kinds = dict(zip([*names, *outs], [*plan.inputs, *plan.outputs], strict=True))
    cost = weight(plan.map) + weight(plan.combine) + weight(plan.finish)
    size = widest([*plan.inputs, *plan.outputs])
    lanes = target.lanes(size) if plan.across else 1
    # Vectors of a block: half of the registers hold states.
    wide = max(1, sum([KIND_BITS[kind] for kind, _ in plan.unit]) // (8 * size))
    many = max(1, target.registers // 2 // wide) if plan.across else 1
    width = lanes * many
    last = plan.kept - 1

    def units(b: Builder) -> tuple[Value, Value]:
        n = b.parameters["n"]
        if not plan.across:
            return product(b, [f"k{d}" for d in range(plan.kept)]), n * cost // 8 + 10
        blocks = (b.parameters[f"k{last}"] + (width - 1)) // width
        outer = product(b, [f"k{d}" for d in range(last)])
        return outer * blocks, n * many * cost * wide // 8 + 10

    def located(b: Builder, index: Value, loops: int) -> dict[str, Value]:
        """Where a line of the first `loops` kept loops begins in each operand."""
        pointers = {name: b.pointer(b.parameters[name]) for name in kinds}
        for d in range(loops - 1, -1, -1):
            size = b.parameters[f"k{d}"]
            turn, index = (index, index) if d == 0 else (index % size, index // size)
            for name, kind in kinds.items():
                step = turn * b.parameters[f"{name}_k{d}"]
                pointers[name] = b.offset(pointers[name], step, kind)
        return pointers

    def scanned(
        b: Builder, lines: list[dict[str, Value]], lanes: int, mask: Value | None = None
    ) -> None:
        """Lines, or vectors of lines, from their first position to their last, side by side."""
        states = units_of_state(b, plan.unit, lanes)
        with b.loop(0, b.parameters["n"], carry=states * len(lines)) as loop:
            following: list[Value] = []
            position = b.splat(loop.index, lanes)
            for k, line in enumerate(lines):
                values = [
                    b.load_any(line[x], loop.index * b.parameters[f"{x}_n"], kinds[x], lanes, mask)
                    for x in names
                ]
                mapped = emit_any(b, plan.map, [*values, position], ())
                new = [one for one in mapped if isinstance(one, Value)]
                old = loop.carried[k * len(states) : (k + 1) * len(states)]
                state = emit(b, plan.combine, [*old, *new], ())
                for y, value in zip(outs, emit_any(b, plan.finish, state, ()), strict=True):
                    place = loop.index * b.parameters[f"{y}_n"]
                    b.store_any(line[y], place, value, kinds[y], mask)
                following += state
            loop.next(*following)

    def beside(b: Builder, line: dict[str, Value], column: Value) -> dict[str, Value]:
        return {name: b.offset(pointer, column, kinds[name]) for name, pointer in line.items()}

    def block(b: Builder, unit: Value) -> None:
        length = b.parameters[f"k{last}"]
        blocks = (length + (width - 1)) // width
        line, column = located(b, unit // blocks, last), unit % blocks * width
        with b.when(b.compare("le", column + width, length)) as branch:
            scanned(b, [beside(b, line, column + k * lanes) for k in range(many)], lanes)
        with b.otherwise(branch), b.loop(column, length, lanes) as part:
            mask = b.mask(length - part.index, lanes)
            scanned(b, [beside(b, line, part.index)], lanes, mask)

    def line(b: Builder, unit: Value) -> None:
        scanned(b, [located(b, unit, plan.kept)], 1)

    def body(b: Builder) -> None:
        write = block if plan.across else line
        with b.loop(b.first, b.last) as loop:
            write(b, loop.index)

    return program("scan", plan.parameters, units, body)
