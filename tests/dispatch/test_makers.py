"""Generated makers do what the plain definitions do, and leave nothing behind."""

import ctypes
import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import facula
from facula.backend import objects
from facula.backend.cpu import machine
from facula.form import form_of, memory
from facula.makers import RESULT, SCRATCH, TENSOR, _plain_launch, prepared
from facula.meta import dtype as dtypes
from facula.op import registry
from facula.storage import Storage
from facula.tensor import Tensor, _plain_allocate, _plain_share, allocate, share, wrap

generated = pytest.mark.skipif(not objects.supported(), reason="plain definitions run here")
SLOTS = ("block", "address", "form", "needs_grad", "edge", "grad", "extra", "base")


def slots(tensor: Tensor) -> dict[str, object]:
    return {name: getattr(tensor, name) for name in SLOTS}


@generated
def test_the_makers_are_built_in() -> None:
    facula.ones(2) + 1  # the first kernel makes the machine ready
    assert type(allocate) is type(wrap) is type(share) is type(len)
    assert type(Storage.__del__) is type(str.upper)


def test_allocate_like_the_plain_definition() -> None:
    form = form_of(dtypes.float32, (3, 7))
    for make in (allocate, _plain_allocate):
        y = make(form)
        storage = y.block
        assert type(y) is Tensor and type(storage) is Storage
        assert slots(y) == {
            "block": storage, "address": storage.address, "form": form, "needs_grad": False,
            "edge": None, "grad": None, "extra": None, "base": None,
        }  # fmt: skip
        assert storage.pool is form.pool and storage.length == 84
        assert storage.version == 0 and storage.views is None
        assert y.__dict__ == {} and y.address % 64 == 0
        y.note = "kept"
        assert y.note == "kept" and y.__dict__ == {"note": "kept"}


def test_share_like_the_plain_definition() -> None:
    source = facula.arange(12.0)
    leaf = source[2:].detach().requires_grad_()
    inner = source[2:]
    whole = facula.arange(12)
    for x in (source, leaf, inner, whole):
        form = form_of(x.form.dtype, (2, 2))
        for make in (share, _plain_share):
            y = make(x, form, 8)
            assert y.block is x.block and y.address == x.address + 8 and y.form is form
            assert y.base is (source if x is inner else x) and y.extra is None
            assert not y.needs_grad and y.edge is None and y.grad is None
            noted = x.block.views is not None and any(v() is y for v in x.block.views)
            assert noted == x.form.dtype.is_floating_point


def test_share_forgets_dead_views() -> None:
    x = facula.zeros(4)
    kept = [share(x, x.form, 0) for _ in range(40)]
    for _ in range(1000):
        share(x, x.form, 0)
    alive = {id(v()) for v in x.block.views if v() is not None}
    assert {id(v) for v in kept} <= alive and len(x.block.views) <= x.block.views.limit


def test_a_parameter_is_shared_as_a_tensor() -> None:
    parameter = facula.nn.Parameter(facula.ones(2, 3))
    y = share(parameter, parameter.form, 0)
    assert type(y) is Tensor and y.base is parameter


@generated
def test_makers_refuse_what_is_no_tensor() -> None:
    x = facula.ones(2)
    with pytest.raises(TypeError, match="must be a Form"):
        allocate(x)
    with pytest.raises(TypeError, match="must be a Tensor, a Form"):
        share(3, x.form, 0)
    with pytest.raises(TypeError, match="must be a Tensor, a Form"):
        share(x, x, 0)
    with pytest.raises(TypeError, match="int"):
        share(x, x.form, "0")
    with pytest.raises(OverflowError):
        share(x, x.form, 2**70)
    with pytest.raises(TypeError, match="expected source, form, offset"):
        share(x)
    with pytest.raises(TypeError, match="expected storage, address, form"):
        wrap(x.block)
    unfilled = object.__new__(Tensor)
    for broken in (unfilled, object.__new__(type("Sub", (Tensor,), {}))):
        with pytest.raises((SystemError, TypeError)):
            share(broken, x.form, 0)


def test_blocks_come_back_and_are_taken_again() -> None:
    form = form_of(dtypes.float64, (1021,))
    pool = memory.pool(form.nbytes)
    first = allocate(form)
    address, waiting = first.address, len(pool)
    second = share(first, form, 0)
    del first
    assert len(pool) == waiting
    del second
    assert pool[-1] == address and len(pool) == waiting + 1
    assert allocate(form).address == address


def test_foreign_and_grown_storages_end_too() -> None:
    x = facula.ones(3)
    block, pool = x.block.address, x.block.pool
    alias = x.data
    del x
    assert block not in pool
    del alias
    assert pool[-1] == block
    y = facula.ones(3)
    y.resize_(1000)
    old = y.block.pool
    del y
    assert old.old is None


