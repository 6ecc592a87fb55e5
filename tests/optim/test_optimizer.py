"""Parameter groups, state, hooks, errors and saving of optimizers."""

import copy
import pickle
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import facula
from facula.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop
from facula.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    required,
)
from tests.optim.problems import flat, leaves, run, set_gradients

CLASSES = [SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta]
COUNTED = ["Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta"]


def leaf(*values: float, gradient: float | None = 1.0) -> facula.Tensor:
    tensor = facula.tensor(list(values or (1.0, 2.0)), requires_grad=True)
    if gradient is not None:
        tensor.grad = facula.tensor([gradient] * len(values or (1, 2)))
    return tensor


# --- groups ------------------------------------------------------------------------------------


def test_group_options_override_defaults() -> None:
    a, b = leaf(1.0), leaf(1.0)
    optimizer = SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    optimizer.step()
    assert (a.item(), b.item()) == (pytest.approx(0.9), 0.5)


def test_added_group_is_stepped() -> None:
    a, b = leaf(1.0), leaf(1.0)
    optimizer = Adam([a], lr=0.1)
    optimizer.step()
    optimizer.add_param_group({"params": b, "lr": 0.2})
    optimizer.step()
    assert b.item() == pytest.approx(0.8)
    assert [float(optimizer.state[p]["step"]) for p in (a, b)] == [2.0, 1.0]


