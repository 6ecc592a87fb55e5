"""Files made to do harm: none runs code, reads outside its memory, hangs, or ends the process.

Every file here must be answered by one of the exceptions of `load`, which name what was refused.
"""

import io
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from forge import (
    DATA,
    bits,
    checkpoint,
    name,
    number,
    numbers,
    pickled,
    rebuilt,
    reference,
    text,
    unzipped,
    zipped,
)

from facula.io import load, save
from facula.tensor import Tensor

REFUSALS = (pickle.UnpicklingError, EOFError, RuntimeError, ValueError)
FOUR = np.arange(4, dtype="f4").tobytes()


def loads(data: bytes, **options: object) -> object:
    return load(io.BytesIO(data), **options)


@pytest.fixture(autouse=True)
def tripwire(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pickles below would run, were they run."""

    def burn(*args: object, **kwargs: object) -> None:
        raise AssertionError("a pickle ran code")

    for victim in ("system", "popen", "execv", "remove"):
        monkeypatch.setattr(os, victim, burn)
    monkeypatch.setattr(Evil, "__setstate__", burn)


class Evil:
    """Asks pickle to call something when it is loaded."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.reduced = function, args

    def __reduce__(self) -> object:
        return self.reduced

    def __setstate__(self, state: object) -> None:
        """Replaced by the tripwire."""


# --- names ----------------------------------------------------------------------------------------

COMMAND = text("true") + b"\x85R"
NAMES = """
os.system posix.system nt.system subprocess.Popen subprocess.check_output sys.exit os.__dict__
builtins.eval builtins.exec builtins.compile builtins.getattr builtins.__import__ builtins.open
builtins.setattr builtins.globals builtins.type builtins.object builtins.map builtins.input
__builtin__.eval __builtin__.apply __builtin__.file importlib.import_module runpy.run_module
operator.attrgetter operator.methodcaller functools.partial functools.reduce types.FunctionType
types.CodeType copyreg._reconstructor copyreg.__newobj__ copy_reg._reconstructor pickle.loads
_pickle.loads marshal.loads code.interact pty.spawn pdb.run timeit.timeit webbrowser.open
shutil.rmtree ctypes.CDLL socket.socket pathlib.Path pip.main numpy.load numpy.fromfile
numpy.ctypeslib.load_library numpy.testing._private.utils.runstring torch.load torch.hub.load
torch.jit.load torch.serialization.load torch.nn.Linear torch.nn.modules.linear.Linear
torch.ops.load_library torch._utils._rebuild_xla_tensor torch._utils torch.os.system
torch.storage._load_from_bytes torch.storage.os torch._dynamo.eval_frame torch.quint8
torch.QInt8Storage facula.io.load facula.io.checkpoint.save facula.tensor.Tensor
facula.tensor.rebuild __main__.Evil collections.OrderedDict.__reduce__ collections.namedtuple
collections._sys.exit _codecs.decode _codecs.lookup codecs.encode builtins.set.__class__
"""


@pytest.mark.parametrize("full", NAMES.split())
def test_a_name_is_refused_by_name(full: str) -> None:
    module, _, last = full.rpartition(".")
    spoken = (
        full.replace("__builtin__.", "").replace("builtins.", "").replace("copy_reg", "copyreg")
    )
    for opcodes in (
        name(full) + COMMAND,
        name(full) + b".",
        text(module) + text(last) + b"\x93" + COMMAND,
        b"(" + name(full) + text("true") + b"o",
        b"(" + text("true") + b"i" + name(full)[1:],
        name(full) + b")\x81}b",
        name(full) + b")}\x92",
        name("collections.defaultdict") + name(full) + b"\x85R",
    ):
        for weights_only in (None, True, False):
            with pytest.raises(pickle.UnpicklingError) as refusal:
                loads(checkpoint(pickled(opcodes)), weights_only=weights_only)
            assert f"GLOBAL {spoken} " in str(refusal.value)
            assert "facula never runs code from a file" in str(refusal.value)


def test_an_untrusted_name_says_how_to_trust_it() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[Config\]\)"):
        loads(checkpoint(pickled(name("project.settings.Config") + b")\x81")))
    with pytest.raises(pickle.UnpicklingError, match="facula has no counterpart of it"):
        loads(checkpoint(pickled(name("torch.float8_e4m3fn"))))
    with pytest.raises(pickle.UnpicklingError, match="with weights_only=False neither"):
        loads(checkpoint(pickled(name("project.settings.Config"))), weights_only=False)


