"""What nobody should ask for: endless lists, ints beyond 64 bits, sizes beyond memory, deep graphs,
threads that share tensors. An exception of PyTorch's type, or the right result; never a dead
process. Note [guarded memory].
"""

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import facula as torch
from tests.backend.processes import run

WIDE = 2**63


def nested(depth: int) -> list[Any]:
    found: list[Any] = [1.0]
    for _ in range(depth - 1):
        found = [found]
    return found


# --- sequences -----------------------------------------------------------------------------------


def test_lists_may_be_as_deep_as_tensors() -> None:
    for depth in (1, 63, 64, 65, 128):
        x = torch.tensor(nested(depth))
        assert x.shape == (1,) * depth and x.item() == 1
    x = torch.tensor([[nested(70), nested(70)]] * 3)
    assert x.shape == (3, 2, *(1,) * 70) and x.sum().item() == 6


@pytest.mark.parametrize("make", [torch.tensor, torch.as_tensor, torch.FloatTensor])
def test_endless_sequences_are_refused(make: Callable[[Any], Any]) -> None:
    torch.zeros(1, names=("N",))  # names anywhere make calls look for them
    itself: list[Any] = []
    itself.append(itself)
    for data in (itself, nested(129), nested(1000), nested(100_000)):
        with pytest.raises(ValueError, match="too many dimensions 'list'"):
            make(data)
    many: list[Any] = [1.0, 1.0]
    for _ in range(60):
        many = [many, many]
    with pytest.raises(RuntimeError, match="cannot be made from nested sequences"):
        make(many)


def test_a_sequence_of_ones_own_may_lie_about_its_length() -> None:
    class Long:
        def __init__(self, length: int) -> None:
            self.length = length

        def __len__(self) -> int:
            return self.length

        def __getitem__(self, place: int) -> float:
            return float(place)

    assert torch.tensor(Long(3)).tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError):
        torch.tensor(Long(2**62))
    with pytest.raises(ValueError):
        torch.tensor(Long(-1))


# --- numbers -------------------------------------------------------------------------------------

X = torch.ones(3, 4)
WIDE_INTS = [
    lambda n: X.topk(n), lambda n: X.narrow(0, n, 1), lambda n: X.softmax(n),
    lambda n: torch.nn.functional.avg_pool2d(X[None], 2, ceil_mode=True, divisor_override=n),
    lambda n: torch.eye(n), lambda n: X.index_select(n, torch.tensor([0])),
    lambda n: torch.linspace(0, 1, n), lambda n: X.cumsum(n),
]  # fmt: skip
WIDE_LISTS = [
    lambda n: torch.zeros(n), lambda n: torch.zeros(2, n), lambda n: X.expand(n, 4),
    lambda n: X.view(n), lambda n: X.repeat(n, 1), lambda n: X.sum([n]), lambda n: X.roll([n], [0]),
    lambda n: torch.conv2d(X[None], torch.ones(1, 1, 2, 2), stride=(n, 1)),
]  # fmt: skip


@pytest.mark.parametrize("wide", [WIDE, -WIDE - 1, 2**70])
def test_ints_beyond_64_bits_are_refused(wide: int) -> None:
    for twice in range(2):  # what was accepted once is looked at no more
        for call in WIDE_INTS:
            with pytest.raises(ValueError, match="Overflow when unpacking long long"):
                call(wide)
        for call in WIDE_LISTS:
            with pytest.raises(TypeError, match="Overflow when unpacking long long"):
                call(wide)
        assert X.topk(2)[0].tolist() == [[1, 1]] * 3 and X.repeat(2, 1).shape == (6, 4)
        assert torch.zeros(2, 3).softmax(1).shape == (2, 3), twice


