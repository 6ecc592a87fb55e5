"""Group `train`: whole training steps, as in the first programs people write.

A step is zero_grad, forward, cross_entropy, backward, step, on a fixed batch. Inference is shown
and not counted. Models that need layers which the measured package lacks are left out.
"""

from collections.abc import Callable
from types import ModuleType

from bench.measure import Build, Case

GROUP = "train"
BATCH = 64
SEQUENCE, VOCABULARY, WIDTH, HEADS = 64, 256, 128, 4

Make = Callable[[ModuleType], object]
# Makes the inputs of a model: images of a shape, or tokens.
Inputs = Callable[[ModuleType], object]
Optimizer = Callable[[ModuleType, object], object]


def cases() -> list[Case]:
    """All cases of the group."""
    mnist = _images(1, 28, 28)
    blocks = ("TransformerEncoderLayer",)
    return [
        Case(GROUP, "tiny MLP 4-16-3, batch 4, SGD", _step(_tiny, _images(4, batch=4), _sgd, 3)),
        Case(GROUP, "MLP 784-128-10, SGD", _step(_mlp, _images(784), _sgd)),
        Case(GROUP, "MLP 784-128-10, SGD momentum", _step(_mlp, _images(784), _momentum)),
        Case(GROUP, "MLP 784-128-10, Adam", _step(_mlp, _images(784), _adam)),
        Case(GROUP, "LeNet with batch norm, SGD momentum", _step(_lenet, mnist, _momentum)),
        Case(GROUP, "MNIST CNN, SGD", _step(_cnn, mnist, _sgd)),
        Case(GROUP, "MNIST CNN, Adam", _step(_cnn, mnist, _adam)),
        Case(
            GROUP,
            "ResNet-18 on 32x32, batch 32, SGD momentum",
            _step(_resnet18, _images(3, 32, 32, batch=32), _momentum),
        ),
        Case(
            GROUP, "LSTM 64-128, 32 steps, Adam", _step(_lstm, _sequences, _adam), needs=("LSTM",)
        ),
        Case(
            GROUP,
            "2 transformer blocks by hand, AdamW",
            _step(_transformer, _tokens, _adamw, VOCABULARY),
        ),
        Case(
            GROUP,
            "2 TransformerEncoderLayers, AdamW",
            _step(_encoder, _tokens, _adamw, VOCABULARY),
            needs=blocks,
        ),
        Case(GROUP, "MNIST CNN, inference", _inference(_cnn, mnist), counts=False),
        Case(
            GROUP,
            "ResNet-18 on 32x32, batch 32, inference",
            _inference(_resnet18, _images(3, 32, 32, batch=32)),
            counts=False,
        ),
        Case(
            GROUP,
            "2 transformer blocks by hand, inference",
            _inference(_transformer, _tokens),
            counts=False,
        ),
    ]


# --- models ------------------------------------------------------------------------------------


def _tiny(t: ModuleType) -> object:
    nn = t.nn
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def _mlp(t: ModuleType) -> object:
    nn = t.nn
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def _lenet(t: ModuleType) -> object:
    """LeNet-5 with batch normalization after each convolution."""
    nn = t.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def _cnn(t: ModuleType) -> object:
    """Two 3x3 convolutions (32, 64), max-pool, 128 units."""
    nn = t.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


def _resnet18(t: ModuleType) -> object:
    """ResNet-18 for small images: a 3x3 stem and no pooling before the four stages."""
    nn = t.nn

    def normed(channels: int, width: int, kernel: int, stride: int) -> object:
        convolution = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(width))

    class Block(nn.Module):
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            self.first = normed(channels, width, 3, stride)
            self.second = normed(width, width, 3, 1)
            same = channels == width and stride == 1
            self.shortcut = nn.Identity() if same else normed(channels, width, 1, stride)

        def forward(self, x: object) -> object:
            y = self.second(self.first(x).relu())
            return (y + self.shortcut(x)).relu()

    stages, channels = [], 64
    for width in (64, 128, 256, 512):
        stages += [Block(channels, width, 1 if width == 64 else 2), Block(width, width, 1)]
        channels = width
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return nn.Sequential(normed(3, 64, 3, 1), nn.ReLU(), *stages, *head)


def _lstm(t: ModuleType) -> object:
    class Classifier(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = t.nn.LSTM(64, 128, batch_first=True)
            self.head = t.nn.Linear(128, 10)

        def forward(self, x: object) -> object:
            outputs, _ = self.lstm(x)
            return self.head(outputs[:, -1])

    return Classifier()


def _transformer(t: ModuleType) -> object:
    """A language model of two blocks (attention, then gelu layers, each normalized before)."""
    nn = t.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
            self.heads = nn.Linear(WIDTH, 3 * WIDTH)
            self.mix = nn.Linear(WIDTH, WIDTH)
            self.layers = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
            )

        def forward(self, x: object) -> object:
            batch, length, _ = x.shape
            parts = self.heads(self.norms[0](x)).reshape(batch, length, 3, HEADS, WIDTH // HEADS)
            query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # (batch, heads, length, d)
            scores = query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5
            seen = scores.softmax(-1) @ value
            x = x + self.mix(seen.transpose(1, 2).reshape(batch, length, WIDTH))
            return x + self.layers(self.norms[1](x))

    return _language_model(t, [Block(), Block()])


def _encoder(t: ModuleType) -> object:
    def layer() -> object:
        return t.nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True)

    return _language_model(t, [layer(), layer()])


def _language_model(t: ModuleType, blocks: list[object]) -> object:
    """Tokens in, a score for every word of the vocabulary at every place out."""
    nn = t.nn
    head = (nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY), nn.Flatten(0, 1))
    return nn.Sequential(nn.Embedding(VOCABULARY, WIDTH), *blocks, *head)


# --- inputs, optimizers ------------------------------------------------------------------------


def _images(*shape: int, batch: int = BATCH) -> Inputs:
    return lambda t: t.rand(batch, *shape)


def _sequences(t: ModuleType) -> object:
    return t.rand(32, 32, 64)


def _tokens(t: ModuleType) -> object:
    return t.randint(0, VOCABULARY, (16, SEQUENCE))


def _sgd(t: ModuleType, model: object) -> object:
    return t.optim.SGD(model.parameters(), lr=0.01)


def _momentum(t: ModuleType, model: object) -> object:
    return t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def _adam(t: ModuleType, model: object) -> object:
    return t.optim.Adam(model.parameters(), lr=1e-3)


def _adamw(t: ModuleType, model: object) -> object:
    return t.optim.AdamW(model.parameters(), lr=1e-3)


# --- what is timed -----------------------------------------------------------------------------


def _step(make: Make, inputs: Inputs, optimizer_of: Optimizer, classes: int = 10) -> Build:
    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        model = make(t)
        optimizer = optimizer_of(t, model)
        x = inputs(t)
        with t.no_grad():
            rows = model(x).shape[0]
        labels = t.randint(0, classes, (rows,))
        cross_entropy = t.nn.functional.cross_entropy

        def step() -> None:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()

        return step

    return build


def _inference(make: Make, inputs: Inputs) -> Build:
    def build(t: ModuleType) -> Callable[[], object]:
        t.manual_seed(0)
        model = make(t).eval()
        x = inputs(t)

        def run() -> object:
            with t.no_grad():
                return model(x)

        return run

    return build
