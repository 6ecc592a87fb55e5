"""The convolutions of well-known networks, layer by layer, from the tables of their papers."""

from collections.abc import Iterator
from typing import NamedTuple


class Layer(NamedTuple):
    """One convolution over square images: `side` is the input's height and width."""

    channels_in: int
    channels_out: int
    side: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = False
    transposed: bool = False

    @property
    def side_out(self) -> int:
        if self.transposed:
            return (self.side - 1) * self.stride - 2 * self.padding + self.kernel
        return (self.side + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def flop(self) -> int:
        """Additions and multiplications for one image, forward."""
        side = self.side if self.transposed else self.side_out
        taps = self.kernel**2 * self.channels_in // self.groups
        return 2 * taps * self.channels_out * side**2


def resnet50() -> Iterator[Layer]:
    """He et al., Deep Residual Learning (arXiv 1512.03385), table 1, with the stride of a stage in
    its first 3x3 as in the implementations people use."""
    yield Layer(3, 64, 224, 7, 2, 3)
    channels, side = 64, 56
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            yield Layer(channels, width, side, 1)
            yield Layer(width, width, side, 3, stride, 1)
            if block == 0:
                yield Layer(channels, 4 * width, side, 1, stride)
            side //= stride
            yield Layer(width, 4 * width, side, 1)
            channels = 4 * width


def vgg16() -> Iterator[Layer]:
    """Simonyan and Zisserman (arXiv 1409.1556), table 1, column D."""
    channels, side = 3, 224
    for width, layers in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(layers):
            yield Layer(channels, width, side, 3, padding=1, bias=True)
            channels = width
        side //= 2


def mobilenet_v2() -> Iterator[Layer]:
    """Sandler et al. (arXiv 1801.04381), table 2: expansion, channels, blocks, first stride."""
    yield Layer(3, 32, 224, 3, 2, 1)
    channels, side = 32, 112
    table = (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    )
    for expansion, width, blocks, first_stride in table:
        for block in range(blocks):
            stride, inner = first_stride if block == 0 else 1, expansion * channels
            if expansion > 1:
                yield Layer(channels, inner, side, 1)
            yield Layer(inner, inner, side, 3, stride, 1, groups=inner)
            side //= stride
            yield Layer(inner, width, side, 1)
            channels = width
    yield Layer(320, 1280, 7, 1)


def unet() -> Iterator[Layer]:
    """Ronneberger et al. (arXiv 1505.04597), figure 1, with padded 3x3 convolutions as most do."""
    channels, side = 3, 224
    for width in (64, 128, 256, 512, 1024):
        yield Layer(channels, width, side, 3, padding=1, bias=True)
        yield Layer(width, width, side, 3, padding=1, bias=True)
        channels, side = width, side // 2
    side *= 2
    for width in (512, 256, 128, 64):
        yield Layer(2 * width, width, side, 2, 2, bias=True, transposed=True)
        side *= 2
        yield Layer(2 * width, width, side, 3, padding=1, bias=True)
        yield Layer(width, width, side, 3, padding=1, bias=True)
    yield Layer(64, 2, side, 1, bias=True)


def lenet() -> Iterator[Layer]:
    """LeNet-5, LeCun et al. 1998, on padded MNIST images."""
    yield Layer(1, 6, 28, 5, padding=2, bias=True)
    yield Layer(6, 16, 14, 5, bias=True)


def mnist_cnn() -> Iterator[Layer]:
    """The two convolutions of the small CNN that group `train` trains."""
    yield Layer(1, 32, 28, 3, bias=True)
    yield Layer(32, 64, 26, 3, bias=True)


# network: (layers, largest batch)
NETWORKS = {
    "LeNet": (lenet, 64),
    "MNIST CNN": (mnist_cnn, 64),
    "ResNet-50": (resnet50, 8),
    "VGG-16": (vgg16, 8),
    "MobileNetV2": (mobilenet_v2, 8),
    "U-Net": (unet, 8),
}
