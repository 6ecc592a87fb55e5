"""nn.functional: what layers do not show, such as padding, and signatures against torch's."""

import inspect

import numpy as np
import pytest

from facula import nn, ops
from facula.nn import functional as F


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


NUMPY_MODES = {
    "constant": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}
PADS = [(1, 2), (2, 0, 1, 3), (0, 0, 2, 2)]


@pytest.mark.parametrize("mode", NUMPY_MODES)
@pytest.mark.parametrize("pad", PADS)
def test_pad_is_numpy_s_pad(mode: str, pad: tuple[int, ...]) -> None:
    x = numbers(2, 4, 5)
    widths = [(0, 0)] * (3 - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    found = F.pad(ops.tensor(x), pad, mode=mode).numpy()
    np.testing.assert_array_equal(found, np.pad(x, widths, mode=NUMPY_MODES[mode]))


def test_pad_with_a_value_and_with_less() -> None:
    x = ops.tensor([[1.0, 2.0, 3.0]])
    assert F.pad(x, (1, 0), value=7).tolist() == [[7.0, 1.0, 2.0, 3.0]]
    assert F.pad(x, (-1, 1)).tolist() == [[2.0, 3.0, 0.0]]
    assert F.pad(x, (-1, -1)).tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("pad", "mode", "value", "kind", "text"),
    [
        ((1,), "constant", None, RuntimeError, "Padding length must be divisible by 2"),
        ((1,) * 6, "constant", None, RuntimeError, "two times the input dimension"),
        ((1, 1), "mirror", None, NotImplementedError, "Unrecognised padding mode mirror"),
        ((1, 1), "reflect", 2.0, RuntimeError, 'Padding mode "reflect" doesn\'t take in value'),
        ((3, 0), "reflect", None, RuntimeError, "Padding size should be less than"),
        ((4, 0), "circular", None, RuntimeError, "wrapping around more than once"),
        ((-2, -2), "constant", None, RuntimeError, "negative output size, which is invalid"),
    ],
)
def test_wrong_padding(pad, mode, value, kind, text) -> None:
    with pytest.raises(kind, match=text):
        F.pad(ops.ones(1, 3), pad, mode, value)


def test_padding_passes_gradients_back() -> None:
    x = ops.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    F.pad(x, (2, 0), mode="reflect").sum().backward()
    assert x.grad.tolist() == [[1.0, 2.0, 2.0]]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize(
    ("shape", "dim"), [((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((1, 2, 3, 4), 1)]
)
def test_softmax_without_dim_guesses_and_warns(name: str, shape: tuple[int, ...], dim: int) -> None:
    x = ops.tensor(numbers(*shape))
    with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name} has been deprec"):
        guessed = getattr(F, name)(x)
    assert guessed.tolist() == getattr(F, name)(x, dim).tolist()


def test_normalize_and_cosine_similarity() -> None:
    x, y = numbers(4, 3), numbers(4, 3)[::-1].copy()
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(F.normalize(ops.tensor(x)).numpy(), x / lengths, rtol=1e-5)
    expected = (x * y).sum(1) / (lengths[:, 0] * np.linalg.norm(y, axis=1))
    found = F.cosine_similarity(ops.tensor(x), ops.tensor(y)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_one_hot() -> None:
    assert F.one_hot(ops.tensor([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert F.one_hot(ops.tensor([1]), num_classes=3).tolist() == [[0, 1, 0]]


def test_batch_norm_checks_its_arguments() -> None:
    x = ops.ones(2, 3)
    with pytest.raises(
        ValueError, match="batch_norm eps must be positive during training, but got 0"
    ):
        F.batch_norm(x, None, None, training=True, eps=0)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        F.batch_norm(ops.ones(1, 3), None, None, training=True)


@pytest.mark.parametrize("name", ["l1_loss", "mse_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_weighted_losses_are_those_of_torch(torch, name: str, reduction: str) -> None:
    arrays = [numbers(3, 4), numbers(3, 4)[::-1].copy(), np.abs(numbers(3, 4))]
    x, t, w = (ops.tensor(array) for array in arrays)
    found = getattr(F, name)(x, t, reduction=reduction, weight=w).numpy()
    x, t, w = (torch.tensor(array) for array in arrays)
    expected = getattr(torch.nn.functional, name)(x, t, reduction=reduction, weight=w).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_signatures_are_those_of_torch(torch) -> None:
    """Names, order and defaults, for the functions that torch writes in Python."""
    differing = []
    for name in F.__all__:
        theirs = getattr(torch.nn.functional, name)
        try:
            expected = inspect.signature(theirs).parameters
        except ValueError:
            continue  # built in
        if "args" in expected:
            continue  # chosen by an argument at call time
        found = inspect.signature(getattr(F, name)).parameters
        ours = [(p.name, p.default) for p in found.values()]
        its = [(p.name, p.default) for p in expected.values()]
        if ours != its:
            differing.append((name, ours, its))
    assert differing == []


@pytest.mark.parametrize("name", nn.__all__)
def test_constructors_are_those_of_torch(torch, name: str) -> None:
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    if not isinstance(ours, type):
        return
    ours, theirs = (inspect.signature(one).parameters.values() for one in (ours, theirs))
    ours, theirs = (
        [(p.name, getattr(p.default, "__name__", p.default), p.kind) for p in one]
        for one in (ours, theirs)
    )
    assert ours == theirs
