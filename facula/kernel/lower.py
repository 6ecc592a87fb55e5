"""Plans to programs: loops, vectors, masks and addresses for pointwise and reduce plans.

With `meta/geometry.py` the only place that does arithmetic with strides. Units never share an
accumulator, so a result does not depend on who computes which unit.
"""

from collections.abc import Sequence
from functools import reduce as fold
from typing import Any

from facula.kernel.decompose import DECOMPOSITIONS
from facula.kernel.expr import Graph, Repeat
from facula.kernel.plan import Plan, Pointwise, Reduce, lowering
from facula.kernel.program import (
    I64,
    REGISTER_KIND,
    STORED_BYTES,
    Builder,
    Loaded,
    Pair,
    Program,
    Type,
    Value,
    program,
)
from facula.kernel.special import WORDS
from facula.kernel.target import Target
from facula.kernel.word import Word

# Elements of a contiguous pointwise kernel that make one unit of work for the threads.
BLOCK = 4096
# How many f32 values a sum adds in f32, as a tree, before it goes on in f64: less than a quarter of
# the instructions, with errors below those of the result's own rounding. Note [reductions].
TREE = 8
# Native instructions under the name of the formula vocabulary.
NATIVE = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "div", "neg": "neg", "and": "and", "or": "or",
    "xor": "xor", "not": "not", "abs": "abs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil",
    "trunc": "trunc", "round": "rint", "copysign": "copysign", "fma": "fma", "maximum": "max",
    "minimum": "min",
}  # fmt: skip
FLOAT_ONLY = frozenset(("div", "sqrt", "floor", "ceil", "trunc", "round", "copysign", "fma"))
COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))
# Steps that take a complex number apart.
PART_OF = {"real": "real", "imag": "imag"}
KEEPS_INTEGERS = frozenset(("floor", "ceil", "trunc", "round"))


def emit_step(b: Builder, op: str, kind: str, args: list[Value]) -> Value:
    """Instructions for one step of an expression graph."""
    if op == "cast":
        return b.cast(args[0], kind)
    if op in WORDS:
        return emit_word(b, WORDS[op], args)
    if op == "where":
        return b.select(*args)
    if op in COMPARISONS:
        if args[0].type.kind == "i1" and op not in ("eq", "ne"):
            args = [b.cast(a, "u8") for a in args]
        return b.compare(op, *args)
    is_float = args[0].type.is_float
    if op in KEEPS_INTEGERS and not is_float:
        return args[0]
    if kind == "i1" and op in ("add", "maximum"):
        return b.op("or", *args)
    if kind == "i1" and op in ("mul", "minimum"):
        return b.op("and", *args)
    if kind == "i1" and op == "sub":
        return b.op("xor", *args)
    if op in NATIVE and (is_float or op not in FLOAT_ONLY):
        return b.op(NATIVE[op], *args)
    return DECOMPOSITIONS[op](b, *args)


def emit(b: Builder, graph: Graph, inputs: Sequence[Value], params: Sequence[Value]) -> list[Value]:
    """`emit_any` for graphs without complex inputs and results."""
    results = emit_any(b, graph, inputs, params)
    return [one for one in results if isinstance(one, Value)]


def emit_any(
    b: Builder, graph: Graph, inputs: Sequence[Loaded], params: Sequence[Value]
) -> list[Loaded]:
    """Instructions for a whole graph; constants and parameters are spread over the lanes."""
    lanes = max((v.type.lanes for v in inputs), default=1)

    def constant(literal: float, kind: str) -> Value:
        return b.const(Type(kind, lanes), literal)

    def apply(op: str, kind: str, args: list[Any]) -> Any:
        if op in PART_OF:
            part: Value = getattr(args[0], PART_OF[op])
            return part
        if op == "repeat":
            return emit_repeat(b, args[0], [b.splat(a, lanes) for a in args[1:]])
        wide = max(a.type.lanes for a in args)
        spread = [b.splat(a, wide) if a.type.lanes < wide else a for a in args]
        return Pair(*spread) if op == "pair" else emit_step(b, op, kind, spread)

    return [b.spread(v, lanes) for v in graph.run(inputs, params, constant, apply)]


