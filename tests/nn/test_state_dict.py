"""state_dict and load_state_dict: order, metadata, hooks, and what is said when they do not fit."""

from collections import OrderedDict

import pytest

from facula import nn, ops
from facula.meta.dtype import float64


class Model(nn.Module):
    """Parameters and buffers registered in mixed order, around children."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", ops.zeros(()))
        self.body = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
        self.scale = nn.Parameter(ops.ones(2))
        self.register_buffer("scratch", ops.zeros(1), persistent=False)
        self.register_parameter("shift", None)
        self.head = nn.Linear(3, 1, bias=False)


NAMES = [
    "scale", "steps", "body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias",
    "body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked", "head.weight",
]  # fmt: skip


def test_order_is_parameters_then_buffers_then_children() -> None:
    assert list(Model().state_dict()) == NAMES
    assert list(Model().state_dict(prefix="net.")) == ["net." + name for name in NAMES]


def test_metadata_holds_the_version_of_every_module() -> None:
    state = Model().state_dict()
    assert type(state) is OrderedDict
    assert state._metadata == {
        "": {"version": 1}, "body": {"version": 1}, "body.0": {"version": 1},
        "body.1": {"version": 2}, "body.2": {"version": 1}, "head": {"version": 1},
    }  # fmt: skip


def test_values_share_memory_and_are_cut_off_unless_asked() -> None:
    model = Model()
    state = model.state_dict()
    assert not state["scale"].requires_grad
    state["scale"].fill_(5)
    assert model.scale.tolist() == [5.0, 5.0]
    assert model.state_dict(keep_vars=True)["scale"] is model.scale


def test_destination_is_filled_and_returned() -> None:
    into: dict[str, object] = {"before": 1}
    assert nn.Linear(1, 1).state_dict(destination=into, prefix="x.") is into
    assert list(into) == ["before", "x.weight", "x.bias"]
    with pytest.warns(FutureWarning, match="Positional args are being deprecated"):
        assert nn.Linear(1, 1).state_dict(into, "y.") is into
    assert "y.weight" in into


def test_round_trip() -> None:
    one, other = Model(), Model()
    answer = other.load_state_dict(one.state_dict())
    assert repr(answer) == str(answer) == "<All keys matched successfully>"
    assert answer.missing_keys == [] == answer.unexpected_keys
    for name, value in other.state_dict().items():
        assert value.tolist() == one.state_dict()[name].tolist()


def test_values_are_copied_into_the_parameters_in_their_dtype() -> None:
    layer = nn.Linear(2, 1)
    weight = layer.weight
    layer.load_state_dict(
        {"weight": ops.ones(1, 2, dtype=float64), "bias": ops.zeros(1, dtype=float64)}
    )
    assert layer.weight is weight and weight.tolist() == [[1.0, 1.0]]
    assert str(weight.dtype) == "torch.float32"


def test_assign_takes_the_tensors_themselves() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.requires_grad_(False)
    given = ops.ones(1, 2, dtype=float64)
    layer.load_state_dict({"weight": given, "bias": nn.Parameter(ops.zeros(1))}, assign=True)
    assert layer.weight.data_ptr() == given.data_ptr()
    assert isinstance(layer.weight, nn.Parameter) and not layer.weight.requires_grad
    assert layer.weight.dtype is float64


def test_strict_loading_reports_everything_at_once() -> None:
    state = {"0.weight": ops.ones(2, 2), "0.gone.weight": ops.ones(1), "2.bias": ops.ones(1)}
    with pytest.raises(RuntimeError) as caught:
        nn.Sequential(nn.Linear(3, 2), nn.ReLU()).load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "0.bias". \n'
        '\tUnexpected key(s) in state_dict: "2.bias", "0.gone.weight". \n'
        "\tsize mismatch for 0.weight: copying a param with shape torch.Size([2, 2]) from "
        "checkpoint, the shape in current model is torch.Size([2, 3])."
    )


def test_loading_that_is_not_strict_returns_the_keys() -> None:
    answer = nn.Linear(1, 1).load_state_dict({"bias": ops.ones(1), "b": ops.ones(1)}, strict=False)
    assert answer.missing_keys == ["weight"]
    assert answer.unexpected_keys == ["b"]
    assert repr(answer) == "_IncompatibleKeys(missing_keys=['weight'], unexpected_keys=['b'])"


def test_what_is_no_tensor_is_reported() -> None:
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(1, 1, bias=False).load_state_dict({"weight": [[1.0]]})
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Linear:\n"
        '\tWhile copying the parameter named "weight", expected torch.Tensor or Tensor-like object '
        "from checkpoint but received <class 'list'>"
    )
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>."):
        nn.Linear(1, 1).load_state_dict([])


def test_a_scalar_saved_with_one_dimension_still_loads() -> None:
    module = nn.Module()
    module.register_buffer("steps", ops.zeros(()))
    module.load_state_dict({"steps": ops.ones(1)})
    assert module.steps.item() == 1.0


def test_old_batch_norms_had_no_count() -> None:
    state = nn.BatchNorm1d(2).state_dict()
    del state["num_batches_tracked"]
    state._metadata[""]["version"] = 1
    layer = nn.BatchNorm1d(2)
    layer.num_batches_tracked.fill_(4)
    layer.load_state_dict(state)
    assert layer.num_batches_tracked.item() == 4


class Counting(nn.Module):
    """Saves more than tensors."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def get_extra_state(self) -> object:
        return {"count": self.count}

    def set_extra_state(self, state: object) -> None:
        self.count = state["count"]


