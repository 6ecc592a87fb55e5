"""Generated makers of tensors: `allocate`, `wrap` and `share` of `tensor.py`, and a storage's end.

Each function returns lines of LLVM IR that do what the plain definition beside its use does; the
first operands are Python objects, `loads` and `stores` their slots. Note [generated objects].
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from facula.backend import objects
from facula.backend.cpu import machine
from facula.backend.memory import Room
from facula.backend.objects import (
    BYTES_CONTENT,
    METH_FASTCALL,
    METH_KEYWORDS,
    METH_O,
    TUPLE_ITEMS,
    WORD,
    Code,
    StandIn,
    slot_offset,
)
from facula.form import SINGLES, Form
from facula.storage import Storage, Views, give_back, note_view


class Operand:
    """Stands for an operand among the words of a prepared launch."""

    def __init__(self, code: int, offset: int = 0) -> None:
        self.code = code
        self.offset = offset

    def at(self, offset: int) -> "Operand":
        """An address so many bytes into a tensor."""
        return Operand(self.code, offset)


TENSOR, INT, FLOAT, RESULT, SCRATCH = (Operand(code) for code in range(5))
Word = int | Operand


class Launcher:
    """Where the code that runs prepared launches lies; 0 while there is none."""

    entry = 0


def prepared(
    kernel: Callable[..., int],
    words: Sequence[Word],
    form: Form | None,
    allocate: Callable[[Form], Any],
    room: Room | None = None,
) -> Callable[..., Any]:
    """launch(operands...): the kernel with `words` as arguments, operands in the places held open.

    Gives the result, a tensor of `form` whose address is the word RESULT; without a form None. If
    the kernel reports something, its report: an int. With a `room`, the word SCRATCH is where the
    kernel finds scratch.
    """
    address = machine.calls.get(kernel)
    if address is None or not Launcher.entry:
        return _plain_launch(kernel, words, form, allocate, room)
    codes = [(k, w.code) for k, w in enumerate(words) if isinstance(w, Operand)]
    holes = [(k, code) for k, code in codes if code not in (RESULT.code, SCRATCH.code)]
    place = next(k for k, code in codes if code == RESULT.code) if form is not None else 0
    scratch = next(k for k, code in codes if code == SCRATCH.code) if room is not None else 0
    numbers = [address, len(words), len(holes), place, scratch]
    for hole in holes:
        numbers += hole
    numbers += [w.offset if isinstance(w, Operand) else w for w in words]
    packed = b"".join([n.to_bytes(WORD, sys.byteorder, signed=n < 0) for n in numbers])
    return objects.bound(
        "launch", Launcher.entry, METH_FASTCALL | METH_KEYWORDS, (form, packed, room, kernel)
    )


def _plain_launch(
    kernel: Callable[..., int],
    words: Sequence[Word],
    form: Form | None,
    allocate: Callable[[Form], Any],
    room: Room | None = None,
) -> Callable[..., Any]:
    """What `prepared` means, in Python."""

    def launch(*operands: Any) -> Any:
        y = None if form is None else allocate(form)
        if room is None:
            return run(operands, y, 0)
        nbytes, pool = room.blocks
        scratch = machine.memory.acquire(nbytes)
        try:
            return run(operands, y, scratch)
        finally:
            pool.append(scratch)

    def run(operands: tuple[Any, ...], y: Any, scratch: int) -> Any:
        left = iter(operands)
        arguments: list[Any] = []
        for word in words:
            if not isinstance(word, Operand):
                arguments.append(word)
            elif word.code == RESULT.code:
                assert y is not None
                arguments.append(y.address + word.offset)
            elif word.code == SCRATCH.code:
                arguments.append(scratch + word.offset)
            elif word.code == TENSOR.code:
                arguments.append(next(left).address + word.offset)
            else:
                arguments.append(next(left))
        return kernel(*arguments) or y

    return launch


class Slots:
    """Places of a class's slots, by name."""

    def __init__(self, cls: type, *names: str) -> None:
        self.places = {name: slot_offset(cls, name) for name in names}

    def __getitem__(self, name: str) -> int:
        return self.places[name]


