"""Dtypes, promotion and limits: PyTorch's tables by heart, and PyTorch itself where installed."""

import copy
import pickle
from collections.abc import Callable, Iterator
from itertools import product
from types import ModuleType

import numpy as np
import pytest

from facula.meta import dtype as dtypes
from facula.meta.dtype import (
    DTYPES,
    bfloat16,
    bool_,
    complex32,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int64,
)

INTEGERS = DTYPES[1:6]
FLOATS = DTYPES[6:10]

# One row a dtype, one column a dtype, in the order of DTYPES.
PROMOTION = """
bool     uint8    int8     int16    int32    int64    float16  bfloat16 float32  float64
uint8    uint8    int16    int16    int32    int64    float16  bfloat16 float32  float64
int8     int16    int8     int16    int32    int64    float16  bfloat16 float32  float64
int16    int16    int16    int16    int32    int64    float16  bfloat16 float32  float64
int32    int32    int32    int32    int32    int64    float16  bfloat16 float32  float64
int64    int64    int64    int64    int64    int64    float16  bfloat16 float32  float64
float16  float16  float16  float16  float16  float16  float16  float32  float32  float64
bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 float32  bfloat16 float32  float64
float32  float32  float32  float32  float32  float32  float32  float32  float32  float64
float64  float64  float64  float64  float64  float64  float64  float64  float64  float64
"""


@pytest.fixture(autouse=True)
def default_dtype() -> Iterator[None]:
    yield
    dtypes.set_default_dtype(float32)


# --- the objects ---------------------------------------------------------------------------------


def test_names_sizes_and_kinds() -> None:
    rows = [(d.name, d.short, d.itemsize, d.kind, d.index, d.abbr) for d in DTYPES]
    assert rows == [
        ("bool", "bool", 1, "b", 0, "b8"),
        ("uint8", "u8", 1, "u", 1, "u8"),
        ("int8", "i8", 1, "i", 2, "i8"),
        ("int16", "i16", 2, "i", 3, "i16"),
        ("int32", "i32", 4, "i", 4, "i32"),
        ("int64", "i64", 8, "i", 5, "i64"),
        ("float16", "f16", 2, "f", 6, "f16"),
        ("bfloat16", "bf16", 2, "f", 7, "bf16"),
        ("float32", "f32", 4, "f", 8, "f32"),
        ("float64", "f64", 8, "f", 9, "f64"),
        ("complex32", "c32", 4, "c", 10, "c32"),
        ("complex64", "c64", 8, "c", 11, "c64"),
        ("complex128", "c128", 16, "c", 12, "c128"),
        ("uint16", "u16", 2, "u", 13, "u16"),
        ("uint32", "u32", 4, "u", 14, "u32"),
        ("uint64", "u64", 8, "u", 15, "u64"),
    ]


def test_repr_is_that_of_torch() -> None:
    assert [repr(bool_), str(bfloat16)] == ["torch.bool", "torch.bfloat16"]


@pytest.mark.parametrize("one", DTYPES, ids=repr)
def test_copies_are_the_same_object(one: dtypes.dtype) -> None:
    assert pickle.loads(pickle.dumps(one)) is one
    assert copy.copy(one) is one
    assert copy.deepcopy(one) is one


def test_a_dtype_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        float32.name = "double"  # type: ignore[misc]


def test_numpy_types() -> None:
    for one in DTYPES:
        if one not in (bfloat16, complex32):
            assert one.numpy == np.dtype(one.name)
            assert dtypes.of_numpy(np.dtype(one.name)) is one
    assert bfloat16.numpy is complex32.numpy is None


@pytest.mark.parametrize("name", ["complex256", "O", "U3"])
def test_numpy_types_that_have_no_dtype(name: str) -> None:
    with pytest.raises(TypeError, match="can't convert np.ndarray of type numpy"):
        dtypes.of_numpy(np.dtype(name))


def test_numpy_type_in_foreign_byte_order() -> None:
    foreign = np.dtype("float32").newbyteorder("S")
    with pytest.raises(TypeError, match="not in native byte order"):
        dtypes.of_numpy(foreign)


