"""Dtypes, layouts and schemes that have a name and no tensors: float8, quantized and packed ones.

Programs name them in tables and tests; making a tensor of one says that there is none.
"""

from dataclasses import dataclass

from facula.meta.dtype import dtype
from facula.meta.layout import contiguous_format, layout


@dataclass(frozen=True, slots=True, repr=False)
class qscheme:
    """How the scales of a quantized tensor are laid out: names only, for there are no such tensors.

    >>> import facula as torch
    >>> torch.per_tensor_affine
    torch.per_tensor_affine
    """

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"


def _named(name: str, itemsize: int, kind: str) -> dtype:
    return dtype(name, name, itemsize, kind, -1, kind == "f", kind in "if", False)


_FLOATS = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
           "float4_e2m1fn_x2")  # fmt: skip
_SMALL = [f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)]
_BITS = {"bits16": 2, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1, "bits8": 1}
_QUANTIZED = {"qint32": 4, "qint8": 1, "quint2x4": 1, "quint4x2": 1, "quint8": 1}

NAMES: dict[str, object] = {
    **{name: _named(name, 1, "f") for name in _FLOATS},
    **{name: _named(name, 1, "u" if name[0] == "u" else "i") for name in _SMALL},
    **{name: _named(name, size, "u") for name, size in _BITS.items()},
    **{name: _named(name, size, "q") for name, size in _QUANTIZED.items()},
    **{
        name: layout(name)
        for name in ("jagged", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr")
    },
    **{
        name: qscheme(name)
        for name in (
            "per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric",
            "per_tensor_affine", "per_tensor_symmetric",
        )
    },
    "legacy_contiguous_format": contiguous_format,
    "newaxis": None,
    "has_lapack": True,
    "has_mkl": False,
    "has_mkldnn": False,
    "has_mps": False,
    "has_cuda": False,
    "has_openmp": False,
    "has_spectral": True,
}  # fmt: skip
NAMES["bit"] = NAMES["uint1"]

__all__ = ["qscheme", *NAMES]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    try:
        return NAMES[name]
    except KeyError:
        raise AttributeError(f"module 'facula.meta.other' has no attribute {name!r}") from None
