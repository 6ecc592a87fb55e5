"""Named tensors beyond the table of programs: gradients, layouts, and plain tensors beside them."""

import copy
import pickle
import subprocess
import sys

import pytest

import facula
from facula.form import Form, form_of, named_forms, with_names
from facula.meta.dtype import float32
from facula.op import registry


def named(*names: str | None, shape: tuple[int, ...], grad: bool = False) -> facula.Tensor:
    facula.manual_seed(1)
    made = facula.randn(shape, dtype=facula.float64, names=names)
    return made.requires_grad_(grad)


def test_names_are_part_of_the_form() -> None:
    plain = form_of(float32, (2, 3))
    form = with_names(plain, ("N", "C"))
    assert form is with_names(plain, ("N", "C"))
    assert form is not plain
    assert form.plain is plain
    assert with_names(form, (None, None)) is plain
    assert "names ('N', 'C')" in repr(form)


def test_plain_tensors_keep_their_roads_beside_named_ones() -> None:
    plain = facula.ones(2, 3)
    x = plain.rename("N", "C")
    for _ in range(3):
        assert (x + plain).names == ("N", "C")
        assert (plain + plain).names == (None, None)
        assert x.sum("C").names == ("N",)
        assert plain.sum(1).names == (None,)
        assert x[0].names == ("C",)
        assert plain[0].names == (None,)
        assert facula.cat([x, x]).names == ("N", "C")
        assert facula.cat([plain, plain]).names == (None, None)
        assert x.t().names == ("C", "N")
        assert plain.t().names == (None, None)
        assert x.softmax("C").names == ("N", "C")


def test_learnt_calls_with_names_are_those_that_were_looked_at() -> None:
    plain = facula.arange(6.0).view(2, 3)
    x, y = plain.rename("N", "C"), (plain + 1).rename("N", "C")
    other = plain.rename("N", "D")
    for _ in range(3):
        assert (x + y).names == ("N", "C")
        assert (x + plain).names == ("N", "C")
        assert (x * 2).names == (2 * x).names == ("N", "C")
        assert (x * 2).rename(None).tolist() == (plain * 2).tolist()
        assert (x > y).names == ("N", "C")
        assert x.exp().names == ("N", "C")
        assert x.t().names == x.transpose("N", "C").names == ("C", "N")
        assert x.t().data_ptr() == x.data_ptr() and x.t()._base is not None
        assert (plain * 2).names == (plain + plain).names == (None, None)
        with pytest.raises(RuntimeError, match="Error when attempting to broadcast"):
            x + other
        with pytest.raises(RuntimeError, match="Name 'D' not found"):
            x.transpose("N", "D")


