"""Checkpoints between facula and real PyTorch, both ways, compared bit by bit."""

import io
from collections import Counter, OrderedDict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from forge import LAYOUTS, bits, pattern, storage, tensor, view

from facula import nn, optim
from facula.io import archive, load, save
from facula.meta.device import device
from facula.meta.dtype import DTYPES, bfloat16, float32, of_name
from facula.meta.layout import strided
from facula.meta.shape import Size
from facula.nn.parameter import Buffer, Parameter
from facula.tensor import Tensor


def from_torch(torch: ModuleType, value: object, **options: object) -> object:
    """What facula reads of what torch writes."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    file.seek(0)
    return load(file)


def to_torch(torch: ModuleType, value: object) -> object:
    """What torch reads, with its restricted unpickler, of what facula writes."""
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def torch_bits(torch: ModuleType, value: object) -> np.ndarray:
    size = value.element_size()
    raw = value.detach().contiguous().flatten().view(torch.uint8).numpy()
    return raw.view(f"u{size}" if size <= 8 else "c16").reshape(tuple(value.shape))


def agree(torch: ModuleType, ours: object, theirs: object) -> bool:
    """Whether a value of facula and one of torch are the same in every respect a file carries."""
    if isinstance(ours, Tensor):
        return (
            repr(ours.dtype) == repr(theirs.dtype)
            and tuple(ours.shape) == tuple(theirs.shape)
            and tuple(ours.stride()) == tuple(theirs.stride())
            and ours.storage_offset() == theirs.storage_offset()
            and ours.requires_grad == theirs.requires_grad
            and isinstance(ours, Parameter) == isinstance(theirs, torch.nn.Parameter)
            and np.array_equal(bits(ours), torch_bits(torch, theirs))
        )
    if isinstance(ours, dict):
        names = list(ours) == list(theirs)
        return names and all(agree(torch, ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(
            agree(torch, one, other) for one, other in zip(ours, theirs)
        )
    return type(ours) is type(theirs) and ours == theirs


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("kind", DTYPES, ids=repr)
def test_every_dtype_and_layout(torch: ModuleType, kind: object) -> None:
    theirs_kind = getattr(torch, kind.name)
    flat = torch.frombuffer(bytearray(pattern(kind)), dtype=torch.uint8).view(theirs_kind)
    theirs = {label: flat.as_strided(*layout) for label, layout in LAYOUTS.items()}
    base = storage(kind)
    ours = {label: view(base, kind, layout) for label, layout in LAYOUTS.items()}
    assert agree(torch, from_torch(torch, theirs), theirs)
    assert agree(torch, ours, to_torch(torch, ours))
    assert agree(torch, from_torch(torch, theirs, _use_new_zipfile_serialization=False), theirs)


def test_sharing(torch: ModuleType) -> None:
    base = torch.arange(6.0)
    ours = from_torch(torch, [base, base[2:], base.clone(), base])
    assert ours[0].untyped_storage() is ours[1].untyped_storage()
    assert ours[0].untyped_storage() is not ours[2].untyped_storage()
    assert ours[0] is ours[3]
    back = to_torch(torch, ours)
    back[0][3] = 100.0
    assert back[1][1] == 100.0 and back[2][3] == 3.0 and back[3] is back[0]


def test_plain_data_for_torch(torch: ModuleType) -> None:
    plain = {
        "none": None,
        "flags": [True, False],
        "ints": (0, -1, 255, 256, 2**31, -(2**63), 2**70),
        "float": 0.1,
        "text": "é 漢",
        "bytes": b"\x00\xff",
        "no bytes": b"",
        "set": {1, "a"},
        "array": bytearray(b"ab"),
        "complex": 1 + 2j,
        "nested": [[], {}, ((),)],
        1: {None: 2.5},
        "ordered": OrderedDict(b=1, a=2),
        "counter": Counter("abca"),
        "many": list(range(3000)),
    }
    assert agree(torch, plain, to_torch(torch, plain))
    assert agree(torch, from_torch(torch, plain), plain) or not plain["no bytes"]
    words = to_torch(torch, [Size([2, 3]), bfloat16, device("cuda:1"), device("cpu")])
    assert words == [
        torch.Size([2, 3]),
        torch.bfloat16,
        torch.device("cuda:1"),
        torch.device("cpu"),
    ]
    assert type(words[0]) is torch.Size


def test_plain_data_from_torch(torch: ModuleType) -> None:
    words = [torch.Size([2, 3]), torch.bfloat16, torch.device("cuda:1"), torch.strided]
    words += [b"", frozenset({1})]
    expected = [Size([2, 3]), bfloat16, device("cuda:1"), strided, b"", frozenset({1})]
    for options in ({}, {"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}):
        ours = from_torch(torch, words, **options)
        assert ours == expected and type(ours[0]) is Size
    arrays = [np.float64(1.5), np.arange(6).reshape(2, 3).T, np.bool_(True)]
    ours = from_torch(torch, arrays)
    assert all(np.array_equal(one, other) for one, other in zip(ours, arrays))
    assert [type(one) for one in ours] == [type(one) for one in arrays]


def test_parameters_buffers_and_attributes(torch: ModuleType) -> None:
    note = torch.ones(1)
    note.note = "n"
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.tag = [1]
    frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    wants = torch.ones(2, requires_grad=True)
    theirs = [note, parameter, frozen, wants, torch.nn.Buffer(torch.ones(1), persistent=False)]
    ours = from_torch(torch, theirs)
    assert agree(torch, ours, theirs)
    assert ours[0].note == "n" and ours[1].tag == [1]
    assert isinstance(ours[4], Buffer) and ours[4].persistent is False
    assert agree(torch, ours, to_torch(torch, ours))


def test_models_and_optimizers(torch: ModuleType) -> None:
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 2),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    model(torch.randn(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    schedule.step()
    theirs = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "rng": torch.get_rng_state(),
    }
    ours = from_torch(torch, theirs)
    assert agree(torch, ours, theirs)
    assert ours["model"]._metadata == theirs["model"]._metadata
    back = to_torch(torch, ours)
    assert agree(torch, ours, back)
    model.load_state_dict(back["model"])
    optimizer.load_state_dict(back["optimizer"])
    schedule.load_state_dict(back["schedule"])


def test_a_run_goes_on_in_torch(torch: ModuleType) -> None:
    """A model and its optimizer, stepped once here and once there, as if in one framework."""
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = tensor([[1.0, -2.0, 0.5]])
    model(x).sum().backward()
    optimizer.step()
    state = to_torch(torch, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    other = torch.nn.Linear(3, 2)
    theirs = torch.optim.SGD(other.parameters(), lr=1.0)
    other.load_state_dict(state["model"])
    theirs.load_state_dict(state["optimizer"])
    assert theirs.param_groups[0]["lr"] == 0.1 and theirs.param_groups[0]["momentum"] == 0.9
    for network, stepper, point in ((model, optimizer, x), (other, theirs, to_torch(torch, x))):
        stepper.zero_grad()
        network(point).sum().backward()
        stepper.step()
    assert np.allclose(model.weight.detach().numpy(), other.weight.detach().numpy())


def test_torch_computes_the_offsets_of_our_records(
    torch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lazy loading counts bytes instead of reading headers: the layout must be exact."""
    path = tmp_path / "model.pt"
    sizes = (1, 7, 16, 0, 1000, 63, 64, 65)
    ours = [tensor(range(size)) for size in sizes]
    save(ours, path)
    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")
    assert agree(torch, ours, torch.load(path))
    with torch.utils.serialization.config.patch("load.calculate_storage_offsets", True):
        assert agree(torch, ours, torch.load(path, mmap=True))


