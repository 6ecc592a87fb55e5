"""Printed tensors: strings that PyTorch 2.13 printed, and several hundred more beside it."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facula.format import get_printoptions, printoptions, set_printoptions, tensor_str
from facula.meta import dtype as dtypes
from facula.meta.dtype import DTYPES, of_name

nan, inf = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    set_printoptions(profile="default")
    yield
    set_printoptions(profile="default")
    dtypes.set_default_dtype(dtypes.float32)


def _array(values: Any, dtype: dtypes.dtype) -> np.ndarray:
    """As the tensor holds it; bfloat16 by cutting the float32 values used here to 16 bits."""
    if dtype.numpy is not None:
        return np.array(values).astype(dtype.numpy)
    bits = np.array(values, dtype=np.float32).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)  # to nearest, ties to even
    return (rounded & 0xFFFF0000).astype(np.uint32).view(np.float32)


STORED: list[tuple[Any, str, list[str], dict[str, Any], str]] = [
    (
        [1.0, 2.0],
        "float32",
        [],
        {},
        "tensor([1., 2.])",
    ),
    (
        [1.5, -2.25],
        "float32",
        [],
        {},
        "tensor([ 1.5000, -2.2500])",
    ),
    (
        3.5,
        "float32",
        ["requires_grad=True"],
        {},
        "tensor(3.5000, requires_grad=True)",
    ),
    (
        7,
        "int64",
        [],
        {},
        "tensor(7)",
    ),
    (
        True,
        "bool",
        [],
        {},
        "tensor(True)",
    ),
    (
        [[1, 20], [-300, 4]],
        "int64",
        [],
        {},
        """\
tensor([[   1,   20],
        [-300,    4]])""",
    ),
    (
        [1, 2],
        "uint8",
        [],
        {},
        "tensor([1, 2], dtype=torch.uint8)",
    ),
    (
        [True, False],
        "bool",
        [],
        {},
        "tensor([ True, False])",
    ),
    (
        [1.0, nan, inf, -inf],
        "float32",
        [],
        {},
        "tensor([1., nan, inf, -inf])",
    ),
    (
        [nan, 0.5, -0.0],
        "float32",
        [],
        {},
        "tensor([   nan, 0.5000, -0.0000])",
    ),
    (
        [nan, nan],
        "float32",
        [],
        {},
        "tensor([nan, nan])",
    ),
    (
        [1e-5, 1.0],
        "float32",
        [],
        {},
        "tensor([1.0000e-05, 1.0000e+00])",
    ),
    (
        [1.0, 1001.0],
        "float32",
        [],
        {},
        "tensor([1.0000e+00, 1.0010e+03])",
    ),
    (
        [0.5, 500.0],
        "float32",
        [],
        {},
        "tensor([  0.5000, 500.0000])",
    ),
    (
        [123456789.0, 1.0],
        "float64",
        [],
        {},
        "tensor([1.2346e+08, 1.0000e+00], dtype=torch.float64)",
    ),
    (
        [0.1, 0.2],
        "float16",
        [],
        {},
        "tensor([0.1000, 0.2000], dtype=torch.float16)",
    ),
    (
        [0.1, 0.2],
        "bfloat16",
        [],
        {},
        "tensor([0.1001, 0.2002], dtype=torch.bfloat16)",
    ),
    (
        [0.0, 0.0],
        "float64",
        ["requires_grad=True"],
        {},
        "tensor([0., 0.], dtype=torch.float64, requires_grad=True)",
    ),
    (
        [],
        "float32",
        [],
        {},
        "tensor([])",
    ),
    (
        np.zeros((0, 3)),
        "float32",
        [],
        {},
        "tensor([], size=(0, 3))",
    ),
    (
        np.zeros((2, 0)),
        "int64",
        ["requires_grad=True"],
        {},
        "tensor([], size=(2, 0), dtype=torch.int64, requires_grad=True)",
    ),
    (
        np.arange(30),
        "int64",
        [],
        {},
        """\
tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])""",
    ),
    (
        np.arange(24).reshape(2, 3, 4) / 8,
        "float32",
        ["grad_fn=<DivBackward0>"],
        {},
        """\
tensor([[[0.0000, 0.1250, 0.2500, 0.3750],
         [0.5000, 0.6250, 0.7500, 0.8750],
         [1.0000, 1.1250, 1.2500, 1.3750]],

        [[1.5000, 1.6250, 1.7500, 1.8750],
         [2.0000, 2.1250, 2.2500, 2.3750],
         [2.5000, 2.6250, 2.7500, 2.8750]]], grad_fn=<DivBackward0>)""",
    ),
    (
        np.arange(1200),
        "int64",
        [],
        {},
        "tensor([   0,    1,    2,  ..., 1197, 1198, 1199])",
    ),
    (
        np.arange(1200).reshape(2, 10, 60),
        "int32",
        [],
        {},
        """\