def test_of_name() -> None:
    assert dtypes.of_name("torch.float16") is dtypes.of_name("half") is float16
    assert dtypes.of_name("bool") is bool_
    with pytest.raises(ValueError, match="unknown dtype 'float8'"):
        dtypes.of_name("float8")


# --- promotion -----------------------------------------------------------------------------------


def test_promotion_table() -> None:
    table = [row.split() for row in PROMOTION.strip().splitlines()]
    for a, b in product(DTYPES[:10], DTYPES[:10]):
        assert dtypes.promote_types(a, b).name == table[a.index][b.index], (a, b)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (int64, complex32), (float16, complex32), (bfloat16, complex64), (float32, complex64),
        (float64, complex128), (complex64, complex64), (complex128, complex128),
    ],
)  # fmt: skip
def test_promotion_with_the_least_complex_dtype(real: dtypes.dtype, expected: dtypes.dtype) -> None:
    assert dtypes.promote_types(real, complex32) is expected
    assert dtypes.promote_types(complex32, real) is expected
    assert expected.to_real().to_complex() is expected


def test_promotion_is_an_upper_bound_of_both() -> None:
    for a, b in product(DTYPES[:13], DTYPES[:13]):
        both = dtypes.promote_types(a, b)
        assert both is dtypes.promote_types(b, a)
        assert dtypes.promote_types(both, a) is both
        assert dtypes.promote_types(a, a) is a


def test_promotion_wants_dtypes() -> None:
    with pytest.raises(TypeError, match=r"'type2' \(position 2\) must be torch.dtype, not int"):
        dtypes.promote_types(float32, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operands", "expected"),
    [
        ([(dtypes.int32, 2), (int64, None)], dtypes.int32),
        ([(dtypes.int32, 2), (float32, None)], float32),
        ([(float16, 2), (float64, 0)], float16),
        ([(dtypes.int8, 1), (float64, 0)], float64),
        ([(bool_, 1), (dtypes.uint8, 0)], dtypes.uint8),
        ([(bool_, 1), (int64, None)], int64),
        ([(dtypes.uint8, 1), (dtypes.int8, 1)], dtypes.int16),
        ([(dtypes.int8, 0), (int64, None)], dtypes.int8),
        ([(float16, 0), (float64, None)], float16),
        ([(bool_, None), (bool_, None)], bool_),
        ([(float64, None)], float32),
        ([(int64, 1), (complex128, None)], complex64),
        ([(float64, 1), (complex64, None)], complex128),
        ([(float16, 1), (complex128, 0)], complex32),
        ([(complex64, 1), (float64, 0)], complex64),
    ],
)
def test_result_type(operands: list, expected: dtypes.dtype) -> None:
    assert dtypes.result_type(operands) is expected


def test_python_floats_count_as_the_default_dtype() -> None:
    dtypes.set_default_dtype(float64)
    assert dtypes.result_type([(int64, 3), (float32, None)]) is float64
    assert dtypes.of_scalar(1.0) is float64


def test_result_type_of_nothing() -> None:
    with pytest.raises(RuntimeError, match="at least one operand"):
        dtypes.result_type([])


def test_of_scalar() -> None:
    values = (True, 1, 1.5, 1j)
    assert [dtypes.of_scalar(v) for v in values] == [bool_, int64, float32, complex64]
    with pytest.raises(TypeError, match="got str"):
        dtypes.of_scalar("1")


def test_default_dtype_must_be_floating() -> None:
    with pytest.raises(TypeError, match="^only floating-point types"):
        dtypes.set_default_dtype(int64)
    with pytest.raises(TypeError, match="^invalid dtype object"):
        dtypes.set_default_dtype("float64")  # type: ignore[arg-type]
    assert dtypes.get_default_dtype() is float32


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", [float16, float32, float64], ids=repr)
def test_finfo_agrees_with_numpy(one: dtypes.dtype) -> None:
    ours, theirs = dtypes.finfo(one), np.finfo(one.name)
    for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("one", INTEGERS, ids=repr)
def test_iinfo_agrees_with_numpy(one: dtypes.dtype) -> None:
    ours, theirs = dtypes.iinfo(one), np.iinfo(one.name)
    assert (ours.bits, ours.max, ours.min) == (theirs.bits, theirs.max, theirs.min)