class Makers(NamedTuple):
    """What is made for a tensor class."""

    allocate: Callable[[Form], Any]
    wrap: Callable[[Storage, int, Form], Any]
    share: Callable[[Any, Form, int], Any]


class _Writer:
    """Prints the functions for one tensor class."""

    def __init__(self, tensor: type) -> None:
        self.code = Code()
        self.tensor = Slots(
            tensor, "block", "address", "form", "needs_grad", "edge", "grad", "extra", "base"
        )
        self.storage = Slots(Storage, "address", "length", "version", "pool", "views")
        self.form = Slots(Form, "pool", "nbytes", "tracked", "single")
        self.limit = slot_offset(Views, "limit")
        self.blocks = slot_offset(Room, "blocks")
        names = {
            "Tensor": tensor, "Storage": Storage, "Form": Form, "Views": Views, "list": list,
            "None": None, "True": True, "False": False, "zero": 0,
            "acquire": machine.memory.acquire, "give_back": give_back, "note_view": note_view,
            "plain_item": tensor.__dict__["item"],
        }  # fmt: skip
        self.names = {label: self.code.name(label, value) for label, value in names.items()}

    def __getitem__(self, label: str) -> str:
        return self.names[label]

    def type_is(self, result: str, value: str, label: str) -> list[str]:
        """Whether an object's type is exactly a class."""
        kind, lines = self.code.load(value, WORD)
        return [*lines, f"  {result} = icmp eq ptr {kind}, {self[label]}"]

    def fill_tensor(self, y: str, storage: str, address: str, form: str) -> list[str]:
        """The slots of a tensor without a graph; takes over `storage` and `address`."""
        store, place = self.code.store, self.tensor
        return [
            *store(y, place["block"], storage, owned=True),
            *store(y, place["address"], address, owned=True),
            *store(y, place["form"], form),
            *store(y, place["needs_grad"], self["False"]),
            *[
                line
                for name in ("edge", "grad", "extra")
                for line in store(y, place[name], self["None"])
            ],
        ]

    def take(self, result: str, pool: str, nbytes: str, refused: str, taken: str) -> list[str]:
        """A block out of a pool or from the system: its address as an object, which is ours."""
        items, load_items = self.code.load(pool, 3 * WORD)
        return [
            f"  %size.place = getelementptr i8, ptr {pool}, i64 {2 * WORD}",
            "  %size = load i64, ptr %size.place, align 8",
            "  %some = icmp sgt i64 %size, 0",
            "  br i1 %some, label %pop, label %acquire",
            # What list.pop does, but for giving memory back.
            "pop:", "  %last = sub i64 %size, 1", *load_items,
            f"  %last.place = getelementptr ptr, ptr {items}, i64 %last",
            "  %popped = load ptr, ptr %last.place, align 8",
            "  store i64 %last, ptr %size.place, align 8",
            "  br label %found",
            "acquire:",
            f"  %acquired = call ptr @PyObject_CallOneArg(ptr {self['acquire']}, ptr {nbytes})",
            "  br label %found",
            "found:", f"  %{result} = phi ptr [ %popped, %pop ], [ %acquired, %acquire ]",
            f"  %refused = icmp eq ptr %{result}, null",
            f"  br i1 %refused, label %{refused}, label %{taken}",
        ]  # fmt: skip

    def allocate(self) -> str:
        load, store = self.code.load, self.code.store
        pool, load_pool = load("%form", self.form["pool"])
        nbytes, load_nbytes = load("%form", self.form["nbytes"])
        return "\n".join([
            "define ptr @facula_allocate(ptr %self, ptr %form) {", "entry:",
            *self.type_is("%known", "%form", "Form"),
            "  br i1 %known, label %look, label %bad",
            "bad:", self.code.complaint("allocate: argument must be a Form"), "  ret ptr null",
            "look:", *load_pool, *load_nbytes,
            *self.take("address", pool, nbytes, "nothing", "make"),
            "nothing:", "  ret ptr null",
            "make:",
            f"  %storage = call ptr @PyType_GenericAlloc(ptr {self['Storage']}, i64 0)",
            "  %no.storage = icmp eq ptr %storage, null",
            "  br i1 %no.storage, label %nothing, label %fill",
            "fill:",
            *store("%storage", self.storage["address"], "%address", owned=True),
            *store("%storage", self.storage["length"], nbytes),
            *store("%storage", self.storage["version"], self["zero"]),
            *store("%storage", self.storage["pool"], pool),
            *store("%storage", self.storage["views"], self["None"]),
            f"  %y = call ptr @PyType_GenericAlloc(ptr {self['Tensor']}, i64 0)",
            "  %no.tensor = icmp eq ptr %y, null",
            "  br i1 %no.tensor, label %drop, label %finish",
            "drop:", "  call void @Py_DecRef(ptr %storage)", "  ret ptr null",
            "finish:", "  call void @Py_IncRef(ptr %address)",
            *self.fill_tensor("%y", "%storage", "%address", "%form"),
            *store("%y", self.tensor["base"], self["None"]),
            "  ret ptr %y", "}",
        ])  # fmt: skip

    def arguments(self, name: str, names: Sequence[str]) -> list[str]:
        """Reads positional arguments; raises if there are more or fewer."""
        lines = [
            f"define ptr @facula_{name}(ptr %self, ptr %objects, i64 %given, "
            "ptr %keywords) {", "entry:",
            f"  %right = icmp eq i64 %given, {len(names)}",
            "  br i1 %right, label %read, label %wrong",
            "wrong:", self.code.complaint(f"{name}: expected {', '.join(names)}"),
            "  ret ptr null", "read:",
        ]  # fmt: skip
        for k, one in enumerate(names):
            lines += [f"  %{one}.at = getelementptr ptr, ptr %objects, i64 {k}",
                      f"  %{one} = load ptr, ptr %{one}.at, align 8"]  # fmt: skip
        return lines

    def wrap(self) -> str:
        return "\n".join([
            *self.arguments("wrap", ("storage", "address", "form")),
            f"  %y = call ptr @PyType_GenericAlloc(ptr {self['Tensor']}, i64 0)",
            "  %none = icmp eq ptr %y, null",
            "  br i1 %none, label %nothing, label %fill",
            "nothing:", "  ret ptr null",
            "fill:", "  call void @Py_IncRef(ptr %storage)", "  call void @Py_IncRef(ptr %address)",
            *self.fill_tensor("%y", "%storage", "%address", "%form"),
            *self.code.store("%y", self.tensor["base"], self["None"]),
            "  ret ptr %y", "}",
        ])  # fmt: skip

    def share(self) -> str:
        load = self.code.load
        kind, load_kind = load("%source", WORD)
        storage, load_storage = load("%source", self.tensor["block"])
        address, load_address = load("%source", self.tensor["address"])
        old, load_base = load("%source", self.tensor["base"])
        needs, load_needs = load("%source", self.tensor["needs_grad"])
        edge, load_edge = load("%source", self.tensor["edge"])
        tracked, load_tracked = load("%form", self.form["tracked"])
        views, load_views = load(storage, self.storage["views"])
        limit, load_limit = load(views, self.limit)
        return "\n".join([
            *self.arguments("share", ("source", "form", "offset")),
            *load_kind,
            f"  %exact = icmp eq ptr {kind}, {self['Tensor']}",
            "  br i1 %exact, label %tensor, label %ask",
            "ask:",
            f"  %sub = call i32 @PyType_IsSubtype(ptr {kind}, ptr {self['Tensor']})",
            "  %derived = icmp ne i32 %sub, 0",
            "  br i1 %derived, label %tensor, label %bad",
            "bad:", self.code.complaint("share: arguments must be a Tensor, a Form and an int"),
            "  ret ptr null",
            "tensor:", *load_storage, *load_address, *load_base, *load_needs, *load_edge,
            *self.type_is("%form.right", "%form", "Form"),
            "  br i1 %form.right, label %numbers, label %bad",
            "numbers:",
            f"  %start = call i64 @PyLong_AsLongLong(ptr {address})",
            "  %shift = call i64 @PyLong_AsLongLong(ptr %offset)",
            "  %error = call ptr @PyErr_Occurred()",
            "  %failed = icmp ne ptr %error, null",
            "  br i1 %failed, label %nothing, label %owner",
            "nothing:", "  ret ptr null",
            "owner:", f"  %no.owner = icmp eq ptr {storage}, null",
            "  br i1 %no.owner, label %bad, label %kind",
            "kind:", *self.type_is("%storage.right", storage, "Storage"),
            "  br i1 %storage.right, label %make, label %bad",
            "make:", "  %sum = add i64 %start, %shift",
            "  %place = call ptr @PyLong_FromLongLong(i64 %sum)",
            "  %no.place = icmp eq ptr %place, null",
            "  br i1 %no.place, label %nothing, label %build",
            "build:", f"  %y = call ptr @PyType_GenericAlloc(ptr {self['Tensor']}, i64 0)",
            "  %no.tensor = icmp eq ptr %y, null",
            "  br i1 %no.tensor, label %drop, label %fill",
            "drop:", "  call void @Py_DecRef(ptr %place)", "  ret ptr null",
            "fill:", f"  call void @Py_IncRef(ptr {storage})",
            *self.fill_tensor("%y", storage, "%place", "%form"),
            # A leaf made from a view stands for itself.
            f"  %first = icmp eq ptr {old}, {self['None']}",
            f"  %wanted = icmp eq ptr {needs}, {self['True']}",
            f"  %made = icmp eq ptr {edge}, {self['None']}",
            "  %leaf = and i1 %wanted, %made",
            "  %own = or i1 %first, %leaf",
            f"  %base = select i1 %own, ptr %source, ptr {old}",
            *self.code.store("%y", self.tensor["base"], "%base"),
            *load_tracked,
            f"  %follow = icmp eq ptr {tracked}, {self['True']}",
            "  br i1 %follow, label %list, label %done",
            "list:", *load_views,
            *self.type_is("%begun", views, "Views"),
            "  br i1 %begun, label %measure, label %python",
            "measure:", *load_limit,
            f"  %limit = call i64 @PyLong_AsLongLong(ptr {limit})",
            f"  %size.place = getelementptr i8, ptr {views}, i64 {2 * WORD}",
            "  %size = load i64, ptr %size.place, align 8",
            "  %room = icmp slt i64 %size, %limit",
            "  br i1 %room, label %note, label %python",
            "note:", "  %weak = call ptr @PyWeakref_NewRef(ptr %y, ptr null)",
            "  %no.weak = icmp eq ptr %weak, null",
            "  br i1 %no.weak, label %undo, label %append",
            "append:", f"  %code = call i32 @PyList_Append(ptr {views}, ptr %weak)",
            "  call void @Py_DecRef(ptr %weak)",
            "  %full = icmp ne i32 %code, 0",
            "  br i1 %full, label %undo, label %done",
            "python:", f"  %noted = call ptr @PyObject_CallOneArg(ptr {self['note_view']}, ptr %y)",
            "  %not.noted = icmp eq ptr %noted, null",
            "  br i1 %not.noted, label %undo, label %end",
            "end:", "  call void @Py_DecRef(ptr %noted)", "  ret ptr %y",
            "undo:", "  call void @Py_DecRef(ptr %y)", "  ret ptr null",
            "done:", "  ret ptr %y", "}",
        ])  # fmt: skip

    def launch(self) -> str:
        """launch(operands...): a kernel on prepared words with the operands put into their places.

        `self` is (form or None, bytes, room or None). The bytes are: address of the kernel's code,
        words, operands, places of the result and of scratch, (place, kind) an operand, then the
        words.
        """
        load = self.code.load
        form, load_form = load("%self", TUPLE_ITEMS)
        packed, load_packed = load("%self", TUPLE_ITEMS + WORD)
        room, load_room = load("%self", TUPLE_ITEMS + 2 * WORD)
        blocks, load_blocks = load(room, self.blocks)
        nbytes, load_nbytes = load(blocks, TUPLE_ITEMS)
        pool, load_pool = load(blocks, TUPLE_ITEMS + WORD)
        operand_kind, load_kind = load("%operand", WORD)
        address, load_address = load("%operand", self.tensor["address"])
        result, load_result = load("%y", self.tensor["address"])

        def header(name: str, k: int) -> list[str]:
            return [f"  %{name}.at = getelementptr i64, ptr %data, i64 {k}",
                    f"  %{name} = load i64, ptr %{name}.at, align 8"]  # fmt: skip

        return "\n".join([
            "define ptr @facula_launch(ptr %self, ptr %objects, i64 %given, ptr %keywords) {",
            "entry:", *load_form, *load_packed, *load_room,
            f"  %data = getelementptr i8, ptr {packed}, i64 {BYTES_CONTENT}",
            *header("kernel", 0), *header("count", 1), *header("holes", 2), *header("place", 3),
            *header("scratch", 4),
            "  %right = icmp eq i64 %given, %holes",
            "  br i1 %right, label %begin, label %wrong",
            "wrong:", self.code.complaint("launch: another number of operands was prepared"),
            "  ret ptr null",
            "begin:", "  %room = add i64 %count, 1",
            "  %words = alloca i64, i64 %room, align 8",
            "  %pairs = mul i64 %holes, 2",
            "  %start = add i64 %pairs, 5",
            "  %template = getelementptr i64, ptr %data, i64 %start",
            "  br label %copy",
            "copy:", "  %k = phi i64 [ 0, %begin ], [ %k.next, %copy.one ]",
            "  %copying = icmp slt i64 %k, %count",
            "  br i1 %copying, label %copy.one, label %fill",
            "copy.one:", "  %from = getelementptr i64, ptr %template, i64 %k",
            "  %into = getelementptr i64, ptr %words, i64 %k",
            "  %word = load i64, ptr %from, align 8", "  store i64 %word, ptr %into, align 8",
            "  %k.next = add i64 %k, 1", "  br label %copy",
            "fill:", "  %h = phi i64 [ 0, %copy ], [ %h.next, %put ]",
            "  %filling = icmp slt i64 %h, %holes",
            "  br i1 %filling, label %read, label %check",
            "read:", "  %operand.at = getelementptr ptr, ptr %objects, i64 %h",
            "  %operand = load ptr, ptr %operand.at, align 8",
            "  %twice = mul i64 %h, 2", "  %where.at = add i64 %twice, 5",
            "  %kind.at = add i64 %twice, 6",
            "  %where.place = getelementptr i64, ptr %data, i64 %where.at",
            "  %kind.place = getelementptr i64, ptr %data, i64 %kind.at",
            "  %where = load i64, ptr %where.place, align 8",
            "  %kind = load i64, ptr %kind.place, align 8",
            f"  switch i64 %kind, label %number.float [ i64 {TENSOR.code}, label %tensor "
            f"i64 {INT.code}, label %number.int ]",
            "tensor:", *load_kind,
            f"  %exact = icmp eq ptr {operand_kind}, {self['Tensor']}",
            "  br i1 %exact, label %address, label %ask",
            "ask:",
            f"  %sub = call i32 @PyType_IsSubtype(ptr {operand_kind}, ptr {self['Tensor']})",
            "  %derived = icmp ne i32 %sub, 0",
            "  br i1 %derived, label %address, label %bad",
            "bad:", self.code.complaint("launch: operand must be a Tensor"), "  ret ptr null",
            "address:", *load_address,
            f"  %pointer = call i64 @PyLong_AsLongLong(ptr {address})", "  br label %put",
            "number.int:", "  %whole = call i64 @PyLong_AsLongLong(ptr %operand)",
            "  br label %put",
            "number.float:", "  %real = call double @PyFloat_AsDouble(ptr %operand)",
            "  %bits = bitcast double %real to i64", "  br label %put",
            "put:", "  %value = phi i64 [ %pointer, %address ], [ %whole, %number.int ], "
            "[ %bits, %number.float ]",
            "  %slot = getelementptr i64, ptr %words, i64 %where",
            "  %offset = load i64, ptr %slot, align 8",
            "  %moved = add i64 %value, %offset",
            "  store i64 %moved, ptr %slot, align 8",
            "  %h.next = add i64 %h, 1", "  br label %fill",
            "check:", "  %error = call ptr @PyErr_Occurred()",
            "  %failed = icmp ne ptr %error, null",
            "  br i1 %failed, label %nothing, label %make",
            "nothing:", "  ret ptr null",
            "make:", f"  %inplace = icmp eq ptr {form}, {self['None']}",
            "  br i1 %inplace, label %none, label %new",
            "none:", f"  call void @Py_IncRef(ptr {self['None']})", "  br label %run",
            "new:", f"  %y = call ptr @facula_allocate(ptr null, ptr {form})",
            "  %no.y = icmp eq ptr %y, null",
            "  br i1 %no.y, label %nothing, label %target",
            "target:", *load_result,
            f"  %result = call i64 @PyLong_AsLongLong(ptr {result})",
            "  %result.at = getelementptr i64, ptr %words, i64 %place",
            "  %result.offset = load i64, ptr %result.at, align 8",
            "  %result.moved = add i64 %result, %result.offset",
            "  store i64 %result.moved, ptr %result.at, align 8", "  br label %run",
            "run:", f"  %made = phi ptr [ {self['None']}, %none ], [ %y, %target ]",
            f"  %roomless = icmp eq ptr {room}, {self['None']}",
            "  br i1 %roomless, label %start.kernel, label %take",
            "take:", *load_blocks, *load_nbytes, *load_pool,
            *self.take("block", pool, nbytes, "drop", "taken"),
            "drop:", "  call void @Py_DecRef(ptr %made)", "  ret ptr null",
            "taken:", "  %block.address = call i64 @PyLong_AsLongLong(ptr %block)",
            "  %scratch.place = getelementptr i64, ptr %words, i64 %scratch",
            "  %scratch.offset = load i64, ptr %scratch.place, align 8",
            "  %scratch.moved = add i64 %block.address, %scratch.offset",
            "  store i64 %scratch.moved, ptr %scratch.place, align 8", "  br label %start.kernel",
            "start.kernel:",
            f"  %home = phi ptr [ null, %run ], [ {pool}, %taken ]",
            "  %held = phi ptr [ null, %run ], [ %block, %taken ]",
            "  %code.at = inttoptr i64 %kernel to ptr",
            "  %code = call i64 %code.at(ptr %words)",
            "  %nothing.held = icmp eq ptr %held, null",
            "  br i1 %nothing.held, label %look, label %put.back",
            "put.back:", "  %listed = call i32 @PyList_Append(ptr %home, ptr %held)",
            "  call void @Py_DecRef(ptr %held)",
            "  %lost = icmp ne i32 %listed, 0",
            "  br i1 %lost, label %drop, label %look",
            "look:", "  %fine = icmp eq i64 %code, 0",
            "  br i1 %fine, label %done, label %report",
            "report:", "  call void @Py_DecRef(ptr %made)",
            "  %number = call ptr @PyLong_FromLongLong(i64 %code)", "  ret ptr %number",
            "done:", "  ret ptr %made", "}",
        ])  # fmt: skip

    def item(self) -> str:
        """The value of a tensor of one element; Python answers for other tensors and dtypes."""
        form, load_form = self.code.load("%tensor", self.tensor["form"])
        single, load_single = self.code.load(form, self.form["single"])
        address, load_address = self.code.load("%tensor", self.tensor["address"])
        lines = [
            "define ptr @facula_item(ptr %tensor, ptr %nothing) {", "entry:", *load_form,
            *load_address,
            f"  %no.form = icmp eq ptr {form}, null",
            "  br i1 %no.form, label %python, label %look",
            "look:", *self.type_is("%known", form, "Form"),
            "  br i1 %known, label %read, label %python",
            "read:", *load_single,
            f"  %kind = call i64 @PyLong_AsLongLong(ptr {single})",
            f"  %place = call i64 @PyLong_AsLongLong(ptr {address})",
            "  %error = call ptr @PyErr_Occurred()",
            "  %failed = icmp ne ptr %error, null",
            "  br i1 %failed, label %nothing.made, label %choose",
            "nothing.made:", "  ret ptr null",
            "choose:", "  %data = inttoptr i64 %place to ptr",
            "  switch i64 %kind, label %python [ "
            + " ".join(f"i64 {k} label %{kind}" for k, kind in enumerate(SINGLES, 1)).replace(
                " label", ", label"
            )
            + " ]",
            "python:",
            f"  %asked = call ptr @PyObject_CallOneArg(ptr {self['plain_item']}, ptr %tensor)",
            "  ret ptr %asked",
        ]  # fmt: skip
        for kind in SINGLES:
            stored = {"bool": "i8", "u8": "i8", "f32": "float", "f64": "double"}.get(kind, kind)
            lines += [f"{kind}:", f"  %raw.{kind} = load {stored}, ptr %data"]
            if kind == "f32":
                lines.append("  %wide.f32 = fpext float %raw.f32 to double")
            value = "%wide.f32" if kind == "f32" else f"%raw.{kind}"
            if kind[0] == "f":
                make = f"@PyFloat_FromDouble(double {value})"
            elif kind == "i64":
                make = "@PyLong_FromLongLong(i64 %raw.i64)"
            else:
                widen = "zext" if kind in ("bool", "u8") else "sext"
                lines.append(f"  %wide.{kind} = {widen} {stored} %raw.{kind} to i64")
                name = "PyBool_FromLong" if kind == "bool" else "PyLong_FromLongLong"
                make = f"@{name}(i64 %wide.{kind})"
            lines += [f"  %made.{kind} = call ptr {make}", f"  ret ptr %made.{kind}"]
        return "\n".join([*lines, "}"])

    def release(self) -> str:
        pool, load_pool = self.code.load("%storage", self.storage["pool"])
        address, load_address = self.code.load("%storage", self.storage["address"])
        return "\n".join([
            "define ptr @facula_release(ptr %storage, ptr %nothing) {", "entry:",
            *load_pool, *load_address,
            f"  %no.pool = icmp eq ptr {pool}, null",
            f"  %no.address = icmp eq ptr {address}, null",
            "  %empty = or i1 %no.pool, %no.address",
            "  br i1 %empty, label %done, label %look",
            "look:", *self.type_is("%plain", pool, "list"),
            "  br i1 %plain, label %append, label %python",
            "append:", f"  %code = call i32 @PyList_Append(ptr {pool}, ptr {address})",
            "  %failed = icmp ne i32 %code, 0",
            "  br i1 %failed, label %error, label %done",
            "error:", "  ret ptr null",
            "python:",
            f"  %made = call ptr @PyObject_CallOneArg(ptr {self['give_back']}, ptr %storage)",
            "  ret ptr %made",
            "done:", f"  call void @Py_IncRef(ptr {self['None']})",
            f"  ret ptr {self['None']}", "}",
        ])  # fmt: skip