def test_a_name_cannot_steer_the_terminal() -> None:
    with pytest.raises(pickle.UnpicklingError) as refusal:
        loads(checkpoint(pickled(text("a\x1b[2J\ud800") + text("b\r" * 9999) + b"\x93")))
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < 2000


PICKLES = [
    pickle.dumps(evil, protocol)
    for protocol in range(6)
    for evil in (
        Evil(os.system, "true"),
        Evil(eval, "1"),
        Evil(getattr, Evil(__import__, "os"), "system"),
        Evil(exec, "raise SystemExit"),
        {"weights": [Evil(os.getcwd)]},
    )
]


@pytest.mark.parametrize("data", PICKLES)
def test_pickles_made_by_python_are_refused(data: bytes) -> None:
    for file in (data, checkpoint(data)):
        with pytest.raises(pickle.UnpicklingError):
            loads(file)


RECONSTRUCT = name("numpy._core.multiarray._reconstruct")
ARRAY = RECONSTRUCT + name("numpy.ndarray") + numbers(0) + b"C\x01b\x87R"
F4 = name("numpy.dtype") + text("f4") + b"\x89\x88\x87R"


# --- the pickle machine ---------------------------------------------------------------------------

OD = name("collections.OrderedDict")
CALLS = {
    "call of a list": b"])R",
    "call of a number": b"K\x01)R",
    "call of a dtype": name("torch.float32") + b")R",
    "call of a storage class": name("torch.FloatStorage") + b")R",
    "call of int": name("builtins.int") + text("9" * 5000) + b"\x85R",
    "call of list": name("builtins.list") + b")R",
    "call of Tensor": name("torch.Tensor") + b")R",
    "call of ndarray": name("numpy.ndarray") + numbers(10**9) + b"\x85R",
    "call of a result": OD + b")R)R",
    "arguments that are a list": OD + b"]R",
    "arguments too many": name("torch.Size") + b")" * 3 + b"\x87R",
    "new instance of a safe class": OD + b")\x81",
    "new instance of a list": b"])\x81",
    "new with keywords": OD + b")}\x92",
    "OBJ": b"(" + OD + b"o",
    "state of a dict": b"}}b",
    "state of a list": b"]}b",
    "state of a class": OD + b"}b",
    "state of a function": name("torch._utils._rebuild_tensor_v2") + b"}b",
    "state that hides a method": OD + b")R}" + text("items") + b"K\x01sb",
    "state with class": OD + b")R}" + text("__class__") + name("builtins.int") + b"sb",
    "state that is a list": OD + b")R]b",
    "state with a number as name": OD + b")R}K\x01K\x01sb",
    "state of a tensor": rebuilt() + b"}" + text("storage") + b"K\x01sb",
    "append to a dict": b"}K\x01a",
    "append to a set": b"\x8fK\x01a",
    "extend a tuple": b")(K\x01K\x02e",
    "add to a list": b"](K\x01\x90",
    "item of a list": b"]K\x01K\x01s",
    "item of a class": OD + b"K\x01K\x01s",
    "odd items": b"}(K\x01u",
    "key that is a list": b"}]K\x01s",
    "key that holds a list": b"}]\x85K\x01s",
    "element that is a dict": b"\x8f(}\x90",
    "frozen element that is a set": b"(\x8f\x91",
    "empty stack": b"",
    "pop of nothing": b"0",
    "append to nothing": b"K\x01a",
    "mark without end": b"K\x01(",
    "end without mark": b"K\x01t",
    "tuple across a mark": b"K\x01(\x85",
    "get of nothing": b"h\x00",
    "long get": b"j\xff\xff\xff\xff",
    "put of nothing": b"q\x00",
    "stack global of numbers": b"K\x01K\x02\x93",
    "stack global of a class": OD + text("x") + b"\x93",
    "extension 1": b"\x82\x01",
    "extension 2": b"\x83\x01\x01",
    "extension 4": b"\x84\x01\x01\x01\x01",
    "text persistent id": b"Pstorage\n",
    "persistent id of a string": text("storage") + b"Q",
    "persistent id of a list": b"]Q",
    "persistent id of a module": text("module") + OD + text("x.py") + text("source") + b"tQ",
    "protocol 6": b"\x80\x06N",
    "protocol 0 integer": b"I1\n",
    "protocol 0 string": b"S'a'\n",
    "buffers": b"\x97",
    "unknown opcode": b"\xff",
    "invalid UTF-8": b"X\x01\x00\x00\x00\xff",
    "name of invalid UTF-8": b"c\xff\n\xff\n",
    "negative length": b"\x8b\xff\xff\xff\xff",
    "codec": name("_codecs.encode") + text("a") + text("rot13") + b"\x86R",
    "codec of bytes": name("_codecs.encode") + b"C\x01a" + text("latin1") + b"\x86R",
    "codec beyond latin1": name("_codecs.encode") + text("漢") + text("latin1") + b"\x86R",
    "bytearray of a size": name("builtins.bytearray") + number(10**12) + b"\x85R",
    "bytes of a size": name("builtins.bytes") + number(10**12) + b"\x85R",
    "set of a range": name("builtins.set")
    + name("builtins.range")
    + numbers(0, 10**12, 1)
    + b"R\x85R",
    "range of nothing": name("builtins.range") + numbers(0, 1, 0) + b"R",
    "slice of lists": name("builtins.slice") + b"]]]\x87R",
    "complex of text": name("builtins.complex") + text("1") + text("2") + b"\x86R",
    "codec of an array": name("_codecs.encode") + text("a") + ARRAY + b"\x86R",
    "reference of an array": b"(" + ARRAY * 5 + b"tQ",
    "layout of an array": name("torch.serialization._get_layout") + ARRAY + b"\x85R",
    "layout that is none": name("torch.serialization._get_layout") + text("x") + b"\x85R",
    "factory that rebuilds": name("collections.defaultdict")
    + name("torch._utils._rebuild_tensor_v2")
    + b"\x85R",
    "items that are no pairs": OD + b"](K\x01K\x02e\x85R",
    "counter of a list": name("collections.Counter") + b"]\x85R",
    "size of text": name("torch.Size") + text("ab") + b"\x85\x85R",
    "size below zero": name("torch.Size") + numbers(-1) + b"\x85R",
    "size of a huge number": name("torch.Size") + b"(" + b"\x8a\xff" + b"\x01" * 255 + b"t\x85R",
    "device that is none": name("torch.device") + text("moon") + b"\x85R",
    "device of a list": name("torch.device") + b"]\x85R",
}  # fmt: skip