def addition() -> Any:
    """The launch of two tensors of 2 x 3."""
    x = facula.ones(2, 3)
    x + x
    launches = registry["add"].launches.values()
    return next(one for one in launches if one.operands == (x.form, x.form, ("=", 1)))


def add_launcher(make: Callable[..., Any]) -> Callable[..., Any]:
    launch = addition()
    return make(launch.kernel, (*launch.sizes, TENSOR, TENSOR, RESULT), launch.form, allocate)


def test_launchers_do_what_their_plain_definition_does() -> None:
    x, y = facula.arange(6.0).reshape(2, 3), facula.full((2, 3), 0.5)
    for make in (prepared, _plain_launch):
        launch = add_launcher(make)
        made = launch(x, y)
        assert type(made) is Tensor and made.tolist() == [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]
        assert launch(facula.nn.Parameter(x), y).tolist() == made.tolist()
        assert made.block.version == 0 and made.edge is None and not made.needs_grad


@pytest.mark.parametrize("make", [prepared, _plain_launch])
def test_launchers_lend_scratch(make: Callable[..., Any]) -> None:
    """A sum is written into scratch, which is back in its pool afterwards."""
    x, y, add = facula.arange(6.0).reshape(2, 3), facula.full((2, 3), 0.5), addition()
    room = machine.room(24)
    words = (*add.sizes, TENSOR, TENSOR, SCRATCH)
    launch = make(add.kernel, words, None, allocate, room)
    pool = room.blocks[1]
    assert launch(x, y) is None
    waiting, address = len(pool), pool[-1]
    counted = sys.getrefcount(address)
    for _ in range(100):
        launch(x, y)
    after = sys.getrefcount(address)
    assert len(pool) == waiting and pool[-1] == address and after == counted
    assert list((ctypes.c_float * 6).from_address(address)) == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_scratch_is_enough_for_more_threads() -> None:
    room, threads = machine.room(1000), machine.pool.parts
    machine.set_threads(machine.workers)
    machine.set_threads(threads)
    assert room.each >= 1000 and room.blocks[0] == room.each * machine.workers


@generated
def test_launchers_refuse_what_is_no_operand() -> None:
    launch, x = add_launcher(prepared), facula.ones(2, 3)
    for operands in ((x,), (x, x, x), ()):
        with pytest.raises(TypeError, match="another number of operands"):
            launch(*operands)
    for other in (1, None, "x", object()):
        with pytest.raises(TypeError, match="operand must be a Tensor"):
            launch(x, other)
    with pytest.raises((SystemError, TypeError)):
        launch(x, object.__new__(Tensor))


def test_a_report_comes_instead_of_a_result() -> None:
    form = form_of(dtypes.int64, (3,))
    pool = memory.pool(form.nbytes)
    made = _plain_launch(lambda *_: 7, (TENSOR, RESULT), form, allocate)
    assert made(facula.ones(3)) == 7
    x, zero = facula.arange(3), facula.zeros(3, dtype=facula.int64)
    waiting = len(pool)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            x // zero
    assert len(pool) <= waiting


def test_nothing_leaks() -> None:
    form = form_of(dtypes.float32, (4,))
    allocate(form)
    counted = (None, False, 0, form, form.pool, Tensor, Storage)
    x = facula.ones(4)

    def work() -> None:
        for _ in range(1000):
            y = allocate(form)
            wrap(y.block, y.address, form)
            share(y, form, 4)
            share(x, form, 0)
            x + x
            x.add_(0.0)
            x.sum()

    work()
    gc.collect()
    before = [sys.getrefcount(one) for one in counted]
    blocks = sys.getallocatedblocks()
    work()
    gc.collect()
    after = [sys.getrefcount(one) for one in counted]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 100
    assert sys.getallocatedblocks() - blocks < 200


def test_tensors_in_a_circle_are_collected() -> None:
    y = allocate(form_of(dtypes.float32, (5,)))
    y.me = y
    gone = weakref.ref(y.block)
    del y
    gc.collect()
    assert gone() is None


def test_memory_asked_of_the_system_may_be_refused() -> None:
    huge = form_of(dtypes.float64, (1 << 50,))
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        allocate(huge)


def test_the_plain_definitions_stand_where_the_layout_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Odd:
        __slots__ = ("a",)

    place = objects.slot_offset(Odd, "a")
    assert 16 <= place < Odd.__basicsize__
    monkeypatch.setattr(objects, "WORD", 16)
    with pytest.raises(objects.Missing):
        objects.check_layout()