def test_numbers_beyond_64_bits() -> None:
    assert torch.ones(2).fill_(WIDE).tolist() == [float(WIDE)] * 2
    assert torch.full((2,), WIDE, dtype=torch.float64).tolist() == [float(WIDE)] * 2
    for call in (
        lambda: X * 2**70, lambda: X + 2**70, lambda: X == 2**70, lambda: X.pow(2**70),
        lambda: torch.ones(2).fill_(2**70),
    ):  # fmt: skip
        with pytest.raises(OverflowError, match="int too big to convert"):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.empty(2**40), lambda: torch.arange(2**40), lambda: torch.arange(0, 2**62),
        lambda: torch.arange(0, 1e30), lambda: torch.linspace(0, 1, 2**40),
        lambda: torch.randperm(2**50), lambda: torch.eye(2**40), lambda: X.repeat(2**40, 1),
        lambda: torch.zeros(1).expand(2**40).contiguous(), lambda: torch.zeros(1).expand(2**40) + 1,
        lambda: torch.nn.functional.interpolate(X[None], size=2**40),
        lambda: torch.bincount(torch.tensor([2**50])),
        lambda: torch.combinations(torch.ones(100), 50),
        lambda: torch.zeros(3).repeat_interleave(torch.tensor([2**40] * 3)),
        lambda: torch.nn.functional.pad(X, (2**40, 2**40)), lambda: torch.vander(X[0], 2**40),
        lambda: torch.empty(3).resize_(2**40),
        lambda: torch.empty(3).untyped_storage().resize_(2**45),
    ],
)  # fmt: skip
def test_sizes_beyond_memory_are_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(RuntimeError):
        call()


def test_a_tensor_beyond_memory_can_be_shown() -> None:
    assert str(torch.zeros(1).expand(2**40)) == "tensor([0., 0., 0.,  ..., 0., 0., 0.])"
    text = str(torch.arange(3).expand(2**40, 3))
    assert text.count("[0, 1, 2]") == 6 and "..." in text


# --- graphs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        lambda y: y + 1, lambda y: y.sin(), lambda y: y.view(2),
        lambda y: torch.cat([y[:1], y[1:]]), lambda y: y.add_(1),
    ],
)  # fmt: skip
def test_deep_graphs_begin_and_end(step: Callable[[Any], Any]) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 1
    for _ in range(20_000):
        y = step(y)
    alive = weakref.ref(y)
    y.sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()
    del y
    assert alive() is None
    z = x * 1
    for _ in range(20_000):
        z = step(z)
    del z


def test_collections_of_garbage_may_run_in_the_middle() -> None:
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        x = torch.randn(5, 5, requires_grad=True)
        for _ in range(20):
            y = (x @ x).relu().sum()
            holder: list[Any] = [y]
            holder.append(holder)
            y.backward()
    finally:
        gc.set_threshold(*before)


# --- threads -------------------------------------------------------------------------------------


def test_threads_share_tensors_and_write_to_their_own() -> None:
    shared = torch.arange(300.0 * 300).reshape(300, 300) / 1e4
    expected = (shared @ shared).sum(1)
    failures: list[str] = []

    def work(number: int) -> None:
        try:
            mine = torch.zeros(300)
            weight = torch.full((300,), float(number), requires_grad=True)
            for turn in range(20):
                if not torch.equal((shared @ shared).sum(1), expected):
                    failures.append(f"product {number} {turn}")
                mine.add_(1)
                (shared * weight).sum().backward()
            if mine.tolist() != [20.0] * 300:
                failures.append(f"sum {number}")
            assert weight.grad is not None
            if not torch.allclose(weight.grad, 20 * shared.sum(0), rtol=1e-4):
                failures.append(f"gradient {number}")
        except Exception as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


