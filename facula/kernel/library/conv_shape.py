"""`Conv2d`: the numbers of a convolution, as the plans and the operations share them."""

from typing import NamedTuple


class Conv2d(NamedTuple):
    """The numbers of a convolution as torch names them; channels count all groups.

    `last`: results have their channels side by side (channels_last); `weight_last`: so has the
    weight.

    >>> Conv2d(64, 1, 28, 28, 32, (3, 3)).output
    (26, 26)
    """

    batch: int
    in_channels: int
    height: int
    width: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    given_output: tuple[int, int] | None = None
    last: bool = False
    weight_last: bool = False

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the result; `given_output` allows more padding on the far sides."""
        if self.given_output is not None:
            return self.given_output
        sizes = zip(
            (self.height, self.width), self.kernel, self.stride, self.padding, self.dilation
        )
        height, width = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes)
        return height, width
