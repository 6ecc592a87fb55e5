"""Hooks of modules: what they are given, what they may change, when they run, how they go."""

import warnings

import pytest

from facula import nn, ops
from facula.nn.modules import module as hooks


class Scale(nn.Module):
    """Multiplies by a factor; fails on request."""

    def forward(self, x, factor=2, fail=False):
        if fail:
            raise ValueError("asked to")
        return x * factor


def test_forward_pre_hook_may_replace_arguments() -> None:
    module, seen = Scale(), []
    module.register_forward_pre_hook(lambda m, args: seen.append((m, args)))
    handle = module.register_forward_pre_hook(lambda m, args: args[0] + 1)
    assert module(1) == 4
    assert seen == [(module, (1,))]
    handle.remove()
    assert module(1) == 2


def test_forward_pre_hook_with_kwargs() -> None:
    module = Scale()
    module.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True
    )
    assert module(1, factor=4) == 5
    module.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(
        RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\)"
    ):
        module(1, factor=4)


def test_forward_hook_may_replace_the_output() -> None:
    module, seen = Scale(), []
    module.register_forward_hook(lambda m, args, output: seen.append((args, output)))
    module.register_forward_hook(lambda m, args, kwargs, output: (kwargs, output), with_kwargs=True)
    assert module(3, factor=5) == ({"factor": 5}, 15)
    assert seen == [((3,), 15)]


def test_prepended_hooks_run_first() -> None:
    module, order = Scale(), []
    for name, first in (("a", False), ("b", False), ("c", True)):
        module.register_forward_hook(lambda *_, name=name: order.append(name), prepend=first)
        module.register_forward_pre_hook(
            lambda *_, name=name: order.append(name.upper()), prepend=first
        )
    module(1)
    assert order == ["C", "A", "B", "c", "a", "b"]


def test_a_handle_removes_its_hook_at_the_end_of_with() -> None:
    module = Scale()
    with module.register_forward_hook(lambda m, args, output: -output):
        assert module(1) == -2
    assert module(1) == 2
    assert module._call_hooks is None  # back on the quick road


def test_hooks_everywhere_run_before_the_module_s_own() -> None:
    module, order = nn.Sequential(Scale()), []
    own = module.register_forward_hook(lambda *_: order.append("own"))
    handles = [
        hooks.register_module_forward_pre_hook(lambda m, args: order.append(type(m).__name__)),
        hooks.register_module_forward_hook(lambda m, args, output: output + 1),
    ]
    assert module(1) == 4
    for handle in handles:
        handle.remove()
    assert module(1) == 2
    assert order == ["Sequential", "Scale", "own", "own"]
    own.remove()


def test_always_called_hooks_run_after_an_error() -> None:
    module, seen = Scale(), []
    module.register_forward_hook(lambda *_: seen.append("never"))
    module.register_forward_hook(lambda m, args, output: seen.append(output), always_call=True)
    with pytest.raises(ValueError, match="asked to"):
        module(1, fail=True)
    assert seen == [None]


def test_an_always_called_hook_that_fails_too_is_a_warning() -> None:
    module = Scale()
    module.register_forward_hook(lambda *_: 1 / 0, always_call=True)
    with (
        pytest.warns(UserWarning, match="silenced as another error was raised in forward"),
        pytest.raises(ValueError, match="asked to"),
    ):
        module(1, fail=True)


# --- gradients -----------------------------------------------------------------------------------


class Pair(nn.Module):
    """Two inputs, two outputs."""

    def forward(self, x, y):
        return x * y, x + y


def leaf(*values: float):
    return ops.tensor([float(value) for value in values], requires_grad=True)


def test_full_backward_hook_sees_both_sides() -> None:
    module, seen = Scale(), []
    module.register_full_backward_hook(lambda m, gin, gout: seen.append((gin, gout)))
    x = leaf(1, 2)
    module(x, 3).sum().backward()
    ((grad_input, grad_output),) = seen
    assert [None if g is None else g.tolist() for g in grad_input] == [[3.0, 3.0], None]
    assert [g.tolist() for g in grad_output] == [[1.0, 1.0]]
    assert x.grad.tolist() == [3.0, 3.0]


def test_full_backward_hook_may_replace_the_gradient() -> None:
    module = Scale()
    module.register_full_backward_hook(lambda m, gin, gout: (gin[0] * 10,))
    x = leaf(1)
    module(x).sum().backward()
    assert x.grad.tolist() == [20.0]


def test_full_backward_pre_hook_may_replace_the_gradient() -> None:
    module, seen = Scale(), []
    module.register_full_backward_pre_hook(lambda m, gout: (gout[0] * 10,))
    module.register_full_backward_hook(lambda m, gin, gout: seen.append(gout[0].tolist()))
    x = leaf(1)
    module(x).sum().backward()
    assert x.grad.tolist() == [20.0] and seen == [[10.0]]


def test_backward_hooks_of_several_inputs_and_outputs() -> None:
    module, seen = Pair(), []
    module.register_full_backward_hook(lambda m, gin, gout: seen.append((gin, gout)))
    x, y = leaf(2), leaf(3)
    product, total = module(x, y)
    (product + 10 * total).sum().backward()
    ((grad_input, grad_output),) = seen
    assert [g.tolist() for g in grad_input] == [[13.0], [12.0]]
    assert [g.tolist() for g in grad_output] == [[1.0], [10.0]]


def test_backward_hooks_without_gradients_in_the_inputs() -> None:
    module, seen = nn.Linear(2, 1), []
    module.register_full_backward_hook(lambda m, gin, gout: seen.append((gin, gout[0].tolist())))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        module(ops.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]
    assert module.weight.grad.tolist() == [[1.0, 1.0]]


def test_backward_hooks_count_what_hooks_return() -> None:
    module = Pair()
    module.register_full_backward_hook(lambda m, gin, gout: (gin[0],))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 1, but expected 2"):
        module(leaf(1), leaf(1))[0].sum().backward()


def test_no_nodes_are_made_without_gradients() -> None:
    module = Scale()
    module.register_full_backward_hook(lambda m, gin, gout: None)
    x = ops.ones(1)
    assert module(x).grad_fn is None


def test_old_and_full_backward_hooks_do_not_mix() -> None:
    module = Scale()
    module.register_full_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full"):
        module.register_backward_hook(lambda *_: None)


def test_old_backward_hook_sees_the_last_operation() -> None:
    module, seen = Scale(), []
    module.register_backward_hook(lambda m, gin, gout: seen.append(gout[0].tolist()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(leaf(1)).sum().backward()
    assert seen == [[1.0]]