def makers(tensor: type, plain: Makers) -> Makers:
    """Built-ins that call the plain definitions until the machine is ready, then generated code;
    the plain definitions themselves where there can be none."""
    if not objects.supported():
        return plain
    fast = METH_FASTCALL | METH_KEYWORDS
    stand_ins = [
        StandIn("allocate", plain.allocate, METH_O),
        StandIn("wrap", plain.wrap, fast),
        StandIn("share", plain.share, fast),
    ]

    def link() -> None:
        try:
            objects.check_layout()
            writer = _Writer(tensor)
        except objects.Missing:
            return
        parts = (
            writer.allocate,
            writer.wrap,
            writer.share,
            writer.launch,
            writer.item,
            writer.release,
        )
        writer.code.functions = [part() for part in parts]
        names = [f"facula_{part.__name__}" for part in parts]
        *entries, launch, item, release = objects.link(writer.code, names, machine.compile_cached)
        for stand_in, entry in zip(stand_ins, entries, strict=True):
            stand_in.replace(entry)
        Launcher.entry = launch
        tensor.item = objects.method(tensor, "item", item)  # type: ignore[attr-defined]
        Storage.__del__ = objects.method(Storage, "__del__", release)  # type: ignore[method-assign]

    machine.when_ready.append(link)
    return Makers(*[stand_in.call for stand_in in stand_ins])