@pytest.mark.parametrize("opcodes", CALLS.values(), ids=CALLS)
def test_a_malformed_pickle_is_refused(opcodes: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, EOFError), match="<BytesIO>"):
        loads(checkpoint(pickled(opcodes), k0=FOUR))


def test_a_memo_may_be_rewritten_but_not_misused() -> None:
    swap = name("torch._utils._rebuild_tensor_v2") + b"q\x00" + name("builtins.list") + b"q\x000"
    with pytest.raises(pickle.UnpicklingError, match=r"unrecognized function builtins\.list"):
        loads(checkpoint(pickled(swap, b"h\x00)R")))
    assert loads(checkpoint(pickled(b"K\x01r\xff\xff\xff\xff0j\xff\xff\xff\xff"))) == 1


@pytest.mark.parametrize(
    "opcode",
    [
        b"B",
        b"X",
        b"T",
        b"\x8a",
        b"\x8b",
        b"\x8c",
        b"\x8d",
        b"\x8e",
        b"\x96",
        b"C",
        b"U",
        b"c",
        b"i",
    ],
)
def test_a_length_beyond_the_file_allocates_nothing(opcode: bytes) -> None:
    for length in (b"\xfe", b"\xff\xff\xff\x7f" + bytes(4)):
        with pytest.raises((EOFError, pickle.UnpicklingError)):
            loads(checkpoint(b"\x80\x02" + opcode + length))


