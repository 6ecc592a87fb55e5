"""Convolutions of integers against those of float64, which are exact for small numbers; linear
layers of integers with a bias; results of integer images in their order of channels."""

import numpy as np
import pytest

import facula
from facula.nn import functional as F

CASES = [
    (1, (2, 4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "groups": 2}),
    (1, (4, 9), (6, 4, 3), {"padding": "same", "dilation": 2}),
    (2, (2, 4, 7, 6), (6, 2, 3, 2), {"stride": (2, 1), "padding": (1, 2), "groups": 2}),
    (2, (1, 3, 5, 5), (2, 3, 2, 2), {"padding": "same"}),
    (3, (1, 2, 4, 5, 4), (3, 2, 2, 3, 1), {"stride": (1, 2, 1), "dilation": (2, 1, 1)}),
]
TURNED = [
    (1, (2, 4, 5), (4, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    (2, (2, 4, 4, 5), (4, 3, 3, 2), {"stride": (2, 3), "groups": 2, "padding": (1, 0)}),
    (3, (1, 2, 3, 3, 2), (2, 2, 2, 2, 3), {"dilation": (1, 2, 1), "padding": 1}),
]


def both(name: str, sizes: list[tuple[int, ...]], kwargs: dict[str, object]) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.integers(-9, 9, size) for size in sizes]
    ours = getattr(F, name)(*[facula.tensor(x) for x in arrays], **kwargs)
    exact = getattr(F, name)(*[facula.tensor(x.astype("float64")) for x in arrays], **kwargs)
    assert ours.dtype is facula.int64
    np.testing.assert_array_equal(ours.numpy(), np.rint(exact.numpy()))


@pytest.mark.parametrize(("rank", "x", "w", "kwargs"), CASES)
def test_convolutions(
    rank: int, x: tuple[int, ...], w: tuple[int, ...], kwargs: dict[str, object]
) -> None:
    both(f"conv{rank}d", [x, w, (w[0],)], kwargs)


@pytest.mark.parametrize(("rank", "x", "w", "kwargs"), TURNED)
def test_transposed_convolutions(
    rank: int, x: tuple[int, ...], w: tuple[int, ...], kwargs: dict[str, object]
) -> None:
    groups = int(str(kwargs.get("groups", 1)))
    both(f"conv_transpose{rank}d", [x, w, (w[1] * groups,)], kwargs)


def test_sums_wrap_around() -> None:
    big = facula.full((1, 1, 2), 2**62)
    assert F.conv1d(big, facula.full((1, 1, 2), 2)).tolist() == [[[0]]]


def test_other_integers_are_refused() -> None:
    x = facula.ones(1, 1, 3, 3, dtype=facula.int32)
    with pytest.raises(NotImplementedError):
        F.conv2d(x, x)


def test_a_linear_layer_of_integers_adds_its_bias() -> None:
    x, w = facula.arange(6).reshape(2, 3), facula.arange(12).reshape(4, 3)
    b = facula.tensor([100, 200, 300, 400])
    for given in (x, x[0], x.expand(2, 2, 3)):
        wanted = (given.numpy() @ w.numpy().T) + b.numpy()
        np.testing.assert_array_equal(F.linear(given, w, b).numpy(), wanted)


def test_images_keep_their_order_of_channels() -> None:
    x = facula.rand(2, 3, 4, 4).to(memory_format=facula.channels_last)
    for y in (
        F.interpolate(x, scale_factor=2),
        F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
        F.pad(x, (1, 1)),
    ):
        assert y.is_contiguous(memory_format=facula.channels_last)
