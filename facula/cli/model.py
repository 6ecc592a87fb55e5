"""The networks that `--model` names, and the optimizers that `--optimizer` names.

Each is a plain torch program; a table maps the name to it.
"""

from collections.abc import Callable, Iterable

from facula import nn, optim
from facula.nn import Parameter
from facula.optim import Optimizer


def _cnn(classes: int, height: int, width: int) -> nn.Module:
    """Two 3x3 convolutions without padding, one halving, 128 hidden units."""
    pixels = ((height - 4) // 2) * ((width - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(64 * pixels, 128),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(128, classes),
    )


def _mlp(classes: int, height: int, width: int) -> nn.Module:
    """One hidden layer of 128 units."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(height * width, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


def _linear(classes: int, height: int, width: int) -> nn.Module:
    """Softmax regression: a single linear layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(height * width, classes))


MODELS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "cnn": _cnn,
    "mlp": _mlp,
    "linear": _linear,
}

OPTIMIZERS: dict[str, Callable[[Iterable[Parameter], float], Optimizer]] = {
    "sgd": lambda parameters, lr: optim.SGD(parameters, lr=lr, momentum=0.9, nesterov=True),
    "adam": lambda parameters, lr: optim.Adam(parameters, lr=lr),
    "adamw": lambda parameters, lr: optim.AdamW(parameters, lr=lr),
    "rmsprop": lambda parameters, lr: optim.RMSprop(parameters, lr=lr),
    "adagrad": lambda parameters, lr: optim.Adagrad(parameters, lr=lr),
    "adadelta": lambda parameters, lr: optim.Adadelta(parameters, lr=lr),
}

# What works for the three networks on images of this kind.
LEARNING_RATES = {
    "sgd": 0.03,
    "adam": 1e-3,
    "adamw": 1e-3,
    "rmsprop": 5e-4,
    "adagrad": 1e-2,
    "adadelta": 1.0,
}


def build_model(name: str, classes: int, height: int, width: int) -> nn.Module:
    """A new network for images (1, height, width), its weights from the global generator."""
    return MODELS[name](classes, height, width)


def build_optimizer(name: str, model: nn.Module, lr: float) -> Optimizer:
    """The optimizer over all parameters of the model."""
    return OPTIMIZERS[name](model.parameters(), lr)