def test_changed_option_acts_in_the_next_step() -> None:
    a = leaf(1.0)
    optimizer = SGD([a], lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
    assert a.item() == 0.75


def test_tensor_learning_rate() -> None:
    a = leaf(1.0)
    SGD([a], lr=facula.tensor(0.25)).step()
    assert a.item() == 0.75


def test_named_parameters_keep_their_names() -> None:
    optimizer = SGD([("weight", leaf()), ("bias", leaf())], lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_options_on_every_class_are_torchs(torch: ModuleType) -> None:
    for kind in CLASSES:
        ours = kind([leaf()]).defaults
        theirs = getattr(torch.optim, kind.__name__)([torch.ones(1)]).defaults
        assert list(ours.items()) == list(theirs.items())


@pytest.mark.parametrize("kind", CLASSES)
def test_repr_is_torchs(torch: ModuleType, kind: type) -> None:
    ours = kind([{"params": leaf()}, {"params": leaf(), "lr": 0.5, "extra": "x"}])
    tensors = [{"params": torch.ones(1)}, {"params": torch.ones(1), "lr": 0.5, "extra": "x"}]
    theirs = getattr(torch.optim, kind.__name__)(tensors)
    assert repr(ours) == repr(theirs)


# --- what a step sees --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_parameter_without_gradient_stays(kind: type) -> None:
    a, b = leaf(1.0), leaf(1.0, gradient=None)
    optimizer = kind([a, b], lr=0.1)
    optimizer.step()
    assert a.item() != 1.0
    assert b.item() == 1.0
    assert "exp_avg" not in optimizer.state.get(b, {})


@pytest.mark.parametrize("name", ["SGD", *COUNTED])
def test_gradients_that_come_and_go(torch: ModuleType, name: str) -> None:
    """Parameters of one group that have made different numbers of steps."""

    def path(package: ModuleType) -> np.ndarray:
        params = leaves(package, "quadratic", "float64")
        options = {"momentum": 0.9} if name == "SGD" else {}
        optimizer = getattr(package.optim, name)(params, lr=0.1, **options)
        for step in range(8):
            set_gradients(package, "quadratic", params)
            if step in (0, 3):
                params[1].grad = None
            if step == 5:
                params[0].grad = None
            optimizer.step()
        return flat(params)

    assert np.allclose(path(facula), path(torch), rtol=1e-13)


@pytest.mark.parametrize("name", COUNTED)
def test_step_counts_are_tensors_and_can_be_set(torch: ModuleType, name: str) -> None:
    def path(package: ModuleType) -> np.ndarray:
        params = leaves(package, "quadratic", "float64")
        optimizer = getattr(package.optim, name)(params, lr=0.1)
        for step in range(6):
            set_gradients(package, "quadratic", params)
            optimizer.step()
            if step == 2:
                optimizer.state[params[0]]["step"].fill_(0)
            if step == 4:
                optimizer.state[params[1]]["step"] = package.tensor(7.0)
        assert [float(optimizer.state[p]["step"]) for p in params] == [3.0, 8.0, 6.0]
        return flat(params)

    assert np.allclose(path(facula), path(torch), rtol=1e-13)


@pytest.mark.parametrize("name", COUNTED)
def test_state_taken_away_begins_anew(name: str) -> None:
    a = leaf(1.0, 2.0)
    optimizer = getattr(facula.optim, name)([a], lr=0.1)
    optimizer.step()
    optimizer.state.clear()
    optimizer.step()
    assert float(optimizer.state[a]["step"]) == 1.0


def test_state_tensor_replaced_is_used() -> None:
    a = leaf(1.0)
    optimizer = SGD([a], lr=1.0, momentum=0.5)
    optimizer.step()
    optimizer.state[a]["momentum_buffer"] = facula.tensor([10.0])
    optimizer.step()
    assert a.item() == 0.0 - 6.0


def test_replaced_data_is_used() -> None:
    a = leaf(1.0)
    optimizer = Adam([a], lr=0.5)
    optimizer.step()
    a.data = facula.tensor([10.0])
    optimizer.step()
    assert a.item() == pytest.approx(9.5)


@pytest.mark.parametrize("kind", CLASSES)
def test_layout_of_gradient_does_not_matter(kind: type) -> None:
    values = np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
    results = []
    for turned in (False, True):
        p = facula.tensor(values.tolist(), requires_grad=True)
        g = facula.tensor((values.T if turned else values).tolist())
        p.grad = g.t() if turned else g
        optimizer = kind([p, leaf()], lr=0.1)
        optimizer.step()
        optimizer.step()
        results.append(p.detach().tolist())
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", CLASSES)
def test_parameter_that_is_a_slice(kind: type) -> None:
    whole = facula.zeros(4, 6)
    p = whole[1:3, ::2].detach().requires_grad_()
    twin = facula.zeros(2, 3).requires_grad_()
    for x in (p, twin):
        x.grad = facula.ones(2, 3)
        kind([x], lr=0.1).step()
    assert p.detach().tolist() == twin.detach().tolist()
    assert whole.sum().item() == pytest.approx(twin.detach().sum().item())


def test_mixed_dtypes_in_one_group() -> None:
    params = []
    for dtype in (facula.float32, facula.float64, facula.bfloat16):
        p = facula.ones(3, dtype=dtype).requires_grad_()
        p.grad = facula.ones(3, dtype=dtype)
        params.append(p)
    optimizer = SGD(params, lr=0.5, momentum=0.9)
    optimizer.step()
    assert [p.detach().tolist() for p in params] == [[0.5] * 3] * 3
    assert [optimizer.state[p]["momentum_buffer"].dtype for p in params] == [
        p.dtype for p in params
    ]


def test_empty_and_scalar_parameters() -> None:
    empty = facula.zeros(0, 3).requires_grad_()
    empty.grad = facula.zeros(0, 3)
    scalar = facula.tensor(1.0, requires_grad=True)
    scalar.grad = facula.tensor(1.0)
    Adam([empty, scalar], lr=0.1).step()
    assert scalar.item() == pytest.approx(0.9)
    Adam([empty], lr=0.1).step()


def test_large_parameters_equal_small_ones() -> None:
    """Blocks of the kernel leave nothing out and take nothing twice."""
    sizes = (1, 15, 4095, 4096, 4097, 20_000)
    params = [facula.full((n,), 1.0).requires_grad_() for n in sizes]
    for p in params:
        p.grad = facula.full(tuple(p.shape), 0.5)
    optimizer = Adam(params, lr=0.1)
    optimizer.step()
    optimizer.step()
    for p in params:
        assert np.unique(p.detach().numpy()).size == 1
        assert p.detach().numpy()[0] == params[0].detach().numpy()[0]


def test_step_is_an_in_place_write_for_autograd() -> None:
    a = leaf(1.0)
    before = a._version
    SGD([a], lr=0.1).step()
    assert a._version == before + 1


def test_wrong_state_shape() -> None:
    a = leaf(1.0, 2.0)
    optimizer = SGD([a], lr=0.1, momentum=0.9)
    optimizer.state[a]["momentum_buffer"] = facula.zeros(3)
    with pytest.raises(RuntimeError, match=r"size of tensor a \(3\) must match .* b \(2\)"):
        optimizer.step()


def test_closure_gives_the_loss() -> None:
    a = leaf(1.0, gradient=None)

    def closure() -> float:
        a.grad = facula.tensor([2.0])
        return 5.0

    assert SGD([a], lr=0.25).step(closure) == 5.0
    assert a.item() == 0.5


def test_closure_records_gradients_under_no_grad() -> None:
    a = leaf(3.0, gradient=None)
    optimizer = SGD([a], lr=0.5)

    def closure() -> facula.Tensor:
        loss = (a * 2).sum()
        loss.backward()
        return loss

    with facula.no_grad():
        assert optimizer.step(closure).item() == 6.0
    assert a.item() == 2.0


def test_zero_grad() -> None:
    a = leaf(1.0)
    optimizer = SGD([a], lr=0.1)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert a.grad is None


# --- hooks -------------------------------------------------------------------------------------


def test_step_hooks_see_the_call() -> None:
    seen: list[Any] = []
    optimizer = SGD([leaf()], lr=0.1)
    before = optimizer.register_step_pre_hook(lambda *call: seen.append(("before", call)))
    optimizer.register_step_post_hook(lambda *call: seen.append(("after", call)))
    closure = lambda: 3.0  # noqa: E731
    assert optimizer.step(closure) == 3.0
    call = (optimizer, (optimizer, closure), {})
    assert seen == [("before", call), ("after", call)]
    before.remove()
    optimizer.step()
    assert len(seen) == 3


def test_step_hook_may_replace_arguments() -> None:
    optimizer = SGD([leaf()], lr=0.1)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7.0), {}))
    assert optimizer.step() == 7.0


