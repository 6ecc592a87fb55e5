"""Fourier transforms: against sums of products with roots of unity, and what torch gives."""

import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from facula.autograd import gradcheck

fft = facula.fft


def waves(n: int, direction: float) -> np.ndarray:
    """The matrix of a transform: row k is a wave of k turns."""
    places = np.arange(n)
    return np.exp(direction * 2j * np.pi * np.outer(places, places) / n)


def numbers(*shape: int, kind: str = "complex128", seed: int = 0) -> np.ndarray:
    random = np.random.RandomState(seed)
    if np.dtype(kind).kind == "f":
        return random.randn(*shape).astype(kind)
    return (random.randn(*shape) + 1j * random.randn(*shape)).astype(kind)


SCALES = {None: 1.0, "backward": 1.0, "ortho": 0.5, "forward": 0.0}


@pytest.mark.parametrize("norm", SCALES)
@pytest.mark.parametrize("n", [1, 6, 7])
def test_one_dim_is_a_product_with_waves(n: int, norm: str | None) -> None:
    z, x = numbers(3, n), numbers(3, n, kind="float64")
    forth, back = float(n) ** (SCALES[norm] - 1), float(n) ** -SCALES[norm]
    full = z @ waves(n, -1) * forth
    assert np.allclose(fft.fft(facula.from_numpy(z), norm=norm).numpy(), full)
    assert np.allclose(fft.ifft(facula.from_numpy(z), norm=norm).numpy(), z @ waves(n, 1) * back)
    half = (x @ waves(n, -1) * forth)[:, : n // 2 + 1]
    made = fft.rfft(facula.from_numpy(x), norm=norm)
    assert np.allclose(made.numpy(), half)
    assert np.allclose(fft.irfft(made, n, norm=norm).numpy(), x)
    back_half = (x @ waves(n, 1) * back)[:, : n // 2 + 1]
    made = fft.ihfft(facula.from_numpy(x), norm=norm)
    assert np.allclose(made.resolve_conj().numpy(), back_half)
    assert np.allclose(fft.hfft(made, n, norm=norm).numpy(), x)


def test_dtypes_sizes_and_layouts() -> None:
    x = facula.from_numpy(numbers(4, 5, kind="float32"))
    assert fft.fft(x).dtype is facula.complex64 and fft.irfft(x).dtype is facula.float32
    assert fft.fft(facula.arange(4)).dtype is facula.complex64
    assert fft.fft(x, n=8).shape == (4, 8) and fft.rfft(x, n=3, dim=0).shape == (2, 5)
    z = numbers(6, 5)
    expected = waves(5, -1) @ z.T
    assert np.allclose(fft.fft(facula.from_numpy(z).T, dim=0).numpy(), expected)
    assert np.allclose(fft.fft(facula.from_numpy(z).conj(), dim=1).numpy(), z.conj() @ waves(5, -1))
    assert fft.fft(facula.zeros(0, 4)).shape == (0, 4)
    out = facula.empty(0, dtype=facula.complex64)
    assert fft.fft(x, out=out) is out and out.shape == (4, 5)


def test_several_dims_are_one_after_the_other() -> None:
    z = facula.from_numpy(numbers(3, 4, 5))
    assert fft.fftn(z).allclose(fft.fft(fft.fft(fft.fft(z, dim=0), dim=1), dim=2))
    assert fft.ifft2(z, s=(6, 2)).allclose(fft.ifft(fft.ifft(z, 6, 1), 2, 2))
    x = z.real
    assert fft.irfftn(fft.rfftn(x), s=x.shape).allclose(x)
    assert fft.hfftn(fft.ihfftn(x), s=x.shape).allclose(x)
    assert fft.rfft2(x).allclose(fft.fft(fft.rfft(x), dim=1))
    assert fft.fftn(z, dim=()).allclose(z)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("size", [5, 6])
def test_gradients(size: int, order: int) -> None:
    """On real inputs and outputs, where finite differences are at home."""
    x = facula.from_numpy(numbers(2, size, kind="float64")).requires_grad_()
    weight = facula.from_numpy(0.3 * numbers(2, size))

    def loss(x: Any) -> Any:
        y = fft.fft(x * weight, norm="ortho")
        y = fft.irfft(fft.rfft((y * y.conj()).real) * weight[:, :1], size)
        return fft.hfft(fft.ifft2(y**2 + 0j), size + 1)

    def slope(x: Any) -> Any:
        (g,) = facula.autograd.grad(loss(x).square().sum(), x, create_graph=True)
        return g

    assert gradcheck(loss if order == 1 else slope, (x,), atol=1e-4, rtol=1e-4)


def test_frequencies_and_shifts() -> None:
    assert fft.fftfreq(5, 0.5).tolist() == pytest.approx([0, 0.4, 0.8, -0.8, -0.4])
    assert fft.rfftfreq(4).tolist() == [0, 0.25, 0.5]
    x = facula.arange(5)
    assert fft.fftshift(x).tolist() == [3, 4, 0, 1, 2]
    assert fft.ifftshift(fft.fftshift(x)).tolist() == x.tolist()
    assert fft.fftshift(facula.arange(6).view(2, 3), dim=(1,)).tolist() == [[2, 0, 1], [5, 3, 4]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: fft.fft(x, norm="no"), 'Invalid normalization mode: "no"'),
        (lambda x: fft.fft(x, n=0), r"Invalid number of data points \(0\) specified"),
        (lambda x: fft.rfft(x + 0j), "rfft expects a real input tensor, but got ComplexFloat"),
        (lambda x: fft.fftn(x, dim=(0, 0)), "FFT dims must be unique"),
        (lambda x: fft.fftn(x, s=(1, 2, 3)), "Got shape with 3 values but input tensor only has 2"),
        (lambda x: fft.rfftn(x, dim=()), "rfftn must transform at least one axis"),
        (lambda x: fft.fft(x.half()), "Unsupported dtype Half"),
    ],
)
def test_what_is_refused(call: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call(facula.ones(2, 3))


# --- windows of signals --------------------------------------------------------------------------


def test_stft_is_the_transform_of_each_window() -> None:
    x, window = numbers(2, 30, kind="float64"), 0.5 + numbers(6, kind="float64", seed=1) ** 2
    made = facula.stft(
        facula.from_numpy(x), 8, 3, 6, facula.from_numpy(window), center=False, return_complex=True
    )
    assert made.shape == (2, 5, 1 + (30 - 8) // 3)
    padded = np.concatenate([[0], window, [0]])
    for k in range(made.shape[2]):
        expected = (x[:, 3 * k : 3 * k + 8] * padded) @ waves(8, -1)[:, :5]
        assert np.allclose(made.numpy()[:, :, k], expected)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("center", [False, True])
def test_istft_gives_the_signal_back(center: bool, normalized: bool) -> None:
    window = facula.from_numpy(0.5 + np.hanning(8))
    x = facula.from_numpy(numbers(2, 32, kind="float64")).requires_grad_()
    how = {"n_fft": 8, "hop_length": 4, "window": window, "center": center}
    spectrum = facula.stft(x, **how, normalized=normalized, return_complex=True)
    y = facula.istft(spectrum, **how, normalized=normalized, length=32)
    assert y.allclose(x)
    (g,) = facula.autograd.grad(y.sum(), x)
    assert g.allclose(facula.ones_like(x))


@pytest.mark.parametrize("mode", ["reflect", "constant", "replicate", "circular"])
def test_torch_transforms_windows_the_same(mode: str, torch: ModuleType) -> None:
    for kind in ("float32", "complex64"):
        x = numbers(2, 21, kind=kind)
        how: dict[str, Any] = {"hop_length": 3, "win_length": 5, "pad_mode": mode}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "complex64" and mode != "constant":
                continue  # torch pads no complex signals but with zeros
            theirs = torch.stft(torch.from_numpy(x), 6, **how, return_complex=True)
        ours = facula.stft(facula.from_numpy(x), 6, **how, return_complex=True)
        assert np.allclose(ours.numpy(), theirs.numpy(), atol=1e-5)


def test_what_stft_refuses() -> None:
    x = facula.ones(30)
    with pytest.raises(RuntimeError, match="requires the return_complex parameter"):
        facula.stft(x, 8)
    with pytest.raises(RuntimeError, match=r"expected 0 < n_fft <?=? ?30, but got n_fft=80"):
        facula.stft(x, 80, center=False, return_complex=True)
    with pytest.raises(RuntimeError, match="Cannot have onesided output"):
        facula.stft(x + 0j, 8, onesided=True, return_complex=True)
    zeros = facula.zeros(8)
    with pytest.raises(RuntimeError, match="window overlap add min: 1"):
        facula.istft(facula.ones(5, 4, dtype=facula.complex64), 8, window=zeros)
