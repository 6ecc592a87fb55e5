"""Facula from scratch: the framework's design in one file of plain Python.

Run it: `python docs/from_scratch.py`. It builds a toy of every layer of the real thing (geometry,
scalar expression, plan, machine, tensor, op record, tape, layer, optimizer) and trains a network
with it. The names are the real names: after this file these hold no surprise, only more cases.
"""

import heapq
import itertools
import math
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, NamedTuple

# --- 1. Geometry -------------------------------------------------------------------------------
# A tensor's elements lie in a row in memory. Its geometry says which place holds element (i, j):
# offset + i * strides[0] + j * strides[1]. Transposing, repeating and inserting dimensions only
# write another geometry: no element moves. This layer knows integers and tuples, and no memory.


class Geometry(NamedTuple):
    """Shape, strides, offset: always in this order."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @classmethod
    def contiguous(cls, shape: tuple[int, ...]) -> "Geometry":
        """Rows one after the other."""
        return cls(shape, tuple(math.prod(shape[dim + 1 :]) for dim in range(len(shape))))

    def t(self) -> "Geometry":
        """Rows and columns swapped."""
        return Geometry(self.shape[::-1], self.strides[::-1], self.offset)

    def unsqueeze(self, dim: int) -> "Geometry":
        """A new dimension of size 1 in front of `dim`."""
        (before, after), (low, high) = ((v[:dim], v[dim:]) for v in self[:2])
        return Geometry((*before, 1, *after), (*low, 0, *high), self.offset)

    def expand(self, shape: tuple[int, ...]) -> "Geometry":
        """Broadcasting: dimensions of size 1 repeat, which costs a stride of 0 and nothing else."""
        missing = len(shape) - len(self.shape)
        sizes, steps = (1,) * missing + self.shape, (0,) * missing + self.strides
        strides = tuple(0 if size == 1 else step for size, step in zip(sizes, steps))
        return Geometry(shape, strides, self.offset)

    def addresses(self) -> Iterator[int]:
        """Where each element is, in the order of a reader."""
        for index in itertools.product(*map(range, self.shape)):
            yield self.offset + sum(map(operator.mul, index, self.strides))


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in which all of `shapes` fit."""
    columns = list(itertools.zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1))
    if any(len({*sizes} - {1}) > 1 for sizes in columns):
        raise RuntimeError(f"shapes {shapes} cannot be broadcast to one")
    return tuple(map(max, columns))[::-1]


# --- 2. Scalar expressions ---------------------------------------------------------------------
# The mathematics of an operation is a formula: a Python function made of expressions only. What it
# runs on is its carrier. On floats it computes, and can be followed in a debugger. On `Expr` it
# leaves an expression behind, from which code is generated. On tensors, in part 5, it computes
# derivatives of derivatives. One formula, three uses: this is the heart of the design.