def test_step_hook_with_wrong_result() -> None:
    optimizer = SGD([leaf()], lr=0.1)
    optimizer.register_step_pre_hook(lambda *call: 5)
    with pytest.raises(
        RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\)"
    ):
        optimizer.step()


def test_global_hooks_see_every_optimizer() -> None:
    seen: list[Optimizer] = []
    handles = [
        register_optimizer_step_pre_hook(lambda o, args, kwargs: seen.append(o)),
        register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append(o)),
    ]
    a, b = SGD([leaf()], lr=0.1), Adam([leaf()])
    a.step()
    b.step()
    for handle in handles:
        handle.remove()
    a.step()
    assert seen == [a, a, b, b]


def test_own_optimizer_gets_hooks_and_groups() -> None:
    class Sign(Optimizer):
        def __init__(self, params: Any, lr: float):
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.data = p.data - group["lr"]

    seen: list[str] = []
    a = leaf(1.0)
    optimizer = Sign([a], lr=0.5)
    optimizer.register_step_post_hook(lambda *call: seen.append("after"))
    optimizer.step()
    assert a.item() == 0.5
    assert seen == ["after"]


# --- errors ------------------------------------------------------------------------------------

BAD_OPTIONS = [
    (SGD, {"lr": -1}, "Invalid learning rate: -1"),
    (SGD, {"momentum": -1}, "Invalid momentum value: -1"),
    (SGD, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (SGD, {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    (SGD, {"lr": facula.tensor([0.1, 0.2])}, "Tensor lr must be 1-element"),
    (Adam, {"eps": -1}, "Invalid epsilon value: -1"),
    (Adam, {"betas": (1, 0.9)}, "Invalid beta parameter at index 0: 1"),
    (Adam, {"betas": (0.9, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
    (AdamW, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
    (RMSprop, {"alpha": -1}, "Invalid alpha value: -1"),
    (RMSprop, {"momentum": -1}, "Invalid momentum value: -1"),
    (Adagrad, {"lr_decay": -1}, "Invalid lr_decay value: -1"),
    (
        Adagrad,
        {"initial_accumulator_value": -1},
        "Invalid initial_accumulator_value value: -1",
    ),
    (Adadelta, {"rho": 2}, "Invalid rho value: 2"),
]


@pytest.mark.parametrize(("kind", "options", "message"), BAD_OPTIONS)
def test_bad_option(kind: type, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        kind([leaf()], **options)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, Adagrad])
def test_modes_that_exclude_each_other(kind: type) -> None:
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together."):
        kind([leaf()], fused=True, foreach=True)
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        kind([leaf()], fused=True, differentiable=True)


@pytest.mark.parametrize("kind", [Adam, AdamW, RMSprop, Adadelta])
def test_capturable_needs_a_gpu(kind: type) -> None:
    with pytest.raises(AssertionError, match="If capturable=True, params and state_steps must be"):
        kind([leaf()], capturable=True).step()


@pytest.mark.parametrize("kind", CLASSES)
def test_differentiable_is_refused(kind: type) -> None:
    with pytest.raises(NotImplementedError, match="differentiable=True is not supported"):
        kind([leaf()], differentiable=True).step()


def parameter_errors() -> list[tuple[Any, type[Exception], str]]:
    a = leaf()
    return [
        (a, TypeError, "should be an iterable of Tensors or dicts, but got torch.FloatTensor"),
        ([], ValueError, "optimizer got an empty parameter list"),
        ([1], TypeError, "optimizer can only optimize Tensors, but one of the params is int"),
        ("abc", TypeError, "optimizer can only optimize Tensors, but one of the params is str"),
        ([{"params": {a}}], TypeError, "optimizer parameters need to be organized in ordered"),
        ([{"lr": 1}], KeyError, "params"),
        ([a * 2], ValueError, "can't optimize a non-leaf Tensor"),
        ([{"params": [a]}, {"params": [a]}], ValueError, "some parameters appear in more than one"),
        ([a, {"params": [leaf()]}], TypeError, "but one of the params is dict"),
        ([{"params": [a]}, leaf()], TypeError, "param_group must be a dict, but got <class"),
        ([("a", a), leaf()], ValueError, "Some param names are missing"),
        (
            [{"params": [("a", a)]}, {"params": [leaf()]}],
            ValueError,
            "cannot add param group without names to the optimizer",
        ),
    ]


@pytest.mark.parametrize(("params", "kind", "message"), parameter_errors())
def test_bad_parameters(params: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        SGD(params, lr=0.1)


def test_duplicate_parameter_warns() -> None:
    a = leaf()
    with pytest.warns(UserWarning, match="contains a parameter group with duplicate parameters"):
        SGD([a, a], lr=0.1)


def test_required_option_is_asked_for() -> None:
    with pytest.raises(ValueError, match="didn't specify a value of required optimization param"):
        Optimizer([leaf()], {"lr": required})


def test_abstract_optimizer_has_no_step() -> None:
    with pytest.raises(NotImplementedError):
        Optimizer([leaf()], {"lr": 1}).step()


# --- saving and loading ------------------------------------------------------------------------

SAVED = [
    ("SGD", {"momentum": 0.9, "lr": 0.1}),
    ("Adam", {"amsgrad": True, "lr": 0.1}),
    ("AdamW", {"lr": 0.1}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adagrad", {"lr_decay": 0.1}),
    ("Adadelta", {}),
]


def converted(state: Any, package: ModuleType) -> Any:
    """A state dict with its tensors made those of another package."""
    if isinstance(state, dict):
        return {key: converted(value, package) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(converted(value, package) for value in state)
    if hasattr(state, "detach"):
        return package.tensor(state.tolist(), dtype=getattr(package, str(state.dtype)[6:]))
    return state


def stepped(package: ModuleType, name: str, options: dict[str, Any], steps: int) -> tuple[Any, Any]:
    params = leaves(package, "quadratic", "float64")
    optimizer = getattr(package.optim, name)(params, **options)
    for _ in range(steps):
        set_gradients(package, "quadratic", params)
        optimizer.step()
    return params, optimizer


def continued(
    package: ModuleType, name: str, options: dict[str, Any], start: Any, state: Any
) -> Any:
    params = [
        package.tensor(p.detach().tolist(), dtype=package.float64, requires_grad=True)
        for p in start
    ]
    optimizer = getattr(package.optim, name)(params, **options)
    optimizer.load_state_dict(converted(state, package))
    for _ in range(3):
        set_gradients(package, "quadratic", params)
        optimizer.step()
    return flat(params)


@pytest.mark.parametrize(("name", "options"), SAVED)
def test_loaded_state_continues_the_path(name: str, options: dict[str, Any]) -> None:
    params, optimizer = stepped(facula, name, options, 4)
    end = continued(facula, name, options, params, copy.deepcopy(optimizer.state_dict()))
    assert np.array_equal(end, run(facula, name, options, "quadratic", "float64")[6])


@pytest.mark.parametrize(("name", "options"), SAVED)
def test_state_goes_to_torch_and_back(
    torch: ModuleType, name: str, options: dict[str, Any]
) -> None:
    expected = run(torch, name, options, "quadratic", "float64")[6]
    for here, there in ((facula, torch), (torch, facula)):
        params, optimizer = stepped(here, name, options, 4)
        end = continued(there, name, options, params, optimizer.state_dict())
        assert np.allclose(end, expected, rtol=1e-13)


@pytest.mark.parametrize(("name", "options"), SAVED)
def test_state_dict_has_torchs_form(torch: ModuleType, name: str, options: dict[str, Any]) -> None:
    ours, theirs = (
        stepped(package, name, options, 2)[1].state_dict() for package in (facula, torch)
    )
    assert ours["param_groups"] == theirs["param_groups"]
    assert {k: list(v) for k, v in ours["state"].items()} == {
        k: list(v) for k, v in theirs["state"].items()
    }
    for number, state in theirs["state"].items():
        for key, value in state.items():
            mine = ours["state"][number][key]
            assert str(mine.dtype) == str(value.dtype)
            assert np.allclose(mine.numpy(), value.numpy(), rtol=1e-12)


def test_loaded_state_takes_the_parameters_dtype() -> None:
    a = leaf(1.0)
    optimizer = Adam([a])
    optimizer.step()
    b = facula.tensor([1.0], dtype=facula.float64, requires_grad=True)
    other = Adam([b])
    other.load_state_dict(optimizer.state_dict())
    state = other.state[b]
    assert state["exp_avg"].dtype is facula.float64
    assert state["step"].dtype is facula.float32


def test_old_checkpoints_lack_later_options() -> None:
    optimizer = SGD([leaf()], lr=3)
    group = {"params": [0], "lr": 7, "momentum": 0, "dampening": 0, "weight_decay": 0}
    optimizer.load_state_dict({"state": {}, "param_groups": [group]})
    assert optimizer.param_groups[0]["lr"] == 7
    assert optimizer.param_groups[0]["maximize"] is False
    optimizer.step()


def test_step_count_saved_as_a_number() -> None:
    a = leaf(1.0)
    optimizer = Adam([a])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["step"] = 5
    optimizer.load_state_dict(state)
    optimizer.step()
    assert optimizer.state[a]["step"].item() == 6.0


def test_loading_does_not_fit() -> None:
    one, two = SGD([leaf()], lr=1), SGD([leaf(), leaf()], lr=1)
    groups = SGD([{"params": leaf()}, {"params": leaf()}], lr=1)
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        one.load_state_dict(two.state_dict())
    with pytest.raises(ValueError, match="has a different number of parameter groups"):
        one.load_state_dict(groups.state_dict())


def test_state_hooks() -> None:
    seen: list[str] = []
    optimizer = SGD([leaf()], lr=0.1)
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: seen.append("first"), prepend=True)
    optimizer.register_load_state_dict_pre_hook(lambda o, state: seen.append("load"))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    state = optimizer.state_dict()
    assert state["more"] == 1
    optimizer.load_state_dict(state)
    assert seen == ["save", "first", "load", "loaded"]


def test_pickled_and_copied_optimizers_go_on() -> None:
    a = leaf(1.0)
    optimizer = Adam([a], lr=0.1)
    optimizer.step()
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (p,) = twin.param_groups[0]["params"]
        p.grad = facula.tensor([1.0])
        twin.step()
        assert p.item() == pytest.approx(0.8, rel=1e-6)
        assert float(twin.state[p]["step"]) == 2.0
    assert float(optimizer.state[a]["step"]) == 1.0
