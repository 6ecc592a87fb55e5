"""Windows: against PyTorch, and the errors of wrong arguments."""

import pytest

import facula as ft

CALLS = (
    "torch.signal.windows.bartlett(7)", "torch.signal.windows.bartlett(6, sym=False)",
    "torch.signal.windows.blackman(7, dtype=torch.float64)",
    "torch.signal.windows.cosine(8)", "torch.signal.windows.cosine(5, sym=False)",
    "torch.signal.windows.exponential(7, tau=2.5)",
    "torch.signal.windows.exponential(6, center=1.0, sym=False)",
    "torch.signal.windows.gaussian(9, std=1.7, sym=False)", "torch.signal.windows.gaussian(1)",
    "torch.signal.windows.general_cosine(10, a=[0.46, 0.23, 0.31])",
    "torch.signal.windows.general_hamming(10, alpha=0.7, sym=False)",
    "torch.signal.windows.hamming(5)", "torch.signal.windows.hann(6, requires_grad=True)",
    "torch.signal.windows.kaiser(9, beta=5.0)", "torch.signal.windows.kaiser(8, sym=False)",
    "torch.signal.windows.nuttall(7)", "torch.signal.windows.hann(0)",
    "torch.bartlett_window(8)", "torch.bartlett_window(7, periodic=False)",
    "torch.blackman_window(9, False)", "torch.hamming_window(8, True, 0.5, 0.3)",
    "torch.hann_window(7, dtype=torch.float64)", "torch.hann_window(1)", "torch.hann_window(0)",
    "torch.kaiser_window(9, True, 3.0)", "torch.kaiser_window(6, beta=8.0, periodic=False)",
)  # fmt: skip
WRONG = (
    "torch.signal.windows.hann(-1)", "torch.signal.windows.hann(3, dtype=torch.int64)",
    "torch.signal.windows.exponential(3, tau=-1)",
    "torch.signal.windows.exponential(3, center=1.0)", "torch.signal.windows.gaussian(3, std=0)",
    "torch.signal.windows.kaiser(3, beta=-1)", "torch.signal.windows.general_cosine(3, a=[])",
    "torch.signal.windows.general_cosine(3, a=3)", "torch.hann_window(-2)",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_windows_like_torch(call: str, torch) -> None:
    got, want = eval(call, {"torch": ft}), eval(call, {"torch": torch})
    assert got.shape == want.shape
    assert str(got.dtype) == str(want.dtype)
    assert got.requires_grad == want.requires_grad
    torch.testing.assert_close(torch.tensor(got.tolist(), dtype=want.dtype), want.detach())


@pytest.mark.parametrize("call", WRONG)
def test_wrong_arguments_like_torch(call: str, torch) -> None:
    with pytest.raises((ValueError, RuntimeError, TypeError)) as wanted:
        eval(call, {"torch": torch})
    with pytest.raises(wanted.type) as found:
        eval(call, {"torch": ft})
    assert str(found.value) == str(wanted.value)


def test_a_window_tapers_to_both_ends_alike() -> None:
    for name in ft.signal.windows.__all__:
        more = {"a": [0.5, 0.5]} if name == "general_cosine" else {}
        weights = getattr(ft.signal.windows, name)(9, dtype=ft.float64, **more)
        assert ft.allclose(weights, weights.flip(0))
        assert weights.argmax().item() == 4