def test_the_container_is_that_of_torch_byte_for_byte(torch: ModuleType, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs" / "m.pt", tmp_path / "ours" / "m.pt"
    for path in (theirs, ours):
        path.parent.mkdir()
    torch.save([torch.arange(5.0), "text", torch.empty(0)], theirs)
    save([tensor(range(5)), "text", tensor([])], ours)
    theirs_data, ours_data = theirs.read_bytes(), ours.read_bytes()
    end = theirs_data.rfind(b"PK\x03\x04")  # the last record is the identity of the content
    assert ours_data[:end] == theirs_data[:end]
    assert len(ours_data) == len(theirs_data)


def test_archives_with_wide_fields(torch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What 4 GiB bring, at 300 bytes: 64-bit sizes and offsets in headers and directory."""
    value = [tensor(range(100)), "x" * 500, tensor(range(3))]
    monkeypatch.setattr(archive, "WIDE_FROM", 300)
    file = io.BytesIO()
    save(value, file)
    monkeypatch.undo()
    assert file.getvalue().count(b"\xff\xff\xff\xff") > 5
    file.seek(0)
    assert agree(torch, value, torch.load(file))
    file.seek(0)
    ours = load(file)
    assert np.array_equal(bits(ours[0]), bits(value[0])) and ours[1] == value[1]


def test_checksums_switched_off(torch: ModuleType) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        ours = from_torch(torch, torch.arange(4.0))
    finally:
        torch.serialization.set_crc32_options(True)
    assert np.array_equal(bits(ours), bits(tensor(range(4))))


def test_what_facula_lacks_is_refused_by_name(torch: ModuleType) -> None:
    for value, message in (
        (torch.ones(1).to_sparse(), r"torch\._utils\._rebuild_sparse_tensor"),
        (torch.ones(1, dtype=torch.float8_e5m2), r"torch\.float8_e5m2"),
        (torch.nn.Linear(1, 1), r"torch\.nn\.modules\.linear\.Linear"),
        (torch.ones(1, device="meta"), r"torch\._utils\._rebuild_meta_tensor_no_storage"),
    ):
        with pytest.raises(Exception, match=message) as refusal:
            from_torch(torch, value)
        assert type(refusal.value).__name__ == "UnpicklingError"


def test_bytes_of_the_other_order(torch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.arange(6, dtype=torch.int16)
    swapped = torch.from_numpy(values.numpy().byteswap())
    monkeypatch.setattr(torch.serialization.sys, "byteorder", "big")
    file = io.BytesIO()
    torch.save(swapped, file)
    monkeypatch.undo()
    file.seek(0)
    assert np.array_equal(bits(load(file)), values.numpy().view("u2"))


def test_dtypes_have_the_names_of_torch(torch: ModuleType) -> None:
    for kind in DTYPES:
        assert of_name(str(getattr(torch, kind.name))) is kind
    assert of_name(str(torch.float)) is float32