@pytest.mark.parametrize(
    ("start", "opening", "closing"),
    [
        (b"N", b"\x85", b""),
        (b"N", b"]2\x86", b""),
        (b"", b"]", b"a"),
        (b"", b"}K\x01", b"s"),
        (b"", OD + b")RK\x01", b"s"),
        (b"", b"(", b"l"),
    ],
)
def test_deep_nesting_does_not_end_the_process(
    start: bytes, opening: bytes, closing: bytes
) -> None:
    content = start + opening * 100_000 + (b"N" + closing * 100_000 if closing else b"")
    assert loads(checkpoint(pickled(content))) is not None


def test_defaultdicts_in_each_other_do_not_end_the_process() -> None:
    opening = name("collections.defaultdict") + b")RK\x01"
    for depth, end in ((100_000, b"0"), (1000, b""), (1000, b"K\x00R")):
        with pytest.raises(pickle.UnpicklingError, match="defaultdicts are nested too deeply"):
            loads(checkpoint(pickled(opening * depth + b"N" + b"s" * depth + end)))
    assert len(loads(checkpoint(pickled(opening * 50 + b"N" + b"s" * 50)))) == 1


@pytest.mark.parametrize("use", [b"}%sK\x01s", b"\x8f(%s\x90", b"(%s\x91"])
@pytest.mark.parametrize("step", [b"\x85", b"2\x86"])
def test_a_key_cannot_overflow_the_stack_or_take_for_ever(use: bytes, step: bytes) -> None:
    key = b"K\x01" + step * 30_000
    with pytest.raises(pickle.UnpicklingError, match="nested too deeply"):
        loads(checkpoint(pickled(use % key)))


def test_errors_do_not_print_what_is_endless() -> None:
    endless = b"K\x01" + b"2\x86" * 200
    for opcodes in (
        endless + b"Q",
        rebuilt(offset=endless),
        rebuilt(size=endless),
        rebuilt(place=endless),
        rebuilt(requires_grad=endless),
        name("collections.defaultdict") + endless + b"\x85R",
        name("numpy.dtype") + endless + b"\x85R",
        endless + b"}b",
        endless + b")R",
        rebuilt(place=b"(" + text("storage") + (endless + b"0" + endless) + b"tQ"),
    ):
        with pytest.raises(pickle.UnpicklingError) as refusal:
            loads(checkpoint(pickled(opcodes), k0=FOUR))
        assert len(str(refusal.value)) < 1000


# --- NumPy ----------------------------------------------------------------------------------------


def array_state(
    shape: bytes = numbers(2), dtype: bytes = F4, content: bytes = b"C\x08abcdefgh"
) -> bytes:
    return ARRAY + b"(K\x01" + shape + dtype + b"\x89" + content + b"tb"


