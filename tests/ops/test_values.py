"""Pointwise operations against NumPy: every row of `samples.py` over dtypes and layouts."""

import zlib
from collections.abc import Callable

import numpy as np
import pytest

import facula
from facula import Tensor
from tests.ops.twin import TOLERANCE
from tests.samples import SAMPLES, Sample

KINDS = {
    "f": ("float32", "float64", "float16", "bfloat16"),
    "i": ("int64", "int32", "int16", "int8"),
    "u": ("uint8",),
    "b": ("bool",),
}
SHAPE = (3, 4, 5)
Place = Callable[[np.ndarray, "facula.dtype"], Tensor]


def inside(values: np.ndarray, shape: tuple[int, ...], where: tuple[slice, ...]) -> np.ndarray:
    """A larger array that holds the values at a place, and one of them everywhere else."""
    room = np.full(shape, values.flat[0])
    room[where] = values
    return room


EVERY_OTHER = (slice(None, None, 2), slice(None), slice(1, None, 2))
BEHIND = (slice(1, None), slice(2, None))
# The same (3, 4, 5) numbers, or some of them, held in different ways.
LAYOUTS: dict[str, Place] = {
    "contiguous": lambda v, d: facula.tensor(v, dtype=d),
    "transposed": lambda v, d: facula.tensor(v.transpose(2, 1, 0), dtype=d).transpose(0, 2),
    "stepped": lambda v, d: facula.tensor(inside(v, (6, 4, 10), EVERY_OTHER), dtype=d)[EVERY_OTHER],
    "expanded": lambda v, d: facula.tensor(v[:, :1], dtype=d).expand(SHAPE),
    "offset": lambda v, d: facula.tensor(inside(v, (4, 6, 5), BEHIND), dtype=d)[BEHIND],
    "empty": lambda v, d: facula.tensor(v[:0], dtype=d),
    "scalar": lambda v, d: facula.tensor(v[0, 0, 0], dtype=d),
}
STRIDED = ("transposed", "stepped", "expanded", "offset")


def chosen(sample: Sample, kind: str, name: str) -> tuple[str, ...]:
    """Layouts for a dtype: each row meets two strided ones; no operation has code of its own for a
    layout, so that is enough."""
    if kind != sample.kinds[0] or name != KINDS[kind][0]:
        return ("contiguous",)
    turn = SAMPLES.index(sample)
    return ("contiguous", "empty", "scalar", STRIDED[turn % 4], STRIDED[(turn + 1 + turn // 4) % 4])


def numbers(sample: Sample, name: str, position: int) -> np.ndarray:
    """Numbers of the domain, always the same for a row."""
    random = np.random.default_rng(zlib.crc32(f"{sample} {position}".encode()))
    low, high = sample.domain
    if name == "bool":
        return random.integers(0, 2, SHAPE).astype(bool)
    if "int" in name:
        low = max(low, 0) if name == "uint8" else low
        return random.integers(int(np.ceil(low)), int(high) + 1, SHAPE)
    return random.uniform(low, high, SHAPE)


def held(x: Tensor) -> np.ndarray:
    """The numbers of a tensor, rounded to its dtype, as the reference takes them."""
    if x.dtype.is_floating_point:
        return np.array(x.tolist(), np.float64).reshape(tuple(x.shape))
    return np.array(x.tolist(), str(x.dtype).removeprefix("torch.")).reshape(tuple(x.shape))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_pointwise_values(sample: Sample) -> None:
    function = sample.function(facula)
    for kind in sample.kinds:
        for name in KINDS[kind]:
            for layout in chosen(sample, kind, name):
                others = layout if layout in ("empty", "scalar") else "contiguous"
                tensors = [
                    LAYOUTS[others if k else layout](
                        numbers(sample, name, k), getattr(facula, name)
                    )
                    for k in range(sample.tensors)
                ]
                y = function(*tensors)
                expected = sample.reference(*map(held, tensors))
                assert tuple(y.shape) == np.shape(expected), (name, layout)
                bound = TOLERANCE.get(str(y.dtype), 0.0) * sample.loose
                np.testing.assert_allclose(
                    np.array(y.tolist(), np.float64).reshape(tuple(y.shape)),
                    np.asarray(expected, np.float64),
                    rtol=bound,
                    atol=bound,
                    err_msg=f"{name} {layout}",
                )


@pytest.mark.parametrize("sample", [s for s in SAMPLES if "f" in s.kinds], ids=str)
def test_in_place_and_out_forms(sample: Sample) -> None:
    """They give what the plain form gives, in the tensor they were told."""
    *home, name = sample.name.split(".")
    made = [facula.tensor(numbers(sample, "float64", k)) for k in range(sample.tensors)]
    y = sample.function(facula)(*made)
    inplace = getattr(made[0], f"{name}_", None)
    if inplace is not None and not home:
        target = made[0].clone()
        got = getattr(target, f"{name}_")(*made[1:], *sample.arguments, **dict(sample.named))
        assert got is target
        np.testing.assert_array_equal(
            np.array(target.tolist(), np.float64), np.array(y.tolist(), np.float64)
        )
    if not home and name not in ("positive", "rsub"):
        out = facula.empty(0, dtype=y.dtype)
        got = (
            sample.function(facula)(*made)
            if False
            else getattr(facula, name)(*made, *sample.arguments, **dict(sample.named), out=out)
        )
        assert got is out
        np.testing.assert_array_equal(
            np.array(out.tolist(), np.float64), np.array(y.tolist(), np.float64)
        )
