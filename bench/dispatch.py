"""Group `dispatch`: operations on tensors so small that only the road to the kernel is measured."""

from collections.abc import Callable
from types import ModuleType

from bench.measure import Case

GROUP = "dispatch"

# Written as in a program: t is the package, a b c are 8x8 floats, i is 8x8 integers, m a mask.
SMALL_OPS = [
    "a + b",
    "a - b",
    "a * b",
    "a / b",
    "a + 1",
    "a * 2.0",
    "-a",
    "a > b",
    "a @ b",
    "a.add_(b)",
    "a.clone()",
    "a.exp()",
    "a.relu()",
    "a.tanh()",
    "a.sigmoid()",
    "a.sum()",
    "a.sum(1)",
    "a.mean()",
    "a.amax(1)",
    "a.argmax(1)",
    "a.softmax(1)",
    "t.where(m, a, b)",
    "t.cat((a, b))",
    "t.stack((a, b))",
    "t.zeros(8, 8)",
    "a.t()",
    "a.reshape(64)",
    "a.unsqueeze(0)",
    "a[1]",
    "a[:, 2:4]",
    "a[i]",
    "s.item()",
]
# Some of them again, where what the result remembers for its gradient costs as well.
WITH_GRAD = [
    "a + b",
    "a * b",
    "a * 2.0",
    "a @ b",
    "a.exp()",
    "a.relu()",
    "a.sum()",
    "a.softmax(1)",
    "a.t()",
    "a[1]",
    "t.cat((a, b))",
]


def cases() -> list[Case]:
    """All cases of the group."""
    return [
        *(Case(GROUP, text, _expression(text)) for text in SMALL_OPS),
        *(Case(GROUP, f"{text}, with grad", _expression(text, True)) for text in WITH_GRAD),
        Case(GROUP, "chain of 15 ops, forward", _chain_forward),
        Case(GROUP, "chain of 15 ops, forward and backward", _chain_backward),
        Case(GROUP, "Linear(8, 8), no_grad", _layer(_linear, needs_grad=False)),
        Case(GROUP, "Linear(8, 8)", _layer(_linear)),
        Case(GROUP, "Sequential of 5 layers, no_grad", _layer(_sequential, needs_grad=False)),
        Case(GROUP, "Sequential of 5 layers", _layer(_sequential)),
        Case(GROUP, "Sequential of 5 layers and backward", _layer(_sequential, backward=True)),
    ]


def _expression(
    text: str, needs_grad: bool = False
) -> Callable[[ModuleType], Callable[[], object]]:
    """A case that evaluates one expression, compiled so that no wrapper is timed but the call."""

    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        names = {
            "t": t,
            "a": t.randn(8, 8, requires_grad=needs_grad),
            "b": t.zeros(8, 8),
            "i": t.tensor([1, 5, 2]),
            "m": t.randn(8, 8) > 0,
            "s": t.tensor(1.5),
        }
        return eval(f"lambda t=t, a=a, b=b, i=i, m=m, s=s: {text}", names)

    return build


def _chain(x: object, y: object) -> object:
    """Fifteen operations, as a hand-written cell of a recurrent network has."""
    a = (x * y + x).tanh()
    b = (a - y).sigmoid()
    c = (a * b + 0.5).relu()
    d = (c / (b + 1.0)).exp()
    return ((d - a) * c + b).mean()


def _chain_forward(t: ModuleType) -> Callable[[], object]:
    t.manual_seed(0)
    x, y = t.rand(8, 8, requires_grad=True), t.rand(8, 8, requires_grad=True)
    return lambda: _chain(x, y)


def _chain_backward(t: ModuleType) -> Callable[[], object]:
    t.manual_seed(0)
    x, y = t.rand(8, 8, requires_grad=True), t.rand(8, 8, requires_grad=True)

    def run() -> None:
        x.grad = y.grad = None
        _chain(x, y).backward()

    return run


def _linear(t: ModuleType) -> object:
    return t.nn.Linear(8, 8)


def _sequential(t: ModuleType) -> object:
    nn = t.nn
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8))


def _layer(
    make: Callable[[ModuleType], object], needs_grad: bool = True, backward: bool = False
) -> Callable[[ModuleType], Callable[[], object]]:
    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        model, x = make(t), t.randn(8, 8)

        def without_grad() -> object:
            with t.no_grad():
                return model(x)

        def with_backward() -> None:
            model.zero_grad()
            model(x).sum().backward()

        if backward:
            return with_backward
        return (lambda: model(x)) if needs_grad else without_grad

    return build