def emit_word(b: Builder, word: Word, args: list[Value]) -> Value:
    """A word's own formula, in f64."""
    kind = args[0].type.kind
    return b.cast(emit(b, word.graph, [b.cast(a, "f64") for a in args], ())[0], kind)


def emit_repeat(b: Builder, repeat: Repeat, args: list[Value]) -> tuple[Value, ...]:
    """A loop that runs while one lane goes on; the others keep what they have. The lanes beyond
    the end of a row never go on."""
    count = len(repeat.step.outputs)
    state, fixed = args[:count], args[count:]

    def going(state: Sequence[Value]) -> Value:
        lanes = emit(b, repeat.going, [*state, *fixed], ())[0]
        known = b.active is not None and b.active.type.lanes == lanes.type.lanes
        return lanes & b.active if known and b.active is not None else lanes

    first = going(state)
    turns = b.select(b.any(first), b.int(repeat.limit), b.int(0))
    with b.loop(0, turns, carry=[*state, first]) as loop:
        *before, active = loop.carried
        after = emit(b, repeat.step, [*before, *fixed], ())
        chosen = [b.select(active, new, old) for new, old in zip(after, before, strict=True)]
        again = active & going(chosen)
        loop.next(*chosen, again, going=b.any(again))
    return loop.results[:count]


def graph_kinds(graph: Graph) -> set[str]:
    return {kind for _, kind, _, _ in graph.steps if kind != "i1"}


def widest(kinds: Sequence[str]) -> int:
    numbers = [REGISTER_KIND.get(k, k) for k in kinds if k not in ("i1", "bool")]
    return max((STORED_BYTES[k] for k in numbers), default=1)


def weight(graph: Graph) -> int:
    """Rough cost of one element, in sixteenths of a nanosecond."""
    total = 2
    for op, _, _, _ in graph.steps:
        if op not in ("input", "const", "param"):
            short = op in NATIVE or op in COMPARISONS or op in ("cast", "where")
            total += 1 if short else 100 if op in WORDS else 12
    return total


class Cursor:
    """An operand inside a nest of loops: its pointer so far, its step along the innermost loop."""

    def __init__(self, b: Builder, name: str, kind: str, inner: str, stride: Value | None) -> None:
        self.pointer = b.pointer(b.parameters[name])
        self.kind = kind
        self.inner = inner
        self.stride = stride

    def moved(self, b: Builder, pointer: Value) -> "Cursor":
        cursor = object.__new__(Cursor)
        cursor.pointer, cursor.kind = pointer, self.kind
        cursor.inner, cursor.stride = self.inner, self.stride
        return cursor

    def load(self, b: Builder, i: Value, lanes: int, mask: Value | None) -> Loaded:
        if self.inner == "0":
            return b.load_any(self.pointer, 0, self.kind)
        if self.inner == "1":
            return b.load_any(self.pointer, i, self.kind, lanes, mask)
        stride = b.int(-1) if self.inner == "r" else self.stride
        assert stride is not None
        if self.inner == "r" and mask is None:
            last = b.load_any(self.pointer, -i - (lanes - 1), self.kind, lanes)
            return b.turn_around(last)
        if lanes == 1:
            return b.load_any(self.pointer, i * stride, self.kind, 1, mask)
        places = (b.splat(i, lanes) + b.iota("i64", lanes)) * stride
        return b.gather_any(self.pointer, places, self.kind, mask)

    def store(self, b: Builder, i: Value, value: Loaded, mask: Value | None) -> None:
        if self.inner == "1":
            b.store_any(self.pointer, i, value, self.kind, mask)
            return
        assert self.stride is not None
        lanes = value.type.lanes
        if lanes == 1:
            b.store_any(self.pointer, i * self.stride, value, self.kind, mask)
            return
        places = (b.splat(i, lanes) + b.iota("i64", lanes)) * self.stride
        b.scatter_any(self.pointer, places, value, self.kind, mask)


