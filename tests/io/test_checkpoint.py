"""`save` and `load`: what goes round, what is refused, and what happens to the file on the disk."""

import copy
import io
import math
import os
import pickle
import resource
import threading
import zipfile
from collections import Counter, OrderedDict, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from forge import (
    DATA,
    LAYOUTS,
    bits,
    checkpoint,
    pattern,
    pickled,
    rebuilt,
    storage,
    tensor,
    text,
    unzipped,
    view,
    zipped,
)
from hypothesis import given
from hypothesis import strategies as st

from facula.io import (
    add_safe_globals,
    archive,
    clear_safe_globals,
    get_safe_globals,
    load,
    safe_globals,
    save,
)
from facula.meta.device import device
from facula.meta.dtype import DTYPES, bfloat16, float32, float64, int64, uint8
from facula.meta.shape import Size
from facula.nn.parameter import Buffer, Parameter
from facula.storage import Storage
from facula.tensor import Tensor


def dumped(value: object) -> bytes:
    file = io.BytesIO()
    save(value, file)
    return file.getvalue()


def loads(data: bytes, **options: object) -> object:
    return load(io.BytesIO(data), **options)


def around(value: object) -> object:
    return loads(dumped(value))


def same(a: object, b: object) -> bool:
    """Equal in type, order and value, with nan equal to itself and zeros told apart."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.dtype is b.dtype and a.stride() == b.stride() and np.array_equal(bits(a), bits(b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.flags.fnc == b.flags.fnc and np.array_equal(a, b)
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, complex):
        return repr(a) == repr(b)
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or a != a)
    return bool(a == b)


# --- round trips ----------------------------------------------------------------------------------

PLAIN = [
    None,
    *(True, False),
    *(0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, -(2**63), 2**70, 2**3000, -(2**3000)),
    *(0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 5e-324),
    *("", "text", "é 漢 \U0001f600", "\ud800", "line\nline", "x" * 70_000),
    *(b"", b"\x00\xff\x80", bytearray(), bytearray(b"ab\xff")),
    *(1 + 2j, complex(-0.0, math.inf)),
    *((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), ((),))),
    *([], [1], list(range(2500)), [[], [[]]]),
    *({}, {"a": 1}, {None: 1, True: 2, 1.5: 3, (1, (2,)): 4, b"x": 5}),
    {k: str(k) for k in range(2500)},
    *(set(), {1, "a", (2,)}, frozenset(), frozenset({1, 2})),
    *(slice(1, None, 2), range(3, 10, 2)),
    *(OrderedDict(), OrderedDict(b=1, a=2), Counter("abca"), Counter()),
    *(Size([]), Size([2, 0, 3]), device("cpu"), device("cuda:1"), bfloat16, float64),
    *(int, list, OrderedDict),
    *(np.float32(1.5), np.int64(-3), np.bool_(True), np.str_("é"), np.complex64(1j)),
    *(np.dtype("f4"), np.dtype("S3"), np.dtype(bool)),
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: f"{type(value).__name__} {value!r:.20}")
def test_plain_data_comes_back(value: object) -> None:
    assert same(around(value), value)
    assert same(around([value, {"k": (value, value)}]), [value, {"k": (value, value)}])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12)[::-3],
        np.empty((0, 3), "f2"),
        np.array(3, "u1"),
        np.array(["ab", "é"]),
        np.array([True, False]),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_numpy_arrays_come_back(array: np.ndarray) -> None:
    result = around(array)
    assert same(result, array)
    assert result.flags.writeable


def test_a_defaultdict_keeps_its_factory() -> None:
    for factory in (None, list, int, dict):
        result = around(defaultdict(factory, a=1))
        assert type(result) is defaultdict
        assert result.default_factory is factory and result == {"a": 1}


def test_an_ordered_dict_keeps_its_attributes() -> None:
    state = OrderedDict(weight=tensor([1.0]))
    state._metadata = OrderedDict({"": {"version": 1}})
    result = around(state)
    assert result._metadata == state._metadata


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
)
keys = st.one_of(st.integers(), st.text(), st.binary(), st.tuples(st.integers(), st.text()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(keys, inner), st.sets(keys)
    ),
    max_leaves=20,
)


@given(values)
def test_any_nesting_comes_back(value: object) -> None:
    assert same(around(value), value)


def test_identity_and_cycles_are_kept() -> None:
    inner: list[object] = [1]
    text = "a long text " * 3
    result = around({"a": inner, "b": inner, "t": (text, text)})
    assert result["a"] is result["b"]
    assert result["t"][0] is result["t"][1]
    inner.append(inner)
    result = around(inner)
    assert result[1] is result
    for length in (1, 2, 3, 4):
        inner = []
        ring = (inner,) * length
        inner.append(ring)
        result = around(ring)
        assert len(result) == length and result[0][0] is result


# --- tensors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DTYPES, ids=repr)
def test_every_dtype_and_layout_comes_back(kind: object) -> None:
    base = storage(kind)
    tensors = {label: view(base, kind, layout) for label, layout in LAYOUTS.items()}
    result = around(tensors)
    assert same(result, tensors)
    for label, made in result.items():
        assert made.storage_offset() == tensors[label].storage_offset()
        assert made.untyped_storage() is result["contiguous"].untyped_storage()


def test_shared_memory_stays_shared() -> None:
    base = tensor([0.0, 1.0, 2.0, 3.0])
    row = view(base.untyped_storage(), float32, ((2,), (1,), 2))
    other = tensor([0.0, 1.0, 2.0, 3.0])
    result = around({"base": base, "row": row, "data": base.data, "other": other, "again": base})
    np.ndarray(4, "f4", result["base"].untyped_storage().buffer())[2] = 9
    assert bits(result["row"])[0] == bits(tensor(9.0))
    assert bits(result["data"])[2] == bits(tensor(9.0))
    assert bits(result["other"])[2] == bits(tensor(2.0))
    assert result["again"] is result["base"]
    assert "archive/data/1" not in unzipped(dumped([base, row, base.data]))


def test_parameters_and_gradients_come_back() -> None:
    leaf = tensor([1.0]).requires_grad_()
    frozen = Parameter(tensor([2.0]), requires_grad=False)
    tied = Parameter(tensor([3.0, 4.0]))
    result = around([leaf, frozen, tied, tied])
    assert [type(made) for made in result] == [Tensor, Parameter, Parameter, Parameter]
    assert [made.requires_grad for made in result] == [True, False, True, True]
    assert result[2] is result[3] and result[2].is_leaf


def test_attributes_of_tensors_come_back() -> None:
    plain, parameter = tensor([1.0]), Parameter(tensor([2.0]))
    plain.note, parameter.note = "a", {"b": tensor([3.0])}
    result = around([plain, parameter, Buffer(tensor([4.0]), persistent=False)])
    assert result[0].note == "a"
    assert same(result[1].note, parameter.note)
    assert isinstance(result[2], Buffer) and result[2].persistent is False


def test_a_storage_comes_back_as_bytes() -> None:
    result = around(storage(uint8, 5))
    assert bytes(result.untyped()) == pattern(uint8, 5) and result.dtype is uint8


def test_two_dtypes_of_one_storage_are_refused() -> None:
    base = storage(float32)
    floats, words = (view(base, kind, ((2,), (1,), 0)) for kind in (float32, int64))
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        dumped([floats, words])


def test_empty_tensors_of_several_dtypes_share_nothing() -> None:
    empty = Storage.foreign(0, 0, None)
    made = [view(empty, kind, ((0,), (1,), 0)) for kind in DTYPES]
    assert same(around(made), made)


def test_hooks_are_left_behind_with_a_warning() -> None:
    leaf = tensor([1.0]).requires_grad_()
    leaf.register_hook(lambda gradient: None)
    with pytest.warns(UserWarning, match="will not be serialized"):
        assert around(leaf).requires_grad


def test_tensors_go_through_copy_and_pickle() -> None:
    made = Parameter(tensor([1.0, 2.0]))
    for result in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(result) is Parameter and result.requires_grad
        assert np.array_equal(bits(result), bits(made))
        assert result.untyped_storage() is not made.untyped_storage()


# --- files written by PyTorch ---------------------------------------------------------------------


def test_a_stored_file_of_torch_is_read() -> None:
    content = load(DATA / "torch_zip.pt")
    plain = {
        "epoch": 7,
        "loss": 0.25,
        "name": "tiny é",
        "flags": [True, False, None],
        "big": 2**70,
        "shape": Size([2, 3]),
        "dtype": bfloat16,
        "device": device("cpu"),
        "bytes": b"\x00\xff",
        "set": {1, 2},
        "complex": 1 + 2j,
        "tuple": (1, (2, 3, 4, 5)),
    }
    assert same({key: content[key] for key in plain}, plain)
    base = tensor(range(12))
    layouts = {
        "row": ((4,), (1,), 4),
        "transposed": ((4, 3), (1, 4), 0),
        "step": ((4,), (3,), 1),
        "expanded": ((5,), (0,), 3),
    }
    assert same(content["base"], base)
    for key, layout in layouts.items():
        assert same(content[key], view(base.untyped_storage(), float32, layout))
        assert content[key].untyped_storage() is content["base"].untyped_storage()
    assert content["scalar"].item() == 2.5 and content["empty"].shape == (0, 3)
    assert type(content["parameter"]) is Parameter and content["parameter"].requires_grad
    assert content["wants_grad"].requires_grad and content["wants_grad"].is_leaf
    for kind in [one for one in DTYPES if one.name in content]:
        assert content[kind.name].dtype is kind
        assert [float(content[kind.name].tolist()[k]) for k in range(2)] == [0.0, 1.0]
    assert list(content["model"])[:2] == ["0.weight", "0.bias"]
    assert content["model"]._metadata["1"] == {"version": 2}
    assert content["model"]["1.num_batches_tracked"].item() == 1
    assert content["optimizer"]["param_groups"][0]["momentum"] == 0.9
    assert content["optimizer"]["state"][0]["momentum_buffer"].shape == (2, 3)


def test_a_stored_file_of_old_torch_is_read() -> None:
    old, new = load(DATA / "torch_legacy.pt"), load(DATA / "torch_zip.pt")
    assert same(old, {key: new[key] for key in old})
    assert old["row"].untyped_storage() is old["base"].untyped_storage()


def test_a_whole_model_is_refused_by_its_class() -> None:
    with pytest.raises(
        pickle.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict"
    ):
        load(DATA / "torch_whole_model.pt")


# --- what save refuses ----------------------------------------------------------------------------


class Whatever:
    """A class that no file may bring back by itself."""

    def __init__(self, value: int = 1) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is Whatever and vars(self) == vars(other)

    __hash__ = None


class Modelish(Whatever):
    """Has what a model has."""

    def state_dict(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Whatever(), r"test_checkpoint\.Whatever.*add_safe_globals"),
        (Modelish(), r"whole test_checkpoint\.Modelish.*state_dict\(\)"),
        (Whatever, "builtins.type"),
        (len, "builtin_function_or_method"),
        (lambda: 0, "builtins.function"),
        (Decimal(1), "decimal.Decimal"),
        (type("Sub", (dict,), {})(), "Sub"),
        (type("Under", (Tensor,), {"__slots__": ()}), "builtins.type"),
        (np.array([object()]), "dtype object"),
        (np.array([1], ">i4"), "dtype >i4"),
        (np.zeros(1, [("a", "i4")]), "dtype"),
        (np.datetime64("2020-01-01"), "datetime64"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_carried_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(pickle.PicklingError, match=message):
        dumped(value)
    with pytest.raises(pickle.PicklingError, match=r"found at obj\['model'\]\[1\]\['x'\]"):
        dumped({"epoch": 1, "model": [0, {"x": value}]})


def test_a_subclass_of_tensor_is_refused() -> None:
    made = tensor([1.0])
    made.__class__ = type("Under", (Tensor,), {"__slots__": ()})
    with pytest.raises(pickle.PicklingError, match="Under, a subclass of Tensor"):
        dumped([made])


def test_a_refused_object_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(pickle.PicklingError):
        save(Whatever(), tmp_path / "x.pt")
    assert list(tmp_path.iterdir()) == []


def test_arguments_are_checked() -> None:
    with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like"):
        save(1, None)
    with pytest.raises(ValueError, match="protocol 2"):
        save(1, io.BytesIO(), pickle_protocol=4)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        load(io.BytesIO(dumped(1)), pickle_module=pickle)


# --- trusted classes ------------------------------------------------------------------------------


class Grown:
    """A class with a state of its own making."""

    def __getstate__(self) -> dict[str, object]:
        return {"kept": 1}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.seen = state


class Slotted:
    """A class without a dictionary."""

    __slots__ = ("a",)


class Mapped(dict):
    """A dictionary with a name of its own."""


def test_trusted_classes_come_back() -> None:
    slotted = Slotted()
    slotted.a = [tensor([1.0])]
    with safe_globals([Whatever, Grown, Slotted, Mapped, Fraction]):
        data = dumped([Whatever(3), Grown(), slotted, Mapped(a=1), Fraction(1, 3), Whatever])
        result = loads(data)
    assert result[0] == Whatever(3) and result[1].seen == {"kept": 1}
    assert same(result[2].a, slotted.a)
    assert type(result[3]) is Mapped and result[3] == {"a": 1}
    assert result[4] == Fraction(1, 3) and result[5] is Whatever
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[Whatever\]\)"):
        loads(data)


def test_a_trusted_class_may_have_another_name() -> None:
    with safe_globals([(Whatever, "old.place.Name")]):
        assert around(Whatever(5)) == Whatever(5)
        assert b"cold.place\nName\n" in dumped(Whatever(5))


def test_trust_is_given_and_taken_back() -> None:
    add_safe_globals([Whatever])
    with safe_globals([Grown, Whatever]):
        assert get_safe_globals() == [Whatever, Grown]
        add_safe_globals([Mapped])
    assert get_safe_globals() == [Whatever, Mapped]
    clear_safe_globals()
    assert get_safe_globals() == []
    with pytest.raises(ValueError, match="tuple of length 2"):
        add_safe_globals([(Whatever, "a", "b")])
    with pytest.raises(TypeError, match="to be str of callable full path"):
        add_safe_globals([(Whatever, 1)])


def test_what_a_trusted_class_is_rebuilt_by_must_be_trusted_too() -> None:
    class Tricky:
        def __reduce__(self) -> object:
            return Whatever, ()

    with safe_globals([Tricky]), pytest.raises(pickle.PicklingError, match="rebuilt by"):
        dumped(Tricky())


# --- the file on the disk -------------------------------------------------------------------------


def test_the_layout_is_that_of_torch(tmp_path: Path) -> None:
    save({"a": tensor([1.0]), "b": tensor([2.0, 3.0])}, tmp_path / "model.v1.pt")
    data = (tmp_path / "model.v1.pt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        names = [*("data.pkl", ".format_version", ".storage_alignment", "byteorder"), "data/0"]
        names += ["data/1", "version", ".data/serialization_id"]
        assert file.namelist() == [f"model.v1/{name}" for name in names]
        assert file.read("model.v1/version") == b"3\n"
        assert len(file.read("model.v1/.data/serialization_id")) == 40
    for record in archive.ArchiveReader(io.BytesIO(data), "x").records.values():
        assert record.start % 64 == 0


@pytest.mark.parametrize(
    ("name", "folder"),
    [("a.b.pt", "a.b"), ("noend", "noend"), (".hid", "hid"), ("é.pt", "archive")],
)
def test_the_folder_is_named_for_the_file(tmp_path: Path, name: str, folder: str) -> None:
    save(1, str(tmp_path / name))
    with zipfile.ZipFile(tmp_path / name) as file:
        assert file.namelist()[0] == f"{folder}/data.pkl"


def test_the_same_content_gives_the_same_bytes() -> None:
    assert dumped([tensor([1.0]), "a"]) == dumped([tensor([1.0]), "a"])
    assert dumped([tensor([1.0]), "a"]) != dumped([tensor([2.0]), "a"])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A checkpoint that a failing `save` must leave alone."""
    path = tmp_path / "model.pt"
    save({"epoch": 1}, path)
    return path