MORE_THREADS = """
import sys, threading
import facula as torch
sys.setswitchinterval(1e-5)
torch.set_num_threads(1)
a = torch.randn(200, 210)
image, kernel = torch.randn(1, 16, 40, 40), torch.randn(16, 16, 3, 3)
one, two = a @ a.t(), torch.conv2d(image, kernel)
over, wrong = threading.Event(), []
def work():
    while not over.is_set():
        if not torch.equal(a @ a.t(), one) or not torch.equal(torch.conv2d(image, kernel), two):
            wrong.append(1)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for turn in range(300):
    torch.set_num_threads(1 + turn % 6)
over.set()
for thread in threads:
    thread.join()
print(len(wrong))
"""
INTERRUPTED = """
import _thread, signal, threading, time
import facula as torch
x = torch.randn(700, 700, requires_grad=True)
caught = 0
for turn in range(8):
    stop = threading.Event()
    def send(stop=stop, wait=0.02 + turn * 0.007):
        while not stop.wait(wait):
            _thread.interrupt_main()
            wait = 2.0  # again, where a finaliser has swallowed it
    sender = threading.Thread(target=send)
    try:
        sender.start()
        while True:
            y = x
            for _ in range(5):
                y = (y @ x).tanh()
            y.sum().backward()
    except KeyboardInterrupt:
        stop.set()
        caught += 1
    sender.join()
assert torch.equal(torch.ones(9) + 1, torch.full((9,), 2.0))
x.grad = None
(x * 2).sum().backward()
assert torch.equal(x.grad, torch.full((700, 700), 2.0))
print(caught)
"""
AT_EXIT = """
import facula as torch, weakref
class Holder:
    def __init__(self):
        self.x = torch.ones(3, requires_grad=True)
        self.y = (self.x * 2).sum()
        self.me = self
    def __del__(self):
        self.y.backward()
        self.x.grad.tolist()
kept = Holder()
weakref.finalize(kept.x, lambda: None)
cycle = Holder()
del cycle
"""


def test_more_threads_than_ever_while_others_multiply() -> None:
    assert run(MORE_THREADS, FACULA_NUM_THREADS="1") == "0\n"


def test_an_interrupt_in_the_middle_leaves_everything_usable() -> None:
    assert run(INTERRUPTED) == "8\n"


def test_objects_that_compute_when_the_interpreter_ends() -> None:
    assert run(AT_EXIT) == ""


# --- storages ------------------------------------------------------------------------------------


