"""Scalar expressions: what a formula becomes when it is traced once.

`Expr` is a carrier: formulas run on it and leave a graph behind. `Graph` is that graph as plain
tuples, so that plans hold it, compare it, print it and hash it. Kinds are register kinds: i1,
integers, f32, f64; and c64, c128 until `kernel/complex.py` has written those as pairs of reals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

FLOAT = frozenset(("f32", "f64"))
# The kind of a complex number's parts, and the complex kind of a real one.
PART = {"c64": "f32", "c128": "f64"}
WHOLE = {"f32": "c64", "f64": "c128"}
# Functions of complex numbers whose values are real.
REAL_VALUED = frozenset(("abs", "angle", "real", "imag"))
COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf"))
# The order in which kinds absorb each other inside a formula.
RANK = (
    "i1", "u8", "i8", "u16", "i16", "u32", "i32", "i64", "u64", "f32", "f64", "c64", "c128",
)  # fmt: skip


class Expr:
    """A node: an operation on other nodes, an input, a parameter or a constant.

    `extra` is the number of an input or parameter, or the value of a constant.
    """

    __slots__ = ("op", "args", "kind", "extra")

    def __init__(self, op: str, args: tuple["Expr", ...], kind: str, extra: Any = None) -> None:
        self.op = op
        self.args = args
        self.kind = kind
        self.extra = extra

    def __repr__(self) -> str:
        if self.op in ("input", "param", "const"):
            return f"{self.op}({self.extra}:{self.kind})"
        return f"{self.op}({', '.join(map(repr, self.args))})"

    @classmethod
    def __scalar__(cls, name: str, args: tuple[Any, ...]) -> "Expr":
        """The carrier's side of `kernel.scalar`: records the operation."""
        return call(name, *args)

    def __bool__(self) -> bool:
        raise TypeError("a formula cannot branch on a value; use where()")

    def __add__(self, other: Any) -> "Expr":
        return call("add", self, other)

    def __radd__(self, other: Any) -> "Expr":
        return call("add", other, self)

    def __sub__(self, other: Any) -> "Expr":
        return call("sub", self, other)

    def __rsub__(self, other: Any) -> "Expr":
        return call("sub", other, self)

    def __mul__(self, other: Any) -> "Expr":
        return call("mul", self, other)

    def __rmul__(self, other: Any) -> "Expr":
        return call("mul", other, self)

    def __truediv__(self, other: Any) -> "Expr":
        return call("div", self, other)

    def __rtruediv__(self, other: Any) -> "Expr":
        return call("div", other, self)

    def __floordiv__(self, other: Any) -> "Expr":
        return call("floordiv", self, other)

    def __rfloordiv__(self, other: Any) -> "Expr":
        return call("floordiv", other, self)

    def __mod__(self, other: Any) -> "Expr":
        return call("mod", self, other)

    def __rmod__(self, other: Any) -> "Expr":
        return call("mod", other, self)

    def __pow__(self, other: Any) -> "Expr":
        return call("pow", self, other)

    def __rpow__(self, other: Any) -> "Expr":
        return call("pow", other, self)

    def __neg__(self) -> "Expr":
        return call("neg", self)

    def __and__(self, other: Any) -> "Expr":
        return call("and", self, other)

    def __or__(self, other: Any) -> "Expr":
        return call("or", self, other)

    def __xor__(self, other: Any) -> "Expr":
        return call("xor", self, other)

    def __lshift__(self, other: Any) -> "Expr":
        return call("shl", self, other)

    def __rshift__(self, other: Any) -> "Expr":
        return call("shr", self, other)

    def __invert__(self) -> "Expr":
        return call("not", self)

    def __lt__(self, other: Any) -> "Expr":
        return call("lt", self, other)

    def __le__(self, other: Any) -> "Expr":
        return call("le", self, other)

    def __gt__(self, other: Any) -> "Expr":
        return call("gt", self, other)

    def __ge__(self, other: Any) -> "Expr":
        return call("ge", self, other)


def input_(index: int, kind: str) -> Expr:
    return Expr("input", (), kind, index)


def param(index: int, kind: str) -> Expr:
    """A number known only when the kernel is called."""
    return Expr("param", (), kind, index)