# --- pointwise -----------------------------------------------------------------------------------


@lowering(Pointwise)
def lower_pointwise(plan: Pointwise, target: Target) -> Program:
    """A loop nest whose innermost loop runs in vectors, its end under a mask.

    Rank 1: a unit is a block of elements. Higher ranks: one turn of the outermost one or two loops.
    """
    kinds = [*plan.inputs, *plan.outputs, *graph_kinds(plan.graph)]
    lanes = target.lanes(widest(kinds))
    # Long bodies keep a machine busy by themselves; copies of them would only cost compile time.
    long = any(op in DECOMPOSITIONS or op in WORDS for op, _, _, _ in plan.graph.steps)
    steps = len(plan.graph.steps)
    unroll = 1 if long or steps > 12 else 2 if steps > 6 else 4
    cost = weight(plan.graph)
    rank = plan.rank
    outer = min(2, rank - 1)

    def units(b: Builder) -> tuple[Value, Value]:
        if rank == 1:
            n = b.parameters["d0"]
            return (n + (BLOCK - 1)) // BLOCK, b.op("min", n, b.int(BLOCK)) * cost // 16
        count = fold(lambda x, y: x * y, (b.parameters[f"d{d}"] for d in range(outer)))
        rest = fold(lambda x, y: x * y, (b.parameters[f"d{d}"] for d in range(outer, rank)))
        return count, rest * cost // 16 + 10

    def row(b: Builder, cursors: list[Cursor], first: Value, last: Value) -> None:
        """The innermost loop from element `first` to `last`."""
        params = [b.parameters[f"p{k}"] for k in range(len(plan.params))]
        ins, outs = cursors[: len(plan.inputs)], cursors[len(plan.inputs) :]
        fixed = [c.load(b, first, 1, None) if c.inner == "0" else None for c in ins]

        def step(i: Value, mask: Value | None) -> None:
            values = [
                b.spread(known, lanes) if known is not None else c.load(b, i, lanes, mask)
                for c, known in zip(ins, fixed, strict=True)
            ]
            if not values:
                values = [b.splat(b.int(0), lanes)]
            b.active = mask
            results = emit_any(b, plan.graph, values, params)
            b.active = None
            for c, value in zip(outs, results, strict=True):
                c.store(b, i, value, mask)

        stride = lanes * unroll
        whole = first + (last - first) // stride * stride
        with b.loop(first, whole, stride) as loop:
            for u in range(unroll):
                step(loop.index + u * lanes, None)
        with b.loop(whole, last, lanes) as loop:
            step(loop.index, b.mask(last - loop.index, lanes))

    def body(b: Builder) -> None:
        stored = (*plan.inputs, *plan.outputs)
        cursors = [
            Cursor(b, name, kind, inner, b.parameters.get(f"{name}_s{rank - 1}"))
            for name, kind, inner in zip(plan.names, stored, plan.inner, strict=True)
        ]
        if rank == 1:
            n = b.parameters["d0"]
            row(b, cursors, b.first * BLOCK, b.op("min", b.last * BLOCK, n))
            return

        def nest(depth: int, cursors: list[Cursor]) -> None:
            if depth == rank - 1:
                row(b, cursors, b.int(0), b.parameters[f"d{depth}"])
                return
            with b.loop(0, b.parameters[f"d{depth}"]) as loop:
                nest(depth + 1, advance(depth, loop.index, cursors))

        def advance(depth: int, index: Value, cursors: list[Cursor]) -> list[Cursor]:
            return [
                c.moved(b, b.offset(c.pointer, index * b.parameters[f"{name}_s{depth}"], c.kind))
                for name, c in zip(plan.names, cursors, strict=True)
            ]

        with b.loop(b.first, b.last) as loop:
            if outer == 1:
                moved = advance(0, loop.index, cursors)
            else:
                d1 = b.parameters["d1"]
                moved = advance(0, loop.index // d1, cursors)
                moved = advance(1, loop.index % d1, moved)
            nest(outer, moved)

    return program("pointwise", plan.parameters, units, body)


# --- reduce --------------------------------------------------------------------------------------


def units_of_state(b: Builder, unit: Sequence[tuple[str, float]], lanes: int) -> list[Value]:
    return [b.const(Type(kind, lanes), literal) for kind, literal in unit]


def product(b: Builder, names: Sequence[str]) -> Value:
    return fold(lambda x, y: x * y, (b.parameters[n] for n in names), b.int(1))


def _narrow_sum(plan: Reduce) -> Graph | None:
    """What a sum of f32 values kept as f64 adds up, before it is widened; None for others."""
    if not plan.narrow or [kind for kind, _ in plan.unit] != ["f64"] or plan.uses_position:
        return None
    if [step[0] for step in plan.combine.steps] != ["input", "input", "add"]:
        return None
    op, _, args, _ = plan.map.steps[plan.map.outputs[0]]
    if op != "cast" or plan.map.steps[args[0]][1] != "f32":
        return None
    return Graph(plan.map.steps[: plan.map.outputs[0]], args)


def _tree(vectors: list[Value]) -> Value:
    while len(vectors) > 1:
        vectors = [a + b for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
    return vectors[0]


def _wide_zeros(b: Builder, lanes: int) -> list[Value]:
    return [b.const(Type("f64", max(1, lanes // 2)), 0)] * 2


def _widened(b: Builder, states: Sequence[Value], vector: Value) -> list[Value]:
    """The two states after the lanes of an f32 vector, half of them each."""
    return [s + b.cast(half, "f64") for s, half in zip(states, b.halves(vector), strict=True)]


def _joined(b: Builder, halves: Sequence[Value]) -> Value:
    low, high = halves
    return b.shuffle(low, range(2 * low.type.lanes), high)


@lowering(Reduce)
def lower_reduce(plan: Reduce, target: Target) -> Program:
    """Along reduced: a unit is one output, lanes hold partial states of neighbouring positions,
    halved at the end. Along kept: a unit is a block of neighbouring outputs, one a lane; the
    reduced loops run outside.
    """
    state_kinds = [kind for kind, _ in plan.unit]
    narrow = _narrow_sum(plan)
    kinds = [*state_kinds, *graph_kinds(plan.map), *plan.inputs]
    if narrow is not None:
        kinds = ["f32", *graph_kinds(narrow), *plan.inputs]
    lanes = target.lanes(widest(kinds))
    unroll = 4 if len(plan.unit) == 1 and len(plan.map.steps) < 8 else 2
    along_kept = plan.along == "kept"
    width = lanes * unroll
    cost = weight(plan.map) + weight(plan.combine)
    outer_kept = plan.kept - 1 if along_kept else plan.kept

    def pieces(b: Builder) -> Value:
        """Chunks along the split loop."""
        split = b.parameters["r0" if along_kept else f"r{plan.reduced - 1}"]
        chunk = b.parameters["chunk"]
        return (split + chunk - 1) // chunk

    def units(b: Builder) -> tuple[Value, Value]:
        count = product(b, [f"k{d}" for d in range(outer_kept)])
        each = product(b, [f"r{d}" for d in range(plan.reduced)])
        if along_kept:
            last = b.parameters[f"k{plan.kept - 1}"]
            count = count * ((last + width - 1) // width)
            each = each * b.op("min", last, b.int(width))
        if plan.split:
            several = pieces(b)
            count = count * several
            each = each // b.op("max", several, b.int(1))
        return count, each * cost // 16 + 10

    def mapped(
        b: Builder, pointers: list[Value], i: Value, position: Value, mask: Value | None
    ) -> list[Value]:
        """The states of `lanes` neighbours from inner position i."""
        last = f"k{plan.kept - 1}" if along_kept else f"r{plan.reduced - 1}"
        values: list[Loaded] = []
        for name, kind, inner, pointer in zip(
            plan.input_names, plan.inputs, plan.inner, pointers, strict=True
        ):
            if inner == "1":
                values.append(b.load_any(pointer, i, kind, lanes, mask))
            elif inner == "0":
                values.append(b.spread(b.load_any(pointer, 0, kind), lanes))
            else:
                places = (b.splat(i, lanes) + b.iota("i64", lanes)) * b.parameters[f"{name}_{last}"]
                values.append(b.gather_any(pointer, places, kind, mask))
        if plan.uses_position:
            values.append(position)
        made = emit_any(b, plan.map if narrow is None else narrow, values, _params(b))
        return [one for one in made if isinstance(one, Value)]

    def _params(b: Builder) -> list[Value]:
        return [b.parameters[f"p{k}"] for k in range(len(plan.params))]

    def combined(b: Builder, left: list[Value], right: list[Value]) -> list[Value]:
        return emit(b, plan.combine, [*left, *right], ())

    def advance(
        b: Builder, pointers: list[Value], group: str, depth: int, index: Value
    ) -> list[Value]:
        return [
            b.offset(p, index * b.parameters[f"{name}_{group}{depth}"], kind)
            for name, kind, p in zip(plan.input_names, plan.inputs, pointers, strict=True)
        ]

    def locate(
        b: Builder, unit: Value, depth: int, pointers: list[Value], outs: list[Value]
    ) -> tuple[list[Value], list[Value]]:
        """Pointers of one unit: the kept loops' flattened number taken apart, innermost first."""
        rest = unit
        for d in range(depth - 1, -1, -1):
            if d == 0:
                index = rest
            else:
                size = b.parameters[f"k{d}"]
                index, rest = rest % size, rest // size
            pointers = advance(b, pointers, "k", d, index)
            outs = [
                b.offset(o, index * b.parameters[f"{name}_k{d}"], kind)
                for name, kind, o in zip(plan.output_names, plan.outputs, outs, strict=True)
            ]
        return pointers, outs

    def body(b: Builder) -> None:
        with b.loop(b.first, b.last) as loop:
            pointers = [b.pointer(b.parameters[name]) for name in plan.input_names]
            outs = [b.pointer(b.parameters[name]) for name in plan.output_names]
            unit = loop.index
            start: Value = b.int(0)
            stop: Value | None = None
            if plan.split:
                several = pieces(b)
                piece = unit % several
                unit = unit // several
                split = b.parameters["r0" if along_kept else f"r{plan.reduced - 1}"]
                start = piece * b.parameters["chunk"]
                stop = b.op("min", start + b.parameters["chunk"], split)
                outs = [
                    b.offset(o, piece * b.parameters[f"{name}_c"], kind)
                    for name, kind, o in zip(plan.output_names, plan.outputs, outs, strict=True)
                ]
            if along_kept:
                columns(b, unit, pointers, outs, start, stop)
            else:
                pointers, outs = locate(b, unit, plan.kept, pointers, outs)
                single(b, pointers, outs, start, stop)

    def single(
        b: Builder, pointers: list[Value], outs: list[Value], start: Value, stop: Value | None
    ) -> None:
        """One output: vectors along the innermost reduced loop."""
        if narrow is not None:
            groups = [[state] for state in tree_sums(b, pointers, start, stop)]
        else:
            groups = lane_states(b, pointers, start, stop)
        while len(groups) > 1:
            half = len(groups) // 2
            groups = [combined(b, groups[j], groups[j + half]) for j in range(half)]
        state = groups[0]
        while state[0].type.lanes > 1:
            split = [b.halves(v) for v in state]
            state = combined(b, [low for low, _ in split], [high for _, high in split])
        for o, kind, value in zip(
            outs, plan.outputs, emit_any(b, plan.finish, state, _params(b)), strict=True
        ):
            b.store_any(o, 0, value, kind)

    def tree_sums(
        b: Builder, pointers: list[Value], start: Value, stop: Value | None
    ) -> list[Value]:
        """Wide states of a narrow sum: vectors are added in pairs of pairs, then widened."""
        many = TREE * lanes

        def nest(depth: int, pointers: list[Value], states: list[Value]) -> list[Value]:
            length = b.parameters[f"r{depth}"]
            if depth < plan.reduced - 1:
                with b.loop(0, length, carry=states) as loop:
                    inside = advance(b, pointers, "r", depth, loop.index)
                    loop.next(*nest(depth + 1, inside, list(loop.carried)))
                return list(loop.results)
            last = stop if stop is not None else length
            trees = start + (last - start) // many * many
            with b.loop(start, trees, many, carry=states) as loop:
                vectors = [
                    mapped(b, pointers, loop.index + k * lanes, loop.index, None)[0]
                    for k in range(TREE)
                ]
                loop.next(*_widened(b, loop.carried, _tree(vectors)))
            whole = trees + (last - trees) // lanes * lanes
            with b.loop(trees, whole, lanes, carry=loop.results) as single:
                vector = mapped(b, pointers, single.index, single.index, None)[0]
                single.next(*_widened(b, single.carried, vector))
            with b.loop(whole, last, lanes, carry=single.results) as tail:
                mask = b.mask(last - tail.index, lanes)
                vector = mapped(b, pointers, tail.index, tail.index, mask)[0]
                tail.next(*_widened(b, tail.carried, b.select(mask, vector, 0)))
            return list(tail.results)

        return nest(0, pointers, _wide_zeros(b, lanes))

    def lane_states(
        b: Builder, pointers: list[Value], start: Value, stop: Value | None
    ) -> list[list[Value]]:
        initial = units_of_state(b, plan.unit, lanes) * unroll
        count = len(plan.unit)

        def nest(depth: int, pointers: list[Value], states: list[Value]) -> list[Value]:
            length = b.parameters[f"r{depth}"]
            if depth < plan.reduced - 1:
                with b.loop(0, length, carry=states) as loop:
                    inside = advance(b, pointers, "r", depth, loop.index)
                    loop.next(*nest(depth + 1, inside, list(loop.carried)))
                return list(loop.results)
            last = stop if stop is not None else length
            whole = start + (last - start) // width * width
            with b.loop(start, whole, width, carry=states) as loop:
                following = []
                for u in range(unroll):
                    i = loop.index + u * lanes
                    position = b.splat(i, lanes) + b.iota("i64", lanes) if plan.uses_position else i
                    state = list(loop.carried[u * count : (u + 1) * count])
                    following += combined(b, state, mapped(b, pointers, i, position, None))
                loop.next(*following)
            states = list(loop.results)
            with b.loop(whole, last, lanes, carry=states[:count]) as loop:
                i = loop.index
                mask = b.mask(last - i, lanes)
                position = b.splat(i, lanes) + b.iota("i64", lanes) if plan.uses_position else i
                new = combined(b, list(loop.carried), mapped(b, pointers, i, position, mask))
                loop.next(*(b.select(mask, n, o) for n, o in zip(new, loop.carried, strict=True)))
            return [*loop.results, *states[count:]]

        states = nest(0, pointers, initial)
        return [states[u * count : (u + 1) * count] for u in range(unroll)]

    def columns(
        b: Builder,
        unit: Value,
        pointers: list[Value],
        outs: list[Value],
        start: Value,
        stop: Value | None,
    ) -> None:
        """A block of neighbouring outputs, one a lane."""
        last_kept = plan.kept - 1
        length = b.parameters[f"k{last_kept}"]
        blocks = (length + width - 1) // width
        column = unit % blocks * width
        pointers, outs = locate(b, unit // blocks, last_kept, pointers, outs)
        count = len(plan.unit)

        def added(
            inside: list[Value], carried: Sequence[Value], masks: list[Value | None], many: int,
            row: Value, rows: int,
        ) -> list[Value]:  # fmt: skip
            """Wide states after the next `rows` rows of a narrow sum."""
            lines = [advance(b, inside, "r", plan.reduced - 1, row + k) for k in range(rows)]
            following = []
            for u in range(many):
                at = column + u * lanes
                vectors = [mapped(b, line, at, row, masks[u])[0] for line in lines]
                following += _widened(b, carried[2 * u : 2 * u + 2], _tree(vectors))
            return following

        def narrow_block(masks: list[Value | None], many: int) -> list[list[Value]]:
            def nest(depth: int, pointers: list[Value], states: list[Value]) -> list[Value]:
                first = start if depth == 0 else b.int(0)
                end = stop if depth == 0 and stop is not None else b.parameters[f"r{depth}"]
                if depth < plan.reduced - 1:
                    with b.loop(first, end, carry=states) as loop:
                        inside = advance(b, pointers, "r", depth, loop.index)
                        loop.next(*nest(depth + 1, inside, list(loop.carried)))
                    return list(loop.results)
                trees = first + (end - first) // TREE * TREE
                with b.loop(first, trees, TREE, carry=states) as loop:
                    loop.next(*added(pointers, loop.carried, masks, many, loop.index, TREE))
                with b.loop(trees, end, carry=loop.results) as rest:
                    rest.next(*added(pointers, rest.carried, masks, many, rest.index, 1))
                return list(rest.results)

            states = nest(0, pointers, _wide_zeros(b, lanes) * many)
            return [[_joined(b, states[2 * u : 2 * u + 2])] for u in range(many)]

        def lane_block(masks: list[Value | None], many: int) -> list[list[Value]]:
            def nest(depth: int, pointers: list[Value], states: list[Value]) -> list[Value]:
                if depth == plan.reduced:
                    raise AssertionError
                first = start if depth == 0 else b.int(0)
                end = stop if depth == 0 and stop is not None else b.parameters[f"r{depth}"]
                with b.loop(first, end, carry=states) as loop:
                    inside = advance(b, pointers, "r", depth, loop.index)
                    carried = list(loop.carried)
                    if depth < plan.reduced - 1:
                        loop.next(*nest(depth + 1, inside, carried))
                    else:
                        following = []
                        for u in range(many):
                            state = carried[u * count : (u + 1) * count]
                            position = b.splat(loop.index, lanes)
                            new = mapped(b, inside, column + u * lanes, position, masks[u])
                            following += combined(b, state, new)
                        loop.next(*following)
                return list(loop.results)

            states = nest(0, pointers, units_of_state(b, plan.unit, lanes) * many)
            return [states[u * count : (u + 1) * count] for u in range(many)]

        def block(masks: list[Value | None], many: int) -> None:
            made = lane_block(masks, many) if narrow is None else narrow_block(masks, many)
            for u, state in enumerate(made):
                results = emit_any(b, plan.finish, state, _params(b))
                written = zip(plan.output_names, outs, plan.outputs, results, strict=True)
                for name, o, kind, value in written:
                    i = column + u * lanes
                    stride = b.parameters[f"{name}_k{last_kept}"]
                    neighbours = b.compare("eq", stride, 1)
                    with b.when(neighbours) as branch:
                        b.store_any(o, i, value, kind, masks[u])
                    with b.otherwise(branch):
                        places = (b.splat(i, lanes) + b.iota("i64", lanes)) * stride
                        b.scatter_any(o, places, value, kind, masks[u])

        full = b.compare("le", column + width, length)
        with b.when(full) as branch:
            block([None] * unroll, unroll)
        with b.otherwise(branch):
            block([b.mask(length - (column + u * lanes), lanes) for u in range(unroll)], unroll)

    return program("reduce", plan.parameters, units, body)


__all__ = ["Plan", "emit", "emit_step", "I64"]