def test_growing_beyond_memory_gives_nothing_back() -> None:
    """What cannot grow goes on owning its block: nobody else gets it."""
    x = torch.arange(10.0)
    for grow in (
        lambda: x.untyped_storage().resize_(2**62), lambda: x.resize_(2**50),
        lambda: torch.empty(0).set_(x.untyped_storage(), 2**50, (3,), (1,)),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            grow()
        others = [torch.full((10,), -1.0) for _ in range(5)]
        assert x.tolist() == list(range(10)), others


def test_views_stay_inside_their_storage() -> None:
    x = torch.arange(10.0)
    with pytest.raises(RuntimeError, match="overflowed"):
        torch.empty(0).set_(x.untyped_storage(), 0, (3,), (-1,))
    for size, stride, offset in [
        ((3,), (5,), 0), ((3,), (-1,), 5), ((3,), (1,), 8), ((3,), (2**62,), 0),
        ((2,), (2**63 - 1,), 0),
        ((2**62,), (4,), 0), ((2**62, 2**62), (0, 0), 0), ((3,), (1,), -1), ((3,), (1,), 2**62),
    ]:  # fmt: skip
        with pytest.raises(RuntimeError):
            x.as_strided(size, stride, offset)
    with pytest.raises(RuntimeError, match="numel: integer multiplication overflow"):
        torch.zeros(1, 1).expand(2**40, 2**40)


def test_storages_of_files(tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(bytes(range(16)))
    storage = torch.UntypedStorage.from_file(str(file), False, 16)
    storage[0] = 9
    assert storage.tolist() == [9, *range(1, 16)] and file.read_bytes() == bytes(range(16))
    shared = torch.UntypedStorage.from_file(file, True, 20)
    shared[19] = 7
    assert file.read_bytes() == bytes([*range(16), 0, 0, 0, 7])
    for name, share, size, words in [
        (file, False, 21, "smaller than the required mapping size"),
        (file, False, -1, "mmap -1 bytes"),
        (file, True, 2**45, "unable to resize file"), (file, True, 2**70, "beyond 64 bits"),
        (tmp_path / "none", False, 1, "unable to open file"), (tmp_path, True, 1, "unable to open"),
    ]:  # fmt: skip
        with pytest.raises(RuntimeError, match=words):
            torch.UntypedStorage.from_file(name, share, size)
    assert file.stat().st_size == 20


def test_places_in_storages() -> None:
    storage = torch.arange(10.0).untyped_storage()
    for place in (40, -1, 2**31, -(2**63), 2**63, 1.5, None, "a"):
        with pytest.raises(RuntimeError):
            storage[place] = 1
    for place in (40, -41, 2**31, 2**70):
        with pytest.raises(IndexError):
            storage[place]


# --- sizes, places and numbers of functions ------------------------------------------------------

F = torch.nn.functional
ONE, MATRIX = torch.ones(1, 3, 5, 5), torch.eye(3)
WEIGHT, PLACES = torch.ones(3, 2, 3, 3), torch.zeros(1, 3, 5, 5, dtype=torch.int64)
ONE_STRIDE = torch.zeros(1).expand(3)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "kind, call",
    [
        (RuntimeError, lambda: F.conv2d(torch.ones(1, 3, 0, 5), torch.ones(2, 3, 3, 3), padding=2)),
        (RuntimeError, lambda: F.conv2d(ONE, torch.ones(2, 3, 0, 3))),
        (RuntimeError, lambda: F.conv2d(ONE, torch.ones(2, 3, 3, 0))),
        (RuntimeError, lambda: F.conv1d(ONE[0], torch.ones(2, 5, 0))),
        (RuntimeError, lambda: F.conv_transpose2d(ONE, torch.ones(3, 2, 0, 3))),
        (RuntimeError, lambda: F.conv3d(ONE[None], torch.ones(2, 1, 3, 0, 3))),
        (RuntimeError, lambda: F.conv_transpose2d(ONE.long(), WEIGHT.long(), None, 2**62)),
        (RuntimeError, lambda: F.avg_pool2d(ONE, 2, 2**31)),
        (RuntimeError, lambda: F.interpolate(ONE, size=2**31)),
        (RuntimeError, lambda: F.interpolate(ONE, scale_factor=NAN)),
        (RuntimeError, lambda: F.interpolate(ONE, scale_factor=INF)),
        (RuntimeError, lambda: F.pad(ONE, (2**62, 2**62))),
        (RuntimeError, lambda: torch.ones(1).repeat_interleave(torch.tensor([2**62]))),
        (RuntimeError, lambda: torch.logspace(0, 1, 2**62)),
        (RuntimeError, lambda: torch.linalg.lu_solve(MATRIX, torch.full((3,), 9).int(), MATRIX)),
        (RuntimeError, lambda: torch.lu_unpack(MATRIX, torch.full((3,), -1).int())),
        (RuntimeError, lambda: torch.linalg.cholesky(MATRIX * NAN)),
        (RuntimeError, lambda: torch.linalg.lstsq(MATRIX * NAN, MATRIX, driver="gelsd")),
        (RuntimeError, lambda: F.max_unpool2d(ONE, PLACES, -1)),
        (NotImplementedError, lambda: F.max_unpool2d(ONE.bool(), PLACES, 2)),
        (IndexError, lambda: F.embedding_bag(torch.tensor([0, 1]), MATRIX, torch.tensor([0, -1]))),
        (RuntimeError, lambda: F.batch_norm(ONE, ONE_STRIDE, torch.ones(3), training=True)),
    ],
)  # fmt: skip
def test_what_no_function_can_do(kind: type[Exception], call: Callable[[], Any]) -> None:
    for _ in range(2):
        with pytest.raises(kind):
            call()


def test_methods_are_for_tensors() -> None:
    with pytest.raises(TypeError, match="descriptor 'cauchy_'"):
        torch.Tensor.cauchy_(1.5)