def const(literal: complex | float | int | bool, kind: str) -> Expr:
    if kind in PART:
        return Expr("const", (), kind, complex(literal))
    assert not isinstance(literal, complex)
    return Expr("const", (), kind, float(literal) if kind in FLOAT else int(literal))


def cast(value: Expr, kind: str) -> Expr:
    """The same number in another kind."""
    if value.kind == kind:
        return value
    if value.kind in PART and kind == "i1":
        return call("ne", value, 0)
    if value.kind in PART and kind not in PART:
        return cast(call("real", value), kind)
    if value.op == "const":
        return const(value.extra, kind)
    return Expr("cast", (value,), kind)


def _kind_beside(literal: complex | float | int | bool, kind: str) -> str:
    if isinstance(literal, complex):
        return kind if kind in PART else WHOLE.get(kind, "c64")
    if isinstance(literal, bool) or kind in FLOAT or kind in PART:
        return kind
    if isinstance(literal, int):
        return "i64" if kind == "i1" else kind
    return "f32"


def _kind_compared(condition: Expr) -> str:
    """The kind of the numbers that a condition asks about: that of a choice between literals."""
    while condition.kind == "i1" and condition.args:
        condition = condition.args[0]
    return condition.kind


def call(name: str, *args: Any) -> Expr:
    """An operation on expressions and Python numbers; these take the kind beside them."""
    if name == "where":
        condition, args = args[0], args[1:]
        if not isinstance(condition, Expr):
            condition = const(bool(condition), "i1")
    kinds = [a.kind for a in args if isinstance(a, Expr)]
    if not kinds and name == "where":
        kinds = [_kind_compared(condition)]
    if not kinds:
        raise TypeError(f"{name}: at least one operand must be an expression")
    kind = max(kinds, key=RANK.index)
    if kind == "c64" and "f64" in kinds:
        kind = "c128"
    for a in args:
        if not isinstance(a, Expr):
            kind = max(kind, _kind_beside(a, kind), key=RANK.index)
    operands = tuple(cast(a, kind) if isinstance(a, Expr) else const(a, kind) for a in args)
    if name == "where":
        condition = condition if condition.kind == "i1" else call("ne", condition, 0)
        if condition.op == "const":
            return operands[0] if condition.extra else operands[1]
        return Expr("where", (condition, *operands), kind)
    if name in COMPARISONS:
        return Expr(name, operands, "i1")
    if kind in PART and name in REAL_VALUED:
        return Expr(name, operands, PART[kind])
    if kind not in PART and name in ("conj", "real"):
        return operands[0]
    if kind not in PART and name == "sgn":
        name = "sign"
    if name == "conj" and operands[0].op == "conj":
        return operands[0].args[0]
    folded = _simplify(name, operands)
    return folded if folded is not None else Expr(name, operands, kind)


def _simplify(name: str, args: tuple[Expr, ...]) -> Expr | None:
    """Multiplying or dividing by one, exact for every number, nan and -0 included; powers that
    torch computes by multiplying, dividing or taking a root."""
    if name == "pow" and args[1].op == "const":
        return _power(args[0], args[1].extra)
    if name in ("mul", "div") and args[1].op == "const" and args[1].extra == 1:
        return args[0]
    if name == "mul" and args[0].op == "const" and args[0].extra == 1:
        return args[1]
    return None


