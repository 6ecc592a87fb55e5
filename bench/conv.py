"""Group `conv`: the convolutions of real networks, pooling, interpolation.

Every distinct layer of every network once, with the largest batch (a power of two) whose forward
pass stays under `MOST_FLOP`, so that a row takes milliseconds.
"""

from collections.abc import Iterator

from bench.measure import Case, Work
from bench.networks import NETWORKS, Layer
from bench.program import backward, forward

GROUP = "conv"
MOST_FLOP = 4e9

# text: (shape of x, bytes an element of x moved forward)
IMAGES = {
    "F.max_pool2d(x, 2)": ((8, 64, 112, 112), 5),
    "F.max_pool2d(x, 3, 2, 1)": ((8, 64, 112, 112), 5),
    "F.avg_pool2d(x, 2)": ((8, 64, 112, 112), 5),
    "F.adaptive_avg_pool2d(x, 7)": ((8, 512, 14, 14), 5),
    "F.adaptive_avg_pool2d(x, 1)": ((8, 2048, 7, 7), 4),
    "x.mean((2, 3))": ((8, 1280, 7, 7), 4),
    "F.interpolate(x, scale_factor=2, mode='nearest')": ((1, 128, 112, 112), 20),
    "F.interpolate(x, scale_factor=2, mode='bilinear')": ((1, 128, 112, 112), 20),
}
# Some layers again with the channels of a pixel side by side.
CHANNELS_LAST = (
    Layer(64, 64, 56, 3, padding=1),
    Layer(64, 256, 56, 1),
    Layer(256, 256, 28, 3, 2, 1),
    Layer(144, 144, 56, 3, 1, 1, groups=144),
)


def cases() -> list[Case]:
    """All cases of the group."""
    layers: dict[tuple[Layer, int], str] = {}
    for network, (generate, most) in NETWORKS.items():
        for layer in generate():
            layers.setdefault((layer, _batch(layer, most)), network)
    listed = [
        case
        for (layer, batch), network in layers.items()
        for case in _convolution(network, layer, batch)
    ]
    for layer in CHANNELS_LAST:
        listed += _convolution(
            "channels_last", layer, _batch(layer, 8), ".contiguous(memory_format=t.channels_last)"
        )
    return [*listed, *_images()]


def _batch(layer: Layer, most: int) -> int:
    while most > 1 and most * layer.flop > MOST_FLOP:
        most //= 2
    return most


def _convolution(network: str, layer: Layer, batch: int, form: str = "") -> Iterator[Case]:
    """The layer forward, and forward with backward to the image as well."""
    function = "conv_transpose2d" if layer.transposed else "conv2d"
    first, second = layer.channels_out, layer.channels_in // layer.groups
    if layer.transposed:
        first, second = layer.channels_in, layer.channels_out
    kernel, side = layer.kernel, layer.side
    setup = [
        f"x = t.rand({batch}, {layer.channels_in}, {side}, {side}){form}",
        f"weight = t.rand({first}, {second}, {kernel}, {kernel}){form}",
        f"bias = t.rand({layer.channels_out})" if layer.bias else "bias = None",
    ]
    groups = f", groups={layer.groups}" if layer.groups > 1 else ""
    text = f"F.{function}(x, weight, bias, {layer.stride}, {layer.padding}{groups})"
    name = f"{network} {_words(layer)}, batch {batch}"
    flop = batch * layer.flop
    yield Case(GROUP, name, forward("\n".join(setup), text), Work(flop, "flop"))
    leaves = "x weight bias" if layer.bias else "x weight"
    build = backward("\n".join(setup), leaves, text)
    yield Case(GROUP, f"{name}, and backward", build, Work(3 * flop, "flop"))


def _words(layer: Layer) -> str:
    kind = "up " if layer.transposed else "depthwise " if layer.groups > 1 else ""
    stride = f" stride {layer.stride}" if layer.stride > 1 else ""
    channels = f"{layer.channels_in} to {layer.channels_out}"
    return f"{kind}{layer.kernel}x{layer.kernel}{stride}, {channels}, {layer.side}x{layer.side}"


def _images() -> Iterator[Case]:
    for text, (shape, moved) in IMAGES.items():
        setup = f"x = t.rand{shape}"
        batch, channels, height, width = shape
        name = f"{text}, {batch}x{channels}x{height}x{width}"
        work = Work(moved * batch * channels * height * width, "byte")
        yield Case(GROUP, name, forward(setup, text), work)
        yield Case(GROUP, f"{name}, and backward", backward(setup, "x", text))
