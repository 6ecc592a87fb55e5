"""Tensors of any layout and checkpoints of any content, made without the code under test."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np

from facula.form import form_of
from facula.meta.dtype import dtype, float32
from facula.storage import Storage
from facula.tensor import Tensor, from_bytes, view_of

DATA = Path(__file__).parent / "data"

# (shape, strides, offset) over a storage of 24 elements: the layouts where frameworks break.
LAYOUTS = {
    "contiguous": ((2, 3, 4), (12, 4, 1), 0),
    "transposed": ((4, 3), (1, 4), 0),
    "offset": ((2, 5), (5, 1), 7),
    "step": ((3, 2), (8, 3), 1),
    "expanded": ((3, 4), (0, 1), 4),
    "channels last": ((1, 3, 2, 4), (24, 1, 12, 3), 0),
    "scalar": ((), (), 23),
    "empty": ((0, 3), (3, 1), 0),
    "empty inside": ((3, 0, 2), (2, 2, 1), 5),
    "empty at the end": ((0,), (1,), 24),
}


def bits(tensor: Tensor) -> np.ndarray:
    """The elements as unsigned integers, read through strides from the storage's bytes."""
    size = tensor.dtype.itemsize
    code = f"u{size}" if size <= 8 else "c16"
    if not tensor.numel():
        return np.empty(tuple(tensor.shape), code)
    start = tensor.storage_offset() * size
    strides = [size * step for step in tensor.stride()]
    buffer = memoryview(tensor.untyped_storage().buffer())
    return np.ndarray(tuple(tensor.shape), code, buffer, start, strides).copy()


def pattern(kind: dtype, count: int = 24) -> bytes:
    """`count` elements of a dtype that all differ as far as the dtype allows."""
    if kind.itemsize == 1:
        return bytes(k % 2 if kind.kind == "b" else (k * 37) % 256 for k in range(count))
    parts = 2 if kind.is_complex else 1
    return np.arange(1, parts * count + 1).astype(f"u{kind.itemsize // parts}").tobytes()


def storage(kind: dtype, count: int = 24) -> Storage:
    return from_bytes(pattern(kind, count), kind, (count,)).untyped_storage()


def view(base: Storage, kind: dtype, layout: tuple) -> Tensor:
    shape, strides, offset = layout
    return view_of(base, offset, form_of(kind, shape, strides))


def tensor(values: object, kind: dtype = float32) -> Tensor:
    array = np.array(values, kind.numpy)
    return from_bytes(array.tobytes(), kind, array.shape)


# --- containers -----------------------------------------------------------------------------------


def checkpoint(content: bytes, **storages: bytes) -> bytes:
    """A checkpoint with this pickle and these storages: k0=... becomes data/0."""
    records = {"data.pkl": content, "byteorder": b"little", "version": b"3\n"}
    records |= {f"data/{name[1:]}": data for name, data in storages.items()}
    return zipped({f"archive/{name}": data for name, data in records.items()})


def zipped(records: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    return file.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- pickles, written by hand ---------------------------------------------------------------------


def text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def name(full: str) -> bytes:
    module, _, last = full.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def pickled(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def reference(kind: str = "FloatStorage", key: str = "0", numel: int = 4) -> bytes:
    words = text("storage") + name(f"torch.{kind}") + text(key) + text("cpu") + number(numel)
    return b"(" + words + b"tQ"


def rebuilt(
    size: bytes = numbers(4),
    stride: bytes = numbers(1),
    offset: bytes = number(0),
    place: bytes | None = None,
    requires_grad: bytes = b"\x89",
) -> bytes:
    """The pickle of a tensor, with any of its parts replaced."""
    place = reference() if place is None else place
    hooks = name("collections.OrderedDict") + b")R"
    args = b"(" + place + offset + size + stride + requires_grad + hooks + b"t"
    return name("torch._utils._rebuild_tensor_v2") + args + b"R"