@pytest.mark.parametrize(
    "opcodes",
    [
        RECONSTRUCT + name("builtins.list") + numbers(0) + b"C\x01b\x87R",
        RECONSTRUCT + name("numpy.ndarray") + numbers(10**12) + b"C\x01b\x87R",
        array_state(shape=numbers(3)),
        array_state(shape=numbers(-2)),
        array_state(shape=numbers(-1, -2)),
        array_state(shape=numbers(2**62, 4)),
        array_state(shape=numbers(0, 2**70), content=b"C\x00"),
        array_state(shape=b"]"),
        array_state(shape=numbers(*[1] * 40)),
        array_state(dtype=b"N"),
        array_state(dtype=name("numpy.dtype") + text("O8") + b"\x89\x88\x87R"),
        array_state(dtype=name("numpy.dtype") + text("O") + b"\x89\x88\x87R"),
        array_state(dtype=name("numpy.dtype") + text("f4,f4") + b"\x89\x88\x87R"),
        array_state(dtype=name("numpy.dtype") + text("V8") + b"\x89\x88\x87R"),
        array_state(dtype=name("numpy.dtype") + text("S0") + b"\x89\x88\x87R", content=b"C\x00"),
        array_state(content=b"]"),
        array_state(dtype=ARRAY),
        array_state(shape=ARRAY),
        array_state(content=ARRAY),
        array_state().replace(b"\x89C", b"NC"),
        RECONSTRUCT + name("numpy.ndarray") + ARRAY + b"C\x01b\x87R",
        F4 + b"(K\x03" + ARRAY * 7 + b"tb",
        array_state(content=text("abcdefgh")),
        array_state() + b"(K\x01" + numbers(2) + F4 + b"\x89C\x08abcdefghtb",
        F4 + b"(K\x03" + text(">") + b"NNNK\x01K\x01K\x00tb",
        F4 + b"(K\x03" + text("<") + b"N" + text("ab") + b"NK\x01K\x01K\x00tb",
        F4 + b"}b",
        name("numpy._core.multiarray.scalar") + F4 + b"C\x03abc\x86R",
        name("numpy._core.multiarray.scalar") + F4 + text("abcd") + b"\x86R",
        name("numpy._core.multiarray.scalar") + b"NC\x04abcd\x86R",
    ],
)  # fmt: skip
def test_a_malformed_array_is_refused(opcodes: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        loads(checkpoint(pickled(opcodes)))


# --- tensors --------------------------------------------------------------------------------------


def test_the_forged_tensor_is_good_without_a_flaw() -> None:
    assert bits(loads(checkpoint(pickled(rebuilt()), k0=FOUR))).tobytes() == FOUR


HUGE = 2**62
TENSORS = {
    "one too long": rebuilt(size=numbers(5)),
    "offset": rebuilt(offset=number(1)),
    "offset below zero": rebuilt(offset=number(-1)),
    "huge offset": rebuilt(offset=number(2**70)),
    "stride": rebuilt(stride=numbers(2)),
    "stride below zero": rebuilt(stride=numbers(-1), offset=number(3)),
    "huge stride": rebuilt(stride=numbers(HUGE)),
    "wrapping stride": rebuilt(size=numbers(3), stride=numbers(2**63 - 1)),
    "size below zero": rebuilt(size=numbers(-4)),
    "sizes below zero": rebuilt(size=numbers(-2, -2), stride=numbers(2, 1)),
    "huge size": rebuilt(size=numbers(HUGE)),
    "sizes whose product wraps": rebuilt(size=numbers(2**32, 2**32), stride=numbers(1, 1)),
    "more sizes than strides": rebuilt(size=numbers(2, 2)),
    "fewer sizes than strides": rebuilt(stride=numbers(2, 1)),
    "sizes of text": rebuilt(size=text("ab")),
    "sizes of floats": rebuilt(size=b"G" + struct.pack(">d", 4.0) + b"\x85"),
    "sizes of bools": rebuilt(size=b"\x88\x85"),
    "size that is a number": rebuilt(size=number(4)),
    "gradient of 1": rebuilt(requires_grad=number(1)),
    "gradient of integers": rebuilt(place=reference("IntStorage"), requires_grad=b"\x88"),
    "storage of None": rebuilt(place=b"N"),
    "storage of a list": rebuilt(place=b"]"),
    "storage of a class": rebuilt(place=name("torch.FloatStorage")),
    "storage of another length": rebuilt(place=reference(numel=5)),
    "storage of another type": rebuilt(place=reference("DoubleStorage")),
    "storage below zero": rebuilt(place=reference(numel=-1)),
    "huge storage": rebuilt(place=reference(numel=2**61)),
    "huger storage": rebuilt(place=reference(numel=2**200)),
    "storage that is not there": rebuilt(place=reference(key="1")),
    "storage elsewhere": rebuilt(place=reference(key="../data/0")),
    "storage of the pickle": rebuilt(place=reference(key="../data.pkl")),
    "storage told two ways": rebuilt() + rebuilt(place=reference("IntStorage")) + b"\x86",
    "storage class of text": rebuilt(place=b"(" + text("storage") * 4 + b"K\x04tQ"),
    "storage without length": rebuilt(place=b"(" + text("storage") + b"tQ"),
    "parameter of a list": name("torch._utils._rebuild_parameter") + b"]\x88]\x87R",
    "parameter of integers": name("torch._utils._rebuild_parameter")
    + rebuilt(place=reference("IntStorage"))
    + b"\x88]\x87R",
    "attribute that hides a method": name("torch._tensor._rebuild_from_type_v2")
    + (b"(" + name("torch._utils._rebuild_tensor_v2") + name("torch.Tensor"))
    + (b"(" + reference() + number(0) + numbers(4) + numbers(1) + b"\x89]t")
    + (b"}" + text("backward") + b"K\x01stR"),
    "type made by something else": name("torch._tensor._rebuild_from_type_v2")
    + (b"(" + name("builtins.list") + name("torch.Tensor") + b")}tR"),
    "metadata of an array": name("torch._utils._rebuild_tensor_v2")
    + (b"(" + reference() + number(0) + numbers(4) + numbers(1) + b"\x89]" + ARRAY + b"tR"),
    "conjugate": name("torch._utils._rebuild_tensor_v2")
    + (b"(" + reference() + number(0) + numbers(4) + numbers(1) + b"\x89]")
    + (b"}" + text("conj") + b"\x88stR"),
}


@pytest.mark.parametrize("opcodes", TENSORS.values(), ids=TENSORS)
def test_a_tensor_outside_its_storage_is_refused(opcodes: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, RuntimeError), match="<BytesIO>"):
        loads(checkpoint(pickled(opcodes), k0=FOUR))


