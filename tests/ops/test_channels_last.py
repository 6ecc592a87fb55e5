"""Memory formats: who makes them, who keeps them, and convolutions in them."""

import pytest
from numpy.testing import assert_allclose

import facula as torch
from facula.nn import functional as F

LAST = torch.channels_last


def image(*shape: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape)


def test_to_clone_contiguous_and_empty_take_a_format() -> None:
    x = image(2, 3, 4, 5)
    for y in (
        x.to(memory_format=LAST),
        x.contiguous(memory_format=LAST),
        x.clone(memory_format=LAST),
        x.to(torch.float64, memory_format=LAST).float(),
    ):
        assert y.stride() == (60, 1, 15, 3)
        assert y.is_contiguous(memory_format=LAST) and not y.is_contiguous()
        assert_allclose(y.numpy(), x.numpy())
        assert y.to(memory_format=LAST) is y and y.contiguous(memory_format=LAST) is y
        assert y.to(memory_format=torch.contiguous_format).stride() == x.stride()
    assert torch.empty(2, 3, 4, 5, memory_format=LAST).stride() == (60, 1, 15, 3)
    assert torch.zeros_like(x, memory_format=LAST).stride() == (60, 1, 15, 3)
    assert torch.ones_like(x.to(memory_format=LAST)).stride() == (60, 1, 15, 3)


def test_volumes_have_a_format_too() -> None:
    x = image(2, 3, 4, 5, 6)
    y = x.contiguous(memory_format=torch.channels_last_3d)
    assert y.stride() == (360, 1, 90, 18, 3) and not y.is_contiguous(memory_format=LAST)


def test_one_channel_lies_in_both_formats() -> None:
    x = image(2, 1, 4, 5)
    assert x.contiguous(memory_format=LAST) is x
    assert x.to(memory_format=LAST).stride() == (20, 1, 5, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: image(3, 4).contiguous(memory_format=LAST),
        lambda: image(2, 3, 4).to(memory_format=LAST),
        lambda: torch.empty(2, 3, memory_format=LAST),
        lambda: torch.zeros_like(image(2, 3), memory_format=LAST),
    ],
)
def test_a_wrong_rank_is_an_error(make: object) -> None:
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        make()  # type: ignore[operator]


def test_gradients_pass_through_a_change_of_format() -> None:
    x = image(2, 3, 4, 5).requires_grad_()
    (x.to(memory_format=LAST) * 2).sum().backward()
    assert (x.grad == 2).all() and x.grad.stride() == x.stride()


CONVOLUTIONS = [
    (16, 24, 3, 1, 1, 1),
    (3, 20, 3, 2, 1, 1),
    (20, 40, 1, 1, 1, 1),
    (8, 8, 3, 1, 1, 8),
    (8, 16, 3, 2, 1, 2),
    (17, 17, 3, 2, 0, 17),
    (5, 5, 3, 1, 2, 5),
]


@pytest.mark.parametrize("which", ["input", "weight", "both"])
@pytest.mark.parametrize("inner, outer, kernel, stride, padding, groups", CONVOLUTIONS)
def test_convolutions_keep_channels_last(
    inner: int, outer: int, kernel: int, stride: int, padding: int, groups: int, which: str
) -> None:
    x, bias = image(2, inner, 7, 9), image(outer)
    weight = image(outer, inner // groups, kernel, kernel)
    results = []
    for changed in (False, True):
        a, w, b = (t.detach() for t in (x, weight, bias))
        if changed and which != "weight":
            a = a.to(memory_format=LAST)
        if changed and which != "input":
            w = w.to(memory_format=LAST)
        for t in (a, w, b):
            t.requires_grad_()
        y = F.conv2d(a, w, b, stride, padding, 1, groups)
        (y * y).sum().backward()
        if changed:
            assert y.is_contiguous(memory_format=LAST)
            assert a.grad.stride() == a.stride() and w.grad.stride() == w.stride()
        results.append((y.detach(), a.grad, w.grad, b.grad))
    for one, other in zip(*results):
        assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-3)


def test_some_channels_of_a_wider_image() -> None:
    wide, weight = image(2, 40, 5, 6).to(memory_format=LAST), image(40, 20, 1, 1)
    some = wide[:, :20]
    y = F.conv2d(some, weight)
    assert_allclose(y.numpy(), F.conv2d(some.contiguous(), weight).numpy(), rtol=1e-4, atol=1e-4)


def test_depthwise_of_no_images() -> None:
    x = torch.empty(0, 4, 5, 5, memory_format=LAST).requires_grad_()
    y = F.conv2d(x, image(4, 1, 3, 3), padding=1, groups=4)
    y.sum().backward()
    assert y.shape == x.grad.shape == (0, 4, 5, 5)


def test_a_network_in_channels_last_gives_the_same() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16, 32, 3, stride=2),
        torch.nn.Conv2d(32, 8, 1),
    )
    x = image(2, 3, 8, 8)
    plain = net(x)
    net.to(memory_format=LAST)
    assert net[0].weight.is_contiguous(memory_format=LAST)
    last = net(x.to(memory_format=LAST))
    assert last.is_contiguous(memory_format=LAST)
    assert_allclose(last.detach().numpy(), plain.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_second_derivatives_in_channels_last() -> None:
    x = image(1, 2, 3, 4).double().requires_grad_()
    w = image(3, 2, 2, 2).double().requires_grad_()

    def convolution(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return F.conv2d(a.to(memory_format=LAST), b.to(memory_format=LAST), padding=1)

    assert torch.autograd.gradgradcheck(convolution, (x, w))