def test_learnt_calls_with_names_are_differentiated() -> None:
    plain = facula.tensor([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(3):
        x = plain.clone().rename("N", "C").requires_grad_()
        y = (x * x + x.exp() * 2.0).t() / 3.0
        assert y.names == ("C", "N")
        y.sum().backward(create_graph=True)
        assert x.grad is not None
        slope = x.grad.rename(None)
        expected = (2 * plain + 2 * plain.exp()) / 3
        assert facula.allclose(slope.detach(), expected)
        (curvature,) = facula.autograd.grad(slope.sum(), x)
        assert facula.allclose(curvature.rename(None), (2 + 2 * plain.exp()) / 3)


def test_no_table_of_launches_holds_a_named_form() -> None:
    """Those of pointwise calls aside, whose results get the names that were found once."""
    test_plain_tensors_keep_their_roads_beside_named_ones()
    assert named_forms
    for op in registry.values():
        tables = [op.__dict__.get(name) for name in ("launches", "backward")]
        for table in filter(None, tables):
            for key in table:
                parts = key if isinstance(key, tuple) else (key,)
                assert not any(isinstance(p, Form) and p.names for p in parts), op


def test_a_process_without_names_never_looks_for_them() -> None:
    program = """
import facula as torch
from facula.form import named_forms
x = torch.ones(2, 3, requires_grad=True)
torch.nn.Linear(3, 4)(x).relu().sum().backward()
x.detach()[0].add_(1)
assert not named_forms
y = x.rename("N", "C")
assert named_forms and y.names == ("N", "C") and y[0].names == ("C",)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x.transpose("A", "B"),
        lambda x: x[::2],
        lambda x: x[:, 1:],
        lambda x: x[:1].expand(4, 3),
        lambda x: x[0:0],
        lambda x: x[0],
        lambda x: x[0, 0],
    ],
)
def test_layouts_give_the_values_of_plain_tensors(view: object) -> None:
    x = view(named("A", "B", shape=(4, 3)))  # type: ignore[operator]
    plain = x.rename(None)
    assert plain.names == (None,) * x.dim()
    for function in (
        lambda t: t * t + 1,
        lambda t: t.exp().sum(),
        lambda t: t.cumsum(0) if t.dim() else t,
        lambda t: t.clone(),
        lambda t: t.contiguous(),
        lambda t: t.max() if t.numel() else t.sum(),
    ):
        ours, theirs = function(x), function(plain)
        assert facula.equal(ours.rename(None), theirs)
        assert ours.dim() in (0, x.dim())
        assert ours.names == (x.names if ours.dim() else ())


def test_gradients_flow_through_names_twice() -> None:
    def program(w: facula.Tensor) -> facula.Tensor:
        x = w.refine_names("N", "C")
        y = (x * x.sum("N").align_as(x)).softmax("C")
        y = y.flatten(["N", "C"], "F") @ facula.ones(6, 2, dtype=facula.float64)
        return y.rename(None).sin()

    facula.manual_seed(3)
    w = facula.randn(2, 3, dtype=facula.float64, requires_grad=True)
    assert facula.autograd.gradcheck(program, (w,))
    assert facula.autograd.gradgradcheck(program, (w,))


def test_a_named_leaf_receives_its_gradient_without_names() -> None:
    w = named("N", "C", shape=(2, 3), grad=True)
    for _ in range(2):
        (w * w).sum("C").sum().backward()
    assert w.grad is not None
    assert w.grad.names == (None, None)
    assert facula.allclose(w.grad, 4 * w.detach().rename(None))
    facula.optim.SGD([w], lr=0.1).step()
    assert w.names == ("N", "C")


def test_views_of_named_tensors_have_them_as_base() -> None:
    x = named("N", "C", shape=(2, 3))
    for view in (x[0], x.t(), x.rename("A", "B"), x.select("C", 0), x.unbind("N")[1]):
        assert view._base is x
    part = x[0]
    part.zero_()
    assert x.sum("C")[0].item() == 0


def test_writing_through_a_named_view_changes_the_graph_of_its_base() -> None:
    w = named("N", "C", shape=(2, 3), grad=True)
    y = w * 2
    row = y.select("N", 0)
    row.mul_(5)
    y.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [[10.0] * 3, [2.0] * 3]
    assert row.names == ("C",)
    assert y.names == ("N", "C")


def test_a_failed_call_leaves_all_names() -> None:
    x = named("N", "C", shape=(2, 3))
    with pytest.raises(RuntimeError, match="must match the size"):
        x.add_(facula.ones(2, 4, names=("N", "C"), dtype=facula.float64))
    assert x.names == ("N", "C")
    with pytest.raises(RuntimeError, match="do not match"):
        x.mul_(facula.ones(3, names=("N",), dtype=facula.float64))
    assert x.names == ("N", "C")


def test_words_that_are_no_names_stay_words() -> None:
    named("N", shape=(2,))
    with pytest.raises((TypeError, RuntimeError)):
        facula.add(facula.ones(2), "N")
    assert facula.einsum("i,i->", facula.ones(2), facula.ones(2)).item() == 2
    losses = facula.nn.functional.l1_loss(facula.ones(2), facula.zeros(2), reduction="sum")
    assert losses.item() == 2


def test_names_given_after_a_tensor_was_saved_do_not_reach_its_gradient() -> None:
    w = facula.ones(2, 2, requires_grad=True)
    y = w * 1
    z = y @ w
    y.rename_("A", "B")
    first = facula.autograd.grad((z * z).sum(), w, create_graph=True)[0]
    first.sum().backward()
    assert w.grad is not None
    assert first.names == w.grad.names == (None, None)
    assert w.grad.tolist() == [[48.0, 48.0], [48.0, 48.0]]


def test_a_named_result_keeps_its_shape() -> None:
    out = facula.zeros(0, names=("N",))
    with pytest.raises(RuntimeError, match="Cannot resize named tensor"):
        facula.add(facula.ones(2, names=("N",)), 1, out=out)
    assert out.names == ("N",)
    assert out.shape == (0,)


def test_copies_and_files_are_refused() -> None:
    x = named("N", shape=(2,))
    for function in (pickle.dumps, copy.copy):
        with pytest.raises(RuntimeError, match="Named tensors don't support serialization"):
            function(x)
    with pytest.raises(RuntimeError, match="not yet supported with named tensors"):
        copy.deepcopy(x)


def test_data_frames_of_the_world_see_numbers_only() -> None:
    x = named("N", "C", shape=(2, 3))
    assert x.numpy().shape == (2, 3)
    assert facula.from_numpy(x.numpy()).names == (None, None)


def test_names_of_modules_parameters_and_layers() -> None:
    x = facula.ones(2, 3, names=("batch", "features"))
    layer = facula.nn.Linear(3, 4)
    y = layer(x)
    assert y.names == ("batch", None)
    y.sum().backward()
    assert layer.weight.grad is not None
    assert facula.nn.Parameter(x).names == ("batch", "features")