tensor([[[   0,    1,    2,  ...,   57,   58,   59],
         [  60,   61,   62,  ...,  117,  118,  119],
         [ 120,  121,  122,  ...,  177,  178,  179],
         ...,
         [ 420,  421,  422,  ...,  477,  478,  479],
         [ 480,  481,  482,  ...,  537,  538,  539],
         [ 540,  541,  542,  ...,  597,  598,  599]],

        [[ 600,  601,  602,  ...,  657,  658,  659],
         [ 660,  661,  662,  ...,  717,  718,  719],
         [ 720,  721,  722,  ...,  777,  778,  779],
         ...,
         [1020, 1021, 1022,  ..., 1077, 1078, 1079],
         [1080, 1081, 1082,  ..., 1137, 1138, 1139],
         [1140, 1141, 1142,  ..., 1197, 1198, 1199]]], dtype=torch.int32)""",
    ),
    (
        np.arange(1200).reshape(40, 30) / 7,
        "float32",
        ["grad_fn=<DivBackward0>"],
        {},
        """\
tensor([[0.0000e+00, 1.4286e-01, 2.8571e-01,  ..., 3.8571e+00, 4.0000e+00,
         4.1429e+00],
        [4.2857e+00, 4.4286e+00, 4.5714e+00,  ..., 8.1429e+00, 8.2857e+00,
         8.4286e+00],
        [8.5714e+00, 8.7143e+00, 8.8571e+00,  ..., 1.2429e+01, 1.2571e+01,
         1.2714e+01],
        ...,
        [1.5857e+02, 1.5871e+02, 1.5886e+02,  ..., 1.6243e+02, 1.6257e+02,
         1.6271e+02],
        [1.6286e+02, 1.6300e+02, 1.6314e+02,  ..., 1.6671e+02, 1.6686e+02,
         1.6700e+02],
        [1.6714e+02, 1.6729e+02, 1.6743e+02,  ..., 1.7100e+02, 1.7114e+02,
         1.7129e+02]], grad_fn=<DivBackward0>)""",
    ),
    (
        [0.123456789, 2.0],
        "float64",
        [],
        {"precision": 8},
        "tensor([0.12345679, 2.00000000], dtype=torch.float64)",
    ),
    (
        [0.5, 2.0],
        "float32",
        [],
        {"sci_mode": True},
        "tensor([5.0000e-01, 2.0000e+00])",
    ),
    (
        [1e-9, 2.0],
        "float32",
        [],
        {"sci_mode": False},
        "tensor([0.0000, 2.0000])",
    ),
    (
        np.arange(20),
        "int64",
        [],
        {"threshold": 10, "edgeitems": 1},
        "tensor([ 0,  ..., 19])",
    ),
    (
        np.arange(12) / 4,
        "float32",
        ["requires_grad=True"],
        {"linewidth": 30},
        """\
tensor([0.0000, 0.2500,
        0.5000, 0.7500,
        1.0000, 1.2500,
        1.5000, 1.7500,
        2.0000, 2.2500,
        2.5000, 2.7500],
       requires_grad=True)""",
    ),
    (
        np.arange(36).reshape(6, 6) / 4,
        "float32",
        [],
        {"profile": "short", "threshold": 20},
        """\