def _power(x: Expr, exponent: Any) -> Expr | None:
    if exponent == 1:
        return x
    if exponent == 2:
        return call("mul", x, x)
    if exponent == 3:
        return call("mul", call("mul", x, x), x)
    floating = x.kind in FLOAT or x.kind in PART
    if floating and exponent == 0.5:
        return call("sqrt", x)
    if floating and exponent == -1:
        return call("div", 1, x)
    if floating and exponent == -2:
        return call("div", 1, call("mul", x, x))
    if floating and exponent == -0.5:
        return call("div", 1, call("sqrt", x))
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Expressions as a numbered list: step k is (op, kind, operands, extra).

    `outputs` are the numbers of the steps that are results.
    """

    steps: tuple[tuple[str, str, tuple[int, ...], Any], ...]
    outputs: tuple[int, ...]

    # repr tells 0.0 from -0.0 and finds nan equal to itself, which == does not.

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __str__(self) -> str:
        lines = []
        for k, (op, kind, args, extra) in enumerate(self.steps):
            operands = " ".join(f"%{a}" for a in args)
            lines.append(f"  %{k}:{kind} = {op} {operands}{'' if extra is None else extra}")
        return "\n".join([*lines, f"  give {' '.join(f'%{k}' for k in self.outputs)}"])

    @property
    def inputs_used(self) -> frozenset[int]:
        """Indices of the inputs that some step reads."""
        return frozenset(extra for op, _, _, extra in self.steps if op == "input")

    def run(
        self,
        inputs: Sequence[Any],
        params: Sequence[Any],
        constant: Callable[[Any, str], Any],
        apply: Callable[[str, str, list[Any]], Any],
    ) -> list[Any]:
        """Evaluates on any carrier: `apply(op, kind, operands)` does one step; before the operands
        of "repeat" stands its `Repeat`, and its value is the list of all results."""
        values: list[Any] = []
        for op, kind, args, extra in self.steps:
            if op == "input":
                values.append(inputs[extra])
            elif op == "param":
                values.append(params[extra])
            elif op == "const":
                values.append(constant(extra, kind))
            elif op == "part":
                values.append(values[args[0]][extra])
            else:
                operands = [values[a] for a in args]
                values.append(apply(op, kind, operands if extra is None else [extra, *operands]))
        return [values[k] for k in self.outputs]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A loop inside a formula: `step` gives the next state while `going` holds of the present one,
    at most `limit` times. Both graphs read the state, then what stays the same."""

    limit: int
    going: Graph
    step: Graph

    def run(self, operands: Sequence[Any], evaluate: Callable[..., Any]) -> list[Any]:
        """What a loop means, on numbers; `evaluate(graph, inputs)` runs a graph."""
        count = len(self.step.outputs)
        state, fixed = list(operands[:count]), list(operands[count:])
        for _ in range(self.limit):
            if not evaluate(self.going, [*state, *fixed])[0]:
                break
            state = evaluate(self.step, [*state, *fixed])
        return state


def repeat(
    limit: int,
    going: Callable[..., Expr],
    step: Callable[..., tuple[Any, ...]],
    state: Sequence[Any],
    fixed: Sequence[Any] = (),
) -> tuple[Expr, ...]:
    """The last state of a loop: `state` becomes `step(*state, *fixed)` while
    `going(*state, *fixed)` holds, at most `limit` times. Each element of a tensor has a loop of its
    own; a formula inside sees nothing but its arguments."""
    given = [a for a in (*state, *fixed) if isinstance(a, Expr)]
    kind = max((a.kind for a in given), key=RANK.index)
    operands = tuple([a if isinstance(a, Expr) else const(a, kind) for a in (*state, *fixed)])
    inside = [input_(k, a.kind) for k, a in enumerate(operands)]
    following = [
        cast(v, a.kind) if isinstance(v, Expr) else const(v, a.kind)
        for v, a in zip(step(*inside), operands, strict=False)
    ]
    loop = Repeat(limit, linearise([going(*inside)]), linearise(following))
    whole = Expr("repeat", operands, kind, loop)
    return tuple([Expr("part", (whole,), operands[k].kind, k) for k in range(len(state))])


def linearise(outputs: Sequence[Expr]) -> Graph:
    """The graph below some expressions, each distinct step once, operands before their users."""
    numbers: dict[object, int] = {}
    by_identity: dict[int, int] = {}
    steps: list[tuple[str, str, tuple[int, ...], Any]] = []

    def visit(root: Expr) -> int:
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in by_identity:
                stack.pop()
                continue
            waiting = [a for a in node.args if id(a) not in by_identity]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            step = (node.op, node.kind, tuple(by_identity[id(a)] for a in node.args), node.extra)
            key = (*step[:3], repr(node.extra))
            if key not in numbers:
                numbers[key] = len(steps)
                steps.append(step)
            by_identity[id(node)] = numbers[key]
        return by_identity[id(root)]

    numbered = tuple([visit(output) for output in outputs])
    return Graph(tuple(steps), numbered)