def check_kept(path: Path) -> None:
    assert load(path) == {"epoch": 1}
    assert [entry.name for entry in path.parent.iterdir()] == ["model.pt"]


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_a_failing_disk_leaves_the_old_file(
    kept: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(RuntimeError, match=r"model\.pt cannot be written: No space left"):
            save({"epoch": 2}, kept)
    check_kept(kept)


def test_a_full_disk_leaves_the_old_file(kept: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(RuntimeError, match=r"model\.pt cannot be written: File too large"):
            save({"epoch": 2, "big": storage(uint8, 1_000_000)}, kept)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check_kept(kept)


def test_an_interrupt_leaves_the_old_file(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive.ArchiveWriter, "close", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save({"epoch": 2}, kept)
    check_kept(kept)


def test_permissions_and_links_survive(tmp_path: Path) -> None:
    path, link = tmp_path / "real.pt", tmp_path / "link.pt"
    save(1, path)
    path.chmod(0o640)
    link.symlink_to("real.pt")
    save(2, link)
    assert link.is_symlink() and load(path) == 2
    assert path.stat().st_mode & 0o777 == 0o640


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"Parent directory .*absent does not exist"):
        save(1, tmp_path / "absent" / "x.pt")
    with pytest.raises(RuntimeError, match="cannot be written: Is a directory"):
        save(1, tmp_path)
    if os.path.exists("/dev/full"):
        with pytest.raises(RuntimeError, match="cannot be written: No space left on device"):
            save(1, "/dev/full")
        save(1, os.devnull)
        assert not os.path.isfile(os.devnull)


class Dribble(io.RawIOBase):
    """A raw file that takes and gives a few bytes at a time."""

    def __init__(self, data: bytes = b"") -> None:
        self.inner = io.BytesIO(data)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return self.inner.write(bytes(data)[:7])

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(min(size, 7) if size >= 0 else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.inner.seek(offset, whence)

    def tell(self) -> int:
        return self.inner.tell()


def test_raw_files_are_written_and_read() -> None:
    file = Dribble()
    save([1, tensor([1.0])], file)
    assert file.inner.getvalue() == dumped([1, tensor([1.0])])
    assert same(load(Dribble(file.inner.getvalue())), [1, tensor([1.0])])


def test_load_begins_where_the_file_stands() -> None:
    file = io.BytesIO(b"before" + dumped("after"))
    file.seek(6)
    assert load(file) == "after"


def test_saving_while_another_thread_writes_gives_a_whole_file() -> None:
    base = storage(uint8, 4_000_000)
    busy = np.ndarray(4_000_000, np.uint8, base.buffer())
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            np.add(busy, 1, out=busy)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        data = dumped(base)
    finally:
        stop.set()
        thread.join()
    assert loads(data).nbytes() == 4_000_000


# --- files that are none --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", EOFError, "Ran out of input"),
        (b"hello world, this is a text", pickle.UnpicklingError, "neither a zip archive nor"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), pickle.UnpicklingError, "neither a zip archive nor"),
        (bytes(100), pickle.UnpicklingError, "neither a zip archive nor"),
        (b"PK\x03\x04", RuntimeError, "PytorchStreamReader failed reading zip archive"),
        (dumped(1)[:-1], RuntimeError, "failed finding central directory"),
        (zipped({"hello.txt": b"x"}), RuntimeError, "not in a subdirectory: hello.txt"),
        (zipped({"a/b": b"x"}), RuntimeError, "failed locating file version: file not found"),
        (zipped({"a/version": b"3"}), RuntimeError, "failed locating file data.pkl"),
        (zipped({"a/version": b"11"}), RuntimeError, "with version 11, but the maximum"),
        (zipped({"a/version": b"x"}), RuntimeError, "with version x, but the maximum"),
        (zipped({"a/version": b"3", "a/byteorder": b"odd"}), ValueError, "endianness type: odd"),
        (zipped({"a/constants.pkl": b""}), RuntimeError, "TorchScript"),
        (pickle.dumps({"a": 1}, 2), RuntimeError, "Invalid magic number"),
        (pickle.dumps({"a": 1}, 4), RuntimeError, "Invalid magic number"),
        (pickle.dumps({"a": 1}, 2)[:-1], EOFError, "ends early"),
        (b"GIF89a" + bytes(100_000), pickle.UnpicklingError, "neither a zip archive nor"),
        (pickle.dumps("x" * 100_000, 2), pickle.UnpicklingError, "neither a zip archive nor"),
        (bytes(257) + b"ustar" + bytes(300), RuntimeError, r"legacy \.tar format"),
    ],
)
def test_what_is_no_checkpoint_is_named(
    tmp_path: Path, data: bytes, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=rf"<BytesIO>.*{message}"):
        loads(data)
    path = tmp_path / "file.bin"
    path.write_bytes(data)
    with pytest.raises(kind, match=rf"file\.bin'.*{message}"):
        load(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.pt"):
        load(tmp_path / "absent.pt")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(
        AttributeError, match="You can only torch.load from a file that is seekable"
    ):
        load(None)
    with pytest.raises(TypeError, match="binary mode"):
        load(io.StringIO("text"))
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe, pytest.raises(OSError, match="that is seekable"):
        load(pipe)


# --- map_location and mmap ------------------------------------------------------------------------


def test_map_location() -> None:
    records = unzipped(data := dumped(tensor([1.0])))
    content = records["archive/data.pkl"].replace(text("cpu"), text("cuda:0"))
    on_gpu = zipped({**records, "archive/data.pkl": content})
    with pytest.raises(RuntimeError, match=r"but torch\.cuda\.is_available\(\) is False"):
        loads(on_gpu)
    for place in ("cpu", device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage):
        assert same(loads(on_gpu, map_location=place), tensor([1.0]))
        assert same(loads(data, map_location=place), tensor([1.0]))
    seen: list[object] = []
    loads(on_gpu, map_location=lambda storage, location: (seen.append(location), storage)[1])
    assert seen == ["cuda:0"]
    for place in ("cuda", {"cpu": "cuda:1"}, device("cuda")):
        with pytest.raises(RuntimeError, match="CUDA device"):
            loads(data, map_location=place)
    with pytest.raises(RuntimeError, match=r"don't know how to restore .*tagged with moon"):
        loads(data, map_location="moon")
    with pytest.raises(RuntimeError, match="CUDA device"):
        loads(on_gpu, map_location=lambda storage, location: None)
    with pytest.raises(TypeError, match="must return a storage or None, got int"):
        loads(data, map_location=lambda storage, location: 3)
    with pytest.raises(TypeError, match="map_location must be"):
        loads(data, map_location=3)
    with pytest.raises(pickle.UnpicklingError, match="out of bounds"):
        loads(data, map_location=lambda storage, location: Storage(3))


def test_mmap_maps_privately(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save({"a": tensor(range(1000)), "empty": tensor([]), "flag": tensor([True], DTYPES[0])}, path)
    before = path.read_bytes()
    result = load(path, mmap=True)
    made = result["a"]
    assert same(made, tensor(range(1000)))
    assert made.data_ptr() % 64 == 0
    np.ndarray(1000, "f4", made.untyped_storage().buffer())[:] = 7
    assert path.read_bytes() == before
    path.unlink()
    assert made.tolist() == [7.0] * 1000


def test_mmap_copies_what_lies_askew(tmp_path: Path) -> None:
    values = bits(tensor([1.0, 2.0, 3.0, 4.0])).tobytes()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        records = unzipped(checkpoint(pickled(rebuilt()), k0=values))
        (tmp_path / "x.pt").write_bytes(zipped(records, method))
        assert same(load(tmp_path / "x.pt", mmap=True), tensor([1.0, 2.0, 3.0, 4.0]))


def test_mmap_wants_a_path_and_a_zip_file() -> None:
    with pytest.raises(ValueError, match="f must be a file path in order to use the mmap"):
        loads(dumped(1), mmap=True)
    with pytest.raises(RuntimeError, match="mmap can only be used with files saved with"):
        load(DATA / "torch_legacy.pt", mmap=True)


def test_bytes_of_the_other_order_are_swapped() -> None:
    values = np.array([1.0, 2.0, -3.0, 4.0])
    records = unzipped(checkpoint(pickled(rebuilt()), k0=values.astype(">f4").tobytes()))
    records["archive/byteorder"] = b"big"
    assert same(loads(zipped(records)), tensor(values))


def test_flags_are_brought_to_zero_and_one() -> None:
    content = pickled(rebuilt()).replace(b"FloatStorage", b"BoolStorage")
    result = loads(checkpoint(content, k0=b"\x00\x01\x02\xff"))
    assert bits(result).tolist() == [0, 1, 1, 1]