MEANING: dict[str, Callable[..., float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg,
    "exp": math.exp, "tanh": math.tanh,
}  # fmt: skip


def apply(name: str, *args: Any) -> Any:
    """The operation `name`, on whatever carrier the arguments bring."""
    for arg in args:
        if isinstance(arg, Carrier):
            return arg.__scalar__(name, args)
    return MEANING[name](*args)


def both(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The methods for `a + b` where a, and where only b, is a carrier."""
    return lambda a, b: apply(name, a, b), lambda b, a: apply(name, a, b)


class Carrier:
    """Abstract: has the operators, and leaves to `__scalar__` what they do."""

    __add__, __radd__ = both("add")
    __sub__, __rsub__ = both("sub")
    __mul__, __rmul__ = both("mul")

    def __neg__(self) -> Any:
        return apply("neg", self)


exp, tanh = partial(apply, "exp"), partial(apply, "tanh")


@dataclass(frozen=True)
class Expr(Carrier):
    """An operation on expressions, or an input by its number."""

    op: str
    args: tuple[Any, ...]

    def __scalar__(self, name: str, args: tuple[Any, ...]) -> "Expr":
        return Expr(name, args)


def trace(formula: Callable[..., Any], inputs: int) -> Any:
    """What a formula of so many inputs leaves behind."""
    return formula(*(Expr("input", (number,)) for number in range(inputs)))


# --- 3. Plans and machines ---------------------------------------------------------------------
# A plan says what to compute, as plain data: no memory, no device. A machine runs plans. The
# interpreter is the definition of what a plan means. The code generator must agree with it and is
# faster: the real one prints LLVM's language, this one prints Python, compiled once for a plan.


@dataclass(frozen=True)
class Pointwise:
    """Each element of the result is an expression of the inputs' elements at the same place."""

    expression: Any
    inputs: int


def interpret(expression: Any, values: list[float]) -> float:
    """The value of an expression: what a plan means for one element of its result."""
    if not isinstance(expression, Expr):
        return expression
    if expression.op == "input":
        return values[expression.args[0]]
    return apply(expression.op, *(interpret(arg, values) for arg in expression.args))


def text_of(expression: Any) -> str:
    """An expression as Python text."""
    if not isinstance(expression, Expr):
        return repr(expression)
    if expression.op == "input":
        return "x{0}[a{0}]".format(*expression.args)
    args = [text_of(arg) for arg in expression.args]
    infix = {"add": "+", "sub": "-", "mul": "*"}.get(expression.op)
    if infix:
        return f"({args[0]} {infix} {args[1]})"
    return f"{expression.op}({', '.join(args)})"


@cache
def kernel(plan: Pointwise) -> Callable[..., list[float]]:
    """The compiled form of a plan: a function of the sources and of their elements' places."""
    sources = "".join(f"x{number}, " for number in range(plan.inputs))
    places = sources.replace("x", "a")
    text = f"lambda {sources}places: [{text_of(plan.expression)} for {places}in places]"
    return eval(text, dict(MEANING))


# --- 4. Tensor ---------------------------------------------------------------------------------
# A tensor is memory, a geometry that reads it, and what the derivative needs to know.


class Node(NamedTuple):
    """Where a tensor comes from: `pull` turns its gradient into those of the inputs."""

    inputs: list["Tensor"]
    pull: Callable[["Tensor"], list["Tensor"]]


class Tensor(Carrier):
    """Elements in `storage`, arranged by `geometry`."""

    numbers = itertools.count()

    def __init__(self, storage: list[float], geometry: Geometry, requires_grad: bool = False):
        self.storage, self.geometry = storage, geometry
        self.requires_grad, self.number = requires_grad, next(self.numbers)
        self.node: Node | None = None  # a leaf has none, and keeps its gradient in grad
        self.grad: Tensor | None = None

    def __scalar__(self, name: str, args: tuple[Any, ...]) -> "Tensor":
        return REGISTRY[name](*args)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.geometry.shape

    def tolist(self) -> list[float]:
        """All elements in reading order."""
        return [self.storage[place] for place in self.geometry.addresses()]

    def __matmul__(self, other: "Tensor") -> "Tensor":
        """(n, k) @ (k, m): all products, then sums. The real one is a plan of its own."""
        return total(unsqueeze(self, 2) * unsqueeze(other, 0), 1)  # summed: (n, k, m)


def tensor(values: list[float], *shape: int, requires_grad: bool = False) -> Tensor:
    """A tensor of the given elements and shape."""
    return Tensor(list(values), Geometry.contiguous(shape), requires_grad)


def launch(plan: Pointwise, inputs: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Runs a plan over tensors broadcast to `shape`."""
    places = zip(*(x.geometry.expand(shape).addresses() for x in inputs))
    return Tensor(kernel(plan)(*(x.storage for x in inputs), places), Geometry.contiguous(shape))


# --- 5. Op records and families ----------------------------------------------------------------
# An operation is one record: schema, words, value, gradient. Its family knows the rest, once for
# all members: broadcasting and its undoing, launching, recording. In a gradient, g arrives at y.

REGISTRY: dict[str, "Op"] = {}
mode = SimpleNamespace(recording=True, create_graph=False)


@dataclass(frozen=True, eq=False)
class Op:
    """The record. `run(op, *args)` is the family's road from a call to a result."""

    run: Callable[..., Tensor]
    schema: str
    doc: str
    value: Callable[..., Any]
    gradient: Callable[..., Any]

    def __post_init__(self) -> None:
        REGISTRY[self.schema.partition("(")[0]] = self

    def __call__(self, *args: Any) -> Tensor:
        return self.run(self, *args)


def run_pointwise(op: Op, *args: Any) -> Tensor:
    inputs = [x if isinstance(x, Tensor) else Tensor([x], Geometry((), ())) for x in args]
    shape = broadcast_shapes(*(x.shape for x in inputs))
    y = launch(Pointwise(trace(op.value, len(inputs)), len(inputs)), inputs, shape)

    def pull(g: Tensor) -> list[Tensor]:
        saved = [g, y, *inputs]
        if mode.create_graph:  # the formula on tensors: its own operations are recorded again
            gradients = op.gradient(*saved)
        else:  # the formula on expressions: one kernel for each input
            expressions = trace(op.gradient, len(saved))
            gradients = [launch(Pointwise(e, len(saved)), saved, shape) for e in expressions]
        return [sum_to(gradient, x.shape) for gradient, x in zip(gradients, inputs)]

    return record(y, inputs, pull)


def run_view(op: Op, x: Tensor, *args: Any) -> Tensor:
    y = Tensor(x.storage, op.value(x.geometry, *args))
    return record(y, [x], lambda g: [op.gradient(g, x, *args)])


def sum_to(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undoes broadcasting: an element that was used many times gets the sum of its gradients."""
    while len(g.shape) > len(shape):
        g = total(g, 0)
    for dim, size in enumerate(shape):
        if size == 1 and g.shape[dim] != 1:
            g = unsqueeze(total(g, dim), dim)
    return g


def run_reduction(op: Op, x: Tensor, dim: int) -> Tensor:
    size, step = x.shape[dim], x.geometry.strides[dim]
    shape, strides = (values[:dim] + values[dim + 1 :] for values in x.geometry[:2])
    starts = Geometry(shape, strides, x.geometry.offset).addresses()
    sums = [op.value(x.storage[start + i * step] for i in range(size)) for start in starts]
    return record(Tensor(sums, Geometry.contiguous(shape)), [x], lambda g: [op.gradient(g, x, dim)])


pointwise, view, reduction = (partial(Op, run) for run in (run_pointwise, run_view, run_reduction))

# fmt: off
pointwise("add(Tensor self, Tensor other) -> Tensor", "Sum, element by element.",
          lambda a, b: a + b, lambda g, y, a, b: (g, g))
pointwise("sub(Tensor self, Tensor other) -> Tensor", "Difference.",
          lambda a, b: a - b, lambda g, y, a, b: (g, -g))
pointwise("mul(Tensor self, Tensor other) -> Tensor", "Product.",
          lambda a, b: a * b, lambda g, y, a, b: (g * b, g * a))
pointwise("neg(Tensor self) -> Tensor", "Negative.", lambda x: -x, lambda g, y, x: (-g,))
pointwise("exp(Tensor self) -> Tensor", "e to the power x.", exp, lambda g, y, x: (g * y,))
pointwise("tanh(Tensor self) -> Tensor", "Hyperbolic tangent.",
          tanh, lambda g, y, x: (g * (1.0 - y * y),))
t = view("t(Tensor self) -> Tensor", "Rows and columns swapped.", Geometry.t, lambda g, x: t(g))
unsqueeze = view("unsqueeze(Tensor self, int dim) -> Tensor", "A dim of size 1 inserted.",
                 Geometry.unsqueeze, lambda g, x, dim: total(g, dim))
expand = view("expand(Tensor self, int[] size) -> Tensor", "Dims of size 1 repeated.",
              Geometry.expand, lambda g, x, size: sum_to(g, x.shape))
total = reduction("sum(Tensor self, int dim) -> Tensor", "Sum along a dim, which disappears.",
                  math.fsum, lambda g, x, dim: expand(unsqueeze(g, dim), x.shape))
# fmt: on


# --- 6. The tape -------------------------------------------------------------------------------
# Each result remembers the node that made it: its inputs, and how to pull a gradient back to them.
# Tensors are numbered as they are made, so a walk from the highest number down meets each one after
# all results that used it.


def record(y: Tensor, inputs: list[Tensor], pull: Callable[[Tensor], list[Tensor]]) -> Tensor:
    """Hangs a node on a result whose derivative may be asked for."""
    if mode.recording and any(x.requires_grad for x in inputs):
        y.requires_grad, y.node = True, Node(inputs, pull)
    return y


def backward(loss: Tensor, create_graph: bool = False) -> None:
    """Adds d(loss)/dx to x.grad for every leaf x."""
    mode.recording = mode.create_graph = create_graph
    arriving = {loss: tensor([1.0] * math.prod(loss.shape), *loss.shape)}
    waiting = [(-loss.number, loss)]
    while waiting:
        y = heapq.heappop(waiting)[1]
        g = arriving.pop(y)
        if y.node is None:
            y.grad = g if y.grad is None else y.grad + g
            continue
        for x, part in zip(y.node.inputs, y.node.pull(g)):
            if x in arriving:
                arriving[x] = arriving[x] + part
            elif x.requires_grad:
                arriving[x] = part
                heapq.heappush(waiting, (-x.number, x))
    mode.recording, mode.create_graph = True, False


# --- 7. A layer, an optimizer, and a task ------------------------------------------------------


class Linear:
    """x @ weight.T + bias, with PyTorch's initial distribution."""

    def __init__(self, n: int, m: int) -> None:
        draw = [random.uniform(-1, 1) / math.sqrt(n) for _ in range(m * n + m)]
        self.weight = tensor(draw[: m * n], m, n, requires_grad=True)
        self.bias = tensor(draw[m * n :], m, requires_grad=True)

    def __call__(self, x: Tensor) -> Tensor:
        return x @ t(self.weight) + self.bias


class SGD:
    """x <- x - lr g. The real one is one kernel over all parameters."""

    def __init__(self, parameters: list[Tensor], lr: float) -> None:
        self.parameters, self.lr = parameters, lr

    def step(self) -> None:
        for x in self.parameters:
            for i, g in enumerate(x.grad.tolist()):
                x.storage[i] -= self.lr * g
            x.grad = None


def check() -> None:
    """The two machines agree, a view shares memory, a second derivative comes for free."""
    expression = trace(lambda a, b: tanh(a * b) - exp(-a) * 0.5, 2)
    (value,) = kernel(Pointwise(expression, 2))([0.3], [0.7], [(0, 0)])
    assert value == interpret(expression, [0.3, 0.7])
    matrix = tensor([1.0, 2.0, 3.0, 4.0], 2, 2)
    assert t(matrix).tolist() == [1.0, 3.0, 2.0, 4.0] and t(matrix).storage is matrix.storage
    x = tensor([0.5], 1, requires_grad=True)
    backward(x * x * x, create_graph=True)  # 3 x^2
    first, x.grad = x.grad, None
    backward(first)  # 6 x
    assert first.tolist() + x.grad.tolist() == [0.75, 3.0]


def train() -> float:
    """Tells points by the sign of x times y, which no straight line can; returns the accuracy."""
    random.seed(0)
    points = [(random.uniform(-1, 1), random.uniform(-1, 1)) for _ in range(48)]
    x = tensor([value for point in points for value in point], 48, 2)
    target = tensor([1.0 if a * b > 0 else -1.0 for a, b in points], 48, 1)
    hidden, out = Linear(2, 8), Linear(8, 1)
    optimizer = SGD([hidden.weight, hidden.bias, out.weight, out.bias], lr=0.3)
    for step in range(200):
        score = tanh(out(tanh(hidden(x))))
        loss = total((score - target) * (score - target), 0) * (1 / 48)
        backward(loss)
        optimizer.step()
        if step % 40 == 0:
            print(f"step {step:3}  loss {loss.tolist()[0]:.4f}")
    return sum(a * b > 0 for a, b in zip(score.tolist(), target.tolist())) / 48


if __name__ == "__main__":
    check()
    print("tanh's gradient as generated code:", text_of(*trace(REGISTRY["tanh"].gradient, 3)))
    print(f"accuracy {train():.0%}")
