"""Calls of a kind seen before take a short road; they must do, share and refuse what the first did.

So every call here is made several times: the first one learns, the others remember.
"""

from collections.abc import Callable

import pytest

import facula
from facula.bind import remembered
from facula.dispatch import learn
from facula.dispatch.layout import LIMIT
from facula.op import registry
from facula.ops.index import _viewed
from facula.tensor import Tensor

TIMES = 3

# --- views -------------------------------------------------------------------------------------

VIEWS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.t(),
    lambda x: x.transpose(0, 1),
    lambda x: x.transpose(dim0=-1, dim1=0),
    lambda x: facula.transpose(input=x, dim0=0, dim1=1),
    lambda x: x.permute(1, 0),
    lambda x: x.permute((1, 0)),
    lambda x: x.permute([1, 0]),
    lambda x: x.permute(dims=(1, 0)),
    lambda x: x.unsqueeze(1),
    lambda x: facula.unsqueeze(x, axis=1),
    lambda x: x.unsqueeze(0).squeeze(),
    lambda x: x.unsqueeze(0).squeeze(0),
    lambda x: x.unsqueeze(0).expand(3, -1, -1),
    lambda x: x.select(1, 2),
    lambda x: x.select(dim=1, index=-1),
    lambda x: x.narrow(0, 1, 2),
    lambda x: x.narrow(0, -2, 2),
    lambda x: x[1],
    lambda x: x[-1],
    lambda x: x.diagonal(1),
]


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_a_view_stays_a_view(number: int) -> None:
    look = VIEWS[number]
    x = facula.arange(12.0).reshape(3, 4)
    first = look(x)
    for _ in range(TIMES):
        y = look(x)
        assert y.shape == first.shape and y.stride() == first.stride()
        assert y.data_ptr() == first.data_ptr() and y._base is x._base
        assert y.tolist() == first.tolist()
    # What was learnt from one tensor holds for another of the same form, wherever it begins.
    other = facula.arange(24.0).reshape(2, 3, 4)[1]
    y = look(other)
    assert y.tolist() == (facula.tensor(first.tolist()) + 12).tolist()
    y.fill_(7.0)
    assert other._base is not None and other.sum() > x.sum() and (other == 7).any()


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_a_remembered_view_is_recorded_alike(number: int) -> None:
    look = VIEWS[number]
    x = facula.arange(12.0).reshape(3, 4).requires_grad_()
    gradients, names = [], []
    for _ in range(TIMES):
        x.grad = None
        y = look(x)
        names.append(y.grad_fn.name())
        (y * y).sum().backward()
        gradients.append(x.grad.tolist())
    assert gradients[0] == gradients[1] == gradients[2] and len(set(names)) == 1
    with facula.no_grad():
        assert look(x).grad_fn is None


def test_reshape_copies_where_strides_forbid_a_view() -> None:
    x = facula.arange(6.0).reshape(2, 3)
    for _ in range(TIMES):
        flat = x.t().reshape(6)
        flat.zero_()
        assert x.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert x.t().reshape(6).tolist() == [0, 3, 1, 4, 2, 5]
        assert x.reshape(-1).data_ptr() == x.data_ptr()
        assert x.reshape([3, 2]).tolist() == x.reshape(shape=(3, 2)).tolist()


def test_flatten_and_t_of_a_vector() -> None:
    x = facula.arange(3.0)
    for _ in range(TIMES):
        assert x.flatten() is x
        assert x.t().tolist() == [0, 1, 2]