def test_bfloat16_limits() -> None:
    assert dtypes.finfo(bfloat16).max == 3.3895313892515355e38
    assert dtypes.finfo(bfloat16).eps == 0.0078125


def test_limits_of_the_wrong_kind() -> None:
    with pytest.raises(TypeError, match=r"torch.finfo\(\) requires a floating point input type"):
        dtypes.finfo(int64)
    with pytest.raises(TypeError, match=r"torch.iinfo\(\) requires an integer input type"):
        dtypes.iinfo(float32)
    with pytest.raises(TypeError, match="torch.bool is not supported by torch.iinfo"):
        dtypes.iinfo(bool_)


def test_finfo_of_the_default_dtype() -> None:
    assert dtypes.finfo() == dtypes.finfo(float32) != dtypes.finfo(float64)


# --- against PyTorch -----------------------------------------------------------------------------


def test_torch_has_the_same_attributes(torch: ModuleType) -> None:
    for one in DTYPES:
        theirs = getattr(torch, one.name)
        assert repr(theirs) == repr(one)
        for name in ("itemsize", "is_floating_point", "is_signed", "is_complex", "abbr"):
            assert getattr(one, name) == getattr(theirs, name), (one, name)
    for name, one in dtypes.ALIASES.items():
        assert repr(getattr(torch, name)) == repr(one)


def outcome(function: Callable[..., object], *args: object) -> str:
    """What a call gives, or the message of its error."""
    try:
        return repr(function(*args))
    except RuntimeError as error:
        return str(error)


def test_torch_promotes_and_casts_alike(torch: ModuleType) -> None:
    for a, b in product(DTYPES, DTYPES):
        theirs_a, theirs_b = getattr(torch, a.name), getattr(torch, b.name)
        expected = outcome(torch.promote_types, theirs_a, theirs_b)
        assert outcome(dtypes.promote_types, a, b) == expected
        assert dtypes.can_cast(a, b) == torch.can_cast(theirs_a, theirs_b), (a, b)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_torch_result_type_of_every_pair(torch: ModuleType) -> None:
    """Every dtype as a tensor with dimensions, as a 0-d tensor and as a Python scalar."""
    operands = [
        ((one, ndim), torch.ones([1] * ndim, dtype=getattr(torch, one.name)))
        for one in DTYPES
        for ndim in (0, 1)
    ]
    operands += [((dtypes.of_scalar(value), None), value) for value in (True, 2, 2.5, 2j)]
    for default in (float32, float64, float16):
        dtypes.set_default_dtype(default)
        torch.set_default_dtype(getattr(torch, default.name))
        try:
            for (a, theirs_a), (b, theirs_b) in product(operands, operands):
                expected = outcome(torch.result_type, theirs_a, theirs_b)
                assert outcome(dtypes.result_type, [a, b]) == expected, (a, b)
        finally:
            torch.set_default_dtype(torch.float32)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_torch_result_type_of_triples(torch: ModuleType) -> None:
    """where(condition, a, b) + c: three groups at once, seen through addcmul's common dtype."""
    narrow = DTYPES[:13]
    for a, b, scalar in product(narrow, narrow, (True, 2, 2.5)):
        ours = dtypes.result_type([(a, 1), (b, 0), (dtypes.of_scalar(scalar), None)])
        x = torch.ones(1, dtype=getattr(torch, a.name))
        y = torch.ones((), dtype=getattr(torch, b.name))
        # a lower group is joined before the higher one is: fold from the right
        below = torch.result_type(y, scalar)
        assert repr(ours) == repr(torch.result_type(x, torch.ones((), dtype=below))), (a, b, scalar)


def test_torch_prints_the_same_limits(torch: ModuleType) -> None:
    for one in FLOATS:
        theirs = torch.finfo(getattr(torch, one.name))
        ours = dtypes.finfo(one)
        assert repr(ours) == repr(theirs)
        for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
            assert getattr(ours, name) == getattr(theirs, name), (one, name)
    for one in INTEGERS:
        assert repr(dtypes.iinfo(one)) == repr(torch.iinfo(getattr(torch, one.name)))