def test_an_empty_tensor_far_outside_is_brought_inside() -> None:
    far = rebuilt(size=numbers(0), offset=number(2**40))
    made = loads(checkpoint(pickled(far), k0=FOUR))
    assert made.numel() == 0 and made.storage_offset() == 4


# --- the archive ----------------------------------------------------------------------------------

GOOD = unzipped(checkpoint(pickled(rebuilt()), k0=FOUR))


def patched(position: int, change: bytes, data: bytes = zipped(GOOD)) -> bytes:
    position %= len(data)
    return data[:position] + change + data[position + len(change) :]


def twice(data: bytes) -> bytes:
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("archive/data/0", bytes(16))
    return file.getvalue()


def entry(data: bytes, record: str) -> int:
    """Where the directory's entry for a record begins."""
    return data.rfind(b"PK\x01\x02", 0, data.rfind(record.encode()))


ZIP = zipped(GOOD)
DATA_ENTRY = entry(ZIP, "archive/data/0")
DEFLATED = zipped(GOOD, zipfile.ZIP_DEFLATED)
BOMB = zipped({**GOOD, "archive/data/0": bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
ARCHIVES = {
    "no end": (ZIP[:-22], "failed finding central directory"),
    "count too high": (patched(-14, b"\x09\x00\x09\x00"), "damaged|cut short|finding"),
    "count too low": (patched(-14, b"\x01\x00\x01\x00"), "disagree"),
    "directory too long": (patched(-10, b"\xff\xff\xff\x00"), "failed finding"),
    "directory elsewhere": (patched(-6, b"\x00\x00\x00\x00"), "failed finding"),
    "several disks": (patched(-18, b"\x01\x00"), "several parts"),
    "record outside": (patched(DATA_ENTRY + 42, b"\xf0\xff\xff\x00"), "outside the file|overlaps"),
    "record over another": (patched(DATA_ENTRY + 42, bytes(4)), "another name"),
    "stored with two sizes": (patched(DATA_ENTRY + 24, b"\xff\x00\x00\x00"), "claims 255 bytes"),
    "sizes beyond the end": (
        patched(DATA_ENTRY + 20, b"\xff\xff\xff\x00" * 2),
        "reaches into|overlaps",
    ),
    "wide size missing": (patched(DATA_ENTRY + 20, b"\xff\xff\xff\xff" * 2), "lacks its 64-bit"),
    "encrypted": (patched(DATA_ENTRY + 8, b"\x01\x00"), "encrypted or compressed"),
    "other compression": (patched(DATA_ENTRY + 10, b"\x0e\x00"), "encrypted or compressed"),
    "name of invalid UTF-8": (patched(DATA_ENTRY + 46, b"\xff"), "not UTF-8"),
    "twice the same": (twice(ZIP), "occurs twice"),
    "changed byte": (ZIP.replace(FOUR, FOUR[:-1] + b"\x41"), "fails its checksum"),
    "changed pickle": (ZIP.replace(b"storage", b"storbge"), "fails its checksum"),
    "bomb that lies": (
        patched(entry(BOMB, "archive/data/0") + 24, b"\xff\xff\xff\x7f", BOMB),
        "grow",
    ),
    "bomb of another size": (BOMB, "does not match expected size"),
    "bomb that grows too little": (
        patched(entry(BOMB, "archive/data/0") + 24, b"\x10\x00\x00\x00", BOMB),
        "does not decompress to 16 bytes",
    ),
    "broken deflate": (
        patched(DEFLATED.find(b"data.pkl") + 8, b"\xff" * 8, DEFLATED),
        "decompress",
    ),
    "no folder": (zipped({"data.pkl": b"N."}), "not in a subdirectory"),
    "no records": (b"PK\x03\x04" + zipped({}), "failed finding|empty"),
}


@pytest.mark.parametrize(("data", "message"), ARCHIVES.values(), ids=ARCHIVES)
def test_a_malformed_archive_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(RuntimeError, match=f"<BytesIO>: .*({message})"):
        loads(data)


def test_a_storage_is_not_grown_by_its_header() -> None:
    """Ten million zeros in ten thousand bytes: allowed only to whom the pickle says so."""
    with pytest.raises(RuntimeError, match="record size"):
        loads(BOMB)


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["torch_zip.pt", "torch_legacy.pt", "torch_whole_model.pt"])
def test_truncation_is_always_noticed(file: str) -> None:
    data = (DATA / file).read_bytes()
    for length in [*range(0, len(data), 97), *range(len(data) - 30, len(data))]:
        with pytest.raises(REFUSALS):
            loads(data[:length])


def saved(value: object) -> bytes:
    file = io.BytesIO()
    save(value, file)
    return file.getvalue()


def test_a_changed_byte_is_noticed_or_harmless() -> None:
    """Flipped bits in sizes, offsets, names, sums and content; padding may change unseen."""
    data = (DATA / "torch_zip.pt").read_bytes()
    expected = saved(loads(data))
    unseen = 0
    for position in range(0, len(data), 19):
        changed = bytearray(data)
        changed[position] ^= 0xFF
        try:
            result = loads(bytes(changed))
        except REFUSALS:
            continue
        unseen += 1
        assert saved(result) == expected
    assert 0 < unseen < len(data) // 19


def tensors_in(value: object, depth: int = 0) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple) and depth < 9:
        return [found for item in value for found in tensors_in(item, depth + 1)]
    return []