REFUSED: list[tuple[Callable[[Tensor], object], type[Exception], str]] = [
    (lambda x: x[3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
    (lambda x: x[-4], IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
    (lambda x: x.select(0, 3), IndexError, "out of range"),
    (lambda x: x.narrow(0, 2, 2), RuntimeError, "exceeds dimension size"),
    (lambda x: x.view(5, 5), RuntimeError, r"shape '\[5, 5\]' is invalid for input of size 12"),
    (lambda x: x.t().view(12), RuntimeError, "view size is not compatible"),
    (lambda x: x.transpose(0), TypeError, 'missing 1 required positional arguments: "dim1"'),
    (lambda x: x.unsqueeze(0, 1), TypeError, "takes from 1 to 2 positional arguments"),
    (lambda x: x.unsqueeze(dim=0, axis=0), TypeError, "unsqueeze"),
    (lambda x: facula.transpose(3, 0, 1), TypeError, r"argument 'input' \(position 1\)"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_refused_is_refused_again(number: int) -> None:
    call, kind, message = REFUSED[number]
    x = facula.arange(12.0).reshape(3, 4)
    x[0], x.select(0, 0), x.narrow(0, 1, 2), x.unsqueeze(0), x.view(4, 3)
    for _ in range(TIMES):
        with pytest.raises(kind, match=message):
            call(x)


def test_an_index_is_no_part_of_what_is_remembered() -> None:
    x = facula.arange(3000.0).reshape(1000, 3)
    for row in range(1000):
        assert x[row].data_ptr() == x.data_ptr() + 12 * row
        x.select(0, row), x.narrow(0, row, 1)
    for name in ("select", "narrow"):
        assert sum(key[0] is x.form for key in registry[name].looks) == 1


def test_memory_of_views_is_bounded() -> None:
    looks = registry["unsqueeze"].looks
    looks.clear()  # what another test learnt would not be learnt again
    for size in range(LIMIT + 10):
        looks[size] = None
    facula.zeros(2, 3, 5).unsqueeze(2)
    assert len(looks) < LIMIT


def test_a_tensor_as_a_number_is_not_remembered() -> None:
    x = facula.zeros(2, 3)
    known = dict(registry["unsqueeze"].looks)
    for dim in (0, 1, 2):
        assert x.unsqueeze(facula.tensor(dim)).shape[dim] == 1
    assert all(not any(isinstance(v, Tensor) for v in key) for key in registry["unsqueeze"].looks)
    assert len(registry["unsqueeze"].looks) <= len(known) + 3


def test_dead_views_are_forgotten() -> None:
    x = facula.zeros(100, 2)
    for _ in range(1000):
        x.t()
    assert len(x.block.views) <= 64
    kept = [x[k] for k in range(100)]
    for _ in range(1000):
        x.t()
    assert 100 <= len(x.block.views) <= 300 and len(kept) == 100


# --- in place ----------------------------------------------------------------------------------


def test_a_write_counts_and_returns_its_target() -> None:
    x, y = facula.ones(2, 3), facula.ones(2, 3)
    for k in range(TIMES):
        version = x._version
        assert x.add_(y) is x and x._version == version + 1
        assert x.mul_(2) is x and x._version == version + 2
        assert x.sub_(0.5) is x and x._version == version + 3
        assert x.add_(y, alpha=2)._version == version + 4
        assert x.neg_().neg_()._version == version + 6
        x += y
        x /= 2
        assert x._version == version + 8, k


def test_overlapping_operands_are_refused_as_torch_does() -> None:
    for _ in range(TIMES):
        x, y = facula.arange(9.0).reshape(3, 3), facula.arange(6.0)
        for target, other in ((x, x.t()), (y[1:], y[:-1]), (y.data[1:], y[:-1]), (x, x[0])):
            with pytest.raises(RuntimeError, match="refer to a single memory location"):
                target.add_(other)
        assert y.add_(y).tolist() == [0, 2, 4, 6, 8, 10]
        # Where a tensor has gaps torch does not look: here all is read before it is written.
        z = facula.arange(8.0)[::2]
        assert z[1:].add_(z[:-1]).tolist() == [2, 6, 10]


def test_leaves_and_their_views_are_refused_and_may_be_written_unrecorded() -> None:
    plain, leaf = facula.ones(3), facula.ones(3, requires_grad=True)
    plain.add_(plain.clone())
    for _ in range(TIMES):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            leaf.add_(plain)
        with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
            leaf[:2].mul_(2)
        with facula.no_grad():
            view = leaf[:2]
            view.mul_(1)
        with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
            view.mul_(2)
        with facula.no_grad():
            leaf.add_(0)


def test_a_write_that_needs_a_graph_is_recorded() -> None:
    w = facula.full((3,), 2.0, requires_grad=True)
    for _ in range(TIMES):
        buffer = facula.ones(2, 3)
        buffer.add_(1)
        row = buffer[1]
        row.mul_(w)
        assert buffer.grad_fn is not None and row.grad_fn is not None
        w.grad = None
        buffer.sum().backward()
        assert w.grad.tolist() == [2, 2, 2]


def test_writes_refuse_what_does_not_fit() -> None:
    x, whole = facula.ones(2, 3), facula.ones(2, 3, dtype=facula.int64)
    for _ in range(TIMES):
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            x[0].add_(x)
        with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
            whole.add_(0.5)
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
            x[0].expand(4, 3).add_(1)
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            whole.floor_divide_(0)
        assert whole.add_(True).sum() == 6 + 6 and whole.sub_(1).sum() == 6


def test_numbers_on_either_side() -> None:
    x = facula.full((2,), 4.0)
    for _ in range(TIMES):
        assert (x + 1).tolist() == (1 + x).tolist() == [5, 5]
        assert (x - 1.5).tolist() == [2.5, 2.5] and (1.5 - x).tolist() == [-2.5, -2.5]
        assert (2 / x).tolist() == [0.5, 0.5] and (x**2).tolist() == [16, 16]
        assert (x + True).tolist() == [5, 5] and (
            facula.ones(2, dtype=facula.int8) + 1.5
        ).sum() == 5
        assert (2**x).tolist() == [16, 16] and (x > 3).all() and 3 in x - 1


# --- calls that come to one launch -------------------------------------------------------------

LAUNCHES: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.sum(),
    lambda x: x.sum(1),
    lambda x: x.sum(dim=0, keepdim=True),
    lambda x: x.sum((0, 1)),
    lambda x: facula.sum(input=x, axis=1, keepdims=True),
    lambda x: x.sum(0, dtype=facula.float64),
    lambda x: x.mean(-1),
    lambda x: x.amax(1),
    lambda x: x.amin((0, 1), keepdim=True),
    lambda x: x.argmax(1),
    lambda x: x.argmin(),
    lambda x: x.max(),
    lambda x: x.softmax(1),
    lambda x: x.log_softmax(-1),
    lambda x: x.clone(),
    lambda x: x.to(facula.int32),
    lambda x: (x > 3).any(),
    lambda x: (x > 3).all(1),
    lambda x: x.gather(1, facula.tensor([[2], [0], [1]])),
    lambda x: x.index_select(0, facula.tensor([2, 0])),
    lambda x: facula.gather(input=x, dim=0, index=facula.tensor([[2, 0, 1, 0]])),
]


@pytest.mark.parametrize("number", range(len(LAUNCHES)))
def test_a_learnt_launch_gives_what_the_general_road_gives(number: int) -> None:
    call = LAUNCHES[number]
    sources = [facula.arange(12.0).reshape(3, 4), facula.arange(12.0).reshape(4, 3).t()[:, :4]]
    sources += [facula.arange(24.0).reshape(3, 8)[:, ::2], facula.ones(1, 4).expand(3, 4)]
    for x in sources:
        if x.shape[1] < 4:
            x = facula.cat((x, x[:, :1]), 1)
        first = call(x)
        for _ in range(TIMES):
            y = call(x)
            assert y.tolist() == first.tolist() and y.dtype == first.dtype
            assert y.shape == first.shape and y.stride() == first.stride()
            assert y.data_ptr() != x.data_ptr() and y.grad_fn is None and y._base is None
        wanted = call(x.detach().requires_grad_())
        assert wanted.tolist() == first.tolist()
        assert (wanted.grad_fn is not None) == (
            first.dtype.is_floating_point and first.dtype != facula.bool
        )
        with facula.no_grad():
            assert call(x.detach().requires_grad_()).grad_fn is None


def test_an_index_outside_is_refused_also_on_the_short_road() -> None:
    x = facula.arange(12.0).reshape(3, 4)
    good, bad = facula.tensor([[2], [0], [1]]), facula.tensor([[2], [0], [4]])
    for _ in range(TIMES):
        assert x.gather(1, good).tolist() == [[2], [4], [9]]
        with pytest.raises(RuntimeError, match="index 4 is out of bounds for dimension 1"):
            x.gather(1, bad)


def test_out_and_wrong_arguments_find_the_general_road() -> None:
    x, out = facula.arange(4.0), facula.zeros(())
    for _ in range(TIMES):
        assert x.sum() == 6 and facula.sum(x, 0, out=out) is out and out == 6
        with pytest.raises(IndexError, match="Dimension out of range"):
            x.sum(3)
        with pytest.raises(TypeError, match=r"sum\(\): argument 'input' \(position 1\)"):
            facula.sum([1.0])
        with pytest.raises(TypeError):
            x.sum(0, False, nothing=1)


def test_a_subclass_may_be_an_operand() -> None:
    parameter = facula.nn.Parameter(facula.ones(3))
    with facula.no_grad():
        for _ in range(TIMES):
            assert parameter.sum() == 3 and type(parameter.clone()) is Tensor
            assert (parameter + 1).tolist() == [2, 2, 2]


# --- joins, items, births, writes ---------------------------------------------------------------


@pytest.mark.parametrize("join", [facula.cat, facula.stack])
def test_joins_seen_before(join: Callable[..., Tensor]) -> None:
    a, b = facula.arange(6.0).reshape(2, 3), facula.arange(6.0).reshape(3, 2).t()
    wide = facula.arange(12.0).reshape(2, 6)[:, ::2]
    for dim in (0, 1, -1):
        wanted = join([one.contiguous() for one in (a, b, wide)], dim=dim).tolist()
        for _ in range(TIMES):
            y = join((a, b, wide), dim)
            assert y.tolist() == wanted and y.is_contiguous() and y.block.version == 0
            assert join([a, b, wide], dim=dim).tolist() == wanted
    for _ in range(TIMES):
        assert join((a, a.to(facula.float64)), 0).dtype == facula.float64
        assert join((facula.ones(2, 0), facula.ones(2, 0)), 0).numel() == 0
        assert join(tuple(facula.ones(1, 2) for _ in range(70)), 0).sum() == 140
        with pytest.raises((RuntimeError, ValueError), match="expect"):
            join((), 0)
        with pytest.raises(RuntimeError):
            join((a, b[:, :1]), 0)
        with pytest.raises(IndexError, match="Dimension out of range"):
            join((a, b), 5)


@pytest.mark.parametrize("join", [facula.cat, facula.stack])
def test_joins_are_recorded(join: Callable[..., Tensor]) -> None:
    plain = facula.ones(2, 3)
    join((plain, plain), 1), join((plain, plain), 0)
    for dim in (0, 1):
        for _ in range(TIMES):
            x = facula.arange(6.0).reshape(2, 3).requires_grad_()
            z = facula.ones(2, 3, requires_grad=True)
            y = join((x, plain, z * 2), dim)
            assert y.grad_fn.name() == f"{join.__name__.title()}Backward0"
            (y * y).sum().backward()
            assert x.grad.tolist() == (2 * x).tolist() and (z.grad == 8).all()
    w = facula.ones(2, dtype=facula.float64, requires_grad=True)
    assert facula.autograd.gradgradcheck(lambda v: join((v, v * v), 0), (w,))


KEYS = [
    1, -1, slice(1, None), slice(None), (slice(None), 2), (slice(None), slice(1, 3)), (1, -2),
    (None, 1), (..., 0), (0, ..., slice(None, None, 2)), (slice(0, 2), None, slice(-3, None)),
    (slice(3, 1), 0), (),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_items_seen_before(key: object) -> None:
    x = facula.arange(12.0).reshape(3, 4)
    wanted = x.numpy()[key]
    for _ in range(TIMES):
        y = x[key]
        assert y.tolist() == wanted.tolist() and tuple(y.shape) == wanted.shape
        assert y._base is x._base and y.block is x.block and y is not x
        turned = facula.arange(12.0).reshape(4, 3).t()
        assert turned[key].tolist() == turned.numpy()[key].tolist()
        leaf = x.detach().requires_grad_()
        assert leaf[key].grad_fn is not None
    inner = facula.arange(24.0).reshape(2, 3, 4)[1]
    assert inner[key].tolist() == (wanted + 12).tolist()


def test_items_outside_are_refused_again() -> None:
    x = facula.arange(12.0).reshape(3, 4)
    for _ in range(TIMES):
        x[1, 2], x[0, 1:3], x[facula.tensor([0, 2])]
        with pytest.raises(
            IndexError, match="index 4 is out of bounds for dimension 1 with size 4"
        ):
            x[1, 4]
        with pytest.raises(IndexError, match="index -4 is out of bounds for dimension 0"):
            x[-4, 1:3]
        with pytest.raises(IndexError, match="too many indices for tensor of dimension 2"):
            x[0, 0, 0]
        with pytest.raises(
            IndexError, match="index 3 is out of bounds for dimension 0 with size 3"
        ):
            x[facula.tensor([0, 3])]
        with pytest.raises(ValueError, match="step must be greater than zero"):
            x[::-1]
        with pytest.raises(IndexError, match="only integers, slices"):
            x[1.0]
        with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
            facula.tensor(1.0)[0]
        assert x[facula.tensor([-1, 0])].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
        assert x[facula.tensor(1)].tolist() == [4, 5, 6, 7]
        assert x[x > 9].tolist() == [10, 11] and x[x > 10].tolist() == [11]
        assert x[facula.tensor([2], dtype=facula.int32)].tolist() == [[8, 9, 10, 11]]
        assert x[True].shape == (1, 3, 4) and x[[0, 1]].shape == (2, 4)


def test_items_in_a_loop_are_learnt_once() -> None:
    x = facula.arange(2000.0).reshape(1000, 2)
    known = len(_viewed)
    for row in range(1000):
        assert x[row, 1].item() == 2 * row + 1
    assert len(_viewed) <= known + 1


def test_births_seen_before() -> None:
    for _ in range(TIMES):
        for make, value in ((facula.zeros, 0), (facula.ones, 1)):
            for y in (make(2, 3), make((2, 3)), make([2, 3]), make(size=(2, 3))):
                assert y.tolist() == [[value] * 3] * 2 and y.dtype == facula.float32
                assert y.block.version == 0 and y.is_leaf
            assert make(2, dtype=facula.int16).dtype == facula.int16
            assert make(2, dtype=facula.bool).tolist() == [bool(value)] * 2
            assert make(()).item() == value and make(0).shape == (0,)
            assert make(2, requires_grad=True).requires_grad
            with pytest.raises(RuntimeError, match="negative"):
                make(2, -1)
            with pytest.raises(TypeError, match="must be tuple of ints"):
                make("2")
    facula.set_default_dtype(facula.float64)
    try:
        assert facula.zeros(2, 3).dtype == facula.float64
    finally:
        facula.set_default_dtype(facula.float32)
    assert facula.zeros(2, 3).dtype == facula.float32


def test_single_values() -> None:
    for name, value in (
        ("bool", True), ("uint8", 200), ("int8", -3), ("int16", -300), ("int32", -70000),
        ("float64", 0.1), ("int64", -(2**40)), ("float16", 0.5), ("bfloat16", -2.0),
        ("float32", 0.1),
    ):  # fmt: skip
        x = facula.tensor([value], dtype=getattr(facula, name))
        for one in (x, x[0], facula.stack((x, x))[1]):
            assert type(one.item()) is type(value) and abs(one.item() - value) < 1e-8
    assert facula.tensor(float("inf")).item() == float("inf")
    with pytest.raises(RuntimeError, match="a Tensor with 2 elements cannot be converted"):
        facula.ones(2).item()
    with pytest.raises(RuntimeError, match="a Tensor with 0 elements"):
        facula.ones(0).item()
    assert facula.nn.Parameter(facula.ones(1)).item() == 1.0


def test_copies_and_fills_seen_before() -> None:
    for _ in range(TIMES):
        x, y = facula.zeros(2, 3), facula.arange(6.0).reshape(3, 2).t()
        assert x.copy_(y) is x and x.tolist() == y.tolist() and x._version == 1
        assert x.fill_(2) is x and x.fill_(0.5)._version == 3 and (x == 0.5).all()
        assert x.zero_().sum() == 0 and x.copy_(y[0]).tolist()[1] == y[0].tolist()
        x[0] = 7.0
        x[1] = y[1]
        assert x.tolist() == [[7, 7, 7], y[1].tolist()]
        leaf = facula.zeros(2, 3, requires_grad=True)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            leaf.copy_(x)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            leaf.fill_(1.0)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            leaf[0].zero_()
        with facula.no_grad():
            leaf.copy_(x), leaf.fill_(1.0), leaf[0].zero_()
        assert leaf.tolist() == [[0, 0, 0], [1, 1, 1]]
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            y[0].copy_(y)


def test_products_follow_the_precision_that_is_set() -> None:
    x = facula.rand(8, 8)
    exact = (x @ x).tolist()
    facula.set_float32_matmul_precision("medium")
    try:
        rough = (x @ x).tolist()
        again = (x @ x).tolist()
    finally:
        facula.set_float32_matmul_precision("highest")
    assert rough == again and (x @ x).tolist() == exact


def test_a_reshape_that_copies_is_tried_as_a_view_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def counted(tensor: Tensor, run: Callable[[Tensor], Tensor]) -> object:
        tried.append(tensor.form)
        return learn(tensor, run)

    monkeypatch.setattr(remembered, "learn", counted)
    x = facula.arange(35).reshape(5, 7).t()
    for _ in range(3):
        y = x.reshape(35)
        assert y.block is not x.block
        assert y.tolist() == [c + 7 * r for c in range(7) for r in range(5)]
    assert tried.count(x.form) == 1
