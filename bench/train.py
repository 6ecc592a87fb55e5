"""Group `train`: whole training steps, as in the first programs people write.

A step is zero_grad, forward, cross_entropy, backward, step, on a fixed batch.
"""

from collections.abc import Callable
from types import ModuleType

from bench.measure import Case

GROUP = "train"
BATCH = 64


def cases() -> list[Case]:
    """All cases of the group."""
    return [
        Case(GROUP, "MLP 784-128-10, SGD", _step(_mlp, (784,), _sgd)),
        Case(GROUP, "MLP 784-128-10, SGD momentum", _step(_mlp, (784,), _momentum)),
        Case(GROUP, "MLP 784-128-10, Adam", _step(_mlp, (784,), _adam)),
        Case(GROUP, "MNIST CNN, SGD", _step(_cnn, (1, 28, 28), _sgd)),
        Case(GROUP, "MNIST CNN, Adam", _step(_cnn, (1, 28, 28), _adam)),
        Case(GROUP, "MNIST CNN, inference", _inference(_cnn, (1, 28, 28))),
    ]


def _mlp(t: ModuleType) -> object:
    nn = t.nn
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def _cnn(t: ModuleType) -> object:
    """Two 3x3 convolutions (32, 64), max-pool, 128 units."""
    nn = t.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def _sgd(t: ModuleType, model: object) -> object:
    return t.optim.SGD(model.parameters(), lr=0.01)


def _momentum(t: ModuleType, model: object) -> object:
    return t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def _adam(t: ModuleType, model: object) -> object:
    return t.optim.Adam(model.parameters(), lr=1e-3)


def _step(
    make: Callable[[ModuleType], object],
    shape: tuple[int, ...],
    optimizer_of: Callable[[ModuleType, object], object],
) -> Callable[[ModuleType], Callable[[], object]]:
    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        model = make(t)
        optimizer = optimizer_of(t, model)
        images, labels = t.rand(BATCH, *shape), t.randint(0, 10, (BATCH,))
        cross_entropy = t.nn.functional.cross_entropy

        def step() -> None:
            optimizer.zero_grad()
            loss = cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()

        return step

    return build


def _inference(
    make: Callable[[ModuleType], object], shape: tuple[int, ...]
) -> Callable[[ModuleType], Callable[[], object]]:
    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        model = make(t).eval()
        images = t.rand(BATCH, *shape)

        def run() -> object:
            with t.no_grad():
                return model(images)

        return run

    return build