def test_random_pickles_stay_inside_their_storages() -> None:
    """Changed bytes behind correct checksums: whatever loads lies inside its memory."""
    chance = random.Random(0)
    records = unzipped((DATA / "torch_zip.pt").read_bytes())
    key = next(name for name in records if name.endswith("data.pkl"))
    content = records[key]
    loaded = 0
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 5))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            result = loads(zipped({**records, key: bytes(changed)}))
        except REFUSALS:
            continue
        loaded += 1
        for made in tensors_in(result):
            assert made.data_ptr() >= made.untyped_storage().address or not made.numel()
            bits(made)
    assert loaded


def test_random_bytes_are_refused() -> None:
    chance = random.Random(1)
    for length in range(0, 300, 3):
        for head in (b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04"):
            with pytest.raises(REFUSALS):
                loads(head + chance.randbytes(length))


# --- old files ------------------------------------------------------------------------------------

OLD = (DATA / "torch_legacy.pt").read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"FloatStorage", b"ShortStorage"),
        (b"FloatStorage", b"DummyStorage"),
        (b"collections\nOrderedDict", b"posix\nsystem"),
        (b"cpu", b"cpx"),
        (b"storage", b"modular"),
        (b"little_endian", b"little_engine"),
    ],
)
def test_a_changed_old_file_is_refused(before: bytes, after: bytes) -> None:
    assert before in OLD
    with pytest.raises(REFUSALS):
        loads(OLD.replace(before, after))


def test_a_changed_byte_in_an_old_file_never_reaches_outside() -> None:
    """There are no checksums in the old format: content may differ, memory may not."""
    for position in range(0, len(OLD), 3):
        changed = bytearray(OLD)
        changed[position] ^= 0x55
        try:
            result = loads(bytes(changed))
        except REFUSALS:
            continue
        for made in tensors_in(result):
            bits(made)