def test_extra_state_travels_along() -> None:
    one, other = nn.Sequential(Counting(3)), nn.Sequential(Counting(0))
    assert dict(one.state_dict()) == {"0._extra_state": {"count": 3}}
    other.load_state_dict(one.state_dict())
    assert other[0].count == 3
    with pytest.raises(RuntimeError, match='Missing key.s. in state_dict: "0._extra_state"'):
        other.load_state_dict({})
    with pytest.raises(RuntimeError, match='Unexpected key.s. in state_dict: "_extra_state"'):
        nn.ReLU().load_state_dict({"_extra_state": 1})


def test_hooks_around_saving() -> None:
    layer, seen = nn.Linear(1, 1), []
    layer.register_state_dict_pre_hook(
        lambda m, prefix, keep_vars: seen.append((prefix, keep_vars))
    )
    handle = layer.register_state_dict_post_hook(
        lambda m, state, prefix, metadata: state.pop(prefix + "bias") and None
    )
    assert list(nn.Sequential(layer).state_dict()) == ["0.weight"]
    assert seen == [("0.", False)]
    handle.remove()
    layer.register_state_dict_post_hook(lambda *_: {})
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        layer.state_dict()


def test_hooks_around_loading() -> None:
    layer = nn.Linear(1, 1)

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors) -> None:
        assert module is layer
        state[prefix + "weight"] = state.pop(prefix + "old")

    layer.register_load_state_dict_pre_hook(rename)
    layer.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    layer.load_state_dict({"old": ops.ones(1, 1)})
    assert layer.weight.item() == 1.0
    layer.register_load_state_dict_post_hook(lambda module, keys: keys)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        layer.load_state_dict({"old": ops.ones(1, 1)})


# --- against torch ------------------------------------------------------------------------------


def test_keys_and_metadata_are_those_of_torch(torch) -> None:
    def build(nn):
        return nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.LayerNorm(4),
            nn.ModuleList([nn.Linear(2, 2), nn.PReLU()]), nn.Embedding(3, 2),
            nn.CrossEntropyLoss(),
        )  # fmt: skip

    ours, theirs = build(nn).state_dict(), build(torch.nn).state_dict()
    assert list(ours) == list(theirs)
    assert ours._metadata == theirs._metadata
    assert [tuple(v.shape) for v in ours.values()] == [tuple(v.shape) for v in theirs.values()]
    assert [str(v.dtype) for v in ours.values()] == [str(v.dtype) for v in theirs.values()]


@pytest.mark.parametrize(
    ("keys", "strict"),
    [
        ({"weight": (2, 2), "extra": (1,)}, True),
        ({"weight": (3, 2), "bias": (2,)}, True),
        ({"a.weight": (1,)}, True),
    ],
)
def test_error_texts_are_those_of_torch(torch, keys, strict) -> None:
    texts = []
    for made, ones in ((nn.Linear(2, 2), ops.ones), (torch.nn.Linear(2, 2), torch.ones)):
        with pytest.raises(RuntimeError) as caught:
            made.load_state_dict({k: ones(*shape) for k, shape in keys.items()}, strict)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