tensor([[0.00, 0.25,  ..., 1.00, 1.25],
        [1.50, 1.75,  ..., 2.50, 2.75],
        ...,
        [6.00, 6.25,  ..., 7.00, 7.25],
        [7.50, 7.75,  ..., 8.50, 8.75]])""",
    ),
]


@pytest.mark.parametrize(("values", "name", "suffixes", "options", "expected"), STORED)
def test_stored_strings(
    values: Any, name: str, suffixes: list[str], options: dict[str, Any], expected: str
) -> None:
    set_printoptions(**options)
    dtype = of_name(name)
    array = _array(values, dtype)
    assert tensor_str(array, dtype, array.shape, suffixes=suffixes) == expected


def test_default_dtype_is_not_named() -> None:
    array = np.ones(2)
    assert tensor_str(array, dtypes.float64, (2,)) == "tensor([1., 1.], dtype=torch.float64)"
    dtypes.set_default_dtype(dtypes.float64)
    assert tensor_str(array, dtypes.float64, (2,)) == "tensor([1., 1.])"


def test_leading_words_come_before_the_dtype() -> None:
    text = tensor_str(np.ones(1), dtypes.float64, (1,), leading=["device='cuda:0'"])
    assert text == "tensor([1.], device='cuda:0', dtype=torch.float64)"


def test_options_stay_until_changed_but_for_sci_mode() -> None:
    set_printoptions(precision=2, sci_mode=True)
    set_printoptions(linewidth=100)
    assert get_printoptions() == {
        "precision": 2,
        "threshold": 1000,
        "edgeitems": 3,
        "linewidth": 100,
        "sci_mode": None,
    }


def test_unknown_profile() -> None:
    with pytest.raises(ValueError, match="expected profile 'default', 'short' or 'full'"):
        set_printoptions(profile="long")


def test_options_of_a_block_end_with_it() -> None:
    before = get_printoptions()
    with pytest.raises(KeyError), printoptions(precision=1, sci_mode=True):
        assert tensor_str(np.float32([1.25]), dtypes.float32, (1,)) == "tensor([1.2e+00])"
        raise KeyError
    assert get_printoptions() == before


# --- against PyTorch -----------------------------------------------------------------------------

SIZES = [1, 2, 3, 5, 7, 8, 13, 40]


def _random_values(random: np.random.RandomState, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Values that lead to each kind of column: whole, decimal, scientific, with NaN and -0."""
    values = np.asarray(random.randn(*shape))
    if kind == "b":
        return values > 0
    if kind != "f":
        values = np.abs(values) if kind == "u" else values
        return np.clip(np.round(values * 10 ** random.randint(0, 3)), -100, 100)
    shaped = [
        values,
        values * 10 ** random.uniform(-8, 9),
        np.round(values * 10 ** random.uniform(0, 6)),
        values * 10 ** random.uniform(-5, 5, shape),
        np.round(values * 1e9),
        values * 0,
    ][random.randint(6)]
    chance = np.asarray(random.rand(*shape))
    if random.rand() < 0.7:
        return np.asarray(shaped)
    shaped = np.where(chance < 0.1, nan, shaped)
    shaped = np.where(chance > 0.9, inf, shaped)
    return np.where((chance > 0.5) & (chance < 0.6), -0.0, np.where(chance > 0.95, -inf, shaped))


def _random_options(random: np.random.RandomState) -> dict[str, Any]:
    if random.rand() < 0.5:
        return {}
    choices: dict[str, list[Any]] = {
        "precision": [None, 0, 1, 2, 6, 10],
        "threshold": [None, 0, 10, 50],
        "edgeitems": [None, None, 0, 1, 2, 5],
        "linewidth": [None, 1, 20, 60, 120],
        "profile": [None, "default", "short", "full"],
        "sci_mode": [None, None, True, False],
    }
    return {name: values[random.randint(len(values))] for name, values in choices.items()}


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_torch_prints_the_same(dtype: dtypes.dtype, torch: ModuleType) -> None:
    random = np.random.RandomState(dtype.index)
    for _ in range(50):
        shape = tuple(int(random.choice(SIZES)) for _ in range(random.randint(5)))
        if random.rand() < 0.1:
            shape = (*shape[:1], int(random.choice([0, 999, 1000, 1001])))
        while np.prod(shape) > 5000:
            shape = shape[:-1]
        options = _random_options(random)
        values = _random_values(random, shape, "f" if dtype.is_complex else dtype.kind)
        if dtype.is_complex:
            parts = [np.asarray(values), np.asarray(_random_values(random, shape, "f"))]
            values = np.stack(parts, -1).view("complex128")[..., 0]
        theirs = torch.tensor(values)
        with np.errstate(over="ignore"):
            theirs = theirs.to(getattr(torch, dtype.name))
        suffixes = []
        if dtype.is_floating_point and random.rand() < 0.3:
            theirs.requires_grad_()
            suffixes = ["requires_grad=True"]
            if random.rand() < 0.5:
                theirs = theirs * 1
                suffixes = ["grad_fn=<MulBackward0>"]
        plain = theirs.detach().float() if dtype is dtypes.bfloat16 else theirs.detach()
        plain = plain.cfloat() if dtype is dtypes.complex32 else plain
        set_printoptions(profile="default")
        set_printoptions(**options)
        torch.set_printoptions(profile="default")
        torch.set_printoptions(**options)
        try:
            expected = repr(theirs)
        finally:
            torch.set_printoptions(profile="default")
        assert tensor_str(plain.numpy(), dtype, shape, suffixes=suffixes) == expected, options
